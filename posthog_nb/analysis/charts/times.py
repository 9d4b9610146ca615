"""Times as pictures have them: where they truly lie, and told in the data's own zone.

Vega knows two zones, the browser's and UTC. So a time's place on the axis is its instant, and every text that names a
time is written here, in the zone of the data: the ticks, their labels, what the pointer tells. That holds across a
change of the clocks, where a day has 23 or 25 hours and an hour comes twice.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from math import ceil
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import altair as alt

from posthog_nb.analysis.charts.theme import quiet_axis

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyarrow as pa

__all__ = ["brief", "in_zone", "milliseconds", "next_start", "told", "x_of_times", "zone_of"]

# Python's own names of months and days are those of the machine's language.
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MOST_TICKS = 8
_CLOCK = {"second", "minute", "hour"}
_STEPS = {
    "second": (1, 5, 10, 15, 30, 60, 300, 900, 1800, 3600),
    "minute": (1, 2, 5, 10, 15, 30, 60, 120, 180, 360, 720, 1440),
    "hour": (1, 2, 3, 6, 12, 24, 48, 168, 336, 720),
    "day": (1, 2, 7, 14, 28, 91, 182, 364),
    "week": (1, 2, 4, 8, 13, 26, 52),
    "month": (1, 2, 3, 6, 12, 24, 60),
}
_SECONDS = {"second": 1, "minute": 60, "hour": 3600, "day": 86_400, "week": 604_800}


def zone_of(column: pa.ChunkedArray, fallback: str | None = None) -> ZoneInfo:
    """The zone of a column of times."""
    return ZoneInfo(getattr(column.type, "tz", None) or fallback or "UTC")


def in_zone(moment: datetime, zone: ZoneInfo) -> datetime:
    """A time of a frame in the data's zone; one without a zone is its clock already."""
    return moment.replace(tzinfo=zone) if moment.tzinfo is None else moment.astimezone(zone)


def milliseconds(moment: datetime) -> int:
    """A time's place on the axis: milliseconds since 1970, in UTC."""
    return round(moment.timestamp() * 1000)


def next_start(start: datetime, interval: str) -> datetime:
    """Where an interval that begins at ``start`` ends, by the clock of its zone."""
    if interval in _CLOCK:
        return (start.astimezone(UTC) + timedelta(seconds=_SECONDS[interval])).astimezone(start.tzinfo)
    if interval in _SECONDS:
        return start + timedelta(seconds=_SECONDS[interval])
    months = {"month": 1, "quarter": 3, "year": 12}[interval]
    year, month = divmod(start.year * 12 + start.month - 1 + months, 12)
    return start.replace(year=year, month=month + 1, day=1)


def told(start: datetime, interval: str) -> str:
    """The interval that begins at ``start``, in words and in its own zone."""
    day = f"{_DAYS[start.weekday()]} {start.day} {_MONTHS[start.month - 1]} {start.year}"
    if interval in _CLOCK:
        clock = f"{start:%H:%M:%S}" if interval == "second" else f"{start:%H:%M}"
        return f"{day}, {clock} {start.tzname()}"
    if interval == "week":
        return f"week from {day}"
    if interval == "month":
        return f"{_MONTHS[start.month - 1]} {start.year}"
    return day


def brief(start: datetime, interval: str) -> str:
    """The same in as few letters as can be."""
    if interval in _CLOCK:
        return f"{start.day} {_MONTHS[start.month - 1]} {start:%H:%M}"
    if interval == "month":
        return f"{_MONTHS[start.month - 1]} {start.year}"
    return f"{start.day} {_MONTHS[start.month - 1]} {start.year}"


def x_of_times(
    starts: Sequence[datetime], interval: str, zone: ZoneInfo, *, field: str = "x", wide: bool = False
) -> alt.X:
    """The axis of times on which the intervals that begin at ``starts`` lie.

    Args:
        starts: In order, in the data's zone.
        interval: What begins at each of them.
        zone: The data's zone, which the axis names.
        field: Where their instants stand, in milliseconds.
        wide: Whether an interval takes the room from its start to its end, as a bar does; else it is a point at its
            start.
    """

    def place(start: datetime) -> int:
        begin = milliseconds(start)
        return (begin + milliseconds(next_start(start, interval))) // 2 if wide else begin

    ticks = _ticks(starts, interval)
    labels = {str(place(start)): label for start, label in ticks}
    first, last = milliseconds(starts[0]), milliseconds(next_start(starts[-1], interval) if wide else starts[-1])
    if first == last:
        first = last - 1  # one interval alone lies at the end, where its name is
    axis = quiet_axis(
        values=[place(start) for start, _ in ticks],
        labelExpr=f"{json.dumps(labels)}[toString(time(datum.value))]",
        title=f"{interval}, {zone.key}",
        titleAnchor="start",
        grid=False,
        ticks=True,
        labelFlush=False,
        labelOverlap=False,
        tickSize=4,
    )
    scale = alt.Scale(type="utc", domain=[first, last], nice=False)
    return alt.X(f"{field}:T", axis=axis, scale=scale)


def _ticks(starts: Sequence[datetime], interval: str) -> list[tuple[datetime, Any]]:
    steps = _STEPS.get(interval, (1, 2, 5, 10))
    wanted = ceil(len(starts) / _MOST_TICKS)
    step = next((each for each in steps if each >= wanted), steps[-1])
    chosen = [start for index, start in enumerate(starts) if _is_tick(start, index, interval, step)]
    ticks: list[tuple[datetime, Any]] = []
    day: tuple[int, ...] = ()
    for start in chosen:
        date = (start.year, start.month, start.day)
        ticks.append((start, _label(start, interval, day)))
        day = date
    return ticks


def _is_tick(start: datetime, index: int, interval: str, step: int) -> bool:
    seconds = _SECONDS.get(interval, 0) * step
    if interval in _CLOCK and seconds <= _SECONDS["day"]:
        # By the clock: full hours, or every third, whatever hour the first is.
        since_midnight = start.hour * 3600 + start.minute * 60 + start.second
        return since_midnight % seconds == 0
    if interval == "month" and step in {3, 6, 12}:
        return (start.month - 1) % step == 0
    return index % step == 0


def _label(start: datetime, interval: str, before: tuple[int, ...]) -> Any:  # noqa: ANN401 - a line, or a list of them
    date = f"{start.day} {_MONTHS[start.month - 1]}"
    year = str(start.year)
    other_year = before[:1] != (start.year,)
    if interval in _CLOCK:
        clock = f"{start:%H:%M:%S}" if interval == "second" else f"{start:%H:%M}"
        return [clock, f"{date} {year}" if other_year else date] if before != _date(start) else clock
    if interval in {"month", "quarter"}:
        return [_MONTHS[start.month - 1], year] if other_year else _MONTHS[start.month - 1]
    if interval == "year":
        return year
    return [date, year] if other_year else date


def _date(start: datetime) -> tuple[int, int, int]:
    return start.year, start.month, start.day
