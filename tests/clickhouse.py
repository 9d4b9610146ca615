"""A connection whose queries run on a real ClickHouse in this process: PostHog's limits, without HTTP in between."""

from __future__ import annotations

import json
import math
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import cache
from typing import TYPE_CHECKING, Any
from uuid import UUID

from posthog_nb.embedded.hogql import ProjectFacts, compile_query
from posthog_nb.embedded.store.engine import database_name, in_memory
from posthog_nb.embedded.store.store import Store
from posthog_nb.http import Budget

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


CLAMP = 50_000


class OnClickHouse:
    """What `operations` needs of a connection. It keeps every query that was asked."""

    label = "test"
    version = "0"
    keeper = None

    def __init__(self, store: Store) -> None:
        self.store = store
        self.asked: list[str] = []
        self.ended: list[str] = []
        self.before_each = lambda _: None
        self.budget = Budget(limited=False)
        self.facts = ProjectFacts(database=store.database, timezone="Europe/London")

    def start_query(self, body: Mapping[str, Any], *, read: Callable[[bytes], Any], **_: object) -> Any:
        node = body["query"]
        self.before_each(len(self.asked))
        self.asked.append(node["query"])
        compiled = compile_query(node["query"], self.facts, values=node.get("values", {}))
        found = self.store.engine.run(compiled.sql, query_id=body["client_query_id"], max_execution_time=60)
        assert len(found.rows) <= CLAMP
        answer = {
            "columns": list(compiled.columns),
            "types": [list(pair) for pair in zip(compiled.columns, found.types, strict=True)],
            "results": [list(map(as_json, row)) for row in found.rows],
            "timezone": "Europe/London",
            "hogql": compiled.hogql,
            "is_cached": False,
            "last_refresh": None,
        }
        return read(json.dumps(answer).encode())

    def end_query(self, query_id: str) -> None:
        self.ended.append(query_id)


def as_json(value: object) -> Any:  # noqa: PLR0911
    match value:
        case datetime():
            return value.isoformat()
        case date():
            return value.isoformat()
        case UUID() | Decimal():
            return str(value)
        case float():
            return value if math.isfinite(value) else None
        case dict():
            return {key: as_json(item) for key, item in value.items()}
        case list() | tuple():
            return [as_json(item) for item in value]
    return value


EVENTS = 400
FIRST = datetime(2026, 3, 28, 23, 30, tzinfo=UTC)


@cache
def small_store() -> Store:
    """Four hundred events over a change to summer time: many share their time, and a few are stored twice."""
    store = Store(in_memory(), database_name(), team_id=1)
    insert_events(store, [*range(EVENTS), *range(0, EVENTS, 25)])
    return store


def insert_events(store: Store, numbers: list[int]) -> None:
    """The same event for the same number."""
    columns: dict[str, tuple[str, list[Any]]] = {
        "uuid": ("UUID", [UUID(int=(number * 7919 % 1009) << 64 | number) for number in numbers]),
        "event": (
            "String",
            [("opened", "clicked", "bought it's {x}", "", "\ufffd?", "naïve 😀")[n % 6] for n in numbers],
        ),
        "properties": ("String", [json.dumps({"n": number, "half": number / 2}) for number in numbers]),
        "timestamp": ("DateTime64(6, 'UTC')", [FIRST + timedelta(minutes=n // 9, microseconds=n % 2) for n in numbers]),
        "team_id": ("Int64", [1] * len(numbers)),
        "distinct_id": ("String", [f"user-{number % 11}" for number in numbers]),
        "created_at": ("DateTime64(6, 'UTC')", [FIRST] * len(numbers)),
        "_timestamp": ("DateTime64(6, 'UTC')", [FIRST] * len(numbers)),
        "person_id": ("UUID", [UUID(int=number % 11) for number in numbers]),
    }
    store.insert_events(columns)
