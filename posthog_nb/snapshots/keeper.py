"""The two ways in which a connection has a snapshot: it records what is answered, or it replays it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Protocol
from zoneinfo import ZoneInfoNotFoundError

import msgspec

from posthog_nb.errors import (
    APIError,
    ConfigurationError,
    NotFoundError,
    QueryError,
    SnapshotError,
    Span,
)
from posthog_nb.snapshots.asked import Answered, redacted
from posthog_nb.snapshots.manifest import (
    FORMAT,
    VERSION,
    Manifest,
    RefusalName,
    Refused,
    damaged,
    entry_of,
    refusal_of,
)
from posthog_nb.snapshots.nearest import not_recorded
from posthog_nb.snapshots.parquet import read_rows, written
from posthog_nb.visible import visible

if TYPE_CHECKING:
    from collections.abc import Callable

    from posthog_nb.frames import Table
    from posthog_nb.snapshots.asked import Asked
    from posthog_nb.snapshots.folder import Folder
    from posthog_nb.snapshots.manifest import Entry, Target
    from posthog_nb.snapshots.privacy import Privacy, Veil

__all__ = ["Keeper", "Recorder", "Replay"]

_REFUSALS: dict[RefusalName, type[APIError]] = {"QueryError": QueryError, "NotFoundError": NotFoundError}
"""What PostHog says of the question itself. That the key may not ask, that PostHog is busy or the network down, is no
answer: once that is mended, a replay would say it still."""
_MAY_BE_MISSING = frozenset({"person", "cohort"})
"""What may not be found where it is looked for. Of anything else that says that there is no such project."""


class Keeper(Protocol):
    """What stands between a question and its answer."""

    @property
    def into(self) -> str | None:
        """What the snapshot that is recorded is called; None where one is replayed."""

    def answer(self, asked: Asked, live: Callable[[], Answered]) -> Answered:
        """The answer, with ``recorded_at``; ``live`` asks PostHog for it.

        Raises:
            SnapshotError: it cannot be recorded, or replayed.
        """

    def real(self, value: Any) -> Any:  # noqa: ANN401 - any value
        """A value that is bound in a query, as PostHog knows it."""


class Recorder:
    """Records every answer.

    Args:
        folder: Where to.
        veil: What is covered of it.
        target: Tells which project is asked, which may be known only when something is.
    """

    def __init__(self, folder: Folder, veil: Veil, target: Callable[[], Target]) -> None:
        self._folder = folder
        self._veil = veil
        self._target = target

    @property
    def into(self) -> str:
        """What the snapshot is called."""
        return self._folder.label

    def is_of(self, folder: Folder, privacy: Privacy) -> bool:
        """Whether it records into this folder and covers this."""
        return folder == self._folder and privacy.as_json() == self._veil.privacy.as_json()

    def answer(self, asked: Asked, live: Callable[[], Answered]) -> Answered:
        """The answer, which is in the snapshot when this returns; what PostHog refuses is recorded and raised.

        Raises:
            ConfigurationError: the snapshot is of another project, or covers something else. Nothing was asked.
            InvalidInputError: a pseudonym stands in the text of the query. Nothing was asked.
        """
        self._refuse_another(self._folder.read())
        self._veil.check(asked)
        try:
            found = live()
        except tuple(_REFUSALS.values()) as error:
            if isinstance(error, NotFoundError) and asked.kind not in _MAY_BE_MISSING:
                raise
            refused = _refused(error, self._veil)
            self._veil.look(asked)
            self._put(asked, None, refusal_of(asked, refused, _now()))
            # As a replay will raise it: PostHog's words may name an id that nobody is to see.
            raise _refusal(refused) from None
        # What the session calls a local project, it may call by a folder of this computer.
        covered = replace(self._veil.cover(asked, found), source=self._target().host)
        data = written(covered.table)
        entry = entry_of(asked, covered, _now(), data)
        self._put(asked, data, entry)
        # As a replay will give it.
        return _answered(entry, covered.table)

    def real(self, value: Any) -> Any:  # noqa: ANN401 - any value
        """The value with the ids that PostHog knows, where what was recorded has others in their place."""
        return self._veil.real(value)

    def _put(self, asked: Asked, data: bytes | None, entry: Entry) -> None:
        def change(before: Manifest | None) -> Manifest:
            self._refuse_another(before)
            if before is not None:
                return msgspec.structs.replace(before, answers={**before.answers, asked.key: entry})
            privacy = self._veil.privacy.as_json()
            return Manifest(
                format=FORMAT, version=VERSION, target=self._target(), privacy=privacy, answers={asked.key: entry}
            )

        self._folder.put(entry, data, change)

    def refuse_other_privacy(self, manifest: Manifest | None) -> None:
        """Refuse to record beside answers of which something else is covered.

        Raises:
            ConfigurationError: it would be so.
        """
        privacy, label = self._veil.privacy.as_json(), self._folder.label
        if manifest is not None and manifest.privacy != privacy:
            raise ConfigurationError(
                f"The snapshot {label} was recorded with {_told(manifest.privacy)}, and this recording has"
                f" {_told(privacy)}.",
                hint="Record with the same, or into another folder.",
            )

    def _refuse_another(self, manifest: Manifest | None) -> None:
        self.refuse_other_privacy(manifest)
        if manifest is not None and manifest.target != (target := self._target()):
            raise ConfigurationError(
                f"The snapshot {self._folder.label} is of {manifest.target}, and this is {target}.",
                hint="Record into another folder: a snapshot is of one project.",
            )


class Replay:
    """Answers from a snapshot, and from nothing else.

    Args:
        folder: Where it is.
    """

    into = None

    def __init__(self, folder: Folder) -> None:
        self._folder = folder

    def answer(self, asked: Asked, live: Callable[[], Answered]) -> Answered:  # noqa: ARG002 - nobody is asked
        """The answer that was recorded.

        Raises:
            NotRecordedError: there is none; it names the nearest.
            SnapshotError: the snapshot is damaged, or gone.
        """
        entry = self._entry(asked)
        while True:
            if entry.refused is not None:
                raise _refusal(entry.refused)
            try:
                return _answered(entry, self._table(entry, self._folder.rows_of(entry)))
            except SnapshotError:
                # Somebody may have recorded it anew since the manifest was read, more than once even.
                again = self._entry(asked)
                if again == entry:
                    raise
                entry = again

    def real(self, value: Any) -> Any:  # noqa: ANN401 - any value
        """The value as it is: it was recorded so."""
        return value

    def _entry(self, asked: Asked) -> Entry:
        answers = self._folder.held().answers
        entry = answers.get(asked.key)
        if entry is None:
            raise not_recorded(asked, answers, self._folder.label)
        return entry

    def _table(self, entry: Entry, data: bytes) -> Table:
        names, kinds = [one.name for one in entry.columns], [one.kind for one in entry.columns]
        try:
            return read_rows(data, entry.rows, kinds, names, entry.remarks)
        except ZoneInfoNotFoundError as error:
            raise SnapshotError(
                f"An answer of the snapshot {self._folder.label} has times in a zone that this computer does not know:"
                f" {error.args[0]}.",
                hint="pip install tzdata",
            ) from error
        except (ValueError, RecursionError, OverflowError) as error:
            raise damaged(self._folder.label, f"answers/{entry.sha256}.parquet: {error}") from error


def _now() -> datetime:
    return datetime.now(UTC).replace(microsecond=0)


def _told(privacy: dict[str, Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in privacy.items() if value) or "nothing masked"


def _answered(entry: Entry, table: Table) -> Answered:
    declared = tuple(one.kind if one.declared is None else one.declared for one in entry.columns)
    return Answered(
        table=replace(table, notes=tuple(entry.remarks)),
        source=visible(entry.source),
        columns=tuple(one.name if one.called is None else one.called for one in entry.columns),
        types=declared if any(declared) else (),
        timezone=entry.timezone,
        hogql=None if entry.understood is None else "\n".join(entry.understood),
        has_more=entry.has_more,
        is_cached=entry.is_cached,
        last_refresh=entry.last_refresh,
        query_id=entry.query_id,
        elapsed=entry.elapsed,
        notes=tuple(entry.notes),
        recorded_at=entry.recorded_at,
    )


def _refused(error: APIError, veil: Veil) -> Refused:
    return Refused(
        error=next(name for name, kind in _REFUSALS.items() if isinstance(error, kind)),
        message=veil.refusal(error),
        status=error.status,
        hint=None if error.hint is None else veil.said(error.hint),
        code=error.code,
        type=error.kind,
        query_id=error.query_id,
        text=None if error.text is None else redacted(error.text),
        span=None if error.span is None else (error.span.start, error.span.end),
    )


def _refusal(found: Refused) -> APIError:
    return _REFUSALS[found.error](
        found.message,
        status=found.status,
        code=found.code,
        kind=found.type,
        query_id=None if found.query_id is None else visible(found.query_id),
        hint=found.hint,
        text=found.text,
        span=None if found.span is None else Span(*found.span),
    )
