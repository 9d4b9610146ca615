"""Pages of one result as one table."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from functools import reduce
from typing import TYPE_CHECKING, Any

from posthog_nb.frames.arrow import Table, table_of
from posthog_nb.frames.build import NOT_OF_THE_TYPE, as_text
from posthog_nb.frames.infer import common
from posthog_nb.frames.python import python_values
from posthog_nb.frames.schema import arrow_type
from posthog_nb.frames.types import ClickHouseType

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyarrow as pa

__all__ = ["join"]

_TEXT = ClickHouseType("String")


def join(tables: Sequence[Table]) -> Table:
    """One table of the pages of one result; what they hold is shared and not copied.

    A column may have fitted its type in one page and not in another, or its type may have been changed between the two
    (a property's type belongs to the project's settings). It is then text in all of them, with a note: times with their
    offset, everything that is not a text as JSON.

    Raises:
        ValueError: the pages do not have the same columns.
    """
    first = tables[0]
    names = first.arrow.column_names
    if any(table.arrow.column_names != names for table in tables):
        raise ValueError("The pages do not have the same columns.")
    notes = dict.fromkeys(note for table in tables for note in table.notes)
    kinds: list[ClickHouseType] = []
    arrays: list[pa.ChunkedArray] = []
    for number, name in enumerate(names):
        columns = [table.arrow.column(number) for table in tables]
        kind, array = _joined([table.kinds[number] for table in tables], columns)
        if kind == _TEXT and any(column.type != array.type for column in columns):
            notes.setdefault(f"The values of {name!r} are not of one type in all pages and are left as text.")
        kinds.append(kind)
        arrays.append(array)
    return table_of(names, kinds, arrays, list(notes))


def _joined(kinds: list[ClickHouseType], columns: list[pa.ChunkedArray]) -> tuple[ClickHouseType, pa.ChunkedArray]:
    import pyarrow as pa  # noqa: PLC0415 - the columns are its

    if len({column.type for column in columns}) == 1:
        kind = next((kind for kind in kinds if kind.nullable), kinds[0])
        return kind, _one(columns, columns[0].type)
    # Pages without declared types may be of whole numbers here and of fractions there, or hold nothing but NULL.
    kind = reduce(common, kinds)
    target = arrow_type(kind)
    if kind != _TEXT:
        try:
            return kind, _one([column.cast(target) for column in columns], target)
        except NOT_OF_THE_TYPE:
            kind, target = _TEXT, pa.string()
    return kind, _one([_texts(column) for column in columns], target)


def _one(columns: list[pa.ChunkedArray], kind: pa.DataType) -> pa.ChunkedArray:
    import pyarrow as pa  # noqa: PLC0415

    return pa.chunked_array([chunk for column in columns for chunk in column.chunks], type=kind)


def _texts(column: pa.ChunkedArray) -> pa.ChunkedArray:
    import pyarrow as pa  # noqa: PLC0415

    if pa.types.is_string(column.type):
        return column
    found = [None if value is None else as_text(_json(value)) for value in python_values(column)]
    return pa.chunked_array([pa.array(found, type=pa.string())])


def _json(value: Any) -> Any:  # noqa: ANN401 - a value of any type
    """A value as PostHog writes it in JSON."""
    match value:
        case Decimal():
            return f"{value:f}"
        case date():
            return value.isoformat()
        case list() | tuple():
            return list(map(_json, value))
        case dict():
            return {as_text(_json(key)): _json(item) for key, item in value.items()}
    return value
