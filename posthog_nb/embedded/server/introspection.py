"""What can be asked about queries: whether one is valid and what its places are, and which tables there are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from posthog_nb.embedded.hogql import compile_query
from posthog_nb.embedded.hogql.catalogue import TABLES
from posthog_nb.embedded.hogql.escape import hogql_identifier
from posthog_nb.embedded.hogql.types import Kind
from posthog_nb.embedded.server import errors
from posthog_nb.errors import HogQLError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from posthog_nb.embedded.hogql import ProjectFacts
    from posthog_nb.embedded.hogql.tables import Column, Table
    from posthog_nb.embedded.server.request_body import HogQLRequest

__all__ = ["database_schema", "metadata"]

_TYPES = {
    Kind.STRING: "string",
    Kind.UUID: "string",
    Kind.JSON: "json",
    Kind.INTEGER: "integer",
    Kind.FLOAT: "float",
    Kind.DECIMAL: "decimal",
    Kind.BOOLEAN: "boolean",
    Kind.DATETIME: "datetime",
    Kind.DATE: "date",
    Kind.ARRAY: "array",
}


_NEVER_SHOWN = "team_id"
_OUR_OWN = frozenset({"person_joined", "person_on_event"})
"""Where ``person`` leads in this or that mode; PostHog has no such names."""


def metadata(asked: HogQLRequest, facts: ProjectFacts) -> dict[str, Any]:
    """PostHog's answer to a ``HogQLMetadata`` query. Nothing runs, and a placeholder without a value is an error."""
    found: dict[str, Any] = {
        "isValid": True,
        "query": asked.query,
        "errors": [],
        "warnings": [],
        "notices": [],
        "table_names": [],
        "ch_table_names": [],
        # Whether the engine could use its key is not worked out here.
        "isUsingIndices": None,
    }
    try:
        compiled = compile_query(asked.query, facts, variables=asked.variables, filters=asked.filters)
    except HogQLError as error:
        return found | {"isValid": False, "errors": [errors.notice(error)]}
    notices = [{"message": one.message, "start": one.span.start, "end": one.span.end} for one in compiled.notices]
    return found | {
        "notices": notices,
        "table_names": list(compiled.tables),
        "ch_table_names": sorted({TABLES[name].stored for name in compiled.tables}),
    }


def database_schema(facts: ProjectFacts) -> dict[str, Any]:
    """PostHog's answer to a ``DatabaseSchemaQuery``: every table with its fields."""
    return {
        "tables": {
            name: {"id": name, "name": name, "type": "posthog", "fields": dict(_fields(table, facts))}
            for name, table in TABLES.items()
        },
        "joins": [],
    }


def _fields(table: Table, facts: ProjectFacts) -> Iterator[tuple[str, dict[str, Any]]]:
    for column in table.columns.values():
        if column.name != _NEVER_SHOWN:
            yield column.name, _field(column)
    for name, join in table.joins.items():
        if name not in _OUR_OWN:
            fields = [column for column in TABLES[join.table].columns if column != _NEVER_SHOWN]
            yield name, _plain(name, "lazy_table") | {"table": join.table, "fields": fields}
    for name, columns in table.virtual.items():
        if name not in _OUR_OWN:
            yield name, _plain(name, "virtual_table") | {"table": name, "fields": list(columns)}
    for name, path in table.paths.items():
        yield name, _plain(name, "field_traverser") | {"chain": list(path(facts))}
    if "group_0" in table.joins:
        for name, index in facts.group_types.items():
            yield name, _plain(name, "field_traverser") | {"chain": [f"group_{index}"]}


def _field(column: Column) -> dict[str, Any]:
    return _plain(column.name, _TYPES.get(column.type.kind, "unknown"))


def _plain(name: str, kind: str) -> dict[str, Any]:
    return {"name": name, "hogql_value": hogql_identifier(name), "type": kind, "schema_valid": True}
