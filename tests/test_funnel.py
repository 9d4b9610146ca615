"""Funnels: equal to PostHog's, worked out event by event, and what each option does."""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import count
from statistics import fmean, median
from typing import TYPE_CHECKING, Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from posthog_nb.analysis.funnel import Exclusion
from posthog_nb.analysis.series import Series
from posthog_nb.embedded.ingestion.event import CapturedEvent
from posthog_nb.embedded.project import Project, ProjectSettings
from posthog_nb.errors import InvalidInputError
from tests.embedded import embedded_client
from tests.funnel_oracle import Event, ordered_trend, ordered_way, unordered_trend, unordered_way

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from posthog_nb.analysis.funnel import Funnel
    from posthog_nb.client import Client

NOW = datetime(2026, 4, 1, 12, tzinfo=UTC)
BEGIN = datetime(2026, 3, 29, 0, 59, 50, tzinfo=UTC)
"""Ten seconds before the clocks of Berlin went from two to three."""
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
NONE = "None (i.e. no value)"
OTHER = "Other (i.e. all remaining values)"
MICROSECOND = timedelta(microseconds=1)
WINDOW = 5
"""Seconds."""

_uuids, _cases = count(1), count(1)


@dataclass(frozen=True)
class Done:
    """What someone did, so long after the beginning."""

    who: str
    event: str
    after: timedelta
    properties: dict[str, str] = field(default_factory=dict)


def done(who: str, event: str, seconds: float, **properties: str) -> Done:
    return Done(who, event, timedelta(seconds=seconds), properties)


@dataclass(frozen=True)
class World:
    """A project of many cases: each has its own persons, and a property that its events are found by."""

    project: Project
    ph: Client

    def store(self, events: Sequence[Done]) -> dict[str, str]:
        """Store the events of a new case; gives the filter that finds them."""
        case = f"case {next(_cases)}"
        self.project.capture(
            [
                CapturedEvent(
                    UUID(int=next(_uuids)),
                    one.event,
                    f"{case} {one.who}",
                    {**one.properties, "case": case},
                    BEGIN + one.after,
                )
                for one in events
            ]
        )
        return {"case": case}

    def funnel(self, steps: Sequence[str | Series], events: Sequence[Done], **options: Any) -> Funnel:
        """A funnel of nothing but these events."""
        wanted: dict[str, Any] = {"date_from": "2026-03-01", "funnel_window_interval": WINDOW} | options
        found: Funnel = self.ph.funnel(
            steps, funnel_window_interval_unit="second", properties=self.store(events), **wanted
        )
        return found

    def counts(self, steps: Sequence[str | Series], events: Sequence[Done], **options: Any) -> list[int]:
        """How many came to each step."""
        return [int(n) for n in self.funnel(steps, events, **options).to_arrow()["count"].to_pylist()]


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    project = Project.in_memory(ProjectSettings(timezone="Europe/Berlin", as_of=NOW))
    with embedded_client(project=project) as ph:
        yield World(project, ph)


# -- worked out event by event


