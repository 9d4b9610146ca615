"""Persons, merges, groups and definitions: what events make of them. One table row, one rule of PostHog's."""

from __future__ import annotations

import json
import random
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from posthog_nb.embedded.ingestion.definitions import EVENT, NO_GROUP, PERSON, property_type
from posthog_nb.embedded.ingestion.event import CapturedEvent
from posthog_nb.embedded.ingestion.persons import person_uuid
from posthog_nb.embedded.project import Project

if TYPE_CHECKING:
    from collections.abc import Iterator

START = datetime(2026, 3, 1, 12, tzinfo=UTC)
_draw = random.Random(1)
_clock = iter(range(1_000_000))


@pytest.fixture
def project() -> Iterator[Project]:
    project = Project.in_memory()
    yield project
    project.close()


def event(name: str, distinct_id: str, **properties: Any) -> CapturedEvent:
    at = START + timedelta(seconds=next(_clock))
    # A leading "S" stands for PostHog's "$", which no Python name can hold.
    named = {f"${key[1:]}" if key[0] == "S" else key: value for key, value in properties.items()}
    return CapturedEvent(UUID(int=_draw.getrandbits(128), version=4), name, distinct_id, named, at)


def persons(project: Project) -> list[tuple[set[str], dict[str, Any], bool]]:
    """Each living person: its distinct ids, properties, and whether it is identified; by its first ID."""
    ids: dict[UUID, set[str]] = {}
    for (distinct_id,) in project.store._read("SELECT DISTINCT distinct_id FROM {db}.person_distinct_id2"):
        (row,) = project.store.distinct_ids([distinct_id])
        ids.setdefault(row.person_id, set()).add(distinct_id)
    found = project.store.persons([row[0] for row in project.store._read("SELECT DISTINCT id FROM {db}.person")])
    return sorted(
        ((ids.get(row.id, set()), json.loads(row.properties), row.is_identified) for row in found),
        key=lambda person: sorted(person[0]),
    )


def anon(distinct_id: str, **properties: Any) -> CapturedEvent:
    return event("e", distinct_id, **properties)


def identify(distinct_id: str, anonymous: str | None = None, **sets: Any) -> CapturedEvent:
    extra = {"Sanon_distinct_id": anonymous} if anonymous is not None else {}
    return event("$identify", distinct_id, **extra, **({"Sset": sets} if sets else {}))


def alias(distinct_id: str, other: str) -> CapturedEvent:
    return event("$create_alias", distinct_id, alias=other)


MERGES = {
    "same id": ([anon("a"), alias("a", "a")], [({"a"}, {}, False)]),
    "neither known": ([alias("a", "b")], [({"a", "b"}, {}, True)]),
    "target known": ([anon("a"), alias("a", "b")], [({"a", "b"}, {}, True)]),
    "other known": ([anon("b"), alias("a", "b")], [({"a", "b"}, {}, True)]),
    "both known": ([anon("a"), anon("b"), alias("a", "b")], [({"a", "b"}, {}, True)]),
    "identify merges its anonymous id": ([anon("x"), identify("u", "x")], [({"u", "x"}, {}, True)]),
    "the target's values win, then the event's": (
        [
            anon("x", Sset={"p": "other", "q": "other", "r": "other"}),
            anon("u", Sset={"p": "target", "q": "target"}),
            identify("u", "x", p="event"),
        ],
        [({"u", "x"}, {"p": "event", "q": "target", "r": "other"}, True)],
    ),
    "an identified person is not merged away": (
        [identify("a", "a0"), identify("b", "b0"), alias("a", "b")],
        [({"a", "a0"}, {}, True), ({"b", "b0"}, {}, True)],
    ),
    "unless dangerously": (
        [identify("a", "a0"), identify("b", "b0"), event("$merge_dangerously", "a", alias="b")],
        [({"a", "a0", "b", "b0"}, {}, True)],
    ),
    "an illegal id is never merged": ([anon("null"), alias("a", "null")], [({"a"}, {}, False), ({"null"}, {}, False)]),
    "an illegal target neither": (
        [anon("a"), alias("undefined", "a")],
        [({"a"}, {}, False), ({"undefined"}, {}, False)],
    ),
    "a chain of merges": (
        [anon("a"), anon("b"), anon("c"), alias("b", "a"), event("$merge_dangerously", "c", alias="b")],
        [({"a", "b", "c"}, {}, True)],
    ),
    "an identify without an anonymous id only updates": ([identify("u", n=1)], [({"u"}, {"n": 1}, False)]),
    "an empty alias merges nothing": ([alias("a", "")], [({"a"}, {}, False)]),
    "a numeric alias is text": ([event("$create_alias", "a", alias=7)], [({"7", "a"}, {}, True)]),
}


