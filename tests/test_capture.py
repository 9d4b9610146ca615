"""Sending: the wire format of the five writes, and what is refused before anything is sent."""

from __future__ import annotations

import gzip
import json
import uuid
from datetime import UTC, date, datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from werkzeug import Request, Response

from posthog_nb.connecting import connect
from posthog_nb.errors import (
    CaptureRefusedError,
    InvalidInputError,
    MissingCredentialError,
    RateLimitedError,
    ServerError,
    TransportError,
)
from posthog_nb.http.retry import pause
from posthog_nb.uuid7 import uuid7
from tests.capture_server import CaptureServer
from tests.embedded import embedded_client

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_httpserver import HTTPServer

    from posthog_nb.client import Client

INDIA = timezone(timedelta(hours=5, minutes=30))


@pytest.fixture
def posthog(httpserver: HTTPServer) -> Client:
    httpserver.expect_request("/batch/", method="POST").respond_with_json({"status": "Ok"})
    return connect(httpserver.url_for(""), project_token="phc_test")


@pytest.fixture
def sent(httpserver: HTTPServer) -> Callable[[], dict[str, Any]]:
    """The one event of the last request."""

    def event() -> dict[str, Any]:
        request, _ = httpserver.log[-1]
        assert request.headers["Content-Encoding"] == "gzip"
        assert request.headers["Content-Type"] == "application/json"
        body = json.loads(gzip.decompress(request.get_data()))
        assert sorted(body) == ["api_key", "batch"]
        assert body["api_key"] == "phc_test"
        (event,) = body["batch"]
        return dict(event)

    return event


def own(properties: dict[str, Any]) -> dict[str, Any]:
    """The properties without those that every event has."""
    assert properties.pop("$lib") == "posthog-nb"
    assert properties.pop("$lib_version")
    assert properties.pop("$geoip_disable") is True
    return properties


def test_capture_sends_one_event_with_its_own_uuid_and_time(
    posthog: Client, sent: Callable[[], dict[str, Any]]
) -> None:
    receipt = posthog.capture("signed up", "user-1", {"plan": "pro", "seats": 3})
    event = sent()
    assert (receipt.status, receipt.uuid, receipt.event, receipt.distinct_id) == (
        200,
        event["uuid"],
        "signed up",
        "user-1",
    )
    assert uuid.UUID(event["uuid"]).version == 7
    assert (event["event"], event["distinct_id"]) == ("signed up", "user-1")
    assert own(event["properties"]) == {"plan": "pro", "seats": 3}
    assert abs(datetime.fromisoformat(event["timestamp"]) - datetime.now(UTC)) < timedelta(seconds=10)
    assert receipt.timestamp == datetime.fromisoformat(event["timestamp"])


def test_page_is_a_pageview_with_its_url(posthog: Client, sent: Callable[[], dict[str, Any]]) -> None:
    posthog.page("user-1", "Pricing", "https://example.com/pricing?a=1", {"plan": "pro"})
    event = sent()
    assert event["event"] == "$pageview"
    assert own(event["properties"]) == {
        "title": "Pricing",
        "name": "Pricing",
        "$current_url": "https://example.com/pricing?a=1",
        "$host": "example.com",
        "$pathname": "/pricing",
        "plan": "pro",
    }


def test_a_page_without_a_url_has_none(posthog: Client, sent: Callable[[], dict[str, Any]]) -> None:
    posthog.page("user-1", "Pricing")
    assert "$current_url" not in sent()["properties"]


def test_screen_is_a_screen_with_its_name(posthog: Client, sent: Callable[[], dict[str, Any]]) -> None:
    posthog.screen("user-1", "Settings", {"tab": 2})
    event = sent()
    assert (event["event"], own(event["properties"])) == ("$screen", {"$screen_name": "Settings", "tab": 2})


def test_identify_names_the_id_from_before(posthog: Client, sent: Callable[[], dict[str, Any]]) -> None:
    posthog.identify("user-1", {"email": "a@example.com"}, anon_distinct_id=17)
    event = sent()
    assert (event["event"], event["distinct_id"]) == ("$identify", "user-1")
    assert own(event["properties"]) == {"$set": {"email": "a@example.com"}, "$anon_distinct_id": "17"}


