"""However a recording ends, the snapshot holds each answer whole or not at all, and recording can go on."""

from __future__ import annotations

import errno
import json
import os
import resource
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from posthog_nb.errors import SnapshotError
from tests.crashes import ask, check, failing_at, go_on
from tests.recordings import as_somebody, asked, record, replayed

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="a fork is what dies here")


def crashes(*arguments: str) -> dict[str, int]:
    ran = subprocess.run(
        [sys.executable, "-m", "tests.crashes", *arguments], capture_output=True, text=True, check=False, timeout=500
    )
    assert (ran.returncode, ran.stderr) == (0, "")
    found: dict[str, int] = json.loads(ran.stdout)
    return found


def raised_by(run: Callable[[], object]) -> BaseException | None:
    try:
        run()
    except BaseException as error:  # noqa: BLE001 - an interrupt too
        return error
    return None


@pytest.mark.parametrize("kills", [5, pytest.param(50, marks=pytest.mark.fuzz)])
def test_a_recorder_that_is_killed_at_any_moment_leaves_what_replays_rightly(tmp_path: Path, kills: int) -> None:
    found = crashes(str(tmp_path), "--kills", str(kills))
    assert found["recorded"] >= kills


def test_a_recorder_that_dies_at_any_step_leaves_what_replays_rightly(tmp_path: Path) -> None:
    found = crashes(str(tmp_path), "--steps")
    assert min(found.values()) >= 6


@pytest.mark.parametrize("after", [False, True], ids=["instead of it", "after it"])
@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)), KeyboardInterrupt()])
def test_a_step_that_fails_leaves_the_old_answer_or_the_new_one(
    tmp_path: Path, error: BaseException, *, after: bool
) -> None:
    def fail() -> None:
        raise error

    step, ended = 0, False
    while not ended:
        step += 1
        place = tmp_path / str(step)
        ask(place, 0, 1)
        ask(place, 1, 1)
        with pytest.MonkeyPatch.context() as patch:
            calls = failing_at(step, fail, patch.setattr, after=after)
            told = raised_by(lambda place=place: ask(place, 1, 2))
        if told is None:
            ended = len(calls) < step
        elif isinstance(error, OSError):
            assert isinstance(told, SnapshotError)
            assert "No space left on device" in told.message
            assert "free space" in str(told.hint)
        else:
            assert told is error
        assert check(place, {0: 1, 1: 1})[1] in {1, 2}
        assert calls[step - 1 :][:1] == ["os.unlink"] or not list(place.rglob(".unfinished-*"))
        go_on(place, 9)
    assert step > 6


def test_a_file_that_the_disk_takes_half_of_is_not_left(tmp_path: Path) -> None:
    record(tmp_path / "q1")
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_200, limit[1]))
    try:
        with pytest.raises(SnapshotError, match="cannot be written: File too large"):
            record(tmp_path / "q1", asked("SELECT 2"))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)
    assert not list(tmp_path.rglob(".unfinished-*"))
    assert len(replayed(tmp_path / "q1").table) == 3
    record(tmp_path / "q1", asked("SELECT 2"))


def test_a_folder_that_may_not_be_written_is_replayed_and_not_recorded_into() -> None:
    with as_somebody() as folder:
        record(folder / "q1")
        (folder / "q1" / ".lock").unlink(missing_ok=True)
        before = sorted(folder.rglob("*"))
        places = [folder / "q1" / "answers", folder / "q1", folder]
        for place in places:
            place.chmod(0o555)
        try:
            assert len(replayed(folder / "q1").table) == 3
            with pytest.raises(SnapshotError, match="cannot be written: Permission denied"):
                record(folder / "q1", asked("SELECT 2"))
            with pytest.raises(SnapshotError, match="cannot be written: Permission denied"):
                record(folder / "q2")
            assert sorted(folder.rglob("*")) == before
        finally:
            for place in places:
                place.chmod(0o755)
