"""``connect("local")``: finds the server of a store on disk or starts it, and notices when it is gone."""

from __future__ import annotations

import logging
import os
import re
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import requests
from requests.adapters import HTTPAdapter
from requests.exceptions import ConnectionError as RequestsConnectionError
from requests.exceptions import ConnectTimeout

from posthog_nb.embedded.holding import ServerRecord, holder
from posthog_nb.errors import StoreError
from posthog_nb.secret import redact

if TYPE_CHECKING:
    from collections.abc import Mapping

    from requests import PreparedRequest, Response

__all__ = ["LocalAdapter", "LocalServer", "default_path"]

logger = logging.getLogger("posthog_nb.embedded")

START_SECONDS = 30.0
IDLE_SECONDS = 600
HELD = 2
"""The exit code of ``posthog-nb serve`` when another process serves the folder."""

LOG = "server.log"
LARGEST_LOG = 1024 * 1024
_ERROR = re.compile(r"[\w.]*Error: ")
_PAUSE = 0.05
_CHECK_SECONDS = 5.0
_OK = 200


def default_path() -> Path:
    """The usual folder of ``connect("local")``."""
    import platformdirs  # noqa: PLC0415 - a given path does without

    return Path(platformdirs.user_data_dir("posthog_nb")) / "local"


class LocalServer:
    """The server of one store, shared by every process that asks for it.

    Args:
        path: The store's folder; None for the usual one.
        start_seconds: How long a server may take to answer.
    """

    def __init__(self, path: Path | None = None, *, start_seconds: float = START_SECONDS) -> None:
        self.path = (path or default_path()).expanduser().absolute()
        self._start_seconds = start_seconds
        self._lock = threading.Lock()
        self._record: ServerRecord | None = None

    def record(self) -> ServerRecord:
        """Where the server is; it is found or started when that is not known yet.

        Raises:
            StoreError: no server answers and none can be started; it names the folder and the next step.
        """
        with self._lock:
            if self._record is None:
                self._record = self._find() or self._start()
            return self._record

    def lost(self, record: ServerRecord) -> None:
        """``record`` did not lead to a server: look again when it is next asked for."""
        with self._lock:
            if self._record == record:
                self._record = None

    def _find(self) -> ServerRecord | None:
        """The running server, if there is one that holds the store, wrote the record and takes the key in it."""
        if holder(self.path) is None:
            return None
        record = ServerRecord.read(self.path)
        return record if record is not None and _is_alive(record.pid) and _answers(record) else None

    def _start(self) -> ServerRecord:
        deadline = time.monotonic() + self._start_seconds
        process: subprocess.Popen[bytes] | None = None
        log_start = 0
        while time.monotonic() < deadline:
            if process is None and holder(self.path) is None:
                log_start, process = self._launch()
            if (found := self._find()) is not None:
                if process is not None and process.pid != found.pid:
                    # Somebody else's was faster; ours would wait for its turn.
                    process.terminate()
                return found
            if process is not None and (code := process.poll()) is not None:
                if code != HELD:
                    raise StoreError(
                        f"The server of the store at {self.path} ended as it started: {self._said(log_start)}",
                        hint=f"Its log is {self.path / LOG}.",
                    )
                # Another one holds the store: it is waited for, or ours is started again when it has ended.
                process = None
            time.sleep(_PAUSE)
        by = holder(self.path)
        if by is not None and (process is None or by != process.pid):
            raise StoreError(
                f"The store at {self.path} is held by another process{f' ({by})' if by else ''} that does not answer.",
                hint="End that process, or use another folder: local:PATH.",
            )
        if process is not None:
            process.terminate()
        raise StoreError(
            f"The server of the store at {self.path} did not answer within {self._start_seconds:g} s.",
            hint=f"Its log is {self.path / LOG}.",
        )

    def _launch(self) -> tuple[int, subprocess.Popen[bytes]]:
        """Start a server that outlives this process. Keys are in neither its arguments nor its log."""
        package_home = str(Path(__file__).parents[2])
        paths = [package_home, *filter(None, [os.environ.get("PYTHONPATH")])]
        command = [sys.executable, "-P", "-m", "posthog_nb", "serve"]
        command += ["--path", str(self.path), "--idle-exit", str(IDLE_SECONDS)]
        log = self.path / LOG
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
        if log.exists() and log.stat().st_size > LARGEST_LOG:
            flags |= os.O_TRUNC
        with open(os.open(log, flags, 0o600), "ab") as file:  # noqa: PTH123 - only os.open takes the mode
            start = file.tell()
            logger.info("Starting a server for the store at %s.", self.path)
            process = subprocess.Popen(  # noqa: S603 - our own program
                command,
                stdin=subprocess.DEVNULL,
                # What `serve` prints for its owner at a terminal are the keys.
                stdout=subprocess.DEVNULL,
                stderr=file,
                start_new_session=True,
                cwd=self.path,
                env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
            )
        # Collects its end, whenever that is, so that no zombie stays.
        threading.Thread(target=process.wait, name="posthog-nb-server", daemon=True).start()
        return start, process

    def _said(self, start: int) -> str:
        """The error that the server wrote to its log after ``start`` with its hint, or else the last line."""
        with (self.path / LOG).open("rb") as file:
            file.seek(start)
            lines = file.read().decode(errors="replace").strip().splitlines()
        if not lines:
            return "it said nothing."
        first = next((index for index in reversed(range(len(lines))) if _ERROR.match(lines[index])), -1)
        return redact("\n".join(lines[first:]))


