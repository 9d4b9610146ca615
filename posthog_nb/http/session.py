"""One requests session for everything that leaves the process: signed one by one, tried again, counted."""

from __future__ import annotations

import json
import logging
import time
from contextlib import nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from posthog_nb.errors import APIError, PostHogError, TransportError
from posthog_nb.forks import begins_anew_in_forks
from posthog_nb.http.budget import Budget
from posthog_nb.http.deadline import Deadline
from posthog_nb.http.faults import Question, error_of, is_verdict
from posthog_nb.http.retry import LEAST_WAIT, LONGEST_WAIT, READ, TOO_MANY, Policy, asked_wait, pause
from posthog_nb.http.wire import Reply, Request, Session, place, send

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from requests.adapters import BaseAdapter

    from posthog_nb.secret import Secret

__all__ = ["Http", "note_doubt"]

logger = logging.getLogger("posthog_nb.http")

_OK = range(200, 300)
_A_BEGINNING = 64
"""Bytes."""

_DOUBT = "An earlier try of the same request got no answer, and may have done what it was for."

_T = TypeVar("_T")


class Http:
    """Requests to one PostHog: signed one by one, retried where that is safe, never following a redirect elsewhere.

    Args:
        user_agent: What this client calls itself.
        adapters: Adapters by URL prefix, for an embedded project.
        budget: What may be sent to the host; its signed requests count.
    """

    def __init__(
        self, *, user_agent: str, adapters: Mapping[str, BaseAdapter] | None = None, budget: Budget | None = None
    ) -> None:
        self._user_agent = user_agent
        self._adapters = dict(adapters or {})
        self.budget = budget or Budget(limited=False)
        self._session = self._new_session()
        begins_anew_in_forks(self)

    def _new_session(self) -> Session:
        session = Session()
        session.headers["User-Agent"] = self._user_agent
        for prefix, adapter in self._adapters.items():
            session.mount(prefix, adapter)
        return session

    def json(  # noqa: PLR0913 - a request has this many parts
        self,
        method: str,
        url: str,
        *,
        key: Secret | None,
        body: object = None,
        params: Mapping[str, str | int] | None = None,
        deadline: Deadline | None = None,
        policy: Policy = READ,
        question: Question | None = None,
        read: Callable[[bytes], Any] = json.loads,
        between: Callable[[], object] | None = None,
    ) -> Any:  # noqa: ANN401 - whatever the JSON holds
        """Send a request and return the JSON of its answer.

        Args:
            method: ``"GET"``, ``"POST"`` and so on.
            url: Its address.
            key: The key that signs it.
            body: What becomes its JSON.
            params: What is appended to the address.
            deadline: When nobody waits any more.
            policy: What is tried again.
            question: What is asked, for an error.
            read: Reads the answer's JSON; raises a ValueError for one that is none or is cut short.
            between: Called before a request that may have arrived is sent again.

        Raises:
            APIError: PostHog answered with an error; the class tells which.
            TransportError: no complete answer came back.
        """
        data = None if body is None else json.dumps(body, ensure_ascii=False, allow_nan=False).encode()
        headers = {"Accept": "application/json"} | ({} if data is None else {"Content-Type": "application/json"})

        def read_json(reply: Reply) -> Any:  # noqa: ANN401
            try:
                return read(reply.body)
            except (ValueError, RecursionError) as error:
                raise _not_json(url, reply) from error

        return self.exchange(
            Request(method, url, key, data, headers, params),
            policy=policy,
            deadline=deadline or Deadline(),
            question=question or Question(),
            read=read_json,
            between=between,
        )

    def exchange(  # noqa: PLR0913 - as json()
        self,
        request: Request,
        *,
        policy: Policy,
        deadline: Deadline,
        question: Question,
        read: Callable[[Reply], _T],
        between: Callable[[], object] | None = None,
    ) -> _T:
        """Send ``request`` until it succeeds, may not be sent again, or was sent often enough.

        Each pause is logged as a warning of the logger ``posthog_nb.http``.

        Raises:
            APIError: PostHog answered with an error; the class tells which.
            TransportError: no complete answer came back.
            ConfigurationError: the answer leads to another host.
        """
        failures, in_doubt = 0, False
        counts = request.key is not None and question.kind != "capture"
        while True:
            try:
                with self.budget.request(deadline) if counts else nullcontext():
                    outcome = self._attempt(request, policy, deadline, question, read)
            except PostHogError as final:
                note_doubt(final, in_doubt)
                raise
            if not isinstance(outcome, _Failure):
                return outcome
            failures += 1
            error = outcome.error
            note_doubt(error, in_doubt)
            in_doubt = error.may_have_arrived
            asked = outcome.asked
            seconds = pause(failures, outcome.status) if asked is None else max(asked, LEAST_WAIT)
            if failures > policy.retries or seconds > min(LONGEST_WAIT, deadline.left()):
                raise error
            logger.warning(
                "%s; trying again in %.1f s (%d left).",
                f"{place(request.url)} answered {outcome.status}" if outcome.status else error.message.rstrip("."),
                seconds,
                policy.retries - failures + 1,
            )
            time.sleep(seconds)
            if between is not None and (error.by_proxy if isinstance(error, APIError) else error.may_have_arrived):
                between()

    def _attempt(
        self,
        request: Request,
        policy: Policy,
        deadline: Deadline,
        question: Question,
        read: Callable[[Reply], _T],
    ) -> _T | _Failure:
        """One request: what it gave, or the failure after which it may be sent again."""
        try:
            reply = send(self._session, request, deadline, policy.answer_seconds)
            if reply.status in _OK:
                if reply.body[:_A_BEGINNING].lstrip()[:1] == b"<":
                    # Capture's success is any 2xx, but a login page's is not: the events would be lost without a word.
                    raise _not_json(request.url, reply)
                return read(reply)
        except TransportError as error:
            if not error.passing or (isinstance(error, TimeoutError) and not policy.after_silence):
                raise
            return _Failure(error)
        asked = asked_wait(reply.headers)
        if reply.status == TOO_MANY and asked is not None and question.kind != "capture":
            # Without a time it says that too many queries run at once, of which there is a limit everywhere.
            self.budget.met_the_limit()
        refusal = error_of(reply, question)
        if reply.status not in policy.statuses or is_verdict(reply):
            raise refusal
        return _Failure(refusal, reply.status, asked)

    def try_once(self, method: str, url: str, *, key: Secret | None, seconds: float) -> int | None:
        """Send one request on a connection of its own, without retries; None when no answer came in time.

        For cancelling: the session may be in the middle of the very request that is to be cancelled.
        """
        with self._new_session() as session:
            try:
                return send(session, Request(method, url, key), Deadline(seconds), seconds).status
            except PostHogError:
                return None

    def close(self) -> None:
        """Close all connections."""
        self._session.close()

    def begin_anew(self) -> None:
        """In a fork of the process: two that share a connection take each other's answers for their own."""
        for adapter in self._adapters.values():
            adapter.close()
        self._session = self._new_session()
        self.budget.begin_anew()


@dataclass(frozen=True, slots=True)
class _Failure:
    """One request failed in a way that may pass.

    Attributes:
        error: What the caller gets when it does not.
        status: The answer's HTTP status; None when there was no answer.
        asked: The seconds that the answer asks to wait.
    """

    error: APIError | TransportError
    status: int | None = None
    asked: float | None = None


def note_doubt(error: PostHogError, in_doubt: bool) -> None:
    """Say in ``error`` that an earlier try may have done it, if that is in doubt."""
    if in_doubt and not error.may_have_arrived:
        error.may_have_arrived = True
        error.hint = f"{error.hint} {_DOUBT}" if error.hint else _DOUBT


def _not_json(url: str, reply: Reply) -> TransportError:
    if reply.body.lstrip()[:1] in {b"{", b"[", b""}:
        return TransportError(f"{place(url)} closed the connection before its answer ended.", hint="Try again.")
    return TransportError(
        f"{place(url)} answered {reply.status}, but not with JSON.",
        hint="A proxy or a login page may stand in between; check the host.",
        passing=False,
    )
