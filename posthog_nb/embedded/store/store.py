"""One project's tables: what ingestion reads and writes, in PostHog's words."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from posthog_nb.embedded.store import schema

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence
    from uuid import UUID

    from posthog_nb.embedded.store.engine import Engine

__all__ = [
    "EPOCH",
    "DistinctIdRow",
    "EventDefinition",
    "GroupRow",
    "GroupTypeRow",
    "PersonRow",
    "PropertyDefinition",
    "Store",
    "ticks",
]

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def ticks(at: datetime) -> int:
    """Microseconds since 1970, as a DateTime64(6) column is written: the driver's own conversion is slower."""
    since = at - EPOCH
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


@dataclass(slots=True)
class PersonRow:
    """A version of a person, as it is stored: ``properties`` is JSON text."""

    id: UUID
    created_at: datetime
    properties: str
    is_identified: bool
    is_deleted: bool
    version: int
    serial_id: int
    last_seen_at: datetime


@dataclass(slots=True)
class DistinctIdRow:
    """A version of a distinct id: the person it belongs to."""

    distinct_id: str
    person_id: UUID
    version: int


@dataclass(slots=True)
class GroupRow:
    """A version of a group, the latest by ``updated_at``; ``properties`` is JSON text."""

    index: int
    key: str
    created_at: datetime
    properties: str
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class GroupTypeRow:
    """A group type and the index that it has for good."""

    group_type: str
    index: int
    created_at: datetime


@dataclass(frozen=True, slots=True)
class EventDefinition:
    """When an event of this name was first and last seen."""

    name: str
    created_at: datetime
    last_seen_at: datetime


@dataclass(frozen=True, slots=True)
class PropertyDefinition:
    """What is known of a property: ``kind`` is event, person or group; ``property_type`` is '' until a value tells."""

    kind: str
    group_type_index: int
    name: str
    property_type: str
    created_at: datetime


