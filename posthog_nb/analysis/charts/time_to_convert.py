"""The time that persons take through a funnel, as a histogram."""

from __future__ import annotations

from typing import TYPE_CHECKING

import altair as alt

from posthog_nb.analysis.charts.lines import count_format, top_of
from posthog_nb.analysis.charts.theme import (
    BLUE,
    charted,
    finished,
    nothing,
    number,
    percent,
    quiet_axis,
    text,
    tooltips,
)
from posthog_nb.operations.spans import in_short, unit_of

if TYPE_CHECKING:
    import pyarrow as pa

    from posthog_nb.analysis.charts.picture import Picture

__all__ = ["draw"]

_WIDTH, _HEIGHT = 480, 220
_MOST_LABELS = 14


def draw(table: pa.Table, *, title: str = "Time to convert", who: str = "persons") -> Picture:
    """The picture of the times that a funnel takes.

    Args:
        table: Columns ``bin_from``, ``bin_to`` (seconds), ``count``.
        title: What it shows.
        who: What is counted.
    """
    rows = table.to_pylist()
    total = sum(row["count"] for row in rows)
    if not total:
        return nothing(title, f"no {who} went through", _WIDTH)
    size, sign = unit_of(rows[-1]["bin_to"])
    top = top_of([row["count"] for row in rows])
    bars = [
        {
            "from": row["bin_from"] / size,
            "to": row["bin_to"] / size,
            "middle": (row["bin_from"] + row["bin_to"]) / 2 / size,
            "n": row["count"],
            "text": number(row["count"]) if row["count"] else "",
            "time": f"{in_short(row['bin_from'])} to {in_short(row['bin_to'])}",
            "count": f"{number(row['count'])} {who}, {percent(row['count'] / total)}",
        }
        for row in rows
    ]
    data = charted(bars)
    across = quiet_axis(title=f"time from the first step to the last, {_WORDS[sign]}", titleAnchor="start", grid=False)
    x = alt.X("from:Q", axis=across, scale=alt.Scale(domain=[bars[0]["from"], bars[-1]["to"]], nice=False, zero=False))
    up = quiet_axis(labelExpr=f"format(datum.value, '{count_format([top])}')", tickCount=5, ticks=False, tickMinStep=1)
    y = alt.Y("n:Q", axis=up, scale=alt.Scale(domain=[0, top], nice=False))
    layers = [
        data.mark_bar(color=BLUE, x2Offset=-1, cornerRadiusEnd=2).encode(
            x=x, x2="to:Q", y=y, y2=alt.datum(0), tooltip=tooltips(time="time", count="converted")
        )
    ]
    if len(bars) <= _MOST_LABELS:
        layers.append(text(bars, align="center", baseline="bottom", dy=-3).encode(x=alt.X("middle:Q"), y=y))
    words = f"{title}. {number(total)} {who}: " + "; ".join(f"{bar['time']} {bar['count']}" for bar in bars[:20])
    return finished(
        layers,
        title=title,
        subtitle=[f"{number(total)} {who} went through."],
        description=words,
        width=_WIDTH,
        height=_HEIGHT,
    )


_WORDS = {"d": "days", "h": "hours", "min": "minutes", "s": "seconds"}
