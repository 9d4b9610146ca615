"""The pages after the first, without OFFSET, which PostHog refuses.

The first page is in the server's own order. Every later page comes from a walk over the same query in an imposed order
(:mod:`posthog_nb.operations.order`), from its beginning, leaving out once each row that was given before. So no row is
lost or doubled although rows with equal sort keys may change places between two requests.

What was given and is not met by the end of the walk is no longer there. The pages then do not fit together, and
:class:`~posthog_nb.errors.ResultChangedError` says so.

Many pages at once are planned (:mod:`posthog_nb.operations.windows`) as soon as the walk has met all that was given.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from posthog_nb.errors import InvalidInputError, ResultChangedError
from posthog_nb.operations import answer as limits
from posthog_nb.operations import windows
from posthog_nb.operations.fetching import Fetcher
from posthog_nb.operations.order import source_of
from posthog_nb.operations.positions import Chunk, begin, row_text

if TYPE_CHECKING:
    from collections.abc import Generator
    from concurrent.futures import Future

    from posthog_nb.frames import JsonRows
    from posthog_nb.operations.answer import Answer
    from posthog_nb.operations.asking import Asker, Running
    from posthog_nb.operations.order import Source
    from posthog_nb.operations.positions import Ask, Fetched, Position
    from posthog_nb.operations.shape import Shape
    from posthog_nb.operations.values import Bound

__all__ = ["Walk", "start_walk"]

Step = tuple[Chunk, "Walk | None"]


def start_walk(shape: Shape, bound: Bound, first: Answer, *, given: JsonRows, asker: Asker) -> Walk | None:
    """The walk to the rows after ``given``; None when the query's own LIMIT ends with them."""
    remaining = None if shape.limit is None else shape.limit - len(given)
    if remaining is not None and remaining <= 0:
        return None
    return Walk(_Request(shape, bound, first, asker), remaining, given, None, behind=len(given))


@dataclass(frozen=True)
class _Request:
    """What a walk asks, built when it is first needed: most results are never continued."""

    shape: Shape
    bound: Bound
    first: Answer
    asker: Asker

    def source(self) -> Source:
        return source_of(self.shape, self.first.columns, self.bound)


@dataclass(frozen=True)
class Walk:
    """A place in the imposed order. It is never changed: taking rows gives the next place.

    Attributes:
        request: What is walked over.
        remaining: How many rows the query's own LIMIT still allows; None without one.
        given: Rows given out before the walk began which it has not met yet: the rows themselves before its first
            step, and how often each is to be met after it.
        position: Where the walk is; None before its first step.
        behind: How many rows of the query were given out.
        sure: Whether it is known that a row follows. What follows may also be rows that were given before.
    """

    request: _Request
    remaining: int | None
    given: JsonRows | Counter[str]
    position: Position | None
    behind: int
    sure: bool = True

    def fetcher(self, running: Running | None = None) -> Fetcher:
        """What fetches the pages of one call, or of a part of the call that ``running`` is of."""
        return Fetcher(self.request.asker, self.request.bound.values, running)

    def take(self, rows: int | None, fetcher: Fetcher) -> Generator[Chunk, None, Walk | None]:
        """Yield the next ``rows`` rows, or all for None, and return the walk from there; None when nothing follows.

        Raises:
            ResultChangedError: the data moved.
        """
        walk: Walk | None = self
        ahead: Future[Step] | None = None
        while walk is not None and (rows is None or rows > 0 or not walk.sure):
            start = walk.start_of_many(rows)
            if ahead is None and start is not None and (planned := windows.plan(start, fetcher.ask)) is not None:
                return (yield from walk.along(planned, rows, fetcher))
            chunk, walk = walk.step(_page(rows), fetcher.ask) if ahead is None else fetcher.result(ahead)
            rows = None if rows is None else rows - len(chunk)
            fetcher.arrived += chunk.late
            ahead = None
            if walk is not None and (rows is None or rows > 0) and walk.start_of_many(rows) is None:
                # The next page is fetched while this one is made use of.
                ahead = fetcher.soon(partial(walk.step, _page(rows), fetcher.ask))
            if len(chunk):
                fetcher.fetched(len(chunk), None)
                yield chunk
        return walk

    def start_of_many(self, rows: int | None) -> Position | None:
        """The place to plan from, when there may be many pages and everything that was given has been met."""
        many = rows is None or rows > limits.LARGEST_PAGE
        return self.position if many and len(self.given) == 0 else None

    def along(
        self, planned: list[windows.Window], rows: int | None, fetcher: Fetcher
    ) -> Generator[Chunk, None, Walk | None]:
        """Yield the rows of planned pages as :meth:`take` does."""
        most = min((limit for limit in (rows, self.remaining) if limit is not None), default=None)
        taken, position = yield from windows.fetch(planned, most, fetcher)
        remaining = None if self.remaining is None else self.remaining - taken
        behind = self.behind + taken
        if position is None and remaining is None:
            # All rows are here: are they the answer still?
            fetcher.more = windows.count(planned[0].start.source, fetcher.ask) - behind
        if position is None or remaining == 0:
            return None
        return replace(self, remaining=remaining, behind=behind, position=position, sure=True)

    def step(self, rows: int, ask: Ask) -> Step:
        """At most ``rows`` rows from one request."""
        position = self.position or begin(self.request.source(), self.request.first.types)
        wanted = rows if self.remaining is None else min(rows, self.remaining)
        given = self.given.copy() if isinstance(self.given, Counter) else Counter(map(row_text, self.given))
        asked = min(wanted + 1 + given.total() + position.met.total(), limits.MOST_ROWS)
        fetched, position = position.fetch(ask, asked)
        return self._sort_out(fetched, position, given, wanted)

    def _sort_out(self, fetched: Fetched, position: Position, given: Counter[str], wanted: int) -> Step:
        met = position.met.copy()
        unmatched = given.total() + met.total()
        fresh: list[int] = []
        last_given = -1
        consumed = progress = 0
        sure = False
        for place in range(len(fetched.rows)):
            text = fetched.text(place) if unmatched else ""
            if met[text] > 0:
                met[text] -= 1
                unmatched -= 1
            elif given[text] > 0:
                given[text] -= 1
                unmatched -= 1
                progress += 1
                last_given = place
            elif len(fresh) == wanted:
                sure = True
                break
            else:
                fresh.append(place)
                progress += 1
            consumed += 1
        ended = fetched.complete and consumed == len(fetched.rows)
        if ended and unmatched:
            raise ResultChangedError(
                f"{unmatched:,} rows that were given before are no longer there.",
                hint="The data, or an answer that depends on the time, changed between two pages. Run it again.",
            )
        remaining = None if self.remaining is None else self.remaining - len(fresh)
        chunk = fetched.chunk(fresh, last_given)
        if ended or remaining == 0:
            return chunk, None
        if not progress and not sure:
            raise InvalidInputError(
                f"More than {consumed:,} rows have the same sort keys.",
                hint="Add a column that tells them apart to ORDER BY.",
            )
        place_behind = position.after(fetched, consumed, +met)
        here = replace(self, remaining=remaining, given=+given, position=place_behind, behind=self.behind + len(fresh))
        return chunk, replace(here, sure=sure or not +given)


def _page(rows: int | None) -> int:
    return limits.LARGEST_PAGE if rows is None else min(rows, limits.LARGEST_PAGE)
