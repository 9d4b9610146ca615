"""The two kinds of place in a query's imposed order, and the request for the rows that follow.

Where the keys' exact values are known, a place is the keys of the last row, and the rows at or after it are asked for
(a keyset). Elsewhere the server numbers the rows by all their columns, and each page begins with the last row of the
page before: when another row is found there, the data moved.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from posthog_nb.errors import ResultChangedError
from posthog_nb.frames import ClickHouseType, TypeTextError, parse_type
from posthog_nb.operations import answer as limits
from posthog_nb.operations.keyset import condition, exact, exact_types, texts_are_texts
from posthog_nb.operations.order import Source, identifier
from posthog_nb.operations.splice import Spliced

if TYPE_CHECKING:
    from collections.abc import Sequence

    from posthog_nb.frames import JsonRows

__all__ = ["Ask", "Chunk", "Fetched", "Keyset", "Numbers", "Position", "Row", "begin", "moved", "row_text"]

_COMPARABLE = frozenset(
    [f"{sign}Int{bits}" for sign in ("", "U") for bits in (8, 16, 32, 64, 128, 256)]
    + ["Float32", "Float64", "Bool", "String", "FixedString", "UUID", "Date", "Date32", "DateTime", "DateTime64"]
    + ["Decimal", "Enum8", "Enum16", "IPv4", "IPv6"]
)

Row = list[Any]
Ask = Callable[[Spliced, Mapping[str, Any]], limits.Answer]
"""Runs a query with constants beside the user's own."""


def row_text(row: Row) -> str:
    """A row as something to count and compare."""
    return json.dumps(row, ensure_ascii=False, sort_keys=True)


@dataclass(frozen=True)
class Chunk:
    """Rows for a result.

    Attributes:
        rows: The rows.
        types: Their columns' types; None when the server did not tell.
        origin: Where they come from.
        beside: How many values behind each row's own belong to no column.
        late: How many of the rows belong before rows that were given earlier, and so came in since.
    """

    rows: JsonRows
    types: tuple[str, ...] | None
    origin: limits.Origin
    beside: int = 0
    late: int = 0

    def __len__(self) -> int:
        return len(self.rows)


@dataclass(frozen=True)
class Fetched:
    """Rows of one request.

    Attributes:
        rows: The rows, each with further values behind its own.
        types: The types of its own; None when the server did not tell.
        width: How many values are its own.
        origin: Where they come from.
        complete: Whether there are no more rows.
        key: The key of a row; None for one whose exact value is not known.
        own: Where a row has the keys of the query's own ORDER BY.
    """

    rows: JsonRows
    types: tuple[str, ...] | None
    width: int
    origin: limits.Origin
    complete: bool
    key: Callable[[Row], Row | None]
    own: tuple[int, ...]

    def text(self, place: int) -> str:
        """The row at ``place`` as something to count and compare."""
        return row_text(self.rows[place][: self.width])

    def chunk(self, places: list[int], given: int) -> Chunk:
        """The rows at ``places`` for a result; the last row that was given before is at ``given``, or -1."""
        beside = len(self.rows[0]) - self.width if len(self.rows) else 0
        late = [place for place in places if place < given]
        if late:
            # Rows with equal keys may be in either order.
            last = self._own_key(given)
            late = [place for place in late if self._own_key(place) != last]
        return Chunk(self.rows.take(places), self.types, self.origin, beside, len(late))

    def _own_key(self, place: int) -> Row:
        row = self.rows[place]
        return [row[index] for index in self.own]


