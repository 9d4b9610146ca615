"""`%posthog`, and `--connection` of a cell."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import posthog_nb
from posthog_nb.client import latest_client
from posthog_nb.errors import InvalidInputError, PostHogError
from posthog_nb.notebook.connections import posthog_help
from posthog_nb.settings import profiles as kept_profiles
from tests.test_magics import run, value

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

KEY = "phx_" + "a1B2" * 8


@pytest.fixture
def shell(shell: InteractiveShell, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> InteractiveShell:
    """With no settings of whoever runs the tests."""
    monkeypatch.setattr(kept_profiles, "profiles_path", lambda: tmp_path / "config" / "profiles.toml")
    for name in ("HOST", "PROJECT_ID", "PERSONAL_API_KEY", "API_KEY", "PROJECT_TOKEN"):
        monkeypatch.delenv(f"POSTHOG_{name}", raising=False)
    return shell


def source(frame: Any) -> str:
    return str(frame.attrs["posthog"]["source"])


class TestConnect:
    def test_it_sets_ph_and_sends_nothing(self, shell: InteractiveShell) -> None:
        ran = run(shell, "%posthog connect https://posthog.example --project-id 7")
        assert (ran.value, ran.footers) == (None, ["ph is set · posthog.example"])
        assert shell.user_ns["ph"] is latest_client()
        shell.user_ns["ph"].close()

    def test_another_name_leaves_ph_alone(self, shell: InteractiveShell, demo: posthog_nb.Client) -> None:
        run(shell, "%posthog connect demo -o other")
        assert shell.user_ns["ph"] is demo
        assert shell.user_ns["other"].source == "demo"
        shell.user_ns["other"].close()

    @pytest.mark.parametrize(
        ("line", "message"),
        [
            (f"connect eu {KEY}", "a key on a line is saved"),
            ("conect", "invalid choice: 'conect'"),
            ("connect eu -o 1st", "'1st' is no name"),
            ("connect 'eu", "cannot be read"),
            ("connect --profle x", "unrecognized arguments: --profle"),
            ("connect --profile nobody", "no such profile"),
        ],
    )
    def test_a_slip_is_one_clear_error_without_a_key(self, shell: InteractiveShell, line: str, message: str) -> None:
        ran = run(shell, f"%posthog {line}")
        assert isinstance(ran.error, PostHogError)
        assert message in str(ran.error)
        assert KEY not in str(ran.error) + ran.printed


class TestConnection:
    def test_a_cell_may_ask_the_client_in_another_variable(self, shell: InteractiveShell) -> None:
        with posthog_nb.connect("https://posthog.example") as shell.user_ns["ph"]:
            shell.user_ns["made_up"] = posthog_nb.connect("demo", as_of="2026-03-31T00:00:00Z")
            assert source(value(shell, "%%hogql --connection made_up\nSELECT 1")) == "demo"
            assert source(value(shell, "%hogql --connection made_up SELECT 1")) == "demo"
            shell.user_ns["made_up"].close()

    def test_or_one_with_a_saved_profile_which_the_other_cells_do_not(self, shell: InteractiveShell) -> None:
        posthog_nb.save_profile("work", host="https://posthog.example", project_id=3, project_token="phc_" + "a1B2" * 8)
        del shell.user_ns["ph"]
        with posthog_nb.connect("demo") as latest:
            for _ in range(2):
                assert "posthog.example needs" in str(run(shell, "%hogql --connection work SELECT 1").error)
            assert latest_client() is latest

    def test_a_name_of_nothing_says_what_there_is(self, shell: InteractiveShell) -> None:
        posthog_nb.save_profile("work", host="eu", project_token="phc_" + "a1B2" * 8)
        shell.user_ns["wrok"] = 5
        with pytest.raises(InvalidInputError, match=r"wrok.*Variables: ph\. Profiles: work\."):
            value(shell, "%%hogql --connection wrok\nSELECT 1")


class TestWhatThereIs:
    def test_status_is_the_clients_check(self, shell: InteractiveShell) -> None:
        found = value(shell, "%posthog status")
        assert isinstance(found, posthog_nb.Check)
        assert found.ok

    def test_profiles_are_a_frame_without_secrets(self, shell: InteractiveShell) -> None:
        assert value(shell, "%posthog profiles").empty
        posthog_nb.save_profile("work", host="eu", project_id=3, personal_api_key=KEY)
        posthog_nb.save_profile("home", host="https://posthog.example", project_token="phc_" + "a1B2" * 8)
        ran = run(shell, "%posthog profiles")
        assert ran.value.to_dict("records") == [
            {"name": "work", "host": "eu.posthog.com", "project_id": 3, "secrets": "file", "default": True},
            {"name": "home", "host": "posthog.example", "project_id": None, "secrets": "file", "default": False},
        ]
        assert KEY not in ran.printed

    def test_schema_lists_columns_and_a_pattern_chooses(self, shell: InteractiveShell) -> None:
        whole = value(shell, "%posthog schema")
        assert list(whole.columns) == ["table", "column", "type"]
        assert {"events", "persons", "sessions"} <= set(whole.table)
        assert set(value(shell, "%posthog schema events.*").table) == {"events"}
        assert {"distinct_id"} <= set(value(shell, "%posthog schema DISTINCT").column) < set(whole.column)
        assert value(shell, "%posthog schema nothing.at.all").empty

    def test_events_are_the_projects_with_their_counts(self, shell: InteractiveShell, demo: posthog_nb.Client) -> None:
        ran = run(shell, "%posthog events")
        assert list(ran.value.columns) == ["event", "events", "first_seen", "last_seen"]
        assert ran.value.events.is_monotonic_decreasing
        (views,) = demo.query(
            "SELECT count() FROM events WHERE event = '$pageview' AND timestamp > now() - INTERVAL 30 DAY"
        ).rows[0]
        assert ran.value.set_index("event").events["$pageview"] == views
        assert "complete" in ran.footers[0]

    def test_another_connection_may_be_named(self, shell: InteractiveShell) -> None:
        shell.user_ns["other"] = shell.user_ns.pop("ph")
        for command in ("status", "schema events.*", "events"):
            assert run(shell, f"%posthog {command} --connection other").error is None


def test_the_line_alone_shows_its_help(shell: InteractiveShell) -> None:
    assert run(shell, "%posthog").printed == run(shell, "%posthog -h").printed == f"{posthog_help()}\n"


def test_every_command_and_option_is_documented() -> None:
    page = (Path(__file__).parent.parent / "docs" / "notebook.md").read_text()
    documented = re.findall(r"^\| `%posthog (.*?)`", page, re.MULTILINE)
    helped = re.findall(r"^    (?!COMMAND)(\w+) ", posthog_help(), re.MULTILINE)
    assert {line.split()[0] for line in documented} == {*helped, "-h"}
    for line in documented:
        for option in re.findall(r"--?[a-z][a-z-]*", line):
            assert option in posthog_help("snapshot" if line.startswith("snapshot") else None)


def test_unloading_takes_it_away(shell: InteractiveShell) -> None:
    run(shell, "%unload_ext posthog_nb")
    assert shell.find_line_magic("posthog") is None
