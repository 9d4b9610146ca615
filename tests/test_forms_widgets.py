"""The forms as somebody uses them: fields filled and buttons pressed, also before servers that misbehave."""

from __future__ import annotations

import gzip
import json
import threading
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

import ipywidgets
import pytest
from ipywidgets import Widget
from werkzeug import Response

import posthog_nb
from posthog_nb.embedded.project import Project, ProjectSettings
from posthog_nb.errors import InvalidInputError
from posthog_nb.http import CAPTURE
from posthog_nb.notebook.forms.outbox import State
from posthog_nb.notebook.forms.values import Row
from posthog_nb.operations.taxonomy import Taxonomy
from tests.capture_server import CaptureServer
from tests.embedded import embedded_client
from tests.faulty import impatient
from tests.hostile_values import HOSTILE, Hostile
from tests.leaks import KEY, TOKEN, leaks
from tests.test_forms import Text, wall

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_httpserver import HTTPServer

    from posthog_nb.client import Client
    from posthog_nb.notebook.forms.form import Form

FIVE = {
    "capture": {"event": "signed up", "distinct_id": "ann"},
    "page": {"distinct_id": "ann", "name": "Pricing", "url": "https://example.com/pricing"},
    "screen": {"distinct_id": "ann", "name": "Settings"},
    "identify": {"distinct_id": "ann"},
    "alias": {"distinct_id": "ann", "alias": "bob"},
}


@pytest.fixture
def server(httpserver: HTTPServer) -> CaptureServer:
    return CaptureServer(httpserver)


@pytest.fixture
def ph(server: CaptureServer) -> Iterator[Client]:
    with impatient(), server.client() as client:
        yield client


@pytest.fixture(scope="module")
def project() -> Project:
    return Project.in_memory(ProjectSettings())


@pytest.fixture(scope="module")
def world(project: Project) -> Iterator[Client]:
    """A project in which Ann is identified, Bob is and has two ids, and a guest is not."""
    with embedded_client(project=project) as client:
        client.identify("ann", {"email": "ann@example.com"}, anon_distinct_id="ann-before")
        client.identify("bob", {"email": "bob@example.com"}, anon_distinct_id="bob-before")
        client.capture("looked", "visitor")
        client.capture("looked", "visitor")
        yield client


def looked_up(client: Client) -> None:
    """Wait until what the project knows was looked up, and offered to the forms that there are."""
    ready = threading.Event()
    client.known.when_ready(lambda _: ready.set())
    assert ready.wait(60)


def made(client: Client, name: str, **more: Any) -> Form:
    form: Form = getattr(client.forms, name)(**{**FIVE[name], **more})
    return form


def shown(form: Form) -> str:
    """All that the form says, as text."""
    return " ".join(Text(widget.value).text for widget in parts(form.widget) if isinstance(widget, ipywidgets.HTML))


def parts(widget: Any) -> Iterator[Any]:
    """A widget and all that are in it and are shown."""
    if widget.layout.display == "none":
        return
    yield widget
    for child in getattr(widget, "children", ()):
        yield from parts(child)


def is_shown(form: Form, button: Any) -> bool:
    return any(part is button for part in parts(form.widget))


