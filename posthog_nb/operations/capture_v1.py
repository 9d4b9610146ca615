"""PostHog's capture v1: a verdict for each event, and only those that PostHog asks for again are sent again.

As PostHog's own SDKs do it: the request id and ``created_at`` stay, ``PostHog-Attempt`` counts, waits double from one
second to at most thirty, and ``Retry-After`` lengthens a wait within that. A 404 is not tried again: it says that this
PostHog has no capture v1. Nor is an exhausted quota: it does not come back within seconds.
"""

from __future__ import annotations

import json
import logging
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from posthog_nb.errors import (
    APIError,
    CaptureRefusedError,
    PostHogError,
    ServerError,
    TransportError,
)
from posthog_nb.http import note_doubt
from posthog_nb.http.retry import asked_wait

if TYPE_CHECKING:
    from collections.abc import Mapping

    from posthog_nb.connection import Connection

__all__ = ["DROP", "REASONS", "RETRY", "Outcome", "Verdict", "explained", "pause", "send_v1"]

logger = logging.getLogger("posthog_nb.http")

DROP = "drop"
RETRY = "retry"
"""The two results that are no success; any other, also one that is unknown here, is one."""

RETRIES = 3
LONGEST_WAIT = 30.0
"""Seconds. A refusal that asks for more is an error at once; events that are to come again come no later than that."""

_PASSING = frozenset({408, 429, 500, 502, 503, 504})
_NO_SUCH_PATH = 404
_NO_QUOTA = "billing_limit_exceeded"

REASONS = {
    "person_processing_disabled": "taken without a person: its distinct id stands for many people or is sent too often",
    "not_persisted": "PostHog could not store it just now",
    _NO_QUOTA: "the plan's quota of events is used up, so PostHog keeps no more of them until it is renewed or raised",
    "event_restriction_drop": "PostHog has a restriction on this project that drops such events",
    "non_historical_import_drop": "this address takes historical migrations only; send with historical_migration=True",
    "misrouted_event": "this address is for other kinds of events",
    "invalid_options": "an option of the event, such as $process_person_profile, has a value that PostHog cannot read",
    "missing_event_name": "the event has no name",
    "event_name_too_long": "the event's name is longer than 200 bytes",
    "missing_distinct_id": "the event has no distinct id",
    "distinct_id_too_large": "the distinct id is longer than 200 bytes",
    "invalid_event_timestamp": "the event's timestamp is not RFC 3339",
    "malformed_event_properties": "the event's properties are not an object",
    "dropped_performance_event": "PostHog takes no $performance_event any more",
    "serialization_failed": "PostHog could not write the event down",
    "event_too_big": "the event is too large for PostHog's queue; send fewer properties",
    "rejected": "PostHog's queue refused the event",
    "ai_event_too_big": "the AI event is larger than this PostHog takes",
    "ai_byte_rate_limited": "the project sent more bytes of AI events than it may",
    "gateway_props_unparseable": "the AI event has properties of PostHog's gateway that cannot be read",
}
"""PostHog's tags in plain words."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """PostHog's word on one event, and its reason."""

    result: str
    tag: str | None


@dataclass(slots=True)
class Outcome:
    """What PostHog said in the end.

    Attributes:
        verdicts: Its last word on each event, by uuid; none for an event that it said nothing of.
        http_status: The status of its last answer.
        error: Why it was given up; None when every event has a final verdict.
    """

    verdicts: dict[str, Verdict] = field(default_factory=dict)
    http_status: int | None = None
    error: PostHogError | None = None


def explained(verdict: Verdict) -> str | None:
    """A verdict's tag with what it means; None when there is no tag."""
    if verdict.tag is None:
        return None
    reason = REASONS.get(verdict.tag)
    return f"{verdict.tag}: {reason}" if reason else verdict.tag


