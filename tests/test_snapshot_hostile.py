"""A snapshot from a stranger: it is replayed as it was recorded or refused, and nothing in it is obeyed."""

from __future__ import annotations

import io
import json
import os
import pickle
import shutil
import struct
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import posthog_nb
from posthog_nb.errors import NotRecordedError, PostHogError, SnapshotError
from posthog_nb.notebook.display import footer
from posthog_nb.snapshots import folder as folder_module
from posthog_nb.snapshots import parquet as parquet_module
from posthog_nb.snapshots.asked import Asked
from posthog_nb.snapshots.folder import Folder
from tests.recordings import (
    answered,
    as_somebody,
    asked,
    edit,
    entry,
    of_events,
    only_file,
    put_rows,
    record,
    replayed,
)

if TYPE_CHECKING:
    from collections.abc import Callable

STEERING = "\x1b]0;owned\x07\x1b[2J\u202e\x00<script>alert(1)</script>"


@pytest.fixture
def snapshot(tmp_path: Path) -> Path:
    record(tmp_path / "q1")
    return tmp_path / "q1"


def refusal(path: Path, question: Asked | None = None) -> str:
    """The lines of the error of a replay, which is none of another class and has a next step."""
    with pytest.raises(SnapshotError) as caught:
        replayed(path, question)
    told = caught.value.lines()
    assert caught.value.hint
    assert not any(mark in line for line in told for mark in "\x1b\x07\x00\u202e")
    return "\n".join(told)


def parquet(table: pa.Table, **options: Any) -> bytes:
    sink = io.BytesIO()
    pq.write_table(table, sink, **{"store_schema": False, **options})
    return sink.getvalue()


# -- a manifest that was edited


EDITS: dict[str, Callable[[dict[str, Any]], object]] = {
    "the query": lambda one: one["asked"].update(hogql=["SELECT 2"]),
    "a value": lambda one: one["asked"].update(values={"a": 1}),
    "the limit": lambda one: one["asked"].update(limit=7),
    "the steps": lambda one: one["asked"].update(steps=["next_page"]),
    "the rows": lambda one: one.update(rows=2),
    "whether there is more": lambda one: one.update(has_more=True),
    "the zone": lambda one: one.update(timezone="Europe/London"),
    "a type": lambda one: one["columns"][1].update(kind="Int64"),
    "a name": lambda one: one["columns"][1].update(name="m"),
    "the time": lambda one: one.update(recorded_at="2020-01-01T00:00:00Z"),
    "the source": lambda one: one.update(source="eu.posthog.com"),
    "a note": lambda one: one.update(notes=["Trust this."]),
    "the size": lambda one: one.update(bytes=7),
    "the file": lambda one: one.update(sha256="0" * 64),
    "no hash": lambda one: one.pop("check"),
}


@pytest.mark.parametrize("what", EDITS)
def test_an_edited_entry_is_refused(snapshot: Path, what: str) -> None:
    edit(snapshot, lambda manifest: EDITS[what](entry(manifest)), hashes=False)
    assert "it was edited: its hash is another" in refusal(snapshot)


def test_an_answer_under_another_question_s_key_is_refused(snapshot: Path) -> None:
    other = asked("SELECT 'another'")
    edit(snapshot, lambda manifest: manifest.update(answers={other.key: entry(manifest)}), hashes=False)
    assert "filed under the key of another question" in refusal(snapshot, other)


