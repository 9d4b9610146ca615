"""Cohorts: sets of persons, listed one by one (static) or found by what they are and did."""

from __future__ import annotations

from dataclasses import dataclass
from dataclasses import field as attribute
from typing import TYPE_CHECKING

from posthog_nb.embedded.hogql import ast
from posthog_nb.embedded.hogql.build import all_of, any_of, compare, field, negated, select, value
from posthog_nb.embedded.hogql.filters.behavior import Behavior, behavior_condition, read_behavior
from posthog_nb.embedded.hogql.filters.conditions import conditions
from posthog_nb.embedded.hogql.filters.properties import PropertyFilter, read_property
from posthog_nb.errors import InvalidInputError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from posthog_nb.embedded.hogql.facts import ProjectFacts

__all__ = ["Cohort", "CohortGroup", "cohort_members", "cohort_rows", "read_cohort", "referred_cohorts"]

_MOST_NESTED = 20
_KINDS = ("behavioral", "cohort", "person")


@dataclass(frozen=True)
class CohortGroup:
    """Conditions of which all (``AND``) or one (``OR``) must hold."""

    kind: str = "AND"
    values: tuple[CohortGroup | PropertyFilter | Behavior, ...] = ()


@dataclass(frozen=True)
class Cohort:
    """A cohort that the project has defined.

    Attributes:
        id: Its number.
        name: Its name; several may share one.
        is_static: Whether its persons are listed.
        definition: What makes a person part of it, when it is not static.
        version: How often it was changed.
    """

    id: int
    name: str
    is_static: bool = False
    definition: CohortGroup = attribute(default_factory=CohortGroup)
    version: int = 0


def read_cohort(found: object, *, depth: int = 0) -> CohortGroup:
    """The ``properties`` of a cohort's filters as PostHog's API writes them.

    Raises:
        InvalidInputError: they define no cohort.
    """
    if (
        not isinstance(found, dict)
        or found.get("type") not in ("AND", "OR")
        or not isinstance(found.get("values"), list)
    ):
        raise InvalidInputError("A cohort's properties are a group: {'type': 'AND' or 'OR', 'values': [...]}.")
    if depth > _MOST_NESTED:
        raise InvalidInputError(f"The conditions of a cohort are nested more than {_MOST_NESTED} deep.")
    return CohortGroup(found["type"], tuple(_read_one(one, depth) for one in found["values"]))


def _read_one(found: object, depth: int) -> CohortGroup | PropertyFilter | Behavior:
    if not isinstance(found, dict):
        raise InvalidInputError(f"A condition of a cohort is an object, not {found!r:.60}.")
    if "values" in found:
        return read_cohort(found, depth=depth + 1)
    if found.get("type") not in _KINDS:
        raise InvalidInputError(
            f"A cohort has no conditions of type {found.get('type')!r:.60}.", hint=f"There are {', '.join(_KINDS)}."
        )
    if found["type"] == "behavioral":
        return read_behavior(found)
    one = read_property(found)
    assert isinstance(one, PropertyFilter)  # noqa: S101 - only what has values is a group
    return one


def referred_cohorts(group: CohortGroup) -> Iterator[int]:
    """The cohorts that a definition is made of."""
    for one in group.values:
        if isinstance(one, CohortGroup):
            yield from referred_cohorts(one)
        elif isinstance(one, PropertyFilter) and one.kind == "cohort":
            yield int(str(one.value))


def cohort_members(cohort: Cohort, facts: ProjectFacts) -> ast.SelectQuery:
    """The ids of a cohort's persons, in one column.

    They are found when it is asked for them, so that they are those of now; PostHog keeps them, and finds them anew
    now and then.
    """
    if cohort.is_static:
        where = compare(field("cohort_id"), "==", cohort.id)
        return select(field("person_id"), table="static_cohort_people", where=where)
    return select(field("id"), table="persons", where=_group(cohort.definition, facts))


def cohort_rows(facts: ProjectFacts) -> ast.SelectQuery | ast.SelectSetQuery:
    """Every cohort that is not static with its persons: what the table ``raw_cohort_people`` is read from."""
    found = [_rows(one, _group(one.definition, facts)) for one in facts.cohorts.values() if not one.is_static]
    first, *rest = found or [_rows(Cohort(0, ""), value(False))]
    if not rest:
        return first
    return ast.SelectSetQuery(
        ast.NOWHERE, first, tuple(ast.SelectSetNode(ast.NOWHERE, one, "UNION ALL") for one in rest)
    )


def _rows(cohort: Cohort, where: ast.Node) -> ast.SelectQuery:
    columns = (
        ("person_id", field("id")),
        ("cohort_id", value(cohort.id)),
        ("sign", value(1)),
        ("version", value(cohort.version)),
    )
    return select(
        *(ast.Alias(ast.NOWHERE, expr, name) for name, expr in columns),
        table="persons",
        where=where,
    )


def _group(group: CohortGroup, facts: ProjectFacts) -> ast.Node:
    parts = [_one(one, facts) for one in group.values]
    return all_of(parts) if group.kind == "AND" else any_of(parts)


def _one(one: CohortGroup | PropertyFilter | Behavior, facts: ProjectFacts) -> ast.Node:
    if isinstance(one, CohortGroup):
        return _group(one, facts)
    if isinstance(one, Behavior):
        return behavior_condition(one, facts)
    found = conditions([one], facts, scope="person")
    # A cohort's own negation is part of its condition already.
    return negated(found) if one.negation and one.kind != "cohort" else found
