"""Over which distinct ids persons are never merged."""

from __future__ import annotations

import pytest

from posthog_nb.distinct_ids import is_illegal_distinct_id


@pytest.mark.parametrize(
    "distinct_id",
    [
        "anonymous",
        "GUEST",
        "Undefined",
        "TRUE",
        "[object Object]",
        "NaN",
        "None",
        "null",
        "0",
        "'null'",
        '"guest"',
        " ",
        "",
    ],
)
def test_ids_that_many_people_share_are_illegal_for_merging(distinct_id: str) -> None:
    assert is_illegal_distinct_id(distinct_id)


@pytest.mark.parametrize("distinct_id", ["NULL", "nan", "[OBJECT OBJECT]", "guest1", "me@example.com", "00"])
def test_other_ids_are_legal(distinct_id: str) -> None:
    assert not is_illegal_distinct_id(distinct_id)
