"""A request to capture v1 as events: what its headers say, and a verdict for each event.

Checked in PostHog's order. What is wrong with the request refuses it as a whole; what is wrong with one event drops
that event and no other.
"""

from __future__ import annotations

import re
import zlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NoReturn
from uuid import UUID

from posthog_nb.distinct_ids import is_personless_distinct_id
from posthog_nb.embedded.ingestion.body import GZIP_STREAM, parse_json, unpacked
from posthog_nb.embedded.ingestion.clock import event_time, parse_time
from posthog_nb.embedded.ingestion.decode import check_token
from posthog_nb.embedded.ingestion.event import CapturedEvent
from posthog_nb.errors import CaptureRejected

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

__all__ = ["MAX_PACKED_BYTES", "BatchV1", "Heading", "Verdict", "read_batch", "read_heading"]

MAX_PACKED_BYTES = 10 * 1024 * 1024
MAX_BYTES = 50 * 1024 * 1024
LONGEST_NAME = 200
"""Bytes, for an event's name and for a distinct id."""

_LONGEST_SDK_INFO = 200
_REQUIRED = (
    "PostHog-Sdk-Info",
    "PostHog-Attempt",
    "PostHog-Request-Id",
    "PostHog-Request-Timestamp",
    "content-type",
    "user-agent",
)
_BEARER = re.compile(r"bearer (.*)", re.IGNORECASE)
_ATTEMPT = re.compile(r"\+?0*[1-9][0-9]{0,9}")
_RFC3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)")
_ZLIB_MAGIC = b"\x78"
_OPTIONS = {
    "cookieless_mode": "$cookieless_mode",
    "disable_skew_correction": "$ignore_sent_at",
    "product_tour_id": "$product_tour_id",
    "process_person_profile": "$process_person_profile",
}
_TRUTHS = {"true": True, "1": True, "false": False, "0": False}


