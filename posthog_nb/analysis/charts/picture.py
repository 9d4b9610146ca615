"""A picture as an Altair chart that shows itself without a network, and as SVG and PNG."""

from __future__ import annotations

import base64
import html
import re
import struct
import zlib
from typing import TYPE_CHECKING, Any

import altair as alt

from posthog_nb.errors import MissingDependencyError

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["INK", "VEGA_LITE", "Picture", "bundle", "drawn", "png", "specification", "svg"]

VEGA_LITE = "application/vnd.vegalite.v5+json"
"""The latest Vega-Lite that JupyterLab 4 and Notebook 7 draw by themselves; Altair 6 writes version 6, which they do
not know, and shows itself by a script of a CDN."""
_SCHEMA = "https://vega.github.io/schema/vega-lite/v5.json"
_EMBEDDING = {
    "renderer": "svg",
    "actions": {"export": True, "source": False, "compiled": False, "editor": False},
}
"""As SVG, texts take the colour of the page around them; the menu offers nothing that needs a network."""

INK = "#1f2328"
"""Texts, on a white page; where the page is another, so is what stands in its place."""
_PAGES: Mapping[str, tuple[str, str]] = {
    "page": ("currentColor", "transparent"),
    "light": (INK, "#ffffff"),
    "dark": ("#e6edf3", "#111111"),
}
"""The colour of texts and of what is behind them: of the page around, white, or near black."""
_CONFIG = {
    "font": "sans-serif",
    "view": {"stroke": None},
    # The description tells a screen reader what is drawn, and the table beside it every number. What Vega would say of
    # each mark and axis has times in another zone than the data's.
    "mark": {"aria": False},
    "axis": {"aria": False},
}
_DRAWN_BY = "5.21"
_SCALE = 2
_PNG = b"\x89PNG\r\n\x1a\n"
_DATA = {"data", "datasets", "text", "subtitle", "description"}
"""Parts of a chart that hold data's texts, not colours."""


class Picture(alt.LayerChart):
    """A layered Altair chart, to go on with as with any other.

    Shown as it is, it draws itself without a network; with a renderer of Altair chosen
    (``alt.renderers.enable(...)``), as that one does.
    """

    def _repr_mimebundle_(self, *args: Any, **kwds: Any) -> Any:  # noqa: ANN401 - what IPython takes
        if alt.renderers.active != "default":
            return super()._repr_mimebundle_(*args, **kwds)
        return bundle(self)


def specification(chart: alt.TopLevelMixin, page: str = "page") -> dict[str, Any]:
    """The chart as Vega-Lite 5, in the colours of ``"page"`` (those around it), ``"light"`` or ``"dark"``."""
    return _on(chart.to_dict(), page)


def _on(written: Mapping[str, Any], page: str) -> dict[str, Any]:
    ink, background = _PAGES[page]
    config = {**_CONFIG, **written.get("config", {})}
    spec: dict[str, Any] = _inked({**written, "config": config}, ink)
    return {**spec, "$schema": _SCHEMA, "background": background}


def _inked(part: Any, ink: str) -> Any:  # noqa: ANN401 - what JSON may hold
    if isinstance(part, dict):
        return {name: each if name in _DATA else _inked(each, ink) for name, each in part.items()}
    if isinstance(part, list):
        return [_inked(each, ink) for each in part]
    return ink if part == INK else part


def svg(chart: alt.TopLevelMixin) -> str:
    """The chart as an SVG element, in the colours of the page around it, which says what it is to a screen reader.

    It is as wide as the page lets it, up to its own width.
    """
    return drawn(specification(chart))


def drawn(spec: Mapping[str, Any]) -> str:
    """A specification, such as one in a notebook's output, as :func:`svg` draws it. It loads nothing."""
    svg = _converter().vegalite_to_svg(spec, vl_version=_DRAWN_BY, allowed_base_urls=[])
    return _told(svg, _description(spec))


def png(chart: alt.TopLevelMixin, page: str = "light") -> bytes:
    """The chart as PNG, black on white or white on near black, with two pixels for one of CSS."""
    return _png(specification(chart, page))


def _png(spec: Mapping[str, Any]) -> bytes:
    return _smaller(_converter().vegalite_to_png(spec, vl_version=_DRAWN_BY, scale=_SCALE))


def _smaller(drawn: bytes) -> bytes:
    """The same PNG, packed as well as can be: it is half as large, and is kept in notebooks."""
    parts, at = [], len(_PNG)
    while at < len(drawn):
        (size,) = struct.unpack_from(">I", drawn, at)
        parts.append((drawn[at + 4 : at + 8], drawn[at + 8 : at + 8 + size]))
        at += size + 12
    pixels = zlib.compress(zlib.decompress(b"".join(data for kind, data in parts if kind == b"IDAT")), 9)
    first = next(place for place, (kind, _) in enumerate(parts) if kind == b"IDAT")
    kept = [part for part in parts if part[0] != b"IDAT"]
    kept.insert(first, (b"IDAT", pixels))
    return _PNG + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in kept
    )


def bundle(chart: alt.TopLevelMixin) -> tuple[dict[str, Any], dict[str, Any]]:
    """The chart as one output of a notebook, with its metadata: interactive where that is drawn, else as a picture."""
    # To write it down, and check it, is what takes the time.
    written = chart.to_dict()
    picture, words = _png(_on(written, "light")), _description(written)
    # IHDR: the width in pixels, four bytes.
    width = int.from_bytes(picture[16:20]) // _SCALE
    data = {
        VEGA_LITE: _on(written, "page"),
        "image/png": base64.b64encode(picture).decode(),
        "text/plain": f"<Chart: {words}>",
    }
    about = {
        VEGA_LITE: {"embed_options": _EMBEDDING},
        "image/png": {"width": width, "alt": words},
    }
    return data, about


def _converter() -> Any:  # noqa: ANN401 - a module
    try:
        import vl_convert  # noqa: PLC0415 - loaded when a picture is drawn
    except ImportError as error:
        raise MissingDependencyError(
            "vl-convert, which turns pictures into SVG and PNG, is not installed.",
            hint="pip install 'posthog-nb[plot]'",
        ) from error
    return vl_convert


def _description(spec: Mapping[str, Any]) -> str:
    found = spec.get("description")
    return found if isinstance(found, str) else "a chart"


def _told(drawn: str, words: str) -> str:
    opening = re.match(r"<svg[^>]*>", drawn)
    if opening is None:
        raise AssertionError(f"no SVG: {drawn[:80]!r}")
    title, _, description = words.partition(". ")
    found = re.search(r'viewBox="0 0 ([\d.]+) ([\d.]+)"', opening[0])
    width, height = (found[1], found[2]) if found else ("480", "300")
    # No narrower than that its texts can be read; the box around it scrolls.
    style = f"display:block;width:100%;min-width:{0.8 * float(width):.0f}px;max-width:{width}px;height:auto"
    start = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img" style="{style}">'
        f"<title>{html.escape(title)}</title><desc>{html.escape(description)}</desc>"
    )
    return start + drawn[opening.end() :]
