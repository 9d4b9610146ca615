"""The events that a frame holds: its columns read, checked and made what an event has, ready to be loaded."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import available_timezones

from posthog_nb.accessors.arrow import column, refuse_nulls, type_of
from posthog_nb.accessors.columns import NAMES, Given, check_names, column_of, missing
from posthog_nb.accessors.identities import ids, numbered, sessions_of, texts_of, uuids
from posthog_nb.accessors.properties import Property, as_property, json_objects
from posthog_nb.embedded.store.loading import TEXT, PropertyColumn
from posthog_nb.errors import InvalidInputError

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pyarrow as pa

__all__ = ["Events", "read_events", "read_zone"]

ROWS_AT_ONCE = 500_000
"""An interrupt is obeyed between two of them."""

SESSION = "$session_id"
_EARLIEST, _LATEST = datetime(1900, 1, 1, tzinfo=UTC), datetime(2299, 12, 31, tzinfo=UTC)
"""What ClickHouse's DateTime64 holds."""
FIRST_DAY, LAST_DAY = datetime(1970, 1, 2, tzinfo=UTC), datetime(2106, 1, 1, tzinfo=UTC)
"""Between them every zone has whole days in ClickHouse's DateTime, which the dates of analyses are."""

_NEEDED = {"event": "what happened", "distinct_id": "who did it", "timestamp": "when it happened"}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Events:
    """The events of a frame.

    Attributes:
        columns: What :func:`posthog_nb.embedded.store.loading.load_events` needs, but for properties.
        properties: The columns that become properties.
        objects: Columns of objects by the name that they have there (``properties``, ``person_properties``): the name
            in the frame and the values.
        zone: The time zone of the project that they are loaded into.
        last: The time of the last event.
        session: The column of sessions, if there is one.
        has_persons: Whether there is a column of persons.
        notes: What a reader of any result should know.
    """

    columns: dict[str, pa.ChunkedArray]
    properties: tuple[Property, ...]
    objects: dict[str, tuple[str, pa.ChunkedArray | list[Any]]]
    zone: str
    last: datetime
    session: str | None
    has_persons: bool
    notes: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.columns["event"])

    @property
    def property_columns(self) -> list[PropertyColumn]:
        """How the properties are named in :meth:`tables`."""
        return [PropertyColumn(one.key, f"p{number}", one.form) for number, one in enumerate(self.properties)]

    def tables(self) -> Iterator[pa.Table]:
        """The events, some at a time.

        Raises:
            InvalidInputError: an object of properties cannot be carried.
        """
        import pyarrow as pa  # noqa: PLC0415 - loaded already

        for start in range(0, len(self), ROWS_AT_ONCE):
            stop = start + ROWS_AT_ONCE
            some = [Property(one.key, one.values[start:stop], one.form, one.kind) for one in self.properties]
            yield pa.table(
                {
                    "number": pa.array(range(start, min(stop, len(self))), pa.int64()),
                    **{name: values[start:stop] for name, values in self.columns.items()},
                    **{
                        name: json_objects(given, values[start:stop], some if name == "properties" else [])
                        for name, (given, values) in self.objects.items()
                    },
                    **{one.name: values.values for one, values in zip(self.property_columns, some, strict=True)},
                }
            )


