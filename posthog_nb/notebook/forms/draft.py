"""What stands in a form's fields, and what it comes to: the arguments of the write, or what is wrong and where."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from posthog_nb.errors import InvalidInputError, PostHogError
from posthog_nb.notebook.forms.moments import instant
from posthog_nb.notebook.forms.values import Row, read_object, value_of
from posthog_nb.operations.event import text_of

if TYPE_CHECKING:
    from datetime import datetime

    from posthog_nb.notebook.forms.kinds import Kind
    from posthog_nb.operations.event import Event

__all__ = ["FORM", "PROPERTIES", "Draft", "Reading", "place_of", "read", "row_place"]

PROPERTIES, FORM = "properties", "form"


@dataclass(frozen=True)
class Draft:
    """What stands in the fields.

    Attributes:
        texts: The arguments that are texts, by name.
        rows: The properties one by one.
        box: The properties as JSON, which then count in place of ``rows``; None where rows are shown.
        wall: The time that the picker shows; None for now.
        zone: The zone that it is in.
    """

    texts: dict[str, str] = field(default_factory=dict)
    rows: tuple[Row, ...] = ()
    box: str | None = None
    wall: datetime | None = None
    zone: str = "UTC"


@dataclass(frozen=True)
class Reading:
    """What the fields come to.

    Attributes:
        arguments: The arguments of the write, without those that are left out.
        problems: What is wrong, for a reader, by the field: an argument's name, ``"properties"``, ``"properties 3"``
            for a row, ``"zone"``, or ``"form"`` for what is about no field.
        remark: What is to be said of the time.
    """

    arguments: dict[str, Any]
    problems: dict[str, str]
    remark: str = ""

    def event(self, kind: Kind, uuid: str) -> Event:
        """The event.

        Raises:
            InvalidInputError: PostHog would refuse it, lose it, cut it or change it.
        """
        made: Event = kind.make(**self.arguments, uuid=uuid)
        return made


def row_place(number: int) -> str:
    """What the field of a row is called, counted from 1."""
    return f"{PROPERTIES} {number}"


def read(kind: Kind, draft: Draft) -> Reading:
    """Read every field; what is wrong with one does not hide what is wrong with another."""
    arguments: dict[str, Any] = {}
    problems: dict[str, str] = {}
    for text in kind.texts:
        given = draft.texts.get(text.name, "")
        if not text.required and not given:
            continue
        try:
            # Only names and ids have an end: a URL may be long.
            arguments[text.name] = given if text.name == "url" else text_of(given, text.name)
        except InvalidInputError as error:
            problems[text.name] = str(error)
    if kind.properties is not None:
        properties = _properties(draft, problems)
        if properties:
            arguments["properties"] = properties
    remark = ""
    if draft.wall is not None:
        try:
            arguments["timestamp"], remark = instant(draft.wall, draft.zone)
        except InvalidInputError as error:
            problems[error.argument or "timestamp"] = str(error)
    return Reading(arguments, problems, remark)


def _properties(draft: Draft, problems: dict[str, str]) -> dict[str, Any]:
    if draft.box is not None:
        try:
            return read_object(draft.box)
        except InvalidInputError as error:
            problems[PROPERTIES] = str(error)
            return {}
    properties: dict[str, Any] = {}
    for number, row in enumerate(draft.rows, 1):
        if row.is_blank:
            continue
        if row.key in properties:
            problems[row_place(number)] = f"There is a property {row.key!r} already. An event has one of a name."
            continue
        try:
            properties[row.key] = value_of(row)
        except InvalidInputError as error:
            problems[row_place(number)] = str(error)
    return properties


def place_of(error: PostHogError, kind: Kind, draft: Draft) -> str:
    """The field that an error is about."""
    argument = getattr(error, "argument", None)
    if argument == PROPERTIES and draft.box is None:
        key = getattr(error, "key", None)
        rows = (row_place(number) for number, row in enumerate(draft.rows, 1) if row.key == key)
        return next(rows, PROPERTIES)
    fields = {text.name for text in kind.texts} | {PROPERTIES, "timestamp", "zone"}
    return argument if argument in fields else FORM
