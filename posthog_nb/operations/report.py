"""What became of many events, one by one."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from posthog_nb.frames import JsonRows, Table, decode, default_frame, to_frame
from posthog_nb.operations.card import card

if TYPE_CHECKING:
    from datetime import datetime

    import pyarrow as pa

    from posthog_nb.operations.arrival import Arrivals
    from posthog_nb.operations.delivery import Fate
    from posthog_nb.secret import Secret

__all__ = ["CaptureReport", "Ledger", "ReportRow", "ledger_of"]

_SHOWN = 20
_COLUMNS = {
    "row": "Int64",
    "uuid": "String",
    "event": "String",
    "distinct_id": "String",
    "timestamp": "Nullable(DateTime64(6, 'UTC'))",
    "status": "String",
    "detail": "Nullable(String)",
    "arrived": "Nullable(Bool)",
}


@dataclass(slots=True)
class ReportRow:
    """One event of a report; a row of bad input has no uuid and no time.

    Attributes:
        digest: Of the event that was made of it, so that another input is noticed when sending goes on.
    """

    uuid: str | None
    event: str
    distinct_id: str
    timestamp: datetime | None
    status: str
    detail: str | None = None
    arrived: bool | None = None
    digest: bytes = b""


class Ledger:
    """The rows of a report while it is written.

    Attributes:
        token: The project token that they were sent with.
    """

    def __init__(self) -> None:
        self.rows: list[ReportRow] = []
        self.token: Secret | None = None
        self.remarks: tuple[str, ...] = ()

    def row(self, number: int) -> ReportRow | None:
        """The row of that number; None for one that sending has not come to yet."""
        return self.rows[number] if number < len(self.rows) else None

    def put(self, number: int, row: ReportRow) -> None:
        """Set the row of that number, at most one after the last."""
        self.rows[number : number + 1] = [row]

    def settle(self, number: int, fate: Fate) -> None:
        """Note what became of a row's event."""
        row = self.rows[number]
        row.status, row.detail = fate.status, fate.detail

    def times(self) -> dict[str, datetime]:
        """The time of each event that was taken and is not known to have arrived, by uuid."""
        return {
            row.uuid: row.timestamp
            for row in self.rows
            if row.status == "sent" and not row.arrived and row.uuid is not None and row.timestamp is not None
        }

    def note(self, arrivals: Arrivals) -> None:
        """Note which events arrived."""
        sent = [row for row in self.rows if row.status == "sent" and not row.arrived and row.uuid is not None]
        for row in sent:
            row.arrived = arrivals.of(row.uuid or "")
        self.remarks = arrivals.remarks(sum(not row.arrived for row in sent))


class CaptureReport:
    """What became of each event of a ``capture_many``.

    ``ph.capture_many(events, resume=report)`` goes on from it: what is not sent yet is sent, with the uuids and times
    that the report has, so what arrived without an answer is stored once.

    Attributes:
        source: Where the events were sent, such as ``"demo"`` or ``"eu.posthog.com"``.
    """

    def __init__(self, source: str, frame: str | None = None) -> None:
        self.source = source
        self._frame = frame
        self._ledger = Ledger()

    @property
    def _rows(self) -> list[ReportRow]:
        return self._ledger.rows

    @property
    def remarks(self) -> tuple[str, ...]:
        """What a reader should know, such as why events may not have arrived."""
        return self._ledger.remarks

    def __len__(self) -> int:
        return len(self._rows)

    def __bool__(self) -> bool:
        # A report of no events is a report all the same.
        return True

    @property
    def counts(self) -> dict[str, int]:
        """How many events have which status.

        ``sent``: PostHog took it. ``dropped``: capture v1 took it and will not keep it. ``refused``: not taken.
        ``unknown``: no answer came, it may have arrived. ``unsent``: not sent yet. ``bad``: cannot be sent.
        """
        return dict(Counter(row.status for row in self._rows))

    @property
    def complete(self) -> bool:
        """Whether every event was taken."""
        return all(row.status == "sent" for row in self._rows)

    @property
    def problems(self) -> list[str]:
        """A line for each of the first events that were not taken, or that did not arrive."""
        lines = []
        for number, row in enumerate(self._rows):
            if row.status == "sent" and row.arrived is not False:
                continue
            lines.append(f"row {number}: {_told(row)}")
            if len(lines) == _SHOWN:
                break
        return lines

    def to_arrow(self) -> pa.Table:
        """A row an event: row, uuid, event, distinct_id, timestamp (UTC), status, detail, arrived."""
        return self._table().arrow

    def to_frame(self, frame: str | None = None) -> Any:  # noqa: ANN401 - a frame of the kind that is asked for
        """The same as ``"pandas"``, ``"polars"`` or ``"arrow"``; by default what the client was told."""
        return to_frame(self._table(), frame or self._frame or default_frame())

    def _table(self) -> Table:
        rows = [
            [
                number,
                row.uuid or "",
                row.event,
                row.distinct_id,
                row.timestamp.isoformat() if row.timestamp is not None else None,
                row.status,
                row.detail,
                row.arrived,
            ]
            for number, row in enumerate(self._rows)
        ]
        return decode(list(_COLUMNS), list(_COLUMNS.values()), JsonRows.of(rows))

    def __repr__(self) -> str:
        return f"<CaptureReport: {len(self):,} events for {self.source}; {self._summary()}>"

    def _summary(self) -> str:
        return ", ".join(f"{count:,} {status}" for status, count in self.counts.items()) or "none"

    def _repr_html_(self) -> str:
        shown: dict[str, object] = {"sent to": self.source, "events": f"{len(self):,}: {self._summary()}"}
        if any(row.arrived is not None for row in self._rows):
            shown["arrived"] = f"{sum(row.arrived is True for row in self._rows):,}"
        shown |= {f"remark {number}": remark for number, remark in enumerate(self.remarks, 1)}
        problems = {line.partition(": ")[0]: line.partition(": ")[2] for line in self.problems}
        return card(shown | problems, title="Events sent" if self.complete else "Events, not all of them sent")


def _told(row: ReportRow) -> str:
    what = f"{row.event!r} of {row.distinct_id!r}"
    if row.status == "sent":
        return f"{what} did not arrive in time"
    return f"{what} is {row.status}" + (f" ({row.detail})" if row.detail else "")


def ledger_of(report: CaptureReport) -> Ledger:
    """What a report shows, to be written on."""
    return report._ledger  # noqa: SLF001 - the report's own room
