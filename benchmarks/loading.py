"""How long `%load_ext posthog_nb` takes in a fresh IPython, beside an extension of IPython's own and jupysql's.

Every run is a process of its own, in which IPython's shell is there already. jupysql is timed where it is installed::

    python benchmarks/loading.py [--with PYTHON]

Args (of the line):
    --with: The interpreter of another environment, with jupysql.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys

RUNS = 9
TIMED = """
import time
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance()
began = time.perf_counter()
shell.run_line_magic("load_ext", {name!r})
print((time.perf_counter() - began) * 1000)
"""


def milliseconds(python: str, name: str) -> list[float] | None:
    """The time of each run; None where there is no such extension."""
    times = []
    for _ in range(RUNS):
        ran = subprocess.run(  # noqa: S603 - the interpreter that is asked for
            [python, "-W", "ignore", "-c", TIMED.format(name=name)], capture_output=True, text=True, check=False
        )
        if ran.returncode or not ran.stdout.strip():
            return None
        times.append(float(ran.stdout.split()[-1]))
    return times


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--with", dest="python", default=sys.executable)
    own = milliseconds(sys.executable, "posthog_nb") or []
    print(f"{'extension':<24}{'median ms':>10}{'least':>8}{'ratio':>8}")
    rows = [("posthog_nb", own)]
    for name, python in (("autoreload", sys.executable), ("sql", parser.parse_args().python)):
        if (times := milliseconds(python, name)) is not None:
            rows.append((f"{name} (jupysql)" if name == "sql" else name, times))
    for name, times in rows:
        middle = statistics.median(times)
        print(f"{name:<24}{middle:>10.1f}{min(times):>8.1f}{middle / statistics.median(own):>8.2f}")


if __name__ == "__main__":
    main()
