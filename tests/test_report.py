"""A notebook as a page: what it shows, what it keeps to itself, and that it needs nothing and nobody."""

from __future__ import annotations

import base64
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import nbformat
import pytest

from posthog_nb.cli import main
from posthog_nb.errors import InvalidInputError, MissingDependencyError, ReportError
from posthog_nb.report import make_report
from posthog_nb.report.page import page as page_and_remarks
from tests.browser.page import CHROMIUM, browsing
from tests.leaks import KEY
from tests.notebooks import ROOT
from tests.pages import read

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Request

    from tests.pages import Page

    Writer = Callable[..., Path]

DEMO = '%load_ext posthog_nb\nimport posthog_nb\nph = posthog_nb.connect("demo", as_of="2026-03-31", seed=1)'
PIXEL = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)


@pytest.fixture(autouse=True)
def this_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(ROOT))


@pytest.fixture
def written(tmp_path: Path) -> Writer:
    """Writes a notebook: a text that begins with # is Markdown, a list is a cell's saved outputs."""

    def write(*cells: str | nbformat.NotebookNode, kernel: str = "python3", name: str = "weekly.ipynb") -> Path:
        made = nbformat.v4.new_notebook(
            metadata={"kernelspec": {"name": kernel, "display_name": "x", "language": "python"}}
        )
        for cell in cells:
            if not isinstance(cell, str):
                made.cells.append(cell)
            elif cell.startswith("# "):
                made.cells.append(nbformat.v4.new_markdown_cell(cell))
            else:
                made.cells.append(nbformat.v4.new_code_cell(cell))
        nbformat.write(made, tmp_path / name)
        return tmp_path / name

    return write


def tagged(tag: str, source: str) -> nbformat.NotebookNode:
    return nbformat.v4.new_code_cell(source, metadata={"tags": [tag]})


def giving(data: dict[str, Any], metadata: dict[str, Any] | None = None) -> nbformat.NotebookNode:
    """A code cell that has given this output."""
    output = nbformat.v4.new_output("display_data", data, metadata=metadata or {})
    return nbformat.v4.new_code_cell("shown()", outputs=[output], execution_count=1)


def page_of(notebook: Path, **options: Any) -> Page:
    # Elements that have no end in HTML would count as never closed.
    return read(make_report(notebook, **options).path.read_text(encoding="utf-8"))


def saved(notebook: Path) -> Page:
    return page_of(notebook, run=False)


