"""What a page may not tell of its author: keys, and where files lie on their machine."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from posthog_nb.secret import redact

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["cleaned"]

T = TypeVar("T")
_CELL_FILE = re.compile(r"(?<![\w.])[^\s\"'<>]*[/\\]ipykernel_\d+[/\\]\d+\.py")
_EVERYBODYS = 3
"""A Python in /usr or /usr/local tells nothing."""


def cleaned(part: T, folder: Path) -> tuple[T, list[str]]:
    """``part`` without keys, and with this machine's folders by other names, and what there is to say about it.

    Args:
        part: A notebook, or anything else that JSON can hold.
        folder: Where the notebook is.
    """
    names = _names(folder)
    masked = False

    def clean(text: str) -> str:
        nonlocal masked
        without = redact(text)
        masked = masked or without != text
        for pattern, name in names:
            without = pattern.sub(name, without)
        return without

    result = _each(part, clean)
    told = "A key stands in the notebook, and is masked in the page. Take it out there, and make a new one in PostHog."
    return result, [told] if masked else []


def _names(folder: Path) -> list[tuple[re.Pattern[str], str]]:
    pythons = (path for path in (Path(sys.prefix), Path(sys.base_prefix)) if len(path.parts) > _EVERYBODYS)
    known = {Path.home(): "~", **dict.fromkeys(pythons, "(python)"), folder: "."}
    # The longest first: they lie in each other. A root is no name.
    paths = sorted((path for path in known if len(path.parts) > 1), key=lambda path: -len(str(path)))
    return [(_CELL_FILE, "(cell)"), *((_pattern(path), known[path]) for path in paths)]


def _pattern(path: Path) -> re.Pattern[str]:
    # In the repr of a text a backslash stands twice.
    return re.compile(rf"(?<![\w.~-]){re.escape(str(path))}(?![\w-])".replace(r"\\", r"\\+"))


def _each(part: Any, clean: Callable[[str], str]) -> Any:  # noqa: ANN401 - JSON
    if isinstance(part, str):
        return clean(part)
    if isinstance(part, dict):
        # The bytes of a picture are letters at random.
        kept = {key: each if str(key).startswith("image/") else _each(each, clean) for key, each in part.items()}
        return type(part)(kept)
    if isinstance(part, list):
        return [_each(each, clean) for each in part]
    return part
