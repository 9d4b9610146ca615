"""One expression by itself, as PostHog's editors of filters and formulas ask about it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from posthog_nb.embedded.hogql import ast
from posthog_nb.embedded.hogql.build import placed
from posthog_nb.embedded.hogql.filters.placeholders import NO_FILTERS, fill_filters
from posthog_nb.embedded.hogql.parse import EXPRESSION_BEGINS, Query, parse, parse_expression
from posthog_nb.embedded.hogql.selects import SelectResolver
from posthog_nb.embedded.hogql.values import NO_VALUES
from posthog_nb.errors import HogQLError, HogQLQueryError, Span

if TYPE_CHECKING:
    from collections.abc import Mapping

    from posthog_nb.embedded.hogql.facts import ProjectFacts
    from posthog_nb.embedded.hogql.filters.placeholders import QueryFilters
    from posthog_nb.embedded.hogql.sql import Statement
    from posthog_nb.embedded.hogql.typed import Notice

__all__ = ["CheckedExpression", "check_expression"]

_EVENTS = "SELECT 1 FROM events"


@dataclass(frozen=True)
class CheckedExpression:
    """An expression that means something; the attributes are those of a compiled query."""

    tables: tuple[str, ...]
    notices: tuple[Notice, ...]
    statements: tuple[Statement, ...]


def check_expression(  # noqa: PLR0913 - as compile_query
    text: str,
    facts: ProjectFacts,
    *,
    source: str | None = None,
    values: Mapping[str, object] = NO_VALUES,
    variables: Mapping[str, object] = NO_VALUES,
    filters: QueryFilters = NO_FILTERS,
) -> CheckedExpression:
    """Say whether ``text`` could stand among the columns of ``source``, or of a query over events.

    Raises:
        HogQLSyntaxError: the text is no expression.
        HogQLQueryError: it is, and means nothing there, or ``source`` is refused itself.
    """
    try:
        around = parse(source or _EVENTS, values, variables)
        SelectResolver(source or _EVENTS, facts).query(fill_filters(around, source or _EVENTS, filters, facts))
    except HogQLError as error:
        raise HogQLQueryError(f"The source query is refused: {error.message}", hint=error.hint) from error
    # Its places are those of another text.
    select = placed(_first(around), ast.NOWHERE)
    try:
        select = replace(select, select=(*select.select, parse_expression(text, values, variables)))
        resolver = SelectResolver(EXPRESSION_BEGINS + text, facts)
        resolved = resolver.query(fill_filters(select, EXPRESSION_BEGINS + text, filters, facts))
    except HogQLError as error:
        span = _shifted(error.span) if error.span else None
        raise type(error)(error.message, hint=error.hint, text=text, span=span, meant=error.meant) from error
    except RecursionError:
        raise HogQLQueryError("The expression nests too deep.", text=text, span=Span(0, len(text))) from None
    notices = dict.fromkeys(notice for notice in resolver.notices if notice.span != ast.NOWHERE)
    return CheckedExpression(
        tuple(sorted(resolver.tables)),
        tuple(replace(notice, span=_shifted(notice.span)) for notice in notices),
        (resolved.statement, *(statement for _, statement in resolver.ctes)),
    )


def _first(query: Query) -> ast.SelectQuery:
    while isinstance(query, ast.SelectSetQuery):
        query = query.initial_select_query
    return query


def _shifted(span: Span) -> Span:
    return Span(max(0, span.start - len(EXPRESSION_BEGINS)), max(0, span.end - len(EXPRESSION_BEGINS)))
