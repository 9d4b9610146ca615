"""Sending thousands: every event once and in order, whatever breaks in between."""

from __future__ import annotations

import io
import json
import random
import re
import tracemalloc
import uuid
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from requests.adapters import BaseAdapter, HTTPAdapter
from requests.exceptions import ConnectionError as Unreachable
from urllib3 import HTTPResponse

from posthog_nb.client import Client
from posthog_nb.connecting import connect
from posthog_nb.connection import Connection
from posthog_nb.embedded.mount import EmbeddedAdapter
from posthog_nb.embedded.server import create_app
from posthog_nb.errors import (
    CaptureRefusedError,
    InvalidInputError,
    MissingCredentialError,
    ServerError,
    TransportError,
)
from posthog_nb.operations.batches import MOST_BYTES, batches
from posthog_nb.operations.delivery import Encoded
from posthog_nb.operations.properties import json_properties
from posthog_nb.secret import Secret
from posthog_nb.settings import resolve
from tests.capture_server import CaptureServer
from tests.embedded import embedded_client
from tests.wire import KEY, TOKEN, open_wire

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_httpserver import HTTPServer
    from requests import PreparedRequest
    from requests import Response as Answer

    from posthog_nb.operations.report import CaptureReport

START = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def capture(httpserver: HTTPServer, monkeypatch: pytest.MonkeyPatch) -> CaptureServer:
    monkeypatch.setattr("posthog_nb.http.session.pause", lambda _failures, _status: 0.01)
    return CaptureServer(httpserver)


def events(count: int, **fields: Any) -> list[dict[str, Any]]:
    return [
        {
            "event": "read",
            "distinct_id": f"u{number}",
            "timestamp": START + timedelta(seconds=number),
            "properties": {"n": number},
            **fields,
        }
        for number in range(count)
    ]


def numbers(sent: list[dict[str, Any]]) -> list[int]:
    return [event["properties"]["n"] for event in sent]


def statuses(report: CaptureReport) -> list[str]:
    return list(report.to_frame("polars")["status"])


def uuids(report: CaptureReport) -> list[str]:
    return list(report.to_frame("polars")["uuid"])


# Batches.


@given(
    st.lists(st.integers(1, 60), max_size=60),
    st.integers(1, 7),
    st.integers(61, 300),
)
def test_batches_hold_every_event_once_in_order_within_both_limits(
    sizes: list[int], most_events: int, most_bytes: int
) -> None:
    given_events = [Encoded(str(number), b"x" * size, number) for number, size in enumerate(sizes)]
    made = list(batches(iter(given_events), most_events, most_bytes))
    assert [event for batch in made for event in batch] == given_events
    assert all(1 <= len(batch) <= most_events for batch in made)
    assert all(sum(len(event.data) + 1 for event in batch) <= most_bytes for batch in made)
    # And none is smaller than it has to be.
    for batch, following in pairwise(made):
        size = sum(len(event.data) + 1 for event in batch)
        assert len(batch) == most_events or size + len(following[0].data) + 1 > most_bytes


def test_a_full_batch_goes_before_the_next_event_is_read() -> None:
    read: list[int] = []

    def stream() -> Iterator[Encoded]:
        for number in range(4):
            read.append(number)
            yield Encoded(str(number), b"x", number)

    made = batches(stream(), 2)
    next(made)
    assert read == [0, 1]


def test_five_events_make_one_request_and_none_makes_none(capture: CaptureServer) -> None:
    ph = capture.client()
    assert len(ph.capture_many([])) == 0
    assert ph.capture_many([]).complete
    assert capture.sent == []
    report = ph.capture_many(events(5))
    assert [len(sent.events) for sent in capture.sent] == [5]
    assert (report.complete, report.counts, repr(report)) == (
        True,
        {"sent": 5},
        "<CaptureReport: 5 events for localhost:" + ph.source.partition(":")[2] + "; 5 sent>",
    )


def test_a_batch_ends_at_its_number_of_events_or_at_five_mebibytes(capture: CaptureServer) -> None:
    ph = capture.client()
    ph.capture_many(events(7), batch_size=3)
    assert [len(sent.events) for sent in capture.sent] == [3, 3, 1]
    capture.sent.clear()
    ph.capture_many(events(11, properties={"text": "x" * 900_000, "n": 0}))
    assert [len(sent.events) for sent in capture.sent] == [5, 5, 1]
    assert all(len(json.dumps(sent.body)) <= MOST_BYTES + 2000 for sent in capture.sent)