class TestWhatIsSentIsWhatWasShown:
    @pytest.mark.parametrize("name", list(FIVE))
    @pytest.mark.parametrize("timestamp", ["2026-03-01T12:00:00.123456Z", None], ids=["a time", "now"])
    def test_to_the_byte_but_for_the_token(
        self, ph: Client, server: CaptureServer, name: str, timestamp: str | None
    ) -> None:
        properties = {} if name == "alias" else {"properties": {"plan": "pro", "seats": 3, "no\n": [None, True, "é"]}}
        form = made(ph, name, timestamp=timestamp, **properties)
        before = form.preview
        form.send.click()
        if name == "alias":
            form.confirm.click()
        (sent,) = server.sent
        body = gzip.decompress(sent.data).decode()
        assert form.preview == body.replace("phc_test", "phc_...")
        if timestamp is None:
            assert before == form.preview.replace(json.loads(body)["batch"][0]["timestamp"], "the moment of sending")
        else:
            assert before == form.preview
        assert "What was sent" in shown(form)

    def test_by_capture_v1_but_for_the_moment_of_the_request(self, server: CaptureServer) -> None:
        with server.client("v1") as ph:
            form = made(ph, "capture", properties={"$session_id": "s"}, timestamp="2026-03-01T12:00:00Z")
            form.send.click()
        body = gzip.decompress(server.sent[0].data).decode()
        assert form.preview == body.replace(json.loads(body)["created_at"], "the moment of sending")

    def test_each_keystroke_is_in_it(self, ph: Client) -> None:
        form = ph.forms.capture(distinct_id="ann")
        assert form.preview is None
        for typed in ("s", "si", "sig"):
            form.fields["event"].value = typed
            assert json.loads(form.preview or "")["batch"][0]["event"] == typed
        form.fields["distinct_id"].value = ""
        assert form.preview is None

    def test_the_rows_are_typed(self, ph: Client, server: CaptureServer) -> None:
        form = made(ph, "capture")
        for row, (key, kind, value) in enumerate(
            [
                ("plan", "text", "pro"),
                ("seats", "number", "3"),
                ("paid", "yes/no", True),
                ("since", "date", date(2026, 3, 1)),
                ("tags", "JSON", '["a", {"b": null}]'),
            ]
        ):
            if row:
                form.properties.add.click()
            form.properties.rows[row].key.value = key
            form.properties.rows[row].kind.value = kind
            form.properties.rows[row].value.value = value
        form.send.click()
        (event,) = server.stored
        assert {key: event["properties"][key] for key in ("plan", "seats", "paid", "since", "tags")} == {
            "plan": "pro",
            "seats": 3,
            "paid": True,
            "since": "2026-03-01",
            "tags": ["a", {"b": None}],
        }

    def test_a_picked_time_goes_in_its_zone(self, ph: Client, server: CaptureServer) -> None:
        form = made(ph, "capture")
        form.time.picker.value = wall("2026-07-01T12:00")
        form.time.zone.value = "Europe/Berlin"
        assert "In UTC: 2026-07-01T10:00:00+00:00" in shown(form)
        form.send.click()
        assert server.stored[0]["timestamp"] == "2026-07-01T10:00:00+00:00"

    def test_use_now_empties_the_time(self, ph: Client) -> None:
        form = made(ph, "capture", timestamp="2026-03-01T12:00:00Z")
        form.time.now.click()
        assert "the moment of sending" in (form.preview or "")


class TestRowsAndJson:
    def test_the_properties_go_from_one_to_the_other_and_back(self, ph: Client) -> None:
        properties = {"plan": "pro", "seats": 3, "tags": ["a"], "lines": "1\n2", "paid": False, "rate": 0.5}
        form = made(ph, "capture", properties=properties)
        before = form.preview
        form.properties.mode.value = True
        assert json.loads(form.properties.json.value) == properties
        assert form.preview == before
        form.properties.mode.value = False
        assert form.preview == before
        assert [row.kind.value for row in form.properties.rows] == [
            "text",
            "number",
            "JSON",
            "JSON",
            "yes/no",
            "number",
        ]

    def test_what_is_not_right_yet_stays_where_it_is(self, ph: Client) -> None:
        form = made(ph, "capture", properties={"seats": 3})
        form.properties.rows[0].value.value = "three"
        form.properties.mode.value = True
        assert form.properties.mode.value is False
        assert "The properties are not JSON yet. 'three' is no number." in shown(form)
        form.properties.rows[0].value.value = "3"
        form.properties.mode.value = True
        form.properties.json.value = "{"
        form.properties.mode.value = False
        assert form.properties.mode.value is True
        assert "This is no JSON" in shown(form)

    def test_what_is_typed_while_the_page_learns_of_another_kind_is_kept(self, ph: Client) -> None:
        form = ph.forms.capture("plan chosen", "ann", {"seats": "1"})
        (row,) = form.properties.rows
        on_the_page = row.value.widget
        row.kind.value = "number"
        on_the_page.value = "12"
        assert row.row == Row("seats", "number", "12")
        row.kind.value = "text"
        on_the_page.value = "12 or so"
        assert row.row == Row("seats", "text", "12 or so")

    def test_the_kinds_that_hold_no_text_keep_what_was_typed(self, ph: Client) -> None:
        form = made(ph, "capture")
        row = form.properties.rows[0]
        row.key.value, row.value.value = "tags", '["a"]'
        for kind in ("number", "yes/no", "date", "JSON"):  # as the arrow keys go through them
            row.kind.value = kind
        assert json.loads(form.preview or "")["batch"][0]["properties"]["tags"] == ["a"]

    def test_a_row_that_is_removed_is_gone(self, ph: Client) -> None:
        form = made(ph, "capture", properties={"a": 1, "b": 2})
        form.properties.rows[0].remove.click()
        assert list(json.loads(form.preview or "")["batch"][0]["properties"])[-1] == "b"
        assert form.properties.rows[0].key.widget.description == "property 1"


