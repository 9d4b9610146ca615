"""A bar that shows how far a query is."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from posthog_nb.operations.task import Progress

__all__ = ["DOES", "Bar", "new_bar", "show_with"]

DOES = {"read": "PostHog reads", "fetched": "fetching"}
"""What is done, by :attr:`posthog_nb.operations.task.Progress.what`."""

_QUIET = 0.5
"""Seconds. What is done within them shows no bar."""


class Bar:
    """tqdm's bar: a line in a terminal, gone when the query is answered."""

    def __init__(self) -> None:
        self._bar: Any = None
        self._what: str | None = None
        self._began = time.monotonic()

    def begin(self) -> None:
        """Something is asked from now on."""
        self._began = time.monotonic()

    def __call__(self, progress: Progress) -> None:
        """Show ``progress``, unless it is quick."""
        if time.monotonic() - self._began >= _QUIET:
            self.show(progress)

    def show(self, progress: Progress) -> None:
        """Show ``progress``."""
        from tqdm.auto import tqdm  # noqa: PLC0415 - loaded when there is something to show

        if self._bar is None or self._what != progress.what:
            self.close()
            self._what = progress.what
            self._bar = tqdm(desc=DOES[progress.what], unit=" rows", unit_scale=True, leave=False)
        self._bar.total = progress.total
        self._bar.update(progress.done - self._bar.n)

    def close(self) -> None:
        """Take the bar away; the next progress brings another."""
        if self._bar is not None:
            self._bar.close()
            self._bar = None


_make: Callable[[], Bar] = Bar
"""What makes the bar of a call that asks for one; the notebook has its own."""


def new_bar() -> Bar:
    """The bar for a call that asks for one."""
    return _make()


def show_with(make: Callable[[], Bar]) -> None:
    """Let ``make`` give the bars of this process from now on."""
    global _make  # noqa: PLW0603 - where the process shows things is a fact about it
    _make = make
