"""Values that are out to break the page: shown as the text that they are, live, saved and after a reload."""

from __future__ import annotations

from typing import TYPE_CHECKING

from playwright.sync_api import expect

from tests.browser.cells import SERVED
from tests.hostile_values import HOSTILE
from tests.twin import Twin, client_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.browser.page import NotebookPage

WATCH = """() => {
    window.ran = [];
    for (const name of ['alert', 'confirm', 'prompt', 'open']) window[name] = () => { window.ran.push(name) };
    document.addEventListener('securitypolicyviolation', event => window.ran.push(event.blockedURI));
}"""


def test_hostile_values_are_text(open_notebook: Callable[..., NotebookPage], served: Twin) -> None:
    with client_of(served) as client:
        for hostile in HOSTILE:
            client.capture(hostile.name, "Ann", {"value": hostile.value, "of": "hostile"})
        client.identify("Ann", {each.id: each.value for each in HOSTILE if len(each.text) < 1000})
    cells = [
        SERVED,
        "%%hogql\nSELECT event, properties.value AS value FROM events WHERE properties.of = 'hostile' ORDER BY uuid",
        "%%hogql --frame polars\nSELECT event AS `<b id=bold>`, properties.value AS `$v$ $w$` FROM events LIMIT 30",
        "person = ph.persons.get(ph.persons.search(distinct_id='Ann')['id'][0])\nperson",
        "person.journey()",
        "%hogql SELECT '<img src=x onerror=alert(1)>' AS `<script>alert(1)</script>`, evnt FROM events",
    ]
    notebook = open_notebook(*cells, height=3000, own_page=True)
    asked: list[str] = []
    notebook.page.on("request", lambda request: asked.append(request.url))
    notebook.page.evaluate(WATCH)
    title, here = notebook.page.title(), notebook.page.url.partition("/doc/")[0]
    notebook.run_all()
    _is_text(notebook, title)
    notebook.save()
    notebook.keep("ran")
    notebook.reload()
    notebook.page.evaluate(WATCH)
    _is_text(notebook, title)
    notebook.keep("reloaded")
    for width in (500, 400):
        notebook.resize(width, 3000)
        _is_text(notebook, title)
        notebook.keep(f"narrow-{width}")
    assert {url for url in asked if not url.startswith((here, "data:", "blob:"))} == set()


def _is_text(notebook: NotebookPage, title: str) -> None:
    page = notebook.page
    assert page.evaluate("window.ran") == []
    assert page.title() == title
    outputs, shown = page.locator(".jp-Cell-outputArea"), page.locator(".jp-RenderedHTML")
    # What a value would have made, were it HTML or a formula.
    expect(shown.locator("script, img, svg, iframe, textarea, #bold, mjx-container, .MathJax")).to_have_count(0)
    expect(shown.locator("[onerror], [onload], [onmouseover], [onfocus], [href^='javascript:']")).to_have_count(0)
    for hostile in HOSTILE:
        if hostile.id in {"script", "handler", "entities"}:
            assert hostile.text in notebook.output(3).text_content()
    # The layout is kept: no cell is wider than the notebook, and the page itself does not scroll aside.
    width = page.viewport_size["width"]
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    for area in outputs.all():
        box = area.bounding_box()
        assert box is None or box["x"] + box["width"] <= width
    expect(page.locator(".jp-Toolbar").first).to_be_visible()
