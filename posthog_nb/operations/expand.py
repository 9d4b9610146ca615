"""Columns of chosen properties, with the types that the project defines them to have."""

from __future__ import annotations

import difflib
import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from posthog_nb.errors import InvalidInputError
from posthog_nb.frames import ClickHouseType, Table, TypeTextError, parse_type, to_frame
from posthog_nb.frames.schema import arrow_type
from posthog_nb.operations.defined import Misfit, as_text, is_rounded, questions, reader_of
from posthog_nb.operations.moments import warn_caller
from posthog_nb.operations.plain import as_python, is_text
from posthog_nb.operations.queries import run
from posthog_nb.visible import counted

if TYPE_CHECKING:
    import pyarrow as pa

    from posthog_nb.connection import Connection

__all__ = ["Declare", "expand", "expand_as"]

MOST_KEYS = 200
"""As many columns are made when no keys are named."""

_OF = ("event", "person")
_LONGEST_SHOWN = 40
_TEXT = ClickHouseType("Nullable", (ClickHouseType("String"),))

Declare = Callable[[list[str], str, list[Mapping[str, Any]]], tuple[dict[str, ClickHouseType], str]]


def expand(  # noqa: PLR0913 - as Client.expand()
    connection: Connection,
    frame: Any,  # noqa: ANN401 - a frame of any of the three kinds
    keys: str | Iterable[str] | None = None,
    *,
    column: str = "properties",
    prefix: str | None = None,
    of: str | None = None,
) -> Any:  # noqa: ANN401 - a frame of the same kind
    """``frame`` with a column of each key; see :meth:`posthog_nb.client.Client.expand`."""

    def declare(chosen: list[str], whose: str, _: list[Mapping[str, Any]]) -> tuple[dict[str, ClickHouseType], str]:
        return _declared(connection, chosen, whose)

    return expand_as(declare, frame, keys, column=column, prefix=prefix, of=of)


def expand_as(  # noqa: PLR0913 - as expand()
    declare: Declare,
    frame: Any,  # noqa: ANN401 - a frame of any of the three kinds
    keys: str | Iterable[str] | None = None,
    *,
    column: str = "properties",
    prefix: str | None = None,
    of: str | None = None,
) -> Any:  # noqa: ANN401 - a frame of the same kind
    """The same with types from elsewhere.

    Args:
        declare: Gives the type of each of the keys, of an ``"event"`` or a ``"person"``, and the zone of times; it is
            told the objects too.
        frame: As for :meth:`posthog_nb.client.Client.expand`.
        keys: Likewise.
        column: Likewise.
        prefix: Likewise.
        of: Likewise.
    """
    kind, names, values = _read(frame, column)
    if of not in {None, *_OF}:
        raise InvalidInputError(f"of is {of!r}.", hint='It is "event" or "person": whose properties these are.')
    objects, notes = _objects(values, column)
    found = Counter(key for one in objects for key in one)
    chosen = _most_frequent(found, notes) if keys is None else _named(keys)
    if keys is not None and objects:
        notes += _unknown(chosen, found)
    places = _places(chosen, names, column, prefix)
    types, zone = declare(chosen, of or _owner(names, column), objects)
    kinds, arrays = [], []
    for key in chosen:
        declared, array = _column(key, [one.get(key) for one in objects], types[key], zone, notes)
        kinds.append(declared)
        arrays.append(array)
    for note in notes:
        warn_caller(note)
    return _joined(frame, kind, places, arrays, kinds, notes)


# Reading -----------------------------------------------------------------------------------------------------------


def _read(frame: Any, column: str) -> tuple[str, list[str], list[Any]]:  # noqa: ANN401 - a frame
    import narwhals.stable.v2 as nw  # noqa: PLC0415 - tells the kinds of frames apart

    try:
        found = nw.from_native(frame, eager_only=True)
    except TypeError as error:
        raise InvalidInputError(
            f"A value of type {type(frame).__name__} has no columns to add to.",
            hint="Give a pandas or polars frame or an Arrow table: a result has .to_frame(), a LazyFrame .collect().",
        ) from error
    kinds = {nw.Implementation.PANDAS: "pandas", nw.Implementation.POLARS: "polars", nw.Implementation.PYARROW: "arrow"}
    kind = kinds.get(found.implementation)
    if kind is None:
        raise InvalidInputError(
            f"A frame of {found.implementation} is not one of ours.", hint="Give a pandas, polars or Arrow one."
        )
    names = list(found.columns)
    if column not in names:
        raise InvalidInputError(
            f"The frame has no column {column!r}.",
            hint=f"It has {', '.join(map(str, names)) or 'none'}. column= says which one holds the properties.",
        )
    return kind, names, found[column].to_list()


def _objects(values: list[Any], column: str) -> tuple[list[Mapping[str, Any]], list[str]]:
    objects: list[Mapping[str, Any]] = []
    others = 0
    for value in values:
        found = _object(value)
        others += found is None
        objects.append(found or {})
    if not others:
        return objects, []
    return objects, [
        f"{others:,} of {len(values):,} rows hold no JSON object in {column!r}; their new columns are empty."
    ]


def _object(value: Any) -> Mapping[str, Any] | None:  # noqa: ANN401 - a cell
    """The cell's object, empty where the cell is; None for what is none."""
    found = value if isinstance(value, str | Mapping) else as_python(value)
    if isinstance(found, str):
        try:
            found = json.loads(found) if found else {}
        except ValueError:
            return None
    elif isinstance(found, list) and all(isinstance(pair, tuple) for pair in found):
        found = dict(found)  # an Arrow map
    if found is None or found != found:  # noqa: PLR0124 - NaN, which is what pandas has for nothing
        return {}
    return found if isinstance(found, Mapping) else None


