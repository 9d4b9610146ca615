"""The body of ``PATCH /api/projects/:id/``: which settings may change, checked in the words of PostHog's API."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from zoneinfo import available_timezones

from posthog_nb.embedded.hogql import PERSON_MODES
from posthog_nb.embedded.hogql.filters.properties import read_properties
from posthog_nb.embedded.project import WEEK_STARTS, ProjectSettings
from posthog_nb.embedded.server import errors
from posthog_nb.embedded.server.request_body import json_object
from posthog_nb.errors import InvalidInputError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from werkzeug.exceptions import HTTPException
    from werkzeug.wrappers import Request

__all__ = ["changes", "in_the_api"]

LONGEST_NAME = 200
_PERSON_MODE = "personsOnEventsMode"
_READ_ONLY = frozenset(
    {
        "api_token",
        "created_at",
        "default_modifiers",
        "effective_membership_level",
        "group_types",
        "has_group_types",
        "id",
        "ingested_event",
        "organization",
        "person_on_events_querying_enabled",
        "project_id",
        "updated_at",
        "user_access_level",
        "uuid",
    }
)
"""What PostHog lets pass and does not change."""


def changes(request: Request, shown: Mapping[str, object]) -> dict[str, Any]:
    """The fields of :class:`ProjectSettings` that a request changes.

    Args:
        request: The request.
        shown: The project as the API shows it: what is sent back as it was shown changes nothing.

    Raises:
        HTTPException: 400, in PostHog's words.
    """
    found: dict[str, Any] = {}
    for name, value in json_object(request).items():
        if name in _FIELDS:
            field, read = _FIELDS[name]
            found[field] = read(name, value)
        elif name not in _READ_ONLY and (name not in shown or shown[name] != value):
            raise errors.validation_error(f"'{name}' is not a setting of the embedded project.", attr=name)
    return found


def in_the_api(settings: Mapping[str, Any]) -> dict[str, object]:
    """Fields of :class:`ProjectSettings` under the names that PostHog's API has for them."""
    names = {field: name for name, (field, _) in _FIELDS.items()}
    return {
        names[field]: {_PERSON_MODE: value} if field == "person_mode" else value for field, value in settings.items()
    }


def _name(attr: str, value: object) -> str:
    if value is None:
        raise _null(attr)
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise errors.validation_error("Not a valid string.", attr=attr)
    name = str(value).strip()
    if not name:
        raise errors.validation_error("This field may not be blank.", code="blank", attr=attr)
    if len(name) > LONGEST_NAME:
        detail = f"Ensure this field has no more than {LONGEST_NAME} characters."
        raise errors.validation_error(detail, code="max_length", attr=attr)
    return name


def _timezone(attr: str, value: object) -> str:
    if value is None:
        raise _null(attr)
    if not isinstance(value, str) or value not in available_timezones():
        raise _no_choice(attr, value)
    return value


def _week_start(attr: str, value: object) -> int:
    if value is None:
        return ProjectSettings.week_start
    choices = {str(number): number for number in range(len(WEEK_STARTS))}
    if str(value) not in choices:
        raise _no_choice(attr, value)
    return choices[str(value)]


def _person_mode(attr: str, value: object) -> str:
    """The one modifier that a project has here; a modifier that is null or left out has its default."""
    if value is None:
        return ProjectSettings.person_mode
    if not isinstance(value, dict):
        detail = f'Expected a dictionary of items but got type "{type(value).__name__}".'
        raise errors.validation_error(detail, code="not_a_dict", attr=attr)
    others = sorted(name for name, given in value.items() if name != _PERSON_MODE and given is not None)
    if others:
        detail = f"Modifier '{others[0]}' is not a setting of the embedded project; '{_PERSON_MODE}' is."
        raise errors.validation_error(detail, attr=attr)
    mode = value.get(_PERSON_MODE)
    if mode is None:
        return ProjectSettings.person_mode
    if not isinstance(mode, str) or mode not in PERSON_MODES:
        raise _no_choice(f"{attr}__{_PERSON_MODE}", mode)
    return mode


def _test_account_filters(attr: str, value: object) -> tuple[Mapping[str, Any], ...]:
    try:
        read_properties(value)
    except InvalidInputError as error:
        raise errors.validation_error(str(error), attr=attr) from error
    assert isinstance(value, list)  # noqa: S101 - read just now
    return tuple(value)


_FIELDS: dict[str, tuple[str, Callable[[str, object], Any]]] = {
    "name": ("name", _name),
    "timezone": ("timezone", _timezone),
    "week_start_day": ("week_start", _week_start),
    "modifiers": ("person_mode", _person_mode),
    "test_account_filters": ("test_account_filters", _test_account_filters),
}
"""PostHog's name of each setting, ours, and how it is read."""


def _null(attr: str) -> HTTPException:
    return errors.validation_error("This field may not be null.", code="null", attr=attr)


def _no_choice(attr: str, value: object) -> HTTPException:
    return errors.validation_error(f'"{value}" is not a valid choice.', code="invalid_choice", attr=attr)
