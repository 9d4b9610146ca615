"""The HTML of a form: what it says beside its fields, and the whole of it where there is no kernel."""

from __future__ import annotations

import html
from typing import TYPE_CHECKING

from posthog_nb.errors import PostHogError
from posthog_nb.notebook.forms.code import script
from posthog_nb.notebook.forms.preview import body_html
from posthog_nb.operations.capture import SENT_AGAIN
from posthog_nb.operations.card import PLAIN_DOLLARS, escaped
from posthog_nb.visible import cut

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from posthog_nb.notebook.forms.kinds import Kind
    from posthog_nb.notebook.forms.outbox import Sent
    from posthog_nb.operations.capture import Receipt
    from posthog_nb.operations.event import Event
    from posthog_nb.operations.merging import Merge, Side

__all__ = [
    "STYLE",
    "confirm_html",
    "error_html",
    "failed_html",
    "heading_html",
    "history_html",
    "kept_html",
    "moment_html",
    "preview_section",
    "problem_html",
    "receipt_html",
    "static_html",
    "static_text",
]

_TEXT = "var(--jp-ui-font-color1, inherit)"
_CODE = (
    "font-family:var(--jp-code-font-family, monospace);font-size:0.9em;line-height:1.45;white-space:pre-wrap;"
    "overflow-wrap:anywhere;margin:4px 0;padding:6px 8px;max-height:30em;overflow:auto;box-sizing:border-box;"
    "border:1px solid var(--jp-border-color2, #bdbdbd);border-radius:2px"
)
_CELL = "text-align:left;padding:2px 12px 2px 0;vertical-align:top;overflow-wrap:anywhere"
_HEAD = "text-align:left;padding:2px 12px 2px 0;vertical-align:top;white-space:nowrap"
_MOST_CODE = 20_000
_LATEST = 20
"""Of what was sent, so many are shown, the latest first."""

STYLE = f"""<style>
.posthog-nb-form {{ max-width: 760px; color: {_TEXT}; }}
.posthog-nb-form .widget-html {{ width: auto; height: auto; line-height: 1.45; }}
.posthog-nb-form .widget-html > .widget-html-content {{ width: 100%; min-width: 0; line-height: 1.45; }}
.posthog-nb-form .posthog-nb-field {{ flex-direction: column; align-items: stretch; width: auto; height: auto; }}
.posthog-nb-form .posthog-nb-field > label {{
  width: auto; height: auto; margin: 0 0 2px; overflow: visible; white-space: normal;
  text-align: left; line-height: 1.4; color: {_TEXT}; }}
.posthog-nb-form .posthog-nb-field > :is(input, select, textarea) {{
  flex: 0 0 auto; width: 100%; box-sizing: border-box; min-height: 28px; padding: 2px 8px; color: {_TEXT};
  background-color: var(--jp-layout-color1, transparent); border: 1px solid var(--jp-ui-font-color2, #757575);
  font: inherit; }}
.posthog-nb-form .posthog-nb-field > select {{ height: 28px; appearance: auto; background-image: none; }}
.posthog-nb-form .posthog-nb-field > textarea {{ min-height: 6em; font-family: var(--jp-code-font-family, monospace); }}
.posthog-nb-form .posthog-nb-row {{ display: flex; flex-flow: row wrap; gap: 4px 8px; align-items: flex-end; }}
.posthog-nb-form .posthog-nb-row > .posthog-nb-field {{ flex: 1 1 150px; margin: 0; }}
.posthog-nb-form .posthog-nb-row > .posthog-nb-short {{ flex: 0 1 140px; }}
.posthog-nb-form .posthog-nb-row > .widget-button {{ margin-bottom: 2px; }}
.posthog-nb-form button.jupyter-button {{
  flex: 0 0 auto; align-self: flex-start; width: auto; height: auto; min-height: 28px; white-space: normal;
  color: {_TEXT}; background-color: var(--jp-layout-color2, transparent); border: 1px solid currentColor; }}
.posthog-nb-form .posthog-nb-row > button.jupyter-button {{ align-self: flex-end; }}
.posthog-nb-form button.jupyter-button.mod-primary {{ color: #fff; background-color: #1a5fb4; border-color: #1a5fb4; }}
.posthog-nb-form button.jupyter-button.mod-danger {{ color: #fff; background-color: #b3261e; border-color: #b3261e; }}
.posthog-nb-form :is(button, input, select, textarea, summary, [tabindex]):focus-visible {{
  outline: 2px solid {_TEXT}; outline-offset: 2px; }}
.posthog-nb-form summary {{ cursor: pointer; }}
</style>"""
"""In one place for one form; all of it holds inside the form alone."""


