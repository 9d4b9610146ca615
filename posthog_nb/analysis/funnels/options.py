"""What a funnel is asked for, read and checked as PostHog checks it (``funnel_validation_rules.py``)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from posthog_nb.analysis.options import actor, as_number, read_choice, read_whole
from posthog_nb.analysis.series import Series, read_series
from posthog_nb.errors import InvalidInputError

if TYPE_CHECKING:
    from posthog_nb.analysis.breakdown import Breakdown
    from posthog_nb.analysis.conditions import Properties
    from posthog_nb.analysis.period import Period

__all__ = ["ATTRIBUTIONS", "ORDERS", "VIZ_TYPES", "WINDOW_UNITS", "Exclusion", "Options", "read_exclusion"]

ORDERS = ("ordered", "strict", "unordered")
"""What ``funnel_order_type`` takes."""

VIZ_TYPES = ("steps", "time_to_convert", "trends")
"""What ``funnel_viz_type`` takes."""

ATTRIBUTIONS = ("first_touch", "last_touch", "all_events", "step")
"""What ``breakdown_attribution_type`` takes."""

WINDOW_UNITS = {
    "second": 1,
    "minute": 60,
    "hour": 3_600,
    "day": 86_400,
    "week": 7 * 86_400,
    "month": 31 * 86_400,
}
"""What ``funnel_window_interval_unit`` takes, and its seconds as PostHog counts them (``DATERANGE_MAP``)."""

_FEWEST_STEPS = 2
_MOST_STEPS = 30
"""Steps and exclusions of an event are bits of one number."""
_MOST_BINS = 90


@dataclass(frozen=True)
class Exclusion:
    """An event that must not happen between two steps of a funnel, as PostHog's ``FunnelExclusionEventsNode`` has it.

    Attributes:
        event: The event's name.
        funnel_from_step: After which step it must not happen, counted from 0.
        funnel_to_step: Before which step; None for the last.
        properties: Which of them, as in :class:`posthog_nb.Series`.
        action: The number or the name of an action, in place of an event.
    """

    event: str | None = None
    funnel_from_step: int = 0
    funnel_to_step: int | None = None
    properties: Properties = None
    action: int | str | None = None

    @property
    def series(self) -> Series:
        """What happens."""
        return Series(self.event, properties=self.properties, action=self.action)

    def bars(self, step: int) -> bool:
        """Whether it bars the way to a step, counted from 0."""
        return self.funnel_from_step < step and (self.funnel_to_step is None or step <= self.funnel_to_step)


@dataclass(frozen=True)
class Options:
    """What a funnel is asked for.

    Attributes:
        steps: Its steps.
        period: The range of its events, and the interval of its trends.
        properties: Filters of all events.
        window: The conversion window, in microseconds.
        order: One of :data:`ORDERS`.
        viz: One of :data:`VIZ_TYPES`.
        from_step: Where conversion begins, counted from 0.
        to_step: Where it ends, counted from 0.
        bin_count: How many bins the times are put in; None for as many as PostHog chooses.
        exclusions: What must not happen; each with its last step.
        breakdown: What persons are told apart by.
        attribution: Which of a person's values counts, one of :data:`ATTRIBUTIONS`.
        attribution_step: For ``"step"``: whose value, counted from 0.
        group: The group type that is counted in place of persons.
        sampling_factor: The share of persons that is looked at; None for all.
    """

    steps: list[Series]
    period: Period
    properties: Properties
    window: int
    order: str
    viz: str
    from_step: int
    to_step: int
    bin_count: int | None
    exclusions: list[Exclusion]
    breakdown: Breakdown | None
    attribution: str
    attribution_step: int
    group: int | None
    sampling_factor: float | None

    def __post_init__(self) -> None:
        last = len(self.steps) - 1
        if not _FEWEST_STEPS <= len(self.steps) <= _MOST_STEPS:
            raise InvalidInputError(
                f"The funnel has {len(self.steps)} step{'s' if len(self.steps) != 1 else ''}.",
                hint=f"It needs {_FEWEST_STEPS}, and {_MOST_STEPS} is the most.",
                argument="series",
            )
        for step in self.steps:
            if step.math != "total":
                raise InvalidInputError(
                    f"The step {step.label!r} has the math {step.math!r}; a funnel counts persons.", argument="series"
                )
        read_choice(self.order, "funnel_order_type", ORDERS)
        read_choice(self.viz, "funnel_viz_type", VIZ_TYPES)
        read_choice(self.attribution, "breakdown_attribution_type", ATTRIBUTIONS)
        _step(self.from_step, "funnel_from_step", 0, last - 1)
        _step(self.to_step, "funnel_to_step", self.from_step + 1, last)
        self._check_trends()
        self._check_breakdown(last)
        actor(self.group)  # refuses what is no group type

    def _check_trends(self) -> None:
        if self.viz == "trends" and self.exclusions and self.order != "unordered":
            raise InvalidInputError(
                f"exclusions do not go with trends and the order {self.order!r}.",
                hint='The steps have: funnel_viz_type="steps".',
                argument="exclusions",
            )
        if self.viz == "trends" and self.order == "unordered" and self.overlapping:
            raise InvalidInputError(
                "The trends of an unordered funnel have no event that may be several of the steps.",
                hint="Give each step an event of its own.",
                argument="series",
            )
        if self.bin_count is not None:
            read_whole(self.bin_count, "bin_count", 1, _MOST_BINS)

    def _check_breakdown(self, last: int) -> None:
        _step(self.attribution_step, "breakdown_attribution_value", 0, last)
        if self.order == "unordered" and self.attribution_step:
            raise InvalidInputError(
                f"breakdown_attribution_value is {self.attribution_step}, of an unordered funnel.",
                hint="Only the first step has the value there.",
                argument="breakdown_attribution_value",
            )
        if self.breakdown is not None and self.viz == "time_to_convert":
            raise InvalidInputError(
                "The times to convert have no breakdown.",
                hint='The steps have: funnel_viz_type="steps" gives average and median times for each value.',
                argument="breakdown",
            )

    def bars(self, step: int) -> bool:
        """Whether an exclusion bars the way to a step, counted from 0."""
        return any(exclusion.bars(step) for exclusion in self.exclusions)

    @property
    def names(self) -> list[str]:
        """What the steps are called; of an unordered funnel, how many of them were done."""
        if self.order != "unordered":
            return [step.label for step in self.steps]
        return [f"Completed {n} step{'s' if n > 1 else ''}" for n in range(1, len(self.steps) + 1)]

    @property
    def plain(self) -> bool:
        """Whether an event is one step at most and nothing else matters: what most funnels are."""
        bare = self.order == "ordered" and not self.exclusions and not self.overlapping
        return bare and self.of_step is None and self.viz != "trends"

    @property
    def by_value(self) -> bool:
        """Whether a person goes through the funnel once with the events of each value."""
        return self.breakdown is not None and (self.attribution == "all_events" or bool(self.breakdown.cohorts))

    @property
    def of_step(self) -> int | None:
        """The step that has to have the value, counted from 0; None where it may be any."""
        of_step = self.breakdown is not None and self.attribution == "step" and not self.by_value
        return self.attribution_step if of_step else None

    @property
    def overlapping(self) -> bool:
        """Whether one event may be several of the steps."""
        events = [step.event for step in self.steps]
        return None in events or len(set(events)) < len(events)


def _step(given: object, name: str, least: int, most: int) -> None:
    read_whole(given, name, least, most, hint=f"Steps are counted from 0: it is between {least} and {most}.")


def read_exclusion(given: object, steps: list[Series], order: str) -> Exclusion:
    """What an element of ``exclusions`` means: a name is an event that must not happen anywhere in the funnel.

    Raises:
        InvalidInputError: it is no exclusion, its steps are none of the funnel, or it is one of them itself.
    """
    exclusion = Exclusion(given) if isinstance(given, str) else given
    if not isinstance(exclusion, Exclusion):
        raise InvalidInputError(
            f"exclusions has {given!r}, of type {type(given).__name__}.",
            hint='Give the name of an event, or posthog_nb.Exclusion("refunded", funnel_from_step=0).',
            argument="exclusions",
        )
    series = read_series(exclusion.series, "exclusions")
    last = len(steps) - 1
    start, end = as_number(exclusion.funnel_from_step), as_number(exclusion.funnel_to_step)
    end = last if exclusion.funnel_to_step is None else end
    if not (isinstance(start, int) and isinstance(end, int) and 0 <= start < end <= last):
        raise InvalidInputError(
            f"The exclusion {series.label!r} is from step {exclusion.funnel_from_step!r} to "
            f"{'the last' if exclusion.funnel_to_step is None else f'step {exclusion.funnel_to_step!r}'}.",
            hint=f"Steps are counted from 0 to {last}, and the second comes after the first.",
            argument="exclusions",
        )
    if order == "unordered" and (start, end) != (0, last):
        raise InvalidInputError(
            f"The exclusion {series.label!r} is of a part of an unordered funnel.",
            hint="There it holds from the first step to the last.",
            argument="exclusions",
        )
    for step in steps[start : end + 1]:
        same = step.event is None and step.action is None
        same |= (step.event, step.action) == (series.event, series.action) and step.properties in (
            None,
            series.properties,
        )
        if same:
            raise InvalidInputError(
                f"The exclusion {series.label!r} is a step of the funnel as well.", argument="exclusions"
            )
    return Exclusion(series.event, start, end, series.properties, series.action)
