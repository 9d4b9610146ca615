"""The dates of filters: ISO 8601, or relative to now as PostHog writes it."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from dateutil.parser import isoparse
from dateutil.relativedelta import relativedelta

from posthog_nb.embedded.hogql.facts import ProjectFacts
from posthog_nb.errors import InvalidInputError

__all__ = ["check_date", "filter_date", "is_relative", "project_now"]

_RELATIVE = re.compile(r"-?(?P<number>\d{1,6})?(?P<unit>[hdwmqysM])(?P<edge>Start|End)?")
_UNITS = {
    "s": ("seconds", 1),
    "M": ("minutes", 1),
    "h": ("hours", 1),
    "d": ("days", 1),
    "w": ("weeks", 1),
    "m": ("months", 1),
    "q": ("weeks", 13),
    "y": ("years", 1),
}
_ANYWHERE = ProjectFacts(database="")
_DAY_START = relativedelta(hour=0, minute=0, second=0, microsecond=0)
_EDGES = {
    ("h", "Start"): relativedelta(minute=0, second=0, microsecond=0),
    ("h", "End"): relativedelta(minute=59, second=59, microsecond=999_999),
    ("d", "Start"): _DAY_START,
    ("d", "End"): relativedelta(hour=23, minute=59, second=59, microsecond=999_999),
    # As in PostHog, these choose the day and leave the time of day alone.
    ("m", "Start"): relativedelta(day=1),
    ("m", "End"): relativedelta(day=31),
    ("y", "Start"): relativedelta(month=1, day=1),
    ("y", "End"): relativedelta(day=31),
}


def project_now(facts: ProjectFacts) -> datetime:
    """What the project's clock says, in its zone."""
    return (facts.as_of or datetime.now(UTC)).astimezone(ZoneInfo(facts.timezone))


def is_relative(text: str) -> bool:
    """Whether the date counts from now: ``-7d``, ``-1mStart``, ``dEnd``."""
    return _RELATIVE.fullmatch(text) is not None


def check_date(text: str) -> None:
    """Refuse what :func:`filter_date` would.

    Raises:
        InvalidInputError: it is no date of a filter.
    """
    filter_date(text, _ANYWHERE)


def filter_date(text: str, facts: ProjectFacts, *, truncate: bool = False) -> datetime:
    """The instant that a date of a filter stands for.

    A date without a zone is in the project's. ``-7d`` is exactly seven days ago: only ``Start`` and ``End`` round.

    Args:
        text: ISO 8601, or a number of ``s M h d w m q y`` before now.
        facts: The project, for its zone and clock.
        truncate: Go back to the start of the day, or of the hour when hours are counted, as insights do.

    Raises:
        InvalidInputError: it is neither.
    """
    zone = ZoneInfo(facts.timezone)
    match = _RELATIVE.fullmatch(text)
    try:
        if match is None:
            at = isoparse(text)
            return at.replace(tzinfo=zone) if at.tzinfo is None else at.astimezone(zone)
        unit = match["unit"]
        name, factor = _UNITS[unit]
        back = relativedelta(**{name: factor * int(match["number"] or 0)})  # type: ignore[arg-type]  # a count of units
        at = project_now(facts) - back + _EDGES.get((unit, match["edge"] or ""), relativedelta())
        if truncate:
            at += relativedelta(minute=0, second=0, microsecond=0) if unit == "h" else _DAY_START
    except (ValueError, OverflowError) as error:
        raise InvalidInputError(
            f"{text!r:.60} is no date of a filter.",
            hint="Write an ISO 8601 date, or one before now such as -7d or -24h.",
        ) from error
    return at
