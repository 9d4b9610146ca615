"""What a query would send, without running it."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from posthog_nb.errors import QueryError
from posthog_nb.http import Deadline, Question
from posthog_nb.operations.card import titled_html, titled_text
from posthog_nb.operations.queries import Prepared, prepare
from posthog_nb.visible import cut

if TYPE_CHECKING:
    from collections.abc import Mapping

    from posthog_nb.connection import Connection

__all__ = ["DryRun", "dry_run"]

_SECONDS = 30.0
_LONGEST_VALUE = 1_000
_BAD_REQUEST = 400


@dataclass(frozen=True, repr=False)
class DryRun:
    """What a query would send first: its text and the values beside it. It has not been run.

    Attributes:
        source: Where it would go, such as ``"demo"`` or ``"eu.posthog.com"``.
        hogql: The text that would be sent, with the LIMIT of its first request.
        values: The constants that would be bound, as JSON has them.
        clickhouse: The ClickHouse SQL that it becomes, from an embedded project; None from any other PostHog, which
            tells it nobody.
    """

    source: str
    hogql: str
    values: Mapping[str, Any] = field(default_factory=dict)
    clickhouse: str | None = None

    def _parts(self) -> list[tuple[str, str]]:
        values = "\n".join(
            f"{name} = {cut(json.dumps(value, ensure_ascii=False), _LONGEST_VALUE)}"
            for name, value in self.values.items()
        )
        parts = [(f"HogQL, as it would be sent to {self.source}", self.hogql), ("Values", values or "none")]
        return parts if self.clickhouse is None else [*parts, ("ClickHouse SQL", self.clickhouse)]

    def __repr__(self) -> str:
        return f"{titled_text(self._parts())}\n\nNothing was run."

    def _repr_html_(self) -> str:
        return titled_html(self._parts(), '<div class="q">Nothing was run.</div>', kind="dry-run")


def dry_run(connection: Connection, query: str, *, limit: int | None, values: Mapping[str, object] | None) -> DryRun:
    """What :func:`posthog_nb.operations.queries.run` would send first.

    Only an embedded project is asked, for its SQL; nothing is sent to a PostHog on the network.

    Raises:
        QueryError: the embedded project refuses the query.
    """
    prepared = prepare(query, limit, values)
    # A PostHog on the network tells it nobody, and a replay has nobody to ask.
    asked = connection.given_settings.kind not in {"remote", "replay"}
    clickhouse = _clickhouse(connection, query, prepared) if asked else None
    return DryRun(connection.label, prepared.text.text, prepared.bound.values, clickhouse)


def _clickhouse(connection: Connection, query: str, prepared: Prepared) -> str:
    question = Question(kind="query", text=query, place=prepared.text.original)
    node = {
        "kind": "HogQLMetadata",
        "language": "hogQL",
        "query": prepared.text.text,
        "globals": prepared.bound.values,
        "debug": True,
    }
    found = connection.start_query({"query": node}, deadline=Deadline(_SECONDS), question=question)
    for mistake in found["errors"]:
        fault = prepared.shape.fault
        if fault is not None:
            # Our own parser read the text as its author wrote it.
            raise QueryError(fault.message, status=_BAD_REQUEST, hint=fault.hint, text=fault.text, span=fault.span)
        span = question.span(mistake["start"], mistake["end"]) if mistake.get("start") is not None else None
        raise QueryError(mistake["message"], status=_BAD_REQUEST, text=query, span=span)
    sql: str = found["clickhouse"]
    return sql