def test_a_whole_batch_is_tried_again_with_the_very_same_bytes(capture: CaptureServer) -> None:
    capture.then(503, "break")
    report = capture.client().capture_many(events(4))
    assert report.complete
    assert len(capture.sent) == 3
    assert len({sent.data for sent in capture.sent}) == 1
    assert len({event["uuid"] for event in capture.stored}) == 4


def test_equal_events_are_stored_each_for_itself(capture: CaptureServer) -> None:
    capture.client().capture_many([{"event": "e", "distinct_id": "u"}] * 3)
    assert len({event["uuid"] for event in capture.stored}) == 3


@pytest.mark.parametrize(("given_flag", "sent_flag"), [(True, True), (False, None)])
def test_a_migration_of_old_events_says_so_on_the_wire(
    capture: CaptureServer, given_flag: bool, sent_flag: bool | None
) -> None:
    capture.client().capture_many(events(1), historical_migration=given_flag)
    assert capture.sent[0].body.get("historical_migration") is sent_flag
    assert "sent_at" not in capture.sent[0].body


# Input.

FRAME = pd.DataFrame(
    {
        "event": ["signed up", "paid"],
        "distinct_id": ["u1", "u2"],
        "timestamp": pd.to_datetime(["2026-01-01T10:00:00+01:00", "2026-01-02T10:00:00Z"], utc=True, format="ISO8601"),
        "plan": ["pro", None],
        "amount": [9.5, float("nan")],
        "seats": pd.array([3, None], dtype="Int64"),
    }
)
FRAMES = {"pandas": FRAME, "polars": pl.from_pandas(FRAME), "arrow": pa.Table.from_pandas(FRAME)}


@pytest.mark.parametrize("kind", FRAMES)
def test_a_frame_s_further_columns_become_properties_when_they_are_named(capture: CaptureServer, kind: str) -> None:
    capture.client().capture_many(FRAMES[kind], property_columns=True)
    first, second = capture.stored
    assert (first["event"], first["distinct_id"], first["timestamp"]) == (
        "signed up",
        "u1",
        "2026-01-01T09:00:00+00:00",
    )
    assert {name: first["properties"][name] for name in ("plan", "amount", "seats")} == {
        "plan": "pro",
        "amount": 9.5,
        "seats": 3,
    }
    assert [name for name in second["properties"] if not name.startswith("$")] == [], "an empty cell is no property"


@pytest.mark.parametrize("kind", FRAMES)
def test_columns_that_no_event_has_are_told_and_not_left_out(capture: CaptureServer, kind: str) -> None:
    with pytest.raises(InvalidInputError, match=r"No event has 'plan', 'amount', 'seats'.*property_columns"):
        capture.client().capture_many(FRAMES[kind])
    with pytest.raises(InvalidInputError, match=r"No event has 'seats'"):
        capture.client().capture_many(FRAMES[kind], property_columns=["plan", "amount"])
    assert capture.sent == []


@pytest.mark.parametrize(
    "properties",
    [[{"a": {"b": [1, 2]}}], ['{"a": {"b": [1, 2]}}']],
    ids=["objects", "JSON text"],
)
@pytest.mark.parametrize("make", [pd.DataFrame, pl.DataFrame, pa.table], ids=["pandas", "polars", "arrow"])
def test_properties_are_objects_or_json_text(capture: CaptureServer, make: Any, properties: list[Any]) -> None:
    frame = make({"event": ["e"], "distinct_id": ["u"], "properties": properties})
    capture.client().capture_many(frame)
    assert capture.stored[0]["properties"]["a"] == {"b": [1, 2]}


@pytest.mark.parametrize(
    "given_events",
    [
        pa.record_batch({"event": ["e"], "distinct_id": ["u"]}),
        pa.table({"event": ["e"], "distinct_id": ["u"]}).to_reader(),
        pd.Series([{"event": "e", "distinct_id": "u"}]),
        {1: {"event": "e", "distinct_id": "u"}}.values(),
    ],
    ids=["record batch", "reader", "series", "values"],
)
def test_whatever_else_holds_rows_is_read_as_well(capture: CaptureServer, given_events: Any) -> None:
    assert capture.client().capture_many(given_events).counts == {"sent": 1}
    assert [(event["event"], event["distinct_id"]) for event in capture.stored] == [("e", "u")]


