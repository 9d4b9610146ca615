"""Retention: equal to what is counted person by person, and sure of itself only as far as it may be."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from posthog_nb.analysis.series import Series
from posthog_nb.analysis.statistics import interval
from posthog_nb.errors import InvalidInputError
from tests.streams import Calendar, Seen, Stream, project_in, streams

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hypothesis.strategies import DrawFn

    from posthog_nb.analysis.retention import Retention
    from posthog_nb.client import Client

NONE, OTHER = "None (i.e. no value)", "Other (i.e. all remaining values)"
PLAN = {None: NONE, "pro": "pro", "free": "free"}


@pytest.fixture(scope="module")
def berlin() -> Iterator[Client]:
    with project_in("Europe/Berlin", week_start=1) as client:
        yield client


@pytest.fixture(scope="module")
def sao_paulo() -> Iterator[Client]:
    with project_in("America/Sao_Paulo") as client:
        yield client


# -- counted person by person


@dataclass(frozen=True)
class Asked:
    """A retention of a stream, as it is asked for."""

    target: str | None
    only_pro: bool
    returning: str | None
    kind: str
    until: datetime
    since: datetime | None
    total: int
    least: int
    cumulative: bool
    reference: str
    breakdown_limit: int | None

    def of(self, ph: Client, stream: Stream) -> Retention:
        found: Retention = ph.retention(
            Series(self.target, {"plan": "pro"} if self.only_pro else None),
            Series(self.returning),
            retention_type=f"retention_{self.kind}",
            period=stream.period.capitalize(),
            date_from=self.since,
            date_to=self.until,
            total_intervals=self.total,
            minimum_occurrences=self.least,
            cumulative=self.cumulative,
            retention_reference=self.reference,
            properties=stream.only,
            breakdown=None if self.breakdown_limit is None else "plan",
            breakdown_limit=self.breakdown_limit or 25,
        )
        return found

    def is_target(self, one: Seen) -> bool:
        return self.is_named(one) and (not self.only_pro or one.plan == "pro")

    def is_named(self, one: Seen) -> bool:
        return self.target in (None, one.event)

    def is_returning(self, one: Seen) -> bool:
        return self.returning in (None, one.event)


@st.composite
def asked(draw: DrawFn, stream: Stream) -> Asked:
    return Asked(
        target=draw(st.sampled_from(["a", "b", None])),
        only_pro=draw(st.booleans()),
        returning=draw(st.sampled_from(["a", "b", None])),
        kind=draw(st.sampled_from(["recurring", "first_time", "first_ever_occurrence"])),
        until=stream.moment(draw(st.integers(0, 18))),
        since=draw(st.none() | st.integers(-12, 8).map(stream.moment)),
        total=draw(st.integers(1, 6)),
        least=draw(st.sampled_from([1, 1, 2])),
        cumulative=draw(st.booleans()),
        reference=draw(st.sampled_from(["total", "previous"])),
        breakdown_limit=draw(st.sampled_from([None, None, 1, 25])),
    )


def counted(stream: Stream, asked: Asked, calendar: Calendar) -> list[tuple[Any, ...]]:
    """The rows of the frame, by loops."""
    last = calendar.start(asked.until)
    first = calendar.later(last, 1 - asked.total) if asked.since is None else calendar.start(asked.since)
    starts = calendar.starts(first, asked.until)
    cohorts: dict[str, dict[int, dict[int, int]]] = {} if asked.breakdown_limit else {"": {}}
    for value, events in people(stream, asked):
        for start in cohorts_of(events, asked, calendar, starts):
            table = cohorts.setdefault(value, {}).setdefault(start, {})
            for later in intervals_of(events, start, asked, calendar, starts):
                table[later] = table.get(later, 0) + 1
    rows = []
    for value, tables in limited(cohorts, asked):
        for start, begins in enumerate(starts):
            table = tables.get(start, {})
            for later in range(min(asked.total, len(starts) - start)):
                of = table.get(later - 1 if asked.reference == "previous" and later else 0, 0)
                came = table.get(later, 0)
                row = (begins, table.get(0, 0), later, came, came / of if of else None)
                rows.append((value, *row) if asked.breakdown_limit else row)
    return rows


def people(stream: Stream, asked: Asked) -> list[tuple[str, list[Seen]]]:
    """The events of each person; with a breakdown of each person under each value."""
    found: dict[tuple[str, str], list[Seen]] = {}
    for one in stream.events:
        value = PLAN[one.plan] if asked.breakdown_limit else ""
        if asked.breakdown_limit and asked.kind == "first_ever_occurrence":
            named = [other for other in stream.events if other.person == one.person and asked.is_named(other)]
            if not named:
                continue
            earliest = min(other.at for other in named)
            values = {PLAN[other.plan] for other in named if other.at == earliest}
            # PostHog does not say which one it is when there are two.
            assume(len(values) == 1)
            value = values.pop()
        found.setdefault((value, one.person), []).append(one)
    return [(value, events) for (value, _), events in found.items()]


def cohorts_of(events: list[Seen], asked: Asked, calendar: Calendar, starts: list[datetime]) -> list[int]:
    """The numbers of the intervals whose cohorts the person is in."""
    times = [one.at for one in events if asked.is_target(one)]
    if not times:
        return []
    if asked.kind != "recurring":
        if asked.kind == "first_ever_occurrence" and min(times) != min(e.at for e in events if asked.is_named(e)):
            return []
        times = [min(times)]
    return sorted({starts.index(calendar.start(at)) for at in times if calendar.start(at) in starts})


def intervals_of(events: list[Seen], start: int, asked: Asked, calendar: Calendar, starts: list[datetime]) -> set[int]:
    """The intervals from a cohort's own that the person came in."""
    found = {0}
    for later in range(1, asked.total):
        if start + later < len(starts):
            times = [
                one for one in events if asked.is_returning(one) and calendar.start(one.at) == starts[start + later]
            ]
            if len(times) >= asked.least:
                found.add(later)
    return set(range(max(found) + 1)) if asked.cumulative else found


