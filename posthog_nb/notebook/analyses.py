"""An analysis in a notebook: its picture as one output, interactive or still, and its numbers as another.

They are two, as JupyterLab shows HTML rather than a chart where one output has both; so the chart has a PNG beside it,
which GitHub, nbconvert and a PDF show, and no HTML.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from IPython import get_ipython
from IPython.display import display

from posthog_nb.analysis.display import analysis_text, numbers_html
from posthog_nb.errors import MissingDependencyError

if TYPE_CHECKING:
    from posthog_nb.analysis.analysis import Analysis

__all__ = ["show"]


def show(analysis: Analysis) -> None:
    """Show an analysis as the front end can: picture and numbers, or text."""
    text = analysis_text(analysis)
    if not _shows_more_than_text():
        print(text)  # noqa: T201 - a terminal shows text
        return
    missing = ""
    try:
        chart = analysis.plot()
        from posthog_nb.analysis.charts.picture import bundle  # noqa: PLC0415 - loads Altair

        data, about = bundle(chart)
    except MissingDependencyError as error:
        missing = str(error)
    else:
        display(data, metadata=about, raw=True)  # type: ignore[no-untyped-call]
    numbers = {"text/html": numbers_html(analysis, without_picture=missing), "text/plain": text}
    display(numbers, raw=True)  # type: ignore[no-untyped-call]


def _shows_more_than_text() -> bool:
    shell = get_ipython()
    formatter = None if shell is None else shell.display_formatter
    return formatter is not None and formatter.active_types != ["text/plain"]
