"""What could be typed at a place of a query that is being written.

::

    text --cursor--> tokens around it --outline--> pieces --names--> what can be used --complete--> suggestions

The text need not parse: :mod:`.cursor` and :mod:`.outline` read tokens, and only the pieces that are needed (a table
of FROM, a query of WITH) go to the parser and the resolver, each by itself.
"""

from __future__ import annotations

from posthog_nb.embedded.hogql.completion.complete import Known, complete, complete_expression
from posthog_nb.embedded.hogql.completion.describe import Description, describe, describe_name
from posthog_nb.embedded.hogql.completion.suggestions import MOST, Completion, Suggestion

__all__ = [
    "MOST",
    "Completion",
    "Description",
    "Known",
    "Suggestion",
    "complete",
    "complete_expression",
    "describe",
    "describe_name",
]
