"""A query: what is sent for it, its limit, its parameters, and what its result says."""

from __future__ import annotations

import json
import uuid
import zoneinfo
from datetime import UTC, date, datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from posthog_nb.connecting import connect
from posthog_nb.errors import (
    InvalidInputError,
    MissingCredentialError,
    MissingParameterError,
    QueryError,
    Span,
    TransportError,
)
from posthog_nb.http import Budget
from posthog_nb.operations import shape
from posthog_nb.operations.queries import run
from posthog_nb.operations.splice import Edit, splice
from tests.clickhouse import OnClickHouse, small_store

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_httpserver import HTTPServer
    from werkzeug import Request

    from posthog_nb.client import Client

PATH = "/api/projects/1/query/"


class Answering:
    """A connection that gives one answer and keeps what it was asked."""

    label = "test"
    keeper = None

    def __init__(self, rows: list[list[Any]] | None = None, **more: Any) -> None:
        self.body = {
            "columns": ["n"],
            "types": [["n", "UInt8"]],
            "results": rows or [],
            "timezone": "UTC",
            "hogql": "",
            "is_cached": False,
            "last_refresh": None,
            **more,
        }
        self.asked: list[dict[str, Any]] = []
        self.budget = Budget(limited=False)

    def start_query(self, body: dict[str, Any], *, read: Callable[[bytes], Any], **_: object) -> Any:
        self.asked.append(body)
        return read(json.dumps(self.body).encode())

    @property
    def text(self) -> str:
        return " ".join(self.asked[-1]["query"]["query"].split())

    @property
    def bound(self) -> dict[str, Any]:
        return dict(self.asked[-1]["query"].get("values", {}))


def sent(query: str, **arguments: Any) -> Answering:
    connection = Answering()
    run(connection, query, **arguments)
    return connection


@pytest.fixture
def clickhouse() -> OnClickHouse:
    return OnClickHouse(small_store())


@pytest.fixture
def posthog(httpserver: HTTPServer) -> Client:
    return connect(httpserver.url_for(""), project_id=1, personal_api_key="phx_test")


# What is sent ------------------------------------------------------------------------------------------------------


def test_the_request_has_only_fields_that_posthog_knows(posthog: Client, httpserver: HTTPServer) -> None:
    httpserver.expect_request(PATH, method="POST").respond_with_json(Answering([[1]]).body)
    result = posthog.query("SELECT 1 AS n", fresh=True)
    request, _ = httpserver.log[0]
    body = request.get_json()
    assert sorted(body) == ["client_query_id", "query", "refresh"]
    assert body["query"] == {"kind": "HogQLQuery", "query": "SELECT 1 AS n\nLIMIT 101"}
    assert body["refresh"] == "force_blocking"
    assert str(uuid.UUID(body["client_query_id"])) == body["client_query_id"] == result.query_id
    posthog.query("SELECT 1 AS n")
    assert httpserver.log[1][0].get_json()["refresh"] == "blocking"


