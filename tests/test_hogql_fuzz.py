"""Fuzzing HogQL: queries that are written at random, and right ones that were changed at random.

Whatever the text is, the compiler soon gives SQL or a HogQL error that points into the text. What it gives holds no
table and no function but those of the catalogue and the whitelist, as our own tree says and as ClickHouse's own parser
reads it. Running it gives rows, or an error that is the query's fault and says nothing of the SQL.

A few hundred run always. ``pytest -m fuzz -n 2 -rP tests/test_hogql_fuzz.py`` runs 50,000 and prints what became of
them, in about a quarter of an hour.
"""

from __future__ import annotations

import faulthandler
import re
import sys
import time
from collections import Counter
from dataclasses import dataclass, field, fields, is_dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from posthog_nb.embedded.hogql import Compiled, compile_query, sql
from posthog_nb.embedded.hogql.catalogue import TABLES
from posthog_nb.embedded.hogql.filters.placeholders import NO_FILTERS, fill_filters
from posthog_nb.embedded.hogql.function_table import FUNCTIONS
from posthog_nb.embedded.hogql.functions import FunctionKind
from posthog_nb.embedded.hogql.limits import apply_limits
from posthog_nb.embedded.hogql.parse import parse
from posthog_nb.embedded.hogql.selects import SelectResolver
from posthog_nb.embedded.server import errors
from posthog_nb.embedded.store.engine import in_memory
from posthog_nb.errors import EngineError, HogQLQueryError, HogQLSyntaxError
from tests.hogql_mutations import mutated
from tests.hogql_words import VALUES, VARIABLES
from tests.hogql_world import DATABASE, FACTS, World, create_world
from tests.hogql_writer import Writer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

LONGEST = 10.0
"""Most seconds of processor time for one text; the slowest seen take about one."""

HANGS = 300.0
"""Seconds after which a text that still compiles is a hang: the process ends with a traceback."""

TABLE_FUNCTIONS = {"numbers", "generate_series"}
PRINTED_ALONE = {
    # What operators, literals, columns and rewritings become, besides the whitelist's own targets.
    *("equals", "notEquals", "less", "lessOrEquals", "greater", "greaterOrEquals", "in", "notIn", "exists", "lambda"),
    *("like", "ilike", "notLike", "notILike", "isNotDistinctFrom", "now64", "makeDateTime", "MD5", "toUUIDOrZero"),
    *("toDateOrNull", "toDecimal256", "toUUIDOrNull", "isIPv4String", "isIPv6String", "divideDecimal"),
    *("argMin", "argMinIf", "argMax", "uniqIf", "uniqUpTo", "groupUniqArrayIf", "groupUniqArray"),
}
AGGREGATES = {function.target for function in FUNCTIONS.values() if function.kind is not FunctionKind.SCALAR}
ALLOWED = {
    *PRINTED_ALONE,
    *FUNCTIONS,
    *(function.target for function in FUNCTIONS.values() if not function.refusal),
    # ClickHouse reads FILTER and DISTINCT as parts of the name.
    *(f"{name}{form}" for name in AGGREGATES for form in ("If", "Distinct", "DistinctIf")),
} - {name for name, function in FUNCTIONS.items() if function.refusal}
STORED = {table.stored for table in TABLES.values()}

_FUNCTION = re.compile(r" +Function (\S+)")
_TABLE = re.compile(r" +TableIdentifier (\S+)")
_INSIDE = re.compile(rf"__t\d|__table\d|{DATABASE}|SELECT |_CAST")


def written(draw: Any, wrong: int) -> str:
    return Writer(_chooser(draw), wrong=wrong).query()


def _chooser(draw: Any) -> Any:
    return lambda number: draw(_below(number))


@cache
def _below(number: int) -> st.SearchStrategy[int]:
    return st.integers(0, number - 1)


@st.composite
def queries(draw: Any) -> str:
    return written(draw, 150)


@st.composite
def right_queries(draw: Any) -> str:
    return written(draw, 0)


@st.composite
def changed_queries(draw: Any) -> str:
    return mutated(written(draw, 0), written(draw, 0), _chooser(draw))


@dataclass
class Tally:
    """What became of the texts."""

    outcomes: Counter[str] = field(default_factory=Counter)
    functions: set[str] = field(default_factory=set)
    slowest: float = 0.0
    slowest_text: str = ""

    def __str__(self) -> str:
        return (
            f"{dict(self.outcomes.most_common())}, {len(self.functions)} functions seen by ClickHouse,"
            f" slowest {self.slowest:.2f} s: {self.slowest_text[:200]!r}"
        )


@pytest.fixture(scope="module", autouse=True)
def world() -> World:
    # Held for as long as the tests run: the engine in memory ends with its last client.
    return create_world()


@pytest.fixture(autouse=True)
def no_hang() -> Iterator[None]:
    yield
    faulthandler.cancel_dump_traceback_later()


def attempt(text: str, tally: Tally) -> Compiled | None:
    """Compile a text, and require of a refusal that it is HogQL's own and points into the text."""
    faulthandler.dump_traceback_later(HANGS, exit=True, file=sys.__stderr__)
    start = time.thread_time()
    compiled, refusal = None, None
    try:
        compiled = compile_query(text, FACTS, values=VALUES, variables=VARIABLES)
    except (HogQLSyntaxError, HogQLQueryError) as error:
        refusal = error
    spent = time.thread_time() - start
    if spent > tally.slowest:
        tally.slowest, tally.slowest_text = spent, text
    assert spent < LONGEST
    tally.outcomes["compiled" if refusal is None else type(refusal).__name__] += 1
    if refusal is not None:
        assert refusal.text == text
        assert refusal.span is not None
        assert 0 <= refusal.span.start <= refusal.span.end <= len(text)
        assert refusal.span.start < refusal.span.end or refusal.span.start == len(text)
    return compiled


