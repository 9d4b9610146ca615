"""Comparing a stored time without moving it into the project's zone first.

``toTimeZone(timestamp, zone) >= x`` hides the column from ClickHouse's primary key. Where the other side is an instant,
or a plain text that can be made one in that zone, the bare column gives the same answer and the key is used.
"""

from __future__ import annotations

from posthog_nb.embedded.hogql.sql import Column, Expr, Func, Literal, call
from posthog_nb.embedded.hogql.typed import Typed
from posthog_nb.embedded.hogql.types import Kind

__all__ = ["as_instants", "constant_instant"]

_DATE = "0000-00-00"
_SECONDS = "0000-00-00 00:00:00"
_MICROSECONDS = "0000-00-00 00:00:00.000000"


def as_instants(left: Typed, right: Typed) -> tuple[Typed, Typed]:
    """The same two sides, with a stored time left as it is stored where that changes nothing."""
    bare_left, zone = _stored_time(left)
    if bare_left is not None:
        instant = _instant(right, zone)
        return (bare_left, instant) if instant is not None else (left, right)
    bare_right, zone = _stored_time(right)
    if bare_right is not None:
        instant = _instant(left, zone)
        return (instant, bare_right) if instant is not None else (left, right)
    return left, right


def constant_instant(value: Typed, zone: str) -> Expr | None:
    """A date, a time or a plain text of one as an instant; None for anything else."""
    is_time = value.type.kind in {Kind.DATE, Kind.DATETIME} or (value.text is not None and _is_plain_time(value.text))
    return call("toDateTime64", value.expr, 6, zone) if is_time else None


def _stored_time(value: Typed) -> tuple[Typed | None, str]:
    match value.expr:
        case Func(name="toTimeZone", args=(Column() as column, Literal(value=str() as zone))):
            return Typed(column, value.type), zone
        case _:
            return None, ""


def _instant(value: Typed, zone: str) -> Typed | None:
    if value.type.kind is Kind.DATETIME:
        stored, _ = _stored_time(value)
        return stored or value
    if value.text is not None and _is_plain_time(value.text):
        return Typed(call("toDateTime64", value.text, 6, zone), value.type, constant=True)
    return None


def _is_plain_time(text: str) -> bool:
    shape = "".join("0" if char in "0123456789" else char for char in text)
    return shape in {_DATE, _SECONDS} or (shape.startswith(_SECONDS + ".0") and _MICROSECONDS.startswith(shape))
