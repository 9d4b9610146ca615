"""What is counted of a series in each interval: PostHog's ``math`` as HogQL.

As ``posthog/hogql_queries/insights/trends/aggregation_operations.py`` and the printed queries beside its tests
(``test_trends.ambr``) have it; https://posthog.com/docs/product-analytics/trends/aggregations says what each means.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from posthog_nb.analysis.conditions import all_of, condition, property_of
from posthog_nb.analysis.options import sample
from posthog_nb.analysis.text import indented
from posthog_nb.errors import InvalidInputError

if TYPE_CHECKING:
    from posthog_nb.analysis.breakdown import Breakdown
    from posthog_nb.analysis.conditions import Properties
    from posthog_nb.analysis.period import Period
    from posthog_nb.analysis.series import Series
    from posthog_nb.analysis.text import Values

__all__ = ["COUNTS", "MATHS", "Counting", "check_math"]

_OF_NUMBERS = {
    "avg": "avg",
    "sum": "sum",
    "min": "min",
    "max": "max",
    "median": "quantile(0.5)",
    "p75": "quantile(0.75)",
    "p90": "quantile(0.9)",
    "p95": "quantile(0.95)",
    "p99": "quantile(0.99)",
}
_PER_ACTOR = {f"{name}_count_per_actor": name for name in _OF_NUMBERS if name != "sum"}
_ACTIVE = {"weekly_active": 7, "monthly_active": 30}
_FIRST = ("first_time_for_user", "first_matching_event_for_user")
_ACTORS = {"dau", "unique_group", *_ACTIVE}

COUNTS = frozenset({"total", "unique_session", *_ACTORS, *_FIRST})
"""The maths that give whole numbers."""

MATHS = (
    "total",
    "dau",
    *_ACTIVE,
    "unique_session",
    "unique_group",
    *_FIRST,
    *_OF_NUMBERS,
    *_PER_ACTOR,
    "hogql",
)
"""PostHog's maths."""


def check_math(series: Series) -> None:
    """Refuse a series whose ``math`` cannot be worked out.

    Raises:
        InvalidInputError: there is no such math, or it lacks its property or group type.
    """
    math, group = series.math, series.math_group_type_index
    if math not in MATHS:
        raise InvalidInputError(f"The series {series.label!r} has the math {math!r}.", hint=f"There are {_listed()}.")
    if math == "hogql" or math in _OF_NUMBERS:
        if series.math_property is None:
            what = "an expression such as sum(properties.price)" if math == "hogql" else "a property"
            raise InvalidInputError(f"The math {math!r} needs {what} as math_property.")
    elif series.math_property is not None:
        raise InvalidInputError(f"The math {math!r} is of events, not of the property {series.math_property!r}.")
    if math == "unique_group" and group is None:
        raise InvalidInputError("The math 'unique_group' needs a math_group_type_index, 0 to 4.")
    if group is not None and math not in _ACTORS:
        raise InvalidInputError(
            f"The series {series.label!r} has the math {math!r} and the math_group_type_index {group!r}.",
            hint=f"It goes with {', '.join(sorted(_ACTORS))}.",
        )


def _listed() -> str:
    return ", ".join(MATHS)


