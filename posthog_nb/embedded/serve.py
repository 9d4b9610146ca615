"""The embedded project on loopback, for any PostHog SDK and for several notebooks at once."""

from __future__ import annotations

import logging
import os
import signal
import threading
import time
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

from posthog_nb.embedded.holding import ServerRecord, StoreLock, holder, recorded
from posthog_nb.embedded.project import Project, ProjectSettings
from posthog_nb.embedded.server import create_app
from posthog_nb.errors import MissingDependencyError, StoreError, StoreHeldError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from pathlib import Path
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

    from posthog_nb.embedded.server import Application

__all__ = ["HOST", "serve"]

logger = logging.getLogger("posthog_nb.embedded")

HOST = "127.0.0.1"
THREADS = 16
"""Queries that run at the same time, each on one; cancelling one needs one as well."""

CONNECTIONS = 500
"""Kept open at the same time, most of them idle: an SDK keeps its own for minutes. Further ones wait."""

LONGEST_REQUEST_HEADERS = 64 * 1024
LARGEST_REQUEST = 64 * 1024 * 1024
LOCK_SECONDS = 1.0
FINISH_SECONDS = 10.0
"""How long requests that are under way may take to finish when the server is told to end."""

CANCEL_SECONDS = 3.0

_TICK = 0.5


def serve(
    path: Path | None,
    *,
    port: int = 0,
    settings: Mapping[str, Any] | None = None,
    idle_exit: float | None = None,
    on_ready: Callable[[ServerRecord], object] | None = None,
) -> None:
    """Serve a project until SIGTERM, SIGINT or a long enough silence. To be called on the main thread.

    Args:
        path: The folder of the project's store, made when it is not there; None for a project in memory.
        port: The port on 127.0.0.1; 0 for a free one.
        settings: Fields of :class:`ProjectSettings` that the project is to have, whether it is new or not.
        idle_exit: End after so many seconds without a request; None never does.
        on_ready: Called once requests are answered.

    Raises:
        StoreHeldError: another process serves the folder.
        StoreError: the store cannot be opened, or the port is taken.
        InvalidInputError: a setting is not what it should be.
    """
    with ExitStack() as stack:
        if path is not None:
            stack.enter_context(_held(path))
        project = _open(path, settings or {})
        stack.callback(project.close)
        application = create_app(project)
        activity = _Activity(application)
        server = _listen(activity, port)
        stop = stack.enter_context(_signals(server))
        own = project.settings
        record = ServerRecord(
            url=f"http://{HOST}:{server.effective_port}",
            pid=os.getpid(),
            project_id=own.project_id,
            project_token=own.project_token,
            personal_api_key=own.personal_api_key,
        )
        if path is not None:
            stack.enter_context(recorded(path, record))
        if on_ready is not None:
            on_ready(record)
        _answer_until(server, lambda: stop.is_set() or (idle_exit is not None and activity.idle_seconds() > idle_exit))
        logger.info("Ending: %s.", "told to" if stop.is_set() else "nobody has asked for a while")
        if path is not None:
            # Who looks for a server from here on starts the next one.
            ServerRecord.remove(path)
        _finish(server, application)


@contextmanager
def _held(path: Path) -> Iterator[None]:
    """Hold the store at ``path`` for the length of a ``with`` block."""
    deadline = time.monotonic() + LOCK_SECONDS
    while (lock := StoreLock.acquire(path)) is None:
        if time.monotonic() > deadline:
            by = holder(path)
            raise StoreHeldError(
                f"The store at {path} is held by another process{f' ({by})' if by else ''}.",
                hint=f"connect('local:{path}') uses the server that runs. Or end it, or take another --path.",
            )
        # Somebody may just be looking whether it is held.
        time.sleep(0.05)
    try:
        # What a killed server left behind.
        ServerRecord.remove(path)
        yield
    finally:
        lock.release()


def _open(path: Path | None, settings: Mapping[str, Any]) -> Project:
    given = ProjectSettings(**settings)
    project = Project.in_memory(given) if path is None else Project.on_disk(path, given)
    if settings:
        project.change_settings(**settings)
    return project


def _listen(application: WSGIApplication, port: int) -> Any:  # noqa: ANN401 - waitress has several server classes
    try:
        from waitress.server import create_server  # noqa: PLC0415 - only a served project needs it
    except ImportError as error:
        raise MissingDependencyError("Serving needs waitress.", hint="pip install waitress") from error
    try:
        return create_server(
            application,
            map={},
            host=HOST,
            port=port,
            threads=THREADS,
            connection_limit=CONNECTIONS,
            ident="posthog-nb",
            channel_timeout=300,
            clear_untrusted_proxy_headers=True,
            max_request_header_size=LONGEST_REQUEST_HEADERS,
            max_request_body_size=LARGEST_REQUEST,
        )
    except OSError as error:
        raise StoreError(
            f"Port {port} on {HOST} cannot be used: {error.strerror}.", hint="Leave --port out for a free one."
        ) from error


@contextmanager
def _signals(server: Any) -> Iterator[threading.Event]:  # noqa: ANN401 - as _listen
    """An event that SIGTERM and SIGINT set, instead of ending the process in the middle of a request."""
    stop = threading.Event()

    def told(_number: int, _frame: object) -> None:
        stop.set()
        server.pull_trigger()

    before = {number: signal.signal(number, told) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _answer_until(server: Any, done: Callable[[], bool]) -> None:  # noqa: ANN401 - as _listen
    # server.run() can only be ended by an exception, which drops the answers that are on their way. It would also use
    # select(), which fails at the first socket beyond 1,024 open files, and ClickHouse has files open.
    while not done():
        server.asyncore.loop(timeout=_TICK, use_poll=True, map=server._map, count=1)  # noqa: SLF001 - waitress names it so


def _finish(server: Any, application: Application) -> None:  # noqa: ANN401 - as _listen
    """Take no new connection, let the requests under way finish and their answers go out, then end the threads.

    A query that takes too long for that is cancelled, and its client told so.
    """
    server.accepting = False
    server.socket.close()
    del server._map[server._fileno]  # noqa: SLF001 - the listening socket alone; its connections go on
    if not _finished_within(server, FINISH_SECONDS):
        logger.warning("Cancelling what still runs after %g s.", FINISH_SECONDS)
        threading.Thread(target=application.end_queries, daemon=True).start()
        _finished_within(server, CANCEL_SECONDS)
    server.task_dispatcher.shutdown(timeout=1)
    for channel in list(server.active_channels.values()):
        channel.handle_close()
    server.trigger.close()


def _finished_within(server: Any, seconds: float) -> bool:  # noqa: ANN401 - as _listen
    """Answer the requests under way for so long at most; whether none is left."""
    deadline = time.monotonic() + seconds

    def busy() -> bool:
        return any(one.requests or one.total_outbufs_len for one in list(server.active_channels.values()))

    _answer_until(server, lambda: not busy() or time.monotonic() > deadline)
    return not busy()


class _Activity:
    """Passes requests on and remembers when the last one was."""

    def __init__(self, application: WSGIApplication) -> None:
        self._application = application
        self._lock = threading.Lock()
        self._running = 0
        self._last = time.monotonic()

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        with self._lock:
            self._running += 1
        try:
            return self._application(environ, start_response)
        finally:
            with self._lock:
                self._running -= 1
                self._last = time.monotonic()

    def idle_seconds(self) -> float:
        """Seconds since the last request ended; none while one runs."""
        with self._lock:
            return 0.0 if self._running else time.monotonic() - self._last