class TestWhatTheProjectKnows:
    KNOWN = Taxonomy(
        events=("signed up", "paid", "x" * 201, "nul\0", ""),
        event_properties={"seats": "Numeric", "paid": "Boolean", "since": "DateTime", "plan": "String", "odd": ""},
        person_properties={"email": "String"},
    )

    def test_names_that_can_be_typed_are_offered_the_most_used_first(self, ph: Client) -> None:
        form = ph.forms.capture()
        looked_up(ph)
        form.offer(self.KNOWN)
        assert form.fields["event"].widget.options == ("signed up", "paid")
        assert form.properties.rows[0].key.widget.options == ("seats", "paid", "since", "plan", "odd")
        form.properties.add.click()
        assert form.properties.rows[1].key.widget.options == ("seats", "paid", "since", "plan", "odd")

    def test_identify_offers_a_persons(self, ph: Client) -> None:
        form = ph.forms.identify()
        looked_up(ph)
        form.offer(self.KNOWN)
        assert form.properties.rows[0].key.widget.options == ("email",)

    @pytest.mark.parametrize(
        ("key", "kind"), [("seats", "number"), ("paid", "yes/no"), ("since", "date"), ("odd", "text"), ("new", "text")]
    )
    def test_a_known_property_has_its_kind(self, ph: Client, key: str, kind: str) -> None:
        form = ph.forms.capture()
        looked_up(ph)
        form.offer(self.KNOWN)
        form.properties.rows[0].key.value = key
        assert form.properties.rows[0].kind.value == kind

    def test_a_kind_that_was_chosen_stays(self, ph: Client) -> None:
        form = ph.forms.capture(properties={"a": "1"})
        looked_up(ph)
        form.offer(self.KNOWN)
        form.properties.rows[0].key.value = "seats"
        assert form.properties.rows[0].kind.value == "text"
        form.properties.add.click()
        form.properties.rows[1].kind.value = "JSON"
        form.properties.rows[1].key.value = "paid"
        assert form.properties.rows[1].kind.value == "JSON"

    def test_they_come_from_the_project_itself(self, world: Client) -> None:
        form = world.forms.capture()
        looked_up(world)
        assert "looked" in form.fields["event"].widget.options


