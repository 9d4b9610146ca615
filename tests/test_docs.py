"""The documentation names what there is, and what it names is there."""

from __future__ import annotations

import argparse
import inspect
import re
import subprocess
import sys
from pathlib import Path

import pytest

from posthog_nb import cli, errors
from posthog_nb.client import Client
from posthog_nb.connecting import connect
from posthog_nb.embedded.hogql import ProjectFacts, compile_query
from posthog_nb.notebook.snapshots import add_actions
from posthog_nb.operations.capture_v1 import REASONS
from posthog_nb.snapshots.recording import Recording
from posthog_nb.verifying.snapshot import Snapshot
from tools import hogql_page

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]


@pytest.mark.parametrize("name", sorted(set(errors.__all__) - {"Span"}))
def test_every_error_has_its_entry(name: str) -> None:
    assert f"`{name}`" in (ROOT / "docs" / "errors.md").read_text()


@pytest.mark.parametrize("name", [*inspect.signature(Client.capture_many).parameters, *REASONS])
def test_every_option_of_many_events_and_every_tag_of_capture_v1_is_documented(name: str) -> None:
    assert name == "self" or f"`{name}" in (ROOT / "docs" / "sending.md").read_text()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_into_the_project_leads_somewhere(page: Path) -> None:
    targets = re.findall(r"\]\((?!https?://|#)([^)#]+)", page.read_text())
    assert [target for target in targets if not (page.parent / target).exists()] == []


def _anchors(page: Path) -> set[str]:
    """What a link may name after its ``#``, as GitHub makes it of a page's headings."""
    text = re.sub(r"^```.*?^```", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)
    headings = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_to_a_heading_leads_to_one(page: Path) -> None:
    links = re.findall(r"\]\((?!https?://)([^)#]*)#([^)]+)\)", page.read_text())
    assert [link for link in links if link[1] not in _anchors(page.parent / link[0] if link[0] else page)] == []


def _undocumented(shown: str, page: str) -> set[str]:
    documented = (ROOT / "docs" / page).read_text()
    options = set(re.findall(r"(?<![\w-])--?[a-z][a-z-]*", shown)) - {"--help", "-h"}
    return {option for option in options if re.search(rf"(?<![\w-]){option}(?![\w-])", documented) is None}


@pytest.mark.parametrize(
    ("command", "page"),
    [
        ("serve", "embedded.md"),
        ("demo", "embedded.md"),
        ("report", "reports.md"),
        ("snapshot verify", "snapshots.md"),
        ("snapshot list", "snapshots.md"),
        ("snapshot prune", "snapshots.md"),
    ],
)
def test_every_option_of_the_command_line_is_documented(command: str, page: str) -> None:
    shown = subprocess.run(
        [sys.executable, "-m", "posthog_nb", *command.split(), "--help"], capture_output=True, text=True, check=True
    ).stdout
    assert f"posthog-nb {command}" in (ROOT / "docs" / page).read_text()
    assert _undocumented(shown, page) == set()


def test_every_option_of_the_magic_of_snapshots_is_documented() -> None:
    parser = argparse.ArgumentParser(prog="%posthog snapshot", add_help=False)
    add_actions(parser)
    (actions,) = (one for one in parser._actions if isinstance(one, argparse._SubParsersAction))
    for name, action in actions.choices.items():
        for page in ("snapshots.md", "notebook.md"):
            assert f"%posthog snapshot {name}" in (ROOT / "docs" / page).read_text(), page
            assert _undocumented(action.format_usage(), page) == set(), page


@pytest.mark.parametrize("name", inspect.signature(connect).parameters)
def test_every_argument_of_connect_is_documented(name: str) -> None:
    pages = (ROOT / "docs" / page for page in ("connecting.md", "embedded.md", "sending.md", "querying.md"))
    assert any(re.search(rf"[`(,] ?{name}[`=]", page.read_text()) for page in pages)


@pytest.mark.parametrize(
    "name", sorted({one for of in (Recording, Snapshot.verify) for one in inspect.signature(of).parameters} - {"self"})
)
def test_every_argument_of_a_recording_and_a_verification_is_documented(name: str) -> None:
    documented = (ROOT / "docs" / "snapshots.md").read_text()
    assert name == "path" or re.search(rf"\b{name}[=)]", documented)


def test_the_first_two_shell_blocks_of_the_readme_are_one_line_each() -> None:
    blocks = re.findall(r"^```sh\n(.*?)^```", (ROOT / "README.md").read_text(), re.MULTILINE | re.DOTALL)
    assert [block.count("\n") for block in blocks[:2]] == [1, 1]
    assert "posthog-nb demo" in blocks[0]
    assert "pytest" in blocks[1]


def test_what_comes_after_the_demo_is_as_the_readme_says_and_names_no_file_that_is_not_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    assert cli._next_step() in (ROOT / "README.md").read_text().replace("install -e", "install")
    monkeypatch.chdir(tmp_path)
    assert "notebooks/" not in cli._next_step()


def test_the_page_of_hogql_says_what_the_catalogue_and_the_function_table_have() -> None:
    page = hogql_page.PAGE.read_text()
    assert hogql_page.rendered(page) == page, "stale: run python -m tools.hogql_page"


SHOWN = [feature for feature in hogql_page.features() if feature.query]


@pytest.mark.parametrize("feature", SHOWN, ids=lambda feature: feature.query)
def test_a_feature_is_refused_or_not_as_the_page_says(feature: hogql_page.Feature) -> None:
    try:
        compile_query(feature.query, ProjectFacts(database="docs"))
    except errors.HogQLError:
        assert feature.state == "refused"
    else:
        assert feature.state != "refused"