class TestARun:
    def test_the_notebook_is_run_from_its_folder_and_stays_as_it_is(
        self, written: Writer, capsys: pytest.CaptureFixture[str]
    ) -> None:
        notebook = written("# Our *week*", "n = 20", "print(n + 1, open('weekly.ipynb').readable())")
        before = notebook.read_bytes()
        assert main(["report", str(notebook), "--to", "html"]) == 0
        page = read((notebook.parent / "weekly.html").read_text(encoding="utf-8"))
        assert "21 True" in page.text
        assert "weekly.ipynb" in page.text.split("21 True")[1]
        assert notebook.read_bytes() == before
        assert "weekly.html: " in capsys.readouterr().out
        assert sorted(each.name for each in notebook.parent.iterdir()) == ["weekly.html", "weekly.ipynb"]

    @pytest.mark.slow
    def test_parameters_reach_a_query_by_name_beside_those_of_its_own_line(self, written: Writer) -> None:
        pytest.importorskip("chdb", reason="the embedded engine has no wheel here")
        notebook = written(
            tagged("parameters", "since = '2026-01-01'\nlimit = 3"),
            DEMO,
            "%%hogql --param n=41\nSELECT {since} AS since, {limit} + 1 AS more, {n} + 1 AS own",
        )
        target = notebook.with_name("out.html")
        arguments = ["--param", "since=2026-03-15'; --", "-p", "limit=7", "-o", str(target)]
        assert main(["report", str(notebook), *arguments]) == 0
        text = read(target.read_text(encoding="utf-8")).text
        assert "2026-03-15'; --\n8\n42" in "\n".join(line.strip() for line in text.split("\n"))
        assert "1 row, 3 columns; complete" in text
        assert "limit = 7" in text.split("complete")[1], "the foot of the page has them, where code is left out too"

    @pytest.mark.parametrize(
        ("cells", "said"),
        [
            ([tagged("parameters", "since = 1\nuntil = 2")], "no parameter 'sicne'. It has since, until."),
            (
                [
                    tagged(
                        "parameters",
                        "import datetime as dt\nsince = dt.datetime(2026, 3, 1, tzinfo=dt.UTC)\nn: int = 2",
                    )
                ],
                "no parameter 'sicne'. It has since, n.",
            ),
            ([tagged("parameters", "%pip list\nsince = 1")], "no parameter 'sicne'. It has since."),
            (["since = 1"], "takes no parameters. Give the cell that sets them the tag parameters"),
        ],
    )
    def test_a_parameter_that_nothing_reads_is_refused_before_the_run(
        self, written: Writer, cells: list[Any], said: str
    ) -> None:
        with pytest.raises(InvalidInputError) as refused:
            make_report(written(*cells), parameters={"sicne": 1})
        assert said in str(refused.value)

    def test_a_cell_that_fails_ends_it_with_code_1_and_the_page_before_stays(
        self, written: Writer, capsys: pytest.CaptureFixture[str]
    ) -> None:
        notebook = written("a = 1", "\n# why\nb = 1 / 0", "print('never')")
        page = notebook.with_suffix(".html")
        page.write_text("last week's")
        assert main(["report", str(notebook)]) == 1
        told = capsys.readouterr().err
        assert "ReportError: The cell In [2] failed, which begins with '# why'." in told
        assert "ZeroDivisionError: division by zero" in told
        assert "\x1b" not in told
        assert page.read_text() == "last week's"
        assert len(list(notebook.parent.iterdir())) == 2

    def test_a_cell_that_may_fail_is_shown_failing(self, written: Writer) -> None:
        page = page_of(written(tagged("raises-exception", "1 / 0"), "print('after' + 'wards')"))
        assert "ZeroDivisionError: division by zero" in page.text
        assert "afterwards" in page.text

    def test_a_kernel_that_is_not_there_is_told(self, written: Writer) -> None:
        with pytest.raises(ReportError, match="the kernel 'lost-kernel', which is not installed"):
            make_report(written("1", kernel="lost-kernel"))

    def test_a_kernel_that_dies_is_told_with_its_cell(self, written: Writer) -> None:
        with pytest.raises(
            ReportError, match=r"The cell In \[.*\] failed, which begins with 'import os; os._exit"
        ) as died:
            make_report(written("1", "import os; os._exit(3)"))
        assert died.value.told == ["the kernel died"]

    @pytest.mark.skipif(sys.platform == "win32", reason="there are no such signals")
    def test_an_interrupt_ends_the_kernel_and_writes_nothing(self, written: Writer) -> None:
        notebook = written(
            "import os, pathlib, time\npathlib.Path('started').write_text(str(os.getpid()))\ntime.sleep(60)"
        )
        started = notebook.with_name("started")
        with subprocess.Popen(
            [sys.executable, "-m", "posthog_nb", "report", notebook.name], cwd=notebook.parent, stderr=subprocess.PIPE
        ) as command:
            while command.poll() is None and not (started.exists() and started.read_text()):
                time.sleep(0.05)
            command.send_signal(signal.SIGINT)
            told = command.communicate(timeout=60)[1]
        assert command.returncode == 130
        assert b"nbclient" not in told, "only the kernel may have a last word"
        with pytest.raises(ProcessLookupError):
            os.kill(int(started.read_text()), 0)
        assert not notebook.with_suffix(".html").exists()


