"""How many persons go through steps: PostHog's funnels.

As PostHog defines them (https://posthog.com/docs/product-analytics/funnels, ``funnel-udf/src/steps.rs`` and
``posthog/hogql_queries/insights/funnels/``), in HogQL that needs none of PostHog's own functions.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from posthog_nb.analysis.analysis import Analysis
from posthog_nb.analysis.breakdown import read_breakdown
from posthog_nb.analysis.funnels.chain import Chain
from posthog_nb.analysis.funnels.frames import steps_frame, times_frame, trends_frame
from posthog_nb.analysis.funnels.general import add_general_ways
from posthog_nb.analysis.funnels.options import WINDOW_UNITS, Exclusion, Options, read_exclusion
from posthog_nb.analysis.funnels.plain import add_plain_ways
from posthog_nb.analysis.funnels.unordered import add_unordered_ways
from posthog_nb.analysis.options import as_list, read_choice, read_sampling, read_whole
from posthog_nb.analysis.period import Period
from posthog_nb.analysis.series import read_all_series
from posthog_nb.analysis.text import Values
from posthog_nb.errors import InvalidInputError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date, datetime

    from posthog_nb.analysis.asking import Asking
    from posthog_nb.analysis.charts.picture import Picture
    from posthog_nb.analysis.conditions import Properties
    from posthog_nb.analysis.series import Series
    from posthog_nb.analysis.statistics import Comparison
    from posthog_nb.operations.result import Result

__all__ = ["Exclusion", "Funnel", "funnel"]

_MICROSECONDS = 1_000_000
_LONGEST_WINDOW = 100 * 366 * 86_400
"""In seconds: more than all of the events there are."""


class Funnel(Analysis):
    """How many persons came to each step: what :meth:`posthog_nb.client.Client.funnel` gives.

    The frame has one of three shapes, each with a text column ``breakdown_value`` first where there is a breakdown:

    - ``"steps"``: a row for each ``step`` (from 1 on): its ``name``, ``count`` (how many came there),
      ``conversion_rate`` (of those who came to the first), ``step_conversion_rate`` (of those who came to the one
      before; both 0 to 1, NULL of nobody), ``average_conversion_time`` and ``median_conversion_time`` (seconds since
      the step before; NULL of the first).
    - ``"time_to_convert"``: a row for each bin of the times between two steps: ``bin_from`` and ``bin_to`` (seconds),
      ``count``.
    - ``"trends"``: a row for each interval: its ``date`` (a DateTime in the zone), ``entered`` (how many came to
      ``funnel_from_step`` from a first step in it), ``converted`` (how many of them came to ``funnel_to_step``),
      ``conversion_rate``.
    """

    def __init__(
        self, result: Result, text: str, values: Values, title: str, asked: tuple[Options, str | None]
    ) -> None:
        super().__init__(result, text, values, title)
        self._options, self._frame = asked

    def plot(self) -> Picture:
        """The picture: a bar for each step, a histogram of the times, or a line of the rate over time."""
        options = self._options
        who = "persons" if options.group is None else "groups"
        if options.viz == "steps":
            from posthog_nb.analysis.charts import funnel  # noqa: PLC0415 - Altair is loaded when it is used

            return funnel.draw(self.to_arrow(), title=self.title, who=who)
        if options.viz == "time_to_convert":
            from posthog_nb.analysis.charts import time_to_convert  # noqa: PLC0415 - as above

            return time_to_convert.draw(self.to_arrow(), title=self.title, who=who)
        from posthog_nb.analysis.charts import funnel_trends  # noqa: PLC0415 - as above

        period = options.period
        return funnel_trends.draw(
            self.to_arrow(),
            title=self.title,
            interval=period.interval,
            timezone=period.timezone,
            running=period.date_to is None,
            who=who,
        )

    def confidence(self, confidence: float = 0.95, frame: str | None = None) -> Any:  # noqa: ANN401 - a frame of any kind
        """The frame with ``low`` and ``high``: Wilson's interval of ``conversion_rate``, NULL where there is none.

        Args:
            confidence: How often an interval made so holds the true rate.
            frame: ``"pandas"``, ``"polars"`` or ``"arrow"``; by default what the client was told.

        Raises:
            InvalidInputError: the funnel is one of times, which has no rates.
        """
        import pyarrow as pa  # noqa: PLC0415 - loaded when it is used

        from posthog_nb.analysis.statistics import interval  # noqa: PLC0415 - as above
        from posthog_nb.frames.arrow import Table  # noqa: PLC0415 - as above
        from posthog_nb.frames.convert import default_frame, to_frame  # noqa: PLC0415 - as above

        found = [interval(count, of, confidence) if of else (None, None) for count, of in self._counts()]
        table = self.result.table
        arrow, rate_kind = table.arrow, table.kinds[table.arrow.column_names.index("conversion_rate")]
        for position, name in enumerate(("low", "high")):
            arrow = arrow.append_column(name, pa.array([one[position] for one in found], pa.float64()))
        whole = Table(arrow, (*table.kinds, rate_kind, rate_kind), table.notes)
        return to_frame(whole, frame or self._frame or default_frame())

    def compare(
        self,
        other: Funnel | str,
        against: str | None = None,
        *,
        step: int | None = None,
        confidence: float = 0.95,
    ) -> Comparison:
        """Whether two groups of different persons came to a step differently.

        Args:
            other: Another funnel, or the breakdown value of the first group.
            against: The breakdown value of the second group, where ``other`` is one.
            step: Which step, from 1 on; the last when left out.
            confidence: Of the intervals in the comparison.

        Raises:
            InvalidInputError: there is no such group or step, nobody did its first step, or these are no steps.
        """
        from posthog_nb.analysis.statistics import compare_rates  # noqa: PLC0415 - scipy is loaded when it is used

        if isinstance(other, Funnel) == isinstance(against, str):
            raise InvalidInputError(
                "compare takes another funnel, or two breakdown values.",
                hint='funnel.compare(another), or funnel.compare("Chrome", "Firefox").',
            )
        if isinstance(other, Funnel):
            groups = (self.came(step), other.came(step))
            names = (self.title, other.title) if self.title != other.title else ("this funnel", "the other")
        else:
            groups = (self.came(step, breakdown_value=other), self.came(step, breakdown_value=against))
            names = (other, str(against))
        (count, of), (other_count, other_of) = groups
        return compare_rates(count, of, other_count, other_of, confidence, names=names)

    def came(self, step: int | None = None, *, breakdown_value: str | None = None) -> tuple[int, int]:
        """How many came to a step, and to the first: for statistics, so of a sample those who were looked at.

        Args:
            step: Which step, from 1 on; the last when left out.
            breakdown_value: The group, of a funnel with a breakdown.

        Raises:
            InvalidInputError: there is no such group or step, or the funnel is one of times or of trends.
        """
        last = len(self._options.steps)
        if self._options.viz != "steps":
            raise InvalidInputError(
                f"The funnel is one of {self._options.viz}.", hint='Ask for it with funnel_viz_type="steps".'
            )
        step = last if step is None else read_whole(step, "step", 1, last, hint=f"There are steps 1 to {last}.")
        table = self.to_arrow()
        values = table["breakdown_value"].to_pylist() if self._options.breakdown is not None else [None] * len(table)
        if breakdown_value not in values:
            no_value = f"There is no breakdown value {breakdown_value!r}."
            raise InvalidInputError(
                "The funnel has a breakdown, and no value was named." if breakdown_value is None else no_value,
                hint=f"There are {', '.join(map(str, dict.fromkeys(values)))}."
                if self._options.breakdown is not None
                else "The funnel has no breakdown: ask for it with breakdown=.",
                argument="breakdown_value",
            )
        return self._counts()[values.index(breakdown_value) + step - 1]

    def _counts(self) -> list[tuple[int, int]]:
        """Of each row how many, and of how many, of those who were looked at."""
        if self._options.viz == "time_to_convert":
            raise InvalidInputError(
                "The funnel is one of times, which has no rates.", hint='Ask for it with funnel_viz_type="steps".'
            )
        table = self.to_arrow()
        if self._options.viz == "trends":
            pairs = list(zip(table["converted"].to_pylist(), table["entered"].to_pylist(), strict=True))
        else:
            counts, last = table["count"].to_pylist(), len(self._options.steps)
            pairs = [(count, counts[row // last * last]) for row, count in enumerate(counts)]
        factor = self._options.sampling_factor or 1
        return [(round(count * factor), round(of * factor)) for count, of in pairs]


def funnel(  # noqa: PLR0913 - PostHog's options
    asking: Asking,
    series: Sequence[str | Series],
    *,
    date_from: str | date | datetime = "-7d",
    date_to: str | date | datetime | None = None,
    interval: str = "day",
    properties: Properties = None,
    funnel_window_interval: int = 14,
    funnel_window_interval_unit: str = "day",
    funnel_order_type: str = "ordered",
    funnel_viz_type: str = "steps",
    funnel_from_step: int = 0,
    funnel_to_step: int | None = None,
    bin_count: int | None = None,
    exclusions: object = (),
    breakdown: object = None,
    breakdown_type: str | None = None,
    breakdown_limit: int = 25,
    breakdown_attribution_type: str = "first_touch",
    breakdown_attribution_value: int | None = None,
    aggregation_group_type_index: int | None = None,
    sampling_factor: float | None = None,
    timezone: str | None = None,
) -> Funnel:
    """Ask for a funnel; :meth:`posthog_nb.client.Client.funnel` says what the options are."""
    steps = read_all_series(series)
    listed = [] if exclusions is None else as_list(exclusions)
    options = Options(
        steps=steps,
        period=Period(date_from, date_to, interval, timezone),
        properties=properties,
        window=_window(funnel_window_interval, funnel_window_interval_unit),
        order=funnel_order_type,
        viz=funnel_viz_type,
        from_step=funnel_from_step,
        to_step=len(steps) - 1 if funnel_to_step is None else funnel_to_step,
        bin_count=bin_count,
        exclusions=[read_exclusion(one, steps, funnel_order_type) for one in listed],
        breakdown=read_breakdown(breakdown, breakdown_type, breakdown_limit),
        attribution=breakdown_attribution_type,
        attribution_step=0 if breakdown_attribution_value is None else breakdown_attribution_value,
        group=aggregation_group_type_index,
        sampling_factor=read_sampling(sampling_factor),
    )
    values = Values()
    text = _text(options, values)
    title = f"Funnel: {' → '.join(step.label for step in steps)}"
    return Funnel(asking.run(text, values), text, values, title, (options, asking.frame))


def _text(options: Options, values: Values) -> str:
    chain = Chain()
    if options.order == "unordered":
        add_unordered_ways(chain, options, values)
    elif options.plain:
        add_plain_ways(chain, options, values)
    else:
        add_general_ways(chain, options, values)
    if options.viz == "steps":
        return steps_frame(chain, options, values)
    if options.viz == "time_to_convert":
        return times_frame(chain, options)
    return trends_frame(chain, options, values)


def _window(number: object, unit: object) -> int:
    seconds = WINDOW_UNITS[read_choice(unit, "funnel_window_interval_unit", tuple(WINDOW_UNITS))]
    return read_whole(number, "funnel_window_interval", 1, _LONGEST_WINDOW // seconds) * seconds * _MICROSECONDS
