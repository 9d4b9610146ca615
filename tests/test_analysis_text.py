"""The HogQL of an analysis: what is sent with values beside it, and the same with literals for people."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from posthog_nb.analysis.text import Values, indented, literal, written
from posthog_nb.errors import InvalidInputError
from tests.embedded import embedded_client

if TYPE_CHECKING:
    from collections.abc import Iterator

    from posthog_nb.client import Client

FAR_EAST = timezone(timedelta(hours=5, minutes=30))
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**63), 2**64 - 1),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(st.characters(exclude_categories=["Cs"])),
    st.uuids(),
    st.integers(-2_000_000_000, 9_999_999_999).map(lambda second: datetime.fromtimestamp(second + 0.25, FAR_EAST)),
    st.dates(date(1970, 1, 1), date(2149, 6, 6)),
)


@pytest.fixture(scope="module")
def ph() -> Iterator[Client]:
    with embedded_client() as client:
        yield client


class TestValues:
    def test_an_equal_value_of_the_same_name_is_bound_once(self) -> None:
        values = Values()
        names = [values.bind(value, "event") for value in ("a", "b", "a", "b")]
        assert names == ["{event}", "{event_2}", "{event}", "{event_2}"]
        assert values.given == {"event": "a", "event_2": "b"}

    def test_what_python_takes_for_equal_stays_apart(self) -> None:
        values = Values()
        assert [values.bind(value, "x") for value in (1, 1.0, True, "1", 1)] == [
            "{x}",
            "{x_2}",
            "{x_3}",
            "{x_4}",
            "{x}",
        ]


class TestWritten:
    @settings(max_examples=20)
    @given(st.lists(SCALARS, min_size=8, max_size=8))
    def test_literals_are_what_the_values_are(self, ph: Client, found: list[Any]) -> None:
        values = Values()
        text = "SELECT " + ", ".join(f"{values.bind(one, 'x')} AS c{number}" for number, one in enumerate(found))
        bound = ph.query(text, values=values.given)
        by_hand = ph.query(written(text, values.given))
        assert by_hand.rows == bound.rows

    def test_a_brace_in_a_string_is_no_placeholder(self) -> None:
        assert written("SELECT '{x}', {x}", {"x": "{x}"}) == "SELECT '{x}', '{x}'"

    def test_a_text_with_a_null_character_is_the_same_text(self, ph: Client) -> None:
        assert ph.query(f"SELECT {literal(chr(0) + 'a' + chr(0))}").rows == [["\0a\0"]]

    def test_a_list_is_an_array(self) -> None:
        assert literal(["a", 1, None]) == "['a', 1, NULL]"

    @pytest.mark.parametrize(
        ("value", "text"),
        [
            (datetime(2026, 3, 29, 1, 30, tzinfo=UTC), "toDateTime64('2026-03-29 01:30:00.000000', 6, 'UTC')"),
            (date(2026, 3, 29), "toDate('2026-03-29')"),
            (UUID(int=1), "'00000000-0000-0000-0000-000000000001'"),
            (True, "true"),
        ],
    )
    def test_as_people_would_write_it(self, value: object, text: str) -> None:
        assert literal(value) == text

    def test_what_has_no_literal_is_refused(self) -> None:
        with pytest.raises(InvalidInputError, match="type dict has no literal"):
            literal({})


def test_an_inner_query_stands_further_in() -> None:
    inner = indented("SELECT 1\nFROM x", 2)
    assert f"(\n  {inner}\n)" == "(\n  SELECT 1\n  FROM x\n)"
