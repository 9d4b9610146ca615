"""When an event happened: the sender's timestamp, corrected by what its clock said when it sent."""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

__all__ = ["event_time", "parse_milliseconds", "parse_time"]

FUTURE = timedelta(hours=23)
"""An event further ahead than this is taken to happen now."""

_MILLISECONDS_FROM = 100_000_000_000
"""A bare number at least this large is in milliseconds: in seconds it would be the year 5138."""

_YEARS = range(1900, 2300)
"""The years that ClickHouse's DateTime64 can hold."""

_LEAP_SECOND = re.compile(r"([Tt ]\d\d:\d\d):60")


def parse_time(value: object) -> datetime | None:
    """A time in any of the forms PostHog reads, in UTC, or None when it is none of them.

    RFC 3339, a space for the T, a date alone, slashes for dashes, RFC 2822, seconds or milliseconds since 1970 as a
    number or text. A time without a zone is UTC; a leap second is the one before it.
    """
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        return None
    if isinstance(value, str):
        text = _LEAP_SECOND.sub(r"\1:59", value.strip())
        found = _iso(text) or _iso(text.replace("/", "-")) or _rfc2822(text) or _seconds_or_milliseconds(text)
    else:
        found = _seconds_or_milliseconds(value)
    return _storable(found)


def parse_milliseconds(text: str) -> datetime | None:
    """Whole milliseconds since 1970, in UTC; None when the text is no such number, or one too large to be stored."""
    number = _number(text) if text.isdecimal() else None
    return None if number is None else _storable(_since_1970(number / 1000))


def _iso(text: str) -> datetime | None:
    try:
        # RFC 3339 allows "t" and "z"; Python 3.11 does not know a small "z".
        found = datetime.fromisoformat(text.upper())
        # Digits alone are a Unix time, not the date that ISO 8601's basic format would make of eight of them.
        return None if text.isdigit() else _utc(found)
    except (ValueError, OverflowError):
        return None


def _rfc2822(text: str) -> datetime | None:
    try:
        return _utc(parsedate_to_datetime(text))
    except (ValueError, TypeError, IndexError, OverflowError):
        return None


def _seconds_or_milliseconds(value: str | float) -> datetime | None:
    number = _number(value)
    if number is None:
        return None
    return _since_1970(number / 1000 if abs(number) >= _MILLISECONDS_FROM else number)


def _number(value: str | float) -> float | None:
    try:
        number = float(value)
    except (ValueError, OverflowError):  # JSON has whole numbers that no float can hold
        return None
    return number if math.isfinite(number) else None


def _since_1970(seconds: float) -> datetime | None:
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError):
        return None


def _storable(found: datetime | None) -> datetime | None:
    return found if found is not None and found.year in _YEARS else None


def _utc(found: datetime) -> datetime:
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)


def event_time(
    timestamp: object, offset: object, sent_at: datetime | None, now: datetime, *, ignore_sent_at: bool = False
) -> datetime:
    """When an event happened, by the server's clock.

    Args:
        timestamp: What the sender wrote, in any form of :func:`parse_time`; missing or unreadable means now.
        offset: Milliseconds before now, for senders that give no timestamp; unreadable means none.
        sent_at: The sender's clock when it sent; the difference to ``now`` is added.
        now: The server's clock.
        ignore_sent_at: The event asked not to be moved (``$ignore_sent_at``).
    """
    found = parse_time(timestamp)
    if found is None:
        found = _before(now, offset)
    elif sent_at is not None and not ignore_sent_at:
        found += now - sent_at
    return now if found - now > FUTURE or found.year not in _YEARS else found


def _before(now: datetime, milliseconds: object) -> datetime:
    if isinstance(milliseconds, bool) or not isinstance(milliseconds, (int, float)):
        return now
    try:
        return now - timedelta(milliseconds=milliseconds)
    except (ValueError, OverflowError):  # not a number, or further back than the calendar goes
        return now