@pytest.mark.parametrize(
    ("query", "limit", "text"),
    [
        ("SELECT 1", None, "SELECT 1 LIMIT 101"),
        ("SELECT 1", 7, "SELECT 1 LIMIT 8"),
        ("SELECT 1;", 7, "SELECT 1 LIMIT 8"),
        ("SELECT 1 ; -- the end; really", 7, "SELECT 1 -- the end really LIMIT 8"),
        ("SELECT ';' -- one; two", 7, "SELECT ';' -- one two LIMIT 8"),
        ("SELECT 1 LIMIT 5", None, "SELECT 1 LIMIT 5"),
        ("SELECT 1 LIMIT 5", 3, "SELECT 1 LIMIT 4"),
        ("SELECT 1 LIMIT 5", 5, "SELECT 1 LIMIT 5"),
        ("SELECT 1 LIMIT 5", 50, "SELECT 1 LIMIT 5"),
        ("SELECT '😀 limit 3' limit /* n */ 5 -- limit 9", 3, "SELECT '😀 limit 3' limit /* n */ 4 -- limit 9"),
        ("SELECT * FROM (SELECT 1 LIMIT 5)", 3, "SELECT * FROM (SELECT 1 LIMIT 5) LIMIT 4"),
        ("WITH a AS (SELECT 1 LIMIT 5) SELECT * FROM a", 3, "WITH a AS (SELECT 1 LIMIT 5) SELECT * FROM a LIMIT 4"),
        ("SELECT event FROM events LIMIT 1 BY event", 3, "SELECT event FROM events LIMIT 1 BY event LIMIT 4"),
        ("SELECT 1 LIMIT 100000", None, "SELECT 1 LIMIT 50000"),
        ("SELECT 1", 1_000_000, "SELECT 1 LIMIT 50000"),
        ("SELECT 1 LIMIT 49999", None, "SELECT 1 LIMIT 49999"),
        ("SELECT 1 LIMIT 2 + 3", None, "SELECT 1 LIMIT 2 + 3"),
        ("SELECT 1 LIMIT 2 + 3", 3, "SELECT * FROM ( SELECT 1 LIMIT 2 + 3 ) LIMIT 4"),
        ("SELECT 1 LIMIT 10%", 3, "SELECT * FROM ( SELECT 1 LIMIT 10% ) LIMIT 4"),
        (
            "SELECT event FROM events ORDER BY event LIMIT 3 WITH TIES",
            2,
            "SELECT * FROM ( SELECT event FROM events ORDER BY event LIMIT 3 WITH TIES ) LIMIT 3",
        ),
        ("SELECT 1 UNION ALL SELECT 2 -- x", None, "SELECT * FROM ( SELECT 1 UNION ALL SELECT 2 -- x ) LIMIT 101"),
        (
            "(SELECT 1) UNION ALL (SELECT 2) LIMIT 500",
            None,
            "SELECT * FROM ( (SELECT 1) UNION ALL (SELECT 2) LIMIT 500 ) LIMIT 500",
        ),
        (
            "SELECT 1 UNION ALL SELECT 2 LIMIT 3;",
            10,
            "SELECT * FROM ( SELECT 1 UNION ALL SELECT 2 LIMIT 3 ) LIMIT 11",
        ),
    ],
)
def test_one_row_more_is_asked_for_unless_the_querys_own_limit_answers(
    query: str, limit: int | None, text: str
) -> None:
    assert sent(query, limit=limit).text == text


def test_a_numpy_integer_is_a_limit() -> None:
    assert sent("SELECT 1", limit=np.int64(7)).text == "SELECT 1 LIMIT 8"


def test_without_the_parser_a_time_crosses_with_its_offset(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shape, "parser_available", lambda: False)
    connection = sent("SELECT {since}", values={"since": datetime(2026, 3, 29, 2, 30, tzinfo=LONDON)})
    assert connection.bound == {"since": "2026-03-29T01:30:00+00:00"}


def test_without_the_parser_a_query_is_wrapped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shape, "parser_available", lambda: False)
    assert sent("SELECT 1", limit=7).text == "SELECT * FROM ( SELECT 1 ) LIMIT 8"
    assert sent("SELECT 1 limit 5;").text == "SELECT * FROM ( SELECT 1 limit 5 ) LIMIT 5"


@pytest.mark.parametrize(
    "query",
    [
        "SELECT 1 LIMIT 5 OFFSET 10",
        "SELECT 1 OFFSET 10",
        "SELECT * FROM (SELECT event FROM events OFFSET 10)",
        "SELECT event FROM events LIMIT 1 OFFSET 2 BY event",
        "SELECT 1 UNION ALL SELECT 2 LIMIT 5 OFFSET 1",
    ],
)
def test_offset_is_refused_before_posthog_does(query: str) -> None:
    with pytest.raises(InvalidInputError, match="OFFSET") as caught:
        sent(query)
    span = caught.value.span
    assert span is not None
    assert query[span.start : span.end].isdigit()
    assert "next_page()" in (caught.value.hint or "")


def test_offset_of_a_sample_is_no_offset() -> None:
    assert "OFFSET 1/2" in sent("SELECT event FROM events SAMPLE 1/10 OFFSET 1/2").text


