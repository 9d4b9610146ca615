"""What a table of HogQL is made of.

A column is either stored under a name of its own or derived from others; what is reached through a row (``person``,
``pdi``, ``group_0``) is a lazy join, expanded only when a query uses it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from posthog_nb.embedded.hogql.sql import call

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from posthog_nb.embedded.hogql.facts import ProjectFacts
    from posthog_nb.embedded.hogql.sql import Expr
    from posthog_nb.embedded.hogql.types import Type

__all__ = [
    "Column",
    "Grouped",
    "Latest",
    "LazyJoin",
    "Owner",
    "Row",
    "Table",
    "columns_by_name",
    "derived",
    "property_text",
    "stored",
]


class Row(Protocol):
    """A row of a table, as seen by a derived column."""

    facts: ProjectFacts

    def stored(self, name: str) -> Expr:
        """A physical column."""

    def column(self, name: str) -> Expr:
        """A HogQL column of the same table."""

    def joined(self, join: str, name: str) -> Expr:
        """A HogQL column of a lazily joined table."""


@dataclass(frozen=True)
class Owner:
    """Whose property definitions apply to a JSON column."""

    kind: str
    group: int | None = None

    def definitions(self, facts: ProjectFacts) -> Mapping[str, str]:
        """Property name to its type; nothing where it is open which type of groups is meant."""
        if self.kind == "group":
            return {} if self.group is None else facts.group_properties.get(self.group, {})
        return facts.event_properties if self.kind == "event" else facts.person_properties

    def known(self, facts: ProjectFacts) -> Mapping[str, str]:
        """The properties that it may have, with a type where there is one only."""
        if self.kind != "group" or self.group is not None:
            return self.definitions(facts)
        return {name: "" for properties in facts.group_properties.values() for name in properties}


@dataclass(frozen=True)
class Column:
    """A HogQL column: the physical column ``stored`` or what ``derive`` says; ``in_star`` when ``*`` has it."""

    name: str
    type: Type
    stored: str = ""
    derive: Callable[[Row], Expr] | None = None
    in_star: bool = True
    owner: Owner | None = None


@dataclass(frozen=True)
class LazyJoin:
    """A table reached through a row.

    Attributes:
        table: The catalogue name of the other table.
        key: The value that the other table is looked up by.
        on: The HogQL column of the other table that equals ``key``.
        kind: How it is joined. ANY: the other table has one row at most for a key, and no second one is looked for.
        only: Physical columns of the other table that must have a fixed value.
        near: The HogQL column of this table that is one of the times in the other's row, where that is grouped.
        owner: Whose definitions its properties follow, where the table alone does not say.
    """

    table: str
    key: Callable[[Row], Expr]
    on: str
    kind: str = "LEFT ANY JOIN"
    only: tuple[tuple[str, int], ...] = ()
    near: str = ""
    owner: Owner | None = None


@dataclass(frozen=True)
class Latest:
    """The table keeps versions: one row per key counts, the one with the highest version."""

    keys: tuple[str, ...]
    version: str
    deleted: str = ""
    created: str = ""


@dataclass(frozen=True)
class Grouped:
    """Each row of the table stands for a group of physical rows; its columns are aggregates of them.

    Attributes:
        key: What the rows of a group have in common.
        where: Which physical rows belong to a group.
        time: The physical column that says when a row was.
        near: The HogQL column that is one of the group's times.
        days: Rows of a group are no further apart than that, so that others need not be read.
    """

    key: Callable[[Row], Expr]
    where: Callable[[Row], Expr]
    time: str
    near: str
    days: int

    def bounds(self, row: Row, operator: str, instant: Expr) -> list[Expr]:
        """Conditions that hold for all rows of a group, one time of which is ``operator instant``."""
        time, days = row.stored(self.time), call("toIntervalDay", self.days)
        bounds: list[Expr] = []
        if operator in {">", ">=", "=="}:
            bounds.append(call("greaterOrEquals", time, call("minus", instant, days)))
        if operator in {"<", "<=", "=="}:
            bounds.append(call("lessOrEquals", time, call("plus", instant, days)))
        return bounds


@dataclass(frozen=True)
class Table:
    """A HogQL table over a physical one.

    Attributes:
        about: What its rows are.
        differs: How they may differ from PostHog's.
        latest: The physical table keeps versions of its rows.
        grouped: The physical table has several rows for one of this.
        of_cohorts: Its rows are found by the definitions of the project's cohorts, not stored.
        virtual: Names that hold columns of the same row, such as ``poe``.
        paths: Names that stand for others, decided by the project, such as ``person``.
    """

    name: str
    stored: str
    columns: Mapping[str, Column]
    about: str
    differs: str = ""
    latest: Latest | None = None
    grouped: Grouped | None = None
    of_cohorts: bool = False
    joins: Mapping[str, LazyJoin] = field(default_factory=dict)
    virtual: Mapping[str, Mapping[str, Column]] = field(default_factory=dict)
    paths: Mapping[str, Callable[[ProjectFacts], tuple[str, ...]]] = field(default_factory=dict)

    @property
    def is_subselect(self) -> bool:
        """Whether it is read through a sub-select of its own."""
        return self.latest is not None or self.grouped is not None


def property_text(json: Expr, *keys: str | int) -> Expr:
    """A JSON property as text: NULL when absent or null, else the raw JSON without its outer quotes."""
    raw = call("nullIf", call("nullIf", call("JSONExtractRaw", json, *keys), ""), "null")
    return call("replaceRegexpAll", raw, '^"|"$', "")


def columns_by_name(*columns: Column) -> dict[str, Column]:
    """Columns by their names, in order."""
    return {column.name: column for column in columns}


def stored(name: str, type_: Type, stored: str = "", *, in_star: bool = True, owner: Owner | None = None) -> Column:
    """A column that is stored, under its own name or another."""
    return Column(name, type_, stored or name, in_star=in_star, owner=owner)


def derived(name: str, type_: Type, derive: Callable[[Row], Expr], *, in_star: bool = True) -> Column:
    """A column that is computed from others."""
    return Column(name, type_, derive=derive, in_star=in_star)
