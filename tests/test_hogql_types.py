"""What the compiler holds of a value is what ClickHouse makes of it: how NULL is compared hangs on it."""

from __future__ import annotations

import pytest

from posthog_nb.embedded.hogql.parse import parse
from posthog_nb.embedded.hogql.selects import SelectResolver
from posthog_nb.embedded.hogql.types import Kind
from tests import test_hogql_functions as functions
from tests import test_hogql_properties as properties
from tests import test_hogql_time as time
from tests.hogql_world import World, create_world

_KINDS = {
    Kind.STRING: ("String",),
    Kind.INTEGER: ("Int",),
    Kind.FLOAT: ("Float",),
    Kind.DECIMAL: ("Decimal",),
    Kind.BOOLEAN: ("Bool", "UInt8"),
    Kind.DATETIME: ("DateTime",),
    Kind.DATE: ("Date",),
    Kind.UUID: ("UUID",),
    Kind.ARRAY: ("Array",),
    Kind.TUPLE: ("Tuple",),
}
_ROWS = "(select number, ['a', null, 'c'][number + 1] as text, toNullable(number) as nullable from numbers(3))"
EXPRESSIONS = {
    "": [
        *functions.CONVERSIONS,
        *functions.TEXT,
        *functions.NUMBERS,
        *functions.CHOICES,
        *functions.ARRAYS,
        *time.READ,
    ],
    " from events": [*time.OF_EVENTS, *properties.OF_THE_PROJECT],
    f" from {_ROWS}": [
        *functions.AGGREGATES,
        *((f"{name}(nullable)",) for name in ("sum", "avg", "min", "any", "median", "uniq", "groupArray", "count")),
        ("argMax(number, nullable)",),
        ("argMax(nullable, number)",),
        ("sumIf(nullable, number > 0)",),
        ("round(number, nullable)",),
        ("dateDiff('day', now(), toDateTime(nullable))",),
    ],
    f" from {_ROWS} window w as (order by number)": functions.WINDOWS,
}


@pytest.fixture(scope="module")
def world() -> World:
    return create_world()


@pytest.mark.parametrize("source", EXPRESSIONS)
def test_what_may_be_null_is_known(world: World, source: str) -> None:
    wrong = []
    for expression, *_ in EXPRESSIONS[source]:
        query = f"select {expression} as value{source}"
        held = SelectResolver(query, world.facts).query(parse(query, {}, {})).columns["value"].type
        (found,) = world.types(query)
        if "Nullable" in found.partition("(")[0] and not held.nullable:
            wrong.append((expression, "never NULL", found))
        if not any(name in found for name in (*_KINDS.get(held.kind, ("",)), "Nothing")):
            wrong.append((expression, held.kind.name, found))
    assert wrong == []