class TestWhatIsRefused:
    def test_what_is_no_notebook(self, tmp_path: Path) -> None:
        (tmp_path / "a.ipynb").write_text("{}")
        (tmp_path / "b.ipynb").write_text("SELECT 1")
        for name, said in [("a.ipynb", "is no notebook"), ("b.ipynb", "is no notebook"), ("c.ipynb", "No such file")]:
            with pytest.raises(InvalidInputError, match=said):
                make_report(tmp_path / name)

    def test_a_place_where_no_page_can_be(self, written: Writer, tmp_path: Path) -> None:
        notebook = written("1")
        for place, said in [
            (tmp_path, "is a folder"),
            (tmp_path / "lost" / "x.html", "does not exist"),
            (notebook, "is the notebook itself"),
        ]:
            with pytest.raises(InvalidInputError, match=said):
                make_report(notebook, place, run=False)

    def test_parameters_without_a_run(self, written: Writer) -> None:
        with pytest.raises(InvalidInputError, match="Parameters are for a run"):
            make_report(written(tagged("parameters", "n = 1")), parameters={"n": 2}, run=False)

    def test_a_parameter_without_a_name(self, written: Writer, capsys: pytest.CaptureFixture[str]) -> None:
        with pytest.raises(SystemExit):
            main(["report", str(written("1")), "--param", "2026"])
        assert "'2026' is not of the form name=value" in capsys.readouterr().err

    def test_a_missing_library_is_named_with_the_extra(self, written: Writer, monkeypatch: pytest.MonkeyPatch) -> None:
        for name in [name for name in sys.modules if name.startswith("posthog_nb.report.")]:
            monkeypatch.delitem(sys.modules, name)
        monkeypatch.delattr("posthog_nb.report.making", raising=False)
        monkeypatch.setitem(sys.modules, "papermill", None)
        monkeypatch.setitem(sys.modules, "papermill.iorw", None)
        with pytest.raises(MissingDependencyError, match="needs papermill, which is not installed") as missing:
            make_report(written("1"))
        assert missing.value.hint == "pip install 'posthog-nb[report]'"

    def test_a_full_disk_leaves_the_page_before_and_nothing_beside_it(
        self, written: Writer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        notebook = written("1")
        page = notebook.with_suffix(".html")
        page.write_text("last week's")

        def full(*_: object) -> None:
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(Path, "replace", full)
        with pytest.raises(InvalidInputError, match="No space left on device"):
            make_report(notebook, run=False)
        assert page.read_text() == "last week's"
        assert len(list(notebook.parent.iterdir())) == 2


class TestThePage:
    def test_its_title_is_the_notebook_s_first_heading(self, written: Writer) -> None:
        notebook = written("# The `week` of *Ann* & [Bob](https://example.com)")
        page = make_report(notebook, run=False).path.read_text(encoding="utf-8")
        assert "<title>The week of Ann &amp; Bob</title>" in page
        assert "<title>weekly</title>" in make_report(written("1"), run=False).path.read_text(encoding="utf-8")

    def test_code_is_shown_with_hogql_in_colours_or_left_out(self, written: Writer) -> None:
        notebook = written("%%hogql\nSELECT event FROM events")
        page = make_report(notebook, run=False).path.read_text(encoding="utf-8")
        assert '<span class="k">SELECT</span>' in page
        assert main(["report", str(notebook), "--no-run", "--no-code"]) == 0
        assert "SELECT" not in notebook.with_suffix(".html").read_text(encoding="utf-8")

    def test_a_saved_notebook_is_shown_without_a_kernel(self, written: Writer) -> None:
        assert "41" in saved(written(giving({"text/plain": "41"}), kernel="lost-kernel")).text

    def test_our_pictures_are_drawn_in_the_colours_of_the_page_and_told_in_words(self) -> None:
        notebook = nbformat.read(ROOT / "notebooks" / "02-product-analytics.ipynb", as_version=4)
        output = next(
            output
            for cell in notebook.cells
            for output in cell.get("outputs", [])
            if "image/png" in output.get("data", {})
        )
        notebook.cells = [nbformat.v4.new_code_cell("use", outputs=[output])]
        shown, _ = page_and_remarks(notebook, name="x", folder=ROOT, about=[], code=True)
        images = [about for name, about in read(shown).elements if name == "img"]
        assert [about["alt"].split(".")[0] for about in images] == ["Trends: Uploaded, Shared"]
        kind, _, content = images[0]["src"].partition(";base64,")
        svg = base64.b64decode(content).decode()
        assert kind == "data:image/svg+xml"
        assert "prefers-color-scheme:dark" in svg
        assert ">Uploaded</text>" in svg

    @pytest.mark.parametrize(
        "spec",
        [
            {"background": "white", "data": {"values": [{"a": 1}]}, "mark": "bar"},
            {"background": "transparent", "data": {"url": "file:///etc/hosts"}, "mark": "bar"},
            {"background": "transparent", "layer": [{"mark": {"type": "image", "url": "https://example.com/a.png"}}]},
            {"background": "transparent", "mark": "no such mark"},
        ],
    )
    def test_another_s_picture_is_shown_as_it_is(self, written: Writer, spec: dict[str, Any]) -> None:
        drawn = {"application/vnd.vegalite.v5+json": spec}
        page = saved(written(giving({**drawn, "image/png": base64.b64encode(PIXEL).decode(), "text/plain": "<Chart>"})))
        assert [about["src"][:22] for name, about in page.elements if name == "img"] == ["data:image/png;base64,"]

    def test_of_a_widget_its_static_twin_is_shown(self, written: Writer) -> None:
        view = {"application/vnd.jupyter.widget-view+json": {"model_id": "1", "version_major": 2, "version_minor": 0}}
        page = saved(written(giving({**view, "text/html": "<b>a form</b>", "text/plain": "Form()"})))
        assert "a form" in page.text
        assert "model_id" not in page.text

    def test_what_needs_scripts_is_told_and_nothing_of_it_runs_or_loads(self, written: Writer) -> None:
        active = (
            '<div>under it</div><script src="https://cdn.example.com/x.js"></script>'
            '<style>@import "//cdn.example.com/a.css";p{color:red}</style>'
        )
        notebook = written(
            giving({"text/html": active}), giving({"application/javascript": "alert(1)", "text/plain": "words"})
        )
        report = make_report(notebook, run=False).path.read_text(encoding="utf-8")
        page = read(report)
        assert "An interactive part stands here in the notebook" in page.text
        assert "under it" in page.text
        assert "words" in page.text
        assert {name for name, _ in page.elements} & {"script", "link", "iframe", "object", "embed"} == set()
        assert "cdn.example.com" not in report
        assert "p{color:red}" in report
        policy = next(
            about["content"] for name, about in page.elements if about.get("http-equiv") == "Content-Security-Policy"
        )
        assert policy.startswith("default-src 'none';")
        assert "script" not in policy

    def test_what_data_say_stays_text(self, written: Writer) -> None:
        page = saved(written(giving({"text/plain": "<script>alert(1)</script>"})))
        assert "<script>alert(1)</script>" in page.text

    def test_pictures_of_the_text_are_in_it_and_one_that_cannot_be_is_named(self, written: Writer) -> None:
        notebook = written(
            "# Pictures\n\n![ours](our%20pixel.png) ![theirs](https://example.com/p.png) ![root](/etc/hosts)"
        )
        (notebook.parent / "our pixel.png").write_bytes(PIXEL)
        report = make_report(notebook, run=False)
        page = read(report.path.read_text(encoding="utf-8"))
        assert [about["src"] for name, about in page.elements if name == "img"] == [
            f"data:image/png;base64,{base64.b64encode(PIXEL).decode()}"
        ]
        assert "[theirs] [root]" in page.text
        assert [remark.rpartition(" ")[2] for remark in report.remarks] == ["https://example.com/p.png", "/etc/hosts"]

    def test_links_lead_to_the_web_or_within_it(self, written: Writer) -> None:
        page = saved(
            written("# A\n\n[file](../docs/a.md) [web](https://example.com/a) [below](#A) [js](javascript:alert(1))")
        )
        assert [about["href"] for name, about in page.elements if name == "a"] == ["https://example.com/a", "#A"]
        assert "file web below js" in page.text


class TestWhatItKeepsToItself:
    def test_a_key_is_masked_and_its_author_told(self, written: Writer, capsys: pytest.CaptureFixture[str]) -> None:
        notebook = written(f"key = {KEY!r}", giving({"text/html": f"<b>{KEY}</b>", "text/plain": KEY}))
        assert main(["report", str(notebook), "--no-run"]) == 0
        assert KEY not in notebook.with_suffix(".html").read_text(encoding="utf-8")
        assert "A key stands in the notebook, and is masked in the page." in capsys.readouterr().err

    def test_this_machine_s_folders_have_other_names(self, written: Writer, tmp_path: Path) -> None:
        telling = [
            str(tmp_path / "a.csv"),
            str(Path.home() / "b.csv"),
            f"{sys.prefix}/lib/c.py",
            "/tmp/ipykernel_47/11.py:3",  # noqa: S108 - a kernel's name for a cell
        ]
        page = saved(written(giving({"text/plain": "\n".join(telling)})))
        assert "./a.csv\n~/b.csv\n(python)/lib/c.py\n(cell):3" in page.text
        assert str(tmp_path) not in json.dumps([page.text, page.elements])


@pytest.mark.browser
@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed")
def test_a_browser_asks_for_nothing_and_shows_all_at_any_width(tmp_path: Path) -> None:
    report = make_report(ROOT / "notebooks" / "02-product-analytics.ipynb", tmp_path / "page.html", run=False)
    asked: list[str] = []

    def noted(request: Request) -> None:
        asked.append(request.url)

    with browsing() as browser:
        for width in (1200, 420):
            page = browser.new_page(viewport={"width": width, "height": 900})
            page.on("request", noted)
            page.goto(report.path.as_uri())
            assert page.evaluate("document.documentElement.scrollWidth") == width
            assert page.evaluate("[...document.images].map(image => image.naturalWidth > 100)") == [True] * 8
            assert page.evaluate("document.querySelectorAll('table').length") > 8
            page.close()
    assert [url for url in asked if not url.startswith("data:")] == [report.path.as_uri()] * 2
