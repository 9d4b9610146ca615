"""Registering the magics with a shell, and taking them away again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from posthog_nb.notebook.magics import PostHogMagics

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

__all__ = ["load", "unload"]

_NAME = PostHogMagics.__name__


def load(shell: InteractiveShell) -> None:
    """Register `%hogql` and `%%hogql`; a shell that has them keeps one of each."""
    unload(shell)
    magics = PostHogMagics(shell)
    shell.register_magics(magics)
    shell.events.register("post_execute", magics.show_footers)


def unload(shell: InteractiveShell) -> None:
    """Take away what :func:`load` registered. IPython itself leaves magics where they are."""
    manager = shell.magics_manager
    magics = manager.registry.pop(_NAME, None)
    if magics is None:
        return
    shell.events.unregister("post_execute", magics.show_footers)
    for registered in manager.magics.values():
        registered.pop("hogql", None)
