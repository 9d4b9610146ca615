"""Whom an event would merge: looked up before it is sent, as PostHog never takes a merge back.

PostHog merges the person of the other id (``alias``, or ``$anon_distinct_id``) into the person of the event's distinct
id, unless the other is identified already: then it keeps the event and merges nobody. ``$merge_dangerously`` has no
such guard.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from posthog_nb.errors import PostHogError
from posthog_nb.http import Deadline
from posthog_nb.operations.arrival import need_to_read
from posthog_nb.operations.event import merged_id
from posthog_nb.operations.person import GENERATED_ID, as_object, name_of
from posthog_nb.operations.queries import run

if TYPE_CHECKING:
    from posthog_nb.connection import Connection
    from posthog_nb.operations.event import Event

__all__ = ["Merge", "Side", "merge_of"]

_SECONDS = 20.0
_IDS_TOLD = 5


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two ids, and whose it is.

    Attributes:
        distinct_id: The id.
        uuid: The person's UUID; None when no person has the id, and what follows is then empty.
        name: What PostHog would call the person.
        ids: Some of the person's distinct ids, those that somebody chose first.
        id_count: How many there are.
        identified: Whether the person is identified already.
        events: How many events the person has; None when counting took too long.
    """

    distinct_id: str
    uuid: str | None = None
    name: str = ""
    ids: tuple[str, ...] = ()
    id_count: int = 0
    identified: bool = False
    events: int | None = None


@dataclass(frozen=True, slots=True)
class Merge:
    """What an event would do to two ids, as things stand.

    Attributes:
        kept: The event's own distinct id.
        merged: The other id.
        outcome: ``"merge"``, ``"refused"`` (the other person is identified already), ``"same"`` (one person has both)
            or ``"added"`` (an id that nobody has becomes one more of the other's, or both become a new person's).
    """

    kept: Side
    merged: Side
    outcome: Literal["merge", "refused", "same", "added"]

    @property
    def sentence(self) -> str:
        """The same for a reader."""
        kept, merged = self.kept, self.merged
        match self.outcome:
            case "merge":
                return f"{merged.name} is merged into {kept.name}: one person from then on. This cannot be undone."
            case "refused":
                return (
                    f"PostHog will refuse to merge: {merged.name}, who has {merged.distinct_id!r}, is identified "
                    "already. The event is kept, and the two stay two persons."
                )
            case "same":
                return f"Both ids are those of {kept.name} already: the event is kept, and nobody is merged."
        known = kept if kept.uuid else merged
        new = merged if kept.uuid else kept
        if known.uuid:
            return f"No person has {new.distinct_id!r} yet: it becomes one more id of {known.name}, for good."
        return "No person has either id yet: a new person gets both, for good."


def merge_of(connection: Connection, event: Event) -> Merge | None:
    """What ``event`` would merge; None for an event that merges nobody.

    Raises:
        PostHogError: it could not be looked up.
    """
    other = merged_id(event.event, event.properties)
    if other is None:
        return None
    sides = _sides(connection, [event.distinct_id, other])
    kept, merged = sides[event.distinct_id], sides[other]
    if kept.uuid is None or merged.uuid is None:
        return Merge(kept, merged, "added")
    if kept.uuid == merged.uuid:
        return Merge(kept, merged, "same")
    refused = merged.identified and event.event != "$merge_dangerously"
    return Merge(kept, merged, "refused" if refused else "merge")


def _sides(connection: Connection, distinct_ids: list[str]) -> dict[str, Side]:
    need_to_read(connection)  # an embedded project starts with this, which is not waiting for an answer
    deadline = Deadline(_SECONDS)

    def rows(query: str, **values: object) -> list[Any]:
        left = max(deadline.left(), 1.0)
        result = run(connection, query, limit=2, values=values, fresh=True, timeout=left)
        return list(result.rows)

    owners: dict[str, str] = dict(
        rows(
            "SELECT distinct_id, toString(person_id) FROM person_distinct_ids WHERE distinct_id IN {ids}",
            ids=distinct_ids,
        )
    )
    sides = {distinct_id: Side(distinct_id) for distinct_id in distinct_ids}
    if not owners:
        return sides
    first, last = min(owners.values()), max(owners.values())
    both = {"first": first, "last": last}
    these = "(toUUID({first}), toUUID({last}))"
    about = {
        uuid: (as_object(properties), bool(identified))
        for uuid, properties, identified in rows(
            f"SELECT toString(id), properties, is_identified FROM persons WHERE id IN {these}", **both
        )
    }
    ids = {
        uuid: (count, tuple(some))
        for uuid, count, some in rows(
            "SELECT toString(person_id), count(DISTINCT distinct_id), arraySlice("
            "arraySort(x -> (match(x, {generated}), x), groupUniqArray(distinct_id)), 1, {told})"
            f" FROM person_distinct_ids WHERE person_id IN {these} GROUP BY person_id",
            generated=GENERATED_ID,
            told=_IDS_TOLD,
            **both,
        )
    }
    try:
        counted: dict[str, int] | None = dict(
            rows(
                f"SELECT toString(person_id), count() FROM events WHERE person_id IN {these} GROUP BY person_id", **both
            )
        )
    except PostHogError:
        # A person's events lie all over a project's years. Who it is matters more than how often.
        counted = None
    for distinct_id, uuid in owners.items():
        properties, identified = about.get(uuid, ({}, False))
        count, some = ids.get(uuid, (1, (distinct_id,)))
        sides[distinct_id] = Side(
            distinct_id=distinct_id,
            uuid=uuid,
            name=name_of(properties, some, uuid),
            ids=some,
            id_count=count,
            identified=identified,
            events=None if counted is None else counted.get(uuid, 0),
        )
    return sides
