"""Running the HogQL of an analysis."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from posthog_nb.errors import InvalidInputError
from posthog_nb.operations.queries import run

if TYPE_CHECKING:
    from posthog_nb.analysis.text import Values
    from posthog_nb.connection import Connection
    from posthog_nb.operations.result import Result

__all__ = ["MOST_ROWS", "Asking"]

MOST_ROWS = 50_000
"""The LIMIT of every analysis: the most rows that PostHog gives to a query."""


@dataclass(frozen=True)
class Asking:
    """Where analyses ask, and what their frames are.

    Attributes:
        connection: The project.
        frame: The kind of frame that results become.
        notes: Sentences for the reader that hold for every result.
    """

    connection: Connection
    frame: str | None = None
    notes: tuple[str, ...] = ()

    def run(self, text: str, values: Values) -> Result:
        """All rows of a query.

        Raises:
            InvalidInputError: there are more than a query gives, so that the analysis would be cut.
            QueryError: PostHog refused the query.
        """
        result = run(self.connection, text, values=values.given, frame=self.frame, notes=self.notes)
        if result.has_more or len(result) >= MOST_ROWS:
            raise InvalidInputError(
                f"The analysis has more than {MOST_ROWS:,} rows, the most that PostHog gives to a query.",
                hint="Choose a longer interval, a shorter range of dates, or a smaller breakdown_limit.",
            )
        return result
