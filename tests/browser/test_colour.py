"""HogQL in JupyterLab and Notebook 7: its colours, and a line under a syntax error."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Route

    from tests.browser.page import NotebookPage

QUERY = """%%hogql top --limit 5
SELECT event, properties.$browser AS `the browser`, count() AS n -- a comment
FROM events
WHERE timestamp > {since} AND person.properties.email ILIKE '%@example.com' AND {filters}
GROUP BY ALL"""

KINDS = {
    "%%hogql": "meta",
    "SELECT": "keyword",
    "ILIKE": "keyword",
    "$browser": "property",
    "email": "property",
    "`the browser`": "string-2",
    "count": "builtin",
    "-- a comment": "comment",
    "{since}": "variable-2",
    "{filters}": "variable-2",
    "'%@example.com'": "string",
    "5": "number",
}
"""Words of the query, each with the name that JupyterLab's themes have for its colour."""

ERROR = ".posthog-nb-error"

# The innermost element of each text, its colour, and the colour that the theme gives to a kind.
_COLOURS = """(cell, kinds) => {
    const shown = {};
    for (const span of cell.querySelectorAll('.cm-line span')) {
        if (!span.querySelector('span')) shown[span.textContent] ??= getComputedStyle(span).color;
    }
    const probe = document.body.appendChild(document.createElement('i'));
    const theme = {};
    for (const kind of kinds) {
        probe.style.color = `var(--jp-mirror-editor-${kind}-color)`;
        theme[kind] = getComputedStyle(probe).color;
    }
    probe.remove();
    return {shown, theme};
}"""


def kinds_of(notebook: NotebookPage, index: int, expected: dict[str, str]) -> dict[str, str | None]:
    """Each word of ``expected`` as it is shown: its kind, or its colour when that is another kind's."""
    found = notebook.cell(index).evaluate(_COLOURS, sorted(set(expected.values())))
    shown, theme = found["shown"], found["theme"]
    return {
        word: kind if word in shown and shown[word] == theme[kind] else shown.get(word)
        for word, kind in expected.items()
    }


def wait_for_colour(notebook: NotebookPage, index: int, word: str, *, coloured: bool = True) -> None:
    """Wait until a word of a cell is a piece of its own, or is not."""
    pieces = notebook.cell(index).locator(".cm-line span", has_text=re.compile(f"^{re.escape(word)}$"))
    expect(pieces).to_have_count(1 if coloured else 0)


@pytest.mark.parametrize("front_end", ["lab", "notebook"])
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_a_cell_has_the_colours_of_the_theme(
    open_notebook: Callable[..., NotebookPage], front_end: str, dark: bool
) -> None:
    notebook = open_notebook(
        "top = 1", QUERY, "%hogql --limit 5 SELECT event FROM events", front_end=front_end, dark=dark
    )
    wait_for_colour(notebook, 1, "{since}")
    assert kinds_of(notebook, 1, KINDS) == KINDS
    line = {"SELECT": "keyword", "FROM": "keyword"}
    assert kinds_of(notebook, 2, line) == line
    expect(notebook.page.locator(ERROR)).to_have_count(0)
    notebook.keep("colours")


@pytest.mark.parametrize("front_end", ["lab", "notebook"])
def test_it_is_loaded_where_no_other_extension_is(open_notebook: Callable[..., NotebookPage], front_end: str) -> None:
    notebook = open_notebook("%%hogql\nSELECT 1", front_end=front_end, own_page=True)
    stopped: list[str] = []

    def stop(route: Route) -> None:
        stopped.append(route.request.url)
        route.abort()

    notebook.page.route(re.compile(r"/extensions/(?!posthog-nb/).*/remoteEntry"), stop)
    notebook.reload()
    assert stopped
    wait_for_colour(notebook, 0, "SELECT")