@dataclass(frozen=True, slots=True)
class Heading:
    """What a request's headers say.

    Attributes:
        token: The project token, well shaped.
        encoding: How the body is packed: ``"gzip"``, ``"deflate"`` or ``""``.
        sent_at: What the sender's clock said.
        library: Name and version of the sender's library; empty when the header has another form.
    """

    token: str
    encoding: str
    sent_at: datetime
    library: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is said of one event: ``"ok"``, ``"drop"`` or ``"retry"``, and why."""

    result: str
    details: str | None = None


@dataclass(slots=True)
class BatchV1:
    """What a request held.

    Attributes:
        events: The events to be stored.
        verdicts: What is said of each event, in their order, by its uuid.
    """

    events: list[CapturedEvent] = field(default_factory=list)
    verdicts: dict[UUID, Verdict] = field(default_factory=dict)


def read_heading(headers: Mapping[str, str]) -> Heading:
    """Check a request's headers.

    Args:
        headers: By their names in small letters.

    Raises:
        CaptureRejected: with PostHog's status and tag.
    """
    if "authorization" not in headers:
        raise CaptureRejected(401, "request is missing the Authorization header", tag="missing_authorization")
    if missing := [name for name in _REQUIRED if name.lower() not in headers]:
        named = ", ".join(f'"{name}"' for name in missing)
        raise CaptureRejected(400, f"request is missing required headers: [{named}]", tag="missing_required_headers")
    signed = _BEARER.fullmatch(headers["authorization"])
    if signed is None:
        _invalid_header("Authorization must use Bearer scheme")
    try:
        token = check_token(signed[1])
    except CaptureRejected as error:
        raise CaptureRejected(401, "The provided API token is not valid.", tag="invalid_api_token") from error
    if headers["content-type"].partition(";")[0].strip().lower() != "application/json":
        raise CaptureRejected(
            415, f"unsupported content type: {headers['content-type']}", tag="unsupported_content_type"
        )
    encoding = headers.get("content-encoding", "").lower()
    if encoding not in {"", "gzip", "deflate"}:
        raise CaptureRejected(415, f"unsupported content encoding: {encoding}", tag="unsupported_encoding")
    _check_request_id(headers["posthog-request-id"])
    if not _ATTEMPT.fullmatch(headers["posthog-attempt"]):
        _invalid_header(f"PostHog-Attempt must be a positive integer: {headers['posthog-attempt']}")
    sent_at = _rfc3339(headers["posthog-request-timestamp"])
    if sent_at is None:
        _invalid_header(f"PostHog-Request-Timestamp is not valid RFC 3339: {headers['posthog-request-timestamp']}")
    length = headers.get("content-length", "")
    if length.isdecimal() and int(length) > MAX_PACKED_BYTES:
        raise _too_large()
    return Heading(token, encoding, sent_at, _library(headers["posthog-sdk-info"]))


def _too_large() -> CaptureRejected:
    return CaptureRejected(
        413, f"payload too large: Request body exceeds limit of {MAX_PACKED_BYTES} bytes", tag="payload_too_large"
    )


def _invalid_header(told: str) -> NoReturn:
    raise CaptureRejected(400, f"invalid header value: {told}", tag="invalid_header_value")


def _check_request_id(text: str) -> None:
    try:
        UUID(text)
    except ValueError:
        _invalid_header(f"PostHog-Request-Id is not a valid UUID: {text}")


def _library(info: str) -> dict[str, str]:
    name, _, version = (part.strip() for part in info.rpartition("/"))
    if len(info) > _LONGEST_SDK_INFO or not name or not version:
        return {}
    return {"$lib": name, "$lib_version": version}


def _rfc3339(text: str) -> datetime | None:
    return parse_time(text) if _RFC3339.fullmatch(text) else None


def read_batch(body: bytes, heading: Heading, now: datetime) -> BatchV1:
    """Read a request's body.

    Args:
        body: As it came.
        heading: What the headers say.
        now: The server's clock, aware.

    Raises:
        CaptureRejected: with PostHog's status and tag.
    """
    raw = _raw_events(_payload(_unpack(body, heading.encoding)))
    batch = BatchV1()
    for item in raw:
        uuid = _uuid(item["uuid"].strip())
        if uuid in batch.verdicts:
            raise CaptureRejected(400, f"duplicate event uuid: {item['uuid'].strip()}", tag="duplicate_event_uuid")
        distinct_id = item["distinct_id"].strip()
        options, reason = _options(item.get("options"))
        reason = _fault(item, distinct_id) or reason
        if reason is not None:
            batch.verdicts[uuid] = Verdict("drop", reason)
            continue
        personless = is_personless_distinct_id(distinct_id)
        if personless:
            options["$process_person_profile"] = False
        batch.events.append(_event(item, uuid, distinct_id, options, heading, now))
        batch.verdicts[uuid] = Verdict("ok", "person_processing_disabled" if personless else None)
    return batch


def _unpack(body: bytes, encoding: str) -> bytes:
    if not body:
        raise CaptureRejected(400, "request body is empty", tag="empty_body")
    if len(body) > MAX_PACKED_BYTES:
        raise _too_large()
    if not encoding:
        return body
    stream = GZIP_STREAM
    if encoding == "deflate":
        # HTTP means a zlib stream by it; some senders leave its two bytes of header out.
        stream = zlib.MAX_WBITS if body.startswith(_ZLIB_MAGIC) else -zlib.MAX_WBITS
    try:
        return unpacked(body, stream, MAX_BYTES)
    except CaptureRejected as error:
        if error.status == 413:  # noqa: PLR2004 - Content Too Large
            told = f"payload too large: decompressed {encoding} payload exceeds limit of {MAX_BYTES} bytes"
            raise CaptureRejected(413, told, tag="payload_too_large") from error
        raise CaptureRejected(400, "Failed to decode request body.", tag="request_decoding_error") from error


def _payload(body: bytes) -> Mapping[str, Any]:
    try:
        payload = parse_json(body)
    except CaptureRejected as error:
        raise _unparsable() from error
    if (
        not isinstance(payload, dict)
        or not isinstance(payload.get("created_at"), str)
        or not isinstance(payload.get("batch"), list)
        or not isinstance(payload.get("historical_migration", False), bool)
        or not isinstance(payload.get("capture_internal"), bool | None)
    ):
        raise _unparsable()
    return payload


def _raw_events(payload: Mapping[str, Any]) -> list[dict[str, Any]]:
    raw: list[Any] = payload["batch"]
    for item in raw:
        if (
            not isinstance(item, dict)
            or not all(isinstance(item.get(name), str) for name in ("event", "uuid", "distinct_id", "timestamp"))
            or not all(isinstance(item.get(name), str | None) for name in ("session_id", "window_id"))
        ):
            raise _unparsable()
    if not raw:
        raise CaptureRejected(400, "request batch is empty", tag="empty_batch")
    if _rfc3339(payload["created_at"]) is None:
        raise CaptureRejected(
            400, f"invalid batch: created_at is not valid RFC 3339: {payload['created_at']}", tag="invalid_batch"
        )
    return raw


def _unparsable() -> CaptureRejected:
    return CaptureRejected(400, "Failed to parse request body.", tag="request_parsing_error")


def _uuid(text: str) -> UUID:
    if not text:
        raise CaptureRejected(400, "event submitted without a uuid", tag="missing_event_uuid")
    try:
        return UUID(text)
    except ValueError as error:
        raise CaptureRejected(400, f"invalid event uuid: {text}", tag="invalid_event_uuid") from error


def _fault(item: Mapping[str, Any], distinct_id: str) -> str | None:
    """PostHog's tag for what is wrong with one event; None when nothing is."""
    name = item["event"]
    checks = {
        "dropped_performance_event": name == "$performance_event",
        "missing_event_name": not name,
        "event_name_too_long": len(name.encode()) > LONGEST_NAME,
        "missing_distinct_id": not distinct_id,
        "distinct_id_too_large": len(distinct_id.encode()) > LONGEST_NAME,
        "invalid_event_timestamp": _rfc3339(item["timestamp"]) is None,
        "malformed_event_properties": not isinstance(item.get("properties", {}), dict),
    }
    return next((tag for tag, found in checks.items() if found), None)


