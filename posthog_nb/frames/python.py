"""From an Arrow column to Python's own values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["python_values"]


def python_values(column: pa.ChunkedArray) -> list[Any]:
    """The values: tuples as lists, maps as dicts, times in the column's zone, everything else as Arrow has it."""
    return [value for chunk in column.chunks for value in _values(chunk)]


def _values(array: pa.Array) -> list[Any]:
    import pyarrow as pa  # noqa: PLC0415 - there is a column of it

    kind = array.type
    if not pa.types.is_nested(kind):
        found: list[Any] = array.to_pylist()
        return found
    valid = array.is_valid().to_pylist()
    if pa.types.is_struct(kind):
        if not kind.num_fields:
            return [[] if there else None for there in valid]
        columns = [_values(array.field(number)) for number in range(kind.num_fields)]
        return [list(items) if there else None for there, items in zip(valid, zip(*columns, strict=True), strict=True)]
    offsets = array.offsets.to_pylist()
    items: list[Any]
    if pa.types.is_map(kind):
        items = list(zip(map(_hashable, _values(array.keys)), _values(array.items), strict=True))
        make: type = dict
    else:
        items, make = _values(array.values), list
    return [
        make(items[start:stop]) if there else None
        for there, start, stop in zip(valid, offsets[:-1], offsets[1:], strict=True)
    ]


def _hashable(key: Any) -> Any:  # noqa: ANN401 - a map's key
    return tuple(map(_hashable, key)) if isinstance(key, list) else key
