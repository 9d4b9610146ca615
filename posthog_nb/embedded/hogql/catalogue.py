"""The tables of HogQL as data: adding a table or a column touches this file alone.

A column is either stored under a name of its own or derived from others; what is reached through a row (``person``,
``pdi``, ``group_0``) is a lazy join, expanded only when a query uses it.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Protocol

from posthog_nb.embedded.hogql.sql import Literal, call
from posthog_nb.embedded.hogql.types import BOOLEAN, DATETIME, INTEGER, JSON, STRING, UUID, Kind, Type

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from posthog_nb.embedded.hogql.facts import ProjectFacts
    from posthog_nb.embedded.hogql.sql import Expr

__all__ = ["GROUP_TYPE_COUNT", "TABLES", "Column", "Latest", "LazyJoin", "Owner", "Row", "Table", "property_text"]

GROUP_TYPE_COUNT = 5


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
        """Property name to its type."""
        if self.group is not None:
            return facts.group_properties.get(self.group, {})
        return facts.event_properties if self.kind == "event" else facts.person_properties


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
        kind: How it is joined.
        only: Physical columns of the other table that must have a fixed value.
        owner: Whose definitions its properties follow, where the table alone does not say.
    """

    table: str
    key: Callable[[Row], Expr]
    on: str
    kind: str = "LEFT JOIN"
    only: tuple[tuple[str, int], ...] = ()
    owner: Owner | None = None


@dataclass(frozen=True)
class Latest:
    """The table keeps versions: one row per key counts, the one with the highest version."""

    keys: tuple[str, ...]
    version: str
    deleted: str = ""
    created: str = ""


@dataclass(frozen=True)
class Table:
    """A HogQL table over a physical one.

    Attributes:
        virtual: Names that hold columns of the same row, such as ``poe``.
        paths: Names that stand for others, decided by the project, such as ``person``.
    """

    name: str
    stored: str
    columns: Mapping[str, Column]
    latest: Latest | None = None
    joins: Mapping[str, LazyJoin] = field(default_factory=dict)
    virtual: Mapping[str, Mapping[str, Column]] = field(default_factory=dict)
    paths: Mapping[str, Callable[[ProjectFacts], tuple[str, ...]]] = field(default_factory=dict)


def property_text(json: Expr, *keys: str | int) -> Expr:
    """A JSON property as text: NULL when absent or null, else the raw JSON without its outer quotes."""
    raw = call("nullIf", call("nullIf", call("JSONExtractRaw", json, *keys), ""), "null")
    return call("replaceRegexpAll", raw, '^"|"$', "")


def _columns(*columns: Column) -> dict[str, Column]:
    return {column.name: column for column in columns}


def _stored(name: str, type_: Type, stored: str = "", *, in_star: bool = True, owner: Owner | None = None) -> Column:
    return Column(name, type_, stored or name, in_star=in_star, owner=owner)


def _derived(name: str, type_: Type, derive: Callable[[Row], Expr], *, in_star: bool = True) -> Column:
    return Column(name, type_, derive=derive, in_star=in_star)


_EVENT = Owner("event")
_PERSON = Owner("person")
_TEXTS = Type(Kind.ARRAY, items=(STRING,))


def _overridden_person_id(row: Row) -> Expr:
    overridden = call("notEmpty", row.joined("override", "distinct_id"))
    return call("if", overridden, row.joined("override", "person_id"), row.stored("person_id"))


def _event_person_id(row: Row) -> Expr:
    match row.facts.person_mode:
        case "disabled":
            return row.joined("pdi", "person_id")
        case "person_id_no_override_properties_on_events":
            return row.stored("person_id")
        case _:
            return _overridden_person_id(row)


def _person_path(facts: ProjectFacts) -> tuple[str, ...]:
    match facts.person_mode:
        case "disabled":
            return ("pdi", "person")
        case "person_id_override_properties_joined":
            return ("person_joined",)
        case _:
            return ("person_on_event",)


