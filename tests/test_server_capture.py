"""The paths that SDKs send to."""

from __future__ import annotations

import base64
import gzip
import json
import logging
from typing import TYPE_CHECKING

import pytest

from posthog_nb.embedded.project import Project
from posthog_nb.errors import EngineError
from tests.wire import KEY, TOKEN, Wire, open_wire

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def wire() -> Iterator[Wire]:
    wire = open_wire()
    yield wire
    wire.close()


def names(wire: Wire) -> list[str]:
    return [row[0] for row in wire.ask("SELECT event FROM events ORDER BY event").json()["results"]]


EVENT = {"api_key": TOKEN, "event": "opened", "distinct_id": "anna"}


@pytest.mark.parametrize(
    "path",
    ["/i/v0/e/", "/e/", "/e", "/capture/", "/track/", "/batch", "/batch/", "/engage/", "/i/v0/ai/batch/"],
)
def test_every_capture_path_takes_an_event_and_says_ok(wire: Wire, path: str) -> None:
    answer = wire.request("POST", path, key=None, json=EVENT)
    assert (answer.status_code, answer.text) == (200, '{"status":"Ok"}')
    assert names(wire) == ["opened"]


@pytest.mark.parametrize(
    ("query", "event"),
    [
        ("?_=999999999999999", {}),
        ("", {"timestamp": 10**400}),
        ("", {"sent_at": 10**400}),
        ("", {"offset": 10**400}),
        ("", {"properties": {"n": 10**400}}),
    ],
)
def test_a_number_beyond_every_clock_costs_no_event(wire: Wire, query: str, event: dict[str, object]) -> None:
    assert wire.request("POST", f"/e/{query}", key=None, json={**EVENT, **event}).status_code == 200
    assert names(wire) == ["opened"]


@pytest.mark.parametrize("path", ["/s/", "/s"])
@pytest.mark.parametrize("body", [b"", b"{", json.dumps([{**EVENT, "event": "$snapshot"}]).encode()])
def test_recordings_are_refused_in_the_way_that_makes_sdks_stop(wire: Wire, path: str, body: bytes) -> None:
    answer = wire.request("POST", path, key=None, data=body, headers={"Origin": "https://shop.example"})
    assert (answer.status_code, answer.json()) == (200, {"status": "Ok", "quota_limited": ["recordings"]})
    assert answer.headers["Access-Control-Allow-Origin"] == "https://shop.example"
    assert wire.request("POST", f"{path}?beacon=1", key=None, data=body).status_code == 204
    assert names(wire) == []


@pytest.mark.parametrize("path", ["/i/v0/ai", "/i/v0/ai/otel", "/i/v1/ai/events/"])
def test_a_capture_path_that_is_not_answered_is_a_404(wire: Wire, path: str) -> None:
    assert wire.request("POST", path, key=None, json=EVENT).status_code == 404


def test_an_event_may_come_in_the_query_string(wire: Wire) -> None:
    data = base64.b64encode(json.dumps(EVENT).encode()).decode()
    assert wire.get("/e/", key=None, params={"data": data, "compression": "base64"}).status_code == 200
    assert names(wire) == ["opened"]


@pytest.mark.parametrize("headers", [{"Content-Encoding": "gzip"}, {}, {"Content-Type": "text/plain"}])
def test_gzip_is_taken_with_and_without_its_header(wire: Wire, headers: dict[str, str]) -> None:
    answer = wire.request("POST", "/e/", key=None, data=gzip.compress(json.dumps(EVENT).encode()), headers=headers)
    assert answer.status_code == 200
    assert names(wire) == ["opened"]


def test_a_form_post_carries_the_event_in_its_data_field(wire: Wire) -> None:
    data = base64.b64encode(json.dumps(EVENT).encode()).decode()
    assert wire.request("POST", "/e/?compression=base64", key=None, data={"data": data}).status_code == 200
    assert names(wire) == ["opened"]


def test_base64_of_gzip_is_taken_in_a_form_a_body_and_a_query_string(wire: Wire) -> None:
    data = base64.b64encode(gzip.compress(json.dumps(EVENT).encode())).decode()
    form = {"data": data, "compression": "gzip-js"}
    assert wire.request("POST", "/e/", key=None, data=form).status_code == 200
    assert wire.request("POST", "/e/?compression=gzip-js", key=None, data=data).status_code == 200
    assert wire.get("/e/", key=None, params=form).status_code == 200
    assert names(wire) == ["opened"] * 3


def test_a_beacon_gets_an_empty_answer(wire: Wire) -> None:
    answer = wire.request("POST", "/e/?beacon=1", key=None, json=EVENT)
    assert (answer.status_code, answer.text) == (204, "")


