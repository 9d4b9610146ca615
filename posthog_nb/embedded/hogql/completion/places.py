"""What a name leads to: a value, a table with its columns, or something with properties."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from posthog_nb.embedded.hogql.catalogue import NOT_SHOWN, TABLES
from posthog_nb.embedded.hogql.relations import TableRelation
from posthog_nb.embedded.hogql.types import Kind, Type

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from posthog_nb.embedded.hogql.facts import ProjectFacts
    from posthog_nb.embedded.hogql.relations import Relation
    from posthog_nb.embedded.hogql.tables import Column, Owner, Table

__all__ = ["Names", "Place", "place_of"]

_DECLARED = {
    "Numeric": Type(Kind.FLOAT, nullable=True),
    "Boolean": Type(Kind.BOOLEAN, nullable=True),
    "DateTime": Type(Kind.DATETIME, nullable=True),
}
_TEXT = Type(Kind.STRING, nullable=True)


@dataclass(frozen=True)
class Place:
    """Something a name leads to.

    Attributes:
        type: The type of a value; None for what has columns.
        columns: Gives the columns behind it, in order, with what each leads to: a person leads to its distinct ids,
            and those to the person again.
        owner: Whose properties can be read from it.
        key: The property that it is.
    """

    type: Type | None = None
    columns: Callable[[], Mapping[str, Place]] = dict
    owner: Owner | None = None
    key: str | None = None


@dataclass(frozen=True)
class Names:
    """What is known where the cursor is.

    Attributes:
        columns: What can stand first in an expression, in order.
        relations: The tables of FROM by the names they have there.
        tables: The tables of WITH.
        facts: The project.
    """

    columns: Mapping[str, Place]
    relations: Mapping[str, Place]
    tables: Sequence[str]
    facts: ProjectFacts

    def follow(self, chain: Sequence[str]) -> Place | None:
        """What a dotted name leads to; None when it leads nowhere."""
        first, *links = chain
        among = (self.relations, self.columns) if links else (self.columns, self.relations)
        place = next((known[first] for known in among if first in known), None)
        for link in links:
            if place is None:
                return None
            place = place.columns().get(link) or self._property(place, link)
        return place

    def _property(self, place: Place, key: str) -> Place | None:
        if place.owner is None or place.key is not None:
            return None
        declared = place.owner.definitions(self.facts).get(key, "")
        return Place(_DECLARED.get(declared, _TEXT), owner=place.owner, key=key)


def place_of(relation: Relation, tables: Mapping[str, Mapping[str, Type]]) -> Place:
    """A table of FROM.

    Args:
        relation: The table.
        tables: What else is known of tables: their columns, by the names of the tables.
    """
    if isinstance(relation, TableRelation):
        known = _table(relation.table, relation.facts).columns()
        more = tables.get(relation.table.name, {})
        others = {name: Place(type_) for name, type_ in more.items() if name not in known and name not in NOT_SHOWN}
        return Place(columns=lambda: {**known, **others})
    columns = {name: Place(column.type) for name in relation.names() if (column := relation.find(name))}
    return Place(columns=lambda: columns)


def _table(table: Table, facts: ProjectFacts, owner: Owner | None = None) -> Place:
    return Place(columns=lambda: dict(_columns(table, facts, owner)))


def _columns(table: Table, facts: ProjectFacts, owner: Owner | None) -> Iterator[tuple[str, Place]]:
    for column in _shown(table.columns):
        yield column.name, _column(column, owner)
    for name in (*table.joins, *table.virtual, *table.paths):
        if name not in NOT_SHOWN:
            yield name, _reached(table, (name,), facts)
    if "group_0" in table.joins:
        for name, index in facts.group_types.items():
            yield name, _reached(table, (f"group_{index}",), facts)


def _reached(table: Table, path: Sequence[str], facts: ProjectFacts) -> Place:
    """What a row leads to by one name after another."""
    first, *rest = path
    if first in table.paths:
        return _reached(table, (*table.paths[first](facts), *rest), facts)
    if first in table.virtual:
        columns = table.virtual[first]
        return Place(columns=lambda: {column.name: _column(column, None) for column in _shown(columns)})
    join = table.joins[first]
    return _reached(TABLES[join.table], rest, facts) if rest else _table(TABLES[join.table], facts, join.owner)


def _shown(columns: Mapping[str, Column]) -> Iterator[Column]:
    return (column for column in columns.values() if column.name not in NOT_SHOWN)


def _column(column: Column, owner: Owner | None) -> Place:
    return Place(column.type, owner=column.owner and (owner or column.owner))
