"""What becomes of a form's event: held until it is sure, sent once, kept when it failed, noted when it went."""

from __future__ import annotations

import logging
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum
from typing import TYPE_CHECKING, Any

from posthog_nb.errors import ConfigurationError, InvalidInputError, PostHogError
from posthog_nb.notebook.forms.code import call
from posthog_nb.operations.capture import send
from posthog_nb.operations.event import merged_id
from posthog_nb.operations.merging import merge_of
from posthog_nb.settings.prompt import nobody_asked
from posthog_nb.uuid7 import uuid7

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from posthog_nb.connection import Connection
    from posthog_nb.notebook.forms.draft import Reading
    from posthog_nb.notebook.forms.kinds import Kind
    from posthog_nb.operations.capture import Receipt
    from posthog_nb.operations.event import Event
    from posthog_nb.operations.merging import Merge

__all__ = ["Outbox", "Sent", "State"]

logger = logging.getLogger("posthog_nb.forms")


class State(Enum):
    """Where an event is."""

    EDITING = "it can be edited, and sent"
    CONFIRMING = "it would merge persons, and waits for a second press"
    LOOKING = "whom it would merge is being looked up"
    SENDING = "it is on its way"
    SENT = "PostHog took it"
    FAILED = "it is kept, to be sent again"


@dataclass(frozen=True)
class Sent:
    """One try of one event.

    Attributes:
        time: When it was tried, in UTC.
        event: The event's name.
        distinct_id: Whose event it is.
        uuid: The event's uuid.
        status: The HTTP status; None when there was no answer.
        outcome: ``"sent"``, or the name of the error.
        code: The same as Python. Run again it is stored once, as it has the uuid.
    """

    time: datetime
    event: str
    distinct_id: str
    uuid: str
    status: int | None
    outcome: str
    code: str


class Outbox:
    """One form's events, one after the other.

    Args:
        connection: Where they go.
        kind: The form.
        changed: Called whenever the state is another.
    """

    def __init__(self, connection: Connection, kind: Kind, changed: Callable[[], object]) -> None:
        self._connection = connection
        self._kind = kind
        self._changed = changed
        self._kept: list[tuple[Event, dict[str, Any]]] = []
        self.uuid = str(uuid7())
        self.state = State.EDITING
        self.merge: Merge | None = None
        self.unknown_merge: PostHogError | None = None
        self.receipt: Receipt | None = None
        self.error: BaseException | None = None
        self.latest: Event | None = None
        self.history: list[Sent] = []

    @property
    def unsent(self) -> Event | None:
        """Of the events that failed and are kept, the one that failed last."""
        return self._kept[-1][0] if self._kept else None

    def edited(self) -> None:
        """Something was edited: what was asked about before is not what is there now."""
        if self.state in {State.CONFIRMING, State.SENT, State.FAILED}:
            self._to(State.EDITING)

    def press(self, reading: Reading) -> None:
        """Send the event, or ask first where it would merge persons."""
        if self.state is not State.EDITING:
            return  # a second click that came while the first was at work
        event = reading.event(self._kind, self.uuid)
        if merged_id(event.event, event.properties) is None:
            self._send(event, reading.arguments)
            return
        self.merge = self.unknown_merge = None
        with self._busy(State.LOOKING):
            try:
                with nobody_asked():
                    self.merge = merge_of(self._connection, event)
            except PostHogError as error:
                self.unknown_merge = error
        self._to(State.CONFIRMING)

    def confirm(self, reading: Reading) -> None:
        """Send what was asked about."""
        if self.state is State.CONFIRMING:
            self._send(reading.event(self._kind, self.uuid), reading.arguments)

    def take_back(self) -> None:
        """Do not send what was asked about."""
        if self.state is State.CONFIRMING:
            self._to(State.EDITING)

    def again(self) -> None:
        """Send the event that failed last, with its uuid and time."""
        if self._kept and self.state in {State.FAILED, State.EDITING, State.SENT}:
            # What was edited meanwhile is an event of its own, and not sent yet.
            then = State.EDITING if self.state is State.EDITING else State.SENT
            event, arguments = self._kept[-1]
            self._send(event, arguments, then)

    def another(self) -> None:
        """Make the form ready to send the same once more, as an event of its own."""
        if self.state is State.SENT:
            self._to(State.EDITING)

    def _send(self, event: Event, arguments: dict[str, Any], then: State = State.SENT) -> None:
        self.receipt, self.error, self.latest = None, None, event
        with self._busy(State.SENDING):
            try:
                with nobody_asked():
                    self.receipt = send(self._connection, event)
            except (Exception, KeyboardInterrupt) as error:
                # An interrupt ends the sending, which is what it was for; the event is there to be sent again.
                logger.info("The event %s was not sent.", event.uuid, exc_info=not isinstance(error, PostHogError))
                self.error = error
        if isinstance(self.error, InvalidInputError | ConfigurationError):
            # It never left, and the fields are there to be put right.
            self._to(State.EDITING)
            return
        # From here on another event is made, with a uuid of its own.
        self.uuid = str(uuid7())
        self._kept = [kept for kept in self._kept if kept[0] is not event]
        if self.error is not None:
            self._kept.append((event, dict(arguments)))
        self._note(event, arguments)
        self._to(then if self.error is None else State.FAILED)

    def _note(self, event: Event, arguments: dict[str, Any]) -> None:
        status = self.receipt.status if self.receipt else getattr(self.error, "status", None)
        exactly = {**arguments, "timestamp": event.timestamp, "uuid": event.uuid}
        self.history.append(
            Sent(
                time=datetime.now(UTC),
                event=event.event,
                distinct_id=event.distinct_id,
                uuid=event.uuid,
                status=status,
                outcome="sent" if self.error is None else type(self.error).__name__,
                code=call(self._kind.name, exactly),
            )
        )

    @contextmanager
    def _busy(self, state: State) -> Iterator[None]:
        before = self.state
        self._to(state)
        try:
            yield
        except BaseException:
            # Nothing of ours: the form is to be usable all the same.
            self._to(before)
            raise

    def _to(self, state: State) -> None:
        self.state = state
        self._changed()
