"""What a notebook shows of a result: the line under it, and frames that PostHog's dollar signs do not garble."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

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
from tests.embedded import embedded_client
from tests.pages import read

if TYPE_CHECKING:
    from collections.abc import Iterator

    from posthog_nb.client import Client

BIG = "x" * 1_000_000
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
    walk = _More() if more else None
    return Result(context, found, [chunk], walk, found.origin, elapsed=answer.get("elapsed", 0.1))


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
        assert parts(footer(result(1, source="eu.posthog.com")).plain())[2:] == [
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

    @pytest.mark.parametrize(
        ("elapsed", "said"),
        [
            (0.0, "0.01 s"),
            (0.123, "0.12 s"),
            (3.44, "3.4 s"),
            (9.99, "10 s"),
            (59.7, "1 min 0 s"),
            (14.2, "14 s"),
            (125.4, "2 min 5 s"),
        ],
    )
    def test_says_how_long_it_took(self, elapsed: float, said: str) -> None:
        assert parts(footer(result(1, elapsed=elapsed)).plain())[1] == said

    @pytest.mark.parametrize(
        ("ago", "said"),
        [
            (timedelta(seconds=5), "cached since {:%H:%M}, just now"),
            (timedelta(seconds=-5), "cached since {:%H:%M}, just now"),
            (timedelta(minutes=3), "cached since {:%H:%M}, 3 minutes ago"),
            (timedelta(hours=1, minutes=59), "cached since {:%H:%M}, 1 hour ago"),
            (timedelta(days=2), "cached since {:%Y-%m-%d %H:%M}, 2 days ago"),
        ],
    )
    def test_says_since_when_rows_are_cached_in_their_zone(
        self, ago: timedelta, said: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        now = datetime(2026, 3, 2, 10, 30, tzinfo=UTC)

        class Clock(datetime):
            @classmethod
            def now(cls, tz: Any = None) -> datetime:
                return now.astimezone(tz)

        monkeypatch.setattr("posthog_nb.notebook.display.datetime", Clock)
        found = result(1, is_cached=True, last_refresh=(now - ago).isoformat().replace("+00:00", "Z"))
        told = parts(footer(found).plain())[1]
        assert told == said.format((now - ago).astimezone(ZoneInfo("Europe/Berlin")))

    @pytest.mark.parametrize(
        ("zone", "refreshed", "at"),
        [
            ("Europe/Berlin", None, None),
            ("Europe/Berlin", "yesterday", None),
            (None, "2026-03-02T10:30:00Z", "2026-03-02T10:30:00+00:00"),
            ("Nowhere/../etc", "2026-03-02T10:30:00Z", "2026-03-02T10:30:00+00:00"),
            ("Asia/Tokyo", "2026-03-02T10:30:00Z", "2026-03-02T19:30:00+09:00"),
        ],
    )
    def test_a_cached_result_knows_its_time_where_posthog_tells_it(
        self, zone: str | None, refreshed: str | None, at: str | None
    ) -> None:
        found = result(1, is_cached=True, last_refresh=refreshed, timezone=zone)
        assert (found.cached_at and found.cached_at.isoformat()) == at
        assert result(1, last_refresh=refreshed).cached_at is None
        if at is None:
            assert parts(footer(found).plain())[1] == "cached"

    def test_further_pages_add_their_time(self) -> None:
        with embedded_client() as client:
            client.capture_many([{"event": "e", "distinct_id": "u"}] * 5)
            first = client.query("SELECT uuid FROM events ORDER BY uuid", limit=2)
            assert 0 < first.elapsed < first.extended(1).elapsed < 60

    def test_says_that_the_data_is_made_up(self) -> None:
        assert parts(footer(result(1, notes=("Its data is made up.",))).plain())[-1] == "Its data is made up."

    def test_marks_what_is_to_be_typed_as_code(self) -> None:
        assert re.search(
            r"<code [^>]*>%hogql --more</code> or <code [^>]*>--all</code>", footer(result(1, more=True)).html()
        )

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
        assert self.html(shell, frame).startswith('<div class="tex2jax_ignore mathjax_ignore" style="overflow-x:auto')
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
        assert re.search(
            r"there are more: <code [^>]*>.next_page\(\)</code> or <code [^>]*>.fetch_all\(\)</code>", shown
        )

    @pytest.mark.parametrize("make", [pd.DataFrame, pl.DataFrame])
    def test_hostile_and_long_values_are_escaped_and_short(self, shell: InteractiveShell, make: Any) -> None:
        posthog_nb.load_ipython_extension(shell)
        shown = self.html(shell, make({"<b>x</b>": ["<script>alert(1)</script>", "x" * 100_000]}))
        assert "<script" not in shown
        assert "<b>x" not in shown
        assert len(shown) < 5000

    @pytest.mark.parametrize(
        "frame",
        [
            pd.DataFrame({"a": [{"x": BIG}], BIG: [1]}, index=pd.Index([BIG])),
            pl.DataFrame({"a": [{"x": BIG}], "b": [[BIG] * 3], BIG: [1]}),
            pl.Series(BIG, [{"x": BIG}]),
            pd.Series([BIG], index=[BIG], name=BIG),
        ],
        ids=["pandas", "polars", "polars-series", "pandas-series"],
    )
    def test_megabytes_stay_in_the_frame(self, shell: InteractiveShell, frame: Any) -> None:
        posthog_nb.load_ipython_extension(shell)
        data, _ = shell.display_formatter.format(frame)
        assert sum(map(len, data.values())) < 100_000
        assert "more characters)" in "".join(data.values())

    def test_as_much_of_a_value_is_shown_as_the_reader_asks_for(self, shell: InteractiveShell) -> None:
        posthog_nb.load_ipython_extension(shell)
        frame = pd.DataFrame({"a": ["x" * 3_000, BIG]})
        assert "x" * 100 not in self.html(shell, frame)
        with pd.option_context("display.max_colwidth", 5_000):
            assert "x" * 3_000 in self.html(shell, frame)
        with pd.option_context("display.max_colwidth", None):
            shown = self.html(shell, frame)
        assert "x" * 3_000 in shown
        assert "… (990,000 more characters)" in shown
        with pl.Config(fmt_str_lengths=5_000):
            assert "x" * 3_000 in self.html(shell, pl.DataFrame({"a": ["x" * 3_000]}))

    def test_a_cut_does_not_fall_into_an_entity(self, shell: InteractiveShell) -> None:
        posthog_nb.load_ipython_extension(shell)
        shown = read(self.html(shell, pl.DataFrame({"<&>" * 1_000: [1]})))
        assert ("<&>" * 1_000)[:500] + "… (2,500 more characters)" in shown.texts

    @pytest.mark.parametrize("kind", ["pandas", "polars"])
    @pytest.mark.parametrize(
        "query",
        [
            "SELECT count(), count() FROM events",
            "SELECT x.n, y.n FROM (SELECT 1 AS n) x JOIN (SELECT 1 AS n) y ON x.n = y.n",
        ],
    )
    def test_columns_of_one_name_are_numbered_and_said(self, demo: Client, kind: str, query: str) -> None:
        found = demo.query(query, frame=kind)
        first, second = found.to_frame().columns
        assert second == f"{first}_1"
        assert f"more than one column '{first}'; a later one is called '{second}'." in footer(found).plain()

    def test_thousands_of_columns_are_shown_as_the_library_shows_them(self, shell: InteractiveShell) -> None:
        posthog_nb.load_ipython_extension(shell)
        for make in (pd.DataFrame, pl.DataFrame):
            assert len(self.html(shell, make({f"c{number}": [number] for number in range(3_000)}))) < 10_000

    @pytest.mark.parametrize("make", [pd.DataFrame, pl.DataFrame, pd.Series, pl.Series])
    def test_what_steers_a_terminal_is_written_out_in_text(self, shell: InteractiveShell, make: Any) -> None:
        text = "\x1b[31mred\x07 \u202e"
        frame = make([text]) if make in {pd.Series, pl.Series} else make({text: [text]})
        assert "\x1b" in shell.display_formatter.format(frame)[0]["text/plain"]
        posthog_nb.load_ipython_extension(shell)
        shown = shell.display_formatter.format(frame)[0]["text/plain"]
        assert "\\x1b[31mred\\x07 \\u202e" in shown
        assert not {"\x1b", "\x07", "\u202e"} & set(shown)
        posthog_nb.unload_ipython_extension(shell)
        assert "\x1b" in shell.display_formatter.format(frame)[0]["text/plain"]
