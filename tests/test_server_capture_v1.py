"""The embedded project's capture v1: PostHog's checks in its order, its verdicts, errors and headers."""

from __future__ import annotations

import gzip
import json
import uuid
import zlib
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import posthog
import pytest
from posthog.capture_v1 import CaptureV1Error, _send_v1_batch

from posthog_nb.embedded.project import Project
from posthog_nb.errors import EngineError
from tests.serving import serving
from tests.wire import KEY, TOKEN, URL, Wire, open_wire

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    import requests

PATH = "/i/v1/analytics/events/"
ID = "0190e8a0-0000-7000-8000-000000000001"
NOW = "2026-01-01T00:00:00Z"


@pytest.fixture
def wire() -> Iterator[Wire]:
    wire = open_wire()
    yield wire
    wire.close()


def headers(**changed: str | None) -> dict[str, str]:
    found: dict[str, str | None] = {
        "Authorization": f"Bearer {TOKEN}",
        "Content-Type": "application/json",
        "User-Agent": "test/1",
        "PostHog-Sdk-Info": "posthog-test/1.2.3",
        "PostHog-Attempt": "1",
        "PostHog-Request-Id": ID,
        "PostHog-Request-Timestamp": datetime.now(UTC).isoformat(),
    }
    for name, value in changed.items():
        found[name.replace("_", "-")] = value
    return {name: value for name, value in found.items() if value is not None}


def event(**changed: Any) -> dict[str, Any]:
    found = {"event": "opened", "uuid": ID, "distinct_id": "ann", "timestamp": NOW, "options": {}, "properties": {}}
    return {name: value for name, value in {**found, **changed}.items() if value != "absent"}


def post(wire: Wire, data: bytes, sent: Mapping[str, str] | None = None, path: str = PATH) -> requests.Response:
    return wire.session.post(f"{URL}{path}", data=data, headers=dict(sent if sent is not None else headers()))


def send(wire: Wire, *events: Any, sent: Mapping[str, str] | None = None, **envelope: Any) -> requests.Response:
    body = {"created_at": NOW, "batch": list(events), **envelope}
    return post(wire, json.dumps(body).encode(), sent)


def stored(wire: Wire, columns: str = "event, distinct_id, toString(timestamp)") -> list[list[Any]]:
    return list(wire.ask(f"SELECT {columns} FROM events ORDER BY timestamp, event").json()["results"])


def properties(wire: Wire) -> dict[str, Any]:
    ((text,),) = stored(wire, "properties")
    return dict(json.loads(text))


def said(answer: requests.Response) -> tuple[int, str]:
    assert answer.headers["Content-Type"] == "application/json"
    body = answer.json()
    assert sorted(body) == ["error", "error_description", "error_uri"]
    assert body["error_description"]
    assert body["error_uri"] == "https://posthog.com/docs/api"
    return answer.status_code, body["error"]


# What is well.


@pytest.mark.parametrize("path", [PATH, PATH.rstrip("/")])
def test_an_event_is_taken_with_a_verdict(wire: Wire, path: str) -> None:
    answer = post(wire, json.dumps({"created_at": NOW, "batch": [event()]}).encode(), path=path)
    assert (answer.status_code, answer.json()) == (200, {"results": {ID: {"result": "ok"}}})
    assert answer.headers["PostHog-Request-Id"] == ID
    assert "Retry-After" not in answer.headers
    assert [row[:2] for row in stored(wire)] == [["opened", "ann"]]


def test_properties_are_made_of_the_event_s_parts_its_options_and_the_library(wire: Wire) -> None:
    options = {
        "cookieless_mode": "1",
        "disable_skew_correction": True,
        "product_tour_id": 17,
        "process_person_profile": 0,
        "tomorrow": [],
    }
    parts = {"session_id": "s", "window_id": None, "options": options, "properties": {"a": 1, "$lib": "mine"}}
    assert send(wire, event(**parts)).json()["results"][ID] == {"result": "ok"}
    assert properties(wire) == {
        "a": 1,
        "$session_id": "s",
        "$cookieless_mode": True,
        "$ignore_sent_at": True,
        "$product_tour_id": "17",
        "$process_person_profile": False,
        "$lib": "posthog-test",
        "$lib_version": "1.2.3",
    }


