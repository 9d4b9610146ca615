"""An embedded project on the client's own ``requests`` session: no socket, no port, the same wire."""

from __future__ import annotations

import io
import math
import sys
import threading
import time
from concurrent.futures import Future, wait
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote_to_bytes, urlsplit

from requests.adapters import HTTPAdapter
from requests.exceptions import ReadTimeout
from urllib3 import HTTPHeaderDict, HTTPResponse

from posthog_nb.embedded.store.engine import see_that_it_runs_here

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from wsgiref.types import WSGIApplication, WSGIEnvironment

    from requests import PreparedRequest, Response

__all__ = ["EmbeddedAdapter"]

_SLICE = 0.2
"""Seconds."""


class EmbeddedAdapter(HTTPAdapter):
    """Answers requests from a WSGI application in this process.

    A request runs on a thread of its own and the caller waits, so that Ctrl-C and a time-out end the waiting at once,
    which they cannot while the engine computes on the caller's thread. A query that nobody waits for any more is
    ended as on any PostHog: by ``DELETE query/:id``.

    Args:
        factory: Makes the application at the first request.
    """

    def __init__(self, factory: Callable[[], WSGIApplication]) -> None:
        super().__init__()
        self._factory = factory
        self._lock = threading.Lock()
        self._application: WSGIApplication | None = None

    def send(  # noqa: PLR0913, PLR0917 - the signature is requests'
        self,
        request: PreparedRequest,
        stream: bool = False,  # noqa: ARG002
        timeout: float | tuple[float, float] | tuple[float, None] | None = None,
        verify: bool | str = True,  # noqa: ARG002
        cert: bytes | str | tuple[bytes | str, bytes | str] | None = None,  # noqa: ARG002
        proxies: Mapping[str, str] | None = None,  # noqa: ARG002
    ) -> Response:
        """Answer one request.

        Raises:
            ReadTimeout: no answer came within the time-out.
            StoreError: this process is a fork of the one whose project it is, or Python is ending.
        """
        see_that_it_runs_here()
        answer: Future[HTTPResponse] = Future()
        threading.Thread(target=self._run, args=(request, answer), name="posthog-nb-embedded", daemon=True).start()
        seconds = timeout[1] if isinstance(timeout, tuple) else timeout
        deadline = math.inf if seconds is None else time.monotonic() + seconds
        # In slices: a signal that another thread received does not wake this one.
        while not wait([answer], min(_SLICE, max(0.0, deadline - time.monotonic()))).done:
            if time.monotonic() >= deadline:
                raise ReadTimeout(f"No answer within {seconds} s.", request=request)
        return self.build_response(request, answer.result())

    def _run(self, request: PreparedRequest, answer: Future[HTTPResponse]) -> None:
        try:
            found = _call(self._get_application(), _environment(request))
        except BaseException as error:  # noqa: BLE001 - whatever it is, it is raised where the answer is waited for
            answer.set_exception(error)
        else:
            answer.set_result(found)

    def _get_application(self) -> WSGIApplication:
        with self._lock:
            if self._application is None:
                self._application = self._factory()
            return self._application


def _environment(request: PreparedRequest) -> WSGIEnvironment:
    url = urlsplit(request.url or "")
    body = _body(request)
    environment: dict[str, Any] = {
        "REQUEST_METHOD": request.method or "GET",
        "SCRIPT_NAME": "",
        "PATH_INFO": unquote_to_bytes(url.path or "/").decode("latin-1"),
        "QUERY_STRING": url.query,
        "SERVER_NAME": url.hostname or "localhost",
        "SERVER_PORT": str(url.port or 80),
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "127.0.0.1",
        "HTTP_HOST": url.netloc,
        "CONTENT_LENGTH": str(len(body)),
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": url.scheme or "http",
        "wsgi.input": io.BytesIO(body),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }
    headers: Mapping[str, Any] = request.headers
    for name, given in headers.items():
        # requests takes bytes as well, and its types leave them out.
        value = str(given, "latin-1") if isinstance(given, bytes) else given
        key = name.upper().replace("-", "_")
        if key == "CONTENT_TYPE":
            environment[key] = value
        elif key not in {"CONTENT_LENGTH", "TRANSFER_ENCODING"}:
            environment[f"HTTP_{key}"] = value
    return environment


def _body(request: PreparedRequest) -> bytes:
    body: Any = request.body  # also an iterable of bytes, which requests takes and its types leave out
    if body is None:
        return b""
    if isinstance(body, str):
        return body.encode()
    return body if isinstance(body, bytes) else b"".join(body)


def _call(application: WSGIApplication, environment: WSGIEnvironment) -> HTTPResponse:
    from werkzeug.test import run_wsgi_app  # noqa: PLC0415 - comes with the application, not before

    chunks, status, headers = run_wsgi_app(application, environment, buffered=True)
    code, _, reason = status.partition(" ")
    return HTTPResponse(
        body=io.BytesIO(b"".join(chunks)),
        headers=HTTPHeaderDict(headers.items()),
        status=int(code),
        reason=reason,
        preload_content=False,
        request_method=environment["REQUEST_METHOD"],
    )
