"""How many persons go through steps: PostHog's funnels.

As PostHog defines them (https://posthog.com/docs/product-analytics/funnels, ``funnel-udf/src/steps.rs`` and
``posthog/hogql_queries/insights/funnels/``), in HogQL that needs none of its functions of its own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from posthog_nb.analysis.analysis import Analysis
from posthog_nb.analysis.breakdown import read_breakdown
from posthog_nb.analysis.funnels.chain import Chain
from posthog_nb.analysis.funnels.frames import steps_frame, times_frame, trends_frame
from posthog_nb.analysis.funnels.general import add_general_ways
from posthog_nb.analysis.funnels.options import WINDOW_UNITS, Exclusion, Options, read_exclusion
from posthog_nb.analysis.funnels.plain import add_plain_ways
from posthog_nb.analysis.funnels.unordered import add_unordered_ways
from posthog_nb.analysis.period import Period
from posthog_nb.analysis.series import read_all_series
from posthog_nb.analysis.text import Values
from posthog_nb.errors import InvalidInputError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date, datetime

    import altair as alt

    from posthog_nb.analysis.asking import Asking
    from posthog_nb.analysis.conditions import Properties
    from posthog_nb.analysis.series import Series
    from posthog_nb.operations.result import Result

__all__ = ["Exclusion", "Funnel", "funnel"]

_MICROSECONDS = 1_000_000


class Funnel(Analysis):
    """How many persons came to each step."""

    def __init__(self, result: Result, text: str, values: Values, title: str, options: Options) -> None:
        super().__init__(result, text, values, title)
        self._options = options

    def plot(self) -> alt.Chart | alt.LayerChart | alt.FacetChart | alt.HConcatChart | alt.VConcatChart:
        """Bars, one a step; of its trends a line of shares; of its times a histogram."""
        from posthog_nb.analysis.charts import funnel as steps  # noqa: PLC0415 - Altair loads when a picture is drawn
        from posthog_nb.analysis.charts import funnel_trends, time_to_convert  # noqa: PLC0415 - as above

        table, options = self.to_arrow(), self._options
        who = "persons" if options.group is None else "groups"
        if options.viz == "steps":
            return steps.draw(table, title=self.title, who=who)
        if options.viz == "time_to_convert":
            return time_to_convert.draw(table, title=self.title, who=who)
        period = options.period
        return funnel_trends.draw(
            table,
            title=self.title,
            interval=period.interval,
            timezone=period.timezone,
            running=period.date_to is None,
            who=who,
        )


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
    exclusions: Sequence[str | Exclusion] = (),
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
    listed = [exclusions] if isinstance(exclusions, str | Exclusion) else exclusions
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
        attribution_step=breakdown_attribution_value or 0,
        group=aggregation_group_type_index,
        sampling_factor=sampling_factor,
    )
    values = Values()
    text = _text(options, values)
    return Funnel(
        asking.run(text, values), text, values, f"Funnel: {' → '.join(step.label for step in steps)}", options
    )


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
    if isinstance(number, bool) or not isinstance(number, int) or number < 1:
        raise InvalidInputError(
            f"funnel_window_interval is {number!r}.", hint="It is 1 or more.", argument="funnel_window_interval"
        )
    if unit not in WINDOW_UNITS:
        raise InvalidInputError(
            f"funnel_window_interval_unit is {unit!r}.",
            hint=f"There are {', '.join(WINDOW_UNITS)}.",
            argument="funnel_window_interval_unit",
        )
    return number * WINDOW_UNITS[unit] * _MICROSECONDS
