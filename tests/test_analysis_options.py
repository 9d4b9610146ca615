"""Options of analyses as data scientists have them: numbers, dates and lists of numpy and pandas; and wrong ones."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import polars as pl
import pytest

from posthog_nb import Exclusion, Series
from posthog_nb.analysis.dates import read_date
from posthog_nb.analysis.statistics import interval
from posthog_nb.errors import InvalidInputError

if TYPE_CHECKING:
    from collections.abc import Callable

    from posthog_nb.analysis.analysis import Analysis
    from posthog_nb.client import Client

RANGE: dict[str, Any] = {"date_from": "2026-03-20", "date_to": "2026-03-30"}
STEPS = ["$pageview", "signed_up"]

SAME: dict[str, tuple[Callable[[Client], Analysis], Callable[[Client], Analysis]]] = {
    "trends": (
        lambda ph: ph.trends(breakdown="$browser", breakdown_limit=2, sampling_factor=0.5, **RANGE),
        lambda ph: ph.trends(
            breakdown="$browser",
            breakdown_limit=np.int64(2),  # type: ignore[arg-type] # what a user has
            sampling_factor=np.float32(0.5),  # type: ignore[arg-type]
            **RANGE,
        ),
    ),
    "funnel": (
        lambda ph: ph.funnel(STEPS, exclusions=[Exclusion("purchase", 0, 1)], **RANGE),
        lambda ph: ph.funnel(
            np.array(STEPS),  # type: ignore[arg-type]
            exclusions=[Exclusion("purchase", np.int64(0), np.int64(1))],  # type: ignore[arg-type]
            **RANGE,
        ),
    ),
    "stickiness": (
        lambda ph: ph.stickiness(stickiness_criteria=("gte", 2), **RANGE),
        lambda ph: ph.stickiness(stickiness_criteria=("gte", np.int64(2)), **RANGE),  # type: ignore[arg-type]
    ),
    "columns of frames": (
        lambda ph: ph.trends(STEPS, properties={"$browser": ["Chrome", "Safari"]}, breakdown=["$browser"], **RANGE),
        lambda ph: ph.trends(
            pd.Series(STEPS),  # type: ignore[arg-type]
            properties={"$browser": pl.Series(["Chrome", "Safari"])},
            breakdown=pd.Index(["$browser"]),  # type: ignore[arg-type]
            **RANGE,
        ),
    ),
    "truth": (
        lambda ph: ph.trends(properties={"signed_in": True}, **RANGE),
        lambda ph: ph.trends(properties={"signed_in": np.True_}, **RANGE),
    ),
}


@pytest.mark.parametrize("name", SAME)
def test_values_of_numpy_and_pandas_mean_what_pythons_mean(demo: Client, name: str) -> None:
    pythons, theirs = (ask(demo) for ask in SAME[name])
    assert theirs.hogql == pythons.hogql
    assert theirs.result.rows == pythons.result.rows


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        (np.datetime64("2026-01-31"), date(2026, 1, 31)),
        (np.datetime64("2026-01-31T10:00"), datetime(2026, 1, 31, 10)),  # noqa: DTZ001 - numpy's have no zone
        (np.datetime64("2026-01-31T10:00", "ns"), datetime(2026, 1, 31, 10)),  # noqa: DTZ001
        ("20260131", date(2026, 1, 31)),
        ("2026-W05-6", date(2026, 1, 31)),
        ("20260131T100000Z", datetime(2026, 1, 31, 10, tzinfo=UTC)),
    ],
    ids=str,
)
def test_a_day_is_a_day_however_it_is_written(given: object, meant: date) -> None:
    found = read_date(given, "date_to")
    assert found == meant
    assert type(found) is type(meant)


@pytest.mark.parametrize(
    ("ask", "message"),
    [
        (lambda ph: ph.trends(["a"] * 27, formula="A"), "26 letters, and there are 27 series"),
        (lambda ph: ph.trends(formula="A" * 9_000), "The formula has " + "A" * 80 + ". "),
        (
            lambda ph: ph.trends(Series(math="dau", math_group_type_index=True)),
            "math_group_type_index is True",
        ),
        (lambda ph: ph.trends(Series(math="dau", math_group_type_index=1.0)), "math_group_type_index is 1.0"),  # type: ignore[arg-type]
        (lambda ph: ph.trends(date_from=np.datetime64("NaT")), "date_from is np.datetime64('NaT'"),
        (lambda ph: ph.trends(breakdown=np.array([None, 2]), breakdown_type="cohort"), "None, which is no cohort"),
        (lambda ph: ph.funnel(set(STEPS)), "of type set"),
        (lambda ph: ph.funnel(STEPS, aggregation_group_type_index=1.0), "aggregation_group_type_index is 1.0"),
        (lambda ph: ph.funnel(STEPS, bin_count=np.array([1, 2])), "bin_count is array([1, 2])"),
        (lambda ph: ph.funnel(STEPS, exclusions=[Exclusion("purchase", True)]), "from step True to the last"),
        (lambda ph: ph.stickiness(stickiness_criteria=(["gte"], 2)), "stickiness_criteria is (['gte'], 2)"),
    ],
)
def test_what_is_wrong_is_said_before_anything_is_asked(
    demo: Client, ask: Callable[[Client], object], message: str
) -> None:
    with pytest.raises(InvalidInputError, match=re.escape(message)):
        ask(demo)


def test_numbers_of_statistics_may_be_numpys(demo: Client) -> None:
    assert interval(3, 10, np.float32(0.5)) == interval(3, 10, 0.5)  # type: ignore[arg-type]
    steps = demo.funnel(STEPS, **RANGE)
    assert steps.came(np.int64(1)) == steps.came(1)  # type: ignore[arg-type]
    with pytest.raises(InvalidInputError, match=re.escape("step is 1.0. There are steps 1 to 2.")):
        steps.came(1.0)  # type: ignore[arg-type]


def test_a_cohort_of_a_retention_is_chosen_by_its_date_as_the_frame_has_it(demo: Client) -> None:
    found = demo.retention(date_from="2026-03-20", date_to="2026-03-24")
    own = found.to_pandas()["date"].iloc[0]
    meant = found.came(1, date="2026-03-20")
    for given in (own, own.to_pydatetime(), own.tz_convert("Asia/Tokyo"), own.date(), own.isoformat()):
        assert found.came(1, date=given) == meant
    with pytest.raises(InvalidInputError, match=r"no single cohort's date begins with\. The cohorts' dates go from"):
        found.came(1, date=pd.Timestamp("2026-05-01"))
    with pytest.raises(InvalidInputError, match=re.escape("interval is 1.5.")):
        found.came(1.5, date="2026-03-20")  # type: ignore[arg-type]
