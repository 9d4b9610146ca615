"""`%%hogql` and `%hogql` in a real IPython shell, on the demo."""

from __future__ import annotations

import datetime as dt
import html
import os
import re
import signal
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output

import posthog_nb
from posthog_nb.client import latest_client
from posthog_nb.errors import AnswerTimeoutError, InvalidInputError, MissingParameterError, QueryError
from posthog_nb.notebook.arguments import help_text
from tests.endless import ENDLESS, ends_within

if TYPE_CHECKING:
    from IPython.core.interactiveshell import ExecutionResult

EVENTS = "SELECT uuid, event FROM events ORDER BY timestamp, uuid"


class Ran:
    """What came of a cell: its value, what was displayed after it, what was printed."""

    def __init__(self, result: ExecutionResult, shown: list[dict[str, Any]], printed: str) -> None:
        self.value = result.result
        self.error = result.error_in_exec
        self.footers = [data["text/plain"] for data in shown]
        self.printed = printed


def run(shell: InteractiveShell, cell: str) -> Ran:
    with capture_output() as captured:
        result = shell.run_cell(cell)
    return Ran(result, [output.data for output in captured.outputs], captured.stdout)


def value(shell: InteractiveShell, cell: str) -> Any:
    ran = run(shell, cell)
    if ran.error is not None:
        raise ran.error
    return ran.value


class TestLoading:
    def test_loading_registers_a_line_and_a_cell_magic(self, shell: InteractiveShell) -> None:
        assert shell.find_line_magic("hogql")
        assert shell.find_cell_magic("hogql")

    def test_loading_shows_nothing(self, shell: InteractiveShell) -> None:
        ran = run(shell, "%reload_ext posthog_nb")
        assert (ran.value, ran.footers, ran.printed) == (None, [], "")

    def test_reloading_does_not_double_the_line_under_a_frame(self, shell: InteractiveShell) -> None:
        for _ in range(3):
            run(shell, "%reload_ext posthog_nb")
        posthog_nb.load_ipython_extension(shell)
        assert len(run(shell, "%hogql SELECT 1").footers) == 1

    def test_unloading_takes_the_magics_away(self, shell: InteractiveShell) -> None:
        callbacks = len(shell.events.callbacks["post_execute"])
        run(shell, "%unload_ext posthog_nb")
        assert shell.find_line_magic("hogql") is None
        assert shell.find_cell_magic("hogql") is None
        assert len(shell.events.callbacks["post_execute"]) == callbacks - 1
        assert shell.input_transformers_cleanup == InteractiveShell().input_transformers_cleanup
        posthog_nb.unload_ipython_extension(shell)

    def test_a_question_mark_shows_what_the_magic_is(self, shell: InteractiveShell) -> None:
        assert "Run HogQL" in run(shell, "%%hogql?").printed
        assert "Run HogQL" in run(shell, "%hogql?").printed


