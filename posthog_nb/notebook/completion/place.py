"""Where in a notebook's code somebody writes HogQL or the options of a magic: read from the text alone."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, cast

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

__all__ = ["Place", "find_place", "name_of_cell"]

_CELL = re.compile(r"(?:[ \t]*\n)*[ \t]*%%(?P<magic>\S+)")
"""IPython passes over empty lines before a cell magic."""

_LINE = re.compile(r"[ \t]*(?:[^\W\d][\w., \t]*=[ \t]*)?%(?P<magic>hogql|posthog)(?=[ \t])")
_WORD = re.compile(r"\S+")
_CALL = re.compile(
    r"""(?P<callee>[\w.]+)\(\s*(?:hogql\s*=\s*|query\s*=\s*)?(?P<raw>[rR]?)(?P<quote>'{3}|"{3}|'|")""", re.ASCII
)


@dataclass(frozen=True)
class Place:
    """Where the cursor is.

    Attributes:
        kind: ``"query"``, or ``"options"`` of a magic.
        text: The query, or the line behind the name of the magic.
        cursor: Where the cursor is in it.
        magic: ``"hogql"`` or ``"posthog"``, or what is called with a query.
        line: The options of the magic, where ``text`` is a query.
        body: The query, where ``text`` is the line of its cell.
        quote: Python's quote around the query; empty where there is none.
    """

    kind: Literal["query", "options"]
    text: str
    cursor: int
    magic: str = "hogql"
    line: str = ""
    body: str = ""
    quote: str = ""


def find_place(code: str, cursor: int, options: Callable[[], Collection[str]]) -> Place | None:
    """The place of the cursor in the code of a cell; None where Python, or another magic, is written.

    Args:
        code: All of the cell.
        cursor: Where the cursor is.
        options: Gives the options of `%hogql` that a value follows.
    """
    cell = _CELL.match(code)
    if cell is not None:
        return _in_cell(code, cursor, cell) if cell["magic"] == "hogql" and cursor > cell.end() else None
    start = code.rfind("\n", 0, cursor) + 1
    end = code.find("\n", cursor)
    end = len(code) if end < 0 else end
    line = _LINE.match(code, start, end)
    if line is None:
        return _in_call(code, cursor)
    if cursor <= line.end():
        return None
    rest, position = code[line.end() : end], cursor - line.end()
    if line["magic"] == "posthog":
        return Place("options", rest, position, "posthog")
    query = _options_end(rest, options())
    if position < query:
        return Place("options", rest, position)
    return Place("query", rest[query:], position - query, line=rest[:query])


def _in_cell(code: str, cursor: int, cell: re.Match[str]) -> Place:
    line_end = code.find("\n", cell.end())
    line_end = len(code) if line_end < 0 else line_end
    line = code[cell.end() : line_end]
    if cursor <= line_end:
        return Place("options", line, cursor - cell.end(), body=code[line_end + 1 :])
    return Place("query", code[line_end + 1 :], cursor - line_end - 1, line=line)


def _options_end(line: str, with_value: Collection[str]) -> int:
    """Where the query of a `%hogql` line begins or may begin: behind the last option that is written to its end."""
    end, is_value = 0, False
    for word in _WORD.finditer(line):
        if is_value:
            is_value = False
        elif word.group().startswith("-") and word.group() != "--":
            is_value = word.group() in with_value
        else:
            return word.start()
        end = word.end()
    return end + 1 if end < len(line) and not is_value else len(line) + 1


def _in_call(code: str, cursor: int) -> Place | None:
    """The text that a function is called with, where the cursor is in one."""
    for call in _CALL.finditer(code, 0, cursor):
        quote = call["quote"]
        closing = re.compile(rf"(?:\\.|(?!{quote}).)*", re.DOTALL if len(quote) > 1 else 0)
        text = cast("re.Match[str]", closing.match(code, call.end()))
        if call.end() <= cursor <= text.end():
            return Place("query", text.group(), cursor - call.end(), call["callee"], quote=quote)
    return None


def name_of_cell(line: str) -> str | None:
    """The name on the line of a `%%hogql` cell, which comes first or behind ``-o``."""
    found = re.match(r"[ \t]*(?:-o[ \t]+)?(?P<name>[^\W\d]\w*)(?=\s|$)", line)
    return found and found["name"]
