"""What a notebook shows: the quiet line under a frame, and frames whose dollar signs stay dollar signs."""

from __future__ import annotations

import html
import sys
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from posthog_nb.operations.card import PLAIN_DOLLARS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any, Protocol

    from posthog_nb.operations.result import Result

    class _WithHtml(Protocol):
        def _repr_html_(self) -> str | None: ...


__all__ = ["HTML", "Code", "Footer", "footer", "frame_html", "result_html", "rows_shown"]

_STYLE = (
    "color:var(--jp-ui-font-color2,#6b6b6b);font-size:0.85em;line-height:1.5;margin:2px 0 8px;overflow-wrap:anywhere"
)


class Code(str):
    """Text to be typed by the reader, shown as code."""

    __slots__ = ()


@dataclass(frozen=True)
class Footer:
    """One line, as HTML for a notebook and as text for everything else.

    Attributes:
        parts: What it says; each part is a sequence of texts and :class:`Code`.
    """

    parts: tuple[tuple[str, ...], ...]

    def _repr_mimebundle_(self, **_: object) -> dict[str, str]:
        return {"text/plain": self.plain(), "text/html": self.html()}

    def plain(self) -> str:
        """The line as text."""
        return " · ".join("".join(part) for part in self.parts)

    def html(self) -> str:
        """The line as HTML in which every text is escaped."""
        line = " · ".join("".join(map(_html, part)) for part in self.parts)
        return f'<div class="posthog-nb-footer {PLAIN_DOLLARS}" style="{_STYLE}">{line}</div>'


def _html(text: str) -> str:
    escaped = html.escape(text)
    return f"<code>{escaped}</code>" if isinstance(text, Code) else escaped


_MORE_BY_MAGIC = (Code("%hogql --more"), " or ", Code("--all"))
_MORE_BY_METHOD = (Code(".next_page()"), " or ", Code(".fetch_all()"))


def footer(
    result: Result,
    *,
    first: int = 1,
    name: str | None = None,
    silenced: bool = False,
    more: tuple[str, ...] = _MORE_BY_MAGIC,
) -> Footer:
    """What to say under ``result``.

    Args:
        result: The rows.
        first: The number of their first row, more than 1 on a later page.
        name: The variable in which the frame is.
        silenced: Whether a semicolon at the end of the cell keeps the frame from being shown.
        more: How to get further rows.
    """
    parts: list[tuple[str, ...]] = []
    if name is not None:
        parts.append((Code(name), " is set"))
    parts.append(_extent(result, first, more))
    if silenced and name is None:
        parts.append(("not shown, as the cell ends with a semicolon",))
    if result.timezone:
        parts.append((f"time zone {result.timezone}",))
    parts.append((result.source,))
    parts += [(remark,) for remark in result.remarks]
    return Footer(tuple(parts))


def _extent(result: Result, first: int, more: tuple[str, ...]) -> tuple[str, ...]:
    rows, width = len(result), len(result.columns)
    columns = f"{width:,} column{'' if width == 1 else 's'}"
    last = first + rows - 1
    if result.has_more:
        return (f"rows {first:,} to {last:,}, {columns}; there are more: ", *more)
    if first > 1:
        return (f"rows {first:,} to {last:,}, {columns}; these are the last",)
    if rows == 0:
        return (f"no rows, {columns}",)
    return (f"{rows:,} row{'' if rows == 1 else 's'}, {columns}; complete",)


def frame_html(frame: _WithHtml) -> str | None:
    """A frame's own HTML, with its dollar signs left as they are; under one of persons the line that it comes with."""
    own = frame._repr_html_()
    if own is None:
        return None
    line = _line_under(frame)
    return f'<div class="{PLAIN_DOLLARS}">{own}</div>{"" if line is None else line.html()}'


def _line_under(frame: _WithHtml) -> Footer | None:
    about = getattr(frame, "attrs", {}).get("posthog")
    # pandas hands attrs on to what is made of a frame. What has other rows is not what the line speaks of.
    if not isinstance(about, dict) or "line" not in about or len(frame) != about["rows"]:  # type: ignore[arg-type]
        return None
    return Footer(tuple((text,) for text in (about["line"], about["source"], *about["notes"])))


def result_html(result: Result) -> str:
    """A result's frame with the line under it."""
    frame = result.to_frame()
    if not hasattr(frame, "_repr_html_"):  # an Arrow table
        frame = result.to_pandas()
    return f"{frame_html(frame)}{footer(result, more=_MORE_BY_METHOD).html()}"


@contextmanager
def rows_shown(rows: int) -> Iterator[None]:
    """Let pandas and polars show so many rows of a frame, and what they showed before afterwards."""
    with ExitStack() as shown:
        if (pandas := sys.modules.get("pandas")) is not None:
            shown.enter_context(pandas.option_context("display.max_rows", rows, "display.min_rows", rows))
        if (polars := sys.modules.get("polars")) is not None:
            shown.enter_context(polars.Config(tbl_rows=rows))
        yield


HTML: tuple[tuple[str, str, Callable[[Any], str | None]], ...] = (
    ("pandas", "DataFrame", frame_html),
    ("polars.dataframe.frame", "DataFrame", frame_html),
    ("polars.series.series", "Series", frame_html),
    ("posthog_nb.operations.result", "Result", result_html),
)
"""What gives the HTML of which class, by the class's module and name."""
