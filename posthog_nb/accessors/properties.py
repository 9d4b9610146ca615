"""Columns of a frame as properties of events: how each is stored, and what type HogQL gives it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from posthog_nb.accessors.arrow import objects, unfit
from posthog_nb.embedded.ingestion.persons import to_json
from posthog_nb.embedded.store.loading import JSON, PLAIN, TEXT
from posthog_nb.errors import InvalidInputError
from posthog_nb.operations.properties import json_properties

if TYPE_CHECKING:
    from collections.abc import Callable

    import pyarrow as pa

__all__ = ["Property", "as_property", "json_objects"]

EXACT = 2**53
"""A whole number beyond it may not be a float64, which is what HogQL makes of a Numeric property."""

_ESCAPES_TOO_MUCH = r"\\[u/]"
_SPACED = r"[,:{\[]\s|\s[}\],:]|^\s|\s$"


@dataclass(frozen=True)
class Property:
    """A column that becomes a property.

    Attributes:
        key: The property.
        values: The column, nulls where an event does not have it.
        form: How :mod:`posthog_nb.embedded.store.loading` is to write it.
        kind: The type of its definition: Numeric, Boolean, DateTime or String.
    """

    key: str
    values: pa.ChunkedArray
    form: str
    kind: str


def as_property(key: str, values: pa.ChunkedArray | list[Any], notes: list[str]) -> Property | None:
    """A column as a property; None for one that holds nothing.

    Args:
        key: The column's name.
        values: As :func:`posthog_nb.accessors.arrow.column` gives them.
        notes: Takes what a reader should know.

    Raises:
        InvalidInputError: it is of a type that no event can hold.
    """
    import pyarrow as pa  # noqa: PLC0415 - loaded already
    import pyarrow.compute as pc  # noqa: PLC0415

    if isinstance(values, list) or pa.types.is_nested(values.type):
        return _of_objects(key, objects(values))
    types = pa.types
    if types.is_null(values.type):
        return None
    ways: tuple[tuple[Callable[[pa.DataType], bool], Callable[[], tuple[pa.ChunkedArray, str, str]]], ...] = (
        (types.is_boolean, lambda: (values, PLAIN, "Boolean")),
        (types.is_integer, lambda: _integers(key, values, notes)),
        (types.is_floating, lambda: (_finite(key, pc.cast(values, pa.float64()), notes), PLAIN, "Numeric")),
        (types.is_decimal, lambda: (pc.cast(values, pa.large_string()), JSON, "Numeric")),
        (types.is_duration, lambda: (_seconds(values), PLAIN, "Numeric")),
        (types.is_large_string, lambda: (values, TEXT, "String")),
        # To the microsecond, as Python and pandas write it.
        (
            types.is_time,
            lambda: (pc.cast(pc.cast(values, pa.time64("us"), safe=False), pa.large_string()), TEXT, "String"),
        ),
        (types.is_date, lambda: (pc.cast(values, pa.large_string()), TEXT, "DateTime")),
        (types.is_timestamp, lambda: (_iso(values), TEXT, "DateTime")),
    )
    for fits, make in ways:
        if fits(values.type):
            return Property(key, *make())
    raise unfit(key, values.type)


def _of_objects(key: str, values: list[Any]) -> Property | None:
    import pyarrow as pa  # noqa: PLC0415

    carried = [None if value is None else json_properties({key: value}, "row")[key] for value in values]
    if all(value is None for value in carried):
        return None
    texts = [None if value is None else to_json(value) for value in carried]
    return Property(key, pa.chunked_array([pa.array(texts, type=pa.large_string())]), JSON, "String")


def _integers(key: str, values: pa.ChunkedArray, notes: list[str]) -> tuple[pa.ChunkedArray, str, str]:
    import pyarrow as pa  # noqa: PLC0415
    import pyarrow.compute as pc  # noqa: PLC0415

    ends = pc.min_max(values).as_py()
    if ends["max"] is None or (ends["max"] <= EXACT and ends["min"] >= -EXACT):
        return values, PLAIN, "Numeric"
    notes.append(
        f"{key!r} holds whole numbers beyond 2^53, which HogQL's numbers do not tell apart: it is a text property."
    )
    return pc.cast(values, pa.large_string()), TEXT, "String"


def _finite(key: str, values: pa.ChunkedArray, notes: list[str]) -> pa.ChunkedArray:
    import pyarrow as pa  # noqa: PLC0415
    import pyarrow.compute as pc  # noqa: PLC0415

    finite = pc.is_finite(values)
    others = pc.sum(pc.invert(finite)).as_py() or 0
    if others:
        notes.append(f"{others:,} values of {key!r} are no finite numbers, which JSON cannot carry, and are left out.")
    return pc.if_else(finite, values, pa.scalar(None, values.type))


def _seconds(values: pa.ChunkedArray) -> pa.ChunkedArray:
    import pyarrow as pa  # noqa: PLC0415
    import pyarrow.compute as pc  # noqa: PLC0415

    a_second = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}[values.type.unit]
    return pc.divide(pc.cast(pc.cast(values, pa.int64()), pa.float64(), safe=False), float(a_second))


def _iso(values: pa.ChunkedArray) -> pa.ChunkedArray:
    import pyarrow as pa  # noqa: PLC0415
    import pyarrow.compute as pc  # noqa: PLC0415

    if values.type.tz is not None:
        values = values.cast(pa.timestamp(values.type.unit, "UTC"))
    texts = pc.cast(values, pa.large_string())
    return pc.replace_substring(texts, " ", "T", max_replacements=1)


def json_objects(name: str, values: pa.ChunkedArray | list[Any], beside: list[Property]) -> pa.ChunkedArray | pa.Array:
    """The objects of a column of properties, as the JSON text that capture would store; null where there is none.

    Args:
        name: The column.
        values: Objects, or JSON text.
        beside: Properties that the same rows have from columns of their own, which come before those of the objects.

    Raises:
        InvalidInputError: a value is no object that JSON can carry.
    """
    import pyarrow as pa  # noqa: PLC0415
    import pyarrow.compute as pc  # noqa: PLC0415

    if isinstance(values, list) or not pa.types.is_large_string(values.type):
        texts = pa.array(_texts(name, objects(values)), type=pa.large_string())
    else:
        texts = values.combine_chunks()
    texts = _compact(name, texts)
    for one in beside:
        there = pc.and_(pc.match_substring(texts, to_json(one.key)), pc.is_valid(one.values.combine_chunks()))
        texts = _changed(texts, pc.fill_null(there, False), partial(_without, key=one.key))
    return texts


def _texts(name: str, values: list[Any]) -> list[str | None]:
    # A frame may hold JSON text in a column of objects, too.
    return [
        None
        if value is None or value == ""
        else value
        if isinstance(value, str)
        else to_json(json_properties(value, name))
        for value in values
    ]


def _compact(name: str, texts: pa.Array) -> pa.Array:
    """JSON without the spaces and the escapes that it does not need: a property is read as the text that it has."""
    import msgspec  # noqa: PLC0415 - loaded where an answer is read
    import pyarrow as pa  # noqa: PLC0415
    import pyarrow.compute as pc  # noqa: PLC0415

    def loaded(text: str) -> str:
        return to_json(_loads(name, text))

    def without_spaces(text: str) -> str:
        try:
            return msgspec.json.format(text, indent=-1)
        except msgspec.DecodeError as error:
            raise _no_object(name, text) from error

    nothing = pc.is_in(texts, pa.array(["", "null"], pa.large_string()))
    texts = pc.if_else(nothing, pa.scalar(None, pa.large_string()), texts)
    try:
        texts = _changed(texts, pc.match_substring_regex(texts, _ESCAPES_TOO_MUCH), loaded)
    except UnicodeEncodeError as error:
        raise InvalidInputError(
            f"The column {name!r} holds half a surrogate pair, which is not text.",
            hint=r"Replace \ud800 to \udfff where the other half is missing.",
        ) from error
    texts = _changed(texts, pc.match_substring_regex(texts, _SPACED), without_spaces)
    whole = pc.and_(pc.starts_with(texts, "{"), pc.ends_with(texts, "}"))
    if pc.any(pc.invert(whole)).as_py():
        raise _no_object(name, texts[pc.index(whole, False).as_py()].as_py())
    return texts


def _changed(texts: pa.Array, which: pa.Array, change: Callable[[str], str]) -> pa.Array:
    import pyarrow as pa  # noqa: PLC0415
    import pyarrow.compute as pc  # noqa: PLC0415

    which = pc.fill_null(which, False)
    if not pc.any(which).as_py():
        return texts
    changed = [change(text) for text in texts.filter(which).to_pylist()]
    return pc.replace_with_mask(texts, which, pa.array(changed, type=texts.type))


def _without(text: str, key: str) -> str:
    return to_json({name: value for name, value in _loads("properties", text).items() if name != key})


def _loads(name: str, text: str) -> dict[str, Any]:
    import json  # noqa: PLC0415 - as above

    try:
        found = json.loads(text)
    except ValueError as error:
        raise _no_object(name, text) from error
    if not isinstance(found, dict):
        raise _no_object(name, text)
    return found


def _no_object(name: str, text: str) -> InvalidInputError:
    return InvalidInputError(
        f"The column {name!r} holds {text[:60]!r}, which is no JSON object.",
        hint=f"Give objects or their JSON; a column of another kind is a property if {name}= names none or another.",
    )
