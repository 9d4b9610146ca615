"""The way of a batch: duplicates out, persons and groups in event order, then all of it is written or none.

ClickHouse writes one insert whole or not at all, and a batch is several. So what a batch changes besides its events is
kept first, as one row. The events are the second insert, and with them the batch has happened. The changes are applied
after that. A crash or a failure in between leaves the row: when the store is opened again, or at the next batch, the
changes are applied if the events are there and forgotten if they are not. A batch that got no answer can therefore be
sent again; its events are recognised by their uuids, and it changes nothing twice.
"""

from __future__ import annotations

import logging
import threading
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from posthog_nb.embedded.ingestion.changes import Changes
from posthog_nb.embedded.ingestion.definitions import DefinitionBook
from posthog_nb.embedded.ingestion.groups import GroupBook
from posthog_nb.embedded.ingestion.persons import Person, PersonBook, person_uuid, to_json
from posthog_nb.embedded.store.schema import TIME
from posthog_nb.embedded.store.store import ticks

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from uuid import UUID

    from posthog_nb.embedded.ingestion.event import CapturedEvent
    from posthog_nb.embedded.store.store import GroupRow, Store

__all__ = ["Ingestion"]

logger = logging.getLogger(__name__)

_MERGED_ID = {"$identify": "$anon_distinct_id", "$create_alias": "alias", "$merge_dangerously": "alias"}
_NEEDS_A_PROFILE = {*_MERGED_ID, "$groupidentify"}
COLUMNS_FROM = 200_000
"""Events in a project from which on properties get columns of their own: with fewer, reading the JSON is as quick, and
the columns would take longer to write than everything else (docs/adr/0002)."""

_PROFILE = "$process_person_profile"
_UPDATES = ("$set", "$set_once", "$unset")
_COLUMNS = (
    ("uuid", "UUID"),
    ("event", "String"),
    ("properties", "String"),
    ("timestamp", TIME),
    ("distinct_id", "String"),
    ("elements_chain", "String"),
    ("person_id", "UUID"),
    ("person_created_at", TIME),
    ("person_properties", "String"),
    ("person_mode", "Enum8('full' = 0, 'propertyless' = 1, 'force_upgrade' = 2)"),
)
"""The columns of ``events`` that differ from event to event, in the order of :class:`_EventColumns`' rows."""


class Ingestion:
    """Stores captured events, one batch at a time.

    Args:
        store: The project's tables.
        on_change: Called when group types or property definitions changed, since a query may then mean something else.
    """

    def __init__(self, store: Store, on_change: Callable[[], None]) -> None:
        self._store = store
        self._on_change = on_change
        self._lock = threading.Lock()
        kept = store.begun_batch()
        self._begun = None if kept is None else Changes.from_text(kept)
        self._settle()

    def _settle(self) -> None:
        """Finish the batch that was begun if its events are stored, else forget it; then read how things stand."""
        if self._begun is not None:
            if self._store.stored_uuids([self._begun.marker]):
                self._begun.apply(self._store)
            self._store.end_batch()
            self._begun = None
        self.definitions = DefinitionBook(self._store)
        self.group_types = self._store.group_types()
        self._last_serial_id = self._store.last_serial_id()
        self._stored = self._store.count_events()

    def capture(self, events: Sequence[CapturedEvent], now: datetime | None = None) -> None:
        """Store a batch; when this returns it is on disk (or in memory, for a project in memory).

        Args:
            events: In the order they happened to the sender.
            now: The server's clock, aware; default: the real one.

        Raises:
            EngineError: the batch is not stored, or not whole yet; sending it again puts that right.
        """
        at = now or datetime.now(UTC)
        with self._lock:
            if self._begun is not None:
                self._settle()
                self._on_change()
            fresh = self._fresh(events)
            if fresh:
                self._capture(fresh, at)

    def _fresh(self, events: Sequence[CapturedEvent]) -> list[CapturedEvent]:
        """The events that are neither stored nor earlier in the batch, without those that need a refused profile."""
        by_uuid: dict[UUID, CapturedEvent] = {}
        for event in events:
            by_uuid.setdefault(event.uuid, event)
        stored = self._store.stored_uuids(by_uuid) if self._stored else ()
        return [event for uuid, event in by_uuid.items() if uuid not in stored and not _is_dropped(event)]

    def _capture(self, events: list[CapturedEvent], now: datetime) -> None:
        persons = PersonBook(self._store, self._last_serial_id)
        merging = {text for event in events if (other := _merged(event)) for text in (other, event.distinct_id)}
        persons.read({event.distinct_id for event in events} | merging, merging)
        groups = GroupBook(self._store, self.group_types, now)
        groups.read(events)
        rows = _EventColumns()
        for event in events:
            belongs_to = groups.apply(event)
            person = _person(event, persons)
            # After the person: an event that may not change one has lost what it says of it.
            self.definitions.observe(event, groups.types)
            rows.add(event, person, belongs_to, self._store.team_id)
        changes = Changes(
            marker=events[0].uuid,
            persons=persons.changed(),
            distinct_ids=persons.changed_distinct_ids(),
            group_types=groups.new_types(),
            groups=groups.changed(),
            events=self.definitions.new_events(),
            properties=self.definitions.new_properties(now),
        )
        means_something_else = bool(changes.group_types or changes.properties)
        if self._stored + len(events) > COLUMNS_FROM and self.definitions.add_columns():
            means_something_else = True
        self._write(changes, rows.columns(self._store.team_id, now))
        self.definitions.stored()
        self.group_types = groups.types
        self._last_serial_id = persons.last_serial_id
        self._stored += len(events)
        if means_something_else:
            self._on_change()

    def _write(self, changes: Changes, events: dict[str, tuple[str, Sequence[Any]]]) -> None:
        self._begun = changes
        if changes:
            self._store.begin_batch(changes.to_text)
        self._store.insert_events(events)
        if changes:
            changes.apply(self._store)
            self._store.end_batch()
        self._begun = None


