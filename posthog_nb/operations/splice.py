"""Edits to a query's text that keep track of where everything came from."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Edit", "Spliced", "splice"]


@dataclass(frozen=True, slots=True)
class Edit:
    """``text[start:end]`` becomes ``insert``; offsets are code points of the original."""

    start: int
    end: int
    insert: str


@dataclass(frozen=True, slots=True)
class Spliced:
    """A text after its edits.

    Attributes:
        text: The new text.
        edits: The edits, in order of their place.
    """

    text: str
    edits: tuple[Edit, ...] = ()

    def original(self, offset: int) -> int:
        """The place in the original that ``offset`` of the new text stands for.

        A place inside an insertion stands for the place at which it was inserted.
        """
        moved = 0
        for edit in self.edits:
            start = edit.start + moved
            if offset < start:
                break
            if offset < start + len(edit.insert):
                return edit.start
            moved += len(edit.insert) - (edit.end - edit.start)
        return offset - moved


def splice(text: str, edits: list[Edit]) -> Spliced:
    """Apply ``edits``, which must not overlap."""
    ordered = sorted(edits, key=lambda edit: (edit.start, edit.end))
    parts: list[str] = []
    done = 0
    for edit in ordered:
        parts += [text[done : edit.start], edit.insert]
        done = edit.end
    return Spliced("".join([*parts, text[done:]]), tuple(ordered))
