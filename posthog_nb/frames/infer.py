"""The types of an answer that came without any: JSON's own kinds are then all there is."""

from __future__ import annotations

from functools import reduce
from itertools import chain
from typing import TYPE_CHECKING, Any

from posthog_nb.frames.types import ClickHouseType

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["common", "inferred"]

_NOTHING = ClickHouseType("Nothing")
_TEXT = ClickHouseType("String")
_WHOLE = ClickHouseType("Int64")
_LARGE = ClickHouseType("UInt64")
_FLOAT = ClickHouseType("Float64")
_BY_TYPE = {type(None): _NOTHING, bool: ClickHouseType("Bool"), float: _FLOAT}
_NUMBERS = (_WHOLE, _LARGE, _FLOAT)
_MOST_OF_INT64 = 2**63 - 1


def inferred(values: Iterable[Any]) -> ClickHouseType:
    """The narrowest type for JSON values; text for a mixture, for objects, and for what is larger than 64 bits."""
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
    if one in _NUMBERS and other in _NUMBERS:
        return max(one, other, key=_NUMBERS.index)
    if one.name == other.name == "Array":
        return ClickHouseType("Array", (common(one.types[0], other.types[0]),))
    return _TEXT


def _of_one_type(kind: type, values: list[Any]) -> ClickHouseType:
    if kind is int:
        return _WHOLE if max(values) <= _MOST_OF_INT64 else _LARGE
    if kind is list:
        return ClickHouseType("Array", (inferred(chain.from_iterable(values)),))
    return _BY_TYPE.get(kind, _TEXT)
