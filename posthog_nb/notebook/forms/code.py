"""What a form sends, as Python to paste."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["call", "script"]

_IMPORT = "from datetime import UTC, datetime\n\n"
_LINE = 100


def call(name: str, arguments: Mapping[str, object]) -> str:
    """The call of a client's method, in one line where it fits.

    Args:
        name: The method.
        arguments: Its arguments: what JSON carries, and times in UTC.
    """
    parts = [f"{key}={_literal(value)}" for key, value in arguments.items()]
    line = f"ph.{name}({', '.join(parts)})"
    if len(line) <= _LINE:
        return line
    return f"ph.{name}(\n" + "".join(f"    {part},\n" for part in parts) + ")"


def script(calls: list[str]) -> str:
    """Calls with the imports that they need."""
    text = "\n".join(calls)
    return f"{_IMPORT}{text}" if any("tzinfo=UTC" in one for one in calls) else text


def _literal(value: object) -> str:
    if not isinstance(value, datetime):
        # Python's own way to write it: what a reader could not see is escaped.
        return repr(value)
    text = repr(value.replace(tzinfo=None)).removeprefix("datetime.").removesuffix(")")
    return f"{text}, tzinfo=UTC)"
