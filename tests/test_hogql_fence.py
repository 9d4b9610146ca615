"""The fence: no table, function or text of a query reaches ClickHouse but through the catalogue and the whitelist."""

from __future__ import annotations

import math
import resource
import sys
import time
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from posthog_nb.embedded.hogql import ProjectFacts, compile_query
from posthog_nb.embedded.hogql.function_table import FUNCTIONS
from posthog_nb.embedded.server.errors import at_fault
from posthog_nb.embedded.store.engine import in_memory
from posthog_nb.errors import EngineError, HogQLError, HogQLQueryError
from tests.hogql_world import World, create_world

FACTS = ProjectFacts(database="fence")


@pytest.fixture(scope="module")
def world() -> World:
    return create_world()


OUTSIDE = [
    "select * from file('/etc/passwd')",
    "select * from url('http://127.0.0.1')",
    "select * from s3('x')",
    "select * from remote('x')",
    "select * from mysql('x')",
    "select * from executable('x')",
    "select * from merge('x')",
    "select * from system.tables",
    "select * from `system.tables`",
    "select * from information_schema.tables",
    "select * from default.events",
    "select * from project_setting",
    "select * from person_distinct_id2",
    "select * from `fence`.events",
    "select * from posthog.system.tables",
    "select * from FILE('/etc/passwd')",
    "select file('/etc/passwd')",
    "select sleep(3)",
    "select hostName()",
    "select getSetting('readonly')",
    "select dictGet('a', 'b', 1)",
    "select currentUser()",
    "select generateUUIDv4()",
    "select sleep(1) over ()",
    "select file('x') over (partition by 1)",
    "select sleep(1)(2)",
    "select quantile(sleep(1))(1)",
    "select groupArray(file('x'))(1)",
    "select arrayReduce('file', [1])",
    "select arrayReduce(concat('su', 'm'), [1])",
    "select arrayReduce('sum(1)', [1])",
    "select accurateCast(1, 'Int8), sleep(1')",
    "select toDecimal('1', '2), sleep(1')",
    "select 1 from events sample (select 1)",
    "select * from numbers(sleep(1))",
    "select sum(1) over (rows between sleep(1) preceding and current row)",
    "with file as (select 1) select file('x')",
    "with file as (select 1) select * from file('x')",
    "with 1 as file select file('x')",
    "select 1 as sleep, sleep(1)",
    "select columns('(a+)+$') from events",
    "select 1 from events where matchesAction('x')",
    "select * from <TrendsQuery series='x' />",
    "select <script src='x' />",
    "select embedText('a', 'b')",
]


@pytest.mark.parametrize("query", OUTSIDE)
def test_what_is_outside_is_refused(query: str) -> None:
    with pytest.raises(HogQLError):
        compile_query(query, FACTS)


NAMES = [
    "a`; DROP TABLE x; --", "a\\", "a\\`b", "`", "a'b", 'a"b', "system.tables", "file", "event\n", "\x00", "__t0",
    "__t1", "é🦔", " ", "a b",
]  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_a_name_is_only_a_name(world: World, name: str) -> None:
    quoted = "`" + name.replace("\\", "\\\\").replace("`", "\\`") + "`"
    query = (
        f"with {quoted} as (select 1 as {quoted}) "
        f"select {quoted}, x.{quoted}, arrayMap({quoted} -> {quoted}, [2]) from {quoted} as x"
    )
    try:
        rows = world.ask(query)
    except HogQLError:
        # PostHog's parser does not take every name; what it takes must stay a name.
        return
    assert rows == [(1, 1, [2])]


def test_a_table_of_with_can_have_any_name(world: World) -> None:
    assert world.ask("with numbers as (select 5 as x) select x from numbers") == [(5,)]
    assert world.ask("with `system` as (select 5 as x) select x from `system`") == [(5,)]


texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=30) | st.sampled_from(
    ["'", "\\", "\\'", "' or 1 --", "{x}", "`", "%s", "\x00", "a\nb\t", "${x}", "🦔", "\\\\'; select 1"]
)
values = st.one_of(
    texts,
    st.integers(-(2**63), 2**64 - 1),
    st.floats(allow_nan=False, allow_infinity=False),
    st.booleans(),
    st.none(),
    st.uuids(),
    st.dates(date(1970, 1, 1), date(2100, 1, 1)),
    st.datetimes(datetime(1970, 1, 2), datetime(2100, 1, 1)).map(lambda moment: moment.replace(tzinfo=UTC)),  # noqa: DTZ001
    st.decimals(allow_nan=False, allow_infinity=False, places=5, min_value=-(10**20), max_value=10**20),
    st.lists(texts, min_size=1, max_size=4),
)


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(value=values)
def test_a_value_comes_back_as_it_is(world: World, value: object) -> None:
    (returned,) = world.ask("select {x}", x=value)[0]
    if isinstance(value, float):
        assert math.isclose(returned, value, rel_tol=1e-15)
    else:
        assert returned == value


@settings(max_examples=100, deadline=None)
@given(value=texts, other=texts)
def test_the_text_of_a_value_cannot_change_the_query(value: str, other: str) -> None:
    def shape(text: str) -> list[str]:
        compiled = compile_query("select event from events where event = {x}", FACTS, values={"x": text})
        literal = compiled.sql.partition("equals(`__t0`.`event`, ")[2].rpartition(") LIMIT")[0]
        assert literal.startswith("'")
        assert literal.endswith("'")
        return compiled.sql.replace(literal, "?").split()

    assert shape(value) == shape(other)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=texts)
def test_a_string_in_the_text_comes_back_as_it_is(world: World, text: str) -> None:
    quoted = text.replace("\\", "\\\\").replace("'", "''")
    try:
        rows = world.ask(f"select '{quoted}'")
    except HogQLError:
        return
    assert rows == [(text,)]


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ({"a": 1}, "dict"),
        (object(), "object"),
        (b"x", "bytes"),
        (2**64, "64 bits"),
        (float("nan"), "finite"),
        (Decimal("NaN"), "finite"),
        (datetime(2024, 1, 1), "time zone"),  # noqa: DTZ001 - the point of the case
        ("\ud800", "surrogate"),
        ((), "empty tuple"),
        ([[object()]], "object"),
    ],
)
def test_a_value_without_a_constant_is_refused_by_name(value: object, words: str) -> None:
    with pytest.raises(HogQLQueryError, match=words) as caught:
        compile_query("select {param}", FACTS, values={"param": value})
    assert "{param}" in str(caught.value)
    assert caught.value.span is not None


def test_values_keep_their_types(world: World) -> None:
    moment = datetime(2024, 1, 2, 3, 4, 5, 678, tzinfo=timezone(timedelta(hours=5)))
    query = "select toTypeName({a}), toTypeName({b}), toTypeName({c}), toTypeName({d}), {a} = {a}, 2 in {e}, {f}"
    row = world.ask(query, a=moment, b=UUID(int=5), c=Decimal("1.50"), d=date(2024, 1, 1), e=[1, 2], f=(1, "x"))[0]
    assert row == (
        "DateTime64(6, 'Europe/Berlin')", "Nullable(UUID)", "Decimal(76, 2)", "Date", 1, 1, (1, "x"),
    )  # fmt: skip


def test_every_function_of_the_whitelist_is_one_that_clickhouse_has(world: World) -> None:
    rows = world.client.query("select name, is_aggregate from system.functions").result_rows
    scalars = {name for name, is_aggregate in rows if not is_aggregate}
    aggregates = {name for name, is_aggregate in rows if is_aggregate}
    combinators = [
        row[0] for row in world.client.query("select name from system.aggregate_function_combinators").result_rows
    ]

    def known(target: str) -> bool:
        if target in scalars or target in aggregates:
            return True
        return any(target.endswith(suffix) and known(target.removesuffix(suffix)) for suffix in combinators)

    parser_level = {"untuple"}
    missing = {
        name: function.target
        for name, function in FUNCTIONS.items()
        if function.target and not function.refusal and not known(function.target)
    }
    assert {name for name in missing if name not in parser_level} == set()


MIB = 1024**2

