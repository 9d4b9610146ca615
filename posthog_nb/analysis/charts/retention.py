"""Retention: a triangle of cells, a row a cohort; and a curve a value of a breakdown."""

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING, Any

import altair as alt

from posthog_nb.analysis.charts.lines import MOST_BANDS, Field, Line, drawn, left_out, top_of
from posthog_nb.analysis.charts.theme import (
    BLUE,
    FONT_SIZE,
    GREY,
    INK,
    LEFTOVERS,
    at_x,
    at_y,
    charted,
    finished,
    named,
    nothing,
    number,
    own_colour,
    percent,
    quiet_axis,
    short,
    text,
    tooltips,
)
from posthog_nb.analysis.charts.times import brief, in_zone, milliseconds, told, zone_of
from posthog_nb.analysis.statistics import interval

if TYPE_CHECKING:
    import pyarrow as pa

    from posthog_nb.analysis.charts.picture import Picture

__all__ = ["draw"]

_WIDTH, _HEIGHT = 420, 220
_CELL_HEIGHT = 22
_WIDEST_CELL, _NARROWEST_CELL = 64, 40
_LEFT = 118
_MOST_ROWS = 40
_STRENGTHS = (0.06, 0.16, 0.28, 0.42, 0.56, 0.7, 1.0)
"""How much of the colour a cell has: steps, as near strengths look alike, and without those between 0.7 and 1, on which
neither the page's texts nor white can be read."""
_BOUNDS = (1 / 24, 1 / 6, 2 / 6, 3 / 6, 4 / 6, 5 / 6)
"""Shares of the highest rate, where the next strength begins."""
_WHITE = "#ffffff"


def draw(  # noqa: PLR0913 - what a cohort's date and a reader need to know
    table: pa.Table,
    *,
    title: str = "Retention",
    period: str = "Day",
    timezone: str | None = None,
    who: str = "persons",
    reference: str = "total",
) -> Picture:
    """The picture of a retention frame.

    Args:
        table: Columns [``breakdown_value``,] ``date``, ``size``, ``interval``, ``count``, ``rate``.
        title: What it shows.
        period: What the intervals are, ``"Day"`` and so on.
        timezone: The zone of dates that have none.
        who: What is counted.
        reference: What the rates are shares of: ``"total"`` for the cohort, ``"previous"`` for the interval before.
    """
    rows = table.to_pylist()
    if not any(row["size"] for row in rows):
        return nothing(title, f"no {who} in any cohort", _WIDTH)
    zone = zone_of(table["date"], timezone)
    for row in rows:
        row["date"] = in_zone(row["date"], zone)
    if reference == "previous":
        _measure_by_the_interval_before(rows)
    if "breakdown_value" in table.column_names:
        return _curves(rows, title, period, who)
    return _triangle(rows, title, period, f"{zone.key}", who)


def _measure_by_the_interval_before(rows: list[dict[str, Any]]) -> None:
    def key(row: dict[str, Any], back: int = 0) -> tuple[object, ...]:
        return row.get("breakdown_value"), milliseconds(row["date"]), row["interval"] - back

    counts = {key(row): row["count"] for row in rows}
    for row in rows:
        row["of"] = counts[key(row, 1)] if row["interval"] else row["size"]


# The triangle ---------------------------------------------------------------------------------------------------------


def _triangle(rows: list[dict[str, Any]], title: str, period: str, zone: str, who: str) -> Picture:
    sizes = {milliseconds(row["date"]): row["size"] for row in rows}
    newest = sorted(sizes)[-_MOST_ROWS:]
    places = {start: place for place, start in enumerate(newest)}
    rows = [row for row in rows if milliseconds(row["date"]) in places]
    columns = max(row["interval"] for row in rows) + 1
    wide = min(max((520 - _LEFT) / columns, _NARROWEST_CELL), _WIDEST_CELL)
    # The first is everybody: measured by it, all others would be pale.
    highest = max((row["rate"] or 0 for row in rows if row["interval"]), default=1) or 1
    cells = [
        {
            **_place(row["interval"], places[milliseconds(row["date"])], wide),
            **_look(row, highest),
            "cohort": f"{told(row['date'], period.lower())}, {number(row['size'])} {who}",
            "when": f"{period} {row['interval']}",
            "count": f"{number(row['count'])} {who}",
            "rate": percent(row["rate"]),
        }
        for row in rows
    ]
    width, height = _LEFT + columns * wide, _CELL_HEIGHT * len(newest)
    heads = [{"text": f"{period} {index}", "x": _LEFT + (index + 0.5) * wide} for index in range(columns)]
    names = {milliseconds(row["date"]): brief(row["date"], period.lower()) for row in rows}
    sides = [
        {"text": names[start], "size": number(sizes[start]), "y": (place + 0.5) * _CELL_HEIGHT}
        for start, place in places.items()
    ]
    data = charted(cells)
    tips = tooltips(cohort="cohort", when="interval", count="came back", rate="share")
    layers = [
        data.mark_rect(x2Offset=-1, y2Offset=-1).encode(
            x=at_x("x"),
            x2="x2:Q",
            y=at_y("y"),
            y2="y2:Q",
            color=own_colour(),
            opacity=alt.Opacity("strength:Q", scale=None),
            tooltip=tips,
        ),
        # White on the full colour, the page's own on all others.
        *(
            text(
                [cell for cell in cells if (cell["strength"] == 1) is full], align="center", color=colour, fontSize=11
            ).encode(x=at_x("middle"), y=at_y("centre"), tooltip=tips)
            for full, colour in ((False, INK), (True, _WHITE))
        ),
        text(heads, align="center", baseline="bottom", opacity=0.8, fontSize=FONT_SIZE - 1).encode(
            x=at_x("x"), y=alt.value(-5)
        ),
        text(sides).encode(x=alt.value(0), y=at_y("y")),
        text(sides, "size:N", align="right", opacity=0.8).encode(x=alt.value(_LEFT - 10), y=at_y("y")),
    ]
    rest = len(sizes) - len(newest)
    subtitle = [
        f"{len(sizes)} cohorts; beside each date, how many {who} it has.",
        f"The newest {_MOST_ROWS} cohorts; the frame has {rest} more." if rest else "",
    ]
    words = f"{title}. Cohorts by {period.lower()}, {zone}: " + "; ".join(
        f"{names[start]}, {number(sizes[start])} {who}: "
        + ", ".join(percent(row["rate"]) for row in rows if milliseconds(row["date"]) == start)
        for start in newest[:12]
    )
    return finished(layers, title=title, subtitle=subtitle, description=words, width=width, height=height)


