"""The way of each person through an ordered funnel whose events are one step each.

What it computes is PostHog's ``aggregate_funnel`` (``funnel-udf/src/steps.rs``), step by step for whole arrays:

- Events are in the order of time, at one time in that of the steps.
- Whoever does a step goes on from the step before, with the time of the first step that led there; a later first
  step takes its place. The window is from that first step, its last moment included.
- A first step counts once for each step after it, so that its times are those of the first event each.
- What counts is the first way to the furthest step that was come to.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from posthog_nb.analysis.funnels.events import nested, step_events

if TYPE_CHECKING:
    from posthog_nb.analysis.funnels.options import Options
    from posthog_nb.analysis.text import Values

__all__ = ["plain_ways"]


def plain_ways(options: Options, values: Values) -> str:
    """A row for each person who did the first step: ``way``, the times of the steps that count, in microseconds."""
    last = len(options.steps)
    lines = [
        "arraySort(groupArray(moment)) AS moments",
        "arraySort((step, moment) -> moment * 100 + step, groupArray(step), groupArray(moment)) AS steps",
        # When the first step was, for every event that is one, and as it holds until the next.
        "arrayMap((moment, step) -> if(step = 1, moment, 0), moments, steps) AS done_1",
    ]
    for step in range(2, last + 1):
        lines += [
            f"arrayFill(start -> start > 0, done_{step - 1}) AS from_{step - 1}",
            f"arrayMap(\n    (moment, step, start) -> if(step = {step} AND moment - start <= {options.window}, start, 0),\n"
            f"    moments, steps, from_{step - 1}\n  ) AS done_{step}",
        ]
    firsts = ",\n    ".join(
        f"arrayFirst(start -> start > 0, done_{step}) > 0, arrayFirst(start -> start > 0, done_{step})"
        for step in range(last, 1, -1)
    )
    lines += [
        f"multiIf(\n    {firsts},\n    arrayFirst(start -> start > 0, done_1)\n  ) AS start",
        "arrayFilter(moment -> moment > 0, [\n    start,\n"
        + ",\n".join(
            f"    arrayFirst((moment, start_of) -> start_of = start, moments, done_{step})" for step in range(2, last + 1)
        )
        + "\n  ]) AS way",
    ]
    columns = ",\n  ".join(lines)
    return f"SELECT\n  {columns}\nFROM {nested(step_events(options, values))}\nGROUP BY actor\nHAVING start > 0"
