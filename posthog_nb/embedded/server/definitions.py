"""``/event_definitions`` and ``/property_definitions``: what was seen in the events so far."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid5

from posthog_nb.embedded.server import errors
from posthog_nb.embedded.server.paging import page_answer
from posthog_nb.embedded.server.render import json_time
from posthog_nb.embedded.server.request_body import json_list

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from werkzeug.wrappers import Request, Response

    from posthog_nb.embedded.project import Project
    from posthog_nb.embedded.store.store import EventDefinition, PropertyDefinition

__all__ = ["Definitions"]

_NAMESPACE = UUID("a0b0c7d2-2f0e-4f0b-8a53-1d6a2c9e7f45")
_KINDS = ("event", "person", "group")
_TRUE = {"1", "true"}
_FALSE = {"0", "false"}
_CORE = "$"
_FEATURE_FLAG = "$feature/"


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
        return page_answer(request, found, _event)

    def properties(self, request: Request) -> Response:
        """One page of the property names."""
        _refuse_event_names(request)
        conditions = [*_kind_conditions(request), *_property_conditions(request)]
        found = [one for one in self._store.property_definitions() if all(holds(one) for holds in conditions)]
        return page_answer(request, sorted(found, key=lambda one: one.name), _property)

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
        return not name.startswith(_CORE)
    return name.startswith(_CORE) if kind == "event_posthog" else True


def _refuse_event_names(request: Request) -> None:
    """Refuse to answer by event: which properties came with which event is not kept."""
    for name, wanted in (
        ("event_names", json_list(request, "event_names")),
        ("filter_by_event_names", _switch(request, "filter_by_event_names")),
    ):
        if wanted:
            raise errors.validation_error(
                f"'{name}' is not answered by the embedded project: it does not keep which event has which property.",
                attr=name,
            )


def _kind_conditions(request: Request) -> Iterator[Callable[[PropertyDefinition], bool]]:
    kind = request.args.get("type", "event")
    if kind not in _KINDS:
        raise errors.validation_error(f"Type {kind!r} is not answered; {', '.join(_KINDS)} are.", attr="type")
    yield lambda one: one.kind == kind
    if kind == "group":
        text = request.args.get("group_type_index", "")
        if not (text.isascii() and text.isdigit()):
            raise errors.validation_error("Groups need a group_type_index.", attr="group_type_index")
        index = int(text[:9])
        yield lambda one: one.group_type_index == index


def _property_conditions(request: Request) -> Iterator[Callable[[PropertyDefinition], bool]]:
    if search := request.args.get("search", "").lower():
        yield lambda one: search in one.name.lower()
    if names := request.args.get("properties"):
        wanted = names.split(",")
        yield lambda one: one.name in wanted
    excluded = json_list(request, "excluded_properties")
    yield lambda one: one.name not in excluded
    numerical, feature_flag = _switch(request, "is_numerical"), _switch(request, "is_feature_flag")
    if numerical is not None:
        yield lambda one: (one.property_type == "Numeric") is numerical
    if feature_flag is not None:
        yield lambda one: one.name.startswith(_FEATURE_FLAG) is feature_flag
    if _switch(request, "exclude_core_properties"):
        yield lambda one: not one.name.startswith(_CORE)


def _switch(request: Request, name: str) -> bool | None:
    """A parameter that is true or false; None when it is left out."""
    text = request.args.get(name, "").lower()
    if not text:
        return None
    if text not in _TRUE | _FALSE:
        raise errors.validation_error(f"'{name}' must be true or false.", attr=name)
    return text in _TRUE


def _event(one: EventDefinition) -> dict[str, Any]:
    seen = json_time(one.last_seen_at)
    return {
        "id": str(uuid5(_NAMESPACE, f"event {one.name}")),
        "name": one.name,
        "created_at": json_time(one.created_at),
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
