"""Each fault on each operation: what becomes of it, and that no event is lost or doubled and no result is short.

What is expected is written in ``tools/faults.txt``, of which ``docs/reliability.md`` is made.
"""

from __future__ import annotations

import itertools
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING

import pytest
import trustme
from hypothesis import example, given, settings
from hypothesis import strategies as st

pytest.importorskip("chdb", reason="the embedded engine has no wheel here")

from posthog_nb.embedded.server import create_app
from tests.faulty import BY_V1, OPERATIONS, SILENT, Operation, Played, Stage, impatient, many, server_context
from tests.twin import client_of, new_project, twin_of
from tests.twin_faults import FAULTS, OK
from tools import reliability_page
from tools.reliability_page import Expected, expectations

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from posthog_nb.client import Client
    from posthog_nb.embedded.store.store import Store

ROWS = 10
REQUESTS = 4
SILENCE_SECONDS = 1.0
"""How long the client waits for an answer where none comes. Long enough for one on a busy computer."""

EXPECTED = {
    fault: {one.operation: one for one in group} for fault, group in groupby(expectations(), lambda one: one.fault)
}


@dataclass(frozen=True)
class World(Stage):
    """A project with somebody's events.

    Attributes:
        store: The project's tables.
        uuid: The person who has some.
    """

    store: Store
    uuid: str

    def who(self, operation: Operation, cell: str) -> str:
        """The text for an operation: a new name for a write, somebody who is known for a read."""
        if operation.writes:
            return f"{operation.name} {cell}"
        return "ann" if operation.name.startswith(("query", "persons.search")) else self.uuid

    def stored(self, who: str) -> int:
        """How many events somebody has."""
        query = f"SELECT count() FROM {self.store.database}.events WHERE distinct_id = {{who:String}}"
        return int(self.store.engine.read(query, {"who": who})[0][0])


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    project = new_project(timezone="Europe/London")
    application = create_app(project)
    with twin_of(application) as calm, client_of(calm) as client:
        client.identify("ann", {"email": "ann@example.com"}, timestamp="2026-01-01T00:00:00Z")
        for number in range(ROWS):
            client.capture("row", "ann", {"n": number}, timestamp="2026-01-02T00:00:00Z")
        yield World(application, project.store, str(client.persons.search(distinct_id="ann")["uuid"][0]))
    project.close()


@pytest.fixture(scope="module")
def calm(world: World) -> dict[str, Played]:
    """Every operation without a fault: its result is the truth."""
    played = {one.name: world.play(one, OK.name, world.who(one, "calm")) for one in OPERATIONS}
    assert {name: one.word() for name, one in played.items()} == dict.fromkeys(played, "ok")
    return played


def test_every_fault_is_expected_to_do_something() -> None:
    assert set(EXPECTED) == {*FAULTS, "refused", "certificate"} - {OK.name}


def test_the_page_says_what_is_expected() -> None:
    page = reliability_page.PAGE.read_text()
    assert reliability_page.rendered(page) == page, "stale: run python -m tools.reliability_page"


@pytest.mark.parametrize(
    "fault", [pytest.param(fault, marks=[pytest.mark.slow] if fault in SILENT else []) for fault in EXPECTED]
)
def test_a_fault_does_what_is_expected_to_every_operation(world: World, calm: dict[str, Played], fault: str) -> None:
    def row(operation: Operation) -> list[str]:
        expected = EXPECTED[fault][operation.column]
        return [*once(world, operation, expected, calm[operation.name]), *stays(world, operation, expected)]

    with impatient(SILENCE_SECONDS if fault in SILENT else None), ThreadPoolExecutor(len(OPERATIONS)) as pool:
        rows = list(pool.map(row, OPERATIONS))
    wrong = [f"{one.name} {each}" for one, found in zip(OPERATIONS, rows, strict=True) for each in found]
    assert not wrong, "\n".join(wrong)


def once(world: World, operation: Operation, expected: Expected, calm: Played) -> Iterator[str]:
    """What is wrong when the fault strikes once, at whichever request of the operation."""
    for at in range(1 if expected.fault in {"refused", "certificate"} else len(calm.asked)):
        who = world.who(operation, f"{expected.fault} {at}")
        check = Check(world, who)
        played = world.play(operation, expected.fault, who, at=at, then=check if operation.writes else None)
        for wrong in (
            *of_outcome(played, expected.word, expected.error if expected.word == "error" else None),
            *of_waits(played, expected),
            *(check.wrong if operation.writes else of_rows(played, calm)),
        ):
            yield f"at request {at}: {wrong}"