def _place(column: int, line: int, wide: float) -> dict[str, float]:
    left, above = _LEFT + column * wide, line * _CELL_HEIGHT
    right, below = left + wide, above + _CELL_HEIGHT
    return {
        "x": left,
        "x2": right,
        "middle": (left + right) / 2,
        "y": above,
        "y2": below,
        "centre": (above + below) / 2,
    }


def _look(row: dict[str, Any], highest: float) -> dict[str, Any]:
    rate = row["rate"] if row["size"] else None
    if row["interval"] == 0 and rate == 1:
        return {"colour": GREY, "strength": 0.2, "text": percent(rate)}
    strength = _STRENGTHS[bisect_right(_BOUNDS, min((rate or 0.0) / highest, 1.0))]
    return {"colour": BLUE, "strength": strength, "text": "" if rate is None else percent(rate) if rate else "0"}


# The curves -----------------------------------------------------------------------------------------------------------


def _curves(rows: list[dict[str, Any]], title: str, period: str, who: str) -> Picture:
    groups: dict[str, dict[int, list[dict[str, Any]]]] = {}
    for row in rows:
        groups.setdefault(row["breakdown_value"], {}).setdefault(row["interval"], []).append(row)
    lines = []
    # Of the interval before more may come than were there: that is no share, and has no interval of confidence.
    bands = len(groups) <= MOST_BANDS and "of" not in rows[0]
    for value, intervals in groups.items():
        line = Line(LEFTOVERS.get(value, value), leftover=value in LEFTOVERS)
        line.weight = sum(row["size"] for row in intervals.get(0, []))
        points = [_point(of, number_of, period, who) for number_of, of in sorted(intervals.items())]
        line.points = points if bands else [{**point, "low": None, "high": None} for point in points]
        lines.append(line)
    most = max(point["x"] for line in lines for point in line.points)
    across = quiet_axis(
        title=f"{period.lower()}s since the first",
        titleAnchor="start",
        grid=False,
        format="d",
        tickMinStep=1,
        tickCount=min(most + 1, 10),
    )
    heights = [point[name] for line in lines for point in line.points for name in ("y", "high") if name in point]
    layers = drawn(
        lines,
        alt.X("x:Q", axis=across, scale=alt.Scale(domain=[0, max(most, 1)], nice=False)),
        Field(_WIDTH, _HEIGHT, top_of(heights, least=0.01)),
        tooltips(name="who", when="interval", of="came back", rate="share"),
    )
    sizes = ", ".join(f"{short(line.name, 18)} {number(line.weight)}" for line in lines[:4])
    subtitle = [
        f"Cohorts' {who}, summed: {sizes}{' …' if len(lines) > 4 else ''}",  # noqa: PLR2004 - as many as a line holds
        "All cohorts together, each as far as it has got" + ("; bands: 95% confidence." if bands else "."),
        left_out(lines),
    ]
    words = f"{title}. Share that came back, by {period.lower()}: " + "; ".join(
        f"{named(line.name)}: " + ", ".join(point["rate"] for point in line.points) for line in lines[:8]
    )
    return finished(layers, title=title, subtitle=subtitle, description=words, width=_WIDTH, height=_HEIGHT)


def _point(of: list[dict[str, Any]], number_of: int, period: str, who: str) -> dict[str, Any]:
    count, size = sum(row["count"] for row in of), sum(row.get("of", row["size"]) for row in of)
    share = count / size if size else None
    return {
        "x": number_of,
        "y": share,
        "when": f"{period} {number_of}",
        "of": f"{number(count)} of {number(size)} {who}",
        "rate": percent(share),
        **(interval(count, size)._asdict() if size and number_of and "of" not in of[0] else {}),
    }
