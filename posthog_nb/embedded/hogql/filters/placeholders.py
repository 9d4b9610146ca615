"""``{filters}`` in a query: the conditions that come beside its text, put in their place."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from posthog_nb.embedded.hogql import ast
from posthog_nb.embedded.hogql.build import all_of, compare, field, placed, value
from posthog_nb.embedded.hogql.filters.conditions import conditions
from posthog_nb.embedded.hogql.filters.dates import filter_date
from posthog_nb.embedded.hogql.filters.properties import PropertyFilter, PropertyGroup, read_properties
from posthog_nb.embedded.hogql.walk import rebuilt
from posthog_nb.errors import HogQLQueryError, InvalidInputError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from posthog_nb.embedded.hogql.facts import ProjectFacts
    from posthog_nb.embedded.hogql.parse import Query
    from posthog_nb.errors import Span

__all__ = ["NO_FILTERS", "QueryFilters", "fill_filters", "read_filters"]

_TIME_COLUMNS = {"events": "timestamp", "sessions": "$start_timestamp", "groups": "created_at"}
_KEYS = frozenset({"dateRange", "filterTestAccounts", "properties"})
_RANGE_KEYS = frozenset({"date_from", "date_to", "explicitDate"})
_ALL_TIME = "all"


@dataclass(frozen=True)
class QueryFilters:
    """What a query's ``{filters}`` stands for.

    Attributes:
        date_from: The first instant; None and ``all`` for no bound.
        date_to: The instant before which events count.
        properties: Conditions of which all must hold.
        without_test_accounts: Whether the project's own filters of test accounts must hold too.
    """

    date_from: str | None = None
    date_to: str | None = None
    properties: tuple[PropertyFilter | PropertyGroup, ...] = ()
    without_test_accounts: bool = False


NO_FILTERS = QueryFilters()


def read_filters(found: Mapping[str, Any]) -> QueryFilters:
    """The filters of a request: ``{"dateRange": {"date_from", "date_to"}, "properties": [...], "filterTestAccounts"}``.

    Raises:
        InvalidInputError: they are of another form.
    """
    _refuse_unknown(found, _KEYS, "filters")
    dates = found.get("dateRange") or {}
    if not isinstance(dates, dict):
        raise InvalidInputError(f"'dateRange' is an object with date_from and date_to, not {dates!r:.60}.")
    _refuse_unknown(dates, _RANGE_KEYS, "dateRange")
    for name in ("date_from", "date_to"):
        if not isinstance(dates.get(name), str | None):
            raise InvalidInputError(f"'{name}' is a date as text, not {dates[name]!r:.60}.")
    return QueryFilters(
        date_from=dates.get("date_from") or None,
        date_to=dates.get("date_to") or None,
        properties=read_properties(found.get("properties") or []),
        without_test_accounts=bool(found.get("filterTestAccounts")),
    )


def _refuse_unknown(found: Mapping[str, Any], known: frozenset[str], where: str) -> None:
    unknown = sorted(found.keys() - known)
    if unknown:
        raise InvalidInputError(f"'{unknown[0]}' is no part of {where}.", hint=f"There are {', '.join(sorted(known))}.")


def fill_filters(query: Query, text: str, filters: QueryFilters, facts: ProjectFacts) -> Query:
    """The query with every ``{filters}`` replaced by its conditions.

    Raises:
        HogQLQueryError: one stands where it means nothing.
    """
    filled = _Filler(text, filters, facts).node(query)
    assert isinstance(filled, (ast.SelectQuery, ast.SelectSetQuery))  # noqa: S101 - a query stays one
    return filled


class _Filler:
    def __init__(self, text: str, filters: QueryFilters, facts: ProjectFacts) -> None:
        self._text = text
        self._filters = filters
        self._facts = facts
        self._selects: list[ast.SelectQuery] = []
        # For each comparison around: whether a date in it is not set.
        self._unbounded: list[bool] = []

    def node(self, node: ast.Node) -> ast.Node:
        match node:
            case ast.SelectQuery():
                self._selects.append(node)
                filled = rebuilt(node, self.node)
                self._selects.pop()
                return filled
            case ast.CompareOperation():
                return self._comparison(node)
            case ast.Placeholder(expr=ast.Field(chain=chain)):
                return self._placeholder(node.span, chain)
            case _:
                return rebuilt(node, self.node)

    def _comparison(self, node: ast.CompareOperation) -> ast.Node:
        """A comparison with a date that is not set holds."""
        self._unbounded.append(False)
        filled = rebuilt(node, self.node)
        return ast.Constant(node.span, True) if self._unbounded.pop() else filled

    def _placeholder(self, span: Span, chain: tuple[str | int, ...]) -> ast.Node:
        try:
            match chain:
                case ("filters",):
                    return placed(self._all(span), span)
                case ("filters", "dateRange", "from" | "to" as end):
                    return self._date(span, str(end))
        except InvalidInputError as error:
            raise self._refusal(span, error.message, error.hint) from error
        name = ".".join(map(str, chain))
        raise self._refusal(
            span,
            f"Unsupported filters placeholder `{{{name}}}`. Supported filters placeholders are: `{{filters}}`, "
            "`{filters.dateRange.from}`, `{filters.dateRange.to}`.",
        )

    def _refusal(self, span: Span, message: str, hint: str | None = None) -> HogQLQueryError:
        return HogQLQueryError(message, hint=hint, text=self._text, span=span)

    def _all(self, span: Span) -> ast.Node:
        tables = dict(_tables(self._selects[-1].select_from))
        if not tables:
            raise self._refusal(
                span,
                "Cannot use 'filters' placeholder in a SELECT clause that does not select from the events, sessions, "
                "logs, traces or groups table.",
            )
        # Groups come first when there are several, then events, as in PostHog.
        table = next(name for name in ("groups", "events", "sessions") if name in tables)
        parts = [self._properties(tables, table), *self._bounds(table)]
        if self._filters.without_test_accounts:
            parts.append(conditions(self._facts.test_account_filters, self._facts))
        return all_of([part for part in parts if part != value(True)])

    def _properties(self, tables: Mapping[str, str], table: str) -> ast.Node:
        of_sessions = [
            one for one in self._filters.properties if isinstance(one, PropertyFilter) and one.kind == "session"
        ]
        if "sessions" not in tables:
            return conditions(self._filters.properties, self._facts, scope="group" if table == "groups" else "event")
        others = [one for one in self._filters.properties if one not in of_sessions]
        if others and "events" not in tables:
            raise InvalidInputError(
                "Can only use session properties in a filter when selecting from only the sessions table."
            )
        session = _renamed(conditions(of_sessions, self._facts, scope="session"), "sessions", tables["sessions"])
        return all_of([part for part in (session, conditions(others, self._facts)) if part != value(True)])

    def _bounds(self, table: str) -> Iterator[ast.Node]:
        time = field(_TIME_COLUMNS[table])
        for op, text in (("<", self._filters.date_to), (">=", self._filters.date_from)):
            if text is not None and text != _ALL_TIME:
                yield compare(time, op, value(filter_date(text, self._facts)))

    def _date(self, span: Span, end: str) -> ast.Node:
        text = self._filters.date_from if end == "from" else self._filters.date_to
        if text is not None and text != _ALL_TIME:
            return ast.Constant(span, filter_date(text, self._facts))
        if not self._unbounded:
            name = f"filters.dateRange.{end}"
            raise self._refusal(
                span,
                f"The `{{{name}}}` placeholder must be used directly in a comparison (e.g. `timestamp > {{{name}}}`), "
                "not nested inside a function call, when the date range is not set.",
            )
        self._unbounded[-1] = True
        return ast.Constant(span, True)


def _tables(join: ast.JoinExpr | None) -> Iterator[tuple[str, str]]:
    """The tables of a FROM that filters apply to, each with the name that it has there."""
    while join is not None:
        if isinstance(join.table, ast.Field):
            name = ".".join(map(str, join.table.chain)).removeprefix("posthog.")
            if name in _TIME_COLUMNS:
                yield name, join.alias or name
        join = join.next_join


def _renamed(node: ast.Node, name: str, alias: str) -> ast.Node:
    """The same condition where a table goes by another name."""
    if isinstance(node, ast.Field) and node.chain[0] == name:
        return ast.Field(node.span, (alias, *node.chain[1:]))
    return rebuilt(node, lambda child: _renamed(child, name, alias))
