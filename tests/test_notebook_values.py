"""Which of a notebook's variables a query takes."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pytest

from posthog_nb.errors import InvalidInputError, MissingParameterError, Span
from posthog_nb.notebook.values import collect_values

NOON = dt.datetime(2026, 1, 2, 12, tzinfo=dt.UTC)


def test_a_parameter_of_the_line_wins_over_a_variable() -> None:
    assert collect_values("{a}", [("a", Span(0, 3))], {"a": 1}, {"a": 2}) == {"a": 1}


def test_a_name_without_a_value_says_what_is_near_and_where_it_is_used() -> None:
    with pytest.raises(MissingParameterError) as caught:
        collect_values("select {sicne}", [("sicne", Span(7, 14))], {}, {"since": NOON, "np": np, "_": 1})
    assert "{sicne}" in caught.value.message
    assert "{since}" in str(caught.value.hint)
    assert caught.value.lines()[2].strip() == "^^^^^^^"


def test_what_is_in_scope_is_told_shortly_and_the_latest_first() -> None:
    many = {f"v{number:02}": number for number in range(14)}
    with pytest.raises(MissingParameterError) as caught:
        collect_values("{x}", [("x", Span(0, 3))], {}, {"In": ["x"], "np": np, "_1": 2, **many})
    hint = str(caught.value.hint)
    assert hint.endswith("In scope: v04, v05, v06, v07, v08, v09, v10, v11, v12, v13 and 4 more.")
    with pytest.raises(MissingParameterError) as caught:
        collect_values("{x}", [("x", Span(0, 3))], {}, {"In": ["x"], "np": np})
    assert str(caught.value.hint) == "Set it in a cell above (x = ...) or on the line (--param x=...)."


def test_a_parameter_that_nothing_uses_is_told() -> None:
    with pytest.raises(InvalidInputError, match="--param b"):
        collect_values("{a}", [("a", Span(0, 3))], {"b": 1}, {"a": 1})
