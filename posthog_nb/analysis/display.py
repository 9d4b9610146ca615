"""How an analysis shows itself: its picture, its numbers, its query; as HTML, and as text for a terminal.

The numbers are the rows of the frame under the frame's own names: shares in per cent, seconds as stretches of time.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from posthog_nb.errors import MissingDependencyError
from posthog_nb.operations.card import Html, escaped, folded, framed, heading, shortened
from posthog_nb.operations.spans import in_short
from posthog_nb.visible import counted, visible, width

if TYPE_CHECKING:
    from collections.abc import Sequence

    from posthog_nb.analysis.analysis import Analysis

__all__ = ["analysis_html", "analysis_text", "numbers_html"]

_OPEN_ROWS = 12
_MOST_ROWS = 200
_TEXT_ROWS = 20
_LONGEST_CELL = 60
_SHARES = {"rate", "share", "low", "high", "conversion_rate", "step_conversion_rate"}
_SPANS = {"average_conversion_time", "median_conversion_time", "bin_from", "bin_to"}
_STYLE = (
    # Two classes, as JupyterLab styles tables by rules of the weight of one.
    ".posthog-nb.posthog-nb-analysis .w{overflow-x:auto;max-width:100%}"
    ".posthog-nb.posthog-nb-analysis table.n{border-collapse:collapse;margin:2px 0 4px;font-size:.9em;color:inherit}"
    ".posthog-nb.posthog-nb-analysis table.n :is(th,td){padding:2px 14px 2px 0;border:0;text-align:left;"
    "border-bottom:1px solid rgba(128,128,128,.3);white-space:nowrap;font-variant-numeric:tabular-nums;max-width:none}"
    ".posthog-nb.posthog-nb-analysis table.n th{font-weight:500;opacity:.75}"
    ".posthog-nb.posthog-nb-analysis table.n .r{text-align:right}"
)


def analysis_html(analysis: Analysis) -> str:
    """The picture and the numbers as one piece of HTML; without Altair, the numbers and how to get the picture."""
    try:
        chart = analysis.plot()
        from posthog_nb.analysis.charts.picture import svg  # noqa: PLC0415 - loads Altair

        picture = Html(f'<div class="w">{svg(chart)}</div>')
    except MissingDependencyError as error:
        return numbers_html(analysis, without_picture=str(error))
    return framed(picture, *_numbers(analysis), style=_STYLE, kind="analysis")


def numbers_html(analysis: Analysis, *, without_picture: str = "") -> str:
    """The numbers and the query.

    Args:
        analysis: What is shown.
        without_picture: Why there is no picture beside them.
    """
    first = [heading(shortened(analysis.title)), _quiet(without_picture)] if without_picture else []
    return framed(*first, *_numbers(analysis), style=_STYLE, kind="analysis")


def analysis_text(analysis: Analysis) -> str:
    """The numbers for a terminal, which nothing in them steers."""
    columns, rows = _cells(analysis, _TEXT_ROWS)
    lines = [columns, *rows]
    wide = [max(width(line[place]) for line in lines) for place in range(len(columns))]
    right = _right(analysis)
    table = [
        "  " + "  ".join(_padded(cell, wide[place], right=right[place]) for place, cell in enumerate(line)).rstrip()
        for line in lines
    ]
    return "\n".join(
        [visible(shortened(analysis.title)).replace("\n", " "), *table, f"  {' · '.join(_about(analysis, _TEXT_ROWS))}"]
    )


def _padded(cell: str, wide: int, *, right: bool) -> str:
    space = " " * (wide - width(cell))
    return space + cell if right else cell + space


def _quiet(words: str) -> Html:
    return Html(f'<div class="q">{escaped(words)}</div>')


def _numbers(analysis: Analysis) -> list[Html]:
    columns, rows = _cells(analysis, _MOST_ROWS)
    right = _right(analysis)
    shown = [_table(columns, rows[:_OPEN_ROWS], right)]
    if more := rows[_OPEN_ROWS:]:
        shown.append(folded(f"{len(more):,} more rows", _table(columns, more, right)))
    query = folded("HogQL", f"<pre>{escaped(analysis.hogql)}</pre>")
    return [*shown, _quiet(" · ".join(_about(analysis, _MOST_ROWS))), query]


def _table(columns: Sequence[str], rows: Sequence[Sequence[str]], right: Sequence[bool]) -> Html:
    def line(cells: Sequence[str], element: str) -> str:
        opening = [f'<{element} class="r">' if each else f"<{element}>" for each in right]
        each = "".join(f"{opening[place]}{escaped(cell)}</{element}>" for place, cell in enumerate(cells))
        return f"<tr>{each}</tr>"

    body = "".join(line(row, "td") for row in rows)
    return Html(
        f'<div class="w"><table class="n"><thead>{line(columns, "th")}</thead><tbody>{body}</tbody></table></div>'
    )


def _about(analysis: Analysis, most: int) -> list[str]:
    count = len(analysis)
    hidden = f", of which {most} are shown: .to_pandas() has all" if count > most else ""
    # Of the analysis, which may have been asked for in another than the project's.
    times = (value for row in analysis.result.rows for value in row if isinstance(value, datetime))
    asked = getattr(getattr(next(times, None), "tzinfo", None), "key", None) or analysis.result.timezone
    zone = [f"time zone {asked}"] if asked else []
    rows = f"{counted(count, 'row')}{hidden}" if count else "no rows"
    return [rows, *zone, analysis.result.source, *analysis.result.remarks]


def _cells(analysis: Analysis, most: int) -> tuple[list[str], list[list[str]]]:
    """The names of the columns and the first rows, each cell as a text in one line."""
    columns = [_one_line(name) for name in analysis.result.columns]
    rows = analysis.result.rows
    days = [_are_days(rows, place) for place in range(len(columns))]
    cells = [
        [_cell(name, value, day=day) for name, value, day in zip(columns, row, days, strict=True)]
        for row in rows[:most]
    ]
    return columns, cells


def _are_days(rows: Sequence[Sequence[object]], place: int) -> bool:
    times = [row[place] for row in rows if isinstance(row[place], datetime)]
    return all(isinstance(each, datetime) and (each.hour, each.minute, each.second) == (0, 0, 0) for each in times)


def _cell(name: str, value: object, *, day: bool) -> str:
    if value is None or value != value:  # noqa: PLR0124 - NaN
        return ""
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d}" if day else f"{value:%Y-%m-%d %H:%M %Z}"
    if isinstance(value, int | float) and not isinstance(value, bool):
        return _number(name, value)
    return _one_line(str(value))


def _number(name: str, value: float) -> str:
    if name in _SHARES:
        return f"{100 * value:.1f}%"
    if name in _SPANS:
        return in_short(value)
    return f"{value:,}" if isinstance(value, int) else f"{value:,.2f}".removesuffix(".00")


def _one_line(text: str) -> str:
    line = visible(text).replace("\n", " ").replace("\t", " ")
    return line if len(line) <= _LONGEST_CELL else f"{line[: _LONGEST_CELL - 1]}…"


def _right(analysis: Analysis) -> list[bool]:
    first: list[object] = list(analysis.result.rows[0]) if len(analysis) else [None] * len(analysis.result.columns)
    numbers = [isinstance(value, int | float) for value in first]
    return [number or name in _SPANS | _SHARES for number, name in zip(numbers, analysis.result.columns, strict=True)]
