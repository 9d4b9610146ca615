"""The queries that run now, so that one can be cancelled by its id at any moment of its life."""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["RunningQueries"]

LONGEST_CANCEL = 5.0
_PAUSE = 0.02


class RunningQueries:
    """Ids of the queries between their arrival and their answer.

    Args:
        stop: Ends a query in the engine; it does nothing for one that the engine does not run yet or any more.
    """

    def __init__(self, stop: Callable[[str], object]) -> None:
        self._stop = stop
        self._lock = threading.Lock()
        self._running: dict[str, int] = {}

    @contextmanager
    def hold(self, query_id: str) -> Iterator[None]:
        """Keep ``query_id`` among the running ones."""
        with self._lock:
            self._running[query_id] = self._running.get(query_id, 0) + 1
        try:
            yield
        finally:
            with self._lock:
                self._running[query_id] -= 1
                if not self._running[query_id]:
                    del self._running[query_id]

    def cancel(self, query_id: str) -> bool:
        """End a query; whether it was running.

        A query that has arrived and has not reached the engine is caught when it does: stopping is repeated until
        the query is gone.
        """
        deadline = time.monotonic() + LONGEST_CANCEL
        found = False
        while query_id in self._running and time.monotonic() < deadline:
            found = True
            self._stop(query_id)
            time.sleep(_PAUSE)
        return found

    def cancel_all(self) -> None:
        """End every query that runs now or begins meanwhile: all are told before the first is waited for."""
        deadline = time.monotonic() + LONGEST_CANCEL
        while (running := self._ids()) and time.monotonic() < deadline:
            for query_id in running:
                self._stop(query_id)
            time.sleep(_PAUSE)

    def _ids(self) -> list[str]:
        with self._lock:
            return list(self._running)