def parts_of(value: object) -> Iterator[object]:
    """Everything in a tree of SQL."""
    pending = [value]
    while pending:
        part = pending.pop()
        if is_dataclass(part):
            yield part
            pending += [getattr(part, item.name) for item in fields(part)]
        elif isinstance(part, tuple):
            pending += part


def stays_inside_the_fence(text: str, compiled: Compiled) -> None:
    """Our own tree names nothing but what is allowed, and is what was printed."""
    resolver = SelectResolver(text, FACTS)
    query = fill_filters(parse(text, VALUES, VARIABLES), text, NO_FILTERS, FACTS)
    statement = resolver.query(apply_limits(query)[0]).statement
    assert sql.render(statement, tuple(resolver.ctes)) == compiled.sql
    for part in parts_of((statement, *resolver.ctes)):
        if isinstance(part, sql.Func):
            assert part.name in ALLOWED
        elif isinstance(part, sql.FunctionSource):
            assert part.name in TABLE_FUNCTIONS
        elif isinstance(part, sql.TableSource):
            assert (part.database, part.name in STORED) == (DATABASE, True)
        elif isinstance(part, sql.CteSource):
            assert part.name in {name for name, _ in resolver.ctes}


def is_read_by_clickhouse_as_it_was_meant(compiled: Compiled, tally: Tally) -> None:
    """ClickHouse's own parser sees no further table and no further function."""
    try:
        lines = [line for (line,) in in_memory().read(f"EXPLAIN AST SELECT * FROM ({compiled.sql})")]
    except EngineError as error:
        # The one mistake that ClickHouse's parser itself looks for.
        assert error.name == "WITH_TIES_WITHOUT_ORDER_BY"  # noqa: PT017 - most texts give no error
        return
    before = ""
    for line in lines:
        if found := _TABLE.match(line):
            database, dot, name = found[1].partition(".")
            assert re.fullmatch(r"__t\d+", database) if not dot else (database, name in STORED) == (DATABASE, True)
        elif found := _FUNCTION.match(line):
            assert found[1] in (TABLE_FUNCTIONS if before.lstrip().startswith("TableExpression") else ALLOWED)
            tally.functions.add(found[1])
        before = line


def gives_rows_or_says_why_not(compiled: Compiled, tally: Tally) -> None:
    """Running it is answered with rows or with a 4xx in the reader's terms."""
    refusal = None
    try:
        in_memory().run(compiled.sql, query_id="fuzz", max_execution_time=30)
    except EngineError as error:
        refusal = error
    tally.outcomes["ran: rows" if refusal is None else f"ran: {refusal.name}"] += 1
    if refusal is not None:
        assert errors.at_fault(refusal) is not None, (refusal.name, refusal.message)
        assert not _INSIDE.search(refusal.message), refusal.message


def within_the_fence_or_refused(text: str, tally: Tally) -> None:
    compiled = attempt(text, tally)
    if compiled is not None:
        stays_inside_the_fence(text, compiled)
        is_read_by_clickhouse_as_it_was_meant(compiled, tally)


def rows_or_an_error_of_its_own(text: str, tally: Tally) -> None:
    compiled = attempt(text, tally)
    if compiled is not None:
        gives_rows_or_says_why_not(compiled, tally)


def fuzz(examples: int, texts: st.SearchStrategy[str], check: Callable[[str, Tally], None], *phases: Phase) -> Tally:
    """Check so many texts, and tell what became of them."""
    tally = Tally()

    @settings(
        max_examples=examples,
        deadline=None,
        database=None,
        phases=phases or tuple(Phase),
        suppress_health_check=list(HealthCheck),
    )
    @given(text=texts)
    def each(text: str) -> None:
        check(text, tally)

    each()
    print(tally)  # noqa: T201 - shown with -rP
    return tally


def test_a_written_query_is_compiled_within_the_fence_or_refused() -> None:
    outcomes = fuzz(200, queries(), within_the_fence_or_refused).outcomes
    # Were nearly all of them right, or none, it would prove little.
    assert outcomes["compiled"] > 50
    assert outcomes["HogQLQueryError"] > 10


def test_a_changed_query_is_compiled_within_the_fence_or_refused() -> None:
    outcomes = fuzz(200, changed_queries(), within_the_fence_or_refused).outcomes
    assert outcomes["compiled"] + outcomes["HogQLQueryError"] > 5
    assert outcomes["HogQLSyntaxError"] > 50


def test_a_right_query_gives_rows_or_an_error_of_its_own() -> None:
    outcomes = fuzz(100, right_queries(), rows_or_an_error_of_its_own).outcomes
    assert outcomes["ran: rows"] > 20


@pytest.mark.slow
@pytest.mark.fuzz
@pytest.mark.parametrize("part", range(8))
class TestAtLength:
    """50,000 texts: 8 times 2,400 written, 3,700 changed and 150 run."""

    def test_written_queries(self, part: int) -> None:
        fuzz(2_400, queries(), within_the_fence_or_refused, Phase.generate)

    def test_changed_queries(self, part: int) -> None:
        fuzz(3_700, changed_queries(), within_the_fence_or_refused, Phase.generate)

    def test_right_queries(self, part: int) -> None:
        fuzz(150, right_queries(), rows_or_an_error_of_its_own, Phase.generate)
