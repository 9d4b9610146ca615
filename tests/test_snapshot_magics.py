"""`%posthog snapshot` in a notebook, and `posthog-nb snapshot` at a terminal."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import posthog_nb
from posthog_nb.cli import main
from posthog_nb.client import Client, latest_client
from posthog_nb.errors import PostHogError
from tests import recordings
from tests.embedded import embedded_client
from tests.test_completion import Asked
from tests.test_magics import run, value

if TYPE_CHECKING:
    from collections.abc import Iterator

    from IPython.core.interactiveshell import InteractiveShell

COUNT = "%hogql SELECT count() AS n FROM events WHERE event = '$pageview'"


@pytest.fixture
def shell(shell: InteractiveShell, demo: Client, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Any]:
    """A shell that works in an empty folder; who verifies without a client has the demo that is there."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("posthog_nb.verifying.verifying.connect", lambda *_, **__: Client(demo._connection.unkept()))
    yield shell
    demo._connection.keeper = None


@pytest.fixture
def recorded(shell: InteractiveShell) -> InteractiveShell:
    """The same, with one answer in `q1`; it records no longer."""
    record(shell, COUNT)
    return shell


def record(shell: InteractiveShell, cell: str) -> None:
    value(shell, "%posthog snapshot record q1")
    value(shell, cell)
    shell.user_ns["ph"]._connection.keeper = None


class TestRecord:
    def test_the_cells_answers_are_kept_from_there_on(self, shell):
        ran = run(shell, "%posthog snapshot record 'my data/q 1' --mask email,name --drop '$ip' --hash-ids")
        assert ran.value is None
        (line,) = ran.footers
        assert line.startswith("demo is recorded into my data/q 1 from here on · 'email', 'name' are masked, '$ip' is")
        value(shell, COUNT)
        assert len(posthog_nb.Snapshot("my data/q 1")) == 1

    def test_it_says_what_is_there_and_that_nothing_is_covered(self, recorded):
        (line,) = run(recorded, "%posthog snapshot record q1").footers
        assert "beside the 1 answer that is there" in line
        assert "nothing is masked, dropped or hashed" in line

    def test_it_refuses_to_cover_something_else_than_what_is_there_has_covered(self, recorded):
        with pytest.raises(PostHogError, match="recorded with nothing masked, and this recording has mask"):
            value(recorded, "%posthog snapshot record q1 --mask email")
        assert recorded.user_ns["ph"]._connection.keeper is None

    def test_the_same_once_more_goes_on_with_the_pseudonyms_that_were_given_out(self, shell):
        value(shell, "%posthog snapshot record q1 --hash-ids --mask email,name")
        value(shell, "%hogql -o who SELECT distinct_id FROM events LIMIT 1")
        shell.user_ns["one"] = shell.user_ns["who"].distinct_id[0]
        value(shell, "%posthog snapshot record ./q1/ --hash-ids --mask name,email")
        of_one = "%hogql SELECT count() AS n FROM events WHERE distinct_id = {one}"
        assert value(shell, of_one).n[0] > 0
        value(shell, "%posthog snapshot record q2 --hash-ids")
        told = str(run(shell, of_one).error)
        assert "is a pseudonym that another recording gave out" in told

    def test_another_recording_takes_the_place_of_the_first(self, shell):
        value(shell, "%posthog snapshot record q1")
        value(shell, "%posthog snapshot record q2")
        value(shell, COUNT)
        assert not Path("q1").exists()
        assert len(posthog_nb.Snapshot("q2")) == 1


class TestReplay:
    def test_ph_becomes_a_client_that_replays(self, recorded):
        first = value(recorded, COUNT)
        ran = run(recorded, "%posthog snapshot replay q1")
        assert ran.footers == ["ph is set · demo, replayed from q1"]
        assert value(recorded, COUNT).equals(first)
        assert "is not in the snapshot" in str(run(recorded, "%hogql SELECT 1").error)

    def test_or_another_variable(self, recorded):
        ph = recorded.user_ns["ph"]
        run(recorded, "%posthog snapshot replay q1 -o old")
        assert recorded.user_ns["ph"] is ph
        assert value(recorded, COUNT.replace("%hogql", "%hogql --connection old")).n[0] > 0


class TestVerify:
    def test_the_notebooks_own_client_is_asked(self, recorded):
        found = value(recorded, "%posthog snapshot verify q1")
        assert isinstance(found, posthog_nb.Verification)
        assert found.ok

    def test_where_that_replays_one_of_the_recorded_project(self, recorded):
        run(recorded, "%posthog snapshot replay q1")
        replay = recorded.user_ns["ph"]
        assert value(recorded, "%posthog snapshot verify q1").ok
        assert latest_client() is replay

    def test_one_that_is_named_is_asked(self, recorded):
        with embedded_client() as recorded.user_ns["other"]:
            ran = run(recorded, "%posthog snapshot verify q1 --connection other")
        assert "is of demo, seed 1" in str(ran.error)


class TestListAndPrune:
    def test_the_list_is_a_frame(self, recorded):
        assert list(value(recorded, "%posthog snapshot list q1").asked) == [COUNT.removeprefix("%hogql ")]

    def test_pruning_says_what_it_removed(self, recorded):
        assert value(recorded, "%posthog snapshot prune q1").answers == 0
        assert value(recorded, "%posthog snapshot prune q1 --before 2999-01-01").answers == 1


