"""Capture v1: what goes out, and what is made of each verdict."""

from __future__ import annotations

import pprint
import re
import traceback
import uuid
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from werkzeug import Response

from posthog_nb.connection import capture_mode_of
from posthog_nb.errors import (
    CaptureRefusedError,
    ConfigurationError,
    InvalidInputError,
    RateLimitedError,
    ServerError,
    TransportError,
)
from posthog_nb.operations.capture_v1 import REASONS, pause
from tests.capture_server import CaptureServer

if TYPE_CHECKING:
    from pytest_httpserver import HTTPServer

    from posthog_nb.client import Client
    from posthog_nb.operations.report import CaptureReport

MANY = [{"event": f"e{number}", "distinct_id": "u"} for number in range(4)]


@pytest.fixture
def capture(httpserver: HTTPServer, monkeypatch: pytest.MonkeyPatch) -> CaptureServer:
    monkeypatch.setattr("posthog_nb.operations.capture_v1.pause", lambda _attempt, _asked: 0.01)
    return CaptureServer(httpserver)


@pytest.fixture
def ph(capture: CaptureServer) -> Client:
    return capture.client("v1")


def by_name(verdicts: dict[str, Any], *, after: dict[str, Any] | None = None) -> Any:
    """Verdicts by the event's name; ``after`` are those of the second request and all that follow."""

    def results(request: int, events: list[dict[str, Any]]) -> dict[str, Any]:
        chosen = verdicts if request == 1 or after is None else after
        return {event["uuid"]: chosen.get(event["event"], {"result": "ok"}) for event in events}

    return results


def statuses(report: CaptureReport) -> dict[str, str]:
    frame = report.to_frame("polars")
    return dict(zip(frame["event"], frame["status"], strict=True))


# The mode.


@pytest.mark.parametrize(
    ("given", "variable", "mode"),
    [
        (None, None, "v0"),
        (None, "v1", "v1"),
        (None, " Analytics_V1 ", "v1"),
        (None, "", "v0"),
        ("v0", "v1", "v0"),
        ("v1", None, "v1"),
        ("legacy", "v1", "v0"),
    ],
)
def test_the_mode_is_given_or_the_environment_s_or_v0(
    given: str | None, variable: str | None, mode: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("POSTHOG_CAPTURE_MODE", raising=False)
    if variable is not None:
        monkeypatch.setenv("POSTHOG_CAPTURE_MODE", variable)
    assert capture_mode_of(given) == mode


@pytest.mark.parametrize(
    ("given", "variable", "name"), [("v2", "v1", "capture_mode"), (None, "2", "POSTHOG_CAPTURE_MODE")]
)
def test_an_unknown_mode_is_told(given: str | None, variable: str, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POSTHOG_CAPTURE_MODE", variable)
    with pytest.raises(ConfigurationError, match=f"{name} is"):
        capture_mode_of(given)


# The wire.


def test_the_headers_are_those_that_v1_requires(ph: Client, capture: CaptureServer) -> None:
    ph.capture("e", "u")
    (sent,) = capture.sent
    assert sent.headers["Authorization"] == "Bearer phc_test"
    assert sent.headers["Content-Type"] == "application/json"
    assert sent.headers["Content-Encoding"] == "gzip"
    assert re.fullmatch(r"posthog-nb/.+", sent.headers["Posthog-Sdk-Info"])
    assert sent.headers["User-Agent"]
    assert sent.headers["Posthog-Attempt"] == "1"
    assert uuid.UUID(sent.headers["Posthog-Request-Id"])
    told = datetime.fromisoformat(sent.headers["Posthog-Request-Timestamp"])
    assert abs(datetime.now(UTC) - told) < timedelta(seconds=10)


def test_the_body_has_no_token_and_each_event_is_whole(ph: Client, capture: CaptureServer) -> None:
    receipt = ph.capture(
        "e",
        "u",
        {"plan": "pro", "$set": {"a": 1}, "$session_id": "s", "$window_id": "w", "$process_person_profile": False},
        timestamp="2026-01-01T00:00:00+05:30",
    )
    body = capture.sent[0].body
    assert sorted(body) == ["batch", "created_at"]
    assert datetime.fromisoformat(body["created_at"]).tzinfo is not None
    assert body["batch"] == [
        {
            "event": "e",
            "uuid": receipt.uuid,
            "distinct_id": "u",
            "timestamp": "2025-12-31T18:30:00+00:00",
            "session_id": "s",
            "window_id": "w",
            "options": {"disable_skew_correction": True, "process_person_profile": False},
            "properties": {"$geoip_disable": True, "plan": "pro", "$set": {"a": 1}},
        }
    ]
    assert (receipt.status, receipt.result) == (200, "ok")


def test_a_value_of_another_type_than_an_option_s_stays_a_property(ph: Client, capture: CaptureServer) -> None:
    ph.capture("e", "u", {"$session_id": 5, "$cookieless_mode": "yes"})
    (event,) = capture.stored
    assert (event["properties"]["$session_id"], event["properties"]["$cookieless_mode"]) == (5, "yes")
    assert event["options"] == {"disable_skew_correction": True}


def test_a_migration_says_so(ph: Client, capture: CaptureServer) -> None:
    ph.capture_many(MANY, historical_migration=True)
    assert capture.sent[0].body["historical_migration"] is True


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda ph: ph.capture("é" * 101, "u"), "event has 202 bytes; capture v1 takes up to 200"),
        (lambda ph: ph.capture("e", "é" * 101), "distinct_id has 202 bytes"),
        (lambda ph: ph.identify("system"), "would be lost"),
        (lambda ph: ph.capture("$groupidentify", "Backend"), "would be lost"),
    ],
)
def test_what_v1_would_drop_is_refused_before_it_is_sent(
    ph: Client, capture: CaptureServer, call: Any, said: str
) -> None:
    with pytest.raises(InvalidInputError, match=said):
        call(ph)
    assert capture.sent == []


