"""The functions as suggestions: which of them fit, and how they are called."""

from __future__ import annotations

from functools import cache, lru_cache
from typing import TYPE_CHECKING

from posthog_nb.embedded.hogql.completion.signatures import arguments_of
from posthog_nb.embedded.hogql.completion.suggestions import Candidate
from posthog_nb.embedded.hogql.function_table import FUNCTIONS
from posthog_nb.embedded.hogql.functions import Function, FunctionKind
from posthog_nb.embedded.hogql.types import Kind

if TYPE_CHECKING:
    from posthog_nb.embedded.hogql.types import Type

__all__ = ["alike", "function_candidates"]

_ALIKE = (
    frozenset({Kind.INTEGER, Kind.FLOAT, Kind.DECIMAL}),
    frozenset({Kind.DATETIME, Kind.DATE}),
    frozenset({Kind.STRING, Kind.UUID}),
)
_COMMON = frozenset(
    """
    count countIf countDistinct uniq sum sumIf avg min max median quantile groupArray argMax argMin any
    now today toDate toDateTime toStartOfHour toStartOfDay toStartOfWeek toStartOfMonth toStartOfInterval dateDiff
    dateTrunc if multiIf coalesce ifNull isNull isNotNull concat lower upper toString toInt toFloat round length
    replaceAll splitByChar match JSONExtractString arrayJoin arrayMap arrayFilter has
    """.split()  # noqa: SIM905 - reads
)
"""They come before the thousand others."""

_UNCOMMON, _LAST = 3, 5


@lru_cache(maxsize=64)
def function_candidates(rank: int, *, aggregates: bool, wanted: Type | None, call: bool) -> tuple[Candidate, ...]:
    """Every function that may be called.

    Args:
        rank: Where the common functions that fit come among the suggestions: those that fit less come one later, and
            the less common another two.
        aggregates: Whether an aggregation may stand here.
        wanted: The type of what the value is compared with, if that is known.
        call: Whether the brackets have to be written too.
    """
    found = []
    for name, function, detail, documentation in _callable():
        fits = wanted is not None and function.returns is not None and alike(function.returns, wanted)
        if function.kind is not FunctionKind.SCALAR and not aggregates:
            place = _LAST
        else:
            place = (not fits) + (0 if name in _COMMON else _UNCOMMON)
        written = f"{name}()" if call else name
        found.append(Candidate(name, "Function", rank + place, detail, documentation, written))
    return tuple(found)


def alike(one: Type, other: Type) -> bool:
    """Whether values of the two types are compared with each other."""
    return one.kind is other.kind or any(one.kind in kinds and other.kind in kinds for kinds in _ALIKE)


@cache
def _callable() -> list[tuple[str, Function, str, str | None]]:
    return [
        (name, function, _detail(function), _documentation(function))
        for name, function in sorted(FUNCTIONS.items(), key=lambda item: item[0].lower())
        if not name.startswith("_") and not function.refusal
    ]


def _detail(function: Function) -> str:
    returns = function.returns.label if function.returns else None
    return f"{arguments_of(function)} → {returns}" if returns else arguments_of(function)


def _documentation(function: Function) -> str | None:
    match function.kind:
        case FunctionKind.WINDOW:
            return "Needs OVER (...)."
        case FunctionKind.AGGREGATE if function.params == "must":
            return "Aggregation, with parameters in brackets of their own before its arguments."
        case FunctionKind.AGGREGATE:
            return "Aggregation."
        case _:
            return None
