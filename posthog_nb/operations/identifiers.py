"""UUIDs of version 7, which sort by the time they were made at. Python has them only from 3.14."""

from __future__ import annotations

import secrets
import time
from uuid import UUID

__all__ = ["uuid7"]

_VERSION, _VARIANT = 0x7, 0b10
_MASK_12, _MASK_62 = (1 << 12) - 1, (1 << 62) - 1


def uuid7() -> UUID:
    """A new UUID: 48 bits of Unix milliseconds, 74 random bits (RFC 9562, 5.7)."""
    milliseconds = time.time_ns() // 1_000_000
    random = secrets.randbits(74)
    number = (milliseconds & ((1 << 48) - 1)) << 80
    number |= _VERSION << 76 | (random >> 62 & _MASK_12) << 64
    number |= _VARIANT << 62 | random & _MASK_62
    return UUID(int=number)
