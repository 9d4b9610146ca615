"""Tracebacks as rich and IPython's verbose mode show them: with the values of the variables."""

from __future__ import annotations

import traceback


def everything_shown(error: BaseException, but: str) -> str:
    """The error with the variables of every frame but those of the file ``but``, the test's own."""
    shown = traceback.TracebackException.from_exception(error, capture_locals=True)
    parts = [str(error), repr(error)]
    while shown is not None:
        parts += [f"{frame} {frame.locals}" for frame in shown.stack if frame.filename != but]
        shown = shown.__cause__ or shown.__context__
    return "\n".join(parts)
