"""Snapshots made of invented answers, without a PostHog; and what somebody may do to one."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from posthog_nb.frames import JsonRows, decode
from posthog_nb.snapshots.asked import Answered, Asked, canonical
from posthog_nb.snapshots.folder import Folder
from posthog_nb.snapshots.keeper import Recorder, Replay
from posthog_nb.snapshots.manifest import Target
from posthog_nb.snapshots.privacy import Privacy, Veil

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

__all__ = [
    "QUERY",
    "TARGET",
    "answered",
    "as_somebody",
    "asked",
    "edit",
    "entry",
    "of_events",
    "only_file",
    "put_rows",
    "record",
    "replayed",
]

TARGET = Target(host="demo", seed=1, as_of="2026-03-31T00:00:00+00:00", demo_version=1)
QUERY = "SELECT event, n FROM events"
_NOBODY = 65534


def asked(hogql: str = QUERY, values: Mapping[str, Any] | None = None, limit: int | None = None) -> Asked:
    """A question."""
    return Asked.query(hogql, values or {}, limit)


def answered(columns: Mapping[str, str], rows: list[list[Any]], **facts: Any) -> Answered:
    """An answer of these columns, by name and ClickHouse type."""
    table = decode(list(columns), list(columns.values()), JsonRows([json.dumps(row).encode() for row in rows]))
    return Answered(table, "demo", tuple(columns), tuple(columns.values()), **facts)


def of_events(rows: int = 3) -> Answered:
    """Some rows of :data:`QUERY`."""
    return answered({"event": "String", "n": "UInt64"}, [[f"event {n}", n] for n in range(rows)])


def record(path: Path, *questions: Asked, answer: Callable[[], Answered] = of_events, target: Target = TARGET) -> None:
    """Record ``answer`` to each question."""
    recorder = Recorder(Folder(path), Veil(Privacy()), lambda: target)
    for question in questions or (asked(),):
        recorder.answer(question, answer)


def replayed(path: Path, question: Asked | None = None) -> Answered:
    """What a replay has for a question."""

    def nobody() -> Answered:
        raise AssertionError("a replay asked PostHog")

    return Replay(Folder(path)).answer(question or asked(), nobody)


def edit(path: Path, change: Callable[[dict[str, Any]], object], *, hashes: bool = True) -> None:
    """Change the manifest, with ``hashes`` so that all of them fit again, as whoever wants to deceive would."""
    place = path / "manifest.json"
    manifest = json.loads(place.read_bytes())
    change(manifest)
    if hashes:
        manifest["answers"] = dict(map(_fitting, manifest["answers"].values()))
    place.write_bytes(json.dumps(manifest).encode())


def _fitting(entry: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    entry.pop("check", None)
    detail = dict(entry["asked"])
    if entry["kind"] == "query":
        detail["hogql"] = "\n".join(detail["hogql"])
    key = hashlib.sha256(canonical({**detail, "kind": entry["kind"]})).hexdigest()[:32]
    return key, {**entry, "check": hashlib.sha256(canonical(entry)).hexdigest()}


def entry(manifest: dict[str, Any]) -> dict[str, Any]:
    """The first answer's."""
    first: dict[str, Any] = next(iter(manifest["answers"].values()))
    return first


def only_file(path: Path) -> Path:
    """The Parquet file of a snapshot with one answer."""
    (found,) = (path / "answers").iterdir()
    return found


def put_rows(path: Path, data: bytes, **facts: Any) -> None:
    """Put another file in the place of the only answer's rows, so that all hashes fit."""
    only_file(path).unlink()
    digest = hashlib.sha256(data).hexdigest()
    (path / "answers" / f"{digest}.parquet").write_bytes(data)
    edit(path, lambda manifest: entry(manifest).update(sha256=digest, bytes=len(data), **facts))


@contextmanager
def as_somebody() -> Iterator[Path]:
    """A folder of a user's own, as that user: root may read and write everything."""
    with tempfile.TemporaryDirectory() as folder:
        was = os.geteuid()
        if was == 0:
            os.chown(folder, _NOBODY, -1)
            os.seteuid(_NOBODY)
        try:
            yield Path(folder)
        finally:
            os.seteuid(was)
