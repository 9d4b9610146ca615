"""Text made fit to be shown: nothing from outside steers a terminal or a page, what is cut says so, numbers agree."""

from __future__ import annotations

import re
import unicodedata

__all__ = ["counted", "cut", "visible", "width"]

_STEERING = re.compile(
    # C0 and C1 (a terminal obeys escape sequences, and HTML has no NUL), the separators that end a line in some places
    # and not in others, what turns the direction of the text after it, and halves of surrogate pairs.
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)
_ONE_BYTE = 0xFF


def visible(text: str) -> str:
    r"""``text`` with each character that steers where it is shown written as Python would: ``\x1b``, ``\u202e``.

    Tabs and line feeds stay.
    """
    return _STEERING.sub(_written, text)


def _written(found: re.Match[str]) -> str:
    code = ord(found[0])
    return f"\\x{code:02x}" if code <= _ONE_BYTE else f"\\u{code:04x}"


def cut(text: str, most: int) -> str:
    """The first ``most`` characters; where there are more it says how many."""
    return text if len(text) <= most else f"{text[:most]}… ({len(text) - most:,} more characters)"


def counted(number: int, what: str) -> str:
    """How many there are of something: ``1 row``, ``2,500 rows``."""
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def width(text: str) -> int:
    """How many columns of a terminal ``text`` takes: two a wide letter, none a combining one."""
    return sum(
        0 if unicodedata.combining(letter) else 2 if unicodedata.east_asian_width(letter) in {"W", "F"} else 1
        for letter in text
    )
