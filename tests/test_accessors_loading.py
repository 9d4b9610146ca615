"""A frame becomes events and comes back: every row, to the microsecond, in every type, of pandas and polars alike."""

from __future__ import annotations

import json
import warnings
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from posthog_nb.accessors import temporary
from posthog_nb.accessors.accessor import FrameAccessor
from posthog_nb.accessors.columns import Given
from posthog_nb.accessors.events import read_events
from posthog_nb.embedded.store import engine
from posthog_nb.embedded.store.schema import _exact_text
from posthog_nb.errors import InvalidInputError

pytest.importorskip("chdb", reason="the embedded engine has no wheel here")

ZONES = ("UTC", "Europe/Berlin", "America/St_Johns", "Asia/Kolkata")
MIDDAY = datetime(2026, 3, 29, 12, tzinfo=UTC)
SEVEN = "a7000000-0000-4000-8000-00000000000a"
ALL = "SELECT event, distinct_id, timestamp, properties FROM events ORDER BY uuid"


def ask(frame: Any, hogql: str, **columns: Any) -> Any:
    return FrameAccessor(frame)(**columns).query(hogql)


def both(columns: dict[str, Any]) -> list[Any]:
    """The same frame in polars and in pandas."""
    return [pl.DataFrame(columns), pd.DataFrame(columns)]


def tables(frame: Any, **columns: Any) -> pa.Table:
    """What is loaded of a frame."""
    timezone = columns.pop("timezone", None)
    return pa.concat_tables(read_events(frame, Given(**columns), timezone=timezone).tables())


def ask_both(columns: dict[str, Any], hogql: str, **named: Any) -> list[tuple[Any, ...]]:
    """The answer for a frame in polars, of which the same is loaded in pandas."""
    frame, other = both(columns)
    assert tables(other, **named) == tables(frame, **named)
    return plain(ask(frame, hogql, **named))


def plain(frame: Any) -> list[tuple[Any, ...]]:
    """The rows of a frame, as Python has them."""
    rows = frame if isinstance(frame, pl.DataFrame) else pl.from_pandas(frame)
    return rows.rows()


TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
MOMENTS = st.datetimes(datetime(1901, 1, 1), datetime(2298, 12, 30), timezones=st.just(UTC))  # noqa: DTZ001 - it has one
SOME_MOMENTS = st.sampled_from([MIDDAY, MIDDAY + timedelta(microseconds=1)])
"""So few that there are ties."""

ROWS = st.lists(
    st.fixed_dictionaries(
        {
            "event": st.sampled_from(["a", "b", "ä €'\"\\"]) | TEXTS,
            "distinct_id": TEXTS.filter(bool),
            "timestamp": SOME_MOMENTS | MOMENTS,
            "text": st.none() | TEXTS,
            "whole": st.none() | st.integers(-(2**53), 2**53),
            "number": st.none() | st.floats(allow_nan=False, allow_infinity=False),
            "truth": st.none() | st.booleans(),
            "moment": st.none() | MOMENTS,
        }
    ),
    min_size=1,
    max_size=40,
)
SCHEMA = {
    "event": pl.String,
    "distinct_id": pl.String,
    "timestamp": pl.Datetime("us", "UTC"),
    "text": pl.String,
    "whole": pl.Int64,
    "number": pl.Float64,
    "truth": pl.Boolean,
    "moment": pl.Datetime("us", "UTC"),
}
TYPED = """
    SELECT event, distinct_id, timestamp, properties, properties.whole AS whole, properties.number AS number,
      properties.truth AS truth, properties.moment AS moment
    FROM events ORDER BY uuid
"""


def check_round_trip(rows: list[dict[str, Any]], zone: str) -> None:
    frame = pl.DataFrame(rows, schema=SCHEMA).with_columns(pl.col("timestamp").dt.convert_time_zone(zone))
    # pandas has NaN for a missing number, and Python's own values elsewhere.
    as_pandas = frame.to_pandas(use_pyarrow_extension_array=True)
    found = ask(frame, TYPED)
    assert found.schema["timestamp"] == pl.Datetime("us", zone)
    assert found["event"].to_list() == frame["event"].to_list()
    assert found["distinct_id"].to_list() == frame["distinct_id"].to_list()
    assert found["timestamp"].to_list() == frame["timestamp"].to_list()
    for row, text in zip(rows, found["properties"], strict=True):
        kept = json.loads(text, parse_int=float)  # a JSON number is a float, however many digits it is written with
        expected = {key: row[key] for key in ("text", "whole", "number", "truth") if row[key] is not None}
        assert {key: kept[key] for key in kept if key != "moment"} == expected
    for name in ("whole", "number", "truth", "moment"):
        assert found[name].to_list() == frame[name].to_list()
    assert tables(as_pandas) == tables(frame)


