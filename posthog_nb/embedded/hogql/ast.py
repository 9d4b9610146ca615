"""HogQL's syntax tree.

Field names are those of PostHog's parser, so that :mod:`.parse` reads its JSON without a table of its own. Every node
knows where it stands in the user's text.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from posthog_nb.errors import Span

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["NODES", "Constant", "Field", "Node", "SelectQuery", "SelectSetQuery"]

NOWHERE = Span(0, 0)


@dataclass(frozen=True)
class Node:
    """Anything with a place in the text."""

    span: Span


@dataclass(frozen=True)
class Constant(Node):
    """A literal. ``value`` is a Python value; ``value_type`` "number" marks a number kept as text."""

    value: object = None
    value_type: str | None = None


@dataclass(frozen=True)
class Field(Node):
    """A dotted name; ``*`` may be its last link."""

    chain: tuple[str | int, ...] = ()


@dataclass(frozen=True)
class Placeholder(Node):
    """``{name}`` that no value was given for yet."""

    expr: Node | None = None


@dataclass(frozen=True)
class Alias(Node):
    """``expr AS alias``."""

    expr: Node = Constant(NOWHERE)
    alias: str = ""


@dataclass(frozen=True)
class Call(Node):
    """``name(params)(args)``."""

    name: str = ""
    args: tuple[Node, ...] = ()
    params: tuple[Node, ...] | None = None
    distinct: bool = False
    filter_expr: Node | None = None
    within_group: tuple[Node, ...] | None = None


@dataclass(frozen=True)
class ExprCall(Node):
    """A call of something that is not a name."""

    expr: Node = Constant(NOWHERE)
    args: tuple[Node, ...] = ()


@dataclass(frozen=True)
class NamedArgument(Node):
    """``name := value``."""

    name: str = ""
    value: Node = Constant(NOWHERE)


@dataclass(frozen=True)
class Lambda(Node):
    """``args -> expr``."""

    args: tuple[str, ...] = ()
    expr: Node = Constant(NOWHERE)


@dataclass(frozen=True)
class And(Node):
    """Conjunction."""

    exprs: tuple[Node, ...] = ()


@dataclass(frozen=True)
class Or(Node):
    """Disjunction."""

    exprs: tuple[Node, ...] = ()


@dataclass(frozen=True)
class Not(Node):
    """Negation."""

    expr: Node = Constant(NOWHERE)


@dataclass(frozen=True)
class ArithmeticOperation(Node):
    """``left op right``."""

    left: Node = Constant(NOWHERE)
    op: str = "+"
    right: Node = Constant(NOWHERE)


@dataclass(frozen=True)
class CompareOperation(Node):
    """``left op right``, also IN, LIKE and the regex operators."""

    left: Node = Constant(NOWHERE)
    op: str = "=="
    right: Node = Constant(NOWHERE)


@dataclass(frozen=True)
class BetweenExpr(Node):
    """``expr BETWEEN low AND high``."""

    expr: Node = Constant(NOWHERE)
    low: Node = Constant(NOWHERE)
    high: Node = Constant(NOWHERE)
    negated: bool = False


@dataclass(frozen=True)
class IsDistinctFrom(Node):
    """``left IS DISTINCT FROM right``; ``negated`` for ``<=>``."""

    left: Node = Constant(NOWHERE)
    right: Node = Constant(NOWHERE)
    negated: bool = False


@dataclass(frozen=True)
class TypeCast(Node):
    """``expr::type``."""

    expr: Node = Constant(NOWHERE)
    type_name: str = ""


@dataclass(frozen=True)
class TryCast(TypeCast):
    """``try_cast(expr as type)``."""


@dataclass(frozen=True)
class Tuple(Node):
    """``(a, b)``."""

    exprs: tuple[Node, ...] = ()


@dataclass(frozen=True)
class Array(Node):
    """``[a, b]``."""

    exprs: tuple[Node, ...] = ()


@dataclass(frozen=True)
class Dict(Node):
    """``{'k': v}``."""

    items: tuple[tuple[Node, Node], ...] = ()


@dataclass(frozen=True)
class ArrayAccess(Node):
    """``array[property]`` and ``array?.property``."""

    array: Node = Constant(NOWHERE)
    property: Node = Constant(NOWHERE)
    nullish: bool = False


@dataclass(frozen=True)
class TupleAccess(Node):
    """``tuple.index``."""

    tuple: Node = Constant(NOWHERE)
    index: int = 1
    nullish: bool = False


@dataclass(frozen=True)
class ArraySlice(Node):
    """``array[start:end]``, both ends included."""

    array: Node = Constant(NOWHERE)
    start_expr: Node | None = None
    end_expr: Node | None = None


@dataclass(frozen=True)
class PositionalRef(Node):
    """``#1``."""

    index: int = 1


@dataclass(frozen=True)
class ColumnsExpr(Node):
    """``COLUMNS(...)`` and ``* EXCLUDE (...)``."""

    regex: str | None = None
    columns: tuple[Node, ...] | None = None
    all_columns: bool = False
    exclude: tuple[str, ...] | None = None
    replace: Mapping[str, Node] | None = None


@dataclass(frozen=True)
class HogQLXAttribute(Node):
    """``name={value}`` of a tag; the children of the tag are an attribute too."""

    name: str = ""
    value: Node | tuple[Node, ...] = Constant(NOWHERE)


@dataclass(frozen=True)
class HogQLXTag(Node):
    """``<kind name={value} />``."""

    kind: str = ""
    attributes: tuple[HogQLXAttribute, ...] = ()


