"""What PostHog's parser silently drops or reads differently from what is written.

Such a query would be answered, and wrongly. Here it is refused with an explanation and its place.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from posthog_nb.embedded.hogql import ast
from posthog_nb.embedded.hogql.walk import walk
from posthog_nb.errors import HogQLQueryError, Span

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from posthog_nb.syntax import Token

__all__ = ["refuse_misread"]


@dataclass(frozen=True)
class _Phrase:
    """A sequence of words that the parser swallows, and what to write instead."""

    words: tuple[str, ...]
    message: str
    hint: str


_PHRASES = (
    _Phrase(
        ("NULLS", "FIRST"),
        "HogQL ignores NULLS FIRST.",
        "Order by isNull(x) DESC first, then by x.",
    ),
    _Phrase(
        ("NULLS", "LAST"),
        "HogQL ignores NULLS LAST.",
        "NULLs come last anyway; to be explicit, order by isNull(x) first, then by x.",
    ),
    _Phrase(("WITH", "TOTALS"), "HogQL ignores WITH TOTALS.", "Compute the totals in a query of their own."),
    _Phrase(("WITH", "ROLLUP"), "HogQL ignores WITH ROLLUP.", "Write GROUP BY ROLLUP(a, b)."),
    _Phrase(("WITH", "CUBE"), "HogQL ignores WITH CUBE.", "Write GROUP BY CUBE(a, b)."),
    _Phrase(("NATURAL", "JOIN"), "HogQL reads NATURAL JOIN as a join without a condition.", "Write the condition: ON."),
    *(
        _Phrase(("GLOBAL", word), "HogQL reads GLOBAL as the alias of the table.", "Leave GLOBAL out.")
        for word in ("JOIN", "LEFT", "RIGHT", "FULL", "INNER", "CROSS", "ANY", "ALL", "SEMI", "ANTI", "ASOF")
    ),
    _Phrase(
        ("DISTINCT", "ON", "("),
        "HogQL reads DISTINCT ON as DISTINCT and a call of a function on().",
        "Use LIMIT 1 BY x, or argMax.",
    ),
)

_PHRASES_BY_WORD = {
    word: tuple(phrase for phrase in _PHRASES if phrase.words[0] == word)
    for word in {phrase.words[0] for phrase in _PHRASES}
}


def refuse_misread(text: str, tokens: Sequence[Token], query: ast.Node) -> None:
    """Raise for the first thing in ``text`` that ``query`` does not say.

    Raises:
        HogQLQueryError: with the place and what to write instead.
    """
    for problem in (_swallowed_phrase(tokens), _misread_clause(tokens, query)):
        if problem is not None:
            message, hint, span = problem
            raise HogQLQueryError(message, hint=hint, text=text, span=span)


_Problem = tuple[str, str, Span]


def _swallowed_phrase(tokens: Sequence[Token]) -> _Problem | None:
    for index, token in enumerate(tokens):
        for phrase in _PHRASES_BY_WORD.get(token.word, ()):
            found = tokens[index : index + len(phrase.words)]
            follower = tokens[index + len(found)].word if index + len(found) < len(tokens) else ""
            # `WITH totals AS (...)` names a table.
            if tuple(part.word for part in found) == phrase.words and follower != "AS":
                return phrase.message, phrase.hint, Span(token.start, found[-1].end)
    return None


def _misread_clause(tokens: Sequence[Token], query: ast.Node) -> _Problem | None:
    by_start = {token.start: index for index, token in enumerate(tokens)}
    for node in walk(query):
        match node:
            case ast.SelectQuery():
                problem = _limit_with_comma(tokens, node)
            case ast.SelectSetQuery() if node is not query and not _is_limited(node):
                # Only its order can have been misread, and the rows of a nested query have none.
                problem = None
            case ast.SelectSetQuery():
                problem = _tail_of_last_branch(tokens, by_start, node)
            case ast.WindowFunction():
                problem = _modified_window_function(tokens, by_start, node)
            case ast.JoinExpr():
                problem = _format_as_alias(tokens, node)
            case _:
                problem = None
        if problem is not None:
            return problem
    return None


def _is_limited(query: ast.SelectSetQuery) -> bool:
    """Whether the order at the end of the query may decide which rows there are."""
    last = query.subsequent_select_queries[-1].select_query
    limits: list[ast.Node | None] = [query.limit, query.offset, last.limit, last.offset]
    if isinstance(last, ast.SelectQuery):
        limits.append(last.limit_by)
    return any(limits)


def _limit_with_comma(tokens: Sequence[Token], query: ast.SelectQuery) -> _Problem | None:
    if query.limit is None or query.offset is None:
        return None
    between = Span(query.limit.span.end, query.offset.span.start)
    for token in tokens:
        if token.word == "," and between.start <= token.start < between.end:
            return (
                "HogQL reads LIMIT a, b as LIMIT a OFFSET b; other databases read it the other way round.",
                "Write LIMIT n OFFSET m.",
                Span(query.limit.span.start, query.offset.span.end),
            )
    return None


def _tail_of_last_branch(
    tokens: Sequence[Token], by_start: dict[int, int], query: ast.SelectSetQuery
) -> _Problem | None:
    last = query.subsequent_select_queries[-1].select_query
    index = by_start.get(last.span.start)
    in_brackets = index is not None and (tokens[index].word == "(" or (index > 0 and tokens[index - 1].word == "("))
    if in_brackets:
        return _lost_order(tokens, query, last)
    if isinstance(last, ast.SelectQuery):
        for clause, word in ((last.order_by, "ORDER BY"), (last.limit, "LIMIT"), (last.offset, "OFFSET")):
            if clause:
                place = clause[0].span if isinstance(clause, tuple) else clause.span
                return (
                    f"HogQL applies this {word} to the last SELECT alone, not to the whole {_name_of(query)}.",
                    "Wrap it: SELECT * FROM (... UNION ALL ...) ORDER BY ...; or put the last SELECT into brackets.",
                    place,
                )
    return None


def _lost_order(tokens: Sequence[Token], query: ast.SelectSetQuery, last: ast.Node) -> _Problem | None:
    """An ORDER BY after the closing bracket of the last branch is dropped by the parser."""
    if query.order_by:
        return None
    depth = 0
    for token in tokens:
        if token.start < last.span.end or token.word == "":
            continue
        if token.word == "(":
            depth += 1
        elif token.word == ")":
            depth -= 1
        elif depth < 0 and token.word == "ORDER":
            inside = token.start < query.span.end or depth == -1
            return (
                (
                    f"HogQL drops an ORDER BY after a bracketed {_name_of(query)}.",
                    "Wrap it: SELECT * FROM (... UNION ALL ...) ORDER BY ...",
                    Span(token.start, token.end),
                )
                if inside
                else None
            )
        if depth < -1 or (depth == -1 and token.word not in (")", "ORDER")):
            return None
    return None


def _name_of(query: ast.SelectSetQuery) -> str:
    return query.subsequent_select_queries[-1].set_operator.split()[0]


def _modified_window_function(
    tokens: Sequence[Token], by_start: dict[int, int], node: ast.WindowFunction
) -> _Problem | None:
    index = by_start.get(node.span.start)
    for word, offset in _bare_words(tokens, index):
        if word in ("FILTER", "DISTINCT") and tokens[offset].start < node.span.end:
            return (
                f"HogQL ignores {word} in a window function.",
                "Use the ...If form of the function." if word == "FILTER" else "Use uniqExact(x) OVER (...).",
                Span(tokens[offset].start, tokens[offset].end),
            )
    return None


def _bare_words(tokens: Sequence[Token], index: int | None) -> Iterator[tuple[str, int]]:
    """The words right after a function's name or its closing bracket, up to OVER."""
    if index is None:
        return
    depth = 0
    for offset in range(index + 1, len(tokens)):
        word = tokens[offset].word
        if depth == 0 and word == "OVER":
            return
        if depth == 0 or (depth == 1 and tokens[offset - 1].word == "("):
            yield word, offset
        depth += (word == "(") - (word == ")")


def _format_as_alias(tokens: Sequence[Token], join: ast.JoinExpr) -> _Problem | None:
    """``FORMAT JSON`` after a table is read as an alias of the table."""
    if join.alias is None or join.table is None:
        return None
    first = next((index for index, token in enumerate(tokens) if token.start >= join.table.span.end), len(tokens))
    for before, token in pairwise(tokens[first : first + 2]):
        if before.word in ("FORMAT", "SETTINGS") and token.word == join.alias.upper():
            return f"HogQL has no {before.word} clause.", "Leave it out.", Span(before.start, token.end)
    return None
