"""The types of PEP 249: what a column's type code compares equal to, and makers of values."""

from __future__ import annotations

import datetime as dt

from posthog_nb.frames import TypeTextError, parse_type

__all__ = [
    "BINARY",
    "DATETIME",
    "NUMBER",
    "ROWID",
    "STRING",
    "Binary",
    "Date",
    "DateFromTicks",
    "Time",
    "TimeCode",
    "TimeFromTicks",
    "Timestamp",
    "TimestampFromTicks",
]


class Kind:
    """A kind of columns. It equals the type code, ClickHouse's own text, of each of them.

    Args:
        names: How the names of their types begin, without Nullable and LowCardinality.
    """

    def __init__(self, *names: str) -> None:
        self._names = names

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, str | TimeCode):
            return self is other if isinstance(other, Kind) else NotImplemented
        try:
            return parse_type(str(other)).bare.name.startswith(self._names)
        except TypeTextError:
            return False

    __hash__ = object.__hash__


class TimeCode:
    """The type code of a column of times.

    It is no text: polars takes a text that begins with ``DateTime`` for times without a zone, and would drop theirs.

    Args:
        text: The column's ClickHouse type.
    """

    def __init__(self, text: str) -> None:
        self._text = text

    def __str__(self) -> str:
        return self._text

    def __repr__(self) -> str:
        return f"<{self._text}>"

    def __eq__(self, other: object) -> bool:
        return str(self) == str(other) if isinstance(other, str | TimeCode) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._text)


STRING = Kind("String", "FixedString", "Enum", "UUID", "IPv", "JSON", "Object")
BINARY = Kind("\0")
"""HogQL has no columns of bytes: none equals it."""
NUMBER = Kind("Int8", "Int16", "Int32", "Int64", "Int128", "Int256", "UInt", "Float", "BFloat", "Decimal", "Bool")
DATETIME = Kind("Date")
ROWID = Kind("\0")
"""HogQL's tables have no row ids: none equals it."""

Date = dt.date
Time = dt.time
Timestamp = dt.datetime
Binary = bytes


def DateFromTicks(ticks: float) -> dt.date:  # noqa: N802 - its name in PEP 249
    """The date in this computer's zone."""
    return TimestampFromTicks(ticks).date()


def TimeFromTicks(ticks: float) -> dt.time:  # noqa: N802 - its name in PEP 249
    """The time of day in this computer's zone."""
    return TimestampFromTicks(ticks).timetz()


def TimestampFromTicks(ticks: float) -> dt.datetime:  # noqa: N802 - its name in PEP 249
    """The moment, in this computer's zone."""
    return dt.datetime.fromtimestamp(ticks, dt.UTC).astimezone()
