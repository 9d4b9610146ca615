"""Whatever way a table is built, it holds the values that were sent."""

from __future__ import annotations

import datetime as dt
import json
import math
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from posthog_nb.frames import JsonRows, Table, decode, join, to_pandas, to_polars
from posthog_nb.frames import arrow as arrow_module

ZONES = ("UTC", "Europe/London", "Asia/Kathmandu")
texts = st.text(st.characters(codec="utf-8"), max_size=12)
plain_texts = st.text(st.sampled_from("ab ,\"'\\/[]{}:1né\u2028"), max_size=8)
moments = st.datetimes(dt.datetime(1900, 1, 1), dt.datetime(2299, 12, 31))  # noqa: DTZ001 - the zone comes later


def whole(bits: int, *, signed: bool) -> st.SearchStrategy[int]:
    return st.integers(-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if signed else st.integers(0, 2**bits - 1)


def sent_time(moment: dt.datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")


def times(zone: str, digits: int) -> st.SearchStrategy[tuple[str, dt.datetime]]:
    step = 10 ** (6 - digits)
    return moments.map(
        lambda moment: moment.replace(microsecond=moment.microsecond // step * step, tzinfo=dt.UTC).astimezone(
            ZoneInfo(zone)
        )
    ).map(lambda moment: (sent_time(moment), moment))


def same(values: st.SearchStrategy[Any]) -> st.SearchStrategy[tuple[Any, Any]]:
    return values.map(lambda value: (value, value))


SIMPLE: dict[str, st.SearchStrategy[tuple[Any, Any]]] = {
    # ClickHouse type: what PostHog sends, and the value in Python
    "String": same(texts | plain_texts),
    "LowCardinality(String)": same(st.sampled_from(["a", "b", "null", "", " ", "1", "true"])),
    "UUID": same(st.uuids().map(str)),
    "Enum8('a' = 1, 'b' = 2)": same(st.sampled_from("ab")),
    "Int8": same(whole(8, signed=True)),
    "Int64": same(whole(64, signed=True)),
    "UInt64": same(whole(64, signed=False)),
    "Float64": same(st.floats(allow_nan=False, allow_infinity=False)),
    "Bool": same(st.booleans()),
    "Date": st.dates(dt.date(1900, 1, 1), dt.date(2299, 12, 31)).map(lambda day: (day.isoformat(), day)),
    "Decimal(20, 4)": st.decimals(-(10**15), 10**15, places=4).map(lambda number: (f"{number:f}", number)),
    "Decimal(60, 10)": st.decimals(-(10**40), 10**40, places=10).map(lambda number: (f"{number:f}", number)),
    "DateTime": moments.map(lambda moment: moment.replace(microsecond=0)).map(
        lambda moment: (moment.isoformat(), moment.replace(tzinfo=dt.UTC))
    ),
    "DateTime('Europe/London')": times("Europe/London", 0),
    **{f"DateTime64(6, '{zone}')": times(zone, 6) for zone in ZONES},
    "DateTime64(3, 'UTC')": times("UTC", 3),
    "UInt128": whole(128, signed=False).map(lambda number: (number, str(number))),
}
Typed = tuple[str, st.SearchStrategy[tuple[Any, Any]]]


def array(part: Typed) -> Typed:
    kind, values = part
    return f"Array({kind})", st.lists(values, max_size=3).map(
        lambda pairs: ([sent for sent, _ in pairs], [value for _, value in pairs])
    )


def tuple_of(parts: list[Typed]) -> Typed:
    return f"Tuple({', '.join(kind for kind, _ in parts)})", st.tuples(*(values for _, values in parts)).map(
        lambda pairs: ([sent for sent, _ in pairs], [value for _, value in pairs])
    )


def map_of(part: Typed) -> Typed:
    kind, values = part
    return f"Map(String, {kind})", st.dictionaries(texts, values, max_size=3).map(
        lambda found: (
            {key: sent for key, (sent, _) in found.items()},
            {key: value for key, (_, value) in found.items()},
        )
    )


def nullable(part: Typed) -> Typed:
    kind, values = part
    return f"Nullable({kind})", st.one_of(st.just((None, None)), values)


simple: st.SearchStrategy[Typed] = st.sampled_from(list(SIMPLE.items()))
flat = simple | simple.map(nullable)
nested = st.recursive(
    flat,
    lambda inner: inner.map(array) | inner.map(map_of) | st.lists(inner, min_size=1, max_size=3).map(tuple_of),
    max_leaves=4,
)


def written(rows: list[list[Any]], **layout: Any) -> JsonRows:
    return JsonRows([json.dumps(row, **layout).encode() for row in rows])


LAYOUTS = st.sampled_from([{"separators": (",", ":"), "ensure_ascii": False}, {}, {"indent": 1}])


@pytest.mark.parametrize("columns", [flat, nested], ids=["flat", "nested"])
@given(data=st.data())
def test_every_value_is_the_one_that_was_sent(columns: st.SearchStrategy[Typed], data: st.DataObject) -> None:
    chosen = data.draw(st.lists(columns, min_size=1, max_size=4))
    kinds = [kind for kind, _ in chosen]
    pairs = data.draw(st.lists(st.tuples(*(values for _, values in chosen)), max_size=6))
    rows = written([[sent for sent, _ in row] for row in pairs], **data.draw(LAYOUTS))
    table = decode([f"c{number}" for number in range(len(kinds))], kinds, rows)
    assert not table.notes
    found = table.rows()
    assert found == [[value for _, value in row] for row in pairs]
    for row, wanted in zip(found, pairs, strict=True):
        for value, (_, expected) in zip(row, wanted, strict=True):
            assert type(value) is type(expected)
            if isinstance(value, dt.datetime):
                # Equal instants may be in different zones.
                assert value.isoformat() == expected.isoformat()
    assert len(to_pandas(table)) == to_polars(table).height == len(pairs)


json_values = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 300),
    st.integers(),
    st.floats(),
    plain_texts,
    st.sampled_from(["1", "0x1F", "true", "null", "NaN", "2026-01-01", "2026-01-01T00:00:00Z", "2026-07-01 10:00:00"]),
    st.lists(st.integers(0, 9) | plain_texts, max_size=2),
    st.dictionaries(plain_texts, plain_texts | st.integers(), max_size=2),
)


