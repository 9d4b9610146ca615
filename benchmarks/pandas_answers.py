"""The ten questions of :mod:`questions`, answered by pandas from events with their properties as JSON text."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pandas as pd

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

__all__ = ["ANSWERS", "Frames"]

DAY = 86_400
_STEPS = {"$pageview": 1, "added to cart": 2, "checked out": 3, "paid": 4}


class Frames:
    """Events, overrides and persons, in memory."""

    def __init__(self, folder: Path) -> None:
        self.events = pd.read_parquet(folder / "events.parquet")
        self.events["timestamp"] = self.events["timestamp"].dt.tz_localize(None)
        self.events["event"] = self.events["event"].astype("category")
        self.overrides = pd.read_parquet(folder / "overrides.parquet").set_index("distinct_id")["person_id"]
        self.persons = pd.read_parquet(folder / "persons.parquet")

    def only(self, *events: str) -> pd.DataFrame:
        """The events of these names."""
        return self.events[self.events["event"].isin(events)]

    def persons_of(self, events: pd.DataFrame) -> pd.Series[str]:
        """The person that each event belongs to now."""
        return events["distinct_id"].map(self.overrides).fillna(events["person_id"])


def _properties(events: pd.DataFrame, **keys: str) -> pd.DataFrame:
    """Columns of properties; each JSON text is read once."""
    read = [json.loads(text) for text in events["properties"]]
    return pd.DataFrame({name: [values.get(key) for values in read] for name, key in keys.items()}, index=events.index)


def _day(times: pd.Series[Any]) -> pd.Series[Any]:
    return times.dt.floor("D")


def _second(times: pd.Series[Any]) -> pd.Series[Any]:
    return times.dt.floor("s").astype("datetime64[s]").astype("int64")


def _within(times: pd.Series[Any], begin: str, end: str) -> pd.Series[bool]:
    return (times >= begin) & (times < end)


def events_by_day_and_browser(frames: Frames) -> pd.DataFrame:
    """Count."""
    views = frames.only("$pageview")
    keys = _properties(views, browser="$browser").assign(day=_day(views["timestamp"]))
    return keys.groupby(["day", "browser"], dropna=False).size().reset_index()


def persons_by_day(frames: Frames) -> pd.DataFrame:
    """Unique persons."""
    persons = frames.persons_of(frames.events)
    return persons.groupby(_day(frames.events["timestamp"])).nunique().reset_index()


def funnel(frames: Frames) -> pd.DataFrame:
    """How many persons came how far within a day."""
    events = frames.only(*_STEPS)
    steps = pd.DataFrame({
        "person": frames.persons_of(events),
        "at": _second(events["timestamp"]),
        "step": events["event"].map(_STEPS).astype("int8"),
    }).sort_values(["person", "at", "step"], ignore_index=True)  # fmt: skip
    # The start of the latest chain that has come so far as each step, within a day of it.
    started = steps["at"].where(steps["step"] == 1).groupby(steps["person"]).ffill()
    depth = started.notna().astype("int8")
    for step in (2, 3, 4):
        reached = (steps["step"] == step) & (steps["at"] - started <= DAY)
        started = started.where(reached).groupby(steps["person"]).ffill()
        depth += started.notna()
    return depth.groupby(steps["person"]).max().value_counts().sort_index().reset_index()


def weekly_retention(frames: Frames) -> pd.DataFrame:
    """Persons by first week and weeks since."""
    views = frames.only("$pageview")
    sunday = _day(views["timestamp"]) - pd.to_timedelta((views["timestamp"].dt.dayofweek + 1) % 7, unit="D")
    active = pd.DataFrame({"person": frames.persons_of(views), "week": sunday}).drop_duplicates()
    active["first"] = active.groupby("person")["week"].transform("min")
    active["later"] = (active["week"] - active["first"]).dt.days // 7
    return active.groupby(["first", "later"]).size().reset_index()


def _sessions(frames: Frames, *keys: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The events round about February, and the sessions that began in it."""
    events = frames.events[_within(frames.events["timestamp"], "2026-01-31", "2026-03-02")]
    events = events.join(_properties(events, session="$session_id", **{key: key for key in keys}))
    sessions = events.groupby("session")["timestamp"].agg(["min", "max"])
    sessions = sessions[_within(sessions["min"], "2026-02-01", "2026-03-01")]
    return events, sessions.assign(duration=_second(sessions["max"]) - _second(sessions["min"]))


