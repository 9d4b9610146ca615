"""Functions of time whose ClickHouse form is more than another name.

Each takes an :class:`Invocation`, whose number of arguments has been checked, and gives the typed expression.
"""

from __future__ import annotations

from datetime import UTC, datetime
from functools import reduce
from typing import TYPE_CHECKING

from posthog_nb.embedded.hogql.sql import Func, Literal, call
from posthog_nb.embedded.hogql.typed import Typed
from posthog_nb.embedded.hogql.types import DATE, DATETIME, INTEGER, INTERVAL, STRING, UNKNOWN, Kind

if TYPE_CHECKING:
    from collections.abc import Callable

    from posthog_nb.embedded.hogql.functions import Invocation
    from posthog_nb.embedded.hogql.sql import Expr

_TIMES = (Kind.DATETIME, Kind.DATE, Kind.INTEGER, Kind.FLOAT)

_PLAIN_TIME_LENGTH = len("2024-01-02 03:04:05")


def to_date(it: Invocation) -> Typed:
    """``toDate``: text that is no date is NULL."""
    value = it.args[0]
    if value.type.kind in _TIMES:
        return Typed(call("toDate", value.expr), DATE.or_null(value.type.nullable))
    return Typed(call("toDateOrNull", _as_text(value)), DATE.or_null())


def to_date_time(it: Invocation) -> Typed:
    """``toDateTime``, by what it is given; text is read in the project's zone."""
    value = it.args[0]
    zone: Expr = it.args[1].expr if len(it.args) > 1 else Literal(it.zone)
    if value.text is not None:
        return Typed(_constant_time(value.text, zone), DATETIME)
    if value.type.kind in _TIMES:
        return Typed(call("toDateTime", value.expr, zone), DATETIME.or_null(value.type.nullable))
    return Typed(call("parseDateTime64BestEffortOrNull", _as_text(value), 6, zone), DATETIME.or_null())


def _constant_time(text: str, zone: Expr) -> Expr:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is not None or "T" in text or len(text) < len("2024-01-02"):
        return call("parseDateTime64BestEffort", text, 6, zone)
    if len(text) > _PLAIN_TIME_LENGTH:
        return call("toDateTime64", text, 6, zone)
    if len(text) in (_PLAIN_TIME_LENGTH, len("2024-01-02")):
        return call("toDateTime", text, zone)
    return call("parseDateTime64BestEffort", text, 6, zone)


def _as_text(value: Typed) -> Expr:
    # Where the type is unknown the text of a time, a number or a text all parse to what they mean.
    return value.expr if value.type.kind is Kind.STRING else call("toString", value.expr)


def parse_best_effort(target: str) -> Callable[[Invocation], Typed]:
    """A parser of times that gives NULL for what is no time."""

    def rewrite(it: Invocation) -> Typed:
        zone: Expr = it.args[-1].expr if len(it.args) > 1 else Literal(it.zone)
        return Typed(call(target, _as_text(it.args[0]), 6, zone), DATETIME.or_null())

    return rewrite


def to_date_time64(it: Invocation) -> Typed:
    """``toDateTime64`` with precision and zone filled in."""
    precision = it.args[1].expr if len(it.args) > 1 else Literal(6)
    zone = it.args[2].expr if len(it.args) > 2 else Literal(it.zone)  # noqa: PLR2004 - the third argument
    value = it.args[0]
    return Typed(call("toDateTime64", value.expr, precision, zone), DATETIME.or_null(value.type.nullable))


def now(it: Invocation) -> Typed:
    """``now()``: the project's clock."""
    if it.facts.as_of is not None:
        moment = it.facts.as_of.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")
        return Typed(call("toTimeZone", call("toDateTime64", moment, 6, "UTC"), it.zone), DATETIME)
    return Typed(call("now64", 6, it.zone), DATETIME)


