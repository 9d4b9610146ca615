"""Cohorts: made of queries and of frames, found, shown, replaced, and what stands in the way."""

from __future__ import annotations

import pickle
from copy import deepcopy
from typing import TYPE_CHECKING, Any
from uuid import UUID

import pandas as pd
import polars as pl
import pytest

from posthog_nb.analysis import cohort as making
from posthog_nb.analysis.cohort import Cohort
from posthog_nb.embedded.server import create_app
from posthog_nb.errors import (
    AnswerTimeoutError,
    InvalidInputError,
    NotFoundError,
    PermissionDeniedError,
    PostHogError,
    QueryError,
)
from tests.embedded import embedded_client
from tests.twin import new_project
from tests.twin_faults import FAULTS, OK, Reply, answered, changed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from posthog_nb.client import Client
    from tests.twin import Twin

PLANS = {"ann": "pro", "bob": "free", "cat": "pro"}
STRANGER = "00000000-0000-0000-0000-000000000009"


def people(client: Client) -> None:
    """Ann and Cat are pro, Bob is free; Ann and Bob bought, and so did somebody without a person profile."""
    for name, plan in PLANS.items():
        client.identify(name, {"plan": plan})
    for name in ("ann", "bob"):
        client.capture("buy", name)
    client.capture("buy", "nobody", {"$process_person_profile": False})


@pytest.fixture(scope="module")
def shop() -> Iterator[Client]:
    with embedded_client() as client:
        people(client)
        yield client


def names(frame: Any) -> list[str]:
    """Who is in a frame of persons."""
    return sorted(name for ids in frame["distinct_ids"].to_list() for name in ids)


def in_cohort(client: Client, cohort: str) -> list[str]:
    """Who is in a cohort for a query."""
    query = f"SELECT distinct_id FROM person_distinct_ids WHERE person_id IN COHORT {cohort} ORDER BY 1"
    return [row[0] for row in client.query(query).rows]


# -- made of a query


QUERIES = {
    "persons of events": ("SELECT person_id FROM events WHERE event = 'buy'", ["ann", "bob"]),
    "persons": ("SELECT id FROM persons WHERE properties.plan = 'pro'", ["ann", "cat"]),
    "distinct ids": ("SELECT distinct_id, count() FROM events WHERE event = 'buy' GROUP BY 1", ["ann", "bob"]),
    "ids as text": ("SELECT toString(id) AS person_id FROM persons", ["ann", "bob", "cat"]),
    "its own limit": ("SELECT id FROM persons WHERE properties.plan = 'free' LIMIT 1", ["bob"]),
    "more rows than a query gives by itself": (
        "SELECT person_id FROM events, numbers(200) AS n WHERE event = 'buy'",
        ["ann", "bob"],
    ),
    "a union": (
        "SELECT id FROM persons WHERE properties.plan = 'pro' UNION ALL SELECT person_id AS id FROM events",
        ["ann", "bob", "cat"],
    ),
    "an end and a comment": ("SELECT id FROM persons -- all of them", ["ann", "bob", "cat"]),
    "a semicolon": ("SELECT id FROM persons;\n", ["ann", "bob", "cat"]),
    "a text of two lines": ("SELECT id FROM persons WHERE properties.plan != 'a\n  b'", ["ann", "bob", "cat"]),
    "a column of its own before others": ("SELECT id, toUUID('" + STRANGER + "') AS uuid FROM persons", []),
}


@pytest.mark.parametrize(("query", "expected"), QUERIES.values(), ids=QUERIES)
def test_a_cohort_is_made_of_whom_a_query_finds(shop: Client, query: str, expected: list[str]) -> None:
    if not expected:
        with pytest.raises(InvalidInputError, match="finds nobody"):
            shop.cohort("By query", query, replace=True)
        return
    cohort = shop.cohort("By query", query, replace=True)
    assert (cohort.name, cohort.count, len(cohort), cohort.is_static) == ("By query", *[len(expected)] * 2, True)
    assert in_cohort(shop, "'By query'") == expected


