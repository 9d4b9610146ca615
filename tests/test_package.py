"""What is given away: a source distribution with which the README can be followed, and a wheel with the code alone."""

from __future__ import annotations

import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
KINDS = {".py", ".md", ".ipynb", ".txt"}


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder in which both are."""
    folder = tmp_path_factory.mktemp("dist")
    code = "import sys, hatchling.build as it; it.build_sdist(sys.argv[1]); it.build_wheel(sys.argv[1])"
    subprocess.run([sys.executable, "-c", code, str(folder)], cwd=ROOT, check=True)
    return folder


def test_the_source_has_the_tests_and_all_that_they_read(built: Path) -> None:
    with tarfile.open(next(built.glob("*.tar.gz"))) as source:
        names = {name.partition("/")[2] for name in source.getnames()}
    for place in ("tests", "docs", "notebooks", "binder", "benchmarks", "tools", "posthog_nb"):
        found = {path.relative_to(ROOT).as_posix() for path in (ROOT / place).rglob("*") if path.suffix in KINDS}
        assert {name for name in found if ".ipynb_checkpoints" not in name} <= names
    assert {"uv.lock", "binder/requirements.txt", "binder/start", "README.md", "CONTRIBUTING.md", "LICENSE"} <= names


def test_the_wheel_has_the_package_and_the_extension_of_jupyterlab_alone(built: Path) -> None:
    with zipfile.ZipFile(next(built.glob("*.whl"))) as wheel:
        names = wheel.namelist()
    assert {name.partition("/")[0].partition("-")[0] for name in names} == {"posthog_nb"}
    assert "posthog_nb/report/templates/posthog-nb/index.html.j2" in names
    assert "posthog_nb/py.typed" in names
    assert any(name.endswith("share/jupyter/labextensions/posthog-nb/static/remoteEntry.js") for name in names)
