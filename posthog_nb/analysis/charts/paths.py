"""Paths: persons flowing from step to step, as a Sankey diagram.

Its geometry is reckoned here: a column a step, in it a block a place, as high as the persons who pass it; between two
blocks a ribbon as wide as the persons who went from one to the other. What of a block no ribbon leaves are those who
went no further.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import altair as alt

from posthog_nb.analysis.charts.theme import (
    BLUE,
    FONT_SIZE,
    GREY,
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
from posthog_nb.operations.spans import in_short

if TYPE_CHECKING:
    from collections.abc import Iterable

    import pyarrow as pa

    from posthog_nb.analysis.charts.picture import Picture

__all__ = ["draw"]

_COLUMN = 150
"""Pixels from one step to the next."""
_BLOCK = 10
_HEIGHT = 360
_GAP = 20
"""Pixels between two blocks of a step: room for a name."""
_MOST_BLOCKS = 7
"""Blocks of a step; the smaller ones are one together."""
_BEND = 16
"""Pieces that a ribbon is drawn of."""
_REST = "\0rest"


@dataclass
class _Block:
    step: int
    name: str
    came: float = 0.0
    left: float = 0.0
    y: float = 0.0
    merged: int = 0
    ribbons: list[_Ribbon] = field(default_factory=list)

    @property
    def size(self) -> float:
        return max(self.came, self.left)


@dataclass
class _Ribbon:
    source: _Block
    target: _Block
    count: float = 0.0
    seconds: float = 0.0


def draw(table: pa.Table, *, title: str = "Paths", who: str = "persons") -> Picture:
    """The picture of a paths frame.

    Args:
        table: Columns ``step``, ``source``, ``target``, ``count``, ``average_conversion_time`` (seconds).
        title: What it shows.
        who: What is counted.
    """
    rows = table.to_pylist()
    if not rows:
        return nothing(title, "the frame has no rows", 420)
    blocks, ribbons = _flow(rows)
    scale = _laid_out(blocks)
    first = min(block.step for block in blocks)
    last = max(block.step for block in blocks)
    strip = _common_host(blocks)
    width = (last - first) * _COLUMN + _BLOCK
    layers = [
        _ribbons(ribbons, scale, first, who),
        *_blocks(blocks, scale, first, strip, who),
    ]
    entered = sum(block.size for block in blocks if block.step == first)
    merged = sum(block.merged for block in blocks)
    subtitle = [
        f"{number(entered)} {who} at the first step; a ribbon is as wide as those who went that way.",
        f"Grey: the smaller places of a step together, {number(merged)} in all; the frame has each." if merged else "",
        f"All at {strip}" if strip else "",
    ]
    top = sorted(ribbons, key=lambda each: -each.count)[:12]
    words = f"{title}. The most frequent ways: " + "; ".join(
        f"step {each.source.step}, {_told(each.source)} to {_told(each.target)}, {number(each.count)} {who}"
        for each in top
    )
    return finished(layers, title=title, subtitle=subtitle, description=words, width=width, height=_HEIGHT)


def _flow(rows: list[dict[str, Any]]) -> tuple[list[_Block], list[_Ribbon]]:
    came: dict[tuple[int, str], float] = defaultdict(float)
    left: dict[tuple[int, str], float] = defaultdict(float)
    for row in rows:
        left[row["step"], row["source"]] += row["count"]
        came[row["step"] + 1, row["target"]] += row["count"]
    sizes = {key: max(came[key], left[key]) for key in {*came, *left}}
    blocks: dict[tuple[int, str], _Block] = {}
    for step in sorted({key[0] for key in sizes}):
        keys = sorted((key for key in sizes if key[0] == step), key=lambda key: (-sizes[key], key[1]))
        alone = keys if len(keys) <= _MOST_BLOCKS else keys[: _MOST_BLOCKS - 1]
        rest = _Block(step, _REST, merged=len(keys) - len(alone))
        for key in keys:
            block = blocks[key] = _Block(step, key[1]) if key in alone else rest
            block.came += came[key]
            block.left += left[key]
    ribbons: dict[tuple[int, int], _Ribbon] = {}
    for row in rows:
        source, target = blocks[row["step"], row["source"]], blocks[row["step"] + 1, row["target"]]
        ribbon = ribbons.setdefault((id(source), id(target)), _Ribbon(source, target))
        ribbon.count += row["count"]
        ribbon.seconds += row["count"] * (row["average_conversion_time"] or 0.0)
    unique = list({id(block): block for block in blocks.values()}.values())
    for ribbon in ribbons.values():
        ribbon.source.ribbons.append(ribbon)
    return unique, list(ribbons.values())


def _laid_out(blocks: list[_Block]) -> float:
    """Give each block its place; returns the pixels of a person."""
    steps: dict[int, list[_Block]] = defaultdict(list)
    for block in blocks:
        steps[block.step].append(block)
    scale = min((_HEIGHT - _GAP * len(of)) / sum(block.size for block in of) for of in steps.values())
    centres: dict[int, float] = {}
    for step in sorted(steps):
        of = steps[step]
        if centres:
            sources: dict[int, list[tuple[float, float]]] = defaultdict(list)
            for before in steps.get(step - 1, []):
                for ribbon in before.ribbons:
                    sources[id(ribbon.target)].append((ribbon.count, centres[id(before)]))
            # Where most of those who come here come from: so that few ribbons cross.
            of.sort(key=lambda block: _mean(sources[id(block)]) if block.name != _REST else float("inf"))
        at = float(_GAP)
        for block in of:
            block.y = at
            centres[id(block)] = at + block.size * scale / 2
            at += block.size * scale + _GAP
    return scale


def _mean(weighted: list[tuple[float, float]]) -> float:
    total = sum(weight for weight, _ in weighted)
    return sum(weight * value for weight, value in weighted) / total if total else float("inf")


def _ribbons(ribbons: list[_Ribbon], scale: float, first: int, who: str) -> alt.Chart:
    leaving: dict[int, float] = defaultdict(float)
    coming: dict[int, float] = defaultdict(float)
    starts: dict[int, float] = {}
    ends: dict[int, float] = {}
    for ribbon in sorted(ribbons, key=lambda each: (each.source.y, each.target.y)):
        starts[id(ribbon)] = ribbon.source.y + leaving[id(ribbon.source)]
        leaving[id(ribbon.source)] += ribbon.count * scale
    for ribbon in sorted(ribbons, key=lambda each: (each.target.y, each.source.y)):
        ends[id(ribbon)] = ribbon.target.y + coming[id(ribbon.target)]
        coming[id(ribbon.target)] += ribbon.count * scale
    values = []
    for index, ribbon in enumerate(ribbons):
        left = (ribbon.source.step - first) * _COLUMN + _BLOCK
        wide = ribbon.count * scale
        rest = _REST in {ribbon.source.name, ribbon.target.name}
        facts = {
            "ribbon": index,
            "way": f"{_told(ribbon.source)} → {_told(ribbon.target)}",
            "count": f"{number(ribbon.count)} {who}, {percent(ribbon.count / ribbon.source.size)} of the source",
            "time": in_short(ribbon.seconds / ribbon.count) if ribbon.count else "",
            "colour": GREY if rest else BLUE,
        }
        for piece in range(_BEND + 1):
            part = piece / _BEND
            bend = part * part * (3 - 2 * part)
            y = starts[id(ribbon)] + (ends[id(ribbon)] - starts[id(ribbon)]) * bend
            values.append({"x": left + part * (_COLUMN - _BLOCK), "y": y, "y2": y + wide, **facts})
    ribbon_areas: alt.Chart = (
        charted(values)
        .mark_area(opacity=0.3)
        .encode(
            x=at_x("x"),
            y=at_y("y"),
            y2="y2:Q",
            detail="ribbon:N",
            color=own_colour(),
            tooltip=tooltips(way="way", count="went so", time="on average after"),
        )
    )
    return ribbon_areas


def _blocks(blocks: list[_Block], scale: float, first: int, strip: str, who: str) -> list[alt.Chart]:
    values = []
    for block in blocks:
        x = (block.step - first) * _COLUMN
        name = f"{block.merged} others" if block.name == _REST else named(block.name).removeprefix(strip) or "/"
        ended = max(0.0, block.size - block.left)
        values.append(
            {
                "x": x,
                "x2": x + _BLOCK,
                "y": block.y,
                "y2": block.y + max(block.size * scale, 1),
                "above": block.y - 7,
                "text": f"{short(name, 15)} · {number(block.size)}",
                "whole": _told(block),
                "count": f"{number(block.size)} {who}",
                "ended": f"{number(ended)} {who}, {percent(ended / block.size)}",
                "colour": GREY if block.name == _REST else BLUE,
            }
        )
    tips = tooltips(whole="place", count="came by", ended="went no further")
    rect = charted(values).mark_rect(cornerRadius=1)
    color = own_colour()
    heads = [
        {"text": f"step {step}", "x": (step - first) * _COLUMN} for step in sorted({block.step for block in blocks})
    ]
    return [
        rect.encode(x=at_x("x"), x2="x2:Q", y=at_y("y"), y2="y2:Q", color=color, tooltip=tips),
        text(values, fontSize=FONT_SIZE - 1).encode(x=at_x("x"), y=at_y("above"), tooltip=tips),
        text(heads, opacity=0.8, fontSize=FONT_SIZE - 1).encode(x=at_x("x"), y=alt.value(-6)),
    ]


def _told(block: _Block) -> str:
    return f"{block.merged} others" if block.name == _REST else named(block.name)


def _common_host(blocks: Iterable[_Block]) -> str:
    """The scheme and host of all places where they are pages of one site, so as not to be said in each name."""
    places = {block.name for block in blocks if block.name != _REST}
    parts = [urlsplit(place) for place in places]
    hosts = {f"{part.scheme}://{part.netloc}" if part.netloc else "" for part in parts}
    return hosts.pop() if len(hosts) == 1 else ""
