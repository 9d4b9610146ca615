"""Whose event it is in each of the four modes, and the tables of persons, their distinct ids and groups."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest

from posthog_nb.embedded.hogql import compile_query
from tests.hogql_world import (
    ANN,
    BOB,
    BOB_BEFORE_MERGE,
    GHOST,
    DistinctIdRow,
    EventRow,
    PersonRow,
    World,
    create_world,
    empty_world,
    insert_distinct_ids,
    insert_events,
    insert_persons,
)

NOBODY = UUID(int=0)
DELETED = UUID("00000000-0000-0000-0000-0000000000de")
FUTURE = UUID("00000000-0000-0000-0000-0000000000f0")
DISABLED, NO_OVERRIDE, ON_EVENTS, JOINED = (
    "disabled",
    "person_id_no_override_properties_on_events",
    "person_id_override_properties_on_events",
    "person_id_override_properties_joined",
)


@pytest.fixture(scope="module")
def world() -> World:
    return create_world()


@pytest.fixture(scope="module")
def people() -> World:
    """One event of each distinct id; what was stored with it is the person of then."""
    world = empty_world("hogql_people", timezone="UTC")
    insert_events(
        world,
        EventRow(distinct_id="ann", person=ANN, person_then={"email": "ann@then"}),
        # Bob, before it was known that it is Bob
        EventRow(distinct_id="anon", person=BOB_BEFORE_MERGE, person_then={"email": "anon@then"}),
        # An anonymous event without a person
        EventRow(distinct_id="ghost", person=GHOST, person_mode="propertyless"),
        # Of a person that was deleted
        EventRow(distinct_id="deleted", person=DELETED, person_then={"email": "deleted@then"}),
        # A distinct id that moved twice, one that moved and was deleted, and one of a person from the future
        EventRow(distinct_id="twice", person=BOB_BEFORE_MERGE),
        EventRow(distinct_id="undone", person=BOB_BEFORE_MERGE),
        EventRow(distinct_id="future", person=FUTURE),
    )
    insert_persons(
        world,
        PersonRow(ANN, {"email": "ann@before"}, version=0, identified=False),
        PersonRow(ANN, {"email": "ann@now"}, version=1, created="2024-01-02 03:04:05"),
        PersonRow(BOB, {"email": "bob@now"}, version=7),
        PersonRow(BOB_BEFORE_MERGE, {"email": "anon@before"}, version=1),
        PersonRow(BOB_BEFORE_MERGE, version=2, deleted=True),
        PersonRow(DELETED, {"email": "deleted@before"}, version=100, deleted=False),
        PersonRow(DELETED, version=200, deleted=True),
        PersonRow(FUTURE, {"email": "future@now"}, created="2200-01-01 00:00:00"),
    )
    insert_distinct_ids(
        world,
        DistinctIdRow("ann", ANN),
        DistinctIdRow("anon", BOB_BEFORE_MERGE),
        DistinctIdRow("anon", BOB, version=1),
        DistinctIdRow("deleted", DELETED),
        DistinctIdRow("twice", ANN, version=1),
        DistinctIdRow("twice", BOB, version=2),
        DistinctIdRow("undone", BOB, version=1),
        DistinctIdRow("undone", BOB, version=2, deleted=True),
        DistinctIdRow("future", FUTURE),
    )
    insert_distinct_ids(
        world,
        DistinctIdRow("anon", BOB, version=1),
        DistinctIdRow("twice", ANN, version=1),
        DistinctIdRow("twice", BOB, version=2),
        DistinctIdRow("undone", BOB, version=1),
        DistinctIdRow("undone", BOB, version=2, deleted=True),
        table="person_distinct_id_overrides",
    )
    return world


OF_EVENTS = [
    # mode, distinct id, person_id, person.id, person.properties.email
    (DISABLED, "ann", ANN, ANN, "ann@now"),
    (DISABLED, "anon", BOB, BOB, "bob@now"),
    (DISABLED, "deleted", DELETED, NOBODY, None),
    (DISABLED, "twice", BOB, BOB, "bob@now"),
    (DISABLED, "future", FUTURE, NOBODY, None),
    (NO_OVERRIDE, "ann", ANN, ANN, "ann@then"),
    (NO_OVERRIDE, "anon", BOB_BEFORE_MERGE, BOB_BEFORE_MERGE, "anon@then"),
    (NO_OVERRIDE, "ghost", GHOST, GHOST, None),
    (NO_OVERRIDE, "deleted", DELETED, DELETED, "deleted@then"),
    (NO_OVERRIDE, "twice", BOB_BEFORE_MERGE, BOB_BEFORE_MERGE, None),
    (NO_OVERRIDE, "undone", BOB_BEFORE_MERGE, BOB_BEFORE_MERGE, None),
    (NO_OVERRIDE, "future", FUTURE, FUTURE, None),
    (ON_EVENTS, "ann", ANN, ANN, "ann@then"),
    (ON_EVENTS, "anon", BOB, BOB, "anon@then"),
    (ON_EVENTS, "ghost", GHOST, GHOST, None),
    (ON_EVENTS, "deleted", DELETED, DELETED, "deleted@then"),
    (ON_EVENTS, "twice", BOB, BOB, None),
    (ON_EVENTS, "undone", BOB_BEFORE_MERGE, BOB_BEFORE_MERGE, None),
    (ON_EVENTS, "future", FUTURE, FUTURE, None),
    # Without a person there is nothing to join: its id is empty, and it has no properties.
    (JOINED, "ann", ANN, ANN, "ann@now"),
    (JOINED, "anon", BOB, BOB, "bob@now"),
    (JOINED, "ghost", GHOST, NOBODY, None),
    (JOINED, "deleted", DELETED, NOBODY, None),
    (JOINED, "twice", BOB, BOB, "bob@now"),
    (JOINED, "undone", BOB_BEFORE_MERGE, NOBODY, None),
    (JOINED, "future", FUTURE, NOBODY, None),
]


@pytest.mark.parametrize("mode", [DISABLED, NO_OVERRIDE, ON_EVENTS, JOINED])
def test_the_person_of_an_event_follows_the_projects_mode(people: World, mode: str) -> None:
    found = people.with_facts(person_mode=mode).ask(
        "select distinct_id, person_id, person.id, person.properties.email from events order by uuid"
    )
    assert found == [tuple(row) for of_mode, *row in OF_EVENTS if of_mode == mode]


ANY_MODE = [
    # What does not follow the mode; of ann and of anon
    ("event_person_id", ANN, BOB_BEFORE_MERGE),
    ("poe.properties.email", "ann@then", "anon@then"),
    ("pdi.person_id", ANN, BOB),
    ("pdi.distinct_id", "ann", "anon"),
    ("pdi.person.id", ANN, BOB),
    ("pdi.person.properties.email", "ann@now", "bob@now"),
    ("override.person_id", NOBODY, BOB),
    ("override.distinct_id", "", "anon"),
    ("toString(pdi.person.created_at)", "2024-01-02 03:04:05.000000", "2024-01-01 00:00:00.000000"),
    ("toString(poe.created_at)", "2024-01-01 00:00:00.000000", "2024-01-01 00:00:00.000000"),
    ("pdi.person.is_identified", True, True),
]


@pytest.mark.parametrize("mode", [DISABLED, NO_OVERRIDE, ON_EVENTS, JOINED])
@pytest.mark.parametrize(("expression", "ann", "anon"), ANY_MODE)
def test_a_way_that_is_named_leads_to_the_same_in_every_mode(
    people: World, expression: str, ann: object, anon: object, mode: str
) -> None:
    query = f"select {expression} from events where distinct_id in ('ann', 'anon') order by uuid"
    assert people.with_facts(person_mode=mode).ask(query) == [(ann,), (anon,)]


BY_MODE = [
    # expression over all events; without overrides, disabled, with those of the event, joined
    ("poe.id", "where distinct_id = 'anon'", [BOB_BEFORE_MERGE, BOB_BEFORE_MERGE, BOB, BOB_BEFORE_MERGE]),
    ("toYear(person.created_at)", "where distinct_id = 'anon'", [2024, 2024, 2024, 2024]),
    ("toString(toDate(person.created_at))", "where distinct_id = 'ann'",
     ["2024-01-02", "2024-01-01", "2024-01-01", "2024-01-02"]),
    ("count()", "", [7, 7, 7, 7]),
    # Counted by their person, events without one are missing where distinct ids are joined.
    ("count(person_id)", "", [5, 7, 7, 7]),
    ("uniqExact(person_id)", "", [4, 5, 6, 6]),
    ("uniqExact(person.id)", "", [3, 5, 6, 3]),
    ("countIf(person.properties.email is null)", "", [2, 4, 4, 4]),
    ("countIf(person.properties.email != 'bob@now')", "", [3, 7, 7, 5]),
    ("count()", "where person.properties.email = 'bob@now'", [2, 0, 0, 2]),
    ("count()", "where person_id in (select id from persons)", [3, 1, 3, 3]),
]  # fmt: skip


@pytest.mark.parametrize(("expression", "where", "values"), BY_MODE)
def test_what_the_mode_changes(people: World, expression: str, where: str, values: list[object]) -> None:
    found = [
        people.with_facts(person_mode=mode).ask(f"select {expression} from events {where}")[0][0]
        for mode in (DISABLED, NO_OVERRIDE, ON_EVENTS, JOINED)
    ]
    assert found == values


JOINS = [
    # a join by person, its rows in the modes: disabled, without overrides, of the event, joined
    ("select e.distinct_id, p.properties.email from events e join persons p on p.id = e.person_id order by e.uuid", [
        [("ann", "ann@now"), ("anon", "bob@now"), ("twice", "bob@now")],
        [("ann", "ann@now")],
        [("ann", "ann@now"), ("anon", "bob@now"), ("twice", "bob@now")],
        [("ann", "ann@now"), ("anon", "bob@now"), ("twice", "bob@now")],
    ]),
    (("select p.properties.email, count(e.uuid) from persons p left join events e on e.person_id = p.id "
      "group by 1 order by 1"), [
        [("ann@now", 1), ("bob@now", 2)],
        [("ann@now", 1), ("bob@now", 1)],
        [("ann@now", 1), ("bob@now", 2)],
        [("ann@now", 1), ("bob@now", 2)],
    ]),
    (("select a.distinct_id, b.distinct_id from events a join events b on a.person_id = b.person_id "
      "and a.distinct_id < b.distinct_id order by 1, 2"), [
        [("anon", "twice")],
        [("anon", "twice"), ("anon", "undone"), ("twice", "undone")],
        [("anon", "twice")],
        [("anon", "twice")],
    ]),
    (("select a.distinct_id, b.person.properties.email from events a join events b on a.uuid = b.uuid "
      "where b.person.properties.email like 'ann%'"), [
        [("ann", "ann@now")], [("ann", "ann@then")], [("ann", "ann@then")], [("ann", "ann@now")],
    ]),
    # A count of events beside the join counts one, where nothing was found: its columns are empty, not NULL.
    (("select e.distinct_id from events e left join person_distinct_ids d on d.distinct_id = e.distinct_id "
      "and d.person_id = e.person_id where d.distinct_id = '' order by e.uuid"), [
        [],
        [("anon",), ("ghost",), ("twice",), ("undone",)],
        [("ghost",), ("undone",)],
        [("ghost",), ("undone",)],
    ]),
    ("with p as (select person_id as id, count() as c from events group by id) select max(c) from p",
     [[(2,)], [(3,)], [(2,)], [(2,)]]),
]  # fmt: skip


@pytest.mark.parametrize(("query", "rows"), JOINS)
def test_joins_by_person_follow_the_mode(people: World, query: str, rows: list[list[tuple]]) -> None:
    for mode, expected in zip((DISABLED, NO_OVERRIDE, ON_EVENTS, JOINED), rows, strict=True):
        assert people.with_facts(person_mode=mode).ask(query) == expected, mode


def test_the_default_is_posthogs() -> None:
    assert empty_world("hogql_default").facts.person_mode == JOINED


OF_THE_PROJECT: dict[str, list[Any]] = {
    DISABLED: [(ANN, "ann@new.example"), (BOB, "bob@new.example"), (BOB, "bob@new.example")],
    NO_OVERRIDE: [(ANN, "ann@old.example"), (BOB, "bob@old.example"), (BOB_BEFORE_MERGE, None), (GHOST, None)],
    ON_EVENTS: [(ANN, "ann@old.example"), (BOB, "bob@old.example"), (BOB, None), (GHOST, None)],
    JOINED: [(ANN, "ann@new.example"), (BOB, "bob@new.example"), (BOB, "bob@new.example"), (GHOST, None)],
}


@pytest.mark.parametrize("mode", OF_THE_PROJECT)
def test_the_same_with_another_zone_and_property_columns(world: World, mode: str) -> None:
    query = "select person_id, person.properties.email from events where event != 'pay' order by uuid"
    assert world.with_facts(person_mode=mode).ask(query) == OF_THE_PROJECT[mode]


TABLES = [
    # Persons are the latest version that is not deleted, and of no later than tomorrow.
    ("select id, properties.email, is_identified from persons order by id",
     [(ANN, "ann@now", True), (BOB, "bob@now", True)]),
    ("select id from persons where properties.email = 'ann@before'", []),
    ("select toString(created_at) from persons where properties.email = 'ann@now'", [("2024-01-02 03:04:05.000000",)]),
    ("select version, is_deleted from raw_persons where id = {bob_before} order by version desc limit 1", [(2, True)]),
    ("select uniqExact(id) from raw_persons", [(5,)]),
    # So are distinct ids.
    ("select distinct_id, person_id from person_distinct_ids order by distinct_id",
     [("ann", ANN), ("anon", BOB), ("deleted", DELETED), ("future", FUTURE), ("twice", BOB)]),
    ("select version, person_id, is_deleted from raw_person_distinct_ids where distinct_id = 'undone' order by version",
     [(1, BOB, False), (2, BOB, True)]),
    ("select distinct_id, person_id from person_distinct_id_overrides order by distinct_id",
     [("anon", BOB), ("twice", BOB)]),
    ("select count() from raw_person_distinct_id_overrides where distinct_id = 'anon'", [(1,)]),
    # From one to the other
    ("select distinct_id, person.properties.email from person_distinct_ids order by distinct_id",
     [("ann", "ann@now"), ("anon", "bob@now"), ("deleted", None), ("future", None), ("twice", "bob@now")]),
    ("select distinct_id, person.id from person_distinct_id_overrides order by distinct_id",
     [("anon", BOB), ("twice", BOB)]),
    ("select pdi.distinct_id, id from persons order by 1", [("ann", ANN), ("anon", BOB), ("twice", BOB)]),
    ("select p.pdi.distinct_id from persons p where p.properties.email = 'bob@now' order by 1",
     [("anon",), ("twice",)]),
    ("select count() from persons", [(2,)]),
    ("select team_id, count() from persons group by team_id", [(1, 2)]),
    ("select p.properties.email from (select * from persons) p order by 1", [("ann@now",), ("bob@now",)]),
]  # fmt: skip


@pytest.mark.parametrize(("query", "rows"), TABLES)
def test_persons_and_their_distinct_ids(people: World, query: str, rows: list[tuple]) -> None:
    values = {"bob_before": BOB_BEFORE_MERGE} if "{bob_before}" in query else {}
    assert people.ask(query, **values) == rows


GROUPS = [
    ("select index, key, properties.name, properties.seats from groups", [(0, "acme", "Acme", "10")]),
    ("select toString(created_at), toString(updated_at) from groups",
     [("2024-01-01 01:00:00.000000", "2024-01-05 01:00:00.000000")]),
    ("select organization.properties.name, count() from events group by 1 order by 1", [("Acme", 3), (None, 3)]),
    ("select organization.properties.seats, goe_0.properties.seats, goe_0.key from events limit 1",
     [(10.0, 3.0, "acme")]),
    ("select group_1.key, group_1.properties.name, $group_1 from events limit 1", [("", None, "")]),
    ("select g.properties.name from events e join groups g on g.key = e.$group_0 limit 1", [("Acme",)]),
]  # fmt: skip


@pytest.mark.parametrize(("query", "rows"), GROUPS)
def test_groups(world: World, query: str, rows: list[tuple]) -> None:
    assert world.ask(query) == rows


def test_the_override_join_is_there_only_for_who_asks(world: World) -> None:
    assert "overrides" not in compile_query("select event, properties.plan from events", world.facts).sql
    assert "overrides" in compile_query("select person_id from events", world.facts).sql
