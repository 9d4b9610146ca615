"""What a batch changes besides its events, as one piece that is applied whole, once or as often as need be."""

from __future__ import annotations

import json
from dataclasses import dataclass, fields
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeVar
from uuid import UUID

from posthog_nb.embedded.store.store import (
    DistinctIdRow,
    EventDefinition,
    GroupRow,
    GroupTypeRow,
    PersonRow,
    PropertyDefinition,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from posthog_nb.embedded.store.store import Store

__all__ = ["Changes"]

_Row = TypeVar("_Row")
_READ: dict[str, Callable[[str], object]] = {"UUID": UUID, "datetime": datetime.fromisoformat}


@dataclass(frozen=True)
class Changes:
    """The new versions of rows that a batch makes.

    Every row has its key and version, so that one that is written twice counts once.

    Attributes:
        marker: The uuid of one of the batch's events: it is stored when all of them are.
    """

    marker: UUID
    persons: Sequence[PersonRow] = ()
    distinct_ids: Sequence[DistinctIdRow] = ()
    group_types: Sequence[GroupTypeRow] = ()
    groups: Sequence[GroupRow] = ()
    events: Sequence[EventDefinition] = ()
    properties: Sequence[PropertyDefinition] = ()

    def __bool__(self) -> bool:
        return any(rows for _, _, rows in self._tables())

    def apply(self, store: Store) -> None:
        """Write every row."""
        store.insert_distinct_ids(self.distinct_ids)
        store.insert_persons(self.persons)
        store.insert_group_types(self.group_types)
        store.insert_groups(self.groups)
        store.insert_event_definitions(self.events)
        store.insert_property_definitions(self.properties)

    def to_text(self) -> str:
        """The changes as they are kept while they are not applied."""
        kept: dict[str, Any] = {name: [_written(row) for row in rows] for name, _, rows in self._tables()}
        return json.dumps({"marker": str(self.marker), **kept}, ensure_ascii=False)

    @classmethod
    def from_text(cls, text: str) -> Changes:
        """The changes that :meth:`to_text` gave."""
        kept = json.loads(text)
        empty = cls(UUID(kept["marker"]))
        rows: dict[str, Any] = {name: [_read(kind, row) for row in kept[name]] for name, kind, _ in empty._tables()}
        return cls(empty.marker, **rows)

    def _tables(self) -> Iterator[tuple[str, type, Sequence[Any]]]:
        yield "persons", PersonRow, self.persons
        yield "distinct_ids", DistinctIdRow, self.distinct_ids
        yield "group_types", GroupTypeRow, self.group_types
        yield "groups", GroupRow, self.groups
        yield "events", EventDefinition, self.events
        yield "properties", PropertyDefinition, self.properties


def _written(row: Any) -> list[object]:  # noqa: ANN401 - one of the rows above
    values = (getattr(row, field.name) for field in fields(row))
    return [
        value.isoformat() if isinstance(value, datetime) else str(value) if isinstance(value, UUID) else value
        for value in values
    ]


def _read(kind: type[_Row], values: list[Any]) -> _Row:
    # The rows' annotations are text, as everywhere in this package.
    types = [str(field.type) for field in fields(kind)]  # type: ignore[arg-type]  # a dataclass each
    return kind(*(_READ[name](value) if name in _READ else value for name, value in zip(types, values, strict=True)))
