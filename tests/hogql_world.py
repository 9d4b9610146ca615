"""A small project in ClickHouse for tests of HogQL: few rows, every awkward value."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import clickhouse_connect

from posthog_nb.embedded.hogql import ProjectFacts, compile_query
from posthog_nb.embedded.store.schema import create_tables, property_column_statement

DATABASE = "hogql_world"

ANN = UUID("00000000-0000-0000-0000-00000000000a")
BOB = UUID("00000000-0000-0000-0000-00000000000b")
BOB_BEFORE_MERGE = UUID("00000000-0000-0000-0000-0000000000b0")
GHOST = UUID("00000000-0000-0000-0000-0000000000ff")

FACTS = ProjectFacts(
    database=DATABASE,
    timezone="Europe/Berlin",
    event_properties={"amount": "Numeric", "paid": "Boolean", "due": "DateTime", "plan": "String"},
    person_properties={"age": "Numeric"},
    group_properties={0: {"seats": "Numeric"}},
    group_types={"organization": 0},
    property_columns={"plan": "mat_plan"},
)

_SETTINGS = {"transform_null_in": 1, "readonly": 2, "session_timezone": "UTC"}
SESSION = "0190a0a0-0000-7000-8000-000000000001"


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@dataclass(frozen=True)
class World:
    """The project and a way to ask it."""

    client: Any
    facts: ProjectFacts = FACTS

    def ask(self, query: str, **values: Any) -> list[tuple[Any, ...]]:
        """Rows of a HogQL query."""
        return self.answer(query, **values).result_rows

    def answer(self, query: str, **values: Any) -> Any:
        """Rows with their names and types."""
        compiled = compile_query(query, self.facts, values=values)
        return self.client.query(compiled.sql, settings=_SETTINGS)

    def value(self, expression: str, number: int | None = None) -> Any:
        """An expression by itself, or over the event of this number."""
        source = "" if number is None else f" from events where uuid = '{UUID(int=number)}'"
        return self.ask(f"select {expression}{source}")[0][0]

    def types(self, query: str) -> list[str]:
        """The ClickHouse types of the answer."""
        return [column.name for column in self.answer(query).column_types]

    def with_facts(self, **changes: Any) -> World:
        """The same rows under other facts."""
        return replace(self, facts=replace(self.facts, **changes))


@dataclass(frozen=True)
class EventRow:
    """One row of ``events``; properties are a dictionary, or the exact JSON text."""

    event: str = "seen"
    at: str = "2024-01-01 00:00:00"
    distinct_id: str = "ann"
    properties: str | dict[str, object] = field(default_factory=dict)
    person: UUID = ANN
    person_then: dict[str, object] = field(default_factory=dict)
    group_then: dict[str, object] = field(default_factory=dict)
    elements_chain: str = ""
    person_mode: str = "full"


@dataclass(frozen=True)
class PersonRow:
    """One version of a person."""

    id: UUID
    properties: dict[str, object] = field(default_factory=dict)
    version: int = 0
    deleted: bool = False
    identified: bool = True
    created: str = "2024-01-01 00:00:00"


@dataclass(frozen=True)
class DistinctIdRow:
    """One version of whom a distinct id belongs to."""

    distinct_id: str
    person: UUID
    version: int = 0
    deleted: bool = False


def create_world() -> World:
    """A new copy of the project."""
    client = empty_world(DATABASE).client
    client.command(property_column_statement(DATABASE, ["plan"]))
    world = World(client)
    insert_events(world, *_EVENTS)
    insert_persons(world, *_PERSONS)
    insert_distinct_ids(world, *_DISTINCT_IDS)
    insert_distinct_ids(world, DistinctIdRow("anon", BOB, 1), table="person_distinct_id_overrides")
    _insert_groups(world)
    return world


def empty_world(database: str, **facts: Any) -> World:
    """A project without rows."""
    client = clickhouse_connect.get_client(dsn="chdb://memory")
    client.command(f"DROP DATABASE IF EXISTS {database}")
    for statement in create_tables(database):
        client.command(statement)
    return World(client, ProjectFacts(database=database, **facts))


_ANN_THEN: dict[str, object] = {"email": "ann@old.example", "age": 29}
_ACME: dict[str, object] = {"$group_0": "acme"}
_SEATS: dict[str, object] = {"seats": 3}
_CHAIN = 'a.cta:href="/buy"text="Buy now"attr_id="buy";div:text="Box"'

_EVENTS = (
    EventRow(
        "signup", "2024-01-01 22:30:00", "ann", {"plan": "free", "$session_id": SESSION, **_ACME}, ANN, _ANN_THEN,
        _SEATS, _CHAIN,
    ),
    EventRow(
        "pay", "2024-01-02 10:00:00.123456", "ann", {"plan": "pro", "amount": 12.5, "paid": True, **_ACME}, ANN,
        _ANN_THEN, _SEATS,
    ),
    EventRow(
        "pay", "2024-01-03 10:00:00", "ann", {"plan": "", "amount": "7", "paid": "false", **_ACME}, ANN, _ANN_THEN,
        _SEATS,
    ),
    EventRow(
        "view", "2024-01-07 23:30:00", "bob", {"plan": None, "deep": {"a": [1, {"b": "x"}]}}, BOB,
        {"email": "bob@old.example"},
    ),
    EventRow("view", "2024-01-08 10:00:00", "anon", {"quote": 'say "hi"', "slash": "a/b"}, BOB_BEFORE_MERGE),
    EventRow(
        "view", "2024-01-09 10:00:00", "ghost", {"due": "2024-02-01T00:00:00Z", "n": 5, "odd key": 1}, GHOST,
        person_mode="propertyless",
    ),
)  # fmt: skip

_PERSONS = (
    PersonRow(ANN, {"email": "ann@old.example"}, version=1, identified=False),
    PersonRow(ANN, {"email": "ann@new.example", "age": 30}, version=2),
    PersonRow(BOB, {"email": "bob@new.example", "age": "41"}, version=1),
    PersonRow(BOB_BEFORE_MERGE, version=5, deleted=True, identified=False),
)

_DISTINCT_IDS = (
    DistinctIdRow("ann", ANN),
    DistinctIdRow("bob", BOB),
    DistinctIdRow("anon", BOB_BEFORE_MERGE),
    DistinctIdRow("anon", BOB, version=1),
    DistinctIdRow("gone", BOB, version=3, deleted=True),
)


def insert_events(world: World, *rows: EventRow) -> None:
    """Store events; their uuids count from 1."""
    columns = [
        "uuid", "event", "properties", "timestamp", "team_id", "distinct_id", "elements_chain", "created_at",
        "person_id", "person_created_at", "person_properties", "group0_properties", "person_mode", "_timestamp",
    ]  # fmt: skip
    data = []
    for number, row in enumerate(rows, 1):
        at = _time(row.at)
        properties = row.properties if isinstance(row.properties, str) else json.dumps(row.properties)
        data.append([
            UUID(int=number), row.event, properties, at, 1, row.distinct_id, row.elements_chain, at, row.person,
            _time("2024-01-01 00:00:00"), json.dumps(row.person_then), json.dumps(row.group_then), row.person_mode, at,
        ])  # fmt: skip
    world.client.insert("events", data, column_names=columns, database=world.facts.database)


def insert_persons(world: World, *rows: PersonRow) -> None:
    """Store versions of persons."""
    columns = [
        "id", "created_at", "team_id", "properties", "is_identified", "is_deleted", "version", "serial_id",
        "last_seen_at",
    ]  # fmt: skip
    for row in rows:
        created = _time(row.created)
        version = [
            row.id, created, 1, json.dumps(row.properties), row.identified, row.deleted, row.version, 1, created,
        ]  # fmt: skip
        # One part for each, so that readers meet several versions of a row.
        world.client.insert("person", [version], column_names=columns, database=world.facts.database)


def insert_distinct_ids(world: World, *rows: DistinctIdRow, table: str = "person_distinct_id2") -> None:
    """Store versions of whom distinct ids belong to."""
    columns = ["team_id", "distinct_id", "person_id", "is_deleted", "version"]
    data = [[1, row.distinct_id, row.person, row.deleted, row.version] for row in rows]
    world.client.insert(table, data, column_names=columns, database=world.facts.database)


def _insert_groups(world: World) -> None:
    created = _time("2024-01-01 00:00:00")
    world.client.insert(
        "groups",
        [
            [0, "acme", created, 1, json.dumps({"name": "Acme before", "seats": 5}), created],
            [0, "acme", created, 1, json.dumps({"name": "Acme", "seats": 10}), _time("2024-01-05 00:00:00")],
        ],
        column_names=["group_type_index", "group_key", "created_at", "team_id", "group_properties", "_timestamp"],
        database=world.facts.database,
    )
