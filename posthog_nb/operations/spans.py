"""Stretches of time in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import timedelta

__all__ = ["ago", "in_words", "seconds"]

_UNITS = (("day", 86_400), ("hour", 3_600), ("minute", 60), ("second", 1))
_MINUTE, _TEN = 60, 10


def seconds(elapsed: float) -> str:
    """How long something took: ``0.12 s``, ``14 s``, ``2 min 5 s``."""
    if elapsed < _TEN:
        return f"{max(elapsed, 0.01):.2g} s"
    minutes, left = divmod(round(elapsed), _MINUTE)
    return f"{minutes} min {left} s" if minutes else f"{left} s"


def in_words(span: timedelta) -> str:
    """A stretch of time in its largest unit, rounded down: ``3 days``, ``1 minute``, ``0 seconds``."""
    whole = max(0, int(span.total_seconds()))
    name, size = next((unit for unit in _UNITS if whole >= unit[1]), _UNITS[-1])
    count = whole // size
    return f"{count:,} {name}{'' if count == 1 else 's'}"


def ago(span: timedelta) -> str:
    """How long ago it was, by two clocks that may differ a little."""
    return "just now" if span.total_seconds() < _MINUTE else f"{in_words(span)} ago"
