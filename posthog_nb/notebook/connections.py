"""`%posthog`: which PostHog is asked, whether it answers, and what there is to ask it for."""

from __future__ import annotations

import argparse
import keyword
import shlex
from typing import TYPE_CHECKING, Any, NoReturn

from posthog_nb.client import Client, latest_client, remember
from posthog_nb.connecting import connect
from posthog_nb.errors import InvalidInputError
from posthog_nb.notebook.snapshots import add_actions
from posthog_nb.secret import redact
from posthog_nb.settings.profiles import read_profiles

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import pandas as pd

__all__ = [
    "EVENTS",
    "Connections",
    "client_in",
    "clients_in",
    "posthog_help",
    "posthog_options",
    "profiles",
    "read_posthog_line",
]

EVENTS = """SELECT event, count() AS events, min(timestamp) AS first_seen, max(timestamp) AS last_seen
FROM events WHERE timestamp > now() - INTERVAL 30 DAY GROUP BY event ORDER BY events DESC, event"""
"""The events of the last 30 days."""


def client_in(namespace: Mapping[str, Any], name: str | None = None) -> Client | None:
    """The client that a cell would ask, if there is one: none is made."""
    own = namespace.get("ph" if name is None else name)
    if isinstance(own, Client):
        return own
    return latest_client() if name is None else None


def clients_in(namespace: Mapping[str, Any]) -> Iterator[str]:
    """The variables that hold a client."""
    return (name for name, value in namespace.items() if isinstance(value, Client) and not name.startswith("_"))


class Connections:
    """The clients of one notebook, as its own variables and by the profiles that it named."""

    def __init__(self) -> None:
        self._by_profile: dict[str, Client] = {}

    def find(self, namespace: Mapping[str, Any], name: str | None) -> Client:
        """The client of that name: the notebook's own variable, else one for the saved profile.

        Without a name it is the notebook's ``ph``, else the client that was made last, else one by the settings.

        Raises:
            InvalidInputError: there is neither a client nor a profile of that name.
        """
        found = client_in(namespace, name)
        if found is not None:
            return found
        if name is None:
            return connect()
        if name in self._by_profile:
            return self._by_profile[name]
        known = read_profiles().profiles
        if name not in known:
            clients = sorted(clients_in(namespace))
            raise InvalidInputError(
                f"--connection {name}: there is no client in a variable of that name, and no such profile.",
                hint=f"Variables: {', '.join(clients) or 'none'}. Profiles: {', '.join(sorted(known)) or 'none'}.",
            )
        before = latest_client()
        self._by_profile[name] = made = connect(profile=name)
        if before is not None:
            # The cell named it for itself; the others go on as they were.
            remember(before)
        return made


def profiles() -> pd.DataFrame:
    """The saved profiles: name, host, project_id, where their secrets are, and which one is the default."""
    import pandas as pd  # noqa: PLC0415 - for who asks

    kept = read_profiles()
    rows = [
        (
            name,
            profile.target.label,
            profile.project_id,
            "keyring" if profile.keyring else "file" if profile.personal_api_key or profile.project_token else "none",
            profile is kept.usual,
        )
        for name, profile in kept.profiles.items()
    ]
    frame = pd.DataFrame(rows, columns=["name", "host", "project_id", "secrets", "default"])
    return frame.astype({"project_id": "Int64", "default": "bool"})


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        page = "%posthog snapshot -h" if "snapshot" in self.prog else "%posthog -h"
        raise InvalidInputError(f"%posthog: {message}.", hint=f"`{page}` says what there is.")


def _parser() -> _Parser:
    parser = _Parser(prog="%posthog", description="Connections to PostHog.", add_help=False, allow_abbrev=False)
    parser.add_argument("-h", "--help", action="store_true", help="this page")
    commands = parser.add_subparsers(dest="command", title="commands", metavar="COMMAND", parser_class=_Parser)

    def command(name: str, text: str) -> argparse.ArgumentParser:
        return commands.add_parser(name, help=text, add_help=False, allow_abbrev=False)

    made = command("connect", "connect [TARGET] [--profile P] [--project-id N] [-o NAME]: a client in a variable, ph")
    made.add_argument("target", nargs="?")
    made.add_argument("--profile")
    made.add_argument("--project-id")
    made.add_argument("-o", dest="name", default="ph")
    command("profiles", "the saved profiles")
    described = command("help", "help NAME [--connection C]: what a function, a table, a column or a property is")
    described.add_argument("what", metavar="NAME")
    found = command("schema", "schema [PATTERN] [--connection C]: tables and columns, those with PATTERN in their name")
    found.add_argument("pattern", nargs="?")
    for asking in (
        described,
        found,
        command("status", "status [--connection C]: what works: host, project, reading, scopes, token"),
        command("events", "events [--connection C]: the events of the last 30 days, and how many"),
        command("forms", "forms [--connection C]: the forms that send events"),
    ):
        asking.add_argument("--connection")
    add_actions(command("snapshot", "snapshot record|replay|verify|list|prune PATH: recorded answers; -h says more"))
    return parser


def posthog_help(command: str | None = None) -> str:
    """The page that `-h` prints, of all commands or of one."""
    return (_parser() if command is None else _commands(_parser())[command]).format_help()


def posthog_options(*words: str) -> tuple[list[str], dict[str, argparse.Action]]:
    """What may follow the command that ``words`` begin with: its own commands, and its options by how to write them."""
    parser: argparse.ArgumentParser = _parser()
    for word in words:
        commands = _commands(parser)
        if not commands:
            break
        if word not in commands:
            return [], {}
        parser = commands[word]
    options = {text: action for action in parser._actions for text in action.option_strings}  # noqa: SLF001 - as below
    return list(_commands(parser)), options


def _commands(parser: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    for action in parser._actions:  # noqa: SLF001 - no public list
        if isinstance(action, argparse._SubParsersAction):  # noqa: SLF001 - as above
            return dict(action.choices)
    return {}


def read_posthog_line(line: str) -> argparse.Namespace:
    """Read a `%posthog` line.

    Raises:
        InvalidInputError: there is no such command or option, or the line holds a key.
    """
    if redact(line) != line:
        raise InvalidInputError(
            "%posthog: a key on a line is saved with the notebook.",
            hint="Save it once with `posthog-nb profile save`, set POSTHOG_PERSONAL_API_KEY, or wait to be asked.",
        )
    try:
        words = shlex.split(line)
    except ValueError as error:
        raise InvalidInputError(f"%posthog: {line.strip()!r} cannot be read: {error}.") from error
    if words[:1] == ["snapshot"] and {"-h", "--help"} & set(words):
        # Behind an action as well, whatever else it wants to have.
        words = ["snapshot"]
    found = _parser().parse_args(words)
    name = getattr(found, "name", None)
    if name is not None and (not name.isidentifier() or keyword.iskeyword(name)):
        raise InvalidInputError(f"%posthog: {name!r} is no name for a variable.")
    return found