def test_the_same_uuid_sent_twice_is_stored_once(wire: Wire) -> None:
    event = {"event": "paid", "distinct_id": "anna", "uuid": "0190e8a0-0000-7000-8000-000000000001"}
    assert [wire.send(event).status_code, wire.send(event).status_code] == [200, 200]
    assert names(wire) == ["paid"]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"{", 400),
        (b"", 400),
        (b"[]", 400),
        (json.dumps({"api_key": TOKEN, "batch": []}).encode(), 400),
        (json.dumps({"api_key": TOKEN, "distinct_id": "anna"}).encode(), 400),
        (json.dumps({"api_key": TOKEN, "event": "opened"}).encode(), 400),
        (json.dumps({"event": "opened", "distinct_id": "anna"}).encode(), 401),
        (json.dumps({**EVENT, "api_key": KEY}).encode(), 401),
        (b"\x1f\x8bbroken", 400),
        (b"x" * (20 * 1024 * 1024 + 1), 413),
    ],
)
def test_what_cannot_be_taken_is_refused_in_plain_text(wire: Wire, body: bytes, status: int) -> None:
    answer = wire.request("POST", "/batch/", key=None, data=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == status
    assert answer.headers["Content-Type"].startswith("text/plain")
    assert answer.text
    assert names(wire) == []


def test_one_bad_event_refuses_its_whole_batch(wire: Wire) -> None:
    assert wire.send({"event": "good", "distinct_id": "anna"}, {"event": "bad"}).status_code == 400
    assert names(wire) == []


def test_events_that_cannot_be_stored_are_to_be_sent_again_and_why_is_named(
    wire: Wire, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def full(*_: object, **__: object) -> None:
        raise EngineError("Cannot reserve 1.00 MiB in /home/ann.", name="NOT_ENOUGH_SPACE")

    with monkeypatch.context() as patched:
        patched.setattr(Project, "capture", full)
        answer = wire.send(EVENT)
    assert (answer.status_code, answer.text) == (503, "events could not be stored (NOT_ENOUGH_SPACE), try again")
    assert "/home/ann" in caplog.text
    assert wire.send(EVENT).status_code == 200


def test_events_with_another_projects_token_vanish_and_the_log_tells(
    wire: Wire, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, "posthog_nb.embedded"):
        answer = wire.request("POST", "/e/", key=None, json={**EVENT, "api_key": "phc_other_token"})
    assert (answer.status_code, answer.text) == (200, '{"status":"Ok"}')
    assert names(wire) == []
    assert "not this project's" in caplog.text
    assert "phc_other_token" not in caplog.text


@pytest.mark.parametrize(
    ("token", "shown"),
    [
        ("phc_other_token", "a token of 15 characters that begins with 'phc_'"),
        ("hunter2 and more", "a token of 16 characters that begins with 'hunt'"),
        ("a\nb\rERROR it all", "a token of 16 characters that begins with 'a\\nb\\r'"),
    ],
)
def test_the_log_has_the_beginning_of_a_foreign_token_and_its_length(
    wire: Wire, caplog: pytest.LogCaptureFixture, token: str, shown: str
) -> None:
    with caplog.at_level(logging.WARNING, "posthog_nb.embedded"):
        wire.request("POST", "/e/", key=None, json={**EVENT, "api_key": token})
    (said,) = caplog.messages
    assert shown in said
    assert token[4:] not in said


@pytest.mark.parametrize("path", ["/e/", "/batch/", "/i/v0/ai/batch/", "/s/", "/flags/", f"/array/{TOKEN}/config"])
def test_a_page_of_any_origin_may_send(wire: Wire, path: str) -> None:
    origin = {"Origin": "https://shop.example"}
    asked = {**origin, "Access-Control-Request-Headers": "content-type"}
    preflight = wire.request("OPTIONS", path, key=None, headers=asked)
    assert preflight.status_code == 200
    assert preflight.headers["Access-Control-Allow-Origin"] == "https://shop.example"
    assert preflight.headers["Access-Control-Allow-Headers"] == "content-type"
    refused = wire.request("POST", "/e/", key=None, data=b"{", headers=origin)
    assert refused.headers["Access-Control-Allow-Origin"] == "https://shop.example"


def test_pages_of_other_origins_may_not_read_the_private_api(wire: Wire) -> None:
    answer = wire.get("/api/projects/1/", headers={"Origin": "https://shop.example"})
    assert "Access-Control-Allow-Origin" not in answer.headers


@pytest.mark.parametrize("path", ["/flags/?v=2", "/flags?v=4", "/decide/?v=3"])
def test_there_are_no_feature_flags(wire: Wire, path: str) -> None:
    answer = wire.request("POST", path, key=None, json={"token": TOKEN, "distinct_id": "anna"}).json()
    assert (answer["flags"], answer["featureFlags"], answer["errorsWhileComputingFlags"]) == ({}, {}, False)


def test_the_browser_sdk_finds_its_configuration(wire: Wire) -> None:
    config = wire.get(f"/array/{TOKEN}/config", key=None).json()
    assert config["analytics"] == {"endpoint": "/i/v0/e/"}
    script = wire.get("/array/phc_%3Cscript%3E/config.js", key=None)
    assert script.headers["Content-Type"].startswith("application/javascript")
    assert "<script>" not in script.text
