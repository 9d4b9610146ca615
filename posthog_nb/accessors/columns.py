"""Which column of a frame is what of an event: given by name, or recognised by it."""

from __future__ import annotations

import difflib
import re
from collections import Counter
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

from posthog_nb.errors import InvalidInputError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = ["NAMES", "Given", "check_names", "column_of", "missing"]

NAMES: dict[str, tuple[str, ...]] = {
    "event": ("event", "event_name", "event_type", "action", "activity"),
    "distinct_id": (
        "distinct_id", "user_id", "user", "uid", "customer_id", "client_id", "visitor_id", "anonymous_id", "device_id",
    ),
    "person": ("person_id", "person"),
    "timestamp": ("timestamp", "event_timestamp", "event_time", "time", "datetime", "date", "ts", "created_at"),
    "properties": ("properties", "event_properties"),
    "person_properties": ("person_properties",),
    "session": ("$session_id", "session_id", "session"),
    "uuid": ("uuid",),
}  # fmt: skip
"""The names that a column of each kind is recognised by, PostHog's own first. Letters count in either case, and
what is no letter or digit does not count: ``eventName`` is ``event_name``."""


@dataclass(frozen=True)
class Given:
    """The columns that somebody named; None for one that is to be recognised.

    Attributes:
        event: What happened: text.
        distinct_id: Who did it: text, whole numbers or UUIDs.
        person: The person, where one has several distinct ids.
        timestamp: When: times.
        properties: Objects or JSON text.
        person_properties: The same of the person.
        session: The session.
        uuid: The event's own id.
    """

    event: str | None = None
    distinct_id: str | None = None
    person: str | None = None
    timestamp: str | None = None
    properties: str | None = None
    person_properties: str | None = None
    session: str | None = None
    uuid: str | None = None

    def check(self, names: Sequence[str]) -> None:
        """Refuse a name that the frame does not have, and one that is given twice.

        Raises:
            InvalidInputError: it is so.
        """
        given = {one.name: getattr(self, one.name) for one in fields(self) if getattr(self, one.name) is not None}
        for argument, name in given.items():
            if not isinstance(name, str):
                raise InvalidInputError(
                    f"{argument}= is of type {type(name).__name__}, not text.", hint="Give the name of a column."
                )
            if name not in names:
                raise InvalidInputError(
                    f"The frame has no column {name!r}, which {argument}= names.", hint=_like(name, names)
                )
        twice = [name for name, count in Counter(given.values()).items() if count > 1]
        if twice:
            arguments = " and ".join(f"{argument}=" for argument, name in given.items() if name == twice[0])
            raise InvalidInputError(f"{arguments} name one column, {twice[0]!r}.", hint="Each needs one of its own.")


def check_names(names: Iterable[object]) -> list[str]:
    """A frame's names, which are text and all different.

    Raises:
        InvalidInputError: they are not.
    """
    found = []
    for name in names:
        if not isinstance(name, str):
            raise InvalidInputError(
                f"The frame has a column {name!r}, whose name is of type {type(name).__name__}, not text.",
                hint="Rename it: df.columns = [str(name) for name in df.columns].",
            )
        found.append(name)
    twice = [name for name, count in Counter(found).items() if count > 1]
    if twice:
        raise InvalidInputError(f"The frame has two columns {twice[0]!r}.", hint="Rename or drop one of them.")
    return found


def column_of(role: str, given: Given, names: Sequence[str]) -> str | None:
    """The column that is ``role``; None when the frame has none.

    Args:
        role: A key of :data:`NAMES`.
        given: The names that somebody gave.
        names: The frame's names.

    Raises:
        InvalidInputError: several columns may be meant.
    """
    named: str | None = getattr(given, role)
    if named is not None:
        return named
    taken = {getattr(given, one.name) for one in fields(given)}
    free = [name for name in names if name not in taken]
    if NAMES[role][0] in free:
        # PostHog's own name says exactly this; beside it a "user_id" is a property.
        return NAMES[role][0]
    known = {_plain(name) for name in NAMES[role]}
    found = [name for name in free if _plain(name) in known]
    if len(found) > 1:
        raise InvalidInputError(
            f"{' and '.join(map(repr, found))} may both be the {role}."
            if len(found) == 2  # noqa: PLR2004 - two
            else f"{', '.join(map(repr, found))} may each be the {role}.",
            hint=f"Say which: df.posthog({role}={found[0]!r}).",
        )
    return found[0] if found else None


def missing(role: str, what: str, names: Sequence[str]) -> InvalidInputError:
    """The error where no column says ``what``."""
    return InvalidInputError(
        f"The frame has no column that says {what}, the {role}.",
        hint=f'It has {", ".join(map(repr, names)) or "no columns"}. Name the one, df.posthog({role}="..."), or call'
        f" it one of {', '.join(NAMES[role])}. The index of a pandas frame becomes a column by reset_index().",
    )


def _plain(name: str) -> str:
    # The dollar sign of a name of PostHog's own counts.
    return re.sub(r"[^a-z0-9$]", "", name.lower())


def _like(name: object, names: Sequence[str]) -> str:
    close = difflib.get_close_matches(str(name), names, n=1)
    meant = f"Did you mean {close[0]!r}? " if close else ""
    return f"{meant}It has {', '.join(map(repr, names)) or 'no columns'}."
