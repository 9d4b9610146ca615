"""What a query gives: rows with declared types, and the way to the rows after them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property, partial
from time import monotonic
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from posthog_nb.errors import TransportError
from posthog_nb.frames import Table, decode, default_frame, join, to_frame
from posthog_nb.operations.answer import origin_of_all, time_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    import pandas as pd
    import polars as pl
    import pyarrow as pa

    from posthog_nb.operations.answer import Answer, Origin
    from posthog_nb.operations.asking import Running
    from posthog_nb.operations.paging import Walk
    from posthog_nb.operations.positions import Chunk

__all__ = ["Context", "Result"]


@dataclass(frozen=True)
class Context:
    """What the pages of one result have in common.

    Attributes:
        source: What to call the target in front of a reader, such as ``"demo"`` or ``"eu.posthog.com"``.
        query: The query as its author wrote it.
        frame: The kind of frame that :meth:`Result.to_frame` gives.
        page_size: How many rows a page has.
        notes: Sentences for the reader that hold for every page.
    """

    source: str
    query: str
    frame: str | None
    page_size: int
    notes: tuple[str, ...] = ()

    def with_note(self, note: str | None) -> Context:
        """The same with one more sentence."""
        return self if note is None else replace(self, notes=(*self.notes, note))


class Result:
    """The rows of a query, or one page of them.

    ``has_more`` is a plain yes or no: would the query, with its own LIMIT, give more rows than are here? If so,
    :meth:`next_page`, :meth:`pages` and :meth:`fetch_all` go on from here.

    Attributes:
        columns: The columns' names as PostHog gives them, possibly with repetitions; frames number those.
        types: Their ClickHouse types; empty when the server did not tell.
        has_more: Whether there are more rows.
        timezone: The project's time zone, in which times are shown.
        hogql: The query as PostHog understood it.
        is_cached: Whether PostHog answered from its cache, for any of the rows.
        last_refresh: When the rows were computed, the oldest of them, as PostHog writes it.
        query_id: The id under which PostHog knows the query; of rows of several requests the first one's.
        source: Where the rows come from, such as ``"demo"`` or ``"eu.posthog.com"``.
        elapsed: The seconds that this computer waited for the rows, over all of their requests.
    """

    def __init__(  # noqa: PLR0913 - what it is made of
        self,
        context: Context,
        answer: Answer,
        pages: list[Chunk | Table],
        walk: Walk | None,
        origin: Origin,
        *,
        elapsed: float = 0.0,
    ) -> None:
        self._context = context
        self._answer = answer
        self._pages = pages
        self._walk = walk
        self._origin = origin
        self.columns: list[str] = list(answer.columns)
        self.types: list[str] = list(answer.types or ())
        self.has_more: bool = walk is not None
        self.timezone = answer.timezone
        self.hogql = answer.hogql
        self.is_cached = origin.is_cached
        self.last_refresh = origin.last_refresh
        self.query_id = origin.query_id
        self.source = context.source
        self.elapsed = elapsed

    @cached_property
    def rows(self) -> list[list[Any]]:
        """The rows as Python's own values.

        Times are aware, in the column's zone, dates are ``date``, decimals ``Decimal``, tuples lists and maps dicts.
        """
        return self.table.rows()

    def __len__(self) -> int:
        return sum(map(len, self._pages))

    def __bool__(self) -> bool:
        # A result without rows is a result all the same.
        return True

    @cached_property
    def table(self) -> Table:
        """The rows as an Arrow table with what is to be said about it."""
        table = join([self._decoded(page) for page in self._pages])
        # The JSON is not kept beside it.
        self._pages = [table]
        return table

    def _decoded(self, page: Chunk | Table) -> Table:
        if isinstance(page, Table):
            return page
        try:
            return decode(self.columns, page.types, page.rows, beside=page.beside)
        except ValueError as error:
            raise TransportError(
                f"The rows of the answer do not fit its columns. {error}",
                hint="The host may not be PostHog, or of an unknown version.",
                passing=False,
            ) from error

    @property
    def notes(self) -> list[str]:
        """Sentences that a reader of these rows should see: whether there are more or they are from the cache, too."""
        more = [f"There are more rows than these {len(self):,}."] if self.has_more else []
        cached = [f"From PostHog's cache, computed {self.last_refresh or 'earlier'}."] if self.is_cached else []
        return [*more, *cached, *self.remarks]

    @property
    def remarks(self) -> list[str]:
        """Sentences about the rows themselves: what is made up, renamed or not as declared."""
        return [*self._context.notes, *self.table.notes]

    @property
    def cached_at(self) -> datetime | None:
        """When the rows were computed, in the project's zone, of rows from PostHog's cache; None where it is not known.

        Of rows of several requests it is the oldest time.
        """
        moment = time_of(self.last_refresh) if self.is_cached else None
        if moment is None:
            return None
        try:
            return moment.astimezone(ZoneInfo(self.timezone or "UTC"))
        except (KeyError, ValueError, OSError):  # no zone that this computer knows
            return moment

    def to_arrow(self) -> pa.Table:
        """The rows as an Arrow table with the declared types."""
        return self.table.arrow

    def to_pandas(self) -> pd.DataFrame:
        """The rows as a pandas frame with the declared types; ``frame.attrs["posthog"]`` says where they come from."""
        frame: pd.DataFrame = to_frame(self.table, "pandas")
        frame.attrs["posthog"] = self.about()
        return frame

    def to_polars(self) -> pl.DataFrame:
        """The rows as a polars frame with the declared types."""
        frame: pl.DataFrame = to_frame(self.table, "polars")
        return frame

    def to_frame(self, frame: str | None = None) -> Any:  # noqa: ANN401 - a frame of the kind that is asked for
        """The rows as ``"pandas"``, ``"polars"`` or ``"arrow"``; by default what the query or the client was told."""
        kind = frame or self._context.frame or default_frame()
        return self.to_pandas() if kind == "pandas" else to_frame(self.table, kind)

    def about(self) -> dict[str, Any]:
        """What is known of these rows besides themselves, as plain data."""
        return {
            "source": self.source,
            "has_more": self.has_more,
            "timezone": self.timezone,
            "is_cached": self.is_cached,
            "last_refresh": self.last_refresh,
            "elapsed": self.elapsed,
            "query_id": self.query_id,
            "notes": self.notes,
        }

    def next_page(self) -> Result | None:
        """The page after this one, as many rows again; None when there are no more.

        Raises:
            ResultChangedError: the data moved so that the pages do not fit together.
        """
        return None if self._walk is None else self._followed(self._walk, [], self._context.page_size)

    def pages(self) -> Iterator[Result]:
        """This page and each one after it. The next one is fetched while this one is in use."""
        if self._walk is None:
            yield self
            return
        page, size = self, self._context.page_size
        following: Walk | None = self._walk
        with self._walk.fetcher() as fetcher:
            while following is not None:
                coming = fetcher.soon(partial(page._followed, following, [], size, fetcher.running))
                yield page
                page = fetcher.result(coming)
                following = page._walk  # noqa: SLF001 - of this class
            yield page

    def fetch_all(self) -> Result:
        """These rows and all that follow, as one result.

        Many pages are counted before they are fetched, three at a time; :attr:`notes` tell when rows came in
        meanwhile.

        Raises:
            ResultChangedError: the data moved so that the pages do not fit together.
        """
        return self if self._walk is None else self.extended(None)

    def extended(self, rows: int | None) -> Result:
        """These rows and as many that follow, or all for None, as one result."""
        return self if self._walk is None else self._followed(self._walk, list(self._pages), rows)

    def _followed(
        self, walk: Walk, pages: list[Chunk | Table], rows: int | None, running: Running | None = None
    ) -> Result:
        origins = [self._origin] if pages else []
        before, start = (self.elapsed if pages else 0.0), monotonic()
        with walk.fetcher(running) as fetcher:
            coming = walk.take(rows, fetcher)
            following = None
            while True:
                try:
                    chunk = next(coming)
                except StopIteration as end:
                    following = end.value
                    break
                # As Arrow, which is a fraction of the JSON, so that no more than three pages are here as JSON.
                pages.append(self._decoded(chunk))
                origins.append(chunk.origin)
        context = self._context.with_note(fetcher.note())
        origin = origin_of_all(origins or [self._origin])
        return Result(context, self._answer, pages, following, origin, elapsed=before + monotonic() - start)

    def __repr__(self) -> str:
        more = "more exist" if self.has_more else "complete"
        return f"<Result: {len(self):,} rows x {len(self.columns)} columns from {self.source}, {more}>"
