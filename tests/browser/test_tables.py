"""A cell's frame and the line under it, in JupyterLab and in Notebook 7."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.browser.cells import DEMO, TOP

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.browser.page import NotebookPage


@pytest.mark.parametrize("front_end", ["lab", "notebook"])
def test_a_cell_shows_its_frame_and_the_line_under_it(
    open_notebook: Callable[..., NotebookPage], front_end: str
) -> None:
    notebook = open_notebook(DEMO, TOP, front_end=front_end)
    notebook.keep("opened")
    expect(notebook.run(0)).to_have_text("")
    shown = notebook.run(1)
    notebook.keep("ran")
    frame, line = shown.locator("table.dataframe"), notebook.line(1)
    expect(frame.locator("tbody tr")).to_have_count(8)
    expect(line).to_contain_text("rows 1 to 8, 4 columns; there are more: %hogql --more or --all")
    expect(line).to_contain_text("its data is made up")
    above, below = frame.bounding_box(), line.bounding_box()
    assert above["y"] + above["height"] <= below["y"]
