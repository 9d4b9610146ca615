"""The five writes as events: checked, with what PostHog wants in them, and not sent yet."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from posthog_nb.errors import InvalidInputError
from posthog_nb.operations.event import Event, make_event, mergeable, text_of
from posthog_nb.operations.properties import json_properties

__all__ = ["alias", "capture", "identify", "page", "screen"]


def capture(
    event: object, distinct_id: object, properties: object = None, timestamp: object = None, uuid: object = None
) -> Event:
    """Any event; see :meth:`posthog_nb.client.Client.capture`."""
    return make_event(event, distinct_id, properties, timestamp, uuid)


def page(  # noqa: PLR0913, PLR0917 - the operation's own arguments
    distinct_id: object,
    name: object,
    url: object = None,
    properties: object = None,
    timestamp: object = None,
    uuid: object = None,
) -> Event:
    """A page view; see :meth:`posthog_nb.client.Client.page`."""
    own: dict[str, Any] = {"title": text_of(name, "name"), "name": name}
    if url is not None:
        own |= _address(url)
    return make_event("$pageview", distinct_id, own | json_properties(properties), timestamp, uuid)


def _address(url: object) -> dict[str, str]:
    if not isinstance(url, str):
        raise InvalidInputError(f"url is {url!r}, of type {type(url).__name__}, not text.", argument="url")
    try:
        parts = urlsplit(url)
    except ValueError as error:
        raise InvalidInputError(f"url is {url!r}, which is not a URL.", argument="url") from error
    try:
        json_properties({"url": url}, "the page")
    except InvalidInputError as error:
        error.argument, error.key = "url", None
        raise
    return {"$current_url": url, "$host": parts.netloc, "$pathname": parts.path}


def screen(
    distinct_id: object, name: object, properties: object = None, timestamp: object = None, uuid: object = None
) -> Event:
    """A screen view; see :meth:`posthog_nb.client.Client.screen`."""
    own = {"$screen_name": text_of(name, "name")}
    return make_event("$screen", distinct_id, own | json_properties(properties), timestamp, uuid)


def identify(
    distinct_id: object,
    properties: object = None,
    timestamp: object = None,
    uuid: object = None,
    anon_distinct_id: object = None,
) -> Event:
    """Who somebody is; see :meth:`posthog_nb.client.Client.identify`."""
    known = mergeable(text_of(distinct_id, "distinct_id"), "distinct_id")
    own: dict[str, Any] = {"$set": json_properties(properties)}
    if anon_distinct_id is not None:
        own["$anon_distinct_id"] = _another(anon_distinct_id, "anon_distinct_id", known)
    return make_event("$identify", known, own, timestamp, uuid)


def alias(distinct_id: object, alias: object, timestamp: object = None, uuid: object = None) -> Event:
    """One more id of somebody; see :meth:`posthog_nb.client.Client.alias`."""
    kept = mergeable(text_of(distinct_id, "distinct_id"), "distinct_id")
    merged = _another(alias, "alias", kept)
    return make_event("$create_alias", kept, {"alias": merged, "distinct_id": kept}, timestamp, uuid)


def _another(given: object, what: str, kept: str) -> str:
    merged = mergeable(text_of(given, what), what)
    if merged == kept:
        raise InvalidInputError(
            f"{what} and distinct_id are both {kept!r}.", hint="It is to be another id.", argument=what
        )
    return merged
