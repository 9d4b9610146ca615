"""What HogQL refuses: PostHog's words, and the place in the text."""

from __future__ import annotations

import pytest

from posthog_nb.embedded.hogql import ProjectFacts, compile_query
from posthog_nb.errors import HogQLError, HogQLQueryError, HogQLSyntaxError

FACTS = ProjectFacts(database="refusals", group_types={"organization": 0})

REDEFINED = 'Already have joined a table called "{}". Can\'t redefine.'
FROM_ONE = "SQL indexes start from one, not from zero. E.g: array[1]"
TUPLE_FROM_ONE = "SQL indexes start from one, not from zero. E.g: array.1"
BEHIND = "This can happen when a column alias shadows a table or a column that has properties."
IN_POSTHOGS_WORDS = [
    # query, the whole message, the text that it points at
    # names of tables
    ("select * from evnts", "Unknown table `evnts`.", "evnts"),
    ("select * from events.person", "Unknown table `events.person`.", "events.person"),
    ("select * from file('x')", "Unknown table `file`.", "file('x')"),
    ("select 1 from events join events on 1", REDEFINED.format("events"), "events"),
    ("select 1 from events e join persons e on 1", REDEFINED.format("e"), "persons e"),
    ("select 1 from (select 1) x join (select 2) x on 1", REDEFINED.format("x"), "(select 2) x"),
    ("select * from events(1)", "Table 'events' does not accept arguments", "events(1)"),
    ("select * from numbers", "Table function 'numbers' requires arguments", "numbers"),
    ("select * from numbers()", "Table function 'numbers' requires at least 1 argument", "numbers()"),
    ("select * from numbers(1, 2, 3)", "Table function 'numbers' requires at most 2 arguments", "numbers(1, 2, 3)"),
    ("select * from generate_series(1)", "Table function 'generate_series' requires at least 2 arguments",
     "generate_series(1)"),
    ("select event from events final", "The FINAL keyword is not supported in HogQL as it causes slow queries",
     "events final"),
    ("with a as (select 1) select a", 'Cannot use table CTE "a" as a value. Use it in a FROM clause instead.', "a"),
    # names of columns
    ("select evnt from events", "Unable to resolve field: evnt", "evnt"),
    ("select e.evnt from events e", "Unable to resolve field: evnt", "e.evnt"),
    ("select events.event from events e", "Unable to resolve field: events", "events.event"),
    ("select person.nope from events", "Unable to resolve field: nope", "person.nope"),
    ("select a.y from (select 1 as x) a", "Unable to resolve field: y", "a.y"),
    # A subquery does not see the columns around it.
    ("select (select e.event) from events e", "Unable to resolve field: e", "e.event"),
    ("select 1 from events e where exists(select 1 from persons p where p.id = e.person_id)",
     "Unable to resolve field: e", "e.person_id"),
    ("select event from events e join events f on e.uuid = f.uuid",
     "Ambiguous query. Found multiple sources for field: event (e.event, f.event). Use a qualified field name.",
     "event"),
    ("select id from events join persons on person_id = id join persons p on p.id = id",
     "Ambiguous query. Found multiple sources for field: id (persons.id, p.id). Use a qualified field name.", "id"),
    ("select person from events", "Can't select a table when a column is expected: events.person", "person"),
    ("select pdi from events", "Can't select a table when a column is expected: events.pdi", "pdi"),
    ("select session from events", "Can't select a table when a column is expected: events.session", "session"),
    ("select group_0 from events", "Can't select a table when a column is expected: events.group_0", "group_0"),
    ("select event.y from events", f"Cannot access property 'y' on 'event'. {BEHIND}", "event.y"),
    ("select timestamp.y from events", f"Cannot access property 'y' on 'timestamp'. {BEHIND}", "timestamp.y"),
    ("select 1 as a, a.y", f"Cannot access property 'y' on 'a'. {BEHIND}", "a.y"),
    ("select [1][0]", FROM_ONE, "[1][0]"),
    ("select properties.a.0 from events", TUPLE_FROM_ONE, "properties.a.0"),
    ("select properties.a[0] from events", FROM_ONE, "properties.a[0]"),
    ("select person.properties.a.0.b from events", TUPLE_FROM_ONE, "person.properties.a.0"),
    ("select (1, 2).0", TUPLE_FROM_ONE, "(1, 2).0"),
    ("select *", "Cannot use '*' when there are no tables in the query", "*"),
    ("select * from events, persons",
     "Cannot use '*' without table name when there are multiple tables in the query", "*"),
    ("select 1 as a, 2 as a", "Cannot redefine an alias with the name: a", "2 as a"),
    ("select 1 as ``", "Alias cannot be empty", "1 as ``"),
    ("select event as `50%` from events",
     'The HogQL identifier "50%" is not permitted as it contains the "%" character', "event as `50%`"),
    # functions
    ("select toStrin(1)", "Unsupported function call 'toStrin(...)'. Perhaps you meant 'toString(...)'?", "toStrin(1)"),
    ("select xyzzy(1)", "Unsupported function call 'xyzzy(...)'", "xyzzy(1)"),
    ("select entropy(1)", "Unsupported function call 'entropy(...)'", "entropy(1)"),
    ("select lower()", "Function 'lower' expects 1 argument, found 0", "lower()"),
    ("select toInt(1, 2)", "Function 'toInt' expects 1 argument, found 2", "toInt(1, 2)"),
    ("select arrayJoin([1], 2)", "Function 'arrayJoin' expects 1 argument, found 2", "arrayJoin([1], 2)"),
    ("select least(1, 2, 3)", "Function 'least' expects 2 arguments, found 3", "least(1, 2, 3)"),
    ("select make_interval(1)", "Function 'make_interval' expects 6 arguments, found 1", "make_interval(1)"),
    ("select position('a')", "Function 'position' expects at least 2 arguments, found 1", "position('a')"),
    ("select round(1, 2, 3)", "Function 'round' expects at most 2 arguments, found 3", "round(1, 2, 3)"),
    ("select count(1, 2)", "Aggregation 'count' expects at most 1 argument, found 2", "count(1, 2)"),
    ("select argMax(1)", "Aggregation 'argMax' expects 2 arguments, found 1", "argMax(1)"),
    ("select quantiles(1)", "Aggregation 'quantiles' requires parameters in addition to arguments", "quantiles(1)"),
    ("select equals(1)", "Comparison 'equals' requires exactly two arguments", "equals(1)"),
    ("select notILike(1, 2, 3)", "Comparison 'notILike' requires exactly two arguments", "notILike(1, 2, 3)"),
    ("select sum(count())", "Aggregation 'count' cannot be nested inside another aggregation 'sum'.", "count()"),
    ("select max(1 + sum(1))", "Aggregation 'sum' cannot be nested inside another aggregation 'max'.", "sum(1)"),
    ("select (event)(1) from events", "You can only call simple functions in HogQL, not expressions", "(event)(1)"),
    ("select arrayReduce('file', [1])", "Invalid parametric function in 'arrayReduce', 'file' is not supported.",
     "arrayReduce('file', [1])"),
    ("select 1::foo", "Unsupported type cast to 'foo'", "1::foo"),
    ("select cast(1 as foo)", "Unsupported type cast to 'foo'", "cast(1 as foo)"),
    ("select <foo />", "Unknown tag <foo />.", "<foo />"),
    # placeholders
    ("select {x}", "Unresolved placeholder: {x}", "{x}"),
    ("select {variables.b}, {variables.a}",
     "Set a value or a default for each query variable. Missing: a, b.", "{variables.b}"),
]  # fmt: skip

