"""What is suggested, and which of it comes first."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from posthog_nb.embedded.hogql.escape import hogql_identifier, hogql_string

if TYPE_CHECKING:
    from collections.abc import Iterable

    from posthog_nb.embedded.hogql.completion.cursor import Cursor

__all__ = ["MOST", "Candidate", "Completion", "Suggestion", "choose"]

MOST = 220
"""At most so many suggestions; PostHog gives as many properties."""


@dataclass(frozen=True)
class Suggestion:
    """One thing that could be typed.

    Attributes:
        label: What it is called.
        insert_text: What is to stand in place of the range that was asked about.
        kind: PostHog's word for what it is.
        detail: Its type, in a word or two.
        documentation: A sentence about it.
    """

    label: str
    insert_text: str
    kind: str
    detail: str | None = None
    documentation: str | None = None


@dataclass(frozen=True)
class Completion:
    """The suggestions, the likeliest first; ``incomplete`` when there are more."""

    suggestions: tuple[Suggestion, ...] = ()
    incomplete: bool = False


@dataclass(frozen=True)
class Candidate:
    """Something to suggest if it matches what is typed.

    Attributes:
        label: What it is called and matched by.
        kind: PostHog's word for what it is.
        rank: The lower, the likelier.
        detail: Its type.
        documentation: A sentence about it.
        written: What is inserted, where that is not the label as a name.
        is_value: Whether it is a text and stands between single quotes.
    """

    label: str
    kind: str = "Variable"
    rank: int = 0
    detail: str | None = None
    documentation: str | None = None
    written: str | None = None
    is_value: bool = False

    def insert_text(self, quote: str) -> str:
        """How it is written inside ``quote``, or outside of quotes."""
        if quote == "'":
            return hogql_string(self.label)[1:-1]
        if quote:
            quoted = hogql_identifier(f" {self.label}")[2:-1]
            return quoted.replace('"', '\\"') if quote == '"' else quoted
        if self.written is not None:
            return self.written
        return hogql_string(self.label) if self.is_value else hogql_identifier(self.label)


def choose(candidates: Iterable[Candidate], cursor: Cursor) -> Completion:
    """The candidates that go on from what is typed: those that begin with it, then those that have it within."""
    found: dict[tuple[str, str], tuple[tuple[int, int, int], Suggestion]] = {}
    for order, candidate in enumerate(candidates):
        quality = _quality(candidate.label, cursor)
        insert = candidate.insert_text(cursor.quote)
        if quality is None or not insert.lower().startswith(cursor.written.lower()):
            continue
        insert = insert[len(cursor.written) :]
        if cursor.quote and not cursor.closed:
            insert += cursor.quote
        suggestion = Suggestion(candidate.label, insert, candidate.kind, candidate.detail, candidate.documentation)
        found.setdefault((candidate.label, candidate.kind), ((quality, candidate.rank, order), suggestion))
    ordered = [suggestion for _, suggestion in sorted(found.values(), key=lambda one: one[0])]
    return Completion(tuple(ordered[:MOST]), incomplete=len(ordered) > MOST)


def _quality(label: str, cursor: Cursor) -> int | None:
    name, written, term = label.lower(), cursor.written.lower(), cursor.term.lower()
    if name.startswith(written + term):
        return 0
    return 1 if name.startswith(written) and term in name[len(written) :] else None
