"""A client of a project embedded in the process, over PostHog's wire."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from posthog_nb.client import Client
from posthog_nb.connection import Connection
from posthog_nb.embedded.mount import EmbeddedAdapter
from posthog_nb.embedded.project import Project, ProjectSettings
from posthog_nb.embedded.server import create_app
from posthog_nb.secret import Secret
from posthog_nb.settings import resolve

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def embedded_client(timezone: str = "UTC", *, project: Project | None = None, **options: str) -> Iterator[Client]:
    """A client of ``project``, which ends with it; by default of a new, empty one."""
    project = project or Project.in_memory(ProjectSettings(timezone=timezone))
    settings = replace(
        resolve("demo", environ={}),
        label="test",
        project_id=project.settings.project_id,
        personal_api_key=Secret(project.settings.personal_api_key),
        project_token=Secret(project.settings.project_token),
    )
    adapter = EmbeddedAdapter(lambda: create_app(project))
    with Client(Connection(settings, version="test", adapter=adapter), **options) as client:
        yield client
    project.close()
