"""Ten typical queries in HogQL against ClickHouse SQL written by hand, DuckDB, polars and pandas.

    python benchmarks/hogql_queries.py [--events 5000000] [--rounds 7] [--store FOLDER] [--only NAME ...]

ClickHouse reads one store, the project's own, for the printed SQL and the SQL by hand alike. The other tools hold the
same events in memory, their properties as JSON text. Every answer is compared. The tools take
turns round by round, so that a ratio is of one run on one machine; times are medians, and pandas, which needs minutes,
has one round. With ``--store`` the filled project is kept for the next time.
"""

from __future__ import annotations

import argparse
import gc
import math
import statistics
import tempfile
import time
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
import pandas_answers
import polars_answers
from made_up_events import export, filled_project
from questions import QUESTIONS, Question

from posthog_nb.embedded.hogql import compile_query
from posthog_nb.embedded.hogql.parse import parse

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from posthog_nb.embedded.project import Project

Rows = list[tuple[Any, ...]]
Ask = "Callable[[Question], Rows]"

COMPILE_ROUNDS = 30
_THREADS = 2


class ClickHouse:
    """The project, asked in HogQL and by hand."""

    def __init__(self, project: Project) -> None:
        self._project = project

    def hogql(self, question: Question) -> Rows:
        """The way of every query: parse, compile, run."""
        return self._run(compile_query(question.hogql, self._project.facts()).sql)

    def printed(self, question: Question) -> Callable[[], Rows]:
        """The printed SQL alone, compiled already."""
        sql = compile_query(question.hogql, self._project.facts()).sql
        return lambda: self._run(sql)

    def by_hand(self, question: Question) -> Callable[[], Rows]:
        """The SQL by hand."""
        sql = question.clickhouse.format(db=self._project.store.database)
        return lambda: self._run(sql)

    def parsing(self, question: Question) -> float:
        """Milliseconds to parse."""
        return _milliseconds(lambda: parse(question.hogql, {}, {}))

    def compiling(self, question: Question) -> float:
        """Milliseconds to parse and compile."""
        facts = self._project.facts()
        return _milliseconds(lambda: compile_query(question.hogql, facts))

    def _run(self, sql: str) -> Rows:
        return self._project.run(sql, query_id="benchmark", max_execution_time=600).rows


def _milliseconds(work: Callable[[], object]) -> float:
    """Of this thread's own time: it is short, and what else the machine does would be most of it."""
    times = []
    for _ in range(COMPILE_ROUNDS):
        started = time.thread_time()
        work()
        times.append(time.thread_time() - started)
    return statistics.median(times) * 1000


def _seconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def _take_turns(rounds: int, *works: Callable[[], object]) -> list[list[float]]:
    """The seconds of each work, which run one after the other in every round, each as often first."""
    times: list[list[float]] = [[] for _ in works]
    for number in range(rounds):
        for index in range(len(works)):
            chosen = (index + number) % len(works)
            times[chosen].append(_seconds(works[chosen]))
    return times


def duckdb_asks(folder: Path) -> Callable[[Question], Rows]:
    """DuckDB with the events in a table in memory."""
    peer = duckdb.connect()
    peer.execute(f"SET threads = {_THREADS}")
    for name, columns in {
        "events": "* REPLACE (timestamp::TIMESTAMP AS timestamp, person_id::UUID AS person_id,"
        " properties::JSON AS properties)",
        "overrides": "* REPLACE (person_id::UUID AS person_id)",
        "persons": "* REPLACE (id::UUID AS id, properties::JSON AS properties)",
    }.items():
        peer.execute("SET TimeZone = 'UTC'")
        peer.execute(f"CREATE TABLE {name} AS SELECT {columns} FROM '{folder / name}.parquet'")
    return lambda question: peer.execute(question.duckdb).fetchall()


def polars_asks(folder: Path) -> Callable[[Question], Rows]:
    """Polars with the events in a frame."""
    frames = polars_answers.Frames(folder)
    return lambda question: polars_answers.ANSWERS[question.name](frames).collect().rows()


def pandas_asks(folder: Path) -> Callable[[Question], Rows]:
    """Pandas with the events in a frame."""
    frames = pandas_answers.Frames(folder)
    return lambda question: list(pandas_answers.ANSWERS[question.name](frames).itertuples(index=False, name=None))


