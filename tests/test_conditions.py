"""Property filters of an analysis: they mean what PostHog's ``{filters}`` mean, and bad ones are refused."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest

from posthog_nb.analysis.conditions import OPERATORS, all_of, condition, property_of
from posthog_nb.analysis.series import Series, read_all_series, read_series
from posthog_nb.analysis.text import Values, written
from posthog_nb.embedded.hogql import compile_query, read_filters
from posthog_nb.embedded.project import Project, ProjectSettings
from posthog_nb.errors import InvalidInputError
from tests.embedded import embedded_client

if TYPE_CHECKING:
    from collections.abc import Iterator

    from posthog_nb.client import Client

EVENTS: list[dict[str, Any]] = [
    {"plan": "pro", "amount": 10, "first": True, "due": "2026-01-05T10:00:00Z"},
    {"plan": "Prototype", "amount": 2.5, "first": False, "due": "2026-02-05T10:00:00Z"},
    {"plan": "free", "amount": 0},
    {"plan": "50%_off 'now' \\ {x}", "text": "true"},
    {"text": "false"},
    {},
]


@pytest.fixture(scope="module")
def project() -> Project:
    return Project.in_memory(ProjectSettings(timezone="Europe/Berlin"))


@pytest.fixture(scope="module")
def ph(project: Project) -> Iterator[Client]:
    with embedded_client(project=project) as client:
        for number, properties in enumerate(EVENTS):
            seats = {"$set": {"seats": number}} if number % 2 else {}
            client.capture("e", f"user {number}", {"number": number, **seats, **properties}, "2026-01-01T00:00:00Z")
        yield client


def chosen(ph: Client, properties: Any) -> list[int]:
    values = Values()
    text = f"SELECT properties.number FROM events WHERE {condition(properties, values) or 'true'} ORDER BY uuid"
    rows = ph.query(text, values=values.given).rows
    assert ph.query(written(text, values.given)).rows == rows
    return sorted(int(row[0]) for row in rows)


FILTERS: list[dict[str, Any]] = [
    {"key": "plan", "value": "pro"},
    {"key": "plan", "value": ["pro", "free"]},
    {"key": "plan", "value": "pro", "operator": "is_not"},
    {"key": "plan", "value": ["pro", "free"], "operator": "is_not"},
    {"key": "plan", "value": ["pro", "free"], "operator": "in"},
    {"key": "plan", "value": ["pro", "free"], "operator": "not_in"},
    {"key": "plan", "operator": "is_set"},
    {"key": "plan", "operator": "is_not_set"},
    {"key": "plan", "value": "PRO", "operator": "icontains"},
    {"key": "plan", "value": "PRO", "operator": "not_icontains"},
    {"key": "plan", "value": "50%_off 'now' \\ {x}"},
    {"key": "plan", "value": "^pro", "operator": "regex"},
    {"key": "plan", "value": "(?i)^PRO", "operator": "not_regex"},
    {"key": "amount", "value": 2.5, "operator": "gt"},
    {"key": "amount", "value": 2.5, "operator": "gte"},
    {"key": "amount", "value": 2.5, "operator": "lt"},
    {"key": "amount", "value": 2.5, "operator": "lte"},
    {"key": "amount", "value": [0, 3], "operator": "between"},
    {"key": "amount", "value": [1, 3], "operator": "not_between"},
    {"key": "first", "value": True},
    {"key": "first", "value": ["true"]},
    {"key": "first", "value": ["true"], "operator": "is_not"},
    {"key": "text", "value": "true"},
    {"key": "due", "value": "2026-02-01", "operator": "is_date_before"},
    {"key": "due", "value": "2026-02-01", "operator": "is_date_after"},
    {"key": "due", "value": "2026-01-05 11:00:00", "operator": "is_date_exact"},
    {"key": "seats", "value": 1, "operator": "gt", "type": "person"},
    {"key": "event", "value": "e", "type": "event_metadata"},
    {"key": "properties.amount > 1 OR 1 = 2", "type": "hogql"},
    {"key": "plan", "value": []},
]


@pytest.mark.parametrize("one", FILTERS, ids=str)
def test_a_filter_chooses_what_the_server_chooses_by_it(ph: Client, project: Project, one: dict[str, Any]) -> None:
    filters = read_filters({"properties": [{"type": "event", **one}]})
    compiled = compile_query("SELECT properties.number FROM events WHERE {filters}", project.facts(), filters=filters)
    rows = project.run(compiled.sql, query_id="by the server").rows
    assert chosen(ph, [one]) == sorted(int(row[0]) for row in rows)


def test_every_operator_is_tried() -> None:
    tried = {one.get("operator", "exact") for one in FILTERS}
    assert set(OPERATORS) - tried == {"min", "max"}, "the older names of gte and lte"


@pytest.mark.parametrize(
    ("short", "numbers"),
    [
        (None, [0, 1, 2, 3, 4, 5]),
        ([], [0, 1, 2, 3, 4, 5]),
        ({"plan": "pro"}, [0]),
        ({"plan": ["pro", "free"], "amount": 0}, [2]),
        ("properties.amount > 1 OR properties.plan = 'free'", [0, 1, 2]),
        (["properties.amount >= 0", {"first": True}], [0]),
        ("properties.plan IS NULL -- the rest", [4, 5]),
    ],
)
def test_the_short_forms(ph: Client, short: Any, numbers: list[int]) -> None:
    assert chosen(ph, short) == numbers


def test_a_list_of_nothing_asks_for_nothing() -> None:
    assert all_of([None, None]) is None
    assert condition([], Values()) is None


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (3, "properties is of type int"),
        ([3], "has 3, which is no property filter"),
        ("", "'' where a HogQL expression is meant"),
        ([{"key": 3, "type": "hogql"}], "3 where a HogQL expression is meant"),
        ([{"key": "plan", "value": "pro", "operator": ["exact"]}], "operator ['exact']"),
        ("1) OR (1", "is no HogQL expression"),
        ("amount >", "is no HogQL expression"),
        ([{"key": "plan", "value": "pro", "operater": "exact"}], "operater, which PostHog's filters do not have"),
        ([{"key": "plan", "value": "pro", "operator": "like"}], "operator 'like'"),
        ([{"key": "plan"}], "has no value"),
        ({"plan": pd.NA}, "has no value"),
        ([{"key": "due", "value": "-7d", "operator": "is_date_after"}], "is_date_after has the value '-7d'"),
        ([{"key": "due", "value": ["2026-01-05"], "operator": "is_date_exact"}], "Give one date or time"),
        ([{"key": "", "value": 1}], "no property's name"),
        ([{"key": "plan", "value": 1, "type": "recording"}], "no property type 'recording'"),
        ([{"key": "plan", "value": 1, "type": "group"}], "group_type_index is None"),
        ([{"key": "amount", "value": [1], "operator": "between"}], "between has the value"),
        ([{"key": "id", "value": "everyone", "type": "cohort"}], "no cohort's number"),
    ],
)
def test_what_is_no_filter_is_refused(bad: Any, message: str) -> None:
    with pytest.raises(InvalidInputError, match=re.escape(message)):
        condition(bad, Values())


@pytest.mark.parametrize(
    ("arguments", "expression"),
    [
        (("$browser",), "properties.$browser"),
        (("a b",), "properties.`a b`"),
        (("tick`s",), "properties.`tick``s`"),
        (("plan", "person"), "person.properties.plan"),
        (("$channel_type", "session"), "session.$channel_type"),
        (("size", "group", 2), "group_2.properties.size"),
        (("event", "event_metadata"), "event"),
        (("1 + 1", "hogql"), "(1 + 1)"),
    ],
)
def test_where_a_property_is(arguments: tuple[Any, ...], expression: str) -> None:
    assert property_of(*arguments) == expression


class TestSeries:
    def test_an_events_name_is_a_series(self) -> None:
        assert read_all_series("$pageview") == [Series("$pageview")]
        assert read_all_series(["a", Series("b")]) == [Series("a"), Series("b")]

    @pytest.mark.parametrize(
        ("series", "label"),
        [
            (Series("paid"), "paid"),
            (Series("paid", custom_name="Bought"), "Bought"),
            (Series(), "All events"),
            (Series(action=4), "4"),
            (Series(action="Signed up"), "Signed up"),
        ],
    )
    def test_what_it_is_called(self, series: Series, label: str) -> None:
        assert series.label == label

    def test_its_condition_binds_what_it_names(self) -> None:
        values = Values()
        assert Series("e", {"plan": "pro"}).condition(values) == "event = {event}\n  AND properties.plan = {value}"
        assert Series(action=4).condition(values) == "matchesAction({action})"
        assert Series().condition(values) is None
        assert values.given == {"event": "e", "value": "pro", "action": 4}

    @pytest.mark.parametrize(
        ("bad", "message"),
        [
            (3, "series has 3, of type int"),
            ("", "The event of a series is ''"),
            (Series("a", action=3), "the event 'a' and the action 3"),
            (Series(action=True), "action of a series is True"),
            (Series("a", custom_name=3), "custom_name of a series is 3"),  # type: ignore[arg-type]
        ],
    )
    def test_what_is_none_is_refused(self, bad: Any, message: str) -> None:
        with pytest.raises(InvalidInputError, match=message):
            read_series(bad)

    def test_there_must_be_enough(self) -> None:
        with pytest.raises(InvalidInputError, match="series is empty; it needs 1 or more"):
            read_all_series([])
