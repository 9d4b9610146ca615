"""Properties: how one is written, what each JSON value reads as, and the types that definitions give."""

from __future__ import annotations

from datetime import date
from typing import Any
from uuid import UUID

import pytest
from clickhouse_connect.driver.exceptions import DatabaseError

from posthog_nb.embedded.hogql import compile_query
from tests.hogql_world import EventRow, World, create_world, empty_world, insert_events

JSON = r"""{
    "s": "text", "empty": "", "null_text": "null", "nothing": null, "int": 1, "float": 1.50, "exp": 1e3, "minus": -0.5,
    "yes": true, "no": false, "slash": "a\/b", "accent": "\u00e9", "quote": "say \"hi\"", "back": "a\\b",
    "line": "a\nb", "list": [1, "two", {"three": 3}], "deep": {"a": {"b": "c"}, "x y": "z"}, "none": [],
    "$os": "Mac", "a b": "spaced"
}"""


@pytest.fixture(scope="module")
def world() -> World:
    return create_world()


@pytest.fixture(scope="module")
def of_json() -> World:
    """The same project with one event of every kind of JSON value, and two that have no JSON."""
    world = empty_world("hogql_json")
    insert_events(world, EventRow(properties=JSON), EventRow(properties="no json"), EventRow(properties=""))
    return world


WRITTEN = [
    # the same property in every way of writing it
    ("properties.s", "text"),
    ("properties['s']", "text"),
    ("properties?.s", "text"),
    ("events.properties.s", "text"),
    ("properties.$os", "Mac"),
    ("properties['$os']", "Mac"),
    ("properties.`a b`", "spaced"),
    ('properties."a b"', "spaced"),
    ("properties['a b']", "spaced"),
    # further down
    ("properties.deep.a.b", "c"),
    ("properties.deep['a'].b", "c"),
    ("properties['deep']['a']['b']", "c"),
    ("properties.deep['x y']", "z"),
    ("properties.deep.a", '{"b":"c"}'),
    ("properties.deep.nope.b", None),
    ("properties.s.further", None),
    # by position, which counts from 1, or from -1 at the end; in an object too
    ("properties.list[1]", "1"),
    ("properties.list.2", "two"),
    ("properties.list[-1]", '{"three":3}'),
    ("properties.list[3].three", "3"),
    ("properties.list[4]", None),
    ("properties.deep[1]", '{"b":"c"}'),
    ("properties.deep[2]", "z"),
    ("properties.none[1]", None),
]


@pytest.mark.parametrize(("expression", "value"), WRITTEN)
def test_a_property_is_found_however_it_is_written(of_json: World, expression: str, value: object) -> None:
    assert of_json.value(expression, 1) == value


VALUES = [
    # JSON value, as a property, as JSONExtractString
    ("absent", None, ""),
    ("nothing", None, ""),
    ("empty", "", ""),
    ("null_text", "null", "null"),
    ("s", "text", "text"),
    ("int", "1", "1"),
    ("float", "1.5", "1.5"),
    ("exp", "1000", "1000"),
    ("minus", "-0.5", "-0.5"),
    ("yes", "true", "true"),
    ("no", "false", "false"),
    ("slash", "a/b", "a/b"),
    ("accent", "é", "é"),
    # The outer quotes go, the escapes inside stay.
    ("quote", r"say \"hi\"", 'say "hi"'),
    ("back", r"a\\b", "a\\b"),
    ("line", r"a\nb", "a\nb"),
    ("list", '[1,"two",{"three":3}]', '[1,"two",{"three":3}]'),
    ("deep", '{"a":{"b":"c"},"x y":"z"}', '{"a":{"b":"c"},"x y":"z"}'),
    ("none", "[]", "[]"),
]


@pytest.mark.parametrize(("key", "as_property", "extracted"), VALUES)
def test_a_json_value_reads_as_in_posthog(of_json: World, key: str, as_property: object, extracted: object) -> None:
    assert of_json.value(f"properties.{key}", 1) == as_property
    assert of_json.value(f"JSONExtractString(properties, '{key}')", 1) == extracted


def test_what_is_no_json_has_no_properties(of_json: World) -> None:
    query = "select properties, properties.s, properties.s is null from events where uuid != {first} order by uuid"
    assert of_json.ask(query, first=UUID(int=1)) == [("no json", None, 1), ("", None, 1)]


