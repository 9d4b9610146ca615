"""An answer's JSON becomes a frame with the types that PostHog declared."""

from __future__ import annotations

import datetime as dt
import subprocess
import sys
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from posthog_nb.errors import InvalidInputError
from posthog_nb.frames import JsonRows, Table, decode, join, to_frame, to_pandas, to_polars

LONDON = ZoneInfo("Europe/London")

# polars has maps as of version 2, and lists of pairs before.
A_MAP_IN_POLARS = {"a": "1.25"} if hasattr(pl, "Map") else [{"key": "a", "value": "1.25"}]


def table_of(columns: list[str], types: list[str] | None, pages: list[list[list[Any]]]) -> Table:
    return join([decode(columns, types, JsonRows.of(page)) for page in pages])


COLUMNS: dict[str, tuple[list[Any], list[Any], str, Any]] = {
    # ClickHouse type: JSON values, what pandas holds, the pandas dtype, the polars dtype
    "UInt64": ([2**64 - 1, 0], [2**64 - 1, 0], "uint64", pl.UInt64),
    "Nullable(Int64)": ([2**53 + 1, None], [2**53 + 1, pd.NA], "Int64", pl.Int64),
    "Nullable(UInt8)": ([1, None], [1, pd.NA], "UInt8", pl.UInt8),
    "Bool": ([True, False], [True, False], "bool", pl.Boolean),
    "Nullable(Bool)": ([True, None], [True, pd.NA], "boolean", pl.Boolean),
    "Float64": ([1.5, None], [1.5, None], "float64", pl.Float64),
    "String": (["<b>", "😀"], ["<b>", "😀"], "str", pl.String),
    "LowCardinality(Nullable(String))": (["a", None], ["a", None], "str", pl.String),
    "FixedString(3)": (["abc", "d"], ["abc", "d"], "str", pl.String),
    "UUID": (["0190a2b4-0000-7000-8000-000000000001"] * 2, None, "str", pl.String),
    "Enum8('a, b' = 1, 'c' = 2)": (["a, b", "c"], ["a, b", "c"], "str", pl.String),
    "Date": (
        ["2026-03-29", "1970-01-01"],
        [dt.date(2026, 3, 29), dt.date(1970, 1, 1)],
        "date32[day][pyarrow]",
        pl.Date,
    ),
    "Nullable(Date32)": (["2299-12-31", None], [dt.date(2299, 12, 31), None], "date32[day][pyarrow]", pl.Date),
    "Decimal(20, 4)": (
        ["1234567890123456.7891", "-0.1000"],
        [Decimal("1234567890123456.7891"), Decimal("-0.1000")],
        "decimal128(20, 4)[pyarrow]",
        pl.Decimal(20, 4),
    ),
    "Decimal64(2)": (
        ["1.10", "2.20"],
        [Decimal("1.10"), Decimal("2.20")],
        "decimal128(18, 2)[pyarrow]",
        pl.Decimal(18, 2),
    ),
    "DateTime": (
        ["2026-01-01T00:00:00", "2026-01-02T00:00:00"],
        [dt.datetime(2026, 1, 1, tzinfo=dt.UTC), dt.datetime(2026, 1, 2, tzinfo=dt.UTC)],
        "datetime64[s, UTC]",
        pl.Datetime("ms", "UTC"),
    ),
    "DateTime64(6, 'Europe/London')": (
        # Fraction or none, offset of winter or of summer, in one column.
        ["2026-03-29T00:59:59Z", "2026-03-29T02:00:00.123456+01:00"],
        [dt.datetime(2026, 3, 29, 0, 59, 59, tzinfo=LONDON), dt.datetime(2026, 3, 29, 2, 0, 0, 123456, tzinfo=LONDON)],
        "datetime64[us, Europe/London]",
        pl.Datetime("us", "Europe/London"),
    ),
    "Nullable(DateTime64(9, 'UTC'))": (
        ["2026-03-29T00:59:59.123456789Z", None],
        [pd.Timestamp("2026-03-29T00:59:59.123456789Z"), pd.NaT],
        "datetime64[ns, UTC]",
        pl.Datetime("ns", "UTC"),
    ),
    "Array(Nullable(UInt64))": ([[1, None], []], [[1, None], []], "list<item: uint64>[pyarrow]", pl.List(pl.UInt64)),
    "Array(Tuple(String, UInt64))": (
        [[["a", 1]], []],
        [[{"1": "a", "2": 1}], []],
        "list<item: struct<1: string, 2: uint64>>[pyarrow]",
        pl.List(pl.Struct({"1": pl.String, "2": pl.UInt64})),
    ),
    "Tuple(lo Date, hi Date)": (
        [["2026-01-01", "2026-01-31"], {"lo": "2026-02-01", "hi": "2026-02-28"}],
        [
            {"lo": dt.date(2026, 1, 1), "hi": dt.date(2026, 1, 31)},
            {"lo": dt.date(2026, 2, 1), "hi": dt.date(2026, 2, 28)},
        ],
        "struct<lo: date32[day], hi: date32[day]>[pyarrow]",
        pl.Struct({"lo": pl.Date, "hi": pl.Date}),
    ),
    "Map(String, UInt8)": ([{"x": 1}, {}], [{"x": 1}, {}], "object", None),
    "Map(UInt64, Date)": ([{"7": "2026-01-01"}, {}], [{7: dt.date(2026, 1, 1)}, {}], "object", None),
    "Point": (
        [[1.0, 2.0], [0.5, 0.5]],
        [{"1": 1.0, "2": 2.0}, {"1": 0.5, "2": 0.5}],
        "struct<1: double, 2: double>[pyarrow]",
        None,
    ),
    "Nothing": ([None, None], [None, None], "object", pl.Null),
    "UInt128": ([2**100, 1], [str(2**100), "1"], "str", pl.String),
    "JSON": ([{"a": [1]}, '{"b": 2}'], ['{"a": [1]}', '{"b": 2}'], "str", pl.String),
    "SomethingNew(1, 'x')": (["as it came", 17], ["as it came", "17"], "str", pl.String),
}