def test_a_cohort_stays_as_it_is_when_others_come_to_fit_its_query() -> None:
    with embedded_client() as client:
        people(client)
        cohort = client.cohort("Buyers", "SELECT person_id FROM events WHERE event = 'buy'")
        client.capture("buy", "cat")
        assert names(cohort.persons()) == ["ann", "bob"]


@pytest.mark.parametrize(
    ("query", "refusal"),
    [
        ("SELECT event, timestamp FROM events", r"says who is meant, and this one has event, timestamp\. It needs"),
        ("SELECT person_id FROM events WHERE event = 'fly'", r"finds nobody.*Its query has no rows"),
        (f"SELECT '{STRANGER}' AS id", r"finds nobody.*Its column id"),
        ("SELECT 'no uuid' AS id", "finds nobody"),
        ("SELECT person_id FROM events WHERE distinct_id = 'nobody'", r"Its column person_id has the id of no person"),
        ("SELECT id FROM persons WHERE properties.plan = {plan}", "plan"),
    ],
)
def test_a_query_that_makes_no_cohort_is_refused_and_leaves_none(shop: Client, query: str, refusal: str) -> None:
    with pytest.raises(InvalidInputError, match=refusal):
        shop.cohort("Refused", query)
    with pytest.raises(NotFoundError):
        shop.cohort("Refused")


def test_a_mistake_in_a_query_is_shown_where_it_was_written(shop: Client) -> None:
    with pytest.raises(QueryError) as caught:
        shop.cohort("Refused", "SELECT person_id FROM evnts")
    assert caught.value.text == "SELECT person_id FROM evnts"
    assert caught.value.lines()[2].strip() == "^^^^^"


# -- made of a frame


@pytest.mark.parametrize("kind", ["pandas", "polars", "arrow"])
def test_a_cohort_is_made_of_the_persons_that_a_search_gives(shop: Client, kind: str) -> None:
    found = shop.persons.search(distinct_id="ann", frame=kind)
    assert names(shop.cohort("Searched", found, replace=True).persons()) == ["ann"]


def test_a_cohort_is_made_of_the_persons_of_events(shop: Client) -> None:
    # The ids and uuids of this frame are the events'.
    events = shop.query(
        "SELECT uuid AS id, uuid, event, distinct_id FROM events WHERE event = 'buy' LIMIT 2"
    ).to_pandas()
    events = events[events["distinct_id"] != "nobody"]
    assert set(names(shop.cohort("Did", events, replace=True).persons())) <= {"ann", "bob"}


@pytest.fixture(scope="module")
def ids(shop: Client) -> dict[str, str]:
    return dict(shop.query("SELECT distinct_id, toString(person_id) FROM person_distinct_ids").rows)


FRAMES = {
    "person_id as text": lambda ids: pd.DataFrame({"person_id": [ids["ann"], ids["cat"]]}),
    "person_id as UUIDs": lambda ids: pd.DataFrame({"person_id": [UUID(ids["ann"]), UUID(ids["cat"])]}),
    "in capital letters": lambda ids: pd.DataFrame({"uuid": [ids["ann"].upper(), ids["cat"]]}),
    "id": lambda ids: pl.DataFrame({"id": [ids["ann"], ids["cat"]]}),
    "one twice": lambda ids: pl.DataFrame({"id": [ids["cat"], ids["ann"], ids["cat"]]}),
    "distinct_id": lambda _: pl.DataFrame({"distinct_id": ["ann", "cat"], "n": [1, 2]}),
    "distinct_ids": lambda _: pl.DataFrame({"distinct_ids": [["ann"], ["cat"]]}).to_arrow(),
    "distinct_ids in pandas": lambda _: pd.DataFrame({"distinct_ids": [["ann"], ["cat"]]}),
    "a row without any": lambda _: pl.DataFrame({"distinct_ids": [["ann"], [], ["cat"]]}),
    "person_id before the others": lambda ids: pd.DataFrame(
        {"id": [1, 2], "distinct_id": ["bob", "bob"], "person_id": [ids["ann"], ids["cat"]]}
    ),
}


