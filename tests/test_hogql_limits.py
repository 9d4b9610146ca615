"""LIMIT as PostHog's query endpoint applies it."""

from __future__ import annotations

import pytest

from posthog_nb.embedded.hogql import ProjectFacts, compile_query
from tests.hogql_world import World, create_world

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


def test_the_limits_are_part_of_the_printed_query() -> None:
    assert compile_query("select event from events", FACTS).hogql == "SELECT event FROM events LIMIT 101 OFFSET 0"
    assert compile_query("select event from events limit 99999", FACTS).hogql.endswith("LIMIT 50000")


def test_the_query_as_understood_has_its_sample() -> None:
    compiled = compile_query("select count() from events as e sample 1/2 offset 1/10 where 1", FACTS)
    assert "FROM events SAMPLE 1/2 OFFSET 1/10 AS e" in compiled.hogql


def test_the_tables_of_a_query_are_named() -> None:
    query = "select event from events where person_id in (select id from persons)"
    assert compile_query(query, FACTS).tables == ("events", "persons")
