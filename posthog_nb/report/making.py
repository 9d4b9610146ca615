"""From a notebook's file to a page's: read, run, clean, render, write."""

from __future__ import annotations

import os
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import nbformat

from posthog_nb.errors import InvalidInputError
from posthog_nb.report import Report
from posthog_nb.report.cleaning import cleaned
from posthog_nb.report.page import page
from posthog_nb.report.running import run_notebook, with_parameters

if TYPE_CHECKING:
    from pathlib import Path

    from nbformat import NotebookNode

__all__ = ["make"]


def make(notebook: Path, output: Path | None, *, parameters: dict[str, Any], run: bool, code: bool) -> Report:
    """See :func:`posthog_nb.report.make_report`."""
    if parameters and not run:
        raise InvalidInputError(
            "Parameters are for a run, and --no-run shows the saved outputs.", hint="Leave one of the two out."
        )
    made = _read(notebook)
    target = _target(notebook, output)
    folder = notebook.absolute().parent
    if parameters:
        made = with_parameters(made, parameters)
    if run:
        run_notebook(made, folder)
    clean, remarks = cleaned(made, folder)
    now = datetime.now(UTC)
    about = [notebook.name, f"run on {now.day} {now:%b %Y, %H:%M} UTC" if run else "its outputs as they were saved"]
    about += [f"{name} = {value!r}" for name, value in cleaned(parameters, folder)[0].items()]
    written, missing = page(clean, name=notebook.stem, folder=folder, about=about, code=code)
    _write(target, written)
    return Report(target, remarks + missing)


def _read(path: Path) -> NotebookNode:
    try:
        read: NotebookNode = nbformat.read(path, as_version=4)
    except OSError as error:
        raise InvalidInputError(f"{path} cannot be read: {error.strerror}.", argument="notebook") from error
    except (ValueError, nbformat.ValidationError) as error:
        raise InvalidInputError(
            f"{path} is no notebook: {str(error).splitlines()[0]}.", argument="notebook", hint="Give an .ipynb file."
        ) from error
    return read


def _target(notebook: Path, output: Path | None) -> Path:
    target = notebook.with_suffix(".html") if output is None else output
    # Looked at before the notebook is run, which may take long.
    if target.is_dir():
        raise InvalidInputError(f"{target} is a folder.", argument="output", hint="Name a file in it: -o FOLDER/x.html")
    if not target.absolute().parent.is_dir():
        raise InvalidInputError(f"The folder of {target} does not exist.", argument="output", hint="Make it first.")
    if target.exists() and target.samefile(notebook):
        raise InvalidInputError(f"{target} is the notebook itself.", argument="output")
    return target


def _write(path: Path, text: str) -> None:
    """All of it or nothing: an older page stays until the new one is there."""
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        beside.write_text(text, encoding="utf-8")
        beside.replace(path)
    except OSError as error:
        with suppress(OSError):
            beside.unlink(missing_ok=True)
        raise InvalidInputError(f"{path} cannot be written: {error.strerror}.", argument="output") from error
