"""The manifest of a snapshot: one JSON file that a person can read, and that nobody has to trust.

It names no file. An answer's rows lie in a file called after their content, so that what is read is what was recorded
or is refused. Each answer's entry is filed under what was asked, and its own hash tells whether it was edited.
"""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec

from posthog_nb.errors import SnapshotError
from posthog_nb.snapshots.asked import QUERY, Answered, Asked, canonical, redacted

__all__ = [
    "FORMAT",
    "VERSION",
    "Column",
    "Entry",
    "Manifest",
    "RefusalName",
    "Refused",
    "Target",
    "damaged",
    "entry_of",
    "parse",
    "refusal_of",
    "serialised",
]

FORMAT = "posthog_nb snapshot"
VERSION = 1
"""Raised whenever an older posthog_nb would misread what a newer one writes."""

_Sha256 = Annotated[str, msgspec.Meta(pattern=r"\A[0-9a-f]{64}\Z")]
_Key = Annotated[str, msgspec.Meta(pattern=r"\A[0-9a-f]{32}\Z")]
RefusalName = Literal["QueryError", "NotFoundError"]
_Count = Annotated[int, msgspec.Meta(ge=0)]
_Moment = Annotated[datetime, msgspec.Meta(tz=True)]
_Line = Annotated[str, msgspec.Meta(pattern=r"\A[^\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]*\Z", max_length=300)]
"""Text of our own that is shown as it stands."""
_DEEPEST = 64
"""How deep the values of a query may nest; a value that is bound nests at most 50 deep."""


