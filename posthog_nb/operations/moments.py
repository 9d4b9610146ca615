"""Points in time, as people give them: aware, naive, pandas' own."""

from __future__ import annotations

import sys
import warnings
from datetime import UTC, datetime

from posthog_nb.errors import InvalidInputError

__all__ = ["in_utc", "is_missing", "warn_caller"]

_PACKAGE = "posthog_nb."


def is_missing(value: datetime) -> bool:
    """Whether it is pandas' NaT, which is a ``datetime`` and unequal to itself."""
    return bool(value != value)  # noqa: PLR0124 - that is what it is known by


def in_utc(given: datetime, name: str) -> datetime:
    """The instant in UTC, a plain ``datetime``. Without a zone it is read in this computer's, with a warning.

    Args:
        given: A ``datetime``; ``pd.Timestamp`` is one.
        name: What to call it in a warning or an error.

    Raises:
        InvalidInputError: it is so far away that it has no time in UTC.
    """
    # pandas' Timestamp has an astimezone() of its own, which wants a zone.
    moment = datetime.combine(given.date(), given.timetz())
    try:
        if moment.tzinfo is None:
            moment = moment.astimezone()
            warn_caller(f"{name} {given} has no time zone and is read in this computer's ({moment.tzname()}).")
        return moment.astimezone(UTC)
    except (OverflowError, OSError, ValueError) as error:
        raise InvalidInputError(f"{name} is {given}, too far away to be a time.") from error


def warn_caller(message: str) -> None:
    """Warn with the line outside this package that led here (Python's own way to do so is new in 3.12)."""
    level = 1
    frame = sys._getframe()  # noqa: SLF001 - the documented way to a frame
    while frame.f_back is not None and frame.f_globals.get("__name__", "").startswith(_PACKAGE):
        frame = frame.f_back
        level += 1
    warnings.warn(message, stacklevel=level)
