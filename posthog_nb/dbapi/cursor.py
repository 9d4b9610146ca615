"""A cursor: one query and its rows, page by page."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Mapping, Sequence
from operator import index
from typing import TYPE_CHECKING, Any, SupportsIndex

from posthog_nb.dbapi.errors import InterfaceError, NotSupportedError, ProgrammingError, in_pep_249_s_words
from posthog_nb.dbapi.kinds import TimeCode
from posthog_nb.operations.answer import LARGEST_PAGE
from posthog_nb.operations.compose import Composed
from posthog_nb.operations.splice import Edit, splice
from posthog_nb.syntax import tokenise

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator
    from typing import NoReturn, Self

    from posthog_nb.dbapi.connection import Connection
    from posthog_nb.operations.result import Result

__all__ = ["Cursor"]

Row = tuple[Any, ...]
Column = tuple[str, str | TimeCode, None, None, int | None, int | None, bool]


class Cursor:
    """One query at a time, and all of its rows; they are fetched page by page as they are asked for.

    Attributes:
        connection: The connection that it belongs to.
        description: Of each column its name, its ClickHouse type (which equals that text, and one of the module's
            ``STRING``, ``NUMBER`` and ``DATETIME``, or none of them), its precision and scale where it is a decimal
            number, and whether it may be NULL. None before the first query. Repeated names are numbered, as in frames.
        rowcount: How many rows the query has, as soon as that is known; -1 until then.
        arraysize: How many rows :meth:`fetchmany` gives by default.
    """

    def __init__(self, connection: Connection, *, timeout: float | None) -> None:
        self.connection = connection
        self.description: tuple[Column, ...] | None = None
        self.rowcount = -1
        self.arraysize = 1
        self._timeout = timeout
        self._asked = Composed("", {})
        self._page: Result | None = None
        self._following: Generator[Result] | None = None
        self._rows: deque[Row] = deque()
        self._given = 0
        self._closed = False

    def execute(self, operation: str, parameters: Mapping[str, object] | Sequence[object] | None = None) -> Self:
        """Run a query.

        Args:
            operation: HogQL.
            parameters: The values of its ``%(name)s`` and ``{name}``, by name. They are bound, never pasted, and a
                percent sign that begins no ``%(name)s`` is itself.

        Raises:
            ProgrammingError: the query or its values were refused.
            OperationalError: no answer came, or PostHog answered with another error.
            InterfaceError: the cursor or its connection is closed.
        """
        self._check_open()
        self._forget()
        with in_pep_249_s_words():
            self._asked = asked = _bound(operation, parameters)
            with asked.telling_places():
                result = self.connection.client.query(asked.text, LARGEST_PAGE, asked.values, timeout=self._timeout)
            self.description = _description(result)
            self._take(result)
        return self

    def executemany(self, operation: str, seq_of_parameters: object) -> NoReturn:  # noqa: ARG002 - PEP 249's
        """Refuse: it is for what writes, and HogQL only reads.

        Raises:
            NotSupportedError: always.
        """
        raise NotSupportedError(
            "executemany() is for statements that write, and HogQL only reads.",
            hint="Bind a list (WHERE x IN {names}), or call execute() for each.",
        )

    def fetchone(self) -> Row | None:
        """The next row; None after the last one.

        Raises:
            OperationalError: the next page did not come. No row is lost by that, nor by an interrupt: call it again.
            InterfaceError: there is no result, or the cursor or its connection is closed.
        """
        self._fetch(1)
        if not self._rows:
            return None
        self._given += 1
        return self._rows.popleft()

    def fetchmany(self, size: int | None = None) -> list[Row]:
        """The next rows, ``size`` of them or as many as are left; it raises what :meth:`fetchone` does.

        Raises:
            ProgrammingError: ``size`` is no number of rows.
        """
        given: object = self.arraysize if size is None else size
        wanted = index(given) if isinstance(given, SupportsIndex) else -1
        if wanted < 0:
            raise ProgrammingError(f"fetchmany() is asked for {given!r} rows.", hint="Give a number, or leave it out.")
        self._fetch(wanted)
        count = min(wanted, len(self._rows))
        self._given += count
        return [self._rows.popleft() for _ in range(count)]

    def fetchall(self) -> list[Row]:
        """The rows that are left, every one of them; it raises what :meth:`fetchone` does."""
        self._fetch(math.inf)
        return self.fetchmany(len(self._rows))

    def close(self) -> None:
        """Let go of the rows, and end on the server what is still being asked for them."""
        self._forget()
        self._closed = True

    def setinputsizes(self, sizes: Sequence[object]) -> None:
        """Do nothing, as PEP 249 allows: values have the types that they have."""

    def setoutputsize(self, size: int, column: int | None = None) -> None:
        """Do nothing, as PEP 249 allows: values come whole."""

    def __iter__(self) -> Iterator[Row]:
        return self

    def __next__(self) -> Row:
        row = self.fetchone()
        if row is None:
            raise StopIteration
        return row

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _fetch(self, wanted: float) -> None:
        """Have so many rows here, or all that are left."""
        self._check_result()
        while len(self._rows) < wanted and self._page is not None and self._page.has_more:
            with in_pep_249_s_words(), self._asked.telling_places():
                self._take(self._next_page(self._page))

    def _next_page(self, page: Result) -> Result:
        if self._following is None:
            self._following = _after(page)
        try:
            return next(self._following)
        except BaseException:
            # A generator that raised is at its end, and the rows are not: the next call begins after this page again.
            self._following = None
            raise

    def _take(self, page: Result) -> None:
        self._page = page
        # Not page.rows, which the page would keep.
        self._rows.extend(map(tuple, page.table.rows()))
        if not page.has_more:
            self.rowcount = self._given + len(self._rows)

    def _forget(self) -> None:
        if self._following is not None:
            self._following.close()
        self._page = self._following = None
        self._rows.clear()
        self._given = 0
        self.description = None
        self.rowcount = -1

    def _check_open(self) -> None:
        self.connection.check_open()
        if self._closed:
            raise InterfaceError("The cursor is closed.", hint="Make another: connection.cursor().")

    def _check_result(self) -> None:
        self._check_open()
        if self.description is None:
            raise InterfaceError("There is no result to fetch from.", hint="Call execute() first.")


def _after(page: Result) -> Generator[Result]:
    """The pages after ``page``; the next one is fetched while one is in use."""
    pages = page.pages()
    next(pages)
    yield from pages


def _description(result: Result) -> tuple[Column, ...]:
    columns: list[Column] = []
    for name, kind in zip(result.table.arrow.column_names, result.table.kinds, strict=True):
        digits: tuple[int | None, int | None] = (None, None)
        if kind.bare.name == "Decimal":
            precision, scale = kind.bare.arguments
            digits = (int(str(precision)), int(str(scale)))
        code = TimeCode(str(kind)) if kind.bare.name.startswith("DateTime") else str(kind)
        columns.append((name, code, None, None, *digits, kind.nullable))
    return tuple(columns)


def _bound(operation: str, parameters: Mapping[str, object] | Sequence[object] | None) -> Composed:
    if not parameters:
        return Composed(operation, {})
    if not isinstance(parameters, Mapping):
        raise ProgrammingError(
            f"The parameters are of type {type(parameters).__name__}, and HogQL's have names.",
            hint='Give a dict: execute("SELECT %(n)s", {"n": 1}).',
        )
    tokens = tokenise(operation)
    edits = []
    for percent, name, last in zip(tokens, tokens[2:], tokens[4:], strict=False):
        text = operation[name.start : name.end]
        if name.is_word and operation[percent.start : last.end] == f"%({text})s":
            edits.append(Edit(percent.start, last.end, f"{{{text}}}"))
    # Strings, quoted names and comments are no such tokens.
    return Composed.rewritten(operation, splice(operation, edits), parameters)
