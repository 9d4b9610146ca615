"""HogQL expressions as typed ClickHouse expressions, one method for each kind of node."""

from __future__ import annotations

from abc import abstractmethod
from functools import cached_property
from typing import TYPE_CHECKING

from posthog_nb.embedded.hogql import ast, sql
from posthog_nb.embedded.hogql.calls import Modifiers, build_call, expand_call, known_function
from posthog_nb.embedded.hogql.comparisons import COMPARISON_FUNCTIONS, OPERATORS, compare
from posthog_nb.embedded.hogql.definitions import COHORT_OPERATORS, DefinitionResolver
from posthog_nb.embedded.hogql.functions import FunctionKind, Invocation
from posthog_nb.embedded.hogql.rewrites import type_of_one
from posthog_nb.embedded.hogql.sql import Func, Literal, call
from posthog_nb.embedded.hogql.time_rewrites import to_date, to_date_time
from posthog_nb.embedded.hogql.typed import Typed
from posthog_nb.embedded.hogql.types import BOOLEAN, DATETIME, FLOAT, INTEGER, STRING, UNKNOWN, UUID, Kind, Type

if TYPE_CHECKING:
    from collections.abc import Callable

    from posthog_nb.embedded.hogql.scope import Located, Scope
    from posthog_nb.embedded.hogql.sql import Expr

__all__ = ["ExpressionResolver"]

_ARITHMETIC = {"+": "plus", "-": "minus", "*": "multiply", "/": "divide", "%": "modulo"}
_CASTS = {
    **dict.fromkeys(("int", "integer", "bigint", "int64"), ("toInt64", INTEGER)),
    **dict.fromkeys(("float", "double", "real", "double precision", "float64"), ("toFloat64", FLOAT)),
    **dict.fromkeys(("text", "varchar", "char", "string"), ("toString", STRING)),
    **dict.fromkeys(("bool", "boolean"), ("toBool", BOOLEAN)),
    "uuid": ("toUUID", UUID),
}
_TAGS = frozenset(
    {
        "a", "blink", "marquee", "redacted", "em", "strong", "span", "div", "p", "pre", "code", "h1", "h2", "h3", "h4",
        "h5", "h6", "ul", "ol", "li", "table", "thead", "tbody", "tr", "th", "td", "blockquote", "hr", "b", "i", "u",
        "Sparkline", "RecordingButton", "ExplainCSPReport",
    }
)  # fmt: skip