def session_duration_by_day(frames: Frames) -> pd.DataFrame:
    """Sessions, their mean duration and how many were long."""
    _, sessions = _sessions(frames)
    sessions["long"] = sessions["duration"] >= 600
    by_day = sessions.groupby(_day(sessions["min"]))
    return by_day.agg(sessions=("duration", "size"), seconds=("duration", "mean"), long=("long", "sum")).reset_index()


def top_pages(frames: Frames) -> pd.DataFrame:
    """Views and unique persons."""
    views = frames.only("$pageview")
    pages = _properties(views, path="$pathname").assign(person=frames.persons_of(views))
    counted = pages.groupby("path", dropna=False)["person"].agg(["size", "nunique"]).reset_index()
    return counted.sort_values(["size", "path"], ascending=[False, True]).head(20)


def next_pages(frames: Frames) -> pd.DataFrame:
    """From which page to which."""
    views = frames.only("$pageview")
    views = views[_within(views["timestamp"], "2026-02-01", "2026-03-01")]
    pages = _properties(views, path="$pathname", session="$session_id").assign(at=views["timestamp"])
    pages = pages.sort_values(["session", "at"])
    pages["next"] = pages.groupby("session")["path"].shift(-1)
    counted = pages.dropna(subset="next").groupby(["path", "next"]).size().rename("times").reset_index()
    return counted.sort_values(["times", "path", "next"], ascending=[False, True, True]).head(20)


def events_by_plan_of_person(frames: Frames) -> pd.DataFrame:
    """Events and unique persons."""
    views = frames.only("$pageview")
    plans = _properties(frames.persons, plan="plan").set_index(frames.persons["id"])["plan"]
    persons = frames.persons_of(views)
    counted = persons.groupby(persons.map(plans), dropna=False).agg(["size", "nunique"])
    return counted.reset_index()


def revenue_by_country(frames: Frames) -> pd.DataFrame:
    """Payments and their sum."""
    payments = _properties(frames.only("paid"), country="$geoip_country_code", device="$device_type", amount="amount")
    payments = payments[(payments["device"] != "Mobile") & (payments["amount"] > 50)]
    return payments.groupby("country")["amount"].agg(["size", "sum"]).reset_index()


def entry_pages(frames: Frames) -> pd.DataFrame:
    """Sessions, bounces and mean duration by the page they began on."""
    events, sessions = _sessions(frames, "$current_url")
    first = events.loc[events.groupby("session")["timestamp"].idxmin(), ["session", "$current_url"]]
    urls = first.set_index("session")["$current_url"]
    sessions["page"] = urls.str.extract("^[a-z]+://[^/]*([^?#]*)", expand=False)
    for name, event in (("views", "$pageview"), ("clicks", "$autocapture")):
        sessions[name] = events.loc[events["event"] == event, "session"].value_counts()
    bounced = (sessions["views"] == 1) & sessions["clicks"].isna() & (sessions["duration"] < 10)
    counted = sessions.assign(bounced=bounced).groupby("page", as_index=False)
    counted = counted.agg(sessions=("views", "size"), bounces=("bounced", "sum"), seconds=("duration", "mean"))
    return counted.sort_values(["sessions", "page"], ascending=[False, True]).head(20)


ANSWERS: dict[str, Callable[[Frames], pd.DataFrame]] = {
    answer.__name__: answer
    for answer in (
        events_by_day_and_browser, persons_by_day, funnel, weekly_retention, session_duration_by_day, top_pages,
        next_pages, events_by_plan_of_person, revenue_by_country, entry_pages,
    )
}  # fmt: skip