@pytest.mark.parametrize("kind", COLUMNS)
def test_each_type_has_its_values_and_its_dtype_in_pandas(kind: str) -> None:
    values, expected, dtype, _ = COLUMNS[kind]
    series = to_pandas(table_of(["c"], [kind], [[[value] for value in values]]))["c"]
    assert str(series.dtype) == dtype
    for found, wanted in zip(series, expected or values, strict=True):
        if pd.api.types.is_scalar(wanted) and pd.isna(wanted):
            assert pd.isna(found)
        else:
            assert found == wanted


@pytest.mark.parametrize("kind", COLUMNS)
def test_each_type_has_its_dtype_in_polars(kind: str) -> None:
    values, _, _, dtype = COLUMNS[kind]
    frame = to_polars(table_of(["c"], [kind], [[[value] for value in values]]))
    assert dtype is None or frame.schema["c"] == dtype
    assert frame.height == 2


@pytest.mark.parametrize("kind", COLUMNS)
def test_an_empty_result_has_the_same_dtypes(kind: str) -> None:
    _, _, dtype, polars_dtype = COLUMNS[kind]
    empty = table_of(["c"], [kind], [[]])
    assert str(to_pandas(empty)["c"].dtype) == dtype
    assert polars_dtype is None or to_polars(empty).schema["c"] == polars_dtype


def test_pages_become_one_table() -> None:
    table = table_of(["n"], ["UInt8"], [[[1], [2]], [], [[3]]])
    assert table.arrow.column("n").to_pylist() == [1, 2, 3]


def test_columns_of_one_name_are_numbered_and_it_is_said() -> None:
    table = table_of(["count()", "count()", "count()_1", "count()"], ["UInt8"] * 4, [[[1, 2, 3, 4]]])
    assert table.arrow.column_names == ["count()", "count()_2", "count()_1", "count()_3"]
    assert len(table.notes) == 2
    assert to_pandas(table).iloc[0].tolist() == [1, 2, 3, 4]


def test_values_that_do_not_fit_their_type_stay_as_text_and_it_is_said() -> None:
    table = table_of(["n"], ["UInt8"], [[[1], ["many"]]])
    assert table.arrow.column("n").to_pylist() == ["1", "many"]
    assert "'n'" in table.notes[0]
    assert "UInt8" in table.notes[0]


def test_an_answer_without_types_has_the_types_of_its_json() -> None:
    frame = to_pandas(table_of(["n", "mixed"], None, [[[1, "a"], [2, 3]]]))
    assert frame["n"].tolist() == [1, 2]
    assert frame["mixed"].tolist() == ["a", "3"]


