"""Settling where to connect and with what: each setting from the first source that has it, a secret to its own host."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from posthog_nb.errors import ConfigurationError, MissingCredentialError
from posthog_nb.settings.chain import Chain
from posthog_nb.settings.credentials import KEY, TOKEN, hold, hold_keys
from posthog_nb.settings.keyrings import Keyring
from posthog_nb.settings.profiles import Profile, read_profiles
from posthog_nb.settings.sources import (
    Given,
    Named,
    Source,
    Variables,
    from_cli_environment,
    from_colab,
    from_environment,
)
from posthog_nb.settings.targets import DEFAULT_TARGET, Target, is_cloud, read_target, refuse_plain_http

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from posthog_nb.secret import Secret

__all__ = ["Settings", "resolve"]


@dataclass(frozen=True)
class Settings:
    """One resolved target.

    Attributes:
        kind: ``"remote"``, ``"demo"`` (embedded, in memory), ``"local"`` (embedded, on disk), ``"frame"`` (embedded,
            in memory, for as long as it is asked) or ``"replay"`` (of a snapshot).
        api_url: Where queries and reads go.
        ingestion_url: Where events go.
        label: What to call the target in front of a reader.
        chosen: Whether somebody asked for this target; False when it is the demo for want of any credential.
        project_id: The project, as far as it is known without asking Colab, the keyring or a file; else None.
        personal_api_key: The key that reads are signed with, likewise.
        project_token: The token that events carry, likewise.
        path: The folder of a local project, or None for its usual place.
        chain: The sources that are asked for what is not known yet; None for an embedded project.
    """

    kind: Literal["remote", "demo", "local", "frame", "replay"]
    api_url: str
    ingestion_url: str
    label: str
    chosen: bool = True
    project_id: int | None = None
    personal_api_key: Secret | None = None
    project_token: Secret | None = None
    path: Path | None = field(default=None)
    chain: Chain | None = field(default=None, repr=False, compare=False)

    @property
    def is_cloud(self) -> bool:
        """Whether it is PostHog Cloud, which limits how often it is asked."""
        return is_cloud(self.api_url)

    def need_key(self) -> Secret:
        """The personal API key; asked for, at last, where somebody can answer.

        Raises:
            MissingCredentialError: there is none; the error says where to find one.
            ConfigurationError: a source of settings is not what it should be.
        """
        key = self.personal_api_key or (self.chain.secret(KEY, ask=True) if self.chain else None)
        if key is None:
            raise self._missing(
                "Reading from {} needs a personal API key.",
                f"Make one at {self.api_url}/settings/user-api-keys with the scopes query:read and person:read; "
                "put it into POSTHOG_PERSONAL_API_KEY or a profile, or pass personal_api_key=.",
            )
        return key

    def find_key(self) -> Secret | None:
        """The personal API key, if there is one without asking anybody.

        Raises:
            ConfigurationError: a source of settings is not what it should be.
        """
        return self.personal_api_key or (self.chain.secret(KEY) if self.chain else None)

    def need_project_id(self) -> int:
        """The project id.

        Raises:
            MissingCredentialError: there is none; the error says where to find it.
            ConfigurationError: a source of settings is not what it should be.
        """
        number = self.project_id if self.project_id is not None else self.chain.project_id() if self.chain else None
        if number is None:
            raise self._missing(
                "Reading from {} needs a project id.",
                "It is the number in PostHog's address, /project/<id>; "
                "put it into POSTHOG_PROJECT_ID or a profile, or pass project_id=.",
            )
        return number

    def need_token(self) -> Secret:
        """The project token; asked for, at last, where somebody can answer.

        Raises:
            MissingCredentialError: there is none; the error says where to find it.
            ConfigurationError: a source of settings is not what it should be.
        """
        token = self.project_token or (self.chain.secret(TOKEN, ask=True) if self.chain else None)
        if token is None:
            raise self._missing(
                "Sending events to {} needs the project token.",
                f"It starts with phc_ and is shown at {self.api_url}/settings/project; "
                "put it into POSTHOG_PROJECT_TOKEN or a profile, or pass project_token=.",
            )
        return token

    def find_token(self) -> Secret | None:
        """The project token, if there is one without asking anybody.

        Raises:
            ConfigurationError: a source of settings is not what it should be.
        """
        return self.project_token or (self.chain.secret(TOKEN) if self.chain else None)

    def _missing(self, message: str, hint: str) -> MissingCredentialError:
        passed_over = self.chain.passed_over if self.chain else ()
        return MissingCredentialError(" ".join([message.format(self.label), *passed_over]), hint=hint)


def resolve(  # noqa: PLR0913 - one argument a setting
    target: str | Secret | None = None,
    *,
    project_id: int | str | Secret | None = None,
    personal_api_key: str | Secret | None = None,
    project_token: str | Secret | None = None,
    profile: str | Secret | None = None,
    allow_http: bool = False,
    environ: Mapping[str, str] | None = None,
) -> Settings:
    """Settle every setting: arguments, a named profile, the environment, Colab, the keyring, the default profile.

    Nothing slow is asked here. Colab's secrets and the default profile decide only when neither an argument nor the
    environment says where to connect, and without them too it is the demo. The keyring is never asked here: it may
    want to be unlocked, which whoever looks at the demo need not be asked for.

    Args:
        target: ``"us"``, ``"eu"``, the URL of a PostHog, ``"demo"``, ``"local"`` or ``"local:PATH"``.
        project_id: The project's number.
        personal_api_key: ``phx_...``, for reading.
        project_token: ``phc_...``, for sending.
        profile: The name of a saved profile.
        allow_http: Send keys and tokens without TLS to a host other than this machine.
        environ: The environment; the process's own by default.

    Raises:
        ConfigurationError: a setting is not what it should be, or two contradict each other.
    """
    key, token = hold(personal_api_key), hold(project_token)
    personal_api_key = project_token = None
    target, project_id, profile = hold_keys(target), hold_keys(project_id), hold_keys(profile)
    asked = _target(target)
    named = _argument_profile(profile, asked)
    if asked is not None and asked.kind != "remote":
        return _embedded(asked, chosen=True)
    arguments = Given(
        "the arguments",
        asked,
        Named("The project id", project_id),
        Named("The personal API key", key),
        Named("The project token", token),
    )
    variables = Variables(os.environ if environ is None else environ)
    environment = from_environment(variables)
    given: list[Source] = [arguments, *([named] if named else []), environment]
    later: list[Callable[[], Source | None]] = [from_colab]
    if named is None:
        chosen = variables("POSTHOG_PROFILE")
        given += [_profile(hold_keys(chosen.reveal()), "POSTHOG_PROFILE")] if chosen else []
        later += [] if chosen else [_default_profile]
    settled = _settled(given, later, from_cli_environment(variables))
    if settled is None:
        return _embedded(read_target("demo"), chosen=False)
    if settled.kind != "remote":
        return _embedded(settled, chosen=True)
    if not allow_http:
        refuse_plain_http(settled)
    # After Colab's secrets, before the default profile.
    later.insert(later.count(from_colab), lambda: Keyring(settled))
    chain = Chain(settled, given, later)
    return Settings(
        kind="remote",
        api_url=settled.api_url,
        ingestion_url=settled.ingestion_url,
        label=settled.label,
        project_id=chain.project_id(wait=False),
        personal_api_key=chain.secret(KEY, wait=False),
        project_token=chain.secret(TOKEN, wait=False),
        chain=chain,
    )


def _settled(
    given: list[Source], later: list[Callable[[], Source | None]], command_line: Given | None
) -> Target | None:
    """Where to connect; None when nothing says so. What is opened to find out moves from ``later`` to ``given``."""
    named = next((source.target for source in given if source.target is not None), None)
    unbound = any(isinstance(source, Given) and not source.is_empty for source in given)
    if command_line is not None:
        given.append(command_line)
    if named is not None:
        return named
    if unbound:
        return read_target(DEFAULT_TARGET)
    if command_line is not None:
        return command_line.target
    while later:
        source = later.pop(0)()
        if source is not None:
            given.append(source)
            return source.target or read_target(DEFAULT_TARGET)
    return None


def _target(target: object) -> Target | None:
    if target is None or (isinstance(target, str) and not target.strip()):
        return None
    return read_target(target)


def _argument_profile(profile: object, asked: Target | None) -> Profile | None:
    if profile is None or (isinstance(profile, str) and not profile.strip()):
        return None
    found = _profile(profile, "The profile")
    if asked is not None and asked.api_url != found.target.api_url:
        raise ConfigurationError(
            f"The target is {asked.label}, and the profile {found.name} is for {found.target.label}.",
            hint="Give one of the two.",
        )
    return found


def _profile(name: object, asked_by: str) -> Profile:
    if not isinstance(name, str):
        raise ConfigurationError(f"{asked_by} is {name!r}, not the name of a profile.")
    return read_profiles().named(name.strip(), asked_by)


def _default_profile() -> Profile | None:
    return read_profiles().usual


def _embedded(target: Target, *, chosen: bool) -> Settings:
    return Settings(
        kind=target.kind,
        api_url=target.api_url,
        ingestion_url=target.ingestion_url,
        label=target.label,
        chosen=chosen,
        path=target.path,
    )