@pytest.mark.filterwarnings("ignore:.*before 1970-01-02 or after 2105")
@settings(max_examples=12)
@given(rows=ROWS, zone=st.sampled_from(ZONES))
def test_a_frame_comes_back_as_it_was(rows: list[dict[str, Any]], zone: str) -> None:
    check_round_trip(rows, zone)


@pytest.mark.fuzz
@pytest.mark.filterwarnings("ignore:.*before 1970-01-02 or after 2105")
@settings(max_examples=500)
@given(rows=ROWS, zone=st.sampled_from(ZONES))
def test_a_frame_comes_back_as_it_was_however_it_is(rows: list[dict[str, Any]], zone: str) -> None:
    check_round_trip(rows, zone)


@settings(max_examples=6)
@given(rows=ROWS)
def test_the_columns_of_a_large_frame_hold_what_is_read_from_the_json(rows: list[dict[str, Any]]) -> None:
    frame = pl.DataFrame(rows, schema=SCHEMA)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(temporary, "OWN_COLUMNS_FROM", 1)
        client = FrameAccessor(frame).connect()
        client.query("SELECT 1")
    with client:
        project = client._connection._project  # type: ignore[attr-defined]
        assert set(project.facts().property_columns) >= {"text", "whole", "number", "truth", "moment"}
        compared = ", ".join(
            f"countIf(NOT mat_{key} <=> {_exact_text(key)})" for key in ("text", "whole", "truth", "moment")
        )
        (counts,) = project.store.engine.read(f"SELECT {compared} FROM {project.store.database}.events")
        assert counts == (0, 0, 0, 0)
        found = client.query(TYPED, limit=1000).to_polars()
        assert found["number"].to_list() == frame["number"].to_list()


def test_rows_that_are_alike_stay_rows() -> None:
    row = {"event": ["a"] * 5, "distinct_id": ["ann"] * 5, "timestamp": [MIDDAY] * 5}
    assert ask_both(row, "SELECT count(), uniq(uuid) FROM events") == [(5, 5)]


KINDS: dict[str, tuple[list[Any], list[Any], Any]] = {
    "date": ([date(2026, 1, 2), None], ["2026-01-02", None], datetime(2026, 1, 2, tzinfo=UTC)),
    "time": ([time(1, 2, 3, 4), None], ["01:02:03.000004", None], "01:02:03.000004"),
    "duration": ([timedelta(days=1, microseconds=1), None], [86400.000001, None], 86400.000001),
    "decimal": ([Decimal("1.50"), None], [1.5, None], 1.5),
    "list": ([[1, 2], None], [[1, 2], None], "[1,2]"),
    "object": ([{"a": None, "b": [True]}, None], [{"a": None, "b": [True]}, None], '{"a":null,"b":[true]}'),
    "long": ([2**53 + 1, None], [str(2**53 + 1), None], str(2**53 + 1)),
    "path": (["/a b", None], ["/a b", None], "/a b"),
}
"""Values, what the JSON of the properties has of them, and what HogQL reads of the first."""


@pytest.mark.filterwarnings("ignore:'long' holds whole numbers beyond")
def test_a_column_is_a_property_of_its_type() -> None:
    columns = {"event": ["a", "a"], "distinct_id": ["x", "y"], "timestamp": [MIDDAY] * 2}
    hogql = f"SELECT properties, {', '.join(f'properties.{key}' for key in KINDS)} FROM events ORDER BY uuid"
    frame = pl.DataFrame({**columns, **{key: pl.Series(values) for key, (values, _, _) in KINDS.items()}})
    found = ask(frame, hogql).rows()
    assert [json.loads(row[0]) for row in found] == [{key: kept[0] for key, (_, kept, _) in KINDS.items()}, {}]
    assert found[0][1:] == tuple(first for _, _, first in KINDS.values())
    assert found[1][1:] == (None,) * len(KINDS)
    as_pandas = pd.DataFrame(
        {**columns, **{key: pd.Series(values, dtype=object) for key, (values, _, _) in KINDS.items()}}
    )
    as_pandas["long"] = as_pandas["long"].astype("Int64")
    assert plain(ask(as_pandas, hogql)) == found


