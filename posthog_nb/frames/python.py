"""From an Arrow column to Python's own values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["python_values"]


def python_values(column: pa.ChunkedArray, *, names: bool = False) -> list[Any]:
    """The values: maps as dicts, times in the column's zone, everything else as Arrow has it.

    Args:
        column: The column.
        names: Give tuples as dicts with the names of their elements, not as lists.
    """
    return [value for chunk in column.chunks for value in _values(chunk, names=names)]


def _values(array: pa.Array, *, names: bool) -> list[Any]:
    import pyarrow as pa  # noqa: PLC0415 - there is a column of it

    kind = array.type
    if not pa.types.is_nested(kind):
        found: list[Any] = array.to_pylist()
        return found
    valid = array.is_valid().to_pylist()
    if pa.types.is_struct(kind):
        columns = [_values(array.field(number), names=names) for number in range(kind.num_fields)]
        labels = [field.name for field in kind]
        return [
            None if not there else dict(zip(labels, items, strict=True)) if names else list(items)
            for there, items in zip(valid, zip(*columns, strict=True), strict=True)
        ]
    if pa.types.is_fixed_size_list(kind):
        # Of a fixed size, polars' Array: it has no offsets.
        array = array.cast(pa.large_list(kind.value_type))
    offsets = array.offsets.to_pylist()
    items: list[Any]
    if pa.types.is_map(kind):
        items = list(
            zip(map(_hashable, _values(array.keys, names=False)), _values(array.items, names=names), strict=True)
        )
        make: type = dict
    else:
        items, make = _values(array.values, names=names), list
    return [
        make(items[start:stop]) if there else None
        for there, start, stop in zip(valid, offsets[:-1], offsets[1:], strict=True)
    ]


def _hashable(key: Any) -> Any:  # noqa: ANN401 - a map's key
    return tuple(map(_hashable, key)) if isinstance(key, list) else key
