"""The row limits that PostHog's query endpoint puts on a query."""

from __future__ import annotations

from dataclasses import replace

from posthog_nb.embedded.hogql import ast
from posthog_nb.embedded.hogql.walk import walk

__all__ = ["DEFAULT_LIMIT", "MAX_LIMIT", "apply_limits", "uses_offset"]

DEFAULT_LIMIT = 100
"""Rows of a query without LIMIT."""

MAX_LIMIT = 50_000
"""Most rows of any query."""

Query = ast.SelectQuery | ast.SelectSetQuery


def apply_limits(query: Query) -> tuple[Query, int | None]:
    """The query as it runs, and the page size when PostHog pages through it.

    A single SELECT without LIMIT is paged: one row more than a page tells whether there are more. Every branch of a set
    query without LIMIT gets the default.
    """
    if isinstance(query, ast.SelectQuery) and query.limit is None:
        paged = replace(query, limit=_constant(query, DEFAULT_LIMIT + 1), offset=_constant(query, 0))
        return paged, DEFAULT_LIMIT
    return _clamped(query), None


def _clamped(query: Query) -> Query:
    limit = _clamp(query)
    if isinstance(query, ast.SelectQuery):
        return replace(query, limit=limit or _constant(query, DEFAULT_LIMIT))
    rest = tuple(replace(node, select_query=_clamped(node.select_query)) for node in query.subsequent_select_queries)
    return replace(
        query,
        initial_select_query=_clamped(query.initial_select_query),
        subsequent_select_queries=rest,
        limit=limit,
    )


def _clamp(query: Query) -> ast.Node | None:
    limit = query.limit
    if limit is None or query.limit_percent:
        return limit
    if isinstance(limit, ast.Constant):
        too_many = isinstance(limit.value, int) and limit.value > MAX_LIMIT
        return _constant(query, MAX_LIMIT) if too_many else limit
    return ast.Call(limit.span, name="min2", args=(ast.Constant(limit.span, MAX_LIMIT), limit))


def _constant(query: Query, value: int) -> ast.Constant:
    return ast.Constant(query.span, value)


def uses_offset(query: Query) -> bool:
    """Whether OFFSET occurs anywhere (that of SAMPLE is another thing)."""
    return any(
        (isinstance(node, (ast.SelectQuery, ast.SelectSetQuery)) and node.offset is not None)
        or (isinstance(node, ast.LimitByExpr) and node.offset_value is not None)
        for node in walk(query)
    )
