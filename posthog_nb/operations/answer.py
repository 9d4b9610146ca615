"""One answer of PostHog's query endpoint, and asking for it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from posthog_nb.errors import TransportError
from posthog_nb.http import Question

if TYPE_CHECKING:
    from collections.abc import Mapping

    from posthog_nb.connection import Connection
    from posthog_nb.operations.splice import Spliced

__all__ = ["LARGEST_PAGE", "MOST_ROWS", "Answer", "ask"]

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
        rows: The rows.
        timezone: The project's time zone.
        hogql: The query as PostHog understood it.
        is_cached: Whether the rows were computed earlier.
        last_refresh: When they were computed, as PostHog writes it.
        query_id: Our id of the request.
    """

    columns: tuple[str, ...]
    types: tuple[str, ...] | None
    rows: list[list[Any]]
    timezone: str | None
    hogql: str | None
    is_cached: bool
    last_refresh: str | None
    query_id: str


def ask(  # noqa: PLR0913 - a request has this many parts
    connection: Connection,
    query: Spliced,
    values: Mapping[str, Any],
    *,
    original: str | None,
    fresh: bool,
    timeout: float | None,
) -> Answer:
    """Send one query.

    Args:
        connection: Where to.
        query: The text to send.
        values: The constants to bind.
        original: The text as its author wrote it, for errors; None for a text that is not theirs.
        fresh: Compute now, whatever is in the cache.
        timeout: Seconds to wait for the answer.
    """
    query_id = str(uuid4())
    node: dict[str, Any] = {"kind": "HogQLQuery", "query": query.text}
    if values:
        node["values"] = dict(values)
    body = {"query": node, "client_query_id": query_id, "refresh": "force_blocking" if fresh else "blocking"}
    question = Question(kind="query", text=original, query_id=query_id, place=query.original)
    return _read(connection.query(body, timeout=timeout, question=question), query_id)


def _read(body: Any, query_id: str) -> Answer:  # noqa: ANN401 - JSON
    if not isinstance(body, dict) or not isinstance(body.get("results"), list):
        raise TransportError(
            "The answer to the query holds no results.", hint="The host may not be PostHog, or of an unknown version."
        )
    columns = tuple(map(str, body.get("columns") or ()))
    types = tuple(str(pair[1]) for pair in body.get("types") or () if isinstance(pair, list))
    return Answer(
        columns=columns,
        # A cached answer of an older server may come without types.
        types=types if len(types) == len(columns) else None,
        rows=body["results"],
        timezone=body.get("timezone"),
        hogql=body.get("hogql"),
        is_cached=bool(body.get("is_cached")),
        last_refresh=body.get("last_refresh"),
        query_id=query_id,
    )
