"""The bar over a slow cell: shown while it runs, and nothing of it in the saved notebook."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import nbformat
import pytest
from IPython.core.interactiveshell import InteractiveShell
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

from posthog_nb.embedded.server import create_app
from posthog_nb.notebook import progress
from posthog_nb.notebook.progress import CallBar, CellBar, bar_for, bar_of_a_call
from posthog_nb.operations.progress import Bar
from posthog_nb.operations.task import Progress
from tests.notebooks import execute
from tests.twin import environment_of, new_project

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from wsgiref.types import WSGIApplication

    from tests.twin import Twin

pytest.importorskip("chdb", reason="the embedded engine has no wheel here")

SLOW = "SELECT count() AS n FROM numbers(2000000000) WHERE cityHash64(number) = 1"
SMALL_PAGES = "from posthog_nb.operations import answer\nanswer.MOST_ROWS, answer.LARGEST_PAGE = 20, 19"
MANY = "SELECT number FROM numbers(600) ORDER BY number"


class Watched:
    """A run in a kernel: the notebook as it would be saved, and all that was displayed on the way."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, folder: Path, twin: Twin) -> None:
        self.displayed: list[dict[str, Any]] = []
        self._settings = environment_of(twin)
        self._folder = folder
        process = NotebookClient.process_message

        def listening(client: NotebookClient, message: dict[str, Any], *rest: Any) -> Any:
            if message["msg_type"] in {"display_data", "update_display_data"}:
                self.displayed.append(message["content"]["data"])
            return process(client, message, *rest)

        monkeypatch.setattr(NotebookClient, "process_message", listening)

    def run(self, *cells: str) -> list[list[dict[str, Any]]]:
        first = "%load_ext posthog_nb\nimport posthog_nb\nph = posthog_nb.connect()\nph.query('SELECT 1')"
        self.notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in (first, *cells)])
        execute(self.notebook, self._folder, in_place=True, settings=self._settings)
        return self.outputs

    @property
    def outputs(self) -> list[list[dict[str, Any]]]:
        return [cell.outputs for cell in self.notebook.cells[1:]]

    @property
    def bars(self) -> list[str]:
        return [data["text/plain"] for data in self.displayed if "posthog-nb-progress" in data.get("text/html", "")]


@pytest.fixture(scope="module")
def application() -> Iterator[WSGIApplication]:
    project = new_project()
    yield create_app(project)
    project.close()


@pytest.fixture
def watched(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, twin: Twin) -> Watched:
    return Watched(monkeypatch, tmp_path, twin)


def kinds(shown: list[dict[str, Any]]) -> list[str]:
    return [output["output_type"] for output in shown]


