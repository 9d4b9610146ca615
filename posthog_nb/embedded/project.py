"""A PostHog project in this process: its settings and keys, its events, and what a query about them means."""

from __future__ import annotations

import json
import secrets
import string
import threading
from dataclasses import asdict, dataclass, field, fields, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any
from zoneinfo import available_timezones

from posthog_nb.embedded.hogql.facts import PERSON_MODES, ProjectFacts
from posthog_nb.embedded.hogql.filters.actions import Action, read_steps
from posthog_nb.embedded.hogql.filters.cohorts import Cohort, CohortGroup, read_cohort
from posthog_nb.embedded.hogql.filters.properties import read_properties
from posthog_nb.embedded.ingestion.definitions import EVENT, GROUP, NO_GROUP, PERSON
from posthog_nb.embedded.ingestion.pipeline import Ingestion
from posthog_nb.embedded.saved import SavedDefinitions
from posthog_nb.embedded.store import engine as engines
from posthog_nb.embedded.store.store import Store
from posthog_nb.errors import InvalidInputError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from posthog_nb.embedded.ingestion.event import CapturedEvent
    from posthog_nb.embedded.store.engine import Engine, Progress, Rows

__all__ = ["WEEK_STARTS", "Project", "ProjectSettings", "project_settings"]

WEEK_STARTS = ("sunday", "monday")
"""The days that weeks may start on, in the order of PostHog's numbers for them."""

_KEY_LENGTH = 43
"""As long as PostHog's own keys."""

_DISK_DATABASE = "posthog"


def _new_key(prefix: str) -> str:
    return prefix + "".join(secrets.choice(string.ascii_letters + string.digits) for _ in range(_KEY_LENGTH))


@dataclass(frozen=True)
class ProjectSettings:
    """What a project is: its number and keys for good, the rest until it is changed.

    Attributes:
        project_id: The number in the API's paths.
        name: What the project is called.
        timezone: The zone that DateTimes are read and shown in, such as ``"Europe/London"``.
        week_start: 0 when weeks start on Sunday, 1 on Monday.
        person_mode: PostHog's ``personsOnEventsMode``: which person's properties an event has.
        project_token: What events are sent with; made up when left out.
        personal_api_key: What queries are asked with; made up when left out.
        as_of: The instant that ``now()`` answers in queries, or None for the real clock.
        test_account_filters: What tells the events of real users from those of test accounts, as property filters of
            PostHog's API.
    """

    project_id: int = 1
    name: str = "local"
    timezone: str = "UTC"
    week_start: int = 0
    person_mode: str = "person_id_override_properties_joined"
    project_token: str = field(default_factory=lambda: _new_key("phc_"), repr=False)
    personal_api_key: str = field(default_factory=lambda: _new_key("phx_"), repr=False)
    as_of: datetime | None = None
    test_account_filters: tuple[Mapping[str, Any], ...] = ()

    def __post_init__(self) -> None:
        if self.timezone != "UTC" and self.timezone not in available_timezones():
            raise InvalidInputError(
                f"{self.timezone!r} is no time zone.", hint="Give its IANA name, such as Europe/London."
            )
        if self.week_start not in range(len(WEEK_STARTS)):
            raise InvalidInputError(
                f"{self.week_start!r} is no start of the week.", hint="0 is Sunday and 1 is Monday, as on PostHog."
            )
        if self.person_mode not in PERSON_MODES:
            raise InvalidInputError(
                f"{self.person_mode!r} is no person mode.", hint=f"There are {', '.join(PERSON_MODES)}."
            )
        read_properties(list(self.test_account_filters))

    def to_text(self) -> dict[str, str]:
        """The settings as they are kept on disk."""
        return {
            key: value.isoformat() if isinstance(value, datetime) else str(value)
            for key, value in asdict(self).items()
            if value is not None
        } | {"test_account_filters": json.dumps(self.test_account_filters)}

    @classmethod
    def from_text(cls, kept: dict[str, str]) -> ProjectSettings:
        """The settings that :meth:`to_text` gave."""
        known = {item.name for item in fields(cls)}
        read: dict[str, Any] = {key: value for key, value in kept.items() if key in known}
        for key in ("project_id", "week_start"):
            read[key] = int(kept[key])
        if "as_of" in kept:
            read["as_of"] = datetime.fromisoformat(kept["as_of"])
        read["test_account_filters"] = tuple(json.loads(kept.get("test_account_filters", "[]")))
        return cls(**read)


def project_settings(
    timezone: str | None = None, week_start: str | None = None, person_mode: str | None = None
) -> dict[str, Any]:
    """The fields of :class:`ProjectSettings` that somebody chose, where None is no choice and a week starts on a day.

    Raises:
        InvalidInputError: a value is not what it should be.
    """
    if week_start is not None and week_start not in WEEK_STARTS:
        raise InvalidInputError(
            f"{week_start!r} is no start of the week.", hint=f"Weeks start on {' or '.join(WEEK_STARTS)}."
        )
    number = None if week_start is None else WEEK_STARTS.index(week_start)
    chosen: dict[str, Any] = {"timezone": timezone, "week_start": number, "person_mode": person_mode}
    given = {name: value for name, value in chosen.items() if value is not None}
    ProjectSettings(**given)
    return given