@pytest.mark.parametrize("frame", FRAMES.values(), ids=FRAMES)
def test_a_cohort_is_made_of_whom_a_frame_lists(shop: Client, ids: dict[str, str], frame: Any) -> None:
    cohort = shop.cohort("Framed", frame(ids), replace=True)
    assert in_cohort(shop, "'Framed'") == ["ann", "cat"]
    assert cohort.count == 2


@pytest.mark.parametrize(
    ("frame", "refusal"),
    [
        (pd.DataFrame({"email": ["ann@example.com"]}), r"no column that says who is meant; it has email\. It needs"),
        (pd.DataFrame({"person_id": []}), "lists nobody in 'person_id'"),
        (
            pl.DataFrame({"distinct_ids": [[]]}, schema={"distinct_ids": pl.List(pl.String)}),
            "lists nobody in 'distinct_ids'",
        ),
        (pd.DataFrame({"person_id": ["ann"]}), "column 'person_id' has 'ann', which is not a person's UUID"),
        (pd.DataFrame({"id": [17]}), "column 'id' has 17, which is not a person's UUID"),
        (
            pd.DataFrame({"distinct_id": ["ann", None]}),
            "column 'distinct_id' has (None|nan), which is not a distinct id",
        ),
        (pd.DataFrame({"distinct_id": [True]}), "has True, which is not a distinct id"),
        (pd.DataFrame({"distinct_id": [1, None]}), r'has 1\.0, which .* df\["distinct_id"\]\.astype\("Int64"\)'),
        (pd.DataFrame([["a", "b"]], columns=["distinct_id"] * 2), "two columns of one name"),
        (pl.DataFrame({"distinct_id": ["ann"]}).lazy(), r"of type LazyFrame.*\.collect"),
        (["ann"], "of type list"),
    ],
)
def test_a_frame_that_makes_no_cohort_is_refused(shop: Client, frame: Any, refusal: str) -> None:
    with pytest.raises(InvalidInputError, match=refusal):
        shop.cohort("Refused", frame)
    with pytest.raises(NotFoundError):
        shop.cohort("Refused")


def test_who_is_not_in_the_project_is_told_by_number_and_name(shop: Client) -> None:
    strangers = pd.DataFrame({"distinct_id": ["ann", "nobody", *(f"stranger {n}" for n in range(6))]})
    with pytest.raises(InvalidInputError) as caught:
        shop.cohort("Refused", strangers)
    assert caught.value.message == (
        "7 of 8 ids in the frame's column 'distinct_id' are of no person of this project: 'nobody', 'stranger 0', "
        "'stranger 1', 'stranger 2', 'stranger 3' and 2 more."
    )
    with pytest.raises(InvalidInputError, match=f"1 of 1 ids in the frame's column 'person_id'.*'{STRANGER}'"):
        shop.cohort("Refused", pd.DataFrame({"person_id": [STRANGER]}))


# -- found, shown


def test_a_cohort_is_found_by_its_name_and_its_number(shop: Client) -> None:
    made = shop.cohort("Found", "SELECT id FROM persons WHERE properties.plan = 'pro'")
    assert in_cohort(shop, "'Found'") == in_cohort(shop, str(made.id)) == names(made.persons()) == ["ann", "cat"]
    assert shop.cohort("Found") == shop.cohort(made.id) == made
    for missing in ("found", "Foun", 987_654):
        with pytest.raises(NotFoundError, match="There is no cohort"):
            shop.cohort(missing)
    for wrong in (True, 1.5, None):
        with pytest.raises(InvalidInputError, match="by its name or its number"):
            shop.cohort(wrong)


