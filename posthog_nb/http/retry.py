"""What is tried again, how often and after how long.

urllib3 has a policy of its own, which ends where an answer's headers do: an answer that breaks off in its body is not
tried again, the first pause is none at all, and nobody sees that it waits.
"""

from __future__ import annotations

import math
import random
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["CAPTURE", "LEAST_WAIT", "LONGEST_WAIT", "ONCE", "READ", "Policy", "asked_wait", "pause"]

LONGEST_WAIT = 60.0
"""Seconds. A server that asks for more is not waited for: the caller gets its answer as an error at once."""

LEAST_WAIT = 0.1
"""Seconds. A server that asks for no time at all would be asked four times in a moment."""

TOO_MANY = 429
_LONGEST_PAUSE = 20.0
_SHORTEST_PAUSE = 0.5
_PAUSE_FOR_A_SLOT = 2.0
"""Seconds. A 429 that names no time says that too many queries run at once, and one of them has to end first."""


@dataclass(frozen=True, slots=True)
class Policy:
    """One kind of request.

    Attributes:
        statuses: The answers after which it is sent again.
        after_silence: Whether it is sent again when no answer came in time.
        answer_seconds: How long an answer may be in coming.
        retries: How often it is sent again, after the first time.
    """

    statuses: frozenset[int]
    after_silence: bool = False
    answer_seconds: float = 310.0
    retries: int = 3


READ = Policy(frozenset({408, TOO_MANY, 500, 502, 503}))
"""For reads. A 504 or 512 says that a query takes too long, and it would take as long again. A silent server may
well be working on it still, and a second copy would make things worse. PostHog's ingress cuts a query at about 300 s,
and its own answer says more than our time-out would."""

CAPTURE = Policy(READ.statuses | {504}, after_silence=True, answer_seconds=30.0)
"""For events. They carry their own uuid and timestamp, so sending one twice stores it once."""

ONCE = Policy(frozenset(), retries=0)


def pause(failures: int, status: int | None) -> float:
    """Seconds to wait after so many failures in a row when the server names no time, with some jitter."""
    shortest = _PAUSE_FOR_A_SLOT if status == TOO_MANY else _SHORTEST_PAUSE
    return float(min(shortest * 2 ** (failures - 1), _LONGEST_PAUSE) * random.uniform(1, 1.3))  # noqa: S311 - no secret


def asked_wait(headers: Mapping[str, str]) -> float | None:
    """The seconds that ``Retry-After`` asks for; None when it does not.

    A point in time is read against the answer's own ``Date``: this computer's clock may be wrong.
    """
    text = headers.get("Retry-After", "").strip()
    try:
        seconds = float(text)
    except ValueError:
        pass
    else:
        return None if math.isnan(seconds) else max(seconds, 0.0)
    try:
        until = parsedate_to_datetime(text)
        now = parsedate_to_datetime(headers["Date"]) if "Date" in headers else datetime.now(UTC)
        return max((until - now).total_seconds(), 0.0)
    except (ValueError, TypeError, OverflowError):
        return None
