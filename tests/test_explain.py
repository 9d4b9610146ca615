"""ClickHouse's plan of a query: what PostHog gives, and what is said where it gives none."""

from __future__ import annotations

import datetime as dt
import html
from typing import TYPE_CHECKING

import pytest

from posthog_nb.embedded.server import create_app
from posthog_nb.errors import AnswerTimeoutError, InvalidInputError, MissingParameterError, QueryError
from tests.endless import ENDLESS, ends_within
from tests.twin import new_project
from tests.twin_faults import changed

if TYPE_CHECKING:
    from collections.abc import Iterator
    from wsgiref.types import WSGIApplication

    import posthog_nb
    from tests.twin import Twin

pytest.importorskip("chdb", reason="the embedded engine has no wheel here")


@pytest.fixture(scope="module")
def application() -> Iterator[WSGIApplication]:
    project = new_project()
    yield create_app(project)
    project.close()


def test_the_plan_of_an_embedded_project_says_what_would_be_read(demo: posthog_nb.Client) -> None:
    day = dt.date(2026, 3, 1)
    found = demo.explain("SELECT count() FROM events WHERE timestamp > {day} AND event = '<b>'", values={"day": day})
    assert found.source == "demo"
    assert any("ReadFromMergeTree" in line for line in found.plan)
    assert any("Granules: " in line for line in found.plan)
    assert found.clickhouse is not None
    assert found.clickhouse.startswith("SELECT ")
    for text in (*found.plan, found.clickhouse, found.hogql):
        assert text is not None
        assert text in repr(found)
        assert html.escape(text) in found._repr_html_()
    assert "<b>" not in found._repr_html_()


def test_it_is_asked_as_the_query_is_and_computed_anew(ph: posthog_nb.Client, twin: Twin) -> None:
    ph.query("SELECT {n} AS n", 5, {"n": 1})
    ph.explain("SELECT {n} AS n", 5, {"n": 1})
    queried, explained = (seen.json() for seen in twin.seen("POST /query/"))
    assert explained["query"] == {**queried["query"], "modifiers": {"debug": True}}
    assert explained["refresh"] == "force_blocking"


def test_a_posthog_that_gives_no_plan_makes_the_page_say_so(ph: posthog_nb.Client, twin: Twin) -> None:
    twin.always("POST /query/", changed(lambda body: {**body, "explain": None, "clickhouse": None, "hogql": None}))
    found = ph.explain("SELECT 1")
    assert (found.plan, found.clickhouse, found.hogql) == ((), None, None)
    assert "This PostHog gives no plan." in repr(found)
    assert "This PostHog gives no plan." in found._repr_html_()
    assert "does not tell" in repr(found)


def test_a_failure_that_comes_as_an_answer_is_an_error(ph: posthog_nb.Client, twin: Twin) -> None:
    twin.next("POST /query/", changed(lambda body: {**body, "error": "It went wrong.", "results": []}))
    with pytest.raises(QueryError, match=r"It went wrong\."):
        ph.explain("SELECT 1")


def test_what_is_wrong_is_told_as_for_a_query(ph: posthog_nb.Client) -> None:
    with pytest.raises(QueryError) as caught:
        ph.explain("SELECT 1,\n evnt FROM events")
    assert caught.value.lines()[1:3] == ["  line 2:  evnt FROM events", "           ^^^^"]
    with pytest.raises(MissingParameterError):
        ph.explain("SELECT {n}")
    for bad in ({"limit": 0}, {"timeout": 0}):
        with pytest.raises(InvalidInputError):
            ph.explain("SELECT 1", **bad)  # type: ignore[arg-type]
    with pytest.raises(AnswerTimeoutError):
        ph.explain(ENDLESS, timeout=0.4)
    assert ends_within(2)
