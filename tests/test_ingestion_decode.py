"""What a capture request may look like, and what PostHog says of the others."""

from __future__ import annotations

import base64
import gzip
import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode
from uuid import UUID

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from posthog_nb.embedded.ingestion.clock import event_time, parse_time
from posthog_nb.embedded.ingestion.decode import decode_capture
from posthog_nb.errors import CaptureRejected

if TYPE_CHECKING:
    from posthog_nb.embedded.ingestion.event import Batch

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
EVENT: dict[str, Any] = {"event": "e", "distinct_id": "d", "token": "phc_test"}


def decode(
    payload: object, *, path: str = "/batch/", content_type: str = "", encoding: str = "", **query: str
) -> Batch:
    body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    return decode_capture(body, path=path, content_type=content_type, content_encoding=encoding, query=query, now=NOW)


@pytest.mark.parametrize(
    "payload",
    [
        EVENT,
        [EVENT],
        {"api_key": "phc_test", "batch": [{"event": "e", "distinct_id": "d"}]},
        {"token": "phc_test", "batch": [{"event": "e", "distinct_id": "d"}]},
        {"event": "e", "$distinct_id": "d", "$token": "phc_test"},
        {"event": "e", "distinct_id": "d", "api_key": "phc_test"},
        {"event": "e", "properties": {"distinct_id": "d", "token": "phc_test"}},
    ],
)
def test_one_event_in_each_shape_and_each_place_of_token_and_distinct_id(payload: object) -> None:
    batch = decode(payload)
    assert batch.token == "phc_test"
    assert [(event.event, event.distinct_id) for event in batch.events] == [("e", "d")]


PLAIN = json.dumps(EVENT).encode()
JSON64 = base64.b64encode(PLAIN)


def zipped(body: bytes) -> bytes:
    """Without the time of day, which would make the tests' names differ from run to run."""
    return gzip.compress(body, mtime=0)


GZIP64 = base64.b64encode(zipped(PLAIN))
FORM = "application/x-www-form-urlencoded"


@pytest.mark.parametrize(
    ("body", "options"),
    [
        pytest.param(zipped(PLAIN), {"encoding": "gzip"}, id="gzip with its header"),
        pytest.param(zipped(PLAIN), {"content_type": "text/plain"}, id="gzip without any header"),
        pytest.param(zipped(PLAIN), {"compression": "gzip-js"}, id="gzip-js in the query"),
        pytest.param(PLAIN, {"encoding": "gzip"}, id="a header that lies"),
        pytest.param(JSON64, {"compression": "base64"}, id="base64 in the query"),
        pytest.param(JSON64, {}, id="base64 without a word"),
        pytest.param(
            urlencode({"data": JSON64.decode()}).encode(),
            {"content_type": FORM, "compression": "base64"},
            id="a form with base64",
        ),
        pytest.param(
            b"data=" + JSON64 + b"&compression=base64",
            {"content_type": f"{FORM}; charset=UTF-8"},
            id="a form that says so itself",
        ),
        pytest.param(
            urlencode({"data": PLAIN.decode()}).encode(),
            {"content_type": FORM},
            id="a form with JSON",
        ),
        pytest.param(b"", {"data": JSON64.decode()}, id="GET with ?data="),
        pytest.param(GZIP64, {"compression": "base64"}, id="gzip inside base64"),
        pytest.param(GZIP64, {"compression": "gzip-js"}, id="gzip inside base64, called gzip"),
        pytest.param(GZIP64, {}, id="gzip inside base64, called nothing"),
        pytest.param(b"", {"data": GZIP64.decode(), "compression": "gzip-js"}, id="GET with gzip inside base64"),
        pytest.param(
            urlencode({"data": GZIP64.decode(), "compression": "gzip-js"}).encode(),
            {"content_type": FORM},
            id="a form with gzip inside base64",
        ),
        pytest.param(zipped(PLAIN), {"compression": "base64"}, id="gzip, called base64"),
    ],
)
def test_every_packing_holds_the_same_event(body: bytes, options: dict[str, str]) -> None:
    assert decode(body, **options).events[0].event == "e"


@given(properties=st.dictionaries(st.text(st.characters(codec="utf-8")), st.text(st.characters(codec="utf-8"))))
def test_properties_come_through_every_packing_as_they_were(properties: dict[str, str]) -> None:
    payload = {**EVENT, "properties": properties}
    text = json.dumps(payload, ensure_ascii=False).encode()
    for body in (text, zipped(text), base64.b64encode(text)):
        assert decode(body).events[0].properties == properties