@pytest.mark.parametrize(
    ("call", "argument", "key"),
    [
        (lambda ph: ph.capture("", "ann"), "event", None),
        (lambda ph: ph.capture("paid", "x" * 201), "distinct_id", None),
        (lambda ph: ph.capture("paid", "ann", ["plan"]), "properties", None),
        (lambda ph: ph.capture("paid", "ann", {"plan": {"price": float("nan")}}), "properties", "plan"),
        (lambda ph: ph.capture("$identify", "ann", {"$anon_distinct_id": "0"}), "properties", "$anon_distinct_id"),
        (lambda ph: ph.capture("paid", "ann", timestamp="soon"), "timestamp", None),
        (lambda ph: ph.capture("paid", "ann", uuid="1"), "uuid", None),
        (lambda ph: ph.page("ann", ""), "name", None),
        (lambda ph: ph.page("ann", "Home", 1), "url", None),
        (lambda ph: ph.page("ann", "Home", "http://\ud800"), "url", None),
        (lambda ph: ph.identify("ann", anon_distinct_id="ann"), "anon_distinct_id", None),
        (lambda ph: ph.alias("ann", "null"), "alias", None),
    ],
)
def test_a_refusal_names_its_argument(
    posthog: Client, call: Callable[[Client], object], argument: str, key: str | None
) -> None:
    with pytest.raises(InvalidInputError) as caught:
        call(posthog)
    assert (caught.value.argument, caught.value.key) == (argument, key)


def test_identify_sets_the_persons_properties(posthog: Client, sent: Callable[[], dict[str, Any]]) -> None:
    posthog.identify("user-1", {"email": "a@example.com"})
    event = sent()
    assert (event["event"], event["distinct_id"]) == ("$identify", "user-1")
    assert own(event["properties"]) == {"$set": {"email": "a@example.com"}}


def test_alias_merges_the_alias_into_the_kept_id(posthog: Client, sent: Callable[[], dict[str, Any]]) -> None:
    posthog.alias("user-1", "anon-9")
    event = sent()
    assert (event["event"], event["distinct_id"]) == ("$create_alias", "user-1")
    assert own(event["properties"]) == {"alias": "anon-9", "distinct_id": "user-1"}


@pytest.mark.parametrize(
    ("given", "instant"),
    [
        ("2026-03-29T01:30:00Z", datetime(2026, 3, 29, 1, 30, tzinfo=UTC)),
        ("2026-03-29 01:30+02:00", datetime(2026, 3, 28, 23, 30, tzinfo=UTC)),
        (
            datetime(2026, 3, 29, 7, 0, tzinfo=timezone(timedelta(hours=5, minutes=30))),
            datetime(2026, 3, 29, 1, 30, tzinfo=UTC),
        ),
        (pd.Timestamp("2026-03-29 01:30:00.123456789", tz="UTC"), datetime(2026, 3, 29, 1, 30, 0, 123456, tzinfo=UTC)),
    ],
)
def test_a_time_goes_out_as_its_instant_in_utc(
    posthog: Client, sent: Callable[[], dict[str, Any]], given: Any, instant: datetime
) -> None:
    receipt = posthog.capture("e", "user-1", {"timestamp": "left alone"}, timestamp=given)
    event = sent()
    assert event["timestamp"] == instant.isoformat()
    assert receipt.timestamp == instant
    assert event["properties"]["timestamp"] == "left alone"


def test_a_time_without_zone_is_read_in_this_computers_with_a_warning_at_the_callers_line(
    posthog: Client, sent: Callable[[], dict[str, Any]]
) -> None:
    naive = datetime(2026, 7, 1, 12, 0)  # noqa: DTZ001 - the subject of the test
    with pytest.warns(UserWarning, match="no time zone") as warned:
        posthog.capture("e", "user-1", timestamp=naive)
    assert warned[0].filename == __file__
    assert datetime.fromisoformat(sent()["timestamp"]) == naive.astimezone(UTC)


def test_what_python_has_and_json_has_not_is_carried_as_text_or_number(
    posthog: Client, sent: Callable[[], dict[str, Any]]
) -> None:
    marker = uuid.uuid4()
    posthog.capture(
        "e",
        "user-1",
        {
            "when": datetime(2026, 1, 1, tzinfo=UTC),
            "day": date(2026, 1, 1),
            "id": marker,
            "count": np.int64(3),
            "share": np.float32(0.5),
            "yes": np.bool_(True),
            "list": (1, [np.array([1, 2])]),
            "quotes": 'it\'s "10%" {off} 😀',
        },
    )
    assert own(sent()["properties"]) == {
        "when": "2026-01-01T00:00:00+00:00",
        "day": "2026-01-01",
        "id": str(marker),
        "count": 3,
        "share": 0.5,
        "yes": True,
        "list": [1, [[1, 2]]],
        "quotes": 'it\'s "10%" {off} 😀',
    }