@dataclass(frozen=True)
class Asked:
    """A funnel as it is asked for."""

    steps: tuple[Series, ...]
    order: str = "ordered"
    exclusions: tuple[Exclusion, ...] = ()
    told_apart: bool = False

    def is_of(self, one: Done, series: Series) -> bool:
        properties: Any = series.properties or {}
        return series.event in (None, one.event) and all(one.properties.get(k) == v for k, v in properties.items())

    def event(self, one: Done) -> Event:
        steps = tuple(n for n, step in enumerate(self.steps, 1) if self.is_of(one, step))
        excluded = {
            n + 1
            for exclusion in self.exclusions
            if self.is_of(one, exclusion.series)
            for n in range(1, len(self.steps))
            if exclusion.bars(n)
        }
        value = (one.properties.get("v") or NONE) if self.told_apart else ""
        return Event((BEGIN + one.after - EPOCH) // MICROSECOND, steps, tuple(sorted(excluded)), value)

    def events(self, events: Sequence[Done]) -> list[Event]:
        """In the order that the query takes them in."""
        found = [self.event(one) for one in events]
        if self.order != "strict":
            found = [one for one in found if one.signed]
        return sorted(found, key=lambda one: (one.moment, bits(one.steps), bits(one.excluded), one.value))

    def way(self, events: list[Event], of_step: int | None = None, value: str = "") -> tuple[int, ...] | None:
        if not events:
            return None
        last, window = len(self.steps), WINDOW * 1_000_000
        if self.order == "unordered":
            return unordered_way(events, last, window, of_step=of_step, value=value)
        return ordered_way(events, last, window, strict=self.order == "strict", of_step=of_step, value=value)

    def ways(self, events: Sequence[Done]) -> dict[str, tuple[int, ...]]:
        """The way of each person who is counted."""
        of_person = defaultdict(list)
        for one in events:
            of_person[one.who].append(one)
        found = {who: self.way(self.events(theirs)) for who, theirs in of_person.items()}
        return {who: way for who, way in found.items() if way is not None}


def bits(steps: tuple[int, ...]) -> int:
    return sum(1 << (step - 1) for step in steps)


Row = tuple[int, int, float | None, float | None]


def rows_of(ways: Sequence[tuple[int, ...]], last: int) -> list[Row]:
    """Step, count, average and median time."""
    rows: list[Row] = []
    for step in range(1, last + 1):
        came = [way for way in ways if len(way) >= step]
        taken = [way[step - 1] - way[step - 2] for way in came if step > 1]
        times = [microseconds / 1_000_000 for microseconds in taken if microseconds]
        rows.append((step, len(came), fmean(times) if times else None, median(times) if times else None))
    return rows


def rows(found: Funnel, *columns: str) -> list[Any]:
    """The rows of the frame, as tuples of these columns."""
    table = found.to_arrow()
    return list(zip(*(table[column].to_pylist() for column in columns or STEP_COLUMNS), strict=True))


STEP_COLUMNS = ("step", "count", "average_conversion_time", "median_conversion_time")


def close(expected: Sequence[Row]) -> Any:
    """The same but for the last digits of a float."""
    return [tuple(pytest.approx(value) if isinstance(value, float) else value for value in row) for row in expected]


PLAIN = [Series("a"), Series("b"), Series("c")]
STEPS = [*PLAIN, Series("a", {"p": "1"}), Series("b", {"p": "1"}), Series(None), Series(None, {"p": "1"})]


def random_funnel(rng: random.Random) -> Asked:
    order = rng.choice(["ordered", "ordered", "strict", "unordered"])
    if rng.random() < 0.3:
        steps = tuple(rng.sample(PLAIN, rng.choice([2, 3])))
    else:
        steps = tuple(rng.choices(STEPS, k=rng.choice([2, 2, 3, 3, 4])))
    exclusions = []
    if rng.random() < 0.5 and not any(step.event is None for step in steps):
        for event in rng.sample(["x", "y"], rng.choice([1, 1, 2])):
            start = rng.randrange(len(steps) - 1)
            end = rng.randrange(start + 1, len(steps))
            if order == "unordered":
                start, end = 0, len(steps) - 1
            exclusions.append(Exclusion(event, start, end, rng.choice([None, {"p": "1"}])))
    return Asked(steps, order, tuple(exclusions))


def random_events(rng: random.Random, persons: int) -> list[Done]:
    found = []
    for person in range(persons):
        span = rng.choice([3, 8, 20])
        for _ in range(rng.randrange(1, 14)):
            after = timedelta(seconds=rng.randrange(span), microseconds=rng.choice([0, 0, 0, 1]))
            given_to = {"p": rng.choice([None, "1", "2"]), "v": rng.choice([None, "u", "w"])}
            properties = {name: value for name, value in given_to.items() if value}
            found.append(Done(f"{person}", rng.choice("aabbccxyz"), after, properties))
    return found


def check_each_person(world: World, seed: int, persons: int) -> None:
    """Every person's way by itself, and all of them together."""
    rng = random.Random(seed)
    asked, events = random_funnel(rng), random_events(rng, persons)
    options: dict[str, Any] = {"funnel_order_type": asked.order, "exclusions": asked.exclusions}
    found = world.funnel(
        asked.steps, events, breakdown="distinct_id", breakdown_type="hogql", breakdown_limit=10_000, **options
    )
    by_person = defaultdict(list)
    for who, *row in rows(found, "breakdown_value", *STEP_COLUMNS):
        by_person[who.split()[-1]].append(tuple(row))
    ways, last = asked.ways(events), len(asked.steps)
    for who in {one.who for one in events}:
        expected = close(rows_of([ways[who]], last)) if who in ways else []
        theirs = asked.events([one for one in events if one.who == who])
        assert by_person.get(who, []) == expected, f"seed {seed}: {asked}, {theirs}"
    assert rows(world.funnel(asked.steps, events, **options)) == close(rows_of(list(ways.values()), last)), (
        f"seed {seed}"
    )


@given(st.integers(0, 10**9))
@settings(max_examples=8, deadline=None)
def test_every_persons_way_is_that_of_posthog(world: World, seed: int) -> None:
    check_each_person(world, seed, 40)


@pytest.mark.fuzz
def test_very_many_ways_are_those_of_posthog(world: World) -> None:
    for seed in range(300):
        check_each_person(world, seed, 100)


def check_values(world: World, seed: int, persons: int) -> None:
    """Each value of a breakdown by itself."""
    rng = random.Random(seed)
    asked, events = replace(random_funnel(rng), told_apart=True), random_events(rng, persons)
    attribution = rng.choice(["first_touch", "last_touch", "all_events", "step"])
    step = rng.randrange(len(asked.steps)) if attribution == "step" and asked.order != "unordered" else 0
    of_person = defaultdict(list)
    for one in events:
        of_person[one.who].append(one)
    ways = defaultdict(list)
    for theirs in of_person.values():
        for value, way in attributed_ways(asked, asked.events(theirs), attribution, step):
            ways[value].append(way)
    found = world.funnel(
        asked.steps,
        events,
        funnel_order_type=asked.order,
        exclusions=asked.exclusions,
        breakdown="v",
        breakdown_attribution_type=attribution,
        breakdown_attribution_value=step,
    )
    last = len(asked.steps)
    most = {value: [-sum(len(way) >= n for way in of) for n in range(last, 0, -1)] for value, of in ways.items()}
    expected = [
        (value, *row)
        for value in sorted(ways, key=lambda each: (most[each], each))
        for row in close(rows_of(ways[value], last))
    ]
    assert rows(found, "breakdown_value", *STEP_COLUMNS) == expected, f"seed {seed}: {asked} {attribution} {step}"


def attributed_ways(
    asked: Asked, events: list[Event], attribution: str, step: int
) -> Iterator[tuple[str, tuple[int, ...]]]:
    known = [(event.moment, event.value) for event in events if event.value != NONE]
    found: list[tuple[str, tuple[int, ...] | None]]
    match attribution:
        case "first_touch":
            found = [(min(known)[1] if known else NONE, asked.way(events))]
        case "last_touch":
            found = [(max(known)[1] if known else NONE, asked.way(events))]
        case "all_events":
            values = {event.value for event in events}
            found = [(value, asked.way([one for one in events if one.value == value])) for value in values]
        case _:
            values = {event.value for event in events if asked.order == "unordered" or step + 1 in event.steps}
            found = [(value, asked.way(events, step, value)) for value in values]
    return ((value, way) for value, way in found if way is not None)


@given(st.integers(0, 10**9))
@settings(max_examples=8, deadline=None)
def test_each_value_has_the_ways_that_posthog_attributes_to_it(world: World, seed: int) -> None:
    check_values(world, seed, 40)


def check_trends(world: World, seed: int, persons: int) -> None:
    """Each interval by itself, on the day that clocks change."""
    rng = random.Random(seed)
    asked = random_funnel(rng)
    events = [replace(one, after=one.after * 1_800) for one in random_events(rng, persons)]
    if asked.order != "unordered":
        asked = replace(asked, exclusions=())
    elif len({step.event for step in asked.steps} - {None}) < len(asked.steps):
        asked = replace(asked, steps=tuple(PLAIN))
        asked = replace(asked, exclusions=tuple(replace(one, funnel_to_step=2) for one in asked.exclusions))
    from_step = rng.randrange(len(asked.steps) - 1)
    to_step = rng.randrange(from_step + 1, len(asked.steps))
    entered: Counter[datetime] = Counter()
    converted: Counter[datetime] = Counter()
    for who in {one.who for one in events}:
        theirs = asked.events([one for one in events if one.who == who])
        placed = [(event, event.moment // 3_600_000_000) for event in theirs]
        window = WINDOW * 1_800_000_000
        if asked.order == "unordered":
            furthest = unordered_trend(placed, len(asked.steps), window)
        else:
            furthest = ordered_trend(placed, len(asked.steps), window, strict=asked.order == "strict")
        for hour, step in furthest.items():
            entered[EPOCH + timedelta(hours=hour)] += step > from_step
            converted[EPOCH + timedelta(hours=hour)] += step > to_step
    found = world.funnel(
        asked.steps,
        events,
        funnel_order_type=asked.order,
        exclusions=asked.exclusions,
        funnel_viz_type="trends",
        interval="hour",
        date_from="2026-03-28",
        date_to="2026-03-29",
        funnel_window_interval=WINDOW * 1_800,
        funnel_from_step=from_step,
        funnel_to_step=to_step,
    )
    hours = [datetime(2026, 3, 27, 23, tzinfo=UTC) + timedelta(hours=n) for n in range(24 + 23)]
    expected = [
        (hour, entered[hour], converted[hour], converted[hour] / entered[hour] if entered[hour] else None)
        for hour in hours
    ]
    assert rows(found, "date", "entered", "converted", "conversion_rate") == close(expected), f"seed {seed}: {asked}"


@given(st.integers(0, 10**9))
@settings(max_examples=8, deadline=None)
def test_each_interval_has_those_who_entered_in_it(world: World, seed: int) -> None:
    check_trends(world, seed, 40)


@pytest.mark.fuzz
def test_very_many_values_and_intervals_are_those_of_posthog(world: World) -> None:
    for seed in range(200):
        check_values(world, seed, 60)
        check_trends(world, seed, 60)
