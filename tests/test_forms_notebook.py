"""Forms in a saved notebook: readable without a kernel, and no key anywhere in the file."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import nbformat
import pytest

pytest.importorskip("chdb", reason="the embedded engine has no wheel here")

from tests.leaks import leaks
from tests.notebooks import execute
from tests.test_forms import Text
from tests.test_imports import imported

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.slow

CELLS = [
    "import posthog_nb\nfrom tests.hostile_values import HOSTILE\nph = posthog_nb.connect('demo')",
    "ph.forms",
    "sent = ph.forms.capture('signed up', 'ann', {'plan': 'pro'}, '2026-03-01T12:00:00Z')\nsent.send.click()\nsent",
    "ph.forms.page('ann', 'Pricing', 'https://example.com/pricing')",
    "ph.forms.screen('ann', 'Settings')",
    "ph.forms.identify('ann', {'email': 'ann@example.com'})",
    "merge = ph.forms.alias('ann', 'bob')\nmerge.send.click()\nmerge",
    "ph.forms.alias()",
    "ph.forms.capture('<script>', 'ann', {h.name: h.value for h in HOSTILE if len(h.text) < 10_000})",
]


@pytest.fixture(scope="module")
def notebook(tmp_path_factory: pytest.TempPathFactory) -> nbformat.NotebookNode:
    made = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in CELLS])
    return execute(made, tmp_path_factory.mktemp("forms"))


def shown(notebook: nbformat.NotebookNode, cell: int) -> dict[str, Any]:
    (output,) = notebook.cells[cell].outputs
    return dict(output["data"])


def test_each_form_says_what_it_is_what_it_would_send_and_the_code_that_does_the_same(
    notebook: nbformat.NotebookNode,
) -> None:
    for cell, name, code in [
        (2, "capture", "event='signed up'"),
        (3, "page", "name='Pricing'"),
        (4, "screen", "ph.screen(distinct_id='ann', name='Settings')"),
        (5, "identify", "ph.identify(distinct_id='ann', properties={'email': 'ann@example.com'})"),
        (6, "alias", "ph.alias(distinct_id='ann', alias='bob')"),
    ]:
        data = shown(notebook, cell)
        assert "application/vnd.jupyter.widget-view+json" in data
        text = Text(data["text/html"]).text
        assert f"ph.forms.{name}()" in text
        assert '"api_key":"phc_..."' in text
        assert code in text
        assert code in data["text/plain"]
    assert "What this form sent" in Text(shown(notebook, 2)["text/html"]).text
    assert "distinct_id is empty." in Text(shown(notebook, 7)["text/html"]).text


def test_the_static_form_has_no_script_no_style_sheet_and_no_hostile_tag(notebook: nbformat.NotebookNode) -> None:
    for cell in range(1, len(CELLS)):
        found = Text(shown(notebook, cell)["text/html"])
        assert not {"script", "style", "img", "svg", "iframe", "link", "b"} & set(found.tags)
        assert found.open == []


def test_no_key_is_in_the_file(notebook: nbformat.NotebookNode, tmp_path: Path) -> None:
    nbformat.write(notebook, tmp_path / "saved.ipynb")
    saved = (tmp_path / "saved.ipynb").read_text()
    assert "widget-state" in saved, "the state of the widgets is in the file as well"
    assert leaks(saved) == []


def test_the_state_of_the_widgets_is_what_they_show(notebook: nbformat.NotebookNode) -> None:
    states = notebook.metadata.widgets["application/vnd.jupyter.widget-state+json"]["state"]
    descriptions = [state["state"].get("description") for state in states.values()]
    assert "Merge, for good" in descriptions
    assert "event: the event's name" in descriptions
    assert "pro" in json.dumps([state["state"].get("value") for state in states.values()])


@pytest.mark.parametrize("code", ["posthog_nb.connect('demo').forms", "repr(posthog_nb.connect('demo').forms)"])
def test_the_list_of_forms_loads_no_widgets(code: str) -> None:
    assert imported(f"import posthog_nb; {code}") & {"ipywidgets", "IPython", "pandas"} == set()
