"""A project in memory that holds a frame's events, for as long as somebody asks about them."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import suppress
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from posthog_nb.client import Client
from posthog_nb.connection import Connection
from posthog_nb.embedded.mount import EmbeddedAdapter
from posthog_nb.errors import InvalidInputError
from posthog_nb.opening import with_own
from posthog_nb.settings import Settings
from posthog_nb.settings.targets import FRAME_URL
from posthog_nb.version import __version__

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime
    from wsgiref.types import StartResponse, WSGIEnvironment

    import pyarrow as pa

    from posthog_nb.accessors.events import Events
    from posthog_nb.embedded.project import Project
    from posthog_nb.embedded.server import Application

__all__ = ["FrameClient", "loaded"]

OWN_COLUMNS_FROM = 200_000
"""Rows from which on properties get columns of their own, as with ingestion (docs/adr/0002)."""

_SLICE = 0.2
"""Seconds."""

_LOOKED_AT = 10_000
"""Rows whose properties are read one by one for their types. A property that none of them has is looked for in all."""


class FrameClient(Client):
    """A client of a frame's events.

    The events are loaded with the first thing that is asked. :meth:`close`, or the end of its ``with`` block, takes
    them out of memory again; after that nothing can be asked any more.

    Args:
        events: The events.
        label: What to call the frame in front of a reader.
        frame: What results become: ``"pandas"`` or ``"polars"``.
        as_of: What ``now()`` answers.
        settings: Further fields of the project's settings.
    """

    def __init__(
        self, events: Events, *, label: str, frame: str, as_of: datetime, settings: dict[str, Any] | None = None
    ) -> None:
        connection = _FrameConnection(events, label, {"as_of": as_of, **(settings or {})})
        super().__init__(connection, frame=frame)
        self._notes = events.notes
        self._frames = connection

    def all_rows(self, hogql: str, values: Mapping[str, object]) -> pa.Table:
        """All rows of a query of plain columns, from ClickHouse as they are: a million of them takes no pages.

        Args:
            hogql: The query.
            values: Numbers and texts for its placeholders.
        """
        return self._frames.all_rows(hogql, values)


class _FrameConnection(Connection):
    def __init__(self, events: Events, label: str, settings: dict[str, Any]) -> None:
        self._events = events
        self._given = settings
        self._project: Project | None = None
        self._application: Application | None = None
        self._closed = False
        super().__init__(
            Settings(kind="frame", api_url=FRAME_URL, ingestion_url=FRAME_URL, label=label),
            version=__version__,
            adapter=EmbeddedAdapter(lambda: self._answer),
            complete=self._load,
        )

    @property
    def settings(self) -> Settings:
        """The settings of the project, which is loaded if it has to be.

        Raises:
            InvalidInputError: it is closed.
        """
        if self._closed:
            raise _closed()
        return super().settings

    def _load(self, settings: Settings) -> Settings:
        self._project = loaded(self._events, self._given)
        # After the engine: where neither is installed, its error says what to do.
        from posthog_nb.embedded.server import create_app  # noqa: PLC0415 - as heavy, and loaded for a question alone

        self._application = create_app(self._project)
        return with_own(settings, self._project.settings)

    def _answer(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if self._application is None:
            # Closed while the request was on its way.
            start_response("410 Gone", [])
            return []
        return self._application(environ, start_response)

    def all_rows(self, hogql: str, values: Mapping[str, object]) -> pa.Table:
        """As :meth:`FrameClient.all_rows`."""
        from posthog_nb.embedded.hogql import compile_query  # noqa: PLC0415 - as above

        if self.settings.project_id is None or self._project is None:  # pragma: no cover - loaded by the first of them
            raise _closed()
        project, query_id = self._project, str(uuid4())
        sql = compile_query(hogql, project.facts(), values=values, limited=False).sql
        with ThreadPoolExecutor(1, thread_name_prefix="posthog-nb-frame") as pool:
            coming = pool.submit(project.store.engine.arrow, sql, query_id=query_id)
            try:
                # In slices: a signal that another thread received does not wake this one.
                while not wait([coming], _SLICE).done:
                    pass
            except BaseException:
                project.cancel(query_id)
                raise
            return coming.result()

    def end_query(self, query_id: str) -> None:
        """End a query; nothing happens when there are no events to ask, which are not loaded for it."""
        if self._project is not None:
            with suppress(InvalidInputError):  # it was closed a moment ago
                super().end_query(query_id)

    def close(self) -> None:
        """End what runs, and take the events out of memory."""
        self._closed = True
        super().close()
        application, self._application = self._application, None
        project, self._project = self._project, None
        if application is not None:
            application.end_queries()
        if project is not None:
            project.close()


def _closed() -> InvalidInputError:
    return InvalidInputError(
        "The frame's temporary project is closed, and its events are in memory no more.",
        hint="Ask within its with block, or call df.posthog.connect() again.",
    )


def loaded(events: Events, settings: dict[str, Any]) -> Project:
    """A project in memory with these events.

    Raises:
        InvalidInputError: properties are not what they should be. Nothing stays in memory.
    """
    from posthog_nb.embedded.project import Project, ProjectSettings  # noqa: PLC0415 - the engine loads here
    from posthog_nb.embedded.store.loading import load_events  # noqa: PLC0415

    project = Project.in_memory(ProjectSettings(name="frame", timezone=events.zone, **settings))
    try:
        load_events(
            project.store,
            events.tables(),
            events.property_columns,
            own_columns=len(events) >= OWN_COLUMNS_FROM,
        )
        _define(project, events)
        project.reread()
    except BaseException:
        project.close()
        raise
    return project


def _define(project: Project, events: Events) -> None:
    """Give each property the type by which HogQL reads it: its column's, or that of its first value that tells."""
    from posthog_nb.embedded.ingestion.definitions import (  # noqa: PLC0415 - as above
        EVENT,
        MAX_NAME,
        NO_GROUP,
        PERSON,
    )
    from posthog_nb.embedded.store.store import PropertyDefinition  # noqa: PLC0415

    types = {(EVENT, one.key): one.kind for one in events.properties}
    for kind, column in ((EVENT, "properties"), (PERSON, "person_properties")):
        if column in events.objects:
            for key, found in _types(project, events.objects[column][0], column).items():
                types.setdefault((kind, key), found)
    project.store.insert_property_definitions(
        [
            PropertyDefinition(kind, NO_GROUP, key, found, events.last)
            for (kind, key), found in types.items()
            if len(key) <= MAX_NAME
        ]
    )


