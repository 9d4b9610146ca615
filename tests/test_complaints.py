"""What people complained of in PostHog's own issues, and that it cannot happen here.

The second table of ``docs/reliability.md`` has a row for each, and says where it still can.
"""

from __future__ import annotations

import logging
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from IPython.core.interactiveshell import InteractiveShell

from posthog_nb.errors import InvalidInputError, PermissionDeniedError, PostHogError, QueryError, ServerError

pytest.importorskip("chdb", reason="the embedded engine has no wheel here")

from posthog_nb.embedded.server import create_app
from tests.twin import Twin, client_of, new_project, twin_of
from tests.twin_faults import FAULTS, Reply, answered, changed

if TYPE_CHECKING:
    from collections.abc import Iterator
    from wsgiref.types import WSGIApplication

    from posthog_nb.client import Client

ZONE = "Europe/London"
# Half an hour before the clocks of that zone go forward.
FIRST = datetime(2026, 3, 29, 0, 30, tzinfo=UTC)
PERSONS = 60
PAGE = Path(__file__).parent.parent / "docs" / "reliability.md"
ISSUES = """
    #19903 #30058 #28528 #68637 #32140 #14330 #20244 #28672 #40637 #35195 #21270 #21673 #8411 #67175 #24787 #29816
    #25865 #30993 #1113 #13485 #10527 #2931 #34650 #22525 #66460
"""


@pytest.fixture(scope="module")
def application() -> Iterator[WSGIApplication]:
    project = new_project(timezone=ZONE)
    application = create_app(project)
    with twin_of(application) as twin, client_of(twin) as client:
        for number in range(PERSONS):
            client.identify(
                f"person-{number}", {"name": f"Person {number}", "plan": {"seats": number}}, timestamp=FIRST
            )
        for number in range(4):
            when = FIRST + timedelta(minutes=20 * number)
            client.capture("bought", "person-7", {"amount": number, "items": [{"id": 1}]}, timestamp=when)
    yield application
    project.close()


def sent(twin: Twin) -> list[str]:
    """The queries that arrived."""
    return [seen.json()["query"]["query"] for seen in twin.seen("POST /query/")]


def test_the_page_answers_every_complaint() -> None:
    table = PAGE.read_text().partition("## What others complained of")[2]
    assert [issue for issue in ISSUES.split() if issue not in table] == []
    assert len(re.findall(r"^\| \d+ \|", table, re.MULTILINE)) == 15


def test_01_the_default_limit_is_not_visible(ph: Client) -> None:
    result = ph.query("SELECT number FROM numbers(250) ORDER BY number")
    assert (len(result), result.has_more) == (100, True)
    assert any("more rows" in note for note in result.notes)
    assert len(result.fetch_all()) == 250


def test_02_there_is_no_way_round_the_cap_of_50_000_rows(ph: Client) -> None:
    result = ph.query("SELECT number FROM numbers(120000) ORDER BY number", 110_000)
    assert result.has_more
    assert [row[0] for row in result.rows] == list(range(110_000))


@pytest.mark.parametrize("limit", [50_000, 49_999, 50_001])
def test_02_a_result_at_the_cap_is_not_taken_for_all(ph: Client, limit: int) -> None:
    result = ph.query("SELECT number FROM numbers(50001) ORDER BY number", limit)
    assert (len(result), result.has_more) == (limit, limit < 50_001)


def test_03_a_server_of_ones_own_cannot_raise_the_cap(ph: Client) -> None:
    found = ph.query("SELECT number FROM numbers(60000) ORDER BY number", 10).fetch_all()
    assert [row[0] for row in found.rows] == list(range(60_000))


def test_04_offset_is_refused_for_personal_keys(ph: Client, twin: Twin) -> None:
    with pytest.raises(InvalidInputError, match="OFFSET"):
        ph.query("SELECT event FROM events LIMIT 10 OFFSET 10")
    assert twin.seen() == []
    pages = list(ph.query("SELECT number FROM numbers(50) ORDER BY number", 20).pages())
    assert [len(page) for page in pages] == [20, 20, 10]
    assert not [query for query in sent(twin) if "OFFSET" in query.upper()]


def test_05_python_on_the_results_of_a_query(ph: Client) -> None:
    InteractiveShell.clear_instance()
    shell = InteractiveShell.instance()
    try:
        shell.run_line_magic("load_ext", "posthog_nb")
        shell.user_ns |= {"ph": ph, "least": 2}
        shell.run_cell("%%hogql bought\nSELECT properties.amount AS amount FROM events WHERE amount >= {least}")
        assert shell.run_cell("sorted(bought['amount'].astype(int))").result == [2, 3]
    finally:
        InteractiveShell.clear_instance()


def test_06_a_limit_on_queries_breaks_what_is_built_on_them(
    ph: Client, twin: Twin, caplog: pytest.LogCaptureFixture
) -> None:
    twin.next("/query/", FAULTS["429, Retry-After"], FAULTS["429"])
    with caplog.at_level(logging.WARNING, "posthog_nb.http"):
        assert ph.query("SELECT 1").rows == [[1]]
    first, second = (record.getMessage() for record in caplog.records)
    assert "trying again in 1.0 s" in first
    assert "trying again in" in second


def test_07_errors_of_hogql_do_not_help(ph: Client) -> None:
    with pytest.raises(QueryError) as caught:
        ph.query("SELECT event,\n  evnt FROM events")
    kind, line, carets, *_ = caught.value.lines()
    assert kind.startswith("QueryError: ")
    assert line == "  line 2:   evnt FROM events"
    assert carets.index("^") == line.index("evnt")
    assert carets.count("^") == 4


