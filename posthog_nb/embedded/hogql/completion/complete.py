"""What could be typed at a place of a query that is being written."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Protocol

from posthog_nb.embedded.hogql.catalogue import TABLE_FUNCTIONS, TABLES
from posthog_nb.embedded.hogql.completion.cursor import access_before, find_cursor
from posthog_nb.embedded.hogql.completion.function_candidates import alike, function_candidates
from posthog_nb.embedded.hogql.completion.keywords import keywords, value_comes_next
from posthog_nb.embedded.hogql.completion.names import names_at
from posthog_nb.embedded.hogql.completion.outline import outline_of
from posthog_nb.embedded.hogql.completion.suggestions import Candidate, Completion, choose
from posthog_nb.embedded.hogql.escape import hogql_identifier
from posthog_nb.embedded.hogql.types import Kind
from posthog_nb.syntax import MAX_QUERY_LENGTH, tokenise

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from posthog_nb.embedded.hogql.completion.cursor import Cursor
    from posthog_nb.embedded.hogql.completion.outline import Outline
    from posthog_nb.embedded.hogql.completion.places import Names, Place
    from posthog_nb.embedded.hogql.facts import ProjectFacts
    from posthog_nb.embedded.hogql.tables import Owner
    from posthog_nb.embedded.hogql.types import Type
    from posthog_nb.syntax import Token

__all__ = ["Known", "NothingKnown", "compared_at", "complete", "complete_expression"]

_VALUES, _COLUMNS, _TABLES, _FUNCTIONS, _KEYWORDS = range(0, 10, 2)
"""Which kinds of suggestions come first. The less common functions come behind the keywords."""

_EVENTS = "SELECT 1 FROM events"
_COMPARING = frozenset({"=", "<", ">", "LIKE", "ILIKE"})
_FILTERS = ("filters", "filters.dateRange.from", "filters.dateRange.to")
_NO_AGGREGATES = frozenset({"PREWHERE", "WHERE", "GROUP", "FROM", "LIMIT"})


class Known(Protocol):
    """What only the stored events tell."""

    def events(self) -> Sequence[str]:
        """The names of the project's events."""

    def values(self, owner: Owner, key: str, part: str) -> Sequence[str]:
        """The most frequent values of a property that contain ``part``, as text, the most frequent first."""

    def tables(self) -> Mapping[str, Mapping[str, Type]]:
        """The tables that a query may name, with their columns; those of the catalogue where there are none."""


class NothingKnown:
    """A project whose events nobody has asked."""

    def events(self) -> Sequence[str]:
        """None."""
        return ()

    def values(self, owner: Owner, key: str, part: str) -> Sequence[str]:  # noqa: ARG002 - as in Known
        """None."""
        return ()

    def tables(self) -> Mapping[str, Mapping[str, Type]]:
        """None."""
        return {}


def complete(  # noqa: PLR0913 - the place, and what is known of the project
    text: str,
    start: int,
    end: int,
    facts: ProjectFacts,
    *,
    known: Known | None = None,
    placeholders: Sequence[str] = (),
) -> Completion:
    """Suggest what could stand in place of the range from ``start`` to ``end`` of a query; the cursor is at its end.

    Args:
        text: The query, as far as it is written.
        start: Where the word that is being typed begins.
        end: Where the cursor is.
        facts: The project.
        known: What its events tell.
        placeholders: Dotted names that ``{...}`` may hold, besides the filters.
    """
    end = max(0, min(end, len(text)))
    cursor = find_cursor(text, max(0, start), end) if len(text) <= MAX_QUERY_LENGTH else None
    if cursor is None:
        return Completion()
    outline = outline_of(text, cursor)
    place = _Place(text, cursor, outline, facts, known or NothingKnown())
    return choose(place.candidates((*_FILTERS, *placeholders)), cursor)


def complete_expression(  # noqa: PLR0913 - as complete, and the query around it
    text: str,
    start: int,
    end: int,
    facts: ProjectFacts,
    *,
    source: str | None = None,
    known: Known | None = None,
    placeholders: Sequence[str] = (),
) -> Completion:
    """As :func:`complete`, for one expression among the columns of ``source``, or of a query over events."""
    around = source or _EVENTS
    columns = _columns_begin(around)
    if columns is None:
        around, columns = _EVENTS, len("SELECT")
    before = f"{around[:columns]} "
    whole = f"{before}{text}\n, {around[columns:]}"
    end = max(0, min(end, len(text)))
    return complete(
        whole, len(before) + max(0, start), len(before) + end, facts, known=known, placeholders=placeholders
    )


