"""The WSGI application: which path is answered by what, and the last word on errors."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from werkzeug.exceptions import HTTPException
from werkzeug.routing import Map, Rule
from werkzeug.wrappers import Request, Response

from posthog_nb.embedded.server import errors, sdk
from posthog_nb.embedded.server.account import Account
from posthog_nb.embedded.server.actions import Actions
from posthog_nb.embedded.server.auth import authenticate, authorize_project
from posthog_nb.embedded.server.capture import Capture, allow_any_origin, refuse_recordings
from posthog_nb.embedded.server.capture_v1 import CaptureV1
from posthog_nb.embedded.server.cohorts import Cohorts
from posthog_nb.embedded.server.definitions import Definitions
from posthog_nb.embedded.server.persons import Persons
from posthog_nb.embedded.server.queries import Queries

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from wsgiref.types import StartResponse, WSGIEnvironment

    from posthog_nb.embedded.project import Project
    from posthog_nb.embedded.server.saved import SavedEndpoints

__all__ = ["Application"]

logger = logging.getLogger("posthog_nb.embedded")

_READ = ["GET"]
_SEND = ["GET", "POST", "OPTIONS"]
_CAPTURE_PATHS = ("/i/v0/e/", "/e/", "/capture/", "/track/", "/batch/", "/engage/", "/i/v0/ai/batch/")
_CAPTURE_V1_PATH = "/i/v1/analytics/events/"
_RECORDING_PATH = "/s/"
_FLAG_PATHS = ("/flags/", "/decide/")
_HEALTH_PATHS = ("/", "/_readiness", "/_liveness")
_FLAG_DEFINITION_PATHS = ("/flags/definitions", "/api/feature_flag/local_evaluation/")


@dataclass(frozen=True)
class _Endpoint:
    """What answers a path, and who may ask.

    Attributes:
        answer: Called with the request and the path's arguments.
        private: Whether a personal API key is needed.
        any_origin: Whether pages of any origin may read the answer.
    """

    answer: Callable[..., Response]
    private: bool = True
    any_origin: bool = False


class Application:
    """One project behind PostHog's own paths.

    Args:
        project: The project; it stays its caller's to close.
    """

    def __init__(self, project: Project) -> None:
        self._settings = project.settings
        # The trailing slash is optional everywhere, and nothing redirects: SDKs do not follow.
        self._queries = Queries(project)
        self._rules = Map(list(_rules(project, self._queries)), strict_slashes=False, merge_slashes=False).bind(
            "embedded"
        )

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request."""
        # Leaving it closes the files that came with a form.
        with Request(environ) as request:
            response = self._answer(request)
        return response(environ, start_response)

    def end_queries(self) -> None:
        """End the queries that run now; each is answered as a cancelled one."""
        self._queries.cancel_all()

    def _answer(self, request: Request) -> Response:
        any_origin = False
        try:
            endpoint, arguments = self._match(request)
            any_origin = endpoint.any_origin
            if any_origin and request.method == "OPTIONS":
                response = Response()
            else:
                response = self._permitted(request, endpoint, arguments)
        except HTTPException as error:
            response = errors.of_http(error, method=request.method, rest=request.path.startswith("/api"))
        except Exception:
            logger.exception("%s %s failed.", request.method, request.path)
            response = errors.of_http(errors.server_error(), method=request.method, rest=True)
        return allow_any_origin(request, response) if any_origin else response

    def _match(self, request: Request) -> tuple[_Endpoint, dict[str, Any]]:
        endpoint, arguments = self._rules.match(request.path, request.method)
        return endpoint, dict(arguments)

    def _permitted(self, request: Request, endpoint: _Endpoint, arguments: dict[str, Any]) -> Response:
        if endpoint.private:
            authenticate(request, self._settings)
            project = arguments.pop("project", None)
            if project is not None:
                authorize_project(request, self._settings, project)
        return endpoint.answer(request, **arguments)