class LocalAdapter(HTTPAdapter):
    """Sends requests to the server of a store, wherever it listens now.

    A request that finds the server gone is sent again to its successor, once. That is safe: what is read changes
    nothing, and an event has its own uuid and is stored once.

    Args:
        server: The store's server.
    """

    def __init__(self, server: LocalServer) -> None:
        super().__init__()
        self._server = server

    def send(  # noqa: PLR0913, PLR0917 - the signature is requests'
        self,
        request: PreparedRequest,
        stream: bool = False,
        timeout: float | tuple[float, float] | tuple[float, None] | None = None,
        verify: bool | str = True,
        cert: bytes | str | tuple[bytes | str, bytes | str] | None = None,
        proxies: Mapping[str, str] | None = None,  # noqa: ARG002 - loopback has none
    ) -> Response:
        """Send one request.

        Raises:
            StoreError: there is no server and none can be started.
        """
        record = self._server.record()
        try:
            response = super().send(_redirected(request, record), stream, timeout, verify, cert)
        except ConnectTimeout:
            raise
        except RequestsConnectionError as error:
            logger.warning("The server of the store at %s is gone (%s); looking again.", self._server.path, error)
            self._server.lost(record)
            record = self._server.record()
            response = super().send(_redirected(request, record), stream, timeout, verify, cert)
        response.url = request.url or response.url
        response.request = request
        return response


def _redirected(request: PreparedRequest, record: ServerRecord) -> PreparedRequest:
    """``request`` to the server's own address, still asking for the host that the caller asked for."""
    there = request.copy()
    scheme, _, rest = (request.url or "").partition("://")
    host, slash, path = rest.partition("/")
    there.headers["Host"] = host
    there.url = f"{record.url}{slash}{path}" if scheme else record.url
    return there


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _answers(record: ServerRecord) -> bool:
    """Whether a server at the record's address takes the record's key."""
    with requests.Session() as session:
        # Neither a proxy nor a .netrc of the environment has a part in this.
        session.trust_env = False
        try:
            answer = session.get(
                f"{record.url}/api/personal_api_keys/@current/",
                headers={"Authorization": f"Bearer {record.personal_api_key}"},
                timeout=_CHECK_SECONDS,
            )
        except requests.RequestException:
            return False
        return answer.status_code == _OK
