"""The pictures of the README and of `docs/`, taken anew in JupyterLab.

`python -m tests.browser.pictures [NAME ...]` takes those that are named, or all; it needs Chromium.
"""

from __future__ import annotations

import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from playwright.sync_api import expect

from tests.browser.cells import DEMO, KNOWN, TOP
from tests.browser.page import browsing, opened
from tests.browser.server import serving_notebooks

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from playwright.sync_api import Browser, Locator

    from tests.browser.page import NotebookPage
    from tests.browser.server import JupyterServer

IMAGES = Path(__file__).parents[2] / "docs" / "images"
LARGEST = 200_000
"""Bytes of a picture."""


class Studio:
    """Where pictures are taken.

    Args:
        server: Serves the notebooks.
        browser: Shows them.
        folder: Where the pictures go.
    """

    def __init__(self, server: JupyterServer, browser: Browser, folder: Path) -> None:
        self._server = server
        self._browser = browser
        self._folder = folder

    @contextmanager
    def opened(self, name: str, *cells: str, **options: Any) -> Iterator[NotebookPage]:
        """A notebook with ``cells``, as the options of ``tests.browser.page.opened`` say."""
        path = self._server.write(name, cells)
        usual = {"pictures": self._folder, "scale": 2, "width": 900, "height": 1400}
        with opened(self._server, self._browser, path, **{**usual, **options}) as notebook:
            # The buttons of the selected cell would stand over its text.
            notebook.page.add_style_tag(content=".jp-cell-toolbar { display: none !important; }")
            yield notebook

    def take(self, notebook: NotebookPage, first: Locator, last: Locator, *, margin: int = 7) -> None:
        """A picture of the notebook from the top of ``first`` to the end of ``last``."""
        notebook.page.mouse.move(0, 0)
        above, below = first.bounding_box(), last.bounding_box()
        panel = notebook.page.locator(".jp-NotebookPanel-notebook").bounding_box()
        if above is None or below is None or panel is None:
            raise RuntimeError(f"What is to be in the picture is not on the page.\n{notebook.told()}")
        top, bottom = above["y"] - margin, below["y"] + below["height"] + margin
        clip = {"x": panel["x"], "y": top, "width": panel["width"], "height": bottom - top}
        picture = self._folder / f"{notebook.path.stem}.png"
        notebook.page.screenshot(path=picture, clip=clip, animations="disabled")
        if picture.stat().st_size > LARGEST:
            raise RuntimeError(f"{picture} has {picture.stat().st_size:,} bytes, more than {LARGEST:,}.")


def quickstart(studio: Studio) -> None:
    """A `%%hogql` cell, its frame and the line under it."""
    with studio.opened("quickstart", DEMO, TOP) as notebook:
        notebook.run_all()
        studio.take(notebook, notebook.cell(0), notebook.line(1))


def error(studio: Studio) -> None:
    """An error with a caret under the place."""
    wrong = """%%hogql
SELECT event, count()
FROM events
WHERE properties.$browser = 'Chrome' AND evnt = '$pageview'
GROUP BY event"""
    with studio.opened("error", DEMO, wrong) as notebook:
        notebook.run_all()
        studio.take(notebook, notebook.cell(1), notebook.error(1))


def dark(studio: Studio) -> None:
    """A frame of polars in the dark theme."""
    polars = TOP.replace("--limit 8", "--frame polars --limit 4")
    with studio.opened("dark", DEMO, polars, dark=True) as notebook:
        notebook.run_all()
        studio.take(notebook, notebook.cell(1), notebook.line(1))


def completion(studio: Studio) -> None:
    """The project's own events after ``event = '``."""
    with studio.opened("completion", DEMO, KNOWN, "%%hogql\nSELECT count()\nFROM events\nWHERE event = '") as notebook:
        for index in (0, 1):
            notebook.run(index)
        notebook.edit(2)
        expect(notebook.complete().filter(has_text="purchase").first).to_be_visible()
        studio.take(notebook, notebook.cell(2), notebook.page.locator(".jp-Completer"))


def form_capture(studio: Studio) -> None:
    """A form whose event has arrived."""
    filled = """ph.forms.capture(
    "purchase", "user_1065", {"plan": "pro", "seats": 5, "trial": False},
    timestamp="2026-03-30T22:15:00Z",
)"""
    with studio.opened("form-capture", DEMO, filled, height=1800, scale=1.5) as notebook:
        notebook.run(0)
        shown = notebook.run(1)
        shown.get_by_role("button", name="Send", exact=True).click()
        shown.get_by_role("button", name="See it arrive").click()
        expect(shown.get_by_text("It has arrived")).to_be_visible(timeout=60_000)
        studio.take(notebook, notebook.cell(1), shown)


def journey(studio: Studio) -> None:
    """A person's card and journey."""
    person = "person = ph.persons.get(ph.persons.search(limit=1)['id'][0])\nperson"
    with studio.opened("journey", DEMO, person, "person.journey()", height=1800, scale=1.25) as notebook:
        notebook.run_all()
        studio.take(notebook, notebook.cell(1), notebook.output(2))


def verification(studio: Studio) -> None:
    """What became of a snapshot's answers after an event came late."""
    record = """ph._connection.record(posthog_nb.Recording("2026-q1"))
ph.query("SELECT event, count() AS n, count(DISTINCT person_id) AS persons FROM events GROUP BY event ORDER BY event")
ph.query("SELECT count() AS sessions FROM sessions")
ph.capture("file_shared", "late-phone", timestamp="2026-03-30T10:00:00Z");"""
    with studio.opened("verification", DEMO, record, 'posthog_nb.Snapshot("2026-q1").verify(ph)') as notebook:
        notebook.run_all()
        notebook.output(2).get_by_text("the same").click()
        studio.take(notebook, notebook.cell(2), notebook.output(2))


PICTURES: dict[str, Callable[[Studio], None]] = {
    take.__name__: take for take in (quickstart, completion, error, form_capture, journey, dark, verification)
}


def main(names: list[str], folder: Path = IMAGES) -> None:
    """Take the pictures of these names, or all, into ``folder``."""
    with tempfile.TemporaryDirectory() as scratch, serving_notebooks(Path(scratch)) as server, browsing() as browser:
        for name in names or PICTURES:
            PICTURES[name](Studio(server, browser, folder))


if __name__ == "__main__":
    main(sys.argv[1:])
