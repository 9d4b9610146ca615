"""JSON values of one ClickHouse type to an Arrow array: exact, or refused with an error.

JSON of PostHog: numbers for integers up to 64 bits, texts for UUIDs, decimals, dates and times, lists for tuples, an
object for a map, null for NULL as well as for NaN and the infinities.
"""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import accumulate, chain
from typing import TYPE_CHECKING, Any

from posthog_nb.frames.schema import arrow_type, fields, resolved

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import pyarrow as pa

    from posthog_nb.frames.types import ClickHouseType

    Build = Callable[[Sequence[Any]], pa.Array]

__all__ = ["NOT_OF_THE_TYPE", "as_text", "builder", "texts"]

NOT_OF_THE_TYPE = (ValueError, TypeError, ArithmeticError, KeyError, NotImplementedError)
"""What is raised for values of another type; Arrow's own errors are some of these."""

_NONE = type(None)
_INTEGERS = {int, _NONE}
_NUMBERS = {int, float, _NONE}
_LISTS = {list, _NONE}
_TRUTHS = {"true": True, "True": True, "1": True, "false": False, "False": False, "0": False}
_INSTANT = re.compile(
    r"(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d(?::\d\d)?)(?:\.(\d{1,9}))?(Z|[+-]\d\d(?::?\d\d(?::\d\d)?)?)?", re.ASCII
)
_FRACTION_DIGITS = {"s": 0, "ms": 3, "us": 6, "ns": 9}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SECOND = timedelta(seconds=1)


def builder(kind: ClickHouseType) -> Build:  # noqa: C901, PLR0911 - one branch a family of types
    """What makes an Arrow array, of the type that :func:`arrow_type` tells, of JSON values of type ``kind``.

    It raises one of :data:`NOT_OF_THE_TYPE` for values that are not of the type.
    """
    import pyarrow as pa  # noqa: PLC0415 - loaded when a frame is made

    bare, target = resolved(kind), arrow_type(kind)
    if pa.types.is_integer(target):
        return lambda values: _integers(target, values)
    if pa.types.is_floating(target):
        return lambda values: _floats(target, values)
    if pa.types.is_boolean(target):
        return lambda values: _booleans(target, values)
    if pa.types.is_timestamp(target):
        return lambda values: _instants(target, values)
    if pa.types.is_decimal(target):
        return lambda values: _decimals(target, values)
    if pa.types.is_date(target):
        return lambda values: pa.array(values, type=pa.string()).cast(target)
    if pa.types.is_null(target):
        return lambda values: pa.array(values, type=target)
    if pa.types.is_map(target):
        return _map_builder(target, *bare.types)
    if pa.types.is_list(target):
        return _list_builder(target, bare.types[0])
    if pa.types.is_struct(target):
        return _tuple_builder(target, bare)
    return _texts


