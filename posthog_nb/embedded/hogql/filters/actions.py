"""Actions: named conditions on events, any of whose steps must hold."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from posthog_nb.embedded.hogql import ast
from posthog_nb.embedded.hogql.build import all_of, any_of, call, compare, field
from posthog_nb.embedded.hogql.filters.conditions import conditions
from posthog_nb.embedded.hogql.filters.elements import selector_condition, tag_condition
from posthog_nb.embedded.hogql.filters.properties import PropertyFilter, PropertyGroup, read_properties
from posthog_nb.errors import InvalidInputError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from posthog_nb.embedded.hogql.facts import ProjectFacts

__all__ = ["Action", "ActionStep", "action_condition", "read_steps"]

_AUTOCAPTURE = "$autocapture"
_MATCHINGS = ("exact", "contains", "regex")
_TEXTS = ("event", "selector", "tag_name", "text", "href", "url")


@dataclass(frozen=True)
class ActionStep:
    """One way to be counted: all that is given must hold.

    Attributes:
        event: The event's name; None for any.
        properties: Conditions on properties.
        url: What ``$current_url`` is, contains (when ``url_matching`` does not say) or matches.
        selector: Of an autocaptured event: a CSS selector of what was clicked.
        tag_name: The same: its tag.
        text: The same: its text.
        href: The same: where it leads.
        url_matching: exact, contains or regex.
        text_matching: The same; exact when left out.
        href_matching: The same; exact when left out.
    """

    event: str | None = None
    properties: tuple[PropertyFilter | PropertyGroup, ...] = ()
    url: str | None = None
    selector: str | None = None
    tag_name: str | None = None
    text: str | None = None
    href: str | None = None
    url_matching: str | None = None
    text_matching: str | None = None
    href_matching: str | None = None


@dataclass(frozen=True)
class Action:
    """An action that the project has defined."""

    id: int
    name: str
    steps: tuple[ActionStep, ...] = ()


def read_steps(found: object) -> tuple[ActionStep, ...]:
    """The steps of an action as PostHog's API writes them.

    Raises:
        InvalidInputError: they are no steps.
    """
    if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
        raise InvalidInputError("The steps of an action are a list of objects.")
    return tuple(_read_step(one) for one in found)


def _read_step(found: Mapping[str, Any]) -> ActionStep:
    for name in _TEXTS:
        if not isinstance(found.get(name), str | None):
            raise InvalidInputError(f"A step's '{name}' is a text, not {found[name]!r:.60}.")
    matchings = {f"{name}_matching": found.get(f"{name}_matching") for name in ("url", "text", "href")}
    for name, matching in matchings.items():
        if matching is not None and matching not in _MATCHINGS:
            raise InvalidInputError(f"A step's '{name}' is one of {', '.join(_MATCHINGS)}, not {matching!r:.60}.")
    return ActionStep(
        properties=read_properties(found.get("properties") or []),
        **{name: found.get(name) for name in _TEXTS},
        **matchings,
    )


def action_condition(action: Action, facts: ProjectFacts) -> ast.Node:
    """What an event of this action fulfils; true for an action without steps, as in PostHog."""
    return any_of([all_of(list(_step(step, facts))) for step in action.steps])


def _step(step: ActionStep, facts: ProjectFacts) -> Iterator[ast.Node]:
    if step.event:
        yield compare(field("event"), "==", step.event)
    if step.event == _AUTOCAPTURE:
        yield from _clicked(step)
    if step.url:
        yield _matched(field("properties", "$current_url"), step.url, step.url_matching or "contains", like="like")
    if step.properties:
        yield conditions(step.properties, facts)


def _clicked(step: ActionStep) -> Iterator[ast.Node]:
    if step.selector:
        yield selector_condition(step.selector)
    if step.tag_name is not None:
        yield tag_condition(step.tag_name)
    if step.href is not None:
        yield _matched(field("elements_chain_href"), step.href, step.href_matching or "exact", like="ilike")
    if step.text is not None:
        is_text = _matched(field("x"), step.text, step.text_matching or "exact", like="ilike")
        yield call("arrayExists", ast.Lambda(ast.NOWHERE, ("x",), is_text), field("elements_chain_texts"))


def _matched(subject: ast.Node, text: str, matching: str, *, like: str) -> ast.Node:
    match matching:
        case "regex":
            return compare(subject, "=~", text)
        case "contains":
            return compare(subject, like, f"%{text}%")
        case _:
            return compare(subject, "==", text)
