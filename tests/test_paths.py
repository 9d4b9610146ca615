"""Paths against a slow and obvious reckoning, and what each option does."""

from __future__ import annotations

import math
import re
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from itertools import count
from typing import TYPE_CHECKING, Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from posthog_nb.embedded.ingestion.event import CapturedEvent
from posthog_nb.embedded.project import Project, ProjectSettings
from posthog_nb.errors import InvalidInputError
from tests.embedded import embedded_client

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from posthog_nb.client import Client

ZONE = "Europe/Berlin"
NOW = datetime(2026, 4, 1, 12, tzinfo=UTC)
BEGIN = datetime(2026, 3, 28, 20, tzinfo=UTC)
"""Some hours before the clocks of Berlin went from two to three."""
BREAK = timedelta(minutes=30)
MICROSECOND = timedelta(microseconds=1)

Row = tuple[int, str, str, int, float]

_uuids, _cases = count(1), count(1)


@dataclass(frozen=True)
class Visit:
    """One event."""

    distinct_id: str
    at: datetime
    event: str = "$pageview"
    properties: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class World:
    """A project of many cases: each has its own persons, and a property that its events are found by."""

    project: Project
    ph: Client

    def store(self, visits: Sequence[Visit], merged: Sequence[tuple[str, str]] = ()) -> dict[str, str]:
        """Store the visits of a new case and merge persons; gives the filter that finds the case."""
        case = f"case {next(_cases)}"
        self.project.capture([
            *(_captured(case, visit.distinct_id, visit.at, visit.event, visit.properties) for visit in visits),
            *(_captured(case, ann, NOW, "$identify", {"$anon_distinct_id": f"{case} {bob}"}) for ann, bob in merged),
        ])  # fmt: skip
        return {"case": case}

    def rows(self, **options: Any) -> list[Row]:
        """The rows of an analysis."""
        return [tuple(row) for row in self.ph.paths(**options).result.rows]


def _captured(case: str, distinct_id: str, at: datetime, event: str, properties: dict[str, str]) -> CapturedEvent:
    return CapturedEvent(UUID(int=next(_uuids)), event, f"{case} {distinct_id}", {**properties, "case": case}, at)


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    project = Project.in_memory(ProjectSettings(timezone=ZONE, as_of=NOW))
    with embedded_client(project=project) as ph:
        yield World(project, ph)


# -- the slow and obvious reckoning


def reckoned(visits: Sequence[Visit], merged: Sequence[tuple[str, str]], options: dict[str, Any]) -> list[Row]:
    """What ``paths`` should answer."""
    of_person = defaultdict(list)
    for visit in visits:
        item = item_of(visit, options)
        if in_range(visit.at, options) and is_included(visit, item, options):
            of_person[person_of(visit.distinct_id, merged)].append((visit.at, item))
    edges: dict[tuple[int, str, str], list[float]] = defaultdict(list)
    for visited in of_person.values():
        for unbroken in without_breaks(sorted(visited)):
            path = chosen(without_repeats(unbroken), options)
            for step in range(1, len(path)):
                (before, source), (after, target) = path[step - 1], path[step]
                edges[step, source, target].append((after - before) / timedelta(seconds=1))
    return reachable(most_frequent(edges, options))


def item_of(visit: Visit, options: dict[str, Any]) -> str:
    types, excluded = options.get("include_event_types", ["$pageview"]), options.get("exclude_events", [])
    told = {event: event in types if types else event not in excluded for event in ("$pageview", "$screen")}
    if visit.event == "$screen" and told["$screen"]:
        item = visit.properties.get("$screen_name", "")
    elif visit.event == "$pageview" and told["$pageview"]:
        item = visit.properties.get("$current_url", "")
        if len(item) > 1 and item.endswith("/"):
            item = item[:-1]
    elif "paths_hogql_expression" in options:
        item = visit.properties.get("plan", "")
    else:
        item = visit.event
    for rule in options.get("local_path_cleaning_filters", []):
        item = re.sub(rule["regex"], rule["alias"], item)
    for grouping in options.get("path_groupings", []):
        if re.search(".*".join(map(re.escape, grouping.split("*"))), item):
            return str(grouping)
    return item


def is_included(visit: Visit, item: str, options: dict[str, Any]) -> bool:
    kinds = [kind for kind in options.get("include_event_types", ["$pageview"]) if kind != "hogql"]
    of_kind = visit.event in kinds or ("custom_event" in kinds and not visit.event.startswith("$"))
    return (of_kind or not kinds) and item not in options.get("exclude_events", [])


def in_range(at: datetime, options: dict[str, Any]) -> bool:
    zone = ZoneInfo(options.get("timezone", ZONE))
    first = date.fromisoformat(options.get("date_from", "2026-03-01"))
    last = date.fromisoformat(options.get("date_to", "2026-04-01"))
    begin = datetime.combine(first, time(), zone)
    end = datetime.combine(last + timedelta(days=1), time(), zone)
    return begin <= at < end


def person_of(distinct_id: str, merged: Sequence[tuple[str, str]]) -> str:
    return next((ann for ann, bob in merged if bob == distinct_id), distinct_id)


def without_breaks(visited: list[tuple[datetime, str]]) -> list[list[tuple[datetime, str]]]:
    parts: list[list[tuple[datetime, str]]] = []
    for visit in visited:
        if not parts or visit[0] - parts[-1][-1][0] >= BREAK:
            parts.append([])
        parts[-1].append(visit)
    return parts


def without_repeats(visited: list[tuple[datetime, str]]) -> list[tuple[datetime, str]]:
    path = []
    for place, (at, item) in enumerate(visited):
        following = visited[place + 1][1] if place + 1 < len(visited) else ""
        if item != following:
            path.append((at, item))
    return path


def chosen(path: list[tuple[datetime, str]], options: dict[str, Any]) -> list[tuple[datetime, str]]:
    start, end, most = options.get("start_point"), options.get("end_point"), options.get("step_limit", 5)
    if start is not None:
        while path and path[0][1] != start.rstrip("/"):
            path = path[1:]
    if end is not None:
        items = [item for _, item in path]
        path = path[: items.index(end.rstrip("/")) + 1] if end.rstrip("/") in items else []
    if end is None:
        return path[:most]
    if start is None:
        return path[-most:]
    half = most // 2
    return path if len(path) <= most else [*path[:half], (path[half][0], "..."), *path[-half:]]


def most_frequent(edges: dict[tuple[int, str, str], list[float]], options: dict[str, Any]) -> list[Row]:
    rows: list[Row] = [
        (step, source, target, len(times), sum(times) / len(times)) for (step, source, target), times in edges.items()
    ]
    least, most = options.get("min_edge_weight") or 0, options.get("max_edge_weight") or math.inf
    rows = [row for row in rows if least <= row[3] <= most]
    rows.sort(key=lambda row: (-row[3], f"{row[0]}_{row[1]}", row[2]))
    return rows[: options.get("edge_limit", 50)]


def reachable(rows: list[Row]) -> list[Row]:
    reached = {(1, source) for step, source, *_ in rows if step == 1}
    for step, source, target, *_ in sorted(rows):
        if (step, source) in reached:
            reached.add((step + 1, target))
    return [row for row in rows if (row[0], row[1]) in reached]


def alike(rows: list[Row], expected: list[Row]) -> bool:
    """Whether they are the same; an average may differ in its last digit."""
    return [row[:4] for row in rows] == [row[:4] for row in expected] and all(
        math.isclose(row[4], other[4], rel_tol=1e-12, abs_tol=1e-12) for row, other in zip(rows, expected, strict=True)
    )


# -- random streams and options

URLS = ["https://x.com/", "https://x.com/a", "https://x.com/a/", "https://x.com/b/1", "https://x.com/b/2", "/", "ü/é"]
GAPS = [
    timedelta(0), timedelta(0), MICROSECOND, timedelta(seconds=7.25), timedelta(minutes=10), BREAK - MICROSECOND, BREAK,
    BREAK + MICROSECOND, timedelta(hours=7),
]  # fmt: skip

