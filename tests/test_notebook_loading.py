"""`%load_ext posthog_nb`: what it costs, and that nothing is left of it after `%unload_ext`."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

from posthog_nb.frames import FRAMES
from posthog_nb.notebook.magics import PostHogMagics
from posthog_nb.operations import progress

LOADING = """
import json, socket, sys
from IPython.core.interactiveshell import InteractiveShell
def refuse(*_, **__):
    raise AssertionError("the network was touched")
shell = InteractiveShell.instance()
before = set(sys.modules)
socket.socket.connect = socket.getaddrinfo = refuse
shell.run_line_magic("load_ext", "posthog_nb")
print(json.dumps(sorted(set(sys.modules) - before)))
"""


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch) -> InteractiveShell:
    # Another test's shell may have loaded it.
    monkeypatch.setattr(progress, "_make", progress.Bar)
    shell = InteractiveShell()
    # IPython registers its own magics when they are first used.
    shell.find_line_magic("load_ext")
    return shell


def state(shell: InteractiveShell) -> dict[str, Any]:
    """All that an extension can put into a shell, as far as this one does."""
    formatters = {} if shell.display_formatter is None else shell.display_formatter.formatters
    return {
        "magics": {kind: sorted(names) for kind, names in shell.magics_manager.magics.items()},
        "registry": sorted(shell.magics_manager.registry),
        "configurables": [type(one).__name__ for one in shell.configurables],
        "callbacks": {name: len(calls) for name, calls in shell.events.callbacks.items()},
        "transforms": [len(shell.input_transformers_cleanup), len(shell.input_transformers_post)],
        "matchers": [] if shell.Completer is None else [one.__qualname__ for one in shell.Completer.custom_matchers],
        "formatters": {
            kind: [*map(str, one.deferred_printers), *map(str, one.type_printers)] for kind, one in formatters.items()
        },
        "exceptions": shell.custom_exceptions,
        "hooks": sorted(name for name in vars(shell.hooks)),
        "names": sorted(name for name in shell.user_ns if not name.startswith("_")),
        "bars": progress._make,
    }


def test_loading_imports_little_prints_nothing_and_sends_nothing() -> None:
    ran = subprocess.run([sys.executable, "-c", LOADING], capture_output=True, text=True, check=True)
    (printed,) = ran.stdout.splitlines()
    assert ran.stderr == ""
    new = json.loads(printed)
    heavy = {"argparse", "chdb", "clickhouse_connect", "hogql_parser", "ipywidgets", "msgspec", "narwhals", "pandas"}
    heavy |= {
        "polars",
        "pyarrow",
        "requests",
        "tqdm",
        "urllib3",
        "werkzeug",
        "http.client",
        "ssl",
        "concurrent.futures",
    }
    assert {name.partition(".")[0] for name in new} & heavy == set()
    assert heavy.isdisjoint(new)
    # The client and all below it wait for the first cell.
    assert [
        name for name in new if name.startswith(("posthog_nb.client", "posthog_nb.http", "posthog_nb.frames"))
    ] == []
    assert len(new) < 40, new


def test_unloading_leaves_no_trace(bare: InteractiveShell) -> None:
    before = state(bare)
    bare.run_line_magic("load_ext", "posthog_nb")
    assert state(bare) != before
    bare.run_line_magic("unload_ext", "posthog_nb")
    assert state(bare) == before


def test_loading_again_and_again_doubles_nothing(bare: InteractiveShell) -> None:
    bare.run_line_magic("load_ext", "posthog_nb")
    once = state(bare)
    for _ in range(3):
        bare.run_line_magic("reload_ext", "posthog_nb")
        bare.run_line_magic("load_ext", "posthog_nb")
    again = state(bare)
    assert {**again, "bars": None} == {**once, "bars": None}


def test_two_shells_do_not_share_what_they_loaded(bare: InteractiveShell) -> None:
    other = InteractiveShell()
    before = state(other)
    bare.run_line_magic("load_ext", "posthog_nb")
    assert {**state(other), "bars": None} == {**before, "bars": None}


def test_settings_of_a_configuration_file_hold_from_the_beginning() -> None:
    shell = InteractiveShell(config=Config({"PostHogMagics": {"limit": 7}}))
    shell.run_line_magic("load_ext", "posthog_nb")
    assert shell.magics_manager.registry["PostHogMagics"].limit == 7


def test_the_kinds_of_frames_are_those_that_there_are() -> None:
    assert PostHogMagics.class_traits()["frame"].values == FRAMES
