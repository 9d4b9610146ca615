"""The pages after the first, without OFFSET, which PostHog refuses.

The first page is in the server's own order. Every later page comes from a walk over the same query in an imposed order
(:mod:`posthog_nb.operations.order`), from its beginning, leaving out once each row that was given before. So no row is
lost or doubled although rows with equal sort keys may change places between two requests.

A walk moves on in one of two ways. Where the keys' exact values are known it asks for the rows at or after the last
row's keys, leaving out those that it has met (a keyset). Elsewhere the server numbers the rows by all their columns,
and each page begins with the last row of the page before: when another row is found there, the data moved.

What was given and is not met by the end of the walk is no longer there. The pages then do not fit together, and
:class:`~posthog_nb.errors.ResultChangedError` says so.
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol

from posthog_nb.errors import InvalidInputError, ResultChangedError
from posthog_nb.frames import ClickHouseType, TypeTextError, parse_type
from posthog_nb.operations.answer import LARGEST_PAGE, MOST_ROWS, Answer
from posthog_nb.operations.keyset import condition, exact, exact_types, texts_are_texts
from posthog_nb.operations.order import Source, identifier, source_of
from posthog_nb.operations.splice import Spliced

if TYPE_CHECKING:
    from collections.abc import Mapping

    from posthog_nb.operations.shape import Shape
    from posthog_nb.operations.values import Bound

__all__ = ["Ask", "Walk", "start_walk"]

_COMPARABLE = frozenset(
    [f"{sign}Int{bits}" for sign in ("", "U") for bits in (8, 16, 32, 64, 128, 256)]
    + ["Float32", "Float64", "Bool", "String", "FixedString", "UUID", "Date", "Date32", "DateTime", "DateTime64"]
    + ["Decimal", "Enum8", "Enum16", "IPv4", "IPv6"]
)

Row = list[Any]


class Ask(Protocol):
    """Runs a query with constants beside the user's own."""

    def __call__(self, query: Spliced, values: Mapping[str, Any], /) -> Answer:
        """The answer to ``query``."""


def start_walk(shape: Shape, bound: Bound, first: Answer, *, given: list[Row], ask: Ask) -> Walk | None:
    """The walk to the rows after ``given``; None when the query's own LIMIT ends with them."""
    remaining = None if shape.limit is None else shape.limit - len(given)
    if remaining is not None and remaining <= 0:
        return None
    return Walk(_Request(shape, bound, first, ask), remaining, Counter(map(_text, given)), None)


@dataclass(frozen=True)
class _Request:
    """What a walk asks, built when it is first needed: most results are never continued."""

    shape: Shape
    bound: Bound
    first: Answer
    ask: Ask

    def source(self) -> Source:
        return source_of(self.shape, self.first.columns, self.bound)


@dataclass(frozen=True)
class _Fetched:
    """Rows of one request.

    Attributes:
        rows: The rows.
        keys: The key of each; None for one whose exact value is not known.
        complete: Whether there are no more rows.
    """

    rows: list[Row]
    keys: list[Row | None]
    complete: bool


@dataclass(frozen=True)
class Walk:
    """A place in the imposed order. It is never changed: taking rows gives the next place.

    Attributes:
        request: What is walked over.
        remaining: How many rows the query's own LIMIT still allows; None without one.
        given: Rows given out before the walk began which it has not met yet.
        position: Where the walk is; None before its first step.
        sure: Whether it is known that a row follows. What follows may also be rows that were given before.
    """

    request: _Request
    remaining: int | None
    given: Counter[str]
    position: Keyset | Numbers | None
    sure: bool = True

    def take(self, rows: int) -> tuple[list[list[Row]], Walk | None]:
        """The next ``rows`` rows in chunks, and the walk from there; None when nothing follows.

        Raises:
            ResultChangedError: the data moved.
        """
        chunks: list[list[Row]] = []
        walk: Walk | None = self
        while walk is not None and (rows > 0 or not walk.sure):
            chunk, walk = walk.step(min(rows, LARGEST_PAGE))
            rows -= len(chunk)
            chunks += [chunk] if chunk else []
        return chunks, walk

    def step(self, rows: int) -> tuple[list[Row], Walk | None]:
        """At most ``rows`` rows from one request."""
        position = self.position or _begin(self.request)
        wanted = rows if self.remaining is None else min(rows, self.remaining)
        asked = min(wanted + 1 + self.given.total() + position.met.total(), MOST_ROWS)
        fetched, position = position.fetch(self.request.ask, asked)
        return self._sort_out(fetched, position, wanted)

    def _sort_out(self, fetched: _Fetched, position: Keyset | Numbers, wanted: int) -> tuple[list[Row], Walk | None]:
        given, met = self.given.copy(), position.met.copy()
        unmatched = given.total() + met.total()
        fresh: list[Row] = []
        consumed = progress = 0
        sure = False
        for row in fetched.rows:
            text = _text(row) if unmatched else ""
            if met[text] > 0:
                met[text] -= 1
                unmatched -= 1
            elif given[text] > 0:
                given[text] -= 1
                unmatched -= 1
                progress += 1
            elif len(fresh) == wanted:
                sure = True
                break
            else:
                fresh.append(row)
                progress += 1
            consumed += 1
        ended = fetched.complete and consumed == len(fetched.rows)
        if ended and unmatched:
            raise ResultChangedError(
                f"{unmatched:,} rows that were given before are no longer there.",
                hint="The data, or an answer that depends on the time, changed between two pages. Run it again.",
            )
        remaining = None if self.remaining is None else self.remaining - len(fresh)
        if ended or remaining == 0:
            return fresh, None
        if not progress and not sure:
            raise InvalidInputError(
                f"More than {consumed:,} rows have the same sort keys.",
                hint="Add a column that tells them apart to ORDER BY.",
            )
        ahead = position.after(fetched, consumed, +met)
        return fresh, replace(self, remaining=remaining, given=+given, position=ahead, sure=sure or not +given)


