"""Playing one fault on one operation, and what became of it."""

from __future__ import annotations

import logging
import re
import ssl
from collections.abc import Callable
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
import trustme

from posthog_nb.errors import PostHogError
from posthog_nb.http import retry, session, wire
from posthog_nb.operations import capture_v1
from tests.twin import client_of, twin_of
from tests.twin_faults import FAULTS, OK

if TYPE_CHECKING:
    from collections.abc import Iterator
    from wsgiref.types import WSGIApplication

    from posthog_nb.client import Client
    from tests.twin import Seen, Twin

__all__ = ["BY_V1", "OPERATIONS", "SILENT", "Operation", "Played", "Stage", "impatient", "many", "server_context"]

CLOCK_OFFSET = -7200.0
"""The twin's clock is two hours slow, to be seen where a date is read."""

SILENT = {"no answer, nothing done", "done, no answer", "the answer stands still", "byte by byte"}
"""The faults that end when the client no longer waits."""


@dataclass(frozen=True)
class Operation:
    """One of the client's operations.

    Attributes:
        name: Its name.
        path: Which of its requests a fault strikes.
        call: Runs it; the text is a name for whom the events are, or that of somebody who has some.
        writes: Whether it sends an event.
        mode: The way in which events are sent.
    """

    name: str
    path: str
    call: Callable[[Client, str], Any]
    writes: bool = False
    mode: str = "v0"

    @property
    def column(self) -> str:
        """Where it stands in the table of the page: ``query, in pages`` stands with ``query``."""
        return self.name.partition(",")[0]


def _rows(frame: Any) -> list[dict[str, Any]]:
    return frame.to_dict("records")


def _in_pages(ph: Client, who: str) -> list[Any]:
    return [row for page in ph.query(QUERY, 4, {"who": who}).pages() for row in page.rows]


def many(who: str) -> list[dict[str, str]]:
    """The events of ``capture_many``."""
    return [{"event": "sent", "distinct_id": who}]


QUERY = "SELECT properties.n AS n, uuid FROM events WHERE distinct_id = {who} AND event = 'row' ORDER BY n"
_SEND, _ASK = "POST /batch/", "/api/"

OPERATIONS = (
    Operation("capture", _SEND, lambda ph, who: ph.capture("sent", who, {"n": 1}), writes=True),
    Operation("page", _SEND, lambda ph, who: ph.page(who, "Pricing", "https://example.com/"), writes=True),
    Operation("screen", _SEND, lambda ph, who: ph.screen(who, "Settings"), writes=True),
    Operation("identify", _SEND, lambda ph, who: ph.identify(who, {"name": "Bob"}), writes=True),
    Operation("alias", _SEND, lambda ph, who: ph.alias(who, f"{who}'s phone"), writes=True),
    Operation("capture_many", _SEND, lambda ph, who: ph.capture_many(many(who), progress=False), writes=True),
    Operation("query", _ASK, lambda ph, who: ph.query(QUERY, values={"who": who}).rows),
    Operation("query, in pages", _ASK, _in_pages),
    Operation("query, all", _ASK, lambda ph, who: ph.query(QUERY, 4, {"who": who}).fetch_all().rows),
    Operation("persons.search", _ASK, lambda ph, who: _rows(ph.persons.search(distinct_id=who))),
    Operation("persons.get", _ASK, lambda ph, uuid: replace(ph.persons.get(uuid), id=0, source="")),
    Operation("persons.get(17)", _ASK, lambda ph, _: replace(ph.persons.get(1), source="")),
    Operation("persons.events", _ASK, lambda ph, uuid: _rows(ph.persons.events(uuid, event="row"))),
)

BY_V1 = tuple(replace(one, name=f"{one.name}, v1", path="POST /i/v1/", mode="v1") for one in OPERATIONS if one.writes)
"""The writes by capture v1, which has a verdict for each event."""


@dataclass(frozen=True)
class Played:
    """What became of one operation.

    Attributes:
        result: What it gave.
        error: What it raised instead.
        asked: Its requests, without those that end a query.
        waits: The seconds that it said it would wait before it tried again.
    """

    result: Any
    error: PostHogError | None
    asked: list[Seen]
    waits: list[float]

    def word(self) -> str:
        """What to call it, in the words of the page."""
        if self.error is not None:
            return "error"
        if any(b'"refresh": "async"' in one.body or b"force_async" in one.body for one in self.asked):
            return "later"
        if self.waits:
            return "again"
        return "instead" if any((one.status or 0) >= 400 for one in self.asked) else "ok"


