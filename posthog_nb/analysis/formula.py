"""A formula over series, such as ``A / B``, as HogQL.

PostHog works a formula out in Python (``posthog/hogql_queries/utils/formula_ast.py``): arithmetic alone, letters for
series in either case, and 0 where it would divide by 0. The HogQL here gives the same.
"""

from __future__ import annotations

import ast
from string import ascii_uppercase

from posthog_nb.errors import InvalidInputError

__all__ = ["LETTERS", "read_formula"]

LETTERS = ascii_uppercase
"""What series are called in a formula."""

_PLAIN = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*"}
_HINT = "A formula has letters of series, numbers, parentheses and + - * / % **, such as (A - B) / A."


def read_formula(formula: object, series: int) -> str:
    """The HogQL of a formula, over columns that are called as the series are.

    Args:
        formula: Such as ``"A / B"``; A is the first series.
        series: How many there are.

    Raises:
        InvalidInputError: it is no such formula.
    """
    if not isinstance(formula, str) or not formula.strip():
        raise InvalidInputError(f"formula is {formula!r}.", hint=_HINT, argument="formula")
    if series > len(LETTERS):
        raise InvalidInputError(
            f"A formula has {len(LETTERS)} letters, and there are {series} series.",
            hint="Leave out the series that it does not have.",
            argument="formula",
        )
    try:
        tree = ast.parse(formula.strip(), mode="eval")
        return _written(tree.body, LETTERS[:series])
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        if isinstance(error, InvalidInputError):
            raise
        raise InvalidInputError(f"{formula!r:.80} is no formula.", hint=_HINT, argument="formula") from error


def _written(node: ast.expr, letters: str) -> str:
    match node:
        case ast.Name(id=name) if name.upper() in letters:
            return name.upper()
        case ast.Name(id=name) if len(name) == 1:
            raise InvalidInputError(
                f"The formula has {name.upper()}, and the last series is {letters[-1]}.", hint=_HINT, argument="formula"
            )
        case ast.Constant(value=int() | float() as number) if not isinstance(number, bool):
            return repr(float(number))
        case ast.UnaryOp(op=ast.UAdd(), operand=operand):
            return _written(operand, letters)
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return f"(0 - {_written(operand, letters)})"
        case ast.BinOp(left=left, op=operator, right=right):
            return _of_two(operator, _written(left, letters), _written(right, letters))
    raise InvalidInputError(f"The formula has {ast.unparse(node):.80}.", hint=_HINT, argument="formula")


def _of_two(operator: ast.operator, left: str, right: str) -> str:
    match operator:
        case ast.Div():
            return f"ifNull({left} / nullIf({right}, 0), 0)"
        case ast.Mod():
            return f"ifNull(positiveModulo({left}, nullIf({right}, 0)), 0)"
        case ast.Pow():
            # 0 to a negative power divides by 0.
            return f"ifNull(nullIf(pow({left}, {right}), inf), 0)"
    if type(operator) in _PLAIN:
        return f"({left} {_PLAIN[type(operator)]} {right})"
    raise InvalidInputError(f"The formula has the operator {type(operator).__name__}.", hint=_HINT, argument="formula")
