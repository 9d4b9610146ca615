"""An image as repo2docker would build it, as a folder: the same steps, in the same order, with the same files."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import venv
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

__all__ = ["Image", "build"]

ROOT = Path(__file__).parent.parent.parent
_PLAN = Path(__file__).parent / "plan.py"
_REPO2DOCKER = "jupyter-repo2docker==2026.4.0"

_CONDA_PACKAGE = re.compile(r"/(?P<name>[^/]+)-(?P<version>[^-/]+)-(?:pyh|py3)[^-/]*\.(?:conda|tar\.bz2)")
"""A line of conda's lock for a package of Python; the others are the C libraries that wheels bring along."""

_ON_PYPI = {
    "brotli-python": "brotli",
    "jupyterhub-base": "jupyterhub",
    "nbconvert-core": "nbconvert",
    "python-fastjsonschema": "fastjsonschema",
}
"""What a package of conda-forge is called there, where it has another name."""


@dataclass(frozen=True)
class Image:
    """What a build leaves.

    Attributes:
        home: The reader's home, in which the repository is.
        environment: The environment variables of everything that runs in it.
        start: The command that a launch's own command is handed to.
    """

    home: str
    environment: dict[str, str]
    start: list[str]

    @classmethod
    def of(cls, folder: Path) -> Image:
        """The image that was built in ``folder``."""
        return cls(**json.loads((folder / "image.json").read_text()))


def build(folder: Path, python: str) -> Image:
    """The image of the last commit, built in ``folder``, which is made.

    Args:
        folder: Where everything goes.
        python: The program of the Python that ``binder/runtime.txt`` asks for.
    """
    folder.mkdir(parents=True)
    repository, home, prefix = folder / "repository", folder / "home", folder / "srv" / "notebook"
    _run(["git", "clone", "--quiet", "--no-local", str(ROOT), str(repository)])
    plan = _plan(folder / "repo2docker", repository)
    _check(plan, python)
    environment = _environment(home, prefix)

    _step("the packages of the base image")
    home.mkdir()
    _run([python, "-m", "venv", str(prefix)])
    _run(
        [str(prefix / "bin" / "pip"), "install", "--quiet", "--no-cache-dir", "--no-deps", *_base(plan["base"])],
        env=environment,
    )

    _step("what comes before the repository, so that it is built once for many commits")
    before = plan["before_the_repository"]
    for source, target in before["files"].items():
        (home / target).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(repository / source, home / target)
    _scripts(before["scripts"], home, environment)

    _step("the repository")
    shutil.copytree(repository, home, dirs_exist_ok=True)
    _scripts(plan["after_the_repository"], home, environment)
    for script in plan["post_build"]:
        _step(script)
        _run([f"./{script}"], cwd=home, env=environment)
    _run(["pip", "check"], cwd=home, env=environment)

    start = plan["start"].replace("${REPO_DIR}", str(home))
    image = Image(
        home=str(home),
        environment={**environment, "R2D_ENTRYPOINT": start, "PYTHONUNBUFFERED": "1"},
        start=[str(prefix / "bin" / "python"), plan["entrypoint"]],
    )
    (folder / "image.json").write_text(json.dumps(asdict(image)))
    return image


def _plan(own: Path, repository: Path) -> dict[str, Any]:
    _step("repo2docker's own plan")
    venv.create(own, with_pip=True)
    _run([str(own / "bin" / "pip"), "install", "--quiet", _REPO2DOCKER])
    told = subprocess.run([str(own / "bin" / "python"), str(_PLAN)], cwd=repository, capture_output=True, check=True)
    return json.loads(told.stdout)


def _check(plan: dict[str, Any], python: str) -> None:
    version = subprocess.run([python, "--version"], capture_output=True, text=True, check=True).stdout.split()[1]
    assert plan["buildpack"] == "PythonBuildPack"
    assert plan["python"] == "3.12" == version.rpartition(".")[0]
    assert plan["apt"] == []
    assert list(plan["before_the_repository"]["files"]) == ["binder/requirements.txt"], "the cached stage is off"
    assert plan["start"] is not None


def _base(lock: str) -> list[str]:
    found = [(match["name"], match["version"]) for match in map(_CONDA_PACKAGE.search, lock.splitlines()) if match]
    return [f"{_ON_PYPI.get(name, name)}=={version}" for name, version in found if name != "cpython"]


def _environment(home: Path, prefix: Path) -> dict[str, str]:
    """An image's environment, and of this machine's only which certificates it trusts and which proxy it asks."""
    own = re.compile(r"(?i).*(_CERT|_CERT_FILE|_CERT_DIR|_CA_BUNDLE|_PROXY)")
    return {
        **{name: value for name, value in os.environ.items() if own.fullmatch(name)},
        "HOME": str(home),
        "REPO_DIR": str(home),
        "USER": "jovyan",
        "NB_USER": "jovyan",
        "SHELL": "/bin/bash",
        "LC_ALL": "C.UTF-8",
        "NB_PYTHON_PREFIX": str(prefix),
        "KERNEL_PYTHON_PREFIX": str(prefix),
        "PATH": os.pathsep.join([f"{home}/.local/bin", f"{prefix}/bin", "/usr/local/bin", "/usr/bin", "/bin"]),
        "PIP_CONFIG_FILE": os.devnull,
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "PIP_QUIET": "1",
    }


def _scripts(scripts: list[list[str]], home: Path, environment: dict[str, str]) -> None:
    for _user, script in scripts:
        _run(["bash", "-c", script], cwd=home, env=environment)


def _step(what: str) -> None:
    print(f"== {what}", flush=True)  # noqa: T201 - a command line prints


def _run(command: list[str], **options: Any) -> None:
    subprocess.run(command, check=True, stdout=sys.stderr, **options)
