"""Columns of properties: the types that the project defines, in any kind of frame, with nothing lost unsaid."""

from __future__ import annotations

import json
import math
import warnings
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from posthog_nb.connecting import connect
from posthog_nb.errors import InvalidInputError, PermissionDeniedError
from posthog_nb.operations import defined
from posthog_nb.operations import expand as module
from tests.embedded import embedded_client

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pytest_httpserver import HTTPServer

    from posthog_nb.client import Client

pytest.importorskip("chdb", reason="the embedded engine has no wheel here")

ZONE = "Europe/London"
LONDON = ZoneInfo(ZONE)
DEFINED = {"amount": 1, "ok": True, "when": "2026-01-01T00:00:00Z", "plan": "pro"}
"""The first value of a property defines its type: Numeric, Boolean, DateTime, String."""

FRAMES: dict[str, Callable[[list[Any]], Any]] = {
    "pandas objects": lambda rows: pd.DataFrame({"id": range(len(rows)), "properties": pd.Series(rows, dtype=object)}),
    "pandas text": lambda rows: pd.DataFrame({"id": range(len(rows)), "properties": list(map(json.dumps, rows))}),
    "polars": lambda rows: pl.DataFrame({"id": range(len(rows)), "properties": list(map(json.dumps, rows))}),
    "arrow": lambda rows: pa.table({"id": range(len(rows)), "properties": list(map(json.dumps, rows))}),
}


@pytest.fixture(scope="module")
def posthog() -> Iterator[Client]:
    with embedded_client(ZONE) as client:
        client.capture("defined", "ada", DEFINED)
        client.identify("ada", {"amount": "text for a person", "seats": 3})
        yield client


def values(frame: Any, column: str) -> list[Any]:
    """A column's values, with None for whatever stands for nothing."""
    if isinstance(frame, pa.Table):
        return list(frame.column(column).to_pylist())
    if isinstance(frame, pl.DataFrame):
        return frame[column].to_list()
    return [None if pd.isna(value) else value for value in frame[column].tolist()]


def columns(frame: Any) -> list[str]:
    return list(frame.column_names if isinstance(frame, pa.Table) else frame.columns)


# Types -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("make", FRAMES.values(), ids=FRAMES)
def test_each_column_has_the_type_that_the_project_defines(posthog: Client, make: Callable[[list[Any]], Any]) -> None:
    rows = [
        {"amount": 2, "ok": False, "when": "2026-07-01T12:00:00.123456Z", "plan": "pro", "new": [1, {"a": "ü"}]},
        {"amount": None, "plan": None},
        {},
    ]
    found = posthog.expand(make(rows), ["amount", "ok", "when", "plan", "new"])
    assert columns(found) == ["id", "properties", "amount", "ok", "when", "plan", "new"]
    assert type(found) is type(make(rows))
    assert values(found, "amount") == [2.0, None, None]
    assert values(found, "ok") == [False, None, None]
    assert values(found, "when") == [datetime(2026, 7, 1, 13, 0, 0, 123456, LONDON), None, None]
    assert values(found, "plan") == ["pro", None, None]
    assert values(found, "new") == ['[1, {"a": "ü"}]', None, None]


def test_the_dtypes_do_not_depend_on_the_rows(posthog: Client) -> None:
    keys = ["amount", "ok", "when", "plan", "unknown"]
    empty = {name: make([]) for name, make in FRAMES.items()}
    pandas = posthog.expand(empty["pandas objects"], keys).dtypes.astype(str)
    assert pandas[keys].tolist() == ["float64", "boolean", f"datetime64[us, {ZONE}]", "str", "str"]
    polars = posthog.expand(empty["polars"], keys).schema
    assert [polars[key] for key in keys] == [pl.Float64, pl.Boolean, pl.Datetime("us", ZONE), pl.String, pl.String]
    arrow = posthog.expand(empty["arrow"], keys).schema
    assert [str(arrow.field(key).type) for key in keys] == [
        "double",
        "bool",
        f"timestamp[us, tz={ZONE}]",
        "string",
        "string",
    ]


