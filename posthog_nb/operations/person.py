"""One person: the fields, what to call them, and the frame that persons become."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from posthog_nb.errors import ConfigurationError, PostHogError
from posthog_nb.frames import ClickHouseType, Table, default_frame, to_frame
from posthog_nb.operations.card import shortened
from posthog_nb.operations.person_card import person_html, person_text
from posthog_nb.visible import counted, visible

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from posthog_nb.operations.card import Printer
    from posthog_nb.operations.journey import Journey
    from posthog_nb.operations.result import Result

__all__ = [
    "GENERATED_ID",
    "NAME_PROPERTIES",
    "Person",
    "as_object",
    "asked_by",
    "described",
    "name_of",
    "persons_frame",
    "shown",
]

NAME_PROPERTIES = ("email", "name", "username")
"""What PostHog names a person by, unless a project's settings choose other properties; queries do not tell which."""

GENERATED_ID = "^([a-z0-9]+-){4}[a-z0-9]+$"
"""What PostHog takes for an id that nobody chose, so that it is the last to name a person by."""

_PATIENCE = 5.0
"""Seconds that a card waits for what it looks up."""
_TEXT = ClickHouseType("String")


class Ask(Protocol):
    """Runs a query with values and a limit; ``timeout`` is the seconds to wait for the answer."""

    def __call__(
        self, query: str, values: dict[str, object], limit: int, *, timeout: float | None = None
    ) -> Result: ...


