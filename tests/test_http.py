"""The wire: what is signed, what is tried again, what is never followed, and what each answer means."""

from __future__ import annotations

import logging
import os
import re
import signal
import socket
import threading
import time
from contextlib import contextmanager, nullcontext, suppress
from typing import TYPE_CHECKING

import pytest
import trustme
from pytest_httpserver import HTTPServer
from werkzeug import Request as Received
from werkzeug import Response

from posthog_nb.connection import Connection
from posthog_nb.errors import (
    AnswerTimeoutError,
    APIError,
    AuthenticationError,
    CaptureRefusedError,
    ConfigurationError,
    NotFoundError,
    PermissionDeniedError,
    QueryError,
    QueryTimeoutError,
    QuotaExceededError,
    RateLimitedError,
    ServerError,
    Span,
    TransportError,
)
from posthog_nb.http import CAPTURE, ONCE, Deadline, Http, Question, Request
from posthog_nb.operations.asking import Asker
from posthog_nb.operations.splice import Edit, Spliced, splice
from posthog_nb.secret import Secret
from posthog_nb.settings import resolve
from tests.faulty import server_context

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from posthog_nb.operations.answer import Answer

KEY = Secret("phx_test")


@pytest.fixture
def http(httpserver: HTTPServer, monkeypatch: pytest.MonkeyPatch) -> Http:
    monkeypatch.setattr("posthog_nb.http.session.pause", lambda *_: 0.01)
    return Http(user_agent="posthog-nb/test")


def send_events(http: Http, url: str, body: bytes = b"") -> int:
    request = Request("POST", url, data=body)
    return http.exchange(
        request, policy=CAPTURE, deadline=Deadline(), question=Question("capture"), read=lambda reply: reply.status
    )


def ask(connection: Connection, *, timeout: float | None = None) -> Answer:
    return Asker(connection, timeout=timeout).ask(Spliced("SELECT 1"), {}, original="SELECT 1")


@pytest.fixture
def connection(httpserver: HTTPServer) -> Connection:
    settings = resolve(httpserver.url_for(""), project_id=1, personal_api_key="phx_test", environ={})
    return Connection(settings, version="test")


def answer(status: int, text: str = "{}", **headers: str) -> Response:
    return Response(text, status, headers={name.replace("_", "-"): value for name, value in headers.items()})


def in_turn(httpserver: HTTPServer, path: str, *answers: Response) -> list[Received]:
    """Answer requests to ``path`` one after the other, the last answer for good."""
    seen: list[Received] = []

    def respond(request: Received) -> Response:
        request.get_data()
        seen.append(request)
        return answers[min(len(seen), len(answers)) - 1]

    httpserver.expect_request(path).respond_with_handler(respond)
    return seen


# Signing -----------------------------------------------------------------------------------------------------------


def test_the_key_is_on_the_request_and_not_on_the_session(http: Http, httpserver: HTTPServer) -> None:
    seen = in_turn(httpserver, "/read", answer(200))
    http.json("GET", httpserver.url_for("/read"), key=KEY)
    assert seen[0].headers["Authorization"] == "Bearer phx_test"
    assert seen[0].headers["User-Agent"] == "posthog-nb/test"
    assert "phx_test" not in repr(vars(http)) + repr(http._session.headers)


