"""`posthog-nb serve`: a project on loopback in a process of its own."""

from __future__ import annotations

import json
import signal
import socket
import stat
import subprocess
import sys
import threading
import time
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest
import requests

from tests.serving import Served, serving, start

if TYPE_CHECKING:
    from pathlib import Path


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "posthog_nb", *arguments], capture_output=True, text=True, timeout=30, check=False
    )


def send(served: Served, *names: str) -> int:
    batch = [{"event": name, "distinct_id": "anna"} for name in names]
    return requests.post(
        f"{served.url}/batch/", json={"api_key": served.project_token, "batch": batch}, timeout=10
    ).status_code


def ask(served: Served, query: str, **body: object) -> requests.Response:
    return requests.post(
        f"{served.url}/api/projects/{served.project_id}/query/",
        json={"query": {"kind": "HogQLQuery", "query": query}, **body},
        headers={"Authorization": f"Bearer {served.personal_api_key}"},
        timeout=30,
    )


def test_a_served_project_takes_events_answers_queries_and_keeps_both_over_a_restart(tmp_path: Path) -> None:
    with serving(tmp_path / "store", "--timezone", "Europe/London") as first:
        assert send(first, "a", "b") == 200
    with serving(tmp_path / "store") as second:
        answer = ask(second, "SELECT event FROM events ORDER BY event").json()
    assert answer["results"] == [["a"], ["b"]]
    assert answer["timezone"] == "Europe/London"
    assert (first.project_token, first.personal_api_key) == (second.project_token, second.personal_api_key)


def test_what_it_leaves_beside_the_store_is_for_its_owner_alone_and_goes_with_it(tmp_path: Path) -> None:
    store = tmp_path / "store"
    with serving(store):
        assert stat.S_IMODE(store.stat().st_mode) == 0o700
        assert stat.S_IMODE((store / "server.json").stat().st_mode) == 0o600
        assert stat.S_IMODE((store / "server.lock").stat().st_mode) == 0o600
    assert not (store / "server.json").exists()


def test_a_store_that_is_served_is_refused_with_the_next_step(tmp_path: Path) -> None:
    with serving(tmp_path / "store") as served:
        refused = run("serve", "--path", str(tmp_path / "store"))
    assert refused.returncode == 2
    assert f"StoreHeldError: The store at {tmp_path / 'store'} is held by another process ({served.process.pid})" in (
        refused.stderr
    )
    assert "Hint:" in refused.stderr
    assert "Traceback" not in refused.stderr


def test_a_killed_server_leaves_nothing_that_keeps_the_next_one_from_starting(tmp_path: Path) -> None:
    killed = start(tmp_path / "store")
    assert send(killed, "kept") == 200
    killed.process.kill()
    killed.process.communicate(timeout=10)
    with serving(tmp_path / "store") as served:
        assert ask(served, "SELECT event FROM events").json()["results"] == [["kept"]]


def test_settings_given_to_serve_are_the_projects_from_then_on(tmp_path: Path) -> None:
    store, query = tmp_path / "store", "SELECT toTypeName(now()), toStartOfWeek(toDate('2024-01-04'))"
    with serving(store, "--timezone", "Europe/London") as first:
        assert ask(first, query).json()["results"] == [["DateTime64(6, 'Europe/London')", "2023-12-31"]]
    with serving(store, "--timezone", "Asia/Tokyo", "--week-start", "monday", "--person-mode", "disabled") as second:
        assert ask(second, query).json()["results"] == [["DateTime64(6, 'Asia/Tokyo')", "2024-01-01"]]
    with serving(store) as third:
        answer = ask(third, query).json()
    assert answer["results"] == [["DateTime64(6, 'Asia/Tokyo')", "2024-01-01"]]
    assert answer["modifiers"]["personsOnEventsMode"] == "disabled"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--timezone", "Mars/Olympus"], "'Mars/Olympus' is no time zone"),
        (["--week-start", "friday"], "'friday' is no start of the week"),
        (["--person-mode", "sometimes"], "'sometimes' is no person mode"),
        (["--port", "99999"], "'99999' is no port"),
        (["--idle-exit", "soon"], "'soon' is no number of seconds"),
        (["--path", ""], "'' is no folder"),
        (["--path", "/dev/null/x"], "/dev/null/x cannot be used for a store"),
    ],
)
def test_a_wrong_option_is_refused_in_one_line(arguments: list[str], said: str) -> None:
    refused = run("serve", *arguments)
    assert refused.returncode in {1, 2}
    assert said in refused.stderr
    assert "Traceback" not in refused.stderr


