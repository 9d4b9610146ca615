"""When an event happened: the sender's timestamp, corrected by what its clock said when it sent."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

__all__ = ["event_time", "parse_time"]

FUTURE = timedelta(hours=23)
"""An event further ahead than this is taken to happen now."""

_MILLISECONDS_FROM = 100_000_000_000
"""A bare number at least this large is in milliseconds: in seconds it would be the year 5138."""

_YEARS = range(1900, 2300)
"""The years that ClickHouse's DateTime64 can hold."""


def parse_time(value: object) -> datetime | None:
    """A time in any of the forms PostHog reads, in UTC, or None when it is none of them.

    RFC 3339, a space for the T, a date alone, slashes for dashes, RFC 2822, seconds or milliseconds since 1970 as a
    number or text. A time without a zone is UTC.
    """
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        return None
    if isinstance(value, str):
        text = value.strip()
        found = _iso(text) or _iso(text.replace("/", "-")) or _rfc2822(text) or _number(text)
    else:
        found = _seconds(float(value))
    return found if found is not None and found.year in _YEARS else None


def _iso(text: str) -> datetime | None:
    try:
        found = datetime.fromisoformat(text)
        # Digits alone are a Unix time, not the date that ISO 8601's basic format would make of eight of them.
        return None if text.isdigit() else _utc(found)
    except (ValueError, OverflowError):
        return None


def _rfc2822(text: str) -> datetime | None:
    try:
        return _utc(parsedate_to_datetime(text))
    except (ValueError, TypeError, IndexError, OverflowError):
        return None


def _number(text: str) -> datetime | None:
    try:
        return _seconds(float(text))
    except ValueError:
        return None


def _seconds(number: float) -> datetime | None:
    if not math.isfinite(number):
        return None
    try:
        return datetime.fromtimestamp(number / 1000 if abs(number) >= _MILLISECONDS_FROM else number, UTC)
    except (ValueError, OverflowError, OSError):
        return None


def _utc(found: datetime) -> datetime:
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)


def event_time(
    timestamp: object, offset: object, sent_at: datetime | None, now: datetime, *, ignore_sent_at: bool = False
) -> datetime:
    """When an event happened, by the server's clock.

    Args:
        timestamp: What the sender wrote, in any form of :func:`parse_time`; missing or unreadable means now.
        offset: Milliseconds before now, for senders that give no timestamp.
        sent_at: The sender's clock when it sent; the difference to ``now`` is added.
        now: The server's clock.
        ignore_sent_at: The event asked not to be moved (``$ignore_sent_at``).
    """
    found = parse_time(timestamp) if timestamp is not None else None
    if found is None:
        if isinstance(offset, (int, float)) and not isinstance(offset, bool) and math.isfinite(offset):
            try:
                found = now - timedelta(milliseconds=offset)
            except OverflowError:
                return now
        else:
            return now
    elif sent_at is not None and not ignore_sent_at:
        found += now - sent_at
    return now if found - now > FUTURE or found.year not in _YEARS else found