def test_a_number_as_distinct_id_is_its_text(posthog: Client, sent: Callable[[], dict[str, Any]]) -> None:
    posthog.capture("e", 42)
    assert sent()["distinct_id"] == "42"
    posthog.capture("e", np.int64(42))  # type: ignore[arg-type]
    assert sent()["distinct_id"] == "42"


ENDLESS: list[Any] = []
ENDLESS.append(ENDLESS)


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda ph: ph.capture("", "u"), "event is empty"),
        (lambda ph: ph.capture("  ", "u"), "event is empty"),
        (lambda ph: ph.capture(None, "u"), "event is None"),
        (lambda ph: ph.capture(5, "u"), "event is 5"),
        (lambda ph: ph.capture("e" * 201, "u"), "event has 201 characters"),
        (lambda ph: ph.capture("e", ""), "distinct_id is empty"),
        (lambda ph: ph.capture("e", None), "distinct_id is None"),
        (lambda ph: ph.capture("e", True), "distinct_id is True"),
        (lambda ph: ph.capture("e", "u" * 201), "distinct_id has 201 characters"),
        (lambda ph: ph.capture("e", "u\ud800"), "surrogate"),
        (lambda ph: ph.capture("e", "u", ["a"]), "properties is of type list"),
        (lambda ph: ph.capture("e", "u", {1: "a"}), "the key 1"),
        (lambda ph: ph.capture("e", "u", {"a": {"b": [0, float("nan")]}}), r"properties\['a'\]\['b'\]\[1\] is nan"),
        (lambda ph: ph.capture("e", "u", {"a": float("-inf")}), r"properties\['a'\] is -inf"),
        (lambda ph: ph.capture("e", "u", {"a": np.float64("nan")}), r"properties\['a'\] is nan"),
        (lambda ph: ph.capture("e", "u", {"a": pd.NaT}), "NaT"),
        (lambda ph: ph.capture("e", "u", {"a": {1, 2}}), r"properties\['a'\] is of type set"),
        (lambda ph: ph.capture("e", "u", {"a": b"x"}), "of type bytes"),
        (lambda ph: ph.capture("e", "u", {"a": 2**70}), "does not fit into 64 bits"),
        (lambda ph: ph.capture("e", "u", {"a": ENDLESS}), "nests more than"),
        (lambda ph: ph.capture("e", "u", {"a": "x" * 1_000_001}), "bytes"),
        (lambda ph: ph.capture("e", "u", timestamp="yesterday"), "not ISO 8601"),
        (lambda ph: ph.capture("e", "u", timestamp=1700000000), "not a time"),
        (lambda ph: ph.capture("e", "u", timestamp=pd.NaT), "not a time"),
        (lambda ph: ph.page("u", ""), "name is empty"),
        (lambda ph: ph.capture("e", np.array([1, 2])), "distinct_id is array.*of type ndarray, not text"),
        (lambda ph: ph.page("u", "n", 5), "of type int, not text"),
        (lambda ph: ph.page("u", "n", b"https://x"), "of type bytes, not text"),
        (lambda ph: ph.page("u", "n", "http://[x"), "not a URL"),
        (lambda ph: ph.page("u", "n", "http://x/\ud800"), "half a surrogate pair"),
        (lambda ph: ph.capture("e", "u", {"a": pd.NA}), "of type NAType"),
        (lambda ph: ph.screen("u", ""), "name is empty"),
        (lambda ph: ph.identify("Anonymous"), "never merges"),
        (lambda ph: ph.identify("'undefined'"), "never merges"),
        (lambda ph: ph.identify(0), "never merges"),
        (lambda ph: ph.alias("u", "null"), "alias is 'null'"),
        (lambda ph: ph.alias("[object Object]", "u"), "distinct_id is"),
        (lambda ph: ph.alias("u", "u"), "both 'u'"),
        (lambda ph: ph.capture("$identify", "u", {"$anon_distinct_id": "null"}), "anon_distinct_id'] is 'null'"),
        (lambda ph: ph.capture("$merge_dangerously", "guest", {"alias": "u"}), "distinct_id is 'guest'"),
        (lambda ph: ph.capture("e", "u", {"$process_person_profile": "false"}), "is 'false', not True or False"),
        (lambda ph: ph.capture("$groupidentify", "u", {"$process_person_profile": False}), "PostHog drops"),
        (lambda ph: ph.capture("e", "u", timestamp=datetime.now(UTC) + timedelta(days=2)), "more than 23 hours ahead"),
        (lambda ph: ph.capture("e", "u", timestamp="1899-12-31T23:59:59Z"), "before 1900"),
        (lambda ph: ph.capture("e", "u", {"a": '"' * 400_000}), "bytes in PostHog's queue"),
        (lambda ph: ph.capture("e", "u", uuid="17"), "uuid is '17'"),
        (lambda ph: ph.capture("e", "u", uuid=uuid.UUID(int=0)), "not a UUID"),
        (lambda ph: ph.capture("e", "u", verify=0), "verify is 0"),
        (lambda ph: ph.resend({"event": "e"}), "not an event"),
    ],
)
def test_what_cannot_be_sent_is_refused_with_its_reason_before_anything_is(
    posthog: Client, httpserver: HTTPServer, call: Callable[[Any], object], said: str
) -> None:
    with pytest.raises(InvalidInputError, match=said):
        call(posthog)
    assert httpserver.log == []


