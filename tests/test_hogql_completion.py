"""What is suggested while a query is being written: ``|`` is the cursor, ``^`` where the word in hand begins.

Without a ``^`` the word is what stands before the cursor, as editors have it.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from posthog_nb.embedded.hogql import ProjectFacts
from posthog_nb.embedded.hogql.catalogue import TABLE_FUNCTIONS, TABLES
from posthog_nb.embedded.hogql.completion import (
    MOST,
    Completion,
    complete,
    complete_expression,
    describe,
    describe_name,
    signatures,
)
from posthog_nb.embedded.hogql.escape import hogql_identifier, quoted_name
from posthog_nb.embedded.hogql.filters.actions import Action
from posthog_nb.embedded.hogql.filters.cohorts import Cohort, CohortGroup
from posthog_nb.embedded.hogql.functions import find_function
from posthog_nb.syntax import MAX_QUERY_LENGTH, parse_select

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from posthog_nb.embedded.hogql.tables import Owner
    from posthog_nb.embedded.hogql.types import Type

FACTS = ProjectFacts(
    database="x",
    event_properties={
        "$os": "String",
        "amount": "Numeric",
        "due": "DateTime",
        "odd key": "",
        "paid": "Boolean",
        "plan": "",
    },
    person_properties={"age": "Numeric", "email": "String"},
    group_properties={0: {"seats": "Numeric"}, 1: {"city": "String"}},
    group_types={"organization": 0, "site": 1},
    actions={3: Action(3, "Paid up", ())},
    cohorts={5: Cohort(5, "Best friends", False, CohortGroup(), 1)},
)


class Stored:
    """What Ann and Bob sent."""

    def events(self) -> Sequence[str]:
        return ["it's", "sign up", "signed_up", "$pageview"]

    def values(self, owner: Owner, key: str, part: str) -> Sequence[str]:
        known = {
            ("event", None, "plan"): ["pro", "free"],
            ("event", None, "amount"): ["7.5", "10"],
            ("person", None, "email"): ["ann@example.com", "bob@example.com"],
            ("group", 1, "city"): ["Oslo"],
        }
        return [value for value in known.get((owner.kind, owner.group, key), ()) if part in value]

    def tables(self) -> Mapping[str, Mapping[str, Type]]:
        return {}


def cut(marked: str) -> tuple[str, int, int]:
    end = marked.replace("^", "").index("|")
    text = marked.replace("^", "").replace("|", "", 1)
    if "^" in marked:
        return text, marked.index("^"), end
    start = end
    while start and (text[start - 1].isalnum() or text[start - 1] in "_$"):
        start -= 1
    return text, start, end


def suggest(marked: str, placeholders: Sequence[str] = ()) -> Completion:
    text, start, end = cut(marked)
    return complete(text, start, end, FACTS, known=Stored(), placeholders=placeholders)


def labels(marked: str) -> list[str]:
    return [one.label for one in suggest(marked).suggestions]


def finished(marked: str, label: str) -> str:
    """The text once ``label`` is chosen."""
    text, start, end = cut(marked)
    (chosen,) = [one.insert_text for one in suggest(marked).suggestions if one.label == label]
    return text[:start] + chosen + text[end:]


ARRIVAL = "$virt_initial_referring_domain_type,$virt_initial_channel_type,$virt_revenue,$virt_mrr"
PERSON = f"id,created_at,properties,is_identified,last_seen_at,{ARRIVAL},pdi"
EXACTLY = [
    # where, what is suggested and in which order
    ("|", "SELECT WITH"),
    ("se|", "SELECT"),
    ("SELECT event FROM events GROUP |", "BY"),
    ("SELECT event FROM events GROUP BY event ORDER BY event |", "DESC,ASC,WITH FILL,LIMIT,UNION ALL"),
    ("SELECT now() - INTERVAL 7 |", "SECOND MINUTE HOUR DAY WEEK MONTH QUARTER YEAR"),
    ("SELECT event FROM events LEFT |", "JOIN,OUTER JOIN,ARRAY JOIN"),
    ("SELECT event IS |", "NULL,NOT NULL,DISTINCT FROM,NOT DISTINCT FROM"),
    ("SELECT event IS NOT |", "NULL,DISTINCT FROM"),
    ("SELECT event AS | FROM events", ""),
    ("SELECT 12|", ""),
    ("SELECT event -- FROM ev|", ""),
    ("SELECT event /* ev|", ""),
    ("SELECT f'{ev|' FROM events", ""),
    ("SELECT 'ev|' FROM events", ""),
    # tables
    ("SELECT * FROM eve|", "events"),
    ("SELECT * FROM posthog.eve|", "events"),
    ("SELECT * FROM other.|", ""),
    ("SELECT * FROM num|", "numbers"),
    ("WITH pays AS (SELECT event FROM events) SELECT * FROM pa|", "pays"),
    ("WITH pays AS (SELECT event FRM events) SELECT * FROM pa|", "pays"),
    ("WITH a AS (SELECT 1 FROM |), b AS (SELECT 2) SELECT 1", ",".join((*TABLES, *TABLE_FUNCTIONS))),
    # columns
    ("SELECT e.time| FROM events e", "timestamp"),
    ("SELECT p.| FROM events e JOIN persons p ON p.id = e.person_id", PERSON),
    ("SELECT p.| FROM events e JOIN persons p ON", PERSON),
    ("SELECT pdi.person.pdi.| FROM events", "distinct_id,person_id,person"),
    ("SELECT person.cre| FROM events", "created_at"),
    ("SELECT session.$session_d| FROM events", "$session_duration"),
    ("SELECT poe.| FROM events", f"id,created_at,properties,{ARRIVAL}"),
    ("SELECT organization.| FROM events", "index,key,created_at,updated_at,properties"),
    ("SELECT nobody.| FROM events", ""),
    ("SELECT event.| FROM events", ""),
    ("SELECT s.| FROM (SELECT event AS what, count() AS n FROM events GROUP BY what) s", "what n"),
    ("SELECT s.| FROM (SELECT event AS what, count() AS n FRM events GROUP) AS s", "what n"),
    ("WITH a AS (SELECT event, timestamp AS at FROM events) SELECT a.| FROM a", "event at"),
    ("WITH a AS (SELECT 1 AS x), b AS (SELECT b2.| FROM a AS b2) SELECT 1", "x"),
    ("WITH a AS (SELECT 1 AS x WHERE {filters}) SELECT a.| FROM a", "x"),
    ("SELECT n.| FROM numbers(10) n", "number"),
    ("SELECT event FROM events UNION ALL SELECT is_i| FROM persons", "is_identified"),
    ("SELECT (SELECT q.| FROM (SELECT 1 AS inner_one) q) FROM events", "inner_one"),
    ("SELECT rank() OVER w| FROM events WINDOW w1 AS (ORDER BY event)", "w1"),
    ("SELECT event AS what_it_was FROM events ORDER BY what_|", "what_it_was"),
    ("SELECT 1 FROM events ARRAY JOIN [1] AS each_one WHERE each_|", "each_one"),
    # properties
    ("SELECT properties.| FROM events", "amount,due,odd key,paid,plan,$os"),
    ("SELECT properties['|'] FROM events", "amount,due,odd key,paid,plan,$os"),
    ("SELECT e.properties.am| FROM events e", "amount"),
    ("SELECT person.properties.| FROM events", "age email"),
    ("SELECT poe.properties.| FROM events", "age email"),
    ("SELECT properties.| FROM persons", "age email"),
    ("SELECT site.properties.| FROM events", "city"),
    ("SELECT goe_0.properties.| FROM events", "seats"),
    ("SELECT properties.| FROM groups", "seats city"),
    ("SELECT properties.plan.| FROM events", ""),
    # values
    ("SELECT 1 FROM events WHERE event = '|'", "it's,sign up,signed_up,$pageview"),
    ("SELECT 1 FROM events WHERE event = 'sig|' AND true", "sign up,signed_up"),
    ("SELECT 1 FROM events WHERE e.event != 'sig|", ""),
    ("SELECT 1 FROM events e WHERE e.event NOT IN ('it''s', '$|", "$pageview"),
    ("SELECT countIf(event LIKE 'up|') FROM events", "sign up,signed_up"),
    ("SELECT 1 FROM events WHERE properties.plan = '|'", "pro free"),
    ("SELECT 1 FROM events WHERE properties['plan'] = 'fr|'", "free"),
    ("SELECT 1 FROM events WHERE person.properties.email ILIKE 'bob|'", "bob@example.com"),
    ("SELECT 1 FROM events WHERE site.properties.city = '|'", "Oslo"),
    ("SELECT 1 FROM events WHERE properties.amount = '|'", "7.5 10"),
    ("SELECT 1 FROM events WHERE distinct_id = '|'", ""),
    ("SELECT 1 FROM events WHERE person_id IN COHORT |", "Best friends"),
    ("SELECT 1 FROM events WHERE person_id IN COHORT 'be|'", "Best friends"),
    ("SELECT 1 FROM events WHERE matchesAction('|')", "Paid up"),
    # placeholders
    ("SELECT 1 FROM events WHERE {filters.|}", "dateRange.from dateRange.to"),
    ("SELECT 1 FROM events WHERE event = {nothing.|", ""),
]  # fmt: skip


@pytest.mark.parametrize(("marked", "expected"), EXACTLY)
def test_what_fits_is_suggested_and_nothing_else(marked: str, expected: str) -> None:
    assert labels(marked) == (expected.split(",") if "," in expected else _words(expected))


def _words(expected: str) -> list[str]:
    names = {"Best friends", "Paid up"}
    return [expected] if expected in names else expected.split()


FIRST = [
    # where, what comes first
    ("SELECT | FROM events", ["uuid", "event", "properties", "timestamp"]),
    ("SELECT |", ["uuid", "event", "properties", "timestamp"]),
    ("SELECT count(| FROM persons WHERE true", ["id", "created_at", "properties"]),
    ("SELECT event AS what, | FROM events", ["what", "uuid", "event"]),
    ("SELECT 1 FROM events WHERE event = |", ["it's", "sign up", "signed_up", "$pageview"]),
    ("SELECT 1 FROM events WHERE properties.paid = |", ["true", "false"]),
    ("SELECT 1 FROM events WHERE properties.amount > |", ["7.5", "10"]),
    ("SELECT 1 FROM events WHERE timestamp > |", ["timestamp", "created_at"]),
    ("SELECT rank() OVER (|) FROM events", ["PARTITION BY", "ORDER BY"]),
    ("SELECT time|stamp FROM events", ["timestamp"]),
    ("SELECT arrayMap(one -> on|, [1])", ["one"]),
    ("SELECT arrayMap((first_one, o) -> first_|, [1], [2])", ["first_one"]),
    ("SELECT * FROM |", ["events", "persons"]),
    ("SELECT * FROM events, |", ["events", "persons"]),
    ("SELECT * FROM events e CROSS JOIN |", ["events", "persons"]),
    ("WITH a AS (SELECT 1) SELECT * FROM |", ["a", "events"]),
    ("SELECT * FROM events |", ["WHERE", "AS", "JOIN"]),
    ("SELECT event FROM events WHERE event = 'a' |", ["AND", "OR"]),
    ("SELECT event FROM events WHERE event NOT |", ["IN", "LIKE", "ILIKE", "BETWEEN"]),
    ("SELECT toStartOf| FROM events", ["toStartOfDay", "toStartOfHour"]),
    ("SELECT coun|", ["count", "countDistinct", "countIf"]),
    ("SELECT CASE WHEN event = 'a' | FROM events", ["WHEN", "THEN", "ELSE", "END"]),
]


@pytest.mark.parametrize(("marked", "first"), FIRST)
def test_what_is_likeliest_comes_first(marked: str, first: list[str]) -> None:
    assert labels(marked)[: len(first)] == first


WRITTEN = [
    # where, what is chosen, the text then
    ("SELECT properties.od| FROM events", "odd key", "SELECT properties.`odd key` FROM events"),
    ("SELECT properties.$o| FROM events", "$os", "SELECT properties.$os FROM events"),
    ("SELECT properties.$^o| FROM events", "$os", "SELECT properties.$os FROM events"),
    ("SELECT properties.`od|` FROM events", "odd key", "SELECT properties.`odd key` FROM events"),
    ("SELECT properties.`od|", "odd key", "SELECT properties.`odd key`"),
    ("SELECT properties['od|", "odd key", "SELECT properties['odd key'"),
    ("SELECT 1 FROM events WHERE event = |", "sign up", "SELECT 1 FROM events WHERE event = 'sign up'"),
    ("SELECT 1 FROM events WHERE event = '|", "it's", "SELECT 1 FROM events WHERE event = 'it\\'s'"),
    ("SELECT 1 FROM events WHERE event = 'sign ^u|'", "sign up", "SELECT 1 FROM events WHERE event = 'sign up'"),
    ("SELECT 1 FROM events WHERE properties.amount > |", "7.5", "SELECT 1 FROM events WHERE properties.amount > 7.5"),
    ("SELECT toStartOfD|", "toStartOfDay", "SELECT toStartOfDay()"),
    ("SELECT toStartOfD|(timestamp)", "toStartOfDay", "SELECT toStartOfDay(timestamp)"),
    ("SELECT * FROM numb|", "numbers", "SELECT * FROM numbers()"),
    ("SELECT 1 FROM events WHERE {filters.d|}", "dateRange.to", "SELECT 1 FROM events WHERE {filters.dateRange.to}"),
]  # fmt: skip


@pytest.mark.parametrize(("marked", "label", "text"), WRITTEN)
def test_what_is_chosen_is_written_as_it_must_be(marked: str, label: str, text: str) -> None:
    assert finished(marked, label) == text


def test_each_suggestion_says_what_it_is() -> None:
    def one(marked: str, label: str) -> tuple[str, str | None, str | None]:
        (found,) = [found for found in suggest(marked).suggestions if found.label == label]
        return found.kind, found.detail, found.documentation

    assert one("SELECT time| FROM events", "timestamp") == ("Variable", "DateTime", None)
    assert one("SELECT perso| FROM events", "person") == ("Variable", "Table", None)
    assert one("SELECT elements_chain_t| FROM events", "elements_chain_texts") == ("Variable", "Array(String)", None)
    assert one("SELECT e| FROM events AS ev", "ev") == ("Folder", "Table", None)
    assert one("SELECT * FROM e|", "events") == ("Folder", "Table", None)
    assert one("SELECT properties.am| FROM events", "amount") == ("Variable", "Numeric", None)
    assert one("SELECT properties.pl| FROM events", "plan") == ("Variable", None, None)
    assert one("SELECT toStartOfDa|", "toStartOfDay") == ("Function", "1 to 2 arguments → DateTime", None)
    assert one("SELECT countI|", "countIf")[2] == "Aggregation."
    assert one("SELECT ran|", "rank")[2] == "Needs OVER (...)."
    assert one("SELECT 1 FROM events WHERE event = '|'", "sign up") == ("Value", "Event", None)
    assert one("SELECT 1 FROM events |", "WHERE") == ("Keyword", None, None)
    assert one("SELECT {|", "filters") == ("Constant", "Placeholder", None)


def test_aggregations_come_last_where_none_may_stand() -> None:
    assert labels("SELECT su| FROM events")[:2] == ["sum", "sumIf"]
    allowed = labels("SELECT 1 FROM events WHERE su|")
    assert allowed.index("substring") < allowed.index("sum")


def test_every_suggested_function_can_be_called() -> None:
    for letter in "abcdefghijklmnopqrstuvwxyz":
        for one in suggest(f"SELECT {letter}|").suggestions:
            if one.kind == "Function":
                function = find_function(one.label)
                assert function is not None
                assert not function.refusal


def test_placeholders_are_the_filters_and_what_the_request_has() -> None:
    known = ["variables.plan", "region"]
    found = suggest("SELECT 1 FROM events WHERE {|}", known).suggestions
    expected = ["filters", "filters.dateRange.from", "filters.dateRange.to", "variables.plan", "region"]
    assert [one.label for one in found] == expected
    assert [one.label for one in suggest("SELECT {variables.|}", known).suggestions] == ["plan"]


def test_a_list_that_was_cut_says_so() -> None:
    everything = suggest("SELECT | FROM events")
    assert (len(everything.suggestions), everything.incomplete) == (MOST, True)
    assert not suggest("SELECT e.| FROM events e").incomplete


def test_what_is_never_shown_is_not_suggested() -> None:
    for marked in ("SELECT e.| FROM events e", "SELECT | FROM events", "SELECT p.| FROM persons p"):
        assert not {"team_id", "person_joined", "person_on_event"} & set(labels(marked))


@pytest.mark.parametrize("mode", ["disabled", "person_id_override_properties_on_events"])
def test_a_person_has_its_columns_in_every_mode(mode: str) -> None:
    text, start, end = cut("SELECT person.properties.| FROM events")
    facts = ProjectFacts(database="x", person_mode=mode, person_properties={"age": "Numeric"})
    assert [one.label for one in complete(text, start, end, facts).suggestions] == ["age"]


@pytest.mark.parametrize(
    ("marked", "source", "first"),
    [
        ("tim|", None, ["timestamp"]),
        ("person.properties.|", None, ["age", "email"]),
        ("|", "SELECT id AS who FROM persons", ["who", "id"]),
        ("|", "WITH z AS (SELECT 1 AS o) SELECT o FROM z", ["o"]),
        ("count(|", "SELECT id FROM persons", ["id"]),
        ("tim|", "this is no query", ["timestamp"]),
    ],
)
def test_an_expression_stands_among_the_columns_of_its_source(
    marked: str, source: str | None, first: list[str]
) -> None:
    text, start, end = cut(marked)
    found = complete_expression(text, start, end, FACTS, source=source).suggestions
    assert [one.label for one in found][: len(first)] == first


def test_no_text_is_too_odd() -> None:
    odd = "WITH a AS ((SELECT ')' FROM [{ ( x -> `q WHERE 'it''s -- \" } ] ) UNION , , JOIN ON . AS , FROM"
    for end in range(len(odd) + 1):
        for text in (odd, odd[:end], odd[end:]):
            complete(text, end - 2, end, FACTS, known=Stored())
    for deep in ("(" * 3000, "SELECT 1 FROM (" * 3000):
        complete(deep, 0, len(deep), FACTS)
        complete(f"SELECT 1 FROM x, {deep}", 14, 14, FACTS)
    assert complete("SELECT " + " " * MAX_QUERY_LENGTH, 7, 7, FACTS) == Completion()
    complete("SELECT 1", 99, -5, FACTS)


def test_a_typical_query_takes_less_than_fifty_milliseconds() -> None:
    text, start, end = cut(
        "WITH pays AS (SELECT person_id, sum(properties.amount) AS spent FROM events WHERE event = 'pay' GROUP BY 1)"
        " SELECT e.event, p.spent, e.| FROM events e LEFT JOIN pays p ON p.person_id = e.person_id"
        " WHERE e.timestamp > now() - INTERVAL 30 DAY AND e.properties.plan = 'pro' ORDER BY p.spent DESC LIMIT 10"
    )

    def once() -> float:
        began = time.perf_counter()
        complete(text, start, end, FACTS, known=Stored())
        return time.perf_counter() - began

    assert min(once() for _ in range(5)) < 0.05


@pytest.mark.parametrize(
    "name",
    ["a`b", 'a"b', "it's", "a\\b", "a\\'b", "a{b}", "new\nline", "-- x", "", "two words", "null", "TRUE", "Infinity"],
)
def test_a_quoted_name_is_read_as_it_was(name: str) -> None:
    written = [f"{quote}{quoted_name(name, quote)}{quote}" for quote in '`"']
    for one in [*written, *([hogql_identifier(name)] if name else [])]:
        assert parse_select(f"SELECT e.{one} FROM events AS e")["select"][0]["chain"] == ["e", name]


class TestSignatures:
    def test_each_is_of_a_function_and_has_its_name(self) -> None:
        for name, signature in signatures._named().items():
            function = find_function(name)
            assert function is not None
            assert not function.refusal
            assert signature.startswith(f"{name}(")
            assert signature.isprintable()

    def test_what_has_none_is_told_by_the_number_of_its_arguments(self) -> None:
        found = describe_name("countIf", FACTS)
        assert found is not None
        assert found.title == "countIf(1 to 2 arguments)"
        assert describe_name("dateDiff", FACTS).title == "dateDiff(unit, startdate, enddate[, timezone])"


class TestDescriptions:
    @pytest.mark.parametrize(
        ("marked", "title", "kind"),
        [
            ("SELECT to|Date(timestamp) FROM events", "toDate(x)", "function"),
            ("SELECT count(DISTINCT |) FROM events", "count([expr])", "aggregation"),
            ("SELECT row_number() OV|ER ()", None, None),
            ("SELECT uniqThe|ta(1)", "uniqTheta", "function"),
            ("SELECT 1 FROM posthog.eve|nts", "posthog.events", "table"),
            ("SELECT 1 FROM num|bers(3)", "numbers(...)", "table function"),
            ("SELECT 1 FROM nowh|ere", None, None),
            ("WITH a AS (SELECT 1) SELECT * FROM a|", "a", "table of WITH"),
            ("SELECT e.pla| FROM events AS e", None, None),
            ("SELECT e.properties.pla|n FROM events AS e", "e.properties.plan", "property of events"),
            ("SELECT properties['pl|an'] FROM events", "properties.plan", "property of events"),
            (
                "SELECT organization.properties.sea|ts FROM events",
                "organization.properties.seats",
                "property of groups",
            ),
            ("SELECT 1 FROM events WHERE event = 'sign u|p'", "sign up", "event"),
            ("SELECT 1 FROM events WHERE distinct_id = 'an|n'", None, None),
            ("SELECT 1 -- eve|nt", None, None),
            ("|", None, None),
        ],
    )
    def test_what_stands_there(self, marked: str, title: str | None, kind: str | None) -> None:
        found = describe(marked.replace("|", ""), marked.index("|"), FACTS, known=Stored())
        assert (found and found.title, found and found.kind) == (title, kind)

    def test_values_and_an_unknown_event_are_told(self) -> None:
        query = "SELECT 1 FROM events WHERE properties.plan = 'x' AND event = 'nobody'"
        assert describe(query, query.index("plan"), FACTS, known=Stored()).notes == ("Such as 'pro', 'free'.",)
        assert describe(query, query.index("nobody"), FACTS, known=Stored()).notes

    def test_a_text_that_is_too_long_is_not_read(self) -> None:
        assert describe("x" * (MAX_QUERY_LENGTH + 1), 5, FACTS) is None

    @pytest.mark.parametrize(
        "name", ["timestamp", "events.timestamp", "persons.created_at", "properties.plan", "uniq()"]
    )
    def test_a_name_by_itself(self, name: str) -> None:
        assert describe_name(name, FACTS) is not None

    @pytest.mark.parametrize("name", ["nowhere", "events.nowhere", "nowhere.timestamp", "", "1", "'x'", "("])
    def test_a_name_of_nothing(self, name: str) -> None:
        assert describe_name(name, FACTS) is None
