"""What the columns of an answer are called, and which columns a star has."""

from __future__ import annotations

import pytest

from posthog_nb.embedded.hogql import compile_query
from tests.hogql_world import World, create_world


@pytest.fixture(scope="module")
def world() -> World:
    return create_world()


NAMES = [
    # columns of a SELECT, what they are called
    ("event, e.timestamp", ("event", "timestamp")),
    ("properties.$os, e.properties.$os, properties['$os']", ("$os", "$os", "$os")),
    ("person.properties.email, properties.a.b, properties.a['b'], properties.a[1]", ("email", "a__b", "a__b", "a__1")),
    ("properties, poe.properties.x, organization.properties.name, group_0.key", ("properties", "x", "name", "key")),
    ("event, event", ("event", "event")),
    ("count(), count()", ("count()", "count()")),
    ("event as a, count(distinct event) as `b c`", ("a", "b c")),
    ("toStartOfDay(timestamp), toString(e.event)", ("toStartOfDay(timestamp)", "toString(e.event)")),
    ("lower(properties.$os)", ("lower(properties.$os)",)),
    ("1 + 1, 2 * (3 - 4), -5", ("plus(1, 1)", "multiply(2, minus(3, 4))", "-5")),
    ("event = 'a', event != 'a', event like 'a'", ("equals(event, 'a')", "notEquals(event, 'a')", "like(event, 'a')")),
    ("1 and 0, 1 or 0, not 1", ("and(1, 0)", "or(1, 0)", "not(1)")),
    ("'x', null, true, 1.5", ("'x'", "NULL", "true", "1.5")),
    ("[1, 2], (1, 'a'), [1, 2][1], (1, 'a').2", ("[1, 2]", "tuple(1, 'a')", "[1, 2][1]", "tuple(1, 'a').2")),
    ("quantile(0.5)(1), countIf(event = 'a')", ("quantile(0.5)(1)", "countIf(equals(event, 'a'))")),
    ("interval 7 day, event || 'x', 1 ? 2 : 3", ("toIntervalDay(7)", "concat(event, 'x')", "if(1, 2, 3)")),
    ("case when 1 then 2 end, null ?? 1", ("if(1, 2, NULL)", "ifNull(NULL, 1)")),
    ("formatDateTime(timestamp, '%H')", ("formatDateTime(timestamp, '%H')",)),
    ("arrayMap(x -> x + 1, [1])", ("arrayMap(x -> plus(x, 1), [1])",)),
    ("COUNT(), sum(1) as s, s + 1", ("COUNT()", "s", "plus(s, 1)")),
    ("count(distinct event), sum(1) over ()", ("count(DISTINCT event)", "sum(1) OVER ()")),
]


@pytest.mark.parametrize(("columns", "names"), NAMES)
def test_columns_are_named_from_hogql(world: World, columns: str, names: tuple[str, ...]) -> None:
    assert compile_query(f"select {columns} from events e", world.facts).columns == names


QUERIES = [
    ("select e.event, f.event from events e join events f on e.uuid = f.uuid", ("event", "event")),
    ("select 1 as a union all select 2 as b", ("a",)),
    ("select 1 as a, 2 as b union all select 2 as b, 1 as a", ("a", "b")),
    ("select * from (select event, count() from events group by event)", ("event", "count()")),
    ("select * from (select 1 as a union all select 2 as b)", ("a",)),
    ("select x.* from (select 1 as a, 2 as `b c`) x", ("a", "b c")),
    ("with x as (select 1 as a) select * from x", ("a",)),
    ("with 5 as five select five, five + 1", ("five", "plus(five, 1)")),
]


@pytest.mark.parametrize(("query", "names"), QUERIES)
def test_columns_of_whole_queries(world: World, query: str, names: tuple[str, ...]) -> None:
    assert compile_query(query, world.facts).columns == names
    assert len(world.answer(query).column_names) == len(names)


TAKEN = [
    # Of several columns with one name, an outer query sees the one that was named, else the last.
    ("select event from (select *, upper(event) as event from events) order by event limit 1", "PAY"),
    ("select x from (select 1 as x, 2 as y, y as z)", 1),
    (("select event from (select e.event, f.event from numbers(1) n join events e on 1 join events f on 1 "
    "where e.event = 'pay' and f.event = 'view')"), "view"),
    # An alias hides the column of its name, in what comes after it.
    ("select lower('A') as event, concat(event, '!') from events where event = 'a' limit 1", "a"),
    ("select upper(event) as event from events where event = 'PAY' group by event having event = 'PAY'", "PAY"),
]  # fmt: skip


@pytest.mark.parametrize(("query", "first"), TAKEN)
def test_which_column_a_name_means(world: World, query: str, first: object) -> None:
    assert world.ask(query)[0][0] == first


EVENTS = (
    "uuid", "event", "properties", "timestamp", "distinct_id", "elements_chain", "created_at", "$session_id",
    "$window_id", "person_id", "$group_0", "$group_1", "$group_2", "$group_3", "$group_4", "elements_chain_href",
    "elements_chain_texts", "elements_chain_ids", "elements_chain_elements", "event_person_id", "event_issue_id",
    "issue_id",
)  # fmt: skip
STARS = [
    ("select * from events", EVENTS),
    ("select e.* from events e join persons p on p.id = e.person_id", EVENTS),
    ("select events.* from events", EVENTS),
    ("select * from persons", ("id", "created_at", "properties", "is_identified")),
    ("select p.* from events e join persons p on 1", ("id", "created_at", "properties", "is_identified")),
    ("select * from raw_persons", ("id", "created_at", "properties", "is_identified", "is_deleted", "version")),
    ("select * from person_distinct_ids", ("distinct_id", "person_id")),
    ("select * from raw_person_distinct_ids", ("distinct_id", "person_id", "is_deleted", "version")),
    ("select * from person_distinct_id_overrides", ("distinct_id", "person_id")),
    ("select * from groups", ("index", "key", "created_at", "updated_at", "properties")),
    ("select * from numbers(1)", ("number",)),
    ("select * from posthog.person_distinct_ids", ("distinct_id", "person_id")),
    ("select *, event from (select event from events)", ("event", "event")),
    ("select columns('^elements_chain_') from events", EVENTS[15:19]),
    ("select columns('session') from events", ("$session_id",)),
    ("select columns(* exclude (properties)) from persons", ("id", "created_at", "is_identified")),
    ("select * exclude (properties, created_at) from persons", ("id", "is_identified")),
]  # fmt: skip


@pytest.mark.parametrize(("query", "columns"), STARS)
def test_a_star_has_posthogs_columns_in_posthogs_order(world: World, query: str, columns: tuple[str, ...]) -> None:
    assert compile_query(query, world.facts).columns == columns
    assert len(world.answer(query).column_names) == len(columns)


HIDDEN = ["team_id", "$session_id_uuid", "person_mode", "last_seen_at"]


@pytest.mark.parametrize("column", HIDDEN)
def test_a_column_that_no_star_has_can_be_asked_for(world: World, column: str) -> None:
    table = "persons" if column == "last_seen_at" else "events"
    assert column not in compile_query(f"select * from {table}", world.facts).columns
    assert len(world.ask(f"select {column} from {table}")) > 1