def test_in_memory_it_prints_where_it_is_and_ends_when_nobody_asks() -> None:
    ended = run("serve", "--idle-exit", "0.2", "--timezone", "Europe/London")
    assert ended.returncode == 0
    assert "POSTHOG_HOST=http://127.0.0.1:" in ended.stdout
    assert "POSTHOG_PROJECT_TOKEN=phc_" in ended.stdout
    assert "POSTHOG_PERSONAL_API_KEY=phx_" in ended.stdout
    assert ended.stderr == ""


def test_a_port_that_is_taken_is_refused(tmp_path: Path) -> None:
    with serving(tmp_path / "store") as served:
        port = served.url.rpartition(":")[2]
        refused = run("serve", "--port", port)
    assert refused.returncode == 1
    assert f"Port {port} on 127.0.0.1 cannot be used" in refused.stderr


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_request_under_way_is_finished_before_the_server_ends(tmp_path: Path, number: signal.Signals) -> None:
    served = start(tmp_path / "store")
    assert send(served, *(["row"] * 3000)) == 200
    answers: list[requests.Response] = []
    slow = "SELECT count() FROM events a CROSS JOIN events b CROSS JOIN (SELECT * FROM events LIMIT 60) c"
    asking = threading.Thread(target=lambda: answers.append(ask(served, slow)))
    asking.start()
    time.sleep(0.4)
    served.process.send_signal(number)
    asking.join(20)
    _, errors = served.process.communicate(timeout=20)
    assert answers[0].json()["results"] == [[3000 * 3000 * 60]]
    assert (served.process.returncode, errors) == (0, "")


def test_connections_that_say_nothing_keep_nobody_out(tmp_path: Path) -> None:
    with serving(tmp_path / "store") as served, ExitStack() as idle:
        host, _, port = served.url.removeprefix("http://").partition(":")
        for _ in range(150):
            idle.enter_context(socket.create_connection((host, int(port)))).sendall(b"POST /e/ HTTP/1.1\r\n")
        assert send(served, "a") == 200


def test_a_query_is_cancelled_from_another_connection(tmp_path: Path) -> None:
    with serving(tmp_path / "store") as served:
        send(served, *(["row"] * 3000))
        answers: list[requests.Response] = []
        slow = "SELECT count() FROM events a CROSS JOIN events b CROSS JOIN events c WHERE a.uuid > c.uuid"
        asking = threading.Thread(target=lambda: answers.append(ask(served, slow, client_query_id="slow")))
        asking.start()
        time.sleep(0.4)
        cancelled = requests.delete(
            f"{served.url}/api/projects/1/query/slow/",
            headers={"Authorization": f"Bearer {served.personal_api_key}"},
            timeout=10,
        )
        asking.join(10)
    assert cancelled.json() == {"message": "Query was cancelled."}
    assert answers[0].json()["code"] == "query_was_cancelled"


@pytest.mark.slow
def test_a_query_that_takes_too_long_to_wait_for_is_cancelled_when_the_server_ends(tmp_path: Path) -> None:
    served = start(tmp_path / "store")
    send(served, *(["row"] * 3000))
    answers: list[requests.Response] = []
    endless = "SELECT count() FROM events a CROSS JOIN events b CROSS JOIN events c WHERE a.uuid > c.uuid"
    asking = threading.Thread(target=lambda: answers.append(ask(served, endless)))
    asking.start()
    time.sleep(0.4)
    served.process.terminate()
    served.process.communicate(timeout=15)
    asking.join(1)
    assert served.process.returncode == 0
    assert answers[0].json()["code"] == "query_was_cancelled"


def test_its_record_is_all_that_a_client_needs(tmp_path: Path) -> None:
    with serving(tmp_path / "store") as served:
        record = json.loads((tmp_path / "store" / "server.json").read_text())
    assert record == {
        "url": served.url,
        "pid": served.process.pid,
        "project_id": 1,
        "project_token": served.project_token,
        "personal_api_key": served.personal_api_key,
    }