@dataclass(frozen=True)
class Keyset:
    """A walk by the keys of the last row.

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

    def fetch(self, ask: Ask, rows: int) -> tuple[_Fetched, Keyset | Numbers]:
        keys, width = self.source.keys, len(self.source.names)
        where = ""
        values: dict[str, Any] = {}
        if self.place is not None and self.kinds is not None:
            text, values = condition(keys, self.kinds, self.place, self.source.prefix)
            where = f" WHERE {text}"
        added = [key.name for key in keys if key.output is None]
        checked = texts_are_texts(keys, self.kinds)
        columns = [*map(identifier, [*self.source.names, *added]), *([checked] if checked else [])]
        order = ", ".join(f"{identifier(key.name)}{' DESC' if key.descending else ''}" for key in keys)
        query = f"SELECT {', '.join(columns)} FROM (\n{self.source.inner}\n){where} ORDER BY {order} LIMIT {rows}"
        answer = ask(Spliced(query), values)
        found_rows = answer.rows.lists()
        places = [key.output if key.output is not None else width + added.index(key.name) for key in keys]
        kinds = self.kinds
        if kinds is None:
            found = exact_types([answer.types[place] for place in places]) if answer.types else None
            if found is None:
                return _numbers(self.source, answer.types).fetch(ask, rows)
            kinds = tuple(found)
        found_keys = [[row[place] for place in places] for row in found_rows]
        return (
            _Fetched(
                [row[:width] for row in found_rows],
                [
                    key if (not checked or row[-1] == 1) and exact(key, kinds) else None
                    for row, key in zip(found_rows, found_keys, strict=True)
                ],
                complete=len(found_rows) < rows,
            ),
            replace(self, kinds=kinds),
        )

    def after(self, fetched: _Fetched, consumed: int, unmet: Counter[str]) -> Keyset:
        """The place behind the first ``consumed`` rows.

        It is the last key that is exactly known. Everything met from there on is remembered, and so is what was met
        before and did not come again (``unmet``): it lies further on.
        """
        last = next((key for key in reversed(fetched.keys[:consumed]) if key is not None), None)
        if last is None:
            return replace(self, met=unmet + Counter(map(_text, fetched.rows[:consumed])))
        since = fetched.keys.index(last)
        return replace(self, place=tuple(last), met=unmet + Counter(map(_text, fetched.rows[since:consumed])))


@dataclass(frozen=True)
class Numbers:
    """A walk by the number of each row under an order of all columns.

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

    def fetch(self, ask: Ask, rows: int) -> tuple[_Fetched, Numbers]:
        columns = ", ".join(map(identifier, self.source.names))
        number, start = f"{self.source.prefix}_n", f"{self.source.prefix}_from"
        overlap = 0 if self.last is None else 1
        most = min(rows, MOST_ROWS - overlap) + overlap
        query = (
            f"SELECT {columns} FROM (\n"
            f"SELECT {columns}, row_number() OVER (ORDER BY {self.order}) AS {number} FROM (\n{self.source.inner}\n)\n"
            f") WHERE {number} > {{{start}}} ORDER BY {number} LIMIT {most}"
        )
        found = ask(Spliced(query), {start: self.number - overlap}).rows.lists()
        if overlap and (not found or _text(found[0]) != self.last):
            raise ResultChangedError(
                f"Row {self.number:,} is another one than before.",
                hint="The data changed between two pages. Run the query again, or bound it in time.",
            )
        return _Fetched(found[overlap:], [], complete=len(found) < most), self

    def after(self, fetched: _Fetched, consumed: int, _unmet: Counter[str]) -> Numbers:
        """The place behind the first ``consumed`` rows."""
        last = _text(fetched.rows[consumed - 1]) if consumed else self.last
        return replace(self, number=self.number + consumed, last=last)


def _begin(request: _Request) -> Keyset | Numbers:
    source = request.source()
    types = request.first.types
    known = [types[key.output] for key in source.keys if types and key.output is not None]
    if source.total and source.keys and types and exact_types(known) is not None:
        return Keyset(source, None, None, Counter())
    return _numbers(source, types)


def _numbers(source: Source, types: tuple[str, ...] | None) -> Numbers:
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


def _text(row: Row) -> str:
    """A row as something to count and compare."""
    return json.dumps(row, ensure_ascii=False, sort_keys=True)