@dataclass(frozen=True)
class Person:
    """One person.

    Attributes:
        id: PostHog's number for the person where it is known, else the UUID's text.
        uuid: The UUID, which queries call ``person_id``.
        name: What to call the person: an email, a name, a user name or a distinct id.
        distinct_ids: The ids under which events were sent, those that somebody chose first; at most 1,000.
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
    # No field: asdict() and replace() are about the person and not about a connection.
    _ask: ClassVar[Ask | None] = None

    @cached_property
    def last_seen(self) -> datetime | None:
        """When the newest event happened, in the project's zone; None where there is none.

        It is asked for when it is first read, and once: PostHog has to look at all of the person's events for it.

        Raises:
            ConfigurationError: the person was not read by a client of this process.
        """
        return self._newest(None)

    def journey(
        self, after: datetime | str | None = None, before: datetime | str | None = None, limit: int = 1000
    ) -> Journey:
        """The person's sessions and events as a timeline, the oldest first.

        Args:
            after: Only events after this moment; as for ``persons.events``.
            before: Only events before this moment.
            limit: The most events, of any number; where there are more, these are the newest.

        Raises:
            InvalidInputError: an argument is not what it should be.
            ConfigurationError: the person was not read by a client of this process.
        """
        from posthog_nb.operations.journey import journey  # noqa: PLC0415 - for who asks for one

        return journey(self, self._asking(), after, before, limit)

    def _asking(self) -> Ask:
        if self._ask is None:
            raise ConfigurationError(
                "This person was not read by a client of this process, so its events cannot be asked for.",
                hint=f"Get it anew: ph.persons.get({self.uuid!r}).",
            )
        return self._ask

    def _newest(self, timeout: float | None) -> datetime | None:
        found = self._asking()(
            "SELECT count() AS events, max(timestamp) AS newest FROM events WHERE person_id = toUUID({person})",
            {"person": self.uuid},
            1,
            timeout=timeout,
        ).rows
        # Of no rows, ClickHouse's maximum is the year 1970.
        events, newest = found[0] if found else (0, None)
        return newest if events else None

    def __getstate__(self) -> dict[str, object]:
        # A client does not leave its process; what it has found goes along.
        return {name: value for name, value in vars(self).items() if name != "_ask"}

    def to_frame(self, frame: str | None = None) -> Any:  # noqa: ANN401 - a frame of the kind that is asked for
        """The person as a frame of one row, with the columns of a search."""
        return persons_frame(
            {
                "id": [str(self.id)],
                "uuid": [self.uuid],
                "name": [self.name],
                "distinct_ids": [self.distinct_ids],
                "properties": [json.dumps(self.properties, ensure_ascii=False)],
                "created_at": [self.created_at],
            },
            frame or self.frame,
            {"source": self.source, "total": 1, "rows": 1, "has_more": False},
        )

    def __repr__(self) -> str:
        ids = counted(len(self.distinct_ids), "distinct id")
        return f"<Person {shortened(self.name)!r}: {self.uuid}, {ids}, from {visible(self.source)}>"

    def _repr_pretty_(self, printer: Printer, _cycle: bool) -> None:
        alone = len(printer.stack) == 1
        text = person_text(self, {key: shown(value) for key, value in self.properties.items()}) if alone else repr(self)
        printer.text(text)

    def _repr_html_(self) -> str:
        return person_html(self, self._seen())

    def _seen(self) -> datetime | PostHogError | None:
        if "last_seen" not in vars(self):
            try:
                vars(self)["last_seen"] = self._newest(_PATIENCE)
            except PostHogError as error:
                return error  # which the card tells
        return self.last_seen


def asked_by(person: Person, ask: Ask) -> Person:
    """``person``, whose events are asked for by ``ask``."""
    vars(person)["_ask"] = ask
    return person


def name_of(properties: object, distinct_ids: Sequence[str], otherwise: str) -> str:
    """A name as PostHog finds one: the first naming property that is not empty, else the first distinct id.

    Args:
        properties: The person's properties.
        distinct_ids: The person's ids, those that somebody chose first.
        otherwise: What is left when there is neither.
    """
    if isinstance(properties, dict):
        for key in NAME_PROPERTIES:
            # Empty as PostHog means it: 0, false and {} name nobody either.
            if properties.get(key):
                return shown(properties[key])
    return next(iter(distinct_ids), otherwise)


def as_object(properties: object) -> Any:  # noqa: ANN401 - JSON
    """Properties as an object: parsed where they came as JSON text. What is no JSON stays as it is."""
    if properties is None or properties == "":
        return {}
    if isinstance(properties, str):
        try:
            return json.loads(properties)
        except ValueError:
            return properties
    return properties


def persons_frame(columns: Mapping[str, list[Any]], frame: str | None, about: Mapping[str, Any]) -> Any:  # noqa: ANN401
    """The frame of a search.

    Args:
        columns: The values of each column; ``properties`` as JSON text, ``created_at`` as aware times.
        frame: The kind of frame.
        about: What is known of the rows besides themselves.
    """
    import pyarrow as pa  # noqa: PLC0415 - loaded when a frame is made

    zone = about.get("timezone") or _zone_of(columns["created_at"])
    ids = ClickHouseType("Array", (_TEXT,))
    kinds = dict.fromkeys(columns, _TEXT) | {
        "distinct_ids": ids,
        "created_at": ClickHouseType("DateTime64", (6, zone)),
    }
    types = {"distinct_ids": pa.list_(pa.string()), "created_at": pa.timestamp("us", zone)}
    arrays = {name: pa.array(values, type=types.get(name, pa.string())) for name, values in columns.items()}
    return described(Table(pa.table(arrays), tuple(kinds.values())), frame, about)


def described(table: Table, frame: str | None, about: Mapping[str, Any]) -> Any:  # noqa: ANN401 - a frame
    """A frame that carries ``about`` where its kind can: pandas' ``attrs["posthog"]``, the metadata of Arrow's schema.

    In pandas the properties become objects; elsewhere a column of objects would be a struct of every key there is, so
    they stay JSON text.
    """
    kind = frame or default_frame()
    found = to_frame(table, kind)
    if kind == "arrow":
        return found.replace_schema_metadata({**(found.schema.metadata or {}), "posthog": json.dumps(about)})
    if kind == "pandas":
        import pandas as pd  # noqa: PLC0415 - the frame is one of its own

        found.attrs["posthog"] = dict(about)
        objects = [as_object(text) for text in table.arrow.column("properties").to_pylist()]
        found["properties"] = pd.Series(objects, index=found.index, dtype=object)
    return found


def _zone_of(moments: list[datetime]) -> str:
    return next((str(getattr(moment.tzinfo, "key", UTC)) for moment in moments), "UTC")


def shown(value: object) -> str:
    """A property's value as text: a text itself, anything else as JSON."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
