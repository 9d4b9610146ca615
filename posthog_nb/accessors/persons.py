"""Person properties beside a frame's distinct ids."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from posthog_nb.accessors.arrow import column
from posthog_nb.accessors.identities import texts_of
from posthog_nb.errors import InvalidInputError
from posthog_nb.operations.moments import warn_caller
from posthog_nb.operations.person import as_object

if TYPE_CHECKING:
    from posthog_nb.client import Client

__all__ = ["with_persons"]

PERSON, PROPERTIES = "person_id", "person_properties"
IDS_A_QUERY = 5_000
"""A query stays under 256 KiB, ClickHouse's own limit, which a self-hosted PostHog may have."""

_QUERY = """\
SELECT
    distinct_id,
    toString(person_id) AS person_id,
    person.properties AS properties
FROM person_distinct_ids
WHERE distinct_id IN {ids}"""


def with_persons(frame: Any, distinct_id: str, client: Client) -> Any:  # noqa: ANN401 - a frame of the same kind
    """The frame with ``person_id``, unless it has one, and ``person_properties``.

    Raises:
        InvalidInputError: the distinct ids are of another type, or the frame has properties of persons already.
    """
    import pyarrow as pa  # noqa: PLC0415 - loaded when a frame is read
    import pyarrow.compute as pc  # noqa: PLC0415

    if PROPERTIES in frame.columns:
        raise InvalidInputError(f"The frame has a column {PROPERTIES!r} already.", hint="Drop or rename it.")
    texts = texts_of(distinct_id, column(frame, distinct_id), "the distinct id").combine_chunks()
    asked = pc.unique(texts).drop_null().to_pylist()
    found: dict[str, tuple[str, str]] = {}
    for start in range(0, len(asked), IDS_A_QUERY):
        some = asked[start : start + IDS_A_QUERY]
        for one, person, properties in client.query(_QUERY, limit=len(some), values={"ids": some}, fresh=True).rows:
            found[one] = (person, properties)
    if len(found) < len(asked):
        warn_caller(
            f"{len(asked) - len(found):,} of {len(asked):,} distinct ids are nobody's in {client.source}, such as "
            f"{next(one for one in asked if one not in found)!r}: their rows have no person."
        )
    known = texts.dictionary_encode()
    rows = known.indices
    added: dict[str, list[str | None]] = {}
    for number, name in enumerate((PERSON, PROPERTIES)):
        if name not in frame.columns:
            added[name] = [found[one][number] if one in found else None for one in known.dictionary.to_pylist()]
    if type(frame).__module__.startswith("polars"):
        import polars as pl  # noqa: PLC0415 - the frame is its

        arrays = {name: pa.array(values, pa.large_string()).take(rows) for name, values in added.items()}
        return frame.with_columns(*[pl.Series(name, array) for name, array in arrays.items()])
    import pandas as pd  # noqa: PLC0415 - likewise

    columns = {}
    for name, values in added.items():
        shown = [as_object(value) for value in values] if name == PROPERTIES else values
        taken = [None if row is None else shown[row] for row in rows.to_pylist()]
        columns[name] = pd.Series(taken, index=frame.index, dtype=object if name == PROPERTIES else "str")
    return frame.assign(**columns)
