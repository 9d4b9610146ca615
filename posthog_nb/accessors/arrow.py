"""The columns of a pandas or polars frame in Arrow, or, where Arrow has no type for them, as a list."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from posthog_nb.errors import InvalidInputError
from posthog_nb.frames.python import python_values

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl
    import pyarrow as pa

__all__ = ["column", "objects", "refuse_nulls", "type_of", "unfit"]

_OF_ONE_KIND = frozenset(
    {"boolean", "integer", "floating", "mixed-integer-float", "decimal", "datetime", "datetime64", "date", "time",
     "timedelta", "timedelta64", "empty"}
)  # fmt: skip
"""pandas' words for objects that are of one type of Arrow."""


def column(frame: Any, name: str) -> pa.ChunkedArray | list[Any]:  # noqa: ANN401 - a frame of pandas or polars
    """One column, with a null for each missing value: in pandas a NaN too, in polars a null alone.

    Texts are ``large_string``. Values that are of no one type of Arrow (objects, mixed ones) come as a list.

    Raises:
        InvalidInputError: it is of a type that no event can hold.
    """
    import pyarrow as pa  # noqa: PLC0415 - loaded when a frame is read
    import pyarrow.compute as pc  # noqa: PLC0415

    found = frame[name]
    made = _of_polars(found) if type(found).__module__.startswith("polars") else _of_pandas(found)
    if isinstance(made, list):
        return made
    array = made if isinstance(made, pa.ChunkedArray) else pa.chunked_array([made])
    if pa.types.is_dictionary(array.type):
        array = array.cast(array.type.value_type)
    if pa.types.is_string(array.type) or pa.types.is_string_view(array.type):
        array = pc.cast(array, pa.large_string())
    if isinstance(array.type, pa.BaseExtensionType):
        # UUIDs: as Python has them.
        return list(array.to_pylist())
    return array


def objects(values: pa.ChunkedArray | list[Any]) -> list[Any]:
    """Python's own values of a column."""
    return values if isinstance(values, list) else python_values(values, names=True)


def type_of(values: pa.ChunkedArray | list[Any]) -> str:
    """What to call a column's type in an error."""
    if not isinstance(values, list):
        return str(values.type).removeprefix("large_")
    kinds = sorted({type(value).__name__ for value in values if value is not None})
    return f"object ({', '.join(kinds)})"


def refuse_nulls(name: str, what: str, values: pa.ChunkedArray, hint: str) -> None:
    """Refuse a column that has no value in some row.

    Raises:
        InvalidInputError: it is so.
    """
    import pyarrow.compute as pc  # noqa: PLC0415 - loaded already

    if values.null_count:
        first = pc.index(pc.is_null(values), True).as_py()
        raise InvalidInputError(
            f"{values.null_count:,} of {len(values):,} rows have nothing in the column {name!r}, {what}; the first is"
            f" row {first:,}.",
            hint=hint,
        )


def _of_pandas(series: pd.Series[Any]) -> pa.Array | pa.ChunkedArray | list[Any]:
    import pandas as pd  # noqa: PLC0415 - the series is its
    import pyarrow as pa  # noqa: PLC0415

    if isinstance(series.dtype, pd.PeriodDtype | pd.IntervalDtype):
        # Arrow has a period as its number since 1970, and an interval without what its ends are.
        series = series.astype(str).where(series.notna(), None)
    if isinstance(series.dtype, pd.SparseDtype):
        series = series.astype(series.dtype.subtype)
    if series.dtype == object:
        return _of_objects(series)
    try:
        return pa.array(series, from_pandas=True)
    except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError) as error:
        raise unfit(series.name, series.dtype) from error


def _of_objects(series: pd.Series[Any]) -> pa.Array | list[Any]:
    import pandas as pd  # noqa: PLC0415
    import pyarrow as pa  # noqa: PLC0415

    kind = pd.api.types.infer_dtype(series, skipna=True)
    try:
        if kind == "string":
            return pa.array(series, type=pa.large_string(), from_pandas=True)
        if kind == "datetime":
            _refuse_mixed_zones(series)
        if kind in _OF_ONE_KIND:
            return pa.array(series, from_pandas=True)
    except UnicodeEncodeError as error:
        raise InvalidInputError(
            f"The column {series.name!r} holds half a surrogate pair, which is not text.",
            hint='Replace it: text.encode("utf-8", "replace").decode().',
        ) from error
    except (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError):
        # Numbers that no 64 bits hold: value by value.
        pass
    if kind == "bytes":
        raise unfit(series.name, kind)
    missing = pd.isna(series).to_numpy()
    return [None if nothing else value for value, nothing in zip(series, missing, strict=True)]


def _refuse_mixed_zones(times: pd.Series[Any]) -> None:
    if len({time.tzinfo is None for time in times.dropna()}) > 1:
        # Arrow would read those without one as UTC, whatever zone is meant.
        raise InvalidInputError(
            f"The column {times.name!r} has times with a time zone and times without one.",
            hint=f'pd.to_datetime(df["{times.name}"], utc=True) reads those without one as UTC.',
        )


def _of_polars(series: pl.Series) -> pa.Array | list[Any]:
    import polars as pl  # noqa: PLC0415 - the series is its

    if series.dtype == pl.Object:
        return series.to_list()
    if str(series.dtype) in {"Int128", "UInt128"}:
        # Arrow has no integers of 128 bits.
        return series.to_list()
    return series.to_arrow(compat_level=pl.CompatLevel.oldest())


def unfit(name: object, kind: object) -> InvalidInputError:
    """The error for a column of a type that no event can hold."""
    return InvalidInputError(
        f"The column {name!r} is of type {kind}, which no event can hold.",
        hint="Decode or convert it to text, numbers, truth values or times, or drop it.",
    )
