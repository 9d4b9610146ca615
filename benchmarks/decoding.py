"""From the body of an answer to a typed frame: posthog_nb against ``pd.DataFrame(response.json()["results"])``.

    python benchmarks/decoding.py [--rows 50000] [--rounds 5] [--only NAME ...]

Each contender runs in processes of its own, one a round, in turns, so that a ratio is of one run on one machine. Such a
process decodes a hundred rows, and then the body five times. Memory is how far the peak of the resident set rose in
the first of these above what it was before, with the body already there; the median of the rounds. Times are the best
of all, by the clock and of the processor (all threads), which a busy machine disturbs less.

The peer's frame is typed in its times only: integers that may be NULL are floats, and days, decimals and nested values
are objects. posthog_nb gives every column its declared type.
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID
from zoneinfo import ZoneInfo

if TYPE_CHECKING:
    from collections.abc import Callable

ZONE = "Europe/London"
FLAT = {
    "event": "LowCardinality(String)",
    "url": "String",
    "email": "Nullable(String)",
    "n": "UInt64",
    "delta": "Nullable(Int64)",
    "amount": "Nullable(Float64)",
    "timestamp": f"DateTime64(6, '{ZONE}')",
    "day": "Date",
    "paid": "Bool",
    "price": "Decimal(18, 4)",
}
NESTED = {
    "uuid": "UUID",
    "properties": "String",
    "chain": "Array(String)",
    "counts": "Array(Tuple(String, UInt64))",
    "flags": "Map(String, UInt8)",
    "timestamp": f"DateTime64(6, '{ZONE}')",
}
TABLES = {"10 mixed columns": FLAT, "6 nested columns": NESTED}
EVENTS = ("$pageview", "$autocapture", "$screen", "signed up", "paid", "logged in")
TIMES = ("timestamp",)


def body(columns: dict[str, str], rows: int) -> bytes:
    """An answer of PostHog's query endpoint, as its renderer writes it."""
    draw = random.Random(rows)
    answer = {
        "columns": list(columns),
        "hasMore": True,
        "hogql": "SELECT ...",
        "is_cached": False,
        "limit": rows,
        "results": [list(map(_row(draw, number).__getitem__, columns)) for number in range(rows)],
        "timezone": ZONE,
        "types": list(map(list, columns.items())),
    }
    return json.dumps(answer, ensure_ascii=False, separators=(",", ":")).encode()


def _row(draw: random.Random, number: int) -> dict[str, Any]:
    moment = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(microseconds=draw.randrange(360 * 86_400_000_000))
    if number % 10 == 0:
        moment = moment.replace(microsecond=0)
    time_text = moment.astimezone(ZoneInfo(ZONE)).isoformat().replace("+00:00", "Z")
    city = draw.choice(("Berlin", "Zürich", "Leeds", "São Paulo"))
    return {
        "event": draw.choice(EVENTS),
        "url": f"https://example.com/{draw.getrandbits(64):x}?city={city}",
        "email": None if number % 3 == 0 else f"u{draw.randrange(9000)}@example.com",
        "n": draw.getrandbits(64),
        "delta": None if number % 5 == 0 else draw.randrange(-(2**62), 2**62),
        "amount": None if number % 4 == 0 else draw.random() * 10_000,
        "timestamp": time_text,
        "day": moment.date().isoformat(),
        "paid": draw.random() < 0.3,
        "price": f"{draw.randrange(10**6)}.{draw.randrange(10**4):04}",
        "uuid": str(UUID(int=draw.getrandbits(128))),
        "properties": json.dumps({"$browser": "Firefox", "city": city, "n": draw.randrange(99)}, ensure_ascii=False),
        "chain": [draw.choice(EVENTS) for _ in range(draw.randrange(5))],
        "counts": [[event, draw.getrandbits(40)] for event in EVENTS[: draw.randrange(4)]],
        "flags": {"a": draw.randrange(2), "b": draw.randrange(2)},
    }


