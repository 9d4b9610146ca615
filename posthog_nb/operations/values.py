"""Parameters: which a query asks for, and how Python's values cross the wire as typed constants.

The request carries ``values`` as JSON, which has texts, numbers, booleans and lists but no times. So the placeholder of
a time is rewritten: ``{since}`` with an aware datetime becomes ``toDateTime64({since}, 6, 'UTC')`` and the value that
is bound is its text in UTC. The instant is then exact whatever the project's time zone is, which a bare text is not:
PostHog reads that in project time. A date becomes ``toDate({day})``. The value itself stays bound and never becomes
query text.
"""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from uuid import UUID

from posthog_nb.errors import HogQLSyntaxError, InvalidInputError, MissingParameterError, Span
from posthog_nb.operations.moments import gathered_warnings, in_utc, warn_together
from posthog_nb.operations.plain import as_python, is_text
from posthog_nb.operations.splice import Edit
from posthog_nb.operations.tree import nodes
from posthog_nb.syntax import parse_select, parser_available

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterator

__all__ = ["Bound", "bind", "named", "placeholders", "plain"]

_PASSED_THROUGH = frozenset({"filters", "variables"})
"""Placeholders that PostHog fills itself."""

_BRACED = re.compile(r"\{\s*([A-Za-z_]\w*)\s*\}")

_SMALLEST_INTEGER, _LARGEST_INTEGER = -(2**63), 2**64 - 1
_YEARS_OF_A_TIME = range(1900, 2300)
_FIRST_DATE, _LAST_DATE = date(1970, 1, 1), date(2149, 6, 6)
"""ClickHouse takes what lies beyond for the nearest it has, without a word."""

_DEEPEST = 50


class Bound:
    """A query's parameters, ready to be sent.

    Attributes:
        values: The JSON values to bind; only those that the query asks for.
        edits: The edits that give times their types.
    """

    def __init__(self) -> None:
        self.values: dict[str, Any] = {}
        self.edits: list[Edit] = []


def placeholders(text: str, known: Container[str], tree: dict[str, Any] | None = None) -> list[tuple[str, Span]]:
    """The names that ``text`` asks a value for, with the place of each; those that PostHog fills itself are left out.

    Args:
        text: The query.
        known: Names that have a value. Where the text cannot be parsed only they count: a ``{name}`` may as well be
            part of a string there.
        tree: The query's parse, where it was parsed already.
    """
    if tree is not None:
        return list(_places(tree))
    if parser_available():
        try:
            return list(_places(parse_select(text)))
        except HogQLSyntaxError:
            pass
    found = [(match[1], Span(*match.span())) for match in _BRACED.finditer(text)]
    return [(name, span) for name, span in found if name in known and name not in _PASSED_THROUGH]


def _places(tree: dict[str, Any]) -> Iterator[tuple[str, Span]]:
    for node in nodes(tree, "Placeholder"):
        name = ((node.get("expr") or {}).get("chain") or [None])[0]
        if isinstance(name, str) and name not in _PASSED_THROUGH:
            yield name, Span(node["start"]["offset"], node["end"]["offset"])


def bind(text: str, tree: dict[str, Any] | None, given: dict[str, object]) -> Bound:
    """Match the placeholders of ``text`` with values.

    Args:
        text: The query.
        tree: Its parse, or None where PostHog's parser is not available; then all values are sent as they are.
        given: The values by name.

    Raises:
        MissingParameterError: a placeholder has no value.
        InvalidInputError: a value is of a kind that HogQL has no constant for.
    """
    bound = Bound()
    if tree is None:
        # No placeholder can be rewritten, so a time crosses as text that carries its offset.
        for name, value in given.items():
            with gathered_warnings() as naive:
                bound.values[name] = _Constant(name, written=datetime.isoformat).plain(value)
            warn_together(naive)
        return bound
    for node in nodes(tree, "Placeholder"):
        chain = (node.get("expr") or {}).get("chain") or [None]
        name, start, end = chain[0], node["start"]["offset"], node["end"]["offset"]
        if not isinstance(name, str) or (name in _PASSED_THROUGH and name not in given):
            continue
        if name not in given:
            raise _missing(name, given, text, Span(start, end))
        with gathered_warnings() as naive:
            expression = _Constant(name, given).expression(given[name], bound.values)
        warn_together(naive)
        if expression != f"{{{name}}}":
            bound.edits.append(Edit(start, end, expression))
    return bound


def named(values: object, what: str = "values") -> dict[str, object]:
    """The values by name.

    Args:
        values: A mapping, or None for an empty one.
        what: What the argument is called.

    Raises:
        InvalidInputError: they are not a mapping with text keys.
    """
    if values is None:
        return {}
    if not isinstance(values, Mapping):
        raise InvalidInputError(
            f"{what} is of type {type(values).__name__}.", hint='Give a dict of name and value: {"since": since}.'
        )
    for name in values:
        if not isinstance(name, str):
            raise InvalidInputError(f"{what} has the name {name!r}, which is not text.")
    return dict(values)


