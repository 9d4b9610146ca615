"""A cell's frame and the line under it: in both front ends, in the dark, in a narrow window, after a reload."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.browser.cells import DEMO, TOP

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Locator

    from tests.browser.page import NotebookPage


def contrast(text: Locator) -> float:
    """The contrast of a text with the page behind it, as WCAG reckons it."""
    return text.evaluate("""node => {
        const luminance = ([r, g, b]) => [r, g, b].map(value => value / 255)
            .map(value => value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4)
            .reduce((sum, value, index) => sum + value * [0.2126, 0.7152, 0.0722][index], 0);
        const parsed = color => color.match(/[\\d.]+/g).map(Number);
        const over = ([r, g, b, a = 1], [R, G, B]) => [r * a + R * (1 - a), g * a + G * (1 - a), b * a + B * (1 - a)];
        let behind = [255, 255, 255];
        const around = [];
        for (let each = node; each; each = each.parentElement) around.unshift(each);
        for (const each of around) behind = over(parsed(getComputedStyle(each).backgroundColor), behind);
        const ahead = over(parsed(getComputedStyle(node).color), behind);
        const [low, high] = [luminance(ahead), luminance(behind)].sort((a, b) => a - b);
        return (high + 0.05) / (low + 0.05);
    }""")


@pytest.mark.parametrize("front_end", ["lab", "notebook"])
def test_a_frame_and_its_line_are_shown_saved_and_there_after_a_reload(
    open_notebook: Callable[..., NotebookPage], front_end: str
) -> None:
    notebook = open_notebook(DEMO, TOP, front_end=front_end)
    expect(notebook.run(0)).to_have_text("")
    shown = notebook.run(1)
    notebook.keep("ran")
    expect(shown.locator("table.dataframe tbody tr")).to_have_count(8)
    expect(notebook.line(1)).to_contain_text("rows 1 to 8, 4 columns; there are more: %hogql --more or --all")
    expect(notebook.line(1)).to_contain_text("its data is made up")
    above, below = shown.locator("table.dataframe").bounding_box(), notebook.line(1).bounding_box()
    assert above["y"] + above["height"] <= below["y"]

    text = shown.inner_text()
    saved = notebook.save()
    assert [output.output_type for output in saved.cells[1].outputs] == ["execute_result", "display_data"]
    notebook.reload()
    notebook.keep("reloaded")
    expect(notebook.output(1).locator("table.dataframe tbody tr")).to_have_count(8)
    assert notebook.output(1).inner_text() == text


def test_an_analysis_is_interactive_in_the_zone_of_its_data_and_still_in_what_is_saved(
    open_notebook: Callable[..., NotebookPage],
) -> None:
    asked = 'ph.trends("$pageview", date_from="2026-03-28", date_to="2026-03-30", timezone="Pacific/Auckland")'
    notebook = open_notebook(DEMO, asked)
    elsewhere: list[str] = []
    own = notebook.page.url.partition("/")[0] + "//" + notebook.page.url.split("/")[2]
    notebook.page.on(
        "request", lambda asked: None if asked.url.startswith((own, "data:", "blob:")) else elsewhere.append(asked.url)
    )
    notebook.run(0)
    shown = notebook.run(1)
    chart = shown.locator("svg.marks")
    expect(chart).to_be_visible()
    assert chart.locator(".mark-text.role-axis-label text").all_text_contents()[:2] == ["28 Mar2026", "29 Mar"]
    place = chart.bounding_box()
    notebook.page.mouse.move(place["x"] + place["width"] / 2, place["y"] + place["height"] / 2)
    expect(notebook.page.locator(".vg-tooltip")).to_contain_text("Sun 29 Mar 2026")
    notebook.keep("light")
    notebook.dark()
    expect(chart).to_be_visible()
    notebook.keep("dark")
    assert min(contrast(each) for each in chart.locator(".role-title-text text").all()) >= 4.5
    picture, numbers = notebook.save().cells[1].outputs
    assert set(picture.data) == {"application/vnd.vegalite.v5+json", "image/png", "text/plain"}
    assert "time zone Pacific/Auckland" in numbers.data["text/html"]
    assert elsewhere == []


def test_it_is_readable_in_the_dark_and_in_a_narrow_window(open_notebook: Callable[..., NotebookPage]) -> None:
    polars = TOP.replace("%%hogql", "%%hogql --frame polars")
    person = "ph.persons.get(ph.persons.search(limit=1)['id'][0])"
    notebook = open_notebook(DEMO, TOP, polars, person, height=2600)
    notebook.run_all()
    for name, dark in (("light", False), ("dark", True)):
        notebook.dark(dark)
        notebook.keep(name)
        shown = [
            *notebook.line(1).all(),
            *notebook.output(1).locator("th, td").all(),
            *notebook.line(1).locator("code").all(),
        ]
        shown += [*notebook.output(2).locator("th, td").all(), *notebook.output(3).locator("th, td, p, summary").all()]
        assert min(contrast(each) for each in shown if each.first.is_visible()) >= 4.5
    for width in (500, 400):
        notebook.resize(width, 2600)
        notebook.keep(f"narrow-{width}")
        line = notebook.line(1).bounding_box()
        assert line["x"] + line["width"] <= width
        # What is wider than the window can be scrolled to, and moves nothing else.
        assert notebook.page.evaluate("document.documentElement.scrollWidth") <= width