@pytest.mark.parametrize("one_by_one", [False, True], ids=["in one batch", "one by one"])
@pytest.mark.parametrize(("events", "expected"), MERGES.values(), ids=MERGES.keys())
def test_merging(
    project: Project,
    events: list[CapturedEvent],
    expected: list[tuple[set[str], dict[str, Any], bool]],
    one_by_one: bool,
) -> None:
    events = [CapturedEvent(e.uuid, e.event, e.distinct_id, dict(e.properties), e.timestamp) for e in events]
    for batch in [[item] for item in events] if one_by_one else [events]:
        project.capture(batch)
    assert persons(project) == expected


UPDATES = {
    "set writes": ([{"Sset": {"a": 1}}], {"a": 1}),
    "set overwrites": ([{"Sset": {"a": 1}}, {"Sset": {"a": 2}}], {"a": 2}),
    "set_once keeps": ([{"Sset": {"a": 1}}, {"Sset_once": {"a": 2, "b": 3}}], {"a": 1, "b": 3}),
    "set_once fills a null": ([{"Sset": {"a": None}}, {"Sset_once": {"a": 2}}], {"a": 2}),
    "unset removes": ([{"Sset": {"a": 1, "b": 2}}, {"Sunset": ["a", "zz"]}], {"b": 2}),
    "unset takes an object's keys": ([{"Sset": {"a": 1, "b": 2}}, {"Sunset": {"a": ""}}], {"b": 2}),
    "true is not 1": ([{"Sset": {"a": 1}}, {"Sset": {"a": True}}], {"a": True}),
    "1.0 is not 1": ([{"Sset": {"a": 1}}, {"Sset": {"a": 1.0}}], {"a": 1.0}),
    "what is no object is ignored": ([{"Sset": "a", "Sset_once": 5, "Sunset": "b"}], {}),
}


@pytest.mark.parametrize(("updates", "expected"), UPDATES.values(), ids=UPDATES.keys())
def test_person_properties(project: Project, updates: list[dict[str, Any]], expected: dict[str, Any]) -> None:
    project.capture([event("e", "u", **update) for update in updates])
    assert json.dumps(persons(project)[0][1]) == json.dumps(expected)


@pytest.mark.parametrize("name", ["$exception", "$$heatmap"])
def test_exceptions_and_heatmaps_never_update_a_person(project: Project, name: str) -> None:
    project.capture([event(name, "u", Sset={"a": 1})])
    assert persons(project) == [({"u"}, {}, False)]


def test_a_merge_keeps_the_older_creation_and_moves_the_events_by_an_override(project: Project) -> None:
    first, second = anon("a"), anon("b")
    project.capture([first, second, alias("b", "a")])
    (row,) = project.store.persons([person_uuid(1, "b")])
    assert row.created_at == first.timestamp
    overrides = project.store._read("SELECT distinct_id, person_id FROM {db}.person_distinct_id_overrides")
    assert overrides == [("a", person_uuid(1, "b"))]


# -- without a profile


def test_an_event_without_a_profile_has_a_person_id_and_no_person(project: Project) -> None:
    project.capture([event("e", "u", Sprocess_person_profile=False, Sset={"a": 1}, Sset_once={"b": 1}, Sunset=["c"])])
    assert persons(project) == []
    rows = project.store._read("SELECT person_id, person_mode, properties, person_properties FROM {db}.events")
    assert rows == [(person_uuid(1, "u"), "propertyless", '{"$process_person_profile":false}', "")]


@pytest.mark.parametrize("name", ["$identify", "$create_alias", "$merge_dangerously", "$groupidentify"])
def test_what_needs_a_profile_is_dropped_without_one(project: Project, name: str) -> None:
    project.capture([event(name, "u", Sprocess_person_profile=False, alias="b", Sanon_distinct_id="b")])
    assert project.store._read("SELECT count() FROM {db}.events") == [(0,)]
    assert persons(project) == []


