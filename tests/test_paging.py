"""All pages together are the whole result: each row once, in the query's order, without OFFSET (real ClickHouse)."""

from __future__ import annotations

import itertools
import re
from collections import Counter
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from posthog_nb.embedded.store.engine import database_name
from posthog_nb.embedded.store.store import Store
from posthog_nb.errors import InvalidInputError, ResultChangedError
from posthog_nb.operations import answer as limits
from posthog_nb.operations import windows
from posthog_nb.operations.queries import run
from tests.clickhouse import EVENTS, OnClickHouse, insert_events, small_store

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from posthog_nb.operations.positions import Ask, Position
    from posthog_nb.operations.result import Result


pytest.importorskip("chdb", reason="the embedded engine has no wheel here")

QUERIES = {
    "keys that tell rows apart": "SELECT uuid, event, timestamp FROM events ORDER BY timestamp DESC, uuid",
    "many rows with one time": "SELECT uuid, timestamp FROM events ORDER BY timestamp",
    "sorted by what is not selected": "SELECT event FROM events ORDER BY distinct_id DESC, timestamp",
    "no order": "SELECT distinct_id, event FROM events",
    "every column": "SELECT * FROM events WHERE event != 'clicked' ORDER BY event",
    "a column beside every column": "SELECT 1, *, event AS again FROM events ORDER BY timestamp DESC",
    "texts that are awkward as values": "SELECT event, uuid FROM events ORDER BY event DESC",
    "an alias that hides a column": "SELECT toDate(timestamp) AS timestamp, uuid FROM events ORDER BY timestamp",
    "NULLs among the keys": "SELECT nullIf(event, 'opened') AS e, uuid FROM events ORDER BY e DESC",
    "a key that is never selected and NULL": "SELECT uuid FROM events ORDER BY nullIf(toHour(timestamp), 0), uuid",
    "floats": "SELECT toFloat(properties.half) / 7 AS f FROM events ORDER BY f DESC",
    "NaN and NULL": "SELECT number % 3 AS a, number / 0 AS b, nullIf(number % 2, 1) AS c FROM numbers(99) ORDER BY b",
    "groups": "SELECT event, count(), uniq(distinct_id) FROM events GROUP BY event ORDER BY count() DESC",
    "groups by what is not selected": "SELECT count() FROM events GROUP BY distinct_id, event ORDER BY count()",
    "groups by an expression": "SELECT toHour(timestamp), count() c FROM events GROUP BY toHour(timestamp)",
    "groups by a number": "SELECT event, count() FROM events GROUP BY 1",
    "distinct": "SELECT DISTINCT event, distinct_id FROM events ORDER BY distinct_id DESC",
    "a union": "SELECT event, distinct_id FROM events UNION ALL SELECT 'x', 'y' UNION ALL SELECT 'x', 'y'",
    "a join": "SELECT e.event, f.event AS other FROM events e JOIN events f ON e.uuid = f.uuid ORDER BY other",
    "a window": "SELECT event, row_number() OVER (PARTITION BY event ORDER BY uuid) AS n FROM events ORDER BY n",
    "LIMIT BY": "SELECT distinct_id, uuid FROM events ORDER BY distinct_id, uuid, timestamp LIMIT 7 BY distinct_id",
    "a common table": "WITH a AS (SELECT event, uuid FROM events) SELECT event FROM a ORDER BY event",
    "arrays and maps": "SELECT [number % 4, 1] AS a, map('k', number % 5) AS m, (number % 2, 'x') FROM numbers(90)",
    "brackets, comments and a semicolon": "SELECT (event), (((uuid))) /* , */ FROM events -- all; of it\n;",
    "a lone subquery column": "SELECT (SELECT 1), (event) FROM events ORDER BY (event), (timestamp) DESC",
    "identical rows": "SELECT 1 FROM numbers(77)",
    "keys that are no text": "SELECT unhex(leftPad(hex(number * 5), 2, '0')) AS q, count() FROM numbers(50) GROUP BY q",
    "the same downwards": "SELECT unhex(leftPad(hex(number * 5), 2, '0')) AS q, count() FROM numbers(50) GROUP BY q"
    " ORDER BY q DESC",
    "keys of which none is a text": "SELECT concat(unhex('ff'), toString(number)) AS q FROM numbers(60) GROUP BY q",
    "names that look like ours": "SELECT number AS phnb_n, number % 3 AS phnb_k FROM numbers(60) ORDER BY phnb_k DESC",
    "our names over events": "SELECT event AS phnb_k0, timestamp AS phnb_ FROM events ORDER BY distinct_id",
    "a name with a backtick": "SELECT number AS `a``b`, number AS `c\\\\d` FROM numbers(60)",
    "semicolons in texts": "SELECT ';' AS a, number FROM numbers(60); -- and; here;",
}