def _options(given: object) -> tuple[dict[str, Any], str | None]:
    """The options as the properties that they become, and a tag when one cannot be read."""
    if given is None:
        return {}, None
    if not isinstance(given, dict):
        return {}, "invalid_options"
    properties: dict[str, Any] = {}
    for option, name in _OPTIONS.items():
        if given.get(option) is None:
            continue
        value = _text(given[option]) if option == "product_tour_id" else _truth(given[option])
        if value is None:
            return {}, "invalid_options"
        properties[name] = value
    return properties, None


def _truth(value: object) -> bool | None:
    match value:
        case bool():
            return value
        case str():
            return _TRUTHS.get(value.strip().lower())
        case int() | float():
            return value != 0
    return None


def _text(value: object) -> str | None:
    if isinstance(value, str):
        return value
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else None


def _event(  # noqa: PLR0913, PLR0917 - an event has these sides
    item: Mapping[str, Any],
    uuid: UUID,
    distinct_id: str,
    options: Mapping[str, Any],
    heading: Heading,
    now: datetime,
) -> CapturedEvent:
    root = {"$session_id": item.get("session_id"), "$window_id": item.get("window_id")}
    named = {name: value for name, value in root.items() if value is not None}
    moment = parse_time(item["timestamp"])
    if not options.get("$ignore_sent_at") or moment is None:
        moment = event_time(item["timestamp"], None, heading.sent_at, now)
    return CapturedEvent(
        uuid=uuid,
        event=item["event"],
        distinct_id=distinct_id,
        properties={**item.get("properties", {}), **named, **options, **heading.library},
        timestamp=moment,
    )
