"""Whether every notebook gives what is committed: without a network, in other time zones, under several Pythons.

`python -m tests.reproduce --python 3.11 3.12 3.13` clones the last commit, installs it as the README says, cuts the
network, and runs every notebook in a clean kernel, once in each time zone. What differs is printed.
"""

from __future__ import annotations

import argparse
import difflib
import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import nbformat

from tests.network import check_that_nothing_is_reached, without_network
from tests.notebooks import NOTEBOOKS, ROOT, execute, shown

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["differences"]

ZONES = ("Pacific/Chatham", "America/St_Johns")
"""Both far from UTC, on either side, and by three quarters and half an hour."""

_LONGEST = 200


def differences(committed: nbformat.NotebookNode, fresh: nbformat.NotebookNode) -> str:
    """How the outputs of ``fresh`` differ from those ``committed``, cell by cell; empty where they do not."""
    before, after = shown(committed), shown(fresh)
    return "".join(_cell(number, *pair) for number, pair in enumerate(zip(before, after, strict=True), 1))


def _cell(number: int, before: object, after: object) -> str:
    if before == after:
        return ""
    # A table or a text is many lines in one string; a change is looked for in each.
    texts = [
        json.dumps(outputs, indent=1, sort_keys=True).replace("\\n", "\n").splitlines() for outputs in (before, after)
    ]
    changes = difflib.unified_diff(*texts, f"cell {number}, committed", f"cell {number}, run", lineterm="", n=1)
    return "".join(f"{line[:_LONGEST]}\n" for line in changes)


def _run(zone: str) -> Iterator[str]:
    """What differs in the notebooks beside this file, each run in ``zone``."""
    for path in NOTEBOOKS:
        committed = nbformat.read(path, as_version=4)
        found = differences(committed, execute(committed, path.parent, zone=zone))
        _say(f"{path.stem}, {zone}: {'differs' if found else 'the same'}")
        yield found and f"{path.name}, {zone}\n{found}"


def _install(readme: str) -> str:
    """What the README tells a reader of the notebooks to run."""
    return re.search(r"`(\.venv/bin/pip install [^`&]+) && [^`]* notebooks/", readme)[1]


def _reproduce(python: str) -> bool:
    """Whether the notebooks of the last commit run as they are committed, under ``python``."""
    with tempfile.TemporaryDirectory() as folder:
        clone, home = Path(folder) / "clone", Path(folder) / "home"
        home.mkdir()
        _say(f"== {python}")
        subprocess.run(["git", "clone", "--quiet", "--no-local", ROOT, clone], check=True)
        install = _install((clone / "README.md").read_text())
        subprocess.run([python, "-m", "venv", ".venv"], cwd=clone, check=True)
        subprocess.run(f"{install} --quiet", shell=True, cwd=clone, check=True)  # noqa: S602 - the README's own
        own = {name: text for name, text in os.environ.items() if not name.startswith(("POSTHOG_", "PYTHON"))}
        alone = without_network([".venv/bin/python", "-m", "tests.reproduce", "--here"])
        return subprocess.run(alone, cwd=clone, env={**own, "HOME": str(home)}, check=False).returncode == 0


def _say(text: str) -> None:
    print(text, flush=True)  # noqa: T201 - a command line prints


def _main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--python", nargs="+", default=["3.11", "3.12", "3.13"], help="versions, or programs")
    parser.add_argument("--here", action="store_true", help="run the notebooks of this folder, in this Python")
    asked = parser.parse_args()
    if asked.here:
        check_that_nothing_is_reached()
        sys.exit("\n".join(found for zone in ZONES for found in _run(zone) if found) or None)
    names = [f"python{name}" if name[0].isdigit() else name for name in asked.python]
    failed = [name for name in names if not _reproduce(name)]
    sys.exit(f"Not reproduced: {', '.join(failed)}" if failed else None)


if __name__ == "__main__":
    _main()
