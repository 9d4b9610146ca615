"""Persons: search, get, and their events, on the embedded project."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from posthog_nb.client import Client, connect
from posthog_nb.errors import InvalidInputError, NotFoundError, PermissionDeniedError
from tests.embedded import embedded_client

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_httpserver import HTTPServer

pytest.importorskip("chdb", reason="the embedded engine has no wheel here")

DAY = "2026-01-0{}T12:00:00Z"
GENERATED = "0190a2b4-0000-7000-8000-000000000001"
BOB = "Bob <script>alert(1)</script>"
COLUMNS = ["id", "uuid", "name", "distinct_ids", "properties", "created_at"]


@pytest.fixture(scope="module")
def posthog() -> Iterator[Client]:
    with embedded_client() as client:
        client.identify("ada", {"email": "Ada@Example.com", "name": "Ada", "seats": 3}, timestamp=DAY.format(1))
        client.identify("bob", {"name": BOB, "note": "50% off_{x}"}, timestamp=DAY.format(2))
        client.capture("opened", GENERATED, timestamp=DAY.format(3))
        client.alias("eve@example.com", GENERATED, timestamp=DAY.format(3))
        client.capture("opened", "anonymous visitor", timestamp=DAY.format(4))
        for day in range(1, 6):
            client.capture("bought", "ada", {"amount": day}, timestamp=DAY.format(day))
        client.capture("opened", "ada", {"amount": 0}, timestamp=DAY.format(5))
        yield client


def names(frame: pd.DataFrame) -> list[str]:
    return frame["name"].tolist()


def person_id(posthog: Client, distinct_id: str) -> str:
    return str(posthog.persons.search(distinct_id=distinct_id)["uuid"][0])


@pytest.mark.parametrize("terms", [{"search": b"ada"}, {"email": 5.0}, {"distinct_id": ["ada"]}, {"search": True}])
def test_what_is_no_text_is_not_searched_for(posthog: Client, terms: dict[str, Any]) -> None:
    with pytest.raises(InvalidInputError, match="not text"):
        posthog.persons.search(**terms)


def test_a_number_is_a_distinct_id_as_it_is_for_capture(posthog: Client) -> None:
    assert posthog.persons.search(distinct_id=7).empty


# Search ------------------------------------------------------------------------------------------------------------


def test_a_search_without_terms_is_everybody_newest_first(posthog: Client) -> None:
    frame = posthog.persons.search()
    assert frame.columns.tolist() == COLUMNS
    assert names(frame) == ["anonymous visitor", "eve@example.com", BOB, "Ada@Example.com"]
    assert frame.attrs["posthog"]["total"] == 4
    assert frame.attrs["posthog"]["source"] == "test"


@pytest.mark.parametrize(
    ("terms", "found"),
    [
        ({"search": "ADA"}, ["Ada@Example.com"]),
        ({"search": "example.COM"}, ["eve@example.com", "Ada@Example.com"]),
        ({"search": "visitor"}, ["anonymous visitor"]),
        ({"search": "<script>"}, [BOB]),
        ({"search": "%"}, []),
        ({"search": "_"}, []),
        ({"search": "' OR 1 = 1 --"}, []),
        ({"search": "{email}"}, []),
        (
            {"search": "  "},
            ["anonymous visitor", "eve@example.com", BOB, "Ada@Example.com"],
        ),
        ({"email": "Ada@Example.com"}, ["Ada@Example.com"]),
        ({"email": "ada@example.com"}, []),
        ({"distinct_id": GENERATED}, ["eve@example.com"]),
        ({"distinct_id": "0190a2b4"}, []),
        ({"search": "a", "email": "Ada@Example.com", "distinct_id": "ada"}, ["Ada@Example.com"]),
        ({"email": "Ada@Example.com", "distinct_id": "bob"}, []),
    ],
)
def test_what_is_searched_for_is_found(posthog: Client, terms: dict[str, str], found: list[str]) -> None:
    frame = posthog.persons.search(**terms)
    assert names(frame) == found
    assert frame.attrs["posthog"]["total"] == len(found) == posthog.persons.total(**terms)
    assert frame.columns.tolist() == COLUMNS


def test_the_total_counts_beyond_the_limit(posthog: Client) -> None:
    frame = posthog.persons.search(limit=1)
    assert (len(frame), frame.attrs["posthog"]["total"], frame.attrs["posthog"]["has_more"]) == (1, 4, True)


def test_a_row_holds_the_person_with_properties_as_an_object(posthog: Client) -> None:
    row = posthog.persons.search(distinct_id=GENERATED).iloc[0]
    assert row["distinct_ids"] == ["eve@example.com", GENERATED]
    assert row["id"] == row["uuid"] == str(UUID(row["uuid"]))
    assert row["created_at"] == datetime(2026, 1, 3, 12, tzinfo=UTC)
    ada = posthog.persons.search(distinct_id="ada").iloc[0]
    assert ada["properties"]["seats"] == 3


def test_search_gives_the_frame_that_is_asked_for(posthog: Client) -> None:
    polars = posthog.persons.search("ada", frame="polars")
    assert isinstance(polars, pl.DataFrame)
    assert polars.schema["properties"] == pl.String
    assert polars.schema["distinct_ids"] == pl.List(pl.String)
    arrow = posthog.persons.search("nobody at all", frame="arrow")
    assert isinstance(arrow, pa.Table)
    assert (arrow.column_names, arrow.num_rows) == (COLUMNS, 0)


# Get ---------------------------------------------------------------------------------------------------------------


def test_a_person_is_got_by_uuid_in_any_form(posthog: Client) -> None:
    uuid = person_id(posthog, "ada")
    by_text, by_uuid, loud = (posthog.persons.get(key) for key in (uuid, UUID(uuid), uuid.upper()))
    assert by_text == by_uuid == loud
    assert (by_text.uuid, by_text.name, by_text.distinct_ids) == (uuid, "Ada@Example.com", ["ada"])
    assert by_text.properties["name"] == "Ada"
    assert by_text.created_at == datetime(2026, 1, 1, 12, tzinfo=UTC)
    assert by_text.source == "test"


def test_a_person_is_got_by_posthogs_number(posthog: Client) -> None:
    person = posthog.persons.get(1)
    assert person.id == 1
    assert person.uuid == posthog.persons.get("1").uuid
    assert posthog.persons.get(person.uuid).distinct_ids == person.distinct_ids


def test_nobody_is_told_as_such(posthog: Client) -> None:
    for key in (str(uuid4()), 999_999):
        with pytest.raises(NotFoundError, match=f"There is no person {key}") as caught:
            posthog.persons.get(key)
        assert "distinct_id" in (caught.value.hint or "")


@pytest.mark.parametrize("key", ["ada", "", True, None, "1.5", "-1", "١٢"])
def test_what_is_no_id_of_a_person_says_what_to_do(posthog: Client, key: Any) -> None:
    with pytest.raises(InvalidInputError):
        posthog.persons.get(key)
    with pytest.raises(InvalidInputError):
        posthog.persons.events(key)


def test_the_card_escapes_what_posthog_holds(posthog: Client) -> None:
    card = posthog.persons.get(person_id(posthog, "bob"))._repr_html_()
    assert "<script>" not in card
    assert "Bob &lt;script&gt;" in card
    assert "50% off_{x}" in card


def test_a_person_becomes_a_frame_with_the_columns_of_a_search(posthog: Client) -> None:
    person = posthog.persons.get(person_id(posthog, "ada"))
    frame = person.to_frame()
    assert frame.columns.tolist() == COLUMNS
    assert frame["name"].tolist() == ["Ada@Example.com"]
    assert frame["created_at"][0] == person.created_at
    assert isinstance(person.to_frame("polars"), pl.DataFrame)


# Events ------------------------------------------------------------------------------------------------------------


def test_a_persons_events_come_newest_first(posthog: Client) -> None:
    frame = posthog.persons.events(person_id(posthog, "ada"))
    assert frame.columns.tolist() == ["id", "event", "distinct_id", "properties", "timestamp"]
    assert frame["timestamp"].is_monotonic_decreasing
    assert len(frame) == 7
    assert frame["properties"][0]["$lib"] == "posthog-nb"
    assert frame.attrs["posthog"]["has_more"] is False


@pytest.mark.parametrize(
    ("terms", "amounts"),
    [
        ({"event": "bought"}, [5, 4, 3, 2, 1]),
        ({"event": "bought", "limit": 2}, [5, 4]),
        ({"event": "bought", "after": DAY.format(3)}, [5, 4]),
        ({"event": "bought", "before": datetime(2026, 1, 3, 12, tzinfo=UTC)}, [2, 1]),
        ({"event": "bought", "after": DAY.format(1), "before": pd.Timestamp(DAY.format(4))}, [3, 2]),
        ({"event": "nothing"}, []),
    ],
)
def test_events_are_chosen_by_name_and_time(posthog: Client, terms: dict[str, Any], amounts: list[int]) -> None:
    frame = posthog.persons.events(1 if terms["event"] == "nothing" else person_id(posthog, "ada"), **terms)
    assert [properties["amount"] for properties in frame["properties"]] == amounts


def test_events_of_a_merged_person_are_all_of_its_ids(posthog: Client) -> None:
    frame = posthog.persons.events(person_id(posthog, "eve@example.com"), frame="polars")
    assert set(frame["distinct_id"]) == {GENERATED, "eve@example.com"}
    assert frame.schema["properties"] == pl.String


# On PostHog's own terms --------------------------------------------------------------------------------------------


def test_a_missing_scope_for_numbers_is_named(httpserver: HTTPServer) -> None:
    httpserver.expect_request("/api/projects/1/persons/5/").respond_with_json(
        {"type": "authentication_error", "code": "permission_denied", "detail": "missing required scope 'person:read'"},
        status=403,
    )
    with pytest.raises(PermissionDeniedError) as caught:
        connect(httpserver.url_for(""), project_id=1, personal_api_key="phx_test").persons.get(5)
    assert "person:read" in (caught.value.hint or "")
