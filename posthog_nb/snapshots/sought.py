"""What is looked for in answers: properties, and ids; and what of it reaches a value."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from itertools import zip_longest
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = ["DISTINCT_IDS", "NOTHING", "OWN_COLUMNS", "PERSON_IDS", "PROPERTIES", "Reach", "Sought"]

DISTINCT_IDS = ("distinct_id", "distinct_ids", "$distinct_id", "$anon_distinct_id", "alias", "$device_id", "$user_id")
"""Columns and properties that hold distinct ids."""

PERSON_IDS = ("person_id", "person_ids", "event_person_id")
"""Columns that hold persons' UUIDs, which PostHog derives from distinct ids."""

PROPERTIES = frozenset({"properties", "person_properties", "group_properties", "$set", "$set_once"})
"""What holds properties, as one JSON text."""

OWN_COLUMNS = frozenset({"uuid", "event", "timestamp", "created_at", "elements_chain", "id"})
"""PostHog's own columns, which are not the property of that name."""
_KEYWORD = re.compile(r"[\w$]+")


@dataclass(frozen=True)
class Reach:
    """What reaches a column.

    Attributes:
        properties: The properties sought that do.
        ids: ``"distinct"`` and ``"person"``, for ids.
        whole: Whether it may be the JSON of all properties.
        parts: Of tuples, and of lists of them, what reaches each element; empty where that is not known.
    """

    properties: frozenset[str] = frozenset()
    ids: frozenset[str] = frozenset()
    whole: bool = False
    parts: tuple[Reach, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.properties or self.ids or self.whole)

    def __or__(self, other: Reach) -> Reach:
        # An element that only one of the two has is that one's.
        parts = tuple(one | another for one, another in zip_longest(self.parts, other.parts, fillvalue=NOTHING))
        known = all(one.parts or not one for one in (self, other))
        return Reach(
            self.properties | other.properties,
            self.ids | other.ids,
            self.whole or other.whole,
            parts if known else (),
        )

    @property
    def flat(self) -> Reach:
        """The same without its parts."""
        return replace(self, parts=())

    @property
    def depth(self) -> int:
        """How deep tuples stand in tuples."""
        return 1 + max(part.depth for part in self.parts) if self.parts else 0


NOTHING = Reach()


@dataclass(frozen=True)
class Sought:
    """What to look for: properties by name, and whether ids as well."""

    properties: frozenset[str]
    ids: bool
    _words: re.Pattern[str] | None = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        names = "|".join(re.escape(name) for name in sorted(self.properties, key=len, reverse=True))
        object.__setattr__(self, "_words", re.compile(rf"(?<![\w$])(?:{names})(?![\w$])") if names else None)

    @property
    def everything(self) -> Reach:
        """What may be in a text that was made of all properties."""
        return Reach(self.properties, frozenset() if self.properties or not self.ids else frozenset({"distinct"}))

    @property
    def all_columns(self) -> Reach:
        """What may be in a table."""
        return Reach(self.properties, frozenset({"distinct", "person"} if self.ids else ()), whole=True)

    def at(self, path: Sequence[str]) -> Reach:
        """What a name, or a way through JSON, leads to."""
        found = frozenset(path) & self.properties
        if self._words is not None:
            found |= frozenset(self._words.findall(".".join(path)))
        whole = bool(path) and path[-1] in PROPERTIES
        return Reach(found, self._ids(path[-1:]), whole)

    def named(self, name: str) -> Reach:
        """What a column is by its name: a property's own, perhaps after where it is from, or an id's."""
        steps = name.split(".")
        ways = {".".join(steps[place:]) for place in range(len(steps))}
        return Reach(frozenset() if name in OWN_COLUMNS else self.properties & ways, self._ids(steps[-1:]))

    def called(self, name: str) -> Reach:
        """What the name of a column says, word by word."""
        found = frozenset(self._words.findall(name)) if self._words is not None else frozenset()
        return Reach(found, self._ids([name, *_KEYWORD.findall(name)]))

    def _ids(self, names: Iterable[str]) -> frozenset[str]:
        found = set(names) if self.ids else set()
        return frozenset(
            kind for kind, known in (("distinct", DISTINCT_IDS), ("person", PERSON_IDS)) if not found.isdisjoint(known)
        )
