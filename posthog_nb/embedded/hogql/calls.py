"""Calls: the whitelist applied, arguments counted, ClickHouse's form chosen."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from posthog_nb.embedded.hogql import sql
from posthog_nb.embedded.hogql.build import placed
from posthog_nb.embedded.hogql.functions import Function, FunctionKind, Invocation, closest_function, find_function
from posthog_nb.embedded.hogql.sql import Func, Literal, call
from posthog_nb.embedded.hogql.typed import Typed
from posthog_nb.embedded.hogql.types import UNKNOWN, Type

if TYPE_CHECKING:
    from collections.abc import Sequence

    from posthog_nb.embedded.hogql import ast
    from posthog_nb.embedded.hogql.facts import ProjectFacts
    from posthog_nb.embedded.hogql.refuse import Refuse

__all__ = ["Modifiers", "build_call", "expand_call", "known_function"]


_WHOLE_PARTITION = "ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING"


@dataclass(frozen=True)
class Modifiers:
    """What may stand around a call's arguments."""

    params: tuple[Typed, ...] | None = None
    distinct: bool = False
    condition: sql.Expr | None = None
    over: sql.Window | None = None


def known_function(name: str, refuse: Refuse) -> Function:
    """The entry of the whitelist.

    Raises:
        HogQLQueryError: there is none, or the embedded project cannot have it.
    """
    function = find_function(name)
    if function is None:
        closest = closest_function(name)
        perhaps = f". Perhaps you meant '{closest}(...)'?" if closest else ""
        meant = (name, closest) if closest else None
        raise refuse(f"Unsupported function call '{name}(...)'{perhaps}", meant=meant)
    if function.refusal:
        raise refuse(f"Unsupported function call '{name}(...)': {function.refusal}.")
    return function


def expand_call(call_node: ast.Call, function: Function, refuse: Refuse) -> ast.Node | None:
    """The HogQL that a call stands for; None when it stands for itself."""
    if function.expand is None:
        return None
    _check_arity(call_node.name, function, len(call_node.args), refuse)
    plain = Modifiers(
        params=None if call_node.params is None else (),
        distinct=bool(call_node.distinct),
        condition=None if call_node.filter_expr is None else Literal(1),
    )
    _check_modifiers(call_node.name, function, plain, refuse)
    return placed(function.expand(call_node, refuse), call_node.span)


def build_call(  # noqa: PLR0913, PLR0917 - what makes a call
    name: str,
    function: Function,
    args: Sequence[Typed],
    modifiers: Modifiers,
    facts: ProjectFacts,
    refuse: Refuse,
) -> Typed:
    """The ClickHouse form of ``name(args)``."""
    _check_arity(name, function, len(args), refuse)
    _check_modifiers(name, function, modifiers, refuse)
    if function.rewrite is not None:
        if modifiers.over is not None:
            raise refuse(f"'{name}' does not take OVER")
        invocation = Invocation(name, tuple(args), facts, refuse, modifiers.distinct, modifiers.condition)
        return function.rewrite(invocation)
    if function.target in ("lagInFrame", "leadInFrame"):
        return _neighbour(name, function, args, modifiers)
    exprs = tuple(arg.expr for arg in args)
    if function.zone and function.max_args is not None and len(exprs) < function.max_args:
        # The zone's place is the last one, so everything before it must be there.
        if len(exprs) < function.max_args - 1:
            raise refuse(f"Function '{name}' expects at least {function.max_args - 1} arguments")
        exprs = (*exprs, Literal(facts.timezone))
    return Typed(
        Func(
            function.target,
            exprs,
            params=tuple(param.expr for param in modifiers.params) if modifiers.params is not None else None,
            distinct=modifiers.distinct,
            condition=modifiers.condition,
            over=modifiers.over,
        ),
        _result_type(function, args),
    )


def _result_type(function: Function, args: Sequence[Typed]) -> Type:
    nullable = any(arg.type.nullable for arg in args)
    if function.first_type:
        return args[0].type.or_null(nullable) if args else UNKNOWN
    if function.returns is None:
        return UNKNOWN
    if function.kind is not FunctionKind.SCALAR:
        # An aggregate over nullable values is nullable itself, a count never is.
        counts = function.target.startswith(("count", "uniq", "windowFunnel", "group", "row_number", "rank", "dense"))
        return function.returns if counts else function.returns.or_null(nullable)
    return function.returns.or_null(nullable)


def _neighbour(name: str, function: Function, args: Sequence[Typed], modifiers: Modifiers) -> Typed:
    """``lag`` and ``lead``: NULL beyond the partition, and the whole partition in view."""
    value, *rest = (arg.expr for arg in args)
    window = modifiers.over or sql.Window()
    if name in ("lag", "lead"):
        value = call("toNullable", value)
        if not window.order_by:
            window = replace(window, order_by=(sql.Order(args[0].expr, "ASC"),))
        if not window.frame:
            window = replace(window, frame=_WHOLE_PARTITION)
    type_ = args[0].type.or_null(name in ("lag", "lead"))
    return Typed(Func(function.target, (value, *rest), over=window), type_)


def _check_arity(name: str, function: Function, found: int, refuse: Refuse) -> None:
    fewest, most = function.min_args, function.max_args
    what = "Aggregation" if function.kind is FunctionKind.AGGREGATE else "Function"
    if most is not None and fewest == most and found != fewest:
        raise refuse(f"{what} '{name}' expects {fewest} argument{'s' * (fewest != 1)}, found {found}")
    if found < fewest:
        raise refuse(f"{what} '{name}' expects at least {fewest} argument{'s' * (fewest != 1)}, found {found}")
    if most is not None and found > most:
        raise refuse(f"{what} '{name}' expects at most {most} argument{'s' * (most != 1)}, found {found}")


def _check_modifiers(name: str, function: Function, modifiers: Modifiers, refuse: Refuse) -> None:
    aggregate = function.kind is FunctionKind.AGGREGATE
    what = "Aggregation" if aggregate else "Function"
    if function.params == "must" and not modifiers.params:
        raise refuse(f"{what} '{name}' requires parameters in addition to arguments")
    if function.params == "no" and modifiers.params is not None:
        raise refuse(f"{what} '{name}' does not accept parameters")
    if modifiers.distinct and not aggregate:
        raise refuse(f"Function '{name}' does not accept DISTINCT")
    if modifiers.condition is not None and not aggregate:
        raise refuse(f"Function '{name}' does not accept FILTER")
    if modifiers.over is not None and function.kind is FunctionKind.SCALAR:
        raise refuse(f"Function '{name}' cannot be used with OVER")
    if modifiers.over is None and function.kind is FunctionKind.WINDOW:
        raise refuse(f"Function '{name}' needs OVER (...)")
