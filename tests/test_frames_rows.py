"""The body of an answer is split into what it says and its rows, which stay JSON until they are needed."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from posthog_nb.frames import JsonRows, columns_and_types, decode, read_answer

scalars = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.text(st.characters(), max_size=8)
)
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3)
)
rows = st.lists(st.lists(values, max_size=4), max_size=5)
layouts = st.sampled_from([{}, {"indent": 1}, {"separators": (",", ":")}, {"ensure_ascii": False}])


def body(answer: object, **layout: Any) -> bytes:
    # Half a surrogate pair is no UTF-8; it can be sent as an escape alone.
    return json.dumps(answer, **layout).encode(errors="surrogatepass")


@given(rows, st.dictionaries(st.text(max_size=5).filter(lambda key: "results" not in key), values, max_size=3), layouts)
def test_an_answer_is_what_it_says_and_its_rows(rows: list[Any], rest: dict[str, Any], layout: dict[str, Any]) -> None:
    rest.pop("query_status", None)
    answer, found = read_answer(body({**rest, "results": rows}, **layout))
    assert answer == rest
    assert found is not None
    assert found.lists() == rows
    assert (len(found), list(found)) == (len(rows), rows)


@given(rows, values, layouts)
def test_an_asynchronous_answer_has_them_in_its_status(rows: list[Any], other: object, layout: dict[str, Any]) -> None:
    status = {"id": "q", "complete": True, "results": {"columns": ["a"], "results": rows, "more": other}}
    answer, found = read_answer(body({"query_status": status, "other": other}, **layout))
    assert answer == {
        "query_status": {"id": "q", "complete": True, "results": {"columns": ["a"], "more": other}},
        "other": other,
    }
    assert found is not None
    assert found.lists() == rows


@pytest.mark.parametrize(
    "answer",
    [
        {},
        {"results": None},
        {"results": {"a": 1}},
        {"results": "x", "query_status": None},
        {"query_status": {"complete": False, "results": None, "query_progress": {"rows_read": 1}}},
        {"query_status": {"results": {"results": None, "deep": [{"a": [1, {"b": None}]}]}}},
        {"query_status": [1], "detail": [[1], "a"]},
    ],
)
def test_an_answer_without_rows_is_as_it_came(answer: dict[str, Any]) -> None:
    assert read_answer(body(answer)) == (answer, None)


@given(rows, layouts, st.data())
def test_an_answer_that_is_cut_short_is_refused(rows: list[Any], layout: dict[str, Any], data: st.DataObject) -> None:
    whole = body({"columns": ["a", "é"], "results": rows, "is_cached": False}, **layout)
    end = data.draw(st.integers(0, len(whole) - 1))
    with pytest.raises(ValueError):
        read_answer(whole[:end])


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"<html>Bad gateway</html>",
        b"[]",
        b"null",
        b"17",
        b'{"results": [[1]]} trailing',
        b'{"results": [["\xff"]]}',
        b'{"results": [[1,]]}',
        b'{"results": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    ],
)
def test_what_is_not_an_object_in_json_is_refused(text: bytes) -> None:
    with pytest.raises(ValueError):
        read_answer(text)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (str(2**64), 2**64),
        (str(-(10**40)), -(10**40)),
        ("1e400", math.inf),
        ("Infinity", math.inf),
        (r'"\ud800"', "\ud800"),
        (r'"\ud83d\ude00"', "😀"),
        (r'"a\u0000b"', "a\0b"),
        ("[" * 500 + "]" * 500, None),
    ],
)
def test_what_few_readers_take_is_kept(text: str, value: object) -> None:
    _, found = read_answer(f'{{"results": [[{text}, "é"]], "x": {text}}}'.encode())
    assert found is not None
    if value is None:
        assert json.dumps(found[0][0]) == text
    else:
        assert found.lists() == [[value, "é"]]
        assert list(found) == [[value, "é"]]


def test_a_byte_order_mark_does_no_harm() -> None:
    answer, found = read_answer(b'\xef\xbb\xbf{"results": [[1]]}')
    assert answer == {}
    assert found is not None
    assert found.lists() == [[1]]


def test_a_null_that_is_marked_as_nan_is_nan() -> None:
    answer = {
        "results": [[1, None], [None, 2.5], [[None, 1.5], None]],
        "results::nan!": {"1": {"0": True}, "2": {"0": {"0": True}}, "7": {"0": True}},
        "results::inf!": {"0": {"1": True}},
    }
    for sent in (answer, {"query_status": {"results": answer}}):
        _, found = read_answer(body(sent))
        assert found is not None
        assert [[repr(item) for item in row] for row in found] == [
            ["1", "None"],
            ["nan", "2.5"],
            ["[nan, 1.5]", "None"],
        ]
    numbers = decode(["x"], ["Nullable(Float64)"], JsonRows.of([[None], [math.nan], [1]])).arrow.column("x")
    assert (numbers.null_count, str(numbers[1])) == (1, "nan")


def test_parts_of_rows_are_rows() -> None:
    _, found = read_answer(body({"results": [[number] for number in range(5)]}))
    assert found is not None
    assert found[1:3].lists() == [[1], [2]]
    assert found[-1:].lists() == [[4]]
    assert found[:2].texts() == [b"[0]", b"[1]"]
    assert found.take([3, 0]).lists() == [[3], [0]]
    assert found[4] == [4]
    assert len(found) == 5


@pytest.mark.parametrize(
    ("types", "expected"),
    [
        ([["a", "UInt8"], ["b", "Array(String)"]], ("UInt8", "Array(String)")),
        (["UInt8", "String"], ("UInt8", "String")),
        ([["a", "UInt8"]], None),
        ([["a", "UInt8"], ["b", None]], None),
        ([], None),
        (None, None),
    ],
)
def test_types_are_pairs_or_texts_or_missing(types: object, expected: tuple[str, ...] | None) -> None:
    assert columns_and_types({"columns": ["a", "b"], "types": types}) == (("a", "b"), expected)
    assert columns_and_types({}) == ((), ())


def test_a_row_of_another_length_is_refused() -> None:
    with pytest.raises(ValueError, match="2 values"):
        decode(["a", "b"], ["UInt8", "UInt8"], JsonRows.of([[1, 2], [3]]))
    with pytest.raises(ValueError, match="2 values"):
        decode(["a", "b"], ["UInt8", "UInt8"], JsonRows.of([[1, 2], [3, 4, 5], [6]]))
