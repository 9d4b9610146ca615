"""Keys, tokens and project ids as somebody gives them: held at once, and refused when they cannot be right."""

from __future__ import annotations

from typing import Literal, TypeVar

from posthog_nb.errors import ConfigurationError
from posthog_nb.secret import Secret, redact

__all__ = ["CALLED", "KEY", "TOKEN", "SecretName", "hold", "hold_keys", "read_project_id", "read_secret"]

SecretName = Literal["personal_api_key", "project_token"]
KEY: SecretName = "personal_api_key"
TOKEN: SecretName = "project_token"  # noqa: S105 - the name of a setting
CALLED: dict[SecretName, str] = {KEY: "personal API key (phx_...)", TOKEN: "project token (phc_...)"}
"""What each is called where somebody is asked for it."""

_T = TypeVar("_T")

_PRIVATE = frozenset({"phx_", "phs_", "pha_", "phr_"})
_LONGEST_TOKEN = 64
"""PostHog's capture refuses a longer one."""

_MOST_DIGITS = 18

_QUOTES = "\"'`\u2018\u2019\u201c\u201d"


def hold(given: _T) -> _T | Secret:
    """A text as a Secret, anything else as it is: from here on no traceback that shows variables shows the text."""
    return Secret(given) if isinstance(given, str) else given


def hold_keys(given: _T) -> _T | Secret:
    """A text as a Secret when a key or token is in it, where none should be; anything else as it is."""
    return Secret(given) if isinstance(given, str) and redact(given) != given else given


def read_secret(name: SecretName, given: object, where: str) -> Secret | None:
    """Check a key or a token that :func:`hold` has held. A blank one is none.

    Keys: ``phx_`` (personal), ``phs_`` (project secret) and ``pha_`` (OAuth access). Tokens: ``phc_``. A key or token
    without a known prefix is taken: old servers made such.

    Args:
        name: Which of the two it should be.
        given: What was given.
        where: What to call it in an error.

    Raises:
        ConfigurationError: it is the other kind, or cannot be sent as it is.
    """
    if given is None:
        return None
    if not isinstance(given, Secret):
        raise ConfigurationError(
            f"{where} is of type {type(given).__name__}, not text.", hint="It starts with phx_ or phc_."
        )
    if not given:
        return None
    if (fault := _fault(given)) is not None:
        raise ConfigurationError(f"{where} {fault}.", hint="Give the bare text: phx_... or phc_..., nothing around it.")
    if name == KEY:
        _refuse_no_key(given, where)
    else:
        _refuse_no_token(given, where)
    return given


def read_project_id(given: object, where: str) -> int | None:
    """Check a project id. A blank one is none.

    Raises:
        ConfigurationError: it is not a positive whole number.
    """
    if isinstance(given, Secret):
        raise ConfigurationError(
            f"{where} is a key or token, not a number.", hint="It is the number in PostHog's address, /project/<id>."
        )
    if given is None or (isinstance(given, str) and not given.strip()):
        return None
    text = str(given).strip()
    if isinstance(given, bool) or not text.isdecimal() or len(text) > _MOST_DIGITS or int(text) == 0:
        raise ConfigurationError(
            f"{where} is {text[:60]!r}, not a number.", hint="It is the number in PostHog's address, /project/<id>."
        )
    return int(text)


def _fault(secret: Secret) -> str | None:
    # Nothing is raised here: a traceback that shows variables would show the text.
    text = secret.reveal()
    faults = {
        "is written in quotes": text[0] in _QUOTES or text[-1] in _QUOTES,
        "begins with 'Bearer'": text[:7].lower() == "bearer ",
        "has a '=' in it, as if its name was still there": "=" in text,
        "has a line break in it": len(text.splitlines()) > 1,
        "has a space in it": any(character.isspace() for character in text),
        "has a character in it that no key has (it is not ASCII)": not text.isascii(),
        "has a control character in it": not text.isprintable(),
    }
    return next((fault for fault, found in faults.items() if found), None)


def _refuse_no_key(key: Secret, where: str) -> None:
    if key.prefix == "phc_":
        raise ConfigurationError(
            f"{where} is a project token (phc_...), not a personal API key.",
            hint="Reading needs a personal API key (phx_...); pass the token as project_token=.",
        )
    if key.prefix == "phr_":
        raise ConfigurationError(
            f"{where} is an OAuth refresh token (phr_...), which reads nothing by itself.",
            hint="Give the access token (pha_...) or a personal API key (phx_...).",
        )


def _refuse_no_token(token: Secret, where: str) -> None:
    if token.prefix in _PRIVATE:
        raise ConfigurationError(
            f"{where} is a private key ({token.prefix}...), not the project token.",
            hint="Events carry the public project token (phc_...); pass the key as personal_api_key=.",
        )
    if len(token.reveal()) > _LONGEST_TOKEN:
        raise ConfigurationError(
            f"{where} has {len(token.reveal())} characters; PostHog takes up to {_LONGEST_TOKEN}.",
            hint="Copy the project token (phc_...) again, alone.",
        )
