"""What the fuzz writes HogQL with: columns, constants, templates with open places, and mistakes."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from uuid import UUID

VALUES: dict[str, object] = {
    "text": "it's \\ `x` \0 %s {y} 🦔 -- /*",
    "number": -5,
    "real": 0.1,
    "truth": True,
    "nothing": None,
    "moment": datetime(2024, 1, 2, 3, 4, 5, 678901, tzinfo=UTC),
    "day": date(2024, 1, 2),
    "id": UUID(int=5),
    "money": Decimal("12.50"),
    "names": ["a", "b\\", "'"],
    "pair": (1, "x"),
}
VARIABLES: dict[str, object] = {"plan": "pro", "days": 7}

NUMBER, TEXT, FLAG, TIME, LIST = KINDS = ("number", "text", "flag", "time", "list")

COLUMNS: dict[str, dict[str, tuple[str, ...]]] = {
    "events": {
        NUMBER: (
            "properties.amount", "session.$session_duration", "length(event)", "person.properties.age",
            "organization.properties.seats", "goe_0.properties.seats", "toFloat(properties.n)",
        ),
        TEXT: (
            "event", "distinct_id", "properties.plan", "properties.$browser", "person.properties.email",
            "properties.`odd key`", "properties['a\\'b']", "properties.deep.a", "properties.deep.a[2]['b']",
            "poe.properties.email", "pdi.person.properties.email", "session.$channel_type", "group_0.properties.name",
            "$session_id", "elements_chain", "properties", "toString(person_id)", 'properties."x\ny"',
        ),
        FLAG: ("properties.paid", "event = 'pay'", "person_id = person.id"),
        TIME: ("timestamp", "created_at", "properties.due", "person.created_at", "session.$start_timestamp"),
        LIST: ("elements_chain_texts", "session.$urls", "[event]"),
    },
    "persons": {
        NUMBER: ("properties.age",), TEXT: ("properties.email", "toString(id)", "pdi.distinct_id"),
        FLAG: ("is_identified",), TIME: ("created_at",), LIST: ("[properties.email]",),
    },
    "person_distinct_ids": {TEXT: ("distinct_id", "person.properties.email")},
    "person_distinct_id_overrides": {TEXT: ("distinct_id", "toString(person_id)")},
    "groups": {NUMBER: ("index", "properties.seats"), TEXT: ("key", "properties.name"), TIME: ("updated_at",)},
    "sessions": {
        NUMBER: ("$session_duration", "$pageview_count"), TEXT: ("session_id", "$entry_current_url", "$channel_type"),
        FLAG: ("$is_bounce",), TIME: ("$start_timestamp",), LIST: ("$urls",),
    },
    "posthog.events": {TEXT: ("event",), TIME: ("timestamp",)},
    "raw_persons": {NUMBER: ("version",), TEXT: ("properties.email",), FLAG: ("is_deleted",)},
    "raw_groups": {NUMBER: ("index",), TEXT: ("key",)},
    "numbers(3)": {NUMBER: ("number",)},
    "numbers(1, 4)": {NUMBER: ("number",)},
    "range(2)": {NUMBER: ("range",)},
    "generate_series(1, 5, 2)": {NUMBER: ("generate_series",)},
}  # fmt: skip

CONSTANTS = {
    NUMBER: ("1", "0", "2", "-3", "1.5", "1e3", "0x1F", "18446744073709551615", "inf", "nan", "{number}", "{real}",
             "{money}", "{variables.days}", "1e400", "99999999999999999999999999"),
    TEXT: ("'pay'", "''", "'it''s \\\\ `x` \\n'", "'2024-01-02'", "'%'", "'🦔'", "f'x{1 + 1}y'", "{text}",
           "{variables.plan}", "'\\0'", "'Europe/Berlin'", "'day'", "'{}'", "'(a|b)+$'", "'a' || 1"),
    FLAG: ("true", "false", "1 = 1", "{truth}", "null", "{nothing}"),
    TIME: ("now()", "today()", "toDateTime('2024-01-05 10:00:00')", "toDate('2024-01-05')", "{moment}", "{day}",
           "now() - interval 1 day", "toStartOfWeek(now())"),
    LIST: ("[1, 2]", "['a', 'b']", "[]", "{names}", "range(3)", "splitByChar(',', 'a,b')", "array(1, null)"),
}  # fmt: skip
TEMPLATES = {
    # `?` is an argument of any kind; the others are named by the first letter of their kind.
    NUMBER: ("N + N", "N * N", "N - N", "N / N", "N % N", "toInt(T)", "toFloat(T)", "length(T)", "abs(N)",
             "round(N, 1)",
             "if(F, N, N)", "ifNull(N, N)", "dateDiff('day', D, D)", "toYear(D)", "indexOf(L, T)", "L[1]", "-N",
             "case when F then N else N end", "case T when T then N end", "N::int", "least(N, N)",
             "toUnixTimestamp(D)",
             "arrayReduce('sum', L)", "(N, T).1", "JSONExtractInt(T, T)", "cityHash64(?, ?)", "(N)", "T::float"),
    TEXT: ("concat(T, ?)", "T || ?", "lower(T)", "substring(T, N, N)", "toString(?)", "replaceAll(T, T, T)",
           "coalesce(T, T)",
           "if(F, T, T)", "multiIf(F, T, F, T, T)", "formatDateTime(D, '%Y-%m')", "f'a{?}b{T}'", "extract(T, T)",
           "toTypeName(?)", "splitByChar(',', T)[1]", "JSONExtractString(T, T)", "trim(T)", "(N, T).2", "T ?? T",
           "F ? T : T", "toTimeZone(D, 'Asia/Tokyo')::string", "hex(T)", "cast(? as text)", "format('{} {}', T, ?)"),
    FLAG: ("T = T", "N > N", "T != T", "F and F", "F or F", "not F", "T like T", "T ilike T", "T in ('a', T)",
           "N in (1, 2, N)",
           "T not in T", "? is null", "? is not null", "N between N and N", "D not between D and D", "D > D",
           "T =~ T",
           "T !~* T", "has(L, ?)", "arrayExists(x -> x = ?, L)", "? is distinct from ?", "? <=> ?", "D < T",
           "match(T, T)",
           "exists(select 1)", "N in (select 1)", "equals(?, ?)", "(F)", "isNull(?)", "empty(L)", "T <= T"),
    TIME: ("D + interval 1 day", "D - toIntervalHour(N)", "toStartOfMonth(D)", "toStartOfDay(D)",
           "dateTrunc('week', D)",
           "toDateTime(T)", "toDate(D)", "date_add(D, interval 2 week)", "toStartOfInterval(D, interval 5 minute)",
           "if(F, D, D)", "toDateTime(N)", "parseDateTimeBestEffort(T)", "toTimeZone(D, 'UTC')", "T::date",
           "addDays(D, N)"),
    LIST: ("arrayMap(x -> x, L)", "arrayMap((x, i) -> (x, i), L, L)", "arrayFilter(x -> F, L)", "arraySort(L)",
           "[N, N]",
           "[T, T]", "arrayConcat(L, L)", "L[1:2]", "splitByChar(',', T)", "arrayDistinct(L)", "range(N)", "[?, ?]",
           "arrayMap(x -> concat(toString(x), T), L)", "arraySlice(L, 1, N)", "extractAll(T, T)", "tuple(?, ?)",
           "(?, ?)",
           "{'k': ?, 'l': ?}", "<a href={T}>{?}</a>", "sparkline(L)", "map(T, ?)"),
}  # fmt: skip
AGGREGATES = {
    NUMBER: ("count()", "sum(N)", "count(distinct ?)", "uniq(?)", "avg(N)", "max(N)", "countIf(F)", "sumIf(N, F)",
             "count(?) filter (where F)", "quantile(0.9)(N)", "median(N)", "uniqExact(?, ?)", "count(*)",
             "windowFunnel(3600)(D, F, F)", "sum(N) / count()", "stddevPop(N)", "sum(distinct N)",
             "length(groupArray(?))"),
    TEXT: ("any(T)", "argMax(T, D)", "max(T)", "toString(count())", "string_agg(T, ',')", "argMinIf(T, N, F)",
           "json_agg(?)"),
    FLAG: ("count() > N", "max(F)", "every(F)"),
    TIME: ("min(D)", "max(D)", "toStartOfDay(max(D))"),
    LIST: ("groupArray(?)", "groupUniqArray(T)", "topK(3)(T)", "quantiles(0.5, 0.9)(N)", "arraySort(groupArray(N))",
           "groupArray(2)(?)", "sumMap(map(T, N))"),
}  # fmt: skip
WINDOWED = (
    "row_number() over (O)", "rank() over (partition by ? order by ?)", "lag(?) over (O)",
    "lead(?, 1) over (order by ?)",
    "sum(N) over (partition by T order by ? rows between unbounded preceding and current row)", "count() over ()",
    "avg(N) over (order by N range between 1 preceding and 2 following)", "first_value(T) over w",
    "ntile(2) over (O)",
    "max(N) over (O rows 2 preceding)", "quantile(0.5)(N) over (partition by T)", "nth_value(?, 1) over (O)",
    "count(*) over w", "dense_rank() over (order by ? desc, T)", "lagInFrame(N) over w", "cume_dist() over (O)",
)  # fmt: skip
MISTAKES = (
    "nope", "event.x", "nope.event", "sleep(1)", "file('/etc/passwd')", "toStrin(1)", "toInt(1, 2)", "{missing}",
    "{filters}",
    "[1][0]", "sum(count())", "1 in cohort 2", "dictGet('a', 'b', 1)", "1::foo", "try_cast(1 as int)", "person",
    "#1", "*",
    "lower(distinct 'a')", "rank()", "(event)(1)", "arrayReduce('file', [1])", "accurateCast(1, 'Int8), sleep(1')",
    "quantiles(1)", "sleep(1) over ()", "(1 as `a%`)", "(2 as team_id)", "columns('(a+)+$')", "{variables.nope}",
    "untuple((1,2))",
    "arrayMap(`x%` -> 1, [1])", "count(distinct *)", "f(a := 1)", "any(select 1)", "<script src='x' />", "t.*", "()",
    "x -> x", "1 between 2", "'\\d'", "case end", "select 1", "(select 1, 2)", "matchesAction('x')", "columns(*)",
    "null.x",
    "lag(1, 2, 3, 4) over ()", "count() over nope", "sum(1) filter (where 1) over ()", "toDecimal('1', 99)",
    "properties.a.0",
)  # fmt: skip
WRONG_TABLES = (
    "system.tables", "file('/etc/passwd')", "url('http://127.0.0.1/')", "evnts", "default.events", "person",
    "numbers",
    "events(1)", "numbers(sleep(1))", "information_schema.tables", "(values (1))",
    "<HogQLQuery query='select 1' />", "remote('x')",
    "events sample (select 1)", "events final", "`system.tables`", "posthog.system.tables", "numbers(1, 2, 3)",
)  # fmt: skip
WRONG_LIMITS = (
    " limit {number}", " limit null", " limit 0.5", " limit 2, 3", " limit (select 1)", " qualify 1",
    " order by 1 nulls last",
    " limit 1 limit 2", " limit number", " limit -1", " format JSON", " settings readonly = 0", " into outfile 'x'",
)  # fmt: skip
NAMES = (
    "a",
    "b",
    "x",
    "event",
    "`a b`",
    "`select`",
    '"q"',
    "`é🦔`",
    "__t0",
    "__t1",
    "numbers",
    "c0",
    "`b``c\\\\`",
    "`x\ny`",
    "team",
)
JOINS = (
    "join", "left join", "inner join", "cross join", "right join", "full outer join", "left outer join",
    "any left join",
    "asof join", "left semi join", "anti join", "all inner join",
)  # fmt: skip
SETS = ("union all", "union distinct", "intersect", "except", "union", "intersect distinct")