def test_small_floats_are_what_they_are_and_categories_their_texts() -> None:
    frame = pl.DataFrame(
        {
            "event": ["a", "b"],
            "user_id": pl.Series([1, 2], dtype=pl.UInt8),
            "ts": [MIDDAY, MIDDAY],
            "small": pl.Series([0.1, 1e-30], dtype=pl.Float32),
            "kind": pl.Series(["x", None], dtype=pl.Categorical),
        }
    ).with_columns(pl.col("event").cast(pl.Enum(["a", "b"])))
    hogql = "SELECT event, distinct_id, properties.small, properties.kind FROM events ORDER BY uuid"
    expected = [("a", "1", *frame.row(0)[3:]), ("b", "2", *frame.row(1)[3:])]
    assert ask(frame, hogql).rows() == expected
    assert tables(frame.to_pandas()) == tables(frame)


def test_objects_of_pandas_are_carried_value_by_value() -> None:
    mixed = pd.Series(["a", 1, None, {"b": [1.5]}, UUID(int=1)], dtype=object)
    frame = pd.DataFrame({"event": "e", "distinct_id": "x", "timestamp": MIDDAY, "mixed": mixed})
    (column,) = zip(*plain(ask(frame, "SELECT properties FROM events ORDER BY uuid")), strict=True)
    assert [json.loads(text).get("mixed") for text in column] == ["a", 1, None, {"b": [1.5]}, str(UUID(int=1))]


def test_types_that_arrow_has_as_something_else_are_what_people_read() -> None:
    base = {"event": ["e"] * 2, "distinct_id": ["x"] * 2, "timestamp": [MIDDAY] * 2}
    months = pd.Series([pd.Period("2026-03", "M"), pd.NaT], dtype="period[M]")
    ages = pd.arrays.IntervalArray.from_breaks([0, 18, 65])
    pairs = pl.Series([[1, 2], None], dtype=pl.Array(pl.Int64, 2))
    found = [
        *ask(pd.DataFrame({**base, "months": months, "ages": ages}), "SELECT properties FROM events ORDER BY uuid")[
            "properties"
        ].to_list(),
        *ask(pl.DataFrame({**base, "pairs": pairs}), "SELECT properties FROM events ORDER BY uuid")[
            "properties"
        ].to_list(),
    ]
    assert [json.loads(one) if isinstance(one, str) else one for one in found] == [
        {"months": "2026-03", "ages": "(0, 18]"},
        {"ages": "(18, 65]"},
        {"pairs": [1, 2]},
        {},
    ]


def test_what_is_no_finite_number_is_left_out_and_said() -> None:
    frame = pl.DataFrame(
        {
            "event": ["a"] * 3,
            "distinct_id": ["x"] * 3,
            "timestamp": [MIDDAY] * 3,
            "n": [1.0, float("nan"), float("-inf")],
        }
    )
    with pytest.warns(UserWarning, match="2 values of 'n' are no finite numbers"):
        assert ask(frame, "SELECT properties FROM events ORDER BY uuid")["properties"].to_list() == [
            '{"n":1}',
            "{}",
            "{}",
        ]


# Times -------------------------------------------------------------------------------------------------------------


def test_times_without_a_zone_are_utc_and_that_is_said() -> None:
    columns = {"event": ["a"], "distinct_id": ["x"], "timestamp": [MIDDAY.replace(tzinfo=None)]}
    with pytest.warns(UserWarning, match="'timestamp' have no time zone and are read as UTC"):
        assert ask_both(columns, "SELECT timestamp FROM events") == [(MIDDAY,)]


