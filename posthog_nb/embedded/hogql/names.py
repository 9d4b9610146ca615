"""Constants, and what dotted and bracketed names stand for."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING

from posthog_nb.embedded.hogql import ast, sql
from posthog_nb.embedded.hogql.constants import constant, number
from posthog_nb.embedded.hogql.escape import hogql_identifier
from posthog_nb.embedded.hogql.refuse import Refuse, unknown
from posthog_nb.embedded.hogql.relations import Aliases, JsonColumn
from posthog_nb.embedded.hogql.scope import (
    Located,
    PropertyPath,
    Scope,
    cannot_access,
    find_in_relation,
    property_value,
)
from posthog_nb.embedded.hogql.sql import Literal, call
from posthog_nb.embedded.hogql.typed import Notice, Typed
from posthog_nb.embedded.hogql.types import UNKNOWN, Kind
from posthog_nb.errors import HogQLQueryError, Span

if TYPE_CHECKING:
    from collections.abc import Callable

    from posthog_nb.embedded.hogql.facts import ProjectFacts
    from posthog_nb.embedded.hogql.relations import QueryColumn

__all__ = ["NameResolver"]

_MOST_COPIED = 50_000
"""Most nodes of WITH's values in one query: they are copied where they are used, and could double each time."""

_TYPE_NAMES = {"Numeric": "Float", "Boolean": "Boolean", "DateTime": "DateTime", "String": "String"}


