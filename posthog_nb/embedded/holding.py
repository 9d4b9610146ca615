"""Who holds a store on disk, and where its server is: a lock and a 0600 file beside the data."""

from __future__ import annotations

import json
import os
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from typing import IO, TYPE_CHECKING, Self

from posthog_nb.errors import MissingDependencyError, StoreError

try:
    import fcntl
except ImportError as _error:  # pragma: no cover - Windows, where there is no engine either
    raise MissingDependencyError(
        "The embedded project does not run on this system.",
        hint="It needs Linux or macOS; connect to a PostHog on the network instead.",
    ) from _error

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["ServerRecord", "StoreLock", "holder"]

LOCK = "server.lock"
RECORD = "server.json"
_OWNER_ONLY = 0o600


@dataclass(frozen=True)
class ServerRecord:
    """Where a running server is, and what its owner needs to talk to it.

    Attributes:
        url: Its address on loopback.
        pid: Its process.
        project_id: The project's number.
        project_token: What events are sent with.
        personal_api_key: What queries are asked with.
    """

    url: str
    pid: int
    project_id: int
    project_token: str = field(repr=False)
    personal_api_key: str = field(repr=False)

    def write(self, path: Path) -> None:
        """Write the record of the store at ``path``, whole or not at all, for its owner's eyes only."""
        part = path / f"{RECORD}.{os.getpid()}"
        part.unlink(missing_ok=True)
        with open(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _OWNER_ONLY), "w") as file:  # noqa: PTH123
            json.dump(asdict(self), file)
        part.replace(path / RECORD)

    @classmethod
    def read(cls, path: Path) -> Self | None:
        """The record of the store at ``path``; None when there is none.

        Raises:
            StoreError: it is another user's, or cannot be read.
        """
        try:
            with (path / RECORD).open() as file:
                owner = os.fstat(file.fileno()).st_uid
                text = file.read()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise StoreError(f"{path / RECORD} cannot be read: {error.strerror}.", hint=_OTHER_PATH) from error
        if owner != os.getuid():
            # Our key would go to an address that somebody else chose.
            raise StoreError(f"{path / RECORD} belongs to another user.", hint=_OTHER_PATH)
        try:
            found = json.loads(text)
            return cls(
                url=str(found["url"]),
                pid=int(found["pid"]),
                project_id=int(found["project_id"]),
                project_token=str(found["project_token"]),
                personal_api_key=str(found["personal_api_key"]),
            )
        except (ValueError, KeyError, TypeError):
            # Not written by this version. The lock tells whether a server runs, and a new one writes its own.
            return None

    @staticmethod
    def remove(path: Path) -> None:
        """Take the record away."""
        (path / RECORD).unlink(missing_ok=True)


_OTHER_PATH = "Use another folder: local:PATH."


class StoreLock:
    """The right to serve the store at a path, held until :meth:`release` or the end of the process.

    The kernel lets go of it however the process ends, so a lock that is held means a process that lives.
    """

    def __init__(self, file: IO[str]) -> None:
        self._file = file

    @classmethod
    def acquire(cls, path: Path) -> Self | None:
        """Take the lock; None when another process has it.

        Raises:
            StoreError: the folder cannot be made or written.
        """
        file = _open(path)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.close()
            return None
        file.truncate(0)
        file.seek(0)
        file.write(str(os.getpid()))
        file.flush()
        return cls(file)

    def release(self) -> None:
        """Let the next one in."""
        self._file.truncate(0)
        self._file.close()


def holder(path: Path) -> int | None:
    """The process that serves the store at ``path`` (0 when it has not said yet), or None when nobody does."""
    file = _open(path)
    with file:
        try:
            # Shared: many may look at once. A server that tries at this very moment tries again.
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            text = file.read().strip()
            return int(text) if text.isdecimal() else 0
        return None


def _open(path: Path) -> IO[str]:
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        return open(os.open(path / LOCK, os.O_RDWR | os.O_CREAT, _OWNER_ONLY), "r+")  # noqa: PTH123 - only os.open takes the mode
    except OSError as error:
        raise StoreError(f"{path} cannot be used for a store: {error.strerror}.", hint=_OTHER_PATH) from error


@contextmanager
def recorded(path: Path, record: ServerRecord) -> Iterator[None]:
    """Keep ``record`` beside the store for the length of a ``with`` block."""
    record.write(path)
    try:
        yield
    finally:
        with suppress(OSError):
            ServerRecord.remove(path)
