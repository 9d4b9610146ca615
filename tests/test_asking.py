"""Asking for a query: how it is asked for, its progress, and that nothing is left running when nobody waits."""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest

from posthog_nb.errors import AnswerTimeoutError, InvalidInputError, QueryError
from posthog_nb.http import AT_ONCE, Budget, Deadline
from posthog_nb.operations import answer as limits
from posthog_nb.operations import progress as bars
from tests.twin_faults import FAULTS, OK, Fault, Reply

pytest.importorskip("chdb", reason="the embedded engine has no wheel here")

from posthog_nb.embedded.server import create_app
from tests.endless import ENDLESS, ends_within
from tests.twin import Seen, Twin, client_of, new_project, twin_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from posthog_nb.client import Client
    from posthog_nb.operations.task import Progress

SLOW = "SELECT count() FROM numbers(2000000000) WHERE cityHash64(number) = 1"
MODES = ("auto", "blocking", "async")


@pytest.fixture(scope="module")
def twin() -> Iterator[Twin]:
    project = new_project()
    with twin_of(create_app(project)) as twin:
        yield twin
    project.close()


@pytest.fixture
def ph(twin: Twin) -> Iterator[Client]:
    twin.forget()
    with client_of(twin) as client:
        yield client


def refreshes(twin: Twin) -> list[str]:
    return [seen.json()["refresh"] for seen in twin.seen("POST /query/") if "refresh" in seen.json()]


# How ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("mode", "fresh", "asked"),
    [
        ("auto", False, "blocking"),
        ("auto", True, "force_blocking"),
        ("blocking", False, "blocking"),
        ("async", False, "async"),
        ("async", True, "force_async"),
    ],
)
def test_a_mode_is_posthogs_word_for_it(ph: Client, twin: Twin, mode: str, fresh: bool, asked: str) -> None:
    assert ph.query("SELECT 1 AS n", mode=mode, fresh=fresh).rows == [[1]]
    assert refreshes(twin) == [asked]


@pytest.mark.parametrize("fault", ["504", "512"])
def test_a_query_that_takes_too_long_is_asked_for_once_more_and_later(ph: Client, twin: Twin, fault: str) -> None:
    twin.next("POST /query/", FAULTS[fault])
    assert ph.query("SELECT 1 AS n").rows == [[1]]
    assert refreshes(twin) == ["blocking", "async"]


def test_pages_after_one_that_took_too_long_are_asked_for_later_at_once(ph: Client, twin: Twin) -> None:
    twin.next("POST /query/", FAULTS["504"])
    page = ph.query("SELECT number FROM numbers(30) ORDER BY number", limit=10).next_page()
    assert page is not None
    assert page.rows == [[number] for number in range(10, 20)]
    assert refreshes(twin) == ["blocking", "async", "force_async"]


@pytest.mark.parametrize("mode", ["", "sync", None, True])
def test_a_mode_that_is_none_is_told_before_anything_is_sent(ph: Client, twin: Twin, mode: str) -> None:
    with pytest.raises(InvalidInputError, match="'blocking'"):
        ph.query("SELECT 1", mode=mode)
    assert twin.seen() == []


@pytest.mark.parametrize("mode", MODES)
def test_a_mistake_has_its_place_in_every_mode(ph: Client, mode: str) -> None:
    query = "SELECT '😀', evnt FROM events"
    with pytest.raises(QueryError) as caught:
        ph.query(query, mode=mode)
    span = caught.value.span
    assert span is not None
    assert query[span.start : span.end] == "evnt"


# Progress ----------------------------------------------------------------------------------------------------------


def test_the_servers_own_count_is_told_while_a_query_runs(ph: Client, twin: Twin) -> None:
    told: list[Progress] = []
    ph.query(SLOW, progress=told.append)
    assert refreshes(twin) == ["blocking", "async"]
    assert told
    assert {progress.what for progress in told} == {"read"}
    done = [progress.done for progress in told]
    assert done == sorted(done)
    assert all(progress.total is None or progress.total >= progress.done for progress in told)


def test_a_quick_query_costs_one_request_whether_or_not_it_is_watched(ph: Client, twin: Twin) -> None:
    told: list[Progress] = []
    assert ph.query("SELECT 1 AS n", progress=told.append).rows == [[1]]
    assert [seen.method for seen in twin.seen()] == ["POST"]
    assert told == []


