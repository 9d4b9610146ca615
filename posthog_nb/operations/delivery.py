"""Sending encoded events as one request, and what became of each of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from posthog_nb.errors import CaptureRefusedError, PostHogError, RateLimitedError
from posthog_nb.operations.capture_v1 import DROP, RETRY, Verdict, explained, send_v1

if TYPE_CHECKING:
    from collections.abc import Sequence

    from posthog_nb.connection import Connection

__all__ = ["Delivery", "Encoded", "Fate", "deliver"]

Status = Literal["sent", "dropped", "refused", "unknown", "unsent"]


@dataclass(frozen=True, slots=True)
class Encoded:
    """An event's bytes.

    Attributes:
        uuid: The event's uuid.
        data: Its JSON.
        row: Where it stands in its input.
    """

    uuid: str
    data: bytes
    row: int = 0


@dataclass(frozen=True, slots=True)
class Fate:
    """What became of one event.

    Attributes:
        status: ``"sent"`` (PostHog took it), ``"dropped"`` (capture v1 took it and will not keep it), ``"refused"``
            (not taken), ``"unknown"`` (no answer: it may have arrived) or ``"unsent"`` (it cannot have arrived).
        result: Capture v1's word for it, such as ``"ok"`` or ``"drop"``; None in v0, which has none.
        tag: Capture v1's reason, such as ``"billing_limit_exceeded"``.
        detail: The same for a reader.
    """

    status: Status
    result: str | None = None
    tag: str | None = None
    detail: str | None = None


@dataclass(frozen=True, slots=True)
class Delivery:
    """The end of one request and its repetitions.

    Attributes:
        fates: One for each event, in their order.
        http_status: The status of the last answer; None when there was none.
        error: Why not all of them were taken; None when all were answered for.
    """

    fates: list[Fate]
    http_status: int | None
    error: PostHogError | None = None


def deliver(connection: Connection, events: Sequence[Encoded], *, historical: bool = False) -> Delivery:
    """Send events as one batch. Each repetition carries the same bytes, so what arrives twice is stored once."""
    if connection.capture_mode == "v1":
        return _deliver_v1(connection, events, historical=historical)
    try:
        status = connection.capture([event.data for event in events], historical=historical)
    except PostHogError as error:
        return Delivery([_fate(error)] * len(events), getattr(error, "status", None), error)
    return Delivery([Fate("sent")] * len(events), status)


def _deliver_v1(connection: Connection, events: Sequence[Encoded], *, historical: bool) -> Delivery:
    outcome = send_v1(connection, {event.uuid: event.data for event in events}, historical=historical)
    error = outcome.error
    missed = None if error is None else _fate(error)
    fates = [
        _verdict(verdict) if (verdict := outcome.verdicts.get(event.uuid)) is not None else missed or Fate("unknown")
        for event in events
    ]
    return Delivery(fates, outcome.http_status, error)


def _verdict(verdict: Verdict) -> Fate:
    status: Status = "dropped" if verdict.result == DROP else "refused" if verdict.result == RETRY else "sent"
    return Fate(status, verdict.result, verdict.tag, explained(verdict))


def _fate(error: PostHogError) -> Fate:
    if error.may_have_arrived:
        return Fate("unknown", detail=f"No answer told whether it arrived. {error}")
    refused = isinstance(error, CaptureRefusedError | RateLimitedError)
    return Fate("refused" if refused else "unsent", detail=str(error))
