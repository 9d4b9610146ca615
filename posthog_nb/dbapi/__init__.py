"""PostHog as a Python database (PEP 249), for tools that take a connection: pandas, polars, marimo's SQL cells.

HogQL only reads, so there are no transactions and nothing to commit. A value is bound, never pasted: ``%(name)s`` and
HogQL's own ``{name}`` stand for the value of that name.
"""

from __future__ import annotations

from posthog_nb.dbapi.connection import Connection, connect
from posthog_nb.dbapi.cursor import Cursor
from posthog_nb.dbapi.errors import (
    DatabaseError,
    DataError,
    Error,
    IntegrityError,
    InterfaceError,
    InternalError,
    NotSupportedError,
    OperationalError,
    ProgrammingError,
    Warning,  # noqa: A004 - its name in PEP 249
)
from posthog_nb.dbapi.kinds import (
    BINARY,
    DATETIME,
    NUMBER,
    ROWID,
    STRING,
    Binary,
    Date,
    DateFromTicks,
    Time,
    TimeFromTicks,
    Timestamp,
    TimestampFromTicks,
)

__all__ = [
    "BINARY",
    "DATETIME",
    "NUMBER",
    "ROWID",
    "STRING",
    "Binary",
    "Connection",
    "Cursor",
    "DataError",
    "DatabaseError",
    "Date",
    "DateFromTicks",
    "Error",
    "IntegrityError",
    "InterfaceError",
    "InternalError",
    "NotSupportedError",
    "OperationalError",
    "ProgrammingError",
    "Time",
    "TimeFromTicks",
    "Timestamp",
    "TimestampFromTicks",
    "Warning",
    "apilevel",
    "connect",
    "paramstyle",
    "threadsafety",
]

apilevel = "2.0"
threadsafety = 2
"""Threads may share the module and connections; a cursor belongs to one of them."""
paramstyle = "pyformat"
