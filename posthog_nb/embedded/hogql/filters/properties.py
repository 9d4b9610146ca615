"""Property filters as PostHog's API writes them, read and checked."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from posthog_nb.embedded.hogql.parse import parse_expression
from posthog_nb.errors import HogQLError, InvalidInputError

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["PropertyFilter", "PropertyGroup", "Value", "read_properties", "read_property"]

OPERATORS = frozenset(
    {
        "exact", "is_not", "in", "not_in", "icontains", "not_icontains", "icontains_multi", "not_icontains_multi",
        "regex", "not_regex", "gt", "gte", "lt", "lte", "min", "max", "between", "not_between", "is_set", "is_not_set",
        "is_date_exact", "is_date_before", "is_date_after", "semver_eq", "semver_neq", "semver_gt", "semver_gte",
        "semver_lt", "semver_lte", "semver_tilde", "semver_caret", "semver_wildcard",
    }
)  # fmt: skip
_WITHOUT_VALUE = frozenset({"is_set", "is_not_set"})
_RANGES = frozenset({"between", "not_between"})
_DATES = frozenset({"is_date_exact", "is_date_before", "is_date_after"})

_KINDS = frozenset(
    {"event", "event_metadata", "feature", "person", "group", "session", "element", "cohort", "static-cohort", "hogql"}
)
_NOT_ANSWERED = {
    "recording": "there are no session recordings",
    "log_entry": "there are no session recordings",
    "data_warehouse": "there is no data warehouse",
    "data_warehouse_person_property": "there is no data warehouse",
    "flag": "PostHog evaluates it outside of queries",
}
_MOST_NESTED = 20
_LAST_GROUP_TYPE = 4

Value = str | float | bool | None
"""What JSON has for the value of a filter; bool and int are among float's."""


@dataclass(frozen=True)
class PropertyFilter:
    """One condition.

    Attributes:
        key: The property; for ``hogql`` an expression, for a cohort the word ``id``.
        kind: Whose property: PostHog's ``type``.
        operator: One of :data:`OPERATORS`.
        value: One value, or several of which one is enough (of a negative operator: none may hold).
        group_type_index: Which group type, for ``group``.
        negation: Whether the opposite is asked for, where PostHog has it: in cohorts.
    """

    key: str
    kind: str = "event"
    operator: str = "exact"
    value: Value | tuple[Value, ...] = None
    group_type_index: int | None = None
    negation: bool = False


@dataclass(frozen=True)
class PropertyGroup:
    """Conditions of which all (``AND``) or one (``OR``) must hold."""

    kind: str
    values: tuple[PropertyFilter | PropertyGroup, ...]


def read_properties(found: object) -> tuple[PropertyFilter | PropertyGroup, ...]:
    """A list of filters, all of which must hold.

    Raises:
        InvalidInputError: it is no list of filters.
    """
    if not isinstance(found, list):
        raise InvalidInputError(f"Property filters are a list, not {_short(found)}.")
    return tuple(map(read_property, found))


def read_property(found: object, *, depth: int = 0) -> PropertyFilter | PropertyGroup:
    """A filter ``{"key", "value", "operator", "type"}`` or a group ``{"type": "AND" | "OR", "values": [...]}``.

    Raises:
        InvalidInputError: it is neither, or its operator does not take its value.
    """
    if not isinstance(found, dict):
        raise InvalidInputError(f"A property filter is an object, not {_short(found)}.")
    if "values" in found:
        return _read_group(found, depth)
    key, kind = found.get("key"), found.get("type") or "event"
    if not isinstance(kind, str) or kind not in _KINDS:
        reason = _NOT_ANSWERED.get(kind) if isinstance(kind, str) else None
        raise InvalidInputError(
            f"A property filter of type {_short(kind)} is not answered{f': {reason}' if reason else ''}.",
            hint=f"{', '.join(sorted(_KINDS))} are.",
        )
    if kind.endswith("cohort"):
        key = "id"
    if not isinstance(key, str) or not key:
        raise InvalidInputError("A property filter needs a 'key'.")
    one = PropertyFilter(
        key,
        kind,
        _operator(found),
        _value(found.get("value")),
        _group_type_index(found, kind),
        found.get("negation") is True,
    )
    _check_value(one)
    return one