def _elements(pattern: str) -> Callable[[Row], Expr]:
    return lambda row: call("arrayDistinct", call("extractAll", row.stored("elements_chain"), pattern))


def _issue_id(row: Row) -> Expr:
    text = property_text(row.stored("properties"), "$exception_issue_id")
    return call("accurateCastOrNull", text, "UUID")


def _group_join(index: int) -> LazyJoin:
    return LazyJoin(
        table="groups",
        key=lambda row: row.column(f"$group_{index}"),
        on="key",
        only=(("group_type_index", index),),
        owner=Owner("group", index),
    )


_GROUPS_ON_EVENT = {
    f"goe_{index}": _columns(
        _stored("key", STRING, f"$group_{index}"),
        _stored("created_at", DATETIME, f"group{index}_created_at"),
        _stored("properties", JSON, f"group{index}_properties", owner=Owner("group", index)),
    )
    for index in range(GROUP_TYPE_COUNT)
}

_PERSON_ON_EVENT = _columns(
    _stored("id", UUID, "person_id"),
    _stored("created_at", DATETIME, "person_created_at"),
    _stored("properties", JSON, "person_properties", owner=_PERSON),
)

_PERSON_BY_ID = LazyJoin(table="persons", key=lambda row: row.column("person_id"), on="id")

_EVENTS = Table(
    name="events",
    stored="events",
    columns=_columns(
        _stored("uuid", UUID),
        _stored("event", STRING),
        _stored("properties", JSON, owner=_EVENT),
        _stored("timestamp", DATETIME),
        _stored("team_id", INTEGER, in_star=False),
        _stored("distinct_id", STRING),
        _stored("elements_chain", STRING),
        _stored("created_at", DATETIME),
        _stored("$session_id", STRING),
        _stored("$window_id", STRING),
        _derived(
            "$session_id_uuid",
            INTEGER.or_null(),
            lambda row: call("toUInt128", call("accurateCastOrNull", row.stored("$session_id"), "UUID")),
            in_star=False,
        ),
        _derived("person_mode", STRING, lambda row: call("toString", row.stored("person_mode")), in_star=False),
        _derived("person_id", UUID, _event_person_id),
        *(_stored(f"$group_{index}", STRING) for index in range(GROUP_TYPE_COUNT)),
        _derived(
            "elements_chain_href",
            STRING,
            lambda row: call("extract", row.stored("elements_chain"), '(?::|")href="(.*?)"'),
        ),
        _derived("elements_chain_texts", _TEXTS, _elements('(?::|")text="(.*?)"')),
        _derived("elements_chain_ids", _TEXTS, _elements('(?::|")attr_id="(.*?)"')),
        _derived(
            "elements_chain_elements",
            _TEXTS,
            _elements("(?:^|;)(a|button|form|input|select|textarea|label)(?:\\.|$|:)"),
        ),
        _stored("event_person_id", UUID, "person_id"),
        _derived("event_issue_id", UUID.or_null(), _issue_id),
        _derived("issue_id", UUID.or_null(), _issue_id),
    ),
    joins={
        "pdi": LazyJoin(
            "person_distinct_ids", key=lambda row: row.stored("distinct_id"), on="distinct_id", kind="INNER JOIN"
        ),
        "override": LazyJoin(
            "person_distinct_id_overrides", key=lambda row: row.stored("distinct_id"), on="distinct_id"
        ),
        "person_joined": _PERSON_BY_ID,
        **{f"group_{index}": _group_join(index) for index in range(GROUP_TYPE_COUNT)},
    },
    virtual={
        "poe": _PERSON_ON_EVENT,
        # The person of the modes that read it from the event: its id follows the mode.
        "person_on_event": {**_PERSON_ON_EVENT, "id": _derived("id", UUID, _event_person_id)},
        **_GROUPS_ON_EVENT,
    },
    paths={"person": _person_path},
)

