"""What a project knows: its tables, events and properties, looked up in the background for whoever completes names.

Which names there are and which is used most, HogQL tells with ``query:read`` alone. Names that were not used lately,
and the types of properties, come from the definitions where the key may read them (``event_definition:read``,
``property_definition:read``); else the types come from HogQL too, as the declared types of an answer without rows.
Actions and cohorts are known where it may read those (``action:read``, ``cohort:read``).
"""

from __future__ import annotations

import json
import logging
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from math import inf
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from posthog_nb.errors import APIError, AuthenticationError, QuotaExceededError, RateLimitedError, TransportError
from posthog_nb.forks import begins_anew_in_forks
from posthog_nb.operations.background import Background
from posthog_nb.operations.defined import questions

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from posthog_nb.connection import Connection
    from posthog_nb.operations.background import Enquiry

__all__ = ["Known", "Taxonomy"]

logger = logging.getLogger("posthog_nb.taxonomy")

GOOD_FOR = 300.0
"""Seconds after which a taxonomy is looked up anew."""

AGAIN_AFTER = 60.0
"""Seconds after which a look-up that failed is tried again."""

LONGEST_NAME = 200
"""PostHog's own limit for the name of an event. Longer names, which old imports may have left, are left out."""

_MOST_NAMES = 1000
_ROWS_LOOKED_AT = 20_000
"""So many recent rows tell which properties are used most."""

_PAGE, _MOST_PAGES = 500, 6
_VALUES = 100

_EVENTS = f"""SELECT event, count() AS uses FROM events
WHERE timestamp > now() - INTERVAL 30 DAY AND length(event) <= {LONGEST_NAME}
GROUP BY event ORDER BY uses DESC, event LIMIT {_MOST_NAMES}"""

_KEYS = f"""SELECT key, count() AS uses FROM (
    SELECT arrayJoin(JSONExtractKeys(properties)) AS key
    FROM (SELECT properties FROM {{source}} LIMIT {_ROWS_LOOKED_AT})
) WHERE length(key) <= {LONGEST_NAME} GROUP BY key ORDER BY uses DESC, key LIMIT {_MOST_NAMES}"""
_SOURCES = {"event": "events WHERE timestamp > now() - INTERVAL 7 DAY", "person": "raw_persons"}
"""Every version of a person rather than the latest one, which PostHog would have to find first."""

_GROUP_KEYS = f"""SELECT index, key, count() AS uses FROM (
    SELECT index, arrayJoin(JSONExtractKeys(properties)) AS key
    FROM (SELECT index, properties FROM raw_groups LIMIT {_ROWS_LOOKED_AT})
) WHERE length(key) <= {LONGEST_NAME} GROUP BY index, key ORDER BY uses DESC, key LIMIT {_MOST_NAMES}"""

_VALUES_OF = f"""SELECT value FROM (
    SELECT toString(properties[{{key}}]) AS value FROM {{source}} LIMIT {_ROWS_LOOKED_AT}
) WHERE value != '' AND length(value) <= {LONGEST_NAME} GROUP BY value ORDER BY count() DESC, value LIMIT {_VALUES}"""


@dataclass(frozen=True)
class Taxonomy:
    """What is known of a project. Names come in the order of their use, the most used first.

    Attributes:
        events: The names of its events.
        event_properties: The names of events' properties, each with PostHog's word for its type: ``"String"``,
            ``"Numeric"``, ``"Boolean"``, ``"DateTime"``, ``"Duration"``, or ``""`` where it is unknown.
        person_properties: The same of persons.
        group_properties: The same of groups, by the number of the group type, without their types.
        group_types: The names of the group types and their numbers.
        tables: Every table that a query may name, with its columns and PostHog's word for the type of each, such as
            ``"datetime"`` or ``"lazy_table"``.
        actions: The names of its actions, by their numbers.
        cohorts: The names of its cohorts, by their numbers.
    """

    events: tuple[str, ...] = ()
    event_properties: Mapping[str, str] = field(default_factory=dict)
    person_properties: Mapping[str, str] = field(default_factory=dict)
    group_properties: Mapping[int, Mapping[str, str]] = field(default_factory=dict)
    group_types: Mapping[str, int] = field(default_factory=dict)
    tables: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    actions: Mapping[int, str] = field(default_factory=dict)
    cohorts: Mapping[int, str] = field(default_factory=dict)


