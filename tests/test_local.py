"""`connect("local")`: one server for every process that opens the same store."""

from __future__ import annotations

import fcntl
import logging
import os
import signal
import stat
import subprocess
import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
import requests

from posthog_nb.connecting import connect
from posthog_nb.embedded.holding import ServerRecord, holder
from posthog_nb.embedded.local import LocalAdapter, LocalServer, default_path
from posthog_nb.embedded.store.engine import in_memory, on_disk
from posthog_nb.errors import StoreError
from tests.serving import serving

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

URL = "http://local.posthog-nb.invalid"


def session_on(server: LocalServer) -> requests.Session:
    session = requests.Session()
    session.trust_env = False
    session.mount(URL, LocalAdapter(server))
    return session


def send(server: LocalServer, name: str) -> requests.Response:
    body = {"api_key": server.record().project_token, "event": name, "distinct_id": "anna"}
    return session_on(server).post(f"{URL}/e/", json=body, timeout=30)


def names(server: LocalServer) -> list[str]:
    answer = session_on(server).post(
        f"{URL}/api/projects/1/query/",
        json={"query": {"kind": "HogQLQuery", "query": "SELECT event FROM events ORDER BY event"}},
        headers={"Authorization": f"Bearer {server.record().personal_api_key}"},
        timeout=30,
    )
    return [row[0] for row in answer.json()["results"]]


def end(path: Path) -> None:
    """End the server of a store, if there is one, and wait for it."""
    pid = holder(path)
    if pid:
        os.kill(pid, signal.SIGTERM)
    deadline = time.monotonic() + 15
    while holder(path) is not None:
        assert time.monotonic() < deadline, "the server did not end"
        time.sleep(0.02)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Path]:
    path = tmp_path / "store"
    yield path
    end(path)


def test_a_server_is_started_when_there_is_none_and_found_when_there_is_one(store: Path) -> None:
    first, second = LocalServer(store), LocalServer(store)
    assert send(first, "a").text == '{"status":"Ok"}'
    assert second.record() == first.record()
    assert names(second) == ["a"]


def test_a_server_that_somebody_started_by_hand_is_used(tmp_path: Path) -> None:
    with serving(tmp_path / "store") as served:
        assert LocalServer(tmp_path / "store").record().pid == served.process.pid


def test_settings_given_to_connect_are_the_projects_from_then_on(store: Path) -> None:
    for given, shown in (
        ({"timezone": "Asia/Tokyo", "week_start": "monday"}, 1),
        ({}, 1),
        ({"week_start": "sunday"}, 0),
    ):
        with connect(f"local:{store}", **given) as ph:
            project = ph._connection.get("")
        assert (project["timezone"], project["week_start_day"]) == ("Asia/Tokyo", shown)


def test_two_processes_that_start_at_once_share_one_server(store: Path) -> None:
    code = (
        "import sys, pathlib; from posthog_nb.embedded.local import LocalServer;"
        "print(LocalServer(pathlib.Path(sys.argv[1])).record().pid)"
    )
    both = [subprocess.Popen([sys.executable, "-c", code, str(store)], stdout=subprocess.PIPE) for _ in range(2)]
    pids = {process.communicate(timeout=40)[0].strip() for process in both}
    assert len(pids) == 1
    assert pids == {str(holder(store)).encode()}


def test_a_killed_server_is_noticed_started_again_and_asked_again(
    store: Path, caplog: pytest.LogCaptureFixture
) -> None:
    server = LocalServer(store)
    send(server, "before")
    killed = server.record()
    os.kill(killed.pid, signal.SIGKILL)
    with caplog.at_level(logging.WARNING, "posthog_nb.embedded"):
        assert send(server, "after").status_code == 200
    assert names(server) == ["after", "before"]
    assert server.record().pid != killed.pid
    assert "is gone" in caplog.text


def test_a_server_that_ended_by_itself_is_started_again(store: Path) -> None:
    server = LocalServer(store)
    send(server, "before")
    end(store)
    assert names(server) == ["before"]


def test_urls_stay_those_that_the_client_asked_for(store: Path) -> None:
    server = LocalServer(store)
    send(server, "a")
    answer = session_on(server).get(
        f"{URL}/api/projects/1/persons/?limit=1",
        headers={"Authorization": f"Bearer {server.record().personal_api_key}"},
        timeout=30,
    )
    assert answer.url == f"{URL}/api/projects/1/persons/?limit=1"
    assert answer.json()["next"].startswith(f"{URL}/api/projects/1/persons/")


