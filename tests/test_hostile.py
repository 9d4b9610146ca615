"""Hostile values through everything that shows them: no element but our own, nothing that steers a terminal, no text
lost.

A value that is shown whole is compared letter by letter, its steering characters being written out; one that is cut
must say so, and what was cut must still be in the object itself.
"""

from __future__ import annotations

import html
import json
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import nbformat
import pandas as pd
import polars as pl
import pytest
from IPython.core.interactiveshell import InteractiveShell
from IPython.lib.pretty import pretty
from nbconvert import HTMLExporter

import posthog_nb
from posthog_nb.errors import InvalidInputError, PostHogError, QueryError, Span
from posthog_nb.notebook.display import Footer, footer, frame_html
from posthog_nb.operations.check import Check, Part
from posthog_nb.operations.person import asked_by
from posthog_nb.visible import visible
from tests.embedded import embedded_client
from tests.hostile_values import HOSTILE, Hostile
from tests.notebooks import execute
from tests.pages import Page, read

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from posthog_nb.client import Client
    from posthog_nb.operations.person import Person

pytest.importorskip("chdb", reason="the embedded engine has no wheel here")

OURS = frozenset(
    {"div", "style", "table", "thead", "tbody", "tr", "th", "td", "details", "summary", "pre", "code", "time"}
    | {"ul", "ol", "li", "b", "i", "span", "small"}
)
ATTRIBUTES = frozenset({"class", "style", "role", "aria-level", "scope", "datetime", "open", "border", "scoped"})
STEERING = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
START = datetime(2026, 3, 2, tzinfo=UTC)

each_value = pytest.mark.parametrize("hostile", HOSTILE, ids=str)
short_enough = [one for one in HOSTILE if len(one.text) <= 300]
each_short = pytest.mark.parametrize("hostile", short_enough, ids=str)


def whose(hostile: Hostile) -> str:
    """It as somebody's distinct id, over which PostHog merges persons: the word "null" alone would not do."""
    return f"u {hostile.name}"[:200]


def checked(page: str, largest: int = 200_000) -> Page:
    """``page``, which holds no element, attribute or comment but ours, and nothing that steers."""
    assert len(page) < largest
    assert not STEERING.search(page)
    found = read(page)
    assert {name for name, _ in found.elements} <= OURS
    assert {name for _, attributes in found.elements for name in attributes} <= ATTRIBUTES
    assert not any("(" in attributes.get("style", "") for _, attributes in found.elements)
    assert (found.comments, found.unclosed) == ([], [])
    return found


def shown(found: Page, text: str) -> bool:
    """Whether the page shows ``text`` whole, in one piece."""
    return visible(text) in found.texts


@pytest.fixture(scope="module")
def posthog() -> Iterator[Client]:
    with embedded_client() as client:
        for number, hostile in enumerate(HOSTILE):
            properties = {"id": hostile.id, "value": hostile.value, hostile.name: hostile.id, "$pathname": hostile.name}
            client.capture(hostile.name, whose(hostile), properties, START + timedelta(hours=number))
            client.identify(
                whose(hostile), {"value": hostile.value, hostile.name: 1}, START + timedelta(hours=number, minutes=1)
            )
        yield client


@pytest.fixture(scope="module")
def persons(posthog: Client) -> dict[str, Person]:
    return {one.id: posthog.persons.get(posthog.persons.search(distinct_id=whose(one))["uuid"][0]) for one in HOSTILE}


@pytest.fixture
def shell() -> Iterator[InteractiveShell]:
    InteractiveShell.clear_instance()
    shell = InteractiveShell.instance()
    posthog_nb.load_ipython_extension(shell)
    yield shell
    InteractiveShell.clear_instance()


def test_there_are_at_least_twenty_and_no_two_alike() -> None:
    assert len({one.text for one in HOSTILE}) == len({one.id for one in HOSTILE}) == len(HOSTILE) >= 20


# Sent, and read back ---------------------------------------------------------------------------------------------


@each_value
def test_it_comes_back_as_it_was_sent(posthog: Client, persons: dict[str, Person], hostile: Hostile) -> None:
    events = posthog.persons.events(persons[hostile.id])
    (row,) = (row for row in events.to_dict("records") if row["event"] == hostile.name)
    assert row["distinct_id"] == whose(hostile)
    assert row["properties"]["value"] == hostile.value
    assert row["properties"][hostile.name] == hostile.id
    assert persons[hostile.id].properties["value"] == hostile.value
    assert persons[hostile.id].distinct_ids == [whose(hostile)]


