"""The extension of JupyterLab: what of it is in a wheel, and that it is what its source gives."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import posthog_nb
from posthog_nb.notebook import arguments

ROOT = Path(__file__).parent.parent
SOURCE = ROOT / "labextension"
BUILT = ROOT / "posthog_nb" / "labextension"
NPM = shutil.which("npm")

FILES = {
    "install.json",
    "package.json",
    "static/hogql-parser.js",
    "static/remoteEntry.js",
    "static/third-party-licenses.json",
    "static/worker.js",
}


def files_of(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_wheel_has_it_where_jupyterlab_looks_and_nowhere_else(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    place = f"posthog_nb-{posthog_nb.__version__}.data/data/share/jupyter/labextensions/posthog-nb/"
    with zipfile.ZipFile(wheel) as archive:
        found = {name for name in archive.namelist() if "labextension" in name}
        assert found == {place + name for name in FILES}
        assert all(archive.read(place + name) == content for name, content in files_of(BUILT).items())
    assert wheel.stat().st_size < 2_000_000


def test_it_is_small_and_loads_the_parser_only_when_it_is_needed() -> None:
    static = BUILT / "static"
    assert (static / "remoteEntry.js").stat().st_size < 30_000
    assert (static / "hogql-parser.js").stat().st_size < 1_500_000
    assert "hogql-parser" not in (static / "remoteEntry.js").read_text()


def test_jupyterlab_is_told_what_to_load_and_whose_it_is() -> None:
    package = json.loads((BUILT / "package.json").read_text())
    assert (package["name"], package["version"]) == ("posthog-nb", posthog_nb.__version__)
    assert package["jupyterlab"] == {
        "extension": True,
        "_build": {"load": "static/remoteEntry.js", "extension": "./index"},
    }
    # JupyterLab compares these with its own; every one is a package that it shares.
    assert package["dependencies"]["@jupyterlab/codemirror"] == "^4.0.0"
    assert json.loads((BUILT / "install.json").read_text())["packageName"] == "posthog-nb"


def test_the_licences_of_what_is_bundled_are_with_it() -> None:
    licences = json.loads((BUILT / "static" / "third-party-licenses.json").read_text())["packages"]
    assert {licence["name"].split()[0]: licence["licenseId"] for licence in licences} == {
        "@posthog/hogql-parser": "MIT",
        "antlr4": "BSD-3-Clause",
        "emscripten": "MIT",
    }
    assert all(licence["extractedText"].startswith("Copyright (c) ") for licence in licences)


def test_it_knows_which_options_of_the_line_stand_alone() -> None:
    listed = re.search(r"FLAGS = \[(.*?)\]", (SOURCE / "src" / "queries.js").read_text(), re.DOTALL)
    assert listed is not None
    known = set(re.findall(r'"(-[^"]+)"', listed[1]))
    alone: set[str] = set()
    with_value: set[str] = set()
    for action in arguments._parser()._actions:
        (alone if action.nargs == 0 else with_value).update(action.option_strings)
    assert alone - known == set()
    assert with_value & known == set()


@pytest.mark.node
@pytest.mark.slow
@pytest.mark.skipif(NPM is None, reason="npm is not installed")
def test_its_source_passes_its_own_tests_and_gives_the_committed_files(tmp_path: Path) -> None:
    source = tmp_path / "labextension"
    shutil.copytree(SOURCE, source, ignore=shutil.ignore_patterns("node_modules"))
    install = npm(source, "ci", "--ignore-scripts", "--no-audit", "--no-fund")
    if install.returncode != 0 and not os.environ.get("CI"):
        pytest.skip("npm could not install what the build needs (no network?)")
    assert install.returncode == 0, install.stderr
    for command in (["run", "check"], ["test"], ["run", "build", "--", str(tmp_path / "built")]):
        done = npm(source, *command)
        assert done.returncode == 0, f"npm {' '.join(command)}\n{done.stdout}\n{done.stderr}"
    assert files_of(tmp_path / "built") == files_of(BUILT), "stale: run `npm ci && npm run build` in labextension/"


def npm(folder: Path, *command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([NPM, *command], cwd=folder, capture_output=True, text=True, check=False, timeout=300)
