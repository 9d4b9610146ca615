"""A funnel: a bar a step, as long as the share of those who came that far, and side by side for a breakdown."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import altair as alt

from posthog_nb.analysis.charts.spans import span
from posthog_nb.analysis.charts.theme import (
    BLUE,
    COLOURS,
    FONT_SIZE,
    GREY,
    INK,
    LEFTOVERS,
    MOST_NAMED,
    finished,
    message,
    named,
    number,
    percent,
    short,
    text,
    tooltips,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pyarrow as pa

    from posthog_nb.analysis.charts.picture import Picture

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
            ``step_conversion_rate``, ``median_conversion_time``, and ``low`` and ``high`` where the rates have an
            interval.
        title: What it shows.
        who: What is counted.
    """
    rows = table.to_pylist()
    groups = _groups(rows)
    entered = {value: of[0]["count"] for value, of in groups.items()}
    if not any(entered.values()):
        nothing = message(f"Nothing to draw: no {who} came to the first step.", _WIDTH, 120)
        return finished([nothing], title=title, subtitle=[], description=f"{title}: no {who}", width=_WIDTH, height=120)
    shown = sorted(groups, key=lambda value: -entered[value])[:MOST_NAMED]
    shown = [value for value in groups if value in shown]
    bars, heads, height = _laid_out(groups, shown, who)
    return finished(
        _layers(bars, heads, height, broken_down=len(groups) > 1 or None not in groups),
        title=title,
        subtitle=_subtitle(groups, shown, entered, who, any(bar["low"] is not None for bar in bars)),
        description=_words(title, groups, shown, who),
        width=_WIDTH,
        height=height,
    )


def _groups(rows: list[dict[str, Any]]) -> dict[str | None, list[dict[str, Any]]]:
    groups: dict[str | None, list[dict[str, Any]]] = {}
    for row in rows:
        groups.setdefault(row.get("breakdown_value"), []).append(row)
    return groups


def _laid_out(
    groups: Mapping[str | None, list[dict[str, Any]]], shown: list[str | None], who: str
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
                    **_bar(row, value, who),
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


def _bar(row: dict[str, Any], value: str | None, who: str) -> dict[str, Any]:
    rate = row["conversion_rate"]
    of_step = row.get("step_conversion_rate")
    time = row.get("median_conversion_time")
    first = row["step"] == 1
    return {
        "share": _share(rate) or 0.0,
        "low": None if first else _share(row.get("low")),
        "high": None if first else _share(row.get("high")),
        "group": "" if value is None else short(LEFTOVERS.get(value, value), 18),
        "whole": named(value or "all"),
        "step": f"{row['step']}. {named(row['name'])}",
        "rate": percent(rate),
        "people": number(row["count"]),
        "of_first": percent(rate),
        "of_before": "" if first else percent(of_step),
        "count": f"{number(row['count'])} {who}",
        "time": "" if first or _share(time) is None else span(time),
    }


def _from_before(row: dict[str, Any]) -> str:
    if row["step"] == 1:
        return ""
    rate, time = row.get("step_conversion_rate"), _share(row.get("median_conversion_time"))
    return f"{percent(rate)} of step {row['step'] - 1}" + ("" if time is None else f", median {span(time)}")


def _share(value: float | None) -> float | None:
    return None if value is None or value != value else value  # noqa: PLR0124 - NaN


def _layers(
    bars: list[dict[str, Any]], heads: list[dict[str, Any]], height: float, *, broken_down: bool
) -> list[alt.Chart]:
    left = 110 if broken_down else 0
    room = _WIDTH - left - 105
    x = alt.Scale(domain=[0, 1], range=[left, left + room], nice=False)
    y = alt.Scale(domain=[0, height], range=[0, height], nice=False)

    def across(field: str) -> alt.X:
        return alt.X(f"{field}:Q", scale=x, axis=None)

    def down(field: str) -> alt.Y:
        return alt.Y(f"{field}:Q", scale=y, axis=None)

    data = alt.Chart(alt.Data(values=bars))
    tips = tooltips(
        whole="who",
        step="step",
        count="count",
        of_first="of the first step",
        of_before="of the step before",
        time="median time since the step before",
    )
    track = data.mark_bar(color=_TRACK, cornerRadius=2).encode(
        x=alt.datum(0, scale=x, axis=None), x2=alt.datum(1), y=down("y"), y2="y2:Q"
    )
    bar = data.mark_bar(cornerRadius=2).encode(
        x=across("share"),
        x2=alt.datum(0),
        y=down("y"),
        y2="y2:Q",
        color=alt.Color("colour:N", scale=None),
        tooltip=tips,
    )
    layers = [track, bar]
    if any(each["low"] is not None for each in bars):
        known = data.transform_filter("isValid(datum.low)")
        layers.append(
            known.mark_rule(color=INK, strokeWidth=1.5).encode(x=across("low"), x2="high:Q", y=down("middle"))
        )
        for end in ("low", "high"):
            layers.append(
                known.mark_tick(color=INK, size=8, thickness=1.5, orient="vertical").encode(
                    x=across(end), y=down("middle")
                )
            )
    for field, end in (("rate:N", 50), ("people:N", 105)):
        layers.append(text(bars, field, align="right").encode(x=alt.value(left + room + end), y=down("middle")))
    if not broken_down:
        layers.append(text(heads, "from_before:N", align="right", opacity=0.8).encode(x=alt.value(_WIDTH), y=down("y")))
    layers.append(text(heads, fontWeight=600).encode(x=alt.value(0), y=down("y"), tooltip=tooltips(name="step")))
    if broken_down:
        names = text(bars, "group:N", align="right", opacity=0.9).encode(x=alt.value(left - 8), y=down("middle"))
        layers.append(names)
    return layers


def _subtitle(groups: Any, shown: Any, entered: Any, who: str, intervals: bool) -> list[str]:
    total = sum(entered.values())
    rest = len(groups) - len(shown)
    return [
        f"{number(total)} {who} entered; at the right, the share of them and how many.",
        f"The {len(shown)} largest of {len(groups)} groups are drawn; the frame has all." if rest else "",
        "The whiskers are confidence intervals." if intervals else "",
    ]


def _words(title: str, groups: Any, shown: Any, who: str) -> str:
    told = []
    for value in shown:
        steps = ", ".join(
            f"{row['name']} {number(row['count'])} ({percent(row['conversion_rate'])})" for row in groups[value]
        )
        told.append(f"{value}: {steps}" if value is not None else steps)
    return f"{title}. {who} by step. {'; '.join(told)}."
