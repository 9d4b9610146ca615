"""Running a HogQL query: its limit, its parameters, its first page."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from time import monotonic
from typing import TYPE_CHECKING

from posthog_nb.errors import HogQLSyntaxError, InvalidInputError, QueryError
from posthog_nb.operations import answer as limits
from posthog_nb.operations.asking import Asker
from posthog_nb.operations.kept import kept_result, question, real
from posthog_nb.operations.locating import located
from posthog_nb.operations.paging import start_walk
from posthog_nb.operations.plain import is_text, most_rows
from posthog_nb.operations.positions import Chunk
from posthog_nb.operations.progress import new_bar
from posthog_nb.operations.result import Context, Result
from posthog_nb.operations.shape import Shape, read_shape
from posthog_nb.operations.values import Bound, bind, named
from posthog_nb.syntax import tokenise

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from posthog_nb.connection import Connection
    from posthog_nb.operations.answer import Answer
    from posthog_nb.operations.splice import Spliced
    from posthog_nb.operations.task import Progress

__all__ = ["Prepared", "as_sent", "check_timeout", "first_answer", "prepare", "run"]

DEFAULT_LIMIT = 100


@dataclass(frozen=True)
class Prepared:
    """A query, ready for its first request.

    Attributes:
        shape: Its shape.
        bound: Its parameters.
        limit: The limit that was asked for, as a number of Python's own.
        size: The most rows of its first page; None when only the server can work the query's own LIMIT out.
        text: The text to send.
    """

    shape: Shape
    bound: Bound
    limit: int | None
    size: int | None
    text: Spliced

    @property
    def page_size(self) -> int:
        """How many rows a page of the result has."""
        return self.size or limits.LARGEST_PAGE


def prepare(query: str, limit: int | None, values: Mapping[str, object] | None) -> Prepared:
    """Read, check and bind a query; the arguments are those of :meth:`posthog_nb.client.Client.query`."""
    _check(query)
    # A numpy integer is welcome; what follows counts with Python's own, and JSON knows no other.
    limit = None if limit is None else most_rows(limit, hint="fetch_all() gives every row.")
    given = named(values)
    shape = read_shape(query, given)
    bound = bind(query, shape.tree, given)
    size = _size(shape, limit)
    return Prepared(shape, bound, limit, size, _first_text(shape, bound, size))


def run(  # noqa: PLR0913 - one argument a choice
    connection: Connection,
    query: str,
    *,
    limit: int | None = None,
    values: Mapping[str, object] | None = None,
    frame: str | None = None,
    timeout: float | None = None,
    fresh: bool = False,
    mode: str = "auto",
    progress: Callable[[Progress], object] | bool = False,
    notes: tuple[str, ...] = (),
) -> Result:
    """Run ``query``; see :meth:`posthog_nb.client.Client.query` for the arguments."""
    check_timeout(timeout)
    asker = Asker(connection, mode=mode, timeout=timeout, fresh=fresh, watcher=_watcher(progress))
    prepared = prepare(query, limit, values)
    if connection.keeper is None:
        return _run(asker, prepared, query, frame, notes)
    given = named(values)
    sent = as_sent(connection, prepared, query, given)
    asked = question(query, given, prepared.limit, prepared.shape.tree)
    live = partial(_run, asker, sent, query, frame, notes)
    return kept_result(connection.keeper, asked, live, frame, prepared.page_size)


def as_sent(connection: Connection, prepared: Prepared, query: str, given: Mapping[str, object]) -> Prepared:
    """The query as PostHog gets it: prepared anew where a value is an id that a recording gave out for another.

    Raises:
        InvalidInputError: it is one of another recording.
    """
    sent = {name: real(connection, value) for name, value in given.items()}
    if all(sent[name] is value for name, value in given.items()):
        return prepared
    return prepare(query, prepared.limit, sent)


def _run(asker: Asker, prepared: Prepared, query: str, frame: str | None, notes: tuple[str, ...]) -> Result:
    shape, bound, size = prepared.shape, prepared.bound, prepared.size
    start = monotonic()
    try:
        answer = first_answer(asker, prepared, original=query)
    finally:
        asker.rest()
    elapsed = monotonic() - start
    shown = min(size, limits.LARGEST_PAGE) if size is not None else limits.LARGEST_PAGE
    cut = len(answer.rows) > shown if size is not None else len(answer.rows) >= limits.MOST_ROWS
    if len(answer.rows) == size == shape.limit:
        # All that the query's own LIMIT allows, be it as many as PostHog gives at once.
        cut = False
    context = Context(
        source=asker.connection.label, query=query, frame=frame, page_size=prepared.page_size, notes=notes
    )
    if not cut:
        chunk = Chunk(answer.rows, answer.types, answer.origin)
        return Result(context, answer, [chunk], None, answer.origin, elapsed=elapsed)
    rows = answer.rows[:shown]
    walk = start_walk(shape, bound, answer, given=rows, asker=asker)
    chunk = Chunk(rows, answer.types, answer.origin)
    result = Result(context, answer, [chunk], walk, answer.origin, elapsed=elapsed)
    return result if size is None or size <= shown else result.extended(size - shown)


def _check(query: object) -> None:
    if not isinstance(query, str):
        raise InvalidInputError(f"The query is of type {type(query).__name__}, not text.")
    if not is_text(query):
        raise InvalidInputError("The query holds half a surrogate pair, which is not text.")


def check_timeout(timeout: object) -> None:
    """Refuse what is no number of seconds above 0.

    Raises:
        InvalidInputError: it is none.
    """
    if timeout is not None and (isinstance(timeout, bool) or not isinstance(timeout, int | float) or not timeout > 0):
        raise InvalidInputError(f"timeout is {timeout!r}; it is a number of seconds above 0.")


def _watcher(progress: object) -> Callable[[Progress], object] | None:
    if isinstance(progress, bool):
        return new_bar() if progress else None
    if not callable(progress):
        raise InvalidInputError(f"progress is {progress!r}; it is True, False or a function of one Progress.")
    return progress


def _size(shape: Shape, limit: int | None) -> int | None:
    """The most rows of the first page; None when only the server can work the query's own LIMIT out."""
    if shape.limit is not None:
        return shape.limit if limit is None else min(limit, shape.limit)
    if shape.limited and limit is None:
        return None
    return limit or DEFAULT_LIMIT


