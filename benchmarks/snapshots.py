"""What a snapshot costs: replaying a million rows, and recording beside asking.

    python benchmarks/snapshots.py replay [--rows 1000000] [--rounds 5]
    python benchmarks/snapshots.py record [--rounds 5]

Replay: from ``connect(snapshot=...)`` to a frame, with the manifest and the hash, against the reading of the same
Parquet file without either, and against a pickle of the frame. Each contender runs in processes of its own, one a
round, in turns. Such a process has read a hundred rows before; then the file, once. Times are the best of the rounds;
memory is how far the peak of the resident set rose, their median.

Record: the same query with and without a recording, in turns on one client, the median of each; what recording adds is
the median of the differences. The small query is asked of the demo in this process, with an empty snapshot and with a
hundred answers in it, and of a server on loopback that waits 200 ms, about as long as PostHog Cloud takes. The rows of
the large ones come from that server, too, and from one that does not wait.
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

if TYPE_CHECKING:
    from collections.abc import Callable

    from posthog_nb.client import Client
    from posthog_nb.frames import Table

QUERY = "SELECT uuid, event, distinct_id, timestamp, properties, n, amount FROM events"
SMALL = "SELECT event, count() AS n FROM events WHERE event != {n} GROUP BY event ORDER BY n DESC"
LARGE = "SELECT uuid, event, distinct_id, timestamp, properties.price AS price FROM events ORDER BY timestamp, uuid"
ANSWERS = 100
CLOUD_SECONDS = 0.2


def events(rows: int) -> Table:
    """Rows like those of events."""
    import pyarrow as pa  # noqa: PLC0415 - a process loads only what its contender needs

    from posthog_nb.frames import arrow_type, parse_type, table_of  # noqa: PLC0415

    draw = random.Random(rows)
    uuids = [str(UUID(int=draw.getrandbits(128))) for _ in range(rows)]
    persons = uuids[: max(1, rows // 20)]
    browsers = ("Chrome", "Safari", "Firefox")
    columns: dict[str, tuple[str, list[Any]]] = {
        "uuid": ("UUID", uuids),
        "event": ("String", draw.choices(("$pageview", "$autocapture", "signed_up", "paid"), k=rows)),
        "distinct_id": ("String", draw.choices(persons, k=rows)),
        "timestamp": (
            "DateTime64(6, 'Europe/London')",
            [1_760_000_000_000_000 + draw.randrange(10**13) for _ in range(rows)],
        ),
        "properties": (
            "String",
            [
                f'{{"$browser":"{browsers[n % 3]}","$current_url":"https://example.com/{draw.getrandbits(32):x}","$lib":'
                f'"web","$session_id":"{uuids[n // 7]}","amount":{n % 1000}}}'
                for n in range(rows)
            ],
        ),
        "n": ("UInt64", [draw.getrandbits(64) for _ in range(rows)]),
        "amount": ("Nullable(Float64)", [None if n % 3 == 0 else draw.random() for n in range(rows)]),
    }
    kinds = [parse_type(kind) for kind, _ in columns.values()]
    arrays = [
        pa.chunked_array([pa.array(values, arrow_type(kind))])
        for kind, (_, values) in zip(kinds, columns.values(), strict=True)
    ]
    return table_of(list(columns), kinds, arrays, ())


def keep(folder: Path, rows: int) -> None:
    """A snapshot of the rows, the same file under a name of its own, and a pickle of the frame."""
    from posthog_nb.frames import to_pandas  # noqa: PLC0415
    from posthog_nb.snapshots.asked import Answered, Asked  # noqa: PLC0415
    from posthog_nb.snapshots.folder import Folder  # noqa: PLC0415
    from posthog_nb.snapshots.keeper import Recorder  # noqa: PLC0415
    from posthog_nb.snapshots.manifest import Target  # noqa: PLC0415
    from posthog_nb.snapshots.privacy import Privacy, Veil  # noqa: PLC0415

    table = events(rows)
    recorder = Recorder(Folder(folder / "q1"), Veil(Privacy()), lambda: Target(host="demo"))
    answer = Answered(table, "demo", tuple(table.arrow.column_names))
    recorder.answer(Asked.query(QUERY, {}, rows), lambda: answer)
    shutil.copy(next((folder / "q1" / "answers").iterdir()), folder / "rows.parquet")
    to_pandas(table).to_pickle(folder / "frame.pickle")


def replay(frame: str) -> Callable[[Path, int], object]:
    """The way of this package."""
    import posthog_nb  # noqa: PLC0415

    return lambda folder, rows: posthog_nb.connect(snapshot=folder / "q1").query(QUERY, rows).to_frame(frame)


def read_pandas() -> Callable[[Path, int], object]:
    """The Parquet file."""
    import pandas as pd  # noqa: PLC0415

    return lambda folder, _: pd.read_parquet(folder / "rows.parquet")


def read_polars() -> Callable[[Path, int], object]:
    """The Parquet file."""
    import polars as pl  # noqa: PLC0415

    return lambda folder, _: pl.read_parquet(folder / "rows.parquet")


def read_pickle() -> Callable[[Path, int], object]:
    """The frame as pandas keeps it."""
    import pandas as pd  # noqa: PLC0415

    return lambda folder, _: pd.read_pickle(folder / "frame.pickle")  # noqa: S301 - written a moment ago


CONTENDERS: dict[str, Callable[[], Callable[[Path, int], object]]] = {
    "pd.read_parquet": read_pandas,
    "replay, pandas": lambda: replay("pandas"),
    "pd.read_pickle": read_pickle,
    "pl.read_parquet": read_polars,
    "replay, polars": lambda: replay("polars"),
}


def _memory(field: str) -> int:
    """Bytes, from the kernel's account of this process."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(field))


