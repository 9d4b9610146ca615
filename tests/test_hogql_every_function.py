"""Every function that PostHog lists is called with sensible arguments, or refused by name with the reason.

``data/hogql_functions.txt`` has the names; ``data/hogql_calls.txt`` a call of each, and after ``=>`` what it gives. A
call that needs the state of an aggregate has after ``<-`` the call that makes it.
"""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from uuid import UUID

import pytest

from posthog_nb.embedded.hogql import ProjectFacts, compile_query
from posthog_nb.embedded.hogql.function_table import ANY_CASE, FUNCTIONS
from posthog_nb.embedded.hogql.functions import find_function
from posthog_nb.errors import HogQLQueryError
from tests.hogql_world import World, create_world

DATA = Path(__file__).parent / "data"
FACTS = ProjectFacts(database="functions")
NAMES = [
    name
    for line in (DATA / "hogql_functions.txt").read_text().splitlines()
    if not line.startswith("#")
    for name in line.split()
]
ROWS = (
    "(select number + 1 as n, n % 2 as k, toDateTime('2024-01-01 00:00:00') + toIntervalSecond(number) as at "
    "from numbers(4))"
)
BATCH = 40


@dataclass(frozen=True)
class Call:
    """A line of the file."""

    text: str
    state: str
    value: object

    @classmethod
    def read(cls, line: str) -> Call:
        called, _, value = line.partition(" => ")
        text, _, state = called.partition(" <- ")
        return cls(text, state, json.loads(value) if value else ...)

    @property
    def names(self) -> set[str]:
        return set(re.findall(r"([A-Za-z_]\w*)\(", f"{self.text} {self.state}"))


def read_topics() -> dict[str, list[Call]]:
    topics: dict[str, list[Call]] = {}
    for line in filter(None, (DATA / "hogql_calls.txt").read_text().splitlines()):
        if line.startswith("# "):
            calls = topics[line[2:]] = []
        else:
            calls.append(Call.read(line))
    return topics


TOPICS = read_topics()
OVER_ROWS = {"Aggregates, over n = 1, 2, 3, 4 with k = 1, 0, 1, 0", "Window functions, over the same rows"}


@pytest.fixture(scope="module")
def world() -> World:
    return create_world().with_facts(timezone="UTC")


def plain(value: object) -> object:
    """As JSON has it: a time as text, a tuple as a list, a key of a map as text."""
    match value:
        case dict():
            return {str(key): plain(item) for key, item in value.items()}
        case list() | tuple():
            return [plain(item) for item in value]
        case datetime():
            return str(value.replace(tzinfo=None))
        case date() | UUID():
            return str(value)
        case Decimal():
            return float(value)
        case _:
            return value


def same(found: object, expected: object) -> bool:
    match found, expected:
        case _, _ if expected is ...:
            return True
        case float() | int(), float() | int():
            return math.isclose(found, expected, rel_tol=1e-12, abs_tol=1e-12)
        case list(), list():
            return len(found) == len(expected) and all(map(same, found, expected))
        case dict(), dict():
            return found.keys() == expected.keys() and all(same(found[key], expected[key]) for key in found)
        case _:
            return found == expected


def batches() -> list[tuple[str, list[Call]]]:
    """Calls that one SELECT can hold: those of one topic, each state with what reads it."""
    found = []
    for topic, calls in TOPICS.items():
        stateless = [call for call in calls if not call.state]
        found += [(topic, stateless[start : start + BATCH]) for start in range(0, len(stateless), BATCH)]
        stateful = [call for call in calls if call.state]
        found += [(topic, stateful[start : start + BATCH]) for start in range(0, len(stateful), BATCH)]
    return found


def query_of(topic: str, calls: list[Call]) -> str:
    if calls[0].state:
        # Each reads a state of its own, so each has a sub-select of its own.
        selects = (f"(select {call.text} from (select {call.state} as state from {ROWS}))" for call in calls)
        return f"select {', '.join(selects)}"
    source = f" from {ROWS}" if topic in OVER_ROWS else ""
    order = " order by n" if topic.startswith("Window") else ""
    return f"select {', '.join(call.text for call in calls)}{source}{order}"


@pytest.mark.parametrize(
    ("topic", "calls"), batches(), ids=[f"{topic.split(',')[0]}: {calls[0].text}" for topic, calls in batches()]
)
def test_a_function_runs_and_gives_what_it_should(world: World, topic: str, calls: list[Call]) -> None:
    rows = world.ask(query_of(topic, calls))
    found = zip(*rows, strict=True) if topic.startswith("Window") else rows[0]
    wrong = [
        (call.text, value, call.value)
        for call, value in zip(calls, map(plain, found), strict=True)
        if not same(value, call.value)
    ]
    assert wrong == []


CALLED = {name for calls in TOPICS.values() for call in calls for name in call.names}
REFUSED = {name for name in NAMES if (function := find_function(name)) and function.refusal}


def test_every_listed_function_is_called_or_refused() -> None:
    assert len(NAMES) == 866
    assert set(NAMES) - CALLED == REFUSED
    assert {
        "extractIPv4Substrings", "generateSeries", "percentile_cont", "percentile_disc", "uniqTheta", "untuple",
    } == REFUSED  # fmt: skip


@pytest.mark.parametrize("name", sorted(name for name, function in FUNCTIONS.items() if function.refusal))
def test_a_refused_function_says_why(name: str) -> None:
    with pytest.raises(HogQLQueryError) as caught:
        compile_query(f"select {name}(1)", FACTS)
    assert f"Unsupported function call '{name}(...)': {FUNCTIONS[name].refusal}." in str(caught.value)


def test_the_functions_that_posthog_frees_from_their_case_are_found_in_any() -> None:
    for name in ("COUNT", "Sum", "NOW", "COALESCE", "UPPER", "ROUND", "IFNULL", "isNull", "NullIf", "SORTABLESEMVER"):
        assert find_function(name) is not None
    assert {name for name in ANY_CASE.values() if name not in FUNCTIONS} == set()


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("TOSTARTOFDAY", "toStartOfDay"),
        ("DateDiff", "dateDiff"),
        ("toStartOfDays", "toStartOfDay"),
        ("countif", "countIf"),
    ],
)
def test_another_spelling_is_refused_with_the_right_one(written: str, meant: str) -> None:
    with pytest.raises(HogQLQueryError) as caught:
        compile_query(f"select {written}('a')", FACTS)
    assert f"Unsupported function call '{written}(...)'. Perhaps you meant '{meant}(...)'?" in str(caught.value)
