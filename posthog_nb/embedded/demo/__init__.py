"""A made-up product's events, drawn from a seed: the same for one ``(seed, as_of)`` on every machine."""

from __future__ import annotations

import gc
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from posthog_nb.embedded.demo.draw import Draw
from posthog_nb.embedded.demo.journeys import Journey
from posthog_nb.embedded.demo.people import DAYS, PEOPLE, draw_visitor

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from posthog_nb.embedded.ingestion.event import CapturedEvent
    from posthog_nb.embedded.project import Project

__all__ = ["VERSION", "demo_events", "demo_project"]

VERSION = 1
"""Raised whenever one ``(seed, as_of)`` gives other events than before."""


def demo_events(seed: int, as_of: datetime) -> list[CapturedEvent]:
    """The demo's events over the 90 days before ``as_of``, oldest first; about 60,000 of about 3,000 persons.

    Args:
        seed: Another seed, another history.
        as_of: Aware; nothing happens after it.
    """
    draw = Draw(seed)
    begin = as_of.astimezone(UTC) - timedelta(days=DAYS)
    begin = begin.replace(microsecond=begin.microsecond // 1000 * 1000)
    begin_ms = int(begin.timestamp()) * 1000 + begin.microsecond // 1000
    events = [
        event
        for number in range(PEOPLE)
        for event in Journey(draw, begin, begin_ms, draw_visitor(draw, number)).write()
    ]
    events = [event for event in events if event.timestamp <= as_of]
    events.sort(key=lambda event: (event.timestamp, event.uuid))
    return events


def demo_project(seed: int = 1, as_of: datetime | None = None, settings: Mapping[str, Any] | None = None) -> Project:
    """The demo as a project in memory.

    Args:
        seed: Another seed, another history.
        as_of: When the history ends, and what ``now()`` answers; left out, it ends now and time goes on.
        settings: Further fields of the project's settings, such as its time zone.
    """
    from posthog_nb.embedded.project import Project, ProjectSettings  # noqa: PLC0415 - the engine loads when it is used

    end = as_of or datetime.now(UTC)
    # ClickHouse starts, outside Python's lock, while the events are drawn.
    with ThreadPoolExecutor(1) as starting, _nothing_collected():
        project = starting.submit(Project.in_memory, ProjectSettings(name="demo", as_of=as_of, **(settings or {})))
        events = demo_events(seed, end)
        project.result().capture(events, now=end)
    return project.result()


@contextmanager
def _nothing_collected() -> Iterator[None]:
    """Without Python's search for garbage: sixty thousand new events are none, and it takes a fifth of the time."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
