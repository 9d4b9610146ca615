"""Actions over the wire, and what they count in queries."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.wire import Wire, open_wire

if TYPE_CHECKING:
    from collections.abc import Iterator

PATH = "/api/projects/1/actions/"
CHAIN = 'button.cta:attr_id="go"text="Buy now";form.order:attr__action="/pay";a:href="/start"'

EVENTS: list[dict[str, Any]] = [
    {"event": "$pageview", "properties": {"$current_url": "https://example.com/pricing?x=1", "plan": "pro"}},
    {"event": "$pageview", "properties": {"$current_url": "https://example.com/docs"}},
    {"event": "$autocapture", "properties": {"$elements_chain": CHAIN}},
    {"event": "$autocapture", "properties": {"$elements_chain": 'a.link:href="/docs"text="Docs"'}},
    {"event": "paid", "properties": {"plan": "pro", "$set": {"email": "ann@example.com"}}},
]


@pytest.fixture(scope="module")
def wire() -> Iterator[Wire]:
    wire = open_wire()
    wire.send(
        *({"distinct_id": "ann", "timestamp": f"2026-01-0{n}T00:00:00Z", **one} for n, one in enumerate(EVENTS, 1))
    )
    yield wire
    wire.close()


def create(wire: Wire, **body: Any) -> dict[str, Any]:
    answer = wire.request("POST", PATH, json=body)
    assert answer.status_code == 201, answer.text
    return answer.json()


STEPS: list[tuple[list[dict[str, Any]], list[int]]] = [
    ([], [1, 2, 3, 4, 5]),
    ([{"event": "paid"}], [5]),
    ([{"event": "paid"}, {"event": "$pageview"}], [1, 2, 5]),
    ([{"event": "$pageview", "url": "/pricing"}], [1]),
    ([{"url": "https://example.com/docs", "url_matching": "exact"}], [2]),
    ([{"url": "/(docs|pricing)", "url_matching": "regex"}], [1, 2]),
    ([{"event": "$autocapture"}], [3, 4]),
    ([{"event": "$autocapture", "tag_name": "button"}], [3]),
    ([{"event": "$autocapture", "tag_name": "a"}], [3, 4]),
    ([{"event": "$autocapture", "selector": "form > button.cta"}], [3]),
    ([{"event": "$autocapture", "selector": "a button"}], [3]),
    ([{"event": "$autocapture", "selector": "#go"}], [3]),
    ([{"event": "$autocapture", "selector": "form[action='/pay']"}], [3]),
    ([{"event": "$autocapture", "selector": "a.link"}], [4]),
    ([{"event": "$autocapture", "selector": "a > button"}], []),
    ([{"event": "$autocapture", "text": "Docs"}], [4]),
    ([{"event": "$autocapture", "text": "buy", "text_matching": "contains"}], [3]),
    ([{"event": "$autocapture", "href": "/docs"}], [4]),
    ([{"event": "$autocapture", "href": "^/(docs|start)$", "href_matching": "regex"}], [3, 4]),
    ([{"properties": [{"key": "plan", "value": "pro"}]}], [1, 5]),
    ([{"event": "$pageview", "properties": [{"key": "plan", "value": "pro"}]}], [1]),
    ([{"event": "paid", "properties": [{"key": "email", "type": "person", "value": "ann@example.com"}]}], [5]),
]


@pytest.mark.parametrize(("steps", "expected"), STEPS)
def test_an_action_counts_what_one_of_its_steps_says(
    wire: Wire, steps: list[dict[str, Any]], expected: list[int]
) -> None:
    action = create(wire, name=None, steps=steps)
    answer = wire.ask(f"select toDayOfMonth(timestamp) from events where matchesAction({action['id']}) order by 1")
    assert [row[0] for row in answer.json()["results"]] == expected


def test_an_action_has_posthogs_fields(wire: Wire) -> None:
    steps = [{"event": "$autocapture", "selector": "a.link", "note": "dropped"}]
    action = create(wire, name="Fields", description="said", tags=["one"], steps=steps, bytecode_error="x")
    assert action | {"created_at": None, "last_calculated_at": None} == {
        "id": action["id"], "name": "Fields", "description": "said", "tags": ["one"], "post_to_slack": False,
        "slack_message_format": "", "created_at": None, "created_by": None, "deleted": False, "is_calculating": False,
        "last_calculated_at": None, "team_id": 1, "is_action": True, "bytecode_error": None, "pinned_at": None,
        "creation_context": None,
        "steps": [
            {
                "event": "$autocapture", "properties": [], "selector": "a.link",
                "selector_regex": action["steps"][0]["selector_regex"], "tag_name": None, "text": None,
                "text_matching": None, "href": None, "href_matching": None, "url": None, "url_matching": None,
            }
        ],
    }  # fmt: skip
    assert action["steps"][0]["selector_regex"].startswith("(^|;)a")
    assert wire.get(f"{PATH}{action['id']}/").json() == action


def test_a_name_finds_the_one_action_that_has_it(wire: Wire) -> None:
    create(wire, name="Named", steps=[{"event": "paid"}])
    answer = wire.ask("select count(), countIf(matchesAction('Named')) from events").json()
    assert answer["results"] == [[5, 1]]
    assert answer["columns"] == ["count()", "countIf(matchesAction('Named'))"]


def test_a_condition_sees_the_event_alone(wire: Wire) -> None:
    create(wire, name="Alone", steps=[{"event": "paid", "properties": [{"key": "plan", "value": "pro"}]}])
    # Names of the query around it, the other table's and its lambdas' own, do not get in the way.
    query = """
        select e.event, 'x' as event2, arrayMap(event -> matchesAction('Alone'), [1])
        from events e join (select 'paid' as event, 'free' as properties) p on 1 = 1
        where matchesAction('Alone')
    """
    assert wire.ask(query).json()["results"] == [["paid", "x", [True]]]


def test_an_action_is_changed_and_hidden_but_not_destroyed(wire: Wire) -> None:
    action = create(wire, name="Short-lived", steps=[{"event": "paid"}])
    one = f"{PATH}{action['id']}/"
    changed = wire.request("PATCH", one, json={"steps": [{"event": "$pageview"}]}).json()
    assert changed["name"] == "Short-lived"
    assert wire.ask("select countIf(matchesAction('Short-lived')) from events").json()["results"] == [[2]]
    refused = wire.request("DELETE", one)
    assert (refused.status_code, refused.json()["code"]) == (405, "method_not_allowed")
    assert wire.request("PATCH", one, json={"deleted": True}).json()["deleted"] is True
    assert "Short-lived" not in [listed["name"] for listed in wire.get(PATH).json()["results"]]
    gone = wire.ask("select countIf(matchesAction('Short-lived')) from events")
    assert gone.json()["detail"].startswith("Could not find an action with the name 'Short-lived'")
    # Its name is free again.
    create(wire, name="Short-lived")


def test_the_list_is_paged_and_searched(wire: Wire) -> None:
    for name in ("List b", "List a", "List c"):
        create(wire, name=name)
    page = wire.get(PATH, params={"search": "list ", "limit": 2}).json()
    assert ([one["name"] for one in page["results"]], page["count"]) == (["List a", "List b"], 3)
    rest = wire.get(page["next"].removeprefix("http://embedded.invalid")).json()
    assert [one["name"] for one in rest["results"]] == ["List c"]


REFUSED: list[tuple[dict[str, Any], str, str]] = [
    ({"name": " "}, "name", "This field may not be blank."),
    ({"name": 1}, "name", "Not a valid string."),
    ({"name": "x" * 401}, "name", "Ensure this field has no more than 400 characters."),
    ({"name": "a", "tags": "b"}, "tags", "Expected a list of texts."),
    ({"name": "a", "steps": {}}, "steps", "The steps of an action are a list of objects."),
    ({"name": "a", "steps": [{"event": 1}]}, "steps", "A step's 'event' is a text, not 1."),
    ({"name": "a", "steps": [{"url": "x", "url_matching": "like"}]}, "steps", "A step's 'url_matching' is one of"),
    ({"name": "a", "steps": [{"properties": [{"key": "x"}]}]}, "steps", "The filter on 'x' needs a 'value'."),
]


@pytest.mark.parametrize(("body", "attr", "detail"), REFUSED)
def test_what_is_no_action_is_refused_and_not_kept(wire: Wire, body: dict[str, Any], attr: str, detail: str) -> None:
    before = wire.get(PATH).json()["count"]
    answer = wire.request("POST", PATH, json=body)
    assert answer.status_code == 400
    assert (answer.json()["type"], answer.json()["attr"]) == ("validation_error", attr)
    assert answer.json()["detail"].startswith(detail)
    assert wire.get(PATH).json()["count"] == before


def test_a_name_is_taken_once(wire: Wire) -> None:
    first = create(wire, name="Once")
    again = wire.request("POST", PATH, json={"name": "Once"}).json()
    assert (again["code"], again["attr"]) == ("unique", "name")
    assert again["detail"] == f"This project already has an action with this name, ID {first['id']}"
    assert wire.request("PATCH", f"{PATH}{first['id']}/", json={"name": "Once"}).status_code == 200


@pytest.mark.parametrize("item", ["999", "x", "0", "9" * 30, "-1"])
def test_an_action_that_is_not_there_is_not_found(wire: Wire, item: str) -> None:
    assert wire.get(f"{PATH}{item}/").status_code == 404
