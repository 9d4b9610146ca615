"""What could be typed on the line of a magic: its options, and the values of those."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from IPython.core.completer import SimpleCompletion

from posthog_nb.embedded.hogql.catalogue import TABLES
from posthog_nb.embedded.hogql.function_table import FUNCTIONS
from posthog_nb.errors import ConfigurationError
from posthog_nb.notebook.arguments import options
from posthog_nb.notebook.completion.project import names_of_cells
from posthog_nb.notebook.connections import client_in, clients_in, posthog_options
from posthog_nb.settings.profiles import read_profiles

if TYPE_CHECKING:
    from argparse import Action
    from collections.abc import Iterator, Mapping

    from IPython.core.interactiveshell import InteractiveShell

    from posthog_nb.notebook.completion.place import Place

__all__ = ["complete_line"]

_TARGETS = ("demo", "local", "us", "eu")
_PLACEHOLDER = re.compile(r"\{\s*([^\W\d]\w*)\s*\}")
_BARE = re.compile(r"[\w.-]+")
_RESERVED = frozenset({"filters"})

_Item = tuple[str, str]
"""What could be typed, and what it is."""


def complete_line(place: Place, shell: InteractiveShell) -> tuple[str, list[SimpleCompletion]]:
    """What is being typed on a magic's line, and what could be typed in its place."""
    before = place.text[: place.cursor]
    start = len(before) - len(re.split(r"\s", before)[-1])
    words, word = before[:start].split(), before[start:]
    line = _Line(place, shell)
    if place.magic == "posthog":
        commands, known = posthog_options(*words)
        if commands:
            return word, _beginning_with(word, ((name, "command") for name in commands))
        argument = line.arguments_of(words, word)
    else:
        known, argument = options(), iter(())
    option, equals, value = word.partition("=")
    if equals and option in known:
        return value, _beginning_with(value, line.values(option, known[option]))
    last = words[-1] if words else ""
    if last in known and known[last].nargs != 0:
        return word, _beginning_with(word, line.values(last, known[last]))
    return word, _beginning_with(word, [*argument, *((text, "option") for text in _long_first(known))])


def _long_first(known: Mapping[str, Action]) -> list[str]:
    return sorted(known, key=lambda text: not text.startswith("--"))


def _beginning_with(word: str, items: Iterator[_Item] | list[_Item]) -> list[SimpleCompletion]:
    return [SimpleCompletion(text, type=kind) for text, kind in items if text.startswith(word)]


class _Line:
    """What the values of options are taken from.

    Args:
        place: The line.
        shell: The shell.
    """

    def __init__(self, place: Place, shell: InteractiveShell) -> None:
        self._place = place
        self._shell = shell

    def values(self, option: str, action: Action) -> Iterator[_Item]:
        """The values that an option may have, as far as they are known."""
        match option:
            case "--connection":
                yield from ((name, "client") for name in clients_in(self._shell.user_ns))
                yield from _profiles()
            case "--profile":
                yield from _profiles()
            case "--with":
                yield from ((name, "cell") for name in names_of_cells(self._shell))
            case "--param":
                names = dict.fromkeys(_PLACEHOLDER.findall(self._place.body))
                yield from ((f"{name}=", "placeholder") for name in names if name not in _RESERVED)
            case _:
                yield from ((str(choice), "value") for choice in action.choices or ())

    def arguments_of(self, words: list[str], begun: str) -> Iterator[_Item]:
        """What may stand behind a command of `%posthog`, where ``begun`` stands."""
        match words:
            case ["connect"]:
                yield from ((name, "target") for name in _TARGETS)
            case ["snapshot", "record" | "replay" | "verify" | "list" | "prune"]:
                yield from ((name, "folder") for name in _folders(begun))
            case ["schema" | "help" as command]:
                client = client_in(self._shell.user_ns)
                known = client.known.now().tables if client else {}
                yield from ((name, "table") for name in known or TABLES)
                if command == "help":
                    yield from ((name, "function") for name in FUNCTIONS if not name.startswith("_"))


def _folders(begun: str) -> Iterator[str]:
    """The folders whose paths begin so, of names that no quote is needed for."""
    above = begun.rpartition("/")[0] + "/" if "/" in begun else ""
    try:
        names = sorted(path.name for path in Path(above or ".").iterdir() if path.is_dir())
    except OSError:
        return  # no such folder, or not ours to read
    for name in names:
        if _BARE.fullmatch(name) and not name.startswith("."):
            yield f"{above}{name}"


def _profiles() -> Iterator[_Item]:
    try:
        known = read_profiles().profiles
    except ConfigurationError:
        # The magic itself says what is wrong with the file.
        return
    for name in known:
        yield name, "profile"