# fmt: off
AS_HOGQL_READS_THEM: dict[str, list[Any]] = {
    "amount": [
        1, 1.5, "1", "1.5", " 1", "1e3", True, "true", [1], {"a": 1}, "NaN", "inf", "-1", "+1", "0x10", "1,000", "",
        1e300, "1_000", ".5", "5.", "-inf", -0.0, None,
    ],
    "ok": [True, False, "true", "false", "True", "TRUE", "yes", "1", 1, 0, [True], "", None],
    "when": [
        "2024-01-02T03:04:05Z", "2024-01-02", "2024-01-02 03:04:05", "2024-07-02 03:04:05.123",
        "2024-01-02T03:04:05+05:30", "2024-01-02T03:04:05.123456789Z", "2024-01-02T03:04", "20240102T030405Z",
        "2024-01-02 03:04:05 UTC", "20240102",
        "2024-01-02T03:04:05 +0100", "1900-01-01T00:00:00Z", "2024-10-27T01:30:00", " 2024-01-02 ", 20240102,
        "02-01-2024", "02/01/2024", "2024/01/02", "02/01/2024 10:11:12", "Tue, 02 Jan 2024 10:00:00 GMT",
        1700000000, "1700000000", 1700000000123, "1700000000123", 170000000, 1700000000.5, "1700000000.5",
        1700000000123456, 1700000000123456789, "", "soon", True, {"a": 1}, "2024-13-02", "2024-02-30", 0, -5, None,
    ],
}
# fmt: on


@pytest.mark.parametrize("key", AS_HOGQL_READS_THEM)
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_values_are_read_as_hogql_reads_them(key: str) -> None:
    given_values = AS_HOGQL_READS_THEM[key]
    with embedded_client(ZONE) as client:
        client.capture("defined", "ada", DEFINED)
        for number, value in enumerate(given_values):
            client.capture("e", "ada", {key: value}, timestamp=datetime(2026, 1, 1, 0, number, tzinfo=UTC))
        result = client.query(
            f"SELECT properties, properties.{key} AS read FROM events WHERE event = 'e' ORDER BY timestamp", limit=1000
        )
        frame = client.expand(result.to_arrow(), key)
    read = dict(zip(map(repr, given_values), zip(values(frame, "read"), values(frame, key), strict=True), strict=True))
    assert {name: ours for name, (_, ours) in read.items()} == {name: theirs for name, (theirs, _) in read.items()}


def test_definitions_are_of_events_or_of_persons(posthog: Client) -> None:
    persons = posthog.persons.search(frame="polars")
    assert posthog.expand(persons).schema["amount"] == pl.String
    assert posthog.expand(persons, of="person").schema["seats"] == pl.Float64
    assert posthog.expand(persons, "seats", of="event").schema["seats"] == pl.String
    events = posthog.query("SELECT event, person.properties AS person_properties FROM events").to_polars()
    assert posthog.expand(events, "seats", column="person_properties").schema["seats"] == pl.Float64


# What does not fit is said -----------------------------------------------------------------------------------------


def test_values_of_another_kind_are_empty_counted_and_still_in_the_properties(posthog: Client) -> None:
    frame = FRAMES["pandas objects"]([{"amount": "many"}, {"amount": 3}, {"amount": [1]}, {"amount": "x" * 99}])
    with pytest.warns(UserWarning, match="3 values of 'amount' are not Numeric") as warned:
        found = posthog.expand(frame)
    assert len(warned) == 1
    assert warned[0].filename == __file__
    assert "'many'" in str(warned[0].message)
    assert values(found, "amount") == [None, 3.0, None, None]
    assert found["properties"].tolist() == frame["properties"].tolist()


@pytest.mark.parametrize("key", ["ok", "when"])
def test_each_kind_says_so(posthog: Client, key: str) -> None:
    name = {"ok": "Boolean", "when": "DateTime"}[key]
    with pytest.warns(UserWarning, match=f"1 value of '{key}' is not {name}"):
        posthog.expand(FRAMES["polars"]([{key: "perhaps"}]), [key])


def test_a_whole_number_that_a_float_cannot_hold_is_said_to_be_rounded(posthog: Client) -> None:
    rows = [{"amount": 2**53 + 1}, {"amount": "9007199254740993"}, {"amount": 2**53}, {"amount": 0.1}]
    with pytest.warns(UserWarning, match="2 values of 'amount' have more digits than a float64"):
        found = posthog.expand(FRAMES["arrow"](rows), "amount")
    assert values(found, "amount") == [float(2**53)] * 3 + [0.1]


def test_no_note_is_lost_with_the_warning(posthog: Client) -> None:
    frame = posthog.query("SELECT properties FROM events").to_pandas()
    with pytest.warns(UserWarning, match="No row has a property 'plann'. Did you mean 'plan'"):
        found = posthog.expand(frame, ["plann"])
    assert "No row has a property 'plann'. Did you mean 'plan'?" in found.attrs["posthog"]["notes"]
    assert found.attrs["posthog"]["source"] == frame.attrs["posthog"]["source"]
    assert "plann" not in json.dumps(frame.attrs)