class NameResolver(ABC):
    """Resolves constants, names and places; what the other nodes are, its subclasses know."""

    def __init__(self, text: str, facts: ProjectFacts) -> None:
        self.text = text
        self.facts = facts
        self.aliases = Aliases()
        self.notices: list[Notice] = []
        self._copying = 0
        self._copied = 0

    @abstractmethod
    def subquery(self, query: ast.Node, scope: Scope) -> tuple[sql.Statement, dict[str, QueryColumn]]:
        """A nested query and its columns."""

    def refusal(self, *nodes: ast.Node) -> Refuse:
        """Makes errors that point at the first of ``nodes`` that has a place: the parser makes some up itself."""
        places = (node.span for node in nodes if node.span.end > node.span.start)
        span = next(places, Span(0, len(self.text)))
        return lambda message, hint=None, meant=None: HogQLQueryError(
            message, hint=hint, text=self.text, span=span, meant=meant
        )

    def expr(self, node: ast.Node, scope: Scope) -> Typed:
        """Any expression."""
        if self._copying:
            self._copied += 1
            if self._copied > _MOST_COPIED:
                raise self.refusal(node)("The query is too large once its WITH values are put in place")
        visit = self.visitors.get(type(node))
        if visit is None:
            raise self.refusal(node)(f"{type(node).__name__} is not supported here")
        return visit(node, scope)

    @cached_property
    def visitors(self) -> dict[type[ast.Node], Callable[..., Typed]]:
        """The method for each kind of node."""
        return {
            ast.Constant: self._constant,
            ast.Field: self._place,
            ast.ArrayAccess: self._array_access,
            ast.TupleAccess: self._tuple_access,
            ast.ArraySlice: self._array_slice,
            ast.Alias: self._alias,
        }

    def _constant(self, node: ast.Constant, scope: Scope) -> Typed:  # noqa: ARG002 - one shape for all visitors
        return constant(number(node.value) if node.value_type == "number" else node.value, self.facts.timezone)

    # -- names and places

    def locate(self, node: ast.Node, scope: Scope) -> Located | None:
        """What a dotted or bracketed name stands for; None when ``node`` is no name."""
        match node:
            case ast.Field():
                return self._locate_field(node, scope)
            case ast.ArrayAccess(array=inner, property=ast.Constant(value=str() | int() as key)):
                return self._locate_key(node, inner, key, scope, "array[1]")
            case ast.TupleAccess(tuple=inner, index=index):
                return self._locate_key(node, inner, index, scope, "array.1")
            case _:
                return None

    def _locate_key(self, node: ast.Node, inner: ast.Node, key: str | int, scope: Scope, first: str) -> Located | None:
        outer = self.locate(inner, scope)
        if outer is None or outer.path is None:
            return None
        if key == 0:
            raise self.refusal(node)(f"SQL indexes start from one, not from zero. E.g: {first}")
        keys = (*outer.path.keys, key)
        return Located("__".join(map(str, keys)), path=PropertyPath(outer.path.source, keys))

    def _locate_field(self, node: ast.Field, scope: Scope) -> Located:
        chain = node.chain
        name = str(chain[0])
        refuse = self.refusal(node)
        if name in scope.arguments:
            return self._in_value(scope.arguments[name], chain, refuse)
        if len(chain) > 1 and name in scope.relations:
            return find_in_relation(scope.relations[name], chain[1:], refuse)
        if name in scope.aliases:
            if scope.aggregate and name in scope.aggregated:
                raise refuse(
                    f"Aggregation '{scope.aggregated[name]}' cannot be nested inside another aggregation "
                    f"'{scope.aggregate}'.",
                    f"Here {name} is the alias of an aggregation. Give that another name, or qualify the column.",
                )
            return self._in_value(scope.aliases[name], chain, refuse)
        holders = scope.holders(name)
        if len(holders) > 1:
            found = ", ".join(f"{alias}.{name}" if alias else name for alias, _ in holders)
            raise refuse(
                f"Ambiguous query. Found multiple sources for field: {name} ({found}). Use a qualified field name."
            )
        if holders:
            return find_in_relation(holders[0][1], chain, refuse)
        if name in scope.relations:
            raise refuse(f"Can't select a table when a column is expected: {name}")
        if name in scope.values:
            return self._in_value(self._with_value(name, scope), chain, refuse)
        if name in scope.tables:
            raise refuse(f'Cannot use table CTE "{name}" as a value. Use it in a FROM clause instead.')
        raise self._unresolved(node, name, scope)

    def _unresolved(self, node: ast.Node, name: str, scope: Scope) -> HogQLQueryError:
        return unknown(self.refusal(node), f"Unable to resolve field: {name}", name, scope.known_names())

    def _in_value(self, value: Typed, chain: tuple[str | int, ...], refuse: Refuse) -> Located:
        name, rest = str(chain[0]), chain[1:]
        if value.type.kind is Kind.JSON:
            return Located("__".join(map(str, rest)) or name, path=PropertyPath(value, rest))
        if rest:
            raise refuse(cannot_access(str(rest[0]), name))
        return Located(name, value=value)

    def _with_value(self, name: str, scope: Scope) -> Typed:
        """A value of WITH is put in place where it is used; inside it, its own name means something else."""
        node = scope.values.pop(name)
        self._copying += 1
        try:
            return self.expr(node, scope)
        finally:
            self._copying -= 1
            scope.values[name] = node

    def _place(self, node: ast.Node, scope: Scope) -> Typed:
        located = self.locate(node, scope)
        assert located is not None  # noqa: S101 - a Field always is a name
        self.note(node, located)
        return self.finish(located)

    def note(self, node: ast.Node, located: Located) -> None:
        """Take down of which type a column is, and a property where its definition tells."""
        path = located.path
        if path is None:
            if located.is_column and located.value is not None and located.value.type.label:
                kind = replace(located.value.type, nullable=False).label
                self.notices.append(Notice(f"Field '{located.name}' is of type '{kind}'", node.span))
            return
        definition = path.source.definition(path.keys) if isinstance(path.source, JsonColumn) else None
        if isinstance(path.source, JsonColumn) and definition in _TYPE_NAMES:
            message = f"{path.source.owner_name()} property '{path.keys[0]}' is of type '{_TYPE_NAMES[definition]}'."
            self.notices.append(Notice(message, self._last_link(node.span, path.keys[0])))

    def _last_link(self, span: Span, key: str | int) -> Span:
        """The place of a property's own name, where the name ends with it."""
        start = span.end - len(hogql_identifier(key))
        return Span(start, span.end) if self.text[start : span.end] == hogql_identifier(key) else span

    def finish(self, located: Located) -> Typed:
        """The value of a located name."""
        if located.path is not None:
            return property_value(located.path, self.facts)
        assert located.value is not None  # noqa: S101 - one of the two is always there
        return located.value

    def _array_access(self, node: ast.ArrayAccess, scope: Scope) -> Typed:
        located = self.locate(node, scope)
        if located is not None:
            return self.finish(located)
        key = self.expr(node.property, scope)
        if key.whole == 0:
            raise self.refusal(node)("SQL indexes start from one, not from zero. E.g: array[1]")
        array = self.expr(node.array, scope)
        if node.nullish:
            return Typed(call("tupleElement", array.expr, key.expr))
        item = array.type.items[0] if array.type.items else UNKNOWN
        return Typed(call("arrayElement", array.expr, key.expr), item)

    def _tuple_access(self, node: ast.TupleAccess, scope: Scope) -> Typed:
        located = self.locate(node, scope)
        if located is not None:
            return self.finish(located)
        if node.index == 0:
            raise self.refusal(node)("SQL indexes start from one, not from zero. E.g: array.1")
        return Typed(call("tupleElement", self.expr(node.tuple, scope).expr, node.index))

    def _array_slice(self, node: ast.ArraySlice, scope: Scope) -> Typed:
        array = self.expr(node.array, scope)
        start = self.expr(node.start_expr, scope).expr if node.start_expr else Literal(1)
        if node.end_expr is None:
            return Typed(call("arraySlice", array.expr, start), array.type)
        end = self.expr(node.end_expr, scope).expr
        length = call("plus", call("minus", end, start), 1)
        return Typed(call("arraySlice", array.expr, start, length), array.type)

    def _alias(self, node: ast.Alias, scope: Scope) -> Typed:
        name, value = self.declare(node, scope)
        return Typed(sql.Aliased(value.expr, name), value.type, value.constant)

    @staticmethod
    def check_identifier(name: str, refuse: Refuse) -> None:
        """Refuse a name that PostHog refuses."""
        if "%" in name:
            raise refuse(f'The HogQL identifier "{name}" is not permitted as it contains the "%" character')

    def declare(self, node: ast.Alias, scope: Scope) -> tuple[str, Typed]:
        """Make an alias known; gives its ClickHouse name and what it stands for."""
        refuse = self.refusal(node)
        if node.alias.lower() in ("true", "false", "null", "team_id"):
            raise refuse(f'"{node.alias}" cannot be an alias or identifier, as it\'s a reserved keyword')
        if not node.alias:
            raise refuse("Alias cannot be empty")
        if node.alias in scope.aliases:
            raise refuse(f"Cannot redefine an alias with the name: {node.alias}")
        self.check_identifier(node.alias, refuse)
        before = len(scope.aggregates)
        value = self.expr(node.expr, scope)
        if len(scope.aggregates) > before:
            scope.aggregated[node.alias] = scope.aggregates[before]
        name = scope.fresh_name(node.alias)
        scope.aliases[node.alias] = Typed(sql.Name(name), value.type)
        return name, value
