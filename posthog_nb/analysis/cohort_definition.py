"""What is to be in a cohort: a HogQL query that finds persons, or a frame that lists them."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID

from posthog_nb.errors import InvalidInputError
from posthog_nb.operations.persons import IDS_A_QUERY
from posthog_nb.operations.plain import as_python
from posthog_nb.operations.queries import run

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from posthog_nb.analysis.asking import Asking
    from posthog_nb.operations.result import Result

__all__ = ["Found", "Listed", "ask", "identity_of", "read_definition"]

_PERSON_COLUMNS = ("person_id", "distinct_id", "uuid", "id", "distinct_ids")
"""What says who is meant, the first that is there. In a frame of events ``uuid`` and ``id`` are the event's own, and a
distinct id stands beside them."""
_BY_DISTINCT_ID = ("distinct_id", "distinct_ids")
_HINT = "It needs a column person_id, distinct_id, uuid or id."
_CHARACTERS_A_QUERY = 150_000
"""A query stays under 256 KiB, ClickHouse's own limit, which a self-hosted PostHog may have."""
_SHOWN = 5


@dataclass(frozen=True)
class Found:
    """Persons whom a query finds.

    Attributes:
        query: HogQL with the one column ``person_id``, of persons of the project only.
    """

    query: str


@dataclass(frozen=True)
class Listed:
    """Persons by name.

    Attributes:
        persons: Their UUIDs, each once.
    """

    persons: Sequence[str]


def read_definition(asking: Asking, definition: object) -> Found | Listed:
    """Who is meant, looked up in the project.

    Raises:
        InvalidInputError: it is neither a query nor a frame, has no column that says who is meant, means nobody, or
            names persons who are not in the project.
        QueryError: PostHog refused the query.
    """
    if isinstance(definition, str):
        return _found(asking, definition)
    column, cells = _column(definition)
    ids = _ids(column, cells)
    if not ids:
        raise InvalidInputError(f"The frame lists nobody in {column!r}, and a cohort of nobody is not made.")
    known = _known_by_distinct_id(asking, ids) if column in _BY_DISTINCT_ID else _known_persons(asking, ids)
    if missing := [one for one in ids if one not in known]:
        raise _unknown(column, missing, len(ids))
    return Listed(list(dict.fromkeys(known[one] for one in ids)))


def identity_of(definition: object) -> dict[str, Any]:
    """What tells a definition from others, for a snapshot: the query, or how many ids the frame lists and their hash.

    Raises:
        InvalidInputError: it is neither a query nor a frame, or has no column that says who is meant.
    """
    if isinstance(definition, str):
        return {"hogql": definition}
    column, cells = _column(definition)
    ids = _ids(column, cells)
    listed = hashlib.sha256("\0".join(ids).encode(errors="backslashreplace")).hexdigest()
    return {"column": column, "ids": len(ids), "sha256": listed}


# Queries -----------------------------------------------------------------------------------------------------------


def _found(asking: Asking, definition: str) -> Found:
    first = ask(asking, definition, limit=1)
    columns = first.columns
    column = next((name for name in _PERSON_COLUMNS[:-1] if name in columns), None)
    if column is None:
        raise InvalidInputError(
            f"The definition of a cohort says who is meant, and this one has {', '.join(columns)}.", hint=_HINT
        )
    found = Found(_only_persons(definition, column))
    if not ask(asking, f"SELECT count() FROM (\n{found.query}\n)").rows[0][0]:
        raise InvalidInputError(
            "The definition finds nobody, and a cohort of nobody is not made.",
            hint=f"Its column {column} has the id of no person of this project."
            if first.rows
            else "Its query has no rows: look at its conditions, such as the name of an event.",
        )
    return found


def _only_persons(definition: str, column: str) -> str:
    # Events without a person profile have a person_id as well, of nobody in the table of persons.
    chosen = f"SELECT toUUID(toString({column}))"
    if column in _BY_DISTINCT_ID:
        chosen = "SELECT person_id FROM person_distinct_ids WHERE distinct_id IN (SELECT toString(distinct_id)"
    closed = ")" if column in _BY_DISTINCT_ID else ""
    return (
        "SELECT id AS person_id\n"
        "FROM persons\n"
        f"WHERE id IN (\n    {chosen}\n    FROM (\n{_without_end(definition)}\n    ){closed}\n)"
    )


def _without_end(definition: str) -> str:
    return definition.strip().removesuffix(";")


