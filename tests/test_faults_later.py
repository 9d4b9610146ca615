"""Queries whose answer comes later, answers of other shapes, and many queries at once, all under faults."""

from __future__ import annotations

import pickle
import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from posthog_nb.errors import AnswerTimeoutError, PostHogError, QueryError, ServerError, TransportError
from posthog_nb.http import budget

pytest.importorskip("chdb", reason="the embedded engine has no wheel here")

from posthog_nb.embedded.server import create_app
from tests.faulty import SILENT, impatient
from tests.twin import Twin, client_of, new_project, twin_of
from tests.twin_faults import FAULTS, OK, Fault, Reply, answered, changed
from tools.reliability_page import expectations

if TYPE_CHECKING:
    from collections.abc import Iterator

    from posthog_nb.client import Client

QUERY = "SELECT number, toFloat64(number) / 4 AS quarter FROM numbers(5) ORDER BY number"
ROWS = [[number, number / 4] for number in range(5)]


@pytest.fixture(scope="module")
def application() -> Iterator[Any]:
    project = new_project()
    yield create_app(project)
    project.close()


def methods(twin: Twin) -> str:
    """What was asked of the query, without asking where a mistake in it is."""
    return " ".join(seen.method for seen in twin.seen("/query/") if b"HogQLMetadata" not in seen.body)


# Later --------------------------------------------------------------------------------------------------------------


STATUS = {one.fault: one.word for one in expectations(("persons.get(17)",))} | {"404": "again", OK.name: "ok"}
"""What becomes of a query when a fault strikes the question for its status: as of a read of the REST API."""


def status(code: int, **given: Any) -> Fault:
    return answered(Reply.json({"query_status": {"id": "q", "query_async": True, **given}}, code), f"status {code}")


RUNNING = status(202, complete=False, query_progress={"rows_read": 5, "estimated_rows_total": 0})
REFUSED = status(400, complete=True, error=True, error_message="Memory limit exceeded.")
FAILED = status(500, complete=True, error=True, error_message=None)
LOST = FAULTS["404"]
GONE = FAULTS["done, then closed"]


@dataclass(frozen=True)
class Later:
    """A query that is asked for asynchronously: what its requests meet, and what is asked then."""

    told: str
    starts: tuple[Fault, ...] = ()
    polls: tuple[Fault, ...] = ()
    asked: str = "POST POST GET"
    error: type[Exception] | None = None


LATER = (
    Later("runs for a while", polls=(RUNNING, RUNNING), asked="POST POST GET GET GET"),
    Later("is refused while it runs", polls=(RUNNING, REFUSED), asked="POST POST GET GET", error=QueryError),
    Later("fails without a reason", polls=(FAILED,), error=ServerError),
    Later("is forgotten, and asked for again", polls=(RUNNING, LOST), asked="POST POST GET GET POST"),
    Later(
        "is forgotten again and again",
        starts=(RUNNING,) * 3,
        polls=(LOST,) * 3,
        asked="POST" + " POST GET" * 3,
        error=ServerError,
    ),
    Later("whose status is lost on the way", polls=(GONE, FAULTS["half of the JSON"]), asked="POST POST GET GET GET"),
    Later("whose status meets a proxy's page", polls=(FAULTS["502, HTML"],), asked="POST POST GET GET"),
    Later("whose status is throttled", polls=(FAULTS["429, Retry-After"],), asked="POST POST GET GET"),
    Later("whose start is lost on the way back", starts=(GONE,)),
    Later(
        "whose start is lost on the way there", starts=(FAULTS["closed, nothing done"],), asked="POST POST GET POST GET"
    ),
)


