"""Points in time, as people give them: aware, naive, pandas' own."""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from posthog_nb.cautions import warn_caller
from posthog_nb.errors import InvalidInputError

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["gathered_warnings", "in_utc", "is_missing", "warn_caller", "warn_together"]

_gathered: ContextVar[list[str] | None] = ContextVar("gathered", default=None)


@contextmanager
def gathered_warnings() -> Iterator[list[str]]:
    """Within it, times without a zone are noted in the list instead of warned of one by one."""
    notes: list[str] = []
    token = _gathered.set(notes)
    try:
        yield notes
    finally:
        _gathered.reset(token)


def warn_together(notes: list[str], more: int = 0) -> None:
    """Warn once of times without a zone, by the first of ``notes``; or note them where they are gathered.

    Args:
        notes: What was gathered.
        more: How many more there were that were not kept.
    """
    if (gathered := _gathered.get()) is not None:
        gathered.extend(notes)
    elif notes:
        more += len(notes) - 1
        warn_caller(notes[0] + (f" There are {more:,} more such times." if more else ""))


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
            warn_together([f"{name} {given} has no time zone and is read in this computer's ({moment.tzname()})."])
        return moment.astimezone(UTC)
    except (OverflowError, OSError, ValueError) as error:
        raise InvalidInputError(f"{name} is {given}, too far away to be a time.", argument=name) from error