@pytest.mark.parametrize(
    ("fault", "cause"),
    [("500", "server error"), ("502, HTML", "502"), ("504", "timed out"), ("512", "too long"), ("513", "memory")],
)
def test_08_a_generic_server_error_instead_of_a_reason(ph: Client, twin: Twin, fault: str, cause: str) -> None:
    twin.always("/query/", FAULTS[fault])
    with pytest.raises(PostHogError) as caught:
        ph.query("SELECT 1")
    shown = "\n".join(caught.value.lines())
    assert cause in shown
    assert f"HTTP {fault[:3]}" in shown
    assert "<" not in shown


def test_08_the_id_by_which_posthog_finds_the_error_is_told(ph: Client, twin: Twin) -> None:
    body = {"type": "server_error", "code": "error", "detail": "A server error occurred.", "error_event_id": "e-17"}
    twin.always("/query/", answered(Reply.json(body, 500)))
    with pytest.raises(ServerError) as caught:
        ph.query("SELECT 1")
    assert "e-17" in "\n".join(caught.value.lines())


def test_09_a_failure_in_the_background_loses_its_message(ph: Client, twin: Twin) -> None:
    status = {"id": "q", "complete": True, "error": True, "error_message": None, "results": None}
    twin.next("POST /query/", FAULTS["504"])
    twin.next("GET /query/", answered(Reply.json({"query_status": status}, 500)))
    with pytest.raises(ServerError, match="gives no reason"):
        ph.query("SELECT 1")


def test_10_the_projects_time_zone_is_ignored(ph: Client) -> None:
    result = ph.query(
        "SELECT timestamp, toDate(timestamp) AS day FROM events WHERE event = 'bought' ORDER BY timestamp"
    )
    assert result.timezone == ZONE
    frame = result.to_pandas()
    assert str(frame["timestamp"].dtype) == f"datetime64[us, {ZONE}]"
    assert [stamp.to_pydatetime() for stamp in frame["timestamp"]] == [
        FIRST + timedelta(minutes=20 * n) for n in range(4)
    ]
    assert [stamp.strftime("%H:%M%z") for stamp in frame["timestamp"]] == [
        "00:30+0000",
        "00:50+0000",
        "02:10+0100",
        "02:30+0100",
    ]
    # A time of Python's is its exact moment, wherever it stands.
    late = FIRST + timedelta(minutes=40)
    found = ph.query("SELECT count() FROM events WHERE event = 'bought' AND timestamp >= {late}", values={"late": late})
    assert found.rows == [[2]]


def test_11_a_page_of_persons_is_shorter_than_its_limit(ph: Client, twin: Twin) -> None:
    found = ph.persons.search(search="Person", limit=PERSONS)
    assert len(found) == len(set(found["uuid"])) == PERSONS
    assert found.attrs["posthog"]["total"] == PERSONS
    assert twin.seen("/persons/") == []


def test_12_properties_turn_into_a_string(ph: Client) -> None:
    uuid = ph.persons.search(distinct_id="person-7")["uuid"][0]
    events = ph.persons.events(uuid, event="bought")
    assert events["properties"][0]["items"] == [{"id": 1}]
    assert ph.persons.get(uuid).properties["plan"] == {"seats": 7}
    text = ph.query("SELECT properties FROM (SELECT properties FROM events WHERE event = 'bought')").to_pandas()
    columns = ph.expand(text, ["amount", "items"])
    assert sorted(columns["amount"]) == [0, 1, 2, 3]
    assert columns["items"][0] == '[{"id": 1}]'


def test_13_nobody_says_what_a_key_may_do(ph: Client, twin: Twin) -> None:
    twin.always("/query/", FAULTS["403"])
    with pytest.raises(PermissionDeniedError) as caught:
        ph.query("SELECT 1")
    assert "query:read" in (caught.value.hint or "")
    found = ph.check()
    assert (found.ok, found.missing_scopes, found.timezone) == (False, ("query:read",), ZONE)
    assert "query:read" in (found.part("read").advice or "")


def test_14_the_list_of_events_is_silently_incomplete(ph: Client, twin: Twin) -> None:
    uuid = ph.persons.search(distinct_id="person-7")["uuid"][0]
    assert len(ph.persons.events(uuid, event="bought")) == 4
    assert twin.seen("/events/") == []


def test_14_capture_answers_200_and_the_event_vanishes(ph: Client, twin: Twin) -> None:
    assert ph.capture("seen", "cy", verify=10).arrived is True
    twin.next("/batch/", answered(Reply.json({"status": "Ok"})))
    receipt = ph.capture("seen", "cy", verify=0.3)
    assert (receipt.status, receipt.arrived) == (200, False)
    assert receipt.remarks


CACHED = changed(lambda body: body | {"is_cached": True, "last_refresh": "2026-01-02T03:04:05Z"})


@pytest.mark.parametrize(("fresh", "refresh"), [(False, "blocking"), (True, "force_blocking")])
def test_15_is_the_result_cached_or_stale(ph: Client, twin: Twin, fresh: bool, refresh: str) -> None:
    twin.next("/query/", CACHED)
    result = ph.query("SELECT 1", fresh=fresh)
    assert twin.seen()[0].json()["refresh"] == refresh
    assert (result.is_cached, result.last_refresh) == (True, "2026-01-02T03:04:05Z")
    assert "From PostHog's cache, computed 2026-01-02T03:04:05Z." in result.notes
