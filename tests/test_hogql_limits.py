"""LIMIT as PostHog's query endpoint applies it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from posthog_nb.embedded.hogql import ProjectFacts, compile_query
from tests.hogql_world import World, create_world
from tests.wire import Wire, open_wire

if TYPE_CHECKING:
    from collections.abc import Iterator

FACTS = ProjectFacts(database="limits")


@pytest.fixture(scope="module")
def world() -> World:
    return create_world()


PAGES = [
    # query, page size, rows that ClickHouse gives
    ("select number from numbers(200)", 100, 101),
    ("select number from numbers(200) offset 150", 100, 101),
    ("select number from (select number from numbers(200) limit 150)", 100, 101),
    ("with x as (select number from numbers(200) limit 150) select number from x", 100, 101),
    ("select number from numbers(200) limit 120", None, 120),
    ("select number from numbers(200) limit 7 offset 195", None, 5),
    ("select number from numbers(60000) limit 55000", None, 50_000),
    ("select number from numbers(60000) limit 50000 + 5000", None, 50_000),
    ("select number from numbers(200) limit 100 + 5", None, 105),
    ("select number from numbers(200) limit 1 by number % 3", 100, 3),
    ("select number from numbers(200) union all (select number from numbers(30))", None, 130),
    ("select number from numbers(200) union all (select number from numbers(300) limit 250)", None, 350),
    ("(select number from numbers(200)) union all (select 1) limit 5", None, 5),
    ("select * from (select number from numbers(200) union all select number from numbers(30)) limit 500", None, 230),
]  # fmt: skip


@pytest.mark.parametrize(("query", "page", "rows"), PAGES)
def test_a_query_is_paged_or_bounded(world: World, query: str, page: int | None, rows: int) -> None:
    assert compile_query(query, FACTS).limit == page
    assert len(world.ask(query)) == rows


@pytest.fixture(scope="module")
def wire() -> Iterator[Wire]:
    wire = open_wire()
    yield wire
    wire.close()


ANSWERS = [
    # query; of the answer: rows, hasMore, limit and offset
    ("select number from numbers(200)", 100, True, 100, 0),
    ("select number from numbers(101)", 100, True, 100, 0),
    ("select number from numbers(100)", 100, False, 100, 0),
    ("select number from numbers(3)", 3, False, 100, 0),
    ("select number from numbers(200) limit 1 by number % 3", 3, False, 100, 0),
    ("select number from (select number from numbers(200) limit 150)", 100, True, 100, 0),
    ("with x as (select number from numbers(200)) select count() from x having count() = 200", 1, False, 100, 0),
    ("select count() from (select 1 union all select number from numbers(200)) having count() = 201", 1, False, 100, 0),
    ("select number from numbers(200) where number in (select number from numbers(150))", 100, True, 100, 0),
    ("select number from numbers(200) limit 7", 7, None, None, None),
    ("select number from numbers(200) limit 150", 150, None, None, None),
    ("select number from numbers(60000) limit 60000", 50_000, None, None, None),
    ("select number from numbers(60000) limit 50000 + 1", 50_000, None, None, None),
    ("select number from numbers(200) limit 25%", 50, None, None, None),
    ("select number % 2 as a from numbers(200) order by a limit 1 with ties", 100, None, None, None),
    # Every branch of a union has its own limit.
    ("select number from numbers(200) union all select number from numbers(200)", 200, None, None, None),
    ("select number from numbers(200) union all (select number from numbers(200) limit 7)", 107, None, None, None),
    ("(select number from numbers(200) limit 150) union all (select 1)", 151, None, None, None),
    ("select number from numbers(200) union distinct select number from numbers(200)", 100, None, None, None),
    ("(select 1) union all (select 2) limit 1", 1, None, None, None),
    ("select number from numbers(300) intersect select number from numbers(50)", 50, None, None, None),
    ("select number from numbers(50) except select number from numbers(30)", 20, None, None, None),
]


@pytest.mark.parametrize(("query", "rows", "more", "limit", "offset"), ANSWERS)
def test_an_answer_says_whether_there_is_more(
    wire: Wire, query: str, *, rows: int, more: bool | None, limit: int | None, offset: int | None
) -> None:
    answer = wire.ask(query).json()
    assert (len(answer["results"]), answer["hasMore"], answer["limit"], answer["offset"]) == (rows, more, limit, offset)


OFFSETS = [
    ("select 1 limit 1 offset 0", True),
    ("select 1 offset 5", True),
    ("select a from (select 1 as a limit 1 offset 1)", True),
    ("select event from events limit 1 offset 1 by event", True),
    ("with x as (select 1 as a limit 2 offset 1) select a from x", True),
    ("select 1 where 1 in (select 1 limit 1 offset 1)", True),
    ("select count() from events sample 1/10 offset 1/2", False),
    ("select 'limit 1 offset 5' -- offset 3", False),
]


@pytest.mark.parametrize(("query", "found"), OFFSETS)
def test_offset_is_noticed_wherever_it_stands(query: str, found: bool) -> None:
    assert compile_query(query, FACTS).uses_offset is found


@pytest.mark.parametrize(("query", "found"), OFFSETS)
def test_offset_is_refused_to_a_personal_key_but_for_that_of_a_sample(wire: Wire, query: str, found: bool) -> None:
    answer = wire.ask(query)
    assert answer.status_code == (400 if found else 200), answer.text
    assert answer.json().get("detail", "").startswith("OFFSET is not supported") is found


def test_with_ties_needs_an_order(wire: Wire) -> None:
    assert "WITH TIES without ORDER BY" in wire.ask("select 1 as a limit 1 with ties").json()["detail"]


def test_the_limits_are_part_of_the_printed_query() -> None:
    assert compile_query("select event from events", FACTS).hogql == "SELECT event FROM events LIMIT 101 OFFSET 0"
    assert compile_query("select event from events limit 99999", FACTS).hogql.endswith("LIMIT 50000")


def test_the_query_as_understood_has_its_sample() -> None:
    compiled = compile_query("select count() from events as e sample 1/2 offset 1/10 where 1", FACTS)
    assert "FROM events SAMPLE 1/2 OFFSET 1/10 AS e" in compiled.hogql


def test_the_tables_of_a_query_are_named() -> None:
    query = "select event from events where person_id in (select id from persons)"
    assert compile_query(query, FACTS).tables == ("events", "persons")
