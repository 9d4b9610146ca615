"""The names that can be used where the cursor is.

Tables, subqueries and WITH are resolved as in any query. A piece that cannot be is known by its words alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from posthog_nb.embedded.hogql import ast
from posthog_nb.embedded.hogql.catalogue import TABLES
from posthog_nb.embedded.hogql.completion.outline import first_branch
from posthog_nb.embedded.hogql.completion.places import Names, Place, place_of
from posthog_nb.embedded.hogql.from_clause import resolve_from
from posthog_nb.embedded.hogql.parse import parse
from posthog_nb.embedded.hogql.relations import QueryColumn, QueryRelation, TableRelation
from posthog_nb.embedded.hogql.scope import CteTable, Scope
from posthog_nb.embedded.hogql.selects import SelectResolver
from posthog_nb.embedded.hogql.sql import CteSource
from posthog_nb.embedded.hogql.types import UNKNOWN
from posthog_nb.errors import HogQLError
from posthog_nb.syntax import tokenise

if TYPE_CHECKING:
    from collections.abc import Mapping

    from posthog_nb.embedded.hogql.completion.outline import Group, Outline, Source, With
    from posthog_nb.embedded.hogql.facts import ProjectFacts

__all__ = ["names_at"]


def names_at(text: str, outline: Outline, facts: ProjectFacts) -> Names:
    """Resolve what the outline tells."""
    reader = _Reader(text, facts)
    values: list[str] = []
    for branch in outline.branches:
        for known in branch.withs:
            if known.query is None:
                values.append(known.name)
            else:
                reader.read_with(known, known.query)
    innermost = outline.branches[-1]
    for source in innermost.sources:
        reader.read_source(source)
    scope = reader.scope
    if not scope.all_relations() and (innermost.clause is None or innermost.clause.word == "SELECT"):
        # No FROM is written yet. It is most likely to be of events.
        scope.unnamed.append(TableRelation(facts, reader.resolver.aliases, TABLES["events"], first=True))
    columns = {name: Place(UNKNOWN) for name in (*outline.arguments, *innermost.aliases, *values)}
    for relation in scope.all_relations():
        columns |= {name: place for name, place in place_of(relation).columns().items() if name not in columns}
    relations = {name: place_of(relation) for name, relation in scope.relations.items()}
    return Names(columns, relations, list(scope.tables), facts)


class _Reader:
    """Gives pieces of a text to the parser and the resolver."""

    def __init__(self, text: str, facts: ProjectFacts) -> None:
        self._text = text
        self.resolver = SelectResolver(text, facts)
        self.scope = Scope()

    def read_with(self, known: With, query: Group) -> None:
        """Make a table of WITH known."""
        self.scope.tables[known.name] = CteTable(self.resolver.aliases.new(), self._columns(query))

    def read_source(self, source: Source) -> None:
        """Make a table of FROM known. A name that is no table's is none's."""
        try:
            query = parse(f"SELECT 1 FROM {self._piece(source.start, source.end)}", {}, {})
            if isinstance(query, ast.SelectQuery):
                resolve_from(self.resolver, query.select_from, self.scope)
        except (HogQLError, RecursionError):
            if source.query is None:
                return
            aliases = self.resolver.aliases
            columns = self._columns(source.query)
            relation = QueryRelation(self.resolver.facts, aliases.new(), CteSource(aliases.new()), columns)
            if source.name is None:
                self.scope.unnamed.append(relation)
            else:
                self.scope.relations[source.name] = relation

    def _columns(self, group: Group) -> Mapping[str, QueryColumn]:
        """The columns of the query in brackets."""
        opening, closing = group.opening, group.closing
        piece = self._piece(opening.end if opening else 0, closing.start if closing else group.end)
        try:
            return self.resolver.query(parse(piece, {}, {}), self.scope).columns
        except (HogQLError, RecursionError):
            return {name: QueryColumn(name, UNKNOWN) for name in first_branch(piece, tokenise(piece)).columns}

    def _piece(self, start: int, end: int) -> str:
        """A piece of the text with a constant in place of each ``{...}``."""
        piece = self._text[start:end]
        kept, depth, begin = "", 0, 0
        for token in tokenise(piece):
            if token.word == "{":
                kept += "" if depth else f"{piece[begin : token.start]}1"
                depth += 1
            elif token.word == "}" and depth:
                depth, begin = depth - 1, token.end
        return kept + piece[begin:]
