"""The guard over every test's output."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.leaks import KEY, TOKEN, leaks

ROOT = Path(__file__).parent.parent
REAL = "phx_" + "aB3" * 14


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (f"Bearer {KEY}, {TOKEN}", ["keep_this_ke...", "keep_this_to..."]),
        (f'{{"key": "{REAL}"}}', ["phx_aB3aB3aB..."]),
        ("phx_..., Secret('phc_...'), graphs_and_more", []),
    ],
    ids=["the twin's", "real", "none"],
)
def test_what_is_looked_for_is_found(text: str, found: list[str]) -> None:
    assert leaks(text) == found


@pytest.mark.parametrize(
    "write", ["print({key})", "import sys; print({key}, file=sys.stderr)", "__import__('logging').error({key})"]
)
def test_a_test_that_writes_a_key_fails(tmp_path: Path, write: str) -> None:
    (tmp_path / "conftest.py").write_text("from tests.conftest import pytest_runtest_makereport\n")
    key = "'phx_' + 'aB3' * 14"
    (tmp_path / "test_it.py").write_text(f"def test_it():\n    {write.format(key=key)}\n")
    command = [sys.executable, "-m", "pytest", "-q", "--show-capture=no", "-p", "no:cacheprovider", str(tmp_path)]
    ran = subprocess.run(
        command, cwd=tmp_path, env={"PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=False
    )
    assert "1 failed" in ran.stdout
    assert REAL not in ran.stdout
