"""Cohorts over the wire, and who is in them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from tests.wire import Wire, open_wire

if TYPE_CHECKING:
    from collections.abc import Iterator

PATH = "/api/projects/1/cohorts/"
NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)

# Who did what on which day of January, at noon; a number after the slash is the minute.
DAYS: dict[str, dict[str, str]] = {
    "ann": {"open": "1 10 20 30", "buy": "20/1 30/1"},
    "bob": {"open": "2 9", "buy": "25"},
    "cat": {"open": "29/5", "buy": "29"},
    "dan": {"open": "5 24 30"},
}
PLANS = {"ann": "pro", "bob": "free", "cat": "pro", "dan": None}


@pytest.fixture(scope="module")
def wire() -> Iterator[Wire]:
    wire = open_wire(as_of=NOW)
    for person, did in DAYS.items():
        wire.send({"event": "$identify", "distinct_id": person, "timestamp": "2025-12-01T00:00:00Z",
                   "properties": {"$set": {"plan": PLANS[person], "age": len(person) + 20}}})  # fmt: skip
        for event, days in did.items():
            for day in days.split():
                date, _, minute = day.partition("/")
                at = f"2026-01-{int(date):02}T12:{int(minute or 0):02}:00Z"
                properties = {"day": int(date), "$current_url": f"https://example.com/{event}"}
                wire.send({"event": event, "distinct_id": person, "timestamp": at, "properties": properties})
    # One without a person profile, and one whose events were moved to another person.
    wire.send({"event": "open", "distinct_id": "nobody", "timestamp": "2026-01-30T00:00:00Z",
               "properties": {"$process_person_profile": False}})  # fmt: skip
    wire.send({"event": "open", "distinct_id": "phone", "timestamp": "2026-01-30T00:00:00Z"})
    wire.send({"event": "$create_alias", "distinct_id": "bob", "properties": {"alias": "phone"},
               "timestamp": "2026-01-30T01:00:00Z"})  # fmt: skip
    yield wire
    wire.close()


def create(wire: Wire, *values: dict[str, Any], kind: str = "AND", **body: Any) -> dict[str, Any]:
    filters = {"properties": {"type": kind, "values": list(values)}}
    answer = wire.request("POST", PATH, json={"name": "Some", "filters": filters, **body})
    assert answer.status_code == 201, answer.text
    return answer.json()


def members(wire: Wire, cohort: object) -> list[str]:
    named = f"'{cohort}'" if isinstance(cohort, str) else cohort
    answer = wire.ask(
        f"select distinct_id from person_distinct_ids where person_id in cohort {named} and distinct_id != 'phone'"
        " order by 1"
    )
    assert answer.status_code == 200, answer.text
    return [row[0] for row in answer.json()["results"]]


def did(event: str = "buy", value: str = "performed_event", back: str | None = "30 day", **more: Any) -> dict[str, Any]:
    count, _, unit = (back or "").partition(" ")
    spanned = {"time_value": int(count), "time_interval": unit} if back else {}
    return {"type": "behavioral", "key": event, "event_type": "events", "value": value, **spanned, **more}


def within(count: int, unit: str) -> dict[str, Any]:
    return {"seq_time_value": count, "seq_time_interval": unit}


PRO = {"type": "person", "key": "plan", "value": "pro", "operator": "exact"}

DEFINITIONS: list[tuple[str, list[dict[str, Any]], str]] = [
    ("who they are", [PRO], "ann cat"),
    ("who they are not", [{**PRO, "operator": "is_not"}], "bob dan"),
    ("negated", [{**PRO, "negation": True}], "bob dan"),
    ("a property is there", [{"type": "person", "key": "plan", "operator": "is_set"}], "ann bob cat"),
    ("both", [PRO, {"type": "person", "key": "age", "operator": "gt", "value": 22}, did(back="5 day")], "ann cat"),
    ("did it", [did()], "ann bob cat"),
    ("did not", [did(negation=True)], "dan"),
    ("since a whole day ago", [did(back="6 day")], "ann bob cat"),
    ("since five whole days ago", [did(back="5 day")], "ann cat"),
    ("from one date to another", [did(back=None, explicit_datetime="2026-01-20",
                                      explicit_datetime_to="2026-01-25")], "ann bob"),
    ("from a relative date", [did(back=None, explicit_datetime="-2d")], "ann cat"),
    ("with a condition", [did(event_filters=[{"key": "day", "operator": "gte", "value": 26}])], "ann cat"),
    ("for the first time", [did("buy", "performed_event_first_time", back="7 day")], "bob cat"),
    ("a first time that fulfils a condition",
     [did("buy", "performed_event_first_time", event_filters=[{"key": "day", "operator": "lt", "value": 25}])], "ann"),
    ("so often", [did("open", "performed_event_multiple", operator="gte", operator_value=3)], "ann bob dan"),
    ("exactly so often", [did("open", "performed_event_multiple", operator_value=3)], "ann bob dan"),
    ("less often", [did("buy", "performed_event_multiple", operator="lt", operator_value=2)], "bob cat"),
    # Counted from the very moment on: the one at noon thirty days ago is just too early.
    ("so often since that moment", [did("open", "performed_event_multiple", back="30 day",
                                        operator="eq", operator_value=4)], ""),
    ("in order", [did("open", "performed_event_sequence", seq_event="buy", seq_event_type="events",
                      **within(1, "hour"))], "ann"),
    ("in order, with more time", [did("open", "performed_event_sequence", seq_event="buy", seq_event_type="events",
                                      **within(3, "week"))], "ann bob"),
    ("the same twice", [did("buy", "performed_event_sequence", seq_event="buy", seq_event_type="events",
                            **within(2, "week"))], "ann"),
    ("no more", [did("open", "stopped_performing_event", **within(2, "day"))], ""),
    ("no more for a week", [did("buy", "stopped_performing_event", **within(4, "day"))], "bob"),
    ("again", [did("open", "restarted_performing_event", back="2 week", **within(5, "day"))], "bob"),
    ("regularly", [did("open", "performed_event_regularly", back="1 week", operator="gte", operator_value=1,
                       min_periods=3, total_periods=4)], "ann dan"),
    ("regularly in months", [did("buy", "performed_event_regularly", back="1 month", operator="gte",
                                 operator_value=2, min_periods=1, total_periods=1)], "ann"),
]  # fmt: skip


@pytest.mark.parametrize(("values", "expected"), [row[1:] for row in DEFINITIONS], ids=[row[0] for row in DEFINITIONS])
def test_a_cohort_is_those_of_whom_it_is_true(wire: Wire, values: list[dict[str, Any]], expected: str) -> None:
    cohort = create(wire, *values)
    assert members(wire, cohort["id"]) == expected.split()
    assert cohort["count"] == len(expected.split())


def test_groups_of_conditions_say_all_or_one(wire: Wire) -> None:
    young = {"type": "AND", "values": [did(back="5 day"), {**PRO, "negation": True}]}
    either = {"type": "OR", "values": [{"type": "AND", "values": [PRO]}, young]}
    assert members(wire, create(wire, either)["id"]) == ["ann", "cat"]
    assert members(wire, create(wire, PRO, did("open", negation=True), kind="OR")["id"]) == ["ann", "cat"]


def test_an_action_may_be_what_they_did(wire: Wire) -> None:
    action = wire.request("POST", "/api/projects/1/actions/", json={"name": "Shop", "steps": [{"url": "/buy"}]}).json()
    by_action = did(str(action["id"]), back="5 day") | {"event_type": "actions"}
    assert members(wire, create(wire, by_action)["id"]) == ["ann", "cat"]
    in_order = did("open", "performed_event_sequence", seq_event=action["id"], seq_event_type="actions",
                   **within(1, "hour"))  # fmt: skip
    assert members(wire, create(wire, in_order)["id"]) == ["ann"]


def test_a_cohort_may_be_made_of_cohorts(wire: Wire) -> None:
    pro = create(wire, PRO, name="Made of")["id"]
    part = {"type": "cohort", "key": "id", "value": pro}
    assert members(wire, create(wire, part, did(back="1 day"))["id"]) == ["ann"]
    assert members(wire, create(wire, {**part, "negation": True})["id"]) == ["bob", "dan"]
    looped = wire.request("PATCH", f"{PATH}{pro}/", json={"filters": {"properties": {"type": "OR", "values": [part]}}})
    assert looped.json()["detail"] == "Cohorts cannot reference other cohorts in a loop."


def test_a_query_names_a_cohort_by_number_or_by_its_only_name(wire: Wire) -> None:
    cohort = create(wire, PRO, name="Only one")
    assert members(wire, "Only one") == ["ann", "cat"]
    counted = "select countIf(person_id in cohort 'Only one'), countIf(person_id not in cohort 'Only one') from events"
    of_pro = sum(len(days.split()) for person in ("ann", "cat") for days in DAYS[person].values()) + 2
    everything = wire.ask("select count() from events").json()["results"][0][0]
    assert wire.ask(counted).json()["results"] == [[of_pro, everything - of_pro]]
    create(wire, PRO, name="Only one")
    assert wire.ask(counted).json()["detail"].startswith("Found multiple cohorts with name 'Only one'")
    noticed = wire.ask(
        f"select 1 from persons where id in cohort {cohort['id']}", node={"kind": "HogQLMetadata", "language": "hogQL"}
    ).json()
    assert [(one["message"], one.get("fix")) for one in noticed["notices"]] == [
        (f"Cohort #{cohort['id']} can also be specified as 'Only one'", "'Only one'"),
        ("Field 'id' is of type 'UUID'", None),
    ]


@pytest.mark.parametrize(
    "mode",
    ["disabled", "person_id_no_override_properties_on_events", "person_id_override_properties_on_events",
     "person_id_override_properties_joined"],
)  # fmt: skip
def test_members_are_found_by_what_persons_are_now_whatever_mode_a_query_has(wire: Wire, mode: str) -> None:
    cohort = create(wire, did("open", back="2 day"))
    query = f"select count() from persons where id in cohort {cohort['id']}"
    # The open of `phone` counts for bob.
    assert wire.ask(query, node={"modifiers": {"personsOnEventsMode": mode}}).json()["results"] == [[4]]


def test_the_tables_of_cohorts_list_everybody() -> None:
    wire = open_wire(as_of=NOW)
    for table in ("cohort_people", "raw_cohort_people", "static_cohort_people"):
        assert wire.ask(f"select * from {table}").json()["results"] == []
    wire.send({"event": "$identify", "distinct_id": "ann", "properties": {"$set": {"plan": "pro", "n": 1}}})
    wire.send({"event": "$identify", "distinct_id": "bob", "properties": {"$set": {"plan": "pro", "n": 2}}})
    create(wire, PRO)
    create(wire, {"type": "person", "key": "n", "operator": "gt", "value": 1})
    people = "select cohort_id, person.properties.n from {} order by 1, 2"
    assert wire.ask(people.format("cohort_people")).json()["results"] == [[1, 1.0], [1, 2.0], [2, 2.0]]
    answer = wire.ask("select * from raw_cohort_people where cohort_id = 2").json()
    assert answer["columns"] == ["person_id", "cohort_id", "sign", "version"]
    assert answer["results"][0][1:] == [2, 1, 1]
    assert wire.ask("select * from cohort_people").json()["columns"] == ["person_id", "cohort_id"]
    listed = "select person_id from persons p join cohort_people c on c.person_id = p.id where c.cohort_id = 2"
    assert len(wire.ask(listed).json()["results"]) == 1
    wire.close()


# -- static cohorts


def person_ids(wire: Wire) -> dict[str, str]:
    return dict(wire.ask("select distinct_id, person_id from person_distinct_ids").json()["results"])


def test_a_static_cohort_is_who_was_listed(wire: Wire) -> None:
    ids = person_ids(wire)
    unknown = "00000000-0000-0000-0000-000000000009"
    body = {"name": "Listed", "is_static": True, "_create_static_person_ids": [ids["ann"], unknown, ids["ann"]]}
    cohort = wire.request("POST", PATH, json=body).json()
    assert (cohort["is_static"], cohort["count"]) == (True, 1)
    assert members(wire, cohort["id"]) == ["ann"]
    one = f"{PATH}{cohort['id']}/"
    added = wire.request("PATCH", f"{one}add_persons_to_static_cohort/", json={"person_ids": [ids["dan"], ids["ann"]]})
    assert added.json() == {"success": True}
    assert members(wire, cohort["id"]) == ["ann", "dan"]
    removed = wire.request("PATCH", f"{one}remove_person_from_static_cohort/", json={"person_id": ids["ann"]})
    assert removed.json() == {"success": True}
    assert members(wire, cohort["id"]) == ["dan"]
    again = wire.request("PATCH", f"{one}remove_person_from_static_cohort/", json={"person_id": ids["ann"]})
    assert again.status_code == 404
    rows = wire.ask(f"select person_id, cohort_id from static_cohort_people where cohort_id = {cohort['id']}").json()
    assert rows["results"] == [[ids["dan"], cohort["id"]]]


@pytest.mark.parametrize(
    ("ids", "detail"),
    [
        ([], "person_ids cannot be empty"),
        (["00000000-0000-0000-0000-000000000009"], "No valid users to add to cohort"),
        (["00000000-0000-0000-0000-000000000009"] * 1_001, "List size exceeds limit"),
    ],
)
def test_persons_are_added_a_thousand_at_most_and_somebody_at_least(wire: Wire, ids: list[str], detail: str) -> None:
    cohort = wire.request("POST", PATH, json={"name": "Added to", "is_static": True}).json()
    answer = wire.request("PATCH", f"{PATH}{cohort['id']}/add_persons_to_static_cohort/", json={"person_ids": ids})
    assert (answer.status_code, answer.json()["detail"]) == (400, detail)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("select person_id from events where event = 'buy'", "ann bob cat"),
        ("select id from persons where properties.plan = 'free'", "bob"),
        ("select distinct_id, count() from events where event = 'open' group by 1", "ann bob cat dan"),
        # More rows than the query endpoint gives are no matter, and neither are ids of nobody.
        ("select person_id from events, numbers(200) n where event = 'buy'", "ann bob cat"),
        ("select toUUID('00000000-0000-0000-0000-000000000009') as id", ""),
    ],
)
def test_a_static_cohort_is_made_by_a_query(wire: Wire, query: str, expected: str) -> None:
    body = {"name": "By query", "is_static": True, "query": {"kind": "HogQLQuery", "query": query}}
    cohort = wire.request("POST", PATH, json=body).json()
    assert members(wire, cohort["id"]) == expected.split()


@pytest.mark.parametrize(
    ("file", "expected"),
    [
        ("ann\nbob\n\nstranger\n", "ann bob"),
        ("name,distinct_id\nA,ann\nD,dan\n", "ann dan"),
        ('\ufeffdistinct_id\n"cat"\n', "cat"),
        ("", ""),
    ],
)
def test_a_static_cohort_is_made_by_a_file(wire: Wire, file: str, expected: str) -> None:
    answer = wire.request("POST", PATH, data={"name": "File"}, files={"csv": ("people.csv", file.encode())})
    assert answer.status_code == 201, answer.text
    assert (answer.json()["name"], answer.json()["is_static"]) == ("File", True)
    assert members(wire, answer.json()["id"]) == expected.split()


def test_a_file_may_name_persons_by_their_ids(wire: Wire) -> None:
    file = f"person_id\n{person_ids(wire)['dan']}\n"
    answer = wire.request("POST", PATH, data={"name": "File"}, files={"csv": ("people.csv", file)})
    assert members(wire, answer.json()["id"]) == ["dan"]


# -- the endpoints


def test_members_are_listed_as_persons_page_by_page(wire: Wire) -> None:
    cohort = create(wire, did())
    page = wire.get(f"{PATH}{cohort['id']}/persons/", params={"limit": 2}).json()
    rest = wire.get(page["next"].removeprefix("http://embedded.invalid")).json()
    seen = [one["distinct_ids"][0] for one in [*page["results"], *rest["results"]]]
    assert sorted(seen) == ["ann", "bob", "cat"]
    assert {"id", "uuid", "name", "properties", "created_at"} <= page["results"][0].keys()


def test_a_cohort_is_changed_and_hidden_but_not_destroyed(wire: Wire) -> None:
    cohort = create(wire, PRO, name="Changed")
    one = f"{PATH}{cohort['id']}/"
    filters = {"properties": {"type": "AND", "values": [did(negation=True)]}}
    changed = wire.request("PATCH", one, json={"filters": filters, "description": "said"}).json()
    assert (changed["name"], changed["description"], changed["count"], changed["version"]) == ("Changed", "said", 1, 2)
    assert members(wire, "Changed") == ["dan"]
    assert wire.request("DELETE", one).status_code == 405
    hidden = wire.request("PATCH", one, json={"deleted": True}).json()
    assert (hidden["deleted"], hidden["count"]) == (True, None)
    assert wire.get(PATH, params={"search": "changed"}).json()["count"] == 0
    assert wire.ask("select 1 from persons where id in cohort 'Changed'").status_code == 400
    assert wire.get(one).json()["name"] == "Changed"


def test_the_newest_cohort_comes_first(wire: Wire) -> None:
    made = [create(wire, PRO)["id"] for _ in range(2)]
    listed = wire.get(PATH, params={"limit": 2}).json()
    assert [one["id"] for one in listed["results"]] == made[::-1]


def test_a_cohort_whose_action_is_gone_says_so(wire: Wire) -> None:
    action = wire.request("POST", "/api/projects/1/actions/", json={"name": "Gone", "steps": []}).json()
    cohort = create(wire, did(str(action["id"])) | {"event_type": "actions"})
    wire.request("PATCH", f"/api/projects/1/actions/{action['id']}/", json={"deleted": True})
    shown = wire.get(f"{PATH}{cohort['id']}/").json()
    assert (shown["count"], shown["errors_calculating"]) == (None, 1)
    assert shown["last_error_message"] == f"Could not find an action with the ID {action['id']}"
    wire.request("PATCH", f"{PATH}{cohort['id']}/", json={"deleted": True})


def how_many(wire: Wire) -> int:
    # One is shown, and its persons counted: that of all is told with it.
    return wire.get(PATH, params={"limit": 1}).json()["count"]


def filters_of(*values: dict[str, Any]) -> dict[str, Any]:
    return {"filters": {"properties": {"type": "OR", "values": list(values)}}}


REFUSED: list[tuple[dict[str, Any], str, str]] = [
    ({}, "filters", "A cohort that is not static needs 'filters'"),
    ({"filters": {"properties": []}}, "filters", "A cohort that is not static needs 'filters'"),
    ({"filters": {"properties": {"type": "XOR", "values": []}}}, "filters", "A cohort's properties are a group"),
    ({"groups": [{"properties": []}]}, "groups", "'groups', PostHog's older form"),
    ({"name": "x" * 401, **filters_of(PRO)}, "name", "Ensure this field has no more than 400"),
    (filters_of({"type": "event", "key": "a", "value": "b"}), "filters", "A cohort has no conditions of type 'event'"),
    (filters_of({**PRO, "operator": "nope"}), "filters", 'Operator "nope" is not answered'),
    (filters_of({"type": "cohort", "key": "id", "value": 999}), "filters", "Invalid Cohort ID in filter: 999."),
    (filters_of(did(value="flew")), "filters", "'flew' is nothing that persons do"),
    (filters_of(did(back=None)), "filters", "'performed_event' needs a 'time_value'."),
    (filters_of(did(back="0 day")), "filters", "'time_value' is a whole number from 1"),
    (filters_of(did(back="1 fortnight")), "filters", "'fortnight' is no 'time_interval'"),
    (filters_of(did(value="performed_event_multiple")), "filters", "needs a 'operator_value'"),
    (filters_of(did("x") | {"event_type": "actions"}), "filters", "'key' is the ID of an action, not 'x'"),
    (filters_of(did(back=None, explicit_datetime="soon")), "filters", "'soon' is no date of a filter"),
    (filters_of(did(value="performed_event_regularly", back="1 day", operator_value=1, min_periods=3,
                    total_periods=2)), "filters", "min_periods (3) cannot be greater than total_periods (2)"),
    ({"is_static": True, "query": {"kind": "TrendsQuery"}}, "query", "A cohort is made by a query of kind HogQLQuery"),
    ({"is_static": True, "query": {"kind": "HogQLQuery", "query": "select event from events"}}, "query",
     "A cohort's query needs a column person_id"),
    ({"is_static": True, "_create_static_person_ids": ["ann"]}, "_create_static_person_ids",
     "Each person is named by a UUID"),
    ({**filters_of(PRO), "query": {"kind": "HogQLQuery", "query": "select id from persons"}}, "is_static",
     "Persons are listed in static cohorts only."),
]  # fmt: skip


@pytest.mark.parametrize(("body", "attr", "detail"), REFUSED)
def test_what_is_no_cohort_is_refused_and_not_kept(wire: Wire, body: dict[str, Any], attr: str, detail: str) -> None:
    before = how_many(wire)
    answer = wire.request("POST", PATH, json={"name": "No", **body})
    assert answer.status_code == 400, answer.text
    assert (answer.json()["attr"], answer.json()["type"]) == (attr, "validation_error")
    assert detail in answer.json()["detail"]
    assert how_many(wire) == before


def test_a_query_that_is_refused_leaves_no_cohort_behind(wire: Wire) -> None:
    before = how_many(wire)
    body = {"name": "No", "is_static": True, "query": {"kind": "HogQLQuery", "query": "select id from nowhere"}}
    answer = wire.request("POST", PATH, json=body)
    assert answer.json()["detail"].startswith("Unknown table `nowhere`.")
    assert how_many(wire) == before


def test_a_cohort_stays_what_it_is(wire: Wire) -> None:
    one = f"{PATH}{create(wire, PRO)['id']}/"
    assert wire.request("PATCH", one, json={"is_static": True}).json()["attr"] == "is_static"
    assert wire.request("PATCH", f"{one}add_persons_to_static_cohort/", json={"person_ids": []}).status_code == 400
    assert wire.get(f"{PATH}999/persons/").status_code == 404
