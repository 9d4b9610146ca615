"""Groups: their types, at most five in a project, and their properties."""

from __future__ import annotations

import json
import logging
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from posthog_nb.embedded.ingestion.persons import to_json
from posthog_nb.embedded.store.schema import GROUP_TYPES
from posthog_nb.embedded.store.store import GroupRow, GroupTypeRow

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from posthog_nb.embedded.ingestion.event import CapturedEvent
    from posthog_nb.embedded.store.store import Store

__all__ = ["GroupBook"]

logger = logging.getLogger(__name__)


class GroupBook:
    """The groups that one batch touches: read once, changed in the order of the events.

    Args:
        store: The project's tables.
        types: Group type to its index, as stored.
        now: The server's clock.
    """

    def __init__(self, store: Store, types: Mapping[str, int], now: datetime) -> None:
        self._store = store
        self._now = now
        self.types = dict(types)
        """Group type to its index, with those that the batch adds."""
        self._new_types: list[GroupTypeRow] = []
        self._groups: dict[tuple[int, str], GroupRow] = {}
        self._changed: set[tuple[int, str]] = set()

    def read(self, events: Iterable[CapturedEvent]) -> None:
        """Read the groups that these events name, giving new group types their index."""
        keys: set[tuple[int, str]] = set()
        for event in events:
            for group_type, key in _named(event):
                index = self._index(group_type, event.timestamp)
                if index is not None:
                    keys.add((index, key))
        if keys:
            self._groups = {(row.index, row.key): row for row in self._store.groups(keys)}

    def _index(self, group_type: str, at: datetime) -> int | None:
        index = self.types.get(group_type)
        if index is None and len(self.types) < GROUP_TYPES:
            index = len(self.types)
            self.types[group_type] = index
            self._new_types.append(GroupTypeRow(group_type, index, at))
        elif index is None:
            logger.warning("group type %r is left out: a project has at most %d", group_type, GROUP_TYPES)
        return index

    def apply(self, event: CapturedEvent) -> dict[int, GroupRow]:
        """Write ``$group_N`` into the event's properties, and take what a ``$groupidentify`` says of its group.

        Gives the groups that the event belongs to, by type index, as they are known now.
        """
        named = _named(event)
        if not named:
            return {}
        found = {}
        for group_type, key in named:
            index = self.types.get(group_type)
            if index is None:
                continue
            event.properties[f"$group_{index}"] = key
            if event.event == "$groupidentify":
                self._identify(index, key, event.properties.get("$group_set"), event.timestamp)
            if (index, key) in self._groups:
                found[index] = self._groups[index, key]
        return found

    def _identify(self, index: int, key: str, updates: object, at: datetime) -> None:
        row = self._groups.get((index, key))
        before: dict[str, Any] = json.loads(row.properties) if row else {}
        # As texts: to Python 1, 1.0 and True are equal.
        after = to_json({**before, **updates} if isinstance(updates, dict) else before)
        if row is None or after != row.properties:
            # A version is later than the one it replaces, whatever the clock says.
            updated_at = self._now if row is None else max(self._now, row.updated_at + timedelta(microseconds=1))
            self._groups[index, key] = GroupRow(index, key, row.created_at if row else at, after, updated_at)
            self._changed.add((index, key))

    def new_types(self) -> list[GroupTypeRow]:
        """The group types that the batch adds."""
        return self._new_types

    def changed(self) -> list[GroupRow]:
        """The new version of each group that the batch changes."""
        return [self._groups[key] for key in sorted(self._changed)]


def _named(event: CapturedEvent) -> list[tuple[str, str]]:
    """The groups an event names: type and key."""
    properties = event.properties
    if event.event == "$groupidentify":
        found = [(properties.get("$group_type"), properties.get("$group_key"))]
    else:
        groups = properties.get("$groups")
        if not isinstance(groups, dict):
            return []
        found = list(groups.items())
    return [
        (str(group_type), key if isinstance(key, str) else to_json(key))
        for group_type, key in found
        if group_type and key is not None and key != ""
    ]
