"""The questions of :mod:`analyses` answered by pandas and by polars, from one frame of events.

The frame has columns ``event``, ``timestamp``, ``person`` (whose event it is after all merges) and ``url``; where the
events are as PostHog stores them, ``distinct_id`` and ``stored`` (the person at that time) in place of ``person``,
which :data:`PERSONS` finds out. An answer is a mapping from what is counted to how often.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

import pandas as pd
import polars as pl

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

__all__ = ["DAY", "PANDAS", "PERSONS", "POLARS", "STEPS", "read_pandas", "read_polars"]

COLUMNS = ["event", "timestamp", "url"]
_OF_READY, _OF_STORED = ["person"], ["distinct_id", "stored"]
STEPS = ["$pageview", "added to cart", "checked out", "paid"]
DAY = 86_400_000
_BREAK = 30 * 60_000
_MOST_STEPS = 5
_EDGES = 50

Answer = dict[tuple[Any, ...], float]


def read_pandas(path: Path, *, ready: bool) -> pd.DataFrame:
    """The events; their names are few, and categories."""
    frame = pd.read_parquet(path, columns=[*COLUMNS, *(_OF_READY if ready else _OF_STORED)])
    frame["timestamp"] = frame["timestamp"].dt.tz_localize(None)
    return frame.assign(event=frame["event"].astype("category"))


def read_polars(path: Path, *, ready: bool) -> pl.LazyFrame:
    """The events, in memory."""
    frame = pl.read_parquet(path, columns=[*COLUMNS, *(_OF_READY if ready else _OF_STORED)])
    return frame.with_columns(pl.col("timestamp").dt.replace_time_zone(None)).lazy()


def pandas_persons(frame: pd.DataFrame, overrides: pl.DataFrame) -> pd.DataFrame:
    """The events with whose they are after all merges."""
    merged = pd.Series(overrides["merged"].to_list(), index=overrides["distinct_id"].to_list(), dtype="str")
    return frame.assign(person=frame["distinct_id"].map(merged).fillna(frame["stored"]))


def polars_persons(frame: pl.LazyFrame, overrides: pl.DataFrame) -> pl.LazyFrame:
    """The same. Nothing is done yet: polars joins what a question has left, and no column that it does not ask for."""
    joined = frame.join(overrides.lazy(), on="distinct_id", how="left")
    return joined.with_columns(person=pl.coalesce("merged", "stored"))


def _month(number: int) -> datetime:
    """The begin of a month that is counted from the year 0 on."""
    return datetime((number - 1) // 12, (number - 1) % 12 + 1, 1)  # noqa: DTZ001 - the times are naive UTC


def _edges_that_begin(rows: Iterable[tuple[Any, ...]]) -> Answer:
    """Of the edges those that can be come to from a first step."""
    edges = sorted(rows)
    reached = {(1, source) for step, source, *_ in edges if step == 1}
    answer: Answer = {}
    for step, source, target, size, mean in edges:
        if (step, source) in reached:
            reached.add((step + 1, target))
            answer[step, source, target, "count"] = size
            answer[step, source, target, "seconds"] = mean
    return answer


# -- pandas


def _milliseconds(times: pd.Series[Any]) -> pd.Series[int]:
    return times.astype("datetime64[ms]").astype("int64")


def pandas_funnel(frame: pd.DataFrame, window: float = DAY) -> Answer:
    """How many persons come to each step within a day of the first one."""
    chosen = frame[frame["event"].isin(STEPS)]
    steps = pd.DataFrame({
        "person": chosen["person"],
        "at": _milliseconds(chosen["timestamp"]),
        "step": chosen["event"].map({name: n for n, name in enumerate(STEPS, 1)}).astype("int8"),
    }).sort_values(["person", "at", "step"], ignore_index=True)  # fmt: skip
    # The start of the latest chain that has come as far as each step.
    started = steps["at"].where(steps["step"] == 1).groupby(steps["person"]).ffill()
    answer: Answer = {(1,): steps["person"][started.notna()].nunique()}
    for step in range(2, len(STEPS) + 1):
        reached = (steps["step"] == step) & (steps["at"] - started <= window)
        started = started.where(reached).groupby(steps["person"]).ffill()
        answer[(step,)] = steps["person"][started.notna()].nunique()
    return answer


def pandas_funnel_any_time(frame: pd.DataFrame) -> Answer:
    """The same, however long it takes."""
    return pandas_funnel(frame, float("inf"))


def _pandas_weeks(frame: pd.DataFrame) -> pd.DataFrame:
    views = frame[frame["event"] == "$pageview"]
    day = views["timestamp"].dt.floor("D")
    sunday = day - pd.to_timedelta((day.dt.dayofweek + 1) % 7, unit="D")
    return pd.DataFrame({"person": views["person"], "week": sunday}).drop_duplicates()


def _pandas_cells(pairs: pd.DataFrame) -> Answer:
    interval = (pairs["week"] - pairs["start"]).dt.days // 7
    counted = pairs.groupby([pairs["start"], interval.rename("interval")]).size()
    return {(start.to_pydatetime(), number): size for (start, number), size in counted.items()}


def pandas_retention_first_time(frame: pd.DataFrame) -> Answer:
    """Persons by the week of their first page view, and the weeks in which they had one again."""
    weeks = _pandas_weeks(frame)
    return _pandas_cells(weeks.assign(start=weeks.groupby("person")["week"].transform("min")))


def pandas_retention(frame: pd.DataFrame) -> Answer:
    """Persons by each week with a page view, and the weeks after it in which they had one."""
    weeks = _pandas_weeks(frame)
    pairs = weeks.rename(columns={"week": "start"}).merge(weeks, on="person")
    return _pandas_cells(pairs[pairs["week"] >= pairs["start"]])


def pandas_retention_by_month(frame: pd.DataFrame) -> Answer:
    """Persons by the month of their first event, and the months in which they had one again."""
    months = frame["timestamp"].dt.year * 12 + frame["timestamp"].dt.month
    active = pd.DataFrame({"person": frame["person"], "month": months}).drop_duplicates()
    active["start"] = active.groupby("person")["month"].transform("min")
    counted = active.groupby(["start", active["month"] - active["start"]]).size()
    return {(_month(start), number): size for (start, number), size in counted.items()}


def _pandas_edges(visits: pd.DataFrame) -> pd.DataFrame:
    """From ``person``, ``timestamp`` and ``item``."""
    visits = visits.sort_values(["person", "timestamp", "item"], ignore_index=True)
    at = _milliseconds(visits["timestamp"])
    first = (visits["person"] != visits["person"].shift()) | (at - at.shift() >= _BREAK)
    visits = visits.assign(at=at, path=first.cumsum())
    same = (visits["item"] == visits["item"].shift(-1)) & (visits["path"] == visits["path"].shift(-1))
    visits = visits[~same]
    visits = visits.assign(step=visits.groupby("path").cumcount() + 1)
    visits = visits[visits["step"] <= _MOST_STEPS]
    after = visits.shift(-1)
    edges = pd.DataFrame({
        "step": visits["step"], "source": visits["item"], "target": after["item"],
        "seconds": (after["at"] - visits["at"]) / 1000,
    })[visits["path"] == after["path"]]  # fmt: skip
    counted = edges.groupby(["step", "source", "target"], observed=True)["seconds"].agg(["size", "mean"]).reset_index()
    return counted.sort_values(["size", "step", "source", "target"], ascending=[False, True, True, True])


def _pandas_answer(edges: pd.DataFrame) -> Answer:
    return _edges_that_begin(edges.itertuples(index=False, name=None))


def pandas_paths(frame: pd.DataFrame) -> Answer:
    """From event to event."""
    visits = frame[["person", "timestamp"]].assign(item=frame["event"])
    return _pandas_answer(_pandas_edges(visits))


def pandas_paths_of_pages(frame: pd.DataFrame) -> Answer:
    """From page to page: the most frequent edges."""
    views = frame[frame["event"] == "$pageview"]
    visits = views[["person", "timestamp"]].assign(item=views["url"].str.replace("(.)/$", r"\1", regex=True))
    return _pandas_answer(_pandas_edges(visits).head(_EDGES))


# -- polars


def polars_funnel(frame: pl.LazyFrame, window: float = DAY) -> Answer:
    """How many persons come to each step within a day of the first one."""
    numbers = pl.col("event").replace_strict(STEPS, range(1, len(STEPS) + 1), return_dtype=pl.Int8)
    chained = (
        frame.filter(pl.col("event").is_in(STEPS))
        .select("person", at=pl.col("timestamp").dt.epoch("ms"), step=numbers)
        .sort("person", "at", "step")
        .with_columns(start1=pl.when(pl.col("step") == 1).then("at").forward_fill().over("person"))
    )
    # The start of the latest chain that has come as far as each step.
    for step in range(2, len(STEPS) + 1):
        before = pl.col(f"start{step - 1}")
        reached = (pl.col("step") == step) & (pl.col("at") - before <= window)
        latest = pl.when(reached).then(before).forward_fill().over("person")
        chained = chained.with_columns(latest.alias(f"start{step}"))
    furthest = pl.sum_horizontal(pl.col(f"start{step}").is_not_null().any() for step in range(1, len(STEPS) + 1))
    depths = chained.group_by("person").agg(depth=furthest).collect()["depth"]
    return {(step,): int((depths >= step).sum()) for step in range(1, len(STEPS) + 1)}


def polars_funnel_any_time(frame: pl.LazyFrame) -> Answer:
    """The same, however long it takes."""
    return polars_funnel(frame, float("inf"))


def _polars_weeks(frame: pl.LazyFrame) -> pl.LazyFrame:
    one_day = pl.duration(days=1)
    sunday = (pl.col("timestamp") + one_day).dt.truncate("1w") - one_day
    return frame.filter(pl.col("event") == "$pageview").select("person", week=sunday).unique()


def _polars_cells(pairs: pl.LazyFrame) -> Answer:
    interval = (pl.col("week") - pl.col("start")).dt.total_days() // 7
    counted = pairs.group_by("start", interval=interval).agg(size=pl.len()).collect()
    return {(start, number): size for start, number, size in counted.iter_rows()}


def polars_retention_first_time(frame: pl.LazyFrame) -> Answer:
    """Persons by the week of their first page view, and the weeks in which they had one again."""
    return _polars_cells(_polars_weeks(frame).with_columns(start=pl.col("week").min().over("person")))


def polars_retention(frame: pl.LazyFrame) -> Answer:
    """Persons by each week with a page view, and the weeks after it in which they had one."""
    weeks = _polars_weeks(frame).collect().lazy()
    pairs = weeks.rename({"week": "start"}).join(weeks, on="person")
    return _polars_cells(pairs.filter(pl.col("week") >= pl.col("start")))


def polars_retention_by_month(frame: pl.LazyFrame) -> Answer:
    """Persons by the month of their first event, and the months in which they had one again."""
    months = pl.col("timestamp").dt.year().cast(pl.Int32) * 12 + pl.col("timestamp").dt.month()
    active = frame.select("person", month=months).unique()
    active = active.with_columns(start=pl.col("month").min().over("person"))
    counted = active.group_by("start", interval=pl.col("month") - pl.col("start")).agg(size=pl.len()).collect()
    return {(_month(start), number): size for start, number, size in counted.iter_rows()}


def _polars_edges(visits: pl.LazyFrame) -> pl.LazyFrame:
    """From ``person``, ``timestamp`` and ``item``."""
    at, person, item, path = (pl.col(name) for name in ("timestamp", "person", "item", "path"))
    first = (person != person.shift()) | (at - at.shift() >= pl.duration(milliseconds=_BREAK))
    return (
        visits.sort("person", "timestamp", "item")
        .with_columns(path=first.fill_null(True).cum_sum())
        .filter(((item == item.shift(-1)) & (path == path.shift(-1))).not_().fill_null(True))
        .with_columns(step=pl.int_range(pl.len()).over("path") + 1)
        .filter(pl.col("step") <= _MOST_STEPS)
        .with_columns(target=item.shift(-1), milliseconds=(at.shift(-1) - at).dt.total_milliseconds())
        .filter(path == path.shift(-1))
        .group_by("step", source="item", target="target")
        .agg(n=pl.len(), seconds=pl.col("milliseconds").mean() / 1000)
        .sort("n", "step", "source", "target", descending=[True, False, False, False])
    )


def _polars_answer(edges: pl.LazyFrame) -> Answer:
    return _edges_that_begin(edges.collect().iter_rows())


def polars_paths(frame: pl.LazyFrame) -> Answer:
    """From event to event."""
    return _polars_answer(_polars_edges(frame.select("person", "timestamp", item="event")))


def polars_paths_of_pages(frame: pl.LazyFrame) -> Answer:
    """From page to page: the most frequent edges."""
    views = frame.filter(pl.col("event") == "$pageview")
    visits = views.select("person", "timestamp", item=pl.col("url").str.replace("(.)/$", "${1}"))
    return _polars_answer(_polars_edges(visits).head(_EDGES))


PANDAS: dict[str, Callable[[pd.DataFrame], Answer]] = {
    "funnel": pandas_funnel,
    "funnel_any_time": pandas_funnel_any_time,
    "retention": pandas_retention,
    "retention_first_time": pandas_retention_first_time,
    "retention_by_month": pandas_retention_by_month,
    "paths": pandas_paths,
    "paths_of_pages": pandas_paths_of_pages,
}
POLARS: dict[str, Callable[[pl.LazyFrame], Answer]] = {
    "funnel": polars_funnel,
    "funnel_any_time": polars_funnel_any_time,
    "retention": polars_retention,
    "retention_first_time": polars_retention_first_time,
    "retention_by_month": polars_retention_by_month,
    "paths": polars_paths,
    "paths_of_pages": polars_paths_of_pages,
}
PERSONS: dict[str, Callable[[Any, pl.DataFrame], Any]] = {"pandas": pandas_persons, "polars": polars_persons}
