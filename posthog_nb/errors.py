"""Every error of posthog_nb, in one tree.

::

    PostHogError                      anything this package raises on purpose
    ├── ConfigurationError            settings are missing or contradict each other          (ValueError)
    │   └── MissingCredentialError    a key, token or project id is needed and not there
    ├── InvalidInputError             an argument was refused before anything was sent       (ValueError)
    │   └── MissingParameterError     a {name} in a query has no value                       (KeyError)
    ├── MissingDependencyError        an optional library is not installed                   (ImportError)
    ├── TransportError                no complete answer came back                           (ConnectionError)
    │   └── AnswerTimeoutError        none came in time                                      (TimeoutError)
    ├── APIError                      PostHog answered with an error                         (RuntimeError)
    │   ├── AuthenticationError       401: the key is unknown here                           (PermissionError)
    │   ├── PermissionDeniedError     403: the key lacks a scope or a project                (PermissionError)
    │   ├── NotFoundError             404                                                    (LookupError)
    │   ├── CaptureRefusedError       4xx from capture: the events were not taken            (ValueError)
    │   ├── QueryError                400: the query was refused                             (ValueError)
    │   ├── QuotaExceededError        402: the plan's query allowance is used up
    │   ├── RateLimitedError          429
    │   ├── QueryTimeoutError         504 or 512: the query takes too long                   (TimeoutError)
    │   └── ServerError               any other 5xx
    ├── ResultChangedError            the data moved between two pages of one result         (RuntimeError)
    ├── ReportError                   a notebook did not run for its report                  (RuntimeError)
    ├── StoreError                    an embedded store cannot be opened or served           (OSError)
    │   └── StoreHeldError            another process serves it already
    ├── SnapshotError                 a snapshot cannot be read, written or used             (OSError)
    │   └── NotRecordedError          a replay was asked what nobody recorded                (LookupError)
    ├── CaptureRejected               inside the embedded project: a capture body is refused (ValueError)
    ├── EngineError                   inside the embedded project: ClickHouse said no        (RuntimeError)
    └── HogQLError                    inside the embedded project: a query is refused        (ValueError)
        ├── HogQLSyntaxError
        └── HogQLQueryError

Each class also derives from the built-in it resembles, so ``except ValueError`` does what one expects. Messages
pass through :func:`posthog_nb.secret.redact`: no key or token is ever part of an error, nor anything that steers a
terminal; one of many thousand characters is cut and says so. In a notebook an error renders as a few lines
(``_render_traceback_``); to code it stays an ordinary exception with its full traceback.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from posthog_nb.secret import redact
from posthog_nb.visible import cut, visible, width

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = [
    "APIError",
    "AnswerTimeoutError",
    "AuthenticationError",
    "CaptureRefusedError",
    "CaptureRejected",
    "ConfigurationError",
    "EngineError",
    "HogQLError",
    "HogQLQueryError",
    "HogQLSyntaxError",
    "InvalidInputError",
    "MissingCredentialError",
    "MissingDependencyError",
    "MissingParameterError",
    "NotFoundError",
    "NotRecordedError",
    "PermissionDeniedError",
    "PostHogError",
    "QueryError",
    "QueryTimeoutError",
    "QuotaExceededError",
    "RateLimitedError",
    "ReportError",
    "ResultChangedError",
    "ServerError",
    "SnapshotError",
    "Span",
    "StoreError",
    "StoreHeldError",
    "TransportError",
]


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of a query's text: ``start`` and ``end`` are offsets in code points, ``end`` exclusive."""

    start: int
    end: int


