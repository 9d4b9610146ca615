"""Refusing with a reason, a place and a suggestion."""

from __future__ import annotations

from difflib import SequenceMatcher, get_close_matches
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable

    from posthog_nb.errors import HogQLQueryError

__all__ = ["Refuse", "unknown"]

_NEAR = 0.8
"""From this likeness on the nearest name is taken to be the one that was meant."""


class Refuse(Protocol):
    """Makes the error that points at one place in the query."""

    def __call__(self, message: str, hint: str | None = None, meant: tuple[str, str] | None = None) -> HogQLQueryError:
        """The error, to be raised; ``meant`` is a name in that place and the one that was probably meant."""


def unknown(
    refuse: Refuse, message: str, name: str, known: Iterable[str], otherwise: str | None = None
) -> HogQLQueryError:
    """The error for a name that is not known, with those that are and come close to it.

    Args:
        refuse: Makes it.
        message: What it says.
        name: The name.
        known: What could stand in its place.
        otherwise: The hint where nothing comes close.
    """
    by_lower = {other.lower(): other for other in sorted(known)}
    close = get_close_matches(name.lower(), by_lower, n=3, cutoff=0.6)
    names = [by_lower[match] for match in close]
    likeness = [SequenceMatcher(None, match, name.lower()).ratio() for match in close]
    one = bool(close) and likeness[0] >= _NEAR and likeness[1:2] != likeness[:1]
    return refuse(
        message,
        f"Did you mean: {', '.join(names)}?" if names else otherwise,
        (name, names[0]) if one else None,
    )
