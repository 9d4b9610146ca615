"""From a query's text to PostHog's tree, piece by piece where the text nests.

PostHog's parser looks ahead over nested calls and brackets so often that its time grows many times over with each level
(seven levels of `replaceAll` take it 4 s, eight 25 s), and no other thread runs meanwhile. So a nested text is taken
apart: each call or bracket that is itself nested gives its place to a name of the same length, is parsed alone, and its
tree is put where the name's was. What stands in brackets of its own means the same alone; where a piece cannot be
parsed or its name is not found again as a plain value, the piece stays where it is. Positions are those of the whole
text, since every name is as long as what it stands for.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from posthog_nb.errors import HogQLSyntaxError, Span
from posthog_nb.syntax import wheel
from posthog_nb.syntax.tokens import tokenise

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from posthog_nb.syntax.tokens import Token

__all__ = ["MAX_NESTING", "MAX_QUERY_LENGTH", "parse_select"]

MAX_QUERY_LENGTH = 200_000
"""Longest query text given to the parser, in code points: it guards itself weakly against size."""

MAX_NESTING = 60
"""Deepest nesting of brackets: what walks over the tree recurses."""

MAX_LINKS = 50
"""Most dots in one dotted name: the parser's time grows with their square and more."""

_LEVELS = (1, 2, 3)
"""Levels of brackets that a piece may have, in the order in which they are tried.

One is the quickest. More are for the few phrases in which a bracket means something only where it stands, such as
GROUPING SETS, and for a text that is not HogQL, so that the parser says why with most of the text in view.
"""

_OPENED_BY = {")": "(", "]": "[", "}": "{", "END": "CASE"}
_BEFORE_A_VALUE = frozenset(
    {
        *("SELECT", "DISTINCT", "WHERE", "PREWHERE", "HAVING", "ON", "AND", "OR", "IN", "LIKE", "ILIKE"),
        *("BETWEEN", "WHEN", "THEN", "ELSE", "CASE", "BY", "LIMIT"),
    }
)
"""Words behind which a bracket holds a value."""

_BEFORE_SOMETHING_ELSE = frozenset(
    {
        *("AS", "FROM", "JOIN", "OVER", "USING", "VALUES", "EXCLUDE", "EXCEPT", "COLUMNS", "ROLLUP", "CUBE", "SETS"),
        *("GROUP", "FILTER", "WITHIN", "WINDOW", "WITH", "OFFSET", "INTERVAL", "UNION", "ALL", "INTERSECT", "NOT"),
    }
)
"""Words behind which a bracket holds neither a value nor the arguments of a call, or, as with NOT, either."""

_GOES_ON = (".", "[", "(", "?.", "->", ":=", "OVER", "FILTER", "WITHIN")
"""How what follows a value may begin when it belongs to it."""


def parse_select(text: str) -> dict[str, Any]:
    """Parse one SELECT (or set of SELECTs) into PostHog's AST as plain dictionaries.

    Every node has ``node`` (its kind) and ``start``/``end`` with ``offset`` in code points. The answer is the
    caller's own copy.

    Raises:
        HogQLSyntaxError: the text is not HogQL, is too long or nests too deep; ``span`` tells where.
    """
    if len(text) > MAX_QUERY_LENGTH:
        raise HogQLSyntaxError(
            f"The query has {len(text):,} characters; at most {MAX_QUERY_LENGTH:,} are parsed.",
            text=text,
            span=Span(MAX_QUERY_LENGTH, MAX_QUERY_LENGTH + 1),
        )
    tokens = tokenise(text)
    _check_links(text, tokens)
    groups = list(_groups(text, tokens))
    for level in _LEVELS[:-1]:
        try:
            return _parse(text, groups, level)
        except HogQLSyntaxError:
            # Perhaps a piece was not one.
            continue
    return _parse(text, groups, _LEVELS[-1])


def _parse(text: str, groups: Sequence[_Group], level: int) -> dict[str, Any]:
    whole: set[int] = set()
    while True:
        try:
            return _Pieces(text, _cuts(groups, level, whole)).parse()
        except _NoPieceError as refused:
            whole.add(refused.start)


@dataclass(frozen=True, eq=False)
class _Group:
    """A bracket, with the function's name when it holds the arguments of a call, or a CASE ... END.

    Attributes:
        start: Where it begins.
        end: Where it ends.
        is_value: Whether it is a value that can stand alone.
        inside: The groups right inside.
    """

    start: int
    end: int
    is_value: bool
    inside: tuple[_Group, ...]


class _NoPieceError(Exception):
    """What begins at ``start`` cannot be parsed alone."""

    def __init__(self, start: int) -> None:
        super().__init__(start)
        self.start = start


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


def _groups(text: str, tokens: Sequence[Token]) -> Iterator[_Group]:
    """Every group of the text, the inner ones before those around them."""
    opened: list[tuple[int, list[_Group]]] = []
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
            group = _group(tokens, first, number, tuple(inside))
            if opened:
                opened[-1][1].append(group)
            yield group


