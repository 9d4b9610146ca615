"""From settings to a client."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from posthog_nb.client import Client, remember
from posthog_nb.connection import capture_mode_of
from posthog_nb.errors import ConfigurationError, InvalidInputError
from posthog_nb.opening import open_connection, open_replay
from posthog_nb.operations.properties import event_time
from posthog_nb.settings import hold, hold_keys, read_target, resolve
from posthog_nb.snapshots.recording import Recording
from posthog_nb.version import __version__

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping

    from posthog_nb.secret import Secret
    from posthog_nb.snapshots.manifest import Target

__all__ = ["connect", "in_utc_unless_said"]


def connect(  # noqa: PLR0913 - one argument a setting
    target: str | None = None,
    *,
    project_id: int | str | None = None,
    personal_api_key: str | Secret | None = None,
    project_token: str | Secret | None = None,
    profile: str | None = None,
    frame: str | None = None,
    allow_http: bool = False,
    seed: int = 1,
    as_of: datetime | str | None = None,
    timezone: str | None = None,
    week_start: str | None = None,
    person_mode: str | None = None,
    capture_mode: str | None = None,
    snapshot: str | os.PathLike[str] | Recording | None = None,
) -> Client:
    """A client for a PostHog project. Nothing is sent and nothing starts before its first call.

    What is not given is read from the environment (``POSTHOG_HOST``, ``POSTHOG_PROJECT_ID``,
    ``POSTHOG_PERSONAL_API_KEY``, ``POSTHOG_PROJECT_TOKEN``), then from Colab's secrets and a saved profile. A key or
    token that a call needs and none of them has is asked for where somebody can answer. Where nothing says where to
    connect, the target is the demo, and every result says so.

    Args:
        target: ``"us"``, ``"eu"``, the URL of a PostHog, ``"demo"`` (a made-up product in memory), ``"local"`` or
            ``"local:PATH"`` (a project of your own on this computer's disk).
        project_id: The project's number; reading needs it.
        personal_api_key: ``phx_...``; reading needs it.
        project_token: ``phc_...``; sending needs it.
        profile: The name of a saved profile (:func:`posthog_nb.save_profile`), which then comes before the environment.
        frame: What results become by default: ``"pandas"``, ``"polars"`` or ``"arrow"``.
        allow_http: Send keys and tokens by plain http to a host other than this computer.
        seed: The demo's seed: the same seed and ``as_of`` give the same data.
        as_of: The moment at which the demo's data ends and which its ``now()`` answers; now by default. One without
            a zone is UTC, so that a notebook shows the same everywhere.
        timezone: The time zone of the demo or of your local project, such as ``"Europe/London"``. This and the next
            two are the project's: a local one keeps them, for every notebook, until they are changed.
        week_start: The day that its weeks start on: ``"sunday"`` or ``"monday"``.
        person_mode: Its ``personsOnEventsMode``, in PostHog's words: which person's properties an event has.
        capture_mode: How events are sent: ``"v0"``, the usual way, or ``"v1"``, with a verdict for each event; by
            default what ``POSTHOG_CAPTURE_MODE`` says.
        snapshot: A folder of recorded answers, relative to where the notebook runs. Where one is, it is replayed:
            nothing is sent, no setting is read and no key needed. Where none is yet, what the target answers is
            recorded there. A :class:`~posthog_nb.snapshots.recording.Recording` records always, and says what of
            personal data is covered.

    Raises:
        ConfigurationError: a setting is not what it should be, or two contradict each other.
        InvalidInputError: ``frame``, ``seed``, ``as_of`` or a setting of the project is not what it should be.
        SnapshotError: the snapshot is damaged, or of another format.
    """
    # A traceback may show variables: from here on none of them shows a key.
    place, number, name = hold_keys(target), hold_keys(project_id), hold_keys(profile)
    target = project_id = profile = None
    personal_api_key, project_token = hold(personal_api_key), hold(project_token)
    if isinstance(seed, bool) or not isinstance(seed, int):
        raise InvalidInputError(f"seed is {seed!r}; it is a whole number.")
    moment = None if as_of is None else event_time(in_utc_unless_said(as_of), "as_of")
    recording = None if snapshot is None else snapshot if isinstance(snapshot, Recording) else Recording(snapshot)
    project = {"timezone": timezone, "week_start": week_start, "person_mode": person_mode}
    if recording is not None and recording is not snapshot and recording.folder.exists:
        connection, recorded = open_replay(recording.folder, version=__version__)
        _refuse_another(recorded, place, number, seed=seed, as_of=moment, project=project)
    else:
        settings = resolve(
            place,
            project_id=number,
            personal_api_key=personal_api_key,
            project_token=project_token,
            profile=name,
            allow_http=allow_http,
        )
        if recording is not None and not settings.chosen:
            raise _nothing_to_record(recording, is_wanted=recording is snapshot)
        connection = open_connection(
            settings,
            version=__version__,
            seed=seed,
            as_of=moment,
            project=project,
            capture_mode=capture_mode_of(capture_mode),
        )
        if recording is not None:
            connection.record(recording)
    client = Client(connection, frame=frame)
    remember(client)
    return client


def _nothing_to_record(recording: Recording, *, is_wanted: bool) -> ConfigurationError:
    """The error where no setting says what to record: the demo is recorded by who names it."""
    label = recording.folder.label
    if is_wanted:
        return ConfigurationError(
            f"No PostHog is configured to record the snapshot {label} from.",
            hint='Name it: connect("eu", project_id=12345, snapshot=...), or connect("demo", snapshot=...).',
        )
    return ConfigurationError(
        f"There is no snapshot at {label} to replay, and no PostHog is configured to record one from.",
        hint=f"The folder that this runs in is {Path.cwd().name}: is the path right from there?"
        ' connect("demo", snapshot=...) records the demo.',
    )


def _refuse_another(  # noqa: PLR0913 - one argument a setting
    recorded: Target,
    target: str | Secret | None,
    project_id: object,
    *,
    seed: int,
    as_of: datetime | None,
    project: Mapping[str, str | None],
) -> None:
    """Refuse to replay one project where another was asked for; what was not said does not matter."""
    asked = None if target is None else read_target(target)
    number = project_id if project_id is not None else asked.project_id if asked else None
    host = None if asked is None else asked.label if asked.kind == "remote" else asked.kind
    wrong = [
        f"{name} {given}"
        for name, given, kept in (
            ("target", host, recorded.host),
            ("project", number, recorded.project_id),
            *([("seed", seed, recorded.seed), ("as_of", as_of, _moment(recorded.as_of))] if host == "demo" else []),
            *((name, given, recorded.settings.get(name)) for name, given in project.items()),
        )
        if given is not None and str(given) != str(kept)
    ]
    if wrong:
        raise ConfigurationError(
            f"The snapshot is of {recorded}; this asks for {', '.join(wrong)}.",
            hint="Leave the target out to replay it, or record the other one into another folder.",
        )


def _moment(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


def in_utc_unless_said(as_of: object) -> object:
    """A time in which no zone is said as one in UTC, whatever the computer's; what is no time as it is."""
    if isinstance(as_of, str):
        try:
            as_of = datetime.fromisoformat(as_of.strip())
        except ValueError:
            return as_of  # refused by name where every time is read
    return as_of.replace(tzinfo=UTC) if isinstance(as_of, datetime) and as_of.tzinfo is None else as_of
