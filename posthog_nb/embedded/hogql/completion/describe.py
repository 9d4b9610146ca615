"""What stands at a place of a query, for whoever points at it: a function, a table, a column, a property, an event."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from posthog_nb.embedded.hogql.catalogue import TABLE_FUNCTIONS, TABLES
from posthog_nb.embedded.hogql.completion.complete import NothingKnown, compared_at
from posthog_nb.embedded.hogql.completion.cursor import access_before, find_cursor, name_of
from posthog_nb.embedded.hogql.completion.names import names_at
from posthog_nb.embedded.hogql.completion.outline import outline_of
from posthog_nb.embedded.hogql.completion.signatures import signature_of
from posthog_nb.embedded.hogql.functions import FunctionKind, find_function
from posthog_nb.syntax import MAX_QUERY_LENGTH, tokenise

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from posthog_nb.embedded.hogql.completion.complete import Known
    from posthog_nb.embedded.hogql.completion.cursor import Cursor
    from posthog_nb.embedded.hogql.completion.places import Names, Place
    from posthog_nb.embedded.hogql.facts import ProjectFacts
    from posthog_nb.syntax import Token

__all__ = ["Description", "describe", "describe_name"]

_MOST_VALUES = 10
_KINDS = {
    FunctionKind.SCALAR: "function",
    FunctionKind.AGGREGATE: "aggregation",
    FunctionKind.WINDOW: "window function, needs OVER (...)",
}
_OWNERS = {"event": "property of events", "person": "property of persons", "group": "property of groups"}


@dataclass(frozen=True)
class Description:
    """What something is.

    Attributes:
        title: Its name, with its arguments where it has some.
        kind: What it is, in a word or two.
        type: The type of its value, if that is known.
        notes: What else is to be said, a sentence each.
        columns: Its columns and their types, if it is a table.
    """

    title: str
    kind: str
    type: str | None = None
    notes: tuple[str, ...] = ()
    columns: Mapping[str, str] | None = None


def describe(text: str, position: int, facts: ProjectFacts, *, known: Known | None = None) -> Description | None:
    """What stands at ``position`` of a query; where nothing does, the function between whose brackets it is.

    Args:
        text: The query, as far as it is written.
        position: Where somebody points.
        facts: The project.
        known: What its events tell.
    """
    if len(text) > MAX_QUERY_LENGTH:
        return None
    position = max(0, min(position, len(text)))
    known = known or NothingKnown()
    tokens = list(tokenise(text))
    for token in tokens:
        if token.start <= position <= token.end and (token.is_word or not token.word):
            found = _at(text, token, facts, known)
            if found is not None:
                return found
    return _function_around(text, tokens, position)


def describe_name(name: str, facts: ProjectFacts, *, known: Known | None = None) -> Description | None:
    """What a name stands for by itself: a function, a table, a column (``events.timestamp``), a property of events."""
    known = known or NothingKnown()
    tables = known.tables() or TABLES
    if name in tables:
        return _pointed_at(f"SELECT 1 FROM {name}", facts, known)
    table = next((table for table in tables if name.startswith(f"{table}.")), None)
    if table is not None:
        return _pointed_at(f"SELECT 1 FROM {table} WHERE {name[len(table) + 1 :]}", facts, known)
    return _function(name.partition("(")[0]) or _pointed_at(f"SELECT 1 FROM events WHERE {name}", facts, known)


def _pointed_at(query: str, facts: ProjectFacts, known: Known) -> Description | None:
    return describe(query, len(query), facts, known=known)


def _at(text: str, token: Token, facts: ProjectFacts, known: Known) -> Description | None:
    end = token.end if token.is_word else token.end - 1
    cursor = find_cursor(text, 0, end)
    if cursor is None:
        return None
    outline = outline_of(text, cursor)
    names = names_at(text, outline, facts, known.tables())
    word = cursor.term
    if cursor.quote == "'":
        return _text(text, cursor, names, known)
    chain = _chain(text, cursor)
    if outline.expects_table:
        return _table(".".join(chain), names, known)
    if len(chain) == 1 and not cursor.quote and cursor.after and cursor.after[0].word == "(":
        return _function(word)
    place = names.follow(chain)
    return _place(chain, place, known) or (_function(word) if len(chain) == 1 else None)


def _chain(text: str, cursor: Cursor) -> tuple[str, ...]:
    """The dotted name that ends at the cursor."""
    before = cursor.before
    access = access_before(text, before[:-1]) if before and before[-1].word == "." else None
    return (*access.chain, cursor.term) if access else (cursor.term,)


def _text(text: str, cursor: Cursor, names: Names, known: Known) -> Description | None:
    chain, place = compared_at(text, cursor.before, names)
    if place is None:
        access = access_before(text, cursor.before[:-1]) if cursor.before and cursor.before[-1].word == "[" else None
        of = names.follow(access.chain) if access else None
        if access is None or of is None or of.owner is None:
            return None
        return _place((*access.chain, cursor.term), names.follow((*access.chain, cursor.term)), known)
    if chain[-1] == "event" and place.key is None:
        seen = cursor.term in known.events()
        return Description(cursor.term, "event", notes=() if seen else ("Not among the events that are known here.",))
    return None


def _table(name: str, names: Names, known: Known) -> Description | None:
    if name in names.tables:
        return Description(name, "table of WITH")
    bare = name.removeprefix("posthog.")
    if bare in TABLE_FUNCTIONS:
        return Description(f"{bare}(...)", "table function")
    table = TABLES.get(bare)
    if table is None and bare not in known.tables():
        return None
    notes = (
        () if table is None else _sentences(table.about, table.differs and f"on the embedded project, {table.differs}")
    )
    return Description(name, "table", notes=notes, columns=_columns_of(name, names.facts, known))


def _columns_of(table: str, facts: ProjectFacts, known: Known) -> dict[str, str]:
    query = f"SELECT 1 FROM {table} WHERE "
    cursor = find_cursor(query, 0, len(query))
    assert cursor is not None  # noqa: S101 - it is no comment
    columns = names_at(query, outline_of(query, cursor), facts, known.tables()).columns
    return {name: place.type.label or "" if place.type else "table" for name, place in columns.items()}


def _place(chain: Sequence[str], place: Place | None, known: Known) -> Description | None:
    if place is None:
        return None
    title = ".".join(chain)
    type_ = place.type.label if place.type else None
    if place.owner is not None and place.key is not None:
        values = known.values(place.owner, place.key, "")[:_MOST_VALUES]
        notes = (f"Such as {', '.join(map(repr, values))}.",) if values else ()
        return Description(title, _OWNERS[place.owner.kind], type_, notes)
    if place.type is not None:
        return Description(title, "column", type_)
    columns = {name: one.type.label or "" if one.type else "table" for name, one in place.columns().items()}
    return Description(title, "table", columns=columns)


def _function(name: str) -> Description | None:
    function = find_function(name)
    if function is None:
        return None
    if function.refusal:
        return Description(
            name, "function", notes=_sentences(f"The embedded project does not have it: {function.refusal}")
        )
    notes = _sentences(function.meaning, function.differs and f"on the embedded project, {function.differs}")
    returns = function.returns.label if function.returns else None
    return Description(signature_of(name, function), _KINDS[function.kind], returns, notes)


def _function_around(text: str, tokens: Sequence[Token], position: int) -> Description | None:
    opened: list[int] = []
    for number, token in enumerate(tokens):
        if token.start >= position:
            break
        if token.word in {"(", "[", "{"}:
            opened.append(number)
        elif token.word in {")", "]", "}"} and opened:
            opened.pop()
    for number in reversed(opened):
        name = name_of(text, tokens[number - 1]) if number else None
        if tokens[number].word == "(" and name and (found := _function(name)) is not None:
            return found
    return None


def _sentences(*texts: str) -> tuple[str, ...]:
    return tuple(f"{text[0].upper()}{text[1:].rstrip('.')}." for text in texts if text)
