"""Sending many events: checked, cut into batches, sent in their order, and noted one by one.

Input that can be read twice is checked whole before anything is sent. A stream is read as its batches go, so that it
may be longer than the memory, and each batch is checked whole before it is sent. The report keeps each event's uuid and
time from the moment it is made: going on from the report sends the very same bytes again.
"""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, Protocol, TypeVar, cast

from posthog_nb.errors import InvalidInputError, PostHogError
from posthog_nb.operations.arrival import look_up, need_to_read, seconds_of
from posthog_nb.operations.batches import USUAL_EVENTS, batches
from posthog_nb.operations.capture import Receipt, verified
from posthog_nb.operations.delivery import Encoded, Fate, deliver
from posthog_nb.operations.event import Event, encode, make_event
from posthog_nb.operations.event_rows import EventRows, event_rows
from posthog_nb.operations.moments import gathered_warnings, warn_caller, warn_together
from posthog_nb.operations.report import CaptureReport, ReportRow, ledger_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from posthog_nb.connection import Connection
    from posthog_nb.operations.report import Ledger

__all__ = ["Choices", "capture_many", "look_again"]

_Sent = TypeVar("_Sent", bound=Receipt | CaptureReport)

_PROBLEMS_TOLD = 20
_PERHAPS_THERE = frozenset({"sent", "dropped", "unknown"})
"""What PostHog may have: its bytes are not to change any more."""
_BEGUN = _PERHAPS_THERE | {"refused"}
_GO_ON = "error.report says what was sent; ph.capture_many(events, resume=error.report) sends the rest."
_SAME_INPUT = "Go on with the input that the report is of, or send this one without resume=."


@dataclass(frozen=True)
class Choices:
    """The options of :meth:`posthog_nb.client.Client.capture_many`, as given."""

    property_columns: object = None
    on_bad: object = "raise"
    batch_size: object = USUAL_EVENTS
    historical_migration: object = False
    progress: Any = True
    verify: object = False


class _Progress(Protocol):
    def update(self, n: int) -> object: ...


def capture_many(connection: Connection, events: object, choices: Choices, report: CaptureReport) -> None:
    """Send events and note in ``report`` what becomes of them; see :meth:`posthog_nb.client.Client.capture_many`."""
    if choices.on_bad not in ("raise", "skip"):
        raise InvalidInputError(f"on_bad is {choices.on_bad!r}.", hint='It is "raise" or "skip".')
    size, historical = choices.batch_size, choices.historical_migration
    if isinstance(size, bool) or not isinstance(size, int) or size < 1:
        raise InvalidInputError(f"batch_size is {size!r}; it is the most events in one request, at least 1.")
    if not isinstance(historical, bool):
        raise InvalidInputError(f"historical_migration is {historical!r}, not True or False.")
    seconds = seconds_of(choices.verify)
    if seconds is not None:
        need_to_read(connection)
    _check_project(connection, report)
    rows = event_rows(events, choices.property_columns)
    try:
        with ExitStack() as stack:
            progress = _progress(choices.progress, rows.total, stack)
            ledger = ledger_of(report)
            work = _Work(connection, rows, ledger, progress, skips=choices.on_bad == "skip")
            try:
                work.send(size, historical=historical)
            finally:
                work.warn_of_naive_times()
        if seconds is not None:
            _look_up(connection, ledger, seconds)
    except BaseException as error:
        # Also an interrupt.
        error.report = report  # type: ignore[attr-defined]  # an interrupt is no class of ours
        if isinstance(error, PostHogError) and any(row.status in _BEGUN for row in ledger_of(report).rows):
            error.hint = f"{error.hint} {_GO_ON}" if error.hint else _GO_ON
        raise
    _warn_of_dropped(report)


