"""Texts from a project where a menu or a page of help shows them: neither long, nor in control of what is around."""

from __future__ import annotations

from posthog_nb.visible import cut, visible

__all__ = ["is_harmless", "made_harmless"]

_LONGEST = 200
"""Characters."""


def is_harmless(text: str) -> bool:
    """Whether ``text`` can be shown as it is, on one line."""
    return len(text) <= _LONGEST and visible(text) == text and "\n" not in text and "\t" not in text


def made_harmless(text: str) -> str:
    """``text`` as it can be shown on one line."""
    return cut(visible(text).replace("\n", "\\n").replace("\t", "\\t"), _LONGEST)
