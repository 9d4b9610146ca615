"""The few types that decide how HogQL is written in ClickHouse."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum, auto

__all__ = ["BOOLEAN", "DATE", "DATETIME", "FLOAT", "INTEGER", "JSON", "STRING", "UNKNOWN", "UUID", "Kind", "Type"]


class Kind(Enum):
    """What a value is, as far as HogQL's rules ask."""

    UNKNOWN = auto()
    STRING = auto()
    JSON = auto()
    INTEGER = auto()
    FLOAT = auto()
    DECIMAL = auto()
    BOOLEAN = auto()
    DATETIME = auto()
    DATE = auto()
    UUID = auto()
    INTERVAL = auto()
    ARRAY = auto()
    TUPLE = auto()
    LAMBDA = auto()


@dataclass(frozen=True)
class Type:
    """A kind, whether NULL may occur, and what an array holds.

    ``UNKNOWN`` counts as nullable: comparing null-safely where no NULL occurs changes nothing.
    """

    kind: Kind
    nullable: bool = False
    items: tuple[Type, ...] = ()

    def or_null(self, nullable: bool = True) -> Type:
        """The same type, nullable if it was or if ``nullable``."""
        return self if self.nullable or not nullable else replace(self, nullable=True)


UNKNOWN = Type(Kind.UNKNOWN, nullable=True)
STRING = Type(Kind.STRING)
JSON = Type(Kind.JSON)
INTEGER = Type(Kind.INTEGER)
FLOAT = Type(Kind.FLOAT)
DECIMAL = Type(Kind.DECIMAL)
BOOLEAN = Type(Kind.BOOLEAN)
DATETIME = Type(Kind.DATETIME)
DATE = Type(Kind.DATE)
UUID = Type(Kind.UUID)
INTERVAL = Type(Kind.INTERVAL)
