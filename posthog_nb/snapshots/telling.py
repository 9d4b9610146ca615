"""What a snapshot was asked, in a line for a reader."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from posthog_nb.snapshots.asked import QUERY

if TYPE_CHECKING:
    from posthog_nb.snapshots.asked import Asked

__all__ = ["rows_told", "values_told", "what_told"]

_LONGEST = 120
_BLANKS = re.compile(r"\s+")


def what_told(asked: Asked) -> str:
    """The query in one line, cut where it is long; or what was looked up."""
    if asked.kind == QUERY:
        return _cut(_BLANKS.sub(" ", asked.detail["hogql"]).strip())
    detail = asked.detail
    if asked.kind == "explain":
        return _cut(_BLANKS.sub(" ", f"explain {detail.get('hogql')}"))
    named = ", ".join(f"{name} {_word(value)}" for name, value in detail.items())
    return _cut(f"{asked.kind} {named}".strip())


def values_told(asked: Asked) -> str:
    """The values that it was bound to: ``since=2026-03-01, n=3``."""
    values = asked.detail.get("values", {})
    if not isinstance(values, dict):
        return _cut(_word(values))  # nobody wrote that but a forger
    return _cut(", ".join(f"{name}={_word(value)}" for name, value in values.items()))


def rows_told(asked: Asked) -> str:
    """Which of its rows: ``first``, ``first 5``, ``page 3``, ``all``, ``20 more``; of a look-up nothing."""
    if asked.kind != QUERY:
        return ""
    told: list[str] = []
    page = 1
    for step in asked.detail["steps"]:
        if step == "next_page":
            page += 1
            continue
        told.append("all" if step == "fetch_all" else step)
    if page > 1 or not told:
        limit = asked.detail.get("limit")
        first = "first" if limit is None else f"first {limit}"
        told.insert(0, first if page == 1 else f"page {page}")
    return ", ".join(told)


def _word(value: Any) -> str:  # noqa: ANN401 - any JSON
    match value:
        case {"datetime": moment}:
            return str(moment)
        case {"date": day}:
            return str(day)
        case str():
            return value
    return json.dumps(value, ensure_ascii=False)


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
