"""A person's journey: sessions and events as a timeline, on the embedded project."""

from __future__ import annotations

import copy
import pickle
import re
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pandas as pd
import pytest
from IPython.lib.pretty import pretty

from posthog_nb.errors import AnswerTimeoutError, ConfigurationError, InvalidInputError, ServerError
from posthog_nb.uuid7 import uuid7
from tests.embedded import embedded_client
from tests.pages import read

if TYPE_CHECKING:
    from collections.abc import Iterator

    from posthog_nb.client import Client
    from posthog_nb.operations.journey import Journey
    from posthog_nb.operations.person import Person

pytest.importorskip("chdb", reason="the embedded engine has no wheel here")

BERLIN = ZoneInfo("Europe/Berlin")
START = datetime(2026, 3, 2, 9, 0, tzinfo=BERLIN)


def session(number: int) -> dict[str, str]:
    return {"$session_id": str(uuid7(1_770_000_000_000 + number, number))}


def at(**span: float) -> datetime:
    return START + timedelta(**span)


@pytest.fixture(scope="module")
def posthog() -> Iterator[Client]:
    with embedded_client("Europe/Berlin") as client:
        web = {"$browser": "Firefox", "$os": "Linux"}
        client.capture(
            "$pageview", "anon-1", {**session(1), **web, "$pathname": "/pricing", "token": "a token"}, at(seconds=0)
        )
        for second in (10, 20, 30):
            client.capture("clicked", "anon-1", {**session(1), "button": "buy"}, at(seconds=second))
        client.capture("clicked", "anon-1", {**session(1), "button": "close"}, at(seconds=40))
        client.capture(
            "$identify",
            "ada",
            {**session(1), "$anon_distinct_id": "anon-1", "$set": {"email": "ada@example.com"}},
            at(minutes=2),
        )
        client.capture(
            "signed up", "ada", {**session(1), "plan": "pro", "seats": 3, "a": 1, "b": 2, "c": 3}, at(minutes=3)
        )
        client.alias("ada", "ada-phone", at(minutes=5))
        client.capture("invoice paid", "ada", {"amount": 12.5}, at(minutes=34))
        client.capture("invoice paid", "ada", {"amount": 12.5}, at(minutes=64))
        client.capture("$screen", "ada-phone", {**session(2), "$screen_name": "Home", "$os": "iOS"}, at(days=3))
        client.capture("slept", "ada-phone", session(2), at(days=3, hours=20))
        yield client


@pytest.fixture(scope="module")
def ada(posthog: Client) -> Person:
    return posthog.persons.get(posthog.persons.search(distinct_id="ada")["uuid"][0])


@pytest.fixture(scope="module")
def journey(ada: Person) -> Journey:
    return ada.journey()