REFUSALS = [
    # query, words of the message, the text that it points at
    ("select 1 from events e left join persons p where 1", "JOIN needs a condition: ON or USING", None),
    ("select x -> 1", "A lambda can only be an argument of a function", "x -> 1"),
    ("select arrayMap(x -> y -> 1, [1])", "A lambda can only be an argument of a function", "y -> 1"),
    ("select sum(1) over (partition by x -> 1)", "A lambda can only be an argument of a function", "x -> 1"),
    ("select TOSTARTOFDAY(now())", "Unsupported function call", "TOSTARTOFDAY(now())"),
    ("select substring('a')", "expects at least 2 arguments, found 1", "substring('a')"),
    ("select toDate(now(), 'UTC')", "Function 'toDate' expects 1 argument, found 2", "toDate(now(), 'UTC')"),
    ("select sum(count()) from events", "'count' cannot be nested inside another aggregation 'sum'.", "count()"),
    ("select count() as c, sum(c) from events", "'count' cannot be nested inside another aggregation 'sum'.", "c"),
    ("select 1 + max(1) as m, avgIf(m, 1)", "'max' cannot be nested inside another aggregation 'avgIf'.", "m"),
    ("select quantiles(1) from events", "requires parameters in addition to arguments", "quantiles(1)"),
    ("select rank() from events", "needs OVER", "rank()"),
    ("select lower('a') over ()", "cannot be used with OVER", "lower('a') over ()"),
    ("select lower(distinct 'a')", "does not accept DISTINCT", "lower(distinct 'a')"),
    ("select event.x from events", "Cannot access property 'x' on 'event'", "event.x"),
    ("select organization from events", "Can't select a table when a column is expected", "organization"),
    ("select event from events e join events f on 1", "Found multiple sources for field: event (e.event", "event"),
    ("select 1 from events array join [1] as a, [2] as a", "Cannot redefine an alias with the name: a", "[2] as a"),
    ("select 1 as a from events array join [1] as a", "Cannot redefine an alias with the name: a", "1 as a"),
    ("with recursive a as (select 1) select * from a", "Recursive CTEs are not supported", None),
    ("select event from events qualify 1", "QUALIFY is not supported", "1"),
    ("select try_cast(1 as int)", "TRY_CAST is not supported", "try_cast(1 as int)"),
    ("select 1 intersect all select 1", "INTERSECT ALL is not supported", None),
    ("select 1, 2 union all select 1", "same number of columns", "select 1"),
    ("select #1", "PositionalRef is not supported", "#1"),
    ("select * from numbers()", "requires at least 1 argument", None),
    ("select 1 in cohort 2", "Could not find cohort with ID 2", "2"),
    ("select 1 in cohort 'x'", "Could not find a cohort with the name 'x'", "'x'"),
    ("select 1 not in cohort lower('x')", "cohort() takes only constant arguments", "lower('x')"),
    ("select 1 in cohort true", "cohort() takes exactly one string or integer argument", "true"),
    ("select matchesAction(7) from events", "Could not find an action with the ID 7", "7"),
    ("select matchesAction('x') from events", "Could not find an action with the name 'x'", "'x'"),
    ("select matchesAction(event) from events", "action() takes only constant arguments", "event"),
    ("select matchesAction() from events", "Function 'matchesAction' expects 1 argument, found 0", "matchesAction()"),
    ("select uniqTheta(1)", "use uniqExact", "uniqTheta(1)"),
    ("select aggregate_funnel_trends(1)", "use windowFunnel", "aggregate_funnel_trends(1)"),
    ("select arrayMap(`a%` -> 1, [1])", 'contains the "%" character', "`a%` -> 1"),
    ("select number from numbers(9) limit 0.5", "LIMIT takes a whole number", "0.5"),
    ("select number from numbers(9) limit null", "LIMIT takes a whole number", "null"),
    ("select columns(* replace (1 as nope)) from events", "Unable to resolve field: nope", None),
    ("select untuple((1, 2))", "name the elements", "untuple((1, 2))"),
    ("select string_agg(event, ',') over () from events", "does not take OVER", "string_agg(event, ',') over ()"),
    # What the parser reads silently and wrongly
    ("select event from events limit 2, 10", "LIMIT a, b", "2, 10"),
    ("select event from events order by event nulls last", "HogQL ignores NULLS LAST", "nulls last"),
    ("select event from events group by event with totals", "HogQL ignores WITH TOTALS", "with totals"),
    ("select 1 union all select 2 limit 3", "applies this LIMIT to the last SELECT alone", "3"),
    ("select 1 as a union all select 2 order by a", "applies this ORDER BY to the last SELECT alone", "a"),
    ("select a from (select 1 as a union all select 2 order by a limit 1)", "applies this ORDER BY", "a"),
    ("(select 1 as x) union all (select 2) order by x", "drops an ORDER BY", "order"),
    ("select distinct on (event) event from events", "DISTINCT ON", "distinct on ("),
    ("select 1 from events FORMAT JSON", "no FORMAT clause", "FORMAT JSON"),
    ("select 1 from events global join persons p on 1", "GLOBAL as the alias", "global join"),
    ("select 1 from events natural join persons", "NATURAL JOIN", "natural join"),
    ("select 1 from events global right join persons p on 1", "GLOBAL as the alias", "global right"),
    ("select event from events # it's\norder by event nulls last", "HogQL ignores NULLS LAST", "nulls last"),
    ("select sum(1) filter (where 1) over () from events", "HogQL ignores FILTER in a window function", "filter"),
]  # fmt: skip


