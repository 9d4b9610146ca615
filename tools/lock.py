"""Lock what the project is tested and shown with, and write from it what Binder installs.

`python -m tools.lock` brings `uv.lock` in line with `pyproject.toml` and changes no version without need; with
`--upgrade` every package becomes the newest that fits. `binder/requirements.txt` is written anew from the lock.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from pathlib import Path

__all__ = ["LOCK", "REQUIREMENTS", "is_current", "requirements"]

ROOT = Path(__file__).parent.parent
LOCK = ROOT / "uv.lock"
REQUIREMENTS = ROOT / "binder" / "requirements.txt"
_HEADER = "# Written from uv.lock by `python -m tools.lock`; what is changed here is lost.\n"

_OF_THE_IMAGE = "ipywidgets"
"""Left to Binder's image: the half of it that runs in the browser belongs to the image's JupyterLab."""


def lock(*, upgrade: bool = False) -> None:
    """Bring the lock in line with ``pyproject.toml``, or every package to its newest version."""
    _uv("lock", *(["--upgrade"] if upgrade else []))


def is_current() -> bool:
    """Whether the lock fits ``pyproject.toml``; asks no network."""
    return _uv("lock", "--check", "--offline", must=False).returncode == 0


def requirements() -> str:
    """What Binder installs before the project, each package with its version and hashes; asks no network."""
    wanted = ["--extra", "plot", "--no-default-groups", "--group", "build", "--prune", _OF_THE_IMAGE]
    plain = ["--no-emit-project", "--no-header", "--no-annotate"]
    return _HEADER + _uv("export", "--frozen", "--offline", *wanted, *plain).stdout


def _uv(command: str, *arguments: str, must: bool = True) -> subprocess.CompletedProcess[str]:
    # Indexes, mirrors and caches of one machine have no business in a lock that all share.
    settings = {name: text for name, text in os.environ.items() if not name.startswith("UV_")}
    return subprocess.run(  # noqa: S603 - uv, with arguments from above
        [sys.executable, "-m", "uv", command, "--no-config", "--quiet", "--python", sys.executable, *arguments],
        cwd=ROOT,
        env=settings,
        check=must,
        stdout=subprocess.PIPE,
        text=True,
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--upgrade", action="store_true", help="every package to the newest version that fits")
    lock(upgrade=parser.parse_args().upgrade)
    REQUIREMENTS.write_text(requirements())