@pytest.mark.parametrize("value", ["false", 0, None, "no"])
def test_only_a_real_false_switches_the_profile_off(project: Project, value: object) -> None:
    project.capture([event("e", "u", Sprocess_person_profile=value)])
    assert persons(project) == [({"u"}, {}, False)]


# -- groups


def test_groups_are_known_by_type_and_key_and_keep_what_was_set(project: Project) -> None:
    project.capture(
        [
            event("$groupidentify", "u", Sgroup_type="company", Sgroup_key="acme", Sgroup_set={"name": "Acme", "n": 1}),
            event("$groupidentify", "u", Sgroup_type="company", Sgroup_key="acme", Sgroup_set={"n": 2}),
            event("e", "u", Sgroups={"company": "acme", "project": 7}),
        ]
    )
    assert project.facts().group_types == {"company": 0, "project": 1}
    (group,) = project.store.groups({(0, "acme")})
    assert json.loads(group.properties) == {"name": "Acme", "n": 2}
    rows = project.store._read("SELECT `$group_0`, `$group_1`, group0_properties FROM {db}.events WHERE event = 'e'")
    assert rows == [("acme", "7", '{"name":"Acme","n":2}')]
    assert project.facts().group_properties[0] == {"name": "String", "n": "Numeric"}


def test_a_project_has_five_group_types_and_no_more(project: Project) -> None:
    project.capture([event("e", "u", Sgroups={f"type{n}": "k" for n in range(7)})])
    assert project.facts().group_types == {f"type{n}": n for n in range(5)}


# -- definitions


@pytest.mark.parametrize(
    ("name", "value", "kind"),
    [
        ("x", 1, "Numeric"),
        ("x", 1.5, "Numeric"),
        ("x", True, "Boolean"),
        ("x", "true", "Boolean"),
        ("x", "False", "Boolean"),
        ("x", "text", "String"),
        ("x", "12", "String"),
        ("x", "2026-01-02", "DateTime"),
        ("x", "2026-01-02T03:04:05.678Z", "DateTime"),
        ("x", "2026-13-45", "String"),
        ("created_at", 1767323045, "DateTime"),
        ("created_at", 5, "Numeric"),
        ("utm_id", 5, "String"),
        ("$feature/flag", True, "String"),
        ("x", None, ""),
        ("x", [1], ""),
        ("x", {"a": 1}, ""),
    ],
)
def test_a_property_has_the_type_that_posthog_would_infer(name: str, value: object, kind: str) -> None:
    assert property_type(name, value) == kind


def test_the_first_telling_value_decides_and_null_decides_nothing(project: Project) -> None:
    project.capture(
        [event("e", "u", a=None), event("e", "u", a=1), event("e", "u", a="text", Sset={"a": "t", "b": True})]
    )
    assert project.facts().event_properties["a"] == "Numeric"
    assert project.facts().person_properties == {"a": "String", "b": "Boolean"}
    assert project.store.property_definitions()[0].property_type == "Numeric"
    assert (EVENT, NO_GROUP) in project.ingestion.definitions.types
    assert (PERSON, NO_GROUP) in project.ingestion.definitions.types


# -- the property's own column

json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(codec="utf-8")),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(st.characters(codec="utf-8"), max_size=5), inner, max_size=3)
    ),
    max_leaves=6,
)


@settings(max_examples=25)
@given(value=json_values)
def test_a_property_read_from_its_column_is_what_the_json_says(value: object) -> None:
    project = Project.in_memory()
    try:
        project.capture([event("e", "u", first=1)])
        project.ingestion.definitions.add_columns()
        # The second event's part has the column; the first part computes it when it is read.
        project.capture([event("e", "u", first=value)])
        rows = project.store._read(
            "SELECT mat_first,"
            " replaceRegexpAll(nullIf(nullIf(JSONExtractRaw(properties, 'first'), ''), 'null'), '^\"|\"$', '')"
            " FROM {db}.events"
        )
        assert all(column == exact for column, exact in rows)
        assert len(rows) == 2
    finally:
        project.close()
