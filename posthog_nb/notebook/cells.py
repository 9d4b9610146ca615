"""What `%hogql`, `%%hogql` and `%posthog` do: from the text of a cell to a frame."""

from __future__ import annotations

from collections import ChainMap
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from IPython.display import display

from posthog_nb.client import Client
from posthog_nb.connecting import connect
from posthog_nb.errors import InvalidInputError
from posthog_nb.notebook.arguments import Arguments, help_text, parse_cell_line, parse_line
from posthog_nb.notebook.completion import help_on
from posthog_nb.notebook.connections import (
    EVENTS,
    Connections,
    client_in,
    posthog_help,
    profiles,
    read_posthog_line,
)
from posthog_nb.notebook.display import Code, Footer, footer, rows_shown
from posthog_nb.notebook.progress import CellBar, bar_for
from posthog_nb.notebook.snapshots import Cell as SnapshotCell
from posthog_nb.notebook.snapshots import run_action
from posthog_nb.notebook.values import collect_values
from posthog_nb.operations.answer import LARGEST_PAGE
from posthog_nb.operations.compose import Composed, NamedQuery, compose, frozen
from posthog_nb.operations.values import placeholders
from posthog_nb.syntax import tokenise

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Iterable, Iterator, Mapping
    from contextlib import AbstractContextManager

    from IPython.core.interactiveshell import InteractiveShell

    from posthog_nb.notebook.magics import PostHogMagics
    from posthog_nb.operations.progress import Bar
    from posthog_nb.operations.result import Result

__all__ = ["Cells"]


@dataclass(frozen=True)
class _Page:
    """What `%hogql --more` goes on from.

    Attributes:
        result: The rows that were shown last.
        query: The query that they are of.
        first: The number of their first row.
        frame: The kind of frame that was asked for.
        bar: Shows how far it is.
    """

    result: Result
    query: Composed
    first: int = 1
    frame: str | None = None
    bar: Bar | None = None


