"""Completion where HogQL is written in a notebook: ``|`` is the cursor. A real shell on the demo."""

from __future__ import annotations

import ast
import json
import socket
import threading
import unicodedata
from typing import TYPE_CHECKING, Any

import pytest
from IPython.core.completer import SimpleCompletion, context_matcher, provisionalcompleter

import posthog_nb
from posthog_nb.client import Client, latest_client, remember
from posthog_nb.embedded.hogql.completion import complete
from posthog_nb.embedded.hogql.escape import hogql_string
from posthog_nb.errors import InvalidInputError
from posthog_nb.notebook.completion.help import help_at
from posthog_nb.notebook.completion.project import names_of_cells
from posthog_nb.operations.taxonomy import Taxonomy
from posthog_nb.syntax import parse_select, wheel
from tests.hostile_values import HOSTILE, Hostile

if TYPE_CHECKING:
    from collections.abc import Iterator

    from IPython.core.completer import CompletionContext
    from IPython.core.interactiveshell import InteractiveShell


class Asked:
    """What a shell gives at the cursor."""

    def __init__(self, shell: InteractiveShell, marked: str) -> None:
        self._at = marked.index("|")
        self._code = marked.replace("|", "", 1)
        with provisionalcompleter():
            self._found = list(shell.Completer.completions(self._code, self._at))

    @property
    def texts(self) -> list[str]:
        return [one.text for one in self._found]

    @property
    def types(self) -> dict[str, str]:
        return {one.text: one.type for one in self._found}

    def after(self, text: str) -> str:
        """The code when ``text`` was chosen."""
        one = next(one for one in self._found if one.text == text)
        return self._code[: one.start] + text + self._code[one.end :]


@pytest.fixture(scope="module", autouse=True)
def _demo_is_known(demo: Client) -> None:
    ready = threading.Event()
    demo.known.when_ready(lambda _: ready.set())
    assert ready.wait(120)
    for key in ("plan", "$browser"):
        demo.known.values("event", key)
    while not demo.known.values("event", "$browser"):
        ready.wait(0.02)


@pytest.fixture
def texts(shell: InteractiveShell) -> Any:
    def asked(marked: str) -> list[str]:
        return Asked(shell, marked).texts

    return asked


Q = "%%hogql\n"

FIRST = [
    # where, and what comes first
    ("%%hogql\n|", "SELECT WITH"),
    ("%%hogql\nSELECT * FROM |", "events persons"),
    ("%%hogql\nSELECT * FROM pers|", "persons person_distinct_ids"),
    ("%%hogql\nSELECT | FROM events", "uuid event properties timestamp"),
    ("%%hogql\nSELECT e.time| FROM events AS e", "timestamp"),
    ("%%hogql\nSELECT person.| FROM events", "id created_at properties"),
    ("%%hogql\nSELECT coun|", "count countDistinct countIf"),
    ("%%hogql\nSELECT properties.$br| FROM events", "$browser $browser_version"),
    ("%%hogql\nSELECT properties['$br|'] FROM events", "$browser $browser_version"),
    ("%%hogql\nSELECT person.properties.e| FROM events", "email"),
    ("%%hogql\nSELECT company.properties.pay| FROM events", "paying"),
    ("%%hogql\nSELECT 1 FROM events WHERE event = '|'", "$pageview"),
    ("%%hogql\nSELECT 1 FROM events WHERE event = 'sign|'", "sign_up_started signed_up"),
    ("%%hogql\nSELECT 1 FROM events WHERE event IN ('$screen', 'sign|')", "sign_up_started signed_up"),
    ("%%hogql\nSELECT 1 FROM events WHERE event = 'sign|", "sign_up_started' signed_up'"),
    ("%%hogql\nSELECT 1 FROM events WHERE properties.$browser = 'Chr|'", "Chrome"),
    ("%%hogql\nWITH recent AS (SELECT event AS what FROM events) SELECT wha| FROM recent", "what"),
    ("%%hogql\nWITH recent AS (SELECT 1) SELECT * FROM rec|", "recent"),
    ("%%hogql\nSELECT 1 FROM events WHERE timestamp > {sin|}", "since"),
    ("%%hogql\nSELECT 1 FROM events WHERE {fil|}", "filters"),
    ("%%hogql top --limit 5\nSELECT 1 FROM ev|", "events"),
    ("\n\n%%hogql\nSELECT 1 FROM ev|", "events"),
    ("%%hogql\n-- a comment\n\nSELECT event\nFROM events\nWHERE ev|\nLIMIT 5", "event"),
    ("%hogql SELECT properties.$br| FROM events", "$browser $browser_version"),
    ("%hogql --limit 5 SELECT 1 FROM pers|", "persons"),
    ("frame = %hogql SELECT 1 FROM pers|", "persons"),
    ("x = 1\n%hogql SELECT 1 FROM pers|\ny = 2", "persons"),
    ("%%hogql --lim|\nSELECT 1", "--limit"),
    ("%%hogql top --fr|", "--frame --fresh"),
    ("%%hogql --frame |\nSELECT 1", "pandas polars arrow"),
    ("%%hogql --frame=po|\nSELECT 1", "polars"),
    ("%%hogql --connection |", "ph"),
    ("%%hogql --param |\nSELECT {a}, {b}, {a}, {filters}", "a= b="),
    ("%hogql --frame po|", "polars"),
    ("%posthog |", "connect profiles help schema status events"),
    ("%posthog sta|", "status"),
    ("%posthog connect |", "demo local us eu"),
    ("%posthog status --con|", "--connection"),
    ("%posthog status --connection |", "ph"),
    ("%posthog schema pers|", "persons person_distinct_ids"),
    ("%posthog help toStartOfD|", "toStartOfDay"),
    ('posthog_nb.hogql("SELECT properties.$br| FROM events")', "$browser $browser_version"),
    ("rows = ph.query('SELECT 1 FROM pers|').rows", "persons"),
    ('ph.query(\n    """\n    SELECT 1 FROM pers|\n    """, limit=5)', "persons"),
]


