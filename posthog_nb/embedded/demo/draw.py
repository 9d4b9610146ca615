"""Draws from a seed that come out the same on every platform and Python version."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Draw"]

T = TypeVar("T")
_BITS_A_DRAW = 37


class Draw:
    """A stream of draws; two with the same seed give the same.

    Everything comes from ``random.Random.random``, the one stream that Python promises not to change.

    Args:
        seed: Any integer.
    """

    def __init__(self, seed: int) -> None:
        self.unit = random.Random(seed).random  # noqa: S311 - made-up data
        """The next number in [0, 1)."""

    def chance(self, probability: float) -> bool:
        """True with this probability."""
        return self.unit() < probability

    def below(self, bound: int) -> int:
        """An integer from 0 to below ``bound``."""
        return int(self.unit() * bound)

    def between(self, low: int, high: int) -> int:
        """An integer from ``low`` to ``high``, both included."""
        return low + int(self.unit() * (high - low + 1))

    def pick(self, items: Sequence[T]) -> T:
        """One of the items, each as likely; list one twice to make it twice as likely."""
        return items[int(self.unit() * len(items))]

    def bits(self) -> int:
        """74 bits, as a UUIDv7 takes."""
        return int(self.unit() * (1 << _BITS_A_DRAW)) << _BITS_A_DRAW | int(self.unit() * (1 << _BITS_A_DRAW))
