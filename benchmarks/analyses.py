"""A project's funnel, retention and paths against retentioneering, pandas and polars, from the same events.

    python benchmarks/analyses.py [--events 5000000] [--rounds 5] [--store FOLDER] [--ready]
        [--retentioneering PYTHON ...]

Ours is the whole call, such as ``ph.funnel(...).to_pandas()``: HogQL written, sent, compiled and run by the embedded
project, which has the events on disk and finds out whose they are after all merges; then the answer read into a frame.
Nothing is kept from one call to the next: it reads its store each time. The others have the events in memory already,
with columns ``event``, ``timestamp`` and ``url`` (out of the properties) ready made; to read them is told apart. pandas
and polars find out whose the events are as we do, from ``distinct_id``, the person that was stored and the merges; with
``--ready`` they have that ready made, too, as retentioneering always has.

Every answer is compared before a time of it is told. Times are medians, by the clock and, since a busy machine disturbs
that, of the processor (all threads). Ours, pandas and polars take turns, round by round, in one process;
retentioneering, whose pandas is another one, follows in a process of its own. It is installed with::

    python3 -m venv FOLDER && FOLDER/bin/pip install retentioneering==5.2.4
    python3 -m venv OTHER && OTHER/bin/pip install retentioneering==3.3.0 numpy==1.24.4 scipy==1.11.4 'pyarrow<16'

What it does not have is left out: a funnel of 5.2 has no window, of paths it says how many are where and not which way
they came, and it has no retention; 3.3 has one, by month.
"""

from __future__ import annotations

import argparse
import json
import math
import statistics
import subprocess
import tempfile
import time
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl
from analyses_of_frames import PANDAS, PERSONS, POLARS, STEPS, read_pandas, read_polars
from made_up_events import filled_project

from posthog_nb.analysis.series import Series
from posthog_nb.client import Client
from posthog_nb.connection import Connection
from posthog_nb.embedded.mount import EmbeddedAdapter
from posthog_nb.embedded.server import create_app
from posthog_nb.secret import Secret
from posthog_nb.settings import resolve

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import pandas as pd

    from posthog_nb.embedded.project import Project

    Answer = dict[tuple[Any, ...], float]

_EXPORT = """
    SELECT event, toDateTime64(timestamp, 3, 'UTC') AS timestamp,
      toString(if(notEmpty(o.distinct_id), o.person_id, e.person_id)) AS person,
      distinct_id, toString(e.person_id) AS stored,
      JSONExtractString(properties, '$current_url') AS url
    FROM {db}.events AS e
    LEFT JOIN ({merges}) AS o ON e.distinct_id = o.distinct_id
    ORDER BY timestamp
"""
_MERGES = """
    SELECT distinct_id, argMax(person_id, version) AS person_id FROM {db}.person_distinct_id_overrides
    GROUP BY distinct_id HAVING argMax(is_deleted, version) = 0
"""
_RANGE = {"date_from": "2025-12-28", "date_to": "2026-04-04"}
_WEEKS = 14
_OTHERS: dict[str, dict[str, Callable[[Any], Answer]]] = {"pandas": PANDAS, "polars": POLARS}
_READERS: dict[str, Callable[..., Any]] = {"pandas": read_pandas, "polars": read_polars}
_RETENTIONEERING = Path(__file__).with_name("analyses_of_retentioneering.py")


# -- ours


def _funnel(ph: Client, number: int, unit: str) -> pd.DataFrame:
    window = {"funnel_window_interval": number, "funnel_window_interval_unit": unit}
    return ph.funnel(STEPS, **window, **_RANGE).to_pandas()


def _retention(ph: Client, kind: str) -> pd.DataFrame:
    ends = {"total_intervals": _WEEKS, "date_to": _RANGE["date_to"]}
    return ph.retention("$pageview", retention_type=kind, period="Week", **ends).to_pandas()


