"""One ClickHouse: in memory or on disk in this process, through clickhouse-connect."""

from __future__ import annotations

import atexit
import os
import queue
import re
import threading
from collections import Counter
from contextlib import contextmanager, suppress
from dataclasses import astuple, dataclass
from typing import TYPE_CHECKING, Any
from weakref import WeakSet, finalize

from posthog_nb.embedded.hogql.escape import literal
from posthog_nb.embedded.store.answer import LARGEST_ANSWER, TOO_LARGE, TOO_LARGE_NAME, streamed, with_zones
from posthog_nb.embedded.store.refusal import first_line, readable
from posthog_nb.errors import EngineError, MissingDependencyError, StoreError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path
    from typing import NoReturn

    import pyarrow as pa

__all__ = ["Engine", "Progress", "Rows", "database_name", "in_memory", "on_disk", "see_that_it_runs_here"]

QUERY_SETTINGS: Mapping[str, object] = {
    # hogql's meaning depends on the first; join_use_nulls stays at ClickHouse's 0.
    "transform_null_in": 1,
    # chdb takes the zone of the machine; PostHog's ClickHouse runs in UTC, and today() is UTC's day.
    "session_timezone": "UTC",
    "readonly": 2,
    "max_memory_usage": 4 * 1024**3,
    "max_result_rows": 0,
    "max_result_bytes": LARGEST_ANSWER,
    # As PostHog's own: a list of some ten thousand ids is legitimate.
    "max_ast_elements": 4_000_000,
    "max_expanded_ast_elements": 4_000_000,
    "allow_experimental_join_condition": 1,
}
_UTC = {"session_timezone": "UTC"}
# Read before a query's own settings are: a long list of uuids, or a long printed query, is legitimate.
_SESSION = {"max_query_size": 64 * 1024**2}
_BARE_DATETIME = "DateTime"
_OTHER_ENGINE = re.compile(r"already initialized with path '(.*?)', cannot")
_STATUS = "status"
"""The file in its folder that ClickHouse locks as long as it runs, and in which it says what process it is."""

_ONE_ENGINE = "One process holds one engine: either in memory or one path. Use another process for the other."
_MOST_CLEARINGS = 3
_LONGEST_END = 20.0
"""Seconds to wait at Python's end for statements that run."""