class Void(BaseAdapter):
    """Takes everything and keeps nothing."""

    def send(self, request: PreparedRequest, *_: Any, **__: Any) -> Answer:
        found = HTTPResponse(body=io.BytesIO(b'{"status":"Ok"}'), status=200, preload_content=False)
        return HTTPAdapter().build_response(request, found)

    def close(self) -> None:
        pass


def test_a_stream_takes_no_more_memory_than_its_batches_and_its_report() -> None:
    ph = _client_of(Void())
    count, size = 4000, 20_000
    tracemalloc.start()
    report = ph.capture_many(
        (
            {"event": "e", "distinct_id": "u", "properties": {"text": str(number) * (size // 4)}}
            for number in range(count)
        ),
        progress=False,
    )
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert report.counts == {"sent": count}
    # A batch as it is, as one body, packed; and half a kilobyte for each row of the report.
    assert peak < 4 * MOST_BYTES + 500 * count < count * size / 3


def test_a_generator_is_read_as_its_batches_go(capture: CaptureServer) -> None:
    seen: list[int] = []

    def stream() -> Iterator[dict[str, Any]]:
        for event in events(10):
            seen.append(len(capture.sent))
            yield event

    report = capture.client().capture_many(stream(), batch_size=2)
    assert seen == [0, 0, 1, 1, 2, 2, 3, 3, 4, 4]
    assert (numbers(capture.stored), report.counts) == (list(range(10)), {"sent": 10})


def test_properties_and_property_columns_go_together(capture: CaptureServer) -> None:
    row = {"event": "e", "distinct_id": "u", "properties": '{"a": 1, "plan": "free"}', "plan": "pro", "b": None}
    capture.client().capture_many([row], property_columns=["plan", "b"])
    sent = capture.stored[0]["properties"]
    assert {name: sent[name] for name in sent if not name.startswith("$")} == {"a": 1, "plan": "pro"}


def test_a_uuid_of_the_input_is_kept(capture: CaptureServer) -> None:
    given_uuids = [str(uuid.uuid5(uuid.NAMESPACE_URL, f"order/{number}")) for number in range(3)]
    rows = [{**event, "uuid": one} for event, one in zip(events(3), given_uuids, strict=True)]
    assert uuids(capture.client().capture_many(rows)) == given_uuids


@pytest.mark.parametrize(
    ("given_events", "options", "said"),
    [
        ("event", {}, "of type str"),
        ({"event": "e", "distinct_id": "u"}, {}, "of type dict"),
        (17, {}, "of type int"),
        (pl.LazyFrame({"event": ["e"]}), {}, "of type LazyFrame"),
        (pd.DataFrame({"event": ["e"]}), {}, "no column 'distinct_id'"),
        (pd.DataFrame([["e", "u", "u"]], columns=["event", "distinct_id", "distinct_id"]), {}, "the same name"),
        ([{"event": "e", "distinct_id": "u", "properties": "[" * 100_000}], {}, "no JSON object"),
        (FRAME, {"property_columns": ["plans"]}, "no column 'plans'"),
        (FRAME, {"property_columns": "plan"}, "property_columns is 'plan'"),
        (FRAME, {"property_columns": ["timestamp"]}, "a part of the event itself"),
        ([], {"on_bad": "ignore"}, "on_bad is 'ignore'"),
        ([], {"batch_size": 0}, "batch_size is 0"),
        ([], {"historical_migration": 1}, "historical_migration is 1"),
        ([], {"progress": "yes"}, "progress is 'yes'"),
        ([], {"verify": -1}, "verify is -1"),
        ([], {"resume": {}}, "resume is of type dict"),
        (["e"], {}, "row 0: It is of type str"),
        ([{"event": "e"}], {}, "row 0: distinct_id is None"),
        ([{"event": "e", "distinct_id": "u", "time": 1}], {}, "No event has 'time'"),
        ([{"event": "e", "distinct_id": "u", "timestamp": None}], {}, "timestamp is missing"),
        ([{"event": "e", "distinct_id": "u", "timestamp": pd.NaT}], {}, "timestamp is missing"),
        ([{"event": "e", "distinct_id": "u", "properties": "[1]"}], {}, "no JSON object"),
        ([{"event": "e", "distinct_id": "u", "properties": '{"a": NaN}'}], {}, "no JSON object"),
        ([{"event": "e", "distinct_id": "u", "properties": {"a": float("nan")}}], {}, r"properties\['a'\] is nan"),
        (pl.DataFrame({"event": ["e"], "distinct_id": ["u"], "a": [float("nan")]}), {"property_columns": True}, "nan"),
        ([{"event": "e", "distinct_id": "u", "uuid": "17"}], {}, "uuid is '17'"),
        ([{"event": "e", "distinct_id": "u", "uuid": str(uuid.UUID(int=1))}] * 2, {}, "that of row 0 as well"),
        ([{"event": "$identify", "distinct_id": "u", "properties": {"$anon_distinct_id": "null"}}], {}, "never merges"),
    ],
)
def test_input_that_cannot_be_sent_is_refused_with_its_reason_before_anything_is(
    capture: CaptureServer, given_events: Any, options: dict[str, Any], said: str
) -> None:
    with pytest.raises(InvalidInputError, match=said):
        capture.client().capture_many(given_events, **options)
    assert capture.sent == []


def test_a_token_is_asked_for_before_anything_is_read(httpserver: HTTPServer) -> None:
    reader = CaptureServer(httpserver).client()
    with pytest.raises(MissingCredentialError, match="Reading from"):
        reader.capture_many(events(3), verify=True)
    assert httpserver.log == []


# Bad events.

MIXED = [*events(30), *({"event": "", "distinct_id": f"bad{number}"} for number in range(25))]


def test_none_is_sent_when_one_is_bad_and_the_first_twenty_are_told(capture: CaptureServer) -> None:
    with pytest.raises(InvalidInputError) as caught:
        capture.client().capture_many(MIXED)
    assert capture.sent == []
    told = re.findall(r"row (\d+): event is empty", caught.value.message)
    assert told == [str(number) for number in range(30, 50)]
    assert "25 of 55" in caught.value.message
    assert "and 5 more" in caught.value.message
    assert caught.value.report.counts == {"unsent": 30, "bad": 25}


@pytest.mark.parametrize("streamed", [False, True])
def test_bad_events_are_skipped_and_reported_when_one_asks_for_it(capture: CaptureServer, streamed: bool) -> None:
    given_events = iter(MIXED) if streamed else MIXED
    report = capture.client().capture_many(given_events, on_bad="skip", batch_size=10)
    assert numbers(capture.stored) == list(range(30))
    assert (report.counts, report.complete) == ({"sent": 30, "bad": 25}, False)
    assert report.problems[0] == "row 30: '' of 'bad0' is bad (event is empty.)"
    assert len(report.problems) == 20
    shown = report._repr_html_()
    assert "30 sent, 25 bad" in shown
    assert "row 30" in shown


def test_a_stream_stops_at_a_bad_event_before_its_batch_is_sent(capture: CaptureServer) -> None:
    rows = [*events(5), {"event": "", "distinct_id": "u"}, *events(2)]
    with pytest.raises(InvalidInputError, match="Row 5 cannot be sent: event is empty") as caught:
        capture.client().capture_many(iter(rows), batch_size=2)
    assert numbers(capture.stored) == [0, 1, 2, 3]
    assert statuses(caught.value.report) == ["sent"] * 4 + ["unsent", "bad"]
    rows[5] = events(6)[5]
    report = capture.client().capture_many(iter(rows), batch_size=2, resume=caught.value.report)
    assert numbers(capture.stored) == [0, 1, 2, 3, 4, 5, 0, 1]
    assert report.complete


def test_times_without_a_zone_are_warned_of_once(capture: CaptureServer) -> None:
    rows = [{**event, "timestamp": event["timestamp"].replace(tzinfo=None)} for event in events(50)]
    for given_events in (rows, iter(rows)):
        with pytest.warns(UserWarning, match=r"no time zone .* There are 49 more such times") as warned:
            capture.client().capture_many(given_events)
        assert [(one.filename, one.category) for one in warned] == [(__file__, UserWarning)]


# Faults and interrupts, and going on.


@pytest.mark.parametrize(
    ("answer", "error", "status"),
    [
        (503, ServerError, "unknown"),
        ("break", TransportError, "unknown"),
        (401, CaptureRefusedError, "refused"),
        (413, CaptureRefusedError, "refused"),
    ],
)
@pytest.mark.parametrize("streamed", [False, True])
def test_after_a_fault_the_report_says_what_is_sent_and_the_rest_goes_with_the_same_uuids(
    capture: CaptureServer, answer: int | str, error: type[Exception], status: str, streamed: bool
) -> None:
    def given_events() -> Any:
        return iter(events(10)) if streamed else events(10)

    ph = capture.client()
    capture.then(200, 200, *[answer] * 4)
    with pytest.raises(error, match=r"resume=error\.report") as caught:
        ph.capture_many(given_events(), batch_size=2)
    report = caught.value.report  # type: ignore[attr-defined]
    assert report is ph.last_report
    rest = [] if streamed else ["unsent"] * 4
    assert statuses(report) == ["sent"] * 4 + [status] * 2 + rest
    before = uuids(report)
    tried = capture.sent[-1].events
    capture.then(200)
    capture.sent.clear()
    again = ph.capture_many(given_events(), batch_size=2, resume=report)
    assert again is report
    assert numbers(capture.stored) == [4, 5, 6, 7, 8, 9]
    assert capture.stored[:2] == tried, "with the same uuids and times, so that PostHog stores them once"
    assert uuids(report)[: len(before)] == before
    assert report.complete


def test_events_without_a_time_keep_theirs_when_sending_goes_on(capture: CaptureServer) -> None:
    rows = [{"event": "e", "distinct_id": str(number)} for number in range(4)]
    capture.then(200, *["break"] * 4)
    with pytest.raises(TransportError) as caught:
        capture.client().capture_many(rows, batch_size=2)
    tried = capture.sent[-1].events
    capture.then()
    capture.client().capture_many(rows, batch_size=2, resume=caught.value.report)
    assert capture.sent[-1].events == tried


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda rows: rows[:3], "The report is of 4 events and the input has 3"),
        (lambda rows: [*rows[1:], rows[0]], "Row 0 is another event than the report has"),
        (lambda rows: [{**rows[0], "properties": {"n": 17}}, *rows[1:]], "Row 0 is another event"),
        (lambda rows: [{**rows[0], "uuid": str(uuid.uuid4())}, *rows[1:]], "Row 0 is another event"),
    ],
)
def test_another_input_than_the_report_s_is_noticed(capture: CaptureServer, change: Any, said: str) -> None:
    ph = capture.client()
    report = ph.capture_many(events(4))
    capture.sent.clear()
    with pytest.raises(InvalidInputError, match=said):
        ph.capture_many(change(events(4)), resume=report)
    assert capture.sent == []


