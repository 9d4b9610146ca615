"""Trends counted the slow way: row by row, by pandas and Python's own calendar, as PostHog says in words what they are.

Nothing here knows HogQL. Dates are read by ``dateutil``, as PostHog reads them.
"""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING, NamedTuple
from zoneinfo import ZoneInfo

import pandas as pd
from dateutil.relativedelta import relativedelta

if TYPE_CHECKING:
    from posthog_nb.analysis.series import Series

NONE, OTHER = "None (i.e. no value)", "Other (i.e. all remaining values)"
WORDS = re.compile(r"-?(\d+)?([hdwmqyM])(Start|End)?")


@dataclass(frozen=True)
class Calendar:
    """Days, weeks and months of a zone."""

    zone: str
    week_start: int = 0

    def local(self, at: datetime) -> datetime:
        return at.astimezone(ZoneInfo(self.zone))

    def instant(self, wall: datetime) -> datetime:
        """When a clock on the wall shows this; a time that is passed over is when clocks go forward."""
        return wall.replace(tzinfo=ZoneInfo(self.zone)).astimezone(UTC)

    def midnight(self, day: date) -> datetime:
        return self.instant(datetime.combine(day, time()))

    def floor(self, at: datetime, interval: str) -> datetime:
        local = self.local(at)
        if interval in ("minute", "hour"):
            whole = local.replace(second=0, microsecond=0)
            return (whole if interval == "minute" else whole.replace(minute=0)).astimezone(UTC)
        day = local.date()
        if interval == "week":
            day -= timedelta(days=day.weekday() if self.week_start else day.isoweekday() % 7)
        if interval == "month":
            day = day.replace(day=1)
        return self.midnight(day)

    def after(self, bucket: datetime, interval: str) -> datetime:
        if interval in ("minute", "hour"):
            return bucket + timedelta(**{f"{interval}s": 1})
        return self.midnight(self.local(bucket).date() + relativedelta(**{f"{interval}s": 1}))

    def days_later(self, at: datetime, days: int) -> datetime:
        return self.instant(self.local(at).replace(tzinfo=None) + timedelta(days=days))


@dataclass(frozen=True)
class Range:
    """From when to when; ``until`` itself is in it when ``included``."""

    since: datetime
    counted_since: datetime
    until: datetime
    included: bool
    buckets: tuple[datetime, ...]

    def ended(self, at: datetime) -> bool:
        return at <= self.until if self.included else at < self.until

    def has(self, at: datetime) -> bool:
        return self.counted_since <= at and self.ended(at)


class Dates(NamedTuple):
    """The dates of an insight, as they are given."""

    date_from: str | date
    date_to: str | date | None
    interval: str


def read_range(calendar: Calendar, now: datetime, dates: Dates) -> Range:
    """What dates mean (``QueryDateRange``), where a day is meant whole and a time exactly."""
    wall = calendar.local(now).replace(tzinfo=None)
    since, exact = _beginning(calendar, wall, dates.date_from, dates.interval)
    until, included = _end(calendar, wall, dates.date_to, dates.interval)
    return _range(calendar, since, until, dates.interval, included=included, exact=exact)


def _range(
    calendar: Calendar, since: datetime, until: datetime, interval: str, *, included: bool, exact: bool
) -> Range:
    counted = since
    if not exact:
        counted = calendar.floor(since, "day" if interval == "week" else interval)
    buckets, last = [calendar.floor(since, interval)], until if included else until - timedelta(seconds=1)
    while calendar.after(buckets[-1], interval) <= last:
        buckets.append(calendar.after(buckets[-1], interval))
    return Range(since, counted, until, included, tuple(buckets) if buckets[0] <= last else ())


def _word(calendar: Calendar, wall: datetime, given: object) -> tuple[datetime, str, str | None, int] | None:
    match = WORDS.fullmatch(given) if isinstance(given, str) else None
    if match is None:
        return None
    number, unit, edge = int(match[1] or 0), match[2], match[3]
    back = {"h": "hours", "d": "days", "w": "weeks", "m": "months", "y": "years", "M": "minutes", "q": "weeks"}[unit]
    if unit in "hM":
        # Hours that have passed, where PostHog takes them from the clock on the wall.
        passed = calendar.instant(wall) - timedelta(**{back: number})
        return calendar.local(passed).replace(tzinfo=None), unit, edge, number
    return wall - relativedelta(**{back: number * (13 if unit == "q" else 1)}), unit, edge, number


