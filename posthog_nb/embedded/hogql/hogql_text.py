"""A syntax tree as HogQL text: the names of unnamed columns, and the query as it was understood."""

from __future__ import annotations

from datetime import date, datetime
from typing import TYPE_CHECKING

from posthog_nb.embedded.hogql import ast
from posthog_nb.embedded.hogql.escape import hogql_identifier, hogql_string

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["hogql_text", "query_text"]

_ARITHMETIC = {"+": "plus", "-": "minus", "*": "multiply", "/": "divide", "%": "modulo"}
_COMPARISONS = {
    "==": "equals", "!=": "notEquals", "<": "less", "<=": "lessOrEquals", ">": "greater", ">=": "greaterOrEquals",
    "like": "like", "ilike": "ilike", "not like": "notLike", "not ilike": "notILike", "in": "in", "not in": "notIn",
    "global in": "globalIn", "global not in": "globalNotIn", "=~": "match",
}  # fmt: skip


def hogql_text(node: ast.Node) -> str:
    """``node`` as PostHog prints it: operators as functions, everything spelled out."""
    match node:
        case ast.SelectQuery():
            return _select(node)
        case ast.SelectSetQuery():
            return _set_query(node)
        case ast.Call() | ast.WindowFunction() | ast.ExprCall():
            return _call(node)
        case ast.And() | ast.Or() | ast.Not() | ast.ArithmeticOperation() | ast.CompareOperation() | ast.BetweenExpr():
            return _operator(node)
        case _:
            return _expression(node)


def _join(nodes: tuple[ast.Node, ...]) -> str:
    return ", ".join(hogql_text(node) for node in nodes)


def _expression(node: ast.Node) -> str:  # noqa: C901, PLR0911, PLR0912 - one line for each kind of node
    match node:
        case ast.Constant():
            return _constant(node)
        case ast.Field(chain=chain):
            return ".".join("*" if link == "*" else hogql_identifier(link) for link in chain)
        case ast.Alias(expr=expr, alias=alias):
            return f"{hogql_text(expr)} AS {hogql_identifier(alias)}"
        case ast.Lambda(args=args, expr=expr):
            names = ", ".join(hogql_identifier(arg) for arg in args)
            return f"{names if len(args) == 1 else f'({names})'} -> {hogql_text(expr)}"
        case ast.Tuple(exprs=exprs):
            return f"tuple({_join(exprs)})"
        case ast.Array(exprs=exprs):
            return f"[{_join(exprs)}]"
        case ast.Dict(items=items):
            return "{" + ", ".join(f"{hogql_text(key)}: {hogql_text(value)}" for key, value in items) + "}"
        case ast.ArrayAccess(array=array, property=key, nullish=nullish):
            return f"{hogql_text(array)}{'?.' if nullish else ''}[{hogql_text(key)}]"
        case ast.TupleAccess(tuple=tuple_, index=index):
            return f"{hogql_text(tuple_)}.{index}"
        case ast.ArraySlice(array=array, start_expr=start, end_expr=end):
            return f"{hogql_text(array)}[{hogql_text(start) if start else ''}:{hogql_text(end) if end else ''}]"
        case ast.TypeCast(expr=expr, type_name=name):
            return f"{hogql_text(expr)}::{name}"
        case ast.IsDistinctFrom(left=left, right=right, negated=negated):
            return f"{hogql_text(left)} IS {'NOT ' if negated else ''}DISTINCT FROM {hogql_text(right)}"
        case ast.NamedArgument(name=name, value=value):
            return f"{hogql_identifier(name)} := {hogql_text(value)}"
        case ast.GroupingSet(exprs=exprs):
            return f"({_join(exprs)})"
        case ast.ColumnsExpr():
            return _columns(node)
        case ast.HogQLXTag(kind=kind, attributes=attributes):
            return f"<{kind}{''.join(_attribute(attribute) for attribute in attributes)} />"
        case ast.PositionalRef(index=index):
            return f"#{index}"
        case _:
            return type(node).__name__


def _constant(node: ast.Constant) -> str:  # noqa: PLR0911 - one line for each kind
    value = node.value
    match value:
        case None:
            return "NULL"
        case bool():
            return "true" if value else "false"
        case str() if node.value_type == "number":
            return {"Infinity": "Inf", "-Infinity": "-Inf"}.get(value, value)
        case datetime():
            return f"toDateTime64({hogql_string(value.strftime('%Y-%m-%d %H:%M:%S.%f'))}, 6)"
        case date():
            return f"toDate({hogql_string(value.isoformat())})"
        case int() | float():
            return repr(value)
        case _:
            return hogql_string(str(value))