# Choosing ----------------------------------------------------------------------------------------------------------


def _most_frequent(found: Counter[str], notes: list[str]) -> list[str]:
    keys = sorted((key for key in found if is_text(key)), key=lambda key: (-found[key], key))
    if len(keys) < len(found):
        notes.append(f"{len(found) - len(keys):,} keys are no text that a column could be called by.")
    if len(keys) > MOST_KEYS:
        notes.append(
            f"There are {len(keys):,} keys; the {MOST_KEYS} most frequent became columns. Name the others in keys=."
        )
    return keys[:MOST_KEYS]


def _named(keys: str | Iterable[str]) -> list[str]:
    given = [keys] if isinstance(keys, str) else as_python(keys)
    if isinstance(given, Mapping) or not isinstance(given, Iterable):
        raise InvalidInputError(f"keys is {keys!r}.", hint='Give the names of properties: ["plan", "$browser"].')
    chosen = list(dict.fromkeys(given))
    for key in chosen:
        if not isinstance(key, str) or not is_text(key):
            raise InvalidInputError(f"keys holds {key!r}, which is not text.")
    return chosen


def _unknown(chosen: list[str], found: Counter[str]) -> list[str]:
    notes = []
    for key in chosen:
        if key not in found:
            close = difflib.get_close_matches(key, found, n=1)
            notes.append(f"No row has a property {key!r}." + (f" Did you mean {close[0]!r}?" if close else ""))
    return notes


def _places(chosen: list[str], names: list[str], column: str, prefix: str | None) -> list[str]:
    """The name of each new column: never that of one which is there."""
    taken = set(names)
    places = []
    for key in chosen:
        name = f"{prefix or ''}{key}"
        if name in taken and prefix is None:
            name = f"{column}.{key}"
        if name in taken:
            raise InvalidInputError(
                f"The frame has a column {name!r} already.", hint="Choose another prefix=, or rename that column."
            )
        taken.add(name)
        places.append(name)
    return places


def _owner(names: list[str], column: str) -> str:
    # persons.search() and Person.to_frame() have distinct_ids, as no table of events does.
    return "person" if column.startswith("person") or ("distinct_ids" in names and "event" not in names) else "event"


# Typing ------------------------------------------------------------------------------------------------------------


def _declared(connection: Connection, keys: list[str], of: str) -> tuple[dict[str, ClickHouseType], str]:
    """The declared type of each property, and the project's zone. No row is read for it."""
    types = dict.fromkeys(keys, _TEXT)
    zone = "UTC"
    for some, query, values in questions(keys, of):
        # A definition that was edited a minute ago holds now.
        result = run(connection, query, values=values, fresh=True)
        zone = result.timezone or zone
        for key, declared in zip(some, result.types, strict=False):
            try:
                types[key] = parse_type(declared)
            except TypeTextError:
                continue
    return types, zone


def _column(
    key: str, values: list[Any], declared: ClickHouseType, zone: str, notes: list[str]
) -> tuple[ClickHouseType, pa.Array]:
    import pyarrow as pa  # noqa: PLC0415 - loaded when a frame is made

    kind, read, name = reader_of(declared, zone)
    found: list[Any] = []
    misfits: list[Any] = []
    rounded: list[Any] = []
    for value in values:
        if value is None:
            found.append(None)
            continue
        try:
            found.append(read(value))
        except Misfit:
            found.append(None)
            misfits.append(value)
        else:
            if is_rounded(value, found[-1]):
                rounded.append(value)
    if misfits:
        notes.append(
            f"{counted(len(misfits), 'value')} of {key!r} {'is' if len(misfits) == 1 else 'are'} not {name}, as PostHog"
            f" defines it, and empty in its column, such as {_example(misfits)}. The properties still have them."
        )
    if rounded:
        notes.append(
            f"{counted(len(rounded), 'value')} of {key!r} {'has' if len(rounded) == 1 else 'have'} more digits than a"
            f" float64, such as {_example(rounded)}. The properties still have them."
        )
    return kind, pa.array(found, type=arrow_type(kind))


def _example(values: list[Any]) -> str:
    text = as_text(values[0])
    return repr(text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}...")


# Joining -----------------------------------------------------------------------------------------------------------


def _joined(  # noqa: PLR0913, PLR0917 - the parts of a frame
    frame: Any,  # noqa: ANN401 - a frame
    kind: str,
    names: list[str],
    arrays: list[pa.Array],
    kinds: list[ClickHouseType],
    notes: list[str],
) -> Any:  # noqa: ANN401 - a frame of the same kind
    import pyarrow as pa  # noqa: PLC0415

    if kind == "arrow":
        for name, array in zip(names, arrays, strict=True):
            frame = frame.append_column(name, pa.chunked_array([array]))
        return frame
    added = to_frame(Table(pa.table(arrays, names=names), tuple(kinds)), kind)
    # polars gives a column without a name one of its own.
    added.columns = names
    if kind == "polars":
        return frame.hstack(added)
    import pandas as pd  # noqa: PLC0415 - the frame is one of its own

    added.index = frame.index
    joined = pd.concat([frame, added], axis=1)
    joined.attrs = dict(frame.attrs)
    about = joined.attrs.get("posthog")
    if isinstance(about, dict):
        joined.attrs["posthog"] = {**about, "notes": [*about.get("notes", ()), *notes]}
    return joined
