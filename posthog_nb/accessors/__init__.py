"""``df.posthog``: the analyses of a client, on events that are in a frame of pandas or polars already."""
