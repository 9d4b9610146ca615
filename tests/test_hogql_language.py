"""What HogQL says: queries, and the rows they give on real ClickHouse."""

from __future__ import annotations

from datetime import date

import pytest

from posthog_nb.errors import HogQLQueryError
from tests.hogql_world import World, create_world


@pytest.fixture(scope="module")
def world() -> World:
    return create_world()


LANGUAGE = {
    "group and order": (
        "select event, count() as c from events group by event order by c desc, event",
        [("view", 3), ("pay", 2), ("signup", 1)],
    ),
    "having, limit and offset": (
        "select event, count() as c from events group by event having c > 1 order by c desc limit 5 offset 1",
        [("pay", 2)],
    ),
    "tables that are called like a clause": (
        "with totals as (select count() as c from events), cube as (select 1 as one) select c, one from totals, cube",
        [(6, 1)],
    ),
    "comments of every kind": ("select 1 -- a\n, 2 // b\n, 3 # it's\n, 4 /* c */", [(1, 2, 3, 4)]),
    "an alias behind a property that is called like a clause": (
        "select properties.format e from events limit 1",
        [(None,)],
    ),
    "a column of * with a percent sign": (
        "select * from (select properties.`50%`, event from events) order by event limit 1",
        [(None, "pay")],
    ),
    "columns of which some are replaced": (
        "select columns(* exclude (b) replace (a + 1 as a)) from (select 1 as a, 2 as b, 3 as c)",
        [(2, 3)],
    ),
    "calls within calls": (
        "select " + "replaceAll(" * 9 + "'abc'" + ", 'b', 'x')" * 9 + ", " + "(" * 20 + "1 + 1" + ")" * 20
        + ", " + "if(1 = 1, " * 9 + "2" + ", 3)" * 9,
        [("axc", 2, 2)],
    ),
    "distinct": ("select distinct event from events order by event", [("pay",), ("signup",), ("view",)]),
    "an alias in WHERE, GROUP BY and later columns": (
        ("select multiIf(event = 'pay', 1, 0) as k, k + 1 as next, count() from events where k >= 0 "
        "group by k order by k"),
        [(0, 1, 4), (1, 2, 2)],
    ),
    "an alias shadows the column of its name": (
        "select lower(concat('X', event)) as event from events where event = 'xpay'",
        [("xpay",), ("xpay",)],
    ),
    "an alias inside an expression": ("select (1 + 1 as two) * two", [(4,)]),
    "a subquery in FROM": (
        "select x from (select event as x, properties from events) where properties.plan = 'pro'",
        [("pay",)],
    ),
    "a subquery as a value, and EXISTS": (
        "select (select count() from events), exists(select 1 from events where event = 'no')",
        [(6, 0)],
    ),
    "a subquery after IN": (
        "select count() from events where event in (select event from events where properties.amount > 1)",
        [(2,)],
    ),
    "a join with a subquery": (
        ("select e.event, f.c from events e inner join (select distinct_id, count() as c from events "
        "group by distinct_id) as f on f.distinct_id = e.distinct_id order by e.uuid limit 1"),
        [("signup", 3)],
    ),
    "a join of events with events by person": (
        ("select a.event, b.event from events a join events b on a.person_id = b.person_id "
        "and a.timestamp < b.timestamp order by a.uuid, b.uuid"),
        [("signup", "pay"), ("signup", "pay"), ("pay", "pay"), ("view", "view")],
    ),
    "a join of persons with events": (
        ("select p.properties.email, count() from persons p join events e on e.person_id = p.id "
        "group by p.properties.email order by 1"),
        [("ann@new.example", 3), ("bob@new.example", 2)],
    ),
    "a join by what the second table itself joins": (
        ("select e.event, d.distinct_id from events e join person_distinct_ids d "
        "on e.properties.plan = 'pro' and d.person.properties.email = 'ann@new.example'"),
        [("pay", "ann")],
    ),
    "a join by the distinct id of a person": (
        ("select p.properties.email, count() from events e join persons p on p.pdi.distinct_id = e.distinct_id "
        "group by p.properties.email order by 1"),
        [("ann@new.example", 3), ("bob@new.example", 2)],
    ),
    "USING": (
        "select count() from events join person_distinct_ids using (distinct_id)",
        [(5,)],
    ),
    "LEFT JOIN fills a missing row with empty values": (
        ("select p.distinct_id from events e left join person_distinct_ids p on p.distinct_id = e.distinct_id "
        "where e.distinct_id = 'ghost'"),
        [("",)],
    ),
    "CROSS JOIN": ("select a.number, b.number from numbers(2) a cross join numbers(1) b order by 1", [(0, 0), (1, 0)]),
    "tables of WITH": (
        ("with x as (select event, count() as c from events group by event), y as (select sum(c) as total from x) "
        "select event, c, total from x cross join y order by event"),
        [("pay", 2, 6), ("signup", 1, 6), ("view", 3, 6)],
    ),
    "WITH before a union is there for all branches": (
        "with x as (select 1 as a) select a from x union distinct (select a from x)",
        [(1,)],
    ),
    "a table of WITH may hide a table": ("with events as (select 7 as a) select a from events", [(7,)]),
    "values of WITH": ("with 5 as a, a + 1 as b select b, a", [(6, 5)]),
    "a subquery as a value of WITH": (
        "with (select max(timestamp) from events) as latest select event from events where timestamp = latest",
        [("view",)],
    ),
    "UNION DISTINCT, EXCEPT, INTERSECT": (
        ("select a from (select 1 as a union distinct select 1 union all (select 3 except select 4) "
        "union all (select 5 intersect select 5)) order by a"),
        [(1,), (3,), (5,)],
    ),
    "ORDER BY at the end of a union within a query, whose rows have no order": (
        "select a + 1 from (select 2 as a union all select 1 as a order by a desc) order by 1",
        [(2,), (3,)],
    ),
    "ARRAY JOIN": (
        "select event, a from events array join [1, 2] as a order by uuid, a limit 3",
        [("signup", 1), ("signup", 2), ("pay", 1)],
    ),
    "ARRAY JOIN of a column's alias, whose items other columns use": (
        ("select [distinct_id, upper(event)] as words, concat(word, '!') as loud, place from events array join "
        "words as word, arrayEnumerate(words) as place where place > 1 or word = 'bob' order by uuid, place"),
        [
            (["ann", "SIGNUP"], "SIGNUP!", 2), (["ann", "PAY"], "PAY!", 2), (["ann", "PAY"], "PAY!", 2),
            (["bob", "VIEW"], "bob!", 1), (["bob", "VIEW"], "VIEW!", 2), (["anon", "VIEW"], "VIEW!", 2),
            (["ghost", "VIEW"], "VIEW!", 2),
        ],
    ),
    "LIMIT BY": (
        "select event from events order by timestamp limit 1 by event",
        [("signup",), ("pay",), ("view",)],
    ),
    "LIMIT WITH TIES": ("select 1 as a from events order by a limit 1 with ties", [(1,)] * 6),
    "LIMIT of a share of the rows": (
        "select event from events order by uuid limit 50%",
        [("signup",), ("pay",), ("pay",)],
    ),
    "CASE with and without a subject": (
        ("select case event when 'pay' then 1 when 'view' then 2 else 0 end, case when event = 'pay' then 'p' end "
        "from events order by uuid limit 2"),
        [(0, None), (1, "p")],
    ),
    "lambdas, also over a name that is a column": (
        ("select arrayMap(x -> x * 2, [1, 2]), arrayMap(event -> concat(event, '!'), [event]) "
        "from events order by uuid limit 1"),
        [([2, 4], ["signup!"])],
    ),
    "a lambda of two arguments": ("select arrayFilter((x, i) -> i = 2, ['a', 'b'], [1, 2])", [(["b"],)]),
    "array access, slices, tuples": (
        "select [1, 2, 3][2], [1, 2, 3][2:3], (1, 'a').2, [1, 2][-1]",
        [(2, [2, 3], "a", 2)],
    ),
    "a dictionary": ("select {'a': 1}", [(("__hx_tag", "__hx_obj", "a", 1),)]),
    "f-strings and ||": ("select f'<{event}>', event || '-' || 1 from events limit 1", [("<signup>", "signup-1")]),
    "BETWEEN": ("select 2 between 1 and 3, 2 not between 1 and 3", [(1, 0)]),
    "casts": (
        "select '5'::int, cast('1.5' as float), 3::string, '2024-01-02'::date = toDate('2024-01-02'), 'true'::bool",
        [(5, 1.5, "3", 1, True)],
    ),
    "regex operators": ("select 'abc' =~ '^a', 'abc' !~ '^a', 'ABC' =~* '^a', 'ABC' !~* 'b'", [(1, 0, 1, 0)]),
    "conditional and null operators": ("select null ?? 2, 1 ? 'y' : 'n'", [(2, "y")]),
    "IS DISTINCT FROM": ("select null is distinct from null, 1 is distinct from null", [(0, 1)]),
    "arithmetic": ("select 1 / 0, -7 % 3, 10 / 4, -(-3), 0x1F, 1e3", [(float("inf"), -1, 2.5, 3, 31, 1000.0)]),
    "intervals": ("select toDate('2024-01-31') + interval 1 day = toDate('2024-02-01')", [(1,)]),
    "row_number, lag and lead": (
        ("select event, row_number() over (partition by event order by timestamp), lag(event) over w, "
        "lead(event) over w from events window w as (order by timestamp) order by uuid limit 3"),
        [("signup", 1, None, "pay"), ("pay", 1, "signup", "pay"), ("pay", 2, "pay", "view")],
    ),
    "a named window and a frame": (
        ("select sum(properties.amount) over w, "
        "count() over (order by timestamp rows between 1 preceding and current row) "
        "from events window w as (partition by distinct_id) order by uuid limit 3"),
        [(19.5, 1), (19.5, 2), (19.5, 2)],
    ),
    "aggregates with a condition": (
        ("select countIf(event = 'pay'), count() filter (where event = 'pay'), uniq(distinct_id), "
        "count(distinct distinct_id), countDistinct(event), sumIf(1, event = 'view') from events"),
        [(2, 2, 4, 4, 3, 3)],
    ),
    "parametric aggregates": (
        "select quantile(0.5)(number), groupArray(2)(number), quantiles(0, 1)(number) from numbers(5)",
        [(2.0, [0, 1], [0.0, 4.0])],
    ),
    "parameters that are computed, or called by a name": (
        ("with 2 as two select 0.5 as half, quantile(half)(number), groupArray(two)(number), "
        "groupArray(two * two - 1)(number) from numbers(5)"),
        [(0.5, 2.0, [0, 1], [0, 1, 2])],
    ),
    "windowFunnel": (
        ("select windowFunnel(864000)(toDateTime(timestamp), event = 'signup', event = 'pay') as level from events "
        "group by distinct_id order by level desc limit 1"),
        [(2,)],
    ),
    "intervals of every spelling": (
        ("select toDate('2024-01-01') + interval 7 day, toDate('2024-01-01') + interval '7 days', "
        "toDate('2024-01-01') + interval '1' week, toDate('2024-01-01') + toIntervalDay(7)"),
        [(date(2024, 1, 8),) * 4],
    ),
    "operators of two spellings": ("select 1 = 1, 1 == 1, 1 != 2, 1 <> 2, 1 <=> 1", [(1, 1, 1, 1, 1)]),
    "aliases of every spelling": ("select 1 as a, 2 b, c: 3, 4 as `d e`, a + b + c", [(1, 2, 3, 4, 6)]),
    "names in quotes of both kinds": ('select "event", `event` from events limit 1', [("signup", "signup")]),
    "one semicolon at the end": ("select 1;", [(1,)]),
    "infinity and no number": ("select inf, isNaN(nan), -inf", [(float("inf"), 1, float("-inf"))]),
    "one value after IN": ("select 1 in (1), 1 in 1, 2 not in (1)", [(1, 1, 1)]),
    "a CTE in another, and in a subquery": (
        ("with a as (select 1 as x), b as (select x + 1 as y from a) "
        "select y, (select max(x) from a) from (select y from b)"),
        [(2, 1)],
    ),
    "a CTE used twice": (
        "with a as (select number from numbers(2)) select x.number, y.number from a x join a y on x.number = y.number",
        [(0, 0), (1, 1)],
    ),
    "a CTE inside a subquery is its own": (
        "with a as (select 1 as x) select (select x from (with a as (select 2 as x) select x from a)), x from a",
        [(2, 1)],
    ),
    "a branch of a union with a table of WITH": (
        "with a as (select 1 as x) select x from (select x from a union all (select x + 1 as x from a)) order by x",
        [(1,), (2,)],
    ),
    "a plain UNION is distinct": ("select * from (select 1 as x union select 1)", [(1,)]),
    "INTERSECT and EXCEPT": (
        ("select (select sum(x) from (select arrayJoin([1, 2]) as x intersect select 2)), "
        "(select sum(x) from (select arrayJoin([1, 2]) as x except select 2))"),
        [(2, 1)],
    ),
    "a union within a union": (
        "select sum(x) from (select 1 as x union all (select 2 union all (select 3)))",
        [(6,)],
    ),
    "GROUP BY of a place and ORDER BY of a place": (
        "select event, count() from events group by 1 order by 2 desc, 1",
        [("view", 3), ("pay", 2), ("signup", 1)],
    ),
    "GROUP BY ALL": ("select event, count() from events group by all order by event limit 1", [("pay", 2)]),
    "CUBE and GROUPING SETS": (
        ("select (select count() from (select 1 from events group by cube(event, distinct_id))), "
        "(select count() from (select 1 from events group by grouping sets ((event), (distinct_id))))"),
        [(5 + 3 + 4 + 1, 3 + 4)],
    ),
    "HAVING without GROUP BY": ("select count() as c from events having c > 5", [(6,)]),
    "LIMIT BY with an offset": (
        "select number from numbers(6) order by number limit 1 offset 1 by number % 2 limit 5",
        [(2,), (3,)],
    ),
    "LIMIT WITH TIES of a sorted column": (
        "select number % 2 as a from numbers(4) order by a limit 1 with ties",
        [(0,), (0,)],
    ),
    "WITH FILL": (
        "select number * 2 as n from numbers(2) order by n with fill from 0 to 4 step 1",
        [(0,), (1,), (2,), (3,)],
    ),
    "several arrays in one ARRAY JOIN": (
        "select a, b from (select 1 as one) array join [1, 2] as a, ['x', 'y'] as b",
        [(1, "x"), (2, "y")],
    ),
    "ARRAY JOIN leaves out a row without items, LEFT ARRAY JOIN does not": (
        ("select (select count() from (select [] as e) array join e as x), "
        "(select count() from (select [] as e) left array join e as x)"),
        [(0, 1)],
    ),
    "ARRAY JOIN of what an event has": (
        "select distinct text from events array join elements_chain_texts as text order by text",
        [("Box",), ("Buy now",)],
    ),
    "joins of every kind": (
        ("select (select count() from numbers(3) a join numbers(2) b on a.number = b.number), "
        "(select count() from numbers(3) a inner join numbers(2) b on a.number = b.number), "
        "(select count() from numbers(3) a left join numbers(2) b on a.number = b.number), "
        "(select count() from numbers(2) a right join numbers(3) b on a.number = b.number), "
        "(select count() from numbers(3) a full outer join numbers(4) b on a.number = b.number), "
        "(select count() from numbers(3) a cross join numbers(2) b), (select count() from numbers(3) a, numbers(2) b), "
        "(select count() from numbers(3) a left anti join numbers(2) b on a.number = b.number), "
        "(select count() from numbers(3) a left semi join numbers(2) b on a.number = b.number)"),
        [(2, 2, 3, 3, 4, 6, 6, 1, 2)],
    ),
    "RIGHT and FULL JOIN with what is joined behind an event": (
        ("select e.event, e.person.properties.email, n.number from events e right join numbers(3) n "
        "on n.number = toDayOfMonth(e.timestamp) order by n.number"),
        [("", None, 0), ("signup", "ann@new.example", 1), ("pay", "ann@new.example", 2)],
    ),
    "casts of every spelling": ("select '5'::int, cast('5' as int), CAST('5' AS Integer)", [(5, 5, 5)]),
    "tuples are compared and looked up": ("select (1, 'a') = (1, 'a'), (1, 'a') in ((1, 'a'), (2, 'b'))", [(1, 1)]),
    "a lambda of no column, and one that hides an alias": (
        "select 5 as x, arrayMap(x -> x + 1, [1]), arrayMap(y -> y + x, [1])",
        [(5, [2], [6])],
    ),
    "nested lambdas": (
        "select arrayMap(x -> arrayMap(y -> x * y, [1, 2]), [3, 4])",
        [([[3, 6], [4, 8]],)],
    ),
    "the table functions": (
        ("select (select sum(number) from numbers(3)), (select sum(range) from range(2, 5)), "
        "(select sum(generate_series) from generate_series(1, 3))"),
        [(3, 9, 6)],
    ),
    "ROLLUP": ("select event, count() as c from events group by rollup(event) order by c desc limit 1", [("", 6)]),
    "COLUMNS and EXCLUDE": (
        "select columns('^event$'), t.* exclude (b) from (select 1 as a, 2 as b, 'e' as event) as t",
        [("e", 1, "e")],
    ),
    "names in any case where PostHog allows it": (
        "select COUNT(), Max(number), Trunc(SIN(0)) from numbers(2)",
        [(2, 1, 0)],
    ),
    "comments": ("select /* one */ 1 -- two\n", [(1,)]),
    "PREWHERE": ("select count() from events prewhere event = 'pay'", [(2,)]),
    "posthog.events is events": ("select count() from posthog.events", [(6,)]),
    "strings": (
        r"select 'it''s', 'a\'b', 'tab\there', '\\d', '{x}', '`', '%'",
        [("it's", "a'b", "tab\there", "\\d", "{x}", "`", "%")],
    ),
}  # fmt: skip


