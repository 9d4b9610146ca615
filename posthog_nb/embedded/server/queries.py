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
from posthog_nb.embedded.server.answers import JSON, json_answer
from posthog_nb.embedded.server.introspection import autocomplete, database_schema, metadata
from posthog_nb.embedded.server.jobs import Jobs
from posthog_nb.embedded.server.known_values import StoredValues
from posthog_nb.embedded.server.render import json_bytes, json_rows, json_time
from posthog_nb.embedded.server.request_body import read_request
from posthog_nb.embedded.server.running import RunningQueries
from posthog_nb.errors import EngineError, HogQLError, HogQLQueryError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from werkzeug.wrappers import Request

    from posthog_nb.embedded.hogql import Compiled, ProjectFacts
    from posthog_nb.embedded.project import Project
    from posthog_nb.embedded.server.request_body import HogQLRequest
    from posthog_nb.embedded.store.engine import Rows

__all__ = ["Queries"]

LONGEST_EXECUTION = 60.0
LONGEST_LATER_EXECUTION = 600.0
"""Seconds, as PostHog's own: within the request, and for a query that is answered later."""

OFFSET_REFUSED = (
    "OFFSET is not supported for queries made with a personal API key. Page by a column that you sort by, "
    "such as timestamp: add a WHERE condition that starts after the last row you have."
)


class Queries:
    """The query endpoint of one project."""

    def __init__(self, project: Project) -> None:
        self._project = project
        self._running = RunningQueries(project.cancel)
        self._jobs = Jobs(project.settings.project_id, progress=project.progress, at_fault=errors.at_fault)

    def create(self, request: Request, kind: str | None = None) -> Response:
        """Answer a query within the request, or begin to work on one that is to be answered later."""
        asked = read_request(request, kind)
        if asked.later and asked.kind == "HogQLQuery":
            code, status = self._jobs.start(
                asked.query_id, lambda: self._answer(asked, LONGEST_LATER_EXECUTION), anew=asked.anew
            )
            # What may come from a cache has a key in it. Nothing is cached here.
            return _query_status(code, status, b"" if asked.anew else b'"cache_key":null,')
        try:
            if asked.kind != "HogQLQuery":
                return json_answer(self._introspect(asked))
            return Response(self._answer(asked, LONGEST_EXECUTION), content_type=JSON)
        except (HogQLError, EngineError) as error:
            raise errors.of_query(error, asked.query) from error

    def _introspect(self, asked: HogQLRequest) -> dict[str, Any]:
        facts = self._facts(asked)
        match asked.kind:
            case "HogQLMetadata":
                return metadata(asked, facts)
            case "HogQLAutocomplete":
                return autocomplete(asked, facts, StoredValues(self._project, facts))
            case _:
                return database_schema(facts)

    def status(self, request: Request, query_id: str) -> Response:
        """The status of a query that is answered later, with the rows once it is complete."""
        wanted = request.args.get("show_progress", "").lower() in {"1", "true"}
        found = self._jobs.status(query_id, show_progress=wanted)
        if found is None:
            raise errors.not_found(f"Query {query_id} not found for team {self._project.settings.project_id}")
        return _query_status(*found)

    def cancel(self, request: Request, query_id: str) -> Response:
        """End a running query, and forget one that is answered later."""
        waiting = self._jobs.forget(query_id)
        if waiting:
            message = "Query was removed from the queue."
        elif request.args.get("dequeue_only", "").lower() not in {"1", "true"} and self._running.cancel(query_id):
            message = "Query was cancelled."
        else:
            message = "Query is already complete."
        return json_answer({"message": message})

    def cancel_all(self) -> None:
        """End every running query, and begin none that waits."""
        self._jobs.forget_all()
        self._running.cancel_all()

    def _answer(self, asked: HogQLRequest, seconds: float) -> bytes:
        """The response object as JSON text.

        Raises:
            HogQLError: the query is refused.
            EngineError: ClickHouse refused or stopped it.
        """
        timings = _Timings()
        with self._running.hold(asked.query_id):
            with timings.of("./parse_and_print"):
                compiled = self._compile(asked)
            with timings.of("./clickhouse_execute"):
                found = self._project.run(compiled.sql, query_id=asked.query_id, max_execution_time=seconds)
            plan = None
            if asked.modifiers.get("debug"):
                with timings.of("./explain"):
                    # PostHog's own is without the indexes, and says nothing of how much would be read.
                    sql = f"EXPLAIN indexes = 1 {compiled.sql}"
                    plan = self._project.run(sql, query_id=asked.query_id, max_execution_time=seconds)
        return json_bytes(
            self._response(asked, compiled, found, timings)
            | {"explain": None if plan is None else [line for (line,) in plan.rows]}
        )

    def _response(self, asked: HogQLRequest, compiled: Compiled, found: Rows, timings: _Timings) -> dict[str, Any]:
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
            "last_refresh": json_time(datetime.now(UTC)),
            "next_allowed_client_refresh": None,
            "timezone": self._project.settings.timezone,
            "calculation_trigger": None,
            "query_metadata": None,
            "query_status": None,
        }

    def _facts(self, asked: HogQLRequest) -> ProjectFacts:
        facts = self._project.facts()
        return facts if asked.person_mode is None else replace(facts, person_mode=asked.person_mode)

    def _compile(self, asked: HogQLRequest) -> Compiled:
        compiled = compile_query(
            asked.query,
            self._facts(asked),
            values=asked.values,
            variables=asked.variables,
            filters=asked.filters,
            convert_to_project_timezone=asked.in_project_timezone,
        )
        if compiled.uses_offset:
            raise HogQLQueryError(OFFSET_REFUSED, text=asked.query)
        return compiled

    def _effective(self, asked: HogQLRequest) -> dict[str, object]:
        return {
            "personsOnEventsMode": self._project.facts().person_mode,
            "convertToProjectTimezone": True,
        } | {name: value for name, value in asked.modifiers.items() if value is not None}


def _query_status(code: int, status: bytes, before: bytes = b"") -> Response:
    return Response(b"{" + before + b'"query_status":' + status + b"}", status=code, content_type=JSON)


class _Timings:
    """Seconds by step, as PostHog's ``timings`` gives them."""

    def __init__(self) -> None:
        self.spent: list[dict[str, object]] = []

    @contextmanager
    def of(self, step: str) -> Iterator[None]:
        start = time.perf_counter()
        yield
        self.spent.append({"k": step, "t": round(time.perf_counter() - start, 6)})
