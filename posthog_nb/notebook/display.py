"""What a notebook shows: the quiet line under a frame, and frames that nothing in them can break.

A frame's own HTML is kept, and changed in three ways: it scrolls in a box of its own, MathJax leaves its dollar signs
alone, and a text of megabytes (a column's name, a struct of polars, a value with ``display.max_colwidth`` off) is cut
and says so. Characters that steer a terminal or turn the direction of a text are written out, in text as well.
"""

from __future__ import annotations

import builtins
import html
import re
import sys
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from posthog_nb.operations.card import PLAIN_DOLLARS, escaped
from posthog_nb.operations.spans import ago, seconds
from posthog_nb.visible import counted, cut, visible

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from typing import Any, Protocol

    from IPython.lib.pretty import RepresentationPrinter

    from posthog_nb.operations.result import Result

    class _WithHtml(Protocol):
        def _repr_html_(self) -> str | None: ...


__all__ = ["RENDERERS", "Code", "Footer", "footer", "frame_html", "frame_text", "result_html", "rows_shown"]

# Of the text's own colour, whatever that is, so that it can be read on light and on dark.
_STYLE = "opacity:0.75;font-size:0.85em;line-height:1.5;margin:2px 0 8px;overflow-wrap:anywhere"
_BOX = "overflow-x:auto;max-width:100%"

_LONGEST_PART = 300
_LONGEST_CELL = 500
"""Characters of a text in a table whose library has its own, lower bound for most of them."""
_LONGEST_ASKED_FOR = 10_000
"""The same where the reader asked for longer ones, or for no bound at all."""
_TEXT = re.compile(r"(?<=>)[^<]+")


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
        return " · ".join("".join(visible(cut(text, _LONGEST_PART)) for text in part) for part in self.parts)

    def html(self) -> str:
        """The line as HTML in which every text is escaped."""
        line = " · ".join("".join(map(_html, part)) for part in self.parts)
        return f'<div class="posthog-nb-footer {PLAIN_DOLLARS}" style="{_STYLE}">{line}</div>'


def _html(text: str) -> str:
    shown = escaped(cut(text, _LONGEST_PART))
    # In one piece, unless the page is narrower: it would break after its dashes.
    return f'<code style="display:inline-block">{shown}</code>' if isinstance(text, Code) else shown


_MORE_BY_MAGIC = (Code("%hogql --more"), " or ", Code("--all"))
_MORE_BY_METHOD = (Code(".next_page()"), " or ", Code(".fetch_all()"))


def footer(  # noqa: PLR0913 - one argument a thing to say
    result: Result,
    *,
    first: int = 1,
    name: str | None = None,
    silenced: bool = False,
    more: tuple[str, ...] = _MORE_BY_MAGIC,
    remarks: Iterable[str] = (),
) -> Footer:
    """What to say under ``result``.

    Args:
        result: The rows.
        first: The number of their first row, more than 1 on a later page.
        name: The variable in which the frame is.
        silenced: Whether a semicolon at the end of the cell keeps the frame from being shown.
        more: How to get further rows.
        remarks: What else is to be said.
    """
    parts: list[tuple[str, ...]] = []
    if name is not None:
        hidden = (", and hides Python's own until ", Code(f"del {name}")) if hasattr(builtins, name) else ()
        parts.append((Code(name), " is set", *hidden))
    parts.append(_extent(result, first, more))
    if silenced and name is None:
        parts.append(("not shown, as the cell ends with a semicolon",))
    parts.append((_age(result) if result.is_cached else seconds(result.elapsed),))
    if result.timezone:
        parts.append((f"time zone {result.timezone}",))
    parts.append((result.source,))
    parts += [(remark,) for remark in (*remarks, *result.remarks)]
    return Footer(tuple(parts))


def _age(result: Result) -> str:
    since = result.cached_at
    if since is None:
        return "cached"
    now = datetime.now(UTC)
    clock = f"{since:%H:%M}" if now.astimezone(since.tzinfo).date() == since.date() else f"{since:%Y-%m-%d %H:%M}"
    return f"cached since {clock}, {ago(now - since)}"


def _extent(result: Result, first: int, more: tuple[str, ...]) -> tuple[str, ...]:
    rows, width = len(result), len(result.columns)
    columns = counted(width, "column")
    last = first + rows - 1
    if result.has_more:
        return (f"rows {first:,} to {last:,}, {columns}; there are more: ", *more)
    if first > 1:
        return (f"rows {first:,} to {last:,}, {columns}; these are the last",)
    if rows == 0:
        return (f"no rows, {columns}",)
    return (f"{counted(rows, 'row')}, {columns}; complete",)


def frame_html(frame: _WithHtml) -> str | None:
    """A frame's own HTML in a box of its own; under one of persons or events the line that it comes with."""
    own = frame._repr_html_()
    if own is None:
        return None
    line = _line_under(frame)
    shown = _tamed(own, _longest_cell())
    return f'<div class="{PLAIN_DOLLARS}" style="{_BOX}">{shown}</div>{"" if line is None else line.html()}'


def frame_text(frame: object, printer: RepresentationPrinter, _cycle: bool) -> None:
    """A frame's or a series' own text, in which nothing steers the terminal."""
    lines = [visible(cut(line, _LONGEST_ASKED_FOR)) for line in repr(frame).split("\n")]
    printer.text("\n".join(lines))  # type: ignore[no-untyped-call]


def _tamed(page: str, longest: int) -> str:
    def tamed(found: re.Match[str]) -> str:
        text = found[0]
        if len(text) > longest and len(whole := html.unescape(text)) > longest:
            text = html.escape(cut(whole, longest))
        return visible(text)

    return _TEXT.sub(tamed, page)


def _longest_cell() -> int:
    """As long as the reader lets pandas or polars show a value, within bounds."""
    asked: list[int | None] = []
    if (pandas := sys.modules.get("pandas")) is not None:
        asked.append(pandas.get_option("display.max_colwidth"))
    if (polars := sys.modules.get("polars")) is not None:
        asked.append(int(polars.Config.state(if_set=True).get("POLARS_FMT_STR_LEN") or 0))
    lengths = [_LONGEST_ASKED_FOR if length is None else length for length in asked]
    return min(max([_LONGEST_CELL, *lengths]), _LONGEST_ASKED_FOR)


def _line_under(frame: _WithHtml) -> Footer | None:
    about = getattr(frame, "attrs", {}).get("posthog")
    # pandas hands attrs on to what is made of a frame. What has other rows is not what the line speaks of.
    if not isinstance(about, dict) or "line" not in about or len(frame) != about["rows"]:  # type: ignore[arg-type]
        return None
    zone = [f"time zone {about['timezone']}"] if about.get("timezone") else []
    return Footer(tuple((text,) for text in (about["line"], *zone, about["source"], *about["notes"])))


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


RENDERERS: tuple[tuple[str, str, str, Callable[..., Any]], ...] = (
    ("text/html", "pandas", "DataFrame", frame_html),
    ("text/html", "polars.dataframe.frame", "DataFrame", frame_html),
    ("text/html", "polars.series.series", "Series", frame_html),
    ("text/html", "posthog_nb.operations.result", "Result", result_html),
    ("text/plain", "pandas", "DataFrame", frame_text),
    ("text/plain", "pandas", "Series", frame_text),
    ("text/plain", "polars.dataframe.frame", "DataFrame", frame_text),
    ("text/plain", "polars.series.series", "Series", frame_text),
)
"""What gives which representation of which class, by the class's module and name."""
