"""`posthog-nb serve` as a process of its own, for tests that need the real thing on loopback."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

START_SECONDS = 30


@dataclass(frozen=True)
class Served:
    """A running server and what its owner knows of it."""

    url: str
    project_id: int
    project_token: str
    personal_api_key: str
    process: subprocess.Popen[str]

    def environment(self) -> dict[str, str]:
        """The settings that `posthog_nb.connect()` reads."""
        return {
            "POSTHOG_HOST": self.url,
            "POSTHOG_PROJECT_ID": str(self.project_id),
            "POSTHOG_PROJECT_TOKEN": self.project_token,
            "POSTHOG_PERSONAL_API_KEY": self.personal_api_key,
        }


def start(path: Path, *options: str) -> Served:
    """Start a server on the store at ``path`` and wait until it says where it is."""
    process = subprocess.Popen(
        [sys.executable, "-m", "posthog_nb", "serve", "--path", str(path), *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    record = path / "server.json"
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise AssertionError(f"the server ended: {process.communicate()[1]}")
        if record.exists():
            found = json.loads(record.read_text())
            if found["pid"] == process.pid:
                return Served(
                    found["url"], found["project_id"], found["project_token"], found["personal_api_key"], process
                )
        time.sleep(0.05)
    process.kill()
    raise AssertionError("the server did not start in time")


@contextmanager
def serving(path: Path, *options: str) -> Iterator[Served]:
    """A server for the length of a ``with`` block; it must end cleanly on SIGTERM."""
    served = start(path, *options)
    try:
        yield served
    finally:
        served.process.send_signal(signal.SIGTERM)
        _, errors = served.process.communicate(timeout=20)
    assert served.process.returncode == 0, errors
