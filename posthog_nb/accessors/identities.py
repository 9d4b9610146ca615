"""Who did it and in which session: ids of any kind as texts, and uuids for persons and sessions, none for two."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import UUID

from posthog_nb.accessors.arrow import refuse_nulls, type_of
from posthog_nb.errors import InvalidInputError

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["ids", "numbered", "sessions_of", "texts_of", "uuids"]

_UUID = r"^[0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{12}$"
_VERSION_7 = r"^[0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-7[0-9A-Fa-f]{3}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{12}$"


def texts_of(name: str, values: pa.ChunkedArray | list[Any], what: str) -> pa.ChunkedArray:
    """Ids as texts: of texts, whole numbers, or UUIDs; null where there is none or an empty text.

    Raises:
        InvalidInputError: they are of another type.
    """
    import pyarrow as pa  # noqa: PLC0415 - loaded already
    import pyarrow.compute as pc  # noqa: PLC0415

    if isinstance(values, list) and all(value is None or isinstance(value, UUID) for value in values):
        values = pa.chunked_array([pa.array([None if one is None else str(one) for one in values], pa.large_string())])
    if isinstance(values, list) or not (
        pa.types.is_large_string(values.type) or pa.types.is_integer(values.type) or pa.types.is_null(values.type)
    ):
        raise InvalidInputError(
            f"The column {name!r}, {what}, is of type {type_of(values)}; ids are texts, whole numbers or UUIDs.",
            hint=f'Convert it, such as by df["{name}"].astype("Int64") where a missing value has made numbers float64 '
            "in pandas, or to text.",
        )
    texts = pc.cast(values, pa.large_string())
    return pc.if_else(pc.equal(texts, ""), pa.scalar(None, pa.large_string()), texts)


def ids(name: str, values: pa.ChunkedArray | list[Any], what: str) -> pa.ChunkedArray:
    """Ids as texts, in each row one.

    Raises:
        InvalidInputError: they are neither texts nor whole numbers nor UUIDs, or a row has none.
    """
    texts = texts_of(name, values, what)
    refuse_nulls(name, what, texts, "Drop those rows, or give them an id: all rows of one id are one person.")
    return texts


def uuids(texts: pa.ChunkedArray) -> pa.ChunkedArray | None:
    """The texts, where each is a UUID and no two of them are the same one in other letters; else None."""
    import pyarrow.compute as pc  # noqa: PLC0415

    known = pc.unique(texts).drop_null()
    if not pc.all(pc.match_substring_regex(known, _UUID)).as_py():
        return None
    return texts if len(pc.unique(pc.utf8_lower(known))) == len(known) else None


def numbered(values: pa.ChunkedArray) -> pa.ChunkedArray:
    """A number for each value, the same for equal ones and for them alone."""
    import pyarrow as pa  # noqa: PLC0415

    indices = values.combine_chunks().dictionary_encode().indices
    return pa.chunked_array([indices.cast(pa.int64())])


def sessions_of(
    name: str,
    values: pa.ChunkedArray | list[Any],
    persons: pa.ChunkedArray,
    moments: pa.ChunkedArray,
    notes: list[str],
) -> pa.ChunkedArray:
    """Session ids that PostHog knows sessions by: UUIDs of version 7, which begin with the time of their first event.

    Those that are none get one for each value and person, since numbers of sessions often begin anew with a person.

    Raises:
        InvalidInputError: they are neither texts nor whole numbers nor UUIDs.
    """
    import pyarrow as pa  # noqa: PLC0415
    import pyarrow.compute as pc  # noqa: PLC0415

    texts = texts_of(name, values, "the session").combine_chunks()
    if pc.all(pc.match_substring_regex(texts, _VERSION_7)).as_py() is not False:
        return pa.chunked_array([texts])
    notes.append(
        f"The sessions of {name!r} are no UUIDs of version 7, which is what PostHog knows sessions by: each one of a"
        " person has such an id in $session_id."
    )
    known = texts.dictionary_encode()
    one = pc.add(pc.multiply(persons.combine_chunks(), len(known.dictionary)), known.indices.cast(pa.int64()))
    groups = one.dictionary_encode()
    began = (
        pa.table({"group": groups.indices, "at": moments.combine_chunks()})
        .group_by("group")
        .aggregate([("at", "min")])
        .to_pydict()
    )
    made: list[str | None] = [None] * len(groups.dictionary)
    for group, at in zip(began["group"], began["at_min"], strict=True):
        if group is not None:
            made[group] = _version_7(max(at // 1000, 0), group)
    return pa.chunked_array([pa.array(made, pa.large_string()).take(groups.indices)])


def _version_7(milliseconds: int, number: int) -> str:
    time = f"{milliseconds:012x}"
    return f"{time[:8]}-{time[8:]}-7000-8000-{number:012x}"
