"""The way of each person through an unordered funnel.

As ``funnel-udf/src/unordered_steps.rs`` has it: from each event, the first of every step that follows within the
window. What counts is the first event that most steps follow from. An excluded event ends what has not come to all
steps by then: where it comes within the window of an event, that event does not count.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from posthog_nb.analysis.funnels.chain import select
from posthog_nb.analysis.funnels.events import add_persons, add_step_events

if TYPE_CHECKING:
    from posthog_nb.analysis.funnels.chain import Chain
    from posthog_nb.analysis.funnels.options import Options
    from posthog_nb.analysis.text import Values

__all__ = ["add_unordered_ways"]

_EXCLUDED = "e.2 = 0 AND e.3 > 0"
_SEVERAL = "bitAnd(e.2, e.2 - 1) > 0"


def add_unordered_ways(chain: Chain, options: Options, values: Values) -> None:
    """Rows for the persons who are counted: ``way``, the times of the steps that were done, in the order of time.

    For trends a row for each event in place of it: its ``bucket``, and ``level``, how many steps were done.
    """
    add_step_events(chain, options, values)
    add_persons(chain, options, values)
    _add_taken(chain, options)
    if options.of_step is not None:
        _add_of_value(chain, options)
    if options.overlapping:
        _add_single(chain, options)
    _add_counts(chain, options)
    shown = [] if options.breakdown is None else ["breakdown_value"]
    if options.viz == "trends":
        chain.go_on("each_event", ["arrayJoin(arrayZip(arrayMap(e -> e.5, taken), counts)) AS counted"])
        columns = [*shown, "actor", "counted.1 AS bucket", "counted.2 AS level"]
        chain.add("ways", select(columns, chain.last, where="level > 0"))
        return
    chain.go_on("furthest", ["arrayMax(counts) AS level", "indexOf(counts, arrayMax(counts)) AS best"], "level > 0")
    moments = ", ".join(f"next_{step}[best]" for step in range(1, len(options.steps) + 1))
    within = f"moment > 0 AND moment - tupleElement(taken[best], 1) <= {options.window}"
    way = f"arraySort(arrayFilter(\n  moment -> {within},\n  [{moments}]\n)) AS way"
    chain.add("ways", select([*shown, way], chain.last))


def _add_taken(chain: Chain, options: Options) -> None:
    if options.viz == "trends":
        chain.go_on("in_order", ["events AS taken"])
        return
    # PostHog leaves out an event between two of its kind before it begins, which shows in the times.
    taken = (
        "arrayFilter(\n"
        "  (e, before, after) -> NOT (\n"
        f"    NOT {_SEVERAL} AND e.3 = 0\n"
        "    AND e.2 = before.2 AND before.3 = 0 AND e.4 = before.4 AND before.1 < e.1\n"
        "    AND e.2 = after.2 AND after.3 = 0 AND e.4 = after.4 AND e.1 < after.1\n"
        "  ),\n"
        "  events, arrayRotateRight(events, 1), arrayRotateLeft(events, 1)\n"
        ") AS taken"
    )
    chain.go_on("thinned", [taken])


def _add_of_value(chain: Chain, options: Options) -> None:
    """An event without the value counts only after one with it, with never more than the window between two."""
    chain.go_on(
        "of_value",
        [
            (
                "arrayFill(\n"
                "  mark -> mark < 2,\n"
                "  arrayMap(\n"
                "    (e, before, n) -> multiIf(\n"
                "      e.2 = 0, 0,\n"
                "      e.4 = breakdown_value, 1,\n"
                f"      n > 1 AND before.2 > 0 AND e.1 - before.1 <= {options.window}, 2,\n"
                "      0\n"
                "    ),\n"
                "    taken, arrayRotateRight(taken, 1), arrayEnumerate(taken)\n"
                "  )\n"
                ") AS marks"
            )
        ],
    )
    _replace_taken(chain, "counting", "arrayMap((e, mark) -> (e.1, e.2 * mark, e.3, e.4, e.5), taken, marks)", options)


def _add_single(chain: Chain, options: Options) -> None:
    """An event of several steps is the one of them that was not done for longest; 0 is not at all."""
    bits = [1 << n for n in range(len(options.steps))]
    alive = f"(done, bit) -> (if(e.1 - done <= {options.window}, done, 0), bit)"
    chain.go_on(
        "folded_events",
        [
            (
                "arrayFold(\n"
                "  (state, e) -> arrayMap(\n"
                "    chosen -> (\n"
                f"      arrayMap((done, bit) -> multiIf({_EXCLUDED}, 0, bit = chosen, e.1, done), state.1, {bits}),\n"
                "      arrayPushBack(state.2, chosen)\n"
                "    ),\n"
                "    [tupleElement(arraySort(arrayFilter(\n"
                f"      each -> bitAnd(each.2, e.2) > 0, arrayMap({alive}, state.1, {bits})\n"
                "    ))[1], 2)]\n"
                "  )[1],\n"
                f"  if(arrayExists(e -> {_SEVERAL}, taken), taken, arraySlice(taken, 1, 0)),\n"
                f"  (arrayMap(bit -> reinterpretAsInt64(0), {bits}), arraySlice(arrayMap(e -> e.1, taken), 1, 0))\n"
                ") AS folded"
            )
        ],
    )
    chosen = "arrayMap((e, bit) -> (e.1, bit, e.3, e.4, e.5), taken, arrayResize(folded.2, length(taken)))"
    plain = "arrayMap(e -> (e.1, reinterpretAsInt64(e.2), e.3, e.4, e.5), taken)"
    _replace_taken(chain, "of_one_step", f"if(empty(folded.2), {plain}, {chosen})", options)


def _replace_taken(chain: Chain, name: str, taken: str, options: Options) -> None:
    shown = ["actor", *([] if options.breakdown is None else ["breakdown_value"])]
    chain.add(name, select([*shown, f"{taken} AS taken"], chain.last))


def _add_counts(chain: Chain, options: Options) -> None:
    """``next_1``, ``next_2`` ...: when each step is done next from an event on, and ``counts`` how many in time."""
    steps = range(1, len(options.steps) + 1)
    stop = f" OR ({_EXCLUDED})" if options.exclusions else ""
    following = [
        f"arrayReverseFill(\n"
        f"  (moment, e) -> moment > 0{stop},\n"
        f"  arrayMap(e -> if(bitTest(e.2, {step - 1}), e.1, 0), taken), taken\n"
        f") AS next_{step}"
        for step in steps
    ]
    if options.exclusions:
        following.append(
            f"arrayReverseFill(moment -> moment > 0, arrayMap(e -> if({_EXCLUDED}, e.1, 0), taken)) AS excluded_at"
        )
    chain.go_on("following", following)
    names = ", ".join(f"next_{step}" for step in steps)
    soon = "\n    + ".join(f"if(next_{step} > 0 AND next_{step} - e.1 <= {options.window}, 1, 0)" for step in steps)
    counts = f"arrayMap(\n  (e, {names}) -> if(e.2 > 0, {soon}, 0),\n  taken, {names}\n)"
    if not options.exclusions:
        chain.go_on("counted_events", [f"{counts} AS counts"])
        return
    chain.go_on("counted_events", [f"{counts} AS found"])
    ended = f"n < {len(options.steps)} AND at > 0 AND at - e.1 <= {options.window}"
    chain.go_on("not_excluded", [f"arrayMap((n, e, at) -> if({ended}, 0, n), found, taken, excluded_at) AS counts"])