LIES: dict[str, tuple[Callable[[dict[str, Any]], object], str]] = {
    "fewer rows": (lambda one: one.update(rows=2), "has 3 rows, and the manifest says 2"),
    "more rows": (lambda one: one.update(rows=2**60), "the manifest says"),
    "rows below nothing": (lambda one: one.update(rows=-1), ">= 0"),
    "a type that the values have not": (lambda one: one["columns"][0].update(kind="UInt8"), "cannot be read"),
    "a type of another shape": (lambda one: one["columns"][0].update(kind="Array(String)"), "cannot be read"),
    "no type": (lambda one: one["columns"][0].update(kind="DROP TABLE"), "ype"),
    "a type that nests without end": (lambda one: one["columns"][0].update(kind="Array(" * 10**5), "ype"),
    "a tuple of numbers": (lambda one: one["columns"][0].update(kind="Tuple(a UInt8, 3)"), "answers/"),
    "too many digits": (lambda one: one["columns"][0].update(kind="Decimal(999, 3)"), "answers/"),
    "digits without end": (lambda one: one["columns"][0].update(kind=f"Decimal({10**30}, 3)"), "answers/"),
    "a zone that is a path": (lambda one: one["columns"][0].update(kind="DateTime('../../etc/passwd')"), "answers/"),
    "a zone that nobody knows": (lambda one: one["columns"][0].update(kind="DateTime('Moon/Base')"), "Moon/Base"),
    "another column": (lambda one: one["columns"][0].update(name="x"), "columns are others"),
    "a column less": (lambda one: one["columns"].pop(), "columns are others"),
    "columns of one name": (lambda one: one["columns"][1].update(name="event"), "columns are others"),
    "a size without end": (lambda one: one.update(bytes=2**63), "hash is another"),
    "a path for a hash": (lambda one: one.update(sha256="../../etc/passwd"), "manifest.json"),
    "an absolute path": (lambda one: one.update(sha256="/etc/passwd"), "manifest.json"),
    "a hash with a zero byte": (lambda one: one.update(sha256="a" * 63 + "\0"), "manifest.json"),
    "a hash in capitals": (lambda one: one.update(sha256=one["sha256"].upper()), "manifest.json"),
    "a hash and a line": (lambda one: one.update(sha256=one["sha256"] + "\n"), "manifest.json"),
    "a hash of other digits": (lambda one: one.update(sha256="\u0660" * 64), "manifest.json"),
    "a time without a zone": (lambda one: one.update(recorded_at="2026-01-01T00:00:00"), "manifest.json"),
    "no rows and no refusal": (lambda one: one.pop("sha256"), "neither rows nor a refusal"),
    "a field that nobody knows": (lambda one: one.update(run="import os"), "unknown field"),
    "a refusal of an unknown class": (lambda one: one.update(refused={"error": "SystemExit"}), "manifest.json"),
    "a query that is no text": (lambda one: one["asked"].update(hogql=[]), "not in the snapshot"),
    "values of great depth": (
        lambda one: one["asked"].update(values={"a": json.loads("[" * 300 + "]" * 300)}),
        "nest deeper",
    ),
}


@pytest.mark.parametrize("what", LIES)
def test_a_lie_with_fitting_hashes_is_refused(snapshot: Path, what: str) -> None:
    change, told = LIES[what]
    edit(snapshot, lambda manifest: change(entry(manifest)))
    assert told in refusal(snapshot)


MANIFESTS: dict[str, tuple[bytes, str]] = {
    "nothing": (b"", "manifest.json"),
    "no JSON": (b"not a manifest", "manifest.json"),
    "a list": (b"[]", "manifest.json"),
    "a mark of the byte order": (b'\xef\xbb\xbf{"format": "posthog_nb snapshot"}', "manifest.json"),
    "bytes that are no text": (b'{"format": "\xff\xfe"}', "manifest.json"),
    "half a surrogate pair": (b'{"format": "\\ud800"}', "manifest.json"),
    "another format": (b'{"format": "a picture", "version": 1}', "holds no snapshot"),
    "a format without end": (b'{"format": "%b"}' % (b"x" * 10**6), "holds no snapshot"),
    "a format that steers": (b'{"format": "\\u001b[2J", "version": 1}', "holds no snapshot"),
    "no version": (b'{"format": "posthog_nb snapshot"}', "knows format 1"),
    "a later version": (b'{"format": "posthog_nb snapshot", "version": 2, "new": 1}', "Upgrade posthog_nb."),
    "a version below nothing": (
        b'{"format": "posthog_nb snapshot", "version": -1}',
        "Remove the folder and record it again.",
    ),
    "a version of text": (b'{"format": "posthog_nb snapshot", "version": "1"}', "knows format 1"),
    "a version that is true": (b'{"format": "posthog_nb snapshot", "version": true}', "manifest.json"),
    "a version of 5,000 digits": (b'{"format": "posthog_nb snapshot", "version": %b}' % (b"9" * 5_000), "manifest"),
    "not a number": (b'{"format": "posthog_nb snapshot", "version": NaN}', "manifest.json"),
    "no answers": (b'{"format": "posthog_nb snapshot", "version": 1}', "manifest.json"),
    "great depth": (b'{"format": ' + b"[" * 10**6, "manifest.json"),
}


