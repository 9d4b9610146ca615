"""A recorded snapshot: what is in it, what is no longer needed, and whether it still holds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from posthog_nb.connecting import in_utc_unless_said
from posthog_nb.frames import JsonRows, decode, default_frame, to_frame
from posthog_nb.operations.card import card
from posthog_nb.operations.properties import event_time
from posthog_nb.snapshots.asked import QUERY
from posthog_nb.snapshots.privacy import Privacy
from posthog_nb.snapshots.recording import folder_at
from posthog_nb.snapshots.telling import rows_told, values_told, what_told
from posthog_nb.visible import counted, visible

if TYPE_CHECKING:
    import os
    from collections.abc import Callable
    from datetime import datetime

    from posthog_nb.client import Client
    from posthog_nb.verifying.verification import Verification

__all__ = ["Pruning", "Snapshot"]

_COLUMNS = {
    "asked": "String",
    "values": "String",
    "rows": "String",
    "count": "Nullable(Int64)",
    "columns": "Nullable(Int64)",
    "cut": "Bool",
    "refused": "Nullable(String)",
    "recorded_at": "DateTime64(0, 'UTC')",
    "timezone": "Nullable(String)",
    "bytes": "Int64",
    "key": "String",
}


class Snapshot:
    """A folder of recorded answers. To replay it, give its path to ``connect(snapshot=...)``.

    Args:
        path: The folder, relative to where the notebook runs.

    Raises:
        SnapshotError: there is none, it is damaged or of another format.
        InvalidInputError: ``path`` is no path of a folder.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._folder = folder_at(path)
        self._folder.held()

    @property
    def target(self) -> str:
        """Whose answers it holds, such as ``"eu.posthog.com, project 12345"``."""
        return str(self._folder.held().target)

    def __len__(self) -> int:
        return len(self._folder.held().answers)

    def __bool__(self) -> bool:
        # A snapshot without answers is a snapshot all the same.
        return True

    def list(self, *, frame: str | None = None) -> Any:  # noqa: ANN401 - a frame of the kind that is asked for
        """A frame of what was asked, a row an answer, in the order in which it was first asked.

        Its columns are ``asked`` (the query in one line, or what was looked up), ``values``, ``rows`` (which of its
        rows: ``first``, ``first 5``, ``page 2``, ``all``), ``count`` (how many), ``columns``, ``cut`` (whether there
        were more), ``refused`` (what PostHog said, where it did), ``recorded_at``, ``timezone``, ``bytes``, ``key``.

        Args:
            frame: ``"pandas"``, ``"polars"`` or ``"arrow"``.
        """
        rows = []
        for key, entry in self._folder.held().answers.items():
            asked = entry.question
            has_rows = entry.kind == QUERY and entry.refused is None
            rows.append(
                [
                    what_told(asked),
                    values_told(asked),
                    rows_told(asked),
                    entry.rows if has_rows else None,
                    len(entry.columns) if has_rows else None,
                    entry.has_more,
                    None if entry.refused is None else f"{entry.refused.error}: {entry.refused.message}",
                    entry.recorded_at.isoformat(),
                    entry.timezone,
                    entry.bytes,
                    key,
                ]
            )
        return to_frame(decode(list(_COLUMNS), list(_COLUMNS.values()), JsonRows.of(rows)), frame or default_frame())

    def prune(self, before: datetime | str | None = None) -> Pruning:
        """Remove the files that no answer needs, and with ``before`` the older answers.

        Args:
            before: Answers that were recorded before this moment are removed; one without a zone is UTC, as
                ``recorded_at`` is.

        Raises:
            InvalidInputError: ``before`` is no time.
            SnapshotError: the snapshot cannot be written.
        """
        moment = None if before is None else event_time(in_utc_unless_said(before), "before")
        removed = self._folder.prune(moment)
        return Pruning(self._folder.label, removed.answers, removed.files, removed.size)

    def verify(
        self,
        client: Client | None = None,
        *,
        timeout: float | None = None,
        progress: bool | Callable[[int, int], object] = False,
    ) -> Verification:
        """Ask PostHog everything again, and say what is the same, what differs and what is gone.

        Nothing is recorded and nothing changes. Floats that differ by less than a billionth part are the same, and so
        are the same rows in another order; both are said. ``assert snapshot.verify().ok`` stops a notebook that runs
        by itself. Where the asking ends in the middle, as the network is lost, what is left counts as not asked.

        Args:
            client: Who is asked: a client of the project that was recorded. Left out, it is one by the usual settings.
            timeout: Seconds to wait for each answer.
            progress: Whether to show it, or a function that is called with the number of answers that are done and
                their total.

        Raises:
            ConfigurationError: ``client`` is of another project, or replays a snapshot.
            InvalidInputError: an argument is not what it should be.
            SnapshotError: the snapshot is damaged.
            TransportError: PostHog cannot be reached at the first question.
        """
        from posthog_nb.verifying.verifying import verify  # noqa: PLC0415 - loads what reads a manifest

        return verify(self._folder, self._folder.held(), client, timeout=timeout, progress=progress)

    @property
    def _facts(self) -> dict[str, str]:
        manifest = self._folder.held()
        entries = manifest.answers.values()
        times = sorted(entry.recorded_at for entry in entries)
        size = sum(entry.bytes for entry in entries)
        facts = {"of": str(manifest.target), "answers": f"{len(times):,}, {_bytes(size)}"}
        if times:
            facts["recorded"] = " to ".join(dict.fromkeys(f"{one:%Y-%m-%d %H:%M} UTC" for one in (times[0], times[-1])))
        return facts | {"covered": str(Privacy.from_json(manifest.privacy)) or "nothing"}

    def __repr__(self) -> str:
        told = "; ".join(f"{name} {text}" for name, text in self._facts.items())
        return visible(f"<Snapshot {self._folder.label}: {told}>")

    def _repr_html_(self) -> str:
        return card(self._facts, title=f"Snapshot {self._folder.label}")


@dataclass(frozen=True, repr=False)
class Pruning:
    """What was removed from a snapshot.

    Attributes:
        snapshot: What the snapshot is called.
        answers: How many answers.
        files: How many files.
        size: The files' bytes.
    """

    snapshot: str
    answers: int
    files: int
    size: int

    def __repr__(self) -> str:
        return visible(f"{self.snapshot}: {self._told} removed")

    @property
    def _told(self) -> str:
        return f"{counted(self.answers, 'answer')} and {counted(self.files, 'file')} of {_bytes(self.size)}"

    def _repr_html_(self) -> str:
        return card({"removed": self._told}, title=f"Snapshot {self.snapshot}")


def _bytes(size: int) -> str:
    for unit, bytes_ in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if size >= bytes_:
            return f"{size / bytes_:,.1f} {unit}"
    return f"{size:,} bytes"
