"""The project's notebooks run as they are committed, and a notebook that fails says why."""

from __future__ import annotations

import ast
import base64
import json
import re
import zlib
from typing import TYPE_CHECKING, Any

import nbformat
import pytest
from nbclient.exceptions import CellExecutionError

from posthog_nb.analysis.charts.picture import VEGA_LITE
from posthog_nb.secret import redact
from tests.notebooks import NOTEBOOKS, ROOT, execute, outputs, png_size, shown

if TYPE_CHECKING:
    from pathlib import Path

MOST_BYTES = 1_000_000
MACHINE = re.compile(
    r"(?<![\w.-])/(?:bin|etc|home|mnt|opt|private|root|srv|tmp|usr|var|work|Users|Volumes)/|\b[A-Za-z]:\\+\w"
    r"|site-packages|ipykernel_\d|\b0x[0-9a-f]{8,}"
)
"""What one machine's files, processes and memory are called."""
EMAIL = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
LOADED = re.compile(r"<(?:script|link|iframe|object|embed|base)\b|\bsrc\s*=\s*[\"']?(?:https?:)?//|@import|url\(")
"""HTML that asks the network, or the reader's browser, for more than is there."""


def notebook(*cells: str) -> nbformat.NotebookNode:
    return nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])


def frame_text(found: list[dict[str, Any]]) -> str:
    return next(output["data"]["text/plain"] for output in found if output["output_type"] == "execute_result")


def lines(found: list[dict[str, Any]]) -> list[str]:
    return [output["data"]["text/plain"] for output in found if output["output_type"] == "display_data"]


def everything(made: nbformat.NotebookNode) -> str:
    """All that is in it but pictures' pixels, which are letters at random, as text and not as JSON has it."""
    texts: list[str] = []

    def gather(part: Any) -> None:
        if isinstance(part, dict):
            for key, value in part.items():
                if not key.startswith("image/"):
                    gather(value)
        elif isinstance(part, list):
            for value in part:
                gather(value)
        else:
            texts.append(str(part))

    gather([{**cell, "id": ""} for cell in made.cells])
    return "\n".join(texts)


def shown_cells(made: nbformat.NotebookNode) -> list[list[nbformat.NotebookNode]]:
    return [cell.outputs for cell in made.cells if cell.cell_type == "code"]


def pixels(picture: bytes) -> bytes:
    """What a PNG's rows are made of, each chunk checked by its checksum."""
    packed, at = b"", 8
    while at < len(picture):
        size = int.from_bytes(picture[at : at + 4])
        chunk = picture[at + 4 : at + 8 + size]
        assert zlib.crc32(chunk) == int.from_bytes(picture[at + 8 + size : at + 12 + size])
        packed += chunk[4:] if chunk.startswith(b"IDAT") else b""
        at += size + 12
    return zlib.decompress(packed)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
class TestCommitted:
    @pytest.fixture
    def committed(self, path: Path) -> nbformat.NotebookNode:
        return nbformat.read(path, as_version=4)

    def test_a_run_gives_the_outputs_that_are_committed(self, committed: nbformat.NotebookNode, tmp_path: Path) -> None:
        fresh = execute(committed, tmp_path)
        assert shown(fresh) == shown(committed)
        assert redact(everything(fresh)) == everything(fresh)

    def test_every_cell_was_run_in_order(self, committed: nbformat.NotebookNode) -> None:
        counts = [cell.execution_count for cell in committed.cells if cell.cell_type == "code"]
        assert counts == list(range(1, len(counts) + 1))

    def test_no_cell_fails_as_papermill_would_fail_with_it(self, committed: nbformat.NotebookNode) -> None:
        assert [
            output.ename for cell in shown_cells(committed) for output in cell if output.output_type == "error"
        ] == []

    def test_what_papermill_may_set_is_read_below(self, committed: nbformat.NotebookNode) -> None:
        cells = [cell for cell in committed.cells if cell.cell_type == "code"]
        for place, cell in enumerate(cells):
            if "parameters" in cell.metadata.get("tags", []):
                below = "\n".join(other.source for other in cells[place + 1 :])
                names = [
                    target.id
                    for line in ast.parse(cell.source).body
                    if isinstance(line, ast.Assign)
                    for target in line.targets
                ]
                assert names
                assert [name for name in names if not re.search(rf"\b{name}\b", below)] == []

    def test_nothing_warns(self, committed: nbformat.NotebookNode) -> None:
        assert [output for shown in outputs(committed) for output in shown if output.get("name") == "stderr"] == []

    def test_no_key_is_in_it(self, path: Path) -> None:
        text = path.read_text(encoding="utf-8")
        assert redact(text) == text

    def test_nobody_is_in_it_but_people_made_up(self, committed: nbformat.NotebookNode) -> None:
        domains = {found[0].partition("@")[2].lower() for found in EMAIL.finditer(everything(committed))}
        assert domains <= {"example.com", "example.net", "example.org"}

    def test_no_file_process_or_memory_of_one_machine_is_in_it(self, committed: nbformat.NotebookNode) -> None:
        assert [found[0] for found in MACHINE.finditer(everything(committed))] == []

    def test_nothing_is_in_it_that_the_next_run_would_change(self, committed: nbformat.NotebookNode) -> None:
        kept = [cell.outputs for cell in committed.cells if cell.cell_type == "code"]
        assert kept == outputs(committed)
        assert committed.metadata == {
            "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
            "language_info": {"name": "python"},
        }
        assert {key for cell in committed.cells for key in cell.metadata} <= {"tags"}

    def test_it_is_written_as_it_would_be_written_again(self, committed: nbformat.NotebookNode, path: Path) -> None:
        nbformat.validate(committed)
        assert nbformat.writes(committed) + "\n" == path.read_text(encoding="utf-8")
        ids = [cell["id"] for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]]
        assert len(set(ids)) == len(ids)

    def test_it_is_small_enough_to_be_read_on_the_web(self, path: Path) -> None:
        assert path.stat().st_size < MOST_BYTES

    def test_its_tables_and_cards_load_nothing(self, committed: nbformat.NotebookNode) -> None:
        pages = [
            output.data.get("text/html", "") for cell in shown_cells(committed) for output in cell if "data" in output
        ]
        assert [found[0] for page in pages for found in LOADED.finditer(page)] == []

    def test_its_pictures_are_drawn_for_a_page_without_scripts_too(self, committed: nbformat.NotebookNode) -> None:
        for data in (output.data for cell in shown_cells(committed) for output in cell if "data" in output):
            if VEGA_LITE in data:
                picture = base64.b64decode(data["image/png"], validate=False)
                assert min(png_size(picture)) > 100
                assert len(set(pixels(picture))) > 50, "a blank picture has hardly any values"

    def test_its_links_lead_somewhere(self, committed: nbformat.NotebookNode, path: Path) -> None:
        text = "\n".join(cell.source for cell in committed.cells if cell.cell_type == "markdown")
        targets = [target.partition("#")[0] for target in re.findall(r"\]\((?!https?://)([^)]+)\)", text)]
        assert [target for target in targets if not (path.parent / target).exists()] == []


