"""The stretch of time that an analysis looks at, and the intervals that it is divided into, as HogQL.

Relative dates become HogQL over ``now()``, so that the project's clock and zone hold, whatever this computer's are.
They are read as PostHog reads them (``relative_date_parse`` of ``posthog/utils.py``,
``posthog/hogql_queries/utils/query_date_range.py``), but for what ``docs/analyses/trends.md`` lists.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import date, datetime
from typing import TYPE_CHECKING, Any, Literal
from zoneinfo import available_timezones

from posthog_nb.analysis.dates import Word, read_date, read_word
from posthog_nb.errors import InvalidInputError
from posthog_nb.operations.moments import in_utc

if TYPE_CHECKING:
    from posthog_nb.analysis.text import Values

__all__ = ["INTERVALS", "Edge", "Period"]

INTERVALS = ("minute", "hour", "day", "week", "month")
"""PostHog's intervals."""

_SHORT = frozenset({"minute", "hour"})
"""Intervals that PostHog does not stretch a range to whole days for."""

_DATED = frozenset({"Week", "Month", "Quarter", "Year"})
"""Units whose beginning is a Date to HogQL, not a time."""


@dataclass(frozen=True)
class Edge:
    """Where a range begins or ends.

    Attributes:
        at: The moment, as HogQL.
        included: Whether it is part of the range itself.
        midnight: Whether a day begins there.
    """

    at: str
    included: bool = True
    midnight: bool = False

    @property
    def last(self) -> str:
        """A moment of the range's last second."""
        return self.at if self.included else f"{self.at} - toIntervalSecond(1)"


