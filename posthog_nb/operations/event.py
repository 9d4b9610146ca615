"""An event as it is sent: checked whole, with a uuid and a time of its own."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

from posthog_nb.distinct_ids import is_illegal_distinct_id, is_personless_distinct_id
from posthog_nb.errors import InvalidInputError
from posthog_nb.operations.plain import is_text, whole_number
from posthog_nb.operations.properties import event_time, json_properties
from posthog_nb.uuid7 import uuid7

if TYPE_CHECKING:
    from collections.abc import Mapping

    from posthog_nb.connection import Connection

__all__ = ["MERGED_ID", "Event", "encode", "make_event", "mergeable", "merged_id", "text_of"]

LONGEST_NAME = 200
"""PostHog cuts a longer distinct id, so that two people might become one. Capture v1 counts bytes, and drops it."""

MOST_BYTES = 1_000_000
"""An event that is larger than about this in PostHog's queue never leaves it."""

FURTHEST_AHEAD = timedelta(hours=23)
"""PostHog takes an event that is further ahead to happen when it arrives."""
_FIRST_YEAR = 1900
"""ClickHouse's DateTime64 holds nothing earlier."""

_PROFILE = "$process_person_profile"
MERGED_ID = {"$identify": "$anon_distinct_id", "$create_alias": "alias", "$merge_dangerously": "alias"}
"""The events that merge persons, and the property in which each has the other id."""
_NEEDS_A_PROFILE = frozenset({*MERGED_ID, "$groupidentify"})
_V1_OPTIONS = {
    "$cookieless_mode": ("cookieless_mode", bool),
    "$product_tour_id": ("product_tour_id", str),
    _PROFILE: ("process_person_profile", bool),
}
_V1_ROOT = {"$session_id": "session_id", "$window_id": "window_id"}


@dataclass(frozen=True, slots=True)
class Event:
    """One event with its uuid and its time, ready to be sent, or to be sent again: PostHog stores a uuid once.

    An error of a write has the event as ``error.unsent``; ``ph.resend(error.unsent)`` sends it again.

    Attributes:
        event: The event's name.
        distinct_id: Whose event it is.
        properties: What JSON carries of its properties.
        timestamp: When it happened, in UTC.
        uuid: The event's own id.
    """

    event: str
    distinct_id: str
    properties: dict[str, Any]
    timestamp: datetime
    uuid: str


def make_event(
    event: object, distinct_id: object, properties: object = None, timestamp: object = None, uuid: object = None
) -> Event:
    """Check what is given and make an event of it.

    Raises:
        InvalidInputError: PostHog would refuse it, lose it, cut it or change it.
    """
    name, known = text_of(event, "event"), text_of(distinct_id, "distinct_id")
    carried = json_properties(properties)
    _check_persons(name, known, carried)
    moment = event_time(timestamp)
    if timestamp is not None and moment - datetime.now(UTC) > FURTHEST_AHEAD:
        raise InvalidInputError(
            f"timestamp is {moment.isoformat()}, more than 23 hours ahead.",
            hint="PostHog would store the time at which the event arrives instead.",
            argument="timestamp",
        )
    if moment.year < _FIRST_YEAR:
        raise InvalidInputError(
            f"timestamp is {moment.isoformat()}, before {_FIRST_YEAR}.",
            hint="ClickHouse's times begin there; the event would not keep this one.",
            argument="timestamp",
        )
    return Event(name, known, carried, moment, _uuid_of(uuid))


def text_of(given: object, what: str) -> str:
    """An event's name, a distinct id or another name of at most 200 characters."""
    if what != "event" and (number := whole_number(given)) is not None:
        # A database's number. PostHog would make it a text as well.
        given = str(number)
    if not isinstance(given, str):
        raise InvalidInputError(f"{what} is {given!r}, of type {type(given).__name__}, not text.", argument=what)
    if not given.strip():
        raise InvalidInputError(f"{what} is empty.", argument=what)
    if len(given) > LONGEST_NAME:
        raise InvalidInputError(
            f"{what} has {len(given)} characters; PostHog takes up to {LONGEST_NAME} ({given[:40]!r}...).",
            argument=what,
        )
    if not is_text(given):
        raise InvalidInputError(f"{what} holds half a surrogate pair, which is not text.", argument=what)
    return given


def mergeable(distinct_id: str, argument: str, key: str | None = None) -> str:
    """An id over which PostHog merges persons; it stands in an argument, or under a key of it."""
    if is_illegal_distinct_id(distinct_id):
        what = argument if key is None else f"{argument}[{key!r}]"
        raise InvalidInputError(
            f"{what} is {distinct_id!r}: PostHog never merges persons over such an id.",
            hint="It usually stands for a missing value. Use the person's own id.",
            argument=argument,
            key=key,
        )
    return distinct_id


