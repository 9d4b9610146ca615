"""What HogQL means: properties and their types, NULL, time zones, persons, groups."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from posthog_nb.embedded.hogql import compile_query
from tests.hogql_world import ANN, BOB, BOB_BEFORE_MERGE, GHOST, World, create_world


@pytest.fixture(scope="module")
def world() -> World:
    return create_world()


def one(world: World, expression: str, number: int) -> object:
    """An expression over one event."""
    return world.ask(f"select {expression} from events where uuid = '00000000-0000-0000-0000-{number:012d}'")[0][0]


PROPERTIES = [
    ("properties.plan", 1, "free"),
    ("properties.plan", 3, ""),
    ("properties.plan", 4, None),
    ("properties.plan", 5, None),
    ("properties['plan']", 1, "free"),
    ("properties?.plan", 1, "free"),
    ('properties."odd key"', 6, "1"),
    ("properties.quote", 5, 'say \\"hi\\"'),
    ("properties.slash", 5, "a/b"),
    ("properties.deep", 4, '{"a":[1,{"b":"x"}]}'),
    ("properties.deep.a", 4, '[1,{"b":"x"}]'),
    ("properties.deep.a[2].b", 4, "x"),
    ("properties['deep']['a'][-1]['b']", 4, "x"),
    ("properties.amount", 2, 12.5),
    ("properties.amount", 3, 7.0),
    ("properties.paid", 2, True),
    ("properties.paid", 3, False),
    ("properties.paid", 1, None),
    ("properties.n", 6, "5"),
    ("JSONExtractString(properties, 'plan')", 5, ""),
    ("poe.properties.age", 1, 29.0),
    ("person.properties.age", 1, 30.0),
    ("person.properties.age", 4, 41.0),
    ("person.properties.email", 6, None),
    ("organization.properties.name", 1, "Acme"),
    ("group_0.properties.seats", 1, 10.0),
    ("goe_0.properties.seats", 1, 3.0),
    ("organization.properties.name", 4, None),
    ("$session_id", 2, ""),
    ("elements_chain_href", 1, "/buy"),
    ("elements_chain_texts", 1, ["Buy now", "Box"]),
    ("elements_chain_elements", 1, ["a"]),
]


@pytest.mark.parametrize(("expression", "number", "value"), PROPERTIES)
def test_a_property_reads_as_in_posthog(world: World, expression: str, number: int, value: object) -> None:
    assert one(world, expression, number) == value


def test_a_materialised_property_reads_the_same(world: World) -> None:
    query = "select properties.plan, properties.plan = 'pro' from events order by uuid"
    assert world.ask(query) == world.with_facts(property_columns={}).ask(query)


NULL_SAFE = [
    # p is NULL, v is 'a'
    ("p = 'a'", 0), ("p != 'a'", 1), ("p = null", 1), ("p != null", 0), ("v = null", 0), ("v != null", 1),
    ("p is null", 1), ("v is not null", 1), ("p = v", 0), ("p != v", 1), ("p = p", 1), ("p != p", 0),
    ("p < 'a'", 0), ("p >= 'a'", 0), ("p < null", 0), ("p like 'a'", 0), ("p not like 'a'", 1), ("p ilike 'a'", 0),
    ("p not ilike 'a'", 1), ("p =~ 'a'", 0), ("p !~ 'a'", 1), ("p =~* 'a'", 0), ("p !~* 'a'", 1),
    ("p in ('a', null)", 1), ("p in ('a')", 0), ("p not in ('a')", 1), ("v in ('a')", 1), ("v not in ('a')", 0),
    ("p between 'a' and 'b'", 0), ("equals(p, 'a')", 0), ("notEquals(p, 'a')", 1), ("notLike(p, 'a')", 1),
]  # fmt: skip


@pytest.mark.parametrize(("comparison", "truth"), NULL_SAFE)
def test_null_never_escapes_a_comparison(world: World, comparison: str, truth: int) -> None:
    query = f"select {comparison} from (select toNullable('a') as v, nullIf('a', 'a') as p)"
    assert world.ask(query) == [(truth,)]


def test_concat_takes_null_for_nothing(world: World) -> None:
    assert world.ask("select concat('a', null, nullIf('b', 'b'), 1)") == [("a1",)]


TIMES = [
    ("toDate(timestamp)", 4, date(2024, 1, 8)),
    ("toHour(timestamp)", 1, 23),
    ("toString(timestamp)", 1, "2024-01-01 23:30:00.000000"),
    ("toStartOfWeek(timestamp)", 4, date(2024, 1, 7)),
    ("toStartOfWeek(timestamp, 1)", 4, date(2024, 1, 8)),
    ("dateTrunc('week', timestamp)", 4, date(2024, 1, 8)),
    ("toString(toTimeZone(timestamp, 'UTC'))", 1, "2024-01-01 22:30:00.000000"),
    ("timestamp > '2024-01-01 23:29:59'", 1, 1),
    ("timestamp < '2024-01-01T22:30:01Z'", 1, 1),
    ("timestamp >= toDateTime('2024-01-01 23:30:00')", 1, 1),
    ("toDate(timestamp) = '2024-01-01'", 1, 1),
    ("timestamp >= '2024-01-02'", 1, 0),
    ("timestamp = '2024-01-01 23:30:00'", 1, 1),
    ("'2024-01-02 11:00:00.123' < timestamp", 2, 1),
    ("timestamp between '2024-01-08' and '2024-01-09 00:00:00.5'", 4, 1),
    ("timestamp >= dateTrunc('month', toDateTime('2024-01-08'))", 4, 1),
    ("timestamp >= dateTrunc('day', toDateTime('2024-01-08'))", 4, 1),
    ("timestamp >= toDate('2024-01-08')", 4, 1),
    ("timestamp >= toDate('2024-01-09') - interval 1 day", 4, 1),
    ("timestamp < toStartOfInterval(toDateTime('2024-01-08 12:00:00'), interval 1 week)", 4, 0),
    ("timestamp = created_at", 4, 1),
    ("toTimeZone(timestamp, 'UTC') < '2024-01-08'", 4, 1),
    ("toDateTime('rubbish' || event)", 1, None),
    ("toString(toDateTime(properties.due))", 6, "2024-02-01 01:00:00"),
    ("toString(toDateTime('2024-01-02T03:04:05Z'))", 1, "2024-01-02 04:04:05.000000"),
    ("toDate('2024-01-02')", 1, date(2024, 1, 2)),
    ("toDate(event)", 1, None),
    ("dateDiff('day', timestamp, toDateTime('2024-01-02 00:00:01'))", 1, 1),
    ("date_part('month', timestamp)", 1, 1),
    ("toString(dateAdd('day', 1, timestamp))", 1, "2024-01-02 23:30:00.000000"),
    ("toString(date_add(timestamp, interval 1 hour))", 1, "2024-01-02 00:30:00.000000"),
    ("formatDateTime(timestamp, '%H:%i')", 1, "23:30"),
    ("toString(fromUnixTimestamp(0))", 1, "1970-01-01 01:00:00"),
    ("fromUnixTimestamp(0, '%H')", 1, "01"),
    ("fromUnixTimestamp(0, '%H', 'UTC')", 1, "00"),
]


@pytest.mark.parametrize(("expression", "number", "value"), TIMES)
def test_times_are_read_in_the_projects_zone(world: World, expression: str, number: int, value: object) -> None:
    assert one(world, expression, number) == value


def test_a_comparison_with_a_stored_time_leaves_the_column_bare_for_the_key(world: World) -> None:
    query = "select count() from events where timestamp > '2024-01-02' and timestamp <= now() - interval 1 day"
    sql = compile_query(query, world.facts).sql
    assert "toTimeZone" not in sql
    assert world.ask(query) == [(5,)]


def test_the_week_starts_where_the_project_says(world: World) -> None:
    monday = world.with_facts(week_start=1)
    assert one(monday, "toStartOfWeek(timestamp)", 4) == date(2024, 1, 8)


def test_types_carry_the_projects_zone(world: World) -> None:
    query = "select toTypeName(timestamp), toTypeName(now()), toTypeName(toStartOfDay(timestamp)) from events limit 1"
    zone = "'Europe/Berlin'"
    assert world.ask(query) == [(f"DateTime64(6, {zone})", f"DateTime64(6, {zone})", f"DateTime({zone})")]


def test_without_the_modifier_times_are_in_utc(world: World) -> None:
    compiled = compile_query(
        "select toDate(timestamp) from events order by uuid limit 4", world.facts, convert_to_project_timezone=False
    )
    assert world.client.query(compiled.sql).result_rows[3] == (date(2024, 1, 7),)


def test_the_projects_clock_can_stand_still(world: World) -> None:
    then = world.with_facts(as_of=datetime(2024, 1, 9, 23, 30, tzinfo=UTC))
    query = "select toString(now()), today(), yesterday(), count() from events where timestamp > now() - interval 2 day"
    assert then.ask(query) == [("2024-01-10 00:30:00.000000", date(2024, 1, 9), date(2024, 1, 8), 2)]


PERSON_MODES = {
    "disabled": [(ANN, "ann@new.example"), (BOB, "bob@new.example"), (BOB, "bob@new.example")],
    "person_id_no_override_properties_on_events": [
        (ANN, "ann@old.example"), (BOB, "bob@old.example"), (BOB_BEFORE_MERGE, None), (GHOST, None),
    ],
    "person_id_override_properties_on_events": [
        (ANN, "ann@old.example"), (BOB, "bob@old.example"), (BOB, None), (GHOST, None),
    ],
    "person_id_override_properties_joined": [
        (ANN, "ann@new.example"), (BOB, "bob@new.example"), (BOB, "bob@new.example"), (GHOST, None),
    ],
}  # fmt: skip


@pytest.mark.parametrize("mode", PERSON_MODES)
def test_the_person_of_an_event_follows_the_projects_mode(world: World, mode: str) -> None:
    query = "select person_id, person.properties.email from events where event != 'pay' order by uuid"
    assert world.with_facts(person_mode=mode).ask(query) == PERSON_MODES[mode]


def test_persons_are_the_latest_and_not_deleted(world: World) -> None:
    query = "select id, properties.email, is_identified from persons order by id"
    assert world.ask(query) == [(ANN, "ann@new.example", True), (BOB, "bob@new.example", True)]
    assert world.ask(
        "select is_deleted, version from raw_persons where id = toUUID('" + str(BOB_BEFORE_MERGE) + "')"
    ) == [(True, 5)]


def test_distinct_ids_follow_merges(world: World) -> None:
    rows = [("ann", ANN), ("anon", BOB), ("bob", BOB)]
    assert world.ask("select distinct_id, person_id from person_distinct_ids order by distinct_id") == rows
    assert world.ask("select pdi.distinct_id, id from persons order by pdi.distinct_id") == rows
    assert world.ask("select distinct_id, person.id from person_distinct_ids order by distinct_id") == rows


def test_star_has_posthogs_columns_in_posthogs_order(world: World) -> None:
    columns = compile_query("select * from events", world.facts).columns
    assert columns[:9] == (
        "uuid", "event", "properties", "timestamp", "distinct_id", "elements_chain", "created_at", "$session_id",
        "$window_id",
    )  # fmt: skip
    assert "team_id" not in columns
    assert compile_query("select * from persons", world.facts).columns == (
        "id", "created_at", "properties", "is_identified",
    )  # fmt: skip
    assert compile_query("select p.* from events e join persons p on 1", world.facts).columns[0] == "id"


def test_the_override_join_is_there_only_for_who_asks(world: World) -> None:
    assert "overrides" not in compile_query("select event, properties.plan from events", world.facts).sql
    assert "overrides" in compile_query("select person_id from events", world.facts).sql


FUNCTIONS = [
    ("toInt('12')", 12), ("toInt('12.5')", None), ("toInt('')", None), ("toFloat('1e3')", 1000.0),
    ("toFloat('x')", None),
    ("toIntOrZero('x')", 0), ("toFloatOrDefault('x', 2)", 2.0), ("toUUID('x')", None), ("toString(1)", "1"),
    ("left('äbc', 2)", "äb"), ("right('äbc', 2)", "bc"), ("trim('  a ')", "a"), ("trim(both 'x' from 'xax')", "a"),
    ("ltrim('xa', 'x')", "a"), ("split_part('a-b', '-', 2)", "b"), ("split_part('a', '-', 3)", ""),
    ("md5('a')", "0CC175B9C0F1B6A831C399E269772661"), ("replace('aa', 'a', 'b')", "bb"), ("log(e())", 1.0),
    ("substring('abc', 2)", "bc"), ("if(1, 'a', 'b')", "a"), ("coalesce(null, 2)", 2), ("nullIf(1, 1)", None),
    ("arrayReduce('sum', [1, 2])", 3), ("isIPAddressInRange('nonsense', '10.0.0.0/8')", 0),
    ("isIPAddressInRange('10.1.2.3', '10.0.0.0/8')", 1), ("sortableSemVer('1.10.2')", [1, 10, 2]),
    ("make_date(2024, 1, 2)", date(2024, 1, 2)),
    ("accurateCastOrNull('x', 'Int64')", None), ("_toInt64('5')", 5), ("greatest(1, 2)", 2), ("true", 1),
]  # fmt: skip


@pytest.mark.parametrize(("expression", "value"), FUNCTIONS)
def test_a_function_means_what_it_means_in_posthog(world: World, expression: str, value: object) -> None:
    assert world.ask(f"select {expression}")[0][0] == value


AGGREGATES = [
    ("string_agg(event, ',')", "signup,pay,pay,view,view,view"),
    ("json_agg(event)", '["signup","pay","pay","view","view","view"]'),
    ("every(event = 'pay')", False),
    ("array_agg(number)", [0, 1]),
    ("sumOrNull(number)", 1),
    ("avgArray([1, 2, 3])", 2.0),
    ("argMax(number, number)", 1),
]


@pytest.mark.parametrize(("expression", "value"), AGGREGATES)
def test_an_aggregate_means_what_it_means_in_posthog(world: World, expression: str, value: object) -> None:
    source = "(select event from events order by uuid)" if "event" in expression else "numbers(2)"
    assert world.ask(f"select {expression} from {source}")[0][0] == value


COLUMN_NAMES = [
    ("select event, count() from events group by event", ("event", "count()")),
    ("select count(), count() from events", ("count()", "count()")),
    ("select properties.$os, person.properties.email, properties.a.b from events", ("$os", "email", "a__b")),
    ("select event, event from events", ("event", "event")),
    ("select e.event, f.event from events e join events f on e.uuid = f.uuid", ("event", "f.event")),
    ("select 1 + 1, event = 'a', 'x', null from events", ("plus(1, 1)", "equals(event, 'a')", "'x'", "NULL")),
    ("select toStartOfDay(timestamp), event as `a b` from events", ("toStartOfDay(timestamp)", "a b")),
    ("select quantile(0.5)(1), count(distinct event) from events", ("quantile(0.5)(1)", "count(DISTINCT event)")),
    ("select 1 as a union all select 2 as b", ("a",)),
]


@pytest.mark.parametrize(("query", "names"), COLUMN_NAMES)
def test_columns_are_named_from_hogql(world: World, query: str, names: tuple[str, ...]) -> None:
    assert compile_query(query, world.facts).columns == names
    assert len(world.answer(query).column_names) == len(names)


def test_distinct_and_filter_hold_for_aggregates_of_posthogs_own(world: World) -> None:
    query = (
        "select arraySort(splitByChar(',', string_agg(distinct event, ','))), json_agg(distinct event) filter (where "
        "event = 'pay'), string_agg(event, '+') filter (where event = 'pay') from events"
    )
    assert world.ask(query) == [(["pay", "signup", "view"], '["pay"]', "pay+pay")]


def test_the_query_as_understood_has_its_sample(world: World) -> None:
    compiled = compile_query("select count() from events as e sample 1/2 offset 1/10 where 1", world.facts)
    assert "FROM events SAMPLE 1/2 OFFSET 1/10 AS e" in compiled.hogql
