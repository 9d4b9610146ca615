"""Texts that would take PostHog's parser for ever, or that it cannot read at all: refused before it sees them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from posthog_nb.errors import HogQLSyntaxError, Span

if TYPE_CHECKING:
    from collections.abc import Sequence

    from posthog_nb.syntax.tokens import Token

__all__ = ["refuse_runs", "refuse_what_is_no_text"]

MAX_LINKS = 50
"""Most dots in one dotted name: the parser's time grows with their square and more."""

_MOST_IN_A_ROW = {"{": 6, "COLUMNS": 3, "BETWEEN": 10, "JOIN": 24}
"""Most braces and COLUMNS right inside each other, BETWEEN after BETWEEN, and joins without a condition: the parser's
time doubles or worse with each of them."""

_ENDS_A_CONDITION = frozenset(
    {",", "(", ")", "[", "]", "OR", "WHEN", "THEN", "ELSE", "END", "SELECT", "FROM", "WHERE", "ON", "HAVING", "?", ":"}
)


def refuse_runs(text: str, tokens: Sequence[Token]) -> None:
    """Refuse what repeats so often that the parser's time explodes.

    Raises:
        HogQLSyntaxError: with the place of the first that is too many.
    """
    for check in (_check_links, _check_braces, _check_between, _check_joins):
        check(text, tokens)


def refuse_what_is_no_text(text: str) -> None:
    """Refuse half a surrogate pair, which has no encoding.

    Raises:
        HogQLSyntaxError: with its place.
    """
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise HogQLSyntaxError(
            "The query holds half a surrogate pair, which is not text.", text=text, span=Span(error.start, error.end)
        ) from None


def _check_links(text: str, tokens: Sequence[Token]) -> None:
    run = 0
    for number, token in enumerate(tokens):
        if token.word == ".":
            run += 1
        elif number == 0 or tokens[number - 1].word != ".":
            run = 0
        if run > MAX_LINKS:
            raise HogQLSyntaxError(
                f"A name has more than {MAX_LINKS} parts.", text=text, span=Span(token.start, token.end)
            )


def _check_braces(text: str, tokens: Sequence[Token]) -> None:
    run, before = 0, ""
    for token in tokens:
        if token.word != "(":
            run, before = (run + 1 if token.word == before else 1), token.word
            if token.word in {"{", "COLUMNS"}:
                _refuse_run(text, token, run)


def _check_between(text: str, tokens: Sequence[Token]) -> None:
    # 1 BETWEEN 2 AND 3 BETWEEN 4 AND 5: between two of one chain there is one AND, and nothing that ends the first.
    run = ands = 0
    for token in tokens:
        if token.word == "BETWEEN":
            run, ands = (run + 1 if ands <= 1 else 1), 0
            _refuse_run(text, token, run)
        elif token.word == "AND":
            ands += 1
        elif token.word in _ENDS_A_CONDITION:
            run = 0


def _check_joins(text: str, tokens: Sequence[Token]) -> None:
    run = 0
    for token in tokens:
        if token.word == "JOIN":
            run += 1
            _refuse_run(text, token, run)
        elif token.word in {"ON", "USING", "SELECT"}:
            run = 0


def _refuse_run(text: str, token: Token, run: int) -> None:
    most = _MOST_IN_A_ROW[token.word]
    if run > most:
        raise HogQLSyntaxError(f"More than {most} {token.word} in a row.", text=text, span=Span(token.start, token.end))