def _uuid_of(given: object) -> str:
    if given is None:
        return str(uuid7())
    try:
        found = given if isinstance(given, UUID) else UUID(given) if isinstance(given, str) else None
    except ValueError:
        found = None
    if found is None or not found.int:
        raise InvalidInputError(
            f"uuid is {given!r}, which is not a UUID.", hint="Leave it out, and one is made.", argument="uuid"
        )
    return str(found)


def _check_persons(event: str, distinct_id: str, properties: Mapping[str, Any]) -> None:
    profile = properties.get(_PROFILE)
    if profile is not None and not isinstance(profile, bool):
        raise InvalidInputError(
            f"properties[{_PROFILE!r}] is {profile!r}, not True or False.",
            hint="PostHog would take it for True.",
            argument="properties",
            key=_PROFILE,
        )
    if profile is False and event in _NEEDS_A_PROFILE:
        raise InvalidInputError(
            f"{event} with {_PROFILE} False: PostHog drops such an event.",
            hint=f"Leave {_PROFILE} out.",
            argument="properties",
            key=_PROFILE,
        )
    other = merged_id(event, properties)
    if other is None:
        return
    mergeable(distinct_id, "distinct_id")
    mergeable(other, "properties", MERGED_ID[event])


def merged_id(event: str, properties: Mapping[str, Any]) -> str | None:
    """The id whose person such an event merges into that of its distinct id; None where it merges nobody."""
    key = MERGED_ID.get(event)
    other = None if key is None else properties.get(key)
    return None if other is None or other == "" else str(other)


def encode(event: Event, connection: Connection) -> bytes:
    """The event's JSON, as the connection's capture mode wants it; the same bytes each time.

    Raises:
        InvalidInputError: it is too large, capture v1 would drop it, or it is of a pseudonym.
    """
    _check_real(event, connection)
    if connection.capture_mode == "v1":
        _check_v1(event)
        body = _v1(event)
    else:
        body = _v0(event, connection.version)
    data = json.dumps(body, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()
    # PostHog queues the event's JSON as one text inside another: quotes and backslashes count twice.
    queued = len(data) + data.count(b'"') + data.count(b"\\")
    if queued > MOST_BYTES:
        raise InvalidInputError(
            f"The event has {len(data):,} bytes as JSON and {queued:,} bytes in PostHog's queue, which takes up to "
            f"about {MOST_BYTES:,}.",
            hint="Send fewer properties.",
        )
    return data


def _check_real(event: Event, connection: Connection) -> None:
    """Refuse an id that a recording gave out in the place of another: it would be a new person's."""
    keeper = connection.keeper
    if keeper is None:
        return
    for given in (event.distinct_id, merged_id(event.event, event.properties)):
        if given is not None and keeper.real(given) != given:
            raise InvalidInputError(
                f"{given!r} is a pseudonym, which this recording gave out in the place of an id.",
                hint="Send the id itself, by a client that does not record: connect without snapshot=.",
                argument="distinct_id",
            )


def _v0(event: Event, version: str) -> dict[str, Any]:
    return {
        "event": event.event,
        "distinct_id": event.distinct_id,
        # An SDK on a server says the same: the address of this computer is not the person's.
        "properties": {"$lib": "posthog-nb", "$lib_version": version, "$geoip_disable": True} | event.properties,
        "timestamp": event.timestamp.isoformat(),
        "uuid": event.uuid,
    }


def _check_v1(event: Event) -> None:
    for what, text in (("event", event.event), ("distinct_id", event.distinct_id)):
        if len(text.encode()) > LONGEST_NAME:
            raise InvalidInputError(
                f"{what} has {len(text.encode())} bytes; capture v1 takes up to {LONGEST_NAME} ({text[:40]!r}...).",
                argument=what,
            )
    if event.event in _NEEDS_A_PROFILE and is_personless_distinct_id(event.distinct_id):
        raise InvalidInputError(
            f"distinct_id is {event.distinct_id!r}: capture v1 keeps persons out of such an id's events, and "
            f"{event.event} would be lost.",
            hint="It usually stands for a missing value. Use the person's own id.",
            argument="distinct_id",
        )


def _v1(event: Event) -> dict[str, Any]:
    # Its clock is not compared with ours, as in v0 (operations/capture.py).
    options: dict[str, Any] = {"disable_skew_correction": True}
    root: dict[str, Any] = {}
    properties: dict[str, Any] = {"$geoip_disable": True}
    for name, value in event.properties.items():
        option, kind = _V1_OPTIONS.get(name, (None, str))
        if option is not None and isinstance(value, kind):
            options[option] = value
        elif name in _V1_ROOT and isinstance(value, str):
            root[_V1_ROOT[name]] = value
        else:
            properties[name] = value
    return {
        "event": event.event,
        "uuid": event.uuid,
        "distinct_id": event.distinct_id,
        "timestamp": event.timestamp.isoformat(),
        **root,
        "options": options,
        "properties": properties,
    }