class TestSlips:
    @pytest.mark.parametrize(
        ("line", "message"),
        [
            ("snapshot repaly q1", "invalid choice: 'repaly'"),
            ("snapshot record", "required: PATH"),
            ("snapshot replay none", "There is no snapshot at none"),
            ("snapshot verify none", "There is no snapshot at none"),
            ("snapshot list file", "is a file"),
            ("snapshot record file", "is a file"),
            ("snapshot replay ~nobodys/q1", "The path of the snapshot leads nowhere"),
            ("snapshot list " + "x" * 300, "The path of the snapshot leads nowhere"),
            ("snapshot replay q1 -o 1st", "'1st' is no name"),
            ("snapshot record q1 --mask ,", "names no property"),
            ("snapshot record q1 --mask email --drop email", "in mask and in drop"),
            ("snapshot record q1 --connection nobody", "no client in a variable"),
            ("snapshot prune q1 --before soon", "before is 'soon'"),
            ("snapshot record 'q1", "cannot be read"),
            ("snapshot record q1 phx_" + "a1B2" * 8, "a key on a line is saved"),
        ],
    )
    def test_a_slip_is_one_clear_error(self, recorded, line, message):
        Path("file").touch()
        ran = run(recorded, f"%posthog {line}")
        assert isinstance(ran.error, PostHogError)
        assert message in str(ran.error)

    def test_a_replay_is_not_recorded(self, recorded):
        run(recorded, "%posthog snapshot replay q1")
        told = str(run(recorded, "%posthog snapshot record q2").error)
        assert told.startswith("This client is for demo, replayed from q1, and has nothing of its own to record.")


class TestHelp:
    @pytest.mark.parametrize("line", ["snapshot", "snapshot -h", "snapshot record -h", "snapshot prune q1 --help"])
    def test_the_page_has_every_action(self, shell, line):
        printed = run(shell, f"%posthog {line}").printed
        for action in ("record", "replay", "verify", "list", "prune"):
            assert f"{action} PATH" in printed

    @pytest.mark.parametrize(
        ("line", "found"),
        [
            ("%posthog snap|", {"snapshot"}),
            ("%posthog snapshot |", {"record", "replay", "verify", "list", "prune"}),
            ("%posthog snapshot re|", {"record", "replay"}),
            ("%posthog snapshot record |", {"--mask", "--drop", "--hash-ids", "--connection", "data"}),
            ("%posthog snapshot replay data/|", {"data/q1"}),
            ("%posthog snapshot verify data/q1 --connection |", {"ph"}),
            ("%posthog snapshot bogus |", set()),
        ],
    )
    def test_the_line_completes(self, shell, line, found):
        Path("data/q1").mkdir(parents=True)
        assert set(Asked(shell, line).texts) - {""} == found


class TestCommandLine:
    def test_verify_says_what_it_found_and_fails_where_something_differs(self, recorded, capsys):
        assert main(["snapshot", "verify", "q1"]) == 0
        assert "1 answer: 1 same" in capsys.readouterr().out
        record(recorded, "%hogql SELECT rand() AS n")
        assert main(["snapshot", "verify", "q1"]) == 1
        assert "1 row changed" in capsys.readouterr().out

    def test_list_and_prune(self, recorded, capsys):
        assert main(["snapshot", "list", "q1"]) == 0
        assert "SELECT count() AS n" in capsys.readouterr().out
        assert main(["snapshot", "prune", "q1", "--before", "2999-01-01"]) == 0
        assert "1 answer and 1 file" in capsys.readouterr().out
        assert main(["snapshot", "verify", "q1"]) == 1

    def test_a_snapshot_that_is_not_there_is_an_error(self, shell, capsys):
        assert main(["snapshot", "verify", "none"]) == 1
        assert "There is no snapshot at none" in capsys.readouterr().err

    def test_what_is_written_to_takes_no_check_marks(self, tmp_path, monkeypatch):
        recordings.record(tmp_path / "q1", recordings.asked("SELECT '≠✓'"))
        written = io.BytesIO()
        monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(written, encoding="cp1252"))
        assert main(["snapshot", "list", str(tmp_path / "q1")]) == 0
        assert rb"SELECT '\u2260\u2713'  first  3 rows" in written.getvalue()

    def test_who_reads_has_enough(self, tmp_path, monkeypatch):
        recordings.record(tmp_path / "q1")
        read, write = os.pipe()
        os.close(read)
        with os.fdopen(write, "w", encoding="utf-8") as pipe:
            monkeypatch.setattr(sys, "stdout", pipe)
            assert main(["snapshot", "list", str(tmp_path / "q1")]) == 1

    def test_every_option_is_documented(self):
        page = (Path(__file__).parent.parent / "docs" / "snapshots.md").read_text()
        for action in ("verify", "list", "prune"):
            assert f"posthog-nb snapshot {action}" in page
        shown = subprocess.run(
            [sys.executable, "-m", "posthog_nb", "snapshot", "verify", "--help"],
            capture_output=True, text=True, check=True,
        ).stdout  # fmt: skip
        assert "--profile" in shown
        assert "--profile" in page
