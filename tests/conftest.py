"""What all tests share."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

import posthog_nb
from tests.leaks import leaks

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator
    from wsgiref.types import WSGIApplication

    from IPython.core.interactiveshell import InteractiveShell

    from posthog_nb.client import Client
    from tests.twin import Twin

# A property test's first example may start ClickHouse; how long an example takes says nothing about the property.
settings.register_profile("default", deadline=None)
settings.load_profile("default")

SCREENSHOTS = Path(__file__).parent.parent / "build" / "screenshots"
"""The pictures that the browser tests take, a folder each."""


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say where the pictures of this run are."""
    ran = [report for kind in ("passed", "failed") for report in terminalreporter.stats.get(kind, [])]
    if any("tests/browser/" in report.nodeid for report in ran):
        terminalreporter.write_line(f"Screenshots of the browser tests: {SCREENSHOTS}")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A test fails when a key is in what it or the package wrote or logged."""
    report = yield
    found = leaks("\n".join(text for _, text in report.sections))
    if found and report.outcome == "passed":
        report.outcome = "failed"
        report.longrepr = f"There are keys in what was written or logged: {', '.join(found)}"
    return report


@pytest.fixture(autouse=True, scope="session")
def nobody_has_profiles(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """The profiles of whoever runs the tests are theirs."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CONFIG_HOME", str(tmp_path_factory.mktemp("config")))
        yield


@pytest.fixture
def twin(application: WSGIApplication) -> Iterator[Twin]:
    """A twin before the module's own ``application``, whose client does not wait long."""
    from tests.faulty import impatient  # noqa: PLC0415 - the engine loads for those who ask for it
    from tests.twin import twin_of  # noqa: PLC0415

    with twin_of(application) as twin, impatient():
        yield twin


@pytest.fixture
def ph(twin: Twin) -> Iterator[Client]:
    """A client of the twin."""
    from tests.twin import client_of  # noqa: PLC0415

    with client_of(twin) as client:
        yield client


@pytest.fixture(scope="session")
def demo() -> Iterator[Client]:
    """The demo as of a fixed moment."""
    with posthog_nb.connect("demo", as_of="2026-03-31T00:00:00Z", seed=1) as client:
        yield client


@pytest.fixture
def shell(demo: Client) -> Iterator[InteractiveShell]:
    """A shell with the extension loaded and the demo as `ph`."""
    from IPython.core.interactiveshell import InteractiveShell  # noqa: PLC0415 - loads for those who ask for it

    InteractiveShell.clear_instance()
    shell = InteractiveShell.instance()
    shell.run_line_magic("load_ext", "posthog_nb")
    shell.user_ns["ph"] = demo
    yield shell
    InteractiveShell.clear_instance()
