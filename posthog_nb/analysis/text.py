"""The HogQL of an analysis: text with placeholders that is sent, and the same with literals for people to run."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import TYPE_CHECKING
from uuid import UUID

from posthog_nb.embedded.hogql.escape import hogql_string
from posthog_nb.errors import InvalidInputError
from posthog_nb.operations.plain import as_python
from posthog_nb.operations.splice import Edit, splice
from posthog_nb.operations.values import placeholders

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Values", "indented", "literal", "written"]


class Values:
    """The values of a query while it is written.

    Attributes:
        given: What is bound so far, by the names of the placeholders.
    """

    def __init__(self) -> None:
        self.given: dict[str, object] = {}

    def bind(self, value: object, name: str) -> str:
        """The placeholder that stands for ``value``, such as ``{event}``.

        Args:
            value: What :meth:`posthog_nb.client.Client.query` takes as a value.
            name: What to call it; an equal value of that name is bound once, another one gets a number.
        """
        free, number = name, 1
        while free in self.given and not _same(self.given[free], value):
            number += 1
            free = f"{name}_{number}"
        self.given[free] = value
        return f"{{{free}}}"


def _same(one: object, other: object) -> bool:
    # 1, 1.0 and True are equal to Python, and three constants to HogQL.
    return type(one) is type(other) and repr(one) == repr(other)


def written(text: str, values: Mapping[str, object]) -> str:
    """``text`` with a literal in place of each placeholder: the same query, to be read and run by hand."""
    return splice(
        text, [Edit(span.start, span.end, literal(values[name])) for name, span in placeholders(text, values)]
    ).text


def literal(value: object) -> str:  # noqa: PLR0911 - one case a type
    """``value`` as HogQL writes it.

    Raises:
        InvalidInputError: HogQL has no literal for it.
    """
    value = as_python(value)
    match value:
        case None:
            return "NULL"
        case bool():
            return "true" if value else "false"
        case str() if "\0" in value:
            # PostHog's parser leaves the character out of a text (parse_string_literal_text), written as \0 too.
            between = ", unhex('00'), ".join(map(hogql_string, value.split("\0")))
            return f"concat({between})"
        case str():
            return hogql_string(value)
        case int() | float():
            return repr(value)
        case UUID():
            return hogql_string(str(value))
        case datetime():
            moment = value.astimezone(UTC).replace(tzinfo=None).isoformat(sep=" ", timespec="microseconds")
            return f"toDateTime64('{moment}', 6, 'UTC')"
        case date():
            return f"toDate('{value.isoformat()}')"
        case list() | tuple():
            return f"[{', '.join(map(literal, value))}]"
    raise InvalidInputError(f"A value of type {type(value).__name__} has no literal in HogQL.")


def indented(text: str, spaces: int) -> str:
    """``text`` with every line but the first further in, as it stands inside another query."""
    return text.replace("\n", "\n" + " " * spaces)
