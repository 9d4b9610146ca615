"""The system's keyring, by the optional library of that name. An entry is found by the host that its secret is for."""

from __future__ import annotations

import logging
from contextlib import suppress
from typing import TYPE_CHECKING

from posthog_nb.errors import ConfigurationError, MissingDependencyError
from posthog_nb.secret import Secret

if TYPE_CHECKING:
    from posthog_nb.settings.credentials import SecretName

__all__ = ["forget", "look_up", "store"]

logger = logging.getLogger("posthog_nb.settings")


def look_up(profile: str, api_url: str, name: SecretName) -> Secret | None:
    """A profile's secret; None when there is none, and when the keyring is missing, locked or broken (logged)."""
    try:
        import keyring  # noqa: PLC0415 - an extra, and slow to load
    except ImportError:
        logger.warning("Profile %s keeps its keys in the keyring, and the keyring library is not installed.", profile)
        return None
    try:
        found = keyring.get_password(_service(api_url), _entry(profile, name))
    except Exception as error:  # noqa: BLE001 - each backend fails in its own way; then the secret is not here
        logger.warning("The keyring cannot be read (%s); profile %s goes without it.", type(error).__name__, profile)
        return None
    return Secret(found or "") or None


def store(profile: str, api_url: str, name: SecretName, secret: Secret) -> None:
    """Put a profile's secret into the keyring.

    Raises:
        MissingDependencyError: the keyring library is not installed.
        ConfigurationError: the keyring does not take it.
    """
    try:
        import keyring  # noqa: PLC0415 - as above
    except ImportError as error:
        raise MissingDependencyError(
            "The keyring library is not installed.",
            hint="Run: pip install 'posthog-nb[keyring]', or keep the profile in its file.",
        ) from error
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


def _entry(profile: str, name: SecretName) -> str:
    return f"{profile} {name}"
