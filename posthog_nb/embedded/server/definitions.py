"""``/event_definitions`` and ``/property_definitions``: what was seen in the events so far."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar
from uuid import UUID, uuid5

from werkzeug.wrappers import Response

from posthog_nb.embedded.server import errors
from posthog_nb.embedded.server.paging import Page
from posthog_nb.embedded.server.render import json_bytes

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from werkzeug.wrappers import Request

    from posthog_nb.embedded.project import Project
    from posthog_nb.embedded.store.store import EventDefinition, PropertyDefinition

__all__ = ["Definitions"]

_T = TypeVar("_T")
_NAMESPACE = UUID("a0b0c7d2-2f0e-4f0b-8a53-1d6a2c9e7f45")
_KINDS = ("event", "person", "group")
_FALSE = {"", "0", "false"}


class Definitions:
    """The definitions endpoints of one project."""

    def __init__(self, project: Project) -> None:
        self._store = project.store

    def events(self, request: Request) -> Response:
        """One page of the event names."""
        search = request.args.get("search", "").lower()
        kind = request.args.get("event_type", "event")
        found = [
            one for one in self._store.event_definitions() if search in one.name.lower() and _is_of_kind(one.name, kind)
        ]
        self._order(found, request.args.get("ordering", "name"))
        return _page(request, found, _event)

    def properties(self, request: Request) -> Response:
        """One page of the property names."""
        given = request.args
        kind = given.get("type", "event")
        if kind not in _KINDS:
            raise errors.validation_error(f"Type {kind!r} is not answered; {', '.join(_KINDS)} are.", attr="type")
        found = [one for one in self._store.property_definitions() if one.kind == kind]
        if kind == "group":
            index = given.get("group_type_index", "")
            if not (index.isascii() and index.isdigit()):
                raise errors.validation_error("Groups need a group_type_index.", attr="group_type_index")
            found = [one for one in found if one.group_type_index == int(index[:9])]
        if search := given.get("search", "").lower():
            found = [one for one in found if search in one.name.lower()]
        if names := given.get("properties"):
            found = [one for one in found if one.name in names.split(",")]
        if "is_numerical" in given:
            wanted = given["is_numerical"].lower() not in _FALSE
            found = [one for one in found if (one.property_type == "Numeric") is wanted]
        return _page(request, sorted(found, key=lambda one: one.name), _property)

    @staticmethod
    def _order(found: list[EventDefinition], ordering: str) -> None:
        column = ordering.removeprefix("-")
        if column not in {"name", "last_seen_at"}:
            raise errors.validation_error("Order by name or last_seen_at.", attr="ordering")
        found.sort(key=lambda one: one.name)
        if column == "last_seen_at":
            found.sort(key=lambda one: one.last_seen_at, reverse=ordering.startswith("-"))
        elif ordering.startswith("-"):
            found.reverse()


def _is_of_kind(name: str, kind: str) -> bool:
    if kind == "event_custom":
        return not name.startswith("$")
    return name.startswith("$") if kind == "event_posthog" else True


def _page(request: Request, found: Sequence[_T], row: Callable[[_T], dict[str, Any]]) -> Response:
    page = Page.of(request)
    end = page.offset + page.limit
    body = {
        "count": len(found),
        "next": page.next(more=end < len(found)),
        "previous": page.previous(),
        "results": [row(one) for one in found[page.offset : end]],
    }
    return Response(json_bytes(body), content_type=errors.JSON)


def _event(one: EventDefinition) -> dict[str, Any]:
    seen = one.last_seen_at.isoformat().replace("+00:00", "Z")
    return {
        "id": str(uuid5(_NAMESPACE, f"event {one.name}")),
        "name": one.name,
        "created_at": one.created_at.isoformat().replace("+00:00", "Z"),
        "last_seen_at": seen,
        "last_updated_at": seen,
        "tags": [],
        "is_action": False,
        "action_id": None,
        "created_by": None,
    }


def _property(one: PropertyDefinition) -> dict[str, Any]:
    return {
        "id": str(uuid5(_NAMESPACE, f"property {one.kind} {one.group_type_index} {one.name}")),
        "name": one.name,
        "is_numerical": one.property_type == "Numeric",
        "property_type": one.property_type or None,
        "tags": [],
        "is_seen_on_filtered_events": None,
    }
