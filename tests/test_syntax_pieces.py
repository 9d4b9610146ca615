"""A query that is parsed in pieces has the tree that PostHog's parser gives the whole."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from posthog_nb.errors import HogQLSyntaxError, Span
from posthog_nb.syntax import parse_select, wheel

_ATOMS = st.sampled_from(
    ["event", "1", "'x (y'", "properties.$browser", "`a(b`", "null", "-2.5", "{p}", "[1, 2]", "f()"]
)
_SHAPES = [
    "lower({})",
    "replaceAll({}, 'a', {})",
    "if({} = {}, {}, {})",
    "({} + {}) * {}",
    "case when {} = 1 then {} else {} end",
    "case {} when 1 then {} end",
    "arrayMap(x -> {}, [{}])",
    "arrayMap((x, y) -> {}, {}, [{}])",
    "(select {} from events where {} = 1)",
    "count(distinct {})",
    "quantile(0.5)({})",
    "sum({}) over (partition by {} order by {} desc)",
    "countIf({}) filter (where {})",
    "{} in ({}, {})",
    "{} in (select {} from events)",
    "not ({})",
    "({}) and ({}) and not({})",
    "({} or ({})) and (({}) or {})",
    "(({} || {}) || {})",
    "{} between {} and {}",
    "({}, {}).1",
    "tuple({}, {})[1]",
    "({} ? {} : {})",
    "({})::int",
    "cast({} as float)",
    "({} ?? {})",
    "{{'k': {}}}",
    "trim(both 'x' from {})",
    "- ({})",
    "interval {} day",
    "(({}) is null) as z",
]


def _filled(shape: str) -> st.SearchStrategy[Any]:
    return st.builds(shape.format, *[_ATOMS] * shape.replace("{{", "").count("{}"))


_SHALLOW = st.one_of(_ATOMS, *map(_filled, _SHAPES))
_EXPRESSIONS = st.one_of(
    *(st.builds(shape.format, *[_SHALLOW] * shape.replace("{{", "").count("{}")) for shape in _SHAPES)
)


def whole(text: str) -> object:
    """The tree of the text in one go, or None for one that is not HogQL."""
    try:
        return with_offsets(wheel.parse(text, "select"))
    except HogQLSyntaxError:
        return None


def in_pieces(text: str) -> object:
    try:
        return with_offsets(parse_select(text))
    except HogQLSyntaxError:
        return None


def with_offsets(tree: Any) -> Any:
    """The tree with offsets for positions: lines and columns are not kept."""
    if isinstance(tree, list):
        return [with_offsets(item) for item in tree]
    if not isinstance(tree, dict):
        return tree
    if isinstance(tree.get("offset"), int):
        return {"offset": tree["offset"]}
    return {key: with_offsets(value) for key, value in tree.items()}


@given(_EXPRESSIONS, _SHALLOW, _SHALLOW)
@settings(max_examples=60)
def test_pieces_make_the_whole(column: str, condition: str, order: str) -> None:
    query = f"select {column} from events where {condition} order by {order}"
    assert in_pieces(query) == whole(query)


@pytest.mark.parametrize(
    "query",
    [
        "select distinct on (event) event from events",
        "with a as not materialized (select lower(event) as x from events) select x from a",
        "select count() from events group by grouping sets ((event), (lower(event)))",
        "select count() from events group by grouping sets ((toDate(toDateTime(toString(1))), event), ())",
        "select 1 from events limit 1 offset 1",
        "select f(1)(2)[3].a, f(1)[2] over ()",
        "select a.b[1].c[lower(x)]['d'], [1][2], not (1)[1], not (1, 2), not (select 1)",
        "select 1 in cohort (1), 1 not in cohort (lower('a'))",
        "select sum(x) filter (where 1) over (order by 1), count() over w window w as (order by (select 1))",
        "select (select 1 union all (select 2)), ((select 1) union distinct (select 2)), f((select (select 1)))",
        "(select (select 1)) union distinct (select (select (select 2)))",
        "select 1 from events, (select (select 1)) as b join (select (select 1)) as c on (select (select 1))",
        "with (select (select 1)) as a, b as ((select (select 1))) select distinct (select 1), a from b",
        "with a as materialized (select lower(upper(lower(event))) as x from events) select x from a",
        "select count() from events group by rollup(event, (lower(event)))",
        "select columns(* exclude (uuid)) from events",
        "select columns(* replace (lower(event) as event)) from events",
        "select sum(lower(event)) over w from events window w as (partition by (lower(event)))",
        "select * from numbers(toInt(lower('1'))) join generate_series(1, 2) as g using (number)",
        "select lower(upper(event)).1, lower(event)[1], lower(event)?.a, x.lower(event) from events",
        "select <a href={lower(upper(event))}>it's (</a> from events",
        "select properties.case, properties.end, 1 as end, (select 1 as end) from events",
        "select end from (select 1 as end)",
        "select quantiles(0.5, 0.9)(toInt(lower(event))) from events",
        "select f'{lower(upper(event))} and {'('}' from events",
        "select 1 from events limit toInt(lower('1')) by lower(event)",
        "(select lower(event) from events) union all ((select upper(event) from events))",
        "select 1, -- (\n lower(/* ) */ upper(event)) # ((\n from events",
    ],
)
def test_what_has_its_meaning_only_where_it_stands_keeps_it(query: str) -> None:
    assert in_pieces(query) == whole(query)


@pytest.mark.parametrize(
    ("query", "place"),
    [
        ("select lower(upper(lower(evnt evnt))) from events", "evnt)"),
        ("select lower(upper(lower(1 +))) from events", "))"),
        ("select lower(upper(lower(1)) from events", "from"),
    ],
)
def test_a_mistake_in_a_piece_is_told_where_it_is_in_the_whole(query: str, place: str) -> None:
    with pytest.raises(HogQLSyntaxError) as caught:
        parse_select(query)
    assert caught.value.span is not None
    assert caught.value.span.start <= query.index(place) + len(place)
    assert caught.value.text == query
    assert "__" not in caught.value.message


def test_deep_calls_and_brackets_take_no_longer_than_they_should() -> None:
    # In one go each of these takes the parser from many seconds to many minutes.
    for nested in (
        "lower(" * 55 + "event" + ")" * 55,
        "(" * 55 + "1" + ")" * 55,
        "if(1 = 1, " * 30 + "2" + ", 3)" * 30,
        "(select " * 55 + "1" + ")" * 55,
        "1 in (select " * 55 + "1" + ")" * 55,
        "not (" * 55 + "1" + ")" * 55,
        "sum(" * 55 + "1" + ") over ()" * 55,
        "sum(1) over (order by " * 55 + "1" + ")" * 55,
        "count() filter (where " * 55 + "1" + ")" * 55,
        "f" + "(1)" * 55,
        "a[" * 55 + "1" + "]" * 55,
    ):
        assert parse_select(f"select {nested} from events")["select"]
    assert parse_select(f"select {'case when 1 then ' * 30}2{' end' * 30}")["select"]


@pytest.mark.parametrize(
    "query",
    [
        "with a as (" * 40 + "select 1" + ") select 2" * 40,
        "select " + "<a b={" * 40 + "1" + "} />" * 40,
        "select " + "{" * 40 + "a" + "}" * 40,
        "select " + "columns(" * 20 + "'a'" + ")" * 20 + " from events",
        "select 1" + " between 1 and 2" * 40,
        "select 1 from events" + " join and" * 40 + " join persons",
    ],
)
def test_what_would_take_the_parser_for_ever_is_refused_before_it_sees_it(query: str) -> None:
    with pytest.raises(HogQLSyntaxError, match=r"in a row|nests more than") as caught:
        parse_select(query)
    assert caught.value.span is not None


def test_many_conditions_and_joins_beside_each_other_are_no_run() -> None:
    conditions = " and ".join(f"a between {number} and 2" for number in range(40))
    joins = " ".join(f"join events e{number} on e{number}.uuid = events.uuid" for number in range(40))
    assert parse_select(f"select 1 from events {joins} where {conditions}")["where"]


def test_half_a_surrogate_pair_is_refused_where_it_stands() -> None:
    with pytest.raises(HogQLSyntaxError, match="surrogate") as caught:
        parse_select("select '\ud800'")
    assert caught.value.span == Span(8, 9)


def test_a_mistake_behind_what_is_no_ascii_ends_within_the_text() -> None:
    query = "select 'é🦔' frm frm"
    with pytest.raises(HogQLSyntaxError) as caught:
        parse_select(query)
    assert caught.value.span == Span(query.index("frm frm") + 4, len(query))


def test_a_name_of_very_many_parts_is_refused_before_the_parser_sees_it() -> None:
    with pytest.raises(HogQLSyntaxError, match="more than 50 parts"):
        parse_select(f"select properties{'.a' * 3000} from events")
