"""The stretch of time that an analysis looks at, and the intervals that it is divided into, as HogQL.

Relative dates become HogQL over ``now()``, so that the project's clock and zone hold, whatever this computer's are.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING
from zoneinfo import available_timezones

from posthog_nb.errors import InvalidInputError
from posthog_nb.operations.properties import event_time

if TYPE_CHECKING:
    from posthog_nb.analysis.text import Values

__all__ = ["INTERVALS", "Period"]

INTERVALS = ("minute", "hour", "day", "week", "month")
"""PostHog's intervals."""

_UNITS = {"M": "Minute", "h": "Hour", "d": "Day", "w": "Week", "m": "Month", "q": "Quarter", "y": "Year"}
_RELATIVE = re.compile(r"(?:-(?P<number>\d{1,6}))?(?P<unit>[Mhdwmqy])(?P<edge>Start|End)?")
_DAY = re.compile(r"\d{4}-\d\d-\d\d")


@dataclass(frozen=True)
class Period:
    """A range of dates and its intervals, as PostHog's insights have them (``QueryDateRange``).

    Attributes:
        date_from: Where it begins: ``"-7d"``, ``"mStart"``, ``"all"``, an ISO date, a date or a datetime.
        date_to: Where it ends, in the same words; a day is meant to its end. None is the end of today.
        interval: One of :data:`INTERVALS`.
        timezone: The zone that days begin in; None for the project's.
    """

    date_from: str | date | datetime = "-7d"
    date_to: str | date | datetime | None = None
    interval: str = "day"
    timezone: str | None = None

    def __post_init__(self) -> None:
        if self.interval not in INTERVALS:
            raise InvalidInputError(f"interval is {self.interval!r}.", hint=f"There are {', '.join(INTERVALS)}.")
        if self.timezone is not None and self.timezone != "UTC" and self.timezone not in available_timezones():
            raise InvalidInputError(
                f"{self.timezone!r} is no time zone.", hint="Give its IANA name, such as Europe/London."
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
        if self.date_from == "all":
            return self.zoned("(SELECT min(timestamp) FROM events)")
        return self._edge(self.date_from, "date_from", values, end=False).at

    def end(self, values: Values) -> str:
        """A moment of the last interval of the range, as HogQL; :meth:`contains` knows the very last one."""
        edge = self._end(values)
        return edge.at if edge.included else f"{edge.at} - toIntervalSecond(1)"

    def _end(self, values: Values) -> _Edge:
        return self._edge("dEnd" if self.date_to is None else self.date_to, "date_to", values, end=True)

    def contains(self, values: Values, column: str = "timestamp", *, whole_intervals: bool = False) -> str:
        """The condition that a time is in the range.

        Args:
            values: Where values are bound.
            column: The time.
            whole_intervals: Begin with the interval that ``date_from`` falls into, as insights over time do.
        """
        start = self.start(values)
        start = self.bucket(start) if whole_intervals else start
        end = self._end(values)
        return f"{column} >= {start}\n  AND {column} {'<=' if end.included else '<'} {end.at}"

    def bucket(self, expression: str) -> str:
        """The start of the interval that a time falls into; weeks begin on the project's day."""
        return f"toStartOf{self.interval.capitalize()}({expression})"

    def buckets(self, values: Values) -> str:
        """The starts of all intervals of the range: a HogQL expression, an array of times."""
        unit = self.interval.capitalize()
        first, last = self.bucket(self.start(values)), self.bucket(self.end(values))
        steps = f"range(0, assumeNotNull(dateDiff('{self.interval}', {first}, {last})) + 1)"
        return f"arrayMap(n -> {self.bucket(f'{first} + toInterval{unit}(n)')}, {steps})"

    def _edge(self, given: object, name: str, values: Values, *, end: bool) -> _Edge:
        if isinstance(given, str):
            if match := _RELATIVE.fullmatch(given.strip()):
                return self._relative(match, end=end)
            if _DAY.fullmatch(given.strip()):
                given = self._read_day(given.strip(), name)
        if isinstance(given, date) and not isinstance(given, datetime):
            zone = "" if self.timezone is None else f", '{self.timezone}'"
            day = f"toDateTime64({values.bind(f'{given.isoformat()} 00:00:00', name)}, 6{zone})"
            return _after("Day", day) if end else _Edge(day)
        return _Edge(self.zoned(values.bind(event_time(given, name), name)))

    def _read_day(self, text: str, name: str) -> date:
        try:
            return date.fromisoformat(text)
        except ValueError as error:
            raise InvalidInputError(f"{name} is {text!r}, which is no day: {error}.", argument=name) from error

    def _relative(self, match: re.Match[str], *, end: bool) -> _Edge:
        number, unit, edge = match["number"], _UNITS[match["unit"]], match["edge"]
        at = self.now if number is None else f"{self.now} - toInterval{unit}({number})"
        if edge is not None:
            return _after(unit, at) if edge == "End" else _Edge(f"toStartOf{unit}({at})")
        if unit in {"Hour", "Minute"}:
            return _Edge(at if end else f"toStartOf{unit}({at})")
        return _after("Day", at) if end else _Edge(f"toStartOfDay({at})")


@dataclass(frozen=True)
class _Edge:
    """Where a range begins or ends.

    Attributes:
        at: The moment, as HogQL.
        included: Whether it is part of the range itself.
    """

    at: str
    included: bool = True


def _after(unit: str, moment: str) -> _Edge:
    """The end of the day, month or the like that a moment is in: before the next one begins."""
    return _Edge(f"toStartOf{unit}({moment}) + toInterval{unit}(1)", included=False)
