"""Where settings come from: arguments, the environment, Colab's secrets; each a set that belongs to one host."""

from __future__ import annotations

import logging
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, Protocol

from posthog_nb.errors import ConfigurationError
from posthog_nb.secret import Secret
from posthog_nb.settings.credentials import KEY, SecretName, hold_keys, read_project_id, read_secret
from posthog_nb.settings.targets import DEFAULT_TARGET, Target, read_target

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = [
    "Given",
    "Named",
    "Source",
    "Variables",
    "agreed_project_id",
    "from_cli_environment",
    "from_colab",
    "from_environment",
]

logger = logging.getLogger("posthog_nb.settings")

_HOST = ("POSTHOG_HOST",)
_PROJECT_ID = ("POSTHOG_PROJECT_ID",)
_KEY = ("POSTHOG_PERSONAL_API_KEY",)
_TOKEN = ("POSTHOG_PROJECT_TOKEN", "POSTHOG_PROJECT_API_KEY")
_EITHER = "POSTHOG_API_KEY"
"""The token to most of PostHog's SDKs, the personal API key to its DuckDB extension."""

_CLI_HOST = ("POSTHOG_CLI_HOST",)
_CLI_PROJECT_ID = ("POSTHOG_CLI_PROJECT_ID", "POSTHOG_CLI_ENV_ID")
_CLI_KEY = ("POSTHOG_CLI_API_KEY", "POSTHOG_CLI_TOKEN")


class Source(Protocol):
    """One place that settings come from. What it gives belongs together."""

    @property
    def where(self) -> str:
        """What to call it in front of a reader."""

    @property
    def target(self) -> Target | None:
        """The PostHog that its settings are for; None when it does not say."""

    @property
    def project_id(self) -> int | None:
        """The project that its settings are for; None when it does not say."""

    @property
    def is_slow(self) -> bool:
        """Whether its secrets take a while to get, or may make somebody unlock something."""

    def secret(self, name: SecretName) -> Secret | None:
        """Its key or token, or None."""


class Named(NamedTuple):
    """What was given for a setting, and what to call it in an error."""

    name: str
    value: object = None


@dataclass(frozen=True)
class Given:
    """A source whose settings are at hand. Each is checked when it is used: a faulty one that is not used does no harm.

    Attributes:
        where: What to call it in front of a reader.
        target: The PostHog that its settings are for, or None.
        number: The project's number.
        key: The personal API key.
        token: The project token.
    """

    where: str
    target: Target | None
    number: Named
    key: Named
    token: Named

    @property
    def project_id(self) -> int | None:
        """The project, by its number or by the target's address.

        Raises:
            ConfigurationError: it is no number, or these are two.
        """
        return agreed_project_id(self.target, read_project_id(self.number.value, self.number.name))

    @property
    def is_slow(self) -> bool:
        """Never."""
        return False

    @property
    def is_empty(self) -> bool:
        """Whether it says nothing of where to connect: a project id alone does not."""
        return self.target is None and not self.key.value and not self.token.value

    def secret(self, name: SecretName) -> Secret | None:
        """Its key or token, or None.

        Raises:
            ConfigurationError: it is no key or token, or the other of the two.
        """
        given = self.key if name == KEY else self.token
        return read_secret(name, given.value, given.name)


class Variables:
    """Variables by their names, each held as a Secret.

    It stands for the environment in the frames below: a traceback that shows variables would show all of them.
    """

    def __init__(self, variables: Mapping[str, str]) -> None:
        self._variables = variables

    def __call__(self, name: str) -> Secret:
        """The variable's text, or an empty one."""
        return Secret(self._variables.get(name) or "")


def from_environment(variables: Variables) -> Given:
    """The variables of this package, of PostHog's SDKs and of its DuckDB extension.

    Raises:
        ConfigurationError: the host is not what it should be.
    """
    return _read("the environment", variables)


def from_cli_environment(variables: Variables) -> Given | None:
    """The variables of PostHog's command line; None without its key.

    As there, its host counts only beside its key, and is the US cloud when left out.

    Raises:
        ConfigurationError: the host is not what it should be.
    """
    key = _first(variables, _CLI_KEY)
    if not key.value:
        return None
    return Given(
        "the set of variables of PostHog's command line",
        _target(_first(variables, _CLI_HOST)) or read_target(DEFAULT_TARGET),
        _first(variables, _CLI_PROJECT_ID),
        key,
        Named("The project token"),
    )


def from_colab() -> Given | None:
    """Colab's secrets, by the same names; None outside Colab and when there are none for this notebook.

    Raises:
        ConfigurationError: the host is not what it should be.
    """
    if "google.colab" not in sys.modules:
        return None
    try:
        from google.colab import userdata  # noqa: PLC0415 - there only in Colab
    except ImportError:
        return None

    def get(name: str) -> Secret:
        try:
            return Secret(userdata.get(name) or "")
        except Exception as error:  # noqa: BLE001 - no such secret, no access, no front end: it is not here
            logger.debug("Colab gives no secret %s (%s).", name, type(error).__name__)
            return Secret("")

    found = _read("the set of Colab's secrets", get)
    return None if found.is_empty else found


def _read(where: str, get: Callable[[str], Secret]) -> Given:
    key, token, either = _first(get, _KEY), _first(get, _TOKEN), get(_EITHER)
    if either and either.prefix == "phc_":
        token = token if token.value else Named(_EITHER, either)
    elif either:
        key = key if key.value else Named(_EITHER, either)
    return Given(where, _target(_first(get, _HOST)), _first(get, _PROJECT_ID), key, token)


def _first(get: Callable[[str], Secret], names: tuple[str, ...]) -> Named:
    # A host and a number are taken out again: whatever a variable is meant to hold, it may hold a key.
    for name in names:
        if found := get(name):
            return Named(name, found if names in {_KEY, _TOKEN, _CLI_KEY} else hold_keys(found.reveal()))
    return Named(names[0])


def _target(host: Named) -> Target | None:
    return None if host.value is None else read_target(host.value, host.name)


def agreed_project_id(target: Target | None, project_id: int | None) -> int | None:
    """The project that an address names and the one that is given beside it, when they are one.

    Raises:
        ConfigurationError: they are two.
    """
    named = None if target is None else target.project_id
    if named is not None and project_id is not None and named != project_id:
        raise ConfigurationError(
            f"The address names project {named}, and the project id is {project_id}.", hint="Give one of the two."
        )
    return named if project_id is None else project_id
