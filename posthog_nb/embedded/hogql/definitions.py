"""What the project has defined by name, in queries: ``matchesAction(...)`` and ``IN COHORT``."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

from posthog_nb.embedded.hogql import ast, sql
from posthog_nb.embedded.hogql.build import placed
from posthog_nb.embedded.hogql.comparisons import compare
from posthog_nb.embedded.hogql.escape import hogql_string
from posthog_nb.embedded.hogql.filters.actions import action_condition
from posthog_nb.embedded.hogql.filters.cohorts import cohort_members, cohort_rows
from posthog_nb.embedded.hogql.names import NameResolver
from posthog_nb.embedded.hogql.refuse import unknown
from posthog_nb.embedded.hogql.relations import QueryColumn, TableRelation
from posthog_nb.embedded.hogql.scope import Scope
from posthog_nb.embedded.hogql.typed import Notice, Typed
from posthog_nb.errors import InvalidInputError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from posthog_nb.embedded.hogql.filters.actions import Action
    from posthog_nb.embedded.hogql.filters.cohorts import Cohort
    from posthog_nb.embedded.hogql.refuse import Refuse

__all__ = ["COHORT_OPERATORS", "DefinitionResolver"]

_D = TypeVar("_D", "Action", "Cohort")

COHORT_OPERATORS = {"in cohort": "in", "not in cohort": "not in"}
"""Operators whose right side names a cohort."""

_COHORT_MODE = "person_id_override_properties_joined"
"""PostHog finds the persons of a cohort by what they are now, whatever mode the project's queries have."""


class DefinitionResolver(NameResolver):
    """Puts the conditions of actions and cohorts where a query names them."""

    _cohorts_around: tuple[int, ...] = ()

    def matches_action(self, node: ast.Call, scope: Scope) -> Typed:
        """``matchesAction('name')`` or by ID, asked of the events in FROM."""
        refuse = self.refusal(*node.args, node)
        if len(node.args) != 1:
            raise refuse(f"Function 'matchesAction' expects 1 argument, found {len(node.args)}")
        action = self._defined(node.args[0], self.facts.actions, "action", "an action", refuse)
        events = next((one for one in scope.all_relations() if _is_events(one)), None)
        if events is None:
            raise refuse("matchesAction() needs the events table in FROM")
        with self._telling(refuse, f"The action {action.name!r}"):
            condition = placed(action_condition(action, self.facts), node.span)
        # Of the query around it the condition sees the event alone.
        inner = Scope(relations={"events": events}, in_join=scope.in_join, aggregate=scope.aggregate)
        with self._without_notices():
            return self.expr(condition, inner)

    def in_cohort(self, node: ast.CompareOperation, scope: Scope) -> Typed:
        """``person_id IN COHORT 'name'``, or by ID."""
        refuse = self.refusal(node.right, node)
        cohort = self._defined(node.right, self.facts.cohorts, "cohort", "a cohort", refuse)
        left = self.expr(node.left, scope)
        if cohort.id in self._cohorts_around:
            raise refuse(f"The cohort {cohort.name!r} is made of itself")
        around, self._cohorts_around = self._cohorts_around, (*self._cohorts_around, cohort.id)
        try:
            with self._telling(refuse, f"The cohort {cohort.name!r}"):
                members = placed(cohort_members(cohort, self.facts), node.right.span)
            statement, _ = self._as_persons_are_now(members)
        finally:
            self._cohorts_around = around
        return compare(COHORT_OPERATORS[node.op], left, Typed(sql.Scalar(statement)), bare=scope.in_join)

    def cohort_rows(self, refuse: Refuse) -> tuple[sql.Statement, dict[str, QueryColumn]]:
        """Every cohort that is not static with its persons."""
        with self._telling(refuse, "A cohort"):
            rows = cohort_rows(self.facts)
        return self._as_persons_are_now(rows)

    def _as_persons_are_now(
        self, query: ast.SelectQuery | ast.SelectSetQuery
    ) -> tuple[sql.Statement, dict[str, QueryColumn]]:
        facts, self.facts = self.facts, replace(self.facts, person_mode=_COHORT_MODE)
        try:
            with self._without_notices():
                return self.subquery(query, Scope())
        finally:
            self.facts = facts

    @contextmanager
    def _without_notices(self) -> Iterator[None]:
        """What is noticed inside of a definition stands nowhere in the query."""
        before = len(self.notices)
        yield
        del self.notices[before:]

    @staticmethod
    @contextmanager
    def _telling(refuse: Refuse, what: str) -> Iterator[None]:
        try:
            yield
        except InvalidInputError as error:
            raise refuse(f"{what} cannot be asked for: {error.message}", error.hint) from error

    def _defined(self, node: ast.Node, known: Mapping[int, _D], noun: str, one: str, refuse: Refuse) -> _D:
        """What a constant names, by ID or by a name that nothing else has; and a notice of the other way."""
        if not isinstance(node, ast.Constant):
            raise refuse(f"{noun}() takes only constant arguments")
        wanted = node.value
        if isinstance(wanted, int) and not isinstance(wanted, bool):
            if wanted not in known:
                the = "an action with the" if noun == "action" else "cohort with"
                raise refuse(f"Could not find {the} ID {wanted}")
            found = known[wanted]
            name = hogql_string(found.name)
            message = f"{noun.capitalize()} #{found.id} can also be specified as {name}"
            self.notices.append(Notice(message, node.span, fix=name))
            return found
        if not isinstance(wanted, str):
            raise refuse(f"{noun}() takes exactly one string or integer argument")
        matches = [found for found in known.values() if found.name == wanted]
        if not matches:
            names = [found.name for found in known.values()]
            raise unknown(refuse, f"Could not find {one} with the name '{wanted}'", wanted, names)
        if len(matches) > 1:
            raise refuse(f"Found multiple {noun}s with name '{wanted}'")
        found = matches[0]
        message = f"Searching for {noun} by name. Replace with numeric ID {found.id} to protect against renaming."
        self.notices.append(Notice(message, node.span, fix=str(found.id)))
        return found


def _is_events(relation: object) -> bool:
    return isinstance(relation, TableRelation) and relation.table.name == "events"
