"""The five forms, filled in and sent as somebody does, and each event found by a query."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.browser.cells import SERVED
from tests.twin import Twin, client_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.browser.page import NotebookPage

FORMS = {
    "capture": ("signed up", {"event": "signed up", "distinct_id": "Ann"}),
    "page": ("$pageview", {"distinct_id": "Ann", "name": "Prices", "url": "https://example.com/prices"}),
    "screen": ("$screen", {"distinct_id": "Ann", "name": "Start"}),
    "identify": ("$identify", {"distinct_id": "Ann"}),
    "alias": ("$create_alias", {"distinct_id": "Ann", "alias": "Ann on the phone"}),
}
FIND = "SELECT uuid, properties FROM events WHERE event = {event} ORDER BY timestamp DESC LIMIT 1"


@pytest.mark.parametrize("name", FORMS)
def test_a_form_is_filled_in_sent_and_its_event_found(
    open_notebook: Callable[..., NotebookPage], served: Twin, name: str
) -> None:
    event, fields = FORMS[name]
    notebook = open_notebook(SERVED, f"form = ph.forms.{name}()\nform", "print(form.receipt.uuid)", height=1500)
    notebook.run(0)
    form = notebook.run(1)
    send = form.get_by_role("button", name="Send", exact=True)
    expect(send).to_be_visible()
    notebook.keep("empty")

    send.click()
    expect(form.get_by_text("is empty").or_(form.get_by_role("alert")).first).to_be_visible()
    notebook.keep("not-yet")
    assert not [seen for seen in served.seen("POST ") if "query" not in seen.path]

    for field, value in fields.items():
        form.get_by_label(re.compile(rf"^{field}:")).fill(value)
    if name != "alias":
        form.get_by_label("property 1", exact=True).fill("seats")
        form.get_by_label("kind of property 1").select_option("number")
        expect(form.get_by_text("a number is wanted")).to_be_visible()
        form.get_by_label("value of property 1").fill("3")
    notebook.page.keyboard.press("Tab")
    for value in (event, *fields.values()):
        expect(form.locator("[aria-label='What will be sent']")).to_contain_text(value)
    notebook.keep("filled")

    send.click()
    if name == "alias":
        # What cannot be undone says whom it merges, and wants a second press.
        expect(form.get_by_text("Are you sure?")).to_be_visible()
        notebook.keep("sure")
        form.get_by_role("button", name="Merge, for good").click()
    expect(form.get_by_text("Sent:")).to_be_visible()
    form.get_by_role("button", name="See it arrive").click()
    expect(form.get_by_text("arrived").first).to_be_visible()
    notebook.keep("arrived")

    uuid = notebook.run(2).inner_text().strip()
    expect(form.get_by_text(uuid).first).to_be_visible()
    with client_of(served) as client:
        ((found, properties),) = client.query(FIND, values={"event": event}).rows
    assert str(found) == uuid
    assert name == "alias" or '"seats":3' in properties.replace(" ", "")

    notebook.dark()
    notebook.keep("dark")
    notebook.resize(420, 1800)
    notebook.keep("narrow")
    assert notebook.page.evaluate("document.documentElement.scrollWidth") <= 420
    notebook.save()
    notebook.reload()
    expect(notebook.output(1).get_by_text(event).first).to_be_visible()
    notebook.keep("reloaded")
