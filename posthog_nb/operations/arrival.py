"""Whether sent events arrived: 200 means that PostHog received them, a query that finds them that they are stored."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import TYPE_CHECKING

from posthog_nb.errors import InvalidInputError, PostHogError
from posthog_nb.operations.queries import run

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from posthog_nb.connection import Connection

__all__ = ["REASONS_FOR_ABSENCE", "Arrivals", "look_up", "need_to_read", "seconds_of"]

USUAL_SECONDS = 60.0
_UUIDS_A_QUERY = 1000
_PAUSES = (0.5, 1.0, 2.0, 4.0, 8.0)
_MARGIN = timedelta(days=1)

_QUERY = "SELECT DISTINCT uuid FROM events WHERE uuid IN {uuids} AND timestamp >= {start} AND timestamp <= {end}"

REASONS_FOR_ABSENCE = (
    "PostHog may still be processing it: ph.verify() looks again.",
    "The project token may belong to another project: PostHog takes any token that is well formed.",
    "The plan's quota of events may be used up: PostHog then says 200 and keeps nothing.",
    "The project may drop it: by an event restriction, a transformation or a filter of its own.",
)
"""Why an event that was received may be missing, the likeliest first."""


class Arrivals:
    """The result of looking.

    Attributes:
        found: The uuids that queries found.
        asked: The uuids that were asked for.
        failure: Why looking ended early, for a reader; None when it did not.
    """

    def __init__(self) -> None:
        self.found: set[str] = set()
        self.asked: set[str] = set()
        self.failure: str | None = None

    def of(self, uuid: str) -> bool | None:
        """Whether the event arrived; None when that could not be found out."""
        return True if uuid in self.found else False if uuid in self.asked else None

    def remarks(self, missing: int) -> tuple[str, ...]:
        """What a reader should know when ``missing`` events were not found."""
        if not missing:
            return ()
        failure = () if self.failure is None else (self.failure,)
        return failure + (REASONS_FOR_ABSENCE if self.asked else ())


def seconds_of(verify: object) -> float | None:
    """How long ``verify=`` says to look: None for not at all, the usual time for True."""
    if isinstance(verify, bool):
        return USUAL_SECONDS if verify else None
    if not isinstance(verify, int | float) or not verify > 0:
        raise InvalidInputError(f"verify is {verify!r}; it is True, False or a number of seconds above 0.")
    return float(verify)


def need_to_read(connection: Connection) -> None:
    """Fail now, before anything is sent, if the connection has not what a query needs."""
    connection.settings.need_key()
    connection.settings.need_project_id()


def look_up(connection: Connection, times: Mapping[str, datetime], seconds: float) -> Arrivals:
    """Ask for events until all are found or the time is up, with growing pauses.

    A query that fails ends the looking, and not the program: the events were sent all the same.

    Args:
        connection: The open connection.
        times: Each event's time, in UTC, by uuid.
        seconds: How long to go on.
    """
    arrivals = Arrivals()
    deadline = time.monotonic() + seconds
    pauses = iter(_PAUSES)
    try:
        while True:
            missing = [uuid for uuid in times if uuid not in arrivals.found]
            for start in range(0, len(missing), _UUIDS_A_QUERY):
                if start and time.monotonic() > deadline:
                    return arrivals
                uuids = missing[start : start + _UUIDS_A_QUERY]
                arrivals.found |= _stored(connection, times, uuids, deadline)
                arrivals.asked.update(uuids)
            left = deadline - time.monotonic()
            if len(arrivals.found) == len(times) or left <= 0:
                return arrivals
            time.sleep(min(next(pauses, _PAUSES[-1]), left))
    except PostHogError as error:
        arrivals.failure = f"Looking it up failed: {error}"
        return arrivals


def _stored(connection: Connection, times: Mapping[str, datetime], uuids: list[str], deadline: float) -> set[str]:
    # The times let ClickHouse read those days alone; without them it would read every event there is.
    moments = [times[uuid] for uuid in uuids]
    values = {"uuids": uuids, "start": min(moments) - _MARGIN, "end": max(moments) + _MARGIN}
    # A last look is worth a second even when the time is up.
    left = max(deadline - time.monotonic(), 1.0)
    result = run(connection, _QUERY, limit=len(uuids), values=values, fresh=True, timeout=left)
    return {str(uuid) for (uuid,) in result.rows}
