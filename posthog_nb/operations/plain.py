"""What a value of numpy, pandas, polars or Arrow is in Python's own types, without importing any of them."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from decimal import Decimal
from operator import index
from typing import Any, SupportsIndex
from uuid import UUID

from posthog_nb.errors import InvalidInputError
from posthog_nb.operations.moments import is_missing

__all__ = ["as_python", "is_text", "most_rows", "whole_number"]

_PYTHONS_OWN = (str, bool, int, float, date, time, timedelta, Decimal, UUID, list, tuple, dict)
_TO_PYTHON = ("to_pylist", "tolist", "to_list", "as_py")


def as_python(value: Any) -> Any:  # noqa: ANN401 - a value is anything
    """A scalar as Python's own, an array, series or set as a list; pandas' NaT and NA as None.

    Anything else, a frame for one, comes back as it is.
    """
    if type(value).__name__ == "NAType" or (isinstance(value, datetime) and is_missing(value)):
        return None
    if value is None or isinstance(value, _PYTHONS_OWN) or hasattr(value, "columns"):
        return value
    if isinstance(value, (set, frozenset)):
        # In one order whenever it is sent: a set has none of its own.
        return sorted(value, key=repr)
    kind = getattr(getattr(value, "dtype", None), "kind", "")
    if type(value).__module__ == "numpy" and kind in {"M", "m"}:
        # Left in nanoseconds, numpy would give the bare number of them.
        value = value.astype("datetime64[us]" if kind == "M" else "timedelta64[us]")
    method = next((name for name in _TO_PYTHON if callable(getattr(value, name, None))), None)
    found = value if method is None else getattr(value, method)()
    if isinstance(found, list) and kind not in {"", "f"}:
        # pandas has NaN for a missing text or truth value; only where numbers are floats is it one of them.
        return [None if isinstance(item, float) and item != item else item for item in found]  # noqa: PLR0124
    return found


def whole_number(value: object) -> int | None:
    """A whole number, such as numpy's, as Python's own; None for anything else, a truth value too."""
    if isinstance(value, bool) or not isinstance(value, SupportsIndex):
        return None
    try:
        return index(value)
    except TypeError:  # an array, which has the method for the case that it holds one number alone
        return None


def most_rows(limit: object, hint: str | None = None) -> int:
    """``limit`` as a number of rows.

    Args:
        limit: What was given.
        hint: What to do for more.

    Raises:
        InvalidInputError: it is none.
    """
    rows = whole_number(limit)
    if rows is None or rows < 1:
        raise InvalidInputError(f"limit is {limit!r}; it is the most rows to return, at least 1.", hint=hint)
    return rows


def is_text(text: str) -> bool:
    """Whether it can be encoded: half a surrogate pair, which Python's texts may hold, cannot."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
