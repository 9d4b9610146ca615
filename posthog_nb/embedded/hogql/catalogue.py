"""The tables of HogQL as data: adding a table or a column touches this file alone.

The columns of sessions are in :mod:`.session_table`, those that PostHog calls virtual in :mod:`.virtual_columns`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from posthog_nb.embedded.hogql.session_table import RAW_SESSIONS, SESSION_KEY, SESSIONS
from posthog_nb.embedded.hogql.sql import Literal, call
from posthog_nb.embedded.hogql.tables import (
    Latest,
    LazyJoin,
    Owner,
    Table,
    columns_by_name,
    derived,
    property_text,
    stored,
)
from posthog_nb.embedded.hogql.types import BOOLEAN, DATETIME, INTEGER, JSON, STRING, UUID, Kind, Type
from posthog_nb.embedded.hogql.virtual_columns import person_columns, traffic_columns

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from posthog_nb.embedded.hogql.facts import ProjectFacts
    from posthog_nb.embedded.hogql.sql import Expr
    from posthog_nb.embedded.hogql.tables import Row

__all__ = ["GROUP_TYPE_COUNT", "NOT_SHOWN", "TABLES", "TABLE_FUNCTIONS", "TableFunction"]

GROUP_TYPE_COUNT = 5

NOT_SHOWN = frozenset({"team_id", "person_joined"})
"""Names that are never shown: PostHog's own secret, and where ``person`` leads in this or that mode."""


_EVENT = Owner("event")
_PERSON = Owner("person")
_TEXTS = Type(Kind.ARRAY, items=(STRING,))


def _overridden_person_id(row: Row) -> Expr:
    # All zeros where the distinct id has no override: looking at it spares fetching the texts of those that have.
    override = row.joined("override", "person_id")
    return call("if", call("notEmpty", override), override, row.stored("person_id"))


def _event_person_id(row: Row) -> Expr:
    match row.facts.person_mode:
        case "disabled":
            return row.joined("pdi", "person_id")
        case "person_id_no_override_properties_on_events":
            return row.stored("person_id")
        case _:
            return _overridden_person_id(row)


def _person_id_on_event(row: Row) -> Expr:
    if row.facts.person_mode == "person_id_override_properties_on_events":
        return _overridden_person_id(row)
    return row.stored("person_id")


def _person_path(facts: ProjectFacts) -> tuple[str, ...]:
    match facts.person_mode:
        case "disabled":
            return ("pdi", "person")
        case "person_id_override_properties_joined":
            return ("person_joined",)
        case _:
            return ("poe",)


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
    f"goe_{index}": columns_by_name(
        stored("key", STRING, f"$group_{index}"),
        stored("created_at", DATETIME, f"group{index}_created_at"),
        stored("properties", JSON, f"group{index}_properties", owner=Owner("group", index)),
    )
    for index in range(GROUP_TYPE_COUNT)
}

_PERSON_ON_EVENT = columns_by_name(
    derived("id", UUID, _person_id_on_event),
    stored("created_at", DATETIME, "person_created_at"),
    stored("properties", JSON, "person_properties", owner=_PERSON),
    *person_columns("person_properties"),
)

_PERSON_BY_ID = LazyJoin(table="persons", key=lambda row: row.column("person_id"), on="id")

_EVENTS = Table(
    name="events",
    about="what was captured, one row for each `uuid`",
    differs="`$virt_` columns know the well-known programs alone",
    stored="events",
    columns=columns_by_name(
        stored("uuid", UUID),
        stored("event", STRING),
        stored("properties", JSON, owner=_EVENT),
        stored("timestamp", DATETIME),
        stored("team_id", INTEGER, in_star=False),
        stored("distinct_id", STRING),
        stored("elements_chain", STRING),
        stored("created_at", DATETIME),
        stored("$session_id", STRING),
        stored("$window_id", STRING),
        stored("$session_id_uuid", INTEGER.or_null(), in_star=False),
        derived("person_mode", STRING, lambda row: call("toString", row.stored("person_mode")), in_star=False),
        derived("person_id", UUID, _event_person_id),
        *(stored(f"$group_{index}", STRING) for index in range(GROUP_TYPE_COUNT)),
        derived(
            "elements_chain_href",
            STRING,
            lambda row: call("extract", row.stored("elements_chain"), '(?::|")href="(.*?)"'),
        ),
        derived("elements_chain_texts", _TEXTS, _elements('(?::|")text="(.*?)"')),
        derived("elements_chain_ids", _TEXTS, _elements('(?::|")attr_id="(.*?)"')),
        derived(
            "elements_chain_elements",
            _TEXTS,
            _elements("(?:^|;)(a|button|form|input|select|textarea|label)(?:\\.|$|:)"),
        ),
        stored("event_person_id", UUID, "person_id"),
        derived("event_issue_id", UUID.or_null(), _issue_id),
        derived("issue_id", UUID.or_null(), _issue_id),
        *traffic_columns(),
    ),
    joins={
        "pdi": LazyJoin(
            "person_distinct_ids", key=lambda row: row.stored("distinct_id"), on="distinct_id", kind="INNER JOIN"
        ),
        "override": LazyJoin(
            "person_distinct_id_overrides", key=lambda row: row.stored("distinct_id"), on="distinct_id"
        ),
        "person_joined": _PERSON_BY_ID,
        "session": LazyJoin(
            "sessions", key=lambda row: row.column("$session_id_uuid"), on=SESSION_KEY, near="timestamp"
        ),
        **{f"group_{index}": _group_join(index) for index in range(GROUP_TYPE_COUNT)},
    },
    virtual={
        "poe": _PERSON_ON_EVENT,
        **_GROUPS_ON_EVENT,
    },
    paths={"person": _person_path},
)

