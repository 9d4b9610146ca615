"""Completion and hover help as front ends ask for them: messages to a real kernel."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from jupyter_client.manager import start_new_kernel

if TYPE_CHECKING:
    from collections.abc import Iterator

    from jupyter_client.blocking.client import BlockingKernelClient

ROOT = Path(__file__).parent.parent
_SECONDS = 120
Q = "%%hogql\n"

_BEGIN = """
import posthog_nb, threading
%load_ext posthog_nb
ph = posthog_nb.connect("demo")
ready = threading.Event()
ph.known.when_ready(lambda _: ready.set())
assert ready.wait(100)
since = 1
"""


class Kernel:
    """A kernel, asked as a front end asks it; ``|`` is the cursor."""

    def __init__(self, client: BlockingKernelClient) -> None:
        self._client = client

    def run(self, code: str) -> None:
        reply = self._client.execute(code, reply=True, timeout=_SECONDS)
        assert reply["content"]["status"] == "ok", reply["content"]

    def complete(self, marked: str) -> dict[str, Any]:
        code, at = marked.replace("|", "", 1), marked.index("|")
        content: dict[str, Any] = self._client.complete(code, at, reply=True, timeout=_SECONDS)["content"]
        return content

    def inspect(self, marked: str) -> dict[str, Any]:
        code, at = marked.replace("|", "", 1), marked.index("|")
        content: dict[str, Any] = self._client.inspect(code, at, reply=True, timeout=_SECONDS)["content"]
        assert content["status"] == "ok"
        return content

    def help(self, marked: str) -> str:
        found = self.inspect(marked)
        return found["data"]["text/plain"] if found["found"] else ""


@pytest.fixture(scope="module")
def kernel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kernel]:
    kept = {name: text for name, text in os.environ.items() if not name.startswith("POSTHOG_")}
    folder = tmp_path_factory.mktemp("kernel")
    environment = {**kept, "PYTHONPATH": str(ROOT), "IPYTHONDIR": str(folder)}
    manager, client = start_new_kernel(kernel_name="python3", env=environment, cwd=str(folder))
    try:
        kernel = Kernel(client)
        kernel.run(_BEGIN)
        yield kernel
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


class TestComplete:
    @pytest.mark.parametrize(
        ("marked", "first", "kind"),
        [
            ("SELECT properties.$br| FROM events", "$browser", "string"),
            ("SELECT 1 FROM events WHERE event = 'signed|'", "signed_up", "event"),
            ("SELECT 1 FROM ev|", "events", "table"),
            ("SELECT uniq|", "uniq", "function"),
            ("SELECT {sin|}", "since", "placeholder"),
        ],
    )
    def test_a_cell(self, kernel: Kernel, marked: str, first: str, kind: str) -> None:
        reply = kernel.complete(Q + marked)
        at = (Q + marked).index("|")
        assert (reply["status"], reply["cursor_end"], reply["matches"][0]) == ("ok", at, first)
        assert (Q + marked)[reply["cursor_start"] : at].lower() in first.lower()
        assert reply["metadata"]["_jupyter_types_experimental"][0] == {
            "start": reply["cursor_start"],
            "end": at,
            "text": first,
            "type": kind,
            "signature": "",
        }

    def test_python_completes_as_ever(self, kernel: Kernel) -> None:
        assert "import" in kernel.complete("impo|")["matches"]
        assert "connect" in kernel.complete("posthog_nb.conn|")["matches"]

    def test_what_stands_beyond_the_basic_plane_moves_nothing(self, kernel: Kernel) -> None:
        marked = f"{Q}SELECT '🦔', properties.$br| FROM events"
        reply = kernel.complete(marked)
        assert marked[reply["cursor_start"] : reply["cursor_end"]] == "$br"

    def test_a_lone_line_as_some_front_ends_send_it(self, kernel: Kernel) -> None:
        assert kernel.complete("%hogql SELECT 1 FROM ev|")["matches"][0] == "events"


class TestInspect:
    @pytest.mark.parametrize(
        ("marked", "told"),
        [
            ("SELECT toD|ate(timestamp) FROM events", ["toDate(", "function", "NULL for text that is no date."]),
            ("SELECT toDate(|) FROM events", ["toDate("]),
            ("SELECT count() FROM ev|ents", ["events", "table", "timestamp", "DateTime"]),
            ("SELECT time|stamp FROM events", ["timestamp", "column, DateTime"]),
            ("SELECT e.properties.$bro|wser FROM events e", ["property of events, Nullable(String)"]),
            ("SELECT person.properties.sea|ts FROM events", ["property of persons, Nullable(Float)"]),
            ("SELECT per|son.id FROM events", ["person", "table", "created_at"]),
            ("SELECT 1 FROM events WHERE event = 'signed|_up'", ["signed_up", "event"]),
            ("WITH a AS (SELECT 1 AS one) SELECT o|ne FROM a", ["one", "column, Integer"]),
        ],
    )
    def test_a_cell(self, kernel: Kernel, marked: str, told: list[str]) -> None:
        found = kernel.help(Q + marked)
        assert [text for text in told if text not in found] == []

    def test_html_comes_beside_the_text(self, kernel: Kernel) -> None:
        html = kernel.inspect(f"{Q}SELECT 1 FROM ev|ents")["data"]["text/html"]
        assert "<table>" in html
        assert "<script" not in html

    def test_an_option_is_told_of(self, kernel: Kernel) -> None:
        assert "the most rows to return" in kernel.help("%%hogql --lim|it 5\nSELECT 1")

    def test_nothing_is_made_up(self, kernel: Kernel) -> None:
        # `len` is Python's, and `nothing` nobody's.
        for marked in ("SELECT noth|ing FROM events", "SELECT l|en FROM events", "SEL|ECT 1"):
            assert kernel.help(Q + marked) == ""

    def test_a_placeholder_is_the_notebooks_variable(self, kernel: Kernel) -> None:
        assert "int" in kernel.help(f"{Q}SELECT {{sin|ce}}")

    def test_python_and_the_magic_are_told_of_as_ever(self, kernel: Kernel) -> None:
        assert "Make one" in kernel.help("posthog_nb.conn|ect") or "client for" in kernel.help("posthog_nb.conn|ect")
        assert "Run HogQL" in kernel.help("%%hog|ql\nSELECT 1")

    def test_the_questions_mark_goes_on_working(self, kernel: Kernel) -> None:
        kernel.run("%%hogql?")
        kernel.run("%posthog help toDate")


def test_unloading_leaves_no_trace(kernel: Kernel) -> None:
    kernel.run("assert 'do_inspect' in vars(get_ipython().kernel)")
    kernel.run("%reload_ext posthog_nb")
    kernel.run("%unload_ext posthog_nb")
    kernel.run("assert 'do_inspect' not in vars(get_ipython().kernel)")
    assert kernel.help(f"{Q}SELECT toD|ate(1)") == ""
    kernel.run("%load_ext posthog_nb")
    assert kernel.help(f"{Q}SELECT toD|ate(1)")


def test_a_kernel_ends_while_something_is_looked_up(tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "IPYTHONDIR": str(tmp_path)}
    manager, client = start_new_kernel(kernel_name="python3", env=environment, cwd=str(tmp_path))
    try:
        kernel = Kernel(client)
        kernel.run("import posthog_nb\n%load_ext posthog_nb\nph = posthog_nb.connect('demo')")
        assert kernel.complete(f"{Q}SELECT 1 FROM ev|")["matches"][0] == "events"
        client.shutdown()
        end = time.monotonic() + 60
        while manager.is_alive() and time.monotonic() < end:
            time.sleep(0.05)
        assert manager.provisioner.process.returncode == 0
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
