"""Stickiness: on how many of the days, weeks or months of a range persons do something.

PostHog's own definition is followed (``posthog/hogql_queries/insights/stickiness_query_runner.py``): a person is active
in an interval with events enough for the criteria, and is counted once, under the number of the intervals so found.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from posthog_nb.analysis.activity import Intervals
from posthog_nb.analysis.analysis import Analysis
from posthog_nb.analysis.asking import MOST_ROWS
from posthog_nb.analysis.conditions import all_of, condition
from posthog_nb.analysis.maths import check_math
from posthog_nb.analysis.options import actor, as_number, read_sampling, sample
from posthog_nb.analysis.period import Period
from posthog_nb.analysis.series import Series, read_all_series
from posthog_nb.analysis.text import Values, indented
from posthog_nb.errors import InvalidInputError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date, datetime

    import altair as alt

    from posthog_nb.analysis.asking import Asking
    from posthog_nb.analysis.conditions import Properties
    from posthog_nb.operations.result import Result

__all__ = ["CRITERIA", "MATHS", "Stickiness", "stickiness"]

CRITERIA = {"gte": ">=", "lte": "<=", "exact": "="}
"""PostHog's operators of the criteria: of how many events an interval must be."""

MATHS = ("total", "dau", "unique_group")
"""PostHog's maths that say who is counted: persons, or the groups of ``math_group_type_index``."""


class Stickiness(Analysis):
    """On how many intervals persons were active: what :meth:`posthog_nb.client.Client.stickiness` gives.

    The frame has a row for each series and each number of intervals that the range has: columns ``series`` text,
    ``intervals_active`` (from 1), ``count`` (persons active in so many intervals, or in so many or more when it is
    cumulative), ``share`` (of all persons of the series that were active at all, 0 to 1; NULL where there is nobody).
    """

    def __init__(self, result: Result, text: str, values: Values, title: str, facts: Mapping[str, str]) -> None:
        super().__init__(result, text, values, title)
        self._facts = facts

    def plot(self) -> alt.Chart | alt.LayerChart | alt.FacetChart | alt.HConcatChart | alt.VConcatChart:
        """The picture: a line of shares for each series."""
        from posthog_nb.analysis.charts.stickiness import draw  # noqa: PLC0415 - Altair loads when a picture is drawn

        return draw(self.to_arrow(), title=self.title, **self._facts)


def stickiness(  # noqa: PLR0913 - PostHog's options
    asking: Asking,
    series: str | Series | Sequence[str | Series] = "$pageview",
    *,
    date_from: str | date | datetime = "-7d",
    date_to: str | date | datetime | None = None,
    interval: str = "day",
    properties: Properties = None,
    stickiness_criteria: tuple[str, int] = ("gte", 1),
    cumulative: bool = False,
    sampling_factor: float | None = None,
    timezone: str | None = None,
) -> Stickiness:
    """Ask for a stickiness; :meth:`posthog_nb.client.Client.stickiness` says what the options are.

    Raises:
        InvalidInputError: an option is not what it should be.
    """
    listed, criteria = read_all_series(series), _read_criteria(stickiness_criteria)
    for one in listed:
        _check_math(one)
    query = _Query(
        Period(date_from, date_to, interval, timezone),
        properties,
        criteria,
        cumulative=cumulative,
        sampling_factor=read_sampling(sampling_factor),
        values=Values(),
    )
    text = query.text(listed)
    who = "groups" if all(one.math_group_type_index is not None for one in listed) else "persons"
    title = f"Stickiness: {', '.join(one.label for one in listed)}"
    facts = {"interval": interval, "who": who}
    return Stickiness(asking.run(text, query.values), text, query.values, title, facts)


def _read_criteria(given: tuple[str, int]) -> str:
    """The condition of an interval, such as ``count() >= 2``."""
    try:
        operator, number = given
    except (TypeError, ValueError):
        operator, number = "", 0
    least = as_number(number)
    if operator not in tuple(CRITERIA) or not isinstance(least, int) or least < 1:
        raise InvalidInputError(
            f"stickiness_criteria is {given!r}.",
            hint=f'It is one of {", ".join(CRITERIA)} and how many events, such as ("gte", 3).',
            argument="stickiness_criteria",
        )
    return f"count() {CRITERIA[operator]} {least}"


def _check_math(series: Series) -> None:
    check_math(series)
    if series.math not in MATHS:
        raise InvalidInputError(
            f"The series {series.label!r} has the math {series.math!r}, of which there is no stickiness.",
            hint=f"Who is active is counted: {', '.join(MATHS)}.",
        )


@dataclass(frozen=True)
class _Query:
    """The HogQL of a stickiness."""

    period: Period
    properties: Properties
    criteria: str
    cumulative: bool
    sampling_factor: float | None
    values: Values

    def text(self, listed: Sequence[Series]) -> str:
        """The rows of the frame."""
        together = "\nUNION ALL\n".join(self._series(place, one) for place, one in enumerate(listed))
        return (
            f"{Intervals(self.period, self.values).definitions(ends=False)}"
            f"SELECT series, intervals_active, count, if(everyone = 0, NULL, count / everyone) AS share\n"
            f"FROM (\n"
            f"  {indented(together, 2)}\n"
            f")\n"
            f"ORDER BY place, intervals_active\n"
            f"LIMIT {MOST_ROWS}"
        )

    def _series(self, place: int, one: Series) -> str:
        count = "actors[indexOf(numbers, intervals_active)]"
        if self.cumulative:
            count = "arraySum(arrayFilter((actors, number) -> number >= intervals_active, actors, numbers))"
        return (
            f"SELECT\n"
            f"  {place} AS place,\n"
            f"  {self.values.bind(one.label, 'series')} AS series,\n"
            f"  intervals_active,\n"
            f"  {count} AS count,\n"
            f"  arraySum(actors) AS everyone\n"
            f"FROM (\n"
            f"  SELECT groupArray(number) AS numbers, groupArray(found) AS actors\n"
            f"  FROM (\n"
            f"    SELECT number, count() AS found\n"
            f"    FROM (\n"
            f"      SELECT actor, count() AS number\n"
            f"      FROM (\n"
            f"        {indented(self._active(one), 8)}\n"
            f"      )\n"
            f"      GROUP BY actor\n"
            f"    )\n"
            f"    GROUP BY number\n"
            f"  )\n"
            f")\n"
            f"ARRAY JOIN range(1, {Intervals(self.period, self.values).count} + 1) AS intervals_active"
        )

    def _active(self, one: Series) -> str:
        """A row for each actor and interval with events enough."""
        who, there_is_one = actor(one.math_group_type_index)
        _, named = self.period.named(self.values)
        where = all_of(
            [
                named.contains(self.values, whole_intervals=True),
                one.condition(self.values),
                condition(self.properties, self.values),
                there_is_one,
            ]
        )
        return (
            f"SELECT {who} AS actor, {self.period.bucket('timestamp')} AS start\n"
            f"FROM {sample(self.sampling_factor)}\n"
            f"WHERE {where}\n"
            f"GROUP BY actor, start\n"
            f"HAVING {self.criteria}"
        )
