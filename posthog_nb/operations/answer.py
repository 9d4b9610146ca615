"""One answer of PostHog's query endpoint, and the status of a query that is answered later."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from posthog_nb.frames import columns_and_types, read_answer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from posthog_nb.frames import JsonRows

__all__ = ["LARGEST_PAGE", "MOST_ROWS", "Answer", "Origin", "Status", "origin_of_all", "read_reply", "time_of"]

MOST_ROWS = 50_000
"""PostHog silently lowers a higher LIMIT to this."""

LARGEST_PAGE = MOST_ROWS - 1
"""Leaves room for the one row that tells of more."""


@dataclass(frozen=True)
class Answer:
    """The rows of one request and what came with them.

    Attributes:
        columns: The columns' names as PostHog gives them, possibly with repetitions.
        types: Their ClickHouse types, or None when the answer has none.
        rows: The rows, as JSON text.
        timezone: The project's time zone.
        hogql: The query as PostHog understood it.
        is_cached: Whether the rows were computed earlier.
        last_refresh: When they were computed, as PostHog writes it.
        query_id: Our id of the query.
        clickhouse: The ClickHouse SQL that it became, where PostHog tells it.
        plan: The lines of ClickHouse's plan of it, which come with ``debug``; None where PostHog gives none.
        error: Why it failed: with ``debug`` PostHog tells it in an answer like any other.
    """

    columns: tuple[str, ...]
    types: tuple[str, ...] | None
    rows: JsonRows
    timezone: str | None
    hogql: str | None
    is_cached: bool
    last_refresh: str | None
    query_id: str = ""
    clickhouse: str | None = None
    plan: tuple[str, ...] | None = None
    error: str | None = None

    @property
    def origin(self) -> Origin:
        """Where its rows come from."""
        return Origin(self.query_id, self.is_cached, self.last_refresh)

    def is_from(self, moment: datetime) -> bool:
        """Whether it was computed at ``moment`` or later, both by PostHog's clock."""
        computed = time_of(self.last_refresh)
        return computed is None or computed >= moment - _A_MOMENT


_A_MOMENT = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Origin:
    """Where rows come from: the query's id, whether they were computed earlier, and when, as PostHog writes it."""

    query_id: str
    is_cached: bool
    last_refresh: str | None


def origin_of_all(origins: Sequence[Origin]) -> Origin:
    """That of rows of several requests: the first one's id, cached where any is, and the oldest time."""
    times = {moment: one.last_refresh for one in origins if (moment := time_of(one.last_refresh)) is not None}
    oldest = times[min(times)] if times else origins[0].last_refresh
    return Origin(origins[0].query_id, any(one.is_cached for one in origins), oldest)


@dataclass(frozen=True)
class Status:
    """How far an asynchronous query is.

    Attributes:
        complete: Whether it has ended, well or not.
        error: Whether it failed.
        error_message: Why, where PostHog says so.
        start_time: When it began, by PostHog's clock.
        rows_read: The rows read so far; None when PostHog does not tell.
        rows_total: How many there are to read, by estimate; None when PostHog does not tell.
    """

    complete: bool
    error: bool
    error_message: str | None
    start_time: datetime | None
    rows_read: int | None
    rows_total: int | None


def read_reply(body: bytes) -> tuple[Answer | None, Status | None]:
    """The answer and the status that a reply of the query endpoint holds: one of them or both.

    An incomplete status may come with an answer from the cache that is out of date; that answer is left out.

    Raises:
        ValueError: it is not JSON, or is cut short.
    """
    try:
        found, rows = read_answer(body)
    except ValueError:
        json.loads(body)  # raises anew for what is no JSON
        return None, None
    given = found.get("query_status")
    status = _status(given) if isinstance(given, dict) else None
    if status is not None and not status.complete:
        return None, status
    inner = given.get("results") if isinstance(given, dict) else None
    return (None if rows is None else _answer(inner if isinstance(inner, dict) else found, rows)), status


def _answer(found: dict[str, Any], rows: JsonRows) -> Answer:
    columns, types = columns_and_types(found)
    plan = found.get("explain")
    return Answer(
        columns=columns,
        types=types,
        rows=rows,
        timezone=found.get("timezone"),
        hogql=found.get("hogql"),
        is_cached=bool(found.get("is_cached")),
        last_refresh=found.get("last_refresh"),
        clickhouse=found.get("clickhouse"),
        plan=tuple(map(str, plan)) if isinstance(plan, list) else None,
        error=found.get("error"),
    )


def _status(found: dict[str, Any]) -> Status:
    progress = found.get("query_progress")
    read = progress.get("rows_read") if isinstance(progress, dict) else None
    total = progress.get("estimated_rows_total") if isinstance(progress, dict) else None
    message = found.get("error_message")
    return Status(
        complete=bool(found.get("complete")),
        error=bool(found.get("error")),
        error_message=message if isinstance(message, str) and message else None,
        start_time=time_of(found.get("start_time")),
        rows_read=read if isinstance(read, int) else None,
        # PostHog's estimate may be 0, or less than what was read already.
        rows_total=max(total, read or 0) if isinstance(total, int) and total > 0 else None,
    )


def time_of(text: object) -> datetime | None:
    """A moment as PostHog writes it; None for what is none, or names no zone."""
    if not isinstance(text, str):
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found if found.tzinfo is not None else None