def _is_dropped(event: CapturedEvent) -> bool:
    if event.event not in _NEEDS_A_PROFILE or event.properties.get(_PROFILE) is not False:
        return False
    logger.warning("invalid_event_when_process_person_profile_is_false: %r is dropped", event.event)
    return True


def _merged(event: CapturedEvent) -> str | None:
    """The distinct id that an event merges into the person of its own, if it does."""
    key = _MERGED_ID.get(event.event)
    other = event.properties.get(key) if key else None
    if other is None or other == "":
        return None
    return other if isinstance(other, str) else to_json(other)


def _person(event: CapturedEvent, persons: PersonBook) -> Person | None:
    """The person an event belongs to after what it does to persons, or None for a person-less one."""
    properties = event.properties
    has_profile = properties.get(_PROFILE)
    if has_profile is False:
        for key in _UPDATES:
            properties.pop(key, None)
        return None
    if has_profile is not None and has_profile is not True:
        logger.warning("%s is %r, which is no boolean: taken as true", _PROFILE, has_profile)
    other = _merged(event)
    if other is not None:
        persons.merge(other, event.distinct_id, event.timestamp, dangerously=event.event == "$merge_dangerously")
    person = persons.of_or_new(event.distinct_id, event.timestamp)
    if not properties.keys().isdisjoint(_UPDATES):
        persons.update(person, event.event, properties)
    person.seen(event.timestamp)
    return person


class _EventColumns:
    """The events of a batch, column by column."""

    def __init__(self) -> None:
        self._rows: list[tuple[Any, ...]] = []
        self._groups: list[dict[int, GroupRow]] = []

    def add(self, event: CapturedEvent, person: Person | None, groups: dict[int, GroupRow], team_id: int) -> None:
        """Take an event as it stands now: its person's and groups' properties are those of this moment."""
        elements_chain = event.properties.pop("$elements_chain", "")
        self._rows.append(
            (
                event.uuid,
                event.event,
                to_json(event.properties),
                ticks(event.timestamp),
                event.distinct_id,
                elements_chain if isinstance(elements_chain, str) else "",
                # The person may be absorbed later in this batch; its id is what PostHog would have stored now.
                person.id if person else person_uuid(team_id, event.distinct_id),
                ticks(person.created_at) if person else 0,
                person.text if person else "",
                "full" if person else "propertyless",
            )
        )
        self._groups.append(groups)

    def columns(self, team_id: int, now: datetime) -> dict[str, tuple[str, Sequence[Any]]]:
        """Name, type and values of each column of ``events`` that is not computed by ClickHouse or empty."""
        values = zip(*self._rows, strict=True)
        count = len(self._rows)
        return {
            **{name: (kind, column) for (name, kind), column in zip(_COLUMNS, values, strict=True)},
            "team_id": ("Int64", [team_id] * count),
            "created_at": (TIME, [ticks(now)] * count),
            "_timestamp": (TIME, [ticks(now)] * count),
            **self._group_columns(),
        }

    def _group_columns(self) -> dict[str, tuple[str, Sequence[Any]]]:
        columns: dict[str, tuple[str, Sequence[Any]]] = {}
        for index in sorted({index for groups in self._groups for index in groups}):
            found = [groups.get(index) for groups in self._groups]
            columns[f"group{index}_properties"] = ("String", [row.properties if row else "" for row in found])
            columns[f"group{index}_created_at"] = (TIME, [ticks(row.created_at) if row else 0 for row in found])
        return columns
