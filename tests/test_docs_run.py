"""The samples of the documentation run as they are printed, one after the other, from the README's first cell on."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from IPython.core.interactiveshell import InteractiveShell

import posthog_nb
import posthog_nb.dbapi.connection

if TYPE_CHECKING:
    from collections.abc import Iterator

    from posthog_nb.client import Client

ROOT = Path(__file__).parent.parent
_BLOCK = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)

ELSEWHERE = {
    "docs/embedded.md": "wants a server beside it",
    "docs/front-ends/colab.md": "wants Colab",
    "docs/gallery.md": "is drawn by tools.gallery",
    "docs/personal-data.md": "records a project of the reader's own",
    "docs/snapshots.md": "records a project of the reader's own",
    "docs/snapshot-format.md": "reads a snapshot that is there",
}
"""Pages with samples that cannot run here, and why."""


def samples(page: str) -> list[str]:
    """The cells that a page shows: Python, and what begins with a magic."""
    return [
        code
        for language, code in _BLOCK.findall((ROOT / page).read_text())
        if language == "python" or (not language and code.startswith("%"))
    ]


PAGES = [
    page
    for page in ("README.md", *(str(path.relative_to(ROOT)) for path in sorted((ROOT / "docs").rglob("*.md"))))
    if samples(page) and page not in ELSEWHERE and "/adr/" not in page
]


@pytest.fixture(scope="module")
def project() -> Iterator[Client]:
    """The demo of the README's first cell, for all pages: they write to it, so it is nobody else's."""
    with posthog_nb.connect("demo", as_of="2026-03-31T00:00:00Z") as client:
        yield client


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("page", PAGES)
def test_the_samples_of_a_page_run_in_their_order(
    project: Client, page: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("posthog_nb.connect", "posthog_nb.dbapi.connection.connect_client"):
        monkeypatch.setattr(name, lambda *_, **__: project)
    InteractiveShell.clear_instance()
    shell = InteractiveShell.instance()
    try:
        for code in [samples("README.md")[0], *samples(page)]:
            assert shell.run_cell(code, silent=True).success, code
    finally:
        InteractiveShell.clear_instance()
