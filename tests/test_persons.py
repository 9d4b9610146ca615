"""Persons: search, get, and their events, on the embedded project."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from IPython.lib.pretty import pretty

from posthog_nb.connecting import connect
from posthog_nb.embedded.project import Project, ProjectSettings
from posthog_nb.embedded.store.store import DistinctIdRow, PersonRow
from posthog_nb.errors import InvalidInputError, NotFoundError, PermissionDeniedError, TransportError
from posthog_nb.notebook.display import frame_html
from posthog_nb.operations import newest, persons
from posthog_nb.snapshots.recording import Recording
from tests.embedded import embedded_client

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pytest_httpserver import HTTPServer
    from werkzeug import Request

    from posthog_nb.client import Client

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
    assert posthog.persons.search(distinct_id=np.int64(7)).empty
    with pytest.raises(InvalidInputError, match="distinct_id is array"):
        posthog.persons.search(distinct_id=np.array([7, 8]))


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
        ({"email": ""}, []),
        ({"distinct_id": ""}, []),
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


# Odd persons, and many --------------------------------------------------------------------------------------------


TEXTS = {"lower": "eve@x.com", "odd%_[a-z].*\\": "100%_\\ (sure)", "umlaut": "ÄRGER", "quotes": "Bo \"the\n/tab\tBob'"}
"""An email or a name of each of some of them."""


@pytest.fixture(scope="module")
def odd() -> Iterator[Client]:
    """What ingestion lets through, each as one person."""
    with embedded_client("Europe/London") as client:
        for number, (distinct_id, properties) in enumerate(
            {
                "lower": {"email": "eve@x.com"},
                "upper": {"email": "EVE@x.com"},
                "number": {"email": 123, "name": "N"},
                "falsy": {"email": False, "name": 0, "username": "joe"},
                "object": {"name": {"first": "Zoë"}},
                "odd%_[a-z].*\\": {"name": "100%_\\ (sure)"},
                "blank": {"email": "", "name": None},
                "umlaut": {"name": "ÄRGER"},
                "quotes": {"name": 'Bo "the\n/' + "tab\tBob'", "email": '"q"@x.com'},
                "0190a2b4-0000-7000-8000-00000000000a": {},
            }.items()
        ):
            client.identify(distinct_id, properties, timestamp=datetime(2026, 7, 1, number, tzinfo=UTC))
        yield client


@pytest.mark.parametrize(
    ("distinct_id", "name"),
    [
        ("lower", "eve@x.com"),
        ("number", "123"),
        ("falsy", "joe"),
        ("object", '{"first": "Zoë"}'),
        ("blank", "blank"),
        ("0190a2b4-0000-7000-8000-00000000000a", "0190a2b4-0000-7000-8000-00000000000a"),
    ],
)
def test_the_name_is_the_first_telling_property_that_is_not_empty(odd: Client, distinct_id: str, name: str) -> None:
    found = odd.persons.search(distinct_id=distinct_id)
    assert names(found) == [name] == [odd.persons.get(found["uuid"][0]).name]


@pytest.mark.parametrize(
    ("terms", "distinct_ids"),
    [
        ({"email": "eve@x.com"}, ["lower"]),
        ({"email": "EVE@x.com"}, ["upper"]),
        ({"search": "eve@X"}, ["upper", "lower"]),
        ({"email": "123"}, ["number"]),
        ({"email": 123}, ["number"]),
        ({"email": "12"}, []),
        ({"search": "%_"}, ["odd%_[a-z].*\\"]),
        ({"search": "[A-Z].*\\"}, ["odd%_[a-z].*\\"]),
        ({"search": "100%_\\ ("}, ["odd%_[a-z].*\\"]),
        ({"search": "."}, ["quotes", "odd%_[a-z].*\\", "upper", "lower"]),
        ({"search": "zoë"}, ["object"]),
        ({"search": 'O "THE'}, ["quotes"]),
        ({"search": "the\n/tab\tbob'"}, ["quotes"]),
        ({"email": '"q"@x.com'}, ["quotes"]),
        ({"search": "ärger"}, ["umlaut"]),
        ({"search": "JOE"}, ["falsy"]),
        ({"distinct_id": "odd%_[a-z].*\\"}, ["odd%_[a-z].*\\"]),
        ({"distinct_id": "LOWER"}, []),
    ],
)
def test_what_is_searched_for_is_text(odd: Client, terms: dict[str, Any], distinct_ids: list[str]) -> None:
    found = odd.persons.search(**terms)
    assert [one[0] for one in found["distinct_ids"]] == distinct_ids


@settings(max_examples=40)
@given(data=st.data())
def test_any_piece_of_a_text_finds_whom_it_is_of(odd: Client, data: st.DataObject) -> None:
    distinct_id, text = data.draw(st.sampled_from(sorted(TEXTS.items())))
    start = data.draw(st.integers(0, len(text) - 1))
    piece = text[start : data.draw(st.integers(start + 1, len(text)))]
    found = odd.persons.search(data.draw(st.sampled_from([piece, piece.upper()])))
    assert distinct_id in {one[0] for one in found["distinct_ids"]}


@settings(max_examples=40)
@given(text=st.text())
def test_any_text_can_be_searched_for(odd: Client, text: str) -> None:
    assert odd.persons.search(email=text, distinct_id=text).empty
    found = odd.persons.search(text)
    piece = text.strip().lower()
    for _, person in found.iterrows():
        texts = [person["properties"].get(key) for key in ("email", "name", "username")]
        assert any(piece in str(one).lower() for one in [*texts, *person["distinct_ids"]])


def test_a_persons_uuid_is_found_by_searching_for_it(odd: Client) -> None:
    uuid = odd.persons.search(distinct_id="lower")["uuid"][0]
    assert odd.persons.search(f" {uuid.upper()} ")["uuid"].tolist() == [uuid]


def test_times_are_in_the_projects_zone(odd: Client) -> None:
    found = odd.persons.search(distinct_id="lower")
    assert str(found["created_at"].dtype) == "datetime64[us, Europe/London]"
    person = odd.persons.get(found["uuid"][0])
    assert person.created_at == datetime(2026, 7, 1, tzinfo=UTC)
    assert str(person.created_at) == "2026-07-01 01:00:00+01:00"
    assert str(person.to_frame()["created_at"].dtype) == "datetime64[us, Europe/London]"


def test_a_person_without_properties_has_an_empty_object(odd: Client) -> None:
    odd.capture("opened", "bare")
    assert odd.persons.search(distinct_id="bare")["properties"][0] == {}


@pytest.mark.parametrize("limit", [0, -1, True, 1.5, "10", None])
def test_a_limit_is_a_whole_number(odd: Client, limit: Any) -> None:
    for call in (odd.persons.search, lambda limit: odd.persons.events(uuid4(), limit=limit)):
        with pytest.raises(InvalidInputError, match="limit is"):
            call(limit=limit)


PERSONS = 23
"""More than fit into one request where the sizes of pages are made small."""


@pytest.fixture
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(persons, "PERSONS_A_PAGE", 4)
    monkeypatch.setattr(newest, "EVENTS_A_PAGE", 4)
    monkeypatch.setattr(persons, "IDS_A_QUERY", 3)
    monkeypatch.setattr(persons, "MOST_DISTINCT_IDS", 5)


@pytest.fixture(scope="module")
def many() -> Iterator[Client]:
    with embedded_client() as client:
        for number in range(PERSONS):
            # Four persons at a time are of one moment.
            client.identify(f"p{number:02}", {"n": number}, timestamp=datetime(2026, 1, 1 + number // 4, tzinfo=UTC))
        for number in range(9):
            client.alias("p00", f"0190a2b4-0000-7000-8000-00000000000{number}", timestamp=DAY.format(9))
        for number in range(10):
            client.capture("seen", "p01", {"n": number}, timestamp=datetime(2026, 2, 1 + number // 4, tzinfo=UTC))
        yield client


@pytest.mark.usefixtures("small_pages")
@pytest.mark.filterwarnings("ignore:The person:UserWarning")
@pytest.mark.parametrize("limit", [1, 3, 4, 5, 8, 22, 23, 24, 50_000])
def test_each_is_there_once_newest_first(many: Client, limit: int) -> None:
    frame = many.persons.search(limit=limit)
    everybody = many.persons.search(limit=1000)
    assert everybody["uuid"].nunique() == PERSONS == len(everybody)
    assert frame["uuid"].tolist() == everybody["uuid"].tolist()[:limit]
    assert frame["created_at"].is_monotonic_decreasing
    assert all(len(ids) >= 1 for ids in frame["distinct_ids"])
    about = frame.attrs["posthog"]
    assert (about["total"], about["rows"], about["has_more"]) == (PERSONS, len(frame), limit < PERSONS)


@pytest.mark.usefixtures("small_pages")
def test_distinct_ids_beyond_the_most_are_said_to_be_cut_and_chosen_ones_come_first(many: Client) -> None:
    with pytest.warns(UserWarning, match="has more than 5 distinct ids") as warned:
        frame = many.persons.search(distinct_id="p00", frame="polars")
    assert warned[0].filename == __file__
    assert frame["distinct_ids"].to_list() == [["p00", *(f"0190a2b4-0000-7000-8000-00000000000{n}" for n in range(4))]]
    assert frame["name"].to_list() == ["p00"]
    with pytest.warns(UserWarning, match="has more than 5 distinct ids"):
        assert len(many.persons.get(frame["uuid"][0]).distinct_ids) == 5


@pytest.mark.usefixtures("small_pages")
@pytest.mark.parametrize("limit", [1, 4, 6, 11, 12, 500])
def test_a_persons_events_are_there_once_newest_first(many: Client, limit: int) -> None:
    uuid = many.persons.search(distinct_id="p01")["uuid"][0]
    frame = many.persons.events(uuid, limit=limit)
    every = many.persons.events(uuid, limit=1000)
    assert every["id"].nunique() == 11 == len(every)
    assert frame["id"].tolist() == every["id"].tolist()[:limit]
    assert frame["timestamp"].is_monotonic_decreasing
    assert frame.attrs["posthog"]["has_more"] is (limit < 11)


@pytest.mark.usefixtures("small_pages")
def test_one_who_comes_or_changes_between_two_pages_is_no_reason_to_stop(monkeypatch: pytest.MonkeyPatch) -> None:
    run = persons.run
    with embedded_client() as client:
        for number in range(10):
            client.identify(f"p{number}", {"n": number}, timestamp=datetime(2026, 1, 1 + number, tzinfo=UTC))

        def busy(connection: Any, query: str, **options: Any) -> Any:
            if "last_time" in query:
                client.identify("p1", {"changed": query}, timestamp=DAY.format(9))
                client.capture("came", f"late comer {len(query)}", timestamp="2026-03-01T00:00:00Z")
                client.alias("p0", "p2", timestamp=DAY.format(9))
            return run(connection, query, **options)

        monkeypatch.setattr(persons, "run", busy)
        frame = client.persons.search(limit=1000)
    first_four = [f"p{number}" for number in (9, 8, 7, 6)]
    assert [ids[0] for ids in frame["distinct_ids"]][:4] == first_four
    # p2 is p0 by then.
    assert sorted(id_ for ids in frame["distinct_ids"] for id_ in ids) == [f"p{number}" for number in range(10)]


def test_a_deleted_person_is_not_found_and_the_events_are() -> None:
    project = Project.in_memory(ProjectSettings())
    with embedded_client(project=project) as client:
        client.identify("gone", {"email": "gone@x.com"}, timestamp=DAY.format(1))
        uuid = person_id(client, "gone")
        row = project.store.persons([UUID(uuid)])[0]
        project.store.insert_persons([replace(row, is_deleted=True, version=row.version + 1)])
        assert client.persons.search().empty
        assert client.persons.total(search="gone") == 0
        with pytest.raises(NotFoundError):
            client.persons.get(uuid)
        assert len(client.persons.events(uuid)) == 1


@pytest.mark.slow
def test_tens_of_thousands_come_in_a_few_requests(monkeypatch: pytest.MonkeyPatch) -> None:
    number = 25_000
    start = datetime(2026, 1, 1, tzinfo=UTC)
    project = Project.in_memory(ProjectSettings())
    uuids = [UUID(int=n * 0x9E3779B97F4A7C15F39CC0605CEDC834 % 2**128) for n in range(number)]
    for n in range(0, number, 5000):
        some = list(enumerate(uuids))[n : n + 5000]
        project.store.insert_persons(
            [
                PersonRow(uuid, start + timedelta(seconds=k // 7), f'{{"n":{k}}}', True, False, 1, k + 1, start)
                for k, uuid in some
            ]
        )
        project.store.insert_distinct_ids([DistinctIdRow(f"d{k}", uuid, 1) for k, uuid in some])
    asked: list[str] = []
    run = persons.run
    monkeypatch.setattr(persons, "run", lambda *given, **options: asked.append(given[1]) or run(*given, **options))
    with embedded_client(project=project) as client:
        frame = client.persons.search(limit=50_000, frame="polars")
        assert len(asked) == 3 + 5
        assert set(frame["uuid"]) == set(map(str, uuids))
        assert frame["created_at"].is_sorted(descending=True)
        assert frame["distinct_ids"].list.len().sum() == number
        asked.clear()
        some = client.persons.search(limit=20_001)
        assert len(asked) == 3 + 1 + 5
        assert (some["uuid"].nunique(), some.attrs["posthog"]["total"]) == (20_001, number)


def test_arrow_carries_what_is_known_of_the_rows(posthog: Client) -> None:
    found = posthog.persons.search(limit=1, frame="arrow")
    about = json.loads(found.schema.metadata[b"posthog"])
    assert (about["total"], about["has_more"], about["source"]) == (4, True, "test")


def test_the_line_under_a_frame_says_how_many_there_are(posthog: Client) -> None:
    found = posthog.persons.search(limit=3)
    assert "the newest 3 of 4 persons" in (frame_html(found) or "")
    assert "persons" not in (frame_html(found.head(2)) or "")
    assert "4 persons; complete" in (frame_html(posthog.persons.search()) or "")
    events = posthog.persons.events(person_id(posthog, "ada"), limit=2)
    assert "the newest 2 events; there are more" in (frame_html(events) or "")
    events = posthog.persons.events(person_id(posthog, "ada"), limit=1)
    assert "the newest 1 event; there are more" in (frame_html(events) or "")


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
        for call in (posthog.persons.get, posthog.persons.events):
            with pytest.raises(NotFoundError, match=f"There is no person {key}") as caught:
                call(key)
            assert "distinct_id" in (caught.value.hint or "")


def test_a_distinct_id_that_looks_like_a_persons_id_is_told_as_one(posthog: Client) -> None:
    posthog.capture("opened", "777777", timestamp=DAY.format(6))
    owner = person_id(posthog, "777777")
    owners = {GENERATED: person_id(posthog, GENERATED), "777777": owner, 777777: owner}
    for key, uuid in owners.items():
        for call in (posthog.persons.get, posthog.persons.events):
            with pytest.raises(NotFoundError, match=f"it is a distinct id, of the person {uuid}") as caught:
                call(key)
            assert f"search(distinct_id={str(key)!r})" in (caught.value.hint or "")


@pytest.mark.parametrize("key", ["ada", "", True, None, "1.5", "-1", "١٢"])
def test_what_is_no_id_of_a_person_says_what_to_do(posthog: Client, key: Any) -> None:
    with pytest.raises(InvalidInputError):
        posthog.persons.get(key)
    with pytest.raises(InvalidInputError):
        posthog.persons.events(key)


@pytest.mark.parametrize("key", [None, True, 1.5, ["ada"]])
def test_what_could_be_no_id_at_all_is_not_said_to_be_a_distinct_id(posthog: Client, key: Any) -> None:
    with pytest.raises(InvalidInputError, match=f"person_id is of type {type(key).__name__}") as caught:
        posthog.persons.get(key)
    assert "distinct" not in (caught.value.hint or "")


def test_the_card_escapes_what_posthog_holds(posthog: Client) -> None:
    card = posthog.persons.get(person_id(posthog, "bob"))._repr_html_()
    assert "<script>" not in card
    assert "Bob &lt;script&gt;" in card
    assert "50% off_{x}" in card


def test_the_card_shows_every_property_and_folds_many_ids() -> None:
    with embedded_client() as client:
        client.identify("ada", {"source": "a friend", "uuid": "theirs", "a<b": {"c": "<i>"}}, timestamp=DAY.format(1))
        for number in range(12):
            client.alias("ada", f"id {number:02}", timestamp=DAY.format(2))
        person = client.persons.get(person_id(client, "ada"))
        card, text = person._repr_html_(), pretty(person)
    assert len(person.distinct_ids) == 13
    assert "id 08 and 3 more" in text
    assert "<li>id 08</li></ul><details><summary>3 more</summary><ul" in card
    assert all(f"<li>{one}</li>" in card for one in person.distinct_ids)
    for text in (person.uuid, "theirs", "a friend", "test", "a&lt;b", "&lt;i&gt;"):
        assert text in card
    assert "<i>" not in card


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("null", "<td>null</td>"),
        (None, "<td><code>null</code></td>"),
        (True, "<td><code>true</code></td>"),
        (12.5, "<td><code>12.5</code></td>"),
        ("2026-03-01T10:00:00Z", '<td><time datetime="2026-03-01T10:00:00Z">2026-03-01T10:00:00Z</time></td>'),
        ({"a": 1}, "<td><code>{&quot;a&quot;: 1}</code></td>"),
        ({"a": "b" * 100, "c": 1}, "<td><details><summary>2 keys</summary><pre>{\n &quot;a&quot;: &quot;bbb"),
        (list(range(40)), "<td><details><summary>40 items</summary><pre>[\n 0,\n 1,"),
        ("word " * 100, "<td><details><summary>word word"),
        ("x" * 5000, "… (3,000 more characters; person.properties has all)</pre>"),
    ],
)
def test_a_property_looks_as_its_type(posthog: Client, value: Any, shown: str) -> None:
    person = replace(posthog.persons.get(person_id(posthog, "ada")), properties={"p": value})
    assert shown in person._repr_html_()


def test_many_properties_fold_on_the_card_and_are_counted_in_a_terminal(posthog: Client) -> None:
    many = {f"p{number:03}": number for number in range(60)}
    person = replace(posthog.persons.get(person_id(posthog, "ada")), properties=many)
    card = person._repr_html_()
    assert "<details><summary>10 more properties</summary>" in card
    assert all(f">{name}</th>" in card for name in many)
    assert pretty(person).endswith("    and 10 more: person.properties")


def test_a_person_in_a_list_is_one_line(posthog: Client) -> None:
    ada = posthog.persons.get(person_id(posthog, "ada"))
    assert pretty([ada]) == f"[<Person 'Ada@Example.com': {ada.uuid}, 1 distinct id, from test>]"


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
        ({"event": "bought", "after": datetime(2026, 1, 3, 21, tzinfo=timezone(timedelta(hours=9)))}, [5, 4]),
        ({"event": "bought", "after": "2026-01-03T11:59:59.999999Z"}, [5, 4, 3]),
        ({"event": "bought", "before": "2026-01-03T13:00:00.000001+01:00"}, [3, 2, 1]),
    ],
)
def test_events_are_chosen_by_name_and_time(posthog: Client, terms: dict[str, Any], amounts: list[int]) -> None:
    frame = posthog.persons.events(1 if terms["event"] == "nothing" else person_id(posthog, "ada"), **terms)
    assert [properties["amount"] for properties in frame["properties"]] == amounts


def test_events_of_a_merged_person_are_all_of_its_ids(posthog: Client) -> None:
    frame = posthog.persons.events(person_id(posthog, "eve@example.com"), frame="polars")
    assert set(frame["distinct_id"]) == {GENERATED, "eve@example.com"}
    assert frame.schema["properties"] == pl.String


def test_a_time_is_exact_to_the_microsecond() -> None:
    with embedded_client("America/New_York") as client:
        moment = datetime(2026, 7, 1, 12, 0, 0, 500_000, tzinfo=UTC)
        for number in range(-1, 2):
            client.capture("e", "ada", {"n": number}, timestamp=moment + timedelta(microseconds=number))
        uuid = person_id(client, "ada")
        numbers = [
            [properties["n"] for properties in client.persons.events(uuid, **{end: moment})["properties"]]
            for end in ("after", "before")
        ]
        assert numbers == [[1], [-1]]
        found = client.persons.events(uuid)["timestamp"]
        assert str(found.dtype) == "datetime64[us, America/New_York]"
        assert found[1] == moment


def test_no_moment_between_two_times_is_said_before_anything_is_sent() -> None:
    client = connect("https://posthog.invalid", project_id=1, personal_api_key="phx_test")
    with pytest.raises(InvalidInputError, match="no moment lies between"):
        client.persons.events(uuid4(), after=DAY.format(2), before=DAY.format(2))


def test_a_person_is_as_good_as_their_uuid(posthog: Client) -> None:
    person = posthog.persons.get(person_id(posthog, "ada"))
    assert len(posthog.persons.events(person, event="bought")) == 5
    assert posthog.persons.events(person, event="nothing").empty


def test_events_without_a_person_profile_have_nobody_and_are_there() -> None:
    with embedded_client() as client:
        client.capture("e", "anonymous", {"$process_person_profile": False}, timestamp=DAY.format(1))
        uuid = client.query("SELECT person_id FROM events").rows[0][0]
        assert client.persons.search().empty
        assert len(client.persons.events(uuid)) == 1
        assert client.persons.events(uuid, event="other").empty


@pytest.mark.parametrize("frame", ["pandas", "polars", "arrow"])
def test_properties_become_columns_on_request(posthog: Client, frame: str) -> None:
    uuid = person_id(posthog, "ada")
    chosen = posthog.persons.events(uuid, event="bought", expand=["amount", "$lib"], frame=frame)
    columns = getattr(chosen, "column_names", None) or list(chosen.columns)
    assert columns == ["id", "event", "distinct_id", "properties", "timestamp", "amount", "$lib"]
    amounts = chosen["amount"].to_pylist() if frame == "arrow" else list(chosen["amount"])
    assert amounts == [5.0, 4.0, 3.0, 2.0, 1.0]
    every = posthog.persons.events(uuid, event="bought", expand=True, frame=frame)
    assert {"amount", "$lib", "$lib_version"} <= set(getattr(every, "column_names", None) or every.columns)


# On PostHog's own terms --------------------------------------------------------------------------------------------


UUID_ = "0190a2b4-0000-7000-8000-0000000000aa"
SINGLE = {
    "id": 5,
    "uuid": UUID_,
    "name": "Ada of the display property",
    "distinct_ids": ["ada", GENERATED],
    "properties": {"email": "ada@x.com", "title": "Countess"},
    "created_at": "2026-01-01T12:00:00.123456Z",
    "last_seen_at": None,
}
"""One person as PostHog's REST gives them: the number is the id here, and the UUID's text in its lists."""


def denied(scope: str) -> dict[str, Any]:
    return {
        "type": "authentication_error",
        "code": "permission_denied",
        "detail": f"API key missing required scope '{scope}'",
        "attr": None,
    }


@pytest.fixture
def remote(httpserver: HTTPServer) -> Client:
    return connect(httpserver.url_for(""), project_id=1, personal_api_key="phx_test")


PERSON = "/api/projects/1/persons/{}/"
QUERY = "/api/projects/1/query/"


def test_a_number_is_read_by_rest_alone(remote: Client, httpserver: HTTPServer) -> None:
    httpserver.expect_oneshot_request(PERSON.format(5)).respond_with_json(SINGLE)
    person = remote.persons.get(5)
    assert (person.id, person.uuid, person.name) == (5, UUID_, "Ada of the display property")
    assert person.distinct_ids == ["ada", GENERATED]
    assert person.properties == SINGLE["properties"]
    assert person.created_at == datetime(2026, 1, 1, 12, 0, 0, 123456, tzinfo=UTC)
    assert person.to_frame()["id"][0] == "5"
    assert len(httpserver.log) == 1


def test_a_key_that_may_only_read_persons_reads_one_by_uuid(remote: Client, httpserver: HTTPServer) -> None:
    httpserver.expect_request(QUERY).respond_with_json(denied("query:read"), status=403)
    httpserver.expect_request(PERSON.format(UUID_)).respond_with_json(SINGLE)
    assert remote.persons.get(UUID_).name == "Ada of the display property"
    with pytest.raises(PermissionDeniedError, match="query:read"):
        remote.persons.search("ada")
    with pytest.raises(PermissionDeniedError, match="query:read"):
        remote.persons.events(UUID_)


@pytest.mark.filterwarnings("ignore::posthog_nb.cautions.PersonalDataWarning")
def test_what_such_a_key_is_told_is_replayed(remote: Client, httpserver: HTTPServer, tmp_path: Path) -> None:
    nobody = "00000000-0000-4000-8000-000000000000"
    httpserver.expect_request(QUERY).respond_with_json(denied("query:read"), status=403)
    httpserver.expect_request(PERSON.format(UUID_)).respond_with_json(SINGLE)
    httpserver.expect_request(PERSON.format(nobody)).respond_with_json({"detail": "Not found."}, status=404)
    remote._connection.record(Recording(tmp_path / "q1"))

    def told(ph: Client) -> list[object]:
        person = ph.persons.get(UUID_)
        with pytest.raises(NotFoundError) as caught:
            ph.persons.get(nobody)
        return [person.name, person.properties, caught.value.lines()]

    recorded = told(remote)
    with connect(snapshot=tmp_path / "q1") as replay:
        assert told(replay) == recorded


def test_where_neither_is_allowed_the_scope_of_queries_is_asked_for(remote: Client, httpserver: HTTPServer) -> None:
    httpserver.expect_request(QUERY).respond_with_json(denied("query:read"), status=403)
    httpserver.expect_request(PERSON.format(UUID_)).respond_with_json(denied("person:read"), status=403)
    with pytest.raises(PermissionDeniedError, match="query:read"):
        remote.persons.get(UUID_)


def test_a_person_who_is_not_there_is_not_found_without_the_right_to_query(
    remote: Client, httpserver: HTTPServer
) -> None:
    missing = {"type": "invalid_request", "code": "not_found", "detail": "Not found.", "attr": None}
    httpserver.expect_request(QUERY).respond_with_json(denied("query:read"), status=403)
    for key in (5, UUID_):
        httpserver.expect_request(PERSON.format(key)).respond_with_json(missing, status=404)
        with pytest.raises(NotFoundError, match=f"There is no person {key}"):
            remote.persons.get(key)


def test_a_missing_scope_for_numbers_is_named_with_the_way_that_needs_none(
    remote: Client, httpserver: HTTPServer
) -> None:
    httpserver.expect_request(PERSON.format(5)).respond_with_json(denied("person:read"), status=403)
    for call in (remote.persons.get, remote.persons.events):
        with pytest.raises(PermissionDeniedError) as caught:
            call(5)
        assert "person:read" in (caught.value.hint or "")
        assert "UUID" in (caught.value.hint or "")


@pytest.mark.parametrize("body", [{"results": []}, [], {"id": 5}])
def test_an_answer_that_is_no_person_is_told(remote: Client, httpserver: HTTPServer, body: Any) -> None:
    httpserver.expect_request(PERSON.format(5)).respond_with_json(body)
    with pytest.raises(TransportError, match="no person"):
        remote.persons.get(5)


def test_properties_of_a_json_column_are_taken_as_objects(remote: Client, httpserver: HTTPServer) -> None:
    """A newer PostHog may send the whole of ``properties`` as an object, and times of a person in seconds."""

    def respond(request: Request) -> Any:
        asked = json.loads(request.get_data())["query"]["query"]
        if "person_distinct_ids" in asked:
            return reply(["person", "n", "ids"], ["String", "UInt64", "Array(String)"], [[UUID_, 1, ["ada"]]])
        return reply(
            ["uuid", "properties", "created_at"],
            ["String", "JSON", "DateTime('Europe/Berlin')"],
            [[UUID_, {"email": "ada@x.com", "seats": 3}, "2026-07-01T02:00:00+02:00"]],
        )

    httpserver.expect_request(QUERY).respond_with_handler(respond)
    found = remote.persons.search()
    assert found["properties"][0] == {"email": "ada@x.com", "seats": 3}
    assert found["name"][0] == "ada@x.com"
    assert found["created_at"][0] == datetime(2026, 7, 1, tzinfo=UTC)
    assert str(found["created_at"].dtype) == "datetime64[us, Europe/Berlin]"


def test_every_page_is_a_query_that_goes_on_at_the_exact_moment(
    remote: Client, httpserver: HTTPServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No list of REST is asked: those end early, without an error."""
    monkeypatch.setattr(newest, "EVENTS_A_PAGE", 2)
    seen: list[dict[str, Any]] = []
    # The hour that the end of summer time repeats.
    times = ["2026-10-25T02:30:00.000001+01:00", "2026-10-25T02:30:00.000001+02:00", "2026-10-25T02:30:00+02:00"]

    def respond(request: Request) -> Any:
        seen.append(json.loads(request.get_data())["query"])
        start = 0 if len(seen) == 1 else 2
        rows = [[str(UUID(int=n)), "e", "ada", "{}", times[n]] for n in range(3)][start : start + 3]
        types = ["String", "String", "String", "String", "DateTime64(6, 'Europe/Berlin')"]
        return reply(["id", "event", "distinct_id", "properties", "timestamp"], types, rows)

    httpserver.expect_request(QUERY).respond_with_handler(respond)
    found = remote.persons.events(UUID_, limit=100)
    assert found["id"].tolist() == [str(UUID(int=n)) for n in range(3)]
    in_utc = [datetime.fromisoformat(time).astimezone(UTC) for time in times]
    assert found["timestamp"].dt.tz_convert("UTC").tolist() == in_utc
    assert {request.path for request, _ in httpserver.log} == {QUERY}
    assert len(seen) == 2
    assert "OFFSET" not in seen[1]["query"]
    assert seen[1]["values"] == {
        "person": UUID_,
        "last_time": "2026-10-25 00:30:00.000001",
        "last_id": str(UUID(int=1)),
    }


