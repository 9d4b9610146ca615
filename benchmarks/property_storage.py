"""Ways to store a property so that reading it is exact and fast (docs/adr/0002).

    python benchmarks/property_storage.py [EVENTS]

Loads the same events into tables that differ only in how `$browser` can be read, and asks each the same question: count
and unique distinct IDs by `$browser` over the later half. Prints load and query times, sizes, and the ratio to the
raw-text expression; DuckDB and polars answer the same from the same JSON texts. Ratios are of one run on one machine.
"""

from __future__ import annotations

import sys
import time
from typing import Any

import clickhouse_connect
import duckdb
import polars as pl

EVENTS = int(sys.argv[1]) if len(sys.argv) > 1 else 5_000_000
ROUNDS = 3

RAW = "replaceRegexpAll(nullIf(nullIf(JSONExtractRaw(properties, '{key}'), ''), 'null'), '^\"|\"$', '')"
FROM_MAP = "replaceRegexpAll(nullIf(nullIf(pairs['$browser'], ''), 'null'), '^\"|\"$', '')"
PAIRS = ", pairs Map(String, String) MATERIALIZED JSONExtractKeysAndValuesRaw(properties)"
BUCKETS = (
    ", map_serialization_version = 'with_buckets', map_serialization_version_for_zero_level_parts = 'with_buckets',"
    " max_buckets_in_map = 32, map_buckets_strategy = 'constant', map_buckets_min_avg_size = 0"
)
KEYS = [
    "$browser",
    "$os",
    "$current_url",
    "$pathname",
    "$host",
    "$referring_domain",
    "$device_type",
    "$lib",
    "$lib_version",
    "$session_id",
    "$window_id",
    "$screen_height",
    "$screen_width",
    "utm_source",
    "plan",
    "amount",
    "n",
]


def column(key: str) -> str:
    """A property's own column."""
    return f", `mat_{key}` Nullable(String) MATERIALIZED {RAW.format(key=key)}"


VARIANTS: dict[str, tuple[str, str, str]] = {
    "raw text, read by expression": ("", "", RAW.format(key="$browser")),
    "Map of raw texts": (PAIRS, "", FROM_MAP),
    "Map of raw texts in 32 buckets": (PAIRS, BUCKETS, FROM_MAP),
    "a column for each of 2 properties": (column("$browser") + column("plan"), "", "`mat_$browser`"),
    f"a column for each of {len(KEYS)} properties": ("".join(map(column, KEYS)), "", "`mat_$browser`"),
}

SOURCE = """
    SELECT generateUUIDv4() AS uuid, ['$pageview', 'click', 'buy'][1 + number % 3] AS event,
      toDateTime64('2026-01-01', 6, 'UTC') + toIntervalSecond(number) AS timestamp,
      concat('u', toString(number % 50000)) AS distinct_id,
      concat('{{"$browser":"', ['Chrome', 'Safari', 'Firefox', 'Edge'][1 + number % 4], '","$os":"iOS",',
        '"$current_url":"https://example.com/p/', toString(number % 1000), '","$pathname":"/p/',
        toString(number % 1000), '","$host":"example.com","$referring_domain":"$direct",',
        '"$device_type":"Desktop","$lib":"web",',
        '"$lib_version":"1.2.3","$session_id":"', toString(generateUUIDv4(number)), '","$window_id":"',
        toString(generateUUIDv4(number + 1)), '","$screen_height":1080,"$screen_width":1920,"utm_source":"google",',
        '"plan":"pro","amount":', toString(number % 500 / 10), ',"n":', toString(number), '}}') AS properties
    FROM numbers({events})
"""


def best(ask: Any) -> float:  # noqa: ANN401 - any call
    """The shortest of a few rounds, in seconds."""
    times = []
    for _ in range(ROUNDS):
        started = time.perf_counter()
        ask()
        times.append(time.perf_counter() - started)
    return min(times)


def main() -> None:
    """Measure and print."""
    client = clickhouse_connect.get_client(dsn="chdb://memory")
    client.command(f"CREATE TABLE source ENGINE = MergeTree ORDER BY tuple() AS {SOURCE.format(events=EVENTS)}")
    middle = f"toDateTime64('2026-01-01', 6, 'UTC') + toIntervalSecond({EVENTS // 2})"
    print(f"{EVENTS:,} events; count and unique distinct IDs by $browser over half of them\n")
    print(f"{'storage':<42}{'load s':>8}{'query s':>9}{'vs raw':>8}{'MB':>7}")
    raw = 0.0
    for number, (name, (extra, settings, read)) in enumerate(VARIANTS.items()):
        client.command(
            f"CREATE TABLE t{number} (uuid UUID, event String, timestamp DateTime64(6, 'UTC'), distinct_id String,"
            f" properties String CODEC(ZSTD(1)){extra}) ENGINE = MergeTree"
            " ORDER BY (toDate(timestamp), event, cityHash64(distinct_id), cityHash64(uuid))"
            f" SETTINGS index_granularity = 8192{settings}"
        )
        started = time.perf_counter()
        client.command(
            f"INSERT INTO t{number} (uuid, event, timestamp, distinct_id, properties)"
            " SELECT uuid, event, timestamp, distinct_id, properties FROM source"
        )
        loaded = time.perf_counter() - started
        query = (
            f"SELECT {read} AS browser, count(), uniqExact(distinct_id) FROM t{number}"
            f" WHERE timestamp >= {middle} GROUP BY browser ORDER BY browser"
        )
        seconds = best(lambda query=query: client.query(query))
        raw = raw or seconds
        size = client.query(
            f"SELECT sum(data_compressed_bytes) / 1e6 FROM system.parts WHERE table = 't{number}' AND active"
        ).result_rows[0][0]
        print(f"{name:<42}{loaded:>8.2f}{seconds:>9.3f}{seconds / raw:>8.2f}{size:>7.0f}")
        client.command(f"DROP TABLE t{number}")

    texts = client.query_arrow(
        f"SELECT distinct_id, properties FROM source WHERE timestamp >= {middle}", use_strings=True
    )
    peer = duckdb.connect()
    peer.execute("SET threads = 2")
    peer.execute("CREATE TABLE t AS SELECT distinct_id, properties::JSON AS properties FROM texts")
    duck = best(
        lambda: peer.execute(
            "SELECT properties ->> '$.\"$browser\"' AS browser, count(*), count(DISTINCT distinct_id)"
            " FROM t GROUP BY browser ORDER BY browser"
        ).fetchall()
    )
    print(f"{'DuckDB, JSON column in memory':<42}{'':>8}{duck:>9.3f}{duck / raw:>8.2f}")
    frame = pl.from_arrow(texts)
    polars = best(
        lambda: (
            frame.lazy()
            .group_by(pl.col("properties").str.json_path_match("$['$browser']").alias("browser"))
            .agg(pl.len(), pl.col("distinct_id").n_unique())
            .collect()
        )
    )
    print(f"{'polars, JSON text in memory':<42}{'':>8}{polars:>9.3f}{polars / raw:>8.2f}")


if __name__ == "__main__":
    main()
