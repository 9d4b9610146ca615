"""Reading HTML as a browser does, to see which elements it has and which text it shows."""

from __future__ import annotations

from dataclasses import dataclass
from html.parser import HTMLParser

__all__ = ["Page", "read"]

_UNSHOWN = frozenset({"style", "script", "title"})


@dataclass(frozen=True)
class Page:
    """What a page holds.

    Attributes:
        elements: Each element's name and attributes, in order.
        text: What it shows.
        texts: The same piece by piece, a piece for each stretch between two tags.
        comments: Its comments and declarations.
        unclosed: The elements that are open at its end, or are closed by another's end.
    """

    elements: list[tuple[str, dict[str, str]]]
    text: str
    texts: list[str]
    comments: list[str]
    unclosed: list[str]


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.texts: list[str] = []
        self.comments: list[str] = []
        self.unclosed: list[str] = []
        self._open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))
        self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if self._open and self._open[-1] == tag:
            self._open.pop()
        else:
            self.unclosed.append(tag)

    def handle_data(self, data: str) -> None:
        if not _UNSHOWN.intersection(self._open):
            self.texts.append(data)

    def handle_comment(self, data: str) -> None:
        self.comments.append(data)

    def handle_decl(self, decl: str) -> None:
        self.comments.append(decl)

    def unknown_decl(self, data: str) -> None:
        self.comments.append(data)

    def handle_pi(self, data: str) -> None:
        self.comments.append(data)

    def close(self) -> None:
        super().close()
        self.unclosed += self._open


def read(page: str) -> Page:
    """``page``, a piece of HTML without elements that have no end."""
    reader = _Reader()
    reader.feed(page)
    reader.close()
    return Page(reader.elements, "".join(reader.texts), reader.texts, reader.comments, reader.unclosed)
