"""What is suggested, and which of it comes first."""

from __future__ import annotations

from dataclasses import dataclass
from operator import itemgetter
from typing import TYPE_CHECKING

from posthog_nb.embedded.hogql.escape import hogql_identifier, hogql_string, quoted_name

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
    """The suggestions, the likeliest first; ``incomplete`` when there are more; ``term`` is what they stand for."""

    suggestions: tuple[Suggestion, ...] = ()
    incomplete: bool = False
    term: str = ""


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
            return quoted_name(self.label, quote)
        if self.written is not None:
            return self.written
        return hogql_string(self.label) if self.is_value else hogql_identifier(self.label)


def choose(candidates: Iterable[Candidate], cursor: Cursor) -> Completion:
    """The candidates that go on from what is typed: those that begin with it, then those that have it within."""
    written, term = cursor.written.lower(), cursor.term.lower()
    found: dict[tuple[str, str], tuple[tuple[int, int, int], Candidate]] = {}
    for order, candidate in enumerate(candidates):
        quality = _quality(candidate.label.lower(), written, term)
        if quality is None or (written and not candidate.insert_text(cursor.quote).lower().startswith(written)):
            continue
        found.setdefault((candidate.label, candidate.kind), ((quality, candidate.rank, order), candidate))
    ordered = sorted(found.values(), key=itemgetter(0))
    suggestions = tuple(_suggestion(candidate, cursor) for _, candidate in ordered[:MOST])
    return Completion(suggestions, incomplete=len(ordered) > MOST, term=cursor.term)


def _quality(name: str, written: str, term: str) -> int | None:
    if name.startswith(written + term):
        return 0
    return 1 if name.startswith(written) and term in name[len(written) :] else None


def _suggestion(candidate: Candidate, cursor: Cursor) -> Suggestion:
    insert = candidate.insert_text(cursor.quote)[len(cursor.written) :]
    if cursor.quote and not cursor.closed:
        insert += cursor.quote
    return Suggestion(candidate.label, insert, candidate.kind, candidate.detail, candidate.documentation)
