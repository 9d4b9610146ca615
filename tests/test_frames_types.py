"""ClickHouse's type names are read exactly, however deep they nest."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from posthog_nb.frames import ClickHouseType, TypeTextError, parse_type

names = st.from_regex(r"\A[A-Z][A-Za-z0-9]{0,12}\Z")
labels = st.text(st.characters(codec="utf-8", exclude_categories=("Cs",)), min_size=1, max_size=8)
simple = st.builds(ClickHouseType, names)


def with_arguments(inner: st.SearchStrategy[ClickHouseType]) -> st.SearchStrategy[ClickHouseType]:
    argument = st.one_of(inner, st.integers(-1000, 1000), st.text(max_size=12))
    plain = st.builds(ClickHouseType, names, st.lists(argument, min_size=1, max_size=4).map(tuple))
    named = st.lists(st.tuples(labels, inner), min_size=1, max_size=4).map(
        lambda pairs: ClickHouseType("Tuple", tuple(kind for _, kind in pairs), tuple(label for label, _ in pairs))
    )
    return st.one_of(plain, named)


@given(st.recursive(simple, with_arguments, max_leaves=12))
def test_a_type_that_is_written_is_read_as_itself(kind: ClickHouseType) -> None:
    assert parse_type(str(kind)) == kind


@given(st.text(max_size=30))
def test_any_text_is_a_type_or_refused(text: str) -> None:
    with suppress(TypeTextError):
        assert isinstance(parse_type(text), ClickHouseType)


@pytest.mark.parametrize(
    ("text", "bare", "nullable"),
    [
        ("UInt64", "UInt64", False),
        ("Nullable(Int8)", "Int8", True),
        ("LowCardinality(Nullable(String))", "String", True),
        ("LowCardinality(String)", "String", False),
        ("SimpleAggregateFunction(max, Nullable(UInt8))", "UInt8", True),
        ("DateTime64(6, 'Europe/London')", "DateTime64", False),
        ("Nothing", "Nothing", True),
    ],
)
def test_wrappers_are_seen_through(text: str, bare: str, nullable: bool) -> None:
    kind = parse_type(text)
    assert (kind.bare.name, kind.nullable) == (bare, nullable)


def test_an_enum_is_its_labels_whatever_they_hold() -> None:
    assert parse_type(r"Enum8('a, b(' = -1, 'it\'s' = 2, '' = 3)").arguments == ("a, b(", "it's", "")


def test_a_tuple_keeps_the_names_of_its_elements() -> None:
    kind = parse_type("Tuple(a UInt8, `b c` Map(String, Array(DateTime64(3, 'UTC'))))")
    assert kind.labels == ("a", "b c")
    assert [str(part) for part in kind.types] == ["UInt8", "Map(String, Array(DateTime64(3, 'UTC')))"]


@pytest.mark.parametrize(
    "text", ["", "(", "Array(", "Array(String", "Array)String(", "1", "'x'", "A B", "A(,)", "A(1 2)"]
)
def test_what_is_no_type_is_refused(text: str) -> None:
    with pytest.raises(TypeTextError):
        parse_type(text)


def test_nesting_without_end_is_refused() -> None:
    with pytest.raises(TypeTextError):
        parse_type("Array(" * 5000 + "String" + ")" * 5000)
