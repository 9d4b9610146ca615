"""Running the project's notebooks in clean kernels, and writing their outputs back.

`python -m tests.notebooks` runs each one and saves what came out, so that what is committed is what a run gives.
"""

from __future__ import annotations

import base64
import copy
import os
import re
import struct
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import nbformat
from nbclient import NotebookClient

if TYPE_CHECKING:
    from collections.abc import Mapping

ROOT = Path(__file__).parent.parent
OFFLINE = ROOT / "tests" / "offline"
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))

_QUERY_ID = re.compile(r"(?<=query )[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_RECORDED = re.compile(r"(?<=recorded )\d{4}-\d\d-\d\d \d\d:\d\d(?= UTC)")
_ELAPSED = re.compile(r"(?<= · )(?:\d+ min )?[\d.]+ s(?= · )")
_SECONDS = 240
_ZONE = "Pacific/Chatham"  # 12:45 hours ahead of UTC, in summer 13:45


def execute(
    notebook: nbformat.NotebookNode,
    folder: Path,
    *,
    in_place: bool = False,
    settings: Mapping[str, str] = MappingProxyType({}),
    errors: bool = False,
    zone: str = _ZONE,
) -> nbformat.NotebookNode:
    """``notebook`` with the outputs of a run in a clean kernel, which works in ``folder`` without PostHog settings.

    The kernel has no network but this machine's own, and a clock far from UTC: a reader may have neither.

    Args:
        notebook: The notebook.
        folder: The folder in which the kernel works.
        in_place: Whether the outputs go into ``notebook`` itself, where they are found when the run fails.
        settings: PostHog settings, by the names of their environment variables.
        errors: Whether the run goes on after a cell that fails.
        zone: The time zone of the kernel's clock.
    """
    fresh = notebook if in_place else copy.deepcopy(notebook)
    paths = os.pathsep.join(filter(None, [str(OFFLINE), str(ROOT), os.environ.get("PYTHONPATH")]))
    kept = {name: text for name, text in os.environ.items() if not name.startswith("POSTHOG_")}
    client = NotebookClient(
        fresh,
        timeout=_SECONDS,
        # A busy computer takes its time between a cell's answer and its outputs.
        iopub_timeout=_SECONDS,
        allow_errors=errors,
        kernel_name="python3",
        record_timing=False,
        resources={"metadata": {"path": str(folder)}},
    )
    client.execute(env={**kept, **settings, "PYTHONPATH": paths, "TZ": zone})
    return fresh


def outputs(notebook: nbformat.NotebookNode) -> list[list[dict[str, Any]]]:
    """Each code cell's outputs, without what is of one run: a query's time, a recording's, a refused query's id."""
    return [[_settled(output) for output in cell.outputs] for cell in notebook.cells if cell.cell_type == "code"]


def _settled(value: Any) -> Any:
    if isinstance(value, str):
        value = _RECORDED.sub("2026-03-31 10:00", value)
        return _ELAPSED.sub("0.1 s", _QUERY_ID.sub("00000000-0000-0000-0000-000000000000", value))
    if isinstance(value, dict):
        return {key: _settled(item) for key, item in value.items()}
    return [_settled(item) for item in value] if isinstance(value, list) else value


def shown(notebook: nbformat.NotebookNode) -> list[list[dict[str, Any]]]:
    """The outputs, and of pictures what they are drawn from: how they are drawn changes with the libraries."""
    return [[_without_pixels(output) for output in cell] for cell in outputs(notebook)]


def _without_pixels(output: dict[str, Any]) -> dict[str, Any]:
    data = {kind: _without_drawing(kind, content) for kind, content in output.get("data", {}).items()}
    return {**output, "data": data} if data else output


def _without_drawing(kind: str, content: Any) -> Any:
    if kind == "image/png":
        return "a picture of {} x {}".format(*png_size(base64.b64decode(content)))
    if kind.startswith("application/vnd.vegalite"):
        return {name: part for name, part in content.items() if name not in {"$schema", "config"}}
    return content


def png_size(picture: bytes) -> tuple[int, int]:
    """Width and height in pixels, as the head of the PNG has them."""
    width, height = struct.unpack_from(">II", picture, 16)
    return width, height


def refresh(path: Path) -> None:
    """Run the notebook at ``path`` and save its outputs."""
    notebook = execute(nbformat.read(path, as_version=4), path.parent)
    fresh = iter(outputs(notebook))
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs = [nbformat.from_dict(output) for output in next(fresh)]
    # What the kernel says of itself changes with its version.
    notebook.metadata.language_info = nbformat.from_dict({"name": "python"})
    nbformat.write(notebook, path)


if __name__ == "__main__":
    for each in NOTEBOOKS:
        refresh(each)
