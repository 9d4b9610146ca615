"""Functions whose ClickHouse form is more than another name.

Each takes an :class:`Invocation`, whose number of arguments has been checked, and gives the typed expression.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from posthog_nb.embedded.hogql.sql import Func, Literal, call
from posthog_nb.embedded.hogql.typed import Typed
from posthog_nb.embedded.hogql.types import (
    BOOLEAN,
    DECIMAL,
    STRING,
    UNKNOWN,
    Kind,
    Type,
    common_type,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from posthog_nb.embedded.hogql.functions import Invocation
    from posthog_nb.embedded.hogql.sql import Expr

ARRAY_REDUCE_NAMES = frozenset(
    {
        *(
            f"{name}{form}"
            for name in ("count", "sum", "min", "max", "avg", "uniq")
            for form in ("", "Map", "MapState")
        ),
        "avgState", "uniqState", "median",
    }
)  # fmt: skip
CAST_TYPES = frozenset(
    {
        *(f"{sign}Int{bits}" for sign in ("", "U") for bits in (8, 16, 32, 64, 128, 256)),
        "Float32", "Float64", "String", "UUID", "Date", "Date32", "DateTime", "DateTime64", "Bool", "IPv4", "IPv6",
    }
)  # fmt: skip


def cast_or_null(target: str, type_: Type) -> Callable[[Invocation], Typed]:
    """``accurateCastOrNull(x, target)``."""
    return lambda it: Typed(call("accurateCastOrNull", it.args[0].expr, target), type_.or_null())


def to_decimal(it: Invocation) -> Typed:
    """``toDecimal(x, scale)``: NULL for what is no number."""
    scale = it.args[1].whole
    if scale is None or not 0 <= scale <= 18:  # noqa: PLR2004 - what Decimal64 holds
        raise it.refuse("The scale of toDecimal must be a constant from 0 to 18")
    return Typed(call("accurateCastOrNull", it.args[0].expr, f"Decimal64({scale})"), DECIMAL.or_null())


def number_or_default(target: str, type_: Type) -> Callable[[Invocation], Typed]:
    """``toFloatOrDefault(x, default)`` and its kin: ClickHouse wants the default in the very type."""

    def rewrite(it: Invocation) -> Typed:
        default = it.args[1].expr if len(it.args) > 1 else Literal(0)
        cast = call("accurateCast", default, target)
        return Typed(call(f"to{target}OrDefault", it.args[0].expr, cast), type_)

    return rewrite


def checked_cast(it: Invocation) -> Typed:
    """``accurateCast`` and ``accurateCastOrNull`` to a type of :data:`CAST_TYPES`."""
    target = it.args[1].text
    if target not in CAST_TYPES:
        raise it.refuse(f"The second argument of {it.name} must be the name of a known type")
    nullable = it.name.endswith("OrNull") or it.args[0].type.nullable
    return Typed(Func(it.name, tuple(arg.expr for arg in it.args)), UNKNOWN if nullable else Type(Kind.UNKNOWN))


def concat(it: Invocation) -> Typed:
    """``concat``: NULL counts as nothing, so the result never is NULL."""
    return Typed(Func("concat", tuple(_null_safe_text(arg) for arg in it.args)), STRING)


def _null_safe_text(value: Typed) -> Expr:
    if value.null:
        return Literal("")
    if value.text is not None:
        return value.expr
    if value.constant:
        return call("toString", value.expr)
    return call("ifNull", call("toString", value.expr), "")


def split_part(it: Invocation) -> Typed:
    """``split_part(text, delimiter, n)``: empty where there is no such part."""
    text, delimiter, index = (arg.expr for arg in it.args)
    return Typed(
        call("arrayElement", call("splitByString", delimiter, call("ifNull", text, "")), index),
        STRING,
    )


def md5(it: Invocation) -> Typed:
    """``md5`` as upper-case hexadecimal text."""
    return Typed(call("hex", call("MD5", it.args[0].expr)), STRING.or_null(it.args[0].type.nullable))


def _aggregate(name: str, it: Invocation) -> Expr:
    """An aggregate over the first argument, with the call's own DISTINCT and FILTER."""
    return Func(name, (it.args[0].expr,), distinct=it.distinct, condition=it.condition)


