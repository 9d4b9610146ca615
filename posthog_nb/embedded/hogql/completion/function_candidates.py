"""The functions as suggestions: which of them fit, and how they are called."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from posthog_nb.embedded.hogql.completion.suggestions import Candidate
from posthog_nb.embedded.hogql.function_table import FUNCTIONS
from posthog_nb.embedded.hogql.functions import Function, FunctionKind
from posthog_nb.embedded.hogql.types import Kind

if TYPE_CHECKING:
    from collections.abc import Iterator

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


def function_candidates(rank: int, *, aggregates: bool, wanted: Type | None, call: bool) -> Iterator[Candidate]:
    """Every function that may be called.

    Args:
        rank: Where the common functions that fit come among the suggestions: those that fit less come one later, and
            the less common another two.
        aggregates: Whether an aggregation may stand here.
        wanted: The type of what the value is compared with, if that is known.
        call: Whether the brackets have to be written too.
    """
    for name, function, detail, documentation in _callable():
        fits = wanted is not None and function.returns is not None and alike(function.returns, wanted)
        if function.kind is not FunctionKind.SCALAR and not aggregates:
            place = _LAST
        else:
            place = (not fits) + (0 if name in _COMMON else _UNCOMMON)
        written = f"{name}()" if call else name
        yield Candidate(name, "Function", rank + place, detail, documentation, written)


def alike(one: Type, other: Type) -> bool:
    """Whether values of the two types are compared with each other."""
    return one.kind is other.kind or any(one.kind in kinds and other.kind in kinds for kinds in _ALIKE)


@cache
def _callable() -> list[tuple[str, Function, str, str | None]]:
    return [
        (name, function, _signature(function), _documentation(function))
        for name, function in sorted(FUNCTIONS.items(), key=lambda item: item[0].lower())
        if not name.startswith("_") and not function.refusal
    ]


def _signature(function: Function) -> str:
    fewest, most = function.min_args, function.max_args
    if most is None:
        arguments = f"{fewest} or more arguments" if fewest else "any number of arguments"
    elif fewest == most:
        arguments = f"{fewest or 'no'} argument{'s' * (fewest != 1)}"
    else:
        arguments = f"{fewest} to {most} arguments"
    returns = function.returns.label if function.returns else None
    return f"{arguments} → {returns}" if returns else arguments


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
