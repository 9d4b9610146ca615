"""The page: nbconvert's rendering, and what stands in the place of what needs scripts or a network."""

from __future__ import annotations

import base64
import mimetypes
import re
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from bs4 import BeautifulSoup
from nbconvert import HTMLExporter
from nbconvert.preprocessors import HighlightMagicsPreprocessor
from nbformat import NotebookNode

from posthog_nb.errors import MissingDependencyError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from bs4 import Tag

__all__ = ["page"]

_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
"""The page's own word that a browser loads nothing and runs no script, whatever an output holds."""
_VEGA_LITE = "application/vnd.vegalite.v5+json"
_PICTURES = ("image/svg+xml", "image/png", "image/jpeg", "image/gif", "image/webp")
_ACTIVE = re.compile(r"<(?:script|iframe|object|embed)\b", re.IGNORECASE)
_LEFT_OUT = (
    '<p class="report-note">An interactive part stands here in the notebook. It needs scripts; a page has none.</p>'
)
_INK = "<style>svg{color:#1f2328}@media(prefers-color-scheme:dark){svg{color:#e6edf3}}</style>"
_NO_WORDS = ("", "No description has been provided for this image")  # nbconvert's own
_IMPORT = re.compile(r"@import[^;]*;?", re.IGNORECASE)
_HEADING = re.compile(r"^#[ \t]+(.+?)[ \t#]*$", re.MULTILINE)
_MARKS = re.compile(r"[*_`]|!?\[|\]\([^)]*\)")


def page(notebook: NotebookNode, *, name: str, folder: Path, about: Iterable[str], code: bool) -> tuple[str, list[str]]:
    """The page of a notebook, and what of the notebook is not in it.

    Args:
        notebook: It is changed on the way.
        name: What it is called where it has no heading.
        folder: Where the pictures of its text are.
        about: What stands at the foot of the page.
        code: Whether code is shown.
    """
    notebook.metadata.pop("widgets", None)
    if (language := notebook.metadata.get("language_info", {"name": "python"}))["name"] == "python":
        # What knows magics, of which %%hogql is one.
        notebook.metadata.language_info = NotebookNode({**language, "pygments_lexer": "ipython3"})
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            if "data" in output:
                output.data = NotebookNode(_still(output.data, output.get("metadata", {})))
    exporter = HTMLExporter(
        template_name="posthog-nb",
        extra_template_basedirs=[str(Path(__file__).parent / "templates")],
        exclude_input=not code,
        exclude_anchor_links=True,
    )
    exporter.register_preprocessor(HighlightMagicsPreprocessor(enabled=True, languages={"%%hogql": "sql"}))
    resources = {"report": {"title": _title(notebook) or name, "policy": _POLICY, "about": list(about)}}
    written, _ = exporter.from_notebook_node(notebook, resources=resources)
    soup = BeautifulSoup(written, "html.parser")
    remarks = _complete(soup, folder)
    return str(soup), remarks


def _title(notebook: NotebookNode) -> str:
    texts = (cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    found = next((found[1] for text in texts if (found := _HEADING.search(text))), "")
    return _MARKS.sub("", str(found)).strip()


def _still(data: Mapping[str, Any], about: Mapping[str, Any]) -> dict[str, Any]:
    """Of one output's forms the one that says most without a script."""
    words = str(about.get("image/png", {}).get("alt", ""))
    if (picture := _drawn(data.get(_VEGA_LITE))) is not None:
        return {"text/html": _picture("image/svg+xml", picture.encode(), words, _width(picture))}
    html = data.get("text/html")
    if html is not None and not _ACTIVE.search(html):
        return {"text/html": html}
    for kind in _PICTURES:
        if kind in data:
            content = data[kind].encode() if kind == "image/svg+xml" else base64.b64decode(data[kind])
            own = about.get(kind, {})
            shown = _picture(kind, content, str(own.get("alt", words)), own.get("width"))
            return {"text/html": f'<div class="report-plate">{shown}</div>'}
    if html is not None:
        return {"text/html": _LEFT_OUT + html}
    return {kind: data[kind] for kind in ("text/markdown", "text/latex", "text/plain") if kind in data}


def _drawn(spec: Any) -> str | None:  # noqa: ANN401 - JSON
    """One of our own pictures in the colours of the page, whichever those are; None for another's."""
    if not isinstance(spec, dict) or spec.get("background") != "transparent" or _loads(spec):
        return None
    try:
        from posthog_nb.analysis.charts.picture import drawn  # noqa: PLC0415 - an extra, for pictures alone

        svg = drawn(spec)
    except (MissingDependencyError, ValueError):
        return None  # the PNG beside it says the same
    start = svg.index(">") + 1
    return svg[:start] + _INK + svg[start:]


def _loads(spec: Any) -> bool:  # noqa: ANN401 - JSON
    """Whether it names a file or an address; what is data may."""
    if isinstance(spec, dict):
        return "url" in spec or any(_loads(each) for name, each in spec.items() if name not in {"datasets", "values"})
    return isinstance(spec, list) and any(map(_loads, spec))


def _width(svg: str) -> float | None:
    found = re.search(r'viewBox="0 0 ([\d.]+)', svg)
    return float(found[1]) if found else None


def _picture(kind: str, content: bytes, words: str, width: Any) -> str:  # noqa: ANN401 - JSON
    # No narrower than that its texts can be read; the box around it scrolls.
    size = f"width:{width}px;min-width:{0.8 * width:.0f}px" if isinstance(width, int | float) else ""
    return f'<div class="report-picture"><img src="{_data(kind, content)}" alt="{escape(words)}" style="{size}"></div>'


def _data(kind: str, content: bytes) -> str:
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"


def _complete(soup: BeautifulSoup, folder: Path) -> list[str]:
    """Put pictures into the page, and take out what leads nowhere from it; what that was, in a line each."""
    main = soup.main
    if main is None:
        raise AssertionError("the template has a main part")
    for active in main.select("script, iframe, object, embed, link, base, meta"):
        active.decompose()
    for style in main.select("style"):
        style.string = _IMPORT.sub("", style.get_text())
    missing = [source for image in main.select("img") if (source := _unavailable(image, folder)) is not None]
    for link in main.select("a[href]"):
        # A file beside the notebook is not beside the page.
        if urlsplit(_text(link, "href")).scheme not in {"http", "https", "mailto"} and not _text(
            link, "href"
        ).startswith("#"):
            link.unwrap()
    return [f"A picture is not in the page, only its name: {source}" for source in missing]


def _unavailable(image: Tag, folder: Path) -> str | None:
    """Put the picture's file into the page; its address, if that cannot be."""
    source = _text(image, "src")
    del image["srcset"]
    if source.startswith("data:"):
        return None
    place = folder / unquote(source)
    kind = mimetypes.guess_type(place.name)[0]
    if (
        not urlsplit(source).scheme
        and not Path(unquote(source)).is_absolute()
        and kind in _PICTURES
        and place.is_file()
    ):
        image["src"] = _data(kind, place.read_bytes())
        return None
    words = _text(image, "alt")
    image.replace_with(f"[{Path(source).name if words in _NO_WORDS else words}]")
    return source


def _text(tag: Tag, attribute: str) -> str:
    value = tag.get(attribute)
    return value if isinstance(value, str) else ""
