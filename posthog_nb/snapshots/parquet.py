"""One answer's rows as Parquet, and exactly the same rows again."""

from __future__ import annotations

from typing import TYPE_CHECKING
from zoneinfo import ZoneInfoNotFoundError

from posthog_nb.frames import arrow_type, parse_type, table_of
from posthog_nb.snapshots.leaves import with_child

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyarrow as pa

    from posthog_nb.frames import Table

__all__ = ["read_rows", "written"]

_ARROW_SCHEMA = b"ARROW:schema"
"""Under this name a Parquet file may say of which Arrow types it is, types with code of their own among them. The
manifest says it here, and the file must not."""
_LARGEST = 1 << 33
"""Bytes of an answer's columns when they are unpacked: a small file may say that it holds any number of them."""


def written(table: Table) -> bytes:
    """The rows as a Parquet file."""
    import pyarrow as pa  # noqa: PLC0415 - for who records
    import pyarrow.parquet as pq  # noqa: PLC0415 - as above

    sink = pa.BufferOutputStream()
    # LZ4 is read in half of the time that others take, and the next reader waits for it.
    pq.write_table(table.arrow, sink, compression="lz4", use_compliant_nested_type=False, store_schema=False)
    data: bytes = sink.getvalue().to_pybytes()
    return data


def read_rows(data: bytes, rows: int, kinds: Sequence[str], names: Sequence[str], notes: Sequence[str]) -> Table:
    """The table of which ``data`` was written.

    Args:
        data: The Parquet file.
        rows: How many rows it has.
        kinds: Each column's ClickHouse type, from which its Arrow type follows: Parquet has no times in whole seconds.
        names: The columns' names.
        notes: What is to be said of the rows.

    Raises:
        ValueError: it is no Parquet file, or one of other columns or of another number of rows.
        ZoneInfoNotFoundError: a column is in a time zone that this computer does not know.
    """
    import pyarrow as pa  # noqa: PLC0415 - for who replays
    import pyarrow.parquet as pq  # noqa: PLC0415 - as above

    try:
        parsed = list(map(parse_type, kinds))
        wanted = list(map(arrow_type, parsed))
        if _ARROW_SCHEMA in _footer(data):
            raise ValueError("it has an Arrow schema of its own")
        file = pq.ParquetFile(pa.BufferReader(data), arrow_extensions_enabled=False)
        if file.schema_arrow.names != list(names):
            raise ValueError("its columns are others than the manifest says")
        if file.metadata.num_rows != rows:
            raise ValueError(f"it has {file.metadata.num_rows:,} rows, and the manifest says {rows:,}")
        groups = range(file.metadata.num_row_groups)
        unpacked = sum(file.metadata.row_group(number).total_byte_size for number in groups)
        if unpacked > _LARGEST:
            raise ValueError(f"its columns are {unpacked:,} bytes when they are unpacked, above {_LARGEST:,}")
        found = file.read()
        if len(found) != rows:
            raise ValueError(f"it has {len(found):,} rows, and says that it has {rows:,}")
        arrays = list(map(_as, found.columns, wanted))
    except ZoneInfoNotFoundError:
        raise
    except (pa.ArrowException, OSError, KeyError, TypeError, ArithmeticError) as error:
        said = str(error).splitlines() or [type(error).__name__]
        raise ValueError(f"it cannot be read as Parquet of these types: {said[0]}") from error
    return table_of(names, parsed, arrays, notes)


def _footer(data: bytes) -> bytes:
    """What a Parquet file says of itself, and how long that is."""
    return data[-8 - int.from_bytes(data[-8:-4], "little") :]


def _as(column: pa.ChunkedArray, kind: pa.DataType) -> pa.ChunkedArray:
    import pyarrow as pa  # noqa: PLC0415 - for who replays

    # Parquet knows no zone but UTC. Types that are equal may still have other names for their parts, which a frame's
    # dtype shows.
    if str(column.type) == str(kind):
        return column
    return pa.chunked_array([_cast(chunk, kind) for chunk in column.chunks], type=kind)


def _cast(array: pa.Array, kind: pa.DataType) -> pa.Array:
    """An array as one of another type. A cast is exact: what it would change raises."""
    import pyarrow as pa  # noqa: PLC0415 - as above

    if array.type.id != kind.id or array.type.num_fields != kind.num_fields:
        return array.cast(kind)
    if pa.types.is_struct(kind):
        parts = [_cast(array.field(number), part.type) for number, part in enumerate(kind)]
        return pa.StructArray.from_arrays(parts, fields=list(kind), mask=array.is_null())
    if pa.types.is_list(kind) or pa.types.is_map(kind):
        # Arrow's own cast miscounts NULLs that have no type, such as those of map('a', NULL, 'b', NULL).
        return with_child(array, _cast(array.values, kind.field(0).type), kind)
    return array.cast(kind)
