"""A capture endpoint on loopback that answers what a test tells it to, and remembers what it was sent."""

from __future__ import annotations

import gzip
import json
import os
import signal
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from werkzeug import Request, Response

from posthog_nb.connecting import connect

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pytest_httpserver import HTTPServer

    from posthog_nb.client import Client

V0 = "/batch/"
V1 = "/i/v1/analytics/events/"

Answer = Response | int | str
"""A whole response, a status, ``"break"`` (the connection is closed in the middle of an answer of success) or
``"hang"`` (an answer of success that comes when the test lets go, or after half a minute)."""


@dataclass(frozen=True)
class Sent:
    """One request as it came."""

    data: bytes
    headers: dict[str, str]
    at: float

    @property
    def body(self) -> dict[str, Any]:
        return dict(json.loads(gzip.decompress(self.data)))

    @property
    def events(self) -> list[dict[str, Any]]:
        return list(self.body["batch"])


@dataclass
class CaptureServer:
    """Answers one request after the other; after the last answer, all is well."""

    server: HTTPServer
    answers: list[Answer] = field(default_factory=list)
    sent: list[Sent] = field(default_factory=list)
    results: Callable[[int, list[dict[str, Any]]], dict[str, Any]] | None = None
    let_go: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        for path in (V0, V1):
            self.server.expect_request(path, method="POST").respond_with_handler(self._answer)

    def client(self, mode: str = "v0", **settings: Any) -> Client:
        return connect(self.server.url_for(""), project_token="phc_test", capture_mode=mode, **settings)

    def then(self, *answers: Answer) -> None:
        self.answers = list(answers)

    def interrupt_at(self, number: int) -> None:
        """Ctrl-C as soon as so many requests have come."""

        def wait() -> None:
            while len(self.sent) < number:
                time.sleep(0.01)
            os.kill(os.getpid(), signal.SIGINT)

        threading.Thread(target=wait, daemon=True).start()

    @property
    def stored(self) -> list[dict[str, Any]]:
        """The events of requests that were answered with success, as they came."""
        return [event for sent in self.sent for event in sent.events]

    def _answer(self, request: Request) -> Response:
        self.sent.append(Sent(request.get_data(), dict(request.headers), time.monotonic()))
        answer: Answer = self.answers.pop(0) if self.answers else 200
        if isinstance(answer, Response):
            return answer
        if answer == "break":
            # The length that is promised never comes.
            broken = Response(b'{"status"', content_type="application/json")
            broken.headers["Content-Length"] = "1000"
            return broken
        if answer == "hang":
            self.let_go.wait(30)
            answer = 200
        if answer != 200:
            return Response("not now", int(answer))
        if request.path == V0:
            return Response('{"status":"Ok"}', content_type="application/json")
        events = self.sent[-1].events
        results = (self.results or _all_ok)(len(self.sent), events)
        headers = {"Retry-After": "1"} if any(one.get("result") == "retry" for one in results.values()) else {}
        return Response(json.dumps({"results": results}), content_type="application/json", headers=headers)


def _all_ok(_: int, events: Sequence[dict[str, Any]]) -> dict[str, Any]:
    return {event["uuid"]: {"result": "ok"} for event in events}