@pytest.mark.parametrize(
    ("payload", "status", "text"),
    [
        (b"", 400, "empty"),
        (b"{not json", 400, "failed to parse request"),
        (b'{"event": "e", "distinct_id": "d", "token": "t", "properties": {"x": NaN}}', 400, "NaN"),
        (b'{"event": "e", "distinct_id": "d", "token": "t", "properties": {"x": 1e999}}', 400, "out of range"),
        (b'{"event": "\\ud800", "distinct_id": "d", "token": "t"}', 400, "failed to parse request"),
        (b"[" * 100_000, 400, "failed to parse request"),
        (b"\xff\xfe", 400, "failed to decode request"),
        (zipped(PLAIN)[:-10], 400, "ends early"),
        (b"\x1f\x8bgarbage", 400, "GZIP"),
        (zipped(b" " * (21 * 1024 * 1024)), 413, "too large"),
        (b" " * (21 * 1024 * 1024), 413, "too large"),
        (base64.b64encode(b'"text"'), 400, "an event, an array of events or a batch"),
        (b"null", 400, "an event, an array of events or a batch"),
        (b"5", 400, "an event, an array of events or a batch"),
        (b'"x"', 400, "an event, an array of events or a batch"),
        (b" true ", 400, "an event, an array of events or a batch"),
        ([], 400, "no event"),
        ({"api_key": "t", "batch": []}, 400, "no event"),
        ({"distinct_id": "d", "token": "t"}, 400, "without an event name"),
        ({"event": "", "distinct_id": "d", "token": "t"}, 400, "without an event name"),
        ({"event": 5, "distinct_id": "d", "token": "t"}, 400, "not text"),
        ({"event": "e", "token": "t"}, 400, "without a distinct_id"),
        ({"event": "e", "distinct_id": "", "token": "t"}, 400, "without a distinct_id"),
        ({"event": "e", "distinct_id": None, "token": "t"}, 400, "without a distinct_id"),
        ({"event": "e", "distinct_id": "d", "token": "t", "uuid": "no"}, 400, "'no' is not a UUID"),
        ({"event": "e", "distinct_id": "d", "token": "t", "properties": []}, 400, "properties is not an object"),
        ([EVENT, 5], 400, "an event is an object"),
        ({"event": "e", "distinct_id": "d"}, 401, "without an api_key"),
        ([EVENT, {**EVENT, "token": "phc_other"}], 401, "inconsistent"),
        ({**EVENT, "token": "  "}, 401, "empty"),
        ({**EVENT, "token": "x" * 65}, 401, "too_long"),
        ({**EVENT, "token": "é"}, 401, "not_ascii"),
        ({**EVENT, "token": "phx_personal"}, 401, "personal_api_key"),
        ({**EVENT, "token": "a\0b"}, 401, "null_byte"),
    ],
)
def test_a_bad_request_is_refused_whole_with_posthogs_status(payload: object, status: int, text: str) -> None:
    with pytest.raises(CaptureRejected) as caught:
        decode(payload)
    assert caught.value.status == status
    assert text in str(caught.value)


@pytest.mark.parametrize("body", [JSON64, b"is it base64?"])
def test_what_is_called_gzip_and_holds_none_is_refused(body: bytes) -> None:
    with pytest.raises(CaptureRejected, match="failed to decode request"):
        decode(body, compression="gzip-js")


def test_lz64_is_refused_by_name() -> None:
    with pytest.raises(CaptureRejected, match="lz64"):
        decode(b"N4Ig", compression="lz64")


@pytest.mark.parametrize(
    ("sent", "stored"),
    [(5, "5"), (1.5, "1.5"), (True, "true"), ([1], "[1]"), ({"a": 1}, '{"a":1}'), ("x" * 300, "x" * 200), ("é", "é")],
)
def test_a_distinct_id_of_any_kind_is_text_of_at_most_200_characters(sent: object, stored: str) -> None:
    assert decode({**EVENT, "distinct_id": sent}).events[0].distinct_id == stored


def test_the_senders_uuid_is_kept_and_a_missing_one_is_a_v7() -> None:
    uuid = "0190f0e0-0000-7000-8000-000000000001"
    assert decode({**EVENT, "uuid": uuid}).events[0].uuid == UUID(uuid)
    assert decode({**EVENT, "uuid": ""}).events[0].uuid.version == 7


def test_person_updates_at_the_root_join_those_in_the_properties() -> None:
    event = {
        **EVENT,
        "$set": {"a": 2},
        "$set_once": {"c": 3},
        "$unset": ["d"],
        "properties": {"$set": {"a": 1, "b": 1}},
    }
    assert decode(event).events[0].properties == {"$set": {"a": 2, "b": 1}, "$set_once": {"c": 3}, "$unset": ["d"]}


def test_an_engage_object_without_an_event_is_an_identify() -> None:
    engage = {"distinct_id": "d", "token": "t", "$set": {"a": 1}}
    assert decode(engage, path="/engage/").events[0].event == "$identify"
    with pytest.raises(CaptureRejected, match="without an event name"):
        decode(engage, path="/e/")


def test_a_batch_says_whether_it_is_historical() -> None:
    batch = {"api_key": "t", "batch": [EVENT]}
    assert decode({**batch, "historical_migration": True}).historical
    assert not decode(batch).historical


