"""A funnel: a bar a step, as long as the share of those who came that far, and side by side for a breakdown."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

import altair as alt

from posthog_nb.analysis.charts.theme import (
    BLUE,
    COLOURS,
    GREY,
    INK,
    LEFTOVERS,
    MOST_NAMED,
    at_x,
    at_y,
    charted,
    finished,
    named,
    nothing,
    number,
    own_colour,
    percent,
    short,
    text,
    tooltips,
)
from posthog_nb.analysis.statistics import interval
from posthog_nb.operations.spans import in_short

if TYPE_CHECKING:
    import pyarrow as pa

    from posthog_nb.analysis.charts.picture import Picture

    _Groups: TypeAlias = dict[str | None, list[dict[str, Any]]]

__all__ = ["draw"]

_WIDTH = 420
_ROW = 22
_BAR = 16
_HEAD = 24
"""Pixels of a step's name above its bars."""
_GAP = 16
"""Pixels between two steps."""
_TRACK = "rgba(128,128,128,.15)"


def draw(table: pa.Table, *, title: str = "Funnel", who: str = "persons") -> Picture:
    """The picture of a funnel's steps.

    Args:
        table: Columns [``breakdown_value``,] ``step``, ``name``, ``count``, ``conversion_rate``,
            ``step_conversion_rate``, ``median_conversion_time``.
        title: What it shows.
        who: What is counted.
    """
    rows = table.to_pylist()
    groups = _groups(rows)
    entered = {value: of[0]["count"] for value, of in groups.items()}
    if not any(entered.values()):
        return nothing(title, f"no {who} came to the first step", _WIDTH)
    shown = sorted(groups, key=lambda value: -entered[value])[:MOST_NAMED]
    shown = [value for value in groups if value in shown]
    bars, heads, height = _laid_out(groups, shown, who)
    return finished(
        _layers(bars, heads, broken_down=len(groups) > 1 or None not in groups),
        title=title,
        subtitle=_subtitle(groups, shown, who),
        description=_words(title, groups, shown, who),
        width=_WIDTH,
        height=height,
    )


def _groups(rows: list[dict[str, Any]]) -> _Groups:
    groups: _Groups = {}
    for row in rows:
        groups.setdefault(row.get("breakdown_value"), []).append(row)
    return groups


def _laid_out(
    groups: _Groups, shown: list[str | None], who: str
) -> tuple[list[dict[str, Any]], list[dict[str, Any]], float]:
    bars: list[dict[str, Any]] = []
    heads: list[dict[str, Any]] = []
    at = 0.0
    for index, step in enumerate(groups[shown[0]]):
        heads.append(
            {
                "text": f"{step['step']}. {short(step['name'], 40)}",
                "name": named(step["name"]),
                "y": at + 8,
                "from_before": _from_before(step),
            }
        )
        at += _HEAD
        for place, value in enumerate(shown):
            row = groups[value][index]
            bars.append(
                {
                    **_bar(row, groups[value][0]["count"], value, who),
                    "y": at,
                    "y2": at + _BAR,
                    "middle": at + _BAR / 2,
                    "colour": _colour(value, place, len(shown)),
                }
            )
            at += _ROW
        at += _GAP
    return bars, heads, at - _GAP


def _colour(value: str | None, place: int, count: int) -> str:
    if count == 1:
        return BLUE
    return GREY if value in LEFTOVERS else COLOURS[place % len(COLOURS)]


def _bar(row: dict[str, Any], entered: int, value: str | None, who: str) -> dict[str, Any]:
    rate = row["conversion_rate"]
    time = _known(row.get("median_conversion_time"))
    first = row["step"] == 1
    low, high = (None, None) if first or not entered else interval(row["count"], entered)
    return {
        "share": _known(rate) or 0.0,
        "low": low,
        "high": high,
        "group": "" if value is None else short(LEFTOVERS.get(value, value), 18),
        "whole": named(value or "all"),
        "step": f"{row['step']}. {named(row['name'])}",
        "rate": percent(rate),
        "people": number(row["count"]),
        "of_first": percent(rate),
        "of_before": "" if first else percent(row["step_conversion_rate"]),
        "count": f"{number(row['count'])} {who}",
        "time": "" if first or time is None else in_short(time),
    }


