"""An answer's rows as an Arrow table with the types that PostHog declared. Values are never looked at to guess one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from posthog_nb.frames.schema import arrow_type, decoder
from posthog_nb.frames.types import ClickHouseType, TypeTextError, parse_type

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import pyarrow as pa

__all__ = ["Table", "to_arrow", "unique_names"]

_TEXT = ClickHouseType("String")
_NOT_OF_THE_TYPE = (ValueError, TypeError, OverflowError, AttributeError, KeyError, NotImplementedError)
"""What is raised for values of another type; Arrow's own errors are some of these."""


@dataclass(frozen=True)
class Table:
    """An Arrow table and what a reader should know about how it came to be.

    Attributes:
        arrow: The table.
        kinds: Each column's ClickHouse type.
        notes: Sentences about renamed columns and about values that do not fit their declared type.
    """

    arrow: pa.Table
    kinds: tuple[ClickHouseType, ...]
    notes: tuple[str, ...] = ()


def unique_names(columns: Sequence[str]) -> tuple[list[str], list[str]]:
    """``columns`` with the second ``count()`` renamed ``count()_1`` and so on, and a note on each renaming."""
    names: list[str] = []
    notes: list[str] = []
    taken = set(columns)
    seen: set[str] = set()
    for column in columns:
        name, number = column, 0
        while name in seen or (number and name in taken):
            number += 1
            name = f"{column}_{number}"
        if number:
            notes.append(f"There is more than one column {column!r}; a later one is called {name!r}.")
        seen.add(name)
        names.append(name)
    return names, notes


def to_arrow(columns: Sequence[str], types: Sequence[str] | None, pages: Iterable[Sequence[Sequence[Any]]]) -> Table:
    """Build the table.

    Args:
        columns: The columns' names, possibly with repetitions.
        types: Their ClickHouse types; None when the server did not tell.
        pages: The rows, page by page; each page becomes a chunk.
    """
    import pyarrow as pa  # noqa: PLC0415 - loaded when a frame is made

    names, notes = unique_names(columns)
    pages = [list(zip(*rows, strict=True)) if rows else [()] * len(names) for rows in pages]
    kinds: list[ClickHouseType] = []
    arrays: list[pa.ChunkedArray] = []
    for number, name in enumerate(names):
        chunks = [page[number] for page in pages]
        declared = types[number] if types else None
        kind, array, note = _column(name, declared, chunks)
        kinds.append(kind)
        arrays.append(array)
        notes += [note] if note else []
    fields = [
        pa.field(name, array.type, metadata={"clickhouse_type": str(kind)})
        for name, kind, array in zip(names, kinds, arrays, strict=True)
    ]
    return Table(pa.Table.from_arrays(arrays, schema=pa.schema(fields)), tuple(kinds), tuple(notes))


def _column(
    name: str, declared: str | None, chunks: list[Sequence[Any]]
) -> tuple[ClickHouseType, pa.ChunkedArray, str | None]:
    if declared is None:
        return _undeclared(chunks)
    try:
        kind = parse_type(declared)
    except TypeTextError:
        kind = _TEXT
    try:
        return kind, _chunked(kind, chunks), None
    except _NOT_OF_THE_TYPE as error:
        # Kept as text: neither a value is lost nor a type made up.
        note = f"The values of {name!r} do not fit their declared type {declared} and are left as text ({error})."
        return _TEXT, _texts(chunks), note


def _undeclared(chunks: list[Sequence[Any]]) -> tuple[ClickHouseType, pa.ChunkedArray, str | None]:
    # An answer from an old cache may come without types. JSON's own kinds are then all there is.
    import pyarrow as pa  # noqa: PLC0415

    values = [value for chunk in chunks for value in chunk]
    for kind in (None, pa.uint64()):
        try:
            return _TEXT, pa.chunked_array([pa.array(values, type=kind)]), None
        except _NOT_OF_THE_TYPE:
            continue
    return _TEXT, _texts(chunks), None


def _texts(chunks: list[Sequence[Any]]) -> pa.ChunkedArray:
    """Any values as texts; half a surrogate pair, which no text can hold, is written out."""
    import pyarrow as pa  # noqa: PLC0415

    as_text = decoder(_TEXT) or str
    return pa.chunked_array(
        [
            [None if value is None else as_text(value).encode(errors="backslashreplace").decode() for value in chunk]
            for chunk in chunks
        ],
        type=pa.string(),
    )


def _chunked(kind: ClickHouseType, chunks: list[Sequence[Any]]) -> pa.ChunkedArray:
    import pyarrow as pa  # noqa: PLC0415

    target = arrow_type(kind)
    return pa.chunked_array([_array(kind, target, chunk) for chunk in chunks], type=target)


def _array(kind: ClickHouseType, target: pa.DataType, values: Sequence[Any]) -> pa.Array:
    import pyarrow as pa  # noqa: PLC0415

    if pa.types.is_timestamp(target) and (quick := _instants(target, values)) is not None:
        return quick
    if pa.types.is_integer(target) and not all(value is None or type(value) is int for value in values):
        # Arrow would cut a fraction off.
        raise TypeError("not all of them are whole numbers")
    decode = decoder(kind)
    if decode is not None:
        values = [None if value is None else decode(value) for value in values]
    return pa.array(values, type=target)


def _instants(target: pa.TimestampType, values: Sequence[Any]) -> pa.Array | None:
    """ISO texts with an offset, parsed by Arrow in one go; None when they are of another kind."""
    import pyarrow as pa  # noqa: PLC0415

    try:
        return pa.array(values, type=pa.string()).cast(pa.timestamp(target.unit, "UTC")).cast(target)
    except pa.ArrowException:
        return None
