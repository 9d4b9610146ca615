"""Persons over the wire."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.wire import URL, Wire, open_wire

if TYPE_CHECKING:
    from collections.abc import Iterator

PEOPLE: list[dict[str, Any]] = [
    {"id": "anna", "at": "2026-01-01", "set": {"email": "Anna@Example.com", "seats": 5, "vip": True}},
    {"id": "ben", "at": "2026-01-02", "set": {"name": "Ben", "seats": 20}},
    {"id": "0190e8a0-0000-7000-8000-000000000001", "at": "2026-01-03", "set": {"username": ""}},
    {"id": "it's {x}", "at": "2026-01-04", "set": {'a"b': "quoted"}},
    {"id": "eve", "at": "2026-01-05", "set": {"email": "eve@example.com"}},
]


@pytest.fixture(scope="module")
def wire() -> Iterator[Wire]:
    wire = open_wire()
    for one in PEOPLE:
        wire.send(
            {
                "event": "$identify",
                "distinct_id": one["id"],
                "timestamp": f"{one['at']}T12:00:00Z",
                "properties": {"$set": one["set"]},
            }
        )
    wire.send({"event": "$create_alias", "distinct_id": "anna", "properties": {"alias": "anna-phone"}})
    yield wire
    wire.close()


def names(wire: Wire, **params: object) -> list[str]:
    answer = wire.get("/api/projects/1/persons/", params=params)
    assert answer.status_code == 200, answer.text
    return [one["name"] for one in answer.json()["results"]]


NEWEST_FIRST = ["eve@example.com", "it's {x}", "0190e8a0-0000-7000-8000-000000000001", "Ben", "Anna@Example.com"]


def test_the_newest_person_comes_first_and_each_has_a_name(wire: Wire) -> None:
    assert names(wire) == NEWEST_FIRST


def test_a_listed_person_has_posthogs_fields_and_its_uuid_twice(wire: Wire) -> None:
    answer = wire.get("/api/projects/1/persons", params={"distinct_id": "anna"}).json()
    assert set(answer) == {"results", "next", "previous"}
    (anna,) = answer["results"]
    assert anna["id"] == anna["uuid"] == str(UUID(anna["uuid"]))
    assert anna["type"] == "person"
    assert anna["distinct_ids"] == ["anna", "anna-phone"]
    assert anna["properties"]["seats"] == 5
    assert anna["created_at"] == "2026-01-01T12:00:00Z"
    assert anna["is_identified"] is True
    assert (anna["matched_recordings"], anna["value_at_data_point"]) == ([], None)


@pytest.mark.parametrize(
    ("params", "found"),
    [
        ({"email": "eve@example.com"}, ["eve@example.com"]),
        ({"email": "eve"}, []),
        ({"search": "EXAMPLE"}, ["eve@example.com", "Anna@Example.com"]),
        ({"search": "ben"}, ["Ben"]),
        ({"search": "it's {x}"}, ["it's {x}"]),
        ({"search": "%"}, []),
        ({"distinct_id": "anna-phone"}, ["Anna@Example.com"]),
        ({"distinct_id": "nobody"}, []),
    ],
)
def test_search_is_part_of_an_email_or_a_whole_distinct_id(
    wire: Wire, params: dict[str, str], found: list[str]
) -> None:
    assert names(wire, **params) == found


@pytest.mark.parametrize(
    ("condition", "found"),
    [
        ({"key": "seats", "value": 5}, ["Anna@Example.com"]),
        ({"key": "seats", "value": ["5", "20"]}, ["Ben", "Anna@Example.com"]),
        ({"key": "seats", "value": 5, "operator": "gt"}, ["Ben"]),
        ({"key": "vip", "value": True, "type": "person"}, ["Anna@Example.com"]),
        ({"key": "vip", "value": True, "operator": "is_not"}, NEWEST_FIRST[:4]),
        ({"key": "email", "operator": "is_set"}, ["eve@example.com", "Anna@Example.com"]),
        ({"key": "email", "value": "EVE", "operator": "icontains"}, ["eve@example.com"]),
        ({"key": "email", "value": "^eve@", "operator": "regex"}, ["eve@example.com"]),
        ({"key": 'a"b', "value": "quoted"}, ["it's {x}"]),
        ({"key": "') OR 1=1 --", "value": "x"}, []),
    ],
)
def test_properties_filter(wire: Wire, condition: dict[str, object], found: list[str]) -> None:
    assert names(wire, properties=json.dumps([condition])) == found


@pytest.mark.parametrize(
    "properties",
    [
        "{",
        "{}",
        "[1]",
        '[{"key": "a", "operator": "sounds_like"}]',
        '[{"key": "a", "operator": ["exact"]}]',
        '[{"value": 1}]',
        '[{"key": "a", "type": "cohort"}]',
        '[{"key": "a", "type": ["person"]}]',
        '[{"key": "a", "type": {}}]',
        '[{"key": "seats", "operator": "gt", "value": "x"}]',
        '[{"key": "seats", "operator": "gt", "value": null}]',
        '[{"key": "seats", "operator": "gt", "value": [5]}]',
        '[{"key": "seats", "operator": "gt", "value": "nan"}]',
        '[{"key": "seats", "operator": "lte", "value": 1e999}]',
        '[{"key": "seats", "operator": "gt", "value": 1%s}]' % ("0" * 400),
        '[{"key": "seats", "value": NaN}]',
        '[{"key": "seats", "value": {"a": 1}}]',
        '[{"key": "seats", "value": [[1]]}]',
        '[{"key": "seats", "value": "\\ud800"}]',
        '[{"key": "\\ud800", "value": "x"}]',
        '[{"key": "email", "operator": "regex", "value": "("}]',
        '[{"key": "email", "operator": "not_regex", "value": ["a", "["]}]',
        '[{"key": "nobody has it", "operator": "regex", "value": "("}]',
        "[" * 50_000,
    ],
    ids=lambda text: text[:60],
)
def test_a_filter_that_is_not_understood_is_a_400(wire: Wire, properties: str) -> None:
    answer = wire.get("/api/projects/1/persons/", params={"properties": properties})
    said = answer.json()
    assert (answer.status_code, said["type"], said["attr"]) == (400, "validation_error", "properties")


@given(limit=st.integers(1, 7))
@settings(max_examples=7, deadline=None)
def test_following_next_gives_everybody_once(wire: Wire, limit: int) -> None:
    found: list[str] = []
    url: str | None = f"{URL}/api/projects/1/persons/?limit={limit}&search="
    while url is not None:
        assert url.startswith(f"{URL}/api/projects/1/persons/?")
        page = wire.get(url.removeprefix(URL)).json()
        found += [one["name"] for one in page["results"]]
        url = page["next"]
    assert found == NEWEST_FIRST


def test_previous_is_given_when_that_page_is_a_full_one(wire: Wire) -> None:
    def previous(offset: int) -> str | None:
        return wire.get("/api/projects/1/persons/", params={"limit": 2, "offset": offset}).json()["previous"]

    assert previous(1) is None
    assert previous(2) == f"{URL}/api/projects/1/persons/?limit=2&offset=0"


def test_a_total_is_counted_when_asked_for(wire: Wire) -> None:
    answer = wire.get("/api/projects/1/persons/", params={"include_total": "1", "limit": 1}).json()
    assert answer["count"] == 5


@pytest.mark.parametrize("params", [{"limit": "0"}, {"limit": "x"}, {"offset": "-1"}, {"limit": "9" * 30}])
def test_a_page_that_is_none_is_a_400(wire: Wire, params: dict[str, str]) -> None:
    assert wire.get("/api/projects/1/persons/", params=params).status_code == 400


def test_a_person_is_found_by_uuid_and_by_number(wire: Wire) -> None:
    uuid = wire.get("/api/projects/1/persons/", params={"distinct_id": "anna"}).json()["results"][0]["uuid"]
    by_uuid = wire.get(f"/api/projects/1/persons/{uuid}/").json()
    assert by_uuid["uuid"] == uuid
    assert isinstance(by_uuid["id"], int)
    assert "type" not in by_uuid
    assert "is_identified" not in by_uuid
    assert wire.get(f"/api/projects/1/persons/{by_uuid['id']}").json() == by_uuid


@pytest.mark.parametrize("unknown", ["999", "0", "9" * 25, "0190e8a0-0000-7000-8000-000000000001"])
def test_an_unknown_person_is_a_404(wire: Wire, unknown: str) -> None:
    answer = wire.get(f"/api/projects/1/persons/{unknown}/")
    assert answer.status_code == 404
    assert answer.json() == {"type": "invalid_request", "code": "not_found", "detail": "Not found.", "attr": None}


def test_a_distinct_id_in_place_of_an_id_is_a_400_that_tells_how_to_ask(wire: Wire) -> None:
    answer = wire.get("/api/projects/1/persons/anna/")
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_input")
    assert "?distinct_id=anna" in answer.json()["detail"]


def test_definitions_list_what_was_seen_with_types(wire: Wire) -> None:
    events = wire.get("/api/projects/1/event_definitions/", params={"limit": 1}).json()
    assert (events["count"], [one["name"] for one in events["results"]]) == (2, ["$create_alias"])
    rest = wire.get(events["next"].removeprefix(URL)).json()
    assert ([one["name"] for one in rest["results"]], rest["next"]) == (["$identify"], None)
    persons = wire.get("/api/projects/1/property_definitions/", params={"type": "person"}).json()["results"]
    types = {one["name"]: one["property_type"] for one in persons}
    assert (types["seats"], types["vip"], types["email"]) == ("Numeric", "Boolean", "String")
    numeric = wire.get("/api/projects/1/property_definitions/", params={"type": "person", "is_numerical": "true"})
    assert [one["name"] for one in numeric.json()["results"]] == ["seats"]


@pytest.fixture(scope="module")
def seen() -> Iterator[Wire]:
    wire = open_wire()
    properties = {"plan": "free", "seats": 5, "$browser": "Firefox", "$feature/dark": "on", "$feature/new": True}
    wire.send({"event": "e", "distinct_id": "anna", "properties": properties})
    yield wire
    wire.close()


@pytest.mark.parametrize(
    ("params", "found"),
    [
        ({}, ["$browser", "$feature/dark", "$feature/new", "plan", "seats"]),
        ({"search": "FEATURE"}, ["$feature/dark", "$feature/new"]),
        ({"properties": "seats,plan"}, ["plan", "seats"]),
        ({"excluded_properties": '["seats", "$browser"]'}, ["$feature/dark", "$feature/new", "plan"]),
        ({"is_numerical": "true"}, ["seats"]),
        ({"is_numerical": "0", "exclude_core_properties": "1"}, ["plan"]),
        ({"is_feature_flag": "true"}, ["$feature/dark", "$feature/new"]),
        ({"is_feature_flag": "False"}, ["$browser", "plan", "seats"]),
        ({"exclude_core_properties": "true"}, ["plan", "seats"]),
        ({"exclude_core_properties": "false", "search": "$b"}, ["$browser"]),
        ({"exclude_hidden": "true", "search": "plan"}, ["plan"]),
        ({"event_names": "[]", "filter_by_event_names": "false", "search": "plan"}, ["plan"]),
    ],
)
def test_property_definitions_are_chosen_by_posthogs_parameters(
    seen: Wire, params: dict[str, str], found: list[str]
) -> None:
    answer = seen.get("/api/projects/1/property_definitions/", params=params)
    assert [one["name"] for one in answer.json()["results"]] == found
    assert answer.json()["count"] == len(found)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("type", "session"),
        ("event_names", '["e"]'),
        ("event_names", "e"),
        ("filter_by_event_names", "true"),
        ("excluded_properties", "plan"),
        ("excluded_properties", '{"plan": 1}'),
        ("is_feature_flag", "perhaps"),
        ("is_numerical", "perhaps"),
    ],
)
def test_a_choice_of_definitions_that_is_not_kept_or_not_understood_is_a_400_that_names_it(
    seen: Wire, name: str, value: str
) -> None:
    answer = seen.get("/api/projects/1/property_definitions/", params={name: value})
    assert (answer.status_code, answer.json()["attr"]) == (400, name)


def test_group_properties_need_the_index_of_their_group_type(seen: Wire) -> None:
    answer = seen.get("/api/projects/1/property_definitions/", params={"type": "group"})
    assert (answer.status_code, answer.json()["attr"]) == (400, "group_type_index")
