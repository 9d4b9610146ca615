"""What a timeline says of one event: its page or screen, a few of its properties, and whom it made one with whom."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from posthog_nb.operations.card import shortened
from posthog_nb.operations.event import MERGED_ID

if TYPE_CHECKING:
    from collections.abc import Mapping

    from posthog_nb.operations.journey import Step

__all__ = ["Told", "told"]

_PROPERTIES = 4
_LONGEST_VALUE = 60
_LONGEST_NAME = 200
_SETS = frozenset({"$identify", "$set"})


@dataclass(frozen=True, slots=True)
class Told:
    """What is said of an event.

    Attributes:
        event: Its name.
        where: The page or the screen.
        details: Some of its properties, ``name=value``.
        further: How many more of its own it has; PostHog's, whose names begin with a dollar sign, do not count.
        moment: What it did to the person.
    """

    event: str
    where: str | None
    details: tuple[str, ...]
    further: int
    moment: str | None


def told(step: Step) -> Told:
    """What a timeline says of ``step``."""
    where, used = _where(step)
    own = {
        name: value
        for name, value in step.properties.items()
        # A web SDK puts the project's token among them, and an alias repeats the ids.
        if not name.startswith("$") and name not in used and name != "token"
    }
    if step.event in _SETS:
        own |= {**_object(step, "$set_once"), **_object(step, "$set")}
    shown = tuple(f"{shortened(name, _LONGEST_VALUE)}={_short(own[name])}" for name in list(own)[:_PROPERTIES])
    return Told(shortened(step.event, _LONGEST_NAME), where, shown, len(own) - len(shown), _moment(step))


def _where(step: Step) -> tuple[str | None, frozenset[str]]:
    """The page or screen, and the properties of the event's own that say it already."""
    properties = step.properties
    if step.event in MERGED_ID:
        return None, frozenset({"alias", "distinct_id"})
    for name in ("$screen_name", "$pathname", "$current_url"):
        if found := properties.get(name):
            return shortened(str(found)), _twice(properties)
    if step.event == "$pageview" and (found := properties.get("title")):
        return shortened(str(found)), frozenset({"title", "name"} if _twice(properties) else {"title"})
    return None, frozenset()


def _twice(properties: Mapping[str, Any]) -> frozenset[str]:
    # ph.page() sends a page's name as both.
    return frozenset({"name"}) if properties.get("name") == properties.get("title") else frozenset()


def _moment(step: Step) -> str | None:
    if (name := MERGED_ID.get(step.event)) is None:
        return None
    other, own = step.properties.get(name), shortened(step.distinct_id, _LONGEST_VALUE)
    if not other or other == step.distinct_id:
        return f"identified as {own}" if step.event == "$identify" else None
    known = _short(other)
    return f"{known} is now {own}" if step.event == "$identify" else f"{known} and {own} are one person"


def _object(step: Step, name: str) -> Mapping[str, Any]:
    found = step.properties.get(name)
    return found if isinstance(found, dict) else {}


def _short(value: object) -> str:
    return shortened(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False), _LONGEST_VALUE)
