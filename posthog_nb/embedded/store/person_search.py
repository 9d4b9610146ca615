"""Finding persons by their properties and distinct ids."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from posthog_nb.errors import InvalidInputError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from uuid import UUID

    from posthog_nb.embedded.store.store import Store

__all__ = ["OPERATORS", "PersonSearch", "PropertyFilter", "property_filter"]

_NUMERIC = {"gt": ">", "gte": ">=", "lt": "<", "lte": "<="}
_NEGATED = {"is_not": "exact", "not_icontains": "icontains", "not_regex": "regex", "is_not_set": "is_set"}
_POSITIVE = ("exact", "icontains", "regex", "is_set")

OPERATORS = (*_POSITIVE, *_NEGATED, *_NUMERIC)
"""The property filters that are answered; PostHog has more, for dates and cohorts."""


@dataclass(frozen=True, slots=True)
class PropertyFilter:
    """A condition on one person property; ``operator`` is one of :data:`OPERATORS`.

    Raises:
        InvalidInputError: the operator is not answered, or cannot be applied to the value.
    """

    key: str
    operator: str = "exact"
    value: object = None

    def __post_init__(self) -> None:
        if self.operator not in OPERATORS:
            raise InvalidInputError(
                f"Operator {self.operator!r:.60} is not answered.", hint=f"{', '.join(OPERATORS)} are."
            )
        items = self.value if isinstance(self.value, list) else [self.value]
        if not all(item is None or isinstance(item, (str, int, float)) for item in items):
            raise InvalidInputError("A filter's value is a text, a number, true, false, or a list of these.")
        if self.operator in _NUMERIC:
            _number(self)


@dataclass
class PersonSearch:
    """Which persons are wanted. What is left out does not restrict.

    Attributes:
        email: The property ``email``, exactly.
        distinct_id: A distinct id, exactly.
        search: Part of the email in any case, or a distinct id exactly.
        serial_id: PostHog's number for the person.
        properties: Conditions on properties; all must hold.
    """

    email: str | None = None
    distinct_id: str | None = None
    search: str | None = None
    serial_id: int | None = None
    properties: Sequence[PropertyFilter] = ()
    _parameters: dict[str, object] = field(default_factory=dict, init=False)

    def ids(self, store: Store, *, limit: int, offset: int = 0) -> list[UUID]:
        """The persons' ids, the newest first.

        Raises:
            EngineError: a condition cannot be evaluated; at fault is a filter, whose regular expression is none.
        """
        sql = f"SELECT id FROM {self._found(store)} ORDER BY latest.1 DESC, id DESC LIMIT {limit:d} OFFSET {offset:d}"
        return [row[0] for row in store.engine.read(sql, self._parameters)]

    def count(self, store: Store) -> int:
        """How many persons there are in all."""
        sql = f"SELECT count() FROM {self._found(store)}"
        return int(store.engine.read(sql, self._parameters)[0][0])

    def _found(self, store: Store) -> str:
        self._check_patterns(store)
        self._parameters = {}
        conditions = ["latest.3 = 0", *self._conditions(store)]
        return (
            "(SELECT id, argMax(tuple(created_at, properties, is_deleted, serial_id), version) AS latest"
            f" FROM {store.database}.person GROUP BY id) WHERE {' AND '.join(conditions)}"
        )

    def _check_patterns(self, store: Store) -> None:
        """Try every regular expression: in the search, ClickHouse meets only those that it gets to for some person."""
        self._parameters = {}
        filters = [one for one in self.properties if one.operator in {"regex", "not_regex"}]
        tests = [f"match('', {self._bind(text)})" for one in filters for text in _texts(one)]
        if tests:
            store.engine.read(f"SELECT {', '.join(tests)}", self._parameters)

    def _conditions(self, store: Store) -> list[str]:
        conditions = []
        if self.email is not None:
            conditions.append(f"{self._property('email')} = {self._bind(self.email)}")
        if self.distinct_id is not None:
            conditions.append(self._has_distinct_id(store, self.distinct_id))
        if self.search is not None:
            part = f"positionCaseInsensitiveUTF8(ifNull({self._property('email')}, ''), {self._bind(self.search)}) > 0"
            conditions.append(f"({part} OR {self._has_distinct_id(store, self.search)})")
        if self.serial_id is not None:
            conditions.append(f"latest.4 = {self._bind(self.serial_id, 'UInt64')}")
        return [*conditions, *(self._condition(one) for one in self.properties)]

    def _has_distinct_id(self, store: Store, distinct_id: str) -> str:
        return (
            f"id IN (SELECT argMax(person_id, version) FROM {store.database}.person_distinct_id2"
            f" WHERE distinct_id = {self._bind(distinct_id)} GROUP BY distinct_id)"
        )

    def _condition(self, one: PropertyFilter) -> str:
        if one.operator in _NEGATED:
            # As in PostHog, a person without the property is one whose property is not that.
            return f"NOT {self._condition(PropertyFilter(one.key, _NEGATED[one.operator], one.value))}"
        found = self._property(one.key)
        if one.operator in _NUMERIC:
            bound = self._bind(_number(one), "Float64")
            return f"ifNull(toFloat64OrNull({found}) {_NUMERIC[one.operator]} {bound}, 0)"
        if one.operator == "is_set":
            return f"isNotNull({found})"
        texts = _texts(one)
        if one.operator == "exact":
            return f"ifNull({found} IN {self._bind(texts, 'Array(String)')}, 0)"
        if one.operator == "icontains":
            tests = [f"positionCaseInsensitiveUTF8({found}, {self._bind(text)}) > 0" for text in texts]
        else:
            tests = [f"match({found}, {self._bind(text)})" for text in texts]
        return f"ifNull({' OR '.join(tests) or '0'}, 0)"

    def _property(self, key: str) -> str:
        raw = f"JSONExtractRaw(latest.2, {self._bind(key)})"
        return f"replaceRegexpAll(nullIf(nullIf({raw}, ''), 'null'), '^\"|\"$', '')"

    def _bind(self, value: object, kind: str = "String") -> str:
        name = f"p{len(self._parameters)}"
        self._parameters[name] = value
        return f"{{{name}:{kind}}}"


def _texts(one: PropertyFilter) -> list[str]:
    """A filter's values as the text that the property has in its JSON."""
    values = one.value if isinstance(one.value, list) else [one.value]
    return [value if isinstance(value, str) else json.dumps(value, ensure_ascii=False) for value in values]


def _number(one: PropertyFilter) -> float:
    value: Any = one.value
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        number = math.nan
    if not math.isfinite(number):
        raise InvalidInputError(
            f"{one.operator!r} takes a number that a Float64 holds, not {json.dumps(value, ensure_ascii=False):.60}."
        )
    return number


def property_filter(found: Mapping[str, Any]) -> PropertyFilter:
    """A filter as PostHog writes it: ``{"key", "value", "operator"}``.

    Raises:
        InvalidInputError: it has no key, an operator that is not answered, or a value that the operator does not take.
    """
    key, operator, kind = found.get("key"), found.get("operator") or "exact", found.get("type")
    if not isinstance(key, str) or not key:
        raise InvalidInputError("A property filter needs a 'key'.")
    # Compared, not looked up: JSON may have a list here, which no set takes.
    if kind is not None and kind != "person":
        raise InvalidInputError(f"A filter of type {kind!r:.60} is not answered for persons; 'person' is.")
    return PropertyFilter(key, operator, found.get("value"))