@pytest.mark.parametrize("info", ["nothing", "/1", "name/", "x" * 199 + "/1"])
def test_a_library_that_cannot_be_read_is_left_out(wire: Wire, info: str) -> None:
    assert send(wire, event(), sent=headers(PostHog_Sdk_Info=info)).status_code == 200
    assert "$lib" not in properties(wire)


@pytest.mark.parametrize(
    ("encoding", "packed"),
    [
        ("gzip", gzip.compress),
        ("GZIP", gzip.compress),
        ("deflate", zlib.compress),
        ("deflate", lambda data: zlib.compress(data)[2:-4]),
    ],
    ids=["gzip", "in capitals", "zlib", "raw deflate"],
)
def test_a_packed_body_is_taken(wire: Wire, encoding: str, packed: Any) -> None:
    data = packed(json.dumps({"created_at": NOW, "batch": [event()]}).encode())
    assert post(wire, data, headers(Content_Encoding=encoding)).status_code == 200
    assert len(stored(wire)) == 1


def test_the_sender_s_clock_is_put_right_unless_it_asks_not_to(wire: Wire) -> None:
    early = (datetime.now(UTC) - timedelta(hours=1)).isoformat()
    other = str(uuid.UUID(int=2))
    send(
        wire,
        event(event="moved"),
        event(event="left", uuid=other, options={"disable_skew_correction": True}),
        sent=headers(PostHog_Request_Timestamp=early),
    )
    times = {row[0]: datetime.fromisoformat(row[2]).replace(tzinfo=UTC) for row in stored(wire)}
    given = datetime.fromisoformat(NOW)
    assert times["left"] == given
    assert timedelta(minutes=59) < times["moved"] - given < timedelta(minutes=61)


def test_a_time_far_ahead_is_now(wire: Wire) -> None:
    send(wire, event(timestamp=(datetime.now(UTC) + timedelta(days=2)).isoformat()))
    assert datetime.fromisoformat(stored(wire)[0][2]).replace(tzinfo=UTC) < datetime.now(UTC) + timedelta(minutes=1)


@pytest.mark.parametrize("distinct_id", ["user", "System", " backend ", "NaN", "null", str(uuid.UUID(int=0)), "guest"])
def test_an_id_that_stands_for_many_gets_no_person(wire: Wire, distinct_id: str) -> None:
    answer = send(wire, event(distinct_id=distinct_id, properties={"$set": {"a": 1}}))
    assert answer.json()["results"][ID] == {"result": "ok", "details": "person_processing_disabled"}
    assert wire.ask("SELECT count() FROM persons").json()["results"] == [[0]]
    assert stored(wire)[0][1] == distinct_id.strip()


def test_a_uuid_that_comes_twice_is_stored_once(wire: Wire) -> None:
    assert [send(wire, event()).status_code, send(wire, event()).status_code] == [200, 200]
    assert len(stored(wire)) == 1


def test_events_with_another_projects_token_are_answered_alike_and_vanish(
    wire: Wire, caplog: pytest.LogCaptureFixture
) -> None:
    answer = send(wire, event(), sent=headers(Authorization="bearer   phc_somebody_elses "))
    assert answer.json() == {"results": {ID: {"result": "ok"}}}
    assert stored(wire) == []
    assert "not this project's" in caplog.text
    assert "somebody" not in caplog.text


# What is wrong with one event drops that one.


@pytest.mark.parametrize(
    ("changed", "tag"),
    [
        ({"event": ""}, "missing_event_name"),
        ({"event": "é" * 101}, "event_name_too_long"),
        ({"event": "$performance_event"}, "dropped_performance_event"),
        ({"distinct_id": "  "}, "missing_distinct_id"),
        ({"distinct_id": "é" * 101}, "distinct_id_too_large"),
        ({"timestamp": "yesterday"}, "invalid_event_timestamp"),
        ({"timestamp": "2026-01-01T00:00:00"}, "invalid_event_timestamp"),
        ({"timestamp": "2026-01-01"}, "invalid_event_timestamp"),
        ({"properties": [1]}, "malformed_event_properties"),
        ({"properties": None}, "malformed_event_properties"),
        ({"options": [1]}, "invalid_options"),
        ({"options": {"process_person_profile": "perhaps"}}, "invalid_options"),
        ({"options": {"cookieless_mode": []}}, "invalid_options"),
        ({"options": {"product_tour_id": 1.5}}, "invalid_options"),
    ],
)
def test_a_bad_event_is_dropped_with_its_tag_and_the_others_are_taken(
    wire: Wire, changed: dict[str, Any], tag: str
) -> None:
    other = str(uuid.UUID(int=2))
    answer = send(wire, event(**changed), event(uuid=other, event="good"))
    assert answer.status_code == 200
    assert answer.json() == {"results": {ID: {"result": "drop", "details": tag}, other: {"result": "ok"}}}
    assert [row[0] for row in stored(wire)] == ["good"]


