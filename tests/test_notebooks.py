"""The project's notebooks run as they are committed, and a notebook that fails says why."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient.exceptions import CellExecutionError

from tests.notebooks import NOTEBOOKS, execute, outputs, shown

ROOT = Path(__file__).parent.parent
KEY = re.compile(r"ph[cxsa]_\w{8,}")


def notebook(*cells: str) -> nbformat.NotebookNode:
    return nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])


def frame_text(found: list[dict[str, Any]]) -> str:
    return next(output["data"]["text/plain"] for output in found if output["output_type"] == "execute_result")


def lines(found: list[dict[str, Any]]) -> list[str]:
    return [output["data"]["text/plain"] for output in found if output["output_type"] == "display_data"]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
class TestCommitted:
    @pytest.fixture
    def committed(self, path: Path) -> nbformat.NotebookNode:
        return nbformat.read(path, as_version=4)

    def test_a_run_gives_the_outputs_that_are_committed(self, committed: nbformat.NotebookNode, tmp_path: Path) -> None:
        fresh = execute(committed, tmp_path)
        assert shown(fresh) == shown(committed)
        assert not KEY.search(json.dumps(fresh))

    def test_every_cell_was_run_in_order(self, committed: nbformat.NotebookNode) -> None:
        counts = [cell.execution_count for cell in committed.cells if cell.cell_type == "code"]
        assert counts == list(range(1, len(counts) + 1))

    def test_only_the_cells_that_say_so_fail(self, committed: nbformat.NotebookNode) -> None:
        failing = [
            "raises-exception" in cell.metadata.get("tags", [])
            for cell in committed.cells
            if cell.cell_type == "code" and any(output.output_type == "error" for output in cell.outputs)
        ]
        assert all(failing)

    def test_nothing_warns(self, committed: nbformat.NotebookNode) -> None:
        assert [output for shown in outputs(committed) for output in shown if output.get("name") == "stderr"] == []

    def test_no_key_is_in_it(self, path: Path) -> None:
        assert not KEY.search(path.read_text())

    def test_its_links_lead_somewhere(self, committed: nbformat.NotebookNode, path: Path) -> None:
        text = "\n".join(cell.source for cell in committed.cells if cell.cell_type == "markdown")
        targets = [target.partition("#")[0] for target in re.findall(r"\]\((?!https?://)([^)]+)\)", text)]
        assert [target for target in targets if not (path.parent / target).exists()] == []


class TestHeadless:
    def test_a_failing_query_stops_the_run_with_one_error_of_a_few_lines(self, tmp_path: Path) -> None:
        failing = notebook(
            '%load_ext posthog_nb\nimport posthog_nb\nph = posthog_nb.connect("demo", as_of="2026-03-31T00:00:00Z")',
            "%%hogql\nSELECT evnt FROM events",
            "1 + 1",
        )
        with pytest.raises(CellExecutionError, match="QueryError"):
            execute(failing, tmp_path, in_place=True)
        errors = [output for shown in outputs(failing) for output in shown if output["output_type"] == "error"]
        assert len(errors) == 1
        assert errors[0]["ename"] == "QueryError"
        assert errors[0]["traceback"][1:3] == ["  line 1: SELECT evnt FROM events", "                 ^^^^"]
        assert "\x1b" not in "".join(errors[0]["traceback"])
        assert failing.cells[2].outputs == []

    def test_an_empty_cell_stops_the_run_and_says_why(self, tmp_path: Path) -> None:
        failing = notebook("%load_ext posthog_nb", "%%hogql")
        with pytest.raises(CellExecutionError, match="there is no query"):
            execute(failing, tmp_path, in_place=True)
        assert [output["ename"] for output in outputs(failing)[1]] == ["InvalidInputError"]

    def test_the_line_stands_under_the_frame(self, tmp_path: Path) -> None:
        ran = execute(notebook("%load_ext posthog_nb", "%hogql SELECT 1 AS one"), tmp_path)
        found = outputs(ran)[1]
        assert [output["output_type"] for output in found] == ["execute_result", "display_data"]
        assert "1 row, 1 column; complete" in lines(found)[0]
        assert frame_text(found).split() == ["one", "0", "1"]
