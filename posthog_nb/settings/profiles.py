"""Profiles: named settings in a file that is its owner's alone, their secrets there or in the keyring.

::

    default = "work"

    [profiles.work]
    host = "https://eu.posthog.com"
    project_id = 7
    personal_api_key = "phx_..."
    project_token = "phc_..."

``keyring = true`` in place of the secrets: they are in the system's keyring, under the profile's name and host.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from posthog_nb.errors import ConfigurationError
from posthog_nb.settings import keyrings
from posthog_nb.settings.credentials import (
    CALLED,
    KEY,
    TOKEN,
    SecretName,
    hold,
    hold_keys,
    read_project_id,
    read_secret,
)
from posthog_nb.settings.private_file import read_private, write_private
from posthog_nb.settings.prompt import ask_secret
from posthog_nb.settings.sources import agreed_project_id
from posthog_nb.settings.targets import Target, read_target

if TYPE_CHECKING:
    from pathlib import Path

    from posthog_nb.secret import Secret

__all__ = ["Profile", "Profiles", "profiles_path", "read_profiles", "remove_profile", "save_profile"]

_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
_FIELDS = frozenset({"host", "project_id", KEY, TOKEN, "keyring"})


@dataclass(frozen=True)
class Profile:
    """A named set of settings: a source of them (:class:`posthog_nb.settings.sources.Source`).

    Attributes:
        name: What it is called.
        target: The PostHog that it is for. Its secrets go nowhere else.
        project_id: The project, or None.
        personal_api_key: The key in the file, or None.
        project_token: The token in the file, or None.
        keyring: Whether its secrets are in the keyring.
    """

    name: str
    target: Target
    project_id: int | None = None
    personal_api_key: Secret | None = None
    project_token: Secret | None = None
    keyring: bool = False

    @property
    def where(self) -> str:
        """What to call it in front of a reader."""
        return f"the profile {self.name}"

    @property
    def is_slow(self) -> bool:
        """Whether the keyring has to be asked."""
        return self.keyring

    def secret(self, name: SecretName) -> Secret | None:
        """Its key or token, or None: the keyring's, where it keeps them there, before the file's.

        Raises:
            ConfigurationError: what the keyring holds is no such secret.
        """
        if self.keyring:
            found = keyrings.look_up(self.name, self.target.api_url, name)
            if kept := read_secret(name, found, f"The {name} of {self.where} in the keyring"):
                return kept
        return self.personal_api_key if name == KEY else self.project_token


@dataclass(frozen=True)
class Profiles:
    """All profiles, and which one counts when none is named."""

    profiles: dict[str, Profile]
    default: str | None = None

    def named(self, name: str, asked_by: str) -> Profile:
        """The profile of that name.

        Raises:
            ConfigurationError: there is none.
        """
        if name not in self.profiles:
            known = ", ".join(self.profiles) or "none"
            raise ConfigurationError(
                f"{asked_by} is {name!r}, and there is no such profile ({known}).",
                hint=f"Make one: posthog-nb profile save {name} --host HOST. They are kept in {profiles_path()}.",
            )
        return self.profiles[name]

    @property
    def usual(self) -> Profile | None:
        """The one that counts when none is named: the file's default, else the one that is called so."""
        return self.profiles.get(self.default or "default")


def profiles_path() -> Path:
    """Where the profiles are kept: ``posthog-nb/profiles.toml`` in the platform's folder for settings."""
    from platformdirs import user_config_path  # noqa: PLC0415 - for who comes to need it

    return user_config_path("posthog-nb", appauthor=False) / "profiles.toml"


def read_profiles() -> Profiles:
    """Read the profiles; none when there is no file.

    Raises:
        ConfigurationError: the file is not its owner's alone, or not what it should be.
    """
    path = profiles_path()
    content, fault = _parse(path)
    if content is None:
        if fault is not None:
            raise ConfigurationError(f"{path} is not TOML: {fault}.", hint="Correct it, or remove it and save anew.")
        return Profiles({})
    tables = content.pop("profiles", {})
    default = content.pop("default", None)
    if content or not isinstance(tables, dict) or not isinstance(default, str | None):
        raise ConfigurationError(
            f'{path} holds something else than default = "NAME" and [profiles.NAME].',
            hint="See docs/connecting.md for its form.",
        )
    profiles = {name: _read(name, table, path) for name, table in tables.items()}
    if default is not None and default not in profiles:
        raise ConfigurationError(f"{path} names {default!r} as the default, and has no such profile.")
    return Profiles(profiles, default)


def save_profile(  # noqa: PLR0913 - one argument a setting
    name: str = "default",
    *,
    host: str,
    project_id: int | str | None = None,
    personal_api_key: str | Secret | None = None,
    project_token: str | Secret | None = None,
    keyring: bool = False,
    default: bool = False,
) -> Path:
    """Keep settings under a name, for ``connect(profile=name)``. One of the same name is replaced as a whole.

    The file is made for its owner alone (mode 0600) and replaced as a whole, so it is never half written. On Windows,
    where a mode says nothing, it is as private as the user's own folder for settings. With neither a key nor a token
    given, both are asked for where somebody can answer, without showing them; an empty answer leaves one out.

    Args:
        name: Letters, digits, ``-`` and ``_``.
        host: ``"us"``, ``"eu"`` or the URL of a PostHog. The secrets are never sent to another.
        project_id: The project's number.
        personal_api_key: ``phx_...``. Better left out here: a key in a notebook is saved with it.
        project_token: ``phc_...``.
        keyring: Keep the secrets in the system's keyring and not in the file.
        default: Make it the one that counts when none is named. The first one is it anyway.

    Returns:
        The file's path.

    Raises:
        ConfigurationError: a setting is not what it should be, or the file or the keyring cannot be used.
        MissingDependencyError: ``keyring`` is asked for and not installed.
    """
    key, token = hold(personal_api_key), hold(project_token)
    personal_api_key = project_token = None
    profile = _profile(name, host=hold_keys(host), project_id=hold_keys(project_id), key=key, token=token)
    kept = read_profiles()
    if keyring:
        keyrings.library()  # before a key is typed that could not be kept
    if profile.personal_api_key is None and profile.project_token is None:
        profile = _asked(profile)
    if keyring:
        profile = _in_keyring(profile)
    usual = name if default or not kept.profiles else kept.default
    path = _write(Profiles({**kept.profiles, name: profile}, usual))
    former = kept.profiles.get(name)
    if former is not None and not (keyring and former.target.api_url == profile.target.api_url):
        _forget(former)
    return path


