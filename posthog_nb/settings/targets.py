"""From what somebody calls a PostHog to where its queries and its events go."""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import Literal
from urllib.parse import SplitResult, urlsplit

from posthog_nb.errors import ConfigurationError
from posthog_nb.secret import Secret

__all__ = [
    "DEFAULT_TARGET",
    "DEMO_URL",
    "FRAME_URL",
    "LOCAL_URL",
    "Target",
    "is_cloud",
    "read_target",
    "refuse_plain_http",
]

DEMO_URL = "http://demo.posthog-nb.invalid"
LOCAL_URL = "http://local.posthog-nb.invalid"
FRAME_URL = "http://frame.posthog-nb.invalid"
"""The embedded projects' addresses. ``.invalid`` is reserved (RFC 2606): no such host can exist on a network."""

DEFAULT_TARGET = "us"
"""What a key or a token is for when nothing says otherwise, as in PostHog's SDKs and its command line."""

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
_WEBSITE = frozenset({"posthog.com", "www.posthog.com"})
_USUAL_PORTS = {"https": 443, "http": 80}

# The address of a page or of an API path: what stands before it is where PostHog is, the number is the project's.
_PROJECT_PATH = re.compile(r"(?P<base>.*?)/(?:project|api/projects|api/environments)/(?P<id>\d{1,18})(?:/.*)?")
_FORM = "Write it as https://host."
_NOT_IN_A_URL = re.compile(r"[\s\\\x00-\x1f\x7f]")


@dataclass(frozen=True)
class Target:
    """One PostHog.

    Attributes:
        kind: ``"remote"``, ``"demo"`` (embedded, in memory) or ``"local"`` (embedded, on disk).
        api_url: Where queries and reads go.
        ingestion_url: Where events go.
        label: What to call it in front of a reader.
        project_id: The project that its address named, or None.
        path: The folder of a local project, or None for its usual place.
    """

    kind: Literal["remote", "demo", "local"]
    api_url: str
    ingestion_url: str
    label: str
    project_id: int | None = None
    path: Path | None = None


def read_target(text: object, where: str = "The target") -> Target:
    """Read ``"us"``, ``"eu"``, a URL, ``"demo"``, ``"local"`` or ``"local:PATH"``.

    PostHog Cloud has a host for queries and one for events; any of its addresses leads to both. A PostHog of one's own
    has one for all, perhaps below a path. A URL without a scheme is https, and http on this computer.

    Args:
        text: What somebody wrote.
        where: What to call it in an error.

    Raises:
        ConfigurationError: it is none of these.
    """
    if isinstance(text, Secret):
        raise ConfigurationError(
            f"{where} has a key or token in it: as a whole, or as a user name, password or part of the URL.",
            hint="Give the host alone; a key goes into personal_api_key=, a token into project_token=.",
        )
    if not isinstance(text, str):
        raise ConfigurationError(f"{where} is {text!r}, not text.", hint='Use "us", "eu", "demo" or a URL.')
    text = text.strip()
    if text == "demo":
        return Target("demo", DEMO_URL, DEMO_URL, "demo")
    if text == "local" or text.startswith("local:"):
        folder = text.removeprefix("local").removeprefix(":").strip()
        return Target("local", LOCAL_URL, LOCAL_URL, text, path=Path(folder).expanduser() if folder else None)
    if text.lower() in _CLOUDS:
        return _cloud(text.lower())
    return _remote(text, where)


def is_cloud(api_url: str) -> bool:
    """Whether queries there go to PostHog Cloud."""
    return any(api_url == cloud for cloud, _ in _CLOUDS.values())


def refuse_plain_http(target: Target) -> None:
    """Refuse a target whose keys and tokens the network would see.

    Raises:
        ConfigurationError: it is reached by plain http and is not this computer.
    """
    parts = urlsplit(target.api_url)
    if target.kind == "remote" and parts.scheme == "http" and not _is_loopback(parts.hostname or ""):
        raise ConfigurationError(
            f"{target.label} would be reached by plain http, which shows keys and tokens to the network.",
            hint="Use https, or pass allow_http=True if the network between is your own.",
        )


def _cloud(name: str, project_id: int | None = None) -> Target:
    api_url, ingestion_url = _CLOUDS[name]
    return Target("remote", api_url, ingestion_url, urlsplit(api_url).netloc, project_id)


def _remote(text: str, where: str) -> Target:
    parts, host, port = _split(text, where)
    base, project_id = _project_of(parts.path)
    if host in _WEBSITE:
        raise ConfigurationError(
            f"{where} is {host}, PostHog's website.",
            hint='PostHog Cloud is "us" or "eu": the address after you log in.',
        )
    if (cloud := _CLOUD_HOSTS.get(host)) is not None:
        if port is not None:
            raise ConfigurationError(f"{where} is {text!r}; PostHog Cloud has no port {port}.", hint=f'Use "{cloud}".')
        return _cloud(cloud, project_id)
    name = f"[{host}]" if ":" in host else host
    netloc = name if port is None else f"{name}:{port}"
    url = f"{parts.scheme}://{netloc}{base}"
    return Target("remote", url, url, netloc, project_id)


def _split(text: str, where: str) -> tuple[SplitResult, str, int | None]:
    """The parts of a URL, its host in lower case, and its port unless it is the scheme's usual one."""
    if _NOT_IN_A_URL.search(text):
        raise ConfigurationError(
            f"{where} is {text!r}, which has a space, a line break or a backslash in it.",
            hint=_FORM,
        )
    url = text if "://" in text else _with_scheme(text, where)
    try:
        parts = urlsplit(url)
        host, port = (parts.hostname or "").removesuffix("."), parts.port
    except ValueError as error:
        raise ConfigurationError(f"{where} is {text!r}, not a URL: {error}.", hint=_FORM) from error
    if parts.scheme not in _USUAL_PORTS or not all(host.split(".")):
        raise ConfigurationError(f"{where} is {text!r}, not an http or https URL.", hint=_FORM)
    if "@" in parts.netloc or parts.query or parts.fragment:
        raise ConfigurationError(
            f"{where} has a user name, a query or a fragment.", hint="Give its origin only: https://host."
        )
    if port == 0:
        raise ConfigurationError(f"{where} is {text!r}; no server has the port 0.")
    return parts, host, None if port == _USUAL_PORTS[parts.scheme] else port


def _with_scheme(text: str, where: str) -> str:
    try:
        host = urlsplit(f"//{text}").hostname or ""
    except ValueError:
        host = ""
    if _is_loopback(host):
        return f"http://{text}"
    if "." not in host and ":" not in host:
        raise ConfigurationError(
            f"{where} is {text!r}, which is not a target.",
            hint='Use "us", "eu", "demo", "local", "local:PATH" or a URL.',
        )
    return f"https://{text}"


def _project_of(path: str) -> tuple[str, int | None]:
    """The path at which PostHog is, and the project that the rest of it names."""
    found = _PROJECT_PATH.fullmatch(path)
    if found is None:
        return path.rstrip("/"), None
    return found["base"].rstrip("/"), int(found["id"])


def _is_loopback(host: str) -> bool:
    host = host.removesuffix(".").lower()
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