def _from_before(row: dict[str, Any]) -> str:
    if row["step"] == 1:
        return ""
    rate, time = row["step_conversion_rate"], _known(row.get("median_conversion_time"))
    return f"{percent(rate)} of step {row['step'] - 1}" + ("" if time is None else f", median {in_short(time)}")


def _known(value: float | None) -> float | None:
    return None if value is None or value != value else value  # noqa: PLR0124 - NaN


def _layers(bars: list[dict[str, Any]], heads: list[dict[str, Any]], *, broken_down: bool) -> list[alt.Chart]:
    left = 110 if broken_down else 0
    room = _WIDTH - left - 105
    for bar in bars:
        for field in ("share", "low", "high"):
            bar[f"{field}_at"] = None if bar[field] is None else left + room * bar[field]
    data = charted(bars)
    tips = tooltips(
        whole="who",
        step="step",
        count="count",
        of_first="of the first step",
        of_before="of the step before",
        time="median time since the step before",
    )
    track = data.mark_bar(color=_TRACK, cornerRadius=2).encode(
        x=alt.value(left), x2=alt.value(left + room), y=at_y("y"), y2="y2:Q"
    )
    bar = data.mark_bar(cornerRadius=2).encode(
        x=at_x("share_at"),
        x2=alt.value(left),
        y=at_y("y"),
        y2="y2:Q",
        color=own_colour(),
        tooltip=tips,
    )
    layers = [track, bar]
    if any(each["low"] is not None for each in bars):
        known = data.transform_filter("isValid(datum.low)")
        layers.append(
            known.mark_rule(color=INK, strokeWidth=1.5).encode(x=at_x("low_at"), x2="high_at:Q", y=at_y("middle"))
        )
        end = known.mark_tick(color=INK, size=8, thickness=1.5, orient="vertical").encode(y=at_y("middle"))
        layers += [end.encode(x=at_x("low_at")), end.encode(x=at_x("high_at"))]
    column = text(bars, align="right").encode(y=at_y("middle"))
    layers += [
        column.encode(text="rate:N", x=alt.value(left + room + 50)),
        column.encode(text="people:N", x=alt.value(left + room + 105)),
    ]
    if not broken_down:
        layers.append(text(heads, "from_before:N", align="right", opacity=0.8).encode(x=alt.value(_WIDTH), y=at_y("y")))
    layers.append(text(heads, fontWeight=600).encode(x=alt.value(0), y=at_y("y"), tooltip=tooltips(name="step")))
    if broken_down:
        names = text(bars, "group:N", align="right", opacity=0.9).encode(x=alt.value(left - 8), y=at_y("middle"))
        layers.append(names)
    return layers


def _subtitle(groups: _Groups, shown: list[str | None], who: str) -> list[str]:
    total = sum(of[0]["count"] for of in groups.values())
    left_out = len(shown) < len(groups)
    return [
        f"{number(total)} {who} entered; at the right, the share of them and how many.",
        f"The {len(shown)} largest of {len(groups)} groups are drawn; the frame has all." if left_out else "",
        "The whiskers are 95% confidence intervals.",
    ]


def _words(title: str, groups: _Groups, shown: list[str | None], who: str) -> str:
    told = []
    for value in shown:
        steps = ", ".join(
            f"{row['name']} {number(row['count'])} ({percent(row['conversion_rate'])})" for row in groups[value]
        )
        told.append(f"{value}: {steps}" if value is not None else steps)
    return f"{title}. {who} by step. {'; '.join(told)}."
