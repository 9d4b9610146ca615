"""What helps while a query is written: completion, and help at the cursor."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from playwright.sync_api import expect

from tests.browser.cells import DEMO, KNOWN

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.browser.page import NotebookPage


def test_events_properties_and_parameters_are_completed(open_notebook: Callable[..., NotebookPage]) -> None:
    notebook = open_notebook(DEMO, KNOWN, "%%hogql\nSELECT count()")
    for index in (0, 1):
        notebook.run(index)
    for typed, wanted in [
        (" FROM e", "events"),
        ("\nWHERE event = '", "purchase"),
        (" AND properties.", "$browser"),
        (" = person.properties.", "plan"),
        (" AND timestamp > {", "since"),
    ]:
        notebook.type(2, typed)
        offered = notebook.complete().locator("code", has_text=re.compile(rf"^{re.escape(wanted)}'?$"))
        expect(offered.first).to_be_visible()
        notebook.keep(f"offered-{wanted}")
        offered.first.click()
        expect(notebook.page.locator(".jp-Completer:not(.lm-mod-hidden)")).to_have_count(0)
    assert notebook.text(2).replace("}", "") == (
        "%%hogql\nSELECT count() FROM events\nWHERE event = 'purchase'"
        " AND properties.$browser = person.properties.plan AND timestamp > {since"
    )


def test_shift_tab_tells_of_the_function_at_the_cursor(open_notebook: Callable[..., NotebookPage]) -> None:
    notebook = open_notebook(DEMO, "%%hogql\nSELECT toDate")
    notebook.run(0)
    notebook.edit(1)
    expect(notebook.hover()).to_contain_text("toDate(")
    notebook.keep("help")
