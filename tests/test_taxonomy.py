"""What a client knows of its project, looked up in the background."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import posthog_nb
from posthog_nb.operations import taxonomy
from posthog_nb.operations.taxonomy import Taxonomy
from tests.twin import application as new_application
from tests.twin import client_of
from tests.twin_faults import FAULTS, Reply, answered

if TYPE_CHECKING:
    from collections.abc import Iterator
    from wsgiref.types import WSGIApplication

    from posthog_nb.client import Client
    from tests.twin import Twin

ROOT = Path(__file__).parent.parent
LONG = "x" * 900_000
HOSTILE = ['it\'s {quoted} \\ "so"', "<script>", "\x1b[31mred", "\u202egnp", "a\nb", "nul\0"]


@pytest.fixture(scope="module")
def application() -> WSGIApplication:
    return new_application()


@pytest.fixture(scope="module", autouse=True)
def _events(application: WSGIApplication) -> None:
    from tests.twin import twin_of  # noqa: PLC0415 - for the one place that fills the project

    day = "2020-01-01T00:00:00Z"
    with twin_of(application) as twin, client_of(twin) as ph:
        events: list[dict[str, Any]] = [
            {"event": "often", "distinct_id": "ann", "properties": {"plan": "pro", "n": 1, "paid": True}},
            {"event": "often", "distinct_id": "ann", "properties": {"plan": "pro"}},
            {"event": "often", "distinct_id": "bob", "properties": {"plan": "free", "when": day}},
            {"event": "rare", "distinct_id": "bob", "properties": {"plan": "free", "$set": {"age": 3, "vip": True}}},
            {"event": "ancient", "distinct_id": "bob", "timestamp": day, "properties": {"old": 1}},
            *({"event": name, "distinct_id": "bob", "properties": {name: "x"}} for name in HOSTILE),
            {"event": "long", "distinct_id": "bob", "properties": {LONG: 1}},
            {
                "event": "$groupidentify",
                "distinct_id": "ann",
                "properties": {"$group_type": "company", "$group_key": "acme", "$group_set": {"city": "Oslo"}},
            },
        ]
        ph.capture_many(events, progress=False)


def ready(client: Client) -> Taxonomy:
    found: list[Taxonomy] = []
    done = threading.Event()

    def take(known: Taxonomy) -> None:
        found.append(known)
        done.set()

    client.known.when_ready(take)
    assert done.wait(60)
    return found[0]


def values(client: Client, of: str, key: str) -> tuple[str, ...]:
    client.known.values(of, key)
    # Jobs are done one after the other.
    client.known.expire()
    ready(client)
    return client.known.values(of, key)


class TestWhatIsKnown:
    def test_events_come_by_their_use_and_then_those_of_long_ago(self, ph: Client) -> None:
        events = ready(ph).events
        assert events[0] == "often"
        assert events[-1] == "ancient"
        assert set(HOSTILE) - {"nul\0"} <= set(events)

    def test_a_name_of_nearly_a_megabyte_is_left_out(self, ph: Client) -> None:
        assert ph.query("SELECT count() FROM events WHERE length(properties) > 900000").rows == [[1]]
        assert max(map(len, ready(ph).event_properties)) <= taxonomy.LONGEST_NAME

    def test_properties_have_posthogs_types(self, ph: Client) -> None:
        known = ready(ph)
        assert next(name for name in known.event_properties if not name.startswith("$")) == "plan"
        expected = {"plan": "String", "n": "Numeric", "paid": "Boolean", "when": "DateTime", "old": "Numeric"}
        assert {name: known.event_properties[name] for name in expected} == expected
        assert dict(known.person_properties) == {"age": "Numeric", "vip": "Boolean"}

    def test_groups_tables_and_columns(self, ph: Client) -> None:
        known = ready(ph)
        assert (known.group_types, known.group_properties) == ({"company": 0}, {0: {"city": ""}})
        assert known.tables["events"]["timestamp"] == "datetime"

    def test_values_of_a_property_by_their_number(self, ph: Client) -> None:
        assert ph.known.values("event", "plan") == ()
        assert sorted(values(ph, "event", "plan")) == ["free", "pro"]
        assert values(ph, "person", "age") == ("3",)

    def test_actions_and_cohorts_by_their_numbers_where_the_key_may_read_them(self, twin: Twin, ph: Client) -> None:
        one = ph._connection.create("cohorts/", {"name": "Best friends", "is_static": True})["id"]
        other = ph._connection.create("actions/", {"name": "Paid up", "steps": [{"event": "often"}]})["id"]
        ph._connection.create("actions/", {"name": None, "steps": [{"event": "rare"}]})
        known = ready(ph)
        assert (known.cohorts, known.actions) == ({one: "Best friends"}, {other: "Paid up"})
        twin.always("cohorts", FAULTS["403"])
        with client_of(twin) as another:
            known = ready(another)
        assert (known.cohorts, known.actions) == ({}, {other: "Paid up"})

    @pytest.mark.parametrize("name", HOSTILE)
    def test_values_of_a_hostile_property(self, ph: Client, name: str) -> None:
        assert values(ph, "event", name) in {("x",), ()}

    def test_with_query_read_alone_types_come_from_hogql(self, twin: Twin, ph: Client) -> None:
        twin.always("definitions", FAULTS["403"])
        known = ready(ph)
        expected = {"plan": "String", "n": "Numeric", "paid": "Boolean", "when": "DateTime"}
        assert {name: known.event_properties[name] for name in expected} == expected
        assert known.person_properties == {"age": "Numeric", "vip": "Boolean"}
        assert "ancient" not in known.events

    def test_definitions_of_several_pages_are_read_to_their_end(
        self, twin: Twin, ph: Client, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(taxonomy, "_PAGE", 3)
        assert "ancient" in ready(ph).events
        assert len(twin.seen("event_definitions")) > 1


class TestWhenItIsLookedUp:
    def test_nothing_is_asked_before_somebody_wants_to_know(self, twin: Twin, ph: Client) -> None:
        assert ph.known is ph.known
        assert twin.seen() == []

    def test_the_first_answer_comes_at_once_and_is_empty(self, twin: Twin, ph: Client) -> None:
        twin.always("POST /query/", FAULTS["no answer, nothing done"])
        began = time.monotonic()
        assert ph.known.now() == Taxonomy()
        assert ph.known.values("event", "plan") == ()
        assert time.monotonic() - began < 5

    def test_it_is_looked_up_once_for_all_who_ask(self, twin: Twin, ph: Client) -> None:
        for _ in range(5):
            ph.known.now()
        ready(ph)
        asked = len(twin.seen())
        assert ready(ph) is ph.known.now()
        assert len(twin.seen()) == asked
        assert len(twin.seen("event_definitions")) == 1

    def test_it_is_old_after_minutes_and_after_a_schema_call(
        self, twin: Twin, ph: Client, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        ready(ph)
        ph.schema()
        ready(ph)
        assert len(twin.seen("event_definitions")) == 2
        monkeypatch.setattr(taxonomy, "GOOD_FOR", 0.0)
        ph.known.expire()
        ready(ph)
        ready(ph)
        assert len(twin.seen("event_definitions")) == 4

    def test_what_expires_during_a_look_up_is_looked_up_again(self, twin: Twin, ph: Client) -> None:
        twin.next("POST /query/", FAULTS["a slow first byte"])
        ph.known.now()
        while not twin.seen():
            time.sleep(0.01)
        ph.known.expire()
        ready(ph)
        ready(ph)
        assert len(twin.seen("event_definitions")) == 2


class TestFailures:
    @pytest.mark.parametrize("fault", ["401", "429, an hour", "closed, nothing done", "a login page"])
    def test_a_failure_is_logged_and_tried_again_later(
        self, twin: Twin, ph: Client, fault: str, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.INFO, "posthog_nb.taxonomy")
        twin.always("/", FAULTS[fault])
        assert ready(ph) == Taxonomy()
        assert caplog.records
        assert {record.levelno for record in caplog.records} == {logging.INFO}
        asked = len(twin.seen())
        assert ready(ph) == Taxonomy()
        assert len(twin.seen()) == asked == 1
        twin.forget()
        ph.known.expire()
        assert ready(ph).events

    @pytest.mark.parametrize("fault", ["400", "404", "504"])
    def test_a_question_that_is_refused_leaves_the_others(self, twin: Twin, ph: Client, fault: str) -> None:
        twin.next("POST /query/", *[FAULTS[fault]] * 2)
        known = ready(ph)
        assert known.tables == {}
        assert "often" in known.events
        assert known.event_properties

    @pytest.mark.parametrize(
        "answer",
        [{}, {"results": 3}, {"results": [["a"]]}, {"tables": {"x": {"fields": [1]}}, "results": []}, {"tables": None}],
    )
    def test_an_answer_of_another_shape_is_a_failure(
        self, twin: Twin, ph: Client, answer: object, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.INFO, "posthog_nb.taxonomy")
        twin.always("POST /query/", answered(Reply.json(answer)))
        assert ready(ph).events == ()
        assert {record.levelno for record in caplog.records} == {logging.INFO}

    def test_a_callback_that_fails_is_logged_and_keeps_no_other_from_being_called(
        self, ph: Client, caplog: pytest.LogCaptureFixture
    ) -> None:
        def fails(_: Taxonomy) -> None:
            raise ValueError("not mine")

        ph.known.when_ready(fails)
        assert ready(ph).events
        assert "not mine" in caplog.text

    def test_nobody_is_asked_for_a_key(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("posthog_nb.settings.chain.ask_secret", lambda _: pytest.fail("asked"))
        with posthog_nb.connect("https://analytics.example.com", project_id=1) as client:
            assert ready(client) == Taxonomy()

    def test_a_slow_query_leaves_the_client_its_own(self, twin: Twin, ph: Client) -> None:
        ready(ph)
        ph.known.expire()
        ph.known.now()
        assert ph.query("SELECT 1").rows == [[1]]
        assert twin.most_queries() <= 3


class TestTheEnd:
    def test_closing_the_client_ends_a_look_up(self, twin: Twin) -> None:
        twin.always("POST /query/", FAULTS["no answer, nothing done"])
        called: list[Taxonomy] = []
        client = client_of(twin)
        client.known.when_ready(called.append)
        while not twin.seen("POST /query/"):
            time.sleep(0.01)
        began = time.monotonic()
        client.close()
        assert time.monotonic() - began < 10
        assert len(twin.seen("POST /query/")) == 1
        assert called == []

    def test_a_closed_client_may_know_again(self, twin: Twin) -> None:
        client = client_of(twin)
        ready(client)
        client.close()
        client.known.expire()
        assert ready(client).events
        client.close()

    def test_a_query_that_runs_is_ended_on_the_server(self, twin: Twin) -> None:
        twin.always("POST /query/", FAULTS["done, no answer"])
        client = client_of(twin)
        client.known.now()
        while not twin.seen("POST /query/"):
            time.sleep(0.01)
        client.close()
        end = time.monotonic() + 5
        while not (ended := twin.seen("DELETE /query/")) and time.monotonic() < end:
            time.sleep(0.01)
        assert len(ended) == 1

    @pytest.mark.skipif(not hasattr(os, "fork"), reason="no process is a fork of another here")
    @pytest.mark.filterwarnings("ignore:.*use of fork:DeprecationWarning")
    def test_a_fork_of_the_process_looks_up_on_a_thread_of_its_own(self, twin: Twin) -> None:
        # No fault is set: it would meet the first to ask, which may be either process.
        client = client_of(twin)
        client.known.now()
        # Whatever the thread is at, its lock perhaps in hand.
        reads, writes = os.pipe()
        if os.fork() == 0:
            try:
                client.known.when_ready(lambda _: os.write(writes, b"looked up") and os._exit(0))
                time.sleep(30)
            finally:
                os._exit(0)
        os.close(writes)
        assert os.read(reads, 10) == b"looked up"
        os.close(reads)
        os.wait()
        client.close()

    @pytest.mark.slow
    @pytest.mark.parametrize("pause", [0.0, 0.3, 1.5, 3.0], ids=lambda pause: f"after {pause:g} s")
    def test_a_process_ends_in_the_middle_of_a_look_up_without_a_word(self, pause: float) -> None:
        code = f"""