class PostHogError(Exception):
    """Base of every error that this package raises on purpose.

    Args:
        message: What was wrong, with the value at fault.
        hint: The next step, in one sentence.
        text: The text in which the fault lies (a query), if any.
        span: Where in ``text`` it lies.

    Attributes:
        may_have_arrived: Whether what was sent may have done at PostHog what it was for, although this was raised: no
            answer came, PostHog failed, or an earlier try of the same request got no answer.
        unsent: The event that a write failed to send, an ``Event``: ``ph.resend(error.unsent)`` sends it again.
        report: What became of the events of a ``capture_many`` that failed, a ``CaptureReport`` to go on from.
        part: The name of the query that ``text`` is, where a query is made of several; None for the query itself.
    """

    may_have_arrived: bool = False
    part: str | None = None
    unsent: Any = None
    report: Any = None

    def __init__(
        self, message: str, *, hint: str | None = None, text: str | None = None, span: Span | None = None
    ) -> None:
        self.message = _told(message)
        self.hint = _told(hint) if hint else None
        self.text = text
        self.span = span
        super().__init__(self.message)

    def __str__(self) -> str:
        return f"{self.message} {self.hint}" if self.hint else self.message

    def lines(self) -> list[str]:
        """The error as a reader should meet it: kind and message, the place with a caret, the hint."""
        return [
            f"{type(self).__name__}: {self.message}",
            *_caret_lines(self.text, self.span, self.part),
            *self._details(),
            *([f"Hint: {self.hint}"] if self.hint else []),
        ]

    def _details(self) -> list[str]:
        return []

    def __reduce__(self) -> tuple[Any, ...]:
        # Exception's own calls the class with the message alone. A pool of processes hangs on an error that it cannot
        # bring back.
        return _restored, (type(self), self.args, self.__dict__)

    def _render_traceback_(self) -> list[str]:
        # IPython calls this instead of printing the stack: the reader needs the cause, not our frames.
        return self.lines()


def _restored(kind: type[PostHogError], args: tuple[Any, ...], state: dict[str, Any]) -> PostHogError:
    # Of a class that is RuntimeError and OSError both, Python takes only the __new__ that its memory is laid out by.
    error: PostHogError = (OSError if issubclass(kind, OSError) else kind).__new__(kind, *args)
    error.args = args
    error.__dict__.update(state)
    return error


_LONGEST_LINE_SHOWN = 100
"""Characters: with what stands before them as many as fit beside each other in a notebook. A caret that wraps is under
another place."""
_LONGEST_MESSAGE = 4_000
_MOST_LINES_TOLD = 25


def _told(message: str) -> str:
    # Redacted whole: half a key would not be known for one.
    return visible(cut(redact(message), _LONGEST_MESSAGE))


def _caret_lines(text: str | None, span: Span | None, part: str | None) -> list[str]:
    """The line of ``text`` that holds ``span`` with carets under it, cut to a readable width around the place."""
    if text is None or span is None:
        return []
    start = max(0, min(span.start, len(text)))
    line_start = text.rfind("\n", 0, start) + 1
    line_end = text.find("\n", start)
    line_end = len(text) if line_end < 0 else line_end
    line = text[line_start:line_end].removesuffix("\r")
    column, end = start - line_start, max(start + 1, min(span.end, line_end)) - line_start
    # As they are shown, and then cut: half a key would not be known for one, and a masked one is shorter.
    before, at_fault, after = (visible(redact(part)) for part in (line[:column], line[column:end], line[end:]))
    most = _LONGEST_LINE_SHOWN
    if len(before) > most // 2 and len(before) + len(at_fault) + len(after) > most:
        before = f"…{before[-(most // 2) :]}"
    rest, room = f"{at_fault}{after}", most - len(before)
    number = text.count("\n", 0, line_start) + 1
    label = f"  line {number}: " if part is None else f"  {part}, line {number}: "
    shown = redact(f"{label}{before}{rest[:room]}{'…' if len(rest) > room else ''}")
    # A tab moves as far under itself.
    indent = "".join("\t" if letter == "\t" else " " * width(letter) for letter in before)
    return [shown, " " * len(label) + indent + "^" * max(1, width(at_fault[:room]))]


