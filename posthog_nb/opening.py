"""From settings to a connection: to a PostHog on the network, one embedded in this process, or a snapshot of one."""

from __future__ import annotations

from dataclasses import replace
from functools import cache, partial
from typing import TYPE_CHECKING, Any

from posthog_nb.connection import Connection
from posthog_nb.errors import ConfigurationError, SnapshotError
from posthog_nb.secret import Secret
from posthog_nb.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime
    from wsgiref.types import WSGIApplication

    from posthog_nb.embedded.holding import ServerRecord
    from posthog_nb.embedded.project import Project, ProjectSettings
    from posthog_nb.snapshots.folder import Folder
    from posthog_nb.snapshots.manifest import Target

__all__ = ["open_connection", "open_replay", "with_own"]


def open_connection(  # noqa: PLR0913 - one argument a setting
    settings: Settings,
    *,
    version: str,
    seed: int = 1,
    as_of: datetime | None = None,
    project: Mapping[str, str | None] | None = None,
    capture_mode: str = "v0",
) -> Connection:
    """A connection for ``settings``. Nothing is sent and nothing starts before the first call.

    Args:
        settings: The resolved target.
        version: This package's version.
        seed: The demo's seed.
        as_of: The moment at which the demo's data ends; now by default.
        project: What an embedded project is to have: its ``timezone``, ``week_start`` and ``person_mode``; one that
            is None or left out stays as it is.
        capture_mode: How events are sent: ``"v0"`` or ``"v1"``.

    Raises:
        ConfigurationError: ``project`` is given for a PostHog on the network, which has settings of its own; or
            ``seed`` or ``as_of`` for what is no demo.
        InvalidInputError: one of its values is not what it should be.
    """
    given = {name: value for name, value in (project or {}).items() if value is not None}
    make = partial(Connection, version=version, capture_mode=capture_mode)
    if settings.kind != "demo" and (as_of is not None or seed != 1):
        raise ConfigurationError(
            f"{'seed' if as_of is None else 'as_of'} is for the demo, and this connects to {settings.label}.",
            hint='Leave it out, or name the demo: connect("demo", ...).',
        )
    if settings.kind == "remote":
        if given:
            raise ConfigurationError(
                f"{min(given)} is a setting of an embedded project, and {settings.label} is a PostHog of its own.",
                hint="Set it in that project's settings.",
            )
        return make(settings)
    chosen: dict[str, Any] = {}
    if given:
        from posthog_nb.embedded.project import project_settings  # noqa: PLC0415 - half a second, for who needs it

        chosen = project_settings(**given)
    if settings.kind == "demo":
        drawn = {"seed": seed, "as_of": None if as_of is None else as_of.isoformat()}
        make = partial(make, embedded={"settings": given, **drawn})
        return _demo_connection(settings, make, seed=seed, as_of=as_of, chosen=chosen)
    return _local_connection(settings, partial(make, embedded={"settings": given}), chosen=chosen)


def _demo_connection(
    settings: Settings,
    make: Callable[..., Connection],
    *,
    seed: int,
    as_of: datetime | None,
    chosen: Mapping[str, Any],
) -> Connection:
    from posthog_nb.embedded.mount import EmbeddedAdapter  # noqa: PLC0415 - the engine loads at the first call

    @cache
    def project() -> Project:
        from posthog_nb.embedded.demo import demo_project  # noqa: PLC0415

        return demo_project(seed=seed, as_of=as_of, settings=chosen)

    def application() -> WSGIApplication:
        from posthog_nb.embedded.server import create_app  # noqa: PLC0415

        return create_app(project())

    def complete(settings: Settings) -> Settings:
        return with_own(settings, project().settings)

    return make(settings, adapter=EmbeddedAdapter(application), complete=complete)


def open_replay(folder: Folder, *, version: str) -> tuple[Connection, Target]:
    """A connection that answers from the snapshot in ``folder``, and that nothing leaves; and whose answers they are.

    Raises:
        SnapshotError: there is none, it is damaged or of another format.
    """
    from posthog_nb.snapshots.keeper import Replay  # noqa: PLC0415 - for who replays

    target = folder.held().target

    def refuse(_: Settings) -> Settings:
        raise SnapshotError(
            f"This is a replay of the snapshot {folder.label}: it sends nothing, and has the recorded answers alone.",
            hint=f"Connect to {target.host} without snapshot= for that.",
        )

    nowhere = "http://replay.posthog-nb.invalid"
    label = f"{target.host}, replayed from {folder.label}"
    settings = Settings("replay", nowhere, nowhere, label, project_id=target.project_id)
    connection = Connection(settings, version=version, complete=refuse)
    connection.keeper = Replay(folder)
    return connection, target


def _local_connection(settings: Settings, make: Callable[..., Connection], *, chosen: Mapping[str, Any]) -> Connection:
    from posthog_nb.embedded.local import LocalAdapter, LocalServer  # noqa: PLC0415 - as above

    server = LocalServer(settings.path)

    def complete(settings: Settings) -> Settings:
        own = with_own(settings, server.record())
        if chosen:
            from posthog_nb.embedded.server.project_body import in_the_api  # noqa: PLC0415 - as above

            connection.change_project(own, in_the_api(chosen))
        return own

    connection = make(settings, adapter=LocalAdapter(server), complete=complete)
    return connection


def with_own(settings: Settings, own: ProjectSettings | ServerRecord) -> Settings:
    """The settings with the number and the keys that an embedded project made for itself."""
    return replace(
        settings,
        project_id=own.project_id,
        personal_api_key=Secret(own.personal_api_key),
        project_token=Secret(own.project_token),
    )
