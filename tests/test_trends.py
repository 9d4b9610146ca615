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
from tests.trends_oracle import Asked, Calendar, Dates, of_formula, of_one, previous_range, read_range

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
    dates = Dates(chosen["date_from"], chosen["date_to"], chosen["interval"])
    ranges = {"current": read_range(calendar, now, dates)}
    if chosen["compare"]:
        ranges["previous"] = previous_range(calendar, now, dates, None)
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
@settings(max_examples=12)
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


# -- one by one


NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
SESSION = "0195748a-8400-7000-8000-000000000001"
DAYS = {"date_from": "2026-03-08"}


def at(day: int, hour: int = 9) -> datetime:
    return datetime(2026, 3, day, hour, tzinfo=UTC)


@pytest.fixture(scope="module")
def ph() -> Iterator[Client]:
    """Ann and Bob in March."""
    with embedded_client(project=Project.in_memory(ProjectSettings(as_of=NOW))) as client:
        client.capture_many(
            [
                {"event": event, "distinct_id": who, "timestamp": when, "properties": properties}
                for event, who, when, properties in [
                    ("paid", "Ann", at(8), {"price": 20, "$browser": "Chrome", "$session_id": SESSION}),
                    ("paid", "Ann", at(8, 10), {"price": 10, "$browser": "Chrome", "$session_id": SESSION}),
                    ("paid", "Bob", at(9), {"price": 6, "$browser": "Firefox", "$groups": {"company": "acme"}}),
                    ("paid", "Bob", at(10), {"price": 4, "$groups": {"company": "acme"}}),
                    ("seen", "Bob", at(10), {}),
                ]
            ],
            progress=False,
        )
        yield client


def values(ph: Client, what: str | Series | list[str | Series], **options: Any) -> list[float]:
    return ph.trends(what, **DAYS, **options).to_pandas()["value"].tolist()


def by_value(ph: Client, **options: Any) -> dict[str, list[float]]:
    frame = ph.trends("paid", **DAYS, **options).to_pandas()
    return {told: rows["value"].tolist() for told, rows in frame.groupby("breakdown_value", sort=False)}


ASKED = [
    {"series": "paid"},
    {"series": ["paid", "seen"], "breakdown": "$browser", "compare": True},
    {"series": ["paid", Series("paid", math="sum", math_property="price")], "formula": "B / A", "interval": "week"},
    {"series": Series("paid", math="weekly_active", properties={"$browser": "Chrome"}), "timezone": "Asia/Tokyo"},
    {
        "series": Series("paid", math="first_time_for_user"),
        "breakdown": "$browser",
        "cumulative": True,
        "date_from": "all",
    },
]


@pytest.mark.parametrize("asked", ASKED)
def test_the_query_by_hand_gives_the_frame(ph: Client, asked: dict[str, Any]) -> None:
    trend = ph.trends(**asked)
    pd.testing.assert_frame_equal(ph.query(trend.hogql).to_pandas(), trend.to_pandas())


def test_a_frame_has_a_row_for_each_interval(ph: Client) -> None:
    frame = ph.trends("paid", **DAYS).to_pandas()
    assert list(frame.columns) == ["series", "date", "value"]
    assert frame["series"].tolist() == ["paid"] * 3
    assert frame["date"].tolist() == [pd.Timestamp(f"2026-03-{day}", tz="UTC") for day in ("08", "09", "10")]
    assert frame["value"].tolist() == [2, 1, 1]


@pytest.mark.parametrize(
    ("series", "expected"),
    [
        (Series("paid", math="dau"), [1, 1, 1]),
        (Series("paid", math="hogql", math_property="max(properties.price) - min(properties.price)"), [10, 0, 0]),
        (Series("paid", math="unique_group", math_group_type_index=0), [0, 1, 1]),
        (Series("paid", math="dau", math_group_type_index=0), [0, 1, 1]),
        (Series("paid", math="avg", math_property="$session_duration"), [3600, 0, 0]),
        (Series(), [2, 1, 2]),
    ],
)
def test_what_is_counted(ph: Client, series: Series, expected: list[float]) -> None:
    assert values(ph, series) == expected


def test_values_are_smoothed_over_the_intervals_before(ph: Client) -> None:
    assert values(ph, Series("paid", math="sum", math_property="price"), smoothing_intervals=2) == [30, 18, 5]


def test_a_breakdown_shows_the_most_frequent_and_the_rest(ph: Client) -> None:
    assert by_value(ph, breakdown="$browser") == {
        "Chrome": [2, 0, 0],
        "Firefox": [0, 1, 0],
        "None (i.e. no value)": [0, 0, 1],
    }
    assert by_value(ph, breakdown="$browser", breakdown_limit=1) == {
        "Chrome": [2, 0, 0],
        "Other (i.e. all remaining values)": [0, 1, 1],
    }
    assert by_value(ph, breakdown="$browser", breakdown_limit=1, breakdown_hide_other=True) == {"Chrome": [2, 0, 0]}