def _rules(project: Project, queries: Queries) -> Iterator[Rule]:
    yield from _public_rules(project)
    account = Account(project)
    for path, answer in (
        ("/api/users/@me/", account.me),
        ("/api/personal_api_keys/@current/", account.key),
        ("/api/projects/", account.projects),
        ("/api/environments/", account.projects),
    ):
        yield Rule(path, endpoint=_Endpoint(answer), methods=_READ)
    for path in _FLAG_DEFINITION_PATHS:
        yield Rule(path, endpoint=_Endpoint(sdk.flag_definitions), methods=_READ)
    paths = list(_project_paths(project, queries))
    for prefix in ("/api/projects/<project>/", "/api/environments/<project>/"):
        yield Rule(prefix, endpoint=_Endpoint(account.project), methods=_READ)
        yield Rule(prefix, endpoint=_Endpoint(account.change), methods=["PATCH"])
        for rest, methods, answer in paths:
            yield Rule(prefix + rest, endpoint=_Endpoint(answer), methods=methods)


def _public_rules(project: Project) -> Iterator[Rule]:
    capture = _Endpoint(Capture(project).take, private=False, any_origin=True)
    for path in _CAPTURE_PATHS:
        yield Rule(path, endpoint=capture, methods=_SEND)
    capture_v1 = _Endpoint(CaptureV1(project).take, private=False, any_origin=True)
    yield Rule(_CAPTURE_V1_PATH, endpoint=capture_v1, methods=["POST", "OPTIONS"])
    recordings = _Endpoint(refuse_recordings, private=False, any_origin=True)
    yield Rule(_RECORDING_PATH, endpoint=recordings, methods=_SEND)
    flags = _Endpoint(sdk.flags, private=False, any_origin=True)
    for path in _FLAG_PATHS:
        yield Rule(path, endpoint=flags, methods=_SEND)
    for path, answer in (("/array/<token>/config", sdk.config), ("/array/<token>/config.js", sdk.config_script)):
        yield Rule(path, endpoint=_Endpoint(answer, private=False, any_origin=True), methods=["GET", "OPTIONS"])
    for path in _HEALTH_PATHS:
        yield Rule(path, endpoint=_Endpoint(sdk.health, private=False), methods=_READ)


def _project_paths(project: Project, queries: Queries) -> Iterator[tuple[str, list[str], Callable[..., Response]]]:
    persons, definitions = Persons(project), Definitions(project)
    yield "query/", ["POST"], queries.create
    yield "query/<kind>/", ["POST"], queries.create
    yield "query/<query_id>/", ["GET"], queries.status
    yield "query/<query_id>/", ["DELETE"], queries.cancel
    yield "persons/", _READ, persons.search
    yield "persons/<person_id>/", _READ, persons.retrieve
    yield "event_definitions/", _READ, definitions.events
    yield "property_definitions/", _READ, definitions.properties
    cohorts = Cohorts(project, persons)
    yield "cohorts/<item_id>/persons/", _READ, cohorts.members
    yield "cohorts/<item_id>/add_persons_to_static_cohort/", ["PATCH", "POST"], cohorts.add
    yield "cohorts/<item_id>/remove_person_from_static_cohort/", ["PATCH", "POST"], cohorts.remove
    for name, endpoints in (("actions", Actions(project)), ("cohorts", cohorts)):
        yield from _saved_paths(name, endpoints)


def _saved_paths(name: str, saved: SavedEndpoints) -> Iterator[tuple[str, list[str], Callable[..., Response]]]:
    yield f"{name}/", _READ, saved.list
    yield f"{name}/", ["POST"], saved.create
    yield f"{name}/<item_id>/", _READ, saved.retrieve
    yield f"{name}/<item_id>/", ["PATCH", "PUT"], saved.update
    yield f"{name}/<item_id>/", ["DELETE"], saved.destroy