def stays(world: World, operation: Operation, expected: Expected) -> Iterator[str]:
    """What is wrong when the fault does not go away."""
    if expected.word not in {"again", "later", "instead"}:
        return
    who = world.who(operation, f"{expected.fault} stays")
    check = Check(world, who)
    played = world.play(operation, expected.fault, who, stays=True, then=check if operation.writes else None)
    requests = {"refused": 0}.get(expected.fault, REQUESTS if expected.word == "again" else 2)
    for wrong in (
        *of_outcome(played, "error", expected.error),
        *([f"{len(played.asked)} requests"] if len(played.asked) != requests else []),
        *check.wrong,
    ):
        yield f"staying: {wrong}"


def of_outcome(played: Played, word: str, error: str | None) -> Iterator[str]:
    if played.word() != word:
        yield f"{played.word()}, not {word}: {played.error!r}"
    if played.error is not None and type(played.error).__name__ != error:
        yield f"{played.error!r}, not {error}"
    if any(not one.headers["host"].startswith("127.0.0.1") for one in played.asked):
        yield "something was sent to another host"


def of_waits(played: Played, expected: Expected) -> Iterator[str]:
    """Each further request is told before, and what the server asks for is obeyed."""
    if expected.word != "again":
        return
    # On a busy computer a second answer may be too late as well.
    if len(played.waits) not in (range(1, REQUESTS) if expected.fault in SILENT else (1,)):
        yield f"{len(played.waits)} waits were told"
    elif expected.fault in {"429, Retry-After", "429, a date", "503, Retry-After"} and played.waits != [1.0]:
        yield f"it waited {played.waits} s, and was asked for 1"
    elif not 0.1 <= played.waits[0] <= 20:
        yield f"it waited {played.waits} s"


def of_rows(played: Played, calm: Played) -> Iterator[str]:
    """A result is the whole truth, or there is none."""
    if played.error is None and played.result != calm.result:
        yield f"a wrong result: {played.result}"


class Check:
    """An event is there once; or not, and then an error says so. Sent again it is there once.

    Attributes:
        wrong: What is wrong.
    """

    def __init__(self, world: World, who: str) -> None:
        self._world = world
        self._who = who
        self.wrong: list[str] = []

    def __call__(self, client: Client, played: Played) -> None:
        stored, error = self._world.stored(self._who), played.error
        if len({one.raw for one in played.asked}) > 1:
            self.wrong.append("another request was sent the next time")
        if error is None and stored != 1:
            self.wrong.append(f"{stored} events, and no error")
        if stored > 1:
            self.wrong.append(f"{stored} events")
        if error is None:
            return
        if stored and not error.may_have_arrived:
            self.wrong.append("there, and the error says that it cannot be")
        if error.report is not None:
            client.capture_many(many(self._who), resume=error.report, progress=False)
        else:
            client.resend(error.unsent)
        if self._world.stored(self._who) != 1:
            self.wrong.append(f"{self._world.stored(self._who)} events after it was sent again")


def test_a_certificate_of_ones_own_authority_is_trusted_when_told(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "ca.pem"))
    with twin_of(world.application, tls=server_context(authority)) as twin, client_of(twin) as client:
        assert client.query("SELECT 1").rows == [[1]]
        assert twin.url.startswith("https://")


# Any run of faults --------------------------------------------------------------------------------------------------

faults = st.lists(st.sampled_from(sorted({*FAULTS} - SILENT)), min_size=1, max_size=6)
numbers = itertools.count()
by_name = {one.name: one for one in (*OPERATIONS, *BY_V1)}


@pytest.mark.slow
@given(run=faults, name=st.sampled_from([one.name for one in OPERATIONS if not one.writes]))
@settings(max_examples=60)
def test_a_result_is_whole_or_an_error_whatever_happens(
    world: World, calm: dict[str, Played], run: list[str], name: str
) -> None:
    with impatient():
        played = world.play_all(by_name[name], run, world.who(by_name[name], ""))
    assert played.error is not None or played.result == calm[name].result


@pytest.mark.slow
@given(run=faults, name=st.sampled_from([one.name for one in by_name.values() if one.writes]))
@example(run=["done, then reset", "400"], name="capture")
@example(run=["done, then closed", "redirect, another host"], name="alias")
@settings(max_examples=60)
def test_an_event_is_there_once_whatever_happens(world: World, run: list[str], name: str) -> None:
    operation = by_name[name]
    who = f"{name} {next(numbers)}"
    check = Check(world, who)
    with impatient():
        world.play_all(operation, run, who, check)
    assert check.wrong == []
