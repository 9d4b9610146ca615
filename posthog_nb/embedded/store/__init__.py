"""The embedded project's tables in ClickHouse, reached through clickhouse-connect alone."""
