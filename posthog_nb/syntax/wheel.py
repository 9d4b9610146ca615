"""PostHog's own HogQL parser, loaded without PostHog.

The ``hogql-parser`` wheel imports three modules of PostHog's application when it is imported. They are given as
empty stand-ins for that moment alone, and ``sys.modules`` is put back as it was: a user may have the ``posthog``
SDK loaded, whose top-level module has the same name.
"""

from __future__ import annotations

import importlib
import json
import sys
import threading
from contextlib import contextmanager
from functools import cache, lru_cache
from types import ModuleType
from typing import TYPE_CHECKING, Any

from posthog_nb.errors import HogQLSyntaxError, Span

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["MAX_QUERY_LENGTH", "parse_select", "parser_available"]

MAX_QUERY_LENGTH = 200_000
"""Longest query text given to the parser, in code points: it guards itself weakly against size."""

MAX_NESTING = 250
"""Deepest nesting of brackets given to the parser: it recurses in C++ and would end the process, not raise."""

_STAND_INS = ("posthog", "posthog.hogql", "posthog.hogql.ast", "posthog.hogql.base", "posthog.hogql.errors")
_import_lock = threading.Lock()


class _ParserError(Exception):
    """What the parser raises, rather than returns, for a few kinds of bad text: a stray brace for one."""


@contextmanager
def _stand_ins() -> Iterator[None]:
    before = {name: module for name, module in sys.modules.items() if name == "posthog" or name.startswith("posthog.")}
    for name in before:
        del sys.modules[name]
    for name in _STAND_INS:
        sys.modules[name] = ModuleType(name)
    vars(sys.modules["posthog.hogql.base"])["AST"] = type("AST", (), {})
    for name in ("BaseHogQLError", "NotImplementedError", "ParsingError", "SyntaxError"):
        vars(sys.modules["posthog.hogql.errors"])[name] = type(name, (_ParserError,), {})
    try:
        yield
    finally:
        for name in _STAND_INS:
            sys.modules.pop(name, None)
        sys.modules.update(before)


@cache
def _parser() -> Any | None:  # noqa: ANN401 - the wheel has no types
    with _import_lock:
        try:
            with _stand_ins():
                return importlib.import_module("hogql_parser")
        except ImportError:
            # No wheel for this platform (Windows). Callers do without the shape of a query.
            return None


def parser_available() -> bool:
    """Whether PostHog's parser can be loaded on this platform."""
    return _parser() is not None


@lru_cache(maxsize=256)
def _parse(text: str) -> str:
    parser = _parser()
    if parser is None:
        raise HogQLSyntaxError(
            "PostHog's HogQL parser is not installed.",
            hint="The hogql-parser wheel exists for Linux and macOS; the embedded project needs it.",
        )
    try:
        return str(parser.parse_select_json(text))
    except _ParserError as error:
        start = getattr(error, "start", None)
        at = min(start, len(text)) if isinstance(start, int) else 0
        raise HogQLSyntaxError(str(error), text=text, span=Span(at, max(at + 1, len(text)))) from error


def parse_select(text: str) -> dict[str, Any]:
    """Parse one SELECT (or set of SELECTs) into PostHog's AST as plain dictionaries.

    Every node has ``node`` (its kind) and ``start``/``end`` with ``offset`` in code points. The answer is the
    caller's own copy.

    Raises:
        HogQLSyntaxError: the text is not HogQL, is too long or nests too deep; ``span`` tells where.
    """
    if len(text) > MAX_QUERY_LENGTH:
        raise HogQLSyntaxError(
            f"The query has {len(text):,} characters; at most {MAX_QUERY_LENGTH:,} are parsed.",
            text=text,
            span=Span(MAX_QUERY_LENGTH, MAX_QUERY_LENGTH + 1),
        )
    _check_nesting(text)
    tree: dict[str, Any] = json.loads(_parse(text))
    if tree.get("error"):
        raise _syntax_error(text, tree)
    return tree


def _check_nesting(text: str) -> None:
    depth = 0
    for offset, char in enumerate(text):
        if char in "([{":
            depth += 1
            if depth > MAX_NESTING:
                raise HogQLSyntaxError(
                    f"The query nests more than {MAX_NESTING} brackets deep.",
                    text=text,
                    span=Span(offset, offset + 1),
                )
        elif char in ")]}":
            depth -= 1


def _syntax_error(text: str, tree: dict[str, Any]) -> HogQLSyntaxError:
    start = min(int(tree["start"]["offset"]), len(text))
    end = max(start + 1, int(tree["end"]["offset"]))
    message = str(tree["message"])
    if not text[start:].strip(" \t\r\n;"):
        message = "Unexpected end of query. Check for a missing table, column, bracket, or quote."
    return HogQLSyntaxError(message, text=text, span=Span(start, end))