def run_one(contender: str, folder: Path, rows: int) -> None:
    """Read, and print the seconds by the clock and of the processor, and the bytes of extra memory at the peak."""
    read = CONTENDERS[contender]()
    read(folder / "small", 100)
    before = _memory("VmRSS")
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    clock, processor = time.perf_counter(), time.process_time()
    frame = read(folder / "large", rows)
    taken = time.perf_counter() - clock, time.process_time() - processor
    print(json.dumps([*taken, _memory("VmHWM") - before]))
    del frame


def measure_replay(rows: int, rounds: int) -> None:
    """Print the table."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        keep(folder / "small", 100)
        keep(folder / "large", rows)
        size = (folder / "large" / "rows.parquet").stat().st_size
        runs: dict[str, list[list[float]]] = {name: [] for name in CONTENDERS}
        for _ in range(rounds):
            for name, found in runs.items():
                command = [
                    sys.executable,
                    __file__,
                    "replay",
                    "--contender",
                    name,
                    "--folder",
                    scratch,
                    "--rows",
                    str(rows),
                ]
                found.append(json.loads(subprocess.run(command, check=True, capture_output=True).stdout))  # noqa: S603
    print(f"{rows:,} rows, 7 columns, {size / 1e6:.0f} MB of Parquet, {rounds} rounds")
    print(f"{'':<20}{'time':>10}{'processor':>12}{'peak extra memory':>20}")
    for name, found in runs.items():
        clock, processor = (min(run[kind] for run in found) for kind in (0, 1))
        memory = statistics.median(run[2] for run in found)
        print(f"{name:<20}{clock * 1000:>7.0f} ms{processor * 1000:>9.0f} ms{memory / 1e6:>17.0f} MB")


def compare(  # noqa: PLR0913 - what is compared
    ph: Client, query: str, limit: int, rounds: int, folder: Path, *, before: int = 0
) -> None:
    """Print what a query takes with and without a recording.

    Args:
        ph: Whom to ask.
        query: What; a value ``n`` is another each time.
        limit: How many rows.
        rounds: How often.
        folder: Where to record.
        before: How many answers the snapshot has already.
    """
    import posthog_nb  # noqa: PLC0415

    recording = posthog_nb.Recording(folder / "q1")

    def ask(number: int) -> float:
        start = time.perf_counter()
        len(ph.query(query, limit, {"n": str(number)} if "{n}" in query else None).table)
        return time.perf_counter() - start

    connection = ph._connection  # noqa: SLF001 - to record and not, with one client
    ask(-1)
    connection.record(recording)
    for number in range(before):
        ask(number)
    plain, recorded = [], []
    for number in range(rounds):
        for kept, times in ((False, plain), (True, recorded)) if number % 2 else ((True, recorded), (False, plain)):
            if kept:
                connection.record(recording)
            else:
                connection.keeper = None
            times.append(ask(before + number))
    added = statistics.median(with_it - without for with_it, without in zip(recorded, plain, strict=True))
    median = statistics.median(plain)
    print(
        f"{f'{limit:,} rows' if limit > ANSWERS else f'small, {before} answers before':<28}"
        f"{median * 1000:>9.1f} ms{added * 1000:>12.1f} ms{added / median:>8.1%}"
    )
    connection.keeper = None
    shutil.rmtree(folder / "q1")


def measure_record(rounds: int) -> None:
    """Print the tables."""
    sys.path.insert(0, str(Path(__file__).parent.parent))
    import posthog_nb  # noqa: PLC0415
    from posthog_nb.cautions import PersonalDataWarning  # noqa: PLC0415
    from tests.million import million_events  # noqa: PLC0415
    from tests.twin import client_of, separate_twin  # noqa: PLC0415

    warnings.simplefilter("ignore", PersonalDataWarning)
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        print(f"{'':<28}{'query':>12}{'recording':>15}")
        print("the demo, in this process")
        with posthog_nb.connect("demo", as_of="2026-03-31") as ph:
            for before in (0, ANSWERS):
                compare(ph, SMALL, 50, rounds * 10, folder, before=before)
            compare(ph, "SELECT uuid, event, timestamp, properties FROM events", 50_000, rounds, folder)
        for seconds in (CLOUD_SECONDS, 0.0):
            print(f"a server on loopback that waits {seconds * 1000:.0f} ms a request")
            with separate_twin(million_events, delay_seconds=seconds) as twin, client_of(twin) as ph:
                for before in (0, ANSWERS) if seconds else ():
                    compare(ph, SMALL, 50, rounds * 4, folder, before=before)
                compare(ph, LARGE, 100_000, rounds, folder)
                compare(ph, LARGE, 1_000_000, 2, folder)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["replay", "record"])
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--contender", help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.contender:
        run_one(options.contender, options.folder, options.rows)
    elif options.what == "replay":
        measure_replay(options.rows, options.rounds)
    else:
        measure_record(options.rounds)


if __name__ == "__main__":
    main()
