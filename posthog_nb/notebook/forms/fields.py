"""A form's fields as ipywidgets: each with a real label above it and a place for what is wrong below it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import ipywidgets as w

from posthog_nb.notebook.forms.draft import PROPERTIES, Draft, row_place
from posthog_nb.notebook.forms.moments import local_zone, zones
from posthog_nb.notebook.forms.texts import problem_html
from posthog_nb.notebook.forms.values import DATE, JSON, KINDS, NUMBER, TEXT, YES_NO, Row, kind_for

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from posthog_nb.notebook.forms.kinds import Text

__all__ = ["Field", "Guard", "Properties", "PropertyRow", "TimeField", "hidden", "offered", "text_field"]

Guard = Callable[[Callable[[], object]], Callable[..., None]]
"""Makes a callback of a function, one whose errors are shown: ipywidgets would swallow them."""

_ONE_LINE = (TEXT, NUMBER)
"""The kinds whose values are typed into the same input."""
_MOST_OFFERED = 1000
_LONGEST_OFFERED = 200


def offered(names: Sequence[str]) -> tuple[str, ...]:
    """The names that a field offers: those that can be shown and typed, the most used first, at most 1,000."""
    return tuple(name for name in names if name and len(name) <= _LONGEST_OFFERED and name.isprintable())[
        :_MOST_OFFERED
    ]


def hidden(widget: Any, *, hide: bool) -> None:  # noqa: ANN401 - ipywidgets has no types
    """Take a widget out of the page, or put it back."""
    widget.layout.display = "none" if hide else None


class Field:
    """One input with its label and what is wrong with it.

    Args:
        widget: The input.
        label: What it is called.
        edited: The callback for when it is edited.
    """

    def __init__(self, widget: Any, label: str, edited: Callable[..., None]) -> None:  # noqa: ANN401
        self.widget = widget
        self._label = label
        widget.description = label
        widget.tooltip = ""  # None becomes a label's title "null"
        widget.add_class("posthog-nb-field")
        self._problem = w.HTML()
        hidden(self._problem, hide=True)
        self.box = w.VBox([widget, self._problem])
        widget.observe(edited, names="value")

    @property
    def value(self) -> Any:  # noqa: ANN401 - what it holds
        """What was typed or chosen."""
        return self.widget.value

    @value.setter
    def value(self, value: object) -> None:
        self.widget.value = value

    def show_problem(self, problem: str | None) -> None:
        """Say what is wrong, below and in the label, which is what a screen reader reads of an input."""
        self.widget.description = self._label if problem is None else f"{self._label}, not right yet"
        self._problem.value = "" if problem is None else problem_html(problem)
        hidden(self._problem, hide=problem is None)


def text_field(text: Text, value: str, edited: Callable[..., None]) -> Field:
    """The field of an argument that is a text."""
    label = f"{text.name}: {text.about}" + ("" if text.required else " (may be left empty)")
    widget = w.Combobox(value=value, options=()) if text.known else w.Text(value=value)
    return Field(widget, label, edited)


class TimeField:
    """When it happened: a picker and the zone that it is in."""

    def __init__(self, wall: datetime | None, zone: str | None, guard: Guard, changed: Callable[[], object]) -> None:
        self.picker = Field(
            w.NaiveDatetimePicker(value=wall),
            "timestamp: when it happened",
            guard(changed),
        )
        self.zone = Field(
            w.Combobox(value=zone or local_zone(), options=("UTC", *(name for name in zones() if name != "UTC"))),
            "time zone",
            guard(changed),
        )
        self.now = w.Button(description="Use now", tooltip="Empty the time: it is then that of sending")
        self.now.on_click(guard(lambda: setattr(self.picker, "value", None)))
        self.note = w.HTML()
        row = w.Box([self.picker.box, self.zone.box, self.now])
        row.add_class("posthog-nb-row")
        for part in (self.picker.box, self.zone.box):
            part.add_class("posthog-nb-field")
        self.box = w.VBox([row, self.note])


class PropertyRow:
    """One property: its name, its kind and its value."""

    def __init__(self, properties: Properties, number: int, row: Row) -> None:
        self._properties = properties
        guard = properties.guard
        # What code gave, or somebody chose, is not for us to change.
        self._chosen = not row.is_blank
        self._choosing = False
        self.key = Field(w.Combobox(value=row.key), f"property {number}", guard(self._key_changed))
        self.kind = Field(
            w.Dropdown(options=KINDS, value=row.kind), f"kind of property {number}", guard(self._kind_changed)
        )
        self.remove = w.Button(description=f"Remove {number}")
        self.remove.on_click(guard(lambda: properties.remove(self)))
        self._number = number
        self._typed = ""
        self._make_value(row.given)
        self.box = w.Box(())
        self.box.add_class("posthog-nb-row")
        for part in (self.key.box, self.kind.box):
            part.add_class("posthog-nb-field")
        self.kind.box.add_class("posthog-nb-short")
        self._problem = w.HTML()
        self.outer = w.VBox([self.box, self._problem])
        self._lay_out()

    @property
    def row(self) -> Row:
        """What was typed."""
        return Row(self.key.value, self.kind.value, self.value.value)

    def renumber(self, number: int) -> None:
        """Say which property it is from now on."""
        self._number = number
        self.key.widget.description = f"property {number}"
        self.kind.widget.description = f"kind of property {number}"
        self.value.widget.description = f"value of property {number}"
        self.remove.description = f"Remove {number}"

    def show_problem(self, problem: str | None) -> None:
        """Say what is wrong below the row, and in its labels."""
        self._problem.value = "" if problem is None else problem_html(problem)
        hidden(self._problem, hide=problem is None)
        self.value.widget.description = f"value of property {self._number}" + ("" if problem is None else ", not right")

    def offer(self, names: tuple[str, ...]) -> None:
        """Offer these names."""
        self.key.widget.options = names

    def _make_value(self, given: object) -> None:
        kind = self.kind.value
        if kind == YES_NO:
            widget = w.Dropdown(options=(("", None), ("yes", True), ("no", False)), value=given)
        elif kind == DATE:
            widget = w.DatePicker(value=given)
        elif kind == JSON:
            widget = w.Textarea(value=given or "")
        else:
            widget = w.Text(value=given or "")
        self.value = Field(
            widget, f"value of property {self._number}", self._properties.guard(self._properties.changed)
        )
        self.value.box.add_class("posthog-nb-field")

    def _lay_out(self) -> None:
        self.box.children = (self.key.box, self.kind.box, self.value.box, self.remove)

    def _key_changed(self) -> None:
        known = kind_for(self._properties.types.get(self.key.value, ""))
        if known is not None and not self._chosen and self.value.value in {None, ""}:
            self._choosing = True
            try:
                self.kind.value = known
            finally:
                self._choosing = False
        self._properties.changed()

    def _kind_changed(self) -> None:
        self._chosen = self._chosen or not self._choosing
        # Arrow keys pass through the kinds that hold no text: what was typed is there again behind them.
        self._typed = self.value.value if isinstance(self.value.value, str) else self._typed
        # Of an input that another takes the place of, what is typed until the page shows the other is lost.
        if not (self.kind.value in _ONE_LINE and type(self.value.widget) is w.Text):
            self._make_value(self._typed if self.kind.value not in {YES_NO, DATE} else None)
            self._lay_out()
        self._properties.changed()


class Properties:
    """The properties, row by row or as one JSON object.

    Args:
        whose: ``"event"`` or ``"person"``.
        rows: Those that are there at first.
        guard: Makes callbacks.
        changed: Called when somebody edits them.
        switch: Called when they are to be shown the other way: True for a JSON box.
    """

    def __init__(
        self,
        whose: str,
        rows: Sequence[Row],
        guard: Guard,
        changed: Callable[[], object],
        switch: Callable[[bool], object],
    ) -> None:
        self._changed = changed
        self.guard = guard
        self.types: Mapping[str, str] = {}
        self._names: tuple[str, ...] = ()
        self.mode = Field(
            w.Dropdown(options=(("one by one", False), ("as JSON", True)), value=False),
            f"properties of the {whose}",
            guard(lambda: switch(self.mode.value)),
        )
        self.add = w.Button(description="Add a property")
        self.add.on_click(guard(lambda: self.add_row(focus=True)))
        self.json = Field(w.Textarea(), "properties as a JSON object", guard(changed))
        self.rows: list[PropertyRow] = []
        self._list = w.VBox(())
        self._problem = w.HTML()
        self.box = w.VBox([self.mode.box, self._list, self.json.box, self.add, self._problem])
        self.show(rows)

    def changed(self) -> None:
        """Something was edited."""
        self._changed()

    def show(self, rows: Sequence[Row]) -> None:
        """Show these, row by row."""
        self.rows = [PropertyRow(self, number, row) for number, row in enumerate(rows or [Row("", TEXT, "")], 1)]
        self._show_rows(as_json=False)

    def show_json(self, text: str) -> None:
        """Show them as one JSON object."""
        self.json.value = text
        self._show_rows(as_json=True)

    def _show_rows(self, *, as_json: bool) -> None:
        for row in self.rows:
            row.offer(self._names)
        self._list.children = tuple(row.outer for row in self.rows)
        self.mode.value = as_json
        hidden(self._list, hide=as_json)
        hidden(self.add, hide=as_json)
        hidden(self.json.box, hide=not as_json)

    def add_row(self, *, focus: bool = False) -> PropertyRow:
        """One more row."""
        row = PropertyRow(self, len(self.rows) + 1, Row("", TEXT, ""))
        self.rows.append(row)
        self._show_rows(as_json=False)
        if focus:
            row.key.widget.focus()
        self._changed()
        return row

    def remove(self, row: PropertyRow) -> None:
        """One row less."""
        self.rows.remove(row)
        for number, left in enumerate(self.rows, 1):
            left.renumber(number)
        self._show_rows(as_json=False)
        self.add.focus()
        self._changed()

    def offer(self, types: Mapping[str, str]) -> None:
        """Offer the project's own properties, by their types."""
        self.types = types
        self._names = offered(tuple(types))
        for row in self.rows:
            row.offer(self._names)

    def draft(self) -> Draft:
        """What stands in them."""
        box = self.json.value if self.mode.value else None
        return Draft(rows=tuple(row.row for row in self.rows), box=box)

    def show_problems(self, problems: Mapping[str, str]) -> None:
        """Say what is wrong with which."""
        general = problems.get(PROPERTIES)
        self.json.show_problem(general if self.mode.value else None)
        self._problem.value = "" if general is None or self.mode.value else problem_html(general)
        hidden(self._problem, hide=not self._problem.value)
        for number, row in enumerate(self.rows, 1):
            row.show_problem(problems.get(row_place(number)))

    def inputs(self) -> list[Any]:
        """Every input and button."""
        rows = [part for row in self.rows for part in (row.key.widget, row.kind.widget, row.value.widget, row.remove)]
        return [self.mode.widget, *rows, self.json.widget, self.add]
