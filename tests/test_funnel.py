"""Funnels: equal to PostHog's, worked out event by event, and what each option does."""

from __future__ import annotations

import math
import random
from collections import Counter, defaultdict
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import count, pairwise
from statistics import fmean, median
from typing import TYPE_CHECKING, Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from posthog_nb.analysis.funnel import Exclusion, funnel
from posthog_nb.analysis.series import Series
from posthog_nb.analysis.statistics import interval
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
@settings(max_examples=3, deadline=None)
def test_every_persons_way_is_that_of_posthog(world: World, seed: int) -> None:
    check_each_person(world, seed, 60)


@pytest.mark.fuzz
def test_very_many_ways_are_those_of_posthog(world: World) -> None:
    for seed in range(100):
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
@settings(max_examples=3, deadline=None)
def test_each_value_has_the_ways_that_posthog_attributes_to_it(world: World, seed: int) -> None:
    check_values(world, seed, 60)


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
@settings(max_examples=3, deadline=None)
def test_each_interval_has_those_who_entered_in_it(world: World, seed: int) -> None:
    check_trends(world, seed, 60)


@pytest.mark.fuzz
def test_very_many_values_and_intervals_are_those_of_posthog(world: World) -> None:
    for seed in range(60):
        check_values(world, seed, 60)
        check_trends(world, seed, 60)


# -- what each option does


def test_a_funnel_tells_how_many_came_how_far_and_how_fast(world: World) -> None:
    events = [
        done("ann", "a", 0), done("ann", "b", 1), done("ann", "c", 4),
        done("bob", "a", 0), done("bob", "b", 3),
        done("cid", "a", 9),
    ]  # fmt: skip
    found = world.funnel(["a", "b", Series("c", custom_name="bought")], events)
    columns = ("step", "name", "count", "conversion_rate", "step_conversion_rate", *STEP_COLUMNS[2:])
    assert found.to_arrow().column_names == list(columns)
    assert rows(found, *columns) == [
        (1, "a", 3, 1.0, 1.0, None, None),
        (2, "b", 2, pytest.approx(2 / 3), pytest.approx(2 / 3), 2.0, 2.0),
        (3, "bought", 1, pytest.approx(1 / 3), 0.5, 3.0, 3.0),
    ]
    assert found.title == "Funnel: a → b → bought"


def test_the_hogql_run_by_hand_gives_the_rows_of_the_frame(world: World) -> None:
    events = random_events(random.Random(1), 30)
    for options in (
        {"breakdown": "v", "exclusions": ["x"]},
        {"funnel_order_type": "unordered", "funnel_viz_type": "trends", "date_from": "2026-03-28"},
        {"funnel_viz_type": "time_to_convert"},
    ):
        found = world.funnel(["a", Series("b", {"p": "1"})], events, **options)
        assert world.ph.query(found.hogql, limit=50_000).to_arrow().equals(found.to_arrow()), options


def test_nobody_has_no_rates(world: World) -> None:
    found = world.funnel(["a", "b"], [done("ann", "b", 0)])
    assert rows(found, "count", "conversion_rate", "step_conversion_rate") == [(0, None, None), (0, None, None)]
    assert world.funnel(["a", "b"], [done("ann", "b", 0)], breakdown="v").to_arrow().num_rows == 0


def test_the_last_moment_of_the_window_is_part_of_it(world: World) -> None:
    assert world.counts(["a", "b"], [done("ann", "a", 0), done("ann", "b", WINDOW)]) == [1, 1]
    assert world.counts(["a", "b"], [done("ann", "a", 0), done("ann", "b", WINDOW + 0.000001)]) == [1, 0]


@pytest.mark.parametrize(
    ("unit", "seconds"),
    [("second", 1), ("minute", 60), ("hour", 3_600), ("day", 86_400), ("week", 604_800), ("month", 2_678_400)],
)
def test_a_window_is_so_many_seconds_also_when_clocks_change(world: World, unit: str, seconds: int) -> None:
    only = world.store([
        done("ann", "a", -seconds), done("ann", "b", 0), done("bob", "a", -seconds - 0.000001), done("bob", "b", 0)
    ])  # fmt: skip
    found = world.ph.funnel(
        ["a", "b"], date_from="2026-01-01", properties=only, funnel_window_interval=1, funnel_window_interval_unit=unit
    )
    assert found.to_arrow()["count"].to_pylist() == [2, 1]


