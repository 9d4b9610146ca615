"""No key is in anything that comes out: errors with their whole tracebacks, logs, reprs, notebooks, the wheel."""

from __future__ import annotations

import json
import logging
import os
import pprint
import subprocess
import sys
import traceback
import zipfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import nbformat
import pytest
from nbclient import NotebookClient

from posthog_nb.errors import PostHogError

pytest.importorskip("chdb", reason="the embedded engine has no wheel here")

from posthog_nb.embedded.server import create_app
from tests.faulty import BY_V1, OPERATIONS, SILENT, Stage, impatient
from tests.leaks import KEY, TOKEN, leaks
from tests.twin import Twin, client_of, new_project, twin_of
from tests.twin_faults import FAULTS

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parent.parent
PLAYED = [one for one in OPERATIONS if one.name in {"capture", "capture_many", "query", "persons.get(17)"}]
QUERY = next(one for one in PLAYED if one.name == "query")
NOTEBOOK = (
    "%load_ext posthog_nb",
    "import logging; logging.basicConfig(level=logging.DEBUG)",
    "import posthog_nb; ph = posthog_nb.connect(); ph",
    "ph.capture('opened', 'ann')",
    "%%hogql\nSELECT event FROM events",
    "ph.persons.search()",
    "ph.persons.get(1)",
    "ph.check()",
    "import ipywidgets; ipywidgets.HTML(repr(ph))",
    "%xmode Verbose",
    "%%hogql\nSELECT evnt FROM events",
    "ph.persons.get(99)",
)


@pytest.fixture(scope="module")
def stage() -> Iterator[Stage]:
    project = new_project()
    yield Stage(create_app(project))
    project.close()


@pytest.fixture(scope="module")
def twin(stage: Stage) -> Iterator[Twin]:
    with twin_of(stage.application) as twin:
        yield twin


# Errors and logs ----------------------------------------------------------------------------------------------------


class Everything(logging.Handler):
    """Every record of every logger, with its arguments and its traceback."""

    def __init__(self) -> None:
        super().__init__(logging.NOTSET)
        self.texts: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.texts += [self.format(record), repr(vars(record))]


@contextmanager
def everything_logged() -> Iterator[list[str]]:
    handler = Everything()
    # A library may have turned another one's logger down.
    loggers = [logging.getLogger(name) for name in ("", "posthog_nb", "requests", "urllib3")]
    levels = [logger.level for logger in loggers]
    loggers[0].addHandler(handler)
    for logger in loggers:
        logger.setLevel(logging.DEBUG)
    try:
        yield handler.texts
    finally:
        loggers[0].removeHandler(handler)
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


def told_by(error: BaseException) -> str:
    """All that a reader, a log or an error collector can make of ``error``: with the locals of every frame."""
    lines = [str(error), repr(error), repr(error.args), pprint.pformat(vars(error))]
    if isinstance(error, PostHogError):
        lines += [*error.lines(), *error._render_traceback_()]
    return "\n".join([*lines, *traceback.TracebackException.from_exception(error, capture_locals=True).format()])


@pytest.mark.parametrize("fault", [*sorted(set(FAULTS) - SILENT), "refused", "certificate"])
def test_no_error_and_no_log_has_a_key(stage: Stage, fault: str) -> None:
    with impatient(), everything_logged() as logged:
        errors = [stage.play(operation, fault, "ann", stays=True).error for operation in (*PLAYED, BY_V1[0])]
    told = "\n".join(told_by(error) for error in errors if error is not None)
    assert leaks(told) == []
    assert leaks("\n".join(logged)) == []
    assert "Starting new HTTP" in "".join(logged)


@pytest.mark.parametrize("fault", sorted(SILENT))
def test_no_error_of_a_time_out_has_a_key(stage: Stage, fault: str) -> None:
    with impatient(0.2), everything_logged() as logged:
        error = stage.play(QUERY, fault, "ann").error
    assert error is not None
    assert leaks(told_by(error)) == leaks("\n".join(logged)) == []


# Objects ------------------------------------------------------------------------------------------------------------


def test_nothing_that_a_client_gives_shows_a_key(twin: Twin) -> None:
    with client_of(twin) as client:
        given: list[Any] = [client, client._connection, client._connection.settings, client._connection._http]
        given += [client.capture("opened", "ann"), client.query("SELECT event FROM events"), client.persons.get(1)]
        given += [client.persons, client.persons.search(), client.check()]
        given += [client.capture_many([{"event": "opened", "distinct_id": "ann"}], progress=False)]
        shown = [f"{one!r} {one!s} {getattr(one, '_repr_html_', str)()}" for one in given]
        shown += [pprint.pformat(vars(one)) for one in given if hasattr(one, "__dict__")]
    assert leaks("\n".join(shown)) == []


@pytest.mark.parametrize("fault", sorted(FAULTS.keys() - SILENT))
def test_no_check_of_what_works_has_a_key(stage: Stage, fault: str) -> None:
    with twin_of(stage.application) as twin, client_of(twin) as client, everything_logged() as logged:
        twin.always("/", FAULTS[fault])
        found = client.check()
    assert leaks("\n".join([repr(found), found._repr_html_(), pprint.pformat(vars(found)), *logged])) == []
    assert found.parts


# Notebooks ----------------------------------------------------------------------------------------------------------


def test_no_executed_notebook_has_a_key(twin: Twin, tmp_path: Path) -> None:
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in NOTEBOOK])
    environment = {
        "POSTHOG_HOST": twin.url,
        "POSTHOG_PROJECT_ID": "1",
        "POSTHOG_PERSONAL_API_KEY": KEY,
        "POSTHOG_PROJECT_TOKEN": TOKEN,
        "PYTHONPATH": str(ROOT),
    }
    client = NotebookClient(
        notebook,
        timeout=120,
        kernel_name="python3",
        allow_errors=True,
        store_widget_state=True,
        resources={"metadata": {"path": str(tmp_path)}},
    )
    client.execute(env={**os.environ, **environment})
    text = json.dumps(notebook)
    assert leaks(text) == []
    assert "application/vnd.jupyter.widget-state+json" in notebook.metadata.widgets
    assert {"QueryError", "NotFoundError"} <= {
        out.ename for cell in notebook.cells for out in cell.outputs if "ename" in out
    }
    assert "Starting new HTTP" in text


# What is packed -----------------------------------------------------------------------------------------------------


def test_no_key_is_packed(tmp_path: Path) -> None:
    pytest.importorskip("hatchling")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as packed:
        texts = {name: packed.read(name).decode(errors="replace") for name in packed.namelist()}
    assert "posthog_nb/client.py" in texts
    assert [name for name, text in texts.items() if leaks(text)] == []
