"""A person's journey: the events, put together as sessions.

An event belongs to the session that its ``$session_id`` names. Servers send none: such events are put together by
pauses of half an hour, which is how long PostHog's own SDKs keep a session open.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from posthog_nb.frames import ClickHouseType
from posthog_nb.operations.newest import events_line, moment, newest_events
from posthog_nb.operations.person import as_object, described
from posthog_nb.operations.person_terms import event_conditions
from posthog_nb.operations.plain import most_rows
from posthog_nb.operations.timeline import journey_html, journey_text
from posthog_nb.visible import counted

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from posthog_nb.operations.card import Printer
    from posthog_nb.operations.newest import Newest
    from posthog_nb.operations.person import Ask, Person

__all__ = ["PAUSE", "Journey", "Session", "Step", "journey"]

PAUSE = timedelta(minutes=30)


@dataclass(frozen=True, slots=True)
class Step:
    """One event.

    Attributes:
        place: The number of its row, the oldest event's being 0.
        event: Its name.
        distinct_id: Under which of the person's ids it was sent.
        timestamp: When it happened, in the project's zone.
        properties: Its properties.
    """

    place: int
    event: str
    distinct_id: str
    timestamp: datetime
    properties: Mapping[str, Any]

    @property
    def session_id(self) -> str | None:
        """What it names as its session."""
        found = self.properties.get("$session_id")
        return found if isinstance(found, str) and found else None


@dataclass(frozen=True)
class Session:
    """Events that belong together.

    Attributes:
        id: PostHog's id of the session; None of events that name none.
        steps: The events, in the order in which they happened; one at least.
    """

    id: str | None
    steps: tuple[Step, ...]

    @property
    def start(self) -> datetime:
        """When the first event happened."""
        return self.steps[0].timestamp

    @property
    def end(self) -> datetime:
        """When the last event happened."""
        return self.steps[-1].timestamp

    @property
    def duration(self) -> timedelta:
        """From the first event to the last."""
        # Of one zone, Python subtracts what the clocks show, and they are changed twice a year.
        return self.end.astimezone(UTC) - self.start.astimezone(UTC)


class Journey:
    """What a person did, in order. A notebook shows a timeline; ``to_frame()`` gives the events.

    Attributes:
        person: Whose journey it is.
        sessions: The sessions, in the order in which they began.
        has_more: Whether there are events before these, within the times that were asked for.
        timezone: The project's time zone, in which times are shown.
    """

    def __init__(self, person: Person, found: Newest) -> None:
        self._found = _oldest_first(found)
        self.person = person
        self.has_more = found.more
        self.timezone: str = found.first.timezone or "UTC"
        self.sessions: tuple[Session, ...] = _sessions(_steps(self._found))

    def __len__(self) -> int:
        return len(self._found.table)

    def __bool__(self) -> bool:
        # A journey without events is one all the same.
        return True

    @property
    def steps(self) -> list[Step]:
        """All events, in the order in which they happened."""
        return sorted((step for session in self.sessions for step in session.steps), key=lambda step: step.place)

    def to_frame(self, frame: str | None = None) -> Any:  # noqa: ANN401 - a frame of the kind that is asked for
        """The events as a frame, the oldest first.

        Its columns are id, event, distinct_id, properties, timestamp (in the project's zone), session (its number in
        the timeline, from 1) and session_id (PostHog's; NULL where an event names none). ``properties`` is an object
        in pandas and JSON text elsewhere.

        Args:
            frame: ``"pandas"``, ``"polars"`` or ``"arrow"``.
        """
        import pyarrow as pa  # noqa: PLC0415 - loaded when a frame is made

        numbers: list[int] = [0] * len(self)
        ids: list[str | None] = [None] * len(self)
        for number, session in enumerate(self.sessions, 1):
            for step in session.steps:
                numbers[step.place], ids[step.place] = number, session.id
        table = self._found.table
        arrow = table.arrow.append_column("session", pa.array(numbers, type=pa.int64()))
        arrow = arrow.append_column("session_id", pa.array(ids, type=pa.string()))
        kinds = (*table.kinds, ClickHouseType("Int64"), ClickHouseType("Nullable", (ClickHouseType("String"),)))
        about = self._found.about(events_line(self._found))
        return described(replace(table, arrow=arrow, kinds=kinds), frame or self.person.frame, about)

    def __repr__(self) -> str:
        events, sessions = counted(len(self), "event"), counted(len(self.sessions), "session")
        more = ", more exist" if self.has_more else ""
        return f"<Journey: {events} in {sessions}{more}>"

    def _repr_pretty_(self, printer: Printer, _cycle: bool) -> None:
        text = journey_text(self) if len(printer.stack) == 1 else repr(self)
        printer.text(text)

    def _repr_html_(self) -> str:
        return journey_html(self)


def journey(person: Person, ask: Ask, after: object, before: object, limit: object) -> Journey:
    """The journey of ``person``; see :meth:`posthog_nb.operations.person.Person.journey`."""
    size = most_rows(limit)
    conditions, values = event_conditions(None, after, before)
    return Journey(person, newest_events(ask, person.uuid, conditions, values, size))


def _oldest_first(found: Newest) -> Newest:
    import pyarrow as pa  # noqa: PLC0415 - loaded when a frame is made

    arrow = found.table.arrow
    backwards = pa.array(range(arrow.num_rows - 1, -1, -1), type=pa.int64())
    return replace(found, table=replace(found.table, arrow=arrow.take(backwards)))


def _steps(found: Newest) -> list[Step]:
    columns = zip(*map(found.column, ("event", "distinct_id", "timestamp", "properties")), strict=True)
    steps = []
    for place, (event, distinct_id, timestamp, text) in enumerate(columns):
        properties = as_object(text)
        known = properties if isinstance(properties, dict) else {}
        steps.append(Step(place, event, distinct_id, moment(timestamp), known))
    return steps


def _sessions(steps: Iterable[Step]) -> tuple[Session, ...]:
    """``steps``, in their order, as sessions in the order of their first events."""
    named: dict[str, list[Step]] = {}
    found: list[tuple[str | None, list[Step]]] = []
    nameless: list[Step] = []
    for step in steps:
        name = step.session_id
        if name is None:
            if not nameless or step.timestamp.astimezone(UTC) - nameless[-1].timestamp.astimezone(UTC) >= PAUSE:
                nameless = []
                found.append((None, nameless))
            nameless.append(step)
        else:
            if name not in named:
                named[name] = []
                found.append((name, named[name]))
            named[name].append(step)
    return tuple(Session(name, tuple(some)) for name, some in found)