def test_a_later_first_step_opens_a_window_of_its_own(world: World) -> None:
    events = [done("ann", "a", 0), done("ann", "a", 4), done("ann", "b", 5), done("ann", "c", 9)]
    found = world.funnel(["a", "b", "c"], events)
    assert rows(found)[1:] == [(2, 1, 1.0, 1.0), (3, 1, 4.0, 4.0)]


def test_steps_of_one_moment_count_in_their_order_and_without_a_time(world: World) -> None:
    found = world.funnel(["a", "b"], [done("ann", "b", 1), done("ann", "a", 1)])
    assert rows(found) == [(1, 1, None, None), (2, 1, None, None)]


def test_a_repeated_step_takes_an_event_for_each_time(world: World) -> None:
    assert world.counts(["a", "a", "a"], [done("ann", "a", 0), done("ann", "a", 1)]) == [1, 1, 0]


def test_an_event_that_could_be_two_steps_is_one(world: World) -> None:
    steps = [Series("a"), Series("a", {"p": "1"})]
    assert world.counts(steps, [done("ann", "a", 0, p="1")]) == [1, 0]
    assert world.counts(steps, [done("ann", "a", 0, p="1"), done("ann", "a", 1, p="1")]) == [1, 1]


def test_in_a_strict_funnel_nothing_happens_between(world: World) -> None:
    between = [done("ann", "a", 0), done("ann", "z", 1), done("ann", "b", 2)]
    assert world.counts(["a", "b"], between) == [1, 1]
    assert world.counts(["a", "b"], between, funnel_order_type="strict") == [1, 0]


def test_an_unordered_funnel_counts_how_many_steps_were_done(world: World) -> None:
    events = [done("ann", "c", 0), done("ann", "a", 1), done("ann", "b", 3), done("bob", "b", 0), done("bob", "a", 6)]
    found = world.funnel(["a", "b", "c"], events, funnel_order_type="unordered")
    names = ["Completed 1 step", "Completed 2 steps", "Completed 3 steps"]
    assert found.to_arrow()["name"].to_pylist() == names
    assert rows(found) == [(1, 2, None, None), (2, 1, 1.0, 1.0), (3, 1, 2.0, 2.0)]


def test_who_does_what_is_excluded_is_not_counted(world: World) -> None:
    events = [done("ann", "a", 0), done("ann", "x", 1), done("ann", "b", 2), done("bob", "a", 0), done("bob", "b", 1)]
    assert world.counts(["a", "b"], events, exclusions=["x"]) == [1, 1]
    # A later first step begins anew.
    again = [*events, done("ann", "a", 3), done("ann", "b", 4)]
    assert world.counts(["a", "b"], again, exclusions=["x"]) == [2, 2]


def test_an_exclusion_is_of_some_steps_and_of_some_events(world: World) -> None:
    events = [done("ann", "a", 0), done("ann", "x", 1, p="1"), done("ann", "b", 2), done("ann", "c", 3)]
    steps = ["a", "b", "c"]
    assert world.counts(steps, events, exclusions=[Exclusion("x", 0, 1)]) == [0, 0, 0]
    assert world.counts(steps, events, exclusions=[Exclusion("x", 1, 2)]) == [1, 1, 1]
    assert world.counts(steps, events, exclusions=[Exclusion("x", properties={"p": "2"})]) == [1, 1, 1]


def test_merged_persons_are_one(world: World) -> None:
    case = world.store([done("anonymous", "a", 0), done("ann", "b", 1), done("bob", "a", 0)])["case"]
    merge = CapturedEvent(
        UUID(int=next(_uuids)), "$identify", f"{case} ann", {"$anon_distinct_id": f"{case} anonymous"}, NOW
    )
    world.project.capture([merge])
    found = world.ph.funnel(["a", "b"], date_from="2026-03-01", properties={"case": case})
    assert found.to_arrow()["count"].to_pylist() == [2, 1]


def test_groups_in_place_of_persons(world: World) -> None:
    case = f"case {next(_cases)}"
    for who, event, company in (("ann", "a", "acme"), ("bob", "b", "acme"), ("cid", "a", None)):
        properties = {"case": case} | ({"$groups": {"company": company}} if company else {})
        world.project.capture([CapturedEvent(UUID(int=next(_uuids)), event, f"{case} {who}", properties, BEGIN)])
    options: dict[str, Any] = {"date_from": "2026-03-01", "properties": {"case": case}}
    assert world.ph.funnel(["a", "b"], **options).to_arrow()["count"].to_pylist() == [2, 0]
    of_groups = world.ph.funnel(["a", "b"], aggregation_group_type_index=0, **options)
    assert of_groups.to_arrow()["count"].to_pylist() == [1, 1]


