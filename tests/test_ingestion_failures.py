"""A batch is stored whole or not at all, wherever ClickHouse or the process fails, and can be sent again."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import TYPE_CHECKING, Any
from uuid import UUID

import pytest

from posthog_nb.embedded.ingestion.changes import Changes
from posthog_nb.embedded.ingestion.event import CapturedEvent
from posthog_nb.embedded.project import Project
from posthog_nb.embedded.store import engine as engines
from posthog_nb.embedded.store.store import (
    DistinctIdRow,
    EventDefinition,
    GroupRow,
    GroupTypeRow,
    PersonRow,
    PropertyDefinition,
)
from posthog_nb.errors import EngineError

if TYPE_CHECKING:
    from collections.abc import Callable

START = datetime(2026, 3, 1, 12, tzinfo=UTC)
NOW = START + timedelta(days=1)
DISTURBED = 1
"""The batch whose writes fail: it merges persons, and there are events before and after it."""


def batches() -> list[list[CapturedEvent]]:
    """Anew each time: ingestion writes into an event's properties."""
    number = count(1)

    def event(name: str, distinct_id: str, **properties: Any) -> CapturedEvent:
        at = next(number)
        named = {f"${key[1:]}" if key[0] == "S" else key: value for key, value in properties.items()}
        return CapturedEvent(UUID(int=at, version=4), name, distinct_id, named, START + timedelta(seconds=at))

    return [
        [event("seen", "anon", Sset={"utm": "ad", "p": "anon"}), event("seen", "user", Sset={"email": "u@x"})],
        [
            event("seen", "user", Sset={"p": "user"}),
            event("paid", "anon", amount=1, Sgroups={"company": "acme"}),
            event("$identify", "user", Sanon_distinct_id="anon", Sset={"plan": "pro"}),
            event("$groupidentify", "user", Sgroup_type="company", Sgroup_key="acme", Sgroup_set={"seats": 1}),
        ],
        [
            event("seen", "phone", Sset={"p": "phone"}),
            event("$create_alias", "user", alias="phone"),
            event("seen", "phone", Sgroups={"team": "red"}, Sset={"n": 2}),
            event("$groupidentify", "user", Sgroup_type="company", Sgroup_key="acme", Sgroup_set={"seats": True}),
        ],
    ]


class Faltering:
    """An engine whose write number ``fails_at`` fails: before it is done, or after it was."""

    def __init__(self, fails_at: int | None, *, after: bool = False) -> None:
        self._engine = engines.in_memory()
        self._fails_at = fails_at
        self._after = after
        self.durable = True
        self.writes = 0
        self.watched = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._engine, name)

    def insert(self, *args: Any) -> None:
        self._write(self._engine.insert, *args)

    def command(self, sql: str) -> None:
        self._write(self._engine.command, sql)

    def _write(self, write: Callable[..., None], *args: Any) -> None:
        number, self.writes = self.writes, self.writes + self.watched
        if self.watched and number == self._fails_at:
            if self._after:
                write(*args)
            raise EngineError("The disk is full.", name="NOT_ENOUGH_SPACE")
        write(*args)


def stored(project: Project) -> dict[str, list[tuple[Any, ...]]]:
    """Everything that the project holds, each row as it counts now."""
    read = project.store._read
    return {
        "events": read(
            "SELECT uuid, event, distinct_id, properties, person_id, person_properties, group0_properties, $group_0"
            " FROM {db}.events ORDER BY uuid"
        ),
        "persons": read(
            "SELECT id, max(version), argMax(tuple(properties, is_deleted, is_identified, created_at, serial_id),"
            " version) FROM {db}.person GROUP BY id ORDER BY id"
        ),
        "distinct_ids": read(
            "SELECT distinct_id, max(version), argMax(person_id, version) FROM {db}.person_distinct_id2"
            " GROUP BY 1 ORDER BY 1"
        ),
        "overrides": read(
            "SELECT distinct_id, max(version), argMax(person_id, version) FROM {db}.person_distinct_id_overrides"
            " GROUP BY 1 ORDER BY 1"
        ),
        "groups": read(
            "SELECT group_type_index, group_key, argMax(group_properties, _timestamp) FROM {db}.groups"
            " GROUP BY 1, 2 ORDER BY 1, 2"
        ),
        "group_types": read("SELECT DISTINCT group_type, group_type_index FROM {db}.group_type_mapping ORDER BY 1"),
        "event_definitions": [
            (one.name, one.created_at, one.last_seen_at) for one in project.store.event_definitions()
        ],
        "properties": [(one.kind, one.name, one.property_type) for one in project.store.property_definitions()],
    }