def send_v1(connection: Connection, events: Mapping[str, bytes], *, historical: bool) -> Outcome:
    """Send events by capture v1 until each has a final verdict, or PostHog was asked often enough.

    Args:
        connection: The open connection.
        events: Their JSON by uuid.
        historical: Whether they are a migration of old events.
    """
    outcome, pending, in_doubt = Outcome(), dict(events), False
    request_id, created_at = str(uuid4()), datetime.now(UTC).isoformat()
    for attempt in range(1, RETRIES + 2):
        asked = None
        try:
            reply = connection.capture_v1(
                list(pending.values()),
                created_at=created_at,
                request_id=request_id,
                attempt=attempt,
                historical=historical,
            )
            outcome.http_status, outcome.error = reply.status, None
            outcome.verdicts |= _verdicts(reply.body, pending)
            asked = asked_wait(reply.headers)
        except PostHogError as error:
            outcome.http_status = getattr(error, "status", None)
            outcome.error = _in_v1(error)
            note_doubt(outcome.error, in_doubt)
            in_doubt = outcome.error.may_have_arrived
            # Asked for again, and then no answer: what holds is the latter.
            outcome.verdicts = {uuid: found for uuid, found in outcome.verdicts.items() if uuid not in pending}
            asked = getattr(error, "retry_after", None)
            if not _is_passing(error) or (asked or 0.0) > LONGEST_WAIT:
                return outcome
        pending = {uuid: data for uuid, data in pending.items() if _is_open(outcome.verdicts.get(uuid))}
        if not pending:
            return outcome
        if attempt <= RETRIES:
            _wait(attempt, asked, outcome, len(pending))
    outcome.error = outcome.error or _unsettled(outcome, list(pending))
    return outcome


def _is_open(verdict: Verdict | None) -> bool:
    return verdict is None or verdict.result == RETRY


def _verdicts(body: bytes, asked: Mapping[str, bytes]) -> dict[str, Verdict]:
    try:
        results = json.loads(body)["results"]
        return {uuid: _read(results[uuid]) for uuid in asked if uuid in results}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise TransportError(
            "Capture v1 answered with a success that says nothing of the events.",
            hint="A proxy may stand in between; check the host.",
        ) from error


def _read(entry: Mapping[str, Any]) -> Verdict:
    tag = entry.get("details")
    return Verdict(str(entry["result"]), str(tag) if tag else None)


def _is_passing(error: PostHogError) -> bool:
    if isinstance(error, APIError):
        return error.status in _PASSING and error.code != _NO_QUOTA
    return isinstance(error, TransportError) and error.passing


def _in_v1(error: PostHogError) -> PostHogError:
    if isinstance(error, APIError) and error.status == _NO_SUCH_PATH:
        return CaptureRefusedError(
            "This PostHog does not answer capture v1 (404).",
            status=_NO_SUCH_PATH,
            code=error.code,
            hint='Connect with capture_mode="v0", the default, or unset POSTHOG_CAPTURE_MODE.',
        )
    return error


def pause(attempt: int, asked: float | None) -> float:
    """Seconds to wait after so many attempts; ``asked`` is what ``Retry-After`` says."""
    return min(max(2.0 ** (attempt - 1), asked or 0.0), LONGEST_WAIT)


def _wait(attempt: int, asked: float | None, outcome: Outcome, left: int) -> None:
    seconds = pause(attempt, asked)
    cause = outcome.error.message if outcome.error is not None else "PostHog asked for them again."
    logger.warning("Capture v1: %d event(s) are sent again in %.1f s. %s", left, seconds, cause)
    time.sleep(seconds)


def _unsettled(outcome: Outcome, left: list[str]) -> PostHogError:
    tags = sorted({verdict.tag for uuid in left if (verdict := outcome.verdicts.get(uuid)) and verdict.tag})
    if not tags:
        error = ServerError(
            f"PostHog said nothing of {len(left)} event(s), asked {RETRIES + 1} times.",
            status=outcome.http_status or 200,
        )
        error.may_have_arrived = True
        return error
    return ServerError(
        f"PostHog could not take {len(left)} event(s), asked {RETRIES + 1} times ({', '.join(tags)}).",
        status=outcome.http_status or 200,
        code=tags[0],
        hint="Send them again a little later.",
    )
