"""The embedded project's HTTP face: a WSGI application that answers PostHog's own paths."""

from __future__ import annotations

from typing import TYPE_CHECKING

from posthog_nb.embedded.server.app import Application

if TYPE_CHECKING:
    from posthog_nb.embedded.project import Project

__all__ = ["Application", "create_app"]


def create_app(project: Project) -> Application:
    """The WSGI application for ``project``, which stays the caller's to close."""
    return Application(project)
