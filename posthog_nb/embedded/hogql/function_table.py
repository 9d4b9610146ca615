"""The functions of HogQL by name, as data. Adding one touches this file alone, or the table of its kind.

:mod:`.plain_table` has those of ClickHouse's own name, :mod:`.aggregate_table` aggregates and window functions,
:mod:`.posthog_table` those that only PostHog has. Here are the ones that PostHog rewrites, and the refused ones.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from posthog_nb.embedded.hogql import rewrites as rw
from posthog_nb.embedded.hogql import time_rewrites as tm
from posthog_nb.embedded.hogql.aggregate_table import AGGREGATES, WINDOW_FUNCTIONS
from posthog_nb.embedded.hogql.functions import Function
from posthog_nb.embedded.hogql.plain_table import PLAIN_FUNCTIONS
from posthog_nb.embedded.hogql.posthog_table import POSTHOG_FUNCTIONS
from posthog_nb.embedded.hogql.types import BOOLEAN, DATE, DATETIME, FLOAT, INTEGER, STRING, UNKNOWN, UUID, Kind, Type

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from posthog_nb.embedded.hogql.functions import Invocation
    from posthog_nb.embedded.hogql.typed import Typed

__all__ = ["ANY_CASE", "FUNCTIONS"]

_ANY_CASE = """
count min max sum avg if not concat coalesce lower upper replace substring position extract length reverse round floor
ceil abs now least greatest trim ltrim rtrim isnull ifnull nullif date_trunc date_diff date_add today exp ln log log2
log10 sin cos tan asin acos atan degrees radians factorial pow power sqrt sign trunc max2 min2 any row_number rank
dense_rank first_value last_value nth_value lag lead toString toDate toDateTime toUUID toInt toFloat and or xor left
right repeat substr ascii btrim sortableSemVer percent_rank cume_dist ntile
"""
"""Some more than PostHog frees in their case: no other function goes by such a spelling."""

_FUNNELS = "it is a program of PostHog's own; use windowFunnel(seconds)(toDateTime(timestamp), step, ...)"
_REFUSED = {
    "uniqTheta": "the engine has no such function; use uniqExact",
    "uniqThetaIf": "the engine has no such function; use uniqExactIf",
    "extractIPv4Substrings": "the engine has no such function; use extractAll with a pattern",
    "percentile_cont": "PostHog refuses WITHIN GROUP on ClickHouse; use quantile(p)(x)",
    "percentile_disc": "PostHog refuses WITHIN GROUP on ClickHouse; use quantileExact(p)(x)",
    "generateSeries": "it is a table: SELECT * FROM generate_series(1, 10)",
    "generate_series": "it is a table: SELECT * FROM generate_series(1, 10)",
    "untuple": "how many columns it gives is not known before it runs; name the elements: t.1, t.2",
    **{f"aggregate_funnel{of}{over}": _FUNNELS for of in ("", "_array", "_cohort") for over in ("", "_trends")},
    "convertCurrency": "the exchange rates are PostHog's own",
    "embedText": "its model runs at PostHog",
    "jev": "its model runs at PostHog",
    "decide": "its model runs at PostHog",
}


def _rewritten(
    fewest: int,
    most: int | None,
    rewrite: Callable[[Invocation], Typed],
    meaning: str = "",
) -> Function:
    return Function("", fewest, most, rewrite=rewrite, meaning=meaning)


def _renamed(  # noqa: PLR0913 - one line for each function below
    target: str,
    fewest: int,
    most: int,
    returns: Type,
    *,
    zone: bool = False,
    meaning: str = "",
) -> Function:
    return Function(target, fewest, most, returns=returns, zone=zone, meaning=meaning)


def _same(names: str, function: Function) -> dict[str, Function]:
    return dict.fromkeys(names.split(), function)


def _cast(target: str, type_: Type, meaning: str) -> Function:
    return _rewritten(1, 1, rw.cast_or_null(target, type_), meaning)


_NUMBERS = (
    *(f"{sign}Int{bits}" for sign in ("", "U") for bits in (8, 16, 32, 64, 128, 256)),
    "Float32",
    "Float64",
)
_NARROW = "NULL for what that type does not hold"
_ZERO = "the default may be any number, and is 0 when it is not given"
_NOT_A_TIME = "in the project's zone; NULL for what is no time"
_PARSE = tm.parse_best_effort("parseDateTime64BestEffortOrNull")

_CONVERSION = {
    **{f"to{name}": _cast(name, FLOAT if "Float" in name else INTEGER, _NARROW) for name in _NUMBERS},
    **_same("toInt toIntOrNull toInt64 toInt64OrNull", _cast("Int64", INTEGER, "NULL for what is no whole number")),
    **_same("toFloat toFloatOrNull toFloat64 toFloat64OrNull", _cast("Float64", FLOAT, "NULL for what is no number")),
    **_same("toIntOrZero toInt64OrZero", _renamed("toInt64OrZero", 1, 1, INTEGER)),
    **_same("toFloatOrZero toFloat64OrZero", _renamed("toFloat64OrZero", 1, 1, FLOAT)),
    **_same("toIntOrDefault toInt64OrDefault", _rewritten(1, 2, rw.number_or_default("Int64", INTEGER), _ZERO)),
    **_same("toFloatOrDefault toFloat64OrDefault", _rewritten(1, 2, rw.number_or_default("Float64", FLOAT), _ZERO)),
    "toDecimal": _rewritten(2, 2, rw.to_decimal, "NULL for what is no number; the scale is a constant"),
    "toUUID": _cast("UUID", UUID, "NULL for what is no UUID"),
    "toBool": _cast("Bool", BOOLEAN, "NULL for what is neither true nor false"),
    "toNullableString": _cast("Nullable(String)", STRING, "text that may be NULL"),
    **_same("accurateCast accurateCastOrNull", _rewritten(2, 2, rw.checked_cast, "the type is a constant and known")),
    **{
        f"_to{name}": Function(f"to{name}", 1, 1, returns=UNKNOWN, meaning="the bare ClickHouse function")
        for name in (*_NUMBERS, "Date")
    },
}

_TIME = {
    **_same("toDate to_date", _rewritten(1, 1, tm.to_date, "NULL for text that is no date")),
    "toDateTime": _rewritten(1, 2, tm.to_date_time, _NOT_A_TIME),
    "toDateTime64": _rewritten(1, 3, tm.to_date_time64, "6 digits and the project's zone by default"),
    "toDateTimeUS": _rewritten(1, 2, tm.parse_best_effort("parseDateTime64BestEffortUSOrNull"), _NOT_A_TIME),
    "parseDateTime": _renamed("parseDateTimeOrNull", 2, 3, DATETIME.or_null(), zone=True, meaning=_NOT_A_TIME),
    **_same(
        "parseDateTimeBestEffort parseDateTime64BestEffort parseDateTimeBestEffortOrNull "
        "parseDateTime64BestEffortOrNull",
        _rewritten(1, 2, _PARSE, _NOT_A_TIME),
    ),
    "fromUnixTimestamp": _rewritten(1, 3, tm.from_unix_timestamp, "in the project's zone"),
    "to_timestamp": _rewritten(1, 2, tm.to_timestamp, "of seconds; in the project's zone"),
    "to_char": _renamed("formatDateTime", 2, 3, STRING, zone=True, meaning="`formatDateTime`"),
    **_same("now nowInBlock", _rewritten(0, 1, tm.now, "with microseconds, in the project's zone")),
    "current_timestamp": _rewritten(0, 0, tm.now, "`now()`"),
    **_same("today current_date", _rewritten(0, 0, tm.today(0), "UTC's day")),
    "yesterday": _rewritten(0, 0, tm.today(1), "UTC's day"),
    "toStartOfWeek": _rewritten(1, 2, tm.to_start_of_week, "weeks start where the project says"),
    "toTimeZone": _rewritten(1, 2, tm.to_time_zone, "the project's zone by default"),
    "timezone": _rewritten(2, 2, tm.time_zone, "`toTimeZone` with its arguments the other way round"),
    **_same("dateTrunc date_trunc", _rewritten(2, 3, tm.date_trunc)),
    "date_part": _rewritten(
        2, 2, tm.date_part, "NULL for other units than year, quarter, month, day, hour, minute, second, dow, doy"
    ),
    "date_bin": _rewritten(3, 3, tm.date_bin, "`toStartOfInterval` with the interval first"),
    "make_date": _renamed("makeDate", 3, 3, DATE, meaning="`makeDate`"),
    "make_timestamp": _rewritten(6, 7, tm.make_timestamp, "in the project's zone"),
    "make_timestamptz": _rewritten(7, 7, tm.make_timestamptz, "moved into the given zone"),
    "make_interval": _rewritten(6, 6, tm.make_interval, "years, months, days, hours, minutes, seconds"),
    **_same("date_add dateAdd timeStampAdd", _rewritten(2, 3, tm.add_interval("plus"))),
    **_same("date_sub date_subtract dateSub timeStampSub", _rewritten(2, 3, tm.add_interval("minus"))),
    "toModifiedJulianDay": _renamed(
        "toModifiedJulianDayOrNull", 1, 1, INTEGER.or_null(), meaning="NULL for what is no date"
    ),
    "fromModifiedJulianDay": _renamed(
        "fromModifiedJulianDayOrNull", 1, 1, STRING.or_null(), meaning="NULL for what is no day"
    ),
    "tumble": _rewritten(2, 2, tm.first_as_utc, "windows in UTC"),
    "hop": _rewritten(3, 3, tm.first_as_utc, "windows in UTC"),
    **_same("tumbleStart tumbleEnd hopStart hopEnd", _rewritten(2, 3, tm.first_as_utc, "windows in UTC")),
}

_TEXT = {
    "concat": _rewritten(1, None, rw.concat, "NULL counts as nothing, so the result never is NULL"),
    "substr": _renamed("substring", 2, 3, STRING),
    "left": _renamed("leftUTF8", 2, 2, STRING, meaning="counts characters, not bytes"),
    "right": _renamed("rightUTF8", 2, 2, STRING, meaning="counts characters, not bytes"),
    **_same("trim btrim", _renamed("trimBoth", 1, 2, STRING, meaning="from both ends; a second argument says what")),
    "ltrim": _renamed("trimLeft", 1, 2, STRING),
    "rtrim": _renamed("trimRight", 1, 2, STRING),
    "split_part": _rewritten(3, 3, rw.split_part, "empty text where there is no such part"),
    "md5": _rewritten(1, 1, rw.md5, "upper-case hexadecimal text"),
    "replace": _renamed("replaceAll", 3, 3, STRING),
    "isEmpty": _renamed("empty", 1, 1, BOOLEAN),
    "isNotEmpty": _renamed("notEmpty", 1, 1, BOOLEAN),
}

_CHOICE = {
    "if": _rewritten(3, 3, rw.conditional),
    "multiIf": _rewritten(3, None, rw.conditional),
    "_caseWithExpression": _rewritten(3, None, rw.case_with_expression, "`CASE x WHEN ...`"),
    "coalesce": _rewritten(1, None, rw.first_not_null("coalesce")),
    **_same("ifNull ifnull", _rewritten(2, 2, rw.first_not_null("ifNull"))),
    **_same("nullIf nullif", _rewritten(2, 2, rw.nullable_first("nullIf"))),
    "toNullable": _rewritten(1, 1, rw.nullable_first("toNullable")),
    "assumeNotNull": _rewritten(1, 1, rw.assume_not_null),
    **_same("isNull isnull", _rewritten(1, 1, rw.null_test("isNull"))),
    "isNotNull": _rewritten(1, 1, rw.null_test("isNotNull")),
}

_ARRAYS = {
    "arrayReduce": _rewritten(2, None, rw.array_reduce, "the aggregate is one of a few"),
    "arrayReverseSort": Function(
        "arraySort", 1, None, returns=Type(Kind.ARRAY), meaning="sorts upwards, as `arraySort`: so does PostHog's"
    ),
}

_ARITHMETIC = {
    "ifNotFinite": Function(
        "ifNotFinite", 2, 2, differs="takes its two arguments; PostHog takes one, with which ClickHouse refuses it"
    ),
}

_BY_TOPIC = {
    "Arithmetic": _ARITHMETIC,
    "Conversion": _CONVERSION,
    "Time": _TIME,
    "Text": _TEXT,
    "Choice and NULL": _CHOICE,
    "Arrays": _ARRAYS,
    "Tuples, maps, vectors": {"tuple": _rewritten(0, None, rw.tuple_of)},
}


def _functions() -> Iterator[tuple[str, Function]]:
    yield from PLAIN_FUNCTIONS.items()
    for topic, functions in _BY_TOPIC.items():
        for name, function in functions.items():
            yield name, replace(function, topic=topic)
    yield from AGGREGATES.items()
    yield from WINDOW_FUNCTIONS.items()
    yield from POSTHOG_FUNCTIONS.items()
    for name, reason in _REFUSED.items():
        yield name, Function("", refusal=reason)


FUNCTIONS: Mapping[str, Function] = dict(_functions())
"""Every function by its HogQL name."""

ANY_CASE: Mapping[str, str] = {name.lower(): name for name in _ANY_CASE.split()}
"""Names that may be written in any case, in lower case, to their entry."""