@pytest.mark.parametrize("later", LATER, ids=lambda later: later.told)
def test_a_query_that_is_answered_later(twin: Twin, ph: Client, later: Later) -> None:
    twin.next("POST /query/", FAULTS["504"], *later.starts)
    twin.next("GET /query/", *later.polls)
    if later.error is None:
        assert ph.query(QUERY).rows == ROWS
    else:
        with pytest.raises(later.error):
            ph.query(QUERY)
    # Where the query itself decides, it may be asked for more than once whether it is complete.
    assert re.fullmatch(rf"{later.asked}( GET)*", methods(twin))
    assert twin.unplayed() == []
    first, *further = [body for seen in twin.seen("POST /query/") if "client_query_id" in (body := seen.json())]
    assert (first["refresh"], {body["refresh"] for body in further}) == ("blocking", {"async"})
    assert len({body["client_query_id"] for body in further}) == 1


@pytest.mark.parametrize("fault", sorted(FAULTS.keys() - SILENT))
def test_a_fault_of_the_status_is_met_as_that_of_any_read(twin: Twin, ph: Client, fault: str) -> None:
    expected = STATUS[fault]
    twin.next("GET /query/", FAULTS[fault])
    if expected == "error":
        with pytest.raises(PostHogError):
            ph.query(QUERY, mode="async")
    else:
        assert ph.query(QUERY, mode="async").rows == ROWS
    posts = [seen.json()["refresh"] for seen in twin.seen("POST /query/") if "client_query_id" in seen.json()]
    # A status that PostHog does not know is posted again; anything else is not computed again.
    assert posts == ["async"] * (2 if fault == "404" else 1)
    assert twin.unplayed() == []


def test_what_posthog_says_of_a_failure_is_told(twin: Twin, ph: Client) -> None:
    twin.next("POST /query/", FAULTS["504"])
    twin.next("GET /query/", REFUSED)
    with pytest.raises(QueryError, match="Memory limit exceeded"):
        ph.query(QUERY)


def test_a_query_that_nobody_waits_for_is_ended_and_not_computed_twice(twin: Twin, ph: Client) -> None:
    twin.next("POST /query/", FAULTS["no answer, nothing done"])
    with pytest.raises(AnswerTimeoutError):
        ph.query(QUERY, timeout=0.3)
    assert methods(twin) == "POST DELETE"
    (asked,) = twin.seen("POST /query/")
    assert twin.seen("DELETE /query/")[0].path.endswith(f"/query/{asked.json()['client_query_id']}/")


def test_a_query_whose_answer_was_lost_is_ended_before_it_is_asked_for_again(twin: Twin, ph: Client) -> None:
    twin.next("POST /query/", GONE)
    assert ph.query(QUERY).rows == ROWS
    assert methods(twin) == "POST DELETE POST"


# Shapes -------------------------------------------------------------------------------------------------------------

COMPUTED = "2026-01-02T03:04:05Z"


def without(*names: str) -> Fault:
    return changed(lambda body: {name: value for name, value in body.items() if name not in names})


def with_(**given: Any) -> Fault:
    return changed(lambda body: body | given)


@pytest.mark.parametrize(
    "shape",
    [
        with_(is_cached=True, last_refresh=COMPUTED, cache_key="k", cache_target_age=COMPUTED),
        with_(types=None),
        with_(types=[]),
        without("types", "hasMore", "limit", "offset", "timezone", "is_cached", "last_refresh", "query_status"),
        changed(lambda body: body | {"results::nan!": {"0": {"1": True}}, "results::inf!": {}, "next": None}),
        with_(query_status=None, hogql=None, clickhouse="SELECT 1", timings=[{"k": ".", "t": 0.1}], warnings=[]),
    ],
    ids=["cached", "types null", "types empty", "old and bare", "markers of an old renderer", "everything"],
)
def test_an_answer_of_another_shape_has_the_same_rows(twin: Twin, ph: Client, shape: Fault) -> None:
    twin.next("POST /query/", shape)
    result = ph.query(QUERY)
    assert (result.columns, result.rows, result.has_more) == (["number", "quarter"], ROWS, False)
    assert result.to_pandas()["quarter"].tolist() == [row[1] for row in ROWS]


def test_a_cached_answer_says_so(twin: Twin, ph: Client) -> None:
    twin.next("POST /query/", with_(is_cached=True, last_refresh=COMPUTED))
    result = ph.query(QUERY)
    assert (result.is_cached, result.last_refresh) == (True, COMPUTED)
    assert any("cache" in note for note in result.notes)


