"""An answer of the query endpoint, its rows left as JSON until a frame is made of them.

Half a million Python objects of one page cost more memory than its frame and its text together, so the rows are kept as
the text that came, cut into rows, and are parsed a slice at a time. msgspec reads them; it keeps integers of any size.
What it refuses although Python's own reader takes it (NaN, half a surrogate pair, a number above every float, a byte
order mark) is left to that one.
"""

from __future__ import annotations

import json
from functools import cache, lru_cache
from itertools import chain
from typing import TYPE_CHECKING, Any, overload

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    import msgspec

__all__ = ["JsonRows", "columns_and_types", "read_answer"]

_NAN_MARKS = "results::nan!"
_PAIR = 2


class JsonRows:
    """Rows as JSON texts. They never change; a part of them shares their memory."""

    __slots__ = ("_texts",)

    def __init__(self, texts: Sequence[bytes | msgspec.Raw] = ()) -> None:
        self._texts = texts

    @classmethod
    def of(cls, rows: Iterable[Sequence[Any]]) -> JsonRows:
        """Rows of JSON values, written as JSON."""
        return cls([_written(row) for row in rows])

    def __len__(self) -> int:
        return len(self._texts)

    def __iter__(self) -> Iterator[list[Any]]:
        return map(_parsed, self._texts)

    @overload
    def __getitem__(self, place: int) -> list[Any]: ...

    @overload
    def __getitem__(self, place: slice) -> JsonRows: ...

    def __getitem__(self, place: int | slice) -> list[Any] | JsonRows:
        if isinstance(place, slice):
            return JsonRows(self._texts[place])
        row: list[Any] = _parsed(self._texts[place])
        return row

    def take(self, places: Iterable[int]) -> JsonRows:
        """The rows at ``places``, in that order."""
        texts = self._texts
        return JsonRows([texts[place] for place in places])

    def lists(self) -> list[list[Any]]:
        """The rows as parsed JSON. Nothing is kept: each call parses anew."""
        try:
            return list(map(_reader().decode, self._texts))
        except (ValueError, RecursionError):
            return list(map(_parsed, self._texts))

    def values(self, width: int) -> list[Any]:
        """All values, one row after the other; each row must have ``width`` of them.

        Raises:
            ValueError: a row has not.
        """
        try:
            # A tuple of one length is checked as it is read, and gone when its values are in the list.
            return list(chain.from_iterable(map(_row_reader(width).decode, self._texts)))
        except (ValueError, RecursionError):
            rows: list[Any] = self.lists()
        for row in rows:
            if not isinstance(row, list) or len(row) != width:
                raise ValueError(f"A row does not have {width} values: {row!r:.100}")
        return list(chain.from_iterable(rows))

    def lines(self) -> bytes:
        """The rows' JSON, a row a line unless the server breaks lines within rows."""
        return b"\n".join(self._texts)

    def texts(self) -> list[bytes]:
        """The JSON of each row as it came."""
        return list(map(bytes, self._texts))

    def __repr__(self) -> str:
        return f"<JsonRows: {len(self):,} rows>"


def read_answer(body: bytes) -> tuple[dict[str, Any], JsonRows | None]:
    """An answer without its rows, and the rows.

    The rows are ``results`` of the answer itself or, where an answer tells of an asynchronous query,
    ``query_status.results.results``. A null that an older PostHog marks as NaN beside the rows (``results::nan!``)
    becomes NaN. Its marks of infinities (``results::inf!``) do not tell the sign; those stay null, as they are in the
    answers of newer servers.

    Args:
        body: The JSON text.

    Returns:
        The object without its key of rows; the rows, or None where there is no list of them.

    Raises:
        ValueError: the text is not JSON, is cut short, nests too deeply, or is not an object.
    """
    answer = _quickly_read(body)
    quick = answer is not None
    if answer is None:
        answer = _read(body)
    holder = _holder_of_rows(answer)
    texts = None if holder is None else holder.pop("results")
    marks = None if holder is None else holder.get(_NAN_MARKS)
    if quick:
        answer, marks = _finished(answer), _finished(marks)
    if texts is None:
        return answer, None
    if not quick:
        texts = [_written(row) for row in texts]
    return answer, JsonRows(_with_nan(texts, marks) if isinstance(marks, dict) else texts)


