"""Rows as JSON, in the forms in which PostHog sends each ClickHouse type.

What a column needs is decided once, from its declared type, and done column by column; most columns need nothing.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = ["json_bytes", "json_rows", "json_time"]

Convert = Callable[[Any], Any]

_AS_THEY_ARE = ("Int", "UInt", "String", "Enum", "Bool", "Nothing", "Interval")
_WRAPPERS = ("Nullable", "LowCardinality", "SimpleAggregateFunction")
_NO_OFFSET = timedelta(0)
_UTC_OFFSET = "+00:00"


def json_rows(rows: Sequence[Sequence[Any]], types: Sequence[str]) -> list[Any]:
    """The rows with every value in a form that :func:`json_bytes` writes as PostHog does."""
    converts = [_converter(kind) for kind in types]
    if not rows or not any(converts):
        return list(rows)
    columns = [_converted(column, convert) for column, convert in zip(zip(*rows, strict=True), converts, strict=True)]
    return list(zip(*columns, strict=True))


def json_bytes(body: object) -> bytes:
    """JSON text; half a surrogate pair, which no encoding can carry, becomes a question mark."""
    return json.dumps(body, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode(errors="replace")


def json_time(moment: datetime | None) -> str | None:
    """A time of PostHog's own records, in UTC, such as when a person was created."""
    return None if moment is None else moment.isoformat().replace(_UTC_OFFSET, "Z")


def _converted(column: Sequence[Any], convert: Convert | None) -> Sequence[Any]:
    if convert is None or (convert is _finite and all(map(math.isfinite, filter(None, column)))):
        return column
    return [None if value is None else convert(value) for value in column]


def _converter(kind: str) -> Convert | None:
    """What a value of the type needs, or None when it goes as it is."""
    name, arguments = _split(kind)
    if name in _WRAPPERS:
        return _converter(arguments[-1])
    if name in {"Array", "Tuple", "Map"}:
        return _container_converter(name, [_converter(_element_type(argument)) for argument in arguments])
    if name in {"DateTime", "DateTime64"}:
        zone = next((argument.strip("'") for argument in arguments if argument.startswith("'")), None)
        return _datetime_converter(zone)
    if name in _BY_NAME:
        return _BY_NAME[name]
    return None if name.startswith(_AS_THEY_ARE) else _by_value


def _container_converter(name: str, inner: Sequence[Convert | None]) -> Convert | None:
    if name == "Array":
        return None if inner[0] is None else _array_converter(inner[0])
    return _tuple_converter(inner) if name == "Tuple" else _map_converter(inner[0], inner[1])


def _array_converter(inner: Convert) -> Convert:
    def convert(value: Iterable[Any]) -> list[Any]:
        return [None if item is None else inner(item) for item in value]

    return convert


def _tuple_converter(inner: Sequence[Convert | None]) -> Convert:
    def convert(value: Any) -> list[Any]:  # noqa: ANN401 - a tuple, or a dict where the elements have names
        items = value.values() if isinstance(value, Mapping) else value
        return [item if item is None or one is None else one(item) for item, one in zip(items, inner, strict=True)]

    return convert


def _map_converter(key_convert: Convert | None, value_convert: Convert | None) -> Convert:
    def convert(value: Mapping[Any, Any]) -> dict[str, Any]:
        return {
            _key(key if key_convert is None else key_convert(key)): (
                item if item is None or value_convert is None else value_convert(item)
            )
            for key, item in value.items()
        }

    return convert


def _key(key: object) -> str:
    return key if isinstance(key, str) else json.dumps(key)


def _datetime_converter(zone: str | None) -> Convert:
    """Naive text for a DateTime without a zone, else text with ``Z`` or the offset of its zone at that moment."""
    target = UTC if zone in {None, "UTC"} else ZoneInfo(zone or "UTC")

    def naive(value: datetime) -> str:
        return (value if value.tzinfo is None else value.astimezone(UTC).replace(tzinfo=None)).isoformat()

    def utc(value: datetime) -> str:
        text = value.isoformat()
        return text[: -len(_UTC_OFFSET)] + "Z" if text.endswith(_UTC_OFFSET) else aware(value)

    def aware(value: datetime) -> str:
        moment = value.replace(tzinfo=UTC) if value.tzinfo is None else value
        moment = moment if moment.tzinfo is target else moment.astimezone(target)
        if moment.utcoffset() == _NO_OFFSET:
            # PostHog's encoder writes Z for any zone that is on UTC at that moment, London in winter included.
            return moment.replace(tzinfo=None).isoformat() + "Z"
        return moment.isoformat()

    if zone is None:
        return naive
    return utc if target is UTC else aware


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _text_of_bytes(value: bytes | str) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else value


def _by_value(value: Any) -> Any:  # noqa: ANN401 - JSON, Dynamic and Variant columns declare no type of their values
    if isinstance(value, Mapping):
        return {_key(key): _by_value(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_by_value(item) for item in value]
    if isinstance(value, datetime):
        return _datetime_converter(None if value.tzinfo is None else "UTC")(value)
    convert = next((convert for kind, convert in _BY_CLASS if isinstance(value, kind)), str)
    return convert(value)


_BY_NAME: Mapping[str, Convert] = {
    **dict.fromkeys(("Float32", "Float64", "BFloat16"), _finite),
    **dict.fromkeys(("Decimal", "UUID", "IPv4", "IPv6"), str),
    **dict.fromkeys(("Date", "Date32"), date.isoformat),
    "FixedString": _text_of_bytes,
}
_BY_CLASS: Sequence[tuple[type | tuple[type, ...], Convert]] = (
    (float, _finite),
    ((str, int, type(None)), lambda value: value),
    (bytes, _text_of_bytes),
    (date, date.isoformat),
)


def _split(kind: str) -> tuple[str, list[str]]:
    """``"Map(String, UInt8)"`` -> ``("Map", ["String", "UInt8"])``; brackets and commas in quotes are text."""
    name, bracket, rest = kind.strip().partition("(")
    if not bracket:
        return name, []
    inside = rest.rstrip()[:-1]
    return name, [part.strip() for part in _pieces(inside, ",")] if inside.strip() else []


def _element_type(argument: str) -> str:
    """The type in ``"String"``, ``"name String"`` or ```"`a name` Array(String)"```."""
    return _pieces(argument, " ")[-1]


def _pieces(text: str, separator: str) -> list[str]:
    """Cut at each ``separator`` that stands neither in brackets nor in quotes."""
    pieces, depth, quote, start, escaped = [], 0, "", 0, False
    for index, char in enumerate(text):
        if escaped:
            escaped = False
        elif quote:
            escaped = char == "\\"
            quote = "" if char == quote else quote
        elif char in "'`\"":
            quote = char
        elif char in "()":
            depth += 1 if char == "(" else -1
        elif char == separator and depth == 0:
            pieces.append(text[start:index])
            start = index + 1
    pieces.append(text[start:])
    return pieces
