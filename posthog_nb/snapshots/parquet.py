"""One answer's rows as Parquet, and exactly the same rows again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from posthog_nb.frames import arrow_type, parse_type, table_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyarrow as pa

    from posthog_nb.frames import Table

__all__ = ["read_rows", "written"]


def written(table: Table) -> bytes:
    """The rows as a Parquet file."""
    import pyarrow as pa  # noqa: PLC0415 - for who records
    import pyarrow.parquet as pq  # noqa: PLC0415 - as above

    sink = pa.BufferOutputStream()
    # LZ4 is read in half of the time that others take, and the next reader waits for it.
    pq.write_table(table.arrow, sink, compression="lz4", use_compliant_nested_type=False)
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
    """
    import pyarrow as pa  # noqa: PLC0415 - for who replays
    import pyarrow.parquet as pq  # noqa: PLC0415 - as above

    parsed = list(map(parse_type, kinds))
    try:
        # An extension type may have code of its own; here it would be what it is stored as, which is none of ours.
        file = pq.ParquetFile(pa.BufferReader(data), arrow_extensions_enabled=False)
        if file.schema_arrow.names != list(names):
            raise ValueError("its columns are others than the manifest says")
        if file.metadata.num_rows != rows:
            raise ValueError(f"it has {file.metadata.num_rows:,} rows, and the manifest says {rows:,}")
        columns = file.read().columns
        arrays = [_as(column, arrow_type(kind)) for column, kind in zip(columns, parsed, strict=True)]
    except (pa.ArrowException, OSError) as error:
        raise ValueError(f"it cannot be read as Parquet: {str(error).splitlines()[0]}") from error
    return table_of(names, parsed, arrays, notes)


def _as(column: pa.ChunkedArray, kind: pa.DataType) -> pa.ChunkedArray:
    # Types that are equal may still have other names for their parts, which a frame's dtype shows. A cast is exact:
    # what it would change raises.
    return column if str(column.type) == str(kind) else column.cast(kind)