def _attribute(attribute: ast.HogQLXAttribute) -> str:
    value = attribute.value
    text = f"[{_join(value)}]" if isinstance(value, tuple) else hogql_text(value)
    return f" {attribute.name}={{{text}}}"


def _columns(node: ast.ColumnsExpr) -> str:
    if node.regex is not None:
        return f"COLUMNS({hogql_string(node.regex)})"
    if node.columns is not None:
        return f"COLUMNS({_join(node.columns)})"
    text = "*"
    if node.exclude:
        text += f" EXCLUDE ({', '.join(map(hogql_identifier, node.exclude))})"
    if node.replace:
        parts = (f"{hogql_text(expr)} AS {hogql_identifier(name)}" for name, expr in node.replace.items())
        text += f" REPLACE ({', '.join(parts)})"
    return f"COLUMNS({text})" if node.replace else text


def _operator(node: ast.Node) -> str:  # noqa: PLR0911 - one line for each kind
    match node:
        case ast.And(exprs=exprs):
            return f"and({_join(exprs)})"
        case ast.Or(exprs=exprs):
            return f"or({_join(exprs)})"
        case ast.Not(expr=expr):
            return f"not({hogql_text(expr)})"
        case ast.ArithmeticOperation(left=left, op=op, right=right):
            return f"{_ARITHMETIC[op]}({hogql_text(left)}, {hogql_text(right)})"
        case ast.BetweenExpr(expr=expr, low=low, high=high, negated=negated):
            word = "NOT BETWEEN" if negated else "BETWEEN"
            return f"{hogql_text(expr)} {word} {hogql_text(low)} AND {hogql_text(high)}"
        case ast.CompareOperation(left=left, op=op, right=right):
            if op in _COMPARISONS:
                return f"{_COMPARISONS[op]}({hogql_text(left)}, {hogql_text(right)})"
            return f"{hogql_text(left)} {op.upper()} {hogql_text(right)}"
        case _:
            raise AssertionError(node)


def _call(node: ast.Node) -> str:
    match node:
        case ast.Call(name=name, args=args, params=params, distinct=distinct, filter_expr=condition):
            brackets = f"({_join(params)})" if params is not None else ""
            text = f"{name}{brackets}({'DISTINCT ' if distinct else ''}{_subqueries_bare(args)})"
            return text + (f" FILTER (WHERE {hogql_text(condition)})" if condition else "")
        case ast.WindowFunction(name=name, exprs=exprs, args=args):
            second = f"({_join(args)})" if args else ""
            over = hogql_identifier(node.over_identifier) if node.over_identifier else f"({_window(node.over_expr)})"
            return f"{name}({_join(exprs)}){second} OVER {over}"
        case ast.ExprCall(expr=expr, args=args):
            return f"({hogql_text(expr)})({_join(args)})"
        case _:
            raise AssertionError(node)


def _subqueries_bare(args: tuple[ast.Node, ...]) -> str:
    """Arguments; a lone subquery needs no brackets of its own."""
    if len(args) == 1 and isinstance(args[0], (ast.SelectQuery, ast.SelectSetQuery)):
        return _query(args[0])
    return _join(args)


def _window(node: ast.WindowExpr | None) -> str:
    if node is None:
        return ""
    parts = []
    if node.partition_by:
        parts.append(f"PARTITION BY {_join(node.partition_by)}")
    if node.order_by:
        parts.append(f"ORDER BY {_orders(node.order_by)}")
    if node.frame_method and node.frame_start:
        start = _frame(node.frame_start)
        span = f"BETWEEN {start} AND {_frame(node.frame_end)}" if node.frame_end else start
        parts.append(f"{node.frame_method} {span}")
    return " ".join(parts)


def _frame(node: ast.WindowFrameExpr) -> str:
    if node.frame_type == "CURRENT ROW":
        return node.frame_type
    value = hogql_text(node.frame_value) if isinstance(node.frame_value, ast.Node) else node.frame_value
    return f"{'UNBOUNDED' if value is None else value} {node.frame_type}"


def _orders(orders: tuple[ast.OrderExpr, ...]) -> str:
    return ", ".join(f"{hogql_text(order.expr)} {order.order}" for order in orders)


def _select(query: ast.SelectQuery) -> str:
    return f"({_query(query)})"


def _set_query(query: ast.SelectSetQuery) -> str:
    return f"({_query(query)})"


def _query(query: ast.Node) -> str:
    return query_text(query) if isinstance(query, (ast.SelectQuery, ast.SelectSetQuery)) else hogql_text(query)


