"""Declared ClickHouse types to Arrow to a frame; the only room that knows ClickHouse's types."""

from __future__ import annotations

from posthog_nb.frames.arrow import Table, to_arrow
from posthog_nb.frames.convert import FRAMES, default_frame, to_frame, to_pandas, to_polars
from posthog_nb.frames.types import ClickHouseType, TypeTextError, parse_type

__all__ = [
    "FRAMES",
    "ClickHouseType",
    "Table",
    "TypeTextError",
    "default_frame",
    "parse_type",
    "to_arrow",
    "to_frame",
    "to_pandas",
    "to_polars",
]
