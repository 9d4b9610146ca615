"""Looking things up beside what the user does: on one thread a client, each request sent once, and none left behind.

The thread is a daemon, so that a silent server keeps no process from ending. Before Python ends, the thread is told so
and waited for: one that Python stops in the middle of the embedded engine would take the process down with it.
"""

from __future__ import annotations

import atexit
import logging
import threading
from collections import deque
from typing import TYPE_CHECKING, Any
from uuid import uuid4
from weakref import WeakSet

from posthog_nb.errors import AnswerTimeoutError, PostHogError
from posthog_nb.http import ONCE, Deadline, Question
from posthog_nb.operations.answer import read_reply

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from posthog_nb.connection import Connection
    from posthog_nb.operations.answer import Answer

__all__ = ["Background", "Enquiry"]

logger = logging.getLogger("posthog_nb.taxonomy")

_SECONDS = 120.0
"""For all requests of one job."""

_PAGE_SECONDS = 20.0
_PATIENCE = 0.8
"""Seconds for a job to end that is no longer wanted."""


class Enquiry:
    """The requests of one job.

    Args:
        connection: Where they go.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._deadline = Deadline(_SECONDS)
        self._query_id: str | None = None

    def may_ask(self) -> bool:
        """Whether there is a key without asking anybody for it."""
        return self._connection.settings.find_key() is not None

    def query(self, text: str, values: Mapping[str, Any] | None = None) -> Answer:
        """The answer to a HogQL query; it may be one from PostHog's cache.

        Raises:
            PostHogError: there is none, or it is no longer wanted.
        """
        node = {"kind": "HogQLQuery", "query": text} | ({"values": dict(values)} if values else {})
        answer, _ = self.ask(node, read_reply)
        if answer is None:
            raise AnswerTimeoutError("PostHog answers the query later.")
        found: Answer = answer
        return found

    def ask(self, node: Mapping[str, Any], read: Callable[[bytes], Any]) -> Any:  # noqa: ANN401 - what ``read`` gives
        """The answer to a query of any kind.

        Raises:
            PostHogError: there is none, or it is no longer wanted.
        """
        give_back = self._connection.budget.take_slot(self._deadline)
        query_id = self._query_id = str(uuid4())
        try:
            return self._connection.start_query(
                {"query": node, "client_query_id": query_id, "refresh": "blocking"},
                deadline=self._deadline,
                question=Question(kind="query", query_id=query_id),
                read=read,
                policy=ONCE,
            )
        finally:
            self._query_id = None
            give_back()

    def page(self, path: str) -> Any:  # noqa: ANN401 - any JSON
        """What stands at ``path`` of the project's REST API.

        Raises:
            PostHogError: nothing does, or it is no longer wanted.
        """
        self._deadline.check()
        number = self._connection.settings.need_project_id()
        return self._connection.probe("GET", f"projects/{number}/{path}", seconds=_PAGE_SECONDS)

    def end(self) -> None:
        """Nothing of it is wanted any more."""
        self._deadline.pass_now()
        if (query_id := self._query_id) is not None:
            self._connection.end_query(query_id)


class Background:
    """The jobs of one client, one after the other.

    Args:
        connection: Where their requests go.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._lock = threading.Lock()
        self._jobs: deque[Callable[[Enquiry], object]] = deque()
        self._thread: threading.Thread | None = None
        self._enquiry: Enquiry | None = None

    def begin_anew(self) -> None:
        """In a fork of the process: the thread stayed behind, and perhaps the lock with it."""
        self._lock = threading.Lock()
        self._jobs.clear()
        self._thread = self._enquiry = None

    def add(self, job: Callable[[Enquiry], object]) -> None:
        """Do ``job`` when those before it are done. Its failure is logged."""
        with self._lock:
            if _process.ends:
                return
            self._jobs.append(job)
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="posthog-nb-taxonomy", daemon=True)
                _process.begins(self)
                self._thread.start()

    def end(self) -> None:
        """Drop the jobs, and wait a little for the one that is being done."""
        with self._lock:
            self._jobs.clear()
            thread, enquiry = self._thread, self._enquiry
        if thread is None or thread is threading.current_thread():
            return
        if enquiry is not None:
            # On a thread of its own: a silent server is no reason to wait.
            threading.Thread(target=enquiry.end, name="posthog-nb-end", daemon=True).start()
        thread.join(_PATIENCE)

    def _work(self) -> None:
        while (job := self._next()) is not None:
            enquiry = self._enquiry
            assert enquiry is not None  # noqa: S101 - made with the job
            try:
                job(enquiry)
            except PostHogError as error:
                logger.info("Looking up what the project has: %s", error.message)
            except Exception:
                # Python that ends refuses new threads, at whatever place the job is. Anything else is a fault of ours
                # or of a callback; nobody waits for the job, so that it is told here or never.
                if not _process.ends:
                    logger.exception("Looking up what the project has failed.")

    def _next(self) -> Callable[[Enquiry], object] | None:
        with self._lock:
            self._enquiry = Enquiry(self._connection) if self._jobs else None
            if not self._jobs:
                self._thread = None
                return None
            return self._jobs.popleft()


class _Process:
    """What goes on in this process."""

    def __init__(self) -> None:
        self.at_work: WeakSet[Background] = WeakSet()
        self.ends = False

    def begins(self, background: Background) -> None:
        """Note that ``background`` is at work, and is to end before Python does."""
        self.at_work.add(background)
        # What is registered last is called first: before the engine ends, of which a job may be asking something.
        atexit.unregister(self._end)
        atexit.register(self._end)

    def _end(self) -> None:
        self.ends = True
        for background in list(self.at_work):
            background.end()


_process = _Process()
