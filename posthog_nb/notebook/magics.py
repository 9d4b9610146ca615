"""`%hogql` and `%%hogql`: from the text of a cell to a frame."""

from __future__ import annotations

import math
from collections import ChainMap
from contextlib import ExitStack, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from IPython.core.magic import Magics, line_cell_magic, line_magic, magics_class, needs_local_scope, no_var_expand
from IPython.display import display
from traitlets import Bool, Enum, Float, Int, TraitError, validate

from posthog_nb.connecting import connect
from posthog_nb.errors import InvalidInputError
from posthog_nb.notebook.arguments import FRAMES, Arguments, help_text, parse_cell_line, parse_line
from posthog_nb.notebook.connections import EVENTS, Connections, posthog_help, profiles, read_posthog_line
from posthog_nb.notebook.display import Code, Footer, footer, rows_shown
from posthog_nb.notebook.progress import CellBar, bar_for
from posthog_nb.notebook.values import collect_values
from posthog_nb.operations.answer import LARGEST_PAGE
from posthog_nb.operations.values import placeholders

if TYPE_CHECKING:
    from collections.abc import Mapping
    from contextlib import AbstractContextManager

    from IPython.core.interactiveshell import InteractiveShell
    from traitlets.utils.bunch import Bunch

    from posthog_nb.operations.progress import Bar
    from posthog_nb.operations.result import Result

__all__ = ["PostHogMagics"]


@dataclass(frozen=True)
class _Page:
    """What `%hogql --more` goes on from.

    Attributes:
        result: The rows that were shown last.
        first: The number of their first row.
        frame: The kind of frame that was asked for.
        bar: Shows how far it is.
    """

    result: Result
    first: int = 1
    frame: str | None = None
    bar: Bar | None = None


@magics_class
class PostHogMagics(Magics):
    """The magics of one shell.

    Args:
        shell: The shell.
    """

    shell: InteractiveShell

    frame = Enum(
        FRAMES, default_value=None, allow_none=True, help="The kind of frame; None for the client's own default."
    ).tag(config=True)
    limit = Int(
        default_value=None, allow_none=True, min=1, help="The most rows of a cell without --limit and --all."
    ).tag(config=True)
    timeout = Float(
        default_value=None, allow_none=True, help="The seconds to wait for each answer; None for as long as it takes."
    ).tag(config=True)
    progress = Bool(default_value=True, help="Whether a long query shows a bar.").tag(config=True)

    @validate("timeout")
    def _above_zero(self, proposal: Bunch) -> float | None:
        seconds: float | None = proposal["value"]
        if seconds is not None and not 0 < seconds < math.inf:
            raise TraitError(f"PostHogMagics.timeout is {seconds!r}; it is a number of seconds above 0, or None.")
        return seconds

    def __init__(self, shell: InteractiveShell) -> None:
        super().__init__(shell)
        self._page: _Page | None = None
        self._footers: list[Footer] = []
        self._until_shown = ExitStack()
        self._connections = Connections()

    @no_var_expand
    @needs_local_scope
    @line_cell_magic
    def hogql(self, line: str, cell: str | None = None, local_ns: dict[str, Any] | None = None) -> Any:  # noqa: ANN401
        """Run HogQL and get a typed frame; `%hogql -h` lists the options."""
        namespace = ChainMap(local_ns or {}, self.shell.user_ns)
        if cell is None:
            arguments, query = parse_line(line)
        else:
            arguments, query = parse_cell_line(line), cell
        if arguments.help:
            print(help_text())  # noqa: T201 - help is read where it was asked for
            return None
        if arguments.more:
            return self._next_page(arguments, query)
        return self._first_page(arguments, query, namespace, whole_cell=cell is not None)

    @no_var_expand
    @needs_local_scope
    @line_magic
    def posthog(self, line: str, local_ns: dict[str, Any] | None = None) -> Any:  # noqa: ANN401
        """Connections to PostHog; `%posthog -h` lists the commands."""
        namespace = ChainMap(local_ns or {}, self.shell.user_ns)
        asked = read_posthog_line(line)
        match asked.command:
            case "connect":
                client = connect(asked.target, profile=asked.profile, project_id=asked.project_id)
                self.shell.user_ns[asked.name] = client
                self._footers.append(Footer(((Code(asked.name), " is set"), (client.source,))))
                return None
            case "profiles":
                return profiles()
            case "status":
                return self._connections.find(namespace, asked.connection).check()
            case "schema":
                return self._connections.find(namespace, asked.connection).schema(asked.pattern)
            case "events":
                client = self._connections.find(namespace, asked.connection)
                self._page = None
                return self._give(_Page(client.query(EVENTS)), Arguments(), silenced=False)
        print(posthog_help())  # noqa: T201 - help is read where it was asked for
        return None

    def show_footers(self) -> None:
        """Show the lines under the cell's frames; called when the cell has run and its value is on the page."""
        self._until_shown.close()
        footers, self._footers = self._footers, []
        for line in footers:
            display(line)  # type: ignore[no-untyped-call]

    def _first_page(self, arguments: Arguments, query: str, namespace: Mapping[str, Any], *, whole_cell: bool) -> Any:  # noqa: ANN401 - a frame
        self._page = None
        if not query.strip():
            raise InvalidInputError(
                "%%hogql: there is no query.", hint="Write a HogQL SELECT in the lines below %%hogql."
            )
        values = collect_values(
            query, placeholders(query, {*arguments.params, *namespace}), arguments.params, namespace
        )
        client = self._connections.find(namespace, arguments.connection)
        limit = LARGEST_PAGE if arguments.all else arguments.limit or self.limit
        timeout = arguments.timeout or self.timeout
        if arguments.dry_run:
            return client.dry_run(query, limit, values)
        bar = bar_for(self.shell, whole_cell=whole_cell) if arguments.progress and self.progress else None
        with _over_the_cell(bar):
            result = client.query(query, limit, values, timeout=timeout, fresh=arguments.fresh, progress=bar or False)
            if arguments.all:
                result = result.fetch_all()
        return self._give(
            _Page(result, frame=arguments.frame or self.frame, bar=bar),
            arguments,
            silenced=whole_cell and _ends_silently(query),
        )

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
        with _over_the_cell(page.bar):
            following = page.result.next_page()
            if following is not None and arguments.all:
                following = following.fetch_all()
        if following is None:
            raise InvalidInputError("%hogql --more: the last result was complete.", hint="There are no more rows.")
        ahead = _Page(following, page.first + len(page.result), arguments.frame or page.frame, page.bar)
        return self._give(ahead, arguments, silenced=False)

    def _give(self, page: _Page, arguments: Arguments, *, silenced: bool) -> Any:  # noqa: ANN401 - a frame
        frame = page.result.to_frame(page.frame)
        self._page = page
        self._footers.append(footer(page.result, first=page.first, name=arguments.name, silenced=silenced))
        if arguments.name is not None:
            self.shell.user_ns[arguments.name] = frame
            shown = arguments.show
        else:
            shown = not silenced
        if shown and arguments.max_rows is not None:
            self._until_shown.enter_context(rows_shown(arguments.max_rows))
        return frame if shown else None


def _over_the_cell(bar: Bar | None) -> AbstractContextManager[None]:
    return bar.over_the_cell() if isinstance(bar, CellBar) else nullcontext()


def _ends_silently(cell: str) -> bool:
    # IPython's own decorator reads the cell as Python, and fails on an apostrophe in a comment.
    text = cell.rstrip()
    return text.endswith(";") and "--" not in text[text.rfind("\n") + 1 :]
