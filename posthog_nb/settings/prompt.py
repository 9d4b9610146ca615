"""Asking for a key or a token where somebody can answer, without showing it."""

from __future__ import annotations

import getpass
import sys
import warnings
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING

from posthog_nb.secret import Secret

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["ask_secret", "nobody_asked"]

_may_ask: ContextVar[bool] = ContextVar("may_ask", default=True)


@contextmanager
def nobody_asked() -> Iterator[None]:
    """Within it nobody is asked: what a button does belongs to no cell, so an answer could never come."""
    token = _may_ask.set(False)
    try:
        yield
    finally:
        _may_ask.reset(token)


def ask_secret(question: str) -> Secret | None:
    """Ask at the terminal or in the notebook.

    Returns:
        The answer; an empty one for an empty answer; None when nobody can be asked.
    """
    if not _may_ask.get() or not (_in_kernel() or _at_terminal()):
        return None
    try:
        with warnings.catch_warnings():
            # A terminal that would show what is typed is not asked at.
            warnings.simplefilter("error", getpass.GetPassWarning)
            return Secret(getpass.getpass(question))
    except EOFError:
        return Secret("")
    except (getpass.GetPassWarning, NotImplementedError):
        # A kernel that runs a notebook for nobody (nbconvert, papermill) has no input, and says so in this way.
        return None


def _in_kernel() -> bool:
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None and hasattr(ipython, "get_ipython") else None
    return getattr(shell, "kernel", None) is not None


def _at_terminal() -> bool:
    return sys.stdin is not None and not sys.stdin.closed and sys.stdin.isatty()
