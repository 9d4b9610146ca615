"""From an answer that is not a success to one error of the tree in :mod:`posthog_nb.errors`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from posthog_nb.errors import (
    APIError,
    AuthenticationError,
    CaptureRefusedError,
    NotFoundError,
    PermissionDeniedError,
    QueryError,
    QueryTimeoutError,
    QuotaExceededError,
    RateLimitedError,
    ServerError,
    Span,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from requests import Response

__all__ = ["Question", "error_of"]

_SCOPE = re.compile(r"'([a-z_]+:(?:read|write))'")
_LONGEST_TEXT = 300
_NAMES = {
    512: "ClickHouse expects the query to take too long",
    513: "ClickHouse ran out of the memory that one query may use",
}
_BY_STATUS: dict[int, type[APIError]] = {
    401: AuthenticationError,
    402: QuotaExceededError,
    403: PermissionDeniedError,
    404: NotFoundError,
    429: RateLimitedError,
    504: QueryTimeoutError,
    512: QueryTimeoutError,
}
_SERVER_SIDE = 500


@dataclass(frozen=True, slots=True)
class Question:
    """What was asked, as far as an error about it needs to know.

    Attributes:
        kind: ``"query"``, ``"capture"`` or ``"read"``.
        text: The query as its author wrote it.
        query_id: The ``client_query_id`` sent with it.
        place: Maps a position in the text as sent to one in ``text``, which may differ by an added LIMIT.
    """

    kind: str = "read"
    text: str | None = None
    query_id: str | None = None
    place: Callable[[int], int] | None = None

    def span(self, start: int, end: int) -> Span | None:
        """A stretch of the text as sent, in the author's text; None when it cannot lie there."""
        if self.text is None:
            return None
        if self.place is not None:
            start, end = self.place(start), self.place(end)
        start = max(0, min(start, len(self.text)))
        return Span(start, max(start + 1, min(end, len(self.text))))


def error_of(response: Response, question: Question) -> APIError:
    """The error for ``response``, by status, ``type`` and ``code``; never by the wording of its text."""
    body = _body(response)
    kind, code = body.get("type"), body.get("code")
    detail = _detail(response, body)
    first, *further = detail.splitlines() or [""]
    status = response.status_code
    return _class_of(status, question)(
        first or f"PostHog answered {status}.",
        status=status,
        kind=kind if isinstance(kind, str) else None,
        code=code if isinstance(code, str) else None,
        attr=body["attr"] if isinstance(body.get("attr"), str) else None,
        query_id=question.query_id,
        retry_after=_retry_after(response),
        hint=_hint(status, detail, further, question),
        text=question.text,
        span=_span(body, question),
    )


def _class_of(status: int, question: Question) -> type[APIError]:
    if question.kind == "capture" and status < _SERVER_SIDE and status != 429:  # noqa: PLR2004 - Too Many Requests
        return CaptureRefusedError
    if status in _BY_STATUS and not (question.kind == "capture" and status >= _SERVER_SIDE):
        return _BY_STATUS[status]
    if status >= _SERVER_SIDE:
        return ServerError
    return QueryError if question.kind == "query" else APIError


def _body(response: Response) -> dict[str, Any]:
    try:
        found = response.json()
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _detail(response: Response, body: dict[str, Any]) -> str:
    for key in ("detail", "error_description", "error", "message"):
        if isinstance(body.get(key), str) and body[key]:
            return str(body[key])
    named = (
        _NAMES.get(response.status_code) or f"PostHog answered {response.status_code} {response.reason or ''}".rstrip()
    )
    text = response.text.strip()
    if not text or text.startswith(("<", "{", "[")):
        # A proxy's HTML page or an unknown object says nothing to a reader.
        return f"{named}."
    return text[:_LONGEST_TEXT]


def _retry_after(response: Response) -> float | None:
    try:
        return float(response.headers.get("Retry-After", ""))
    except ValueError:
        return None


def _hint(status: int, detail: str, further: list[str], question: Question) -> str | None:
    if status == 403 and (scope := _SCOPE.search(detail)):  # noqa: PLR2004 - Forbidden
        return f"Give the personal API key the scope {scope[1]} (PostHog: Settings, Personal API keys)."
    if status == 404 and question.kind != "capture":  # noqa: PLR2004 - Not Found
        return "Check the host and the project id: PostHog shows the id in its address, /project/<id>."
    if status == 429:  # noqa: PLR2004 - Too Many Requests
        return "PostHog allows 240 queries a minute, 2,400 an hour and 3 at once; wait, then try again."
    if status == 513:  # noqa: PLR2004 - PostHog's own, out of memory
        return "Ask for a shorter time range, fewer columns or a SAMPLE of the events."
    hints = [line.strip().removeprefix("Hint:").strip() for line in further if line.strip().startswith("Hint:")]
    return " ".join(hints) or None


def _span(body: dict[str, Any], question: Question) -> Span | None:
    try:
        first = body["extra"]["hogql_metadata"]["errors"][0]
        return question.span(int(first["start"]), int(first["end"]))
    except (KeyError, IndexError, TypeError, ValueError):
        # Older servers tell no position.
        return None
