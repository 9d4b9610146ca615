"""Persons: search, get, and their events.

Reading goes through HogQL, which needs one scope (``query:read``), counts exactly and never ends a list early, as
PostHog's REST lists may. Only a numeric id, which HogQL does not know, is looked up by REST (``person:read``).
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from posthog_nb.errors import InvalidInputError, NotFoundError
from posthog_nb.frames import JsonRows, decode, default_frame, to_frame
from posthog_nb.operations.card import card
from posthog_nb.operations.properties import event_time
from posthog_nb.operations.queries import run

if TYPE_CHECKING:
    from posthog_nb.connection import Connection
    from posthog_nb.operations.result import Result

__all__ = ["Person", "Persons"]

MOST_DISTINCT_IDS = 1000
"""As many as PostHog's own lists show of one person."""

_NAME_PROPERTIES = ("email", "name", "username")
_GENERATED_ID = re.compile(r"\A[a-z0-9]+(?:-[a-z0-9]+){4}\Z")
_COLUMNS = {
    "id": "String",
    "uuid": "String",
    "name": "Nullable(String)",
    "distinct_ids": "Array(String)",
    "properties": "String",
    "created_at": "DateTime64(6, '{zone}')",
}
_NOT_FOUND = 404
_MOST_DIGITS = 19
"""Of a number that fits into 64 bits; a UUID without dashes may consist of digits as well."""