class Store:
    """The tables of one project in one database of an engine.

    Args:
        engine: The ClickHouse that holds them.
        database: The database's name.
        team_id: The project's number, written into every row as PostHog does.
    """

    def __init__(self, engine: Engine, database: str, team_id: int) -> None:
        self.engine = engine
        self.database = database
        self.team_id = team_id
        for statement in schema.create_tables(database):
            engine.command(statement)
        if engine.durable:
            for statement in schema.upgrade_tables(database):
                engine.command(statement)

    def drop(self) -> None:
        """Remove the project and all that is in it, now: ClickHouse itself would keep the data for eight minutes."""
        self.engine.command(f"DROP DATABASE IF EXISTS {self.database} SYNC")

    # -- settings

    def settings(self) -> dict[str, str]:
        """The latest value of each of the project's settings."""
        return dict(self._read("SELECT key, argMax(value, version) FROM {db}.project_setting GROUP BY key"))

    def write_settings(self, settings: Mapping[str, str]) -> None:
        """Keep settings, beside those that are kept already or in their place; all of them or none."""
        if not settings:
            return
        ((version,),) = self._read("SELECT max(version) + 1 FROM {db}.project_setting")
        self._insert(
            "project_setting",
            {
                "key": ("String", list(settings)),
                "value": ("String", list(settings.values())),
                "version": ("UInt64", [version] * len(settings)),
            },
        )

    # -- the batch that is being stored

    def begin_batch(self, changes: Callable[[], str]) -> None:
        """Keep what a batch is about to change, until :meth:`end_batch`; in memory nothing outlives a crash."""
        if self.engine.durable:
            self._insert("begun_batch", {"changes": ("String", [changes()])})

    def begun_batch(self) -> str | None:
        """What a batch was about to change that has not ended."""
        rows = self._read("SELECT changes FROM {db}.begun_batch")
        return rows[0][0] if rows else None

    def end_batch(self) -> None:
        """Forget it."""
        if self.engine.durable:
            self.engine.command(f"TRUNCATE TABLE {self.database}.begun_batch")

    # -- events

    def count_events(self) -> int:
        """How many events are stored."""
        return int(self._read("SELECT count() FROM {db}.events")[0][0])

    def stored_uuids(self, uuids: Collection[UUID]) -> set[UUID]:
        """Those of ``uuids`` that are stored already."""
        # Written out rather than bound: a UUID object holds nothing to escape, and binding costs more than asking.
        listed = ", ".join(f"'{uuid}'" for uuid in uuids)
        return {row[0] for row in self._read(f"SELECT uuid FROM {{db}}.events WHERE uuid IN ({listed})")}

    def insert_events(self, columns: Mapping[str, tuple[str, Sequence[Any]]]) -> None:
        """Write events, column by column: all of them or none."""
        self._insert("events", columns)

    def property_columns(self) -> dict[str, str]:
        """The event properties that have a column of their own, and its name."""
        return {
            row[0].removeprefix("mat_"): row[0]
            for row in self._read(
                "SELECT name FROM system.columns WHERE database = {database:String} AND table = 'events'"
                " AND startsWith(name, 'mat_')",
                database=self.database,
            )
        }

    def add_property_columns(self, keys: Collection[str]) -> None:
        """Give these event properties a column each, in one statement: each ALTER takes about 30 ms."""
        if keys:
            self.engine.command(schema.property_column_statement(self.database, keys))

    # -- persons

    def distinct_ids(self, distinct_ids: Collection[str]) -> list[DistinctIdRow]:
        """The latest version of each of these distinct ids that is known."""
        return self._distinct_ids("distinct_id IN {ids:Array(String)}", ids=list(distinct_ids))

    def distinct_ids_of(self, person_ids: Collection[UUID]) -> list[DistinctIdRow]:
        """Every distinct id that belongs to one of these persons now, in the order of their names."""
        asked = set(person_ids)
        rows = self._distinct_ids(
            "distinct_id IN (SELECT distinct_id FROM {db}.person_distinct_id2 WHERE person_id IN {ids:Array(UUID)})",
            ids=[str(person_id) for person_id in asked],
        )
        return [row for row in rows if row.person_id in asked]

    def _distinct_ids(self, condition: str, **parameters: object) -> list[DistinctIdRow]:
        # The alias must not be the column's own name: ClickHouse would read it in WHERE too.
        rows = self._read(
            "SELECT distinct_id, argMax(person_id, version), max(version) AS latest, argMax(is_deleted, version)"
            f" AS gone FROM {{db}}.person_distinct_id2 WHERE {condition} GROUP BY distinct_id HAVING gone = 0"
            " ORDER BY distinct_id",
            **parameters,
        )
        return [DistinctIdRow(distinct_id, person_id, version) for distinct_id, person_id, version, _ in rows]

    def persons(self, person_ids: Collection[UUID]) -> list[PersonRow]:
        """The latest version of each of these persons, the deleted left out."""
        rows = self._read(
            "SELECT id, argMax(tuple(created_at, properties, is_identified, is_deleted, serial_id, last_seen_at),"
            " version), max(version) FROM {db}.person WHERE id IN {ids:Array(UUID)} GROUP BY id",
            ids=[str(person_id) for person_id in person_ids],
        )
        found = []
        for person_id, (created_at, properties, identified, deleted, serial_id, last_seen_at), version in rows:
            if not deleted:
                found.append(
                    PersonRow(
                        person_id, created_at, properties, bool(identified), False, version, serial_id, last_seen_at
                    )
                )
        return found

    def last_serial_id(self) -> int:
        """The highest number that a person was given."""
        return int(self._read("SELECT max(serial_id) FROM {db}.person")[0][0])

    def insert_persons(self, rows: Sequence[PersonRow]) -> None:
        """Write new versions of persons."""
        self._insert(
            "person",
            {
                "id": ("UUID", [row.id for row in rows]),
                "created_at": (schema.TIME, [ticks(row.created_at) for row in rows]),
                "team_id": ("Int64", [self.team_id] * len(rows)),
                "properties": ("String", [row.properties for row in rows]),
                "is_identified": ("Int8", [int(row.is_identified) for row in rows]),
                "is_deleted": ("Int8", [int(row.is_deleted) for row in rows]),
                "version": ("UInt64", [row.version for row in rows]),
                "serial_id": ("UInt64", [row.serial_id for row in rows]),
                "last_seen_at": (schema.TIME, [ticks(row.last_seen_at) for row in rows]),
            },
        )

    def insert_distinct_ids(self, rows: Sequence[DistinctIdRow]) -> None:
        """Write new versions of distinct ids, and an override for each that is not with its first person any more."""
        self._insert_distinct_ids("person_distinct_id_overrides", [row for row in rows if row.version > 0])
        self._insert_distinct_ids("person_distinct_id2", rows)

    def _insert_distinct_ids(self, table: str, rows: Sequence[DistinctIdRow]) -> None:
        self._insert(
            table,
            {
                "team_id": ("Int64", [self.team_id] * len(rows)),
                "distinct_id": ("String", [row.distinct_id for row in rows]),
                "person_id": ("UUID", [row.person_id for row in rows]),
                "is_deleted": ("Int8", [0] * len(rows)),
                "version": ("Int64", [row.version for row in rows]),
            },
        )

    # -- groups

    def group_types(self) -> dict[str, int]:
        """Each group type and its index."""
        return dict(self._read("SELECT group_type, min(group_type_index) FROM {db}.group_type_mapping GROUP BY 1"))

    def insert_group_types(self, rows: Sequence[GroupTypeRow]) -> None:
        """Give group types their index, for good."""
        self._insert(
            "group_type_mapping",
            {
                "group_type": ("String", [row.group_type for row in rows]),
                "group_type_index": ("UInt8", [row.index for row in rows]),
                "created_at": (schema.TIME, [ticks(row.created_at) for row in rows]),
            },
        )

    def groups(self, keys: Collection[tuple[int, str]]) -> list[GroupRow]:
        """The latest version of each of these groups, by type index and key."""
        rows = self._read(
            "SELECT group_type_index, group_key, argMax(tuple(created_at, group_properties), _timestamp),"
            " max(_timestamp) FROM {db}.groups WHERE group_key IN {keys:Array(String)} GROUP BY 1, 2",
            keys=sorted({key for _, key in keys}),
        )
        return [
            GroupRow(index, key, created, text, updated)
            for index, key, (created, text), updated in rows
            if (index, key) in keys
        ]

    def insert_groups(self, rows: Sequence[GroupRow]) -> None:
        """Write new versions of groups."""
        self._insert(
            "groups",
            {
                "group_type_index": ("UInt8", [row.index for row in rows]),
                "group_key": ("String", [row.key for row in rows]),
                "created_at": (schema.TIME, [ticks(row.created_at) for row in rows]),
                "team_id": ("Int64", [self.team_id] * len(rows)),
                "group_properties": ("String", [row.properties for row in rows]),
                "_timestamp": (schema.TIME, [ticks(row.updated_at) for row in rows]),
            },
        )

    # -- what the project has defined

    def saved_definitions(self, kind: str) -> dict[int, str]:
        """The latest version of each action or cohort, as JSON by its id."""
        return dict(
            self._read(
                "SELECT id, argMax(body, version) FROM {db}.saved_definition WHERE kind = {kind:String}"
                " GROUP BY id ORDER BY id",
                kind=kind,
            )
        )

    def save_definition(self, kind: str, id_: int, body: str, version: int) -> None:
        """Keep a version of an action or a cohort."""
        self._insert(
            "saved_definition",
            {
                "kind": ("LowCardinality(String)", [kind]),
                "id": ("UInt64", [id_]),
                "body": ("String", [body]),
                "version": ("UInt64", [version]),
            },
        )

    def static_cohort(self, cohort_id: int) -> set[UUID]:
        """The persons that are listed in a cohort."""
        rows = self._read(
            "SELECT person_id FROM {db}.person_static_cohort WHERE cohort_id = {cohort:Int64}", cohort=cohort_id
        )
        return {row[0] for row in rows}

    def add_to_static_cohort(self, cohort_id: int, person_ids: Collection[UUID]) -> None:
        """List persons in a cohort; one that is there already stays once."""
        new = sorted(set(person_ids) - self.static_cohort(cohort_id))
        if not new:
            return
        self._insert(
            "person_static_cohort",
            {
                "team_id": ("Int64", [self.team_id] * len(new)),
                "cohort_id": ("Int64", [cohort_id] * len(new)),
                "person_id": ("UUID", new),
            },
        )

    def remove_from_static_cohort(self, cohort_id: int, person_id: UUID) -> None:
        """Take a person out of a cohort."""
        # Two numbers of our own making, and a UUID object: nothing here needs escaping.
        self.engine.command(
            f"DELETE FROM {self.database}.person_static_cohort"
            f" WHERE cohort_id = {cohort_id:d} AND person_id = '{person_id}'"
        )

    # -- definitions

    def event_definitions(self) -> list[EventDefinition]:
        """Each event name, in the order of the names."""
        return [
            EventDefinition(*row)
            for row in self._read(
                "SELECT name, min(created_at), max(last_seen_at) FROM {db}.event_definition GROUP BY name ORDER BY name"
            )
        ]

    def insert_event_definitions(self, rows: Sequence[EventDefinition]) -> None:
        """Write when event names were first and last seen."""
        self._insert(
            "event_definition",
            {
                "name": ("String", [row.name for row in rows]),
                "created_at": (schema.TIME, [ticks(row.created_at) for row in rows]),
                "last_seen_at": (schema.TIME, [ticks(row.last_seen_at) for row in rows]),
            },
        )

    def property_definitions(self) -> list[PropertyDefinition]:
        """What is known of each property."""
        return [
            PropertyDefinition(*row)
            for row in self._read(
                "SELECT type, group_type_index, name, argMax(property_type, version), min(created_at)"
                " FROM {db}.property_definition GROUP BY 1, 2, 3 ORDER BY 1, 2, 3"
            )
        ]

    def insert_property_definitions(self, rows: Sequence[PropertyDefinition]) -> None:
        """Write what is known of properties; one whose type is known replaces one whose type was not."""
        self._insert(
            "property_definition",
            {
                "type": ("LowCardinality(String)", [row.kind for row in rows]),
                "group_type_index": ("Int8", [row.group_type_index for row in rows]),
                "name": ("String", [row.name for row in rows]),
                "property_type": ("LowCardinality(String)", [row.property_type for row in rows]),
                "created_at": (schema.TIME, [ticks(row.created_at) for row in rows]),
                "version": ("UInt64", [1 if row.property_type else 0 for row in rows]),
            },
        )

    def _read(self, sql: str, **parameters: object) -> list[tuple[Any, ...]]:
        return self.engine.read(sql.replace("{db}", self.database), parameters)

    def _insert(self, table: str, columns: Mapping[str, tuple[str, Sequence[Any]]]) -> None:
        self.engine.insert(f"{self.database}.{table}", columns)
