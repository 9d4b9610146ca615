"""Asking a snapshot's questions again, and comparing the answers."""

from __future__ import annotations

import warnings
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

import msgspec

from posthog_nb.cautions import PersonalDataWarning
from posthog_nb.client import Client, latest_client, remember
from posthog_nb.connecting import connect
from posthog_nb.errors import APIError, ConfigurationError, InvalidInputError, NotFoundError, PostHogError, QueryError
from posthog_nb.operations.kept import json_in
from posthog_nb.operations.queries import check_timeout
from posthog_nb.snapshots.asked import QUERY
from posthog_nb.snapshots.comparing import Comparison, compare, compare_json
from posthog_nb.snapshots.keeper import Replay
from posthog_nb.snapshots.privacy import Privacy, Veil
from posthog_nb.syntax import tokenise
from posthog_nb.verifying.again import ask_again, why_not
from posthog_nb.verifying.verification import Outcome, Verification

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from posthog_nb.connection import Connection
    from posthog_nb.snapshots.asked import Answered, Asked
    from posthog_nb.snapshots.folder import Folder
    from posthog_nb.snapshots.manifest import Entry, Manifest, Target

__all__ = ["verify"]

_CLOCKS = frozenset({"CURRENT_DATE", "CURRENT_TIMESTAMP", "NOW", "NOWINBLOCK", "TODAY", "YESTERDAY"})


def verify(
    folder: Folder,
    manifest: Manifest,
    client: Client | None,
    *,
    timeout: float | None,
    progress: Any,  # noqa: ANN401 - as given
) -> Verification:
    """See :meth:`posthog_nb.verifying.snapshot.Snapshot.verify`."""
    check_timeout(timeout)
    if not isinstance(client, Client | None):
        raise InvalidInputError(
            f"client is {client!r}, of type {type(client).__name__}, not a client.",
            hint="Give one: snapshot.verify(posthog_nb.connect(...)), or none.",
        )
    with ExitStack() as stack:
        asked_of = stack.enter_context(_connected(manifest.target)) if client is None else client
        connection: Connection = asked_of._connection  # noqa: SLF001 - a client's own room
        notes = _same_project(folder, connection, manifest.target)
        step = _progress(progress, len(manifest.answers), stack)
        outcomes = _Verifying(folder, manifest, connection.unkept(), timeout).outcomes(step)
        return Verification(folder.label, connection.label, outcomes, notes)


@contextmanager
def _connected(target: Target) -> Iterator[Client]:
    """A client of the recorded project by the usual settings; which one a notebook used last does not change."""
    before = latest_client()
    try:
        client = _client_of(target)
    finally:
        remember(before)
    with client:
        yield client


def _client_of(target: Target) -> Client:
    said: dict[str, Any] = {name: target.settings.get(name) for name in ("timezone", "week_start", "person_mode")}
    if target.host == "demo":
        return connect("demo", seed=1 if target.seed is None else target.seed, as_of=target.as_of, **said)
    if target.host == "local":
        return connect("local", **said)
    client = connect(project_id=target.project_id)
    if client.source != target.host:
        # No key goes to a host because a file names it.
        client.close()
        raise ConfigurationError(
            f"The snapshot is of {target}, and the settings here lead to {client.source}.",
            hint="Give a client of that project: snapshot.verify(posthog_nb.connect(...)).",
        )
    return client


def _same_project(folder: Folder, connection: Connection, recorded: Target) -> tuple[str, ...]:
    """Refuse a client of another project; and what is to be said of the same one."""
    if connection.given_settings.kind == "replay":
        raise ConfigurationError(
            f"A snapshot is verified by asking PostHog, and this client is for {connection.label}.",
            hint="Leave the client out, or give one of the PostHog that was recorded.",
        )
    target = connection.target()
    if msgspec.structs.replace(target, demo_version=recorded.demo_version) != recorded:
        raise ConfigurationError(
            f"The snapshot {folder.label} is of {recorded}, and this client is of {target}.",
            hint="Give a client of the project that was recorded, or none.",
        )
    notes = []
    if target.demo_version != recorded.demo_version:
        notes.append(
            f"The demo was recorded from version {recorded.demo_version} of its generator, and this is version"
            f" {target.demo_version}: its data is other data."
        )
    if recorded.host == "demo" and recorded.as_of is None:
        notes.append("The demo was recorded as of that moment and is asked as of now; as_of= in connect() pins it.")
    return tuple(notes)