class TestWhatIsLookedFor:
    @pytest.fixture
    def drawn(self) -> nbformat.NotebookNode:
        return nbformat.read(ROOT / "notebooks" / "00-welcome.ipynb", as_version=4)

    @pytest.mark.parametrize(
        ("kind", "number"), [("text/html", "39450"), ("text/plain", "39450"), (VEGA_LITE, '"y": 277')]
    )
    def test_one_other_number_is_another_output(self, drawn: nbformat.NotebookNode, kind: str, number: str) -> None:
        before = shown(drawn)
        data = next(
            output.data
            for cell in shown_cells(drawn)
            for output in cell
            if number in json.dumps(output.get("data", {}).get(kind))
        )
        data[kind] = json.loads(json.dumps(data[kind]).replace(number, f"{number}1"))
        assert shown(drawn) != before

    def test_of_a_picture_the_size_counts_and_not_how_it_is_drawn(self, drawn: nbformat.NotebookNode) -> None:
        output = next(output for cell in shown_cells(drawn) for output in cell if "image/png" in output.get("data", {}))
        before = shown(drawn)
        picture = bytearray(base64.b64decode(output.data["image/png"]))
        picture[-30] ^= 1
        output.data["image/png"] = base64.b64encode(picture).decode()
        assert shown(drawn) == before
        picture[19] ^= 1
        output.data["image/png"] = base64.b64encode(picture).decode()
        assert shown(drawn) != before

    @pytest.mark.parametrize(
        "text",
        [
            '  File "/home/ann/notebooks/a.py", line 3',
            "saved to /tmp/x.parquet",
            "file:///Users/ann/a.csv",
            r"C:\Users\Ann\a.csv",
            "UserWarning in lib/site-packages/pandas/core.py:12",
            "Cell In[3], /tmp/ipykernel_4711/1.py",
            "<object at 0x7fc0c58ed610>",
        ],
    )
    def test_a_machine_is_found(self, text: str) -> None:
        assert MACHINE.search(text)

    @pytest.mark.parametrize("text", ["https://example.com/home/a", "../docs/usr/x", "a/b", "12:00 / 13:00", "1/2"])
    def test_an_address_or_a_number_is_no_machine(self, text: str) -> None:
        assert not MACHINE.search(text)

    @pytest.mark.parametrize(
        "page", ['<script src="x.js">', "<img src='//cdn.example.com/a.png'>", '<link href="a.css">', "a{b:url(c)}"]
    )
    def test_what_is_loaded_is_found(self, page: str) -> None:
        assert LOADED.search(page)


class TestHeadless:
    def test_a_kernel_has_no_network_but_its_machine_s_and_a_clock_far_from_utc(self, tmp_path: Path) -> None:
        tried = notebook(
            "import socket, time\ntime.tzname[0]",
            "with socket.create_server(('127.0.0.1', 0)) as here:\n"
            "    socket.create_connection(here.getsockname()).close()",
            "socket.create_connection(('192.0.2.1', 443), timeout=5)",
            "socket.create_connection(('example.com', 443), timeout=5)",
        )
        zone, here, address, name = outputs(execute(tried, tmp_path, errors=True))
        assert zone[0]["data"]["text/plain"] == "'+1245'"
        assert here == []
        assert [found[0]["ename"] for found in (address, name)] == ["gaierror", "gaierror"]
        assert "no network here: 'example.com'" in name[0]["evalue"]

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
