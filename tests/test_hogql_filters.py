"""Property filters: what ``{filters}`` stands for, and what each operator means."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from posthog_nb.embedded.hogql import compile_query, read_filters
from posthog_nb.embedded.hogql.filters.conditions import conditions
from posthog_nb.embedded.hogql.filters.properties import read_properties
from posthog_nb.embedded.hogql.hogql_text import hogql_text
from posthog_nb.errors import HogQLQueryError, InvalidInputError
from tests.hogql_world import SESSION, World, create_world

NOW = datetime(2024, 1, 9, 12, tzinfo=UTC)
"""Noon in London, one o'clock in the project's Berlin."""


@pytest.fixture(scope="module")
def world() -> World:
    return create_world().with_facts(
        as_of=NOW,
        event_properties={"amount": "Numeric", "paid": "Boolean", "due": "DateTime"},
        group_types={"organization": 0},
    )


def ask(world: World, query: str, **filters: Any) -> list[tuple[Any, ...]]:
    compiled = compile_query(query, world.facts, filters=read_filters(filters))
    return world.client.query(compiled.sql, settings={"transform_null_in": 1, "readonly": 2}).result_rows


def events(world: World, **filters: Any) -> list[int]:
    """The numbers of the events that the filters leave."""
    rows = ask(world, "select uuid from events where {filters} order by uuid", **filters)
    return [row[0].int for row in rows]


def test_no_filters_hold_for_every_row(world: World) -> None:
    assert events(world) == [1, 2, 3, 4, 5, 6]
    assert ask(world, "select count() from groups where {filters}") == [(1,)]
    assert ask(world, "select count() from sessions where {filters}") == [(1,)]


RANGES = [
    # Berlin is an hour ahead: event 1 was at 23:30 on the first of January, event 4 at 00:30 on the eighth.
    ({"date_from": "2024-01-02"}, [2, 3, 4, 5, 6]),
    ({"date_from": "2024-01-08"}, [4, 5, 6]),
    ({"date_to": "2024-01-08"}, [1, 2, 3]),
    ({"date_from": "2024-01-07T23:45:00Z"}, [5, 6]),
    ({"date_from": "2024-01-02", "date_to": "2024-01-03"}, [2]),
    ({"date_from": "all", "date_to": "2024-01-02T00:00:00+01:00"}, [1]),
    # A number of days is counted from the very moment on.
    ({"date_from": "-1d"}, [6]),
    ({"date_from": "-26h"}, [5, 6]),
    ({"date_from": "-1dStart"}, [4, 5, 6]),
    ({"date_from": "dStart"}, [6]),
    ({"date_from": "-1w"}, [3, 4, 5, 6]),
    ({"date_from": "-1w", "date_to": "-1dEnd"}, [3, 4, 5]),
    # The start of a month is its first day, at the time of day that it is now.
    ({"date_from": "mStart", "date_to": "-5d"}, [1, 2, 3]),
    ({"date_from": "-1q"}, [1, 2, 3, 4, 5, 6]),
    ({"date_from": "-1y"}, [1, 2, 3, 4, 5, 6]),
    ({"date_from": "-90M"}, []),
    ({"date_from": "-10800s"}, [6]),
]


@pytest.mark.parametrize(("dates", "expected"), RANGES)
def test_a_range_of_dates_is_in_the_projects_zone(world: World, dates: dict[str, str], expected: list[int]) -> None:
    assert events(world, dateRange=dates) == expected


OPERATORS = [
    # key, operator, value, events
    ("plan", "exact", "pro", [2]),
    ("plan", "exact", ["pro", "free"], [1, 2]),
    ("plan", "exact", [], [1, 2, 3, 4, 5, 6]),
    ("plan", "is_not", "pro", [1, 3, 4, 5, 6]),
    ("plan", "is_not", ["pro", "free"], [3, 4, 5, 6]),
    ("plan", "in", ["pro"], [2]),
    ("plan", "not_in", ["pro", ""], [1, 4, 5, 6]),
    ("plan", "icontains", "PR", [2]),
    ("plan", "icontains", ["pr", "fr"], [1, 2]),
    ("plan", "icontains_multi", ["FR"], [1]),
    ("plan", "not_icontains", "pr", [1, 3, 4, 5, 6]),
    ("plan", "regex", "^(pro|free)$", [1, 2]),
    ("plan", "not_regex", "^pro$", [1, 3, 4, 5, 6]),
    ("plan", "is_set", None, [1, 2, 3]),
    ("plan", "is_not_set", None, [4, 5, 6]),
    ("amount", "exact", "7", [3]),
    ("amount", "gt", 7, [2]),
    ("amount", "gte", "7", [2, 3]),
    ("amount", "lt", 12.5, [3]),
    ("amount", "lte", 12.5, [2, 3]),
    ("amount", "min", 10, [2]),
    ("amount", "max", 10, [3]),
    ("amount", "between", [7, 12], [3]),
    ("amount", "not_between", [7, 12], [2]),
    ("paid", "exact", "true", [2]),
    ("paid", "exact", True, [2]),
    ("paid", "is_not", ["true"], [1, 3, 4, 5, 6]),
    ("due", "is_date_exact", "2024-02-01T00:00:00Z", [6]),
    ("due", "is_date_before", "2024-02-02", [6]),
    ("due", "is_date_after", "-1d", [6]),
    ("due", "is_date_after", "2024-02-02", []),
    ("$group_0", "exact", "acme", [1, 2, 3]),
]


@pytest.mark.parametrize(("key", "operator", "value", "expected"), OPERATORS)
def test_an_operator_means_what_it_means_in_posthog(
    world: World, key: str, operator: str, value: object, expected: list[int]
) -> None:
    assert events(world, properties=[{"key": key, "operator": operator, "value": value}]) == expected


VERSIONS = ["1.2.3", "1.2.4", "1.10.0", "v2.0.0-beta", "2", "", None]
VERSION_RANGES = [
    ("semver_eq", "1.2.3", ["1.2.3"]),
    ("semver_neq", "1.2.3", ["1.2.4", "1.10.0", "v2.0.0-beta"]),
    ("semver_gt", "1.2.4", ["1.10.0", "v2.0.0-beta"]),
    ("semver_gte", "1.10.0", ["1.10.0", "v2.0.0-beta"]),
    ("semver_lt", "1.2.4", ["1.2.3"]),
    ("semver_lte", "1.2.4", ["1.2.3", "1.2.4"]),
    ("semver_tilde", "1.2.3", ["1.2.3", "1.2.4"]),
    ("semver_caret", "1.2.4", ["1.2.4", "1.10.0"]),
    ("semver_wildcard", "1.2.*", ["1.2.3", "1.2.4"]),
    ("semver_wildcard", "1.*", ["1.2.3", "1.2.4", "1.10.0"]),
]


@pytest.mark.parametrize(("operator", "version", "expected"), VERSION_RANGES)
def test_versions_compare_number_by_number(world: World, operator: str, version: str, expected: list[str]) -> None:
    filters = read_properties([{"type": "event_metadata", "key": "version", "operator": operator, "value": version}])
    listed = ", ".join("NULL" if one is None else f"'{one}'" for one in VERSIONS)
    condition = hogql_text(conditions(filters, world.facts))
    assert [row[0] for row in world.ask(f"select arrayJoin([{listed}]) as version where {condition}")] == expected


KINDS = [
    ({"type": "person", "key": "email", "operator": "icontains", "value": "@new"}, [1, 2, 3, 4, 5]),
    ({"type": "person", "key": "age", "operator": "gt", "value": 35}, [4, 5]),
    ({"type": "person", "key": "distinct_id", "operator": "exact", "value": "ann"}, [1, 2, 3]),
    ({"type": "group", "group_type_index": 0, "key": "name", "operator": "exact", "value": "Acme"}, [1, 2, 3]),
    ({"type": "event_metadata", "key": "event", "operator": "exact", "value": "pay"}, [2, 3]),
    ({"type": "event_metadata", "key": "distinct_id", "operator": "exact", "value": ["bob", "anon"]}, [4, 5]),
    ({"type": "session", "key": "session_id", "operator": "exact", "value": SESSION}, [1]),
    ({"type": "element", "key": "href", "operator": "exact", "value": "/buy"}, [1]),
    ({"type": "element", "key": "text", "operator": "exact", "value": "Buy now"}, [1]),
    ({"type": "element", "key": "text", "operator": "exact", "value": ["Nope", "Box"]}, [1]),
    ({"type": "element", "key": "tag_name", "operator": "exact", "value": "a"}, [1]),
    ({"type": "element", "key": "tag_name", "operator": "is_not", "value": "a"}, [2, 3, 4, 5, 6]),
    ({"type": "element", "key": "selector", "operator": "exact", "value": "a.cta"}, [1]),
    ({"type": "element", "key": "selector", "operator": "exact", "value": "div > a[href='/buy']"}, [1]),
    ({"type": "element", "key": "selector", "operator": "exact", "value": "div a#buy"}, [1]),
    ({"type": "element", "key": "selector", "operator": "exact", "value": "a#other"}, []),
    ({"type": "element", "key": "selector", "operator": "exact", "value": "p > a.cta"}, []),
    ({"type": "hogql", "key": "event like 'p%' and toInt(properties.amount) = 7 -- why not"}, [3]),
]


@pytest.mark.parametrize(("one", "expected"), KINDS)
def test_a_filter_asks_what_its_type_says(world: World, one: dict[str, Any], expected: list[int]) -> None:
    assert events(world, properties=[one]) == expected


def test_several_filters_must_all_hold(world: World) -> None:
    both = [{"key": "plan", "operator": "is_set"}, {"type": "event_metadata", "key": "event", "value": ["pay"]}]
    assert events(world, properties=both, dateRange={"date_to": "2024-01-03"}) == [2]


def test_the_projects_filters_of_test_accounts_hold_when_they_are_asked_for(world: World) -> None:
    no_tests = read_properties([{"type": "person", "key": "email", "operator": "not_icontains", "value": "ann@"}])
    project = world.with_facts(test_account_filters=no_tests)
    assert events(project, filterTestAccounts=False) == [1, 2, 3, 4, 5, 6]
    assert events(project, filterTestAccounts=True) == [4, 5, 6]
    assert events(project, filterTestAccounts=True, dateRange={"date_to": "2024-01-08T01:00:00"}) == [4]
    assert events(world, filterTestAccounts=True) == [1, 2, 3, 4, 5, 6]


def test_groups_of_filters_say_all_or_one(world: World) -> None:
    pro, five = {"key": "plan", "value": "pro"}, {"key": "n", "operator": "is_set"}
    assert events(world, properties=[{"type": "OR", "values": [pro, five]}]) == [2, 6]
    assert events(world, properties=[{"type": "AND", "values": [pro, five]}]) == []
    assert events(world, properties=[{"type": "OR", "values": []}]) == [1, 2, 3, 4, 5, 6]


def test_the_column_of_time_is_that_of_the_table(world: World) -> None:
    from_sixth = {"date_from": "2024-01-06"}
    assert ask(world, "select count() from groups where {filters}", dateRange=from_sixth) == [(0,)]
    assert ask(world, "select count() from sessions s where {filters}", dateRange=from_sixth) == [(0,)]
    assert ask(world, "select count() from sessions s where {filters}", dateRange={"date_from": "2024-01-01"}) == [(1,)]


def test_sessions_are_filtered_by_what_they_are(world: World) -> None:
    bounced = [{"type": "session", "key": "$pageview_count", "operator": "exact", "value": 0}]
    query = "select count() from sessions {alias} where {filters}"
    for alias in ("", "s"):
        assert ask(world, query.replace("{alias}", alias), properties=bounced) == [(1,)]


def test_a_group_is_filtered_by_its_key(world: World) -> None:
    query = "select key from groups where {filters}"
    of_type = {"type": "event_metadata", "operator": "exact", "value": ["acme"]}
    assert ask(world, query, properties=[{**of_type, "key": "$group_0"}]) == [("acme",)]
    assert ask(world, query, properties=[{**of_type, "key": "$group_1"}]) == []


def test_the_two_ends_of_the_range_by_themselves(world: World) -> None:
    query = (
        "select count() from events where timestamp >= {filters.dateRange.from} and timestamp < {filters.dateRange.to}"
    )
    assert ask(world, query) == [(6,)]
    assert ask(world, query, dateRange={"date_from": "2024-01-08"}) == [(3,)]
    assert ask(world, query, dateRange={"date_from": "all", "date_to": "2024-01-08"}) == [(3,)]
    in_call = "select toString({filters.dateRange.from}) from events limit 1"
    assert ask(world, in_call, dateRange={"date_from": "2024-01-08"}) == [("2024-01-08 00:00:00.000000",)]


def test_a_subquery_is_filtered_where_it_says_so(world: World) -> None:
    query = "select count() from (select uuid from events where {filters}) where 1"
    assert ask(world, query, dateRange={"date_from": "2024-01-08"}) == [(3,)]


def test_the_query_is_told_with_its_filters_in_place(world: World) -> None:
    filters = read_filters({"properties": [{"key": "plan", "value": "pro"}]})
    compiled = compile_query("select count() from events where {filters}", world.facts, filters=filters)
    assert "equals(properties.plan, 'pro')" in compiled.hogql


MISPLACED = [
    (
        "select count() from persons where {filters}",
        {},
        "Cannot use 'filters' placeholder in a SELECT clause",
        "{filters}",
    ),
    ("select {filters.range}", {}, "Unsupported filters placeholder `{filters.range}`", "{filters.range}"),
    (
        "select toDate({filters.dateRange.to}) from events",
        {},
        "The `{filters.dateRange.to}` placeholder must be used directly in a comparison",
        "{filters.dateRange.to}",
    ),
    (
        "select 1 from sessions where {filters}",
        {"properties": [{"key": "plan", "value": "x"}]},
        "Can only use session properties in a filter when selecting from only the sessions table.",
        "{filters}",
    ),
    ("select 1 from events where {filters}", {"dateRange": {"date_from": "soon"}}, "'soon' is no date", "{filters}"),
    (
        "select 1 from events where {filters}",
        {"properties": [{"type": "hogql", "key": "nope = 1"}]},
        "Unable to resolve field: nope",
        "{filters}",
    ),
    (
        "select 1 from groups where {filters}",
        {"properties": [{"type": "event_metadata", "key": "event", "value": "x"}]},
        "The 'event_metadata' property filter does not work in 'group' scope",
        "{filters}",
    ),
]


@pytest.mark.parametrize(("query", "filters", "message", "place"), MISPLACED)
def test_filters_that_mean_nothing_there_are_refused(
    world: World, query: str, filters: dict[str, Any], message: str, place: str
) -> None:
    with pytest.raises(HogQLQueryError) as caught:
        ask(world, query, **filters)
    assert caught.value.message.startswith(message)
    assert caught.value.span is not None
    assert query[caught.value.span.start : caught.value.span.end] == place


MALFORMED: list[tuple[dict[str, Any], str]] = [
    ({"dates": {}}, "'dates' is no part of filters"),
    ({"dateRange": {"from": "x"}}, "'from' is no part of dateRange"),
    ({"dateRange": {"date_from": 7}}, "'date_from' is a date as text"),
    ({"dateRange": "x"}, "'dateRange' is an object"),
    ({"properties": {"key": "x"}}, "Property filters are a list"),
    ({"properties": ["x"]}, "A property filter is an object"),
    ({"properties": [{"value": 1}]}, "A property filter needs a 'key'"),
    ({"properties": [{"key": "x"}]}, "The filter on 'x' needs a 'value'"),
    ({"properties": [{"key": "x", "value": {"a": 1}}]}, "A filter's value is a text, a number"),
    ({"properties": [{"key": "x", "operator": "like", "value": 1}]}, 'Operator "like" is not answered'),
    ({"properties": [{"key": "x", "type": "recording", "value": 1}]}, 'A property filter of type "recording"'),
    ({"properties": [{"key": "x", "type": "group", "value": 1}]}, "A group filter needs a 'group_type_index'"),
    ({"properties": [{"key": "x", "operator": "between", "value": [1]}]}, "between operator requires a two-element"),
    ({"properties": [{"key": "x", "operator": "between", "value": [2, 1]}]}, "between operator requires min value"),
    ({"properties": [{"key": "x", "operator": "between", "value": ["a", 1]}]}, "between operator requires numeric"),
    ({"properties": [{"key": "x", "operator": "is_date_after", "value": 1}]}, "is_date_after operator requires a date"),
    ({"properties": [{"key": "x", "operator": "in", "value": "a"}]}, "in operator requires a list"),
    ({"properties": [{"type": "cohort", "value": "one"}]}, "Cohort property value must be a cohort ID"),
    (
        {"properties": [{"type": "hogql", "key": "1 from persons"}]},
        "The filter '1 from persons' is no HogQL expression",
    ),
    ({"properties": [{"type": "hogql", "key": "a b, c"}]}, "The filter 'a b, c' is no HogQL expression"),
    ({"properties": [{"type": "hogql", "key": "{x}"}]}, "The filter '{x}' is no HogQL expression"),
    ({"properties": [{"type": "XOR", "values": []}]}, "A group of property filters is of type AND or OR"),
    ({"properties": [{"type": "OR", "values": 1}]}, "The 'values' of a group are a list"),
]


@pytest.mark.parametrize(("filters", "message"), MALFORMED)
def test_malformed_filters_are_refused_before_anything_runs(filters: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidInputError) as caught:
        read_filters(filters)
    assert caught.value.message.startswith(message)


def test_a_text_in_a_filter_is_never_read_as_hogql(world: World) -> None:
    hostile = "x' or 1 = 1 -- {filters} %s \\ \n"
    assert events(world, properties=[{"key": "plan", "value": hostile}]) == []
    assert events(world, properties=[{"key": hostile, "operator": "is_not_set"}]) == [1, 2, 3, 4, 5, 6]
    assert events(world, properties=[{"type": "element", "key": "selector", "value": hostile}]) == []