@dataclass(frozen=True)
class Period:
    """A range of dates and its intervals, as PostHog's insights have them (``QueryDateRange``).

    Attributes:
        date_from: Where it begins: ``"-7d"``, ``"mStart"``, ``"all"``, an ISO date, a date or a datetime.
        date_to: Where it ends, in the same words; a day is meant to its end. None is the end of today, or of
            this hour or minute when the interval is one.
        interval: One of :data:`INTERVALS`.
        timezone: The zone that days begin in; None for the project's.
        among: For ``"all"``: the condition of the events of which the first begins the range; None for any event.
    """

    date_from: str | date | datetime = "-7d"
    date_to: str | date | datetime | None = None
    interval: str = "day"
    timezone: str | None = None
    among: str | None = None

    def __post_init__(self) -> None:
        if self.interval not in INTERVALS:
            raise InvalidInputError(f"interval is {self.interval!r}.", hint=f"There are {', '.join(INTERVALS)}.")
        zone: object = self.timezone
        if zone is not None and (not isinstance(zone, str) or zone not in {"UTC", *available_timezones()}):
            raise InvalidInputError(f"{zone!r} is no time zone.", hint="Give its IANA name, such as Europe/London.")
        since, until = self._since, self._until
        if _reversed(since, until):
            raise InvalidInputError(
                f"date_from is {self.date_from} and date_to is {self.date_to}: nothing lies between them.",
                hint="Give the earlier one as date_from.",
                argument="date_from",
            )

    def zoned(self, expression: str) -> str:
        """``expression``, a time, in the zone of the analysis."""
        return expression if self.timezone is None else f"toTimeZone({expression}, '{self.timezone}')"

    @property
    def now(self) -> str:
        """The project's clock, in the zone of the analysis."""
        return self.zoned("now()")

    def start(self, values: Values) -> str:
        """The first moment of the range, as HogQL."""
        found = self._since
        if found == "all":
            return self._first_event()
        if not isinstance(found, Word):
            return self._given(found, "date_from", values)
        if found.edge == "End":
            raise InvalidInputError(
                f"date_from is {self.date_from!r}.",
                hint="A range begins at a Start, such as mStart.",
                argument="date_from",
            )
        moment = found.before(self.now)
        if found.edge == "Start":
            return self._beginning(found.unit, moment)
        if self.interval == "minute":
            return moment
        return self._beginning(found.unit if found.unit in {"Minute", "Hour"} else "Day", moment)

    def end(self, values: Values) -> str:
        """A moment of the last interval of the range, as HogQL; :meth:`ending` knows the very last one."""
        return self.ending(values).last

    def ending(self, values: Values) -> Edge:
        """Where the range ends, as HogQL."""
        found = self._until
        if found == "all":
            raise InvalidInputError("date_to is 'all', where only date_from can be.", argument="date_to")
        if not isinstance(found, Word):
            given = self._given(found, "date_to", values)
            return Edge(given) if isinstance(found, datetime) else _next_day(given)
        moment = found.before(self.now)
        if found.edge == "End" and (found.unit != "Hour" or self.interval in _SHORT):
            return self._after(found.unit, moment)
        if found.edge == "Start":
            moment = self._beginning(found.unit, moment)
        return self._after(self.interval.capitalize() if self.interval in _SHORT else "Day", moment)

    def whole_start(self, values: Values) -> str:
        """The first moment that insights over time count (``date_from_with_adjusted_start_of_interval``), as HogQL."""
        start = self.start(values)
        found = self._since
        if isinstance(found, datetime):
            return start
        if isinstance(found, Word) or found == "all":
            to_the_hour = isinstance(found, Word) and found.unit in {"Minute", "Hour"}
            if self.interval in _SHORT or (self.interval == "day" and to_the_hour):
                return start
        # PostHog counts nothing of the days of a week before the range.
        unit = "Day" if self.interval == "week" else self.interval.capitalize()
        return start if unit == "Day" and self._midnight_start else self._beginning(unit, start)

    def contains(self, values: Values, *, whole_intervals: bool = False) -> str:
        """The condition that an event is in the range.

        Args:
            values: Where values are bound.
            whole_intervals: Begin as insights over time do: with the whole of the month that ``date_from`` is in, and
                with the whole day otherwise, unless it was said to the hour or to the second.
        """
        start = self.whole_start(values) if whole_intervals else self.start(values)
        return f"timestamp >= {start}\n  AND {self.ended(values)}"

    def ended(self, values: Values) -> str:
        """The condition that an event is not after the range."""
        end = self.ending(values)
        return f"timestamp {'<=' if end.included else '<'} {end.at}"

    def bucket(self, expression: str) -> str:
        """The start of the interval that a time falls into; weeks begin on the project's day.

        A Date for weeks and months and a DateTime otherwise, as HogQL has it; :meth:`moment` makes it a DateTime.
        """
        return f"toStartOf{self.interval.capitalize()}({self.zoned(expression)})"

    def moment(self, bucket: str) -> str:
        """The start of an interval as frames have it: a DateTime in the zone of the analysis."""
        return self._midnight(bucket) if self.interval.capitalize() in _DATED else bucket

    def buckets(self, values: Values) -> str:
        """The starts of all intervals of the range, as :meth:`bucket` gives them: a HogQL expression, an array."""
        unit, start = self.interval.capitalize(), self.start(values)
        first = start if unit == "Day" and self._midnight_start else f"toStartOf{unit}({start})"
        last = f"toStartOf{unit}({self.end(values)})"
        later = f"{first} + toInterval{unit}(n)"
        each = _day_of(later) if unit == "Day" else later
        return (
            f"arrayMap(\n  n -> {each},\n  range(0, assumeNotNull(dateDiff('{self.interval}', {first}, {last})) + 1)\n)"
        )

    def previous(self, compare_to: str | None = None) -> Period:
        """The range before this one, of the same length, which PostHog compares it with.

        Args:
            compare_to: How far before instead: ``"-1w"``, ``"-1y"``.

        Raises:
            InvalidInputError: there is nothing before ``"all"``, or ``compare_to`` says no length.
        """
        if self.date_from == "all":
            raise InvalidInputError("There is nothing before date_from='all' to compare with.", argument="compare")
        word = read_word(compare_to) if isinstance(compare_to, str) else None
        if compare_to is not None and (word is None or word.edge is not None or not word.number):
            raise InvalidInputError(
                f"compare_to is {compare_to!r}.", hint="Say how far back, such as -1w or -1y.", argument="compare_to"
            )
        return _Previous(**self._facts, of=self, back=word)

    def named(self, values: Values, prefix: str = "") -> tuple[list[str], Period]:
        """The same range by names, so that a query can be read.

        Args:
            values: Where values are bound.
            prefix: What the names ``date_from`` and ``date_to`` begin with.

        Returns:
            What the query's WITH defines, and the range whose HogQL has the names.
        """
        since, end = f"{prefix}date_from", self.ending(values)
        until = Edge(f"{prefix}date_to", end.included, end.midnight)
        return [f"{self.start(values)} AS {since}", f"{end.at} AS {until.at}"], _Named(
            **self._facts, since=since, until=until
        )

    # -- how it is read

    @property
    def _facts(self) -> dict[str, Any]:
        return {one.name: getattr(self, one.name) for one in fields(Period)}

    @property
    def _midnight_start(self) -> bool:
        """Whether the range begins with a day."""
        found = self._since
        if not isinstance(found, Word):
            return found != "all" and not isinstance(found, datetime)
        return found.unit not in {"Minute", "Hour"} and (self.interval != "minute" or found.edge is not None)

    @property
    def _since(self) -> Word | date | Literal["all"]:
        return read_date(self.date_from, "date_from")

    @property
    def _until(self) -> Word | date | Literal["all"]:
        # Up to now; a word means its interval to the end.
        return Word(0, "Minute") if self.date_to is None else read_date(self.date_to, "date_to")

    def _first_event(self) -> str:
        # PostHog passes over what clocks that were never set say: its earliest event is one after 2014.
        among = "" if self.among is None else f"\n    AND {self.among.replace(chr(10), chr(10) + '  ')}"
        return self.zoned(
            "assumeNotNull((\n  SELECT if(count() = 0, now() - toIntervalDay(7), min(timestamp))\n  FROM events\n"
            f"  WHERE timestamp > toDateTime('2015-01-01 00:00:00', 'UTC'){among}\n))"
        )

    def _given(self, found: date, name: str, values: Values) -> str:
        if not isinstance(found, datetime):
            return f"toStartOfDay({self._wall(values.bind(f'{found} 12:00:00', name))})"
        if found.tzinfo is None:
            return self._wall(values.bind(found.isoformat(sep=" "), name))
        moment = values.bind(in_utc(found, name), name)
        # The days of a moment are those of its zone: a value's is UTC, the function's without one is the project's.
        return f"toDateTime64({moment}, 6)" if self.timezone is None else self.zoned(moment)

    def _beginning(self, unit: str, moment: str) -> str:
        start = f"toStartOf{unit}({moment})"
        return self._midnight(start) if unit in _DATED else start

    def _after(self, unit: str, moment: str) -> Edge:
        """The end of the day, month or the like that a moment is in: before the next one begins."""
        start = f"toStartOf{unit}({moment})"
        if unit == "Day":
            return _next_day(start)
        after = f"{start} + toInterval{unit}(1)"
        dated = unit in _DATED
        return Edge(self._midnight(after) if dated else after, included=False, midnight=dated)

    def _midnight(self, day: str) -> str:
        """When a day begins that is a Date to HogQL."""
        return f"toStartOfDay(assumeNotNull({self._wall(f'''concat(toString({day}), ' 12:00:00')''')}))"

    def _wall(self, text: str) -> str:
        """The time that a clock in the zone shows as ``text``."""
        zone = "" if self.timezone is None else f", '{self.timezone}'"
        return f"toDateTime({text}{zone})"


