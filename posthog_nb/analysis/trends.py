"""How often something happens, over time: PostHog's trends.

As PostHog defines them (https://posthog.com/docs/product-analytics/trends/overview,
``posthog/hogql_queries/insights/trends/trends_query_builder.py`` and the printed queries in ``test_trends.ambr``).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from posthog_nb.analysis.analysis import Analysis
from posthog_nb.analysis.asking import MOST_ROWS
from posthog_nb.analysis.breakdown import OTHER, read_breakdown
from posthog_nb.analysis.formula import LETTERS, read_formula
from posthog_nb.analysis.maths import Counting, check_math
from posthog_nb.analysis.options import read_sampling, read_whole
from posthog_nb.analysis.period import Period
from posthog_nb.analysis.series import read_all_series
from posthog_nb.analysis.text import Values, indented
from posthog_nb.errors import InvalidInputError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date, datetime

    import altair as alt

    from posthog_nb.analysis.asking import Asking
    from posthog_nb.analysis.breakdown import Breakdown
    from posthog_nb.analysis.conditions import Properties
    from posthog_nb.analysis.series import Series
    from posthog_nb.operations.result import Result

__all__ = ["Trends", "trends"]


class Trends(Analysis):
    """Values over time.

    Columns: ``series`` (text); with ``compare`` ``period`` (``"current"`` or ``"previous"``); with a breakdown
    ``breakdown_value`` (text); ``date`` (the start of the interval, in the zone); ``value`` (a whole number where all
    series count, else a float). Every interval of the range has its row. Ordered as given, then by period, breakdown
    values by their total with none and other last, date.

    Attributes:
        interval: What begins at each date.
        timezone: The zone that was asked for; None for the project's.
    """

    def __init__(self, result: Result, text: str, values: Values, title: str, period: Period) -> None:
        super().__init__(result, text, values, title)
        self.interval = period.interval
        self.timezone = period.timezone
        self._running = period.date_to is None

    def plot(self) -> alt.Chart | alt.LayerChart | alt.FacetChart | alt.HConcatChart | alt.VConcatChart:
        """Lines over time."""
        from posthog_nb.analysis.charts.trends import draw  # noqa: PLC0415 - Altair loads when a picture is drawn

        return draw(
            self.to_arrow(), title=self.title, interval=self.interval, timezone=self.timezone, running=self._running
        )


def trends(  # noqa: PLR0913 - PostHog's options
    asking: Asking,
    series: str | Series | Sequence[str | Series],
    *,
    date_from: str | date | datetime = "-7d",
    date_to: str | date | datetime | None = None,
    interval: str = "day",
    properties: Properties = None,
    breakdown: object = None,
    breakdown_type: str | None = None,
    breakdown_limit: int = 25,
    breakdown_hide_other: bool = False,
    formula: str | None = None,
    cumulative: bool = False,
    compare: bool = False,
    compare_to: str | None = None,
    smoothing_intervals: int = 1,
    sampling_factor: float | None = None,
    timezone: str | None = None,
) -> Trends:
    """Ask for trends; :meth:`posthog_nb.client.Client.trends` says what the options are."""
    listed = read_all_series(series)
    for one in listed:
        check_math(one)
    period = Period(date_from, date_to, interval, timezone)
    query = _Query(
        series=listed,
        period=period,
        compare=compare or compare_to is not None,
        compare_to=compare_to,
        properties=properties,
        breakdown=read_breakdown(breakdown, breakdown_type, breakdown_limit, hide_other=breakdown_hide_other),
        formula=formula,
        cumulative=cumulative,
        smoothing=_smoothing(smoothing_intervals, cumulative=cumulative),
        sampling_factor=read_sampling(sampling_factor),
    )
    values = Values()
    text = query.text(values)
    names = f"Formula ({formula})" if formula is not None else ", ".join(one.label for one in listed)
    return Trends(asking.run(text, values), text, values, f"Trends: {names}", period)


def _smoothing(given: object, *, cumulative: bool) -> int:
    number = read_whole(given, "smoothing_intervals", 1, MOST_ROWS)
    if cumulative and number > 1:
        raise InvalidInputError("cumulative values are not smoothed.", hint="Give smoothing_intervals or cumulative.")
    return number


@dataclass(frozen=True)
class _Query:
    """The query of trends, from the inside out: events, every interval, series and periods, formula."""

    series: list[Series]
    period: Period
    compare: bool
    compare_to: str | None
    properties: Properties
    breakdown: Breakdown | None
    formula: str | None
    cumulative: bool
    smoothing: int
    sampling_factor: float | None

    def text(self, values: Values) -> str:
        defined, period = self._since_the_first(values).named(values)
        periods = [("current", period)]
        if self.compare:
            before, previous = period.previous(self.compare_to).named(values, "previous_")
            defined += before
            periods.append(("previous", previous))
        numbers = range(1, len(self.series) + 1)
        parts = [self._part(number, name, one, values) for number in numbers for name, one in periods]
        order = ["date"] if self.breakdown is None else ["place", "date"]
        if self.formula is not None:
            query = self._of_formula(parts, self.formula, values)
        elif len(parts) == 1:
            query = f"{parts[0]}\nORDER BY {', '.join(order)}"
        else:
            columns, keys = ["series", *self._keys, "date", "value"], ["number", *self._period, *order]
            query = f"SELECT {', '.join(columns)}\nFROM {_union(parts)}\nORDER BY {', '.join(keys)}"
        return f"WITH\n  {indented(f',{chr(10)}'.join(defined), 2)}\n{query}\nLIMIT {MOST_ROWS}"

    def _since_the_first(self, values: Values) -> Period:
        """The range, where ``"all"`` begins with the first event of any series."""
        if self.period.date_from != "all":
            return self.period
        chosen = [replace(one, properties=None).condition(values) for one in self.series]
        among = None if None in chosen else f"({' OR '.join(one for one in chosen if one is not None)})"
        return replace(self.period, among=among)

    # -- one series in one period

    def _part(self, number: int, name: str, period: Period, values: Values) -> str:
        counting = Counting(
            self.series[number - 1], period, self.properties, self.breakdown, self.sampling_factor, self.cumulative
        )
        several = len(self.series) > 1 or self.compare or self.formula is not None
        columns = [
            f"{number} AS number" if several else "",
            f"{values.bind(counting.series.label, 'series')} AS series",
            f"'{name}' AS period" if self._period else "",
            "place" if several and self.breakdown is not None else "",
            "breakdown_value" if self.breakdown is not None else "",
            f"{period.moment('bucket')} AS date",
            f"{self._value(counting)} AS value",
        ]
        filled = self._filled(counting, values) if self.breakdown is None else self._ranked(counting, values)
        shown = ",\n  ".join(column for column in columns if column)
        return f"SELECT\n  {shown}\nFROM (\n  {indented(filled, 2)}\n)"

    def _filled(self, counting: Counting, values: Values) -> str:
        """Every interval, also those without an event."""
        every = f"SELECT arrayJoin({counting.period.buckets(values)}) AS bucket, 0 AS value"
        return f"SELECT bucket, sum(value) AS total\nFROM {_union([counting.query(values), every])}\nGROUP BY bucket"

    def _ranked(self, counting: Counting, values: Values) -> str:
        """Every interval of each value that is shown, the most frequent first."""
        breakdown = counting.breakdown
        assert breakdown is not None  # noqa: S101 - asked for where there is one
        kept = breakdown.kept()
        return "\n".join(
            [
                "SELECT",
                f"  {breakdown.shown(values)} AS breakdown_value,",
                "  point.1 AS bucket,",
                "  sum(point.2) AS total,",
                "  min(rank) AS place",
                "FROM (",
                f"  SELECT breakdown_value, points, {breakdown.rank(values)} AS rank",
                "  FROM (",
                "    SELECT breakdown_value, groupArray((bucket, value)) AS points, sum(value) AS total",
                "    FROM (",
                f"      {indented(counting.query(values), 6)}",
                "    )",
                "    GROUP BY breakdown_value",
                "  )",
                ")",
                "ARRAY JOIN arrayConcat(",
                "  points,",
                f"  arrayMap(start -> (start, 0), {indented(counting.period.buckets(values), 2)})",
                ") AS point",
                *([f"WHERE {kept}"] if kept else []),
                "GROUP BY breakdown_value, bucket",
            ]
        )

    def _value(self, counting: Counting) -> str:
        window = "ORDER BY bucket" if self.breakdown is None else "PARTITION BY breakdown_value ORDER BY bucket"
        value = "total"
        if self.cumulative:
            value = f"sum(total) OVER ({window})"
        if self.smoothing > 1:
            # PostHog rounds a rolling average down.
            value = f"floor(avg(total) OVER ({window} ROWS BETWEEN {self.smoothing - 1} PRECEDING AND CURRENT ROW))"
        if counting.scaled:
            value = f"round({value} / {self.sampling_factor!r})"
        if not self._whole:
            return f"{value} * 1.0" if counting.whole else value
        return f"assumeNotNull(toInt({value}))" if self.smoothing > 1 or counting.scaled else value

    # -- all of them

    def _of_formula(self, parts: list[str], formula: str, values: Values) -> str:
        value = read_formula(formula, len(self.series))
        amounts = [
            f"sumIf(value, number = {number}) AS {LETTERS[number - 1]}" for number in range(1, len(self.series) + 1)
        ]
        keys = [*self._keys, "date"]
        worked_out = ",\n      ".join([*keys, *amounts])
        order = [*self._period, "date"]
        if self.breakdown is not None:
            last = (
                f"multiIf(breakdown_value = {values.bind(OTHER, 'other')}, 2, {self.breakdown.is_none(values)}, 1, 0)"
            )
            total = f"sum(value) OVER (PARTITION BY {', '.join(self._keys)})"
            order = [*self._period, last, f"{total} DESC", "breakdown_value", "date"]
        label = values.bind(f"Formula ({formula})", "formula")
        return "\n".join(
            [
                f"SELECT {', '.join(['series', *keys, 'value'])}",
                "FROM (",
                f"  SELECT {label} AS series, {', '.join(keys)}, {value} AS value",
                "  FROM (",
                f"    SELECT\n      {worked_out}",
                f"    FROM {indented(_union(parts), 4)}",
                f"    GROUP BY {', '.join(keys)}",
                "  )",
                ")",
                f"ORDER BY {', '.join(order)}",
            ]
        )

    @property
    def _whole(self) -> bool:
        whole = all(Counting(one, self.period).whole for one in self.series)
        return whole and self.formula is None

    @property
    def _period(self) -> list[str]:
        return ["period"] if self.compare else []

    @property
    def _keys(self) -> list[str]:
        return [*self._period, *([] if self.breakdown is None else ["breakdown_value"])]


def _union(parts: list[str]) -> str:
    return "(\n  " + indented("\nUNION ALL\n".join(parts), 2) + "\n)"