class Cells:
    """The cells of one shell: what they ask, and what they know of those before them.

    Args:
        shell: The shell.
        settings: What holds for every cell that says nothing else.
    """

    def __init__(self, shell: InteractiveShell, settings: PostHogMagics) -> None:
        self._shell = shell
        self._settings = settings
        self._page: _Page | None = None
        self._queries: dict[str, NamedQuery] = {}
        self._asked: dict[str, Client] = {}
        self._footers: list[Footer] = []
        self._until_shown = ExitStack()
        self._connections = Connections()

    def hogql(self, line: str, cell: str | None, local_ns: dict[str, Any]) -> Any:  # noqa: ANN401 - a frame
        """Run a `%hogql` line, or a `%%hogql` cell where there is one."""
        namespace = ChainMap(local_ns, self._shell.user_ns)
        if cell is None:
            arguments, query = parse_line(line)
        else:
            arguments, query = parse_cell_line(line), cell
        if arguments.help:
            print(help_text())  # noqa: T201 - help is read where it was asked for
            return None
        if arguments.name is not None and isinstance(namespace.get(arguments.name), Client):
            raise InvalidInputError(
                f"%%hogql: {arguments.name} is a client, which the frame would replace.",
                hint="Give the frame another name.",
            )
        with _interrupts_in_a_line():
            if arguments.more:
                return self._next_page(arguments, query)
            return self._first_page(arguments, query, namespace, whole_cell=cell is not None)

    def posthog(self, line: str, local_ns: dict[str, Any]) -> Any:  # noqa: ANN401 - what the command gives
        """Run a `%posthog` line."""
        namespace = ChainMap(local_ns, self._shell.user_ns)
        asked = read_posthog_line(line)
        if asked.command == "connect":
            client = connect(asked.target, profile=asked.profile, project_id=asked.project_id)
            self._shell.user_ns[asked.name] = client
            self._footers.append(Footer(((Code(asked.name), " is set"), (client.source,))))
            return None
        if asked.command == "profiles":
            return profiles()
        if asked.command is None:
            print(posthog_help())  # noqa: T201 - help is read where it was asked for
            return None
        if asked.command == "snapshot":
            return self._snapshot(asked, namespace)
        return self._about(self._connections.find(namespace, asked.connection), asked)

    def _snapshot(self, asked: Namespace, namespace: Mapping[str, Any]) -> object:
        if asked.action is None:
            print(posthog_help("snapshot"))  # noqa: T201 - as above
            return None
        cell = SnapshotCell(
            lambda name: self._connections.find(namespace, name), client_in(namespace), self._shell.user_ns
        )
        found = run_action(asked, cell)
        self._footers += cell.footers
        return found

    def _about(self, client: Client, asked: Namespace) -> Any:  # noqa: ANN401 - what the command gives
        match asked.command:
            case "status":
                return client.check()
            case "schema":
                return client.schema(asked.pattern)
            case "help":
                return help_on(asked.what, client)
            case "forms":
                return client.forms
        self._page = None
        return self._give(_Page(client.query(EVENTS), Composed(EVENTS, {})), Arguments(), silenced=False)

    def show_footers(self) -> None:
        """Show the lines under the cell's frames; called when the cell has run and its value is on the page."""
        self._until_shown.close()
        footers, self._footers = self._footers, []
        for line in footers:
            display(line)  # type: ignore[no-untyped-call]

    def _first_page(self, arguments: Arguments, query: str, namespace: Mapping[str, Any], *, whole_cell: bool) -> Any:  # noqa: ANN401 - a frame
        self._page = None
        if not tokenise(query):
            raise InvalidInputError(
                "%%hogql: there is no query.", hint="Write a HogQL SELECT in the lines below %%hogql."
            )
        values = collect_values(
            query, placeholders(query, {*arguments.params, *namespace}), arguments.params, namespace
        )
        parts = self._parts(arguments)
        composed = compose(query, values, parts)
        client = self._connections.find(namespace, arguments.connection)
        limit = LARGEST_PAGE if arguments.all else arguments.limit or self._settings.limit
        timeout = arguments.timeout or self._settings.timeout
        bar = bar_for(self._shell, whole_cell=whole_cell) if arguments.progress and self._settings.progress else None
        with composed.telling_places():
            if arguments.dry_run:
                return client.dry_run(composed.text, limit, composed.values)
            if arguments.explain:
                return client.explain(composed.text, limit, composed.values, timeout=timeout)
            with _over_the_cell(bar):
                result = client.query(
                    composed.text,
                    limit,
                    composed.values,
                    timeout=timeout,
                    fresh=arguments.fresh,
                    progress=bar or False,
                )
                if arguments.all:
                    result = result.fetch_all()
        if arguments.name is not None:
            kept = {name: frozen(value) for name, value in values.items()}
            self._queries[arguments.name] = NamedQuery(arguments.name, query, kept, parts)
            self._asked[arguments.name] = client
        return self._give(
            _Page(result, composed, frame=arguments.frame or self._settings.frame, bar=bar),
            arguments,
            silenced=whole_cell and _ends_silently(query),
            remarks=self._elsewhere(parts, client),
        )

    def _elsewhere(self, parts: Mapping[str, NamedQuery], client: Client) -> list[str]:
        """What is to be said of the cells that a cell is made of and that asked somebody else."""
        names = dict.fromkeys(way[-1] for part in parts.values() for way in _ways(part))
        return [
            f"the frame {name} is of another project, {_project(self._asked[name])}"
            for name in names
            if not _is_same_project(self._asked[name], client)
        ]

    def _parts(self, arguments: Arguments) -> dict[str, NamedQuery]:
        """The earlier cells that the cell names, by the names that it gives them.

        Raises:
            InvalidInputError: there is no such cell, or one of them is made of this one.
        """
        parts = {}
        for table, cell in arguments.parts.items():
            query = self._queries.get(cell)
            if cell == arguments.name:
                raise InvalidInputError(
                    f"%%hogql: {cell} cannot be made of itself.", hint="Give this cell a name of its own."
                )
            if query is None:
                raise InvalidInputError(
                    f"--with {cell}: no cell of that name has run.",
                    hint=f"Cells that have: {', '.join(sorted(self._queries)) or 'none'}."
                    " `%%hogql NAME` gives a cell a name.",
                )
            for way in _ways(query):
                if arguments.name is not None and way[-1] == arguments.name:
                    raise InvalidInputError(
                        f"%%hogql: {arguments.name} would be made of itself: {' <- '.join([arguments.name, *way])}.",
                        hint="Give this cell a name of its own.",
                    )
            parts[table] = query
        return parts

    def _next_page(self, arguments: Arguments, query: str) -> Any:  # noqa: ANN401 - a frame
        if query.strip() or not arguments.may_go_on:
            raise InvalidInputError(
                "%%hogql: --more goes on with the last query as it was asked and takes no other.",
                hint="`%hogql --more` stands alone, with -o, --all, --frame, --show or --max-rows at most.",
            )
        page = self._page
        if page is None:
            raise InvalidInputError(
                "%hogql --more: there is no result to go on from.", hint="Run a query with %%hogql first."
            )
        with page.query.telling_places(), _over_the_cell(page.bar):
            following = page.result.next_page()
            if following is not None and arguments.all:
                following = following.fetch_all()
        if following is None:
            raise InvalidInputError("%hogql --more: the last result was complete.", hint="There are no more rows.")
        ahead = _Page(following, page.query, page.first + len(page.result), arguments.frame or page.frame, page.bar)
        return self._give(ahead, arguments, silenced=False)

    def _give(self, page: _Page, arguments: Arguments, *, silenced: bool, remarks: Iterable[str] = ()) -> Any:  # noqa: ANN401 - a frame
        frame = page.result.to_frame(page.frame)
        self._page = page
        line = footer(page.result, first=page.first, name=arguments.name, silenced=silenced, remarks=remarks)
        self._footers.append(line)
        if arguments.name is not None:
            self._shell.user_ns[arguments.name] = frame
            shown = arguments.show
        else:
            shown = not silenced
        if shown and arguments.max_rows is not None:
            self._until_shown.enter_context(rows_shown(arguments.max_rows))
        return frame if shown else None


