"""The five forms: what each asks for, and which event that becomes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from posthog_nb.operations import writes

if TYPE_CHECKING:
    from collections.abc import Callable

    from posthog_nb.operations.event import Event

__all__ = ["KINDS", "Kind", "Text"]


@dataclass(frozen=True)
class Text:
    """One argument that is a text.

    Attributes:
        name: The argument's name.
        about: What it is.
        required: Whether it may not be left empty; an empty one that may is left out.
        known: Whether the project's event names are offered.
    """

    name: str
    about: str
    required: bool = True
    known: bool = False


@dataclass(frozen=True)
class Kind:
    """One form.

    Attributes:
        name: The name of the form and of the method that does the same.
        title: What it does.
        texts: The arguments that are texts.
        make: What makes the event of the arguments.
        properties: Whose properties it takes: an event's, a person's or none.
        signature: How the method is called.
    """

    name: str
    title: str
    texts: tuple[Text, ...]
    make: Callable[..., Event]
    properties: Literal["event", "person"] | None
    signature: str


_WHOSE = Text("distinct_id", "whose event it is")

KINDS = {
    kind.name: kind
    for kind in (
        Kind(
            "capture",
            "Capture an event",
            (Text("event", "the event's name", known=True), _WHOSE),
            writes.capture,
            "event",
            "ph.capture(event, distinct_id, properties=None, timestamp=None)",
        ),
        Kind(
            "page",
            "Send a page view",
            (_WHOSE, Text("name", "the page's name"), Text("url", "the page's address", required=False)),
            writes.page,
            "event",
            "ph.page(distinct_id, name, url=None, properties=None, timestamp=None)",
        ),
        Kind(
            "screen",
            "Send a screen view",
            (_WHOSE, Text("name", "the screen's name")),
            writes.screen,
            "event",
            "ph.screen(distinct_id, name, properties=None, timestamp=None)",
        ),
        Kind(
            "identify",
            "Say who somebody is",
            (
                Text("distinct_id", "the id by which the person is known from now on"),
                Text("anon_distinct_id", "the id before, whose person is merged into it", required=False),
            ),
            writes.identify,
            "person",
            "ph.identify(distinct_id, properties=None, timestamp=None, *, anon_distinct_id=None)",
        ),
        Kind(
            "alias",
            "Say that two ids are one person",
            (
                Text("distinct_id", "the id that is kept"),
                Text("alias", "the other id, whose person is merged into it"),
            ),
            writes.alias,
            None,
            "ph.alias(distinct_id, alias, timestamp=None)",
        ),
    )
}
"""By name."""