def _check_project(connection: Connection, report: CaptureReport) -> None:
    """See that a report is gone on with where it began: what is sent there is not sent here."""
    token, ledger = connection.settings.need_token(), ledger_of(report)
    elsewhere = ledger.token not in {None, token} or report.source != connection.label
    if elsewhere and any(row.status in _PERHAPS_THERE for row in ledger.rows):
        raise InvalidInputError(
            f"The report is of events that were sent to another project ({report.source}).",
            hint="Send them here without resume=.",
        )
    ledger.token, report.source = token, connection.label


def look_again(connection: Connection, sent: _Sent, seconds: float) -> _Sent:
    """Look up what was sent before; see :meth:`posthog_nb.client.Client.verify`."""
    patience = seconds_of(seconds) or 0.0
    need_to_read(connection)
    if isinstance(sent, Receipt):
        return cast("_Sent", verified(connection, sent, patience))
    if not isinstance(sent, CaptureReport):
        raise InvalidInputError(f"{sent!r} is of type {type(sent).__name__}, not a Receipt or a CaptureReport.")
    _look_up(connection, ledger_of(sent), patience)
    return sent


def _look_up(connection: Connection, ledger: Ledger, seconds: float) -> None:
    if times := ledger.times():
        ledger.note(look_up(connection, times, seconds))


def _warn_of_dropped(report: CaptureReport) -> None:
    dropped = report.counts.get("dropped", 0)
    if dropped:
        warn_caller(f"PostHog dropped {dropped:,} of {len(report):,} events; report.problems tells why.")


