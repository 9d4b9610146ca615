"""The time that a picker shows, and the instant that it is."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from zoneinfo import ZoneInfo, available_timezones

from posthog_nb.errors import InvalidInputError
from posthog_nb.operations.properties import event_time

__all__ = ["instant", "local_zone", "picked", "zones"]


@cache
def zones() -> tuple[str, ...]:
    """The names of all time zones."""
    return tuple(sorted(available_timezones()))


@cache
def local_zone() -> str:
    """The name of this computer's zone; UTC where it does not tell it."""
    named = os.environ.get("TZ", "").lstrip(":")
    linked = str(Path("/etc/localtime").resolve()).partition("zoneinfo/")[2]
    found = next((name for name in (named, linked) if name in zones()), "UTC")
    return "UTC" if found == "Etc/UTC" else found


def instant(wall: datetime, zone: str) -> tuple[datetime, str]:
    """The instant at which clocks in ``zone`` show ``wall``, and a remark for a reader, mostly an empty one.

    Raises:
        InvalidInputError: there is no such zone, or its clocks never show that time.
    """
    if zone not in zones():
        raise InvalidInputError(
            f"There is no time zone {zone[:40]!r}.", hint="Choose one, such as UTC or Europe/Berlin.", argument="zone"
        )
    local = wall.replace(tzinfo=ZoneInfo(zone), fold=0)
    moment = event_time(local)
    if moment.astimezone(local.tzinfo).replace(tzinfo=None) != wall:
        raise InvalidInputError(
            f"Clocks in {zone} never show {wall}: they are put forward over it.", argument="timestamp"
        )
    twice = local.replace(fold=1).utcoffset() != local.utcoffset()
    return moment, f"Clocks in {zone} show this twice; the first is meant." if twice else ""


def picked(given: object) -> tuple[datetime, str]:
    """What a picker shows for a time that code gives: the time on the clock, and the zone that it is in."""
    moment = event_time(given)
    zone = getattr(getattr(given, "tzinfo", None), "key", None) or (local_zone() if _is_naive(given) else "UTC")
    if zone not in zones():
        zone = "UTC"
    local = moment.astimezone(ZoneInfo(zone))
    if local.fold:
        local = moment.astimezone(UTC)  # of a time that clocks show twice, the picker means the first
        zone = "UTC"
    return local.replace(tzinfo=None), zone


def _is_naive(given: object) -> bool:
    if isinstance(given, str):
        given = datetime.fromisoformat(given.strip())
    return isinstance(given, datetime) and given.tzinfo is None
