"""How long a completion takes: ours in `%%hogql` cells, beside IPython's own of Python in the same shell.

Each place is asked for as an editor asks, a key after the other, through ``IPCompleter.completions``. The project is
the demo, whose schema is known by then; nothing touches the network. The figures are the thread's own time on the
processor: nothing is waited for, and what else the computer does is no part of it.

    python benchmarks/completion.py
"""

from __future__ import annotations

import statistics
import threading
import time

from IPython.core.completer import provisionalcompleter
from IPython.core.interactiveshell import InteractiveShell

import posthog_nb

ROUNDS = 2

HOGQL = """
SELECT event, count() AS n, uniq(person_id) AS persons FROM events WHERE timestamp > now() - INTERVAL 30 DAY
SELECT e.properties.$browser, person.properties.plan FROM events AS e WHERE e.event = 'signed_up'
WITH recent AS (SELECT event, distinct_id FROM events WHERE event IN ('purchase', 'subscribed')) SELECT event
SELECT toStartOfWeek(timestamp) AS week, sum(properties.amount) FROM events GROUP BY week HAVING count() > {least}
SELECT p.properties.email, s.$session_duration FROM persons AS p JOIN sessions AS s ON s.distinct_id = p.id LIMIT 10
"""

PYTHON = """
frame = ph.query("SELECT 1").to_frame()
shell.user_ns.items()
statistics.median([time.perf_counter() for number in range(10)])
"""


def places(text: str, before: str = "") -> list[tuple[str, int]]:
    """Every place behind a letter of each line, with the rest of the line behind it."""
    return [
        (before + line, len(before) + at)
        for line in text.strip().splitlines()
        for at in range(1, len(line) + 1)
        if line[at - 1].isalnum() or line[at - 1] in "_$.'{"
    ]


def measured(shell: InteractiveShell, asked: list[tuple[str, int]]) -> list[float]:
    """Milliseconds of each question, in order of their length."""
    found = []
    for _ in range(ROUNDS):
        for code, at in asked:
            began = time.thread_time()
            with provisionalcompleter():
                list(shell.Completer.completions(code, at))
            found.append((time.thread_time() - began) * 1000)
    return sorted(found)


def main() -> None:
    """Print the figures."""
    shell = InteractiveShell.instance()
    shell.run_line_magic("load_ext", "posthog_nb")
    ph = posthog_nb.connect("demo")
    shell.user_ns |= {
        "ph": ph,
        "least": 3,
        "shell": shell,
        "statistics": statistics,
        "time": time,
        "threading": threading,
    }
    ready = threading.Event()
    ph.known.when_ready(lambda _: ready.set())
    ready.wait()
    hogql, python = places(HOGQL, "%%hogql\n"), places(PYTHON)
    began = time.perf_counter()
    measured(shell, hogql[:1])
    print(f"first of all, with the engine's import: {(time.perf_counter() - began) * 1000:.0f} ms")
    medians = {}
    for name, asked in (("IPython's own, of Python", python), ("posthog_nb, of HogQL", hogql)):
        measured(shell, asked[:20])
        found = measured(shell, asked)
        medians[name] = statistics.median(found)
        p99 = found[int(len(found) * 0.99)]
        print(f"{name}: {len(asked)} places, median {medians[name]:.1f} ms, p99 {p99:.1f} ms, most {found[-1]:.1f} ms")
    ours, theirs = medians["posthog_nb, of HogQL"], medians["IPython's own, of Python"]
    print(f"ratio of the medians: {ours / theirs:.2f}")
    ph.close()


if __name__ == "__main__":
    main()
