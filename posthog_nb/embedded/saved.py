"""What a project has defined by name: its actions, its cohorts."""

from __future__ import annotations

import json
from threading import Lock
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from posthog_nb.embedded.store.store import Store

__all__ = ["SavedDefinitions"]


class SavedDefinitions:
    """The definitions of one kind, kept in memory beside the table. Each is a JSON object with ``id`` and ``version``.

    Args:
        store: The project's tables.
        kind: action or cohort.
        changed: Called when what queries mean has changed.
    """

    def __init__(self, store: Store, kind: str, changed: Callable[[], None]) -> None:
        self._store = store
        self._kind = kind
        self._changed = changed
        self._lock = Lock()
        self._bodies = {id_: json.loads(body) for id_, body in store.saved_definitions(kind).items()}

    def live(self) -> list[dict[str, Any]]:
        """Those that are not deleted, by their ids."""
        return [dict(one) for _, one in sorted(self._bodies.items()) if not one["deleted"]]

    def get(self, id_: int) -> dict[str, Any] | None:
        """One of them, deleted or not."""
        found = self._bodies.get(id_)
        return dict(found) if found is not None else None

    def create(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """Keep a new one; gives it with its id."""
        with self._lock:
            return self._keep({**body, "id": max(self._bodies, default=0) + 1, "version": 1})

    def update(self, id_: int, changes: Mapping[str, Any]) -> dict[str, Any]:
        """Keep a new version of one."""
        with self._lock:
            before = self._bodies[id_]
            return self._keep({**before, **changes, "id": id_, "version": before["version"] + 1})

    def _keep(self, body: dict[str, Any]) -> dict[str, Any]:
        self._store.save_definition(self._kind, body["id"], json.dumps(body), body["version"])
        self._bodies[body["id"]] = body
        self._changed()
        return dict(body)