def limited(cohorts: dict[str, Any], asked: Asked) -> list[tuple[str, dict[int, dict[int, int]]]]:
    """Values by the sizes of all of their cohorts; those after the limit together."""
    if asked.breakdown_limit is None:
        return list(cohorts.items())
    sizes = {value: sum(table[0] for table in tables.values()) for value, tables in cohorts.items()}
    ordered = sorted(cohorts, key=lambda value: (-sizes[value], value))
    shown = [(value, cohorts[value]) for value in ordered[: asked.breakdown_limit]]
    rest: dict[int, dict[int, int]] = {}
    for value in ordered[asked.breakdown_limit :]:
        for start, table in cohorts[value].items():
            for later, came in table.items():
                together = rest.setdefault(start, {})
                together[later] = together.get(later, 0) + came
    return [*shown, (OTHER, rest)] if rest else shown


def rows_of(found: Retention) -> list[tuple[Any, ...]]:
    rows = found.to_arrow().to_pylist()
    return [tuple(one.astimezone(UTC) if isinstance(one, datetime) else one for one in row.values()) for row in rows]


def check(ph: Client, zone: str, week_start: int, data: st.DataObject) -> None:
    stream = data.draw(streams(zone))
    question = data.draw(asked(stream))
    stream.send(ph)
    assert rows_of(question.of(ph, stream)) == counted(stream, question, Calendar(stream.period, zone, week_start))


@settings(max_examples=12)
@given(data=st.data())
def test_is_what_is_counted_person_by_person(berlin: Client, data: st.DataObject) -> None:
    check(berlin, "Europe/Berlin", 1, data)


@settings(max_examples=8)
@given(data=st.data())
def test_is_so_where_a_day_has_no_midnight(sao_paulo: Client, data: st.DataObject) -> None:
    check(sao_paulo, "America/Sao_Paulo", 0, data)


@pytest.mark.fuzz
@settings(max_examples=1000)
@given(data=st.data())
def test_fuzz(berlin: Client, sao_paulo: Client, data: st.DataObject) -> None:
    if data.draw(st.booleans()):
        check(berlin, "Europe/Berlin", 1, data)
    else:
        check(sao_paulo, "America/Sao_Paulo", 0, data)


