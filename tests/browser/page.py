"""A notebook in a browser, in the words of who uses it: cells, outputs, completion, interrupt."""

from __future__ import annotations

import json
import re
import shutil
from contextlib import contextmanager
from typing import TYPE_CHECKING

import nbformat
from playwright.sync_api import TimeoutError as Late
from playwright.sync_api import expect, sync_playwright

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Browser, Locator, Page

    from tests.browser.server import JupyterServer

__all__ = ["CHROMIUM", "JupyterLab", "NotebookPage", "browsing", "opened"]

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")

_QUIET_BROWSER = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
_PERMISSIONS = ["clipboard-read", "clipboard-write"]
_SECONDS = 60
_OPEN = """async path => {
    await window.jupyterapp.commands.execute('docmanager:open', {path, factory: 'Notebook'});
}"""
_AT_REST = """() => {
    const panel = window.jupyterapp?.shell.currentWidget;
    const kernel = panel?.sessionContext?.session?.kernel;
    return panel?.content?.widgets?.length > 0 && kernel?.status === 'idle' && kernel.connectionStatus === 'connected';
}"""


class NotebookPage:
    """A notebook that is open in JupyterLab or in Notebook 7.

    Args:
        page: The browser's page.
        path: Where the notebook is saved.
        pictures: The folder of the pictures that :meth:`keep` takes.
    """

    def __init__(self, page: Page, path: Path, pictures: Path) -> None:
        self.page = page
        self.path = path
        self._pictures = pictures
        self._kept = 0

    # Cells and outputs ----------------------------------------------------------------------------------------------

    def cell(self, index: int) -> Locator:
        """The cell of that number; the first is 0, the last is -1."""
        return self.page.locator(".jp-Notebook .jp-Cell").nth(index)

    def output(self, index: int) -> Locator:
        """All that a cell shows below itself."""
        return self.cell(index).locator(".jp-Cell-outputArea")

    def line(self, index: int) -> Locator:
        """The line under a cell's frame."""
        return self.output(index).locator(".posthog-nb-footer")

    def error(self, index: int) -> Locator:
        """A cell's error."""
        return self.output(index).locator("[data-mime-type='application/vnd.jupyter.stderr'], .jp-OutputArea-error")

    def start(self, index: int) -> None:
        """Run a cell as its user does, and do not wait for it."""
        self.edit(index)
        self.page.keyboard.press("Control+Enter")

    def run(self, index: int) -> Locator:
        """Run a cell, and wait until the kernel has said everything; gives its output."""
        before = self._number(index)
        self.start(index)
        self.wait_for_run(index, unlike=before)
        return self.output(index)

    def run_all(self) -> None:
        """Run all cells in their order, and wait until the last has run; a cell that fails ends the run."""
        before = [self._number(index) for index in range(self._count())]
        self.page.evaluate("() => { void window.jupyterapp.commands.execute('notebook:run-all-cells') }")
        for index, number in enumerate(before):
            if number is not None:
                self.wait_for_run(index, unlike=number)
                if self.error(index).count():
                    return

    def wait_for_run(self, index: int, *, unlike: str = "") -> None:
        """Wait until a cell has the number of a run that is over, another than ``unlike``."""
        prompt = self.cell(index).locator(".jp-InputPrompt")
        expect(prompt).to_have_text(re.compile(rf"^\[(?!{unlike}\])\d+\]:$"), timeout=_SECONDS * 1000)

    def wait_until_running(self, index: int) -> None:
        """Wait until a cell has been handed to the kernel."""
        expect(self.cell(index).locator(".jp-InputPrompt")).to_have_text("[*]:", timeout=_SECONDS * 1000)

    def interrupt(self) -> None:
        """Interrupt the kernel by the keys that Jupyter has for it."""
        self.page.keyboard.press("Escape")
        self.page.keyboard.press("i")
        self.page.keyboard.press("i")

    def _count(self) -> int:
        return self.page.locator(".jp-Notebook .jp-Cell").count()

    def _number(self, index: int) -> str | None:
        """What is in a cell's brackets; None for a cell of text."""
        prompt = self.cell(index).locator(".jp-InputPrompt")
        return re.sub(r"\D", "", prompt.text_content() or "") if prompt.count() else None

    # Writing --------------------------------------------------------------------------------------------------------

    def edit(self, index: int) -> None:
        """Put the cursor at the end of a cell."""
        editor = self.cell(index).locator(".cm-content")
        editor.scroll_into_view_if_needed()
        editor.click()
        self.page.keyboard.press("Control+End")

    def type(self, index: int, text: str) -> None:
        """Write at the end of a cell, key by key."""
        self.edit(index)
        self.page.keyboard.type(text)

    def text(self, index: int) -> str:
        """The text of a cell."""
        source: str = self.page.evaluate(
            "index => window.jupyterapp.shell.currentWidget.content.widgets.at(index).model.sharedModel.getSource()",
            index,
        )
        return source

    def complete(self) -> Locator:
        """Ask for completions where the cursor is; gives the menu's items, of which there is at least one."""
        self.page.keyboard.press("Tab")
        items = self.page.locator(".jp-Completer:not(.lm-mod-hidden) .jp-Completer-item")
        expect(items.first).to_be_visible(timeout=_SECONDS * 1000)
        return items

    def hover(self) -> Locator:
        """Ask for help on the word at the cursor; gives what it says."""
        self.page.keyboard.press("Shift+Tab")
        tooltip = self.page.locator(".jp-Tooltip")
        expect(tooltip).to_be_visible(timeout=_SECONDS * 1000)
        return tooltip

    # The page -------------------------------------------------------------------------------------------------------

    def save(self) -> nbformat.NotebookNode:
        """Save the notebook by its keys; gives what is on disk."""
        self.page.keyboard.press("Control+s")
        self.page.wait_for_function(
            "() => !window.jupyterapp.shell.currentWidget.context.model.dirty", timeout=_SECONDS * 1000
        )
        return nbformat.read(self.path, as_version=4)

    def reload(self) -> None:
        """Load the page anew, as after a restart of the browser."""
        self.page.reload()
        self.wait_until_at_rest()

    def dark(self, dark: bool = True) -> None:
        """Change to the dark theme, or back."""
        self.page.emulate_media(color_scheme="dark" if dark else "light")
        expect(self.page.locator("body")).to_have_attribute("data-jp-theme-light", json.dumps(not dark))

    def resize(self, width: int, height: int = 900) -> None:
        """Change the size of the window, in CSS pixels."""
        self.page.set_viewport_size({"width": width, "height": height})

    def wait_until_at_rest(self) -> None:
        """Wait until the cells are here and the kernel has nothing to do."""
        self.page.wait_for_function(_AT_REST, timeout=_SECONDS * 1000)

    def keep(self, name: str, part: Locator | None = None) -> Path:
        """Take a picture of the window, or of a part of it, and keep it with those of the run."""
        self._kept += 1
        self._pictures.mkdir(parents=True, exist_ok=True)
        picture = self._pictures / f"{self._kept:02}-{name}.png"
        (part or self.page).screenshot(path=picture, animations="disabled")
        return picture

    def told(self) -> str:
        """What is on the page, for a report of what went wrong."""
        try:
            shown = self.page.inner_text("body", timeout=5000)
        except Late:
            shown = "(the page does not answer)"
        return f"{self.page.url.partition('?')[0]}\n{shown}"


