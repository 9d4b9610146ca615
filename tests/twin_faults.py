"""What the twin of PostHog can do to a request: an answer, and how its bytes go out."""

from __future__ import annotations

import gzip
import json
import socket
import struct
from dataclasses import dataclass, replace
from email.utils import formatdate
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tests.twin import Seen, Twin

__all__ = ["FAULTS", "OK", "Fault", "Reply", "answered", "changed"]

LONG = 30.0
"""Seconds. Longer than any test waits; the twin does not outlive its test for it."""


@dataclass(frozen=True)
class Reply:
    """One answer. ``Date``, ``Content-Length`` and ``Connection`` are the twin's to add."""

    status: int = 200
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""

    @classmethod
    def json(cls, value: object, status: int = 200, **headers: str) -> Reply:
        """An answer in JSON."""
        return cls(status, (("Content-Type", "application/json"), *_named(headers)), json.dumps(value).encode())

    def with_headers(self, **headers: str) -> Reply:
        """The answer with more headers, or with others of the same names."""
        named = _named(headers)
        names = {name.lower() for name, _ in named}
        return replace(self, headers=(*(one for one in self.headers if one[0].lower() not in names), *named))


def _named(headers: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    return tuple((name.replace("_", "-"), value) for name, value in headers.items())


@dataclass(frozen=True)
class Fault:
    """Something that happens to one request.

    Attributes:
        name: What to call it.
        reply: The answer, made from the request and from the application's own answer, if ``done``.
        wire: How the answer's bytes go out; whether the connection may be used again.
        done: Whether the application does what is asked before the fault shows.
    """

    name: str
    reply: Callable[[Seen, Reply], Reply] = lambda _, answer: answer
    wire: Callable[[Wire, bytes, bytes], bool] = lambda wire, head, body: wire.send(head + body)
    done: bool = False

    def __reduce__(self) -> tuple[Any, ...]:
        # On the way to a twin in another process: what happens is code, and code goes by name.
        if FAULTS.get(self.name) is self:
            return _known, (self.name,)
        return Fault, (self.name, self.reply, self.wire, self.done)


def _known(name: str) -> Fault:
    return FAULTS[name]


OK = Fault("no fault", done=True)
"""In a script: let this one through."""


def answered(reply: Reply, name: str = "an answer of its own", *, done: bool = False) -> Fault:
    """A fault that answers with ``reply``."""
    return Fault(name, lambda *_: reply, done=done)


def changed(change: Callable[[Any], Any], name: str = "a changed answer", status: int | None = None) -> Fault:
    """A fault that changes the JSON of the application's own answer."""

    def reply(_: Seen, answer: Reply) -> Reply:
        return Reply.json(change(json.loads(answer.body)), status or answer.status)

    return Fault(name, reply, done=True)


# How bytes go out ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Wire:
    """The server's end of one connection."""

    twin: Twin
    socket: socket.socket

    def send(self, data: bytes) -> bool:
        """Send all of ``data``."""
        self.socket.sendall(data)
        return True

    def reset(self) -> bool:
        """End the connection by RST: what was sent and not read yet is lost."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        return False

    def close(self) -> bool:
        """End the connection as it should be ended."""
        return False


def _silence(wire: Wire, _head: bytes, _body: bytes) -> bool:
    wire.twin.wait(LONG)
    return wire.close()


def _half(wire: Wire, head: bytes, body: bytes) -> bool:
    wire.send(head + body[: len(body) // 2])
    return wire.close()


def _half_then_reset(wire: Wire, head: bytes, body: bytes) -> bool:
    wire.send(head + body[: len(body) // 2])
    # The client shall have read it: RST throws away what is on its way.
    wire.twin.wait(0.05)
    return wire.reset()


def _half_then_silence(wire: Wire, head: bytes, body: bytes) -> bool:
    wire.send(head + body[: len(body) // 2])
    wire.twin.wait(LONG)
    return wire.close()


def _drip(wire: Wire, head: bytes, body: bytes) -> bool:
    """A byte every fifth of a second: every single read is quick, and the whole takes minutes."""
    wire.send(head)
    for byte in body:
        wire.send(bytes([byte]))
        if wire.twin.wait(0.2):
            break
    return wire.close()


def _slow_first_byte(wire: Wire, head: bytes, body: bytes) -> bool:
    wire.twin.wait(0.2)
    return wire.send(head + body)


# Answers ------------------------------------------------------------------------------------------------------------


def _error(name: str, status: int, kind: str, code: str, detail: str, **headers: str) -> Fault:
    """PostHog's own error: an object from the API, a text from capture."""

    def reply(seen: Seen, _: Reply) -> Reply:
        if seen.path.startswith("/api/"):
            error = {"type": kind, "code": code, "detail": detail, "attr": None}
            return Reply.json(error, status).with_headers(**headers)
        return Reply(status, (("Content-Type", "text/plain"),), detail.encode()).with_headers(**headers)

    return Fault(name, reply)


def _page(name: str, status: int, html: str, **headers: str) -> Fault:
    """A page of something that stands between."""
    return answered(Reply(status, (("Content-Type", "text/html"), *_named(headers)), html.encode()), name)


def _try_at(seen: Seen, _: Reply) -> Reply:
    throttled = {"type": "throttled_error", "code": "throttled", "detail": "Request was throttled.", "attr": None}
    return Reply.json(throttled, 429, Retry_After=formatdate(seen.twin.now() + 1, usegmt=True))


def _elsewhere(seen: Seen, _: Reply) -> Reply:
    # The same server by another name: what is sent there is seen, with its Host.
    return Reply(307).with_headers(Location=f"http://localhost:{seen.twin.port}{seen.target}")


def _moved(seen: Seen, _: Reply) -> Reply:
    return Reply(307).with_headers(Location=seen.target)


def _zipped(_: Seen, answer: Reply) -> Reply:
    return replace(answer, body=gzip.compress(answer.body)).with_headers(Content_Encoding="gzip")


def _damaged(seen: Seen, answer: Reply) -> Reply:
    zipped = _zipped(seen, answer)
    middle = len(zipped.body) // 2
    return replace(zipped, body=zipped.body[:middle] + b"\0\xff\0\xff" + zipped.body[middle + 4 :])


def _truncated(_: Seen, answer: Reply) -> Reply:
    return replace(answer, body=answer.body[: len(answer.body) // 2])


_THROTTLED = "Request was throttled. Expected available in {} seconds."
_LOGIN = "<!doctype html><title>Log in</title><form action=/login></form>"

_ALL = (
    OK,
    # The line
    Fault("closed, nothing done", wire=lambda wire, *_: wire.close()),
    Fault("reset, nothing done", wire=lambda wire, *_: wire.reset()),
    Fault("done, then closed", wire=lambda wire, *_: wire.close(), done=True),
    Fault("done, then reset", wire=lambda wire, *_: wire.reset(), done=True),
    Fault("the answer breaks off", wire=_half, done=True),
    Fault("reset in the answer", wire=_half_then_reset, done=True),
    Fault("no answer, nothing done", wire=_silence),
    Fault("done, no answer", wire=_silence, done=True),
    Fault("the answer stands still", wire=_half_then_silence, done=True),
    Fault("byte by byte", wire=_drip, done=True),
    Fault("a slow first byte", wire=_slow_first_byte, done=True),
    # What arrives is not what was sent
    Fault("half of the JSON", _truncated, done=True),
    Fault("gzip", _zipped, done=True),
    Fault("damaged gzip", _damaged, done=True),
    _page("a login page", 200, _LOGIN),
    Fault("redirect, same host", _moved),
    Fault("redirect, another host", _elsewhere),
    # PostHog's errors
    _error("400", 400, "validation_error", "invalid_input", "This is not understood."),
    _error("401", 401, "authentication_error", "authentication_failed", "Personal API key is invalid."),
    _error("402", 402, "quota_error", "api_queries_quota_exceeded", "The allowance of 1 TB is used up."),
    _error("403", 403, "authentication_error", "permission_denied", "API key missing required scope 'query:read'"),
    _error("404", 404, "invalid_request", "not_found", "Not found."),
    _error("408", 408, "server_error", "request_timeout", "The body took too long."),
    _error("413", 413, "invalid_request", "payload_too_large", "The payload is too large."),
    _error("429", 429, "throttled_error", "throttled", "Too many queries are running."),
    _error("429, Retry-After", 429, "throttled_error", "throttled", _THROTTLED.format(1), Retry_After="1"),
    _error("429, an hour", 429, "throttled_error", "throttled", _THROTTLED.format(3600), Retry_After="3600"),
    Fault("429, a date", _try_at),
    _error("500", 500, "server_error", "error", "A server error occurred."),
    _page("502, HTML", 502, "<html><h1>502 Bad Gateway</h1></html>"),
    _error("503", 503, "server_error", "service_unavailable", "The cluster is too busy."),
    _error("503, Retry-After", 503, "server_error", "database_unavailable", "No database.", Retry_After="1"),
    _error("504", 504, "server_error", "clickhouse_timeout", "The query timed out."),
    _error("512", 512, "server_error", "estimated_query_execution_time_too_long", "It would take too long."),
    _error("513", 513, "server_error", "clickhouse_memory_limit_exceeded", "Out of memory."),
)
FAULTS: dict[str, Fault] = {fault.name: fault for fault in _ALL}
"""Every fault by its name. A fault that is ``done`` shows after the event was stored, or the query has run."""
