"""``df.posthog`` on the frames of pandas and polars, whichever are loaded or will be (docs/adr/0018)."""

from __future__ import annotations

import sys
import threading
from contextlib import suppress
from importlib.abc import MetaPathFinder
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from importlib.machinery import ModuleSpec
    from types import ModuleType

    from posthog_nb.accessors.accessor import FrameAccessor

__all__ = ["register"]

NAME = "posthog"


def register() -> None:
    """Give the frames of pandas and polars their ``posthog``: now where they are loaded, else when they are.

    Neither is loaded for it. Called again, it changes nothing.
    """
    waiting: dict[str, Callable[[], None]] = {}
    for name, give in _LIBRARIES.items():
        if name in sys.modules:
            give()
        else:
            waiting[name] = give
    if waiting and not any(isinstance(finder, _WhenLoaded) for finder in sys.meta_path):
        sys.meta_path.insert(0, _WhenLoaded(waiting))


class _WhenLoaded(MetaPathFinder):
    """Has something done once a library is loaded, wherever the other finders find it.

    Args:
        waiting: What is to be done after each library.
    """

    def __init__(self, waiting: dict[str, Callable[[], None]]) -> None:
        self._waiting = waiting
        self._asking = threading.local()

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None,  # noqa: ARG002 - the signature is Python's
        target: ModuleType | None = None,  # noqa: ARG002
    ) -> ModuleSpec | None:
        """What the other finders find; its loader will do what is waiting, and then be as they made it."""
        if fullname not in self._waiting or getattr(self._asking, "others", False):
            return None
        self._asking.others = True
        try:
            found = find_spec(fullname)
        finally:
            self._asking.others = False
        if found is not None and found.loader is not None:
            self._attach(found.loader, fullname)
        return found

    def _attach(self, loader: Any, name: str) -> None:  # noqa: ANN401 - its method is replaced
        execute = loader.exec_module

        def execute_and_give(module: ModuleType) -> None:
            vars(loader).pop("exec_module", None)
            execute(module)
            give = self._waiting.pop(name, None)
            if give is not None:
                give()
            if not self._waiting:
                with suppress(ValueError):  # somebody else has taken it away
                    sys.meta_path.remove(self)

        loader.exec_module = execute_and_give


def _accessor(frame: object) -> FrameAccessor:
    """The events of the frame, asked as a project is."""
    # A function, so that the class is loaded when the first frame is asked for it.
    from posthog_nb.accessors.accessor import FrameAccessor  # noqa: PLC0415

    return FrameAccessor(frame)


def _give_to_pandas() -> None:
    import pandas as pd  # noqa: PLC0415 - it is loaded already

    if not hasattr(pd.DataFrame, NAME):
        pd.api.extensions.register_dataframe_accessor(NAME)(_accessor)  # type: ignore[type-var] # a function does


def _give_to_polars() -> None:
    import polars as pl  # noqa: PLC0415 - it is loaded already

    if not hasattr(pl.DataFrame, NAME):
        pl.api.register_dataframe_namespace(NAME)(_accessor)  # type: ignore[arg-type] # likewise


_LIBRARIES: dict[str, Callable[[], None]] = {"pandas": _give_to_pandas, "polars": _give_to_polars}
