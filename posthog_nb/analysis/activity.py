"""What retention, stickiness and lifecycle share: intervals by number, who is counted, samples."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from posthog_nb.analysis.text import literal
from posthog_nb.errors import InvalidInputError

if TYPE_CHECKING:
    from posthog_nb.analysis.period import Period
    from posthog_nb.analysis.text import Values

__all__ = ["Intervals", "actor", "enlarged", "read_sampling", "sample"]

_LAST_GROUP_TYPE = 4


@dataclass(frozen=True)
class Intervals:
    """The intervals of a range by their numbers from 0, all of them whole, as HogQL.

    Counted from the end of the range, since the last moment of a day is there in every zone, and midnight is not.

    Attributes:
        period: The range.
        values: Where values are bound.
        last: How many there are, counted back from the end of the range; None for as many as the range has.
    """

    period: Period
    values: Values
    last: int | None = None

    @property
    def unit(self) -> str:
        """``Hour``, ``Day``, ``Week`` or ``Month``."""
        return self.period.interval.capitalize()

    @property
    def end(self) -> str:
        """A moment of the last interval."""
        return self.period.end(self.values)

    @property
    def first(self) -> str:
        """When the first interval begins."""
        if self.last is None:
            return self.beginning(self.period.start(self.values))
        return self.beginning(f"{self.end} - toInterval{self.unit}({self.last - 1})")

    @property
    def after(self) -> str:
        """When the interval after the last one begins."""
        return self.beginning(f"{self.end} + toInterval{self.unit}(1)")

    @property
    def latest(self) -> str:
        """The number of the last one."""
        if self.last is not None:
            return str(self.last - 1)
        return f"assumeNotNull({self.number(self.end)})"

    @property
    def count(self) -> str:
        """How many there are."""
        return str(self.last) if self.last is not None else f"{self.latest} + 1"

    @property
    def contain(self) -> str:
        """The condition that an event is in one of them."""
        return f"timestamp >= {self.first}\n  AND timestamp < {self.after}"

    def number(self, time: str) -> str:
        """The number of the interval that ``time`` falls into."""
        if self.unit == "Week":
            # dateDiff counts Mondays, and weeks begin on the project's day.
            return f"intDiv(dateDiff('day', {self.first}, {self.period.zoned(time)}), 7)"
        return f"dateDiff('{self.period.interval}', {self.first}, {self.period.zoned(time)})"

    def start(self, number: str) -> str:
        """When the interval of this number begins."""
        return self.beginning(f"{self.end} - toInterval{self.unit}({self.latest} - {number})")

    def beginning(self, time: str) -> str:
        """When the interval begins that ``time`` falls into: a DateTime in the zone of the analysis."""
        moment = self.period.moment(self.period.bucket(time))
        # A week or a month may begin with a day that has no midnight; noon it has.
        return f"toStartOfDay({moment} + toIntervalHour(12))" if self.unit in {"Week", "Month"} else moment


def actor(aggregation_group_type_index: int | None) -> tuple[str, str | None]:
    """The column of those who are counted, persons or groups, and the condition that there is one.

    Raises:
        InvalidInputError: there is no group type of this number.
    """
    index = aggregation_group_type_index
    if index is None:
        return "person_id", None
    if isinstance(index, bool) or index not in range(_LAST_GROUP_TYPE + 1):
        raise InvalidInputError(
            f"aggregation_group_type_index is {index!r}.",
            hint="It is the number of the group type in PostHog, 0 to 4.",
            argument="aggregation_group_type_index",
        )
    return f"$group_{index}", f"$group_{index} != ''"


def read_sampling(sampling_factor: float | None) -> float | None:
    """The part of all persons to look at; None for all.

    Raises:
        InvalidInputError: it is no part.
    """
    if sampling_factor is None:
        return None
    if isinstance(sampling_factor, bool) or not 0 < sampling_factor <= 1:
        raise InvalidInputError(
            f"sampling_factor is {sampling_factor!r}.",
            hint="It is a part of 1, such as 0.1.",
            argument="sampling_factor",
        )
    return None if sampling_factor == 1 else float(sampling_factor)


def sample(sampling_factor: float | None) -> str:
    """The table of events, or the part of it that is looked at."""
    return "events" if sampling_factor is None else f"events SAMPLE {literal(sampling_factor)}"


def enlarged(count: str, sampling_factor: float | None) -> str:
    """A count of a sample as it would be of all (``correct_result_for_sampling``)."""
    if sampling_factor is None:
        return count
    return f"assumeNotNull(toInt(round({count} * (1 / {literal(sampling_factor)}))))"
