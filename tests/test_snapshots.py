"""What was recorded is replayed: the same frames, to the last detail, with nothing but the folder."""

from __future__ import annotations

import dataclasses
import json
import os
import pickle
import subprocess
import sys
import threading
import warnings
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from polars.testing import assert_frame_equal

import posthog_nb
from posthog_nb.cautions import PersonalDataWarning
from posthog_nb.errors import (
    ConfigurationError,
    NotFoundError,
    NotRecordedError,
    PermissionDeniedError,
    PostHogError,
    QueryError,
    QueryTimeoutError,
    SnapshotError,
    TransportError,
)
from posthog_nb.frames import JsonRows, decode, to_pandas, to_polars
from posthog_nb.snapshots.asked import Answered, Asked
from posthog_nb.snapshots.folder import Folder
from posthog_nb.snapshots.keeper import Recorder
from posthog_nb.snapshots.manifest import Target
from posthog_nb.snapshots.parquet import read_rows, written
from posthog_nb.snapshots.privacy import Privacy, Veil
from tests import test_frames_exact
from tests.recordings import TARGET, answered, asked, of_events, record, replayed
from tests.replaying import BY_EVENT, BY_EVENT_VALUES, QUESTIONS, answers, digests, shown

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from IPython.core.interactiveshell import InteractiveShell

    from posthog_nb.client import Client
    from posthog_nb.frames import Table

pytest.importorskip("chdb", reason="the embedded engine has no wheel here")

REFUSED = ("SELECT evnt\nFROM events", "SELECT (1", "SELECT toInt('x') + [1] FROM events")


@pytest.fixture(autouse=True)
def emails_may_be_recorded() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PersonalDataWarning)
        yield


def lines_of(ask: Callable[[], object]) -> list[str]:
    with pytest.raises(PostHogError) as caught:
        ask()
    return caught.value.lines()


@contextmanager
def recording(demo: Client, path: Path) -> Iterator[Client]:
    connection = demo._connection
    connection.record(posthog_nb.Recording(path))
    try:
        yield demo
    finally:
        connection.keeper = None


class Recorded:
    """A snapshot of the demo, and what was seen while it was recorded."""

    def __init__(self, demo: Client, path: Path) -> None:
        self.path = path
        with warnings.catch_warnings(), recording(demo, path) as ph:
            warnings.simplefilter("ignore", PersonalDataWarning)
            self.answers = answers(ph)
            self.refusals = [lines_of(lambda query=query: ph.query(query)) for query in REFUSED]


@pytest.fixture(scope="module")
def recorded(demo: Client, tmp_path_factory: pytest.TempPathFactory) -> Recorded:
    return Recorded(demo, tmp_path_factory.mktemp("snapshots") / "data" / "q1")


@pytest.fixture
def replay(recorded: Recorded) -> Iterator[Client]:
    with posthog_nb.connect(snapshot=recorded.path) as ph:
        yield ph


# -- the same frames


@pytest.mark.parametrize("name", QUESTIONS)
def test_a_replay_shows_what_the_recording_showed(recorded: Recorded, replay: Client, name: str) -> None:
    assert list(map(shown, QUESTIONS[name](replay))) == recorded.answers[name]