@dataclass(frozen=True)
class Keyset:
    """A place by the keys of the last row.

    Attributes:
        source: What is walked over.
        kinds: The keys' types; None before the first answer told them.
        place: The keys at or after which to go on; None at the beginning.
        met: Rows at or after ``place`` that were met.
    """

    source: Source
    kinds: tuple[ClickHouseType, ...] | None
    place: tuple[Any, ...] | None
    met: Counter[str]

    @property
    def order(self) -> str:
        """The ORDER BY of the keys."""
        return ", ".join(f"{identifier(key.name)}{' DESC' if key.descending else ''}" for key in self.source.keys)

    def since(self) -> tuple[str, dict[str, Any]]:
        """``(condition, constants)`` for the rows at or after the place."""
        if self.place is None or self.kinds is None:
            return "1", {}
        return condition(self.source.keys, self.kinds, self.place, self.source.prefix)

    def fetch(self, ask: Ask, rows: int) -> tuple[Fetched, Position]:
        """At most ``rows`` rows from here, and this place with what the answer told."""
        keys, width = self.source.keys, len(self.source.names)
        where, values = self.since()
        added = [key.name for key in keys if key.output is None]
        checked = texts_are_texts(keys, self.kinds)
        columns = [*map(identifier, [*self.source.names, *added]), *([checked] if checked else [])]
        answer = ask(
            Spliced(
                f"SELECT {', '.join(columns)} FROM (\n{self.source.inner}\n) WHERE {where}"
                f" ORDER BY {self.order} LIMIT {rows}"
            ),
            values,
        )
        places = [key.output if key.output is not None else width + added.index(key.name) for key in keys]
        kinds = self.kinds
        if kinds is None:
            found = exact_types([answer.types[place] for place in places]) if answer.types else None
            if found is None:
                return _numbers(self.source, answer.types).fetch(ask, rows)
            kinds = tuple(found)

        def key_of(row: Row) -> Row | None:
            key = [row[place] for place in places]
            return key if (not checked or row[-1] == 1) and exact(key, kinds) else None

        types = answer.types[:width] if answer.types else None
        complete = len(answer.rows) < rows
        own = tuple(places[: self.source.own])
        return Fetched(answer.rows, types, width, answer.origin, complete, key_of, own), replace(self, kinds=kinds)

    def after(self, fetched: Fetched, consumed: int, unmet: Counter[str]) -> Keyset:
        """The place behind the first ``consumed`` rows.

        It is the last key that is exactly known. Everything met from there on is remembered, and so is what was met
        before and did not come again (``unmet``): it lies further on.
        """
        last: Row | None = None
        since = 0
        for place in reversed(range(consumed)):
            key = fetched.key(fetched.rows[place])
            if key is None:
                continue
            last = last or key
            if key != last:
                break
            since = place
        met = unmet + Counter(map(fetched.text, range(since, consumed)))
        return replace(self, met=met) if last is None else replace(self, place=tuple(last), met=met)


@dataclass(frozen=True)
class Numbers:
    """A place by the number of each row under an order of all columns.

    Attributes:
        source: What is walked over.
        order: The window's ORDER BY.
        number: How many rows lie behind.
        last: The last of them, which the next page begins with; None at the beginning.
    """

    source: Source
    order: str
    number: int
    last: str | None

    @property
    def met(self) -> Counter[str]:
        """What the next page begins with although it was met."""
        return Counter()

    def fetch(self, ask: Ask, rows: int) -> tuple[Fetched, Numbers]:
        """At most ``rows`` rows from here.

        Raises:
            ResultChangedError: the row before them is another one than before.
        """
        columns = ", ".join(map(identifier, self.source.names))
        number, start = f"{self.source.prefix}_n", f"{self.source.prefix}_from"
        overlap = 0 if self.last is None else 1
        most = min(rows, limits.MOST_ROWS - overlap) + overlap
        answer = ask(
            Spliced(
                f"SELECT {columns} FROM (\nSELECT {columns}, row_number() OVER (ORDER BY {self.order}) AS {number}"
                f" FROM (\n{self.source.inner}\n)\n) WHERE {number} > {{{start}}} ORDER BY {number} LIMIT {most}"
            ),
            {start: self.number - overlap},
        )
        found = answer.rows
        if overlap and (not found or row_text(found[0]) != self.last):
            raise moved(self.number)
        width = len(self.source.names)
        complete = len(found) < most
        own = tuple(key.output for key in self.source.keys[: self.source.own] if key.output is not None)
        return Fetched(found[overlap:], answer.types, width, answer.origin, complete, lambda _: None, own), self

    def after(self, fetched: Fetched, consumed: int, _unmet: Counter[str]) -> Numbers:
        """The place behind the first ``consumed`` rows."""
        last = fetched.text(consumed - 1) if consumed else self.last
        return replace(self, number=self.number + consumed, last=last)


Position = Keyset | Numbers


def begin(source: Source, types: tuple[str, ...] | None) -> Position:
    """The place before the first row of ``source``, whose columns have ``types``."""
    known = [types[key.output] for key in source.keys if types and key.output is not None]
    if source.total and source.keys and types and exact_types(known) is not None:
        return Keyset(source, None, None, Counter())
    return _numbers(source, types)


def moved(number: int) -> ResultChangedError:
    """The error for a row that is another one than before."""
    return ResultChangedError(
        f"Row {number:,} is another one than before.",
        hint="The data changed between two pages. Run the query again, or bound it in time.",
    )


def _numbers(source: Source, types: Sequence[str] | None) -> Numbers:
    names = [(key.name, " DESC" if key.descending else "") for key in source.keys]
    keyed = {name for name, _ in names}
    order = [f"{identifier(name)}{direction}" for name, direction in names]
    for number, name in enumerate(source.names):
        if name not in keyed:
            column = identifier(name)
            order.append(column if types is not None and _comparable(types[number]) else f"toJSONString({column})")
    return Numbers(source, ", ".join(order), 0, None)


def _comparable(text: str) -> bool:
    try:
        return parse_type(text).bare.name in _COMPARABLE
    except TypeTextError:
        return False
