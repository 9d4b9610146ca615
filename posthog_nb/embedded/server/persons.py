"""``/persons``: search, one person by number or UUID."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any
from uuid import UUID

from posthog_nb.embedded.server import errors
from posthog_nb.embedded.server.answers import json_answer
from posthog_nb.embedded.server.paging import Page
from posthog_nb.embedded.server.render import json_time
from posthog_nb.embedded.server.request_body import json_list
from posthog_nb.embedded.store.person_search import PersonSearch, property_filter
from posthog_nb.errors import EngineError, InvalidInputError

if TYPE_CHECKING:
    from werkzeug.wrappers import Request, Response

    from posthog_nb.embedded.project import Project
    from posthog_nb.embedded.store.store import PersonRow

__all__ = ["Persons"]

MOST_DISTINCT_IDS = 1000
_LARGEST_NUMBER = 2**63 - 1
_GENERATED_ID = re.compile(r"[0-9a-z]+(-[0-9a-z]+){4}")
_NAMING_PROPERTIES = ("email", "name", "username")


class Persons:
    """The persons endpoints of one project."""

    def __init__(self, project: Project) -> None:
        self._store = project.store

    def search(self, request: Request) -> Response:
        """One page of the persons that the parameters ask for."""
        if "format" in request.args and request.args["format"] != "json":
            raise errors.not_found()
        page = Page.of(request)
        wanted = _search(request)
        try:
            ids = wanted.ids(self._store, limit=page.limit, offset=page.offset)
            total = wanted.count(self._store) if "include_total" in request.args else None
        except EngineError as error:
            # Everything but a filter's regular expression is plain text, which cannot be at fault.
            raise errors.of_engine(error, attr="properties") from error
        body: dict[str, Any] = {
            "results": self.listed(ids),
            # As in PostHog: by the number of ids found, so a page with fewer rows can still have a next one.
            "next": page.next(more=len(ids) == page.limit),
            "previous": page.previous(),
        }
        if total is not None:
            body["count"] = total
        return json_answer(body)

    def listed(self, ids: list[UUID]) -> list[dict[str, Any]]:
        """These persons as they stand in a list."""
        return [self._listed(person, known) for person, known in self._people(ids)]

    def retrieve(self, _request: Request, person_id: str) -> Response:
        """One person."""
        people = self._people([self._id(person_id)])
        if not people:
            raise errors.not_found()
        return json_answer(self._single(*people[0]))

    def _id(self, text: str) -> UUID:
        if text.isascii() and text.isdigit():
            number = int(text[:20])
            ids = PersonSearch(serial_id=number).ids(self._store, limit=1) if number <= _LARGEST_NUMBER else []
            if not ids:
                raise errors.not_found()
            return ids[0]
        try:
            return UUID(text)
        except ValueError:
            raise errors.validation_error(
                f"The ID provided does not look like a personID. If you are using a distinctId, please use "
                f"/persons?distinct_id={text} instead."
            ) from None

    def _people(self, ids: list[UUID]) -> list[tuple[PersonRow, list[str]]]:
        """Persons with their distinct ids, in the order of ``ids``; one that was deleted meanwhile is left out."""
        if not ids:
            return []
        rows = {row.id: row for row in self._store.persons(ids)}
        known: dict[UUID, list[str]] = {}
        for row in self._store.distinct_ids_of(ids):
            known.setdefault(row.person_id, []).append(row.distinct_id)
        return [(rows[one], known.get(one, [])[:MOST_DISTINCT_IDS]) for one in ids if one in rows]

    def _listed(self, person: PersonRow, distinct_ids: list[str]) -> dict[str, Any]:
        return {
            "type": "person",
            "id": str(person.id),
            **self._common(person, distinct_ids),
            "is_identified": person.is_identified,
            "matched_recordings": [],
            "value_at_data_point": None,
        }

    def _single(self, person: PersonRow, distinct_ids: list[str]) -> dict[str, Any]:
        ordered = sorted(distinct_ids, key=lambda one: _GENERATED_ID.fullmatch(one) is not None)
        return {"id": person.serial_id, **self._common(person, ordered)}

    @staticmethod
    def _common(person: PersonRow, distinct_ids: list[str]) -> dict[str, Any]:
        properties = json.loads(person.properties or "{}")
        return {
            "uuid": str(person.id),
            "name": _name(person, properties, distinct_ids),
            "distinct_ids": distinct_ids,
            "properties": properties,
            "created_at": json_time(person.created_at),
            "last_seen_at": json_time(person.last_seen_at),
        }


def _search(request: Request) -> PersonSearch:
    given = request.args
    try:
        return PersonSearch(
            email=given.get("email") or None,
            distinct_id=given.get("distinct_id") or None,
            search=given.get("search") or None,
            properties=[property_filter(one) for one in _filters(request)],
        )
    except InvalidInputError as error:
        raise errors.validation_error(str(error), attr="properties") from error


def _filters(request: Request) -> list[dict[str, Any]]:
    found = json_list(request, "properties")
    if not all(isinstance(one, dict) for one in found):
        raise errors.validation_error("'properties' must be a JSON list of filters.", attr="properties")
    return found


def _name(person: PersonRow, properties: dict[str, Any], distinct_ids: list[str]) -> str:
    for key in _NAMING_PROPERTIES:
        if properties.get(key):
            return str(properties[key])
    chosen = next((one for one in distinct_ids if not _GENERATED_ID.fullmatch(one)), None)
    return chosen or (distinct_ids[0] if distinct_ids else str(person.serial_id))
