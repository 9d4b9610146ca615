"""Reading only the rows round about the times that WHERE names.

A session is computed from all of its events, so what is asked of its start cannot be asked of each of them. But its
events lie together: ones that are days away belong to other sessions, and the primary key leaves them unread. PostHog
takes the same margin.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from posthog_nb.embedded.hogql import ast
from posthog_nb.embedded.hogql.instants import constant_instant
from posthog_nb.embedded.hogql.relations import Relation, TableRelation
from posthog_nb.embedded.hogql.typed import Typed
from posthog_nb.embedded.hogql.types import DATE, Kind
from posthog_nb.embedded.hogql.walk import walk

if TYPE_CHECKING:
    from collections.abc import Iterator

    from posthog_nb.embedded.hogql.facts import ProjectFacts
    from posthog_nb.embedded.hogql.scope import Scope
    from posthog_nb.embedded.hogql.sql import Expr

__all__ = ["read_near"]

_MIRRORED = {"<": ">", "<=": ">=", ">": "<", ">=": "<=", "==": "=="}
_COMPUTED = (ast.Constant, ast.Call, ast.ArithmeticOperation, ast.TypeCast)
"""What an instant that is the same for all rows is made of."""


class Resolver(Protocol):
    """What is needed of the resolver around it."""

    facts: ProjectFacts

    def expr(self, node: ast.Node, scope: Scope) -> Typed:
        """Resolves an expression."""


def read_near(resolver: Resolver, query: ast.SelectQuery, relation: Relation, scope: Scope) -> None:
    """Tell the only table of a SELECT which times the query asks for."""
    if not isinstance(relation, TableRelation):
        return
    for left, operator, right in _comparisons(query):
        column = _column(left, relation, scope)
        instant = _instant(resolver, right, scope) if column else None
        if column and instant is not None:
            relation.read_near(column, operator, instant)


def _comparisons(query: ast.SelectQuery) -> Iterator[tuple[ast.Node, str, ast.Node]]:
    """The comparisons that hold for each row of the answer, either side on the left."""
    pending = [node for node in (query.prewhere, query.where) if node is not None]
    while pending:
        match pending.pop():
            case ast.And(exprs=exprs):
                pending += exprs
            case ast.CompareOperation(op=op, left=left, right=right) if op in _MIRRORED:
                yield left, op, right
                yield right, _MIRRORED[op], left
            case ast.BetweenExpr(expr=expr, low=low, high=high, negated=False):
                yield expr, ">=", low
                yield expr, "<=", high


def _column(node: ast.Node, relation: TableRelation, scope: Scope) -> str | None:
    """The column of the table that ``node`` names."""
    match node:
        case ast.Field(chain=(str() as name,)) if name not in scope.aliases:
            return name
        case ast.Field(chain=(str() as table, str() as name)) if scope.relations.get(table) is relation:
            return name
        case _:
            return None


def _instant(resolver: Resolver, node: ast.Node, scope: Scope) -> Expr | None:
    if not all(isinstance(part, _COMPUTED) for part in walk(node)):
        return None
    value = resolver.expr(node, scope)
    if _is_date_and_interval(resolver, node, scope):
        value = Typed(value.expr, DATE)
    return constant_instant(value, resolver.facts.timezone)


def _is_date_and_interval(resolver: Resolver, node: ast.Node, scope: Scope) -> bool:
    """Whether the result is a date or a time, which of them the interval's unit decides."""
    if not isinstance(node, ast.ArithmeticOperation):
        return False
    return {resolver.expr(side, scope).type.kind for side in (node.left, node.right)} == {Kind.DATE, Kind.INTERVAL}
