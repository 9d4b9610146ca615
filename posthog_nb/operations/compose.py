"""Queries made of earlier ones, which become tables of a WITH in front.

Each text stays as its author wrote it; only its placeholders get names of their own, so that a value never meets
another of the same name. The composed text is parsed and compared with its parts, and a place in it is told as a place
in the part that it comes from.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from posthog_nb.errors import HogQLSyntaxError, InvalidInputError, PostHogError, Span
from posthog_nb.operations.order import identifier
from posthog_nb.operations.plain import as_python
from posthog_nb.operations.shape import read_shape
from posthog_nb.operations.splice import Edit, Spliced, splice
from posthog_nb.operations.tree import is_select, nodes, same_meaning
from posthog_nb.operations.values import placeholders
from posthog_nb.syntax import parse_select, parser_available, tokenise

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["Composed", "NamedQuery", "compose", "frozen"]


@dataclass(frozen=True)
class NamedQuery:
    """A query that others may be made of.

    Attributes:
        name: What its author calls it.
        text: Its text, as it was written.
        values: What its placeholders stand for.
        parts: What it is made of itself, by the names of the tables.
    """

    name: str
    text: str
    values: Mapping[str, object] = field(default_factory=dict)
    parts: Mapping[str, NamedQuery] = field(default_factory=dict)


@dataclass(frozen=True)
class _Piece:
    """A part where it stands in the composed text.

    Attributes:
        name: What its author calls it; None for the query itself.
        text: Its text, as it was written.
        start: Where it begins.
        spliced: How it reads there.
    """

    name: str | None
    text: str
    start: int
    spliced: Spliced

    def span(self, span: Span) -> Span | None:
        """A place of the composed text in this one; None when it does not begin here."""
        first, last = span.start - self.start, span.end - self.start
        if not 0 <= first <= len(self.spliced.text):
            return None
        start = self.spliced.original(first)
        return Span(start, max(start + 1, min(self.spliced.original(last), len(self.text))))


@dataclass(frozen=True)
class Composed:
    """A query with what it is made of in front.

    Attributes:
        text: The text.
        values: What the placeholders of all parts stand for.
    """

    text: str
    values: dict[str, object]
    _pieces: tuple[_Piece, ...] = ()

    @classmethod
    def rewritten(cls, text: str, spliced: Spliced, values: Mapping[str, object]) -> Composed:
        """``text`` as it reads in ``spliced``."""
        return cls(spliced.text, dict(values), (_Piece(None, text, 0, spliced),))

    @contextmanager
    def telling_places(self) -> Iterator[None]:
        """Let an error about the composed text tell the place in the part that it comes from."""
        try:
            yield
        except PostHogError as error:
            if error.text == self.text and error.span is not None:
                for piece in self._pieces:
                    if (span := piece.span(error.span)) is not None:
                        error.text, error.span, error.part = piece.text, span, piece.name
                        break
            raise


def frozen(value: object) -> object:
    """``value`` in Python's own types; what happens to it later does not change it."""
    own = as_python(value)
    return [frozen(item) for item in own] if isinstance(own, list | tuple) else own


def compose(text: str, values: Mapping[str, object], parts: Mapping[str, NamedQuery]) -> Composed:
    """``text`` with ``parts``, and what those are made of, as tables that it may name.

    Args:
        text: The query.
        values: What its own placeholders stand for.
        parts: The queries by the names of their tables.

    Raises:
        InvalidInputError: a name stands for two things, or a text cannot be read.
    """
    if not parts:
        return Composed(text, dict(values))
    if not parser_available():
        raise InvalidInputError(
            "A query of several parts needs PostHog's parser, which has no wheel for this platform.",
            hint="Write the WITH by hand.",
        )
    tables: dict[str, NamedQuery] = {}
    _collect(parts, tables)
    tree = _read(text, None)
    _check_names(tables, text, tree)
    taken = {*values, *(name for name, _ in placeholders(text, values))}
    bound = dict(values)
    at, follows = _front(text)
    front = " " if follows else "WITH "
    inner: list[_Piece] = []
    trees = []
    for number, (name, query) in enumerate(tables.items()):
        renamed = _renamed(name, query, taken, bound)
        trees.append(parse_select(renamed.text))
        front += (",\n" if number else "") + f"{identifier(name)} AS (\n"
        inner.append(_Piece(query.name, query.text, at + len(front), renamed))
        front += f"{renamed.text}\n)"
    front += ",\n" if follows else "\n"
    whole = splice(text, [Edit(at, at, front)])
    _check_whole(whole.text, tree, dict(zip(tables, trees, strict=True)))
    return Composed(whole.text, bound, (*inner, _Piece(None, text, 0, whole)))


