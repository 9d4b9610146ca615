"""Going through a syntax tree."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING

from posthog_nb.embedded.hogql import ast

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["children", "walk"]

_FIELD_NAMES = {cls: tuple(field.name for field in fields(cls)) for cls in ast.NODES.values()}


def walk(node: ast.Node) -> Iterator[ast.Node]:
    """``node`` and everything below it, parents first."""
    pending = [node]
    while pending:
        current = pending.pop()
        yield current
        pending.extend(children(current))


def children(node: ast.Node) -> Iterator[ast.Node]:
    """The nodes right below ``node``."""
    for name in _FIELD_NAMES[type(node)]:
        yield from _nodes_in(getattr(node, name))


def _nodes_in(value: object) -> Iterator[ast.Node]:
    if isinstance(value, ast.Node):
        yield value
    elif isinstance(value, tuple):
        for item in value:
            yield from _nodes_in(item)
    elif isinstance(value, dict):
        for item in value.values():
            yield from _nodes_in(item)