@dataclass(frozen=True)
class Counting:
    """A series to be counted.

    Attributes:
        series: What is counted.
        period: When.
        properties: The filters of the whole analysis.
        breakdown: What is told apart.
        sampling_factor: The share of persons that is looked at; None for all.
        cumulative: Whether the values are to be added up, so that an actor counts on its first interval only.
    """

    series: Series
    period: Period
    properties: Properties = None
    breakdown: Breakdown | None = None
    sampling_factor: float | None = None
    cumulative: bool = False

    @property
    def whole(self) -> bool:
        """Whether the values are whole numbers."""
        return self.series.math in COUNTS

    @property
    def scaled(self) -> bool:
        """Whether PostHog divides what it found among a sample by the factor (``correct_result_for_sampling``)."""
        statistical = self.series.math in _PER_ACTOR or (self.series.math in _OF_NUMBERS and self.series.math != "sum")
        return self.sampling_factor is not None and not statistical

    def query(self, values: Values) -> str:
        """The query: columns ``bucket``, [``breakdown_value``,] ``value``, a row for each that there is."""
        math = self.series.math
        if math in _FIRST:
            return self._first_time(values)
        if self.cumulative and math in {"dau", "unique_group"}:
            return self._first_in_range(values)
        if math in _ACTIVE and not self._longer(_ACTIVE[math]):
            return self._active(values, _ACTIVE[math])
        if math in _PER_ACTOR:
            within = self._grouped(values, "count() AS actions", "person_id")
            return self._of(within, f"{_OF_NUMBERS[_PER_ACTOR[math]]}(actions * 1.0)")
        if self.series.math_property == "$session_duration" and math in _OF_NUMBERS:
            within = self._grouped(values, "any(session.$session_duration) AS duration", "$session_id")
            return self._of(within, self._number("duration"))
        return self._grouped(values, f"{self._aggregate()} AS value")

    # -- the shapes of the query

    def _grouped(self, values: Values, column: str, *keys: str) -> str:
        return _select(
            [f"{self.period.bucket('timestamp')} AS bucket", *self._value(values), column],
            source=self._events,
            where=self._conditions(values),
            group_by=["bucket", *self._by, *keys],
        )

    def _of(self, within: str, aggregate: str) -> str:
        return _select(
            ["bucket", *self._by, f"{aggregate} AS value"], source=_sub(within), group_by=["bucket", *self._by]
        )

    def _first_in_range(self, values: Values) -> str:
        within = _select(
            [f"min({self.period.bucket('timestamp')}) AS bucket", *self._value(values)],
            source=self._events,
            where=self._conditions(values),
            group_by=[self._actor, *self._by],
        )
        return self._of(within, "count()")

    def _first_time(self, values: Values) -> str:
        """Persons by their first event: of all, which has to have the properties; or of those that have them."""
        bare = replace(self.series, properties=None)
        wanted = all_of([condition(self.properties, values), condition(self.series.properties, values)])
        matching = self.series.math == "first_matching_event_for_user"
        having = f"first_time >= {self.period.whole_start(values)}"
        if wanted is not None and not matching:
            having += f"\n  AND first_time = minIf(timestamp, {indented(wanted, 2)})"
        told = self._value(values)
        cohorts = self.breakdown is not None and bool(self.breakdown.cohorts)
        if self.breakdown is not None and not cohorts:
            told = [f"argMin({self.breakdown.value(values)}, (timestamp, toString(uuid))) AS breakdown_value"]
        within = _select(
            ["min(timestamp) AS first_time", *told],
            source=self._events,
            where=all_of([bare.condition(values), wanted if matching else None, self.period.ended(values)]),
            group_by=["person_id", *(self._by if cohorts else [])],
            having=having,
        )
        return _select(
            [f"{self.period.bucket('first_time')} AS bucket", *self._by, "count() AS value"],
            source=_sub(within),
            group_by=["bucket", *self._by],
        )

    def _active(self, values: Values, days: int) -> str:
        """Actors of the days up to each interval's first (of the hours or minutes, where the interval is one)."""
        unit = {"minute": "toStartOfMinute", "hour": "toStartOfHour", "week": "toDate"}.get(
            self.period.interval, "toStartOfDay"
        )
        since = self.period.moment(f"toStartOf{self.period.interval.capitalize()}({self.period.start(values)})")
        within = _select(
            [
                f"{unit}({self.period.zoned('timestamp')}) AS moment",
                *self._value(values),
                f"{self._actor} AS actor",
            ],
            source=self._events,
            where=all_of(
                [*self._filters(values), f"timestamp >= {since} - toIntervalDay({days})", self.period.ended(values)]
            ),
            group_by=["moment", *self._by, "actor"],
        )
        lasting = f"start -> start >= moment AND start < moment + toIntervalDay({days})"
        starts = indented(self.period.buckets(values), 4)
        return _select(
            [
                f"arrayJoin(arrayFilter(\n    {lasting},\n    {starts}\n  )) AS bucket",
                *self._by,
                "count(DISTINCT actor) AS value",
            ],
            source=_sub(within),
            group_by=["bucket", *self._by],
        )

    # -- their parts

    @property
    def _events(self) -> str:
        return sample(self.sampling_factor)

    @property
    def _by(self) -> list[str]:
        return [] if self.breakdown is None else ["breakdown_value"]

    @property
    def _actor(self) -> str:
        group = self.series.math_group_type_index
        return "person_id" if group is None else f"$group_{group}"

    def _value(self, values: Values) -> list[str]:
        return [] if self.breakdown is None else [f"{self.breakdown.value(values)} AS breakdown_value"]

    def _filters(self, values: Values) -> list[str | None]:
        group = self.series.math_group_type_index
        return [
            self.series.condition(values),
            condition(self.properties, values),
            None if group is None else f"$group_{group} != ''",
        ]

    def _conditions(self, values: Values) -> str | None:
        return all_of([*self._filters(values), self.period.contains(values, whole_intervals=True)])

    def _longer(self, days: int) -> bool:
        """Whether the interval is as long as the days that an actor is active for: it is counted once in each then."""
        return self.period.interval == "month" or (self.period.interval == "week" and days == _ACTIVE["weekly_active"])

    def _aggregate(self) -> str:
        math = self.series.math
        if math == "total":
            return "count()"
        if math == "unique_session":
            return "count(DISTINCT $session_id)"
        if math in _ACTORS:
            return f"count(DISTINCT {self._actor})"
        if math == "hogql":
            return f"ifNull(toFloat({property_of(str(self.series.math_property), 'hogql')}), 0)"
        return self._number(property_of(str(self.series.math_property)))

    def _number(self, column: str) -> str:
        # Without a number there is 0, as a formula needs one.
        return f"ifNull({_OF_NUMBERS[self.series.math]}(toFloat({column})), 0)"


def _select(
    columns: list[str], *, source: str, where: str | None = None, group_by: list[str], having: str | None = None
) -> str:
    lines = ["SELECT", ",\n".join(f"  {one}" for one in columns), f"FROM {source}"]
    if where is not None:
        lines.append(f"WHERE {where}")
    lines.append(f"GROUP BY {', '.join(group_by)}")
    if having is not None:
        lines.append(f"HAVING {having}")
    return "\n".join(lines)


def _sub(query: str) -> str:
    return f"(\n  {indented(query, 2)}\n)"
