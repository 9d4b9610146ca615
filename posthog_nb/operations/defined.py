"""A property's value as the project defines the property: a number, a truth value, a time or a text.

The declared type of ``properties.plan`` tells the definition, and asking for it takes no more than ``query:read``. A
value is read as HogQL reads it: a text of digits is a number where the property is defined as one, and what is of
another kind is nothing, which HogQL keeps to itself and we tell.
"""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from posthog_nb.frames import ClickHouseType

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

__all__ = ["Misfit", "as_text", "is_rounded", "questions", "reader_of"]

KEYS_A_QUERY = 200

_NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_WHOLE = re.compile(r"[+-]?[0-9]+")
_UNIX = re.compile(r"([0-9]{9,10}|[0-9]{13}|[0-9]{16}|[0-9]{19})(\.[0-9]+)?")
_FRACTION_DIGITS = {9: 0, 10: 0, 13: 3, 16: 6, 19: 9}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DAY_FIRST = re.compile(r"^([0-9]{2})[-/]([0-9]{2})[-/]([0-9]{4})")
_YEAR_FIRST = re.compile(r"^([0-9]{4})/([0-9]{2})/([0-9]{2})")
_OFFSET_APART = re.compile(r" +([+-][0-9]{2}:?[0-9]{2})$")
_UTC_APART = re.compile(r" +(?:UTC|GMT)$")
_FULL_DATE = re.compile(r"[0-9]{4}-?[0-9]{2}-?[0-9]{2}")
_OF_MAIL = re.compile(r"[A-Z][a-z]{2}, [0-9]{1,2} [A-Z][a-z]{2} [0-9]{4} [0-9:]{5,8} (?:GMT|UTC|[+-][0-9]{4})")


class Misfit(ValueError):  # noqa: N818 - a verdict about a value, which never leaves this room
    """The value is of another kind than the property is defined to be."""


def questions(keys: Iterable[str], of: str) -> Iterator[tuple[list[str], str, dict[str, object]]]:
    """``(keys, query, values)`` for queries whose columns have the declared types of those properties, and no rows.

    Args:
        keys: The properties. PostHog refuses a name with a percent sign, so of such there is no question.
        of: ``"event"`` or ``"person"``: whose they are.
    """
    asked = [key for key in keys if key and "%" not in key]
    for start in range(0, len(asked), KEYS_A_QUERY):
        some = asked[start : start + KEYS_A_QUERY]
        columns = ", ".join(f"properties[{{k{number}}}] AS p{number}" for number in range(len(some)))
        yield some, f"SELECT {columns} FROM {of}s LIMIT 0", {f"k{number}": key for number, key in enumerate(some)}


def reader_of(declared: ClickHouseType, zone: str) -> tuple[ClickHouseType, Callable[[Any], Any], str]:
    """``(type, read, name)`` of a column for a property whose declared type is ``declared``.

    Args:
        declared: The type of the property in an answer.
        zone: The project's zone, for times that name none.
    """
    name = declared.bare.name
    if name == "Bool":
        return _nullable("Bool"), _truth, "Boolean"
    if name.startswith(("Float", "Decimal", "Int", "UInt")):
        return _nullable("Float64"), _number, "Numeric"
    if name.startswith("DateTime"):
        named = next((argument for argument in declared.bare.arguments if isinstance(argument, str)), zone)
        there = ZoneInfo(named)
        return _nullable("DateTime64", 6, named), lambda value: _moment(value, there), "DateTime"
    return _nullable("String"), as_text, "String"


def _nullable(name: str, *arguments: int | str) -> ClickHouseType:
    return ClickHouseType("Nullable", (ClickHouseType(name, arguments),))


def as_text(value: object) -> str:
    """A text as it is, anything else as JSON."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    # Half a surrogate pair, which JSON can write and no column can hold, is written out.
    return text if text.isascii() else text.encode(errors="backslashreplace").decode()


def _truth(value: object) -> bool:
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value in {"true", "false"}:
        return value == "true"
    raise Misfit


def _number(value: object) -> float:
    if isinstance(value, bool) or not (
        isinstance(value, int | float) or (isinstance(value, str) and _NUMBER.fullmatch(value))
    ):
        raise Misfit
    try:
        return float(value)
    except OverflowError as error:
        raise Misfit from error


def is_rounded(value: object, found: object) -> bool:
    """Whether a whole number lost digits on becoming the float ``found``, which has 53 bits for it."""
    return isinstance(found, float) and bool(_WHOLE.fullmatch(str(value))) and Decimal(str(value)) != Decimal(found)


def _moment(value: object, zone: ZoneInfo) -> datetime:
    text = str(value).strip() if isinstance(value, str | int | float) and not isinstance(value, bool) else ""
    try:
        found = _unix(text) or _written(text)
        if found.tzinfo is None:
            found = found.replace(tzinfo=zone)
        return found.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise Misfit from error


def _unix(text: str) -> datetime | None:
    found = _UNIX.fullmatch(text)
    if found is None:
        return None
    return _EPOCH + timedelta(microseconds=int(Decimal(text).scaleb(6 - _FRACTION_DIGITS[len(found[1])])))


def _written(text: str) -> datetime:
    if _OF_MAIL.fullmatch(text):
        return parsedate_to_datetime(text)
    text = _DAY_FIRST.sub(r"\3-\2-\1", _YEAR_FIRST.sub(r"\1-\2-\3", text))
    if not _FULL_DATE.match(text):
        raise Misfit
    return datetime.fromisoformat(_UTC_APART.sub("+00:00", _OFFSET_APART.sub(r"\1", text)))
