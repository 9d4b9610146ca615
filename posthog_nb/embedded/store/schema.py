"""The tables of one project, after PostHog's own ClickHouse tables of the same names.

Property JSON is kept as the exact text that arrived. A property that the project uses gets a column of its own,
``mat_<key>``, computed by the expression that PostHog would evaluate on the text, so that reading it is fast and the
answer is the same with and without it (docs/adr/0002).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = [
    "GROUP_TYPES",
    "MATERIALIZED_PROPERTIES",
    "TABLES",
    "TIME",
    "create_tables",
    "property_column",
    "property_column_statement",
    "upgrade_tables",
]

GROUP_TYPES = 5
"""PostHog's limit of group types in a project."""

MATERIALIZED_PROPERTIES = 64
"""At most so many event properties get a column of their own; the rest are read from the JSON."""

TIME = "DateTime64(6, 'UTC')"
_SESSION_NUMBER = "Nullable(UInt128) MATERIALIZED toUInt128(accurateCastOrNull(`$session_id`, 'UUID'))"
_SAFE_KEY = re.compile(r"[A-Za-z0-9_$ .:/-]{1,100}")


def _raw_text(key: str) -> str:
    """The JSON text of an event's property; '' when it is absent.

    Most keys are absent from most events, and looking for the key is much quicker than parsing the JSON. Ingestion
    writes no escapes that JSON does not need, and these keys need none.
    """
    return f"JSONExtractRaw(if(position(properties, '\"{key}\"') > 0, properties, ''), '{key}')"


def _exact_text(key: str) -> str:
    """PostHog's reading of an event's property: NULL when absent or null, else its text without the outer quotes."""
    return f"replaceRegexpAll(nullIf(nullIf({_raw_text(key)}, ''), 'null'), '^\"|\"$', '')"


def _own_text(key: str) -> str:
    """As :func:`_exact_text` for the columns PostHog declares as String: '' when absent."""
    return f"replaceRegexpAll({_raw_text(key)}, '^\"|\"$', '')"


def property_column(key: str) -> str | None:
    """The column that would hold an event property, or None for a key that gets none (an odd or very long one)."""
    return f"mat_{key}" if _SAFE_KEY.fullmatch(key) else None


def property_column_statement(database: str, keys: Iterable[str], *, given: bool = False) -> str:
    """DDL that gives these event properties their columns. Older parts compute them as they are read.

    Args:
        database: The project's.
        keys: The properties.
        given: Whether an insert may give their values, which are then not read from the JSON.
    """
    kind = "DEFAULT" if given else "MATERIALIZED"
    columns = ", ".join(
        f"ADD COLUMN IF NOT EXISTS `mat_{key}` Nullable(String) {kind} {_exact_text(key)}" for key in keys
    )
    return f"ALTER TABLE {database}.events {columns}"


def _events() -> str:
    groups = "".join(
        f"group{index}_properties String CODEC(ZSTD(1)), group{index}_created_at {TIME},"
        f" `$group_{index}` String MATERIALIZED {_own_text(f'$group_{index}')}, "
        for index in range(GROUP_TYPES)
    )
    # The projection answers "which of these uuids are stored already?" and lives in the same part as its rows, so a
    # crash cannot leave one without the other.
    return f"""
        uuid UUID, event String, properties String CODEC(ZSTD(1)), timestamp {TIME}, team_id Int64,
        distinct_id String, elements_chain String CODEC(ZSTD(1)), created_at {TIME},
        person_id UUID, person_created_at {TIME}, person_properties String CODEC(ZSTD(1)),
        {groups}
        person_mode Enum8('full' = 0, 'propertyless' = 1, 'force_upgrade' = 2), _timestamp {TIME},
        `$session_id` String MATERIALIZED {_own_text("$session_id")},
        `$session_id_uuid` {_SESSION_NUMBER},
        `$window_id` String MATERIALIZED {_own_text("$window_id")},
        PROJECTION by_uuid (SELECT uuid ORDER BY uuid)
    ) ENGINE = MergeTree
    ORDER BY (team_id, toDate(timestamp), event, cityHash64(distinct_id), cityHash64(uuid))
    SAMPLE BY cityHash64(distinct_id"""


