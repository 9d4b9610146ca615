"""From an Arrow table to a pandas or a polars frame, without a detour through the other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from posthog_nb.errors import InvalidInputError, MissingDependencyError
from posthog_nb.frames.python import python_values

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl
    import pyarrow as pa

    from posthog_nb.frames.arrow import Table

__all__ = ["FRAMES", "checked_frame", "default_frame", "to_frame", "to_pandas", "to_polars"]

FRAMES = ("pandas", "polars", "arrow")


def default_frame() -> str:
    """The kind of frame to give when nobody chose one: pandas, or polars where pandas is not installed."""
    from importlib.util import find_spec  # noqa: PLC0415 - asks whether it is there, without importing it

    return "pandas" if find_spec("pandas") is not None or find_spec("polars") is None else "polars"


def to_frame(table: Table, frame: str) -> Any:  # noqa: ANN401 - a frame of the kind that is asked for
    """The table as ``"pandas"``, ``"polars"`` or ``"arrow"``."""
    match frame:
        case "pandas":
            return to_pandas(table)
        case "polars":
            return to_polars(table)
        case "arrow":
            return table.arrow
    raise _unknown(frame)


def checked_frame(frame: str | None) -> str | None:
    """The kind of frame that was asked for, if any.

    Raises:
        InvalidInputError: there is no such kind.
    """
    if frame is not None and frame not in FRAMES:
        raise _unknown(frame)
    return frame


def _unknown(frame: object) -> InvalidInputError:
    return InvalidInputError(f"There is no frame {frame!r}.", hint='Use "pandas", "polars" or "arrow".')


def to_pandas(table: Table) -> pd.DataFrame:
    """A pandas frame whose dtypes follow from the declared types alone, so that an empty result has them as well.

    Integers and truth values that may be NULL get pandas' nullable dtypes; times are aware; decimals, dates and
    nested values stay what they are through Arrow-backed dtypes. Only floats have NaN for NULL: the JSON of today's
    PostHog does not tell the two apart.
    """
    try:
        import pandas as pd  # noqa: PLC0415 - loaded when a frame is made
    except ImportError as error:
        raise _missing("pandas") from error

    series = {
        name: _series(table.arrow.column(name), nullable=kind.nullable)
        for name, kind in zip(table.arrow.column_names, table.kinds, strict=True)
    }
    return pd.DataFrame(series, columns=pd.Index(table.arrow.column_names))


def to_polars(table: Table) -> pl.DataFrame:
    """A polars frame, made without pandas."""
    try:
        import polars as pl  # noqa: PLC0415 - loaded when a frame is made
    except ImportError as error:
        raise _missing("polars") from error
    import pyarrow as pa  # noqa: PLC0415

    arrow = table.arrow
    for number, field in enumerate(arrow.schema):
        kind = _without_long_decimals(field.type)
        if kind != field.type:
            # polars has no decimal of more than 38 digits; the digits are kept as text.
            values = [_digits(value, field.type) for value in arrow.column(number).to_pylist()]
            arrow = arrow.set_column(number, field.name, pa.array(values, type=kind))
    frame = pl.from_arrow(arrow)
    return frame if isinstance(frame, pl.DataFrame) else frame.to_frame()


def _without_long_decimals(kind: pa.DataType) -> pa.DataType:
    import pyarrow as pa  # noqa: PLC0415

    if pa.types.is_decimal256(kind):
        return pa.string()
    if pa.types.is_map(kind):
        return pa.map_(_without_long_decimals(kind.key_type), _without_long_decimals(kind.item_type))
    if pa.types.is_list(kind):
        return pa.list_(_without_long_decimals(kind.value_type))
    if pa.types.is_struct(kind):
        return pa.struct([(field.name, _without_long_decimals(field.type)) for field in kind])
    return kind


def _digits(value: Any, kind: pa.DataType) -> Any:  # noqa: ANN401 - what Arrow gives
    """A value of type ``kind`` as one of that type :func:`_without_long_decimals`."""
    import pyarrow as pa  # noqa: PLC0415

    if value is None:
        return None
    if pa.types.is_decimal256(kind):
        return f"{value:f}"
    if pa.types.is_map(kind):
        return [(_digits(key, kind.key_type), _digits(item, kind.item_type)) for key, item in value]
    if pa.types.is_list(kind):
        return [_digits(item, kind.value_type) for item in value]
    if pa.types.is_struct(kind):
        return {field.name: _digits(value[field.name], field.type) for field in kind}
    return value


def _series(column: pa.ChunkedArray, *, nullable: bool) -> pd.Series[Any]:
    import pandas as pd  # noqa: PLC0415
    import pyarrow as pa  # noqa: PLC0415

    if pa.types.is_map(column.type):
        # Through Python: on its own way Arrow makes floats of a map's integers where one of them is null.
        return pd.Series(python_values(column, names=True), dtype=object)
    dtype = _dtype(column.type, nullable=nullable or column.null_count > 0)
    series: pd.Series[Any] = column.to_pandas(types_mapper=lambda _: dtype)
    return series


def _dtype(kind: pa.DataType, *, nullable: bool) -> Any:  # noqa: ANN401 - pandas' dtypes share no public type
    """The pandas dtype for an Arrow type; None for the one that Arrow picks itself."""
    import pandas as pd  # noqa: PLC0415
    import pyarrow as pa  # noqa: PLC0415

    if nullable and pa.types.is_integer(kind):
        return getattr(pd, _NULLABLE_INTEGERS[str(kind)])()
    if nullable and pa.types.is_boolean(kind):
        return pd.BooleanDtype()
    if pa.types.is_string(kind):
        # What pandas itself makes of texts, said aloud so that a column without rows has it as well.
        return pd.StringDtype(na_value=float("nan"))
    if pa.types.is_nested(kind) or pa.types.is_decimal(kind) or pa.types.is_date(kind):
        return pd.ArrowDtype(kind)
    return None


_NULLABLE_INTEGERS = {
    "int8": "Int8Dtype",
    "int16": "Int16Dtype",
    "int32": "Int32Dtype",
    "int64": "Int64Dtype",
    "uint8": "UInt8Dtype",
    "uint16": "UInt16Dtype",
    "uint32": "UInt32Dtype",
    "uint64": "UInt64Dtype",
}


def _missing(library: str) -> MissingDependencyError:
    return MissingDependencyError(
        f"{library} is not installed.",
        hint=f'pip install {library} (conda install -c conda-forge {library}), or ask for another frame="...".',
    )
