"""A twin of PostHog that misbehaves: a real server on loopback, scripted per test.

Behind it stands a well-behaved application, the embedded project. Before it stands a script: what the next requests to
a path meet. A fault either keeps the request from the application, or shows after the application has done it::

    twin.next("POST /query/", FAULTS["503"], OK, FAULTS["done, then closed"])

``with twin_of(app) as twin`` serves on a thread, ``with separate_twin(factory) as twin`` in a process of its own, for
measurements. Both have the same methods. ``client_of(twin)`` is a client of either.
"""

from __future__ import annotations

import multiprocessing
import os
import socket
import sys
import threading
import time
from collections import deque
from contextlib import contextmanager, suppress
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from multiprocessing import connection
from multiprocessing.managers import BaseManager
from typing import TYPE_CHECKING, Any

from werkzeug.test import Client as Application

import posthog_nb
from posthog_nb.embedded.project import Project, ProjectSettings
from posthog_nb.embedded.server import create_app
from tests.leaks import KEY, TOKEN
from tests.twin_faults import FAULTS, OK, Fault, Reply, Wire
from tests.twin_requests import Seen, Throttle

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Iterator
    from wsgiref.types import WSGIApplication

    from posthog_nb.client import Client

__all__ = ["Seen", "Twin", "client_of", "environment_of", "new_project", "separate_twin", "twin_of"]

HOST = "127.0.0.1"


