"""Options that several analyses have, read and checked in one place.

Numbers and lists are taken from numpy, pandas, polars and Arrow as well, since data scientists have them from there.
"""

from __future__ import annotations

from typing import Any

from posthog_nb.analysis.text import literal
from posthog_nb.errors import InvalidInputError
from posthog_nb.operations.plain import as_python, whole_number

__all__ = [
    "actor",
    "as_list",
    "as_number",
    "enlarged",
    "read_choice",
    "read_group_type",
    "read_sampling",
    "read_whole",
    "sample",
]

_LAST_GROUP_TYPE = 4


def as_list(given: object) -> list[Any]:
    """Several things as a list, also those of an array or of a frame's column; else a list of the one thing.

    A set is one thing, as it has no order: steps of a funnel are not to be those of the alphabet.
    """
    found = given if isinstance(given, set | frozenset) else as_python(given)
    return [as_python(one) for one in found] if isinstance(found, list | tuple) else [found]


def as_number(given: object) -> int | float | None:
    """A number as Python's own; None for what is none."""
    number = as_python(given)
    return number if isinstance(number, int | float) and not isinstance(number, bool) else None


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
    number = whole_number(as_python(given))
    if number is not None and least <= number and (most is None or number <= most):
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


def read_group_type(given: object, name: str) -> int:
    """The number of a group type.

    Raises:
        InvalidInputError: there is none of it.
    """
    hint = f"It is the number of the group type in PostHog, 0 to {_LAST_GROUP_TYPE}."
    return read_whole(given, name, 0, _LAST_GROUP_TYPE, hint=hint)


def read_sampling(sampling_factor: object) -> float | None:
    """The part of all persons to look at; None for all.

    Raises:
        InvalidInputError: it is no part.
    """
    if sampling_factor is None:
        return None
    factor = as_number(sampling_factor)
    if factor is None or not 0 < factor <= 1:
        raise InvalidInputError(
            f"sampling_factor is {sampling_factor!r}.", hint="It is above 0, and at most 1.", argument="sampling_factor"
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
    if aggregation_group_type_index is None:
        return "person_id", None
    number = read_group_type(aggregation_group_type_index, "aggregation_group_type_index")
    return f"$group_{number}", f"$group_{number} != ''"
