"""The ten questions of :mod:`questions`, answered by polars from events with their properties as JSON text."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

import polars as pl

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

__all__ = ["ANSWERS", "Frames"]

DAY = 86_400
_STEPS = ["$pageview", "added to cart", "checked out", "paid"]
_ROUND_ABOUT_FEBRUARY = (datetime(2026, 1, 31), datetime(2026, 3, 2))  # noqa: DTZ001 - the column is naive UTC
_FEBRUARY = (datetime(2026, 2, 1), datetime(2026, 3, 1))  # noqa: DTZ001 - as above


class Frames:
    """Events, overrides and persons, in memory."""

    def __init__(self, folder: Path) -> None:
        frames = {
            name: pl.read_parquet(folder / f"{name}.parquet").lazy() for name in ("events", "overrides", "persons")
        }
        self.events = frames["events"].with_columns(pl.col("timestamp").dt.replace_time_zone(None))
        self.overrides = frames["overrides"].rename({"person_id": "now"})
        self.persons = frames["persons"]

    def by_person(self, only: pl.Expr | None = None) -> pl.LazyFrame:
        """Events with the person that they belong to now."""
        events = self.events if only is None else self.events.filter(only)
        return events.join(self.overrides, on="distinct_id", how="left").with_columns(
            person=pl.coalesce("now", "person_id")
        )


def _event(name: str) -> pl.Expr:
    return pl.col("event") == name


def _text(key: str) -> pl.Expr:
    return pl.col("properties").str.json_path_match(f"$['{key}']")


def _within(bounds: tuple[datetime, datetime], column: str = "timestamp") -> pl.Expr:
    return pl.col(column).is_between(*bounds, closed="left")


def events_by_day_and_browser(frames: Frames) -> pl.LazyFrame:
    return (
        frames.events.filter(_event("$pageview"))
        .group_by(day=pl.col("timestamp").dt.date(), browser=_text("$browser"))
        .agg(events=pl.len())
        .sort("day", "browser")
    )


def persons_by_day(frames: Frames) -> pl.LazyFrame:
    return (
        frames.by_person()
        .group_by(day=pl.col("timestamp").dt.date())
        .agg(persons=pl.col("person").n_unique())
        .sort("day")
    )


def funnel(frames: Frames) -> pl.LazyFrame:
    steps = (
        frames.by_person(pl.col("event").is_in(_STEPS))
        .select(
            "person",
            at=pl.col("timestamp").dt.epoch("s"),
            step=pl.col("event").replace_strict(_STEPS, [1, 2, 3, 4], return_dtype=pl.Int8),
        )
        .sort("person", "at", "step")
    )
    # The start of the latest chain that has come so far as each step, within a day of it.
    started = pl.when(pl.col("step") == 1).then("at").forward_fill().over("person")
    chained = steps.with_columns(start1=started)
    for step in (2, 3, 4):
        before = pl.col(f"start{step - 1}")
        reached = (pl.col("step") == step) & (pl.col("at") - before <= DAY)
        latest = pl.when(reached).then(before).forward_fill().over("person")
        chained = chained.with_columns(latest.alias(f"start{step}"))
    depth = pl.sum_horizontal(pl.col(f"start{step}").is_not_null().any() for step in (1, 2, 3, 4))
    return chained.group_by("person").agg(steps=depth).group_by("steps").agg(persons=pl.len()).sort("steps")


def weekly_retention(frames: Frames) -> pl.LazyFrame:
    one_day = pl.duration(days=1)
    sunday = ((pl.col("timestamp") + one_day).dt.truncate("1w") - one_day).dt.date()
    return (
        frames.by_person(_event("$pageview"))
        .select("person", week=sunday)
        .unique()
        .with_columns(first_week=pl.col("week").min().over("person"))
        .group_by("first_week", later=(pl.col("week") - pl.col("first_week")).dt.total_days() // 7)
        .agg(persons=pl.len())
        .sort("first_week", "later")
    )


def _sessions(frames: Frames, **more: pl.Expr) -> pl.LazyFrame:
    ended = pl.col("timestamp").max().dt.epoch("s")
    return (
        frames.events.filter(_within(_ROUND_ABOUT_FEBRUARY))
        .group_by(session=_text("$session_id"))
        .agg(started=pl.col("timestamp").min(), duration=ended - pl.col("timestamp").min().dt.epoch("s"), **more)
        .filter(_within(_FEBRUARY, "started"))
    )


def session_duration_by_day(frames: Frames) -> pl.LazyFrame:
    return (
        _sessions(frames)
        .group_by(day=pl.col("started").dt.date())
        .agg(sessions=pl.len(), seconds=pl.col("duration").mean(), long=(pl.col("duration") >= 600).sum())
        .sort("day")
    )


def top_pages(frames: Frames) -> pl.LazyFrame:
    return (
        frames.by_person(_event("$pageview"))
        .group_by(path=_text("$pathname"))
        .agg(views=pl.len(), persons=pl.col("person").n_unique())
        .sort("views", "path", descending=[True, False])
        .head(20)
    )


def next_pages(frames: Frames) -> pl.LazyFrame:
    return (
        frames.events.filter(_event("$pageview") & _within(_FEBRUARY))
        .select("timestamp", path=_text("$pathname"), session=_text("$session_id"))
        .sort("session", "timestamp")
        .with_columns(next_path=pl.col("path").shift(-1).over("session"))
        .filter(pl.col("next_path").is_not_null())
        .group_by("path", "next_path")
        .agg(times=pl.len())
        .sort("times", "path", "next_path", descending=[True, False, False])
        .head(20)
    )


def events_by_plan_of_person(frames: Frames) -> pl.LazyFrame:
    plans = frames.persons.select("id", plan=pl.col("properties").str.json_path_match("$.plan"))
    return (
        frames.by_person(_event("$pageview"))
        .join(plans, left_on="person", right_on="id", how="left")
        .group_by("plan")
        .agg(events=pl.len(), persons=pl.col("person").n_unique())
        .sort("plan")
    )


def revenue_by_country(frames: Frames) -> pl.LazyFrame:
    return (
        frames.events.filter(_event("paid"))
        .select(
            country=_text("$geoip_country_code"),
            device=_text("$device_type"),
            amount=_text("amount").cast(pl.Float64, strict=False),
        )
        .filter((pl.col("device") != "Mobile") & (pl.col("amount") > 50))
        .group_by("country")
        .agg(payments=pl.len(), revenue=pl.col("amount").sum())
        .sort("country")
    )


def entry_pages(frames: Frames) -> pl.LazyFrame:
    bounced = (pl.col("views") == 1) & (pl.col("clicks") == 0) & (pl.col("duration") < 10)
    return (
        _sessions(
            frames,
            properties=pl.col("properties").get(pl.col("timestamp").arg_min()),
            views=_event("$pageview").sum(),
            clicks=_event("$autocapture").sum(),
        )
        .group_by(page=_text("$current_url").str.extract("^[a-z]+://[^/]*([^?#]*)", 1))
        .agg(sessions=pl.len(), bounces=bounced.sum(), seconds=pl.col("duration").mean())
        .sort("sessions", "page", descending=[True, False])
        .head(20)
    )


ANSWERS: dict[str, Callable[[Frames], pl.LazyFrame]] = {
    answer.__name__: answer
    for answer in (
        events_by_day_and_browser, persons_by_day, funnel, weekly_retention, session_duration_by_day, top_pages,
        next_pages, events_by_plan_of_person, revenue_by_country, entry_pages,
    )
}  # fmt: skip
