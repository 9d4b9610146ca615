"""Warnings, with the line of the caller's that led to them."""

from __future__ import annotations

import sys
import warnings

__all__ = ["PersonalDataWarning", "warn_caller"]

_PACKAGE = "posthog_nb."


class PersonalDataWarning(UserWarning):
    """Emails are about to be kept in a snapshot."""


def warn_caller(message: str, category: type[Warning] = UserWarning) -> None:
    """Warn with the line outside this package that led here (Python's own way to do so is new in 3.12)."""
    level = 1
    frame = sys._getframe()  # noqa: SLF001 - the documented way to a frame
    while frame.f_back is not None and frame.f_globals.get("__name__", "").startswith(_PACKAGE):
        frame = frame.f_back
        level += 1
    warnings.warn(message, category, stacklevel=level)
