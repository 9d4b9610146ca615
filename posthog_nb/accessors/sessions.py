"""The HogQL of ``df.posthog.sessions()``."""

from __future__ import annotations

import re
from contextlib import suppress
from datetime import timedelta
from typing import TYPE_CHECKING

from posthog_nb.errors import InvalidInputError
from posthog_nb.frames import ClickHouseType, Table
from posthog_nb.operations.plain import as_python

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["POSTHOGS_GAP", "by_column", "by_gap", "described", "read_gap"]

POSTHOGS_GAP = timedelta(minutes=30)
"""After so long without an event a new session begins in PostHog's SDKs (posthog.com/docs/data/sessions)."""

_GAP = re.compile(r"(\d+(?:\.\d+)?)\s*(s|sec|seconds?|m|min|minutes?|h|hours?|d|days?)")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}

_TYPES = {"string": "String", "uint64": "UInt64", "double": "Float64"}

_OF_A_SESSION = """\
    argMin(distinct_id, (timestamp, uuid)) AS distinct_id,
    min(timestamp) AS started_at,
    max(timestamp) AS ended_at,
    dateDiff('microsecond', min(timestamp), max(timestamp)) / 1000000 AS duration,
    count() AS events,
    argMin(event, (timestamp, uuid)) AS first_event,
    argMax(event, (timestamp, uuid)) AS last_event"""

_BY_GAP = """\
SELECT
{person}    session,
{columns}
FROM (
    SELECT
        *,
        sum(begins) OVER (
            PARTITION BY person_id ORDER BY timestamp, uuid ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
        ) AS session
    FROM (
        SELECT
            person_id,
            distinct_id,
            event,
            timestamp,
            uuid,
            row_number() OVER (PARTITION BY person_id ORDER BY timestamp, uuid) = 1
                OR dateDiff('microsecond', lagInFrame(timestamp) OVER (
                    PARTITION BY person_id ORDER BY timestamp, uuid ROWS BETWEEN 1 PRECEDING AND CURRENT ROW
                ), timestamp) > {{gap}} AS begins
        FROM events
    )
)
GROUP BY person_id, session
ORDER BY started_at, distinct_id, session"""

_BY_COLUMN = """\
SELECT
{person}    any(ifNull(toString(properties[{{session}}]), $session_id)) AS session,
{columns}
FROM events
WHERE $session_id != ''
GROUP BY person_id, $session_id
ORDER BY started_at, distinct_id, session"""


def read_gap(gap: object) -> timedelta:
    """A gap as somebody gave it.

    Raises:
        InvalidInputError: it is none.
    """
    found = as_python(gap)
    if isinstance(gap, str) and (parts := _GAP.fullmatch(gap.strip().lower())):
        with suppress(OverflowError):
            found = timedelta(seconds=float(parts[1]) * _SECONDS[parts[2][0]])
    if not isinstance(found, timedelta) or found <= timedelta(0):
        raise InvalidInputError(f"gap is {gap!r}.", hint='Give "30 minutes", "2h", "45s" or a timedelta above 0.')
    return found


def by_gap(gap: timedelta, *, persons: bool) -> tuple[str, dict[str, object]]:
    """The query for sessions that end where nothing follows for longer than ``gap``, and its values."""
    return _BY_GAP.format(person=_person(persons=persons), columns=_OF_A_SESSION), {
        "gap": gap // timedelta(microseconds=1)
    }


def by_column(session: str, *, persons: bool) -> tuple[str, dict[str, object]]:
    """The query for the sessions that a column of the frame names, and its values."""
    return _BY_COLUMN.format(person=_person(persons=persons), columns=_OF_A_SESSION), {"session": session}


def described(sessions: pa.Table) -> Table:
    """The answer of one of the queries, with the types of its columns."""
    return Table(
        sessions, tuple(ClickHouseType(_TYPES.get(str(field.type), "DateTime64")) for field in sessions.schema)
    )


def _person(*, persons: bool) -> str:
    return "    toString(person_id) AS person_id,\n" if persons else ""
