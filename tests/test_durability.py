"""What got a 200 is there, once, whatever happens to the server."""

from __future__ import annotations

import random
import threading
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from uuid import UUID

import pytest
import requests

from tests.serving import Served, start

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.slow

CHUNK = 1_000
PERSONS = 5_000
FIRST = datetime(2026, 1, 1, tzinfo=UTC)
KILLED_DURING = {12: 0.002, 27: 0.02, 42: 0.06}
"""Chunk number -> seconds after the request starts at which the server is killed."""


def chunk(number: int) -> list[dict[str, object]]:
    """The same thousand events for the same number, whenever it is asked for: same uuids, same times."""
    draw = random.Random(number)
    return [
        {
            "uuid": str(UUID(int=draw.getrandbits(128), version=4)),
            "event": "row",
            "distinct_id": f"user-{row % PERSONS}",
            "timestamp": (FIRST + timedelta(seconds=row)).isoformat(),
            "properties": {"n": row, "$set": {"last": row}},
        }
        for row in range(number * CHUNK, (number + 1) * CHUNK)
    ]


def send(served: Served, number: int) -> bool:
    """Whether the server took the chunk with a 200."""
    try:
        answer = requests.post(
            f"{served.url}/batch/", json={"api_key": served.project_token, "batch": chunk(number)}, timeout=60
        )
    except requests.ConnectionError:
        return False
    assert answer.status_code == 200, answer.text
    return True


def ask(served: Served, query: str) -> list[object]:
    answer = requests.post(
        f"{served.url}/api/projects/{served.project_id}/query/",
        json={"query": {"kind": "HogQLQuery", "query": query}},
        headers={"Authorization": f"Bearer {served.personal_api_key}"},
        timeout=60,
    )
    assert answer.status_code == 200, answer.text
    row: list[object] = answer.json()["results"][0]
    return row


@pytest.mark.parametrize("chunks", [60, pytest.param(200, marks=pytest.mark.fuzz)])
def test_events_survive_a_killed_server_once_each(tmp_path: Path, chunks: int) -> None:
    served = start(tmp_path / "store")
    lost_answers = []
    for number in range(chunks):
        if number in KILLED_DURING:
            threading.Timer(KILLED_DURING[number], served.process.kill).start()
        if not send(served, number):
            lost_answers.append(number)
        if number in KILLED_DURING:
            served.process.wait(10)
            served = start(tmp_path / "store")
    try:
        assert all(send(served, number) for number in lost_answers)
        # A chunk that did get its 200, sent again as after a lost answer, changes nothing.
        assert send(served, 0)

        counts = ask(served, "SELECT count(), count(DISTINCT uuid), count(DISTINCT properties.n) FROM events")
        assert counts == [chunks * CHUNK] * 3
        assert ask(served, "SELECT count(), count(DISTINCT id) FROM persons") == [PERSONS, PERSONS]
    finally:
        served.process.terminate()
        served.process.wait(20)