def test_ids_that_are_only_illegal_for_merging_are_ordinary_otherwise(posthog: Client) -> None:
    assert posthog.capture("e", "anonymous").status == 200
    assert posthog.identify("NONE").status == 200


def test_a_property_without_a_name_merges_nobody(posthog: Client) -> None:
    assert posthog.capture("e", "ann", {"": "bob"}).status == 200


def test_a_missing_token_is_told_when_it_is_needed(httpserver: HTTPServer) -> None:
    reader = connect(httpserver.url_for(""), project_id=1, personal_api_key="phx_test")
    with pytest.raises(MissingCredentialError, match="project token"):
        reader.capture("e", "u")


def test_a_refusal_says_that_nothing_was_taken(httpserver: HTTPServer) -> None:
    httpserver.expect_request("/batch/").respond_with_data("invalid token", status=401)
    with pytest.raises(CaptureRefusedError, match="invalid token"):
        connect(httpserver.url_for(""), project_token="phc_test").capture("e", "u")


def test_any_success_counts_whatever_its_body(httpserver: HTTPServer) -> None:
    httpserver.expect_request("/batch/").respond_with_data("", status=204)
    assert connect(httpserver.url_for(""), project_token="phc_test").capture("e", "u").status == 204


def test_a_receipt_shows_what_was_sent_escaped(posthog: Client) -> None:
    shown = posthog.capture("<script>", "u")._repr_html_()
    assert "&lt;script&gt;" in shown
    assert "<script>" not in shown


def test_uuids_of_version_7_sort_by_time_and_differ() -> None:
    made = [uuid7() for _ in range(1000)]
    assert len(set(made)) == 1000
    assert {found.version for found in made} == {7}
    milliseconds = [found.int >> 80 for found in made]
    assert milliseconds == sorted(milliseconds)


@pytest.fixture
def capture(httpserver: HTTPServer, monkeypatch: pytest.MonkeyPatch) -> CaptureServer:
    monkeypatch.setattr("posthog_nb.http.session.pause", lambda _failures, _status: 0.01)
    return CaptureServer(httpserver)


# What PostHog's compliance suite expects of a client that sends, line by line. Times, gzip and the body are above.


@pytest.mark.parametrize("answer", [408, 500, 502, 503, 504, "break"])
def test_what_may_pass_is_tried_again_with_the_very_same_bytes(capture: CaptureServer, answer: int | str) -> None:
    capture.then(answer, answer)
    assert capture.client().capture("e", "u").status == 200
    assert len({sent.data for sent in capture.sent}) == 1
    assert len(capture.sent) == 3


def test_a_429_is_waited_out_for_as_long_as_it_says(capture: CaptureServer) -> None:
    capture.then(Response("slow down", 429, headers={"Retry-After": "1"}))
    assert capture.client().capture("e", "u").status == 200
    first, second = capture.sent
    assert second.at - first.at >= 1
    assert first.data == second.data


