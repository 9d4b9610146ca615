"""The keywords as suggestions: which can go on from what is written."""

from __future__ import annotations

from typing import TYPE_CHECKING

from posthog_nb.embedded.hogql.completion.suggestions import Candidate

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from posthog_nb.syntax import Token

__all__ = ["keywords", "value_comes_next"]

_OPERATORS = (
    *("AND", "OR", "IN", "NOT IN", "IN COHORT", "IS NULL", "IS NOT NULL", "LIKE", "NOT LIKE", "ILIKE", "NOT ILIKE"),
    *("BETWEEN", "NOT BETWEEN", "IS DISTINCT FROM", "IS NOT DISTINCT FROM"),
)
_CASE = ("WHEN", "THEN", "ELSE", "END")
_LAST = ("ORDER BY", "LIMIT", "UNION ALL")
_JOINS = ("JOIN", "LEFT JOIN", "INNER JOIN", "CROSS JOIN", "ARRAY JOIN")
_AFTER_A_VALUE: Mapping[str, Sequence[str]] = {
    "": (),
    "WITH": ("AS", "SELECT"),
    "SELECT": ("AS", "FROM", "OVER", *_OPERATORS, "WHERE", *_LAST),
    "FROM": ("WHERE", "AS", *_JOINS, "ON", "USING", "GROUP BY", "SAMPLE", "PREWHERE", *_LAST, *_OPERATORS),
    "PREWHERE": (*_OPERATORS, "WHERE", "GROUP BY", *_LAST),
    "WHERE": (*_OPERATORS, "GROUP BY", *_LAST),
    "GROUP": ("HAVING", "WITH ROLLUP", "WITH CUBE", *_LAST),
    "HAVING": (*_OPERATORS, *_LAST),
    "ORDER": ("DESC", "ASC", "WITH FILL", "LIMIT", "UNION ALL"),
    "LIMIT": ("BY", "WITH TIES", "UNION ALL"),
}
"""What goes on from a value, by the clause around it."""

_FOR_A_VALUE = ("NOT", "CASE", "INTERVAL", "NULL", "TRUE", "FALSE", "EXISTS")
_BEFORE_A_VALUE: Mapping[str, Sequence[str]] = {
    "": ("SELECT", "WITH"),
    "SELECT": ("DISTINCT", *_FOR_A_VALUE),
    "GROUP": ("ROLLUP", "CUBE", "GROUPING SETS"),
    "FROM": (),
    "LIMIT": (),
}
_IN_BRACKETS = ("DISTINCT", "SELECT", *_FOR_A_VALUE)
_JOIN_KINDS = frozenset({"LEFT", "RIGHT", "FULL", "INNER", "CROSS"})
_UNITS = ("SECOND", "MINUTE", "HOUR", "DAY", "WEEK", "MONTH", "QUARTER", "YEAR")
_EXPECTING = frozenset(
    """
    SELECT DISTINCT FROM JOIN WHERE PREWHERE HAVING QUALIFY ON USING BY AND OR NOT XOR IN LIKE ILIKE BETWEEN WHEN THEN
    ELSE CASE INTERVAL LIMIT OFFSET WITH UNION ALL INTERSECT EXCEPT SAMPLE
    """.split()  # noqa: SIM905 - reads
)
"""Words that a value follows."""


def value_comes_next(before: Sequence[Token]) -> bool:
    """Whether a value is to be typed, rather than what goes on from one."""
    return _expected(before) and not _started_operator(before)


def _expected(before: Sequence[Token]) -> bool:
    if not before:
        return True
    last = before[-1]
    if last.word == "*":
        # A star is a column behind these and multiplies behind anything else.
        return len(before) > 1 and before[-2].word not in {"SELECT", "DISTINCT", "(", ",", "."}
    if last.is_word:
        return last.word in _EXPECTING and not (len(before) > 1 and before[-2].word == ".")
    return last.word not in {")", "]", "}", ""} and not last.word[:1].isdigit()


def keywords(before: Sequence[Token], clause: str, rank: int, *, in_brackets: bool) -> Iterator[Candidate]:
    """The keywords that may come next.

    Args:
        before: What is written.
        clause: The first word of the clause around the cursor.
        rank: Where keywords come among the suggestions.
        in_brackets: Whether the cursor is in brackets within the clause.
    """
    if [token.word for token in before[-2:]] == ["OVER", "("]:
        yield from (Candidate(word, "Keyword", written=word) for word in ("PARTITION BY", "ORDER BY"))
        return
    for word in _words(before, clause, in_brackets=in_brackets):
        yield Candidate(word, "Keyword", rank, written=word)


def _words(before: Sequence[Token], clause: str, *, in_brackets: bool) -> Iterator[str]:
    last = before[-1].word if before else ""
    if last in {"GROUP", "ORDER", "PARTITION"}:
        yield "BY"
        return
    if last in _JOIN_KINDS:
        yield from ("JOIN", "OUTER JOIN", "ARRAY JOIN")
        return
    started = _started_operator(before)
    if started:
        yield from (word[len(started) :] for word in _OPERATORS if word.startswith(started))
        return
    if not value_comes_next(before):
        if len(before) > 1 and before[-2].word == "INTERVAL":
            yield from _UNITS
            return
        if any(token.word == "CASE" for token in before):
            yield from _CASE
        yield from _OPERATORS if in_brackets else _AFTER_A_VALUE.get(clause, _LAST)
        if in_brackets:
            yield "AS"
    elif last in {"UNION", "INTERSECT", "EXCEPT"}:
        yield from ("ALL", "DISTINCT", "SELECT")
    else:
        yield from _IN_BRACKETS if in_brackets else _BEFORE_A_VALUE.get(clause, _FOR_A_VALUE)


def _started_operator(before: Sequence[Token]) -> str:
    """The words of an operator that is written in part, with a space behind them; such as ``IS NOT``."""
    for length in (3, 2, 1):
        words = " ".join(token.word for token in before[-length:])
        begun = len(before) > length and any(operator.startswith(f"{words} ") for operator in _OPERATORS)
        if begun and not _expected(before[:-length]):
            return f"{words} "
    return ""
