"""Lifecycle: equal to what is told person by person and interval by interval."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from posthog_nb.analysis.series import Series
from posthog_nb.errors import InvalidInputError
from tests.streams import Calendar, Seen, Stream, project_in, streams

if TYPE_CHECKING:
    from collections.abc import Iterator

    from posthog_nb.client import Client

STATUSES = ["new", "returning", "resurrecting", "dormant"]


@pytest.fixture(scope="module")
def berlin() -> Iterator[Client]:
    with project_in("Europe/Berlin", week_start=1) as client:
        yield client


@pytest.fixture(scope="module")
def sao_paulo() -> Iterator[Client]:
    with project_in("America/Sao_Paulo") as client:
        yield client


def created(ph: Client, stream: Stream) -> dict[str, datetime]:
    """When the persons were created, as the project has it."""
    rows = ph.query(
        "SELECT DISTINCT distinct_id, person.created_at FROM events WHERE properties.run = {run} LIMIT 1000",
        values={"run": str(stream.run)},
    ).rows
    return {distinct_id.split()[-1]: moment for distinct_id, moment in rows}


def told(
    events: list[Seen], made: dict[str, datetime], calendar: Calendar, since: datetime, until: datetime
) -> list[tuple[datetime, str, int]]:
    """The rows of the frame, by loops."""
    starts = calendar.starts(since, until)
    counts = {(begins, status): 0 for begins in starts for status in STATUSES}
    for person in {one.person for one in events}:
        active = {calendar.start(one.at) for one in events if one.person == person}
        for begins in starts:
            before = calendar.start(begins - timedelta(seconds=1))
            earlier = [one for one in active if calendar.start(starts[0] - timedelta(seconds=1)) <= one < begins]
            if begins not in active:
                status = "dormant" if before in active else None
            elif before in active:
                status = "returning"
            else:
                status = "new" if calendar.start(made[person]) == begins and not earlier else "resurrecting"
            if status is not None:
                counts[begins, status] += -1 if status == "dormant" else 1
    return [(begins, status, count) for (begins, status), count in counts.items()]


def check(ph: Client, zone: str, week_start: int, data: st.DataObject) -> None:
    stream = data.draw(streams(zone))
    since, until = (stream.moment(data.draw(st.integers(*ends))) for ends in ((-14, 2), (0, 18)))
    event = data.draw(st.sampled_from(["a", "b", None]))
    stream.send(ph)
    found = ph.lifecycle(Series(event), interval=stream.period, date_from=since, date_to=until, properties=stream.only)
    rows = [(row["date"].astimezone(UTC), row["status"], row["count"]) for row in found.to_arrow().to_pylist()]
    events = [one for one in stream.events if event in (None, one.event)]
    assert rows == told(events, created(ph, stream), Calendar(stream.period, zone, week_start), since, until)


@settings(max_examples=12)
@given(data=st.data())
def test_is_what_is_told_person_by_person(berlin: Client, data: st.DataObject) -> None:
    check(berlin, "Europe/Berlin", 1, data)


@settings(max_examples=8)
@given(data=st.data())
def test_is_so_where_a_day_has_no_midnight(sao_paulo: Client, data: st.DataObject) -> None:
    check(sao_paulo, "America/Sao_Paulo", 0, data)


@pytest.mark.fuzz
@settings(max_examples=600)
@given(data=st.data())
def test_fuzz(berlin: Client, sao_paulo: Client, data: st.DataObject) -> None:
    if data.draw(st.booleans()):
        check(berlin, "Europe/Berlin", 1, data)
    else:
        check(sao_paulo, "America/Sao_Paulo", 0, data)


@pytest.fixture(scope="module")
def ph() -> Iterator[Client]:
    with project_in("Europe/Berlin", as_of=datetime(2026, 1, 7, 12, tzinfo=UTC)) as client:
        for day, person in (("01", "ann"), ("02", "ann"), ("05", "ann"), ("05", "bob"), ("06", "ghost")):
            profile = {"$process_person_profile": False} if person == "ghost" else {"$groups": {"company": "Acme"}}
            client.capture("seen", person, profile, f"2026-01-{day}T10:00:00Z")
        yield client


def rows_of(found: Any) -> list[tuple[str, str, int]]:
    rows = found.to_arrow().to_pylist()
    return [(row["date"].strftime("%m-%d"), row["status"], row["count"]) for row in rows if row["count"]]


def test_days_of_two_persons(ph: Client) -> None:
    assert rows_of(ph.lifecycle("seen", date_from="2026-01-01", date_to="2026-01-06")) == [
        ("01-01", "new", 1),
        ("01-02", "returning", 1),
        ("01-03", "dormant", -1),
        ("01-05", "new", 1),
        ("01-05", "resurrecting", 1),
        ("01-06", "dormant", -2),
    ]


def test_who_was_active_before_the_range_returns(ph: Client) -> None:
    assert rows_of(ph.lifecycle("seen", date_from="2026-01-02", date_to="2026-01-02")) == [("01-02", "returning", 1)]


def test_groups(ph: Client) -> None:
    found = ph.lifecycle("seen", date_from="2026-01-05", date_to="2026-01-05", aggregation_group_type_index=0)
    assert rows_of(found) == [("01-05", "resurrecting", 1)]


def test_a_row_for_each_interval_and_status_without_events_too(ph: Client) -> None:
    frame = ph.lifecycle("never").to_pandas()
    assert list(frame.columns) == ["date", "status", "count"]
    assert len(frame) == 8 * 4
    assert list(frame["status"][:4]) == STATUSES
    assert frame["count"].eq(0).all()


def test_the_query_by_hand_gives_the_same_rows(ph: Client) -> None:
    found = ph.lifecycle(
        Series("seen", {"$browser": "o'Neil"}), interval="week", date_from="-3w", timezone="Asia/Tokyo"
    )
    assert ph.query(found.hogql, limit=50_000).rows == found.result.rows


def test_the_picture_and_what_it_is_called(ph: Client) -> None:
    found = ph.lifecycle("seen")
    assert found.title == "Lifecycle: seen"
    assert "dormant" in found.plot().to_json()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"interval": "year"}, "interval is 'year'"),
        ({"sampling_factor": 0}, "sampling_factor is 0"),
        ({"sampling_factor": "1"}, "sampling_factor is '1'"),
        ({"aggregation_group_type_index": 5}, "aggregation_group_type_index is 5"),
        ({"timezone": "Berlin"}, "'Berlin' is no time zone"),
    ],
)
def test_bad_options_are_refused(ph: Client, options: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidInputError, match=message):
        ph.lifecycle("seen", **options)
