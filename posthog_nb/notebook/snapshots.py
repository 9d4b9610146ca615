"""`%posthog snapshot`: record what the cells are answered, replay it, verify it, see what is in it, make it smaller."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from posthog_nb.connecting import connect
from posthog_nb.errors import InvalidInputError
from posthog_nb.notebook.display import Code, Footer
from posthog_nb.snapshots.recording import Recording, folder_at
from posthog_nb.verifying.snapshot import Snapshot

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from collections.abc import Callable

    from posthog_nb.client import Client

__all__ = ["Cell", "add_actions", "run_action"]

_ACTIONS = {
    "record": "record PATH [--mask P,Q] [--drop P,Q] [--hash-ids] [--connection C]: keep every answer from here on",
    "replay": "replay PATH [-o NAME]: a client in a variable, ph, that answers from the snapshot and sends nothing",
    "verify": "verify PATH [--connection C]: ask everything again, and say what differs",
    "list": "list PATH: what was asked, and when",
    "prune": "prune PATH [--before DATE]: remove older answers, and files that no answer needs",
}


def add_actions(parser: ArgumentParser) -> None:
    """Add what can be done with a snapshot to the parser of `%posthog snapshot`."""
    parser.add_argument("-h", "--help", action="store_true", help="this page")
    actions = parser.add_subparsers(dest="action", title="actions", metavar="ACTION", parser_class=type(parser))
    for name, text in _ACTIONS.items():
        action = actions.add_parser(name, help=text, add_help=False, allow_abbrev=False)
        action.add_argument("path", metavar="PATH")
        match name:
            case "record":
                action.add_argument("--mask", metavar="P,Q", action="append", default=[])
                action.add_argument("--drop", metavar="P,Q", action="append", default=[])
                action.add_argument("--hash-ids", action="store_true")
                action.add_argument("--connection", metavar="C")
            case "replay":
                action.add_argument("-o", dest="name", default="ph")
            case "verify":
                action.add_argument("--connection", metavar="C")
            case "prune":
                action.add_argument("--before", metavar="DATE")


class Cell:
    """The cell in which an action stands.

    Args:
        find: Gives the client of a name, or the notebook's own.
        own: The notebook's own client, if there is one.
        variables: The notebook's variables.
    """

    def __init__(self, find: Callable[[str | None], Client], own: Client | None, variables: dict[str, Any]) -> None:
        self.find = find
        self.own = own
        self.variables = variables
        self.footers: list[Footer] = []

    def record(self, asked: Namespace) -> None:
        """Let a client record from here on."""
        client = self.find(asked.connection)
        recording = Recording(asked.path, mask=_names(asked.mask), drop=_names(asked.drop), hash_ids=asked.hash_ids)
        there = recording.folder.read()
        client._connection.record(recording)  # noqa: SLF001 - a client's own room
        number = 0 if there is None else len(there.answers)
        kept = (f"beside the {number:,} answer{' that is' if number == 1 else 's that are'} there",) if number else ()
        covered = str(recording.privacy) or "nothing is masked, dropped or hashed"
        self._say(
            (f"{client.source} is recorded into ", Code(recording.folder.label), " from here on"), kept, (covered,)
        )

    def replay(self, asked: Namespace) -> None:
        """Set a client that replays."""
        folder_at(asked.path).held()  # without one, connect() would record
        self.variables[asked.name] = client = connect(snapshot=asked.path)
        self._say((Code(asked.name), " is set"), (client.source,))

    def verify(self, asked: Namespace) -> object:
        """Ask the notebook's own client, unless it replays."""
        snapshot = Snapshot(asked.path)
        if asked.connection is not None:
            return snapshot.verify(self.find(asked.connection))
        own = self.own
        replays = own is not None and own._connection.given_settings.kind == "replay"  # noqa: SLF001 - as above
        return snapshot.verify(None if replays else own)

    def _say(self, *parts: tuple[str, ...]) -> None:
        self.footers.append(Footer(tuple(part for part in parts if part)))


def run_action(asked: Namespace, cell: Cell) -> object:
    """Do what a `%posthog snapshot` line says, and give what the cell shows."""
    match asked.action:
        case "record":
            cell.record(asked)
        case "replay":
            cell.replay(asked)
        case "verify":
            return cell.verify(asked)
        case "list":
            return Snapshot(asked.path).list()
        case "prune":
            return Snapshot(asked.path).prune(asked.before)
    return None


def _names(texts: list[str]) -> list[str]:
    names = [name.strip() for text in texts for name in text.split(",")]
    if not all(names):
        raise InvalidInputError(f"%posthog: {', '.join(texts)!r} names no property.", hint="Write --mask email,name.")
    return names