def peer() -> Callable[[bytes], object]:
    """What everybody writes."""
    import pandas as pd  # noqa: PLC0415 - a process loads only what its contender needs
    import requests  # noqa: PLC0415

    def decode(content: bytes) -> pd.DataFrame:
        response = requests.Response()
        response._content = content  # noqa: SLF001 - as a session fills it
        response.encoding = "utf-8"
        answer = response.json()
        frame = pd.DataFrame(answer["results"], columns=answer["columns"])
        for name in TIMES:
            frame[name] = pd.to_datetime(frame[name], utc=True, format="ISO8601")
        return frame

    return decode


def ours(frame: str) -> Callable[[bytes], object]:
    """The way of this package."""
    from posthog_nb.frames import columns_and_types, decode, read_answer, to_frame  # noqa: PLC0415

    def whole(content: bytes) -> object:
        answer, rows = read_answer(content)
        assert rows is not None  # noqa: S101 - the body was made with rows
        return to_frame(decode(*columns_and_types(answer), rows), frame)

    return whole


CONTENDERS: dict[str, Callable[[], Callable[[bytes], object]]] = {
    "pd.DataFrame(response.json())": peer,
    "posthog_nb, pandas": lambda: ours("pandas"),
    "posthog_nb, polars": lambda: ours("polars"),
    "posthog_nb, arrow": lambda: ours("arrow"),
}


def _memory(field: str) -> int:
    """Bytes, from the kernel's account of this process."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(field))


def run_one(contender: str, folder: Path) -> None:
    """Decode, and print the seconds by the clock, those of the processor, and the bytes of extra memory at the peak."""
    decode = CONTENDERS[contender]()
    decode((folder / "small.json").read_bytes())
    content = (folder / "body.json").read_bytes()
    before = _memory("VmRSS")
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    found = [_timed(decode, content)]
    extra = _memory("VmHWM") - before
    found += [_timed(decode, content) for _ in range(4)]
    print(json.dumps([*map(min, zip(*found, strict=True)), extra]))


def _timed(decode: Callable[[bytes], object], content: bytes) -> tuple[float, float]:
    """The seconds by the clock and of the processor."""
    clock, processor = time.perf_counter(), time.process_time()
    frame = decode(content)
    taken = time.perf_counter() - clock, time.process_time() - processor
    del frame
    return taken


def measure(columns: dict[str, str], rows: int, rounds: int, names: list[str]) -> None:
    """Print one table."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        (folder / "small.json").write_bytes(body(columns, 100))
        size = (folder / "body.json").write_bytes(body(columns, rows))
        runs: dict[str, list[list[float]]] = {name: [] for name in names}
        for _ in range(rounds):
            for name in names:
                command = [sys.executable, __file__, "--contender", name, "--folder", scratch]
                runs[name].append(json.loads(subprocess.run(command, check=True, capture_output=True).stdout))  # noqa: S603
    clocks, processors = ({name: min(run[kind] for run in found) for name, found in runs.items()} for kind in (0, 1))
    print(f"{rows:,} rows, {len(columns)} columns, {size / 1e6:.1f} MB, {rounds} rounds")
    print(f"{'':<32}{'time':>8}{'faster':>9}{'processor':>12}{'less':>7}{'peak extra memory':>20}")
    for name, found in runs.items():
        clock, processor = clocks[name], processors[name]
        memory = statistics.median(run[2] for run in found)
        print(
            f"{name:<32}{clock * 1000:>5.0f} ms{clocks[names[0]] / clock:>8.1f}x{processor * 1000:>9.0f} ms"
            f"{processors[names[0]] / processor:>6.1f}x{memory / 1e6:>17.0f} MB"
        )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=50_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", nargs="*", help="contenders beside the first")
    parser.add_argument("--contender", help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.contender:
        run_one(options.contender, options.folder)
        return
    first, *others = CONTENDERS
    names = [first, *(name for name in others if not options.only or name in options.only)]
    for title, columns in TABLES.items():
        print(f"\n{title}: {', '.join(columns.values())}")
        measure(columns, options.rows, options.rounds, names)


if __name__ == "__main__":
    main()