def _reversed(since: Word | date | str, until: Word | date | str) -> bool:
    """Whether a range surely ends before it begins.

    Only the project's clock tells that of a word and a date; and two moments may be of one interval, which is whole.
    """
    if isinstance(since, Word) and isinstance(until, Word):
        return since.edge is until.edge is None and since.unit == until.unit and since.number < until.number
    return type(since) is type(until) is date and since > until


def _day_of(midnight: str) -> str:
    """The beginning of the day that ``midnight`` was to be.

    Where clocks go forward at midnight there is none: the day begins at one, and ClickHouse takes midnight for 23:00.
    """
    return f"toStartOfDay({midnight} + toIntervalHour(2))"


def _next_day(start: str) -> Edge:
    # A day has 23 to 25 hours.
    return Edge(f"toStartOfDay({start} + toIntervalHour(26))", included=False, midnight=True)


@dataclass(frozen=True)
class _Named(Period):
    """A range whose beginning and end have names in the query.

    Attributes:
        since: The name of its beginning.
        until: The name of its end.
    """

    since: str = ""
    until: Edge = Edge("")

    def start(self, values: Values) -> str:  # noqa: ARG002 - bound where the name is defined
        return self.since

    def ending(self, values: Values) -> Edge:  # noqa: ARG002
        return self.until


