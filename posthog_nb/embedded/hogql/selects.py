"""SELECTs and set queries: FROM, WITH, ``*``, aliases, clauses."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from posthog_nb.embedded.hogql import ast, sql
from posthog_nb.embedded.hogql.expressions import ExpressionResolver
from posthog_nb.embedded.hogql.from_clause import FromEntry, resolve_from
from posthog_nb.embedded.hogql.hogql_text import hogql_text
from posthog_nb.embedded.hogql.near import read_near
from posthog_nb.embedded.hogql.refuse import unknown
from posthog_nb.embedded.hogql.relations import QueryColumn, Relation
from posthog_nb.embedded.hogql.scope import CteTable, Located, Scope, find_in_relation
from posthog_nb.embedded.hogql.typed import Typed
from posthog_nb.embedded.hogql.types import UNKNOWN, Type, common_type
from posthog_nb.embedded.hogql.walk import walk

if TYPE_CHECKING:
    from collections.abc import Iterator

    from posthog_nb.embedded.hogql.facts import ProjectFacts
    from posthog_nb.embedded.hogql.sql import Expr
    from posthog_nb.errors import HogQLQueryError

__all__ = ["Resolved", "SelectResolver"]

_GROUPINGS = {"rollup": "ROLLUP", "cube": "CUBE", "grouping_sets": "GROUPING SETS", "all": "ALL"}
_SET_OPERATORS = frozenset(
    {"UNION ALL", "UNION DISTINCT", "INTERSECT", "INTERSECT DISTINCT", "EXCEPT", "EXCEPT DISTINCT"}
)
_MOST_QUANTIFIERS = 4
_PERCENT = 100


@dataclass(frozen=True)
class Resolved:
    """A query in ClickHouse's terms.

    Attributes:
        statement: The SQL tree.
        names: The column names that PostHog's API answers, duplicates included.
        columns: The columns that an outer query can name.
    """

    statement: sql.Statement
    names: tuple[str, ...]
    columns: dict[str, QueryColumn]


@dataclass(frozen=True)
class _Item:
    """One column of a SELECT.

    Attributes:
        label: What PostHog's answer calls it.
        name: What an outer query calls it.
        output: Its ClickHouse alias.
        visible: Whether the user named it.
    """

    label: str
    name: str
    output: str
    expr: Expr
    type: Type
    visible: bool


@dataclass(frozen=True)
class _JoinedArray:
    """An array of ARRAY JOIN: the ClickHouse name of its items, and its value unless that waits for the columns."""

    node: ast.Alias
    name: str
    array: Typed | None


class SelectResolver(ExpressionResolver):
    """Resolves whole queries. Tables of WITH are collected in :attr:`ctes`, under names of their own."""

    def __init__(self, text: str, facts: ProjectFacts) -> None:
        super().__init__(text, facts)
        self.ctes: list[tuple[str, sql.Statement]] = []
        self.tables: set[str] = set()

    def subquery(self, query: ast.Node, scope: Scope) -> tuple[sql.Statement, dict[str, QueryColumn]]:
        """A nested query and its columns."""
        resolved = self.query(query, scope)
        return resolved.statement, resolved.columns

    def query(self, query: ast.Node, outer: Scope | None = None) -> Resolved:
        """A SELECT or a set query; of ``outer`` it sees the tables and values of WITH alone."""
        scope = Scope(tables=dict(outer.tables), values=dict(outer.values)) if outer else Scope()
        match query:
            case ast.SelectQuery():
                return self._select(query, scope)
            case ast.SelectSetQuery():
                return self._set_query(query, scope)
            case _:
                raise self.refusal(query)(f"{type(query).__name__} cannot stand in place of a query")

    # -- set queries

    def _set_query(self, query: ast.SelectSetQuery, scope: Scope) -> Resolved:
        first_query = query.initial_select_query
        if isinstance(first_query, ast.SelectQuery):
            # The tables of WITH before the first branch are there for all branches.
            self._with(first_query.ctes or (), scope)
            first_query = replace(first_query, ctes=None)
        first = self.query(first_query, scope)
        rest = []
        columns = first.columns
        for node in query.subsequent_select_queries:
            if node.set_operator not in _SET_OPERATORS:
                raise self.refusal(node)(f"{node.set_operator} is not supported")
            branch = self.query(node.select_query, scope)
            if len(branch.names) != len(first.names):
                raise self.refusal(node.select_query)(
                    f"The branches of a {node.set_operator} must have the same number of columns: "
                    f"{len(first.names)} and {len(branch.names)}"
                )
            columns = _merged(columns, list(branch.columns.values()))
            rest.append((node.set_operator, branch.statement))
        statement = sql.SetQuery(
            first.statement,
            tuple(rest),
            limit=self.expr(query.limit, scope).expr if query.limit else None,
            offset=self.expr(query.offset, scope).expr if query.offset else None,
        )
        return Resolved(statement, first.names, columns)

    # -- one SELECT

    def _select(self, query: ast.SelectQuery, scope: Scope) -> Resolved:
        if query.qualify is not None:
            raise self.refusal(query.qualify)("QUALIFY is not supported; wrap the query and use WHERE")
        self._with(query.ctes or (), scope)
        scope.windows = query.window_exprs or {}
        entries = resolve_from(self, query.select_from, scope)
        arrays = self._array_join_names(query, scope)
        items = self._items(query.select, scope)
        group_by = query.group_by or ()
        sets = tuple(node for node in group_by if isinstance(node, ast.GroupingSet))
        plain = tuple(node for node in group_by if not isinstance(node, ast.GroupingSet))
        statement = sql.Select(
            columns=tuple((item.expr, item.output) for item in items),
            distinct=bool(query.distinct),
            array_join=self._array_join(query, arrays, scope),
            prewhere=self._optional(query.prewhere, scope),
            where=self._optional(query.where, scope),
            group_by=tuple(self.expr(node, scope).expr for node in plain),
            grouping=_GROUPINGS.get(query.group_by_mode or ""),
            grouping_sets=tuple(tuple(self.expr(expr, scope).expr for expr in node.exprs) for node in sets),
            having=self._optional(query.having, scope),
            order_by=tuple(self.order(order, scope) for order in query.order_by or ()),
            limit_by=self._limit_by(query.limit_by, scope),
            limit=self._limit(query, scope),
            with_ties=bool(query.limit_with_ties),
            offset=self._optional(query.offset, scope),
        )
        if len(entries) == 1:
            read_near(self, query, entries[0].relation, scope)
        # Only now is it known which columns and lazy joins the query uses.
        names = tuple(item.label for item in items)
        return Resolved(replace(statement, tables=_from(entries)), names, _columns(items))

    def _optional(self, node: ast.Node | None, scope: Scope) -> Expr | None:
        return self.expr(node, scope).expr if node is not None else None

    def _limit(self, query: ast.SelectQuery, scope: Scope) -> Expr | None:
        limit = self._optional(query.limit, scope)
        if limit is None or not query.limit_percent:
            whole = not isinstance(limit, sql.Literal) or _is_whole(limit.value)
            if query.limit is not None and not whole:
                # ClickHouse reads a fraction as a share of the rows, and a negative number from the end.
                raise self.refusal(query.limit)("LIMIT takes a whole number from 0")
            return limit
        value = limit.value if isinstance(limit, sql.Literal) else None
        if not isinstance(value, (int, float)) or not 0 < value < _PERCENT:
            raise self.refusal(query.limit or query)("LIMIT n% takes a constant number between 0 and 100")
        # ClickHouse reads a fraction as a share of the rows.
        return sql.Literal(value / _PERCENT)

    def _limit_by(
        self, node: ast.LimitByExpr | None, scope: Scope
    ) -> tuple[Expr, Expr | None, tuple[Expr, ...]] | None:
        if node is None:
            return None
        exprs = tuple(self.expr(expr, scope).expr for expr in node.exprs)
        return self.expr(node.n, scope).expr, self._optional(node.offset_value, scope), exprs

    def _array_join_names(self, query: ast.SelectQuery, scope: Scope) -> dict[str, _JoinedArray]:
        """Make the items of ARRAY JOIN known, so that columns may use them.

        The arrays in their turn may be aliases of columns; those wait until there are columns.
        """
        arrays: dict[str, _JoinedArray] = {}
        columns = {inner.alias for column in query.select for inner in walk(column) if isinstance(inner, ast.Alias)}
        for node in query.array_join_list or ():
            refuse = self.refusal(node)
            if not isinstance(node, ast.Alias):
                raise refuse("ARRAY JOIN arrays must have an alias")
            if node.alias in arrays:
                raise refuse(f"Cannot redefine an alias with the name: {node.alias}")
            self.check_identifier(node.alias, refuse)
            mentioned = {str(inner.chain[0]) for inner in walk(node.expr) if isinstance(inner, ast.Field)}
            array = None if mentioned & columns else self.expr(node.expr, scope)
            arrays[node.alias] = _JoinedArray(node, scope.fresh_name(node.alias), array)
        for alias, joined in arrays.items():
            item = joined.array.type.items[0] if joined.array and joined.array.type.items else UNKNOWN
            scope.aliases[alias] = Typed(sql.Name(joined.name), item)
        return arrays

    def _array_join(
        self, query: ast.SelectQuery, arrays: dict[str, _JoinedArray], scope: Scope
    ) -> tuple[str, tuple[tuple[Expr, str], ...]] | None:
        if not arrays:
            return None
        items = {alias: scope.aliases.pop(alias) for alias in arrays}
        joined = tuple(
            ((array.array or self.expr(array.node.expr, scope)).expr, array.name) for array in arrays.values()
        )
        scope.aliases.update(items)
        operator = "LEFT ARRAY JOIN" if query.array_join_op == "LEFT ARRAY JOIN" else "ARRAY JOIN"
        return operator, joined

    # -- WITH

    def _with(self, ctes: tuple[ast.CTE, ...], scope: Scope) -> None:
        for cte in ctes:
            self._check_cte(cte)
            if cte.cte_type == "column":
                scope.values[cte.name] = cte.expr
                scope.tables.pop(cte.name, None)
                continue
            resolved = self.query(cte.expr, scope)
            name = self.aliases.new()
            self.ctes.append((name, resolved.statement))
            scope.tables[cte.name] = CteTable(name, resolved.columns)
            scope.values.pop(cte.name, None)

    def _check_cte(self, cte: ast.CTE) -> None:
        refuse = self.refusal(cte)
        if cte.recursive:
            raise refuse("Recursive CTEs are not supported")
        if cte.columns:
            raise refuse("A CTE with a list of columns is not supported; name the columns in its SELECT")
        if cte.materialized is False:
            raise refuse("NOT MATERIALIZED is not supported")
        if cte.using_key:
            raise refuse("USING KEY is not supported")

    # -- columns

    def _items(self, nodes: tuple[ast.Node, ...], scope: Scope) -> list[_Item]:
        return [item for node in nodes for item in self._item(node, scope)]

    def _item(self, node: ast.Node, scope: Scope) -> Iterator[_Item]:
        if isinstance(node, ast.ColumnsExpr) or (isinstance(node, ast.Field) and node.chain[-1] == "*"):
            for column in self.star(node, scope):
                yield _unnamed(column.name, column.name, self.finish(column), scope)
            return
        if isinstance(node, ast.Alias):
            name, value = self.declare(node, scope)
            yield _Item(node.alias, node.alias, name, value.expr, value.type, visible=True)
            return
        located = self.locate(node, scope)
        if located is not None:
            self.note(node, located)
            yield _unnamed(located.name, located.name, self.finish(located), scope)
            return
        text = hogql_text(node)
        yield _unnamed(text, text.replace("%", ""), self.expr(node, scope), scope)

    def star(self, node: ast.Node, scope: Scope) -> list[Located]:
        """The columns of ``*``, ``t.*`` or COLUMNS."""
        refuse = self.refusal(node)
        if isinstance(node, ast.ColumnsExpr):
            return self._columns_expr(node, scope)
        assert isinstance(node, ast.Field)  # noqa: S101 - asked by the callers
        if len(node.chain) == 1:
            relations = scope.all_relations()
            if not relations:
                raise refuse("Cannot use '*' when there are no tables in the query")
            if len(relations) > 1:
                raise refuse("Cannot use '*' without table name when there are multiple tables in the query")
            return _star_of(relations[0])
        relation = scope.relations.get(str(node.chain[0]))
        if relation is None or len(node.chain) > 2:  # noqa: PLR2004 - table and star
            message = f"Unable to resolve field: {'.'.join(map(str, node.chain))}"
            raise unknown(refuse, message, str(node.chain[0]), scope.relations)
        return _star_of(relation)

    def _columns_expr(self, node: ast.ColumnsExpr, scope: Scope) -> list[Located]:
        refuse = self.refusal(node)
        if node.columns is not None:
            return [located for column in node.columns for located in self._named_columns(column, scope)]
        everything = self.star(ast.Field(node.span, ("*",)), scope)
        if node.regex is not None:
            pattern = _column_pattern(node.regex)
            if pattern is None:
                raise refuse("COLUMNS takes a simple pattern, without groups that repeat")
            chosen = [located for located in everything if pattern.search(located.name)]
            if not chosen:
                raise refuse(f"No columns match COLUMNS('{node.regex}')")
            return chosen
        excluded, replaced = set(node.exclude or ()), node.replace or {}
        names = {located.name for located in everything}
        absent = (excluded | replaced.keys()) - names
        if absent:
            raise unknown(refuse, f"Unable to resolve field: {min(absent)}", min(absent), names)
        return [
            Located(located.name, self.expr(replaced[located.name], scope)) if located.name in replaced else located
            for located in everything
            if located.name not in excluded
        ]

    def _named_columns(self, node: ast.Node, scope: Scope) -> list[Located]:
        if isinstance(node, ast.ColumnsExpr) or (isinstance(node, ast.Field) and node.chain[-1] == "*"):
            return self.star(node, scope)
        located = self.locate(node, scope)
        if located is None:
            raise self.refusal(node)("COLUMNS takes columns")
        return [located]


def _is_whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _star_of(relation: Relation) -> list[Located]:
    def refuse(message: str, hint: str | None = None, meant: tuple[str, str] | None = None) -> HogQLQueryError:
        raise AssertionError(message, hint, meant)

    return [find_in_relation(relation, (name,), refuse) for name in relation.star()]


def _column_pattern(pattern: str) -> re.Pattern[str] | None:
    """The pattern over column names, if it cannot take long."""
    repeats = sum(pattern.count(mark) for mark in "*+?{")
    if repeats > _MOST_QUANTIFIERS or any(f"){mark}" in pattern for mark in "*+?{"):
        return None
    try:
        return re.compile(pattern)
    except re.error:
        return None


def _unnamed(label: str, name: str, value: Typed, scope: Scope) -> _Item:
    return _Item(label, name, scope.fresh_name(name.replace("%", "")), value.expr, value.type, visible=False)


def _columns(items: list[_Item]) -> dict[str, QueryColumn]:
    """The columns by name: of several with one name the last that the user named, else the last."""
    columns = {item.name: item for item in sorted(items, key=lambda item: item.visible)}
    in_order = dict.fromkeys(item.name for item in items)
    return {name: QueryColumn(columns[name].output, columns[name].type) for name in in_order}


def _from(entries: list[FromEntry]) -> tuple[sql.Joined, ...]:
    return tuple(joined for entry in entries for joined in entry.relation.entries(entry.kind, entry.on, entry.using))


def _merged(columns: dict[str, QueryColumn], others: list[QueryColumn]) -> dict[str, QueryColumn]:
    """The columns of a set query: named by the first branch, with a type only where the branches agree."""
    if len(columns) != len(others):
        return {name: replace(column, type=UNKNOWN) for name, column in columns.items()}
    return {
        name: replace(column, type=common_type([column.type, other.type]))
        for (name, column), other in zip(columns.items(), others, strict=True)
    }
