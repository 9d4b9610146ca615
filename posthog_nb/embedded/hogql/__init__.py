"""HogQL to ClickHouse SQL, as PostHog means it.

::

    text --parse--> tree --limits--> tree --resolve--> ClickHouse tree --render--> SQL

:mod:`.parse` reads, :mod:`.limits` bounds, :mod:`.selects` and its kin give names their meaning, :mod:`.sql` writes.
Each step depends on its arguments alone. The tables are in :mod:`.catalogue`, the functions in :mod:`.function_table`:
nothing else can appear in the SQL.
"""

from __future__ import annotations

from posthog_nb.embedded.hogql.compile import Compiled, compile_query
from posthog_nb.embedded.hogql.facts import PERSON_MODES, ProjectFacts

__all__ = ["PERSON_MODES", "Compiled", "ProjectFacts", "compile_query"]