def test_a_closed_client_opens_new_connections(ph: Client) -> None:
    result = ph.query(QUERY, limit=1)
    ph.close()
    assert result.fetch_all().rows == ROWS
    assert ph.query(QUERY).rows == ROWS


def test_a_complete_result_can_be_pickled_and_one_with_more_never_takes_the_key_along(ph: Client) -> None:
    assert pickle.loads(pickle.dumps(ph.query(QUERY))).rows == ROWS  # noqa: S301 - written here
    for holds_a_key in (ph.query(QUERY, limit=1), ph, ph.persons.get):
        with pytest.raises(TypeError, match=r"not pickled.*connect\(\) anew"):
            pickle.dumps(holds_a_key)


def test_each_page_says_for_itself_whether_and_when_it_was_computed(twin: Twin, ph: Client) -> None:
    twin.next("POST /query/", with_(is_cached=True, last_refresh=COMPUTED))
    first = ph.query("SELECT number AS n FROM numbers(30) ORDER BY n", limit=10)
    second, everything = first.next_page(), first.fetch_all()
    assert second is not None
    rest = second.fetch_all()
    for later in (second, rest):
        assert not later.is_cached
        assert not any("cache" in remark for remark in later.remarks)
        assert later.last_refresh is not None
        assert later.last_refresh > COMPUTED
    assert len({first.query_id, second.query_id}) == 2
    # One result of a cached page and others is as old as its oldest row.
    assert (everything.is_cached, everything.last_refresh, len(everything)) == (True, COMPUTED, 30)


@pytest.mark.parametrize("shape", [with_(results=[[1, 2], [1]]), with_(columns=None, types=None)])
def test_rows_that_do_not_fit_the_columns_are_an_error_of_the_tree(twin: Twin, ph: Client, shape: Fault) -> None:
    twin.next("POST /query/", shape)
    with pytest.raises(TransportError, match="do not fit its columns"):
        ph.query(QUERY).to_pandas()


@pytest.mark.parametrize(
    "shape",
    [without("results"), with_(results=None), answered(Reply.json({"detail": "hello"})), answered(Reply.json([]))],
)
def test_an_answer_without_rows_is_an_error_and_no_empty_result(twin: Twin, ph: Client, shape: Fault) -> None:
    twin.always("POST /query/", shape)
    with pytest.raises(ConnectionError):
        ph.query(QUERY)


# Many at once -------------------------------------------------------------------------------------------------------


def test_a_loop_of_queries_never_meets_a_429(application: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(budget, "WINDOWS", ((1.0, 10), (3600.0, 2400)))
    # The twin has one clock, which is this process's.
    monkeypatch.setattr(budget, "_MARGIN", 0.05)
    with twin_of(application, throttle=(10, 1.0), at_once=budget.AT_ONCE, delay_seconds=0.02) as twin:
        # As for a host of PostHog Cloud, which is known to count.
        budget.budget_for(twin.url, limited=True)
        with client_of(twin) as client, ThreadPoolExecutor(8) as pool:
            found = list(pool.map(lambda number: client.query(f"SELECT {number}").rows, range(25)))
        assert found == [[[number]] for number in range(25)]
        assert {seen.status for seen in twin.seen()} == {200}
        assert twin.most_queries() == budget.AT_ONCE
        # Ten at once, ten as soon as may be, and the rest.
        assert 2 < twin.seen()[-1].started - twin.seen()[0].started < 10


def test_every_seventh_request_fails_and_every_page_is_there(application: Any) -> None:
    with impatient(), twin_of(application, fail_every=7) as twin, client_of(twin) as client:
        result = client.query("SELECT number FROM numbers(100) ORDER BY number", 5)
        assert [row[0] for page in result.pages() for row in page.rows] == list(range(100))
        assert [seen.status for seen in twin.seen("POST /query/")].count(503) >= 3
        assert OK.name not in {seen.fault for seen in twin.seen()}