def test_a_report_of_another_project_is_noticed(capture: CaptureServer) -> None:
    report = capture.client().capture_many(events(4))
    capture.sent.clear()
    with connect(capture.server.url_for(""), project_token="phc_other") as other:
        with pytest.raises(InvalidInputError, match="another project"):
            other.capture_many(events(4), resume=report)
        assert capture.sent == []
        capture.then(401)
        with pytest.raises(CaptureRefusedError) as caught:
            other.capture_many(events(4))
    # Nothing of it can have arrived, so a token that was wrong may be put right.
    assert capture.client().capture_many(events(4), resume=caught.value.report).complete


def test_sending_may_go_on_by_the_other_capture_mode(capture: CaptureServer) -> None:
    capture.then(200, 404)
    with pytest.raises(CaptureRefusedError, match='capture_mode="v0"') as caught:
        capture.client("v1").capture_many(events(4), batch_size=2)
    assert capture.client("v0").capture_many(events(4), batch_size=2, resume=caught.value.report).complete
    assert numbers(capture.sent[0].events + capture.sent[2].events) == [0, 1, 2, 3]


def test_a_stream_that_ends_earlier_than_its_report_is_told(capture: CaptureServer) -> None:
    ph = capture.client()
    report = ph.capture_many(iter(events(4)))
    with pytest.raises(InvalidInputError, match="The report is of 4 events and the input has 3"):
        ph.capture_many(iter(events(3)), resume=report)


