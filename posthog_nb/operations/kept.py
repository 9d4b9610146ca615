"""Answers by way of a snapshot: recorded as they come, or replayed.

A query's rows are kept as they are given out, page by page, so that a replay goes the same steps.
"""

from __future__ import annotations

import json
from datetime import date, datetime
from typing import TYPE_CHECKING, Any, TypeVar, cast

from posthog_nb.frames import JsonRows, decode
from posthog_nb.operations.answer import Answer
from posthog_nb.operations.moments import gathered_warnings, in_utc
from posthog_nb.operations.plain import as_python
from posthog_nb.operations.result import Context, Result
from posthog_nb.operations.values import placeholders, plain
from posthog_nb.snapshots.asked import Answered, Asked

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from posthog_nb.connection import Connection
    from posthog_nb.snapshots.keeper import Keeper

_T = TypeVar("_T")

__all__ = ["answer_of", "bound_again", "json_answer", "json_in", "kept_result", "look_up", "question", "real"]


def question(query: str, given: Mapping[str, object], limit: int | None, tree: dict[str, Any] | None) -> Asked:
    """What a snapshot files the first rows of a query under; space and a semicolon around it are no part of it.

    Args:
        query: The query.
        given: The values by name.
        limit: The most rows to return.
        tree: The query's parse, where there is one.
    """
    used = dict.fromkeys(name for name, _ in placeholders(query, given, tree) if name in given)
    with gathered_warnings():  # of times without a zone, which were told when they were bound
        values = {name: _recorded(name, given[name]) for name in used}
    return Asked.query(query.strip().removesuffix(";").rstrip(), values, limit)


def _recorded(name: str, value: object) -> Any:  # noqa: ANN401 - any JSON
    value = as_python(value)
    if isinstance(value, list | tuple):
        return [_recorded(name, item) for item in value]
    if isinstance(value, datetime):
        return {"datetime": in_utc(value, f"{{{name}}}").isoformat()}
    if isinstance(value, date):
        return {"date": value.isoformat()}
    return plain(name, value)


def bound_again(recorded: Mapping[str, Any]) -> dict[str, object]:
    """The values that :func:`question` recorded."""
    return {name: _bound(value) for name, value in recorded.items()}


def _bound(value: Any) -> object:  # noqa: ANN401 - any JSON
    match value:
        case list():
            return [_bound(item) for item in value]
        case {"datetime": moment}:
            return datetime.fromisoformat(moment)
        case {"date": day}:
            return date.fromisoformat(day)
    return value


def look_up(connection: Connection, kind: str, detail: Mapping[str, Any], live: Callable[[], Any]) -> Any:  # noqa: ANN401 - any JSON
    """What ``live`` gives, a JSON value; or what a snapshot has for it.

    Args:
        connection: The project.
        kind: What is looked up, such as ``"person"``.
        detail: Which one, as JSON.
        live: Asks PostHog.
    """
    if connection.keeper is None:
        return live()

    found = connection.keeper.answer(Asked(kind, detail), lambda: json_answer(connection, live()))
    return json_in(found)


def json_answer(connection: Connection, found: Any) -> Answered:  # noqa: ANN401 - any JSON
    """What was looked up, as a snapshot keeps it."""
    text = json.dumps(found, ensure_ascii=False)
    table = decode(("json",), ("String",), JsonRows.of([(text,)]))
    return Answered(table, connection.label, ("json",), ("String",))


def json_in(answered: Answered) -> Any:  # noqa: ANN401 - any JSON
    """What :func:`json_answer` was given.

    Raises:
        SnapshotError: somebody else wrote it.
    """
    try:
        return json.loads(answered.table.arrow.column("json")[0].as_py())
    except (LookupError, TypeError, ValueError, RecursionError) as error:
        from posthog_nb.snapshots.manifest import damaged  # noqa: PLC0415 - for who has a snapshot

        raise damaged(answered.source, "a look-up holds no JSON") from error


def real(connection: Connection, value: _T) -> _T:
    """A value on its way to PostHog: an id that a recording gave out in the place of another is that one again."""
    if connection.keeper is None:
        return value
    # A column of a frame, as often as not.
    plain_value = as_python(value)
    found = connection.keeper.real(plain_value)
    return value if found is plain_value else cast("_T", found)


def kept_result(keeper: Keeper, asked: Asked, live: Callable[[], Result], frame: str | None, page_size: int) -> Result:
    """The result of a query by way of a snapshot.

    Args:
        keeper: Records or replays.
        asked: The query.
        live: Runs it.
        frame: As for :class:`~posthog_nb.operations.result.Context`.
        page_size: Likewise.
    """
    found: list[Result] = []

    def answered() -> Answered:
        found.append(live())
        return answer_of(found[0])

    answer = keeper.answer(asked, answered)
    return _Kept(keeper, asked, answer, found[0] if found else None, frame, page_size)


def answer_of(result: Result) -> Answered:
    """What a snapshot keeps of a result."""
    return Answered(
        table=result.table,
        source=result.source,
        columns=tuple(result.columns),
        types=tuple(result.types),
        timezone=result.timezone,
        hogql=result.hogql,
        has_more=result.has_more,
        is_cached=result.is_cached,
        last_refresh=result.last_refresh,
        query_id=result.query_id,
        elapsed=result.elapsed,
        notes=result._context.notes,  # noqa: SLF001 - what a result is made of, and nobody else's business
    )


class _Kept(Result):
    """A result whose rows are in a snapshot, and so are those that follow from it."""

    def __init__(  # noqa: PLR0913, PLR0917 - what it is made of
        self, keeper: Keeper, asked: Asked, found: Answered, live: Result | None, frame: str | None, page_size: int
    ) -> None:
        when = "" if found.recorded_at is None else f", recorded {found.recorded_at:%Y-%m-%d %H:%M} UTC"
        query: str = asked.detail["hogql"]
        answer = Answer(
            columns=found.columns,
            types=found.types or None,
            rows=JsonRows(),
            timezone=found.timezone,
            hogql=found.hogql,
            is_cached=found.is_cached,
            last_refresh=found.last_refresh,
            query_id=found.query_id,
        )
        context = Context(f"{found.source}{when}", query, frame, page_size, found.notes)
        super().__init__(context, answer, [found.table], None, answer.origin, elapsed=found.elapsed)
        self.has_more = found.has_more
        # A result that leads nowhere has nobody to ask, and not the rows as they came before they were covered.
        self._on = (keeper, asked, live) if found.has_more else None

    def _step(self, step: str, go: Callable[[Result], Result]) -> Result:
        assert self._on is not None  # noqa: S101 - there is more
        keeper, asked, live = self._on

        def result() -> Result:
            assert live is not None  # noqa: S101 - a replay asks nobody
            return go(live)

        return kept_result(keeper, asked.then(step), result, self._context.frame, self._context.page_size)

    def next_page(self) -> Result | None:
        return self._step("next_page", _next_page) if self.has_more else None

    def pages(self) -> Iterator[Result]:
        page: Result | None = self
        while page is not None:
            yield page
            page = page.next_page()

    def fetch_all(self) -> Result:
        return self.extended(None)

    def extended(self, rows: int | None) -> Result:
        if not self.has_more:
            return self
        return self._step("fetch_all" if rows is None else f"{rows} more", lambda live: live.extended(rows))


def _next_page(result: Result) -> Result:
    following = result.next_page()
    assert following is not None  # noqa: S101 - where there is more there is a page
    return following