def test_a_breakdown_is_by_several_properties_or_by_an_expression(ph: Client) -> None:
    several = by_value(ph, breakdown=["$browser", "price"], breakdown_limit=2)
    assert several == {
        "Chrome::10": [1, 0, 0],
        "Chrome::20": [1, 0, 0],
        "Other (i.e. all remaining values)": [0, 1, 1],
    }
    by_hogql = by_value(ph, breakdown="properties.price > 5 ? 'much' : 'little'", breakdown_type="hogql")
    assert by_hogql == {"much": [2, 1, 0], "little": [0, 0, 1]}
    assert by_value(ph, breakdown="distinct_id", breakdown_type="event_metadata") == {
        "Ann": [2, 0, 0],
        "Bob": [0, 1, 1],
    }


def test_a_person_of_two_cohorts_is_counted_in_both(ph: Client) -> None:
    of_ann = ph.cohort("of Ann", "SELECT person_id FROM events WHERE distinct_id = 'Ann'")
    everyone = ph.cohort("everyone", "SELECT person_id FROM events")
    both = {"everyone": [2, 1, 1], "of Ann": [2, 0, 0]}
    assert by_value(ph, breakdown=[of_ann, everyone]) == both
    assert by_value(ph, breakdown=["of Ann", "everyone"], breakdown_type="cohort") == both
    assert by_value(ph, breakdown=["all", of_ann.id], breakdown_type="cohort") == {
        "all users": [2, 1, 1],
        str(of_ann.id): [2, 0, 0],
    }


def test_a_sample_is_counted_up_to_the_whole(ph: Client) -> None:
    share = ph.query("SELECT count() FROM events SAMPLE 0.5 WHERE event = 'paid'").rows[0][0]
    assert sum(values(ph, "paid", sampling_factor=0.5)) == share * 2
    assert values(ph, "paid", sampling_factor=1) == [2, 1, 1]


def test_the_period_before_may_be_any(ph: Client) -> None:
    frame = ph.trends("paid", date_from="2026-03-09", compare_to="-1d").to_pandas()
    assert list(frame.columns) == ["series", "period", "date", "value"]
    assert frame["period"].tolist() == ["current"] * 2 + ["previous"] * 2
    assert frame["value"].tolist() == [1, 1, 2, 1]


@pytest.mark.parametrize(
    ("formula", "expected"),
    [
        ("A / B", [0, 0, 1]),
        ("a + b", [2, 1, 2]),
        ("-A ** 2 % 3", [2, 2, 2]),
        ("-A % 3", [1, 2, 2]),
        ("B ** -1", [0, 0, 1]),
        ("(A - 1) * 0.5", [0.5, 0, 0]),
    ],
)
def test_a_formula_is_arithmetic_of_series(ph: Client, formula: str, expected: list[float]) -> None:
    frame = ph.trends(["paid", "seen"], formula=formula, **DAYS).to_pandas()
    assert frame["value"].tolist() == expected
    assert set(frame["series"]) == {f"Formula ({formula})"}


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"formula": "A / C"}, "The formula has C, and the last series is B"),
        ({"formula": "sum(A)"}, "The formula has sum(A)"),
        ({"formula": "A ^ B"}, "operator BitXor"),
        ({"formula": "A /"}, "'A /' is no formula"),
        ({"formula": ""}, "formula is ''"),
        ({"formula": "A if B else 1"}, "The formula has"),
        ({"series": Series("paid", math="mean")}, "has the math 'mean'"),
        ({"series": Series("paid", math="sum")}, "needs a property"),
        ({"series": Series("paid", math="hogql")}, "needs an expression"),
        ({"series": Series("paid", math="hogql", math_property="sum(")}, "no HogQL expression"),
        ({"series": Series("paid", math_property="price")}, "is of events, not of the property 'price'"),
        ({"series": Series("paid", math="unique_group")}, "needs a math_group_type_index"),
        ({"series": Series("paid", math="dau", math_group_type_index=5)}, "math_group_type_index is 5"),
        ({"series": []}, "series is empty"),
        ({"breakdown_limit": 0}, "breakdown_limit is 0"),
        ({"breakdown_limit": "9"}, "breakdown_limit is '9'"),
        ({"breakdown": []}, "breakdown is empty"),
        ({"breakdown": ["a", "b", "c", "d"]}, "breakdown has 4 properties"),
        ({"breakdown": 7}, "breakdown has 7, which is no property's name"),
        ({"breakdown": [None], "breakdown_type": "cohort"}, "breakdown has None, which is no cohort"),
        ({"breakdown_type": "person"}, "breakdown_type is 'person' without a breakdown"),
        ({"breakdown": "a", "breakdown_type": "group"}, "breakdown_type is 'group'"),
        ({"sampling_factor": 2}, "sampling_factor is 2"),
        ({"smoothing_intervals": 0}, "smoothing_intervals is 0"),
        ({"smoothing_intervals": 2, "cumulative": True}, "cumulative values are not smoothed"),
        ({"date_from": "all", "compare": True}, "nothing before date_from='all'"),
    ],
)
def test_what_cannot_be_asked_is_refused(ph: Client, options: dict[str, Any], told: str) -> None:
    with pytest.raises(InvalidInputError, match=re.escape(told)):
        ph.trends(**{"series": ["paid", "seen"], **options})


def test_more_rows_than_a_query_gives_are_refused(ph: Client) -> None:
    with pytest.raises(InvalidInputError, match="more than 50,000 rows"):
        ph.trends("paid", date_from="-60d", interval="minute")