def test_going_on_from_a_complete_report_sends_nothing(capture: CaptureServer) -> None:
    ph = capture.client()
    report = ph.capture_many(events(4))
    capture.sent.clear()
    assert ph.capture_many(events(4), resume=report).complete
    assert capture.sent == []


@pytest.mark.parametrize("streamed", [False, True])
def test_an_interrupt_leaves_a_report_to_go_on_from(capture: CaptureServer, streamed: bool) -> None:
    ph = capture.client()

    def interrupt(done: int, _total: int | None) -> None:
        if done == 4:
            raise KeyboardInterrupt

    given_events: Any = iter(events(10)) if streamed else events(10)
    with pytest.raises(KeyboardInterrupt) as caught:
        ph.capture_many(given_events, batch_size=2, progress=interrupt)
    assert caught.value.report is ph.last_report  # type: ignore[attr-defined]
    assert numbers(capture.stored) == [0, 1, 2, 3]
    assert ph.last_report is not None
    ph.capture_many(events(10), batch_size=2, resume=ph.last_report)
    assert numbers(capture.stored) == list(range(10))


def test_an_interrupt_while_a_batch_is_under_way_leaves_it_unknown(
    capture: CaptureServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object, **__: object) -> object:
        raise KeyboardInterrupt

    ph = capture.client()
    with monkeypatch.context() as patched:
        patched.setattr(ph._connection._http, "exchange", interrupted)
        with pytest.raises(KeyboardInterrupt):
            ph.capture_many(events(4), batch_size=2)
    assert ph.last_report is not None
    assert statuses(ph.last_report) == ["unknown", "unknown", "unsent", "unsent"]


