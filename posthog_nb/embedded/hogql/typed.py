"""An expression together with what is known about its value."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from posthog_nb.embedded.hogql.sql import Literal
from posthog_nb.embedded.hogql.types import UNKNOWN, Type

if TYPE_CHECKING:
    from posthog_nb.embedded.hogql.sql import Expr
    from posthog_nb.errors import Span

__all__ = ["Notice", "Typed"]


@dataclass(frozen=True)
class Notice:
    """Something worth knowing about a place in a query that is fine; ``fix`` is another way to write it."""

    message: str
    span: Span
    fix: str | None = None


@dataclass(frozen=True)
class Typed:
    """ClickHouse expression and HogQL type."""

    expr: Expr
    type: Type = UNKNOWN
    constant: bool = False

    @property
    def text(self) -> str | None:
        """The value of a constant text, else None."""
        if self.constant and isinstance(self.expr, Literal) and isinstance(self.expr.value, str):
            return self.expr.value
        return None

    @property
    def whole(self) -> int | None:
        """The value of a constant whole number, else None."""
        value = self.expr.value if self.constant and isinstance(self.expr, Literal) else None
        return value if isinstance(value, int) and not isinstance(value, bool) else None

    @property
    def null(self) -> bool:
        """Whether this is the constant NULL."""
        return self.constant and isinstance(self.expr, Literal) and self.expr.value is None
