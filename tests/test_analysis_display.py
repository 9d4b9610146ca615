"""How an analysis shows itself: picture, numbers and query; in a notebook, in a terminal, without Altair."""

from __future__ import annotations

import re
import sys
from html.parser import HTMLParser
from typing import TYPE_CHECKING

import pytest
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output

import posthog_nb
from posthog_nb.analysis.charts.picture import VEGA_LITE
from posthog_nb.analysis.display import analysis_text
from posthog_nb.errors import MissingDependencyError
from posthog_nb.notebook.analyses import show
from tools import gallery

if TYPE_CHECKING:
    from collections.abc import Iterator

    from posthog_nb.analysis.trends import Trends
    from posthog_nb.client import Client

NASTY = "<img src=x onerror=alert(1)>\x1b[31m\u202e"
DAY = "2026-03-30"


@pytest.fixture(scope="module")
def client() -> Iterator[Client]:
    with posthog_nb.connect("demo", as_of="2026-03-31T00:00:00Z") as client:
        yield client


@pytest.fixture(scope="module")
def asked(client: Client) -> Trends:
    """A day's page views by browser."""
    return client.trends("$pageview", date_from=DAY, date_to=DAY, breakdown="$browser")


@pytest.fixture
def without_altair(monkeypatch: pytest.MonkeyPatch) -> None:
    """As though the extra ``plot`` were not installed."""
    for name in [name for name in sys.modules if name.startswith("posthog_nb.analysis.charts")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "altair", None)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None if name == "altair" else object())


class Tags(HTMLParser):
    """The elements that are opened."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.found.append(tag)


def test_html_has_the_picture_the_numbers_and_the_query(asked: Trends) -> None:
    page = asked._repr_html_()
    assert page.count("<svg") == 1
    assert re.search(r'<td>Chrome</td><td>2026-03-30</td><td class="r">\d+</td>', page)
    assert "time zone UTC · demo · This is the demo project: its data is made up." in page
    assert "<summary>HogQL</summary>" in page
    assert set(Tags(page).found) <= {
        *("div", "style", "table", "thead", "tbody", "tr", "th", "td", "details", "summary", "pre"),
        *("svg", "title", "desc", "g", "path", "line", "text", "tspan", "rect"),
    }


def test_a_long_frame_is_folded_and_what_is_not_shown_is_said(client: Client) -> None:
    asked = client.trends("$pageview", date_from="-11d", interval="hour")
    page = asked._repr_html_()
    assert "<summary>188 more rows</summary>" in page
    assert f"{len(asked):,} rows, of which 200 are shown: .to_pandas() has all" in page
    text = analysis_text(asked)
    assert len(text.splitlines()) == 1 + 1 + 20 + 1
    assert f"{len(asked):,} rows, of which 20 are shown: .to_pandas() has all" in text


def test_a_text_of_the_data_is_text_everywhere(client: Client) -> None:
    nasty = posthog_nb.Series(event="$pageview", custom_name=NASTY)
    asked = client.trends(nasty, date_from=DAY, date_to=DAY)
    with capture_output() as shown:
        show(asked)
    for text in (asked._repr_html_(), repr(asked), shown.stdout):
        assert not {"\x1b", "\u202e"} & set(text)
    assert "img" not in Tags(asked._repr_html_()).found


def test_a_terminal_gets_a_small_table(asked: Trends) -> None:
    with capture_output() as shown:
        asked._ipython_display_()
    lines = shown.stdout.splitlines()
    assert lines[0] == asked.title
    assert lines[1].split() == ["series", "breakdown_value", "date", "value"]
    assert repr(asked) == f"<Trends: {asked.title}; {len(asked)} rows from demo>"


def test_a_notebook_gets_the_chart_with_its_png_and_then_the_numbers(asked: Trends) -> None:
    shell = InteractiveShell.instance()
    try:
        with capture_output() as shown:
            asked._ipython_display_()
    finally:
        InteractiveShell.clear_instance()
    picture, numbers = shown.outputs
    assert set(picture.data) == {VEGA_LITE, "image/png", "text/plain"}
    assert set(numbers.data) == {"text/html", "text/plain"}
    assert "<svg" not in numbers.data["text/html"]
    assert shell is not None


@pytest.mark.usefixtures("without_altair")
def test_without_altair_there_are_the_numbers_and_how_to_get_the_picture(asked: Trends) -> None:
    page = asked._repr_html_()
    assert "<svg" not in page
    assert "<table" in page
    assert "Altair, which draws the pictures, is not installed. pip install &#x27;posthog-nb[plot]&#x27;" in page
    with pytest.raises(MissingDependencyError, match=r"pip install 'posthog-nb\[plot\]'"):
        asked.plot()


@pytest.mark.usefixtures("without_altair")
def test_a_notebook_without_altair_gets_one_output(asked: Trends) -> None:
    InteractiveShell.instance()
    try:
        with capture_output() as shown:
            asked._ipython_display_()
    finally:
        InteractiveShell.clear_instance()
    (only,) = shown.outputs
    assert "pip install" in only.data["text/html"]


def test_the_gallery_has_every_picture_twice_and_no_other() -> None:
    page = gallery.PAGE.read_text()
    names = {f"{picture.name}-{colour}.png" for picture in gallery.shown(page) for colour in ("light", "dark")}
    assert {path.name for path in gallery.IMAGES.iterdir()} == names
    assert all(f"images/gallery/{name}" in page for name in names)
    assert max(path.stat().st_size for path in gallery.IMAGES.iterdir()) < 200_000