class TestValidation:
    def test_an_untouched_form_accuses_nobody(self, ph: Client) -> None:
        assert "Not right yet" not in shown(ph.forms.capture())

    def test_send_tells_of_every_field_and_sends_nothing(self, ph: Client, server: CaptureServer) -> None:
        form = ph.forms.page()
        form.send.click()
        assert shown(form).count("Not right yet:") == 2
        assert form.fields["name"].widget.description == "name: the page's name, not right yet"
        form.fields["distinct_id"].value = "ann"
        form.fields["name"].value = "Home"
        assert "Not right yet" not in shown(form)
        assert form.fields["name"].widget.description == "name: the page's name"
        assert server.sent == []

    @pytest.mark.parametrize(
        ("edit", "message"),
        [
            (lambda form: setattr(form.fields["distinct_id"], "value", "x" * 201), "distinct_id has 201 characters"),
            (lambda form: setattr(form.properties.rows[0].value, "value", "x"), "'x' is no number"),
            (lambda form: setattr(form.time.zone, "value", "Berlin"), "no time zone 'Berlin'"),
        ],
        ids=["a text", "a row", "the zone"],
    )
    def test_a_mistake_is_told_while_typing(self, ph: Client, edit: Any, message: str) -> None:
        form = made(ph, "capture", properties={"n": 1}, timestamp="2026-03-01T12:00:00Z")
        edit(form)
        assert message in shown(form)
        assert "Empty: the time" not in shown(form)
        assert form.preview is None

    def test_an_event_that_is_too_large_is_told_of_the_form(self, ph: Client, server: CaptureServer) -> None:
        form = made(ph, "capture", properties={"a": "x" * 1_000_001})
        form.send.click()
        assert "bytes as JSON" in shown(form)
        assert server.sent == []


class TestOnce:
    def test_everything_is_disabled_while_it_is_sent(self, ph: Client, server: CaptureServer) -> None:
        form = made(ph, "capture", properties={"a": 1})
        seen: list[Any] = []

        def look(*_: Any) -> dict[str, Any]:
            inputs = [part for part in parts(form.widget) if hasattr(part, "disabled")]
            seen.append((len(inputs), [part.description for part in inputs if not part.disabled]))
            return {}

        server.server.clear()
        server.server.expect_request("/batch/").respond_with_handler(
            lambda request: look(request) or Response('{"status":"Ok"}', content_type="application/json")
        )
        form.send.click()
        assert seen == [(seen[0][0], [])]
        assert seen[0][0] >= 9
        assert not form.fields["event"].widget.disabled

    def test_a_double_click_sends_once(self, ph: Client, server: CaptureServer) -> None:
        form = made(ph, "capture")
        # The second click waits in the kernel's queue until the first is done with.
        form.send.click()
        form.send.click()
        assert len(server.sent) == 1
        assert form.send.disabled

    def test_send_another_is_another_event_and_so_is_an_edited_one(self, ph: Client, server: CaptureServer) -> None:
        form = made(ph, "capture")
        form.send.click()
        form.another.click()
        form.send.click()
        form.fields["event"].value = "paid"
        form.send.click()
        assert [event["event"] for event in server.stored] == ["signed up", "signed up", "paid"]
        assert len({event["uuid"] for event in server.stored}) == 3
        assert [sent.uuid for sent in form.history] == [event["uuid"] for event in server.stored]

    def test_a_click_on_anything_at_any_time_sends_nothing_twice(self, ph: Client, server: CaptureServer) -> None:
        form = made(ph, "capture")
        buttons = [form.confirm, form.back, form.again, form.another, form.send, form.confirm, form.back, form.again]
        for button in buttons:
            button.click()
        assert len(server.sent) == 1