def test_a_replay_needs_nothing_but_the_folder(recorded: Recorded, tmp_path: Path) -> None:
    """No settings, no network, no ClickHouse; in another zone, from another place, and in another year."""
    nonsense = {name: "no use" for name in os.environ if name.startswith("POSTHOG_")}
    nonsense |= dict.fromkeys(("POSTHOG_HOST", "POSTHOG_PROJECT_ID", "POSTHOG_PERSONAL_API_KEY"), "no use")
    environment = {**os.environ, **nonsense, "TZ": "Asia/Kathmandu", "PYTHONPATH": os.getcwd()}  # noqa: PTH109
    ran = subprocess.run(
        [sys.executable, "-m", "tests.replaying", os.path.relpath(recorded.path, tmp_path), "5"],
        cwd=tmp_path, env=environment, capture_output=True, text=True, check=False, timeout=300,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    found = json.loads(ran.stdout)
    assert found["digests"] == digests(recorded.answers)
    assert found["loaded"] == []


def test_a_path_is_where_it_was_when_it_was_given(
    recorded: Recorded, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(recorded.path.parent)
    with posthog_nb.connect(snapshot="q1") as ph:
        monkeypatch.chdir(tmp_path)
        assert len(ph.query(BY_EVENT, 2, BY_EVENT_VALUES)) == 2


def test_one_client_replays_in_many_threads(recorded: Recorded, replay: Client) -> None:
    def ask(_: int) -> list[Any]:
        return list(map(shown, QUESTIONS["pages"](replay)))

    with ThreadPoolExecutor(8) as pool:
        assert all(found == recorded.answers["pages"] for found in pool.map(ask, range(24)))


def test_refusals_are_replayed_line_by_line(recorded: Recorded, replay: Client) -> None:
    assert [lines_of(lambda query=query: replay.query(query)) for query in REFUSED] == recorded.refusals
    with pytest.raises(QueryError) as caught:
        replay.query(REFUSED[0])
    assert (caught.value.status, caught.value.code) == (400, "hogql_query_error")
    assert caught.value.span is not None


def test_cells_show_the_same_and_go_on_alike(demo: Client, shell: InteractiveShell, tmp_path: Path) -> None:
    query = "SELECT event, count() AS n FROM events WHERE event NOT IN {names} GROUP BY event ORDER BY event"

    def run(ph: Client) -> list[Any]:
        shell.user_ns |= {"ph": ph, "names": ["$screen"]}
        shell.run_cell_magic("hogql", "first --limit 1", query)
        more = shell.run_line_magic("hogql", "--more")
        rest = shell.run_line_magic("hogql", "--more --all")
        every = shell.run_cell_magic("hogql", "--all --frame polars", query)
        return list(map(shown, [shell.user_ns["first"], more, rest, every]))

    with recording(demo, tmp_path / "q1") as ph:
        recorded = run(ph)
    with posthog_nb.connect(snapshot=tmp_path / "q1") as ph:
        assert run(ph) == recorded


# -- Parquet, there and back


def assert_same(found: Table, table: Table) -> None:
    """The tables are equal, in each kind of frame, to the names within their types."""
    assert (found.kinds, found.notes) == (table.kinds, table.notes)
    assert found.arrow.equals(table.arrow, check_metadata=True)
    assert found.arrow.schema.to_string() == table.arrow.schema.to_string()
    one, other = to_pandas(found), to_pandas(table)
    pd.testing.assert_frame_equal(one, other)
    assert list(map(repr, one.dtypes)) == list(map(repr, other.dtypes))
    assert_frame_equal(to_polars(found), to_polars(table))


def there_and_back(table: Table) -> Table:
    kinds = list(map(str, table.kinds))
    return read_rows(written(table), len(table), kinds, table.arrow.column_names, table.notes)


NAMES = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=8)


@settings(max_examples=60)
@given(data=st.data())
def test_every_table_is_the_same_after_parquet(data: st.DataObject) -> None:
    chosen = data.draw(st.lists(test_frames_exact.nested, min_size=1, max_size=4))
    rows = data.draw(st.lists(st.tuples(*(values for _, values in chosen)), max_size=5))
    names = data.draw(st.lists(NAMES, min_size=len(chosen), max_size=len(chosen)))
    sent = JsonRows([json.dumps([value for value, _ in row]).encode() for row in rows])
    table = decode(names, [kind for kind, _ in chosen], sent)
    assert_same(there_and_back(table), table)


OTHERS = {
    "Nothing": [None],
    "Nullable(Nothing)": [None],
    "Map(String, Nullable(Nothing))": [{"a": None, "b": None, "c": None}, {}],
    "Tuple(Array(Nullable(Nothing)), DateTime('Europe/London'))": [[[None, None], "2026-03-29T00:59:59Z"]],
    "Date32": ["1925-01-01", "2283-11-11"],
    "DateTime64(9, 'Europe/London')": ["2026-03-29T00:59:59.123456789Z", "1970-01-01T00:00:00Z"],
    "DateTime64(0)": ["2026-03-29T00:59:59Z"],
    "DateTime64(1, 'America/New_York')": ["2026-11-01T05:30:00.5Z"],
    "Array(DateTime('Asia/Kathmandu'))": [["2026-03-29T00:59:59Z"], []],
    "Map(UInt64, Array(Nullable(DateTime)))": [{"18446744073709551615": [None, "2026-03-29T00:59:59Z"]}, {}],
    "Tuple(`a b` DateTime('Europe/London'), `` Nullable(Int64))": [["2026-03-29T00:59:59Z", 2**53 + 1]],
    "Nested(a UInt8, b String)": [[[1, "x"]], []],
    "Point": [[1.5, -2.5]],
    "Decimal(76, 75)": ["9." + "9" * 75],
    "Decimal(38, 0)": ["9" * 38],
    "Nullable(UInt64)": [2**64 - 1, None],
    "Float64": [None, 1e308, -0.0],
    "Float32": [1.5],
    "IPv6": ["::1"],
    "AggregateFunction(sum, UInt64)": ["\x01\x00"],
    "Enum8('it''s' = 1, 'b)' = 2)": ["it's"],
    "String": ["", "\x00", "\x1b[31m", "a" * 100_000],
}


@pytest.mark.parametrize("kind", OTHERS)
@pytest.mark.parametrize("rows", [None, 0], ids=["rows", "no rows"])
def test_a_column_of_any_type_is_the_same_after_parquet(kind: str, rows: int | None) -> None:
    table = decode(["x"], [kind], JsonRows.of([(value,) for value in OTHERS[kind]][:rows]))
    assert_same(there_and_back(table), table)


def test_a_column_of_an_unknown_zone_is_text_here_as_it_was_there() -> None:
    table = decode(["x"], ["DateTime('Moon/Base')"], JsonRows.of([("2026-03-29T00:59:59Z",)]))
    assert table.notes
    assert_same(there_and_back(table), table)


def test_columns_without_declared_types_and_of_one_name_are_the_same() -> None:
    table = decode(["a", "a", "a_1"], None, JsonRows.of([(1, None, "x"), (2**63, None, [1])]))
    assert_same(there_and_back(table), table)


# -- what was not recorded


def test_the_nearest_query_and_what_differs_are_named(replay: Client) -> None:
    since = {**BY_EVENT_VALUES, "since": "2026-01-01"}
    told = lines_of(lambda: replay.query(BY_EVENT, 2, since))
    assert told[0].startswith("NotRecordedError: This query is not in the snapshot q1. The nearest, recorded 20")
    assert '{since} was {"datetime": "2026-03-01T06:15:00+00:00"}, now "2026-01-01"' in told[0]
    told = lines_of(lambda: replay.query(BY_EVENT, 3, BY_EVENT_VALUES))
    assert told[0].endswith("\n  limit was 2, now 3")
    told = lines_of(lambda: replay.query(BY_EVENT.replace("DESC", "ASC"), 2, BY_EVENT_VALUES))
    assert (
        "\n  -WHERE timestamp > {since} AND event NOT IN {events} GROUP BY event ORDER BY n DESC, event\n  +WHERE"
        in told[0]
    )
    # With the path it is what to do: connect() alone would replay what is there, whole or not.
    assert "run the notebook once with snapshot=posthog_nb.Recording(PATH), or" in told[-1]
    told = lines_of(lambda: replay.query(BY_EVENT, 2, BY_EVENT_VALUES).extended(7))
    assert "\n  steps was [" in told[0]
    assert told[0].endswith('], now ["7 more"]')


def test_a_question_like_none_is_told_as_one(replay: Client) -> None:
    with pytest.raises(NotRecordedError, match=r"it holds \d+ answers, none of them like it"):
        replay.query("WITH 17 AS x SELECT x * x")
    with pytest.raises(NotRecordedError, match=r"This look-up \(person\) is not in the snapshot"):
        replay.persons.get(17)


def test_the_same_question_in_other_clothes_is_recorded(replay: Client) -> None:
    """The values are compared as they are sent: an instant is one in any zone, a tuple is a list, numpy's 2 is 2."""
    values = {"since": pd.Timestamp("2026-03-01 06:15", tz="UTC"), "events": tuple(BY_EVENT_VALUES["events"])}
    assert len(replay.query(BY_EVENT, np.int64(2), values, frame="arrow", timeout=1, fresh=True).to_frame()) == 2


@pytest.mark.parametrize(
    "write",
    [
        lambda ph: ph.capture("sent", "ann"),
        lambda ph: ph.page("ann", "Home"),
        lambda ph: ph.identify("ann", {"plan": "pro"}),
        lambda ph: ph.alias("ann", "bob"),
        lambda ph: ph.capture_many([{"event": "sent", "distinct_id": "ann"}]),
        lambda ph: ph.cohort("new", "SELECT distinct_id FROM events"),
    ],
)
def test_nothing_is_sent_by_a_replay(replay: Client, write: Callable[[Client], object]) -> None:
    with pytest.raises(PostHogError) as caught:
        write(replay)
    error = getattr(caught.value, "__cause__", None) or caught.value
    assert isinstance(error, SnapshotError), repr(error)


# -- recording


def test_another_project_is_not_recorded_into_a_snapshot(tmp_path: Path) -> None:
    record(tmp_path / "q1")
    before = (tmp_path / "q1" / "manifest.json").read_bytes()
    for other in (replace(TARGET, seed=2), replace(TARGET, as_of="2026-01-01"), Target(host="eu.posthog.com")):
        with pytest.raises(ConfigurationError, match=r"The snapshot .*q1 is of demo, seed 1.*, and this is .*"):
            record(tmp_path / "q1", asked("SELECT 2"), target=other)
    assert (tmp_path / "q1" / "manifest.json").read_bytes() == before
    assert len(list((tmp_path / "q1" / "answers").iterdir())) == 1
    with pytest.raises(ConfigurationError, match=r"this asks for target eu\.posthog\.com"):
        posthog_nb.connect("eu", snapshot=tmp_path / "q1")


def test_a_replay_of_a_project_with_other_settings_than_are_asked_for_is_refused(tmp_path: Path) -> None:
    record(tmp_path / "q1", target=replace(TARGET, settings={"timezone": "Europe/London"}))
    posthog_nb.connect("demo", timezone="Europe/London", snapshot=tmp_path / "q1").close()
    for name, other in (("timezone", "Asia/Tokyo"), ("week_start", "monday")):
        with pytest.raises(ConfigurationError, match=rf"this asks for {name} {other}\."):
            posthog_nb.connect(snapshot=tmp_path / "q1", **{name: other})


def test_what_is_to_be_recorded_has_to_be_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The demo is what connect() falls back to, and nobody's numbers."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    for name in [name for name in os.environ if name.startswith("POSTHOG_")]:
        monkeypatch.delenv(name)
    record(tmp_path / "q1")
    told = lines_of(lambda: posthog_nb.connect(snapshot=posthog_nb.Recording(tmp_path / "q1")))
    assert told[0] == "ConfigurationError: No PostHog is configured to record the snapshot q1 from."
    assert told[1].startswith('Hint: Name it: connect("eu"')
    told = lines_of(lambda: posthog_nb.connect(snapshot=tmp_path / "q2"))
    assert told[0].startswith("ConfigurationError: There is no snapshot at q2 to replay")


def test_a_complete_result_is_a_thing_of_its_own_while_it_is_recorded(demo: Client, tmp_path: Path) -> None:
    with recording(demo, tmp_path / "q1") as ph:
        found = ph.query("SELECT 1 AS one")
    assert pickle.loads(pickle.dumps(found)).rows == [[1]]  # noqa: S301 - our own


def test_a_client_says_into_what_it_records(demo: Client, tmp_path: Path) -> None:
    with recording(demo, tmp_path / "q1"):
        assert repr(demo).startswith("<Client for demo, recorded into q1")
        assert str(tmp_path) not in repr(demo)
    assert "recorded" not in repr(demo)


@pytest.mark.parametrize(
    ("path", "hint"),
    [
        ("none", "Look at the path: the folder that this runs in is here."),
        ("../none", "Look at the path: the folder that this runs in is here."),
        ("~/none", "Look at the path."),
        ("/none/at/all", "Look at the path."),
    ],
)
def test_a_path_without_a_snapshot_is_told_with_where_it_is_read_from(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: str, hint: str
) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    assert lines_of(lambda: posthog_nb.Snapshot(path))[-1] == f"Hint: {hint}"


def test_where_a_local_project_lies_is_not_recorded(tmp_path: Path) -> None:
    of_local = dataclasses.replace(of_events(), source="local:/home/ann/secret plans")
    record(tmp_path, answer=lambda: of_local, target=Target(host="local"))
    assert replayed(tmp_path).source == "local"
    assert "ann" not in (tmp_path / "manifest.json").read_text()


@pytest.mark.parametrize(
    ("kind", "error"),
    [
        ("query", PermissionDeniedError("The key lacks query:read.", status=403)),
        ("query", QueryTimeoutError("It takes too long.", status=504)),
        ("query", NotFoundError("There is no such project.", status=404)),
        ("schema", NotFoundError("There is no such project.", status=404)),
        ("query", TransportError("Nobody answers.")),
    ],
)
def test_what_may_be_mended_is_not_recorded(tmp_path: Path, kind: str, error: PostHogError) -> None:
    question = asked() if kind == "query" else Asked(kind, {})
    recorder = Recorder(Folder(tmp_path / "q1"), Veil(Privacy()), lambda: TARGET)

    def refuse() -> Answered:
        raise error

    with pytest.raises(type(error)) as caught:
        recorder.answer(question, refuse)
    assert caught.value is error
    assert not (tmp_path / "q1").exists()


def test_what_is_recorded_anew_takes_the_place_of_the_old(tmp_path: Path) -> None:
    record(tmp_path, asked(), asked("SELECT 2"))
    record(tmp_path, answer=lambda: of_events(5))
    assert len(replayed(tmp_path).table) == 5
    assert len(replayed(tmp_path, asked("SELECT 2")).table) == 3
    assert len(list((tmp_path / "answers").iterdir())) == 2
    record(tmp_path, asked("SELECT 2"), answer=lambda: of_events(5))
    assert len(list((tmp_path / "answers").iterdir())) == 1


_RECORDER = """
import sys
from pathlib import Path
from tests.recordings import answered, asked, record
for number in range(20):
    name = f"{sys.argv[2]}-{number}"
    record(Path(sys.argv[1]), asked(f"SELECT '{name}'"), answer=lambda: answered({"name": "String"}, [[name]]))
"""


def test_three_processes_record_into_one_snapshot_at_once(tmp_path: Path) -> None:
    running = [
        subprocess.Popen([sys.executable, "-c", _RECORDER, str(tmp_path / "q1"), str(number)]) for number in range(3)
    ]
    assert [process.wait(120) for process in running] == [0, 0, 0]
    names = [f"{process}-{number}" for process in range(3) for number in range(20)]
    assert [replayed(tmp_path / "q1", asked(f"SELECT '{name}'")).table.rows() for name in names] == [
        [[name]] for name in names
    ]
    assert len(list((tmp_path / "q1" / "answers").iterdir())) == 60
    assert not list(tmp_path.rglob(".unfinished-*"))


def test_threads_record_into_one_snapshot_while_others_replay_it(tmp_path: Path) -> None:
    record(tmp_path)
    stop = threading.Event()

    def ask(thread: int) -> None:
        for number in range(10):
            name = f"{thread}-{number}"
            record(tmp_path, asked(f"SELECT '{name}'"), answer=lambda name=name: answered({"x": "String"}, [[name]]))
            record(tmp_path, answer=lambda number=number: of_events(number + 1))

    def look() -> int:
        count = 0
        while not stop.is_set():
            assert len(replayed(tmp_path).table) in range(1, 11)
            count += 1
        return count

    with ThreadPoolExecutor(6) as pool:
        readers = [pool.submit(look) for _ in range(2)]
        try:
            list(pool.map(ask, range(4)))
        finally:
            stop.set()
        assert min(reader.result() for reader in readers) > 0
    assert len((Folder(tmp_path).read() or pytest.fail("no snapshot")).answers) == 41
