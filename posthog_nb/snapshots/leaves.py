"""The values inside a column, however deep they nest, replaced piece by piece; what stays as it is is not copied."""

from __future__ import annotations

from itertools import starmap
from operator import is_
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import re
    from collections.abc import Callable, Iterator

    import pyarrow as pa

__all__ = [
    "by_value",
    "leaves_of",
    "may_hold",
    "replaced_where",
    "with_child",
    "with_entries",
    "with_fields",
    "with_values",
]


def with_fields(array: pa.Array, cover: Callable[[int, pa.Array], pa.Array]) -> pa.Array:
    """An array of structs with other fields, each of which ``cover`` is given with its number."""
    import pyarrow as pa  # noqa: PLC0415 - loaded when there are answers

    old = [array.field(number) for number in range(array.type.num_fields)]
    new = list(starmap(cover, enumerate(old)))
    if all(map(is_, old, new)):
        return array
    return pa.StructArray.from_arrays(new, fields=list(array.type), mask=array.is_null())


def with_values(array: pa.Array, cover: Callable[[pa.Array], pa.Array]) -> pa.Array:
    """An array of lists with other values in them."""
    old = array.values
    new = cover(old)
    return array if new is old else with_child(array, new, array.type)


def with_entries(array: pa.Array, cover: Callable[[pa.Array, pa.Array], tuple[pa.Array, pa.Array]]) -> pa.Array:
    """An array of maps with other keys and items, which ``cover`` is given together."""
    import pyarrow as pa  # noqa: PLC0415

    entries = array.values
    old = entries.field(0), entries.field(1)
    new = cover(*old)
    if new[0] is old[0] and new[1] is old[1]:
        return array
    return with_child(array, pa.StructArray.from_arrays(list(new), fields=list(entries.type)), array.type)


def with_child(array: pa.Array, child: pa.Array, kind: pa.DataType) -> pa.Array:
    """An array of lists or maps as one of type ``kind``, with ``child`` in the place of all their values."""
    import pyarrow as pa  # noqa: PLC0415

    # The offsets are those of all of the child's values, a slice or not.
    return pa.Array.from_buffers(
        kind, len(array), array.buffers()[:2], array.null_count, array.offset, children=[child]
    )


def leaves_of(array: pa.Array) -> Iterator[pa.Array]:
    """The texts in an array."""
    import pyarrow as pa  # noqa: PLC0415

    kind = array.type
    if pa.types.is_string(kind):
        yield array
    elif pa.types.is_struct(kind):
        for number in range(kind.num_fields):
            yield from leaves_of(array.field(number))
    elif pa.types.is_nested(kind):
        yield from leaves_of(array.values)


def may_hold(texts: pa.Array, pattern: re.Pattern[bytes]) -> bool:
    """Whether ``pattern`` is found anywhere in the memory of ``texts``: for most of them a quick no."""
    memory = texts.buffers()[2]
    return memory is not None and len(texts) > 0 and pattern.search(memory) is not None


def replaced_where(texts: pa.Array, hits: pa.Array, put: Callable[[str], str]) -> pa.Array:
    """``texts`` with other ones where ``hits`` is true; the same object where none is."""
    import pyarrow as pa  # noqa: PLC0415
    import pyarrow.compute as pc  # noqa: PLC0415

    hits = pc.fill_null(hits, False)
    found: list[Any] = texts.filter(hits).to_pylist()
    if not found:
        return texts
    return pc.replace_with_mask(texts, hits, pa.array([put(text) for text in found], type=texts.type))


def by_value(texts: pa.Array, put: Callable[[str], str]) -> pa.Array:
    """``texts`` with others for them, each worked out once."""
    import pyarrow as pa  # noqa: PLC0415

    coded = texts.dictionary_encode()
    words = pa.array([put(text) for text in coded.dictionary.to_pylist()], type=texts.type)
    return words.take(coded.indices)