class _Verifying:
    """One verification.

    Args:
        folder: The snapshot.
        manifest: What was in it when the verification began.
        connection: Asks PostHog, and records nothing.
        timeout: Seconds to wait for each answer.
    """

    def __init__(self, folder: Folder, manifest: Manifest, connection: Connection, timeout: float | None) -> None:
        self._folder = folder
        self._replay = Replay(folder)
        self._entries = {key: (entry.question, entry) for key, entry in manifest.answers.items()}
        self._connection = connection
        self._timeout = timeout
        self._privacy = Privacy.from_json(manifest.privacy)
        self._clock_stands = manifest.target.as_of is not None

    def outcomes(self, step: Callable[[], object]) -> tuple[Outcome, ...]:
        """What became of each answer; ``step`` is called after each."""
        found: dict[str, Outcome] = {}
        ask: list[Asked] = []
        for key, (asked, entry) in self._entries.items():
            reason = why_not(asked, pseudonyms=self._privacy.hash_ids)
            if reason is None:
                ask.append(asked)
                continue
            found[key] = _outcome("not comparable", asked, entry, detail=reason)
            step()
        for asked, live in ask_again(self._connection, ask, timeout=self._timeout):
            found[asked.key] = self._judged(asked, self._entries[asked.key][1], live)
            step()
        return tuple(found[key] for key in self._entries)

    def _judged(self, asked: Asked, entry: Entry, live: Answered | PostHogError | None) -> Outcome:
        # Asking takes its time, in which others may record and prune.
        there = self._folder.held().answers.get(asked.key)
        if there is None:
            return _outcome("not comparable", asked, entry, detail="it was pruned while the others were asked again")
        entry = there
        if live is None:
            return _outcome("differs", asked, entry, now=0, detail="the rows end before these")
        if isinstance(live, PostHogError):
            return self._refused(asked, entry, live)
        now = len(live.table) if asked.kind == QUERY else None
        if entry.refused is not None:
            detail = f"it was refused then: {entry.refused.message}"
            return _outcome("differs", asked, entry, now=now, detail=detail)
        recorded = self._replay.answer(asked, lambda: live)
        found = self._compared(asked, recorded, live)
        status = "same" if found.same else "differs"
        hint = None if found.same else self._hint(asked, entry)
        return _outcome(status, asked, entry, now=now, detail=found.detail, changes=found.changes, hint=hint)

    def _refused(self, asked: Asked, entry: Entry, error: PostHogError) -> Outcome:
        """The outcome of a question that PostHog refuses, or that could not be asked."""
        message = Veil(self._privacy).refusal(error) if isinstance(error, APIError) else error.message
        told = f"{type(error).__name__}: {message}"
        before = entry.refused
        if before is not None and isinstance(error, APIError):
            if (before.error, before.message) == (type(error).__name__, message):
                return _outcome("same", asked, entry, detail="refused, as it was then")
            if isinstance(error, QueryError | NotFoundError):
                return _outcome("differs", asked, entry, detail=f"it was refused then too: {before.message} Now {told}")
        if isinstance(error, QueryError | NotFoundError):
            return _outcome("gone", asked, entry, detail=told)
        return _outcome("not asked", asked, entry, detail=told, hint=error.hint)

    def _compared(self, asked: Asked, recorded: Answered, live: Answered) -> Comparison:
        covered = self._covered(asked, live)
        other = self._covered(asked, live) if self._privacy.hash_ids else covered
        if asked.kind != QUERY:
            return compare_json(json_in(recorded), json_in(covered), json_in(other))
        return compare(recorded, covered, other)

    def _covered(self, asked: Asked, live: Answered) -> Answered:
        """The answer as a new recording would have it; of what it tells about emails none is kept here."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", PersonalDataWarning)
            return Veil(self._privacy).cover(asked, live)

    def _hint(self, asked: Asked, entry: Entry) -> str | None:
        if asked.kind != QUERY:
            return None
        words = {token.word for token in tokenise(asked.detail["hogql"])}
        if words & _CLOCKS and not self._clock_stands:
            return "It depends on the time of asking (now() and the like), so it changes by itself."
        if (entry.has_more or asked.detail["steps"]) and "ORDER" not in words:
            return "It was cut and has no ORDER BY, so which rows come first is ClickHouse's choice."
        return None


def _outcome(status: str, asked: Asked, entry: Entry, **more: Any) -> Outcome:  # noqa: ANN401 - the rest of it
    then = entry.rows if asked.kind == QUERY and entry.refused is None else None
    return Outcome(status, asked, entry.recorded_at, then=then, **more)


def _progress(progress: Any, total: int, stack: ExitStack) -> Callable[[], object]:  # noqa: ANN401 - as given
    if callable(progress):
        done = iter(range(1, total + 1))
        return lambda: progress(next(done), total)
    if not isinstance(progress, bool):
        raise InvalidInputError(f"progress is {progress!r}.", hint="It is True, False or a function of (done, total).")
    if not progress:
        return lambda: None
    from tqdm.auto import tqdm  # noqa: PLC0415 - for who wants to see it

    bar = stack.enter_context(tqdm(total=total, unit=" answers", delay=1, leave=False))
    return bar.update
