"""Values of numpy, pandas, polars and Arrow as Python's own."""

from __future__ import annotations

import datetime as dt
import decimal
import uuid
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from posthog_nb.operations.plain import as_python

NOON = dt.datetime(2026, 1, 2, 12, tzinfo=dt.UTC)
MICRO = dt.datetime(2026, 1, 2, 3, 4, 5, 123456)  # noqa: DTZ001 - numpy's times have no zone
NANO = "2026-01-02T03:04:05.123456789"


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
        ((1, 2), (1, 2)),
        ({"b", "a"}, ["a", "b"]),
        (frozenset([2, 1]), [1, 2]),
        (np.int64(7), 7),
        (np.bool_(True), True),
        (np.array([[1, 2], [3, 4]]), [[1, 2], [3, 4]]),
        (np.datetime64(NANO), MICRO),
        (np.array([NANO], "datetime64[ns]"), [MICRO]),
        (np.timedelta64(5_000, "ns"), dt.timedelta(microseconds=5)),
        (pd.Timestamp(NOON), NOON),
        (pd.NaT, None),
        (pd.NA, None),
        (pd.Series([1, 2]), [1, 2]),
        (pd.Series(["a", None]), ["a", None]),
        (pd.Series([None, "a"], dtype=object), [None, "a"]),
        (pd.Categorical(["a", None]), ["a", None]),
        (pd.Series([0.5, 1.5]), [0.5, 1.5]),
        (pd.Index(["a"]), ["a"]),
        (pd.Series([NOON]), [NOON]),
        (pd.date_range(NOON, periods=1), [NOON]),
        (pl.Series([1, None]), [1, None]),
        (pl.Series([NOON]), [NOON]),
        (pa.scalar(5), 5),
        (pa.chunked_array([[1], [2]]), [1, 2]),
    ],
)
def test_a_value_is_what_it_holds(value: Any, plain: Any) -> None:
    found = as_python(value)
    assert found == plain
    assert isinstance(found, type(plain))


def test_numbers_that_are_not_there_stay_for_the_caller_to_judge() -> None:
    found = as_python(pd.Series([1, None], dtype="Int64"))
    assert [as_python(item) for item in found] == [1, None]
    assert np.isnan(as_python(pd.Series([0.5, None]))[1])


@pytest.mark.parametrize(
    "value", [{"a": 1}, pd.DataFrame({"a": [1]}), pl.DataFrame({"a": [1]}), pa.table({"a": [1]}), object(), print]
)
def test_what_is_no_value_comes_back_as_it_is(value: object) -> None:
    assert as_python(value) is value
