"""The requests of one call: at most three at once, and none left running when the call ends early."""

from __future__ import annotations

import threading
from concurrent.futures import Future, wait
from typing import TYPE_CHECKING, Any, TypeVar

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

    Args:
        asker: Asks PostHog.
        values: The constants that every query is sent with.
    """

    def __init__(self, asker: Asker, values: Mapping[str, Any]) -> None:
        self.arrived = 0
        self._asker = asker
        self._values = values
        self._ahead = False
        self._done = 0

    def ask(self, query: Spliced, values: Mapping[str, Any]) -> Answer:
        """The answer to a query with ``values`` beside the user's own, computed now: a cached page fits no other."""
        return self._asker.ask(query, {**self._values, **values}, fresh=True)

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

    @property
    def note(self) -> str | None:
        """What a reader of the pages should know."""
        if not self.arrived:
            return None
        return (
            f"{self.arrived:,} rows came in while the pages were fetched: they are here, and the result is not that of"
            " one moment. Bound the query in time to have that."
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._asker.rest()
        if self._ahead:
            # What was begun ahead of need and is not wanted any more ends as well.
            self._asker.end_all()
