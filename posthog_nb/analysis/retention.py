"""Retention: of the persons who did something in an interval, how many do something in each interval after it.

PostHog's own definition is followed (``posthog/hogql_queries/insights/retention/retention_query_runner.py`` and
``retention_base_query_fixed.py``, with the printed queries in ``test/__snapshots__``): intervals are those of the
calendar, a person is in the cohort of every interval with the target event, and interval 0 is the cohort itself.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from posthog_nb.analysis.activity import Intervals
from posthog_nb.analysis.analysis import Analysis
from posthog_nb.analysis.breakdown import read_breakdown
from posthog_nb.analysis.options import read_choice, read_sampling, read_whole
from posthog_nb.analysis.period import Period
from posthog_nb.analysis.retention_query import (
    RECURRING,
    REFERENCES,
    RETENTION_TYPES,
    RetentionOptions,
    RetentionQuery,
)
from posthog_nb.analysis.series import Series, read_series
from posthog_nb.analysis.text import Values
from posthog_nb.errors import InvalidInputError

if TYPE_CHECKING:
    from datetime import date

    from posthog_nb.analysis.asking import Asking
    from posthog_nb.analysis.charts.picture import Picture
    from posthog_nb.analysis.conditions import Properties
    from posthog_nb.analysis.insights import Day
    from posthog_nb.analysis.statistics import Comparison
    from posthog_nb.operations.result import Result

__all__ = ["PERIODS", "Retention", "retention"]

PERIODS = ("Hour", "Day", "Week", "Month")
"""PostHog's periods of a retention."""

_MOST_INTERVALS = 1_000


class Retention(Analysis):
    """How many of each cohort came back: what :meth:`posthog_nb.client.Client.retention` gives.

    The frame has a row for each cohort and each interval after it that has begun when the range ends: columns
    [``breakdown_value`` text,] ``date`` (when the cohort's interval began: DateTime in the zone of the analysis),
    ``size`` (persons in the cohort), ``interval`` (0 is the cohort's own), ``count`` (of them, who came), ``rate``
    (of ``size``, or of the interval before for the reference ``"previous"``: 0 to 1; NULL where there is nobody).
    """

    def __init__(self, result: Result, text: str, values: Values, title: str, options: RetentionOptions) -> None:
        super().__init__(result, text, values, title)
        self._options = options

    def plot(self) -> Picture:
        """The picture: a triangle of rates, a row a cohort; with a breakdown a curve for each value."""
        from posthog_nb.analysis.charts.retention import draw  # noqa: PLC0415 - Altair is loaded when it is used

        options = self._options
        who = "persons" if options.aggregation_group_type_index is None else "groups"
        return draw(
            self.to_arrow(),
            title=self.title,
            period=options.period,
            timezone=options.timezone,
            who=who,
            reference=options.retention_reference,
        )

    def confidence(self, confidence: float = 0.95, frame: str | None = None) -> Any:  # noqa: ANN401 - a frame of any kind
        """The frame with ``low`` and ``high`` beside each rate: Wilson's interval, NULL where there is no rate.

        Args:
            confidence: How often an interval made so holds the true rate.
            frame: ``"pandas"``, ``"polars"`` or ``"arrow"``; by default what the client was told.

        Raises:
            InvalidInputError: the rates are of the interval before, so that they are no parts of a whole.
        """
        import pyarrow as pa  # noqa: PLC0415 - loaded when it is used

        from posthog_nb.analysis.statistics import interval  # noqa: PLC0415 - as above
        from posthog_nb.frames.arrow import Table  # noqa: PLC0415 - as above
        from posthog_nb.frames.convert import default_frame, to_frame  # noqa: PLC0415 - as above

        self._needs_total()
        found = [
            interval(self._counted(count), self._counted(size), confidence) if size else (None, None)
            for count, size in zip(self._column("count"), self._column("size"), strict=True)
        ]
        table = self.result.table
        arrow, rate_kind = table.arrow, table.kinds[table.arrow.column_names.index("rate")]
        for position, name in enumerate(("low", "high")):
            arrow = arrow.append_column(name, pa.array([one[position] for one in found], pa.float64()))
        whole = Table(arrow, (*table.kinds, rate_kind, rate_kind), table.notes)
        return to_frame(whole, frame or self._options.frame or default_frame())

    def compare(
        self,
        other: Retention | str,
        against: str | None = None,
        *,
        interval: int = 1,
        date: Day | None = None,
        confidence: float = 0.95,
    ) -> Comparison:
        """Whether two groups came back differently in one interval after their own.

        Args:
            other: Another retention, or the breakdown value of the first group.
            against: The breakdown value of the second group, where ``other`` is one.
            interval: Which interval after the cohort's own.
            date: The cohort, as its ``date`` is or begins, such as ``"2026-01-05"``. By default all cohorts that the
                interval has begun for, together: that needs a retention of the first time, as otherwise a person is in
                several.
            confidence: Of the intervals in the comparison.

        Raises:
            InvalidInputError: there is no such group, cohort or interval, or the persons are in several cohorts.
        """
        from posthog_nb.analysis.statistics import compare_rates  # noqa: PLC0415 - scipy is loaded when it is used

        if isinstance(other, Retention) == isinstance(against, str):
            raise InvalidInputError(
                "compare takes another retention, or two breakdown values.",
                hint='retention.compare(another, interval=1), or retention.compare("Chrome", "Firefox", interval=1).',
            )
        if isinstance(other, Retention):
            groups = (self.came(interval, date=date), other.came(interval, date=date))
            names = (self.title, other.title) if self.title != other.title else ("this retention", "the other")
        else:
            groups = (
                self.came(interval, date=date, breakdown_value=other),
                self.came(interval, date=date, breakdown_value=against),
            )
            names = (other, str(against))
        (count, of), (other_count, other_of) = groups
        return compare_rates(count, of, other_count, other_of, confidence, names=names)

    def came(self, interval: int, *, date: Day | None = None, breakdown_value: str | None = None) -> tuple[int, int]:
        """How many came in one interval after their own, and of how many, for statistics: of a sample those looked at.

        Args:
            interval: Which interval after the cohort's own.
            date: One cohort, as its ``date`` is or begins; by default all that the interval has begun for.
            breakdown_value: The group, of a retention with a breakdown.

        Raises:
            InvalidInputError: there is no such group, cohort or interval, or persons would be counted several times.
        """
        self._needs_total()
        if date is None and self._options.retention_type == RECURRING:
            raise InvalidInputError(
                "A person is in several cohorts of a recurring retention, which a test takes for several persons.",
                hint='Choose one cohort with date="2026-01-05", or retention_type="retention_first_time".',
                argument="date",
            )
        interval = read_whole(interval, "interval", 0)
        rows: list[dict[str, Any]] = self.to_arrow().to_pylist()
        if (breakdown_value is None) == (self._options.breakdown is not None):
            problem = "a" if breakdown_value is None else "no"
            raise InvalidInputError(
                f"The retention has {problem} breakdown.", hint="Compare two values of a retention that has one."
            )
        if breakdown_value is not None:
            values = ", ".join(map(str, dict.fromkeys(row["breakdown_value"] for row in rows)))
            rows = [row for row in rows if row["breakdown_value"] == breakdown_value]
            if not rows:
                raise InvalidInputError(
                    f"The retention has no breakdown value {breakdown_value!r}.", hint=f"There are {values or 'none'}."
                )
        if date is not None:
            dates = sorted({row["date"] for row in rows})
            rows = [row for row in rows if _is_of(date, row["date"])]
            if len({row["date"] for row in rows}) != 1:
                raise InvalidInputError(
                    f"date is {date!r}, which no single cohort's date begins with.",
                    hint=f"The cohorts' dates go from {dates[0]} to {dates[-1]}." if dates else "There is no cohort.",
                    argument="date",
                )
        rows = [row for row in rows if row["interval"] == interval]
        if not sum(row["size"] for row in rows):
            raise InvalidInputError(
                f"There is nobody in a cohort that interval {interval} has begun for.", argument="interval"
            )
        return sum(self._counted(row["count"]) for row in rows), sum(self._counted(row["size"]) for row in rows)

    def _needs_total(self) -> None:
        if self._options.retention_reference != REFERENCES[0]:
            raise InvalidInputError(
                "The rates are of the interval before, which not all who came are in: there is no interval or test of"
                " such rates.",
                hint='Ask with retention_reference="total".',
            )

    def _counted(self, count: int) -> int:
        """How many were looked at: of a sample fewer than the count says, and only they make it sure."""
        factor = self._options.sampling_factor
        return count if factor is None else round(count * factor)

    def _column(self, name: str) -> list[Any]:
        found: list[Any] = self.to_arrow().column(name).to_pylist()
        return found