def test_times_without_a_zone_are_read_in_the_one_that_is_named() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    columns = {"event": ["a"], "distinct_id": ["x"], "timestamp": [datetime(2026, 7, 1, 0, 30)]}  # noqa: DTZ001 - none
    found = ask_both(columns, "SELECT timestamp, toStartOfDay(timestamp) FROM events", timezone="Europe/Berlin")
    assert found == [(datetime(2026, 7, 1, 0, 30, tzinfo=berlin), datetime(2026, 7, 1, tzinfo=berlin))]


def test_a_time_that_the_clocks_have_twice_is_refused() -> None:
    twice = datetime(2026, 10, 25, 2, 30)  # noqa: DTZ001 - it has none
    for frame in both({"event": ["a"], "distinct_id": ["x"], "timestamp": [twice]}):
        with pytest.raises(
            InvalidInputError, match="'timestamp' has a time that Europe/Berlin has twice or not at all"
        ):
            ask(frame, ALL, timezone="Europe/Berlin")


@pytest.mark.parametrize(("hours", "zone"), [(2, "Etc/GMT-2"), (-5, "Etc/GMT+5"), (0, "UTC"), (5.5, "UTC")], ids=str)
def test_a_fixed_offset_is_the_zone_of_that_name(hours: float, zone: str) -> None:
    at = MIDDAY.astimezone(timezone(timedelta(hours=hours)))
    frame = pd.DataFrame({"event": ["a"], "distinct_id": ["x"], "timestamp": [at]})
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        found = ask(frame, "SELECT timestamp FROM events")
    assert str(found["timestamp"].dt.tz) == zone
    assert found["timestamp"][0] == MIDDAY
    assert [str(one.message) for one in said] == (
        ["+05:30 is no named time zone, so times are shown in UTC; timezone= says another."] if hours == 5.5 else []
    )


@pytest.mark.filterwarnings("ignore:.*before 1970-01-02 or after 2105")
def test_nanoseconds_are_cut_and_said() -> None:
    frame = pd.DataFrame({"event": ["a", "b"], "distinct_id": "x", "timestamp": pd.to_datetime([1_999, -1], utc=True)})
    with pytest.warns(UserWarning, match="have nanoseconds"):
        found = ask(frame, "SELECT timestamp FROM events ORDER BY uuid")["timestamp"].tolist()
    assert found == [
        pd.Timestamp("1970-01-01 00:00:00.000001", tz="UTC"),
        pd.Timestamp("1969-12-31 23:59:59.999999", tz="UTC"),
    ]


@pytest.mark.parametrize("year", [1950, 2120])
def test_times_that_analyses_do_not_see_are_said(year: int) -> None:
    at = datetime(year, 1, 1, tzinfo=UTC)
    frame = pl.DataFrame({"event": ["a", "b"], "distinct_id": ["x", "x"], "timestamp": [MIDDAY, at]})
    with pytest.warns(UserWarning, match="before 1970-01-02 or after 2105, which queries see and analyses do not"):
        assert ask(frame, "SELECT count() FROM events").rows() == [(2,)]


def test_a_moment_of_numpy_is_one() -> None:
    frame = pl.DataFrame({"event": ["a"], "distinct_id": ["x"], "timestamp": [MIDDAY]})
    meant = datetime(2026, 4, 1, tzinfo=UTC)
    assert ask(frame, "SELECT now()", as_of=np.datetime64("2026-04-01")).rows() == [(meant,)]
    assert len(FrameAccessor(frame).sessions(np.timedelta64(30, "m"))) == 1  # type: ignore[arg-type] # a user has it


def test_now_is_just_after_the_last_event_or_what_is_said() -> None:
    moments = [MIDDAY, MIDDAY + timedelta(microseconds=5)]
    frame = pl.DataFrame({"event": ["a", "b"], "distinct_id": ["x", "x"], "timestamp": moments})
    assert ask(frame, "SELECT now()").rows() == [(MIDDAY + timedelta(seconds=1),)]
    later = datetime(2026, 3, 31, 22, tzinfo=UTC)
    assert ask(frame, "SELECT now()", as_of="2026-04-01T00:00:00+02:00").rows() == [(later,)]


# Properties as objects ---------------------------------------------------------------------------------------------


