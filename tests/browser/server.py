"""A Jupyter server of the tests' own, which shows notebooks in JupyterLab and in Notebook 7."""

from __future__ import annotations

import json
import os
import secrets
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import nbformat
import requests

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["JupyterServer", "serving_notebooks"]

ROOT = Path(__file__).parents[2]

_START_SECONDS = 90
_STOP_SECONDS = 30
_SETTINGS = {
    "notification": {"fetchNews": "false"},
    # The browser says whether it is dark, so that a page is without changing the next.
    "themes": {"adaptive-theme": True},
}


@dataclass(frozen=True)
class JupyterServer:
    """A running server.

    Attributes:
        address: Where it is.
        token: What it wants to be shown.
        folder: Where its notebooks are.
    """

    address: str
    token: str
    folder: Path

    def write(self, name: str, cells: Iterable[str | nbformat.NotebookNode]) -> Path:
        """Save a notebook whose cells have not run; a text is a cell of code."""
        made = [nbformat.v4.new_code_cell(cell) if isinstance(cell, str) else cell for cell in cells]
        notebook = nbformat.v4.new_notebook(cells=made)
        notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
        path = self.folder / f"{name}.ipynb"
        nbformat.write(notebook, path)
        return path

    def page_of(self, path: Path, front_end: str) -> str:
        """The address of the notebook at ``path`` in ``"lab"`` or in ``"notebook"``."""
        place = f"doc/workspaces/{path.stem}/tree" if front_end == "lab" else "notebooks"
        return f"{self.address}/{place}/{path.name}?token={self.token}"

    def end_kernel(self, path: Path) -> None:
        """End the kernel of the notebook at ``path``."""
        for session in self._ask("GET", "sessions").json():
            if session["path"] == path.name:
                self._ask("DELETE", f"sessions/{session['id']}")

    def is_ready(self) -> bool:
        """Whether it answers."""
        try:
            return self._ask("GET", "status").ok
        except requests.ConnectionError:
            return False

    def _ask(self, method: str, path: str) -> requests.Response:
        headers = {"Authorization": f"token {self.token}"}
        return requests.request(method, f"{self.address}/api/{path}", headers=headers, timeout=30)


@contextmanager
def serving_notebooks(folder: Path) -> Iterator[JupyterServer]:
    """A server for the length of a ``with`` block, with nothing of its user's: settings, workspaces, files.

    Args:
        folder: A new folder for all that it reads and writes.
    """
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    server = JupyterServer(f"http://127.0.0.1:{port}", secrets.token_hex(16), folder / "notebooks")
    server.folder.mkdir()
    settings = folder / "settings" / "@jupyterlab" / "apputils-extension"
    settings.mkdir(parents=True)
    for name, values in _SETTINGS.items():
        (settings / f"{name}.jupyterlab-settings").write_text(json.dumps(values))
    # The committed files of the extension for JupyterLab, whatever was installed when.
    extensions = folder / "share" / "labextensions"
    extensions.mkdir(parents=True)
    (extensions / "posthog-nb").symlink_to(ROOT / "posthog_nb" / "labextension")
    own = {
        name: str(folder / name.lower())
        for name in ("JUPYTER_CONFIG_DIR", "JUPYTER_RUNTIME_DIR", "JUPYTERLAB_WORKSPACES_DIR", "IPYTHONDIR")
    }
    environ = {
        **{name: text for name, text in os.environ.items() if not name.startswith("POSTHOG_")},
        **own,
        "JUPYTER_PATH": str(folder / "share"),
        "JUPYTER_TOKEN": server.token,
        "JUPYTERLAB_SETTINGS_DIR": str(folder / "settings"),
        "PYTHONPATH": os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")])),
    }
    command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--ip=127.0.0.1", f"--port={port}"]
    command += ["--ServerApp.port_retries=0", "--allow-root", f"--ServerApp.root_dir={server.folder}"]
    command += ["--LabApp.expose_app_in_browser=True", "--JupyterNotebookApp.expose_app_in_browser=True"]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, cwd=folder, env=environ, stdout=log, stderr=subprocess.STDOUT)
    try:
        _wait_until_ready(server, process, folder / "log")
        yield server
    finally:
        process.terminate()
        try:
            process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait_until_ready(server: JupyterServer, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        if server.is_ready():
            return
        time.sleep(0.1)
    raise RuntimeError(f"Jupyter did not start:\n{log.read_text()}")