def _escaped(text: str, most: int = 400) -> str:
    return escaped(cut(text, most))


def _note(mark: str, body: str, *, role: str, colour: str) -> str:
    """A note with a word, a line at its side and a role, so that colour says nothing alone."""
    style = f"border-left:4px solid {colour};padding:2px 8px;margin:2px 0 4px;overflow-wrap:anywhere;color:{_TEXT}"
    return f'<div role="{role}" class="{PLAIN_DOLLARS}" style="{style}"><strong>{mark}</strong> {body}</div>'


_RED, _AMBER, _GREEN = (
    "var(--jp-error-color1,#c62828)",
    "var(--jp-warn-color1,#e65100)",
    "var(--jp-success-color1,#2e7d32)",
)


def problem_html(problem: str) -> str:
    """What is wrong with the field above."""
    return _note("Not right yet:", _escaped(problem), role="status", colour=_RED)


def error_html(error: BaseException) -> str:
    """An error of which no event is the cause."""
    return _note("Error:", _told(error), role="alert", colour=_RED)


def _told(error: BaseException) -> str:
    if isinstance(error, KeyboardInterrupt):
        return "Interrupted."
    text = str(error) if isinstance(error, PostHogError) else f"{type(error).__name__}: {error}"
    # How to send it again is told to who has the error in hand; the form has a button for it.
    return _escaped(text.removesuffix(SENT_AGAIN).rstrip(), 2000)


def failed_html(error: BaseException, unsent: Event) -> str:
    """That an event was not sent, or may not have been, and what there is to do."""
    arrived = isinstance(error, KeyboardInterrupt) or getattr(error, "may_have_arrived", False)
    said = "It may have arrived all the same." if arrived else "PostHog did not take it."
    body = (
        f"{_told(error)}<br>{said} The event is kept: sent again it has the same uuid "
        f"<code>{unsent.uuid}</code> and time, so it is stored once."
    )
    return _note("Not sent:", body, role="alert", colour=_RED)


def kept_html(unsent: Event) -> str:
    """That an earlier event is kept."""
    body = f"{_escaped(unsent.event)}, uuid <code>{unsent.uuid}</code>, which failed before. Send again sends it."
    return _note("Kept:", body, role="status", colour=_AMBER)


def receipt_html(receipt: Receipt, look_up: str = "") -> str:
    """That an event was sent, and what a look-up said of it."""
    body = (
        f"{_escaped(receipt.event)} of {_escaped(receipt.distinct_id)}, status {receipt.status}, "
        f"uuid <code>{receipt.uuid}</code>, time {receipt.timestamp.isoformat()}, to {_escaped(receipt.source)}."
    )
    remarks = "".join(f"<br>{_escaped(remark)}" for remark in receipt.remarks)
    arrived = {True: "It has arrived: a query finds it.", False: "It is not there yet.", None: ""}[receipt.arrived]
    said = f"<br><strong>{look_up or arrived}</strong>" if look_up or arrived else ""
    return _note("Sent:", body + said + remarks, role="status", colour=_GREEN)


def confirm_html(merge: Merge | None, unknown: PostHogError | None) -> str:
    """Whom an event will merge."""
    if merge is None:
        why = "" if unknown is None else f" ({_told(unknown)})"
        body = f"This merges two persons and cannot be undone. Who they are could not be looked up{why}."
        return _note("Are you sure?", body, role="alert", colour=_AMBER)
    head = "".join(f'<th scope="col" style="{_HEAD}">{name}</th>' for name in ("", "kept", "merged"))
    rows = "".join(
        f'<tr><th scope="row" style="{_HEAD}">{name}</th>'
        + "".join(f'<td style="{_CELL}">{_escaped(cell)}</td>' for cell in cells)
        + "</tr>"
        for name, *cells in zip(
            ("id", "person", "all ids", "events"), _side(merge.kept), _side(merge.merged), strict=True
        )
    )
    table = f'<table style="margin:4px 0"><tr>{head}</tr>{rows}</table>'
    return _note("Are you sure?", f"{_escaped(merge.sentence, 1000)}{table}", role="alert", colour=_AMBER)