JSON_FUNCTIONS = [
    ("JSONExtractInt(properties, 'int')", 1),
    ("JSONExtractInt(properties, 'absent')", 0),
    ("JSONExtractFloat(properties, 'float')", 1.5),
    ("JSONExtractBool(properties, 'yes')", 1),
    ("JSONExtractRaw(properties, 'nothing')", "null"),
    ("JSONExtractRaw(properties, 'absent')", ""),
    ("JSONHas(properties, 'nothing')", 1),
    ("JSONHas(properties, 'absent')", 0),
    ("JSONExtractString(properties, 'deep', 'a', 'b')", "c"),
    ("JSONExtractArrayRaw(properties, 'list')", ["1", '"two"', '{"three":3}']),
    ("JSONExtractKeys(properties, 'deep')", ["a", "x y"]),
    ("JSONLength(properties, 'list')", 3),
]


@pytest.mark.parametrize(("expression", "value"), JSON_FUNCTIONS)
def test_json_functions_read_the_text_itself(of_json: World, expression: str, value: object) -> None:
    assert of_json.value(expression, 1) == value


OF_THE_PROJECT = [
    # property, of which event, value
    ("properties.plan", 1, "free"), ("properties.plan", 3, ""), ("properties.plan", 4, None),
    ("properties.plan", 5, None), ("properties['plan']", 1, "free"), ("properties?.plan", 1, "free"),
    ('properties."odd key"', 6, "1"), ("properties.quote", 5, 'say \\"hi\\"'), ("properties.slash", 5, "a/b"),
    ("properties.deep", 4, '{"a":[1,{"b":"x"}]}'), ("properties.deep.a", 4, '[1,{"b":"x"}]'),
    ("properties.deep.a[2].b", 4, "x"), ("properties['deep']['a'][-1]['b']", 4, "x"), ("properties.n", 6, "5"),
    ("properties.amount", 2, 12.5), ("properties.amount", 3, 7.0), ("properties.paid", 2, True),
    ("properties.paid", 3, False), ("properties.paid", 1, None), ("JSONExtractString(properties, 'plan')", 5, ""),
    ("poe.properties.age", 1, 29.0), ("person.properties.age", 1, 30.0), ("person.properties.age", 4, 41.0),
    ("person.properties.email", 6, None), ("pdi.person.properties.age", 1, 30.0),
    ("organization.properties.name", 1, "Acme"), ("organization.properties.seats", 1, 10.0),
    ("group_0.properties.seats", 1, 10.0), ("goe_0.properties.seats", 1, 3.0), ("group_0.key", 1, "acme"),
    ("organization.index", 1, 0), ("goe_0.key", 1, "acme"), ("$group_0", 1, "acme"), ("$group_1", 1, ""),
    ("organization.properties.name", 4, None), ("organization.key", 4, ""), ("group_1.properties.name", 1, None),
    ("$session_id", 2, ""), ("$window_id", 1, ""), ("person_mode", 6, "propertyless"), ("person_mode", 1, "full"),
    ("elements_chain_href", 1, "/buy"), ("elements_chain_texts", 1, ["Buy now", "Box"]),
    ("elements_chain_ids", 1, ["buy"]), ("elements_chain_elements", 1, ["a"]), ("elements_chain_texts", 2, []),
]  # fmt: skip


@pytest.mark.parametrize(("expression", "number", "value"), OF_THE_PROJECT)
def test_what_an_event_leads_to(world: World, expression: str, number: int, value: object) -> None:
    assert world.value(expression, number) == value


def test_a_property_column_reads_the_same(world: World) -> None:
    query = "select properties.plan, properties.plan = 'pro' from events order by uuid"
    assert world.ask(query) == world.with_facts(property_columns={}).ask(query)


DEFINED = [
    # definition, JSON value, what the property is; a time is shown as text
    ("Numeric", "5", 5.0), ("Numeric", "1.5", 1.5), ("Numeric", '"12.5"', 12.5), ("Numeric", "1e3", 1000.0),
    ("Numeric", '"x"', None), ("Numeric", '""', None), ("Numeric", '" 5"', None), ("Numeric", "true", None),
    ("Numeric", "null", None), ("Numeric", "[1]", None),
    ("Boolean", "true", True), ("Boolean", "false", False), ("Boolean", '"true"', True), ("Boolean", '"false"', False),
    ("Boolean", "1", None), ("Boolean", '"True"', None), ("Boolean", '""', None), ("Boolean", "null", None),
    ("DateTime", '"2024-02-01T00:00:00Z"', "2024-02-01 01:00:00.000000"),
    ("DateTime", '"2024-02-01T00:00:00.5+05:00"', "2024-01-31 20:00:00.500000"),
    ("DateTime", '"2024-02-01 10:00:00"', "2024-02-01 10:00:00.000000"),
    ("DateTime", '"2024-02-01"', "2024-02-01 00:00:00.000000"),
    ("DateTime", "1706742000", "2024-02-01 00:00:00.000000"),
    ("DateTime", "1706742000123", "2024-02-01 00:00:00.123000"),
    ("DateTime", '"rubbish"', None), ("DateTime", '""', None), ("DateTime", "null", None),
    ("String", "5", "5"), ("String", "true", "true"), ("Duration", "90", "90"), ("", "90", "90"), ("", '"x"', "x"),
]  # fmt: skip


