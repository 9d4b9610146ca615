"""The system's keyring, by the optional library of that name. An entry is found by the host that its secret is for."""

from __future__ import annotations

import logging
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from posthog_nb.errors import ConfigurationError, MissingDependencyError
from posthog_nb.secret import Secret
from posthog_nb.settings.credentials import SecretName, read_secret

if TYPE_CHECKING:
    from posthog_nb.settings.targets import Target

__all__ = ["Keyring", "forget", "library", "look_up", "store"]

logger = logging.getLogger("posthog_nb.settings")


def look_up(profile: str | None, api_url: str, name: SecretName) -> Secret | None:
    """A secret of a profile, or of none. None when it is not there, and when the keyring is missing or locked.

    That is a warning in the log where a profile says that the secret is there.
    """
    try:
        import keyring  # noqa: PLC0415 - an extra, and slow to load
    except ImportError:
        if profile is not None:
            logger.warning(
                "Profile %s keeps its keys in the keyring, and the keyring library is not installed; "
                "pip install 'posthog-nb[keyring]'",
                profile,
            )
        return None
    try:
        found = keyring.get_password(_service(api_url), _entry(profile, name))
    except Exception as error:  # noqa: BLE001 - each backend fails in its own way; then the secret is not here
        level = logging.DEBUG if profile is None else logging.WARNING
        logger.log(level, "The keyring cannot be read (%s); its secrets are not used.", type(error).__name__)
        return None
    return Secret(found or "") or None


class Keyring:
    """What somebody put into the keyring for a host, without a profile: a source that is asked when a call needs it.

    Args:
        target: The PostHog that was settled on.
    """

    where = "the keyring"
    project_id = None
    is_slow = True

    def __init__(self, target: Target) -> None:
        self.target = target

    def secret(self, name: SecretName) -> Secret | None:
        """The host's key or token, or None.

        Raises:
            ConfigurationError: what the keyring holds is no such secret.
        """
        found = look_up(None, self.target.api_url, name)
        return read_secret(name, found, f"The {name} in the keyring")


def library() -> Any:  # noqa: ANN401 - a module
    """The keyring library, for who cannot go on without it.

    Raises:
        MissingDependencyError: it is not installed.
    """
    try:
        import keyring  # noqa: PLC0415 - as above
    except ImportError as error:
        raise MissingDependencyError(
            "The keyring library is not installed.",
            hint="Run: pip install 'posthog-nb[keyring]', or keep the profile in its file.",
        ) from error
    return keyring


def store(profile: str, api_url: str, name: SecretName, secret: Secret) -> None:
    """Put a profile's secret into the keyring.

    Raises:
        MissingDependencyError: the keyring library is not installed.
        ConfigurationError: the keyring does not take it.
    """
    keyring = library()
    kind = None
    try:
        keyring.set_password(_service(api_url), _entry(profile, name), secret.reveal())
    except Exception as error:  # noqa: BLE001 - as above
        kind = type(error).__name__
    if kind is not None:
        # Outside of the handler: a backend's frames hold the secret, and an error carries its context along.
        raise ConfigurationError(
            f"The keyring does not take the secret ({kind}).", hint="Unlock it, or keep the profile in its file."
        )


def forget(profile: str, api_url: str, name: SecretName) -> None:
    """Take a profile's secret out of the keyring, if it is there."""
    with suppress(ImportError):
        import keyring  # noqa: PLC0415 - as above

        try:
            keyring.delete_password(_service(api_url), _entry(profile, name))
        except Exception as error:  # noqa: BLE001 - as above, and for an entry that is not there
            logger.info("The keyring does not forget an entry of profile %s (%s).", profile, type(error).__name__)


def _service(api_url: str) -> str:
    return f"posthog-nb {api_url}"


def _entry(profile: str | None, name: SecretName) -> str:
    return name if profile is None else f"{profile} {name}"
