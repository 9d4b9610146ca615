"""Property filters as HogQL conditions, after PostHog's own translation of each operator."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

from posthog_nb.embedded.hogql import ast
from posthog_nb.embedded.hogql.build import all_of, any_of, array, call, compare, field, negated, value
from posthog_nb.embedded.hogql.filters.dates import filter_date, is_relative
from posthog_nb.embedded.hogql.filters.elements import selector_condition, tag_condition
from posthog_nb.embedded.hogql.filters.properties import PropertyFilter, PropertyGroup
from posthog_nb.embedded.hogql.filters.semver import VERSION_RANGES
from posthog_nb.embedded.hogql.parse import parse_expression
from posthog_nb.errors import InvalidInputError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from posthog_nb.embedded.hogql.facts import ProjectFacts
    from posthog_nb.embedded.hogql.filters.properties import Value

__all__ = ["conditions"]

_COMPARISONS = {
    "exact": "==", "is_not": "!=", "lt": "<", "lte": "<=", "max": "<=", "gt": ">", "gte": ">=", "min": ">=",
    "semver_eq": "==", "semver_neq": "!=", "semver_lt": "<", "semver_lte": "<=", "semver_gt": ">", "semver_gte": ">=",
    "is_date_exact": "==", "is_date_before": "<", "is_date_after": ">",
}  # fmt: skip
_ONE_IS_ENOUGH = {"exact": "in", "in": "in", "is_not": "not in", "not_in": "not in"}
"""Operators that take several values at once, and what they are then."""

_NEGATIVE = frozenset({"is_not", "not_icontains", "not_icontains_multi", "not_regex", "not_between", "not_in"})
_TAKE_LISTS = frozenset(
    {"between", "not_between", "icontains", "not_icontains", "icontains_multi", "not_icontains_multi"}
)
_ELEMENT_KEYS = ("href", "text", "selector", "tag_name")
_GROUP_COLUMNS = frozenset({"created_at", "updated_at"})


def conditions(
    filters: Sequence[PropertyFilter | PropertyGroup], facts: ProjectFacts, *, scope: str = "event"
) -> ast.Node:
    """One condition that holds when all the filters do; true when there is none.

    Args:
        filters: What is asked for.
        facts: The project: its property definitions, its clock and zone.
        scope: Of what table the rows are: event, person, session or group.

    Raises:
        InvalidInputError: a filter means nothing for such rows.
        HogQLError: an expression among them is no HogQL.
    """
    return all_of([_condition(one, facts, scope) for one in filters])


def _condition(one: PropertyFilter | PropertyGroup, facts: ProjectFacts, scope: str) -> ast.Node:
    if isinstance(one, PropertyGroup):
        parts = [_condition(inner, facts, scope) for inner in one.values]
        return all_of(parts) if one.kind == "AND" else any_of(parts)
    match one.kind:
        case "hogql":
            return parse_expression(one.key)
        case "cohort" | "static-cohort":
            return _cohort(one, scope)
        case "element":
            return _for_each_value(one, lambda single: _element(single, facts))
        case "event_metadata" if scope == "group":
            return _group_key(one, facts)
        case _:
            return _property(one, facts, scope)


def _cohort(one: PropertyFilter, scope: str) -> ast.Node:
    opposite = one.negation or one.operator == "not_in"
    person = field("id" if scope == "person" else "person_id")
    return compare(person, "not in cohort" if opposite else "in cohort", int(str(one.value)))


def _group_key(one: PropertyFilter, facts: ProjectFacts) -> ast.Node:
    """``$group_N`` of an event, asked of the groups themselves: their type and their key."""
    index = one.key.removeprefix("$group_")
    if index not in {"0", "1", "2", "3", "4"}:
        raise InvalidInputError(f"The 'event_metadata' property filter does not work in 'group' scope for {one.key!r}.")
    if isinstance(one.value, tuple) and len(one.value) > 1:
        raise InvalidInputError(f"The '{one.key}' property filter only supports one value in 'group' scope")
    key = _for_each_value(one, lambda single: _compared(field("key"), single, facts))
    return all_of([key, compare(field("index"), "==", int(index))])


# -- where the value of a filter is found


def _property(one: PropertyFilter, facts: ProjectFacts, scope: str) -> ast.Node:
    if (scope in {"person", "session"} and one.kind != scope) or (scope != "event" and one.kind == "event_metadata"):
        raise InvalidInputError(f"The '{one.kind}' property filter does not work in '{scope}' scope")
    subject = field(*_chain(one, scope))
    return _for_each_value(one, lambda single: _compared(subject, single, facts), subject)


def _chain(one: PropertyFilter, scope: str) -> tuple[str, ...]:  # noqa: PLR0911 - one line for each place
    in_person = () if scope == "person" else ("person",)
    match one.kind:
        case "person" if one.key == "distinct_id":
            return (*in_person, "pdi", "distinct_id")
        case "person":
            return (*in_person, "properties", one.key)
        case "group" if scope != "group":
            return (f"group_{one.group_type_index}", "properties", one.key)
        case "group" if one.key in _GROUP_COLUMNS:
            return (one.key,)
        case "session":
            return ("sessions" if scope == "session" else "session", one.key)
        case "event_metadata":
            return (one.key,)
        case _ if one.key == "$elements_chain":
            return ("elements_chain",)
        case _:
            return ("properties", one.key)


def _element(one: PropertyFilter, facts: ProjectFacts) -> ast.Node:
    match one.key:
        case "selector" | "tag_name":
            if one.operator not in {"exact", "is_not"}:
                raise InvalidInputError(f"An element's {one.key} is compared by exact and is_not, not {one.operator}.")
            make = selector_condition if one.key == "selector" else tag_condition
            found = make(str(one.value))
            return negated(found) if one.operator == "is_not" else found
        case "href":
            return _compared(field("elements_chain_href"), one, facts)
        case "text":
            test = ast.Lambda(ast.NOWHERE, ("text",), _compared(field("text"), one, facts))
            return call("arrayExists", test, field("elements_chain_texts"))
        case _:
            raise InvalidInputError(
                f"An element has no {one.key!r:.60} to filter by.", hint=f"There are {', '.join(_ELEMENT_KEYS)}."
            )


# -- how it is compared


def _for_each_value(
    one: PropertyFilter, test: Callable[[PropertyFilter], ast.Node], subject: ast.Node | None = None
) -> ast.Node:
    """The test for a filter that may have several values: one must fit, or none of a negative operator's."""
    if not isinstance(one.value, tuple) or one.operator in _TAKE_LISTS:
        return test(one)
    if not one.value:
        # Nothing is chosen yet: PostHog passes over such a filter.
        return value(True)
    if subject is not None and len(one.value) > 1 and one.operator in _ONE_IS_ENOUGH:
        listed = ast.Tuple(ast.NOWHERE, tuple(value(item) for item in one.value))
        return compare(subject, _ONE_IS_ENOUGH[one.operator], listed)
    tests = [test(replace(one, value=item, operator=_of_one(one.operator))) for item in one.value]
    return all_of(tests) if one.operator in _NEGATIVE else any_of(tests)


