"""Tables of a FROM as a query uses them: which columns, which lazy joins, and the SQL that provides them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING

from posthog_nb.embedded.hogql import sql
from posthog_nb.embedded.hogql.catalogue import NOT_SHOWN, TABLES
from posthog_nb.embedded.hogql.sql import Expr, call
from posthog_nb.embedded.hogql.tables import Column, LazyJoin, Owner, Table, property_text
from posthog_nb.embedded.hogql.types import INTEGER, Type

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from posthog_nb.embedded.hogql.facts import ProjectFacts

_Rows = sql.TableSource | sql.QuerySource

__all__ = ["Aliases", "FunctionRelation", "JsonColumn", "QueryColumn", "QueryRelation", "Relation", "TableRelation"]


class Aliases:
    """Makes names that no query can contain: identifiers of the user never start with two underscores and a ``t``."""

    def __init__(self) -> None:
        self._numbers = count()

    def new(self) -> str:
        """A name not given before."""
        return f"__t{next(self._numbers)}"


@dataclass(frozen=True)
class QueryColumn:
    """A column of a subquery: how ClickHouse knows it, and what it is."""

    name: str
    type: Type


@dataclass(frozen=True)
class JsonColumn:
    """A column whose properties can be read."""

    relation: Relation
    column: Column | QueryColumn
    virtual: str = ""

    def text(self, keys: tuple[str | int, ...]) -> Expr:
        """The property at ``keys`` as nullable text."""
        return self.relation.property_at(self, keys)

    def owner_name(self) -> str:
        """Whose property it is, such as ``"Event"``."""
        owner = self.relation.owner_of(self.column) if isinstance(self.column, Column) else None
        return owner.kind.capitalize() if owner else "A"

    def definition(self, keys: tuple[str | int, ...]) -> str | None:
        """The declared type of the property, known for a single key of a table's own column."""
        if len(keys) != 1 or not isinstance(self.column, Column):
            return None
        owner = self.relation.owner_of(self.column)
        return owner.definitions(self.relation.facts).get(str(keys[0])) if owner else None


class Relation(ABC):
    """Anything that stands in FROM."""

    def __init__(self, facts: ProjectFacts, alias: str) -> None:
        self.facts = facts
        self.alias = alias

    @abstractmethod
    def names(self) -> list[str]:
        """Every column name, for messages."""

    @abstractmethod
    def star(self) -> list[str]:
        """The columns of ``*``."""

    @abstractmethod
    def find(self, name: str) -> Column | QueryColumn | None:
        """A column by its HogQL name."""

    @abstractmethod
    def value(self, column: Column | QueryColumn) -> Expr:
        """A column as an expression of the SELECT that has this relation in FROM."""

    def property_at(self, json: JsonColumn, keys: tuple[str | int, ...]) -> Expr:
        """A property of a JSON column as nullable text."""
        return property_text(self.value(json.column), *keys)

    def owner_of(self, column: Column) -> Owner | None:
        """Whose definitions a JSON column follows."""
        return column.owner

    @abstractmethod
    def entries(self, kind: str, on: Expr | None, using: tuple[str, ...]) -> Iterator[sql.Joined]:
        """The entries of FROM, this relation first, then its lazy joins."""


class QueryRelation(Relation):
    """A subquery or a table of WITH."""

    def __init__(
        self,
        facts: ProjectFacts,
        alias: str,
        source: sql.QuerySource | sql.CteSource,
        columns: Mapping[str, QueryColumn],
    ) -> None:
        super().__init__(facts, alias)
        self._source = source
        self._columns = columns

    def names(self) -> list[str]:
        """Every column name, for messages."""
        return list(self._columns)

    def star(self) -> list[str]:
        """The columns of ``*``."""
        return list(self._columns)

    def find(self, name: str) -> QueryColumn | None:
        """A column by its HogQL name."""
        return self._columns.get(name)

    def value(self, column: Column | QueryColumn) -> Expr:
        """A column as an expression of the SELECT."""
        return sql.Column(self.alias, column.name)

    def entries(self, kind: str, on: Expr | None, using: tuple[str, ...]) -> Iterator[sql.Joined]:
        """The entries of FROM."""
        yield sql.Joined(self._source, self.alias, kind, on, using)


