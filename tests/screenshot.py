"""The picture of the README: a `%%hogql` cell, its frame and the line under it, in JupyterLab.

Run it as `python -m tests.screenshot [FILE]`; it needs Chromium.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import nbformat
import requests
from playwright.sync_api import TimeoutError, sync_playwright  # noqa: A004 - what it raises

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Page

ROOT = Path(__file__).parent.parent
PICTURE = ROOT / "docs" / "images" / "quickstart.png"
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")

CELLS = [
    """%load_ext posthog_nb
import posthog_nb

since = "2026-03-01"
ph = posthog_nb.connect("demo", as_of="2026-03-31T00:00:00Z")""",
    """%%hogql --limit 8
SELECT event, count() AS n, count(DISTINCT person_id) AS persons, max(timestamp) AS latest
FROM events
WHERE timestamp > {since}
GROUP BY event
ORDER BY n DESC, event""",
]

_QUIET_BROWSER = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
_START_SECONDS = 60
_STOP_SECONDS = 30
_RUN_MILLISECONDS = 60_000


@contextmanager
def lab(folder: Path) -> Iterator[tuple[str, str]]:
    """JupyterLab with settings of its own, serving ``folder``; gives its address and token."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    token = secrets.token_hex(16)
    settings = folder / ".settings" / "@jupyterlab" / "apputils-extension"
    settings.mkdir(parents=True)
    (settings / "notification.jupyterlab-settings").write_text(json.dumps({"fetchNews": "false"}))
    own = {
        name: str(folder / f".{name.lower()}") for name in ("JUPYTER_CONFIG_DIR", "JUPYTER_RUNTIME_DIR", "IPYTHONDIR")
    }
    environ = {**os.environ, **own, "JUPYTER_TOKEN": token, "JUPYTERLAB_SETTINGS_DIR": str(folder / ".settings")}
    environ["PYTHONPATH"] = os.pathsep.join(filter(None, [str(ROOT), environ.get("PYTHONPATH")]))
    command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--ip=127.0.0.1", f"--port={port}"]
    command += ["--ServerApp.port_retries=0", "--allow-root", f"--ServerApp.root_dir={folder}"]
    with (folder / ".log").open("wb") as log:
        server = subprocess.Popen(command, cwd=folder, env=environ, stdout=log, stderr=subprocess.STDOUT)
    address = f"http://127.0.0.1:{port}"
    try:
        _wait(address, token, server, folder / ".log")
        yield address, token
    finally:
        server.terminate()
        try:
            server.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()


def _wait(address: str, token: str, server: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline and server.poll() is None:
        try:
            if requests.get(f"{address}/api/status", params={"token": token}, timeout=5).ok:
                return
        except requests.ConnectionError:
            time.sleep(0.2)
    raise RuntimeError(log.read_text())


@contextmanager
def opened(folder: Path, cells: list[str], *, height: int = 900) -> Iterator[Page]:
    """A page of JupyterLab with ``cells`` in a notebook, all of them run; ``height`` must have room for all."""
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(notebook, folder / "quickstart.ipynb")
    with lab(folder) as (address, token), sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=_QUIET_BROWSER)
        try:
            page = browser.new_page(viewport={"width": 1060, "height": height}, device_scale_factor=2)
            page.goto(f"{address}/doc/tree/quickstart.ipynb?token={token}", timeout=_RUN_MILLISECONDS)
            page.wait_for_selector(".jp-Notebook .jp-CodeCell", timeout=_RUN_MILLISECONDS)
            page.wait_for_selector("#jp-main-statusbar >> text=| Idle", timeout=_RUN_MILLISECONDS)
            page.get_by_role("menuitem", name="Run", exact=True).click()
            page.get_by_role("menuitem", name="Run All Cells", exact=True).click()
            _wait_for_outputs(page, len(cells))
            yield page
        finally:
            browser.close()


def _wait_for_outputs(page: Page, cells: int) -> None:
    # Every cell has its number and the last one its line: then the kernel has said everything.
    try:
        page.wait_for_function(
            f"""[...document.querySelectorAll('.jp-CodeCell .jp-InputPrompt')]
                .filter(prompt => /\\[\\d+\\]/.test(prompt.textContent)).length === {cells}
                && document.querySelector('.jp-CodeCell:last-of-type .posthog-nb-footer')""",
            timeout=_RUN_MILLISECONDS,
        )
    except TimeoutError as error:
        raise RuntimeError(page.inner_text(".jp-Notebook")) from error


def take(page: Page, picture: Path) -> None:
    """Take a picture of ``page`` down to the last line under a frame."""
    line = page.locator(".posthog-nb-footer").last.bounding_box()
    header = page.locator(".jp-NotebookPanel").bounding_box()
    if line is None or header is None:
        raise RuntimeError("There is no line under a frame.")
    page.mouse.move(0, 0)
    # The buttons of the selected cell would stand over its text.
    page.add_style_tag(content=".jp-cell-toolbar { display: none !important; }")
    bottom = line["y"] + line["height"] + 24
    clip = {"x": header["x"], "y": header["y"], "width": header["width"], "height": bottom - header["y"]}
    page.screenshot(path=picture, clip=clip)


if __name__ == "__main__":
    import tempfile

    with tempfile.TemporaryDirectory() as scratch, opened(Path(scratch), CELLS) as lab_page:
        take(lab_page, Path(sys.argv[1]) if len(sys.argv) > 1 else PICTURE)