OURS: dict[str, Callable[[Client], pd.DataFrame]] = {
    "funnel": lambda ph: _funnel(ph, 1, "day"),
    "funnel_any_time": lambda ph: _funnel(ph, 12, "month"),
    "retention": lambda ph: _retention(ph, "retention_recurring"),
    "retention_first_time": lambda ph: _retention(ph, "retention_first_time"),
    "retention_by_month": lambda ph: ph.retention(
        Series(), retention_type="retention_first_time", period="Month", total_intervals=4, date_to="2026-04-04"
    ).to_pandas(),
    "paths": lambda ph: ph.paths(
        include_event_types=["hogql"], paths_hogql_expression="event", edge_limit=10_000, **_RANGE
    ).to_pandas(),
    "paths_of_pages": lambda ph: ph.paths(**_RANGE).to_pandas(),
}


def _answer(question: str, frame: pd.DataFrame) -> Answer:
    """What a frame of ours says, as the others say it."""
    if question.startswith("funnel"):
        return {(step,): count for step, count in zip(frame["step"], frame["count"], strict=True)}
    if question.startswith("retention"):
        cells = zip(frame["date"], frame["interval"], frame["count"], strict=True)
        return {(date.tz_localize(None).to_pydatetime(), interval): count for date, interval, count in cells if count}
    edges = frame[["step", "source", "target", "count", "average_conversion_time"]].itertuples(index=False, name=None)
    return {
        (*of, name): number
        for *of, count, seconds in edges
        for name, number in (("count", count), ("seconds", seconds))
    }


def _nodes(edges: Answer) -> dict[str, float]:
    """How many paths are where at each step, from the second on."""
    found: dict[str, float] = {}
    for (step, _, target, what), number in edges.items():
        if what == "count":
            key = f"{step + 1} {target}"
            found[key] = found.get(key, 0) + number
    return found


def _client(project: Project) -> Client:
    settings = replace(
        resolve("demo", environ={}),
        label="benchmark",
        project_id=project.settings.project_id,
        personal_api_key=Secret(project.settings.personal_api_key),
        project_token=Secret(project.settings.project_token),
    )
    return Client(Connection(settings, version="benchmark", adapter=EmbeddedAdapter(lambda: create_app(project))))


# -- measuring


def _check(name: str, question: str, found: dict[Any, float], wanted: dict[Any, float]) -> None:
    """Stop unless the answers are the same; means may differ in their last digits."""
    differ = [key for key in found.keys() | wanted.keys() if not _alike(found.get(key), wanted.get(key))]
    if differ or not wanted:
        shown = [(key, found.get(key), wanted.get(key)) for key in differ[:5]]
        raise SystemExit(f"{name} answers {question} differently, {len(differ)} of {len(wanted)}: {shown}")


def _alike(one: float | None, other: float | None) -> bool:
    return one is not None and other is not None and math.isclose(one, other, rel_tol=1e-9)


def _timed(work: Callable[[], Any]) -> tuple[float, float, Any]:
    """Seconds by the clock, seconds of the processor, and what the work gives."""
    started, worked = time.perf_counter(), time.process_time()
    answer = work()
    return time.perf_counter() - started, time.process_time() - worked, answer


def _medians(taken: Sequence[Sequence[float]]) -> tuple[float, float]:
    clock, processor = zip(*taken, strict=True)
    return statistics.median(clock), statistics.median(processor)


def _export(project: Project, folder: Path) -> Path:
    target = folder / "stored_analyses.parquet"
    if not target.exists():
        partly = folder / "analyses.partly.parquet"
        partly.unlink(missing_ok=True)
        db = project.store.database
        query = _EXPORT.format(db=db, merges=_MERGES.format(db=db))
        project.store.engine.command(f"INSERT INTO FUNCTION file('{partly}', 'Parquet') {query}")
        partly.rename(target)
    return target


def _merges(project: Project) -> pl.DataFrame:
    rows = project.store.engine.read(_MERGES.format(db=project.store.database))
    return pl.DataFrame({"distinct_id": [one for one, _ in rows], "merged": [str(person) for _, person in rows]})


def _as_they_say(question: str, answer: Answer) -> dict[str, float]:
    """Our answer in retentioneering's words."""
    if question.startswith("funnel"):
        return {str(step): count for (step,), count in answer.items()}
    if question.startswith("retention"):
        return {f"{month:%Y-%m} {interval}": count for (month, interval), count in answer.items()}
    return _nodes(answer)


