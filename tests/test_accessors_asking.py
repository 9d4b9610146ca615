"""What a frame answers: HogQL, sessions, the analyses of a client, properties as columns, persons beside it."""

from __future__ import annotations

import inspect
import warnings
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from posthog_nb.accessors.accessor import FrameAccessor
from posthog_nb.accessors.sessions import read_gap
from posthog_nb.client import Client, latest_client, remember
from posthog_nb.errors import InvalidInputError, MissingParameterError

if TYPE_CHECKING:
    from collections.abc import Iterator

pytest.importorskip("chdb", reason="the embedded engine has no wheel here")

NOON = datetime(2026, 3, 29, 12, tzinfo=UTC)


def at(minutes: float) -> datetime:
    return NOON + timedelta(minutes=minutes)


FRAME = pl.DataFrame(
    {
        "event": ["$pageview", "signed_up", "$pageview", "$pageview", "paid"],
        "distinct_id": ["ann", "ann", "bob", "ann", "ann"],
        "timestamp": [at(0), at(1), at(2), at(61), at(61)],
        "plan": ["free", None, "pro", "free", "pro"],
    }
)


# HogQL -------------------------------------------------------------------------------------------------------------


def test_a_query_gives_a_frame_of_the_same_kind() -> None:
    hogql = "SELECT properties.plan AS plan, count() AS n FROM events GROUP BY plan ORDER BY plan"
    found = FrameAccessor(FRAME).query(hogql)
    assert isinstance(found, pl.DataFrame)
    assert found.rows() == [("free", 2), ("pro", 2), (None, 1)]
    as_pandas = FrameAccessor(FRAME.to_pandas()).query(hogql)
    assert isinstance(as_pandas, pd.DataFrame)
    assert as_pandas.attrs["posthog"]["source"] == "a pandas frame"


def test_a_query_gives_all_rows_unless_it_is_told_otherwise() -> None:
    many = FrameAccessor(FRAME.head(1).select(pl.all().repeat_by(50_001).explode()))
    assert many.query("SELECT uuid FROM events")["uuid"].n_unique() == 50_001
    assert len(FrameAccessor(FRAME).query("SELECT uuid FROM events", limit=2)) == 2
    assert len(FrameAccessor(FRAME).query("SELECT uuid FROM events LIMIT 3")) == 3


def test_values_are_bound() -> None:
    assert FrameAccessor(FRAME).query("SELECT {x}", values={"x": "it's"}).rows() == [("it's",)]
    with pytest.raises(MissingParameterError):
        FrameAccessor(FRAME).query("SELECT {x}")


# Sessions ----------------------------------------------------------------------------------------------------------


def slow_sessions(rows: list[dict[str, Any]], gap: timedelta) -> list[tuple[Any, ...]]:
    """Sessions, one event after the other."""
    found = []
    for person in dict.fromkeys(row["distinct_id"] for row in rows):
        own = sorted((row for row in rows if row["distinct_id"] == person), key=lambda row: row["timestamp"])
        sessions: list[list[dict[str, Any]]] = []
        for row in own:
            if not sessions or row["timestamp"] - sessions[-1][-1]["timestamp"] > gap:
                sessions.append([])
            sessions[-1].append(row)
        for number, events in enumerate(sessions, 1):
            first, last = events[0], events[-1]
            seconds = (last["timestamp"] - first["timestamp"]) / timedelta(seconds=1)
            found.append(
                (
                    number,
                    person,
                    first["timestamp"],
                    last["timestamp"],
                    seconds,
                    len(events),
                    first["event"],
                    last["event"],
                )
            )
    return sorted(found, key=lambda one: (one[2], one[1], one[0]))


STREAMS = st.lists(
    st.fixed_dictionaries(
        {
            "event": st.sampled_from(["a", "b", "c"]),
            "distinct_id": st.sampled_from(["ann", "bob"]),
            # Ties, exactly the gap, a microsecond more, and over the night on which Berlin's clocks change.
            "timestamp": st.sampled_from([0, 30, 30 + 1 / 6e7, 60, 61, 119, -600, -601, -720]).map(at),
        }
    ),
    min_size=1,
    max_size=25,
)


@settings(max_examples=12)
@given(rows=STREAMS)
def test_sessions_are_those_of_going_through_the_events(rows: list[dict[str, Any]]) -> None:
    frame = pl.DataFrame(rows).with_columns(pl.col("timestamp").dt.convert_time_zone("Europe/Berlin"))
    found = FrameAccessor(frame).sessions()
    assert found.rows() == slow_sessions(rows, timedelta(minutes=30))
    assert found.schema["started_at"] == pl.Datetime("us", "Europe/Berlin")