def _types(project: Project, name: str, column: str) -> dict[str, str]:
    """The type of each key of a column of JSON objects; '' where no value tells."""
    from posthog_nb.embedded.ingestion.definitions import property_type  # noqa: PLC0415 - as above

    store = project.store
    db = store.database
    refused = store.engine.read(f"SELECT {column} FROM {db}.events WHERE NOT isValidJSON({column}) LIMIT 1")
    if refused:
        raise InvalidInputError(
            f"The column {name!r} holds what is no JSON object: an event would have {refused[0][0][:60]!r}.",
            hint="Give objects or their JSON.",
        )
    types: dict[str, str] = {}
    for (text,) in store.engine.read(f"SELECT {column} FROM {db}.events ORDER BY uuid LIMIT {_LOOKED_AT}"):
        for key, value in json.loads(text).items():
            if not types.get(key):
                types[key] = property_type(key, value)
    # What tells nothing is null, a list or an object; the others begin otherwise.
    rest = store.engine.read(
        f"SELECT pair.1, argMinIf(pair.2, uuid, substring(pair.2, 1, 1) NOT IN ('n', '[', '{{')) FROM {db}.events"
        f" ARRAY JOIN arrayFilter(one -> one.1 NOT IN {{known:Array(String)}}, JSONExtractKeysAndValuesRaw({column}))"
        " AS pair GROUP BY pair.1",
        {"known": [key for key, found in types.items() if found]},
    )
    for key, text in rest:
        types[key] = property_type(key, json.loads(text)) if text else ""
    return types
