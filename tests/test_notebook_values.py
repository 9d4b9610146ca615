"""A notebook's variables as typed values."""

from __future__ import annotations

import datetime as dt
import decimal
import uuid

import numpy as np
import pandas as pd
import polars as pl
import pytest

from posthog_nb.errors import InvalidInputError, MissingParameterError, Span
from posthog_nb.notebook.values import collect_values, plain_value

NOON = dt.datetime(2026, 1, 2, 12, tzinfo=dt.UTC)


@pytest.mark.parametrize(
    ("value", "plain"),
    [
        (3, 3),
        (True, True),
        ("it's {x}", "it's {x}"),
        (None, None),
        (NOON, NOON),
        (decimal.Decimal("1.10"), decimal.Decimal("1.10")),
        (uuid.UUID(int=1), uuid.UUID(int=1)),
        ((1, 2), [1, 2]),
        ({"b", "a"}, ["a", "b"]),
        (np.int64(7), 7),
        (np.float32(0.5), 0.5),
        (np.array([[1, 2], [3, 4]]), [[1, 2], [3, 4]]),
        (pd.Timestamp(NOON), NOON),
        (pd.NaT, None),
        (pd.NA, None),
        (pd.Series([1, 2]), [1, 2]),
        (pd.Index(["a"]), ["a"]),
        (pd.Series([NOON]), [NOON]),
        (pl.Series([1, None]), [1, None]),
        (pl.Series([NOON]), [NOON]),
    ],
)
def test_a_variable_is_sent_as_what_it_holds(value: object, plain: object) -> None:
    found = plain_value("x", value)
    assert found == plain
    assert type(found) is type(plain)


@pytest.mark.parametrize("value", [{"a": 1}, pd.DataFrame({"a": [1]}), pl.DataFrame({"a": [1]}), object(), print])
def test_a_variable_of_another_kind_is_refused_by_its_kind(value: object) -> None:
    with pytest.raises(InvalidInputError, match=type(value).__name__):
        plain_value("x", value)


def test_a_parameter_of_the_line_wins_over_a_variable() -> None:
    assert collect_values("{a}", [("a", Span(0, 3))], {"a": 1}, {"a": 2}) == {"a": 1}


def test_a_name_without_a_value_says_what_is_near_and_where_it_is_used() -> None:
    with pytest.raises(MissingParameterError) as caught:
        collect_values("select {sicne}", [("sicne", Span(7, 14))], {}, {"since": NOON, "np": np, "_": 1})
    assert "{sicne}" in caught.value.message
    assert "{since}" in str(caught.value.hint)
    assert caught.value.lines()[2].strip() == "^^^^^^^"


def test_a_parameter_that_nothing_uses_is_told() -> None:
    with pytest.raises(InvalidInputError, match="--param b"):
        collect_values("{a}", [("a", Span(0, 3))], {"b": 1}, {"a": 1})
