"""Ranges of dates: PostHog's words, the intervals of a range, and the range before it, also where clocks change."""

from __future__ import annotations

import re
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from posthog_nb.analysis.period import Period
from posthog_nb.analysis.text import Values, written
from posthog_nb.embedded.project import Project, ProjectSettings
from posthog_nb.errors import InvalidInputError
from tests.embedded import embedded_client
from tests.trends_oracle import Calendar, Dates, previous_range, read_range

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from hypothesis.strategies import SearchStrategy

    from posthog_nb.client import Client
    from tests.trends_oracle import Range

CLOCKS = {
    # The hour from two to three is passed over on the 31st, two days before.
    "Europe/Berlin": (1, datetime(2024, 4, 2, 9, 30, 15, 250_000, tzinfo=UTC)),
    # There was no midnight on the fourth of November: the day began at one.
    "America/Sao_Paulo": (0, datetime(2018, 11, 6, 1, 10, tzinfo=UTC)),
    # Half an hour beside the others, and the clocks stay.
    "Asia/Kolkata": (1, datetime(2024, 1, 31, 20, 45, tzinfo=UTC)),
    # An hour came twice on the third of November.
    "America/New_York": (0, datetime(2024, 11, 5, 4, 59, 59, tzinfo=UTC)),
}

BEGINNINGS = ["-7d", "-14d", "-1d", "-30d", "-24h", "-48h", "-3h", "-1w", "-1m", "-13m", "-1q", "-1y", "-90M", "d", "m"]
STARTS = ["dStart", "-1dStart", "wStart", "-1wStart", "mStart", "-1mStart", "qStart", "-1qStart", "yStart", "hStart"]
ENDS = [
    "-1d",
    "-2h",
    "-30M",
    "-1w",
    "-1m",
    "dEnd",
    "-1dEnd",
    "hEnd",
    "wEnd",
    "-1wEnd",
    "mEnd",
    "-1mEnd",
    "qEnd",
    "yEnd",
    "dStart",
]


@pytest.fixture(scope="module")
def projects() -> Iterator[dict[str, Client]]:
    """A project of each zone, at its moment."""
    with ExitStack() as stack:
        yield {
            zone: stack.enter_context(
                embedded_client(
                    project=Project.in_memory(ProjectSettings(timezone=zone, week_start=week_start, as_of=now))
                )
            )
            for zone, (week_start, now) in CLOCKS.items()
        }


def found(ph: Client, periods: list[Period]) -> list[dict[str, object]]:
    """What the HogQL of periods gives."""
    values, columns = Values(), []
    for number, period in enumerate(periods):
        columns += [
            f"{period.start(values)} AS start_{number}",
            f"{period.whole_start(values)} AS whole_start_{number}",
            f"{period.ending(values).at} AS until_{number}",
            f"arrayMap(bucket -> {period.moment('bucket')}, {period.buckets(values)}) AS buckets_{number}",
        ]
    row = ph.query(f"SELECT {', '.join(columns)}", values=values.given).rows[0]
    return [
        {
            "since": start.astimezone(UTC),
            "counted_since": whole.astimezone(UTC),
            "until": until.astimezone(UTC),
            "buckets": tuple(bucket.astimezone(UTC) for bucket in buckets),
            "included": period.ending(values).included,
        }
        for period, (start, whole, until, buckets) in zip(periods, zip(*[iter(row)] * 4, strict=True), strict=True)
    ]


def dates_of(period: Period) -> Dates:
    return Dates(period.date_from, period.date_to, period.interval)


def expected(when: Range) -> dict[str, object]:
    return {
        "since": when.since,
        "counted_since": when.counted_since,
        "until": when.until,
        "buckets": when.buckets,
        "included": when.included,
    }


def of_zone(zone: str) -> SearchStrategy[Period]:
    now = CLOCKS[zone][1]

    def of_interval(interval: str) -> SearchStrategy[Period]:
        within = 8 if interval == "hour" else 400
        days = st.integers(0, within).map(lambda ago: now.date() - timedelta(days=ago))
        times = st.integers(0, within).map(lambda ago: now.replace(hour=15, minute=20, second=1) - timedelta(days=ago))
        starts = [one for one in BEGINNINGS + STARTS if interval != "hour" or one[-1] not in "mqy"]
        return st.builds(
            Period,
            st.sampled_from(starts) | days | days.map(str) | times,
            st.none() | st.sampled_from(ENDS) | days | days.map(str) | times,
            st.just(interval),
            st.sampled_from([None, None, "UTC", "Asia/Tokyo"]),
        )

    return st.sampled_from(["hour", "day", "week", "month"]).flatmap(of_interval)


