"""A capture request's JSON as events: shapes, tokens, required fields, all in PostHog's terms."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from uuid import UUID

from posthog_nb.embedded.ingestion.body import read_json
from posthog_nb.embedded.ingestion.clock import event_time, parse_milliseconds, parse_time
from posthog_nb.embedded.ingestion.event import Batch, CapturedEvent
from posthog_nb.errors import CaptureRejected
from posthog_nb.uuid7 import uuid7

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

__all__ = ["check_token", "decode_capture"]

MAX_DISTINCT_ID = 200
MAX_TOKEN = 64
_PERSON_UPDATES = ("$set", "$set_once", "$unset")


def decode_capture(  # noqa: PLR0913 - a request has these parts
    body: bytes, *, path: str, content_type: str, content_encoding: str, query: Mapping[str, str], now: datetime
) -> Batch:
    """Read one request to any capture path.

    Args:
        body: As it came, packed or not.
        path: ``/engage/`` makes ``$identify`` of an object without ``event``.
        content_type: The request's header, or ``""``.
        content_encoding: The request's header, or ``""``.
        query: The query string's parameters: ``data``, ``compression``, ``_`` (sent at, in milliseconds), ``ip`` ...
        now: The server's clock, aware.

    Raises:
        CaptureRejected: the whole request is refused, with PostHog's status and a text for it.
    """
    payload = read_json(body, content_type=content_type, content_encoding=content_encoding, query=query)
    envelope: dict[str, Any] = {}
    if isinstance(payload, list):
        raw = payload
    elif isinstance(payload, dict) and isinstance(payload.get("batch"), list):
        envelope, raw = payload, payload["batch"]
    elif isinstance(payload, dict):
        raw = [payload]
        # A single event carries its own envelope.
        envelope = {"sent_at": payload.get("sent_at")}
    else:
        raise CaptureRejected(400, "failed to parse request: an event, an array of events or a batch is expected")
    if not raw:
        raise CaptureRejected(400, "request holds no event")
    sent_at = parse_time(envelope.get("sent_at")) or parse_milliseconds(query.get("_", ""))
    engage = path.strip("/") == "engage"
    token = _token(envelope, raw)
    return Batch(
        token, [_event(item, sent_at, now, engage=engage) for item in raw], bool(envelope.get("historical_migration"))
    )


def _token(envelope: Mapping[str, Any], raw: list[Any]) -> str:
    found = envelope.get("api_key") or envelope.get("token")
    if not found:
        tokens = {
            text for item in raw if isinstance(item, dict) and isinstance(text := _event_token(item), str) and text
        }
        if len(tokens) > 1:
            raise CaptureRejected(401, "batch submitted with inconsistent api_key values")
        found = next(iter(tokens), None)
    if found is None:
        raise CaptureRejected(401, "event submitted without an api_key")
    return check_token(found)


def _event_token(item: Mapping[str, Any]) -> object:
    properties = item.get("properties")
    inner = properties.get("token") if isinstance(properties, dict) else None
    return item.get("token") or item.get("$token") or item.get("api_key") or inner


def check_token(found: object) -> str:
    """A token of the right shape; whether any project has it is not looked at.

    Raises:
        CaptureRejected: 401, with PostHog's word for what is wrong with it.
    """
    reason = None
    token = found.strip() if isinstance(found, str) else ""
    if not token:
        reason = "empty"
    elif len(token) > MAX_TOKEN:
        reason = "too_long"
    elif not token.isascii():
        reason = "not_ascii"
    elif token.startswith("phx_"):
        reason = "personal_api_key"
    elif "\0" in token:
        reason = "null_byte"
    if reason:
        raise CaptureRejected(401, f"event submitted with invalid api_key: {reason}")
    return token


def _event(item: object, sent_at: datetime | None, now: datetime, *, engage: bool) -> CapturedEvent:
    if not isinstance(item, dict):
        raise CaptureRejected(400, "failed to parse request: an event is an object")
    name = item.get("event")
    if name is None and engage:
        name = "$identify"
    if name is None or name == "":
        raise CaptureRejected(400, "event submitted without an event name")
    if not isinstance(name, str):
        raise CaptureRejected(400, "failed to parse request: the event name is not text")
    properties = item.get("properties")
    if properties is None:
        properties = {}
    elif not isinstance(properties, dict):
        raise CaptureRejected(400, "failed to parse request: properties is not an object")
    _fold_person_updates(item, properties)
    return CapturedEvent(
        uuid=_uuid(item.get("uuid"), now),
        event=name,
        distinct_id=_distinct_id(item, properties),
        properties=properties,
        timestamp=event_time(
            item.get("timestamp"),
            item.get("offset"),
            sent_at,
            now,
            ignore_sent_at=properties.get("$ignore_sent_at") is True,
        ),
    )


def _fold_person_updates(item: Mapping[str, Any], properties: dict[str, Any]) -> None:
    for key in _PERSON_UPDATES:
        root = item.get(key)
        if isinstance(root, dict) and key != "$unset":
            inner = properties.get(key)
            properties[key] = {**inner, **root} if isinstance(inner, dict) else root
        elif key == "$unset" and isinstance(root, (list, dict)) and key not in properties:
            properties[key] = root


def _distinct_id(item: Mapping[str, Any], properties: Mapping[str, Any]) -> str:
    for found in (item.get("distinct_id"), item.get("$distinct_id"), properties.get("distinct_id")):
        if found is not None and found != "":
            text = found if isinstance(found, str) else json.dumps(found, separators=(",", ":"), ensure_ascii=False)
            return text[:MAX_DISTINCT_ID]
    raise CaptureRejected(400, "event submitted without a distinct_id")


def _uuid(found: object, now: datetime) -> UUID:
    if found is None or found == "":
        return uuid7(int(now.timestamp() * 1000))
    if isinstance(found, str):
        try:
            return UUID(found)
        except ValueError:
            pass  # refused below, with the same words as every other wrong uuid
    raise CaptureRejected(400, f"failed to parse request: {found!r} is not a UUID")