@pytest.mark.parametrize(("marked", "expected"), FIRST, ids=[marked for marked, _ in FIRST])
def test_what_comes_first(shell: InteractiveShell, marked: str, expected: str) -> None:
    shell.user_ns |= {"since": "2026-01-01", "posthog_nb": posthog_nb}
    wanted = expected.split()
    assert Asked(shell, marked).texts[: len(wanted)] == wanted


NONE_OF_OURS = [
    "impor|",
    "%%time\nSELECT 1 FROM ev|",
    "%%hogqlx\nSELECT 1 FROM ev|",
    "print('SELECT 1 FROM ev|')",
    "frame.query('ev|')",
    "hogql('SELECT 1 FROM ev|')",
    "%timeit SELECT 1 FROM ev|",
]


@pytest.mark.parametrize("marked", NONE_OF_OURS)
def test_elsewhere_nothing_is_added(shell: InteractiveShell, marked: str) -> None:
    # `hogql` is somebody's own function here, and `frame` no client.
    shell.user_ns |= {"hogql": print, "frame": [1]}
    before = Asked(shell, marked).texts
    shell.run_line_magic("unload_ext", "posthog_nb")
    assert Asked(shell, marked).texts == before


class TestWhatIsInserted:
    @pytest.mark.parametrize(
        ("marked", "chosen", "code"),
        [
            ("SELECT properties.$br|", "$browser", "SELECT properties.$browser"),
            ("SELECT coun|(1)", "count", "SELECT count(1)"),
            (
                "SELECT 1 FROM events WHERE event = 'sig|",
                "signed_up'",
                "SELECT 1 FROM events WHERE event = 'signed_up'",
            ),
            (
                "SELECT 1 FROM events WHERE event = 'sig|'",
                "signed_up",
                "SELECT 1 FROM events WHERE event = 'signed_up'",
            ),
            ("SELECT {si|}", "since", "SELECT {since}"),
            ("SELECT 1 ord|", "ORDER BY", "SELECT 1 ORDER BY"),
        ],
    )
    def test_the_word_in_hand_is_replaced(self, shell: InteractiveShell, marked: str, chosen: str, code: str) -> None:
        shell.user_ns["since"] = 1
        assert Asked(shell, Q + marked).after(chosen) == Q + code

    def test_types_are_shown_beside(self, shell: InteractiveShell) -> None:
        shown = {
            "SELECT coun|": ("count", "function"),
            "SELECT 1 FROM ev|": ("events", "table"),
            "SELECT time| FROM events": ("timestamp", "datetime"),
            "SELECT properties.amo| FROM events": ("amount", "numeric"),
            "SELECT 1 FROM events WHERE event = 'sig|'": ("signed_up", "event"),
            "sel|": ("SELECT", "keyword"),
        }
        for marked, (text, kind) in shown.items():
            assert Asked(shell, Q + marked).types[text] == kind