@dataclass(frozen=True)
class _Place:
    """The place in the query, and what fits there."""

    text: str
    cursor: Cursor
    outline: Outline
    facts: ProjectFacts
    known: Known

    def candidates(self, placeholders: Sequence[str]) -> Iterator[Candidate]:
        """What could be typed, in order of how likely it is within its rank."""
        before, quote = self.cursor.before, self.cursor.quote
        opening = self.outline.group.opening
        if quote == "'":
            yield from self._texts()
        elif (self.cursor.written + self.cursor.term)[:1].isdigit():
            return
        elif opening is not None and opening.word == "{":
            yield from self._placeholders(placeholders)
        elif self.outline.expects_table:
            yield from self._tables()
        elif before and before[-1].word == ".":
            yield from self._members()
        elif before and before[-1].word == "AS":
            return
        elif before and before[-1].word == "COHORT":
            yield from self._definitions()
        elif before and before[-1].word == "OVER":
            for name in self.outline.branches[-1].windows:
                yield Candidate(name, detail="Window")
        else:
            yield from self._expression()

    # -- inside single quotes

    def _texts(self) -> Iterator[Candidate]:
        before = self.cursor.before
        if before and before[-1].word == "[":
            access = access_before(self.text, before[:-1])
            place = self._names.follow(access.chain) if access else None
            if place is not None and place.owner is not None and place.key is None:
                yield from self._properties(place.owner)
            return
        yield from self._values()
        yield from self._definitions()

    def _values(self) -> Iterator[Candidate]:
        """The values of what the text before the cursor compares with."""
        chain, place = self._compared
        if place is None:
            return
        kind = place.type.kind if place.type else Kind.UNKNOWN
        if place.owner is not None and place.key is not None:
            if kind is Kind.BOOLEAN:
                yield from (Candidate(word, "Value", _VALUES, written=word) for word in ("true", "false"))
            elif kind in {Kind.STRING, Kind.FLOAT}:
                for value in self.known.values(place.owner, place.key, self.cursor.written + self.cursor.term):
                    number = value if kind is Kind.FLOAT else None
                    yield Candidate(value, "Value", _VALUES, written=number, is_value=True)
        elif chain[-1] == "event" and kind in {Kind.STRING, Kind.UNKNOWN}:
            yield from (Candidate(name, "Value", _VALUES, "Event", is_value=True) for name in self.known.events())

    def _definitions(self) -> Iterator[Candidate]:
        """The names of cohorts behind IN COHORT, and of actions in ``matchesAction``."""
        before = self.cursor.before
        if before and before[-1].word == "COHORT":
            for cohort in self.facts.cohorts.values():
                yield Candidate(cohort.name, "Value", _VALUES, f"Cohort #{cohort.id}", is_value=True)
        elif [token.word for token in before[-2:]] == ["MATCHESACTION", "("]:
            for action in self.facts.actions.values():
                yield Candidate(action.name, "Value", _VALUES, f"Action #{action.id}", is_value=True)

    @cached_property
    def _compared(self) -> tuple[Sequence[str], Place | None]:
        # What the names are is asked for only where something is compared.
        if not _left_of_comparison(self.cursor.before):
            return (), None
        return compared_at(self.text, self.cursor.before, self._names)

    # -- names

    @cached_property
    def _names(self) -> Names:
        return names_at(self.text, self.outline, self.facts, self.known.tables())

    def _placeholders(self, names: Sequence[str]) -> Iterator[Candidate]:
        before = self.cursor.before
        behind = before[-1].word == "."
        access = access_before(self.text, before[:-1]) if behind else None
        prefix = f"{'.'.join(access.chain)}." if access else ""
        for name in names:
            if name.startswith(prefix):
                rest = name[len(prefix) :]
                yield Candidate(rest, "Constant", detail="Placeholder", written=rest)

    def _tables(self) -> Iterator[Candidate]:
        before = self.cursor.before
        known = self.known.tables() or TABLES
        if before and before[-1].word == ".":
            access = access_before(self.text, before[:-1])
            prefix = f"{'.'.join(access.chain)}." if access else "."
            names = [f"posthog.{name}" for name in TABLES] if prefix == "posthog." else known
            for name in names:
                if name.startswith(prefix):
                    yield _table(name[len(prefix) :])
            return
        for name in self._names.tables:
            yield Candidate(name, "Folder", _VALUES, "Table of WITH")
        for name in known:
            yield _table(name, _TABLES + name.startswith("raw_"))
        for name in TABLE_FUNCTIONS:
            written = f"{name}()" if self._needs_brackets else name
            yield Candidate(name, "Function", _FUNCTIONS + 1, "Table function", written=written)

    def _members(self) -> Iterator[Candidate]:
        access = access_before(self.text, self.cursor.before[:-1])
        place = self._names.follow(access.chain) if access else None
        if place is None:
            return
        for name, member in place.columns().items():
            yield Candidate(name, rank=_COLUMNS, detail=_detail(member))
        if place.owner is not None and place.key is None:
            yield from self._properties(place.owner)

    def _properties(self, owner: Owner) -> Iterator[Candidate]:
        definitions = owner.known(self.facts)
        # The project's own before PostHog's, else in their order.
        for name in sorted(definitions, key=lambda name: name.startswith("$")):
            if not name or ("%" in name and self.cursor.quote != "'"):
                continue  # PostHog refuses it as an identifier; properties['...'] takes it
            yield Candidate(name, detail=definitions[name] or None)

    # -- expressions

    def _expression(self) -> Iterator[Candidate]:
        before, branch, group = self.cursor.before, self.outline.branches[-1], self.outline.group
        clause = branch.clause.word if branch.clause else ""
        in_brackets = group.opening is not None and not group.is_query
        if not self.cursor.quote:
            yield from keywords(before, clause, _KEYWORDS, in_brackets=in_brackets)
        if not value_comes_next(before) or (not clause and not in_brackets):
            return
        names = self._names
        _, compared = self._compared
        wanted = compared.type if compared else None
        for name, place in names.columns.items():
            yield Candidate(name, rank=_rank(place, wanted), detail=_detail(place))
        for name in names.relations:
            yield Candidate(name, "Folder", _TABLES, "Table")
        if not self.cursor.quote:
            yield from self._values()
            yield from self._definitions()
            aggregates = clause not in _NO_AGGREGATES
            yield from function_candidates(_FUNCTIONS, aggregates=aggregates, wanted=wanted, call=self._needs_brackets)

    @property
    def _needs_brackets(self) -> bool:
        after = self.cursor.after
        return not (after and after[0].word == "(")