@pytest.mark.parametrize("what", MANIFESTS)
def test_what_is_no_manifest_of_this_version_is_refused(snapshot: Path, what: str) -> None:
    data, told = MANIFESTS[what]
    (snapshot / "manifest.json").write_bytes(data)
    shown = refusal(snapshot)
    assert told in shown
    assert len(shown) < 1_000
    with pytest.raises(SnapshotError):
        posthog_nb.connect(snapshot=snapshot)


def test_a_manifest_that_git_could_not_merge_is_refused_and_the_hint_mends_it(snapshot: Path) -> None:
    place = snapshot / "manifest.json"
    place.write_bytes(b"<<<<<<< HEAD\n" + place.read_bytes())
    with pytest.raises(SnapshotError) as refused:
        replayed(snapshot)
    assert refused.value.hint is not None
    assert refused.value.hint.endswith("or remove the folder and record it again.")
    with pytest.raises(SnapshotError):
        record(snapshot)
    shutil.rmtree(snapshot)
    record(snapshot)
    assert len(replayed(snapshot).table) == 3


def test_an_entry_and_its_rows_may_be_taken_from_another_branch(snapshot: Path, tmp_path: Path) -> None:
    record(tmp_path / "theirs", asked("SELECT 2"), answer=lambda: of_events(5))
    theirs = json.loads((tmp_path / "theirs" / "manifest.json").read_bytes())["answers"]
    edit(snapshot, lambda manifest: manifest["answers"].update(theirs), hashes=False)
    shutil.copytree(tmp_path / "theirs" / "answers", snapshot / "answers", dirs_exist_ok=True)
    assert len(replayed(snapshot).table) == 3
    assert len(replayed(snapshot, asked("SELECT 2")).table) == 5


def test_a_key_that_comes_twice_counts_once(snapshot: Path) -> None:
    place = snapshot / "manifest.json"
    place.write_bytes(place.read_bytes().replace(b'"rows": 3', b'"rows": 2,\n"rows": 3'))
    assert len(replayed(snapshot).table) == 3
    place.write_bytes(place.read_bytes().replace(b'"rows": 3', b'"rows": 3,\n"rows": 2'))
    assert "it was edited" in refusal(snapshot)


def test_a_manifest_that_is_too_large_is_not_read(snapshot: Path) -> None:
    with (snapshot / "manifest.json").open("r+b") as file:
        file.truncate(300_000_000)
    assert "larger" in refusal(snapshot)


def test_nothing_is_recorded_that_could_not_be_read_again(snapshot: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folder_module, "_LARGEST_MANIFEST", 2_000)
    with pytest.raises(SnapshotError, match=r"manifest.json would be .* bytes, above 2,000") as caught:
        record(snapshot, *(asked(limit=number) for number in range(1, 9)))
    assert "prune" in str(caught.value.hint)
    assert len(replayed(snapshot).table) == 3
    monkeypatch.setattr(folder_module, "_LARGEST_ANSWER", 100)
    with pytest.raises(SnapshotError, match="as Parquet, above 100"):
        record(snapshot, asked("SELECT 2"))


# -- what lies at a name