def columns_and_types(answer: dict[str, Any]) -> tuple[tuple[str, ...], tuple[str, ...] | None]:
    """The columns' names and their ClickHouse types.

    Types come as pairs of name and type, or from some servers as plain texts. They are None when the answer has none
    or not one for each column: a cached answer of an older server may come without.
    """
    columns = tuple(map(str, answer.get("columns") or ()))
    types = [
        given[1] if isinstance(given, list) and len(given) == _PAIR else given for given in answer.get("types") or ()
    ]
    if len(types) != len(columns) or not all(isinstance(kind, str) for kind in types):
        return columns, None
    return columns, tuple(types)


@cache
def _reader() -> msgspec.json.Decoder[Any]:
    import msgspec  # noqa: PLC0415 - loaded when there is something to read

    return msgspec.json.Decoder()


@lru_cache
def _row_reader(width: int) -> msgspec.json.Decoder[tuple[Any, ...]]:
    import msgspec  # noqa: PLC0415

    return msgspec.json.Decoder(tuple[(Any,) * width])  # type: ignore[misc]


@cache
def _splitter() -> msgspec.json.Decoder[Any]:
    """Reads an answer, leaving the items of its lists as texts, and so in the objects within it that may have rows."""
    import msgspec  # noqa: PLC0415

    other = None | bool | int | float | str | list[msgspec.Raw]
    status = dict[str, other | dict[str, other | dict[str, msgspec.Raw]]]
    return msgspec.json.Decoder(dict[str, other | status])


def _quickly_read(body: bytes) -> dict[str, Any] | None:
    try:
        if not body.isascii():
            # What is left as text is not looked into.
            _check_utf8(body)
        found: dict[str, Any] = _splitter().decode(body)
    except (ValueError, RecursionError):
        return None
    return found


def _check_utf8(body: bytes) -> None:
    """Raise a ValueError for what is not UTF-8. Arrow looks at ten times as many bytes a second as Python does."""
    import pyarrow as pa  # noqa: PLC0415 - loaded when there is something to read

    offsets = pa.array([0, len(body)], type=pa.int64()).buffers()[1]
    text = pa.Array.from_buffers(pa.large_binary(), 1, [None, offsets, pa.py_buffer(body)])
    text.cast(pa.large_string())


def _read(body: bytes) -> dict[str, Any]:
    try:
        found = json.loads(body)
    except RecursionError as error:
        raise ValueError("The JSON nests too deeply.") from error
    if not isinstance(found, dict):
        raise ValueError(f"The JSON is not an object but a {type(found).__name__}.")  # noqa: TRY004 - of the text
    return found


def _holder_of_rows(answer: dict[str, Any]) -> dict[str, Any] | None:
    found: Any = answer
    for name in ("query_status", "results"):
        if isinstance(found.get("results"), list):
            break
        found = found.get(name)
        if not isinstance(found, dict):
            return None
    return found if isinstance(found.get("results"), list) else None


def _finished(value: Any) -> Any:  # noqa: ANN401 - JSON
    """``value`` with everything parsed that was left as text."""
    if isinstance(value, dict):
        return {name: _finished(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_finished(item) for item in value]
    return value if value is None or isinstance(value, bool | int | float | str) else _parsed(value)


def _parsed(text: bytes | msgspec.Raw) -> Any:  # noqa: ANN401 - JSON
    try:
        return _reader().decode(text)
    except (ValueError, RecursionError):
        return json.loads(bytes(text))


def _written(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


def _with_nan(texts: Sequence[bytes | msgspec.Raw], marks: dict[str, Any]) -> list[bytes | msgspec.Raw]:
    marked = list(texts)
    for place, mark in marks.items():
        if place.isdecimal() and int(place) < len(marked):
            marked[int(place)] = _written(_marked(_parsed(marked[int(place)]), mark))
    return marked


def _marked(value: Any, mark: Any) -> Any:  # noqa: ANN401 - JSON
    if mark is True:
        return float("nan") if value is None else value
    if isinstance(value, list) and isinstance(mark, dict):
        return [_marked(item, mark.get(str(place))) for place, item in enumerate(value)]
    return value