class Project:
    """One project on an engine; use :meth:`in_memory` or :meth:`on_disk`.

    Args:
        engine: The ClickHouse that holds it.
        database: The database of its own.
        settings: For a new project; one that is stored already keeps its own.
        owns_engine: Whether closing the project closes the engine too.
    """

    def __init__(self, engine: Engine, database: str, settings: ProjectSettings | None, *, owns_engine: bool) -> None:
        self._engine = engine
        self._owns_engine = owns_engine
        given = settings or ProjectSettings()
        self.store = Store(engine, database, given.project_id)
        kept = self.store.settings()
        if not kept:
            self.store.write_settings(given.to_text())
        self._settings_lock = threading.Lock()
        self.settings = ProjectSettings.from_text(kept) if kept else given
        self.store.team_id = self.settings.project_id
        self._facts_lock = threading.Lock()
        self._facts: ProjectFacts | None = None
        self.actions = SavedDefinitions(self.store, "action", self._forget_facts)
        self.cohorts = SavedDefinitions(self.store, "cohort", self._forget_facts)
        self.reread()

    def reread(self) -> None:
        """Look at the store anew, after it was written to by another way than :meth:`capture`."""
        self.ingestion = Ingestion(self.store, self._forget_facts)
        self._forget_facts()

    @classmethod
    def in_memory(cls, settings: ProjectSettings | None = None) -> Project:
        """A new project in the process's one in-memory engine.

        Raises:
            StoreError: this process runs an engine on disk.
        """
        engine, database = engines.in_memory(), engines.database_name()
        try:
            return cls(engine, database, settings, owns_engine=False)
        except BaseException:
            # An interrupt while the tables are made leaves none of them.
            engine.command(f"DROP DATABASE IF EXISTS {database} SYNC")
            raise

    @classmethod
    def on_disk(cls, path: Path, settings: ProjectSettings | None = None) -> Project:
        """The project in the folder ``path``, made when there is none; a stored project keeps its own settings.

        Raises:
            StoreError: another process holds the folder, or this process runs another engine.
        """
        return cls(engines.on_disk(path), _DISK_DATABASE, settings, owns_engine=True)

    def change_settings(self, **changes: Any) -> ProjectSettings:  # noqa: ANN401 - as the fields of ProjectSettings
        """Give settings new values, for every query from the next one on and for good.

        Args:
            changes: Fields of :class:`ProjectSettings`; the number and the keys stay as they are.

        Raises:
            InvalidInputError: a value is not what it should be; nothing changes.
        """
        with self._settings_lock:
            changed = replace(self.settings, **changes)
            before, after = self.settings.to_text(), changed.to_text()
            self.store.write_settings({key: text for key, text in after.items() if text != before.get(key)})
            self.settings = changed
            self._forget_facts()
        return changed

    def capture(self, events: Sequence[CapturedEvent], *, now: datetime | None = None) -> None:
        """Store events; they are there for queries, and safe on disk, when this returns. Each uuid is stored once."""
        self.ingestion.capture(events, now)

    def facts(self) -> ProjectFacts:
        """What a query's meaning depends on, as things are now."""
        with self._facts_lock:
            if self._facts is None:
                self._facts = self._current_facts()
            return self._facts

    def _current_facts(self) -> ProjectFacts:
        settings, types = self.settings, self.ingestion.definitions.types
        return ProjectFacts(
            database=self.store.database,
            team_id=settings.project_id,
            timezone=settings.timezone,
            week_start=settings.week_start,
            person_mode=settings.person_mode,
            # In order, as PostHog lists them.
            event_properties=dict(sorted(types[EVENT, NO_GROUP].items())),
            person_properties=dict(sorted(types[PERSON, NO_GROUP].items())),
            group_properties={
                index: dict(sorted(known.items())) for (kind, index), known in types.items() if kind == GROUP
            },
            group_types=dict(self.ingestion.group_types),
            property_columns=dict(self.ingestion.definitions.columns),
            test_account_filters=read_properties(list(self.settings.test_account_filters)),
            actions={one["id"]: _action(one) for one in self.actions.live()},
            cohorts={one["id"]: _cohort(one) for one in self.cohorts.live()},
            as_of=settings.as_of,
        )

    def _forget_facts(self) -> None:
        with self._facts_lock:
            self._facts = None

    def run(self, sql: str, *, query_id: str, max_execution_time: float = 60) -> Rows:
        """Run SQL that the compiler printed, read-only and within limits; several at once if need be.

        Raises:
            EngineError: ClickHouse refused or stopped it.
        """
        return self._engine.run(sql, query_id=query_id, max_execution_time=max_execution_time)

    def progress(self, query_id: str) -> Progress | None:
        """How far a running query has got; None when it does not run."""
        return self._engine.progress(query_id)

    def cancel(self, query_id: str) -> bool:
        """Stop a running query; whether there was one."""
        return self._engine.cancel(query_id)

    def close(self) -> None:
        """Let go of the store; a project in memory is gone with it."""
        if self._owns_engine:
            self._engine.close()
        else:
            self.store.drop()


def _action(found: Mapping[str, Any]) -> Action:
    return Action(found["id"], found["name"] or "", read_steps(found["steps"]))


def _cohort(found: Mapping[str, Any]) -> Cohort:
    properties = (found["filters"] or {}).get("properties")
    definition = read_cohort(properties) if properties else CohortGroup()
    return Cohort(found["id"], found["name"] or "", found["is_static"], definition, found["version"])