def test_ctrl_c_waits_for_no_answer_and_what_was_under_way_is_stored_once(capture: CaptureServer) -> None:
    ph = capture.client()
    capture.then(200, "hang")
    capture.interrupt_at(2)
    with pytest.raises(KeyboardInterrupt):
        ph.capture_many(events(6), batch_size=2)
    capture.let_go.set()
    assert ph.last_report is not None
    assert statuses(ph.last_report) == ["sent"] * 2 + ["unknown"] * 2 + ["unsent"] * 2
    assert ph.capture_many(events(6), batch_size=2, resume=ph.last_report).complete
    once = {event["uuid"]: event["properties"]["n"] for event in capture.stored}
    assert sorted(once.values()) == list(range(6))


def test_an_error_of_the_stream_itself_goes_up_and_leaves_the_report(capture: CaptureServer) -> None:
    def stream() -> Iterator[dict[str, Any]]:
        yield from events(3)
        raise OSError("the file ended early")

    ph = capture.client()
    with pytest.raises(OSError, match="ended early"):
        ph.capture_many(stream(), batch_size=2)
    assert ph.last_report is not None
    assert statuses(ph.last_report) == ["sent", "sent", "unsent"]


def test_progress_counts_the_events_that_are_done(capture: CaptureServer) -> None:
    calls: list[tuple[int, int | None]] = []
    ph = capture.client()
    ph.capture_many(events(5), batch_size=2, progress=lambda done, total: calls.append((done, total)))
    ph.capture_many(iter(events(3)), batch_size=2, progress=lambda done, total: calls.append((done, total)))
    assert calls == [(2, 5), (4, 5), (5, 5), (2, None), (3, None)]


# The report.


def test_the_report_is_a_table_with_a_row_an_event(capture: CaptureServer) -> None:
    report = capture.client(frame="polars").capture_many([*events(2), {"event": "", "distinct_id": "x"}], on_bad="skip")
    frame = report.to_frame()
    assert frame.columns == ["row", "uuid", "event", "distinct_id", "timestamp", "status", "detail", "arrived"]
    assert frame.row(1)[0] == 1
    assert frame.row(1)[2:] == ("read", "u1", START + timedelta(seconds=1), "sent", None, None)
    assert frame.row(2)[4:6] == (None, "bad")
    assert report.to_arrow().num_rows == 3
    assert isinstance(report.to_frame("pandas"), pd.DataFrame)


def test_a_report_shows_names_escaped(capture: CaptureServer) -> None:
    report = capture.client().capture_many([{"event": "<script>", "distinct_id": ""}], on_bad="skip")
    assert "<script>" not in report._repr_html_()
    assert "&lt;script&gt;" in report._repr_html_()


