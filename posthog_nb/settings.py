"""Where to connect, and with what: arguments before the environment before the demo."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeVar
from urllib.parse import urlsplit

from posthog_nb.errors import ConfigurationError, MissingCredentialError
from posthog_nb.secret import Secret

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["DEMO_URL", "LOCAL_URL", "Settings", "resolve"]

DEMO_URL = "http://demo.posthog-nb.invalid"
LOCAL_URL = "http://local.posthog-nb.invalid"
"""The embedded projects' addresses. ``.invalid`` is reserved (RFC 2606): no such host can exist on a network."""

_T = TypeVar("_T")

_CLOUDS = {
    "us": ("https://us.posthog.com", "https://us.i.posthog.com"),
    "eu": ("https://eu.posthog.com", "https://eu.i.posthog.com"),
}
_CLOUD_HOSTS = {
    "us.posthog.com": "us",
    "app.posthog.com": "us",
    "us.i.posthog.com": "us",
    "app.i.posthog.com": "us",
    "us-assets.i.posthog.com": "us",
    "eu.posthog.com": "eu",
    "eu.i.posthog.com": "eu",
    "eu-assets.i.posthog.com": "eu",
}


@dataclass(frozen=True)
class Settings:
    """One resolved target.

    Attributes:
        kind: ``"remote"``, ``"demo"`` (embedded, in memory) or ``"local"`` (embedded, on disk).
        api_url: Where queries and reads go.
        ingestion_url: Where events go.
        label: What to call the target in front of a reader.
        chosen: Whether somebody asked for this target; False when it is the demo for want of any credential.
        project_id: The project, or None when not given.
        personal_api_key: The key that reads are signed with, or None.
        project_token: The token that events carry, or None.
        path: The folder of a local project, or None for its usual place.
    """

    kind: Literal["remote", "demo", "local"]
    api_url: str
    ingestion_url: str
    label: str
    chosen: bool = True
    project_id: int | None = None
    personal_api_key: Secret | None = None
    project_token: Secret | None = None
    path: Path | None = field(default=None)

    @property
    def is_cloud(self) -> bool:
        """Whether it is PostHog Cloud, which limits how often it is asked."""
        return any(self.api_url == api_url for api_url, _ in _CLOUDS.values())

    def need_key(self) -> Secret:
        """The personal API key, or an error that says where to find one."""
        if self.personal_api_key is None:
            raise MissingCredentialError(
                f"Reading from {self.label} needs a personal API key.",
                hint=(
                    f"Make one at {self.api_url}/settings/user-api-keys with the scopes query:read and person:read; "
                    "put it into POSTHOG_PERSONAL_API_KEY or pass personal_api_key=."
                ),
            )
        return self.personal_api_key

    def need_project_id(self) -> int:
        """The project id, or an error that says where to find it."""
        if self.project_id is None:
            raise MissingCredentialError(
                f"Reading from {self.label} needs a project id.",
                hint=(
                    "It is the number in PostHog's address, /project/<id>; "
                    "put it into POSTHOG_PROJECT_ID or pass project_id=."
                ),
            )
        return self.project_id

    def need_token(self) -> Secret:
        """The project token, or an error that says where to find it."""
        if self.project_token is None:
            raise MissingCredentialError(
                f"Sending events to {self.label} needs the project token.",
                hint=(
                    f"It starts with phc_ and is shown at {self.api_url}/settings/project; "
                    "put it into POSTHOG_PROJECT_TOKEN or pass project_token=."
                ),
            )
        return self.project_token


def resolve(  # noqa: PLR0913 - one argument a setting
    target: str | None = None,
    *,
    project_id: int | str | None = None,
    personal_api_key: str | Secret | None = None,
    project_token: str | Secret | None = None,
    allow_http: bool = False,
    environ: Mapping[str, str] | None = None,
) -> Settings:
    """Settle every setting: what is passed comes before the environment.

    Without a target, a key and a token, the target is the demo.

    Args:
        target: ``"us"``, ``"eu"``, the URL of a PostHog, ``"demo"``, ``"local"`` or ``"local:PATH"``.
        project_id: The project's number.
        personal_api_key: ``phx_...``, for reading.
        project_token: ``phc_...``, for sending.
        allow_http: Send keys and tokens without TLS to a host other than this machine.
        environ: The environment; the process's own by default.

    Raises:
        ConfigurationError: a setting is not what it should be, or two contradict each other.
    """
    environ = os.environ if environ is None else environ
    sources: list[Callable[[str], str | None]] = [lambda name: environ.get(name, "").strip() or None]
    if target is not None and not isinstance(target, str):
        raise ConfigurationError(f"The target is {target!r}, not text.", hint='Use "us", "eu", "demo" or a URL.')
    host = _first((target or "").strip() or None, sources, "POSTHOG_HOST")
    if host is not None and (embedded := _embedded(str(host))) is not None:
        return embedded
    key = _secret(_first(personal_api_key, sources, "POSTHOG_PERSONAL_API_KEY", "POSTHOG_API_KEY"))
    token = _secret(_first(project_token, sources, "POSTHOG_PROJECT_TOKEN"))
    _check_kinds(key, token)
    if host is None and key is None and token is None:
        return _demo(chosen=False)
    api_url, ingestion_url = _urls(str(host or "us"), allow_http=allow_http)
    return Settings(
        kind="remote",
        api_url=api_url,
        ingestion_url=ingestion_url,
        label=urlsplit(api_url).netloc,
        project_id=_project_id(_first(project_id, sources, "POSTHOG_PROJECT_ID")),
        personal_api_key=key,
        project_token=token,
    )


