"""``name=value`` as it is typed, on a magic's line or a command's."""

from __future__ import annotations

import json
from typing import NoReturn

from posthog_nb.errors import InvalidInputError

__all__ = ["parse_param"]


def parse_param(text: str) -> tuple[str, object]:
    """Name and value. JSON (a number, a list, true, null, "text") is what it says, anything else is text.

    Raises:
        InvalidInputError: there is no name.
    """
    name, equals, value = text.partition("=")
    if not equals or not name.isidentifier():
        raise InvalidInputError(f"{text!r} is not of the form name=value.")
    try:
        parsed = json.loads(value, parse_constant=_refuse_constant)
    except ValueError:
        return name, value
    return name, value if isinstance(parsed, dict) else parsed


def _refuse_constant(text: str) -> NoReturn:
    # NaN and Infinity are Python's additions to JSON; as a parameter they are words.
    raise ValueError(text)
