"""Stickiness: equal to what is counted person by person."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from posthog_nb.analysis.series import Series
from posthog_nb.errors import InvalidInputError
from tests.streams import Calendar, Stream, project_in, streams

if TYPE_CHECKING:
    from collections.abc import Iterator

    from posthog_nb.client import Client

FITS = {"gte": int.__ge__, "lte": int.__le__, "exact": int.__eq__}


@pytest.fixture(scope="module")
def berlin() -> Iterator[Client]:
    with project_in("Europe/Berlin", week_start=1) as client:
        yield client


@pytest.fixture(scope="module")
def sao_paulo() -> Iterator[Client]:
    with project_in("America/Sao_Paulo") as client:
        yield client


def counted(
    stream: Stream, event: str | None, dates: tuple[datetime, datetime], criteria: tuple[str, int], calendar: Calendar
) -> list[int]:
    """How many persons were active in 1, 2, ... intervals, by loops."""
    since, until = dates
    starts = calendar.starts(since, until)
    persons = [0] * len(starts)
    for person in {one.person for one in stream.events}:
        active = 0
        for begins in starts:
            found = [
                one
                for one in stream.events
                if one.person == person
                and event in (None, one.event)
                and since <= one.at <= until
                and calendar.start(one.at) == begins
            ]
            if found and FITS[criteria[0]](len(found), criteria[1]):
                active += 1
        if active:
            persons[active - 1] += 1
    return persons


def check(ph: Client, zone: str, week_start: int, data: st.DataObject) -> None:
    stream = data.draw(streams(zone))
    dates = stream.moment(data.draw(st.integers(-14, 2))), stream.moment(data.draw(st.integers(0, 18)))
    events = data.draw(st.lists(st.sampled_from(["a", "b", None]), min_size=1, max_size=2))
    criteria = data.draw(st.tuples(st.sampled_from(sorted(FITS)), st.integers(1, 3)))
    cumulative = data.draw(st.booleans())
    stream.send(ph)
    found = ph.stickiness(
        [Series(event) for event in events],
        interval=stream.period,
        date_from=dates[0],
        date_to=dates[1],
        properties=stream.only,
        stickiness_criteria=criteria,
        cumulative=cumulative,
    )
    expected: list[tuple[str, int, int, float | None]] = []
    for event in events:
        persons = counted(stream, event, dates, criteria, Calendar(stream.period, zone, week_start))
        everyone = sum(persons)
        for place, exactly in enumerate(persons):
            count = sum(persons[place:]) if cumulative else exactly
            expected.append((event or "All events", place + 1, count, count / everyone if everyone else None))
    assert [tuple(row.values()) for row in found.to_arrow().to_pylist()] == expected


@settings(max_examples=12)
@given(data=st.data())
def test_is_what_is_counted_person_by_person(berlin: Client, data: st.DataObject) -> None:
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
        for day, person in (("05", "ann"), ("06", "ann"), ("06", "bob")):
            client.capture("seen", person, {"$groups": {"company": "Acme"}}, f"2026-01-{day}T10:00:00Z")
        yield client


def test_days_of_two_persons(ph: Client) -> None:
    frame = ph.stickiness(Series("seen", custom_name="Seen"), date_from="2026-01-05").to_pandas()
    assert list(frame.columns) == ["series", "intervals_active", "count", "share"]
    assert frame.to_numpy().tolist() == [["Seen", 1, 1, 0.5], ["Seen", 2, 1, 0.5], ["Seen", 3, 0, 0]]


def test_groups(ph: Client) -> None:
    company = Series("seen", math="unique_group", math_group_type_index=0)
    assert ph.stickiness(company, date_from="2026-01-05").to_pandas()["count"].tolist() == [0, 1, 0]


def test_the_query_by_hand_gives_the_same_rows(ph: Client) -> None:
    found = ph.stickiness(["seen", "o'Neil"], interval="month", date_from="-3m", timezone="Asia/Tokyo", cumulative=True)
    assert ph.query(found.hogql, limit=50_000).rows == found.result.rows


def test_the_picture_and_what_it_is_called(ph: Client) -> None:
    found = ph.stickiness(["seen", "paid"])
    assert found.title == "Stickiness: seen, paid"
    assert "Stickiness: seen, paid" in found.plot().to_json()


@pytest.mark.parametrize(
    ("series", "options", "message"),
    [
        ("seen", {"stickiness_criteria": ("more", 1)}, "stickiness_criteria is"),
        ("seen", {"stickiness_criteria": ("gte", 0)}, "stickiness_criteria is"),
        ("seen", {"stickiness_criteria": "gte"}, "stickiness_criteria is 'gte'"),
        ("seen", {"sampling_factor": 2}, "sampling_factor is 2"),
        (Series("paid", math="sum", math_property="amount"), {}, "the math 'sum', of which there is no stickiness"),
    ],
)
def test_bad_options_are_refused(ph: Client, series: Any, options: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidInputError, match=message):
        ph.stickiness(series, **options)
