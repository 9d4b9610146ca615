"""What an author says of a recording: where to, and what is to be covered in it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, cast

from posthog_nb.errors import InvalidInputError
from posthog_nb.secret import redact

if TYPE_CHECKING:
    from collections.abc import Iterable

    from posthog_nb.snapshots.folder import Folder
    from posthog_nb.snapshots.privacy import Privacy

__all__ = ["Recording", "folder_at"]


@dataclass(frozen=True)
class Recording:
    """A snapshot to record into: ``connect(..., snapshot=Recording("data/2026-q1", mask=["email"]))``.

    Every answer is added to the snapshot, in the place of an earlier answer to the same question. What is covered is
    covered in the frames of this session too, so that they are the ones that a replay gives.

    Args:
        path: The folder, relative to where the notebook runs. It is made when the first answer comes.
        mask: Properties whose values are masked, wherever they are, such as ``["email", "name"]``.
        drop: Properties that are left out.
        hash_ids: Whether distinct ids and persons' ids become salted hashes. The salt is new for each recording and is
            stored nowhere.

    Raises:
        InvalidInputError: an argument is not what it should be.
    """

    path: str | os.PathLike[str]
    mask: Iterable[str] = ()
    drop: Iterable[str] = ()
    hash_ids: bool = False

    def __post_init__(self) -> None:
        folder_at(self.path)
        chosen = self.privacy  # refuses what cannot be
        object.__setattr__(self, "mask", chosen.mask)
        object.__setattr__(self, "drop", chosen.drop)

    @property
    def folder(self) -> Folder:
        """The folder."""
        return folder_at(self.path)

    @property
    def privacy(self) -> Privacy:
        """What is covered."""
        from posthog_nb.snapshots.privacy import Privacy  # noqa: PLC0415 - for who records

        # Whatever was given is read and checked there.
        mask, drop = cast("tuple[str, ...]", self.mask), cast("tuple[str, ...]", self.drop)
        return Privacy(mask=mask, drop=drop, hash_ids=self.hash_ids)


def folder_at(path: object) -> Folder:
    """The folder of the snapshot at ``path``.

    Raises:
        InvalidInputError: it is no path of a folder.
    """
    if not isinstance(path, str | os.PathLike) or not str(path).strip():
        raise InvalidInputError(f"The path of the snapshot is {path!r}.", hint='Name a folder, such as "data/2026-q1".')
    from posthog_nb.snapshots.folder import Folder  # noqa: PLC0415 - for who has a snapshot

    text = os.fspath(path)
    if not isinstance(text, str) or "\0" in text or redact(text) != text:
        raise InvalidInputError("The path of the snapshot is no path.", hint='Name a folder, such as "data/2026-q1".')
    try:
        folder = Folder(Path(text.strip()))
        is_one = folder.may_be_one
    except (OSError, RuntimeError) as error:  # a name that is too long, or a home that nobody has
        why = str(getattr(error, "strerror", None) or error).rstrip(".")
        raise InvalidInputError(
            f"The path of the snapshot leads nowhere: {why}.",
            hint='Name a folder, such as "data/2026-q1".',
        ) from error
    if not is_one:
        raise InvalidInputError(
            f"The path of the snapshot, {folder.label}, is a file, or a link to where nothing is.",
            hint="A snapshot is a folder: name that.",
        )
    return folder
