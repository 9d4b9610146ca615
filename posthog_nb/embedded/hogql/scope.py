"""What a name means inside one SELECT."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from posthog_nb.embedded.hogql.refuse import unknown
from posthog_nb.embedded.hogql.relations import JsonColumn, QueryColumn, Relation, TableRelation
from posthog_nb.embedded.hogql.sql import Expr, Literal, call
from posthog_nb.embedded.hogql.tables import Column, property_text
from posthog_nb.embedded.hogql.typed import Typed
from posthog_nb.embedded.hogql.types import BOOLEAN, DATETIME, FLOAT, STRING, Kind
from posthog_nb.embedded.hogql.virtual_columns import VIRTUAL_PREFIX

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from posthog_nb.embedded.hogql import ast
    from posthog_nb.embedded.hogql.facts import ProjectFacts
    from posthog_nb.embedded.hogql.refuse import Refuse

__all__ = ["CteTable", "Located", "PropertyPath", "Scope", "column_value", "find_in_relation", "property_value"]

_TRUTH_WORDS = call("array", "true", "false")
_TRUTH_VALUES = call("array", 1, 0)
_NULL = Literal(None)


@dataclass(frozen=True)
class CteTable:
    """A table of WITH: its ClickHouse name and its columns."""

    name: str
    columns: Mapping[str, QueryColumn]


@dataclass(frozen=True)
class PropertyPath:
    """A JSON value and the keys to follow inside it."""

    source: JsonColumn | Typed
    keys: tuple[str | int, ...] = ()


@dataclass(frozen=True)
class Located:
    """What a name stands for: a value, or a place inside JSON.

    Attributes:
        name: The column name that PostHog gives it.
        is_column: Whether it is a column of a table of the catalogue.
    """

    name: str
    value: Typed | None = None
    path: PropertyPath | None = None
    is_column: bool = False


@dataclass
class Scope:
    """The names of one SELECT.

    Attributes:
        relations: Tables of FROM by the name they have here.
        unnamed: Subqueries of FROM without an alias.
        aliases: Visible aliases of this SELECT, as they come.
        values: Values of WITH, resolved where they are used.
        tables: Tables of WITH.
        arguments: Arguments of the lambdas around.
        windows: Named windows.
        aggregate: The aggregate around, if any.
        aggregates: The aggregates met so far.
        aggregated: Aliases of expressions with an aggregate, to the name of it.
        in_join: Whether a join's condition is being read.
        used_names: ClickHouse names taken by aliases of this SELECT.
    """

    tables: dict[str, CteTable] = field(default_factory=dict)
    values: dict[str, ast.Node] = field(default_factory=dict)
    relations: dict[str, Relation] = field(default_factory=dict)
    unnamed: list[Relation] = field(default_factory=list)
    aliases: dict[str, Typed] = field(default_factory=dict)
    arguments: dict[str, Typed] = field(default_factory=dict)
    windows: Mapping[str, ast.WindowExpr] = field(default_factory=dict)
    aggregate: str | None = None
    aggregates: list[str] = field(default_factory=list)
    aggregated: dict[str, str] = field(default_factory=dict)
    in_join: bool = False
    used_names: set[str] = field(default_factory=set)

    def all_relations(self) -> list[Relation]:
        """Every table of FROM."""
        return [*self.relations.values(), *self.unnamed]

    def holders(self, name: str) -> list[tuple[str, Relation]]:
        """The tables that know ``name``."""
        named = [*self.relations.items(), *(("", relation) for relation in self.unnamed)]
        return [(alias, relation) for alias, relation in named if _knows(relation, name)]

    def fresh_name(self, name: str) -> str:
        """``name`` as a ClickHouse alias that nothing else in this SELECT has."""
        base = f"_u{name}" if name.startswith("__") else name
        unique, number = base, 2
        while unique in self.used_names:
            unique, number = f"{base}_{number}", number + 1
        self.used_names.add(unique)
        return unique

    def known_names(self) -> set[str]:
        """Every name that could stand first in a chain."""
        names = {name for relation in self.all_relations() for name in relation.names()}
        return {*self.arguments, *self.aliases, *self.values, *self.relations, *names}


def _knows(relation: Relation, name: str) -> bool:
    if relation.find(name) is not None:
        return True
    if not isinstance(relation, TableRelation):
        return False
    table = relation.table
    return (
        name in table.joins
        or name in table.virtual
        or name in table.paths
        or (name in relation.facts.group_types and "group_0" in table.joins)
    )


def find_in_relation(relation: Relation, chain: Sequence[str | int], refuse: Refuse) -> Located:
    """Follow ``chain`` from a table: a column, what it joins lazily, a property."""
    name = str(chain[0])
    column = relation.find(name)
    if column is not None:
        sibling = _sibling(column, chain[1:])
        if sibling and relation.find(sibling):
            return find_in_relation(relation, chain[1:], refuse)
        return _in_column(relation, column, name, chain[1:], refuse)
    if not isinstance(relation, TableRelation) or not _knows(relation, name):
        raise unknown(refuse, f"Unable to resolve field: {name}", name, relation.names())
    if len(chain) == 1:
        raise refuse(f"Can't select a table when a column is expected: {relation.table.name}.{name}")
    return _behind(relation, name, chain[1:], refuse)


def _behind(relation: TableRelation, name: str, rest: Sequence[str | int], refuse: Refuse) -> Located:
    """Follow a name of ``relation`` that is no column."""
    table = relation.table
    if name in table.paths:
        return find_in_relation(relation, (*table.paths[name](relation.facts), *rest), refuse)
    if name in table.joins:
        return find_in_relation(relation.lazy(name), rest, refuse)
    if name in table.virtual:
        column = table.virtual[name].get(str(rest[0]))
        if column and _sibling(column, rest[1:]) in table.virtual[name]:
            return _behind(relation, name, rest[1:], refuse)
        if column is None:
            raise unknown(refuse, f"Unable to resolve field: {rest[0]}", str(rest[0]), table.virtual[name])
        return _in_column(relation, column, str(rest[0]), rest[1:], refuse)
    return _behind(relation, f"group_{relation.facts.group_types[name]}", rest, refuse)


def _sibling(column: Column | QueryColumn, rest: Sequence[str | int]) -> str | None:
    """The column beside ``column`` that a property of that name stands for."""
    if column.type.kind is Kind.JSON and rest and str(rest[0]).startswith(VIRTUAL_PREFIX):
        return str(rest[0])
    return None


def _in_column(
    relation: Relation,
    column: Column | QueryColumn,
    name: str,
    rest: Sequence[str | int],
    refuse: Refuse,
) -> Located:
    if column.type.kind is Kind.JSON:
        return Located("__".join(map(str, rest)) or name, path=PropertyPath(JsonColumn(relation, column), tuple(rest)))
    if rest:
        raise refuse(cannot_access(str(rest[0]), name))
    return Located(name, value=column_value(relation, column), is_column=isinstance(column, Column))


def cannot_access(name: str, on: str) -> str:
    """The message for a property of something that has none."""
    return (
        f"Cannot access property '{name}' on '{on}'. This can happen when a column alias shadows a table or a column "
        f"that has properties."
    )


def column_value(relation: Relation, column: Column | QueryColumn) -> Typed:
    """A column as a value; a stored time is moved into the project's zone."""
    expr = relation.value(column)
    zone = relation.facts.timezone
    if isinstance(column, Column) and column.type.kind is Kind.DATETIME and zone != "UTC":
        expr = call("toTimeZone", expr, zone)
    return Typed(expr, column.type)


def property_value(path: PropertyPath, facts: ProjectFacts) -> Typed:
    """What stands at ``path``, with the type that the project's definitions give it."""
    source = path.source
    if isinstance(source, Typed):
        if not path.keys:
            return source
        return Typed(property_text(source.expr, *path.keys), STRING.or_null())
    if not path.keys:
        return Typed(source.relation.value(source.column), source.column.type)
    return _declared(source.text(path.keys), source.definition(path.keys), facts)


def _declared(text: Expr, definition: str | None, facts: ProjectFacts) -> Typed:
    match definition:
        case "Numeric":
            return Typed(call("accurateCastOrNull", text, "Float64"), FLOAT.or_null())
        case "Boolean":
            truth = call("transform", call("toString", text), _TRUTH_WORDS, _TRUTH_VALUES, _NULL)
            return Typed(call("toBool", truth), BOOLEAN.or_null())
        case "DateTime":
            return Typed(call("parseDateTime64BestEffortOrNull", text, 6, facts.timezone), DATETIME.or_null())
        case _:
            return Typed(text, STRING.or_null())
