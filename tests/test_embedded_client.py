"""The client and the embedded project together, over PostHog's wire: no network, no socket, no second code path."""

from __future__ import annotations

import os
import signal
import threading
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from posthog_nb.errors import QueryError, Span, StoreError, TransportError
from tests.embedded import embedded_client

if TYPE_CHECKING:
    from collections.abc import Iterator

    from posthog_nb.client import Client

pytest.importorskip("chdb", reason="the embedded engine has no wheel here")

from tests.endless import ENDLESS, ends_within

FIRST = datetime(2026, 3, 28, 23, 30, tzinfo=UTC)
EVENTS = 60


@pytest.fixture(scope="module")
def posthog() -> Iterator[Client]:
    with embedded_client("Europe/London") as client:
        for number in range(EVENTS):
            when = FIRST + timedelta(minutes=number // 3 * 10)
            client.capture("row", f"user-{number % 7}", {"n": number, "text": "it's {x} \\ 😀"}, timestamp=when)
        yield client


@pytest.mark.parametrize(
    "query",
    [
        "SELECT properties.n AS n, timestamp FROM events ORDER BY timestamp DESC",
        "SELECT properties.n AS n, properties.text, person.id FROM events",
        "SELECT properties.n AS n FROM events ORDER BY properties.n",
        "SELECT properties.n AS n, distinct_id FROM events UNION ALL SELECT -1.0, 'x' FROM events WHERE 1 = 0",
    ],
)
def test_pages_hold_every_row_once(posthog: Client, query: str) -> None:
    first = posthog.query(query, limit=7)
    pages = list(first.pages())
    assert [len(page) for page in pages] == [7] * 8 + [4]
    assert sorted(row[0] for page in pages for row in page.rows) == list(range(EVENTS))
    assert sorted(row[0] for row in first.fetch_all().rows) == list(range(EVENTS))


def test_times_are_in_the_projects_zone_over_its_change_to_summer_time(posthog: Client) -> None:
    frame = posthog.query("SELECT timestamp FROM events ORDER BY timestamp").to_pandas()
    assert str(frame["timestamp"].dtype) == "datetime64[us, Europe/London]"
    assert frame["timestamp"].iloc[0] == FIRST
    assert {stamp.utcoffset() for stamp in frame["timestamp"]} == {timedelta(0), timedelta(hours=1)}


def test_a_time_as_parameter_is_its_instant(posthog: Client) -> None:
    since = FIRST + timedelta(hours=1)
    rows = posthog.query("SELECT min(timestamp) FROM events WHERE timestamp >= {since}", values={"since": since}).rows
    assert rows[0][0] == since


def test_a_text_as_parameter_is_found_whatever_it_holds(posthog: Client) -> None:
    query = "SELECT count() FROM events WHERE properties.text = {text}"
    assert posthog.query(query, values={"text": "it's {x} \\\\ 😀"}).rows[0][0] == EVENTS
    assert posthog.query(query, values={"text": "' OR 1 = 1 --"}).rows == [[0]]


def test_a_receipt_leads_to_its_event(posthog: Client) -> None:
    receipt = posthog.page("reader", "Home", "https://example.com/home?a=1", timestamp=FIRST - timedelta(days=9))
    row = posthog.query(
        "SELECT event, distinct_id, timestamp, properties.$current_url FROM events WHERE uuid = {uuid}",
        values={"uuid": receipt.uuid},
    ).rows[0]
    assert row[:2] == ["$pageview", "reader"]
    assert row[2] == receipt.timestamp
    assert row[3] == "https://example.com/home?a=1"


def test_a_mistake_shows_its_place(posthog: Client) -> None:
    query = "SELECT '😀', evnt FROM events LIMIT 5"
    with pytest.raises(QueryError) as caught:
        posthog.query(query, limit=2)
    assert caught.value.span == Span(query.index("evnt"), query.index("evnt") + 4)


def test_an_interrupt_is_obeyed_at_once_and_leaves_nothing_running(posthog: Client) -> None:
    threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGINT)).start()
    start = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        posthog.query(ENDLESS)
    assert time.monotonic() - start < 10
    assert ends_within(10)


def test_a_timeout_leaves_nothing_running(posthog: Client) -> None:
    with pytest.raises(TransportError, match=r"within 0\.3 s"):
        posthog.query(ENDLESS, timeout=0.3)
    assert ends_within(2)


@pytest.mark.filterwarnings("ignore:.*use of fork:DeprecationWarning")
def test_a_fork_is_told_that_the_engine_is_not_its_own(posthog: Client) -> None:
    reads, writes = os.pipe()
    if os.fork() == 0:
        try:
            posthog.query("SELECT 1", timeout=5)
        except StoreError as error:
            os.write(writes, str(error).encode())
        finally:
            os._exit(0)
    os.close(writes)
    with os.fdopen(reads) as pipe:
        assert "multiprocessing" in pipe.read()
    os.wait()
    assert posthog.query("SELECT 1").rows == [[1]]