@pytest.mark.slow
class TestInAKernel:
    def test_a_slow_cell_shows_a_bar_of_which_nothing_is_saved(self, watched: Watched) -> None:
        named, value, line = watched.run(f"%%hogql slow\n{SLOW}", f"%%hogql\n{SLOW}", f"slow = %hogql {SLOW}")
        assert kinds(named) == ["display_data"]
        assert "slow is set" in named[0]["data"]["text/plain"]
        assert kinds(value) == ["execute_result", "display_data"]
        assert kinds(line) == ["display_data"]
        assert all(bar.startswith("PostHog reads ") for bar in watched.bars)
        assert len(watched.bars) >= 2
        assert "posthog-nb-progress" not in nbformat.writes(watched.notebook)
        assert "PostHog reads" not in nbformat.writes(watched.notebook)

    def test_pages_have_a_bar_and_what_is_warned_of_stays(self, watched: Watched) -> None:
        slow = (
            "import time, sys\nfrom posthog_nb.connection import Connection\nown = Connection.start_query\n"
            "def slowly(*given, **options):\n    time.sleep(0.15)\n    return own(*given, **options)\n"
            "Connection.start_query = slowly\n"
            "from posthog_nb.operations.fetching import Fetcher\nfetched = Fetcher.fetched\n"
            "def saying(*given):\n    print('a warning', file=sys.stderr) if given[0]._done == 0 else None\n"
            "    fetched(*given)\nFetcher.fetched = saying"
        )
        shown = watched.run(f"{SMALL_PAGES}\n{slow}", f"%%hogql --all\n{MANY}")[1]
        assert any(bar.startswith("fetching ") for bar in watched.bars)
        assert kinds(shown) == ["stream", "execute_result", "display_data"]
        assert shown[0]["text"] == "a warning\n"
        assert "600 rows" in shown[2]["data"]["text/plain"]

    def test_a_call_that_asks_for_a_bar_leaves_the_other_outputs_and_no_widget(self, watched: Watched) -> None:
        cell = f"print('before')\nn = ph.query({SLOW!r}, progress=True).rows\nprint('after')"
        (shown,) = watched.run(cell)
        assert [one.get("text") or one["data"] for one in shown] == ["before\n", {"text/plain": ""}, "after\n"]
        assert len(watched.bars) >= 2
        assert "widgets" not in watched.notebook.metadata
        assert "posthog-nb-progress" not in nbformat.writes(watched.notebook)

    def test_a_cell_magic_among_other_statements_clears_nothing(self, watched: Watched) -> None:
        (shown,) = watched.run(f"print('before')\nget_ipython().run_cell_magic('hogql', 'n', {SLOW!r})\nprint('after')")
        assert "".join(one.get("text", "") for one in shown) == "before\nafter\n"
        assert watched.bars == []

    def test_an_error_after_a_bar_is_the_one_output(self, watched: Watched) -> None:
        with pytest.raises(CellExecutionError):
            watched.run(f"%%hogql --timeout 1.5\n{SLOW.replace('2000000000', '200000000000')}")
        assert kinds(watched.outputs[0]) == ["error"]
        assert watched.outputs[0][0]["ename"] == "AnswerTimeoutError"
        assert watched.bars

    def test_no_progress_and_quick_cells_show_no_bar(self, watched: Watched) -> None:
        watched.run(f"%%hogql --no-progress\n{SLOW}", "%%hogql\nSELECT 1", "%%hogql --all\nSELECT 1 AS n LIMIT 7")
        assert watched.bars == []


class TestWhere:
    def test_a_shell_without_a_screen_has_no_bar(self) -> None:
        assert bar_for(InteractiveShell(), whole_cell=True) is None

    def test_a_terminal_has_a_line(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(progress.sys.stderr, "isatty", lambda: True, raising=False)
        assert type(bar_for(InteractiveShell(), whole_cell=False)) is Bar

    def test_a_call_has_the_kind_of_bar_that_suits_the_place(self) -> None:
        shell = InteractiveShell()
        assert type(bar_of_a_call(shell)) is Bar
        shell.kernel = object()  # type: ignore[attr-defined]
        assert isinstance(bar_of_a_call(shell), CallBar)

    def test_in_a_notebook_a_whole_cell_has_one_and_a_line_has_none(self) -> None:
        shell = InteractiveShell()
        shell.kernel = object()  # type: ignore[attr-defined]
        bars = []
        shell.user_ns["ask"] = lambda: bars.extend(bar_for(shell, whole_cell=whole) for whole in (True, False))
        shell.register_magic_function(lambda _line, _cell: shell.user_ns["ask"](), "cell", "asking")
        shell.run_cell("\n%%asking\nSELECT 1")
        shell.run_cell("ask()")
        assert [type(bar) for bar in bars] == [CellBar, type(None), type(None), type(None)]


@pytest.mark.parametrize(
    ("told", "text", "html"),
    [
        (Progress(1500, 4000, "read"), "PostHog reads 1,500 of about 4,000 rows", 'max="4000" value="1500"'),
        (Progress(5000, 4000, "read"), "PostHog reads 5,000 of about 4,000 rows", 'max="4000" value="4000"'),
        (Progress(10, None, "fetched"), "fetching 10 rows", '<progress aria-label="fetching" style'),
        (Progress(10, 0, "fetched"), "fetching 10 of 0 rows", '<progress aria-label="fetching" style'),
        (Progress(10, 40, "fetched"), "fetching 10 of 40 rows", 'max="40" value="10"'),
    ],
)
def test_a_bar_says_what_is_known(told: Progress, text: str, html: str) -> None:
    shown = progress._mimebundle(told)
    assert shown["text/plain"] == text
    assert html in shown["text/html"]
