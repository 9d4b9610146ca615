"""The outermost part of a funnel's query: from the ways of persons to the rows of the frame."""

from __future__ import annotations

from typing import TYPE_CHECKING

from posthog_nb.analysis.asking import MOST_ROWS
from posthog_nb.analysis.funnels.events import nested

if TYPE_CHECKING:
    from posthog_nb.analysis.funnels.options import Options
    from posthog_nb.analysis.text import Values

__all__ = ["steps_frame"]


def steps_frame(options: Options, ways: str, values: Values) -> str:
    """A row for each step: how many came there, and how long it took them from the step before."""
    steps = range(1, len(options.steps) + 1)

    def seconds(step: int) -> str:
        return f"(way[{step}] - way[{step - 1}]) / 1000000"

    def of_times(aggregate: str) -> str:
        # PostHog leaves steps of one moment out of the times.
        each = [f"{aggregate}If({seconds(n)}, length(way) >= {n} AND way[{n}] > way[{n - 1}])" for n in steps[1:]]
        return ",\n    ".join(["NULL", *(f"if(isNaN({one}), NULL, {one})" for one in each)])

    counted = [_scaled(f"countIf(length(way) >= {n})", options.sampling_factor) for n in steps]
    return f"""SELECT
  step,
  {values.bind(options.names, "names")}[step] AS name,
  counts[step] AS count,
  counts[step] / nullIf(counts[1], 0) AS conversion_rate,
  counts[step] / nullIf(counts[greatest(step - 1, 1)], 0) AS step_conversion_rate,
  averages[step] AS average_conversion_time,
  medians[step] AS median_conversion_time
FROM (
  SELECT
    [{", ".join(counted)}] AS counts,
    [{of_times("avg")}] AS averages,
    [{of_times("median")}] AS medians
  FROM {nested(ways)}
)
ARRAY JOIN arrayEnumerate(counts) AS step
ORDER BY step
LIMIT {MOST_ROWS}"""


def _scaled(count: str, sampling_factor: float | None) -> str:
    """What was found among a sample, as it would be of all (``correct_result_for_sampling``)."""
    return count if sampling_factor is None else f"assumeNotNull(toInt(round({count} / {sampling_factor!r})))"
