"""ClickHouse SQL as a tree, and its one way to text.

Everything is a function call, a quoted name or an escaped literal, so that precedence and quoting cannot go wrong.
Function names come from the function table and table names from the catalogue; :func:`render` refuses others.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields, is_dataclass
from typing import TYPE_CHECKING

from posthog_nb.embedded.hogql.escape import identifier, literal

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = [
    "Aliased",
    "Column",
    "CteSource",
    "Expr",
    "Func",
    "FunctionSource",
    "Joined",
    "Lambda",
    "Literal",
    "Name",
    "Order",
    "QuerySource",
    "Scalar",
    "Select",
    "SetQuery",
    "Statement",
    "TableSource",
    "Window",
    "call",
    "render",
    "stored_tables",
]


class Expr:
    """A ClickHouse expression."""

    __slots__ = ()


@dataclass(frozen=True)
class Literal(Expr):
    """A text, number, bool or NULL."""

    value: str | int | float | bool | None


@dataclass(frozen=True)
class Column(Expr):
    """A column of a table in FROM, always with its table."""

    table: str
    name: str


@dataclass(frozen=True)
class Name(Expr):
    """An alias of the same SELECT, or an argument of a lambda."""

    name: str


@dataclass(frozen=True)
class Func(Expr):
    """``name(params)(args)``, with FILTER and OVER."""

    name: str
    args: tuple[Expr, ...] = ()
    params: tuple[Expr, ...] | None = None
    distinct: bool = False
    condition: Expr | None = None
    over: Window | str | None = None


@dataclass(frozen=True)
class Lambda(Expr):
    """``(args) -> body``."""

    args: tuple[str, ...]
    body: Expr


@dataclass(frozen=True)
class Aliased(Expr):
    """``(expr AS name)`` inside an expression."""

    expr: Expr
    name: str


@dataclass(frozen=True)
class Scalar(Expr):
    """A subquery in an expression."""

    query: Statement


@dataclass(frozen=True)
class Order:
    """A key of ORDER BY; ``fill`` holds FROM, TO and STEP of WITH FILL."""

    expr: Expr
    direction: str
    fill: tuple[Expr | None, Expr | None, Expr | None] | None = None


@dataclass(frozen=True)
class Window:
    """The inside of OVER; ``frame`` is ready text made of key words and whole numbers."""

    partition_by: tuple[Expr, ...] = ()
    order_by: tuple[Order, ...] = ()
    frame: str = ""


@dataclass(frozen=True)
class TableSource:
    """A physical table."""

    database: str
    name: str
    sample: str = ""


@dataclass(frozen=True)
class FunctionSource:
    """A table function."""

    name: str
    args: tuple[Expr, ...]


@dataclass(frozen=True)
class QuerySource:
    """A subquery in FROM."""

    query: Statement


@dataclass(frozen=True)
class CteSource:
    """A reference to WITH."""

    name: str


@dataclass(frozen=True)
class Joined:
    """One entry of FROM: the first has no ``kind``."""

    source: TableSource | FunctionSource | QuerySource | CteSource
    alias: str
    kind: str = ""
    on: Expr | None = None
    using: tuple[str, ...] = ()


@dataclass(frozen=True)
class Select:
    """One SELECT; each item has its alias."""

    columns: tuple[tuple[Expr, str], ...]
    tables: tuple[Joined, ...] = ()
    distinct: bool = False
    array_join: tuple[str, tuple[tuple[Expr, str], ...]] | None = None
    prewhere: Expr | None = None
    where: Expr | None = None
    group_by: tuple[Expr, ...] = ()
    grouping: str | None = None
    grouping_sets: tuple[tuple[Expr, ...], ...] = ()
    having: Expr | None = None
    windows: tuple[tuple[str, Window], ...] = ()
    order_by: tuple[Order, ...] = ()
    limit_by: tuple[Expr, Expr | None, tuple[Expr, ...]] | None = None
    limit: Expr | None = None
    with_ties: bool = False
    offset: Expr | None = None
    settings: str = ""


@dataclass(frozen=True)
class SetQuery:
    """Branches with the operator before each further one."""

    first: Statement
    rest: tuple[tuple[str, Statement], ...]
    limit: Expr | None = None
    offset: Expr | None = None
    order_by: tuple[Order, ...] = field(default=())


Statement = Select | SetQuery

_BRACKETS = {"array": ("[", "]"), "tuple": ("(", ")")}
_SIGNED = 2**63
"""From here on a whole number has no place beside a negative one."""

_ENDLESS = 2**62
"""More rows than there are."""


def stored_tables(statements: Iterable[Statement]) -> set[str]:
    """The physical tables that are read anywhere in ``statements``."""
    found: set[str] = set()
    pending: list[object] = list(statements)
    while pending:
        one = pending.pop()
        if isinstance(one, TableSource):
            found.add(one.name)
        elif isinstance(one, tuple):
            pending.extend(one)
        elif is_dataclass(one):
            pending.extend(getattr(one, item.name) for item in fields(one))
    return found


def call(name: str, *args: Expr | str | int) -> Func:
    """``name(args)``; plain texts and numbers become literals."""
    return Func(name, tuple(arg if isinstance(arg, Expr) else Literal(arg) for arg in args))


def render(statement: Statement, ctes: tuple[tuple[str, Statement], ...] = ()) -> str:
    """The text of a statement, with the tables of WITH in front."""
    if not ctes:
        return _statement(statement)
    names = ", ".join(f"{identifier(name)} AS ({_statement(query)})" for name, query in ctes)
    if isinstance(statement, SetQuery):
        return f"WITH {names} SELECT * FROM ({_statement(statement)})"
    return f"WITH {names} {_statement(statement)}"


def _statement(statement: Statement) -> str:
    return _select(statement) if isinstance(statement, Select) else _set_query(statement)


def _set_query(query: SetQuery) -> str:
    text = f"({_statement(query.first)})"
    for operator, branch in query.rest:
        text += f" {operator} ({_statement(branch)})"
    if query.limit is None and query.offset is None and not query.order_by:
        return text
    text = f"SELECT * FROM ({text})"
    if query.order_by:
        text += f" ORDER BY {_orders(query.order_by)}"
    if query.limit is not None:
        text += f" LIMIT {_expr(query.limit)}"
    return text + (f" OFFSET {_expr(query.offset)}" if query.offset is not None else "")


def _select(select: Select) -> str:
    parts = ["SELECT DISTINCT" if select.distinct else "SELECT"]
    parts.append(", ".join(f"{_expr(expr)} AS {identifier(alias)}" for expr, alias in select.columns))
    if select.tables:
        parts.append("FROM " + " ".join(_joined(table) for table in select.tables))
    if select.array_join:
        operator, arrays = select.array_join
        parts.append(operator)
        parts.append(", ".join(f"{_expr(expr)} AS {identifier(alias)}" for expr, alias in arrays))
    if select.prewhere is not None:
        parts.append(f"PREWHERE {_expr(select.prewhere)}")
    if select.where is not None:
        parts.append(f"WHERE {_expr(select.where)}")
    parts.extend(_grouping(select))
    if select.having is not None:
        parts.append(f"HAVING {_expr(select.having)}")
    if select.windows:
        windows = ", ".join(f"{identifier(name)} AS ({_window(window)})" for name, window in select.windows)
        parts.append(f"WINDOW {windows}")
    if select.order_by:
        parts.append(f"ORDER BY {_orders(select.order_by)}")
    parts.extend(_limits(select))
    if select.settings:
        parts.append(f"SETTINGS {select.settings}")
    return " ".join(parts)


def _grouping(select: Select) -> list[str]:
    if select.grouping == "ALL":
        return ["GROUP BY ALL"]
    if select.grouping == "GROUPING SETS":
        sets = ", ".join(f"({_list(exprs)})" for exprs in select.grouping_sets)
        return [f"GROUP BY GROUPING SETS ({sets})"]
    if not select.group_by:
        return []
    keys = _list(select.group_by)
    return [f"GROUP BY {select.grouping}({keys})" if select.grouping else f"GROUP BY {keys}"]


def _limits(select: Select) -> list[str]:
    parts = []
    if select.limit_by:
        n, offset, exprs = select.limit_by
        skipped = f" OFFSET {_expr(offset)}" if offset is not None else ""
        parts.append(f"LIMIT {_expr(n)}{skipped} BY {_list(exprs)}")
    if select.limit_by and select.limit is None and select.offset is not None:
        # Behind LIMIT BY, ClickHouse takes OFFSET with a LIMIT alone.
        parts.append(f"LIMIT {_ENDLESS}")
    if select.limit is not None:
        ties = " WITH TIES" if select.with_ties else ""
        parts.append(f"LIMIT {_expr(select.limit)}{ties}")
    if select.offset is not None:
        parts.append(f"OFFSET {_expr(select.offset)}")
    return parts


def _joined(table: Joined) -> str:
    match table.source:
        case TableSource(database, name, sample):
            text = f"{identifier(database)}.{identifier(name)} AS {identifier(table.alias)}{sample}"
        case FunctionSource(name, args):
            text = f"{name}({_list(args)}) AS {identifier(table.alias)}"
        case QuerySource(query):
            text = f"({_statement(query)}) AS {identifier(table.alias)}"
        case CteSource(name):
            text = f"{identifier(name)} AS {identifier(table.alias)}"
    if table.kind:
        text = f"{table.kind} {text}"
    if table.on is not None:
        text += f" ON {_expr(table.on)}"
    if table.using:
        text += f" USING ({', '.join(identifier(name) for name in table.using)})"
    return text


def _list(exprs: tuple[Expr, ...]) -> str:
    return ", ".join(_expr(expr) for expr in exprs)


def _orders(orders: tuple[Order, ...]) -> str:
    return ", ".join(_order(order) for order in orders)


def _order(order: Order) -> str:
    text = f"{_expr(order.expr)} {order.direction}"
    if order.fill is not None:
        text += " WITH FILL"
        for word, value in zip(("FROM", "TO", "STEP"), order.fill, strict=True):
            if value is not None:
                text += f" {word} {_expr(value)}"
    return text


def _window(window: Window) -> str:
    parts = []
    if window.partition_by:
        parts.append(f"PARTITION BY {_list(window.partition_by)}")
    if window.order_by:
        parts.append(f"ORDER BY {_orders(window.order_by)}")
    if window.frame:
        parts.append(window.frame)
    return " ".join(parts)


def _expr(expr: Expr) -> str:  # noqa: PLR0911 - one line for each kind
    match expr:
        case Func():
            return _func(expr)
        case Column(table, name):
            return f"{identifier(table)}.{identifier(name)}"
        case Literal(value):
            return literal(value)
        case Name(name):
            return identifier(name)
        case Aliased(inner, name):
            return f"({_expr(inner)} AS {identifier(name)})"
        case Lambda(args, body):
            return f"({', '.join(identifier(arg) for arg in args)}) -> {_expr(body)}"
        case Scalar(query):
            return f"({_statement(query)})"
        case _:
            raise AssertionError(expr)


def _func(func: Func) -> str:
    # Names come from this package's own tables; a slip there must not become an opening in the fence.
    if not func.name.isidentifier() or not func.name.isascii():
        raise AssertionError(func.name)
    if func.name in _BRACKETS and _is_one_literal(func.args):
        begin, end = _BRACKETS[func.name]
        return f"{begin}{_list(func.args)}{end}"
    params = f"({_list(func.params)})" if func.params is not None else ""
    distinct = "DISTINCT " if func.distinct else ""
    text = f"{func.name}{params}({distinct}{_list(func.args)})"
    if func.condition is not None:
        text += f" FILTER (WHERE {_expr(func.condition)})"
    if isinstance(func.over, Window):
        text += f" OVER ({_window(func.over)})"
    elif func.over is not None:
        text += f" OVER {identifier(func.over)}"
    return text


def _is_one_literal(items: tuple[Expr, ...]) -> bool:
    """Whether an array or a tuple is better written in brackets than as a call.

    ClickHouse reads the brackets as one constant, and the call as one for each item: 100,000 of them take a minute. The
    call knows what to do with items of different kinds; the brackets do not. One item in them is no tuple.
    """
    values = [item.value for item in items if isinstance(item, Literal)]
    kinds = {type(value) for value in values}
    if len(values) < max(2, len(items)) or len(kinds) > 1:
        return False
    return all(value < _SIGNED for value in values if isinstance(value, int))