PEERS: dict[str, tuple[Callable[[Path], Callable[[Question], Rows]], int | None]] = {
    "DuckDB": (duckdb_asks, None),
    "polars": (polars_asks, None),
    "pandas": (pandas_asks, 1),
}
"""How each is set up, and its rounds where they are not the usual ones."""


def _plain(value: Any) -> Any:  # noqa: ANN401 - whatever a tool answers
    """A value as all tools have it: days as their text, whole numbers as floats."""
    if isinstance(value, datetime):
        return value.date().isoformat()
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, str):
        return value
    return None if value is None or value != value else float(value)  # noqa: PLR0124 - NaN


def _check(name: str, question: Question, rows: Iterable[Sequence[Any]], expected: Iterable[Sequence[Any]]) -> None:
    """Stop unless the rows are the same; sums may differ in their last digits."""
    found, wanted = (
        sorted((tuple(map(_plain, row)) for row in side), key=lambda row: [(cell is None, str(cell)) for cell in row])
        for side in (rows, expected)
    )
    same = len(found) == len(wanted) and all(
        len(left) == len(right) and all(map(_alike, left, right)) for left, right in zip(found, wanted, strict=True)
    )
    if not same or not wanted:
        raise SystemExit(f"{name} answers {question.name} differently: {found[:5]} and not {wanted[:5]}")


def _alike(left: object, right: object) -> bool:
    if isinstance(left, float) and isinstance(right, float):
        return math.isclose(left, right, rel_tol=1e-9)
    return left == right


def against_hand(clickhouse: ClickHouse, questions: Sequence[Question], rounds: int) -> None:
    """Print the table of printed SQL against SQL by hand."""
    print(f"\n{'':<28}{'parse':>9}{'compile':>9}{'printed':>10}{'by hand':>10}{'ratio':>8}{'of minima':>11}")
    for question in questions:
        printed, by_hand = clickhouse.printed(question), clickhouse.by_hand(question)
        _check("the SQL by hand", question, by_hand(), printed())
        parsing = clickhouse.parsing(question)
        compiling = clickhouse.compiling(question) - parsing
        ours, theirs = _take_turns(rounds, printed, by_hand)
        ratio, of_minima = statistics.median(ours) / statistics.median(theirs), min(ours) / min(theirs)
        print(
            f"{question.name:<28}{parsing:>6.1f} ms{compiling:>6.1f} ms{statistics.median(ours):>8.3f} s"
            f"{statistics.median(theirs):>8.3f} s{ratio:>8.2f}{of_minima:>11.2f}",
            flush=True,
        )


def against_peer(
    name: str, ask: Callable[[Question], Rows], clickhouse: ClickHouse, questions: Sequence[Question], rounds: int
) -> None:
    """Print the table of HogQL, parsed and compiled anew each time, against another tool."""
    print(f"\n{'':<28}{'HogQL':>10}{name:>12}{'ratio':>8}")
    for question in questions:
        answers: dict[str, Rows] = {}

        def ours(question: Question = question, answers: dict[str, Rows] = answers) -> None:
            answers["HogQL"] = clickhouse.hogql(question)

        def theirs(question: Question = question, answers: dict[str, Rows] = answers) -> None:
            answers[name] = ask(question)

        mine, other = (statistics.median(times) for times in _take_turns(rounds, ours, theirs))
        _check(name, question, answers[name], answers["HogQL"])
        print(f"{question.name:<28}{mine:>8.3f} s{other:>10.3f} s{other / mine:>8.1f}", flush=True)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=5_000_000)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--store", type=Path, help="keep the filled project here")
    parser.add_argument(
        "--timezone", default="UTC", help="the project's; the other tools are left out if it is not UTC"
    )
    parser.add_argument("--peers", nargs="*", default=list(PEERS), choices=list(PEERS))
    parser.add_argument("--only", nargs="*", help="names of questions")
    options = parser.parse_args()
    questions = [question for question in QUESTIONS if not options.only or question.name in options.only]
    with tempfile.TemporaryDirectory() as scratch:
        folder = options.store or Path(scratch)
        project = filled_project(folder, options.events, options.timezone)
        clickhouse = ClickHouse(project)
        print(f"{options.events:,} events; {options.rounds} rounds")
        against_hand(clickhouse, questions, options.rounds)
        for name in options.peers if options.timezone == "UTC" else ():
            set_up, own_rounds = PEERS[name]
            export(project, folder)
            ask = set_up(folder)
            against_peer(name, ask, clickhouse, questions, own_rounds or options.rounds)
            del ask
            gc.collect()
        project.close()


if __name__ == "__main__":
    main()
