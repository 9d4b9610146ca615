"""What a snapshot holds that is nearest to a question it does not hold, and how the two differ."""

from __future__ import annotations

import difflib
import json
from typing import TYPE_CHECKING, Any

from posthog_nb.errors import NotRecordedError
from posthog_nb.snapshots.asked import QUERY
from posthog_nb.visible import cut

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from posthog_nb.snapshots.asked import Asked
    from posthog_nb.snapshots.manifest import Entry

__all__ = ["not_recorded"]

_LONGEST = 200
_MOST_LINES = 8
_COMPARED = 4_000
"""Characters of a query that are compared: difflib's time grows with their square."""
_LIKE = 0.5


def not_recorded(asked: Asked, entries: Mapping[str, Entry], label: str) -> NotRecordedError:
    """The error for a question that the snapshot called ``label`` does not hold."""
    what = "This query" if asked.kind == QUERY else f"This look-up ({asked.kind})"
    message = f"{what} is not in the snapshot {label}."
    hint = "A replay sends nothing. To record it, run the notebook once with %posthog snapshot record."
    nearest = _nearest(asked, [entry for entry in entries.values() if entry.kind == asked.kind])
    if nearest is None:
        held = f"it holds {len(entries):,} answer{'' if len(entries) == 1 else 's'}, none of them like it"
        return NotRecordedError(f"{message[:-1]}: {held}.", hint=hint)
    found = "\n".join(f"  {line}" for line in _difference(nearest.question.detail, asked.detail))
    when = f"{nearest.recorded_at:%Y-%m-%d %H:%M} UTC"
    return NotRecordedError(f"{message} The nearest, recorded {when}, differs in this:\n{found}", hint=hint)


def _nearest(asked: Asked, entries: list[Entry]) -> Entry | None:
    scored = [(_likeness(asked.detail, entry.question.detail), entry) for entry in entries]
    best = max(scored, key=lambda one: one[0], default=None)
    return best[1] if best is not None and best[0] >= _LIKE else None


def _likeness(one: Mapping[str, Any], other: Mapping[str, Any]) -> float:
    """Of two queries the likeness of their texts counts first, then how many of the other parts are equal."""
    if "hogql" in one:
        parts = _words(one["hogql"]), _words(other["hogql"])
    else:
        parts = _words(_shown(one)), _words(_shown(other))
    equal = sum(bool(one.get(name) == other.get(name)) for name in one)
    return difflib.SequenceMatcher(None, *parts, autojunk=False).ratio() + equal / 100


def _words(text: str) -> list[str]:
    return text[:_COMPARED].split()


def _difference(recorded: Mapping[str, Any], asked: Mapping[str, Any]) -> Iterable[str]:
    for name in dict.fromkeys([*asked, *recorded]):
        before: Any = recorded.get(name)
        now: Any = asked.get(name)
        if before == now:
            continue
        if name == "hogql":
            yield from _lines(before, now)
        elif name == "values" and isinstance(before, dict) and isinstance(now, dict):
            for key in dict.fromkeys([*now, *before]):
                if before.get(key) != now.get(key):
                    yield f"{{{key}}} was {_shown(before.get(key))}, now {_shown(now.get(key))}"
        else:
            yield f"{name} was {_shown(before)}, now {_shown(now)}"


def _lines(before: str, now: str) -> Iterable[str]:
    changed = [
        line
        for line in difflib.unified_diff(before.split("\n"), now.split("\n"), lineterm="", n=0)
        if not line.startswith(("---", "+++", "@@"))
    ]
    yield from (cut(line, _LONGEST) for line in changed[:_MOST_LINES])
    if len(changed) > _MOST_LINES:
        yield f"... and {len(changed) - _MOST_LINES:,} more lines"


def _shown(value: object) -> str:
    return cut(json.dumps(value, ensure_ascii=False), _LONGEST)