def read_events(frame: Any, given: Given, *, timezone: str | None = None) -> Events:  # noqa: ANN401 - pandas or polars
    """Read a frame's events.

    Args:
        frame: A pandas or polars frame.
        given: The columns that somebody named.
        timezone: The zone of times that have none, and of the project; by default the times' own.

    Raises:
        InvalidInputError: a column is missing, may be one of several, or is not what it should be; or there is no row.
    """
    import pyarrow.compute as pc  # noqa: PLC0415 - loaded when a frame is read

    found = _found(frame, given)
    notes: list[str] = []
    moments, zone = _timestamps(found["timestamp"], column(frame, found["timestamp"]), timezone, notes)
    columns = {"event": _names_of(found["event"], column(frame, found["event"])), "timestamp": moments}
    used = {found[role] for role in found if role != "session"}
    persons_are_uuids = _identify(frame, found, columns)
    if not persons_are_uuids and found.get("person") not in {None, found["distinct_id"]}:
        # The ids of persons that are no UUIDs are numbered; what they were stays a property.
        used.discard(found["person"])
    if "uuid" in found:
        own = _own_uuids(found["uuid"], column(frame, found["uuid"]), named=given.uuid is not None, notes=notes)
        if own is None:
            used.discard(found["uuid"])
        else:
            columns["uuid"] = own
    properties = []
    if "session" in found:
        persons = numbered(columns["person"])
        made = sessions_of(found["session"], column(frame, found["session"]), persons, moments, notes)
        properties.append(Property(SESSION, made, TEXT, "String"))
        used |= {SESSION}
    further = (as_property(name, column(frame, name), notes) for name in frame.columns if name not in used)
    properties += [one for one in further if one is not None]
    return Events(
        columns=columns,
        properties=tuple(properties),
        objects={
            role: (found[role], column(frame, found[role]))
            for role in ("properties", "person_properties")
            if role in found
        },
        zone=zone,
        last=_EPOCH + timedelta(microseconds=pc.max(moments).as_py()),
        session=found.get("session"),
        has_persons="person" in found,
        notes=tuple(notes),
    )


def _found(frame: Any, given: Given) -> dict[str, str]:  # noqa: ANN401 - pandas or polars
    """The column of each role that the frame has; those that are needed are there."""
    names = check_names(frame.columns)
    given.check(names)
    found = {role: name for role in NAMES if (name := column_of(role, given, names)) is not None}
    if "distinct_id" not in found and "person" in found:
        found["distinct_id"] = found["person"]
    for role, what in _NEEDED.items():
        if role not in found:
            raise missing(role, what, names)
    if not len(frame):
        raise InvalidInputError("The frame has no rows, so there are no events to ask about.")
    return found


def _identify(frame: Any, found: dict[str, str], columns: dict[str, pa.ChunkedArray]) -> bool:  # noqa: ANN401 - likewise
    """Add who did it to ``columns``; whether the persons' ids are the frame's own."""
    columns["distinct_id"] = persons = ids(found["distinct_id"], column(frame, found["distinct_id"]), "who did it")
    own = None
    if "person" in found:
        if found["person"] != found["distinct_id"]:
            persons = ids(found["person"], column(frame, found["person"]), "the person")
        own = uuids(persons)
    columns["person"] = numbered(persons) if own is None else own
    return own is not None


def read_zone(timezone: object) -> str:
    """A time zone by its IANA name.

    Raises:
        InvalidInputError: it is none.
    """
    if not isinstance(timezone, str) or timezone not in available_timezones():
        raise InvalidInputError(f"{timezone!r} is no time zone.", hint="Give its IANA name, such as Europe/London.")
    return timezone


def _names_of(name: str, values: pa.ChunkedArray | list[Any]) -> pa.ChunkedArray:
    import pyarrow as pa  # noqa: PLC0415

    if isinstance(values, list) or not pa.types.is_large_string(values.type):
        raise InvalidInputError(
            f"The column {name!r}, the event, is of type {type_of(values)}, not text.",
            hint=f'Make it text, df["{name}"].astype(str), or name another column: df.posthog(event="...").',
        )
    refuse_nulls(name, "the event", values, "Drop those rows, or give them a name.")
    return values


