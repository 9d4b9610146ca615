"""ClickHouse's type names, as a tree.

``LowCardinality(Nullable(String))``, ``Tuple(a UInt8, `b c` Map(String, Array(DateTime64(3, 'Europe/London'))))`` and
so on nest to any depth, with quotes and commas inside their parameters.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

__all__ = ["ClickHouseType", "TypeTextError", "parse_type"]

_TOKEN = re.compile(
    r"""\s*(?:
        (?P<name>[A-Za-z_][A-Za-z0-9_.]*)
      | (?P<number>-?[0-9]+(?:\.[0-9]+)?)
      | '(?P<text>(?:[^'\\]|\\.|'')*)'
      | `(?P<quoted>(?:[^`\\]|\\.|``)*)`
      | "(?P<doubled>(?:[^"\\]|\\.|"")*)"
      | (?P<mark>[(),=])
    )""",
    re.VERBOSE | re.DOTALL,
)
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_DEEPEST = 100


class TypeTextError(ValueError):
    """The text is not a ClickHouse type; the column is then left as it came."""


@dataclass(frozen=True, slots=True)
class ClickHouseType:
    """One type.

    Attributes:
        name: Its name, such as ``"DateTime64"``.
        arguments: Its parameters: types, numbers and texts, in order.
        labels: The names of a tuple's elements, or None for each that has none; as long as ``arguments``.
    """

    name: str
    arguments: tuple[ClickHouseType | int | float | str, ...] = ()
    labels: tuple[str | None, ...] = ()

    @property
    def types(self) -> tuple[ClickHouseType, ...]:
        """Those parameters that are types."""
        return tuple(argument for argument in self.arguments if isinstance(argument, ClickHouseType))

    @property
    def bare(self) -> ClickHouseType:
        """The type of the values, without ``Nullable``, ``LowCardinality`` and ``SimpleAggregateFunction``."""
        found = self
        while found.name in {"Nullable", "LowCardinality", "SimpleAggregateFunction"} and found.types:
            found = found.types[-1]
        return found

    @property
    def nullable(self) -> bool:
        """Whether a value may be NULL."""
        if self.name in {"LowCardinality", "SimpleAggregateFunction"} and self.types:
            return self.types[-1].nullable
        return self.name in {"Nullable", "Nothing", "Dynamic", "Variant"}

    def __str__(self) -> str:
        if not self.arguments:
            return self.name
        labels = self.labels or (None,) * len(self.arguments)
        return f"{self.name}({', '.join(map(_written, self.arguments, labels))})"


def _written(argument: ClickHouseType | float | str, label: str | None) -> str:
    text = (
        "'{}'".format(argument.replace("\\", "\\\\").replace("'", "\\'"))
        if isinstance(argument, str)
        else str(argument)
    )
    if label is None:
        return text
    escaped = label.replace("\\", "\\\\").replace("`", "\\`")
    return f"`{escaped}` {text}"


@lru_cache(maxsize=512)
def parse_type(text: str) -> ClickHouseType:
    """Parse one type.

    Raises:
        TypeTextError: the text is not a type.
    """
    reader = _Reader(text)
    found = reader.type(depth=0)
    if reader.peek() is not None:
        raise TypeTextError(f"Trailing text in type {text!r}.")
    return found


class _Reader:
    def __init__(self, text: str) -> None:
        self._tokens = _tokens(text)
        self._text = text
        self._place = 0

    def peek(self, ahead: int = 0) -> tuple[str, str] | None:
        place = self._place + ahead
        return self._tokens[place] if place < len(self._tokens) else None

    def type(self, depth: int) -> ClickHouseType:
        kind, name = self._next()
        if kind != "name" or depth > _DEEPEST:
            raise TypeTextError(f"Not a type: {self._text!r}.")
        if self.peek() != ("mark", "("):
            return ClickHouseType(name)
        self._next()
        arguments: list[ClickHouseType | int | float | str] = []
        labels: list[str | None] = []
        while self.peek() != ("mark", ")"):
            label, argument = self._argument(depth)
            arguments.append(argument)
            labels.append(label)
            if self.peek() == ("mark", ","):
                self._next()
            elif self.peek() != ("mark", ")"):
                raise TypeTextError(f"A comma or bracket is missing in type {self._text!r}.")
        self._next()
        return ClickHouseType(
            name, tuple(arguments), tuple(labels) if any(label is not None for label in labels) else ()
        )

    def _argument(self, depth: int) -> tuple[str | None, ClickHouseType | int | float | str]:
        kind, value = self.peek() or ("", "")
        following = self.peek(1)
        label = None
        if kind in {"quoted", "doubled"} or (kind == "name" and following is not None and following[0] == "name"):
            label = value
            self._next()
            kind, value = self.peek() or ("", "")
        if kind == "text":
            self._next()
            if self.peek() == ("mark", "="):
                # An Enum's 'label' = number. The label is what answers hold.
                self._next()
                self._next()
            return label, value
        if kind == "number":
            self._next()
            return label, float(value) if "." in value else int(value)
        return label, self.type(depth + 1)

    def _next(self) -> tuple[str, str]:
        token = self.peek()
        if token is None:
            raise TypeTextError(f"The type {self._text!r} ends early.")
        self._place += 1
        return token


def _tokens(text: str) -> list[tuple[str, str]]:
    tokens: list[tuple[str, str]] = []
    place = 0
    while place < len(text.rstrip()):
        match = _TOKEN.match(text, place)
        if match is None:
            raise TypeTextError(f"Not a type: {text!r}.")
        kind = str(match.lastgroup)
        value = match[kind]
        tokens.append((kind, _unescaped(kind, value)))
        place = match.end()
    return tokens


def _unescaped(kind: str, value: str) -> str:
    quote = {"text": "'", "quoted": "`", "doubled": '"'}.get(kind)
    if quote is None:
        return value
    return _ESCAPE.sub(lambda found: found[1], value.replace(quote * 2, f"\\{quote}"))
