"""The ways that persons take: from which page, screen or event to which, step by step.

Defined as PostHog's user paths are (https://posthog.com/docs/product-analytics/paths, ``PathsQueryRunner`` of
``posthog/hogql_queries/insights/paths/paths_query_runner.py`` and the queries printed beside its tests): what a person
does without a break of thirty minutes is one path, the same item twice in a row counts once, as its last time, and the
edges between the first ``step_limit`` items of all paths are counted.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from posthog_nb.analysis.analysis import Analysis
from posthog_nb.analysis.asking import MOST_ROWS
from posthog_nb.analysis.conditions import Properties, all_of, condition, property_of
from posthog_nb.analysis.options import as_list, enlarged, read_sampling, read_whole, sample
from posthog_nb.analysis.period import Period
from posthog_nb.analysis.text import Values, indented
from posthog_nb.errors import InvalidInputError

if TYPE_CHECKING:
    from datetime import date, datetime

    import altair as alt

    from posthog_nb.analysis.asking import Asking

__all__ = ["EVENT_TYPES", "Paths", "paths"]

_MOST_STEPS = 20
"""As many as PostHog's interface offers."""

EVENT_TYPES = ("$pageview", "$screen", "custom_event", "hogql")
"""PostHog's ``PathType``: what ``include_event_types`` may have."""

SESSION_SECONDS = 30 * 60
"""A break as long as this ends a path (``SESSION_TIME_THRESHOLD_DEFAULT_SECONDS``)."""

_NAMES = {
    "$screen": "properties.$screen_name",
    # Without the slash at its end, but for a lone one.
    "$pageview": r"replaceRegexpAll(ifNull(properties.$current_url, ''), '(.)/$', '\\1')",
}
"""What events of these types are called by."""

_CLEANING = {"regex", "alias"}


class Paths(Analysis):
    """The edges of paths: columns ``step``, ``source``, ``target``, ``count`` and ``average_conversion_time``.

    ``step`` is the place of the source in its path, from 1 on; ``count`` how often persons went from there to the
    target; ``average_conversion_time`` the seconds between the two on average. Most frequent first.
    """

    def plot(self) -> alt.Chart | alt.LayerChart | alt.FacetChart | alt.HConcatChart | alt.VConcatChart:
        """The picture: a Sankey diagram, a column a step."""
        from posthog_nb.analysis.charts.paths import draw  # noqa: PLC0415 - Altair is loaded when it is used

        return draw(self.to_arrow(), title=self.title)


def paths(  # noqa: PLR0913 - PostHog's options
    asking: Asking,
    *,
    include_event_types: Sequence[str] = ("$pageview",),
    paths_hogql_expression: str | None = None,
    start_point: str | None = None,
    end_point: str | None = None,
    step_limit: int = 5,
    edge_limit: int = 50,
    min_edge_weight: int | None = None,
    max_edge_weight: int | None = None,
    path_groupings: Sequence[str] = (),
    local_path_cleaning_filters: Sequence[Mapping[str, str]] = (),
    exclude_events: Sequence[str] = (),
    date_from: str | date | datetime = "-7d",
    date_to: str | date | datetime | None = None,
    properties: Properties = None,
    sampling_factor: float | None = None,
    timezone: str | None = None,
) -> Paths:
    """The ways that persons take; see :meth:`posthog_nb.client.Client.paths`.

    Raises:
        InvalidInputError: an option is not what it should be.
        QueryError: PostHog refused the query.
    """
    options = _Options(
        include_event_types=_texts(include_event_types, "include_event_types"),
        paths_hogql_expression=paths_hogql_expression,
        start_point=_point(start_point, "start_point"),
        end_point=_point(end_point, "end_point"),
        step_limit=read_whole(step_limit, "step_limit", 2, _MOST_STEPS, hint=f"A path has 2 to {_MOST_STEPS} steps."),
        edge_limit=read_whole(edge_limit, "edge_limit", 1, MOST_ROWS - 1),
        min_edge_weight=None if min_edge_weight is None else read_whole(min_edge_weight, "min_edge_weight", 1),
        max_edge_weight=None if max_edge_weight is None else read_whole(max_edge_weight, "max_edge_weight", 1),
        path_groupings=_texts(path_groupings, "path_groupings", empty=False),
        cleaning=_cleaning(local_path_cleaning_filters),
        exclude_events=_texts(exclude_events, "exclude_events"),
        period=Period(date_from, date_to, timezone=timezone),
        properties=properties,
        sampling_factor=read_sampling(sampling_factor),
    )
    values = Values()
    text = options.hogql(values)
    return Paths(asking.run(text, values), text, values, options.title)


