"""Cohorts side by side in trends, funnels and retention, against plain pandas."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.embedded import embedded_client

if TYPE_CHECKING:
    from collections.abc import Iterator

    from posthog_nb.analysis.cohort import Cohort
    from posthog_nb.client import Client

PERSONS = [f"person {n}" for n in range(12)]
FIRST = datetime(2026, 1, 1, tzinfo=UTC)
DAYS = 8
RANGE = {"date_from": "2026-01-01", "date_to": "2026-01-08"}

groups = st.sets(st.sampled_from(PERSONS), min_size=1)


def stream() -> pd.DataFrame:
    """Who did what when: at most one thing a minute, some of it under a second distinct id."""
    drawn = random.Random(6)
    rows = []
    for person in PERSONS:
        for minute in sorted(drawn.sample(range(DAYS * 24 * 60), drawn.randrange(1, 25))):
            who = f"{person}'s phone" if drawn.random() < 0.3 else person
            rows.append((person, who, drawn.choice(["open", "buy", "share"]), FIRST + timedelta(minutes=minute)))
    return pd.DataFrame(rows, columns=["person", "distinct_id", "event", "timestamp"])


EVENTS = stream()


@pytest.fixture(scope="module")
def ph() -> Iterator[Client]:
    with embedded_client() as client:
        client.capture_many(EVENTS[["distinct_id", "event", "timestamp"]])
        for person in PERSONS:
            client.identify(person, anon_distinct_id=f"{person}'s phone", timestamp="2025-12-31T00:00:00Z")
        yield client


def kept(ph: Client, one: set[str], other: set[str]) -> dict[str, Cohort]:
    """The two sets of persons as cohorts."""
    return {
        name: ph.cohort(name, pd.DataFrame({"distinct_id": sorted(members)}), replace=True)
        for name, members in (("one", one), ("other", other))
    }


def parts(one: set[str], other: set[str]) -> dict[str, pd.DataFrame]:
    """The events of each set of persons, and of everybody."""
    members = {"one": one, "other": other, "all users": set(PERSONS)}
    return {name: EVENTS[EVENTS["person"].isin(some)] for name, some in members.items()}


def rows(frame: pd.DataFrame, *columns: str) -> list[tuple[Any, ...]]:
    return sorted(map(tuple, frame[list(columns)].itertuples(index=False)))


@settings(max_examples=5)
@given(groups, groups)
def test_trends_of_cohorts_are_those_of_their_persons(ph: Client, one: set[str], other: set[str]) -> None:
    cohorts = list(kept(ph, one, other).values())
    found = ph.trends("open", breakdown=[*cohorts, "all"], breakdown_type="cohort", **RANGE).to_pandas()
    expected = [
        (name, FIRST + timedelta(days=day), value)
        for name, events in parts(one, other).items()
        if (opened := events[events["event"] == "open"]).size
        for day in range(DAYS)
        for value in [sum((moment - FIRST).days == day for moment in opened["timestamp"])]
    ]
    assert rows(found, "breakdown_value", "date", "value") == sorted(expected)


@settings(max_examples=5)
@given(groups, groups)
def test_a_funnel_of_cohorts_is_that_of_their_persons(ph: Client, one: set[str], other: set[str]) -> None:
    cohorts = list(kept(ph, one, other).values())
    found = ph.funnel(["open", "buy", "share"], breakdown=cohorts, **RANGE).to_pandas()
    expected = []
    for name, events in list(parts(one, other).items())[:2]:
        reached = [0, 0, 0]
        for _, own in events.groupby("person"):
            step = 0
            for event in own.sort_values("timestamp")["event"]:
                # The range is shorter than the window of 14 days, so that the first open is as good as any.
                if step < 3 and event == ["open", "buy", "share"][step]:
                    reached[step] += 1
                    step += 1
        if reached[0]:
            expected += [(name, step + 1, count) for step, count in enumerate(reached)]
    assert rows(found, "breakdown_value", "step", "count") == sorted(expected)


@settings(max_examples=5)
@given(groups, groups)
def test_the_retention_of_cohorts_is_that_of_their_persons(ph: Client, one: set[str], other: set[str]) -> None:
    cohorts = list(kept(ph, one, other).values())
    found = ph.retention("open", total_intervals=DAYS, date_to="2026-01-08", breakdown=cohorts).to_pandas()
    expected = []
    for name, events in list(parts(one, other).items())[:2]:
        opened = events[events["event"] == "open"]
        days = [(moment - FIRST).days for moment in opened["timestamp"]]
        seen = {day: {who for who, at in zip(opened["person"], days, strict=True) if at == day} for day in range(DAYS)}
        expected += [
            (name, FIRST + timedelta(days=day), later, len(seen[day]), len(seen[day] & seen[day + later]))
            for day in range(DAYS)
            for later in range(DAYS - day)
            if opened.size
        ]
    assert rows(found, "breakdown_value", "date", "interval", "size", "count") == sorted(expected)
