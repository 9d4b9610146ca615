"""Events as people have them: a frame of pandas, polars or Arrow, or mappings one after another."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NoReturn

from posthog_nb.errors import InvalidInputError

__all__ = ["EventRows", "Fields", "event_rows"]

_FIELDS = ("event", "distinct_id", "timestamp", "properties", "uuid")
_NEEDED = ("event", "distinct_id")
_HINT = (
    "An event has event, distinct_id, and as one likes timestamp, properties and uuid. property_columns=[...] names "
    "further columns that become properties, property_columns=True takes all of them."
)


@dataclass(frozen=True, slots=True)
class Fields:
    """One row, not checked yet. ``timestamp`` and ``uuid`` are None where the input has no such column."""

    event: object
    distinct_id: object
    properties: object
    timestamp: object
    uuid: object


@dataclass(frozen=True)
class EventRows:
    """The rows of an input.

    Attributes:
        rows: Each row's mapping, or whatever else stands in its place; can be iterated anew unless ``streamed``.
        total: How many there are; None for a stream, which tells only at its end.
        property_columns: The names that become properties; True for all that are no field of an event.
        blank_is_nan: Whether a NaN stands for a missing value, as in pandas.
    """

    rows: Iterable[Any]
    total: int | None
    property_columns: frozenset[str] | bool
    blank_is_nan: bool = False

    @property
    def streamed(self) -> bool:
        """Whether the rows can be read only once."""
        return self.total is None

    def fields(self, row: object) -> Fields:
        """The parts of one row's event.

        Raises:
            InvalidInputError: it is no mapping, or has names that no event has.
        """
        if not isinstance(row, Mapping):
            raise InvalidInputError(f"It is of type {type(row).__name__}, not a mapping.", hint=_HINT)
        further = [name for name in row if name not in _FIELDS]
        _check_names([name for name in further if not self._is_property(name)])
        for name in ("timestamp", "uuid"):
            if name in row and self._is_blank(row[name]):
                raise InvalidInputError(
                    f"{name} is missing.", hint=f"Leave {name} out everywhere, or give each event its own."
                )
        properties = self._properties(row.get("properties"))
        columns = {name: row[name] for name in further if not self._is_blank(row[name])}
        if columns and properties is not None and not isinstance(properties, Mapping):
            raise InvalidInputError(f"properties is of type {type(properties).__name__}, not an object.")
        return Fields(
            event=row.get("event"),
            distinct_id=row.get("distinct_id"),
            properties={**(properties or {}), **columns} if columns else properties,
            timestamp=row.get("timestamp"),
            uuid=row.get("uuid"),
        )

    def _is_property(self, name: object) -> bool:
        return self.property_columns is True or (
            isinstance(self.property_columns, frozenset) and name in self.property_columns
        )

    def _properties(self, given: object) -> Any:  # noqa: ANN401 - checked where every event's are
        if isinstance(given, str):
            try:
                return _an_object(json.loads(given, parse_constant=_refuse))
            except (ValueError, RecursionError) as error:
                raise InvalidInputError(f"properties is the text {given[:60]!r}, which is no JSON object.") from error
        return None if self._is_blank(given) else given

    def _is_blank(self, value: object) -> bool:
        if value is None or type(value).__name__ == "NAType":
            return True
        if isinstance(value, float):
            return self.blank_is_nan and value != value  # noqa: PLR0124 - that is what NaN is known by
        return isinstance(value, datetime) and bool(value != value)  # noqa: PLR0124 - so is pandas' NaT


def event_rows(events: object, property_columns: object) -> EventRows:
    """The rows of a frame, a list or a stream of mappings.

    Raises:
        InvalidInputError: it is none of these, or a frame's columns are no events.
    """
    chosen = _chosen(property_columns)
    if (frame := _frame(events)) is not None:
        names = list(frame.columns)
        if missing := [name for name in _NEEDED if name not in names]:
            raise InvalidInputError(f"The frame has no column {missing[0]!r}.", hint=_HINT)
        if isinstance(chosen, frozenset) and (missing := sorted(chosen.difference(names))):
            raise InvalidInputError(f"The frame has no column {missing[0]!r}, which property_columns names.")
        if chosen is not True:
            _check_names([name for name in names if name not in _FIELDS and name not in (chosen or ())])
        return EventRows(_FrameRows(frame), len(frame), chosen, blank_is_nan=frame.implementation.is_pandas_like())
    if isinstance(events, Mapping | str | bytes) or not isinstance(events, Iterable):
        raise InvalidInputError(
            f"The events are of type {type(events).__name__}.",
            hint="Pass a frame of pandas, polars or Arrow, or mappings: a list or a generator of them. " + _HINT,
        )
    return EventRows(events, len(events) if isinstance(events, Collection) else None, chosen)


@dataclass(frozen=True)
class _FrameRows:
    frame: Any

    def __iter__(self) -> Iterator[dict[str, Any]]:
        rows: Iterator[dict[str, Any]] = self.frame.iter_rows(named=True)
        return rows


def _frame(events: object) -> Any:  # noqa: ANN401 - a narwhals frame, or None
    import narwhals as nw  # noqa: PLC0415 - a tenth of a second, for who sends many

    try:
        found = nw.from_native(events, eager_only=True, pass_through=True)
        if found is events and hasattr(events, "__arrow_c_stream__") and _has_columns(events):
            # A record batch, a reader of them, a relation of DuckDB: it speaks Arrow and has columns.
            import pyarrow as pa  # noqa: PLC0415

            found = nw.from_native(pa.table(events), eager_only=True)
    except nw.exceptions.DuplicateError as error:
        raise InvalidInputError("Two columns of the frame have the same name.") from error
    return found if isinstance(found, nw.DataFrame) else None


def _has_columns(found: object) -> bool:
    return hasattr(found, "columns") or hasattr(found, "schema")


def _chosen(property_columns: object) -> frozenset[str] | bool:
    if property_columns is None or isinstance(property_columns, bool):
        return bool(property_columns)
    if (
        isinstance(property_columns, str)
        or not isinstance(property_columns, Sequence | set | frozenset)
        or not all(isinstance(name, str) for name in property_columns)
    ):
        raise InvalidInputError(
            f"property_columns is {property_columns!r}.", hint='Give a list of names, ["plan", "seats"], or True.'
        )
    if taken := sorted(set(property_columns).intersection(_FIELDS)):
        raise InvalidInputError(f"property_columns has {taken[0]!r}, which is a part of the event itself.")
    return frozenset(property_columns)


def _check_names(unknown: list[Any]) -> None:
    if unknown:
        more = f" and {len(unknown) - 5} more" if len(unknown) > 5 else ""  # noqa: PLR2004 - enough to see which
        names = ", ".join(map(repr, unknown[:5]))
        raise InvalidInputError(f"No event has {names}{more}.", hint=_HINT)


def _an_object(found: object) -> Mapping[str, Any]:
    if not isinstance(found, dict):
        raise ValueError(found)  # noqa: TRY004 - told as any other text that is no object
    return found


def _refuse(constant: str) -> NoReturn:
    raise ValueError(constant)
