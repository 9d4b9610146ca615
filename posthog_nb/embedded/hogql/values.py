"""Python values as typed HogQL constants."""

from __future__ import annotations

import math
from datetime import date, datetime
from decimal import Decimal
from types import MappingProxyType
from typing import TYPE_CHECKING
from uuid import UUID

from posthog_nb.embedded.hogql import ast
from posthog_nb.errors import HogQLQueryError, Span

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["NO_VALUES", "constant_of"]

NO_VALUES: Mapping[str, object] = MappingProxyType({})
"""No placeholder has one."""

_MAX_DEPTH = 20
_INTEGER_BITS = 64
_DECIMAL_DIGITS = 76


def constant_of(value: object, *, name: str, text: str, span: Span) -> ast.Node:
    """The constant that stands for ``value``.

    Args:
        value: str, int, float, bool, None, datetime with a zone, date, UUID, Decimal, or lists and tuples of them.
        name: The placeholder's name, for messages.
        text: The query's text, for messages.
        span: Where the placeholder stands.

    Raises:
        HogQLQueryError: HogQL has no constant for such a value.
    """
    return _Binder(name, text, span).constant(value, depth=0)


class _Binder:
    def __init__(self, name: str, text: str, span: Span) -> None:
        self._name = name
        self._text = text
        self._span = span

    def constant(self, value: object, *, depth: int) -> ast.Node:
        if depth > _MAX_DEPTH:
            raise self._refusal(f"nests more than {_MAX_DEPTH} deep")
        if isinstance(value, (list, tuple)):
            items = tuple(self.constant(item, depth=depth + 1) for item in value)
            if isinstance(value, list):
                return ast.Array(self._span, exprs=items)
            if not items:
                raise self._refusal("is an empty tuple, which HogQL cannot express; use a list")
            return ast.Tuple(self._span, exprs=items)
        self._check(value)
        return ast.Constant(self._span, value=value)

    def _check(self, value: object) -> None:
        problem = self._problem(value)
        if problem is not None:
            raise self._refusal(problem)

    @staticmethod
    def _problem(value: object) -> str | None:  # noqa: PLR0911 - one line for each type
        match value:
            case None | bool() | UUID():
                return None
            case str():
                surrogate = any("\ud800" <= char <= "\udfff" for char in value)
                return "holds half a surrogate pair, which is not text" if surrogate else None
            case int():
                fits = -(1 << (_INTEGER_BITS - 1)) <= value < 1 << _INTEGER_BITS
                return None if fits else "does not fit into 64 bits"
            case float():
                return None if math.isfinite(value) else "is not a finite number"
            case Decimal():
                return _decimal_problem(value)
            case datetime():
                return "is a datetime without a time zone; give it one" if value.tzinfo is None else None
            case date():
                return None
            case _:
                return f"has type {type(value).__name__}, which HogQL has no constant for"

    def _refusal(self, what: str) -> HogQLQueryError:
        return HogQLQueryError(f"The value of {{{self._name}}} {what}.", text=self._text, span=self._span)


def _decimal_problem(value: Decimal) -> str | None:
    exponent = value.as_tuple().exponent
    if not isinstance(exponent, int):
        return "is not a finite number"
    digits = max(len(value.as_tuple().digits) + max(exponent, 0), -exponent)
    return f"has more than {_DECIMAL_DIGITS} digits" if digits > _DECIMAL_DIGITS else None