# Verdicts.


def test_a_warning_is_taken_and_says_why(ph: Client, capture: CaptureServer) -> None:
    capture.results = by_name({"e": {"result": "warning", "details": "person_processing_disabled"}})
    receipt = ph.capture("e", "u")
    assert receipt.result == "warning"
    assert receipt.remarks[0].startswith("person_processing_disabled: taken without a person")
    assert "warning" in receipt._repr_html_()


@pytest.mark.parametrize("tag", [*REASONS, "a_tag_of_tomorrow"])
def test_a_dropped_event_is_no_success_and_is_not_lost(ph: Client, capture: CaptureServer, tag: str) -> None:
    capture.results = by_name({"e": {"result": "drop", "details": tag}}, after={})
    with pytest.raises(CaptureRefusedError, match=tag) as caught:
        ph.capture("e", "u")
    assert (caught.value.status, caught.value.code) == (200, tag)
    assert len(capture.sent) == 1
    assert ph.resend(caught.value.unsent).uuid == caught.value.unsent.uuid


def test_only_events_marked_retry_are_sent_again_as_the_same_request(ph: Client, capture: CaptureServer) -> None:
    again = {"result": "retry", "details": "not_persisted"}
    capture.results = by_name(
        {"e1": again, "e2": {"result": "drop", "details": "event_too_big"}, "e3": again}, after={"e3": again}
    )
    with pytest.raises(ServerError, match=r"could not take 1 event\(s\), asked 4 times \(not_persisted\)") as caught:
        ph.capture_many(MANY)
    first, *later = capture.sent
    assert [[event["event"] for event in sent.events] for sent in capture.sent] == [
        ["e0", "e1", "e2", "e3"],
        ["e1", "e3"],
        ["e3"],
        ["e3"],
    ]
    assert [sent.headers["Posthog-Attempt"] for sent in capture.sent] == ["1", "2", "3", "4"]
    assert {sent.headers["Posthog-Request-Id"] for sent in later} == {first.headers["Posthog-Request-Id"]}
    assert {sent.body["created_at"] for sent in later} == {first.body["created_at"]}
    assert len({sent.headers["Posthog-Request-Timestamp"] for sent in capture.sent}) == 4
    assert later[0].events == [first.events[1], first.events[3]]
    report = caught.value.report
    assert statuses(report) == {"e0": "sent", "e1": "sent", "e2": "dropped", "e3": "refused"}
    assert report.problems[0].startswith("row 2: 'e2' of 'u' is dropped (event_too_big: the event is too large")
    capture.results = None
    capture.sent.clear()
    assert ph.capture_many(MANY, resume=report).complete
    assert [event["event"] for event in capture.stored] == ["e2", "e3"]


def test_dropped_events_are_reported_and_warned_of(ph: Client, capture: CaptureServer) -> None:
    capture.results = by_name({"e1": {"result": "drop", "details": "billing_limit_exceeded"}})
    with pytest.warns(UserWarning, match=r"dropped 1 of 4 events; report\.problems"):
        report = ph.capture_many(MANY)
    assert (report.counts, report.complete) == ({"sent": 3, "dropped": 1}, False)


def test_two_requests_have_ids_of_their_own(ph: Client, capture: CaptureServer) -> None:
    ph.capture_many(MANY, batch_size=2)
    assert len({sent.headers["Posthog-Request-Id"] for sent in capture.sent}) == 2


def test_an_event_that_an_answer_leaves_out_is_asked_for_again(ph: Client, capture: CaptureServer) -> None:
    def results(request: int, events: list[dict[str, Any]]) -> dict[str, Any]:
        return {event["uuid"]: {"result": "ok"} for event in events if request > 1 or event["event"] != "e2"}

    capture.results = results
    assert ph.capture_many(MANY).complete
    assert [event["event"] for event in capture.sent[1].events] == ["e2"]