def test_a_cohort_of_criteria_is_found_as_well(shop: Client) -> None:
    values = [{"type": "person", "key": "plan", "value": "pro", "operator": "exact"}]
    body = {"name": "Criteria", "filters": {"properties": {"type": "AND", "values": values}}}
    shop._connection.create("cohorts/", body)
    found = shop.cohort("Criteria")
    assert (found.count, found.is_static, names(found.persons())) == (2, False, ["ann", "cat"])
    assert "dynamic" in found._repr_html_()
    with pytest.raises(InvalidInputError, match="made of criteria in PostHog, which are not replaced"):
        shop.cohort("Criteria", "SELECT id FROM persons", replace=True)


def test_a_name_that_two_cohorts_have_names_none(shop: Client) -> None:
    for _ in range(2):
        shop._connection.create("cohorts/", {"name": "Two", "is_static": True})
    for definition in (None, "SELECT id FROM persons"):
        with pytest.raises(InvalidInputError, match=r"2 cohorts are called 'Two': \d+ and \d+\."):
            shop.cohort("Two", definition)


def test_a_cohort_is_found_among_more_than_a_page_of_them(shop: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(making, "_COHORTS_A_PAGE", 1)
    first = shop.cohort("Paged", "SELECT id FROM persons")
    for n in range(2):
        shop.cohort(f"Paged {n}", "SELECT id FROM persons")
    assert shop.cohort("Paged") == first


def test_a_cohort_is_shown_with_what_a_query_calls_it(shop: Client) -> None:
    cohort = shop.cohort("<b>Ann's</b>", "SELECT id FROM persons", replace=True)
    assert repr(cohort) == f'Cohort(id={cohort.id}, name="<b>Ann\'s</b>", count=3, is_static=True)'
    html = cohort._repr_html_()
    assert "<b>" not in html
    assert "IN COHORT &#x27;&lt;b&gt;Ann\\&#x27;s&lt;/b&gt;&#x27;" in html
    assert in_cohort(shop, r"'<b>Ann\'s</b>'") == ["ann", "bob", "cat"]


def test_a_copy_of_a_cohort_is_about_the_cohort_alone(shop: Client) -> None:
    made = shop.cohort("copied", "SELECT id FROM persons")
    for copy in (pickle.loads(pickle.dumps(made)), deepcopy(made)):  # noqa: S301 - pickled a moment ago
        assert copy == made
        with pytest.raises(InvalidInputError, match="not read by a client"):
            copy.persons()


def test_a_cohort_that_is_a_breakdown_twice_is_counted_once(shop: Client) -> None:
    made = shop.cohort("twice", "SELECT id FROM persons")
    once = shop.trends("buy", breakdown=[made]).result.rows
    assert sum(row[3] for row in once) == 2
    assert shop.trends("buy", breakdown=[made, made]).result.rows == once
    with pytest.raises(InvalidInputError, match="two cohorts called 'twice'"):
        shop.trends("buy", breakdown=[made, "twice"])


def test_persons_of_a_cohort_are_as_many_as_one_asks_for(shop: Client) -> None:
    cohort = shop.cohort("Everybody", "SELECT id FROM persons", replace=True)
    some = cohort.persons(limit=2)
    assert (len(some), some.attrs["posthog"]["total"], some.attrs["posthog"]["has_more"]) == (2, 3, True)
    assert isinstance(cohort.persons(frame="polars"), pl.DataFrame)
    with pytest.raises(InvalidInputError, match="limit is 0"):
        cohort.persons(limit=0)
    with pytest.raises(InvalidInputError, match=r"Use ph\.cohort\(1\)"):
        Cohort(1, "By hand", 0, is_static=True).persons()


def test_a_cohort_of_nobody_is_a_cohort(shop: Client) -> None:
    shop._connection.create("cohorts/", {"name": "Empty", "is_static": True})
    empty = shop.cohort("Empty")
    assert (bool(empty), len(empty), len(empty.persons())) == (True, 0, 0)


# -- in the place of another


def test_a_name_that_is_taken_is_taken_again_only_where_one_says_so(shop: Client) -> None:
    old = shop.cohort("Taken", "SELECT id FROM persons WHERE properties.plan = 'free'")
    with pytest.raises(InvalidInputError) as caught:
        shop.cohort("Taken", "SELECT id FROM persons")
    assert str(caught.value) == (
        f"There is a cohort called 'Taken' already: number {old.id}, of 1 person. "
        "ph.cohort('Taken') gives it; replace=True makes a new one in its place."
    )
    new = shop.cohort("Taken", f"SELECT id FROM persons WHERE id NOT IN COHORT {old.id}", replace=True)
    assert new.id != old.id
    assert shop.cohort("Taken") == new
    assert in_cohort(shop, "'Taken'") == ["ann", "cat"]
    with pytest.raises(NotFoundError):
        shop.cohort(old.id)


def test_a_replacement_that_fails_leaves_what_was_there(shop: Client) -> None:
    kept = shop.cohort("Kept", "SELECT id FROM persons")
    for definition in ("SELECT person_id FROM events WHERE false", pd.DataFrame({"distinct_id": ["stranger"]})):
        with pytest.raises(InvalidInputError):
            shop.cohort("Kept", definition, replace=True)
    assert shop.cohort("Kept") == kept


@pytest.mark.parametrize("name", ["", "  ", "x" * 401, 17])
def test_a_new_cohort_has_a_name(shop: Client, name: Any) -> None:
    with pytest.raises(InvalidInputError, match="A new cohort cannot be called"):
        shop.cohort(name, "SELECT id FROM persons")


def test_spaces_around_a_name_are_no_part_of_it(shop: Client) -> None:
    made = shop.cohort(" Spaced ", "SELECT id FROM persons")
    assert made.name == "Spaced"
    assert shop.cohort("Spaced ") == made


def test_nothing_is_replaced_by_nothing(shop: Client) -> None:
    with pytest.raises(InvalidInputError, match="replace=True needs a definition"):
        shop.cohort("Kept", replace=True)


# -- over the wire


@pytest.fixture(scope="module")
def application() -> Iterator[Any]:
    project = new_project()
    yield create_app(project)
    project.close()


@pytest.fixture
def crowd(ph: Client) -> Client:
    """A client of a project with 2,001 persons."""
    if not ph.persons.total():
        ph.capture_many({"event": "open", "distinct_id": f"visitor {n}"} for n in range(2_001))
    return ph


def test_persons_are_added_a_thousand_a_request(crowd: Client, twin: Twin) -> None:
    frame = pl.DataFrame({"distinct_id": [f"visitor {n}" for n in range(2_001)]})
    assert len(crowd.cohort("Crowd", frame)) == 2_001
    sizes = [len(seen.json()["person_ids"]) for seen in twin.seen("PATCH /add_persons_to_static_cohort/")]
    assert sizes == [1_000, 1_000, 1]


def test_many_ids_are_looked_up_in_queries_that_a_server_takes(crowd: Client, twin: Twin) -> None:
    frame = pl.DataFrame({"distinct_id": [f"visitor {n}" + "é" * (200 if n else 0) for n in range(2_001)]})
    with pytest.raises(InvalidInputError, match="2,000 of 2,001 ids"):
        crowd.cohort("Long ids", frame)
    sizes = [len(seen.body) for seen in twin.seen("POST /query/")]
    assert len(sizes) > 5
    assert max(sizes) < 256 * 1024


def calculating(cohort: dict[str, Any]) -> dict[str, Any]:
    return {**cohort, "is_calculating": True, "count": None}


def not_begun(cohort: dict[str, Any]) -> dict[str, Any]:
    return {**cohort, "count": None}


def failed(cohort: dict[str, Any]) -> dict[str, Any]:
    return {**cohort, "errors_calculating": 1, "count": None}


def listed(twin: Twin, ph: Client) -> list[str]:
    twin.forget()
    return [one["name"] for one in ph._connection.get("cohorts/")["results"]]


def test_a_cohort_is_waited_for_until_posthog_has_listed_its_persons(crowd: Client, twin: Twin) -> None:
    twin.next("GET /cohorts/", OK, changed(not_begun), changed(calculating))
    cohort = crowd.cohort("Slow", "SELECT id FROM persons")
    assert len(cohort) == 2_001
    assert twin.unplayed() == []


def test_a_cohort_that_posthog_does_not_list_in_time_is_taken_back(
    crowd: Client, twin: Twin, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(making, "_PATIENCE_SECONDS", 0.1)
    monkeypatch.setattr(making, "_SHORTEST_PAUSE", 0.05)
    twin.next("GET /cohorts/", OK)
    twin.always("GET /cohorts/", changed(calculating))
    with pytest.raises(AnswerTimeoutError, match="has not listed the persons of the cohort 'Never'"):
        crowd.cohort("Never", "SELECT id FROM persons")
    assert "Never" not in listed(twin, crowd)


def test_a_cohort_that_posthog_cannot_list_is_taken_back(crowd: Client, twin: Twin) -> None:
    twin.next("GET /cohorts/", OK, changed(failed))
    with pytest.raises(QueryError, match=r"could not list the persons of the cohort 'Broken'.*Run the definition"):
        crowd.cohort("Broken", "SELECT id FROM persons")
    assert "Broken" not in listed(twin, crowd)


def test_half_a_cohort_is_taken_back(crowd: Client, twin: Twin) -> None:
    frame = pl.DataFrame({"distinct_id": [f"visitor {n}" for n in range(1_001)]})
    refused = answered(Reply.json({"type": "validation_error", "detail": "No more."}, 400))
    twin.next("PATCH /add_persons_to_static_cohort/", OK, refused)
    with pytest.raises(PostHogError, match=r"No more\."):
        crowd.cohort("Half", frame)
    assert "Half" not in listed(twin, crowd)


def test_half_a_cohort_that_cannot_be_taken_back_is_told_of(crowd: Client, twin: Twin) -> None:
    refused = answered(Reply.json({"type": "validation_error", "detail": "No more."}, 400))
    twin.always("PATCH /cohorts/", refused)
    with pytest.raises(PostHogError, match=r"No more\. .*The cohort \d+ is there, unfinished"):
        crowd.cohort("Stuck", pl.DataFrame({"distinct_id": ["visitor 1"]}))
    assert "Stuck" in listed(twin, crowd)


def test_a_cohort_that_a_feature_flag_uses_is_not_replaced(crowd: Client, twin: Twin) -> None:
    used = crowd.cohort("Used", "SELECT id FROM persons")
    detail = "This cohort is used in 1 active feature flag(s): beta."
    twin.next(f"PATCH /cohorts/{used.id}/", answered(Reply.json({"type": "validation_error", "detail": detail}, 400)))
    with pytest.raises(PostHogError, match="used in 1 active feature flag"):
        crowd.cohort("Used", "SELECT id FROM persons LIMIT 1", replace=True)
    assert crowd.cohort("Used") == used


def test_a_cohort_is_asked_for_once_even_when_no_answer_comes(crowd: Client, twin: Twin) -> None:
    twin.next("POST /cohorts/", FAULTS["done, then closed"])
    with pytest.raises(PostHogError) as caught:
        crowd.cohort("Once", "SELECT id FROM persons")
    assert caught.value.may_have_arrived
    assert listed(twin, crowd).count("Once") == 1


@pytest.mark.parametrize(
    ("method", "scope", "call"),
    [
        ("GET", "cohort:read", lambda ph: ph.cohort("Any")),
        ("POST", "cohort:write", lambda ph: ph.cohort("Any", "SELECT id FROM persons")),
    ],
)
def test_the_scope_that_a_key_lacks_is_named(crowd: Client, twin: Twin, method: str, scope: str, call: Any) -> None:
    detail = f"API key missing required scope '{scope}'"
    refusal = Reply.json({"type": "authentication_error", "code": "permission_denied", "detail": detail}, 403)
    twin.always(f"{method} /cohorts/", answered(refusal))
    with pytest.raises(PermissionDeniedError, match=f"Give the personal API key the scope {scope}"):
        call(crowd)
