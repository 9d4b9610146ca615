"""Lines with their names at their ends: of trends, of conversion over time, of groups that come back."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import floor, log10
from typing import TYPE_CHECKING, Any

import altair as alt

from posthog_nb.analysis.charts.theme import (
    COLOURS,
    DASHED,
    FONT_SIZE,
    GREY,
    MOST_NAMED,
    at_y,
    charted,
    named,
    own_colour,
    quiet_axis,
    short,
    spread,
    text,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["MOST_BANDS", "STILL", "Field", "Line", "count_format", "drawn", "left_out", "top_of"]

MOST_BANDS = 3
"""Lines that can have bands of confidence and still be told apart."""
STILL = "Dashed: the {} that has not ended yet."

_MOST_POINTS = 32
"""Up to so many points of a line are dots."""
_THOUSAND = 1000
_LABEL_GAP = FONT_SIZE + 4
_LABEL_AT = 14
"""Pixels to the right of a line's end."""


@dataclass(frozen=True)
class Field:
    """Where lines are drawn.

    Attributes:
        width: In pixels.
        height: The same.
        top: The highest value that has room.
        bottom: The lowest.
        y_format: How the axis writes values.
        running: Whether the last interval has not ended yet: what is in it will be more.
    """

    width: float
    height: float
    top: float
    bottom: float = 0.0
    y_format: str = "~%"
    running: bool = False

    def above(self, value: float) -> float:
        """Pixels of a value above the lower edge."""
        return (value - self.bottom) * self.height / (self.top - self.bottom)


@dataclass(eq=False)
class Line:
    """A line.

    Attributes:
        name: What it is called at its end; none for a line that follows another.
        points: Fields ``x`` and ``y``, ``low`` and ``high`` of a band, and texts for the pointer.
        weight: What decides which lines are named where there are many: their total.
        leftover: Whether it stands for what is left over, and is grey.
        follows: The name of the line whose colour it has, of the period before this one.
    """

    name: str
    points: list[dict[str, Any]] = field(default_factory=list)
    weight: float = 0.0
    leftover: bool = False
    follows: str | None = None


def left_out(lines: Sequence[Line]) -> str:
    """A sentence on the lines that are drawn without a name."""
    all_of_them = [line for line in lines if line.follows is None]
    rest = len(all_of_them) - len(_named(lines))
    return f"The {len(_named(lines))} largest are named; {rest} other lines are grey." if rest else ""


def _named(lines: Sequence[Line]) -> list[Line]:
    own = [line for line in lines if line.follows is None]
    if len(own) <= MOST_NAMED:
        return own
    largest = sorted(own, key=lambda line: -line.weight)[:MOST_NAMED]
    return [line for line in own if line in largest]


def drawn(lines: Sequence[Line], x: alt.X, field: Field, tips: Sequence[alt.Tooltip]) -> list[alt.Chart]:
    """The layers: bands, lines, dots, names.

    Args:
        lines: In the order of the frame.
        x: The axis of what lies across.
        field: Where they are drawn.
        tips: What is told at the pointer.
    """
    looks = _looks(lines)
    # One id a line, as two may have one name.
    values = [
        {**point, "line": str(index), "name": named(line.name or line.follows or ""), **look, "left": left}
        for index, (line, look) in enumerate(zip(lines, looks, strict=True))
        for left, point in zip(range(len(line.points) - 1, -1, -1), line.points, strict=True)
    ]
    axis = quiet_axis(
        labelExpr=f"format(datum.value, '{field.y_format}')",
        tickCount=5,
        ticks=False,
        labelPadding=6,
        tickMinStep=alt.Undefined if "%" in field.y_format else 1,
    )
    scale = alt.Scale(domain=[field.bottom, field.top], nice=False, zero=False)
    y = alt.Y("y:Q", axis=axis, scale=scale)
    base = charted(values).encode(x=x, color=own_colour(), detail="line:N")
    layers = []
    if any("low" in value for value in values):
        band = base.transform_filter("isValid(datum.low)").mark_area(opacity=0.15, line=False)
        layers.append(band.encode(y=alt.Y("low:Q", axis=axis, scale=scale), y2="high:Q"))
    line = base.mark_line(strokeJoin="round", strokeCap="round").encode(
        y=y, strokeDash=alt.StrokeDash("dash:N", scale=None), strokeWidth=alt.StrokeWidth("width:Q", scale=None)
    )
    if field.running:
        layers.append(line.transform_filter("datum.left > 0 || datum.dash[0] == 2"))
        running = base.mark_line(strokeDash=[3, 4], strokeWidth=1.5).encode(y=y)
        layers.append(running.transform_filter("datum.left < 2 && datum.dash[0] != 2"))
    else:
        layers.append(line)
    longest = max((len(line.points) for line in lines), default=0)
    near = alt.selection_point(name="near", on="pointerover", nearest=True, empty=False, clear="pointerout")
    plain = alt.value(1.0 if longest <= _MOST_POINTS else 0.0)
    dots = base.mark_point(filled=True, size=34).encode(
        y=y, opacity=alt.when(near).then(alt.value(1.0)).otherwise(plain), tooltip=list(tips)
    )
    layers.append(dots.add_params(near))
    return [*layers, *_names(lines, looks, field)]