def shown(table: Table) -> list[Any]:
    return [table.notes, table.kinds, table.arrow.schema, repr(table.rows())]


@given(data=st.data(), layout=LAYOUTS)
def test_the_quick_way_gives_what_the_slow_way_gives(data: st.DataObject, layout: dict[str, Any]) -> None:
    chosen = data.draw(st.lists(flat, min_size=1, max_size=4))
    kinds = [kind for kind, _ in chosen]
    honest = st.tuples(*(values.map(lambda pair: pair[0]) for _, values in chosen)).map(list)
    lying = st.lists(json_values, min_size=len(kinds), max_size=len(kinds))
    rows = written(data.draw(st.lists(data.draw(st.sampled_from([honest, honest | lying])), max_size=5)), **layout)
    names = [f"c{number}" for number in range(len(kinds))]
    quick = decode(names, kinds, rows)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(arrow_module, "flat_reader", lambda *_: None)
        slow = decode(names, kinds, rows)
    assert shown(quick) == shown(slow)


@given(kind=nested, values=st.lists(json_values, max_size=4))
def test_values_of_no_type_in_particular_are_kept(kind: Typed, values: list[Any]) -> None:
    table = decode(["x"], [kind[0]], JsonRows.of([[value] for value in values]))
    if table.notes:
        assert [row[0] for row in table.rows()] == [
            value if value is None or isinstance(value, str) else json.dumps(value, ensure_ascii=False)
            for value in values
        ]
    assert [row[0] is None for row in table.rows()] == [value is None for value in values]


