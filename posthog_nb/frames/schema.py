"""Which Arrow type holds the values of a ClickHouse type, and how a value's JSON becomes one that Arrow takes.

JSON of PostHog: numbers for integers up to 64 bits, texts for UUIDs, decimals, dates and times, lists for tuples, an
object for a map, null for NULL as well as for NaN and the infinities.
"""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from posthog_nb.frames.types import ClickHouseType

if TYPE_CHECKING:
    from collections.abc import Callable

    import pyarrow as pa

__all__ = ["arrow_type", "decoder"]

_PLAIN = {
    "Int8": "int8",
    "Int16": "int16",
    "Int32": "int32",
    "Int64": "int64",
    "UInt8": "uint8",
    "UInt16": "uint16",
    "UInt32": "uint32",
    "UInt64": "uint64",
    "Float32": "float32",
    "BFloat16": "float32",
    "Float64": "float64",
    "Bool": "bool_",
    "Date": "date32",
    "Date32": "date32",
    "Nothing": "null",
}
_DECIMAL_DIGITS = {"Decimal32": 9, "Decimal64": 18, "Decimal128": 38, "Decimal256": 76}
_MOST_DIGITS_OF_128_BITS = 38
_POINT = ClickHouseType("Tuple", (ClickHouseType("Float64"), ClickHouseType("Float64")))
_RING = ClickHouseType("Array", (_POINT,))
_POLYGON = ClickHouseType("Array", (_RING,))
_SHAPES = {
    "Point": _POINT,
    "Ring": _RING,
    "LineString": _RING,
    "MultiLineString": _POLYGON,
    "Polygon": _POLYGON,
    "MultiPolygon": ClickHouseType("Array", (_POLYGON,)),
}


def _resolved(kind: ClickHouseType) -> ClickHouseType:
    bare = kind.bare
    if bare.name in _SHAPES:
        return _SHAPES[bare.name]
    if bare.name == "Nested":
        return ClickHouseType("Array", (ClickHouseType("Tuple", bare.arguments, bare.labels),))
    return bare


def arrow_type(kind: ClickHouseType) -> pa.DataType:  # noqa: PLR0911 - one return a family of types
    """The Arrow type for ``kind``. What Arrow has no equal for becomes text."""
    import pyarrow as pa  # noqa: PLC0415 - loaded when a frame is made

    bare = _resolved(kind)
    if bare.name in _PLAIN:
        return getattr(pa, _PLAIN[bare.name])()
    match bare.name:
        case "DateTime":
            return pa.timestamp("s", _zone(bare))
        case "DateTime64":
            return pa.timestamp(_unit(bare), _zone(bare))
        case "Decimal" | "Decimal32" | "Decimal64" | "Decimal128" | "Decimal256":
            digits, scale = _decimal(bare)
            return pa.decimal128(digits, scale) if digits <= _MOST_DIGITS_OF_128_BITS else pa.decimal256(digits, scale)
        case "Array" if bare.types:
            return pa.list_(arrow_type(bare.types[0]))
        case "Tuple" if bare.types:
            return pa.struct([(name, arrow_type(part)) for name, part in _fields(bare)])
        case "Map" if len(bare.types) == 2:  # noqa: PLR2004 - key and value
            return pa.map_(arrow_type(bare.types[0]), arrow_type(bare.types[1]))
    return pa.string()


def decoder(kind: ClickHouseType) -> Callable[[Any], Any] | None:  # noqa: PLR0911 - as above
    """What turns one JSON value (never null) into one that Arrow takes; None when it can stay as it is."""
    bare = _resolved(kind)
    if bare.name in _PLAIN:
        return _BY_NAME.get(bare.name)
    match bare.name:
        case "DateTime" | "DateTime64":
            return _instant
        case "Decimal" | "Decimal32" | "Decimal64" | "Decimal128" | "Decimal256":
            return _decimal_number
        case "Array" if bare.types:
            part = decoder(bare.types[0])
            return None if part is None else lambda items: [_null_or(part, item) for item in items]
        case "Tuple" if bare.types:
            return _tuple_decoder(bare)
        case "Map" if len(bare.types) == 2:  # noqa: PLR2004 - key and value
            return _map_decoder(*bare.types)
    return _as_text


def _tuple_decoder(kind: ClickHouseType) -> Callable[[Any], Any]:
    parts = [(name, decoder(part)) for name, part in _fields(kind)]

    def decode(value: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
        # A named tuple may also come as an object.
        items = [value.get(name) for name, _ in parts] if isinstance(value, dict) else value
        return {name: _null_or(part, item) for (name, part), item in zip(parts, items, strict=True)}

    return decode


def _map_decoder(key: ClickHouseType, value: ClickHouseType) -> Callable[[Any], Any]:
    key_part, value_part = _key_decoder(key), decoder(value)

    def decode(found: Any) -> list[tuple[Any, Any]]:  # noqa: ANN401 - JSON
        pairs = found.items() if isinstance(found, dict) else found
        return [(_null_or(key_part, name), _null_or(value_part, item)) for name, item in pairs]

    return decode


def _key_decoder(kind: ClickHouseType) -> Callable[[Any], Any] | None:
    # The key of a JSON object is a text whatever the map's key type is.
    bare = _resolved(kind)
    if bare.name.startswith(("Int", "UInt")) and bare.name in _PLAIN:
        return int
    if bare.name in {"Float32", "Float64", "BFloat16"}:
        return float
    if bare.name == "Bool":
        return lambda text: text in {"true", "True", "1", True}
    return decoder(kind)


def _null_or(part: Callable[[Any], Any] | None, value: Any) -> Any:  # noqa: ANN401 - JSON
    return value if value is None or part is None else part(value)


def _fields(kind: ClickHouseType) -> list[tuple[str, ClickHouseType]]:
    labels = kind.labels or (None,) * len(kind.arguments)
    return [
        (label or str(number), part) for number, (label, part) in enumerate(zip(labels, kind.types, strict=True), 1)
    ]


def _zone(kind: ClickHouseType) -> str:
    # A DateTime without a zone comes without an offset; PostHog means UTC by it.
    zone = next((argument for argument in kind.arguments if isinstance(argument, str)), "UTC")
    # Raises a KeyError for a zone that this computer does not know: such a column is left as text.
    return ZoneInfo(zone).key


def _unit(kind: ClickHouseType) -> str:
    digits = next((argument for argument in kind.arguments if isinstance(argument, int)), 3)
    return ("s", "ms", "us", "ns")[(min(digits, 9) + 2) // 3]


def _decimal(kind: ClickHouseType) -> tuple[int, int]:
    numbers = [argument for argument in kind.arguments if isinstance(argument, int)]
    if kind.name != "Decimal":
        return _DECIMAL_DIGITS[kind.name], numbers[0] if numbers else 0
    return (numbers[0] if numbers else 10), (numbers[1] if len(numbers) > 1 else 0)


def _instant(text: str) -> datetime:
    found = datetime.fromisoformat(text)
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found


def _decimal_number(value: str | float) -> Decimal:
    return Decimal(str(value))


def _truth(value: Any) -> bool:  # noqa: ANN401 - JSON
    if value in (0, 1):
        return bool(value)
    msg = f"{value!r} is not a truth value"
    raise TypeError(msg)


def _as_text(value: Any) -> str:  # noqa: ANN401 - JSON
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


_BY_NAME: dict[str, Callable[[Any], Any]] = {
    "Bool": _truth,
    "Date": date.fromisoformat,
    "Date32": date.fromisoformat,
}
