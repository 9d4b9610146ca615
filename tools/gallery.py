"""Draw the pictures of ``docs/gallery.md``: of each block of Python code the one of what its last line is.

Run ``python -m tools.gallery [NAME ...]`` after a change of how pictures look; it needs the extra ``plot``. The first
block connects to the demo as of a fixed moment, so that a picture changes only with the code that draws it. Each other
block is followed by ``images/gallery/NAME-light.png`` and ``NAME-dark.png``, which are written.
"""

from __future__ import annotations

import ast
import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from posthog_nb.analysis.analysis import Analysis

__all__ = ["IMAGES", "PAGE", "Shown", "analysis_of", "connected", "shown"]

PAGE = Path(__file__).parent.parent / "docs" / "gallery.md"
IMAGES = PAGE.parent / "images" / "gallery"
_BLOCK = re.compile(r"^```python\n(?P<code>.*?)^```\n(?P<after>.*?)(?=^```|^## |\Z)", re.MULTILINE | re.DOTALL)
_IMAGE = re.compile(r"images/gallery/([\w-]+)-light\.png")


@dataclass(frozen=True)
class Shown:
    """A picture of the page.

    Attributes:
        name: What its files begin with.
        code: What it is the picture of.
    """

    name: str
    code: str


def shown(page: str) -> list[Shown]:
    """The pictures of the page, in their order."""
    found = []
    for block in _BLOCK.finditer(page):
        image = _IMAGE.search(block["after"])
        if image is not None:
            found.append(Shown(image[1], block["code"]))
    return found


def connected(page: str) -> dict[str, Any]:
    """The names that the page's first block sets."""
    first = _BLOCK.search(page)
    if first is None:
        raise ValueError(f"{PAGE} has no block of Python code.")
    names: dict[str, Any] = {}
    exec(first["code"], names)  # noqa: S102 - the project's own page
    return names


def analysis_of(picture: Shown, names: Mapping[str, Any]) -> Analysis:
    """What the last line of a picture's block is."""
    tree = ast.parse(picture.code)
    last = tree.body.pop()
    if not isinstance(last, ast.Expr):
        raise TypeError(f"The block of {picture.name} ends with no expression.")
    own = dict(names)
    exec(compile(tree, str(PAGE), "exec"), own)  # noqa: S102 - the project's own page
    analysis: Analysis = eval(compile(ast.Expression(last.value), str(PAGE), "eval"), own)  # noqa: S307 - as above
    return analysis


def main(wanted: Iterable[str], folder: Path = IMAGES) -> None:
    """Write the pictures of these names, or all."""
    from posthog_nb.analysis.charts.picture import png  # noqa: PLC0415 - needs the extra plot

    page = PAGE.read_text()
    names = connected(page)
    folder.mkdir(parents=True, exist_ok=True)
    chosen = set(wanted)
    for picture in shown(page):
        if not chosen or picture.name in chosen:
            chart = analysis_of(picture, names).plot()
            for page_colour in ("light", "dark"):
                (folder / f"{picture.name}-{page_colour}.png").write_bytes(png(chart, page_colour))


if __name__ == "__main__":
    main(sys.argv[1:])