# Parameters --------------------------------------------------------------------------------------------------------

ENDLESS: list[object] = []
ENDLESS.append(ENDLESS)
ENDLESS_TWICE: list[object] = []
ENDLESS_TWICE += [ENDLESS_TWICE, ENDLESS_TWICE]

LONDON = zoneinfo.ZoneInfo("Europe/London")


@pytest.mark.parametrize(
    ("value", "expression", "bound"),
    [
        ('it\'s "10%" {off} \\ 😀', "{v}", 'it\'s "10%" {off} \\ 😀'),
        (3, "{v}", 3),
        (2**64 - 1, "{v}", 2**64 - 1),
        (0.1, "{v}", 0.1),
        (True, "{v}", True),
        (None, "{v}", None),
        (np.int64(3), "{v}", 3),
        (np.float64(0.5), "{v}", 0.5),
        (np.bool_(False), "{v}", False),
        (["a", "b"], "{v}", ["a", "b"]),
        (("a", 1), "{v}", ["a", 1]),
        (np.array([1, 2]), "{v}", [1, 2]),
        (pd.Series(["a"]), "{v}", ["a"]),
        (pl.Series(["a"]), "{v}", ["a"]),
        (pa.array([1, None]), "{v}", [1, None]),
        (pd.NaT, "{v}", None),
        (pd.NA, "{v}", None),
        (pd.Series(["a", None]), "{v}", ["a", None]),
        (pd.Series([1, None], dtype="Int64"), "{v}", [1, None]),
        ({"b", "a"}, "{v}", ["a", "b"]),
        (uuid.UUID(int=1), "{v}", str(uuid.UUID(int=1))),
        (date(2026, 3, 29), "toDate({v})", "2026-03-29"),
        (
            datetime(2026, 3, 29, 2, 30, 0, 5, tzinfo=LONDON),
            "toDateTime64({v}, 6, 'UTC')",
            "2026-03-29 01:30:00.000005",
        ),
        (
            datetime(2026, 1, 1, tzinfo=timezone(timedelta(hours=-5))),
            "toDateTime64({v}, 6, 'UTC')",
            "2026-01-01 05:00:00.000000",
        ),
        (pd.Timestamp("2026-01-01", tz="UTC"), "toDateTime64({v}, 6, 'UTC')", "2026-01-01 00:00:00.000000"),
    ],
)
def test_a_value_is_bound_with_its_type_and_never_becomes_text(value: object, expression: str, bound: object) -> None:
    connection = sent("SELECT {v} AS x, '{v}' AS y", values={"v": value})
    assert connection.text == f"SELECT {expression} AS x, '{{v}}' AS y LIMIT 101"
    assert connection.bound == {"v": bound}


@pytest.mark.parametrize("values", [5, ["a"], {1: 2}])
def test_values_that_have_no_names_are_refused(values: Any) -> None:
    with pytest.raises(InvalidInputError, match="values"):
        sent("SELECT {v}", values=values)


def test_a_time_of_numpy_crosses_as_a_time() -> None:
    with pytest.warns(UserWarning, match="no time zone"):
        bound = sent("SELECT {v}", values={"v": np.datetime64("2026-01-02T03:04:05.123456789")}).bound
    assert bound["v"].endswith(".123456")


def test_a_list_of_times_is_a_list_of_typed_times() -> None:
    connection = sent("SELECT {days}", values={"days": [date(2026, 1, 1), date(2026, 1, 2)]})
    assert connection.text == "SELECT [toDate({days__0}), toDate({days__1})] LIMIT 101"
    assert connection.bound == {"days__0": "2026-01-01", "days__1": "2026-01-02"}


def test_times_keep_their_types_in_lists_of_lists_too() -> None:
    connection = sent("SELECT {v}", values={"v": [["a", date(2026, 1, 1)], [datetime(2026, 1, 1, tzinfo=UTC)]]})
    assert connection.text == "SELECT [[{v__0__0}, toDate({v__0__1})], [toDateTime64({v__1__0}, 6, 'UTC')]] LIMIT 101"
    assert connection.bound == {"v__0__0": "a", "v__0__1": "2026-01-01", "v__1__0": "2026-01-01 00:00:00.000000"}