_page_views = st.sampled_from(URLS).map(lambda url: ("$pageview", {"$current_url": url}))
_kinds = st.one_of(
    _page_views,
    _page_views,
    st.just(("$pageview", {})),
    st.sampled_from(["Home", "Cart"]).map(lambda name: ("$screen", {"$screen_name": name})),
    st.sampled_from(["paid", "signed up", "$autocapture"]).map(lambda event: (event, {})),
)
_places = st.tuples(
    st.sampled_from(["ann", "ann's phone", "bob"]),
    st.sampled_from(GAPS),
    _kinds,
    st.sampled_from([{}, {"plan": "pro"}, {"plan": "free"}]),
)


@st.composite
def streams(draw: st.DrawFn) -> list[Visit]:
    at, visits = BEGIN, []
    for distinct_id, gap, (event, properties), more in draw(st.lists(_places, min_size=1, max_size=40)):
        at += gap
        visits.append(Visit(distinct_id, at, event, {**properties, **more}))
    # They need not arrive in the order that they happened in.
    return draw(st.permutations(visits))


_points = st.sampled_from([*URLS[:4], "Home", "paid", "*/b/*"])
_days = st.sampled_from(["2026-03-28", "2026-03-29", "2026-03-30"])
_cleaning = [
    {"regex": "^https?://[^/]+", "alias": ""},
    {"regex": "/([a-z])/[0-9]+$", "alias": r"/\1/<id>"},
]
_SINCE = "2026-03-01"
_choices = st.fixed_dictionaries(
    {
        "include_event_types": st.sampled_from([
            ["$pageview"], ["$screen"], ["$pageview", "$screen"], ["custom_event"], ["$pageview", "custom_event"], [],
        ]),
    },
    optional={
        "start_point": _points,
        "end_point": _points,
        "step_limit": st.sampled_from([2, 3, 4, 7, 12]),
        "edge_limit": st.sampled_from([1, 3, 6]),
        "min_edge_weight": st.just(2),
        "max_edge_weight": st.just(2),
        "path_groupings": st.sampled_from([["*/b/*"], ["https://x.com/a", "/*"]]),
        "local_path_cleaning_filters": st.sampled_from([_cleaning[:1], _cleaning[1:], _cleaning]),
        "exclude_events": st.sampled_from([["$autocapture"], ["https://x.com", "paid"], ["$pageview"], [""]]),
        "date_from": _days,
        "date_to": _days,
        "timezone": st.sampled_from(["America/New_York", "Asia/Kathmandu", "UTC"]),
    },
).filter(lambda options: options.get("date_from", _SINCE) <= options.get("date_to", "2026-04-01"))  # fmt: skip
_expressions = _choices.map(
    lambda options: {
        **options,
        "include_event_types": ["hogql", *options["include_event_types"]],
        "paths_hogql_expression": "properties.plan",
    }
)


def _agrees(world: World, visits: list[Visit], merged: list[tuple[str, str]], asked: list[dict[str, Any]]) -> None:
    case = world.store(visits, merged)
    for options in asked:
        rows = world.rows(**{"date_from": _SINCE, **options}, properties=case)
        expected = reckoned(visits, merged, options)
        assert alike(rows, expected), f"{options}: {rows} and not {expected}"


_STREAMS = {
    "visits": streams(),
    "merged": st.sampled_from([[], [("ann", "ann's phone")], [("bob", "ann's phone")]]),
    "asked": st.lists(st.one_of(_choices, _expressions), min_size=3, max_size=3),
}


@given(**_STREAMS)
@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@example(visits=[Visit("ann", BEGIN)], merged=[], asked=[{}])
def test_the_rows_are_those_of_a_reckoning_by_hand(
    world: World, visits: list[Visit], merged: list[tuple[str, str]], asked: list[dict[str, Any]]
) -> None:
    _agrees(world, visits, merged, asked)


@pytest.mark.fuzz
@given(**_STREAMS)
@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_rows_of_many_more_streams_are_those_of_a_reckoning_by_hand(
    world: World, visits: list[Visit], merged: list[tuple[str, str]], asked: list[dict[str, Any]]
) -> None:
    _agrees(world, visits, merged, asked)