def _group(tokens: Sequence[Token], first: int, last: int, inside: tuple[_Group, ...]) -> _Group:
    start, is_value = first, tokens[first].word == "CASE"
    if tokens[first].word == "(":
        name = tokens[first - 1] if first else None
        if name is None or not name.is_word or name.word in _BEFORE_A_VALUE:
            # Behind another bracket it belongs to what is before: the arguments after the parameters.
            is_value = (name is None or name.word not in {")", "]", "}", ""}) and not _is_query(tokens, first)
            is_value = is_value and not _merges(tokens[first + 1 : last])
        elif name.word not in _BEFORE_SOMETHING_ELSE:
            is_value = first == 1 or tokens[first - 2].word not in {".", "FROM", "JOIN"}
            start = first - 1 if is_value else first
    after = "".join(token.word for token in tokens[last + 1 : last + 3])
    return _Group(tokens[start].start, tokens[last].end, is_value and not after.startswith(_GOES_ON), inside)


def _is_query(tokens: Sequence[Token], first: int) -> bool:
    while tokens[first].word == "(":
        first += 1
    return tokens[first].word in {"SELECT", "WITH"}


def _merges(tokens: Sequence[Token]) -> bool:
    """Whether a bracket around ``tokens`` may vanish in what is around it: `(a AND b) AND c` is one AND of three."""
    depth = 0
    for token in tokens:
        depth += (token.word in _OPENED_BY.values()) - (token.word in _OPENED_BY)
        if depth == 0 and token.word in {"AND", "OR", "|"}:
            return True
    return False


def _cuts(groups: Sequence[_Group], level: int, whole: set[int]) -> list[_Group]:
    """The groups to be parsed alone, so that no piece nests deeper than ``level``; none begins at one of ``whole``."""
    cuts: list[_Group] = []
    height: dict[_Group, int] = {}
    for group in groups:
        own = 1 + max((height[part] for part in group.inside), default=0)
        if own >= level and group.is_value and group.start not in whole:
            cuts.append(group)
            own = 0
        height[group] = own
    return cuts


class _Pieces:
    """A text and those parts of it that are parsed alone."""

    def __init__(self, text: str, cuts: list[_Group]) -> None:
        self._text = text
        self._cuts = sorted(cuts, key=lambda cut: (cut.start, -cut.end))
        self._prefix = _unused_prefix(text)

    def parse(self) -> dict[str, Any]:
        """The tree of the whole."""
        try:
            return self._tree(0, len(self._text), self._cuts, "select")
        except HogQLSyntaxError as error:
            message = re.sub(rf"{self._prefix}\d+_*", "...", error.message)
            raise HogQLSyntaxError(message, hint=error.hint, text=self._text, span=error.span) from error

    def _tree(self, start: int, end: int, cuts: list[_Group], what: str) -> dict[str, Any]:
        """The tree of ``text[start:end]``, with the trees of ``cuts`` in their places."""
        pieces: dict[str, _Piece] = {}
        parts: list[str] = []
        done = start
        for cut, inside in _outermost(cuts):
            name = f"{self._prefix}{len(pieces)}".ljust(cut.end - cut.start, "_")
            if len(name) > cut.end - cut.start:
                raise _NoPieceError(cut.start)
            pieces[name] = _Piece(cut, inside)
            parts += [self._text[done : cut.start], name]
            done = cut.end
        try:
            tree = wheel.parse("".join([*parts, self._text[done:end]]), what)
        except HogQLSyntaxError as error:
            if what == "expr":
                raise _NoPieceError(start) from error
            raise
        filled: dict[str, Any] = self._filled(tree, start, pieces)
        for piece in pieces.values():
            if not piece.found:
                raise _NoPieceError(piece.cut.start)
        return filled

    def _filled(self, value: Any, shift: int, pieces: dict[str, _Piece], key: str = "") -> Any:  # noqa: ANN401 - JSON
        if isinstance(value, list):
            return [self._filled(item, shift, pieces) for item in value]
        if not isinstance(value, dict):
            return value
        if key in {"start", "end"} and "offset" in value:
            return {"offset": value["offset"] + shift}
        chain = value.get("chain") or ()
        piece = pieces.get(chain[0]) if chain and value.get("node") == "Field" else None
        if piece is None:
            return {name: self._filled(item, shift, pieces, name) for name, item in value.items()}
        if piece.found or len(chain) > 1 or key == "table":
            # In FROM a name is a table, and a call is another thing.
            raise _NoPieceError(piece.cut.start)
        piece.found = True
        return self._tree(piece.cut.start, piece.cut.end, piece.cuts, "expr")


def _outermost(cuts: list[_Group]) -> list[tuple[_Group, list[_Group]]]:
    """Those of ``cuts``, in order, that lie in no other, each with those that lie in it."""
    found: list[tuple[_Group, list[_Group]]] = []
    for cut in cuts:
        if found and cut.start < found[-1][0].end:
            found[-1][1].append(cut)
        else:
            found.append((cut, []))
    return found


@dataclass
class _Piece:
    """A part that is parsed alone.

    Attributes:
        cut: Where it is.
        cuts: The parts inside it that are.
        found: Whether its name was met in the tree.
    """

    cut: _Group
    cuts: list[_Group]
    found: bool = False


def _unused_prefix(text: str) -> str:
    prefix = "p"
    while prefix in text:
        prefix += "q"
    return prefix