def test_a_cell_changes_its_language_as_one_types(open_notebook: Callable[..., NotebookPage]) -> None:
    notebook = open_notebook("", "%%sql\nSELECT event FROM events", "%%bash\nselect x in 1; do done")
    notebook.type(0, "%%hogql")
    notebook.page.keyboard.press("Enter")
    notebook.page.keyboard.type("SELECT event")
    wait_for_colour(notebook, 0, "SELECT")
    for _ in range(2):
        notebook.page.keyboard.press("Control+Home")
        notebook.page.keyboard.type("#")
        wait_for_colour(notebook, 0, "SELECT", coloured=False)
        notebook.page.keyboard.press("Backspace")
        wait_for_colour(notebook, 0, "SELECT")
    wait_for_colour(notebook, 1, "SELECT", coloured=False)
    wait_for_colour(notebook, 2, "select", coloured=False)


def test_a_new_and_a_pasted_cell_are_coloured(open_notebook: Callable[..., NotebookPage]) -> None:
    notebook = open_notebook("x = 1", "%%hogql\nSELECT 1")
    wait_for_colour(notebook, 1, "SELECT")
    notebook.edit(1)
    notebook.page.keyboard.press("Escape")
    for key in "cv":
        notebook.page.keyboard.press(key)
    wait_for_colour(notebook, 2, "SELECT")
    notebook.page.keyboard.press("b")
    notebook.page.keyboard.press("Enter")
    notebook.page.keyboard.insert_text("%%hogql\nSELECT 2")
    wait_for_colour(notebook, 3, "SELECT")
    notebook.save()
    notebook.reload()
    wait_for_colour(notebook, 3, "SELECT")


@pytest.mark.parametrize("front_end", ["lab", "notebook"])
def test_cells_that_are_split_and_merged_are_coloured(
    open_notebook: Callable[..., NotebookPage], front_end: str
) -> None:
    whole = "x = 1\n\n%%hogql\nSELECT 1"
    notebook = open_notebook(whole, front_end=front_end)
    for _ in range(10):
        notebook.edit(0)
        for key in ("Control+Home", "ArrowDown", "ArrowDown", "Control+Shift+Minus"):
            notebook.page.keyboard.press(key)
        wait_for_colour(notebook, 1, "SELECT")
        assert (notebook.text(0), notebook.text(1)) == ("x = 1", "%%hogql\nSELECT 1")
        for key in ("Escape", "Shift+ArrowUp", "Shift+M"):
            notebook.page.keyboard.press(key)
        wait_for_colour(notebook, 0, "SELECT", coloured=False)
        assert notebook.text(0) == whole


def test_a_line_is_commented_out_as_sql_and_the_magic_as_python(open_notebook: Callable[..., NotebookPage]) -> None:
    notebook = open_notebook("%%hogql\nSELECT (\n1)")
    wait_for_colour(notebook, 0, "SELECT")
    notebook.edit(0)
    notebook.page.keyboard.press("Control+/")
    assert notebook.text(0) == "%%hogql\nSELECT (\n-- 1)"
    notebook.page.keyboard.press("Control+/")
    for _ in range(2):
        notebook.page.keyboard.press("Control+a")
        notebook.page.keyboard.press("Control+/")
    assert notebook.text(0) == "%%hogql\nSELECT (\n1)"


def test_a_line_in_brackets_is_indented(open_notebook: Callable[..., NotebookPage]) -> None:
    notebook = open_notebook("%%hogql\nSELECT count(")
    notebook.edit(0)
    notebook.page.keyboard.press("Enter")
    notebook.page.keyboard.type("x")
    assert notebook.text(0) == "%%hogql\nSELECT count(\n    x"


