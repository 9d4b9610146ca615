"""Telling events apart by a property or by cohorts, as PostHog's breakdowns do.

For a module that writes a query:

- :func:`read_breakdown` reads the options; None where there is no breakdown.
- :meth:`Breakdown.value` is an expression of an event, the text that is shown: never NULL, and of every value
  *before* the most frequent are chosen. With cohorts an event of a person in two of them is there twice
  (``arrayJoin``), so it belongs into the SELECT of the innermost query, once.
- :meth:`Breakdown.rank` orders the values, in a query that has one row for each: those that are none come last,
  the others by their total (``posthog/hogql_queries/insights/trends/trends_query_builder.py``).
- :meth:`Breakdown.shown` is then the value, or :data:`OTHER` for those after the first ``limit``, and
  :meth:`Breakdown.kept` the condition that leaves those away.

A whole example, by total::

    SELECT {shown} AS breakdown_value, sum(total) AS count
    FROM (
        SELECT breakdown_value, total, {rank} AS rank
        FROM (SELECT {value} AS breakdown_value, count() AS total FROM events GROUP BY breakdown_value)
    )
    GROUP BY breakdown_value
    ORDER BY min(rank)
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from posthog_nb.analysis.conditions import property_of
from posthog_nb.analysis.options import as_list, read_whole
from posthog_nb.errors import InvalidInputError

if TYPE_CHECKING:
    from posthog_nb.analysis.text import Values

__all__ = ["ALL_USERS", "BREAKDOWN_TYPES", "NONE", "OTHER", "Breakdown", "read_breakdown"]

OTHER = "Other (i.e. all remaining values)"
"""PostHog's label of what is not among the most frequent values."""

NONE = "None (i.e. no value)"
"""PostHog's label of events that lack the property, or have it empty."""

ALL_USERS = "all users"
"""PostHog's label of the cohort ``"all"``."""

BREAKDOWN_TYPES = ("event", "person", "session", "hogql", "event_metadata", "cohort")
"""The types that ``breakdown_type`` takes."""

_BETWEEN = "::"
_MOST_PROPERTIES = 3


@runtime_checkable
class _NamedCohort(Protocol):
    """What a :class:`~posthog_nb.analysis.cohort.Cohort` is here."""

    id: int
    name: str


@dataclass(frozen=True)
class Breakdown:
    """What events are told apart by.

    Attributes:
        properties: Expressions of an event; of several, the texts are joined by ``::`` as PostHog's labels are.
        cohorts: Cohorts in place of properties: each a name or a number as HogQL has it, None for all, and its label.
        limit: How many values are shown; the rest is :data:`OTHER`.
        hide_other: Leave the rest away instead.
    """

    properties: tuple[str, ...] = ()
    cohorts: tuple[tuple[str | int | None, str], ...] = ()
    limit: int = 25
    hide_other: bool = False

    def value(self, values: Values) -> str:
        """The text that an event is told apart by, as HogQL."""
        if self.cohorts:
            return self._cohorts(values)
        none = values.bind(NONE, "none")
        texts = [f"ifNull(nullIf(toString({one}), ''), {none})" for one in self.properties]
        if len(texts) == 1:
            return texts[0]
        return f"arrayStringConcat([{', '.join(texts)}], {values.bind(_BETWEEN, 'between')})"

    @property
    def none(self) -> str:
        """The text of an event that has none of the properties."""
        return _BETWEEN.join([NONE] * max(1, len(self.properties)))

    def rank(self, values: Values) -> str:
        """The place of a value among all by its ``total``, from 1, as a window function over rows of one value each."""
        return f"row_number() OVER (ORDER BY {self.is_none(values)}, total DESC, breakdown_value)"

    def is_none(self, values: Values) -> str:
        """The condition that a value is :data:`NONE`, or has it among several."""
        none = values.bind(NONE, "none")
        return f"position(breakdown_value, {none}) > 0" if len(self.properties) > 1 else f"breakdown_value = {none}"

    def shown(self, values: Values, rank: str = "rank", value: str = "breakdown_value") -> str:
        """The value, or :data:`OTHER` when its rank is beyond the limit."""
        if self.cohorts or self.hide_other:
            return value
        return f"if({rank} > {self.limit}, {values.bind(OTHER, 'other')}, {value})"

    def kept(self) -> str | None:
        """The condition that leaves the other values away; None where they are shown."""
        return f"rank <= {self.limit}" if self.hide_other and not self.cohorts else None

    def _cohorts(self, values: Values) -> str:
        found = []
        for cohort, label in self.cohorts:
            shown = f"[{values.bind(label, 'cohort_label')}]"
            if cohort is not None:
                shown = f"if(person_id IN COHORT {values.bind(cohort, 'cohort')}, {shown}, [])"
            found.append(shown)
        return f"arrayJoin({found[0]})" if len(found) == 1 else f"arrayJoin(arrayConcat({', '.join(found)}))"


