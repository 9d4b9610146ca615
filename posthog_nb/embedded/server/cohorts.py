"""``/cohorts``: sets of persons, for ``IN COHORT``; their members, and who is listed in a static one."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

from posthog_nb.embedded.hogql import compile_query
from posthog_nb.embedded.hogql.filters.cohorts import CohortGroup, read_cohort, referred_cohorts
from posthog_nb.embedded.server import errors
from posthog_nb.embedded.server.answers import json_answer
from posthog_nb.embedded.server.paging import Page
from posthog_nb.embedded.server.request_body import json_object
from posthog_nb.embedded.server.saved import SavedEndpoints, text_field
from posthog_nb.errors import EngineError, HogQLError, InvalidInputError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from werkzeug.wrappers import Request, Response

    from posthog_nb.embedded.project import Project
    from posthog_nb.embedded.server.persons import Persons

__all__ = ["Cohorts"]

_CALCULATION_SECONDS = 600
_PERSON_COLUMNS = ("person_id", "actor_id", "id")
_DISTINCT_ID = "distinct_id"
_HEADINGS = (_DISTINCT_ID, "distinct-id", "person_id", "person-id")
_PERSON_IDS = "_create_static_person_ids"
_LONGEST_DESCRIPTION = 1_000
_MOST_ADDED = 1_000
"""The most persons that PostHog adds in one request."""


class Cohorts(SavedEndpoints):
    """The cohorts endpoints of one project.

    Args:
        project: The project.
        persons: Shows the members.
    """

    def __init__(self, project: Project, persons: Persons) -> None:
        super().__init__(project.cohorts)
        self._project = project
        self._store = project.store
        self._persons = persons

    # -- members

    def members(self, request: Request, item_id: str) -> Response:
        """One page of the persons in a cohort."""
        found, page = self._found(item_id), Page.of(request)
        query = f"{_members(found)} ORDER BY created_at DESC, id DESC LIMIT {page.limit:d} OFFSET {page.offset:d}"
        try:
            ids = [row[0] for row in self._rows(query)[1]]
        except (HogQLError, EngineError) as error:
            raise errors.of_query(error, query) from error
        body = {
            "results": self._persons.listed(ids),
            "next": page.next(more=len(ids) == page.limit),
            "previous": page.previous(),
        }
        return json_answer(body)

    def add(self, request: Request, item_id: str) -> Response:
        """List persons in a static cohort."""
        found = self._static(item_id)
        ids = _uuids(json_object(request).get("person_ids"), "person_ids")
        if not ids:
            raise errors.validation_error("person_ids cannot be empty")
        if len(ids) > _MOST_ADDED:
            raise errors.validation_error("List size exceeds limit")
        known = self._known_persons(ids)
        if not known:
            raise errors.validation_error("No valid users to add to cohort")
        self._store.add_to_static_cohort(found["id"], known)
        return json_answer({"success": True})

    def remove(self, request: Request, item_id: str) -> Response:
        """Take a person out of a static cohort."""
        found = self._static(item_id)
        (person_id,) = _uuids([json_object(request).get("person_id")], "person_id")
        if person_id not in self._store.static_cohort(found["id"]):
            raise errors.not_found("Person is not part of the cohort")
        self._store.remove_from_static_cohort(found["id"], person_id)
        return json_answer({"success": True})

    def _static(self, item_id: str) -> dict[str, Any]:
        found = self._found(item_id)
        if not found["is_static"]:
            raise errors.validation_error("Can only add users to static cohorts")
        return found

    def _known_persons(self, ids: Iterable[UUID]) -> list[UUID]:
        return [person.id for person in self._store.persons(list(dict.fromkeys(ids)))]

    def _persons_of(self, distinct_ids: Iterable[str]) -> list[UUID]:
        rows = self._store.distinct_ids(list(dict.fromkeys(distinct_ids)))
        return list(dict.fromkeys(row.person_id for row in rows))

    def _rows(self, query: str) -> tuple[Sequence[str], Sequence[Sequence[Any]]]:
        """The columns and all rows of a query, which no limit of the query endpoint cuts."""
        compiled = compile_query(query, self._project.facts(), limited=False)
        found = self._project.run(compiled.sql, query_id=str(uuid4()), max_execution_time=_CALCULATION_SECONDS)
        return compiled.columns, found.rows

    # -- definitions

    def _given(self, request: Request) -> Mapping[str, Any]:
        if "csv" not in request.files:
            return json_object(request)
        return {**request.form.to_dict(), "is_static": True, _PERSON_IDS: self._listed_in(request)}

    def _listed_in(self, request: Request) -> list[str]:
        """The persons of a CSV file: its column of distinct or person ids, or its first one where none is named so."""
        try:
            text = request.files["csv"].read().decode("utf-8-sig")
            rows = [row for row in csv.reader(io.StringIO(text), strict=True) if any(row)]
        except (UnicodeDecodeError, csv.Error) as error:
            raise errors.validation_error(f"The file is no CSV in UTF-8: {error}.", attr="csv") from error
        heading = next((name for name in _HEADINGS if rows and name in rows[0]), None)
        column = rows[0].index(heading) if heading else 0
        ids = [row[column].strip() for row in rows[1 if heading else 0 :] if len(row) > column and row[column].strip()]
        if heading and heading.startswith("person"):
            return ids
        return [str(one) for one in self._persons_of(ids)]

    def _fields(self, given: Mapping[str, Any], before: Mapping[str, Any] | None) -> dict[str, Any]:
        fields: dict[str, Any] = (
            {}
            if before
            else {"name": None, "description": "", "is_static": given.get("is_static") is True, "filters": None}
        )
        if before and given.get("is_static", before["is_static"]) is not before["is_static"]:
            raise errors.validation_error("A cohort stays static, or stays not.", attr="is_static")
        if given.get("groups"):
            raise errors.validation_error(
                "'groups', PostHog's older form of a cohort, is not answered; define it by 'filters'.", attr="groups"
            )
        if "name" in given:
            fields["name"] = text_field(given, "name")
        if "description" in given:
            fields["description"] = text_field(given, "description", longest=_LONGEST_DESCRIPTION) or ""
        if "deleted" in given:
            fields["deleted"] = given["deleted"] is True
        is_static = before["is_static"] if before else fields["is_static"]
        if not is_static and ("filters" in given or before is None):
            fields["filters"] = self._filters(given.get("filters"), before)
        return fields

    def _filters(self, given: object, before: Mapping[str, Any] | None) -> dict[str, Any]:
        properties = given.get("properties") if isinstance(given, dict) else None
        if not properties:
            raise errors.validation_error(
                "A cohort that is not static needs 'filters': {'properties': {'type': 'OR', 'values': [...]}}.",
                attr="filters",
            )
        try:
            definition = read_cohort(properties)
        except InvalidInputError as error:
            raise errors.validation_error(str(error), attr="filters") from error
        self._check_references(definition, before["id"] if before else None)
        return {"properties": properties}

    def _check_references(self, definition: CohortGroup, own: int | None) -> None:
        """Every cohort that is referred to must be there, and none may lead back."""
        known = self._project.facts().cohorts
        pending, seen = list(referred_cohorts(definition)), set[int]()
        while pending:
            one = pending.pop()
            if one == own:
                raise errors.validation_error("Cohorts cannot reference other cohorts in a loop.", attr="filters")
            if one not in known:
                raise errors.validation_error(f"Invalid Cohort ID in filter: {one}.", attr="filters")
            if one not in seen:
                seen.add(one)
                pending += referred_cohorts(known[one].definition)

    def _save(
        self, fields: dict[str, Any], before: Mapping[str, Any] | None, given: Mapping[str, Any]
    ) -> dict[str, Any]:
        # Found before anything is kept: a query that is refused leaves no cohort behind.
        members = self._members_in(given)
        if members and not (before or fields)["is_static"]:
            raise errors.validation_error("Persons are listed in static cohorts only.", attr="is_static")
        saved = super()._save(fields, before, given)
        self._store.add_to_static_cohort(saved["id"], members)
        return saved

    def _members_in(self, given: Mapping[str, Any]) -> list[UUID]:
        if given.get(_PERSON_IDS):
            return self._known_persons(_uuids(given[_PERSON_IDS], _PERSON_IDS))
        query = given.get("query")
        if query is None:
            return []
        text = query.get("query") if isinstance(query, dict) and query.get("kind") == "HogQLQuery" else None
        if not isinstance(text, str):
            raise errors.validation_error("A cohort is made by a query of kind HogQLQuery.", attr="query")
        try:
            return self._members_by(text)
        except (HogQLError, EngineError) as error:
            raise errors.of_query(error, text) from error

    def _members_by(self, text: str) -> list[UUID]:
        columns, rows = self._rows(text)
        name = next((one for one in (*_PERSON_COLUMNS, _DISTINCT_ID) if one in columns), None)
        if name is None:
            raise errors.validation_error(
                "A cohort's query needs a column person_id, actor_id, id or distinct_id.", attr="query"
            )
        found = [row[columns.index(name)] for row in rows]
        if name == _DISTINCT_ID:
            return self._persons_of(map(str, found))
        return self._known_persons(_uuids([str(one) for one in found], "query"))

    def _ordered(self, found: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return sorted(found, key=lambda one: one["id"], reverse=True)

    def _shown(self, one: Mapping[str, Any]) -> dict[str, Any]:
        count, problem = (None, None) if one["deleted"] else self._count(one)
        return {
            "id": one["id"],
            "name": one["name"],
            "description": one["description"],
            "groups": [],
            "deleted": one["deleted"],
            "filters": one["filters"] or {"properties": {}},
            "query": None,
            "version": one["version"],
            "pending_version": one["version"],
            "is_calculating": False,
            "created_by": None,
            "created_at": one["created_at"],
            "last_calculation": one["created_at"],
            "errors_calculating": 0 if problem is None else 1,
            "last_error_message": problem,
            "count": count,
            "is_static": one["is_static"],
            "experiment_set": [],
        }

    def _count(self, one: Mapping[str, Any]) -> tuple[int | None, str | None]:
        try:
            _, rows = self._rows(f"SELECT count() FROM ({_members(one)})")
        except (HogQLError, EngineError) as error:
            # What the definition names may be gone, such as an action: PostHog tells so with the cohort.
            return None, error.message
        return int(rows[0][0]), None


def _members(one: Mapping[str, Any]) -> str:
    return f"SELECT id FROM persons WHERE id IN COHORT {one['id']:d}"


def _uuids(found: object, attr: str) -> list[UUID]:
    if not isinstance(found, list):
        raise errors.validation_error("Expected a list of person UUIDs.", code="invalid", attr=attr)
    try:
        return [UUID(one) for one in found]
    except (TypeError, ValueError, AttributeError) as error:
        raise errors.validation_error("Each person is named by a UUID.", code="invalid", attr=attr) from error
