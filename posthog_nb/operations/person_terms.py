"""What a call about persons says: checked, and as HogQL's conditions."""

from __future__ import annotations

from typing import TYPE_CHECKING, SupportsIndex
from uuid import UUID

from posthog_nb.errors import InvalidInputError
from posthog_nb.operations.person import NAME_PROPERTIES
from posthog_nb.operations.plain import whole_number
from posthog_nb.operations.properties import event_time

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["event_conditions", "identity", "person_conditions", "where"]

_MOST_DIGITS = 19
"""Of a number that fits into 64 bits; a UUID without dashes may consist of digits as well."""


def identity(person_id: object) -> int | str:
    """PostHog's number of a person, or the UUID as it is usually written.

    Raises:
        InvalidInputError: ``person_id`` is neither.
    """
    if isinstance(person_id, bool) or not isinstance(person_id, str | UUID | SupportsIndex):
        raise InvalidInputError(
            f"person_id is of type {type(person_id).__name__}.", hint="It is a person's UUID, or PostHog's number."
        )
    text = str(person_id).strip()
    if not text:
        raise InvalidInputError("person_id is empty.", hint="It is a person's UUID, or PostHog's number.")
    if text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS:
        return int(text)
    try:
        return str(UUID(text))
    except ValueError as error:
        raise InvalidInputError(
            f"{text!r} is neither a person's UUID nor a number.",
            hint=f"If it is a distinct id, use persons.search(distinct_id={text!r}).",
        ) from error


def _text(given: object, name: str) -> str:
    if name != "event" and (number := whole_number(given)) is not None:
        # A database's number for somebody, which was sent as a text as well.
        return str(number)
    if not isinstance(given, str):
        raise InvalidInputError(f"{name} is {given!r}, of type {type(given).__name__}, not text.")
    return given


def person_conditions(**given: object) -> tuple[list[str], dict[str, object]]:
    """The conditions of a search, and their values: ``search``, ``email`` and ``distinct_id``.

    Raises:
        InvalidInputError: one of them is no text.
    """
    search, email, distinct_id = (
        None if given[name] is None else _text(given[name], name) for name in ("search", "email", "distinct_id")
    )
    conditions: list[str] = []
    values: dict[str, object] = {}
    if search is not None and search.strip():
        values["search"] = search.strip()
        contains = "positionCaseInsensitiveUTF8({text}, {{search}}) > 0"
        found = [contains.format(text=f"ifNull({_property(name)}, '')") for name in NAME_PROPERTIES]
        found.append(f"id IN (SELECT person_id FROM person_distinct_ids WHERE {contains.format(text='distinct_id')})")
        if (uuid := _uuid(search)) is not None:
            values["uuid"] = uuid
            found.append("id = toUUID({uuid})")
        conditions.append(f"({' OR '.join(found)})")
    if email is not None:
        values["email"] = email
        conditions.append(f"{_property('email')} = {{email}}")
    if distinct_id is not None:
        values["distinct_id"] = distinct_id
        conditions.append("id IN (SELECT person_id FROM person_distinct_ids WHERE distinct_id = {distinct_id})")
    return conditions, values


def _property(name: str) -> str:
    # `properties.name` leaves quotes and backslashes as JSON escapes them, and is no text where the project defines the
    # property as a number. JSONExtractString has the text itself, and nothing for a value of another kind.
    return f"ifNull(nullIf(JSONExtractString(properties, '{name}'), ''), toString(properties.{name}))"


def _uuid(text: str) -> str | None:
    try:
        return str(UUID(text.strip()))
    except ValueError:
        return None


def event_conditions(event: object, after: object, before: object) -> tuple[list[str], dict[str, object]]:
    """The conditions that choose among a person's events, and their values.

    Raises:
        InvalidInputError: one is not what it should be, or no moment lies between the two times.
    """
    times = {
        name: event_time(given, name) for name, given in (("after", after), ("before", before)) if given is not None
    }
    if len(times) == 2 and times["after"] >= times["before"]:  # noqa: PLR2004 - both of them
        raise InvalidInputError(f"after is {after} and before is {before}: no moment lies between them.")
    signs = {"after": ">", "before": "<"}
    conditions = [f"timestamp {signs[name]} {{{name}}}" for name in times]
    values: dict[str, object] = dict(times)
    if event is not None:
        conditions.append("event = {event}")
        values["event"] = _text(event, "event")
    return conditions, values


def where(conditions: Sequence[str]) -> str:
    """The conditions as a WHERE; nothing without any."""
    return f" WHERE {' AND '.join(conditions)}" if conditions else ""
