"""The place in a text where something is being typed, read from its tokens: the text need not be HogQL yet."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from posthog_nb.syntax import Token, tokenise

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Access", "Cursor", "access_before", "find_cursor", "name_of"]

_QUOTES = "'\"`"


@dataclass(frozen=True)
class Cursor:
    """What stands around the cursor.

    Attributes:
        before: The tokens before the word or the quoted piece that is being typed.
        after: Those behind it.
        quote: The quote inside which the cursor is; empty outside of quotes.
        closed: Whether that quote is closed behind the cursor.
        written: What stands of the word before the range that is to be replaced.
        term: What stands in that range.
    """

    before: Sequence[Token]
    after: Sequence[Token]
    quote: str
    closed: bool
    written: str
    term: str


@dataclass(frozen=True)
class Access:
    """A dotted or bracketed name: its links, and the place among the tokens where it begins."""

    chain: tuple[str, ...]
    at: int


def find_cursor(text: str, start: int, end: int) -> Cursor | None:
    """The cursor at ``end`` of a text whose range from ``start`` to ``end`` is to be replaced; None in a comment."""
    head = text[:end]
    # One more letter shows what a word typed here would be part of.
    *before, last = tokenise(f"{head}x") or [Token(0, 0, "")]
    if last.end != end + 1:
        return None
    start = max(min(start, end), last.start)
    quote = head[last.start : last.start + 1] if not last.word else ""
    if quote and quote not in _QUOTES:
        return None  # inside an f-string
    if quote:
        resume, closed = _closing(text, end, quote)
        start = max(start, last.start + 1)
        written = head[last.start + 1 : start]
    else:
        resume, closed = _word_end(text, end), False
        written = head[last.start : start]
    after = [Token(token.start + resume, token.end + resume, token.word) for token in tokenise(text[resume:])]
    return Cursor(before, after, quote, closed, written, text[start:end])


def _closing(text: str, position: int, quote: str) -> tuple[int, bool]:
    """Where the text goes on behind a quoted piece: one without an end on its line is taken to end at the cursor."""
    line_end = text.find("\n", position)
    found = text.find(quote, position, len(text) if line_end < 0 else line_end)
    return (position, False) if found < 0 else (found + 1, True)


def _word_end(text: str, position: int) -> int:
    while position < len(text) and (text[position].isalnum() or text[position] in "_$"):
        position += 1
    return position


def name_of(text: str, token: Token) -> str | None:
    """The name that a token is: a word or a quoted name; None for anything else."""
    if token.is_word:
        return text[token.start : token.end]
    quoted = text[token.start : token.end]
    return quoted[1:-1] if not token.word and quoted[0] in '"`' and len(quoted) > 1 else None


def access_before(text: str, tokens: Sequence[Token]) -> Access | None:
    """The name that ``tokens`` end with, such as ``e.properties`` or ``properties['plan']``."""
    links: list[str] = []
    at = len(tokens)
    while at:
        if at > 2 and tokens[at - 1].word == "]" and tokens[at - 3].word == "[" and not tokens[at - 2].word:  # noqa: PLR2004
            links.append(text[tokens[at - 2].start + 1 : tokens[at - 2].end - 1])
            at -= 3
            continue
        name = name_of(text, tokens[at - 1])
        if name is None:
            return None
        links.append(name)
        at -= 1
        if not (at and tokens[at - 1].word == "."):
            return Access(tuple(reversed(links)), at)
        at -= 1
    return None
