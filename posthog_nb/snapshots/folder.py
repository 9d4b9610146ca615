"""A snapshot's folder: ``manifest.json`` and, for each answer, ``answers/<its SHA-256>.parquet``.

An answer is written whole under another name, then put in its place, and last the manifest that names it, each at once.
So whatever ends a recording, the folder holds the old manifest or the new one, and every file that it names. One
process at a time does so; readers need no lock.
"""

from __future__ import annotations

import errno
import hashlib
import os
import re
import stat
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

import msgspec

from posthog_nb.errors import SnapshotError
from posthog_nb.snapshots.manifest import Manifest, damaged, parse, serialised

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from datetime import datetime

    from posthog_nb.snapshots.manifest import Entry

__all__ = ["Folder", "Pruned", "label_of"]

MANIFEST = "manifest.json"
ANSWERS = "answers"
_LOCK = ".lock"
_UNFINISHED = ".unfinished-"
_PATIENCE = 60.0
"""Seconds to wait for another recorder, which needs milliseconds."""
_ABANDONED = 3600.0
"""Seconds after which nobody finishes an unfinished file."""
_LARGEST_MANIFEST = 1 << 25
"""Bytes, which are some twenty thousand answers: as many as are read in seconds."""
_LARGEST_ANSWER = 1 << 32
"""Bytes of one Parquet file."""
_OWN_NAME = re.compile(r"[0-9a-f]{64}\.parquet")
_NO_LINK = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
"""A link in a file's place is not followed, and a pipe not waited for."""


def label_of(path: Path) -> str:
    """What to call a snapshot in front of a reader: where it is on somebody's computer is nobody's business."""
    return path.name if path.is_absolute() else path.as_posix()


