"""The end of a funnel's query: from the ways of persons to the rows of the frame."""

from __future__ import annotations

from typing import TYPE_CHECKING

from posthog_nb.analysis.asking import MOST_ROWS
from posthog_nb.analysis.funnels.chain import select
from posthog_nb.analysis.text import indented

if TYPE_CHECKING:
    from posthog_nb.analysis.funnels.chain import Chain
    from posthog_nb.analysis.funnels.options import Options
    from posthog_nb.analysis.text import Values

__all__ = ["steps_frame", "times_frame", "trends_frame"]


def steps_frame(chain: Chain, options: Options, values: Values) -> str:
    """A row for each step: how many came there, and how long it took them from the step before."""
    steps = range(1, len(options.steps) + 1)

    def of_times(aggregate: str) -> str:
        # PostHog leaves steps of one moment out of the times.
        each = [
            f"{aggregate}If((way[{n}] - way[{n - 1}]) / 1000000, length(way) >= {n} AND way[{n}] > way[{n - 1}])"
            for n in steps[1:]
        ]
        return "[\n  " + ",\n  ".join(["NULL", *each]) + "\n]"

    columns = [
        f"[{_counted(steps)}] AS counts",
        f"{of_times('avg')} AS averages",
        f"{of_times('median')} AS medians",
    ]
    shown, order = [], "step"
    if options.breakdown is None:
        chain.add("counted", select(columns, chain.last))
    else:
        total = f"({_counted(range(len(options.steps), 0, -1))}) AS total"
        grouped = ["breakdown_value", "groupArray(way) AS ways_of_value", total]
        chain.add("values", select(grouped, chain.last, group_by="breakdown_value"))
        # The values that most came furthest with are shown (``funnel_udf.py``).
        chain.go_on("ranked", ["row_number() OVER (ORDER BY total DESC, breakdown_value) AS rank"])
        value = f"{options.breakdown.shown(values)} AS shown_value"
        chain.add("shown_ways", select([value, "rank", "arrayJoin(ways_of_value) AS way"], chain.last))
        columns = ["shown_value AS breakdown_value", *columns, "min(rank) AS place"]
        chain.add("counted", select(columns, chain.last, group_by="shown_value"))
        shown, order = ["breakdown_value"], "place, step"
    shown += [
        "step",
        f"{values.bind(options.names, 'names')}[step] AS name",
        f"{_scaled('counts[step]', options.sampling_factor)} AS count",
        "counts[step] / nullIf(counts[1], 0) AS conversion_rate",
        "counts[step] / nullIf(counts[greatest(step - 1, 1)], 0) AS step_conversion_rate",
        "if(isNaN(averages[step]), NULL, averages[step]) AS average_conversion_time",
        "if(isNaN(medians[step]), NULL, medians[step]) AS median_conversion_time",
    ]
    each = f"{chain.last}\nARRAY JOIN arrayEnumerate(counts) AS step"
    return chain.query(select(shown, each, order_by=order, limit=str(MOST_ROWS)))


def times_frame(chain: Chain, options: Options) -> str:
    """A row for each bin of the times from one step to another (``funnel_time_to_convert_udf.py``)."""
    begin, end = options.from_step + 1, options.to_step + 1
    bins = (
        "assumeNotNull(toInt(least(60, greatest(1, ceil(cbrt(count()))))))"
        if options.bin_count is None
        else str(options.bin_count)
    )
    chain.add(
        "converted",
        select(
            [f"groupArray((way[{end}] - way[{begin}]) / 1000000) AS times", f"{bins} AS bin_count"],
            chain.last,
            where=f"length(way) >= {end}",
        ),
    )
    chain.go_on("edges", ["floor(arrayMin(times)) AS least", "ceil(arrayMax(times)) AS most"])
    width = "(most - least) / bin_count"
    # A last bin more holds the longest time, when it is at an edge.
    chain.go_on("widths", [f"if(most > least, ceil({width}), 60) AS width", "range(0, bin_count + 1) AS bins"])
    chain.go_on("in_bins", ["arrayMap(time -> floor((time - least) / width), times) AS found"])
    columns = [
        "least + bin * width AS bin_from",
        "least + (bin + 1) * width AS bin_to",
        f"{_scaled('countEqual(found, bin)', options.sampling_factor)} AS count",
    ]
    return chain.query(
        select(columns, f"{chain.last}\nARRAY JOIN bins AS bin", order_by="bin_from", limit=str(MOST_ROWS))
    )


def trends_frame(chain: Chain, options: Options, values: Values) -> str:
    """A row for each interval: who came to one step from a first step in it, and who of them to another."""
    by = "bucket" if options.breakdown is None else "breakdown_value, bucket"
    chain.add("of_persons", select([*by.split(", "), "max(level) AS furthest"], chain.last, group_by=f"actor, {by}"))
    counted = [
        f"countIf(furthest >= {options.from_step + 1}) AS came",
        f"countIf(furthest >= {options.to_step + 1}) AS went",
    ]
    chain.add("counted", select([*by.split(", "), *counted], chain.last, group_by=by))
    every = indented(options.period.buckets(values), 2)
    summed = ["sum(came) AS entered", "sum(went) AS converted"]
    shown, order = [], "date"
    if options.breakdown is None:
        chain.add(
            "every",
            f"SELECT bucket, came, went\nFROM counted\nUNION ALL\n"
            f"SELECT arrayJoin({every}) AS bucket, 0 AS came, 0 AS went",
        )
        chain.add("intervals_of_range", select(["bucket", *summed], chain.last, group_by="bucket"))
    else:
        chain.add(
            "points",
            select(
                ["breakdown_value", "groupArray((bucket, came, went)) AS points", "sum(came) AS total"],
                chain.last,
                group_by="breakdown_value",
            ),
        )
        chain.go_on("ranked", ["row_number() OVER (ORDER BY total DESC, breakdown_value) AS rank"])
        summed = ["sum(point.2) AS entered", "sum(point.3) AS converted", "min(rank) AS place"]
        filled = f"arrayConcat(points, arrayMap(start -> (start, 0, 0), {every})) AS point"
        chain.add(
            "intervals_of_range",
            select(
                ["breakdown_value", "point.1 AS bucket", *summed],
                f"{chain.last}\nARRAY JOIN {filled}",
                where=f"rank <= {options.breakdown.limit}",
                group_by="breakdown_value, bucket",
            ),
        )
        shown, order = ["breakdown_value"], "place, date"
    shown += [
        f"{options.period.moment('bucket')} AS date",
        f"{_scaled('entered', options.sampling_factor)} AS entered",
        f"{_scaled('converted', options.sampling_factor)} AS converted",
        "converted / nullIf(entered, 0) AS conversion_rate",
    ]
    return chain.query(select(shown, chain.last, order_by=order, limit=str(MOST_ROWS)))


def _counted(steps: range) -> str:
    return ", ".join(f"countIf(length(way) >= {n})" for n in steps)


def _scaled(count: str, sampling_factor: float | None) -> str:
    """What was found among a sample, as it would be of all (``correct_result_for_sampling``)."""
    return count if sampling_factor is None else f"assumeNotNull(toInt(round({count} / {sampling_factor!r})))"