# -- one by one


@pytest.fixture(scope="module")
def ph() -> Iterator[Client]:
    """Monday to Wednesday: Ann comes each day, Bob on two of them, Cid once; and a company with both of the first."""
    with project_in("Europe/Berlin", as_of=datetime(2026, 1, 7, 12, tzinfo=UTC)) as client:
        for person, days in (("ann", "567"), ("bob", "57"), ("cid", "6")):
            for day in days:
                groups = {} if person == "cid" else {"$groups": {"company": "Acme"}}
                browser = {"$browser": "Chrome" if person == "ann" else "Firefox"}
                client.capture("seen", person, groups | browser, f"2026-01-0{day}T10:00:00Z")
        yield client


def test_three_days_of_three_persons(ph: Client) -> None:
    frame = ph.retention("seen", total_intervals=3).to_pandas()
    assert list(frame.columns) == ["date", "size", "interval", "count", "rate"]
    assert str(frame["date"].dtype) == "datetime64[s, Europe/Berlin]"
    assert frame["date"].dt.strftime("%m-%d").tolist() == ["01-05"] * 3 + ["01-06"] * 2 + ["01-07"]
    assert frame[["size", "interval", "count"]].to_numpy().tolist() == [
        [2, 0, 2], [2, 1, 1], [2, 2, 2], [2, 0, 2], [2, 1, 1], [2, 0, 2]
    ]  # fmt: skip
    assert frame["rate"].tolist() == [1, 0.5, 1, 1, 0.5, 1]


def test_relative_dates_are_of_the_projects_clock_and_end_with_this_hour(ph: Client) -> None:
    frame = ph.retention("seen", period="Hour", total_intervals=2).to_pandas()
    assert frame["date"].dt.strftime("%d %H:%M").tolist() == ["07 12:00", "07 12:00", "07 13:00"]


def test_groups_in_place_of_persons(ph: Client) -> None:
    found = ph.retention("seen", total_intervals=1, date_from="2026-01-05", aggregation_group_type_index=0)
    assert found.to_pandas()["size"].tolist() == [1, 1, 1]