class ConfigurationError(PostHogError, ValueError):
    """Settings are missing or contradict each other."""


class MissingCredentialError(ConfigurationError):
    """A key, token or project id is needed for this call and is not set."""


class InvalidInputError(PostHogError, ValueError):
    """An argument was refused before anything was sent.

    Attributes:
        argument: The name of the argument at fault, such as ``"distinct_id"``, where it is one alone; else None.
        key: Which of its properties is at fault, where ``argument`` is ``"properties"``; else None.
    """

    def __init__(  # noqa: PLR0913 - as its base, and the place
        self,
        message: str,
        *,
        hint: str | None = None,
        text: str | None = None,
        span: Span | None = None,
        argument: str | None = None,
        key: str | None = None,
    ) -> None:
        super().__init__(message, hint=hint, text=text, span=span)
        self.argument = argument
        self.key = key


class MissingParameterError(InvalidInputError, KeyError):
    """A ``{name}`` in a query has no value."""


class MissingDependencyError(PostHogError, ImportError):
    """A library that this call needs is not installed."""


class TransportError(PostHogError, ConnectionError):
    """No complete answer came back: refused, dropped, timed out, or not what PostHog sends.

    Attributes:
        passing: Whether the same request may well succeed the next time.
    """

    def __init__(
        self, message: str, *, hint: str | None = None, may_have_arrived: bool = True, passing: bool = True
    ) -> None:
        super().__init__(message, hint=hint)
        self.may_have_arrived = may_have_arrived
        self.passing = passing


class AnswerTimeoutError(TransportError, TimeoutError):
    """No answer came in time; a query is ended on the server as well."""


class APIError(PostHogError, RuntimeError):
    """PostHog answered with an error.

    Attributes:
        status: The HTTP status code.
        code: PostHog's own code, such as ``"not_found"``, or None.
        kind: PostHog's ``type``, such as ``"validation_error"``, or None.
        attr: The request field at fault, or None.
        query_id: The ``client_query_id`` of the query, or None.
        request_id: What PostHog's own people can find the request by, or None.
        retry_after: Seconds to wait, where PostHog says so, or None.
        by_proxy: Whether it was something between here and PostHog that answered, such as a load balancer.
    """

    default_hint: ClassVar[str | None] = None

    def __init__(  # noqa: PLR0913 - an error body has this many fields
        self,
        message: str,
        *,
        status: int,
        code: str | None = None,
        kind: str | None = None,
        attr: str | None = None,
        query_id: str | None = None,
        request_id: str | None = None,
        retry_after: float | None = None,
        by_proxy: bool = False,
        hint: str | None = None,
        text: str | None = None,
        span: Span | None = None,
    ) -> None:
        super().__init__(message, hint=hint or self.default_hint, text=text, span=span)
        self.status = status
        self.code = _masked(code)
        self.kind = _masked(kind)
        self.attr = _masked(attr)
        self.query_id = query_id
        self.request_id = _masked(request_id)
        self.retry_after = retry_after
        self.by_proxy = by_proxy

    def _details(self) -> list[str]:
        parts = [f"HTTP {self.status}"]
        if self.code:
            parts.append(f"code {self.code}")
        if self.query_id:
            parts.append(f"query {self.query_id}")
        if self.request_id:
            parts.append(f"request {self.request_id}")
        return [f"({', '.join(parts)})"]


def _masked(text: str | None) -> str | None:
    return _told(text) if text else None


class AuthenticationError(APIError, PermissionError):
    """401: PostHog does not know the key."""

    default_hint = (
        "Check that the personal API key (phx_...) is current and belongs to this region: "
        "a key of the US cloud is unknown on the EU cloud, and the other way round."
    )


class PermissionDeniedError(APIError, PermissionError):
    """403: the key lacks a scope, or access to the project."""

    default_hint = (
        "Check the project id, and what the key may do and where: it is edited in PostHog, Settings, Personal API keys."
    )