def sent(engine: Faltering, *, reopen: bool) -> dict[str, list[tuple[Any, ...]]]:
    """Send the batches, each again until it is taken; after a failure on the same project, or on it opened anew."""
    database = engines.database_name()
    project = Project(engine, database, None, owns_engine=False)
    for number in range(len(batches())):
        engine.watched = number == DISTURBED
        taken = False
        while not taken:
            try:
                project.capture(batches()[number], now=NOW)
                taken = True
            except EngineError:
                if reopen:
                    engine.watched = False
                    project = Project(engine, database, None, owns_engine=False)
    engine.watched = False
    # What a client meets after a crash in the last batch is what a store that is opened anew shows.
    again = Project(engine, database, None, owns_engine=False)
    assert again.store.begun_batch() is None
    found = stored(again)
    assert project.facts().group_types == again.facts().group_types
    assert project.facts().event_properties == again.facts().event_properties
    again.store.drop()
    return found


@pytest.fixture(scope="module")
def undisturbed() -> dict[str, list[tuple[Any, ...]]]:
    return sent(Faltering(None), reopen=False)


@pytest.fixture(scope="module")
def writes() -> int:
    engine = Faltering(None)
    sent(engine, reopen=False)
    return engine.writes


def test_the_batches_come_to_one_person(undisturbed: dict[str, list[tuple[Any, ...]]]) -> None:
    living = [row for row in undisturbed["persons"] if not row[2][1]]
    (properties,) = (json.loads(row[2][0]) for row in living)
    assert properties == {"utm": "ad", "p": "user", "email": "u@x", "plan": "pro", "n": 2}
    assert {row[2] for row in undisturbed["distinct_ids"]} == {living[0][0]}
    assert undisturbed["groups"] == [(0, "acme", '{"seats":true}')]
    assert undisturbed["group_types"] == [("company", 0), ("team", 1)]


@pytest.mark.parametrize("reopen", [False, True], ids=["sent again", "opened anew and sent again"])
@pytest.mark.parametrize("after", [False, True], ids=["before a write", "after a write"])
def test_a_failure_anywhere_changes_nothing_in_the_end(
    undisturbed: dict[str, list[tuple[Any, ...]]], writes: int, *, after: bool, reopen: bool
) -> None:
    for fails_at in range(writes):
        assert sent(Faltering(fails_at, after=after), reopen=reopen) == undisturbed, f"write {fails_at}"


def test_changes_are_kept_as_they_are() -> None:
    at = START + timedelta(microseconds=1)
    changes = Changes(
        UUID(int=7),
        persons=[PersonRow(UUID(int=1), at, '{"a":"\U0001f994"}', True, False, 3, 9, NOW)],
        distinct_ids=[DistinctIdRow('it\'s "me"', UUID(int=1), 2)],
        group_types=[GroupTypeRow("company", 0, at)],
        groups=[GroupRow(0, "acme", at, "{}", NOW)],
        events=[EventDefinition("e", at, NOW)],
        properties=[PropertyDefinition("group", 0, "seats", "Numeric", NOW)],
    )
    assert Changes.from_text(changes.to_text()) == changes
    assert changes
    assert not Changes(UUID(int=7))