@pytest.mark.parametrize("status", [400, 401, 403, 404, 413])
def test_what_will_not_pass_is_not_tried_again(capture: CaptureServer, status: int) -> None:
    capture.then(status)
    with pytest.raises(CaptureRefusedError) as caught:
        capture.client().capture("e", "u")
    assert caught.value.status == status
    assert len(capture.sent) == 1


def test_three_retries_mean_four_requests(capture: CaptureServer) -> None:
    capture.then(*[503] * 9)
    with pytest.raises(ServerError):
        capture.client().capture("e", "u")
    assert len(capture.sent) == 4


def test_a_pause_is_at_least_a_tenth_of_a_second_and_grows(httpserver: HTTPServer) -> None:
    server = CaptureServer(httpserver)
    server.then(503)
    server.client().capture("e", "u")
    first, second = server.sent
    assert second.at - first.at >= 0.1
    assert [0.1 <= pause(failures, 503) < pause(failures + 2, 503) for failures in (1, 2, 3)] == [True] * 3


def test_equal_events_get_uuids_of_their_own(capture: CaptureServer) -> None:
    client = capture.client()
    for _ in range(5):
        client.capture("e", "u", {"a": 1}, timestamp="2026-01-01T00:00:00Z")
    assert len({event["uuid"] for event in capture.stored}) == 5


# Nothing is lost: what failed can be sent again.


@pytest.mark.parametrize(
    ("answer", "error"),
    [("break", TransportError), (503, ServerError), (401, CaptureRefusedError), (429, RateLimitedError)],
)
@pytest.mark.parametrize(
    "write",
    [
        lambda ph: ph.capture("e", "u", {"a": 1}),
        lambda ph: ph.page("u", "Pricing"),
        lambda ph: ph.screen("u", "Settings"),
        lambda ph: ph.identify("u", {"plan": "pro"}),
        lambda ph: ph.alias("u", "anon-1"),
    ],
    ids=["capture", "page", "screen", "identify", "alias"],
)
def test_a_failed_write_keeps_its_event_to_be_sent_again_as_it_was(
    capture: CaptureServer, write: Callable[[Client], object], answer: int | str, error: type[Exception]
) -> None:
    capture.then(*[answer] * 4)
    client = capture.client()
    with pytest.raises(error, match=r"ph\.resend\(error\.unsent\)") as caught:
        write(client)
    unsent = caught.value.unsent  # type: ignore[attr-defined]
    capture.then(200)
    receipt = client.resend(unsent)
    assert (receipt.uuid, receipt.timestamp) == (unsent.uuid, unsent.timestamp)
    assert len({sent.data for sent in capture.sent}) == 1


def test_an_interrupted_write_keeps_its_event_as_well(capture: CaptureServer, monkeypatch: pytest.MonkeyPatch) -> None:
    client = capture.client()
    with monkeypatch.context() as patched:
        patched.setattr(client._connection._http, "exchange", _interrupted)
        with pytest.raises(KeyboardInterrupt) as caught:
            client.capture("e", "u")
    client.resend(caught.value.unsent)  # type: ignore[attr-defined]
    assert [event["uuid"] for event in capture.stored] == [caught.value.unsent.uuid]  # type: ignore[attr-defined]


def _interrupted(*_: object, **__: object) -> object:
    raise KeyboardInterrupt


def test_a_uuid_may_be_given(capture: CaptureServer) -> None:
    given = uuid.uuid4()
    assert capture.client().capture("e", "u", uuid=given).uuid == str(given)
    assert capture.client().page("u", "Pricing", uuid=str(given).upper()).uuid == str(given)
    assert {event["uuid"] for event in capture.stored} == {str(given)}


def test_an_event_of_our_own_making_is_not_marked_as_unsent_when_it_was_refused_before(posthog: Client) -> None:
    with pytest.raises(InvalidInputError) as caught:
        posthog.capture("", "u")
    assert caught.value.unsent is None


# 200 only means received.


def test_verify_looks_the_event_up_until_it_is_there() -> None:
    with embedded_client() as ph:
        receipt = ph.capture("e", "u", verify=True)
        assert (receipt.arrived, receipt.remarks) == (True, ())
        assert ph.identify("u", {"plan": "pro"}, verify=5).arrived is True
        assert "arrived" in receipt._repr_html_()


