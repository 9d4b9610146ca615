"""The outline of a query around the cursor: its brackets, its clauses, its WITH and FROM. Read from tokens alone.

A query that is being written does not parse; most of its pieces do. The outline cuts it into pieces, which
:mod:`.names` gives to the real parser and the real resolver one by one.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING

from posthog_nb.embedded.hogql.completion.cursor import name_of
from posthog_nb.syntax import Token

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence

    from posthog_nb.embedded.hogql.completion.cursor import Cursor

__all__ = ["Branch", "Clause", "Group", "Outline", "Source", "With", "first_branch", "outline_of"]

_BRACKETS = {"(": ")", "[": "]", "{": "}"}
_CLOSING = frozenset(_BRACKETS.values())
_SET_OPERATORS = frozenset({"UNION", "INTERSECT", "EXCEPT"})
_CLAUSES = frozenset(
    {"SELECT", "FROM", "PREWHERE", "WHERE", "GROUP", "HAVING", "WINDOW", "QUALIFY", "ORDER", "LIMIT", "OFFSET"}
)
_JOIN_KINDS = frozenset({"ANY", "ALL", "SEMI", "ANTI", "ASOF", "INNER", "LEFT", "RIGHT", "FULL", "OUTER", "CROSS"})
_AFTER_A_SOURCE = _JOIN_KINDS | {"JOIN", "ON", "USING", "ARRAY", ","}


@dataclass
class Group:
    """What stands between two brackets, or the whole text.

    Attributes:
        opening: The bracket that begins it; None for the whole text.
        closing: The bracket that ends it; None while it is not written.
        items: Its tokens and groups in order. None is the cursor.
        holds_cursor: Whether the cursor is in it or in a group of it.
    """

    opening: Token | None = None
    closing: Token | None = None
    items: list[Token | Group | None] = field(default_factory=list)
    holds_cursor: bool = False

    @property
    def is_query(self) -> bool:
        """Whether it begins as a query does."""
        return bool(self.items) and _word(self.items[0]) in {"SELECT", "WITH"}

    @property
    def start(self) -> int:
        """Where it begins in the text."""
        return self.opening.start if self.opening else 0

    @property
    def end(self) -> int:
        """Where it ends, as far as it is written."""
        group = self
        while group.closing is None:
            last = next((item for item in reversed(group.items) if item is not None), None)
            if not isinstance(last, Group):
                return last.end if last else group.start + 1
            group = last
        return group.closing.end


Item = Token | Group | None


@dataclass(frozen=True)
class Clause:
    """A clause of a SELECT: its first word, and what follows. What stands before any SELECT has no word."""

    word: str
    items: list[Item]


@dataclass(frozen=True)
class With:
    """A name of WITH, and the brackets of its query; None when it is the name of a value."""

    name: str
    query: Group | None


@dataclass(frozen=True)
class Source:
    """A table of FROM: where its text goes, the brackets of its query if it is one, and its name in that case."""

    start: int
    end: int
    query: Group | None
    name: str | None


@dataclass(frozen=True)
class Branch:
    """One SELECT, as far as it is written.

    Attributes:
        withs: The names of its WITH that can be used where the cursor is, in order.
        sources: The tables of its FROM, the one that is being typed left out.
        aliases: The names that it gives to expressions.
        columns: What its columns will be called, as far as the words tell.
        windows: The names of its windows.
        clause: The clause with the cursor; None when the cursor is not in it.
    """

    withs: list[With]
    sources: list[Source]
    aliases: list[str]
    columns: list[str]
    windows: list[str]
    clause: Clause | None


@dataclass(frozen=True)
class Outline:
    """A text around the cursor.

    Attributes:
        group: The innermost group around the cursor.
        branches: The SELECTs around it, from the outermost inwards.
        arguments: The arguments of the lambdas around it.
        expects_table: Whether a table of FROM is to be named.
    """

    group: Group
    branches: list[Branch]
    arguments: list[str]
    expects_table: bool


def outline_of(text: str, cursor: Cursor) -> Outline:
    """Read the outline around the cursor."""
    path = _groups_around(cursor)
    queries = [group for group in path if group.is_query or group.opening is None]
    arguments = [name for group in path for name in _lambda_arguments(text, group)]
    branches = [_branch(text, group) for group in queries]
    return Outline(path[-1], branches, arguments, _expects_table(branches[-1].clause))


def first_branch(text: str, tokens: Iterable[Token]) -> Branch:
    """The outline of the first SELECT of a query that holds no cursor."""
    root = Group()
    _sort([root], tokens, unclosed=0)
    return _branch(text, root)


def _groups_around(cursor: Cursor) -> list[Group]:
    stack = [Group()]
    _sort(stack, cursor.before, unclosed=0)
    stack[-1].items.append(None)
    path = list(stack)
    for group in path:
        group.holds_cursor = True
    _sort(stack, cursor.after, unclosed=max(0, len(stack) - 1 - _closed_by(cursor.after)))
    return path


def _expects_table(clause: Clause | None) -> bool:
    """Whether the cursor is where a table is named: behind FROM, JOIN or a comma, or behind the dot of its name."""
    if clause is None or clause.word != "FROM" or None not in clause.items:
        return False
    written = clause.items[: clause.items.index(None)]
    *_, (reading, part) = _source_parts(written)
    return reading == "table" and (not part or _word(part[-1]) == ".")


def _closed_by(tokens: Sequence[Token]) -> int:
    """How many brackets ``tokens`` close that they did not open."""
    depth = lowest = 0
    for token in tokens:
        depth += (token.word in _BRACKETS) - (token.word in _CLOSING)
        lowest = min(lowest, depth)
    return -lowest


def _sort(stack: list[Group], tokens: Iterable[Token], unclosed: int) -> None:
    """Sort tokens into groups.

    A bracket that closes nothing is passed over. One that is still to be closed behind the cursor ends at the latest
    where the query around it goes on.
    """
    for token in tokens:
        while unclosed and token.word in {"FROM", "WHERE"} and stack[-1].holds_cursor and not stack[-1].is_query:
            stack.pop()
            unclosed -= 1
        if token.word in _BRACKETS:
            group = Group(token)
            stack[-1].items.append(group)
            stack.append(group)
        elif token.word not in _CLOSING:
            stack[-1].items.append(token)
        elif len(stack) > 1:
            stack.pop().closing = token


def _word(item: Item) -> str:
    return item.word if isinstance(item, Token) else ""


def _name(text: str, item: Item) -> str | None:
    return name_of(text, item) if isinstance(item, Token) else None


def _holds_cursor(items: Iterable[Item]) -> bool:
    return any(item is None or (isinstance(item, Group) and item.holds_cursor) for item in items)


def _branch(text: str, group: Group) -> Branch:
    """The SELECT of a query that has the cursor, or its first one; WITH is that of the first."""
    branches = _split(group.items, _SET_OPERATORS)
    first = branches[0]
    clauses = _clauses(next(filter(_holds_cursor, branches), first))

    def items(word: str) -> list[Item]:
        return [item for clause in clauses if clause.word == word for item in clause.items]

    withs = [item for clause in _clauses(first) if clause.word == "WITH" for item in clause.items]
    selected = _split(items("SELECT"), {","})
    return Branch(
        withs=list(_withs(text, withs)),
        sources=list(_sources(text, items("FROM"))),
        aliases=[*_aliases(text, items("SELECT")), *_array_aliases(text, items("FROM"))],
        columns=[name for part in selected if part and (name := _column_name(text, part))],
        windows=[name for part in _split(items("WINDOW"), {","}) if part and (name := _name(text, part[0]))],
        clause=next((clause for clause in clauses if _holds_cursor(clause.items)), None),
    )


def _split(items: Iterable[Item], words: Collection[str]) -> list[list[Item]]:
    parts: list[list[Item]] = [[]]
    for item in items:
        if _word(item) in words:
            parts.append([])
        else:
            parts[-1].append(item)
    return parts


def _clauses(items: Iterable[Item]) -> list[Clause]:
    clauses = [Clause("", [])]
    before = ""
    for item in items:
        word = _word(item)
        # `t.limit` is a column, `a IS DISTINCT FROM b` a comparison; WITH goes on as TIES, FILL or TOTALS elsewhere.
        begins = word in _CLAUSES and before != "." and (word, before) != ("FROM", "DISTINCT")
        if begins or (word == "WITH" and clauses[-1].word == ""):
            clauses.append(Clause(word, []))
        else:
            clauses[-1].items.append(item)
        before = word
    return clauses


def _withs(text: str, items: list[Item]) -> Iterator[With]:
    for part in _split(items, {","}):
        if _holds_cursor(part):
            return
        last = part[-1] if part else None
        if isinstance(last, Group) and "AS" in map(_word, part):
            if (name := _name(text, part[0])) is not None:
                yield With(name, last)
        elif (name := _name(text, last)) is not None:
            yield With(name, None)


def _sources(text: str, items: list[Item]) -> Iterator[Source]:
    for reading, part in _source_parts(items):
        known = [item for item in part if item is not None]
        if reading == "table" and known and not _holds_cursor(part):
            first = known[0]
            query = first if isinstance(first, Group) else None
            yield Source(first.start, known[-1].end, query, _name(text, known[-1]))


def _source_parts(items: list[Item]) -> Iterator[tuple[str, list[Item]]]:
    """FROM in parts, each with what it is: a table, the condition of a join, or arrays."""
    part: list[Item] = []
    reading, before = "table", ""
    for item in items:
        word = _word(item)
        if word not in _AFTER_A_SOURCE:
            part.append(item)
        else:
            yield reading, part
            part = []
            if word in {"ON", "USING"}:
                reading = "condition"
            elif word == "ARRAY":
                reading = "array"
            elif (word == "JOIN" and before != "ARRAY") or (word == "," and reading != "array"):
                reading = "table"
            elif word in _JOIN_KINDS:
                reading = "join"
        before = word
    yield reading, part


def _aliases(text: str, items: list[Item]) -> Iterator[str]:
    for item, following in pairwise(items):
        if _word(item) == "AS" and (name := _name(text, following)) is not None:
            yield name


def _column_name(text: str, part: list[Item]) -> str | None:
    return next(_aliases(text, part), None) or _name(text, part[-1])


def _array_aliases(text: str, items: list[Item]) -> Iterator[str]:
    words = [_word(item) for item in items]
    if "ARRAY" in words:
        yield from _aliases(text, items[words.index("ARRAY") :])


def _lambda_arguments(text: str, group: Group) -> Iterator[str]:
    """The names before each ``->`` that stands before the cursor."""
    written = []
    for item in group.items:
        if _holds_cursor([item]):
            break
        written.append(item)
    for argument, dash, arrow in zip(written, written[1:], written[2:], strict=False):
        if (_word(dash), _word(arrow)) == ("-", ">"):
            names = argument.items if isinstance(argument, Group) else [argument]
            yield from (name for item in names if (name := _name(text, item)) is not None)