class TestPlaceholders:
    def test_variables_that_hold_values_are_named_and_others_are_not(self, shell: InteractiveShell) -> None:
        import pandas as pd  # noqa: PLC0415 - as a notebook does

        shell.user_ns |= {
            "a_number": 1, "a_text": "x", "a_list": [1], "a_series": pd.Series([1]),
            "a_module": pd, "a_frame": pd.DataFrame(), "a_function": print, "_hidden": 1, "a_none": None,
        }  # fmt: skip
        texts = Asked(shell, f"{Q}SELECT {{a_|}}").texts
        assert sorted(texts) == ["a_list", "a_number", "a_series", "a_text"]

    def test_a_call_does_not_see_its_callers_variables(self, shell: InteractiveShell) -> None:
        shell.user_ns["since"] = 1
        assert "since" not in Asked(shell, "ph.query('SELECT {si|}')").texts


class TestOtherCells:
    def test_with_names_cells_that_have_run_and_their_columns_complete(self, shell: InteractiveShell) -> None:
        shell.run_cell("%%hogql daily --limit 3\nSELECT event AS what, count() AS n FROM events GROUP BY what", True)
        assert names_of_cells(shell) == ["daily"]
        marked = "%%hogql --with daily\nSELECT wh| FROM daily"
        assert Asked(shell, marked).texts[0] == "what"
        assert Asked(shell, "%%hogql --with d=daily\nSELECT 1 FROM |").texts.count("d") == 1


