"""PostHog in a notebook: ask in HogQL and get a typed frame, look a person up, send an event and see it arrive.

``import posthog_nb`` loads none of pandas, polars, pyarrow, chdb, clickhouse_connect or ipywidgets: each public name
is imported when it is first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

__version__ = "0.1.0"


def load_ipython_extension(ipython: InteractiveShell) -> None:
    """``%load_ext posthog_nb``: register the magics, and nothing else (no network, no display)."""
    from posthog_nb.notebook.extension import load  # noqa: PLC0415 - IPython is needed only here

    load(ipython)


def unload_ipython_extension(ipython: InteractiveShell) -> None:
    """``%unload_ext posthog_nb``: take the magics away again."""
    from posthog_nb.notebook.extension import unload  # noqa: PLC0415 - IPython is needed only here

    unload(ipython)