_PERSON_COLUMNS = _columns(
    _stored("id", UUID),
    _stored("created_at", DATETIME),
    _stored("properties", JSON, owner=_PERSON),
    _derived("is_identified", BOOLEAN, lambda row: call("toBool", row.stored("is_identified"))),
    _stored("last_seen_at", DATETIME, in_star=False),
    _stored("team_id", INTEGER, in_star=False),
)
_PERSON_DISTINCT_ID_COLUMNS = _columns(
    _stored("distinct_id", STRING),
    _stored("person_id", UUID),
    _stored("team_id", INTEGER, in_star=False),
)
_VERSIONED = _columns(
    _derived("is_deleted", BOOLEAN, lambda row: call("toBool", row.stored("is_deleted"))),
    _stored("version", INTEGER),
)
_GROUP_COLUMNS = _columns(
    _stored("index", INTEGER, "group_type_index"),
    _stored("key", STRING, "group_key"),
    _stored("created_at", DATETIME),
    _stored("updated_at", DATETIME, "_timestamp"),
    _stored("properties", JSON, "group_properties", owner=Owner("group")),
    _stored("team_id", INTEGER, in_star=False),
)

_PERSONS = Table(
    name="persons",
    stored="person",
    columns=_PERSON_COLUMNS,
    latest=Latest(keys=("id",), version="version", deleted="is_deleted", created="created_at"),
    joins={"pdi": LazyJoin("person_distinct_ids", key=lambda row: row.column("id"), on="person_id", kind="INNER JOIN")},
)
_DISTINCT_IDS = Table(
    name="person_distinct_ids",
    stored="person_distinct_id2",
    columns=_PERSON_DISTINCT_ID_COLUMNS,
    latest=Latest(keys=("distinct_id",), version="version", deleted="is_deleted"),
    joins={"person": _PERSON_BY_ID},
)
_OVERRIDES = replace(_DISTINCT_IDS, name="person_distinct_id_overrides", stored="person_distinct_id_overrides")
_GROUPS = Table(
    name="groups",
    stored="groups",
    columns=_GROUP_COLUMNS,
    latest=Latest(keys=("group_type_index", "group_key"), version="_timestamp"),
)


def _raw(table: Table, name: str) -> Table:
    """The same table with every version of every row."""
    columns = {**table.columns, **(_VERSIONED if table.latest and table.latest.deleted else {})}
    return replace(table, name=name, columns=columns, latest=None)


def _all_tables() -> Iterator[Table]:
    yield from (_EVENTS, _PERSONS, _DISTINCT_IDS, _OVERRIDES, _GROUPS)
    yield _raw(_PERSONS, "raw_persons")
    yield _raw(_DISTINCT_IDS, "raw_person_distinct_ids")
    yield _raw(_OVERRIDES, "raw_person_distinct_id_overrides")
    yield _raw(_GROUPS, "raw_groups")


TABLES: Mapping[str, Table] = {table.name: table for table in _all_tables()}
"""Every HogQL table by name; ``posthog.<name>`` is the same table."""


@dataclass(frozen=True)
class TableFunction:
    """A function in FROM: HogQL name, its column, and how many arguments it takes."""

    name: str
    column: str
    min_args: int
    max_args: int
    rewrite: Callable[[tuple[Expr, ...]], tuple[str, tuple[Expr, ...]]]


def _range(args: tuple[Expr, ...]) -> tuple[str, tuple[Expr, ...]]:
    if len(args) == 1:
        return "numbers", args
    return "numbers", (args[0], call("minus", args[1], args[0]), *args[2:])


TABLE_FUNCTIONS: Mapping[str, TableFunction] = {
    function.name: function
    for function in (
        TableFunction("numbers", "number", 1, 2, lambda args: ("numbers", args)),
        TableFunction("range", "range", 1, 2, _range),
        TableFunction(
            "generate_series",
            "generate_series",
            2,
            3,
            lambda args: ("generate_series", args if len(args) == 3 else (*args, Literal(1))),  # noqa: PLR2004
        ),
    )
}
"""The only functions that may stand in FROM."""