def test_the_parts_of_a_list_take_no_other_values_name() -> None:
    connection = sent("SELECT {v}, {v__0}", values={"v": [date(2026, 1, 1)], "v__0": "mine"})
    assert connection.text == "SELECT [toDate({v__0_})], {v__0} LIMIT 101"
    assert connection.bound == {"v__0_": "2026-01-01", "v__0": "mine"}


def test_many_times_without_a_zone_are_one_warning() -> None:
    with pytest.warns(UserWarning, match="no time zone") as warned:
        sent("SELECT {days}", values={"days": pd.date_range("2026-01-01", periods=3)})
    assert len(warned) == 1
    assert str(warned[0].message).endswith("There are 2 more such times.")
    assert warned[0].filename == __file__


def test_a_time_without_zone_is_read_in_this_computers_with_a_warning_at_the_callers_line() -> None:
    with pytest.warns(UserWarning, match="no time zone") as warned:
        connection = sent("SELECT {since}", values={"since": pd.Timestamp("2026-07-01 12:00")})
    assert warned[0].filename == __file__
    instant = datetime(2026, 7, 1, 12).astimezone(UTC)
    assert connection.bound["since"].startswith(instant.strftime("%Y-%m-%d %H:%M"))


@given(st.text(st.characters(exclude_categories=("Cs",)), max_size=30))
@settings(deadline=None)
def test_any_text_comes_back_as_it_was(text: str) -> None:
    result = run(OnClickHouse(small_store()), "SELECT {v} AS v, length({v}) > -1", values={"v": text.replace("\0", "")})
    assert result.rows[0][0] == text.replace("\0", "")


def test_times_stand_for_their_instant_whatever_the_projects_zone(clickhouse: OnClickHouse) -> None:
    moment = datetime(2026, 3, 29, 0, 0, tzinfo=UTC)
    first = run(
        clickhouse,
        "SELECT min(timestamp), toTypeName({since}) FROM events WHERE timestamp >= {since}",
        values={"since": moment},
    ).rows[0]
    assert first[0] == moment
    assert first[1].startswith("DateTime64(6")


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (float("nan"), "not a finite number"),
        (float("inf"), "not a finite number"),
        (2**64, "64 bits"),
        (timedelta(days=1), "timedelta"),
        ({"a": 1}, "dict"),
        (b"x", "bytes"),
        ([1, [object()]], "object"),
        ("\ud800", "half a surrogate pair"),
        (ENDLESS, "nests more than 50 deep"),
        (ENDLESS_TWICE, "nests more than 50 deep"),
        (date(1900, 1, 1), "1900-01-01 is beyond 1970-01-01"),
        (date(2300, 1, 1), "beyond 1970-01-01 to 2149-06-06"),
        (datetime.min.replace(tzinfo=UTC), "beyond the years 1900 to 2299"),
        (np.timedelta64(5, "ns"), "timedelta"),
        (pd.DataFrame({"a": [1]}), "DataFrame"),
    ],
)
def test_a_value_that_hogql_has_no_constant_for_is_refused(value: object, said: str) -> None:
    with pytest.raises(InvalidInputError, match=said):
        sent("SELECT {v}", values={"v": value})


def test_a_missing_parameter_is_named_with_its_place_and_what_was_given() -> None:
    query = "SELECT '😀', event FROM events WHERE event = {evnet}"
    with pytest.raises(MissingParameterError) as caught:
        sent(query, values={"event": "x", "since": 1})
    error = caught.value
    assert error.span == Span(query.index("{"), len(query))
    assert "{evnet}" in error.message
    assert "{event}, {since}" in error.message
    assert error.hint == "Did you mean {event}?"


def test_posthogs_own_placeholders_go_through() -> None:
    connection = sent("SELECT 1 FROM events WHERE {filters} AND event = {variables.event} AND {x} = 1", values={"x": 1})
    assert "{filters} AND event = {variables.event} AND {x} = 1" in connection.text
    assert connection.bound == {"x": 1}