def test_verify_tells_which_events_arrived() -> None:
    with embedded_client() as ph:
        report = ph.capture_many(events(1500), verify=20)
        assert set(report.to_frame("polars")["arrived"]) == {True}
        assert report.remarks == ()
        later = ph.capture_many(events(3))
        assert set(later.to_frame("polars")["arrived"]) == {None}
        assert ph.verify(later, seconds=10) is later
        assert set(later.to_frame("polars")["arrived"]) == {True}


def test_events_that_did_not_arrive_are_told_with_the_likely_reasons() -> None:
    wire = open_wire()
    foreign = _client_of(EmbeddedAdapter(lambda: create_app(wire.project)), token="phc_somebody_elses")
    report = foreign.capture_many(events(2), verify=0.5)
    assert set(report.to_frame("polars")["arrived"]) == {False}
    assert any("token" in remark for remark in report.remarks)
    assert report.problems[0] == "row 0: 'read' of 'u0' did not arrive in time"
    wire.close()


# All of it at once.


class Unsteady(BaseAdapter):
    """Loses requests, and answers to requests that were taken, and says 503, in turns of its own."""

    def __init__(self, inner: EmbeddedAdapter, seed: int) -> None:
        super().__init__()
        self._inner = inner
        self._draw = random.Random(seed)
        self.lost_answers = 0

    def send(self, request: PreparedRequest, *args: Any, **options: Any) -> Answer:
        drawn = self._draw.random() if "/query" not in (request.url or "") else 1.0
        if drawn < 0.15:
            raise Unreachable("no such network", request=request)
        answer = self._inner.send(request, *args, **options)
        if drawn < 0.3:
            self.lost_answers += 1
            raise Unreachable("the line went dead", request=request)
        if drawn < 0.4:
            answer.status_code = 503
        return answer

    def close(self) -> None:
        self._inner.close()


def _client_of(adapter: BaseAdapter, token: str | None = None, mode: str = "v0") -> Client:
    settings = replace(
        resolve("demo", environ={}),
        project_id=1,
        personal_api_key=Secret(KEY),
        project_token=Secret(token or TOKEN),
    )
    return Client(Connection(settings, version="test", adapter=adapter, capture_mode=mode))


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["v0", "v1"])
def test_twenty_thousand_events_over_an_unsteady_line_are_all_there_once(
    mode: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("posthog_nb.http.session.pause", lambda _failures, _status: 0.0)
    monkeypatch.setattr("posthog_nb.operations.capture_v1.pause", lambda _attempt, _asked: 0.0)
    wire = open_wire()
    adapter = Unsteady(EmbeddedAdapter(lambda: create_app(wire.project)), seed=4)
    ph = _client_of(adapter, mode=mode)
    report, failures = None, 0
    while report is None or not report.complete:
        try:
            report = ph.capture_many(iter(events(20_000)), resume=report, progress=False)
        except (TransportError, ServerError) as error:
            report, failures = error.report, failures + 1
    assert adapter.lost_answers > 3
    assert failures > 0
    # Counted exactly: uniq() takes two in 20,000 for one now and then.
    asked = "SELECT count(), count(DISTINCT uuid), count(DISTINCT properties.n), sum(toInt(properties.n)) FROM events"
    (row,) = ph.query(asked).rows
    assert row == [20_000, 20_000, 20_000, sum(range(20_000))]
    wire.close()


# What a property may hold.

LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**63), 2**63),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(st.characters(exclude_categories=["Cs"])),
    st.dates(),
    st.uuids(),
    st.datetimes(min_value=datetime(1900, 1, 2), max_value=datetime(2200, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001 - their zone is given beside
)
TREES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=12,
)


@given(st.dictionaries(st.text(st.characters(exclude_categories=["Cs"]), max_size=8), TREES, max_size=5))
def test_what_is_carried_is_json_and_comes_back_as_it_went(properties: dict[str, Any]) -> None:
    carried = json_properties(properties)
    text = json.dumps(carried, allow_nan=False)
    assert json.loads(text) == carried
    assert list(carried) == list(properties)
    assert json_properties(carried) == carried, "what is carried once is carried as it is"
