"""Making a syntax tree of conditions that no user wrote: filters, actions, cohorts.

What is made here stands nowhere in a text until :func:`placed` says where the user asked for it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from posthog_nb.embedded.hogql import ast
from posthog_nb.embedded.hogql.walk import rebuilt

if TYPE_CHECKING:
    from collections.abc import Sequence

    from posthog_nb.errors import Span

__all__ = ["all_of", "any_of", "array", "call", "compare", "field", "negated", "placed", "select", "value"]

_N = TypeVar("_N", bound=ast.Node)


def placed(node: _N, span: Span) -> _N:
    """The same tree with every node at one place: what is wrong with it is wrong there."""
    return rebuilt(node, lambda child: placed(child, span), span=span)


def value(constant: object) -> ast.Constant:
    """A constant."""
    return ast.Constant(ast.NOWHERE, constant)


def field(*chain: str | int) -> ast.Field:
    """A dotted name."""
    return ast.Field(ast.NOWHERE, chain)


def call(name: str, *args: ast.Node, params: tuple[ast.Node, ...] | None = None) -> ast.Call:
    """``name(params)(args)``."""
    return ast.Call(ast.NOWHERE, name=name, args=args, params=params)


def compare(left: ast.Node, op: str, right: ast.Node | str | float | None) -> ast.CompareOperation:
    """``left op right``; a right side that is no node is a constant."""
    return ast.CompareOperation(ast.NOWHERE, left, op, right if isinstance(right, ast.Node) else value(right))


def array(values: Sequence[object]) -> ast.Array:
    """``[a, b]`` of constants."""
    return ast.Array(ast.NOWHERE, tuple(value(one) for one in values))


def negated(condition: ast.Node) -> ast.Not:
    """``NOT condition``."""
    return ast.Not(ast.NOWHERE, condition)


def all_of(conditions: Sequence[ast.Node]) -> ast.Node:
    """Their conjunction; true when there is none."""
    return _joined(ast.And, conditions)


def any_of(conditions: Sequence[ast.Node]) -> ast.Node:
    """Their disjunction; as in PostHog, true when there is none: nothing was asked for."""
    return _joined(ast.Or, conditions)


def _joined(kind: type[ast.And | ast.Or], conditions: Sequence[ast.Node]) -> ast.Node:
    if not conditions:
        return value(True)
    return conditions[0] if len(conditions) == 1 else kind(ast.NOWHERE, tuple(conditions))


def select(
    *columns: ast.Node, table: str | ast.SelectQuery, where: ast.Node | None = None, **clauses: object
) -> ast.SelectQuery:
    """``SELECT columns FROM table WHERE where``, with further clauses by their names in the tree."""
    source = field(table) if isinstance(table, str) else table
    return ast.SelectQuery(
        ast.NOWHERE,
        select=columns,
        select_from=ast.JoinExpr(ast.NOWHERE, table=source),
        where=where,
        **clauses,  # type: ignore[arg-type]  # the names are those of SelectQuery's fields
    )
