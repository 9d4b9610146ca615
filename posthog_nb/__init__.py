"""PostHog in a notebook: ask in HogQL and get a typed frame, look a person up, send an event and see it arrive.

``import posthog_nb`` loads none of pandas, polars, pyarrow, chdb, clickhouse_connect or ipywidgets: each public name
is imported when it is first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from posthog_nb.accessors.registering import register as _register
from posthog_nb.version import __version__ as __version__

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from posthog_nb.analysis.funnels.options import Exclusion
    from posthog_nb.analysis.series import Series
    from posthog_nb.ask import hogql
    from posthog_nb.cautions import PersonalDataWarning
    from posthog_nb.client import Client
    from posthog_nb.connecting import connect
    from posthog_nb.errors import PostHogError
    from posthog_nb.operations.capture import Receipt
    from posthog_nb.operations.check import Check
    from posthog_nb.operations.dry_run import DryRun
    from posthog_nb.operations.event import Event
    from posthog_nb.operations.explain import Explanation
    from posthog_nb.operations.person import Person
    from posthog_nb.operations.report import CaptureReport
    from posthog_nb.operations.result import Result
    from posthog_nb.secret import Secret
    from posthog_nb.settings import remove_profile, save_profile
    from posthog_nb.snapshots.recording import Recording
    from posthog_nb.verifying.snapshot import Snapshot
    from posthog_nb.verifying.verification import Verification

_PUBLIC = {
    "CaptureReport": "posthog_nb.operations.report",
    "Check": "posthog_nb.operations.check",
    "Client": "posthog_nb.client",
    "DryRun": "posthog_nb.operations.dry_run",
    "Event": "posthog_nb.operations.event",
    "Exclusion": "posthog_nb.analysis.funnels.options",
    "Explanation": "posthog_nb.operations.explain",
    "Person": "posthog_nb.operations.person",
    "PersonalDataWarning": "posthog_nb.cautions",
    "PostHogError": "posthog_nb.errors",
    "Receipt": "posthog_nb.operations.capture",
    "Recording": "posthog_nb.snapshots.recording",
    "Result": "posthog_nb.operations.result",
    "Secret": "posthog_nb.secret",
    "Series": "posthog_nb.analysis.series",
    "Snapshot": "posthog_nb.verifying.snapshot",
    "Verification": "posthog_nb.verifying.verification",
    "connect": "posthog_nb.connecting",
    "hogql": "posthog_nb.ask",
    "remove_profile": "posthog_nb.settings",
    "save_profile": "posthog_nb.settings",
}
"""Each public name and the module that it is imported from when it is first used."""

__all__ = [
    "CaptureReport",
    "Check",
    "Client",
    "DryRun",
    "Event",
    "Exclusion",
    "Explanation",
    "Person",
    "PersonalDataWarning",
    "PostHogError",
    "Receipt",
    "Recording",
    "Result",
    "Secret",
    "Series",
    "Snapshot",
    "Verification",
    "connect",
    "hogql",
    "remove_profile",
    "save_profile",
]


def __getattr__(name: str) -> Any:  # noqa: ANN401 - any of the public names
    try:
        module = _PUBLIC[name]
    except KeyError:
        raise AttributeError(f"module 'posthog_nb' has no attribute {name!r}") from None
    found = getattr(import_module(module), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


def load_ipython_extension(ipython: InteractiveShell) -> None:
    """``%load_ext posthog_nb``: register the magics, and nothing else (no network, no display)."""
    from posthog_nb.notebook.extension import load  # noqa: PLC0415 - IPython is needed only here

    load(ipython)


def unload_ipython_extension(ipython: InteractiveShell) -> None:
    """``%unload_ext posthog_nb``: take the magics away again."""
    from posthog_nb.notebook.extension import unload  # noqa: PLC0415 - IPython is needed only here

    unload(ipython)


_register()