class ExpressionResolver(DefinitionResolver):
    """Resolves every expression; what a subquery is, its subclass knows."""

    @cached_property
    def visitors(self) -> dict[type[ast.Node], Callable[..., Typed]]:
        """The method for each kind of node."""
        return {
            **super().visitors,
            ast.Call: self._call,
            ast.ExprCall: self._expr_call,
            ast.WindowFunction: self._window_function,
            ast.Lambda: self._misplaced_lambda,
            ast.And: self._connective,
            ast.Or: self._connective,
            ast.Not: self._not,
            ast.ArithmeticOperation: self._arithmetic,
            ast.CompareOperation: self._comparison,
            ast.BetweenExpr: self._between,
            ast.IsDistinctFrom: self._distinct_from,
            ast.TypeCast: self._cast,
            ast.TryCast: self._cast,
            ast.Tuple: self._tuple,
            ast.Array: self._array,
            ast.Dict: self._dict,
            ast.HogQLXTag: self._tag,
            ast.SelectQuery: self._scalar_subquery,
            ast.SelectSetQuery: self._scalar_subquery,
        }

    # -- calls

    def _call(self, node: ast.Call, scope: Scope) -> Typed:
        refuse = self.refusal(node)
        if node.within_group is not None:
            raise refuse("WITHIN GROUP is not supported")
        if node.name in COMPARISON_FUNCTIONS:
            if len(node.args) != 2:  # noqa: PLR2004 - two sides
                raise refuse(f"Comparison '{node.name}' requires exactly two arguments")
            left, right = (self.expr(arg, scope) for arg in node.args)
            return compare(COMPARISON_FUNCTIONS[node.name], left, right, bare=scope.in_join)
        if node.name.lower() == "exists":
            return self._exists(node, scope)
        if node.name == "matchesAction":
            return self.matches_action(node, scope)
        function = known_function(node.name, refuse)
        expanded = expand_call(node, function, refuse)
        if expanded is not None:
            return self.expr(expanded, scope)
        params = tuple(self.expr(param, scope) for param in node.params) if node.params is not None else None
        outer = scope.aggregate
        if function.kind is FunctionKind.AGGREGATE:
            if outer is not None:
                raise refuse(f"Aggregation '{node.name}' cannot be nested inside another aggregation '{outer}'.")
            scope.aggregate = node.name
            scope.aggregates.append(node.name)
        try:
            args = self._arguments(node, scope)
            condition = self.expr(node.filter_expr, scope).expr if node.filter_expr else None
        finally:
            scope.aggregate = outer
        modifiers = Modifiers(params, bool(node.distinct), condition)
        return build_call(node.name, function, args, modifiers, self.facts, refuse)

    def _arguments(self, node: ast.Call, scope: Scope) -> list[Typed]:
        if node.name.lower() == "count" and len(node.args) == 1 and _is_star(node.args[0]):
            if node.distinct:
                raise self.refusal(node)("count(DISTINCT *) is not supported; name the columns")
            return []
        return [arg for expr in node.args for arg in self._argument(expr, scope)]

    def _argument(self, node: ast.Node, scope: Scope) -> list[Typed]:
        return [self._lambda(node, scope)] if isinstance(node, ast.Lambda) else self._expanded(node, scope)

    def _expanded(self, node: ast.Node, scope: Scope) -> list[Typed]:
        """One expression, or all that a ``*`` stands for."""
        if _is_star(node) or isinstance(node, ast.ColumnsExpr):
            return [self.finish(located) for located in self.star(node, scope)]
        return [self.expr(node, scope)]

    @abstractmethod
    def star(self, node: ast.Node, scope: Scope) -> list[Located]:
        """The columns of ``*``, ``t.*`` or COLUMNS."""

    def _exists(self, node: ast.Call, scope: Scope) -> Typed:
        if len(node.args) != 1 or not isinstance(node.args[0], (ast.SelectQuery, ast.SelectSetQuery)):
            raise self.refusal(node)("Function 'exists' expects a subquery")
        statement, _ = self.subquery(node.args[0], scope)
        return Typed(call("exists", sql.Scalar(statement)), BOOLEAN)

    def _expr_call(self, node: ast.ExprCall, scope: Scope) -> Typed:  # noqa: ARG002 - one shape
        raise self.refusal(node)("You can only call simple functions in HogQL, not expressions")

    def _misplaced_lambda(self, node: ast.Lambda, scope: Scope) -> Typed:  # noqa: ARG002 - one shape
        raise self.refusal(node)("A lambda can only be an argument of a function")

    def _lambda(self, node: ast.Lambda, scope: Scope) -> Typed:
        for arg in node.args:
            self.check_identifier(arg, self.refusal(node))
        names = {arg: f"_u{arg}" if arg.startswith("__") else arg for arg in node.args}
        before = scope.arguments
        scope.arguments = {**before, **{arg: Typed(sql.Name(name)) for arg, name in names.items()}}
        try:
            body = self.expr(node.expr, scope)
        finally:
            scope.arguments = before
        return Typed(sql.Lambda(tuple(names.values()), body.expr), Type(Kind.LAMBDA, body.type.nullable))

    def _window_function(self, node: ast.WindowFunction, scope: Scope) -> Typed:
        refuse = self.refusal(node)
        function = known_function(node.name, refuse)
        params, exprs = (node.exprs, node.args) if node.args else (None, node.exprs)
        window = node.over_expr
        if window is None:
            window = scope.windows.get(node.over_identifier or "")
            if window is None:
                raise refuse(f"Unknown window: {node.over_identifier}")
        if len(exprs) == 1 and _is_star(exprs[0]) and node.name.lower() == "count":
            exprs = ()
        modifiers = Modifiers(
            params=tuple(self.expr(param, scope) for param in params) if params is not None else None,
            over=self._window(window, scope),
        )
        args = [self.expr(arg, scope) for arg in exprs]
        return build_call(node.name, function, args, modifiers, self.facts, refuse)

    def _window(self, node: ast.WindowExpr, scope: Scope) -> sql.Window:
        return sql.Window(
            partition_by=tuple(self.expr(expr, scope).expr for expr in node.partition_by or ()),
            order_by=tuple(self.order(order, scope) for order in node.order_by or ()),
            frame=self._frame(node),
        )

    def _frame(self, node: ast.WindowExpr) -> str:
        if node.frame_method is None or node.frame_start is None:
            return ""
        method = "RANGE" if node.frame_method == "RANGE" else "ROWS"
        start = self._frame_end(node.frame_start)
        if node.frame_end is None:
            return f"{method} {start}"
        return f"{method} BETWEEN {start} AND {self._frame_end(node.frame_end)}"

    def _frame_end(self, node: ast.WindowFrameExpr) -> str:
        if node.frame_type == "CURRENT ROW":
            return node.frame_type
        if node.frame_type not in ("PRECEDING", "FOLLOWING"):
            raise self.refusal(node)(f"Unknown window frame: {node.frame_type}")
        value = node.frame_value.value if isinstance(node.frame_value, ast.Constant) else node.frame_value
        if value is None:
            return f"UNBOUNDED {node.frame_type}"
        if isinstance(value, bool) or not isinstance(value, int):
            raise self.refusal(node)("The frame of a window is given by whole numbers")
        return f"{value} {node.frame_type}"

    def order(self, node: ast.OrderExpr, scope: Scope) -> sql.Order:
        """A key of ORDER BY."""
        fill = node.with_fill
        ends = (
            tuple(
                self.expr(end, scope).expr if end is not None else None
                for end in (fill.from_value, fill.to_value, fill.step_value)
            )
            if fill
            else None
        )
        direction = "DESC" if node.order == "DESC" else "ASC"
        return sql.Order(self.expr(node.expr, scope).expr, direction, ends)  # type: ignore[arg-type]  # always three

    # -- operators

    def _connective(self, node: ast.And | ast.Or, scope: Scope) -> Typed:
        parts = [self.expr(expr, scope) for expr in node.exprs]
        nullable = any(part.type.nullable for part in parts)
        name = "and" if isinstance(node, ast.And) else "or"
        return Typed(Func(name, tuple(part.expr for part in parts)), BOOLEAN.or_null(nullable))

    def _not(self, node: ast.Not, scope: Scope) -> Typed:
        value = self.expr(node.expr, scope)
        return Typed(call("not", value.expr), BOOLEAN.or_null(value.type.nullable))

    def _arithmetic(self, node: ast.ArithmeticOperation, scope: Scope) -> Typed:
        left, right = self.expr(node.left, scope), self.expr(node.right, scope)
        both_decimal = left.type.kind is right.type.kind is Kind.DECIMAL
        name = "divideDecimal" if node.op == "/" and both_decimal else _ARITHMETIC[node.op]
        return Typed(call(name, left.expr, right.expr), _arithmetic_type(node.op, left.type, right.type))

    def _comparison(self, node: ast.CompareOperation, scope: Scope) -> Typed:
        if node.op in COHORT_OPERATORS:
            return self.in_cohort(node, scope)
        if node.op not in OPERATORS:
            raise self.refusal(node)(f"Unknown operator: {node.op}")
        return compare(node.op, self.expr(node.left, scope), self.expr(node.right, scope), bare=scope.in_join)

    def _between(self, node: ast.BetweenExpr, scope: Scope) -> Typed:
        value, low, high = (self.expr(part, scope) for part in (node.expr, node.low, node.high))
        inside = call("and", compare(">=", value, low, bare=True).expr, compare("<=", value, high, bare=True).expr)
        plain = call("not", inside) if node.negated else inside
        if not any(part.type.nullable for part in (value, low, high)):
            return Typed(plain, BOOLEAN)
        return Typed(call("ifNull", plain, 0), BOOLEAN)

    def _distinct_from(self, node: ast.IsDistinctFrom, scope: Scope) -> Typed:
        left, right = self.expr(node.left, scope), self.expr(node.right, scope)
        same = call("isNotDistinctFrom", left.expr, right.expr)
        return Typed(same if node.negated else call("not", same), BOOLEAN)

    def _cast(self, node: ast.TypeCast, scope: Scope) -> Typed:
        refuse = self.refusal(node)
        if isinstance(node, ast.TryCast):
            raise refuse("TRY_CAST is not supported")
        value = self.expr(node.expr, scope)
        invocation = Invocation(node.type_name, (value,), self.facts, refuse)
        if node.type_name == "date":
            return to_date(invocation)
        if node.type_name in ("datetime", "timestamp", "timestamptz"):
            return to_date_time(invocation)
        if node.type_name not in _CASTS:
            raise refuse(f"Unsupported type cast to '{node.type_name}'")
        name, type_ = _CASTS[node.type_name]
        return Typed(call(name, value.expr), type_.or_null(value.type.nullable))

    # -- structures

    def _tuple(self, node: ast.Tuple, scope: Scope) -> Typed:
        items = [item for expr in node.exprs for item in self._expanded(expr, scope)]
        return _structure("tuple", Kind.TUPLE, items)

    def _array(self, node: ast.Array, scope: Scope) -> Typed:
        return _structure("array", Kind.ARRAY, [self.expr(expr, scope) for expr in node.exprs])

    def _dict(self, node: ast.Dict, scope: Scope) -> Typed:
        items = [self.expr(part, scope).expr for pair in node.items for part in pair]
        return Typed(call("tuple", "__hx_tag", "__hx_obj", *items), Type(Kind.TUPLE))

    def _tag(self, node: ast.HogQLXTag, scope: Scope) -> Typed:
        if node.kind not in _TAGS:
            raise self.refusal(node)(f"Unknown tag <{node.kind} />.")
        parts: list[Expr] = []
        for attribute in node.attributes:
            value = attribute.value
            if isinstance(value, tuple):
                rendered = _structure("tuple", Kind.TUPLE, [self.expr(item, scope) for item in value])
            else:
                rendered = self.expr(value, scope)
            parts += [Literal(attribute.name), rendered.expr]
        return Typed(call("tuple", "__hx_tag", node.kind, *parts), Type(Kind.TUPLE))

    def _scalar_subquery(self, node: ast.Node, scope: Scope) -> Typed:
        statement, columns = self.subquery(node, scope)
        type_ = next(iter(columns.values())).type.or_null() if len(columns) == 1 else UNKNOWN
        return Typed(sql.Scalar(statement), type_)


def _is_star(node: ast.Node) -> bool:
    return isinstance(node, ast.Field) and node.chain[-1] == "*"


def _structure(name: str, kind: Kind, items: list[Typed]) -> Typed:
    constant = bool(items) and all(item.constant for item in items)
    item_types = (type_of_one(items),) if kind is Kind.ARRAY and items else ()
    return Typed(Func(name, tuple(item.expr for item in items)), Type(kind, items=item_types), constant=constant)


def _arithmetic_type(operator: str, left: Type, right: Type) -> Type:
    nullable = left.nullable or right.nullable
    kinds = {left.kind, right.kind}
    if kinds <= {Kind.INTEGER}:
        return (FLOAT if operator == "/" else INTEGER).or_null(nullable)
    if kinds <= {Kind.INTEGER, Kind.FLOAT}:
        return FLOAT.or_null(nullable)
    if kinds in ({Kind.INTERVAL, Kind.DATETIME}, {Kind.INTEGER, Kind.DATETIME}):
        return DATETIME.or_null(nullable)
    # A date and an interval give a date or a time, as the interval's unit says.
    return Type(Kind.UNKNOWN, nullable)
