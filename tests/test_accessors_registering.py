"""``df.posthog`` is there whatever is imported first, and importing posthog_nb imports no library for it."""

from __future__ import annotations

import subprocess
import sys

import pytest

FRAME = "{'event': ['a'], 'distinct_id': ['x'], 'timestamp': [datetime.datetime(2026, 1, 1)]}"
SHOWS = f"import datetime; print(pd.DataFrame({FRAME}).posthog, pl.DataFrame({FRAME}).posthog)"


def run(code: str) -> str:
    """What a new Python prints, with any warning an error."""
    ran = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


@pytest.mark.parametrize(
    "imports",
    [
        "import posthog_nb; import pandas as pd; import polars as pl",
        "import pandas as pd; import polars as pl; import posthog_nb",
        "import pandas as pd; import posthog_nb; import polars as pl",
        # Somebody may ask whether a library is there before it is imported.
        "import posthog_nb, importlib.util as u; u.find_spec('pandas'); import pandas as pd, polars as pl",
    ],
)
def test_a_frame_has_it_whatever_is_imported_first(imports: str) -> None:
    assert run(f"{imports}; {SHOWS}") == (
        "<posthog accessor of a pandas frame with 1 rows> <posthog accessor of a polars frame with 1 rows>\n"
    )


def test_nothing_is_left_of_the_waiting_once_both_are_loaded() -> None:
    left = "[type(finder).__module__ for finder in sys.meta_path if 'posthog' in type(finder).__module__]"
    patched = "vars(pandas.__spec__.loader).keys() & {'exec_module'}, pandas.__loader__ is pandas.__spec__.loader"
    shown = run(f"import posthog_nb, sys; print(len({left})); import pandas, polars; print({left}, {patched})")
    assert shown.splitlines() == ["1", "[] set() True"]


def test_a_library_that_is_not_there_is_missed_as_ever() -> None:
    code = """
import posthog_nb, sys
sys.path[:] = [path for path in sys.path if 'site-packages' not in path]
try:
    import polars
except ModuleNotFoundError as error:
    print(error.name)
"""
    assert run(code) == "polars\n"


def test_registering_twice_changes_nothing() -> None:
    code = (
        "import pandas as pd, posthog_nb; from posthog_nb.accessors.registering import register; register(); register()"
    )
    assert run(f"{code}; print(callable(pd.DataFrame.posthog))") == "True\n"