def test_decimals_too_long_for_polars_keep_their_digits_as_text() -> None:
    table = table_of(["d"], ["Decimal(60, 2)"], [[["1" * 50 + ".25"]]])
    assert to_polars(table)["d"].to_list() == ["1" * 50 + ".25"]
    assert to_pandas(table)["d"][0] == Decimal("1" * 50 + ".25")


def test_an_arrow_table_says_what_each_column_was() -> None:
    table = to_frame(table_of(["u"], ["UUID"], [[["x"]]]), "arrow")
    assert isinstance(table, pa.Table)
    assert table.schema.field("u").metadata == {b"clickhouse_type": b"UUID"}


def test_an_unknown_kind_of_frame_is_refused() -> None:
    with pytest.raises(InvalidInputError, match="duckdb"):
        to_frame(table_of([], [], [[]]), "duckdb")


def test_a_polars_frame_is_made_where_pandas_is_not_installed() -> None:
    code = """
import sys
class Without:
    def find_spec(self, name, path=None, target=None):
        if name == "pandas":
            raise ModuleNotFoundError(name)
sys.meta_path.insert(0, Without())
from posthog_nb.errors import MissingDependencyError
from posthog_nb.frames import JsonRows, decode, to_pandas, to_polars
rows = JsonRows.of([[1, "2026-07-01T00:00:00+01:00"]])
table = decode(["a", "t"], ["UInt8", "DateTime64(6, 'Europe/London')"], rows)
assert to_polars(table).height == 1
try:
    to_pandas(table)
except MissingDependencyError as error:
    assert "pip install pandas" in error.hint
else:
    sys.exit("pandas was found")
"""
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("Map(String, Nullable(UInt64))", {"a": None, "b": 2**64 - 1}),
        ("Map(String, Array(Nullable(UInt64)))", {"a": [None, 2**63 + 1], "b": [2**64 - 1]}),
    ],
)
def test_integers_within_a_map_keep_their_digits(kind: str, value: object) -> None:
    assert to_pandas(table_of(["m"], [kind], [[[value]]]))["m"][0] == value


def test_the_keys_of_a_map_have_its_key_type() -> None:
    assert to_pandas(table_of(["m"], ["Map(Float64, String)"], [[[{"1.5": "a"}]]]))["m"][0] == {1.5: "a"}


@pytest.mark.parametrize(
    ("kind", "value", "shown"),
    [
        ("Decimal(76, 20)", "0.0000000001", "0.00000000010000000000"),
        ("Array(Nullable(Decimal(76, 2)))", ["1.25", None], ["1.25", None]),
        ("Map(String, Decimal(76, 2))", {"a": "1.25"}, A_MAP_IN_POLARS),
        ("Tuple(a Decimal(76, 2), b Int8)", ["1.25", 1], {"a": "1.25", "b": 1}),
        ("Tuple(a Decimal(76, 2), b Decimal(9, 2))", ["1.25", "0.50"], {"a": "1.25", "b": Decimal("0.50")}),
    ],
)
def test_long_decimals_are_their_digits_in_polars_wherever_they_stand(kind: str, value: object, shown: object) -> None:
    assert to_polars(table_of(["d"], [kind], [[[value]]]))["d"].to_list() == [shown]
    assert to_polars(table_of(["d"], [f"Array({kind})"], [[[[value]], [[]]]]))["d"].to_list() == [[shown], []]


def test_an_answer_without_types_keeps_large_integers_and_mixtures() -> None:
    assert to_pandas(table_of(["x"], None, [[[1], [2**64 - 1]]]))["x"].tolist() == [1, 2**64 - 1]
    assert to_pandas(table_of(["x"], None, [[[1], ["a"]]]))["x"].tolist() == ["1", "a"]


@pytest.mark.parametrize(
    ("kind", "value", "text"),
    [
        ("Int64", 2.5, "2.5"),
        ("DateTime('Nowhere/Land')", "2026-01-01T00:00:00Z", "2026-01-01T00:00:00Z"),
        ("String", "a\ud800", "a\\ud800"),
    ],
)
def test_what_its_type_cannot_hold_is_text_with_a_note(kind: str, value: object, text: str) -> None:
    table = table_of(["x"], [kind], [[[value]]])
    assert to_pandas(table)["x"].tolist() == [text]
    assert to_polars(table)["x"].to_list() == [text]
    assert "left as text" in table.notes[0]
