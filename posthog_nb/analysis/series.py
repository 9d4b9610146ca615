"""One thing that an analysis counts: an event or an action, its filters, and what is counted of it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from posthog_nb.analysis.conditions import Properties, all_of, condition
from posthog_nb.analysis.options import as_list, read_group_type
from posthog_nb.errors import InvalidInputError
from posthog_nb.operations.plain import as_python

if TYPE_CHECKING:
    from posthog_nb.analysis.text import Values

__all__ = ["Series", "read_all_series", "read_series"]


@dataclass(frozen=True)
class Series:
    """One thing that an analysis counts, as PostHog's ``EventsNode`` and ``ActionsNode`` say it.

    Where only an event's name is meant, the name alone does.

    Attributes:
        event: The event's name; all events when neither it nor ``action`` is given.
        properties: Which of them: ``{"plan": "pro"}``, a HogQL expression, or a list of PostHog's property filters.
        custom_name: What to call it in frames and pictures.
        math: What is counted, in PostHog's words; only :meth:`~posthog_nb.client.Client.trends` and
            :meth:`~posthog_nb.client.Client.stickiness` take another than ``"total"``.
        math_property: The property that ``math`` is about, or its HogQL expression for ``"hogql"``.
        action: The number or the name of an action of the project, in place of an event.
        math_group_type_index: The group type whose groups are counted in place of persons: 0 to 4.
    """

    event: str | None = None
    properties: Properties = None
    custom_name: str | None = None
    math: str = "total"
    math_property: str | None = None
    action: int | str | None = None
    math_group_type_index: int | None = None

    @property
    def label(self) -> str:
        """What to call it."""
        return self.custom_name or self.event or ("All events" if self.action is None else str(self.action))

    def condition(self, values: Values) -> str | None:
        """The HogQL condition of its events; None where all events are meant.

        Raises:
            InvalidInputError: a filter is not what it should be.
        """
        chosen: str | None = None
        if self.action is not None:
            chosen = f"matchesAction({values.bind(self.action, 'action')})"
        elif self.event is not None:
            chosen = f"event = {values.bind(self.event, 'event')}"
        return all_of([chosen, condition(self.properties, values)])


def read_series(given: object, name: str = "series") -> Series:
    """What an argument means that is a :class:`Series` or an event's name.

    Raises:
        InvalidInputError: it is neither.
    """
    series = Series(given) if isinstance(given, str) else given
    if not isinstance(series, Series):
        raise InvalidInputError(
            f"{name} has {given!r}, of type {type(given).__name__}.",
            hint='Give the name of an event, or posthog_nb.Series("paid", properties={"plan": "pro"}).',
        )
    for attribute in ("event", "custom_name", "math_property"):
        found = getattr(series, attribute)
        if found is not None and not (isinstance(found, str) and found):
            raise InvalidInputError(f"The {attribute} of a series is {found!r}; it is text.")
    action, group = as_python(series.action), series.math_group_type_index
    if action is not None:
        if series.event is not None:
            raise InvalidInputError(f"A series has the event {series.event!r} and the action {action!r}.")
        if isinstance(action, bool) or not isinstance(action, int | str):
            raise InvalidInputError(f"The action of a series is {action!r}; it is a number or a name.")
    if group is not None:
        group = read_group_type(group, "math_group_type_index")
    return replace(series, action=action, math_group_type_index=group)


def read_all_series(given: object) -> list[Series]:
    """What an argument means that is one series or several.

    Args:
        given: A :class:`Series`, an event's name, or a list of these.

    Raises:
        InvalidInputError: it is neither, or none.
    """
    listed = as_list(given)
    if not listed:
        raise InvalidInputError("series is empty; it needs 1 or more.")
    return list(map(read_series, listed))
