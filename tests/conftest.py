"""What all tests share."""

from __future__ import annotations

from hypothesis import settings

# A property test's first example may start ClickHouse; how long an example takes says nothing about the property.
settings.register_profile("default", deadline=None)
settings.load_profile("default")
