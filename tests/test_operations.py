"""The nine operations, each on both servers: the project in this process, and the same over real HTTP."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

import pytest

from posthog_nb.errors import InvalidInputError, MissingParameterError, NotFoundError, QueryError, Span
from tests.embedded import embedded_client

pytest.importorskip("chdb", reason="the embedded engine has no wheel here")

from posthog_nb.embedded.server import create_app
from tests.twin import client_of, new_project, twin_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from posthog_nb import Client, Receipt

ZONE = "Europe/London"
# An hour before the clocks of that zone go forward.
FIRST = datetime(2026, 3, 29, 0, 0, tzinfo=UTC)
COLUMNS = ["id", "uuid", "name", "distinct_ids", "properties", "created_at"]


@pytest.fixture(scope="module", params=["in process", "over HTTP"])
def ph(request: pytest.FixtureRequest) -> Iterator[Client]:
    if request.param == "in process":
        with embedded_client(ZONE) as client:
            yield filled(client)
        return
    project = new_project(timezone=ZONE)
    with twin_of(create_app(project)) as twin, client_of(twin) as client:
        yield filled(client)
    project.close()


def filled(client: Client) -> Client:
    client.identify("ann", {"email": "ann@example.com", "name": "Ann"}, timestamp=FIRST)
    client.identify("bob", {"name": "Bob", "plan": {"seats": 3}}, timestamp=FIRST + timedelta(hours=1))
    for number in range(6):
        when = FIRST + timedelta(minutes=30 * number)
        client.capture("bought", "ann", {"amount": number / 4, "note": "it's {x} é 😀"}, timestamp=when)
    return client


# Writes -------------------------------------------------------------------------------------------------------------

Write = tuple["Callable[[Client, datetime], Receipt]", str, dict[str, Any]]

WRITES: dict[str, Write] = {
    "capture": (
        lambda ph, when: ph.capture("signed up", "writer", {"plan": "pro", "seats": [1, None]}, when),
        "signed up",
        {"plan": "pro", "seats": [1, None]},
    ),
    "page": (
        lambda ph, when: ph.page("writer", "Pricing", "https://example.com/pricing?a=1", {"plan": "pro"}, when),
        "$pageview",
        {
            "title": "Pricing",
            "$current_url": "https://example.com/pricing?a=1",
            "$host": "example.com",
            "$pathname": "/pricing",
            "plan": "pro",
        },
    ),
    "screen": (
        lambda ph, when: ph.screen("writer", "Settings", {"tab": 2}, when),
        "$screen",
        {"$screen_name": "Settings", "tab": 2},
    ),
    "identify": (
        lambda ph, when: ph.identify("writer", {"name": "Ann Writer"}, when),
        "$identify",
        {"$set": {"name": "Ann Writer"}},
    ),
    "alias": (
        lambda ph, when: ph.alias("writer", "writer's phone", when),
        "$create_alias",
        {"alias": "writer's phone"},
    ),
}


@pytest.mark.parametrize("name", WRITES)
def test_a_write_is_stored_once_as_it_was_meant(ph: Client, name: str) -> None:
    call, event, properties = WRITES[name]
    when = datetime(2026, 3, 29, 2, 30, 0, 123456, tzinfo=UTC)
    receipt = call(ph, when)
    assert (receipt.status, receipt.event, receipt.distinct_id, receipt.timestamp) == (200, event, "writer", when)
    assert UUID(receipt.uuid).version == 7
    stored = ph.query(
        "SELECT event, distinct_id, timestamp, properties FROM events WHERE uuid = {uuid}",
        values={"uuid": receipt.uuid},
        fresh=True,
    )
    ((found, distinct_id, timestamp, text),) = stored.rows
    assert (found, distinct_id) == (event, "writer")
    assert timestamp == when
    kept = json.loads(text)
    assert {key: kept[key] for key in properties} == properties


def test_identify_and_alias_make_one_person_of_two_ids(ph: Client) -> None:
    ph.identify("cy", {"name": "Cy"})
    ph.capture("opened", "cy's phone")
    ph.alias("cy", "cy's phone")
    found = ph.persons.search(distinct_id="cy's phone")
    assert found["name"].tolist() == ["Cy"]
    assert sorted(found["distinct_ids"][0]) == ["cy", "cy's phone"]
    assert len(ph.persons.events(found["uuid"][0])) == 3


@pytest.mark.parametrize(
    "call",
    [
        lambda ph: ph.capture("", "ann"),
        lambda ph: ph.page("ann", ""),
        lambda ph: ph.screen("", "Settings"),
        lambda ph: ph.identify("anonymous"),
        lambda ph: ph.alias("ann", "ann"),
        lambda ph: ph.query("SELECT event FROM events LIMIT 10 OFFSET 10"),
        lambda ph: ph.persons.search(email=5.0),
        lambda ph: ph.persons.get("ann"),
        lambda ph: ph.persons.events("ann"),
    ],
    ids=["capture", "page", "screen", "identify", "alias", "query", "search", "get", "events"],
)
def test_bad_input_is_told_before_anything_is_sent(ph: Client, call: Callable[[Client], object]) -> None:
    with pytest.raises(InvalidInputError):
        call(ph)


# Queries ------------------------------------------------------------------------------------------------------------


def test_a_query_gives_typed_rows_and_says_whether_there_are_more(ph: Client) -> None:
    result = ph.query(
        "SELECT timestamp, properties.amount AS amount FROM events WHERE event = {e} ORDER BY timestamp",
        4,
        {"e": "bought"},
    )
    assert (result.columns, result.has_more, len(result)) == (["timestamp", "amount"], True, 4)
    assert (result.timezone, result.is_cached) == (ZONE, False)
    frame = result.to_pandas()
    assert str(frame["timestamp"].dtype) == f"datetime64[us, {ZONE}]"
    assert [stamp.utcoffset() for stamp in frame["timestamp"]] == [
        timedelta(0),
        timedelta(0),
        timedelta(hours=1),
        timedelta(hours=1),
    ]
    assert frame["amount"].tolist() == [0.0, 0.25, 0.5, 0.75]
    assert result.to_polars().to_dicts() == result.to_arrow().to_pylist()
    assert [len(page) for page in result.pages()] == [4, 2]
    assert [row[1] for row in result.fetch_all().rows] == [0.0, 0.25, 0.5, 0.75, 1.0, 1.25]


@pytest.mark.parametrize("value", ["it's {x} é 😀", "'); DROP TABLE events --", "\\", "\n"])
def test_a_value_arrives_as_it_is(ph: Client, value: str) -> None:
    assert ph.query("SELECT {value}", values={"value": value}).rows == [[value]]


def test_a_refused_query_shows_the_place(ph: Client) -> None:
    with pytest.raises(QueryError) as caught:
        ph.query("SELECT evnt FROM events")
    assert (caught.value.status, caught.value.span) == (400, Span(7, 11))
    with pytest.raises(MissingParameterError):
        ph.query("SELECT {nothing}")


# Persons ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("terms", "names"),
    [
        ({"search": "EXAMPLE.com"}, ["ann@example.com"]),
        ({"email": "ann@example.com"}, ["ann@example.com"]),
        ({"distinct_id": "bob"}, ["Bob"]),
        ({"search": "bob", "email": "ann@example.com"}, []),
        ({"search": "%"}, []),
    ],
)
def test_a_search_finds_persons_and_counts_them(ph: Client, terms: dict[str, str], names: list[str]) -> None:
    found = ph.persons.search(**terms)
    assert found.columns.tolist() == COLUMNS
    assert found["name"].tolist() == names
    assert found.attrs["posthog"]["total"] == len(names)


def test_a_person_is_found_by_uuid_and_by_number(ph: Client) -> None:
    uuid = ph.persons.search(distinct_id="bob")["uuid"][0]
    bob = ph.persons.get(uuid)
    assert (bob.name, bob.distinct_ids, bob.properties) == ("Bob", ["bob"], {"name": "Bob", "plan": {"seats": 3}})
    assert bob.created_at == FIRST + timedelta(hours=1)
    assert ph.persons.get(1).uuid == ph.persons.search(distinct_id="ann")["uuid"][0]
    with pytest.raises(NotFoundError):
        ph.persons.get("00000000-0000-0000-0000-000000000000")


def test_a_persons_events_are_those_asked_for_newest_first(ph: Client) -> None:
    ann = ph.persons.search(distinct_id="ann")["uuid"][0]
    found = ph.persons.events(ann, event="bought", after=FIRST, before=FIRST + timedelta(hours=2))
    assert found.columns.tolist() == ["id", "event", "distinct_id", "properties", "timestamp"]
    assert [properties["amount"] for properties in found["properties"]] == [0.75, 0.5, 0.25]
    assert found["timestamp"].is_monotonic_decreasing
    assert len(ph.persons.events(ann, limit=2)) == 2
