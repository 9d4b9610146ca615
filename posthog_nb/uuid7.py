"""UUIDs of version 7: ordered by time, made by the sender so that a retry is the same event."""

from __future__ import annotations

import secrets
import time
from uuid import UUID

__all__ = ["uuid7"]

_RANDOM_BITS = 74


def uuid7(milliseconds: int | None = None, random_bits: int | None = None) -> UUID:
    """A UUIDv7 of RFC 9562.

    Args:
        milliseconds: Unix time in milliseconds; default: now.
        random_bits: 74 bits; default: drawn anew. Given by callers that want the same UUID again.
    """
    at = time.time_ns() // 1_000_000 if milliseconds is None else milliseconds
    drawn = secrets.randbits(_RANDOM_BITS) if random_bits is None else random_bits
    high, low = drawn >> 62, drawn & ((1 << 62) - 1)
    return UUID(int=(at & ((1 << 48) - 1)) << 80 | 0x7 << 76 | (high & 0xFFF) << 64 | 0b10 << 62 | low)
