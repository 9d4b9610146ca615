"""Cells that several tests begin with."""

from __future__ import annotations

__all__ = ["DEMO", "KNOWN", "SERVED", "TOP"]

DEMO = """%load_ext posthog_nb
import posthog_nb

since = "2026-03-01"
ph = posthog_nb.connect("demo", as_of="2026-03-31T00:00:00Z")"""
"""The extension, and the demo as of a fixed moment."""

KNOWN = """import threading

ready = threading.Event()
ph.known.when_ready(lambda known: ready.set())
ready.wait(60)"""
"""Waits until the names of the project's events and properties are here: they are looked up in the background."""

SERVED = """%load_ext posthog_nb
import posthog_nb

ph = posthog_nb.connect(profile="served")"""
"""The extension, and the twin of the fixture ``served``."""

TOP = """%%hogql --limit 8
SELECT event, count() AS n, count(DISTINCT person_id) AS persons, max(timestamp) AS latest
FROM events
WHERE timestamp > {since}
GROUP BY event
ORDER BY n DESC, event"""
"""A frame of a few events."""
