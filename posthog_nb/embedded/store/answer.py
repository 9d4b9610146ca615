"""The answer of a query as ClickHouse sends it, block by block, and no larger than can be held."""

from __future__ import annotations

from datetime import UTC, datetime
from types import NoneType
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from posthog_nb.errors import EngineError

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

__all__ = ["LARGEST_ANSWER", "TOO_LARGE", "TOO_LARGE_NAME", "streamed", "with_zones"]

LARGEST_ANSWER = 256 * 1024**2
"""Most bytes of an answer: Python and JSON take several times as many."""


TOO_LARGE_NAME = "TOO_MANY_ROWS_OR_BYTES"
TOO_LARGE = (
    f"The answer is larger than {LARGEST_ANSWER // 1024**2} MiB, the most that is sent. "
    "Select fewer columns or rows, or page through it."
)
_VALUE_BYTES = 16


def streamed(
    client: Any,  # noqa: ANN401 - as Engine._connect
    sql: str,
    settings: Mapping[str, object],
) -> tuple[tuple[str, ...], list[tuple[Any, ...]]]:
    """Types and rows, taken block by block, so that an answer that grows too large ends while it does.

    A column that has one value throughout counts as that one value for ClickHouse's limit until it is materialised.
    """
    rows: list[tuple[Any, ...]] = []
    weight = 0
    materialised = f"SELECT * APPLY(materialize) FROM ({sql})"
    with client.query_column_block_stream(materialised, settings=settings, query_tz="UTC") as stream:
        source = stream.source
        for block in stream:
            # Small numbers in an array are one byte each for ClickHouse, and many more in Python.
            weight += sum(map(_weight, block))
            if weight > LARGEST_ANSWER:
                raise EngineError(TOO_LARGE, name=TOO_LARGE_NAME)
            rows.extend(zip(*block, strict=True))
    return tuple(column.name for column in source.column_types), rows


def _weight(values: Collection[Any]) -> int:
    """About how many bytes some values take."""
    kinds = set(map(type, values)) - {NoneType}
    if len(kinds) > 1:
        # A tuple's items, or a column of a Variant.
        return sum(_weight((value,)) for value in values)
    kind = next(iter(kinds), NoneType)
    if issubclass(kind, (str, bytes)):
        return sum(map(len, filter(None, values)))
    if issubclass(kind, (list, tuple)):
        return _VALUE_BYTES * len(values) + sum(map(_weight, filter(None, values)))
    if issubclass(kind, dict):
        return sum(_weight(value.keys()) + _weight(value.values()) for value in values if value)
    return _VALUE_BYTES * len(values)


def with_zones(rows: list[tuple[Any, ...]], types: Sequence[str], exact: Sequence[str]) -> list[tuple[Any, ...]]:
    """Give the values of columns that lost their zone that zone back."""
    zones: dict[int, ZoneInfo] = {}
    for index, (seen, declared) in enumerate(zip(types, exact, strict=True)):
        if seen != declared and "'" in declared:
            zones[index] = ZoneInfo(declared.split("'")[1])
    if not zones:
        return rows
    return [
        tuple(
            _in_zone(value, zones[index]) if index in zones and value is not None else value
            for index, value in enumerate(row)
        )
        for row in rows
    ]


def _in_zone(value: datetime, zone: ZoneInfo) -> datetime:
    aware = value if value.tzinfo else value.replace(tzinfo=UTC)
    return aware.astimezone(zone)
