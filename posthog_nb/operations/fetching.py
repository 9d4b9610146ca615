"""The requests of one call: at most three at once, and none left running when the call ends early."""

from __future__ import annotations

import threading
from concurrent.futures import Future, wait
from typing import TYPE_CHECKING, Any, TypeVar

from posthog_nb.operations.asking import Running
from posthog_nb.operations.task import Progress

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import TracebackType
    from typing import Self

    from posthog_nb.operations.answer import Answer
    from posthog_nb.operations.asking import Asker
    from posthog_nb.operations.splice import Spliced

__all__ = ["Fetcher"]

_SLICE = 0.2
"""Seconds. A signal that another thread received does not wake this one."""

_T = TypeVar("_T")


class Fetcher:
    """Fetches the pages of one result for the length of a ``with`` block.

    Attributes:
        arrived: How many rows came in beyond those that were counted before they were fetched.
        more: How many rows more the query gave when all were here; None where that was not asked.
        running: The queries that are on their way.

    Args:
        asker: Asks PostHog.
        values: The constants that every query is sent with.
        running: The queries of the call that this is a part of, which ends them; None for a call of its own.
    """

    def __init__(self, asker: Asker, values: Mapping[str, Any], running: Running | None = None) -> None:
        self.running = running or Running()
        self._is_part = running is not None
        self.arrived = 0
        self.more: int | None = None
        self._asker = asker
        self._values = values
        self._ahead = False
        self._done = 0

    def ask(self, query: Spliced, values: Mapping[str, Any]) -> Answer:
        """The answer to a query with ``values`` beside the user's own, computed now: a cached page fits no other."""
        return self._asker.ask(query, {**self._values, **values}, running=self.running, fresh=True)

    def soon(self, task: Callable[[], _T]) -> Future[_T]:
        """Begin with ``task`` beside what goes on here."""
        future: Future[_T] = Future()

        def run() -> None:
            try:
                found = task()
            except BaseException as error:  # noqa: BLE001 - whatever it is, it is raised where the result is waited for
                future.set_exception(error)
            else:
                future.set_result(found)

        # A daemon, unlike the threads of a pool: the process can end although a server is silent.
        threading.Thread(target=run, name="posthog-nb-page", daemon=True).start()
        self._ahead = True
        return future

    def result(self, future: Future[_T]) -> _T:
        """What a task gives, as soon as it does."""
        while not wait([future], _SLICE).done:
            pass
        return future.result()

    def fetched(self, rows: int, total: int | None) -> None:
        """Tell that ``rows`` more rows are here, of ``total`` that come."""
        self._done += rows
        if self._asker.watcher is not None:
            self._asker.watcher(Progress(self._done, total, "fetched"))

    def note(self) -> str | None:
        """What a reader of the rows should know."""
        came = [f"{self.arrived:,} rows came in and are here"] if self.arrived else []
        if self.more:
            more = "more" if self.more > 0 else "fewer"
            came.append(f"the query now gives {abs(self.more):,} rows {more} than these")
        if not came:
            return None
        return (
            f"The data changed while the pages were fetched: {', and '.join(came)}."
            " Bound the query in time to have the answer of one moment."
        )

    def __enter__(self) -> Self:
        self._asker.begin()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._asker.rest()
        if self._ahead and not self._is_part:
            # What was begun ahead of need and is not wanted any more ends as well.
            self.running.end_all()