_DISTINCT_ID = "team_id Int64, distinct_id String, person_id UUID, is_deleted Int8, version Int64"

TABLES: dict[str, str] = {
    "events": _events(),
    "person": f"""
        id UUID, created_at {TIME}, team_id Int64, properties String CODEC(ZSTD(1)), is_identified Int8,
        is_deleted Int8, version UInt64, serial_id UInt64, last_seen_at {TIME}
    ) ENGINE = ReplacingMergeTree(version) ORDER BY (team_id, id""",
    # The projection finds all ids of a person, which a merge moves. Every version stays: readers take the highest.
    "person_distinct_id2": f"""
        {_DISTINCT_ID}, PROJECTION by_person (SELECT person_id, distinct_id ORDER BY person_id)
    ) ENGINE = MergeTree ORDER BY (team_id, distinct_id""",
    "person_distinct_id_overrides": f"""
        {_DISTINCT_ID}
    ) ENGINE = ReplacingMergeTree(version) ORDER BY (team_id, distinct_id""",
    "groups": f"""
        group_type_index UInt8, group_key String, created_at {TIME}, team_id Int64,
        group_properties String CODEC(ZSTD(1)), _timestamp {TIME}
    ) ENGINE = ReplacingMergeTree(_timestamp) ORDER BY (team_id, group_type_index, group_key""",
    "person_static_cohort": """
        team_id Int64, cohort_id Int64, person_id UUID
    ) ENGINE = ReplacingMergeTree ORDER BY (team_id, cohort_id, person_id""",
    # Actions and cohorts: ``body`` is what the API takes and gives, as JSON.
    "saved_definition": """
        kind LowCardinality(String), id UInt64, body String CODEC(ZSTD(1)), version UInt64
    ) ENGINE = ReplacingMergeTree(version) ORDER BY (kind, id""",
    "group_type_mapping": f"""
        group_type String, group_type_index UInt8, created_at {TIME}
    ) ENGINE = MergeTree ORDER BY (group_type""",
    "event_definition": f"""
        name String, created_at {TIME}, last_seen_at {TIME}
    ) ENGINE = ReplacingMergeTree(last_seen_at) ORDER BY (name""",
    "property_definition": f"""
        type LowCardinality(String), group_type_index Int8, name String, property_type LowCardinality(String),
        created_at {TIME}, version UInt64
    ) ENGINE = ReplacingMergeTree(version) ORDER BY (type, group_type_index, name""",
    # At most one row: what a batch changes besides its events, from before they are written until all is.
    "begun_batch": """
        changes String CODEC(ZSTD(1))
    ) ENGINE = MergeTree ORDER BY (tuple()""",
    # Each change is a row of its own; readers take the latest.
    "project_setting": """
        key String, value String, version UInt64
    ) ENGINE = MergeTree ORDER BY (key""",
}


_ADDED_COLUMNS = {
    # Settings that were written when they could not change are the first version.
    "project_setting": "version UInt64",
    "events": f"`$session_id_uuid` {_SESSION_NUMBER}",
}


def upgrade_tables(database: str) -> Iterator[str]:
    """DDL that gives the tables of an older store what they lack; harmless when they lack nothing."""
    for table, column in _ADDED_COLUMNS.items():
        yield f"ALTER TABLE {database}.{table} ADD COLUMN IF NOT EXISTS {column}"


def create_tables(database: str) -> Iterator[str]:
    """DDL of a new project, to be run once in this order; harmless when it is there already."""
    yield f"CREATE DATABASE IF NOT EXISTS {database}"
    for name, body in TABLES.items():
        yield f"CREATE TABLE IF NOT EXISTS {database}.{name} ({body})"
