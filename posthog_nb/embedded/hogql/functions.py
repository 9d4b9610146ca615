"""The whitelist: which functions a query may call, with how many arguments, and what becomes of them.

The names live in :mod:`.function_table` as data. Nothing that is not found here reaches ClickHouse.
"""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches
from enum import Enum, auto
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from posthog_nb.embedded.hogql import ast
    from posthog_nb.embedded.hogql.facts import ProjectFacts
    from posthog_nb.embedded.hogql.refuse import Refuse
    from posthog_nb.embedded.hogql.sql import Expr
    from posthog_nb.embedded.hogql.typed import Typed
    from posthog_nb.embedded.hogql.types import Type

__all__ = ["Function", "FunctionKind", "Invocation", "closest_function", "find_function"]


class FunctionKind(Enum):
    """Where a function may stand."""

    SCALAR = auto()
    AGGREGATE = auto()
    WINDOW = auto()


@dataclass(frozen=True)
class Invocation:
    """What a rewriting sees of a call."""

    name: str
    args: tuple[Typed, ...]
    facts: ProjectFacts
    refuse: Refuse
    distinct: bool = False
    condition: Expr | None = None

    @property
    def zone(self) -> str:
        """The project's time zone."""
        return self.facts.timezone


@dataclass(frozen=True)
class Function:
    """One entry of the whitelist.

    Attributes:
        target: ClickHouse's name.
        min_args: Fewest arguments.
        max_args: Most arguments; None for any number.
        kind: Where it may stand.
        returns: Its type, made nullable when an argument is; None when nothing is known.
        first_type: Its value has the type of the first argument.
        zone: The time zone is appended where the last argument is free.
        rewrite: Builds the call where it is more than another name.
        expand: Gives the HogQL that the call stands for, where it needs names of the query around it.
        refusal: Why the embedded project does not have it.
        params: Whether it takes a bracket of parameters: "no", "may" or "must".
        topic: Under which heading the documentation has it.
        meaning: What PostHog makes of it, where that is not what ClickHouse's function of the same name does.
        differs: How the embedded project's answer may differ from PostHog's.
    """

    target: str
    min_args: int = 0
    max_args: int | None = None
    kind: FunctionKind = FunctionKind.SCALAR
    returns: Type | None = None
    first_type: bool = False
    zone: bool = False
    rewrite: Callable[[Invocation], Typed] | None = None
    expand: Callable[[ast.Call, Refuse], ast.Node] | None = None
    refusal: str = ""
    params: str = "no"
    topic: str = ""
    meaning: str = ""
    differs: str = ""


@lru_cache(maxsize=2048)
def find_function(name: str) -> Function | None:
    """The entry for ``name``: as spelled, else in lower case where the name is free in its case."""
    from posthog_nb.embedded.hogql.function_table import ANY_CASE, FUNCTIONS  # noqa: PLC0415 - the table names us

    function = FUNCTIONS.get(name)
    if function is None and name.lower() in ANY_CASE:
        function = FUNCTIONS.get(ANY_CASE[name.lower()])
    return function


def closest_function(name: str) -> str | None:
    """The known name nearest to ``name``."""
    from posthog_nb.embedded.hogql.function_table import FUNCTIONS  # noqa: PLC0415 - as above

    by_lower = {known.lower(): known for known in FUNCTIONS if not known.startswith("_")}
    matches = get_close_matches(name.lower(), by_lower, n=1, cutoff=0.7)
    return by_lower[matches[0]] if matches else None
