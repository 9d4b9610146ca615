"""``ph.forms``: the five forms, and a page that lists them."""

from __future__ import annotations

import html
from typing import TYPE_CHECKING, Any

from posthog_nb.notebook.forms.kinds import KINDS
from posthog_nb.operations.card import PLAIN_DOLLARS
from posthog_nb.operations.event import text_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from posthog_nb.client import Client
    from posthog_nb.notebook.forms.form import Form

__all__ = ["Forms"]


class Forms:
    """Forms for the five writes, to be shown in a notebook; each does what the client's method of that name does.

    What is given is what the form begins with. Nothing is sent before somebody presses Send.
    """

    def __init__(self, client: Client) -> None:
        self._client = client

    def capture(
        self,
        event: str = "",
        distinct_id: str | int = "",
        properties: Mapping[str, object] | None = None,
        timestamp: datetime | str | None = None,
    ) -> Form:
        """A form for any event; see :meth:`posthog_nb.Client.capture`."""
        return self._form("capture", {"event": event, "distinct_id": distinct_id}, properties, timestamp)

    def page(
        self,
        distinct_id: str | int = "",
        name: str = "",
        url: str | None = None,
        properties: Mapping[str, object] | None = None,
        timestamp: datetime | str | None = None,
    ) -> Form:
        """A form for a page view; see :meth:`posthog_nb.Client.page`."""
        given = {"distinct_id": distinct_id, "name": name, "url": url}
        return self._form("page", given, properties, timestamp)

    def screen(
        self,
        distinct_id: str | int = "",
        name: str = "",
        properties: Mapping[str, object] | None = None,
        timestamp: datetime | str | None = None,
    ) -> Form:
        """A form for a screen view; see :meth:`posthog_nb.Client.screen`."""
        return self._form("screen", {"distinct_id": distinct_id, "name": name}, properties, timestamp)

    def identify(
        self,
        distinct_id: str | int = "",
        properties: Mapping[str, object] | None = None,
        timestamp: datetime | str | None = None,
        *,
        anon_distinct_id: str | int | None = None,
    ) -> Form:
        """A form that says who somebody is; see :meth:`posthog_nb.Client.identify`."""
        given = {"distinct_id": distinct_id, "anon_distinct_id": anon_distinct_id}
        return self._form("identify", given, properties, timestamp)

    def alias(
        self, distinct_id: str | int = "", alias: str | int = "", timestamp: datetime | str | None = None
    ) -> Form:
        """A form that says that two ids are one person; see :meth:`posthog_nb.Client.alias`."""
        return self._form("alias", {"distinct_id": distinct_id, "alias": alias}, None, timestamp)

    def _form(self, name: str, given: dict[str, Any], properties: object, timestamp: object) -> Form:
        from posthog_nb.notebook.forms.form import Form  # noqa: PLC0415 - ipywidgets loads for who shows a form

        form = Form(
            KINDS[name],
            self._client._connection,  # noqa: SLF001 - a form is a face of the client
            texts_given={key: _text(value, key) for key, value in given.items()},
            properties=properties,
            timestamp=timestamp,
            source=self._client.source,
        )
        self._client.known.when_ready(form.offer)
        return form

    def __repr__(self) -> str:
        lines = [f"ph.forms.{kind.name}()  {kind.title.lower()}: {kind.signature}" for kind in KINDS.values()]
        return "\n".join([f"<Forms that send to {self._client.source}>", *lines])

    def _repr_html_(self) -> str:
        cell = "text-align:left;padding:2px 12px 2px 0;vertical-align:top"
        head = "".join(f'<th style="{cell}">{name}</th>' for name in ("form", "what it does", "the same as a call"))
        rows = "".join(
            f'<tr><td style="{cell};white-space:nowrap"><code>ph.forms.{kind.name}()</code></td>'
            f'<td style="{cell}">{kind.title}</td>'
            f'<td style="{cell}"><code>{html.escape(kind.signature)}</code></td></tr>'
            for kind in KINDS.values()
        )
        return (
            f'<div class="{PLAIN_DOLLARS}" style="overflow-wrap:anywhere"><strong>Forms</strong> that send to '
            f"{html.escape(self._client.source)}<table><tr>{head}</tr>{rows}</table></div>"
        )


def _text(given: object, name: str) -> str:
    """What a field begins with: a text may be wrong still, and what is no text would only look like one."""
    if given is None:
        return ""
    return given if isinstance(given, str) else text_of(given, name)
