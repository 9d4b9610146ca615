"""What stands in brackets of its own in a text: the parts of a query that can be parsed alone."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from posthog_nb.errors import HogQLSyntaxError, Span

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from posthog_nb.syntax.tokens import Token

__all__ = ["MAX_NESTING", "Group", "groups_of"]

MAX_NESTING = 60
"""Deepest nesting of brackets: what walks over the tree recurses."""

_OPENED_BY = {")": "(", "]": "[", "}": "{", "END": "CASE"}
_BEFORE_A_VALUE = frozenset(
    {
        "SELECT", "DISTINCT", "WHERE", "PREWHERE", "HAVING", "ON", "AND", "OR", "IN", "LIKE", "ILIKE", "BETWEEN",
        "WHEN", "THEN", "ELSE", "CASE", "BY", "LIMIT", "COHORT", "TO", "STEP",
    }
)  # fmt: skip
"""Words behind which a bracket holds a value."""

_BEFORE_SOMETHING_ELSE = frozenset(
    {
        "AS", "FROM", "JOIN", "OVER", "USING", "VALUES", "EXCLUDE", "EXCEPT", "COLUMNS", "ROLLUP", "CUBE", "SETS",
        "GROUP", "FILTER", "WITHIN", "WINDOW", "WITH", "OFFSET", "INTERVAL", "UNION", "ALL", "INTERSECT", "NOT",
        "MATERIALIZED",
    }
)  # fmt: skip
"""Words behind which a bracket holds neither a value nor the arguments of a call."""

_SET_WORDS = frozenset({"UNION", "INTERSECT", "EXCEPT"})

_GOES_ON = (".", "[", "(", "?.", "->", ":=", "OVER", "FILTER", "WITHIN")
"""How what follows a value may begin when it belongs to it."""


@dataclass(frozen=True, eq=False)
class Group:
    """A bracket, with the function's name when it holds the arguments of a call, or a CASE ... END.

    Attributes:
        start: Where it begins.
        end: Where it ends.
        first: Its first token.
        last: Its last token.
        is_value: Whether it is a value, together with what belongs to it.
        takes_more: Whether a bracket right behind belongs to it.
        goes_on: Whether something that belongs to it follows.
        inside: The groups right inside.
        lengthened: Whether it is the first of :attr:`inside` followed by the other, which nests no deeper.
    """

    start: int
    end: int
    first: int
    last: int
    is_value: bool
    takes_more: bool
    goes_on: bool
    inside: tuple[Group, ...]
    lengthened: bool = False


def groups_of(text: str, tokens: Sequence[Token]) -> Iterator[Group]:
    """Every group of the text, the inner ones before those around them."""
    opened: list[tuple[int, list[Group]]] = []
    outermost: list[Group] = []
    for number, token in enumerate(tokens):
        before = tokens[number - 1].word if number else ""
        if token.word in {"(", "[", "{"} or (token.word == "CASE" and before != "."):
            opened.append((number, []))
            if len(opened) > MAX_NESTING:
                raise HogQLSyntaxError(
                    f"The query nests more than {MAX_NESTING} brackets deep.",
                    text=text,
                    span=Span(token.start, token.end),
                )
        elif token.word in _OPENED_BY and before not in {".", "AS"}:
            if not opened or tokens[opened[-1][0]].word != _OPENED_BY[token.word]:
                # A column that is called "end" or "case", or a mistake: the parser knows.
                return
            first, inside = opened.pop()
            beside = opened[-1][1] if opened else outermost
            group = _group(tokens, first, number, tuple(inside))
            if opened and tokens[opened[-1][0] - 1].word == "SETS":
                # One of GROUPING SETS is no tuple.
                group = replace(group, is_value=False)
            yield group
            longer = _lengthened(tokens, beside[-1] if beside else None, group)
            if longer is not None:
                beside[-1] = longer
                yield longer
            else:
                beside.append(group)


def _group(tokens: Sequence[Token], first: int, last: int, inside: tuple[Group, ...]) -> Group:
    start, is_value = first, tokens[first].word == "CASE"
    name = tokens[first - 1] if first else None
    negated = name is not None and name.word == "NOT"
    if tokens[first].word == "(":
        if _is_query(tokens, first):
            is_value = _is_value_query(tokens, first, last)
            start = first - 1 if name is not None and _is_called(tokens, first) else first
        elif name is None or not name.is_word or name.word in _BEFORE_A_VALUE:
            # Behind another bracket it belongs to what is before: the arguments after the parameters.
            is_value = name is None or name.word not in {")", "]", "}", ""}
            is_value = is_value and not _merges(tokens[first + 1 : last])
        elif negated or _is_called(tokens, first):
            # NOT before a bracket is read as the name of a function.
            start, is_value = first - 1, True
    elif tokens[first].word == "[" and _is_called(tokens, _chain_start(tokens, first - 1) + 1):
        start, is_value = _chain_start(tokens, first - 1), True
    last = _after_names(tokens, last)
    return Group(
        tokens[start].start, tokens[last].end, start, last, is_value, not negated, _goes_on(tokens, last), inside
    )


def _is_called(tokens: Sequence[Token], first: int) -> bool:
    """Whether the bracket holds the arguments of the word before it."""
    name = tokens[first - 1] if first else None
    if name is None or not name.is_word or name.word in _BEFORE_A_VALUE or name.word in _BEFORE_SOMETHING_ELSE:
        return False
    return first == 1 or tokens[first - 2].word not in {".", "FROM", "JOIN"}


def _chain_start(tokens: Sequence[Token], last: int) -> int:
    """Where the dotted name begins that ends with the token ``last``."""
    while last > 1 and tokens[last - 1].word == "." and tokens[last - 2].is_word:
        last -= 2
    return last


def _lengthened(tokens: Sequence[Token], value: Group | None, group: Group) -> Group | None:
    """``value`` with the ``group`` that belongs to it: an index, further arguments, OVER (...) or FILTER (...)."""
    if value is None or not value.is_value or not value.takes_more or tokens[value.last + 1 :] == []:
        return None
    between = group.first - value.last - 1
    if not (between == 0 or (between == 1 and tokens[value.last + 1].word in {"OVER", "FILTER"})):
        return None
    return replace(value, end=group.end, last=group.last, goes_on=group.goes_on, lengthened=True, inside=(value, group))


def _after_names(tokens: Sequence[Token], last: int) -> int:
    """The last of the tokens behind the group that belong to it and are no bracket: ``.1``, ``.name``, ``OVER w``."""
    while last + 2 < len(tokens):
        mark, name = tokens[last + 1].word, tokens[last + 2].word
        is_link = mark == "." and name not in {"", "*"} and (name[0].isalnum() or name[0] in "_$")
        if not is_link and not (mark == "OVER" and tokens[last + 2].is_word):
            break
        last += 2
    return last


def _goes_on(tokens: Sequence[Token], last: int) -> bool:
    after = "".join(token.word for token in tokens[last + 1 : last + 3])
    return after.startswith(_GOES_ON)


def _is_query(tokens: Sequence[Token], first: int) -> bool:
    while tokens[first].word == "(":
        first += 1
    return tokens[first].word in {"SELECT", "WITH"}


def _is_value_query(tokens: Sequence[Token], first: int, last: int) -> bool:
    """Whether the query in this bracket is a value: neither a table nor a branch of a set."""
    if last + 1 < len(tokens) and tokens[last + 1].word in _SET_WORDS:
        return False
    if _is_called(tokens, first):
        return True
    before = tokens[first - 1].word if first else ""
    if before == "(":
        return _is_called(tokens, first - 1)
    if before == "DISTINCT":
        return first > 1 and tokens[first - 2].word not in _SET_WORDS
    is_mark = bool(before) and not tokens[first - 1].is_word
    return before in _BEFORE_A_VALUE or before == "NOT" or (is_mark and before not in {")", "]", "}"})


def _merges(tokens: Sequence[Token]) -> bool:
    """Whether a bracket around ``tokens`` may vanish in what is around it: `(a AND b) AND c` is one AND of three."""
    depth = 0
    for token in tokens:
        depth += (token.word in _OPENED_BY.values()) - (token.word in _OPENED_BY)
        if depth == 0 and token.word in {"AND", "OR", "|"}:
            return True
    return False
