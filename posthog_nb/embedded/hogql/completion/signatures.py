"""How a function is called: with its arguments by name where they are known, else with their number.

The names are data beside this module, written by ``python -m tools.hogql_signatures``.
"""

from __future__ import annotations

from functools import cache
from importlib import resources
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from posthog_nb.embedded.hogql.functions import Function

__all__ = ["arguments_of", "signature_of"]


def signature_of(name: str, function: Function) -> str:
    """The call of a function, such as ``dateDiff(unit, startdate, enddate)`` or ``f(2 arguments)``."""
    return _named().get(name) or f"{name}({arguments_of(function)})"


def arguments_of(function: Function) -> str:
    """How many arguments a function takes."""
    fewest, most = function.min_args, function.max_args
    if most is None:
        return f"{fewest} or more arguments" if fewest else "any number of arguments"
    if fewest == most:
        return f"{fewest or 'no'} argument{'s' * (fewest != 1)}"
    return f"{fewest} to {most} arguments"


@cache
def _named() -> Mapping[str, str]:
    text = resources.files(__package__).joinpath("signatures.txt").read_text(encoding="utf-8")
    return {line.partition("(")[0]: line for line in text.splitlines()}
