"""Never meeting a 429: no more requests than PostHog allows, and no more than three queries at once.

PostHog counts by the minute and by the hour. Whether it counts by key or by project, its documentation and its code do
not agree; counting all requests to one host is right either way.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from posthog_nb.http.deadline import Deadline

__all__ = ["AT_ONCE", "Budget", "budget_for"]

logger = logging.getLogger("posthog_nb.http")

WINDOWS = ((60.0, 240), (3600.0, 2400))
"""Seconds, and the requests that PostHog allows in them."""

AT_ONCE = 3
_MARGIN = 1.0
"""Seconds. The clocks of PostHog's servers do not agree to the last moment."""

_ALLOWED = f"PostHog allows {WINDOWS[0][1]} requests a minute and {WINDOWS[1][1]:,} an hour."
_RUNNING = f"{AT_ONCE} queries were running already, and PostHog allows no more at once."

_TOLD_FROM = 1.0
_SLICE = 0.2


class Budget:
    """The requests to one host that may still be sent.

    Args:
        limited: Whether the host is known to count. A PostHog of one's own usually does not; the first 429 that
            says how long to wait tells.
        clock: The seconds of a clock that never goes back.
        sleep: How to wait.
    """

    def __init__(
        self,
        *,
        limited: bool,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], object] = time.sleep,
    ) -> None:
        self._limited = limited
        self._clock = clock
        self._sleep = sleep
        self._answered: deque[float] = deque(maxlen=WINDOWS[-1][1])
        self.begin_anew()

    def begin_anew(self) -> None:
        """Nothing is on its way any more. What was answered counts as before."""
        self._lock = threading.Lock()
        self._on_their_way = 0
        self._slots = threading.BoundedSemaphore(AT_ONCE)

    @contextmanager
    def request(self, deadline: Deadline) -> Iterator[None]:
        """Wait until one request more fits, and count it from then on.

        When PostHog counts it, nobody but PostHog knows: some time after it is sent, and before its answer is there.
        So it counts as new until it is answered, and by the moment of its answer afterwards.

        Raises:
            AnswerTimeoutError: the deadline passes before it fits.
        """
        told, waited = False, 0.0
        while (seconds := self._reserve()) > 0:
            deadline.check(seconds, reason=_ALLOWED)
            waited += seconds
            if waited >= _TOLD_FROM and not told:
                # Until an answer comes, nobody knows how long.
                how_long = f"{seconds:.0f} s" if seconds >= _TOLD_FROM else "for answers"
                logger.warning("Waiting %s: %s", how_long, _ALLOWED)
                told = True
            self._sleep(seconds)
        try:
            yield
        finally:
            with self._lock:
                self._on_their_way -= 1
                self._answered.append(self._clock())

    def _reserve(self) -> float:
        """0 when a request may go, which is counted; else the seconds until one may, or until it is worth a look."""
        with self._lock:
            now = self._clock()
            seconds = 0.0
            for length, most in WINDOWS if self._limited else ():
                others = most - self._on_their_way
                if others <= 0:
                    seconds = max(seconds, _SLICE)
                elif len(self._answered) >= others:
                    seconds = max(seconds, self._answered[-others] + length + _MARGIN - now)
            if seconds <= 0:
                self._on_their_way += 1
            return seconds

    def met_the_limit(self) -> None:
        """The host answered 429 and said until when: it counts."""
        self._limited = True

    def take_slot(self, deadline: Deadline) -> Callable[[], None]:
        """Take one of the queries that may run at once, as soon as there is one, and give what returns it.

        Returning it twice is returning it once, so that whoever ends a query can do so without the one who asked.

        Raises:
            AnswerTimeoutError: the deadline passes before.
        """
        while not self._slots.acquire(timeout=min(_SLICE, deadline.left())):
            deadline.check(reason=_RUNNING)
        taken = [self._slots]

        def give_back() -> None:
            with self._lock:
                slots = taken.pop() if taken else None
            if slots is not None:
                slots.release()

        return give_back


_budgets: dict[str, Budget] = {}
_lock = threading.Lock()


def budget_for(host: str, *, limited: bool) -> Budget:
    """The one budget for ``host`` in this process."""
    with _lock:
        return _budgets.setdefault(host, Budget(limited=limited))