def in_place(path: Path, kind: str) -> None:
    """Put something else where a file is."""
    if kind == "link":
        there = path.with_name("moved")
        path.rename(there)
        path.symlink_to(there)
        return
    path.unlink()
    if kind == "folder":
        path.mkdir()
    elif kind == "pipe":
        os.mkfifo(path)
    elif kind == "device":
        path.symlink_to("/dev/zero")
    elif kind == "empty file":
        path.touch()
    elif kind == "broken link":
        path.symlink_to("nowhere")


THINGS = ("nothing", "link", "broken link", "folder", "pipe", "device", "empty file")


@pytest.mark.parametrize("kind", THINGS)
def test_only_a_file_is_an_answer(snapshot: Path, kind: str) -> None:
    in_place(only_file(snapshot), kind)
    assert "is damaged" in refusal(snapshot)


@pytest.mark.parametrize("kind", THINGS)
def test_only_a_file_is_a_manifest(snapshot: Path, kind: str) -> None:
    in_place(snapshot / "manifest.json", kind)
    assert ("There is no snapshot" if kind == "nothing" else "is damaged") in refusal(snapshot)


def test_a_folder_of_answers_that_is_a_link_is_neither_read_nor_written_nor_pruned(snapshot: Path) -> None:
    elsewhere = snapshot.with_name("elsewhere")
    (snapshot / "answers").rename(elsewhere)
    (snapshot / "answers").symlink_to(elsewhere)
    theirs = elsewhere / f"{'0' * 64}.parquet"
    theirs.touch()
    assert "answers is a link" in refusal(snapshot)
    with pytest.raises(SnapshotError, match="is a link"):
        record(snapshot, asked("SELECT 2"))
    with pytest.raises(SnapshotError, match="is a link"):
        Folder(snapshot).prune(None)
    assert theirs.exists()
    assert len(list(elsewhere.iterdir())) == 2


def test_a_lock_that_is_a_link_is_not_followed(snapshot: Path) -> None:
    theirs = snapshot.with_name("theirs")
    theirs.write_text("precious")
    (snapshot / ".lock").unlink(missing_ok=True)
    (snapshot / ".lock").symlink_to(theirs)
    with pytest.raises(SnapshotError, match="cannot be written"):
        record(snapshot, asked("SELECT 2"))
    assert theirs.read_text() == "precious"


@pytest.mark.parametrize("which", ["manifest.json", "answers", "answers/*", "."])
def test_what_may_not_be_read_is_told(which: str) -> None:
    with as_somebody() as folder:
        record(folder / "q1")
        (place,) = folder.glob(f"q1/{which}") if "*" in which else [folder / "q1" / which]
        place.chmod(0)
        try:
            assert "cannot be read: Permission denied" in refusal(folder / "q1")
        finally:
            place.chmod(0o700)
        assert len(replayed(folder / "q1").table) == 3


def test_a_file_that_ends_early_is_refused(snapshot: Path) -> None:
    data = only_file(snapshot).read_bytes()
    for length in (0, 1, 4, len(data) // 2, len(data) - 1):
        only_file(snapshot).write_bytes(data[:length])
        assert "hash is another" in refusal(snapshot)
    only_file(snapshot).write_bytes(data + b"\0")
    assert "larger" in refusal(snapshot)


# -- Parquet that is none, or another


class Payload:
    """What runs when a pickle is read."""

    def __init__(self, proof: Path) -> None:
        self.proof = proof

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.proof,)


def test_a_pickle_in_the_place_of_parquet_is_not_run(snapshot: Path) -> None:
    proof = snapshot / "proof"
    data = pickle.dumps(Payload(proof))
    only_file(snapshot).write_bytes(data)
    refusal(snapshot)
    shutil.rmtree(snapshot)
    record(snapshot)
    put_rows(snapshot, data)
    assert "cannot be read as Parquet" in refusal(snapshot)
    (snapshot / "manifest.json").write_bytes(data)
    assert "is damaged" in refusal(snapshot)
    assert not proof.exists()
    pickle.loads(data)  # noqa: S301 - it would have run
    assert proof.exists()