class _Work:
    """One run through the input."""

    def __init__(
        self, connection: Connection, rows: EventRows, ledger: Ledger, progress: _Progress, *, skips: bool
    ) -> None:
        self._connection = connection
        self._rows = rows
        self._ledger = ledger
        self._progress = progress
        self._skips = skips
        self._given_uuids: dict[str, int] = {}
        self._read = 0
        self._first_reading = True
        self._naive: list[str] = []
        self._naive_times = 0

    def send(self, most_events: int, *, historical: bool) -> None:
        """Check what can be checked beforehand, then send batch by batch.

        Raises:
            InvalidInputError: an event cannot be sent, or the input is not the one that is gone on with.
            PostHogError: a batch was not taken.
        """
        if not self._rows.streamed:
            self._check()
        for batch in batches(self._encoded(), most_events):
            for event in batch:
                # What it is if nobody comes to know more.
                self._ledger.settle(event.row, Fate("unknown"))
            delivery = deliver(self._connection, batch, historical=historical)
            for event, fate in zip(batch, delivery.fates, strict=True):
                self._ledger.settle(event.row, fate)
            self._progress.update(len(batch))
            if delivery.error is not None:
                raise delivery.error
        self._check_length(self._read)

    def _check_length(self, found: int) -> None:
        known = len(self._ledger.rows)
        if found < known:
            raise InvalidInputError(f"The report is of {known:,} events and the input has {found:,}.", hint=_SAME_INPUT)

    def _check(self) -> None:
        """Go through the whole input once and send nothing."""
        self._check_length(self._rows.total or 0)
        for number, row in enumerate(self._rows.rows):
            try:
                self._prepare(number, row)
            except InvalidInputError as error:
                self._note_bad(number, row, error)
        bad = [(number, row.detail) for number, row in enumerate(self._ledger.rows) if row.status == "bad"]
        if bad and not self._skips:
            told = "".join(f"\n  row {number}: {detail}" for number, detail in bad[:_PROBLEMS_TOLD])
            more = f"\n  ... and {len(bad) - _PROBLEMS_TOLD:,} more" if len(bad) > _PROBLEMS_TOLD else ""
            raise InvalidInputError(
                f"{len(bad):,} of {self._rows.total:,} events cannot be sent, so none was:{told}{more}",
                hint='Put them right, or send the others with on_bad="skip".',
            )
        self._given_uuids.clear()
        self._first_reading = False

    def _encoded(self) -> Iterator[Encoded]:
        """The events to send, in their order."""
        for number, row in enumerate(self._rows.rows):
            self._read = number + 1
            known = self._ledger.row(number)
            if not self._rows.streamed and known is not None and known.status in {"sent", "bad"}:
                self._progress.update(1)
                continue
            try:
                event = self._prepare(number, row)
            except InvalidInputError as error:
                self._note_bad(number, row, error)
                if self._skips:
                    self._progress.update(1)
                    continue
                raise InvalidInputError(f"Row {number} cannot be sent: {error.message}", hint=error.hint) from error
            known = self._ledger.row(number)
            if known is not None and known.status != "sent":
                yield event
            else:
                self._progress.update(1)

    def _prepare(self, number: int, row: object) -> Encoded:
        """The event of one row, noted in the ledger; one that is there already keeps its uuid and time."""
        fields = self._rows.fields(row)
        known = self._ledger.row(number)
        with gathered_warnings() as naive:
            event = make_event(
                fields.event,
                fields.distinct_id,
                fields.properties,
                known.timestamp if known is not None and fields.timestamp is None else fields.timestamp,
                known.uuid if known is not None and fields.uuid is None else fields.uuid,
            )
        if self._first_reading:
            self._naive, self._naive_times = self._naive or naive[:1], self._naive_times + len(naive)
        if fields.uuid is not None and (first := self._given_uuids.setdefault(event.uuid, number)) != number:
            raise InvalidInputError(
                f"uuid {event.uuid} is that of row {first} as well: only one of them would be kept."
            )
        data = encode(event, self._connection)
        digest = blake2b(repr(event).encode(), digest_size=8).digest()
        if known is None or known.status not in _PERHAPS_THERE:
            self._ledger.put(number, _unsent(event, digest))
        elif known.digest != digest:
            raise InvalidInputError(
                f"Row {number} is another event than the report has ({known.event!r} of {known.distinct_id!r}).",
                hint=_SAME_INPUT,
            )
        return Encoded(event.uuid, data, number)

    def _note_bad(self, number: int, row: object, error: InvalidInputError) -> None:
        known = self._ledger.row(number)
        if known is not None and known.status in _PERHAPS_THERE:
            raise error
        self._ledger.put(
            number,
            ReportRow(
                uuid=known.uuid if known is not None else None,
                event=str(_part(row, "event")),
                distinct_id=str(_part(row, "distinct_id")),
                timestamp=known.timestamp if known is not None else None,
                status="bad",
                detail=str(error),
            ),
        )

    def warn_of_naive_times(self) -> None:
        """Warn once of all times without a zone."""
        warn_together(self._naive, self._naive_times - len(self._naive))


def _unsent(event: Event, digest: bytes) -> ReportRow:
    return ReportRow(event.uuid, event.event, event.distinct_id, event.timestamp, "unsent", digest=digest)


def _part(row: object, name: str) -> object:
    try:
        return row[name]  # type: ignore[index]  # whatever stands there
    except (TypeError, KeyError, IndexError):
        return None


class _Calls:
    """Calls back with the events that are done and their number, None for a stream."""

    def __init__(self, call: Callable[[int, int | None], object], total: int | None) -> None:
        self._call = call
        self._total = total
        self._done = 0

    def update(self, n: int) -> None:
        self._done += n
        self._call(self._done, self._total)


class _Silence:
    def update(self, n: int) -> None:
        pass


def _progress(progress: Any, total: int | None, stack: ExitStack) -> _Progress:  # noqa: ANN401 - as given
    if callable(progress):
        return _Calls(progress, total)
    if not isinstance(progress, bool):
        raise InvalidInputError(f"progress is {progress!r}.", hint="It is True, False or a function of (done, total).")
    if not progress:
        return _Silence()
    from tqdm.auto import tqdm  # noqa: PLC0415 - for who sends many

    return stack.enter_context(tqdm(total=total, unit=" events", delay=1, leave=False))
