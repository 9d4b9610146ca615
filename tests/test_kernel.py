"""The magics in a kernel: every option of them, every error, an interrupt; what is shown and what is saved."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import nbformat
import pytest
from jupyter_client.manager import KernelManager

from posthog_nb import errors
from posthog_nb.embedded.server import create_app
from posthog_nb.notebook.arguments import help_text
from posthog_nb.notebook.connections import posthog_help
from tests.endless import ENDLESS, ends_within
from tests.leaks import leaks
from tests.notebooks import ROOT, execute
from tests.twin import environment_of, new_project, twin_of
from tests.twin_faults import FAULTS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from jupyter_client.blocking.client import BlockingKernelClient

    from tests.twin import Twin

pytest.importorskip("chdb", reason="the embedded engine has no wheel here")
pytestmark = pytest.mark.slow

Outputs = list[dict[str, Any]]

DEMO = '%load_ext posthog_nb\nimport posthog_nb\nph = posthog_nb.connect("demo", as_of="2026-03-31T00:00:00Z")'
NUMBERS = "SELECT number FROM numbers(250) ORDER BY number"
FRAME, LINE, PAGE, TEXT = "execute_result", "display_data", "execute_result", "stream"

CELLS: dict[str, tuple[list[str], str]] = {
    "%%hogql\nSELECT 1 AS one": ([FRAME, LINE], "1 row, 1 column; complete"),
    "%hogql SELECT 1 AS one": ([FRAME, LINE], "1 row, 1 column; complete"),
    "x = %hogql SELECT 1 AS one": ([LINE], "1 row"),
    "%%hogql\nSELECT 1 AS one;": ([LINE], "ends with a semicolon"),
    f"%%hogql top\n{NUMBERS}": ([LINE], "top is set · rows 1 to 100"),
    "%%hogql -o other\nSELECT 1 AS one": ([LINE], "other is set"),
    "%hogql -o other SELECT 1 AS one": ([LINE], "other is set"),
    "%%hogql top2 --show\nSELECT 1 AS one": ([FRAME, LINE], "top2 is set"),
    f"%%hogql --limit 3\n{NUMBERS}": ([FRAME, LINE], "rows 1 to 3"),
    "%hogql --more": ([FRAME, LINE], "rows 4 to 6"),
    "%hogql --more --all -o rest": ([LINE], "rest is set · rows 7 to 250"),
    f"%%hogql --all\n{NUMBERS}": ([FRAME, LINE], "250 rows, 1 column; complete"),
    f"%%hogql --max-rows 4\n{NUMBERS}": ([FRAME, LINE], "100"),
    "%%hogql --frame polars\nSELECT 1 AS one": ([FRAME, LINE], "shape: (1, 1)"),
    "%%hogql --frame arrow\nSELECT 1 AS one": ([FRAME, LINE], "pyarrow.Table"),
    "%%hogql --frame pandas\nSELECT 1 AS one": ([FRAME, LINE], "one"),
    '%%hogql --param n=3 --param names=["a", "b"]\nSELECT {n} + length({names}) AS five': ([FRAME, LINE], "5"),
    "%%hogql --with top\nSELECT count() AS n FROM top": ([FRAME, LINE], "250"),
    "%%hogql --with t=top --fresh --timeout 60 --no-progress\nSELECT max(number) AS n FROM t": ([FRAME, LINE], "249"),
    "%%hogql --dry-run --with t=top\nSELECT number FROM t": ([PAGE], "WITH `t` AS ("),
    "%%hogql --explain\nSELECT event FROM events WHERE timestamp > now()": ([PAGE], "ReadFromMergeTree"),
    "%%hogql --connection ph\nSELECT 1 AS one": ([FRAME, LINE], "demo"),
    "%%hogql --connection third\nSELECT 1 AS one": (["error"], "no client in a variable of that name"),
    "%%hogql -h": ([TEXT], "--with [CTE=]CELL"),
    "%hogql --help": ([TEXT], "--with [CTE=]CELL"),
    "%posthog": ([TEXT], "connect [TARGET]"),
    "%posthog -h": ([TEXT], "connect [TARGET]"),
    "%posthog connect demo -o third": ([LINE], "third is set · demo"),
    "%posthog connect demo --project-id 3": ([LINE], "ph is set · demo"),
    "%posthog connect --profile nobody": (["error"], "no such profile"),
    "%posthog status": ([PAGE], "demo"),
    "%posthog profiles": ([PAGE], "name"),
    "%posthog schema events.*": ([PAGE], "distinct_id"),
    "%posthog events --connection third": ([FRAME, LINE], "$pageview"),
    "%posthog forms": ([PAGE], "capture"),
    "%posthog snapshot list q1": (["error"], "There is no snapshot at q1"),
    "%posthog help toDate": ([PAGE], "toDate"),
    "%config PostHogMagics.limit = 7": ([], ""),
    f"%%hogql \n{NUMBERS}": ([FRAME, LINE], "rows 1 to 7"),
    "%config PostHogMagics.frame = 'polars'": ([], ""),
    "%%hogql  \nSELECT 1 AS one": ([FRAME, LINE], "shape: (1, 1)"),
    "%config PostHogMagics.timeout = 0.3": ([], ""),
    f"%%hogql --frame pandas\n{ENDLESS}": (["error"], "within 0.3 s"),
    "%config PostHogMagics.progress = False": ([], ""),
    "%reload_ext posthog_nb": ([], ""),
    "%unload_ext posthog_nb": ([], ""),
    "%hogql SELECT 2": (["stream"], "not found"),
}
"""What a cell leaves in the saved notebook, in order of the run, and a text that is part of it."""


def saved(folder: Path, cells: list[str], settings: Mapping[str, str] | None = None) -> list[Outputs]:
    """What is in the saved notebook under each of ``cells`` when all have run in one kernel."""
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    ran = execute(notebook, folder, settings=settings or {}, errors=True)
    assert not leaks(nbformat.writes(ran))
    return [cell.outputs for cell in ran.cells]


def text_of(outputs: Outputs) -> str:
    told = [
        str(one.get("text") or one.get("data", {}).get("text/plain") or "\n".join(one.get("traceback", ())))
        for one in outputs
    ]
    return "\n".join(told)


class TestOptions:
    @pytest.fixture(scope="class")
    @classmethod
    def outputs(cls, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Outputs]:
        found = saved(tmp_path_factory.mktemp("options"), [DEMO, *CELLS])
        assert found[0] == []
        return dict(zip(CELLS, found[1:], strict=True))

    @pytest.mark.parametrize("cell", CELLS)
    def test_a_cell_leaves_what_it_should(self, outputs: dict[str, Outputs], cell: str) -> None:
        kinds, text = CELLS[cell]
        assert [output["output_type"] for output in outputs[cell]] == kinds, text_of(outputs[cell])
        assert text in text_of(outputs[cell])

    def test_every_option_and_command_is_among_them(self) -> None:
        option = re.compile(r"(?<![\w-])--?[a-z][a-z-]*")
        asked = {name for cell in CELLS if "hogql" in cell for name in option.findall(cell.partition("\n")[0])}
        assert asked == set(option.findall(help_text()))
        commands = {cell.split()[1] for cell in CELLS if cell.startswith("%posthog ")}
        assert commands == {*re.findall(r"^    (?!COMMAND)(\w+) ", posthog_help(), re.MULTILINE), "-h"}


BY_STATUS = {
    "401": errors.AuthenticationError,
    "402": errors.QuotaExceededError,
    "403": errors.PermissionDeniedError,
    "404": errors.NotFoundError,
    "413": errors.APIError,
    "429, an hour": errors.RateLimitedError,
    "504": errors.QueryTimeoutError,
    "513": errors.ServerError,
    "closed, nothing done": errors.TransportError,
}
FAILING: dict[str, type[errors.PostHogError]] = {
    **{f"%%hogql --connection c{1000 + n}\nSELECT 1": kind for n, kind in enumerate(BY_STATUS.values())},
    "%%hogql\nSELECT evnt\nFROM events": errors.QueryError,
    "%%hogql\nSELECT 1 FROM WHERE": errors.QueryError,
    "%hogql SELECT nothing_of_the_kind(1)": errors.QueryError,
    f"%%hogql --timeout 0.8\n{ENDLESS}": errors.AnswerTimeoutError,
    "%%hogql --limti 3\nSELECT 1": errors.InvalidInputError,
    "%%hogql": errors.InvalidInputError,
    "%%hogql --with gone\nSELECT 1 FROM gone": errors.InvalidInputError,
    "%%hogql\nSELECT {nowhere}": errors.MissingParameterError,
    "%posthog conect": errors.InvalidInputError,
    '%posthog connect "no such place"': errors.ConfigurationError,
    "%%hogql --connection keyless\nSELECT 1": errors.MissingCredentialError,
    "ph.query('SELECT evnt FROM events')": errors.QueryError,
    "refusing.capture('sent', 'ann')": errors.CaptureRefusedError,
}
RAISED = sorted(set(errors.__all__) - {"Span"} - {kind.__name__ for kind in FAILING.values()})
"""Those that no cell here provokes: what is raised inside the embedded project, and what needs a broken machine."""


WITHOUT_A_HINT = {errors.QueryError, errors.APIError, errors.CaptureRejected, errors.EngineError}
"""What to do next depends on what PostHog says of it; the last two cross the wire as one of the others."""


class TestErrors:
    @pytest.fixture(scope="class")
    @classmethod
    def outputs(cls, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Outputs]:
        project = new_project()
        with twin_of(create_app(project)) as twin:
            for number, name in enumerate(BY_STATUS):
                twin.always(f"/projects/{1000 + number}/", FAULTS[name])
            clients = ", ".join(f"c{1000 + number}" for number in range(len(BY_STATUS)))
            made = (
                f"%load_ext posthog_nb\nimport posthog_nb\nfrom posthog_nb import errors\nph = posthog_nb.connect()\n"
                f"{clients} = (posthog_nb.connect(project_id=1000 + n) for n in range({len(BY_STATUS)}))\n"
                "import os\nos.environ.pop('POSTHOG_PERSONAL_API_KEY')\nkeyless = posthog_nb.connect()\n"
                "refusing = ph\nimport time\nfrom posthog_nb.http import session\n"
                "session.time = type('Hasty', (), {'sleep': staticmethod(lambda _: None)})"
            )
            twin.always("/batch/", FAULTS["400"])
            raised = [f"raise errors.{name}({_given(name)})" for name in RAISED]
            found = saved(tmp_path_factory.mktemp("errors"), [made, *FAILING, *raised], environment_of(twin))
        project.close()
        assert found[0] == [], text_of(found[0])
        return dict(zip([*FAILING, *RAISED], found[1:], strict=True))

    @pytest.mark.parametrize("cell", [*FAILING, *RAISED])
    def test_one_error_of_a_few_lines_is_saved(self, outputs: dict[str, Outputs], cell: str) -> None:
        kind = FAILING.get(cell) or getattr(errors, cell)
        *told, output = outputs[cell]
        # What is sent again is logged.
        assert all(one["name"] == "stderr" for one in told)
        assert (output["output_type"], output["ename"]) == ("error", kind.__name__)
        lines = "\n".join(output["traceback"]).split("\n")
        assert lines[0].startswith(f"{kind.__name__}: ")
        assert len(lines) <= 6
        assert not any("Traceback" in line or 'File "' in line for line in lines)
        assert lines[-1].startswith("Hint: ") or kind in WITHOUT_A_HINT, lines


def _given(name: str) -> str:
    kind = getattr(errors, name)
    if kind is errors.CaptureRejected:
        return "400, 'It went wrong.'"
    if kind is errors.EngineError:
        return "'It went wrong.', name='TYPE_MISMATCH'"
    return "'It went wrong.', hint='Do it again.'" + (", status=400" if issubclass(kind, errors.APIError) else "")


def test_in_a_terminal_an_error_is_the_same_few_lines(tmp_path: Path) -> None:
    typed = f"{DEMO}\n%hogql SELECT evnt FROM events\n%hogql SELECT 1 AS one\n"
    ran = subprocess.run(
        [sys.executable, "-m", "IPython", "--simple-prompt", "--no-banner", "--colors=NoColor"],
        input=typed,
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
        env={**os.environ, "IPYTHONDIR": str(tmp_path)},
    )
    assert "QueryError: Unable to resolve field: evnt\n  line 1: SELECT evnt FROM events\n" in ran.stdout
    assert "\n                 ^^^^\n(HTTP 400" in ran.stdout
    assert "Traceback" not in ran.stdout + ran.stderr
    assert "1 row, 1 column; complete" in ran.stdout


@contextmanager
def kernel(settings: Mapping[str, str]) -> Iterator[tuple[KernelManager, BlockingKernelClient]]:
    manager = KernelManager(kernel_name="python3")
    kept = {name: text for name, text in os.environ.items() if not name.startswith("POSTHOG_")}
    manager.start_kernel(env={**kept, **settings, "PYTHONPATH": str(ROOT)})
    client = manager.blocking_client()
    client.start_channels()
    try:
        client.wait_for_ready(timeout=60)
        client.execute_interactive("%load_ext posthog_nb\nimport posthog_nb\nph = posthog_nb.connect()", timeout=60)
        yield manager, client
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


@pytest.mark.parametrize(
    "cell",
    [
        f"%%hogql\n{ENDLESS}",
        f"%%hogql --no-progress\n{ENDLESS}",
        f"%%hogql --explain\n{ENDLESS}",
        f"x = %hogql {ENDLESS}",
        f"ph.query({ENDLESS!r}, progress=True)",
        f"import posthog_nb.dbapi\nposthog_nb.dbapi.connect(client=ph).cursor().execute({ENDLESS!r})",
    ],
)
@pytest.mark.parametrize("after", [0.3, 1.5])
def test_an_interrupt_ends_the_query_on_the_server_within_a_second(
    interrupted: tuple[Twin, KernelManager, BlockingKernelClient], cell: str, after: float
) -> None:
    twin, manager, client = interrupted
    twin.forget()
    # Else the kernel would drop what comes next for a moment after the error.
    asked = client.execute(cell, stop_on_error=False)
    deadline = time.monotonic() + 20
    while not twin.seen("POST /query/") and time.monotonic() < deadline:
        time.sleep(0.02)
    time.sleep(after)
    began = time.monotonic()
    manager.interrupt_kernel()
    reply = client.get_shell_msg(timeout=20)
    replied = time.monotonic() - began
    assert reply["parent_header"]["msg_id"] == asked
    assert reply["content"]["ename"] == "KeyboardInterrupt"
    if "hogql" in cell.split("\n", maxsplit=1)[0]:
        assert len(reply["content"]["traceback"]) == 1
    ended = [seen.started for seen in twin.seen("DELETE /query/") if seen.started >= began]
    assert ended, "nothing was ended on the server"
    assert min(ended) - began < 1
    assert ends_within(1)
    assert replied < 5


@pytest.fixture(scope="module")
def interrupted() -> Iterator[tuple[Twin, KernelManager, BlockingKernelClient]]:
    """A twin, and a kernel whose `ph` asks it."""
    project = new_project()
    with twin_of(create_app(project)) as twin, kernel(environment_of(twin)) as (manager, client):
        yield twin, manager, client
    project.close()
