"""PostHog's funnels, one event after another: a slow and obvious reading of ``funnel-udf/src`` for the tests.

An event is ``(moment, steps, excluded, value)``: its time, the numbers of the steps that it is, counted from 1, those
of the steps that it bars the way to, and the value of the breakdown. A way is the times of the steps that were come to.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import groupby
from typing import NamedTuple

__all__ = ["Event", "ordered_trend", "ordered_way", "unordered_trend", "unordered_way"]


class Event(NamedTuple):
    """What a person did."""

    moment: int
    steps: tuple[int, ...] = ()
    excluded: tuple[int, ...] = ()
    value: str = ""

    @property
    def signed(self) -> tuple[int, ...]:
        """Its steps, and what it bars as negative ones, as PostHog hands them over."""
        return (*self.steps, *(-step for step in self.excluded))


@dataclass(frozen=True)
class _Entered:
    """How someone came to a step (``EnteredTimestamp``)."""

    start: int | None = None
    excluded: bool = False
    times: tuple[int, ...] = ()
    events: tuple[int, ...] = ()


class _Ordered:
    """``AggregateFunnelRow`` of ``steps.rs``."""

    def __init__(self, last: int, window: int, *, strict: bool, of_step: int | None = None, value: str = "") -> None:
        self.last, self.window, self.strict, self.of_step, self.value = last, window, strict, of_step, value
        self.entered = [_Entered()] * (last + 1)
        self.furthest = 0
        self.best = _Entered()

    def way(self, events: list[Event]) -> tuple[int, ...] | None:
        numbered = list(enumerate(events))
        for moment, group in groupby(numbered, lambda pair: pair[1].moment):
            at_once = list(group)
            self.entered[0] = _Entered(moment)
            if len({event.signed for _, event in at_once}) == 1:
                for number, event in at_once:
                    self.process(number, event, several=False)
            else:
                single = [(step, number, event) for number, event in at_once for step in event.steps]
                for step, number, event in sorted(single, key=lambda each: each[0]):
                    self.process(number, event._replace(steps=(step,), excluded=()), several=True)
            if self.entered[self.last].start is not None:
                break
        return None if self.best.excluded or not self.furthest else self.best.times

    def process(self, number: int, event: Event, *, several: bool) -> None:  # noqa: C901 - as PostHog's own
        for signed in reversed(event.signed):
            step = abs(signed)
            before, here = self.entered[step - 1], self.entered[step]
            if before.start is None or event.moment - before.start > self.window or here.start == before.start:
                continue
            if signed < 0:
                if not before.excluded:
                    self.entered[step - 1] = replace(before, excluded=True)
                    if self.furthest == step - 1 and event.moment - (self.best.start or 0) <= self.window:
                        self.best = replace(self.best, excluded=True)
                continue
            if self.of_step == step - 1 and event.value != self.value:
                continue
            if several and number in before.events:
                continue
            new = _Entered(before.start, before.excluded, (*before.times, event.moment), (*before.events, number))
            if not before.excluded:
                self.entered[step] = new
            if step > self.furthest or (step == self.furthest and self.best.excluded):
                self.furthest, self.best = step, new
        if self.strict and not several:
            for step in range(1, self.last + 1):
                if step not in event.steps:
                    self.entered[step] = _Entered()


def ordered_way(
    events: list[Event], last: int, window: int, *, strict: bool = False, of_step: int | None = None, value: str = ""
) -> tuple[int, ...] | None:
    """The way through an ordered or strict funnel; None where the person is not counted."""
    return _Ordered(last, window, strict=strict, of_step=of_step, value=value).way(events)


class _Unordered:
    """``AggregateFunnelRowUnordered`` of ``unordered_steps.rs``: a queue for each step."""

    def __init__(self, last: int, window: int, of_step: int | None, value: str) -> None:
        self.last, self.window, self.of_step, self.value = last, window, of_step, value
        self.queues: list[list[Event]] = [[] for _ in range(last)]
        self.best: tuple[int, ...] = ()

    @property
    def completed(self) -> int:
        return sum(bool(queue) for queue in self.queues)

    def update(self) -> None:
        if self.completed > len(self.best):
            self.best = tuple(sorted(queue[0].moment for queue in self.queues if queue))

    def way(self, events: list[Event]) -> tuple[int, ...] | None:
        for number, event in enumerate(events):
            self.process(event)
            if len(self.best) == self.last:
                break
            if number == len(events) - 1:
                self.update()
        return self.best or None

    def process(self, event: Event) -> None:
        while any(self.queues):
            oldest = min((queue for queue in self.queues if queue), key=lambda queue: queue[0].moment)
            if self.completed < self.last and oldest[0].moment + self.window >= event.moment:
                break
            self.update()
            oldest.pop(0)
        self.put(event)

    def put(self, event: Event) -> None:
        if not event.steps:
            self.queues = [[] for _ in range(self.last)]
            return
        step = min(event.steps, key=lambda each: self.queues[each - 1][-1].moment if self.queues[each - 1] else 0)
        if self.of_step is not None and self.completed == self.of_step and event.value != self.value:
            return
        self.queues[step - 1].append(event)


def unordered_way(
    events: list[Event], last: int, window: int, *, of_step: int | None = None, value: str = ""
) -> tuple[int, ...] | None:
    """The way through an unordered funnel, in the order of time; None where the person is not counted."""
    # PostHog leaves out an event between two others of its kind before it begins.
    kept = [
        event
        for before, event, after in zip([events[-1], *events], events, [*events[1:], events[0]], strict=False)
        if not (
            len(event.signed) <= 1
            and event.signed == before.signed == after.signed
            and event.value == before.value == after.value
            and before.moment < event.moment < after.moment
        )
    ]
    return _Unordered(last, window, of_step, value).way(kept)


def ordered_trend(
    events: list[tuple[Event, int]],
    last: int,
    window: int,
    *,
    strict: bool,
    of_step: int | None = None,
    value: str = "",
) -> dict[int, int]:
    """The furthest step of each interval, of events with theirs: ``trends.rs`` without exclusions."""
    entered: dict[int, list[int]] = {}
    furthest: dict[int, int] = {}
    for event, interval in events:
        for step in reversed(event.steps):
            if of_step == step - 1 and event.value != value:
                continue
            if step == 1:
                entered.setdefault(interval, [0] * (last + 1))[1] = event.moment
                furthest.setdefault(interval, 1)
                continue
            for each, starts in entered.items():
                start = starts[step - 1]
                if start and event.moment - start <= window and starts[step] != start:
                    starts[step] = start
                    furthest[each] = max(furthest[each], step)
        if strict:
            for starts in entered.values():
                starts[1:] = [start if step in event.steps else 0 for step, start in enumerate(starts)][1:]
    return furthest


def unordered_trend(
    events: list[tuple[Event, int]], last: int, window: int, *, of_step: int | None = None, value: str = ""
) -> dict[int, int]:
    """How many steps were done from an event of each interval on: ``unordered_trends.rs``."""
    queues: list[list[tuple[Event, int]]] = [[] for _ in range(last)]
    best: dict[int, int] = {}

    def pop(now: int, *, at_the_end: bool) -> None:
        while any(queues):
            oldest = min((queue for queue in queues if queue), key=lambda queue: queue[0][0].moment)
            completed = sum(bool(queue) for queue in queues)
            event, interval = oldest[0]
            if not (at_the_end or completed >= last or event.moment + window < now):
                break
            best[interval] = max(best.get(interval, 0), completed)
            oldest.pop(0)

    for event, interval in events:
        pop(event.moment, at_the_end=False)
        if not event.steps:
            queues = [[] for _ in range(last)]
        elif of_step != sum(bool(queue) for queue in queues) or event.value == value:
            step = min(event.steps, key=lambda each: queues[each - 1][-1][0].moment if queues[each - 1] else 0)
            queues[step - 1].append((event, interval))
    if events:
        pop(events[-1][0].moment, at_the_end=True)
    return best
