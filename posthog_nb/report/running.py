"""Running a notebook for its report: from a clean kernel, with parameters as papermill sets them."""

from __future__ import annotations

import ast
import re
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from jupyter_client.kernelspec import NoSuchKernel
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from nbformat import NotebookNode
from papermill.iorw import load_notebook_node
from papermill.parameterize import parameterize_notebook
from papermill.translators import papermill_translators
from papermill.utils import find_first_tagged_cell_index

from posthog_nb.errors import InvalidInputError, ReportError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

__all__ = ["run_notebook", "with_parameters"]

_LAST_OUTPUT_SECONDS = 60
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
_PYTHON = {"name": "python3", "display_name": "Python 3", "language": "python"}


def with_parameters(notebook: NotebookNode, parameters: Mapping[str, Any]) -> NotebookNode:
    """The notebook with a cell of parameters after the one that has them by the tag ``parameters``.

    Raises:
        InvalidInputError: one is not among them. papermill itself would set a name that nothing reads.
    """
    notebook = load_notebook_node(notebook)
    kernel = notebook.metadata.setdefault("kernelspec", NotebookNode(_PYTHON))
    kernel.setdefault("language", notebook.metadata.get("language_info", _PYTHON)["name"])
    place = find_first_tagged_cell_index(notebook, "parameters")
    if place < 0:
        raise InvalidInputError(
            "The notebook takes no parameters.",
            argument="parameters",
            hint="Give the cell that sets them the tag parameters; values of the command line come after it.",
        )
    known = _names(notebook.cells[place], kernel)
    for name in parameters:
        if name not in known:
            raise InvalidInputError(
                f"The notebook has no parameter {name!r}.", argument="parameters", hint=f"It has {', '.join(known)}."
            )
    made: NotebookNode = parameterize_notebook(notebook, dict(parameters))
    return made


def _names(cell: NotebookNode, kernel: NotebookNode) -> list[str]:
    """The variables that a cell sets."""
    if kernel["language"] == "python":
        # papermill itself passes over a value that it cannot read, such as a call that makes a datetime.
        with suppress(SyntaxError):
            return list(dict.fromkeys(_names_set(ast.parse(cell.source))))
    translator = papermill_translators.find_translator(kernel["name"], kernel["language"])
    return [parameter.name for parameter in translator.inspect(cell)]


def _names_set(tree: ast.Module) -> Iterator[str]:
    for statement in tree.body:
        if isinstance(statement, ast.Assign | ast.AnnAssign):
            targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
            yield from (node.id for target in targets for node in ast.walk(target) if isinstance(node, ast.Name))


def run_notebook(notebook: NotebookNode, folder: Path) -> None:
    """Run all cells in order, in a new kernel that works in ``folder``, and keep their outputs in ``notebook``.

    A cell with the tag ``raises-exception`` may fail.

    Raises:
        ReportError: another did, or there is no such kernel.
    """
    kernel = notebook.metadata.get("kernelspec", _PYTHON).get("name", "python3")
    started: list[NotebookNode] = []
    client = NotebookClient(
        notebook,
        timeout=None,
        # A busy computer takes its time between a cell's end and its last output, without which no page is made.
        iopub_timeout=_LAST_OUTPUT_SECONDS,
        raise_on_iopub_timeout=True,
        kernel_name=kernel,
        record_timing=False,
        store_widget_state=False,
        resources={"metadata": {"path": str(folder)}},
        on_cell_start=lambda cell, cell_index: started.append(cell),  # noqa: ARG005 - nbclient names them
    )
    try:
        client.execute()
    except NoSuchKernel as error:
        raise ReportError(
            f"The notebook asks for the kernel {kernel!r}, which is not installed.",
            hint="pip install ipykernel, or choose another kernel in JupyterLab and save.",
        ) from error
    except CellExecutionError as error:
        raise _failed(started[-1], f"{error.ename}: {error.evalue}") from error
    except CellTimeoutError as error:
        raise _failed(started[-1], f"its outputs did not come within {_LAST_OUTPUT_SECONDS} s") from error
    except (DeadKernelError, AssertionError) as error:
        # At Ctrl-C nbclient itself ends the kernel, and then stumbles over its being gone.
        if getattr(client, "_async_cleanup_kernel_future", None) is not None:
            raise KeyboardInterrupt from error
        if isinstance(error, AssertionError):
            raise
        raise _failed(started[-1] if started else None, "the kernel died") from error


def _failed(cell: NotebookNode | None, why: str) -> ReportError:
    if cell is None:
        return ReportError(f"The notebook did not run: {why}.")
    first = next((line for line in cell.source.splitlines() if line.strip()), "")
    told = [line for output in cell.outputs if output.output_type == "error" for line in output.traceback]
    return ReportError(
        f"The cell In [{cell.execution_count}] failed, which begins with {first!r}.",
        hint="Mend it, or give it the tag raises-exception if it is to fail. Nothing was written.",
        told=_COLOUR.sub("", "\n".join(told)).splitlines() or [why],
    )
