"""An embedded project behind a `requests` session, for tests that speak PostHog's wire."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import requests

from posthog_nb.embedded.mount import EmbeddedAdapter
from posthog_nb.embedded.project import Project, ProjectSettings
from posthog_nb.embedded.server import create_app

if TYPE_CHECKING:
    from collections.abc import Mapping

URL = "http://embedded.invalid"
TOKEN = "phc_test_token"
KEY = "phx_test"


@dataclass
class Wire:
    """A project and a session that is mounted on it; requests are signed unless told otherwise."""

    project: Project
    session: requests.Session = field(default_factory=requests.Session)

    def __post_init__(self) -> None:
        self.session.trust_env = False
        self.session.mount(URL, EmbeddedAdapter(lambda: create_app(self.project)))

    def request(self, method: str, path: str, *, key: str | None = KEY, **options: Any) -> requests.Response:
        headers = {} if key is None else {"Authorization": f"Bearer {key}"}
        headers |= options.pop("headers", {})
        return self.session.request(method, f"{URL}{path}", headers=headers, **options)

    def get(self, path: str, **options: Any) -> requests.Response:
        return self.request("GET", path, **options)

    def send(self, *events: Mapping[str, object], path: str = "/batch/", **options: Any) -> requests.Response:
        return self.request("POST", path, key=None, json={"api_key": TOKEN, "batch": list(events)}, **options)

    def ask(self, query: str, *, node: Mapping[str, object] | None = None, **body: object) -> requests.Response:
        asked = {"kind": "HogQLQuery", "query": query, **(node or {})}
        return self.request("POST", "/api/projects/1/query/", json={"query": asked, **body})

    def close(self) -> None:
        self.session.close()
        self.project.close()


def open_wire(**settings: Any) -> Wire:
    """A new project in memory."""
    return Wire(Project.in_memory(ProjectSettings(project_token=TOKEN, personal_api_key=KEY, **settings)))
