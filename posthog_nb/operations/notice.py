"""Warnings that point at the caller's line, however deep in this package they arise."""

from __future__ import annotations

import sys
import warnings

__all__ = ["warn_caller"]

_PACKAGE = "posthog_nb."


def warn_caller(message: str) -> None:
    """Warn with the line outside this package that led here (Python's own way to do so is new in 3.12)."""
    level = 1
    frame = sys._getframe()  # noqa: SLF001 - the documented way to a frame
    while frame.f_back is not None and frame.f_globals.get("__name__", "").startswith(_PACKAGE):
        frame = frame.f_back
        level += 1
    warnings.warn(message, stacklevel=level)