class Named(pa.ExtensionType):
    """A type with code of its own."""

    proof: Path

    def __init__(self) -> None:
        super().__init__(pa.string(), "tests.named")

    def __arrow_ext_serialize__(self) -> bytes:
        return b""

    @classmethod
    def __arrow_ext_deserialize__(cls, storage: object, serialized: bytes) -> Named:
        cls.proof.touch()
        return cls()


def test_a_type_with_code_of_its_own_is_not_made(snapshot: Path) -> None:
    Named.proof = snapshot / "proof"
    texts = pa.ExtensionArray.from_storage(Named(), pa.array(["a", "b", "c"]))
    data = parquet(pa.table({"event": texts, "n": NUMBERS}), store_schema=True)
    Named.proof.unlink(missing_ok=True)
    pa.register_extension_type(Named())
    try:
        put_rows(snapshot, data)
        assert "an Arrow schema of its own" in refusal(snapshot)
        assert not Named.proof.exists()
        pq.read_table(io.BytesIO(data))  # it would have been
        assert Named.proof.exists()
    finally:
        pa.unregister_extension_type("tests.named")


def refusal_or_rows(path: Path) -> list[list[Any]] | None:
    try:
        table = replayed(path).table
    except SnapshotError:
        return None
    assert [str(kind) for kind in table.kinds] == ["String", "UInt64"]
    assert [str(column.type) for column in table.arrow.columns] == ["string", "uint64"]
    return table.rows()


NUMBERS = pa.array([1, 2, 3], pa.uint64())
TABLES: dict[str, pa.Table] = {
    "a dictionary": pa.table({"event": pa.array(["a", "b", "a"]).dictionary_encode(), "n": NUMBERS}),
    "large texts": pa.table({"event": pa.array(["a", "b", "c"], pa.large_string()), "n": NUMBERS}),
    "bytes that are no text": pa.table({"event": pa.array([b"\xff", b"\xfe", b"a"]), "n": NUMBERS}),
    "numbers below nothing": pa.table({"event": ["a", "b", "c"], "n": [-1, 2, 3]}),
    "lists": pa.table({"event": [["a"], ["b"], []], "n": NUMBERS}),
    "spans of time": pa.table({"event": ["a", "b", "c"], "n": pa.array([1, 2, 3], pa.duration("s"))}),
    "pandas' metadata": pa.table({"event": ["a", "b", "c"], "n": NUMBERS}).replace_schema_metadata({
        "pandas": json.dumps({"index_columns": ["n"], "columns": [], "creator": {"library": "os.system"}}),
        "clickhouse_type": "x",
    }),
    "columns of one name": pa.Table.from_arrays([NUMBERS, NUMBERS], names=["event", "event"]),
}  # fmt: skip


@pytest.mark.parametrize("what", TABLES)
def test_a_table_of_other_types_is_of_the_promised_ones_or_refused(snapshot: Path, what: str) -> None:
    put_rows(snapshot, parquet(TABLES[what]))
    rows = refusal_or_rows(snapshot)
    assert rows is None or len(rows) == 3


@pytest.mark.parametrize("what", TABLES)
def test_a_table_that_says_its_types_itself_is_refused(snapshot: Path, what: str) -> None:
    put_rows(snapshot, parquet(TABLES[what], store_schema=True))
    assert "an Arrow schema of its own" in refusal(snapshot)


FOOTERS: dict[str, bytes] = {
    "an encrypted footer": b"PARE" + b"\0" * 40 + struct.pack("<I", 20) + b"PARE",
    "a footer longer than the file": b"PAR1" + b"\0" * 8 + struct.pack("<I", 2**31) + b"PAR1",
    "lists without end": b"PAR1" + b"\x15\x02\x19\xfc\xff\xff\xff\xff\x07" + struct.pack("<I", 9) + b"PAR1",
    "no footer": b"PAR1" + struct.pack("<I", 0) + b"PAR1",
}


