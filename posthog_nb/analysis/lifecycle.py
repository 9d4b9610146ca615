"""Lifecycle: who is new, returning, resurrecting and dormant in each interval.

PostHog's own definition is followed (``posthog/hogql_queries/insights/lifecycle_query_runner.py``). Of a person with an
event in an interval:

- *returning*: the person was active in the interval before as well;
- *new*: the person was created in that interval, and was not active earlier in the range;
- *resurrecting*: neither.

*Dormant* in an interval is who was active in the one before and is not in it. Events without a person profile are left
out, and who was active in the interval before the range is known.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from posthog_nb.analysis.activity import Intervals
from posthog_nb.analysis.analysis import Analysis
from posthog_nb.analysis.asking import MOST_ROWS
from posthog_nb.analysis.conditions import all_of, condition
from posthog_nb.analysis.options import actor, enlarged, read_sampling, sample
from posthog_nb.analysis.period import Period
from posthog_nb.analysis.series import Series, read_series
from posthog_nb.analysis.text import Values, indented, literal

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date, datetime

    import altair as alt

    from posthog_nb.analysis.asking import Asking
    from posthog_nb.analysis.conditions import Properties
    from posthog_nb.operations.result import Result

__all__ = ["STATUSES", "Lifecycle", "lifecycle"]

STATUSES = ("new", "returning", "resurrecting", "dormant")
"""PostHog's statuses, in its order."""

_WITH_PROFILE = [{"key": "$process_person_profile", "operator": "is_not", "value": "false"}]


class Lifecycle(Analysis):
    """Who is new, returning, resurrecting and dormant: what :meth:`posthog_nb.client.Client.lifecycle` gives.

    The frame has a row for each interval and each status: columns ``date`` (when the interval began: DateTime in the
    zone of the analysis), ``status`` (one of :data:`STATUSES`), ``count`` (persons; of the dormant negative).
    """

    def __init__(self, result: Result, text: str, values: Values, title: str, facts: Mapping[str, Any]) -> None:
        super().__init__(result, text, values, title)
        self._facts = facts

    def plot(self) -> alt.Chart | alt.LayerChart | alt.FacetChart | alt.HConcatChart | alt.VConcatChart:
        """The picture: bars of who is there, and below of who is not any more."""
        from posthog_nb.analysis.charts.lifecycle import draw  # noqa: PLC0415 - Altair loads when a picture is drawn

        return draw(self.to_arrow(), title=self.title, **self._facts)


def lifecycle(  # noqa: PLR0913 - PostHog's options
    asking: Asking,
    series: str | Series = "$pageview",
    *,
    date_from: str | date | datetime = "-7d",
    date_to: str | date | datetime | None = None,
    interval: str = "day",
    properties: Properties = None,
    aggregation_group_type_index: int | None = None,
    sampling_factor: float | None = None,
    timezone: str | None = None,
) -> Lifecycle:
    """Ask for a lifecycle; :meth:`posthog_nb.client.Client.lifecycle` says what the options are.

    Raises:
        InvalidInputError: an option is not what it should be.
    """
    one, factor = read_series(series), read_sampling(sampling_factor)
    who, there_is_one = actor(aggregation_group_type_index)
    period, values = Period(date_from, date_to, interval, timezone), Values()
    intervals = Intervals(period, values, before=1)
    where = all_of(
        [
            intervals.contain,
            one.condition(values),
            condition(_WITH_PROFILE, values),
            condition(properties, values),
            there_is_one,
        ]
    )
    actors = (
        f"SELECT\n"
        f"  arraySort(groupUniqArray({intervals.number('timestamp')})) AS active,\n"
        f"  {intervals.number('min(person.created_at)')} AS created\n"
        f"FROM {sample(factor)}\n"
        f"WHERE {where}\n"
        f"GROUP BY {who}"
    )
    text = _text(intervals, actors, factor)
    title = f"Lifecycle: {one.label}"
    counted = "persons" if aggregation_group_type_index is None else "groups"
    facts = {"interval": interval, "timezone": timezone, "who": counted, "running": date_to is None}
    return Lifecycle(asking.run(text, values), text, values, title, facts)


def _text(intervals: Intervals, actors: str, sampling_factor: float | None) -> str:
    """The rows of the frame. Interval 0 is the one before the range, which tells who was active before."""
    statuses = literal(list(STATUSES))
    return (
        f"{intervals.definitions()}"
        f"SELECT\n"
        f"  {intervals.start('number')} AS date,\n"
        f"  status,\n"
        f"  if(status = 'dormant', -1, 1) * counts[indexOf(steps, (number, status))] AS count\n"
        f"FROM (\n"
        f"  SELECT steps, counts, number, status\n"
        f"  FROM (\n"
        f"    SELECT steps, counts, number\n"
        f"    FROM (\n"
        f"      SELECT groupArray(step) AS steps, groupArray(actors) AS counts\n"
        f"      FROM (\n"
        f"        SELECT\n"
        f"          arrayJoin(arrayConcat(\n"
        f"            arrayMap((number, place) -> (number, multiIf(\n"
        f"              place = 1, if(number = created, 'new', 'resurrecting'),\n"
        f"              active[place - 1] = number - 1, 'returning',\n"
        f"              'resurrecting'\n"
        f"            )), active, arrayEnumerate(active)),\n"
        f"            arrayMap(number -> (number + 1, 'dormant'), arrayFilter(\n"
        f"              number -> NOT has(active, number + 1), active\n"
        f"            ))\n"
        f"          )) AS step,\n"
        f"          {enlarged('count()', sampling_factor)} AS actors\n"
        f"        FROM (\n"
        f"          {indented(actors, 10)}\n"
        f"        )\n"
        f"        GROUP BY step\n"
        f"      )\n"
        f"    )\n"
        f"    ARRAY JOIN range(1, {intervals.count}) AS number\n"
        f"  )\n"
        f"  ARRAY JOIN {statuses} AS status\n"
        f")\n"
        f"ORDER BY date, indexOf({statuses}, status)\n"
        f"LIMIT {MOST_ROWS}"
    )
