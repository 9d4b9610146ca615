"""A launch of a built image without a network: every notebook through JupyterLab's server, and the memory of it all.

`python -m tests.binder.launch FOLDER` launches what `python -m tests.binder FOLDER` has built, once more.
"""

from __future__ import annotations

import json
import re
import socket
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import nbformat
import psutil
import requests
from jupyter_server.gateway.gateway_client import GatewayClient
from jupyter_server.gateway.managers import GatewayKernelManager
from nbclient import NotebookClient

from tests.binder.image import Image
from tests.network import check_that_nothing_is_reached, without_network
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
    return without_network([sys.executable, "-m", "tests.binder.launch", str(folder)])


@dataclass(frozen=True)
class Server:
    """A running JupyterLab.

    Attributes:
        url: Where it is.
        pid: The process that it and its kernels descend from.
    """

    url: str
    pid: int

    def ask(self, method: str, where: str, /, **body: Any) -> requests.Response:
        """Its answer to a request of its REST API, which is an error otherwise."""
        answer = requests.request(method, f"{self.url}{where}", json=body or None, timeout=60)
        answer.raise_for_status()
        return answer


@contextmanager
def launched(image: Image) -> Iterator[Server]:
    """JupyterLab as the image starts it, until the end of the block."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    lab = ["jupyter", "lab", "--ip=127.0.0.1", f"--port={port}", "--no-browser", "--allow-root"]
    # The gateway's client brings no token to a websocket. Nobody else is in this network.
    unlocked = ["--IdentityProvider.token=", "--ServerApp.disable_check_xsrf=True"]
    process = subprocess.Popen(
        [*image.start, *lab, *unlocked],
        cwd=image.home,
        env=image.environment,
        stdout=subprocess.DEVNULL,  # the entrypoint keeps it in the home, as in a container
    )
    server = Server(f"http://127.0.0.1:{port}", process.pid)
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


@dataclass(frozen=True, order=True)
class Share:
    """What processes have of the machine's memory: a page that several have is counted once, in equal parts (PSS).

    Attributes:
        all: Bytes.
        own: Bytes of it that are no file's, which the machine can't drop and read again.
        processes: How many processes.
    """

    all: int = 0
    own: int = 0
    processes: int = 0

    @classmethod
    def of(cls, pid: int) -> Share:
        """That of the process ``pid`` and all that descend from it."""
        first = psutil.Process(pid)
        read = [_rollup(process.pid) for process in [first, *first.children(recursive=True)]]
        found = [sizes for sizes in read if sizes]
        return cls(sum(each["Pss"] for each in found), sum(each["Pss_Anon"] for each in found), len(found))

    def __str__(self) -> str:
        return (
            f"{self.all / MEGABYTE:5.0f} MB, {self.own / MEGABYTE:.0f} MB of it no file's, {self.processes} processes"
        )


def _rollup(pid: int) -> dict[str, int]:
    """The process's sizes in bytes, by Linux's names for them; none when it ended since it was listed."""
    try:
        text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return {}
    return {name: int(size) * 1024 for name, size in re.findall(r"^(\w+): +(\d+) kB$", text, re.MULTILINE)}


class Memory:
    """The most memory that a process and all that descend from it had at once, seen ten times a second.

    Args:
        pid: The process.
    """

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch)
        self.most = Share()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._ended.wait(0.1):
            self.most = max(self.most, Share.of(self._pid))


def check_pages(server: Server, notebooks: list[str]) -> None:
    """What a reader is shown before the first run: the page, trusted outputs, the project's colours and settings."""
    tracker = server.ask("GET", "/lab/api/settings/@jupyterlab/notebook-extension:tracker").json()
    assert tracker["schema"]["properties"]["kernelShutdown"]["default"] is True
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


def launch(image: Image, *, kept: bool) -> Share:
    """The most memory of a launch in which every notebook is run, one after the other.

    Args:
        image: What is launched.
        kept: Whether each kernel stays when the next is started, as when all notebooks are left open.

    Raises:
        AssertionError: a notebook gave something else than what is committed.
    """
    home = Path(image.home)
    notebooks = sorted(str(path.relative_to(home)) for path in home.glob("notebooks/*.ipynb"))
    assert notebooks
    wrong = []
    with launched(image) as server, Memory(server.pid) as memory:
        GatewayClient.clear_instance()  # it keeps the first server's address
        GatewayClient.instance().url = server.url
        check_pages(server, notebooks)
        for path in notebooks:
            wrong.append(run(server, home, path, kept=kept))
            _say(f"{memory.most}, up to {path}")
    assert not any(wrong), "\n".join(filter(None, wrong))
    return memory.most


def _say(text: str) -> None:
    print(text, flush=True)  # noqa: T201 - a command line prints


if __name__ == "__main__":
    check_that_nothing_is_reached()
    built = Image.of(Path(sys.argv[1]))
    _say("== one kernel at a time")
    most = launch(built, kept=False)
    assert most.all < LIMIT, f"{most} are more than Binder gives."
    _say("== all kernels left open")
    launch(built, kept=True)