@dataclass(frozen=True)
class Person:
    """One person.

    Attributes:
        id: PostHog's number for the person where it is known, else the UUID's text.
        uuid: The UUID, which queries call ``person_id``.
        name: What to call the person: an email, a name, or a distinct id.
        distinct_ids: All ids under which events were sent.
        properties: The person's properties.
        created_at: When the person was first seen.
        source: Where the person comes from, such as ``"demo"`` or ``"eu.posthog.com"``.
    """

    id: int | str
    uuid: str
    name: str
    distinct_ids: list[str]
    properties: dict[str, Any] = field(repr=False)
    created_at: datetime
    source: str
    frame: str | None = field(default=None, repr=False, compare=False)

    def to_frame(self, frame: str | None = None) -> Any:  # noqa: ANN401 - a frame of the kind that is asked for
        """The person as a frame of one row, with the columns of a search."""
        row = [str(self.id), self.uuid, self.name, self.distinct_ids, self.properties, self.created_at.isoformat()]
        return _frame([row], "UTC", frame or self.frame, {"source": self.source, "total": 1})

    def _repr_html_(self) -> str:
        rows = {
            "uuid": self.uuid,
            "distinct ids": ", ".join(self.distinct_ids[:10]) + (" ..." if len(self.distinct_ids) > 10 else ""),  # noqa: PLR2004
            "created at": self.created_at.isoformat(),
            **{key: _shown(value) for key, value in sorted(self.properties.items())},
        }
        return card(rows, title=self.name)


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
            search: Text that the email, the name or a distinct id contains, in any case of letters.
            email: The exact email.
            distinct_id: One exact distinct id.
            limit: The most persons to return, newest first.
            frame: ``"pandas"``, ``"polars"`` or ``"arrow"``.

        Returns:
            A frame with id, uuid, name, distinct_ids, properties and created_at. ``properties`` is an object in pandas
            and JSON text elsewhere. In pandas ``frame.attrs["posthog"]["total"]`` is the number of all matches; for
            other frames ask :meth:`total`.
        """
        where, values = _conditions(search=search, email=email, distinct_id=distinct_id)
        result = self._run(
            "SELECT id, properties, created_at, count() OVER () AS total FROM persons"
            f"{where} ORDER BY created_at DESC, id DESC",
            values,
            limit,
        )
        known = self._distinct_ids([str(row[0]) for row in result.rows])
        rows = []
        for uuid, properties, created_at, _ in result.rows:
            ids = known.get(str(uuid), [])
            found = _object(properties)
            rows.append([str(uuid), str(uuid), _name(found, ids, str(uuid)), ids, found, created_at])
        total = int(result.rows[0][3]) if result.rows else 0
        return _frame(rows, result.timezone or "UTC", frame or self._frame, {**result.about(), "total": total})

    def total(self, search: str | None = None, email: str | None = None, distinct_id: str | None = None) -> int:
        """How many persons a search with these arguments matches."""
        where, values = _conditions(search=search, email=email, distinct_id=distinct_id)
        return int(self._run(f"SELECT count() FROM persons{where}", values, 1).rows[0][0])

    def get(self, person_id: int | str | UUID) -> Person:
        """One person.

        Args:
            person_id: The UUID, or PostHog's number for the person. For a distinct id use :meth:`search`.

        Raises:
            InvalidInputError: it is neither a UUID nor a number.
            NotFoundError: there is no such person.
        """
        kind = _identity(person_id)
        return self._by_number(kind) if isinstance(kind, int) else self._by_uuid(kind)

    def events(  # noqa: PLR0913 - one argument a choice
        self,
        person_id: int | str | UUID,
        event: str | None = None,
        after: datetime | str | None = None,
        before: datetime | str | None = None,
        limit: int = 50,
        *,
        frame: str | None = None,
    ) -> Any:  # noqa: ANN401 - a frame of the kind that is asked for
        """A person's events, newest first.

        Args:
            person_id: The UUID, or PostHog's number for the person.
            event: Only events of this name.
            after: Only events after this moment.
            before: Only events before this moment.
            limit: The most events to return.
            frame: ``"pandas"``, ``"polars"`` or ``"arrow"``.

        Returns:
            A frame with id, event, distinct_id, properties and timestamp.
        """
        kind = _identity(person_id)
        values: dict[str, object] = {"person": self._by_number(kind).uuid if isinstance(kind, int) else kind}
        where = ["person_id = toUUID({person})"]
        if event is not None:
            where.append("event = {event}")
            values["event"] = _text(event, "event")
        for name, given, sign in (("after", after, ">"), ("before", before, "<")):
            if given is not None:
                where.append(f"timestamp {sign} {{{name}}}")
                values[name] = event_time(given, name)
        result = self._run(
            "SELECT uuid AS id, event, distinct_id, properties, timestamp FROM events"
            f" WHERE {' AND '.join(where)} ORDER BY timestamp DESC, uuid DESC",
            values,
            limit,
        )
        found = result.to_frame(frame)
        return _with_objects(found)

    def _run(self, query: str, values: dict[str, object], limit: int) -> Result:
        return run(
            self._connection, query, limit=limit, values=values, frame=self._frame, fresh=True, notes=self._notes
        )

    def _distinct_ids(self, persons: list[str]) -> dict[str, list[str]]:
        if not persons:
            return {}
        found = self._run(
            f"SELECT person_id, arraySort(groupUniqArray({MOST_DISTINCT_IDS})(distinct_id)) AS ids"
            " FROM person_distinct_ids WHERE toString(person_id) IN {persons} GROUP BY person_id",
            {"persons": persons},
            len(persons),
        )
        return {str(person): sorted(ids, key=_is_generated) for person, ids in found.rows}

    def _by_uuid(self, uuid: str) -> Person:
        rows = self._run(
            "SELECT id, properties, created_at FROM persons WHERE id = toUUID({uuid})", {"uuid": uuid}, 1
        ).rows
        if not rows:
            raise _not_found(uuid)
        ids = self._distinct_ids([uuid]).get(uuid, [])
        properties = _object(rows[0][1])
        return self._person(uuid, uuid, _name(properties, ids, uuid), ids, properties, rows[0][2])

    def _by_number(self, number: int) -> Person:
        try:
            found = self._connection.get(f"persons/{number}/")
        except NotFoundError as error:
            raise _not_found(number) from error
        properties, ids = _object(found.get("properties")), list(map(str, found.get("distinct_ids") or []))
        uuid = str(found["uuid"])
        name = found.get("name") or _name(properties, ids, uuid)
        return self._person(found["id"], uuid, str(name), ids, properties, found["created_at"])

    def _person(  # noqa: PLR0913, PLR0917 - a person's fields
        self, number: int | str, uuid: str, name: str, ids: list[str], properties: dict[str, Any], created_at: str
    ) -> Person:
        return Person(
            id=number,
            uuid=uuid,
            name=name,
            distinct_ids=ids,
            properties=properties,
            created_at=datetime.fromisoformat(created_at),
            source=self._connection.label,
            frame=self._frame,
        )


def _not_found(person_id: int | str) -> NotFoundError:
    return NotFoundError(
        f"There is no person {person_id}.",
        status=_NOT_FOUND,
        hint="A distinct id may look like a UUID or a number: try persons.search(distinct_id=...).",
    )


def _identity(person_id: object) -> int | str:
    text = str(person_id).strip()
    if isinstance(person_id, bool) or not text:
        raise InvalidInputError(f"person_id is {person_id!r}.")
    if text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS:
        return int(text)
    try:
        return str(UUID(text))
    except ValueError as error:
        raise InvalidInputError(
            f"{text!r} is neither a person's UUID nor a number.",
            hint=f"If it is a distinct id, use persons.search(distinct_id={text!r}).",
        ) from error


def _text(given: object, name: str) -> str:
    if isinstance(given, int) and not isinstance(given, bool) and name != "event":
        # A database's number for somebody, which was sent as a text as well.
        return str(given)
    if not isinstance(given, str):
        raise InvalidInputError(f"{name} is {given!r}, of type {type(given).__name__}, not text.")
    return given


def _conditions(**given: object) -> tuple[str, dict[str, object]]:
    search, email, distinct_id = (
        None if given[name] is None else _text(given[name], name) for name in ("search", "email", "distinct_id")
    )
    conditions: list[str] = []
    values: dict[str, object] = {}
    if search is not None and search.strip():
        values["search"] = search.strip()
        contains = "positionCaseInsensitiveUTF8({where}, {{search}}) > 0"
        properties = " OR ".join(
            contains.format(where=f"ifNull(toString(properties.{name}), '')") for name in ("email", "name")
        )
        ids = contains.format(where="distinct_id")
        conditions.append(f"({properties} OR id IN (SELECT person_id FROM person_distinct_ids WHERE {ids}))")
    if email is not None:
        values["email"] = email
        conditions.append("properties.email = {email}")
    if distinct_id is not None:
        values["distinct_id"] = distinct_id
        conditions.append("id IN (SELECT person_id FROM person_distinct_ids WHERE distinct_id = {distinct_id})")
    return (f" WHERE {' AND '.join(conditions)}" if conditions else ""), values


def _name(properties: dict[str, Any], distinct_ids: list[str], otherwise: str) -> str:
    """A name as PostHog finds one: a telling property, else a distinct id, rather one that somebody chose."""
    for key in _NAME_PROPERTIES:
        value = properties.get(key)
        if value not in (None, ""):
            return str(value)
    return next((known for known in distinct_ids if not _is_generated(known)), next(iter(distinct_ids), otherwise))


def _is_generated(distinct_id: str) -> bool:
    return _GENERATED_ID.match(distinct_id) is not None


def _object(properties: object) -> dict[str, Any]:
    if isinstance(properties, str):
        try:
            properties = json.loads(properties)
        except ValueError:
            return {}
    return properties if isinstance(properties, dict) else {}


def _shown(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _frame(rows: list[list[Any]], zone: str, frame: str | None, about: dict[str, Any]) -> Any:  # noqa: ANN401
    texts = [[*row[:4], json.dumps(row[4], ensure_ascii=False), row[5]] for row in rows]
    table = decode(list(_COLUMNS), [kind.format(zone=zone) for kind in _COLUMNS.values()], JsonRows.of(texts))
    found = to_frame(table, frame or default_frame())
    if hasattr(found, "attrs"):
        found.attrs["posthog"] = about
    return _with_objects(found)


def _with_objects(found: Any) -> Any:  # noqa: ANN401 - a frame
    if hasattr(found, "attrs"):
        # pandas holds objects; in polars and Arrow one column would have to be a struct of all persons' properties.
        found["properties"] = [_object(text) for text in found["properties"]]
        found["properties"] = found["properties"].astype(object)
    return found