def test_only_values_that_the_query_asks_for_are_sent() -> None:
    assert sent("SELECT {a}", values={"a": 1, "password": "hunter2"}).bound == {"a": 1}
    assert "values" not in sent("SELECT 1", values={"password": "hunter2"}).asked[0]["query"]


# The result --------------------------------------------------------------------------------------------------------


def test_has_more_is_yes_or_no_and_the_row_too_many_is_not_shown() -> None:
    result = run(Answering([[1], [2], [3]]), "SELECT 1", limit=2)
    assert (result.rows, result.has_more, len(result)) == ([[1], [2]], True, 2)
    result = run(Answering([[1], [2]]), "SELECT 1", limit=2)
    assert (result.rows, result.has_more) == ([[1], [2]], False)
    assert result.next_page() is None
    assert [page.rows for page in result.pages()] == [result.rows]


def test_the_querys_own_limit_leaves_nothing_more(clickhouse: OnClickHouse) -> None:
    assert not run(clickhouse, "SELECT event FROM events LIMIT 5").has_more
    assert run(clickhouse, "SELECT event FROM events LIMIT 5", limit=4).has_more
    assert run(clickhouse, "SELECT event FROM events").has_more
    assert len(run(clickhouse, "SELECT event FROM events").rows) == 100


def test_a_limit_that_only_the_server_knows_is_not_asked_about(clickhouse: OnClickHouse) -> None:
    result = run(clickhouse, "SELECT number FROM numbers(99) LIMIT 2 + 3")
    assert (len(result), result.has_more) == (5, False)


def test_a_result_carries_what_posthog_said_of_it() -> None:
    body = {"timezone": "Europe/London", "hogql": "SELECT 1", "is_cached": True, "last_refresh": "2026-01-01T00:00:00Z"}
    result = run(Answering([[1]], **body), "SELECT 1", frame="polars")
    assert (result.timezone, result.hogql, result.is_cached, result.last_refresh, result.source) == (
        "Europe/London",
        "SELECT 1",
        True,
        "2026-01-01T00:00:00Z",
        "test",
    )
    assert any("cache" in note for note in result.notes)
    assert isinstance(result.to_frame(), pl.DataFrame)
    assert isinstance(result.to_frame("arrow"), pa.Table)
    about = result.to_pandas().attrs["posthog"]
    assert (about["has_more"], about["is_cached"], about["query_id"]) == (False, True, result.query_id)
    assert repr(result) == "<Result: 1 rows x 1 columns from test, complete>"


def test_an_answer_without_types_or_with_unknown_fields_is_taken() -> None:
    result = run(Answering([[1]], types=[], something_new={"a": 1}, **{"results::nan!": {}}), "SELECT 1")
    assert result.types == []
    assert result.to_pandas()["n"].tolist() == [1]


@pytest.mark.parametrize("body", [{"results": None}, [], "text", {}])
def test_an_answer_without_results_is_an_error_and_not_an_empty_frame(
    posthog: Client, httpserver: HTTPServer, body: object
) -> None:
    httpserver.expect_request(PATH).respond_with_json(body)
    with pytest.raises(TransportError, match="no results"):
        posthog.query("SELECT 1")


@pytest.mark.parametrize("rows", [[5], [None], [{"n": 1}], [[1], [1, 2]], [[1], "ab"]])
def test_rows_of_another_width_than_the_columns_are_said_to_be_so(rows: list[Any]) -> None:
    with pytest.raises(TransportError, match="do not fit its columns"):
        run(Answering(rows), "SELECT n FROM numbers(3)", limit=3).to_frame("pandas")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"hogql": ""}, "empty"),
        ({"hogql": " \n"}, "empty"),
        ({"hogql": None}, "not text"),
        ({"hogql": "SELECT 1", "limit": 0}, "at least 1"),
        ({"hogql": "SELECT 1", "limit": -5}, "at least 1"),
        ({"hogql": "SELECT 1", "limit": True}, "at least 1"),
        ({"hogql": "SELECT 1", "limit": "5"}, "at least 1"),
        ({"hogql": "SELECT 1", "limit": np.array([1, 2])}, "at least 1"),
        ({"hogql": "SELECT 1", "timeout": 0}, "above 0"),
        ({"hogql": "SELECT 1", "frame": "excel"}, "excel"),
    ],
)
def test_arguments_that_cannot_be_are_refused_before_anything_is_sent(
    posthog: Client, httpserver: HTTPServer, arguments: dict[str, Any], said: str
) -> None:
    with pytest.raises(InvalidInputError, match=said):
        posthog.query(**arguments)
    assert httpserver.log == []


