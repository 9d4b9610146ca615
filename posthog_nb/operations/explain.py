"""How ClickHouse goes about a query."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from posthog_nb.errors import QueryError
from posthog_nb.operations.asking import Asker
from posthog_nb.operations.card import titled_html, titled_text
from posthog_nb.operations.kept import look_up, question
from posthog_nb.operations.locating import located
from posthog_nb.operations.queries import as_sent, check_timeout, first_answer, prepare
from posthog_nb.operations.values import named

if TYPE_CHECKING:
    from collections.abc import Mapping

    from posthog_nb.connection import Connection
    from posthog_nb.operations.queries import Prepared

__all__ = ["Explanation", "explain"]

_BAD_REQUEST = 400
_NO_PLAN = "This PostHog gives no plan."


@dataclass(frozen=True, repr=False)
class Explanation:
    """How ClickHouse goes about a query, as PostHog tells it.

    Attributes:
        source: Where the query ran, such as ``"demo"`` or ``"eu.posthog.com"``.
        hogql: The query as PostHog understood it.
        clickhouse: The ClickHouse SQL that it became; None where PostHog does not tell it.
        plan: The lines of ClickHouse's EXPLAIN; empty where PostHog gives none. An embedded project's say also which
            parts and granules of its tables are read (``indexes = 1``).
    """

    source: str
    hogql: str | None
    clickhouse: str | None
    plan: tuple[str, ...]

    def _parts(self) -> list[tuple[str, str]]:
        parts = [
            (f"ClickHouse's plan, from {self.source}", "\n".join(self.plan) or _NO_PLAN),
            ("ClickHouse SQL", self.clickhouse or "This PostHog does not tell it."),
        ]
        return parts if self.hogql is None else [*parts, ("HogQL, as it was understood", self.hogql)]

    def __repr__(self) -> str:
        return titled_text(self._parts())

    def _repr_html_(self) -> str:
        return titled_html(self._parts(), kind="explanation")


def explain(
    connection: Connection,
    query: str,
    *,
    limit: int | None,
    values: Mapping[str, object] | None,
    timeout: float | None,
) -> Explanation:
    """Ask for ClickHouse's plan of the first request of :func:`posthog_nb.operations.queries.run`.

    PostHog gives it to a query with the modifier ``debug``, and runs that query. It is computed anew, as an answer from
    the cache has no plan.

    Raises:
        QueryError: PostHog refused the query.
    """
    check_timeout(timeout)
    given = named(values)
    prepared = prepare(query, limit, given)
    sent = as_sent(connection, prepared, query, given)
    found = look_up(
        connection,
        "explain",
        question(query, given, prepared.limit, prepared.shape.tree).detail,
        lambda: _explained(connection, query, sent, timeout),
    )
    return Explanation(connection.label, found["hogql"], found["clickhouse"], tuple(found["plan"]))


def _explained(connection: Connection, query: str, prepared: Prepared, timeout: float | None) -> dict[str, Any]:
    asker = Asker(connection, timeout=timeout, fresh=True)
    answer = first_answer(asker, prepared, original=query, debug=True)
    if answer.error:
        error = QueryError(answer.error, status=_BAD_REQUEST, query_id=answer.query_id, text=query)
        raise error if prepared.bound.values else located(error, connection, prepared.text)
    return {"hogql": answer.hogql, "clickhouse": answer.clickhouse, "plan": answer.plan or ()}