# -- each thing by itself


def pages(*stays: tuple[float, str], who: str = "ann") -> list[Visit]:
    """Page views: after how many minutes, and where."""
    return [Visit(who, NOW + timedelta(minutes=at - 600), "$pageview", {"$current_url": url}) for at, url in stays]


def steps(rows: list[Row]) -> list[tuple[int, str, str]]:
    return [row[:3] for row in rows]


def test_edges_are_counted_and_timed_the_most_frequent_first(world: World) -> None:
    case = world.store([*pages((0, "/"), (2, "/a"), (3, "/b")), *pages((0, "/"), (4, "/a"), who="bob")])
    assert world.rows(properties=case) == [(1, "/", "/a", 2, 180.0), (2, "/a", "/b", 1, 60.0)]


def test_the_frame_is_what_its_query_gives_by_hand(world: World) -> None:
    case = world.store([*pages((0, "/"), (2, "/a?q='{x}\\'"), (3, "/b")), *pages((0, "/"), (4, "/a"), who="bob")])
    options: list[dict[str, Any]] = [
        {},
        {"start_point": "/", "end_point": "/b", "path_groupings": ["/a?q='{x}\\'", "*b"], "sampling_factor": 0.5},
        {"include_event_types": ["$screen", "hogql"], "paths_hogql_expression": "properties.$current_url"},
        {"include_event_types": [], "exclude_events": ["'{", "$identify"], "min_edge_weight": 1, "timezone": "UTC"},
        {"local_path_cleaning_filters": [{"regex": r"\\'|\?", "alias": "{y}'"}], "date_from": "2026-03-02"},
    ]
    for one in options:
        paths = world.ph.paths(**one, properties=case)
        assert paths.to_pandas().equals(world.ph.query(paths.hogql).to_pandas())


def test_the_frame_has_columns_and_types_also_when_there_are_no_paths(world: World) -> None:
    for case in (world.store(pages((0, "/"), (1, "/a"))), {"case": "none"}):
        table = world.ph.paths(properties=case).to_arrow()
        assert {name: str(kind) for name, kind in zip(table.schema.names, table.schema.types, strict=True)} == {
            "step": "uint32", "source": "string", "target": "string", "count": "uint64",
            "average_conversion_time": "double",
        }  # fmt: skip


def test_a_break_of_thirty_minutes_ends_a_path(world: World) -> None:
    almost, exactly = world.store(pages((0, "/"), (29.999, "/a"))), world.store(pages((0, "/"), (30, "/a")))
    assert steps(world.rows(properties=almost)) == [(1, "/", "/a")]
    assert world.rows(properties=exactly) == []


def test_an_item_twice_in_a_row_counts_once_as_the_last_time(world: World) -> None:
    case = world.store(pages((0, "/"), (1, "/a"), (2, "/a/"), (5, "/b"), (6, "/a")))
    assert world.rows(properties=case) == [
        (1, "/", "/a", 1, 120.0), (2, "/a", "/b", 1, 180.0), (3, "/b", "/a", 1, 60.0),
    ]  # fmt: skip


def test_a_person_of_two_distinct_ids_has_one_path_once_they_are_merged(world: World) -> None:
    visits = [*pages((0, "/")), *pages((1, "/login"), who="phone")]
    assert world.rows(properties=world.store(visits)) == []
    assert steps(world.rows(properties=world.store(visits, [("ann", "phone")]))) == [(1, "/", "/login")]


def test_paths_begin_at_a_start_point_and_end_at_an_end_point(world: World) -> None:
    case = world.store(pages((0, "/"), (1, "/a"), (2, "/b"), (3, "/c"), (4, "/a"), (5, "/d")))
    assert steps(world.rows(start_point="/b/", properties=case)) == [(1, "/b", "/c"), (2, "/c", "/a"), (3, "/a", "/d")]
    assert steps(world.rows(end_point="/c", step_limit=3, properties=case)) == [(1, "/a", "/b"), (2, "/b", "/c")]
    between = world.rows(start_point="/", end_point="/d", step_limit=4, properties=case)
    assert steps(between) == [(1, "/", "/a"), (2, "/a", "..."), (3, "...", "/a"), (4, "/a", "/d")]
    assert [row[4] for row in between] == [60.0, 60.0, 120.0, 60.0]
    assert world.rows(start_point="/d", end_point="/", properties=case) == []