def test_values_beyond_the_limit_are_one(world: World) -> None:
    events = [done(f"{n}", "a", 0, v=value) for n, value in enumerate(["u", "u", "w", "q"])]
    found = world.funnel(["a", "b"], events, breakdown="v", breakdown_limit=1)
    assert rows(found, "breakdown_value", "step", "count")[::2] == [("u", 1, 2), (OTHER, 1, 2)]


def test_times_are_put_into_bins_as_posthog_does(world: World) -> None:
    events = [done(f"{n}", "a", 0) for n in range(4)] + [done(f"{n}", "b", 1 + n) for n in range(4)]
    found = world.funnel(["a", "b"], events, funnel_viz_type="time_to_convert", bin_count=3)
    assert rows(found, "bin_from", "bin_to", "count") == [(1, 2, 1), (2, 3, 1), (3, 4, 1), (4, 5, 1)]
    by_itself = world.funnel(["a", "b"], events, funnel_viz_type="time_to_convert")
    assert rows(by_itself, "bin_from", "bin_to", "count") == [(1, 3, 2), (3, 5, 2), (5, 7, 0)]
    nobody = world.funnel(["a", "b"], events[:4], funnel_viz_type="time_to_convert")
    assert rows(nobody, "bin_from", "bin_to", "count") == [(0, 60, 0), (60, 120, 0)]


@given(st.integers(0, 10**9))
@settings(max_examples=3, deadline=None)
def test_every_time_is_in_its_bin(world: World, seed: int) -> None:
    rng = random.Random(seed)
    asked, events = Asked((Series("a"), Series("b"), Series("c"))), random_events(rng, 60)
    start, end = rng.choice([(0, 1), (0, 2), (1, 2)])
    number = rng.choice([None, 1, 4])
    times = [(way[end] - way[start]) / 1_000_000 for way in asked.ways(events).values() if len(way) > end]
    bins = number or min(60, max(1, math.ceil(math.cbrt(len(times)))))
    least, most = (math.floor(min(times)), math.ceil(max(times))) if times else (0, 0)
    width = math.ceil((most - least) / bins) or 60
    edges = [least + n * width for n in range(bins + 2)]
    expected = [(low, high, sum(low <= time < high for time in times)) for low, high in pairwise(edges)]
    found = world.funnel(
        asked.steps,
        events,
        funnel_viz_type="time_to_convert",
        funnel_from_step=start,
        funnel_to_step=end,
        bin_count=number,
    )
    assert rows(found, "bin_from", "bin_to", "count") == expected


