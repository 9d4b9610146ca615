"""Sending events: capture, page, screen, identify, alias.

Each event carries a uuid and a timestamp of our own, the same on every retry, so an event is stored once however often
it is sent. No ``sent_at`` goes with it: by that, PostHog would move the event's time by the difference between its
clock and ours, which would also move a time that was given on purpose, and would move it anew on each retry. The time
on the receipt is the time that is stored.
"""

from __future__ import annotations

import json
import operator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from posthog_nb.distinct_ids import is_illegal_distinct_id
from posthog_nb.errors import InvalidInputError
from posthog_nb.operations.card import card
from posthog_nb.operations.properties import event_time, json_properties
from posthog_nb.uuid7 import uuid7

if TYPE_CHECKING:
    from datetime import datetime

    from posthog_nb.connection import Connection

__all__ = ["Receipt", "alias", "capture", "identify", "page", "screen"]

LONGEST_NAME = 200
"""PostHog cuts a longer distinct id, so that two people might become one."""

MOST_BYTES = 1_000_000
"""An event larger than about this never leaves PostHog's queue."""


@dataclass(frozen=True)
class Receipt:
    """PostHog took an event. It is processed a little later, and only then seen by queries.

    Attributes:
        status: The HTTP status, an int such as 200.
        uuid: The event's own id; look it up with ``SELECT * FROM events WHERE uuid = {uuid}``.
        event: The event's name.
        distinct_id: Whose event it is.
        timestamp: When it happened, in UTC.
        source: Where it was sent, such as ``"demo"`` or ``"eu.posthog.com"``.
    """

    status: int
    uuid: str
    event: str
    distinct_id: str
    timestamp: datetime
    source: str

    def _repr_html_(self) -> str:
        return card(
            {
                "event": self.event,
                "distinct_id": self.distinct_id,
                "timestamp": self.timestamp.isoformat(),
                "uuid": self.uuid,
                "sent to": f"{self.source}, status {self.status}",
            }
        )


def capture(
    connection: Connection,
    event: str,
    distinct_id: str | int,
    properties: object = None,
    timestamp: object = None,
) -> Receipt:
    """Send one event; see :meth:`posthog_nb.client.Client.capture`."""
    return _send(connection, _name(event, "event"), distinct_id, json_properties(properties), timestamp)


def page(  # noqa: PLR0913, PLR0917 - the operation's own arguments
    connection: Connection,
    distinct_id: str | int,
    name: str,
    url: str | None = None,
    properties: object = None,
    timestamp: object = None,
) -> Receipt:
    """Send a page view; see :meth:`posthog_nb.client.Client.page`."""
    own: dict[str, Any] = {"title": _name(name, "name"), "name": name}
    if url is not None:
        if not isinstance(url, str):
            raise InvalidInputError(f"url is {url!r}, of type {type(url).__name__}, not text.")
        try:
            parts = urlsplit(url)
        except ValueError as error:
            raise InvalidInputError(f"url is {url!r}, which is not a URL.") from error
        json_properties({"url": url}, "the page")
        own |= {"$current_url": url, "$host": parts.netloc, "$pathname": parts.path}
    return _send(connection, "$pageview", distinct_id, own | json_properties(properties), timestamp)


def screen(
    connection: Connection,
    distinct_id: str | int,
    name: str,
    properties: object = None,
    timestamp: object = None,
) -> Receipt:
    """Send a screen view; see :meth:`posthog_nb.client.Client.screen`."""
    own = {"$screen_name": _name(name, "name")}
    return _send(connection, "$screen", distinct_id, own | json_properties(properties), timestamp)


def identify(
    connection: Connection, distinct_id: str | int, properties: object = None, timestamp: object = None
) -> Receipt:
    """Send ``$identify``; see :meth:`posthog_nb.client.Client.identify`."""
    known = _mergeable(_name(distinct_id, "distinct_id"), "distinct_id")
    return _send(connection, "$identify", known, {"$set": json_properties(properties)}, timestamp)


def alias(connection: Connection, distinct_id: str | int, alias: str | int, timestamp: object = None) -> Receipt:
    """Send ``$create_alias``; see :meth:`posthog_nb.client.Client.alias`."""
    kept = _mergeable(_name(distinct_id, "distinct_id"), "distinct_id")
    merged = _mergeable(_name(alias, "alias"), "alias")
    if kept == merged:
        raise InvalidInputError(f"alias and distinct_id are both {kept!r}.", hint="An alias is another id.")
    return _send(connection, "$create_alias", kept, {"alias": merged, "distinct_id": kept}, timestamp)


def _send(
    connection: Connection, event: str, distinct_id: str | int, properties: dict[str, Any], timestamp: object
) -> Receipt:
    moment = event_time(timestamp)
    known, uuid = _name(distinct_id, "distinct_id"), str(uuid7())
    body = {
        "event": event,
        "distinct_id": known,
        # An SDK on a server says the same: the address of this computer is not the person's.
        "properties": {
            "$lib": "posthog-nb",
            "$lib_version": connection.version,
            "$geoip_disable": True,
        }
        | properties,
        "timestamp": moment.isoformat(),
        "uuid": uuid,
    }
    size = len(json.dumps(body, ensure_ascii=False).encode())
    if size > MOST_BYTES:
        raise InvalidInputError(
            f"The event has {size:,} bytes; PostHog takes up to about {MOST_BYTES:,}.", hint="Send fewer properties."
        )
    status = connection.capture([body])
    return Receipt(status, uuid, event, known, moment, connection.label)


def _name(given: object, what: str) -> str:
    if what != "event" and not isinstance(given, bool) and hasattr(given, "__index__"):
        # A database's number. PostHog would make it a text as well.
        given = str(operator.index(given))
    if not isinstance(given, str):
        raise InvalidInputError(f"{what} is {given!r}, of type {type(given).__name__}, not text.")
    if not given.strip():
        raise InvalidInputError(f"{what} is empty.")
    if len(given) > LONGEST_NAME:
        raise InvalidInputError(
            f"{what} has {len(given)} characters; PostHog takes up to {LONGEST_NAME} ({given[:40]!r}...)."
        )
    json_properties({what: given}, "the event")
    return given


def _mergeable(distinct_id: str, what: str) -> str:
    if is_illegal_distinct_id(distinct_id):
        raise InvalidInputError(
            f"{what} is {distinct_id!r}: PostHog never merges persons over such an id.",
            hint="It usually stands for a missing value. Use the person's own id.",
        )
    return distinct_id
