"""A recorder that dies, again and again, and what it leaves behind.

    python -m tests.crashes FOLDER --kills 50 [--seed 1]
    python -m tests.crashes FOLDER --steps

Each recorder is a fork of this process, which has all modules loaded. It records without end: questions that are new
and ones that were asked before, whose answer is another each time, small ones, large ones and refusals. It is killed at
a random moment, or with ``--steps`` before and after each call that changes the disk in turn. Then the snapshot is
replayed: every answer has to be one that was given to its question, and none older than the last one of which the
recorder knew that it was recorded.
"""

from __future__ import annotations

import argparse
import functools
import importlib
import json
import os
import random
import select
import signal
import sys
import time
import warnings
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from posthog_nb.errors import QueryError
from posthog_nb.snapshots.folder import Folder
from tests.recordings import answered, asked, record, replayed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from posthog_nb.snapshots.asked import Answered

__all__ = ["ask", "check", "failing_at", "go_on"]

Known = dict[int, int]
"""Of each question the version of the last answer of which it is known that it was recorded."""

_CALLS = ("os.mkdir", "os.fsync", "os.replace", "os.unlink", "io.open")
"""The ways in which something is changed on the disk."""
_QUESTIONS = 12
_LARGE = 4
"""Every so many questions have a large answer."""
_REFUSED = 7
"""Every so many are refused."""


@functools.cache
def _answer(number: int, version: int) -> Answered:
    """The answer to a question when it was asked for the ``version``-th time."""
    one = answered({"n": "UInt64", "version": "UInt64"}, [[number, version]], query_id=str(version))
    rows = 40_000 if number % _LARGE == 0 else 3
    return replace(one, table=replace(one.table, arrow=one.table.arrow.take([0] * rows)))


def ask(path: Path, number: int, version: int) -> None:
    """Record the answer to a question."""

    def live() -> Answered:
        if number % _REFUSED == 0:
            raise QueryError("refused", status=400, query_id=str(version))
        return _answer(number, version)

    try:
        record(path, asked(f"SELECT {number}"), answer=live)
    except QueryError:
        if number % _REFUSED:
            raise


def _version(path: Path, number: int) -> int:
    """The version of the answer that the snapshot has, which is as it was given."""
    try:
        found = replayed(path, asked(f"SELECT {number}"))
    except QueryError as error:
        assert number % _REFUSED == 0, "a refusal is of another question"
        return int(error.query_id or "")
    assert found.table.arrow.equals(_answer(number, int(found.query_id)).table.arrow), "an answer is another"
    return int(found.query_id)


def check(path: Path, known: Known) -> Known:
    """Replay every answer.

    Returns:
        The version of each.
    """
    manifest = Folder(path).read()
    answers = {} if manifest is None else manifest.answers
    found = {number: _version(path, number) for number in range(_QUESTIONS) if asked(f"SELECT {number}").key in answers}
    assert len(found) == len(answers), "there is an answer to no question"
    assert all(version <= found.get(number, -1) for number, version in known.items()), "an answer is lost"
    return found


def go_on(path: Path, version: int) -> None:
    """Record once more, and prune what the dead left behind as if an hour had passed."""
    ask(path, 1, version)
    assert _version(path, 1) == version
    for left in path.rglob(".unfinished-*"):
        os.utime(left, (0, 0))
    Folder(path).prune(None)
    manifest = Folder(path).read()
    assert manifest is not None
    named = {f"{one.sha256}.parquet" for one in manifest.answers.values() if one.sha256}
    assert {found.name for found in (path / "answers").iterdir()} == named, "the snapshot holds what nobody names"
    assert {found.name for found in path.iterdir()} <= {"manifest.json", "answers", ".lock"}


