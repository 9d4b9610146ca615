"""What a snapshot holds that is nearest to a question it does not hold, and how the two differ."""

from __future__ import annotations

import difflib
import heapq
import json
from typing import TYPE_CHECKING, Any

from posthog_nb.errors import NotRecordedError
from posthog_nb.snapshots.asked import QUERY
from posthog_nb.visible import counted, cut

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from posthog_nb.snapshots.asked import Asked
    from posthog_nb.snapshots.manifest import Entry

__all__ = ["not_recorded"]

_LONGEST = 200
_MOST_LINES = 8
_COMPARED = 500
"""Words of a query that are compared: difflib's time grows with their square."""
_MOST_COMPARED_LINES = 1_000
_CANDIDATES = 5
_LIKE = 0.5


def not_recorded(asked: Asked, entries: Mapping[str, Entry], label: str) -> NotRecordedError:
    """The error for a question that the snapshot called ``label`` does not hold."""
    what = "This query" if asked.kind == QUERY else f"This look-up ({asked.kind})"
    message = f"{what} is not in the snapshot {label}."
    hint = (
        "A replay sends nothing. To record it, run the notebook once with snapshot=posthog_nb.Recording(PATH), or"
        " %posthog snapshot record PATH."
    )
    nearest = _nearest(asked, [entry for entry in entries.values() if entry.kind == asked.kind])
    if nearest is None:
        held = f"it holds {counted(len(entries), 'answer')}, none of them like it"
        return NotRecordedError(f"{message[:-1]}: {held}.", hint=hint)
    found = "\n".join(f"  {line}" for line in _difference(nearest.question.detail, asked.detail))
    when = f"{nearest.recorded_at:%Y-%m-%d %H:%M} UTC"
    return NotRecordedError(f"{message} The nearest, recorded {when}, differs in this:\n{found}", hint=hint)


def _nearest(asked: Asked, entries: list[Entry]) -> Entry | None:
    """The entry that is most like it. What has few words in common is not compared in full, which takes long."""
    likeness = _Likeness(asked.detail)
    likely = heapq.nlargest(_CANDIDATES, entries, key=lambda entry: likeness.at_most(entry.question.detail))
    scored = [(likeness.of(entry.question.detail), entry) for entry in likely]
    best = max(scored, key=lambda one: one[0], default=None)
    return best[1] if best is not None and best[0] >= _LIKE else None


class _Likeness:
    """Of two queries the likeness of their texts counts first, then how many of the other parts are equal."""

    def __init__(self, asked: Mapping[str, Any]) -> None:
        self._asked = asked
        self._words: difflib.SequenceMatcher[str] = difflib.SequenceMatcher(None, autojunk=False)
        self._words.set_seq2(_words(asked))

    def of(self, recorded: Mapping[str, Any]) -> float:
        self._words.set_seq1(_words(recorded))
        return self._words.ratio() + self._equal(recorded)

    def at_most(self, recorded: Mapping[str, Any]) -> float:
        self._words.set_seq1(_words(recorded))
        return self._words.quick_ratio() + self._equal(recorded)

    def _equal(self, recorded: Mapping[str, Any]) -> float:
        return sum(bool(self._asked[name] == recorded.get(name)) for name in self._asked) / 100


def _words(detail: Mapping[str, Any]) -> list[str]:
    text: str = detail["hogql"] if "hogql" in detail else _shown(detail)
    return text.split(maxsplit=_COMPARED)[:_COMPARED]


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
    one, other = (text.split("\n", _MOST_COMPARED_LINES)[:_MOST_COMPARED_LINES] for text in (before, now))
    # The first two lines name the files.
    changed = [
        line for line in list(difflib.unified_diff(one, other, lineterm="", n=0))[2:] if not line.startswith("@@")
    ] or [f"hogql differs after its first {_MOST_COMPARED_LINES:,} lines"]
    yield from (cut(line, _LONGEST) for line in changed[:_MOST_LINES])
    if len(changed) > _MOST_LINES:
        yield f"... and {len(changed) - _MOST_LINES:,} more lines"


def _shown(value: object) -> str:
    return cut(json.dumps(value, ensure_ascii=False), _LONGEST)