@each_value
def test_it_is_found_by_query_as_a_bound_value(posthog: Client, hostile: Hostile) -> None:
    found = posthog.query(
        "SELECT event, JSONExtractString(properties, 'id') FROM events WHERE event = {name} AND distinct_id = {id}",
        values={"name": hostile.name, "id": whose(hostile)},
    )
    assert found.rows == [[hostile.name, hostile.id]]


@pytest.mark.parametrize("half", ["\ud800", "a\udfffb"])
def test_half_a_surrogate_pair_is_no_text_and_refused(posthog: Client, half: str) -> None:
    for send in (
        lambda: posthog.capture(half, "ada"),
        lambda: posthog.capture("e", half),
        lambda: posthog.capture("e", "ada", {"p": half}),
        lambda: posthog.capture("e", "ada", {half: 1}),
    ):
        with pytest.raises(InvalidInputError, match="half a surrogate pair") as caught:
            send()
        "\n".join(caught.value.lines()).encode()


# Tables ----------------------------------------------------------------------------------------------------------


def frames(value: Any) -> list[Any]:
    return [
        pd.DataFrame({"a": [value]}),
        pl.DataFrame({"a": [value if isinstance(value, str) else json.dumps(value)]}),
        pd.Series([value], name="s"),
        pl.Series("s", [value if isinstance(value, str) else json.dumps(value)]),
    ]


@each_value
def test_a_table_holds_it_as_text(shell: InteractiveShell, hostile: Hostile) -> None:
    for frame in (*frames(hostile.value), *frames({"nested": hostile.value}), *frames(hostile.name)):
        data, _ = shell.display_formatter.format(frame)
        assert not STEERING.search(data["text/plain"])
        assert len(data["text/plain"]) < 50_000
        if "text/html" in data:
            checked(data["text/html"])


@each_value
def test_a_column_and_an_index_may_be_called_so(shell: InteractiveShell, hostile: Hostile) -> None:
    text = hostile.text
    for frame in (pd.DataFrame({text: [1]}, index=pd.Index([text], name=text)), pl.DataFrame({text: [1]})):
        data, _ = shell.display_formatter.format(frame)
        assert not STEERING.search(data["text/plain"])
        found = checked(data["text/html"])
        # pandas writes an end of a line in a name as it does in a value.
        one_line = {text, text.replace("\r", "\\r").replace("\n", "\\n").replace("\t", "\\t")}
        assert "more characters)" in found.text if len(text) > 500 else any(shown(found, one) for one in one_line)


@each_short
def test_polars_shows_a_short_one_whole_when_asked_to(shell: InteractiveShell, hostile: Hostile) -> None:
    with pl.Config(fmt_str_lengths=1_000):
        data, _ = shell.display_formatter.format(pl.DataFrame({"a": [hostile.text]}))
    assert shown(checked(data["text/html"]), f'"{hostile.text}"')


@each_short
def test_pandas_shows_a_short_one_whole_when_asked_to(shell: InteractiveShell, hostile: Hostile) -> None:
    with pd.option_context("display.max_colwidth", 1_000):
        data, _ = shell.display_formatter.format(pd.DataFrame({"a": [hostile.text]}))
    text = hostile.text.replace("\r", "\\r").replace("\n", "\\n").replace("\t", "\\t")
    assert shown(checked(data["text/html"]), text)


def test_the_frame_of_a_search_shows_all_of_them(posthog: Client) -> None:
    for frame in ("pandas", "polars"):
        checked(frame_html(posthog.persons.search(frame=frame)) or "")
        found = posthog.query("SELECT event, properties FROM events ORDER BY timestamp", frame=frame)
        checked(frame_html(found.to_frame()) or "")


# The line under a frame ------------------------------------------------------------------------------------------


@each_value
def test_the_line_under_a_frame_holds_it_as_text(posthog: Client, hostile: Hostile) -> None:
    found = posthog.query("SELECT 1")
    found.source = found.timezone = hostile.text
    line = footer(found, name=hostile.text)
    page = checked(line.html())
    assert "\n" not in line.plain().replace(visible(hostile.text), "") or len(hostile.text) > 300
    assert not STEERING.search(line.plain())
    expected = visible(hostile.text) if len(hostile.text) <= 300 else f"… ({len(hostile.text) - 300:,} more characters)"
    assert expected in page.text
    assert expected in line.plain()


