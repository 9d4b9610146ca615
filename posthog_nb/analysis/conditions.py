"""PostHog's property filters as HogQL.

They mean what they mean in PostHog (``property_to_expr`` of ``posthog/hogql/property.py``): several values of one
filter are alternatives, a negative operator but ``not_between`` also holds where the property is not set.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import TYPE_CHECKING, Any

from posthog_nb.analysis.dates import read_word
from posthog_nb.analysis.options import as_list, read_group_type
from posthog_nb.embedded.hogql.escape import hogql_identifier
from posthog_nb.embedded.hogql.parse import parse_expression
from posthog_nb.errors import HogQLError, InvalidInputError
from posthog_nb.operations.plain import as_python
from posthog_nb.syntax import parser_available

if TYPE_CHECKING:
    from collections.abc import Callable

    from posthog_nb.analysis.text import Values

__all__ = ["OPERATORS", "PROPERTY_TYPES", "Properties", "all_of", "condition", "property_of"]

Properties = str | Mapping[str, Any] | Sequence[str | Mapping[str, Any]] | None
"""What the argument ``properties`` takes, here and in every analysis."""

PROPERTY_TYPES = ("event", "person", "session", "group", "event_metadata", "cohort", "hogql")
"""The types of a filter that are read: where the property is looked for."""

_SIGNS = {"gt": ">", "gte": ">=", "lt": "<", "lte": "<=", "min": ">=", "max": "<="}
_DATE_SIGNS = {"is_date_exact": "=", "is_date_before": "<", "is_date_after": ">"}
_NEGATIVE = frozenset({"is_not", "not_in", "not_icontains", "not_regex", "not_between"})
_KEYS = frozenset({"key", "value", "operator", "type", "group_type_index", "negation", "label", "cohort_name"})
_HINT = 'Give {"plan": "pro"}, a HogQL expression, or a list of PostHog\'s property filters.'


def condition(properties: Properties, values: Values) -> str | None:
    """The filters as one HogQL condition of an event; None when there is none.

    Args:
        properties: ``{"plan": "pro"}`` (exactly that, or one of a list), a HogQL expression, or a list of these and of
            PostHog's filters, such as ``{"key": "seats", "operator": "gt", "value": 3, "type": "person"}``.
        values: Where values are bound.

    Raises:
        InvalidInputError: a filter is not what it should be.
    """
    if properties is None:
        return None
    found = [properties] if isinstance(properties, str | Mapping) else properties
    if not isinstance(found, Sequence):
        raise InvalidInputError(f"properties is of type {type(properties).__name__}.", hint=_HINT)
    return all_of([part for one in found for part in _conditions(one, values)])


def all_of(conditions: Sequence[str | None]) -> str | None:
    """The condition that holds when all do; None of none."""
    given = [one for one in conditions if one is not None]
    return "\n  AND ".join(given) if given else None


def _conditions(one: object, values: Values) -> list[str]:
    if isinstance(one, str):
        return [_expression(one, "properties")]
    if not isinstance(one, Mapping):
        raise InvalidInputError(f"properties has {one!r}, which is no property filter.", hint=_HINT)
    if "key" not in one and one.get("type") != "cohort":
        # {"plan": "pro"}: names and what they are exactly.
        return [_filter({"key": key, "value": value}, values) for key, value in one.items()]
    return [_filter(one, values)]


def _expression(text: object, name: str) -> str:
    """A HogQL expression in brackets, which is read so that it cannot be more than one."""
    if not isinstance(text, str) or not text.strip():
        raise InvalidInputError(
            f"{name} has {text!r} where a HogQL expression is meant.", hint="Such as \"properties.plan = 'pro'\"."
        )
    if parser_available():
        try:
            parse_expression(text)
        except HogQLError as error:
            raise InvalidInputError(f"{text!r:.80} is no HogQL expression: {error.message}") from error
    # A comment at its end must not reach further.
    return f"({text}\n)" if "--" in text else f"({text})"


def _filter(one: Mapping[str, Any], values: Values) -> str:
    if unknown := sorted(map(str, set(one) - _KEYS)):
        raise InvalidInputError(
            f"A filter of properties has {', '.join(unknown)}, which PostHog's filters do not have."
        )
    kind = one.get("type") or "event"
    if kind == "hogql":
        return _expression(one.get("key"), "properties")
    if kind == "cohort":
        word = "NOT IN COHORT" if one.get("negation") or one.get("operator") == "not_in" else "IN COHORT"
        return f"person_id {word} {_cohort(one.get('value'))}"
    key = one.get("key")
    if not isinstance(key, str) or not key:
        raise InvalidInputError(f"A filter of properties has the key {key!r}, which is no property's name.", hint=_HINT)
    operator = one.get("operator") or "exact"
    if not isinstance(operator, str) or operator not in OPERATORS:
        raise InvalidInputError(
            f"The filter on {key!r} has the operator {operator!r}.", hint=f"There are {', '.join(OPERATORS)}."
        )
    subject = property_of(key, kind, one.get("group_type_index"))
    value = as_python(one.get("value"))
    if value is None and operator not in {"is_set", "is_not_set"}:
        raise InvalidInputError(
            f"The filter on {key!r} has no value.", hint='{"operator": "is_not_set"} asks for what is not set.'
        )
    return OPERATORS[operator](subject, operator, value, values)


def _cohort(value: object) -> str:
    if isinstance(value, bool) or not str(value).isdecimal():
        raise InvalidInputError(
            f"A cohort filter of properties has the value {value!r}, which is no cohort's number.",
            hint="What ph.cohort() gives has it as .id.",
        )
    return str(value)


def property_of(key: str, kind: str = "event", group_type_index: int | None = None) -> str:
    """Where HogQL has a property, such as ``properties.$browser`` or ``person.properties.plan``.

    Args:
        key: Its name; for ``hogql`` an expression.
        kind: PostHog's type of property: one of :data:`PROPERTY_TYPES` but ``cohort``.
        group_type_index: Which group type, for ``group``: 0 to 4.

    Raises:
        InvalidInputError: there is no such type, or ``group`` lacks its index.
    """
    match kind:
        case "event":
            return f"properties.{hogql_identifier(key)}"
        case "person":
            return f"person.properties.{hogql_identifier(key)}"
        case "session":
            return f"session.{hogql_identifier(key)}"
        case "event_metadata":
            return hogql_identifier(key)
        case "group":
            number = read_group_type(group_type_index, "group_type_index")
            return f"group_{number}.properties.{hogql_identifier(key)}"
        case "hogql":
            return _expression(key, "the property")
    raise InvalidInputError(f"There is no property type {kind!r}.", hint=f"There are {', '.join(PROPERTY_TYPES)}.")


# -- how it is compared


def _each(value: object, operator: str, test: Callable[[object], str]) -> str:
    """The test for each value: one must hold, or all of a negative operator's."""
    tests = [test(one) for one in as_list(value)]
    if len(tests) == 1:
        return tests[0]
    return f"({(' AND ' if operator in _NEGATIVE else ' OR ').join(tests)})" if tests else "true"


