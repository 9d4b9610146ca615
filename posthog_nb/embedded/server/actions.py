"""``/actions``: named conditions on events, for ``matchesAction`` and cohorts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from posthog_nb.embedded.hogql.filters.actions import read_steps
from posthog_nb.embedded.hogql.filters.elements import selector_pattern
from posthog_nb.embedded.server import errors
from posthog_nb.embedded.server.saved import SavedEndpoints, text_field
from posthog_nb.errors import InvalidInputError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from posthog_nb.embedded.project import Project

__all__ = ["Actions"]

_STEP_FIELDS = (
    "event", "properties", "selector", "tag_name", "text", "text_matching", "href", "href_matching", "url",
    "url_matching",
)  # fmt: skip


class Actions(SavedEndpoints):
    """The actions endpoints of one project."""

    def __init__(self, project: Project) -> None:
        super().__init__(project.actions)
        self._team_id = project.settings.project_id

    def _fields(self, given: Mapping[str, Any], before: Mapping[str, Any] | None) -> dict[str, Any]:
        fields: dict[str, Any] = {} if before else {"name": None, "description": "", "tags": [], "steps": []}
        if "name" in given:
            fields["name"] = self._name(given, before)
        if "description" in given:
            fields["description"] = text_field(given, "description", longest=10_000) or ""
        if "tags" in given:
            fields["tags"] = _tags(given["tags"])
        if "deleted" in given:
            fields["deleted"] = given["deleted"] is True
        if "steps" in given:
            fields["steps"] = _steps(given["steps"])
        return fields

    def _name(self, given: Mapping[str, Any], before: Mapping[str, Any] | None) -> str | None:
        name = text_field(given, "name")
        if name is not None and not name.strip():
            raise errors.validation_error("This field may not be blank.", code="blank", attr="name")
        own = before["id"] if before else None
        other = next((one["id"] for one in self._saved.live() if name == one["name"] and one["id"] != own), None)
        if name is not None and other is not None:
            raise errors.validation_error(
                f"This project already has an action with this name, ID {other}", code="unique", attr="name"
            )
        return name

    def _ordered(self, found: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return sorted(found, key=lambda one: one["name"] or "")

    def _shown(self, one: Mapping[str, Any]) -> dict[str, Any]:
        return {
            "id": one["id"],
            "name": one["name"],
            "description": one["description"],
            "tags": one["tags"],
            "post_to_slack": False,
            "slack_message_format": "",
            "steps": [_shown_step(step) for step in one["steps"]],
            "created_at": one["created_at"],
            "created_by": None,
            "deleted": one["deleted"],
            "is_calculating": False,
            "last_calculated_at": one["created_at"],
            "team_id": self._team_id,
            "is_action": True,
            "bytecode_error": None,
            "pinned_at": None,
            "creation_context": None,
        }


def _tags(given: object) -> list[str]:
    if not isinstance(given, list) or not all(isinstance(tag, str) for tag in given):
        raise errors.validation_error("Expected a list of texts.", code="invalid", attr="tags")
    return given


def _steps(given: object) -> list[dict[str, Any]]:
    try:
        read_steps(given)
    except InvalidInputError as error:
        raise errors.validation_error(str(error), attr="steps") from error
    assert isinstance(given, list)  # noqa: S101 - read just now
    return [{name: step[name] for name in _STEP_FIELDS if name in step} for step in given]


def _shown_step(step: Mapping[str, Any]) -> dict[str, Any]:
    selector = step.get("selector")
    return {
        **{name: step.get(name) for name in _STEP_FIELDS},
        "properties": step.get("properties") or [],
        "selector_regex": selector_pattern(selector) if selector else None,
    }