def as_text(value: Any) -> str:  # noqa: ANN401 - JSON
    """Any JSON value as a text: a text is itself."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def texts(values: Sequence[Any]) -> pa.Array:
    """Any JSON values as texts; half a surrogate pair, which no text can hold, is written out."""
    import pyarrow as pa  # noqa: PLC0415

    return pa.array(
        [None if value is None else as_text(value).encode(errors="backslashreplace").decode() for value in values],
        type=pa.string(),
    )


def _texts(values: Sequence[Any]) -> pa.Array:
    import pyarrow as pa  # noqa: PLC0415

    try:
        return pa.array(values, type=pa.string())
    except TypeError:
        return pa.array([None if value is None else as_text(value) for value in values], type=pa.string())


def _integers(target: pa.DataType, values: Sequence[Any]) -> pa.Array:
    import pyarrow as pa  # noqa: PLC0415

    if not _INTEGERS.issuperset(map(type, values)):
        # Arrow would cut a fraction off.
        raise TypeError("not all of them are whole numbers")
    return pa.array(values, type=target)


def _floats(target: pa.DataType, values: Sequence[Any]) -> pa.Array:
    import pyarrow as pa  # noqa: PLC0415

    if not _NUMBERS.issuperset(map(type, values)):
        raise TypeError("not all of them are numbers")
    try:
        return pa.array(values, type=target)
    except (ValueError, OverflowError):
        # Arrow refuses integers beyond 53 bits, such as 1e20 written out.
        return pa.array([None if value is None else float(value) for value in values], type=target)


def _booleans(target: pa.DataType, values: Sequence[Any]) -> pa.Array:
    import pyarrow as pa  # noqa: PLC0415

    try:
        return pa.array(values, type=target)
    except (ValueError, TypeError):
        # Comparisons are UInt8 for ClickHouse.
        return pa.array([None if value is None else _truth(value) for value in values], type=target)


def _truth(value: Any) -> bool:  # noqa: ANN401 - JSON
    if value in (0, 1):
        return bool(value)
    raise TypeError(f"{value!r} is not a truth value")


def _instants(target: pa.TimestampType, values: Sequence[Any]) -> pa.Array:
    """ISO texts. Offsets may differ in one column, fractions may be missing; without an offset UTC is meant."""
    import pyarrow as pa  # noqa: PLC0415

    texts = pa.array(values, type=pa.string())
    try:
        return texts.cast(pa.timestamp(target.unit, "UTC")).cast(target)
    except pa.ArrowInvalid:
        digits = _FRACTION_DIGITS[target.unit]
        return pa.array([None if value is None else _ticks(value, digits) for value in values], type=target)


def _ticks(text: str, digits: int) -> int:
    """What Arrow cannot read in one go: offsets here and not there, or with seconds, or more zeros than fit."""
    found = _INSTANT.fullmatch(text)
    if found is None:
        raise ValueError(f"{text!r} is not a time")
    day, clock, fraction, offset = found.groups()
    fraction = (fraction or "").ljust(digits, "0")
    if fraction[digits:].strip("0"):
        raise ValueError(f"{text!r} has more than {digits} digits")
    seconds: int = (datetime.fromisoformat(f"{day}T{clock}{offset or 'Z'}") - _EPOCH) // _SECOND
    return seconds * int(10**digits) + int(fraction[:digits] or 0)


def _decimals(target: pa.DataType, values: Sequence[Any]) -> pa.Array:
    import pyarrow as pa  # noqa: PLC0415

    try:
        return pa.array(values, type=pa.string()).cast(target)
    except TypeError:
        # As numbers, which PostHog does not send but other servers of its API may.
        return pa.array([None if value is None else _decimal(value) for value in values], type=target)


def _decimal(value: Any) -> Decimal:  # noqa: ANN401 - JSON
    if isinstance(value, bool):
        raise TypeError(f"{value!r} is not a number")
    return Decimal(str(value))


def _list_builder(target: pa.DataType, part: ClickHouseType) -> Build:
    build_part = builder(part)

    def build(values: Sequence[Any]) -> pa.Array:
        import pyarrow as pa  # noqa: PLC0415

        if not _LISTS.issuperset(map(type, values)):
            raise TypeError("not all of them are lists")
        items = build_part(list(chain.from_iterable(value or () for value in values)))
        return pa.ListArray.from_arrays(_offsets(values), items, type=target, mask=_mask(values))

    return build


def _tuple_builder(target: pa.StructType, kind: ClickHouseType) -> Build:
    parts = [(name, builder(part)) for name, part in fields(kind)]
    names = [name for name, _ in parts]
    nothing = (None,) * len(names)

    def elements(value: Any) -> Sequence[Any]:  # noqa: ANN401 - JSON
        # A named tuple may also come as an object.
        if isinstance(value, dict) and not value.keys() - set(names):
            return [value.get(name) for name in names]
        if value is None or (isinstance(value, list) and len(value) == len(names)):
            return nothing if value is None else value
        raise TypeError(f"{value!r} is not a tuple of {len(names)}")

    def build(values: Sequence[Any]) -> pa.Array:
        import pyarrow as pa  # noqa: PLC0415

        columns = list(zip(*map(elements, values), strict=True)) or [()] * len(names)
        arrays = [build_part(column) for (_, build_part), column in zip(parts, columns, strict=True)]
        return pa.StructArray.from_arrays(arrays, fields=list(target), mask=_mask(values))

    return build


def _map_builder(target: pa.MapType, key: ClickHouseType, item: ClickHouseType) -> Build:
    build_key, build_item, read_key = builder(key), builder(item), _key_reader(key)

    def pairs(value: Any) -> Sequence[Sequence[Any]]:  # noqa: ANN401 - JSON
        if isinstance(value, dict):
            return [(read_key(name), item) for name, item in value.items()]
        if value is None or (isinstance(value, list) and all(isinstance(pair, list) for pair in value)):
            return [(name, item) for name, item in value or ()]
        raise TypeError(f"{value!r} is not a map")

    def build(values: Sequence[Any]) -> pa.Array:
        import pyarrow as pa  # noqa: PLC0415

        found = list(map(pairs, values))
        keys, items = zip(*chain.from_iterable(found), strict=True) if any(found) else ((), ())
        return pa.MapArray.from_arrays(
            _offsets(found), build_key(keys), build_item(items), type=target, mask=_mask(values)
        )

    return build


def _key_reader(kind: ClickHouseType) -> Callable[[str], Any]:
    """The key of a JSON object is a text whatever the map's key type is."""
    import pyarrow as pa  # noqa: PLC0415

    target = arrow_type(kind)
    if pa.types.is_integer(target):
        return _whole
    if pa.types.is_floating(target):
        return float
    if pa.types.is_boolean(target):
        return _TRUTHS.__getitem__
    return str


def _whole(text: str) -> int:
    found = int(text)
    if str(found) != text:
        raise ValueError(f"{text!r} is not a whole number")
    return found


def _offsets(values: Sequence[Sequence[Any] | None]) -> pa.Array:
    import pyarrow as pa  # noqa: PLC0415

    return pa.array(accumulate((len(value or ()) for value in values), initial=0), type=pa.int32())


def _mask(values: Sequence[Any]) -> pa.Array | None:
    import pyarrow as pa  # noqa: PLC0415

    return pa.array([value is None for value in values], type=pa.bool_()) if None in values else None