class TestFailures:
    @pytest.mark.parametrize(
        ("answer", "error", "status"),
        [
            (500, "ServerError", 500),
            (503, "ServerError", 503),
            (400, "CaptureRefusedError", 400),
            (401, "CaptureRefusedError", 401),
            (413, "CaptureRefusedError", 413),
            ("break", "TransportError", None),
        ],
    )
    def test_a_failure_keeps_the_event_and_send_again_sends_the_same(
        self, ph: Client, server: CaptureServer, answer: Any, error: str, status: int | None
    ) -> None:
        form = made(ph, "capture")
        server.then(*[answer] * (CAPTURE.retries + 1))
        form.send.click()
        tried = len(server.sent)
        assert "Not sent:" in shown(form)
        assert "error.unsent" not in shown(form)
        assert (form.history[0].outcome, form.history[0].status) == (error, status)
        kept = form.unsent
        assert kept is not None
        assert kept.uuid in shown(form)
        preview = form.preview
        server.then()
        form.send.click()  # the second of a double click
        assert len(server.sent) == tried
        form.again.click()
        assert form.unsent is None
        assert form.receipt is not None
        assert form.receipt.uuid == kept.uuid
        assert len({sent.data for sent in server.sent}) == 1
        assert form.preview == preview
        assert [sent.uuid for sent in form.history] == [kept.uuid, kept.uuid]
        assert not is_shown(form, form.again)

    def test_an_edit_after_a_failure_is_another_event_and_the_kept_one_stays(
        self, ph: Client, server: CaptureServer
    ) -> None:
        form = made(ph, "capture")
        server.then(400)
        form.send.click()
        kept = form.unsent
        server.sent.clear()
        form.fields["event"].value = "paid"
        form.send.click()
        assert form.receipt is not None
        assert form.receipt.event == "paid"
        assert form.unsent is kept
        assert is_shown(form, form.again)
        assert "Kept:" in shown(form)
        form.again.click()
        assert [event["event"] for event in server.stored] == ["paid", "signed up"]
        assert kept is not None
        assert server.stored[1]["uuid"] == kept.uuid

    def test_each_event_that_failed_is_kept(self, ph: Client, server: CaptureServer) -> None:
        form = made(ph, "capture")
        server.then(400, 400)
        form.send.click()
        form.fields["event"].value = "paid"
        form.send.click()
        server.sent.clear()
        form.again.click()
        assert form.unsent is not None
        assert form.unsent.event == "signed up"
        assert "Kept: signed up" in shown(form)
        form.again.click()
        assert [event["event"] for event in server.stored] == ["paid", "signed up"]
        assert (form.unsent, is_shown(form, form.again)) == (None, False)

    def test_a_quota_that_is_used_up_is_told_and_kept(self, server: CaptureServer) -> None:
        server.results = lambda _, events: {
            event["uuid"]: {"result": "drop", "details": "billing_limit_exceeded"} for event in events
        }
        with server.client("v1") as ph:
            form = made(ph, "capture")
            form.send.click()
        assert "the plan's quota of events is used up" in shown(form)
        assert form.unsent is not None

    def test_an_interrupt_while_sending_leaves_the_form_usable(self, ph: Client, server: CaptureServer) -> None:
        form = made(ph, "capture")
        server.then("hang")
        server.interrupt_at(1)
        form.send.click()
        server.let_go.set()
        assert "Interrupted. It may have arrived all the same." in shown(form)
        kept = form.unsent
        assert kept is not None
        assert not form.fields["event"].widget.disabled
        form.again.click()
        assert form.receipt is not None
        assert form.receipt.uuid == kept.uuid

    def test_no_token_is_told_in_the_form_and_nobody_is_asked(
        self, httpserver: HTTPServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with posthog_nb.connect(httpserver.url_for("")) as ph:
            form = made(ph, "capture")
            assert "needs the project token" in shown(form)
            monkeypatch.setattr("getpass.getpass", lambda *_: pytest.fail("asked where no answer can come"))
            monkeypatch.setattr("posthog_nb.settings.prompt._in_kernel", lambda: True)
            form.fields["event"].value = "x"
            assert "needs the project token" not in shown(form)
            form.send.click()
            assert "needs the project token" in shown(form)
            assert form.history == []
            assert form.preview is not None

    def test_what_no_button_could_ask_for_the_next_cell_can(
        self, httpserver: HTTPServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        server = CaptureServer(httpserver)
        with posthog_nb.connect(httpserver.url_for("")) as ph:
            form = made(ph, "capture")
            form.send.click()
            monkeypatch.setattr("posthog_nb.settings.prompt._in_kernel", lambda: True)
            monkeypatch.setattr("getpass.getpass", lambda _: "phc_test")
            made(ph, "capture")
            form.send.click()
        assert form.receipt is not None
        assert len(server.sent) == 1

    def test_an_error_of_our_own_in_a_callback_is_shown(self, ph: Client, caplog: pytest.LogCaptureFixture) -> None:
        form = made(ph, "capture")
        form.properties.draft = lambda: 1 / 0
        form.fields["event"].value = "paid"
        assert "Error: ZeroDivisionError: division by zero" in shown(form)
        assert "callback failed" in caplog.text
        del form.properties.draft
        form.send.click()
        assert "Error:" not in shown(form)
        assert form.receipt is not None


class TestMerging:
    @pytest.mark.parametrize(
        ("kept", "merged", "says"),
        [
            (
                "ann",
                "visitor",
                "visitor is merged into ann@example.com: one person from then on. This cannot be undone.",
            ),
            ("ann", "bob", "PostHog will refuse to merge: bob@example.com, who has 'bob', is identified already."),
            ("ann", "ann-before", "Both ids are those of ann@example.com already"),
            ("ann", "nobody", "No person has 'nobody' yet: it becomes one more id of ann@example.com, for good."),
            ("nobody", "bob", "No person has 'nobody' yet: it becomes one more id of bob@example.com, for good."),
            ("nobody", "no one", "No person has either id yet: a new person gets both, for good."),
        ],
    )
    @pytest.mark.parametrize("name", ["alias", "identify", "capture"])
    def test_the_first_press_shows_whom(self, world: Client, name: str, kept: str, merged: str, says: str) -> None:
        if name == "alias":
            form = world.forms.alias(kept, merged)
        elif name == "identify":
            form = world.forms.identify(kept, anon_distinct_id=merged)
        else:
            form = world.forms.capture("$create_alias", kept, {"alias": merged})
        form.send.click()
        assert says in shown(form)
        assert form.history == []
        assert is_shown(form, form.confirm)

    def test_it_shows_names_ids_and_how_many_events(self, world: Client) -> None:
        form = world.forms.alias("ann", "visitor")
        form.send.click()
        cells = shown(form)
        assert "ann@example.com, identified" in cells
        assert "ann, ann-before" in cells
        assert "visitor" in cells
        assert ">2<" in form._asking.value, "the visitor's two events"

    def test_an_identify_that_merges_nobody_is_sent_at_once(self, world: Client) -> None:
        form = world.forms.identify("ann", {"plan": "pro"})
        form.send.click()
        assert form.receipt is not None

    def test_an_edit_takes_the_first_press_back(self, world: Client) -> None:
        form = world.forms.alias("ann", "visitor")
        form.send.click()
        form.fields["alias"].value = "bob"
        assert not is_shown(form, form.confirm)
        form.confirm.click()
        assert form.history == []
        assert not form.send.disabled

    def test_so_does_a_button(self, world: Client) -> None:
        form = world.forms.alias("ann", "visitor")
        form.send.click()
        form.back.click()
        form.confirm.click()
        assert form.history == []

    def test_a_double_click_on_send_merges_nobody(self, world: Client) -> None:
        form = world.forms.alias("ann", "visitor")
        form.send.click()
        form.send.click()
        assert form.history == []
        assert is_shown(form, form.confirm)

    @pytest.mark.parametrize(("kept", "merged"), [("cat", "visitor-2"), ("ann", "bob"), ("dan", "no one else")])
    def test_what_was_foretold_is_what_comes(self, world: Client, kept: str, merged: str) -> None:
        world.identify("cat", {"email": "cat@example.com"})
        world.capture("looked", "visitor-2")
        form = world.forms.alias(kept, merged)
        form.send.click()
        foretold = form._outbox.merge
        assert foretold is not None
        form.confirm.click()
        assert form.receipt is not None
        owners = world.query(
            "SELECT count(DISTINCT person_id) FROM person_distinct_ids WHERE distinct_id IN {ids}",
            values={"ids": [kept, merged]},
            fresh=True,
        ).rows[0][0]
        assert owners == (2 if foretold.outcome == "refused" else 1)

    def test_persons_that_cannot_be_looked_up_are_told_and_can_be_merged(
        self, ph: Client, server: CaptureServer
    ) -> None:
        form = made(ph, "alias")
        form.send.click()
        assert "cannot be undone. Who they are could not be looked up" in shown(form)
        form.confirm.click()
        assert [event["event"] for event in server.stored] == ["$create_alias"]


class TestAfterwards:
    def test_it_is_seen_to_arrive(self, world: Client) -> None:
        form = made(world, "capture")
        form.send.click()
        form.see.click()
        assert form._looking is not None
        form._looking.join(60)
        assert form.receipt is not None
        assert form.receipt.arrived
        assert "It has arrived" in shown(form)
        assert not is_shown(form, form.see)

    def test_the_kernel_is_free_while_it_is_looked_for(self, world: Client, monkeypatch: pytest.MonkeyPatch) -> None:
        going = threading.Event()
        monkeypatch.setattr(
            "posthog_nb.notebook.forms.form.verified", lambda connection, receipt, seconds: going.wait(30) and receipt
        )
        form = made(world, "capture")
        form.send.click()
        form.see.click()
        assert form._looking is not None
        assert form._looking.is_alive()
        assert "Looking for it" in shown(form)
        assert not is_shown(form, form.see)
        form.another.click()
        form.send.click()
        assert "Looking for it" not in shown(form), "the other event is not looked for"
        assert is_shown(form, form.see)
        going.set()
        assert form._looking is not None
        form._looking.join(30)

    def test_one_that_could_not_be_looked_up_can_be_looked_for_again(self, server: CaptureServer) -> None:
        # The server takes events and answers no query.
        with impatient(), server.client(personal_api_key="phx_test", project_id=1) as ph:
            form = made(ph, "capture")
            form.send.click()
            for _ in range(2):
                form.see.click()
                assert form._looking is not None
                form._looking.join(60)
                assert form.receipt is not None
                assert (form.receipt.arrived, len(form.receipt.remarks)) == (None, 1)
                assert "Looking it up failed" in shown(form)
                assert is_shown(form, form.see)

    def test_without_a_key_looking_says_what_it_needs(self, ph: Client) -> None:
        form = made(ph, "capture")
        form.send.click()
        form.see.click()
        assert "needs a personal API key" in shown(form)
        assert form.receipt is not None

    @pytest.mark.parametrize("name", list(FIVE))
    def test_the_history_is_python_that_does_the_same(self, world: Client, name: str) -> None:
        form = made(world, name, timestamp="2026-03-01T12:00:00.123456Z")
        form.send.click()
        form.confirm.click()
        assert form.receipt is not None, shown(form)
        (sent,) = form.history
        assert (sent.event, sent.uuid, sent.status) == (form.receipt.event, form.receipt.uuid, 200)
        assert sent.uuid in shown(form)
        made_again: dict[str, Any] = {"ph": world}
        code = form.history_code.replace("ph.", "receipt = ph.")
        exec(code, made_again)  # noqa: S102 - that it runs is what is promised
        assert made_again["receipt"].uuid == sent.uuid
        assert made_again["receipt"].timestamp == datetime(2026, 3, 1, 12, 0, 0, 123456, tzinfo=UTC)
        stored = world.query("SELECT DISTINCT uuid FROM events WHERE uuid = {u}", values={"u": sent.uuid}, fresh=True)
        assert len(stored.rows) == 1

    def test_the_fields_are_code_too(self, world: Client) -> None:
        form = made(world, "page", properties={"a": [1, None]}, timestamp="2026-03-01T12:00:00Z")
        assert form.code == (
            "from datetime import UTC, datetime\n\nph.page(\n    distinct_id='ann',\n    name='Pricing',\n"
            "    url='https://example.com/pricing',\n    properties={'a': [1, None]},\n"
            "    timestamp=datetime(2026, 3, 1, 12, 0, tzinfo=UTC),\n)"
        )


class TestHostile:
    @pytest.mark.parametrize("hostile", HOSTILE, ids=str)
    def test_it_stays_text_and_arrives_as_it_is(self, ph: Client, server: CaptureServer, hostile: Hostile) -> None:
        form = ph.forms.capture(hostile.name, hostile.name, {hostile.name: hostile.value})
        form.offer(Taxonomy(events=(hostile.text,), event_properties={hostile.text: "<b>"}))
        form.send.click()
        assert form.receipt is not None, shown(form)
        (event,) = server.stored
        assert (event["event"], event["properties"][hostile.name]) == (hostile.name, hostile.value)
        allowed = {"div", "span", "p", "code", "strong", "br", "table", "tr", "th", "td", "details", "summary", "pre"}
        for widget in parts(form.widget):
            if isinstance(widget, ipywidgets.HTML):
                assert set(Text(widget.value).tags) <= allowed | {"style"}
                assert len(widget.value) < 500_000
        assert set(Text(form._repr_mimebundle_()["text/html"]).tags) <= allowed | {"ul", "li"}

    @pytest.mark.parametrize("hostile", HOSTILE, ids=str)
    def test_a_person_of_that_name_is_shown_as_text(self, world: Client, hostile: Hostile) -> None:
        world.identify(f"named-{hostile.id}", {"email": hostile.text[:5000]})
        form = world.forms.alias(f"named-{hostile.id}", "somebody else")
        form.send.click()
        assert set(Text(form._asking.value).tags) <= {"div", "strong", "table", "tr", "th", "td"}
        assert len(form._asking.value) < 20_000


class TestSecrets:
    def test_no_widget_holds_a_key(self, httpserver: HTTPServer) -> None:
        CaptureServer(httpserver)
        before = set(Widget.get_manager_state()["state"])
        with (
            posthog_nb.connect(httpserver.url_for(""), project_id=1, personal_api_key=KEY, project_token=TOKEN) as ph,
            impatient(),
        ):
            forms = [made(ph, name) for name in FIVE]
            for form in forms:
                form.send.click()
                form.confirm.click()
                form.see.click()
            state = {name: kept for name, kept in Widget.get_manager_state()["state"].items() if name not in before}
            told = json.dumps(state) + "".join(
                json.dumps(form._repr_mimebundle_()) + repr(vars(form)) for form in forms
            )
        assert len(state) > 100
        assert leaks(told) == []

    def test_nor_where_an_embedded_project_made_them(self, world: Client, project: Project) -> None:
        form = made(world, "capture")
        form.send.click()
        told = json.dumps(Widget.get_manager_state()) + json.dumps(form._repr_mimebundle_())
        assert project.settings.project_token not in told
        assert project.settings.personal_api_key not in told


class TestThePage:
    def test_it_lists_the_forms_and_their_twins(self, ph: Client) -> None:
        for text in (repr(ph.forms), Text(ph.forms._repr_html_()).text):
            for name in FIVE:
                assert f"ph.forms.{name}()" in text
                assert f"ph.{name}(" in text

    def test_a_form_begins_with_what_is_given_under_the_names_of_its_twin(self, ph: Client) -> None:
        form = ph.forms.capture(event="paid", distinct_id=17, properties={"a": 1}, timestamp="2026-03-01T12:00:00Z")
        assert (form.fields["event"].value, form.fields["distinct_id"].value) == ("paid", "17")
        assert form.time.picker.value == wall("2026-03-01T12:00")
        assert form._outbox.state is State.EDITING

    @pytest.mark.parametrize(
        "given", [{"event": 5}, {"event": ["paid"]}, {"distinct_id": True}, {"distinct_id": b"ann"}]
    )
    def test_what_is_no_text_is_refused_as_its_twin_refuses_it(self, ph: Client, given: dict[str, Any]) -> None:
        with pytest.raises(InvalidInputError, match="not text"):
            ph.forms.capture(**given)