@dataclass(frozen=True)
class _Previous(Period):
    """The range before another (``QueryPreviousPeriodDateRange``, ``get_compare_period_dates``).

    Attributes:
        of: The other.
        back: How far back, where it was said (``QueryCompareToDateRange``).
    """

    of: Period = Period()
    back: Word | None = None

    def start(self, values: Values) -> str:
        start = self.of.start(values)
        if unit := self._unit_so_far():
            return self._beginning(unit, f"{start} - toInterval{unit}(1)")
        if self.back is None and self.interval == "minute":
            return f"{start} - toIntervalSecond(dateDiff('second', {start}, {self.of.ending(values).at}))"
        earlier = f"{start} - toIntervalDay({self._days(values)})" if self.back is None else self.back.before(start)
        return _day_of(earlier) if self._midnight_start and not self._by_the_clock else earlier

    def ending(self, values: Values) -> Edge:
        start, edge = self.of.start(values), self.of.ending(values)
        if self._unit_so_far() or (self.back is None and self.interval == "minute"):
            return Edge(start, included=False, midnight=self._midnight_start)
        if self.back is not None and self._by_the_clock:
            return Edge(self.back.before(edge.at), edge.included)
        days = self._days(values) if self.back is None else f"dateDiff('day', {self.start(values)}, {start})"
        if edge.midnight:
            return Edge(_day_of(f"{edge.at} - toIntervalDay({days})"), edge.included, midnight=True)
        # The end of an hour may be a midnight that was passed over days before; its last second is there.
        earlier = f"{edge.last} - toIntervalDay({days})"
        return Edge(earlier if edge.included else f"{earlier} + toIntervalSecond(1)", edge.included)

    @property
    def _by_the_clock(self) -> bool:
        return self.back is not None and self.back.unit in {"Minute", "Hour"}

    def _unit_so_far(self) -> str | None:
        """The unit of a range such as ``mStart``, this month so far: PostHog compares it with the whole one before."""
        found = self._since
        if self.back is not None or self.date_to is not None or not isinstance(found, Word):
            return None
        if found.edge is None or found.number:
            return None
        return found.unit if found.unit in _DATED else None

    def _days(self, values: Values) -> str:
        """How many days earlier."""
        found = self._since
        days = f"dateDiff('day', {self.of.start(values)}, {self.of.ending(values).last})"
        if not self._midnight_start:
            return f"greatest({days}, 1)"
        to_a_word = self.date_to is not None and isinstance(self._until, Word)
        weeks = isinstance(found, Word) and found.unit == "Day" and found.number > 0 and found.number % 7 == 0
        if weeks and self.interval == "day" and not to_a_word:
            # The last seven days are eight, as today is one more; PostHog compares weekdays all the same.
            return days
        return f"{days} + 1"
