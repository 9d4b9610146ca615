"""Comparing without surprises from NULL, as PostHog does.

``x = 'a'`` is 0 for a NULL ``x`` and ``x != 'a'`` is 1: a third truth value never escapes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from posthog_nb.embedded.hogql.instants import as_instants
from posthog_nb.embedded.hogql.sql import Expr, Literal, call
from posthog_nb.embedded.hogql.typed import Typed
from posthog_nb.embedded.hogql.types import BOOLEAN

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["COMPARISON_FUNCTIONS", "OPERATORS", "compare"]


def _function(name: str) -> Callable[[Expr, Expr], Expr]:
    return lambda left, right: call(name, left, right)


def _matches(left: Expr, right: Expr) -> Expr:
    return call("match", left, right)


def _matches_any_case(left: Expr, right: Expr) -> Expr:
    return call("match", left, call("concat", "(?i)", right))


OPERATORS: Mapping[str, Callable[[Expr, Expr], Expr]] = {
    "==": _function("equals"),
    "!=": _function("notEquals"),
    "<": _function("less"),
    "<=": _function("lessOrEquals"),
    ">": _function("greater"),
    ">=": _function("greaterOrEquals"),
    "like": _function("like"),
    "ilike": _function("ilike"),
    "not like": _function("notLike"),
    "not ilike": _function("notILike"),
    "in": _function("in"),
    "not in": _function("notIn"),
    "global in": _function("in"),
    "global not in": _function("notIn"),
    "=~": _matches,
    "!~": lambda left, right: call("not", _matches(left, right)),
    "=~*": _matches_any_case,
    "!~*": lambda left, right: call("not", _matches_any_case(left, right)),
}
"""What each operator is in ClickHouse when no NULL is about."""

COMPARISON_FUNCTIONS: Mapping[str, str] = {
    "equals": "==",
    "notEquals": "!=",
    "less": "<",
    "lessOrEquals": "<=",
    "greater": ">",
    "greaterOrEquals": ">=",
    "like": "like",
    "ilike": "ilike",
    "notLike": "not like",
    "notILike": "not ilike",
    "in": "in",
    "notIn": "not in",
}
"""Functions that are spelled-out operators."""

_MEMBERSHIP = frozenset({"in", "not in", "global in", "global not in"})
_TRUE_FOR_NULL = frozenset({"!=", "not like", "not ilike", "!~", "!~*"})
_ORDERINGS = frozenset({"<", "<=", ">", ">="})
_COMPARISONS_OF_ORDER = _ORDERINGS | {"==", "!="}


def compare(operator: str, left: Typed, right: Typed, *, bare: bool = False) -> Typed:
    """``left operator right``.

    Args:
        operator: A key of :data:`OPERATORS`.
        left: The left side.
        right: The right side.
        bare: Leave NULL alone: the condition of a join, where ClickHouse must see the comparison itself.
    """
    if operator in _COMPARISONS_OF_ORDER:
        left, right = as_instants(left, right)
    plain = OPERATORS[operator](left.expr, right.expr)
    if operator in _MEMBERSHIP or bare:
        # With transform_null_in, which every query runs under, IN knows NULL.
        return Typed(plain, BOOLEAN)
    if left.null or right.null:
        return Typed(_with_null(operator, right if left.null else left), BOOLEAN)
    if not (left.type.nullable or right.type.nullable):
        return Typed(plain, BOOLEAN)
    return Typed(call("ifNull", plain, _otherwise(operator, left, right)), BOOLEAN)


def _with_null(operator: str, other: Typed) -> Expr:
    if operator in _ORDERINGS:
        return Literal(0)
    return call("isNotNull" if operator in _TRUE_FOR_NULL else "isNull", other.expr)


def _otherwise(operator: str, left: Typed, right: Typed) -> Expr:
    if operator in _ORDERINGS:
        return Literal(0)
    if left.constant or right.constant:
        return Literal(1 if operator in _TRUE_FOR_NULL else 0)
    if operator in _TRUE_FOR_NULL:
        return call("or", call("isNotNull", left.expr), call("isNotNull", right.expr))
    return call("and", call("isNull", left.expr), call("isNull", right.expr))