class TestFrames:
    def test_the_value_of_a_cell_is_a_pandas_frame(self, shell: InteractiveShell) -> None:
        frame = value(shell, "%%hogql\nSELECT 1 AS one, 'a' AS letter")
        assert isinstance(frame, pd.DataFrame)
        assert frame.to_dict("records") == [{"one": 1, "letter": "a"}]

    def test_the_line_form_takes_its_query_after_the_options(self, shell: InteractiveShell) -> None:
        assert value(shell, "%hogql --frame polars SELECT 1 AS one").to_dicts() == [{"one": 1}]
        assert value(shell, "x = %hogql SELECT 2 AS two;\nx").two.tolist() == [2]

    @pytest.mark.parametrize(("kind", "cls"), [("pandas", pd.DataFrame), ("polars", pl.DataFrame), ("arrow", pa.Table)])
    def test_frame_chooses_the_kind(self, shell: InteractiveShell, kind: str, cls: type) -> None:
        assert isinstance(value(shell, f"%%hogql --frame {kind}\nSELECT 1"), cls)

    def test_a_name_stores_the_frame_and_shows_only_the_line(self, shell: InteractiveShell) -> None:
        ran = run(shell, "%%hogql top\nSELECT 1 AS one")
        assert ran.value is None
        assert shell.user_ns["top"].one.tolist() == [1]
        assert ran.footers[0].startswith("top is set · 1 row, 1 column; complete")

    def test_a_name_that_hides_one_of_pythons_is_told(self, shell: InteractiveShell) -> None:
        ran = run(shell, "%%hogql list\nSELECT 1 AS a")
        assert ran.footers[0].startswith("list is set, and hides Python's own until del list · 1 row")

    def test_show_shows_a_frame_that_has_a_name(self, shell: InteractiveShell) -> None:
        shown = value(shell, "%%hogql top --show\nSELECT 1 AS one")
        assert shown is shell.user_ns["top"]

    def test_o_names_the_frame_of_a_line(self, shell: InteractiveShell) -> None:
        run(shell, "%hogql -o top SELECT 1 AS one")
        assert shell.user_ns["top"].one.tolist() == [1]

    def test_a_semicolon_at_the_end_of_a_cell_keeps_it_quiet_and_says_so(self, shell: InteractiveShell) -> None:
        ran = run(shell, "%%hogql\n-- the users' events\nSELECT 1;\n")
        assert ran.value is None
        assert "not shown, as the cell ends with a semicolon" in ran.footers[0]

    def test_a_semicolon_in_a_closing_comment_hides_nothing(self, shell: InteractiveShell) -> None:
        assert value(shell, "%%hogql\nSELECT 1 -- one;") is not None

    def test_a_semicolon_before_a_closing_comment_or_behind_dashes_in_a_text_does(
        self, shell: InteractiveShell
    ) -> None:
        assert value(shell, "%%hogql\nSELECT 1; -- one") is None
        assert value(shell, "%%hogql\nSELECT '--';") is None


class TestPages:
    def test_a_cut_result_says_how_to_get_the_rest(self, shell: InteractiveShell) -> None:
        ran = run(shell, f"%%hogql\n{EVENTS}")
        assert len(ran.value) == 100
        extent, elapsed, *others = ran.footers[0].split(" · ")
        assert extent == "rows 1 to 100, 2 columns; there are more: %hogql --more or --all"
        assert re.fullmatch(r"[\d.]+ s", elapsed)
        assert others == [
            "time zone UTC",
            "demo",
            "This is the demo project: its data is made up.",
        ]

    def test_more_goes_on_where_the_last_page_ended(self, shell: InteractiveShell) -> None:
        first = value(shell, f"%%hogql --limit 3\n{EVENTS}")
        second = run(shell, "%hogql --more")
        third = value(shell, "%hogql --more -o rest --show")
        assert second.footers[0].startswith("rows 4 to 6, 2 columns")
        pages = [*first.uuid, *second.value.uuid, *third.uuid]
        assert pages == value(shell, f"%%hogql --limit 9\n{EVENTS}").uuid.tolist()
        assert shell.user_ns["rest"] is third

    def test_more_keeps_the_kind_of_frame(self, shell: InteractiveShell) -> None:
        value(shell, f"%%hogql --limit 2 --frame polars\n{EVENTS}")
        assert isinstance(value(shell, "%hogql --more"), pl.DataFrame)
        assert isinstance(value(shell, "%hogql --more --frame pandas"), pd.DataFrame)

    def test_the_last_page_says_that_it_is_the_last(self, shell: InteractiveShell) -> None:
        value(shell, "%%hogql --limit 3\nSELECT number FROM numbers(4) ORDER BY number")
        assert "rows 4 to 4, 1 column; these are the last" in run(shell, "%hogql --more").footers[0]
        assert "complete" in str(run(shell, "%hogql --more").error)

    def test_more_all_brings_everything_that_is_left(self, shell: InteractiveShell) -> None:
        value(shell, "%%hogql --limit 3\nSELECT number FROM numbers(10) ORDER BY number")
        assert value(shell, "%hogql --more --all").number.tolist() == list(range(3, 10))

    def test_all_brings_every_row(self, shell: InteractiveShell, demo: posthog_nb.Client) -> None:
        everything = value(shell, "%%hogql --all\nSELECT uuid FROM events")
        assert len(everything) == demo.query("SELECT count() FROM events").rows[0][0]
        assert everything.uuid.is_unique

    def test_all_obeys_the_query_s_own_limit(self, shell: InteractiveShell) -> None:
        assert len(value(shell, "%%hogql --all\nSELECT uuid FROM events LIMIT 250")) == 250

    def test_more_without_a_result_is_an_error(self, shell: InteractiveShell) -> None:
        with pytest.raises(InvalidInputError, match="no result to go on from"):
            value(shell, "%hogql --more")

    def test_a_failed_query_leaves_nothing_to_go_on_from(self, shell: InteractiveShell) -> None:
        value(shell, f"%%hogql --limit 2\n{EVENTS}")
        run(shell, "%%hogql\nSELECT nonsense FROM events")
        with pytest.raises(InvalidInputError, match="no result to go on from"):
            value(shell, "%hogql --more")

    @pytest.mark.parametrize("rest", ["SELECT 1", "--limit 3", "--param n=1", "--fresh", "--timeout 3", "--dry-run"])
    def test_more_takes_no_other_query(self, shell: InteractiveShell, rest: str) -> None:
        value(shell, f"%%hogql --limit 2\n{EVENTS}")
        with pytest.raises(InvalidInputError, match="takes no other"):
            value(shell, f"%hogql --more {rest}")