def remove_profile(name: str) -> None:
    """Remove a profile, with what the keyring holds for it.

    Raises:
        ConfigurationError: there is none of that name, or the file cannot be used.
    """
    kept = read_profiles()
    _forget(kept.named(name, "The name"))
    rest = {other: profile for other, profile in kept.profiles.items() if other != name}
    _write(Profiles(rest, None if kept.default == name else kept.default))


def _profile(  # noqa: PLR0913 - one argument a setting
    name: object, *, host: object, project_id: object, key: object, token: object, of: str = ""
) -> Profile:
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise ConfigurationError(
            f"A profile cannot be called {hold_keys(name)!r}.", hint="Use up to 64 letters, digits, - and _."
        )
    target = read_target(host, f"The host{of}")
    if target.kind != "remote":
        raise ConfigurationError(
            f"The host{of} is {host!r}; a profile is for a PostHog on the network.", hint=f'Use connect("{host}").'
        )
    number = agreed_project_id(target, read_project_id(project_id, f"The project id{of}"))
    return Profile(
        name,
        target,
        number,
        read_secret(KEY, key, f"The personal API key{of}"),
        read_secret(TOKEN, token, f"The project token{of}"),
    )


def _asked(profile: Profile) -> Profile:
    label = profile.target.label
    answers = [
        read_secret(name, ask_secret(f"{what} for {label} (not shown; empty for none): "), f"The {what}")
        for name, what in CALLED.items()
    ]
    return replace(profile, personal_api_key=answers[0], project_token=answers[1])


def _in_keyring(profile: Profile) -> Profile:
    for name in (KEY, TOKEN):
        secret = profile.secret(name)
        if secret is None:
            keyrings.forget(profile.name, profile.target.api_url, name)
        else:
            keyrings.store(profile.name, profile.target.api_url, name, secret)
    return replace(profile, personal_api_key=None, project_token=None, keyring=True)


def _forget(profile: Profile) -> None:
    if profile.keyring:
        for secret_name in (KEY, TOKEN):
            keyrings.forget(profile.name, profile.target.api_url, secret_name)


def _parse(path: Path) -> tuple[dict[str, object] | None, str | None]:
    """The file's content, every text in a profile held as a Secret; else why there is none."""
    import tomllib  # noqa: PLC0415 - for who has profiles

    data = read_private(path)
    if data is None:
        return None, None
    try:
        # Some editors of Windows begin a file with a byte order mark, which TOML does not have.
        content = tomllib.loads(data.decode("utf-8-sig"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        # Told and not raised from here: the parser's frames and its error hold the file, secrets included.
        return None, error.reason if isinstance(error, UnicodeDecodeError) else str(error)
    return {name: _held(name, value) for name, value in content.items()}, None


def _held(name: str, value: object) -> object:
    if isinstance(value, dict):
        return {inner: _held(inner, held) for inner, held in value.items()}
    if isinstance(value, list):
        return [_held(name, held) for held in value]
    return hold(value) if name in {KEY, TOKEN} else hold_keys(value)


def _read(name: str, table: object, path: Path) -> Profile:
    of = f" of [profiles.{name}] in {path}"
    if not isinstance(table, dict):
        raise ConfigurationError(f"profiles.{name} in {path} is not a table.", hint=f"Write [profiles.{name}].")
    if unknown := set(table) - _FIELDS:
        raise ConfigurationError(
            f"There is no setting {min(unknown)!r}{of}.", hint=f"There are {', '.join(sorted(_FIELDS))}."
        )
    in_keyring = table.get("keyring", False)
    if not isinstance(in_keyring, bool):
        raise ConfigurationError(f"keyring{of} is neither true nor false.")
    profile = _profile(
        name,
        host=table.get("host"),
        project_id=table.get("project_id"),
        key=table.get(KEY),
        token=table.get(TOKEN),
        of=of,
    )
    return replace(profile, keyring=in_keyring)


def _write(profiles: Profiles) -> Path:
    path = profiles_path()
    write_private(path, lambda: _rendered(profiles).encode())
    return path


def _rendered(profiles: Profiles) -> str:
    # No text here needs escaping: names, URLs and secrets are checked, and none of them holds a quote or a backslash.
    lines = [] if profiles.default is None else [f'default = "{profiles.default}"']
    for profile in profiles.profiles.values():
        lines += ["", f"[profiles.{profile.name}]", f'host = "{profile.target.api_url}"']
        if profile.project_id is not None:
            lines.append(f"project_id = {profile.project_id}")
        if profile.keyring:
            lines.append("keyring = true")
        for name, secret in ((KEY, profile.personal_api_key), (TOKEN, profile.project_token)):
            if secret is not None:
                lines.append(f'{name} = "{secret.reveal()}"')
    return "\n".join(lines).lstrip("\n") + "\n"
