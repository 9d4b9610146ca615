"""The tables and columns that a project can be asked for."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from posthog_nb.frames import JsonRows, decode, default_frame, to_frame
from posthog_nb.http import Deadline, Question
from posthog_nb.operations.kept import look_up

if TYPE_CHECKING:
    from posthog_nb.connection import Connection

__all__ = ["read_schema", "schema"]

_SECONDS = 60.0
_COLUMNS = ("table", "column", "type")
_OF_A_FIELD = ("name", "type")


def schema(connection: Connection, pattern: str | None, frame: str | None) -> Any:  # noqa: ANN401 - a frame
    """The columns of the project's tables; see :meth:`posthog_nb.client.Client.schema`."""
    found = look_up(connection, "schema", {}, lambda: read_schema(connection))
    rows = [
        (table, field["name"], field["type"])
        for table, about in sorted(found["tables"].items())
        for field in about["fields"].values()
        if _matches(f"{table}.{field['name']}", pattern)
    ]
    return to_frame(decode(_COLUMNS, ("String",) * len(_COLUMNS), JsonRows.of(rows)), frame or default_frame())


def read_schema(connection: Connection) -> Any:  # noqa: ANN401 - any JSON
    """The project's tables, and of what PostHog tells of each its columns.

    The rest, such as how many rows are in it and where they lie, nobody is shown.
    """
    found = connection.start_query(
        {"query": {"kind": "DatabaseSchemaQuery"}}, deadline=Deadline(_SECONDS), question=Question(kind="query")
    )
    return {
        "tables": {
            table: {
                "fields": {key: {name: field[name] for name in _OF_A_FIELD} for key, field in about["fields"].items()}
            }
            for table, about in found["tables"].items()
        }
    }


def _matches(name: str, pattern: str | None) -> bool:
    if pattern is None:
        return True
    wanted = pattern.lower()
    return fnmatchcase(name.lower(), wanted if set(wanted) & set("*?[") else f"*{wanted}*")
