"""JSON in texts: the values of chosen keys replaced or left out, and every other character as it was.

Properties come as JSON text, and what they hold may be JSON text again, whose quotes have backslashes before them: one
a level deeper, then three, then seven. A quote with any other number of backslashes stands within a text; it closes one
of the level that its trailing binary ones count. So a key and the end of its value are found without taking the text
apart, at any depth, and in a text that was cut off or is no JSON at all.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

__all__ = ["Keys", "each_text", "is_null", "is_text", "plain_text", "quoted"]

_QUOTE = re.compile(r'(\\*)"')
_MARK = re.compile(r'(\\*)"|[\[\]{}]')
_SINGLE = re.compile(r'[^\s,\]}"\\]*')
_SPACE = r"(?:\s|\\+(?:[nrt]|u00(?:09|0[aA]|0[dD]|20)))*"
"""Space between values, which within a text is written as escapes."""
_COMMA_AFTER = re.compile(rf"{_SPACE},{_SPACE}")
_COMMA_BEFORE = re.compile(rf",{_SPACE}\Z")
_NOTHING_BUT_SPACE = re.compile(rf"{_SPACE}\Z")
_SHORT = {"\n": "n", "\t": "t", "\r": "r", "\b": "b", "\f": "f"}


class Keys:
    """The keys to look for.

    Args:
        groups: Their names by what is to become of them.

    Attributes:
        hint: A regular expression for Arrow and Python that finds whatever may hold one of the keys.
    """

    def __init__(self, groups: Mapping[str, Iterable[str]]) -> None:
        some = {group: list(names) for group, names in groups.items() if names}
        self._plain, self._escaped = _pattern(some, re.escape), _pattern(some, _spelled)
        every = "|".join(_spelled(name) for names in some.values() for name in names)
        self.hint = rf'"(?:{every})\\*"{_SPACE}:' if every else ""

    def rewritten(self, text: str, put: Callable[[str, str, int], str | None]) -> str:
        """``text`` with other values.

        Args:
            text: The text.
            put: Gives the new value of a key, as it is written there: of the group, the value as it is written and how
                many levels deep it stands; None leaves the key out.
        """
        # Most texts have no escapes, and are searched in half of the time.
        pattern = self._escaped if "\\" in text else self._plain
        written: list[str] = []
        done = 0
        while (found := pattern.search(text, done)) is not None:
            group = found.lastgroup or ""
            escapes = _backslashes(text, found.start())
            closing = text.index('"', found.end(group)) - found.end(group)
            level = _level(escapes)
            if not escapes == closing == (1 << level) - 1:
                # The end of a key that holds a quote.
                written.append(text[done : found.start() + 1])
                done = found.start() + 1
                continue
            end = _end(text, found.end(), level)
            value = put(group, text[found.end() : end], level)
            if value is not None:
                written += [text[done : found.end()], value]
                done = end
                continue
            before = text[done : found.start() - escapes]
            if (comma := _COMMA_AFTER.match(text, end)) is not None:
                end = comma.end()
            else:
                while written and _NOTHING_BUT_SPACE.match(before):
                    before = written.pop() + before
                before = _COMMA_BEFORE.sub("", before)
            written.append(before)
            done = end
        return "".join([*written, text[done:]])


def is_text(value: str, level: int) -> bool:
    """Whether a value as it is written is a text."""
    return value.startswith("\\" * ((1 << level) - 1) + '"')


def is_null(value: str) -> bool:
    """Whether it is null, or nothing at all since the text was cut off."""
    return value in {"", "null"}


def quoted(text: str, level: int) -> str:
    """A text, without anything to escape in it, as a value is written."""
    quote = "\\" * ((1 << level) - 1) + '"'
    return f"{quote}{text}{quote}"


def plain_text(value: str, level: int) -> str:
    """The text that a value as it is written stands for: a text itself, anything else as it is written."""
    if not is_text(value, level):
        return value
    inner = value.removeprefix("\\" * ((1 << level) - 1) + '"')
    closing = _QUOTE.search(inner, len(inner) - (1 << level) if len(inner) >= 1 << level else 0)
    if closing is not None and closing.end() == len(inner):
        inner = inner[: len(inner) - (1 << level)]
    try:
        for _ in range(level + 1):
            inner = json.loads(f'"{inner}"', strict=False)
    except ValueError:
        return inner
    return inner


def each_text(value: str, level: int, put: Callable[[str], str]) -> str:
    """A list or an object as it is written, with other texts in it."""
    written: list[str] = []
    done = 0
    for found in _QUOTE.finditer(value):
        if found.start() < done or _level(len(found[1])) != level:
            continue
        end = _closing(value, found.end(), level)
        written += [value[done : found.start()], put(value[found.start() : end])]
        done = end
    return "".join([*written, value[done:]])


def _pattern(groups: Mapping[str, list[str]], spelled: Callable[[str], str]) -> re.Pattern[str]:
    found = "|".join(f"(?P<{group}>{'|'.join(map(spelled, names))})" for group, names in groups.items())
    return re.compile(rf'"(?:{found})\\*"{_SPACE}:{_SPACE}' if found else r"\Z.")


def _spelled(name: str) -> str:
    """A regular expression for a name as JSON may spell it, at any depth."""
    return "".join(map(_letter, name))


def _letter(letter: str) -> str:
    units = letter.encode("utf-16-be", "surrogatepass")
    escaped = "".join(rf"\\+u(?i:{units[place : place + 2].hex()})" for place in range(0, len(units), 2))
    match letter:
        case '"':
            itself = r"\\+\""
        case "\\":
            itself = r"\\\\+"
        case "/":
            itself = r"\\*/"
        case _ if letter in _SHORT:
            itself = rf"\\+{_SHORT[letter]}"
        case _:
            itself = re.escape(letter)
    return f"(?:{itself}|{escaped})"


def _backslashes(text: str, end: int) -> int:
    """How many of them stand right before ``end``."""
    start = end
    while start and text[start - 1] == "\\":
        start -= 1
    return end - start


def _level(backslashes: int) -> int:
    """At which depth a quote with so many backslashes before it begins or ends a text."""
    return (backslashes ^ (backslashes + 1)).bit_length() - 1


def _end(text: str, start: int, level: int) -> int:
    """Where a value ends that begins at ``start``."""
    opening = _QUOTE.match(text, start)
    if opening is not None:
        return _closing(text, opening.end(), level) if _level(len(opening[1])) >= level else start
    if text[start : start + 1] not in {"{", "["}:
        single = _SINGLE.match(text, start)
        return single.end() if single else start
    depth, within = 0, False
    for mark in _MARK.finditer(text, start):
        if mark[1] is not None:
            found = _level(len(mark[1]))
            if found < level:
                return mark.start()
            within ^= found == level
        elif not within:
            depth += 1 if mark[0] in "{[" else -1
            if not depth:
                return mark.end()
    return len(text)


def _closing(text: str, start: int, level: int) -> int:
    """Where a text ends whose first letter is at ``start``."""
    for quote in _QUOTE.finditer(text, start):
        found = _level(len(quote[1]))
        if found <= level:
            return quote.end() if found == level else quote.start()
    return len(text)
