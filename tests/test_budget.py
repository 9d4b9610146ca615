"""The budget of a host: no loop of queries meets a 429, and no more than three queries run at once."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from contextlib import ExitStack

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from posthog_nb.errors import AnswerTimeoutError
from posthog_nb.http import AT_ONCE, Budget, Deadline, budget_for


class Clock:
    """A clock that only moves when somebody waits."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


class Counting:
    """PostHog's own count: a request is refused when so many came in the last so many seconds."""

    def __init__(self) -> None:
        self.came: deque[float] = deque()

    def takes(self, now: float) -> bool:
        for seconds, most in ((60, 240), (3600, 2400)):
            if sum(1 for each in self.came if each > now - seconds) >= most:
                return False
        self.came.append(now)
        return True


def budget(clock: Clock, *, limited: bool = True) -> Budget:
    return Budget(limited=limited, clock=clock, sleep=clock.sleep)


@settings(max_examples=15, deadline=None)
@given(
    pauses=st.lists(st.floats(0, 40), min_size=400, max_size=600),
    takes=st.floats(0, 20),
    counted=st.lists(st.floats(0, 1), min_size=7, max_size=7),
)
def test_a_loop_never_meets_the_limit(pauses: list[float], takes: float, counted: list[float]) -> None:
    clock, server = Clock(), Counting()
    mine = budget(clock)
    for number, pause in enumerate(pauses):
        clock.sleep(pause if number % 100 == 0 else 0)
        with mine.request(Deadline()):
            # PostHog counts a request at some moment between its sending and its answer.
            seconds = takes if number % 30 == 0 else 0
            assert server.takes(clock.now + seconds * counted[number % 7])
            clock.sleep(seconds)


def test_requests_without_an_answer_yet_count_as_new(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("posthog_nb.http.budget.WINDOWS", ((60.0, 3), (3600.0, 2400)))
    clock = Clock()
    mine = budget(clock)
    with mine.request(Deadline()), mine.request(Deadline()):
        with mine.request(Deadline()):
            clock.sleep(100)
        # Two for 100 s already, and the third answered just now.
        with mine.request(Deadline()):
            assert clock.now == 1000 + 100 + 61
        with mine.request(Deadline()):
            assert clock.now == 1000 + 100 + 2 * 61
            with pytest.raises(AnswerTimeoutError), mine.request(Deadline(0.1)):
                pytest.fail("Three were on their way.")


def request(mine: Budget) -> None:
    with mine.request(Deadline()):
        pass


def test_three_thousand_requests_take_an_hour_and_not_more_than_they_must() -> None:
    clock = Clock()
    mine = budget(clock)
    start = clock.now
    for _ in range(3000):
        request(mine)
    assert 3600 < clock.now - start < 3600 + 60 * 5


def test_a_long_wait_is_told(caplog: pytest.LogCaptureFixture) -> None:
    clock = Clock()
    mine = budget(clock)
    with caplog.at_level(logging.WARNING, "posthog_nb.http"):
        for _ in range(241):
            request(mine)
    assert [record.message for record in caplog.records] == [
        "Waiting 61 s: PostHog allows 240 requests a minute and 2,400 an hour."
    ]


def test_a_wait_for_answers_is_told(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setattr("posthog_nb.http.budget.WINDOWS", ((60.0, 1), (3600.0, 2400)))
    clock, slices = Clock(), iter(range(20))

    def sleep(seconds: float) -> None:
        clock.sleep(seconds)
        if next(slices) == 10:
            first.close()

    mine = Budget(limited=True, clock=clock, sleep=sleep)
    first = ExitStack()
    first.enter_context(mine.request(Deadline()))
    with caplog.at_level(logging.WARNING, "posthog_nb.http"), mine.request(Deadline()):
        assert [record.message.partition(":")[0] for record in caplog.records] == ["Waiting for answers"]


def test_a_wait_beyond_the_deadline_is_an_error_at_once() -> None:
    clock = Clock()
    mine = budget(clock)
    for _ in range(240):
        request(mine)
    with (
        pytest.raises(AnswerTimeoutError, match=r"Nothing was sent within 5 s\. PostHog allows 240") as caught,
        mine.request(Deadline(5)),
    ):
        pytest.fail("It did not fit.")
    assert clock.now == 1000.0
    assert not caught.value.may_have_arrived


def test_a_posthog_of_ones_own_is_not_held_back_until_it_says_that_it_counts() -> None:
    clock = Clock()
    mine = budget(clock, limited=False)
    for _ in range(500):
        request(mine)
    assert clock.now == 1000.0
    mine.met_the_limit()
    request(mine)
    assert clock.now > 1060


def test_no_more_than_three_queries_run_at_once() -> None:
    mine, running, most = Budget(limited=False), [0], [0]
    lock = threading.Lock()

    def query() -> None:
        give_back = mine.take_slot(Deadline())
        with lock:
            running[0] += 1
            most[0] = max(most[0], running[0])
        time.sleep(0.02)
        with lock:
            running[0] -= 1
        give_back()

    threads = [threading.Thread(target=query) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most[0] == AT_ONCE


def test_waiting_for_a_slot_ends_at_the_deadline() -> None:
    mine = Budget(limited=False)
    taken = [mine.take_slot(Deadline()) for _ in range(AT_ONCE)]
    with pytest.raises(AnswerTimeoutError, match=r"within 0\.1 s\. 3 queries were running"):
        mine.take_slot(Deadline(0.1))
    taken[0]()
    mine.take_slot(Deadline(0.1))


def test_a_slot_that_is_given_back_twice_is_given_back_once() -> None:
    mine = Budget(limited=False)
    taken = [mine.take_slot(Deadline()) for _ in range(AT_ONCE)]
    taken[0]()
    taken[0]()
    mine.take_slot(Deadline(0.1))
    with pytest.raises(AnswerTimeoutError):
        mine.take_slot(Deadline(0.1))


def test_clients_of_one_host_share_its_budget() -> None:
    assert budget_for("https://eu.posthog.com", limited=True) is budget_for("https://eu.posthog.com", limited=True)
    assert budget_for("https://eu.posthog.com", limited=True) is not budget_for("https://us.posthog.com", limited=True)
