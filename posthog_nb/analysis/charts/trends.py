"""Trends: a line a series, and a line a value of a breakdown; the period before, dotted, beside this one."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from posthog_nb.analysis.charts.lines import STILL, Field, Line, count_format, drawn, left_out, top_of
from posthog_nb.analysis.charts.theme import LEFTOVERS, finished, nothing, number, tooltips
from posthog_nb.analysis.charts.times import in_zone, milliseconds, told, x_of_times, zone_of

if TYPE_CHECKING:
    from datetime import datetime
    from zoneinfo import ZoneInfo

    import pyarrow as pa

    from posthog_nb.analysis.charts.picture import Picture

__all__ = ["draw"]

_WIDTH, _HEIGHT = 460, 240


def draw(
    table: pa.Table, *, title: str = "Trends", interval: str = "day", timezone: str | None = None, running: bool = False
) -> Picture:
    """The picture of a trends frame.

    Args:
        table: Columns ``series``, [``period``,] [``breakdown_value``,] ``date``, ``value``.
        title: What it shows.
        interval: What begins at each date: ``"day"`` and so on.
        timezone: The zone of dates that have none.
        running: Whether the last interval has not ended yet.
    """
    zone = zone_of(table["date"], timezone)
    lines, starts = _lines(table, zone, interval)
    if not starts:
        return nothing(title, "the frame has no rows", _WIDTH)
    values = [point["y"] for line in lines for point in line.points if point["y"] is not None]
    bottom = -top_of([-value for value in values], least=0.0)
    layers = drawn(
        lines,
        x_of_times(starts, interval, zone),
        Field(_WIDTH, _HEIGHT, top_of(values), bottom, count_format(values), running),
        tooltips(name="who", when=interval, value="value"),
    )
    compared = "Dotted: the period before." if "period" in table.column_names else ""
    return finished(
        layers,
        title=title,
        subtitle=[left_out(lines), compared, STILL.format(interval) if running else ""],
        description=_words(title, lines, starts, interval),
        width=_WIDTH,
        height=_HEIGHT,
    )


def _lines(table: pa.Table, zone: ZoneInfo, interval: str) -> tuple[list[Line], list[datetime]]:
    lines: list[Line] = []
    # By instant: to Python, two times of one zone are equal where the clock shows the same, twice a year of two hours.
    starts: dict[int, datetime] = {}
    rows = table.to_pylist()
    several = len({row["series"] for row in rows}) > 1
    taken: Counter[tuple[str, str | None]] = Counter()
    key, before = None, None
    for row in rows:
        start = in_zone(row["date"], zone)
        now = (row["series"], row.get("period"), row.get("breakdown_value"))
        # Two series may have one name, and one value's dates ascend.
        if now != key or (before is not None and milliseconds(start) <= before):
            lines.append(_line(row, several=several, taken=taken))
        key, before = now, milliseconds(start)
        line = lines[-1]
        if line.follows is None:
            starts[before] = start
        line.weight += abs(row["value"] or 0)
        line.points.append({"start": start, "y": row["value"], "value": number(row["value"])})
    shown = [start for _, start in sorted(starts.items())]
    for line in lines:
        for index, point in enumerate(line.points):
            start = point.pop("start")
            # A period before lies on this one, interval by interval.
            at = shown[min(index, len(shown) - 1)] if line.follows is not None else start
            point |= {"x": milliseconds(at), "when": told(start, interval)}
    return lines, shown


def _line(row: dict[str, Any], *, several: bool, taken: Counter[tuple[str, str | None]]) -> Line:
    value = row.get("breakdown_value")
    name = str(row["series"])
    if value is not None:
        shown = LEFTOVERS.get(value, value)
        name = f"{name} · {shown}" if several else shown
    of = (name, row.get("period"))
    taken[of] += 1
    if taken[of] > 1:
        name = f"{name} ({taken[of]})"
    if row.get("period") == "previous":
        return Line("", follows=name)
    return Line(name, leftover=value in LEFTOVERS)


def _words(title: str, lines: list[Line], starts: list[datetime], interval: str) -> str:
    own = [line for line in lines if line.follows is None]
    named = "; ".join(f"{line.name} {number(line.weight)} in all" for line in own[:5])
    more = f"; {len(own) - 5} more" if len(own) > 5 else ""  # noqa: PLR2004 - as many as one listens to
    return f"{title}. By {interval} from {told(starts[0], interval)} to {told(starts[-1], interval)}: {named}{more}."
