"""The questions of :mod:`analyses` that retentioneering answers: run in its own environment, it prints JSON.

    python benchmarks/analyses_of_retentioneering.py EVENTS.parquet ROUNDS

A funnel of retentioneering has no window, and its step matrix has how many paths are where at each step, not from where
they came there and how long it took. The environment is one of its own because its versions of pandas are not ours:
5.2 has funnels and step matrices and no retention; 3.3, of 2023, has a table of cohorts by month.
"""

from __future__ import annotations

import json
import os
import sys
import time
from typing import TYPE_CHECKING, Any

import pandas as pd

if TYPE_CHECKING:
    from collections.abc import Callable

# Both report to their makers unless they are told not to.
os.environ |= {"RETENTIONEERING_NO_TRACK": "1", "RETE_TRACKER_ENABLED": "false"}

STEPS = ["$pageview", "added to cart", "checked out", "paid"]
_MOST_STEPS = 5

Theirs = Any
"""Classes of another environment."""


def _read(path: str) -> pd.DataFrame:
    frame = pd.read_parquet(path, columns=["event", "timestamp", "person"])
    frame["timestamp"] = frame["timestamp"].dt.tz_localize(None)
    return frame.rename(columns={"person": "user_id"})


def _funnel_any_time(stream: Theirs) -> Theirs:
    return stream.funnel_data(steps=STEPS)


def _read_funnel(answer: Theirs, _: Theirs) -> dict[str, int]:
    return {str(number): step["unique_paths"] for number, step in enumerate(answer["steps"], 1)}


def _paths(stream: Theirs) -> Theirs:
    sessions = stream.split_sessions(timeout="30m").collapse_events(loops=True, path_col="session_id")
    return sessions, sessions.step_matrix_data(max_steps=_MOST_STEPS, path_col="session_id")


def _read_paths(answer: Theirs, _: Theirs) -> dict[str, int]:
    """How many paths are at which event, at each step from the second on."""
    sessions, matrix = answer
    total = sessions.df["session_id"].nunique()
    return {
        f"{step} {event}": round(share * total)
        for step in range(2, _MOST_STEPS + 1)
        for event, share in matrix[step].items()
        if event not in {"path_start", "path_end"} and share > 0
    }


def _retention_by_month(stream: Theirs) -> Theirs:
    return stream.cohorts(cohort_start_unit="M", cohort_period=(1, "M"), average=False, show_plot=False)


def _read_retention(answer: Theirs, stream: Theirs) -> dict[str, int]:
    first = stream.to_dataframe().groupby("user_id")["timestamp"].min().dt.strftime("%Y-%m").value_counts()
    return {
        f"{month} {number}": round(share * first[month])
        for month, row in answer.values.iterrows()  # noqa: PD011 - theirs, a frame
        for number, share in enumerate(row)
        if share > 0
    }


_QUESTIONS = {
    "funnel_any_time": (_funnel_any_time, _read_funnel),
    "paths": (_paths, _read_paths),
    "retention_by_month": (_retention_by_month, _read_retention),
}
_OF_COHORTS = {"retention_by_month"}


def _timed(work: Callable[[], Any], rounds: int) -> tuple[list[tuple[float, float]], Any]:
    """Seconds by the clock and of the processor, of each round."""
    taken, answer = [], None
    for _ in range(rounds):
        started, worked = time.perf_counter(), time.process_time()
        answer = work()
        taken.append((time.perf_counter() - started, time.process_time() - worked))
    return taken, answer


def main(path: str, rounds: int) -> None:
    """Measure and print."""
    from retentioneering.eventstream import Eventstream  # noqa: PLC0415 - after it is told not to report

    ((reading, _),), frame = _timed(lambda: _read(path), 1)
    ((making, _),), stream = _timed(lambda: Eventstream(frame), 1)
    answers = {}
    for name, (ask, read) in _QUESTIONS.items():
        if (name in _OF_COHORTS) == hasattr(stream, "cohorts"):
            seconds, answer = _timed(lambda ask=ask: ask(stream), rounds)  # type: ignore[misc]
            answers[name] = {"seconds": seconds, "answer": read(answer, stream)}
    print(json.dumps({"reading": reading, "making": making, "answers": answers}))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
