"""Rows of single values to Arrow without a Python object for each: a row of such JSON is a line of CSV.

Arrow reads CSV in a third of the time that Python objects take to be made and read again. JSON and CSV agree on a row
as long as no value is a list or an object, no text has an escape other than of a quote or a backslash, and nothing
stands between values and commas. None of it is assumed. Each row is known to be valid JSON, so what CSV finds is right
up to the first value that begins with a bracket or with white space: brackets are looked for in the bytes, white space
in the texts that come out, and a column that is not text refuses either. Then the quotes are counted: there must be as
many texts as the columns' types tell, no more and no fewer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from posthog_nb.frames.build import NOT_OF_THE_TYPE
from posthog_nb.frames.schema import arrow_type, resolved

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    import pyarrow as pa

    from posthog_nb.frames.rows import JsonRows
    from posthog_nb.frames.types import ClickHouseType

__all__ = ["FlatReader", "flat_reader"]

_TEXTS = {"String", "FixedString", "UUID", "Enum8", "Enum16", "IPv4", "IPv6"}
_LINE_BREAK, _QUOTE, _COMMA, _OPEN, _CLOSE, _BRACE = b'\n",[]{'
_SINGLE = {str, int, float, bool}
_LARGEST = 1 << 30


def flat_reader(kinds: Sequence[ClickHouseType], beside: Sequence[Any] = ()) -> FlatReader | None:
    """A reader for rows of single values; None where one of them is made of parts or not of a known type.

    Args:
        kinds: The columns' types.
        beside: What follows in the first row. Of no declared type, it is texts in all rows or no texts at all.
    """
    import pyarrow as pa  # noqa: PLC0415 - loaded when a frame is made

    types: list[pa.DataType] = []
    targets: list[pa.DataType] = []
    for kind in kinds:
        bare = resolved(kind)
        try:
            target = arrow_type(bare)
        except NOT_OF_THE_TYPE:
            return None
        if pa.types.is_nested(target) or pa.types.is_null(target):
            return None
        if pa.types.is_string(target) and bare.name not in _TEXTS:
            return None
        if pa.types.is_floating(target):
            types.append(pa.float64())
        elif pa.types.is_timestamp(target):
            zoned = any(isinstance(argument, str) for argument in bare.arguments)
            types.append(pa.timestamp(target.unit, "UTC" if zoned else None))
        else:
            types.append(target)
        targets.append(target)
    if not types or not isinstance(beside, list | tuple) or not all(type(value) in _SINGLE for value in beside):
        return None
    quoted = [not (pa.types.is_primitive(kind) and not pa.types.is_temporal(kind)) for kind in types]
    return FlatReader(types, targets, [*quoted, *(isinstance(value, str) for value in beside)])


class FlatReader:
    """Reads rows of single values."""

    def __init__(self, types: Sequence[pa.DataType], targets: Sequence[pa.DataType], quoted: Sequence[bool]) -> None:
        import numpy as np  # noqa: PLC0415
        import pyarrow as pa  # noqa: PLC0415
        from pyarrow import csv  # noqa: PLC0415

        types = [*types, *[pa.string()] * (len(quoted) - len(types))]
        self._targets = [*targets, *types[len(targets) :]]
        self._buffer, self._found = pa.allocate_buffer(0), np.empty(0, dtype=np.bool_)
        self._names = list(map(str, range(len(types))))
        self._texts = [number for number, kind in enumerate(types) if pa.types.is_string(kind)]
        self._quoted = quoted
        self._parse = csv.ParseOptions(escape_char="\\", double_quote=False)
        self._convert = csv.ConvertOptions(
            check_utf8=False,
            column_types=dict(zip(self._names, types, strict=True)),
            null_values=["null"],
            strings_can_be_null=True,
            quoted_strings_can_be_null=False,
            true_values=["true"],
            false_values=["false"],
        )

    def read(self, rows: JsonRows) -> list[pa.ChunkedArray] | None:
        """The columns; None when the rows are not as simple as that, or a value is not of its column's type."""
        import numpy as np  # noqa: PLC0415
        import pyarrow as pa  # noqa: PLC0415
        from pyarrow import csv  # noqa: PLC0415

        lines = rows.lines()
        if not 0 < len(lines) < _LARGEST or b"\r" in lines or b"\t" in lines:
            return None
        if len(lines) > len(self._found):
            # Arrow's own memory: its threads may let go of it when Python has ended.
            self._buffer, self._found = pa.allocate_buffer(len(lines)), np.empty(len(lines), dtype=np.bool_)
        text, found = np.frombuffer(self._buffer, dtype=np.uint8)[: len(lines)], self._found[: len(lines)]
        text[:] = np.frombuffer(lines, dtype=np.uint8)
        quotes = _count_quotes(lines, text, found)
        if quotes is None or not _strip_brackets(text, found, len(rows)):
            return None
        options = csv.ReadOptions(column_names=self._names, block_size=len(lines) // 2 + 1)
        try:
            table = csv.read_csv(
                pa.BufferReader(self._buffer.slice(0, len(lines))), options, self._parse, self._convert
            )
            columns = [column.cast(target) for column, target in zip(table.columns, self._targets, strict=True)]
        except NOT_OF_THE_TYPE:
            return None
        texts = sum(
            len(column) - column.null_count for column, quoted in zip(columns, self._quoted, strict=True) if quoted
        )
        spaced = any(_has_space_around(columns[number]) for number in self._texts)
        return columns if table.num_rows == len(rows) and quotes == 2 * texts and not spaced else None


def _strip_brackets(text: np.ndarray, found: np.ndarray, rows: int) -> bool:
    """Make line breaks of the brackets around the rows, in place; False when there may be brackets within a row."""
    import numpy as np  # noqa: PLC0415

    breaks = np.flatnonzero(np.equal(text, _LINE_BREAK, out=found))
    starts, ends = np.append(0, breaks + 1), np.append(breaks - 1, len(text) - 1)
    if len(starts) != rows or (text[starts] != _OPEN).any() or (text[ends] != _CLOSE).any():
        return False
    for bracket, outside in ((_OPEN, rows), (_BRACE, 0)):
        if np.count_nonzero(np.equal(text, bracket, out=found)) != outside:
            # Those in texts do no harm. A value begins after a comma, or after the bracket of its row or list.
            before = text[np.flatnonzero(found) - 1]
            if np.isin(before, (_COMMA, _OPEN)).any():
                return False
    text[starts] = text[ends] = _LINE_BREAK
    return True


def _count_quotes(lines: bytes, text: np.ndarray, found: np.ndarray) -> int | None:
    """How many quotes begin or end a text; None when there is an escape that CSV does not have."""
    import numpy as np  # noqa: PLC0415

    quotes = int(np.count_nonzero(np.equal(text, _QUOTE, out=found)))
    if b"\\" not in lines:
        return quotes
    escapes = lines.replace(b"\\\\", b"")
    escaped = escapes.count(b'\\"')
    return quotes - escaped if escapes.count(b"\\") == escaped else None


def _has_space_around(column: pa.ChunkedArray) -> bool:
    import pyarrow.compute as pc  # noqa: PLC0415

    return bool(pc.any(pc.starts_with(column, " ")).as_py() or pc.any(pc.ends_with(column, " ")).as_py())
