"""Aggregates, their combinators, and the functions that exist only with OVER, as data."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from posthog_nb.embedded.hogql import rewrites as rw
from posthog_nb.embedded.hogql.functions import Function, FunctionKind
from posthog_nb.embedded.hogql.types import FLOAT, INTEGER, STRING, UNKNOWN, Kind, Type

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["AGGREGATES", "COMBINATORS", "FULLY_COMBINED", "WINDOW_FUNCTIONS"]

_ARRAY = Type(Kind.ARRAY)


def _aggregate(  # noqa: PLR0913 - one line for each aggregate below
    target: str,
    fewest: int,
    most: int | None,
    returns: Type | None = None,
    *,
    first_type: bool = False,
    params: str = "no",
) -> Function:
    return Function(target, fewest, most, FunctionKind.AGGREGATE, returns=returns, first_type=first_type, params=params)


_NEEDS_TWO = "takes its two arguments; PostHog takes one, with which ClickHouse refuses it"

_BASE: dict[str, Function] = {
    "count": _aggregate("count", 0, 1, INTEGER),
    "countDistinct": _aggregate("uniqExact", 1, None, INTEGER),
    **{name: _aggregate(name, 1, 1, first_type=True) for name in ("min", "max", "any", "anyLast", "anyHeavy")},
    **{name: _aggregate(name, 1, 1, first_type=True) for name in ("first_value", "last_value")},
    **{name: _aggregate(name, 1, 1) for name in ("sum", "sumWithOverflow", "deltaSum")},
    "avg": _aggregate("avg", 1, 1, FLOAT),
    **{name: _aggregate(name, 1, None, INTEGER) for name in ("uniq", "uniqExact", "uniqHLL12")},
    **{name: _aggregate(name, 2, 2, first_type=True) for name in ("argMin", "argMax")},
    **{
        name: _aggregate(name, 1, 1, FLOAT)
        for name in ("stddevPop", "stddevSamp", "varPop", "varSamp", "skewPop", "skewSamp", "kurtPop", "kurtSamp")
    },
    **{
        name: _aggregate(name, 2, 2, FLOAT)
        for name in (
            "covarPop", "covarSamp", "corr", "cramersV", "cramersVBiasCorrected", "contingency", "theilsU",
            "avgWeighted",
        )
    },
    **{
        name: _aggregate(name, 1, 1)
        for name in (
            "median", "medianExact", "medianExactLow", "medianExactHigh", "medianTiming", "medianTDigest",
            "medianBFloat16",
        )
    },
    **{
        name: _aggregate(name, 2, 2)
        for name in (
            "deltaSumTimestamp", "maxIntersections", "maxIntersectionsPosition", "simpleLinearRegression",
        )
    },
    **{
        name: replace(_aggregate(name, 2, 2), differs=_NEEDS_TWO)
        for name in ("medianDeterministic", "medianExactWeighted", "medianTimingWeighted", "medianTDigestWeighted")
    },
    **{name: _aggregate(name, 1, 1, params="must") for name in ("quantile", "quantileExact")},
    "quantiles": _aggregate("quantiles", 1, 1, _ARRAY, params="must"),
    "groupArray": _aggregate("groupArray", 1, 1, _ARRAY, params="may"),
    "groupUniqArray": _aggregate("groupUniqArray", 1, 1, _ARRAY, params="may"),
    "array_agg": _aggregate("groupArray", 1, 1, _ARRAY),
    "groupArraySample": _aggregate("groupArraySample", 1, 1, _ARRAY, params="must"),
    "groupArrayInsertAt": _aggregate("groupArrayInsertAt", 2, 2, _ARRAY, params="may"),
    "groupArrayMovingAvg": _aggregate("groupArrayMovingAvg", 1, 1, _ARRAY, params="may"),
    "groupArrayMovingSum": _aggregate("groupArrayMovingSum", 1, 1, _ARRAY, params="may"),
    **{name: _aggregate(name, 1, 1) for name in ("groupBitAnd", "groupBitOr", "groupBitXor", "groupBitmap")},
    **{name: _aggregate(name, 1, 1) for name in ("groupBitmapAnd", "groupBitmapOr", "groupBitmapXor")},
    "topK": _aggregate("topK", 1, 1, _ARRAY, params="must"),
    "windowFunnel": _aggregate("windowFunnel", 2, None, INTEGER, params="must"),
    "uniqUpTo": _aggregate("uniqUpTo", 1, None, INTEGER, params="must"),
}  # fmt: skip

FULLY_COMBINED = ("avg", "sum", "min", "max", "count", "countDistinct", "median")
"""These take every combinator."""

COMBINATORS = (
    *(f"{form}{empty}" for form in ("Array", "Map", "Merge", "State", "ForEach", "ArgMin", "ArgMax")
      for empty in ("", "OrDefault", "OrNull")),
    "OrDefault",
    "OrNull",
    "MapMerge",
    "MapState",
    "ForEachMerge",
    "ForEachState",
)  # fmt: skip
"""What may follow the name of one of these, besides ``If``."""

_COMBINED = """
argMaxMerge argMaxState argMinMerge argMinState groupBitmapAndState groupBitmapOrState groupBitmapState
groupUniqArrayArray groupArrayArray quantilesMerge quantilesState uniqExactMerge uniqExactState
uniqMap uniqMapMerge uniqMapState uniqMerge uniqState uniqUpToMerge uniqUpToState quantileMerge quantileState
anyMerge anyState groupArrayMerge groupArrayState groupUniqArrayMerge groupUniqArrayState anyOrNull argMaxOrNull
argMinOrNull uniqArray uniqExactArray
"""
"""Further combinations that PostHog lists."""


def _combined() -> Iterator[tuple[str, Function]]:
    for base in FULLY_COMBINED:
        function = _BASE[base]
        for combinator in COMBINATORS:
            fewest, most = _arity(function, combinator)
            yield f"{base}{combinator}", _aggregate(f"{function.target}{combinator}", fewest, most, UNKNOWN)
    for name in _COMBINED.split():
        params = "may" if name.startswith(("quantile", "group", "uniqUpTo")) else "no"
        yield name, Function(name, 1, None, FunctionKind.AGGREGATE, params=params)


def _arity(function: Function, combinator: str) -> tuple[int, int | None]:
    if "Merge" in combinator:
        return 1, 1
    fewest, most = function.min_args, function.max_args
    if combinator.startswith("Arg"):
        return fewest + 1, None if most is None else most + 1
    if combinator.startswith("Map"):
        # Two arrays do for a map.
        return 1, 2
    return fewest, most


def _conditional(name: str, function: Function) -> tuple[str, Function]:
    """The ...If form: one more argument, the condition."""
    most = None if function.max_args is None else function.max_args + 1
    return f"{name}If", Function(
        f"{function.target}If",
        function.min_args + 1,
        most,
        FunctionKind.AGGREGATE,
        returns=function.returns,
        first_type=function.first_type,
        params=function.params,
    )


def _every_aggregate() -> Iterator[tuple[str, Function]]:
    plain = {**_BASE, **dict(_combined())}
    yield from plain.items()
    for name, function in plain.items():
        if name not in ("topK", "array_agg"):
            yield _conditional(name, function)


def _with_topic(topic: str, functions: Mapping[str, Function]) -> Mapping[str, Function]:
    return {name: replace(function, topic=topic) for name, function in functions.items()}


_NO_VALUES = "NULL where there are no values"
_BEYOND = "NULL beyond the partition, the whole of which is in view"

AGGREGATES: Mapping[str, Function] = _with_topic("Aggregates", {
    **dict(_every_aggregate()),
    "avgArray": replace(_aggregate("avgArrayOrNull", 1, 1, FLOAT.or_null()), meaning=_NO_VALUES),
    "medianArray": replace(_aggregate("medianArrayOrNull", 1, 1, FLOAT.or_null()), meaning=_NO_VALUES),
    "json_agg": Function("", 1, 1, FunctionKind.AGGREGATE, rewrite=rw.json_agg, meaning="a JSON list, as text"),
    "string_agg": Function(
        "", 2, 2, FunctionKind.AGGREGATE, STRING, rewrite=rw.string_agg, meaning="joined by the second argument"
    ),
    "every": Function("", 1, 1, FunctionKind.AGGREGATE, rewrite=rw.every, meaning="whether all are true"),
})  # fmt: skip
"""Every aggregate by its HogQL name."""

WINDOW_FUNCTIONS: Mapping[str, Function] = _with_topic("Window functions", {
    **{
        name: Function(name, 0, 0, FunctionKind.WINDOW, returns=INTEGER)
        for name in ("row_number", "rank", "dense_rank")
    },
    **{name: Function(name, 0, 0, FunctionKind.WINDOW, returns=FLOAT) for name in ("percent_rank", "cume_dist")},
    "ntile": Function("ntile", 1, 1, FunctionKind.WINDOW, returns=INTEGER),
    "nth_value": Function("nth_value", 2, 2, FunctionKind.WINDOW, first_type=True),
    **{name: Function(f"{name}InFrame", 1, 3, FunctionKind.WINDOW, meaning=_BEYOND) for name in ("lag", "lead")},
    **{name: Function(name, 1, 3, FunctionKind.WINDOW) for name in ("lagInFrame", "leadInFrame")},
})  # fmt: skip
"""Functions that need OVER."""
