"""A project: what is stored once, what a query may do, what stays on disk."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from uuid import UUID

import pytest

from posthog_nb.embedded.ingestion.event import CapturedEvent
from posthog_nb.embedded.project import Project, ProjectSettings
from posthog_nb.embedded.store.schema import upgrade_tables
from posthog_nb.errors import EngineError, InvalidInputError, StoreError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
def project() -> Iterator[Project]:
    project = Project.in_memory()
    yield project
    project.close()


def event(number: int, name: str = "e") -> CapturedEvent:
    return CapturedEvent(UUID(int=number, version=4), name, "u", {"n": number}, AT)


def stored(project: Project) -> int:
    return int(project.store._read("SELECT count() FROM {db}.events")[0][0])


def test_a_uuid_is_stored_once_within_a_batch_and_across_batches(project: Project) -> None:
    project.capture([event(1), event(2), event(1)])
    project.capture([event(2), event(3)])
    project.capture([])
    assert stored(project) == 3


def test_many_senders_at_once_lose_and_double_nothing(project: Project) -> None:
    def send(first: int) -> None:
        for number in range(first, first + 40, 10):
            project.capture([event(n) for n in range(number, number + 20)])

    senders = [threading.Thread(target=send, args=(first,)) for first in (0, 10, 20)]
    for sender in senders:
        sender.start()
    for sender in senders:
        sender.join()
    assert stored(project) == 70


def test_projects_in_memory_know_nothing_of_each_other(project: Project) -> None:
    other = Project.in_memory()
    project.capture([event(1)])
    assert (stored(project), stored(other)) == (1, 0)
    other.close()


def test_types_of_an_answer_are_clickhouses_own_with_their_zone(project: Project) -> None:
    rows = project.run(
        "SELECT toDateTime('2026-07-01 12:00:00', 'Europe/London') AS a,"
        " toNullable(toUInt64(18446744073709551615)) AS b,"
        " toDateTime64('2026-07-01 12:00:00.5', 3, 'UTC') AS c, today() = toDate(now('UTC')) AS d",
        query_id="q",
    )
    assert rows.types == ("DateTime('Europe/London')", "Nullable(UInt64)", "DateTime64(3, 'UTC')", "UInt8")
    (first,) = rows.rows
    assert first[0].isoformat() == "2026-07-01T12:00:00+01:00"
    assert first[1] == 2**64 - 1
    assert first[2] == datetime(2026, 7, 1, 12, 0, 0, 500_000, tzinfo=UTC)


@pytest.mark.parametrize(
    ("sql", "name"),
    [
        ("SELECT nothing", "UNKNOWN_IDENTIFIER"),
        ("SELECT 1 + 'a'", "ILLEGAL_TYPE_OF_ARGUMENT"),
        ("SELECT sleepEachRow(1) FROM numbers(3)", "TIMEOUT_EXCEEDED"),
        ("SELECT groupArray(repeat('x', 1000)) FROM numbers(100000000)", "MEMORY_LIMIT_EXCEEDED"),
    ],
)
def test_clickhouse_says_no_by_its_own_names(project: Project, sql: str, name: str) -> None:
    with pytest.raises(EngineError) as caught:
        project.run(sql, query_id="q", max_execution_time=1 if name == "TIMEOUT_EXCEEDED" else 60)
    assert caught.value.name == name


def test_a_running_query_is_cancelled_at_once(project: Project) -> None:
    outcome: list[object] = []

    def ask() -> None:
        try:
            project.run("SELECT sum(sleepEachRow(0.05)) FROM numbers(400) SETTINGS max_block_size = 1", query_id="long")
        except EngineError as error:
            outcome.append(error.name)

    asking = threading.Thread(target=ask)
    asking.start()
    deadline = time.monotonic() + 5
    while not project.cancel("long") and time.monotonic() < deadline:
        time.sleep(0.05)
    # By itself it takes twenty seconds.
    asking.join(10)
    assert outcome == ["QUERY_WAS_CANCELLED"]
    assert not project.cancel("long")


def test_settings_are_checked_when_they_are_made() -> None:
    with pytest.raises(InvalidInputError, match="'Mars/Olympus' is no time zone"):
        ProjectSettings(timezone="Mars/Olympus")
    with pytest.raises(InvalidInputError, match="7 is no start of the week"):
        ProjectSettings(week_start=7)
    with pytest.raises(InvalidInputError, match="'sometimes' is no person mode"):
        ProjectSettings(person_mode="sometimes")
    assert "phc_" not in repr(ProjectSettings())


def test_settings_come_back_from_the_store_as_they_went_in() -> None:
    only_real = ({"key": "email", "type": "person", "operator": "is_set"},)
    settings = ProjectSettings(
        project_id=7, name="x", timezone="Europe/London", week_start=1, as_of=AT, test_account_filters=only_real
    )
    assert ProjectSettings.from_text(settings.to_text()) == settings


def test_changed_settings_hold_for_the_next_query_and_the_next_project(project: Project) -> None:
    assert project.facts().timezone == "UTC"
    project.change_settings(timezone="Asia/Tokyo", week_start=1)
    project.change_settings(timezone="Europe/London")
    project.change_settings()
    with pytest.raises(InvalidInputError):
        project.change_settings(timezone="Mars/Olympus", week_start=0)
    facts = project.facts()
    assert (facts.timezone, facts.week_start, facts.person_mode) == ("Europe/London", 1, ProjectSettings.person_mode)
    assert ProjectSettings.from_text(project.store.settings()) == project.settings


def test_settings_of_a_store_from_before_they_could_change_are_kept(project: Project) -> None:
    database, kept = project.store.database, project.settings.to_text()
    project.store.engine.command(f"DROP TABLE {database}.project_setting")
    project.store.engine.command(
        f"CREATE TABLE {database}.project_setting (key String, value String) ENGINE = MergeTree ORDER BY key"
    )
    columns = {"key": ("String", list(kept)), "value": ("String", list(kept.values()))}
    project.store.engine.insert(f"{database}.project_setting", columns)
    for statement in upgrade_tables(database):
        project.store.engine.command(statement)
    project.change_settings(week_start=1)
    assert project.store.settings() == kept | {"week_start": "1"}


ON_DISK = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID
from posthog_nb.embedded.ingestion.event import CapturedEvent
from posthog_nb.embedded.project import Project, ProjectSettings
project = Project.on_disk(Path(sys.argv[1]), ProjectSettings(timezone=sys.argv[2]))
now = datetime.now(UTC)
project.capture([CapturedEvent(UUID(int=n, version=4), "e", "u", {"n": n}, now) for n in range(int(sys.argv[3]))])
((count,),) = project.store._read("SELECT count() FROM {db}.events")
persons = project.store.persons([row[0] for row in project.store._read("SELECT id FROM {db}.person")])
settings = project.settings
print(settings.timezone, settings.personal_api_key, count, project.facts().event_properties, len(persons))
project.close()
"""


