"""The query endpoint: PostHog's request, PostHog's response, PostHog's refusals."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any

import pytest

from posthog_nb.embedded.server.errors import _QUERIES_AT_FAULT
from posthog_nb.errors import EngineError
from tests.wire import Wire, open_wire

if TYPE_CHECKING:
    from collections.abc import Iterator

EVENTS = 250


@pytest.fixture(scope="module")
def wire() -> Iterator[Wire]:
    wire = open_wire(timezone="Europe/London")
    wire.send(
        *(
            {
                "event": "row",
                "distinct_id": f"user-{n % 7}",
                "timestamp": f"2026-07-01T12:{n // 60:02}:{n % 60:02}Z",
                "properties": {"n": n, "name": f"it's {n}"},
            }
            for n in range(EVENTS)
        )
    )
    yield wire
    wire.close()


def ok(wire: Wire, query: str, **options: Any) -> dict[str, Any]:
    answer = wire.ask(query, **options)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def refused(wire: Wire, query: str, **options: Any) -> dict[str, Any]:
    answer = wire.ask(query, **options)
    assert answer.status_code == 400, answer.text
    found: dict[str, Any] = answer.json()
    return found


def test_the_response_has_every_key_of_posthogs_and_nulls_are_sent(wire: Wire) -> None:
    assert set(ok(wire, "SELECT 1")) == {
        *("results", "columns", "types", "hasMore", "limit", "offset", "hogql", "clickhouse", "query", "error"),
        *("explain", "metadata", "timings", "modifiers", "warnings", "resolved_date_range", "is_cached", "cache_key"),
        *("cache_target_age", "last_refresh", "next_allowed_client_refresh", "timezone", "calculation_trigger"),
        *("query_metadata", "query_status"),
    }


def test_types_are_pairs_and_times_are_in_the_projects_zone(wire: Wire) -> None:
    answer = ok(wire, "SELECT event, timestamp, properties.n AS n FROM events ORDER BY timestamp LIMIT 1")
    assert answer["columns"] == ["event", "timestamp", "n"]
    assert answer["types"] == [
        ["event", "String"],
        ["timestamp", "DateTime64(6, 'Europe/London')"],
        ["n", "Nullable(Float64)"],
    ]
    assert answer["results"] == [["row", "2026-07-01T13:00:00+01:00", 0.0]]
    assert answer["timezone"] == "Europe/London"


def test_the_modifier_for_utc_is_obeyed(wire: Wire) -> None:
    answer = ok(
        wire,
        "SELECT timestamp FROM events ORDER BY timestamp LIMIT 1",
        node={"modifiers": {"convertToProjectTimezone": False}},
    )
    assert answer["results"] == [["2026-07-01T12:00:00Z"]]
    assert answer["modifiers"]["convertToProjectTimezone"] is False


@pytest.mark.parametrize(
    ("query", "rows", "more", "limit", "offset"),
    [
        ("SELECT uuid FROM events", 100, True, 100, 0),
        ("SELECT uuid FROM events WHERE properties.n < 100", 100, False, 100, 0),
        ("SELECT uuid FROM events WHERE properties.n < 3", 3, False, 100, 0),
        ("SELECT uuid FROM (SELECT uuid FROM events LIMIT 5)", 5, False, 100, 0),
        ("SELECT uuid FROM events LIMIT 120", 120, None, None, None),
        ("SELECT uuid FROM events LIMIT 60000", EVENTS, None, None, None),
        ("SELECT uuid FROM events UNION ALL SELECT uuid FROM events", 200, None, None, None),
    ],
)
def test_has_more_limit_and_offset_are_given_for_a_single_select_without_a_limit_alone(
    wire: Wire, query: str, *, rows: int, more: bool | None, limit: int | None, offset: int | None
) -> None:
    answer = ok(wire, query)
    found = (len(answer["results"]), answer["hasMore"], answer["limit"], answer["offset"])
    assert found == (rows, more, limit, offset)


@pytest.mark.parametrize(
    "query", ["SELECT uuid FROM events LIMIT 5 OFFSET 5", "SELECT 1 FROM (SELECT uuid FROM events LIMIT 5 OFFSET 5)"]
)
def test_offset_is_refused_for_a_personal_key(wire: Wire, query: str) -> None:
    answer = refused(wire, query)
    assert (answer["type"], answer["code"]) == ("validation_error", "hogql_query_error")
    assert answer["detail"].startswith("OFFSET is not supported")


@pytest.mark.parametrize("value", ["it's 7", "') OR 1 = 1 --", "{x}", "\\", "'; DROP TABLE events", "🦔"])
def test_a_value_is_a_value_and_never_text_of_the_query(wire: Wire, value: str) -> None:
    answer = ok(wire, "SELECT {x}, count() FROM events WHERE properties.name = {x}", node={"values": {"x": value}})
    assert answer["results"] == [[value, 1 if value == "it's 7" else 0]]


@pytest.mark.parametrize(
    ("query", "code", "marked"),
    [
        ("SELECT nope FROM events", "hogql_query_error", "nope"),
        ("SELECT event FROM evnts", "hogql_query_error", "evnts"),
        ("SELECT file('/etc/passwd')", "hogql_query_error", None),
        ("SELECT * FROM url('http://x')", "hogql_query_error", None),
        ("SELECT event FROM events WHERE x = {missing}", "hogql_query_error", None),
    ],
)
def test_a_query_that_means_nothing_is_refused_at_its_place(
    wire: Wire, query: str, code: str, marked: str | None
) -> None:
    answer = refused(wire, query)
    assert (answer["type"], answer["code"], answer["attr"]) == ("validation_error", code, None)
    (notice,) = answer["extra"]["hogql_metadata"]["errors"]
    assert notice["message"]
    if marked is not None:
        assert query[notice["start"] : notice["end"]] == marked


def test_a_syntax_error_is_one_with_its_place(wire: Wire) -> None:
    answer = refused(wire, "SELECT event FROM events WHERE")
    assert answer["code"] == "hogql_syntax_error"
    assert answer["extra"]["hogql_metadata"]["errors"][0]["start"] >= 25


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"{", "parse_error"),
        (b"[]", "parse_error"),
        (b"\xff", "parse_error"),
        (b"{}", "parse_error"),
        (b'{"query": NaN}', "parse_error"),
        (b"[" * 100_000, "parse_error"),
        (b'{"query": {"kind": "HogQLQuery", "query": "\\ud800"}}', "parse_error"),
        (b'{"query": {"kind": "HogQLQuery", "query": "SELECT 1"}, "mine": 1}', "parse_error"),
        (b'{"query": {"kind": "HogQLQuery", "query": "SELECT 1", "mine": 1}}', "parse_error"),
        (b'{"query": {"kind": "HogQLQuery", "query": 1}}', "parse_error"),
        (b'{"query": {"kind": "HogQLQuery", "query": "SELECT 1", "values": []}}', "parse_error"),
        (b'{"query": {"kind": "HogQLQuery", "query": "SELECT 1"}, "client_query_id": 1}', "parse_error"),
        (b'{"query": {"kind": "HogQLQuery", "query": "SELECT 1"}, "refresh": "soon"}', "parse_error"),
        (b'{"query": {"kind": "HogQLQuery", "query": "SELECT 1"}, "async": "yes"}', "parse_error"),
        (b'{"query": {"kind": "HogQLQuery", "query": "SELECT 1"}, "async": 1, "refresh": "blocking"}', "parse_error"),
        (b'{"query": {"kind": "HogQLQuery", "query": "SELECT 1"}, "name": 1}', "parse_error"),
        (b'{"query": {"kind": "HogQLQuery", "query": "SELECT 1"}, "name": "%s"}' % (b"x" * 129), "parse_error"),
        (b'{"query": {"kind": "HogQLQuery", "query": "SELECT 1"}, "limit_context": "export"}', "parse_error"),
        (b'{"query": {"kind": "HogQLQuery", "query": "SELECT 1"}, "limit_context": []}', "parse_error"),
        (b'{"query": {"kind": "HogQLQuery", "query": "SELECT 1", "tags": ["mine"]}}', "parse_error"),
        (b'{"query": {"kind": "HogQLQuery", "query": "SELECT 1", "name": {}}}', "parse_error"),
        (
            b'{"query": {"kind": "HogQLQuery", "query": "SELECT 1", "modifiers": {"convertToProjectTimezone": "no"}}}',
            "parse_error",
        ),
        (b'{"query": {"kind": "HogQLQuery", "query": "SELECT 1", "modifiers": {"debug": 1}}}', "parse_error"),
        (b'{"query": {"kind": "HogQLQuery", "query": "SELECT 1", "sendRawQuery": true}}', "invalid_input"),
        (b'{"query": {"kind": "HogQLQuery", "query": "SELECT 1", "modifiers": {"mine": 1}}}', "invalid_input"),
        (b'{"query": {"kind": "TrendsQuery", "series": []}}', "invalid_input"),
    ],
)
def test_a_body_that_is_not_understood_is_refused(wire: Wire, body: bytes, code: str) -> None:
    answer = wire.request("POST", "/api/projects/1/query/", data=body, headers={"Content-Type": "application/json"})
    assert (answer.status_code, answer.json()["code"]) == (400, code)


def test_labels_are_taken_and_have_no_effect(wire: Wire) -> None:
    node = {"name": "mine", "tags": {"scene": "SQLEditor"}, "modifiers": {"convertToProjectTimezone": None}}
    labels = {"name": "x" * 128, "limit_context": "posthog_ai", "async": False}
    assert ok(wire, "SELECT 1", node=node, **labels)["results"] == [[1]]
    assert ok(wire, "SELECT 1", name=None, limit_context=None, **{"async": None})["results"] == [[1]]


@pytest.mark.parametrize(
    "refresh", [True, False, None, "blocking", "force_blocking", "force_cache", "async_except_on_cache_miss"]
)
def test_a_query_is_answered_within_its_request(wire: Wire, refresh: object) -> None:
    answer = ok(wire, "SELECT 1", refresh=refresh)
    assert (answer["results"], answer["is_cached"], answer["query_status"]) == ([[1]], False, None)


def test_the_path_may_name_the_kind_and_must_then_agree(wire: Wire) -> None:
    body = {"query": {"kind": "HogQLQuery", "query": "SELECT 1"}}
    assert wire.request("POST", "/api/environments/@current/query/HogQLQuery", json=body).status_code == 200
    assert wire.request("POST", "/api/projects/1/query/EventsQuery/", json=body).status_code == 400


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("SELECT event + 1 FROM events", "illegal_type_of_argument"),
        ("SELECT match('a', '(')", "cannot_compile_regexp"),
        ("SELECT event FROM events LIMIT 1 WITH TIES", "with_ties_without_order_by"),
        ("SELECT arrayMap((x, y) -> x, [1], [1, 2])", "sizes_of_arrays_dont_match"),
        ("SELECT (SELECT event FROM events LIMIT 2)", "incorrect_result_of_scalar_subquery"),
        ("SELECT throwIf(1)", "function_throw_if_value_is_non_zero"),
        ("SELECT arrayElement([1], 'a')", "illegal_type_of_argument"),
        ("SELECT event, timestamp FROM events GROUP BY event", "not_an_aggregate"),
        ("SELECT quantile(number)(number) FROM numbers(2)", "bad_arguments"),
    ],
)
def test_what_clickhouse_refuses_is_the_querys_fault_under_clickhouses_name(wire: Wire, query: str, code: str) -> None:
    answer = refused(wire, query)
    assert (answer["type"], answer["code"]) == ("validation_error", code)
    # The name is the code: it does not stand at the end of the text as well.
    assert f"({code.upper()})" not in answer["detail"]
    # Nor does the SQL that ClickHouse was given, which is not what was asked.
    assert "In scope" not in answer["detail"]
    assert "while executing" not in answer["detail"]
    assert "SETTINGS" not in answer["detail"]
    assert "__t" not in answer["detail"]


def test_every_name_that_means_a_querys_fault_is_one_of_clickhouses(wire: Wire) -> None:
    known = wire.project.store.engine.read("SELECT errorCodeToName(toInt32(number)) FROM numbers(2000)")
    assert {name for (name,) in known} >= _QUERIES_AT_FAULT


@pytest.mark.parametrize(
    "failing",
    [
        "SELECT number AS n FROM numbers(9) WHERE throwIf(number = 8) = 0 SETTINGS max_block_size = 1",
        "SELECT number AS n FROM numbers(900000) WHERE throwIf(number = 899999) = 0 SETTINGS max_block_size = 1000",
        "SELECT nope",
    ],
)
def test_what_a_query_gave_before_it_failed_is_in_no_other_answer(wire: Wire, failing: str) -> None:
    engine = wire.project.store.engine
    for _ in range(3):
        with pytest.raises(EngineError):
            engine.run(failing, query_id="failing", max_execution_time=60)
        assert engine.run("SELECT toUInt64(77) AS n", query_id="next", max_execution_time=60).rows == [(77,)]


def variable(name: str, **given: object) -> dict[str, object]:
    return {name: {"variableId": name, "code_name": name, **given}}


def test_a_variable_is_a_typed_value_under_its_code_name(wire: Wire) -> None:
    variables = {
        **variable("least", value=240),
        **variable("names", value=["it's 241", "it's 249"]),
        **variable("nothing", isNull=True, value="x"),
        **variable("hostile", value="') OR 1 = 1 --"),
    }
    answer = ok(
        wire,
        "SELECT count(), {variables.nothing}, {variables.hostile} FROM events"
        " WHERE properties.n > {variables.least} AND properties.name IN {variables.names}",
        node={"variables": variables},
    )
    assert answer["results"] == [[2, None, "') OR 1 = 1 --"]]


def test_a_variable_of_the_request_wins_and_one_without_a_value_is_missing(wire: Wire) -> None:
    query = "SELECT {variables.a}"
    overriding = ok(wire, query, node={"variables": variable("a", value=1)}, variables_override=variable("a", value=2))
    assert overriding["results"] == [[2]]
    missing = refused(wire, query, node={"variables": variable("a")})
    assert missing["detail"].startswith("Set a value or a default for each query variable. Missing: a.")


def test_a_list_of_many_values_is_a_list(wire: Wire) -> None:
    ids = [*(f"someone-{number}" for number in range(60_000)), "user-1"]
    answer = ok(wire, "SELECT count() FROM events WHERE distinct_id IN {ids}", node={"values": {"ids": ids}})
    assert answer["results"] == [[36]]


@pytest.mark.parametrize(
    ("expression", "sql"),
    [
        ("['a', 'b']", "['a', 'b']"),
        ("(1, -2)", "(1, -2)"),
        ("{values}", "[0.5, 1.5]"),
        ("[null, null]", "[NULL, NULL]"),
        # What brackets cannot hold, or hold as something else.
        ("[1, 'a']", "array(1, 'a')"),
        ("[-1, 18446744073709551615]", "array(-1, 18446744073709551615)"),
        ("tuple(1)", "tuple(1)"),
        ("[toInt('1'), 2]", "array(accurateCastOrNull('1', 'Int64'), 2)"),
    ],
)
def test_a_list_is_one_constant_to_clickhouse_wherever_it_can_be(wire: Wire, expression: str, sql: str) -> None:
    node = {"values": {"values": [0.5, 1.5]}, "modifiers": {"debug": True}}
    assert ok(wire, f"SELECT {expression} AS x", node=node)["clickhouse"] == f"SELECT {sql} AS `x` LIMIT 101 OFFSET 0"


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("('a', 1, null, [1, 2], ('b', 2.5))", ["a", 1, None, [1, 2], ["b", 2.5]]),
        ("[('a', 1), ('b', null)]", [["a", 1], ["b", None]]),
        ("map('a', [1], 'b', [])", {"a": [1], "b": []}),
        ("if(number = 0, 'a', 1)", "a"),
        ("{'k': 1, 'l': 'x'}", ["__hx_tag", "__hx_obj", "k", 1, "l", "x"]),
    ],
)
def test_values_of_several_types_stand_together(wire: Wire, expression: str, value: object) -> None:
    assert wire.ask(f"select {expression} from numbers(1)").json()["results"] == [[value]]


def test_filters_are_those_of_the_query_and_of_its_dashboard(wire: Wire) -> None:
    query = "select count() from events where {filters}"
    everything = wire.ask(query).json()["results"][0][0]
    assert everything > 0
    never = {"dateRange": {"date_from": "2100-01-01"}}
    assert wire.ask(query, node={"filters": never}).json()["results"] == [[0]]
    assert wire.ask(query, filters_override={"date_from": "2100-01-01"}).json()["results"] == [[0]]
    always = {"date_from": "2000-01-01", "properties": []}
    assert wire.ask(query, node={"filters": never}, filters_override=always).json()["results"] == [[everything]]
    none = [{"key": "nobody has this", "operator": "is_set"}]
    answer = wire.ask(query, node={"filters": {"properties": []}}, filters_override={"properties": none}).json()
    assert answer["results"] == [[0]]


@pytest.mark.parametrize(
    ("node", "body", "words"),
    [
        ({"filters": {"dates": 1}}, {}, "query.HogQLQuery.filters\n  'dates' is no part of filters."),
        ({"filters": [1]}, {}, "query.HogQLQuery.filters\n  Input should be a valid dictionary"),
        ({}, {"filters_override": {"breakdown": 1}}, "filters_override\n  'breakdown' is no part of filters."),
        ({"filters": {"properties": [{"key": ""}]}}, {}, "A property filter needs a 'key'."),
    ],
)
def test_filters_of_another_form_are_refused(
    wire: Wire, node: dict[str, object], body: dict[str, object], words: str
) -> None:
    answer = wire.ask("select 1", node=node, **body)
    assert (answer.status_code, answer.json()["code"]) == (400, "parse_error")
    assert words in answer.json()["detail"]


def test_timings_and_sql_are_given_when_asked_for(wire: Wire) -> None:
    answer = ok(wire, "SELECT 1", node={"modifiers": {"timings": True, "debug": True}})
    assert [one["k"] for one in answer["timings"]] == ["./parse_and_print", "./clickhouse_execute", "./explain"]
    assert "SELECT" in answer["clickhouse"]


def test_the_plan_is_given_when_asked_for_with_what_is_read(wire: Wire) -> None:
    query = "SELECT count() FROM events WHERE timestamp > '2026-01-01'"
    plan = ok(wire, query, node={"modifiers": {"debug": True}})["explain"]
    assert any("ReadFromMergeTree" in line for line in plan)
    assert any("PrimaryKey" in line for line in plan)
    assert ok(wire, query)["explain"] is None


def test_a_running_query_ends_when_it_is_cancelled(wire: Wire) -> None:
    slow = (
        "SELECT count() FROM events a CROSS JOIN events b CROSS JOIN events c CROSS JOIN events d WHERE a.uuid > d.uuid"
    )
    answers: list[Any] = []
    asking = threading.Thread(target=lambda: answers.append(wire.ask(slow, client_query_id="slow")))
    asking.start()
    deadline = time.monotonic() + 10
    while wire.project.progress("slow") is None and time.monotonic() < deadline:
        time.sleep(0.01)
    cancelled = wire.request("DELETE", "/api/projects/1/query/slow/")
    asking.join(10)
    assert (cancelled.status_code, cancelled.json()) == (200, {"message": "Query was cancelled."})
    assert (answers[0].status_code, answers[0].json()["code"]) == (400, "query_was_cancelled")


def test_cancelling_what_does_not_run_says_so(wire: Wire) -> None:
    answer = wire.request("DELETE", "/api/projects/1/query/gone/")
    assert (answer.status_code, answer.json()) == (200, {"message": "Query is already complete."})