def _theirs(python: Path, events: Path, rounds: int) -> dict[str, Any]:
    done = subprocess.run(  # noqa: S603 - the Python that was given
        [python, _RETENTIONEERING, events, str(rounds)], check=True, text=True, stdout=subprocess.PIPE
    )
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def _print_row(question: str, times: dict[str, tuple[float, float]]) -> None:
    """Seconds by the clock and of the processor, and of others how many times ours that is."""
    ours = times["posthog_nb"]
    cells = [f"{ours[0]:>9.2f} {ours[1]:>6.2f}"]
    for name in ("pandas", "polars", "retentioneering"):
        clock, processor = times.get(name, (math.nan, math.nan))
        cells.append(
            f"{'-':>31}" if name not in times else
            f"{clock:>9.2f} {processor:>6.2f} {clock / ours[0]:>6.1f}x {processor / ours[1]:>5.1f}x"
        )  # fmt: skip
    print(f"{question:<21}{''.join(cells)}", flush=True)


def _ask(name: str, question: str, frame: Any, merges: pl.DataFrame | None) -> Answer:  # noqa: ANN401 - of either kind
    return _OTHERS[name][question](frame if merges is None else PERSONS[name](frame, merges))


def _take_turns(
    question: str, ph: Client, frames: dict[str, Any], merges: pl.DataFrame | None, rounds: int
) -> tuple[Answer, dict[str, tuple[float, float]]]:
    """The answer, which is everyone's, and how long each took."""
    works: dict[str, Callable[[], Any]] = {"posthog_nb": lambda: OURS[question](ph)}
    for name, frame in frames.items():
        works[name] = partial(_ask, name, question, frame, merges)
    taken: dict[str, list[tuple[float, float]]] = {name: [] for name in works}
    answers: dict[str, Any] = {}
    for number in range(rounds):
        # Each is as often the first.
        for name in [*works][number % len(works) :] + [*works][: number % len(works)]:
            clock, processor, answers[name] = _timed(works[name])
            taken[name].append((clock, processor))
    expected = _answer(question, answers.pop("posthog_nb"))
    for name, answer in answers.items():
        _check(name, question, answer, expected)
    return expected, {name: _medians(times) for name, times in taken.items()}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=5_000_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--store", type=Path, help="keep the filled project here")
    parser.add_argument("--only", nargs="*", choices=list(OURS), default=list(OURS), help="names of questions")
    parser.add_argument("--peers", nargs="*", choices=list(_OTHERS), default=list(_OTHERS))
    parser.add_argument("--ready", action="store_true", help="give pandas and polars whose the events are")
    parser.add_argument("--retentioneering", type=Path, nargs="*", default=[], help="Pythons that have it")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = options.store or Path(scratch)
        project = filled_project(folder, options.events, "UTC")
        events = _export(project, folder)
        print(
            f"{options.events:,} events; seconds by the clock and of the processor, medians of {options.rounds} rounds;"
        )
        print("2.0x is twice as long as posthog_nb. To read the events from Parquet, by the clock:")
        frames = {}
        for name in options.peers:
            clock, _, frames[name] = _timed(partial(_READERS[name], events, ready=options.ready))
            print(f"  {name} {clock:.1f} s")
        print(f"\n{'':<21}{'posthog_nb':>16}{'pandas':>31}{'polars':>31}{'retentioneering':>31}", flush=True)
        expected, times = {}, {}
        merges = None if options.ready else _merges(project)
        with _client(project) as ph:
            for question in options.only:
                expected[question], times[question] = _take_turns(question, ph, frames, merges, options.rounds)
                _print_row(question, times[question])
        project.close()
        del frames
        for python in options.retentioneering:
            found = _theirs(python, events, options.rounds)
            made = found["reading"] + found["making"]
            print(f"retentioneering, which read the events and made its stream of them in {made:.1f} s:")
            for question, theirs in found["answers"].items():
                if question in expected:
                    _check("retentioneering", question, theirs["answer"], _as_they_say(question, expected[question]))
                    _print_row(question, {**times[question], "retentioneering": _medians(theirs["seconds"])})


if __name__ == "__main__":
    main()
