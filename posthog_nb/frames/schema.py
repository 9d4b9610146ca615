"""Which Arrow type holds the values of a ClickHouse type."""

from __future__ import annotations

from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from posthog_nb.frames.types import ClickHouseType

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["arrow_type", "fields", "resolved"]

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


def resolved(kind: ClickHouseType) -> ClickHouseType:
    """The type of the values: without wrappers, a shape or ``Nested`` as the arrays and tuples that it is made of."""
    bare = kind.bare
    if bare.name in _SHAPES:
        return _SHAPES[bare.name]
    if bare.name == "Nested":
        return ClickHouseType("Array", (ClickHouseType("Tuple", bare.arguments, bare.labels),))
    return bare


def arrow_type(kind: ClickHouseType) -> pa.DataType:  # noqa: PLR0911 - one return a family of types
    """The Arrow type for ``kind``. What Arrow has no equal for becomes text."""
    import pyarrow as pa  # noqa: PLC0415 - loaded when a frame is made

    bare = resolved(kind)
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
            return pa.struct([(name, arrow_type(part)) for name, part in fields(bare)])
        case "Map" if len(bare.types) == 2:  # noqa: PLR2004 - key and value
            return pa.map_(arrow_type(bare.types[0]), arrow_type(bare.types[1]))
    return pa.string()


def fields(kind: ClickHouseType) -> list[tuple[str, ClickHouseType]]:
    """The elements of a tuple; one without a name is called by its number."""
    labels = kind.labels or (None,) * len(kind.arguments)
    return [
        (label or str(number), part) for number, (label, part) in enumerate(zip(labels, kind.types, strict=True), 1)
    ]


def _zone(kind: ClickHouseType) -> str:
    # A DateTime without a zone comes without an offset; PostHog means UTC by it.
    zone = next((argument for argument in kind.arguments if isinstance(argument, str)), "UTC")
    # A column in a zone that this computer does not know is left as text.
    try:
        return ZoneInfo(zone).key
    except OSError as error:
        # The name of a part of the world, which is a folder.
        raise ValueError(f"there is no time zone {zone!r}") from error


def _unit(kind: ClickHouseType) -> str:
    digits = next((argument for argument in kind.arguments if isinstance(argument, int)), 3)
    return ("s", "ms", "us", "ns")[(min(digits, 9) + 2) // 3]


def _decimal(kind: ClickHouseType) -> tuple[int, int]:
    numbers = [argument for argument in kind.arguments if isinstance(argument, int)]
    if kind.name != "Decimal":
        return _DECIMAL_DIGITS[kind.name], numbers[0] if numbers else 0
    return (numbers[0] if numbers else 10), (numbers[1] if len(numbers) > 1 else 0)
