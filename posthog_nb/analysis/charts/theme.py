"""How all pictures look: colours that hold for colour-blind readers, on white and on near black; texts; sizes.

The colours are four of Okabe and Ito's eight (https://jfly.uni-koeln.de/color/): those which have a contrast of at
least 3:1 both with white and with ``#111``, JupyterLab's two backgrounds, and which stay apart under protanopia,
deuteranopia and tritanopia. Beyond four, the same colours come again dashed, so that colour is never all there is to
tell two lines apart; what is drawn is named where it is drawn.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import altair as alt

from posthog_nb.analysis.charts.picture import INK, Picture
from posthog_nb.visible import visible

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = [
    "BLUE",
    "COLOURS",
    "DASHED",
    "GREEN",
    "GREY",
    "INK",
    "LEFTOVERS",
    "MOST_NAMED",
    "PURPLE",
    "VERMILLION",
    "at_x",
    "at_y",
    "charted",
    "finished",
    "named",
    "nothing",
    "number",
    "own_colour",
    "percent",
    "quiet_axis",
    "short",
    "spread",
    "text",
    "tooltips",
]

BLUE, VERMILLION, GREEN, PURPLE = "#0072B2", "#D55E00", "#009E73", "#CC79A7"
COLOURS = (BLUE, VERMILLION, GREEN, PURPLE)
GREY = "#8a8a8a"
"""What is not named, and what is left over: "Other", "None"."""
GRID = "rgba(128,128,128,.25)"
DASHED = (5, 3)
LEFTOVERS = {"Other (i.e. all remaining values)": "Other", "None (i.e. no value)": "None"}
"""Values of a breakdown that stand for no value of their own, by PostHog's labels; what a picture calls them."""
MOST_NAMED = 2 * len(COLOURS)
"""Lines or groups of bars that a picture names and colours; the rest is grey, or said to be in the frame alone."""

FONT_SIZE = 12
_LONGEST_NAME = 26
_LONGEST_TITLE = 72
_WHOLE = 10
"""From here on a number that is none of a count has one decimal at most."""


def short(name: str, most: int = _LONGEST_NAME) -> str:
    """A name as a picture has room for it: in one line, and cut by an ellipsis."""
    line = named(name)
    return line if len(line) <= most else f"{line[: most - 1]}…"


def named(name: str) -> str:
    """A whole name in one line, in which nothing steers; an empty one is written as such."""
    return visible(name).replace("\n", " ").replace("\t", " ").strip() or "(empty)"


def number(value: float | None) -> str:
    """A count or a measured value for a reader."""
    if value is None or value != value:  # noqa: PLR0124 - NaN
        return "none"
    if value == int(value):
        return f"{int(value):,}"
    return f"{value:,.1f}" if abs(value) >= _WHOLE else f"{value:.3g}"


def percent(share: float | None) -> str:
    """A share for a reader, to a tenth of a per cent."""
    if share is None or share != share:  # noqa: PLR0124 - NaN
        return "none"
    return f"{100 * share:.1f}".removesuffix(".0") + "%"


def spread(wanted: Sequence[float], gap: float, low: float, high: float) -> list[float]:
    """Places for labels, each as near as can be to where it is wanted, at least ``gap`` apart and between the bounds.

    Args:
        wanted: Where each label belongs.
        gap: The least distance of two; less where there is no room for all.
        low: The lowest place.
        high: The highest.
    """
    if not wanted:
        return []
    gap = min(gap, (high - low) / max(1, len(wanted) - 1))
    order = sorted(range(len(wanted)), key=lambda index: wanted[index])
    # Blocks of labels that touch: each moves as one to the middle of where its labels belong.
    blocks: list[list[float]] = []
    for index in order:
        blocks.append([wanted[index], 1])
        while len(blocks) > 1 and _bottom(blocks[-1], gap, low, high) < _top(blocks[-2], gap, low, high) + gap:
            last, size = blocks.pop()
            before, count = blocks.pop()
            # The middle of the joined block, where either part's labels are at their distance.
            middle = (before * count + last * size) / (count + size)
            blocks.append([middle, count + size])
    places: list[float] = []
    for block in blocks:
        bottom = _bottom(block, gap, low, high)
        places += [bottom + gap * step for step in range(int(block[1]))]
    found = [0.0] * len(wanted)
    for place, index in zip(places, order, strict=True):
        found[index] = place
    return found