def test_an_unsigned_request_takes_no_password_from_netrc(
    http: Http, httpserver: HTTPServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text(f"machine {httpserver.host} login somebody password secret\n")
    monkeypatch.setenv("NETRC", str(netrc))
    seen = in_turn(httpserver, "/batch/", answer(200))
    send_events(http, httpserver.url_for("/batch/"), b"{}")
    assert "Authorization" not in seen[0].headers


# Redirects ---------------------------------------------------------------------------------------------------------


def test_a_redirect_on_the_same_host_is_followed_with_method_and_body(http: Http, httpserver: HTTPServer) -> None:
    in_turn(httpserver, "/query", answer(301, Location="/query/"))
    seen = in_turn(httpserver, "/query/", answer(200))
    http.json("POST", httpserver.url_for("/query"), key=KEY, body={"a": 1})
    assert (seen[0].method, seen[0].get_json(), seen[0].headers["Authorization"]) == (
        "POST",
        {"a": 1},
        "Bearer phx_test",
    )


@pytest.mark.parametrize("target", ["https://elsewhere.example/query/", "//elsewhere.example/", "http://127.0.0.1:1/"])
def test_a_redirect_to_another_host_is_refused_and_nothing_is_sent_there(
    http: Http, httpserver: HTTPServer, target: str
) -> None:
    in_turn(httpserver, "/query/", answer(302, Location=target))
    in_turn(httpserver, "/batch/", answer(307, Location=target))
    with pytest.raises(ConfigurationError, match="redirects to"):
        http.json("POST", httpserver.url_for("/query/"), key=KEY, body={})
    with pytest.raises(ConfigurationError, match="redirects to"):
        send_events(http, httpserver.url_for("/batch/"), b"{}")


@contextmanager
def accepting(take: Callable[[socket.socket], object]) -> Iterator[str]:
    """The host and port of a server that gives each connection to ``take``."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            with suppress(OSError):
                while True:
                    take(listener.accept()[0])

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        try:
            yield f"127.0.0.1:{listener.getsockname()[1]}"
        finally:
            # Who still accepts would do so on whatever is opened next under the same number.
            with suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)
            thread.join(1)


@contextmanager
def redirecting(target: str) -> Iterator[str]:
    """A server that sends each request on to ``target``, byte by byte as it is; ``PORT`` in it is its own."""

    def send_on(connection: socket.socket) -> None:
        with connection:
            connection.recv(65536)
            place = target.replace("PORT", str(connection.getsockname()[1])).encode("latin-1")
            connection.sendall(
                b"HTTP/1.1 307 Moved\r\nConnection: close\r\nContent-Length: 0\r\nLocation: %b\r\n\r\n" % place
            )

    with accepting(send_on) as place:
        yield f"http://{place}/query/"


def test_a_redirect_is_read_as_whoever_sends_the_request_reads_it(http: Http, httpserver: HTTPServer) -> None:
    # To some readers, what stands before the @ is a user's name; to others, the host ends at the backslash.
    with (
        redirecting(f"http://{httpserver.host}:{httpserver.port}\\@127.0.0.1:PORT/") as url,
        pytest.raises(ConfigurationError, match=f"redirects to http://{httpserver.host}:{httpserver.port};"),
    ):
        http.json("POST", url, key=KEY, body={})
    assert httpserver.log == []


@pytest.mark.parametrize(
    "target", ["http://[::1/", "http://127.0.0.1:abc/", "http://127.0.0.1:99999999/", "http://\xe2\x84\x80.example/"]
)
def test_a_redirect_to_no_address_is_said_to_be_one(http: Http, target: str) -> None:
    with redirecting(target) as url, pytest.raises(ConfigurationError, match="redirects to what is no address"):
        http.json("POST", url, key=KEY, body={})


def test_a_redirect_may_have_letters_that_are_no_text(http: Http) -> None:
    with redirecting("/\xff") as url, pytest.raises(TransportError, match="redirected 5 times"):
        http.json("POST", url, key=KEY, body={}, policy=ONCE)


def test_a_redirect_without_end_ends(http: Http, httpserver: HTTPServer) -> None:
    in_turn(httpserver, "/round", answer(302, Location="/round"))
    with pytest.raises(TransportError, match="redirected"):
        http.json("GET", httpserver.url_for("/round"), key=KEY)


# Retries -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503])
def test_a_passing_failure_is_tried_again_and_logged(
    http: Http, httpserver: HTTPServer, status: int, caplog: pytest.LogCaptureFixture
) -> None:
    seen = in_turn(httpserver, "/query/", answer(status), answer(status), answer(200, '{"ok": 1}'))
    with caplog.at_level(logging.WARNING, "posthog_nb.http"):
        assert http.json("POST", httpserver.url_for("/query/"), key=KEY, body={"n": 1}) == {"ok": 1}
    assert [request.get_json() for request in seen] == [{"n": 1}] * 3
    assert [f"answered {status}" in record.message for record in caplog.records] == [True, True]
    assert "phx_test" not in caplog.text


@pytest.mark.parametrize("status", [400, 401, 402, 403, 404, 413, 504, 512, 513])
def test_what_would_fail_again_is_not_tried_again(http: Http, httpserver: HTTPServer, status: int) -> None:
    seen = in_turn(httpserver, "/query/", answer(status, Retry_After="1"))
    with pytest.raises(APIError):
        http.json("POST", httpserver.url_for("/query/"), key=KEY, body={})
    assert len(seen) == 1


def test_capture_also_tries_again_after_a_504_with_the_very_same_body(http: Http, httpserver: HTTPServer) -> None:
    seen = in_turn(httpserver, "/batch/", answer(504), answer(200))
    assert send_events(http, httpserver.url_for("/batch/"), b"body") == 200
    assert [request.get_data() for request in seen] == [b"body", b"body"]


def test_three_retries_are_four_requests(http: Http, httpserver: HTTPServer) -> None:
    seen = in_turn(httpserver, "/batch/", answer(503))
    with pytest.raises(ServerError):
        send_events(http, httpserver.url_for("/batch/"), b"")
    assert len(seen) == 4


def test_retry_after_is_obeyed(http: Http, httpserver: HTTPServer) -> None:
    in_turn(httpserver, "/query/", answer(429, Retry_After="1"), answer(200))
    start = time.monotonic()
    http.json("POST", httpserver.url_for("/query/"), key=KEY, body={})
    assert time.monotonic() - start >= 1


def test_a_wait_beyond_the_ceiling_is_an_error_at_once(http: Http, httpserver: HTTPServer) -> None:
    seen = in_turn(httpserver, "/query/", answer(429, Retry_After="3600"))
    with pytest.raises(RateLimitedError) as caught:
        http.json("POST", httpserver.url_for("/query/"), key=KEY, body={})
    assert caught.value.retry_after == 3600
    assert len(seen) == 1


@pytest.mark.parametrize("asked", ["nan", "soon", "Wed, 99 Oct 2026 99:99:99 GMT", "-5"])
def test_a_retry_after_that_means_nothing_is_no_reason_to_fail(http: Http, httpserver: HTTPServer, asked: str) -> None:
    seen = in_turn(httpserver, "/query/", answer(429, Retry_After=asked), answer(200))
    http.json("POST", httpserver.url_for("/query/"), key=KEY, body={})
    assert len(seen) == 2


@pytest.mark.parametrize(("refusal", "counts"), [(answer(429), False), (answer(429, Retry_After="0"), True)])
def test_too_many_queries_at_once_are_not_too_many_a_minute(
    http: Http, httpserver: HTTPServer, monkeypatch: pytest.MonkeyPatch, refusal: Response, counts: bool
) -> None:
    monkeypatch.setattr("posthog_nb.http.budget.WINDOWS", ((60.0, 1), (3600.0, 2400)))
    in_turn(httpserver, "/query/", refusal, answer(200))
    url, deadline = httpserver.url_for("/query/"), Deadline(5)
    with pytest.raises(AnswerTimeoutError) if counts else nullcontext():
        http.json("POST", url, key=KEY, body={}, deadline=deadline)
        http.json("POST", url, key=KEY, body={}, deadline=deadline)


def test_an_answer_that_is_still_to_come_is_not_taken_for_that_to_the_next_request(http: Http) -> None:
    hinted = threading.Event()

    def serve(listener: socket.socket) -> None:
        for _ in range(2):
            connection, _ = listener.accept()
            with connection, suppress(OSError):
                while request := connection.recv(65536):
                    path = request.split()[1].decode()
                    if path == "/1":
                        connection.sendall(b"HTTP/1.1 103 Early Hints\r\nLink: </style.css>\r\n\r\n")
                        hinted.wait(10)
                    body = f'{{"answers": "{path}"}}'
                    connection.sendall(f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode())

    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = threading.Thread(target=serve, args=(listener,), daemon=True)
        server.start()
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        with pytest.raises(TransportError, match="103"):
            http.json("GET", f"{url}/1", key=KEY)
        hinted.set()
        assert http.json("GET", f"{url}/2", key=KEY) == {"answers": "/2"}
        http.close()
        server.join(10)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no process is a fork of another here")
@pytest.mark.filterwarnings("ignore:.*use of fork:DeprecationWarning")
def test_a_fork_of_the_process_has_connections_of_its_own() -> None:
    connections: list[str] = []

    def answer_all(connection: socket.socket, name: str) -> None:
        with connection, suppress(OSError):
            while connection.recv(65536):
                connection.sendall(f'HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n"{name}"'.encode())

    def take(connection: socket.socket) -> None:
        connections.append(name := "abc"[len(connections)])
        threading.Thread(target=answer_all, args=(connection, name), daemon=True).start()

    with accepting(take) as place:
        url = f"http://{place}/"
        http = Http(user_agent="posthog-nb/test")
        slots = [http.budget.take_slot(Deadline()) for _ in range(3)]
        assert http.json("GET", url, key=KEY) == "a"
        reads, writes = os.pipe()
        if os.fork() == 0:
            try:
                http.budget.take_slot(Deadline(1))
                os.write(writes, http.json("GET", url, key=KEY).encode())
            finally:
                os._exit(0)
        os.close(writes)
        assert os.read(reads, 10) == b"b"
        os.close(reads)
        os.wait()
        assert http.json("GET", url, key=KEY) == "a"
        assert len(slots) == 3
        http.close()


def line_ends(line: ssl.SSLSocket) -> None:
    line.recv(100)
    socket.socket(fileno=line.detach()).close()


def line_is_damaged(line: ssl.SSLSocket) -> None:
    line.recv(65536)
    with socket.socket(fileno=line.detach()) as bare:
        bare.sendall(b"\x17\x03\x03\x00\x20" + b"x" * 32)
        bare.recv(100)


@pytest.mark.parametrize(
    ("then", "told"), [(line_ends, "closed the connection"), (line_is_damaged, "The encryption of the line")]
)
def test_a_line_that_fails_under_tls_is_one_that_may_pass_and_no_bad_certificate(
    http: Http,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    then: Callable[[ssl.SSLSocket], None],
    told: str,
) -> None:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "ca.pem"))
    context, taken = server_context(authority), []
    # More than the line holds, where it ends while this is sent.
    size = 8_000_000 if then is line_ends else 10

    def take(connection: socket.socket) -> None:
        taken.append(1)
        then(context.wrap_socket(connection, server_side=True))

    with accepting(take) as place, pytest.raises(TransportError, match=told) as caught:
        send_events(http, f"https://{place}/batch/", b"x" * size)
    assert len(taken) == 4
    assert caught.value.may_have_arrived


def test_a_host_without_tls_is_said_to_be_one(http: Http, httpserver: HTTPServer) -> None:
    with pytest.raises(TransportError, match="does not speak https") as caught:
        http.json("GET", httpserver.url_for("/").replace("http:", "https:"), key=KEY)
    assert "write http://" in str(caught.value.hint)
    assert not caught.value.may_have_arrived


def test_certificates_that_cannot_be_read_are_told(
    http: Http, httpserver: HTTPServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", __file__)
    with pytest.raises(TransportError, match=r"a file of certificates cannot be read.*REQUESTS_CA_BUNDLE") as caught:
        http.json("GET", httpserver.url_for("/").replace("http:", "https:"), key=KEY)
    assert not caught.value.may_have_arrived


@pytest.mark.parametrize(
    ("variable", "value", "told"),
    [
        ("http_proxy", "foo bar", "The proxy that is set for http://posthog.example cannot be used"),
        ("http_proxy", "http://me:hunter2@[::1", "The proxy that is set for http://posthog.example cannot be used"),
        ("http_proxy", "http://me:hunter2@127.0.0.1:1", "cannot be reached by the proxy that is set"),
        ("REQUESTS_CA_BUNDLE", "/nowhere.pem", "/nowhere.pem"),
    ],
)
def test_what_the_environment_says_of_the_way_out_is_named_when_it_is_wrong(
    http: Http, monkeypatch: pytest.MonkeyPatch, variable: str, value: str, told: str
) -> None:
    monkeypatch.setenv(variable, value)
    url = "https://127.0.0.1:1/" if variable == "REQUESTS_CA_BUNDLE" else "http://posthog.example/"
    with pytest.raises(TransportError, match=told) as caught:
        http.json("GET", url, key=KEY)
    assert variable in str(caught.value) or variable.upper() in str(caught.value)
    assert "hunter2" not in str(caught.value)
    assert not caught.value.may_have_arrived


# What an answer means ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, QueryError),
        (401, AuthenticationError),
        (402, QuotaExceededError),
        (403, PermissionDeniedError),
        (404, NotFoundError),
        (504, QueryTimeoutError),
        (512, QueryTimeoutError),
        (513, ServerError),
    ],
)
def test_each_status_has_its_error_with_posthogs_own_words(
    http: Http, httpserver: HTTPServer, status: int, kind: type[APIError]
) -> None:
    body = {"type": "validation_error", "code": "some_code", "detail": "What went wrong.", "attr": "query__limit"}
    httpserver.expect_request("/query/").respond_with_json(body, status=status)
    with pytest.raises(APIError) as caught:
        http.json("POST", httpserver.url_for("/query/"), key=KEY, body={}, question=Question("query", query_id="q-1"))
    error = caught.value
    assert type(error) is kind
    assert (error.message, error.status, error.code, error.kind, error.attr, error.query_id) == (
        "What went wrong.",
        status,
        "some_code",
        "validation_error",
        "query__limit",
        "q-1",
    )


@pytest.mark.parametrize(
    ("status", "kind"), [(400, CaptureRefusedError), (401, CaptureRefusedError), (413, CaptureRefusedError)]
)
def test_capture_says_in_plain_text_why_it_took_nothing(
    http: Http, httpserver: HTTPServer, status: int, kind: type[APIError]
) -> None:
    in_turn(httpserver, "/batch/", answer(status, "event submitted without a distinct_id"))
    with pytest.raises(kind, match="without a distinct_id"):
        send_events(http, httpserver.url_for("/batch/"), b"")


@pytest.mark.parametrize("body", ["<html><h1>504 Gateway Time-out</h1></html>", "", "[]", "{"])
def test_a_proxys_page_is_not_shown_to_the_reader(http: Http, httpserver: HTTPServer, body: str) -> None:
    in_turn(httpserver, "/query/", answer(504, body, Content_Type="text/html"))
    with pytest.raises(QueryTimeoutError, match="PostHog answered 504") as caught:
        http.json("POST", httpserver.url_for("/query/"), key=KEY, body={}, question=Question("query"))
    assert "<" not in str(caught.value)


def test_a_missing_scope_is_named(http: Http, httpserver: HTTPServer) -> None:
    detail = "API key missing required scope 'query:read'"
    httpserver.expect_request("/query/").respond_with_json({"detail": detail}, status=403)
    with pytest.raises(PermissionDeniedError) as caught:
        http.json("POST", httpserver.url_for("/query/"), key=KEY, body={})
    assert "query:read" in (caught.value.hint or "")


def test_the_place_of_a_mistake_is_the_authors_even_when_a_limit_was_added(
    connection: Connection, httpserver: HTTPServer
) -> None:
    body = {
        "type": "validation_error",
        "code": "hogql_query_error",
        "detail": "Unable to resolve field: evnt\nHint: did you mean event?\nTables: events",
        "extra": {"hogql_metadata": {"errors": [{"message": "...", "start": 27, "end": 31}]}},
    }
    httpserver.expect_request("/api/projects/1/query/").respond_with_json(body, status=400)
    text = "SELECT 'é', evnt FROM events"
    sent = splice(text, [Edit(0, 0, "SELECT * FROM (")])
    with pytest.raises(QueryError) as caught:
        Asker(connection).ask(sent, {}, original=text)
    assert caught.value.span == Span(12, 16)
    assert caught.value.message == "Unable to resolve field: evnt"
    assert caught.value.hint == "did you mean event?"
    assert caught.value.lines()[1:3] == [f"  line 1: {text}", " " * 22 + "^^^^"]


def test_what_is_not_json_is_told_apart(http: Http, httpserver: HTTPServer) -> None:
    in_turn(httpserver, "/query/", answer(200, "<html>log in</html>"))
    with pytest.raises(TransportError, match="not with JSON"):
        http.json("POST", httpserver.url_for("/query/"), key=KEY, body={})


def test_an_answer_that_breaks_off_is_told_apart(http: Http, httpserver: HTTPServer) -> None:
    broken = answer(200, '{"results": [')
    broken.headers["Content-Length"] = "1000"
    in_turn(httpserver, "/query/", broken)
    with pytest.raises(TransportError, match="before its answer ended"):
        http.json("POST", httpserver.url_for("/query/"), key=KEY, body={}, deadline=Deadline(2))


@pytest.mark.parametrize(("asked", "seconds"), [("0", 0.1), ("-5", 0.1), ("0.3", 0.3)])
def test_no_server_brings_the_pause_to_nothing(
    http: Http, httpserver: HTTPServer, caplog: pytest.LogCaptureFixture, asked: str, seconds: float
) -> None:
    throttled = answer(429)
    throttled.headers["Retry-After"] = asked
    in_turn(httpserver, "/query/", throttled, answer(200))
    http.json("POST", httpserver.url_for("/query/"), key=KEY, body={})
    assert f"trying again in {seconds} s" in caplog.text


def test_a_host_that_is_not_there_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("posthog_nb.http.session.pause", lambda *_: 0)
    http = Http(user_agent="test")
    with pytest.raises(TransportError, match=r"http://127\.0\.0\.1:1 cannot be reached"):
        http.json("GET", "http://127.0.0.1:1/", key=KEY)


def test_a_host_that_waits_for_plain_http_is_not_said_to_be_slow_with_its_answer(
    http: Http, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("posthog_nb.http.wire.CONNECT_SECONDS", 0.05)
    with socket.create_server(("127.0.0.1", 0)) as silent, pytest.raises(TransportError) as caught:
        http.json("GET", f"https://127.0.0.1:{silent.getsockname()[1]}/", key=None, policy=ONCE)
    assert not isinstance(caught.value, TimeoutError)
    assert "did not answer as https in time" in caught.value.message
    assert not caught.value.may_have_arrived


def test_a_connection_that_is_closed_instead_of_speaking_https_may_be_tried_again(http: Http) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def close() -> None:
            taken, _ = server.accept()
            taken.recv(1)
            taken.close()

        closing = threading.Thread(target=close)
        closing.start()
        with pytest.raises(TransportError, match="closed the connection") as caught:
            http.json("GET", f"https://127.0.0.1:{server.getsockname()[1]}/", key=None, policy=ONCE)
        closing.join(5)
    assert caught.value.passing


@pytest.mark.parametrize(
    "body",
    [
        "[" * 200_000,
        '{"extra": {"hogql_metadata": {"errors": [{"start": Infinity, "end": 1}]}}}',
        '{"extra": [], "detail": {}, "code": 5, "type": []}',
    ],
    ids=["deep", "infinite", "other types"],
)
def test_a_refusal_that_cannot_be_read_is_a_refusal(http: Http, httpserver: HTTPServer, body: str) -> None:
    in_turn(httpserver, "/query/", answer(400, body))
    with pytest.raises(QueryError):
        http.json("POST", httpserver.url_for("/query/"), key=KEY, body={}, question=Question("query", "SELECT 1"))


def test_an_answer_that_nests_without_end_is_none(http: Http, httpserver: HTTPServer) -> None:
    in_turn(httpserver, "/query/", answer(200, "[" * 200_000))
    with pytest.raises(TransportError):
        http.json("POST", httpserver.url_for("/query/"), key=KEY, body={})


# Cancelling --------------------------------------------------------------------------------------------------------


def cancelled(httpserver: HTTPServer) -> threading.Event:
    done = threading.Event()

    def respond(request: Received) -> Response:
        assert request.headers["Authorization"] == "Bearer phx_test"
        done.set()
        return answer(200, '{"message": "Query was cancelled."}')

    httpserver.expect_request(
        re.compile(r"/api/projects/1/query/[0-9a-f-]{36}/"), method="DELETE"
    ).respond_with_handler(respond)
    return done


def test_a_query_that_takes_longer_than_asked_is_ended_on_the_server(
    connection: Connection, httpserver: HTTPServer
) -> None:
    def slow(_: Received) -> Response:
        time.sleep(1)
        return answer(200)

    httpserver.expect_request("/api/projects/1/query/").respond_with_handler(slow)
    done = cancelled(httpserver)
    with pytest.raises(TransportError, match=r"within 0\.2 s"):
        ask(connection, timeout=0.2)
    assert done.is_set()


def test_an_interrupt_of_the_waiting_ends_the_query_on_the_server_at_once() -> None:
    ended, answered = threading.Event(), threading.Event()

    def slow(_: Received) -> Response:
        os.kill(os.getpid(), signal.SIGINT)
        ended.wait(20)
        answered.set()
        return answer(200)

    # The query is still being answered when its end is asked for: one thread a request.
    with HTTPServer(threaded=True) as server:
        server.expect_request("/api/projects/1/query/").respond_with_handler(slow)
        done = cancelled(server)
        settings = resolve(server.url_for(""), project_id=1, personal_api_key="phx_test", environ={})
        with pytest.raises(KeyboardInterrupt):
            ask(Connection(settings, version="test"))
        assert not answered.is_set()
        assert done.wait(5)
        ended.set()


def test_an_interrupt_goes_on_up_even_where_nobody_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = resolve("http://127.0.0.1:1", project_id=1, personal_api_key="phx_test", environ={})
    connection = Connection(settings, version="test")

    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(connection._http, "json", interrupted)
    with pytest.raises(KeyboardInterrupt):
        ask(connection)
