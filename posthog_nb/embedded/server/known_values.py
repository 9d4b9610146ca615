"""What the stored events tell a completion: which events there are, and which values a property has."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import uuid4

from posthog_nb.embedded.hogql import compile_query
from posthog_nb.embedded.hogql.completion import MOST

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from posthog_nb.embedded.hogql import ProjectFacts
    from posthog_nb.embedded.hogql.tables import Owner
    from posthog_nb.embedded.hogql.types import Type
    from posthog_nb.embedded.project import Project

__all__ = ["StoredValues"]

MOST_ROWS = 100_000
"""So many rows are looked at, so that an answer comes while somebody types."""

LONGEST_VALUE = 200

_TABLES = {"event": "events", "person": "persons", "group": "groups"}


class StoredValues:
    """The events of a project.

    Args:
        project: Its store.
        facts: What its queries mean.
    """

    def __init__(self, project: Project, facts: ProjectFacts) -> None:
        self._project = project
        self._facts = facts

    def events(self) -> Sequence[str]:
        """The names of the project's events, those of its own first."""
        names = (known.name for known in self._project.store.event_definitions())
        return sorted(names, key=lambda name: (name.startswith("$"), name))

    def values(self, owner: Owner, key: str, part: str) -> Sequence[str]:
        """The most frequent values of a property that contain ``part``, one more than is suggested at once.

        Raises:
            EngineError: ClickHouse stopped the query.
        """
        only = "" if owner.group is None else "WHERE index = {index}"
        query = f"""
            SELECT value FROM (
                SELECT toString(properties[{{key}}]) AS value FROM {_TABLES[owner.kind]} {only} LIMIT {MOST_ROWS}
            )
            WHERE value != '' AND length(value) <= {LONGEST_VALUE} AND positionCaseInsensitiveUTF8(value, {{part}}) > 0
            GROUP BY value ORDER BY count() DESC, value LIMIT {MOST + 1}
        """
        values = {"key": key, "part": part, "index": owner.group}
        compiled = compile_query(query, self._facts, values=values)
        return [row[0] for row in self._project.run(compiled.sql, query_id=str(uuid4())).rows]

    @staticmethod
    def tables() -> Mapping[str, Mapping[str, Type]]:
        """None that the catalogue does not have."""
        return {}
