"""``df.posthog``."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import wraps
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, TypeVar
from zoneinfo import ZoneInfo

from posthog_nb.accessors.columns import Given, check_names, column_of, missing
from posthog_nb.accessors.events import FIRST_DAY, LAST_DAY, read_events, read_zone
from posthog_nb.accessors.persons import with_persons
from posthog_nb.accessors.sessions import POSTHOGS_GAP, by_column, by_gap, described, read_gap
from posthog_nb.accessors.temporary import FrameClient
from posthog_nb.analysis.insights import Insights
from posthog_nb.client import Client, latest_client
from posthog_nb.errors import InvalidInputError
from posthog_nb.frames import ClickHouseType, to_frame
from posthog_nb.operations.expand import expand_as
from posthog_nb.operations.moments import warn_caller
from posthog_nb.operations.plain import as_python

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from typing import Self

    from posthog_nb.accessors.events import Events

__all__ = ["FrameAccessor"]

_Arguments = ParamSpec("_Arguments")
_Answer = TypeVar("_Answer")

_MOST_ROWS = 2**62
"""All of them: a frame in memory gives a frame in memory."""

_TYPES = {"Numeric": ClickHouseType("Float64"), "Boolean": ClickHouseType("Bool")}


def _analysis(
    method: Callable[Concatenate[Any, _Arguments], _Answer],
) -> Callable[Concatenate[FrameAccessor, _Arguments], _Answer]:
    """An analysis of a client as one of a frame: with the same arguments, on a project that lasts as long."""

    @wraps(method)
    def run(self: FrameAccessor, /, *args: _Arguments.args, **options: _Arguments.kwargs) -> _Answer:
        with self.connect() as client:
            return method(client, *args, **options)

    return run


@dataclass(frozen=True)
class Choices:
    """What somebody said about a frame; None for what is found out.

    Attributes:
        columns: The columns.
        timezone: The project's time zone.
        as_of: What ``now()`` answers.
        week_start: The day that weeks start on.
    """

    columns: Given = field(default_factory=Given)
    timezone: str | None = None
    as_of: datetime | str | None = None
    week_start: str | None = None


class FrameAccessor:
    """The events of a frame, asked as a project is: ``df.posthog.funnel([...])``, on pandas and polars alike.

    A frame has a column for the event, one for when it happened, and one for who did it. They are recognised by their
    names (:data:`posthog_nb.accessors.columns.NAMES`), or named: ``df.posthog(event="what", timestamp="at")`` has the
    same methods.
    Every other column is a property of the event, typed as it is.

    The frame is loaded into a temporary project in memory, asked in HogQL, and the project is dropped.

    Args:
        frame: A pandas or polars frame; it is left as it is.
        choices: Whatever else is known of it.
    """

    def __init__(self, frame: Any, choices: Choices | None = None) -> None:  # noqa: ANN401 - pandas or polars
        self._frame = frame
        self._choices = choices or Choices()

    def __call__(  # noqa: PLR0913 - one argument a column
        self,
        *,
        event: str | None = None,
        distinct_id: str | None = None,
        person: str | None = None,
        timestamp: str | None = None,
        properties: str | None = None,
        person_properties: str | None = None,
        session: str | None = None,
        uuid: str | None = None,
        timezone: str | None = None,
        as_of: datetime | str | None = None,
        week_start: str | None = None,
    ) -> Self:
        """The same frame with columns named, and settings of the project.

        Args:
            event: The column of what happened: texts.
            distinct_id: That of who did it: texts, whole numbers or UUIDs.
            person: That of the person, where one has several distinct ids; by default each id is a person.
            timestamp: That of when: times, exact to the microsecond.
            properties: That of properties: objects or JSON text. Other columns are added to them.
            person_properties: That of the person's properties, of which the latest hold.
            session: That of sessions.
            uuid: That of the events' own ids; by default each row gets one.
            timezone: The project's zone, such as ``"Europe/London"``, in which times without one are read; by default
                that of the timestamps, or UTC.
            as_of: What ``now()`` answers, and relative dates count from; by default the moment after the last event.
            week_start: The day that weeks start on: ``"sunday"`` or ``"monday"``.

        Raises:
            InvalidInputError: the frame has no such column, or two arguments name one.
        """
        named = {
            "event": event, "distinct_id": distinct_id, "person": person, "timestamp": timestamp,
            "properties": properties, "person_properties": person_properties, "session": session, "uuid": uuid,
        }  # fmt: skip
        columns = replace(self._choices.columns, **{role: name for role, name in named.items() if name is not None})
        columns.check(check_names(self._frame.columns))
        chosen: dict[str, Any] = {
            "timezone": None if timezone is None else read_zone(timezone), "as_of": as_of, "week_start": week_start,
        }  # fmt: skip
        others = {name: value for name, value in chosen.items() if value is not None}
        return type(self)(self._frame, replace(self._choices, columns=columns, **others))

    trends = _analysis(Insights.trends)
    funnel = _analysis(Insights.funnel)
    retention = _analysis(Insights.retention)
    stickiness = _analysis(Insights.stickiness)
    lifecycle = _analysis(Insights.lifecycle)
    paths = _analysis(Insights.paths)

    def connect(self) -> Client:
        """A client of the frame's events, to ask many things of one loading: use it in a ``with`` block.

        The events are loaded with the first thing that is asked, and out of memory when the client is closed.

        Raises:
            InvalidInputError: a column is missing, may be one of several, or is not what it should be.
        """
        return self._client(self._events())

    def query(self, hogql: str, limit: int | None = None, values: Mapping[str, object] | None = None) -> Any:  # noqa: ANN401 - a frame of the same kind
        """A HogQL query on the frame, as the table ``events``.

        Args:
            hogql: The query.
            limit: The most rows to return; all by default, or as many as the query's own LIMIT says.
            values: The values of ``{name}`` in it, as for :meth:`posthog_nb.client.Client.query`.

        Returns:
            A frame of the same kind, with the types that HogQL gives to the columns.
        """
        with self._told(self._events()) as client:
            return client.query(hogql, limit=_MOST_ROWS if limit is None else limit, values=values).to_frame()

    def sessions(self, gap: str | timedelta | None = None) -> Any:  # noqa: ANN401 - a frame of the same kind
        """The sessions of each person.

        Args:
            gap: A session ends where the person has no event for longer than this: ``"30 minutes"``, ``"2h"`` or a
                timedelta. Left out, sessions are those of the frame's own column, or, where it has none, PostHog's:
                30 minutes.

        Returns:
            A frame of the same kind, oldest first: person_id (where the frame has persons), session (a number from 1
            within the person, or the column's value as text), distinct_id (of the first event), started_at and
            ended_at (in the frame's zone), duration (seconds), events (their number), first_event and last_event.
        """
        wanted = None if gap is None else read_gap(gap)
        events = self._events()
        if wanted is None and events.session is not None:
            hogql, values = by_column(events.session, persons=events.has_persons)
        else:
            hogql, values = by_gap(wanted or POSTHOGS_GAP, persons=events.has_persons)
        with self._told(events) as client:
            found = client.all_rows(hogql, values)
        return to_frame(described(found), _kind(self._frame))

    def expand(
        self,
        column: str = "properties",
        keys: str | Iterable[str] | None = None,
        *,
        prefix: str | None = None,
        of: str | None = None,
    ) -> Any:  # noqa: ANN401 - a frame of the same kind
        """The frame with a column of each property, typed as PostHog would define it: by its first value that tells.

        :meth:`posthog_nb.client.Client.expand` does the same with the types that a project defines.

        Args:
            column: The column of properties: objects or JSON text.
            keys: As for :meth:`posthog_nb.client.Client.expand`.
            prefix: Likewise.
            of: Likewise.
        """
        from posthog_nb.embedded.ingestion.definitions import property_type  # noqa: PLC0415 - loaded when it is used

        zone = self._choices.timezone or "UTC"

        def declare(
            chosen: list[str], _: str, objects: list[Mapping[str, Any]]
        ) -> tuple[dict[str, ClickHouseType], str]:
            kinds = {
                key: next(filter(None, (property_type(key, one.get(key)) for one in objects)), "") for key in chosen
            }
            types = _TYPES | {"DateTime": ClickHouseType("DateTime64", (6, zone))}
            return {
                key: ClickHouseType("Nullable", (types.get(kind, ClickHouseType("String")),))
                for key, kind in kinds.items()
            }, zone

        return expand_as(declare, self._frame, keys, column=column, prefix=prefix, of=of)

    def persons(self, *, client: Client | None = None) -> Any:  # noqa: ANN401 - a frame of the same kind
        """The frame with the persons that a project has for its distinct ids.

        Args:
            client: The project; by default that of the latest :func:`posthog_nb.connect`.

        Returns:
            A frame of the same kind with person_id, unless it has one, and person_properties: objects in pandas and
            JSON text in polars, as elsewhere. ``.posthog.expand("person_properties")`` makes columns of them.

        Raises:
            InvalidInputError: there is no project to ask, or no column of distinct ids.
        """
        asked = latest_client() if client is None else client
        if not isinstance(asked, Client):
            raise InvalidInputError(
                "There is no project to ask for persons."
                if client is None
                else f"client is of type {type(client).__name__}, not a Client.",
                hint="Connect first, ph = posthog_nb.connect(), or pass client=ph.",
            )
        names = check_names(self._frame.columns)
        self._choices.columns.check(names)
        column = column_of("distinct_id", self._choices.columns, names)
        if column is None:
            raise missing("distinct_id", "who did it", names)
        return with_persons(self._frame, column, asked)

    def _events(self) -> Events:
        return read_events(self._frame, self._choices.columns, timezone=self._choices.timezone)

    def _client(self, events: Events) -> FrameClient:
        from posthog_nb.embedded.project import project_settings  # noqa: PLC0415 - loaded when it is used

        settings = project_settings(week_start=self._choices.week_start)
        if self._choices.as_of is None:
            # The second after it: now() has no fractions.
            as_of = events.last.replace(microsecond=0) + timedelta(seconds=1)
            note = f"now() is {as_of.astimezone(ZoneInfo(events.zone)):%Y-%m-%d %H:%M:%S}, just after the last event."
            events = replace(events, notes=(*events.notes, note))
        else:
            as_of = _moment(self._choices.as_of, events.zone)
        kind = _kind(self._frame)
        return FrameClient(events, label=f"a {kind} frame", frame=kind, as_of=as_of, settings=settings)

    def _told(self, events: Events) -> FrameClient:
        """The same, where no result will carry the notes."""
        for note in events.notes:
            warn_caller(note)
        return self._client(events)

    def __repr__(self) -> str:
        return f"<posthog accessor of a {_kind(self._frame)} frame with {len(self._frame):,} rows>"


def _kind(frame: object) -> str:
    return "polars" if type(frame).__module__.startswith("polars") else "pandas"


def _moment(as_of: object, zone: str) -> datetime:
    found = as_python(as_of)
    if isinstance(as_of, str):
        try:
            found = datetime.fromisoformat(as_of.strip())
        except ValueError:
            found = None
    if not isinstance(found, datetime) or found != found:  # noqa: PLR0124 - pandas' NaT is known by that
        raise InvalidInputError(f"as_of is {as_of!r}, not a time.", hint="Pass a datetime or ISO 8601 text.")
    moment = found.replace(tzinfo=ZoneInfo(zone)) if found.tzinfo is None else found
    if not FIRST_DAY <= moment < LAST_DAY:
        raise InvalidInputError(f"as_of is {as_of!r}.", hint="now() is between 1970 and 2105.")
    return moment