def test_sessions_are_of_persons_where_there_are_any() -> None:
    frame = FRAME.with_columns(person_id=pl.lit("00000000-0000-4000-8000-000000000001"))
    found = FrameAccessor(frame).sessions(timedelta(hours=2))
    assert found.columns[0] == "person_id"
    assert found.select("person_id", "distinct_id", "events", "last_event").rows() == [
        ("00000000-0000-4000-8000-000000000001", "ann", 5, "paid")
    ]


def test_sessions_are_those_of_the_frames_column() -> None:
    # Numbers that begin anew with each person, as they often do.
    frame = FRAME.with_columns(session=pl.Series([1, 1, 1, 2, None]))
    with pytest.warns(UserWarning, match="no UUIDs of version 7"):
        found = FrameAccessor(frame).sessions()
    assert found.select("session", "distinct_id", "events", "first_event").rows() == [
        ("1", "ann", 2, "$pageview"),
        ("1", "bob", 1, "$pageview"),
        ("2", "ann", 1, "$pageview"),
    ]
    with pytest.warns(UserWarning, match="no UUIDs of version 7"):
        assert FrameAccessor(frame).sessions("2h")["session"].to_list() == [1, 1]


def test_the_table_of_sessions_knows_the_frames_sessions() -> None:
    frame = FRAME.with_columns(session=pl.Series(["s", "s", "t", "u", "u"]))
    hogql = "SELECT $session_duration, $start_timestamp FROM sessions ORDER BY $start_timestamp"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert FrameAccessor(frame).query(hogql).rows() == [(60, at(0)), (0, at(2)), (0, at(61))]
    own = "0195e1f4-4c00-7000-8000-0000000000aa"
    kept = FRAME.with_columns(pl.lit(own).alias("$session_id"))
    assert FrameAccessor(kept).query("SELECT session_id, $session_duration FROM sessions").rows() == [(own, 3660)]


@pytest.mark.parametrize(
    ("gap", "seconds"),
    [("30 minutes", 1800), ("2h", 7200), ("45s", 45), ("1.5 days", 129_600), (timedelta(minutes=1), 60), ("1 min", 60)],
)
def test_a_gap_is_read(gap: str | timedelta, seconds: int) -> None:
    assert read_gap(gap) == timedelta(seconds=seconds)


@pytest.mark.parametrize("gap", [30, "30", "half an hour", "0s", timedelta(0), "-1h", f"{10**12} days"])
def test_what_is_no_gap_is_refused(gap: Any) -> None:
    with pytest.raises(InvalidInputError, match="gap is"):
        FrameAccessor(FRAME).sessions(gap)


# Analyses ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["trends", "funnel", "retention", "stickiness", "lifecycle", "paths"])
def test_an_analysis_has_the_arguments_of_the_clients(name: str) -> None:
    own, clients = (inspect.signature(getattr(one, name)) for one in (FrameAccessor, Client))
    assert own == clients
    assert getattr(FrameAccessor, name).__doc__ == getattr(Client, name).__doc__


EVENTS = """
    SELECT uuid, event, distinct_id, person_id, timestamp, properties.$browser AS `$browser`,
      properties.$current_url AS `$current_url`, properties.$screen_name AS `$screen_name`,
      properties.$session_id AS `$session_id`
    FROM events WHERE timestamp > toDateTime('2026-03-16 00:00:00')
"""
RANGE = {"date_from": "2026-03-17", "date_to": "2026-03-29"}


@pytest.fixture(scope="module")
def taken(demo: Client) -> Iterator[tuple[Client, Client]]:
    """The demo, and two weeks of it in a frame."""
    frame = demo.query(EVENTS, limit=10**6).to_polars()
    with FrameAccessor(frame)(as_of="2026-03-31T00:00:00Z").connect() as client:
        yield demo, client


ASKED: dict[str, tuple[tuple[Any, ...], dict[str, Any]]] = {
    "trends": (("$pageview",), {**RANGE, "breakdown": "$browser"}),
    "funnel": ((["$pageview", "signed_up"],), {**RANGE, "breakdown": "$browser"}),
    "retention": (("$pageview",), {"date_to": "2026-03-29"}),
    "stickiness": (("$pageview",), RANGE),
    "paths": ((), RANGE),
}
"""No lifecycle: it asks when a person was first seen, which was before those two weeks."""


