"""Binder gets what the project's lock says, no more and no less, and builds it as repo2docker does."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tools import lock

ROOT = Path(__file__).parent.parent
BINDER = ROOT / "binder"
README = (ROOT / "README.md").read_text()

A_PINNED_PACKAGE = re.compile(r"[a-z0-9.-]+==[\w.]+(?: ; [^\\]+)?(?: \\\n    --hash=sha256:[0-9a-f]{64})+\n")
FILES = {"overrides.json", "postBuild", "requirements.txt", "runtime.txt", "start"}
OF_THE_IMAGE = {
    "jupyterlab",
    "notebook",
    "jupyter-server",
    "ipykernel",
    "ipywidgets",
    "jupyterlab-widgets",
    "jupyterhub",
}


class TestLock:
    def test_it_fits_the_dependencies_of_the_project(self) -> None:
        assert lock.is_current(), "stale: run python -m tools.lock"

    def test_it_fetches_from_pypi_alone(self) -> None:
        sources = re.findall(r"source = \{ (.+?) \}", lock.LOCK.read_text())
        assert set(sources) == {'registry = "https://pypi.org/simple"', 'editable = "."'}
        files = re.findall(r'(?:url|path) = "(.*?)"', lock.LOCK.read_text())
        assert files
        assert [file for file in files if not file.startswith("https://files.pythonhosted.org/")] == []


class TestRequirements:
    requirements = lock.REQUIREMENTS.read_text()

    def test_they_are_what_the_lock_gives(self) -> None:
        assert self.requirements == lock.requirements(), "stale: run python -m tools.lock"

    def test_each_is_one_version_with_its_hashes_and_no_path_which_would_switch_off_the_cached_stage(self) -> None:
        assert A_PINNED_PACKAGE.sub("", self.requirements).splitlines() == self.requirements.splitlines()[:1]

    def test_they_leave_the_image_its_own_jupyterlab(self) -> None:
        assert set(re.findall(r"^([\w.-]+)==", self.requirements, re.MULTILINE)) & OF_THE_IMAGE == set()


class TestFolder:
    def test_repo2docker_finds_these_files_and_no_others(self) -> None:
        assert {path.name for path in BINDER.iterdir()} == FILES
        assert not (ROOT / ".binder").exists()

    def test_the_python_is_one_that_the_project_is_tested_with(self) -> None:
        assert (BINDER / "runtime.txt").read_text() == "python-3.12\n"

    @pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such bit")
    @pytest.mark.parametrize("name", ["postBuild", "start"])
    def test_a_script_is_executable_and_stops_at_its_first_error(self, name: str) -> None:
        assert os.access(BINDER / name, os.X_OK)
        assert (BINDER / name).read_text().startswith("#!/usr/bin/env bash\n")
        assert "\nset -euo pipefail\n" in (BINDER / name).read_text()

    @pytest.mark.skipif(sys.platform == "win32", reason="it is a shell script")
    def test_start_hands_over_to_the_command_that_it_is_given(self) -> None:
        shown = subprocess.run(
            [BINDER / "start", "printf", "%s|", "a b", "$c"], capture_output=True, text=True, check=True
        )
        assert shown.stdout == "a b|$c|"

    def test_the_badge_opens_the_welcome_notebook_of_the_projects_own_repository(self) -> None:
        project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
        repository = project["urls"]["Repository"].removeprefix("https://github.com/")
        opened = f"https://mybinder.org/v2/gh/{repository}/HEAD?urlpath=lab/tree/notebooks/00-welcome.ipynb"
        assert f"]({opened})" in README.split("\n\n")[1]
        assert (ROOT / "notebooks" / "00-welcome.ipynb").exists()


@pytest.mark.binder
@pytest.mark.skipif(sys.platform != "linux", reason="it cuts the network with a namespace of Linux")
def test_what_binder_would_build_runs_every_notebook_without_a_network_in_a_gigabyte(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-m", "tests.binder", tmp_path / "image"], cwd=ROOT, check=True)
