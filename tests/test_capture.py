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

from posthog_nb.client import Client, connect
from posthog_nb.errors import CaptureRefusedError, InvalidInputError, MissingCredentialError
from posthog_nb.uuid7 import uuid7

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_httpserver import HTTPServer

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