def test_a_result_that_is_unknown_here_is_a_success_that_is_shown(ph: Client, capture: CaptureServer) -> None:
    capture.results = by_name({"e": {"result": "limited"}})
    assert ph.capture("e", "u").result == "limited"
    assert len(capture.sent) == 1


# Faults.


@pytest.mark.parametrize("answer", [408, 429, 500, 502, 503, 504, "break"])
def test_what_may_pass_is_tried_again_with_the_same_events(
    ph: Client, capture: CaptureServer, answer: int | str
) -> None:
    capture.then(answer, answer)
    assert ph.capture("e", "u").status == 200
    assert len({sent.data for sent in capture.sent}) == 1
    assert [sent.headers["Posthog-Attempt"] for sent in capture.sent] == ["1", "2", "3"]


@pytest.mark.parametrize("status", [400, 401, 402, 413, 415])
def test_what_will_not_pass_is_told_at_once(ph: Client, capture: CaptureServer, status: int) -> None:
    body = '{"error": "the_tag", "error_description": "What is wrong.", "error_uri": "https://posthog.com/docs/api"}'
    capture.then(Response(body, status, content_type="application/json"))
    with pytest.raises(CaptureRefusedError, match=r"What is wrong\.") as caught:
        ph.capture("e", "u")
    assert (caught.value.status, caught.value.code, len(capture.sent)) == (status, "the_tag", 1)


def test_an_exhausted_quota_is_not_asked_again(ph: Client, capture: CaptureServer) -> None:
    body = '{"error": "billing_limit_exceeded", "error_description": "billing limit exceeded"}'
    capture.then(Response(body, 429, content_type="application/json", headers={"Retry-After": "1"}))
    with pytest.raises(RateLimitedError, match="billing limit"):
        ph.capture("e", "u")
    assert len(capture.sent) == 1


def test_a_posthog_without_v1_is_told_with_the_way_out(ph: Client, capture: CaptureServer) -> None:
    capture.then(404, 404)
    with pytest.raises(CaptureRefusedError, match='capture_mode="v0"') as caught:
        ph.capture("e", "u")
    assert len(capture.sent) == 1
    assert caught.value.unsent is not None


def test_four_requests_are_the_most(ph: Client, capture: CaptureServer) -> None:
    capture.then(*[503] * 9)
    with pytest.raises(ServerError):
        ph.capture("e", "u")
    assert len(capture.sent) == 4


@pytest.mark.parametrize("body", ["", "{", "[]", '{"results": []}', '{"results": {"x": 1}}', '{"status": "Ok"}'])
def test_a_success_that_says_nothing_is_no_success(ph: Client, capture: CaptureServer, body: str) -> None:
    capture.then(*[Response(body, 200, content_type="application/json")] * 4)
    with pytest.raises((TransportError, ServerError), match=r"(says|said) nothing"):
        ph.capture("e", "u")
    assert len(capture.sent) == 4


def test_a_page_of_html_is_no_success_and_not_asked_for_again(ph: Client, capture: CaptureServer) -> None:
    capture.then(Response("<html>Sign in</html>", 200, content_type="text/html"))
    with pytest.raises(TransportError, match="login page"):
        ph.capture("e", "u")
    assert len(capture.sent) == 1


def test_an_answer_that_is_lost_after_retry_leaves_its_events_unknown(ph: Client, capture: CaptureServer) -> None:
    capture.results = by_name({"e1": {"result": "retry", "details": "not_persisted"}})
    capture.then(200, "break", "break", "break")
    with pytest.raises(TransportError) as caught:
        ph.capture_many(MANY)
    assert statuses(caught.value.report) == {"e0": "sent", "e1": "unknown", "e2": "sent", "e3": "sent"}


def test_waits_double_and_retry_after_lengthens_them_up_to_thirty_seconds() -> None:
    assert [pause(attempt, None) for attempt in (1, 2, 3, 4, 5, 6, 7)] == [1, 2, 4, 8, 16, 30, 30]
    assert (pause(1, 3), pause(3, 1), pause(1, 3600)) == (3, 4, 30)


@pytest.mark.parametrize("answers", [(503, 401), (401,), ("break",) * 4], ids=str)
def test_the_token_is_in_no_error_no_log_and_no_local_of_the_frames_that_an_error_passes(
    ph: Client, capture: CaptureServer, caplog: pytest.LogCaptureFixture, answers: Any
) -> None:
    capture.then(*answers)
    with pytest.raises((CaptureRefusedError, TransportError)) as caught:
        ph.capture("e", "u")
    ours = [frame.f_locals for frame, _ in traceback.walk_tb(caught.tb) if "posthog_nb/" in frame.f_code.co_filename]
    assert len(ours) > 5
    assert "phc_test" not in caplog.text + str(caught.value) + repr(caught.value.unsent) + pprint.pformat(ours)