_PERSON_COLUMNS = columns_by_name(
    stored("id", UUID),
    stored("created_at", DATETIME),
    stored("properties", JSON, owner=_PERSON),
    derived("is_identified", BOOLEAN, lambda row: call("toBool", row.stored("is_identified"))),
    stored("last_seen_at", DATETIME, in_star=False),
    *person_columns("properties"),
    stored("team_id", INTEGER, in_star=False),
)
_PERSON_DISTINCT_ID_COLUMNS = columns_by_name(
    stored("distinct_id", STRING),
    stored("person_id", UUID),
    stored("team_id", INTEGER, in_star=False),
)
_VERSIONED = columns_by_name(
    derived("is_deleted", BOOLEAN, lambda row: call("toBool", row.stored("is_deleted"))),
    stored("version", INTEGER),
)
_GROUP_COLUMNS = columns_by_name(
    stored("index", INTEGER, "group_type_index"),
    stored("key", STRING, "group_key"),
    stored("created_at", DATETIME),
    stored("updated_at", DATETIME, "_timestamp"),
    stored("properties", JSON, "group_properties", owner=Owner("group")),
    stored("team_id", INTEGER, in_star=False),
)

_PERSONS = Table(
    name="persons",
    about="one row for each person that was not merged away or deleted",
    differs=(
        "`$virt_initial_` columns know the well-known sources alone; `$virt_revenue` and `$virt_mrr` are 0, as in a "
        "project without a source of revenue"
    ),
    stored="person",
    columns=_PERSON_COLUMNS,
    latest=Latest(keys=("id",), version="version", deleted="is_deleted", created="created_at"),
    joins={"pdi": LazyJoin("person_distinct_ids", key=lambda row: row.column("id"), on="person_id", kind="INNER JOIN")},
)
_DISTINCT_IDS = Table(
    name="person_distinct_ids",
    about="each distinct id and the person it belongs to now",
    stored="person_distinct_id2",
    columns=_PERSON_DISTINCT_ID_COLUMNS,
    latest=Latest(keys=("distinct_id",), version="version", deleted="is_deleted"),
    joins={"person": _PERSON_BY_ID},
)
_OVERRIDES = replace(
    _DISTINCT_IDS,
    name="person_distinct_id_overrides",
    stored="person_distinct_id_overrides",
    about="the same, for distinct ids that moved to another person",
)
_GROUPS = Table(
    name="groups",
    about="each group of each of the five group types",
    stored="groups",
    columns=_GROUP_COLUMNS,
    latest=Latest(keys=("group_type_index", "group_key"), version="_timestamp"),
)
_COHORT_COLUMNS = columns_by_name(
    stored("person_id", UUID),
    stored("cohort_id", INTEGER),
    derived("team_id", INTEGER, lambda row: Literal(row.facts.team_id), in_star=False),
)
_COHORT_PEOPLE = Table(
    name="cohort_people",
    about="who is in each cohort now",
    differs="found when asked for, so as of now, where PostHog finds them anew from time to time",
    stored="cohortpeople",
    columns=_COHORT_COLUMNS,
    of_cohorts=True,
    joins={"person": _PERSON_BY_ID},
)
_RAW_COHORT_PEOPLE = replace(
    _COHORT_PEOPLE,
    name="raw_cohort_people",
    about="the same, with the sign and the version of each row",
    columns=_COHORT_COLUMNS | columns_by_name(stored("sign", INTEGER), stored("version", INTEGER)),
)
_STATIC_COHORT_PEOPLE = replace(
    _COHORT_PEOPLE,
    name="static_cohort_people",
    stored="person_static_cohort",
    about="who was put into each static cohort",
    differs="",
    of_cohorts=False,
)


def _raw(table: Table, name: str) -> Table:
    """The same table with every version of every row."""
    columns = {**table.columns, **(_VERSIONED if table.latest and table.latest.deleted else {})}
    about = f"every version that was stored of a row of `{table.name}`"
    return replace(table, name=name, columns=columns, about=about, latest=None)


def _all_tables() -> Iterator[Table]:
    yield from (_EVENTS, _PERSONS, _DISTINCT_IDS, _OVERRIDES, _GROUPS, SESSIONS)
    yield from (_COHORT_PEOPLE, _STATIC_COHORT_PEOPLE)
    yield _raw(_PERSONS, "raw_persons")
    yield _raw(_DISTINCT_IDS, "raw_person_distinct_ids")
    yield _raw(_OVERRIDES, "raw_person_distinct_id_overrides")
    yield _raw(_GROUPS, "raw_groups")
    yield from (RAW_SESSIONS, _RAW_COHORT_PEOPLE)


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