@dataclass(frozen=True)
class _Options:
    """Options that have been checked, and the query that they make."""

    include_event_types: tuple[str, ...]
    paths_hogql_expression: str | None
    start_point: str | None
    end_point: str | None
    step_limit: int
    edge_limit: int
    min_edge_weight: int | None
    max_edge_weight: int | None
    path_groupings: tuple[str, ...]
    cleaning: tuple[tuple[str, str], ...]
    exclude_events: tuple[str, ...]
    period: Period
    properties: Properties
    sampling_factor: float | None

    def __post_init__(self) -> None:
        if unknown := [one for one in self.include_event_types if one not in EVENT_TYPES]:
            raise InvalidInputError(
                f"include_event_types has {unknown[0]!r}.",
                hint=f"There are {', '.join(EVENT_TYPES)}; other events are left out with exclude_events.",
                argument="include_event_types",
            )
        asked = "hogql" in self.include_event_types
        if asked and self.paths_hogql_expression is None:
            raise InvalidInputError(
                'include_event_types has "hogql", and there is no paths_hogql_expression.',
                hint="Give the HogQL expression whose values the steps are, such as properties.$pathname.",
                argument="paths_hogql_expression",
            )
        if self.paths_hogql_expression is not None and self.include_event_types and not asked:
            raise InvalidInputError(
                'paths_hogql_expression is given, and include_event_types does not have "hogql".',
                hint='Add "hogql" to include_event_types.',
                argument="include_event_types",
            )

    @property
    def title(self) -> str:
        """What the picture is of."""
        if self.start_point is None and self.end_point is None:
            return "Paths"
        return "Paths" + "".join(
            f" {word} {point}"
            for word, point in (("from", self.start_point), ("to", self.end_point))
            if point is not None
        )

    def hogql(self, values: Values) -> str:
        """The query."""
        step = "concat(toString({0}), '_', {1})".format
        count = enlarged("count", self.sampling_factor)
        return f"""\
WITH
  visits AS (
    SELECT
      person_id,
      timestamp,
      {indented(self._item(values), 6)} AS path_item
    FROM {sample(self.sampling_factor)}
    WHERE {indented(self._conditions(values), 4)}
  ),
  unbroken AS (
    SELECT arrayJoin(arraySplit(
      (visit, seconds) -> seconds >= {SESSION_SECONDS},
      visits,
      arrayDifference(arrayMap(visit -> visit.1, visits))
    )) AS visits
    FROM (
      SELECT arraySort(groupArray((timestamp, path_item))) AS visits
      FROM visits
      GROUP BY person_id
    )
  ),
  all_paths AS (
    -- The last of several visits in a row to the same item.
    SELECT arrayFilter(
      (visit, next) -> visit.2 != next,
      visits,
      arrayPushBack(arrayPopFront(arrayMap(visit -> visit.2, visits)), '')
    ) AS path
    FROM unbroken
  ),
  {indented(self._chosen(values), 2)},
  edges AS (
    SELECT
      edge.1 AS step,
      edge.2 AS source,
      edge.3 AS target,
      count() AS count,
      avg(edge.4) AS average_conversion_time
    FROM (
      SELECT arrayJoin(arrayMap(
        (step, visit, next, seconds) -> (step, visit.2, next.2, seconds),
        arrayEnumerate(arrayPopFront(path)),
        arrayPopBack(path),
        arrayPopFront(path),
        arrayPopFront(arrayDifference(arrayMap(visit -> visit.1, path)))
      )) AS edge
      FROM paths
    )
    GROUP BY step, source, target{self._weights(values)}
    ORDER BY count DESC, {step("step", "source")}, target
    LIMIT {self.edge_limit}
  )
SELECT
  edge.1 AS step,
  edge.2 AS source,
  edge.3 AS target,
  {count.replace("count", "edge.4")} AS count,
  edge.5 AS average_conversion_time
FROM (
  -- Of the edges that are left, those that can be come to from the first step.
  SELECT arrayJoin(arrayFilter(edge -> edge.1 = 1 OR has(reached, {step("edge.1", "edge.2")}), edges)) AS edge
  FROM (
    SELECT
      arraySort(groupArray((step, source, target, count, average_conversion_time))) AS edges,
      arrayFold(
        (reached, edge) -> if(
          edge.1 = 1 OR has(reached, {step("edge.1", "edge.2")}),
          arrayPushBack(reached, {step("edge.1 + 1", "edge.3")}),
          reached
        ),
        edges,
        ['']
      ) AS reached
    FROM edges
  )
)
ORDER BY edge.4 DESC, {step("step", "source")}, target
LIMIT {MOST_ROWS}"""

    def _item(self, values: Values) -> str:
        """What a visit is called."""
        names = {event: name for event, name in _NAMES.items() if self._told(event)}
        if set(self.include_event_types) == set(names) and len(names) == 1:
            # There are no other events.
            (item,) = names.values()
        else:
            item = "event"
            if self.paths_hogql_expression is not None:
                item = f"toString({property_of(self.paths_hogql_expression, 'hogql')})"
            cases = "".join(f"  event = {values.bind(event, 'event')}, {name},\n" for event, name in names.items())
            item = f"multiIf(\n{cases}  {item}\n)" if cases else item
        item = f"ifNull({item}, '')"
        for regex, alias in self.cleaning:
            item = f"replaceRegexpAll({item}, {values.bind(regex, 'regex')}, {values.bind(alias, 'alias')})"
        if not self.path_groupings:
            return item
        groupings = "".join(
            f"  match(ungrouped, {values.bind(_as_regex(grouping), 'regex')}), {values.bind(grouping, 'grouping')},\n"
            for grouping in self.path_groupings
        )
        return f"{item} AS ungrouped,\nmultiIf(\n{groupings}  ungrouped\n)"

    def _told(self, event: str) -> bool:
        """Whether this kind of event is called by its page or screen (``_should_query_event``)."""
        return event in self.include_event_types if self.include_event_types else event not in self.exclude_events

    def _conditions(self, values: Values) -> str:
        kinds = [
            f"event = {values.bind(kind, 'event')}" for kind in EVENT_TYPES[:2] if kind in self.include_event_types
        ]
        if "custom_event" in self.include_event_types:
            kinds.append("NOT startsWith(event, '$')")
        excluded = ", ".join(values.bind(event, "excluded") for event in self.exclude_events)
        return str(
            all_of([
                self.period.contains(values, whole_intervals=True),
                f"({' OR '.join(kinds)})" if len(kinds) > 1 else "".join(kinds) or None,
                f"path_item NOT IN ({excluded})" if excluded else None,
                condition(self.properties, values),
            ])
        )  # fmt: skip

    def _chosen(self, values: Values) -> str:
        """The part of each path that is looked at."""
        items = "arrayMap(visit -> visit.2, path)"
        source, common_tables = "all_paths", []
        if self.start_point is not None:
            start = values.bind(self.start_point, "start_point")
            common_tables.append(_table("from_start", f"arraySlice(path, indexOf({items}, {start}))", source, start))
            source = "from_start"
        if self.end_point is not None:
            end = values.bind(self.end_point, "end_point")
            common_tables.append(_table("to_end", f"arraySlice(path, 1, indexOf({items}, {end}))", source, end))
            source = "to_end"
        return ",\n".join([*common_tables, _table("paths", self._limited(), source)])

    def _limited(self) -> str:
        """At most so many steps: the first ones, the last ones before an end point, or the outer ones between two."""
        most = self.step_limit
        if self.end_point is None:
            return f"arraySlice(path, 1, {most})"
        if self.start_point is None:
            return f"arraySlice(path, -{most})"
        half = most // 2
        return f"""\
if(
      length(path) > {most},
      arrayConcat(arraySlice(path, 1, {half}), [(path[{half + 1}].1, '...')], arraySlice(path, -{half})),
      path
    )"""

    def _weights(self, values: Values) -> str:
        weights = [
            f"count {sign} {values.bind(weight, name)}"
            for name, sign, weight in (
                ("min_edge_weight", ">=", self.min_edge_weight),
                ("max_edge_weight", "<=", self.max_edge_weight),
            )
            if weight is not None
        ]
        return f"\n    HAVING {' AND '.join(weights)}" if weights else ""


