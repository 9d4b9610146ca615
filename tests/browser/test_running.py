"""What is seen while a query runs, how it is interrupted, and what is seen of an error."""

from __future__ import annotations

from typing import TYPE_CHECKING

import nbformat
import pytest
from playwright.sync_api import expect

from tests.browser.cells import DEMO, SERVED
from tests.endless import ENDLESS, ends_within

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.browser.page import NotebookPage
    from tests.twin import Twin

SLOW = "SELECT count() AS n FROM numbers(3000000000) WHERE cityHash64(number) = 1"
BAR = ".posthog-nb-progress"


@pytest.mark.parametrize("front_end", ["lab", "notebook"])
def test_interrupting_the_kernel_cancels_the_query_on_the_server(
    open_notebook: Callable[..., NotebookPage], served: Twin, front_end: str
) -> None:
    notebook = open_notebook(SERVED, f"%%hogql\n{ENDLESS}", "%%hogql\nSELECT 1 AS one", front_end=front_end)
    notebook.run(0)
    notebook.start(1)
    expect(notebook.output(1).locator(BAR)).to_contain_text("PostHog reads")
    notebook.keep("running")
    asked_about = served.seen("GET /query/")[-1].target.partition("?")[0]
    assert not ends_within(0.1)
    notebook.interrupt()
    notebook.wait_for_run(1)
    notebook.keep("interrupted")
    assert [seen.status for seen in served.seen(f"DELETE {asked_about}")] == [200]
    assert ends_within(1)
    expect(notebook.output(1)).to_contain_text("KeyboardInterrupt")
    expect(notebook.output(1).locator(BAR)).to_have_count(0)
    expect(notebook.run(2).locator("table.dataframe")).to_be_visible()


def test_a_bar_is_gone_when_the_frame_comes_and_from_the_saved_notebook(
    open_notebook: Callable[..., NotebookPage], served: Twin
) -> None:
    notebook = open_notebook(SERVED, f"%%hogql\n{SLOW}")
    notebook.run(0)
    notebook.start(1)
    bar = notebook.output(1).locator(BAR)
    expect(bar).to_contain_text("of about 3,000,000,000 rows")
    expect(bar.locator("progress")).to_have_attribute("max", "3000000000")
    notebook.keep("running")
    notebook.wait_for_run(1)
    notebook.keep("done")
    expect(bar).to_have_count(0)
    expect(notebook.line(1)).to_contain_text("1 row, 1 column; complete")
    assert "PostHog reads" not in nbformat.writes(notebook.save())


@pytest.mark.parametrize("front_end", ["lab", "notebook"])
def test_an_error_is_a_few_lines_with_a_caret_under_the_place(
    open_notebook: Callable[..., NotebookPage], front_end: str
) -> None:
    notebook = open_notebook(
        DEMO, "%%hogql\nSELECT event\nFROM events\nWHERE evnt = '$pageview'", "1 + 1", front_end=front_end
    )
    notebook.run_all()
    notebook.keep("error")
    lines = notebook.error(1).inner_text().splitlines()
    assert lines[0].startswith("QueryError: ")
    assert lines[1:3] == ["  line 3: WHERE evnt = '$pageview'", "                ^^^^"]
    assert lines[-1].startswith("Hint: ")
    assert "event" in lines[-1]
    assert len(lines) <= 6
    # A caret is under its place when every character is as wide as any other.
    assert "mono" in notebook.error(1).locator("pre").evaluate("node => getComputedStyle(node).fontFamily")
    saved = notebook.save()
    assert [output.output_type for output in saved.cells[1].outputs] == ["error"]
    assert saved.cells[2].execution_count is None
