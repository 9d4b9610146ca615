"""Pseudonyms for ids: the same for the same id in one recording, and of no use beside another recording's."""

from __future__ import annotations

import hashlib
import re
import secrets
from uuid import UUID

__all__ = ["Pseudonyms", "may_be_pseudonym"]

_SALT = 32
_DIGEST = 16
_BEGINS = "id-"
_SHOWN = 20
"""Hexadecimal digits of a pseudonym: of a million ids, the chance that two share one is one in a trillion."""
_NOBODY = frozenset({"", "null", str(UUID(int=0))})
"""What stands where there is no id."""
_FORM = re.compile(
    rf"{_BEGINS}[0-9a-f]{{{_SHOWN}}}|[0-9a-f]{{8}}-[0-9a-f]{{4}}-4[0-9a-f]{{3}}-[89ab][0-9a-f]{{3}}-[0-9a-f]{{12}}"
)
_WORD = re.compile(rf"(?<![\w-])(?:{_FORM.pattern})(?![\w-])")


def may_be_pseudonym(text: str) -> bool:
    """Whether ``text`` looks like a pseudonym; a person's looks like any UUID that was drawn at random."""
    return _FORM.fullmatch(text) is not None


class Pseudonyms:
    """The pseudonyms of one recording. Their salt is in this object alone, which shows and gives away nothing of it."""

    __slots__ = ("_distinct", "_person", "_real")

    def __init__(self) -> None:
        salt = secrets.token_bytes(_SALT)
        self._distinct, self._person = (
            hashlib.blake2b(key=salt, person=what, digest_size=_DIGEST) for what in (b"distinct", b"person")
        )
        self._real: dict[str, str] = {}

    def of(self, real: str) -> str:
        """The pseudonym of a distinct id, ``id-`` and hexadecimal digits. A pseudonym is its own."""
        return self._given(real, _BEGINS + _digest(self._distinct, real).hex()[:_SHOWN])

    def of_person(self, real: str) -> str:
        """The pseudonym of a person's UUID, a UUID; of anything else as :meth:`of`."""
        try:
            plain = str(UUID(real))
        except ValueError:
            return self.of(real)
        return self._given(plain, str(UUID(bytes=_digest(self._person, plain), version=4)), written=real)

    def real(self, pseudonym: str) -> str | None:
        """The id that has this pseudonym; None where this recording gave out no such."""
        return self._real.get(pseudonym)

    def kind(self, pseudonym: str) -> str | None:
        """What it is of, ``"distinct"`` or ``"person"``; None where this recording gave out no such."""
        if pseudonym not in self._real:
            return None
        return "distinct" if pseudonym.startswith(_BEGINS) else "person"

    def is_of_another(self, text: str) -> bool:
        """Whether it is a distinct id's pseudonym that this recording did not give out."""
        return text.startswith(_BEGINS) and may_be_pseudonym(text) and text not in self._real

    def within(self, text: str) -> str | None:
        """The first pseudonym of this recording, or of another's distinct id, that stands in ``text``."""
        found = (one[0] for one in _WORD.finditer(text))
        return next((one for one in found if one in self._real or one.startswith(_BEGINS)), None)

    def _given(self, real: str, pseudonym: str, *, written: str | None = None) -> str:
        text = real if written is None else written
        if real in _NOBODY or text in self._real:
            return text
        self._real[pseudonym] = real
        return pseudonym

    def __repr__(self) -> str:
        return f"<Pseudonyms: {len(self._real):,}>"

    def __reduce__(self) -> str | tuple[object, ...]:
        msg = "Pseudonyms are not pickled: their salt would leave the process."
        raise TypeError(msg)


def _digest(salted: hashlib.blake2b, real: str) -> bytes:
    begun = salted.copy()
    begun.update(real.encode(errors="surrogatepass"))
    return begun.digest()
