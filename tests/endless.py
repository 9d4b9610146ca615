"""A query without end, and whether the engine still works at it."""

from __future__ import annotations

import time

from posthog_nb.embedded.store.engine import in_memory

ENDLESS = "SELECT count() FROM numbers(100000000000) WHERE cityHash64(number) = 1"


def ends_within(seconds: float) -> bool:
    """Whether the engine stops working at the endless query."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        texts = [row[0] for row in in_memory().read("SELECT query FROM system.processes")]
        if not any("100000000000" in text for text in texts):
            return True
        time.sleep(0.05)
    return False
