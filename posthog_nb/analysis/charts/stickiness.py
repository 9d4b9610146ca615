"""Stickiness: on how many intervals persons were there; bars, or a line a series."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import altair as alt

from posthog_nb.analysis.charts.lines import Field, Line, drawn, top_of
from posthog_nb.analysis.charts.theme import (
    BLUE,
    charted,
    finished,
    named,
    nothing,
    number,
    percent,
    quiet_axis,
    short,
    text,
    tooltips,
)
from posthog_nb.visible import counted

if TYPE_CHECKING:
    import pyarrow as pa

    from posthog_nb.analysis.charts.picture import Picture

__all__ = ["draw"]

_WIDTH, _HEIGHT = 460, 220
_MOST_LABELS = 10


def draw(table: pa.Table, *, title: str = "Stickiness", interval: str = "day", who: str = "persons") -> Picture:
    """The picture of a stickiness frame.

    Args:
        table: Columns ``series``, ``intervals_active``, ``count``, ``share``.
        title: What it shows.
        interval: What the intervals are.
        who: What is counted.
    """
    points: dict[str, list[dict[str, Any]]] = {}
    totals: dict[str, int] = {}
    for row in table.to_pylist():
        share = row["share"] if row["count"] else 0.0
        points.setdefault(row["series"], []).append(
            {
                "x": row["intervals_active"],
                "y": share,
                "text": percent(share),
                "when": counted(row["intervals_active"], interval),
                "count": f"{number(row['count'])} {who}, {percent(share)}",
            }
        )
        # Not their sum: with `cumulative` each row holds those after it as well.
        totals[row["series"]] = round(row["count"] / share) if share else totals.get(row["series"], 0)
    if not any(totals.values()):
        return nothing(title, f"no {who} were there", _WIDTH)
    several = len(points) > 1
    subtitle = [
        f"Share of the {number(totals[name])} {who}" + (f" of {short(name)}" if several else "") for name in points
    ]
    layers = _lines(points, totals, interval) if several else _bars(next(iter(points.values())), interval)
    words = f"{title}. By number of {interval}s: " + "; ".join(
        f"{named(name)}: " + ", ".join(f"{point['when']} {point['text']}" for point in of)
        for name, of in points.items()
    )
    return finished(layers, title=title, subtitle=subtitle[:4], description=words, width=_WIDTH, height=_HEIGHT)


def _across(field: str, most: int, interval: str, half: float = 0.0) -> alt.X:
    axis = quiet_axis(
        title=f"number of {interval}s with activity",
        titleAnchor="start",
        grid=False,
        tickMinStep=1,
        format="d",
        tickCount=min(most, 10),
    )
    return alt.X(f"{field}:Q", axis=axis, scale=alt.Scale(domain=[1 - half, most + half], nice=False, zero=False))


def _bars(of: list[dict[str, Any]], interval: str) -> list[alt.Chart]:
    top = min(top_of([point["y"] for point in of], least=0.01), 1.0)
    data = [{**point, "from": point["x"] - 0.4, "to": point["x"] + 0.4} for point in of]
    y = alt.Y(
        "y:Q",
        axis=quiet_axis(format="~%", tickCount=5, ticks=False),
        scale=alt.Scale(domain=[0, top], nice=False),
    )
    bars = charted(data).mark_bar(color=BLUE, cornerRadiusEnd=2)
    layers = [
        bars.encode(
            x=_across("from", len(of), interval, 0.5),
            x2="to:Q",
            y=y,
            y2=alt.datum(0),
            tooltip=tooltips(when="on", count="there were"),
        )
    ]
    if len(of) <= _MOST_LABELS:
        layers.append(text(data, align="center", baseline="bottom", dy=-3).encode(x="x:Q", y=y))
    return layers


def _lines(points: dict[str, list[dict[str, Any]]], totals: dict[str, int], interval: str) -> list[alt.Chart]:
    lines = [Line(name, of, weight=totals[name]) for name, of in points.items()]
    return drawn(
        lines,
        _across("x", max(len(of) for of in points.values()), interval),
        Field(_WIDTH, _HEIGHT, min(top_of([point["y"] for of in points.values() for point in of], least=0.01), 1.0)),
        tooltips(name="series", when="on", count="there were"),
    )
