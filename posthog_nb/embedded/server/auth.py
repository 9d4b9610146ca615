"""Who may ask: the project's personal API key, in PostHog's words when it is not."""

from __future__ import annotations

import hmac
from typing import TYPE_CHECKING

from posthog_nb.embedded.server import errors

if TYPE_CHECKING:
    from werkzeug.wrappers import Request

    from posthog_nb.embedded.project import ProjectSettings

__all__ = ["authenticate", "authorize_project"]

CURRENT = "@current"


def authenticate(request: Request, settings: ProjectSettings) -> None:
    """Let the owner of the personal API key through, and nobody else.

    Raises:
        HTTPException: 401, with PostHog's code for why.
    """
    scheme, _, key = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not key.strip():
        raise errors.not_authenticated()
    if not _same(key.strip(), settings.personal_api_key):
        raise errors.authentication_failed("Personal API key found in request Authorization header is invalid.")


def authorize_project(request: Request, settings: ProjectSettings, project: str) -> None:
    """Check the project that a path names. A ``?token=`` names one as well and wins, as in PostHog.

    Raises:
        HTTPException: 401 for an unknown token, 403 for another project's number, 404 for what is no number.
    """
    token = request.args.get("token")
    if token is not None:
        if not _same(token, settings.project_token):
            raise errors.authentication_failed("Project token found in request is invalid.")
        return
    if project == CURRENT:
        return
    if not (project.isascii() and project.isdigit()):
        raise errors.not_found("Project not found.")
    if project.lstrip("0") != str(settings.project_id):
        raise errors.permission_denied(f"API key does not have access to the requested project: ID {project}.")


def _same(given: str, expected: str) -> bool:
    return hmac.compare_digest(given.encode(errors="replace"), expected.encode())
