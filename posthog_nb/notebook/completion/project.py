"""What is known where somebody writes: the client that would be asked, and what it knows without asking now."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import posthog_nb
from posthog_nb.ask import hogql
from posthog_nb.client import Client
from posthog_nb.embedded.hogql.catalogue import TABLES
from posthog_nb.embedded.hogql.facts import ProjectFacts
from posthog_nb.embedded.hogql.filters.actions import Action
from posthog_nb.embedded.hogql.filters.cohorts import Cohort
from posthog_nb.embedded.hogql.types import (
    BOOLEAN,
    DATE,
    DATETIME,
    FLOAT,
    INTEGER,
    JSON,
    STRING,
    UNKNOWN,
    Kind,
    Type,
)
from posthog_nb.notebook.arguments import options
from posthog_nb.notebook.completion.place import find_place, name_of_cell
from posthog_nb.notebook.connections import client_in
from posthog_nb.operations.taxonomy import Taxonomy

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from IPython.core.interactiveshell import InteractiveShell

    from posthog_nb.embedded.hogql.tables import Owner
    from posthog_nb.notebook.completion.place import Place

__all__ = ["KnownProject", "names_of_cells", "place_in", "project_at"]

_CELL = re.compile(r"\s*%%hogql(?P<line>[ \t][^\n]*)")

_TYPES = {
    "string": STRING,
    "integer": INTEGER,
    "float": FLOAT,
    "decimal": Type(Kind.DECIMAL),
    "boolean": BOOLEAN,
    "datetime": DATETIME,
    "date": DATE,
    "array": Type(Kind.ARRAY),
    "json": JSON,
}
"""PostHog's words for the types of columns."""


def place_in(code: str, cursor: int, shell: InteractiveShell) -> Place | None:
    """Where HogQL or options are written at the cursor; None where it is not for us."""
    place = find_place(code, cursor, lambda: {text for text, action in options().items() if action.nargs != 0})
    if place is not None and place.quote and not _asks(place.magic, shell.user_ns):
        return None
    return place


def _asks(called: str, namespace: Mapping[str, Any]) -> bool:
    """Whether what is called in the notebook is ``hogql`` or the ``query`` of a client."""
    holder, _, name = called.rpartition(".")
    held = namespace.get(holder)
    if name in {"query", "dry_run"}:
        return isinstance(held, Client)
    return name == "hogql" and (held is posthog_nb or (not holder and namespace.get(name) is hogql))


def project_at(place: Place, shell: InteractiveShell) -> KnownProject:
    """What is known of the project that a query at ``place`` asks; without a client, what all projects have."""
    words = place.line.split()
    held = place.magic.rpartition(".")[0]
    named = held if isinstance(shell.user_ns.get(held), Client) else next(iter(_given(words, "--connection")), None)
    client = client_in(shell.user_ns, named)
    parts = (text.rpartition("=") for text in _given(words, "--with"))
    more = {table or cell: _columns(shell.user_ns.get(cell)) for table, _, cell in parts}
    return KnownProject(client, Taxonomy() if client is None else client.known.now(), more)


def _given(words: Sequence[str], option: str) -> Iterator[str]:
    """The values that an option has on a line."""
    for number, word in enumerate(words):
        name, equals, value = word.partition("=")
        if name == option and equals:
            yield value
        elif name == option and number + 1 < len(words):
            yield words[number + 1]


def _columns(frame: Any) -> dict[str, Type]:  # noqa: ANN401 - whatever the notebook calls so
    """The columns of a frame, pandas', polars' or Arrow's, by the names that they have there."""
    names = getattr(frame, "column_names" if hasattr(frame, "column_names") else "columns", ())
    return {str(name): UNKNOWN for name in names}


def names_of_cells(shell: InteractiveShell) -> list[str]:
    """The names of the `%%hogql` cells that have run, the latest first."""
    manager = shell.history_manager
    cells = (_CELL.match(code) for code in reversed(manager.input_hist_raw if manager else ()))
    names = (name_of_cell(cell["line"]) for cell in cells if cell)
    return list(dict.fromkeys(name for name in names if name is not None))


class KnownProject:
    """What the completion asks of a project.

    Args:
        client: The project's client; None for no project.
        taxonomy: What it knows.
        more: Further tables and their columns, such as those of other cells.
    """

    def __init__(
        self, client: Client | None, taxonomy: Taxonomy, more: Mapping[str, Mapping[str, Type]] | None = None
    ) -> None:
        self._client = client
        self._taxonomy = taxonomy
        self._more = more or {}
        self._read = _read(taxonomy)

    @property
    def facts(self) -> ProjectFacts:
        """What the meaning of a query depends on."""
        return self._read.facts

    def events(self) -> Sequence[str]:
        """The names of the events, the most used first."""
        return self._taxonomy.events

    def values(self, owner: Owner, key: str, part: str) -> Sequence[str]:
        """The values of a property of events or persons that are known by now and contain ``part``."""
        if self._client is None or owner.kind == "group":
            return ()
        lower = part.lower()
        return [value for value in self._client.known.values(owner.kind, key) if lower in value.lower()]

    def tables(self) -> Mapping[str, Mapping[str, Type]]:
        """The tables of the project, and those of other cells."""
        known = self._read.tables
        if not self._more:
            return known
        return {**(known or {name: {} for name in TABLES}), **self._more}


@dataclass(frozen=True, eq=False)
class _Read:
    """A taxonomy in the completion's own terms."""

    taxonomy: Taxonomy

    @cached_property
    def facts(self) -> ProjectFacts:
        known = self.taxonomy
        return ProjectFacts(
            database="",
            event_properties=known.event_properties,
            person_properties=known.person_properties,
            group_properties=known.group_properties,
            group_types=known.group_types,
            # What they are made of is of no use here.
            actions={number: Action(number, name) for number, name in known.actions.items()},
            cohorts={number: Cohort(number, name) for number, name in known.cohorts.items()},
        )

    @cached_property
    def tables(self) -> Mapping[str, Mapping[str, Type]]:
        return {
            table: {column: _TYPES.get(word, UNKNOWN) for column, word in columns.items()}
            for table, columns in self.taxonomy.tables.items()
        }


_NOTHING = _Read(Taxonomy())
_latest: list[_Read] = [_NOTHING]
"""The one that was read last: it is asked for at each key."""


def _read(taxonomy: Taxonomy) -> _Read:
    if _latest[0].taxonomy is not taxonomy:
        _latest[0] = _Read(taxonomy)
    return _latest[0]