def test_a_sample_is_enlarged_to_all_and_no_surer_for_that(ph: Client) -> None:
    whole = ph.retention("seen", total_intervals=1, sampling_factor=1)
    assert whole.to_pandas()["size"].tolist() == [2]
    part = ph.retention("seen", total_intervals=1, sampling_factor=0.5)
    assert "events SAMPLE 0.5" in part.hogql
    size = part.to_pandas()["size"].item()
    assert size in {0, 2, 4}
    low, high = part.confidence().iloc[0][["low", "high"]]
    assert size == 0 or low == pytest.approx(interval(size // 2, size // 2).low)
    assert size == 0 or high == pytest.approx(1)


@pytest.mark.parametrize(
    "options",
    [
        {"breakdown": "$browser", "period": "Week", "timezone": "Asia/Tokyo"},
        {"retention_type": "retention_first_ever_occurrence", "date_from": "-1m", "period": "Month"},
        {"breakdown": ["all"], "breakdown_type": "cohort", "date_from": datetime(2026, 1, 5, 1, tzinfo=UTC)},
        {"properties": {"$browser": "o'Neil"}, "cumulative": True, "minimum_occurrences": 2},
    ],
)
def test_the_query_by_hand_gives_the_same_rows(ph: Client, options: dict[str, Any]) -> None:
    found = ph.retention(Series("seen", {"$browser": ["Chrome", "Firefox"]}), "seen", total_intervals=4, **options)
    assert ph.query(found.hogql, limit=50_000).rows == found.result.rows


def test_cohorts_of_persons_side_by_side(ph: Client) -> None:
    early = ph.cohort("On Monday", "SELECT person_id FROM events WHERE timestamp < '2026-01-06' LIMIT 100")
    found = ph.retention(
        "seen", total_intervals=2, date_from="2026-01-05", breakdown=["all", early], breakdown_type="cohort"
    )
    sizes = {(row["breakdown_value"], row["date"].day): row["size"] for row in found.to_arrow().to_pylist()}
    assert sizes == {
        ("all users", 5): 2, ("all users", 6): 2, ("all users", 7): 2,
        ("On Monday", 5): 2, ("On Monday", 6): 1, ("On Monday", 7): 2,
    }  # fmt: skip


def test_the_picture_and_what_it_is_called(ph: Client) -> None:
    found = ph.retention("seen", "paid")
    assert found.title == "Retention: seen → paid"
    assert "Retention: seen → paid" in found.plot().to_json(ensure_ascii=False)


# -- how sure


def test_confidence_stands_beside_each_rate(ph: Client) -> None:
    found = ph.retention("seen", total_intervals=3, date_from="2026-01-04")
    frame = found.confidence(0.9, frame="polars")
    assert frame.columns == ["date", "size", "interval", "count", "rate", "low", "high"]
    for row in frame.iter_rows(named=True):
        expected = interval(row["count"], row["size"], 0.9) if row["size"] else (None, None)
        assert (row["low"], row["high"]) == expected
    assert frame["low"].null_count() == 3


def test_cohorts_of_the_first_time_are_compared_together(ph: Client) -> None:
    found = ph.retention(
        "seen", retention_type="retention_first_time", breakdown="$browser", date_from="2026-01-05", total_intervals=2
    )
    comparison = found.compare("Chrome", "Firefox")
    groups = [(one.name, one.count, one.of) for one in (comparison.a, comparison.b)]
    assert groups == [("Chrome", 1, 1), ("Firefox", 0, 2)]


def test_one_cohort_is_compared_with_that_of_another_retention(ph: Client) -> None:
    chrome, firefox = (
        ph.retention("seen", properties={"$browser": browser}, total_intervals=3) for browser in ("Chrome", "Firefox")
    )
    comparison = chrome.compare(firefox, interval=2, date="2026-01-05")
    assert [(one.count, one.of) for one in (comparison.a, comparison.b)] == [(1, 1), (1, 1)]
    assert comparison.a.name != comparison.b.name


def test_what_would_not_be_a_fair_comparison_is_refused(ph: Client) -> None:
    recurring = ph.retention("seen")
    with pytest.raises(InvalidInputError, match="in several cohorts"):
        recurring.compare(recurring)
    with pytest.raises(InvalidInputError, match="another retention, or two breakdown values"):
        recurring.compare("Chrome")
    with pytest.raises(InvalidInputError, match="no breakdown"):
        recurring.compare("Chrome", "Firefox", date="2026-01-05")
    with pytest.raises(InvalidInputError, match="no single cohort"):
        recurring.compare(recurring, date="2026-01")
    with pytest.raises(InvalidInputError, match="nobody in a cohort that interval 7"):
        recurring.compare(recurring, date="2026-01-05", interval=7)
    by_browser = ph.retention("seen", breakdown="$browser", retention_type="retention_first_time")
    with pytest.raises(InvalidInputError, match=r"no breakdown value 'Opera'.*There are "):
        by_browser.compare("Chrome", "Opera")
    with pytest.raises(InvalidInputError, match="has a breakdown"):
        by_browser.compare(by_browser)
    with pytest.raises(InvalidInputError, match="the interval before"):
        ph.retention("seen", retention_reference="previous").confidence()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"retention_type": "first_time"}, "retention_type is 'first_time'"),
        ({"retention_reference": "first"}, "retention_reference is 'first'"),
        ({"period": "day"}, "period is 'day'"),
        ({"total_intervals": 0}, "total_intervals is 0"),
        ({"minimum_occurrences": 1.5}, "minimum_occurrences is 1.5"),
        ({"sampling_factor": 0}, "sampling_factor is 0"),
        ({"aggregation_group_type_index": -1}, "aggregation_group_type_index is -1"),
        ({"date_to": "soon"}, "date_to is 'soon'"),
    ],
)
def test_bad_options_are_refused(ph: Client, options: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidInputError, match=message):
        ph.retention("seen", **options)
