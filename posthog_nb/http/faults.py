"""From an answer that is not a success to one error of the tree in :mod:`posthog_nb.errors`."""

from __future__ import annotations

import json
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
from posthog_nb.http.retry import asked_wait

if TYPE_CHECKING:
    from collections.abc import Callable

    from posthog_nb.http.wire import Reply

__all__ = ["Question", "error_of", "is_verdict", "scope_in"]

_SCOPE = re.compile(r"'([a-z_]+:(?:read|write))'")
_LONGEST_TEXT = 300
_TELLING = ("detail", "error_description", "error", "message")
_NAMES = {
    512: "ClickHouse expects the query to take too long",
    513: "ClickHouse ran out of the memory that one query may use",
}
_CAPTURE_HINTS = {
    401: "Check the project token (phc_...); PostHog shows it under Settings, Project.",
    402: QuotaExceededError.default_hint,
    404: "Check the host: ph.check() tells whether it takes events.",
    413: "Send fewer properties, or fewer events at once.",
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
_BAD_REQUEST = 400


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


def error_of(reply: Reply, question: Question) -> APIError:
    """The error for ``reply``, by status, ``type`` and ``code``; never by the wording of its text."""
    body = _body(reply)
    detail = _detail(reply, body)
    first, *further = detail.splitlines() or [""]
    error = _class_of(reply.status, question)(
        first or f"PostHog answered {reply.status}.",
        status=reply.status,
        kind=_text(body, "type"),
        code=_text(body, "code") or (_text(body, "error") if _text(body, "error_description") else None),
        attr=_text(body, "attr"),
        query_id=question.query_id,
        request_id=_text(body, "error_event_id")
        or reply.headers.get("X-Request-Id")
        or reply.headers.get("PostHog-Request-Id"),
        retry_after=asked_wait(reply.headers),
        by_proxy=not body and reply.status >= _SERVER_SIDE and question.kind != "capture",
        hint=_hint(reply.status, detail, further, question),
        text=question.text,
        span=_span(body, question),
    )
    # Who fails may have done it, or a part of it, before.
    error.may_have_arrived = reply.status >= _SERVER_SIDE
    return error


def scope_in(detail: str) -> str | None:
    """The scope that a 403 says is missing, such as ``query:read``; None where it names none."""
    found = _SCOPE.search(detail)
    return None if found is None else found[1]


def is_verdict(reply: Reply) -> bool:
    """Whether it tells how an asynchronous query ended. PostHog gives that a 400 or 500, which is not its own fault."""
    return _status(_body(reply)).get("complete") is True


def _status(body: dict[str, Any]) -> dict[str, Any]:
    found = body.get("query_status")
    return found if isinstance(found, dict) else {}


def _text(body: dict[str, Any], name: str) -> str | None:
    found = body.get(name)
    return found if isinstance(found, str) and found else None


def _class_of(status: int, question: Question) -> type[APIError]:
    if question.kind == "capture" and status < _SERVER_SIDE and status != 429:  # noqa: PLR2004 - Too Many Requests
        return CaptureRefusedError
    if status in _BY_STATUS and not (question.kind == "capture" and status >= _SERVER_SIDE):
        return _BY_STATUS[status]
    if status >= _SERVER_SIDE:
        return ServerError
    return QueryError if question.kind == "query" and status == _BAD_REQUEST else APIError


def _body(reply: Reply) -> dict[str, Any]:
    try:
        found = json.loads(reply.body)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _detail(reply: Reply, body: dict[str, Any]) -> str:
    if status := _status(body):
        # PostHog leaves the reason out where it may not be shown.
        return _text(status, "error_message") or "The query failed, and PostHog gives no reason."
    if told := next((text for key in _TELLING if (text := _text(body, key))), None):
        return told
    named = _NAMES.get(reply.status) or f"PostHog answered {reply.status} {reply.reason}".rstrip()
    text = reply.body.decode(errors="replace").strip()
    if not text or text.startswith(("<", "{", "[")):
        # A proxy's HTML page or an unknown object says nothing to a reader.
        return f"{named}."
    return text[:_LONGEST_TEXT]


def _hint(status: int, detail: str, further: list[str], question: Question) -> str | None:
    if status == 403 and (scope := scope_in(detail)) is not None:  # noqa: PLR2004 - Forbidden
        return f"Give the personal API key the scope {scope} (PostHog: Settings, Personal API keys)."
    if status == 404 and question.kind != "capture":  # noqa: PLR2004 - Not Found
        return "Check the host and the project id: PostHog shows the id in its address, /project/<id>."
    if status == 429 and question.kind != "capture":  # noqa: PLR2004 - Too Many Requests
        return "PostHog allows 240 queries a minute, 2,400 an hour and 3 at once; wait, then try again."
    if question.kind == "capture" and (hint := _CAPTURE_HINTS.get(status)):
        return hint
    if status == 513:  # noqa: PLR2004 - PostHog's own, out of memory
        return QueryTimeoutError.default_hint
    hints = [line.strip().removeprefix("Hint:").strip() for line in further if line.strip().startswith("Hint:")]
    return " ".join(hints) or None


def _span(body: dict[str, Any], question: Question) -> Span | None:
    try:
        first = body["extra"]["hogql_metadata"]["errors"][0]
        return question.span(int(first["start"]), int(first["end"]))
    except (KeyError, IndexError, TypeError, ValueError, OverflowError):
        # Older servers tell no position.
        return None
