"""A notebook as one page of HTML, for somebody without Jupyter: run from a clean kernel, and complete in itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from posthog_nb.errors import MissingDependencyError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

__all__ = ["Report", "make_report"]


@dataclass(frozen=True)
class Report:
    """A page that was written.

    Attributes:
        path: Where it is.
        remarks: What a reader of the notebook would miss in it, and what its author should know.
    """

    path: Path
    remarks: list[str]


def make_report(
    notebook: Path,
    output: Path | None = None,
    *,
    parameters: Mapping[str, Any] | None = None,
    run: bool = True,
    code: bool = True,
) -> Report:
    """Run a notebook and write it as a page that needs no other file, no network and no script.

    Args:
        notebook: The notebook's file, which stays as it is.
        output: The page's file; beside the notebook, under its name, when it is left out.
        parameters: Values in place of those in the cell with the tag ``parameters``.
        run: Whether it is run from a clean kernel; else the page has the outputs that are saved in it.
        code: Whether the page shows the code.

    Raises:
        ReportError: a cell failed, or there is no such kernel. Nothing was written.
        InvalidInputError: there is no such notebook, or it has no such parameter.
        MissingDependencyError: papermill, nbconvert or the like is not installed.
    """
    try:
        from posthog_nb.report import making  # noqa: PLC0415 - what it needs is an extra
    except ImportError as error:
        raise MissingDependencyError(
            f"A report needs {(error.name or 'a library').partition('.')[0]}, which is not installed.",
            hint="pip install 'posthog-nb[report]'",
        ) from error
    return making.make(notebook, output, parameters=dict(parameters or {}), run=run, code=code)