@pytest.mark.parametrize("what", FOOTERS)
def test_a_footer_that_is_none_is_refused(snapshot: Path, what: str) -> None:
    put_rows(snapshot, FOOTERS[what])
    assert "cannot be read as Parquet" in refusal(snapshot)


def test_columns_that_nest_without_end_are_refused(snapshot: Path) -> None:
    put_rows(snapshot, nested_footer(1000))
    assert "answers/" in refusal(snapshot)


def nested_footer(depth: int) -> bytes:
    """The Parquet file of one column of groups within groups, written by hand: writers refuse it."""

    def number(value: int) -> bytes:
        value, found = value << 1, b""
        while value > 127:
            found, value = found + bytes([value & 127 | 128]), value >> 7
        return found + bytes([value])

    group = b"\x35" + number(1) + b"\x18\x01a\x15" + number(1) + b"\0"
    leaf = b"\x15" + number(1) + b"\x25" + number(1) + b"\x18\x01b\0"
    count = depth + 2
    size = bytes([count & 127 | 128, count >> 7])
    found = b"\x15" + number(1) + b"\x19\xfc" + size + group * (depth + 1) + leaf + b"\x16" + number(0) + b"\x19\x0c\0"
    return b"PAR1" + found + struct.pack("<I", len(found)) + b"PAR1"


