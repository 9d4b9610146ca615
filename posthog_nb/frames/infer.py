"""The types of an answer that came without any: JSON's own kinds are then all there is."""

from __future__ import annotations

from functools import reduce
from itertools import chain
from typing import TYPE_CHECKING, Any

from posthog_nb.frames.types import ClickHouseType

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["common", "inferred", "settled"]

_NOTHING = ClickHouseType("Nothing")
_TEXT = ClickHouseType("String")
_WHOLE = ClickHouseType("Int64")
_LARGE = ClickHouseType("UInt64")
_FLOAT = ClickHouseType("Float64")
_BY_TYPE = {type(None): _NOTHING, bool: ClickHouseType("Bool"), float: _FLOAT}
_ROUNDED = {ClickHouseType("a long Int64"): _WHOLE, ClickHouseType("a long UInt64"): _LARGE}
"""Stand for these until all values were seen: whole numbers that a float would round."""
_LONG, _LONGEST = _ROUNDED
_NUMBERS = (_WHOLE, _LONG, _LARGE, _LONGEST, _FLOAT)
_MOST_OF_A_FLOAT = 2**53
_MOST_OF_INT64 = 2**63 - 1


def inferred(values: Iterable[Any]) -> ClickHouseType:
    """The narrowest type for JSON values; text for a mixture, for objects, and for what is larger than 64 bits.

    It is still to be :func:`settled`.
    """
    by_type: dict[type, list[Any]] = {}
    for value in values:
        by_type.setdefault(type(value), []).append(value)
    return reduce(common, (_of_one_type(kind, group) for kind, group in by_type.items()), _NOTHING)


def common(one: ClickHouseType, other: ClickHouseType) -> ClickHouseType:
    """The type for values of either type."""
    if other in {one, _NOTHING}:
        return one
    if one == _NOTHING:
        return other
    if _FLOAT in {one, other} and _ROUNDED.keys() & {one, other}:
        return _TEXT
    if one in _NUMBERS and other in _NUMBERS:
        return max(one, other, key=_NUMBERS.index)
    if one.name == other.name == "Array":
        return ClickHouseType("Array", (common(one.types[0], other.types[0]),))
    return _TEXT


def settled(kind: ClickHouseType) -> ClickHouseType:
    """The type of a column all of whose values were seen."""
    if kind.name == "Array":
        return ClickHouseType("Array", (settled(kind.types[0]),))
    return _ROUNDED.get(kind, kind)


def _of_one_type(kind: type, values: list[Any]) -> ClickHouseType:
    if kind is int:
        largest = max(values)
        if max(largest, -min(values)) <= _MOST_OF_A_FLOAT:
            return _WHOLE
        return _LONG if largest <= _MOST_OF_INT64 else _LONGEST
    if kind is list:
        return ClickHouseType("Array", (inferred(chain.from_iterable(values)),))
    return _BY_TYPE.get(kind, _TEXT)
