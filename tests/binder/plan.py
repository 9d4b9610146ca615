"""What repo2docker makes of the folder it stands in, as JSON. Runs in repo2docker's own environment, alone."""

from __future__ import annotations

import json
from pathlib import Path

from repo2docker import buildpacks
from repo2docker.app import Repo2Docker


def plan() -> dict[str, object]:
    """Everything that the Dockerfile would be made of, from the buildpack that repo2docker chooses."""
    app = Repo2Docker()
    pack = next(pack for pack in (kind(app.base_image) for kind in app.buildpacks) if pack.detect())
    pack.platform = "linux/amd64"
    builds = Path(buildpacks.__file__).parent
    lock = next(name for name in pack.get_build_script_files() if name.endswith(".lock"))
    return {
        "buildpack": type(pack).__name__,
        "python": pack.python_version,
        "apt": sorted(pack.get_packages()),
        "base": (builds / lock).read_text(),
        "before_the_repository": {
            "files": pack.get_preassemble_script_files(),
            "scripts": pack.get_preassemble_scripts(),
        },
        "after_the_repository": pack.get_assemble_scripts(),
        "post_build": pack.get_post_build_scripts(),
        "start": pack.get_start_script(),
        "entrypoint": str(builds / "repo2docker-entrypoint"),
    }


if __name__ == "__main__":
    print(json.dumps(plan()))  # noqa: T201 - its answer
