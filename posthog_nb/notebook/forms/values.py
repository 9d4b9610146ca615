"""Values as a form's fields hold them: a kind and what was typed, and the value that JSON then carries."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import date
from typing import Any, NoReturn

from posthog_nb.errors import InvalidInputError
from posthog_nb.operations.properties import json_properties

__all__ = [
    "DATE",
    "JSON",
    "KINDS",
    "NUMBER",
    "TEXT",
    "YES_NO",
    "Row",
    "json_text",
    "kind_for",
    "read_object",
    "row_of",
    "value_of",
]

TEXT, NUMBER, YES_NO, DATE, JSON = "text", "number", "yes/no", "date", "JSON"
KINDS = (TEXT, NUMBER, YES_NO, DATE, JSON)

_BY_PROPERTY_TYPE = {"String": TEXT, "Numeric": NUMBER, "Duration": NUMBER, "Boolean": YES_NO, "DateTime": DATE}
_NUMBER = re.compile(r"[+-]?(\d+)(\.\d+)?([eE][+-]?\d+)?")
_LONGEST_NUMBER = 400
"""Python itself refuses to read an integer of more than some thousands of digits; 64 bits are 20."""


@dataclass(frozen=True)
class Row:
    """One property.

    Attributes:
        key: Its name.
        kind: One of :data:`KINDS`.
        given: What was typed or chosen: a text, a truth value, a date, or None for nothing yet.
    """

    key: str
    kind: str
    given: str | bool | date | None

    @property
    def is_blank(self) -> bool:
        """Whether nothing was put into it, so that it is no property."""
        return not self.key and self.given in {None, ""}


def kind_for(property_type: str) -> str | None:
    """The kind of a property that PostHog defines to have a type; None where it does not tell."""
    return _BY_PROPERTY_TYPE.get(property_type)


def value_of(row: Row) -> Any:  # noqa: ANN401 - any JSON
    """The value of a property.

    Raises:
        InvalidInputError: what was typed is none of its kind, or JSON cannot carry it.
    """
    if not row.key:
        raise InvalidInputError("The property has a value and no name.", hint="Name it, or remove the row.")
    match row.kind, row.given:
        case "text", str() as text:
            value: object = text
        case "number", str() as text:
            value = _number(text)
        case "yes/no", bool() as truth:
            value = truth
        case "date", date() as day:
            value = day.isoformat()
        case "JSON", str() as text:
            value = _read_json(text)
        case kind, _:
            raise InvalidInputError(f"The property has no value yet: {kind} is wanted.")
    return json_properties({row.key: value})[row.key]


def row_of(key: str, value: object) -> Row:
    """The row that a property is shown as; :func:`value_of` gives the same value back."""
    match value:
        case bool():
            return Row(key, YES_NO, value)
        case int() | float():
            return Row(key, NUMBER, json.dumps(value))
        # A field of one line would lose what cannot be typed into it, such as the end of a line.
        case str() if value.isprintable():
            return Row(key, TEXT, value)
    return Row(key, JSON, json_text(value))


def json_text(value: object, indent: int | None = None) -> str:
    """A value as JSON to be edited: what could not be seen, or would turn the order of letters around, is escaped."""
    text = json.dumps(value, ensure_ascii=False, indent=indent)
    # The ends of lines that are not escaped yet are those of the indent.
    return "".join(c if c.isprintable() or c == "\n" else json.dumps(c)[1:-1] for c in text)


def read_object(text: str) -> dict[str, Any]:
    """All properties as one JSON object; an empty text is none.

    Raises:
        InvalidInputError: it is no JSON object, or holds what cannot be sent.
    """
    if not text.strip():
        return {}
    found = _read_json(text)
    if not isinstance(found, dict):
        raise InvalidInputError("The properties are JSON, and no object.", hint='Write {"plan": "pro", "seats": 3}.')
    return json_properties(found)


def _number(text: str) -> int | float:
    if not text.strip():
        raise InvalidInputError("The property has no value yet: a number is wanted.")
    found = _NUMBER.fullmatch(text.strip()) if len(text) <= _LONGEST_NUMBER else None
    if found is None:
        shown = repr(text) if len(text) <= _LONGEST_NUMBER else f"{text[:20]!r}..."
        raise InvalidInputError(f"{shown} is no number.", hint="Write 3, -0.5 or 1e6, with a point and no spaces.")
    whole = found[2] is None and found[3] is None
    return int(text) if whole else float(text)


def _read_json(text: str) -> Any:  # noqa: ANN401 - any JSON
    try:
        return json.loads(text, parse_constant=_no_constant, object_pairs_hook=_no_key_twice)
    except InvalidInputError:  # a ValueError as well
        raise
    except RecursionError as error:
        raise InvalidInputError("The JSON nests too deep.") from error
    except json.JSONDecodeError as error:
        raise InvalidInputError(
            f"This is no JSON: {error.msg}, line {error.lineno}, column {error.colno}.",
            hint='Text stands in quotes: "pro".',
        ) from error
    except ValueError as error:  # a number with more digits than Python reads
        raise InvalidInputError(f"The JSON cannot be read: {error}.") from error


def _no_constant(name: str) -> NoReturn:
    raise InvalidInputError(f"{name} is no JSON.", hint="Leave it out, or write null.")


def _no_key_twice(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        twice = next(key for number, (key, _) in enumerate(pairs) if key in dict(pairs[:number]))
        raise InvalidInputError(f"The JSON has the key {twice!r} twice.", hint="PostHog would keep one of the two.")
    return found
