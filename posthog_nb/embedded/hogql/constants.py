"""Constants as ClickHouse writes them."""

from __future__ import annotations

import uuid
from datetime import date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from posthog_nb.embedded.hogql.sql import Literal, call
from posthog_nb.embedded.hogql.typed import Typed
from posthog_nb.embedded.hogql.types import (
    BOOLEAN,
    DATE,
    DATETIME,
    DECIMAL,
    FLOAT,
    INTEGER,
    STRING,
    UUID,
    Kind,
    Type,
)

__all__ = ["constant", "number"]


def number(value: object) -> object:
    """A number that the parser kept as text: too large for it, infinite, or none."""
    text = str(value)
    try:
        return int(text)
    except ValueError:
        return float(text)


def constant(value: object, zone: str) -> Typed:
    """A constant; times are written in ``zone``."""
    match value:
        case datetime():
            local = value.astimezone(ZoneInfo(zone)).strftime("%Y-%m-%d %H:%M:%S.%f")
            return Typed(call("toDateTime64", local, 6, zone), DATETIME, constant=True)
        case date():
            return Typed(call("toDate", value.isoformat()), DATE, constant=True)
        case uuid.UUID():
            return Typed(call("toUUIDOrNull", str(value)), UUID, constant=True)
        case Decimal():
            exponent = value.as_tuple().exponent
            scale = max(0, -exponent) if isinstance(exponent, int) else 0
            return Typed(call("toDecimal256", f"{value:f}", scale), DECIMAL, constant=True)
        case bool() | int() | float() | str() | None:
            return Typed(Literal(value), _plain_type(value), constant=True)
        case _:
            raise AssertionError(value)


def _plain_type(value: str | float | bool | None) -> Type:
    match value:
        case None:
            return Type(Kind.UNKNOWN, nullable=True)
        case bool():
            return BOOLEAN
        case int():
            return INTEGER
        case float():
            return FLOAT
        case _:
            return STRING
