"""What a fork of the process has to begin anew: threads stay with its parent, and so should connections and locks."""

from __future__ import annotations

import os
from typing import Protocol
from weakref import WeakSet

__all__ = ["BeginsAnew", "begins_anew_in_forks"]


class BeginsAnew(Protocol):
    """Something with connections, locks or threads."""

    def begin_anew(self) -> None:
        """Be in this process as if nothing had been on its way in the one that this is a fork of."""


_all: WeakSet[BeginsAnew] = WeakSet()


def begins_anew_in_forks(this: BeginsAnew) -> None:
    """Let ``this`` begin anew in each fork of the process."""
    _all.add(this)


def _forked() -> None:
    for each in list(_all):
        each.begin_anew()


if hasattr(os, "register_at_fork"):  # not on Windows, which has no forks
    os.register_at_fork(after_in_child=_forked)
