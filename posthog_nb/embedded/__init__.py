"""A PostHog in this process: it answers PostHog's own paths, on ClickHouse."""
