"""What a notebook shows of a result: the line under it, and frames that PostHog's dollar signs do not garble."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd
import polars as pl
import pytest
from IPython.core.interactiveshell import InteractiveShell

import posthog_nb
from posthog_nb.frames import JsonRows
from posthog_nb.notebook.display import footer
from posthog_nb.operations.answer import Answer
from posthog_nb.operations.positions import Chunk
from posthog_nb.operations.result import Context, Result

if TYPE_CHECKING:
    from collections.abc import Iterator

PROPERTIES = '{"$browser": "Chrome", "$os": "Mac"}'


class _More:
    """Stands for the way to further rows; a line only says that there is one."""


def result(rows: int, *columns: str, more: bool = False, source: str = "demo", **answer: Any) -> Result:
    columns = columns or ("a", "b")
    found = Answer(
        columns=columns,
        types=("UInt64",) * len(columns),
        rows=JsonRows.of([[1] * len(columns)] * rows),
        timezone=answer.get("timezone", "Europe/Berlin"),
        hogql=None,
        is_cached=answer.get("is_cached", False),
        last_refresh=answer.get("last_refresh"),
        query_id="q",
    )
    context = Context(
        source=source, query="SELECT 1", frame=answer.get("frame"), page_size=100, notes=answer.get("notes", ())
    )
    chunk = Chunk(found.rows, found.types, found.origin)
    return Result(context, found, [chunk], _More() if more else None, found.origin)


def parts(line: str) -> list[str]:
    return line.split(" · ")


class TestTheLine:
    @pytest.mark.parametrize(
        ("found", "first", "extent"),
        [
            (result(7), 1, "7 rows, 2 columns; complete"),
            (result(1, "n"), 1, "1 row, 1 column; complete"),
            (result(0), 1, "no rows, 2 columns"),
            (result(1234), 1, "1,234 rows, 2 columns; complete"),
            (result(3), 101, "rows 101 to 103, 2 columns; these are the last"),
            (
                result(100, more=True),
                101,
                "rows 101 to 200, 2 columns; there are more: %hogql --more or --all",
            ),
        ],
    )
    def test_says_how_many_rows_there_are_and_how_to_get_more(self, found: Result, first: int, extent: str) -> None:
        assert parts(footer(found, first=first).plain())[0] == extent

    def test_names_the_zone_and_the_source(self) -> None:
        assert parts(footer(result(1, source="eu.posthog.com")).plain())[1:] == [
            "time zone Europe/Berlin",
            "eu.posthog.com",
        ]

    def test_leaves_the_zone_out_where_it_is_not_known(self) -> None:
        assert "time zone" not in footer(result(1, timezone=None)).plain()

    def test_says_under_which_name_the_frame_is(self) -> None:
        assert parts(footer(result(1), name="top").plain())[0] == "top is set"

    def test_says_which_columns_were_numbered(self) -> None:
        line = footer(result(1, "count()", "count()")).plain()
        assert parts(line)[-1] == "There is more than one column 'count()'; a later one is called 'count()_1'."

    def test_says_that_the_rows_are_from_the_cache(self) -> None:
        assert "From PostHog's cache, computed earlier." in footer(result(1, is_cached=True)).plain()

    def test_says_that_the_data_is_made_up(self) -> None:
        assert parts(footer(result(1, notes=("Its data is made up.",))).plain())[-1] == "Its data is made up."

    def test_marks_what_is_to_be_typed_as_code(self) -> None:
        assert "<code>%hogql --more</code> or <code>--all</code>" in footer(result(1, more=True)).html()

    def test_escapes_everything_in_html(self) -> None:
        hostile = '<script>alert("1")</script>&'
        shown = footer(result(1, hostile, hostile, source=hostile, timezone=hostile)).html()
        assert "<script" not in shown
        assert "&lt;script&gt;" in shown

    def test_is_text_as_well_as_html(self) -> None:
        bundle = footer(result(1))._repr_mimebundle_(include=None, exclude=None)
        assert sorted(bundle) == ["text/html", "text/plain"]


class TestFrames:
    @pytest.fixture
    def shell(self) -> Iterator[InteractiveShell]:
        InteractiveShell.clear_instance()
        yield InteractiveShell.instance()
        InteractiveShell.clear_instance()

    @staticmethod
    def html(shell: InteractiveShell, value: object) -> str:
        data, _ = shell.display_formatter.format(value, include={"text/html"})
        return data["text/html"]

    @pytest.mark.parametrize("make", [pd.DataFrame, pl.DataFrame, lambda held: pl.Series(held["p"])])
    def test_dollar_signs_are_not_set_as_formulas(self, shell: InteractiveShell, make: Any) -> None:
        frame = make({"p": [PROPERTIES]})
        assert "mathjax_ignore" not in self.html(shell, frame)
        posthog_nb.load_ipython_extension(shell)
        assert self.html(shell, frame).startswith('<div class="tex2jax_ignore mathjax_ignore">')
        posthog_nb.unload_ipython_extension(shell)
        assert "mathjax_ignore" not in self.html(shell, frame)

    def test_a_choice_of_the_user_s_own_is_left_alone(self, shell: InteractiveShell) -> None:
        shell.display_formatter.formatters["text/html"].for_type(pd.DataFrame, lambda _: "mine")
        posthog_nb.load_ipython_extension(shell)
        assert self.html(shell, pd.DataFrame({"a": [1]})) == "mine"
        posthog_nb.unload_ipython_extension(shell)
        assert self.html(shell, pd.DataFrame({"a": [1]})) == "mine"

    @pytest.mark.parametrize("kind", ["pandas", "polars", "arrow"])
    def test_a_result_is_shown_as_its_frame_with_the_line_under_it(self, shell: InteractiveShell, kind: str) -> None:
        posthog_nb.load_ipython_extension(shell)
        shown = self.html(shell, result(2, "<b>n</b>", more=True, frame=kind))
        assert shown.index("&lt;b&gt;n") < shown.index("posthog-nb-footer")
        assert "there are more: <code>.next_page()</code> or <code>.fetch_all()</code>" in shown

    @pytest.mark.parametrize("make", [pd.DataFrame, pl.DataFrame])
    def test_hostile_and_long_values_are_escaped_and_short(self, shell: InteractiveShell, make: Any) -> None:
        posthog_nb.load_ipython_extension(shell)
        shown = self.html(shell, make({"<b>x</b>": ["<script>alert(1)</script>", "x" * 100_000]}))
        assert "<script" not in shown
        assert "<b>x" not in shown
        assert len(shown) < 5000
