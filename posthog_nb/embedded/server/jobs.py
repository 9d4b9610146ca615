"""Queries that are answered later: a status record for each, and the threads that work on them."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from posthog_nb.embedded.server.render import json_bytes, json_time
from posthog_nb.errors import EngineError, HogQLError

if TYPE_CHECKING:
    from collections.abc import Callable

    from posthog_nb.embedded.store.engine import Progress

__all__ = ["Jobs"]

AT_ONCE = 3
"""As many queries as PostHog runs at the same time for one project; the others wait for their turn."""

LIFETIME = timedelta(minutes=20)


@dataclass
class _Job:
    """One query and what became of it.

    Attributes:
        query_id: The handle that the client chose.
        start_time: When it was asked.
        pickup_time: When the work on it began.
        end_time: When it was done or had failed.
        answer: The response object as JSON text: rows as objects would weigh many times as much for 20 minutes.
        failed: Whether it failed.
        message: Why, where the query is at fault.
        progress: The highest numbers that were seen, so that they never run backwards.
        cancelled: Whether nobody wants the answer any more.
    """

    query_id: str
    start_time: datetime
    pickup_time: datetime | None = None
    end_time: datetime | None = None
    answer: bytes = b"null"
    failed: bool = False
    message: str | None = None
    progress: Progress | None = None
    cancelled: bool = False

    @property
    def expiration_time(self) -> datetime:
        return (self.end_time or self.start_time) + LIFETIME


class Jobs:
    """The async queries of one project.

    Args:
        team_id: The project's number.
        progress: How far the query of an id has got in the engine; None while it is not there.
        at_fault: The text of a failure that the asker can mend; None for one of the engine's own.
        now: The clock.
    """

    def __init__(
        self,
        team_id: int,
        *,
        progress: Callable[[str], Progress | None],
        at_fault: Callable[[HogQLError | EngineError], str | None],
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._team_id = team_id
        self._progress = progress
        self._at_fault = at_fault
        self._now = now
        self._lock = threading.Lock()
        self._turn = threading.BoundedSemaphore(AT_ONCE)
        self._jobs: dict[str, _Job] = {}

    def start(self, query_id: str, work: Callable[[], bytes], *, anew: bool) -> tuple[int, bytes]:
        """Begin to work on a query; one that is known is left as it is unless it is asked for ``anew``.

        Args:
            query_id: Its id.
            work: Gives the response object as JSON text.
            anew: Begin again although a record is there.

        Returns:
            The status code and the query status as JSON text.
        """
        with self._lock:
            self._forget_expired()
            job = self._jobs.get(query_id)
            if job is not None and not anew:
                return _code(job), self._status(job)
            if job is not None:
                job.cancelled = True
            job = self._jobs[query_id] = _Job(query_id, self._now())
        begun = _code(job), self._status(job)
        threading.Thread(target=self._run, args=(job, work), name="posthog-nb-query", daemon=True).start()
        return begun

    def status(self, query_id: str, *, show_progress: bool) -> tuple[int, bytes] | None:
        """The status code and the query status of an id; None for one that is not known, or not any more."""
        with self._lock:
            self._forget_expired()
            job = self._jobs.get(query_id)
        if job is None:
            return None
        if show_progress and job.pickup_time is not None and job.end_time is None:
            seen = self._progress(query_id)
            job.progress = seen if job.progress is None else job.progress.beyond(seen)
        return _code(job), self._status(job, show_progress=show_progress)

    def forget(self, query_id: str) -> bool:
        """Take the record away; whether the query was still waiting for its turn."""
        with self._lock:
            job = self._jobs.pop(query_id, None)
            if job is None:
                return False
            job.cancelled = True
            return job.pickup_time is None

    def forget_all(self) -> None:
        """Take every record away, so that what waits for its turn never begins."""
        for query_id in list(self._jobs):
            self.forget(query_id)

    def _run(self, job: _Job, work: Callable[[], bytes]) -> None:
        with self._turn:
            with self._lock:
                if job.cancelled:
                    return
                job.pickup_time = self._now()
            try:
                job.answer = work()
            except (HogQLError, EngineError) as error:
                job.failed, job.message = True, self._at_fault(error)
            except BaseException:
                job.failed = True
                raise
            finally:
                job.end_time = self._now()

    def _forget_expired(self) -> None:
        now = self._now()
        self._jobs = {
            query_id: job for query_id, job in self._jobs.items() if job.end_time is None or job.expiration_time > now
        }

    def _status(self, job: _Job, *, show_progress: bool = False) -> bytes:
        done = job.end_time is not None
        progress = job.progress if show_progress and not done else None
        status: dict[str, Any] = {
            "id": job.query_id,
            "query_async": True,
            "team_id": self._team_id,
            "insight_id": None,
            "dashboard_id": None,
            "complete": done,
            "error": job.failed,
            "error_message": job.message,
            "start_time": json_time(job.start_time),
            "pickup_time": json_time(job.pickup_time),
            "end_time": json_time(job.end_time),
            "expiration_time": json_time(job.expiration_time),
            "task_id": None,
            "labels": None,
            "query_progress": None if progress is None else progress.as_posthog(),
        }
        return json_bytes(status)[:-1] + b',"results":' + (job.answer if done else b"null") + b"}"


def _code(job: _Job) -> int:
    if job.end_time is None:
        return 202
    if not job.failed:
        return 200
    return 500 if job.message is None else 400