@pytest.mark.parametrize(("query", "message", "place"), IN_POSTHOGS_WORDS)
def test_a_refusal_is_in_posthogs_words_at_its_place(query: str, message: str, place: str) -> None:
    with pytest.raises(HogQLQueryError) as caught:
        compile_query(query, FACTS)
    assert caught.value.message == message
    assert caught.value.span is not None
    assert query[caught.value.span.start : caught.value.span.end] == place


@pytest.mark.parametrize(("query", "words", "place"), REFUSALS)
def test_a_refusal_says_why_and_where(query: str, words: str, place: str | None) -> None:
    with pytest.raises(HogQLQueryError) as caught:
        compile_query(query, FACTS)
    assert words in str(caught.value)
    assert caught.value.text == query
    span = caught.value.span
    assert span is not None
    assert 0 <= span.start < span.end <= len(query)
    if place is not None:
        assert query[span.start : span.end] == place


@pytest.mark.parametrize(
    ("query", "suggestion"),
    [
        ("select * from event", "events"),
        ("select timestmp from events", "timestamp"),
        ("select e.distinctid from events e", "distinct_id"),
        ("with weekly as (select 1) select * from weekli", "weekly"),
        ("with weekly as (select 1 as total) select totl from weekly", "total"),
        ("with weekly as (select 1 as total) select w.totl from weekly as w", "total"),
        ("select s.evnt from (select event from events) s", "event"),
        ("select person.is_identifed from events", "is_identified"),
        ("select poe.creatd_at from events", "created_at"),
        ("select session.$session_duraton from events", "$session_duration"),
        ("select organisation.properties.x from events", "organization"),
        ("select organization.kee from events", "key"),
        ("select ev.* from events as e cross join persons as evn", "evn"),
        ("select columns(* exclude (evnt)) from events", "event"),
        ("select 1 from events e join person_distinct_ids p using (distinct_idd)", "distinct_id"),
        ("select 1 from numbrs(3)", "numbers"),
        ("select arrayMap(total -> totl, [1])", "total"),
        ("select event as what from events order by waht", "what"),
    ],
)
def test_a_misspelt_name_is_answered_with_the_right_one(query: str, suggestion: str) -> None:
    with pytest.raises(HogQLQueryError) as caught:
        compile_query(query, FACTS)
    assert caught.value.hint is not None
    assert suggestion in caught.value.hint
    assert "person_joined" not in caught.value.hint