def _table(name: str, path: str, source: str, point: str | None = None) -> str:
    where = "" if point is None else f"\n  WHERE has(arrayMap(visit -> visit.2, path), {point})"
    return f"{name} AS (\n  SELECT {path} AS path\n  FROM {source}{where}\n)"


def _as_regex(grouping: str) -> str:
    """A path with ``*`` for anything, as a regular expression; it may be found anywhere in an item."""
    return re.escape(grouping).replace(r"\*", ".*")


# -- reading options


def _texts(given: object, name: str, *, empty: bool = True) -> tuple[str, ...]:
    listed = as_list(given)
    if any(not isinstance(one, str) or not (one or empty) for one in listed):
        raise InvalidInputError(f"{name} is {given!r}.", hint="It is a list of texts.", argument=name)
    return tuple(listed)


def _point(given: object, name: str) -> str | None:
    """Where paths begin or end; like a page's address, without the slash at its end."""
    if given is None:
        return None
    if not isinstance(given, str) or not given:
        raise InvalidInputError(
            f"{name} is {given!r}.", hint="It is the text of an item, such as a page's address.", argument=name
        )
    return given[:-1] if len(given) > 1 and given.endswith("/") else given


def _cleaning(given: Any) -> tuple[tuple[str, str], ...]:  # noqa: ANN401 - checked here
    name = "local_path_cleaning_filters"
    if not isinstance(given, Sequence) or isinstance(given, str):
        raise InvalidInputError(f"{name} is {given!r}.", hint="It is a list of regex and alias.", argument=name)
    for one in given:
        if not isinstance(one, Mapping) or set(one) != _CLEANING or not all(isinstance(one[key], str) for key in one):
            raise InvalidInputError(
                f"{name} has {one!r}.", hint='A filter is such as {"regex": "/users/[0-9]+", "alias": "/users/<id>"}.',
                argument=name,
            )  # fmt: skip
    return tuple((one["regex"], one["alias"]) for one in given)
