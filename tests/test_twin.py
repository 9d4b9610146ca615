"""The twin of PostHog does what its faults say: a test that a fault never reached would prove nothing."""

from __future__ import annotations

import gzip
import json
import socket
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest
import requests
import trustme
from werkzeug import Request, Response

from tests.twin_faults import FAULTS, OK, Reply, answered, changed

pytest.importorskip("chdb", reason="the embedded engine has no wheel here")

from posthog_nb.embedded.server import create_app
from tests.faulty import server_context
from tests.twin import Twin, application, client_of, new_project, separate_twin, twin_of

if TYPE_CHECKING:
    from collections.abc import Iterator

BODY = {"results": [[1]], "done": True}
LINE = {
    "closed, nothing done": b"",
    "done, then closed": b"",
    "the answer breaks off": json.dumps(BODY)[: len(json.dumps(BODY)) // 2].encode(),
}
WAITS = {"no answer, nothing done", "done, no answer", "the answer stands still", "byte by byte"}
RESETS = {"reset, nothing done", "done, then reset", "reset in the answer"}


class Counting:
    """An application that counts what it has done."""

    def __init__(self) -> None:
        self.done: list[tuple[str, bytes]] = []

    def __call__(self, environ, start_response):
        request = Request(environ)
        self.done.append((request.full_path, request.get_data()))
        return Response(json.dumps(BODY), content_type="application/json")(environ, start_response)


@pytest.fixture
def counting() -> Counting:
    return Counting()


@pytest.fixture
def twin(counting: Counting) -> Iterator[Twin]:
    with twin_of(counting) as twin:
        yield twin


def post(twin: Twin, path: str = "/api/projects/1/query/", **options) -> requests.Response:
    return requests.post(f"{twin.url}{path}", json={"a": 1}, timeout=5, allow_redirects=False, **options)


def on_the_line(twin: Twin, seconds: float = 1.0) -> bytes:
    """Everything that comes back on a connection until it ends."""
    with socket.create_connection(("127.0.0.1", twin.port), timeout=seconds) as line:
        line.sendall(b"POST /api/projects/1/query/ HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}")
        got = b""
        while more := line.recv(65536):
            got += more
    return got


def test_without_a_script_the_application_answers_on_one_connection(twin: Twin, counting: Counting) -> None:
    with requests.Session() as session:
        for _ in range(2):
            answer = session.post(
                f"{twin.url}/api/x/?q=%20é", data=gzip.compress(b"[]"), headers={"Content-Encoding": "gzip"}
            )
            assert answer.json() == BODY
    assert counting.done == [("/api/x/?q=%20%C3%A9", gzip.compress(b"[]"))] * 2
    assert [(seen.method, seen.path, seen.json(), seen.status) for seen in twin.seen()] == [
        ("POST", "/api/x/", [], 200)
    ] * 2
    assert all(seen.started <= seen.ready for seen in twin.seen())


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_says_whether_the_application_has_done_it(twin: Twin, counting: Counting, name: str) -> None:
    twin.next("POST /query/", FAULTS[name])
    with suppress(requests.RequestException):
        requests.post(f"{twin.url}/api/projects/1/query/", json={}, timeout=0.2, allow_redirects=False)
    assert len(counting.done) == FAULTS[name].done
    assert twin.unplayed() == []
    assert [seen.fault for seen in twin.seen()] == [None if name == OK.name else name]


@pytest.mark.parametrize(("name", "got"), LINE.items())
def test_a_line_ends_where_the_fault_says(twin: Twin, name: str, got: bytes) -> None:
    twin.next("/query/", FAULTS[name])
    assert on_the_line(twin).rpartition(b"\r\n\r\n")[2] == got


@pytest.mark.parametrize("name", sorted(RESETS))
def test_a_reset_is_one(twin: Twin, name: str) -> None:
    twin.next("/query/", FAULTS[name])
    with pytest.raises(ConnectionResetError):
        on_the_line(twin)


@pytest.mark.parametrize("name", sorted(WAITS))
def test_a_silence_lasts_longer_than_anybody_waits_and_ends_with_the_twin(counting: Counting, name: str) -> None:
    start = time.monotonic()
    with twin_of(counting) as twin:
        twin.next("/query/", FAULTS[name])
        with pytest.raises(requests.RequestException):
            requests.post(f"{twin.url}/query/", json={}, timeout=0.02)
    assert time.monotonic() - start < 10


@pytest.mark.parametrize(
    ("name", "status", "header"),
    [
        ("429", 429, {}),
        ("429, Retry-After", 429, {"Retry-After": "1"}),
        ("429, an hour", 429, {"Retry-After": "3600"}),
        ("503, Retry-After", 503, {"Retry-After": "1"}),
        ("502, HTML", 502, {"Content-Type": "text/html"}),
        ("a login page", 200, {"Content-Type": "text/html"}),
        ("512", 512, {}),
    ],
)
def test_an_answer_of_the_twins_own(twin: Twin, name: str, status: int, header: dict[str, str]) -> None:
    twin.next("/query/", FAULTS[name])
    answer = post(twin)
    assert (answer.status_code, {key: answer.headers.get(key) for key in header}) == (status, header)
    assert ("Retry-After" in answer.headers) == ("Retry-After" in header)


def test_posthogs_errors_are_objects_from_the_api_and_text_from_capture(twin: Twin) -> None:
    twin.next("/", FAULTS["403"], FAULTS["403"])
    assert post(twin).json()["code"] == "permission_denied"
    assert post(twin, "/batch/").text.startswith("API key missing")


def test_what_arrives_can_differ_from_what_was_sent(twin: Twin) -> None:
    twin.next("/query/", *(FAULTS[name] for name in ("half of the JSON", "gzip", "damaged gzip")))
    half = post(twin)
    assert half.text == json.dumps(BODY)[: int(half.headers["Content-Length"])]
    assert post(twin).json() == BODY
    with pytest.raises(requests.exceptions.ContentDecodingError):
        post(twin)


def test_the_application_s_answer_can_be_replaced_or_changed(twin: Twin) -> None:
    twin.next("/query/", answered(Reply.json([1], 202)), changed(lambda body: body | {"is_cached": True}), OK)
    assert [(answer.status_code, answer.json()) for answer in (post(twin), post(twin), post(twin))] == [
        (202, [1]),
        (200, BODY | {"is_cached": True}),
        (200, BODY),
    ]


def test_a_script_is_for_its_own_paths_and_a_standing_fault_for_all_that_follow(twin: Twin) -> None:
    twin.next("GET /persons/", FAULTS["404"])
    twin.always("/batch/", FAULTS["413"])
    assert [post(twin, path).status_code for path in ("/api/persons/", "/batch/", "/batch/")] == [200, 413, 413]
    assert requests.get(f"{twin.url}/api/persons/", timeout=5).status_code == 404
    twin.forget()
    assert post(twin, "/batch/").status_code == 200
    assert len(twin.seen()) == 1


def test_a_redirect_elsewhere_would_be_seen(twin: Twin) -> None:
    twin.next("/query/", FAULTS["redirect, another host"])
    requests.post(f"{twin.url}/query/", json={}, timeout=5)
    assert [seen.headers["host"].split(":")[0] for seen in twin.seen()] == ["127.0.0.1", "localhost"]


def test_its_clock_may_be_wrong(counting: Counting) -> None:
    with twin_of(counting, clock_offset=-7200) as twin:
        twin.next("/query/", FAULTS["429, a date"])
        headers = post(twin).headers
    day, again = (
        time.mktime(time.strptime(headers[name], "%a, %d %b %Y %H:%M:%S GMT")) for name in ("Date", "Retry-After")
    )
    assert 0 <= again - day <= 2
    assert abs(time.mktime(time.gmtime()) - 7200 - day) <= 2


def test_while_it_is_away_connections_are_refused(twin: Twin) -> None:
    with requests.Session() as session:
        session.post(f"{twin.url}/query/", json={})
        twin.go_away()
        with pytest.raises(requests.ConnectionError):
            session.post(f"{twin.url}/query/", json={})
    with pytest.raises(ConnectionRefusedError):
        on_the_line(twin)
    twin.come_back()
    assert post(twin).status_code == 200


def test_every_so_many_requests_fail_and_a_throttle_counts_the_signed_ones(counting: Counting) -> None:
    with twin_of(counting, fail_every=3) as twin:
        assert [post(twin).status_code for _ in range(6)] == [200, 200, 503] * 2
    with twin_of(counting, throttle=(2, 0.5)) as twin:
        signed = {"Authorization": "Bearer phx_test"}
        assert [post(twin, headers=signed).status_code for _ in range(3)] == [200, 200, 429]
        assert post(twin).status_code == 200
        time.sleep(0.5)
        assert post(twin, headers=signed).status_code == 200


def test_queries_at_once_are_counted_and_limited(counting: Counting) -> None:
    with twin_of(counting, delay_seconds=0.3, at_once=2) as twin:
        statuses: list[int] = []
        threads = [threading.Thread(target=lambda: statuses.append(post(twin).status_code)) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(statuses) == [200, 200, 429]
        assert twin.most_queries() == 3


def test_over_tls_its_certificate_is_its_own(counting: Counting, tmp_path) -> None:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    with twin_of(counting, tls=server_context(authority)) as twin:
        with pytest.raises(requests.exceptions.SSLError):
            post(twin)
        assert post(twin, verify=str(tmp_path / "ca.pem")).json() == BODY


def test_it_can_be_a_process_of_its_own() -> None:
    with separate_twin(Counting, fail_every=2, throttle=(99, 60.0)) as twin:
        url = f"{twin.get_url()}/query/"
        twin.next("/query/", FAULTS["429"])
        assert [requests.post(url, json={}, timeout=5).status_code for _ in range(3)] == [429, 503, 200]
        assert [seen.status for seen in twin.seen("POST /query/")] == [429, 503, 200]
    with pytest.raises(requests.ConnectionError):
        requests.post(url, json={}, timeout=5)


def test_a_client_takes_it_for_a_posthog() -> None:
    project = new_project(timezone="Europe/London")
    with twin_of(create_app(project)) as twin, client_of(twin) as client:
        client.capture("seen", "ann")
        assert client.query("SELECT event FROM events").rows == [["seen"]]
        assert [seen.path for seen in twin.seen()] == ["/batch/", "/api/projects/1/query/"]
    project.close()
    with separate_twin(application) as twin, client_of(twin) as client:
        assert client.query("SELECT 1").rows == [[1]]
