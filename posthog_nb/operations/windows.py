"""Pages that are known before they are fetched, so that three of them can be on their way at once.

One query finds where each page begins and how many rows it has; the pages are then asked for by their bounds and come
in order. Rows that arrive beyond the bounds are not seen: all pages together are the result as it was counted. Where
fewer rows come than were counted, one may have been lost from sight, and that is an error; where more come, they are
told of.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from posthog_nb.errors import ResultChangedError
from posthog_nb.http import AT_ONCE
from posthog_nb.operations import answer as limits
from posthog_nb.operations.keyset import condition, exact, texts_are_texts
from posthog_nb.operations.order import Source, identifier
from posthog_nb.operations.positions import Chunk, Keyset, Numbers, Position, moved, row_text
from posthog_nb.operations.splice import Spliced

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence
    from concurrent.futures import Future

    from posthog_nb.frames import JsonRows
    from posthog_nb.operations.answer import Answer
    from posthog_nb.operations.fetching import Fetcher
    from posthog_nb.operations.positions import Ask

__all__ = ["Window", "count", "fetch", "plan"]

_ROOM = 100
"""Rows that a page may have beyond what was planned: such as have the keys of its first row, and late ones."""

Question = tuple[Spliced, Mapping[str, Any]]


@dataclass(frozen=True)
class KeyWindow:
    """A page between two keys.

    Attributes:
        start: The place of its first row, with the rows from there on that were given before.
        end: The keys before which it ends, or with which, for the last page.
        is_last: Whether it is the last page.
        counted: How many rows it has.
    """

    start: Keyset
    end: tuple[Any, ...]
    is_last: bool
    counted: int

    @property
    def fresh(self) -> int:
        """How many rows of it were not given before."""
        return self.counted - self.start.met.total()

    def question(self) -> Question:
        """What fetches it."""
        source = self.start.source
        since, values = self.start.since()
        until, more = condition(
            source.keys, self.start.kinds or (), self.end, f"{source.prefix}_u", only_after=self.is_last
        )
        columns = ", ".join(map(identifier, source.names))
        text = (
            f"SELECT {columns} FROM (\n{source.inner}\n) WHERE {since} AND NOT ({until})"
            f" ORDER BY {self.start.order} LIMIT {limits.MOST_ROWS}"
        )
        return Spliced(text), {**values, **more}

    def accept(self, rows: JsonRows, _last: str | None) -> JsonRows:
        """The rows that were not given before.

        Raises:
            ResultChangedError: there are fewer than were counted, or more than one answer holds.
        """
        if len(rows) < self.counted or (len(rows) > self.counted and len(rows) >= limits.MOST_ROWS):
            raise _counted_otherwise(self.counted, len(rows))
        unmet = self.start.met.copy()
        if not unmet:
            return rows
        fresh = []
        for place, row in enumerate(rows):
            text = row_text(row) if unmet else ""
            if unmet[text] > 0:
                unmet -= Counter([text])
            else:
                fresh.append(place)
        if unmet:
            raise _counted_otherwise(self.counted, len(rows) - unmet.total())
        return rows.take(fresh)

    def behind(self, rows: JsonRows, _last: str | None) -> Keyset:
        """The place behind ``rows``, its first ones."""
        return replace(self.start, met=self.start.met + Counter(map(row_text, rows)))


@dataclass(frozen=True)
class NumberWindow:
    """A page between two numbers.

    Attributes:
        start: The place before its first row.
        counted: How many rows it has.
    """

    start: Numbers
    counted: int

    @property
    def fresh(self) -> int:
        """How many rows of it were not given before."""
        return self.counted

    def question(self) -> Question:
        """What fetches it, and the row before it."""
        source, behind = self.start.source, self.start.number
        columns = ", ".join(map(identifier, source.names))
        number, start, end = (f"{source.prefix}_{name}" for name in ("n", "from", "to"))
        text = (
            f"SELECT {columns} FROM (\nSELECT {columns}, row_number() OVER (ORDER BY {self.start.order}) AS {number}"
            f" FROM (\n{source.inner}\n)\n) WHERE {number} > {{{start}}} AND {number} <= {{{end}}}"
            f" ORDER BY {number} LIMIT {limits.MOST_ROWS}"
        )
        return Spliced(text), {start: max(behind - 1, 0), end: behind + self.counted}

    def accept(self, rows: JsonRows, last: str | None) -> JsonRows:
        """The rows behind the one that was the last before.

        Raises:
            ResultChangedError: that row is another one, or there are fewer than were counted.
        """
        overlap = 1 if self.start.number else 0
        if overlap and (not len(rows) or row_text(rows[0]) != last):
            raise moved(self.start.number)
        if len(rows) != self.counted + overlap:
            raise _counted_otherwise(self.counted, len(rows) - overlap)
        return rows[overlap:]

    def behind(self, rows: JsonRows, last: str | None) -> Numbers:
        """The place behind ``rows``, its first ones."""
        text = row_text(rows[len(rows) - 1]) if len(rows) else last
        return replace(self.start, number=self.start.number + len(rows), last=text)


Window = KeyWindow | NumberWindow


def plan(position: Position, ask: Ask) -> list[Window] | None:
    """The pages from ``position`` on; None where they cannot be told apart by their bounds."""
    return _by_keys(position, ask) if isinstance(position, Keyset) else _by_numbers(position, ask)


def count(source: Source, ask: Ask) -> int:
    """How many rows the query gives now."""
    found: int = ask(Spliced(f"SELECT count() FROM (\n{source.inner}\n)"), {}).rows[0][0]
    return found


def fetch(
    windows: Sequence[Window], most: int | None, fetcher: Fetcher
) -> Generator[Chunk, None, tuple[int, Position | None]]:
    """Yield the rows of ``windows``, no more than ``most``, and return how many they were and the place behind them.

    The place is None at the end.

    At most three pages are here as JSON at the same time, the one that the caller is looking at among them.

    Raises:
        ResultChangedError: a page has not the rows that were counted.
    """
    total = sum(window.fresh for window in windows)
    total = total if most is None else min(total, most)
    coming = iter(windows)
    ahead: deque[tuple[Window, Future[Answer]]] = deque()
    begun = done = 0
    last = windows[0].start.last if windows and isinstance(windows[0], NumberWindow) else None
    while True:
        while len(ahead) < AT_ONCE and begun < total and (following := next(coming, None)) is not None:
            begun += following.fresh
            ahead.append((following, fetcher.soon(_asking(following, fetcher))))
        if not ahead:
            break
        window, future = ahead.popleft()
        answer = fetcher.result(future)
        rows = window.accept(answer.rows, last)
        fetcher.arrived += len(rows) - window.fresh
        if most is not None and done + len(rows) > most:
            rows = rows[: most - done]
            yield _chunk(rows, answer, fetcher, total)
            return most, window.behind(rows, last)
        done += len(rows)
        last = row_text(rows[len(rows) - 1]) if isinstance(window, NumberWindow) else None
        del future
        yield _chunk(rows, answer, fetcher, total)
    remaining = next(coming, None)
    if isinstance(remaining, NumberWindow):
        return done, replace(remaining.start, last=last)
    return done, None if remaining is None else remaining.start


def _asking(window: Window, fetcher: Fetcher) -> Callable[[], Answer]:
    query, values = window.question()
    return lambda: fetcher.ask(query, values)


def _chunk(rows: JsonRows, answer: Answer, fetcher: Fetcher, total: int) -> Chunk:
    fetcher.fetched(len(rows), total)
    return Chunk(rows, answer.types, answer.origin)


def _by_keys(position: Keyset, ask: Ask) -> list[Window] | None:
    """Windows of rows with whole keys: the rows of one key are in one window."""
    source, kinds = position.source, position.kinds
    if kinds is None:
        return None
    since, values = position.since()
    rank, number, total = (f"{source.prefix}_{name}" for name in ("r", "n", "t"))
    keys = ", ".join(identifier(key.name) for key in source.keys)
    checked = texts_are_texts(source.keys, kinds) or "1"
    length = limits.LARGEST_PAGE - _ROOM
    over = f"OVER (ORDER BY {position.order})"
    answer = ask(
        Spliced(
            f"SELECT {keys}, {checked}, {rank}, {number}, {total} FROM (\nSELECT {keys}, rank() {over} AS {rank},"
            f" row_number() {over} AS {number}, count() OVER () AS {total} FROM (\n{source.inner}\n) WHERE {since}\n)"
            f" WHERE {number} % {length} = 1 OR {number} = {total} ORDER BY {number} LIMIT {limits.MOST_ROWS}"
        ),
        values,
    )
    found = answer.rows.lists()
    width = len(source.keys)
    if not found or len(found) == limits.MOST_ROWS:
        return None
    if not all(row[width] == 1 and exact(row[:width], kinds) for row in found):
        return None
    # By rank, so that rows with the keys of the first one are counted with it.
    ranks = {row[width + 1]: tuple(row[:width]) for row in found if row[width + 2] % length == 1}
    starts = sorted(ranks)
    all_rows = found[-1][width + 3]
    ends = [*starts[1:], all_rows + 1]
    windows: list[Window] = []
    for start, end in zip(starts, ends, strict=True):
        is_last = end == ends[-1]
        windows.append(
            KeyWindow(
                start=replace(position, place=ranks[start], met=position.met if start == starts[0] else Counter()),
                end=tuple(found[-1][:width]) if is_last else ranks[end],
                is_last=is_last,
                counted=end - start,
            )
        )
    return windows if all(window.counted < limits.MOST_ROWS for window in windows) else None


def _by_numbers(position: Numbers, ask: Ask) -> list[Window]:
    total = count(position.source, ask)
    # Room for the row before.
    length = limits.MOST_ROWS - 1
    return [
        NumberWindow(replace(position, number=start), min(length, total - start))
        for start in range(position.number, total, length)
    ]


def _counted_otherwise(counted: int, found: int) -> ResultChangedError:
    return ResultChangedError(
        f"A page has {found:,} rows, and {counted:,} were counted before.",
        hint="The data changed while the pages were fetched. Run the query again, or bound it in time.",
    )
