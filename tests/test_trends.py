"""Trends: equal, to the last row, to what is counted row by row."""

from __future__ import annotations

import re
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import TYPE_CHECKING, Any
from uuid import NAMESPACE_OID, uuid5

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from posthog_nb import Series
from posthog_nb.analysis.maths import MATHS
from posthog_nb.embedded.project import Project, ProjectSettings
from posthog_nb.errors import InvalidInputError
from tests.embedded import embedded_client
from tests.trends_oracle import Asked, Calendar, of_formula, of_one, previous_range, read_range

if TYPE_CHECKING:
    from collections.abc import Iterator

    from posthog_nb.client import Client

# Days before, clocks went forward in Berlin; in São Paulo there was no midnight.
CLOCKS = {
    "Europe/Berlin": (1, datetime(2024, 4, 2, 9, 30, tzinfo=UTC)),
    "America/Sao_Paulo": (0, datetime(2018, 11, 6, 1, 10, tzinfo=UTC)),
}
WITH_NUMBERS = ["avg", "sum", "min", "max", "median", "p75", "p90", "p95", "p99"]
COUNTED = [one for one in MATHS if one not in (*WITH_NUMBERS, "hogql", "unique_group")]
RUNS = count()


@pytest.fixture(scope="module")
def projects() -> Iterator[dict[str, Client]]:
    """A project of each zone, at its moment, for the streams of all examples."""
    with ExitStack() as stack:
        yield {
            zone: stack.enter_context(
                embedded_client(
                    project=Project.in_memory(ProjectSettings(timezone=zone, week_start=week_start, as_of=now))
                )
            )
            for zone, (week_start, now) in CLOCKS.items()
        }


@dataclass(frozen=True)
class Stream:
    """Events of three persons, each with an identifier of before and one of after a merge."""

    zone: str
    rows: list[dict[str, Any]]
    run: int = field(default_factory=lambda: next(RUNS))

    def __post_init__(self) -> None:
        for number, row in enumerate(self.rows):
            row["uuid"] = str(uuid5(NAMESPACE_OID, f"{self.run} {number}"))

    def frame(self) -> pd.DataFrame:
        columns = ["uuid", "event", "person", "at", "plan", "amount", "session"]
        return pd.DataFrame(self.rows, columns=columns).astype({"plan": object, "amount": float})

    def send(self, ph: Client) -> None:
        sent = [
            {
                "uuid": row["uuid"],
                "event": f"{row['event']} {self.run}",
                "distinct_id": f"{self.run} {row['person']} {row['anonymous']}",
                "timestamp": row["at"],
                "properties": {
                    "plan": row["plan"],
                    "amount": row["amount"],
                    "$session_id": row["session"],
                },
            }
            for row in self.rows
        ]
        merged = [
            {
                "event": "$identify",
                "distinct_id": f"{self.run} {person} False",
                "timestamp": CLOCKS[self.zone][1],
                "properties": {"$anon_distinct_id": f"{self.run} {person} True"},
            }
            for person in sorted({row["person"] for row in self.rows if row["anonymous"]})
        ]
        ph.capture_many([*sent, *merged], progress=False)


def streams() -> st.SearchStrategy[Stream]:
    def in_zone(zone: str) -> st.SearchStrategy[Stream]:
        now = CLOCKS[zone][1]
        # Steps of six hours, and some of an hour around the change of clocks: there are ties, and events at every edge.
        steps = (
            st.integers(-36, 3).map(lambda step: step * 6)
            | st.integers(-60, -44)
            | st.integers(-45 * 4, 0).map(lambda step: step * 24)
        )
        row = st.fixed_dictionaries(
            {
                "event": st.sampled_from("aab"),
                "person": st.sampled_from(["Ann", "Bob", "Cid"]),
                "anonymous": st.booleans(),
                "at": steps.map(lambda hours: now.replace(minute=0) + timedelta(hours=hours)),
                "plan": st.sampled_from(["pro", "free", "team", "", None]),
                "amount": st.none() | st.integers(-8, 40).map(lambda quarters: quarters / 4),
                "session": st.sampled_from(["", "s1", "s2"]),
            }
        )
        return st.lists(row, max_size=30).map(lambda rows: Stream(zone, rows))

    return st.sampled_from(sorted(CLOCKS)).flatmap(in_zone)


