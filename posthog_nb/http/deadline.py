"""The moment after which a caller no longer waits."""

from __future__ import annotations

import math
import time

from posthog_nb.errors import AnswerTimeoutError

__all__ = ["Deadline"]


class Deadline:
    """So many seconds from now, or never.

    Args:
        seconds: How long the caller waits; None for as long as it takes.
    """

    def __init__(self, seconds: float | None = None) -> None:
        self.seconds = seconds
        self._end = math.inf if seconds is None else time.monotonic() + seconds

    def pass_now(self) -> None:
        """Nobody waits any more."""
        self.seconds, self._end = self.seconds or 0.0, -math.inf

    def left(self) -> float:
        """The seconds that are left; infinite without a deadline."""
        return max(0.0, self._end - time.monotonic())

    def check(self, wait: float = 0.0, *, reason: str | None = None) -> None:
        """See that ``wait`` seconds from now are still before the deadline.

        Args:
            wait: The seconds.
            reason: Why nothing was sent so far, a sentence; None where something may have been.

        Raises:
            AnswerTimeoutError: they are not.
        """
        if self.left() > wait or self.seconds is None:
            return
        if reason is None:
            raise self.missed("PostHog")
        raise AnswerTimeoutError(
            f"Nothing was sent within {self.seconds:g} s. {reason}",
            hint="Give the call a longer timeout, or ask less often.",
            may_have_arrived=False,
        )

    def missed(self, who: str) -> AnswerTimeoutError:
        """The error for a deadline that passed before ``who`` answered."""
        return AnswerTimeoutError(
            f"{who} did not answer within {self.seconds:g} s.", hint="Ask for less, or give the call a longer timeout."
        )