class TestHowItIsAsked:
    @pytest.fixture
    def asked(self, shell: InteractiveShell, demo: posthog_nb.Client) -> list[dict[str, Any]]:
        """The options with which the client is asked."""
        seen: list[dict[str, Any]] = []

        class Listening(posthog_nb.Client):
            def query(self, *args: Any, **options: Any) -> posthog_nb.Result:
                seen.append(options)
                return super().query(*args, **options)

        shell.user_ns["ph"] = Listening(demo._connection)
        return seen

    def test_fresh_and_timeout_are_the_client_s(self, shell: InteractiveShell, asked: list[dict[str, Any]]) -> None:
        value(shell, "%hogql SELECT 1")
        value(shell, "%hogql --fresh --timeout 20 SELECT 1")
        assert [(one["fresh"], one["timeout"]) for one in asked] == [(False, None), (True, 20.0)]

    def test_a_timeout_ends_the_query(self, shell: InteractiveShell) -> None:
        error = run(shell, f"%%hogql --timeout 0.4\n{ENDLESS}").error
        assert isinstance(error, AnswerTimeoutError)
        assert ends_within(10)

    @pytest.mark.parametrize("magic", ["%%hogql\n", "%%hogql --no-progress\n", "%hogql ", "%%hogql --all\n"])
    def test_an_interrupt_ends_the_query_on_the_server(self, shell: InteractiveShell, magic: str) -> None:
        timer = threading.Timer(1.0, os.kill, (os.getpid(), signal.SIGINT))
        timer.start()
        began = time.monotonic()
        try:
            error = run(shell, f"{magic}{ENDLESS}").error
        finally:
            timer.cancel()
        assert isinstance(error, KeyboardInterrupt)
        assert time.monotonic() - began < 10
        assert ends_within(10)