def reply(columns: list[str], types: list[str], rows: list[list[Any]]) -> Any:
    from werkzeug import Response  # noqa: PLC0415

    body = {
        "results": rows,
        "columns": columns,
        "types": [list(pair) for pair in zip(columns, types, strict=True)],
        "hasMore": None,
        "timezone": "Europe/Berlin",
        "is_cached": False,
    }
    return Response(json.dumps(body), content_type="application/json")


def test_no_query_about_persons_uses_offset_or_writes_a_value_out(remote: Client, httpserver: HTTPServer) -> None:
    seen: list[dict[str, Any]] = []

    def respond(request: Request) -> Any:
        seen.append(json.loads(request.get_data())["query"])
        return reply([], [], [])

    httpserver.expect_request(QUERY).respond_with_handler(respond)
    for call in (
        lambda: remote.persons.total("' OR 1=1", email="' OR 1=1", distinct_id="' OR 1=1"),
        lambda: remote.persons.get(UUID_),
        lambda: remote.persons.events(UUID_, event="' OR 1=1", after=DAY.format(1), before=DAY.format(2)),
    ):
        with pytest.raises((NotFoundError, IndexError, KeyError)):
            call()
    assert len(seen) >= 4
    for query in seen:
        assert "offset" not in query["query"].lower()
        assert "OR 1=1" not in query["query"]
        assert UUID_ not in query["query"]