@given(values=st.lists(json_values | st.none(), max_size=6))
def test_without_types_no_value_is_lost(values: list[Any]) -> None:
    found = [row[0] for row in decode(["x"], None, JsonRows.of([[value] for value in values])).rows()]
    for value, kept in zip(values, found, strict=True):
        if isinstance(value, float) and math.isnan(value) and not isinstance(kept, str):
            assert math.isnan(kept)
        elif kept != value:
            assert kept == json.dumps(value, ensure_ascii=False) or isinstance(value, list)


@pytest.mark.parametrize(
    ("values", "kept"),
    [
        ([2**53, 0.5], [2.0**53, 0.5]),
        ([2**53 + 1, 0.5], ["9007199254740993", "0.5"]),
        ([-(2**53) - 1, 0.5, 1], ["-9007199254740993", "0.5", "1"]),
        ([2**64 - 1, 0.5], ["18446744073709551615", "0.5"]),
        ([2**53 + 1, 1], [2**53 + 1, 1]),
        ([[2**53 + 1], [0.5]], [["9007199254740993"], ["0.5"]]),
    ],
)
def test_without_types_no_float_rounds_a_whole_number_beside_it(values: list[Any], kept: list[Any]) -> None:
    assert [row[0] for row in decode(["x"], None, JsonRows.of([[value] for value in values])).rows()] == kept


@given(data=st.data())
def test_pages_that_are_joined_are_one_table(data: st.DataObject) -> None:
    kind, values = data.draw(nested)
    rows = data.draw(st.lists(values.map(lambda pair: [pair[0]]), min_size=1, max_size=8))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(rows)), max_size=3)))
    pages = [JsonRows.of(rows[start:stop]) for start, stop in zip([0, *cuts], [*cuts, len(rows)], strict=True)]
    joined = join([decode(["x"], [kind], page) for page in pages])
    assert shown(joined) == shown(decode(["x"], [kind], JsonRows.of(rows)))


@pytest.mark.parametrize(
    ("kind", "first", "then", "expected"),
    [
        ("UInt64", 2**64 - 1, "many", [str(2**64 - 1), "many"]),
        ("Date", "2026-01-01", 17, ["2026-01-01", "17"]),
        ("Decimal(9, 2)", "1.50", "?", ["1.50", "?"]),
        (
            "DateTime64(6, 'Europe/London')",
            "2026-07-01T00:00:00.5+01:00",
            "?",
            ["2026-07-01T00:00:00.500000+01:00", "?"],
        ),
        ("Array(UInt8)", [1, None], [1, -1], ["[1, null]", "[1, -1]"]),
        ("Map(String, Date)", {"a": "2026-01-01"}, {"a": 1}, ['{"a": "2026-01-01"}', '{"a": 1}']),
        ("Bool", True, "yes", ["true", "yes"]),
    ],
)
def test_a_column_that_fits_in_one_page_alone_is_text_in_all(
    kind: str, first: object, then: object, expected: list[str]
) -> None:
    pages = [decode(["x"], [kind], JsonRows.of([[value]])) for value in (first, then, None)]
    for order in (pages, pages[::-1]):
        table = join(order)
        assert sorted(row[0] or "" for row in table.rows()) == sorted([*expected, ""])
        assert any("left as text" in note for note in table.notes)


def test_a_type_that_changes_between_pages_makes_text() -> None:
    pages = [decode(["x"], [kind], JsonRows.of([[value]])) for kind, value in (("Float64", 1.5), ("String", "a"))]
    table = join(pages)
    assert table.rows() == [["1.5"], ["a"]]
    assert table.notes == ("The values of 'x' are not of one type in all pages and are left as text.",)


