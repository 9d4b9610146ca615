"""What is tried again, how often and after how long; each wait is logged."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import urlsplit

from urllib3 import Retry
from urllib3.exceptions import MaxRetryError, ReadTimeoutError, ResponseError

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

    from urllib3 import BaseHTTPResponse
    from urllib3.connectionpool import ConnectionPool

__all__ = ["CaptureRetry", "PatientRetry", "QueryRetry"]

logger = logging.getLogger("posthog_nb.http")

ATTEMPTS_AFTER_THE_FIRST = 3
LONGEST_WAIT = 60.0
"""Seconds. A server that asks for more is not waited for: the caller gets its answer as an error at once."""


class PatientRetry(Retry):
    """urllib3's Retry with the settings PostHog needs, a ceiling on ``Retry-After`` and a line in the log.

    Out of the box urllib3 never retries POST, adds no jitter, and waits for up to six hours when asked to.
    """

    statuses: ClassVar[frozenset[int]] = frozenset({408, 429, 500, 502, 503})
    repeats_after_silence: ClassVar[bool] = False
    """Whether a request that got no answer in time is sent again."""

    # urllib3 also retries a 413 that has Retry-After; a body that is too large stays too large.
    RETRY_AFTER_STATUS_CODES = frozenset({429, 503})

    @classmethod
    def policy(cls) -> Self:
        """The policy as it is mounted on a session."""
        return cls(
            total=ATTEMPTS_AFTER_THE_FIRST,
            redirect=0,
            allowed_methods=None,
            status_forcelist=cls.statuses,
            backoff_factor=0.5,
            backoff_jitter=0.3,
            backoff_max=20,
            raise_on_status=False,
            raise_on_redirect=False,
        )

    def increment(
        self,
        method: str | None = None,
        url: str | None = None,
        response: BaseHTTPResponse | None = None,
        error: Exception | None = None,
        _pool: ConnectionPool | None = None,
        _stacktrace: TracebackType | None = None,
    ) -> Self:
        """Count one failed attempt, or give up."""
        if isinstance(error, ReadTimeoutError) and not self.repeats_after_silence:
            # The server may well be working on it still: a second copy would make things worse.
            raise error
        asked = self.get_retry_after(response) if response is not None else None
        if asked is not None and asked > LONGEST_WAIT:
            raise MaxRetryError(_pool or Any, url or "", ResponseError("asked to wait longer than the ceiling"))  # type: ignore[arg-type]
        following = super().increment(method, url, response, error, _pool, _stacktrace)
        path = urlsplit(url or "").path
        cause = f"answered {response.status}" if response is not None else f"failed ({type(error).__name__})"
        wait = asked if asked is not None else following.get_backoff_time()
        logger.warning("%s %s %s; trying again in %.1f s (%s left).", method, path, cause, wait, following.total)
        return following


class QueryRetry(PatientRetry):
    """For reads. A 504 or 512 says that the query takes too long, and it would take as long again."""


class CaptureRetry(PatientRetry):
    """For events. They carry their own uuid and timestamp, so sending one twice stores it once."""

    statuses = frozenset({408, 429, 500, 502, 503, 504})
    repeats_after_silence = True
