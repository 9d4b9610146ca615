"""Walking PostHog's AST as the parser gives it: plain dictionaries with ``node``, ``start`` and ``end``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["is_select", "nodes", "same_meaning"]

_PLACES = frozenset({"start", "end"})


def nodes(tree: object, *kinds: str) -> Iterator[dict[str, Any]]:
    """Every node of one of ``kinds`` anywhere in ``tree``, in the order of the text."""
    if isinstance(tree, dict):
        if tree.get("node") in kinds:
            yield tree
        for key, child in tree.items():
            if key not in _PLACES:
                yield from nodes(child, *kinds)
    elif isinstance(tree, list):
        for child in tree:
            yield from nodes(child, *kinds)


def is_select(tree: dict[str, Any]) -> bool:
    """Whether ``tree`` is a single SELECT, not a union of several."""
    return tree.get("node") == "SelectQuery"


def same_meaning(one: object, other: object, *, without: frozenset[str] = frozenset()) -> bool:
    """Whether two trees differ in their positions at most.

    Args:
        one: A tree.
        other: Another.
        without: Keys of the outermost node that may differ as well.
    """
    return _bare(one, without) == _bare(other, without)


def _bare(tree: object, without: frozenset[str] = frozenset()) -> object:
    if isinstance(tree, dict):
        return {
            key: _bare(child)
            for key, child in tree.items()
            if key not in _PLACES and key not in without and child is not None
        }
    if isinstance(tree, list):
        return [_bare(child) for child in tree]
    return tree
