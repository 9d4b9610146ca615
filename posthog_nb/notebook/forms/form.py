"""One form: its fields, what they come to, and what becomes of it."""

from __future__ import annotations

import logging
import threading
from dataclasses import replace
from functools import partial, wraps
from typing import TYPE_CHECKING, Any

import ipywidgets as w

from posthog_nb.errors import InvalidInputError, MissingCredentialError, PostHogError
from posthog_nb.notebook.forms import texts
from posthog_nb.notebook.forms.code import call, script
from posthog_nb.notebook.forms.draft import FORM, PROPERTIES, Draft, Reading, place_of, read
from posthog_nb.notebook.forms.fields import Field, Properties, TimeField, hidden, offered, text_field
from posthog_nb.notebook.forms.moments import picked
from posthog_nb.notebook.forms.outbox import Outbox, State
from posthog_nb.notebook.forms.preview import body_of
from posthog_nb.notebook.forms.values import json_text, read_object, row_of
from posthog_nb.operations.arrival import need_to_read
from posthog_nb.operations.capture import verified
from posthog_nb.operations.properties import json_properties
from posthog_nb.settings.prompt import nobody_asked

if TYPE_CHECKING:
    from collections.abc import Callable

    from posthog_nb.connection import Connection
    from posthog_nb.notebook.forms.kinds import Kind
    from posthog_nb.notebook.forms.outbox import Sent
    from posthog_nb.operations.capture import Receipt
    from posthog_nb.operations.event import Event
    from posthog_nb.operations.taxonomy import Taxonomy

__all__ = ["Form"]

logger = logging.getLogger("posthog_nb.forms")

_LOOK_SECONDS = 60.0


