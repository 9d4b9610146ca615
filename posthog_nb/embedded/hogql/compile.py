"""The whole way from a query's text to SQL."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from posthog_nb.embedded.hogql.filters.placeholders import NO_FILTERS, fill_filters
from posthog_nb.embedded.hogql.hogql_text import query_text
from posthog_nb.embedded.hogql.limits import apply_limits, uses_offset
from posthog_nb.embedded.hogql.parse import parse
from posthog_nb.embedded.hogql.selects import SelectResolver
from posthog_nb.embedded.hogql.sql import render
from posthog_nb.embedded.hogql.values import NO_VALUES
from posthog_nb.errors import HogQLQueryError, Span

if TYPE_CHECKING:
    from collections.abc import Mapping

    from posthog_nb.embedded.hogql.facts import ProjectFacts
    from posthog_nb.embedded.hogql.filters.placeholders import QueryFilters
    from posthog_nb.embedded.hogql.sql import Statement
    from posthog_nb.embedded.hogql.typed import Notice

__all__ = ["Compiled", "compile_query"]


@dataclass(frozen=True)
class Compiled:
    """A query ready to run.

    Attributes:
        sql: ClickHouse SQL. It must run with ``transform_null_in = 1``.
        columns: The column names of PostHog's answer, in order, duplicates included.
        hogql: The query as it was understood.
        limit: The page size when the server pages: the SQL asks for one row more. Else None.
        uses_offset: Whether OFFSET occurs, which PostHog refuses for personal API keys.
        tables: The HogQL tables that it reads.
        notices: What is worth knowing about places in it.
        statements: The SQL as trees: the query, and the tables of its WITH.
    """

    sql: str
    columns: tuple[str, ...]
    hogql: str
    limit: int | None
    uses_offset: bool
    tables: tuple[str, ...]
    notices: tuple[Notice, ...] = ()
    statements: tuple[Statement, ...] = field(default=(), repr=False)


def compile_query(  # noqa: PLR0913 - a query and all that PostHog sends beside it
    text: str,
    facts: ProjectFacts,
    *,
    values: Mapping[str, object] = NO_VALUES,
    variables: Mapping[str, object] = NO_VALUES,
    filters: QueryFilters = NO_FILTERS,
    limited: bool = True,
    convert_to_project_timezone: bool = True,
) -> Compiled:
    """Translate one HogQL query.

    Args:
        text: The query.
        facts: The project it is asked of.
        values: What its ``{name}`` placeholders stand for.
        variables: What its ``{variables.name}`` placeholders stand for.
        filters: What its ``{filters}`` stands for.
        limited: Whether the query endpoint's limits of rows apply.
        convert_to_project_timezone: PostHog's modifier of that name; without it times are in UTC.

    Raises:
        HogQLSyntaxError: the text is not HogQL.
        HogQLQueryError: it is, and means nothing here. Both carry the place in the text.
    """
    try:
        query = fill_filters(parse(text, values, variables), text, filters, facts)
        if not convert_to_project_timezone:
            facts = replace(facts, timezone="UTC")
        bounded, page = apply_limits(query) if limited else (query, None)
        resolver = SelectResolver(text, facts)
        resolved = resolver.query(bounded)
        return Compiled(
            sql=render(resolved.statement, tuple(resolver.ctes)),
            columns=resolved.names,
            hogql=query_text(bounded),
            limit=page,
            uses_offset=uses_offset(query),
            tables=tuple(sorted(resolver.tables)),
            notices=tuple(dict.fromkeys(resolver.notices)),
            statements=(resolved.statement, *(statement for _, statement in resolver.ctes)),
        )
    except RecursionError:
        raise HogQLQueryError("The query nests too deep.", text=text, span=Span(0, len(text))) from None
