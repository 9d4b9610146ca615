"""Going through a syntax tree."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any, TypeVar

from posthog_nb.embedded.hogql import ast

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from posthog_nb.errors import Span

__all__ = ["children", "rebuilt", "walk"]

_N = TypeVar("_N", bound=ast.Node)

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


def rebuilt(node: _N, change: Callable[[Any], ast.Node], *, span: Span | None = None) -> _N:
    """``node`` with ``change`` applied to each node right below it, and itself where nothing changed.

    Args:
        node: The parent.
        change: Gives what stands in a child's place.
        span: Where the result stands; left out, where ``node`` does.
    """
    changed: dict[str, Any] = {} if span is None else {"span": span}
    for name in _FIELD_NAMES[type(node)]:
        before = getattr(node, name)
        after = _changed(before, change)
        if after is not before:
            changed[name] = after
    return replace(node, **changed) if changed else node


def _changed(value: Any, change: Callable[[Any], ast.Node]) -> Any:  # noqa: ANN401 - a field of any node
    if isinstance(value, ast.Node):
        return change(value)
    if isinstance(value, tuple):
        items = tuple(_changed(item, change) for item in value)
        return value if all(new is old for new, old in zip(items, value, strict=True)) else items
    if isinstance(value, dict):
        entries = {key: _changed(item, change) for key, item in value.items()}
        return value if all(entries[key] is value[key] for key in value) else entries
    return value


def _nodes_in(value: object) -> Iterator[ast.Node]:
    if isinstance(value, ast.Node):
        yield value
    elif isinstance(value, tuple):
        for item in value:
            yield from _nodes_in(item)
    elif isinstance(value, dict):
        for item in value.values():
            yield from _nodes_in(item)