class _Part(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A part of a manifest: what is not known is not passed over."""


class Target(_Part, frozen=True, omit_defaults=True):
    """The one project whose answers a snapshot holds.

    Attributes:
        host: ``"eu.posthog.com"``, ``"demo"``, ``"local"``.
        project_id: The project's number; None of an embedded one.
        seed: The demo's seed.
        as_of: The moment at which the demo's data ends; None for the time of the recording.
        demo_version: The version of the demo's generator.
        settings: What the settings of an embedded project were said to be.
    """

    host: _Line
    project_id: int | None = None
    seed: int | None = None
    as_of: _Line | None = None
    demo_version: int | None = None
    settings: dict[_Line, _Line] = {}

    def __str__(self) -> str:
        parts = [self.host, "" if self.project_id is None else f"project {self.project_id}"]
        if self.seed is not None:
            parts.append(f"seed {self.seed}, as of {self.as_of or 'the time of recording'}")
            parts.append(f"generator {self.demo_version}")
        parts += [f"{name} {value}" for name, value in self.settings.items()]
        return ", ".join(filter(None, parts))


class Column(_Part, frozen=True, omit_defaults=True):
    """One column of an answer.

    Attributes:
        name: Its name in the frame.
        kind: The ClickHouse type of its values, from which the frame's type follows.
        called: Its name as PostHog gives it, where that is another: names repeat there.
        declared: Its type as PostHog declares it, where that is another; ``""`` where it declares none.
    """

    name: str
    kind: str
    called: str | None = None
    declared: str | None = None


class Refused(_Part, frozen=True, omit_defaults=True):
    """That PostHog refused, which a replay does as well.

    Attributes:
        error: The class of the error.
        message: What PostHog said.
        status: The HTTP status.
        hint: The next step.
        code: PostHog's own code.
        type: PostHog's type of it.
        query_id: Our id of the query.
        text: The text in which the fault lies.
        span: Where in it.
    """

    error: RefusalName
    message: str
    status: int
    hint: str | None = None
    code: str | None = None
    type: str | None = None
    query_id: str | None = None
    text: str | None = None
    span: tuple[int, int] | None = None


class Entry(_Part, frozen=True, omit_defaults=True):
    """One answer. All but ``asked``, ``rows`` and ``sha256`` describe it; what they say is hashed as well.

    Attributes:
        kind: What kind of question it was, of :class:`~posthog_nb.snapshots.asked.Asked`.
        asked: The question's detail; the query's text is a list of its lines.
        recorded_at: When, in UTC.
        rows: How many rows there are.
        has_more: Whether the answer was cut.
        timezone: The project's time zone.
        columns: The columns.
        source: What the target was called.
        understood: The query as PostHog understood it, in lines.
        is_cached: Whether PostHog answered from its cache.
        last_refresh: When PostHog computed it.
        query_id: Our id of the query.
        elapsed: The seconds that it took.
        notes: Sentences for the reader, of the target.
        remarks: Sentences for the reader, of the rows.
        bytes: The size of the Parquet file.
        sha256: The SHA-256 of that file, which is its name; None for an answer without rows of its own: a refusal.
        refused: What PostHog said when it refused.
        check: The SHA-256 of all of the above as canonical JSON.
    """

    kind: str
    asked: dict[str, Any]
    recorded_at: _Moment
    rows: _Count = 0
    has_more: bool = False
    timezone: str | None = None
    columns: list[Column] = []
    source: str = ""
    understood: list[str] | None = None
    is_cached: bool = False
    last_refresh: str | None = None
    query_id: str = ""
    elapsed: float = 0.0
    notes: list[str] = []
    remarks: list[str] = []
    bytes: _Count = 0
    sha256: _Sha256 | None = None
    refused: Refused | None = None
    check: str = ""

    @property
    def question(self) -> Asked:
        """What was asked."""
        detail = dict(self.asked)
        if self.kind == QUERY:
            lines = detail.get("hogql")
            steps = detail.get("steps")
            if not (isinstance(lines, list) and all(isinstance(line, str) for line in lines)):
                raise ValueError("its query is not a list of lines")
            if not (isinstance(steps, list) and all(isinstance(step, str) for step in steps)):
                raise ValueError("its steps are not a list of words")
            detail["hogql"] = "\n".join(lines)
        return Asked(self.kind, detail)

    def checked(self) -> Entry:
        """The same with its own hash."""
        return msgspec.structs.replace(self, check=self._hash())

    def verify(self, key: str) -> None:
        """Refuse an entry that somebody edited.

        Raises:
            ValueError: it is not what was written, or is filed under another question.
        """
        if _depth(self.asked) > _DEEPEST:
            raise ValueError("its values nest deeper than any query's")
        if self._hash() != self.check:
            raise ValueError("it was edited: its hash is another")
        if self.question.key != key:
            raise ValueError("it is filed under the key of another question")
        if (self.sha256 is None) == (self.refused is None):
            raise ValueError("it has neither rows nor a refusal, or both")

    def _hash(self) -> str:
        found = msgspec.to_builtins(self)
        found.pop("check", None)
        return hashlib.sha256(canonical(found)).hexdigest()


class Manifest(_Part, frozen=True):
    """A whole snapshot.

    Attributes:
        format: :data:`FORMAT`.
        version: :data:`VERSION`.
        target: The project.
        privacy: What was masked, dropped and hashed; no salt.
        answers: The answers by the keys of what was asked.
    """

    format: str
    version: int
    target: Target
    privacy: dict[str, Any]
    answers: dict[_Key, Entry]


def entry_of(asked: Asked, answered: Answered, now: datetime, data: bytes) -> Entry:
    """The entry of an answer whose rows are the Parquet file ``data``."""
    names = answered.table.arrow.column_names
    kinds = [str(kind) for kind in answered.table.kinds]
    declared = answered.types or [""] * len(names)
    columns = [
        Column(
            name=name,
            kind=kind,
            called=None if called == name else called,
            declared=None if said == kind else said,
        )
        for name, kind, called, said in zip(names, kinds, answered.columns, declared, strict=True)
    ]
    return Entry(
        kind=asked.kind,
        asked=_readable(asked),
        recorded_at=now,
        rows=len(answered.table),
        has_more=answered.has_more,
        timezone=answered.timezone,
        columns=columns,
        source=answered.source,
        understood=None if answered.hogql is None else redacted(answered.hogql).split("\n"),
        is_cached=answered.is_cached,
        last_refresh=answered.last_refresh,
        query_id=answered.query_id,
        elapsed=answered.elapsed,
        notes=redacted(answered.notes),
        remarks=redacted(answered.table.notes),
        bytes=len(data),
        sha256=hashlib.sha256(data).hexdigest(),
    ).checked()


def refusal_of(asked: Asked, refused: Refused, now: datetime) -> Entry:
    """The entry of a question that PostHog refused."""
    return Entry(kind=asked.kind, asked=_readable(asked), recorded_at=now, refused=refused).checked()


def _readable(asked: Asked) -> dict[str, Any]:
    detail = dict(asked.detail)
    if asked.kind == QUERY:
        detail["hogql"] = detail["hogql"].split("\n")
    return detail


def _depth(value: object) -> int:
    """How deep lists and objects nest in a JSON value; it stops where that is too deep."""
    depth, level = 0, [value]
    while depth <= _DEEPEST and (level := [part for part in level if isinstance(part, dict | list)]):
        level = [item for part in level for item in (part.values() if isinstance(part, dict) else part)]
        depth += 1
    return depth


def serialised(manifest: Manifest) -> bytes:
    """The manifest's file: indented, in the order in which the questions were first asked."""
    return msgspec.json.format(msgspec.json.encode(manifest), indent=1) + b"\n"


def parse(data: bytes, label: str) -> Manifest:
    """Read a manifest's file.

    Args:
        data: The file.
        label: What to call the snapshot in an error.

    Raises:
        SnapshotError: it is none, is of another version, or was edited.
    """
    head = _read(data, _Head, label)
    if head.format != FORMAT:
        raise SnapshotError(
            f"{label} holds no snapshot: its manifest.json says that it is {str(head.format)[:80]!r}.",
            hint="Choose the folder of a snapshot, or an empty one to record into.",
        )
    if head.version != VERSION:
        later = isinstance(head.version, int) and head.version > VERSION
        raise SnapshotError(
            f"{label} is a snapshot of format {str(head.version)[:20]}, and this posthog_nb knows format {VERSION}.",
            hint="Upgrade posthog_nb." if later else "Remove the folder and record it again.",
        )
    manifest: Manifest = _read(data, Manifest, label)
    for key, entry in manifest.answers.items():
        try:
            entry.verify(key)
        except (ValueError, RecursionError) as error:
            raise damaged(label, f"the answer {key}: {error}") from error
    return manifest


class _Head(msgspec.Struct):
    format: Any = None
    version: Any = None


def _read(data: bytes, kind: type[Any], label: str) -> Any:  # noqa: ANN401 - of the kind
    try:
        return msgspec.json.decode(data, type=kind)
    except (ValueError, RecursionError) as error:
        raise damaged(label, f"manifest.json: {str(error) or type(error).__name__}") from error


def damaged(label: str, what: str) -> SnapshotError:
    """The error for a snapshot that is not as it was written."""
    return SnapshotError(
        f"The snapshot {label} is damaged: {what}.",
        hint="Take it from where it came from once more, or remove the folder and record it again.",
    )
