"""Which column is what: recognised by PostHog's names and the usual ones, named by hand, refused with a reason."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pandas as pd
import polars as pl
import pytest

from posthog_nb.accessors.accessor import FrameAccessor
from posthog_nb.accessors.columns import NAMES, Given, column_of
from posthog_nb.accessors.events import read_events
from posthog_nb.errors import InvalidInputError

NOW = datetime(2026, 1, 1, tzinfo=UTC)
GOOD: dict[str, Any] = {"event": ["a", "b"], "distinct_id": ["x", "y"], "timestamp": [NOW, NOW]}


def frames(columns: dict[str, Any]) -> list[Any]:
    return [pd.DataFrame(columns), pl.DataFrame(columns, strict=False)]


def refusal(frame: Any, **named: str) -> str:
    """What reading the frame is refused with."""
    with pytest.raises(InvalidInputError) as caught:
        read_events(frame, Given(**named))
    return str(caught.value)


@pytest.mark.parametrize(("role", "name"), [(role, name) for role, names in NAMES.items() for name in names])
def test_a_column_is_recognised_by_each_of_its_names(role: str, name: str) -> None:
    assert column_of(role, Given(), ["other", name]) == name


@pytest.mark.parametrize("name", ["eventName", "Event Name", "EVENT_NAME", "event-name"])
def test_a_name_is_recognised_however_it_is_written(name: str) -> None:
    assert column_of("event", Given(), ["other", name]) == name


def test_posthogs_own_name_comes_before_the_others() -> None:
    assert column_of("distinct_id", Given(), ["user_id", "distinct_id"]) == "distinct_id"


def test_two_that_may_be_meant_are_both_named() -> None:
    for frame in frames({"event_name": ["a"], "action": ["b"], "user_id": ["x"], "time": [NOW]}):
        assert refusal(frame) == (
            "'event_name' and 'action' may both be the event. Say which: df.posthog(event='event_name')."
        )


def test_what_is_named_is_not_recognised_as_something_else() -> None:
    for frame in frames({"action": ["a"], "event_type": ["b"], "user_id": ["x"], "time": [NOW]}):
        events = read_events(frame, Given(event="action", session="event_type"))
        assert events.columns["event"].to_pylist() == ["a"]


@pytest.mark.parametrize(
    ("missing", "what"), [("event", "what happened"), ("distinct_id", "who did it"), ("timestamp", "when it happened")]
)
def test_a_missing_column_is_told_with_the_names_it_may_have(missing: str, what: str) -> None:
    for frame in frames({name: values for name, values in GOOD.items() if name != missing}):
        told = refusal(frame)
        assert told.startswith(f"The frame has no column that says {what}, the {missing}.")
        assert f'df.posthog({missing}="...")' in told
        assert all(name in told for name in NAMES[missing])


def test_a_name_that_is_not_there_is_told_with_one_that_is_like_it() -> None:
    for frame in frames(GOOD):
        told = refusal(frame, event="evnt")
        assert told.startswith("The frame has no column 'evnt', which event= names. Did you mean 'event'?")
        with pytest.raises(InvalidInputError, match="'evnt', which event= names"):
            FrameAccessor(frame)(event="evnt")


def test_one_column_is_not_two_things() -> None:
    for frame in frames(GOOD):
        assert "event= and person= name one column, 'event'." in refusal(frame, event="event", person="event")


def test_an_empty_frame_is_refused() -> None:
    for frame in (pd.DataFrame(GOOD).head(0), pl.DataFrame(GOOD).head(0)):
        assert refusal(frame) == "The frame has no rows, so there are no events to ask about."


def test_names_of_columns_are_texts_and_different() -> None:
    assert "has two columns 'event'" in refusal(pd.DataFrame([[1, 2]], columns=["event", "event"]))
    assert "has a column 7, whose name is of type int" in refusal(pd.DataFrame({7: [1]}))


IDS = "is of type {}; ids are texts, whole numbers or UUIDs."
NOTHING = "1 of 2 rows have nothing in the column"


@pytest.mark.parametrize(
    ("column", "values", "told"),
    [
        ("event", [1, 2], "The column 'event', the event, is of type int64, not text."),
        ("event", ["a", None], f"{NOTHING} 'event', the event; the first is row 1."),
        ("distinct_id", [1.5, 2.0], f"The column 'distinct_id', who did it, {IDS.format('double')}"),
        ("distinct_id", [True, False], f"The column 'distinct_id', who did it, {IDS.format('bool')}"),
        ("distinct_id", [None, "x"], f"{NOTHING} 'distinct_id', who did it; the first is row 0."),
        ("distinct_id", ["x", ""], f"{NOTHING} 'distinct_id', who did it; the first is row 1."),
        ("timestamp", ["2026-01-01", "x"], "The column 'timestamp', the timestamp, is of type string, not a time."),
        ("timestamp", [1, 2], "The column 'timestamp', the timestamp, is of type int64, not a time."),
        ("timestamp", [NOW, None], f"{NOTHING} 'timestamp', the timestamp; the first is row 1."),
        ("timestamp", [NOW, NOW.replace(year=1492)], "The column 'timestamp' has the time 1492-01-01T00:00:00+00:00."),
        ("person_id", [1.5, 2.5], f"The column 'person_id', the person, {IDS.format('double')}"),
        ("session_id", [1.5, 2.5], f"The column 'session_id', the session, {IDS.format('double')}"),
        ("data", [b"x", b"y"], "The column 'data' is of type"),
    ],
)
def test_a_column_of_the_wrong_type_is_told_with_what_it_is(column: str, values: list[Any], told: str) -> None:
    for frame in frames({**GOOD, column: values}):
        assert refusal(frame).startswith(told)


def test_what_python_cannot_send_is_told_with_its_column() -> None:
    frame = pd.DataFrame({**GOOD, "odd": pd.Series([{1, "a"}, object()], dtype=object)})
    assert "row['odd']" in refusal(frame)
    assert "half a surrogate pair" in refusal(pd.DataFrame({**GOOD, "odd": pd.Series(["\ud800", ""], dtype=object)}))
    times = pd.Series([NOW, NOW.replace(tzinfo=None)], dtype=object)
    assert "'odd' has times with a time zone and times without one" in refusal(pd.DataFrame({**GOOD, "odd": times}))


def test_an_id_that_a_missing_value_made_a_float_says_how_to_repair_it() -> None:
    assert '.astype("Int64")' in refusal(pd.DataFrame({**GOOD, "distinct_id": [1, None]}))


@pytest.mark.parametrize(
    ("named", "told"),
    [
        ({"timezone": "Berlin"}, "'Berlin' is no time zone."),
        ({"as_of": "yesterday"}, "as_of is 'yesterday', not a time."),
        ({"as_of": "9999-12-31"}, "as_of is '9999-12-31'"),
        ({"week_start": "friday"}, "'friday' is no start of the week."),
    ],
)
def test_a_setting_that_is_none_is_refused(named: dict[str, str], told: str) -> None:
    for frame in frames(GOOD):
        with pytest.raises(InvalidInputError, match=told):
            FrameAccessor(frame)(**named).connect()


def test_a_column_in_place_of_its_name_is_refused() -> None:
    frame = pd.DataFrame(GOOD)
    with pytest.raises(InvalidInputError, match="event= is of type Series, not text"):
        FrameAccessor(frame)(event=frame["event"])  # type: ignore[arg-type] # what is refused