def read_breakdown(
    breakdown: object, breakdown_type: str | None = None, breakdown_limit: int = 25, *, hide_other: bool = False
) -> Breakdown | None:
    """The breakdown that an analysis' options ask for; None when they ask for none.

    Args:
        breakdown: A property's name, or up to three of one type; a HogQL expression; or cohorts: each an object, a
            number, a name, or ``"all"`` for everyone.
        breakdown_type: One of :data:`BREAKDOWN_TYPES`; None is ``"event"``, and ``"cohort"`` for a cohort object.
        breakdown_limit: How many values are shown.
        hide_other: Whether the rest is left away (``breakdown_hide_other_aggregation``).

    Raises:
        InvalidInputError: an option is not what it should be.
    """
    limit = read_whole(breakdown_limit, "breakdown_limit", 1)
    if breakdown is None:
        if breakdown_type is not None:
            raise InvalidInputError(f"breakdown_type is {breakdown_type!r} without a breakdown.", argument="breakdown")
        return None
    listed = as_list(breakdown)
    if not listed:
        raise InvalidInputError("breakdown is empty.", argument="breakdown")
    kind = breakdown_type or ("cohort" if isinstance(listed[0], _NamedCohort) else "event")
    if kind == "cohort":
        return Breakdown(cohorts=_cohorts(listed), limit=len(listed))
    return Breakdown(properties=_properties(listed, kind), limit=limit, hide_other=hide_other)


def _properties(listed: list[object], kind: str) -> tuple[str, ...]:
    if kind not in BREAKDOWN_TYPES:
        group = 'A group\'s is breakdown="group_0.properties.plan", breakdown_type="hogql".'
        raise InvalidInputError(
            f"breakdown_type is {kind!r}.",
            hint=group if kind == "group" else f"There are {', '.join(BREAKDOWN_TYPES)}.",
            argument="breakdown_type",
        )
    if len(listed) > _MOST_PROPERTIES:
        raise InvalidInputError(
            f"breakdown has {len(listed)} properties.", hint=f"{_MOST_PROPERTIES} is the most.", argument="breakdown"
        )
    found = []
    for one in listed:
        if not isinstance(one, str) or not one:
            raise InvalidInputError(
                f"breakdown has {one!r}, which is no property's name.",
                hint='A cohort\'s number goes with breakdown_type="cohort".',
                argument="breakdown",
            )
        found.append(property_of(one, kind))
    return tuple(found)


def _cohorts(listed: list[object]) -> tuple[tuple[str | int | None, str], ...]:
    # One that is there twice would have its events counted twice.
    found = tuple(dict.fromkeys(map(_cohort, listed)))
    labels = [label for _, label in found]
    if twice := next((label for label in labels if labels.count(label) > 1), None):
        raise InvalidInputError(
            f"breakdown has two cohorts called {twice!r}.",
            hint="Give each once; cohorts of one name by their numbers.",
            argument="breakdown",
        )
    return found


def _cohort(given: object) -> tuple[str | int | None, str]:
    """A cohort as HogQL has it, and its label."""
    if isinstance(given, _NamedCohort):
        return given.id, given.name
    if given == "all":
        return None, ALL_USERS
    if isinstance(given, bool) or not isinstance(given, str | int) or not given:
        raise InvalidInputError(
            f"breakdown has {given!r}, which is no cohort.",
            hint='Give what ph.cohort() gives, a cohort\'s name or number, or "all".',
            argument="breakdown",
        )
    return given, str(given)