def series() -> st.SearchStrategy[Series]:
    properties = st.sampled_from([None, None, {"plan": "pro"}])
    counted = st.builds(Series, st.sampled_from("ab"), properties, math=st.sampled_from(COUNTED))
    summed = st.builds(
        Series, st.sampled_from("ab"), properties, math=st.sampled_from(WITH_NUMBERS), math_property=st.just("amount")
    )
    return counted | summed


def options() -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries(
        {
            "date_from": st.sampled_from(["-7d", "-10d", "-1m", "-36h", "mStart", "wStart", "-1wStart"]),
            "date_to": st.sampled_from([None, None, "-1d", "-1dEnd", "-3h"]),
            "interval": st.sampled_from(["hour", "day", "day", "week", "month"]),
            "breakdown": st.sampled_from([None, "plan"]),
            "breakdown_limit": st.integers(1, 4),
            "breakdown_hide_other": st.booleans(),
            "formula": st.sampled_from([None, None, "A / B", "(A - B) * 100 / (A + B)"]),
            "cumulative": st.booleans(),
            "compare": st.booleans(),
            "timezone": st.sampled_from([None, None, "Asia/Tokyo"]),
        }
    )


def expected(stream: Stream, listed: list[Series], chosen: dict[str, Any]) -> list[tuple[object, ...]]:
    """The rows of the frame."""
    week_start, now = CLOCKS[stream.zone]
    calendar = Calendar(chosen["timezone"] or stream.zone, week_start)
    dates = (calendar, now, chosen["date_from"], chosen["date_to"], chosen["interval"])
    ranges = {"current": read_range(*dates)}
    if chosen["compare"]:
        ranges["previous"] = previous_range(*dates, None)
    broken_down = chosen["breakdown"] is not None
    asked = Asked(
        calendar,
        chosen["interval"],
        broken_down,
        chosen["breakdown_limit"] if broken_down else 1,
        chosen["breakdown_hide_other"],
        chosen["cumulative"],
    )
    events, rows = stream.frame(), []
    lines = {name: [of_one(events, one, asked, when) for one in listed] for name, when in ranges.items()}
    if chosen["formula"] is None:
        shown = [(one.label, name, lines[name][at]) for at, one in enumerate(listed) for name in ranges]
    else:
        title = f"Formula ({chosen['formula']})"
        shown = [
            (title, name, of_formula(chosen["formula"], lines[name], when.buckets)) for name, when in ranges.items()
        ]
    for title, name, found in shown:
        for told, points in found:
            for bucket, value in points:
                keys = [title, *([name] if chosen["compare"] else []), *([told] if broken_down else [])]
                rows.append((*keys, bucket, value))
    return rows


def rows_of(frame: pd.DataFrame) -> list[tuple[object, ...]]:
    frame = frame.assign(date=frame["date"].dt.tz_convert("UTC"))
    return list(frame.itertuples(index=False, name=None))


def check(projects: dict[str, Client], stream: Stream, listed: list[Series], chosen: dict[str, Any]) -> None:
    ph = projects[stream.zone]
    stream.send(ph)
    listed = listed if chosen["formula"] is None else (listed * 2)[:2]
    here = [replace(one, event=f"{one.event} {stream.run}", custom_name=one.event) for one in listed]
    trend = ph.trends(here, **chosen)
    frame = trend.to_pandas()
    wanted = expected(stream, [replace(one, custom_name=one.event) for one in listed], chosen)
    assert rows_of(frame) == wanted
    if chosen["formula"] is None and all(one.math in COUNTED and "per_actor" not in one.math for one in listed):
        assert pd.api.types.is_integer_dtype(frame["value"])
    else:
        assert pd.api.types.is_float_dtype(frame["value"])


@given(streams(), st.lists(series(), min_size=1, max_size=2), options())
@settings(max_examples=25)
def test_trends_are_what_is_counted_row_by_row(
    projects: dict[str, Client], stream: Stream, listed: list[Series], chosen: dict[str, Any]
) -> None:
    check(projects, stream, listed, chosen)


@pytest.mark.fuzz
@given(streams(), st.lists(series(), min_size=1, max_size=2), options())
@settings(max_examples=1000)
def test_many_trends_are_what_is_counted_row_by_row(
    projects: dict[str, Client], stream: Stream, listed: list[Series], chosen: dict[str, Any]
) -> None:
    check(projects, stream, listed, chosen)
