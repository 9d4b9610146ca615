"""Things shown as HTML: a card of names and values, in which every text is escaped and a long one is cut and says so.

Styles use the page's own colours, so that a card is as readable on dark as on light, and without any style (GitHub
takes them away) it is a plain table. A title is a heading by its role: an element h3 would stand in the table of
contents of the whole notebook.
"""

from __future__ import annotations

import html
import json
import re
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

from posthog_nb.visible import counted, cut, visible

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = [
    "PLAIN_DOLLARS",
    "Html",
    "Printer",
    "card",
    "card_lines",
    "escaped",
    "folded",
    "framed",
    "heading",
    "shortened",
    "table",
    "time_html",
    "titled_html",
    "titled_text",
    "value_html",
]

PLAIN_DOLLARS = "tex2jax_ignore mathjax_ignore"
"""Classes that keep MathJax out. PostHog's own names begin with a dollar sign, and `{"$browser": "Chrome", "$os": ...}`
would be set as a formula."""

_LINE_LENGTH = 100
_WIDEST_NAME = 30
_LONGEST_TEXT = 20_000
_SHORT = 300
"""Characters of a value that are shown at once."""
_LONG = 2_000
"""Characters of a value that are shown when it is unfolded."""
_MOMENT = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[+-]\d\d:?\d\d)?", re.ASCII)

_LINE = "1px solid rgba(128,128,128,.3)"
_STYLE = (
    ".posthog-nb{max-width:60em;line-height:1.45;overflow-wrap:anywhere;text-align:left;margin:2px 0 8px}"
    ".posthog-nb .h{font-weight:600;font-size:1.1em;margin:4px 0}"
    ".posthog-nb .q{opacity:.75;font-size:.9em;margin:2px 0}"
    ".posthog-nb table.t{border-collapse:collapse;width:100%;margin:2px 0 8px;table-layout:auto;font-size:inherit;"
    "color:inherit}"
    f".posthog-nb table.t :is(th,td){{text-align:left;vertical-align:top;padding:3px 12px 3px 0;border:0;"
    f"border-bottom:{_LINE};white-space:pre-wrap;overflow:hidden;max-width:none}}"
    ".posthog-nb table.t th{font-weight:500;opacity:.75;width:30%}"
    ".posthog-nb pre{white-space:pre-wrap;overflow:auto;max-height:24em;margin:2px 0;padding:0;font-size:.9em}"
    ".posthog-nb summary{cursor:pointer}"
    ".posthog-nb ul.i{margin:0;padding:0;list-style:none}"
)


class Printer(Protocol):
    """IPython's printer, as ``_repr_pretty_`` gets it.

    Attributes:
        stack: What is being printed, from the outermost thing inwards.
    """

    stack: Sequence[int]

    def text(self, obj: str) -> object:
        """Print this."""


class Html(str):
    """HTML that was made here, of escaped texts."""

    __slots__ = ()


def escaped(text: str) -> Html:
    """``text`` as HTML: no element, and nothing in it that HTML would drop or that turns the text after it round."""
    return Html(html.escape(visible(text)))


def time_html(moment: datetime, shown: str | None = None) -> Html:
    """A point in time, for people and for machines."""
    text = shown or f"{moment:%Y-%m-%d %H:%M:%S}"
    return Html(f'<time datetime="{moment.isoformat(timespec="milliseconds")}">{escaped(text)}</time>')


def folded(summary: str, body: str) -> Html:
    """``body`` behind ``summary``, both HTML; a click or the Enter key shows it."""
    return Html(f"<details><summary>{summary}</summary>{body}</details>")


