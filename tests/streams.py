"""Random streams of events, and a client of a project that holds them: for the analyses of who is active when.

The answers are counted here the slow way, person by person and event by event, with the calendar of Python's own
``zoneinfo``. A stream is told from the others of a project by its ``run``, so that a project serves many.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from itertools import count
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from hypothesis import strategies as st

from posthog_nb.embedded.project import Project, ProjectSettings
from tests.embedded import embedded_client

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hypothesis.strategies import SearchStrategy

    from posthog_nb.client import Client

PERIODS = ("hour", "day", "week", "month")
STEPS = {
    "hour": timedelta(minutes=20),
    "day": timedelta(hours=6),
    "week": timedelta(hours=36),
    "month": timedelta(days=10),
}
"""How far apart moments are: several to an interval, so that there are ties as well."""

CLOCK_CHANGES = {
    "Europe/Berlin": (datetime(2024, 3, 31, 1, tzinfo=UTC), datetime(2024, 10, 27, 1, tzinfo=UTC)),
    # Here a day begins at one o'clock, as there is no midnight; and one has two hours before midnight.
    "America/Sao_Paulo": (datetime(2018, 11, 4, 3, tzinfo=UTC), datetime(2018, 2, 18, 2, tzinfo=UTC)),
}
_RUNS = count()


@dataclass(frozen=True)
class Seen:
    """An event of a stream."""

    event: str
    person: str
    at: datetime
    plan: str | None = None
    under_another_id: bool = False


@dataclass(frozen=True)
class Stream:
    """Events, around a day on which clocks change."""

    period: str
    middle: datetime
    events: list[Seen]
    run: int = field(default_factory=lambda: next(_RUNS))

    def send(self, ph: Client) -> None:
        """Capture the events; persons with another ID are merged afterwards."""
        sent = [
            {
                "event": one.event,
                "distinct_id": self._id(one),
                "timestamp": one.at,
                "properties": {"run": str(self.run)} | ({} if one.plan is None else {"plan": one.plan}),
            }
            for one in self.events
        ]
        merged = [
            {
                "event": "$identify",
                "distinct_id": f"{self.run} {person}",
                "timestamp": self.middle,
                "properties": {"$anon_distinct_id": f"{self.run} another {person}"},
            }
            for person in sorted({one.person for one in self.events if one.under_another_id})
        ]
        ph.capture_many(sent + merged, progress=False)

    def _id(self, one: Seen) -> str:
        return f"{self.run} another {one.person}" if one.under_another_id else f"{self.run} {one.person}"

    @property
    def only(self) -> dict[str, str]:
        """The property filter that keeps the other streams of the project out."""
        return {"run": str(self.run)}

    def moment(self, steps: int) -> datetime:
        """So many steps from the middle."""
        return self.middle + steps * STEPS[self.period]


def streams(zone: str, *, most: int = 24) -> SearchStrategy[Stream]:
    """Streams of a zone."""

    def of_period(period: str) -> SearchStrategy[Stream]:
        def events(middle: datetime) -> SearchStrategy[Stream]:
            seen = st.builds(
                Seen,
                st.sampled_from(["a", "a", "b", "c"]),
                st.sampled_from(["Ann", "Bob", "Cid"]),
                st.integers(-16, 16).map(lambda steps: middle + steps * STEPS[period]),
                st.sampled_from(["pro", "free", None]),
                st.booleans(),
            )
            return st.lists(seen, max_size=most).map(lambda found: Stream(period, middle, found))

        return st.sampled_from(CLOCK_CHANGES[zone]).flatmap(events)

    return st.sampled_from(PERIODS).flatmap(of_period)


@contextmanager
def project_in(zone: str, *, week_start: int = 0, as_of: datetime | None = None) -> Iterator[Client]:
    """A client of a project of this zone."""
    settings = ProjectSettings(timezone=zone, week_start=week_start, as_of=as_of)
    with embedded_client(project=Project.in_memory(settings)) as client:
        yield client


@dataclass(frozen=True)
class Calendar:
    """Whole intervals, up to the one that holds ``until``."""

    period: str
    zone: str
    week_start: int = 0

    def start(self, moment: datetime) -> datetime:
        """When the interval begins that holds ``moment``."""
        local = moment.astimezone(ZoneInfo(self.zone))
        if self.period == "hour":
            return local.replace(minute=0, second=0, microsecond=0).astimezone(UTC)
        return self._midnight(self._first_day(local.date()))

    def later(self, start: datetime, intervals: int) -> datetime:
        """The beginning of the interval so many after the one that begins at ``start``."""
        if self.period == "hour":
            return start + timedelta(hours=intervals)
        day = start.astimezone(ZoneInfo(self.zone)).date()
        if self.period == "month":
            months = day.year * 12 + day.month - 1 + intervals
            return self._midnight(date(months // 12, months % 12 + 1, 1))
        return self._midnight(day + timedelta(days=intervals * (7 if self.period == "week" else 1)))

    def starts(self, since: datetime, until: datetime) -> list[datetime]:
        """The beginnings of all intervals from the one that holds ``since`` to the one that holds ``until``."""
        found = [self.start(since)]
        while self.later(found[-1], 1) <= until:
            found.append(self.later(found[-1], 1))
        return found if found[0] <= until else []

    def _first_day(self, day: date) -> date:
        if self.period == "week":
            return day - timedelta(days=day.weekday() if self.week_start else day.isoweekday() % 7)
        return day.replace(day=1) if self.period == "month" else day

    def _midnight(self, day: date) -> datetime:
        return datetime.combine(day, time(), ZoneInfo(self.zone)).astimezone(UTC)