class TestWhoIsAsked:
    def test_without_a_client_what_all_projects_have_completes(self, shell: InteractiveShell) -> None:
        before = latest_client()
        remember(None)
        del shell.user_ns["ph"]
        try:
            assert Asked(shell, f"{Q}SELECT 1 FROM ev|").texts[0] == "events"
            assert "count" in Asked(shell, f"{Q}SELECT coun|").texts
            assert Asked(shell, f"{Q}SELECT properties.am| FROM events").texts == ["am"]
        finally:
            remember(before)

    def test_the_connection_of_the_cell_is(self, shell: InteractiveShell, monkeypatch: pytest.MonkeyPatch) -> None:
        with posthog_nb.connect("https://analytics.example.com") as other:
            monkeypatch.setattr(other.known, "now", lambda: Taxonomy(events=("over there",)))
            shell.user_ns["other"] = other
            marked = "%%hogql --connection other\nSELECT 1 FROM events WHERE event = 'ov|'"
            assert Asked(shell, marked).texts == ["over there"]

    def test_a_table_that_only_the_project_has_completes(
        self, shell: InteractiveShell, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        tables = {
            "events": {"event": "string", "new_column": "integer"},
            "stripe.charges": {"amount": "float", "odd name": "string"},
            "my_view": {"total": "integer"},
        }
        with posthog_nb.connect("https://analytics.example.com") as other:
            monkeypatch.setattr(other.known, "now", lambda: Taxonomy(tables=tables))
            shell.user_ns["ph"] = other
            assert Asked(shell, f"{Q}SELECT 1 FROM |").texts[:3] == ["events", "stripe.charges", "my_view"]
            assert Asked(shell, f"{Q}SELECT 1 FROM stripe.ch|").texts == ["charges"]
            assert Asked(shell, f"{Q}SELECT am| FROM stripe.charges").texts[0] == "amount"
            assert "`odd name`" in Asked(shell, f"{Q}SELECT c.| FROM stripe.charges AS c").texts
            assert Asked(shell, f"{Q}SELECT x.tot| FROM (SELECT total FROM my_view) AS x").texts[0] == "total"
            assert Asked(shell, f"{Q}SELECT new_| FROM events").texts[0] == "new_column"

    @pytest.mark.parametrize(
        ("written", "expected"),
        [
            ("person_id IN COHORT |", r"'Ann\'s friends'"),
            ("person_id NOT IN COHORT 'an|'", r"Ann\'s friends"),
            ("matchesAction('|')", "Paid up"),
        ],
    )
    def test_its_cohorts_and_actions_complete(
        self, shell: InteractiveShell, monkeypatch: pytest.MonkeyPatch, written: str, expected: str
    ) -> None:
        known = Taxonomy(cohorts={5: "Ann's friends"}, actions={3: "Paid up"})
        with posthog_nb.connect("https://analytics.example.com") as other:
            monkeypatch.setattr(other.known, "now", lambda: known)
            shell.user_ns["ph"] = other
            assert Asked(shell, f"{Q}SELECT 1 FROM events WHERE {written}").texts == [expected]


@pytest.fixture
def hostile(shell: InteractiveShell, monkeypatch: pytest.MonkeyPatch) -> Iterator[InteractiveShell]:
    """A shell whose project has hostile names, also longer ones than PostHog takes."""
    names = (*(one.text for one in HOSTILE), *(one.name for one in HOSTILE))
    known = Taxonomy(
        events=names,
        event_properties=dict.fromkeys(names, "String"),
        person_properties=dict.fromkeys(names, ""),
        cohorts=dict(enumerate(names)),
        tables={"events": {}, **{name: {name: "string"} for name in names if name}},
    )
    with posthog_nb.connect("https://analytics.example.com") as client:
        monkeypatch.setattr(client.known, "now", lambda: known)
        monkeypatch.setattr(client.known, "values", lambda _of, _key: names)
        shell.user_ns["ph"] = client
        yield shell


class TestHostileNames:
    WHERE = (
        "SELECT properties.|",
        "SELECT properties.`|`",
        'SELECT properties."|"',
        "SELECT properties['|']",
        "SELECT person.properties.| FROM events",
        "SELECT 1 FROM events WHERE event = '|'",
        "SELECT 1 FROM events WHERE event = |",
        "SELECT 1 FROM events WHERE properties.x = '|'",
        "SELECT 1 FROM events WHERE person_id IN COHORT '|'",
    )

    @pytest.mark.parametrize("marked", WHERE)
    def test_what_is_inserted_is_hogql_and_means_the_name(self, hostile: InteractiveShell, marked: str) -> None:
        asked = Asked(hostile, Q + marked)
        names = {one.name for one in HOSTILE}
        assert len(asked.texts) > 10
        for text in asked.texts:
            query = asked.after(text).removeprefix(Q)
            tree = json.dumps(parse_select(query), ensure_ascii=False)
            assert any(json.dumps(name, ensure_ascii=False) in tree for name in names) or "'" not in text, query

    @pytest.mark.parametrize("marked", [*WHERE, "SELECT 1 FROM |"])
    def test_a_menu_stays_short_and_in_control(self, hostile: InteractiveShell, marked: str) -> None:
        for text in Asked(hostile, Q + marked).texts:
            assert len(text) <= 200
            assert not {unicodedata.category(character) for character in text} & {"Cc", "Cs", "Zl", "Zp"}
            assert not set("\u202e\u2066\u2067\u202b") & set(text)

    @pytest.mark.parametrize("quote", ['"', "'", '"""'])
    def test_in_pythons_quotes_nothing_ends_them(self, hostile: InteractiveShell, quote: str) -> None:
        marked = f"ph.query({quote}SELECT properties.`|`{quote})"
        asked = Asked(hostile, marked)
        for text in asked.texts:
            tree = ast.parse(asked.after(text))
            argument = tree.body[0].value.args[0].value  # type: ignore[attr-defined]
            assert argument == f"SELECT properties.`{text}`"
        assert asked.texts


class TestHelp:
    @pytest.mark.parametrize("one", HOSTILE, ids=str)
    def test_help_on_a_hostile_name_is_text(self, hostile: InteractiveShell, one: Hostile) -> None:
        code = f"{Q}SELECT 1 FROM events WHERE event = {hogql_string(one.name)}"
        bundle = help_at(code, code.index("'") + 1, hostile)
        assert bundle
        assert "<script" not in bundle["text/html"]
        assert "<img" not in bundle["text/html"]
        for shown in bundle.values():
            assert not {"\x1b", "\0", "\u202e", "\u2028"} & set(shown)

    def test_a_name_of_nothing_is_an_error_that_names_what_is_near(self, shell: InteractiveShell) -> None:
        with pytest.raises(InvalidInputError, match="nothing is called 'toDatee'") as caught:
            shell.run_line_magic("posthog", "help toDatee")
        assert "toDate" in str(caught.value)

    def test_it_is_shown_as_text_and_as_html(self, shell: InteractiveShell) -> None:
        found = shell.run_line_magic("posthog", "help dateDiff")
        assert repr(found).splitlines()[0] == "dateDiff(unit, startdate, enddate[, timezone])"
        assert set(found._repr_mimebundle_()) == {"text/plain", "text/html"}


class TestOthers:
    def test_pythons_guesses_are_left_out_where_hogql_is_written(self, shell: InteractiveShell) -> None:
        shell.user_ns["percolator"] = 1
        assert "percolator" in Asked(shell, "perco|").texts
        for marked in ("SELECT perco|", "SELECT 1 AS perco|", "SELECT 'perco|'"):
            assert "percolator" not in Asked(shell, Q + marked).texts

    def test_where_nothing_fits_what_is_typed_stays(self, shell: InteractiveShell) -> None:
        assert Asked(shell, f"{Q}SELECT 1 AS nam|").texts == ["nam"]
        assert Asked(shell, f"{Q}SELECT 1 -- pri|").texts == [""]

    def test_somebody_elses_matcher_is_heard(self, shell: InteractiveShell) -> None:
        @context_matcher()
        def theirs(context: CompletionContext) -> Any:
            return {"completions": [SimpleCompletion(f"{context.token}_theirs")]}

        shell.Completer.custom_matchers.append(theirs)
        assert "ev_theirs" in Asked(shell, f"{Q}SELECT ev|").texts


class TestLoading:
    def test_reloading_keeps_one_matcher_and_unloading_none(self, shell: InteractiveShell) -> None:
        assert len(shell.Completer.custom_matchers) == 1
        for _ in range(3):
            shell.run_line_magic("reload_ext", "posthog_nb")
        assert len(shell.Completer.custom_matchers) == 1
        shell.run_line_magic("unload_ext", "posthog_nb")
        assert shell.Completer.custom_matchers == []


def test_no_network_is_touched_and_no_client_is_made(
    shell: InteractiveShell, demo: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def touched(*_: object, **__: object) -> Any:
        raise AssertionError("the network is touched")

    monkeypatch.setattr(socket.socket, "connect", touched)
    monkeypatch.setattr(socket, "getaddrinfo", touched)
    monkeypatch.setattr("requests.Session.send", touched)
    monkeypatch.setattr("posthog_nb.http.Http.json", touched)
    monkeypatch.setattr("posthog_nb.connecting.open_connection", touched)
    # What is known is new, so that nothing is looked up beside.
    shell.user_ns |= {"since": 1, "posthog_nb": posthog_nb}
    for marked, _ in FIRST:
        assert Asked(shell, marked).texts
    remember(None)
    del shell.user_ns["ph"]
    try:
        for marked, _ in FIRST[:20]:
            Asked(shell, marked)
    finally:
        remember(demo)


def test_without_posthogs_parser_names_complete_all_the_same(
    shell: InteractiveShell, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wheel, "_parser", lambda: None)
    wheel._parse.cache_clear()
    shown = {
        "SELECT 1 FROM ev|": "events",
        "SELECT e.time| FROM events AS e": "timestamp",
        "SELECT e.time| FROM events e": "timestamp",
        "SELECT time| FROM events": "timestamp",
        "SELECT properties.$br| FROM events": "$browser",
        "SELECT person.properties.em| FROM events": "email",
        "WITH a AS (SELECT 1 AS one) SELECT on| FROM a": "one",
        "SELECT x.wh| FROM (SELECT event AS what FROM events) AS x": "what",
        "SELECT coun|": "count",
    }
    for marked, text in shown.items():
        assert Asked(shell, Q + marked).texts[0] == text, marked


def test_the_engine_gives_the_range_that_a_suggestion_stands_for() -> None:
    from posthog_nb.embedded.hogql import ProjectFacts  # noqa: PLC0415 - the engine loads for who asks

    facts = ProjectFacts(database="")
    for text, term in [
        ("SELECT coun", "coun"),
        ("SELECT `a b", "a b"),
        ("SELECT 1 WHERE event = '$pa", "$pa"),
        ("", ""),
    ]:
        assert complete(text, 0, len(text), facts).term == term
