"""The fields of a query about a query: in which language it is, over which other query, where its cursor is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from posthog_nb.embedded.server import errors
from posthog_nb.embedded.server.request_body import invalid

if TYPE_CHECKING:
    from posthog_nb.embedded.server.request_body import HogQLRequest

__all__ = ["About", "read_about", "read_range"]

QUERY, EXPRESSION = "hogQL", "hogQLExpr"
_OTHER_LANGUAGES = ("hog", "hogJson", "hogTemplate", "liquid")
_DEEPEST_GLOBAL = 4


@dataclass(frozen=True)
class About:
    """What is asked about a text.

    Attributes:
        is_expression: Whether the text is one expression rather than a query.
        source: The query among whose columns an expression stands; None for events.
        values: What ``{name}`` stands for.
    """

    is_expression: bool
    source: str | None
    values: Mapping[str, object]

    def placeholders(self) -> Iterator[str]:
        """The dotted names of the values."""
        return _dotted(self.values, _DEEPEST_GLOBAL)


def read_about(asked: HogQLRequest) -> About:
    """Read and check the fields.

    Raises:
        HTTPException: 400, in PostHog's words.
    """
    language = asked.node.get("language")
    if language in _OTHER_LANGUAGES:
        raise errors.validation_error(
            f"{asked.kind} is answered for the languages '{QUERY}' and '{EXPRESSION}', not for '{language}'.",
            attr="query",
        )
    if language not in {QUERY, EXPRESSION}:
        known = ", ".join(f"'{name}'" for name in sorted((*_OTHER_LANGUAGES, QUERY, EXPRESSION), key=str.lower))
        raise invalid(f"query.{asked.kind}.language", f"Input should be one of {known}")
    values = asked.node.get("globals") or {}
    if not isinstance(values, Mapping):
        raise invalid(f"query.{asked.kind}.globals", "Input should be a valid dictionary")
    return About(language == EXPRESSION, _source(asked), values)


def read_range(asked: HogQLRequest) -> tuple[int, int]:
    """From where to where the text is to be completed.

    Raises:
        HTTPException: 400, in PostHog's words.
    """
    return _position(asked, "startPosition"), _position(asked, "endPosition")


def _position(asked: HogQLRequest, name: str) -> int:
    place = f"query.{asked.kind}.{name}"
    if name not in asked.node:
        raise invalid(place, "Field required")
    position = asked.node[name]
    if isinstance(position, bool) or not isinstance(position, int):
        raise invalid(place, "Input should be a valid integer")
    return position


def _source(asked: HogQLRequest) -> str | None:
    source = asked.node.get("sourceQuery")
    if source is None:
        return None
    kind: Any = source.get("kind") if isinstance(source, Mapping) else None
    if kind != "HogQLQuery":
        raise errors.validation_error(
            f"A sourceQuery of the kind {kind!r} is not answered by the embedded project; HogQLQuery is.", attr="query"
        )
    text = source.get("query")
    if not isinstance(text, str):
        raise invalid(f"query.{asked.kind}.sourceQuery.HogQLQuery.query", "Input should be a valid string")
    return text or None


def _dotted(values: Mapping[str, object], levels: int) -> Iterator[str]:
    for name, value in values.items():
        yield name
        if levels > 1 and isinstance(value, Mapping):
            yield from (f"{name}.{rest}" for rest in _dotted(value, levels - 1))
