"""Stretches of time as a picture has room for them."""

from __future__ import annotations

__all__ = ["span", "unit_of"]

_UNITS = ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s"))


def unit_of(seconds: float) -> tuple[int, str]:
    """The unit in which ``seconds`` are told, as seconds and as its sign."""
    return next((unit for unit in _UNITS if seconds >= unit[0]), _UNITS[-1])


def span(seconds: float) -> str:
    """``45 s``, ``12 min``, ``3.5 h``, ``12 d``: two digits that count."""
    size, sign = unit_of(seconds)
    value = seconds / size
    return f"{value:.0f} {sign}" if value >= 10 or value == int(value) else f"{value:.1f} {sign}"  # noqa: PLR2004 - two digits
