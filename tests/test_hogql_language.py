"""What HogQL says: queries, and the rows they give on real ClickHouse."""

from __future__ import annotations

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
    "ARRAY JOIN": (
        "select event, a from events array join [1, 2] as a order by uuid, a limit 3",
        [("signup", 1), ("signup", 2), ("pay", 1)],
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
    "windowFunnel": (
        ("select windowFunnel(864000)(toDateTime(timestamp), event = 'signup', event = 'pay') as level from events "
        "group by distinct_id order by level desc limit 1"),
        [(2,)],
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
    "names in any case where PostHog allows it": ("select COUNT(), Max(number) from numbers(2)", [(2, 1)]),
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