class Known:
    """``client.known``: what its project knows, without ever waiting for the network.

    It may be used from several threads. A failure to look something up is logged (``posthog_nb.taxonomy``, INFO), and
    what was known stays.

    Args:
        connection: The project.
    """

    def __init__(self, connection: Connection) -> None:
        self._background = Background(connection)
        self._lock = threading.Lock()
        self._taxonomy = Taxonomy()
        self._values: dict[tuple[str, str], tuple[float, tuple[str, ...]]] = {}
        self._good_until = -inf
        self._expired_at = -inf
        self._looking = False
        self._waiting: list[Callable[[Taxonomy], object]] = []
        begins_anew_in_forks(self)

    def begin_anew(self) -> None:
        """In a fork of the process: what was known stays, and what was being looked up is looked up again."""
        self._lock = threading.Lock()
        self._looking = False
        self._waiting.clear()
        self._background.begin_anew()

    def now(self) -> Taxonomy:
        """What is known so far, maybe nothing. When that is old, a look-up begins in the background."""
        with self._lock:
            self._look_if_old()
            return self._taxonomy

    def when_ready(self, callback: Callable[[Taxonomy], object]) -> None:
        """Call ``callback`` with what is known: at once, or from the background thread when it has been looked up.

        It is called when the look-up fails as well, with what is known then. It is not when the client is closed first.
        """
        with self._lock:
            self._look_if_old()
            if self._looking:
                self._waiting.append(callback)
                return
            taxonomy = self._taxonomy
        callback(taxonomy)

    def values(self, of: str, key: str) -> tuple[str, ...]:
        """The values of a property that are known so far, as text, the most frequent first; a look-up begins as needed.

        Args:
            of: ``"event"`` or ``"person"``: whose property it is.
            key: Its name.
        """
        with self._lock:
            until, found = self._values.get((of, key), (-inf, ()))
            if time.monotonic() >= until:
                # Not to be asked for again while it is being looked up.
                self._values[of, key] = time.monotonic() + AGAIN_AFTER, found
                self._background.add(partial(self._look_for_values, of, key))
            return found

    def expire(self) -> None:
        """Take what is known for old: it is looked up anew when it is next asked for."""
        with self._lock:
            self._expired_at, self._good_until = time.monotonic(), -inf
            self._values = {place: (-inf, found) for place, (_, found) in self._values.items()}

    def close(self) -> None:
        """End a look-up that is under way."""
        with self._lock:
            self._waiting.clear()
        self._background.end()
        with self._lock:
            self._looking = False

    def _look_if_old(self) -> None:
        if not self._looking and time.monotonic() >= self._good_until:
            self._looking = True
            self._background.add(self._look)

    def _look(self, enquiry: Enquiry) -> None:
        began = time.monotonic()
        whole = False
        try:
            if enquiry.may_ask():
                with _expected():
                    for part, found in _parts(enquiry):
                        with self._lock:
                            self._taxonomy = replace(self._taxonomy, **{part: found})
                whole = True
        finally:
            with self._lock:
                self._looking = False
                if began > self._expired_at:
                    self._good_until = time.monotonic() + (GOOD_FOR if whole else AGAIN_AFTER)
                waiting, self._waiting = self._waiting, []
                for callback in waiting:
                    self._background.add(partial(_call, callback, self._taxonomy))

    def _look_for_values(self, of: str, key: str, enquiry: Enquiry) -> None:
        if enquiry.may_ask():
            query = _VALUES_OF.replace("{source}", _SOURCES[of])
            with _expected():
                found = tuple(str(value) for (value,) in enquiry.query(query, {"key": key}).rows)
            with self._lock:
                self._values[of, key] = time.monotonic() + GOOD_FOR, found


def _call(callback: Callable[[Taxonomy], object], taxonomy: Taxonomy, _: Enquiry) -> None:
    callback(taxonomy)


