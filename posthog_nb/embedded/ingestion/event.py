"""An event as capture hands it to the pipeline."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

__all__ = ["Batch", "CapturedEvent"]


@dataclass(slots=True)
class CapturedEvent:
    """One event, checked and placed in time.

    Attributes:
        uuid: The sender's, or one made here; an event is stored once for each.
        event: The event's name.
        distinct_id: At most 200 characters.
        properties: The event's properties; a root ``$set``, ``$set_once`` or ``$unset`` is folded in.
        timestamp: When it happened, in UTC, the sender's clock corrected.
    """

    uuid: UUID
    event: str
    distinct_id: str
    properties: dict[str, Any]
    timestamp: datetime


@dataclass(frozen=True, slots=True)
class Batch:
    """What one capture request held.

    Attributes:
        token: The project token, well shaped; whether any project has it is for the caller to say.
        events: In the order they were sent.
        historical: Whether the sender marked them as a migration of old events.
    """

    token: str
    events: list[CapturedEvent]
    historical: bool
