"""The line of `%%hogql` and `%hogql`: its options, its help, and one clear error for what it does not know."""

from __future__ import annotations

import argparse
import json
import keyword
import math
import re
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from typing import TYPE_CHECKING, NoReturn, cast

from posthog_nb.errors import InvalidInputError
from posthog_nb.frames import FRAMES
from posthog_nb.params import parse_param

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["Arguments", "help_text", "options", "parse_cell_line", "parse_line"]

_SPACE = re.compile(r"\s*")
_BARE = re.compile(r"\S*")


@dataclass(frozen=True)
class Arguments:
    """What the line of a cell asks for."""

    name: str | None = None
    limit: int | None = None
    all: bool = False
    frame: str | None = None
    params: dict[str, object] = field(default_factory=dict)
    parts: dict[str, str] = field(default_factory=dict)
    show: bool = False
    max_rows: int | None = None
    fresh: bool = False
    timeout: float | None = None
    progress: bool = True
    dry_run: bool = False
    explain: bool = False
    connection: str | None = None
    more: bool = False
    help: bool = False

    @property
    def may_go_on(self) -> bool:
        """Whether all it asks for can be had of a query that was run before."""
        here = replace(self, name=None, all=False, frame=None, show=False, max_rows=None)
        return here == Arguments(more=self.more)


class _Parser(argparse.ArgumentParser):
    """argparse that raises our error instead of printing usage and ending the process."""

    def error(self, message: str) -> NoReturn:
        raise InvalidInputError(f"%%hogql: {message}.", hint="`%hogql -h` lists the options.")


def _parser() -> _Parser:
    parser = _Parser(
        prog="%%hogql",
        usage="%%%%hogql [NAME] [options]   and HogQL in the lines below\n       %%hogql [options] HogQL",
        description="Run HogQL and get a typed frame.",
        epilog=(
            "{name} in the query takes the value of --param name=..., else of the notebook's own variable of that "
            "name. It is sent as a typed value, never pasted. {filters} and {variables.x} are PostHog's own."
        ),
        add_help=False,
        allow_abbrev=False,
    )
    parser.add_argument("name", nargs="?", metavar="NAME", help="store the frame in this variable")
    parser.add_argument("-o", dest="out", metavar="NAME", help="the same, also for %%hogql in one line")
    parser.add_argument(
        "--limit", type=_rows, metavar="N", help="the most rows to return; default: the query's own LIMIT, else 100"
    )
    parser.add_argument("--all", action="store_true", help="every row, page by page")
    parser.add_argument("--frame", choices=FRAMES, help="the kind of frame; default: the client's, pandas as a rule")
    parser.add_argument(
        "--param",
        action="append",
        default=[],
        metavar="K=V",
        help=(
            'a value for {K}; JSON (a number, a list, true, null, "text") is what it says, anything else is text; '
            "may be repeated"
        ),
    )
    parser.add_argument(
        "--with",
        dest="parts",
        action="append",
        default=[],
        metavar="[CTE=]CELL",
        help="put the query of the earlier cell CELL in front, as the table CTE; may be repeated",
    )
    parser.add_argument("--show", action="store_true", help="show the frame although it is stored under a name")
    parser.add_argument(
        "--max-rows", type=_rows, metavar="N", help="the most rows of the frame to show (pandas, polars); it holds all"
    )
    parser.add_argument("--fresh", action="store_true", help="compute now, whatever is in PostHog's cache")
    parser.add_argument(
        "--timeout", type=_seconds, metavar="S", help="the seconds to wait for each answer; then the query is ended"
    )
    parser.add_argument("--no-progress", dest="progress", action="store_false", help="show no bar for a long query")
    parser.add_argument(
        "--dry-run",
        action="store_true",
        help="show what would be sent, and run nothing; on an embedded project its ClickHouse SQL too",
    )
    parser.add_argument(
        "--explain", action="store_true", help="show ClickHouse's plan of the query; PostHog runs it for that"
    )
    parser.add_argument(
        "--connection", metavar="C", help="ask the client in this variable, or with this saved profile; default: ph"
    )
    parser.add_argument("--more", action="store_true", help="with %%hogql alone: the next page of the last result")
    parser.add_argument("-h", "--help", action="store_true", help="this page")
    return parser


def _rows(text: str) -> int:
    try:
        rows = int(text.replace("_", ""))
    except ValueError:
        rows = 0
    if rows < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of rows (1 or more)")
    return rows


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds < math.inf:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds above 0")
    return seconds


def help_text() -> str:
    """The page that `-h` prints."""
    return _parser().format_help()


def options() -> dict[str, argparse.Action]:
    """The options by the ways to write them."""
    return {text: action for action in _parser()._actions for text in action.option_strings}  # noqa: SLF001 - no public list


def parse_cell_line(line: str) -> Arguments:
    """Read the first line of a `%%hogql` cell.

    Raises:
        InvalidInputError: an option is unknown or has a wrong value, or NAME is no name for a variable.
    """
    tokens: list[str] = []
    rest = line
    while rest.strip():
        token, rest = _token(rest)
        tokens.append(token)
    return _arguments(tokens)