def _side(side: Side) -> tuple[str, str, str, str]:
    if side.uuid is None:
        return side.distinct_id, "nobody yet", "", "0"
    more = side.id_count - len(side.ids)
    ids = ", ".join(cut(one, 60) for one in side.ids) + (f" and {more:,} more" if more > 0 else "")
    name = f"{cut(side.name, 60)}{', identified' if side.identified else ''}"
    return side.distinct_id, name, ids, "not counted" if side.events is None else f"{side.events:,}"


def heading_html(kind: Kind, source: str) -> str:
    """What the form does, and where it sends."""
    return f"<p style='margin:0'><strong>{kind.title}</strong>, sent to {_escaped(source)}</p>"


def moment_html(moment: datetime | None, remark: str) -> str:
    """The instant that the picker and its zone are; empty for now."""
    if moment is None:
        return "Empty: the time at which it is sent."
    return f"In UTC: {moment.isoformat()} {_escaped(remark)}"


def preview_section(title: str, body: str | None) -> str:
    """The body of a request; None where the fields do not make an event yet."""
    if body is None:
        return "<strong>What will be sent</strong> is shown here as soon as every field is right."
    shown = f'<div style="{_CODE}" tabindex="0" role="region" aria-label="{title}">{body_html(body)}</div>'
    return f'<div class="{PLAIN_DOLLARS}"><strong>{title}</strong>{shown}</div>'


def history_html(history: Sequence[Sent]) -> str:
    """What a form sent, and the same as code."""
    if not history:
        return ""
    head = "".join(f'<th scope="col" style="{_HEAD}">{name}</th>' for name in ("time (UTC)", "event", "uuid", "status"))
    rows = "".join(
        f'<tr><td style="{_CELL}">{sent.time:%H:%M:%S}</td><td style="{_CELL}">{_escaped(sent.event)}</td>'
        f'<td style="{_CELL}"><code>{sent.uuid}</code></td>'
        f'<td style="{_CELL}">{"no answer" if sent.status is None else sent.status}, {sent.outcome}</td></tr>'
        for sent in reversed(history[-_LATEST:])
    )
    earlier = len(history) - _LATEST
    left = f"<p>and {earlier:,} before; <code>form.history</code> has all</p>" if earlier > 0 else ""
    return (
        f'<div class="{PLAIN_DOLLARS}"><strong>What this form sent</strong><table><tr>{head}</tr>{rows}</table>{left}'
        f"<details><summary>The same as Python</summary>{_code(script([sent.code for sent in history]))}</details>"
        "</div>"
    )


def _code(text: str) -> str:
    left = len(text) - _MOST_CODE
    more = f"\n# ... and {left:,} more characters; form.code has all" if left > 0 else ""
    return f'<pre style="{_CODE}" tabindex="0">{html.escape(text[:_MOST_CODE])}{more}</pre>'


def static_html(  # noqa: PLR0913, PLR0917 - a form has these parts
    kind: Kind, source: str, body: str | None, problems: dict[str, str], code: str, history: Sequence[Sent]
) -> str:
    """A form where there is no kernel: what it is, what it would send, the code that does the same."""
    listed = "".join(f"<li>{_escaped(problem)}</li>" for problem in problems.values())
    wrong = f"<p>Before it can be sent:</p><ul>{listed}</ul>" if problems else ""
    return (
        f'<div class="{PLAIN_DOLLARS}" style="overflow-wrap:anywhere;max-width:760px">'
        f"<p><strong>{kind.title}</strong>: a form of posthog_nb that sends to {_escaped(source)}. "
        f"It can be filled in where a kernel runs: <code>ph.forms.{kind.name}()</code></p>"
        f"{preview_section('What it would send', body) if body else ''}{wrong}"
        f"<p><strong>The same as Python</strong></p>{_code(code)}{history_html(history)}</div>"
    )


def static_text(kind: Kind, source: str, code: str) -> str:
    """The same as text."""
    left = len(code) - _MOST_CODE
    more = f"\n# ... and {left:,} more characters; form.code has all" if left > 0 else ""
    return f"<Form: {kind.title}, sends to {source}>\n{code[:_MOST_CODE]}{more}"