# -- clocks


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("2026-01-02T03:04:05Z", datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)),
        ("2026-01-02T03:04:05.123456+05:30", datetime(2026, 1, 1, 21, 34, 5, 123456, tzinfo=UTC)),
        ("2026-01-02t03:04:05z", datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)),
        ("2026-01-02T23:59:60Z", datetime(2026, 1, 2, 23, 59, 59, tzinfo=UTC)),
        ("2026-01-02t15:59:60.5-08:00", datetime(2026, 1, 2, 23, 59, 59, 500000, tzinfo=UTC)),
        ("2026-01-02 23:59:60", datetime(2026, 1, 2, 23, 59, 59, tzinfo=UTC)),
        ("Fri, 02 Jan 2026 23:59:60 +0000", datetime(2026, 1, 2, 23, 59, 59, tzinfo=UTC)),
        ("2026-01-02T23:59:61Z", None),
        ("2026-01-02 03:04:05", datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)),
        ("2026-01-02", datetime(2026, 1, 2, tzinfo=UTC)),
        ("2026/01/02", datetime(2026, 1, 2, tzinfo=UTC)),
        ("Fri, 02 Jan 2026 03:04:05 +0100", datetime(2026, 1, 2, 2, 4, 5, tzinfo=UTC)),
        ("1767323045", datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)),
        (1767323045000, datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)),
        (1767323045.5, datetime(2026, 1, 2, 3, 4, 5, 500000, tzinfo=UTC)),
        ("yesterday", None),
        ("", None),
        (True, None),
        (None, None),
        ("9999-12-31T00:00:00Z", None),
        (float("inf"), None),
        (10**400, None),
        ("1" + "0" * 400, None),
    ],
)
def test_times_are_read_in_every_form_posthog_reads(text: object, at: datetime | None) -> None:
    assert parse_time(text) == at


@given(st.one_of(st.text(), st.floats(), st.integers(), st.booleans(), st.none()))
@example(10**400)
@example(-(10**400))
def test_no_value_at_all_breaks_the_clock(value: object) -> None:
    found = event_time(value, value, None, NOW)
    assert found.tzinfo is not None
    assert found <= NOW + timedelta(hours=23)


def at(text: str | None, **event: object) -> datetime:
    sent_at = event.pop("sent_at", None)
    return (
        decode({"api_key": "t", "sent_at": sent_at, "batch": [{**EVENT, "timestamp": text, **event}]})
        .events[0]
        .timestamp
    )


def test_the_senders_clock_is_corrected_by_what_it_said_when_it_sent() -> None:
    # Ten minutes fast: the event of 12:09 by that clock happened at 11:59.
    assert at("2026-03-01T12:09:00Z", sent_at="2026-03-01T12:10:00Z") == datetime(2026, 3, 1, 11, 59, tzinfo=UTC)
    assert at("2026-03-01T12:09:00Z") == datetime(2026, 3, 1, 12, 9, tzinfo=UTC)
    ignoring = {"properties": {"$ignore_sent_at": True}}
    assert at("2026-03-01T12:09:00Z", sent_at="2026-03-01T12:10:00Z", **ignoring) == datetime(
        2026, 3, 1, 12, 9, tzinfo=UTC
    )


def test_the_query_can_carry_the_senders_clock_in_milliseconds() -> None:
    ten_past = int(datetime(2026, 3, 1, 12, 10, tzinfo=UTC).timestamp() * 1000)
    event = decode([{**EVENT, "timestamp": "2026-03-01T12:09:00Z"}], _=str(ten_past)).events[0]
    assert event.timestamp == datetime(2026, 3, 1, 11, 59, tzinfo=UTC)


@pytest.mark.parametrize("query", ["", "soon", "-1", "999999999999999", "253402300799000", "9" * 500, "nan"])
def test_a_senders_clock_in_the_query_that_cannot_be_is_not_used(query: str) -> None:
    event = decode([{**EVENT, "timestamp": "2026-03-01T12:09:00Z"}], _=query).events[0]
    assert event.timestamp == datetime(2026, 3, 1, 12, 9, tzinfo=UTC)


@pytest.mark.parametrize("number", [10**400, -(10**400), 10**30])
@pytest.mark.parametrize("field", ["timestamp", "offset", "sent_at"])
def test_a_number_that_no_clock_holds_is_as_none(field: str, number: int) -> None:
    assert decode({**EVENT, field: number}).events[0].timestamp == NOW
    assert decode({"api_key": "t", "batch": [{**EVENT, field: number}], "sent_at": number}).events[0].timestamp == NOW


def test_an_offset_counts_back_from_now() -> None:
    assert at(None, offset=60_000) == NOW - timedelta(minutes=1)


@pytest.mark.parametrize("text", [None, "rubbish", "2026-03-05T00:00:00Z"])
def test_a_missing_unreadable_or_far_future_time_is_now(text: str | None) -> None:
    assert at(text) == NOW