@pytest.mark.parametrize("name", ASKED)
def test_an_analysis_of_a_frame_is_that_of_the_project_that_it_is_from(name: str, taken: tuple[Client, Client]) -> None:
    arguments, options = ASKED[name]
    expected, found = (getattr(client, name)(*arguments, **options).to_polars() for client in taken)
    assert expected.height > 3
    assert_frame_equal(found, expected)


def test_an_analysis_of_a_frame_becomes_a_frame_of_its_kind() -> None:
    assert isinstance(FrameAccessor(FRAME).trends().to_frame(), pl.DataFrame)
    assert isinstance(FrameAccessor(FRAME.to_pandas()).trends().to_frame(), pd.DataFrame)


# Properties --------------------------------------------------------------------------------------------------------


def test_properties_become_columns_typed_by_their_values() -> None:
    texts = ['{"n":1,"ok":true,"at":"2026-01-01T12:00:00+01:00","t":"x"}', '{"n":2.5,"t":"y"}', None]
    frame = pl.DataFrame({"properties": texts})
    found = FrameAccessor(frame).expand("properties", ["n", "ok", "at", "t"])
    assert found.schema == {
        "properties": pl.String, "n": pl.Float64, "ok": pl.Boolean, "at": pl.Datetime("us", "UTC"), "t": pl.String,
    }  # fmt: skip
    assert found.drop("properties").rows() == [
        (1.0, True, datetime(2026, 1, 1, 11, tzinfo=UTC), "x"),
        (2.5, None, None, "y"),
        (None, None, None, None),
    ]
    as_pandas = FrameAccessor(frame.to_pandas()).expand("properties", ["n"], prefix="p.")
    assert as_pandas["p.n"].tolist()[:2] == [1.0, 2.5]


def test_a_value_of_another_kind_is_empty_and_that_is_said() -> None:
    frame = pd.DataFrame({"properties": [{"n": 1}, {"n": "many"}]})
    with pytest.warns(UserWarning, match="1 value of 'n' is not Numeric"):
        found = FrameAccessor(frame).expand()
    assert found["n"].isna().tolist() == [False, True]


# Persons -----------------------------------------------------------------------------------------------------------


def test_persons_are_joined_by_distinct_id(demo: Client) -> None:
    known = demo.query(
        "SELECT distinct_id, toString(person_id) FROM person_distinct_ids ORDER BY distinct_id LIMIT 2"
    ).rows
    ((one, person), (other, _)) = known
    frame = pl.DataFrame({"user_id": [one, "nobody", other, one, None], "n": range(5)})
    with pytest.warns(UserWarning, match="1 of 3 distinct ids are nobody's in demo, such as 'nobody'"):
        found = FrameAccessor(frame).persons(client=demo)
    assert found.columns == ["user_id", "n", "person_id", "person_properties"]
    assert found["person_id"].to_list()[0] == found["person_id"].to_list()[3] == person
    assert found["person_id"].is_null().to_list() == [False, True, False, False, True]
    assert FrameAccessor(found).expand("person_properties").height == 5
    with pytest.warns(UserWarning, match="nobody"):
        as_pandas = FrameAccessor(frame.to_pandas()).persons(client=demo)
    assert as_pandas["person_id"].isna().tolist() == [False, True, False, False, True]
    assert isinstance(as_pandas["person_properties"][0], dict)
    with pytest.raises(InvalidInputError, match="a column 'person_properties' already"):
        FrameAccessor(as_pandas).persons(client=demo)


def test_persons_are_asked_of_the_latest_client(demo: Client) -> None:
    before = latest_client()
    frame = demo.query("SELECT distinct_id, person_id FROM person_distinct_ids LIMIT 3").to_pandas()
    try:
        remember(demo)
        found = FrameAccessor(frame).persons()
        assert list(found.columns) == ["distinct_id", "person_id", "person_properties"]
        assert found["person_properties"].map(type).tolist() == [dict] * 3
        remember(None)
        with pytest.raises(InvalidInputError, match="no project to ask for persons"):
            FrameAccessor(frame).persons()
    finally:
        remember(before)
    with pytest.raises(InvalidInputError, match="client is of type str"):
        FrameAccessor(frame).persons(client="demo")  # type: ignore[arg-type]
    with pytest.raises(InvalidInputError, match="no column that says who did it"):
        FrameAccessor(frame.drop(columns="distinct_id")).persons(client=demo)
