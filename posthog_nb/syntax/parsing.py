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
from posthog_nb.syntax.groups import MAX_NESTING, groups_of
from posthog_nb.syntax.runs import refuse_runs, refuse_what_is_no_text
from posthog_nb.syntax.tokens import tokenise

if TYPE_CHECKING:
    from collections.abc import Sequence

    from posthog_nb.syntax.groups import Group

__all__ = ["MAX_NESTING", "MAX_QUERY_LENGTH", "parse_select"]

MAX_QUERY_LENGTH = 200_000
"""Longest query text given to the parser, in code points: it guards itself weakly against size."""

_MOST_AT_ONCE = 20
"""Deepest nesting of brackets that the parser is given in one go: it takes half a second for as many tables of WITH."""

_LEVELS = (1, 2, 3)
"""Levels of brackets that a piece may have, in the order in which they are tried.

One is the quickest. More are for the few phrases in which a bracket means something only where it stands, such as
GROUPING SETS, and for a text that is not HogQL, so that the parser says why with most of the text in view.
"""


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
    refuse_what_is_no_text(text)
    tokens = tokenise(text)
    refuse_runs(text, tokens)
    groups = list(groups_of(text, tokens))
    for level in _LEVELS[:-1]:
        try:
            return _parse(text, groups, level)
        except HogQLSyntaxError:
            # Perhaps a piece was not one.
            continue
    return _parse(text, groups, _LEVELS[-1])


def _parse(text: str, groups: Sequence[Group], level: int) -> dict[str, Any]:
    whole: set[int] = set()
    while True:
        try:
            return _Pieces(text, _cuts(text, groups, level, whole)).parse()
        except _NoPieceError as refused:
            whole.add(refused.start)


class _NoPieceError(Exception):
    """What begins at ``start`` cannot be parsed alone."""

    def __init__(self, start: int) -> None:
        super().__init__(start)
        self.start = start


def _cuts(text: str, groups: Sequence[Group], level: int, whole: set[int]) -> list[Group]:
    """The groups to be parsed alone, so that no piece nests deeper than ``level``; none begins at one of ``whole``.

    Raises:
        HogQLSyntaxError: what cannot be cut nests too deep.
    """
    cuts: list[Group] = []
    height: dict[Group, int] = {}
    for group in groups:
        own = max((height[part] for part in group.inside), default=0) + (not group.lengthened)
        if own >= level and group.is_value and not group.goes_on and group.start not in whole:
            cuts.append(group)
            own = 0
        if own > _MOST_AT_ONCE:
            raise HogQLSyntaxError(
                f"The query nests more than {_MOST_AT_ONCE} tables, tags or the like deep.",
                text=text,
                span=Span(group.start, group.end),
            )
        height[group] = own
    return cuts


class _Pieces:
    """A text and those parts of it that are parsed alone."""

    def __init__(self, text: str, cuts: list[Group]) -> None:
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

    def _tree(self, start: int, end: int, cuts: list[Group], what: str) -> dict[str, Any]:
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


def _outermost(cuts: list[Group]) -> list[tuple[Group, list[Group]]]:
    """Those of ``cuts``, in order, that lie in no other, each with those that lie in it."""
    found: list[tuple[Group, list[Group]]] = []
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

    cut: Group
    cuts: list[Group]
    found: bool = False


def _unused_prefix(text: str) -> str:
    prefix = "p"
    while prefix in text:
        prefix += "q"
    return prefix
