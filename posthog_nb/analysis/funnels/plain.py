"""The way of each person through an ordered funnel whose events are one step each.

What it works out is PostHog's ``aggregate_funnel`` (``funnel-udf/src/steps.rs``), for all events of a step at once:

- Events are in the order of time, at one time in that of the steps.
- Whoever does a step goes on from the step before, with the time of the first step that led there; a later first
  step takes its place. The window is from that first step, its last moment included.
- What counts is the first way to the furthest step that was come to, and of each step on it the first event.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from posthog_nb.analysis.funnels.chain import select
from posthog_nb.analysis.funnels.events import add_step_events, attributed

if TYPE_CHECKING:
    from posthog_nb.analysis.funnels.chain import Chain
    from posthog_nb.analysis.funnels.options import Options
    from posthog_nb.analysis.text import Values

__all__ = ["add_plain_ways"]


def add_plain_ways(chain: Chain, options: Options, values: Values) -> None:
    """Rows for the persons who did the first step: ``way``, the times of the steps that count, in microseconds."""
    last = len(options.steps)
    add_step_events(chain, options, values)
    shown = [] if options.breakdown is None else [f"{attributed(options, values)} AS breakdown_value"]
    in_order = [
        "arraySort(groupArray(moment)) AS moments",
        "arraySort((step, moment) -> moment * 100 + step, groupArray(step), groupArray(moment)) AS steps",
    ]
    by = "actor, value" if options.by_value else "actor"
    chain.add("persons", select([*shown, *in_order], chain.last, group_by=by))
    # For each event that does a step, when the first step was that led there; 0 for the others.
    chain.go_on("step_1", ["arrayMap((moment, step) -> if(step = 1, moment, 0), moments, steps) AS done_1"])
    for step in range(2, last + 1):
        done = (
            f"arrayMap(\n"
            f"  (moment, step, start) -> if(step = {step} AND moment - start <= {options.window}, start, 0),\n"
            f"  moments, steps, arrayFill(start -> start > 0, done_{step - 1})\n"
            f") AS done_{step}"
        )
        chain.go_on(f"step_{step}", [done])
    chain.go_on(
        "starts", [f"arrayFirst(start -> start > 0, done_{step}) AS start_{step}" for step in range(1, last + 1)]
    )
    furthest = ", ".join(f"start_{step} > 0, start_{step}" for step in range(last, 1, -1))
    chain.go_on("furthest", [f"multiIf({furthest}, start_1) AS start"], where="start > 0")
    each = [
        f"arrayFirst((moment, first) -> first = start, moments, done_{step}) AS moment_{step}"
        for step in range(1, last + 1)
    ]
    chain.go_on("moments_of_steps", each)
    moments = ", ".join(f"moment_{step}" for step in range(1, last + 1))
    shown = [] if options.breakdown is None else ["breakdown_value"]
    chain.add("ways", select([*shown, f"arrayFilter(moment -> moment > 0, [{moments}]) AS way"], chain.last))
