"""PostHog's words for dates, such as ``-7d`` and ``mStart`` (``relative_date_parse`` of ``posthog/utils.py``)."""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal

from posthog_nb.errors import InvalidInputError
from posthog_nb.operations.moments import is_missing

__all__ = ["Word", "read_date", "read_word"]

_UNITS = {"M": "Minute", "h": "Hour", "d": "Day", "w": "Week", "m": "Month", "q": "Quarter", "y": "Year"}
_WORD = re.compile(r"(?:-(?P<number>\d{1,6}))?(?P<unit>[Mhdwmqy])(?P<edge>Start|End)?")


@dataclass(frozen=True)
class Word:
    """One of PostHog's relative dates, such as ``-7d`` or ``-1mStart``.

    Attributes:
        number: How many units back; 0 for none.
        unit: ``Minute``, ``Hour``, ``Day``, ``Week``, ``Month``, ``Quarter`` or ``Year``.
        edge: ``Start`` or ``End`` of the unit, or None.
    """

    number: int
    unit: str
    edge: str | None = None

    def before(self, moment: str) -> str:
        """The moment that is so much earlier, as HogQL. A quarter back is 13 weeks, as PostHog has it."""
        if not self.number:
            return moment
        unit, number = ("Week", 13 * self.number) if self.unit == "Quarter" else (self.unit, self.number)
        return f"{moment} - toInterval{unit}({number})"


def read_word(text: str) -> Word | None:
    """The relative date that ``text`` is; None when it is none."""
    match = _WORD.fullmatch(text.strip())
    return None if match is None else Word(int(match["number"] or 0), _UNITS[match["unit"]], match["edge"])


def read_date(given: object, name: str) -> Word | date | Literal["all"]:
    """What a date is: a relative one, a day, a moment, or ``"all"``.

    Raises:
        InvalidInputError: it is none of these.
    """
    numpys = getattr(getattr(given, "dtype", None), "kind", "") == "M" and type(given).__module__ == "numpy"
    if isinstance(given, str) or numpys:
        # numpy writes a day as a day, and a moment to the unit that it has.
        text = str(given).strip()
        if text == "all":
            return "all"
        if word := read_word(text):
            return word
        try:
            return _day(text) or datetime.fromisoformat(text)
        except ValueError as error:
            raise InvalidInputError(
                f"{name} is {given!r}, which is no date.",
                hint="Give a date such as 2026-01-31, or one of PostHog's words: -7d, -1m, dStart, mStart, all.",
                argument=name,
            ) from error
    if isinstance(given, date) and not (isinstance(given, datetime) and is_missing(given)):
        return given
    raise InvalidInputError(
        f"{name} is {given!r}, which is no date.", hint="Give a text, a date or a datetime.", argument=name
    )


def _day(text: str) -> date | None:
    """The day that a text is, in any form that ISO 8601 has for one; None where it is none."""
    with suppress(ValueError):
        return date.fromisoformat(text)
    return None
