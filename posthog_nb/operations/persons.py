"""Persons: search, get, and their events.

Reading goes through HogQL, which needs one scope (``query:read``), counts exactly and never ends a list early, as
PostHog's REST lists may (docs/adr/0008). REST answers for one person alone: by PostHog's number, which HogQL does not
know, and where a key may read persons and not query.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from posthog_nb.errors import NotFoundError, NotRecordedError, PermissionDeniedError, TransportError
from posthog_nb.operations.expand import expand as expanded
from posthog_nb.operations.kept import look_up, real
from posthog_nb.operations.moments import warn_caller
from posthog_nb.operations.newest import events_line, newest_events, newest_first
from posthog_nb.operations.person import (
    GENERATED_ID,
    Person,
    as_object,
    asked_by,
    described,
    name_of,
    persons_frame,
    shown,
)
from posthog_nb.operations.person_terms import event_conditions, identity, person_conditions, where
from posthog_nb.operations.plain import most_rows
from posthog_nb.operations.queries import run
from posthog_nb.visible import counted

if TYPE_CHECKING:
    from collections.abc import Iterable
    from uuid import UUID

    from posthog_nb.connection import Connection
    from posthog_nb.operations.newest import Newest
    from posthog_nb.operations.result import Result

__all__ = ["Persons", "read_person"]

MOST_DISTINCT_IDS = 1000
"""As many as PostHog's own lists show of one person."""

PERSONS_A_PAGE = 10_000
"""A person's properties take kilobytes, and a page of them is in memory at both ends."""

IDS_A_QUERY = 5_000
"""UUIDs, 39 characters each: a query stays under 256 KiB, ClickHouse's own limit, which a self-hosted one may have."""

_FACTS = ("id", "uuid", "name", "distinct_ids", "properties", "created_at")
_NOT_FOUND = 404
_MAY_NOT_QUERY = (PermissionDeniedError, NotRecordedError)
"""A key may read persons and not query; what was recorded with it has no answers of queries."""