def test_events_that_cannot_be_stored_are_to_be_sent_again(
    wire: Wire, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def full(*_: object, **__: object) -> None:
        raise EngineError("no space left", name="NOT_ENOUGH_SPACE")

    other = str(uuid.UUID(int=2))
    with monkeypatch.context() as patched:
        patched.setattr(Project, "capture", full)
        answer = send(wire, event(), event(uuid=other, event=""))
    assert (answer.status_code, answer.headers["Retry-After"]) == (200, "1")
    assert answer.json()["results"] == {
        ID: {"result": "retry", "details": "not_persisted"},
        other: {"result": "drop", "details": "missing_event_name"},
    }
    assert "could not be stored" in caplog.text
    assert send(wire, event()).json()["results"][ID] == {"result": "ok"}


# What is wrong with the request refuses it.


@pytest.mark.parametrize(
    ("changed", "status", "tag"),
    [
        ({"Authorization": None}, 401, "missing_authorization"),
        ({"Authorization": "Basic abc"}, 400, "invalid_header_value"),
        ({"Authorization": f"Bearer {KEY}"}, 401, "invalid_api_token"),
        ({"Authorization": "Bearer " + "x" * 65}, 401, "invalid_api_token"),
        ({"PostHog_Sdk_Info": None}, 400, "missing_required_headers"),
        ({"PostHog_Attempt": None}, 400, "missing_required_headers"),
        ({"PostHog_Request_Id": None}, 400, "missing_required_headers"),
        ({"PostHog_Request_Timestamp": None}, 400, "missing_required_headers"),
        ({"Content_Type": None}, 400, "missing_required_headers"),
        ({"PostHog_Attempt": "0"}, 400, "invalid_header_value"),
        ({"PostHog_Attempt": "one"}, 400, "invalid_header_value"),
        ({"PostHog_Request_Id": "17"}, 400, "invalid_header_value"),
        ({"PostHog_Request_Timestamp": "now"}, 400, "invalid_header_value"),
        ({"Content_Type": "text/plain"}, 415, "unsupported_content_type"),
        ({"Content_Encoding": "lz4"}, 415, "unsupported_encoding"),
        ({"Content_Encoding": "br"}, 415, "unsupported_encoding"),
        ({"Content_Encoding": "gzip"}, 400, "request_decoding_error"),
        ({"Content_Encoding": "deflate"}, 400, "request_decoding_error"),
    ],
)
def test_a_wrong_header_refuses_the_request(wire: Wire, changed: dict[str, str | None], status: int, tag: str) -> None:
    answer = send(wire, event(), sent=headers(**changed))
    assert said(answer) == (status, tag)
    assert "Retry-After" not in answer.headers
    assert stored(wire) == []


def test_all_missing_headers_are_named(wire: Wire) -> None:
    answer = send(wire, event(), sent={"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"})
    assert 'PostHog-Sdk-Info", "PostHog-Attempt", "PostHog-Request-Id"' in answer.json()["error_description"]


@pytest.mark.parametrize(
    ("body", "status", "tag"),
    [
        (b"", 400, "empty_body"),
        (b"{", 400, "request_parsing_error"),
        (b"[]", 400, "request_parsing_error"),
        ({"batch": [event()]}, 400, "request_parsing_error"),
        ({"created_at": NOW}, 400, "request_parsing_error"),
        ({"created_at": NOW, "batch": [event()], "historical_migration": "yes"}, 400, "request_parsing_error"),
        ({"created_at": NOW, "batch": [17]}, 400, "request_parsing_error"),
        ({"created_at": NOW, "batch": [event(uuid="absent")]}, 400, "request_parsing_error"),
        ({"created_at": NOW, "batch": [event(distinct_id=17)]}, 400, "request_parsing_error"),
        ({"created_at": NOW, "batch": [event(session_id=17)]}, 400, "request_parsing_error"),
        ({"created_at": NOW, "batch": []}, 400, "empty_batch"),
        ({"created_at": "today", "batch": [event()]}, 400, "invalid_batch"),
        ({"created_at": NOW, "batch": [event(uuid=" ")]}, 400, "missing_event_uuid"),
        ({"created_at": NOW, "batch": [event(uuid="17")]}, 400, "invalid_event_uuid"),
        ({"created_at": NOW, "batch": [event(), event(uuid=ID.upper())]}, 400, "duplicate_event_uuid"),
        (b" " * (10 * 1024 * 1024 + 1), 413, "payload_too_large"),
    ],
)
def test_a_wrong_body_refuses_the_request(wire: Wire, body: Any, status: int, tag: str) -> None:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    answer = post(wire, data)
    assert said(answer) == (status, tag)
    assert answer.headers["PostHog-Request-Id"] == ID
    assert stored(wire) == []


def test_a_body_that_is_too_large_when_unpacked_is_refused(wire: Wire) -> None:
    packed = gzip.compress(b" " * (50 * 1024 * 1024 + 1))
    assert said(post(wire, packed, headers(Content_Encoding="gzip"))) == (413, "payload_too_large")


@pytest.mark.parametrize("method", ["GET", "PUT"])
def test_only_post_is_answered(wire: Wire, method: str) -> None:
    assert wire.request(method, PATH, key=None).status_code == 405


# PostHog's own SDK.


def test_the_python_sdk_s_own_sender_is_content_with_the_project_in_this_process(wire: Wire) -> None:
    batch = [
        {"event": f"e{number}", "uuid": str(uuid.UUID(int=number + 1)), "distinct_id": "ann", "properties": {"n": 1}}
        for number in range(3)
    ]
    _send_v1_batch(TOKEN, URL, batch, session=wire.session, historical_migration=True)
    assert [row[0] for row in stored(wire)] == ["e0", "e1", "e2"]
    with pytest.raises(CaptureV1Error, match="dropped by the server") as caught:
        _send_v1_batch(TOKEN, URL, [{**batch[0], "event": ""}], session=wire.session)
    assert caught.value.drops == [(batch[0]["uuid"], "missing_event_name")]


@pytest.mark.slow
@pytest.mark.parametrize("compression", ["gzip", "deflate", "none"])
def test_the_python_sdk_in_v1_mode_works_with_a_served_project(tmp_path: Path, compression: str) -> None:
    failures: list[object] = []
    with serving(tmp_path / "store") as served:
        client = posthog.Posthog(
            served.project_token,
            host=served.url,
            capture_mode="v1",
            capture_compression=compression,
            on_error=lambda error, _batch: failures.append(error),
        )
        client.capture("opened", distinct_id="v1-anon", properties={"amount": 9.5})
        client.capture(
            "$identify",
            distinct_id="v1-user",
            properties={"$anon_distinct_id": "v1-anon", "$set": {"email": "v1@example.com"}},
        )
        client.set_once(distinct_id="v1-user", properties={"first_seen": "in spring"})
        client.alias(previous_id="v1-user", distinct_id="v1-phone")
        for number in range(250):
            client.capture("bulk", distinct_id="v1-user", properties={"n": number})
        client.shutdown()
        assert failures == []
        import posthog_nb  # noqa: PLC0415 - after the SDK, whose package has nearly the same name

        with posthog_nb.connect(
            served.url, project_id=served.project_id, personal_api_key=served.personal_api_key
        ) as ph:
            (row,) = ph.query(
                "SELECT count(), uniq(person_id), uniqIf(properties.n, event = 'bulk'), any(properties.$lib)"
                " FROM events"
            ).rows
            assert row == [254, 1, 250, "posthog-python"]
            people = ph.query("SELECT properties.email, properties.first_seen FROM persons").rows
            assert people == [["v1@example.com", "in spring"]]
