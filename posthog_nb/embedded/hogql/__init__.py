"""HogQL to ClickHouse SQL, as PostHog means it.

::

    text --parse--> tree --filters, limits--> tree --resolve--> ClickHouse tree --render--> SQL

:mod:`.parse` reads, :mod:`.filters` puts ``{filters}`` in place, :mod:`.limits` bounds, :mod:`.selects` and its kin
give names their meaning, :mod:`.sql` writes. Each step depends on its arguments alone. The tables are in
:mod:`.catalogue`, the functions in :mod:`.function_table`: nothing else can appear in the SQL.
"""

from __future__ import annotations

from posthog_nb.embedded.hogql.compile import Compiled, compile_query
from posthog_nb.embedded.hogql.facts import PERSON_MODES, ProjectFacts
from posthog_nb.embedded.hogql.filters.placeholders import NO_FILTERS, QueryFilters, read_filters

__all__ = [
    "NO_FILTERS",
    "PERSON_MODES",
    "Compiled",
    "ProjectFacts",
    "QueryFilters",
    "compile_query",
    "read_filters",
]
