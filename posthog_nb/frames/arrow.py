"""An answer's rows as an Arrow table with the types that PostHog declared. Values are never looked at to guess one."""

from __future__ import annotations

import gc
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from posthog_nb.frames.build import NOT_OF_THE_TYPE, builder, texts
from posthog_nb.frames.flat import flat_reader
from posthog_nb.frames.infer import common, inferred, settled
from posthog_nb.frames.python import python_values
from posthog_nb.frames.schema import arrow_type
from posthog_nb.frames.types import ClickHouseType, TypeTextError, parse_type

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import pyarrow as pa

    from posthog_nb.frames.rows import JsonRows

__all__ = ["Table", "decode", "table_of", "unique_names"]

_TEXT = ClickHouseType("String")
_NOTHING = ClickHouseType("Nothing")
_SLICE = 2000
"""How many rows are Python objects at a time: few enough to stay in the processor's cache."""
_FLAT_SLICE = 25_000
"""How many rows are read together where they need not be Python objects."""


@dataclass(frozen=True)
class Table:
    """An Arrow table and what a reader should know about how it came to be.

    Attributes:
        arrow: The table.
        kinds: Each column's ClickHouse type; where the server declared none, the one that its JSON has.
        notes: Sentences about renamed columns and about values that do not fit their declared type.
    """

    arrow: pa.Table
    kinds: tuple[ClickHouseType, ...]
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return int(self.arrow.num_rows)

    def rows(self) -> list[list[Any]]:
        """The rows as Python's own values, made anew at each call.

        Times are aware, in the column's zone (a ``pandas.Timestamp`` where the type counts nanoseconds), dates are
        ``date``, decimals ``Decimal``, tuples lists and maps dicts.
        """
        columns = [python_values(column) for column in self.arrow.columns]
        return list(map(list, zip(*columns, strict=True)))


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


def decode(columns: Sequence[str], types: Sequence[str] | None, rows: JsonRows, *, beside: int = 0) -> Table:
    """Build the table. Only a slice of the rows is Python objects at any time.

    Args:
        columns: The columns' names, possibly with repetitions.
        types: Their ClickHouse types; None when the server did not tell.
        rows: The rows.
        beside: How many values at the end of each row belong to no column and are left out.

    Raises:
        ValueError: a row has not one value for each column.
    """
    names, notes = unique_names(columns)
    with _no_garbage_collection():
        kinds = list(map(_parsed, types)) if types else _inferred(rows, len(names), beside)
        built = [_Column(kind) for kind in kinds]
        _fill(built, rows, beside)
    notes += [
        f"The values of {name!r} do not fit their declared type {kind} and are left as text ({column.fault})."
        for name, kind, column in zip(names, types or (), built, strict=False)
        if column.fault
    ]
    return table_of(names, [column.kind for column in built], [column.chunked() for column in built], notes)


def _fill(columns: Sequence[_Column], rows: JsonRows, beside: int) -> None:
    width = len(columns)
    first = rows[0] if rows else None
    flat = flat_reader([column.kind for column in columns], first[width:]) if isinstance(first, list) else None
    for start in range(0, len(rows), _FLAT_SLICE):
        part = rows[start : start + _FLAT_SLICE]
        arrays = flat.read(part) if flat and not any(column.fault for column in columns) else None
        if arrays is not None:
            for column, array in zip(columns, arrays, strict=False):
                column.append(array)
            continue
        for values in _slices(part, width, beside):
            for column, items in zip(columns, values, strict=True):
                column.add(items)
    if any(column.fault for column in columns):
        # Kept as text: neither a value is lost nor a type made up.
        for values in _slices(rows, width, beside):
            for column, items in zip(columns, values, strict=True):
                column.add_as_text(items)


def table_of(
    names: Sequence[str], kinds: Sequence[ClickHouseType], arrays: Sequence[pa.ChunkedArray], notes: Sequence[str]
) -> Table:
    """A table of ready columns, whose schema says the ClickHouse type of each."""
    import pyarrow as pa  # noqa: PLC0415 - loaded when a frame is made

    fields = [
        pa.field(name, array.type, metadata={"clickhouse_type": str(kind)})
        for name, kind, array in zip(names, kinds, arrays, strict=True)
    ]
    return Table(pa.Table.from_arrays(arrays, schema=pa.schema(fields)), tuple(kinds), tuple(notes))


def _parsed(declared: str) -> ClickHouseType:
    try:
        return parse_type(declared)
    except TypeTextError:
        return _TEXT


def _inferred(rows: JsonRows, width: int, beside: int) -> list[ClickHouseType]:
    kinds = [_NOTHING] * width
    for part in _slices(rows, width, beside):
        kinds = [common(kind, inferred(values)) for kind, values in zip(kinds, part, strict=True)]
    return list(map(settled, kinds))


def _slices(rows: JsonRows, width: int, beside: int) -> Iterator[list[list[Any]]]:
    """The rows' values column by column, a slice of rows at a time."""
    length = width + beside
    for start in range(0, len(rows), _SLICE):
        values = rows[start : start + _SLICE].values(length)
        yield [values[number::length] for number in range(width)]


@contextmanager
def _no_garbage_collection() -> Iterator[None]:
    """JSON makes no cycles. Looking for them in its lists, again and again while they come, takes half of the time."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


class _Column:
    """One column while it is built; as text once a value did not fit."""

    def __init__(self, kind: ClickHouseType) -> None:
        self.kind = kind
        self.fault: str | None = None
        self._chunks: list[pa.Array] = []
        try:
            self._type, self._build = arrow_type(kind), builder(kind)
        except NOT_OF_THE_TYPE as error:
            self._refuse(error)

    def add(self, values: list[Any]) -> None:
        """Append values of the type, unless some were not."""
        if self.fault is None:
            try:
                self.append(self._build(values))
            except NOT_OF_THE_TYPE as error:
                self._refuse(error)

    def add_as_text(self, values: list[Any]) -> None:
        """Append values as text if the column is text for a fault."""
        if self.fault is not None:
            self.append(texts(values))

    def chunked(self) -> pa.ChunkedArray:
        """What was appended."""
        import pyarrow as pa  # noqa: PLC0415

        return pa.chunked_array(self._chunks, type=self._type)

    def append(self, array: pa.Array | pa.ChunkedArray) -> None:
        """Append what is built already."""
        # More than two gigabytes of text come in pieces.
        self._chunks += getattr(array, "chunks", [array])

    def _refuse(self, error: Exception) -> None:
        self.fault = str(error) or type(error).__name__
        self.kind, self._type, self._chunks = _TEXT, arrow_type(_TEXT), []