def test_an_event_that_does_not_arrive_is_told_with_the_likely_reasons(
    httpserver: HTTPServer, capture: CaptureServer
) -> None:
    asked = _answers_of_uuids(httpserver)
    client = capture.client(project_id=1, personal_api_key="phx_test")
    receipt = client.capture("e", "u", verify=0.3)
    assert receipt.arrived is False
    assert len(receipt.remarks) == 4
    assert {body["refresh"] for body in asked} <= {"force_blocking", "force_async"}
    assert receipt.uuid in json.dumps(asked[0]["query"]["values"])


def test_looking_goes_on_until_the_event_arrives(httpserver: HTTPServer, capture: CaptureServer) -> None:
    asked = _answers_of_uuids(httpserver, arrived_after=2)
    client = capture.client(project_id=1, personal_api_key="phx_test")
    receipt = client.capture("e", "u", verify=30)
    assert (receipt.arrived, len(asked)) == (True, 3)


def test_a_look_up_that_fails_leaves_the_receipt_and_says_why(httpserver: HTTPServer, capture: CaptureServer) -> None:
    httpserver.expect_request("/api/projects/1/query/").respond_with_json(
        {"type": "authentication_error", "code": "permission_denied", "detail": "API key missing scope 'query:read'"},
        status=403,
    )
    receipt = capture.client(project_id=1, personal_api_key="phx_test").capture("e", "u", verify=True)
    assert (receipt.status, receipt.arrived) == (200, None)
    assert "query:read" in receipt.remarks[0]


def test_a_look_up_that_fails_later_leaves_what_the_earlier_ones_told(
    httpserver: HTTPServer, capture: CaptureServer
) -> None:
    nothing = {"columns": ["uuid"], "types": [["uuid", "UUID"]], "results": [], "hasMore": False}
    httpserver.expect_oneshot_request("/api/projects/1/query/").respond_with_json(nothing)
    httpserver.expect_request("/api/projects/1/query/").respond_with_json({"detail": "Gone."}, status=403)
    receipt = capture.client(project_id=1, personal_api_key="phx_test").capture("e", "u", verify=30)
    assert receipt.arrived is False
    assert receipt.remarks[0].startswith("Looking it up failed: Gone.")
    assert len(receipt.remarks) == 5


def test_an_interrupted_look_up_leaves_the_receipt(
    httpserver: HTTPServer, capture: CaptureServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("posthog_nb.operations.arrival.run", _interrupted)
    with pytest.raises(KeyboardInterrupt) as caught:
        capture.client(project_id=1, personal_api_key="phx_test").capture("e", "u", verify=True)
    assert [caught.value.receipt.uuid] == [event["uuid"] for event in capture.stored]  # type: ignore[attr-defined]


@pytest.mark.parametrize("settings", [{}, {"personal_api_key": "phx_test"}, {"project_id": 1}])
def test_what_a_look_up_needs_is_asked_for_before_anything_is_sent(
    capture: CaptureServer, settings: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("POSTHOG_PERSONAL_API_KEY", "POSTHOG_API_KEY", "POSTHOG_PROJECT_ID"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(MissingCredentialError, match="Reading from"):
        capture.client(**settings).capture("e", "u", verify=True)
    assert capture.sent == []


def test_a_receipt_can_be_looked_up_later() -> None:
    with embedded_client() as ph:
        receipt = ph.capture("e", "u")
        assert receipt.arrived is None
        assert ph.verify(receipt, seconds=10).arrived is True
        with pytest.raises(InvalidInputError, match="not a Receipt"):
            ph.verify("e")  # type: ignore[type-var]


def _answers_of_uuids(httpserver: HTTPServer, arrived_after: int | None = None) -> list[dict[str, Any]]:
    """A project whose query finds the event that is asked for after so many queries in vain."""
    asked: list[dict[str, Any]] = []

    def answer(request: Request) -> Response:
        body = request.get_json()
        asked.append(body)
        there = arrived_after is not None and len(asked) > arrived_after
        rows = [[one] for one in body["query"]["values"]["uuids"]] if there else []
        answer = {"columns": ["uuid"], "types": [["uuid", "UUID"]], "results": rows, "hasMore": False}
        return Response(json.dumps(answer), content_type="application/json")

    httpserver.expect_request("/api/projects/1/query/").respond_with_handler(answer)
    return asked
