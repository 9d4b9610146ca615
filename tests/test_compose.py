"""Queries made of earlier ones: what is sent, what is refused, and where an error lies."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import posthog_nb
from posthog_nb.errors import InvalidInputError, MissingParameterError, QueryError
from posthog_nb.operations.compose import NamedQuery, compose, frozen
from posthog_nb.syntax import parse_select, parser_available

if TYPE_CHECKING:
    from collections.abc import Mapping

pytest.importorskip("chdb", reason="the embedded engine has no wheel here")
if not parser_available():
    pytest.skip("PostHog's parser has no wheel here", allow_module_level=True)

BASE = NamedQuery("base", "SELECT number AS n FROM numbers({most}) -- the first", {"most": 6})
EVEN = NamedQuery("even", "SELECT n FROM base WHERE n % 2 = 0;\n", {}, {"base": BASE})


def rows(demo: posthog_nb.Client, text: str, values: Mapping[str, object], **parts: NamedQuery) -> list[list[object]]:
    composed = compose(text, values, parts)
    parse_select(composed.text)
    with composed.telling_places():
        return demo.query(composed.text, values=composed.values).rows


class TestWhatIsSent:
    def test_a_part_stands_in_front_as_it_was_written(self) -> None:
        composed = compose("SELECT n FROM base", {}, {"base": BASE})
        assert composed.text == (
            "WITH `base` AS (\nSELECT number AS n FROM numbers({base__most}) -- the first\n)\nSELECT n FROM base"
        )
        assert composed.values == {"base__most": 6}

    def test_without_parts_it_is_the_query_itself(self) -> None:
        assert compose("SELECT 1 -- a", {"x": 1}, {}).text == "SELECT 1 -- a"

    def test_what_a_part_needs_comes_before_it_and_once(self) -> None:
        composed = compose("SELECT 1", {}, {"even": EVEN, "base": BASE})
        assert composed.text.index("`base` AS") < composed.text.index("`even` AS")
        assert composed.text.count("numbers(") == 1

    @pytest.mark.parametrize(
        ("query", "found"),
        [
            ("SELECT sum(n) FROM even", [[6]]),
            ("-- of the even\nSELECT sum(n) FROM even -- all", [[6]]),
            ("SELECT sum(n) FROM even;", [[6]]),
            ("WITH one AS (SELECT 1 AS x) SELECT sum(n) + any(x) FROM even CROSS JOIN one", [[7]]),
            ("WITH 10 AS ten SELECT sum(n) + ten FROM even", [[16]]),
            ("WITH inner AS (SELECT n FROM even) SELECT max(n) FROM inner", [[4]]),
            ("SELECT n FROM even WHERE n > 2 UNION ALL SELECT n FROM base WHERE n = 5", [[4], [5]]),
            ("(SELECT n FROM even WHERE n > 2) UNION ALL (SELECT n FROM base WHERE n = 5)", [[4], [5]]),
            ("SELECT n FROM (SELECT n FROM even WHERE n > 2)", [[4]]),
            ("SELECT e.n FROM even AS e JOIN base AS b ON e.n = b.n ORDER BY e.n LIMIT 1", [[0]]),
            ("SELECT count() FROM base WHERE n IN (SELECT n FROM even)", [[3]]),
            ("/* é ü 🙂 */ SELECT '{n}' AS t, n FROM even WHERE n > {least}", [["{n}", 4]]),
        ],
    )
    def test_any_query_may_be_made_of_parts(
        self, demo: posthog_nb.Client, query: str, found: list[list[object]]
    ) -> None:
        assert sorted(rows(demo, query, {"least": 2}, even=EVEN, base=BASE)) == sorted(found)

    @pytest.mark.parametrize(
        "text",
        [
            "WITH base AS (SELECT 3 AS x) SELECT x FROM base",
            "SELECT 1 AS x UNION ALL SELECT 2",
            "SELECT x FROM (WITH inner AS (SELECT 3 AS x) SELECT x FROM inner) -- }",
            "SELECT arrayJoin([1, 2, 3]) AS x LIMIT 2",
        ],
    )
    def test_any_query_may_be_a_part(self, demo: posthog_nb.Client, text: str) -> None:
        part = NamedQuery("part", text)
        assert sorted(rows(demo, "SELECT x FROM part", {}, part=part)) == sorted(demo.query(text).rows)

    def test_a_limit_of_the_part_holds_and_the_page_s_does_not(self, demo: posthog_nb.Client) -> None:
        whole, some = NamedQuery("a", "SELECT number AS n FROM numbers(500)"), NamedQuery("b", "SELECT 1 LIMIT 0")
        assert rows(demo, "SELECT count() FROM a", {}, a=whole) == [[500]]
        assert rows(demo, "SELECT count() FROM b", {}, b=some) == [[0]]

    def test_values_of_one_name_are_each_their_own(self, demo: posthog_nb.Client) -> None:
        noon = dt.datetime(2026, 1, 2, 12, tzinfo=dt.UTC)
        a = NamedQuery("a", "SELECT {x} AS v", {"x": "'); DROP TABLE events; --"})
        b = NamedQuery("b", "SELECT {x} AS v, {days} AS days", {"x": noon, "days": [dt.date(2026, 1, 1)]})
        found = rows(demo, "SELECT a.v, b.v, b.days, {x}, {a__x} FROM a CROSS JOIN b", {"x": 3, "a__x": 4}, a=a, b=b)
        assert found == [["'); DROP TABLE events; --", noon, [dt.date(2026, 1, 1)], 3, 4]]

    def test_what_was_kept_is_not_changed_by_what_happens_to_the_variable(self) -> None:
        names = ["a", ["b"]]
        kept = frozen(names)
        names.append("c")
        assert kept == ["a", ["b"]]


class TestWhatIsRefused:
    @pytest.mark.parametrize(
        ("text", "parts", "message", "under"),
        [
            ("SELECT 1", {"events": BASE}, "events is a table of PostHog's", None),
            ("WITH base AS (SELECT 1) SELECT 1", {"base": BASE}, "a WITH of its own for base", "base AS (SELECT 1)"),
            (
                "SELECT 1 FROM (WITH base AS (SELECT 1) SELECT 1)",
                {"base": BASE},
                "a WITH of its own for base",
                "base AS (SELECT 1)",
            ),
            ("WITH 1 AS base SELECT 1", {"base": BASE}, "a WITH of its own for base", "1 AS base"),
            (
                "SELECT 1",
                {"a": NamedQuery("a", "WITH b AS (SELECT 1) SELECT 1"), "b": BASE},
                "a WITH of its own for b",
                "b AS (SELECT 1)",
            ),
            (
                "SELECT 1",
                {"people": BASE, "a": NamedQuery("a", "SELECT 1 FROM people")},
                "a reads the table people",
                "people",
            ),
            ("SELECT 1", {"base": NamedQuery("base", "SELECT 2"), "even": EVEN}, "base stands for two queries", None),
            ("SELECT 1 FROM )", {"base": BASE}, "no viable alternative", ")"),
            ("SELECT 1", {"a": NamedQuery("a", "SELECT 1 FROM )")}, "no viable alternative", ")"),
        ],
    )
    def test_what_could_mean_two_things(
        self, text: str, parts: dict[str, NamedQuery], message: str, under: str | None
    ) -> None:
        with pytest.raises(InvalidInputError) as caught:
            compose(text, {}, parts)
        error = caught.value
        assert message in error.message
        assert error.hint or under == ")"
        if under is not None:
            assert error.text is not None
            assert error.span is not None
            assert error.text[error.span.start : error.span.end].startswith(under)

    @pytest.mark.parametrize(
        "text", ["{query}", "<HogQLQuery query='select 1' />", "(WITH z AS (SELECT 1 AS y) SELECT y FROM z)"]
    )
    def test_what_cannot_have_tables_in_front(self, text: str) -> None:
        with pytest.raises(InvalidInputError, match="cannot be put behind a WITH"):
            compose(text, {}, {"base": BASE})

    def test_without_the_parser_nothing_is_put_together(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("posthog_nb.operations.compose.parser_available", lambda: False)
        with pytest.raises(InvalidInputError, match="needs PostHog's parser"):
            compose("SELECT 1", {}, {"base": BASE})
        assert compose("SELECT 1", {}, {}).text == "SELECT 1"


class TestWhereAnErrorLies:
    def test_in_a_part_it_names_the_part_and_its_line(self, demo: posthog_nb.Client) -> None:
        part = NamedQuery("top", "SELECT 'é🙂' AS t\nFROM events\nWHERE {x} = 1 AND evnt = 'x'", {"x": 1})
        with pytest.raises(QueryError) as caught:
            rows(demo, "SELECT * FROM t", {"x": 2}, t=part)
        assert caught.value.lines()[1:3] == [
            "  top, line 3: WHERE {x} = 1 AND evnt = 'x'",
            "                                 ^^^^",
        ]

    @pytest.mark.parametrize("before", ["", "WITH z AS (SELECT 1 AS y) ", "-- a comment\n"])
    def test_in_the_query_itself_it_is_as_without_parts(self, demo: posthog_nb.Client, before: str) -> None:
        query = f"{before}SELECT n,\n\tnn FROM base"
        with pytest.raises(QueryError) as caught:
            rows(demo, query, {}, base=BASE)
        error = caught.value
        assert error.span is not None
        assert (error.part, error.text) == (None, query)
        assert query[error.span.start : error.span.end] == "nn"

    def test_a_value_that_is_missing_is_shown_in_its_part(self, demo: posthog_nb.Client) -> None:
        with pytest.raises(MissingParameterError) as caught:
            rows(demo, "SELECT * FROM p", {}, p=NamedQuery("p", "SELECT 1,\n{gone}"))
        assert caught.value.lines()[1] == "  p, line 2: {gone}"


class TestTheFunction:
    def test_ctes_are_tables_that_the_query_and_later_ones_read(self, demo: posthog_nb.Client) -> None:
        found = posthog_nb.hogql(
            "SELECT max(n) AS n FROM small",
            values={"most": 9, "below": 5},
            ctes={
                "all_of": "SELECT number AS n FROM numbers({most})",
                "small": "SELECT n FROM all_of WHERE n < {below}",
            },
            client=demo,
        )
        assert found.n.tolist() == [4]

    def test_what_is_no_text_is_refused(self, demo: posthog_nb.Client) -> None:
        with pytest.raises(InvalidInputError, match="The query of a in ctes is of type int"):
            posthog_nb.hogql("SELECT 1", ctes={"a": 1}, client=demo)  # type: ignore[dict-item]
        with pytest.raises(InvalidInputError, match="ctes is of type list"):
            posthog_nb.hogql("SELECT 1", ctes=["SELECT 1"], client=demo)  # type: ignore[arg-type]


SPACE = st.sampled_from(["", " ", "\n", "\t", " -- it's {x} ( here\n", " /* ) ' */ ", " /* 🙂 */ "])
CLOSING = st.sampled_from(["", ";", " -- end", "\n;\n", " /* end */", " -- );"])
SELECT = st.sampled_from(
    [
        "SELECT {a} + n AS n FROM @ WHERE n < {b}",
        "WITH w AS (SELECT n FROM @) SELECT n FROM w",
        "(SELECT n FROM @ ORDER BY n LIMIT 3)",
        "SELECT n FROM @ UNION ALL SELECT {a} AS n",
    ]
)


@settings(max_examples=25)
@given(
    st.lists(st.tuples(SPACE, SELECT, CLOSING), min_size=1, max_size=4),
    st.lists(st.integers(0, 9), min_size=8, max_size=8),
)
def test_the_whole_gives_what_it_gives_when_put_together_by_hand(
    demo: posthog_nb.Client, steps: list[tuple[str, str, str]], numbers: list[int]
) -> None:
    query = NamedQuery("start", "SELECT number AS n FROM numbers({b})", {"b": numbers[0]})
    by_hand = f"SELECT number AS n FROM numbers({numbers[0]})"
    for number, (space, select, closing) in enumerate(steps):
        values: dict[str, object] = {"a": numbers[2 * number], "b": numbers[2 * number + 1]}
        text = f"{space}{select.replace('@', query.name)}{closing}"
        by_hand = select.replace("@", f"(\n{by_hand}\n)")
        for name, value in values.items():
            by_hand = by_hand.replace(f"{{{name}}}", str(value))
        query = NamedQuery(f"step{number}", text, values, {query.name: query})
    composed = compose(query.text, query.values, query.parts)
    parse_select(composed.text)
    assert sorted(demo.query(composed.text, values=composed.values, limit=500).rows) == sorted(
        demo.query(by_hand, limit=500).rows
    )
