"""What was asked and what came back, as a snapshot keeps it."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from posthog_nb.secret import redact

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from posthog_nb.frames import Table

__all__ = ["QUERY", "Answered", "Asked", "canonical", "redacted"]

QUERY = "query"
"""The kind of a HogQL query; every other kind is a look-up, whose answer is JSON."""


def canonical(value: object) -> bytes:
    """JSON that is the same for equal values."""
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, sort_keys=True, separators=(",", ":"))
    return text.encode()


def redacted(value: Any) -> Any:  # noqa: ANN401 - any JSON
    """A JSON value without the keys and tokens in its texts, each of which can be written into a file."""
    match value:
        case str():
            # Half a surrogate pair, which JSON can write and no file can hold, is written out.
            return redact(value).encode(errors="backslashreplace").decode()
        case list() | tuple():
            return [redacted(item) for item in value]
        case dict():
            return {redacted(name): redacted(item) for name, item in value.items()}
    return value


@dataclass(frozen=True)
class Asked:
    """One question, by which its answer is found again.

    Two questions are the same when all of this is the same; how long somebody would wait for the answer, and what frame
    is made of it, is no part of it.

    Attributes:
        kind: :data:`QUERY`, or what was looked up, such as ``"person"``.
        detail: The rest, as JSON. Of a query: ``hogql`` as its author wrote it, ``values`` by name (a time as
            ``{"datetime": ...}`` in UTC, a date as ``{"date": ...}``), ``limit`` as it was given, and ``steps``: how
            these rows follow from the first ones, such as ``["next_page"]``.
    """

    kind: str
    detail: Mapping[str, Any]

    def __post_init__(self) -> None:
        # A key in the text of a query is no more to be in a file than one in a value.
        object.__setattr__(self, "detail", redacted(dict(self.detail)))

    @classmethod
    def query(cls, hogql: str, values: Mapping[str, Any], limit: int | None) -> Asked:
        """A query's first rows."""
        return cls(QUERY, {"hogql": hogql, "values": dict(values), "limit": limit, "steps": []})

    @property
    def first(self) -> Asked:
        """The first rows of the query that these are of."""
        return replace(self, detail={**self.detail, "steps": []})

    def then(self, step: str) -> Asked:
        """The rows that follow from these by ``step``."""
        return replace(self, detail={**self.detail, "steps": [*self.detail["steps"], step]})

    @property
    def key(self) -> str:
        """What it is filed under: 32 hexadecimal digits of its SHA-256."""
        return hashlib.sha256(canonical({**self.detail, "kind": self.kind})).hexdigest()[:32]


@dataclass(frozen=True)
class Answered:
    """One answer: the rows, and what is known of them besides.

    Attributes:
        table: The rows; of a look-up one row with one column, its JSON.
        source: What to call the target in front of a reader.
        columns: The columns' names as PostHog gives them, possibly with repetitions.
        types: Their ClickHouse types as PostHog declares them; empty where it did not tell.
        timezone: The project's time zone.
        hogql: The query as PostHog understood it.
        has_more: Whether there are more rows than these.
        is_cached: Whether PostHog answered from its cache.
        last_refresh: When it computed the rows, as it writes it.
        query_id: Our id of the query.
        elapsed: The seconds that the answer took.
        notes: Sentences for the reader that hold for the target.
        recorded_at: When it was recorded; None for one that is not.
    """

    table: Table = field(repr=False)
    source: str
    columns: tuple[str, ...]
    types: tuple[str, ...] = ()
    timezone: str | None = None
    hogql: str | None = None
    has_more: bool = False
    is_cached: bool = False
    last_refresh: str | None = None
    query_id: str = ""
    elapsed: float = 0.0
    notes: tuple[str, ...] = ()
    recorded_at: datetime | None = None
