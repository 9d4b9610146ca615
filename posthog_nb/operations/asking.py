"""Asking PostHog a query: at once or later, with its progress, until it is answered, interrupted or given up.

A blocking query is answered in its own request, which PostHog Cloud cuts after some ten seconds. An asynchronous one is
worked on for up to ten minutes while its status is asked for, which also tells how far it is. By default a query is
asked for blockingly, and once more asynchronously when it took too long for that; where somebody watches its progress
it is asynchronous from the beginning.

Each query has an id of our own, by which it is ended on the server when nobody waits for it any more.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass, replace
from time import sleep
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from posthog_nb.errors import APIError, NotFoundError, QueryError, QueryTimeoutError, ServerError, TransportError
from posthog_nb.http import Deadline, Question
from posthog_nb.operations.answer import Answer, Status, read_reply

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime

    from posthog_nb.connection import Connection
    from posthog_nb.operations.splice import Spliced

__all__ = ["MODES", "Asker", "Progress", "Watcher"]

logger = logging.getLogger("posthog_nb.queries")

MODES = ("auto", "blocking", "async")

_FIRST_POLL, _LONGEST_POLL, _GROWTH = 0.1, 3.0, 1.5
"""Seconds between two questions for the status, which count like any request."""

_MOST_STARTS = 3
"""How often an asynchronous query is posted when PostHog forgets it."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a query, or the fetching of its pages, is.

    Attributes:
        done: The rows that were read on the server, or fetched.
        total: How many there are, as far as is known: an estimate that may grow while rows are read.
        what: ``"read"`` for rows that the server has read, ``"fetched"`` for rows that have arrived here.
    """

    done: int
    total: int | None
    what: str


Watcher = Callable[[Progress], object]


class Asker:
    """Asks the queries of one result: its first page and those after it.

    Args:
        connection: Where to.
        mode: One of :data:`MODES`.
        fresh: Compute now, whatever is in PostHog's cache.
        timeout: Seconds to wait for all queries of one call; None for as long as it takes.
        watcher: Is told the progress.
    """

    def __init__(
        self,
        connection: Connection,
        *,
        mode: str = "auto",
        fresh: bool = False,
        timeout: float | None = None,
        watcher: Watcher | None = None,
    ) -> None:
        self._connection = connection
        self._fresh = fresh
        self._timeout = timeout
        self.watcher = watcher
        self._may_change = mode == "auto"
        self._later = mode == "async" or (mode == "auto" and watcher is not None)
        self._running: set[str] = set()
        self._lock = threading.Lock()

    def deadline(self) -> Deadline:
        """The deadline of a call that begins now."""
        return Deadline(self._timeout)

    def ask(
        self,
        query: Spliced,
        values: Mapping[str, Any],
        *,
        deadline: Deadline,
        original: str | None = None,
        fresh: bool | None = None,
    ) -> Answer:
        """The answer to one query.

        Args:
            query: The text to send.
            values: The constants to bind.
            deadline: When nobody waits any more.
            original: The text as its author wrote it, for errors; None for a text that is not theirs.
            fresh: Compute now; None for what the result was asked for with.
        """
        node: dict[str, Any] = {"kind": "HogQLQuery", "query": query.text}
        if values:
            node["values"] = dict(values)
        task = _Task(node, self._fresh if fresh is None else fresh, original, query, deadline)
        with self._connection.budget.slot(deadline):
            if self._later:
                return self._ask_later(task)
            try:
                return self._ask_now(task)
            except QueryTimeoutError as error:
                if not self._may_change:
                    raise
                logger.warning("PostHog gave the query up (%d); asking for it asynchronously.", error.status)
                self._later = True
                return self._ask_later(task)

    def end_all(self) -> None:
        """End on the server what is running there for this result, all at once."""
        with self._lock:
            running = list(self._running)
        threads = [threading.Thread(target=self._connection.end_query, args=(each,), daemon=True) for each in running]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    # In the request -------------------------------------------------------------------------------------------------

    def _ask_now(self, task: _Task) -> Answer:
        with self._one(task) as (query_id, question):
            found, _ = self._connection.start_query(
                task.body(query_id, "force_blocking" if task.fresh else "blocking"),
                deadline=task.deadline,
                question=question,
                read=read_reply,
                # What may be running already is ended before it is asked for again.
                between=lambda: self._connection.end_query(query_id),
            )
            return _answered(found, query_id)

    # Later ----------------------------------------------------------------------------------------------------------

    def _ask_later(self, task: _Task) -> Answer:
        with self._one(task) as (query_id, question):
            began: datetime | None = None
            refresh = "force_async" if task.fresh else "async"
            for _ in range(_MOST_STARTS):
                found, status = self._start(task, query_id, question, refresh)
                wait = _FIRST_POLL
                while status is not None and not status.complete:
                    began = began or status.start_time
                    self._tell(status)
                    task.deadline.check(wait)
                    sleep(wait)
                    wait = min(wait * _GROWTH, _LONGEST_POLL)
                    found, status = self._look(task, query_id, question)
                if status is not None and status.error:
                    raise _failed(status, question)
                if found is not None:
                    answer = _answered(found, query_id)
                    if not task.fresh or began is None or answer.is_from(began):
                        return answer
                    refresh = "force_async"
                    continue
                # PostHog forgot the query. Its answer is likely to be in the cache, where it is not computed again.
                logger.warning("PostHog no longer knows query %s; asking for it again.", query_id)
                refresh = "async"
            raise ServerError(
                "PostHog lost the query before it was answered.",
                status=_NOT_FOUND,
                query_id=query_id,
                hint="Run it again.",
                text=question.text,
            )

    def _start(
        self, task: _Task, query_id: str, question: Question, refresh: str
    ) -> tuple[Answer | None, Status | None]:
        def lost() -> None:
            raise _MayHaveStarted

        body = task.body(query_id, refresh)
        try:
            return self._post(body, task, question, lost)
        except _MayHaveStarted:
            found, status = self._look(task, query_id, question)
            if status is not None:
                return found, status
            return self._post(body, task, question, lambda: self._connection.end_query(query_id))

    def _post(
        self, body: dict[str, Any], task: _Task, question: Question, between: Callable[[], object]
    ) -> tuple[Answer | None, Status | None]:
        found: tuple[Answer | None, Status | None] = self._connection.start_query(
            body, deadline=task.deadline, question=question, read=read_reply, between=between
        )
        return found

    def _look(self, task: _Task, query_id: str, question: Question) -> tuple[Answer | None, Status | None]:
        """The answer and the status; nothing of both when PostHog does not know the query."""
        try:
            found: tuple[Answer | None, Status | None] = self._connection.query_status(
                query_id, deadline=task.deadline, question=question, read=read_reply
            )
        except NotFoundError:
            return None, None
        return found

    def _tell(self, status: Status) -> None:
        if self.watcher is not None and status.rows_read is not None:
            self.watcher(Progress(status.rows_read, status.rows_total, "read"))

    # Both -----------------------------------------------------------------------------------------------------------

    @contextmanager
    def _one(self, task: _Task) -> Iterator[tuple[str, Question]]:
        """One query's id and question; the query is ended on the server when nobody waits for it any more."""
        query_id = str(uuid4())
        with self._lock:
            self._running.add(query_id)
        try:
            yield query_id, Question(kind="query", text=task.original, query_id=query_id, place=task.query.original)
        except APIError as error:
            if error.by_proxy:
                # PostHog has not said anything about the query.
                self._connection.end_query(query_id)
            raise
        except BaseException:
            self._connection.end_query(query_id)
            raise
        finally:
            with self._lock:
                self._running.discard(query_id)


_NOT_FOUND = 404


@dataclass(frozen=True, slots=True)
class _Task:
    """One query to be asked."""

    node: dict[str, Any]
    fresh: bool
    original: str | None
    query: Spliced
    deadline: Deadline

    def body(self, query_id: str, refresh: str) -> dict[str, Any]:
        return {"query": self.node, "client_query_id": query_id, "refresh": refresh}


class _MayHaveStarted(Exception):  # noqa: N818 - it never leaves this module
    """The answer to the start of a query was lost."""


def _answered(found: Answer | None, query_id: str) -> Answer:
    if found is None:
        raise TransportError(
            "The answer to the query holds no results.",
            hint="The host may not be PostHog, or of an unknown version.",
            passing=False,
        )
    return replace(found, query_id=query_id)


_OK = 200


def _failed(status: Status, question: Question) -> APIError:
    if status.error_message:
        return QueryError(status.error_message, status=_OK, query_id=question.query_id, text=question.text)
    return ServerError(
        "The query failed, and PostHog gives no reason.",
        status=_OK,
        query_id=question.query_id,
        hint='Run it with mode="blocking" on a shorter time range, where PostHog says more.',
        text=question.text,
    )
