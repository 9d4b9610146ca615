"""What can be asked about queries: whether one is valid and what its places are, and which tables there are."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from posthog_nb.embedded.hogql import Compiled, compile_query
from posthog_nb.embedded.hogql.catalogue import NOT_SHOWN, TABLES
from posthog_nb.embedded.hogql.completion import complete, complete_expression
from posthog_nb.embedded.hogql.escape import hogql_identifier
from posthog_nb.embedded.hogql.expression import check_expression
from posthog_nb.embedded.hogql.sql import stored_tables
from posthog_nb.embedded.hogql.types import Kind
from posthog_nb.embedded.server import errors
from posthog_nb.embedded.server.about import read_about, read_range
from posthog_nb.errors import HogQLError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from posthog_nb.embedded.hogql import ProjectFacts
    from posthog_nb.embedded.hogql.completion import Known, Suggestion
    from posthog_nb.embedded.hogql.expression import CheckedExpression
    from posthog_nb.embedded.hogql.tables import Column, Table
    from posthog_nb.embedded.hogql.typed import Notice
    from posthog_nb.embedded.server.request_body import HogQLRequest

__all__ = ["autocomplete", "database_schema", "metadata"]

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


def metadata(asked: HogQLRequest, facts: ProjectFacts) -> dict[str, Any]:
    """PostHog's answer to a ``HogQLMetadata`` query. Nothing runs, and a placeholder without a value is an error."""
    about = read_about(asked)
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
    checked: Compiled | CheckedExpression
    try:
        if about.is_expression:
            checked = check_expression(
                asked.query,
                facts,
                source=about.source,
                values=about.values,
                variables=asked.variables,
                filters=asked.filters,
            )
        else:
            checked = compile_query(
                asked.query, facts, values=about.values, variables=asked.variables, filters=asked.filters
            )
    except HogQLError as error:
        return found | {"isValid": False, "errors": [errors.notice(error)]}
    found |= {
        "notices": [_notice(one) for one in checked.notices],
        "table_names": list(checked.tables),
        "ch_table_names": sorted(stored_tables(checked.statements)),
    }
    if asked.node.get("debug") and isinstance(checked, Compiled):
        # Beyond PostHog's answer: what would be run, for whoever wants to see it without running it.
        found["clickhouse"] = checked.sql
    return found


def _notice(one: Notice) -> dict[str, Any]:
    found: dict[str, Any] = {"message": one.message, "start": one.span.start, "end": one.span.end}
    return found if one.fix is None else found | {"fix": one.fix}


def autocomplete(asked: HogQLRequest, facts: ProjectFacts, known: Known) -> dict[str, Any]:
    """PostHog's answer to a ``HogQLAutocomplete`` query: what could stand in place of a range of the text."""
    began = time.perf_counter()
    about = read_about(asked)
    start, end = read_range(asked)
    placeholders = [*(f"variables.{name}" for name in asked.variables), *about.placeholders()]
    if about.is_expression:
        found = complete_expression(
            asked.query, start, end, facts, source=about.source, known=known, placeholders=placeholders
        )
    else:
        found = complete(asked.query, start, end, facts, known=known, placeholders=placeholders)
    return {
        "suggestions": [_suggestion(number, one) for number, one in enumerate(found.suggestions)],
        "incomplete_list": found.incomplete,
        "timings": [{"k": "./complete", "t": round(time.perf_counter() - began, 6)}],
    }


def _suggestion(number: int, one: Suggestion) -> dict[str, Any]:
    return {
        "label": one.label,
        "insertText": one.insert_text,
        "kind": one.kind,
        "detail": one.detail,
        "documentation": one.documentation,
        # PostHog's editor sorts by this text; without it by the label.
        "sortText": f"{number:04}",
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
        if column.name not in NOT_SHOWN:
            yield column.name, _field(column)
    for name, join in table.joins.items():
        if name not in NOT_SHOWN:
            fields = [column for column in TABLES[join.table].columns if column not in NOT_SHOWN]
            yield name, _plain(name, "lazy_table") | {"table": join.table, "fields": fields}
    for name, columns in table.virtual.items():
        if name not in NOT_SHOWN:
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