class TestSessions:
    def test_events_of_one_session_id_are_one_session(self, journey: Journey) -> None:
        first, last = journey.sessions[0], journey.sessions[-1]
        assert (first.id, len(first.steps)) == (session(1)["$session_id"], 7)
        assert (first.start, first.end, first.duration) == (START, at(minutes=3), timedelta(minutes=3))
        assert [step.event for step in last.steps] == ["$screen", "slept"]

    def test_events_without_one_are_put_together_by_pauses_of_half_an_hour(self, journey: Journey) -> None:
        nameless = [[step.event for step in one.steps] for one in journey.sessions if one.id is None]
        assert nameless == [["$create_alias", "invoice paid"], ["invoice paid"]]

    def test_they_come_in_the_order_in_which_they_began_with_times_in_the_project_s_zone(
        self, journey: Journey
    ) -> None:
        starts = [one.start for one in journey.sessions]
        assert starts == sorted(starts)
        assert {step.timestamp.utcoffset() for step in journey.steps} == {timedelta(hours=1)}
        assert journey.timezone == "Europe/Berlin"

    def test_a_session_over_the_change_of_the_clocks_lasts_as_long_as_it_does(self) -> None:
        with embedded_client("Europe/Berlin") as client:
            for moment in ("2026-03-29T00:30:00Z", "2026-03-29T01:30:00Z"):
                client.capture("worked", "bob", session(9), moment)
            bob = client.persons.get(client.persons.search(distinct_id="bob")["uuid"][0])
            (only,) = bob.journey().sessions
        assert (f"{only.start:%H:%M}", f"{only.end:%H:%M}") == ("01:30", "03:30")
        assert only.duration == timedelta(hours=1)

    @pytest.mark.parametrize(
        ("choice", "events"),
        [
            ({}, 12),
            ({"limit": 3}, 3),
            ({"after": at(days=1)}, 2),
            ({"before": at(seconds=20)}, 2),
            ({"after": "2030-01-01T00:00:00Z"}, 0),
        ],
    )
    def test_the_newest_events_within_the_times_are_there(self, ada: Person, choice: Any, events: int) -> None:
        found = ada.journey(**choice)
        assert len(found) == len(found.steps) == events
        assert found.has_more is ("limit" in choice)

    def test_pages_of_a_few_events_give_the_same(
        self, ada: Person, journey: Journey, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("posthog_nb.operations.newest.EVENTS_A_PAGE", 5)
        assert ada.journey().sessions == journey.sessions

    @pytest.mark.parametrize(
        "choice", [{"limit": 0}, {"limit": "all"}, {"after": "soon"}, {"after": at(days=2), "before": START}]
    )
    def test_what_makes_no_sense_is_refused(self, ada: Person, choice: Any) -> None:
        with pytest.raises(InvalidInputError):
            ada.journey(**choice)


class TestFrame:
    def test_it_has_each_event_with_its_session(self, journey: Journey) -> None:
        frame = journey.to_frame()
        assert frame.columns.tolist() == [
            "id",
            "event",
            "distinct_id",
            "properties",
            "timestamp",
            "session",
            "session_id",
        ]
        assert frame["timestamp"].is_monotonic_increasing
        assert str(frame["timestamp"].dtype) == "datetime64[us, Europe/Berlin]"
        assert frame["session"].tolist() == [1] * 7 + [2, 2, 3, 4, 4]
        assert frame["session_id"].isna().tolist() == [False] * 7 + [True] * 3 + [False] * 2
        assert frame["properties"][1]["button"] == "buy"

    @pytest.mark.parametrize(("kind", "rows"), [("polars", "height"), ("arrow", "num_rows")])
    def test_it_is_of_any_kind(self, journey: Journey, kind: str, rows: str) -> None:
        assert getattr(journey.to_frame(kind), rows) == 12

    def test_that_of_no_events_has_the_same_types(self, ada: Person, journey: Journey) -> None:
        empty = ada.journey(after="2030-01-01T00:00:00Z").to_frame()
        assert empty.empty
        assert empty.dtypes.equals(journey.to_frame().dtypes)

    def test_the_line_under_it_says_that_there_are_more(self, ada: Person) -> None:
        about = ada.journey(limit=3).to_frame().attrs["posthog"]
        assert about["line"] == "the newest 3 events; there are more: give a larger limit, or before="


@pytest.fixture(scope="module")
def text(journey: Journey) -> str:
    return pretty(journey)


@pytest.fixture(scope="module")
def page(journey: Journey) -> str:
    return read(journey._repr_html_()).text


class TestTimeline:
    @pytest.mark.parametrize(
        "said",
        [
            "Journey of ada@example.com",
            "12 events in 4 sessions · 2026-03-02 to 2026-03-06 · time zone Europe/Berlin · test",
            "Under 3 distinct ids: anon-1, ada, ada-phone.",
            "3 events without $session_id, put together by pauses of 30 minutes.",
            "3 minutes · 7 events · from /pricing · Firefox on Linux",
            "20 hours · 2 events · from Home · iOS",
            "29 minutes · 2 events · no session id",
            "anon-1 is now ada",
            "ada-phone and ada are one person",
            "under ada-phone",
            "email=ada@example.com",
            "2 minutes later",
            "30 minutes later",
            "2 days later",
        ],
    )
    def test_page_and_text_say(self, page: str, text: str, said: str) -> None:
        assert said in page
        assert said in text

    def test_equal_events_in_a_row_are_one_line_and_others_are_not(self, page: str, text: str) -> None:
        assert "09:00:10clicked button=buy".replace(" ", "") in page.replace(" ", "")
        assert "\N{MULTIPLICATION SIGN} 3, until 09:00:30" in page
        assert "09:00:10  clicked  button=buy  x 3\n" in text
        assert "button=close" in page
        assert "button=close" in text

    def test_properties_that_are_not_shown_are_counted(self, page: str, text: str) -> None:
        assert re.search(r"plan=pro\s*seats=3\s*a=1\s*b=2\s*\+1", page)
        assert "plan=pro  seats=3  a=1  b=2  +1" in text
        assert "+3 for three more; .to_frame() has all of them." in page

    def test_a_project_s_token_is_not_shown(self, page: str, text: str) -> None:
        assert "a token" not in page + text

    def test_an_event_of_another_day_has_its_date(self, page: str, text: str) -> None:
        assert "2026-03-06 05:00:00" in page
        assert "2026-03-06 05:00:00  slept" in text

    def test_a_cut_journey_says_so_and_how_to_get_the_rest(self, ada: Person) -> None:
        cut = ada.journey(limit=6)
        for shown in (read(cut._repr_html_()).text, pretty(cut)):
            assert "These are the newest; there are earlier ones: give journey() a larger limit, or before=." in shown
            assert "may have begun earlier" in shown
        assert repr(cut) == "<Journey: 6 events in 4 sessions, more exist>"
        assert repr(ada.journey(limit=1)) == "<Journey: 1 event in 1 session, more exist>"

    def test_one_without_events_says_so(self, ada: Person) -> None:
        empty = ada.journey(after="2030-01-01T00:00:00Z")
        assert bool(empty)
        for shown in (read(empty._repr_html_()).text, pretty(empty)):
            assert "no events · time zone Europe/Berlin · test" in shown

    def test_times_are_readable_by_machines(self, journey: Journey) -> None:
        assert '<time datetime="2026-03-02T09:00:00.000+01:00">2026-03-02 09:00:00</time>' in journey._repr_html_()

    def test_its_title_is_a_heading_that_stays_out_of_the_notebook_s_contents(self, journey: Journey) -> None:
        shown = read(journey._repr_html_())
        assert ("div", {"class": "h", "role": "heading", "aria-level": "3"}) in shown.elements
        assert not {"h1", "h2", "h3", "h4", "h5", "h6"} & {name for name, _ in shown.elements}

    def test_in_a_list_it_is_one_line(self, journey: Journey) -> None:
        assert pretty([journey]) == "[<Journey: 12 events in 4 sessions>]"


MANY = 6_000


@pytest.fixture(scope="module")
def long_journey() -> Journey:
    with embedded_client() as client:
        events = [
            {
                "event": ("$pageview", "clicked", "searched")[number % 3],
                "distinct_id": "ada",
                "properties": {
                    **session(number // 100),
                    "$pathname": f"/files/{number}",
                    "query": f"holiday photos of {number}",
                    "results": number,
                },
                "timestamp": at(minutes=number),
            }
            for number in range(MANY)
        ]
        assert client.capture_many(events).complete
        ada = client.persons.get(client.persons.search(distinct_id="ada")["uuid"][0])
        return ada.journey(limit=10_000)


class TestManyEvents:
    def test_the_page_stays_small(self, long_journey: Journey) -> None:
        assert len(long_journey._repr_html_().encode()) < 1_500_000

    def test_the_first_sessions_are_open_and_the_others_folded(self, long_journey: Journey) -> None:
        folds = [attributes for name, attributes in read(long_journey._repr_html_()).elements if name == "details"]
        assert [("open" in one) for one in folds].count(True) == 3
        assert "60 more lines of this session" in read(long_journey._repr_html_()).text

    def test_what_a_page_cannot_hold_is_said_and_in_the_frame(self, long_journey: Journey) -> None:
        page = read(long_journey._repr_html_()).text
        assert "The 1,000 oldest of them are not shown here: .to_frame() has all." in page
        assert "/files/999" not in page
        assert "/files/1000" in page
        assert len(long_journey.to_frame()) == MANY

    def test_the_text_is_the_first_lines_and_says_how_many_are_left(self, long_journey: Journey) -> None:
        lines = pretty(long_journey).splitlines()
        assert len(lines) < 70
        shown = sum(line.startswith("    ") for line in lines)
        assert lines[-1] == f"... {5_000 - shown:,} more events: .to_frame() has all"


class TestAsking:
    def test_getting_a_person_does_not_ask_for_the_events(self, posthog: Client, ada: Person) -> None:
        fresh = posthog.persons.get(ada.uuid)
        assert "last_seen" not in vars(fresh)
        assert fresh.last_seen == at(days=3, hours=20)

    def test_the_card_asks_once_and_waits_seconds_at_most(self, posthog: Client, ada: Person) -> None:
        fresh, asked = posthog.persons.get(ada.uuid), []
        given = fresh._ask

        def ask(*arguments: Any, **options: Any) -> Any:
            asked.append(options)
            return given(*arguments, **options)

        vars(fresh)["_ask"] = ask
        for _ in range(2):
            assert "2026-03-06 05:00:00 Europe/Berlin" in fresh._repr_html_()
        assert asked == [{"timeout": 5.0}]
        assert "last seen     2026-03-06 05:00:00 Europe/Berlin" in pretty(fresh)

    @pytest.mark.parametrize(
        ("error", "said"),
        [
            (AnswerTimeoutError("Too long."), "not found within seconds; <code>person.last_seen</code> waits for it"),
            (ServerError("<b>broken</b>", status=500), "not known: &lt;b&gt;broken&lt;/b&gt;"),
        ],
    )
    def test_a_card_that_cannot_look_it_up_says_why(
        self, posthog: Client, ada: Person, error: Exception, said: str
    ) -> None:
        fresh = posthog.persons.get(ada.uuid)

        def ask(*_: Any, **__: Any) -> Any:
            raise error

        vars(fresh)["_ask"] = ask
        assert said in fresh._repr_html_()
        assert "last_seen" not in vars(fresh)

    def test_somebody_without_events_was_not_seen(self) -> None:
        with embedded_client() as client:
            client.identify("ada", {"name": "Ada"})
            ada = client.persons.get(client.persons.search(distinct_id="ada")["uuid"][0])
            vars(ada)["uuid"] = str(UUID(int=1))
            assert ada.last_seen is None
            assert "no events" in ada._repr_html_()

    @pytest.mark.parametrize("away", [lambda one: pickle.loads(pickle.dumps(one)), copy.deepcopy])  # noqa: S301 - its own
    def test_one_that_left_its_client_says_what_to_do(self, posthog: Client, ada: Person, away: Any) -> None:
        other = away(posthog.persons.get(ada.uuid))
        assert other == ada
        for ask in (other.journey, lambda: other.last_seen):
            with pytest.raises(ConfigurationError, match="not read by a client of this process") as caught:
                ask()
            assert caught.value.hint == f"Get it anew: ph.persons.get('{ada.uuid}')."
        assert "ph.persons.get(&#x27;" in other._repr_html_()

    def test_its_fields_are_the_person_s_alone(self, posthog: Client, ada: Person) -> None:
        assert "_ask" not in asdict(posthog.persons.get(ada.uuid))

    def test_what_it_found_goes_along(self, posthog: Client, ada: Person) -> None:
        fresh = posthog.persons.get(ada.uuid)
        seen = fresh.last_seen
        assert pickle.loads(pickle.dumps(fresh)).last_seen == seen  # noqa: S301 - its own


def test_a_journey_is_shown_as_pandas_times_are(journey: Journey) -> None:
    frame = journey.to_frame()
    assert isinstance(frame, pd.DataFrame)
    assert [step.timestamp for step in journey.steps] == [moment.to_pydatetime() for moment in frame["timestamp"]]