class TestDryRun:
    def test_it_shows_the_text_the_values_and_the_sql(self, shell: InteractiveShell) -> None:
        shell.user_ns["since"] = dt.datetime(2026, 3, 30, tzinfo=dt.UTC)
        found = value(shell, "%%hogql --dry-run --limit 5\nSELECT event FROM events WHERE timestamp > {since}")
        assert found.hogql == "SELECT event FROM events WHERE timestamp > toDateTime64({since}, 6, 'UTC')\n\nLIMIT 6"
        assert found.values == {"since": "2026-03-30 00:00:00.000000"}  # noqa: PD011 - it is no frame
        assert found.clickhouse.startswith("SELECT ")
        for text in (found.hogql, 'since = "2026-03-30 00:00:00.000000"', found.clickhouse, "Nothing was run."):
            assert text in repr(found)
            assert html.escape(text) in found._repr_html_()

    def test_it_runs_nothing(self, shell: InteractiveShell) -> None:
        assert value(shell, f"%%hogql --dry-run --timeout 1\n{ENDLESS}").clickhouse
        assert ends_within(0.1)

    def test_nothing_is_sent_to_a_posthog_on_the_network(self, shell: InteractiveShell) -> None:
        # Nobody answers there, and there is no key.
        with posthog_nb.connect("https://posthog.example") as shell.user_ns["ph"]:
            found = value(shell, "%%hogql --dry-run\nSELECT '<b>' AS t")
        assert (found.source, found.clickhouse) == ("posthog.example", None)
        assert "<b>" not in found._repr_html_()

    def test_what_is_no_query_is_shown_at_its_place(self, shell: InteractiveShell) -> None:
        shell.user_ns["since"] = dt.date(2026, 3, 30)
        for query, place in (("SELECT {since}, evnt FROM events", "evnt"), ("SELECT 1 FROM WHERE", "FROM")):
            error = run(shell, f"%%hogql --dry-run\n{query}").error
            assert isinstance(error, QueryError)
            assert error.text is not None
            assert error.span is not None
            assert place in error.text[error.span.start - 5 : error.span.end + 1]

    def test_a_missing_value_is_told(self, shell: InteractiveShell) -> None:
        assert isinstance(run(shell, "%%hogql --dry-run\nSELECT {nothing}").error, MissingParameterError)


class TestExplain:
    def test_it_shows_the_plan_of_the_query_with_its_values(self, shell: InteractiveShell) -> None:
        found = value(shell, "%%hogql --explain --param n=3 --limit 5\nSELECT event, {n} AS n FROM events")
        assert isinstance(found, posthog_nb.Explanation)
        assert any("ReadFromMergeTree" in line for line in found.plan)
        assert "LIMIT 6" in str(found.clickhouse)

    def test_nothing_is_stored_or_gone_on_from(self, shell: InteractiveShell) -> None:
        value(shell, f"%%hogql plan --explain\n{EVENTS}")
        assert "plan" not in shell.user_ns
        assert "no result to go on from" in str(run(shell, "%hogql --more").error)
        assert "no cell of that name has run" in str(run(shell, "%%hogql --with plan\nSELECT 1").error)


