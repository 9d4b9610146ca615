"""What retention, stickiness and lifecycle share: intervals by number."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from posthog_nb.analysis.period import Period
    from posthog_nb.analysis.text import Values

__all__ = ["Intervals"]


@dataclass(frozen=True)
class Intervals:
    """The intervals of a range by their numbers from 0, all of them whole, as HogQL.

    Counted from the end of the range, since the last moment of a day is there in every zone, and midnight is not.

    Attributes:
        period: The range.
        values: Where values are bound.
        last: How many there are, counted back from the end of the range; None for as many as the range has.
        before: How many there are before the range besides: 0 or 1. Its number is 0 then.
    """

    period: Period
    values: Values
    last: int | None = None
    before: int = 0

    def definitions(self, *, ends: bool = True) -> str:
        """The WITH of the query, which the other texts rest on; ``ends`` is for :attr:`contain`."""
        unit, last = self._unit, self.last
        dates, _ = self.period.named(self.values)
        if last is None:
            first = self.beginning(self._range.start(self.values))
            first = self.beginning(f"{first} - toIntervalSecond(1)") if self.before else first
        else:
            dates = dates[1:]
            first = self.beginning(f"{self._end} - toInterval{unit}({last - 1})")
        named = [*dates, f"{first} AS first_begins"]
        if ends:
            named.append(f"{self.beginning(f'{self._end} + toInterval{unit}(1)')} AS last_ends")
        if last is None:
            named.append(f"assumeNotNull({self.number(self.beginning(self._end))}) AS latest")
        return "WITH\n  " + ",\n  ".join(named) + "\n"

    @property
    def contain(self) -> str:
        """The condition that an event is in one of them."""
        return "timestamp >= first_begins\n  AND timestamp < last_ends"

    @property
    def count(self) -> str:
        """How many there are."""
        return "latest + 1" if self.last is None else str(self.last)

    def number(self, time: str) -> str:
        """The number of the interval that ``time`` falls into."""
        if self._unit == "Week":
            # dateDiff counts Mondays, and weeks begin on the project's day.
            return f"intDiv(dateDiff('day', first_begins, {self.period.zoned(time)}), 7)"
        return f"dateDiff('{self.period.interval}', first_begins, {self.period.zoned(time)})"

    def start(self, number: str) -> str:
        """When the interval of this number begins."""
        latest = "latest" if self.last is None else self.last - 1
        return self.beginning(f"{self._end} - toInterval{self._unit}({latest} - {number})")

    def beginning(self, time: str) -> str:
        """When the interval begins that ``time`` falls into: a DateTime in the zone of the analysis."""
        moment = self.period.moment(self.period.bucket(time))
        # A week or a month may begin with a day that has no midnight; noon it has.
        return f"toStartOfDay({moment} + toIntervalHour(12))" if self._unit in {"Week", "Month"} else moment

    @property
    def _unit(self) -> str:
        return self.period.interval.capitalize()

    @property
    def _range(self) -> Period:
        """The range by the names of its dates."""
        return self.period.named(self.values)[1]

    @property
    def _end(self) -> str:
        """A moment of the last interval."""
        return self._range.end(self.values)
