"""The client: nine operations, a thin face over the rooms below."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar

from posthog_nb.analysis.insights import Insights
from posthog_nb.errors import InvalidInputError
from posthog_nb.frames import checked_frame
from posthog_nb.operations import capture as events
from posthog_nb.operations import writes
from posthog_nb.operations.batches import USUAL_EVENTS
from posthog_nb.operations.capture_many import Choices, capture_many, look_again
from posthog_nb.operations.checking import check
from posthog_nb.operations.dry_run import dry_run
from posthog_nb.operations.expand import expand
from posthog_nb.operations.explain import explain
from posthog_nb.operations.persons import Persons
from posthog_nb.operations.queries import run
from posthog_nb.operations.report import CaptureReport
from posthog_nb.operations.schema import schema
from posthog_nb.operations.taxonomy import Known
from posthog_nb.visible import visible

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from datetime import datetime
    from types import TracebackType
    from typing import Self
    from uuid import UUID

    from posthog_nb.analysis.asking import Asking
    from posthog_nb.connection import Connection
    from posthog_nb.notebook.forms import Forms
    from posthog_nb.operations.capture import Receipt
    from posthog_nb.operations.check import Check
    from posthog_nb.operations.dry_run import DryRun
    from posthog_nb.operations.event import Event
    from posthog_nb.operations.explain import Explanation
    from posthog_nb.operations.result import Result
    from posthog_nb.operations.task import Progress

__all__ = ["Client", "latest_client", "remember"]

_Sent = TypeVar("_Sent", bound="Receipt | CaptureReport")

_latest: Client | None = None
"""The client that ``connect()`` made last in this process, until it is closed."""


def latest_client() -> Client | None:
    """The client that ``connect()`` made last in this process; None before the first and when that one is closed."""
    return _latest


def remember(client: Client | None) -> None:
    """Take ``client`` for the one that was made last."""
    global _latest  # noqa: PLW0603 - which connection a notebook used last is a fact about the process
    _latest = client


class Client(Insights):
    """One PostHog project: query it, look persons up, send events. Made by :func:`connect`.

    A client may be used from several threads, from forks of the process (an embedded project in memory: from its own
    process alone), and as a context manager.

    Args:
        connection: The open connection.
        frame: What results become by default.
    """

    def __init__(self, connection: Connection, *, frame: str | None = None) -> None:
        self._connection = connection
        self._frame = checked_frame(frame)
        self._known = Known(connection)
        self._last_report: CaptureReport | None = None

    @property
    def source(self) -> str:
        """What to call the target: ``"demo"``, ``"local"``, or the host."""
        return self._connection.label

    @cached_property
    def _notes(self) -> tuple[str, ...]:
        settings = self._connection.given_settings
        if settings.kind != "demo":
            return ()
        if settings.chosen:
            return ("This is the demo project: its data is made up.",)
        return ("No PostHog is configured, so this is the demo project: its data is made up.",)

    def query(  # noqa: PLR0913 - one argument a choice
        self,
        hogql: str,
        limit: int | None = None,
        values: Mapping[str, object] | None = None,
        *,
        frame: str | None = None,
        timeout: float | None = None,
        fresh: bool = False,
        mode: str = "auto",
        progress: Callable[[Progress], object] | bool = False,
    ) -> Result:
        """Run a HogQL query.

        Args:
            hogql: The query; ``{name}`` in it stands for a value.
            limit: The most rows to return, of any size. Left out, it is the query's own LIMIT, else 100; beside
                one, the smaller holds.
            values: The values of the placeholders, sent as typed constants and never pasted into the text: text,
                numbers, True/False, None, datetimes, dates, UUIDs, and lists of them. A datetime stands for its exact
                moment; one without a zone is read in this computer's zone, with a warning.
            frame: What ``Result.to_frame()`` gives: ``"pandas"``, ``"polars"`` or ``"arrow"``.
            timeout: Seconds to wait for each answer; after that the query is ended on the server as well.
            fresh: Compute now, whatever PostHog has in its cache, where an answer may be up to six hours old.
            mode: ``"blocking"`` asks for the answer in one request, which PostHog Cloud cuts after some ten seconds;
                ``"async"`` lets PostHog work on it for up to ten minutes and asks how far it is. ``"auto"`` is the
                first, and then the second for a query that takes too long: half a second, where its progress is
                watched, as PostHog tells it of an asynchronous query alone.
            progress: True shows a bar; a function is called with each
                :class:`~posthog_nb.operations.task.Progress`: the rows that the server has read and, where there are
                pages, the rows that are here.

        Raises:
            MissingParameterError: a ``{name}`` has no value.
            InvalidInputError: an argument is not what it should be, or the query uses OFFSET.
            QueryError: PostHog refused the query; the error shows the place.
            APIError: PostHog answered with another error; the class tells which.
            TransportError: no complete answer came back.
            ResultChangedError: the data moved while a result of several pages was fetched.
        """
        return run(
            self._connection,
            hogql,
            limit=limit,
            values=values,
            frame=checked_frame(frame) or self._frame,
            timeout=timeout,
            fresh=fresh,
            mode=mode,
            progress=progress,
            notes=self._notes,
        )

    def dry_run(self, hogql: str, limit: int | None = None, values: Mapping[str, object] | None = None) -> DryRun:
        """What :meth:`query` would send with the same arguments, without running it.

        Nothing is sent to a PostHog on the network. An embedded project is asked for the ClickHouse SQL that the
        query becomes there, and whether it is one.

        Raises:
            MissingParameterError: a ``{name}`` has no value.
            InvalidInputError: an argument is not what it should be, or the query uses OFFSET.
            QueryError: the embedded project refuses the query; the error shows the place.
        """
        return dry_run(self._connection, hogql, limit=limit, values=values)

    def explain(
        self,
        hogql: str,
        limit: int | None = None,
        values: Mapping[str, object] | None = None,
        *,
        timeout: float | None = None,
    ) -> Explanation:
        """How ClickHouse goes about what :meth:`query` would send first with the same arguments.

        PostHog runs the query for it, as it gives the plan only beside an answer. Where it gives none,
        ``.plan`` is empty and what is shown says so.

        Raises:
            MissingParameterError: a ``{name}`` has no value.
            InvalidInputError: an argument is not what it should be, or the query uses OFFSET.
            QueryError: PostHog refused the query; the error shows the place.
            APIError: PostHog answered with another error; the class tells which.
        """
        return explain(self._connection, hogql, limit=limit, values=values, timeout=timeout)

    def schema(self, pattern: str | None = None, *, frame: str | None = None) -> Any:  # noqa: ANN401 - a frame
        """The tables and columns that queries may name: a frame of table, column and type, all text.

        The type is PostHog's own word for it, such as ``"datetime"``, ``"json"`` or ``"lazy_table"``.

        Args:
            pattern: Only those with this in ``table.column``, in any case of letters; or a pattern with ``*`` and
                ``?`` for the whole of it, such as ``"events.*"``.
            frame: As for :meth:`query`.
        """
        found = schema(self._connection, pattern, checked_frame(frame) or self._frame)
        self.known.expire()
        return found

    @property
    def known(self) -> Known:
        """The project's tables, events and properties as far as they are known, looked up in the background."""
        return self._known

    @cached_property
    def _asking(self) -> Asking:
        from posthog_nb.analysis.asking import Asking  # noqa: PLC0415 - loaded with the first analysis

        return Asking(self._connection, self._frame, self._notes)

    @cached_property
    def persons(self) -> Persons:
        """Persons: ``search``, ``get`` and ``events``."""
        return Persons(self._connection, self._frame, self._notes)

    @cached_property
    def forms(self) -> Forms:
        """Forms for a notebook: ``capture``, ``page``, ``screen``, ``identify`` and ``alias``."""
        # A form is a thing of the notebook, which stands above the client, and it is the client that people have.
        from posthog_nb.notebook.forms import Forms  # noqa: PLC0415

        return Forms(self)

    def expand(
        self,
        frame: Any,  # noqa: ANN401 - a frame of any of the three kinds
        keys: str | Iterable[str] | None = None,
        *,
        column: str = "properties",
        prefix: str | None = None,
        of: str | None = None,
    ) -> Any:  # noqa: ANN401 - a frame of the same kind
        """``frame`` with a column of each property, typed as the project defines it.

        Numeric is float64, Boolean a nullable truth value, DateTime an aware time in the project's zone (to the
        microsecond; one that names no zone is read in it), anything else text. An object or a list is JSON text.
        A value of another kind than its property is defined to have is empty there, as it is in HogQL, and a warning
        counts those values; the column of properties stays as it was.

        Args:
            frame: A pandas or polars frame or an Arrow table.
            keys: The properties, in the order that their columns are to have; all by default, the most frequent first
                and at most 200, with a warning where there are more.
            column: The column that holds the properties, as objects or JSON text.
            prefix: What the names of the columns begin with. Without one a column is called as its property is, or
                ``properties.NAME`` where the frame has a column NAME already.
            of: ``"event"`` or ``"person"``: whose definitions hold. By default a person's for a column whose name
                begins with ``person`` and for the frames of ``persons.search``, else an event's.

        Raises:
            InvalidInputError: an argument is not what it should be, or a column of that name is there already.
            PermissionDeniedError: the key lacks ``query:read``.
        """
        return expand(self._connection, frame, keys, column=column, prefix=prefix, of=of)

    def capture(  # noqa: PLR0913 - one argument a choice
        self,
        event: str,
        distinct_id: str | int,
        properties: Mapping[str, object] | None = None,
        timestamp: datetime | str | None = None,
        *,
        uuid: str | UUID | None = None,
        verify: bool | float = False,
    ) -> Receipt:
        """Send one event, now and once.

        The event carries a uuid and a time of its own, the same on every retry, so it is stored once. A 200 means that
        PostHog took it; it is seen by queries a little later.

        When it cannot be sent, the error has it as ``error.unsent``: :meth:`resend` sends it again, with the same uuid
        and time, so it is stored once even if it had arrived.

        Args:
            event: The event's name, such as ``"signed up"``.
            distinct_id: Whose event it is.
            properties: What else is known of it.
            timestamp: When it happened: ISO 8601 text or a datetime; now by default.
            uuid: The event's own id; a new one by default. PostHog stores an id once.
            verify: Look the event up afterwards, until it arrives or a minute has passed, or so many seconds. It needs
                what a query needs, and says so before anything is sent.

        Raises:
            InvalidInputError: an argument cannot be sent; nothing was.
            CaptureRefusedError: PostHog did not take the event, or dropped it.
            TransportError: no answer came; the event may or may not have been taken.
        """
        return events.send(self._connection, writes.capture(event, distinct_id, properties, timestamp, uuid), verify)

    def page(  # noqa: PLR0913 - one argument a choice
        self,
        distinct_id: str | int,
        name: str,
        url: str | None = None,
        properties: Mapping[str, object] | None = None,
        timestamp: datetime | str | None = None,
        *,
        uuid: str | UUID | None = None,
        verify: bool | float = False,
    ) -> Receipt:
        """Send a page view: ``$pageview``.

        Args:
            distinct_id: Whose view it is.
            name: The page's name, sent as ``title`` and ``name``.
            url: The page's address, sent as ``$current_url`` with its ``$host`` and ``$pathname``.
            properties: What else is known of it.
            timestamp: When it happened; now by default.
            uuid: As for :meth:`capture`.
            verify: As for :meth:`capture`.
        """
        return events.send(self._connection, writes.page(distinct_id, name, url, properties, timestamp, uuid), verify)

    def screen(  # noqa: PLR0913 - one argument a choice
        self,
        distinct_id: str | int,
        name: str,
        properties: Mapping[str, object] | None = None,
        timestamp: datetime | str | None = None,
        *,
        uuid: str | UUID | None = None,
        verify: bool | float = False,
    ) -> Receipt:
        """Send a screen view: ``$screen``.

        Args:
            distinct_id: Whose view it is.
            name: The screen's name, sent as ``$screen_name``.
            properties: What else is known of it.
            timestamp: When it happened; now by default.
            uuid: As for :meth:`capture`.
            verify: As for :meth:`capture`.
        """
        return events.send(self._connection, writes.screen(distinct_id, name, properties, timestamp, uuid), verify)

    def identify(  # noqa: PLR0913 - one argument a choice
        self,
        distinct_id: str | int,
        properties: Mapping[str, object] | None = None,
        timestamp: datetime | str | None = None,
        *,
        anon_distinct_id: str | int | None = None,
        uuid: str | UUID | None = None,
        verify: bool | float = False,
    ) -> Receipt:
        """Say who somebody is: ``$identify``, whose properties become the person's (``$set``).

        Args:
            distinct_id: The id by which the person is known from now on.
            properties: What is known of the person.
            timestamp: When it happened; now by default.
            anon_distinct_id: The id that the person had before, sent as ``$anon_distinct_id``: its person is merged
                into the known one, which cannot be undone. PostHog refuses where it was identified already.
            uuid: As for :meth:`capture`.
            verify: As for :meth:`capture`.
        """
        return events.send(
            self._connection, writes.identify(distinct_id, properties, timestamp, uuid, anon_distinct_id), verify
        )

    def alias(
        self,
        distinct_id: str | int,
        alias: str | int,
        timestamp: datetime | str | None = None,
        *,
        uuid: str | UUID | None = None,
        verify: bool | float = False,
    ) -> Receipt:
        """Say that ``alias`` is the same person as ``distinct_id``: ``$create_alias``. This cannot be undone.

        Args:
            distinct_id: The id that is kept.
            alias: The other id, whose person is merged into the kept one.
            timestamp: When it happened; now by default.
            uuid: As for :meth:`capture`.
            verify: As for :meth:`capture`.
        """
        return events.send(self._connection, writes.alias(distinct_id, alias, timestamp, uuid), verify)

    def resend(self, unsent: Event, *, verify: bool | float = False) -> Receipt:
        """Send an event again that a failed write has left as ``error.unsent``, with the same uuid and time.

        It is stored once, whether or not it had arrived.

        Args:
            unsent: The event.
            verify: As for :meth:`capture`.
        """
        return events.resend(self._connection, unsent, verify)

    def capture_many(  # noqa: PLR0913 - one argument a choice
        self,
        events: Any,  # noqa: ANN401 - frames share no type
        *,
        property_columns: list[str] | bool | None = None,
        on_bad: str = "raise",
        batch_size: int = USUAL_EVENTS,
        historical_migration: bool = False,
        progress: bool | Callable[[int, int | None], object] = True,
        verify: bool | float = False,
        resume: CaptureReport | None = None,
    ) -> CaptureReport:
        """Send thousands of events, in their order, in batches.

        An event has ``event``, ``distinct_id`` and, as one likes, ``timestamp``, ``properties`` (an object, or JSON
        text) and ``uuid``. Frames and lists are checked whole before anything is sent. Any other iterable is read as
        the batches go, and each batch is checked whole before it is sent.

        When it is interrupted or fails, ``error.report`` and :attr:`last_report` say what became of each event, and
        ``capture_many(events, resume=report)`` with the same events sends the rest, with the same uuids.

        Args:
            events: A frame of pandas, polars or Arrow, or mappings: a list or a generator of them.
            property_columns: Columns, or keys of the mappings, that become properties; True for all further ones. An
                empty cell becomes none.
            on_bad: What to do with events that cannot be sent: ``"raise"``, and send none of them, or ``"skip"``, and
                send the others.
            batch_size: The most events in one request; 5 MiB end it as well.
            historical_migration: Say that these are old events, which PostHog takes in on a way of their own.
            progress: Whether to show it, or a function that is called with the number of events that are done and
                their total, None for a stream.
            verify: Look the events up afterwards, as for :meth:`capture`.
            resume: The report of an earlier call with the same events.

        Raises:
            InvalidInputError: events cannot be sent; it tells which and why.
            APIError: PostHog did not take a batch.
            TransportError: no answer came for a batch; its events may or may not have been taken.
        """
        if resume is not None and not isinstance(resume, CaptureReport):
            raise InvalidInputError(f"resume is of type {type(resume).__name__}, not a CaptureReport.")
        report = CaptureReport(self.source, self._frame) if resume is None else resume
        self._last_report = report
        choices = Choices(property_columns, on_bad, batch_size, historical_migration, progress, verify)
        capture_many(self._connection, events, choices, report)
        return report

    @property
    def last_report(self) -> CaptureReport | None:
        """The report of the latest :meth:`capture_many`, also of one that was interrupted; None before the first."""
        return self._last_report

    def verify(self, sent: _Sent, seconds: float = 60.0) -> _Sent:
        """Look up whether sent events arrived, for so many seconds at most.

        Args:
            sent: What a write returned. A report is brought up to date, a receipt is returned anew.
            seconds: How long to go on.
        """
        return look_again(self._connection, sent, seconds)

    def check(self, *, write: bool = False, timeout: float = 60.0) -> Check:
        """Find out what works: host, project, time zone, reading, the key's scopes, the token, writing.

        Nothing is raised for what does not work: each part says whether it is ok, was found wanting or was not tried,
        and what to do. At most a handful of small requests are sent, each once.

        Whether events arrive only an event can prove: PostHog takes a token of any project, and tells nothing. Without
        ``write`` no event is sent; the token is compared with the project's own where the key may read it (scope
        ``project:read``), else looked up by a request for feature flags, of which none is evaluated.

        Args:
            write: Send one event, named ``posthog_nb check``, of no person, and look it up by a query until it is
                there. It stays in the project.
            timeout: Seconds to look for it.

        Raises:
            InvalidInputError: ``timeout`` is not what it should be.
        """
        return check(self._connection, write=write, timeout=timeout)

    def close(self) -> None:
        """Close the connections. A later call opens new ones."""
        if latest_client() is self:
            remember(None)
        self.known.close()
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        settings, keeper = self._connection.given_settings, self._connection.keeper
        recorded = "" if keeper is None or keeper.into is None else visible(f", recorded into {keeper.into}")
        shown: dict[str, Any] = {
            "project_id": settings.project_id,
            "personal_api_key": settings.personal_api_key,
            "project_token": settings.project_token,
        }
        given = "".join(f", {name}={value}" for name, value in shown.items() if value is not None)
        return f"<Client for {self.source}{recorded}{given}>"
