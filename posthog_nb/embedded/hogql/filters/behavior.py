"""What persons did, as cohorts ask for it: an event so often, in order, for the first time, no more."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from posthog_nb.embedded.hogql import ast
from posthog_nb.embedded.hogql.build import all_of, call, compare, field, negated, select, value
from posthog_nb.embedded.hogql.filters.conditions import conditions
from posthog_nb.embedded.hogql.filters.dates import check_date, filter_date, project_now
from posthog_nb.embedded.hogql.filters.properties import PropertyFilter, PropertyGroup, read_properties, read_property
from posthog_nb.errors import InvalidInputError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping
    from datetime import datetime

    from posthog_nb.embedded.hogql.facts import ProjectFacts

__all__ = ["Behavior", "behavior_condition", "read_behavior"]

_SECONDS = {
    "minute": 60, "hour": 3_600, "day": 86_400, "week": 604_800, "month": 2_592_000, "year": 31_536_000,
}  # fmt: skip
_UNITS = {"minute": "M", "hour": "h", "day": "d", "week": "w", "month": "m", "year": "y"}
_COUNTS = {"gte": ">=", "lte": "<=", "gt": ">", "lt": "<", "eq": "==", "exact": "=="}
_KINDS = ("events", "actions")
_LONGEST = 10_000


@dataclass(frozen=True)
class Behavior:
    """One thing that persons did, in PostHog's words for it.

    Attributes:
        value: What is asked: performed_event, performed_event_multiple, performed_event_first_time,
            performed_event_sequence, performed_event_regularly, stopped_performing_event or
            restarted_performing_event.
        key: The event's name, or the number of the action.
        event_type: events or actions.
        event_filters: Conditions on the event's properties.
        explicit_datetime: From when on, as a date of a filter; in place of ``time_value``.
        explicit_datetime_to: Until when.
        time_value: How many of ``time_interval`` to go back.
        time_interval: minute, hour, day, week, month or year.
        operator: How ``operator_value`` compares with the count.
        operator_value: How often.
        seq_event: The second event of a sequence.
        seq_event_type: events or actions.
        seq_time_value: Within how many of ``seq_time_interval`` the second follows, or since when the first stopped.
        seq_time_interval: As ``time_interval``.
        min_periods: In how many periods at least.
        total_periods: Of how many.
        negation: Whether those are meant who did not.
    """

    value: str
    key: str | int
    event_type: str = "events"
    event_filters: tuple[PropertyFilter | PropertyGroup, ...] = ()
    explicit_datetime: str | None = None
    explicit_datetime_to: str | None = None
    time_value: int | None = None
    time_interval: str | None = None
    operator: str | None = None
    operator_value: int | None = None
    seq_event: str | int | None = None
    seq_event_type: str | None = None
    seq_time_value: int | None = None
    seq_time_interval: str | None = None
    min_periods: int | None = None
    total_periods: int | None = None
    negation: bool = False


_NUMBERS = ("time_value", "operator_value", "seq_time_value", "min_periods", "total_periods")
_SPAN = ("seq_time_value", "seq_time_interval")
_NEEDED: Mapping[str, tuple[str, ...]] = {
    "performed_event": (),
    "performed_event_first_time": (),
    "performed_event_multiple": ("operator_value",),
    "performed_event_sequence": ("seq_event", "seq_event_type", *_SPAN),
    "performed_event_regularly": ("operator_value", "min_periods", "total_periods", "time_value", "time_interval"),
    "stopped_performing_event": _SPAN,
    "restarted_performing_event": ("time_value", "time_interval", *_SPAN),
}


def read_behavior(found: Mapping[str, Any]) -> Behavior:
    """A condition of type ``behavioral`` as PostHog's API writes it.

    Raises:
        InvalidInputError: it is none, or a part is missing or of the wrong kind.
    """
    kind = found.get("value")
    if not isinstance(kind, str) or kind not in _NEEDED:
        raise InvalidInputError(f"{kind!r:.60} is nothing that persons do.", hint=f"There are {', '.join(_NEEDED)}.")
    given: dict[str, Any] = {name: _number(found, name) for name in _NUMBERS}
    for name in ("explicit_datetime", "explicit_datetime_to"):
        given[name] = _date(found, name)
    for name in ("time_interval", "seq_time_interval"):
        given[name] = _choice(found, name, _SECONDS)
    given["operator"] = _choice(found, "operator", _COUNTS)
    given["event_type"] = _choice(found, "event_type", _KINDS) or "events"
    given["seq_event_type"] = _choice(found, "seq_event_type", _KINDS)
    given["key"] = _event(found, "key", given["event_type"])
    if found.get("seq_event") is not None:
        given["seq_event"] = _event(found, "seq_event", given["seq_event_type"])
    filters = found.get("event_filters") or []
    given["event_filters"] = (read_property(filters),) if isinstance(filters, dict) else read_properties(filters)
    behavior = Behavior(value=kind, negation=found.get("negation") is True, **given)
    _check(behavior)
    return behavior


def _number(found: Mapping[str, Any], name: str) -> int | None:
    given = found.get(name)
    if given is None:
        return None
    if isinstance(given, bool) or not str(given).isdecimal() or not 0 < int(given) <= _LONGEST:
        raise InvalidInputError(f"'{name}' is a whole number from 1 to {_LONGEST}, not {given!r:.60}.")
    return int(given)


def _date(found: Mapping[str, Any], name: str) -> str | None:
    given = found.get(name)
    if given is not None and not isinstance(given, str):
        raise InvalidInputError(f"'{name}' is a date as text, not {given!r:.60}.")
    if given:
        check_date(given)
    return given or None


def _choice(found: Mapping[str, Any], name: str, known: Collection[str]) -> str | None:
    given = found.get(name)
    if given is None:
        return None
    if not isinstance(given, str) or given not in known:
        raise InvalidInputError(f"{given!r:.60} is no '{name}'.", hint=f"There are {', '.join(known)}.")
    return given


def _event(found: Mapping[str, Any], name: str, kind: str | None) -> str | int:
    given = found.get(name)
    if kind == "actions" and not isinstance(given, bool) and str(given).isdecimal():
        return int(str(given))
    if kind == "actions" or not isinstance(given, str) or not given:
        wanted = "the ID of an action" if kind == "actions" else "the name of an event"
        raise InvalidInputError(f"'{name}' is {wanted}, not {given!r:.60}.")
    return given


def _check(behavior: Behavior) -> None:
    needed = list(_NEEDED[behavior.value])
    if behavior.explicit_datetime is None:
        needed += [name for name in ("time_value", "time_interval") if name not in needed]
    for name in needed:
        if getattr(behavior, name) is None:
            raise InvalidInputError(f"'{behavior.value}' needs a '{name}'.")
    if (behavior.min_periods or 0) > (behavior.total_periods or behavior.min_periods or 0):
        raise InvalidInputError(
            f"min_periods ({behavior.min_periods}) cannot be greater than total_periods ({behavior.total_periods})"
        )


def behavior_condition(behavior: Behavior, facts: ProjectFacts) -> ast.Node:
    """Whether a row of ``persons`` is one who did that.

    Raises:
        InvalidInputError: a date in it is none.
    """
    found = _CONDITIONS[behavior.value](behavior, facts)
    return negated(found) if behavior.negation else found


def _did(where: ast.Node, having: ast.Node | None = None) -> ast.Node:
    person = field("person_id")
    return compare(field("id"), "in", select(person, table="events", where=where, group_by=(person,), having=having))


def _is_event(key: str | int | None, kind: str | None) -> ast.Node:
    return call("matchesAction", value(key)) if kind == "actions" else compare(field("event"), "==", value(key))


def _named(behavior: Behavior) -> ast.Node:
    return _is_event(behavior.key, behavior.event_type)


def _matching(behavior: Behavior, facts: ProjectFacts) -> ast.Node:
    return all_of([_named(behavior), conditions(behavior.event_filters, facts)])


def _back(count: int | None, unit: str | None) -> str:
    assert count is not None and unit is not None  # noqa: S101, PT018 - checked when it was read
    return f"-{count}{_UNITS[unit]}"


def _since(behavior: Behavior) -> str:
    return behavior.explicit_datetime or _back(behavior.time_value, behavior.time_interval)


def _stopped_at(behavior: Behavior) -> str:
    return _back(behavior.seq_time_value, behavior.seq_time_interval)


def _within(since: str, until: str | None, facts: ProjectFacts, subject: ast.Node | None = None) -> ast.Node:
    """In whole days from the one to the other, as insights count; until the end of today when nothing else is said."""
    time = subject or field("timestamp")
    last = filter_date(until, facts, truncate=True) if until else project_now(facts)
    return all_of(
        [
            compare(time, ">=", value(filter_date(since, facts, truncate=True))),
            compare(time, "<=", value(_end_of_day(last))),
        ]
    )


def _end_of_day(at: datetime) -> datetime:
    return at.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1, microseconds=-1)


def _performed(behavior: Behavior, facts: ProjectFacts) -> ast.Node:
    range_ = _within(_since(behavior), behavior.explicit_datetime_to, facts)
    return _did(all_of([_matching(behavior, facts), range_]))


def _first_time(behavior: Behavior, facts: ProjectFacts) -> ast.Node:
    """The first event of that name is in the range, and is one that fulfils the conditions."""
    first = call("min", field("timestamp"))
    matching = call("minIf", field("timestamp"), conditions(behavior.event_filters, facts))
    range_ = _within(_since(behavior), behavior.explicit_datetime_to, facts, first)
    return _did(_named(behavior), all_of([compare(first, "==", matching), range_]))


def _multiple(behavior: Behavior, facts: ProjectFacts) -> ast.Node:
    """Counted from the very instant on, not from the start of its day."""
    bounds = [compare(field("timestamp"), ">", value(filter_date(_since(behavior), facts)))]
    if behavior.explicit_datetime_to:
        bounds.append(compare(field("timestamp"), "<", value(filter_date(behavior.explicit_datetime_to, facts))))
    return _did(all_of([_matching(behavior, facts), *bounds]), _often_enough(behavior))


def _often_enough(behavior: Behavior) -> ast.Node:
    return compare(call("count"), _COUNTS[behavior.operator or "exact"], behavior.operator_value)


def _sequence(behavior: Behavior, facts: ProjectFacts) -> ast.Node:
    first, second = _named(behavior), _is_event(behavior.seq_event, behavior.seq_event_type)
    assert behavior.seq_time_value is not None  # noqa: S101 - checked when it was read
    milliseconds = value(behavior.seq_time_value * _SECONDS[behavior.seq_time_interval or ""] * 1_000)
    at = call("toUnixTimestamp64Milli", field("timestamp"))
    range_ = _within(_since(behavior), behavior.explicit_datetime_to, facts)
    if first == second:
        # A funnel would take one event for both steps: here two must be close enough.
        gaps = call("arrayPopFront", call("arrayDifference", call("arraySort", call("groupArray", at))))
        is_close = ast.Lambda(ast.NOWHERE, ("gap",), compare(field("gap"), "<=", milliseconds))
        return _did(all_of([first, range_]), compare(call("arrayExists", is_close, gaps), "==", 1))
    steps = call("windowFunnel", call("_toUInt64", at), first, second, params=(milliseconds,))
    return _did(range_, compare(steps, ">=", 2))


def _stopped(behavior: Behavior, facts: ProjectFacts) -> ast.Node:
    recently = replace(behavior, time_value=behavior.seq_time_value, time_interval=behavior.seq_time_interval)
    recent = replace(recently, explicit_datetime=None, explicit_datetime_to=None)
    return all_of([_performed(behavior, facts), negated(_performed(recent, facts))])


def _restarted(behavior: Behavior, facts: ProjectFacts) -> ast.Node:
    """Again lately, not for the first time, and not in the time before."""
    recent = replace(behavior, explicit_datetime=_stopped_at(behavior), explicit_datetime_to=None)
    before = replace(behavior, explicit_datetime=None, explicit_datetime_to=_stopped_at(behavior))
    return all_of([_performed(recent, facts), negated(_first_time(recent, facts)), negated(_performed(before, facts))])


def _regularly(behavior: Behavior, facts: ProjectFacts) -> ast.Node:
    unit, length = behavior.time_interval or "", behavior.time_value or 1
    if unit == "year":
        unit, length = "month", 12 * length
    since = _back(length * (behavior.total_periods or 1), unit)
    start = value(filter_date(since, facts, truncate=True))
    # Weeks start on the project's day, which dateDiff does not know.
    ends = [call("toStartOfWeek", one) if unit == "week" else one for one in (start, field("timestamp"))]
    period = call("intDiv", call("dateDiff", value(unit), *ends), value(length))
    person = field("person_id")
    periods = select(
        person,
        table="events",
        where=all_of([_matching(behavior, facts), _within(since, "-1d", facts)]),
        group_by=(person, period),
        having=_often_enough(behavior),
    )
    in_enough = compare(call("count"), ">=", behavior.min_periods)
    return compare(field("id"), "in", select(person, table=periods, group_by=(person,), having=in_enough))


_CONDITIONS: Mapping[str, Callable[[Behavior, ProjectFacts], ast.Node]] = {
    "performed_event": _performed,
    "performed_event_first_time": _first_time,
    "performed_event_multiple": _multiple,
    "performed_event_sequence": _sequence,
    "performed_event_regularly": _regularly,
    "stopped_performing_event": _stopped,
    "restarted_performing_event": _restarted,
}
