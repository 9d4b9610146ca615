"""The way of each person through an ordered or strict funnel of any kind.

As in :mod:`posthog_nb.analysis.funnels.plain`, with what ``funnel-udf/src/steps.rs`` has besides:

- An event that is several steps is one of them on each way. Different events at one time are taken as the steps they
  are, in the order of the steps; what would bar a way or break a strict order is passed over among them.
- What happens between two steps and is excluded there bars the way of the first step that led there. Who comes to no
  step further than a barred way led is not counted at all.
- In a strict funnel an event takes everyone back who came to a step that it is not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from posthog_nb.analysis.funnels.chain import select
from posthog_nb.analysis.funnels.events import add_persons, add_step_events

if TYPE_CHECKING:
    from posthog_nb.analysis.funnels.chain import Chain
    from posthog_nb.analysis.funnels.options import Options
    from posthog_nb.analysis.text import Values

__all__ = ["add_general_ways"]


def add_general_ways(chain: Chain, options: Options, values: Values) -> None:
    """Rows for the persons who are counted: ``way``, the times of the steps that count, in microseconds.

    For trends there is one for each interval in which a person did the first step, its ``bucket``.
    """
    add_step_events(chain, options, values)
    add_persons(chain, options, values)
    if options.viz == "trends":
        _add_intervals(chain)
    _add_taken(chain, options)
    for step in range(1, len(options.steps) + 1):
        _add_step(chain, options, step)
    _add_furthest(chain, options)
    _add_way(chain, options)


def _add_intervals(chain: Chain) -> None:
    """A person once for each interval with a first step, and the events that may follow from one in it."""
    starts = "arrayFilter(e -> bitTest(e.2, 0), events)"
    chain.go_on("intervals", [f"arrayJoin(arrayDistinct(arrayMap(e -> e.5, {starts}))) AS bucket"])
    chain.go_on("of_intervals", ["arrayFilter(e -> bitTest(e.2, 0) AND e.5 = bucket, events) AS starts"])
    chain.go_on(
        "edges",
        ["tupleElement(starts[1], 1) AS first_start", "tupleElement(starts[length(starts)], 1) AS last_start"],
    )


# -- the events in the order that they are taken in


def _add_taken(chain: Chain, options: Options) -> None:
    """``taken``: events, or steps of one, with two facts more: whether it is one of several at a time, its number."""
    if options.viz == "trends":
        # There PostHog takes what happens at one time as it comes.
        within = f"e.1 >= first_start AND e.1 - last_start <= {options.window}"
        each = "arrayMap((e, n) -> (e.1, e.2, e.3, e.4, e.5, 0, n), events, arrayEnumerate(events))"
        chain.go_on("in_order", [f"arrayFilter(\n  e -> {within},\n  {each}\n) AS taken"])
        return
    bits = [1 << n for n in range(len(options.steps))]
    chain.go_on(
        "at_once",
        [
            "arrayFill((e, before) -> e.1 != before.1, events, arrayRotateRight(events, 1)) AS first_at_once",
            "arrayReverseFill((e, after) -> e.1 != after.1, events, arrayRotateLeft(events, 1)) AS last_at_once",
        ],
    )
    chain.go_on(
        "in_order",
        [
            (
                "arraySort(e -> (e.1, e.2, e.7), arrayFlatten(arrayMap(\n"
                "  (e, first, last, n) -> if(\n"
                "    first.2 = last.2 AND first.3 = last.3,\n"
                "    [(e.1, e.2, e.3, e.4, e.5, 0, n)],\n"
                "    arrayMap(\n"
                "      bit -> (e.1, bit, 0, e.4, e.5, 1, n),\n"
                f"      arrayFilter(bit -> bitAnd(e.2, bit) > 0, {bits})\n"
                "    )\n"
                "  ),\n"
                "  events, first_at_once, last_at_once, arrayEnumerate(events)\n"
                "))) AS taken"
            )
        ],
    )


# -- who goes on to each step


def _add_step(chain: Chain, options: Options, step: int) -> None:
    """For each event, ``touched``: the start of the way that it goes on from, to this step or to be barred from it.

    Only the first to touch a way matters: ``done`` where it is the step, ``barred`` where it is an exclusion.
    ``here`` is the start of the last way that came to this step, as it holds after each event.
    """
    here = f"bitTest(e.2, {step - 1})"
    barred = options.bars(step - 1)
    back = f" OR (NOT {here} AND NOT e.6)" if options.order == "strict" else ""
    chain.go_on(
        f"touched_{step}",
        [
            f"{_touched(options, step)} AS touched_{step}",
            f"arrayFill((start, e) -> start > 0{back}, touched_{step}, taken) AS lately_{step}",
        ],
    )
    arrays = f"taken, touched_{step}, {_before(f'lately_{step}', '0')}"
    fresh = "start > 0 AND start != lately"
    done = f"{fresh} AND NOT bitTest(e.3, {step - 1})" if barred else fresh
    columns = [f"arrayMap((e, start, lately) -> if({done}, start, 0), {arrays}) AS done_{step}"]
    if barred:
        fresh += f" AND bitTest(e.3, {step - 1})"
        columns.append(f"arrayMap((e, start, lately) -> if({fresh}, start, 0), {arrays}) AS barred_{step}")
    columns.append(f"arrayFill((start, e) -> start > 0{back}, done_{step}, taken) AS here_{step}")
    if options.overlapping:
        columns.append(_used(step))
    chain.go_on(f"step_{step}", columns)


def _touched(options: Options, step: int) -> str:
    held = f"bitTest(e.2, {step - 1})"
    if options.of_step == step - 1:
        held += " AND e.4 = breakdown_value"
    if step == 1:
        held += " AND e.5 = bucket" if options.viz == "trends" else ""
        return f"arrayMap(e -> if({held}, e.1, 0), taken)"
    if options.bars(step - 1):
        held = f"({held} OR bitTest(e.3, {step - 1}))"
    within = f"start > 0 AND e.1 - start <= {options.window}"
    start = _before(f"here_{step - 1}", "0")
    if not options.overlapping:
        return f"arrayMap(\n  (e, start) -> if({held} AND {within}, start, 0),\n  taken, {start}\n)"
    unused = "NOT (used.1 = e.1 AND has(used.2, e.7))"
    return (
        f"arrayMap(\n  (e, start, used) -> if({held} AND {within} AND {unused}, start, 0),\n"
        f"  taken, {start}, {_before(f'used_{step - 1}')}\n)"
    )


def _used(step: int) -> str:
    """The time of the last way that came to a step, and which events of that time it was made with."""
    if step == 1:
        return "arrayFill((used, start) -> start > 0, arrayMap(e -> (e.1, [e.7]), taken), done_1) AS used_1"
    numbers = "if(used.1 = e.1, arrayPushBack(used.2, e.7), [e.7])"
    return (
        f"arrayFill(\n  (used, start) -> start > 0,\n"
        f"  arrayMap((e, used) -> (e.1, {numbers}), taken, {_before(f'used_{step - 1}')}),\n"
        f"  done_{step}\n) AS used_{step}"
    )


def _before(array: str, first: str | None = None) -> str:
    """What held before each event."""
    return f"arraySlice(arrayPushFront({array}, {first or f'{array}[1]'}), 1, length({array}))"


# -- the furthest step, and the way there


def _add_furthest(chain: Chain, options: Options) -> None:
    """``level``, the furthest step, and ``start``, when the way that counts began."""
    last = len(options.steps)
    levels = ", ".join(f"arrayExists(start -> start > 0, done_{step}), {step}" for step in range(last, 0, -1))
    chain.go_on("levels", [f"multiIf({levels}, 0) AS level"], where="level > 0")
    starts = []
    for step in range(last, 0, -1):
        start = f"arrayFirst(start -> start > 0, done_{step})"
        if step < last and options.bars(step):
            start = f"if(arrayExists(start -> start > 0, barred_{step + 1}), {_kept(options, step)}, {start})"
        starts.append(f"level = {step}, {start}")
    beyond = [f"level < {step} AND {_barred_beyond(step)}, 0" for step in range(2, last + 1) if options.bars(step - 1)]
    cases = ",\n  ".join([*beyond, *starts])
    chain.go_on("furthest", [f"multiIf(\n  {cases},\n  0\n) AS start"], where="start > 0")


def _kept(options: Options, step: int) -> str:
    """The start of the way to a step that was not barred, 0 when the last one was: each takes the place of a barred."""
    marks = f"arrayZip(arrayMap(e -> e.1, taken), done_{step}, barred_{step + 1})"
    return (
        "arrayFold(\n"
        f"    (start, mark) -> if(start = 0 OR (mark.3 > 0 AND mark.1 - start <= {options.window}), mark.2, start),\n"
        f"    arrayFilter(mark -> mark.2 > 0 OR mark.3 > 0, {marks}),\n"
        "    reinterpretAsInt64(0)\n"
        "  )"
    )


def _barred_beyond(step: int) -> str:
    """Whether a barred way led to a step."""
    return (
        f"arrayExists(\n"
        f"    (e, start, barred) -> start > 0 AND start = barred AND bitTest(e.2, {step - 1}),\n"
        f"    taken, touched_{step}, arrayFill(start -> start > 0, barred_{step})\n"
        f"  )"
    )


def _add_way(chain: Chain, options: Options) -> None:
    """From the last step back to the first, which events the way was made of."""
    last = len(options.steps)
    for step in range(last, 0, -1):
        here = f"level = {step}, indexOf(done_{step}, start)"
        if step < last:
            earlier = f"(done, n) -> done = start AND n < n_{step + 1}, done_{step}, arrayEnumerate(done_{step})"
            here += f",\n  level > {step}, arrayLastIndex({earlier})"
        chain.go_on(f"way_to_{step}", [f"multiIf(\n  {here},\n  0\n) AS n_{step}"])
    moments = ", ".join(f"tupleElement(taken[n_{step}], 1)" for step in range(1, last + 1))
    shown = [] if options.breakdown is None else ["breakdown_value"]
    if options.viz == "trends":
        shown += ["actor", "bucket", "level"]
    chain.add("ways", select([*shown, f"arraySlice([{moments}], 1, level) AS way"], chain.last))