def json_agg(it: Invocation) -> Typed:
    """``json_agg``: the values as a JSON list."""
    return Typed(call("toJSONString", _aggregate("groupArray", it)), STRING)


def string_agg(it: Invocation) -> Typed:
    """``string_agg(x, separator)``."""
    return Typed(call("arrayStringConcat", _aggregate("groupArray", it), it.args[1].expr), STRING)


def every(it: Invocation) -> Typed:
    """``every``: whether all are true."""
    return Typed(call("toBool", _aggregate("min", it)), BOOLEAN.or_null(it.args[0].type.nullable))


def case_with_expression(it: Invocation) -> Typed:
    """``CASE x WHEN a THEN b ... ELSE c END``."""
    subject, *pairs, otherwise = it.args
    branches: list[Expr] = []
    results = [otherwise]
    for when, then in zip(pairs[::2], pairs[1::2], strict=True):
        if when.null:
            branches.append(call("isNull", subject.expr))
        else:
            branches.append(call("ifNull", call("equals", subject.expr, when.expr), 0))
        branches.append(then.expr)
        results.append(then)
    return Typed(Func("multiIf", (*branches, otherwise.expr)), type_of_one(results))


def conditional(it: Invocation) -> Typed:
    """``if`` and ``multiIf``."""
    results = [*it.args[1:-1:2], it.args[-1]]
    return Typed(Func(it.name if it.name == "if" else "multiIf", tuple(a.expr for a in it.args)), type_of_one(results))


def first_not_null(target: str) -> Callable[[Invocation], Typed]:
    """``coalesce`` and ``ifNull``: NULL only if the last argument may be."""

    def rewrite(it: Invocation) -> Typed:
        type_ = type_of_one(it.args)
        nullable = all(arg.type.nullable for arg in it.args)
        return Typed(Func(target, tuple(arg.expr for arg in it.args)), Type(type_.kind, nullable, type_.items))

    return rewrite


def type_of_one(values: Sequence[Typed]) -> Type:
    """The type of a value that is one of several; a constant NULL says nothing but that there may be none."""
    return common_type([value.type for value in values if not value.null]).or_null(any(value.null for value in values))


def assume_not_null(it: Invocation) -> Typed:
    """``assumeNotNull``."""
    type_ = it.args[0].type
    return Typed(call("assumeNotNull", it.args[0].expr), Type(type_.kind, items=type_.items))


def nullable_first(target: str) -> Callable[[Invocation], Typed]:
    """``nullIf`` and ``toNullable``."""
    return lambda it: Typed(Func(target, tuple(arg.expr for arg in it.args)), it.args[0].type.or_null())


def array_reduce(it: Invocation) -> Typed:
    """``arrayReduce``, whose first argument names a function: it must be in :data:`ARRAY_REDUCE_NAMES`."""
    name = it.args[0].text
    if name is None:
        raise it.refuse("Expected constant string as first arg in function 'arrayReduce'")
    if name not in ARRAY_REDUCE_NAMES:
        hint = f"Use one of {', '.join(sorted(ARRAY_REDUCE_NAMES))}."
        raise it.refuse(f"Invalid parametric function in 'arrayReduce', '{name}' is not supported.", hint)
    return Typed(Func("arrayReduce", tuple(arg.expr for arg in it.args)))


def tuple_of(it: Invocation) -> Typed:
    """``tuple(...)``."""
    return Typed(Func("tuple", tuple(arg.expr for arg in it.args)), Type(Kind.TUPLE))


def null_test(target: str) -> Callable[[Invocation], Typed]:
    """``isNull`` and ``isNotNull``."""
    return lambda it: Typed(call(target, it.args[0].expr), BOOLEAN)