@contextmanager
def browsing() -> Iterator[Browser]:
    """Chromium without a screen, for the length of a ``with`` block."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=_QUIET_BROWSER)
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def opened(
    server: JupyterServer,
    browser: Browser,
    path: Path,
    *,
    pictures: Path,
    front_end: str = "lab",
    width: int = 1060,
    height: int = 900,
    scale: float = 1,
    dark: bool = False,
) -> Iterator[NotebookPage]:
    """The notebook at ``path`` with a kernel, both of which end with the ``with`` block.

    Args:
        server: Whose notebook it is.
        browser: Where it opens, as somebody who has never been there.
        path: The notebook.
        pictures: Where pictures are kept.
        front_end: ``"lab"`` for JupyterLab or ``"notebook"`` for Notebook 7.
        width: The window's width in CSS pixels.
        height: Its height.
        scale: How many pixels of a picture stand for one of CSS.
        dark: Whether the page is dark from the start.
    """
    context = browser.new_context(
        viewport={"width": width, "height": height},
        device_scale_factor=scale,
        color_scheme="dark" if dark else "light",
        permissions=_PERMISSIONS,
    )
    try:
        notebook = NotebookPage(context.new_page(), path, pictures)
        notebook.page.goto(server.page_of(path, front_end), timeout=_SECONDS * 1000)
        _wait_until_open(notebook)
        yield notebook
    finally:
        context.close()
        server.end_kernel(path)


def _wait_until_open(notebook: NotebookPage) -> None:
    try:
        notebook.wait_until_at_rest()
    except Late as error:
        raise RuntimeError(f"The notebook did not open.\n{notebook.told()}") from error


class JupyterLab:
    """A page with JupyterLab that stays, in which one notebook after the other is opened.

    To load JupyterLab takes longer than most of what is seen in it.

    Args:
        server: Whose notebooks they are.
        browser: Where the page opens when the first notebook does.
    """

    def __init__(self, server: JupyterServer, browser: Browser) -> None:
        self._server = server
        self._browser = browser
        self._page: Page | None = None

    @contextmanager
    def opened(
        self, path: Path, *, pictures: Path, width: int = 1060, height: int = 900, dark: bool = False
    ) -> Iterator[NotebookPage]:
        """The notebook at ``path`` with a kernel, both of which end with the ``with`` block; as for :func:`opened`."""
        is_new = self._page is None
        page = self._page = self._page or self._browser.new_context(permissions=_PERMISSIONS).new_page()
        notebook = NotebookPage(page, path, pictures)
        page.mouse.move(0, 0)
        notebook.resize(width, height)
        try:
            if is_new:
                page.goto(self._server.page_of(path, "lab"), timeout=_SECONDS * 1000)
            else:
                page.evaluate(_OPEN, path.name)
            _wait_until_open(notebook)
            notebook.dark(dark)
            yield notebook
            if self._page is page:
                page.evaluate("() => window.jupyterapp.shell.currentWidget.dispose()")
        except BaseException:
            self.close()
            raise
        finally:
            self._server.end_kernel(path)

    def close(self) -> None:
        """Close the page; the next notebook opens a new one."""
        if self._page is not None:
            self._page.context.close()
            self._page = None