def query_text(query: ast.SelectQuery | ast.SelectSetQuery) -> str:
    """A whole query, without brackets around it."""
    if isinstance(query, ast.SelectSetQuery):
        text = _branch(query.initial_select_query)
        for node in query.subsequent_select_queries:
            text += f" {node.set_operator} {_branch(node.select_query)}"
        return text + _tail(query.limit, query.offset)
    text = " ".join([*_before_where(query), *_filters(query), *_after_having(query)])
    percent, ties = bool(query.limit_percent), bool(query.limit_with_ties)
    return text + _tail(query.limit, query.offset, percent=percent, ties=ties)


def _before_where(query: ast.SelectQuery) -> Iterator[str]:
    if query.ctes:
        yield "WITH " + ", ".join(_cte(cte) for cte in query.ctes)
    yield f"SELECT {'DISTINCT ' if query.distinct else ''}{_join(query.select)}"
    if query.select_from:
        yield f"FROM {_tables(query.select_from)}"
    if query.array_join_list:
        yield f"{query.array_join_op} {_join(query.array_join_list)}"


def _filters(query: ast.SelectQuery) -> Iterator[str]:
    for word, condition in (("PREWHERE", query.prewhere), ("WHERE", query.where)):
        if condition is not None:
            yield f"{word} {hogql_text(condition)}"
    yield from _grouping(query)
    if query.having is not None:
        yield f"HAVING {hogql_text(query.having)}"


def _after_having(query: ast.SelectQuery) -> Iterator[str]:
    if query.window_exprs:
        windows = (f"{hogql_identifier(name)} AS ({_window(window)})" for name, window in query.window_exprs.items())
        yield f"WINDOW {', '.join(windows)}"
    if query.order_by:
        yield f"ORDER BY {_orders(query.order_by)}"
    if query.limit_by:
        skipped = f" OFFSET {hogql_text(query.limit_by.offset_value)}" if query.limit_by.offset_value else ""
        yield f"LIMIT {hogql_text(query.limit_by.n)}{skipped} BY {_join(query.limit_by.exprs)}"


def _branch(query: ast.SelectQuery | ast.SelectSetQuery) -> str:
    return f"({query_text(query)})" if isinstance(query, ast.SelectSetQuery) else query_text(query)


def _tail(limit: ast.Node | None, offset: ast.Node | None, *, percent: bool = False, ties: bool = False) -> str:
    text = ""
    if limit is not None:
        text += f" LIMIT {hogql_text(limit)}{'%' if percent else ''}{' WITH TIES' if ties else ''}"
    return text + (f" OFFSET {hogql_text(offset)}" if offset is not None else "")


def _grouping(query: ast.SelectQuery) -> list[str]:
    if query.group_by_mode == "all":
        return ["GROUP BY ALL"]
    if not query.group_by:
        return []
    keys = _join(query.group_by)
    mode = {"rollup": "ROLLUP", "cube": "CUBE", "grouping_sets": "GROUPING SETS"}.get(query.group_by_mode or "")
    return [f"GROUP BY {mode}({keys})" if mode else f"GROUP BY {keys}"]


def _cte(cte: ast.CTE) -> str:
    if cte.cte_type == "subquery":
        return f"{hogql_identifier(cte.name)} AS ({_query(cte.expr)})"
    return f"{hogql_text(cte.expr)} AS {hogql_identifier(cte.name)}"


def _sample(sample: ast.SampleExpr) -> str:
    text = f"SAMPLE {_ratio(sample.sample_value)}"
    return f"{text} OFFSET {_ratio(sample.offset_value)}" if sample.offset_value else text


def _ratio(ratio: ast.RatioExpr) -> str:
    left = hogql_text(ratio.left)
    return left if ratio.right is None else f"{left}/{hogql_text(ratio.right)}"


def _tables(join: ast.JoinExpr) -> str:
    parts = []
    current: ast.JoinExpr | None = join
    while current is not None:
        text = hogql_text(current.table)
        if current.table_args is not None:
            text += f"({_join(current.table_args)})"
        if current.sample:
            text += f" {_sample(current.sample)}"
        if current.alias:
            text += f" AS {hogql_identifier(current.alias)}"
        if current.join_type:
            text = f"{current.join_type} {text}"
        if current.constraint:
            condition = hogql_text(current.constraint.expr)
            text += f" USING ({condition})" if current.constraint.constraint_type == "USING" else f" ON {condition}"
        parts.append(text)
        current = current.next_join
    return " ".join(parts)
