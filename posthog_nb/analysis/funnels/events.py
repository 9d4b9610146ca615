"""The beginning of a funnel's query: the events of its steps, and those of each person together."""

from __future__ import annotations

from typing import TYPE_CHECKING

from posthog_nb.analysis.conditions import all_of, condition
from posthog_nb.analysis.funnels.chain import select
from posthog_nb.analysis.options import actor, sample
from posthog_nb.analysis.text import indented

if TYPE_CHECKING:
    from posthog_nb.analysis.funnels.chain import Chain
    from posthog_nb.analysis.funnels.options import Options
    from posthog_nb.analysis.series import Series
    from posthog_nb.analysis.text import Values

__all__ = ["add_persons", "add_step_events", "attributed"]


def add_step_events(chain: Chain, options: Options, values: Values) -> None:
    """The events of a funnel's steps: ``actor``, ``moment`` in microseconds, and ``step``, its number.

    Where an event may be more than one step, or none, it has ``steps`` in place of ``step``, a number with bit 0 set
    for the first step, bit 1 for the second, and ``excluded``, with the bits of the steps that it bars the way to.
    """
    who, there_is_one = actor(options.group)
    columns = [f"{who} AS actor", "reinterpretAsInt64(timestamp) AS moment"]
    if options.viz == "trends":
        columns.append(f"{options.period.bucket('timestamp')} AS bucket")
    if options.breakdown is not None:
        columns.append(f"{options.breakdown.value(values)} AS value")
    columns += [_step(options, values)] if options.plain else _marks(options, values)
    where = all_of(
        [
            options.period.contains(values),
            condition(options.properties, values),
            there_is_one,
            *_relevant(options, values),
        ]
    )
    source = sample(options.sampling_factor)
    chain.add("step_events", select(columns, source, where=where))


def _condition(series: Series, values: Values) -> str:
    return indented(series.condition(values) or "true", 2)


def _step(options: Options, values: Values) -> str:
    each = "".join(f"  {_condition(step, values)}, {n},\n" for n, step in enumerate(options.steps, 1))
    return f"multiIf(\n{each}  0\n) AS step"


def _marks(options: Options, values: Values) -> list[str]:
    ways = []
    for n in range(1, len(options.steps)):
        held = [f"({_condition(one.series, values)})" for one in options.exclusions if one.bars(n)]
        if held:
            ways.append((" OR ".join(held), 1 << n))
    return [
        f"{_bits([(_condition(step, values), 1 << n) for n, step in enumerate(options.steps)])} AS steps",
        f"{_bits(ways)} AS excluded",
    ]


def _bits(held: list[tuple[str, int]]) -> str:
    return "\n  + ".join(f"if({condition}, {bit}, 0)" for condition, bit in held) or "0"


def _relevant(options: Options, values: Values) -> list[str]:
    """Only events that are a step or an exclusion; a strict funnel needs to know of the others as well."""
    if options.order == "strict":
        return []
    series = [*options.steps, *(exclusion.series for exclusion in options.exclusions)]
    found = []
    if all(one.event is not None for one in series):
        names = dict.fromkeys(values.bind(one.event, "event") for one in series)
        found.append(f"event IN ({', '.join(names)})")
    if not found or any(one.properties is not None for one in series):
        found.append("step > 0" if options.plain else "(steps > 0 OR excluded > 0)")
    return found


def attributed(options: Options, values: Values) -> str:
    """The value of a person, as an aggregate of their events (``FunnelUDFMixin._prop_vals``)."""
    assert options.breakdown is not None  # noqa: S101 - asked for where there is one
    none = values.bind(options.breakdown.none, "none")
    if options.by_value:
        return "value"
    if options.of_step is not None:
        held = "" if options.order == "unordered" else f", bitTest(steps, {options.of_step})"
        return f"arrayJoin(groupUniqArray{'If' if held else ''}(value{held}))"
    touch = "argMin" if options.attribution == "first_touch" else "argMax"
    return f"ifNull(nullIf({touch}If(value, (moment, value), value != {none}), ''), {none})"


def add_persons(chain: Chain, options: Options, values: Values) -> None:
    """A row for each person, or for each of a person's values: ``events`` in the order of time.

    An event is a tuple: its time, its steps, what it bars the way to, its value, its interval; 0 for what is not
    looked at.
    """
    event = ["moment", "steps", "excluded"]
    event.append("0" if options.breakdown is None or options.by_value else "value")
    event.append("bucket" if options.viz == "trends" else "0")
    columns = ["actor"]
    if options.breakdown is not None:
        columns.append(f"{attributed(options, values)} AS breakdown_value")
    columns.append(f"arraySort(groupArray(({', '.join(event)}))) AS events")
    chain.add("persons", select(columns, chain.last, group_by="actor, value" if options.by_value else "actor"))
