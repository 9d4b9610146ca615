"""What a query leaves unread, and what it reads from elsewhere, changes no row."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

import pytest

from posthog_nb.embedded.hogql import compile_query
from posthog_nb.embedded.ingestion.event import CapturedEvent
from posthog_nb.embedded.project import Project, ProjectSettings
from posthog_nb.uuid7 import uuid7

if TYPE_CHECKING:
    from collections.abc import Iterator

EARLY, NIGHT, LONG, LATE = (str(UUID(int=uuid7(0, number).int)) for number in range(1, 5))
EVENTS = [
    # session, when (UTC; the project's zone is an hour ahead), properties
    (EARLY, "2026-07-01T12:00:00", {}),
    (EARLY, "2026-07-01T12:30:00", {}),
    (NIGHT, "2026-07-04T22:50:00", {"$current_url": "https://shop.example/a"}),
    (NIGHT, "2026-07-04T23:20:00", {"$current_url": "https://shop.example/b"}),
    (LONG, "2026-07-05T12:00:00", {}),
    (LONG, "2026-07-12T12:00:00", {}),
    (LATE, "2026-07-20T12:00:00", {}),
]
WEEK = 7 * 86_400


def captured(session: str, at: str, properties: dict[str, Any]) -> CapturedEvent:
    when = datetime.fromisoformat(at).replace(tzinfo=UTC)
    return CapturedEvent(uuid4(), "seen", "ann", {"$session_id": session, **properties}, when)


def ask(project: Project, query: str, *, own_columns: bool = True) -> list[tuple[Any, ...]]:
    facts = project.facts() if own_columns else replace(project.facts(), property_columns={})
    return project.run(compile_query(query, facts).sql, query_id="test").rows


@pytest.fixture(scope="module")
def project() -> Iterator[Project]:
    project = Project.in_memory(ProjectSettings(timezone="Europe/London"))
    project.capture([captured(*event) for event in EVENTS])
    yield project
    project.close()


ONE_NIGHT = [
    "$start_timestamp >= '2026-07-04' AND $start_timestamp < '2026-07-05'",
    "'2026-07-04' <= $start_timestamp AND '2026-07-05 00:00:00' > $start_timestamp",
    "$start_timestamp BETWEEN '2026-07-04' AND '2026-07-04 23:59:59.999999'",
    "$start_timestamp = '2026-07-04 23:50:00'",
    "sessions.$start_timestamp > toDateTime('2026-07-04 23:00:00') AND $end_timestamp < toDate('2026-07-06')",
    "$start_timestamp > toDate('2026-07-05') - INTERVAL 1 DAY AND $start_timestamp < toDate('2026-07-05')",
    # Not bounded: the end, ORs and what is computed from a row are left as they are.
    "toDate($start_timestamp) = '2026-07-04'",
    "$end_timestamp > '2026-07-05' AND $end_timestamp < '2026-07-06'",
    "($start_timestamp < '2000-01-01' OR $start_timestamp > '2026-07-04') AND $start_timestamp < '2026-07-05'",
    "NOT ($start_timestamp < '2026-07-04' OR $start_timestamp > '2026-07-05')",
    "$start_timestamp >= (SELECT toDateTime('2026-07-04')) AND $start_timestamp < '2026-07-05'",
]


@pytest.mark.parametrize("condition", ONE_NIGHT)
def test_a_session_is_whole_however_its_time_is_asked_for(project: Project, condition: str) -> None:
    query = f"SELECT session_id, $session_duration, $entry_pathname FROM sessions WHERE {condition}"
    assert ask(project, query) == [(NIGHT, 1800, "/a")]


IN_SESSIONS = [
    # condition on events, the sessions that they belong to with their whole duration
    ("timestamp >= '2026-07-05' AND timestamp < '2026-07-05 01:00:00'", [(NIGHT, 1800)]),
    ("timestamp < '2026-07-01 13:10:00'", [(EARLY, 1800)]),
    ("timestamp < '2026-07-05' AND session.$start_timestamp > '2026-07-02'", [(NIGHT, 1800)]),
    # Only the start is asked for, and events without a session in reach would have one from 1970.
    ("session.$start_timestamp < '2026-07-02'", [(EARLY, 1800)]),
    ("timestamp > '2026-07-13'", [(LATE, 0)]),
]


@pytest.mark.parametrize(("condition", "sessions"), IN_SESSIONS)
def test_events_of_some_days_know_their_whole_sessions(
    project: Project, condition: str, sessions: list[tuple[str, int]]
) -> None:
    query = f"SELECT DISTINCT session.session_id, session.$session_duration FROM events WHERE {condition}"
    assert ask(project, query) == sessions


def test_two_tables_bound_nothing(project: Project) -> None:
    joined = "FROM sessions AS s LEFT JOIN events AS e ON e.$session_id = s.session_id"
    query = (
        f"SELECT s.$session_duration {joined} WHERE s.$start_timestamp < '2026-07-06' AND e.timestamp > '2026-07-11'"
    )
    assert ask(project, query) == [(WEEK,)]


def test_an_alias_hides_the_time(project: Project) -> None:
    query = "SELECT session_id, $end_timestamp - INTERVAL 10 DAY AS $start_timestamp FROM sessions WHERE {}"
    assert {row[0] for row in ask(project, query.format("$start_timestamp < '2026-06-26'"))} == {EARLY, NIGHT}


def test_events_more_than_three_days_from_the_time_asked_for_are_not_read(project: Project) -> None:
    query = f"SELECT $session_duration FROM sessions WHERE session_id = '{LONG}'"
    assert ask(project, query) == [(WEEK,)]
    assert ask(project, f"{query} AND $start_timestamp < '2026-07-06'") == [(0,)]


AWKWARD = [
    "plain", "", "null", "true", "5", 5, 1.50, True, None, 'say "hi"', '"quoted"', 'ends with "', "back\\slash", "\\",
    "a\nb\tc", "é ✓", {"a": 'x"y'}, ["x\\y", 1], '{"a": 1}', '{"a": "x\\y"}', [], "\u0001", 'a\\"b',
]  # fmt: skip
"""What may stand in a property."""


def test_a_session_reads_the_same_from_a_propertys_own_column_as_from_the_json() -> None:
    project = Project.in_memory()
    ids = [str(uuid7(number)) for number in range(len(AWKWARD))]
    project.capture([
        captured(session, "2026-07-01T12:00:00", {"utm_source": value, "$current_url": value})
        for session, value in zip(ids, AWKWARD, strict=True)
    ])  # fmt: skip
    assert project.ingestion.definitions.add_columns()
    project.ingestion.definitions.stored()
    facts = replace(project.facts(), property_columns=project.ingestion.definitions.columns)
    query = "SELECT $entry_utm_source, $end_current_url, $urls, $channel_type FROM sessions ORDER BY session_id"
    own = project.run(compile_query(query, facts).sql, query_id="test").rows
    assert own == ask(project, query, own_columns=False)
    assert [row[0] for row in own[:6]] == ["plain", None, None, "true", "5", "5"]
    project.close()