class Twin:
    """The server, running until it is closed.

    Args:
        application: What answers where no fault is played.
        delay_seconds: How long every query waits before it is answered, without holding anything up.
        fail_every: Every so many requests, one is answered with a 503.
        throttle: So many signed requests in so many seconds; those beyond are answered with a 429.
        at_once: Most queries at once; one more is answered with a 429 that has no ``Retry-After``. None for any number.
        clock_offset: How many seconds the server's clock is ahead, as its ``Date`` shows.
        tls: The context of a server that speaks https.
    """

    def __init__(
        self,
        application: WSGIApplication,
        *,
        delay_seconds: float = 0.0,
        fail_every: int | None = None,
        throttle: tuple[int, float] | None = None,
        at_once: int | None = None,
        clock_offset: float = 0.0,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._application = Application(application, use_cookies=False)
        self._delay = delay_seconds
        self._fail_every = fail_every
        self._throttle = None if throttle is None else Throttle(*throttle)
        self._at_once = at_once
        self._clock_offset = clock_offset
        self._tls = tls
        self._lock = threading.Lock()
        self._scripts: list[tuple[str, deque[Fault]]] = []
        self._standing: list[tuple[str, Fault]] = []
        self._seen: list[Seen] = []
        self._count = 0
        self._queries = self._most_queries = 0
        self._ending = threading.Event()
        self.errors: list[BaseException] = []
        self.port = 0
        self._away = False
        self._server = self._listen()

    @property
    def url(self) -> str:
        """Where it is."""
        return self.get_url()

    def get_url(self) -> str:
        """Where it is. A method, for it crosses to another process."""
        return f"{'http' if self._tls is None else 'https'}://{HOST}:{self.port}"

    def next(self, pattern: str, *faults: Fault) -> None:
        """Play ``faults``, one a request, on the next requests to a path with ``pattern`` in it.

        Args:
            pattern: A part of the path, such as ``"/query/"``, with the method before it if it matters.
            faults: What happens to the first, the second, ...; ``OK`` lets one through.
        """
        with self._lock:
            self._scripts.append((pattern, deque(faults)))

    def always(self, pattern: str, fault: Fault) -> None:
        """Play ``fault`` on every request to a path with ``pattern`` in it."""
        with self._lock:
            self._standing.append((pattern, fault))

    def forget(self) -> None:
        """End all scripts, and forget the requests."""
        with self._lock:
            self._scripts, self._standing, self._seen = [], [], []
            self._most_queries = 0

    def seen(self, pattern: str = "") -> list[Seen]:
        """The requests so far, in the order of their arrival."""
        with self._lock:
            return [seen for seen in self._seen if seen.matches(pattern)]

    def unplayed(self) -> list[str]:
        """The names of the faults that no request has met yet."""
        with self._lock:
            return [fault.name for _, faults in self._scripts for fault in faults]

    def most_queries(self) -> int:
        """The most queries that ran at once."""
        return self._most_queries

    def now(self) -> float:
        """The server's own idea of the time."""
        return time.time() + self._clock_offset

    def wait(self, seconds: float) -> bool:
        """Wait, but not beyond the end; whether it has come."""
        return self._ending.wait(seconds)

    def go_away(self) -> None:
        """End the connections, and refuse new ones."""
        self._server.stop()
        self._away = True

    def come_back(self) -> None:
        """Take connections again, on the same port, if it was away."""
        if self._away:
            self._server = self._listen()
            self._away = False

    def _listen(self) -> _Server:
        server = _Server(self, self.port, self._tls)
        self.port = server.server_port
        threading.Thread(target=server.serve_forever, args=(0.02,), name="twin", daemon=True).start()
        return server

    def close(self) -> None:
        """End, and raise what went wrong in the twin itself."""
        with self._lock:
            self._ending.set()
        self._server.stop()
        if self.errors:
            raise self.errors[0]

    # One request ----------------------------------------------------------------------------------------------------

    def meet(self, seen: Seen) -> Fault:
        """The fault that one request meets, after it has been counted."""
        with self._lock:
            self._seen.append(seen)
            self._count += 1
            for pattern, faults in self._scripts:
                if faults and seen.matches(pattern):
                    return faults.popleft()
            for pattern, fault in self._standing:
                if seen.matches(pattern):
                    return fault
            return FAULTS["503"] if self._fail_every and self._count % self._fail_every == 0 else OK

    def answer(self, seen: Seen, fault: Fault) -> Reply:
        """The answer to one request."""
        if self._throttle is not None and "authorization" in seen.headers:
            refused = self._throttle.refuses()
            if refused is not None:
                return refused
        is_query = seen.matches("POST /query/")
        with self._lock:
            self._queries += is_query
            too_many = is_query and self._at_once is not None and self._queries > self._at_once
            self._most_queries = max(self._most_queries, self._queries)
        try:
            if too_many:
                return FAULTS["429"].reply(seen, Reply())
            if is_query and self._delay:
                self.wait(self._delay)
            return fault.reply(seen, self._ask(seen) if fault.done else Reply())
        finally:
            with self._lock:
                self._queries -= is_query

    def _ask(self, seen: Seen) -> Reply:
        with self._application.open(
            seen.target,
            base_url=f"http://{seen.headers.get('host', HOST)}",
            method=seen.method,
            headers=list(seen.headers.items()),
            data=seen.raw,
            buffered=True,
        ) as response:
            headers = [(name, value) for name, value in response.headers.items() if name.lower() != "content-length"]
            return Reply(response.status_code, tuple(headers), response.data)


class _Server(ThreadingHTTPServer):
    request_queue_size = 128

    def __init__(self, twin: Twin, port: int, tls: ssl.SSLContext | None) -> None:
        self.twin = twin
        self._tls = tls
        self._open: set[socket.socket] = set()
        super().__init__((HOST, port), _Handler)

    def get_request(self) -> tuple[socket.socket, Any]:
        taken, address = super().get_request()
        if self._tls is not None:
            # The handshake is the handler's thread's: a client that is slow at it holds nobody else up.
            taken = self._tls.wrap_socket(taken, server_side=True, do_handshake_on_connect=False)
        self._open.add(taken)
        return taken, address

    def shutdown_request(self, request: Any) -> None:
        self._open.discard(request)
        if request.getsockopt(socket.SOL_SOCKET, socket.SO_LINGER):
            # A polite shutdown would come before the reset.
            request.close()
        else:
            super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        error = sys.exception()
        # A client may go whenever it likes.
        if error is not None and not isinstance(error, OSError):
            self.twin.errors.append(error)

    def stop(self) -> None:
        self.shutdown()
        self.server_close()
        for taken in list(self._open):
            with suppress(OSError):
                taken.shutdown(socket.SHUT_RDWR)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server

    def handle_one_request(self) -> None:
        self.close_connection = True
        self.raw_requestline = self.rfile.readline(65537)
        if not self.raw_requestline or not self.parse_request():
            return
        twin = self.server.twin
        size = int(self.headers.get("Content-Length") or 0)
        headers = {name.lower(): value for name, value in self.headers.items()}
        seen = Seen(self.command, self.path, headers, self.rfile.read(size), twin)
        fault = twin.meet(seen)
        seen.fault = None if fault is OK else fault.name
        reply = twin.answer(seen, fault)
        seen.status, seen.ready = reply.status, time.monotonic()
        head = [f"HTTP/1.1 {reply.status} {_reason(reply.status)}", f"Date: {formatdate(twin.now(), usegmt=True)}"]
        head += [f"{name}: {value}" for name, value in reply.headers]
        head += [f"Content-Length: {len(reply.body)}", "", ""]
        body = b"" if seen.method == "HEAD" else reply.body
        usable = fault.wire(Wire(twin, self.connection), "\r\n".join(head).encode("latin-1"), body)
        seen.ended = time.monotonic()
        self.close_connection = not usable or headers.get("connection", "").lower() == "close"

    def log_message(self, *_: object) -> None:
        """Say nothing: a test's output is its own."""


def _reason(status: int) -> str:
    return BaseHTTPRequestHandler.responses.get(status, ("Unknown", ""))[0]  # type: ignore[call-overload,no-any-return]


@contextmanager
def twin_of(application: WSGIApplication, **options: Any) -> Iterator[Twin]:
    """A twin on a thread of this process, for the length of a ``with`` block; the options are :class:`Twin`'s."""
    twin = Twin(application, **options)
    try:
        yield twin
    finally:
        twin.close()


# Behind and before it -----------------------------------------------------------------------------------------------


def new_project(**settings: Any) -> Project:
    """A new, empty project in memory, with the keys that :func:`client_of` uses."""
    return Project.in_memory(ProjectSettings(project_token=TOKEN, personal_api_key=KEY, **settings))


def application(**settings: Any) -> WSGIApplication:
    """The application of a new project, for ``separate_twin(application)``."""
    return create_app(new_project(**settings))


def client_of(twin: Any, **options: Any) -> Client:
    """A client that takes the twin for a PostHog on the network; the options are those of ``connect``."""
    return posthog_nb.connect(twin.get_url(), project_id=1, personal_api_key=KEY, project_token=TOKEN, **options)


def environment_of(twin: Twin) -> dict[str, str]:
    """The environment in which ``connect()`` gives a client of the twin."""
    return {
        "POSTHOG_HOST": twin.url,
        "POSTHOG_PROJECT_ID": "1",
        "POSTHOG_PERSONAL_API_KEY": KEY,
        "POSTHOG_PROJECT_TOKEN": TOKEN,
    }


# A process of its own -----------------------------------------------------------------------------------------------


def _made(factory: Callable[[], WSGIApplication], options: dict[str, Any]) -> Twin:
    threading.Thread(target=_end_with_parent, daemon=True).start()
    return Twin(factory(), **options)


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        connection.wait([parent.sentinel])
        os._exit(0)


class _Manager(BaseManager):
    """Holds a twin in another process."""


_METHODS = ("always", "close", "come_back", "forget", "get_url", "go_away", "most_queries", "next", "seen", "unplayed")
_Manager.register("made", _made, exposed=_METHODS)


@contextmanager
def separate_twin(factory: Callable[[], WSGIApplication], **options: Any) -> Iterator[Any]:
    """A twin in a new process, for the length of a ``with`` block.

    Args:
        factory: Makes the application over there; a function at the top of a module, with its arguments bound by
            ``functools.partial``.
        options: :class:`Twin`'s.

    Yields:
        What has the twin's methods; its address is ``get_url()``. A fault that is scripted crosses by pickle, so it
        comes from ``FAULTS`` or is made of functions at the top of a module.
    """
    with _Manager(ctx=multiprocessing.get_context("spawn")) as manager:
        twin = manager.made(factory, options)  # type: ignore[attr-defined]
        yield twin
        twin.close()