class _Waits(logging.Handler):
    """Collects the waits that are told of one port, and calls somebody at each."""

    def __init__(self, port: int, told: Callable[[], object]) -> None:
        super().__init__()
        self._port = port
        self._told = told
        self.seconds: list[float] = []

    def emit(self, record: logging.LogRecord) -> None:
        text = record.getMessage()
        if f":{self._port} " in text and (wait := re.search(r"trying again in ([\d.]+) s", text)):
            self.seconds.append(float(wait[1]))
            self._told()


Then = Callable[["Client", Played], None]


@dataclass(frozen=True)
class Stage:
    """Where faults are played.

    Attributes:
        application: What stands behind the twin.
    """

    application: WSGIApplication

    def play(
        self,
        operation: Operation,
        fault: str,
        who: str,
        *,
        at: int = 0,
        stays: bool = False,
        then: Then | None = None,
    ) -> Played:
        """Run ``operation`` while ``fault`` strikes.

        Args:
            operation: What is run.
            fault: The fault's name.
            who: The operation's text.
            at: Which of its requests the fault strikes, counted from 0.
            stays: Whether it strikes all requests from there on.
            then: What is done afterwards with the same client, which meets no fault any more.
        """
        with self._twin(tls=server_context(trustme.CA()) if fault == "certificate" else None) as twin:
            if fault == "refused":
                twin.go_away()
            elif fault in FAULTS:
                twin.next(operation.path, *[OK] * at, *([] if stays else [FAULTS[fault]]))
                if stays:
                    twin.always(operation.path, FAULTS[fault])
            return _played(twin, operation, who, stays=stays, then=None if fault == "certificate" else then)

    def play_all(self, operation: Operation, faults: list[str], who: str, then: Then | None = None) -> Played:
        """Run ``operation`` while its requests meet ``faults``, one after the other; ``then`` as for :meth:`play`."""
        with self._twin() as twin:
            twin.next(operation.path, *(FAULTS[fault] for fault in faults))
            return _played(twin, operation, who, then=then)

    def _twin(self, **options: Any) -> AbstractContextManager[Twin]:
        return twin_of(self.application, clock_offset=CLOCK_OFFSET, **options)


def _played(twin: Twin, operation: Operation, who: str, *, stays: bool = False, then: Then | None = None) -> Played:
    result, error = None, None
    with (
        _listening(twin, _nothing if stays else twin.come_back) as waits,
        client_of(twin, capture_mode=operation.mode) as client,
    ):
        try:
            result = operation.call(client, who)
        except PostHogError as raised:
            error = raised
        asked = [one for one in twin.seen(operation.path) if one.method != "DELETE"]
        played = Played(result, error, asked, waits.seconds)
        if then is not None:
            twin.forget()
            twin.come_back()
            then(client, played)
    return played


def _nothing() -> None:
    """Nobody needs to know."""


def server_context(authority: trustme.CA) -> ssl.SSLContext:
    """What a server needs whose certificate is by ``authority``."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    return context


@contextmanager
def _listening(twin: Twin, told: Callable[[], object]) -> Iterator[_Waits]:
    logger = logging.getLogger("posthog_nb")
    waits = _Waits(twin.port, told)
    logger.addHandler(waits)
    try:
        yield waits
    finally:
        logger.removeHandler(waits)


@contextmanager
def impatient(silence: float | None = None) -> Iterator[None]:
    """Clients that do not wait before they try again, and for an answer only so many seconds."""
    policies = (retry.READ, retry.CAPTURE)
    with pytest.MonkeyPatch.context() as patch:
        for module in (session, capture_v1):
            patch.setattr(module, "time", SimpleNamespace(sleep=lambda _: None))
        if silence is None:
            yield
            return
        patch.setattr(wire, "BODY_SECONDS", silence)
        before = [policy.answer_seconds for policy in policies]
        try:
            for policy in policies:
                # Policies are frozen, and are defaults of functions: no other one can take their place.
                object.__setattr__(policy, "answer_seconds", silence)
            yield
        finally:
            for policy, seconds in zip(policies, before, strict=True):
                object.__setattr__(policy, "answer_seconds", seconds)
