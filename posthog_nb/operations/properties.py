"""What an event may carry: checked before it is sent, with the path of whatever JSON cannot hold."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import UTC, date, datetime, time
from typing import Any
from uuid import UUID

from posthog_nb.errors import InvalidInputError
from posthog_nb.operations.moments import gathered_warnings, in_utc, is_missing, warn_together
from posthog_nb.operations.plain import as_python, is_text

__all__ = ["event_time", "json_properties"]

_DEEPEST = 50
_INTEGER_BITS = 64


def json_properties(properties: object, name: str = "properties") -> dict[str, Any]:
    """``properties`` as JSON can carry them.

    Times and dates become ISO text, UUIDs text, and scalars, arrays and series of numpy, pandas, polars and Arrow
    Python's own.

    Raises:
        InvalidInputError: they are not a mapping with text keys, or a value cannot be carried.
    """
    if properties is None:
        return {}
    if not isinstance(properties, Mapping):
        raise InvalidInputError(
            f"{name} is of type {type(properties).__name__}.",
            hint='Give a dict: {"plan": "pro", "seats": 3}.',
            argument=name,
        )
    carried: dict[str, Any] = {}
    with gathered_warnings() as naive:
        for key, value in properties.items():
            try:
                carried[_key(key, name)] = _value(value, f"{name}[{key!r}]", depth=1)
            except InvalidInputError as error:
                error.argument, error.key = name, str(key)
                raise
    warn_together(naive)
    return carried


def _mapping(found: Mapping[Any, Any], path: str, depth: int) -> dict[str, Any]:
    return {_key(key, path): _value(item, f"{path}[{key!r}]", depth + 1) for key, item in found.items()}


def _key(key: object, path: str) -> str:
    if not isinstance(key, str):
        raise InvalidInputError(f"{path} has the key {key!r}, which is not text.")
    return _check_text(key, f"the key {key!r} of {path}")


def _value(value: object, path: str, depth: int) -> Any:  # noqa: ANN401, C901, PLR0911, PLR0912 - one case a type
    if depth > _DEEPEST:
        raise InvalidInputError(f"{path} nests more than {_DEEPEST} deep.", hint="Does it hold itself?")
    match value:
        case None | bool():
            return value
        case str():
            return _check_text(value, path)
        case int():
            if value.bit_length() > _INTEGER_BITS:
                raise InvalidInputError(f"{path} is {value}, which does not fit into 64 bits.", hint="Send its text.")
            return int(value)
        case float():
            if not math.isfinite(value):
                raise InvalidInputError(
                    f"{path} is {value}, which JSON cannot carry.", hint="Leave it out, or use None."
                )
            return float(value)
        case datetime():
            if is_missing(value):
                raise InvalidInputError(f"{path} is NaT, which JSON cannot carry.", hint="Leave it out, or use None.")
            return event_time(value, path).isoformat()
        case date() | time():
            return value.isoformat()
        case UUID():
            return str(value)
        case Mapping():
            return _mapping(value, path, depth)
        case list() | tuple():
            return [_value(item, f"{path}[{number}]", depth + 1) for number, item in enumerate(value)]
    # A set has no order, and a list in an event has one.
    found = value if isinstance(value, (set, frozenset)) else as_python(value)
    if found is not value and found is not None:
        return _value(found, path, depth + 1)
    raise InvalidInputError(
        f"{path} is of type {type(value).__name__}, which JSON cannot carry.",
        hint="Send text, a number, True/False, None, a time, or lists and dicts of them.",
    )


def _check_text(text: str, path: str) -> str:
    if not is_text(text):
        raise InvalidInputError(f"{path} holds half a surrogate pair, which is not text.")
    return text


def event_time(given: object, name: str = "timestamp") -> datetime:
    """A point in time: aware, in UTC. A time without a zone is read in this computer's zone, with a warning.

    Args:
        given: A ``datetime`` (``pd.Timestamp`` is one), ISO 8601 text, or None for now.
        name: What to call it in an error.

    Raises:
        InvalidInputError: it is none of these.
    """
    if given is None:
        return datetime.now(UTC)
    found = given
    if isinstance(found, str):
        try:
            found = datetime.fromisoformat(found.strip())
        except ValueError as error:
            raise InvalidInputError(
                f"{name} is {given!r}, which is not ISO 8601.",
                hint="Write 2026-01-31T12:00:00Z, or pass a datetime.",
                argument=name,
            ) from error
    if not isinstance(found, datetime) or is_missing(found):
        raise InvalidInputError(
            f"{name} is {given!r}, not a time.", hint="Pass a datetime or ISO 8601 text.", argument=name
        )
    return in_utc(found, name)