def test_columns_are_added_to_the_properties_and_come_before_them() -> None:
    frame = pl.DataFrame(
        {
            "event": ["a", "b", "c"],
            "distinct_id": ["x"] * 3,
            "timestamp": [MIDDAY] * 3,
            "properties": ['{"plan": "old", "n": [1, 2], "u": "\\u00e4\\/"}', None, '{"plan":"kept"}'],
            "plan": ["new", "only", None],
        }
    )
    found = ask(frame, "SELECT properties FROM events ORDER BY uuid")["properties"].to_list()
    # As capture would have stored them: no spaces, and no escapes that JSON does not need.
    assert found == ['{"n":[1,2],"u":"ä/","plan":"new"}', '{"plan":"only"}', '{"plan":"kept"}']
    assert tables(frame.to_pandas()) == tables(frame)


def test_properties_are_typed_by_their_first_value_that_tells() -> None:
    objects = [{"a": None, "n": 1, "b": True, "t": "x", "at": "2026-01-01T00:00:00Z"}, {"a": 5, "n": "x", "late": [1]}]
    columns = {"event": ["e", "e"], "distinct_id": ["x", "x"], "timestamp": [MIDDAY] * 2}
    keys = ("a", "n", "b", "t", "at", "late")
    hogql = f"SELECT {', '.join(f'properties.{key}' for key in keys)} FROM events ORDER BY uuid"
    expected = [
        (None, 1.0, True, "x", datetime(2026, 1, 1, tzinfo=UTC), None),
        (5.0, None, None, None, None, "[1]"),
    ]
    as_text = pl.DataFrame({**columns, "properties": list(map(json.dumps, objects))})
    as_objects = pd.DataFrame({**columns, "properties": pd.Series(objects, dtype=object)})
    assert ask(as_text, hogql).rows() == expected
    assert tables(as_text) == tables(as_text.to_pandas()) == tables(as_objects)


def test_a_property_is_typed_wherever_its_first_value_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(temporary, "_LOOKED_AT", 1)
    texts = ['{"n":1}', '{"late":null}', '{"late":2.5,"n":3}', '{"late":"x"}']
    frame = pl.DataFrame({"event": ["e"] * 4, "distinct_id": ["x"] * 4, "timestamp": [MIDDAY] * 4, "properties": texts})
    assert ask(frame, "SELECT sum(properties.late), sum(properties.n) FROM events").rows() == [(2.5, 4.0)]


def test_properties_with_half_a_surrogate_pair_are_refused() -> None:
    columns = {"event": ["a"], "distinct_id": ["x"], "timestamp": [MIDDAY], "properties": [r'{"a":"\ud800"}']}
    with pytest.raises(InvalidInputError, match="'properties' holds half a surrogate pair"):
        ask(pl.DataFrame(columns), ALL)


@pytest.mark.parametrize("text", ["[1]", "{", "17", '{"a":1}x', '{"a" 1}', "{'a': 1}", '{"a":1},{"b":2}', "{ }}"])
def test_properties_that_are_no_object_are_refused(text: str) -> None:
    before = leftovers()
    frame = pl.DataFrame({"event": ["a"], "distinct_id": ["x"], "timestamp": [MIDDAY], "properties": [text]})
    with pytest.raises(InvalidInputError, match="'properties' holds"):
        ask(frame, ALL)
    assert leftovers() == before


# Persons, sessions, ids --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "persons",
    [["x", "y", "x"], [2**40, -1, 2**40], [SEVEN, "y", SEVEN], [SEVEN.upper(), SEVEN, SEVEN.upper()]],
    ids=["texts", "numbers", "mixed", "uuids in two spellings"],
)
def test_persons_of_any_kind_are_told_apart(persons: list[Any]) -> None:
    columns = {"event": ["a"] * 3, "distinct_id": ["1", "2", "3"], "timestamp": [MIDDAY] * 3, "person_id": persons}
    rows = ask_both(columns, "SELECT person_id, (SELECT count() FROM persons) FROM events ORDER BY uuid")
    ((one, persons_there), (other, _), (again, _)) = rows
    assert one == again != other
    assert persons_there == 2


