"""Persons and their distinct ids: created, updated and merged as PostHog does it."""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid5

from posthog_nb.distinct_ids import is_illegal_distinct_id
from posthog_nb.embedded.store.store import EPOCH, DistinctIdRow, PersonRow

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping

    from posthog_nb.embedded.store.store import Store

__all__ = ["Person", "PersonBook", "person_uuid", "to_json"]

logger = logging.getLogger(__name__)

_NAMESPACE = UUID("932979b4-65c3-4424-8467-0b66ec27bc22")
_NO_UPDATE_FROM = {"$exception", "$$heatmap"}
_LONE_SET_IGNORED = "$geoip_"
_HOUR = timedelta(hours=1)

to_json = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode
"""Compact JSON text, as properties are stored."""


def person_uuid(team_id: int, distinct_id: str) -> UUID:
    """The id of the person that a distinct id starts with: for its person-less events and its first profile alike."""
    return uuid5(_NAMESPACE, f"{team_id}:{distinct_id}")


@dataclass(slots=True)
class Person:
    """A person while a batch is worked through."""

    id: UUID
    serial_id: int
    created_at: datetime
    properties: dict[str, Any]
    is_identified: bool = False
    version: int = -1
    last_seen_at: datetime = EPOCH
    is_deleted: bool = False
    changed: bool = False
    distinct_ids: set[str] = field(default_factory=set)
    _text: str | None = None

    @property
    def text(self) -> str:
        """The properties as JSON, written once for each state that the person goes through."""
        if self._text is None:
            self._text = to_json(self.properties)
        return self._text

    def set_properties(self, properties: dict[str, Any]) -> None:
        """Give the person these properties."""
        self.properties = properties
        self._text = None
        self.changed = True

    def seen(self, at: datetime) -> None:
        """Note activity, to the hour, as PostHog does."""
        if at >= self.last_seen_at + _HOUR:
            self.last_seen_at = at.replace(minute=0, second=0, microsecond=0)
            self.changed = True