def _ways(query: NamedQuery) -> Iterator[list[str]]:
    """The cells that a query is made of, each with the way to it."""
    yield [query.name]
    for part in query.parts.values():
        for way in _ways(part):
            yield [query.name, *way]


def _project(client: Client) -> str:
    if _kind(client) == "replay":
        return client.source
    settings = client._connection.settings  # noqa: SLF001 - for a reader who is to know which
    return f"{client.source} {settings.need_project_id()}"


def _kind(client: Client) -> str:
    return client._connection.given_settings.kind  # noqa: SLF001 - as above


def _is_same_project(one: Client, other: Client) -> bool:
    # Each embedded project is one of its own, whatever its number.
    return one is other or (_kind(one) == "remote" and _project(one) == _project(other))


@contextmanager
def _interrupts_in_a_line() -> Iterator[None]:
    """Show an interrupt as one line: where in this package it came is of no use to whoever interrupted."""
    try:
        yield
    except KeyboardInterrupt as interrupt:
        # IPython asks the exception itself how it is to be shown.
        interrupt._render_traceback_ = lambda: [  # type: ignore[attr-defined]
            "KeyboardInterrupt: the cell was interrupted, and PostHog told to end the query."
        ]
        raise


def _over_the_cell(bar: Bar | None) -> AbstractContextManager[None]:
    return bar.over_the_cell() if isinstance(bar, CellBar) else nullcontext()


def _ends_silently(cell: str) -> bool:
    # IPython's own decorator reads the cell as Python, and fails on an apostrophe in a comment.
    return tokenise(cell)[-1].word == ";"
