"""Sessions: what is known of each, computed from its events, and where it came from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.wire import Wire, open_wire

if TYPE_CHECKING:
    from collections.abc import Iterator

ONE = "0190a0a0-0000-7000-8000-000000000001"
BOUNCED = "0190a0a0-0000-7000-8000-000000000002"
OF_A_PHONE = "0190a0a0-0000-7000-8000-000000000003"
VERSION_4 = "0190a0a0-0000-4000-8000-000000000004"
SITE = "https://shop.example"


def event(name: str, second: int, session: object, distinct_id: str = "ann", **properties: object) -> dict[str, object]:
    named = {f"${key[1:]}" if key[0] == "S" else key: value for key, value in properties.items()}
    return {
        "event": name,
        "distinct_id": distinct_id,
        "timestamp": f"2026-07-01T12:00:{second:02}Z",
        "properties": {"$session_id": session, **named},
    }


@pytest.fixture(scope="module")
def wire() -> Iterator[Wire]:
    wire = open_wire(timezone="Europe/London")
    wire.send(
        event("$pageview", 40, ONE, Scurrent_url=f"{SITE}/buy?x=1", utm_source="late"),
        event("$autocapture", 30, ONE),
        event("$pageview", 0, ONE, "anon", Scurrent_url=f"{SITE}/", Sreferring_domain="www.google.com", utm_source="g"),
        event("$pageview", 20, ONE, Scurrent_url=f"{SITE}/", Sweb_vitals_LCP_value=1.5),
        event("bought", 41, ONE, Sexternal_click_url="https://bank.example/"),
        event("$pageview", 5, BOUNCED, "bob", Scurrent_url=f"{SITE}/", Sreferring_domain="$direct"),
        event("$screen", 7, OF_A_PHONE, "eve"),
        event("seen", 8, VERSION_4),
        event("seen", 9, "not a uuid"),
        event("seen", 10, None),
    )
    yield wire
    wire.close()


def rows(wire: Wire, query: str) -> list[Any]:
    answer = wire.ask(query)
    assert answer.status_code == 200, answer.text
    found: list[Any] = answer.json()["results"]
    return found


COLUMNS = [
    # column, of the long session, of the bounced one, of the phone's
    ("distinct_id", "ann", "bob", "eve"),
    ("$start_timestamp", "2026-07-01T13:00:00+01:00", "2026-07-01T13:00:05+01:00", "2026-07-01T13:00:07+01:00"),
    ("$end_timestamp", "2026-07-01T13:00:41+01:00", "2026-07-01T13:00:05+01:00", "2026-07-01T13:00:07+01:00"),
    ("$urls", [f"{SITE}/", f"{SITE}/buy?x=1"], [f"{SITE}/"], []),
    ("$num_uniq_urls", 2, 1, 0),
    ("$entry_current_url", f"{SITE}/", f"{SITE}/", None),
    ("$entry_pathname", "/", "/", None),
    ("$entry_hostname", "shop.example", "shop.example", None),
    # The last event has no URL: PostHog takes that for an empty one.
    ("$end_current_url", None, f"{SITE}/", None),
    ("$exit_pathname", None, "/", None),
    ("$entry_referring_domain", "www.google.com", "$direct", None),
    ("$entry_utm_source", "g", None, None),
    ("$entry_gclid", None, None, None),
    ("$pageview_count", 3, 1, 0),
    ("$autocapture_count", 1, 0, 0),
    ("$screen_count", 0, 0, 1),
    ("$session_duration", 41, 0, 0),
    ("duration", 41, 0, 0),
    ("$is_bounce", 0, 1, None),
    ("$last_external_click_url", "https://bank.example/", None, None),
    ("$vitals_lcp", 1.5, None, None),
    ("$channel_type", "Organic Search", "Direct", "Unknown"),
    ("session_id", ONE, BOUNCED, OF_A_PHONE),
    ("id", ONE, BOUNCED, OF_A_PHONE),
]


@pytest.mark.parametrize(("column", "long", "bounced", "phone"), COLUMNS)
def test_a_session_is_what_its_events_say(
    wire: Wire, column: str, *, long: object, bounced: object, phone: object
) -> None:
    assert rows(wire, f"SELECT {column} FROM sessions ORDER BY session_id") == [[long], [bounced], [phone]]


EVERY_SESSION = [
    # what happened in it, its start being 0 s; of it: bounce, duration, pages, whether it is one
    ([("$pageview", 0)], 1, 0, 1),
    ([("$pageview", 0), ("seen", 9)], 1, 9, 1),
    ([("$pageview", 0), ("seen", 10)], 0, 10, 1),
    ([("$pageview", 0), ("$pageview", 1)], 0, 1, 2),
    ([("$pageview", 0), ("$autocapture", 1)], 0, 1, 1),
    ([("$pageview", 0), ("$screen", 1)], 1, 1, 1),
    ([("$autocapture", 0), ("seen", 30)], None, 30, 0),
    ([("$screen", 0)], None, 0, 0),
    ([("seen", 5), ("$pageview", 0)], 1, 5, 1),
]


def test_a_bounce_is_one_short_look_at_one_page() -> None:
    wire = open_wire()
    wire.send(
        *(
            event(name, second, f"0190a0a0-0000-7000-8000-{number:012x}")
            for number, (happened, *_) in enumerate(EVERY_SESSION)
            for name, second in happened
        )
    )
    found = rows(wire, "SELECT $is_bounce, $session_duration, $pageview_count FROM sessions ORDER BY session_id")
    wire.close()
    assert found == [[bounce, duration, pages] for _, bounce, duration, pages in EVERY_SESSION]


IDS = [
    # $session_id, the session that it belongs to
    ("0190a0a0-0000-7000-8000-00000000000b", "0190a0a0-0000-7000-8000-00000000000b"),
    ("0190A0A0-0000-7000-8000-00000000000C", "0190a0a0-0000-7000-8000-00000000000c"),
    ("0190a0a0-0000-7fff-8000-00000000000d", "0190a0a0-0000-7fff-8000-00000000000d"),
    ("0190a0a0-0000-4000-8000-00000000000e", None),
    ("0190a0a0-0000-6000-8000-00000000000f", None),
    ("00000000-0000-0000-0000-000000000000", None),
    ("not a uuid", None),
    ("", None),
    (7, None),
    (None, None),
]


def test_a_session_is_a_uuid_of_version_7() -> None:
    wire = open_wire()
    wire.send(*(event(f"{number:02}", 0, session) for number, (session, _) in enumerate(IDS)))
    found = [session for _, session in IDS if session]
    assert rows(wire, "SELECT session_id, id FROM sessions ORDER BY id") == [[session, session] for session in found]
    # An event without one is there all the same, with nothing behind `session`.
    columns = "session.session_id, session.$session_duration, session.$entry_utm_source, session.$is_bounce"
    of_events = rows(wire, f"SELECT {columns} FROM events ORDER BY event")
    wire.close()
    assert of_events == [[session or "", 0, None, None] for _, session in IDS]


TEXTS = [
    # property of the first event and of the last one; column, its value
    ({"utm_source": "a"}, {"utm_source": "b"}, "$entry_utm_source", "a"),
    ({}, {"utm_source": "b"}, "$entry_utm_source", None),
    ({"utm_source": ""}, {}, "$entry_utm_source", None),
    ({"utm_source": "null"}, {}, "$entry_utm_source", None),
    ({"utm_source": None}, {}, "$entry_utm_source", None),
    ({"utm_campaign": "a"}, {}, "$entry_utm_campaign", "a"),
    ({"utm_medium": "a"}, {}, "$entry_utm_medium", "a"),
    ({"utm_term": "a"}, {}, "$entry_utm_term", "a"),
    ({"utm_content": "a"}, {}, "$entry_utm_content", "a"),
    ({"$referring_domain": "a.example"}, {"$referring_domain": "b.example"}, "$entry_referring_domain", "a.example"),
    *(
        ({key: "a"}, {key: "b"}, f"$entry_{key}", "a")
        for key in (
            "gclid", "gad_source", "gclsrc", "dclid", "gbraid", "wbraid", "fbclid", "msclkid", "twclid", "li_fat_id",
            "mc_cid", "igshid", "ttclid", "_kx", "irclid",
        )
    ),
    ({"$current_url": f"{SITE}/a?b#c"}, {}, "$entry_current_url", f"{SITE}/a?b#c"),
    ({"$current_url": f"{SITE}/a?b#c"}, {}, "$entry_pathname", "/a"),
    ({"$current_url": f"{SITE}/a?b#c"}, {}, "$entry_hostname", "shop.example"),
    ({"$current_url": f"{SITE}/a"}, {"$current_url": f"{SITE}/b"}, "$end_current_url", f"{SITE}/b"),
    ({"$current_url": f"{SITE}/a"}, {"$current_url": f"{SITE}/b"}, "$end_pathname", "/b"),
    ({"$current_url": f"{SITE}/a"}, {"$current_url": f"{SITE}/b"}, "$end_hostname", "shop.example"),
    ({"$current_url": f"{SITE}/a"}, {"$current_url": f"{SITE}/b"}, "$exit_current_url", f"{SITE}/b"),
    ({"$current_url": f"{SITE}/a"}, {"$current_url": f"{SITE}/b"}, "$exit_pathname", "/b"),
    ({"$current_url": f"{SITE}/a"}, {}, "$end_current_url", None),
    ({"$current_url": "null"}, {}, "$entry_current_url", None),
    ({"$current_url": "null"}, {}, "$entry_pathname", None),
    ({"$current_url": f"{SITE}/a"}, {"$current_url": f"{SITE}/a"}, "$urls", [f"{SITE}/a"]),
    ({"$current_url": f"{SITE}/b"}, {"$current_url": f"{SITE}/a"}, "arraySort($urls)", [f"{SITE}/a", f"{SITE}/b"]),
    ({"$current_url": f"{SITE}/b"}, {"$current_url": ""}, "$num_uniq_urls", 1),
    ({"$external_click_url": "https://a.example"}, {"$external_click_url": "https://b.example"},
     "$last_external_click_url", "https://b.example"),
    ({"$web_vitals_LCP_value": 2.5}, {"$web_vitals_LCP_value": 1}, "$vitals_lcp", 2.5),
    ({}, {"$web_vitals_LCP_value": 1}, "$vitals_lcp", 1.0),
    ({}, {}, "$vitals_lcp", None),
    ({}, {}, "$page_screen_autocapture_count_up_to", 0),
]  # fmt: skip


def test_a_session_knows_its_first_and_its_last_event() -> None:
    wire = open_wire()
    sent = []
    for number, (first, last, *_) in enumerate(TEXTS):
        session = {"$session_id": f"0190a0a0-0000-7000-8000-{number:012x}"}
        # The last one arrives first.
        sent += [
            event("seen", 9, "") | {"properties": last | session},
            event("seen", 1, "") | {"properties": first | session},
        ]
    wire.send(*sent)
    for number, (_, _, column, value) in enumerate(TEXTS):
        where = f"session_id = '0190a0a0-0000-7000-8000-{number:012x}'"
        assert rows(wire, f"SELECT {column} FROM sessions WHERE {where}") == [[value]], column
    wire.close()


def test_the_latest_distinct_id_is_the_sessions() -> None:
    wire = open_wire()
    wire.send(event("seen", 1, ONE, "before"), event("seen", 2, ONE, "after"), event("seen", 1, BOUNCED, "null"))
    assert rows(wire, "SELECT distinct_id FROM sessions ORDER BY session_id") == [["after"], [None]]
    wire.close()


def test_an_event_finds_its_session_and_one_without_finds_nothing(wire: Wire) -> None:
    found = rows(
        wire, "SELECT event, session.$session_duration, session.$entry_pathname FROM events ORDER BY timestamp"
    )
    assert found[0] == ["$pageview", 41, "/"]
    assert found[-3] == ["$autocapture", 41, "/"]
    assert rows(wire, "SELECT count() FROM events WHERE session.$entry_hostname IS NULL AND event = 'seen'") == [[3]]


def test_star_has_posthogs_columns_in_posthogs_order(wire: Wire) -> None:
    columns = wire.ask("SELECT * FROM sessions").json()["columns"]
    assert columns[:6] == [
        "session_id",
        "distinct_id",
        "$start_timestamp",
        "$end_timestamp",
        "max_inserted_at",
        "$urls",
    ]
    assert columns[-5:] == [
        "$session_duration",
        "$is_bounce",
        "$last_external_click_url",
        "$page_screen_autocapture_count_up_to",
        "$vitals_lcp",
    ]
    assert not {"id", "session_id_v7", "duration", "$exit_current_url", "$exit_pathname", "team_id"} & set(columns)


def test_sessions_join_and_filter_like_any_table(wire: Wire) -> None:
    query = (
        "SELECT s.session_id, count() FROM events e JOIN sessions s ON e.$session_id = s.session_id"
        " WHERE s.$start_timestamp >= '2026-07-01 13:00:05' GROUP BY s.session_id ORDER BY s.session_id"
    )
    assert rows(wire, query) == [[BOUNCED, 1], [OF_A_PHONE, 1]]


CHANNELS = [
    # campaign, medium, source, referring domain, other, channel
    ("Cross-Network", "", "", "", {}, "Cross Network"),
    ("", "cpc", "google", "", {}, "Paid Search"),
    ("", "CPC", "Facebook", "", {}, "Paid Social"),
    ("", "paid-whatever", "", "www.youtube.com", {}, "Paid Video"),
    ("", "cpm", "", "", {}, "Display"),
    ("summer shopping", "cpc", "", "", {}, "Paid Shopping"),
    ("", "", "", "$direct", {"gclid": "x"}, "Paid Unknown"),
    ("", "", "", "$direct", {"gad_source": "1"}, "Paid Search"),
    ("a video ad", "ppc", "", "", {}, "Paid Video"),
    ("", "ppc", "", "", {"fbclid": "x"}, "Paid Social"),
    ("", "", "", "$direct", {}, "Direct"),
    ("", "", "direct", "$direct", {}, "Direct"),
    ("", "email", "", "$direct", {}, "Email"),
    ("", "", "newsletter", "$direct", {}, "Direct"),
    ("", "", "google", "", {}, "Organic Search"),
    ("", "", "", "m.facebook.com", {}, "Organic Social"),
    ("", "", "", "de.search.yahoo.com", {}, "Organic Search"),
    ("", "", "", "youtu.be", {}, "Organic Video"),
    ("", "", "", "www.amazon.com", {}, "Organic Shopping"),
    # ... whatever else: a campaign across networks comes first
    ("my cross-network ad", "cpc", "google", "www.google.com", {"gclid": "x"}, "Cross Network"),
    # Paid, by its medium or by a click that cost; the source decides, then the campaign, the medium, the referrer
    ("", "cpv", "", "", {}, "Paid Unknown"),
    ("", "cpa", "", "", {}, "Paid Unknown"),
    ("", "ppc", "", "", {}, "Paid Unknown"),
    ("", "retargeting", "", "", {}, "Paid Unknown"),
    ("", "paidsocial", "", "", {}, "Paid Unknown"),
    ("shopping", "cpc", "google", "", {}, "Paid Search"),
    ("big shop", "cpm", "", "", {}, "Paid Shopping"),
    ("bishop", "cpc", "", "", {}, "Paid Unknown"),
    ("workshop", "cpc", "", "", {}, "Paid Unknown"),
    ("eshop", "cpc", "", "", {}, "Paid Shopping"),
    ("", "cpc", "", "www.google.com", {}, "Paid Search"),
    ("", "cpc", "", "blog.example", {"gad_source": "1"}, "Paid Search"),
    ("video", "cpc", "", "", {"gad_source": "1"}, "Paid Search"),
    ("", "cpc", "", "", {"gad_source": "2"}, "Paid Unknown"),
    ("", "", "", "", {"gad_source": "2"}, "Paid Unknown"),
    ("video", "cpc", "", "", {"fbclid": "x"}, "Paid Video"),
    ("", "", "youtube", "", {"gclid": "x"}, "Paid Video"),
    # Direct, unless anything says otherwise
    ("", "", "(direct)", "$direct", {}, "Direct"),
    ("", "", "", "$direct", {"fbclid": "x"}, "Organic Social"),
    ("", "referral", "", "$direct", {}, "Referral"),
    ("shopping", "", "", "$direct", {}, "Direct"),
    # Organic, in the same order
    ("", "", "Google", "blog.example", {}, "Organic Search"),
    ("shopping", "", "google", "", {}, "Organic Search"),
    ("summer shopping", "", "", "www.google.com", {}, "Organic Shopping"),
    ("", "sms", "", "www.google.com", {}, "SMS"),
    ("", "audio", "", "", {}, "Audio"),
    ("", "social", "", "", {}, "Organic Social"),
    ("", "video", "", "", {}, "Organic Video"),
    ("", "banner", "", "", {}, "Display"),
    ("my video", "", "", "blog.example", {}, "Organic Video"),
    ("", "web push", "", "blog.example", {}, "Push"),
    ("", "", "", "blog.example", {"fbclid": "x"}, "Organic Social"),
    ("", "other", "", "$direct", {}, "Direct"),
    ("", "other", "other", "", {}, "Unknown"),
    ("null", "null", "null", "", {}, "Unknown"),
    ("", "affiliate", "", "", {}, "Affiliate"),
    ("", "web push", "", "", {}, "Push"),
    ("", "", "", "", {"fbclid": "x"}, "Organic Social"),
    ("", "", "", "blog.example", {}, "Referral"),
    ("", "", "", "", {}, "Unknown"),
]


def test_a_channel_is_found_in_posthogs_order() -> None:
    wire = open_wire()
    sent = []
    for number, (campaign, medium, source, domain, other, _) in enumerate(CHANNELS):
        named = {"utm_campaign": campaign, "utm_medium": medium, "utm_source": source, "$referring_domain": domain}
        given = {key: value for key, value in {**named, **other}.items() if value}
        session = f"0190a0a0-0000-7000-8000-{number:012x}"
        sent.append(event("$pageview", 0, session) | {"properties": {"$session_id": session, **given}})
    wire.send(*sent)
    found = [row[0] for row in rows(wire, "SELECT $channel_type FROM sessions ORDER BY session_id")]
    wire.close()
    assert found == [case[-1] for case in CHANNELS]


RAW = [
    # what is asked of the states, of the long session, of the bounced one, of the phone's
    ("argMaxMerge(distinct_id)", "ann", "bob", "eve"),
    ("argMinMerge(entry_url)", f"{SITE}/", f"{SITE}/", ""),
    ("argMaxMerge(last_external_click_url)", "https://bank.example/", "", ""),
    ("argMinMerge(initial_utm_source)", "g", "", ""),
    ("argMinMerge(initial_referring_domain)", "www.google.com", "$direct", ""),
    ("uniqMerge(pageview_uniq)", 3, 1, 0),
    ("uniqMerge(autocapture_uniq)", 1, 0, 0),
    ("uniqMerge(screen_uniq)", 0, 0, 1),
    ("dateDiff('second', min(min_timestamp), max(max_timestamp))", 41, 0, 0),
    ("length(groupUniqArrayArray(urls))", 2, 1, 0),
]


@pytest.mark.parametrize(("expression", "values"), [(row[0], list(row[1:])) for row in RAW])
def test_raw_sessions_hold_the_states_of_aggregates(wire: Wire, expression: str, values: list[object]) -> None:
    found = rows(wire, f"select {expression} from raw_sessions group by session_id_v7 order by session_id_v7")
    assert [row[0] for row in found] == values