def _is_of(given: Day, begins: datetime) -> bool:
    """Whether a date is that of the cohort that begins so: the moment, or how it is written, or a part of that."""
    if isinstance(given, datetime) and given.tzinfo is not None:
        return given == begins
    return begins.isoformat(sep=" ").startswith(str(given).replace("T", " "))


def retention(  # noqa: PLR0913 - PostHog's options
    asking: Asking,
    target_entity: str | Series = "$pageview",
    returning_entity: str | Series | None = None,
    *,
    retention_type: str = "retention_recurring",
    retention_reference: str = "total",
    period: str = "Day",
    total_intervals: int = 8,
    minimum_occurrences: int = 1,
    date_from: str | date | datetime | None = None,
    date_to: str | date | datetime | None = None,
    properties: Properties = None,
    cumulative: bool = False,
    breakdown: object = None,
    breakdown_type: str | None = None,
    breakdown_limit: int = 25,
    aggregation_group_type_index: int | None = None,
    sampling_factor: float | None = None,
    timezone: str | None = None,
) -> Retention:
    """Ask for a retention; the options are those of :meth:`posthog_nb.client.Client.retention`.

    Raises:
        InvalidInputError: an option is not what it should be.
    """
    target = read_series(target_entity, "target_entity")
    options = RetentionOptions(
        target=target,
        returning=target if returning_entity is None else read_series(returning_entity, "returning_entity"),
        retention_type=read_choice(retention_type, "retention_type", RETENTION_TYPES),
        retention_reference=read_choice(retention_reference, "retention_reference", REFERENCES),
        period=read_choice(period, "period", PERIODS),
        total_intervals=read_whole(total_intervals, "total_intervals", 1, _MOST_INTERVALS),
        minimum_occurrences=read_whole(minimum_occurrences, "minimum_occurrences", 1, _MOST_INTERVALS),
        properties=properties,
        cumulative=cumulative,
        breakdown=read_breakdown(breakdown, breakdown_type, breakdown_limit),
        aggregation_group_type_index=aggregation_group_type_index,
        sampling_factor=read_sampling(sampling_factor),
        timezone=timezone,
        frame=asking.frame,
    )
    values = Values()
    interval = options.period.lower()
    if date_from is None:
        intervals = Intervals(Period(date_to=date_to, interval=interval, timezone=timezone), values, total_intervals)
    else:
        intervals = Intervals(Period(date_from, date_to, interval, timezone), values)
    text = RetentionQuery(options, intervals, values).text
    same = options.target.label == options.returning.label
    title = f"Retention: {options.target.label}" + ("" if same else f" → {options.returning.label}")
    return Retention(asking.run(text, values), text, values, title, options)
