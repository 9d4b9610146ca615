"""Who may ask what, and what is said to everybody else."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.wire import KEY, TOKEN, Wire, open_wire

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="module")
def wire() -> Iterator[Wire]:
    wire = open_wire(timezone="Europe/London")
    yield wire
    wire.close()


PRIVATE = [
    "/api/users/@me/",
    "/api/personal_api_keys/@current/",
    "/api/projects/",
    "/api/projects/@current/",
    "/api/projects/1/persons/",
    "/api/environments/1/event_definitions",
    "/api/projects/1/property_definitions/",
    "/api/projects/1/query/some-id/",
]


@pytest.mark.parametrize("path", PRIVATE)
def test_without_a_key_nothing_private_is_answered(wire: Wire, path: str) -> None:
    answer = wire.get(path, key=None)
    assert answer.status_code == 401
    assert answer.json()["code"] == "not_authenticated"
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")


@pytest.mark.parametrize("key", ["phx_other", TOKEN, "é"])
def test_an_unknown_key_is_a_401_that_says_so(wire: Wire, key: str) -> None:
    answer = wire.get("/api/projects/1/", key=None, headers={"Authorization": f"Bearer {key}".encode()})
    assert answer.status_code == 401
    assert answer.json() == {
        "type": "authentication_error",
        "code": "authentication_failed",
        "detail": "Personal API key found in request Authorization header is invalid.",
        "attr": None,
    }


@pytest.mark.parametrize("project", ["1", "@current"])
@pytest.mark.parametrize("form", ["projects", "environments"])
@pytest.mark.parametrize("slash", ["", "/"])
def test_the_project_answers_by_number_and_as_current_with_and_without_a_slash(
    wire: Wire, form: str, project: str, slash: str
) -> None:
    answer = wire.get(f"/api/{form}/{project}{slash}").json()
    assert (answer["id"], answer["api_token"], answer["timezone"]) == (1, TOKEN, "Europe/London")


@pytest.mark.parametrize(
    ("project", "status", "code"),
    [
        ("2", 403, "permission_denied"),
        ("0", 403, "permission_denied"),
        ("x", 404, "not_found"),
        ("²", 404, "not_found"),
    ],
)
def test_another_project_is_refused(wire: Wire, project: str, status: int, code: str) -> None:
    answer = wire.get(f"/api/projects/{project}/persons/")
    assert (answer.status_code, answer.json()["code"]) == (status, code)


def test_a_project_token_in_the_query_string_names_the_project(wire: Wire) -> None:
    assert wire.get("/api/projects/77/", params={"token": TOKEN}).json()["id"] == 1
    assert wire.get("/api/projects/1/", params={"token": "phc_other"}).status_code == 401


def test_who_am_i_names_the_project_and_never_the_key(wire: Wire) -> None:
    me = wire.get("/api/users/@me/")
    key = wire.get("/api/personal_api_keys/@current")
    assert me.json()["team"]["id"] == 1
    assert key.json()["scopes"] == ["*"]
    assert KEY not in me.text + key.text


def test_the_list_of_projects_has_the_one(wire: Wire) -> None:
    assert [one["id"] for one in wire.get("/api/projects?limit=100").json()["results"]] == [1]


def test_an_unknown_path_is_a_404_in_posthogs_shape_below_api_and_text_elsewhere(wire: Wire) -> None:
    assert wire.get("/api/nothing/").json()["code"] == "not_found"
    assert wire.get("/nothing").headers["Content-Type"].startswith("text/plain")


def test_a_wrong_method_is_a_405(wire: Wire) -> None:
    answer = wire.get("/api/projects/1/query/x/y")
    assert answer.status_code == 404
    answer = wire.request("DELETE", "/api/projects/1/persons/")
    assert (answer.status_code, answer.json()["code"]) == (405, "method_not_allowed")


@pytest.mark.parametrize("path", ["/", "/_readiness", "/_liveness"])
def test_health_needs_no_key(wire: Wire, path: str) -> None:
    assert wire.get(path, key=None).status_code == 200