def test_what_is_missing_is_told_when_it_is_needed(httpserver: HTTPServer) -> None:
    with pytest.raises(MissingCredentialError, match="project id"):
        connect(httpserver.url_for(""), personal_api_key="phx_test").query("SELECT 1")
    with pytest.raises(MissingCredentialError, match="personal API key"):
        connect(httpserver.url_for(""), project_id=1, project_token="phc_test").query("SELECT 1")


# Mistakes ----------------------------------------------------------------------------------------------------------


def refusing(detail: str, start: int, end: int) -> Callable[[Request], Any]:
    from werkzeug import Response  # noqa: PLC0415

    def respond(request: Request) -> Response:
        import json  # noqa: PLC0415

        # PostHog's positions are in the text that it got.
        text = request.get_json()["query"]["query"]
        place = text.index("evnt")
        body = {
            "type": "validation_error",
            "code": "hogql_query_error",
            "detail": detail,
            "attr": None,
            "extra": {"hogql_metadata": {"errors": [{"message": "", "start": place + start, "end": place + end}]}},
        }
        return Response(json.dumps(body), 400)

    return respond


@pytest.mark.parametrize(
    "query",
    [
        "SELECT evnt FROM events",
        "SELECT {since}, evnt FROM events LIMIT 5",
        "SELECT '😀', evnt FROM events UNION ALL SELECT 1, 2",
    ],
)
def test_an_error_points_into_the_query_as_it_was_written(posthog: Client, httpserver: HTTPServer, query: str) -> None:
    httpserver.expect_request(PATH).respond_with_handler(refusing("Unable to resolve field: evnt", 0, 4))
    with pytest.raises(QueryError) as caught:
        posthog.query(query, values={"since": datetime(2026, 1, 1, tzinfo=UTC)}, limit=3)
    span = caught.value.span
    assert span is not None
    assert query[span.start : span.end] == "evnt"


def test_posthog_decides_what_is_hogql_and_our_parser_says_where_not(posthog: Client, httpserver: HTTPServer) -> None:
    body = {"type": "validation_error", "code": "hogql_syntax_error", "detail": "mismatched input", "attr": None}
    httpserver.expect_request(PATH).respond_with_json(body, status=400)
    query = "SELECT event\nFROM events\nWHERE event = = 'x'"
    with pytest.raises(QueryError) as caught:
        posthog.query(query)
    span = caught.value.span
    assert span is not None
    assert query[span.start] == "="
    assert caught.value.code == "hogql_syntax_error"
    assert "line 3" in "\n".join(caught.value.lines())


def test_what_our_parser_does_not_know_yet_is_asked_all_the_same(posthog: Client, httpserver: HTTPServer) -> None:
    httpserver.expect_request(PATH).respond_with_json(Answering([[1]]).body)
    assert posthog.query("SELECT properties.a.-1 FROM events LIMIT 3").rows == [[1]]


# Edits to the text -------------------------------------------------------------------------------------------------


@given(st.text(max_size=20), st.data())
def test_every_place_that_was_kept_leads_back_to_the_original(text: str, data: st.DataObject) -> None:
    marks = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=6)))
    edits = [
        Edit(start, end, data.draw(st.text(max_size=4))) for start, end in zip(marks[::2], marks[1::2], strict=False)
    ]
    spliced = splice(text, edits)
    kept = [place for place in range(len(text)) if not any(edit.start <= place < edit.end for edit in edits)]
    found = {}
    for place in range(len(spliced.text)):
        found.setdefault(spliced.original(place), []).append(spliced.text[place])
    assert all(text[place] in found[place] for place in kept)
