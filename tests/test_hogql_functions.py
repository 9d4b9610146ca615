"""Functions: what PostHog makes of each that means something of its own, by what it gives."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from uuid import UUID

import pytest
from clickhouse_connect.driver.exceptions import DatabaseError

from tests.hogql_world import ANN, World, create_world

INFINITY = float("inf")


@pytest.fixture(scope="module")
def world() -> World:
    return create_world()


CONVERSIONS = [
    # What is no such value is NULL.
    ("toInt('12')", 12), ("toInt('-5')", -5), ("toInt('x')", None), ("toInt('')", None), ("toInt(' 12')", None),
    ("toInt('12.5')", None), ("toInt(12.5)", None), ("toInt(12.0)", 12), ("toInt('true')", None), ("toInt(null)", None),
    ("toFloat('1e3')", 1000.0), ("toFloat('x')", None), ("toFloat('')", None), ("toFloat(1)", 1.0),
    ("toFloat(null)", None), ("toInt8('300')", None), ("toInt8('5')", 5), ("toUInt8(-1)", None),
    ("toUInt64('18446744073709551615')", 18446744073709551615), ("toInt128('5')", 5), ("toFloat32('1.5')", 1.5),
    ("toFloat64('x')", None), ("toIntOrZero('x')", 0), ("toIntOrZero('5')", 5), ("toIntOrNull('x')", None),
    ("toFloatOrZero('x')", 0.0), ("toFloatOrNull('x')", None), ("toFloatOrDefault('x', 2)", 2.0),
    ("toFloatOrDefault('x', 2.5)", 2.5), ("toFloatOrDefault('3', 2)", 3.0), ("toInt64OrNull('x')", None),
    ("toInt64OrNull('x') = 5", 0), ("toInt64OrNull('x') != 5", 1), ("toInt64OrZero('x')", 0),
    ("toFloat64OrNull('1.5')", 1.5), ("toFloat64OrZero('x')", 0.0),
    ("toString(toDecimal('1.567', 2))", "1.56"), ("toDecimal('x', 2)", None), ("toDecimal(1, 0)", Decimal(1)),
    ("toUUID('00000000-0000-0000-0000-00000000000a')", ANN), ("toUUID('x')", None),
    ("toString(1)", "1"), ("toString(1.5)", "1.5"),
    ("toString(null)", None), ("toString(toDate('2024-01-02'))", "2024-01-02"), ("toString([1, 2])", "[1,2]"),
    ("toNullableString(1)", "1"), ("toNullableString(null)", None), ("toBool('true')", True), ("toBool('no')", False),
    ("toBool(1)", True), ("toBool('rubbish')", None), ("toBool('true') = 'true'", 1),
    ("accurateCastOrNull('12', 'Int64')", 12), ("accurateCastOrNull('x', 'Int64')", None),
    ("accurateCastOrNull('12.5', 'Int64')", None), ("accurateCastOrNull(12.5, 'Int64')", None),
    ("accurateCastOrNull('1e3', 'Float64')", 1000.0), ("accurateCastOrNull('true', 'Int64')", None),
    ("accurateCastOrNull(null, 'Int64')", None), ("accurateCast('5', 'Int64')", 5),
    # Bare ones
    ("_toInt64('5')", 5), ("_toInt64(5.7)", 5), ("_toUInt64('5')", 5), ("_toUInt128('5')", 5), ("_toInt8('5')", 5),
    ("_toDate('2024-01-02')", date(2024, 1, 2)),
    # Casts
    ("'5'::int", 5), ("'5'::integer", 5), ("'5'::bigint", 5), ("12.7::int", 12), ("cast('5' as int)", 5),
    ("'1.5'::float", 1.5), ("'1.5'::double", 1.5), ("'1.5'::real", 1.5), ("3::text", "3"), ("3::varchar", "3"),
    ("3::char", "3"), ("3::string", "3"), ("'true'::bool", True), ("'false'::boolean", False), ("null::int", None),
    ("'2024-01-02'::date", date(2024, 1, 2)), ("toString('2024-01-02 03:04:05'::datetime)", "2024-01-02 03:04:05"),
    ("toString('2024-01-02 03:04:05'::timestamp)", "2024-01-02 03:04:05"),
]  # fmt: skip

TEXT = [
    ("concat('a', null, nullIf('b', 'b'), 1)", "a1"), ("concat(null, null)", ""), ("concat('a', 1, 2.5)", "a12.5"),
    ("concat([1], toDate('2024-01-02'))", "[1]2024-01-02"), ("'a' || null || 'b'", "ab"), ("f'{1 + 1}{null}x'", "2x"),
    ("concat(toString(null), 'x')", "x"), ("concat(nullIf('a', 'a')) = ''", 1), ("'a' || 1", "a1"),
    ("left('äbc', 2)", "äb"), ("right('äbc', 2)", "bc"), ("left('abc', 9)", "abc"), ("left(null, 2)", None),
    ("trim('  a ')", "a"), ("trim(both 'x' from 'xax')", "a"), ("trim(leading 'x' from 'xax')", "ax"),
    ("trim(trailing 'x' from 'xax')", "xa"), ("trim('xax', 'x')", "a"), ("btrim(' a ')", "a"),
    ("btrim('xax', 'x')", "a"), ("ltrim('xa', 'x')", "a"), ("trimLeft(' a')", "a"), ("rtrim('ax', 'x')", "a"),
    ("trimRight('a ')", "a"), ("split_part('a-b', '-', 2)", "b"), ("split_part('a', '-', 3)", ""),
    ("split_part('a--b', '--', 2)", "b"), ("substring('abc', 2)", "bc"), ("substring('abc', 2, 1)", "b"),
    ("substring('abc', -2)", "bc"), ("substringUTF8('äbc', 2)", "bc"), ("md5('a')", "0CC175B9C0F1B6A831C399E269772661"),
    ("md5(null)", None), ("replace('aXbX', 'X', '-')", "a-b-"), ("replaceAll('aa', 'a', 'b')", "bb"),
    ("replaceOne('aa', 'a', 'b')", "ba"), ("replaceRegexpAll('a1b2', '[0-9]', '#')", "a#b#"), ("'abc' =~ '^a'", 1),
    ("'Abc' =~ '^a'", 0), ("'Abc' =~* '^a'", 1), ("'Abc' !~ '^a'", 1), ("'Abc' !~* '^a'", 0), ("'abc' like 'a%'", 1),
    ("'Abc' like 'a%'", 0), ("'Abc' ilike 'a%'", 1), ("'abc' not like '%b%'", 0), ("lower('ABC')", "abc"),
    ("upper('abc')", "ABC"), ("length('ä')", 2), ("lengthUTF8('ä')", 1), ("position('abc', 'c')", 3),
    ("positionCaseInsensitive('abc', 'C')", 3), ("splitByChar(',', 'a,b')", ["a", "b"]),
    ("splitByString('--', 'a--b')", ["a", "b"]), ("extract('a12', '[0-9]+')", "12"),
    ("extractAll('a1b2', '[0-9]')", ["1", "2"]), ("startsWith('abc', 'a')", 1), ("match('abc', 'b.')", 1),
    ("initcap('a b')", "A B"), ("repeat('ab', 2)", "abab"), ("lpad('a', 3, '-')", "--a"), ("reverse('abc')", "cba"),
    ("isEmpty('')", 1), ("isNotEmpty('')", 0), ("empty('')", 1), ("domain('https://a.example/b?c=1')", "a.example"),
    ("path('https://a.example/b?c=1')", "/b"), ("extractURLParameter('https://a.example/?c=1', 'c')", "1"),
    ("toJSONString([1, 2])", "[1,2]"), ("JSONArrayLength('[1]')", 1), ("JSONArrayLength('x')", None),
    ("isIPAddressInRange('10.1.2.3', '10.0.0.0/8')", 1),
    ("isIPAddressInRange('11.1.2.3', '10.0.0.0/8')", 0), ("isIPAddressInRange('nonsense', '10.0.0.0/8')", 0),
    ("isIPAddressInRange('', '10.0.0.0/8')", 0), ("isIPAddressInRange('::1', '::/16')", 1),
    ("toFloatOrDefault('x')", 0.0), ("toWeek(toDate('2024-01-07'), 1, 'UTC')", 1),
    ("toDayOfWeek(toDate('2024-01-07'), 1)", 6), ("isEmpty([])", 1), ("isNotEmpty([1])", 1),
    ("bar(5, 0, 10, 2)", "█"), ("port('http://a.example/', 8080)", 8080), ("JSONType('{\"a\": 1}', 'a')", "Int64"),
    ("toString(toStartOfDay(toDateTime('2024-01-01 20:00:00', 'UTC'), 'Asia/Tokyo'))", "2024-01-02 00:00:00"),
    ("sortableSemVer('1.10.2')", [1, 10, 2]),
]  # fmt: skip

NUMBERS = [
    ("1 / 0", INFINITY), ("-1 / 0", -INFINITY), ("10 / 4", 2.5), ("4 / 2", 2.0), ("-7 % 3", -1), ("7 % -3", 1),
    ("-(-3)", 3), ("0x1F", 31), ("1e3", 1000.0), ("toDecimal('1', 2) / toDecimal('3', 2)", Decimal("0.33")),
    ("log(e())", 1.0), ("ln(e())", 1.0), ("log2(8)", 3.0), ("log10(100)", 2.0), ("round(2.5)", 2.0),
    ("round(3.14159, 2)", 3.14), ("floor(-1.5)", -2.0), ("ceil(1.2)", 2.0), ("abs(-1)", 1), ("sign(-2)", -1),
    ("intDiv(7, 2)", 3), ("pow(2, 3)", 8.0), ("least(1, 2)", 1), ("greatest(1, 2)", 2), ("least(1, null)", 1),
    ("greatest(null, 2)", 2), ("plus(1, 2)", 3), ("modulo(7, 3)", 1), ("inf", INFINITY),
    ("toDate('2024-01-31') + interval 1 day = toDate('2024-02-01')", 1),
]  # fmt: skip

CHOICES = [
    ("if(1, 'a', 'b')", "a"), ("if(null, 'a', 'b')", "b"), ("1 ? 'a' : 'b'", "a"),
    ("multiIf(0, 'a', 1, 'b', 'c')", "b"), ("multiIf(null, 'a', 'c')", "c"),
    ("case when 0 then 1 when 1 then 2 else 3 end", 2), ("case when 0 then 1 end", None),
    ("case 2 when 1 then 'a' when 2 then 'b' else 'c' end", "b"), ("case 9 when 1 then 'a' end", None),
    ("case nullIf(1, 1) when 1 then 'a' else 'b' end", "b"), ("coalesce(null, 2)", 2), ("coalesce(null, null)", None),
    ("null ?? 2", 2), ("ifNull(null, 2)", 2), ("ifnull(null, 2)", 2), ("IFNULL(1, 2)", 1), ("nullIf(1, 1)", None),
    ("nullif(1, 2)", 1), ("isNull(null)", 1), ("isnull(1)", 0), ("isNotNull(null)", 0),
    ("assumeNotNull(toNullable(1))", 1), ("1 and null", None), ("0 and null", 0), ("1 or null", 1), ("not null", None),
    ("xor(1, 1)", 0), ("and(1, 1, 0)", 0), ("or(0, 0, 1)", 1), ("not 0", 1), ("true", 1), ("false", 0), ("null", None),
    ("transform(2, [1, 2], ['a', 'b'], 'c')", "b"), ("transform(9, [1, 2], ['a', 'b'], 'c')", "c"),
]  # fmt: skip

ARRAYS = [
    ("[1, 2, 3][2]", 2), ("[1, 2, 3][-1]", 3), ("[1, 2, 3][9]", 0), ("['a'][9]", ""), ("[1, 2][1 - 1]", 0),
    ("[1, 2, 3][1:2]", [1, 2]), ("[1, 2, 3][2:3]", [2, 3]), ("[1, 2, 3][2:]", [2, 3]), ("[1, 2, 3][:2]", [1, 2]),
    ("[1, null][2]", None), ("[1, null][2] = 1", 0), ("(1, 'a').2", "a"), ("tuple(1, 'a').1", 1),
    ("(1, 'a')", (1, "a")), ("tupleElement((1, 'a'), 2)", "a"), ("{'a': 1}", ("__hx_tag", "__hx_obj", "a", 1)),
    ("arraySort([3, 1, 2])", [1, 2, 3]), ("arrayReverseSort([3, 1, 2])", [1, 2, 3]),
    ("arraySort(x -> -x, [1, 2])", [2, 1]), ("arrayReverse([1, 2])", [2, 1]), ("arrayMap(x -> x * 2, [1, 2])", [2, 4]),
    ("arrayFilter((x, i) -> i = 2, ['a', 'b'], [1, 2])", ["b"]), ("arrayExists(x -> x = 2, [1, 2])", 1),
    ("arrayCount(x -> x > 1, [1, 2])", 1), ("arrayFirst(x -> x > 1, [1, 2])", 2),
    ("arrayFold((sum, x) -> sum + x, [1, 2], _toInt64(0))", 3), ("arrayConcat([1], [2])", [1, 2]),
    ("range(3)", [0, 1, 2]), ("has([1, 2], 2)", 1), ("indexOf([1, 2], 2)", 2), ("length([1, 2])", 2),
    ("arrayStringConcat(['a', 'b'], '-')", "a-b"), ("arrayDistinct([1, 1, 2])", [1, 2]), ("arraySum([1, 2])", 3),
    ("arrayAvg([1, 2])", 1.5), ("arrayZip([1], ['a'])", [(1, "a")]), ("arrayReduce('sum', [1, 2])", 3),
    ("arrayReduce('count', [1, 2])", 2), ("arrayReduce('max', [1, 2])", 2), ("arrayReduce('avg', [1, 2])", 1.5),
    ("arrayReduce('uniq', [1, 1])", 1), ("map('a', 1)['a']", 1), ("mapKeys(map('a', 1))", ["a"]), ("2 in [1, 2]", 1),
    ("(1, 2) in ((1, 2), (3, 4))", 1),
]  # fmt: skip


@pytest.mark.parametrize(("expression", "value"), [*CONVERSIONS, *TEXT, *NUMBERS, *CHOICES, *ARRAYS])
def test_a_function_means_what_it_means_in_posthog(world: World, expression: str, value: object) -> None:
    found = world.value(expression)
    assert found == value
    assert isinstance(found, bool) == isinstance(value, bool)


RAISED = [
    ("'x'::int", "Cannot parse string 'x' as Int64"),
    ("'1.5'::int", "Cannot parse string '1.5' as Int64"),
    ("countIf(1) filter (where 1)", "combinator 'If'"),
    ("sum('a')", "Illegal type String"),
]


@pytest.mark.parametrize(("expression", "words"), RAISED)
def test_what_clickhouse_refuses_it_refuses(world: World, expression: str, words: str) -> None:
    with pytest.raises(DatabaseError, match=words):
        world.value(expression)


IN_ANY_CASE = [
    ("COUNT()", 1), ("Max(1)", 1), ("MIN(2)", 2), ("SUM(3)", 3), ("AVG(4)", 4.0), ("IF(1, 2, 3)", 2),
    ("CONCAT('a', 'b')", "ab"), ("COALESCE(null, 1)", 1), ("LOWER('A')", "a"), ("Upper('a')", "A"),
    ("REPLACE('a', 'a', 'b')", "b"), ("SUBSTRING('abc', 2)", "bc"), ("POSITION('abc', 'c')", 3),
    ("EXTRACT('a1', '[0-9]')", "1"), ("LENGTH('a')", 1), ("REVERSE('ab')", "ba"), ("ROUND(1.2)", 1.0),
    ("FLOOR(1.2)", 1.0), ("CEIL(1.2)", 2.0), ("ABS(-1)", 1), ("NOW() > toDate('2024-01-01')", 1), ("LEAST(1, 2)", 1),
    ("Greatest(1, 2)", 2), ("TRIM(' a ')", "a"), ("ISNULL(1)", 0), ("IFNULL(null, 1)", 1), ("NULLIF(1, 1)", None),
    ("NOT(1)", 0),
]  # fmt: skip


@pytest.mark.parametrize(("expression", "value"), IN_ANY_CASE)
def test_some_names_may_be_written_in_any_case(world: World, expression: str, value: object) -> None:
    assert world.value(expression) == value


# Over 0, 1 and 2 as `number`, and 'a', NULL and 'c' as `text`
AGGREGATES = [
    ("count()", 3), ("count(*)", 3), ("count(number)", 3), ("count(text)", 2), ("count(distinct number % 2)", 2),
    ("count(distinct text)", 2), ("countDistinct(text)", 2), ("countDistinctIf(number, number > 0)", 2),
    ("uniq(number)", 3), ("uniqIf(number, number > 1)", 1), ("uniqExact(number % 2)", 2), ("countIf(number > 0)", 2),
    ("sum(number)", 3), ("sumIf(number, number > 1)", 2), ("avg(number)", 1.0), ("avgIf(number, number > 0)", 1.5),
    ("min(number)", 0), ("max(text)", "c"), ("minIf(number, number > 0)", 1), ("maxIf(number, number < 2)", 1),
    ("median(number)", 1.0), ("medianIf(number, number < 2)", 0.5), ("any(number)", 0), ("anyLast(number)", 2),
    ("anyIf(number, number = 2)", 2), ("argMin(number, -number)", 2), ("argMax(text, number)", "c"),
    ("argMaxIf(number, number, number < 2)", 1), ("array_agg(number)", [0, 1, 2]), ("array_agg(text)", ["a", "c"]),
    ("groupArray(number)", [0, 1, 2]), ("groupArray(2)(number)", [0, 1]), ("groupArrayIf(number, number > 0)", [1, 2]),
    ("groupUniqArray(1)", [1]), ("json_agg(number)", "[0,1,2]"), ("json_agg(text)", '["a","c"]'),
    ("string_agg(text, ', ')", "a, c"), ("string_agg(number, '-')", "0-1-2"), ("every(number < 3)", True),
    ("every(number < 2)", False), ("topK(1)(number % 2)", [0]), ("quantile(0.5)(number)", 1.0),
    ("quantiles(0, 0.5, 1)(number)", [0.0, 1.0, 2.0]), ("quantileIf(0.5)(number, number < 2)", 0.5),
    ("sumMap(map('a', number))", {"a": 3}), ("varSamp(number)", 1.0), ("stddevSamp(number)", 1.0),
    ("corr(number, number)", 1.0), ("avgArray([1, 2])", 1.5), ("medianArray([1, 3])", 2.0), ("sumArray([1, 2])", 9),
    ("countArray([1, 2])", 6), ("sumForEach([number, 1])", [3, 3]), ("sumArgMin(number, number)", 0),
    ("avgOrNull(number)", 1.0), ("sumOrDefault(number)", 3), ("uniqUpTo(1)(number)", 2),
    ("sum(number) filter (where number > 1)", 2), ("count() filter (where number = 0)", 1),
    ("string_agg(text, '+') filter (where number > 0)", "c"), ("json_agg(distinct number % 2)", "[0,1]"),
    ("arraySort(groupArray(distinct number % 2))", [0, 1]), ("round(sum(number) / count(), 2)", 1.0),
    ("max(number) + 1", 3), ("windowFunnel(10)(toDateTime(number), number = 0, number = 2)", 2),
    ("windowFunnel(1)(toDateTime(number), number = 0, number = 2)", 1),
]  # fmt: skip


@pytest.mark.parametrize(("expression", "value"), AGGREGATES)
def test_an_aggregate_means_what_it_means_in_posthog(world: World, expression: str, value: object) -> None:
    source = "(select number, ['a', null, 'c'][number + 1] as text from numbers(3) order by number)"
    assert world.ask(f"select {expression} from {source}") == [(value,)]


OF_NOTHING = [
    ("count()", 0), ("sum(number)", 0), ("min(number)", 0), ("uniq(number)", 0), ("groupArray(number)", []),
    ("sumOrNull(number)", None), ("avgOrNull(number)", None), ("json_agg(number)", "[]"),
    ("string_agg(number, ',')", ""), ("avgArray([number])", None), ("medianArray([number])", None),
    ("isNaN(avg(number))", 1), ("sumIf(number, 0)", 0),
]  # fmt: skip


@pytest.mark.parametrize(("expression", "value"), OF_NOTHING)
def test_an_aggregate_of_nothing(world: World, expression: str, value: object) -> None:
    assert world.ask(f"select {expression} from numbers(0)") == [(value,)]


STATES = [
    ("sumMerge(s)", "sumState(number) as s", 6),
    ("avgMerge(s)", "avgState(number) as s", 1.5),
    ("uniqMerge(s)", "uniqState(number) as s", 4),
    ("countMerge(s)", "countState() as s", 4),
    ("quantileMerge(0.5)(s)", "quantileState(0.5)(number) as s", 1.5),
    ("argMaxMerge(s)", "argMaxState(number, -number) as s", 0),
]


@pytest.mark.parametrize(("merge", "state", "value"), STATES)
def test_states_are_merged(world: World, merge: str, state: str, value: object) -> None:
    query = f"select {merge} from (select {state} from numbers(4) group by number % 2)"
    assert world.ask(query) == [(value,)]


WINDOWS = [
    # function OVER, its values for 0, 1 and 2
    ("lag(number) over (order by number)", [None, 0, 1]),
    ("lead(number) over (order by number)", [1, 2, None]),
    ("lag(number) over (order by number desc)", [1, 2, None]),
    ("lag(number, 2) over (order by number)", [None, None, 0]),
    ("lag(number, 1, 9) over (order by number)", [9, 0, 1]),
    ("lead(number, 1, 9) over (order by number)", [1, 2, 9]),
    # Without an order the value itself orders.
    ("lag(number) over ()", [None, 0, 1]),
    ("lag(number) over (partition by number % 2)", [None, None, 0]),
    ("lagInFrame(number) over (order by number)", [0, 0, 1]),
    ("leadInFrame(number) over (order by number rows between unbounded preceding and unbounded following)", [1, 2, 0]),
    ("lag(number) over (order by number) = 0", [0, 1, 0]),
    ("row_number() over (order by number desc)", [3, 2, 1]),
    ("rank() over (order by number % 2)", [1, 3, 1]),
    ("dense_rank() over (order by number % 2)", [1, 2, 1]),
    ("first_value(number) over (order by number)", [0, 0, 0]),
    ("last_value(number) over (order by number)", [0, 1, 2]),
    ("nth_value(number, 2) over (order by number rows between unbounded preceding and unbounded following)", [1, 1, 1]),
    ("sum(number) over ()", [3, 3, 3]),
    ("sum(number) over (order by number)", [0, 1, 3]),
    ("sum(number) over (partition by number % 2)", [2, 1, 2]),
    ("sum(number) over (order by number rows between 1 preceding and current row)", [0, 1, 3]),
    ("sum(number) over (order by number rows between current row and unbounded following)", [3, 3, 2]),
    ("sum(number) over (order by number range between 1 preceding and 1 following)", [1, 3, 3]),
    ("count() over w", [1, 2, 3]),
    ("percent_rank() over (order by number)", [0.0, 0.5, 1.0]),
    ("ntile(3) over (order by number)", [1, 2, 3]),
]


@pytest.mark.parametrize(("expression", "values"), WINDOWS)
def test_a_window_function(world: World, expression: str, values: list[object]) -> None:
    query = f"select {expression} from numbers(3) window w as (order by number) order by number"
    assert world.ask(query) == [(value,) for value in values]


def test_distinct_and_filter_hold_for_aggregates_of_posthogs_own(world: World) -> None:
    query = (
        "select arraySort(splitByChar(',', string_agg(distinct event, ','))), json_agg(distinct event) filter (where "
        "event = 'pay'), string_agg(event, '+') filter (where event = 'pay') from events"
    )
    assert world.ask(query) == [(["pay", "signup", "view"], '["pay"]', "pay+pay")]


def test_array_join_gives_a_row_for_each(world: World) -> None:
    assert world.ask("select arrayJoin([1, 2]) as x, x + 1") == [(1, 2), (2, 3)]


def test_a_uuid_of_text(world: World) -> None:
    assert world.value("toUUIDOrDefault('x', uuid)", 1) == UUID(int=1)