def test_pages_without_types_agree_where_they_can() -> None:
    def joined(*values: object) -> Table:
        return join([decode(["x"], None, JsonRows.of([[value]])) for value in values])

    assert joined(1, 2.5, None).rows() == [[1.0], [2.5], [None]]
    assert joined(1, 2**64 - 1).rows() == [[1], [2**64 - 1]]
    assert joined(2**53 + 1, 2.5).rows() == [[str(2**53 + 1)], ["2.5"]]
    assert joined([1], ["a"]).rows() == [[["1"]], [["a"]]]
    assert joined(None, None).rows() == [[None], [None]]


def test_pages_of_other_columns_are_refused() -> None:
    with pytest.raises(ValueError, match="same columns"):
        join([decode(["x"], None, JsonRows()), decode(["y"], None, JsonRows())])


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        ("DateTime64(6, 'UTC')", "1900-01-01T00:00:00+00:53:28", dt.datetime(1899, 12, 31, 23, 6, 32, tzinfo=dt.UTC)),
        ("DateTime64(6, 'UTC')", "2026-01-01 10:00:00", dt.datetime(2026, 1, 1, 10, tzinfo=dt.UTC)),
        (
            "DateTime64(3, 'UTC')",
            "2026-01-01T10:00:00.120000Z",
            dt.datetime(2026, 1, 1, 10, 0, 0, 120_000, tzinfo=dt.UTC),
        ),
        ("DateTime64(3, 'UTC')", "2026-01-01T10:00:00.1234Z", "2026-01-01T10:00:00.1234Z"),
        ("DateTime64(9, 'UTC')", "2299-01-01T00:00:00Z", "2299-01-01T00:00:00Z"),
        ("DateTime64(6, 'Europe')", "2026-01-01T10:00:00Z", "2026-01-01T10:00:00Z"),
        ("Decimal(9, 2)", 1.5, Decimal("1.50")),
        ("Decimal(9, 2)", "1.505", "1.505"),
        ("Float64", 10**20, 1e20),
        ("Bool", 1, True),
        ("Map(Bool, UInt8)", {"false": 1}, {False: 1}),
        ("Map(UInt8, UInt8)", {"007": 1}, '{"007": 1}'),
        ("Map(String, UInt8)", [["a", 1], ["a", 2]], {"a": 2}),
        ("Tuple(a UInt8, b UInt8)", {"a": 1, "b": 2}, [1, 2]),
        ("Tuple(a UInt8, b UInt8)", {"a": 1, "c": 2}, '{"a": 1, "c": 2}'),
        ("Tuple(UInt8)", [1, 2], "[1, 2]"),
        ("Nested(a UInt8, b String)", [[1, "x"]], [[1, "x"]]),
        ("Decimal(99, 2)", "1.5", "1.5"),
        ("Array(Nothing)", [], []),
        ("]broken[", [1], "[1]"),
    ],
)
def test_what_comes_in_another_form_is_read_or_kept(kind: str, text: object, value: object) -> None:
    # The second row makes a mixture of forms of the first one.
    assert decode(["x"], [kind], JsonRows.of([[text]])).rows() == [[value]]
    assert decode(["x"], [kind], JsonRows.of([[text], [None]])).rows() == [[value], [None]]


def test_nanoseconds_are_kept() -> None:
    table = decode(["x"], ["DateTime64(9, 'UTC')"], JsonRows.of([["2026-01-01T00:00:00.123456789Z"]]))
    assert table.rows()[0][0].isoformat() == "2026-01-01T00:00:00.123456789+00:00"


def test_values_beside_are_left_out() -> None:
    rows = JsonRows.of([[1, "a", "k", 1], [2, "b", "l", None]])
    for types in (["UInt8", "String"], ["UInt8", "Array(String)"], None):
        assert [row[0] for row in decode(["n", "s"], types, rows, beside=2).rows()] == [1, 2]
    with pytest.raises(ValueError, match="4 values"):
        decode(["n", "s"], ["UInt8", "String"], JsonRows.of([[1, "a", "k", 1], [2, "b", "l"]]), beside=2)
