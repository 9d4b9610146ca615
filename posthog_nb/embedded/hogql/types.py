"""The few types that decide how HogQL is written in ClickHouse."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum, auto
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = [
    "BOOLEAN",
    "DATE",
    "DATETIME",
    "FLOAT",
    "INTEGER",
    "JSON",
    "STRING",
    "UNKNOWN",
    "UUID",
    "Kind",
    "Type",
    "common_type",
]


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

    @property
    def label(self) -> str | None:
        """What PostHog calls it; None when nothing is known of it."""
        if self.kind is Kind.ARRAY:
            item = self.items[0].label if self.items else None
            return f"Array({item})" if item else "Array"
        name = _LABELS.get(self.kind)
        return f"Nullable({name})" if name and self.nullable else name

    def or_null(self, nullable: bool = True) -> Type:
        """The same type, nullable if it was or if ``nullable``."""
        return self if self.nullable or not nullable else replace(self, nullable=True)


_LABELS = {
    Kind.STRING: "String",
    Kind.JSON: "JSON",
    Kind.INTEGER: "Integer",
    Kind.FLOAT: "Float",
    Kind.DECIMAL: "Decimal",
    Kind.BOOLEAN: "Boolean",
    Kind.DATETIME: "DateTime",
    Kind.DATE: "Date",
    Kind.UUID: "UUID",
    Kind.INTERVAL: "Interval",
    Kind.TUPLE: "Tuple",
}

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


def common_type(types: Sequence[Type]) -> Type:
    """The type of a value that has one of these."""
    nullable = any(type_.nullable for type_ in types)
    kinds = {type_.kind for type_ in types}
    if len(kinds) != 1:
        return Type(Kind.UNKNOWN, nullable)
    items = tuple(type_.items for type_ in types)
    return Type(kinds.pop(), nullable, (common_type([one for (one,) in items]),) if all(items) else ())
