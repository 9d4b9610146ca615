"""What only PostHog has: traffic and bots, how persons first came, surveys, languages, versions."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from posthog_nb.embedded.hogql import compile_query
from posthog_nb.errors import HogQLQueryError
from tests.hogql_world import ANN, BOB, DATABASE, World, create_world

CHROME = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36"
GOOGLEBOT = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"

EVENTS = [
    # event, properties
    ("$pageview", {"$raw_user_agent": GOOGLEBOT}),
    ("$pageview", {"$raw_user_agent": "", "$user_agent": "curl/8.5.0"}),
    ("$pageview", {"$raw_user_agent": CHROME, "$user_agent": "curl/8.5.0"}),
    ("$pageview", {}),
    ("survey sent", {"$survey_id": "s", "$survey_response": "by place", "$survey_response_1": "second"}),
    ("survey sent", {"$survey_id": "s", "$survey_response_q1": "by ID", "$survey_questions": [{"id": "q1"}]}),
    ("survey sent", {"$survey_id": "s", "$survey_response_q1": ["a", "b"], "$survey_submission_id": "one"}),
    ("survey sent", {"$survey_id": "s", "$survey_response": ["c"], "$survey_submission_id": "one"}),
    ("survey sent", {"$survey_id": "other", "$survey_submission_id": "one"}),
]
PERSONS = [
    (ANN, {"$initial_referring_domain": "www.google.com", "$initial_utm_medium": "cpc", "email": "ann@x.example"}),
    (BOB, {"$initial_referring_domain": "$direct"}),
]


@pytest.fixture(scope="module")
def world() -> World:
    world = create_world()
    start = datetime(2024, 2, 1, tzinfo=UTC)
    world.client.command(f"TRUNCATE TABLE {DATABASE}.events")
    world.client.command(f"TRUNCATE TABLE {DATABASE}.person")
    world.client.insert(
        "events",
        [
            [
                UUID(int=at),
                event,
                json.dumps(properties),
                start + timedelta(days=at),
                "d",
                ANN,
                json.dumps(PERSONS[0][1]),
            ]
            for at, (event, properties) in enumerate(EVENTS)
        ],
        column_names=["uuid", "event", "properties", "timestamp", "distinct_id", "person_id", "person_properties"],
        database=DATABASE,
    )
    world.client.insert(
        "person",
        [[person, start, 1, json.dumps(properties), 1] for person, properties in PERSONS],
        column_names=["id", "created_at", "team_id", "properties", "version"],
        database=DATABASE,
    )
    return world


AGENTS = [
    # user agent, traffic type, traffic category, bot type, bot name, bot operator, likely a bot
    (GOOGLEBOT, "Bot", "search_crawler", "search_crawler", "Googlebot", "Google", True),
    ("GPTBot/1.2", "AI Agent", "ai_crawler", "ai_crawler", "GPTBot", "OpenAI", True),
    ("Mozilla/5.0; ChatGPT-User/1.0", "AI Agent", "ai_assistant", "ai_assistant", "ChatGPT", "OpenAI", True),
    ("python-requests/2.32", "Automation", "http_client", "http_client", "Python Requests", "Python", True),
    ("", "Automation", "no_user_agent", "no_user_agent", "", "", True),
    (None, "Automation", "no_user_agent", "no_user_agent", "", "", True),
    (CHROME, "Regular", "regular", "", "", "", False),
]


@pytest.mark.parametrize("case", AGENTS, ids=lambda case: str(case[0])[:20])
def test_a_user_agent_tells_what_sent_an_event(world: World, case: tuple[object, ...]) -> None:
    names = "getTrafficType", "getTrafficCategory", "getBotType", "getBotName", "getBotOperator", "isLikelyBot"
    calls = ", ".join(f"{name}({{agent}})" for name in names)
    assert world.ask(f"select {calls}", agent=case[0]) == [case[1:]]


def test_an_event_knows_what_sent_it_by_its_raw_user_agent_first(world: World) -> None:
    query = (
        "select $virt_is_bot, $virt_traffic_type, $virt_traffic_category, $virt_bot_name, "
        "properties.$virt_bot_operator from events where event = '$pageview' order by uuid"
    )
    assert world.ask(query) == [
        (True, "Bot", "search_crawler", "Googlebot", "Google"),
        (True, "Automation", "http_client", "curl", "curl"),
        (False, "Regular", "regular", "", ""),
        (True, "Automation", "no_user_agent", "", ""),
    ]


def test_a_person_knows_how_it_first_came(world: World) -> None:
    query = (
        "select $virt_initial_referring_domain_type, $virt_initial_channel_type, properties.$virt_initial_channel_type "
        "from persons order by id"
    )
    assert world.ask(query) == [("Search", "Paid Search", "Paid Search"), ("$direct", "Direct", "Direct")]


@pytest.mark.parametrize("path", ["person", "poe", "person.properties", "poe.properties"])
def test_an_event_leads_to_how_its_person_first_came(world: World, path: str) -> None:
    query = f"select distinct {path}.$virt_initial_channel_type from events"
    assert world.ask(query) == [("Paid Search",)]
    assert compile_query(query, world.facts).columns == ("$virt_initial_channel_type",)


def test_revenue_is_nothing_where_no_source_of_it_is_set_up(world: World) -> None:
    assert world.ask("select sum($virt_revenue), sum($virt_mrr) from persons") == [(0, 0)]


def test_virtual_columns_are_not_in_star(world: World) -> None:
    for table in ("events", "persons"):
        assert not [
            name for name in compile_query(f"select * from {table}", world.facts).columns if name.startswith("$virt_")
        ]


LOOKUPS = [
    # function, source or medium, what it gives
    ("lookupDomainType", "google", "Search"),
    ("lookupDomainType", "www.youtube.com", "Video"),
    ("lookupDomainType", "a.example", None),
    ("lookupDomainType", None, None),
    ("lookupPaidSourceType", "facebook.com", "Paid Social"),
    ("lookupPaidSourceType", "mail.google.com", None),
    ("lookupOrganicSourceType", "mail.google.com", "Email"),
    ("lookupOrganicSourceType", "duckduckgo.com", "Organic Search"),
    ("lookupPaidMediumType", "display", "Display"),
    ("lookupPaidMediumType", "email", None),
    ("lookupOrganicMediumType", "email", "Email"),
    ("lookupOrganicMediumType", "social", "Organic Social"),
]


@pytest.mark.parametrize(("function", "text", "kind"), LOOKUPS)
def test_sources_and_media_have_their_channels(world: World, function: str, text: str | None, kind: str | None) -> None:
    assert world.ask(f"select {function}({{text}})", text=text) == [(kind,)]


RESPONSES = [
    # call, the answers of the first four submissions
    ("getSurveyResponse(0)", ["by place", "by ID", None, '["c"]']),
    ("getSurveyResponse('1')", ["second", None, None, None]),
    ("getSurveyResponse(0, 'q1')", ["by place", "by ID", '["a","b"]', '["c"]']),
    ("getSurveyResponse(0, 'q1', true)", [[], [], ['"a"', '"b"'], ['"c"']]),
]


@pytest.mark.parametrize(("call", "answers"), RESPONSES)
def test_a_survey_is_answered_by_a_questions_id_else_by_its_place(
    world: World, call: str, answers: list[object]
) -> None:
    query = f"select {call} from events where properties.$survey_id = 's' order by uuid"
    assert [answer for (answer,) in world.ask(query)] == answers


SUBMISSIONS = [
    ("'s'", [4, 5, 7]),
    ("'s', '2024-02-06'", [5, 7]),
    ("'s', '2024-02-06', '2024-02-07 12:00:00'", [5, 6]),
    ("'nobody'", []),
]


@pytest.mark.parametrize(("args", "numbers"), SUBMISSIONS)
def test_of_each_submission_the_last_event_counts(world: World, args: str, numbers: list[int]) -> None:
    query = f"select e.uuid from events e where uniqueSurveySubmissionsFilter({args}) order by e.uuid"
    assert [uuid.int for (uuid,) in world.ask(query)] == numbers


REFUSED = [
    ("getSurveyResponse(event)", "getSurveyResponse first argument must be a constant"),
    ("getSurveyResponse('x')", "getSurveyResponse first argument must be a valid integer"),
    ("getSurveyResponse('²')", "getSurveyResponse first argument must be a valid integer"),
    ("getSurveyResponse(99999999999999999999)", "getSurveyResponse first argument must be a valid integer"),
    ("getSurveyResponse(true)", "getSurveyResponse first argument must be a valid integer"),
    ("getSurveyResponse(0) over ()", "Function 'getSurveyResponse' cannot be used with OVER"),
    ("getSurveyResponse()", "Function 'getSurveyResponse' expects at least 1 argument, found 0"),
    ("uniqueSurveySubmissionsFilter(event)", "uniqueSurveySubmissionsFilter first argument must be a constant"),
    ("uniqueSurveySubmissionsFilter('s', now())", "uniqueSurveySubmissionsFilter second argument must be a constant"),
    ("getTrafficType('x', '1.2.3.4')", "Function 'getTrafficType' expects 1 argument, found 2"),
]


@pytest.mark.parametrize(("call", "message"), REFUSED)
def test_what_cannot_be_is_refused(world: World, call: str, message: str) -> None:
    with pytest.raises(HogQLQueryError) as caught:
        compile_query(f"select {call} from events", world.facts)
    assert message in str(caught.value)


VERSIONS = [("1.10.2", [1, 10, 2]), ("v2.0.0-rc.1+5", [2, 0, 0]), ("1.2", [None]), ("01.2.3", [None]), (None, [None])]


@pytest.mark.parametrize(("version", "parts"), VERSIONS)
def test_a_version_is_ordered_by_its_numbers(world: World, version: str | None, parts: list[int | None]) -> None:
    assert world.ask("select sortableSemVer({version})", version=version) == [(parts,)]


def test_tags_are_data(world: World) -> None:
    query = "select explainCSPReport(properties), sparkline([1]), recordingButton('x', 'active') from events limit 1"
    assert world.ask(query)[0] == (
        ("__hx_tag", "ExplainCSPReport", "properties", json.dumps(EVENTS[0][1])),
        ("__hx_tag", "Sparkline", "data", [1]),
        ("__hx_tag", "RecordingButton", "sessionId", "x", "recordingStatus", "active"),
    )


def test_a_language_has_its_english_name(world: World) -> None:
    query = "select languageCodeToName('de'), languageCodeToName('nb'), languageCodeToName('xx')"
    assert world.ask(query) == [("German", "Norwegian Bokmål", "Unknown")]
