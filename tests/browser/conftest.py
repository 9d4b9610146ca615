"""One Jupyter server, one browser and one JupyterLab for all tests of this folder; a notebook and a kernel for each."""

from __future__ import annotations

import re
import shutil
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

from posthog_nb.embedded.server import create_app
from posthog_nb.settings import remove_profile, save_profile
from tests.browser.page import CHROMIUM, JupyterLab, NotebookPage, browsing, opened
from tests.browser.server import serving_notebooks
from tests.conftest import SCREENSHOTS
from tests.leaks import KEY, TOKEN
from tests.twin import Twin, new_project

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator
    from wsgiref.types import WSGIApplication

    from playwright.sync_api import Browser

    from tests.browser.server import JupyterServer

_TOLD = pytest.StashKey[list[NotebookPage]]()
_FAILED = pytest.StashKey[bool]()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "tests/browser/" in item.path.as_posix():
            item.add_marker(pytest.mark.browser)
            item.add_marker(pytest.mark.slow)
            item.add_marker(pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed"))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A test that fails tells what was on its pages, and keeps a picture of each."""
    report = yield
    if report.failed and call.when == "call":
        item.stash[_FAILED] = True
        for notebook in item.stash.get(_TOLD, []):
            report.sections.append((f"Page, {notebook.keep('failed')}", notebook.told()))
    return report


# A package's fixtures end with it: what comes after is to have no event loop and no server beside it.
@pytest.fixture(scope="package")
def jupyter(tmp_path_factory: pytest.TempPathFactory) -> Iterator[JupyterServer]:
    """The server."""
    with serving_notebooks(tmp_path_factory.mktemp("jupyter")) as server:
        yield server


@pytest.fixture(scope="package")
def chromium() -> Iterator[Browser]:
    """The browser."""
    with browsing() as browser:
        yield browser


@pytest.fixture(scope="package")
def lab(jupyter: JupyterServer, chromium: Browser) -> Iterator[JupyterLab]:
    """The page that shows one notebook after the other."""
    lab = JupyterLab(jupyter, chromium)
    yield lab
    lab.close()


@pytest.fixture(scope="package")
def application() -> Iterator[WSGIApplication]:
    """What answers behind the twin: a project in this process, which no kernel is in."""
    project = new_project()
    yield create_app(project)
    project.close()


@pytest.fixture
def served(twin: Twin) -> Iterator[Twin]:
    """The twin, whom a notebook asks with the cell ``SERVED``."""
    save_profile("served", host=twin.url, project_id=1, personal_api_key=KEY, project_token=TOKEN)
    yield twin
    remove_profile("served")


@pytest.fixture
def open_notebook(
    jupyter: JupyterServer, chromium: Browser, lab: JupyterLab, request: pytest.FixtureRequest
) -> Iterator[Callable[..., NotebookPage]]:
    """Opens a notebook with the given cells: in Notebook 7, or in the JupyterLab that is open; or on a page of its own.

    The other options are those of ``opened``.
    """
    name = re.sub(r"\W+", "-", request.node.nodeid.rpartition("/")[2].replace("test_", "").replace(".py", "")).strip(
        "-"
    )
    request.node.stash[_TOLD] = []
    shutil.rmtree(SCREENSHOTS / name, ignore_errors=True)
    with ExitStack() as pages:

        def open_notebook(
            *cells: str, front_end: str = "lab", own_page: bool = False, **options: object
        ) -> NotebookPage:
            path = jupyter.write(f"{name}-{len(request.node.stash[_TOLD])}", cells)
            options["pictures"] = SCREENSHOTS / name
            if own_page or front_end != "lab":
                opening = opened(jupyter, chromium, path, front_end=front_end, **options)
            else:
                opening = lab.opened(path, **options)
            page = pages.enter_context(opening)
            request.node.stash[_TOLD].append(page)
            return page

        yield open_notebook
        if request.node.stash.get(_FAILED, False):
            # What is left of its page is not for the next test.
            lab.close()
