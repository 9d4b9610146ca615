"""`%hogql`, `%%hogql` and `%posthog` as IPython knows them: their names, and their settings under `%config`.

What they do is in :mod:`posthog_nb.notebook.cells`, which is imported when the first of them is used: loading the
extension costs next to nothing.
"""

from __future__ import annotations

import math
from functools import cached_property
from typing import TYPE_CHECKING, Any

from IPython.core.magic import Magics, line_cell_magic, line_magic, magics_class, needs_local_scope, no_var_expand
from traitlets import Bool, Enum, Float, Int, TraitError, validate

from posthog_nb.notebook.completion import Completion

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell
    from traitlets.utils.bunch import Bunch

    from posthog_nb.notebook.cells import Cells

__all__ = ["PostHogMagics"]

_FRAMES = ("pandas", "polars", "arrow")
"""As ``posthog_nb.frames`` has them, which is not imported for it."""


@magics_class
class PostHogMagics(Magics):
    """The magics of one shell.

    Args:
        shell: The shell.
    """

    shell: InteractiveShell

    frame = Enum(
        _FRAMES, default_value=None, allow_none=True, help="The kind of frame; None for the client's own default."
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
        self.completion = Completion(shell)

    @cached_property
    def _cells(self) -> Cells:
        from posthog_nb.notebook.cells import Cells  # noqa: PLC0415 - not before a cell asks for something

        return Cells(self.shell, self)

    @no_var_expand
    @needs_local_scope
    @line_cell_magic
    def hogql(self, line: str, cell: str | None = None, local_ns: dict[str, Any] | None = None) -> Any:  # noqa: ANN401
        """Run HogQL and get a typed frame; `%hogql -h` lists the options."""
        return self._cells.hogql(line, cell, local_ns or {})

    @no_var_expand
    @needs_local_scope
    @line_magic
    def posthog(self, line: str, local_ns: dict[str, Any] | None = None) -> Any:  # noqa: ANN401
        """Connections to PostHog; `%posthog -h` lists the commands."""
        return self._cells.posthog(line, local_ns or {})

    def show_footers(self) -> None:
        """Show the lines under the cell's frames; called when the cell has run and its value is on the page."""
        if "_cells" in vars(self):
            self._cells.show_footers()
