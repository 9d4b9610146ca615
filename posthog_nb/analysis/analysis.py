"""What every analysis gives: a frame, the HogQL that it comes from, and a picture."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

from posthog_nb.analysis.display import analysis_html
from posthog_nb.analysis.text import written
from posthog_nb.operations.card import shortened
from posthog_nb.visible import counted, visible

if TYPE_CHECKING:
    import altair as alt
    import pandas as pd
    import polars as pl
    import pyarrow as pa

    from posthog_nb.analysis.text import Values
    from posthog_nb.operations.result import Result

__all__ = ["Analysis"]


class Analysis(ABC):
    """The answer of an analysis.

    Attributes:
        result: The rows, as :meth:`posthog_nb.client.Client.query` gives them.
        hogql: The query with every value in its place: run by hand, it gives the same rows.
        title: What the picture is of, such as ``"Funnel: $pageview → signed_up"``.
    """

    def __init__(self, result: Result, text: str, values: Values, title: str) -> None:
        self.result = result
        self.title = title
        self.hogql = written(text, values.given)

    def to_frame(self, frame: str | None = None) -> Any:  # noqa: ANN401 - a frame of the kind that is asked for
        """The numbers as ``"pandas"``, ``"polars"`` or ``"arrow"``; by default what the client was told."""
        return self.result.to_frame(frame)

    def to_pandas(self) -> pd.DataFrame:
        """The numbers as a pandas frame."""
        return self.result.to_pandas()

    def to_polars(self) -> pl.DataFrame:
        """The numbers as a polars frame."""
        return self.result.to_polars()

    def to_arrow(self) -> pa.Table:
        """The numbers as an Arrow table."""
        return self.result.to_arrow()

    @abstractmethod
    def plot(self) -> alt.Chart | alt.LayerChart | alt.FacetChart | alt.HConcatChart | alt.VConcatChart:
        """The picture, an Altair chart to go on with.

        Raises:
            MissingDependencyError: Altair is not installed.
        """

    def __repr__(self) -> str:
        title = visible(shortened(self.title)).replace("\n", " ")
        return f"<{type(self).__name__}: {title}; {counted(len(self), 'row')} from {self.result.source}>"

    def _repr_html_(self) -> str:
        return analysis_html(self)

    def _ipython_display_(self) -> None:
        # Called by IPython alone; nothing below the notebook imports it.
        from posthog_nb.notebook.analyses import show  # noqa: PLC0415 - IPython calls this, and is there

        show(self)

    def __len__(self) -> int:
        return len(self.result)

    def __bool__(self) -> bool:
        # An analysis without rows is one all the same.
        return True