# Cards -----------------------------------------------------------------------------------------------------------


@each_value
def test_a_person_s_card_holds_it_as_text(persons: dict[str, Person], hostile: Hostile) -> None:
    person = replace(persons[hostile.id], name=hostile.text, source=hostile.name)
    asked_by(person, persons[hostile.id]._asking())
    found = checked(person._repr_html_())
    assert shown(found, whose(hostile))
    if isinstance(hostile.value, str):
        assert shown(found, hostile.text) or "more characters; person.properties has all)" in found.text
    else:
        assert visible(json.dumps(hostile.value, ensure_ascii=False, indent=1))[:1_500] in found.text
    for text in (pretty(person), repr(person), pretty([person])):
        assert not STEERING.search(text)
        assert len(text) < 2_000


@each_value
def test_the_other_cards_hold_it_as_text(posthog: Client, hostile: Hostile) -> None:
    receipt = replace(posthog.capture(hostile.name, hostile.name), source=hostile.name, remarks=(hostile.text,))
    report = posthog.capture_many(
        [{"event": hostile.name, "distinct_id": hostile.name, "uuid": hostile.name}], on_bad="skip", progress=False
    )
    check = Check(hostile.name, hostile.name, parts=(Part("host", False, hostile.name, hostile.name),))
    for card in (receipt, report, check):
        checked(card._repr_html_())
        assert not STEERING.search(pretty(card) + repr(card))
    assert shown(read(receipt._repr_html_()), hostile.name)


@each_value
def test_a_dry_run_holds_it_as_text(posthog: Client, hostile: Hostile) -> None:
    found = posthog.dry_run("SELECT {v} /* " + hostile.name.replace("*/", "") + " */", values={"v": hostile.text})
    page = checked(found._repr_html_())
    assert not STEERING.search(repr(found))
    assert dict(found.values) == {"v": hostile.text}
    written = visible(json.dumps(hostile.text, ensure_ascii=False))
    assert written in page.text or "more characters)" in page.text


# The journey -----------------------------------------------------------------------------------------------------


@each_value
def test_a_journey_holds_it_as_text(persons: dict[str, Person], hostile: Hostile) -> None:
    person = persons[hostile.id]
    journey = asked_by(replace(person, name=hostile.text), person._asking()).journey()
    assert [step.event for step in journey.steps] == [hostile.name, "$identify"]
    found = checked(journey._repr_html_())
    assert shown(found, hostile.name)
    text = pretty(journey)
    assert not STEERING.search(text)
    assert visible(hostile.name.replace("\n", " ")) in text
    assert len(text) < 5_000


# Errors ----------------------------------------------------------------------------------------------------------


@each_value
def test_an_error_holds_it_as_text(hostile: Hostile) -> None:
    text = f"SELECT 1\n{hostile.text}\tbad"
    span = Span(len(text) - 3, len(text))
    error = QueryError(hostile.text, status=400, code=hostile.name, hint=hostile.text, text=text, span=span)
    lines = "\n".join(error.lines())
    for told in (lines, str(error), repr(error)):
        assert not STEERING.search(told)
        assert len(told) < 20_000
    assert visible(hostile.text) in lines or "more characters)" in lines
    place, carets = (line for line in error.lines() if line.rstrip("^").strip(" \t") == "" or line.endswith("bad"))
    assert (place[-3:], carets[-3:]) == ("bad", "^^^")
    assert error.text == text


@each_value
def test_what_refuses_it_does_not_pass_it_on(posthog: Client, hostile: Hostile) -> None:
    for fail in (
        lambda: posthog.query(f"SELECT `{hostile.name}` FROM events"),
        lambda: posthog.query("SELECT nothing FROM events WHERE " + hostile.text[:5_000]),
        lambda: posthog.query("SELECT {v}", values={hostile.name: 1}),
        lambda: posthog.persons.get(hostile.name),
        lambda: posthog.capture("", hostile.name),
        lambda: posthog.capture("e", "u", timestamp=hostile.text),
        lambda: posthog.query("SELECT 1", limit=hostile.text),
        lambda: posthog_nb.connect("demo", frame=hostile.text),
    ):
        with pytest.raises(PostHogError) as caught:
            fail()
        for told in ("\n".join(caught.value.lines()), str(caught.value)):
            assert not STEERING.search(told)
            assert len(told) < 20_000