def on_disk(path: Path, zone: str, events: int) -> list[str]:
    run = subprocess.run(
        [sys.executable, "-c", ON_DISK, str(path), zone, str(events)], capture_output=True, text=True, check=True
    )
    return run.stdout.split(" ", 2)


def test_a_project_on_disk_keeps_its_events_settings_and_keys(tmp_path: Path) -> None:
    zone, key, rest = on_disk(tmp_path / "store", "Europe/London", 3)
    assert (zone, rest.strip()) == ("Europe/London", "3 {'n': 'Numeric'} 1")
    assert on_disk(tmp_path / "store", "UTC", 5) == [zone, key, "5 {'n': 'Numeric'} 1\n"]
    assert (tmp_path / "store").stat().st_mode & 0o777 == 0o700


OLDER = """
import sys
from pathlib import Path
from posthog_nb.embedded.hogql import compile_query
from posthog_nb.embedded.project import Project
project = Project.on_disk(Path(sys.argv[1]))
project.store.engine.command("ALTER TABLE posthog.events DROP COLUMN `$session_id_uuid`")
project.store.engine.command("ALTER TABLE posthog.project_setting DROP COLUMN version")
project.close()
project = Project.on_disk(Path(sys.argv[1]))
print(project.run(compile_query("select count() from sessions", project.facts()).sql, query_id="q").rows)
project.close()
"""


def test_an_older_store_is_given_the_columns_that_it_lacks(tmp_path: Path) -> None:
    run = subprocess.run(
        [sys.executable, "-c", OLDER, str(tmp_path / "store")], capture_output=True, text=True, check=True
    )
    assert run.stdout == "[(0,)]\n"


DEFINED = """
import sys
from pathlib import Path
from posthog_nb.embedded.project import Project
project = Project.on_disk(Path(sys.argv[1]))
for name in sys.argv[2:]:
    project.actions.create({"name": name, "steps": [], "deleted": False})
project.actions.update(1, {"name": f"{project.actions.get(1)['name']}, renamed"})
print([(one.id, one.name) for one in project.facts().actions.values()])
project.close()
"""


def test_definitions_outlive_the_process(tmp_path: Path) -> None:
    def defined(*names: str) -> str:
        return subprocess.run(
            [sys.executable, "-c", DEFINED, str(tmp_path / "store"), *names], capture_output=True, text=True, check=True
        ).stdout.strip()

    assert defined("Paid") == "[(1, 'Paid, renamed')]"
    assert defined("Opened") == "[(1, 'Paid, renamed, renamed'), (2, 'Opened')]"


def test_one_process_holds_one_engine(project: Project, tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="cannot be opened") as caught:
        Project.on_disk(tmp_path / "store")
    assert "either in memory or one path" in str(caught.value.hint)
