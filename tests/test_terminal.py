"""Plain IPython in a terminal: what `%%hogql` shows where nothing but text can be shown."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.endless import ENDLESS

if TYPE_CHECKING:
    from collections.abc import Iterator

pexpect = pytest.importorskip("pexpect", reason="there are no such terminals here")
pytest.importorskip("chdb", reason="the embedded engine has no wheel here")

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parent.parent
DEMO = """%load_ext posthog_nb
import posthog_nb
ph = posthog_nb.connect("demo", as_of="2026-03-31T00:00:00Z")"""
SLOW = "SELECT count() AS n FROM numbers(3000000000) WHERE cityHash64(number) = 1"


class Terminal:
    """IPython at a terminal.

    Args:
        folder: Where its history goes.
    """

    def __init__(self, folder: Path) -> None:
        environ = {
            **{name: text for name, text in os.environ.items() if not name.startswith("POSTHOG_")},
            "PYTHONPATH": str(ROOT),
            "IPYTHONDIR": str(folder),
            "TERM": "dumb",
        }
        arguments = ["-m", "IPython", "--simple-prompt", "--no-banner", "--colors=NoColor"]
        self._spawned = pexpect.spawn(
            sys.executable, arguments, env=environ, encoding="utf-8", timeout=90, dimensions=(50, 160), echo=False
        )
        self._next = 1
        self._wait()

    def run(self, cell: str) -> str:
        """Run a cell, and give what is shown before the next prompt."""
        self.start(cell)
        return self._wait()

    def start(self, cell: str) -> None:
        """Run a cell."""
        lines = cell.splitlines()
        # Two empty lines end a cell of several.
        for line in [*lines, "", ""][:-1] if len(lines) > 1 else []:
            self._spawned.sendline(line)
            self._spawned.expect_exact("...: ")
        self._spawned.sendline("" if len(lines) > 1 else cell)

    def expect(self, text: str) -> None:
        """Wait until ``text`` is shown."""
        self._spawned.expect_exact(text)

    def interrupt(self) -> str:
        """Press Ctrl-C, and give what is shown before the next prompt."""
        self._spawned.sendintr()
        return self._wait()

    def close(self) -> None:
        """End it."""
        self._spawned.close(force=True)

    def _wait(self) -> str:
        self._spawned.expect(r"In \[\d+\]: ")
        return self._spawned.before.replace("\r\n", "\n")


@pytest.fixture(scope="module")
def terminal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Terminal]:
    terminal = Terminal(tmp_path_factory.mktemp("terminal"))
    for line in DEMO.splitlines():
        assert terminal.run(line).strip() == ""
    yield terminal
    terminal.close()


def test_a_cell_shows_the_frame_as_text_and_the_line_under_it(terminal: Terminal) -> None:
    shown = terminal.run("%%hogql --limit 3\nSELECT event, count() AS n FROM events GROUP BY event ORDER BY n DESC")
    assert re.search(r"event +n\n0 +\$pageview +\d+\n1 ", shown)
    assert "rows 1 to 3, 2 columns; there are more: %hogql --more or --all · " in shown
    assert " · time zone UTC · demo" in shown
    assert "<" not in shown.replace("<NA>", "")


def test_an_error_is_a_few_lines_with_a_caret_under_the_place(terminal: Terminal) -> None:
    shown = terminal.run("%%hogql\nSELECT event\nFROM events\nWHERE evnt = 'x'").strip().splitlines()
    assert shown[:3] == [
        "QueryError: Unable to resolve field: evnt",
        "  line 3: WHERE evnt = 'x'",
        "                ^^^^",
    ]
    assert len(shown) <= 6


def test_a_bar_is_a_line_that_is_gone_when_the_frame_comes(terminal: Terminal) -> None:
    shown = terminal.run(f"%%hogql\n{SLOW}")
    *bars, last = shown[: shown.index("Out[")].split("\r")
    assert any(bar.startswith("PostHog reads:") and "/3.00G" in bar for bar in bars)
    assert bars[-1].strip() == last.strip() == ""


def test_ctrl_c_ends_the_query_where_it_runs(terminal: Terminal) -> None:
    terminal.start(f"%%hogql\n{ENDLESS}")
    terminal.expect("PostHog reads")
    assert "KeyboardInterrupt" in terminal.interrupt()
    terminal.run("from tests.endless import ends_within")
    assert re.fullmatch(r"Out\[\d+\]: True", terminal.run("ends_within(1)").strip())


def test_nothing_in_a_value_or_an_error_steers_the_terminal(terminal: Terminal) -> None:
    terminal.run(r'evil = "\x1b[31mred\x1b]0;title\x07\x9b2J\x08"')
    assert r"\x1b[31mred\x1b]0;title\x07\x9b2J\x08" in terminal.run("%hogql SELECT {evil} AS evil")
    shown = terminal.run("""get_ipython().run_line_magic("hogql", f"SELECT '{evil}', evnt FROM events")""")
    assert "QueryError" in shown
    assert re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]", shown) is None