def test_a_watched_query_that_is_slow_is_ended_and_asked_for_later_under_another_id(ph: Client, twin: Twin) -> None:
    result = ph.query(SLOW, progress=lambda _: None)
    first, second = (seen.json()["client_query_id"] for seen in twin.seen("POST /query/"))
    (ended,) = twin.seen("DELETE /query/")
    assert ended.path.split("/")[-2] == first
    assert result.query_id == second != first


@pytest.mark.parametrize("fault", ["503", "429", "closed, nothing done"])
def test_a_watched_query_meets_a_fault_as_any_other_does(ph: Client, twin: Twin, fault: str) -> None:
    twin.next("POST /query/", FAULTS[fault])
    assert ph.query("SELECT 1 AS n", progress=lambda _: None).rows == [[1]]
    assert refreshes(twin) == ["blocking", "blocking"]


def test_a_watched_query_has_no_more_time_than_any_other(ph: Client, twin: Twin) -> None:
    for timeout in (0.3, 0.8):
        with pytest.raises(AnswerTimeoutError, match=f"{timeout:g} s"):
            ph.query(ENDLESS, timeout=timeout, progress=lambda _: None)
        assert ends_within(2)


def test_the_rows_that_are_here_are_told_while_pages_are_fetched(ph: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MOST_ROWS", 100)
    monkeypatch.setattr(limits, "LARGEST_PAGE", 99)
    told: list[Progress] = []
    result = ph.query("SELECT number FROM numbers(700) ORDER BY number", limit=10, progress=told.append)
    told.clear()
    assert len(result.fetch_all()) == 700
    fetched = [progress for progress in told if progress.what == "fetched"]
    assert fetched[-1].done == 690
    assert [progress.done for progress in fetched] == sorted(progress.done for progress in fetched)


def test_what_is_quick_shows_no_bar(
    ph: Client, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "MOST_ROWS", 100)
    monkeypatch.setattr(limits, "LARGEST_PAGE", 99)
    # A busy computer is slow in what is quick.
    monkeypatch.setattr(bars, "_QUIET", 20)
    later = [0]
    monkeypatch.setattr(bars, "time", SimpleNamespace(monotonic=lambda: time.monotonic() + later[0]))
    result = ph.query("SELECT number FROM numbers(300) ORDER BY number", limit=10, progress=True)
    later[0] = 60
    result.fetch_all()
    ph.query("SELECT 1", mode="async", progress=True)
    assert capsys.readouterr().err == ""


def test_a_bar_is_gone_when_the_query_is_answered(ph: Client, capsys: pytest.CaptureFixture[str]) -> None:
    ph.query(SLOW, progress=True)
    shown = capsys.readouterr().err
    assert "PostHog reads" in shown
    assert shown.rsplit("\r", 1)[-1].strip() == ""


@pytest.mark.parametrize("progress", [1, "yes", None])
def test_a_progress_that_cannot_be_told_is_refused(ph: Client, progress: bool) -> None:
    with pytest.raises(InvalidInputError, match="function of one Progress"):
        ph.query("SELECT 1", progress=progress)


def test_what_a_watcher_raises_ends_the_query(ph: Client) -> None:
    def stop(_: Progress) -> None:
        raise RuntimeError("enough")

    with pytest.raises(RuntimeError, match="enough"):
        ph.query(ENDLESS, progress=stop)
    assert ends_within(2)


# Nobody waits ------------------------------------------------------------------------------------------------------


def interrupted(call: Callable[[], object], after: float) -> float:
    """The seconds in which an interrupt of ``call`` is obeyed."""
    sent: list[float] = []

    def interrupt() -> None:
        sent.append(time.monotonic())
        os.kill(os.getpid(), signal.SIGINT)

    timer = threading.Timer(after, interrupt)
    timer.start()
    try:
        with pytest.raises(KeyboardInterrupt):
            call()
        return time.monotonic() - sent[0]
    finally:
        timer.cancel()


@pytest.mark.parametrize("mode", MODES)
def test_an_interrupt_ends_the_query_on_the_server(ph: Client, mode: str) -> None:
    assert interrupted(lambda: ph.query(ENDLESS, mode=mode), 0.5) < 2
    assert ends_within(2)


@pytest.mark.parametrize("mode", MODES)
def test_a_timeout_ends_the_query_on_the_server(ph: Client, mode: str) -> None:
    with pytest.raises(AnswerTimeoutError):
        ph.query(ENDLESS, mode=mode, timeout=0.4)
    assert ends_within(2)


def test_an_interrupt_is_obeyed_although_the_server_answers_nothing_at_all(ph: Client, twin: Twin) -> None:
    twin.always("/query/", FAULTS["no answer, nothing done"])
    assert interrupted(lambda: ph.query("SELECT 1"), 0.2) < 1
    assert [seen.method for seen in twin.seen("/query/")] == ["POST", "DELETE"]


def test_an_interrupt_ends_all_pages_that_are_on_their_way(
    ph: Client, twin: Twin, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "MOST_ROWS", 100)
    monkeypatch.setattr(limits, "LARGEST_PAGE", 99)
    result = ph.query("SELECT number AS n FROM numbers(3000) ORDER BY n", limit=10)
    twin.forget()
    # One page, the count of those that follow, and three pages that never come.
    twin.next("POST /query/", OK, OK, *[FAULTS["no answer, nothing done"]] * 3)
    assert interrupted(result.fetch_all, 1.0) < 1.5
    begun = [seen.json()["client_query_id"] for seen in twin.seen("POST /query/")]
    ended = [seen.path.split("/")[-2] for seen in twin.seen("DELETE /query/")]
    assert sorted(ended) == sorted(begun[2:])
    assert len(ended) == 3


def test_calls_beside_each_other_on_one_result_leave_each_other_alone(
    ph: Client, twin: Twin, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "MOST_ROWS", 1000)
    monkeypatch.setattr(limits, "LARGEST_PAGE", 999)
    result = ph.query("SELECT number AS n FROM numbers(5000) ORDER BY n", limit=10)
    slow = FAULTS["a slow first byte"]
    twin.next("POST /query/", *[slow] * 40)
    waiting = result.pages()
    next(waiting)
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: result.fetch_all(), range(4)))
    assert [row[0] for row in next(waiting).rows] == list(range(10, 20))
    waiting.close()
    assert all([row[0] for row in one.rows] == list(range(5000)) for one in found)