class NotFoundError(APIError, LookupError):
    """404: there is no such project, person, query or path."""


class CaptureRefusedError(APIError, ValueError):
    """Capture answered 4xx: none of the events of the request were taken. Or capture v1 dropped the event."""


class QueryError(APIError, ValueError):
    """PostHog refused the query; ``span`` tells where, when PostHog told us."""


class QuotaExceededError(APIError):
    """402: the plan's allowance for API queries is used up; trying again does not help."""

    default_hint = "Wait for the next period, or raise the limit (PostHog: Settings, Billing)."


class RateLimitedError(APIError):
    """429: too many requests, or too many queries at once."""


class QueryTimeoutError(APIError, TimeoutError):
    """504 or 512: the query takes longer than PostHog allows."""

    default_hint = "Ask for a shorter time range, fewer columns or a SAMPLE of the events."


class ServerError(APIError):
    """PostHog failed (5xx)."""

    default_hint = "Try again later; if it stays so, ask for less."


class ResultChangedError(PostHogError, RuntimeError):
    """The data moved between two pages of one result, so the pages do not fit together."""


class ReportError(PostHogError, RuntimeError):
    """A notebook did not run for its report, and none was written.

    Attributes:
        told: What the cell that failed said, line by line.
    """

    def __init__(self, message: str, *, hint: str | None = None, told: Iterable[str] = ()) -> None:
        super().__init__(message, hint=hint)
        self.told = [_told(line) for line in told]

    def _details(self) -> list[str]:
        return [f"  {line}" for line in self.told[-_MOST_LINES_TOLD:]]


class StoreError(PostHogError, OSError):
    """An embedded store cannot be opened, is held by another process, or its server does not start."""


class StoreHeldError(StoreError):
    """Another process serves the embedded store already, and one store has one server."""


class SnapshotError(PostHogError, OSError):
    """A snapshot cannot be read, written or used: it is damaged, of another format or another project."""


class NotRecordedError(SnapshotError, LookupError):
    """A replay was asked what its snapshot does not hold. The message names the nearest that it does."""


class CaptureRejected(PostHogError, ValueError):  # noqa: N818 - the client's CaptureRefusedError is what people meet
    """Inside the embedded project: a capture request is refused whole.

    It crosses the wire as PostHog's plain text, or as JSON with the tag in capture v1.

    Attributes:
        status: The HTTP status that PostHog answers.
        tag: Capture v1's word for the reason, such as ``"empty_batch"``.
    """

    def __init__(self, status: int, message: str, *, tag: str | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.tag = tag


class EngineError(PostHogError, RuntimeError):
    """Inside the embedded project: ClickHouse refused or stopped a query. It crosses the wire as PostHog's 400 or 5xx.

    Attributes:
        name: ClickHouse's own name for the reason, such as ``"TYPE_MISMATCH"``.
    """

    def __init__(self, message: str, *, name: str) -> None:
        super().__init__(message)
        self.name = name


class HogQLError(PostHogError, ValueError):
    """Inside the embedded project: a query is refused. It crosses the wire as PostHog's 400.

    Attributes:
        code: PostHog's code for this class of error.
        meant: A name in the place at fault and the one that was probably meant, where there is one.
    """

    code: ClassVar[str] = "hogql_error"

    def __init__(
        self,
        message: str,
        *,
        hint: str | None = None,
        text: str | None = None,
        span: Span | None = None,
        meant: tuple[str, str] | None = None,
    ) -> None:
        super().__init__(message, hint=hint, text=text, span=span)
        self.meant = meant


class HogQLSyntaxError(HogQLError):
    """The text is not HogQL."""

    code = "hogql_syntax_error"


class HogQLQueryError(HogQLError):
    """The text is HogQL and means nothing here: an unknown table, column or function, a misuse."""

    code = "hogql_query_error"
