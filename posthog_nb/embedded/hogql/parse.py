"""Text to tree: PostHog's parser, placeholders filled in, silent misreadings refused."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Any

from posthog_nb.embedded.hogql import ast
from posthog_nb.embedded.hogql.misread import refuse_misread
from posthog_nb.embedded.hogql.values import NO_VALUES, constant_of
from posthog_nb.errors import HogQLQueryError, HogQLSyntaxError, Span
from posthog_nb.syntax import Token, parse_select, tokenise

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["EXPRESSION_BEGINS", "Query", "parse", "parse_expression"]

Query = ast.SelectQuery | ast.SelectSetQuery

_MOST_PREFIXES = 20
"""Most NOTs or signs in a row: the parser's time doubles with a few more of them."""


def parse(text: str, values: Mapping[str, object], variables: Mapping[str, object]) -> Query:
    """Read a query. ``{filters}`` and what is behind it stay placeholders, for :mod:`.filters.placeholders`.

    Args:
        text: HogQL.
        values: What each ``{name}`` stands for; a value becomes a typed constant and is never read as text.
        variables: The same for each ``{variables.name}``.

    Raises:
        HogQLSyntaxError: the text is not HogQL, or says something that PostHog's parser would silently misread.
        HogQLQueryError: a placeholder has no value, or a value of a type that HogQL has no constant for.
    """
    tokens = tokenise(text)
    _refuse_long_prefixes(text, tokens)
    tree = parse_select(text)
    reader = _Reader(text, values, variables)
    query = reader.node(tree)
    reader.refuse_missing_variables()
    if not isinstance(query, Query):
        raise HogQLSyntaxError("A query is a SELECT.", text=text, span=query.span)
    refuse_misread(text, tokens, query)
    return query


EXPRESSION_BEGINS = "SELECT "
"""What the parser is given before an expression: its places count from there on."""


def parse_expression(
    text: str, values: Mapping[str, object] = NO_VALUES, variables: Mapping[str, object] = NO_VALUES
) -> ast.Node:
    """Read one expression by itself. Its places, also those of errors, count from :data:`EXPRESSION_BEGINS` on.

    Raises:
        HogQLSyntaxError: it is none, or more than one.
        HogQLQueryError: as :func:`parse`.
    """
    # A comment at its end must not reach further.
    match query := parse(f"{EXPRESSION_BEGINS}{text}\n", values, variables):
        case ast.SelectQuery(select=(expr,)) if query == ast.SelectQuery(query.span, select=(expr,)):
            return expr
    begin = len(EXPRESSION_BEGINS)
    raise HogQLSyntaxError("One expression is expected.", text=text, span=Span(begin, begin + len(text)))


_FIELD_NAMES = {cls: tuple(field.name for field in fields(cls) if field.name != "span") for cls in ast.NODES.values()}


def _refuse_long_prefixes(text: str, tokens: Sequence[Token]) -> None:
    run = 0
    for token in tokens:
        run = run + 1 if token.word in {"NOT", "-", "+"} else 0
        if run > _MOST_PREFIXES:
            raise HogQLSyntaxError(
                f"More than {_MOST_PREFIXES} operators in a row.", text=text, span=Span(token.start, token.end)
            )


class _Reader:
    """The parser's dictionaries as nodes."""

    def __init__(self, text: str, values: Mapping[str, object], variables: Mapping[str, object]) -> None:
        self._text = text
        self._values = values
        self._variables = variables
        self._missing: dict[str, Span] = {}

    def node(self, tree: dict[str, Any]) -> ast.Node:
        kind = tree["node"]
        cls = ast.NODES.get(kind)
        span = self._span(tree)
        if cls is None:
            raise HogQLQueryError(f"HogQL's {kind} is not supported.", text=self._text, span=span)
        if cls is ast.Placeholder:
            return self._placeholder(tree, span)
        given = {name: self._value(tree[name]) for name in _FIELD_NAMES[cls] if tree.get(name) is not None}
        return cls(span=span, **given)

    def _value(self, value: object) -> Any:  # noqa: ANN401 - the parser's JSON
        if isinstance(value, dict):
            if "node" in value:
                return self.node(value)
            return {key: self._value(item) for key, item in value.items()}
        if isinstance(value, list):
            return tuple(self._value(item) for item in value)
        return value

    def _span(self, tree: dict[str, Any]) -> Span:
        start, end = tree.get("start"), tree.get("end")
        # A few nodes that the parser makes up itself have no place.
        return Span(start["offset"], end["offset"]) if start and end else ast.NOWHERE

    def _placeholder(self, tree: dict[str, Any], span: Span) -> ast.Node:
        expr = tree["expr"]
        chain = expr.get("chain", ())
        if expr["node"] == "Field" and len(chain) == 1 and chain[0] in self._values:
            return constant_of(self._values[chain[0]], name=str(chain[0]), text=self._text, span=span)
        if expr["node"] == "Field" and len(chain) == 2 and chain[0] == "variables":  # noqa: PLR2004 - and its name
            return self._variable(str(chain[1]), span)
        if chain[:1] == ["filters"]:
            return ast.Placeholder(span, self.node(expr))
        name = ".".join(str(link) for link in chain) or self._text[span.start + 1 : span.end - 1].strip()
        raise HogQLQueryError(
            f"Unresolved placeholder: {{{name}}}",
            hint="Give it a value.",
            text=self._text,
            span=span,
        )

    def _variable(self, name: str, span: Span) -> ast.Node:
        if name not in self._variables:
            self._missing.setdefault(name, span)
            return ast.Constant(span, None)
        return constant_of(self._variables[name], name=f"variables.{name}", text=self._text, span=span)

    def refuse_missing_variables(self) -> None:
        """Name every variable that has no value.

        Raises:
            HogQLQueryError: there is one.
        """
        if self._missing:
            raise HogQLQueryError(
                f"Set a value or a default for each query variable. Missing: {', '.join(sorted(self._missing))}.",
                text=self._text,
                span=next(iter(self._missing.values())),
            )