def test_an_edge_that_cannot_be_come_to_from_the_first_step_is_left_out(world: World) -> None:
    ways = [((0, f"/{who}"), (1, "/a"), (2, "/b")) for who in range(3)]
    case = world.store([visit for who, way in enumerate(ways) for visit in pages(*way, who=str(who))])
    assert world.rows(edge_limit=1, properties=case) == []
    assert world.rows(min_edge_weight=2, properties=case) == []
    assert steps(world.rows(edge_limit=2, properties=case)) == [(2, "/a", "/b"), (1, "/0", "/a")]


def test_a_sample_is_of_persons_and_its_counts_are_enlarged(world: World) -> None:
    visits = [visit for who in range(60) for visit in pages((0, "/"), (1, "/a"), who=str(who))]
    case = world.store(visits)
    sampled = world.ph.query("SELECT count() FROM events SAMPLE 0.25 WHERE properties.case = {case}", values=case).rows[
        0
    ][0]
    assert 0 < sampled < len(visits)
    assert world.rows(sampling_factor=0.25, properties=case) == [(1, "/", "/a", sampled / 2 * 4, 60.0)]
    assert world.rows(sampling_factor=1, properties=case)[0][3] == 60


def test_names_like_those_in_the_query_do_not_stand_in_the_way(world: World) -> None:
    visits = [
        Visit("ann", NOW - timedelta(minutes=minute), event, {"$set": {"plan": "pro"}, "path": "p'q{x}"})  # type: ignore[dict-item]
        for minute, event in enumerate(["paid", "count", "visits"])
    ]
    case = {**world.store(visits), "path": "p'q{x}"}
    rows = world.rows(include_event_types=["custom_event"], properties=[case, "person.properties.plan = 'pro'"])
    assert steps(rows) == [(1, "visits", "count"), (2, "count", "paid")]


def test_a_title_says_where_from_and_where_to(world: World) -> None:
    case = {"case": "none"}
    assert world.ph.paths(properties=case).title == "Paths"
    assert world.ph.paths(start_point="/a/", end_point="/b", properties=case).title == "Paths from /a to /b"


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"include_event_types": ["pageview"]}, "include_event_types has 'pageview'"),
        ({"include_event_types": 3}, "include_event_types is 3"),
        ({"include_event_types": ["hogql"]}, "there is no paths_hogql_expression"),
        ({"paths_hogql_expression": "event"}, 'does not have "hogql"'),
        ({"include_event_types": ["hogql"], "paths_hogql_expression": "1, 2"}, "no HogQL expression"),
        ({"start_point": ""}, "start_point is ''"),
        ({"end_point": 7}, "end_point is 7"),
        ({"step_limit": 1}, "step_limit is 1"),
        ({"step_limit": True}, "step_limit is True"),
        ({"edge_limit": 0}, "edge_limit is 0"),
        ({"edge_limit": 50_000}, "edge_limit is 50000"),
        ({"min_edge_weight": 0}, "min_edge_weight is 0"),
        ({"max_edge_weight": 2.5}, "max_edge_weight is 2.5"),
        ({"path_groupings": [""]}, "path_groupings is"),
        ({"exclude_events": [None]}, "exclude_events is"),
        ({"local_path_cleaning_filters": "x"}, "local_path_cleaning_filters is 'x'"),
        ({"local_path_cleaning_filters": [{"regex": "x"}]}, "local_path_cleaning_filters has"),
        ({"sampling_factor": 0}, "sampling_factor is 0"),
        ({"timezone": "Berlin"}, "'Berlin' is no time zone"),
    ],
    ids=str,
)
def test_what_cannot_be_is_refused_before_anything_is_asked(
    world: World, options: dict[str, Any], complaint: str
) -> None:
    with pytest.raises(InvalidInputError, match=re.escape(complaint)):
        world.ph.paths(**options)
