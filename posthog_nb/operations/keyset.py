"""Conditions of the kind "after this row", for keys whose JSON holds their exact value.

A float may be null for NaN, and an Enum sorts by a number that the answer does not hold: rows are then numbered instead
(:mod:`posthog_nb.operations.paging`).
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from posthog_nb.frames import ClickHouseType, TypeTextError, parse_type
from posthog_nb.operations.order import identifier

if TYPE_CHECKING:
    from collections.abc import Sequence

    from posthog_nb.operations.order import Key

__all__ = ["condition", "exact", "exact_types", "texts_are_texts"]

_INTEGERS = frozenset(f"{sign}Int{bits}" for sign in ("", "U") for bits in (8, 16, 32, 64))
_WRITTEN = {
    **dict.fromkeys(_INTEGERS, "{{{name}}}"),
    "String": "{{{name}}}",
    "Date": "toDate({{{name}}})",
    "UUID": "toUUID({{{name}}})",
    "DateTime": "toDateTime64({{{name}}}, 6, 'UTC')",
    "DateTime64": "toDateTime64({{{name}}}, 6, 'UTC')",
}
_MICROSECONDS = 6


def exact_types(types: Sequence[str]) -> list[ClickHouseType] | None:
    """The keys' types, when a condition can be written for every one of them."""
    try:
        kinds = [parse_type(text) for text in types]
    except TypeTextError:
        return None
    return kinds if all(_can_be_written(kind) for kind in kinds) else None


def _can_be_written(kind: ClickHouseType) -> bool:
    bare = kind.bare
    if bare.name == "DateTime64":
        digits = next((argument for argument in bare.arguments if isinstance(argument, int)), 3)
        return digits <= _MICROSECONDS
    return bare.name in _WRITTEN


def exact(values: Sequence[Any], kinds: Sequence[ClickHouseType]) -> bool:
    """Whether the key's JSON holds its exact value, given that its texts are texts."""
    return all(_is_exact(value, kind) for value, kind in zip(values, kinds, strict=True))


def _is_exact(value: Any, kind: ClickHouseType) -> bool:  # noqa: ANN401 - JSON
    if value is None:
        return kind.nullable
    if kind.bare.name in _INTEGERS:
        return isinstance(value, int)
    if not isinstance(value, str):
        return False
    return not kind.bare.name.startswith("DateTime") or datetime.fromisoformat(value).tzinfo is not None


def texts_are_texts(keys: Sequence[Key], kinds: Sequence[ClickHouseType] | None) -> str:
    """HogQL that is 1 where every text of the key is UTF-8; empty when the key has none.

    PostHog sends bytes that are no text as something else (U+FFFD, or their hexadecimal digits), which sorts elsewhere.
    """
    texts = [key for number, key in enumerate(keys) if kinds is None or kinds[number].bare.name == "String"]
    checks = [f"ifNull(isValidUTF8(toString({identifier(key.name)})), 1)" for key in texts]
    return f"and({', '.join(checks)})" if len(checks) > 1 else "".join(checks)


def condition(
    keys: Sequence[Key],
    kinds: Sequence[ClickHouseType],
    values: Sequence[Any],
    prefix: str,
    *,
    only_after: bool = False,
) -> tuple[str, dict[str, Any]]:
    """``(condition, constants)`` for the rows whose keys are ``values`` or come after them.

    Args:
        keys: The keys.
        kinds: Their types.
        values: Their values in the row to go on from.
        prefix: What the constants' names begin with.
        only_after: Leave out the rows whose keys are ``values``.
    """
    bound: dict[str, Any] = {}
    text = "1"
    for number in reversed(range(len(keys))):
        here = _Place(keys[number], kinds[number], values[number], f"{prefix}_v{number}", bound)
        if number == len(keys) - 1:
            text = here.after() if only_after else here.at_or_after()
        else:
            # The first part alone is what an index can use.
            text = f"({here.at_or_after()} AND ({here.after()} OR {text}))"
    return text, bound


class _Place:
    """One key at the value that the last row had. NULL comes last in ClickHouse, in either direction."""

    def __init__(self, key: Key, kind: ClickHouseType, value: Any, name: str, bound: dict[str, Any]) -> None:  # noqa: ANN401
        self._column = identifier(key.name)
        self._sign = "<" if key.descending else ">"
        self._nullable = kind.nullable
        self._null = value is None
        if not self._null:
            bound[name] = _constant(value, kind)
        self._constant = _WRITTEN.get(kind.bare.name, "").format(name=name)

    def after(self) -> str:
        if self._null:
            return "0"
        return self._or_null(f"{self._column} {self._sign} {self._constant}")

    def at_or_after(self) -> str:
        if self._null:
            return f"isNull({self._column})"
        return self._or_null(f"{self._column} {self._sign}= {self._constant}")

    def _or_null(self, text: str) -> str:
        return f"({text} OR isNull({self._column}))" if self._nullable else text


def _constant(value: Any, kind: ClickHouseType) -> Any:  # noqa: ANN401 - JSON
    if kind.bare.name.startswith("DateTime"):
        return datetime.fromisoformat(value).astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")
    return value
