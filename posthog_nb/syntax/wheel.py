"""The wheel of PostHog's HogQL parser, loaded without PostHog.

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

__all__ = ["parse", "parser_available"]

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


def parse(text: str, what: str) -> dict[str, Any]:
    """Parse ``text`` into PostHog's AST as plain dictionaries; the answer is the caller's own copy.

    Args:
        text: HogQL.
        what: ``"select"`` or ``"expr"``.

    Raises:
        HogQLSyntaxError: the text is not HogQL; ``span`` tells where.
    """
    tree: dict[str, Any] = json.loads(_parse(text, what))
    if tree.get("error"):
        raise _syntax_error(text, tree)
    return tree


@lru_cache(maxsize=1024)
def _parse(text: str, what: str) -> str:
    parser = _parser()
    if parser is None:
        raise HogQLSyntaxError(
            "PostHog's HogQL parser is not installed.",
            hint="The hogql-parser wheel exists for Linux and macOS; the embedded project needs it.",
        )
    try:
        return str((parser.parse_select_json if what == "select" else parser.parse_expr_json)(text))
    except _ParserError as error:
        start = getattr(error, "start", None)
        at = min(start, len(text)) if isinstance(start, int) else 0
        raise HogQLSyntaxError(str(error), text=text, span=Span(at, len(text))) from error


def _syntax_error(text: str, tree: dict[str, Any]) -> HogQLSyntaxError:
    start = min(int(tree["start"]["offset"]), len(text))
    # The end of an error, unlike its start, is counted in bytes.
    end = min(max(start + 1, int(tree["end"]["offset"])), len(text))
    message = str(tree["message"])
    if not text[start:].strip(" \t\r\n;"):
        message = "Unexpected end of query. Check for a missing table, column, bracket, or quote."
    return HogQLSyntaxError(message, text=text, span=Span(start, end))