class TestWith:
    @pytest.fixture(autouse=True)
    def cells(self, shell: InteractiveShell) -> None:
        shell.user_ns["most"] = 150
        run(shell, "%%hogql base\nSELECT number AS n FROM numbers({most}) -- so many")
        run(shell, "%hogql -o even --with base SELECT n FROM base WHERE n % 2 = 0")

    def test_an_earlier_cell_is_a_table_without_the_limit_of_its_page(self, shell: InteractiveShell) -> None:
        assert len(shell.user_ns["base"]) == 100
        assert value(shell, "%%hogql --with base\nSELECT count() AS c FROM base").c.tolist() == [150]

    def test_a_cell_brings_what_it_is_made_of(self, shell: InteractiveShell) -> None:
        found = value(shell, "%%hogql --with e=even --dry-run\nSELECT max(n) AS m FROM e")
        assert found.hogql.index("`base` AS") < found.hogql.index("`e` AS")
        assert found.values == {"base__most": 150}  # noqa: PD011 - it is no frame
        assert value(shell, "%hogql --with e=even SELECT max(n) AS m FROM e").m.tolist() == [148]

    def test_values_are_those_that_the_cell_had(self, shell: InteractiveShell) -> None:
        shell.user_ns["most"] = 3
        query = "%%hogql --with base\nSELECT count() AS c, any({most}) AS most FROM base"
        assert value(shell, query).iloc[0].tolist() == [150, 3]

    def test_a_list_is_as_it_was(self, shell: InteractiveShell) -> None:
        names = shell.user_ns["names"] = ["a"]
        run(shell, "%%hogql listed\nSELECT {names} AS names")
        names.append("b")
        assert value(shell, "%hogql --with listed SELECT names FROM listed").names[0] == ["a"]

    def test_a_cell_that_failed_since_is_as_it_last_ran(self, shell: InteractiveShell) -> None:
        run(shell, "%%hogql base\nSELECT nonsense")
        assert value(shell, "%hogql --with base SELECT count() AS c FROM base").c.tolist() == [150]

    def test_more_goes_on(self, shell: InteractiveShell) -> None:
        value(shell, "%%hogql --with base --limit 4\nSELECT n FROM base ORDER BY n")
        assert value(shell, "%hogql --more").n.tolist() == [4, 5, 6, 7]

    @pytest.mark.parametrize(
        ("cell", "message", "hint"),
        [
            ("%%hogql --with gone\nSELECT 1", "no cell of that name has run", "Cells that have: base, even."),
            ("%%hogql base --with base\nSELECT 1", "base cannot be made of itself", "name of its own"),
            ("%%hogql base --with even\nSELECT 1", "made of itself: base <- even <- base", "name of its own"),
            ("%%hogql --with events=base\nSELECT 1", "events is a table of PostHog's", "my_events="),
            ("%%hogql --with base\nWITH base AS (SELECT 1) SELECT 1", "a WITH of its own for base", "another name"),
            ("%%hogql --with a=base --with a=even\nSELECT 1", "names two cells 'a'", "--with name=cell"),
            ("%%hogql --with a.b\nSELECT 1", "'a.b' is not of the form", "None"),
            ("%%hogql --with =base\nSELECT 1", "'=base' is not of the form", "None"),
            ("%%hogql --with base --dry-run --explain\nSELECT 1", "--explain runs the query", "one of them"),
        ],
    )
    def test_nothing_is_guessed(self, shell: InteractiveShell, cell: str, message: str, hint: str) -> None:
        error = run(shell, cell).error
        assert isinstance(error, InvalidInputError)
        assert message in error.message
        assert hint in str(error.hint)

    def test_a_cell_that_asked_another_project_is_told(self, shell: InteractiveShell) -> None:
        with posthog_nb.connect("demo", seed=2) as other:
            shell.user_ns["other"] = other
            told = "the frame even is of another project, demo 1"
            assert told not in run(shell, "%hogql --with even SELECT count() FROM even").footers[0]
            ran = run(shell, "%hogql --connection other --with last=even SELECT count() FROM last")
            assert told in ran.footers[0]
            assert "the frame base is of another project" in ran.footers[0]

    def test_two_states_of_one_cell_are_two_queries(self, shell: InteractiveShell) -> None:
        run(shell, "%%hogql base\nSELECT 7 AS n")
        error = run(shell, "%%hogql --with base --with even\nSELECT 1").error
        assert "base stands for two queries" in str(error)
        run(shell, "%hogql -o even --with base SELECT n FROM base")
        assert value(shell, "%hogql --with base --with even SELECT b.n FROM base b JOIN even e ON b.n = e.n").n[0] == 7

    def test_an_error_in_an_earlier_cell_names_it(self, shell: InteractiveShell) -> None:
        run(shell, "%%hogql odd\nSELECT n AS odd\nFROM (SELECT 1 AS n)")
        shell.run_line_magic("reload_ext", "posthog_nb")
        assert "Cells that have: none" in str(run(shell, "%%hogql --with odd\nSELECT 1").error)
        run(shell, "%%hogql wide\nSELECT 1 AS n\nFROM events\nWHERE event = 'x'")
        ran = run(shell, "%%hogql --with wide\nSELECT n,\n\tm FROM wide")
        assert "  line 2: \tm FROM wide" in ran.printed
        assert isinstance(ran.error, QueryError)


class TestTheLastError:
    def test_it_is_where_python_keeps_it(self, shell: InteractiveShell) -> None:
        run(shell, "%hogql SELECT evnt FROM events")
        kept = sys.last_value
        assert isinstance(kept, QueryError)
        assert (kept.status, kept.text) == (400, "SELECT evnt FROM events")
        assert kept.query_id