class Form:
    """A form in a notebook; without a kernel it stays readable, with the code that does the same.

    Nothing of it holds a key: neither the widgets' state nor the HTML.

    Args:
        kind: Which form.
        connection: Where its events go.
        texts_given: The texts to begin with, by the argument's name.
        properties: The properties to begin with.
        timestamp: The time to begin with; None for that of sending.
        source: What to call the target.

    Attributes:
        widget: The ipywidgets box that a front end shows.
        fields: The fields of the texts, by the argument's name; ``fields["event"].value`` is what was typed.
        properties: The properties' rows, or None where the form has none.
        time: The picker and its zone.
    """

    def __init__(  # noqa: PLR0913 - what a form may begin with
        self,
        kind: Kind,
        connection: Connection,
        *,
        texts_given: dict[str, str],
        properties: object,
        timestamp: object,
        source: str,
    ) -> None:
        self._kind, self._connection, self._source = kind, connection, source
        self._touched: set[str] = set()
        self._looking: threading.Thread | None = None
        self._looked_for: Receipt | None = None
        self._found: Receipt | None = None
        self._body: str | None = None
        self._outbox = Outbox(connection, kind, self._show_state)
        self._busy = False
        rows = [row_of(key, value) for key, value in json_properties(properties).items()]
        wall, zone = (None, None) if timestamp is None else picked(timestamp)

        self.fields: dict[str, Field] = {
            text.name: text_field(text, texts_given.get(text.name, ""), self._guarded(partial(self._edited, text.name)))
            for text in kind.texts
        }
        edited = partial(self._edited, PROPERTIES)
        self.properties: Properties | None = (
            Properties(kind.properties, rows, self._guarded, edited, self._switch) if kind.properties else None
        )
        self.time = TimeField(wall, zone, self._guarded, partial(self._edited, "timestamp"))
        self.send = self._button("Send", self._press, style="primary")
        self.confirm = self._button("Merge, for good", self._confirm, style="danger")
        self.back = self._button("Do not merge", partial(self._ready, self._outbox.take_back))
        self.again = self._button("Send again", self._outbox.again)
        self.see = self._button("See it arrive", self._see)
        self.another = self._button("Send another", partial(self._ready, self._outbox.another))
        self._problem, self._failed, self._preview, self._asking, self._outcome, self._past = (
            w.HTML() for _ in range(6)
        )
        self._show_failure(None)
        self._confirm_box = w.VBox([self._asking, self._row(self.back, self.confirm)])
        self._outcome_box = w.VBox([self._outcome, self._row(self.again, self.see, self.another)])
        heading = w.HTML(f"{texts.STYLE}{texts.heading_html(kind, source)}")
        parts = [heading, *(field.box for field in self.fields.values())]
        parts += [] if self.properties is None else [self.properties.box]
        parts += [self.time.box, self._preview, self._problem, self._row(self.send), self._failed, self._confirm_box]
        self.widget = w.VBox([*parts, self._outcome_box, self._past])
        self.widget.add_class("posthog-nb-form")
        self._touched.update(name for name, given in texts_given.items() if given)
        self._touched.update({PROPERTIES} if rows else ())
        self._missing = self._asked_for_the_token()
        self._show_state()

    # What it holds ---------------------------------------------------------------------------------------------------

    @property
    def preview(self) -> str | None:
        """The body of the request that would be sent, the token masked; after sending, that of the one that was.

        A time that is left empty is ``the moment of sending`` until then. None where the fields do not make an event.
        """
        return self._body

    @property
    def code(self) -> str:
        """Python that does the same: the fields as a call."""
        return script([call(self._kind.name, self._arguments_for_code())])

    @property
    def history(self) -> list[Sent]:
        """What this form sent, or tried to, in order."""
        return list(self._outbox.history)

    @property
    def history_code(self) -> str:
        """The same as Python. Each event has its uuid and time, so running it stores nothing twice."""
        return script([sent.code for sent in self._outbox.history])

    @property
    def receipt(self) -> Receipt | None:
        """The receipt of the event that was sent last, with what a look-up found; None when the last one failed."""
        sent, found = self._outbox.receipt, self._found
        return found if found is not None and sent is not None and found.uuid == sent.uuid else sent

    @property
    def unsent(self) -> Event | None:
        """The event that failed last, of those kept; ``ph.resend(form.unsent)`` sends it as the button does."""
        return self._outbox.unsent

    def _repr_mimebundle_(self, **kwargs: object) -> dict[str, Any]:
        reading = read(self._kind, self._draft())
        bundle = dict(self.widget._repr_mimebundle_(**kwargs) or {})
        body, problems = self._checked(reading)
        bundle["text/html"] = texts.static_html(self._kind, self._source, body, problems, self.code, self.history)
        bundle["text/plain"] = texts.static_text(self._kind, self._source, self.code)
        return bundle

    def __repr__(self) -> str:
        return texts.static_text(self._kind, self._source, self.code)

    # What is typed ---------------------------------------------------------------------------------------------------

    def offer(self, known: Taxonomy) -> None:
        """Offer the project's own events and properties."""
        self._guarded(partial(self._offer, known))()

    def _offer(self, known: Taxonomy) -> None:
        for text in self._kind.texts:
            if text.known:
                self.fields[text.name].widget.options = offered(known.events)
        if self.properties is not None:
            person = self._kind.properties == "person"
            self.properties.offer(known.person_properties if person else known.event_properties)

    def _draft(self) -> Draft:
        draft = Draft() if self.properties is None else self.properties.draft()
        return replace(
            draft,
            texts={name: field.value for name, field in self.fields.items()},
            wall=self.time.picker.value,
            zone=self.time.zone.value,
        )

    def _arguments_for_code(self) -> dict[str, Any]:
        arguments = read(self._kind, self._draft()).arguments
        needed = [text.name for text in self._kind.texts if text.required and text.name not in arguments]
        return dict.fromkeys(needed, "") | arguments

    def _edited(self, place: str) -> None:
        self._touched.add(place)
        if not self._busy:
            self._outbox.edited()
            self._show_draft()

    def _switch(self, as_json: bool) -> None:
        if self.properties is None or self._busy:
            return
        self._busy = True
        try:
            if as_json:
                reading = read(self._kind, replace(self._draft(), box=None))
                if wrong := [text for place, text in reading.problems.items() if place.startswith(PROPERTIES)]:
                    self.properties.mode.value = False
                    raise InvalidInputError(f"The properties are not JSON yet. {wrong[0]}", argument=PROPERTIES)
                found = reading.arguments.get("properties", {})
                self.properties.show_json(json_text(found, indent=2) if found else "")
            else:
                try:
                    found = read_object(self.properties.json.value)
                except InvalidInputError:
                    self.properties.mode.value = True
                    raise
                self.properties.show([row_of(key, value) for key, value in found.items()])
        finally:
            self._busy = False
            self._edited(PROPERTIES)

    # What is pressed -------------------------------------------------------------------------------------------------

    def _press(self) -> None:
        if self._outbox.state is not State.EDITING:
            return
        reading = self._all_right()
        if reading is not None:
            self._outbox.press(reading)

    def _confirm(self) -> None:
        if self._outbox.state is State.CONFIRMING and (reading := self._all_right()) is not None:
            self._outbox.confirm(reading)

    def _all_right(self) -> Reading | None:
        """The fields, if an event can be made of them; else what is wrong is shown, and the first one has the focus."""
        if self._missing is not None and self._connection.given_settings.find_token() is None:
            raise self._missing
        self._touched.update({*self.fields, PROPERTIES, "timestamp"})
        reading = read(self._kind, self._draft())
        _, problems = self._checked(reading)
        if not problems:
            return reading
        self._show_draft()
        first = next((self.fields[name] for name in self.fields if name in problems), None)
        if first is not None:
            first.widget.focus()
        return None

    def _ready(self, step: Callable[[], object]) -> None:
        step()
        self.send.focus()

    def _see(self) -> None:
        receipt = self._outbox.receipt
        if receipt is None or receipt is self._looked_for:
            return
        with nobody_asked():
            need_to_read(self._connection)
        self._looked_for = receipt
        self._show_outcome()
        # In a thread: it may take a minute, and the kernel has better to do.
        self._looking = threading.Thread(target=self._guarded(partial(self._look, receipt)), daemon=True)
        self._looking.start()

    def _look(self, receipt: Receipt) -> None:
        try:
            with nobody_asked():
                self._found = verified(self._connection, receipt, _LOOK_SECONDS)
        finally:
            if self._looked_for is receipt:
                self._looked_for = None
            self._show_outcome()

    # What is shown ---------------------------------------------------------------------------------------------------

    def _checked(self, reading: Reading) -> tuple[str | None, dict[str, str]]:
        """The body of the request, or what is wrong with which field."""
        if reading.problems:
            return None, reading.problems
        try:
            event = reading.event(self._kind, self._outbox.uuid)
            return body_of(self._connection, event, now="timestamp" not in reading.arguments), {}
        except InvalidInputError as error:
            return None, {place_of(error, self._kind, self._draft()): str(error)}

    def _show_draft(self) -> None:
        reading = read(self._kind, self._draft())
        body, problems = self._checked(reading)
        title = "What will be sent"
        if self._outbox.latest is not None and self._outbox.state in {State.SENT, State.FAILED}:
            body = body_of(self._connection, self._outbox.latest, now=False)
            title = "What was sent" if self._outbox.state is State.SENT else "What sending again sends"
        self._body = body
        self._preview.value = texts.preview_section(title, body)
        shown = {place: text for place, text in problems.items() if place.partition(" ")[0] in self._touched}
        for name, field in self.fields.items():
            field.show_problem(shown.get(name))
        if self.properties is not None:
            self.properties.show_problems(shown)
        self.time.picker.show_problem(problems.get("timestamp"))
        self.time.zone.show_problem(problems.get("zone"))
        moment = reading.arguments.get("timestamp")
        # A time that is wrong is told of at its field, and is not an empty one.
        wrong = moment is None and self.time.picker.value is not None
        self.time.note.value = "" if wrong else texts.moment_html(moment, reading.remark)
        form = problems.get(FORM)
        self._problem.value = "" if form is None else texts.problem_html(form)
        hidden(self._problem, hide=not self._problem.value)

    def _show_state(self) -> None:
        state = self._outbox.state
        busy = state in {State.LOOKING, State.SENDING}
        inputs = [field.widget for field in self.fields.values()]
        inputs += [self.time.picker.widget, self.time.zone.widget, self.time.now]
        inputs += [] if self.properties is None else self.properties.inputs()
        for one in inputs:
            one.disabled = busy
        self.send.disabled = state is not State.EDITING
        self.send.description = {State.LOOKING: "Looking up ...", State.SENDING: "Sending ..."}.get(state, "Send")
        asking = state is State.CONFIRMING
        self._asking.value = texts.confirm_html(self._outbox.merge, self._outbox.unknown_merge) if asking else ""
        hidden(self._confirm_box, hide=not asking)
        for button in (self.back, self.confirm, self.again, self.see, self.another):
            button.disabled = busy
        self._show_outcome()
        # A button that is disabled has lost the focus, and who has no mouse would have to look for it. It goes to what
        # does no harm when the key is still down.
        following = {State.CONFIRMING: self.back, State.SENT: self.see, State.FAILED: self.again}.get(state)
        if following is not None:
            following.focus()
        self._past.value = texts.history_html(self._outbox.history)
        self._show_draft()

    def _show_outcome(self) -> None:
        outbox = self._outbox
        is_looked_for = outbox.receipt is not None and outbox.receipt is self._looked_for
        looking = f"Looking for it, for up to {_LOOK_SECONDS:.0f} seconds ..." if is_looked_for else ""
        if outbox.receipt is not None:
            kept = "" if outbox.unsent is None else texts.kept_html(outbox.unsent)
            self._outcome.value = texts.receipt_html(self.receipt or outbox.receipt, looking) + kept
        elif outbox.error is not None and outbox.unsent is not None:
            self._outcome.value = texts.failed_html(outbox.error, outbox.unsent)
        else:
            self._outcome.value = "" if outbox.error is None else texts.error_html(outbox.error)
        hidden(self.again, hide=outbox.unsent is None)
        hidden(self.see, hide=self.receipt is None or self.receipt.arrived is True or is_looked_for)
        hidden(self.another, hide=outbox.state is not State.SENT)
        hidden(self._outcome_box, hide=not self._outcome.value and outbox.unsent is None)

    # How it is put together ------------------------------------------------------------------------------------------

    def _button(self, name: str, pressed: Callable[[], object], style: str = "") -> Any:  # noqa: ANN401
        button = w.Button(description=name, button_style=style)
        button.on_click(self._guarded(pressed))
        return button

    @staticmethod
    def _row(*parts: Any) -> Any:  # noqa: ANN401 - ipywidgets has no types
        row = w.Box(parts)
        row.add_class("posthog-nb-row")
        return row

    def _guarded(self, work: Callable[[], object]) -> Callable[..., None]:
        """``work`` as a callback whose errors are shown in the form: ipywidgets would let them vanish."""

        @wraps(work)
        def callback(*_: object) -> None:
            self._show_failure(None)
            try:
                work()
            except (Exception, KeyboardInterrupt) as error:
                if not isinstance(error, PostHogError | KeyboardInterrupt):
                    logger.exception("A form's callback failed.")
                self._show_failure(error)

        return callback

    def _show_failure(self, error: BaseException | None) -> None:
        self._failed.value = "" if error is None else texts.error_html(error)
        hidden(self._failed, hide=error is None)

    def _asked_for_the_token(self) -> MissingCredentialError | None:
        """Ask for a token now, in the cell that makes the form, where an answer can be given."""
        if self._connection.given_settings.kind != "remote":
            return None  # an embedded project makes its own when it starts
        try:
            self._connection.settings.need_token()
        except MissingCredentialError as error:
            self._show_failure(error)
            return error
        return None