def test_a_sample_is_enlarged_and_statistics_know_of_it(world: World) -> None:
    events = [done(f"{n}", "a", 0) for n in range(400)]
    found = world.funnel(["a", "b"], events, sampling_factor=0.25)
    count = found.to_arrow()["count"].to_pylist()[0]
    assert count % 4 == 0
    assert 200 < count < 600
    assert found.came(1) == (count // 4, count // 4)


def test_rates_have_intervals(world: World) -> None:
    events = [done(f"{n}", "a", 0) for n in range(10)] + [done(f"{n}", "b", 1) for n in range(5)]
    table = world.funnel(["a", "b"], events).confidence(frame="arrow")
    assert table.column_names[-2:] == ["low", "high"]
    assert (table["low"].to_pylist()[1], table["high"].to_pylist()[1]) == pytest.approx(interval(5, 10))
    trends = world.funnel(["a", "b"], events, funnel_viz_type="trends", date_from="2026-03-29", date_to="2026-03-30")
    of_days = trends.confidence(frame="arrow")
    assert of_days["low"].to_pylist() == [pytest.approx(interval(5, 10).low), None]


def test_funnels_and_values_are_compared(world: World) -> None:
    events = [done(f"{n}", "a", 0, v="u" if n < 30 else "w") for n in range(60)]
    events += [done(f"{n}", "b", 1) for n in range(60) if n % (2 if n < 30 else 5) == 0]
    found = world.funnel(["a", "b"], events, breakdown="v")
    comparison = found.compare("u", "w")
    assert (comparison.a.name, comparison.a.count, comparison.a.of) == ("u", 15, 30)
    assert (comparison.b.name, comparison.b.count, comparison.b.of) == ("w", 6, 30)
    one, other = (world.funnel(["a", "b"], events[:n]) for n in (60, 80))
    assert (one.compare(other).a.count, one.compare(other).b.count) == (0, 20)
    with pytest.raises(InvalidInputError, match="no breakdown value 'x'"):
        found.compare("x", "u")
    with pytest.raises(InvalidInputError, match="no breakdown: ask for it with breakdown="):
        one.compare("u", "w")
    with pytest.raises(InvalidInputError, match="another funnel, or two"):
        found.compare("u")
    with pytest.raises(InvalidInputError, match="no value was named"):
        found.compare(one)
    with pytest.raises(InvalidInputError, match="step is 3"):
        one.compare(other, step=3)
    times = world.funnel(["a", "b"], events, funnel_viz_type="time_to_convert")
    with pytest.raises(InvalidInputError, match="no rates"):
        times.confidence()
    with pytest.raises(InvalidInputError, match="one of time_to_convert"):
        times.compare(one)


@pytest.mark.parametrize("viz", ["steps", "time_to_convert", "trends"])
def test_every_kind_has_its_picture(world: World, viz: str) -> None:
    events = [done("ann", "a", 0), done("ann", "b", 1)]
    found = world.funnel(["a", "b"], events, funnel_viz_type=viz, date_from="2026-03-28", date_to="2026-03-30")
    assert found.plot().to_dict()["$schema"].startswith("https://vega.github.io/schema/vega-lite/")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"series": ["a"]}, "has 1 step"),
        ({"series": [Series("a", math="dau"), "b"]}, "has the math 'dau'"),
        ({"funnel_order_type": "any"}, "funnel_order_type is 'any'"),
        ({"funnel_viz_type": "pie"}, "funnel_viz_type is 'pie'"),
        ({"breakdown_attribution_type": "middle"}, "breakdown_attribution_type is 'middle'"),
        ({"funnel_window_interval": 0}, "funnel_window_interval is 0"),
        ({"funnel_window_interval_unit": "year"}, "funnel_window_interval_unit is 'year'"),
        ({"funnel_from_step": 2}, "funnel_from_step is 2"),
        ({"funnel_from_step": 1, "funnel_to_step": 1}, "funnel_to_step is 1"),
        ({"bin_count": 91}, "bin_count is 91"),
        ({"exclusions": ["b"]}, "'b' is a step of the funnel as well"),
        ({"exclusions": [3]}, "exclusions has 3"),
        ({"exclusions": [Exclusion("x", 1, 1)]}, "from step 1 to step 1"),
        ({"exclusions": [Exclusion("x", 0, 1)], "funnel_order_type": "unordered"}, "a part of an unordered funnel"),
        ({"exclusions": ["x"], "funnel_viz_type": "trends"}, "exclusions do not go with trends"),
        ({"breakdown": "v", "breakdown_attribution_value": 3}, "breakdown_attribution_value is 3"),
        ({"breakdown": "v", "breakdown_attribution_value": 1, "funnel_order_type": "unordered"}, "of an unordered"),
        ({"breakdown": "v", "funnel_viz_type": "time_to_convert"}, "have no breakdown"),
        ({"series": ["a", "a"], "funnel_viz_type": "trends", "funnel_order_type": "unordered"}, "several of the steps"),
        ({"aggregation_group_type_index": 5}, "aggregation_group_type_index is 5"),
        ({"sampling_factor": 0}, "sampling_factor is 0"),
    ],
)
def test_what_cannot_be_asked_is_refused_before_it_is_sent(world: World, options: dict[str, Any], said: str) -> None:
    with pytest.raises(InvalidInputError, match=said):
        world.ph.funnel(**{"series": ["a", "b", "c"]} | options)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"funnel_from_step": None}, "funnel_from_step is None"),
        ({"funnel_to_step": "x"}, "funnel_to_step is 'x'"),
        ({"funnel_viz_type": "time_to_convert", "bin_count": 1.5}, "bin_count is 1.5"),
        ({"breakdown_attribution_value": "x"}, "breakdown_attribution_value is 'x'"),
        ({"sampling_factor": []}, r"sampling_factor is \[\]"),
        ({"funnel_window_interval_unit": []}, r"funnel_window_interval_unit is \[\]"),
        ({"funnel_window_interval": 10**9}, "funnel_window_interval is 1000000000"),
        ({"exclusions": 0}, "exclusions has 0"),
        ({"exclusions": [Exclusion("c", funnel_from_step="x")]}, "from step 'x'"),  # type: ignore[arg-type]
    ],
)
def test_an_option_of_the_wrong_type_is_told(options: dict[str, Any], message: str) -> None:
    asking: Any = None  # nothing is asked
    with pytest.raises(InvalidInputError, match=message):
        funnel(asking, ["a", "b"], **options)
