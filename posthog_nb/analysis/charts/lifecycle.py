"""Lifecycle: who is new, returning and resurrecting, stacked upwards; who is dormant, downwards."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import altair as alt

from posthog_nb.analysis.charts.lines import count_format, top_of
from posthog_nb.analysis.charts.theme import (
    BLUE,
    FONT_SIZE,
    GREEN,
    INK,
    PURPLE,
    VERMILLION,
    at_y,
    charted,
    finished,
    nothing,
    number,
    own_colour,
    quiet_axis,
    spread,
    text,
    tooltips,
)
from posthog_nb.analysis.charts.times import in_zone, milliseconds, next_start, told, x_of_times, zone_of

if TYPE_CHECKING:
    from datetime import datetime

    import pyarrow as pa

    from posthog_nb.analysis.charts.picture import Picture

__all__ = ["draw"]

_WIDTH, _HEIGHT = 460, 260
_STATUSES = {"returning": GREEN, "resurrecting": PURPLE, "new": BLUE, "dormant": VERMILLION}
"""From the bottom upwards; the dormant hang below."""


def draw(  # noqa: PLR0913 - what an axis of times and a reader need to know
    table: pa.Table,
    *,
    title: str = "Lifecycle",
    interval: str = "day",
    timezone: str | None = None,
    running: bool = False,
    who: str = "persons",
) -> Picture:
    """The picture of a lifecycle frame.

    Args:
        table: Columns ``date``, ``status``, ``count`` (of the dormant negative).
        title: What it shows.
        interval: What begins at each date.
        timezone: The zone of dates that have none.
        running: Whether the last interval has not ended yet.
        who: What is counted.
    """
    zone = zone_of(table["date"], timezone)
    counts: dict[int, dict[str, int]] = {}
    starts: dict[int, datetime] = {}
    for row in table.to_pylist():
        start = in_zone(row["date"], zone)
        starts[milliseconds(start)] = start
        counts.setdefault(milliseconds(start), {})[row["status"]] = row["count"]
    if not any(count for each in counts.values() for count in each.values()):
        return nothing(title, f"no {who} in these {interval}s", _WIDTH)
    shown = [starts[each] for each in sorted(starts)]
    bars = [bar for start in shown for bar in _stacked(start, counts[milliseconds(start)], interval, who)]
    for bar in bars:
        bar["running"] = running and bar["from"] == milliseconds(shown[-1])
    top, bottom = top_of([bar["high"] for bar in bars]), -top_of([-bar["low"] for bar in bars], least=0)
    y_scale = alt.Scale(domain=[bottom, top], nice=False)
    up = quiet_axis(labelExpr=f"format(abs(datum.value), '{count_format([top, bottom])}')", tickCount=6, ticks=False)
    x = x_of_times(shown, interval, zone, field="from", wide=True)
    data = charted(bars).mark_bar(x2Offset=-1 if len(shown) < _WIDTH / 4 else 0)
    layers = [
        data.encode(
            x=x,
            x2="to:T",
            y=alt.Y("low:Q", scale=y_scale, axis=up),
            y2="high:Q",
            color=own_colour(),
            opacity=alt.condition("datum.running", alt.value(0.5), alt.value(1)),
            tooltip=tooltips(status="who", when=interval, count="how many"),
        ),
        charted([{"zero": 0}]).mark_rule(color=INK, opacity=0.8).encode(y=alt.Y("zero:Q")),
        *_labels(bars[-len(_STATUSES) * (2 if running and len(shown) > 1 else 1) :][: len(_STATUSES)], top, bottom),
    ]
    sums = {status: sum(abs(each.get(status, 0)) for each in counts.values()) for status in _STATUSES}
    words = (
        f"{title}. By {interval} from {told(shown[0], interval)} to {told(shown[-1], interval)}, summed: "
        + ", ".join(f"{number(count)} {status}" for status, count in sums.items())
    )
    return finished(
        layers,
        title=title,
        subtitle=[
            f"{who} a {interval}; the dormant below the line",
            f"Pale: the {interval} that has not ended yet." if running else "",
        ],
        description=words,
        width=_WIDTH,
        height=_HEIGHT,
    )


def _stacked(start: datetime, counts: dict[str, int], interval: str, who: str) -> list[dict[str, Any]]:
    bars, at = [], 0
    for status, colour in _STATUSES.items():
        count = counts.get(status, 0)
        low, high = (count, 0) if status == "dormant" else (at, at + count)
        at = max(at, high)
        bars.append(
            {
                "from": milliseconds(start),
                "to": milliseconds(next_start(start, interval)),
                "low": low,
                "high": high,
                "status": status,
                "colour": colour,
                "when": told(start, interval),
                "count": f"{number(abs(count))} {who}",
            }
        )
    return bars


def _labels(last: list[dict[str, Any]], top: float, bottom: float) -> list[alt.Chart]:
    scale = _HEIGHT / (top - bottom)
    middles = [((bar["low"] + bar["high"]) / 2 - bottom) * scale for bar in last]
    places = spread(middles, FONT_SIZE + 4, 0, _HEIGHT)
    values = [
        {"text": bar["status"], "colour": bar["colour"], "at": _HEIGHT - place}
        for bar, place in zip(last, places, strict=True)
    ]
    at = at_y("at")
    squares = charted(values).mark_point(shape="square", filled=True, size=80, opacity=1)
    return [
        squares.encode(x=alt.value(_WIDTH + 10), y=at, color=own_colour()),
        text(values, dx=20).encode(x=alt.value(_WIDTH), y=at),
    ]