def failing_at(
    step: int, fail: Callable[[], object], patch: Callable[[str, Any], object], *, after: bool = False
) -> list[str]:
    """Let the ``step``-th call that changes the disk fail, instead of what it does or after it.

    Returns:
        The calls, a list that fills while they happen.
    """
    calls: list[str] = []

    def counting(name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def counted(*given: Any, **named: Any) -> Any:
            if name == "io.open" and "xb" not in given:
                return call(*given, **named)
            calls.append(name)
            if len(calls) != step:
                return call(*given, **named)
            found = call(*given, **named) if after else None
            fail()
            return found

        return counted

    for name in _CALLS:
        module, _, attribute = name.partition(".")
        patch(name, counting(name, getattr(importlib.import_module(module), attribute)))
    return calls


def _killed(run: Callable[[Callable[[int, int], object]], object], seconds: float | None) -> tuple[Known, bool]:
    """Let ``run`` go on in a fork until it ends itself, or for so many seconds.

    Returns:
        What it told, and whether it came to its end.
    """
    reads, writes = os.pipe()
    with warnings.catch_warnings():
        # As of 3.12 Python warns of a fork beside threads. They are Arrow's and numpy's here, which know of forks.
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if child == 0:
        run(lambda number, version: os.write(writes, b"%d %d\n" % (number, version)))
        os._exit(0)
    os.close(writes)
    if seconds is not None:
        # From its first answer on: what comes before is the same each time.
        select.select([reads], [], [], 10)
        time.sleep(seconds)
        os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    with os.fdopen(reads) as pipe:
        told = [tuple(map(int, line.split())) for line in pipe if line.endswith("\n")]
    return dict(told), status == 0  # type: ignore[arg-type] - pairs


def at_random_moments(path: Path, kills: int, seed: int) -> dict[str, int]:
    """Kill so many recorders."""
    known: Known = {}
    unfinished = recorded = unknown = 0
    for kill in range(kills):
        draw, before = random.Random(seed * 1_000 + kill), dict(known)

        def run(tell: Callable[[int, int], object], draw: random.Random = draw, before: Known = before) -> None:
            while True:
                number = draw.randrange(_QUESTIONS)
                before[number] = before.get(number, 0) + 1
                ask(path, number, before[number])
                tell(number, before[number])

        told, _ = _killed(run, random.Random(kill).random() * 0.2)
        unfinished += len(list(path.rglob(".unfinished-*")))
        found = check(path, known | told)
        recorded += sum(found.values()) - sum(known.values())
        unknown += found != known | told
        known = found
    go_on(path, known.get(1, 0) + 1)
    return {"kills": kills, "recorded": recorded, "recorded and not told": unknown, "unfinished files": unfinished}


_SCRIPTS = {
    "a first answer": [(1, 1)],
    "a second answer": [(0, 1), (1, 1)],
    "the same again": [(0, 1), (1, 1), (1, 2)],
    "a refusal in its place": [(1, 1), (7, 1), (7, 2)],
}


def at_every_step(path: Path) -> dict[str, int]:
    """Kill a recorder before and after each step, and let another go on."""
    deaths = dict.fromkeys(_SCRIPTS, 0)
    for name, script in _SCRIPTS.items():
        *earlier, last = script
        for after in (False, True):
            ended, step = False, 0
            while not ended:
                step += 1
                place = path / f"{name}, {after}, {step}"
                _record(place, earlier)
                run = functools.partial(_dying, place, last, step, after=after)
                told, ended = _killed(run, None)
                check(place, dict(earlier) | told)
                go_on(place, 9)
                deaths[name] += not ended
    return deaths


def _record(path: Path, script: Iterable[tuple[int, int]]) -> None:
    for number, version in script:
        ask(path, number, version)


def _dying(path: Path, last: tuple[int, int], step: int, tell: Callable[[int, int], object], *, after: bool) -> None:
    def die() -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    def patch(name: str, value: Any) -> None:
        module, _, attribute = name.partition(".")
        setattr(importlib.import_module(module), attribute, value)

    failing_at(step, die, patch, after=after)
    ask(path, *last)
    tell(*last)


def main() -> None:
    """Run what is asked for, and print what was seen."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--kills", type=int)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--steps", action="store_true")
    options = parser.parse_args()
    if options.steps:
        found = at_every_step(options.folder)
    else:
        found = at_random_moments(options.folder / "q1", options.kills, options.seed)
    sys.stdout.write(json.dumps(found) + "\n")


if __name__ == "__main__":
    main()
