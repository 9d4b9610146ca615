"""One ClickHouse: in memory or on disk in this process, through clickhouse-connect."""

from __future__ import annotations

import queue
import threading
from contextlib import contextmanager
from dataclasses import astuple, dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from posthog_nb.errors import EngineError, MissingDependencyError, StoreError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

__all__ = ["Engine", "Progress", "Rows", "database_name", "in_memory", "on_disk"]

QUERY_SETTINGS: Mapping[str, object] = {
    # hogql's meaning depends on the first; join_use_nulls stays at ClickHouse's 0.
    "transform_null_in": 1,
    # chdb takes the zone of the machine; PostHog's ClickHouse runs in UTC, and today() is UTC's day.
    "session_timezone": "UTC",
    "readonly": 2,
    "max_memory_usage": 4 * 1024**3,
    "max_result_rows": 0,
    "allow_experimental_join_condition": 1,
}
_UTC = {"session_timezone": "UTC"}
# Read before a query's own settings are: a long list of uuids, or a long printed query, is legitimate.
_SESSION = {"max_query_size": 64 * 1024**2}
_BARE_DATETIME = "DateTime"


@dataclass(frozen=True, slots=True)
class Rows:
    """The answer of one query.

    Attributes:
        names: Column names, as ClickHouse has them.
        types: ClickHouse type strings, zones included, such as ``"DateTime64(6, 'Europe/London')"``.
        rows: Python values: exact integers, ``Decimal``, ``UUID``, aware datetimes in the zone of their type.
    """

    names: tuple[str, ...]
    types: tuple[str, ...]
    rows: list[tuple[Any, ...]]


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a running query has got. The total is an estimate, which may grow or be 0.

    Attributes:
        rows_read: Rows.
        bytes_read: Bytes.
        rows_total: Rows to be read.
        seconds: Since it began.
        cpu_microseconds: Of all its threads.
    """

    rows_read: int
    bytes_read: int
    rows_total: int
    seconds: int
    cpu_microseconds: int

    def beyond(self, other: Progress | None) -> Progress:
        """The higher of each number."""
        if other is None:
            return self
        return Progress(*map(max, astuple(self), astuple(other)))

    def as_posthog(self) -> dict[str, int]:
        """PostHog's ``query_progress``."""
        return {
            "bytes_read": self.bytes_read,
            "rows_read": self.rows_read,
            "estimated_rows_total": self.rows_total,
            "time_elapsed": self.seconds,
            "active_cpu_time": self.cpu_microseconds,
        }