@dataclass(frozen=True, slots=True)
class Rows:
    """The answer of one query.

    Attributes:
        types: ClickHouse type strings, zones included, such as ``"DateTime64(6, 'Europe/London')"``.
        rows: Python values: exact integers, ``Decimal``, ``UUID``, aware datetimes in the zone of their type.
    """

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
        path: The folder of one on disk; None for the one in memory.
    """

    def __init__(self, path: Path | None = None) -> None:
        self._path = path
        self._idle: queue.LifoQueue[Any] = queue.LifoQueue()
        self._lock = threading.Lock()
        self._opened: list[Any] = []
        self._process = 0
        self._turn = threading.Condition()
        self._at_work: Counter[int] = Counter()
        self._ended = False
        _all.add(self)

    @property
    def durable(self) -> bool:
        """Whether what it holds outlives the process."""
        return self._path is not None

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
            types, rows = self._guarded(streamed, client, sql, settings)
            if not types or any(name in {_BARE_DATETIME, f"Nullable({_BARE_DATETIME})"} for name in types):
                # chdb's native format says nothing of the columns when there are no rows, and drops the zone of a
                # top-level DateTime('zone'), whose values are then UTC.
                described = self._guarded(client.query, f"DESCRIBE TABLE ({sql})", settings=settings).result_rows
                exact = tuple(row[1] for row in described)
                rows = with_zones(rows, types or exact, exact)
                types = exact
        return Rows(types, rows)

    def arrow(self, sql: str, *, query_id: str) -> pa.Table:
        """The answer of one read-only query that was printed by the compiler, of any size, as an Arrow table.

        Its columns are such as Arrow has the same of: texts, numbers, truth values, DateTime64.

        Raises:
            EngineError: ClickHouse refused or stopped it.
        """
        settings = {
            **QUERY_SETTINGS,
            "max_result_bytes": 0,
            "log_comment": query_id,
            "output_format_arrow_string_as_string": 1,
        }
        # In the query, as the driver would set them for the client and could not take readonly back.
        clause = ", ".join(f"{name} = {literal(str(value))}" for name, value in settings.items())
        with self._client() as client:
            return self._guarded(client.query_arrow, f"SELECT * FROM ({sql}) SETTINGS {clause}")

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

    def end_with_python(self) -> None:
        """Let the statements that run come to their end, and none begin."""
        with self._turn:
            self._ended = True
            self._turn.wait_for(lambda: not self._at_work, _LONGEST_END)

    def see_that_it_runs_here(self) -> None:
        """See that the engine can be asked in this process, and still.

        Raises:
            StoreError: the process is a fork of the one that opened the engine, whose threads stayed behind there; or
                Python is ending.
        """
        if self._opened and self._process != os.getpid():
            raise StoreError(
                "The embedded project is in the memory of the process that this one is a fork of.",
                hint='Start processes with multiprocessing.get_context("spawn"), or use threads.',
            )
        if self._ended:
            raise StoreError(
                "Python is ending, and the embedded project has ended with it.",
                hint="Ask it earlier: in the program itself, not in a function for atexit.",
            )

    @contextmanager
    def _client(self) -> Iterator[Any]:
        with self._working():
            try:
                client = self._idle.get_nowait()
            except queue.Empty:
                client = self._connect()
            try:
                yield client
            except BaseException:
                if _cleared(client):
                    self._idle.put(client)
                raise
            self._idle.put(client)

    @contextmanager
    def _working(self) -> Iterator[None]:
        """Note that this thread is at work in the engine, which must not be closed then: it would crash the process."""
        if not self._ended or threading.current_thread() is threading.main_thread():
            self.see_that_it_runs_here()
        me = threading.get_ident()
        with self._turn:
            if self._ended:
                self._stay(me)
            self._at_work[me] += 1
        try:
            yield
        finally:
            with self._turn:
                self._at_work[me] -= 1
                if not self._at_work[me]:
                    del self._at_work[me]
                    self._turn.notify_all()
                if self._ended:
                    self._stay(me)

    def _stay(self, me: int) -> NoReturn:
        """Let this thread do nothing any more: Python ends, and nobody waits for what it would say."""
        self._at_work.pop(me, None)
        self._turn.notify_all()
        while True:
            self._turn.wait()

    def _connect(self) -> Any:  # noqa: ANN401 - clickhouse-connect has no types of its own
        try:
            import chdb  # noqa: F401, PLC0415 - the engine is loaded when it is first needed; clickhouse-connect asks for it
            import clickhouse_connect  # noqa: PLC0415
            from clickhouse_connect.driver.exceptions import Error  # noqa: PLC0415
        except ImportError as error:
            raise MissingDependencyError(
                "The embedded project needs chdb and clickhouse-connect.",
                hint="They exist for Linux and macOS: pip install chdb clickhouse-connect. A remote target needs none.",
            ) from error
        dsn = "chdb://memory" if self._path is None else f"chdb://{self._path}"
        try:
            client = clickhouse_connect.get_client(dsn=dsn, tz_mode="aware", settings=_SESSION)
        except Error as error:
            raise self._not_opened(error) from error
        with self._lock:
            self._opened.append(client)
            self._process = os.getpid()
        return client

    def _not_opened(self, error: Exception) -> StoreError:
        """Why the engine could not be opened. What ClickHouse says of a folder that is held is on stderr alone."""
        where = "The in-memory engine" if self._path is None else f"The store at {self._path}"
        other = _OTHER_ENGINE.search(str(error))
        if other is not None:
            found = "in memory" if other[1].startswith(":memory:") else f"at {other[1]}"
            return StoreError(
                f"{where} cannot be opened: this process has another engine open already, {found}.", hint=_ONE_ENGINE
            )
        by = None if self._path is None else _holder(self._path)
        if by is not None:
            return StoreError(
                f"{where} is held by the ClickHouse of another process{f' ({by})' if by else ''}.",
                hint="End that process, or use another folder.",
            )
        return StoreError(
            f"{where} cannot be opened: {first_line(error)}",
            hint="What else ClickHouse had to say is on standard error.",
        )

    def _guarded(self, call: Any, *args: object, **options: object) -> Any:  # noqa: ANN401 - as _connect
        from clickhouse_connect.driver.exceptions import Error, NotSupportedError  # noqa: PLC0415 - as _cleared

        try:
            return call(*args, **options)
        except NotSupportedError as error:
            kind = str(error).removesuffix(" deserialization not supported")
            raise EngineError(f"The answer holds values that cannot be sent: {kind}.", name="UNKNOWN_TYPE") from error
        except Error as error:
            name = self._name_of(error)
            raise EngineError(TOO_LARGE if name == TOO_LARGE_NAME else readable(error, name), name=name) from error

    def _name_of(self, error: Any) -> str:  # noqa: ANN401 - as _connect
        """ClickHouse's name for the reason. It is not in a message that holds NUL, which ends it; the number is."""
        if error.name is not None or error.code is None:
            return error.name or "UNKNOWN"
        with self._client() as client:
            return str(client.query(f"SELECT errorCodeToName({int(error.code)})").result_rows[0][0])


