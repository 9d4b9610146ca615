"""Declared ClickHouse types to Arrow to a frame; the only room that knows ClickHouse's types."""

from __future__ import annotations

from posthog_nb.frames.arrow import Table, decode, table_of
from posthog_nb.frames.convert import FRAMES, checked_frame, default_frame, to_frame, to_pandas, to_polars
from posthog_nb.frames.join import join
from posthog_nb.frames.rows import JsonRows, columns_and_types, read_answer
from posthog_nb.frames.schema import arrow_type
from posthog_nb.frames.types import ClickHouseType, TypeTextError, parse_type

__all__ = [
    "FRAMES",
    "ClickHouseType",
    "JsonRows",
    "Table",
    "TypeTextError",
    "arrow_type",
    "checked_frame",
    "columns_and_types",
    "decode",
    "default_frame",
    "join",
    "parse_type",
    "read_answer",
    "table_of",
    "to_frame",
    "to_pandas",
    "to_polars",
]