class TestRowsShown:
    @pytest.mark.parametrize("kind", ["pandas", "polars"])
    def test_max_rows_is_how_many_are_shown_once(self, shell: InteractiveShell, kind: str) -> None:
        def shown(line: str) -> int:
            ran = run(shell, f"%%hogql --frame {kind} {line}\nSELECT number FROM numbers(90)")
            assert len(ran.value) == 90
            return sum(any(c.isdigit() for c in row) for row in ran.printed.splitlines() if "shape" not in row)

        before = shown("")
        assert shown("--max-rows 80") > shown("--max-rows 4") > 0
        assert shown("--max-rows 100") >= 90
        assert shown("") == before


class TestParameters:
    def test_a_variable_of_the_notebook_is_a_typed_value(self, shell: InteractiveShell) -> None:
        shell.user_ns["since"] = dt.datetime(2026, 3, 30, tzinfo=dt.UTC)
        shell.user_ns["names"] = ["$pageview", "it's {nothing}"]
        frame = value(
            shell, "%%hogql\nSELECT min(timestamp) AS t FROM events WHERE timestamp >= {since} AND event IN {names}"
        )
        assert frame.t[0] >= shell.user_ns["since"]

    def test_param_comes_before_the_variable(self, shell: InteractiveShell) -> None:
        shell.user_ns["n"] = 1
        assert value(shell, "%%hogql --param n=2\nSELECT {n} AS n").n.tolist() == [2]

    def test_the_local_variables_of_a_function_are_seen(self, shell: InteractiveShell) -> None:
        run(shell, "def ask():\n    local_number = 5\n    frame = %hogql SELECT {local_number} AS n\n    return frame")
        assert value(shell, "ask()").n.tolist() == [5]

    def test_braces_and_dollars_are_not_expanded_by_ipython(self, shell: InteractiveShell) -> None:
        shell.user_ns["ph_name"] = "x"
        assert value(shell, "%hogql SELECT '$ph_name' AS t, {ph_name} AS v").iloc[0].tolist() == ["$ph_name", "x"]

    def test_hostile_text_stays_text(self, shell: InteractiveShell) -> None:
        shell.user_ns["hostile"] = "'); DROP TABLE events; -- {x} \\' \"\n<script>"
        assert value(shell, "%%hogql\nSELECT {hostile} AS t").t[0] == shell.user_ns["hostile"]

    def test_a_missing_parameter_is_shown_at_its_place(self, shell: InteractiveShell) -> None:
        shell.user_ns["since"] = 1
        error = run(shell, "%%hogql\nSELECT 1\nWHERE 1 > {sinse}").error
        assert isinstance(error, MissingParameterError)
        assert error._render_traceback_()[1:] == [
            "  line 2: WHERE 1 > {sinse}",
            "                    ^^^^^^^",
            "Hint: Perhaps you meant {since}? Or set it: sinse = ... In scope: since.",
        ]


