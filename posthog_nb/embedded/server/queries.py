"""``/query``: HogQL in, rows out, in PostHog's response object."""

from __future__ import annotations

import time
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from werkzeug.wrappers import Response

from posthog_nb.embedded.hogql import compile_query
from posthog_nb.embedded.server import errors
from posthog_nb.embedded.server.render import json_bytes, json_rows
from posthog_nb.embedded.server.request_body import read_request
from posthog_nb.embedded.server.running import RunningQueries
from posthog_nb.errors import EngineError, HogQLError, HogQLQueryError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from werkzeug.wrappers import Request

    from posthog_nb.embedded.hogql import Compiled
    from posthog_nb.embedded.project import Project
    from posthog_nb.embedded.server.request_body import HogQLRequest

__all__ = ["Queries"]

LONGEST_EXECUTION = 60.0
"""Seconds, as PostHog's default."""

OFFSET_REFUSED = (
    "OFFSET is not supported for queries made with a personal API key. Page by a column that you sort by, "
    "such as timestamp: add a WHERE condition that starts after the last row you have."
)


class Queries:
    """The query endpoint of one project."""

    def __init__(self, project: Project) -> None:
        self._project = project
        self._running = RunningQueries(project.cancel)

    def create(self, request: Request, kind: str | None = None) -> Response:
        """Answer a query within the request."""
        asked = read_request(request, kind)
        with self._running.hold(asked.query_id):
            body = self._answer(asked)
        return Response(json_bytes(body), content_type=errors.JSON)

    def status(self, _request: Request, query_id: str) -> Response:
        """The status of an async query: none was ever started here."""
        raise errors.not_found(f"Query {query_id} not found for team {self._project.settings.project_id}")

    def cancel(self, _request: Request, query_id: str) -> Response:
        """End a running query."""
        message = "Query was cancelled." if self._running.cancel(query_id) else "Query is already complete."
        return Response(json_bytes({"message": message}), content_type=errors.JSON)

    def cancel_all(self) -> None:
        """End every running query."""
        self._running.cancel_all()

    def _answer(self, asked: HogQLRequest) -> dict[str, Any]:
        timings = _Timings()
        try:
            with timings.of("./parse_and_print"):
                compiled = self._compile(asked)
            with timings.of("./clickhouse_execute"):
                found = self._project.run(compiled.sql, query_id=asked.query_id, max_execution_time=LONGEST_EXECUTION)
        except HogQLError as error:
            raise errors.of_hogql(error, asked.query) from error
        except EngineError as error:
            raise errors.of_engine(error) from error
        rows, more = found.rows, None
        if compiled.limit is not None:
            more = len(rows) > compiled.limit
            rows = rows[: compiled.limit]
        modifiers = asked.modifiers
        return {
            "results": json_rows(rows, found.types),
            "columns": list(compiled.columns),
            "types": [list(pair) for pair in zip(compiled.columns, found.types, strict=True)],
            "hasMore": more,
            "limit": compiled.limit,
            "offset": None if compiled.limit is None else 0,
            "hogql": compiled.hogql,
            "clickhouse": compiled.sql if modifiers.get("debug") else None,
            "query": None,
            "error": None,
            "explain": None,
            "metadata": None,
            "timings": timings.spent if modifiers.get("timings") else None,
            "modifiers": self._effective(asked),
            "warnings": None,
            "resolved_date_range": None,
            "is_cached": False,
            "cache_key": None,
            "cache_target_age": None,
            "last_refresh": datetime.now(UTC).isoformat().replace("+00:00", "Z"),
            "next_allowed_client_refresh": None,
            "timezone": self._project.settings.timezone,
            "calculation_trigger": None,
            "query_metadata": None,
            "query_status": None,
        }

    def _compile(self, asked: HogQLRequest) -> Compiled:
        facts = self._project.facts()
        if asked.person_mode is not None:
            facts = replace(facts, person_mode=asked.person_mode)
        compiled = compile_query(
            asked.query, facts, values=asked.values, convert_to_project_timezone=asked.in_project_timezone
        )
        if compiled.uses_offset:
            raise HogQLQueryError(OFFSET_REFUSED, text=asked.query)
        return compiled

    def _effective(self, asked: HogQLRequest) -> dict[str, object]:
        return {
            "personsOnEventsMode": self._project.facts().person_mode,
            "convertToProjectTimezone": True,
        } | {name: value for name, value in asked.modifiers.items() if value is not None}


class _Timings:
    """Seconds by step, as PostHog's ``timings`` gives them."""

    def __init__(self) -> None:
        self.spent: list[dict[str, object]] = []

    @contextmanager
    def of(self, step: str) -> Iterator[None]:
        start = time.perf_counter()
        yield
        self.spent.append({"k": step, "t": round(time.perf_counter() - start, 6)})