@pytest.mark.parametrize(
    ("before", "carets"),
    [("\t", "\t^^^"), ("\u65e5\u672c", "    ^^^"), ("e\u0301", " ^^^"), ("\x1b", "    ^^^"), ("a\tb", " \t ^^^")],
    ids=["tab", "wide", "combining", "escape", "in between"],
)
def test_the_caret_stands_under_the_place_whatever_is_before_it(before: str, carets: str) -> None:
    error = QueryError("No.", status=400, text=f"{before}bad", span=Span(len(before), len(before) + 3))
    assert error.lines()[2] == " " * len("  line 1: ") + carets


# A saved notebook ------------------------------------------------------------------------------------------------

SETUP = """%load_ext posthog_nb
from tests.embedded import embedded_client
from tests.hostile_values import HOSTILE
around = embedded_client()
ph = around.__enter__()
for one in HOSTILE:
    ph.capture(one.name, "ada", {"value": one.value, one.name: 1})
ph.identify("ada", {one.id: one.value for one in HOSTILE if one.id != "megabyte"} | {"name": HOSTILE[0].text})
uuid = ph.persons.search(distinct_id="ada")["uuid"][0]"""
CELLS = (
    SETUP,
    "%%hogql --limit 100\nSELECT event, properties FROM events",
    "%%hogql --limit 100 --frame polars\nSELECT event, properties, [properties] AS listed FROM events",
    "person = ph.persons.get(uuid)\nperson",
    "person.journey()",
    "ph.persons.events(uuid)",
    "{one.name: one.value for one in HOSTILE[:3]}",
    "v = HOSTILE[10].text",
    "%%hogql --dry-run\nSELECT {v}",
    "%%hogql\nSELECT nothing FROM events WHERE event = '\x1b[31m<script>alert(1)</script>'",
)
FAILS = len(CELLS) - 1


class TestSavedNotebook:
    @pytest.fixture(scope="class")
    @classmethod
    def notebook(cls, tmp_path_factory: pytest.TempPathFactory) -> nbformat.NotebookNode:
        cells = [nbformat.v4.new_code_cell(cell) for cell in CELLS]
        cells[FAILS].metadata.tags = ["raises-exception"]
        folder: Path = tmp_path_factory.mktemp("kernel")
        return execute(nbformat.v4.new_notebook(cells=cells), folder)

    def test_it_is_small(self, notebook: nbformat.NotebookNode) -> None:
        assert len(nbformat.writes(notebook)) < 400_000

    def test_its_outputs_have_no_element_but_ours(self, notebook: nbformat.NotebookNode) -> None:
        pages = [
            output.data["text/html"]
            for cell in notebook.cells
            for output in cell.outputs
            if "text/html" in output.get("data", {})
        ]
        assert len(pages) == 8
        for page in pages:
            checked(page)

    def test_its_texts_steer_no_terminal(self, notebook: nbformat.NotebookNode) -> None:
        texts = [output.data["text/plain"] for cell in notebook.cells for output in cell.outputs if output.get("data")]
        assert texts
        assert not any(map(STEERING.search, texts))

    def test_its_error_is_one_output_that_steers_nothing(self, notebook: nbformat.NotebookNode) -> None:
        (error,) = notebook.cells[FAILS].outputs
        assert error.output_type == "error"
        assert not STEERING.search("".join(error.traceback) + error.evalue)
        assert "\\x1b[31m<script>" in "".join(error.traceback)

    def test_a_page_made_of_it_has_the_same_elements_as_one_made_without_them(
        self, notebook: nbformat.NotebookNode
    ) -> None:
        page, _ = HTMLExporter(embed_images=False).from_notebook_node(notebook)
        outside = nbformat.from_dict(notebook)
        for cell in outside.cells:
            cell.source, cell.outputs = "", []
        empty, _ = HTMLExporter(embed_images=False).from_notebook_node(outside)
        added = [name for name, _ in read(page).elements if name in {"script", "img", "svg", "iframe", "textarea", "a"}]
        there = [
            name for name, _ in read(empty).elements if name in {"script", "img", "svg", "iframe", "textarea", "a"}
        ]
        assert sorted(added) == sorted(there)
        assert not any(name.startswith("on") for _, attributes in read(page).elements for name in attributes)
        assert html.escape(HOSTILE[0].text, quote=False) in page


def test_a_footer_of_nothing_is_a_footer() -> None:
    assert checked(Footer(()).html()).text == ""