def _parts(enquiry: Enquiry) -> Iterator[tuple[str, Any]]:
    """The attributes of a taxonomy as they are found. One that PostHog refuses is left out.

    Raises:
        PostHogError: PostHog does not answer, or refuses the key.
    """
    group_types: Mapping[str, int] = {}
    if (schema := _tried(enquiry.ask, {"kind": "DatabaseSchemaQuery"}, json.loads)) is not None:
        tables = {
            str(name): {str(one["name"]): str(one["type"]) for one in about["fields"].values()}
            for name, about in schema["tables"].items()
        }
        yield "tables", tables
        group_types = _group_types(schema)
        yield "group_types", group_types
    defined = _definitions(enquiry, "event_definitions")
    used = _used(enquiry, _EVENTS)
    yield "events", tuple(_in_order(used, defined or {}))
    for of, source in _SOURCES.items():
        types = _definitions(enquiry, "property_definitions", type=of)
        used = _used(enquiry, _KEYS.replace("{source}", source))
        if types is None:
            types = _tried(_declared, enquiry, of, used) or {}
        yield f"{of}_properties", {name: types.get(name, "") for name in _in_order(used, types)}
    if group_types and (answer := _tried(enquiry.query, _GROUP_KEYS)) is not None:
        groups: dict[int, dict[str, str]] = {}
        for index, key, _ in answer.rows:
            groups.setdefault(int(index), {})[str(key)] = ""
        yield "group_properties", groups
    for kind in ("actions", "cohorts"):
        # PostHog lets them be without a name.
        named = {int(one["id"]): one["name"] or "" for one in _listed(enquiry, kind) or ()}
        yield kind, {number: name for number, name in named.items() if 0 < len(name) <= LONGEST_NAME}


def _tried(ask: Callable[..., Any], *arguments: object) -> Any:  # noqa: ANN401 - what it asks for
    """The answer; None when PostHog refuses this question, and may answer another."""
    try:
        return ask(*arguments)
    except (AuthenticationError, QuotaExceededError, RateLimitedError):
        raise
    except APIError as error:
        logger.info("Not looked up: %s", error.message)
        return None


@contextmanager
def _expected() -> Iterator[None]:
    """For reading what PostHog sent, by the shape that it has.

    Raises:
        TransportError: it has another.
    """
    try:
        yield
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        raise TransportError(
            f"The answer is not one of PostHog's ({type(error).__name__}: {error}).", passing=False
        ) from error


def _used(enquiry: Enquiry, query: str) -> list[str]:
    answer = _tried(enquiry.query, query)
    return [] if answer is None else [str(name) for name, _ in answer.rows]


def _in_order(used: Iterable[str], defined: Iterable[str]) -> Iterator[str]:
    """The names in use, then the others: first the project's own, then PostHog's."""
    others = sorted(defined, key=lambda name: (name.startswith("$"), name))
    return iter(dict.fromkeys([*used, *others]))


def _definitions(enquiry: Enquiry, path: str, **params: str) -> dict[str, str] | None:
    """The names that are defined and their types; None where the key may not read them."""
    listed = _listed(enquiry, path, **params)
    if listed is None:
        return None
    return {one["name"]: one.get("property_type") or "" for one in listed if len(one["name"]) <= LONGEST_NAME}


def _listed(enquiry: Enquiry, path: str, **params: str) -> list[dict[str, Any]] | None:
    """What a list of the REST API has, page by page; None where the key may not read it."""
    found: list[dict[str, Any]] = []
    for page in range(_MOST_PAGES):
        place = urlencode({**params, "limit": _PAGE, "offset": page * _PAGE})
        answer = _tried(enquiry.page, f"{path}/?{place}")
        if answer is None:
            return None
        found += answer["results"]
        if not answer.get("next"):
            break
    return found


def _declared(enquiry: Enquiry, of: str, names: list[str]) -> dict[str, str]:
    """The types of properties as HogQL declares them. No row is read for it."""
    types: dict[str, str] = {}
    for some, query, values in questions(names, of):
        answer = enquiry.query(query, values)
        types |= {name: _word_for(declared) for name, declared in zip(some, answer.types or (), strict=False)}
    return types


def _word_for(declared: str) -> str:
    """PostHog's word for the type of a property that HogQL declares as ``declared``."""
    words = {"Float64": "Numeric", "Bool": "Boolean", "DateTime64": "DateTime"}
    return next((word for name, word in words.items() if name in declared), "String")


def _group_types(schema: Mapping[str, Any]) -> dict[str, int]:
    """The group types by name: in ``events``, each leads to one of the joins ``group_0`` to ``group_4``."""
    fields = schema["tables"].get("events", {}).get("fields", {})
    return {
        str(one["name"]): int(chain[0].removeprefix("group_"))
        for one in fields.values()
        if (chain := one.get("chain")) and len(chain) == 1 and str(chain[0]).removeprefix("group_").isdigit()
    }