def _looks(lines: Sequence[Line]) -> list[dict[str, Any]]:
    """Colour, dashes and width of each line."""
    coloured = [line for line in _named(lines) if not line.leftover]
    leftover = [line for line in lines if line.leftover]
    looks: list[dict[str, Any]] = []
    for line in lines:
        of = line.follows or line.name
        place = next((place for place, each in enumerate(coloured) if each.name == of), None)
        dash, width = [1, 0], 1.0
        if line.follows is not None:
            dash, width = [2, 4], 1.5
        elif line.leftover:
            dash, width = ([6, 3] if line is leftover[0] else [2, 3]), 1.5
        elif place is not None:
            dash, width = ([1, 0] if place < len(COLOURS) else list(DASHED)), 2.25
        colour = GREY if place is None else COLOURS[place % len(COLOURS)]
        looks.append({"colour": colour, "dash": dash, "width": width})
    return looks


def _names(lines: Sequence[Line], looks: Sequence[dict[str, Any]], field: Field) -> list[alt.Chart]:
    if len(lines) == 1:
        return []
    ends = []
    for line in _named(lines):
        known = [point["y"] for point in line.points if point["y"] is not None]
        # How far the interval that is running has got says little, and is much the same for all.
        settled = known[:-1] if field.running and len(known) > 1 else known
        if settled:
            ends.append((line, field.above(settled[-1])))
    places = spread([end for _, end in ends], _LABEL_GAP, 0, field.height)
    values = [
        {
            "text": short(line.name),
            "colour": looks[lines.index(line)]["colour"],
            "from": field.height - (place if field.running else end),
            "at": field.height - place,
        }
        for (line, end), place in zip(ends, places, strict=True)
    ]
    link = (
        charted(values)
        .mark_rule(strokeWidth=1.5)
        .encode(
            x=alt.value(field.width + 3),
            x2=alt.value(field.width + _LABEL_AT - 3),
            y=at_y("from"),
            y2="at:Q",
            color=own_colour(),
        )
    )
    return [link, text(values, dx=_LABEL_AT).encode(x=alt.value(field.width), y=at_y("at"))]


def top_of(values: Sequence[float | None], *, least: float = 1.0) -> float:
    """Where an axis ends that begins at 0: a little above the highest value, at a round number."""
    highest = max((value for value in values if value is not None), default=0)
    if highest <= 0:
        return least
    size = 10.0 ** floor(log10(highest))
    for part in (1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10):
        if highest <= part * size:
            return max(part * size, least)
    return highest


def count_format(values: Sequence[float]) -> str:
    """How an axis writes counts: 1.5k from a thousand on."""
    return "~s" if max(map(abs, values), default=0) >= _THOUSAND else ".6~g"
