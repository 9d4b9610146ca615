"""What stands under the cursor, as IPython shows help: as text, and as HTML."""

from __future__ import annotations

import re
from difflib import get_close_matches
from html import escape
from typing import TYPE_CHECKING

from posthog_nb.embedded.hogql.catalogue import TABLES
from posthog_nb.embedded.hogql.completion import Description, describe, describe_name
from posthog_nb.embedded.hogql.function_table import FUNCTIONS
from posthog_nb.errors import InvalidInputError
from posthog_nb.notebook.arguments import options
from posthog_nb.notebook.completion.project import KnownProject, place_in, project_at
from posthog_nb.notebook.completion.shown import made_harmless

if TYPE_CHECKING:
    from collections.abc import Iterator

    from IPython.core.interactiveshell import InteractiveShell

    from posthog_nb.client import Client
    from posthog_nb.notebook.completion.place import Place

__all__ = ["Help", "help_at", "help_on"]

_MOST_COLUMNS = 100
_PLACEHOLDER = re.compile(r"\{\s*[^\W\d]\w*\s*\}")


class Help:
    """What is told about one thing, in a notebook and in a terminal.

    Args:
        found: The thing.
    """

    def __init__(self, found: Description) -> None:
        self._found = found

    @property
    def bundle(self) -> dict[str, str]:
        """Both, by their MIME types."""
        return {"text/plain": self.text, "text/html": self.html}

    def _repr_mimebundle_(self, **_: object) -> dict[str, str]:
        return self.bundle

    def __repr__(self) -> str:
        return self.text

    @property
    def text(self) -> str:
        """As plain text."""
        found = self._found
        lines = [made_harmless(found.title), _subtitle(found), *map(made_harmless, found.notes)]
        columns = list((found.columns or {}).items())[:_MOST_COLUMNS]
        width = max((len(made_harmless(name)) for name, _ in columns), default=0)
        lines += [f"  {made_harmless(name):{width}}  {type_}".rstrip() for name, type_ in columns]
        return "\n".join([*lines, *self._rest()])

    @property
    def html(self) -> str:
        """As HTML."""
        found = self._found
        parts = [f"<code><b>{_safe(found.title)}</b></code> <i>{_safe(_subtitle(found))}</i>"]
        parts += [f"<div>{_safe(note)}</div>" for note in found.notes]
        columns = list((found.columns or {}).items())[:_MOST_COLUMNS]
        if columns:
            rows = "".join(
                f'<tr><td style="text-align:left"><code>{_safe(name)}</code></td>'
                f'<td style="text-align:left">{_safe(type_)}</td></tr>'
                for name, type_ in columns
            )
            parts.append(f"<table>{rows}</table>")
        parts += [f"<div>{_safe(line)}</div>" for line in self._rest()]
        return f'<div class="posthog-nb-help">{"".join(parts)}</div>'

    def _rest(self) -> Iterator[str]:
        more = len(self._found.columns or ()) - _MOST_COLUMNS
        if more > 0:
            yield f"... and {more} more columns; %posthog schema lists them all."


def help_at(code: str, cursor: int, shell: InteractiveShell) -> dict[str, str] | None:
    """The help for what is under the cursor, empty where there is none; None where IPython knows better.

    That is Python's code, the name of a magic, and a placeholder, which is a variable of the notebook.
    """
    place = place_in(code, cursor, shell)
    if place is None:
        return None
    if place.kind == "options":
        return _of_option(place)
    if any(found.start() < place.cursor < found.end() for found in _PLACEHOLDER.finditer(place.text)):
        return None
    project = project_at(place, shell)
    found = describe(place.text, place.cursor, project.facts, known=project)
    return {} if found is None else Help(found).bundle


def _of_option(place: Place) -> dict[str, str] | None:
    known = options()
    for word in re.finditer(r"[^\s=]+", place.text):
        if place.magic == "hogql" and word.start() <= place.cursor <= word.end() and word.group() in known:
            action = known[word.group()]
            metavar = f" {action.metavar or '|'.join(action.choices or ()) or 'VALUE'}" if action.nargs != 0 else ""
            return Help(
                Description(f"{word.group()}{metavar}", "option", notes=((action.help or "").replace("%%", "%"),))
            ).bundle
    return None


def help_on(name: str, client: Client) -> Help:
    """What a name stands for by itself.

    Raises:
        InvalidInputError: nothing goes by that name.
    """
    project = KnownProject(client, client.known.now())
    found = describe_name(name, project.facts, known=project)
    if found is None:
        near = get_close_matches(name, [*FUNCTIONS, *project.tables(), *TABLES], n=3)
        raise InvalidInputError(
            f"%posthog help: nothing is called {made_harmless(name)!r}.",
            hint=f"Perhaps you meant {' or '.join(near)}?"
            if near
            else "It tells of functions, tables, columns, properties.",
        )
    return Help(found)


def _subtitle(found: Description) -> str:
    return f"{found.kind}, {found.type}" if found.type else found.kind


def _safe(text: str) -> str:
    return escape(made_harmless(text))