def parse_line(line: str) -> tuple[Arguments, str]:
    """Read a `%hogql` line: options first, the rest is the query as it stands.

    Raises:
        InvalidInputError: as :func:`parse_cell_line`.
    """
    tokens: list[str] = []
    rest = line.lstrip()
    while rest.startswith("-") and not rest.startswith("-- "):
        token, rest = _token(rest)
        tokens.append(token)
        if _takes_value(token) and rest.strip():
            token, rest = _token(rest)
            tokens.append(token)
        rest = rest.lstrip()
    return _arguments(tokens), rest


def _token(text: str) -> tuple[str, str]:
    """The first token of ``text``, and what follows it.

    A quote means something at the beginning of a token and of a value (``name='Ada Lovelace'``), where JSON also keeps
    its spaces (``names=["a", "b"]``). Anywhere else it is a character like any other.

    Raises:
        InvalidInputError: a quote is not closed.
    """
    start = cast("re.Match[str]", _SPACE.match(text)).end()
    if text[start] in "\"'":
        inside, end = _quoted(text, start)
        return inside, text[end:]
    bare = cast("re.Match[str]", _BARE.match(text, start)).group()
    name, equals, _ = bare.partition("=")
    value = start + len(name) + 1
    if equals and value < len(text):
        if (json_end := _json_end(text, value)) is not None:
            return text[start:json_end], text[json_end:]
        if text[value] in "\"'":
            inside, end = _quoted(text, value)
            return f"{name}={inside}", text[end:]
    return bare, text[start + len(bare) :]


def _quoted(text: str, start: int) -> tuple[str, int]:
    quote = text[start]
    end = text.find(quote, start + 1)
    while end >= 0 and text[end + 1 : end + 2].strip():
        # Inside a word: an apostrophe.
        end = text.find(quote, end + 1)
    if end < 0:
        raise InvalidInputError(
            f"%%hogql: the quote in {text[start:].strip()!r} is not closed.",
            hint="Close it, or leave it out where there are no spaces.",
        )
    return text[start + 1 : end], end + 1


def _json_end(text: str, start: int) -> int | None:
    """Where a list, an object or a text in JSON ends that is followed by a space or nothing; None for anything else."""
    if text[start] not in '[{"':
        return None
    try:
        _, end = json.JSONDecoder().raw_decode(text, start)
    except ValueError:
        return None
    return None if text[end : end + 1].strip() else end


def _takes_value(token: str) -> bool:
    action = options().get(token)
    return action is not None and action.nargs != 0


def _arguments(tokens: Iterable[str]) -> Arguments:
    known, unknown = _parser().parse_known_args(list(tokens))
    if unknown:
        raise InvalidInputError(f"%%hogql: unknown argument {unknown[0]!r}.", hint=_nearest(unknown[0]))
    if known.name and known.out:
        raise InvalidInputError(
            f"%%hogql: two names for one frame, {known.name!r} and {known.out!r}.", hint="Give one of them."
        )
    if known.all and known.limit:
        raise InvalidInputError("%%hogql: --all and --limit contradict each other.", hint="Give one of them.")
    if known.dry_run and known.explain:
        raise InvalidInputError(
            "%%hogql: --dry-run runs nothing, and --explain runs the query.", hint="Give one of them."
        )
    if known.frame == "arrow" and known.max_rows:
        raise InvalidInputError(
            "%%hogql: an Arrow table shows no rows, so --max-rows says nothing about it.",
            hint="Leave it out, or use --frame pandas or --frame polars.",
        )
    name = known.name or known.out
    if name is not None:
        _check_name(name)
    return Arguments(
        name=name,
        limit=known.limit,
        all=known.all,
        frame=known.frame,
        params=dict(parse_param(text) for text in known.param),
        parts=_parts(known.parts),
        show=known.show,
        max_rows=known.max_rows,
        fresh=known.fresh,
        timeout=known.timeout,
        progress=known.progress,
        dry_run=known.dry_run,
        explain=known.explain,
        connection=known.connection,
        more=known.more,
        help=known.help,
    )


def _nearest(token: str) -> str:
    near = get_close_matches(token.partition("=")[0], options(), n=1)
    if near:
        return f"Perhaps you meant {near[0]}? `%hogql -h` lists the options."
    return "The query belongs in the lines below %%hogql; `%hogql -h` lists the options."


def _check_name(name: str) -> None:
    if not name.isidentifier() or keyword.iskeyword(name):
        raise InvalidInputError(
            f"%%hogql: {name!r} is no name for a variable.", hint="The query belongs in the lines below %%hogql."
        )


def _parts(texts: list[str]) -> dict[str, str]:
    parts: dict[str, str] = {}
    for text in texts:
        table, equals, cell = text.partition("=")
        cell = cell if equals else table
        if not table.isidentifier() or not cell.isidentifier():
            raise InvalidInputError(f"%%hogql: --with {text!r} is not of the form cell or name=cell.")
        if table in parts:
            raise InvalidInputError(
                f"%%hogql: --with names two cells {table!r}, {parts[table]} and {cell}.",
                hint="Give one of them another name: --with name=cell.",
            )
        parts[table] = cell
    return parts
