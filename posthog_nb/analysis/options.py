"""Options that several analyses have, read and checked in one place."""

from __future__ import annotations

from operator import index
from typing import SupportsIndex

from posthog_nb.analysis.text import literal
from posthog_nb.errors import InvalidInputError

__all__ = ["actor", "enlarged", "read_choice", "read_sampling", "read_whole", "sample"]

_LAST_GROUP_TYPE = 4


def read_whole(given: object, name: str, least: int, most: int | None = None, *, hint: str | None = None) -> int:
    """A whole number.

    Args:
        given: What was given.
        name: What the option is called.
        least: The least that it may be.
        most: The most that it may be; None for as much as one likes.
        hint: What it means, in place of its bounds.

    Raises:
        InvalidInputError: it is none, or beyond the bounds.
    """
    if not isinstance(given, bool) and isinstance(given, SupportsIndex):
        number = index(given)
        if least <= number and (most is None or number <= most):
            return number
    bounds = f"of {least} or more" if most is None else f"from {least} to {most:,}"
    raise InvalidInputError(f"{name} is {given!r}.", hint=hint or f"It is a whole number {bounds}.", argument=name)


def read_choice(given: object, name: str, allowed: tuple[str, ...]) -> str:
    """One of several words.

    Raises:
        InvalidInputError: it is another.
    """
    if not isinstance(given, str) or given not in allowed:
        raise InvalidInputError(f"{name} is {given!r}.", hint=f"There are {', '.join(allowed)}.", argument=name)
    return given


def read_sampling(sampling_factor: object) -> float | None:
    """The part of all persons to look at; None for all.

    Raises:
        InvalidInputError: it is no part.
    """
    if sampling_factor is None:
        return None
    factor = sampling_factor
    if isinstance(factor, bool) or not isinstance(factor, int | float) or not 0 < factor <= 1:
        raise InvalidInputError(
            f"sampling_factor is {factor!r}.", hint="It is above 0, and at most 1.", argument="sampling_factor"
        )
    return None if factor == 1 else float(factor)


def sample(sampling_factor: float | None) -> str:
    """The table of events, or the part of it that is looked at."""
    return "events" if sampling_factor is None else f"events SAMPLE {literal(sampling_factor)}"


def enlarged(count: str, sampling_factor: float | None) -> str:
    """A count of a sample as it would be of all (``correct_result_for_sampling``)."""
    if sampling_factor is None:
        return count
    return f"assumeNotNull(toInt(round({count} * (1 / {literal(sampling_factor)}))))"


def actor(aggregation_group_type_index: int | None) -> tuple[str, str | None]:
    """The column of those who are counted, persons or groups, and the condition that there is one.

    Raises:
        InvalidInputError: there is no group type of this number.
    """
    index = aggregation_group_type_index
    if index is None:
        return "person_id", None
    if isinstance(index, bool) or index not in range(_LAST_GROUP_TYPE + 1):
        raise InvalidInputError(
            f"aggregation_group_type_index is {index!r}.",
            hint="It is the number of the group type in PostHog, 0 to 4.",
            argument="aggregation_group_type_index",
        )
    return f"$group_{index}", f"$group_{index} != ''"