# On a busy machine the two seconds may be over first.
_TOO_LARGE = {"TOO_MANY_ROWS_OR_BYTES", "TIMEOUT_EXCEEDED"}
_TOO_MUCH = {"MEMORY_LIMIT_EXCEEDED", "TIMEOUT_EXCEEDED", "TOO_MANY_ROWS_OR_BYTES"}
HEAVY = [
    # query, why it ends
    ("select sum(cityHash64(number)) from numbers(1000000000000000000)", {"TIMEOUT_EXCEEDED"}),
    ("select count() from numbers(1000000000) a cross join numbers(1000000000) b", {"TIMEOUT_EXCEEDED"}),
    ("select groupArray(repeat(toString(number), 50)) from numbers(1000000000)", _TOO_MUCH),
    ("select range(1000000000)", {"ARGUMENT_OUT_OF_BOUND"}),
    ("select repeat('x', 10000000000)", {"TOO_LARGE_STRING_SIZE"}),
    ("select arrayWithConstant(1000000000, 'x')", {"TOO_LARGE_ARRAY_SIZE"}),
    ("select length(arrayMap(x -> range(1000000), range(1000000)))", {"MEMORY_LIMIT_EXCEEDED"}),
    ("select multiMatchAny('aaa', ['(a{1,1000}){1,1000}'])", {"HYPERSCAN_CANNOT_SCAN_TEXT"}),
    # Answers that are too large: rows that differ, one value for all rows, small numbers that are large in Python.
    ("select repeat(toString(number), 2000) from numbers(50000) limit 50000", _TOO_LARGE),
    ("select repeat('x', 10000) from numbers(50000) limit 50000", _TOO_LARGE),
    ("select repeat('x', 1000000) from numbers(50000) limit 50000", _TOO_MUCH),
    ("select arrayMap(x -> 1, range(30000000))", _TOO_LARGE),
]  # fmt: skip


@pytest.mark.parametrize(("query", "names"), HEAVY)
def test_no_query_takes_for_ever_or_all_memory(query: str, names: set[str]) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    start = time.monotonic()
    with pytest.raises(EngineError) as caught:
        in_memory().run(compile_query(query, FACTS).sql, query_id="heavy", max_execution_time=2)
    assert caught.value.name in names
    assert time.monotonic() - start < 30
    # Linux counts in KiB, macOS in bytes.
    unit = 1 if sys.platform == "darwin" else 1024
    assert (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * unit < 6000 * MIB


def test_what_a_large_answer_may_be_is_told() -> None:
    with pytest.raises(EngineError, match=r"larger than 256 MiB.*Select fewer columns or rows"):
        in_memory().run(
            "SELECT repeat(toString(number), 2000) FROM numbers(500000)", query_id="q", max_execution_time=9
        )
    # The next query on the same engine is answered as if nothing had been.
    assert in_memory().run("SELECT 7 AS n", query_id="q", max_execution_time=60).rows == [(7,)]


@pytest.mark.parametrize(
    ("query", "name", "words"),
    [
        ("select match('a', '(\\0')", "CANNOT_COMPILE_REGEXP", "cannot compile"),
        ("select sumState(1)", "UNKNOWN_TYPE", "values that cannot be sent: AggregateFunction(sum, UInt8)"),
        ("select event from (select event from events) prewhere 1", "ILLEGAL_PREWHERE", "use WHERE"),
        ("select uniq(person.properties.email) from events group by 1", "ILLEGAL_AGGREGATION", "ggregate function"),
        ("select event, count() from events", "NOT_AN_AGGREGATE", "GROUP BY"),
        ("select 1 from numbers(2) array join tuple(1) as a", "TYPE_MISMATCH", "ARRAY JOIN"),
        ("select 1 from numbers(2) a join events e on a.number = e.event", "NO_COMMON_TYPE", "types"),
        ("select event from events where toDateTime(1)", "ILLEGAL_TYPE_OF_COLUMN_FOR_FILTER", "DateTime"),
    ],
)
def test_what_clickhouse_refuses_is_said_without_its_own_sql(world: World, query: str, name: str, words: str) -> None:
    with pytest.raises(EngineError) as caught:
        in_memory().run(compile_query(query, world.facts).sql, query_id="q", max_execution_time=60)
    assert caught.value.name == name
    assert at_fault(caught.value) is not None
    assert words in caught.value.message
    for inside in ("__t", "SELECT", "_CAST", "In scope", "In query", world.facts.database):
        assert inside not in caught.value.message
