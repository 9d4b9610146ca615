"""The names that can be used where the cursor is.

Tables, subqueries and WITH are resolved as in any query. A piece that cannot be is known by its words alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from posthog_nb.embedded.hogql import ast
from posthog_nb.embedded.hogql.catalogue import TABLES
from posthog_nb.embedded.hogql.completion.cursor import access_before, name_of
from posthog_nb.embedded.hogql.completion.outline import first_branch
from posthog_nb.embedded.hogql.completion.places import Names, Place, place_of
from posthog_nb.embedded.hogql.from_clause import resolve_from
from posthog_nb.embedded.hogql.parse import parse
from posthog_nb.embedded.hogql.relations import QueryColumn, QueryRelation, TableRelation
from posthog_nb.embedded.hogql.scope import CteTable, Scope
from posthog_nb.embedded.hogql.selects import SelectResolver
from posthog_nb.embedded.hogql.sql import CteSource
from posthog_nb.embedded.hogql.types import UNKNOWN
from posthog_nb.errors import HogQLError, HogQLSyntaxError, Span
from posthog_nb.syntax import parser_available, tokenise

if TYPE_CHECKING:
    from collections.abc import Mapping

    from posthog_nb.embedded.hogql.completion.outline import Group, Outline, Source, With
    from posthog_nb.embedded.hogql.facts import ProjectFacts
    from posthog_nb.embedded.hogql.types import Type

__all__ = ["names_at"]


def names_at(
    text: str, outline: Outline, facts: ProjectFacts, tables: Mapping[str, Mapping[str, Type]] | None = None
) -> Names:
    """Resolve what the outline tells.

    Args:
        text: The query, as far as it is written.
        outline: Its pieces.
        facts: The project.
        tables: The project's tables with their columns, also those that the catalogue does not have.
    """
    tables = tables or {}
    reader = _Reader(text, facts, tables)
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
        columns |= {name: place for name, place in place_of(relation, tables).columns().items() if name not in columns}
    relations = {name: place_of(relation, tables) for name, relation in scope.relations.items()}
    return Names(columns, relations, reader.withs, facts)


def _plain_source(piece: str) -> ast.JoinExpr:
    """A table of FROM without the parser: its name and its alias.

    Raises:
        HogQLSyntaxError: it is anything else.
    """
    *name, last = tokens = tokenise(piece)
    chain = access_before(piece, tokens)
    alias = None
    if name and chain and chain.at:
        alias = name_of(piece, last)
        chain = access_before(piece, name[:-1] if name[-1].word == "AS" else name)
    if chain is None or chain.at:
        raise HogQLSyntaxError("This is no table's name.", text=piece)
    everything = Span(0, len(piece))
    return ast.JoinExpr(everything, table=ast.Field(everything, chain=chain.chain), alias=alias)


class _Reader:
    """Gives pieces of a text to the parser and the resolver."""

    def __init__(self, text: str, facts: ProjectFacts, tables: Mapping[str, Mapping[str, Type]]) -> None:
        self._text = text
        self.resolver = SelectResolver(text, facts)
        self.scope = Scope()
        self.withs: list[str] = []
        # A table that the catalogue does not have is to the resolver as if it stood in a WITH around the query.
        for name in tables.keys() - TABLES.keys():
            columns = {column: QueryColumn(column, type_) for column, type_ in tables[name].items()}
            self.scope.tables[name] = CteTable(self.resolver.aliases.new(), columns)

    def read_with(self, known: With, query: Group) -> None:
        """Make a table of WITH known."""
        self.withs.append(known.name)
        self.scope.tables[known.name] = CteTable(self.resolver.aliases.new(), self._columns(query))

    def read_source(self, source: Source) -> None:
        """Make a table of FROM known. A name that is no table's is none's."""
        piece = self._piece(source.start, source.end)
        try:
            if parser_available():
                query = parse(f"SELECT 1 FROM {piece}", {}, {})
                join = query.select_from if isinstance(query, ast.SelectQuery) else None
            else:
                join = _plain_source(piece)
            resolve_from(self.resolver, join, self.scope)
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
