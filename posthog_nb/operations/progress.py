"""A bar that shows how far a query is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from posthog_nb.operations.task import Progress

__all__ = ["Bar"]

_DOES = {"read": "PostHog reads", "fetched": "fetching"}


class Bar:
    """tqdm's bar: a widget in a notebook, a line in a terminal, gone when the query is answered."""

    def __init__(self) -> None:
        self._bar: Any = None
        self._what: str | None = None

    def __call__(self, progress: Progress) -> None:
        """Show ``progress``."""
        from tqdm.auto import tqdm  # noqa: PLC0415 - loaded when there is something to show

        if self._bar is None or self._what != progress.what:
            self.close()
            self._what = progress.what
            self._bar = tqdm(desc=_DOES[progress.what], unit=" rows", unit_scale=True, leave=False)
        self._bar.total = progress.total
        self._bar.update(progress.done - self._bar.n)

    def close(self) -> None:
        """Take the bar away; the next progress brings another."""
        if self._bar is not None:
            self._bar.close()
            self._bar = None
