"""The HogQL of a retention."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from posthog_nb.analysis.asking import MOST_ROWS
from posthog_nb.analysis.conditions import all_of, condition
from posthog_nb.analysis.options import actor, enlarged, sample
from posthog_nb.analysis.text import indented

if TYPE_CHECKING:
    from posthog_nb.analysis.activity import Intervals
    from posthog_nb.analysis.breakdown import Breakdown
    from posthog_nb.analysis.conditions import Properties
    from posthog_nb.analysis.series import Series
    from posthog_nb.analysis.text import Values

__all__ = ["RECURRING", "REFERENCES", "RETENTION_TYPES", "RetentionOptions", "RetentionQuery"]

RETENTION_TYPES = ("retention_recurring", "retention_first_time", "retention_first_ever_occurrence")
"""PostHog's retention types: in every interval with the target event; in that of the first one that fits the filters;
in that of the first one at all, if it fits."""

REFERENCES = ("total", "previous")
"""What a rate is of: the whole cohort, or who came in the interval before."""

RECURRING, FIRST_TIME, FIRST_EVER = RETENTION_TYPES

_LINE = 80


@dataclass(frozen=True)
class RetentionOptions:
    """What is asked for, checked."""

    target: Series
    returning: Series
    retention_type: str
    retention_reference: str
    period: str
    total_intervals: int
    minimum_occurrences: int
    properties: Properties
    cumulative: bool
    breakdown: Breakdown | None
    aggregation_group_type_index: int | None
    sampling_factor: float | None
    timezone: str | None
    frame: str | None


@dataclass(frozen=True)
class RetentionQuery:
    """The HogQL of a retention, from the outside in."""

    options: RetentionOptions
    intervals: Intervals
    values: Values

    @property
    def text(self) -> str:
        """The rows of the frame.

        A cell of the table is one number, the cohort's times how many intervals there are, plus the interval's: what
        is not among the cells is 0, whatever the breakdown.
        """
        total, count = self.options.total_intervals, self.intervals.count
        size, cell = f"start * {total}", f"start * {total} + interval"
        reference = "size"
        if self.options.retention_reference == REFERENCES[1]:
            reference = f"if(interval = 0, size, counts[indexOf(cells, {cell} - 1)])"
        value, carried, rank = "", "", ""
        if self.options.breakdown:
            value, carried, rank = "\n  breakdown_value,", "rank, breakdown_value, ", "rank, "
        return (
            f"{self.intervals.definitions()}"
            f"SELECT{value}\n"
            f"  {self.intervals.start('start')} AS date,\n"
            f"  counts[indexOf(cells, {size})] AS size,\n"
            f"  interval,\n"
            f"  counts[indexOf(cells, {cell})] AS count,\n"
            f"  if({reference} = 0, NULL, count / {reference}) AS rate\n"
            f"FROM (\n"
            f"  SELECT {carried}cells, counts, start, interval\n"
            f"  FROM (\n"
            f"    SELECT {carried}cells, counts, start\n"
            f"    FROM (\n"
            f"      {indented(self._tables(), 6)}\n"
            f"    )\n"
            f"    ARRAY JOIN range(0, {count}) AS start\n"
            f"  )\n"
            f"  ARRAY JOIN range(0, least({total}, {count} - start)) AS interval\n"
            f")\n"
            f"ORDER BY {rank}date, interval\n"
            f"LIMIT {MOST_ROWS}"
        )

    def _tables(self) -> str:
        """A row for each breakdown value: which cells are not 0, and what they are."""
        if self.options.breakdown is None:
            return (
                f"SELECT groupArray(cell) AS cells, groupArray(persons) AS counts\n"
                f"FROM (\n"
                f"  {indented(self._cells(), 2)}\n"
                f")"
            )
        shown = self.options.breakdown.shown(self.values, rank="place", value="value")
        return (
            f"SELECT\n"
            f"  {shown} AS breakdown_value,\n"
            f"  min(place) AS rank,\n"
            f"  sumMap(own_cells, own_counts) AS table,\n"
            f"  table.1 AS cells,\n"
            f"  table.2 AS counts\n"
            f"FROM (\n"
            f"  SELECT value, own_cells, own_counts, row_number() OVER (ORDER BY size DESC, value) AS place\n"
            f"  FROM (\n"
            f"    SELECT\n"
            f"      breakdown_value AS value,\n"
            f"      groupArray(cell) AS own_cells,\n"
            f"      groupArray(persons) AS own_counts,\n"
            f"      sumIf(persons, cell % {self.options.total_intervals} = 0) AS size\n"
            f"    FROM (\n"
            f"      {indented(self._cells(), 6)}\n"
            f"    )\n"
            f"    GROUP BY value\n"
            f"  )\n"
            f")\n"
            f"GROUP BY breakdown_value"
        )

    def _cells(self) -> str:
        """How many persons each cell has, where there is one."""
        total = self.options.total_intervals
        came = (
            f"arrayConcat([0], arrayFilter(\n"
            f"    later -> later > 0 AND later < {total},\n"
            f"    arrayMap(number -> number - start, returns)\n"
            f"  ))"
        )
        if self.options.cumulative:
            came = f"range(0, arrayMax({came}) + 1)"
        value = "breakdown_value, " if self.options.breakdown else ""
        return (
            f"SELECT\n"
            f"  {value}start * {total} + arrayJoin({came}) AS cell,\n"
            f"  {enlarged('count()', self.options.sampling_factor)} AS persons\n"
            f"FROM (\n"
            f"  {indented(self._persons(), 2)}\n"
            f")\n"
            f"ARRAY JOIN starts AS start\n"
            f"GROUP BY {value}cell"
        )

    def _persons(self) -> str:
        """A row a person: the numbers of the intervals with the target event and with the returning one."""
        options, values, within = self.options, self.values, self.intervals.contain
        who, there_is_one = actor(options.aggregation_group_type_index)
        target, returning = options.target.condition(values), options.returning.condition(values)
        named = target
        if options.retention_type == FIRST_EVER:
            named = replace(options.target, properties=None).condition(values)
        if options.retention_type == RECURRING:
            columns = self._recurring(target, returning)
            relevant = [within, _either(target, returning)]
        else:
            # Where both are one event, what is looked at has it said already.
            came_back = within if named == returning else all_of([within, returning])
            columns = self._first(target, named, came_back)
            relevant = [named if named == returning else _either(named, came_back)]
        groups = who
        if options.breakdown is not None:
            value = options.breakdown.value(values)
            if options.retention_type == FIRST_EVER and not options.breakdown.cohorts:
                # Where the person was on the first event, as PostHog has it; which one where two are at the same time
                # is not said there.
                value = _if("argMin", f"{value}, (timestamp, uuid)", named)
            else:
                groups += ", breakdown_value"
            columns.append(f"{value} AS breakdown_value")
        where = all_of([*relevant, condition(options.properties, values), there_is_one])
        shown = indented(",\n".join(columns), 2)
        return (
            f"SELECT\n"
            f"  {shown}\n"
            f"FROM {sample(options.sampling_factor)}\n"
            f"{'' if where is None else f'WHERE {where}' + chr(10)}"
            f"GROUP BY {groups}"
        )

    def _recurring(self, target: str | None, returning: str | None) -> list[str]:
        number = self.intervals.number("timestamp")
        if target == returning and self.options.minimum_occurrences == 1:
            return [f"groupUniqArray({number}) AS starts", "starts AS returns"]
        return [f"{_if('groupUniqArray', number, target)} AS starts", *self._returns(returning)]

    def _first(self, target: str | None, named: str | None, returning: str | None) -> list[str]:
        number = self.intervals.number("first_at")
        columns = [f"{_if('min', 'timestamp', target)} AS first_at"]
        conditions = ["first_at >= first_begins", "first_at < last_ends"]
        if self.options.retention_type == FIRST_EVER:
            columns.append(f"{_if('min', 'timestamp', named)} AS first_ever_at")
            conditions.append("first_at = first_ever_at")
        in_range = "\n    AND ".join(conditions)
        columns.append(f"if(\n  {in_range},\n  [{number}],\n  []\n) AS starts")
        return [*columns, *self._returns(returning)]

    def _returns(self, returning: str | None) -> list[str]:
        number, least = self.intervals.number("timestamp"), self.options.minimum_occurrences
        if least == 1:
            return [f"{_if('groupUniqArray', number, returning)} AS returns"]
        return [
            f"{_if('groupArray', number, returning)} AS all_returns",
            f"arrayFilter(number -> countEqual(all_returns, number) >= {least}, arrayDistinct(all_returns)) AS returns",
        ]


def _if(aggregate: str, arguments: str, found: str | None) -> str:
    """An aggregate of the rows that a condition holds for."""
    if found is None:
        return f"{aggregate}({arguments})"
    if len(arguments) + len(found) < _LINE and "\n" not in found:
        return f"{aggregate}If({arguments}, {found})"
    return f"{aggregate}If(\n  {arguments},\n  {indented(found, 2)}\n)"


def _either(one: str | None, other: str | None) -> str | None:
    """The condition that one or the other holds; None where that is always so."""
    if one is None or other is None:
        return None
    return one if one == other else f"((\n    {indented(one, 2)}\n  ) OR (\n    {indented(other, 2)}\n  ))"