@pytest.mark.parametrize(
    ("cells", "others"),
    [
        ([None, float("nan"), pd.NA, "", "{}", {}], 0),
        (["no json", "[1]", "3", '"text"', "null", 5, "{"], 6),
    ],
)
def test_rows_without_an_object_are_empty_and_counted(posthog: Client, cells: list[Any], others: int) -> None:
    frame = pd.DataFrame({"properties": pd.Series([*cells, {"plan": "pro"}], dtype=object)})
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        found = posthog.expand(frame)
    assert values(found, "plan") == [None] * len(cells) + ["pro"]
    assert [str(one.message).split(" rows")[0] for one in warned] == (
        [f"{others} of {len(cells) + 1}"] if others else []
    )


def test_more_keys_than_columns_are_made_is_said(posthog: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_KEYS", 2)
    monkeypatch.setattr(defined, "KEYS_A_QUERY", 1)
    rows = [{"a": 1, "b": 2, "plan": 3}, {"b": 1, "plan": 2}, {"plan": 1}]
    with pytest.warns(UserWarning, match="There are 3 keys; the 2 most frequent became columns"):
        found = posthog.expand(FRAMES["polars"](rows))
    assert columns(found) == ["id", "properties", "plan", "b"]
    assert columns(posthog.expand(FRAMES["polars"](rows), ["a", "amount"][:1])) == ["id", "properties", "a"]


# Frames ------------------------------------------------------------------------------------------------------------


def test_the_most_frequent_key_comes_first_then_by_name(posthog: Client) -> None:
    found = posthog.expand(FRAMES["arrow"]([{"b": 1, "a": 1}, {"c": 1}, {"c": 2}]))
    assert columns(found) == ["id", "properties", "c", "a", "b"]


def test_a_taken_name_is_told_apart_or_refused(posthog: Client) -> None:
    frame = FRAMES["pandas objects"]([{"id": "theirs", "plan": "pro"}])
    found = posthog.expand(frame)
    assert (found["id"].tolist(), found["properties.id"].tolist()) == ([0], ["theirs"])
    prefixed = posthog.expand(frame, prefix="p_")
    assert columns(prefixed) == ["id", "properties", "p_id", "p_plan"]
    for again in ({"prefix": "p_"}, {"prefix": "p_", "keys": "plan"}):
        with pytest.raises(InvalidInputError, match=r"has a column 'p_.*' already"):
            posthog.expand(prefixed, **again)
    with pytest.raises(InvalidInputError, match=r"has a column 'properties\.id' already"):
        posthog.expand(found, "id")
    with pytest.raises(InvalidInputError, match="has a column 'id' already"):
        posthog.expand(frame, prefix="")


def test_pandas_keeps_its_index_and_everything_else(posthog: Client) -> None:
    frame = FRAMES["pandas objects"]([{"amount": n} for n in range(4)])
    frame.index = pd.MultiIndex.from_tuples([("x", 1), ("x", 1), ("y", 1), ("y", 2)], names=["a", "b"])
    found = posthog.expand(frame, "amount")
    pd.testing.assert_index_equal(found.index, frame.index)
    pd.testing.assert_frame_equal(found[["id", "properties"]], frame)
    assert columns(frame) == ["id", "properties"]
    filtered = frame[frame["id"] > 1]
    assert values(posthog.expand(filtered, "amount"), "amount") == [2.0, 3.0]


def test_structs_and_maps_are_objects_too(posthog: Client) -> None:
    polars = pl.DataFrame({"properties": [{"amount": 1, "plan": "pro"}, {"amount": None, "plan": "free"}, None]})
    found = posthog.expand(polars)
    assert values(found, "plan") == ["pro", "free", None]
    assert values(found, "amount") == [1.0, None, None]
    mapped = pa.table({"properties": pa.array([[("plan", "pro")], None], pa.map_(pa.string(), pa.string()))})
    assert values(posthog.expand(mapped), "plan") == ["pro", None]


AWKWARD = ["a.b", "$browser", "q'\"`\\", "ключ", "two words", "50%", "", "{x}", "a\nb", "1"]


@pytest.mark.parametrize("make", FRAMES.values(), ids=FRAMES)
def test_any_text_is_a_key(posthog: Client, make: Callable[[list[Any]], Any]) -> None:
    found = posthog.expand(make([{key: f"value of {key}" for key in AWKWARD}]))
    assert {key: values(found, key) for key in AWKWARD} == {key: [f"value of {key}"] for key in AWKWARD}
    assert columns(posthog.expand(make([{"a": {"b": 1}}]), "a")) == ["id", "properties", "a"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"frame": [{"properties": {}}]}, "of type list"),
        ({"frame": pl.LazyFrame({"properties": ["{}"]})}, "of type LazyFrame"),
        ({"frame": pd.DataFrame({"a": [1]})}, "no column 'properties'"),
        ({"column": "props"}, "no column 'props'"),
        ({"keys": 5}, "keys is 5"),
        ({"keys": {"a": "b"}}, "keys is"),
        ({"keys": ["a", 5]}, "keys holds 5"),
        ({"keys": ["\ud800"]}, "which is not text"),
        ({"of": "persons"}, "of is 'persons'"),
    ],
)
def test_bad_input_is_said_before_anything_is_sent(arguments: dict[str, Any], said: str) -> None:
    client = connect("https://posthog.invalid", project_id=1, personal_api_key="phx_test")
    with pytest.raises(InvalidInputError, match=said):
        client.expand(**{"frame": pd.DataFrame({"properties": [{}]}), **arguments})


