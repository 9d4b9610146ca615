"""The bar of what takes long: the server's own count of rows, gone from the page and the saved notebook."""

from __future__ import annotations

import sys
import time
from contextlib import contextmanager, redirect_stderr
from io import TextIOBase
from typing import TYPE_CHECKING, Any

from IPython.display import clear_output, display

from posthog_nb.operations.progress import DOES, Bar

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import TextIO

    from IPython.core.interactiveshell import InteractiveShell

    from posthog_nb.operations.task import Progress

__all__ = ["CallBar", "CellBar", "bar_for", "bar_of_a_call"]

_BETWEEN = 0.2
"""Seconds between two changes of the page."""


def bar_for(shell: InteractiveShell, *, whole_cell: bool) -> Bar | None:
    """The bar that suits the place: in a notebook over a whole cell, in a terminal a line; else none.

    What is displayed cannot be taken out of a notebook's cell but by clearing all that the cell has shown. So a line
    among the user's own statements has no bar there.
    """
    if hasattr(shell, "kernel"):
        return CellBar() if whole_cell and _begins_with_a_magic(shell) else None
    return Bar() if sys.stderr.isatty() else None


def _begins_with_a_magic(shell: InteractiveShell) -> bool:
    """Whether nothing of the user's own runs in the cell, as it does where ``run_cell_magic`` is called."""
    running = shell.displayhook.exec_result
    return running is not None and running.info.raw_cell.lstrip().startswith("%%")


def bar_of_a_call(shell: InteractiveShell) -> Bar:
    """The bar of a call such as ``ph.query(..., progress=True)``, which somebody asked for."""
    return CallBar() if hasattr(shell, "kernel") else Bar()


class _Displayed(Bar):
    """The bar in a notebook: HTML that any front end shows, without a widget."""

    def __init__(self) -> None:
        super().__init__()
        self._handle: Any = None
        self._shown_at = 0.0

    def show(self, progress: Progress) -> None:
        """Show ``progress``."""
        if time.monotonic() - self._shown_at < _BETWEEN:
            return
        self._shown_at = time.monotonic()
        shown = _mimebundle(progress)
        if self._handle is None:
            self._handle = display(shown, raw=True, display_id=True)  # type: ignore[no-untyped-call]
        else:
            self._handle.update(shown, raw=True)


class CallBar(_Displayed):
    """The bar of a call among a cell's own statements, whose other outputs must stay: its place is left empty."""

    def close(self) -> None:
        """Take the bar away; the next progress brings another."""
        if self._handle is not None:
            self._handle.update({"text/plain": ""}, raw=True)
            self._handle = None


class CellBar(_Displayed):
    """The bar over a whole cell.

    It goes when the cell shows something else. What was written to ``sys.stderr`` meanwhile, a warning for one, is
    written once more, as it would go with the bar.
    """

    def __init__(self) -> None:
        super().__init__()
        self._stderr: _Copied | None = None

    @contextmanager
    def over_the_cell(self) -> Iterator[None]:
        """Keep what goes to ``sys.stderr``; the bar itself comes and goes within."""
        self._stderr = _Copied(sys.stderr)
        try:
            with redirect_stderr(self._stderr):
                yield
        finally:
            self.close()
            self._stderr = None

    def close(self) -> None:
        """Take the bar away; the next progress brings another."""
        if self._handle is None:
            return
        self._handle = None
        clear_output(wait=True)  # type: ignore[no-untyped-call]
        if self._stderr is not None:
            self._stderr.write_again()


class _Copied(TextIOBase):
    """A stream that remembers what is written to another."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._texts: list[str] = []

    def write(self, text: str) -> int:
        self._texts.append(text)
        return self._stream.write(text)

    def flush(self) -> None:
        self._stream.flush()

    def write_again(self) -> None:
        """Write all of it to the other stream once more."""
        self._stream.write("".join(self._texts))
        self._stream.flush()


def _mimebundle(progress: Progress) -> dict[str, str]:
    total = progress.total
    of = "" if total is None else f" of {'about ' if progress.what == 'read' else ''}{total:,}"
    text = f"{DOES[progress.what]} {progress.done:,}{of} rows"
    extent = "" if not total else f' max="{total}" value="{min(progress.done, total)}"'
    bar = f'<progress aria-label="{DOES[progress.what]}"{extent} style="vertical-align:middle"></progress>'
    return {"text/plain": text, "text/html": f'<div class="posthog-nb-progress">{bar} {text}</div>'}