def _first_text(shape: Shape, bound: Bound, size: int | None) -> Spliced:
    if size is None:
        return shape.with_edits(bound.edits)
    # One row more than will be shown tells whether there are more. The query's own LIMIT may say so already.
    asked = min(size, limits.LARGEST_PAGE) + 1
    return shape.capped(min(asked, shape.limit) if shape.limit is not None else asked, bound.edits)


def first_answer(asker: Asker, prepared: Prepared, *, original: str, debug: bool = False) -> Answer:
    """The answer to the first request of a query.

    Args:
        asker: Asks PostHog.
        prepared: The query.
        original: Its text as its author wrote it.
        debug: Ask for its SQL and ClickHouse's plan of it as well.

    Raises:
        QueryError: PostHog refused it; the error shows the place.
    """
    shape, bound, text = prepared.shape, prepared.bound, prepared.text
    try:
        return asker.ask(text, bound.values, original=original, watcher=asker.watcher, debug=debug)
    except QueryError as error:
        if shape.fault is None:
            if error.span is None and not bound.values:
                error = located(error, asker.connection, text)
            error.hint = error.hint or _hint_of_quotes(error)
            raise error from None
        # PostHog agrees that this is not HogQL, and our parser read the text as its author wrote it.
        raise _refused(shape.fault, error) from error


def _refused(fault: HogQLSyntaxError, error: QueryError) -> QueryError:
    return QueryError(
        fault.message,
        status=error.status,
        code=error.code,
        kind=error.kind,
        query_id=error.query_id,
        hint=fault.hint or _hint(fault),
        text=fault.text,
        span=fault.span,
    )


def _hint_of_quotes(error: QueryError) -> str | None:
    place = error.text[error.span.start : error.span.end] if error.text is not None and error.span is not None else ""
    return "A text stands in single quotes; double quotes are for names." if place[:1] == place[-1:] == '"' else None


def _hint(fault: HogQLSyntaxError) -> str | None:
    if fault.text is None or fault.span is None:
        return None
    before = tokenise(fault.text[: fault.span.start])
    if before and before[-1].word == ";":
        return "One query at a time: what follows the semicolon is another."
    return None