def _table(name: str, rank: int = 0) -> Candidate:
    # The name of a table of the warehouse has dots in it.
    return Candidate(name, "Folder", rank, "Table", written=".".join(map(hogql_identifier, name.split("."))))


def _columns_begin(query: str) -> int | None:
    """Where the columns of a query begin, outside of any brackets."""
    depth = 0
    for token in tokenise(query):
        depth += (token.word == "(") - (token.word == ")")
        if token.word == "SELECT" and depth == 0:
            return token.end
    return None


def _rank(place: Place, wanted: Type | None) -> int:
    """Where a column comes when a value of type ``wanted`` would fit."""
    if wanted is None:
        return _COLUMNS
    if place.type is None:
        return _TABLES
    return _COLUMNS if alike(place.type, wanted) else _KEYWORDS


def _detail(place: Place) -> str | None:
    return place.type.label if place.type else "Table"


def compared_at(text: str, before: Sequence[Token], names: Names) -> tuple[Sequence[str], Place | None]:
    """The name that what follows ``before`` is compared with, and what it leads to; nothing where nothing is."""
    tokens = _left_of_comparison(before)
    access = access_before(text, tokens) if tokens else None
    return (access.chain, names.follow(access.chain)) if access else ((), None)


def _left_of_comparison(before: Sequence[Token]) -> Sequence[Token]:
    """The tokens that end with what is compared; none where nothing is."""
    tokens = list(before)
    opened = _innermost_opening(tokens)
    if opened and tokens[opened - 1].word == "IN":
        tokens = tokens[: opened - 1]
    elif tokens and tokens[-1].word in _COMPARING:
        while tokens and tokens[-1].word in {"=", "!", "<", ">", "LIKE", "ILIKE"}:
            tokens.pop()
    else:
        return ()
    return tokens[:-1] if tokens and tokens[-1].word == "NOT" else tokens


def _innermost_opening(tokens: Sequence[Token]) -> int | None:
    """The place of the innermost bracket that is still open."""
    depth = 0
    for index in range(len(tokens) - 1, -1, -1):
        depth += (tokens[index].word in {"(", "[", "{"}) - (tokens[index].word in {")", "]", "}"})
        if depth > 0:
            return index
    return None
