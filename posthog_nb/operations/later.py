"""A query that PostHog answers later: it is posted, and its status is asked for until it is complete.

The status tells how far the query is. Asking for it counts like any request, so the pauses between two questions grow.
A status that is lost on its way is asked for again; a query that PostHog no longer knows is posted again in such a way
that an answer which was computed already comes from the cache.
"""

from __future__ import annotations

import logging
from time import sleep
from typing import TYPE_CHECKING

from posthog_nb.errors import APIError, NotFoundError, QueryError, ServerError
from posthog_nb.operations.answer import Answer, Status, read_reply
from posthog_nb.operations.task import Progress, Task

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

__all__ = ["ask_later"]

logger = logging.getLogger("posthog_nb.queries")

_FIRST_PAUSE, _LONGEST_PAUSE, _GROWTH = 0.1, 3.0, 1.5
"""Seconds between two questions for the status."""

_MOST_POSTS = 3
_BAD_REQUEST, _INTERNAL_ERROR = 400, 500


def ask_later(task: Task, watcher: Callable[[Progress], object] | None) -> Answer:
    """The answer to ``task``.

    Args:
        task: The query.
        watcher: Is told how far it is.

    Raises:
        QueryError: the query was refused.
        ServerError: it failed and PostHog does not say why, or PostHog forgets it again and again.
    """
    refresh = "force_async" if task.fresh else "async"
    began: datetime | None = None
    for _ in range(_MOST_POSTS):
        answer, status = _post(task, refresh)
        pause = _FIRST_PAUSE
        while status is not None and not status.complete:
            began = began or status.start_time
            if watcher is not None and status.rows_read is not None:
                watcher(Progress(status.rows_read, status.rows_total, "read"))
            task.deadline.check()
            # Towards the end more often, so that an answer just before it is still heard.
            sleep(min(pause, max(task.deadline.left() / 2, _FIRST_PAUSE)))
            pause = min(pause * _GROWTH, _LONGEST_PAUSE)
            answer, status = _look(task)
        if status is not None and status.error:
            raise _failed(task, status)
        if answer is None:
            logger.warning("PostHog no longer knows query %s; asking for it again.", task.query_id)
            refresh = "async"
        elif task.fresh and began is not None and not answer.is_from(began):
            refresh = "force_async"
        else:
            return answer
    raise ServerError(
        "PostHog lost the query again and again.",
        status=_INTERNAL_ERROR,
        query_id=task.query_id,
        hint="Run it again later.",
        text=task.question.text,
    )


class _MayHaveBegun(Exception):  # noqa: N818 - it never leaves this module
    """The answer to the post was lost."""


def _post(task: Task, refresh: str) -> tuple[Answer | None, Status | None]:
    def lost() -> None:
        raise _MayHaveBegun

    try:
        return task.post(refresh, between=lost)
    except _MayHaveBegun:
        answer, status = _look(task)
        return task.post(refresh) if status is None else (answer, status)


def _look(task: Task) -> tuple[Answer | None, Status | None]:
    """The answer and the status; nothing of both when PostHog does not know the query."""
    try:
        found: tuple[Answer | None, Status | None] = task.connection.query_status(
            task.query_id, deadline=task.deadline, question=task.question, read=read_reply
        )
    except NotFoundError:
        return None, None
    return found


def _failed(task: Task, status: Status) -> APIError:
    if status.error_message:
        return QueryError(status.error_message, status=_BAD_REQUEST, query_id=task.query_id, text=task.question.text)
    return ServerError(
        "The query failed, and PostHog gives no reason.",
        status=_INTERNAL_ERROR,
        query_id=task.query_id,
        hint='PostHog says more about a query that is run with mode="blocking"; try that on a shorter time range.',
        text=task.question.text,
    )
