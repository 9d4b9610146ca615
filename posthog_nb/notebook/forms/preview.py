"""What would be sent: the very bytes, made by what sends them, and shown so that a reader can read them."""

from __future__ import annotations

import html
import unicodedata
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING

from posthog_nb.operations.event import encode

if TYPE_CHECKING:
    from posthog_nb.connection import Connection
    from posthog_nb.operations.event import Event

__all__ = ["AT_SENDING", "body_html", "body_of"]

AT_SENDING = "the moment of sending"

_MOST_SHOWN = 20_000
"""Characters: a browser lays out so many in an instant, and nobody reads more."""
_DEEPEST_INDENT = 8
_UNSEEN = frozenset({"Cc", "Cf", "Co", "Cn", "Cs", "Zl", "Zp"})


class _AtSending(datetime):
    """Stands for a time that is not known yet."""

    def isoformat(self, *_: object, **__: object) -> str:
        return AT_SENDING


def body_of(connection: Connection, event: Event, *, now: bool) -> str:
    """The body of the request that sends ``event``, with the token masked.

    Args:
        connection: Where it would go.
        event: The event.
        now: Whether its time is that of sending, and its own stands for nothing yet.

    Raises:
        InvalidInputError: it is too large, or capture v1 would drop it.
    """
    data = encode(event, connection)
    if now:
        data = encode(replace(event, timestamp=_AtSending(1, 1, 1)), connection)
    return connection.shown_body(data, AT_SENDING).decode()


def body_html(body: str) -> str:
    """JSON on lines of its own, indented; the text of the HTML is the JSON, to the character.

    A character that would not be seen, or would turn the order of others around, is marked and kept to itself. Beyond
    20,000 characters the rest is counted.
    """
    parts: list[str] = []
    depth, in_text, escaped = 0, False, False
    shown = body[:_MOST_SHOWN]
    for place, character in enumerate(shown):
        if in_text:
            parts.append(_marked(character))
            if escaped:
                escaped = False
            elif character == "\\":
                escaped = True
            elif character == '"':
                in_text = False
        elif character in "[{" and body[place + 1 : place + 2] not in "]}":
            depth += 1
            indent = "1.2em" if depth <= _DEEPEST_INDENT else "0"
            parts.append(f'{character}<div style="padding-left:{indent}"><div>')
        elif character in "]}" and body[place - 1 : place] not in "[{":
            depth -= 1
            parts.append(f"</div></div>{character}")
        elif character == ",":
            parts.append(",</div><div>")
        else:
            in_text = character == '"'
            parts.append(html.escape(character))
    parts.append("</div></div>" * depth)
    if len(body) > _MOST_SHOWN:
        parts.append(f"<p>... and {len(body) - _MOST_SHOWN:,} more characters; <code>form.preview</code> has all.</p>")
    return "".join(parts)


def _marked(character: str) -> str:
    if unicodedata.category(character) not in _UNSEEN:
        return html.escape(character)
    name = f"U+{ord(character):04X}"
    style = "unicode-bidi:isolate;border:1px dotted;padding:0 2px"
    return f'<span title="{name}" style="{style}">{character}</span>'
