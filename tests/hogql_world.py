"""A small project in ClickHouse for tests of HogQL: few rows, every awkward value."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
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
        return self.client.query(compiled.sql, settings={"transform_null_in": 1, "readonly": 2})

    def types(self, query: str) -> list[str]:
        """The ClickHouse types of the answer."""
        return [column.name for column in self.answer(query).column_types]

    def with_facts(self, **changes: Any) -> World:
        """The same rows under other facts."""
        return replace(self, facts=replace(self.facts, **changes))


def create_world() -> World:
    """A new copy of the project."""
    client = clickhouse_connect.get_client(dsn="chdb://memory")
    client.command(f"DROP DATABASE IF EXISTS {DATABASE}")
    for statement in create_tables(DATABASE):
        client.command(statement)
    client.command(property_column_statement(DATABASE, ["plan"]))
    _insert_events(client)
    _insert_persons(client)
    return World(client)


def _insert_events(client: Any) -> None:
    ann, bob = {"email": "ann@old.example", "age": 29}, {"email": "bob@old.example"}
    rows = [
        # number, event, when, distinct id, stored person, person properties then, properties
        (1, "signup", "2024-01-01 22:30:00", "ann", ANN, ann, {"plan": "free", "$session_id": SESSION}),
        (2, "pay", "2024-01-02 10:00:00.123456", "ann", ANN, ann, {"plan": "pro", "amount": 12.5, "paid": True}),
        (3, "pay", "2024-01-03 10:00:00", "ann", ANN, ann, {"plan": "", "amount": "7", "paid": "false"}),
        (4, "view", "2024-01-07 23:30:00", "bob", BOB, bob, {"plan": None, "deep": {"a": [1, {"b": "x"}]}}),
        (5, "view", "2024-01-08 10:00:00", "anon", BOB_BEFORE_MERGE, {}, {"quote": 'say "hi"', "slash": "a/b"}),
        (6, "view", "2024-01-09 10:00:00", "ghost", GHOST, {}, {"due": "2024-02-01T00:00:00Z", "n": 5, "odd key": 1}),
    ]
    columns = [
        "uuid", "event", "properties", "timestamp", "team_id", "distinct_id", "elements_chain", "created_at",
        "person_id", "person_created_at", "person_properties", "group0_properties", "person_mode", "_timestamp",
    ]  # fmt: skip
    chain = 'a.cta:href="/buy"text="Buy now"attr_id="buy";div:text="Box"'
    data = []
    for number, event, when, distinct_id, person, then, properties in rows:
        at = _time(when)
        with_group = {**properties, "$group_0": "acme"} if distinct_id == "ann" else properties
        data.append([
            UUID(int=number), event, json.dumps(with_group), at, 1, distinct_id, chain if number == 1 else "", at,
            person, _time("2024-01-01 00:00:00"), json.dumps(then),
            json.dumps({"seats": 3} if distinct_id == "ann" else {}),
            "propertyless" if distinct_id == "ghost" else "full", at,
        ])  # fmt: skip
    client.insert("events", data, column_names=columns, database=DATABASE)


def _insert_persons(client: Any) -> None:
    created = _time("2024-01-01 00:00:00")
    persons = [
        [ANN, created, 1, json.dumps({"email": "ann@old.example"}), 0, 0, 1, 1, created],
        [ANN, created, 1, json.dumps({"email": "ann@new.example", "age": 30}), 1, 0, 2, 1, created],
        [BOB, created, 1, json.dumps({"email": "bob@new.example", "age": "41"}), 1, 0, 1, 2, created],
        [BOB_BEFORE_MERGE, created, 1, "{}", 0, 1, 5, 3, created],
    ]
    person_columns = [
        "id", "created_at", "team_id", "properties", "is_identified", "is_deleted", "version", "serial_id",
        "last_seen_at",
    ]  # fmt: skip
    for version in persons:
        # One part for each, so that readers meet several versions of a row.
        client.insert("person", [version], column_names=person_columns, database=DATABASE)
    ids = ["team_id", "distinct_id", "person_id", "is_deleted", "version"]
    distinct_ids = [
        [1, "ann", ANN, 0, 0],
        [1, "bob", BOB, 0, 0],
        [1, "anon", BOB_BEFORE_MERGE, 0, 0],
        [1, "anon", BOB, 0, 1],
        [1, "gone", BOB, 1, 3],
    ]
    client.insert("person_distinct_id2", distinct_ids, column_names=ids, database=DATABASE)
    client.insert("person_distinct_id_overrides", [[1, "anon", BOB, 0, 1]], column_names=ids, database=DATABASE)
    client.insert(
        "groups",
        [
            [0, "acme", created, 1, json.dumps({"name": "Acme before", "seats": 5}), created],
            [0, "acme", created, 1, json.dumps({"name": "Acme", "seats": 10}), _time("2024-01-05 00:00:00")],
        ],
        column_names=["group_type_index", "group_key", "created_at", "team_id", "group_properties", "_timestamp"],
        database=DATABASE,
    )
