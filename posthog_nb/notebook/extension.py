"""Registering the magics with a shell, and taking them away again."""

from __future__ import annotations

import re
import warnings
from functools import partial
from typing import TYPE_CHECKING

from traitlets import TraitError

from posthog_nb.notebook.display import RENDERERS
from posthog_nb.notebook.magics import PostHogMagics
from posthog_nb.operations.progress import Bar, show_with

if TYPE_CHECKING:
    from IPython.core.formatters import BaseFormatter
    from IPython.core.interactiveshell import InteractiveShell

__all__ = ["load", "unload"]

_ALONE = re.compile(r"%%hogql\s")

_NAME = PostHogMagics.__name__


def load(shell: InteractiveShell) -> None:
    """Register `%hogql`, `%%hogql` and `%posthog`; a shell that has them keeps one of each."""
    unload(shell)
    _drop_refused_settings(shell)
    magics = PostHogMagics(shell)
    shell.register_magics(magics)
    shell.events.register("post_execute", magics.show_footers)
    shell.input_transformers_cleanup.append(_with_a_body)
    show_with(partial(_bar_in, shell))
    magics.completion.register()
    for mime, module, name, render in RENDERERS:
        formatter = _formatter(shell, mime)
        # Somebody else's choice of how frames look comes first.
        if formatter is not None and _choice(formatter, module, name) is None:
            formatter.for_type_by_name(module, name, render)  # type: ignore[no-untyped-call]


def unload(shell: InteractiveShell) -> None:
    """Take away what :func:`load` registered. IPython itself leaves magics where they are."""
    manager = shell.magics_manager
    magics = manager.registry.pop(_NAME, None)
    if magics is None:
        return
    # IPython lists it for %config when it is made.
    shell.configurables.remove(magics)
    shell.events.unregister("post_execute", magics.show_footers)
    shell.input_transformers_cleanup.remove(_with_a_body)
    show_with(Bar)
    magics.completion.unregister()
    for registered in manager.magics.values():
        registered.pop("hogql", None)
        registered.pop("posthog", None)
    for mime, module, name, render in RENDERERS:
        formatter = _formatter(shell, mime)
        if formatter is not None and _choice(formatter, module, name) is render:
            formatter.pop(f"{module}.{name}")  # type: ignore[no-untyped-call]


def _drop_refused_settings(shell: InteractiveShell) -> None:
    """Take out of the shell's configuration what the magics refuse.

    ``%config`` leaves a refused value there, and the next ``%reload_ext`` would fail on it.
    """
    section = shell.config.get(_NAME) or {}
    known = PostHogMagics.class_traits(config=True)
    trial = PostHogMagics.__new__(PostHogMagics)
    for name, value in list(section.items()):
        if name not in known:
            continue
        try:
            setattr(trial, name, value.get_value(known[name]) if hasattr(value, "get_value") else value)
        except TraitError as error:
            del section[name]
            warnings.warn(f"{_NAME}.{name} = {value!r} is left out: {error}", stacklevel=3)


def _with_a_body(lines: list[str]) -> list[str]:
    """Give a `%%hogql` that stands alone an empty line, as IPython does not call a cell magic without a body.

    So `%%hogql -h` shows the help and an empty cell gets our own error, which a saved notebook keeps.
    """
    return [*lines, "\n"] if len(lines) == 1 and _ALONE.match(f"{lines[0]}\n") else lines


# In a terminal the query is still to be typed: to know whether a cell is whole, IPython asks what has no side effects.
_with_a_body.has_side_effects = True  # type: ignore[attr-defined]


def _bar_in(shell: InteractiveShell) -> Bar:
    from posthog_nb.notebook.progress import bar_of_a_call  # noqa: PLC0415 - not before there is something to show

    return bar_of_a_call(shell)


def _formatter(shell: InteractiveShell, mime: str) -> BaseFormatter | None:
    return None if shell.display_formatter is None else shell.display_formatter.formatters[mime]


def _choice(formatter: BaseFormatter, module: str, name: str) -> object:
    try:
        found: object = formatter.lookup_by_type(f"{module}.{name}")  # type: ignore[no-untyped-call]
    except KeyError:
        return None
    return found
