"""A person as a card: HTML for a notebook, text for a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from posthog_nb.errors import AnswerTimeoutError, ConfigurationError, PostHogError
from posthog_nb.operations.card import (
    Html,
    card_lines,
    escaped,
    folded,
    framed,
    heading,
    shortened,
    table,
    time_html,
)
from posthog_nb.visible import visible

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from posthog_nb.operations.person import Person

__all__ = ["clock", "person_html", "person_text"]

_SHOWN_IDS = 10
_SHOWN_PROPERTIES = 50


def clock(moment: datetime | None) -> str:
    """A moment and its zone for a reader, to the second; None is that of a person without events."""
    if moment is None:
        return "no events"
    zone = getattr(moment.tzinfo, "key", None) or f"{moment:%Z}"
    return f"{moment:%Y-%m-%d %H:%M:%S} {zone}".strip()


def person_html(person: Person, seen: datetime | PostHogError | None) -> str:
    """The card of a notebook.

    Args:
        person: The person.
        seen: When the person was last seen; None without events, or why it is not known.
    """
    fields = {
        **({} if str(person.id) == person.uuid else {"id": person.id}),
        "uuid": person.uuid,
        "distinct ids": _ids(person.distinct_ids),
        "first seen": time_html(person.created_at, clock(person.created_at)),
        "last seen": _last_seen(person, seen),
        "source": person.source,
    }
    # In a table of their own: a property may be called "source" as well.
    properties = sorted(person.properties.items())
    first, rest = dict(properties[:_SHOWN_PROPERTIES]), dict(properties[_SHOWN_PROPERTIES:])
    whole = "person.properties"
    return framed(
        heading(shortened(person.name)),
        table(fields),
        *([heading("Properties"), table(first, whole=whole)] if first else []),
        *([folded(f"{len(rest):,} more properties", table(rest, whole=whole))] if rest else []),
        kind="person",
    )


def person_text(person: Person, texts: Mapping[str, str]) -> str:
    """The card of a terminal, which asks for nothing.

    Args:
        person: The person.
        texts: The person's properties as texts.
    """
    hidden = len(person.distinct_ids) - _SHOWN_IDS
    ids = ", ".join(person.distinct_ids[:_SHOWN_IDS])
    asked = "last_seen" in vars(person)
    fields = {
        "uuid": person.uuid,
        "distinct ids": f"{ids} and {hidden:,} more" if hidden > 0 else ids,
        "first seen": clock(person.created_at),
        "last seen": clock(person.last_seen) if asked else "person.last_seen asks for it",
        "source": person.source,
    }
    shown = dict(sorted(texts.items())[:_SHOWN_PROPERTIES])
    lines = [visible(shortened(person.name)), *card_lines(fields)]
    if shown:
        lines += ["  properties", *card_lines(shown, indent=4)]
    if more := len(texts) - len(shown):
        lines.append(f"    and {more:,} more: person.properties")
    return "\n".join(lines)


def _last_seen(person: Person, seen: datetime | PostHogError | None) -> Html:
    match seen:
        case ConfigurationError():
            return Html(f"not known here; <code>ph.persons.get({escaped(repr(person.uuid))})</code> can tell")
        case AnswerTimeoutError():
            return Html("not found within seconds; <code>person.last_seen</code> waits for it")
        case PostHogError():
            return escaped(f"not known: {seen.message}")
        case None:
            return escaped(clock(None))
    return time_html(seen, clock(seen))


def _ids(ids: Sequence[str]) -> Html:
    def listed(some: Sequence[str]) -> Html:
        return Html(f'<ul class="i">{"".join(f"<li>{escaped(one)}</li>" for one in some)}</ul>')

    if not ids:
        return escaped("none")
    rest = ids[_SHOWN_IDS:]
    return Html(listed(ids[:_SHOWN_IDS]) + (folded(f"{len(rest):,} more", listed(rest)) if rest else ""))
