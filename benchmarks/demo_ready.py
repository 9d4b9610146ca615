"""How long the demo takes to be ready, part by part (one run in a new process; nothing else should be running).

python benchmarks/demo_ready.py
"""

from __future__ import annotations

import time
from datetime import UTC, datetime


def main() -> None:
    """Measure and print."""
    started = last = time.perf_counter()

    def lap(part: str) -> None:
        nonlocal last
        now = time.perf_counter()
        print(f"{part:<42}{now - last:>7.2f} s")
        last = now

    from posthog_nb.embedded.demo import demo_events  # noqa: PLC0415 - its import is part of what is measured
    from posthog_nb.embedded.project import Project  # noqa: PLC0415

    lap("import")
    end = datetime.now(UTC)
    project = Project.in_memory()
    lap("start ClickHouse, create the tables")
    events = demo_events(1, end)
    lap(f"draw {len(events):,} events")
    project.capture(events, now=end)
    lap("ingest them")
    print(f"{'one after the other':<42}{time.perf_counter() - started:>7.2f} s")

    from posthog_nb.connecting import connect  # noqa: PLC0415

    last = time.perf_counter()
    with connect("demo") as ph:
        ph.query("SELECT count() FROM events").to_pandas()
        lap("connect('demo') to a first frame, ClickHouse running")


if __name__ == "__main__":
    main()
