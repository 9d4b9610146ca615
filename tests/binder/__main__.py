"""`python -m tests.binder FOLDER` builds what Binder would of the last commit, in a new folder, and runs it there."""

from __future__ import annotations

import argparse
import subprocess
from pathlib import Path

from tests.binder.image import ROOT, build
from tests.binder.launch import command

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="where the image goes; made by this")
    parser.add_argument("--python", default="python3.12", help="a Python 3.12")
    asked = parser.parse_args()
    build(asked.folder.absolute(), asked.python)
    subprocess.run(command(asked.folder.absolute()), cwd=ROOT, check=True)