def plain(name: str, value: object) -> Any:  # noqa: ANN401 - any JSON
    """The value of ``{name}`` as JSON.

    Raises:
        InvalidInputError: HogQL has no constant for it.
    """
    return _Constant(name).plain(value)


def _missing(name: str, given: dict[str, object], text: str, span: Span) -> MissingParameterError:
    close = difflib.get_close_matches(name, given, n=1)
    known = ", ".join(f"{{{known}}}" for known in sorted(given)) or "no values"
    hint = f"Did you mean {{{close[0]}}}?" if close else f'Pass it: values={{"{name}": ...}}.'
    return MissingParameterError(
        f"The query asks for {{{name}}}, which was not given (given: {known}).", hint=hint, text=text, span=span
    )


def _utc_text(moment: datetime) -> str:
    """An instant in UTC as ``toDateTime64(..., 6, 'UTC')`` reads it."""
    return moment.replace(tzinfo=None).isoformat(sep=" ", timespec="microseconds")


class _Constant:
    """One parameter's value on its way to the wire."""

    def __init__(self, name: str, taken: Container[str] = (), written: Callable[[datetime], str] = _utc_text) -> None:
        self._name = name
        self._taken = taken
        self._written = written

    def expression(self, value: object, values: dict[str, Any]) -> str:
        """The HogQL that stands for ``value``; what it binds is added to ``values``."""
        return self._expression(self._name, value, values)

    def _expression(self, name: str, value: object, values: dict[str, Any]) -> str:
        value = as_python(value)
        if isinstance(value, list | tuple) and self._holds_time(value):
            items = []
            for number, item in enumerate(value):
                own = f"{name}__{number}"
                while own in self._taken:
                    own += "_"
                items.append(self._expression(own, item, values))
            return f"[{', '.join(items)}]"
        values[name] = self.plain(value)
        if isinstance(value, datetime):
            return f"toDateTime64({{{name}}}, 6, 'UTC')"
        if isinstance(value, date):
            return f"toDate({{{name}}})"
        return f"{{{name}}}"

    def _holds_time(self, value: object, depth: int = 0) -> bool:
        """Whether it is a time or a date, or a list in which there is one somewhere."""
        self._check_depth(depth)
        value = as_python(value)
        if isinstance(value, list | tuple):
            return any(self._holds_time(item, depth + 1) for item in value)
        return isinstance(value, date)

    def plain(self, value: object, depth: int = 0) -> Any:  # noqa: ANN401, C901, PLR0911, PLR0912 - one case a type
        """``value`` as JSON."""
        self._check_depth(depth)
        value = as_python(value)
        match value:
            case None | bool():
                return value
            case str():
                if not is_text(value):
                    raise self._refusal("it holds half a surrogate pair, which is not text")
                return value
            case UUID():
                return str(value)
            case int():
                if not _SMALLEST_INTEGER <= value <= _LARGEST_INTEGER:
                    raise self._refusal(f"{value} does not fit into 64 bits")
                return value
            case float():
                if not math.isfinite(value):
                    raise self._refusal(f"{value} is not a finite number; None stands for NULL")
                return value
            case datetime():
                moment = in_utc(value, f"{{{self._name}}}")
                if moment.year not in _YEARS_OF_A_TIME:
                    raise self._refusal(f"{value} is beyond the years 1900 to 2299, which ClickHouse's times have")
                return self._written(moment)
            case date():
                if not _FIRST_DATE <= value <= _LAST_DATE:
                    raise self._refusal(
                        f"{value} is beyond {_FIRST_DATE} to {_LAST_DATE}, which ClickHouse's dates have",
                        hint="Pass a datetime: times reach from 1900 to 2299.",
                    )
                return value.isoformat()
            case list() | tuple():
                return [self.plain(item, depth + 1) for item in value]
            case Decimal():
                raise self._refusal("a Decimal has no constant in HogQL; pass a float, or its text and toDecimal()")
        raise self._refusal(
            f"a value of type {type(value).__name__} has no constant in HogQL",
            hint="Pass text, a number, True/False, None, a datetime, a date, a UUID, or a list of them.",
        )

    def _check_depth(self, depth: int) -> None:
        if depth > _DEEPEST:
            raise self._refusal(f"it nests more than {_DEEPEST} deep", hint="Does it hold itself?")

    def _refusal(self, what: str, hint: str | None = None) -> InvalidInputError:
        return InvalidInputError(f"The value of {{{self._name}}}: {what}.", hint=hint)