def _equal(subject: str, operator: str, value: object, values: Values) -> str:
    opposite = operator in _NEGATIVE
    listed = as_list(value)
    if any(one in (True, False, "true", "false") for one in listed if isinstance(one, bool | str)):
        # Truth is text unless the property is defined as Boolean, which only the project knows.
        return _each(value, operator, lambda one: _as_text(subject, opposite, one, values))
    if len(listed) == 1:
        return f"{subject} {'!=' if opposite else '='} {_bound(listed[0], values)}"
    if not listed:
        # Nothing is chosen yet: PostHog passes over such a filter.
        return "true"
    return f"{subject} {'NOT IN' if opposite else 'IN'} ({', '.join(_bound(one, values) for one in listed)})"


def _as_text(subject: str, opposite: bool, value: object, values: Values) -> str:
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return f"toString({subject}) {'!=' if opposite else '='} {_bound(text, values)}"


def _set(subject: str, operator: str, _: object, __: Values) -> str:
    return f"{subject} {'IS NOT NULL' if operator == 'is_set' else 'IS NULL'}"


def _contains(subject: str, operator: str, value: object, values: Values) -> str:
    word = "NOT ILIKE" if operator in _NEGATIVE else "ILIKE"
    return _each(value, operator, lambda one: f"toString({subject}) {word} {_bound(f'%{one}%', values)}")


def _matches(subject: str, operator: str, value: object, values: Values) -> str:
    def test(one: object) -> str:
        found = f"match(toString({subject}), {_bound(str(one), values)})"
        return f"ifNull(NOT {found}, true)" if operator in _NEGATIVE else f"ifNull({found}, false)"

    return _each(value, operator, test)


def _ordered(subject: str, operator: str, value: object, values: Values) -> str:
    return _each(value, operator, lambda one: f"{subject} {_SIGNS[operator]} {_bound(one, values)}")


def _between(subject: str, operator: str, value: object, values: Values) -> str:
    listed = as_list(value)
    if len(listed) != 2:  # noqa: PLR2004 - least and most
        raise InvalidInputError(f"{operator} has the value {value!r}.", hint="It is a list of the least and the most.")
    least, most = (_bound(one, values) for one in listed)
    if operator == "not_between":
        return f"({subject} < {least} OR {subject} > {most})"
    return f"({subject} >= {least} AND {subject} <= {most})"


def _dated(subject: str, operator: str, value: object, values: Values) -> str:
    if not isinstance(value, str | date) or (isinstance(value, str) and read_word(value)):
        raise InvalidInputError(
            f"{operator} has the value {value!r}.", hint="Give one date or time, such as 2026-01-31 or a datetime."
        )
    sign = _DATE_SIGNS[operator]
    return f"toDateTime(toString({subject})) {sign} toDateTime({_bound(str(value), values)})"


def _bound(value: object, values: Values) -> str:
    return values.bind(value, "value")


OPERATORS: dict[str, Callable[[str, str, object, Values], str]] = {
    **dict.fromkeys(("exact", "is_not", "in", "not_in"), _equal),
    **dict.fromkeys(("is_set", "is_not_set"), _set),
    **dict.fromkeys(("icontains", "not_icontains"), _contains),
    **dict.fromkeys(("regex", "not_regex"), _matches),
    **dict.fromkeys(_SIGNS, _ordered),
    **dict.fromkeys(("between", "not_between"), _between),
    **dict.fromkeys(_DATE_SIGNS, _dated),
}
"""PostHog's operators, and what writes each."""