class Folder:
    """The files of one snapshot.

    Args:
        path: The folder, which need not be there before something is recorded.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.label = label_of(path)
        # Where it is does not change with the folder that the process works in.
        self._root = path.expanduser().absolute()
        self._known: tuple[tuple[int, int, int], Manifest] | None = None

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Folder) and self._root == other._root

    def __hash__(self) -> int:
        return hash(self._root)

    @property
    def exists(self) -> bool:
        """Whether a snapshot is there, or what calls itself one."""
        return os.path.lexists(self._root / MANIFEST)

    @property
    def may_be_one(self) -> bool:
        """Whether a folder is at the path, or nothing yet."""
        return self._root.is_dir() or not os.path.lexists(self._root)

    # -- reading

    def read(self) -> Manifest | None:
        """The manifest; None where there is none.

        Raises:
            SnapshotError: it is damaged, of another format, or cannot be read.
        """
        place = self._root / MANIFEST
        with self._telling(f"{MANIFEST} cannot be read"):
            try:
                mark = _mark(place)
                if self._known is not None and self._known[0] == mark:
                    return self._known[1]
                data = self._bytes(place, MANIFEST, _LARGEST_MANIFEST)
            except FileNotFoundError:
                return None
        manifest = parse(data, self.label)
        self._known = mark, manifest
        return manifest

    def held(self) -> Manifest:
        """The manifest.

        Raises:
            SnapshotError: there is none, or it is damaged, of another format, or cannot be read.
        """
        manifest = self.read()
        if manifest is None:
            raise self._missing()
        return manifest

    def rows_of(self, entry: Entry) -> bytes:
        """The Parquet file of an answer.

        Raises:
            SnapshotError: it is missing, or not what was recorded.
        """
        name = f"{ANSWERS}/{entry.sha256}.parquet"
        with self._telling(f"{name} cannot be read"):
            self._refuse_link(self._root / ANSWERS, ANSWERS)
            try:
                data = self._bytes(self._root / name, name, min(entry.bytes, _LARGEST_ANSWER))
            except FileNotFoundError as error:
                raise damaged(self.label, f"{name} is missing") from error
        if len(data) != entry.bytes or hashlib.sha256(data).hexdigest() != entry.sha256:
            raise damaged(self.label, f"{name} is not what was recorded: its hash is another")
        return data

    def _bytes(self, path: Path, shown: str, most: int) -> bytes:
        """What a file holds, as long as it is a file of at most ``most`` bytes and no link."""
        try:
            with open(path, "rb", opener=_opened) as file:
                found = os.fstat(file.fileno())
                if not stat.S_ISREG(found.st_mode):
                    raise damaged(self.label, f"{shown} is not a file")
                if found.st_size > most:
                    raise damaged(self.label, f"{shown} is larger than it was recorded, or than {most:,} bytes")
                return file.read(most + 1)
        except IsADirectoryError as error:
            raise damaged(self.label, f"{shown} is not a file") from error
        except OSError as error:
            if error.errno == errno.ELOOP:
                raise damaged(self.label, f"{shown} is a link") from error
            raise

    def _refuse_link(self, path: Path, shown: str) -> None:
        if path.is_symlink():
            raise damaged(self.label, f"{shown} is a link")

    # -- writing

    def put(self, entry: Entry, data: bytes | None, change: Callable[[Manifest | None], Manifest]) -> None:
        """Add an answer.

        Args:
            entry: The answer's.
            data: Its Parquet file; None for one without rows.
            change: Gives the manifest that names it, from the one that is there.

        Raises:
            SnapshotError: it cannot be written, or the manifest that is there is not of this recording.
        """
        answers = self._root / ANSWERS
        if data is not None and len(data) > _LARGEST_ANSWER:
            raise self._too_large(f"the answer's rows are {len(data):,} bytes as Parquet, above {_LARGEST_ANSWER:,}")
        with self._telling("it cannot be written"):
            answers.mkdir(parents=True, exist_ok=True)
            self._refuse_link(answers, ANSWERS)
            unfinished = None if data is None else self._write(answers, data)
            try:
                with self._alone():
                    before = self.read()
                    after = change(before)
                    if unfinished is not None:
                        unfinished.replace(answers / f"{entry.sha256}.parquet")
                    self._replace(after)
                    for digest in _named(before) - _named(after):
                        (answers / f"{digest}.parquet").unlink(missing_ok=True)
            finally:
                if unfinished is not None:
                    unfinished.unlink(missing_ok=True)

    def prune(self, before: datetime | None) -> Pruned:
        """Remove the files that no answer has, and with ``before`` the answers that are older.

        Raises:
            SnapshotError: there is no snapshot, or it cannot be read or written.
        """
        if not self.exists:
            raise self._missing()
        with self._telling("it cannot be pruned"), self._alone():
            self._refuse_link(self._root / ANSWERS, ANSWERS)
            manifest = self.held()
            kept = {key: one for key, one in manifest.answers.items() if before is None or one.recorded_at >= before}
            if len(kept) < len(manifest.answers):
                self._replace(msgspec.structs.replace(manifest, answers=kept))
            sizes = {path: path.lstat().st_size for path in self._unnamed(kept)}
            for path in sizes:
                path.unlink()
        return Pruned(len(manifest.answers) - len(kept), len(sizes), sum(sizes.values()))

    def _missing(self) -> SnapshotError:
        here = Path.cwd()
        is_here = not self.path.is_absolute() and self._root == here / self.path
        return SnapshotError(
            f"There is no snapshot at {self.label}.",
            hint="Look at the path"
            + (f": the folder that this runs in is {here.name}." if is_here and here.name else "."),
        )

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Nobody else changes the snapshot meanwhile. The lock goes with the process that has it."""
        from filelock import FileLock, Timeout  # noqa: PLC0415 - for who records

        try:
            with FileLock(self._root / _LOCK, timeout=_PATIENCE):
                yield
        except Timeout as error:
            raise SnapshotError(
                f"The snapshot {self.label} cannot be changed: another process has held it for {_PATIENCE:.0f} s.",
                hint="Is a notebook that records into it stopped in a debugger?",
            ) from error

    @contextmanager
    def _telling(self, what: str) -> Iterator[None]:
        """What the disk refuses is told as a snapshot's error."""
        try:
            yield
        except SnapshotError:
            raise
        except OSError as error:
            raise SnapshotError(
                f"The snapshot {self.label}: {what}: {error.strerror or type(error).__name__}.",
                hint="Look at the folder's owner and at the free space.",
            ) from error

    def _replace(self, manifest: Manifest) -> None:
        data = serialised(manifest)
        if len(data) > _LARGEST_MANIFEST:
            # It could not be read again.
            raise self._too_large(f"its {MANIFEST} would be {len(data):,} bytes, above {_LARGEST_MANIFEST:,}")
        unfinished = self._write(self._root, data)
        try:
            mark = _mark(unfinished)
            unfinished.replace(self._root / MANIFEST)
            self._known = mark, manifest
        finally:
            unfinished.unlink(missing_ok=True)

    def _write(self, folder: Path, data: bytes) -> Path:
        path = folder / f"{_UNFINISHED}{uuid4().hex}"
        try:
            with path.open("xb") as file:
                file.write(data)
                file.flush()
                # A name that is on the disk before its content would survive a power cut as an empty file.
                os.fsync(file.fileno())
        except BaseException:
            # Half of it would fill what is left of a full disk.
            path.unlink(missing_ok=True)
            raise
        return path

    def _unnamed(self, kept: Mapping[str, Entry]) -> Iterator[Path]:
        """The files that are of no answer, but for those that another process may still be writing."""
        names = {f"{entry.sha256}.parquet" for entry in kept.values()}
        answers = self._root / ANSWERS
        # A copy of a snapshot, such as Git's, has no folder in which nothing is.
        for path in [*(answers.iterdir() if answers.is_dir() else ()), *self._root.iterdir()]:
            if path.name.startswith(_UNFINISHED):
                if time.time() - path.lstat().st_mtime > _ABANDONED:
                    yield path
            elif _OWN_NAME.fullmatch(path.name) and path.parent.name == ANSWERS and path.name not in names:
                yield path

    def _too_large(self, what: str) -> SnapshotError:
        return SnapshotError(
            f"The snapshot {self.label} cannot be written: {what}.",
            hint="Ask for fewer rows, prune what is old, or record into another folder.",
        )


@dataclass(frozen=True)
class Pruned:
    """What was removed.

    Attributes:
        answers: How many answers.
        files: How many files.
        size: The files' bytes.
    """

    answers: int
    files: int
    size: int


def _opened(path: str, flags: int) -> int:
    return os.open(path, flags | _NO_LINK)


def _named(manifest: Manifest | None) -> set[str]:
    return set() if manifest is None else {one.sha256 for one in manifest.answers.values() if one.sha256 is not None}


def _mark(path: Path) -> tuple[int, int, int]:
    """What tells one manifest from the next: each is a file of its own, put in the place of the one before."""
    found = path.lstat()
    return found.st_ino, found.st_mtime_ns, found.st_size
