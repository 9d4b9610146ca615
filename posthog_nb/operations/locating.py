"""The place of a mistake in a query, asked for where the refusal does not tell it.

Newer servers send the place with the refusal of a blocking query. Older ones, and all for an asynchronous query,
tell it only when they are asked what they make of the text.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from posthog_nb.errors import PostHogError
from posthog_nb.http import Deadline, Question
from posthog_nb.secret import redact

if TYPE_CHECKING:
    from posthog_nb.connection import Connection
    from posthog_nb.errors import QueryError
    from posthog_nb.operations.splice import Spliced

__all__ = ["located"]

logger = logging.getLogger("posthog_nb.queries")

_SECONDS = 10.0
_INSTRUCTION = "ai_prompt:"
"""A fix that begins so is an instruction for PostHog's own editor."""


def located(error: QueryError, connection: Connection, query: Spliced) -> QueryError:
    """``error`` with the place of the mistake, or as it is where PostHog does not tell.

    Args:
        error: The refusal.
        connection: Where the query was sent.
        query: The text as it was sent, without constants: PostHog reads it here without their values.
    """
    question = Question(kind="query", text=error.text, place=query.original)
    try:
        found = connection.start_query(
            {"query": {"kind": "HogQLMetadata", "language": "hogQL", "query": query.text}},
            deadline=Deadline(_SECONDS),
            question=question,
        )
        mistake: dict[str, Any] = found["errors"][0]
        span = question.span(int(mistake["start"]), int(mistake["end"]))
    except (PostHogError, LookupError, TypeError, ValueError) as reason:
        # The refusal itself is what its reader needs; where it lies would have been a help.
        logger.debug("PostHog does not tell the place of a mistake: %r", reason)
        return error
    error.span = span
    fix = mistake.get("fix")
    if error.hint is None and isinstance(fix, str) and fix and not fix.startswith(_INSTRUCTION):
        error.hint = redact(f"PostHog suggests {fix} there.")
    return error