def value_html(value: object, *, whole: str = "") -> Html:
    """A value as its type looks: text as it is, numbers and the like as code, a long or nested one folded.

    Args:
        value: What JSON may hold, or HTML that was made here.
        whole: Where all of a value is that is cut, such as ``person.properties``.
    """
    if isinstance(value, Html):
        return value
    if isinstance(value, datetime):
        return time_html(value)
    if isinstance(value, str):
        if _MOMENT.fullmatch(value):
            return Html(f'<time datetime="{escaped(value)}">{escaped(value)}</time>')
        return _text(value, whole)
    text = json.dumps(value, ensure_ascii=False, default=str)
    if isinstance(value, dict | list) and len(text) > _SHORT // 4:
        count = counted(len(value), "key" if isinstance(value, dict) else "item")
        indented = json.dumps(value, ensure_ascii=False, default=str, indent=1)
        return folded(count, f"<pre>{_bounded(indented, whole)}</pre>")
    return Html(f"<code>{escaped(text)}</code>")


def _text(text: str, whole: str) -> Html:
    if len(text) <= _SHORT:
        return escaped(text)
    summary = f"{escaped(text[: _SHORT // 3])}… ({len(text):,} characters)"
    return folded(summary, f"<pre>{_bounded(text, whole)}</pre>")


def _bounded(text: str, whole: str) -> str:
    if len(text) <= _LONG:
        return escaped(text)
    where = f"; {escaped(whole)} has all" if whole else ""
    return f"{escaped(text[:_LONG])}… ({len(text) - _LONG:,} more characters{where})"


def heading(text: str) -> Html:
    """A title."""
    return Html(f'<div class="h" role="heading" aria-level="3">{escaped(text)}</div>')


def table(rows: Mapping[str, object], *, whole: str = "") -> Html:
    """Names and values; see :func:`value_html`."""
    cells = "".join(
        f'<tr><th scope="row">{escaped(name[:_SHORT])}{"…" if len(name) > _SHORT else ""}</th>'
        f"<td>{value_html(value, whole=whole)}</td></tr>"
        for name, value in rows.items()
    )
    return Html(f'<table class="t"><tbody>{cells}</tbody></table>')


def framed(*parts: str, style: str = "", kind: str = "card") -> str:
    """HTML that was made here as one output.

    Args:
        parts: The HTML.
        style: Further CSS.
        kind: A class of its own, after ``posthog-nb-``.
    """
    classes = f"posthog-nb posthog-nb-{kind} {PLAIN_DOLLARS}"
    return f'<div class="{classes}"><style>{_STYLE}{style}</style>{"".join(parts)}</div>'


def titled_html(parts: Sequence[tuple[str, str]], *rest: str, kind: str) -> str:
    """Texts under their titles, of each at most 20,000 characters, and the HTML ``rest`` as one output."""
    texts = (f"{heading(title)}<pre>{escaped(cut(text, _LONGEST_TEXT))}</pre>" for title, text in parts)
    return framed(*texts, *rest, kind=kind)


def titled_text(parts: Sequence[tuple[str, str]]) -> str:
    """The same for a terminal."""
    return "\n\n".join(f"{title}:\n{visible(cut(text, _LONGEST_TEXT))}" for title, text in parts)


def card(rows: Mapping[str, object], *, title: str | None = None) -> str:
    """Names and values as HTML in which every text is escaped.

    Args:
        rows: The values by name.
        title: A line above them.
    """
    return framed(*([] if title is None else [heading(title)]), table(rows))


def shortened(text: str, most: int = _LINE_LENGTH) -> str:
    """As much of a text as a title, a line or so many characters have room for."""
    return text if len(text) <= most else f"{text[:most]}…"


def card_lines(rows: Mapping[str, str], *, indent: int = 2) -> list[str]:
    """Names and values as lines for a terminal, which nothing in them steers; a long text is cut and says so."""
    names = [visible(shortened(name)).replace("\n", " ") for name in rows]
    wide = min(max(map(len, names), default=0), _WIDEST_NAME)
    under = "\n" + " " * (indent + wide + 2)
    texts = (visible(cut(text, _LINE_LENGTH)).replace("\n", under) for text in rows.values())
    return [f"{' ' * indent}{name:<{wide}}  {text}" for name, text in zip(names, texts, strict=True)]
