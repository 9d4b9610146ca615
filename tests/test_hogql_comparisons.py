"""Comparisons: what NULL does in a column, in WHERE, between two columns and in the condition of a join."""

from __future__ import annotations

import pytest

from tests.hogql_world import World, create_world


@pytest.fixture(scope="module")
def world() -> World:
    return create_world()


COMPARISONS = [
    # comparison of x, its truth for 'a', for 'b' and for NULL
    ("x = 'a'", 1, 0, 0),
    ("'a' = x", 1, 0, 0),
    ("x != 'a'", 0, 1, 1),
    ("'a' != x", 0, 1, 1),
    ("x = x", 1, 1, 1),
    ("x != x", 0, 0, 0),
    ("x = null", 0, 0, 1),
    ("null = x", 0, 0, 1),
    ("x != null", 1, 1, 0),
    ("null != x", 1, 1, 0),
    ("x is null", 0, 0, 1),
    ("x is not null", 1, 1, 0),
    ("x like 'a%'", 1, 0, 0),
    ("x not like 'a%'", 0, 1, 1),
    ("x ilike 'A%'", 1, 0, 0),
    ("x not ilike 'A%'", 0, 1, 1),
    ("x like null", 0, 0, 1),
    ("x not like null", 1, 1, 0),
    ("x =~ '^a'", 1, 0, 0),
    ("x !~ '^a'", 0, 1, 1),
    ("x =~* '^A'", 1, 0, 0),
    ("x !~* '^A'", 0, 1, 1),
    ("x < 'b'", 1, 0, 0),
    ("x <= 'b'", 1, 1, 0),
    ("x > 'a'", 0, 1, 0),
    ("x >= 'a'", 1, 1, 0),
    ("x < null", 0, 0, 0),
    ("null >= x", 0, 0, 0),
    ("x in ('a')", 1, 0, 0),
    ("x in ('a', 'b')", 1, 1, 0),
    ("x in ('a', null)", 1, 0, 1),
    ("x in (null)", 0, 0, 1),
    ("x in ['a', 'b']", 1, 1, 0),
    ("x in (select 'a')", 1, 0, 0),
    ("x in (select nullIf('a', 'a'))", 0, 0, 1),
    ("x not in ('a')", 0, 1, 1),
    ("x not in ('a', null)", 0, 1, 0),
    ("x not in (select 'a')", 0, 1, 1),
    ("x between 'a' and 'a'", 1, 0, 0),
    ("x not between 'a' and 'a'", 0, 1, 0),
    ("'a' between x and 'b'", 1, 0, 0),
    ("x is distinct from 'a'", 0, 1, 1),
    ("x is not distinct from null", 0, 0, 1),
    ("x <=> null", 0, 0, 1),
    # the same by name
    ("equals(x, 'a')", 1, 0, 0),
    ("notEquals(x, 'a')", 0, 1, 1),
    ("less(x, 'b')", 1, 0, 0),
    ("lessOrEquals(x, 'b')", 1, 1, 0),
    ("greater(x, 'a')", 0, 1, 0),
    ("greaterOrEquals(x, 'a')", 1, 1, 0),
    ("like(x, 'a')", 1, 0, 0),
    ("ilike(x, 'A')", 1, 0, 0),
    ("notLike(x, 'a')", 0, 1, 1),
    ("notILike(x, 'A')", 0, 1, 1),
    ("in(x, 'a')", 1, 0, 0),
    ("notIn(x, 'a')", 0, 1, 1),
    # with one another
    ("not (x = 'a')", 0, 1, 1),
    ("not (x != 'a')", 1, 0, 0),
    ("not (x < 'b')", 0, 1, 1),
    ("x = 'a' or x != 'a'", 1, 1, 1),
    ("x = 'a' and x is not null", 1, 0, 0),
    ("if(x != 'a', 1, 0)", 0, 1, 1),
    ("lower(x) != 'a'", 0, 1, 1),
    # ... and of what may be NULL by itself
    ("JSONArrayLength(x) != 1", 1, 1, 1),
    ("toInt64OrNull(x) = 1", 0, 0, 0),
    ("toInt64OrNull(x) != 1", 1, 1, 1),
    ("[x, 'c'][1] != 'a'", 0, 1, 1),
    ("['c', x][2] = 'a'", 1, 0, 0),
    ("if(x = 'a', x, null) != 'a'", 0, 1, 1),
    ("arrayElement([x], 1) = 'a'", 1, 0, 0),
    ("round(1, length(x)) != 1", 0, 0, 1),
    ("concat(x, '') = ''", 0, 0, 1),
]
_VALUES = "(select arrayJoin(['a', 'b', null]) as x)"


