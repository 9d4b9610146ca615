"""Event and property definitions, inferred as events arrive: what gives a property its type in HogQL."""

from __future__ import annotations

import re
from datetime import timedelta
from itertools import islice
from typing import TYPE_CHECKING

from posthog_nb.embedded.ingestion.clock import parse_time
from posthog_nb.embedded.store.schema import MATERIALIZED_PROPERTIES, property_column
from posthog_nb.embedded.store.store import EventDefinition, PropertyDefinition

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from posthog_nb.embedded.ingestion.event import CapturedEvent
    from posthog_nb.embedded.store.store import Store

__all__ = ["DefinitionBook", "property_type"]

EVENT, PERSON, GROUP = "event", "person", "group"
NO_GROUP = -1
MAX_NAME = 200
"""PostHog defines no event or property with a longer name."""

_HOUR = timedelta(hours=1)
_NOT_DEFINED = {"$set", "$set_once", "$unset", "$groups", *(f"$group_{index}" for index in range(5))}
_TEXT_PREFIXES = ("utm_", "$feature/", "$survey_response")
_TIME_WORDS = ("time", "timestamp", "date", "_at", "-at", "createdat", "updatedat")
_ISO_TIME = re.compile(
    r"\d{4}-\d{2}-\d{2}(?:[T ]\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?(?:Z|[+-]\d{2}:?\d{2})?)?", re.IGNORECASE
)
_UNIX_SECONDS_FROM = 1_000_000_000
"""A number in a property named like a time is one from 2001 on."""


def property_type(name: str, value: object) -> str:
    """Numeric, Boolean, DateTime or String by a property's name and one value of it; ``""`` when it does not tell."""
    if name.startswith(_TEXT_PREFIXES) or name == "$feature_flag_response":
        return "String"
    if isinstance(value, bool):
        return "Boolean"
    if isinstance(value, (int, float)):
        lower = name.lower()
        is_time = value >= _UNIX_SECONDS_FROM and any(word in lower for word in _TIME_WORDS)
        return "DateTime" if is_time else "Numeric"
    if isinstance(value, str):
        text = value.strip()
        if text.lower() in {"true", "false"}:
            return "Boolean"
        return "DateTime" if _ISO_TIME.fullmatch(text) and parse_time(text) else "String"
    return ""


class DefinitionBook:
    """What the project knows of its events and properties, kept in memory beside the tables.

    Args:
        store: The project's tables.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self.types: dict[tuple[str, int], dict[str, str]] = {(EVENT, NO_GROUP): {}, (PERSON, NO_GROUP): {}}
        for known in store.property_definitions():
            self._types_of(known.kind, known.group_type_index)[known.name] = known.property_type
        self._events = {known.name: known for known in store.event_definitions()}
        self.columns = store.property_columns()
        self._new_properties: dict[tuple[str, int, str], str] = {}
        # Names whose type will not change any more: most events hold no other, and are passed over at once.
        self._settled: dict[tuple[str, int], set[str]] = {(EVENT, NO_GROUP): set(_NOT_DEFINED)}
        for kind, known_types in self.types.items():
            self._settled.setdefault(kind, set()).update(name for name, found in known_types.items() if found)
        self._new_events: set[str] = set()

    def _types_of(self, kind: str, index: int) -> dict[str, str]:
        return self.types.setdefault((kind, index), {})

    def observe(self, event: CapturedEvent, group_types: Mapping[str, int]) -> None:
        """Take note of an event's name and of each property's type."""
        self._observe_event(event.event, event.timestamp)
        properties = event.properties
        self._observe_properties(EVENT, NO_GROUP, properties)
        for key in ("$set", "$set_once"):
            if key in properties:
                self._observe_properties(PERSON, NO_GROUP, properties[key])
        if event.event == "$groupidentify":
            index = group_types.get(str(properties.get("$group_type")))
            if index is not None:
                self._observe_properties(GROUP, index, properties.get("$group_set"))

    def _observe_event(self, name: str, at: datetime) -> None:
        if len(name) > MAX_NAME:
            return
        known = self._events.get(name)
        if known is None or at >= known.last_seen_at + _HOUR:
            hour = at.replace(minute=0, second=0, microsecond=0)
            self._events[name] = EventDefinition(name, min(known.created_at, at) if known else at, hour)
            self._new_events.add(name)

    def _observe_properties(self, kind: str, index: int, properties: object) -> None:
        if not isinstance(properties, dict):
            return
        settled = self._settled.setdefault((kind, index), set())
        if properties.keys() <= settled:
            return
        known = self._types_of(kind, index)
        for name in sorted(properties.keys() - settled):
            if len(name) > MAX_NAME:
                continue
            found = property_type(name, properties[name])
            if found:
                settled.add(name)
            if found or name not in known:
                known[name] = self._new_properties[kind, index, name] = found

    def new_events(self) -> list[EventDefinition]:
        """The event definitions that are not stored yet."""
        return [self._events[name] for name in sorted(self._new_events)]

    def new_properties(self, now: datetime) -> list[PropertyDefinition]:
        """The property definitions that are not stored yet."""
        return [
            PropertyDefinition(kind, index, name, found, now)
            for (kind, index, name), found in self._new_properties.items()
        ]

    def stored(self) -> None:
        """Note that what was new is stored."""
        self._new_events.clear()
        self._new_properties.clear()

    def add_columns(self) -> bool:
        """Give event properties that have none yet a column each while there is room; whether any got one."""
        room = MATERIALIZED_PROPERTIES - len(self.columns)
        known = (name for name in self.types[EVENT, NO_GROUP] if name not in self.columns)
        added = dict(islice(((name, column) for name in known if (column := property_column(name))), room))
        self._store.add_property_columns(added)
        self.columns.update(added)
        return bool(added)