def test_a_property_may_have_any_name() -> None:
    for name in ("properties.pln", "person.properties.emial", "organization.properties.x", "poe.properties.y"):
        compile_query(f"select {name} from events", FACTS)


@pytest.mark.parametrize(
    "query", ["select", "select 1 from", "select (", "selec 1", "select 1; select 2", "select '\\d'"]
)
def test_what_is_not_hogql_is_a_syntax_error_with_a_place(query: str) -> None:
    with pytest.raises(HogQLSyntaxError) as caught:
        compile_query(query, FACTS)
    assert caught.value.span is not None


@pytest.mark.parametrize(
    "query", ["select " + "not " * 200 + "1", "select " + "- " * 200 + "1", "select " + "+".join(["1"] * 400)]
)
def test_endless_nesting_is_refused_quickly(query: str) -> None:
    with pytest.raises(HogQLError):
        compile_query(query, FACTS)


def test_values_of_with_cannot_double_for_ever() -> None:
    values = ", ".join(f"v{i} + v{i} as v{i + 1}" for i in range(40))
    with pytest.raises(HogQLQueryError, match="too large"):
        compile_query(f"with 1 as v0, {values} select v40", FACTS)


@pytest.mark.parametrize(
    "query",
    [
        "select 'nulls last', 'limit 1, 2', \"natural join\" from (select 1 as `natural join`)",
        "select 1 -- nulls last",
        "select 1 /* with totals */",
        "select f'{concat('nulls last', 'x')} with totals'",
        "select 1 union all (select 2 order by 1 limit 3)",
        "(select 1 union all (select 2 limit 1)) limit 3",
        "select a from (select 1 as a order by a) union all (select 2)",
        "select a from (select 1 as a union all select 2 as a order by a)",
    ],
)
def test_what_only_looks_misread_is_answered(query: str) -> None:
    assert compile_query(query, FACTS).sql