@pytest.mark.parametrize(("comparison", "a", "b", "null"), COMPARISONS)
def test_null_never_escapes_a_comparison(world: World, comparison: str, *, a: int, b: int, null: int) -> None:
    truths = world.ask(f"select x, {comparison} from {_VALUES} order by x")
    assert truths == [("a", a), ("b", b), (None, null)]
    kept = world.ask(f"select x from {_VALUES} where {comparison} order by x")
    assert kept == [(x,) for x, truth in truths if truth]


PAIRS = [
    # comparison of x and y, its truth for 'a' 'a', 'a' 'b', 'a' NULL, NULL 'a', NULL NULL
    ("x = y", [1, 0, 0, 0, 1]),
    ("x != y", [0, 1, 1, 1, 0]),
    ("x like y", [1, 0, 0, 0, 1]),
    ("x not like y", [0, 1, 1, 1, 0]),
    ("x ilike y", [1, 0, 0, 0, 1]),
    ("x not ilike y", [0, 1, 1, 1, 0]),
    ("x =~ y", [1, 0, 0, 0, 1]),
    ("x !~ y", [0, 1, 1, 1, 0]),
    ("x =~* y", [1, 0, 0, 0, 1]),
    ("x !~* y", [0, 1, 1, 1, 0]),
    ("x < y", [0, 1, 0, 0, 0]),
    ("x <= y", [1, 1, 0, 0, 0]),
    ("x > y", [0, 0, 0, 0, 0]),
    ("x >= y", [1, 0, 0, 0, 0]),
    ("x between y and y", [1, 0, 0, 0, 0]),
    ("x is distinct from y", [0, 1, 1, 1, 0]),
    ("x is not distinct from y", [1, 0, 0, 0, 1]),
    ("equals(x, y)", [1, 0, 0, 0, 1]),
    ("notEquals(x, y)", [0, 1, 1, 1, 0]),
    ("not (x = y)", [0, 1, 1, 1, 0]),
]
_PAIRS = (
    "(select number, ['a', 'a', 'a', null, null][number + 1] as x, ['a', 'b', null, 'a', null][number + 1] as y"
    " from numbers(5))"
)


@pytest.mark.parametrize(("comparison", "truths"), PAIRS)
def test_two_columns_are_compared_by_the_same_rules(world: World, comparison: str, truths: list[int]) -> None:
    assert world.ask(f"select {comparison} from {_PAIRS} order by number") == [(truth,) for truth in truths]
    kept = [(number,) for number, truth in enumerate(truths) if truth]
    assert world.ask(f"select number from {_PAIRS} where {comparison} order by number") == kept


JOINED = [
    # The condition of a join is left to ClickHouse, where NULL equals nothing.
    ("join", "l.x = r.y", [("a", "a")]),
    ("join", "l.x = r.y and r.y != 'b'", [("a", "a")]),
    ("join", "l.x = r.y and r.y is not null", []),
    ("join", "l.x < r.y", [("a", "b")]),
    ("left join", "l.x = r.y", [("a", "a"), (None, None)]),
    ("join", "concat(l.x, '') = concat(r.y, '')", [("a", "a"), (None, None)]),
]


@pytest.mark.parametrize(("join", "condition", "rows"), JOINED)
def test_a_join_does_not_find_null(world: World, join: str, condition: str, rows: list[tuple]) -> None:
    query = (
        f"select l.x, r.y from (select arrayJoin(['a', null]) as x) l {join}"
        f" (select arrayJoin(['a', 'b', null]) as y) r on {condition} order by l.x"
    )
    assert world.ask(query) == rows


OF_COLUMNS = [
    # Without a value such a column is empty, which is not NULL.
    ("$session_id != null", [1, 1]),
    ("$session_id = ''", [0, 1]),
    ("event = null", [0, 0]),
    ("event != null", [1, 1]),
    ("event is not null", [1, 1]),
    ("properties.amount = 12.5", [0, 1]),
    ("properties.amount != 12.5", [1, 0]),
    ("properties.amount < 13", [0, 1]),
    ("properties.plan = properties.nope", [0, 0]),
    ("properties.nope = properties.neither", [1, 1]),
    ("properties.plan != person.properties.email", [1, 1]),
    ("timestamp >= '2024-01-02'", [0, 1]),
    ("1 = 1", [1, 1]),
    ("null = null", [1, 1]),
    ("null != null", [0, 0]),
]


@pytest.mark.parametrize(("comparison", "truths"), OF_COLUMNS)
def test_columns_that_are_never_null_and_properties_that_are(world: World, comparison: str, truths: list[int]) -> None:
    query = f"select {comparison} from events where event in ('signup', 'pay') order by uuid limit 2"
    assert world.ask(query) == [(truth,) for truth in truths]
