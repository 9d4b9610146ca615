"""What helps while a query is written: colours, a line under what is wrong, completion, help at the cursor."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.browser.cells import DEMO

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Locator

    from tests.browser.page import NotebookPage

QUERY = """%%hogql
SELECT event, count() AS n -- of each
FROM events
WHERE timestamp > {since} AND properties.$browser = 'Chrome'
GROUP BY event"""


def color(word: Locator) -> str:
    return word.evaluate("node => getComputedStyle(node).color")


def token(notebook: NotebookPage, index: int, text: str) -> Locator:
    """The part of a cell that has a colour of its own and this text."""
    return notebook.cell(index).locator(".cm-line > span", has_text=text).first


@pytest.mark.parametrize("front_end", ["lab", "notebook"])
def test_a_query_is_coloured_as_sql_and_no_other_cell_is(
    open_notebook: Callable[..., NotebookPage], front_end: str
) -> None:
    notebook = open_notebook(QUERY, "select = 'FROM'  # no query", front_end=front_end)
    for word in ("SELECT", "FROM", "WHERE", "GROUP"):
        expect(token(notebook, 0, word)).to_have_text(word)
    keyword = color(token(notebook, 0, "SELECT"))
    assert {color(token(notebook, 0, word)) for word in ("FROM", "WHERE", "GROUP", "AS")} == {keyword}
    words = ("count", "-- of each", "{since}", "$browser", "'Chrome'")
    assert [token(notebook, 0, word).inner_text() for word in words] == list(words)
    # JupyterLab's themes give built-in functions the colour of keywords.
    assert keyword not in {color(token(notebook, 0, word)) for word in words if word != "count"}
    notebook.keep("light")
    notebook.dark()
    assert color(token(notebook, 0, "SELECT")) != keyword
    notebook.keep("dark")
    assert notebook.cell(1).locator(".cm-line > span", has_text="select").count() == 0
    notebook.type(1, "\nSELECT 1")
    assert notebook.cell(1).locator(".cm-line > span", has_text="SELECT").count() == 0


def test_a_syntax_error_is_underlined_while_one_types(open_notebook: Callable[..., NotebookPage]) -> None:
    notebook = open_notebook("%%hogql\nSELECT event")
    underlined = notebook.cell(0).locator(".posthog-nb-error")
    notebook.type(0, " FROM events WHERE event ==== 1")
    expect(underlined).to_have_count(1)
    underlined.hover()
    expect(notebook.page.locator(".cm-tooltip")).to_be_visible()
    notebook.keep("underlined")
    for _ in "== 1":
        notebook.page.keyboard.press("Backspace")
    notebook.page.keyboard.type(" 1")
    expect(underlined).to_have_count(0)


def test_events_properties_and_parameters_are_completed(open_notebook: Callable[..., NotebookPage]) -> None:
    notebook = open_notebook(DEMO, "%hogql SELECT 1", "%%hogql\nSELECT count()")
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
        offered = notebook.complete().filter(has_text=re.compile(rf"^\W?\w?\W*{re.escape(wanted)}\b"))
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
