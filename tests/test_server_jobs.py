"""Queries that are answered later: PostHog's status records, progress that moves, and their end."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from posthog_nb.embedded.server import errors
from posthog_nb.embedded.server.jobs import AT_ONCE, Jobs
from posthog_nb.embedded.server.running import RunningQueries
from posthog_nb.embedded.store.engine import Progress
from posthog_nb.errors import EngineError, HogQLQueryError
from tests.wire import Wire, open_wire

if TYPE_CHECKING:
    from collections.abc import Iterator

ENDLESS = "SELECT sum(cityHash64(number)) FROM numbers(100000000000)"
STATUS_KEYS = {
    *("id", "query_async", "team_id", "insight_id", "dashboard_id", "complete", "error", "error_message", "results"),
    *("start_time", "pickup_time", "end_time", "expiration_time", "task_id", "labels", "query_progress"),
}


@pytest.fixture(scope="module")
def wire() -> Iterator[Wire]:
    wire = open_wire()
    yield wire
    wire.close()


def status_of(wire: Wire, query_id: str, **params: Any) -> Any:
    return wire.get(f"/api/projects/1/query/{query_id}/", params=params)


def finished(wire: Wire, query_id: str) -> Any:
    """The answer to a status request once the query is complete."""
    deadline = time.monotonic() + 10
    while (answer := status_of(wire, query_id)).status_code == 202:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return answer


class TestTheWire:
    @pytest.mark.parametrize("refresh", ["async", "lazy_async", "force_async"])
    def test_a_202_with_a_status_comes_at_once_and_the_rows_under_it_later(self, wire: Wire, refresh: str) -> None:
        asked = wire.ask("SELECT 1 AS one", refresh=refresh, client_query_id=f"later-{refresh}")
        assert asked.status_code == 202
        assert set(asked.json()) == ({"query_status"} if refresh == "force_async" else {"query_status", "cache_key"})
        status = asked.json()["query_status"]
        assert set(status) == STATUS_KEYS
        assert (status["id"], status["team_id"], status["query_async"]) == (f"later-{refresh}", 1, True)
        assert (status["complete"], status["results"]) == (False, None)

        done = finished(wire, f"later-{refresh}")
        assert done.status_code == 200
        status = done.json()["query_status"]
        assert (status["complete"], status["error"], status["error_message"]) == (True, False, None)
        assert status["start_time"] <= status["pickup_time"] <= status["end_time"] < status["expiration_time"]
        assert (status["results"]["columns"], status["results"]["results"]) == (["one"], [[1]])

    def test_the_older_word_for_it_is_known(self, wire: Wire) -> None:
        assert wire.ask("SELECT 1", **{"async": True}).status_code == 202

    def test_an_id_is_made_up_where_the_client_has_none(self, wire: Wire) -> None:
        query_id = wire.ask("SELECT 1", refresh="async").json()["query_status"]["id"]
        assert finished(wire, query_id).status_code == 200

    def test_a_query_at_fault_is_a_400_that_says_why(self, wire: Wire) -> None:
        wire.ask("SELECT nope FROM events", refresh="async", client_query_id="at-fault")
        answer = finished(wire, "at-fault")
        status = answer.json()["query_status"]
        assert (answer.status_code, status["complete"], status["error"]) == (400, True, True)
        assert status["error_message"] == "Unable to resolve field: nope"
        assert status["results"] is None

    def test_asking_again_gives_the_record_that_is_there_unless_forced(self, wire: Wire) -> None:
        wire.ask("SELECT 1", refresh="async", client_query_id="again")
        finished(wire, "again")
        known = wire.ask("SELECT 2", refresh="async", client_query_id="again")
        assert (known.status_code, known.json()["query_status"]["results"]["results"]) == (200, [[1]])
        assert wire.ask("SELECT 2", refresh="force_async", client_query_id="again").status_code == 202
        assert finished(wire, "again").json()["query_status"]["results"]["results"] == [[2]]

    def test_an_unknown_id_is_a_404(self, wire: Wire) -> None:
        answer = status_of(wire, "some-id")
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
        assert answer.json()["detail"] == "Query some-id not found for team 1"

    def test_progress_moves_and_a_cancel_ends_the_work(self, wire: Wire) -> None:
        wire.ask(ENDLESS, refresh="async", client_query_id="endless")
        seen: list[dict[str, int]] = []
        deadline = time.monotonic() + 10
        while len({one["rows_read"] for one in seen}) < 3:
            assert time.monotonic() < deadline, seen
            time.sleep(0.1)
            found = status_of(wire, "endless", show_progress="true").json()["query_status"]["query_progress"]
            seen += [found] if found is not None else []
        rows = [one["rows_read"] for one in seen]
        assert rows == sorted(rows)
        assert seen[-1]["estimated_rows_total"] > rows[-1]
        assert seen[-1]["bytes_read"] > 0
        assert "query_progress" in status_of(wire, "endless").json()["query_status"]
        assert status_of(wire, "endless").json()["query_status"]["query_progress"] is None

        ended = wire.request("DELETE", "/api/projects/1/query/endless/")
        assert (ended.status_code, ended.json()) == (200, {"message": "Query was cancelled."})
        assert wire.project.progress("endless") is None
        assert status_of(wire, "endless").status_code == 404

    def test_a_cancelled_query_that_waited_for_its_turn_never_begins(self, wire: Wire) -> None:
        running = [f"running-{number}" for number in range(AT_ONCE)]
        for query_id in running:
            wire.ask(ENDLESS, refresh="async", client_query_id=query_id)
        while any(status_of(wire, one).json()["query_status"]["pickup_time"] is None for one in running):
            time.sleep(0.02)
        wire.ask("SELECT 1", refresh="async", client_query_id="waiting")
        assert status_of(wire, "waiting").json()["query_status"]["pickup_time"] is None
        ended = wire.request("DELETE", "/api/projects/1/query/waiting/", params={"dequeue_only": "true"})
        assert ended.json() == {"message": "Query was removed from the queue."}
        assert status_of(wire, "waiting").status_code == 404
        for query_id in running:
            assert wire.request("DELETE", f"/api/projects/1/query/{query_id}/").json()["message"].endswith("cancelled.")


class TestRecords:
    @pytest.fixture
    def clock(self) -> list[datetime]:
        return [datetime(2026, 1, 1, tzinfo=UTC)]

    @pytest.fixture
    def jobs(self, clock: list[datetime]) -> Jobs:
        return Jobs(1, progress=lambda _: None, at_fault=errors.at_fault, now=lambda: clock[0])

    def wait(self, jobs: Jobs, query_id: str) -> tuple[int, bytes]:
        while (found := jobs.status(query_id, show_progress=False)) is not None and found[0] == 202:
            time.sleep(0.01)
        assert found is not None
        return found

    def test_a_record_lives_for_twenty_minutes_after_the_end(self, jobs: Jobs, clock: list[datetime]) -> None:
        jobs.start("q", lambda: b"{}", anew=False)
        self.wait(jobs, "q")
        clock[0] += timedelta(minutes=19, seconds=59)
        assert jobs.status("q", show_progress=False) is not None
        clock[0] += timedelta(seconds=1)
        assert jobs.status("q", show_progress=False) is None

    def test_a_query_that_runs_for_longer_keeps_its_record(self, jobs: Jobs, clock: list[datetime]) -> None:
        end = threading.Event()
        jobs.start("q", lambda: b"{}" if end.wait(10) else b"", anew=False)
        clock[0] += timedelta(minutes=25)
        assert jobs.status("q", show_progress=False) is not None
        end.set()
        assert self.wait(jobs, "q")[0] == 200

    @pytest.mark.parametrize(
        ("error", "code", "message"),
        [
            (HogQLQueryError("No such thing."), 400, b'"No such thing."'),
            (EngineError("Types differ.", name="TYPE_MISMATCH"), 400, b'"Types differ."'),
            (EngineError("Out of memory.", name="MEMORY_LIMIT_EXCEEDED"), 500, b"null"),
            (EngineError("A bug.", name="LOGICAL_ERROR"), 500, b"null"),
        ],
    )
    def test_a_failure_is_told_where_the_asker_can_mend_it(
        self, jobs: Jobs, error: Exception, code: int, message: bytes
    ) -> None:
        def fail() -> bytes:
            raise error

        jobs.start("q", fail, anew=False)
        found = self.wait(jobs, "q")
        assert found[0] == code
        assert b'"error_message":' + message in found[1]

    def test_progress_never_runs_backwards(self) -> None:
        assert Progress(5, 50, 100, 1, 7).beyond(Progress(6, 40, 90, 2, 7)) == Progress(6, 50, 100, 2, 7)
        assert Progress(5, 50, 100, 1, 7).beyond(None) == Progress(5, 50, 100, 1, 7)


def test_when_all_end_each_is_told_before_the_first_is_waited_for() -> None:
    told = {name: threading.Event() for name in ("first", "second")}
    running = RunningQueries(lambda query_id: told[query_id].set())
    begun = threading.Barrier(3)
    ended: list[bool] = []

    def query(name: str) -> None:
        with running.hold(name):
            begun.wait(5)
            # As in a busy engine: none is gone before all have been told.
            ended.append(all(one.wait(1) for one in told.values()))

    threads = [threading.Thread(target=query, args=(name,)) for name in told]
    for thread in threads:
        thread.start()
    begun.wait(5)
    running.cancel_all()
    for thread in threads:
        thread.join(5)
    assert ended == [True, True]
