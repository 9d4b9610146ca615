"""FROM: which tables a SELECT reads, and how they are joined."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from posthog_nb.embedded.hogql import ast, sql
from posthog_nb.embedded.hogql.build import placed
from posthog_nb.embedded.hogql.catalogue import TABLE_FUNCTIONS, TABLES
from posthog_nb.embedded.hogql.escape import literal
from posthog_nb.embedded.hogql.filters.placeholders import NO_FILTERS, fill_filters
from posthog_nb.embedded.hogql.parse import parse
from posthog_nb.embedded.hogql.refuse import unknown
from posthog_nb.embedded.hogql.relations import (
    Aliases,
    FunctionRelation,
    QueryColumn,
    QueryRelation,
    Relation,
    TableRelation,
    conjunction,
)
from posthog_nb.embedded.hogql.scope import Scope, column_value, find_in_relation
from posthog_nb.embedded.hogql.sql import call
from posthog_nb.errors import HogQLError

if TYPE_CHECKING:
    from posthog_nb.embedded.hogql.facts import ProjectFacts
    from posthog_nb.embedded.hogql.refuse import Refuse
    from posthog_nb.embedded.hogql.sql import Expr
    from posthog_nb.embedded.hogql.typed import Typed

__all__ = ["FromEntry", "resolve_from"]

_QUERY_RUNNERS = frozenset(
    {
        "TrendsQuery", "FunnelsQuery", "RetentionQuery", "PathsQuery", "StickinessQuery", "LifecycleQuery",
        "EventsQuery", "ActorsQuery", "SessionsTimelineQuery", "WebOverviewQuery", "WebStatsTableQuery",
    }
)  # fmt: skip
_JOIN_WORDS = frozenset("JOIN INNER LEFT RIGHT FULL OUTER CROSS ANY ALL SEMI ANTI ASOF".split())  # noqa: SIM905 - reads


class Resolver(Protocol):
    """What FROM needs of the resolver around it."""

    facts: ProjectFacts
    aliases: Aliases
    tables: set[str]

    def refusal(self, *nodes: ast.Node) -> Refuse:
        """Makes errors that point at the first node with a place."""

    def expr(self, node: ast.Node, scope: Scope) -> Typed:
        """Resolves an expression."""

    def subquery(self, query: ast.Node, scope: Scope) -> tuple[sql.Statement, dict[str, QueryColumn]]:
        """Resolves a nested query."""

    def cohort_rows(self, refuse: Refuse) -> tuple[sql.Statement, dict[str, QueryColumn]]:
        """Every cohort that is not static with its persons."""


@dataclass(frozen=True)
class FromEntry:
    """A table of FROM with the way it is joined."""

    relation: Relation
    kind: str = ""
    on: Expr | None = None
    using: tuple[str, ...] = ()


def resolve_from(resolver: Resolver, join: ast.JoinExpr | None, scope: Scope) -> list[FromEntry]:
    """Make the tables of FROM known to ``scope``, in order: ON sees the tables up to its own."""
    entries: list[FromEntry] = []
    while join is not None:
        before = scope.all_relations()
        relation = _relation(resolver, join, scope, first=not entries)
        _register(resolver, join, relation, scope)
        on = _condition(resolver, join, relation, before, scope)
        entries.append(FromEntry(relation, _kind(resolver, join) if before else "", on))
        join = join.next_join
    return entries


def _kind(resolver: Resolver, join: ast.JoinExpr) -> str:
    kind = join.join_type or "CROSS JOIN"
    if not set(kind.split()) <= _JOIN_WORDS:
        raise resolver.refusal(join)(f"{kind} is not supported")
    if join.constraint is None and "CROSS" not in kind:
        raise resolver.refusal(join)(f"{kind} needs a condition: ON or USING, or write CROSS JOIN")
    return kind


def _relation(resolver: Resolver, join: ast.JoinExpr, scope: Scope, *, first: bool) -> Relation:
    refuse = resolver.refusal(join)
    if join.column_aliases:
        raise refuse("Aliases for the columns of a table are not supported; name them in a subquery")
    if join.table_final:
        raise refuse("The FINAL keyword is not supported in HogQL as it causes slow queries")
    match join.table:
        case ast.Field(chain=chain):
            return _named(resolver, join, ".".join(map(str, chain)), scope, first=first)
        case ast.SelectQuery() | ast.SelectSetQuery():
            return _subquery(resolver, join, join.table, scope)
        case ast.HogQLXTag():
            # A query by itself: of the one around it, it sees nothing.
            return _subquery(resolver, join, _tag_query(resolver, join.table, refuse), Scope())
        case _:
            raise refuse("A table, a table function or a subquery is expected in FROM")


def _subquery(resolver: Resolver, join: ast.JoinExpr, query: ast.Node, scope: Scope) -> Relation:
    _refuse_sample(resolver, join)
    statement, columns = resolver.subquery(query, scope)
    return QueryRelation(resolver.facts, resolver.aliases.new(), sql.QuerySource(statement), columns)


def _tag_query(resolver: Resolver, tag: ast.HogQLXTag, refuse: Refuse) -> ast.Node:
    """The SELECT that ``<HogQLQuery query='...' />`` stands for."""
    if tag.kind in _QUERY_RUNNERS:
        raise refuse(f"<{tag.kind} /> is computed by PostHog's own insights, which are not here; write its HogQL.")
    text = next((one.value for one in tag.attributes if one.name == "query"), None)
    if tag.kind != "HogQLQuery":
        raise refuse(f"Unknown tag <{tag.kind} />.")
    if not isinstance(text, ast.Constant) or not isinstance(text.value, str):
        raise refuse("<HogQLQuery /> takes its query as text: <HogQLQuery query='select 1' />.")
    try:
        query = fill_filters(parse(text.value, {}, {}), text.value, NO_FILTERS, resolver.facts)
    except HogQLError as error:
        raise refuse(f"The query of <HogQLQuery /> cannot be read: {error.message}", error.hint) from error
    return placed(query, tag.span)


def _named(resolver: Resolver, join: ast.JoinExpr, name: str, scope: Scope, *, first: bool) -> Relation:
    refuse = resolver.refusal(join.table, join, *(join.table_args or ()))
    if join.table_args is not None:
        return _table_function(resolver, join, name)
    if name in scope.tables:
        _refuse_sample(resolver, join)
        cte = scope.tables[name]
        return QueryRelation(resolver.facts, resolver.aliases.new(), sql.CteSource(cte.name), cte.columns)
    table = TABLES.get(name.removeprefix("posthog."))
    if table is None:
        if name in TABLE_FUNCTIONS:
            raise refuse(f"Table function '{name}' requires arguments")
        known = f"Known tables: {', '.join(TABLES)}."
        bare = name.removeprefix("posthog.")
        raise unknown(refuse, f"Unknown table `{name}`.", bare, [*TABLES, *scope.tables], known)
    resolver.tables.add(table.name)
    rows = None
    if table.of_cohorts:
        _refuse_sample(resolver, join)
        rows, _ = resolver.cohort_rows(refuse)
    return TableRelation(resolver.facts, resolver.aliases, table, first=first, sample=_sample(join, refuse), rows=rows)


def _table_function(resolver: Resolver, join: ast.JoinExpr, name: str) -> Relation:
    refuse = resolver.refusal(join.table, join, *(join.table_args or ()))
    function = TABLE_FUNCTIONS.get(name)
    args = join.table_args or ()
    if function is None:
        if name.removeprefix("posthog.") in TABLES:
            raise refuse(f"Table '{name}' does not accept arguments")
        raise unknown(refuse, f"Unknown table `{name}`.", name, TABLE_FUNCTIONS)
    if not function.min_args <= len(args) <= function.max_args:
        which, bound = ("least", function.min_args) if len(args) < function.min_args else ("most", function.max_args)
        raise refuse(f"Table function '{name}' requires at {which} {bound} argument{'s' * (bound != 1)}")
    # Arguments see no tables: they are computed before any is read.
    values = tuple(resolver.expr(arg, Scope()).expr for arg in args)
    target, arguments = function.rewrite(values)
    return FunctionRelation(
        resolver.facts, resolver.aliases.new(), sql.FunctionSource(target, arguments), function.column
    )


def _refuse_sample(resolver: Resolver, join: ast.JoinExpr) -> None:
    if join.sample is not None:
        raise resolver.refusal(join.sample)("SAMPLE works on tables, not on subqueries")


def _sample(join: ast.JoinExpr, refuse: Refuse) -> str:
    if join.sample is None:
        return ""
    text = f" SAMPLE {_ratio(join.sample.sample_value, refuse)}"
    if join.sample.offset_value is not None:
        text += f" OFFSET {_ratio(join.sample.offset_value, refuse)}"
    return text


def _ratio(ratio: ast.RatioExpr, refuse: Refuse) -> str:
    parts = [part.value for part in (ratio.left, ratio.right) if part is not None]
    numbers = [part for part in parts if isinstance(part, (int, float)) and not isinstance(part, bool)]
    if len(numbers) != len(parts):
        raise refuse("SAMPLE takes numbers")
    return "/".join(literal(number) for number in numbers)


def _register(resolver: Resolver, join: ast.JoinExpr, relation: Relation, scope: Scope) -> None:
    table = join.table
    name = join.alias or (str(table.chain[-1]) if isinstance(table, ast.Field) else None)
    if name is None:
        scope.unnamed.append(relation)
        return
    if name in scope.relations:
        raise resolver.refusal(join)(f'Already have joined a table called "{name}". Can\'t redefine.')
    scope.relations[name] = relation


def _condition(
    resolver: Resolver, join: ast.JoinExpr, relation: Relation, before: list[Relation], scope: Scope
) -> Expr | None:
    constraint = join.constraint
    if constraint is None or not before:
        return None
    if constraint.constraint_type == "USING":
        return _using(resolver, constraint, relation, before)
    scope.in_join = True
    try:
        return resolver.expr(constraint.expr, scope).expr
    finally:
        scope.in_join = False


def _using(
    resolver: Resolver, constraint: ast.JoinConstraint, relation: Relation, before: list[Relation]
) -> Expr | None:
    exprs = constraint.expr.exprs if isinstance(constraint.expr, ast.Tuple) else (constraint.expr,)
    equalities = []
    for expr in exprs:
        refuse = resolver.refusal(expr)
        if not isinstance(expr, ast.Field) or len(expr.chain) != 1:
            raise refuse("USING takes column names")
        name = str(expr.chain[0])
        left = next((known for known in before if known.find(name) is not None), None)
        if left is None:
            names = {column for known in before for column in known.names()}
            raise unknown(refuse, f"Unable to resolve field: {name}", name, names)
        sides = []
        for side in (left, relation):
            located = find_in_relation(side, (name,), refuse)
            column = side.find(name)
            assert column is not None  # noqa: S101 - located just now
            sides.append((located.value or column_value(side, column)).expr)
        equalities.append(call("equals", *sides))
    return conjunction(list(equalities))
