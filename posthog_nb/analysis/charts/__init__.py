"""The pictures of the analyses, drawn by Altair from their frames: one module an analysis, each with one ``draw``.

A picture holds no number that its frame does not have or that is not reckoned from it in a line. Colours, sizes and
texts stand in :mod:`.theme`, times in :mod:`.times`. What a picture needs of Vega-Lite is what version 5 knows, as
JupyterLab draws no later one by itself.
"""

from __future__ import annotations

from importlib.util import find_spec

from posthog_nb.errors import MissingDependencyError

if find_spec("altair") is None:
    raise MissingDependencyError(
        "Altair, which draws the pictures, is not installed.", hint="pip install 'posthog-nb[plot]'"
    )
