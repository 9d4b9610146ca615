"""An embedded project on a `requests` session."""

from __future__ import annotations

import io
import os
import signal
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest
import requests

from posthog_nb.embedded.mount import EmbeddedAdapter

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

URL = "http://embedded.invalid"


def session_on(factory: Callable[[], WSGIApplication]) -> requests.Session:
    session = requests.Session()
    session.mount(URL, EmbeddedAdapter(factory))
    return session


def echo(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    start_response("201 Made Up", [("Content-Type", "text/plain; charset=utf-8"), ("X-A", "1"), ("X-A", "2")])
    length = int(environ["CONTENT_LENGTH"])
    shown = [environ[name] for name in ("REQUEST_METHOD", "PATH_INFO", "QUERY_STRING", "HTTP_HOST")]
    return [" ".join(shown).encode("latin-1"), b"|", environ["wsgi.input"].read(length), b"|"]


def test_a_request_arrives_as_it_would_over_a_socket() -> None:
    answer = session_on(lambda: echo).post(f"{URL}/a%20b/ü?x=1%2B1", data=b"body")
    assert answer.text.startswith("POST /a b/ü x=1%2B1 embedded.invalid|body")


@pytest.mark.parametrize("body", ["text", b"text", io.BytesIO(b"text"), iter([b"te", b"xt"])])
def test_a_body_may_be_text_bytes_a_file_or_a_stream(body: Any) -> None:
    assert "|text|" in session_on(lambda: echo).post(URL, data=body).text


def test_an_answer_is_a_requests_response_like_any_other() -> None:
    answer = session_on(lambda: echo).get(f"{URL}/x")
    assert (answer.status_code, answer.reason, answer.url) == (201, "Made Up", f"{URL}/x")
    assert answer.headers["x-a"] == "1, 2"
    assert answer.request.method == "GET"
    assert answer.encoding == "utf-8"
    assert answer.elapsed.total_seconds() > 0
    assert answer.ok


def test_the_application_is_made_once_at_the_first_request() -> None:
    made: list[int] = []

    def factory() -> WSGIApplication:
        made.append(1)
        return echo

    session = session_on(factory)
    assert made == []
    threads = [threading.Thread(target=session.get, args=(URL,)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert made == [1]


def test_what_goes_wrong_in_making_it_is_raised_to_the_caller_and_tried_again_next_time() -> None:
    outcomes: list[WSGIApplication | None] = [None, echo]

    def factory() -> WSGIApplication:
        made = outcomes.pop(0)
        if made is None:
            raise LookupError("no engine")
        return made

    session = session_on(factory)
    with pytest.raises(LookupError, match="no engine"):
        session.get(URL)
    assert session.get(URL).status_code == 201


def sleepy(_environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    time.sleep(1)
    start_response("200 OK", [])
    return []


def test_a_time_out_ends_the_waiting() -> None:
    with pytest.raises(requests.exceptions.ReadTimeout):
        session_on(lambda: sleepy).get(URL, timeout=(5, 0.05))


def test_ctrl_c_ends_the_waiting_at_once() -> None:
    ended, answered = threading.Event(), threading.Event()

    def interrupted(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        os.kill(os.getpid(), signal.SIGINT)
        ended.wait(20)
        answered.set()
        return echo(environ, start_response)

    with pytest.raises(KeyboardInterrupt):
        session_on(lambda: interrupted).get(URL)
    assert not answered.is_set()
    ended.set()