def _given(calendar: Calendar, given: str | date) -> datetime:
    read = datetime.fromisoformat(given) if isinstance(given, str) else given
    if not isinstance(read, datetime):
        return calendar.midnight(read)
    return read.astimezone(UTC) if read.tzinfo else calendar.instant(read)


def _is_day(given: object) -> bool:
    return len(given) == 10 if isinstance(given, str) else not isinstance(given, datetime)


def _unit_start(calendar: Calendar, wall: datetime, unit: str) -> datetime:
    day = wall.date()
    match unit:
        case "M":
            return calendar.instant(wall.replace(second=0, microsecond=0))
        case "h":
            return calendar.instant(wall.replace(minute=0, second=0, microsecond=0))
        case "w":
            day -= timedelta(days=day.weekday() if calendar.week_start else day.isoweekday() % 7)
        case "m":
            day = day.replace(day=1)
        case "q":
            day = day.replace(month=(day.month - 1) // 3 * 3 + 1, day=1)
        case "y":
            day = day.replace(month=1, day=1)
    return calendar.midnight(day)


def _unit_end(calendar: Calendar, wall: datetime, unit: str) -> datetime:
    later = {"h": "hours", "d": "days", "w": "weeks", "m": "months", "y": "years", "M": "minutes", "q": "months"}[unit]
    start = _unit_start(calendar, wall, unit)
    if unit in "Mh":
        return start + relativedelta(**{later: 1})
    step = relativedelta(**{later: 3 if unit == "q" else 1})
    return calendar.midnight(calendar.local(start).date() + step)


def _beginning(calendar: Calendar, wall: datetime, given: str | date, interval: str) -> tuple[datetime, bool]:
    """The first moment, and whether it is meant exactly."""
    word = _word(calendar, wall, given)
    if word is None:
        return _given(calendar, given), not _is_day(given)
    moment, unit, edge, _ = word
    exact = interval in ("minute", "hour") or (interval == "day" and unit in "Mh")
    if edge == "Start":
        return _unit_start(calendar, moment, unit), exact
    if interval == "minute":
        return calendar.instant(moment), exact
    return _unit_start(calendar, moment, unit if unit in "Mh" else "d"), exact


def _end(calendar: Calendar, wall: datetime, given: str | date | None, interval: str) -> tuple[datetime, bool]:
    """The last moment, and whether it is part of the range."""
    word = (wall, "M", None, 0) if given is None else _word(calendar, wall, given)
    if word is None:
        assert given is not None
        if _is_day(given):
            return calendar.midnight(calendar.local(_given(calendar, given)).date() + timedelta(days=1)), False
        return _given(calendar, given), True
    moment, unit, edge, _ = word
    short = {"minute": "M", "hour": "h"}.get(interval)
    if edge == "End" and (unit != "h" or short is not None):
        return _unit_end(calendar, moment, unit), False
    if edge == "Start":
        moment = calendar.local(_unit_start(calendar, moment, unit)).replace(tzinfo=None)
    return _unit_end(calendar, moment, short or "d"), False


def previous_range(calendar: Calendar, now: datetime, dates: Dates, back: str | None) -> Range:
    """The range before it (``QueryPreviousPeriodDateRange``, ``QueryCompareToDateRange``)."""
    this = read_range(calendar, now, dates)
    date_from, date_to, interval = dates
    wall = calendar.local(now).replace(tzinfo=None)
    word, until_word = _word(calendar, wall, date_from), _word(calendar, wall, date_to)
    exact = _beginning(calendar, wall, date_from, interval)[1]
    whole_days = _is_day(date_from) if word is None else word[1] not in "Mh"
    start, end = calendar.local(this.since).replace(tzinfo=None), calendar.local(this.until).replace(tzinfo=None)
    if whole_days:
        start = datetime.combine(start.date(), time())
    if not this.included and calendar.floor(this.until, "day") == this.until:
        end = datetime.combine(end.date(), time())
    last = end if this.included else end - timedelta(seconds=1)
    if back is not None:
        found = _word(calendar, start, back)
        assert found is not None
        earlier, until = found[0], found[0] + (end - start)
    elif word is not None and word[2] == "Start" and word[3] == 0 and word[1] in "wmqy" and date_to is None:
        one = {"w": relativedelta(weeks=1), "m": relativedelta(months=1), "q": relativedelta(months=3)}
        earlier, until = start - one.get(word[1], relativedelta(years=1)), start
    else:
        days = (last.date() - start.date()).days
        shift = days + 1 if whole_days else max(days, 1)
        if (
            word is not None
            and word[1] == "d"
            and word[3]
            and word[3] % 7 == 0
            and interval == "day"
            and not until_word
        ):
            shift = days
        earlier, until = start - timedelta(days=shift), end - timedelta(days=shift)
    return _range(
        calendar, calendar.instant(earlier), calendar.instant(until), interval, included=this.included, exact=exact
    )


# -- what is counted


@dataclass(frozen=True)
class Asked:
    """The options of a trend that change what is counted of an event."""

    calendar: Calendar
    interval: str
    broken_down: bool
    limit: int
    hide_other: bool
    cumulative: bool


def quantile(numbers: list[float], level: float) -> float:
    """Between the two numbers that it falls between, in proportion."""
    ordered = sorted(numbers)
    index = level * (len(ordered) - 1)
    left = int(index)
    if left + 1 >= len(ordered):
        return ordered[left]
    return ordered[left] * (left + 1 - index) + ordered[left + 1] * (index - left)


OF_NUMBERS = {
    "avg": lambda numbers: sum(numbers) / len(numbers),
    "sum": sum,
    "min": min,
    "max": max,
    "median": lambda numbers: quantile(numbers, 0.5),
    "p75": lambda numbers: quantile(numbers, 0.75),
    "p90": lambda numbers: quantile(numbers, 0.9),
    "p95": lambda numbers: quantile(numbers, 0.95),
    "p99": lambda numbers: quantile(numbers, 0.99),
}


def label(one: object) -> str:
    return NONE if one is None or one == "" or one != one else str(one)  # noqa: PLR0124 - pandas' own None


def of_series(events: pd.DataFrame, series: Series, asked: Asked, when: Range) -> dict[tuple[str, datetime], float]:
    """Values by what is told apart and the start of the interval; only those that there are."""
    chosen = [row for row in events.itertuples() if series.event in (None, row.event)]
    matching = [row for row in chosen if not series.properties or row.plan == series.properties["plan"]]
    found: dict[tuple[str, datetime], list] = defaultdict(list)

    def told(row: object) -> str:
        return label(row.plan) if asked.broken_down else ""

    def start(at: datetime) -> datetime:
        return asked.calendar.floor(at, asked.interval)

    math = series.math
    if math in ("first_time_for_user", "first_matching_event_for_user"):
        for first in _firsts(chosen, matching, math, when):
            found[told(first), start(first.at)].append(1)
        return {key: sum(ones) for key, ones in found.items()}
    days = {"weekly_active": 7, "monthly_active": 30}.get(math)
    longer = asked.interval == "month" or (asked.interval == "week" and math == "weekly_active")
    if days is not None and not longer:
        return _active(matching, asked, when, days, told)
    rows = [row for row in matching if when.has(row.at)]
    if asked.cumulative and math == "dau":
        seen = set()
        for row in sorted(rows, key=lambda row: row.at):
            if (row.person, told(row)) not in seen:
                found[told(row), start(row.at)].append(1)
            seen.add((row.person, told(row)))
        return {key: sum(ones) for key, ones in found.items()}
    for row in rows:
        found[told(row), start(row.at)].append(row)
    return {key: _aggregate(math, within) for key, within in found.items()}


def _firsts(chosen: list, matching: list, math: str, when: Range) -> list:
    by_person = defaultdict(list)
    for row in chosen if math == "first_time_for_user" else matching:
        if when.ended(row.at):
            by_person[row.person].append(row)
    firsts = []
    for rows in by_person.values():
        # Of several at the same time the one with the lowest UUID is told apart; any of them may have the properties.
        first = min(rows, key=lambda row: (row.at, row.uuid))
        fits = any(row.at == first.at and row.uuid in {one.uuid for one in matching} for row in rows)
        if first.at >= when.counted_since and fits:
            firsts.append(first)
    return firsts


def _active(matching: list, asked: Asked, when: Range, days: int, told: object) -> dict[tuple[str, datetime], float]:
    """Who was there in the days up to an interval's first day, or in the hours up to its hour."""
    unit = asked.interval if asked.interval in ("minute", "hour") else "day"
    persons = defaultdict(set)
    for row in matching:
        moment = asked.calendar.floor(row.at, unit)
        for bucket in when.buckets:
            if when.ended(row.at) and moment <= bucket < asked.calendar.days_later(moment, days):
                persons[told(row), bucket].add(row.person)
    return {key: len(found) for key, found in persons.items()}


def _aggregate(math: str, rows: list) -> float:
    if math == "total":
        return len(rows)
    if math in ("dau", "weekly_active", "monthly_active"):
        return len({row.person for row in rows})
    if math == "unique_session":
        return len({row.session for row in rows})
    if math.endswith("_count_per_actor"):
        counts = pd.Series([row.person for row in rows]).value_counts()
        return OF_NUMBERS[math.removesuffix("_count_per_actor")]([float(one) for one in counts])
    numbers = [row.amount for row in rows if row.amount == row.amount]
    return OF_NUMBERS[math](numbers) if numbers else 0


# -- the frame


def of_one(
    events: pd.DataFrame, series: Series, asked: Asked, when: Range
) -> list[tuple[str, list[tuple[datetime, float]]]]:
    """The values that are shown, in their order, each with all intervals."""
    values = of_series(events, series, asked, when)
    totals: dict[str, float] = {}
    for (told, _), value in values.items():
        totals[told] = totals.get(told, 0) + value
    if not asked.broken_down:
        totals = {"": 0}
    ordered = sorted(totals, key=lambda told: (told == NONE, -totals[told], told))
    shown = [(told, [told]) for told in ordered[: asked.limit]]
    if ordered[asked.limit :] and not asked.hide_other:
        shown.append((OTHER, ordered[asked.limit :]))
    lines = []
    for told, among in shown:
        points = [(bucket, sum(values.get((one, bucket), 0) for one in among)) for bucket in when.buckets]
        if asked.cumulative:
            points = [
                (bucket, sum(value for _, value in points[: index + 1])) for index, (bucket, _) in enumerate(points)
            ]
        lines.append((told, points))
    return lines


def worked_out(formula: str, amounts: list[float]) -> float:
    """A formula, where what would divide by 0 is 0: the quotients are worked out one by one."""

    class Amount(float):
        def __truediv__(self, other: float) -> Amount:
            return Amount(0 if other == 0 else float(self) / float(other))

        def __rtruediv__(self, other: float) -> Amount:
            return Amount(other) / self

        def __add__(self, other: float) -> Amount:
            return Amount(float(self) + other)

        def __sub__(self, other: float) -> Amount:
            return Amount(float(self) - other)

        def __mul__(self, other: float) -> Amount:
            return Amount(float(self) * other)

        __radd__ = __add__
        __rmul__ = __mul__

    names = dict(zip("ABC", map(Amount, amounts), strict=False))
    return float(eval(formula, {}, names))  # noqa: S307 - a test's own formula


def of_formula(
    formula: str, lines: list[list[tuple[str, list[tuple[datetime, float]]]]], buckets: tuple[datetime, ...]
) -> list[tuple[str, list[tuple[datetime, float]]]]:
    """The formula's values, by their total; none and other come last."""
    by_series = [dict(one) for one in lines]
    told = {name for one in by_series for name in one}
    found = []
    for name in told:
        points = []
        for index, bucket in enumerate(buckets):
            amounts = [one[name][index][1] if name in one else 0 for one in by_series]
            points.append((bucket, worked_out(formula, amounts)))
        found.append((name, points))
    last = {NONE: 1, OTHER: 2}
    return sorted(found, key=lambda one: (last.get(one[0], 0), -sum(value for _, value in one[1]), one[0]))
