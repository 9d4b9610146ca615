"""Asking anew what a snapshot has the answer to.

The rows of one query are steps from its first ones, and many steps begin alike: each is taken once.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any
from uuid import UUID

from posthog_nb.analysis.asking import Asking
from posthog_nb.analysis.cohort import cohort_facts
from posthog_nb.errors import (
    AnswerTimeoutError,
    InvalidInputError,
    NotFoundError,
    PermissionDeniedError,
    PostHogError,
    QueryError,
    QueryTimeoutError,
    ResultChangedError,
    ServerError,
)
from posthog_nb.operations.kept import answer_of, bound_again, json_answer
from posthog_nb.operations.persons import read_person
from posthog_nb.operations.queries import run
from posthog_nb.operations.schema import read_schema
from posthog_nb.snapshots.asked import QUERY
from posthog_nb.snapshots.pseudonyms import may_be_pseudonym

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from posthog_nb.connection import Connection
    from posthog_nb.operations.result import Result
    from posthog_nb.snapshots.asked import Answered, Asked

__all__ = ["ask_again", "why_not"]

Again = tuple["Asked", "Answered | PostHogError | None"]

OF_THE_QUESTION = (
    AnswerTimeoutError,
    InvalidInputError,
    NotFoundError,
    PermissionDeniedError,
    QueryError,
    QueryTimeoutError,
    ResultChangedError,
    ServerError,
)
"""What may be wrong with one question and not with the next. Anything else ends the asking of all."""

_STEP = re.compile(r"next_page|fetch_all|(\d{1,15}) more", re.ASCII)


def why_not(asked: Asked, *, pseudonyms: bool) -> str | None:
    """Why a question cannot be asked again; None where it can.

    Args:
        asked: The question.
        pseudonyms: Whether ids were recorded as pseudonyms, of which nobody knows the ids any more.
    """
    if pseudonyms and any(map(may_be_pseudonym, _texts(asked.detail.get("values", asked.detail)))):
        return "it was asked for an id that is a pseudonym here"
    if asked.kind == "explain":
        return "a plan tells of the server, not of the data"
    if "made_of" in asked.detail:
        return "it made a cohort, and asking again would make another"
    return None if _is_known(asked) else "this posthog_nb does not know how to ask it"


def _is_known(asked: Asked) -> bool:
    match asked.kind, asked.detail:
        case "query", {"values": dict(values), "limit": int() | None, "steps": [*steps]}:
            return all(map(_STEP.fullmatch, steps)) and _can_be_bound(values)
        case "person", {"id": int() | str() as given}:
            return isinstance(given, int) or _is_uuid(given)
        case "cohort", {"name": int() | str()}:
            return True
    return asked.kind == "schema"


def _can_be_bound(values: dict[str, Any]) -> bool:
    try:
        bound_again(values)
    except (ValueError, TypeError):
        return False
    return True


def _texts(value: Any) -> Iterator[str]:  # noqa: ANN401 - any JSON
    match value:
        case str():
            yield value
        case list():
            for item in value:
                yield from _texts(item)
        case dict():
            for item in value.values():
                yield from _texts(item)


def _is_uuid(text: str) -> bool:
    try:
        return str(UUID(text)) == text.lower()
    except ValueError:
        return False


@dataclass
class _Step:
    """Rows to be fetched, and those that follow from them."""

    asked: Asked | None = None
    then: dict[str, _Step] = field(default_factory=dict)


def ask_again(connection: Connection, questions: Iterable[Asked], *, timeout: float | None = None) -> Iterator[Again]:
    """Ask each of the questions, computed now and not from PostHog's cache.

    Args:
        connection: The project, without a snapshot of its own.
        questions: What to ask, of which :func:`why_not` has nothing to say.
        timeout: Seconds to wait for each answer.

    Yields:
        A question with its answer, with the error that came instead, or with None where the rows end before it. What
        ends the asking later than at the first question is the error of all that are left.

    Raises:
        PostHogError: nothing can be asked: the network is down, the key unknown, the allowance used up.
    """
    left = {asked.key: asked for asked in questions}
    total = len(left)
    try:
        for asked, live in _each(connection, list(left.values()), timeout):
            yield left.pop(asked.key), live
    except PostHogError as error:
        if len(left) == total:
            raise
        # What was found until then is not lost, and nobody is asked once more.
        yield from ((asked, error) for asked in left.values())


def _each(connection: Connection, questions: list[Asked], timeout: float | None) -> Iterator[Again]:
    trees: dict[str, tuple[Asked, _Step]] = {}
    for asked in questions:
        if asked.kind != QUERY:
            yield asked, _tried(partial(_looked_up, connection, asked))
            continue
        first = asked.first
        step = trees.setdefault(first.key, (first, _Step()))[1]
        for name in asked.detail["steps"]:
            step = step.then.setdefault(name, _Step())
        step.asked = asked
    for first, tree in trees.values():
        yield from _walk(tree, partial(_first, connection, first, timeout))


def _tried(live: Callable[[], Any]) -> Any:  # noqa: ANN401 - what ``live`` gives
    try:
        return live()
    except OF_THE_QUESTION as error:
        return error


def _walk(tree: _Step, first: Callable[[], Result | None]) -> Iterator[Again]:
    todo = [(tree, first)]
    while todo:
        step, live = todo.pop()
        found: Result | PostHogError | None = _tried(live)
        if step.asked is not None:
            yield step.asked, found if found is None or isinstance(found, PostHogError) else answer_of(found)
        todo += [(then, partial(_following, found, name)) for name, then in reversed(step.then.items())]


def _first(connection: Connection, asked: Asked, timeout: float | None) -> Result:
    detail = asked.detail
    values = bound_again(detail["values"])
    return run(connection, detail["hogql"], limit=detail["limit"], values=values, timeout=timeout, fresh=True)


def _following(found: Result | PostHogError | None, step: str) -> Result | None:
    if found is None:
        return None
    if isinstance(found, PostHogError):
        raise found
    if step == "next_page":
        return found.next_page()
    more = _STEP.fullmatch(step)
    return found.extended(None if more is None or more[1] is None else int(more[1]))


def _looked_up(connection: Connection, asked: Asked) -> Answered:
    match asked.kind:
        case "schema":
            found = read_schema(connection)
        case "person":
            found = read_person(connection, asked.detail["id"])
        case _:
            found = cohort_facts(Asking(connection), asked.detail["name"])
    return json_answer(connection, found)
