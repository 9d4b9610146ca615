"""The way of a batch: duplicates out, persons and groups in event order, then everything is written, events last.

The order of the writes makes a batch whole after a crash: persons, distinct IDs, groups and definitions come to the
same when they are applied again, and the events go in with one insert. A batch that got no answer can therefore be
sent again; one that is stored is recognised by its uuids.
"""

from __future__ import annotations

import logging
import threading
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from posthog_nb.embedded.ingestion.definitions import DefinitionBook
from posthog_nb.embedded.ingestion.groups import GroupBook
from posthog_nb.embedded.ingestion.persons import Person, PersonBook, person_uuid, to_json
from posthog_nb.embedded.store.schema import GROUP_TYPES, TIME
from posthog_nb.embedded.store.store import EPOCH

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from uuid import UUID

    from posthog_nb.embedded.ingestion.event import CapturedEvent
    from posthog_nb.embedded.store.store import Store

__all__ = ["Ingestion"]

logger = logging.getLogger(__name__)

_MERGED_ID = {"$identify": "$anon_distinct_id", "$create_alias": "alias", "$merge_dangerously": "alias"}
_NEEDS_A_PROFILE = {*_MERGED_ID, "$groupidentify"}
_PROFILE = "$process_person_profile"


class Ingestion:
    """Stores captured events, one batch at a time.

    Args:
        store: The project's tables.
        on_definitions: Called when property definitions changed, since a query may then mean something else.
    """

    def __init__(self, store: Store, on_definitions: Callable[[], None]) -> None:
        self._store = store
        self._on_definitions = on_definitions
        self._lock = threading.Lock()
        self.definitions = DefinitionBook(store)
        self.group_types = store.group_types()
        self._last_serial_id = store.last_serial_id()

    def capture(self, events: Sequence[CapturedEvent], now: datetime | None = None) -> None:
        """Store a batch; when this returns it is on disk (or in memory, for a project in memory).

        Args:
            events: In the order they happened to the sender.
            now: The server's clock, aware; default: the real one.
        """
        at = now or datetime.now(UTC)
        with self._lock:
            fresh = self._fresh(events)
            if fresh:
                self._capture(fresh, at)

    def _fresh(self, events: Sequence[CapturedEvent]) -> list[CapturedEvent]:
        """The events that are neither stored nor earlier in the batch, without those that need a refused profile."""
        by_uuid: dict[UUID, CapturedEvent] = {}
        for event in events:
            by_uuid.setdefault(event.uuid, event)
        stored = self._store.stored_uuids(by_uuid)
        return [event for uuid, event in by_uuid.items() if uuid not in stored and not _is_dropped(event)]

    def _capture(self, events: list[CapturedEvent], now: datetime) -> None:
        persons = PersonBook(self._store, self._last_serial_id)
        merging = {text for event in events if (other := _merged(event)) for text in (other, event.distinct_id)}
        persons.read({event.distinct_id for event in events if _has_profile(event)} | merging, merging)
        groups = GroupBook(self._store, self.group_types)
        groups.read(events)
        rows = _EventColumns()
        for event in events:
            groups.apply(event)
            self.definitions.observe(event, self.group_types)
            rows.add(event, _person(event, persons), groups, self._store.team_id)
        persons.write()
        self._last_serial_id = persons.last_serial_id
        groups.write(now)
        changed = self.definitions.write(now)
        self._store.insert_events(rows.columns(self._store.team_id, now))
        if changed:
            self._on_definitions()


def _has_profile(event: CapturedEvent) -> bool:
    found = event.properties.get(_PROFILE)
    if found is not None and not isinstance(found, bool):
        logger.warning("%s is %r, which is no boolean: taken as true", _PROFILE, found)
    return found is not False


def _is_dropped(event: CapturedEvent) -> bool:
    if event.event not in _NEEDS_A_PROFILE or _has_profile(event):
        return False
    logger.warning("invalid_event_when_process_person_profile_is_false: %r is dropped", event.event)
    return True


def _merged(event: CapturedEvent) -> str | None:
    """The distinct ID that an event merges into the person of its own, if it does."""
    key = _MERGED_ID.get(event.event)
    other = event.properties.get(key) if key else None
    if other is None or other == "":
        return None
    return other if isinstance(other, str) else to_json(other)


def _person(event: CapturedEvent, persons: PersonBook) -> Person | None:
    """The person an event belongs to after what it does to persons, or None for a person-less one."""
    properties = event.properties
    if not _has_profile(event):
        for key in ("$set", "$set_once", "$unset"):
            properties.pop(key, None)
        return None
    other = _merged(event)
    if other is not None:
        persons.merge(other, event.distinct_id, event.timestamp, dangerously=event.event == "$merge_dangerously")
    person = persons.of_or_new(event.distinct_id, event.timestamp)
    if "$set" in properties or "$set_once" in properties or "$unset" in properties:
        persons.update(person, event.event, properties)
    person.seen(event.timestamp)
    return person


class _EventColumns:
    """The events of a batch, column by column."""

    def __init__(self) -> None:
        self._rows: list[tuple[Any, ...]] = []

    def add(self, event: CapturedEvent, person: Person | None, groups: GroupBook, team_id: int) -> None:
        """Take an event as it stands now: its person's and groups' properties are those of this moment."""
        elements_chain = event.properties.pop("$elements_chain", "")
        self._rows.append(
            (
                event.uuid,
                event.event,
                to_json(event.properties),
                event.timestamp,
                event.distinct_id,
                elements_chain if isinstance(elements_chain, str) else "",
                # The person may be absorbed later in this batch; its id is what PostHog would have stored now.
                person.id if person else person_uuid(team_id, event.distinct_id),
                person.created_at if person else EPOCH,
                person.text if person else "",
                "full" if person else "propertyless",
                *(part for group in self._groups(event, groups) for part in group),
            )
        )

    @staticmethod
    def _groups(event: CapturedEvent, groups: GroupBook) -> list[tuple[str, datetime]]:
        found = [groups.of(event, index) for index in range(GROUP_TYPES)]
        return [(group.properties, group.created_at) for group in found]

    def columns(self, team_id: int, now: datetime) -> dict[str, tuple[str, Sequence[Any]]]:
        """Name, type and values of each column of ``events`` that is not computed by ClickHouse."""
        names = [
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
        ]
        for index in range(GROUP_TYPES):
            names += [(f"group{index}_properties", "String"), (f"group{index}_created_at", TIME)]
        values = zip(*self._rows, strict=True)
        count = len(self._rows)
        return {
            **{name: (kind, column) for (name, kind), column in zip(names, values, strict=True)},
            "team_id": ("Int64", [team_id] * count),
            "created_at": (TIME, [now] * count),
            "_timestamp": (TIME, [now] * count),
        }
