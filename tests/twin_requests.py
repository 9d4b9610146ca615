"""What the twin of PostHog knows of the requests to it, and how it throttles them."""

from __future__ import annotations

import gzip
import json
import math
import threading
import time
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from tests.twin_faults import Reply

if TYPE_CHECKING:
    from tests.twin import Twin

__all__ = ["Seen", "Throttle"]


@dataclass
class Seen:
    """One request as it arrived, and what became of it.

    Attributes:
        method: ``"GET"`` and so on.
        target: Path and query.
        headers: By lower-case name.
        raw: The body as it was sent.
        fault: The name of the fault that was played, if any.
        status: The answer's status; None where none was made.
        started: When the request was read, by ``time.monotonic``, which is one clock for all processes.
        ready: When its answer was made.
        ended: When the last byte of the answer was handed over; known a moment after the client has it.
    """

    method: str
    target: str
    # Its repr is in the traceback of a test, and the key is in its headers.
    headers: dict[str, str] = field(repr=False)
    raw: bytes = field(repr=False)
    twin: Twin = field(repr=False)
    started: float = field(default_factory=time.monotonic)
    fault: str | None = None
    status: int | None = None
    ready: float = math.nan
    ended: float = math.nan

    @property
    def path(self) -> str:
        """The path alone."""
        return urlsplit(self.target).path

    @property
    def body(self) -> bytes:
        """The body, unzipped."""
        return gzip.decompress(self.raw) if self.headers.get("content-encoding") == "gzip" else self.raw

    def json(self) -> Any:
        """The body, read."""
        return json.loads(self.body)

    def matches(self, pattern: str) -> bool:
        """Whether ``pattern``, part of a path after an optional method, fits."""
        method, _, part = pattern.rpartition(" ")
        return method in {"", self.method} and part in self.path

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name != "twin"}


class Throttle:
    """So many signed requests a minute, counted and refused as Django REST framework does.

    Args:
        requests: How many.
        seconds: In how long.
    """

    def __init__(self, requests: int, seconds: float = 60.0) -> None:
        self._requests = requests
        self._seconds = seconds
        self._allowed: deque[float] = deque()
        self._lock = threading.Lock()

    def refuses(self) -> Reply | None:
        """The 429 for one request more, or None when it is allowed, and then counted."""
        with self._lock:
            now = time.monotonic()
            while self._allowed and self._allowed[0] <= now - self._seconds:
                self._allowed.popleft()
            if len(self._allowed) < self._requests:
                self._allowed.append(now)
                return None
            wait = math.ceil(self._allowed[0] + self._seconds - now)
        detail = f"Request was throttled. Expected available in {wait} seconds."
        error = {"type": "throttled_error", "code": "throttled", "detail": detail, "attr": None}
        return Reply.json(error, 429, Retry_After=str(wait))