def test_persons_that_are_uuids_keep_them() -> None:
    persons = [uuid4() for _ in range(3)]
    columns = {"event": ["a"] * 3, "timestamp": [MIDDAY] * 3}
    for frame in (
        pd.DataFrame({**columns, "person_id": pd.Series(persons, dtype=object)}),
        pl.DataFrame({**columns, "person_id": list(map(str, persons))}),
    ):
        rows = plain(ask(frame, "SELECT person_id, distinct_id FROM events ORDER BY uuid"))
        assert [tuple(map(str, row)) for row in rows] == [(str(one), str(one)) for one in persons]


def test_the_latest_properties_of_a_person_hold() -> None:
    columns = {
        "event": ["a"] * 3,
        "distinct_id": ["x", "y", "x"],
        "timestamp": [MIDDAY + timedelta(hours=2), MIDDAY, MIDDAY],
        "person_properties": ['{"plan":"pro","seats":3}', None, '{"plan":"free"}'],
    }
    hogql = "SELECT person.properties.plan, person.properties.seats FROM events ORDER BY uuid"
    assert ask_both(columns, hogql) == [("pro", 3.0), (None, None), ("pro", 3.0)]


def test_uuids_of_the_frame_are_kept_and_rows_that_share_one_stay() -> None:
    one, other = str(uuid4()), str(uuid4())
    columns = {"event": ["a", "b", "c"], "distinct_id": ["x"] * 3, "timestamp": [MIDDAY] * 3, "uuid": [one, one, other]}
    with pytest.warns(UserWarning, match="1 rows have the uuid of another"):
        rows = ask_both(columns, "SELECT event, toString(uuid) FROM events ORDER BY event")
    assert rows == [("a", one), ("b", one), ("c", other)]


def test_a_column_of_uuids_that_holds_none_is_a_property() -> None:
    columns = {"event": ["a"], "distinct_id": ["x"], "timestamp": [MIDDAY], "uuid": ["no"]}
    assert ask_both(columns, "SELECT properties.uuid FROM events") == [("no",)]
    for frame in both(columns):
        with pytest.raises(InvalidInputError, match="The column 'uuid', the uuid, holds what is no UUID"):
            ask(frame, ALL, uuid="uuid")


# What stays --------------------------------------------------------------------------------------------------------


def leftovers() -> set[str]:
    """The temporary projects that are in memory."""
    running = engine.in_memory()
    databases = {name for (name,) in running.read("SELECT name FROM system.databases WHERE name LIKE 'project%'")}
    dropped = {name for (name,) in running.read("SELECT database FROM system.dropped_tables")}
    return databases | dropped


def test_nothing_stays_in_memory_also_after_an_error() -> None:
    frame = pl.DataFrame({"event": ["a"], "distinct_id": ["x"], "timestamp": [MIDDAY]})
    before = leftovers()
    ask(frame, ALL)
    with pytest.raises(ValueError, match="nothing_like_it"):
        ask(frame, "SELECT nothing_like_it FROM events")
    with FrameAccessor(frame).connect() as client:
        client.query("SELECT 1")
        assert len(leftovers() - before) == 1
    assert leftovers() == before
    with pytest.raises(InvalidInputError, match="temporary project is closed"):
        client.query("SELECT 1")


def test_nothing_stays_in_memory_after_an_interrupt(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    frame = pl.DataFrame({"event": ["a"], "distinct_id": ["x"], "timestamp": [MIDDAY]})
    before = leftovers()
    with monkeypatch.context() as patch, FrameAccessor(frame).connect() as client:
        patch.setattr(temporary, "_define", interrupt)
        with pytest.raises(KeyboardInterrupt):
            client.query("SELECT 1")
        assert leftovers() == before
        patch.undo()
        # Asked again, it is loaded again.
        assert client.query("SELECT count() FROM events").rows == [[1]]
    assert leftovers() == before
    monkeypatch.setattr(temporary, "_define", interrupt)
    with pytest.raises(KeyboardInterrupt):
        ask(frame, ALL)
    assert leftovers() == before


def test_the_frame_is_left_as_it_is() -> None:
    frame = pd.DataFrame({"event": ["a"], "distinct_id": ["x"], "timestamp": [MIDDAY], "n": [1]})
    before = frame.copy()
    ask(frame, ALL)
    pd.testing.assert_frame_equal(frame, before)