def _bottom(block: list[float], gap: float, low: float, high: float) -> float:
    middle, count = block
    half = gap * (count - 1) / 2
    return min(max(middle - half, low), high - 2 * half)


def _top(block: list[float], gap: float, low: float, high: float) -> float:
    return _bottom(block, gap, low, high) + gap * (block[1] - 1)


def quiet_axis(**kwargs: Any) -> alt.Axis:  # noqa: ANN401 - Altair's
    """An axis that stands back behind what is drawn on it."""
    usual: dict[str, Any] = {
        "labelColor": INK,
        "titleColor": INK,
        "labelOpacity": 0.8,
        "titleOpacity": 0.8,
        "labelFontSize": FONT_SIZE - 1,
        "titleFontSize": FONT_SIZE - 1,
        "titleFontWeight": "normal",
        "gridColor": GRID,
        "domain": False,
        "tickColor": GRID,
        "title": None,
    }
    return alt.Axis(**{**usual, **kwargs})


def charted(values: Sequence[Mapping[str, Any]]) -> alt.Chart:
    """A chart of these rows, which stand in it."""
    return alt.Chart(alt.InlineData(values=list(values)))


def at_x(name: str) -> alt.X:
    """A field that holds pixels from the left."""
    return alt.X(f"{name}:Q", scale=None, axis=None)


def at_y(name: str) -> alt.Y:
    """A field that holds pixels from the top."""
    return alt.Y(f"{name}:Q", scale=None, axis=None)


def own_colour() -> alt.Color:
    """Each row's own colour, of its field ``colour``."""
    return alt.Color("colour:N", scale=None)


def text(values: Sequence[Mapping[str, Any]], content: str = "text:N", **mark: Any) -> alt.Chart:  # noqa: ANN401 - Altair's
    """A layer of texts in the page's own colour."""
    usual = {"color": INK, "fontSize": FONT_SIZE, "align": "left", "baseline": "middle"}
    written: alt.Chart = charted(values).mark_text(**{**usual, **mark}).encode(text=content)
    return written


def tooltips(**titles: str) -> list[alt.Tooltip]:
    """What is told at the pointer: ready-made texts by the name of their field, under these titles."""
    return [alt.Tooltip(f"{name}:N", title=title) for name, title in titles.items()]


def nothing(title: str, words: str, width: float) -> Picture:
    """A picture that says that there is nothing to draw, and why."""
    height = 120
    why = text([{"text": f"Nothing to draw: {words}."}], align="center", opacity=0.8)
    layer = why.encode(x=alt.value(width / 2), y=alt.value(height / 2))
    return finished([layer], title=title, subtitle=[], description=f"{title}: {words}", width=width, height=height)


def finished(  # noqa: PLR0913 - what a picture is given besides its layers
    layers: Sequence[alt.Chart],
    *,
    title: str,
    subtitle: Sequence[str],
    description: str,
    width: float,
    height: float,
) -> Picture:
    """The layers as one picture.

    Args:
        layers: What is drawn, from the back to the front.
        title: What it shows.
        subtitle: What is to be known beside it: how many there are, what is left out.
        description: The picture in words, for who cannot see it.
        width: Of the field in which it is drawn, in CSS pixels.
        height: The same.
    """
    heading = alt.TitleParams(
        text=short(title, _LONGEST_TITLE),
        subtitle=[short(line, _LONGEST_TITLE + 14) for line in subtitle if line],
        anchor="start",
        frame="bounds",
        color=INK,
        subtitleColor=INK,
        fontSize=FONT_SIZE + 2,
        fontWeight=600,
        subtitleFontSize=FONT_SIZE,
        subtitlePadding=4,
        offset=12,
    )
    return Picture(
        layer=list(layers),
        title=heading,
        description=named(description),
        width=width,
        height=height,
        view=alt.ViewBackground(stroke=None),
    )
