"""Who am I, what is this project, what may this key do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid5

from posthog_nb.embedded.project import ProjectSettings
from posthog_nb.embedded.server.answers import json_answer
from posthog_nb.embedded.server.project_body import changes, in_the_api

if TYPE_CHECKING:
    from werkzeug.wrappers import Request, Response

    from posthog_nb.embedded.project import Project

__all__ = ["Account"]

_NAMESPACE = UUID("6c3e1f0a-5d2b-4b7e-9c41-0d8a2f6b7e93")
"""Names things of the embedded project that PostHog keeps in its own database, the same way every time."""

_EVERY_SCOPE = ["*"]
_SHOWN_OF_A_KEY = 4


class Account:
    """The owner, the organization and the project, of which there is one each."""

    def __init__(self, project: Project) -> None:
        self._project = project

    @property
    def _settings(self) -> ProjectSettings:
        return self._project.settings

    def me(self, _request: Request) -> Response:
        """The owner of the key."""
        organization = {"id": self._id("organization"), "name": "Embedded", "slug": "embedded"}
        return json_answer(
            {
                "uuid": self._id("user"),
                "distinct_id": self._id("user"),
                "first_name": "Embedded",
                "last_name": "",
                "email": "owner@posthog-nb.invalid",
                "is_staff": False,
                "team": self._shown(),
                "organization": organization,
                "organizations": [organization],
            }
        )

    def project(self, _request: Request) -> Response:
        """The project."""
        return json_answer(self._shown())

    def change(self, request: Request) -> Response:
        """The project, after its settings are changed for good."""
        found = changes(request, self._shown())
        if found:
            self._project.change_settings(**found)
        return json_answer(self._shown())

    def projects(self, _request: Request) -> Response:
        """The projects that the key may read."""
        return json_answer({"count": 1, "next": None, "previous": None, "results": [self._shown()]})

    def key(self, _request: Request) -> Response:
        """The key that signed the request. Its text is not part of the answer."""
        key = self._settings.personal_api_key
        return json_answer(
            {
                "id": self._id("key"),
                "label": "Embedded project",
                "mask_value": f"{key[:_SHOWN_OF_A_KEY]}...",
                "scopes": _EVERY_SCOPE,
                "scoped_teams": [],
                "scoped_organizations": [],
            }
        )

    def _shown(self) -> dict[str, Any]:
        settings = self._settings
        changeable = ("name", "timezone", "week_start", "person_mode", "test_account_filters")
        return in_the_api({name: getattr(settings, name) for name in changeable}) | {
            "id": settings.project_id,
            "uuid": self._id("project"),
            "organization": self._id("organization"),
            "api_token": settings.project_token,
            "default_modifiers": in_the_api({"person_mode": ProjectSettings.person_mode})["modifiers"],
            "is_demo": settings.as_of is not None,
            "ingested_event": True,
            "completed_snippet_onboarding": True,
            "access_control": False,
        }

    def _id(self, of: str) -> str:
        return str(uuid5(_NAMESPACE, f"{of} of {self._settings.project_token}"))
