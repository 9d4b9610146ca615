"""A million rows through more than twenty pages of a server that is slow and fails now and then."""

from __future__ import annotations

import pytest

from tests.million import ROWS, figures

pytestmark = pytest.mark.slow


def test_a_million_rows_are_all_there_in_order_and_once_each() -> None:
    found = figures("arrow")
    assert (found["rows"], found["distinct"], found["in_order"]) == (ROWS, ROWS, True)
    assert found["pages"] >= 21
    assert found["failed"] >= 2