class Engine:
    """A pool of clickhouse-connect clients on one engine, so that queries run side by side and can be cancelled.

    Args:
        dsn: ``chdb://memory`` or ``chdb:///path``.
        where: How messages name the engine.
    """

    def __init__(self, dsn: str, where: str) -> None:
        self._dsn = dsn
        self._where = where
        self._idle: queue.LifoQueue[Any] = queue.LifoQueue()
        self._lock = threading.Lock()
        self._opened: list[Any] = []

    def open(self) -> None:
        """Start the engine now rather than at the first query, so that a failure shows here.

        Raises:
            StoreError: another engine runs in this process, or another process holds the path.
        """
        with self._client():
            pass

    def run(self, sql: str, *, query_id: str, max_execution_time: float) -> Rows:
        """Run one read-only query that was printed by the compiler.

        Raises:
            EngineError: ClickHouse refused or stopped it; ``name`` is ClickHouse's own name for why.
        """
        settings = {**QUERY_SETTINGS, "max_execution_time": max_execution_time, "log_comment": query_id}
        with self._client() as client:
            result = self._guarded(client.query, sql, settings=settings, query_tz="UTC")
            types = tuple(column.name for column in result.column_types)
            rows = list(result.result_rows)
            names = tuple(result.column_names)
            if not types or any(name in {_BARE_DATETIME, f"Nullable({_BARE_DATETIME})"} for name in types):
                # chdb's native format says nothing of the columns when there are no rows, and drops the zone of a
                # top-level DateTime('zone'), whose values are then UTC.
                described = self._guarded(client.query, f"DESCRIBE TABLE ({sql})", settings=settings).result_rows
                names, exact = tuple(row[0] for row in described), tuple(row[1] for row in described)
                rows = _with_zones(rows, types or exact, exact)
                types = exact
        return Rows(names, types, rows)

    def cancel(self, query_id: str) -> bool:
        """Stop the queries that run under ``query_id``; whether there was one."""
        with self._client() as client:
            running = client.query(
                "SELECT count() FROM system.processes WHERE Settings['log_comment'] = {id:String}"
                " AND query NOT LIKE '%system.processes%'",
                parameters={"id": query_id},
            ).result_rows[0][0]
            if running:
                client.command(
                    "KILL QUERY WHERE Settings['log_comment'] = {id:String} ASYNC", parameters={"id": query_id}
                )
        return bool(running)

    def progress(self, query_id: str) -> Progress | None:
        """How far the query that runs under ``query_id`` has got; None when there is none."""
        with self._client() as client:
            rows = client.query(
                "SELECT read_rows, read_bytes, total_rows_approx, toUInt64(elapsed),"
                " ProfileEvents['OSCPUVirtualTimeMicroseconds'] FROM system.processes"
                " WHERE Settings['log_comment'] = {id:String} AND query NOT LIKE '%system.processes%'",
                parameters={"id": query_id},
            ).result_rows
        return Progress(*rows[0]) if rows else None

    def read(self, sql: str, parameters: Mapping[str, object] | None = None) -> list[tuple[Any, ...]]:
        """Run the project's own SQL and give its rows."""
        with self._client() as client:
            result = self._guarded(client.query, sql, parameters=dict(parameters or {}), settings=_UTC, query_tz="UTC")
            return list(result.result_rows)

    def command(self, sql: str) -> None:
        """Run a statement of the project's own that gives no rows."""
        with self._client() as client:
            self._guarded(client.command, sql)

    def insert(self, table: str, columns: Mapping[str, tuple[str, Sequence[Any]]]) -> None:
        """Insert in one statement: column name -> (ClickHouse type, values). All of it is written or nothing."""
        if not columns or not len(next(iter(columns.values()))[1]):
            return
        with self._client() as client:
            self._guarded(
                client.insert,
                table,
                [values for _, values in columns.values()],
                column_names=list(columns),
                column_type_names=[kind for kind, _ in columns.values()],
                column_oriented=True,
            )

    def close(self) -> None:
        """Close every client; with the last one ClickHouse itself ends."""
        with self._lock:
            opened, self._opened = self._opened, []
            self._idle = queue.LifoQueue()
        for client in opened:
            client.close()

    @contextmanager
    def _client(self) -> Iterator[Any]:
        try:
            client = self._idle.get_nowait()
        except queue.Empty:
            client = self._connect()
        try:
            yield client
        finally:
            self._idle.put(client)

    def _connect(self) -> Any:  # noqa: ANN401 - clickhouse-connect has no types of its own
        try:
            import clickhouse_connect  # noqa: PLC0415 - the engine is loaded when it is first needed
            from clickhouse_connect.driver.exceptions import Error  # noqa: PLC0415
        except ImportError as error:
            raise MissingDependencyError(
                "The embedded project needs chdb and clickhouse-connect.",
                hint="They exist for Linux and macOS: pip install chdb clickhouse-connect. A remote target needs none.",
            ) from error
        try:
            client = clickhouse_connect.get_client(dsn=self._dsn, tz_mode="aware", settings=_SESSION)
        except Error as error:
            raise StoreError(f"{self._where} cannot be opened: {_first_line(error)}", hint=_why(error)) from error
        with self._lock:
            self._opened.append(client)
        return client

    @staticmethod
    def _guarded(call: Any, *args: object, **options: object) -> Any:  # noqa: ANN401 - as _connect
        from clickhouse_connect.driver.exceptions import Error  # noqa: PLC0415 - loaded by _connect already

        try:
            return call(*args, **options)
        except Error as error:
            name = getattr(error, "name", None) or "UNKNOWN"
            raise EngineError(_first_line(error), name=str(name)) from error


def _first_line(error: Exception) -> str:
    """ClickHouse's message without its number, its version and its stack."""
    line = str(error).partition("\n")[0]
    return line.partition("DB::Exception: ")[2] or line


def _why(error: Exception) -> str:
    text = str(error)
    if "lock" in text.lower() or "another" in text.lower():
        return "Another process has this store open: use the server that it runs, or end it."
    return "One process holds one engine: either in memory or one path. Use another process for the other."


def _with_zones(rows: list[tuple[Any, ...]], types: Sequence[str], exact: Sequence[str]) -> list[tuple[Any, ...]]:
    """Give the values of columns that lost their zone that zone back."""
    zones: dict[int, ZoneInfo] = {}
    for index, (seen, declared) in enumerate(zip(types, exact, strict=True)):
        if seen != declared and "'" in declared:
            zones[index] = ZoneInfo(declared.split("'")[1])
    if not zones:
        return rows
    return [
        tuple(
            _in_zone(value, zones[index]) if index in zones and value is not None else value
            for index, value in enumerate(row)
        )
        for row in rows
    ]


def _in_zone(value: datetime, zone: ZoneInfo) -> datetime:
    aware = value if value.tzinfo else value.replace(tzinfo=UTC)
    return aware.astimezone(zone)


_memory = Engine("chdb://memory", "The in-memory engine")
_names = 0
_names_lock = threading.Lock()


def in_memory() -> Engine:
    """The process's one in-memory engine; projects are databases in it."""
    _memory.open()
    return _memory


def on_disk(path: Path) -> Engine:
    """An engine on the folder ``path``, made if it is not there, readable by its owner alone.

    Raises:
        StoreError: the path is held by another process, or this process runs another engine already.
    """
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    engine = Engine(f"chdb://{path}", f"The store at {path}")
    engine.open()
    return engine


def database_name() -> str:
    """A name for the next in-memory project's database, used by no other in this process."""
    global _names  # noqa: PLW0603 - one counter a process is what is meant
    with _names_lock:
        _names += 1
        return f"project_{_names}"
