"""A million events behind a twin in a process of its own, and one fetch of all of them in another: figures for a test.

Run as a program it prints the figures as JSON; :func:`figures` does that in a new process.
"""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
import tracemalloc
from pathlib import Path
from typing import TYPE_CHECKING, Any

from posthog_nb.embedded.server import create_app
from posthog_nb.operations.answer import LARGEST_PAGE
from tests.twin import client_of, new_project, separate_twin

if TYPE_CHECKING:
    from wsgiref.types import WSGIApplication

ROWS = 1_000_000
QUERY = "SELECT uuid, event, distinct_id, timestamp, properties.price AS price FROM events ORDER BY timestamp, uuid"
KIBIBYTE = 1024


def million_events() -> WSGIApplication:
    """The application of a project with a million events, ten of them at each moment."""
    project = new_project(timezone="Europe/London")
    project.store.engine.command(
        f"INSERT INTO {project.store.database}.events"
        " (uuid, event, properties, timestamp, team_id, distinct_id, person_id, created_at)"
        " SELECT reinterpretAsUUID(toFixedString(concat(reverse(hex(sipHash64(number))), ''), 16)),"
        " concat('event ', toString(number % 20)), concat('{\"price\": \"', toString(number % 977), '\"}'),"
        " toDateTime64('2026-03-01 00:00:00', 6, 'UTC') + intDiv(number, 10), 1,"
        " concat('person-', toString(number % 5003)), generateUUIDv4(), now64(6)"
        f" FROM numbers({ROWS})"
    )
    return create_app(project)


def fetch_a_million(frame: str) -> dict[str, Any]:
    """Fetch them all from a twin that adds 200 ms a page and fails every seventh request."""
    with separate_twin(million_events, delay_seconds=0.2, fail_every=7) as twin, client_of(twin, frame=frame) as client:
        client.query(QUERY, limit=1000).to_frame()  # what a process loads once is no page's
        twin.forget()
        before = _resident()
        peak = _Peak()
        start = time.monotonic()
        result = client.query(QUERY, limit=50).fetch_all()
        fetched = time.monotonic() - start
        found = result.to_frame()
        wall = time.monotonic() - start
        most = peak.stop()
        seen = twin.seen("/query/")
    table = result.to_arrow()
    page = _page([list(row.values()) for row in table.slice(0, LARGEST_PAGE).to_pylist()])
    return {
        "rows": len(found),
        "distinct": len(set(table.column("uuid").to_pylist())),
        "in_order": table.sort_by([("timestamp", "ascending")]).column("timestamp").equals(table.column("timestamp")),
        "requests": len(seen),
        "failed": sum(each.status == 503 for each in seen),
        "pages": sum(each.status == 200 for each in seen),
        "wall_seconds": round(wall, 2),
        "fetch_seconds": round(fetched, 2),
        "server_seconds": round(sum(each.ended - each.started for each in seen), 2),
        "server_busy_seconds": round(_busy([(each.started, each.ended) for each in seen]), 2),
        "peak_mib": round((most - before) / KIBIBYTE, 1),
        "frame_mib": round(_size(found) / KIBIBYTE**2, 1),
        "page_mib": round(page / KIBIBYTE**2, 1),
    }


def _size(frame: Any) -> int:
    """The bytes of a frame of any kind."""
    if hasattr(frame, "estimated_size"):
        return int(frame.estimated_size())
    return int(frame.memory_usage(deep=True).sum()) if hasattr(frame, "memory_usage") else int(frame.nbytes)


def _page(rows: list[list[Any]]) -> int:
    """The bytes of one page: its JSON text, and that text parsed."""
    text = json.dumps({"results": rows}, default=str)
    tracemalloc.start()
    try:
        parsed = json.loads(text)
        return len(text) + tracemalloc.get_traced_memory()[0] if parsed else 0
    finally:
        tracemalloc.stop()


def _busy(spans: list[tuple[float, float]]) -> float:
    total, until = 0.0, 0.0
    for start, end in sorted(spans):
        total += max(0.0, end - max(start, until))
        until = max(until, end)
    return total


def _resident() -> int:
    """KiB."""
    status = Path("/proc/self/status").read_text()
    return int(next(line for line in status.splitlines() if line.startswith("VmRSS")).split()[1])


class _Peak:
    """The most memory, looked at every few milliseconds."""

    def __init__(self) -> None:
        self._most = 0
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)
        self._thread.start()

    def _look(self) -> None:
        while not self._done.wait(0.005):
            self._most = max(self._most, _resident())

    def stop(self) -> int:
        self._done.set()
        self._thread.join()
        return max(self._most, _resident())


def figures(frame: str) -> dict[str, Any]:
    """The figures of one fetch, in a new process."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.million", frame], check=True, capture_output=True, text=True, timeout=280
    )
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


if __name__ == "__main__":
    sys.stdout.write(json.dumps(fetch_a_million(sys.argv[1])) + "\n")
