"""Loading is free: the heavy libraries are imported when they are used, and not before."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = {
    "IPython",
    "altair",
    "chdb",
    "clickhouse_connect",
    "hogql_parser",
    "ipywidgets",
    "msgspec",
    "pandas",
    "polars",
    "pyarrow",
    "scipy",
    "vl_convert",
    "werkzeug",
}


def imported(code: str) -> set[str]:
    """The top-level modules that a new Python imports for ``code``."""
    shown = subprocess.run(
        [sys.executable, "-X", "importtime", "-c", code], capture_output=True, text=True, check=True
    ).stderr
    return {line.rpartition("|")[2].strip().partition(".")[0] for line in shown.splitlines() if "|" in line}


@pytest.mark.parametrize(
    "code",
    [
        "import posthog_nb",
        "import posthog_nb; posthog_nb.connect",
        "import posthog_nb; [getattr(posthog_nb, name) for name in posthog_nb.__all__]",
        "import posthog_nb; posthog_nb.connect('eu', project_id=1, personal_api_key='phx_test')",
        "import posthog_nb; posthog_nb.connect('demo')",
    ],
)
def test_nothing_heavy_is_loaded_before_it_is_used(code: str) -> None:
    assert imported(code) & HEAVY == set()


def test_the_package_alone_loads_no_http_either() -> None:
    assert imported("import posthog_nb") & {"requests", "urllib3"} == set()


def test_importing_warns_of_nothing() -> None:
    code = "import posthog_nb; posthog_nb.connect; posthog_nb.Result"
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True)


def test_where_there_is_no_engine_each_way_to_one_says_so() -> None:
    # As on Windows, where somebody has clickhouse-connect for a ClickHouse of their own.
    code = """
import datetime, sys
sys.modules |= dict.fromkeys(["chdb", "hogql_parser", "waitress", "werkzeug"])
import polars, posthog_nb
from posthog_nb.embedded.project import Project
event = polars.DataFrame({"event": ["a"], "distinct_id": ["ann"], "timestamp": [datetime.datetime(2026, 1, 1)]})
for ask in (Project.in_memory, lambda: event.posthog.query("SELECT 1")):
    try:
        ask()
    except posthog_nb.errors.MissingDependencyError as error:
        print(error)
"""
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.splitlines()
    assert [line.partition(".")[0] for line in told] == ["The embedded project needs chdb and clickhouse-connect"] * 2
