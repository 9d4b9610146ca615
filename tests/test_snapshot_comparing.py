"""When two answers to one question are the same, and what is shown where they are not."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from posthog_nb.snapshots.comparing import REORDERED, ROUNDED, Change, compare, compare_json
from tests.test_snapshot_privacy import answer

NAN = float("nan")


def compared(then, now, other=None):
    return compare(then, now, other or now)


def counts(*rows):
    """Events and how many there are of each."""
    names, numbers = zip(*rows, strict=True) if rows else ((), ())
    events, n = pa.array(list(names), pa.string()), pa.array(list(numbers), pa.int64())
    return answer(("event", "String", events), ("n", "Int64", n))


def floats(*values):
    return answer(("mean", "Float64", pa.array(list(values), pa.float64())))


# Same --------------------------------------------------------------------------------------------------------------


EVERY_KIND = answer(
    ("text", "Nullable(String)", ["a", None, "b"]),
    ("float", "Nullable(Float64)", [NAN, None, float("inf")]),
    ("list", "Array(Float64)", [[NAN, 1.5], [], [None]]),
    ("tuple", "Tuple(Int64, String)", pa.array([{"1": 1, "2": "x"}] * 3)),
    ("map", "Map(String, Int64)", pa.array([[("a", 1)], [], [("b", 2)]], pa.map_(pa.string(), pa.int64()))),
    ("decimal", "Decimal(76, 2)", pa.array([Decimal("1.10")] * 3, pa.decimal256(76, 2))),
    ("time", "DateTime64(6, 'UTC')", pa.array([datetime(2026, 3, 1, tzinfo=UTC)] * 3)),
    ("nothing", "Nullable(Nothing)", pa.nulls(3)),
)


def reordered(answered, order):
    return replace(answered, table=replace(answered.table, arrow=answered.table.arrow.take(order)))


def test_values_of_every_kind_equal_themselves_and_nan_equals_nan():
    assert compared(EVERY_KIND, EVERY_KIND) == compared(counts(), counts())
    assert compared(EVERY_KIND, EVERY_KIND).same
    assert compared(EVERY_KIND, EVERY_KIND).detail == ""


def test_another_order_is_said_and_is_no_difference():
    found = compared(EVERY_KIND, reordered(EVERY_KIND, [2, 0, 1]))
    assert (found.same, found.detail, found.changes) == (True, REORDERED, ())


@pytest.mark.parametrize(
    ("then", "now"),
    [
        (floats(0.1 + 0.2, 5.0), floats(0.3, 5.0)),
        (floats(0.1 + 0.2, 5.0), floats(5.0, 0.3)),
        (floats(1e300, -1e-300), floats(1e300 * (1 + 1e-12), -1e-300 * (1 - 1e-12))),
        (floats(NAN, None, 1.0), floats(NAN, None, 1.0 + 1e-12)),
        (answer(("q", "Array(Float64)", [[0.1 + 0.2]])), answer(("q", "Array(Float64)", [[0.3]]))),
        (
            answer(("t", "Tuple(Float64, String)", pa.array([{"1": 0.1 + 0.2, "2": "x"}]))),
            answer(("t", "Tuple(Float64, String)", pa.array([{"1": 0.3, "2": "x"}]))),
        ),
    ],
)
def test_the_order_of_a_sum_is_said_and_is_no_difference(then, now):
    found = compared(then, now)
    assert (found.same, found.detail) == (True, ROUNDED)


@pytest.mark.parametrize(
    ("then", "now"),
    [
        (floats(1.0), floats(1.0 + 1e-8)),
        (floats(0.0), floats(1e-30)),
        (floats(NAN), floats(None)),
        (floats(NAN), floats(1.0)),
        (floats(float("inf")), floats(1e308)),
        (floats(float("inf")), floats(float("-inf"))),
        (floats(1.0, 1.0), floats(1.0)),
        (floats(1.0, 1.0, 2.0), floats(1.0, 2.0, 2.0)),
        (answer(("q", "Array(Float64)", [[1.0]])), answer(("q", "Array(Float64)", [[1.0, 1.0]]))),
    ],
)
def test_anything_more_is_a_difference(then, now):
    assert not compared(then, now).same


@given(
    st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 3)), max_size=12),
    st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 3)), max_size=12),
)
def test_rows_are_the_same_exactly_when_each_is_there_as_often(then, now):
    found = compared(counts(*then), counts(*now))
    assert found.same == (sorted(then) == sorted(now))
    assert (found.detail == "") == (then == now)


# What is shown -----------------------------------------------------------------------------------------------------


def test_a_row_is_found_again_by_what_it_is_of():
    found = compared(
        counts(("a", 1), ("b", 2), ("c", 3)),
        counts(("a", 1), ("b", 5), ("d", 4)),
    )
    assert found.detail == "1 row changed, 1 row gone, 1 row new"
    assert found.changes == (
        Change((("event", '"b"'),), (("n", "2", "5"),)),
        Change((), (("event", '"c"', None), ("n", "3", None))),
        Change((), (("event", None, '"d"'), ("n", None, "4"))),
    )


def test_by_several_columns_where_one_does_not_tell():
    def days(*numbers):
        return answer(
            ("n", "Int64", list(numbers)),
            ("day", "String", ["mon", "mon", "tue", "tue"]),
            ("browser", "Nullable(String)", ["x", None, "x", None]),
        )

    found = compared(days(1, 2, 3, 4), days(1, 2, 3, 5))
    assert found.changes == (Change((("day", '"tue"'), ("browser", "NULL")), (("n", "4", "5"),)),)


def test_a_single_row_is_the_same_row():
    found = compared(floats(1.0), floats(2.0))
    assert found.changes == (Change((), (("mean", "1.0", "2.0"),)),)


def test_rows_that_nothing_tells_apart_are_gone_and_new():
    found = compared(counts(("a", 1), ("a", 1), ("a", 2)), counts(("a", 1), ("a", 2), ("a", 2)))
    assert found.detail == "1 row gone, 1 row new"


def test_five_of_each_are_shown_and_all_are_counted():
    found = compared(counts(*((str(n), n) for n in range(20))), counts(*((str(n), n + 1) for n in range(5, 30))))
    assert found.detail == "15 rows changed, 5 rows gone, 10 rows new"
    assert len(found.changes) == 15


def test_what_is_shown_holds_no_key_steers_nothing_and_is_cut():
    key = "phx_" + "a1B2" * 8
    then, now = (answer(("e\x1b[2J", "String", [f"{word}\x1b[31m{key}{'x' * 999}"])) for word in ("old", "new"))
    shown = repr(compared(then, now).changes)
    assert key not in shown
    assert "\x1b" not in shown
    assert len(shown) < 600


def test_columns_that_changed_are_named():
    then = answer(("a", "Int64", [1]), ("b", "String", ["x"]))
    now = answer(("a", "Float64", [1.0]), ("c", "String", ["x"]), ("d", "String", ["x"]))
    assert compared(then, now).detail == (
        "the column b is gone; the columns c, d are new; the column a is Float64 and was Int64; 1 row then, 1 row now"
    )
    turned = replace(
        then, table=replace(then.table, arrow=then.table.arrow.select(["b", "a"]), kinds=then.table.kinds[::-1])
    )
    assert "the columns are in another order" in compared(then, turned).detail


def test_that_there_were_more_rows_is_part_of_the_answer():
    then, now = replace(counts(("a", 1)), has_more=True), counts(("a", 1))
    assert (compared(then, now).same, compared(then, now).detail) == (
        False,
        "there were more rows, and now there are not",
    )
    assert "there are more rows, and were not" in compared(now, then).detail


# Pseudonyms and look-ups -------------------------------------------------------------------------------------------


def ids(*names):
    return answer(("who", "String", list(names)), ("n", "Int64", list(range(len(names)))))


def test_a_column_that_no_two_recordings_share_is_left_out_and_named():
    found = compared(ids("id-1", "id-2"), ids("id-3", "id-4"), ids("id-5", "id-6"))
    assert (found.same, found.detail) == (True, "but for who, whose pseudonyms cannot be compared")
    more = compared(ids("id-1"), ids("id-3", "id-4"), ids("id-5", "id-6"))
    assert not more.same
    assert more.detail.startswith("1 row new")


def test_where_all_are_left_out_the_rows_are_counted():
    def only(*names):
        return answer(("who", "String", list(names)))

    assert compared(only("id-1"), only("id-2"), only("id-3")).same
    assert compared(only("id-1"), only("id-2", "id-4"), only("id-3", "id-5")).detail.startswith(
        "1 row then, 2 rows now"
    )


def test_of_what_was_looked_up_each_value_is_compared():
    then = {"id": 7, "name": "x", "tags": ["a", "b"], "on": True, "who": "id-1", "empty": {}}
    now = {"id": 7, "name": "y", "tags": ["a"], "on": 1, "who": "id-2", "empty": {}, "new": None}
    found = compare_json(then, now, {**now, "who": "id-3"})
    assert found.detail == "4 values changed; but for who, whose pseudonyms cannot be compared"
    assert found.changes == (
        Change((), (("name", '"x"', '"y"'),)),
        Change((), (("tags[1]", '"b"', None),)),
        Change((), (("on", "True", "1"),)),
        Change((), (("new", None, "NULL"),)),
    )
    assert compare_json(then, then, then).same


def test_a_key_with_a_dot_is_no_way_to_another():
    then, now = {"a.b": 1, "a": {"b": 2}}, {"a.b": 3, "a": {"b": 2}}
    assert compare_json(then, now, now).changes == (Change((), (("a.b", "1", "3"),)),)
