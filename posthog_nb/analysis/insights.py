"""The analyses of a client, by PostHog's names and with PostHog's options; each is loaded when it is asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date, datetime

    from posthog_nb.analysis.asking import Asking
    from posthog_nb.analysis.cohort import Cohort
    from posthog_nb.analysis.conditions import Properties
    from posthog_nb.analysis.funnel import Exclusion, Funnel
    from posthog_nb.analysis.lifecycle import Lifecycle
    from posthog_nb.analysis.paths import Paths
    from posthog_nb.analysis.retention import Retention
    from posthog_nb.analysis.series import Series
    from posthog_nb.analysis.stickiness import Stickiness
    from posthog_nb.analysis.trends import Trends

    Day: TypeAlias = str | date | datetime
    OneBreakdown: TypeAlias = str | int | Cohort

__all__ = ["Insights"]


class Insights:
    """The seven analyses. A client is one, and a frame's accessor has the first six as well."""

    @property
    def _asking(self) -> Asking:
        """Where the analyses ask."""
        raise NotImplementedError

    def trends(  # noqa: PLR0913 - PostHog's options
        self,
        series: str | Series | Sequence[str | Series] = "$pageview",
        *,
        date_from: Day = "-7d",
        date_to: Day | None = None,
        interval: str = "day",
        properties: Properties = None,
        breakdown: OneBreakdown | Sequence[OneBreakdown] | None = None,
        breakdown_type: str | None = None,
        breakdown_limit: int = 25,
        breakdown_hide_other: bool = False,
        formula: str | None = None,
        cumulative: bool = False,
        compare: bool = False,
        compare_to: str | None = None,
        smoothing_intervals: int = 1,
        sampling_factor: float | None = None,
        timezone: str | None = None,
    ) -> Trends:
        """How often something happens, or to how many persons, over time.

        As PostHog's trends (https://posthog.com/docs/product-analytics/trends/overview).

        Args:
            series: What is counted, one or several: an event's name, or a :class:`posthog_nb.Series` with its math.
            date_from: Where the range of dates begins: a date, or one of PostHog's words such as ``"-7d"``.
            date_to: Where it ends; the end of today when left out.
            interval: ``"minute"``, ``"hour"``, ``"day"``, ``"week"`` or ``"month"``.
            properties: Which events: property filters or a HogQL expression.
            breakdown: A property's name, several, a HogQL expression, or cohorts, each value of which is told apart.
            breakdown_type: What ``breakdown`` is: ``"event"``, ``"person"``, ``"session"``, ``"hogql"``,
                ``"event_metadata"`` or ``"cohort"``.
            breakdown_limit: How many values are shown; the others are added up.
            breakdown_hide_other: Leave the others away.
            formula: Arithmetic over the series, such as ``"A / B"``, in place of them.
            cumulative: Each value with all before it.
            compare: The period before beside this one.
            compare_to: How far before, such as ``"-1y"``, in place of the period just before.
            smoothing_intervals: The mean of so many intervals, each with those before it.
            sampling_factor: The part of persons to look at, such as 0.1; counts and sums are enlarged.
            timezone: The zone that days begin in; the project's when left out.

        Returns:
            The trends; :class:`~posthog_nb.analysis.trends.Trends` has the columns of its frame.

        Raises:
            InvalidInputError: an option is not what it should be, or the rows are too many.
            QueryError: PostHog refused the query.
        """
        from posthog_nb.analysis.trends import trends  # noqa: PLC0415 - loaded when it is asked for

        return trends(
            self._asking,
            series,
            date_from=date_from,
            date_to=date_to,
            interval=interval,
            properties=properties,
            breakdown=breakdown,
            breakdown_type=breakdown_type,
            breakdown_limit=breakdown_limit,
            breakdown_hide_other=breakdown_hide_other,
            formula=formula,
            cumulative=cumulative,
            compare=compare,
            compare_to=compare_to,
            smoothing_intervals=smoothing_intervals,
            sampling_factor=sampling_factor,
            timezone=timezone,
        )

    def funnel(  # noqa: PLR0913 - PostHog's options
        self,
        series: Sequence[str | Series],
        *,
        date_from: Day = "-7d",
        date_to: Day | None = None,
        interval: str = "day",
        properties: Properties = None,
        funnel_window_interval: int = 14,
        funnel_window_interval_unit: str = "day",
        funnel_order_type: str = "ordered",
        funnel_viz_type: str = "steps",
        funnel_from_step: int = 0,
        funnel_to_step: int | None = None,
        bin_count: int | None = None,
        exclusions: Sequence[str | Exclusion] = (),
        breakdown: OneBreakdown | Sequence[OneBreakdown] | None = None,
        breakdown_type: str | None = None,
        breakdown_limit: int = 25,
        breakdown_attribution_type: str = "first_touch",
        breakdown_attribution_value: int | None = None,
        aggregation_group_type_index: int | None = None,
        sampling_factor: float | None = None,
        timezone: str | None = None,
    ) -> Funnel:
        """How many persons go through steps, how fast, and where they stop.

        As PostHog's funnels (https://posthog.com/docs/product-analytics/funnels, ``funnel-udf/src/steps.rs``).

        Args:
            series: The steps, two or more: names of events, or :class:`posthog_nb.Series` with filters.
            date_from: Where the range of dates begins: a date, or one of PostHog's words such as ``"-7d"``.
            date_to: Where it ends; now when left out.
            interval: For trends: ``"minute"``, ``"hour"``, ``"day"``, ``"week"`` or ``"month"``.
            properties: Which events: property filters or a HogQL expression.
            funnel_window_interval: The conversion window: how long after the first step a step counts.
            funnel_window_interval_unit: ``"second"``, ``"minute"``, ``"hour"``, ``"day"``, ``"week"`` or ``"month"``.
            funnel_order_type: ``"ordered"``: one step after the other, whatever else happens between; ``"strict"``:
                nothing else may; ``"unordered"``: in any order.
            funnel_viz_type: What to tell: ``"steps"``, ``"time_to_convert"`` or ``"trends"``.
            funnel_from_step: For times and trends: from which step, counted from 0.
            funnel_to_step: To which step, counted from 0; the last when left out.
            bin_count: Into how many bins times are put, 1 to 90; as many as PostHog chooses when left out.
            exclusions: What must not happen: names of events, or :class:`posthog_nb.Exclusion` with the steps between.
            breakdown: A property's name, several, a HogQL expression, or cohorts: each value is a funnel by itself.
            breakdown_type: What ``breakdown`` is: ``"event"``, ``"person"``, ``"session"``, ``"hogql"``,
                ``"event_metadata"`` or ``"cohort"``.
            breakdown_limit: How many values are shown; the others are one together, and left out of trends.
            breakdown_attribution_type: Which of a person's values counts: ``"first_touch"``, ``"last_touch"``, each of
                ``"all_events"``, or that of a ``"step"``.
            breakdown_attribution_value: For ``"step"``: which one, counted from 0.
            aggregation_group_type_index: Count groups of this type, 0 to 4, in place of persons.
            sampling_factor: The part of persons to look at, such as 0.1; counts are enlarged.
            timezone: The zone that days begin in; the project's when left out.

        Returns:
            The funnel; :class:`~posthog_nb.analysis.funnel.Funnel` has the columns of its frame.

        Raises:
            InvalidInputError: an option is not what it should be.
            QueryError: PostHog refused the query.
        """
        from posthog_nb.analysis.funnel import funnel  # noqa: PLC0415 - loaded when it is asked for

        return funnel(
            self._asking,
            series,
            date_from=date_from,
            date_to=date_to,
            interval=interval,
            properties=properties,
            funnel_window_interval=funnel_window_interval,
            funnel_window_interval_unit=funnel_window_interval_unit,
            funnel_order_type=funnel_order_type,
            funnel_viz_type=funnel_viz_type,
            funnel_from_step=funnel_from_step,
            funnel_to_step=funnel_to_step,
            bin_count=bin_count,
            exclusions=exclusions,
            breakdown=breakdown,
            breakdown_type=breakdown_type,
            breakdown_limit=breakdown_limit,
            breakdown_attribution_type=breakdown_attribution_type,
            breakdown_attribution_value=breakdown_attribution_value,
            aggregation_group_type_index=aggregation_group_type_index,
            sampling_factor=sampling_factor,
            timezone=timezone,
        )

    def retention(  # noqa: PLR0913 - PostHog's options
        self,
        target_entity: str | Series = "$pageview",
        returning_entity: str | Series | None = None,
        *,
        retention_type: str = "retention_recurring",
        retention_reference: str = "total",
        period: str = "Day",
        total_intervals: int = 8,
        minimum_occurrences: int = 1,
        date_from: Day | None = None,
        date_to: Day | None = None,
        properties: Properties = None,
        cumulative: bool = False,
        breakdown: OneBreakdown | Sequence[OneBreakdown] | None = None,
        breakdown_type: str | None = None,
        breakdown_limit: int = 25,
        aggregation_group_type_index: int | None = None,
        sampling_factor: float | None = None,
        timezone: str | None = None,
    ) -> Retention:
        """How many persons come back, and when: of each cohort, how many came in each interval after it.

        As PostHog's retention (https://posthog.com/docs/product-analytics/retention): intervals are those of the
        calendar, and a person is in the cohort of every interval with the target event.

        Args:
            target_entity: What puts a person into a cohort.
            returning_entity: What a person comes back with; the target event when left out.
            retention_type: ``"retention_recurring"`` for a cohort of each interval with the event,
                ``"retention_first_time"`` for that of the person's first event that fits the filters,
                ``"retention_first_ever_occurrence"`` for that of the first event of this name, if it fits them.
            retention_reference: What rates are of: ``"total"``, the cohort, or ``"previous"``, who came the interval
                before.
            period: ``"Hour"``, ``"Day"``, ``"Week"`` or ``"Month"``.
            total_intervals: How many intervals, the cohort's own among them.
            minimum_occurrences: How many returning events an interval needs.
            date_from: The first cohort's interval; by default there are as many cohorts as intervals.
            date_to: The last interval, which is looked at to its end.
            properties: Which events, of both.
            cumulative: Count who came in an interval or in a later one.
            breakdown: A property, or cohorts, to tell persons apart by.
            breakdown_type: PostHog's type of it: ``"event"``, ``"person"``, ``"cohort"``, ``"hogql"`` ...
            breakdown_limit: How many values of it; the rest is one more.
            aggregation_group_type_index: Count groups of this type in place of persons.
            sampling_factor: Look at a part of the persons only, and enlarge the counts.
            timezone: The zone that days begin in; the project's when left out.

        Raises:
            InvalidInputError: an option is not what it should be, or the rows are too many.
            QueryError: PostHog refused the query.
        """
        from posthog_nb.analysis.retention import retention  # noqa: PLC0415 - loaded when it is asked for

        return retention(
            self._asking,
            target_entity,
            returning_entity,
            retention_type=retention_type,
            retention_reference=retention_reference,
            period=period,
            total_intervals=total_intervals,
            minimum_occurrences=minimum_occurrences,
            date_from=date_from,
            date_to=date_to,
            properties=properties,
            cumulative=cumulative,
            breakdown=breakdown,
            breakdown_type=breakdown_type,
            breakdown_limit=breakdown_limit,
            aggregation_group_type_index=aggregation_group_type_index,
            sampling_factor=sampling_factor,
            timezone=timezone,
        )

    def stickiness(  # noqa: PLR0913 - PostHog's options
        self,
        series: str | Series | Sequence[str | Series] = "$pageview",
        *,
        date_from: Day = "-7d",
        date_to: Day | None = None,
        interval: str = "day",
        properties: Properties = None,
        stickiness_criteria: tuple[str, int] = ("gte", 1),
        cumulative: bool = False,
        sampling_factor: float | None = None,
        timezone: str | None = None,
    ) -> Stickiness:
        """On how many of the intervals persons do something.

        As PostHog's stickiness (https://posthog.com/docs/product-analytics/stickiness).

        Args:
            series: What persons do: one or several. Persons are counted, or with the math ``"unique_group"`` groups.
            date_from: Where the range begins.
            date_to: Where it ends.
            interval: ``"minute"``, ``"hour"``, ``"day"``, ``"week"`` or ``"month"``.
            properties: Which events.
            stickiness_criteria: How many events make an interval count: ``"gte"``, ``"lte"`` or ``"exact"``, and how
                many.
            cumulative: Count who was active in so many intervals or in more.
            sampling_factor: Look at a part of the persons only.
            timezone: The zone that days begin in; the project's when left out.

        Raises:
            InvalidInputError: an option is not what it should be.
            QueryError: PostHog refused the query.
        """
        from posthog_nb.analysis.stickiness import stickiness  # noqa: PLC0415 - loaded when it is asked for

        return stickiness(
            self._asking,
            series,
            date_from=date_from,
            date_to=date_to,
            interval=interval,
            properties=properties,
            stickiness_criteria=stickiness_criteria,
            cumulative=cumulative,
            sampling_factor=sampling_factor,
            timezone=timezone,
        )

    def lifecycle(  # noqa: PLR0913 - PostHog's options
        self,
        series: str | Series = "$pageview",
        *,
        date_from: Day = "-7d",
        date_to: Day | None = None,
        interval: str = "day",
        properties: Properties = None,
        aggregation_group_type_index: int | None = None,
        sampling_factor: float | None = None,
        timezone: str | None = None,
    ) -> Lifecycle:
        """Who is new, returning, resurrecting and dormant, over time.

        As PostHog's lifecycle (https://posthog.com/docs/product-analytics/lifecycle).

        Args:
            series: What persons do.
            date_from: The first interval.
            date_to: The last interval, which is looked at to its end.
            interval: ``"minute"``, ``"hour"``, ``"day"``, ``"week"`` or ``"month"``.
            properties: Which events.
            aggregation_group_type_index: Count groups of this type in place of persons.
            sampling_factor: Look at a part of the persons only, and enlarge the counts.
            timezone: The zone that days begin in; the project's when left out.

        Raises:
            InvalidInputError: an option is not what it should be.
            QueryError: PostHog refused the query.
        """
        from posthog_nb.analysis.lifecycle import lifecycle  # noqa: PLC0415 - loaded when it is asked for

        return lifecycle(
            self._asking,
            series,
            date_from=date_from,
            date_to=date_to,
            interval=interval,
            properties=properties,
            aggregation_group_type_index=aggregation_group_type_index,
            sampling_factor=sampling_factor,
            timezone=timezone,
        )

    def paths(  # noqa: PLR0913 - PostHog's options
        self,
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
        date_from: Day = "-7d",
        date_to: Day | None = None,
        properties: Properties = None,
        sampling_factor: float | None = None,
        timezone: str | None = None,
    ) -> Paths:
        """The ways that persons take: from which page, screen or event to which, step by step.

        As PostHog's user paths (https://posthog.com/docs/product-analytics/paths): what a person does without a break
        of thirty minutes is a path, and the same item several times in a row is one step of it.

        Args:
            include_event_types: Which events: ``"$pageview"``, ``"$screen"``, ``"custom_event"``, ``"hogql"``; none of
                them for every event.
            paths_hogql_expression: For ``"hogql"``: what the steps are called, such as ``"properties.$pathname"``.
            start_point: Look at paths from this item on.
            end_point: Look at paths up to this item.
            step_limit: The most steps of a path, 2 to 20.
            edge_limit: The most edges.
            min_edge_weight: Only edges as frequent, or more.
            max_edge_weight: Only edges as frequent, or less.
            path_groupings: Items that count as one; ``*`` is anything, as in ``"https://example.com/docs/*"``.
            local_path_cleaning_filters: What of items to replace, such as
                ``[{"regex": "/users/[0-9]+", "alias": "/users/<id>"}]``.
            exclude_events: Items that are left out.
            date_from: Where the range of dates begins: a date, or one of PostHog's words such as ``"-7d"``.
            date_to: Where it ends; now when left out.
            properties: Which events: property filters or a HogQL expression.
            sampling_factor: The part of persons to look at, such as 0.1; counts are enlarged.
            timezone: The zone that days begin in; the project's when left out.

        Returns:
            Edges, the most frequent first: ``step`` (UInt32, from 1 on), ``source``, ``target``, ``count``,
            ``average_conversion_time`` (Float64, seconds).

        Raises:
            InvalidInputError: an option is not what it should be.
            QueryError: PostHog refused the query.
        """
        from posthog_nb.analysis.paths import paths  # noqa: PLC0415 - loaded when it is asked for

        return paths(
            self._asking,
            include_event_types=include_event_types,
            paths_hogql_expression=paths_hogql_expression,
            start_point=start_point,
            end_point=end_point,
            step_limit=step_limit,
            edge_limit=edge_limit,
            min_edge_weight=min_edge_weight,
            max_edge_weight=max_edge_weight,
            path_groupings=path_groupings,
            local_path_cleaning_filters=local_path_cleaning_filters,
            exclude_events=exclude_events,
            date_from=date_from,
            date_to=date_to,
            properties=properties,
            sampling_factor=sampling_factor,
            timezone=timezone,
        )

    def cohort(
        self,
        name: str | int,
        definition: Any = None,  # noqa: ANN401 - HogQL, or a frame of any of the three kinds
        *,
        replace: bool = False,
    ) -> Cohort:
        """A set of persons that the project keeps: make one, or find one.

        What is made is PostHog's static cohort: it lists persons, and who is in it stays as it is until it is made
        anew. The key needs ``cohort:write`` for that, and ``cohort:read`` to find one.

        Args:
            name: What a new cohort is to be called; or the name or the number of one that is there.
            definition: Who is to be in it: a HogQL query with a column ``person_id``, ``distinct_id``, ``uuid`` or
                ``id``; or a pandas, polars or Arrow frame with such a column or with ``distinct_ids``, as
                :meth:`~posthog_nb.operations.persons.Persons.search` gives it. The first of these columns counts.
                Left out, the cohort is found.
            replace: Put the new cohort in the place of the static one that has its name, which PostHog then hides. The
                new one has a number of its own.

        Raises:
            InvalidInputError: the definition is not what it should be, means nobody, or lists an id that is no person
                of the project; or a cohort of this name is there already.
            NotFoundError: there is no such cohort.
            PermissionDeniedError: the key lacks a scope.
            QueryError: PostHog refused the query.
        """
        from posthog_nb.analysis.cohort import cohort  # noqa: PLC0415 - loaded when it is asked for

        return cohort(self._asking, name, definition, replace=replace)