def test_keys_may_be_repeated_and_of_any_kind_of_list(posthog: Client) -> None:
    frame = FRAMES["polars"]([{"plan": "pro", "amount": 1}])
    for keys in (
        ["plan", "amount", "plan"],
        pd.Series(["plan", "amount"]),
        pl.Series(["plan", "amount"]),
        iter(["plan", "amount"]),
    ):
        assert columns(posthog.expand(frame, keys)) == ["id", "properties", "plan", "amount"]
    assert columns(posthog.expand(frame, [])) == ["id", "properties"]


# The wire ----------------------------------------------------------------------------------------------------------


def test_one_query_without_rows_tells_the_types(httpserver: HTTPServer) -> None:
    seen: list[dict[str, Any]] = []
    types = [["p0", "Nullable(Float64)"], ["p1", "Nullable(DateTime64(6, 'Asia/Tokyo'))"], ["p2", "Some(Thing"]]

    def respond(request: Any) -> Any:
        from werkzeug import Response  # noqa: PLC0415

        seen.append(json.loads(request.get_data()))
        body = {"results": [], "columns": ["p0", "p1", "p2"], "types": types, "timezone": "Asia/Tokyo"}
        return Response(json.dumps(body), content_type="application/json")

    httpserver.expect_request("/api/projects/1/query/", method="POST").respond_with_handler(respond)
    client = connect(httpserver.url_for(""), project_id=1, personal_api_key="phx_test")
    frame = FRAMES["polars"]([{"n": 1, "t": "2026-01-01 09:00:00", "x": 5, "50%": True}])
    found = client.expand(frame, ["n", "t", "x", "50%"])
    assert found["n"].to_list() == [1.0]
    assert found["t"].to_list() == [datetime(2026, 1, 1, tzinfo=UTC)]
    assert found.schema["t"] == pl.Datetime("us", "Asia/Tokyo")
    assert (found["x"].to_list(), found["50%"].to_list()) == (["5"], ["true"])
    assert len(seen) == 1
    query = seen[0]["query"]
    assert query["query"].endswith("FROM events LIMIT 0")
    assert query["values"] == {"k0": "n", "k1": "t", "k2": "x"}
    assert seen[0]["refresh"] == "force_blocking"


def test_a_missing_scope_is_named(httpserver: HTTPServer) -> None:
    httpserver.expect_request("/api/projects/1/query/").respond_with_json(
        {"type": "authentication_error", "code": "permission_denied", "detail": "missing required scope 'query:read'"},
        status=403,
    )
    client = connect(httpserver.url_for(""), project_id=1, personal_api_key="phx_test")
    with pytest.raises(PermissionDeniedError, match="query:read"):
        client.expand(FRAMES["polars"]([{"plan": "pro"}]))


# Anything in, the same out -----------------------------------------------------------------------------------------

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
KEYS = st.sampled_from([*DEFINED, "a.b", "$x"]) | st.text(max_size=6)


@settings(max_examples=60)
@given(rows=st.lists(st.dictionaries(KEYS, JSON, max_size=6), max_size=4), kind=st.sampled_from(sorted(FRAMES)))
def test_any_objects_in_the_same_values_out(posthog: Client, rows: list[dict[str, Any]], kind: str) -> None:
    frame = FRAMES[kind](rows)
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        found = posthog.expand(frame, prefix="p:")
    said = [str(one.message) for one in warned]
    keys = {key for row in rows for key in row}
    assert set(columns(found)) == {"id", "properties", *(f"p:{key}" for key in keys)}
    for key in keys:
        lost = 0
        for row, value in zip(rows, values(found, f"p:{key}"), strict=True):
            lost += not same(row.get(key), value)
        told = [note for note in said if f"of {key!r} " in note]
        assert bool(lost) == bool(told), (key, told)
    assert values(found, "id") == list(range(len(rows)))


def same(given_value: Any, value: Any) -> bool:
    match value:
        case None:
            return given_value is None
        case bool():
            return given_value is value or given_value == str(value).lower()
        case float():
            return not isinstance(given_value, bool) and (
                given_value == value or (isinstance(given_value, str) and math.isclose(float(given_value), value))
            )
        case datetime():
            return True  # read as HogQL reads it, which has its own test
        case _:
            return given_value == value if isinstance(given_value, str) else json.loads(value) == given_value
