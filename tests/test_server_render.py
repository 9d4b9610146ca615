"""Rows as PostHog writes them in JSON, by declared type."""

from __future__ import annotations

import datetime as dt
import json
from decimal import Decimal
from ipaddress import IPv4Address
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from posthog_nb.embedded.server.render import json_bytes, json_rows

LONDON = ZoneInfo("Europe/London")
NAN = float("nan")


@pytest.mark.parametrize(
    ("kind", "value", "written"),
    [
        ("UInt64", 2**64 - 1, 2**64 - 1),
        ("Int64", -(2**63), -(2**63)),
        ("Int256", 2**200, 2**200),
        ("Bool", True, True),
        ("Float64", 1.5, 1.5),
        ("Float64", NAN, None),
        ("Float32", float("inf"), None),
        ("Nullable(Float64)", float("-inf"), None),
        ("Nullable(Float64)", None, None),
        ("Decimal(18, 2)", Decimal("1.10"), "1.10"),
        ("UUID", UUID(int=1), "00000000-0000-0000-0000-000000000001"),
        ("IPv4", IPv4Address("10.0.0.1"), "10.0.0.1"),
        ("String", "naïve 🦔", "naïve 🦔"),
        ("FixedString(3)", b"ab\xff", "ab\ufffd"),
        ("Enum8('full' = 0, 'a(b,' = 1)", "full", "full"),
        ("Nothing", None, None),
        ("Date", dt.date(2026, 1, 2), "2026-01-02"),
        ("Nullable(Date32)", dt.date(1925, 1, 2), "1925-01-02"),
        (
            "DateTime",
            dt.datetime(2026, 1, 2, 3, 4, 5),  # noqa: DTZ001 - as the engine gives it
            "2026-01-02T03:04:05",
        ),
        ("DateTime", dt.datetime(2026, 1, 2, 3, 4, 5, tzinfo=dt.UTC), "2026-01-02T03:04:05"),
        ("DateTime('UTC')", dt.datetime(2026, 1, 2, 3, 4, 5, tzinfo=dt.UTC), "2026-01-02T03:04:05Z"),
        ("DateTime64(6, 'UTC')", dt.datetime(2026, 1, 2, 3, 4, 5, 10, tzinfo=dt.UTC), "2026-01-02T03:04:05.000010Z"),
        ("DateTime64(6, 'Europe/London')", dt.datetime(2026, 7, 2, 3, tzinfo=LONDON), "2026-07-02T03:00:00+01:00"),
        ("DateTime64(6, 'Europe/London')", dt.datetime(2026, 7, 2, 3, tzinfo=dt.UTC), "2026-07-02T04:00:00+01:00"),
        ("DateTime64(6, 'Europe/London')", dt.datetime(2026, 1, 2, 3, tzinfo=LONDON), "2026-01-02T03:00:00Z"),
        ("Array(Nullable(Float64))", [1.0, NAN, None], [1.0, None, None]),
        ("Array(Array(Date))", [[dt.date(2026, 1, 2)], []], [["2026-01-02"], []]),
        ("Tuple(String, UUID)", ("a", UUID(int=1)), ["a", "00000000-0000-0000-0000-000000000001"]),
        ("Tuple(a String, `b c` Decimal(9, 1))", {"a": "x", "b c": Decimal("1.0")}, ["x", "1.0"]),
        ("Map(String, UInt64)", {"a": 1}, {"a": 1}),
        ("Map(UInt8, Float64)", {1: NAN}, {"1": None}),
        ("Map(Date, String)", {dt.date(2026, 1, 2): "x"}, {"2026-01-02": "x"}),
        ("LowCardinality(Nullable(String))", "x", "x"),
        (
            "SimpleAggregateFunction(max, DateTime('UTC'))",
            dt.datetime(2026, 1, 2, tzinfo=dt.UTC),
            "2026-01-02T00:00:00Z",
        ),
        ("JSON", {"a": [NAN, Decimal("1.5")]}, {"a": [None, "1.5"]}),
        ("Variant(String, Date)", dt.date(2026, 1, 2), "2026-01-02"),
        ("IntervalDay", 3, 3),
    ],
)
def test_a_value_is_written_as_posthog_writes_its_type(kind: str, value: object, written: object) -> None:
    assert json.loads(json_bytes(json_rows([(value,)], [kind]))) == [[written]]


def test_rows_that_need_nothing_are_passed_on_as_they_are() -> None:
    rows = [(1, "a"), (2, "b")]
    assert json_rows(rows, ["UInt64", "String"]) == rows


def test_each_column_is_written_by_its_own_type() -> None:
    rows = [(1, UUID(int=1), None), (2, UUID(int=2), 0.5)]
    assert json.loads(json_bytes(json_rows(rows, ["UInt8", "UUID", "Nullable(Float64)"]))) == [
        [1, str(UUID(int=1)), None],
        [2, str(UUID(int=2)), 0.5],
    ]


def test_half_a_surrogate_pair_becomes_a_question_mark() -> None:
    assert json_bytes(["\ud800"]) == b'["?"]'


_SCALARS = {
    "String": (st.text(st.characters(exclude_categories=["Cs"])), lambda value: value),
    "Int64": (st.integers(-(2**63), 2**63 - 1), lambda value: value),
    "Decimal(9, 2)": (st.decimals(allow_nan=False, allow_infinity=False, places=2), str),
    "UUID": (st.uuids(), str),
    "Date": (st.dates(), lambda value: value.isoformat()),
}


@st.composite
def typed_values(draw: st.DrawFn) -> tuple[str, object, object]:
    """A type, a value of it and what is written for it, nested a few levels deep."""
    kind = draw(st.sampled_from(sorted(_SCALARS)))
    values, write = _SCALARS[kind]
    value = draw(values)
    written: object = write(value)
    for _ in range(draw(st.integers(0, 3))):
        wrapper = draw(st.sampled_from(["Array", "Tuple", "Named", "Map"]))
        if wrapper == "Array":
            kind, value, written = f"Array({kind})", [value, value], [written, written]
        elif wrapper == "Tuple":
            kind, value, written = f"Tuple({kind}, UInt8)", (value, 7), [written, 7]
        elif wrapper == "Named":
            name = draw(st.sampled_from(["a", "`a (b`", "`it's, so`"]))
            kind, value, written = f"Tuple({name} {kind}, x UInt8)", {"n": value, "x": 7}, [written, 7]
        else:
            kind, value, written = f"Map(String, {kind})", {"k": value}, {"k": written}
    return kind, value, written


@given(typed_values())
def test_nested_types_are_written_through_every_level(case: tuple[str, object, object]) -> None:
    kind, value, written = case
    assert json.loads(json_bytes(json_rows([(value,)], [kind]))) == [[written]]
