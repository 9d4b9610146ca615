"""One thing as a small table, for a notebook."""

from __future__ import annotations

import html
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["PLAIN_DOLLARS", "card"]

PLAIN_DOLLARS = "tex2jax_ignore mathjax_ignore"
"""Classes that keep MathJax out. PostHog's own names begin with a dollar sign, and `{"$browser": "Chrome", "$os": ...}`
would be set as a formula."""


def card(rows: Mapping[str, object], *, title: str | None = None) -> str:
    """Names and values as HTML in which every text is escaped.

    Args:
        rows: The values by name.
        title: A line above them.
    """
    heading = "" if title is None else f"<strong>{html.escape(title)}</strong>"
    cells = "".join(
        f"<tr><th style='text-align:left'>{html.escape(name)}</th>"
        f"<td style='text-align:left'>{html.escape(str(value))}</td></tr>"
        for name, value in rows.items()
    )
    return f"<div class='{PLAIN_DOLLARS}'>{heading}<table>{cells}</table></div>"