@pytest.fixture
def posthog() -> OnClickHouse:
    return OnClickHouse(small_store())


def texts(rows: list[list[Any]]) -> list[str]:
    return list(map(repr, rows))


def all_rows(first: Result) -> list[list[Any]]:
    return list(itertools.chain.from_iterable(page.rows for page in first.pages()))


@cache
def whole_of(query: str) -> Result:
    """What a query gives in one page."""
    return run(OnClickHouse(small_store()), query, limit=10_000)


@pytest.mark.parametrize("name", QUERIES)
@given(size=st.integers(1, 250))
@settings(max_examples=3, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_pages_of_any_size_give_each_row_once(name: str, size: int) -> None:
    posthog = OnClickHouse(small_store())
    query = QUERIES[name]
    whole = whole_of(query)
    first = run(posthog, query, limit=max(size, len(whole) // 8 + 1))
    paged = all_rows(first)
    assert Counter(texts(paged)) == Counter(texts(whole.rows))
    assert first.columns == whole.columns
    assert not [text for text in posthog.asked if re.search(r"\boffset\b", text, re.IGNORECASE)]


@contextmanager
def small_pages(rows: int) -> Iterator[None]:
    """PostHog and the client as if an answer held no more than so many rows."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(limits, "MOST_ROWS", rows)
        patch.setattr(limits, "LARGEST_PAGE", rows - 1)
        patch.setattr(windows, "_ROOM", rows // 4)
        yield


# Where no key is a text, a page larger than an answer has no exact place to go on from, and says so.
@pytest.mark.parametrize("name", [name for name in QUERIES if name != "keys of which none is a text"])
@given(page=st.integers(30, 80), first=st.integers(1, 100), then=st.integers(1, 150))
@settings(max_examples=2, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_many_pages_planned_at_once_give_each_row_once(name: str, page: int, first: int, then: int) -> None:
    posthog = OnClickHouse(small_store())
    query = QUERIES[name]
    whole = whole_of(query)
    with small_pages(max(page, len(whole) // 5)):
        beginning = run(posthog, query, limit=first)
        everything = beginning.fetch_all()
        # ... also when a limit ends in the middle of a page, and goes on from there.
        part = run(posthog, query, limit=first + then)
        rest = part.fetch_all()
    assert Counter(texts(everything.rows)) == Counter(texts(rest.rows)) == Counter(texts(whole.rows))
    assert len(part) == min(first + then, len(whole))
    assert part.has_more == (len(part) < len(whole))
    assert rest.rows[: len(part)] == part.rows or "NaN" in name
    assert not everything.has_more


def test_pages_of_a_total_order_are_the_one_big_result_row_by_row(posthog: OnClickHouse) -> None:
    query = "SELECT timestamp, uuid, event FROM events ORDER BY timestamp DESC, uuid"
    assert all_rows(run(posthog, query, limit=60)) == run(posthog, query, limit=9999).rows


@pytest.mark.parametrize(
    "query",
    [
        "SELECT count(), event FROM events GROUP BY event ORDER BY count() DESC",
        "SELECT -(toFloat(properties.half) / 7) AS f FROM events ORDER BY f DESC",
        "SELECT toString(timestamp), event FROM events ORDER BY timestamp DESC",
    ],
)
def test_rows_with_equal_keys_may_change_places_but_keys_run_on_over_the_pages(
    posthog: OnClickHouse, query: str
) -> None:
    keys = [row[0] for row in all_rows(run(posthog, query, limit=2 if "GROUP" in query else 60))]
    assert keys == sorted(keys, reverse=True)


def test_the_querys_own_limit_ends_the_pages(posthog: OnClickHouse) -> None:
    first = run(posthog, "SELECT uuid FROM events ORDER BY timestamp, uuid LIMIT 25", limit=10)
    pages = list(first.pages())
    assert [len(page) for page in pages] == [10, 10, 5]
    assert [page.has_more for page in pages] == [True, True, False]
    assert first.fetch_all().rows == run(posthog, "SELECT uuid FROM events ORDER BY timestamp, uuid LIMIT 25").rows


def test_a_value_that_is_called_as_our_own_keeps_its_meaning(posthog: OnClickHouse) -> None:
    query = "SELECT {phnb_from} AS x, number / 2 AS n FROM numbers(9) ORDER BY n DESC"
    result = run(posthog, query, limit=3, values={"phnb_from": 7})
    assert all_rows(result) == [[7, number / 2] for number in reversed(range(9))]


def test_a_limit_that_is_a_parameter_counts(posthog: OnClickHouse) -> None:
    first = run(posthog, "SELECT uuid FROM events ORDER BY uuid LIMIT {n}", limit=10, values={"n": 12})
    assert [len(page) for page in first.pages()] == [10, 2]


def test_a_page_can_be_asked_for_twice(posthog: OnClickHouse) -> None:
    first = run(posthog, "SELECT uuid FROM events ORDER BY timestamp", limit=10)
    second, again = first.next_page(), first.next_page()
    assert second is not None
    assert again is not None
    assert second.rows == again.rows


def test_a_result_larger_than_posthog_gives_at_once_is_fetched_in_pages(
    posthog: OnClickHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    query = "SELECT number AS n FROM numbers(120000) ORDER BY n DESC"
    result = run(posthog, query, limit=110_000)
    assert [row[0] for row in result.rows] == list(range(119_999, 9_999, -1))
    assert result.has_more
    assert [row[0] for row in result.fetch_all().rows] == list(range(119_999, -1, -1))
    assert len(run(posthog, f"{query} LIMIT 60000").rows) == 60_000


def test_a_limit_of_as_many_rows_as_posthog_gives_at_once_is_one_request(posthog: OnClickHouse) -> None:
    posthog.asked.clear()
    result = run(posthog, "SELECT number AS n FROM numbers(60000) LIMIT 50000")
    assert (len(result), result.has_more, len(posthog.asked)) == (50_000, False, 1)
    # A smaller limit beside it is another matter.
    assert run(posthog, "SELECT number AS n FROM numbers(60000) LIMIT 50000", limit=49_999).has_more


def test_more_is_told_exactly_when_only_rows_that_were_given_remain(
    posthog: OnClickHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The rows of the first page come last in the walk's order, and one request cannot reach them all.
    monkeypatch.setattr(limits, "MOST_ROWS", 8)
    first = run(
        posthog, "SELECT event, number FROM (SELECT 'x' AS event, 30 - number AS number FROM numbers(30))", limit=6
    )
    pages = list(first.pages())
    assert sum(map(len, pages)) == 30
    assert all(page.has_more and len(page) == 6 for page in pages[:-1])
    assert not pages[-1].has_more
    assert len(pages[-1]) == 6


def test_a_large_keyset_page_of_one_key_goes_on(posthog: OnClickHouse, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MOST_ROWS", 60)
    first = run(posthog, "SELECT uuid FROM events ORDER BY event", limit=50)
    assert len(all_rows(first)) == len(run(posthog, "SELECT uuid FROM events", limit=9999))


@pytest.fixture
def own() -> Iterator[OnClickHouse]:
    """A project whose events may be changed."""
    engine = small_store().engine
    store = Store(engine, database_name(), team_id=1)
    insert_events(store, list(range(EVENTS)))
    yield OnClickHouse(store)
    store.drop()


def remove(posthog: OnClickHouse, uuid: str) -> None:
    posthog.store.engine.command(
        f"ALTER TABLE {posthog.store.database}.events DELETE WHERE uuid = '{uuid}' SETTINGS mutations_sync = 1"
    )


@pytest.mark.parametrize("order", ["ORDER BY timestamp", "ORDER BY toFloat(properties.half)", ""])
def test_rows_that_vanish_after_the_first_page_are_noticed(own: OnClickHouse, order: str) -> None:
    first = run(own, f"SELECT uuid, event FROM events {order}", limit=40)
    remove(own, first.rows[3][0])
    with pytest.raises(ResultChangedError, match="1 rows that were given before are no longer there"):
        first.fetch_all()


def test_numbered_rows_that_move_are_noticed(own: OnClickHouse) -> None:
    second = run(own, "SELECT uuid, toFloat(properties.half) AS h FROM events ORDER BY h", limit=40).next_page()
    assert second is not None
    remove(own, second.rows[3][0])
    with pytest.raises(ResultChangedError, match="Row 80 is another one than before"):
        second.next_page()


def test_events_that_arrive_between_pages_neither_double_nor_hide_others(own: OnClickHouse) -> None:
    first = run(own, "SELECT uuid, properties.n AS n FROM events ORDER BY timestamp DESC, uuid", limit=50)
    insert_events(own.store, list(range(EVENTS, EVENTS + 30)))
    numbers = [int(row[1]) for row in all_rows(first)]
    assert len(numbers) == len(set(numbers))
    assert set(range(EVENTS)) <= set(numbers)


@pytest.mark.parametrize("order", ["timestamp DESC, uuid", "timestamp DESC", "toFloat(properties.half) DESC"])
def test_rows_that_belong_before_the_first_page_are_on_a_later_one_and_told(own: OnClickHouse, order: str) -> None:
    first = run(own, f"SELECT uuid, toFloat(properties.half) AS half FROM events ORDER BY {order}", limit=50)
    assert first.fetch_all().notes == []
    insert_events(own.store, list(range(EVENTS + 20, EVENTS + 30)))
    for later in (first.fetch_all(), first.next_page()):
        assert later is not None
        assert "10 rows came in and are here" in " ".join(later.notes)


LATE = "SELECT uuid, properties.n AS n FROM events ORDER BY timestamp, uuid"


@contextmanager
def after_the_count(do: Callable[[], object]) -> Iterator[None]:
    """Something happens between the count of the pages and the first of them."""
    plan = windows.plan

    def planned(position: Position, ask: Ask) -> list[windows.Window] | None:
        found = plan(position, ask)
        do()
        return found

    with small_pages(100), pytest.MonkeyPatch.context() as patch:
        patch.setattr(windows, "plan", planned)
        yield


@pytest.mark.parametrize(
    ("query", "number", "rows", "said"),
    [
        (LATE, EVENTS + 1, EVENTS, "the query now gives 1 rows more than these"),
        (LATE.replace("timestamp", "timestamp DESC"), EVENTS + 1, EVENTS, "the query now gives 1 rows more than these"),
        (LATE, 390, EVENTS + 1, "1 rows came in and are here"),
        ("SELECT uuid FROM events ORDER BY toFloat(properties.half)", EVENTS + 1, EVENTS, "1 rows more than these"),
    ],
)
def test_rows_that_come_in_while_pages_are_fetched_are_told(
    own: OnClickHouse, query: str, number: int, rows: int, said: str
) -> None:
    with after_the_count(lambda: insert_events(own.store, [number])):
        result = run(own, query, limit=10).fetch_all()
    assert len(result) == rows
    assert said in " ".join(result.notes)
    assert "Bound the query in time" in " ".join(result.notes)


@pytest.mark.parametrize("query", [LATE, "SELECT toFloat(properties.half) AS h FROM events ORDER BY h"])
def test_a_result_that_nothing_changed_under_has_no_such_note(own: OnClickHouse, query: str) -> None:
    with small_pages(100):
        assert run(own, query, limit=10).fetch_all().notes == []


@pytest.mark.parametrize("order", ["ORDER BY timestamp, uuid", "ORDER BY toFloat(properties.half)"])
@pytest.mark.parametrize("place", [120, -5, -1])
def test_rows_that_vanish_from_a_page_that_was_counted_are_noticed(own: OnClickHouse, order: str, place: int) -> None:
    query = f"SELECT uuid, event FROM events {order}"
    victim = run(own, query, limit=EVENTS).rows[place][0]
    with (
        after_the_count(lambda: remove(own, str(victim))),
        pytest.raises(ResultChangedError, match=r"counted before|another one than before"),
    ):
        run(own, query, limit=10).fetch_all()


@pytest.mark.parametrize("pages", [1, 2, 3])
def test_the_rest_of_a_result_after_some_pages_is_no_change(own: OnClickHouse, pages: int) -> None:
    *_, page = itertools.islice(run(own, LATE, limit=10).pages(), pages)
    with small_pages(100):
        rest = page.fetch_all()
    assert (len(rest), rest.notes) == (EVENTS - 10 * (pages - 1), [])


def test_a_query_whose_answer_depends_on_the_moment_is_noticed(posthog: OnClickHouse) -> None:
    first = run(posthog, "SELECT now() AS moment, event FROM events", limit=40)
    with pytest.raises(ResultChangedError, match="no longer there"):
        first.fetch_all()


def test_a_distinct_sorted_by_what_is_not_selected_says_what_to_do(posthog: OnClickHouse) -> None:
    first = run(posthog, "SELECT DISTINCT event FROM events ORDER BY length(event)", limit=2)
    with pytest.raises(InvalidInputError, match="Add the sort keys to the SELECT"):
        first.next_page()


def test_columns_of_two_stars_that_repeat_say_what_to_do(posthog: OnClickHouse) -> None:
    first = run(posthog, "SELECT e.*, f.* FROM events e JOIN events f ON e.uuid = f.uuid", limit=2)
    with pytest.raises(InvalidInputError, match="Give each column a name"):
        first.next_page()