def _timestamps(
    name: str, values: pa.ChunkedArray | list[Any], timezone: str | None, notes: list[str]
) -> tuple[pa.ChunkedArray, str]:
    """Microseconds since 1970, and the zone of the project."""
    import pyarrow as pa  # noqa: PLC0415
    import pyarrow.compute as pc  # noqa: PLC0415

    if isinstance(values, list) or not (pa.types.is_timestamp(values.type) or pa.types.is_date(values.type)):
        raise InvalidInputError(
            f"The column {name!r}, the timestamp, is of type {type_of(values)}, not a time.",
            hint=f'Make times of it: pd.to_datetime(df["{name}"]), or pl.col("{name}").str.to_datetime(); for numbers '
            'since 1970 say their unit: pd.to_datetime(..., unit="s"), pl.from_epoch(...).',
        )
    refuse_nulls(name, "the timestamp", values, "Drop those rows, or say when it was.")
    if pa.types.is_date(values.type):
        values = values.cast(pa.timestamp("ms"))
    kind = values.type
    if kind.tz is None:
        zone = "UTC" if timezone is None else read_zone(timezone)
        if timezone is None:
            notes.append(f"The times of {name!r} have no time zone and are read as UTC; timezone= says another.")
        values = _in_zone(name, values, zone)
    else:
        zone = _zone_of(kind.tz, notes) if timezone is None else read_zone(timezone)
    if kind.unit == "ns" and pc.any(pc.not_equal(pc.nanosecond(values), 0)).as_py():
        notes.append(f"The times of {name!r} have nanoseconds; events have microseconds, to which they are cut.")
    # Floored, where a cast would cut a time before 1970 towards it.
    moments = pc.floor_temporal(values, unit="microsecond") if kind.unit == "ns" else values
    first, last = (pc.min_max(moments)[end] for end in ("min", "max"))
    moments = pc.cast(moments, pa.timestamp("us", "UTC")).cast(pa.int64())
    lowest, highest = (
        _EPOCH + timedelta(microseconds=end.cast(pa.timestamp("us", "UTC")).cast(pa.int64()).as_py())
        for end in (first, last)
    )
    if lowest < _EARLIEST or highest > _LATEST:
        raise InvalidInputError(
            f"The column {name!r} has the time {(lowest if lowest < _EARLIEST else highest).isoformat()}.",
            hint="Events lie between 1900 and 2299: drop those rows, or say when it was.",
        )
    if lowest < FIRST_DAY or highest >= LAST_DAY:
        notes.append(
            f"The column {name!r} has times before 1970-01-02 or after 2105, which queries see and analyses do not:"
            " their dates end there."
        )
    return moments, zone


def _in_zone(name: str, values: pa.ChunkedArray, zone: str) -> pa.ChunkedArray:
    import pyarrow as pa  # noqa: PLC0415
    import pyarrow.compute as pc  # noqa: PLC0415

    try:
        return pc.assume_timezone(values, zone, ambiguous="raise", nonexistent="raise")
    except pa.ArrowInvalid as error:
        raise InvalidInputError(
            f"The column {name!r} has a time that {zone} has twice or not at all, when its clocks change: {error}.",
            hint=f'Say what is meant: df["{name}"].dt.tz_localize("{zone}", ambiguous=..., nonexistent=...).',
        ) from error


def _zone_of(text: str, notes: list[str]) -> str:
    """The IANA name of a zone as Arrow has it."""
    if text in available_timezones():
        return text
    hours = datetime.strptime("2000-01-01" + text, "%Y-%m-%d%z").utcoffset() if text[:1] in "+-" else None
    if hours is not None and hours % timedelta(hours=1) == timedelta(0):
        # The sign is the other way round there, as POSIX has it.
        number = -int(hours / timedelta(hours=1))
        name = "UTC" if number == 0 else f"Etc/GMT{number:+d}"
        if name in available_timezones():
            return name
    notes.append(f"{text} is no named time zone, so times are shown in UTC; timezone= says another.")
    return "UTC"


def _own_uuids(
    name: str, values: pa.ChunkedArray | list[Any], *, named: bool, notes: list[str]
) -> pa.ChunkedArray | None:
    import pyarrow as pa  # noqa: PLC0415
    import pyarrow.compute as pc  # noqa: PLC0415

    if isinstance(values, list) or pa.types.is_large_string(values.type):
        own = uuids(texts_of(name, values, "the uuid"))
    else:
        own = None
    if own is None and named:
        raise InvalidInputError(
            f"The column {name!r}, the uuid, holds what is no UUID.", hint="Leave uuid= out: each row gets one."
        )
    if own is not None:
        twice = len(own) - own.null_count - pc.count_distinct(own).as_py()
        if twice:
            notes.append(f"{twice:,} rows have the uuid of another; each is an event all the same.")
    return own