class FunctionRelation(Relation):
    """A table function such as ``numbers(10)``."""

    def __init__(self, facts: ProjectFacts, alias: str, source: sql.FunctionSource, column: str) -> None:
        super().__init__(facts, alias)
        self._source = source
        self._column = column
        # ClickHouse names the column after its own function.
        self._stored = "number" if source.name == "numbers" else source.name

    def names(self) -> list[str]:
        """Every column name, for messages."""
        return [self._column]

    def star(self) -> list[str]:
        """The columns of ``*``."""
        return [self._column]

    def find(self, name: str) -> QueryColumn | None:
        """A column by its HogQL name."""
        return QueryColumn(self._stored, INTEGER) if name == self._column else None

    def value(self, column: Column | QueryColumn) -> Expr:
        """A column as an expression of the SELECT."""
        return sql.Column(self.alias, column.name)

    def entries(self, kind: str, on: Expr | None, using: tuple[str, ...]) -> Iterator[sql.Joined]:
        """The entries of FROM."""
        yield sql.Joined(self._source, self.alias, kind, on, using)


class TableRelation(Relation):
    """A table of the catalogue.

    A table with versions becomes a subselect that aggregates each column in use to its latest value, and a table whose
    rows stand for groups one that groups. A table that is not the first in FROM is put into a further one when it has
    lazy joins, so that ON may use what they provide.

    Args:
        facts: The project.
        aliases: Where new names come from.
        table: The catalogue entry.
        first: Whether it is the first table of FROM.
        join: The lazy join that leads here, with the relation it starts from.
        sample: SAMPLE clause, ready text of numbers.
        rows: The query that gives its rows, where they are not stored.
    """

    def __init__(  # noqa: PLR0913 - one constructor for the three places a table can stand in
        self,
        facts: ProjectFacts,
        aliases: Aliases,
        table: Table,
        *,
        first: bool,
        join: tuple[LazyJoin, TableRelation] | None = None,
        sample: str = "",
        rows: sql.Statement | None = None,
    ) -> None:
        super().__init__(facts, aliases.new())
        self.table = table
        self._aliases = aliases
        self._join = join
        self._sample = sample
        self._rows = rows
        self._nested = not first and join is None and bool(table.joins or sample)
        # Where its lazy joins are attached, and where its stored columns are.
        self._attached = aliases.new() if self._nested else self.alias
        self._inner = aliases.new() if table.is_subselect else self._attached
        self._outputs: dict[Expr, str] = {}
        self._nest_outputs: dict[Expr, str] = {}
        self._joins: dict[str, TableRelation] = {}
        self._keys: dict[str, Expr] = {}
        self._bounds: list[Expr] = []

    def names(self) -> list[str]:
        """Every column name, for messages."""
        table = self.table
        groups = self.facts.group_types if "group_0" in table.joins else ()
        names = (*table.columns, *table.joins, *table.virtual, *table.paths, *groups)
        return [name for name in names if name not in NOT_SHOWN]

    def star(self) -> list[str]:
        """The columns of ``*``."""
        return [column.name for column in self.table.columns.values() if column.in_star]

    def find(self, name: str) -> Column | None:
        """A column by its HogQL name."""
        return self.table.columns.get(name)

    # -- what derived columns see (catalogue.Row)

    def stored(self, name: str) -> Expr:
        """A physical column."""
        return sql.Column(self._inner, name)

    def column(self, name: str) -> Expr:
        """A HogQL column where lazy joins are attached."""
        return self._lift(self._derive(self.table.columns[name]))

    def joined(self, join: str, name: str) -> Expr:
        """A HogQL column of a lazily joined table."""
        return self.lazy(join).column(name)

    # -- what queries see

    def lazy(self, name: str) -> TableRelation:
        """The relation behind a lazy join; several uses share one."""
        if name not in self._joins:
            join = self.table.joins[name]
            # The key may need another lazy join, which then has to stand before this one in FROM.
            key = join.key(self)
            relation = TableRelation(self.facts, self._aliases, TABLES[join.table], first=False, join=(join, self))
            self._joins[name] = relation
            self._keys[name] = key
        return self._joins[name]

    def value(self, column: Column | QueryColumn) -> Expr:
        """A column as an expression of the SELECT."""
        assert isinstance(column, Column)  # noqa: S101 - the two kinds of relation never mix their columns
        return self._outward(self._lift(self._derive(column)))

    def property_at(self, json: JsonColumn, keys: tuple[str | int, ...]) -> Expr:
        """A property, from its own column where there is one."""
        column = json.column
        assert isinstance(column, Column)  # noqa: S101 - as above
        materialised = self.facts.property_columns.get(str(keys[0])) if column.owner == Owner("event") else None
        if materialised is not None and len(keys) == 1 and isinstance(keys[0], str):
            text = self.stored(materialised)
        else:
            text = property_text(self._derive(column), *keys)
        return self._outward(self._lift(text))

    def owner_of(self, column: Column) -> Owner | None:
        """Whose definitions a JSON column follows."""
        if column.owner and self._join and self._join[0].owner:
            return self._join[0].owner
        return column.owner

    def read_near(self, column: str, operator: str, instant: Expr) -> None:
        """Note that only rows with ``column operator instant`` are asked for: what is far from it need not be read."""
        grouped = self.table.grouped
        if grouped and column == grouped.near:
            self._bounds += grouped.bounds(self, operator, instant)
        for name, relation in self._joins.items():
            if self.table.joins[name].near == column and relation.table.grouped:
                relation._bounds += relation.table.grouped.bounds(relation, operator, instant)  # noqa: SLF001 - the same class

    def entries(self, kind: str, on: Expr | None, using: tuple[str, ...]) -> Iterator[sql.Joined]:
        """The entries of FROM."""
        # Lazy joins may ask for further columns of this table: collect them before it is written down.
        lazily_joined = tuple(self._lazy_entries())
        source = self._source()
        if self._nested:
            tables = (sql.Joined(source, self._attached), *lazily_joined)
            nest = sql.Select(columns=_output_columns(self._nest_outputs), tables=tables)
            yield sql.Joined(sql.QuerySource(nest), self.alias, kind, on, using)
        else:
            yield sql.Joined(source, self.alias, kind, on, using)
            yield from lazily_joined

    # -- inside

    def _derive(self, column: Column) -> Expr:
        return column.derive(self) if column.derive else self.stored(column.stored)

    def _lift(self, expr: Expr) -> Expr:
        """From inside the subselect to where lazy joins are attached."""
        if self._inner == self._attached:
            return expr
        return sql.Column(self._attached, self._outputs.setdefault(expr, f"c{len(self._outputs)}"))

    def _outward(self, expr: Expr) -> Expr:
        """From where lazy joins are attached to the SELECT that has the first of them in FROM."""
        if self._join is not None:
            return self._join[1]._outward(expr)  # noqa: SLF001 - the same class
        if not self._nested:
            return expr
        return sql.Column(self.alias, self._nest_outputs.setdefault(expr, f"c{len(self._nest_outputs)}"))

    def _lazy_entries(self) -> Iterator[sql.Joined]:
        for name, relation in self._joins.items():
            join = self.table.joins[name]
            on = call("equals", self._keys[name], relation.column(join.on))
            yield from relation.entries(join.kind, on, ())

    def _source(self) -> _Rows:
        stored = sql.TableSource(self.facts.database, self.table.stored, self._sample)
        physical = sql.QuerySource(self._rows) if self._rows else stored
        if not self.table.is_subselect:
            return physical
        return sql.QuerySource(self._latest(physical) if self.table.latest else self._grouped(physical))

    def _grouped(self, physical: _Rows) -> sql.Select:
        grouped = self.table.grouped
        assert grouped is not None  # noqa: S101 - asked by the caller
        return sql.Select(
            columns=_output_columns(self._outputs),
            tables=(sql.Joined(physical, self._inner, ""),),
            where=conjunction([*self._bounds, grouped.where(self)]),
            group_by=(grouped.key(self),),
        )

    def _latest(self, physical: _Rows) -> sql.Select:
        latest = self.table.latest
        assert latest is not None  # noqa: S101 - asked by the caller
        keys = tuple(self.stored(key) for key in latest.keys)
        version = self.stored(latest.version)

        def newest(expr: Expr) -> Expr:
            # argMax passes over NULL, so the value travels in a tuple.
            return expr if expr in keys else call("tupleElement", call("argMax", call("tuple", expr), version), 1)

        having = []
        if latest.deleted:
            having.append(call("equals", call("argMax", self.stored(latest.deleted), version), 0))
        if latest.created:
            tomorrow = call("plus", call("now"), call("toIntervalDay", 1))
            having.append(call("less", call("argMax", self.stored(latest.created), version), tomorrow))
        only = self._join[0].only if self._join else ()
        where = [call("equals", self.stored(name), value) for name, value in only]
        return sql.Select(
            columns=tuple((newest(expr), name) for expr, name in _output_columns(self._outputs)),
            tables=(sql.Joined(physical, self._inner, ""),),
            where=conjunction(where),
            group_by=keys,
            having=conjunction(having),
            settings="optimize_aggregation_in_order = 1",
        )


def _output_columns(outputs: Mapping[Expr, str]) -> tuple[tuple[Expr, str], ...]:
    return tuple(outputs.items()) or ((sql.Literal(1), "c0"),)


def conjunction(conditions: Sequence[Expr]) -> Expr | None:
    """All of them, or nothing."""
    if not conditions:
        return None
    return conditions[0] if len(conditions) == 1 else sql.Func("and", tuple(conditions))