@pytest.mark.parametrize("front_end", ["lab", "notebook"])
def test_a_syntax_error_is_underlined_and_told_until_it_is_mended(
    open_notebook: Callable[..., NotebookPage], front_end: str
) -> None:
    notebook = open_notebook(
        "%%hogql\nSELECT '😀 שלום' AS a, event FRM events WHERE 1",
        "%%hogql\n",
        "top = %hogql SELECT 1 FROM ,",
        "%hogql --limit 5 \\\nSELECT 1 \\\nFROM ,",
        front_end=front_end,
    )
    error = notebook.cell(0).locator(ERROR)
    expect(error).to_have_text("events", timeout=30_000)
    expect(notebook.cell(2).locator(ERROR)).to_have_text(",")
    expect(notebook.cell(3).locator(ERROR)).to_have_text(",")
    expect(notebook.cell(1).locator(ERROR)).to_have_count(0)
    error.hover()
    message = notebook.page.locator(".posthog-nb-error-message")
    expect(message).to_contain_text("events")
    notebook.keep("error")
    notebook.page.mouse.move(0, 0)
    notebook.edit(0)
    for _ in " FRM events WHERE 1":
        notebook.page.keyboard.press("Backspace")
    notebook.page.keyboard.type(" FROM events")
    expect(error).to_have_count(0)


def test_an_error_is_told_where_the_cursor_is_moved_to(open_notebook: Callable[..., NotebookPage]) -> None:
    notebook = open_notebook("x = 1", "%%hogql\nSELECT count(")
    message = notebook.page.locator(".posthog-nb-error-message")
    expect(notebook.cell(1).locator(ERROR)).to_have_text("(", timeout=30_000)
    keyboard = notebook.page.keyboard
    notebook.type(1, "a,")
    expect(notebook.cell(1).locator(ERROR)).to_have_text(",")
    expect(message).to_have_count(0)
    keyboard.press("ArrowLeft")
    expect(message).to_contain_text("Unexpected end of query")
    notebook.keep("cursor")
    keyboard.press("Escape")
    expect(message).to_have_count(0)
    keyboard.press("Enter")
    keyboard.press("ArrowRight")
    expect(message).to_be_visible()
    keyboard.type("b")
    expect(message).to_have_count(0)


def test_what_is_no_code_is_left_alone(open_notebook: Callable[..., NotebookPage]) -> None:
    text = "%%hogql\nSELECT 1 FRM events WHERE 1"
    notebook = open_notebook(text)
    error = notebook.page.locator(ERROR)
    expect(error).to_have_text("events", timeout=30_000)
    for kind in "rm":
        notebook.edit(0)
        for key in ("Escape", kind):
            notebook.page.keyboard.press(key)
        wait_for_colour(notebook, 0, "SELECT", coloured=False)
        expect(error).to_have_count(0)
        notebook.page.keyboard.press("y")
        wait_for_colour(notebook, 0, "SELECT")
        expect(error).to_have_text("events")
    for suffix in (".py", ".md"):
        file = notebook.path.with_suffix(suffix)
        file.write_text(text)
        notebook.page.evaluate(
            "path => { void window.jupyterapp.commands.execute('docmanager:open', {path, factory: 'Editor'}) }",
            file.name,
        )
        editor = notebook.page.locator(".jp-FileEditor:visible .cm-content")
        expect(editor).to_contain_text("SELECT 1")
        expect(editor).to_have_attribute("data-language", {".py": "python", ".md": "markdown"}[suffix])
        notebook.page.evaluate("() => window.jupyterapp.shell.currentWidget.close()")


def test_brackets_a_hundred_deep_do_not_stop_the_page(open_notebook: Callable[..., NotebookPage]) -> None:
    notebook = open_notebook(f"%%hogql\nSELECT {'(' * 500}1{')' * 500}", "%%hogql\nSELECT 1 FRM events WHERE 1")
    expect(notebook.cell(1).locator(ERROR)).to_have_text("events", timeout=30_000)
    notebook.type(1, " x")
    assert notebook.text(1).endswith(" x")


def test_completion_is_the_kernels(open_notebook: Callable[..., NotebookPage]) -> None:
    matcher = "get_ipython().Completer.custom_matchers.append(lambda text: ['of_the_kernel_a', 'of_the_kernel_b'])"
    notebook = open_notebook(matcher, "%%hogql\nSELECT of_the")
    notebook.run(0)
    notebook.edit(1)
    expect(notebook.complete().filter(has_text="of_the_kernel_a")).to_have_count(1)
    expect(notebook.page.locator(".cm-tooltip-autocomplete")).to_have_count(0)