def _cleared(client: Any) -> bool:  # noqa: ANN401 - as Engine._connect
    """Take away from a client what the query that failed on it had given so far; whether it is as new.

    chdb keeps those rows and puts them before the next answer, as if they were the next query's.
    """
    from clickhouse_connect.driver.exceptions import Error  # noqa: PLC0415 - loaded by Engine._connect already

    for _ in range(_MOST_CLEARINGS):
        # A client that cannot do even this is not used again.
        with suppress(Error):
            if client.raw_query("SELECT 1", fmt="TSV") == b"1\n":
                return True
    return False


def _holder(path: Path) -> int | None:
    """The other process whose ClickHouse has the folder (0 when it does not say), or None when there is none."""
    import fcntl  # noqa: PLC0415 - where chdb is, it is; Windows has neither

    try:
        with (path / _STATUS).open(errors="replace") as file:
            text = file.read()
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        pid = re.search(r"PID: (\d+)", text)
        found = int(pid[1]) if pid else 0
        return None if found == os.getpid() else found
    except OSError:
        # There is no such file, or not for us: then it is something else that kept ClickHouse from opening.
        return None
    return None


_all: WeakSet[Engine] = WeakSet()


def _end() -> None:
    for engine in list(_all):
        engine.end_with_python()


# Python ends last what was registered first, and all finalizers together when the first of them was: so this one is
# there before. They close the engine.
finalize(Engine, bool)
atexit.register(_end)

_memory = Engine()
_names = 0
_names_lock = threading.Lock()


def in_memory() -> Engine:
    """The process's one in-memory engine; projects are databases in it."""
    _memory.open()
    return _memory


def see_that_it_runs_here() -> None:
    """As :meth:`Engine.see_that_it_runs_here`, of the in-memory engine."""
    _memory.see_that_it_runs_here()


def on_disk(path: Path) -> Engine:
    """An engine on the folder ``path``, made if it is not there, readable by its owner alone.

    Raises:
        StoreError: the path is held by another process, or this process runs another engine already.
    """
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    engine = Engine(path)
    engine.open()
    return engine


def database_name() -> str:
    """A name for the next in-memory project's database, used by no other in this process."""
    global _names  # noqa: PLW0603 - one counter a process is what is meant
    with _names_lock:
        _names += 1
        return f"project_{_names}"