def ask(asking: Asking, query: str, *, limit: int | None = None, values: Mapping[str, object] | None = None) -> Result:
    """Run a query about what is there now."""
    return run(asking.connection, query, limit=limit, values=values, fresh=True)


# Frames ------------------------------------------------------------------------------------------------------------


def _column(definition: object) -> tuple[str, list[Any]]:
    """The name and the cells of the column that says who is meant."""
    import narwhals.stable.v2 as nw  # noqa: PLC0415 - tells the kinds of frames apart
    from narwhals.exceptions import DuplicateError  # noqa: PLC0415

    try:
        frame: Any = nw.from_native(definition, eager_only=True)
    except DuplicateError as error:
        raise InvalidInputError("The frame has two columns of one name.", hint="Rename or drop one of them.") from error
    except TypeError as error:
        raise InvalidInputError(
            f"A cohort is not made of a value of type {type(definition).__name__}.",
            hint="Give a HogQL query, or a pandas, polars or Arrow frame of persons: a result has .to_frame(), a "
            "LazyFrame .collect().",
        ) from error
    column = next((name for name in _PERSON_COLUMNS if name in frame.columns), None)
    if column is None:
        has = ", ".join(map(str, frame.columns)) or "none"
        raise InvalidInputError(f"The frame has no column that says who is meant; it has {has}.", hint=_HINT)
    return column, frame[column].to_list()


def _ids(column: str, cells: Iterable[Any]) -> list[str]:
    """The ids in the cells, each once."""
    read = _uuid if column not in _BY_DISTINCT_ID else _distinct_id
    ids: dict[str, None] = {}
    for cell in cells:
        plain = as_python(cell)
        for one in plain if column == "distinct_ids" and isinstance(plain, list) else [plain]:
            ids[read(one, column)] = None
    return list(ids)


def _uuid(given: object, column: str) -> str:
    try:
        return str(UUID(str(given)))
    except ValueError:
        raise _no_id(given, column, "a person's UUID") from None


def _distinct_id(given: object, column: str) -> str:
    if isinstance(given, bool) or not isinstance(given, str | int) or given == "":
        raise _no_id(given, column, "a distinct id")
    return str(given)


def _no_id(given: object, column: str, what: str) -> InvalidInputError:
    whole = column in _BY_DISTINCT_ID and isinstance(given, float) and given.is_integer()
    return InvalidInputError(
        f"The frame's column {column!r} has {given!r}, which is not {what}.",
        hint=f'Where a missing value has made numbers float64 in pandas: df["{column}"].astype("Int64").'
        if whole
        else "Take such rows out first.",
    )


def _unknown(column: str, missing: Sequence[str], of: int) -> InvalidInputError:
    more = f" and {len(missing) - _SHOWN:,} more" if len(missing) > _SHOWN else ""
    shown = ", ".join(map(repr, missing[:_SHOWN]))
    return InvalidInputError(
        f"{len(missing):,} of {of:,} ids in the frame's column {column!r} are of no person of this project: "
        f"{shown}{more}.",
        hint="Nothing was made. Take them out; or, where persons were merged since, list them by distinct id.",
    )


def _known_persons(asking: Asking, ids: Sequence[str]) -> dict[str, str]:
    known: dict[str, str] = {}
    for some in _portions(ids):
        query = "SELECT toString(id) FROM persons WHERE toString(id) IN {ids}"
        known |= {row[0]: row[0] for row in ask(asking, query, limit=len(some), values={"ids": some}).rows}
    return known


def _known_by_distinct_id(asking: Asking, ids: Sequence[str]) -> dict[str, str]:
    known: dict[str, str] = {}
    for some in _portions(ids):
        query = (
            "SELECT distinct_id, toString(person_id) FROM person_distinct_ids"
            " WHERE distinct_id IN {ids} AND person_id IN (SELECT id FROM persons)"
        )
        known |= {row[0]: row[1] for row in ask(asking, query, limit=len(some), values={"ids": some}).rows}
    return known


def _portions(ids: Sequence[str]) -> Iterator[list[str]]:
    """The ids in lists that a query has room for."""
    some: list[str] = []
    room = _CHARACTERS_A_QUERY
    for one in ids:
        size = len(one.encode()) + 4
        if some and (size > room or len(some) == IDS_A_QUERY):
            yield some
            some, room = [], _CHARACTERS_A_QUERY
        some.append(one)
        room -= size
    if some:
        yield some