class Persons:
    """``client.persons``: search, get, and a person's events."""

    def __init__(self, connection: Connection, frame: str | None, notes: tuple[str, ...]) -> None:
        self._connection = connection
        self._frame = frame
        self._notes = notes

    def search(
        self,
        search: str | None = None,
        email: str | None = None,
        distinct_id: str | None = None,
        limit: int = 50,
        *,
        frame: str | None = None,
    ) -> Any:  # noqa: ANN401 - a frame of the kind that is asked for
        """Find persons. What is given must hold together; with nothing given, all persons match.

        Args:
            search: Text that the email, the name, the user name or a distinct id contains, in any case of letters;
                or a person's UUID.
            email: The exact email, in exactly these letters.
            distinct_id: One exact distinct id.
            limit: The most persons to return, of any number, newest first.
            frame: ``"pandas"``, ``"polars"`` or ``"arrow"``.

        Returns:
            A frame with id, uuid, name, distinct_ids (at most 1,000 of a person), properties and created_at (in the
            project's zone). ``properties`` is an object in pandas and JSON text elsewhere; :meth:`Client.expand` makes
            columns of it. The number of all matches is ``frame.attrs["posthog"]["total"]`` in pandas and in the
            schema's metadata in Arrow; for every kind of frame :meth:`total` gives it.

        Raises:
            InvalidInputError: an argument is not what it should be.
        """
        conditions, values = person_conditions(search=search, email=email, distinct_id=distinct_id)
        return self.matching(conditions, values, most_rows(limit), frame)

    def matching(
        self,
        conditions: list[str],
        values: dict[str, object],
        size: int,
        frame: str | None = None,
    ) -> Any:  # noqa: ANN401 - a frame of the kind that is asked for
        """The persons of whom conditions on the table of persons are true, as :meth:`search` gives them.

        Args:
            conditions: The conditions, in HogQL.
            values: What their placeholders stand for.
            size: The most persons to return.
            frame: ``"pandas"``, ``"polars"`` or ``"arrow"``.
        """
        found = newest_first(
            self._run,
            "SELECT toString(id) AS uuid, properties, created_at FROM persons",
            conditions,
            values,
            order=("created_at", "id"),
            names=("created_at", "uuid"),
            size=size,
            page=PERSONS_A_PAGE,
        )
        total = self._count(conditions, values) if found.more else found.table.arrow.num_rows
        return self._persons(found, total, frame or self._frame)

    def total(self, search: str | None = None, email: str | None = None, distinct_id: str | None = None) -> int:
        """How many persons a search with these arguments matches."""
        return self._count(*person_conditions(search=search, email=email, distinct_id=distinct_id))

    def get(self, person_id: int | str | UUID) -> Person:
        """One person.

        Args:
            person_id: The UUID, or PostHog's number for the person (for which the key needs ``person:read``). For a
                distinct id use :meth:`search`.

        Raises:
            InvalidInputError: it is neither a UUID nor a number.
            NotFoundError: there is no such person. If it is a distinct id, the error says whose.
        """
        given = identity(person_id)
        if isinstance(given, int):
            return self._by_number(given)
        try:
            return self._by_query(given, str(person_id).strip())
        except _MAY_NOT_QUERY as error:
            # If it may do neither, the query's scope is the one to ask for.
            try:
                return self._by_rest(given)
            except _MAY_NOT_QUERY:
                raise error from None

    def events(  # noqa: PLR0913 - one argument a choice
        self,
        person_id: int | str | UUID | Person,
        event: str | None = None,
        after: datetime | str | None = None,
        before: datetime | str | None = None,
        limit: int = 50,
        *,
        expand: bool | str | Iterable[str] = False,
        frame: str | None = None,
    ) -> Any:  # noqa: ANN401 - a frame of the kind that is asked for
        """A person's events, newest first.

        Args:
            person_id: The UUID, a :class:`Person`, or PostHog's number (for which the key needs ``person:read``).
            event: Only events of this name.
            after: Only events after this moment, exact to the microsecond. Without a zone it is read in this
                computer's, with a warning.
            before: Only events before this moment.
            limit: The most events to return, of any number.
            expand: True for a column of each property, or the properties to make columns of; see
                :meth:`Client.expand`.
            frame: ``"pandas"``, ``"polars"`` or ``"arrow"``.

        Returns:
            A frame with id, event, distinct_id, properties and timestamp (in the project's zone), then the columns of
            ``expand``. ``properties`` is an object in pandas and JSON text elsewhere.

        Raises:
            InvalidInputError: an argument is not what it should be.
            NotFoundError: there is no such person. If it is a distinct id, the error says whose.
        """
        size = most_rows(limit)
        given = person_id.uuid if isinstance(person_id, Person) else identity(person_id)
        conditions, values = event_conditions(event, after, before)
        uuid = self._by_number(given).uuid if isinstance(given, int) else given
        found = newest_events(self._run, uuid, conditions, values, size)
        if not found.table.arrow.num_rows and not isinstance(person_id, Person) and not isinstance(given, int):
            self._check_known(uuid, str(person_id).strip(), filtered=bool(conditions))
        events = described(found.table, frame or self._frame, found.about(events_line(found)))
        if expand is False:
            return events
        return expanded(self._connection, events, None if expand is True else expand, of="event")

    def _run(self, query: str, values: dict[str, object], limit: int, *, timeout: float | None = None) -> Result:
        return run(
            self._connection,
            query,
            limit=limit,
            values=values,
            frame=self._frame,
            fresh=True,
            timeout=timeout,
            notes=self._notes,
        )

    def _count(self, conditions: list[str], values: dict[str, object]) -> int:
        return int(self._run(f"SELECT count() FROM persons{where(conditions)}", values, 1).rows[0][0])

    def _persons(self, found: Newest, total: int, frame: str | None) -> Any:  # noqa: ANN401 - a frame
        found = found.once("uuid")
        uuids, texts = found.column("uuid"), found.column("properties")
        known, cut = self._distinct_ids(uuids)
        all_of_them = f"{counted(len(uuids), 'person')}; complete"
        line = f"the newest {len(uuids):,} of {total:,} persons" if found.more else all_of_them
        ids = [known.get(uuid, []) for uuid in uuids]
        return persons_frame(
            {
                "id": uuids,
                "uuid": uuids,
                "name": [name_of(as_object(text), *one) for text, *one in zip(texts, ids, uuids, strict=True)],
                "distinct_ids": ids,
                "properties": texts,
                "created_at": found.column("created_at"),
            },
            frame,
            {**found.about(line, *cut), "total": total},
        )

    def _distinct_ids(self, persons: list[str]) -> tuple[dict[str, list[str]], list[str]]:
        """The distinct ids of each person, those that somebody chose first; and what is to be said of them."""
        known: dict[str, list[str]] = {}
        cut: list[str] = []
        for start in range(0, len(persons), IDS_A_QUERY):
            some = persons[start : start + IDS_A_QUERY]
            found = self._run(
                "SELECT toString(person_id) AS person, count() AS n, arraySlice("
                "arraySort(x -> (match(x, {generated}), x), groupUniqArray(distinct_id)), 1, {most}) AS ids"
                " FROM person_distinct_ids WHERE toString(person_id) IN {persons} GROUP BY person_id",
                {"persons": some, "generated": GENERATED_ID, "most": MOST_DISTINCT_IDS},
                len(some),
            ).rows
            known |= {person: list(ids) for person, _, ids in found}
            cut += [person for person, count, ids in found if count > len(ids)]
        if not cut:
            return known, []
        whom = f"The person {cut[0]} has" if len(cut) == 1 else f"{len(cut):,} persons, such as {cut[0]}, have"
        note = (
            f"{whom} more than {MOST_DISTINCT_IDS:,} distinct ids; these are the first {MOST_DISTINCT_IDS:,}, and the"
            " table person_distinct_ids has all."
        )
        warn_caller(note)
        return known, [note]

    def _by_query(self, uuid: str, given: str) -> Person:
        found = self._run(
            "SELECT properties, created_at FROM persons WHERE id = toUUID({uuid})", {"uuid": uuid}, 1
        ).to_arrow()
        if not found.num_rows:
            raise self._nobody(given)
        ids = self._distinct_ids([uuid])[0].get(uuid, [])
        properties, created_at = (found.column(name)[0].as_py() for name in ("properties", "created_at"))
        return self._person(uuid, uuid, None, ids, properties, created_at)

    def _by_number(self, number: int) -> Person:
        try:
            return self._by_rest(number)
        except PermissionDeniedError as error:
            error.hint = f"{error.hint or ''} A person's UUID, as search() gives it, needs query:read alone.".strip()
            raise

    def _by_rest(self, given: int | str) -> Person:
        try:
            found = look_up(
                self._connection,
                "person",
                {"id": given},
                lambda: read_person(self._connection, real(self._connection, given)),
            )
        except NotFoundError as error:
            raise self._nobody(str(given)) from error
        if not isinstance(found, dict) or not {"id", "uuid", "created_at"} <= found.keys():
            raise TransportError(
                "The answer holds no person.", hint="The host may not be PostHog, or of an unknown version."
            )
        ids = list(map(str, found.get("distinct_ids") or []))
        return self._person(
            found["id"], str(found["uuid"]), found.get("name"), ids, found.get("properties"), found["created_at"]
        )

    def _person(  # noqa: PLR0913, PLR0917 - a person's fields
        self,
        number: int | str,
        uuid: str,
        name: object,
        ids: list[str],
        properties: object,
        created_at: datetime | str,
    ) -> Person:
        known = as_object(properties)
        person = Person(
            id=number,
            uuid=uuid,
            # PostHog's own name knows which properties the project names its persons by.
            name=shown(name) if name else name_of(known, ids, uuid),
            distinct_ids=ids,
            properties=known if isinstance(known, dict) else {},
            created_at=datetime.fromisoformat(created_at) if isinstance(created_at, str) else created_at,
            source=self._connection.label,
            frame=self._frame,
        )
        return asked_by(person, self._run)

    def _check_known(self, uuid: str, given: str, *, filtered: bool) -> None:
        """Say so where no events were found because there is no such person."""
        if self._run("SELECT id FROM persons WHERE id = toUUID({uuid})", {"uuid": uuid}, 1).rows:
            return
        # Events without a person profile have a person_id as well, of nobody in the table of persons.
        anything = "SELECT uuid FROM events WHERE person_id = toUUID({uuid})"
        if not (filtered and self._run(anything, {"uuid": uuid}, 1).rows):
            raise self._nobody(given)

    def _nobody(self, given: str) -> NotFoundError:
        """That there is no such person; a distinct id may look like a UUID or a number, and it is told if it is one."""
        try:
            owner = self._run(
                "SELECT toString(person_id) FROM person_distinct_ids WHERE distinct_id = {given}", {"given": given}, 1
            ).rows
        except _MAY_NOT_QUERY:
            owner = []  # what it asked for is not there all the same
        if owner:
            return NotFoundError(
                f"There is no person {given}: it is a distinct id, of the person {owner[0][0]}.",
                status=_NOT_FOUND,
                hint=f"Use persons.search(distinct_id={given!r}), or that person's UUID.",
            )
        return NotFoundError(
            f"There is no person {given}.",
            status=_NOT_FOUND,
            hint=f"Persons are found by persons.search(), by a distinct id with search(distinct_id={given!r}).",
        )


def read_person(connection: Connection, given: int | str) -> Any:  # noqa: ANN401 - any JSON
    """What a :class:`Person` has of PostHog's answer, which also tells when somebody was last seen."""
    found = connection.get(f"persons/{given}/")
    return {name: found[name] for name in _FACTS if name in found} if isinstance(found, dict) else found
