"""Many events at once, from Arrow straight into the tables: what capture would store, in a fraction of its time.

ClickHouse reads each table from a file and writes the JSON of the properties itself. Persons and distinct ids are then
made from the events, each in one statement.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from posthog_nb.embedded.hogql.escape import identifier, literal
from posthog_nb.embedded.store import schema

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import pyarrow as pa

    from posthog_nb.embedded.store.store import Store

__all__ = ["JSON", "PLAIN", "TEXT", "PropertyColumn", "load_events"]

TEXT, PLAIN, JSON = "text", "plain", "json"
"""How a column holds a property: as its text; as a number or truth value that JSON writes as ClickHouse does; as the
JSON of each value."""

_SETTINGS = "output_format_json_escape_forward_slashes = 0"
"""JSON needs no escape for a slash, and capture writes none."""


@dataclass(frozen=True)
class PropertyColumn:
    """A column that becomes a property of its row's event; where it is NULL, the event has no such property.

    Attributes:
        key: The property.
        name: The column in the Arrow tables, a plain word.
        form: :data:`TEXT`, :data:`PLAIN` or :data:`JSON`.
    """

    key: str
    name: str
    form: str

    @property
    def json(self) -> str:
        """SQL for the JSON of the value."""
        match self.form:
            case "text":
                return f"toJSONString({self.name})"
            case "plain":
                return f"toString({self.name})"
        return self.name

    @property
    def exact_text(self) -> str:
        """SQL for what PostHog reads of the value: its JSON without the outer quotes, NULL for null."""
        match self.form:
            case "text":
                return f"substring({self.json}, 2, length({self.json}) - 2)"
            case "plain":
                return self.json
        return f"nullIf(replaceRegexpAll({self.json}, '^\"|\"$', ''), 'null')"


def load_events(
    store: Store, tables: Iterable[pa.Table], properties: Sequence[PropertyColumn], *, own_columns: bool
) -> None:
    """Write events, and the persons and distinct ids that they are of.

    Args:
        store: The tables of a project that has no event yet.
        tables: The events, some at a time. Columns: ``number`` (int64, the row's; the uuids are in its order),
            ``uuid`` (text or NULL; may be left out), ``event``, ``distinct_id``, ``person`` (text of a uuid, or an
            int64 that becomes one), ``timestamp`` (int64, microseconds since 1970), ``properties`` and
            ``person_properties`` (JSON objects as capture writes them, or NULL; may be left out), and those that
            ``properties`` names.
        properties: The columns that become properties. None of their keys is in the column ``properties`` as well.
        own_columns: Whether properties get columns of their own, as those of a large project have.

    Raises:
        EngineError: ClickHouse refused; what was written before stays.
    """
    own = _own_columns(store, properties) if own_columns else {}
    # Merging the parts would take as long again, and be worth it to a project that grows.
    store.engine.command(f"SYSTEM STOP MERGES {store.database}.events")
    persons = "'{}'"
    with TemporaryDirectory(prefix="posthog-nb-") as folder:
        for table in tables:
            _insert(store, table, f"{folder}/events.arrow", properties, own)
            if "person_properties" in table.column_names:
                persons = "argMax(person_properties, (timestamp, uuid))"
    _derive(store, persons)


def _own_columns(store: Store, properties: Sequence[PropertyColumn]) -> dict[str, PropertyColumn]:
    """The column of each property that gets one."""
    named = {name: one for one in properties if (name := schema.property_column(one.key)) is not None}
    chosen = dict(list(named.items())[: schema.MATERIALIZED_PROPERTIES])
    if chosen:
        keys = [one.key for one in chosen.values()]
        store.engine.command(schema.property_column_statement(store.database, keys, given=True))
    return chosen


def _insert(
    store: Store,
    table: pa.Table,
    path: str,
    properties: Sequence[PropertyColumn],
    own: dict[str, PropertyColumn],
) -> None:
    import pyarrow as pa  # noqa: PLC0415 - the table is its

    with pa.ipc.new_file(path, table.schema) as file:
        file.write_table(table, max_chunksize=65_536)
    names = set(table.column_names)
    at = "fromUnixTimestamp64Micro(timestamp, 'UTC')"
    uuid = _numbered("number")
    person = _numbered("person") if pa.types.is_integer(table.schema.field("person").type) else "toUUID(person)"
    columns = {
        "uuid": f"ifNull(toUUID(uuid), {uuid})" if "uuid" in names else uuid,
        "event": "event",
        "properties": _properties(properties, merged="properties" in names),
        "timestamp": at,
        "team_id": str(store.team_id),
        "distinct_id": "distinct_id",
        "created_at": at,
        "person_id": person,
        "person_created_at": at,
        "person_properties": "ifNull(person_properties, '{}')" if "person_properties" in names else "'{}'",
        "_timestamp": at,
        **{identifier(name): one.exact_text for name, one in own.items()},
    }
    store.engine.command(
        f"INSERT INTO {store.database}.events ({', '.join(columns)}) SELECT {', '.join(columns.values())}"
        f" FROM file({literal(path)}, 'Arrow') SETTINGS {_SETTINGS}"
    )


def _numbered(column: str) -> str:
    """SQL for a uuid of a number from 0 on, in their order; none is the one of all zeros, which stands for nothing."""
    return f"reinterpretAsUUID(bitShiftLeft(toUInt128({column} + 1), 64))"


def _properties(properties: Sequence[PropertyColumn], *, merged: bool) -> str:
    """SQL for the JSON of an event's properties."""
    parts = [
        f"ifNull(concat({literal(f',{json.dumps(one.key, ensure_ascii=False)}:')}, {one.json}), '')"
        for one in properties
    ]
    if merged:
        inner = "substring(properties, 2, length(properties) - 2)"
        parts.insert(0, f"if(length(properties) > 2, concat(',', {inner}), '')")
    if not parts:
        return "'{}'"
    # Each part begins with a comma, the first one's is not needed.
    return f"concat('{{', substring(concat({', '.join(parts)}, ''), 2), '}}')"


def _derive(store: Store, person_properties: str) -> None:
    """Make persons, distinct ids and event definitions of the events."""
    db = store.database
    events = f"FROM {db}.events GROUP BY"
    store.engine.command(
        f"INSERT INTO {db}.person (id, created_at, team_id, properties, serial_id, last_seen_at)"
        f" SELECT person_id, min(timestamp), any(team_id), {person_properties},"
        f" rowNumberInAllBlocks() + 1, toStartOfHour(max(timestamp)) {events} person_id"
    )
    store.engine.command(
        f"INSERT INTO {db}.person_distinct_id2 (team_id, distinct_id, person_id, is_deleted, version)"
        f" SELECT any(team_id), distinct_id, argMax(person_id, (timestamp, uuid)), 0, 0 {events} distinct_id"
    )
    store.engine.command(
        f"INSERT INTO {db}.event_definition (name, created_at, last_seen_at)"
        f" SELECT event, min(timestamp), toStartOfHour(max(timestamp)) {events} event"
    )