@pytest.mark.parametrize(("definition", "json", "value"), DEFINED)
def test_a_definition_gives_a_property_its_type(definition: str, json: str, value: object) -> None:
    world = empty_world("hogql_defined", timezone="Europe/Berlin", event_properties={"p": definition})
    insert_events(world, EventRow(properties=f'{{"p": {json}, "deep": {{"p": {json}}}}}'))
    shown = "toString(properties.p)" if definition == "DateTime" else "properties.p"
    assert world.value(shown, 1) == value
    # It is looked up for a single key: what lies deeper stays text.
    assert world.types("select properties.deep.p from events") == ["Nullable(String)"]


WHOSE = [
    # Each kind of property has definitions of its own.
    ("event_properties", "properties.p", ["Nullable(Float64)"]),
    ("event_properties", "person.properties.p", ["Nullable(String)"]),
    ("person_properties", "properties.p", ["Nullable(String)"]),
    ("person_properties", "person.properties.p", ["Nullable(Float64)"]),
    ("person_properties", "poe.properties.p", ["Nullable(Float64)"]),
    ("person_properties", "pdi.person.properties.p", ["Nullable(Float64)"]),
    ("person_properties", "organization.properties.p", ["Nullable(String)"]),
    ("group_properties", "organization.properties.p", ["Nullable(Float64)"]),
    ("group_properties", "group_0.properties.p", ["Nullable(Float64)"]),
    ("group_properties", "goe_0.properties.p", ["Nullable(Float64)"]),
    ("group_properties", "group_1.properties.p", ["Nullable(String)"]),
]


@pytest.mark.parametrize(("kind", "expression", "types"), WHOSE)
def test_a_definition_holds_for_its_own_kind(world: World, kind: str, expression: str, types: list[str]) -> None:
    nothing: dict[str, Any] = {"event_properties": {}, "person_properties": {}, "group_properties": {}}
    numeric: Any = {"p": "Numeric"}
    facts = nothing | {kind: {0: numeric} if kind == "group_properties" else numeric}
    assert world.with_facts(**facts).types(f"select {expression} from events") == types


TYPED_USE = [
    ("sum(properties.amount)", 19.5),
    ("avg(properties.amount)", 9.75),
    ("max(properties.amount)", 12.5),
    ("countIf(properties.amount > 7)", 1),
    ("countIf(properties.amount between 7 and 20)", 2),
    ("countIf(properties.amount = 7)", 1),
    ("countIf(properties.amount != 7)", 5),
    ("countIf(properties.paid)", 1),
    ("countIf(properties.paid = true)", 1),
    ("countIf(properties.paid = 'true')", 1),
    ("countIf(properties.paid = false)", 1),
    ("countIf(properties.paid != true)", 5),
    ("countIf(properties.due > '2024-02-01 00:59:59')", 1),
    ("max(toDate(properties.due))", date(2024, 2, 1)),
    ("countIf(properties.n in (5))", 1),
    ("countIf(properties.n = '5')", 1),
    ("sum(toFloat(properties.n))", 5.0),
]


@pytest.mark.parametrize(("expression", "value"), TYPED_USE)
def test_a_typed_property_is_computed_with(world: World, expression: str, value: object) -> None:
    assert world.ask(f"select {expression} from events") == [(value,)]


UNTYPED_USE = [
    ("select sum(properties.n) from events", "Illegal type String of argument for aggregate function sum"),
    ("select properties.n + 1 from events", "Illegal types"),
    ("select count() from events where properties.n = 5", "no supertype"),
    ("select count() from events where properties.n > 3", "no supertype"),
    ("select count() from events where properties.n between 5 and 20", "no supertype"),
    ("select count() from events where person_id = 'no uuid'", "Cannot parse uuid"),
]


@pytest.mark.parametrize(("query", "words"), UNTYPED_USE)
def test_a_text_is_no_number_unless_the_project_says_so(world: World, query: str, words: str) -> None:
    with pytest.raises(DatabaseError, match=words):
        world.ask(query)


def test_the_types_of_properties_are_noticed() -> None:
    facts = empty_world("hogql_noticed", event_properties={"p": "Numeric"}).facts
    (notice,) = compile_query("select properties.p from events", facts).notices
    assert notice.message == "Event property 'p' is of type 'Float'."
