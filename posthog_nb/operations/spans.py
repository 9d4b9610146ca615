"""Stretches of time in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from posthog_nb.visible import counted

if TYPE_CHECKING:
    from datetime import timedelta

__all__ = ["ago", "in_short", "in_words", "seconds", "unit_of"]

_UNITS = (("day", 86_400), ("hour", 3_600), ("minute", 60), ("second", 1))
_SIGNS = ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s"))
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
    return counted(whole // size, name)


def ago(span: timedelta) -> str:
    """How long ago it was, by two clocks that may differ a little."""
    return "just now" if span.total_seconds() < _MINUTE else f"{in_words(span)} ago"


def unit_of(elapsed: float) -> tuple[int, str]:
    """The unit in which so many seconds are told in short: its seconds and its sign."""
    return next((unit for unit in _SIGNS if elapsed >= unit[0]), _SIGNS[-1])


def in_short(elapsed: float) -> str:
    """So many seconds in their largest unit, by two digits that count: ``45 s``, ``12 min``, ``3.5 h``, ``12 d``."""
    size, sign = unit_of(elapsed)
    value = elapsed / size
    return f"{value:.0f} {sign}" if value >= _TEN or value == int(value) else f"{value:.1f} {sign}"
