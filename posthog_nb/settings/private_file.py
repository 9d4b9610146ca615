"""A file for its owner's eyes only: read when it is so, written so, whole or not at all.

On Windows a file's mode says nothing of who may read it, so there only links are refused. The file is as private there
as the folder it lies in, the user's own for settings, which other users cannot read unless they are administrators.
"""

from __future__ import annotations

import errno
import os
import stat
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from posthog_nb.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["read_private", "write_private"]

MODES_TELL = os.name == "posix"
_OTHERS = 0o077
_NO_LINK = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
"""A pipe in the file's place is not waited for."""


def read_private(path: Path) -> bytes | None:
    """What the file holds; None when there is none.

    Raises:
        ConfigurationError: it is a link, another user's, open to others, or cannot be read.
    """
    fault: tuple[str, str] | None = None
    data = None
    try:
        if path.is_symlink():
            fault = _LINK
        else:
            # The file that is looked at is the file that is read: by its descriptor, not by its name.
            with open(os.open(path, os.O_RDONLY | _NO_LINK), "rb") as file:  # noqa: PTH123 - only os.open refuses links
                fault = _fault(os.fstat(file.fileno()), path)
                data = file.read() if fault is None else None
    except FileNotFoundError:
        return None
    except OSError as error:
        fault = _LINK if error.errno == errno.ELOOP else (f"cannot be read: {error.strerror}", "Look at it there.")
    if fault is not None:
        raise ConfigurationError(f"{path} {fault[0]}; it is not used.", hint=fault[1])
    return data


def write_private(path: Path, content: Callable[[], bytes]) -> None:
    """Write the file anew, for its owner alone, and put it in place of an older one at once.

    Raises:
        ConfigurationError: it cannot be written there.
    """
    part = None
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor, part = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)  # made anew, with mode 0600
        with open(descriptor, "wb") as file:  # noqa: PTH123 - a descriptor
            file.write(content())
            file.flush()
            os.fsync(file.fileno())
        Path(part).replace(path)
        part = None
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be written: {error.strerror}.", hint="Look at its folder.") from error
    finally:
        if part is not None:
            with suppress(OSError):
                Path(part).unlink()


_LINK = ("is a link, which may lead anywhere", "Put the file itself there.")


def _fault(status: os.stat_result, path: Path) -> tuple[str, str] | None:
    if not stat.S_ISREG(status.st_mode):
        return "is not a file", "Move it away."
    if MODES_TELL and status.st_uid != os.getuid():
        return "belongs to another user", "Move it away, and save your profiles anew."
    if MODES_TELL and status.st_mode & _OTHERS:
        mode = stat.S_IMODE(status.st_mode)
        return f"may be read by others (mode {mode:04o}), and there are keys in it", f"Run: chmod 600 '{path}'"
    return None