class TestErrors:
    @pytest.mark.parametrize(
        ("cell", "message"),
        [
            ("%%hogql", "there is no query"),
            ("%%hogql\n", "there is no query"),
            ("%%hogql\n  \n\n", "there is no query"),
            ("%hogql", "there is no query"),
            ("%%hogql\n-- SELECT 1\n/* later */", "there is no query"),
            ("%%hogql ph\nSELECT 1", "ph is a client, which the frame would replace"),
            ("%hogql --more -o ph", "ph is a client, which the frame would replace"),
            ("%posthog connect demo -o class", "'class' is no name"),
            ("%%hogql --limt 3\nSELECT 1", "unknown argument '--limt'"),
            ("%%hogql 1st\nSELECT 1", "'1st' is no name"),
            ("%%hogql class\nSELECT 1", "'class' is no name"),
            ("%%hogql --limit 0\nSELECT 1", "not a number of rows"),
            ("%%hogql --param n=1\nSELECT 1", "the query has no {n}"),
        ],
    )
    def test_a_slip_is_one_clear_error(self, shell: InteractiveShell, cell: str, message: str) -> None:
        error = run(shell, cell).error
        assert isinstance(error, InvalidInputError)
        assert message in str(error)

    def test_a_second_query_is_told_to_be_one(self, shell: InteractiveShell) -> None:
        ran = run(shell, "%%hogql\nSELECT 1; -- and\nSELECT 2")
        assert isinstance(ran.error, QueryError)
        assert "  line 2: SELECT 2" in ran.printed
        assert ran.error.hint == "One query at a time: what follows the semicolon is another."

    def test_a_text_in_double_quotes_is_told_where_it_belongs(self, shell: InteractiveShell) -> None:
        ran = run(shell, '%%hogql\nSELECT count()\nFROM events\nWHERE event = "$pageview"')
        assert isinstance(ran.error, QueryError)
        assert ran.error.hint == "A text stands in single quotes; double quotes are for names."

    def test_an_error_is_rendered_as_a_few_lines(self, shell: InteractiveShell) -> None:
        ran = run(shell, "%%hogql\nSELECT event\nFROM events\nWHERE evnt = 'x'")
        assert isinstance(ran.error, QueryError)
        assert "Traceback" not in ran.printed
        assert "  line 3: WHERE evnt = 'x'\n                ^^^^" in ran.printed
        assert ran.printed.count("\n") <= 6

    def test_an_interrupt_passes_through(self, shell: InteractiveShell, demo: posthog_nb.Client) -> None:
        def interrupted(*_: object, **__: object) -> None:
            raise KeyboardInterrupt

        class Interrupted(posthog_nb.Client):
            query = interrupted

        shell.user_ns["ph"] = Interrupted(demo._connection)
        ran = run(shell, "%%hogql\nSELECT 1")
        assert isinstance(ran.error, KeyboardInterrupt)
        assert ran.footers == []


class TestConnections:
    @pytest.fixture(autouse=True)
    def no_settings(self, monkeypatch: pytest.MonkeyPatch) -> None:
        for name in ("HOST", "PROJECT_ID", "PERSONAL_API_KEY", "API_KEY", "PROJECT_TOKEN"):
            monkeypatch.delenv(f"POSTHOG_{name}", raising=False)

    def test_the_notebook_s_ph_comes_first(self, shell: InteractiveShell, demo: posthog_nb.Client) -> None:
        with posthog_nb.connect("https://posthog.example"):
            assert value(shell, "%hogql SELECT 1 AS one").attrs["posthog"]["source"] == "demo"

    def test_without_it_the_client_made_last_is_asked(self, shell: InteractiveShell) -> None:
        shell.user_ns["ph"] = "not a client"
        with posthog_nb.connect("https://posthog.example") as client:
            assert latest_client() is client
            error = run(shell, "%hogql SELECT 1").error
        assert "posthog.example needs" in str(error)

    def test_without_any_client_and_any_setting_it_is_the_demo_and_says_so(self, shell: InteractiveShell) -> None:
        del shell.user_ns["ph"]
        if (before := latest_client()) is not None:
            before.close()
        ran = run(shell, "%hogql SELECT 1")
        made = latest_client()
        assert made is not None
        assert "No PostHog is configured, so this is the demo project" in ran.footers[0]
        run(shell, "%hogql SELECT 1")
        assert latest_client() is made
        made.close()


def test_help_lists_the_options(shell: InteractiveShell) -> None:
    assert "--frame {pandas,polars,arrow}" in run(shell, "%hogql -h").printed
    assert run(shell, "%%hogql --help").printed == run(shell, "%hogql -h").printed


def test_every_option_is_documented_and_every_documented_one_is_there() -> None:
    page = (Path(__file__).parent.parent / "docs" / "notebook.md").read_text()
    table = page.partition("## The options")[2].partition("\n\n`--more`")[0]
    option = re.compile(r"(?<![\w-])--?[a-z][a-z-]*")
    listed = {name for row in table.splitlines() if row.startswith("| `") for name in option.findall(row.split("|")[1])}
    assert listed == set(option.findall(help_text()))
    assert "`NAME`" in table
