"""One query on its way to PostHog."""

from __future__ import annotations

import threading
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from posthog_nb.errors import TransportError
from posthog_nb.http import READ
from posthog_nb.operations.answer import Answer, Status, read_reply

if TYPE_CHECKING:
    from collections.abc import Callable

    from posthog_nb.connection import Connection
    from posthog_nb.http import Deadline, Question

__all__ = ["Progress", "Task"]


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a query, or the fetching of its pages, is.

    Attributes:
        done: The rows that the server has read, or that have arrived here.
        total: How many there are, as far as is known: an estimate that may grow while rows are read.
        what: ``"read"`` or ``"fetched"``.
    """

    done: int
    total: int | None
    what: str


@dataclass(frozen=True)
class Task:
    """One query on its way.

    Attributes:
        connection: Where it goes.
        node: PostHog's query object.
        question: What an error about it needs to know.
        query_id: Our id of it, by which it is ended on the server when nobody waits for it any more.
        fresh: Whether it is computed anew, whatever is in PostHog's cache.
        deadline: When nobody waits any more.
    """

    connection: Connection
    node: dict[str, Any]
    question: Question
    query_id: str
    fresh: bool
    deadline: Deadline

    def post(
        self, refresh: str, between: Callable[[], object] | None = None, patience: float | None = None
    ) -> tuple[Answer | None, Status | None]:
        """Send it, and give the answer, the status, or both.

        Args:
            refresh: PostHog's word for when it is computed.
            between: Called before it is sent again although it may have arrived; by default it is ended there first.
            patience: Seconds for which an answer may be in coming; None for as long as PostHog may take.

        Raises:
            AnswerTimeoutError: no answer came within ``patience``, or before the deadline.
        """
        found: tuple[Answer | None, Status | None] = self.connection.start_query(
            {"query": self.node, "client_query_id": self.query_id, "refresh": refresh},
            deadline=self.deadline,
            question=self.question,
            read=read_reply,
            between=between or self.end,
            policy=READ if patience is None else replace(READ, answer_seconds=patience),
        )
        if found == (None, None):
            raise TransportError(
                "The answer to the query holds no results.",
                hint="The host may not be PostHog, or of an unknown version.",
                passing=False,
            )
        return found

    def end(self) -> None:
        """End it on the server."""
        self.connection.end_query(self.query_id)

    def let_go(self) -> threading.Thread:
        """End it on the server without waiting for the answer, which a silent server may never give."""
        thread = threading.Thread(target=self.end, name="posthog-nb-end", daemon=True)
        thread.start()
        return thread