class PersonBook:
    """The persons that one batch touches: read once, changed in the order of the events.

    Args:
        store: The project's tables.
        last_serial_id: The highest number that a person was given so far.
    """

    def __init__(self, store: Store, last_serial_id: int) -> None:
        self._store = store
        self.last_serial_id = last_serial_id
        self._persons: dict[UUID, Person] = {}
        self._ids: dict[str, DistinctIdRow] = {}
        self._changed_ids: dict[str, DistinctIdRow] = {}

    def read(self, distinct_ids: Collection[str], merging: Collection[str]) -> None:
        """Read what is known of these distinct ids; of the merging ones, every other id of their persons too."""
        if not distinct_ids:
            return
        known = self._store.distinct_ids(distinct_ids)
        merged = {row.person_id for row in known if row.distinct_id in merging}
        if merged:
            known = [*known, *self._store.distinct_ids_of(merged)]
        self._ids = {row.distinct_id: row for row in known}
        for person in self._store.persons({row.person_id for row in known}):
            self._persons[person.id] = Person(
                person.id,
                person.serial_id,
                person.created_at,
                json.loads(person.properties),
                person.is_identified,
                person.version,
                person.last_seen_at,
                _text=person.properties,
            )
        for row in self._ids.values():
            if row.person_id in self._persons:
                self._persons[row.person_id].distinct_ids.add(row.distinct_id)

    def of(self, distinct_id: str) -> Person | None:
        """The person of a distinct id, if it has one."""
        row = self._ids.get(distinct_id)
        return self._persons.get(row.person_id) if row else None

    def of_or_new(self, distinct_id: str, at: datetime) -> Person:
        """The person of a distinct id, made now if it has none."""
        return self.of(distinct_id) or self._create(distinct_id, at)

    def _create(self, distinct_id: str, at: datetime) -> Person:
        self.last_serial_id += 1
        person = Person(person_uuid(self._store.team_id, distinct_id), self.last_serial_id, at, {}, changed=True)
        former = self._persons.get(person.id)
        if former is not None:
            # The id's first person was merged away or lives on under other ids: this one needs an id of its own.
            person.id = uuid5(_NAMESPACE, f"{self._store.team_id}:{distinct_id}:{self.last_serial_id}")
        self._persons[person.id] = person
        self._assign(distinct_id, person, version=0 if former is None else 1)
        return person

    def _assign(self, distinct_id: str, person: Person, version: int) -> None:
        row = DistinctIdRow(distinct_id, person.id, version)
        self._ids[distinct_id] = self._changed_ids[distinct_id] = row
        person.distinct_ids.add(distinct_id)

    def merge(self, other_id: str, target_id: str, at: datetime, *, dangerously: bool) -> None:
        """Make two distinct ids one person, under PostHog's guards; a refused merge is logged as it warns there."""
        if other_id == target_id:
            return
        illegal = next((name for name in (other_id, target_id) if is_illegal_distinct_id(name)), None)
        if illegal is not None:
            logger.warning("cannot_merge_with_illegal_distinct_id: %r", illegal)
            return
        other, target = self.of(other_id), self.of(target_id)
        if other is not None and other is target:
            _identify(target)
        elif other is not None and target is not None:
            if other.is_identified and not dangerously:
                logger.warning("cannot_merge_already_identified: %r into %r", other_id, target_id)
                return
            self._absorb(other, target)
        elif other is not None:
            # Version 1, not 0: earlier person-less events of the added id belong to this person from now on.
            self._assign(target_id, other, version=1)
            _identify(other)
        else:
            person = target or self._create(target_id, at)
            self._assign(other_id, person, version=1)
            _identify(person)

    def _absorb(self, other: Person, target: Person) -> None:
        target.set_properties({**other.properties, **target.properties})
        target.created_at = min(target.created_at, other.created_at)
        target.seen(other.last_seen_at)
        _identify(target)
        for distinct_id in sorted(other.distinct_ids):
            self._assign(distinct_id, target, self._ids[distinct_id].version + 1)
        other.distinct_ids.clear()
        other.is_deleted = other.changed = True

    def update(self, person: Person, event: str, properties: Mapping[str, Any]) -> None:
        """Apply an event's ``$set``, ``$set_once`` and ``$unset``."""
        if event in _NO_UPDATE_FROM:
            return
        before = person.properties
        after = dict(before)
        for key, value in _items(properties.get("$set_once")):
            if after.get(key) is None:
                after[key] = value
        after.update(_items(properties.get("$set")))
        for key in _names(properties.get("$unset")):
            after.pop(key, None)
        # As texts: to Python 1, 1.0 and True are equal.
        if to_json(after) == person.text:
            return
        if event in {"$identify", "$set"} or person.changed or not _is_automatic(before, after):
            person.set_properties(after)

    def changed_distinct_ids(self) -> list[DistinctIdRow]:
        """The new version of each distinct id that the batch gives to a person."""
        return list(self._changed_ids.values())

    def changed(self) -> list[PersonRow]:
        """The new version of each person that the batch changes."""
        return [
            PersonRow(
                person.id,
                person.created_at,
                "{}" if person.is_deleted else person.text,
                person.is_identified,
                person.is_deleted,
                person.version + 1,
                person.serial_id,
                person.last_seen_at,
            )
            for person in self._persons.values()
            if person.changed
        ]


def _is_automatic(before: Mapping[str, Any], after: Mapping[str, Any]) -> bool:
    """Whether only what capture finds out by itself has changed, which alone is no reason to write a person."""
    changed = (key for key in after.keys() | before.keys() if to_json(after.get(key)) != to_json(before.get(key)))
    return all(key.startswith(_LONE_SET_IGNORED) for key in changed)


def _identify(person: Person) -> None:
    if not person.is_identified:
        person.is_identified = person.changed = True


def _items(found: object) -> Iterable[tuple[str, Any]]:
    return found.items() if isinstance(found, dict) else ()


def _names(found: object) -> Iterator[str]:
    # PostHog takes a list of names, and an object for its keys.
    if isinstance(found, (list, dict)):
        yield from (name for name in found if isinstance(name, str))