@pytest.mark.parametrize("zone", CLOCKS)
@given(data=st.data())
@settings(max_examples=1, phases=[Phase.generate])
def test_ranges_are_read_as_posthog_reads_them(projects: dict[str, Client], zone: str, data: st.DataObject) -> None:
    week_start, now = CLOCKS[zone]
    periods = data.draw(st.lists(of_zone(zone), min_size=12, max_size=12))
    for period, one in zip(periods, found(projects[zone], periods), strict=True):
        calendar = Calendar(period.timezone or zone, week_start)
        assert one == expected(read_range(calendar, now, dates_of(period))), period


@pytest.mark.parametrize("zone", CLOCKS)
@given(data=st.data())
@settings(max_examples=1, phases=[Phase.generate])
def test_the_range_before_is_posthogs(projects: dict[str, Client], zone: str, data: st.DataObject) -> None:
    week_start, now = CLOCKS[zone]
    back = st.none() | st.sampled_from(["-1d", "-7d", "-1w", "-1m", "-1y"])
    drawn = data.draw(st.lists(st.tuples(of_zone(zone), back), min_size=10, max_size=10))
    periods = [period.previous(compare_to) for period, compare_to in drawn]
    for (period, compare_to), one in zip(drawn, found(projects[zone], periods), strict=True):
        calendar = Calendar(period.timezone or zone, week_start)
        when = previous_range(calendar, now, dates_of(period), compare_to)
        assert one == expected(when), (period, compare_to)


def test_a_range_of_minutes_begins_to_the_second_and_is_compared_with_the_minutes_before() -> None:
    now = datetime(2026, 3, 1, 12, 30, 15, tzinfo=UTC)
    with embedded_client(project=Project.in_memory(ProjectSettings(as_of=now))) as ph:
        period = Period("-2h", interval="minute")
        this, before = found(ph, [period, period.previous()])
    assert (this["since"], this["until"]) == (now - timedelta(hours=2), now.replace(minute=31, second=0))
    assert (before["since"], before["until"]) == (now - timedelta(hours=4, seconds=45), this["since"])
    assert len(this["buckets"]) == 121


def test_all_begins_with_the_first_event_whose_clock_was_set() -> None:
    now = datetime(2026, 3, 10, tzinfo=UTC)
    with embedded_client(project=Project.in_memory(ProjectSettings(as_of=now))) as ph:
        empty, *_ = found(ph, [Period("all")])
        for event, moment in [("a", datetime(2014, 5, 1, tzinfo=UTC)), ("a", datetime(2026, 3, 2, 7, tzinfo=UTC))]:
            ph.capture(event, "Ann", timestamp=moment)
        ph.capture("b", "Ann", timestamp=datetime(2026, 3, 1, tzinfo=UTC))
        first, of_a = found(ph, [Period("all"), Period("all", among="event = 'a'")])
    assert empty["buckets"][0] == datetime(2026, 3, 3, tzinfo=UTC)
    assert first["since"] == datetime(2026, 3, 1, tzinfo=UTC)
    assert of_a["since"] == datetime(2026, 3, 2, 7, tzinfo=UTC)


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        (lambda: Period(interval="year"), "interval is 'year'"),
        (lambda: Period(timezone="Mars"), "'Mars' is no time zone"),
        (lambda: Period(timezone=["UTC"]), "['UTC'] is no time zone"),
        (lambda: Period("2026-03-31", "2026-03-01"), "date_from is 2026-03-31 and date_to is 2026-03-01: nothing lies"),
        (lambda: Period("-1d", "-7d"), "date_from is -1d and date_to is -7d: nothing lies between them"),
        (lambda: Period("7d").start(Values()), "date_from is '7d', which is no date"),
        (lambda: Period("2026-02-30").start(Values()), "date_from is '2026-02-30', which is no date"),
        (lambda: Period(7).start(Values()), "date_from is 7, which is no date"),
        (lambda: Period("mEnd").start(Values()), "date_from is 'mEnd'"),
        (lambda: Period(date_to="all").ending(Values()), "date_to is 'all'"),
        (lambda: Period("all").previous(), "nothing before date_from='all'"),
        (lambda: Period().previous("mStart"), "compare_to is 'mStart'"),
        (lambda: Period().previous(7), "compare_to is 7"),
    ],
)
def test_what_is_no_range_is_refused(wrong: Callable[[], object], told: str) -> None:
    with pytest.raises(InvalidInputError, match=re.escape(told)):
        wrong()


def test_a_time_without_a_zone_is_meant_in_the_analysis_zone() -> None:
    values = Values()
    text = Period(datetime(2026, 3, 1, 12), timezone="Asia/Tokyo").start(values)  # noqa: DTZ001
    assert written(text, values.given) == "toDateTime('2026-03-01 12:00:00', 'Asia/Tokyo')"


def test_an_hour_that_ends_a_day_ends_it_also_where_the_day_before_has_no_midnight(projects: dict[str, Client]) -> None:
    zone = "America/Sao_Paulo"
    week_start, now = CLOCKS[zone]
    period = Period("wStart", "-1d", "hour")
    (one,) = found(projects[zone], [period.previous()])
    assert one == expected(previous_range(Calendar(zone, week_start), now, dates_of(period), None))