def _first(given: _T | None, sources: list[Callable[[str], str | None]], *names: str) -> _T | str | None:
    if given is not None:
        return given
    return next((found for name in names for source in sources if (found := source(name))), None)


def _embedded(target: str) -> Settings | None:
    if target == "demo":
        return _demo(chosen=True)
    if target == "local" or target.startswith("local:"):
        path = target.removeprefix("local").removeprefix(":").strip()
        return Settings(
            kind="local",
            api_url=LOCAL_URL,
            ingestion_url=LOCAL_URL,
            label=target,
            path=Path(path).expanduser() if path else None,
        )
    return None


def _demo(*, chosen: bool) -> Settings:
    return Settings(kind="demo", api_url=DEMO_URL, ingestion_url=DEMO_URL, label="demo", chosen=chosen)


def _secret(text: object) -> Secret | None:
    if text is None or isinstance(text, Secret):
        return text
    if not isinstance(text, str):
        raise ConfigurationError(
            f"A key or token is of type {type(text).__name__}, not text.", hint="It starts with phx_ or phc_."
        )
    return Secret(text) if text.strip() else None


def _check_kinds(key: Secret | None, token: Secret | None) -> None:
    if key is not None and key.prefix == "phc_":
        raise ConfigurationError(
            "A project token (phc_...) was given as the personal API key.",
            hint="Reading needs a personal API key (phx_...); pass the token as project_token=.",
        )
    if token is not None and token.prefix in {"phx_", "phs_", "pha_"}:
        raise ConfigurationError(
            f"A private key ({token.prefix}...) was given as the project token.",
            hint="Events carry the public project token (phc_...); pass the key as personal_api_key=.",
        )


def _project_id(given: int | str | None) -> int | None:
    if given is None or (isinstance(given, str) and not given.strip()):
        return None
    text = str(given).strip()
    if isinstance(given, bool) or not text.isdecimal():
        raise ConfigurationError(
            f"The project id {text!r} is not a number.", hint="It is the number in PostHog's address, /project/<id>."
        )
    return int(text)


def _urls(target: str, *, allow_http: bool) -> tuple[str, str]:
    name = target.strip().lower()
    if name in _CLOUDS:
        return _CLOUDS[name]
    text = target.strip()
    if "://" not in text:
        if "." not in text and not text.startswith("localhost"):
            raise ConfigurationError(
                f"{text!r} is not a target.", hint='Use "us", "eu", "demo", "local", "local:PATH" or a URL.'
            )
        text = f"https://{text}"
    try:
        parts = urlsplit(text)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise ConfigurationError(f"{target!r} is not a URL: {error}.", hint="Write it as https://host.") from error
    if parts.scheme not in {"https", "http"} or not host:
        raise ConfigurationError(f"{target!r} is not an http or https URL.", hint="Write it as https://host.")
    if parts.username or parts.password or parts.query or parts.fragment:
        raise ConfigurationError(
            "The host is given with a user name, a query or a fragment.", hint="Give its origin only: https://host."
        )
    if (cloud := _CLOUD_HOSTS.get(host)) is not None:
        return _CLOUDS[cloud]
    if parts.scheme == "http" and not allow_http and not _is_loopback(host):
        raise ConfigurationError(
            f"{host} would be reached by plain http, which shows keys and tokens to the network.",
            hint="Use https, or pass allow_http=True if the network between is your own.",
        )
    name = f"[{host}]" if ":" in host else host
    base = f"{parts.scheme}://{name}{f':{port}' if port else ''}{parts.path.rstrip('/')}"
    return base, base


def _is_loopback(host: str) -> bool:
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