def today(offset: int) -> Callable[[Invocation], Typed]:
    """``today()`` and ``yesterday()``: the server's date, UTC on PostHog Cloud."""

    def rewrite(it: Invocation) -> Typed:
        moment = call("now", "UTC")
        if it.facts.as_of is not None:
            moment = call("toDateTime", it.facts.as_of.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S"), "UTC")
        date = call("toDate", moment)
        return Typed(call("minus", date, offset) if offset else date, DATE)

    return rewrite


def to_start_of_week(it: Invocation) -> Typed:
    """``toStartOfWeek``, with the project's first day of the week."""
    mode = it.args[1].expr if len(it.args) > 1 else Literal(3 if it.facts.week_start else 0)
    return Typed(call("toStartOfWeek", it.args[0].expr, mode), DATE.or_null(it.args[0].type.nullable))


_DATE_PARTS = {
    "year": "toYear", "quarter": "toQuarter", "month": "toMonth", "day": "toDayOfMonth", "hour": "toHour",
    "minute": "toMinute", "second": "toSecond", "dow": "toDayOfWeek", "doy": "toDayOfYear",
}  # fmt: skip


def date_part(it: Invocation) -> Typed:
    """``date_part('hour', x)``; NULL for a part that it does not know, and Sunday is 7, as in PostHog."""
    unit, moment = it.args
    branches = [
        branch
        for part, function in _DATE_PARTS.items()
        for branch in (call("equals", unit.expr, part), call(function, moment.expr))
    ]
    return Typed(Func("multiIf", (*branches, Literal(None))), INTEGER.or_null())


def add_interval(operator: str) -> Callable[[Invocation], Typed]:
    """``date_add(x, interval)`` and ``date_add('day', n, x)``."""

    def rewrite(it: Invocation) -> Typed:
        if len(it.args) == 2:  # noqa: PLR2004 - the short form
            moment, interval = it.args
            if moment.type.kind is Kind.INTERVAL:
                moment, interval = interval, moment
            return Typed(call(operator, moment.expr, interval.expr), moment.type)
        unit, amount, moment = it.args
        interval_function = _INTERVALS.get((unit.text or "").lower().removesuffix("s"))
        if interval_function is None:
            raise it.refuse(f"The first argument of {it.name} must be one of {', '.join(_INTERVALS)}")
        return Typed(call(operator, moment.expr, call(interval_function, amount.expr)), moment.type)

    return rewrite


_INTERVALS = {
    unit: f"toInterval{unit.capitalize()}"
    for unit in ("second", "minute", "hour", "day", "week", "month", "quarter", "year")
}


def date_trunc(it: Invocation) -> Typed:
    """``dateTrunc``: a time for small units, a date for weeks and larger ones."""
    unit = (it.args[0].text or "").lower()
    type_ = DATETIME if unit in {"second", "minute", "hour", "day"} else DATE
    if unit == "":
        type_ = UNKNOWN
    exprs = tuple(arg.expr for arg in it.args)
    return Typed(Func("dateTrunc", exprs), type_.or_null(it.args[1].type.nullable))


def date_bin(it: Invocation) -> Typed:
    """``date_bin(interval, x, origin)``."""
    interval, moment, origin = it.args
    return Typed(call("toStartOfInterval", moment.expr, interval.expr, origin.expr))


def make_timestamp(it: Invocation) -> Typed:
    """``make_timestamp(y, m, d, h, m, s)`` in the project's zone."""
    zone = it.args[6].expr if len(it.args) > 6 else Literal(it.zone)  # noqa: PLR2004 - the seventh
    return Typed(
        Func("makeDateTime", (*(arg.expr for arg in it.args[:6]), zone)),
        DATETIME.or_null(any(arg.type.nullable for arg in it.args)),
    )


def make_timestamptz(it: Invocation) -> Typed:
    """``make_timestamptz(y, m, d, h, m, s, zone)``: the time in UTC, moved into the zone."""
    *parts, zone = (arg.expr for arg in it.args)
    moment = Func("makeDateTime", (*parts, Literal("UTC")))
    return Typed(call("toTimeZone", moment, zone), DATETIME.or_null(any(arg.type.nullable for arg in it.args)))


def make_interval(it: Invocation) -> Typed:
    """``make_interval(years, months, days, hours, minutes, seconds)`` as a sum."""
    units = ("Year", "Month", "Day", "Hour", "Minute", "Second")
    parts = [call(f"toInterval{unit}", amount.expr) for unit, amount in zip(units, it.args, strict=True)]
    return Typed(reduce(lambda total, part: call("plus", total, part), parts), INTERVAL)


def time_zone(it: Invocation) -> Typed:
    """``timezone(zone, x)``."""
    return Typed(call("toTimeZone", it.args[1].expr, it.args[0].expr), it.args[1].type)


def to_time_zone(it: Invocation) -> Typed:
    """``toTimeZone(x)`` into the project's zone, or a given one."""
    zone = it.args[1].expr if len(it.args) > 1 else Literal(it.zone)
    return Typed(call("toTimeZone", it.args[0].expr, zone), DATETIME.or_null(it.args[0].type.nullable))


def first_as_utc(it: Invocation) -> Typed:
    """The windows of time of tumble and hop read their first argument in UTC."""
    first = call("toDateTime", it.args[0].expr, "UTC")
    return Typed(Func(it.name, (first, *(arg.expr for arg in it.args[1:]))))


def from_unix_timestamp(it: Invocation) -> Typed:
    """``fromUnixTimestamp(seconds)`` as a time, with a format as text, both in the project's zone."""
    if len(it.args) == 1:
        return to_timestamp(it)
    zone = it.args[2].expr if len(it.args) > 2 else Literal(it.zone)  # noqa: PLR2004 - the third
    return Typed(Func("fromUnixTimestamp", (it.args[0].expr, it.args[1].expr, zone)), STRING)


def to_timestamp(it: Invocation) -> Typed:
    """``to_timestamp(seconds)``, in the project's zone or a given one."""
    value = it.args[0]
    zone = it.args[1].expr if len(it.args) > 1 else Literal(it.zone)
    seconds = call("fromUnixTimestamp", value.expr)
    return Typed(call("toDateTime", seconds, zone), DATETIME.or_null(value.type.nullable))
