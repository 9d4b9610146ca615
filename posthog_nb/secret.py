"""Keys and tokens: held in one kind of object, and masked wherever text leaves the package."""

from __future__ import annotations

import re

__all__ = ["KEY", "SHORTENED_KEY", "Secret", "redact"]

# phc_ project token, phx_ personal key, phs_ project secret key, pha_ OAuth access token, phr_ OAuth refresh token.
# After a letter, a digit or an underscore these may be the end of a word, as in "graphs_and_more" or "alpha_testers".
# There a key is told by its length: at least 16 letters and digits in one piece; a real one has 43.
KEY = r"\b(ph[cxsar]_)[A-Za-z0-9_\-]{4,}|(ph[cxsar]_)[A-Za-z0-9]{16}[A-Za-z0-9_\-]*"
"""A regular expression for a key or token, for Python and for Arrow."""
SHORTENED_KEY = r"\1\2..."
"""What takes its place."""

_KEY = re.compile(KEY)
_SHOWN = 4


def redact(text: str) -> str:
    """Mask every PostHog key or token in ``text``, keeping its prefix: ``phx_abcdef`` becomes ``phx_...``."""
    return _KEY.sub(SHORTENED_KEY, text)


class Secret:
    """A key or token that shows its prefix and nothing else.

    ``str``, ``repr`` and formatting are masked; :meth:`reveal` is the one way to the text, called where a request is
    signed. Two secrets are equal when their texts are.
    """

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text.strip()

    def reveal(self) -> str:
        """The text itself. Never log, print or store it."""
        return self._text

    @property
    def prefix(self) -> str:
        """``"phx_"``, ``"phc_"`` and so on, or ``""`` for a text without one."""
        head = self._text[:_SHOWN]
        return head if re.fullmatch(r"ph[a-z]_", head) else ""

    def __bool__(self) -> bool:
        return bool(self._text)

    def __repr__(self) -> str:
        return f"Secret('{self.prefix}...')"

    def __str__(self) -> str:
        return f"{self.prefix}..."

    def __format__(self, spec: str) -> str:
        return format(str(self), spec)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and self._text == other._text

    def __hash__(self) -> int:
        return hash(self._text)

    def __reduce__(self) -> str | tuple[object, ...]:
        msg = "A Secret is not pickled: it would leave the process in clear text."
        raise TypeError(msg)