import time, posthog_nb
ph = posthog_nb.connect("demo")
ph.known.now()
time.sleep({pause})
"""
        ran = in_a_process(code)
        assert (ran.returncode, ran.stdout, ran.stderr) == (0, "", "")

    @pytest.mark.parametrize("pause", [0.0, 0.1])
    def test_a_process_ends_while_the_engine_is_at_work_in_a_look_up(self, pause: float) -> None:
        code = f"""
import time, posthog_nb
ph = posthog_nb.connect("demo")
ph.query("SELECT 1")
ph.known.now()
time.sleep({pause})
"""
        ran = in_a_process(code)
        assert (ran.returncode, ran.stdout, ran.stderr) == (0, "", "")

    def test_what_is_asked_of_the_demo_when_it_has_ended_with_python_is_refused(self) -> None:
        code = """
import atexit

def ask():
    try:
        ph.query("SELECT 1")
    except OSError as error:
        print(error.message)

atexit.register(ask)
import posthog_nb
ph = posthog_nb.connect("demo")
ph.query("SELECT 1")
"""
        ran = in_a_process(code)
        assert (ran.returncode, ran.stderr) == (0, "")
        assert ran.stdout == "Python is ending, and the embedded project has ended with it.\n"

    def test_a_process_does_not_wait_for_a_silent_server(self, twin: Twin) -> None:
        twin.always("/", FAULTS["no answer, nothing done"])
        code = f"""
import time, posthog_nb
ph = posthog_nb.connect({twin.url!r}, project_id=1, personal_api_key="phx_a_key", project_token="phc_a_token")
ph.known.now()
time.sleep(0.5)
print(time.time())
"""
        ran = in_a_process(code)
        took = time.time() - float(ran.stdout)
        assert (ran.returncode, ran.stderr) == (0, "")
        assert took < 15


def in_a_process(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env={"PYTHONPATH": str(ROOT), "PATH": ""},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.fixture(autouse=True)
def _no_threads_stay() -> Iterator[None]:
    yield
    # The twin's end is a silent server's last word.
    for thread in threading.enumerate():
        if thread.name == "posthog-nb-taxonomy":
            thread.join(10)
            assert not thread.is_alive()