def _collect(parts: Mapping[str, NamedQuery], tables: dict[str, NamedQuery]) -> None:
    """Each table once, those first that others are made of."""
    for name, query in parts.items():
        if tables.get(name) is query:
            continue
        _collect(query.parts, tables)
        if tables.setdefault(name, query) != query:
            raise InvalidInputError(
                f"{name} stands for two queries: {_called(tables[name])} and {_called(query)}.",
                hint="Give one of them another name. A query that was run again since differs from what others are"
                " made of: run those again as well.",
            )


def _called(query: NamedQuery) -> str:
    first = query.text.strip().partition("\n")[0]
    return f"{query.name} ({first[:40]}...)"


def _read(text: str, name: str | None) -> dict[str, Any]:
    try:
        return parse_select(text)
    except HogQLSyntaxError as fault:
        error = InvalidInputError(fault.message, hint=fault.hint, text=fault.text, span=fault.span)
        error.part = name
        raise error from fault


def _check_names(tables: Mapping[str, NamedQuery], text: str, tree: dict[str, Any]) -> None:
    from posthog_nb.embedded.hogql.catalogue import TABLES  # noqa: PLC0415 - the compiler loads for who needs it

    for name in tables:
        if name in TABLES:
            raise InvalidInputError(
                f"{name} is a table of PostHog's, which a query of that name would hide.",
                hint=f"Give it another name: my_{name}=...",
            )
    _refuse_own(tables, tree, text, None)
    for name, query in tables.items():
        part = _read(query.text, query.name)
        _refuse_own(tables, part, query.text, query.name)
        seen: dict[str, NamedQuery] = {}
        _collect(query.parts, seen)
        for join in nodes(part, "JoinExpr"):
            table = join.get("table") or {}
            chain = table.get("chain") or [None]
            if len(chain) == 1 and chain[0] in tables and chain[0] not in seen:
                raise _refused(
                    f"{query.name} reads the table {chain[0]}, and here {chain[0]} is another query.",
                    f"Give that query another name than {chain[0]}, or run {name} with it.",
                    (query.text, _span(table), query.name),
                )


def _refuse_own(tables: Mapping[str, NamedQuery], tree: dict[str, Any], text: str, name: str | None) -> None:
    for cte in nodes(tree, "CTE"):
        if cte["name"] in tables:
            raise _refused(
                f"The query has a WITH of its own for {cte['name']}.",
                "Give one of the two another name.",
                (text, _span(cte), name),
            )


def _span(node: dict[str, Any]) -> Span:
    return Span(node["start"]["offset"], node["end"]["offset"])


def _refused(message: str, hint: str, place: tuple[str, Span, str | None]) -> InvalidInputError:
    text, span, name = place
    error = InvalidInputError(message, hint=hint, text=text, span=span)
    error.part = name
    return error


def _front(text: str) -> tuple[int, bool]:
    """Where tables are put in front, and whether others follow there."""
    first, *rest = tokenise(text)[:2]
    if first.word != "WITH":
        return first.start, False
    return (rest[0] if rest and rest[0].word == "RECURSIVE" else first).end, True


def _renamed(table: str, query: NamedQuery, taken: set[str], bound: dict[str, object]) -> Spliced:
    """The query with names of their own for its placeholders; their values are added to ``bound``."""
    edits = []
    names: dict[str, str] = {}
    for name, span in placeholders(query.text, query.values):
        if name in query.values and name not in names:
            own = f"{table if table.isidentifier() else 'with'}__{name}"
            while own in taken:
                own += "_"
            taken.add(own)
            names[name] = own
            bound[own] = query.values[name]
        if name in names:
            edits.append(Edit(span.start, span.end, f"{{{names[name]}}}"))
    return read_shape(query.text, query.values).with_edits(edits)


def _check_whole(text: str, tree: dict[str, Any], tables: Mapping[str, dict[str, Any]]) -> None:
    """Check that the composed text means its parts and nothing else."""
    if not _is_whole(text, tree, tables):
        raise InvalidInputError(
            "The query cannot be put behind a WITH.", hint="Write it as SELECT * FROM (...), or the WITH by hand."
        )


def _is_whole(text: str, tree: dict[str, Any], tables: Mapping[str, dict[str, Any]]) -> bool:
    try:
        found = parse_select(text)
    except HogQLSyntaxError:
        return False
    first = found
    while not is_select(first):
        first = first["initial_select_query"]
    ctes = first["ctes"] or []
    first["ctes"] = ctes[len(tables) :] or None
    right = [cte["name"] for cte in ctes[: len(tables)]] == list(tables) and all(
        same_meaning(cte["expr"], part) for cte, part in zip(ctes, tables.values(), strict=False)
    )
    return right and same_meaning(found, tree)