@dataclass(frozen=True)
class WithFillExpr(Node):
    """``WITH FILL FROM a TO b STEP c``."""

    from_value: Node | None = None
    to_value: Node | None = None
    step_value: Node | None = None


@dataclass(frozen=True)
class OrderExpr(Node):
    """One key of ORDER BY."""

    expr: Node = Constant(NOWHERE)
    order: str = "ASC"
    with_fill: WithFillExpr | None = None


@dataclass(frozen=True)
class WindowFrameExpr(Node):
    """One end of a window's frame."""

    frame_type: str = "CURRENT ROW"
    frame_value: int | Node | None = None


@dataclass(frozen=True)
class WindowExpr(Node):
    """What stands in the brackets after OVER."""

    partition_by: tuple[Node, ...] | None = None
    order_by: tuple[OrderExpr, ...] | None = None
    frame_method: str | None = None
    frame_start: WindowFrameExpr | None = None
    frame_end: WindowFrameExpr | None = None


@dataclass(frozen=True)
class WindowFunction(Node):
    """``name(exprs) OVER (...)``; with two brackets ``exprs`` are the parameters and ``args`` the arguments."""

    name: str = ""
    exprs: tuple[Node, ...] = ()
    args: tuple[Node, ...] = ()
    over_expr: WindowExpr | None = None
    over_identifier: str | None = None


@dataclass(frozen=True)
class GroupingSet(Node):
    """One of GROUPING SETS."""

    exprs: tuple[Node, ...] = ()


@dataclass(frozen=True)
class RatioExpr(Node):
    """``1/10`` of SAMPLE."""

    left: Constant = Constant(NOWHERE)
    right: Constant | None = None


@dataclass(frozen=True)
class SampleExpr(Node):
    """``SAMPLE a OFFSET b``."""

    sample_value: RatioExpr = RatioExpr(NOWHERE)
    offset_value: RatioExpr | None = None


@dataclass(frozen=True)
class JoinConstraint(Node):
    """ON or USING of a join."""

    expr: Node = Constant(NOWHERE)
    constraint_type: str = "ON"


@dataclass(frozen=True)
class JoinExpr(Node):
    """One table of FROM, and the next."""

    table: Node = Constant(NOWHERE)
    table_args: tuple[Node, ...] | None = None
    alias: str | None = None
    column_aliases: tuple[str, ...] | None = None
    table_final: bool | None = None
    sample: SampleExpr | None = None
    join_type: str | None = None
    constraint: JoinConstraint | None = None
    next_join: JoinExpr | None = None


@dataclass(frozen=True)
class LimitByExpr(Node):
    """``LIMIT n OFFSET m BY exprs``."""

    n: Node = Constant(NOWHERE)
    exprs: tuple[Node, ...] = ()
    offset_value: Node | None = None


@dataclass(frozen=True)
class CTE(Node):
    """One entry of WITH: a table ("subquery") or a value ("column")."""

    name: str = ""
    expr: Node = Constant(NOWHERE)
    cte_type: str = "column"
    recursive: bool = False
    columns: tuple[str, ...] | None = None
    materialized: bool | None = None
    using_key: tuple[str, ...] | None = None


@dataclass(frozen=True)
class SelectQuery(Node):
    """One SELECT."""

    select: tuple[Node, ...] = ()
    distinct: bool | None = None
    ctes: tuple[CTE, ...] | None = None
    select_from: JoinExpr | None = None
    array_join_op: str | None = None
    array_join_list: tuple[Node, ...] | None = None
    window_exprs: Mapping[str, WindowExpr] | None = None
    where: Node | None = None
    prewhere: Node | None = None
    group_by: tuple[Node, ...] | None = None
    group_by_mode: str | None = None
    having: Node | None = None
    qualify: Node | None = None
    order_by: tuple[OrderExpr, ...] | None = None
    limit_by: LimitByExpr | None = None
    limit: Node | None = None
    limit_percent: bool | None = None
    limit_with_ties: bool | None = None
    offset: Node | None = None


@dataclass(frozen=True)
class SelectSetNode(Node):
    """A further branch of a set query."""

    select_query: SelectQuery | SelectSetQuery = SelectQuery(NOWHERE)
    set_operator: str = "UNION ALL"


@dataclass(frozen=True)
class SelectSetQuery(Node):
    """UNION, INTERSECT, EXCEPT of SELECTs."""

    initial_select_query: SelectQuery | SelectSetQuery = SelectQuery(NOWHERE)
    subsequent_select_queries: tuple[SelectSetNode, ...] = ()
    limit: Node | None = None
    limit_percent: bool | None = None
    limit_with_ties: bool | None = None
    offset: Node | None = None
    order_by: tuple[OrderExpr, ...] | None = None


NODES: dict[str, type[Node]] = {
    cls.__name__: cls
    for cls in [
        Constant, Field, Placeholder, Alias, Call, ExprCall, NamedArgument, Lambda, And, Or, Not, ArithmeticOperation,
        CompareOperation, BetweenExpr, IsDistinctFrom, TypeCast, TryCast, Tuple, Array, Dict, ArrayAccess, TupleAccess,
        ArraySlice, PositionalRef, ColumnsExpr, HogQLXAttribute, HogQLXTag, WithFillExpr, OrderExpr, WindowFrameExpr,
        WindowExpr, WindowFunction, GroupingSet, RatioExpr, SampleExpr, JoinConstraint, JoinExpr, LimitByExpr, CTE,
        SelectQuery, SelectSetNode, SelectSetQuery,
    ]
}  # fmt: skip
