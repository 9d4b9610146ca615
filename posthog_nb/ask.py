"""`%%hogql` as a function, for where there are no magics: scripts, marimo, other code."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from posthog_nb.client import latest_client
from posthog_nb.connecting import connect
from posthog_nb.errors import InvalidInputError
from posthog_nb.operations.answer import LARGEST_PAGE
from posthog_nb.operations.compose import NamedQuery, compose
from posthog_nb.operations.values import named

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from posthog_nb.client import Client
    from posthog_nb.operations.task import Progress

__all__ = ["hogql"]


def hogql(  # noqa: PLR0913 - one argument an option of the magic
    query: str,
    *,
    values: Mapping[str, object] | None = None,
    ctes: Mapping[str, str] | None = None,
    limit: int | None = None,
    all: bool = False,  # noqa: A002 - as the magic's option is called
    frame: str | None = None,
    fresh: bool = False,
    timeout: float | None = None,
    progress: Callable[[Progress], object] | bool = False,
    client: Client | None = None,
) -> Any:  # noqa: ANN401 - a frame of the kind that is asked for
    """Run HogQL and get a typed frame: what a ``%%hogql`` cell gives.

    Args:
        query: The query; ``{name}`` in it stands for a value. A function does not look at its caller's variables.
        values: The values of the placeholders, sent as typed constants and never pasted into the text.
        ctes: Queries that become tables in front of this one, by the tables' names; a later one may read those before
            it. Their placeholders have the same values.
        limit: The most rows to return; left out, it is the query's own LIMIT, else 100.
        all: Every row, page by page; a LIMIT of the query's own holds.
        frame: ``"pandas"``, ``"polars"`` or ``"arrow"``.
        fresh: Compute now, whatever PostHog has in its cache.
        timeout: Seconds to wait for each answer; after that the query is ended on the server as well.
        progress: True shows a bar; a function is called with each ``Progress``.
        client: Who is asked; left out, the client that was made last, else one by the settings.

    Raises:
        InvalidInputError: an argument is not what it should be.
        PostHogError: as for :meth:`posthog_nb.Client.query`.
    """
    if all and limit is not None:
        raise InvalidInputError("all and limit contradict each other.", hint="Give one of them.")
    given = named(values)
    parts: dict[str, NamedQuery] = {}
    for name, text in named(ctes, "ctes").items():
        parts[name] = NamedQuery(name, _checked(name, text), given, dict(parts))
    composed = compose(query, given, parts)
    asked = client or latest_client() or connect()
    with composed.telling_places():
        result = asked.query(
            composed.text,
            LARGEST_PAGE if all else limit,
            composed.values,
            frame=frame,
            fresh=fresh,
            timeout=timeout,
            progress=progress,
        )
        return (result.fetch_all() if all else result).to_frame()


def _checked(name: str, text: object) -> str:
    if not isinstance(text, str):
        raise InvalidInputError(f"The query of {name} in ctes is of type {type(text).__name__}, not text.")
    return text
