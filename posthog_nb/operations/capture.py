"""Sending one event, and one that failed again.

Each event carries a uuid and a timestamp of our own, the same on every retry, so an event is stored once however often
it is sent. No ``sent_at`` goes with it: by that, PostHog would move the event's time by the difference between its
clock and ours, which would also move a time that was given on purpose, and would move it anew on each retry. The time
on the receipt is the time that is stored.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from posthog_nb.errors import CaptureRefusedError, InvalidInputError, PostHogError
from posthog_nb.operations.arrival import look_up, need_to_read, seconds_of
from posthog_nb.operations.card import card, card_lines
from posthog_nb.operations.delivery import Encoded, Fate, deliver
from posthog_nb.operations.event import Event, encode

if TYPE_CHECKING:
    from datetime import datetime

    from posthog_nb.connection import Connection
    from posthog_nb.operations.card import Printer

__all__ = ["SENT_AGAIN", "Receipt", "resend", "send", "verified"]

SENT_AGAIN = "ph.resend(error.unsent) sends the same event again; it is stored once."
"""The end of every hint of a write that failed."""


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
        result: Capture v1's word for it, ``"ok"`` or ``"warning"``; None in v0, which has none.
        arrived: With ``verify``, whether a query found it in time; None when that was not asked or is not known.
        remarks: What a reader should know: capture v1's reason for a warning, why an event may not have arrived.
    """

    status: int
    uuid: str
    event: str
    distinct_id: str
    timestamp: datetime
    source: str
    result: str | None = None
    arrived: bool | None = None
    remarks: tuple[str, ...] = ()

    def _rows(self) -> dict[str, str]:
        rows = {
            "event": self.event,
            "distinct_id": self.distinct_id,
            "timestamp": self.timestamp.isoformat(),
            "uuid": self.uuid,
            "sent to": f"{self.source}, status {self.status}" + (f", {self.result}" if self.result else ""),
        }
        if self.arrived is not None:
            rows["arrived"] = "yes" if self.arrived else "not yet"
        return rows | {f"remark {number}": remark for number, remark in enumerate(self.remarks, 1)}

    def _repr_pretty_(self, printer: Printer, _cycle: bool) -> None:
        alone = len(printer.stack) == 1
        printer.text("\n".join(["Event sent", *card_lines(self._rows())]) if alone else repr(self))

    def _repr_html_(self) -> str:
        return card(self._rows(), title="Event sent")


def send(connection: Connection, event: Event, verify: object = False) -> Receipt:
    """Send an event, now and once.

    Args:
        connection: The open connection.
        event: The event.
        verify: Whether to look it up afterwards, or for how many seconds.

    Raises:
        CaptureRefusedError: PostHog did not take it, or dropped it; this and what follows have it as ``unsent``.
        TransportError: no answer came; it may or may not have been taken.
    """
    seconds = _patience(connection, verify)
    receipt = _deliver(connection, event)
    if seconds is None:
        return receipt
    try:
        return verified(connection, receipt, seconds)
    except KeyboardInterrupt as interrupt:
        # The event is sent all the same, and its uuid is worth having.
        interrupt.receipt = receipt  # type: ignore[attr-defined]  # no class of ours
        raise


def resend(connection: Connection, unsent: Event, verify: object = False) -> Receipt:
    """Send an event as it was; see :meth:`posthog_nb.client.Client.resend`."""
    if not isinstance(unsent, Event):
        raise InvalidInputError(
            f"{unsent!r} is of type {type(unsent).__name__}, not an event.",
            hint="Pass error.unsent of the failed write.",
        )
    return send(connection, unsent, verify)


def verified(connection: Connection, receipt: Receipt, seconds: float) -> Receipt:
    """The receipt after looking the event up."""
    arrivals = look_up(connection, {receipt.uuid: receipt.timestamp}, seconds)
    arrived = arrivals.of(receipt.uuid)
    remarks = (*receipt.remarks, *arrivals.remarks(0 if arrived else 1))
    return replace(receipt, arrived=arrived, remarks=remarks)


def _patience(connection: Connection, verify: object) -> float | None:
    seconds = seconds_of(verify)
    if seconds is not None:
        need_to_read(connection)
    return seconds


def _deliver(connection: Connection, event: Event) -> Receipt:
    data = encode(event, connection)
    connection.settings.need_token()
    try:
        fate, status = _taken(connection, Encoded(event.uuid, data))
    except BaseException as error:
        # Also an interrupt: the event may have arrived or not, and sending it again settles it.
        error.unsent = event  # type: ignore[attr-defined]  # an interrupt is no class of ours
        if isinstance(error, PostHogError):
            error.hint = f"{error.hint} {SENT_AGAIN}" if error.hint else SENT_AGAIN
        raise
    return Receipt(
        status=status,
        uuid=event.uuid,
        event=event.event,
        distinct_id=event.distinct_id,
        timestamp=event.timestamp,
        source=connection.label,
        result=fate.result,
        remarks=(fate.detail,) if fate.detail else (),
    )


def _taken(connection: Connection, event: Encoded) -> tuple[Fate, int]:
    delivery = deliver(connection, [event])
    if delivery.error is not None:
        raise delivery.error
    (fate,) = delivery.fates
    status = delivery.http_status or 0
    if fate.status != "sent":
        reason = fate.detail or "it gives no reason"
        raise CaptureRefusedError(f"PostHog dropped the event ({reason}).", status=status, code=fate.tag)
    return fate, status