def test_keys_are_in_neither_the_arguments_nor_the_log_nor_the_repr(store: Path) -> None:
    server = LocalServer(store)
    record = server.record()
    seen = subprocess.run(
        ["ps", "-o", "args=", "-p", str(record.pid)], capture_output=True, text=True, check=True
    ).stdout + repr(record)
    log = store / "server.log"
    assert stat.S_IMODE(log.stat().st_mode) == 0o600
    for secret in (record.personal_api_key, record.project_token):
        assert secret not in seen + log.read_text()


@contextmanager
def held(path: Path) -> Iterator[None]:
    path.mkdir()
    with (path / "server.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def test_a_store_that_something_else_holds_is_an_error_with_its_path_and_the_next_step(tmp_path: Path) -> None:
    with held(tmp_path / "store"), pytest.raises(StoreError) as caught:
        LocalServer(tmp_path / "store", start_seconds=0.3).record()
    assert str(tmp_path / "store") in caught.value.message
    assert "another folder" in str(caught.value.hint)


def test_a_record_that_nobody_stands_behind_is_not_believed(store: Path) -> None:
    store.mkdir()
    ServerRecord("http://127.0.0.1:9", os.getpid(), 1, "phc_test", "phx_test").write(store)
    assert LocalServer(store).record().pid != os.getpid()


def test_a_record_of_a_port_where_another_key_is_wanted_is_not_believed(tmp_path: Path) -> None:
    with serving(tmp_path / "other") as other, held(tmp_path / "store"):
        ServerRecord(other.url, other.process.pid, 1, "phc_test", "phx_test").write(tmp_path / "store")
        with pytest.raises(StoreError, match="does not answer"):
            LocalServer(tmp_path / "store", start_seconds=0.3).record()


@pytest.mark.parametrize("text", ["", "{", "[]", '{"url": "http://127.0.0.1:9"}'])
def test_a_record_that_cannot_be_read_is_as_none(tmp_path: Path, text: str) -> None:
    (tmp_path / "server.json").write_text(text)
    assert ServerRecord.read(tmp_path) is None


def test_what_the_server_said_is_in_the_error_when_it_cannot_start(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("a file where ClickHouse wants a folder")
    with pytest.raises(StoreError) as caught:
        LocalServer(tmp_path).record()
    assert f"ended as it started: StoreError: The store at {tmp_path} cannot be opened: " in caught.value.message
    assert "Not a directory" in caught.value.message
    assert str(caught.value.hint) == f"Its log is {tmp_path / 'server.log'}."


@pytest.mark.parametrize(
    ("log", "said"),
    [
        ("", "it said nothing."),
        ("one\ntwo\n", "two"),
        ("a warning\nStoreError: held\nHint: end it\n", "StoreError: held\nHint: end it"),
        ("Traceback:\n  File x\nposthog_nb.errors.StoreError: held\n", "posthog_nb.errors.StoreError: held"),
        ("OSError: first\nthen\nValueError: last", "ValueError: last"),
        ("no Error: here\nlast phx_abcdefgh1234", "last phx_..."),
    ],
)
def test_what_is_told_of_a_log_is_its_last_error_with_its_hint(tmp_path: Path, log: str, said: str) -> None:
    (tmp_path / "server.log").write_text(f"StoreError: of an earlier server\n{log}")
    assert LocalServer(tmp_path)._said(len("StoreError: of an earlier server\n")) == said


OPEN = """
import sys
from pathlib import Path
from posthog_nb.embedded.store.engine import on_disk
engine = on_disk(Path(sys.argv[1]))
print("open", flush=True)
sys.stdin.read()
engine.close()
"""


@contextmanager
def opened(path: Path) -> Iterator[int]:
    """ClickHouse on a folder in a process of its own, without our lock on it."""
    process = subprocess.Popen(
        [sys.executable, "-c", OPEN, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "open\n"
    yield process.pid
    process.communicate(timeout=20)


def test_a_folder_that_another_clickhouse_holds_is_an_error_that_names_its_process(tmp_path: Path) -> None:
    path = tmp_path / "blocks of another"
    with opened(path) as pid, pytest.raises(StoreError) as caught:
        LocalServer(path).record()
    assert f"The store at {path} is held by the ClickHouse of another process ({pid})." in caught.value.message
    assert "End that process, or use another folder." in caught.value.message


def test_a_second_engine_in_one_process_is_an_error_that_names_the_first(tmp_path: Path) -> None:
    in_memory()
    with pytest.raises(StoreError) as caught:
        on_disk(tmp_path / "another lock")
    assert caught.value.message.endswith("this process has another engine open already, in memory.")
    assert "either in memory or one path" in str(caught.value.hint)


def test_the_usual_folder_is_the_users_own_data_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))
    assert default_path().name == "local"
    assert tmp_path in default_path().parents
    assert LocalServer().path == default_path()
