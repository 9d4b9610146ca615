"""Refusing with a reason, a place and a suggestion."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable

    from posthog_nb.errors import HogQLQueryError

__all__ = ["Refuse", "did_you_mean"]


class Refuse(Protocol):
    """Makes the error that points at one place in the query."""

    def __call__(self, message: str, hint: str | None = None) -> HogQLQueryError:
        """The error, to be raised."""


def did_you_mean(name: str, known: Iterable[str]) -> str | None:
    """A hint that names what is known and close to ``name``."""
    by_lower = {other.lower(): other for other in sorted(known)}
    close = get_close_matches(name.lower(), by_lower, n=3, cutoff=0.6)
    return f"Did you mean: {', '.join(by_lower[match] for match in close)}?" if close else None
