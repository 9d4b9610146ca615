"""Cutting a stream of events into requests.

PostHog takes up to 20 MiB in a batch of v0 and 50 MiB in one of v1, packed up to 10 MiB; its own SDKs close a batch at
5 MiB of JSON, and so does this, which keeps well below each of the limits, packed or not: gzip never makes JSON larger
by more than a few bytes. PostHog sets no limit to the number of events. The SDKs take 100, since they wait for the next
event to come along; here the events are there already, and fewer requests are less waiting. With 500 events, an answer
that is lost still leaves little to be sent a second time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from posthog_nb.operations.delivery import Encoded

__all__ = ["MOST_BYTES", "USUAL_EVENTS", "batches"]

MOST_BYTES = 5 * 1024 * 1024
USUAL_EVENTS = 500


def batches(
    events: Iterable[Encoded], most_events: int = USUAL_EVENTS, most_bytes: int = MOST_BYTES
) -> Iterator[list[Encoded]]:
    """The events in their order, in lists within both limits.

    A list that has the most events is given before the next event is read.

    Args:
        events: Each smaller than ``most_bytes``.
        most_events: The most events in one list.
        most_bytes: The most bytes of JSON in one list, commas included.
    """
    batch: list[Encoded] = []
    size = 0
    for event in events:
        added = len(event.data) + 1
        if batch and size + added > most_bytes:
            yield batch
            batch, size = [], 0
        batch.append(event)
        size += added
        if len(batch) == most_events:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch
