"""``PATCH`` of the project: what changes, what is ignored, what is refused in PostHog's words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.wire import Wire, open_wire

if TYPE_CHECKING:
    from collections.abc import Iterator

PATH = "/api/projects/1/"
MODE = "personsOnEventsMode"


@pytest.fixture
def wire() -> Iterator[Wire]:
    wire = open_wire()
    yield wire
    wire.close()


def change(wire: Wire, body: object, path: str = PATH) -> Any:
    return wire.request("PATCH", path, json=body)


@pytest.mark.parametrize("path", [PATH, "/api/environments/1/", "/api/projects/@current"])
def test_settings_change_and_are_shown(wire: Wire, path: str) -> None:
    wanted = {"name": "Mine", "timezone": "Asia/Tokyo", "week_start_day": 1, "modifiers": {MODE: "disabled"}}
    before = wire.get(PATH).json()
    answer = change(wire, wanted, path)
    assert (answer.status_code, answer.json()) == (200, before | wanted)
    assert wire.get(PATH).json() == before | wanted
    assert wire.get("/api/users/@me/").json()["team"] == before | wanted


def test_filters_of_test_accounts_are_a_setting(wire: Wire) -> None:
    wire.send({"event": "a", "distinct_id": "ann"}, {"event": "b", "distinct_id": "ann"})
    filters = [{"key": "event", "type": "event_metadata", "operator": "is_not", "value": ["a"]}]
    assert wire.get(PATH).json()["test_account_filters"] == []
    assert change(wire, {"test_account_filters": filters}).json()["test_account_filters"] == filters
    answer = wire.ask("select event from events where {filters}", node={"filters": {"filterTestAccounts": True}})
    assert answer.json()["results"] == [["b"]]
    refused = change(wire, {"test_account_filters": [{"key": ""}]})
    assert (refused.status_code, refused.json()["attr"]) == (400, "test_account_filters")
    assert wire.get(PATH).json()["test_account_filters"] == filters


def test_the_next_query_follows_them(wire: Wire) -> None:
    query = "SELECT toStartOfWeek(toDateTime('2024-01-04 00:00:00')), toTypeName(now())"
    assert wire.ask(query).json()["results"] == [["2023-12-31", "DateTime64(6, 'UTC')"]]
    change(wire, {"timezone": "Asia/Tokyo", "week_start_day": "1", "modifiers": {MODE: "disabled"}})
    answer = wire.ask(query).json()
    assert answer["results"] == [["2024-01-01", "DateTime64(6, 'Asia/Tokyo')"]]
    assert (answer["timezone"], answer["modifiers"][MODE]) == ("Asia/Tokyo", "disabled")


def test_the_person_of_an_event_is_found_by_the_projects_mode(wire: Wire) -> None:
    for plan, at in (("free", "2024-01-01T00:00:00Z"), ("pro", "2024-01-02T00:00:00Z")):
        wire.send({"event": "e", "distinct_id": "a", "properties": {"$set": {"plan": plan}}, "timestamp": at})
    query = "SELECT person.properties.plan FROM events ORDER BY timestamp"
    assert wire.ask(query).json()["results"] == [["pro"], ["pro"]]
    change(wire, {"modifiers": {MODE: "person_id_override_properties_on_events"}})
    assert wire.ask(query).json()["results"] == [["free"], ["pro"]]
    change(wire, {"modifiers": None})
    assert wire.ask(query).json()["results"] == [["pro"], ["pro"]]


def test_what_is_read_only_or_sent_back_as_shown_changes_nothing(wire: Wire) -> None:
    shown = wire.get(PATH).json()
    for body in ({}, shown, {"id": 9, "api_token": "phc_other"}, {"modifiers": {MODE: None, "inCohortVia": None}}):
        assert change(wire, body).json() == shown


@pytest.mark.parametrize(
    ("body", "code", "attr", "detail"),
    [
        ({"timezone": "Mars/Olympus"}, "invalid_choice", "timezone", '"Mars/Olympus" is not a valid choice.'),
        ({"timezone": ["UTC"]}, "invalid_choice", "timezone", "\"['UTC']\" is not a valid choice."),
        ({"timezone": None}, "null", "timezone", "This field may not be null."),
        ({"week_start_day": 2}, "invalid_choice", "week_start_day", '"2" is not a valid choice.'),
        ({"week_start_day": True}, "invalid_choice", "week_start_day", '"True" is not a valid choice.'),
        ({"name": " "}, "blank", "name", "This field may not be blank."),
        ({"name": None}, "null", "name", "This field may not be null."),
        ({"name": ["x"]}, "invalid_input", "name", "Not a valid string."),
        ({"name": "x" * 201}, "max_length", "name", "Ensure this field has no more than 200 characters."),
        ({"modifiers": []}, "not_a_dict", "modifiers", 'Expected a dictionary of items but got type "list".'),
        ({"modifiers": {MODE: "x"}}, "invalid_choice", f"modifiers__{MODE}", '"x" is not a valid choice.'),
        (
            {"modifiers": {"bounceRateDurationSeconds": 5}},
            "invalid_input",
            "modifiers",
            f"Modifier 'bounceRateDurationSeconds' is not a setting of the embedded project; '{MODE}' is.",
        ),
        (
            {"anonymize_ips": True},
            "invalid_input",
            "anonymize_ips",
            "'anonymize_ips' is not a setting of the embedded project.",
        ),
        (["x"], "invalid_input", None, "Invalid data. Expected a dictionary, but got list."),
    ],
)
def test_a_wrong_value_is_refused_and_nothing_changes(
    wire: Wire, body: Any, code: str, attr: str | None, detail: str
) -> None:
    shown = wire.get(PATH).json()
    answer = change(wire, {"week_start_day": 1, **body} if isinstance(body, dict) else body)
    assert answer.status_code == 400
    assert answer.json() == {"type": "validation_error", "code": code, "detail": detail, "attr": attr}
    assert wire.get(PATH).json() == shown


def test_it_takes_the_key_and_json(wire: Wire) -> None:
    assert wire.request("PATCH", PATH, key=None, json={"name": "x"}).status_code == 401
    assert change(wire, {"name": "x"}, "/api/projects/2/").status_code == 403
    broken = wire.request("PATCH", PATH, data="{")
    assert (broken.status_code, broken.json()["code"]) == (400, "parse_error")
