"""Rows of one table, newest first, of any number: a request a page, each going on where the one before ended.

The order is a time and a unique id, both downwards. A page asks for what comes strictly after the last row, so a row
that arrives meanwhile lies before the beginning, and one that changes meanwhile is neither met twice nor a reason to
stop, as it is for the pages of a query (:mod:`posthog_nb.operations.paging`), which must fit together row by row.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from posthog_nb.frames import Table, join
from posthog_nb.operations.person_terms import where
from posthog_nb.visible import counted

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from posthog_nb.operations.result import Result

__all__ = ["Newest", "events_line", "moment", "newest_events", "newest_first"]

EVENTS_A_PAGE = 20_000


@dataclass(frozen=True)
class Newest:
    """The rows.

    Attributes:
        table: The rows with their declared types.
        more: Whether there are more rows than were asked for.
        first: The first page, for what came with it.
    """

    table: Table
    more: bool
    first: Result

    def column(self, name: str) -> list[Any]:
        """The values of one column."""
        found: list[Any] = self.table.arrow.column(name).to_pylist()
        return found

    def once(self, name: str) -> Newest:
        """The same with the first row alone of those that are equal in one column."""
        found = self.column(name)
        places = {value: place for place, value in reversed(list(enumerate(found)))}
        if len(places) == len(found):
            return self
        arrow = self.table.arrow.take(sorted(places.values()))
        return replace(self, table=replace(self.table, arrow=arrow))

    def about(self, line: str, *notes: str) -> dict[str, Any]:
        """What is known of the rows besides themselves.

        Args:
            line: How many they are, to be shown under them.
            notes: Sentences for the reader.
        """
        return {
            **self.first.about(),
            "rows": self.table.arrow.num_rows,
            "has_more": self.more,
            "line": line,
            "notes": list(dict.fromkeys([*notes, *self.first.remarks, *self.table.notes])),
        }


def newest_first(  # noqa: PLR0913 - a query has these parts
    ask: Callable[[str, dict[str, object], int], Result],
    select: str,
    conditions: Sequence[str],
    values: Mapping[str, object],
    *,
    order: tuple[str, str],
    names: tuple[str, str],
    size: int,
    page: int,
) -> Newest:
    """The newest ``size`` rows.

    Args:
        ask: Runs a query with values and a limit.
        select: The query up to its WHERE.
        conditions: What must hold, all of it.
        values: The values that the conditions name.
        order: The columns of the time and of the id, as the table has them.
        names: The same two as ``select`` calls them.
        size: How many rows.
        page: The most rows of one request.
    """
    time, identity = order
    bound = dict(values)
    going_on: list[str] = []
    pages: list[Table] = []
    first: Result | None = None
    missing = size
    while True:
        wanted = min(missing, page)
        text = (
            select
            + where([*conditions, *going_on])
            # The row too many tells of more. The limit stands in the text, so that the answer is all that is asked.
            + f" ORDER BY {time} DESC, {identity} DESC LIMIT {wanted + 1}"
        )
        result = ask(text, bound, wanted + 1)
        first = first or result
        table = result.table
        more = table.arrow.num_rows > wanted
        pages.append(replace(table, arrow=table.arrow.slice(0, wanted)))
        missing -= wanted
        if not more or not missing:
            return Newest(join(pages), more, first)
        last_time, last_id = (pages[-1].arrow.column(name)[-1].as_py() for name in names)
        bound |= {"last_time": moment(last_time), "last_id": last_id}
        # The first part alone is what an index can use.
        going_on = [f"({time} <= {{last_time}} AND ({time} < {{last_time}} OR {identity} < toUUID({{last_id}})))"]


def newest_events(
    ask: Callable[[str, dict[str, object], int], Result],
    person: str,
    conditions: Sequence[str],
    values: Mapping[str, object],
    size: int,
) -> Newest:
    """A person's newest ``size`` events, under every distinct id: id, event, distinct_id, properties, timestamp."""
    return newest_first(
        ask,
        "SELECT toString(uuid) AS id, event, distinct_id, properties, timestamp FROM events",
        ["person_id = toUUID({person})", *conditions],
        {"person": person, **values},
        order=("timestamp", "uuid"),
        names=("timestamp", "id"),
        size=size,
        page=EVENTS_A_PAGE,
    )


def events_line(found: Newest) -> str:
    """How many events these are, and whether there are more, for :meth:`Newest.about`."""
    events = counted(len(found.table), "event")
    if not found.more:
        return f"{events}; complete"
    return f"the newest {events}; there are more: give a larger limit, or before="


def moment(value: datetime | str) -> datetime:
    """The value of a column of times."""
    # A column whose type was not declared holds the text of the time.
    return datetime.fromisoformat(value) if isinstance(value, str) else value
