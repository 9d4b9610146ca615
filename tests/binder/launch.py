"""A launch of a built image without a network: every notebook through JupyterLab's server, and the memory of it all.

`python -m tests.binder.launch FOLDER` launches what `python -m tests.binder FOLDER` has built, once more.
"""

from __future__ import annotations

import json
import re
import secrets
import socket
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import nbformat
import psutil
import requests
from jupyter_server.gateway.gateway_client import GatewayClient
from jupyter_server.gateway.managers import GatewayKernelManager
from nbclient import NotebookClient

from tests.binder.image import Image
from tests.offline import check_that_nothing_is_reached, offline
from tests.reproduce import differences

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["LIMIT", "command"]

LIMIT = 10**9
"""How many bytes Binder's reader has."""

MEGABYTE = 10**6
_SECONDS = 240


def command(folder: Path) -> list[str]:
    """What launches the image in ``folder`` without a network."""
    return offline([sys.executable, "-m", "tests.binder.launch", str(folder)])


@dataclass(frozen=True)
class Server:
    """A running JupyterLab.

    Attributes:
        url: Where it is.
        token: What it lets in.
        pid: The process that it and its kernels descend from.
    """

    url: str
    token: str
    pid: int

    def ask(self, method: str, path: str, **body: Any) -> requests.Response:
        """Its answer, when it is one."""
        answer = requests.request(
            method, f"{self.url}{path}", headers={"Authorization": f"token {self.token}"}, json=body or None, timeout=60
        )
        answer.raise_for_status()
        return answer


@contextmanager
def launched(image: Image) -> Iterator[Server]:
    """JupyterLab as the image starts it, until the end of the block."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    token = secrets.token_hex(16)
    lab = ["jupyter", "lab", "--ip=127.0.0.1", f"--port={port}", "--no-browser", "--allow-root"]
    process = subprocess.Popen(
        [*image.start, *lab, f"--IdentityProvider.token={token}"],
        cwd=image.home,
        env=image.environment,
        stdout=subprocess.DEVNULL,  # the entrypoint keeps it in the home, as in a container
    )
    server = Server(f"http://127.0.0.1:{port}", token, process.pid)
    try:
        _wait_for(server, process)
        yield server
    finally:
        process.terminate()
        process.wait(60)


def _wait_for(server: Server, process: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + 60
    while True:
        try:
            server.ask("GET", "/api/status")
        except requests.ConnectionError:
            if process.poll() is not None or time.monotonic() > end:
                raise
            time.sleep(0.2)
        else:
            return


@dataclass
class Memory:
    """The most memory that a process and all that descend from it had at once, sampled ten times a second.

    Each is counted by its proportional share (PSS): a page that several have is counted once.

    Attributes:
        pid: The process.
        most: The most bytes so far.
        processes: How many processes there were then.
    """

    pid: int
    most: int = 0
    processes: int = 0
    _ended: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self._watch)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._ended.wait(0.1):
            shares = list(_shares(psutil.Process(self.pid)))
            if sum(shares) > self.most:
                self.most, self.processes = sum(shares), len(shares)


def _shares(first: psutil.Process) -> Iterator[int]:
    for process in [first, *first.children(recursive=True)]:
        try:
            yield process.memory_full_info().pss
        except psutil.NoSuchProcess:  # ended since it was listed
            continue


def check_pages(server: Server, notebooks: list[str]) -> None:
    """What a reader is shown before the first run: the page, trusted outputs, the project's colours."""
    for path in notebooks:
        page = server.ask("GET", f"/lab/tree/{path}").text
        config = re.search(r'id="jupyter-config-data" type="application/json">(.*?)</script>', page, re.DOTALL)
        assert config is not None
        assert "posthog-nb" in {extension["name"] for extension in json.loads(config[1])["federated_extensions"]}
        cells = server.ask("GET", f"/api/contents/{path}").json()["content"]["cells"]
        assert all(cell["metadata"]["trusted"] for cell in cells if cell["cell_type"] == "code"), path


def run(server: Server, home: Path, path: str, *, kept: bool) -> str:
    """How a run of the notebook at ``path``, in a session like JupyterLab's own, differs from what is committed."""
    committed = nbformat.read(home / path, as_version=4)
    fresh = nbformat.from_dict(json.loads(json.dumps(committed)))
    session = server.ask(
        "POST", "/api/sessions", path=path, name=path, type="notebook", kernel={"name": "python3"}
    ).json()
    client = NotebookClient(fresh, km=GatewayKernelManager(), timeout=_SECONDS, record_timing=False)
    client.execute(kernel_id=session["kernel"]["id"])
    client.kc.stop_channels()
    if not kept:
        server.ask("DELETE", f"/api/sessions/{session['id']}")
    return differences(committed, fresh)


def launch(image: Image, *, kept: bool) -> int:
    """The most memory of a launch in which every notebook is run, one after the other.

    Args:
        image: What is launched.
        kept: Whether each kernel stays when the next is started, as when all notebooks are left open.
    """
    home = Path(image.home)
    notebooks = sorted(str(path.relative_to(home)) for path in home.glob("notebooks/*.ipynb"))
    assert notebooks
    with launched(image) as server, Memory(server.pid) as memory:
        gateway = GatewayClient.instance()
        gateway.url, gateway.auth_token = server.url, server.token
        check_pages(server, notebooks)
        wrong = {}
        for path in notebooks:
            wrong[path] = run(server, home, path, kept=kept)
            print(f"{memory.most / MEGABYTE:7.0f} MB up to {path}, {memory.processes} processes", flush=True)  # noqa: T201 - a command line prints
    assert not any(wrong.values()), "\n".join(text for text in wrong.values() if text)
    return memory.most


if __name__ == "__main__":
    check_that_nothing_is_reached()
    built = Image.of(Path(sys.argv[1]))
    for kept in (False, True):
        most = launch(built, kept=kept)
        assert most < LIMIT, f"{most / MEGABYTE:.0f} MB are more than Binder gives."
