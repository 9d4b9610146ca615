"""Asking PostHog a query, until it is answered, interrupted or given up.

A blocking query is answered in its own request, which PostHog Cloud cuts after some ten seconds. An asynchronous one is
worked on for up to ten minutes (:mod:`posthog_nb.operations.later`). By default a query is asked for blockingly, and
once more asynchronously when it took too long for that. Where somebody watches its progress, which PostHog tells of an
asynchronous query alone, half a second is too long: a quick query costs one request all the same, and a slow one half a
second of the server's work.
"""

from __future__ import annotations

import logging
import threading
import time
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from posthog_nb.errors import AnswerTimeoutError, APIError, InvalidInputError, QueryTimeoutError
from posthog_nb.http import Deadline, Question
from posthog_nb.operations.later import ask_later
from posthog_nb.operations.progress import Bar
from posthog_nb.operations.task import Task

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from posthog_nb.connection import Connection
    from posthog_nb.operations.answer import Answer
    from posthog_nb.operations.splice import Spliced
    from posthog_nb.operations.task import Progress

__all__ = ["MODES", "Asker", "Running"]

logger = logging.getLogger("posthog_nb.queries")

MODES = ("auto", "blocking", "async")

_QUICK = 0.5
"""Seconds. A query that is answered within them has no progress to speak of."""

_PATIENCE = 0.8
"""Seconds, for a query to be ended on the server: an interrupt is obeyed within a second, however silent that is."""


def _wait_for(threads: list[threading.Thread]) -> None:
    end = time.monotonic() + _PATIENCE
    for thread in threads:
        thread.join(max(0.0, end - time.monotonic()))


class Running:
    """The queries of one call that are on their way. Other calls may run beside it on the same result."""

    def __init__(self) -> None:
        self._tasks: dict[str, tuple[Task, Callable[[], None]]] = {}
        self._lock = threading.Lock()
        self._ended = False

    def add(self, task: Task, give_back: Callable[[], None]) -> None:
        """One more. When the call has ended already, nobody waits for it."""
        with self._lock:
            if self._ended:
                task.deadline.pass_now()
            else:
                self._tasks[task.query_id] = task, give_back

    def remove(self, task: Task) -> bool:
        """Whether the query was still wanted; it no longer is."""
        with self._lock:
            return self._tasks.pop(task.query_id, None) is not None

    def end_all(self) -> None:
        """Wait no longer, and end on the server what is running there, all at once."""
        with self._lock:
            tasks, self._tasks, self._ended = self._tasks, {}, True
        for task, _ in tasks.values():
            task.deadline.pass_now()
        try:
            _wait_for([task.let_go() for task, _ in tasks.values()])
        finally:
            # The threads that asked may hear nothing for long; others need not wait for that. But a query that still
            # runs there is one of the three.
            for _, give_back in tasks.values():
                give_back()


class Asker:
    """Asks the queries of one result: its first page and those after it.

    Args:
        connection: Where to.
        mode: One of :data:`MODES`.
        fresh: Compute now, whatever is in PostHog's cache.
        timeout: Seconds to wait for each answer; None for as long as it takes.
        watcher: Is told the progress.

    Raises:
        InvalidInputError: there is no such mode.
    """

    def __init__(
        self,
        connection: Connection,
        *,
        mode: str = "auto",
        fresh: bool = False,
        timeout: float | None = None,
        watcher: Callable[[Progress], object] | None = None,
    ) -> None:
        if mode not in MODES:
            raise InvalidInputError(f"mode is {mode!r}.", hint=f"It is one of {', '.join(map(repr, MODES))}.")
        self.connection = connection
        self._fresh = fresh
        self._timeout = timeout
        self.watcher = watcher
        self._may_change = mode == "auto"
        self._later = mode == "async"

    def ask(  # noqa: PLR0913 - one argument a choice
        self,
        query: Spliced,
        values: Mapping[str, Any],
        *,
        running: Running | None = None,
        original: str | None = None,
        fresh: bool | None = None,
        watcher: Callable[[Progress], object] | None = None,
        debug: bool = False,
    ) -> Answer:
        """The answer to one query.

        Args:
            query: The text to send.
            values: The constants to bind.
            running: What the query counts with while it runs; None for one that is asked alone.
            original: The text as its author wrote it, for errors; None for a text that is not theirs.
            fresh: Compute now; None for what the result was asked for with.
            watcher: Is told how far the server is with it.
            debug: Ask for its SQL and ClickHouse's plan of it as well.
        """
        node: dict[str, Any] = {"kind": "HogQLQuery", "query": query.text}
        if values:
            node["values"] = dict(values)
        if debug:
            node["modifiers"] = {"debug": True}
        fresh = self._fresh if fresh is None else fresh
        running = running or Running()
        deadline = Deadline(self._timeout)

        def task() -> Task:
            query_id = str(uuid4())
            question = Question(kind="query", text=original, query_id=query_id, place=query.original)
            return Task(self.connection, node, question, query_id, fresh, deadline)

        if watcher is not None and self._may_change and not self._later:
            try:
                return self._answer_to(task(), watcher, running, patience=_QUICK)
            except AnswerTimeoutError:
                if deadline.left() <= 0:
                    raise
                self._later = True
        return self._answer_to(task(), watcher, running)

    def begin(self) -> None:
        """Something is asked from now on."""
        if isinstance(self.watcher, Bar):
            self.watcher.begin()

    def rest(self) -> None:
        """Nothing is asked any more for now."""
        if isinstance(self.watcher, Bar):
            self.watcher.close()

    def _answer_to(
        self,
        task: Task,
        watcher: Callable[[Progress], object] | None,
        running: Running,
        patience: float | None = None,
    ) -> Answer:
        with self._wanted(task, running):
            return replace(self._answer(task, watcher, patience), query_id=task.query_id)

    def _answer(self, task: Task, watcher: Callable[[Progress], object] | None, patience: float | None) -> Answer:
        if not self._later:
            try:
                answer, _ = task.post("force_blocking" if task.fresh else "blocking", patience=patience)
            except QueryTimeoutError as error:
                if not self._may_change:
                    raise
                logger.warning("PostHog gave the query up (%d); asking for it asynchronously.", error.status)
                self._later = True
            else:
                if answer is not None:
                    return answer
        return ask_later(task, watcher)

    @contextmanager
    def _wanted(self, task: Task, running: Running) -> Iterator[None]:
        """One of the queries that run at once; it is ended on the server when nobody waits for it any more."""
        give_back = self.connection.budget.take_slot(task.deadline)
        running.add(task, give_back)
        try:
            yield
        except APIError as error:
            if running.remove(task) and error.by_proxy:
                # PostHog itself has not said anything about the query.
                task.end()
            raise
        except Exception as error:
            if running.remove(task) and getattr(error, "may_have_arrived", True):
                task.end()
            raise
        except BaseException:
            if running.remove(task):
                _wait_for([task.let_go()])
            raise
        finally:
            running.remove(task)
            give_back()
