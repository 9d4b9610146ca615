"""A funnel over time: the share of those who entered in an interval and went through."""

from __future__ import annotations

from typing import TYPE_CHECKING

from posthog_nb.analysis.charts.lines import MOST_BANDS, STILL, Field, Line, drawn, left_out, top_of
from posthog_nb.analysis.charts.theme import LEFTOVERS, finished, nothing, number, percent, tooltips
from posthog_nb.analysis.charts.times import in_zone, milliseconds, told, x_of_times, zone_of
from posthog_nb.analysis.statistics import interval as interval_of

if TYPE_CHECKING:
    from datetime import datetime

    import pyarrow as pa

    from posthog_nb.analysis.charts.picture import Picture

__all__ = ["draw"]

_WIDTH, _HEIGHT = 460, 220


def draw(  # noqa: PLR0913 - what an axis of times and a reader need to know
    table: pa.Table,
    *,
    title: str = "Funnel over time",
    interval: str = "day",
    timezone: str | None = None,
    running: bool = False,
    who: str = "persons",
) -> Picture:
    """The picture of a funnel over time.

    Args:
        table: Columns [``breakdown_value``,] ``date``, ``entered``, ``converted``, ``conversion_rate``.
        title: What it shows.
        interval: What begins at each date.
        timezone: The zone of dates that have none.
        running: Whether the last interval has not ended yet.
        who: What is counted.
    """
    zone = zone_of(table["date"], timezone)
    lines: dict[str | None, Line] = {}
    starts: dict[int, datetime] = {}
    entered = []
    for row in table.to_pylist():
        value = row.get("breakdown_value")
        line = lines.setdefault(value, Line(LEFTOVERS.get(value, value or ""), leftover=value in LEFTOVERS))
        start = in_zone(row["date"], zone)
        starts[milliseconds(start)] = start
        entered.append(row["entered"])
        line.weight += row["entered"]
        # Of nobody there is no share.
        rate = row["conversion_rate"] if row["entered"] else None
        band = {} if rate is None else interval_of(row["converted"], row["entered"])._asdict()
        point = {
            "x": milliseconds(start),
            "y": rate,
            "when": told(start, interval),
            "rate": percent(rate),
            "of": f"{number(row['converted'])} of {number(row['entered'])} {who}",
        }
        line.points.append({**point, **band})
    if not any(entered):
        return nothing(title, f"no {who} entered", _WIDTH)
    all_of_them = list(lines.values())
    if len(all_of_them) > MOST_BANDS:
        for line in all_of_them:
            line.points = [{**point, "low": None, "high": None} for point in line.points]
    shown = [starts[each] for each in sorted(starts)]
    tallest = [value for line in all_of_them for point in line.points for value in (point["y"], point.get("high"))]
    layers = drawn(
        all_of_them,
        x_of_times(shown, interval, zone),
        Field(_WIDTH, _HEIGHT, min(top_of(tallest, least=0.01), 1.0), running=running),
        tooltips(name="who", when=interval, rate="conversion", of="converted")[0 if len(lines) > 1 else 1 :],
    )
    each = f"{number(min(entered))} to {number(max(entered))} {who} a{'n' if interval == 'hour' else ''} {interval}"
    subtitle = [
        f"Share of those who entered, {each}.",
        "Bands: 95% confidence." if len(all_of_them) <= MOST_BANDS else "",
        left_out(all_of_them),
        STILL.format(interval) if running else "",
    ]
    ends = f"from {told(shown[0], interval)} to {told(shown[-1], interval)}"
    words = f"{title}. Conversion by {interval} {ends}, of {each}."
    return finished(layers, title=title, subtitle=subtitle, description=words, width=_WIDTH, height=_HEIGHT)
