"""Notebooks that nobody looks at while they run: papermill, nbclient by way of it, and nbconvert."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import nbformat
import pytest
from nbconvert import HTMLExporter

from tests.notebooks import execute, outputs

if TYPE_CHECKING:
    from pathlib import Path

pytest.importorskip("chdb", reason="the embedded engine has no wheel here")

pytestmark = pytest.mark.slow

DEMO = '%load_ext posthog_nb\nimport posthog_nb\nph = posthog_nb.connect("demo", as_of="2026-03-31T00:00:00Z")'


def notebook(*cells: str) -> nbformat.NotebookNode:
    """A notebook whose first cell holds the parameters."""
    made = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    made.cells[0].metadata["tags"] = ["parameters"]
    made.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    return made


def papermill(folder: Path, made: nbformat.NotebookNode, *parameters: str) -> tuple[int, nbformat.NotebookNode]:
    """What papermill's command ends with, and the notebook that it saves."""
    nbformat.write(made, folder / "in.ipynb")
    command = [sys.executable, "-m", "papermill", "--no-progress-bar", "--cwd", str(folder), "in.ipynb", "out.ipynb"]
    ran = subprocess.run([*command, *parameters], cwd=folder, capture_output=True, text=True, check=False, timeout=240)
    return ran.returncode, nbformat.read(folder / "out.ipynb", as_version=4)


@pytest.fixture(autouse=True)
def this_package(monkeypatch: pytest.MonkeyPatch, pytestconfig: pytest.Config) -> None:
    monkeypatch.setenv("PYTHONPATH", str(pytestconfig.rootpath))


def test_papermill_s_parameters_are_values_of_the_query(tmp_path: Path) -> None:
    made = notebook('since = "2026-01-01"', DEMO, "%%hogql\nSELECT {since} AS since, {limit} + 1 AS more")
    status, saved = papermill(tmp_path, made, "-p", "since", "2026-03-15'; --", "-p", "limit", "41")
    assert status == 0
    (frame, line) = outputs(saved)[-1]
    assert frame["data"]["text/plain"].split("\n")[1].split() == ["0", "2026-03-15';", "--", "42"]
    assert line["data"]["text/plain"].startswith("1 row, 2 columns; complete")


def test_a_failing_query_fails_papermill_and_is_saved_as_one_error(tmp_path: Path) -> None:
    status, saved = papermill(tmp_path, notebook("", DEMO, "%%hogql\nSELECT evnt FROM events", "1 + 1"))
    assert status != 0
    shown = [output for cell in outputs(saved) for output in cell]
    errors = [output for output in shown if output["output_type"] == "error"]
    assert [error["ename"] for error in errors] == ["QueryError"]
    assert errors[0]["traceback"][1:3] == ["  line 1: SELECT evnt FROM events", "                 ^^^^"]
    assert saved.cells[-1].execution_count is None


def test_nbconvert_s_html_has_the_table_and_the_line(tmp_path: Path) -> None:
    hostile = "%hogql SELECT '<script>alert(1)</script>' AS `<b>bold</b>`"
    ran = execute(
        notebook(DEMO, "%%hogql\nSELECT event, count() AS n FROM events GROUP BY event LIMIT 2", hostile), tmp_path
    )
    page, _ = HTMLExporter().from_notebook_node(ran)
    assert 'class="dataframe"' in page
    assert "posthog-nb-footer" in page
    assert "rows 1 to 2, 2 columns; there are more" not in page
    assert "2 rows, 2 columns; complete" in page
    assert "<script>alert(1)" not in page
    assert "<b>bold" not in page