@pytest.mark.parametrize(("query", "rows"), LANGUAGE.values(), ids=LANGUAGE.keys())
def test_a_query_gives_its_rows(world: World, query: str, rows: list[tuple]) -> None:
    assert world.ask(query) == rows


def test_sample_reads_a_part_of_the_table(world: World) -> None:
    assert world.ask("select count() <= 6 from events sample 1/2") == [(1,)]


def test_tags_are_data(world: World) -> None:
    assert world.ask("select sparkline([1, 2])") == [(("__hx_tag", "Sparkline", "data", [1, 2]),)]
    assert world.ask("select <a href='x'>y</a>") == [(("__hx_tag", "a", "href", "x", "children", ("y",)),)]


def test_a_tag_in_from_is_the_query_that_it_names(world: World) -> None:
    by_event = "select event, count() as c from events where {filters} group by event"
    query = f"select c from <HogQLQuery query={{'{by_event}'}} /> as q where q.event = 'pay'"
    assert world.ask(query) == [(2,)]


TAGS_REFUSED = [
    ("<TrendsQuery series='x' />", "is computed by PostHog's own insights"),
    ("<Nope />", "Unknown tag <Nope />."),
    ("<HogQLQuery query={1} />", "<HogQLQuery /> takes its query as text"),
    ("<HogQLQuery query='select' />", "The query of <HogQLQuery /> cannot be read"),
    ("<HogQLQuery query='select nope from events' />", "Unable to resolve field: nope"),
    ("<HogQLQuery query='select * from outer_one' />", "Unknown table `outer_one`."),
]


@pytest.mark.parametrize(("tag", "message"), TAGS_REFUSED)
def test_a_tag_in_from_that_is_no_query_is_refused_at_its_place(world: World, tag: str, message: str) -> None:
    query = f"with outer_one as (select 1) select * from {tag}"
    with pytest.raises(HogQLQueryError) as caught:
        world.ask(query)
    assert message in caught.value.message
    assert caught.value.span is not None
    assert query[caught.value.span.start : caught.value.span.end] == tag