def _read_group(found: Mapping[str, Any], depth: int) -> PropertyGroup:
    if found.get("type") not in ("AND", "OR"):
        raise InvalidInputError(f"A group of property filters is of type AND or OR, not {_short(found.get('type'))}.")
    if not isinstance(found["values"], list):
        raise InvalidInputError(f"The 'values' of a group are a list, not {_short(found['values'])}.")
    if depth > _MOST_NESTED:
        raise InvalidInputError(f"Property filters are nested more than {_MOST_NESTED} deep.")
    values = tuple(read_property(one, depth=depth + 1) for one in found["values"])
    return PropertyGroup(found["type"], values)


def _operator(found: Mapping[str, Any]) -> str:
    operator = found.get("operator") or "exact"
    if not isinstance(operator, str) or operator not in OPERATORS:
        raise InvalidInputError(
            f"Operator {_short(operator)} is not answered.", hint=f"{', '.join(sorted(OPERATORS))} are."
        )
    return operator


def _value(found: object) -> Value | tuple[Value, ...]:
    items: list[Any] = found if isinstance(found, list) else [found]
    if not all(one is None or isinstance(one, (str, int, float)) for one in items):
        raise InvalidInputError(
            f"A filter's value is a text, a number, true, false, or a list of these, not {_short(found)}."
        )
    only: Value = items[0] if items else None
    return tuple(items) if isinstance(found, list) else only


def _group_type_index(found: Mapping[str, Any], kind: str) -> int | None:
    index = found.get("group_type_index")
    if kind != "group":
        return None
    if isinstance(index, bool) or not isinstance(index, int) or not 0 <= index <= _LAST_GROUP_TYPE:
        raise InvalidInputError(f"A group filter needs a 'group_type_index' from 0 to 4, not {_short(index)}.")
    return index


def _check_value(one: PropertyFilter) -> None:
    value = one.value
    if one.operator in _RANGES:
        _check_range(one)
    if one.operator in _DATES and not isinstance(value, str):
        raise InvalidInputError(f"{one.operator} operator requires a date as text, not {_short(value)}.")
    if one.operator in {"in", "not_in"} and not isinstance(value, tuple) and not one.kind.endswith("cohort"):
        raise InvalidInputError(f"{one.operator} operator requires a list of values, not {_short(value)}.")
    if value is None and one.operator not in _WITHOUT_VALUE and one.kind != "hogql":
        raise InvalidInputError(f"The filter on '{one.key}' needs a 'value'.")
    if one.kind == "hogql":
        _check_expression(one.key)
    if one.kind.endswith("cohort") and (isinstance(value, bool) or not str(value).isdecimal()):
        raise InvalidInputError(f"Cohort property value must be a cohort ID, not {_short(value)}.")


def _check_expression(text: str) -> None:
    try:
        parse_expression(text)
    except HogQLError as error:
        raise InvalidInputError(f"The filter {text!r:.60} is no HogQL expression: {error.message}") from error


def _check_range(one: PropertyFilter) -> None:
    if not isinstance(one.value, tuple) or len(one.value) != 2:  # noqa: PLR2004 - least and most
        raise InvalidInputError(f"{one.operator} operator requires a two-element array [min, max]")
    try:
        least, most = (float(bound) for bound in one.value)  # type: ignore[arg-type]  # None is told below
    except (TypeError, ValueError) as error:
        raise InvalidInputError(f"{one.operator} operator requires numeric values") from error
    if least > most:
        raise InvalidInputError(f"{one.operator} operator requires min value to be less than or equal to max value")


def _short(value: object) -> str:
    return f"{json.dumps(value, ensure_ascii=False, default=list):.60}"