def test_a_file_that_unpacks_to_more_than_is_allowed_is_refused_before_it_is_read(
    snapshot: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = pa.table({"event": ["a" * 1_000_000] * 3, "n": NUMBERS})
    data = parquet(table, compression="zstd", use_dictionary=False)
    assert len(data) < 10_000
    put_rows(snapshot, data)
    monkeypatch.setattr(parquet_module, "_LARGEST", 1_000_000)
    monkeypatch.setattr(pq.ParquetFile, "read", None)
    assert "bytes when they are unpacked, above 1,000,000" in refusal(snapshot)


# -- texts


def test_texts_of_a_stranger_steer_neither_a_terminal_nor_a_page(tmp_path: Path) -> None:
    table = answered({STEERING: "String"}, [[STEERING]], notes=(STEERING,), timezone=STEERING, last_refresh=STEERING)
    record(tmp_path / "q1", asked(f"SELECT 1 -- {STEERING}"), answer=lambda: table)
    edit(
        tmp_path / "q1",
        lambda manifest: entry(manifest).update(source=STEERING, remarks=[STEERING], query_id=STEERING, is_cached=True),
    )
    with posthog_nb.connect(snapshot=tmp_path / "q1") as ph:
        result = ph.query(f"SELECT 1 -- {STEERING}")
        said = footer(result, first=0, name=None, silenced=False)
        assert_harmless(repr(ph), repr(result), said.html(), said.plain())
        assert "<script>" not in said.html()
        with pytest.raises(NotRecordedError) as caught:
            ph.query("SELECT 1 -- ")
        assert_harmless(*caught.value.lines())


def assert_harmless(*shown: str) -> None:
    for text in shown:
        assert not any(mark in text for mark in "\x1b\x07\x00\u202e"), text


def test_a_target_s_name_is_one_line_of_plain_text(snapshot: Path) -> None:
    edit(snapshot, lambda manifest: manifest["target"].update(host=STEERING))
    assert "target.host" in refusal(snapshot)


def test_a_refusal_of_a_stranger_is_shown_within_bounds(snapshot: Path) -> None:
    refused = {
        "error": "QueryError", "message": STEERING, "status": 2**62, "hint": STEERING, "code": STEERING,
        "query_id": STEERING, "text": STEERING * 9, "span": [-5, 2**62],
    }  # fmt: skip

    def change(manifest: dict[str, Any]) -> None:
        one = entry(manifest)
        manifest["answers"] = {
            "": {name: one[name] for name in ("kind", "asked", "recorded_at")} | {"refused": refused}
        }

    edit(snapshot, change)
    with pytest.raises(PostHogError) as caught:
        replayed(snapshot)
    lines = caught.value.lines()
    assert_harmless(*lines)
    assert max(map(len, lines)) < 5_000


def test_the_nearest_of_many_long_queries_is_found_soon(tmp_path: Path) -> None:
    """Comparing two texts takes the square of their length."""
    record(tmp_path / "q1")

    def change(manifest: dict[str, Any]) -> None:
        one = entry(manifest)
        manifest["answers"] = {
            str(number): {**one, "asked": {**one["asked"], "hogql": ["a " * 2_000 + str(number)] + [""] * 20_000}}
            for number in range(100)
        }

    edit(tmp_path / "q1", change)
    assert "not in the snapshot" in refusal(tmp_path / "q1", asked("a " * 2_001 + "\n" * 20_000))


# -- look-ups, whose answers are JSON


PERSON = Asked("person", {"id": 17})


@pytest.mark.parametrize("text", ["", "[", "null", "[]", "{}", "[" * 100_000, "9" * 5_000])
def test_a_look_up_that_is_not_what_was_looked_up_is_refused(tmp_path: Path, text: str) -> None:
    record(tmp_path / "q1", PERSON, answer=lambda: answered({"json": "String"}, [[text]]))
    with posthog_nb.connect(snapshot=tmp_path / "q1") as ph, pytest.raises(PostHogError):
        ph.persons.get(17)


@pytest.mark.parametrize(
    "table", [answered({"json": "String"}, []), answered({"x": "String"}, [["{}"]]), answered({"json": "UInt8"}, [[1]])]
)
def test_a_look_up_of_another_shape_is_refused(tmp_path: Path, table: Any) -> None:
    record(tmp_path / "q1", PERSON, answer=lambda: table)
    with posthog_nb.connect(snapshot=tmp_path / "q1") as ph, pytest.raises(PostHogError):
        ph.persons.get(17)


# -- bytes


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=80)
@given(data=st.data())
def test_with_other_bytes_anywhere_it_is_what_was_recorded_or_refused(
    data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("snapshots") / "q1"
    record(path, asked(), asked("SELECT 2"))
    place = data.draw(st.sampled_from([path / "manifest.json", only_file(path)]))
    found = bytearray(place.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        found[data.draw(st.integers(0, len(found) - 1))] = data.draw(st.integers(0, 255))
    place.write_bytes(found)
    with suppress(SnapshotError):
        assert replayed(path).table.arrow.equals(of_events().table.arrow, check_metadata=True)
    shutil.rmtree(path)


_FLIP = """
import random, sys
from tests.recordings import of_events
from posthog_nb.snapshots.parquet import read_rows, written
answer = of_events(50)
data, draw = written(answer.table), random.Random(int(sys.argv[1]))
for _ in range(int(sys.argv[2])):
    other = bytearray(data)
    for _ in range(draw.randint(1, 4)):
        other[draw.randrange(len(other))] = draw.randrange(256)
    try:
        table = read_rows(bytes(other), 50, ["String", "UInt64"], ["event", "n"], ())
    except ValueError:
        continue
    assert len(table) == 50 and [str(one.type) for one in table.arrow.columns] == ["string", "uint64"]
    table.arrow.validate(full=False)
"""


@pytest.mark.parametrize("flips", [pytest.param(2_000), pytest.param(200_000, marks=pytest.mark.fuzz)])
def test_parquet_with_other_bytes_and_fitting_hashes_is_a_table_of_the_types_or_refused(flips: int) -> None:
    """In a process of its own, which a fault of the reader of Parquet could end."""
    ran = subprocess.run(
        [sys.executable, "-c", _FLIP, "7", str(flips)], capture_output=True, text=True, check=False, timeout=500
    )
    assert (ran.returncode, ran.stderr) == (0, "")
