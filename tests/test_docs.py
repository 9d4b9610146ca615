"""The documentation names what there is, and what it names is there."""

from __future__ import annotations

import inspect
import re
import subprocess
import sys
from pathlib import Path

import pytest

from posthog_nb import errors
from posthog_nb.client import Client
from posthog_nb.embedded.hogql import ProjectFacts, compile_query
from posthog_nb.operations.capture_v1 import REASONS
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


@pytest.mark.parametrize("command", ["serve", "demo"])
def test_every_option_of_the_command_line_is_documented(command: str) -> None:
    shown = subprocess.run(
        [sys.executable, "-m", "posthog_nb", command, "--help"], capture_output=True, text=True, check=True
    ).stdout
    documented = (ROOT / "docs" / "embedded.md").read_text()
    assert f"posthog-nb {command}" in documented
    options = set(re.findall(r"--[a-z][a-z-]+", shown)) - {"--help"}
    assert {option for option in options if option not in documented} == set()


def test_the_first_two_shell_blocks_of_the_readme_are_one_line_each() -> None:
    blocks = re.findall(r"^```sh\n(.*?)^```", (ROOT / "README.md").read_text(), re.MULTILINE | re.DOTALL)
    assert [block.count("\n") for block in blocks[:2]] == [1, 1]
    assert "posthog-nb demo" in blocks[0]
    assert "pytest" in blocks[1]


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
