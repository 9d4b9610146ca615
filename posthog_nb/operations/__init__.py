"""What PostHog can do, in PostHog's words: queries and their pages, persons, sending events."""

from __future__ import annotations