def test_an_asynchronous_answer_is_waited_for_until_the_timeout(ph: Client, twin: Twin) -> None:
    def running(_: Seen, answer: Reply) -> Reply:
        status = json.loads(answer.body)["query_status"] | {"complete": False, "results": None}
        return Reply.json({"query_status": status}, 202)

    # The pauses add up to 1.3 s, and the next one by itself would be of 0.8 s.
    twin.next("GET /query/", *[Fault("still running", running, done=True)] * 5, OK)
    assert ph.query("SELECT 1", mode="async", timeout=1.9).rows == [[1]]


def test_a_page_that_was_fetched_ahead_and_is_not_wanted_is_ended(ph: Client, twin: Twin) -> None:
    result = ph.query("SELECT number AS n FROM numbers(100) ORDER BY n", limit=10)
    twin.forget()
    twin.next("POST /query/", FAULTS["no answer, nothing done"])
    pages = result.pages()
    assert len(next(pages)) == 10
    while not twin.seen("POST /query/"):
        time.sleep(0.01)
    pages.close()
    assert len(twin.seen("DELETE /query/")) == 1


def test_a_query_that_is_being_ended_is_one_of_the_three_until_it_is(ph: Client, twin: Twin) -> None:
    result = ph.query("SELECT number AS n FROM numbers(100) ORDER BY n", limit=10)
    twin.forget()
    twin.next("POST /query/", FAULTS["no answer, nothing done"])
    twin.next("DELETE /query/", FAULTS["a slow first byte"])
    pages = result.pages()
    next(pages)
    while not twin.seen("POST /query/"):
        time.sleep(0.01)
    budget = ph._connection.budget
    given_back = [budget.take_slot(Deadline()) for _ in range(AT_ONCE - 1)]
    with ThreadPoolExecutor(1) as pool:
        third = pool.submit(lambda: (budget.take_slot(Deadline(5)), time.monotonic()))
        pages.close()
        slot, moment = third.result()
    assert moment - twin.seen("DELETE /query/")[0].started >= 0.2
    for give_back in (*given_back, slot):
        give_back()


def test_a_query_that_was_never_sent_is_not_ended(ph: Client, twin: Twin, monkeypatch: pytest.MonkeyPatch) -> None:
    budget = Budget(limited=True)
    monkeypatch.setattr("posthog_nb.http.budget.WINDOWS", ((60.0, 1), (3600.0, 2400)))
    monkeypatch.setattr(ph._connection._http, "budget", budget)
    assert ph.query("SELECT 1").rows == [[1]]
    with pytest.raises(AnswerTimeoutError, match="Nothing was sent"):
        ph.query("SELECT 1", timeout=5)
    assert [seen.method for seen in twin.seen("/query/")] == ["POST"]
