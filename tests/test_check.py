"""What works with the settings at hand, part by part, and what to do about what does not."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import pytest
import requests
from werkzeug.wrappers import Request, Response

import posthog_nb
from posthog_nb import Check, Client
from posthog_nb.connection import Connection
from posthog_nb.embedded.mount import EmbeddedAdapter
from posthog_nb.errors import InvalidInputError
from posthog_nb.settings import resolve

from .embedded import embedded_client
from .serving import serving

if TYPE_CHECKING:
    from pathlib import Path

HOST = "https://analytics.example.com"
KEY, TOKEN = "phx_sesame_key", "phc_sesame_token"
QUERY, SELF, PROJECT = "/api/projects/7/query/", "/api/personal_api_keys/@current/", "/api/projects/7/"
PERSONS, PROJECTS, BATCH, FLAGS, ME = (
    "/api/projects/7/persons/",
    "/api/projects/",
    "/batch/",
    "/flags/",
    "/api/users/@me/",
)


def refused(status: int, code: str, detail: str) -> tuple[int, Any]:
    return status, {"type": "authentication_error", "code": code, "detail": detail, "attr": None}


def lacks(scope: str) -> tuple[int, Any]:
    return refused(403, "permission_denied", f"API key missing required scope '{scope}'")


UNKNOWN_KEY = refused(
    401, "authentication_failed", "Personal API key found in request Authorization header is invalid."
)
NOT_FOUND = (404, {"type": "invalid_request", "code": "not_found", "detail": "Not found.", "attr": None})
WELL: dict[str, tuple[int, Any]] = {
    QUERY: (200, {"results": [[1]], "columns": ["1"], "types": [["1", "UInt8"]], "timezone": "Europe/London"}),
    SELF: (200, {"id": "x", "label": "nb", "scopes": ["*"], "scoped_teams": [], "scoped_organizations": []}),
    PROJECT: (200, {"id": 7, "name": "Web", "timezone": "Europe/London", "api_token": TOKEN}),
    PERSONS: (200, {"results": [], "next": None}),
    PROJECTS: (200, {"results": [{"id": 7, "name": "Web"}, {"id": 8, "name": "App"}], "next": None}),
    BATCH: (400, "Empty batch"),
    FLAGS: (200, {"flags": {}, "errorsWhileComputingFlags": False}),
    ME: refused(401, "not_authenticated", "Authentication credentials were not provided."),
}


@dataclass
class Server:
    """A PostHog that answers by a script, and keeps what it was asked."""

    answers: dict[str, tuple[int, Any]]
    asked: list[tuple[str, str, Any]] = field(default_factory=list)

    def __call__(self, environ: Any, start_response: Any) -> Any:
        request = Request(environ)
        body = request.get_data()
        signed = request.headers.get("Authorization")
        self.asked.append((request.path, signed or "", None if body[:2] == b"\x1f\x8b" else body.decode()))
        assert "sesame" not in request.url
        status, answer = self.answers[request.path]
        if isinstance(answer, Response):
            return answer(environ, start_response)
        if isinstance(answer, str):
            return Response(answer, status)(environ, start_response)
        return Response(json.dumps(answer), status, content_type="application/json")(environ, start_response)

    def client(self, host: str = HOST, **settings: Any) -> Client:
        given = {"project_id": 7, "personal_api_key": KEY, "project_token": TOKEN, **settings}
        resolved = resolve(host, **given, environ={})
        resolved = replace(resolved, ingestion_url=resolved.api_url)  # one script answers for both hosts of the cloud
        return Client(Connection(resolved, version="test", adapter=EmbeddedAdapter(lambda: self)))

    @property
    def paths(self) -> list[str]:
        return [path for path, _, _ in self.asked]


def checked(answers: dict[str, tuple[int, Any]] | None = None, host: str = HOST, **settings: Any) -> Check:
    server = Server(WELL | (answers or {}))
    with server.client(host, **settings) as ph:
        found = ph.check()
    shown = str(found) + repr(found) + found._repr_html_() + repr(found.parts)
    assert "sesame" not in shown
    assert len(server.asked) <= 8
    return found


def states(found: Check) -> dict[str, str]:
    return {part.name: part.state for part in found.parts}


ALL_WELL = {
    "host": "ok",
    "project": "ok",
    "time zone": "ok",
    "read": "ok",
    "scopes": "ok",
    "token": "ok",
    "write": "not tried",
}


def test_all_well() -> None:
    found = checked()
    assert states(found) == ALL_WELL
    assert (found.ok, found.source, found.host) == (True, "analytics.example.com", HOST)
    assert (found.project_id, found.project_name, found.timezone) == (7, "Web", "Europe/London")
    assert (found.scopes, found.missing_scopes, found.event_uuid) == (("*",), (), None)
    assert str(found).startswith("analytics.example.com: all that was tried works\n  ok         host       https://")
    assert found.part("write").advice == "check(write=True) sends an event and looks it up."
    with pytest.raises(KeyError):
        found.part("nothing")


def test_without_write_no_event_is_sent() -> None:
    server = Server(dict(WELL))
    with server.client() as ph:
        ph.check()
    sent = [(path, signed, body) for path, signed, body in server.asked if not path.startswith("/api/")]
    assert [(path, signed, json.loads(body)["batch"]) for path, signed, body in sent] == [(BATCH, "", [])]


def test_looking_a_token_up_evaluates_no_flag_and_stores_nothing() -> None:
    server = Server(WELL | {PROJECT: lacks("project:read")})
    with server.client() as ph:
        ph.check()
    asked = [(signed, json.loads(body)) for path, signed, body in server.asked if path == FLAGS]
    assert asked == [("", {"token": TOKEN, "distinct_id": "posthog-nb-check", "disable_flags": True})]


@pytest.mark.parametrize(
    ("answers", "missing", "states_of"),
    [
        ({SELF: (200, {"scopes": ["query:read", "person:read"]})}, (), {"scopes": "ok"}),
        ({SELF: (200, {"scopes": ["query:write", "person:write"]})}, (), {"scopes": "ok"}),
        ({SELF: (200, {"scopes": ["query:read"]})}, ("person:read",), {"scopes": "not ok", "read": "ok"}),
        ({SELF: (200, {"scopes": []}), QUERY: lacks("query:read")}, ("query:read", "person:read"), {"read": "not ok"}),
        ({SELF: lacks("x:read")}, (), {"scopes": "ok"}),
        ({SELF: NOT_FOUND, PERSONS: lacks("person:read")}, ("person:read",), {"scopes": "not ok"}),
        ({SELF: NOT_FOUND, QUERY: lacks("query:read")}, ("query:read",), {"read": "not ok", "host": "ok"}),
        ({SELF: NOT_FOUND, PERSONS: (500, {})}, (), {"scopes": "not tried"}),
        ({SELF: (200, {"scopes": None})}, (), {"scopes": "ok"}),
        ({SELF: (200, ["nonsense"])}, (), {"scopes": "ok"}),
    ],
)
def test_missing_scopes_are_named_by_the_key_itself_or_by_trying(
    answers: dict[str, tuple[int, Any]], missing: tuple[str, ...], states_of: dict[str, str]
) -> None:
    found = checked(answers)
    assert found.missing_scopes == missing
    assert states_of.items() <= states(found).items()
    for scope in missing:
        assert scope in found.part("scopes").found
    assert found.ok == (not missing)


@pytest.mark.parametrize(
    ("host", "answers", "advice"),
    [
        (HOST, {}, "The project token is known here, so the host is right: the key is mistyped or was revoked."),
        (HOST, {FLAGS: (503, "")}, "belongs to another PostHog"),
        ("eu", {}, "The project token is known here"),
        ("eu", {FLAGS: (401, "invalid")}, 'unknown here as well: they may belong to the other cloud, "us"'),
        ("us", {FLAGS: (401, "invalid")}, 'the other cloud, "eu"'),
        ("us", {FLAGS: (503, "")}, 'or it belongs to the other cloud, "eu"'),
    ],
)
def test_a_wrong_region_is_told_from_a_wrong_key_without_asking_the_other_region(
    host: str, answers: dict[str, tuple[int, Any]], advice: str
) -> None:
    found = checked(dict.fromkeys((QUERY, SELF, PROJECT, PERSONS), UNKNOWN_KEY) | answers, host)
    assert (states(found)["host"], states(found)["read"], states(found)["project"]) == ("ok", "not ok", "not tried")
    assert found.part("read").found.startswith("Personal API key found in request")
    assert advice in (found.part("read").advice or "")


@pytest.mark.parametrize(
    ("answers", "state", "said"),
    [
        ({PROJECT: lacks("project:read")}, "ok", "7 (its name needs the scope project:read)"),
        ({QUERY: NOT_FOUND, PROJECT: NOT_FOUND}, "not ok", f"{HOST} has no project 7 for this key."),
        (
            dict.fromkeys(
                (QUERY, PROJECT),
                refused(403, "permission_denied", "API key does not have access to the requested project: ID 7."),
            ),
            "not ok",
            "API key does not have access to the requested project: ID 7.",
        ),
        (
            {SELF: (200, {"scopes": ["*"], "scoped_teams": [8, 9]})},
            "not ok",
            "The key is limited to project 8, 9, not 7.",
        ),
        ({SELF: (200, {"scopes": ["*"], "scoped_teams": [7]})}, "ok", "7 (Web)"),
        ({QUERY: (503, {}), PROJECT: (503, {})}, "not tried", "7; whether it is there could not be told."),
    ],
)
def test_the_project(answers: dict[str, tuple[int, Any]], state: str, said: str) -> None:
    part = checked(answers).part("project")
    assert (part.state, part.found) == (state, said)
    assert "ph.check()" not in (part.advice or "")


@pytest.mark.parametrize(
    ("answers", "state", "said"),
    [
        ({PROJECT: (200, {"name": "Web", "api_token": "phc_other"})}, "not ok", "It is not the token of project 7."),
        ({PROJECT: lacks("project:read")}, "ok", "It is known here; of which project"),
        ({PROJECT: lacks("project:read"), FLAGS: (401, "invalid")}, "not ok", "It is unknown here."),
        ({PROJECT: lacks("project:read"), FLAGS: (404, "")}, "not tried", "It has the right form"),
    ],
)
def test_the_token_is_compared_with_the_projects_or_looked_up(
    answers: dict[str, tuple[int, Any]], state: str, said: str
) -> None:
    found = checked(answers)
    assert found.part("token").state == state
    assert found.part("token").found.startswith(said)
    assert found.part("write").found == (
        "Nothing was sent with that token." if state == "not ok" else f"{HOST} takes requests."
    )


def test_a_host_that_refuses_events_is_told() -> None:
    part = checked({BATCH: (502, "<html>bad gateway</html>")}).part("write")
    assert (part.state, part.found) == ("not ok", "PostHog answered 502 BAD GATEWAY.")


@pytest.mark.parametrize(
    ("answers", "said"),
    [
        (dict.fromkeys((QUERY, SELF), (404, "<html>no such page</html>")), "not as PostHog does"),
        (dict.fromkeys((QUERY, SELF), (200, "<html>log in</html>")), "but not with JSON"),
        ({QUERY: (200, {"hello": "world"})}, "not as PostHog does"),
        (
            {SELF: (302, Response(status=302, headers={"Location": "https://evil.example/"}))},
            "redirects to https://evil",
        ),
    ],
)
def test_a_host_that_is_no_posthog_is_told_and_asked_no_further(answers: dict[str, tuple[int, Any]], said: str) -> None:
    found = checked(answers)
    assert said in found.part("host").found
    assert [part.name for part in found.parts if part.ok is not None] == ["host"]


def test_a_host_that_cannot_be_reached_is_told() -> None:
    with posthog_nb.connect("http://127.0.0.1:9", project_id=7, personal_api_key=KEY, project_token=TOKEN) as ph:
        found = ph.check()
    assert states(found) == dict.fromkeys(ALL_WELL, "not tried") | {"host": "not ok"}
    assert found.part("host").advice


def test_other_failures_of_a_query_are_told_with_their_next_step() -> None:
    found = checked(
        {QUERY: (402, {"type": "quota", "code": "quota_exceeded", "detail": "Quota used up.", "attr": None})}
    )
    assert (found.part("host").state, found.part("read").state) == ("ok", "not ok")
    assert found.part("read").found == "Quota used up."


# What is missing


def test_without_a_key_the_host_is_still_told() -> None:
    found = checked(personal_api_key=None)
    assert states(found) == dict.fromkeys(ALL_WELL, "not tried") | {"host": "ok", "read": "not ok", "token": "ok"}
    assert f"{HOST}/settings/user-api-keys" in (found.part("read").advice or "")
    assert checked({ME: (404, "<html>")}, personal_api_key=None).part("host").state == "not ok"


def test_without_a_project_id_the_projects_that_the_key_reads_are_named() -> None:
    found = checked(project_id=None)
    assert (found.part("project").state, found.part("host").state) == ("not ok", "ok")
    assert found.part("project").advice == "The key reads: 7 (Web), 8 (App)."
    assert "/project/<id>" in (checked({PROJECTS: lacks("project:read")}, project_id=None).part("project").advice or "")
    assert checked({SELF: UNKNOWN_KEY}, project_id=None).part("read").state == "not ok"
    assert checked({SELF: UNKNOWN_KEY}, project_id=None, personal_api_key="phs_a").part("read").state == "not tried"


def test_without_a_token_reading_is_told_alone() -> None:
    found = checked(project_token=None)
    assert states(found) == ALL_WELL | {"token": "not tried"}
    assert f"{HOST}/settings/project" in (found.part("token").advice or "")
    assert found.ok
    with Server(dict(WELL)).client(project_token=None) as ph:
        assert ph.check(write=True).part("token").state == "not ok"


# With an event


def test_an_event_is_sent_named_and_looked_up() -> None:
    with embedded_client() as ph:
        found = ph.check(write=True, timeout=20)
        assert states(found) == ALL_WELL | {"write": "ok"}
        events = ph.query(
            "SELECT event, distinct_id, toString(uuid), person_id IN (SELECT id FROM persons) FROM events"
        )
    assert [list(row) for row in events.rows] == [["posthog_nb check", "posthog-nb-check", found.event_uuid, False]]


@pytest.fixture
def taken() -> Server:
    """A PostHog that takes every event and never shows one."""
    server = Server(dict(WELL))
    answer = server.__call__

    def take(environ: Any, start_response: Any) -> Any:
        if environ["PATH_INFO"] == BATCH and environ.get("HTTP_CONTENT_ENCODING") == "gzip":
            return Response('{"status":"Ok"}', 200, content_type="application/json")(environ, start_response)
        return answer(environ, start_response)

    server.take = take  # type: ignore[attr-defined]
    return server


def client_of(server: Server) -> Client:
    resolved = resolve(HOST, project_id=7, personal_api_key=KEY, project_token=TOKEN, environ={})
    return Client(Connection(resolved, version="test", adapter=EmbeddedAdapter(lambda: server.take)))  # type: ignore[attr-defined]


def test_an_event_that_does_not_arrive_in_time_is_told_with_its_uuid(taken: Server) -> None:
    taken.answers[QUERY] = (200, {"results": [[0]], "columns": ["n"], "timezone": "UTC"})
    with client_of(taken) as ph:
        found = ph.check(write=True, timeout=1)
    part = found.part("write")
    assert part.state == "not tried"
    assert found.event_uuid is not None
    assert found.event_uuid in part.found
    assert "not found by a query within 1 s" in part.found
    assert "dropped" in (part.advice or "")


def test_an_event_that_nobody_can_look_up_is_told_so(taken: Server) -> None:
    taken.answers[QUERY] = lacks("query:read")
    with client_of(taken) as ph:
        found = ph.check(write=True, timeout=1)
    assert "without reading, nobody can tell whether it arrived" in found.part("write").found


def test_a_refused_event_is_told() -> None:
    server = Server(WELL | {BATCH: (400, "Empty batch")})
    with server.client() as ph:
        part = ph.check(write=True, timeout=1).part("write")
    assert (part.state, part.found) == ("not ok", "Empty batch")


# Embedded projects


def test_the_demo_checks_out_and_says_that_it_is_the_demo(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HOST", "API_KEY", "PERSONAL_API_KEY", "PROJECT_TOKEN", "PROJECT_API_KEY", "PROFILE", "CLI_API_KEY"):
        monkeypatch.delenv(f"POSTHOG_{name}", raising=False)
    with posthog_nb.connect() as ph:
        found = ph.check()
    assert states(found) == ALL_WELL
    assert found.part("host").found == "a made-up product, in this process, since no PostHog is configured"
    assert found.timezone == "UTC"


# What it looks like


def test_everything_in_the_card_is_escaped_and_masked() -> None:
    found = checked({PROJECT: (200, {"name": "<b>phx_abcdefgh</b>", "api_token": TOKEN})})
    html = found._repr_html_()
    assert "&lt;b&gt;phx_...&lt;/b&gt;" in html
    assert "<b>" not in html
    assert found.project_name == "<b>phx_...</b>"


@pytest.mark.parametrize("timeout", [0, -1, "5", True, float("nan"), float("inf"), None])
def test_a_timeout_is_a_number_of_seconds(timeout: Any) -> None:
    with Server({}).client() as ph, pytest.raises(InvalidInputError, match="timeout"):
        ph.check(timeout=timeout)


def test_only_its_own_host_is_ever_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever fails, no request leaves for a host that is not the target's."""

    def no_network(*_: Any, **__: Any) -> Any:
        raise AssertionError("a request to another host")

    monkeypatch.setattr(requests.adapters.HTTPAdapter, "send", no_network)
    for host in ("us", "eu"):
        checked(dict.fromkeys((QUERY, SELF, PROJECT, PERSONS), UNKNOWN_KEY) | {FLAGS: (401, "invalid")}, host)


def test_over_the_network_and_as_a_local_project(tmp_path: Path) -> None:
    with serving(tmp_path) as served:
        remote = {"project_id": served.project_id, "personal_api_key": served.personal_api_key}
        for target, settings in (
            (served.url, {**remote, "project_token": served.project_token}),
            (f"local:{tmp_path}", {}),
        ):
            with posthog_nb.connect(target, **settings) as ph:
                found = ph.check(write=True, timeout=20)
            assert states(found) == ALL_WELL | {"write": "ok"}
            assert served.personal_api_key not in str(found)
            assert served.project_token not in str(found)