def _of_one(operator: str) -> str:
    return {"in": "exact", "not_in": "is_not"}.get(operator, operator)


def _compared(subject: ast.Node, one: PropertyFilter, facts: ProjectFacts) -> ast.Node:
    operator = one.operator
    if operator in _OPERATORS:
        return _OPERATORS[operator](subject, one)
    if operator.startswith("is_date_"):
        return compare(_instant(subject), _COMPARISONS[operator], _date(str(one.value), facts))
    if operator in VERSION_RANGES:
        least, above = VERSION_RANGES[operator](str(one.value))
        return all_of([_compared_version(subject, ">=", least), _compared_version(subject, "<", above)])
    if operator.startswith("semver_"):
        return _compared_version(subject, _COMPARISONS[operator], _text(one.value))
    right = _truth(one, facts) if operator in {"exact", "is_not"} else one.value
    return compare(subject, _COMPARISONS[operator], value(right))


def _truth(one: PropertyFilter, facts: ProjectFacts) -> Value | tuple[Value, ...]:
    """``true`` and ``false`` are text unless the property is defined as Boolean."""
    text = json.dumps(one.value) if isinstance(one.value, bool) else one.value
    if text not in ("true", "false"):
        return text
    definitions: Mapping[str, str] = {
        "person": facts.person_properties,
        "group": facts.group_properties.get(one.group_type_index or 0, {}),
    }.get(one.kind, facts.event_properties)
    return text == "true" if definitions.get(one.key) == "Boolean" else text


def _contains(subject: ast.Node, one: PropertyFilter) -> ast.Node:
    texts = one.value if isinstance(one.value, tuple) else (one.value,)
    opposite = one.operator.startswith("not_")
    if len(texts) == 1 and not one.operator.endswith("_multi"):
        like = "not ilike" if opposite else "ilike"
        return compare(call("toString", subject), like, f"%{_text(texts[0])}%")
    found = call("multiSearchAnyCaseInsensitive", call("toString", subject), array([_text(one) for one in texts]))
    return compare(found, "==" if opposite else ">", 0)


def _matches(subject: ast.Node, one: PropertyFilter) -> ast.Node:
    found = call("match", call("toString", subject), value(_text(one.value)))
    if one.operator == "not_regex":
        return call("ifNull", call("not", found), value(1))
    return call("ifNull", found, value(0))


def _in_range(subject: ast.Node, one: PropertyFilter) -> ast.Node:
    assert isinstance(one.value, tuple)  # noqa: S101 - checked when it was read
    least, most = one.value
    if one.operator == "between":
        return all_of([compare(subject, ">=", least), compare(subject, "<=", most)])
    return any_of([compare(subject, "<", least), compare(subject, ">", most)])


_OPERATORS: Mapping[str, Callable[[ast.Node, PropertyFilter], ast.Node]] = {
    "is_set": lambda subject, _: compare(subject, "!=", None),
    "is_not_set": lambda subject, _: compare(subject, "==", None),
    **dict.fromkeys(("icontains", "not_icontains", "icontains_multi", "not_icontains_multi"), _contains),
    **dict.fromkeys(("regex", "not_regex"), _matches),
    **dict.fromkeys(("between", "not_between"), _in_range),
}


def _text(item: object) -> str:
    return item if isinstance(item, str) else json.dumps(item, ensure_ascii=False)


def _compared_version(subject: ast.Node, op: str, version: str) -> ast.Node:
    """What is no version is excluded by every comparison, the unequal one too."""
    found = call("sortableSemVer", subject)
    is_version = compare(call("arrayElement", found, value(1)), "!=", None)
    return all_of([is_version, compare(found, op, call("sortableSemVer", value(version)))])


def _instant(subject: ast.Node) -> ast.Node:
    """A property that may be text or time already: both are read as text, so that no two forms of a date compare."""
    return call("toDateTime", call("toString", subject))


def _date(text: str, facts: ProjectFacts) -> ast.Node:
    """Relative dates by the second in the project's zone, others as they are written."""
    if is_relative(text):
        text = filter_date(text, facts).strftime("%Y-%m-%d %H:%M:%S")
    return call("toDateTime", value(text))
